/* Noisy values: learning rates, repeated evaluations. */
#include "prime/stats.h"

#include "problems.h"

/* Deterministic points, as in cma_update.csv: the reference is an implementation of the paper on its own,
 * with other ways to the square roots and the determinant. */
Test(noise, learning_rates_meet_the_reference)
{
    Ref r = ref_open("evolve/rate_update.csv");
    Evolver *ev = NULL;
    double x[64], f[16];
    for (size_t row = 0; row < r.rows; row++) {
        size_t n = (size_t)ref_num(&r, row, "dim"), pop = (size_t)ref_num(&r, row, "popsize");
        size_t g = (size_t)ref_num(&r, row, "generation"), at = (size_t)ref_num(&r, row, "index");
        if (row == 0 || strcmp(ref_str(&r, row, "case"), ref_str(&r, row - 1, "case")) != 0) {
            evolve_free(ev);
            EvolveOpts o = {
                .dim = n, .popsize = pop, .lo = -INFINITY, .hi = INFINITY, .inject_max = INFINITY};
            o.start_all = ref_num(&r, row, "x0");
            o.sigma = ref_num(&r, row, "sigma0");
            o.noise = EVOLVE_NOISE_RATE;
            ev = problem_open("cma", &o);
        }
        EvolveView v = evolve_view(ev);
        for (size_t j = 0; v.generation == g && j < pop; j++) {
            f[j] = 0;
            for (size_t i = 0; i < n; i++) {
                double phase = 1 + 3 * (double)j + 7 * (double)i + 11 * (double)g;
                x[j * n + i] = v.mean[i] + v.sigma * 1.5 * sin(phase);
                f[j] += pow(10, (double)i) * x[j * n + i] * x[j * n + i];
            }
        }
        if (v.generation == g) cr_assert_eq(evolve_tell(ev, x, f, NULL), OK);
        v = evolve_view(ev);
        const char *kind = ref_str(&r, row, "kind");
        double got = kind[0] == 'm'                   ? v.mean[at]
                     : kind[0] == 's'                 ? v.sigma
                     : kind[0] == 'c'                 ? v.cov[at]
                     : strcmp(kind, "rate_mean") == 0 ? v.rate_mean
                                                      : v.rate_cov;
        REF_NEAR(got, ref_num(&r, row, "value"), 1e-9, "dim %zu, generation %zu, %s %zu", n, g, kind, at);
    }
    evolve_free(ev);
    ref_close(&r);
}

static uint64_t noise_seed;
static double noise_sd;

/* Values with noise from a stream of their own; the true value is what counts. */
static double noisy_run(const char *method, EvolveNoise noise, Problem fn, size_t dim, size_t budget,
                        EvolveView *view)
{
    EvolveOpts o = {
        .dim = dim, .lo = -INFINITY, .hi = INFINITY, .start_all = 1, .sigma = 0.5, .noise = noise};
    if (noise == EVOLVE_NOISE_REPEAT) o.repeat_max = 30;
    o.seed = noise_seed;
    Evolver *ev = problem_open(method, &o);
    Rng r = rng_stream(noise_seed, "test noise", 0);
    double *x = NULL, *f = NULL;
    problem_room(&x, &f, ev);
    for (size_t done = 0, again = 1; done < budget; done += again * evolve_popsize(ev)) {
        evolve_ask(ev, x);
        again = evolve_view(ev).repeats;
        for (size_t k = 0; k < evolve_popsize(ev); k++) {
            f[k] = fn(&x[k * dim], dim);
            for (size_t t = 0; t < again; t++) f[k] += noise_sd * rng_normal(&r) / (double)again;
        }
        cr_assert_eq(evolve_tell(ev, x, f, NULL), OK);
    }
    *view = evolve_view(ev);
    double at_mean = fn(view->mean, dim), trace = 0;
    for (size_t i = 0; i < dim; i++) trace += view->cov[strcmp(method, "cma") == 0 ? i * (dim + 1) : i];
    view->sigma *= sqrt(trace / (double)dim);
    evolve_free(ev);
    free(x);
    free(f);
    return at_mean;
}

static double noisy_median(const char *method, EvolveNoise noise, double *sigma)
{
    double at[15], s[15], work[15];
    for (noise_seed = 0; noise_seed < 15; noise_seed++) {
        EvolveView v;
        at[noise_seed] = noisy_run(method, noise, problem_sphere, 5, 4000, &v);
        s[noise_seed] = v.sigma;
    }
    *sigma = stats_median(s, 15, work);
    return stats_median(at, 15, work);
}

/* The mean after 4000 evaluations of a sphere with noise of deviation 1: plain CMA-ES stops moving early. */
Test(noise, both_ways_of_handling_noise_beat_none)
{
    double sigma[3];
    noise_sd = 1;
    double none = noisy_median("cma", EVOLVE_NOISE_NONE, &sigma[0]);
    double repeat = noisy_median("cma", EVOLVE_NOISE_REPEAT, &sigma[1]);
    double rate = noisy_median("cma", EVOLVE_NOISE_RATE, &sigma[2]);
    fprintf(stderr, "# noisy sphere: %g none, %g repeat, %g rate; sigma %g, %g, %g\n", none, repeat, rate,
            sigma[0], sigma[1], sigma[2]);
    cr_assert_lt(rate, 0.5 * none);
    cr_assert_gt(sigma[1], 3 * sigma[0], "sigma is kept up");
    cr_assert_lt(repeat, none);
    double diag = noisy_median("cma-diag", EVOLVE_NOISE_NONE, &sigma[0]);
    cr_assert_lt(noisy_median("cma-diag", EVOLVE_NOISE_RATE, &sigma[2]), 0.5 * diag);
}

Test(noise, without_noise_little_is_lost)
{
    for (noise_seed = 0; noise_seed < 5; noise_seed++) {
        EvolveView v;
        noise_sd = 0;
        cr_assert_lt(noisy_run("cma", EVOLVE_NOISE_REPEAT, problem_sphere, 5, 2000, &v), 1e-9);
        cr_assert_leq(v.noise, 0, "s = %g", v.noise);
        cr_assert_eq(v.repeats, 1u);
        cr_assert_lt(noisy_run("cma", EVOLVE_NOISE_RATE, problem_sphere, 5, 4000, &v), 1e-6);
        cr_assert(v.rate_mean > 0.05 && v.rate_mean <= 1 && v.rate_cov > 0.005 && v.rate_cov <= 1);
    }
}

/* Nomura et al. 2023, section 6: Rastrigin with the default population, which plain CMA-ES hardly ever
 * solves. */
Test(noise, learning_rates_solve_rastrigin_with_a_small_population)
{
    for (uint64_t seed = 0; seed < 2; seed++)
        for (size_t rate = 0; rate < 2; rate++) {
            EvolveOpts o = {
                .dim = 10, .lo = -INFINITY, .hi = INFINITY, .start_all = 3, .sigma = 2, .seed = seed};
            o.noise = rate ? EVOLVE_NOISE_RATE : EVOLVE_NOISE_NONE;
            Evolver *ev = problem_open("cma", &o);
            bool solved = problem_run(ev, problem_rastrigin, 1e-8, 700000) > 0;
            cr_assert_eq(solved, rate == 1, "seed %d: %g", (int)seed, evolve_view(ev).best_f);
            evolve_free(ev);
        }
}

Test(noise, repeated_points_are_at_the_end_and_must_be_the_same)
{
    EvolveOpts o = {.dim = 2, .popsize = 10, .lo = -1, .hi = 1, .sigma = 0.3, .noise = EVOLVE_NOISE_REPEAT};
    o.repeat_max = 8;
    Evolver *ev = problem_open("cma", &o);
    double x[26], f[13];
    cr_assert_eq(evolve_popsize(ev), 13u, "10 and three again");
    evolve_ask(ev, x);
    cr_assert_eq(memcmp(&x[20], x, 6 * sizeof *x), 0);
    for (size_t k = 0; k < 13; k++) f[k] = (double)k;
    Err e = {0};
    x[23] += 1e-9;
    cr_assert_eq(evolve_tell(ev, x, f, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "point 11 repeats point 1, but its coordinates differ");
    x[23] -= 1e-9;
    memcpy(&x[20], x, 6 * sizeof *x);
    /* values that say nothing: more repeats are asked for, up to the most allowed */
    for (int g = 0; g < 12; g++) {
        evolve_ask(ev, x);
        Rng r = rng_stream(3, "nothing", (uint64_t)g);
        for (size_t k = 0; k < 13; k++) f[k] = rng_normal(&r);
        cr_assert_eq(evolve_tell(ev, x, f, NULL), OK);
        cr_assert(evolve_view(ev).repeats >= 1 && evolve_view(ev).repeats <= 8);
    }
    cr_assert_geq(evolve_view(ev).repeats, 3u);
    evolve_free(ev);
}

/* The elite of a noisy generation is the mean of both values, not the lucky one. */
Test(noise, the_best_value_is_the_mean_of_both)
{
    EvolveOpts o = {.dim = 2, .popsize = 4, .lo = -1, .hi = 1, .sigma = 0.3, .noise = EVOLVE_NOISE_REPEAT};
    Evolver *ev = problem_open("cma", &o);
    double x[12], f[6] = {-5, 4, 3, 3.5, 5, 4};
    evolve_ask(ev, x);
    cr_assert_eq(evolve_tell(ev, x, f, NULL), OK);
    cr_assert_gt(evolve_view(ev).best_f, -1, "best = %g", evolve_view(ev).best_f);
    cr_assert_gt(evolve_view(ev).noise, 0, "-5 and 5 for one point");
    evolve_free(ev);
}
