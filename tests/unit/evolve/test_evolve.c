#include "prime/evolve.h"
#include "prime/stats.h"

#include "../num/ref_csv.h"

enum { EV_MAX = 4096 };

Test(evolve, constants_meet_the_reference)
{
    Ref r = ref_open("evolve/strategy_params.csv");
    double w[256];
    for (size_t i = 0; i < r.rows; i++) {
        size_t dim = (size_t)ref_num(&r, i, "dim"), pop = (size_t)ref_num(&r, i, "popsize");
        cr_assert_leq(pop, (size_t)256);
        EvolveParams p = evolve_params(w, dim, pop, false);
        cr_assert_eq(p.mu, (size_t)ref_num(&r, i, "mu"));
        REF_NEAR(p.mueff, ref_num(&r, i, "mueff"), 1e-12, "mueff, D = %zu, P = %zu", dim, pop);
        REF_NEAR(p.c_sigma, ref_num(&r, i, "c_sigma"), 1e-12, "c_sigma, D = %zu, P = %zu", dim, pop);
        REF_NEAR(p.d_sigma, ref_num(&r, i, "d_sigma"), 1e-12, "d_sigma, D = %zu, P = %zu", dim, pop);
        REF_NEAR(p.c_c, ref_num(&r, i, "c_c"), 1e-12, "c_c, D = %zu, P = %zu", dim, pop);
        REF_NEAR(p.c_1, ref_num(&r, i, "c_1"), 1e-12, "c_1, D = %zu, P = %zu", dim, pop);
        REF_NEAR(p.c_mu, ref_num(&r, i, "c_mu"), 1e-12, "c_mu, D = %zu, P = %zu", dim, pop);
        REF_NEAR(p.chi, ref_num(&r, i, "chi"), 1e-12, "chi, D = %zu, P = %zu", dim, pop);
        const char *text = ref_str(&r, i, "weights");
        for (size_t k = 0; k < pop; k++) {
            char *end;
            REF_NEAR(w[k], strtod(text, &end), 1e-12, "weight %zu, D = %zu, P = %zu", k, dim, pop);
            text = end;
        }
    }
    cr_assert_gt(r.rows, 20u);
    ref_close(&r);
}

/* The reference's points of generation g around the current mean, and their values. */
static void reference_points(double *x, double *f, EvolveView v, size_t n, size_t pop)
{
    for (size_t j = 0; j < pop; j++) {
        f[j] = 0;
        for (size_t i = 0; i < n; i++) {
            double phase = 1 + 3 * (double)j + 7 * (double)i + 11 * (double)v.generation;
            x[j * n + i] = v.mean[i] + v.sigma * 1.5 * sin(phase);
            f[j] += pow(10, (double)i) * x[j * n + i] * x[j * n + i];
        }
    }
}

static double view_value(EvolveView v, const double *f, const char *kind, size_t index)
{
    if (strcmp(kind, "f") == 0) return f[index];
    if (strcmp(kind, "mean") == 0) return v.mean[index];
    if (strcmp(kind, "p_sigma") == 0) return v.path_sigma[index];
    if (strcmp(kind, "p_c") == 0) return v.path_c[index];
    if (strcmp(kind, "sigma") == 0) return v.sigma;
    return v.cov[index];
}

Test(evolve, update_meets_the_reference)
{
    Ref r = ref_open("evolve/cma_update.csv");
    double x[EV_MAX], f[64];
    Evolver *ev = NULL;
    for (size_t i = 0; i < r.rows; i++) {
        size_t n = (size_t)ref_num(&r, i, "dim"), pop = (size_t)ref_num(&r, i, "popsize");
        size_t g = (size_t)ref_num(&r, i, "generation");
        bool first = i == 0 || strcmp(ref_str(&r, i, "case"), ref_str(&r, i - 1, "case")) != 0;
        if (first) {
            evolve_free(ev);
            EvolveOpts o = {
                .dim = n, .popsize = pop, .lo = -INFINITY, .hi = INFINITY, .inject_max = INFINITY};
            o.start_all = ref_num(&r, i, "x0");
            o.sigma = ref_num(&r, i, "sigma0");
            cr_assert_eq(evolve_new(&ev, "cma", &o, NULL), OK);
        }
        if (evolve_view(ev).generation == g) {
            reference_points(x, f, evolve_view(ev), n, pop);
            cr_assert_eq(evolve_tell(ev, x, f, NULL), OK);
        }
        const char *kind = ref_str(&r, i, "kind");
        size_t index = (size_t)ref_num(&r, i, "index");
        REF_NEAR(view_value(evolve_view(ev), f, kind, index), ref_num(&r, i, "value"), 1e-9,
                 "dim %zu, generation %zu, %s %zu", n, g, kind, index);
    }
    evolve_free(ev);
    ref_close(&r);
}

typedef double (*Bench)(const double *x, size_t n);

static double bench_sphere(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += x[i] * x[i];
    return s;
}

static double bench_ellipsoid(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += pow(1e6, (double)i / (double)(n - 1)) * x[i] * x[i];
    return s;
}

static double bench_rosenbrock(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
        s += 100 * a * a + b * b;
    }
    return s;
}

static const struct {
    const char *name;
    Bench fn;
    double start;
} bench[3] = {
    {"sphere", bench_sphere, 1}, {"ellipsoid", bench_ellipsoid, 1}, {"rosenbrock", bench_rosenbrock, 0}};

/* Evaluations until f <= target, or `budget`. */
static double run_until(Evolver *ev, Bench fn, double target, size_t budget)
{
    static double x[EV_MAX], f[64];
    size_t n = evolve_dim(ev), pop = evolve_popsize(ev);
    for (size_t done = 0; done < budget; done += pop) {
        evolve_ask(ev, x);
        for (size_t k = 0; k < pop; k++) {
            f[k] = fn(&x[k * n], n);
            if (f[k] <= target) return (double)(done + k + 1);
        }
        cr_assert_eq(evolve_tell(ev, x, f, NULL), OK);
    }
    return (double)budget;
}

Test(evolve, needs_as_many_evaluations_as_the_reference)
{
    Ref r = ref_open("evolve/medians.csv");
    for (size_t i = 0; i < r.rows; i++) {
        size_t b = 0;
        while (strcmp(bench[b].name, ref_str(&r, i, "func")) != 0) b++;
        double evals[15], work[15];
        for (uint64_t seed = 0; seed < 15; seed++) {
            EvolveOpts o = {
                .dim = (size_t)ref_num(&r, i, "dim"), .lo = -INFINITY, .hi = INFINITY, .sigma = 0.5};
            o.seed = seed;
            o.start_all = bench[b].start;
            Evolver *ev;
            cr_assert_eq(evolve_new(&ev, "cma", &o, NULL), OK);
            cr_assert_eq(evolve_popsize(ev), (size_t)ref_num(&r, i, "popsize"));
            evals[seed] = run_until(ev, bench[b].fn, 1e-9, 60000);
            evolve_free(ev);
        }
        /* one seed's 10-90% range is 10-20% of the median; Rosenbrock's is 40% in 3 dimensions */
        double got = stats_median(evals, 15, work), want = ref_num(&r, i, "median");
        cr_assert(fabs(got / want - 1) < 0.25, "%s in %s dimensions: %g evaluations, want %g", bench[b].name,
                  ref_str(&r, i, "dim"), got, want);
    }
    cr_assert_eq(r.rows, 9u);
    ref_close(&r);
}

Test(evolve, repair_meets_the_reference)
{
    Ref r = ref_open("evolve/bounds.csv");
    for (size_t i = 0; i < r.rows; i++) {
        double x = ref_num(&r, i, "x");
        REF_NEAR(evolve_repair(x, -1.5, 1.5, EVOLVE_BOUNCE), ref_num(&r, i, "bounce"), 1e-15, "x = %g", x);
        REF_NEAR(evolve_repair(x, -1.5, 1.5, EVOLVE_CLIP), ref_num(&r, i, "clip"), 1e-15, "x = %g", x);
    }
    ref_close(&r);
    /* folding is the triangle wave of period twice the width */
    for (double x = -20; x < 20; x += 0.37) {
        double want = 1.5 - fabs(fmod(fabs(x + 1.5), 6) - 3),
               got = evolve_repair(x, -1.5, 1.5, EVOLVE_REFLECT);
        REF_NEAR(got, want, 1e-12, "x = %g", x);
        cr_assert(got >= -1.5 && got <= 1.5);
    }
    cr_assert_eq(evolve_repair(1e300, -1.5, 1.5, EVOLVE_BOUNCE), -1.5);
    cr_assert_eq(evolve_repair(1e300, -INFINITY, INFINITY, EVOLVE_REFLECT), 1e300);
    cr_assert_eq(evolve_repair(-7, 0, INFINITY, EVOLVE_REFLECT), 7);
}

/* A minimum away from the start and inside the box, as in a merge. */
static double bench_shifted(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += (x[i] - 0.6) * (x[i] - 0.6);
    return s;
}

static double bench_corner(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += (x[i] - 3) * (x[i] - 3) - 2.25;
    return s;
}

/* Median over seeds of the best value after a budget. */
static double median_best(const char *preset, const char *method, Bench fn, size_t dim, size_t budget)
{
    double best[15], work[15];
    for (uint64_t seed = 0; seed < 15; seed++) {
        EvolveOpts o;
        const char *own;
        Evolver *ev;
        cr_assert_eq(evolve_preset(&o, &own, preset, dim, 3, NULL), OK);
        o.seed = seed;
        cr_assert_eq(evolve_new(&ev, method != NULL ? method : own, &o, NULL), OK);
        run_until(ev, fn, -1, budget);
        best[seed] = evolve_view(ev).best_f;
        evolve_free(ev);
    }
    return stats_median(best, 15, work);
}

Test(evolve, presets_beat_their_controls)
{
    static const size_t dims[] = {3, 9, 32};
    for (size_t i = 0; i < 3; i++) {
        double random = median_best("prime", "random", bench_shifted, dims[i], 100);
        double gauss = median_best("prime", "gauss", bench_shifted, dims[i], 100);
        double ours = median_best("prime", NULL, bench_shifted, dims[i], 100);
        double paper = median_best("prime-paper", NULL, bench_shifted, dims[i], 100);
        cr_assert(ours < 0.7 * random && ours < gauss, "D = %zu: %g, random %g, gauss %g", dims[i], ours,
                  random, gauss);
        cr_assert(paper < 0.7 * random, "D = %zu: %g, random %g", dims[i], paper, random);
    }
    /* the optimum in a corner of the box is reached, not lost to the repair */
    cr_assert_lt(median_best("prime", NULL, bench_corner, 3, 400), 1e-3);
    cr_assert_lt(median_best("prime-paper", NULL, bench_corner, 3, 400), 1e-3);
}

Test(evolve, presets_are_what_they_say)
{
    EvolveOpts o;
    const char *method;
    cr_assert_eq(evolve_preset(&o, &method, "prime-paper", 3, 3, NULL), OK);
    cr_assert(o.popsize == 5 && o.elitist && o.start_all == 0 && o.sigma == 0.238 &&
              o.bound == EVOLVE_BOUNCE);
    cr_assert(o.lo == -1.5 && o.hi == 1.5);
    cr_assert_str_eq(method, "cma-diag");
    cr_assert_eq(evolve_preset(&o, &method, "prime-paper", 96, 3, NULL), OK);
    cr_assert(o.popsize == 8 && o.sigma == 0.119);
    cr_assert_eq(evolve_preset(&o, &method, "prime", 4, 4, NULL), OK);
    cr_assert(o.start_all == 0.25 && !o.elitist);
    cr_assert_eq(evolve_preset(&o, &method, "paper", 4, 4, NULL), ERR_ARG);
    cr_assert_eq(evolve_preset(&o, &method, "prime", 0, 4, NULL), ERR_ARG);
    cr_assert_eq(evolve_preset(&o, &method, "prime", 4, 0, NULL), ERR_ARG);
    cr_assert_null(evolve_preset_at(2));
    cr_assert_null(evolve_method_at(4));
    cr_assert_str_eq(evolve_method_at(0)->name, "cma");
}

Test(evolve, saved_and_restored_goes_on_alike)
{
    for (size_t m = 0; evolve_method_at(m) != NULL; m++) {
        double x[2][EV_MAX], f[64];
        EvolveOpts o = {.dim = 12, .lo = -1.5, .hi = 1.5, .sigma = 0.3, .seed = 77, .elitist = m % 2 == 1};
        Evolver *a, *b = NULL;
        cr_assert_eq(evolve_new(&a, evolve_method_at(m)->name, &o, NULL), OK);
        size_t pop = evolve_popsize(a);
        run_until(a, bench_shifted, -1, 9 * pop);
        Str s = {0};
        evolve_save(a, &s);
        Err e = {0};
        cr_assert_eq(evolve_restore(&b, s.s, s.n, &e), OK, "%s", e.msg);
        for (int g = 0; g < 20; g++) {
            evolve_ask(a, x[0]);
            evolve_ask(b, x[1]);
            cr_assert_eq(memcmp(x[0], x[1], pop * 12 * sizeof(double)), 0, "generation %d", g);
            for (size_t k = 0; k < pop; k++) f[k] = bench_shifted(&x[0][k * 12], 12);
            cr_assert_eq(evolve_tell(a, x[0], f, NULL), OK);
            cr_assert_eq(evolve_tell(b, x[1], f, NULL), OK);
        }
        cr_assert_eq(evolve_view(a).best_f, evolve_view(b).best_f);
        cr_assert_eq(evolve_view(a).evaluations, 29 * pop);
        evolve_free(a);
        evolve_free(b);
        str_free(&s);
    }
}

Test(evolve, damaged_states_are_refused)
{
    EvolveOpts o = {.dim = 3, .lo = -1, .hi = 1, .sigma = 0.3};
    Evolver *ev, *back;
    cr_assert_eq(evolve_new(&ev, "cma", &o, NULL), OK);
    run_until(ev, bench_shifted, -1, 50);
    Str s = {0};
    evolve_save(ev, &s);
    evolve_free(ev);
    for (size_t n = 0; n < s.n; n += 7) cr_assert_eq(evolve_restore(&back, s.s, n, NULL), ERR_FORMAT);
    char *copy = malloc(s.n);
    cr_assert_not_null(copy);
    static const double bad[3] = {NAN, -1e308, 1e308};
    size_t taken = 0;
    for (size_t i = 0; i + 8 <= s.n; i += 8)
        for (size_t k = 0; k < 3; k++) {
            memcpy(copy, s.s, s.n);
            memcpy(copy + i, &bad[k], 8);
            Err e = {0};
            Status st = evolve_restore(&back, copy, s.n, &e);
            cr_assert(st == OK || (st == ERR_FORMAT && e.msg[0] != '\0'));
            if (st != OK) continue;
            /* An extreme but possible number must not crash what follows; a sentence is enough. */
            taken++;
            double x[64], f[16] = {0};
            cr_assert_leq(evolve_popsize(back), (size_t)16);
            evolve_ask(back, x);
            e = (Err){0};
            cr_assert(evolve_tell(back, x, f, &e) == OK || e.msg[0] != '\0');
            evolve_free(back);
        }
    cr_assert(taken > 0);
    free(copy);
    str_free(&s);
}

Test(evolve, refusals_leave_the_state)
{
    EvolveOpts o = {.dim = 2, .popsize = 4, .lo = -1, .hi = 1, .sigma = 0.3};
    double x[8], f[4] = {1, 2, NAN, 3}, y[8];
    Evolver *ev = NULL;
    Err e = {0};
    cr_assert_eq(evolve_new(&ev, "cma", &o, NULL), OK);
    evolve_ask(ev, x);
    cr_assert_eq(evolve_tell(ev, x, f, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "fitness of point 2 = nan, want a number (infinity for the worst)");
    f[2] = -INFINITY;
    cr_assert_eq(evolve_tell(ev, x, f, NULL), ERR_NUM);
    f[2] = INFINITY;
    x[3] = 1.25;
    e = (Err){0};
    cr_assert_eq(evolve_tell(ev, x, f, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "coordinate 1 of point 1 = 1.25, want [-1, 1]");
    x[3] = NAN;
    cr_assert_eq(evolve_tell(ev, x, f, NULL), ERR_NUM);
    evolve_ask(ev, x);
    evolve_ask(ev, y);
    cr_assert_eq(memcmp(x, y, sizeof x), 0, "asking again gives the same points");
    cr_assert(evolve_view(ev).generation == 0 && evolve_view(ev).best == NULL);
    cr_assert_eq(evolve_tell(ev, x, f, NULL), OK, "infinity ranks last");
    cr_assert_eq(evolve_view(ev).best_f, 1);
    evolve_free(ev);
    evolve_free(NULL);
}

Test(evolve, options_out_of_range_are_refused)
{
    const EvolveOpts good = {.dim = 2, .lo = -1, .hi = 1, .sigma = 0.3};
    double far[2] = {0, 2};
    EvolveOpts bad[9] = {good, good, good, good, good, good, good, good, good};
    bad[0].dim = 0;
    bad[1].popsize = 1;
    bad[2].lo = 1;
    bad[3].sigma = 0;
    bad[4].sigma = NAN;
    bad[5].x0 = far;
    bad[6].start_all = NAN;
    bad[7].inject_max = -1;
    bad[8].bound = (EvolveBound)9;
    Evolver *ev = NULL;
    for (size_t i = 0; i < 9; i++) {
        Err e = {0};
        cr_assert_eq(evolve_new(&ev, "cma", &bad[i], &e), ERR_ARG, "case %zu", i);
        cr_assert(strstr(e.msg, "want") != NULL, "case %zu: %s", i, e.msg);
    }
    cr_assert_eq(evolve_new(&ev, "cmaes", &good, NULL), ERR_ARG);
    EvolveOpts open = good;
    open.hi = INFINITY;
    cr_assert_eq(evolve_new(&ev, "random", &open, NULL), ERR_ARG);
    cr_assert_null(ev);
}

Test(evolve, injected_points_pull_the_mean_but_not_far)
{
    EvolveOpts o = {.dim = 4, .popsize = 6, .lo = -100, .hi = 100, .sigma = 0.1};
    double x[24], f[6] = {0, 5, 6, 7, 8, 9};
    Evolver *ev;
    cr_assert_eq(evolve_new(&ev, "cma", &o, NULL), OK);
    evolve_ask(ev, x);
    for (size_t i = 0; i < 4; i++) x[i] = 90;
    cr_assert_eq(evolve_tell(ev, x, f, NULL), OK);
    EvolveView v = evolve_view(ev);
    cr_assert_eq(v.best[0], 90, "the best is the point itself");
    double moved = 0;
    for (size_t i = 0; i < 4; i++) moved += v.mean[i] * v.mean[i];
    cr_assert(sqrt(moved) > 0.05 && sqrt(moved) < 0.1 * (2 + 8.0 / 6) + 1e-9, "moved by %g", sqrt(moved));
    evolve_free(ev);
}

Test(evolve, flat_and_one_dimensional_problems_stay_finite)
{
    for (size_t m = 0; m < 2; m++) {
        EvolveOpts o = {.dim = 1 + m, .popsize = 2 + 2 * m, .lo = -1, .hi = 1, .sigma = 0.5};
        double x[8], f[4] = {1, 1, 1, 1};
        Evolver *ev;
        cr_assert_eq(evolve_new(&ev, evolve_method_at(m)->name, &o, NULL), OK);
        for (int g = 0; g < 500; g++) {
            evolve_ask(ev, x);
            cr_assert_eq(evolve_tell(ev, x, f, NULL), OK);
        }
        cr_assert(isfinite(evolve_view(ev).sigma) && fabs(evolve_view(ev).mean[0]) <= 1);
        evolve_free(ev);
    }
}
