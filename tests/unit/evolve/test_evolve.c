#include "prime/stats.h"

#include "problems.h"

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
        REF_NEAR(view_value(evolve_view(ev), f, kind, index), ref_num(&r, i, "value"), 1e-10,
                 "dim %zu, generation %zu, %s %zu", n, g, kind, index);
    }
    evolve_free(ev);
    ref_close(&r);
}

/* As many generations as `budget` holds; stops of the optimiser are passed over. */
static void run_on(Evolver *ev, Problem fn, size_t budget)
{
    static double x[EV_MAX], f[64];
    size_t n = evolve_dim(ev), pop = evolve_popsize(ev);
    for (size_t done = 0; done < budget; done += pop) {
        evolve_ask(ev, x);
        for (size_t k = 0; k < pop; k++) f[k] = fn(&x[k * n], n);
        cr_assert_eq(evolve_tell(ev, x, f, NULL), OK);
    }
}

/* What a user sees of the table, and that every row can be made. */
Test(evolve, every_method_can_be_made)
{
    static const char *const names[] = {"cma",      "cma-diag",  "random",        "gauss",
                                        "cma-ipop", "cma-bipop", "cma-diag-ipop", "cma-diag-bipop",
                                        "es",       "de",        "nsga2",         "mo-cma"};
    static const size_t pops[] = {8, 8, 8, 8, 8, 8, 8, 8, 1, 50, 24, 24};
    for (size_t i = 0; i < 12; i++) {
        const EvolveMethod *m = evolve_method_at(i);
        cr_assert_str_eq(m->name, names[i]);
        cr_assert(m->what[0] != '\0' && m->source[0] != '\0');
        EvolveOpts o = {.dim = 5, .lo = -1, .hi = 1, .sigma = 0.3, .n_obj = m->many ? 3 : 1};
        Evolver *ev = problem_open(m->name, &o);
        cr_assert(evolve_popsize(ev) == pops[i] && evolve_dim(ev) == 5 && evolve_values(ev) == o.n_obj, "%s",
                  m->name);
        cr_assert(evolve_view(ev).stop == EVOLVE_GOES_ON && evolve_view(ev).repeats == 1);
        evolve_free(ev);
    }
    cr_assert_null(evolve_method_at(12));
}

Test(evolve, smooth_map_and_its_inverse)
{
    static const double walls[][2] = {{-1.5, 1.5}, {0, 1}, {-0.01, 0.01}, {10, 1000}, {-3, -2.95}};
    for (size_t w = 0; w < 5; w++) {
        double lo = walls[w][0], hi = walls[w][1], last = lo;
        double a = fmin((hi - lo) / 2, 0.05 * fmax(1, fabs(lo))),
               b = fmin((hi - lo) / 2, 0.05 * fmax(1, fabs(hi)));
        for (double t = 0; t <= 1; t += 1.0 / 512) {
            double x = lo - a + t * (hi - lo + a + b), y = evolve_repair(x, lo, hi, EVOLVE_SMOOTH);
            cr_assert(y >= last && y >= lo && y <= hi, "it rises: x = %g, y = %g", x, y);
            last = y;
            /* the slope is 0 at the ends: half the digits are lost there */
            REF_NEAR(evolve_unsmooth(y, lo, hi, a, b), x, 1e-6, "x = %g", x);
        }
        cr_assert_float_eq(last, hi, 1e-12 * fabs(hi));
        for (double x = -7777; x < 7777; x += 13.7) {
            double y = evolve_repair(x, lo, hi, EVOLVE_SMOOTH);
            cr_assert(y >= lo && y <= hi);
        }
    }
    /* one wall only: the margin is 0.05 */
    REF_NEAR(evolve_repair(1, -INFINITY, 1, EVOLVE_SMOOTH), 0.9875, 1e-14, "quadratic of margin 0.05");
    REF_NEAR(evolve_repair(2, -INFINITY, 1, EVOLVE_SMOOTH), 0.1, 1e-14, "folded at 1.05");
    REF_NEAR(evolve_repair(-5, -INFINITY, 1, EVOLVE_SMOOTH), -5, 0, "far from the wall");
    REF_NEAR(evolve_repair(-1, 0, INFINITY, EVOLVE_SMOOTH), 0.9, 1e-14, "folded at -0.05");
    REF_NEAR(evolve_unsmooth(0.9875, -INFINITY, 1, INFINITY, 0.05), 1, 1e-12, "back");
    REF_NEAR(evolve_repair(7, -INFINITY, INFINITY, EVOLVE_SMOOTH), 7, 0, "no wall");
}

Test(evolve, repair_meets_the_reference)
{
    Ref r = ref_open("evolve/bounds.csv");
    for (size_t i = 0; i < r.rows; i++) {
        double x = ref_num(&r, i, "x");
        REF_NEAR(evolve_repair(x, -1.5, 1.5, EVOLVE_BOUNCE), ref_num(&r, i, "bounce"), 1e-15, "x = %g", x);
        REF_NEAR(evolve_repair(x, -1.5, 1.5, EVOLVE_CLIP), ref_num(&r, i, "clip"), 1e-15, "x = %g", x);
        REF_NEAR(evolve_repair(x, -1.5, 1.5, EVOLVE_SMOOTH), ref_num(&r, i, "pycma"), 1e-14, "x = %g", x);
        REF_NEAR(evolve_smooth(x, -1.5, 1.5, 0.125, 0.125), ref_num(&r, i, "ccmaes"), 1e-14, "x = %g", x);
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
static double median_best(const char *preset, const char *method, Problem fn, size_t dim, size_t budget)
{
    double best[15], work[15];
    for (uint64_t seed = 0; seed < 15; seed++) {
        EvolveOpts o;
        const char *own;
        Evolver *ev;
        cr_assert_eq(evolve_preset(&o, &own, preset, dim, 3, NULL), OK);
        o.seed = seed;
        cr_assert_eq(evolve_new(&ev, method != NULL ? method : own, &o, NULL), OK);
        run_on(ev, fn, budget);
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
    cr_assert_str_eq(evolve_method_at(0)->name, "cma");
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

static void expect_refusal(const char *method, const EvolveOpts *o, Status want, const char *sentence)
{
    Evolver *ev = NULL;
    Err e = {0};
    cr_assert_eq(evolve_new(&ev, method, o, &e), want, "%s", sentence);
    cr_assert_str_eq(e.msg, sentence);
    cr_assert_null(ev);
}

Test(evolve, options_out_of_range_are_refused)
{
    double far[2] = {0, 2}, nan[1] = {NAN};
    EvolveOpts o, good = {.dim = 2, .lo = -1, .hi = 1, .sigma = 0.3};
#define REFUSED(method, field, value, code, sentence) \
    (o = good, o.field = (value), expect_refusal(method, &o, code, sentence))
    REFUSED("cma", dim, 0, ERR_ARG, "dimension = 0, want 1 to 16384");
    REFUSED("cma", dim, 20000, ERR_ARG, "dimension = 20000, want 1 to 16384");
    REFUSED("cma", popsize, 1, ERR_ARG, "popsize = 1, cma wants 2 to 4096");
    REFUSED("cma", popsize, 5000, ERR_ARG, "popsize = 5000, cma wants 2 to 4096");
    REFUSED("es", popsize, 2, ERR_ARG, "popsize = 2, es wants 1 to 1");
    REFUSED("de", popsize, 3, ERR_ARG, "popsize = 3, de wants 4 to 4096");
    REFUSED("cma-ipop", popsize_max, 0, ERR_ARG, "popsize_max = 0, cma-ipop wants 6 to 4096");
    REFUSED("cma-bipop", popsize_max, 5, ERR_ARG, "popsize_max = 5, cma-bipop wants 6 to 4096");
    REFUSED("cma-ipop", popsize_max, 5000, ERR_ARG, "popsize_max = 5000, cma-ipop wants 6 to 4096");
    REFUSED("cma", popsize_max, 20, ERR_UNSUP, "cma does not restart: popsize_max has no use");
    REFUSED("cma", lo, 1, ERR_ARG, "box [1, 1], want lo < hi");
    REFUSED("cma", lo, NAN, ERR_ARG, "box [nan, 1], want lo < hi");
    REFUSED("cma", sigma, 0, ERR_ARG, "sigma = 0, want a finite number above 0");
    REFUSED("cma", sigma, NAN, ERR_ARG, "sigma = nan, want a finite number above 0");
    REFUSED("cma", x0, far, ERR_ARG, "x0[1] = 2, want [-1, 1]");
    REFUSED("cma", start_all, NAN, ERR_ARG, "x0[0] = nan, want [-1, 1]");
    REFUSED("cma", inject_max, -1, ERR_ARG, "inject_max = -1, want above 0");
    REFUSED("cma", bound, (EvolveBound)9, ERR_ARG, "bound = 9, want 0 to 3");
    REFUSED("cma", noise, (EvolveNoise)3, ERR_ARG, "noise = 3, want 0 to 2");
    REFUSED("cma", repeat_max, 2000000, ERR_ARG, "repeat_max = 2000000, want 1 to 1000000");
    REFUSED("cma", tol_fun, -1, ERR_ARG, "tol_fun = -1, want a finite number above 0");
    REFUSED("cma", tol_x, INFINITY, ERR_ARG, "tol_x = inf, want a finite number above 0");
    REFUSED("cma", n_obj, 2, ERR_ARG, "2 objectives, cma wants 1 to 1");
    REFUSED("nsga2", n_obj, 0, ERR_ARG, "1 objectives, nsga2 wants 2 to 6");
    REFUSED("mo-cma", n_obj, 7, ERR_ARG, "7 objectives, mo-cma wants 2 to 6");
    REFUSED("cma", n_limits, 9, ERR_ARG, "9 limits, want at most 8 and their values");
    REFUSED("cma", n_limits, 1, ERR_ARG, "1 limits, want at most 8 and their values");
    good.limit = nan;
    REFUSED("cma", n_limits, 1, ERR_ARG, "limit[0] = nan, want a finite number");
    good.limit = far;
    REFUSED("random", hi, INFINITY, ERR_ARG, "box [-1, inf], random wants a finite one");
    REFUSED("de", noise, EVOLVE_NOISE_RATE, ERR_UNSUP, "noise handling is for cma and its kin, not for de");
    REFUSED("es", positive, true, ERR_UNSUP,
            "positive weights only: an option of cma and its kin, not of es");
    REFUSED("cma", restarts, 1, ERR_UNSUP, "cma does not restart; cma-ipop and cma-bipop do");
    good.noise = EVOLVE_NOISE_REPEAT;
    REFUSED("cma", elitist, true, ERR_UNSUP, "elitist with noise handling: the elite would be a lucky draw");
    good.noise = EVOLVE_NOISE_NONE;
    good.elitist = false;
    good.n_obj = 2;
    REFUSED("nsga2", n_limits, 1, ERR_UNSUP,
            "nsga2 takes no limits: make them objectives, or use a method of one objective");
    good.n_obj = 1;
    REFUSED("cma", repeat_max, 3, ERR_UNSUP, "repeat_max is for EVOLVE_NOISE_REPEAT");
    REFUSED("cmaes", dim, 2, ERR_ARG,
            "method 'cmaes', want one of cma, cma-diag, random, gauss, cma-ipop, cma-bipop, cma-diag-ipop, "
            "cma-diag-bipop, es, de, nsga2, mo-cma");
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
