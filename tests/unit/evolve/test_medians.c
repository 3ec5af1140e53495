/* Evaluations needed, against two programs' medians over 15 seeds. */
#include "prime/stats.h"

#include "problems.h"

static const struct {
    const char *name;
    Problem fn;
    double start, sigma;
} table[5] = {{"sphere", problem_sphere, 1, 0.5},
              {"cigar", problem_cigar, 1, 0.5},
              {"ellipsoid", problem_ellipsoid, 1, 0.5},
              {"rosenbrock", problem_rosenbrock, 0, 0.5},
              {"ackley", problem_ackley, 3, 2}};

enum { MEDIAN_SEEDS = 15 };

/* Median over the seeds that got there: Rosenbrock has a second minimum, Ackley hundreds. */
static double median_needed(size_t row, size_t dim, size_t popsize, size_t *solved)
{
    double evals[MEDIAN_SEEDS], work[MEDIAN_SEEDS];
    *solved = 0;
    for (uint64_t seed = 0; seed < MEDIAN_SEEDS; seed++) {
        EvolveOpts o = {.dim = dim, .lo = -INFINITY, .hi = INFINITY, .sigma = table[row].sigma, .seed = seed};
        o.start_all = table[row].start;
        Evolver *ev = problem_open("cma", &o);
        cr_assert_eq(evolve_popsize(ev), popsize);
        size_t found = problem_run(ev, table[row].fn, 1e-9, 200000);
        if (found > 0) evals[(*solved)++] = (double)found;
        evolve_free(ev);
    }
    return stats_median(evals, *solved, work);
}

/* 40 dimensions take most of a minute: with PRIME_TEST_LONG in the environment. */
Test(medians, needs_as_many_evaluations_as_the_reference)
{
    Ref r = ref_open("evolve/medians.csv");
    bool all = getenv("PRIME_TEST_LONG") != NULL;
    size_t rows = 0;
    for (size_t i = 0; i < r.rows; i++) {
        size_t b = 0, dim = (size_t)ref_num(&r, i, "dim"), solved;
        if (dim > 20 && !all) continue;
        while (strcmp(table[b].name, ref_str(&r, i, "func")) != 0) b++;
        double got = median_needed(b, dim, (size_t)ref_num(&r, i, "popsize"), &solved);
        double pycma = ref_num(&r, i, "pycma"), cmaes = ref_num(&r, i, "cmaes");
        if (all) fprintf(stderr, "# %s,%zu,%g,%g,%g,%zu\n", table[b].name, dim, got, pycma, cmaes, solved);
        cr_assert(fabs(got / pycma - 1) < 0.15 || fabs(got / cmaes - 1) < 0.15,
                  "%s in %zu dimensions: %g evaluations, want %g or %g", table[b].name, dim, got, pycma,
                  cmaes);
        cr_assert_geq(solved, 12u, "%s in %zu dimensions: %zu of 15 solved", table[b].name, dim, solved);
        rows++;
    }
    cr_assert_eq(rows, all ? 25u : 20u);
    if (!all) fprintf(stderr, "# 40 dimensions are left out: PRIME_TEST_LONG is not set\n");
    ref_close(&r);
}
