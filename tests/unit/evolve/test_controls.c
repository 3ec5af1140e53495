/* es, de, limits, smooth walls, and what small budgets reach. */
#include "prime/stats.h"

#include "problems.h"

static double controls_median(const char *method, EvolveOpts o, Problem fn, size_t budget)
{
    double best[15], work[15];
    o.budget = budget;
    for (o.seed = 0; o.seed < 15; o.seed++) {
        Evolver *ev = problem_open(method, &o);
        problem_run(ev, fn, -INFINITY, SIZE_MAX);
        best[o.seed] = evolve_view(ev).best_f;
        evolve_free(ev);
    }
    return stats_median(best, 15, work);
}

Test(controls, es_and_de_descend)
{
    EvolveOpts o = {.dim = 5, .lo = -5, .hi = 5, .start_all = 1, .sigma = 0.5};
    double es = controls_median("es", o, problem_sphere, 1000),
           de = controls_median("de", o, problem_sphere, 8000);
    cr_assert_lt(es, 1e-12, "es: %g", es);
    cr_assert_lt(de, 1e-8, "de: %g", de);
    cr_assert_lt(controls_median("de", o, problem_rastrigin, 40000), 1e-6, "de finds the valley");
    cr_assert_gt(controls_median("es", o, problem_rastrigin, 4000), 0.9, "es does not");
    o.lo = -INFINITY;
    o.hi = INFINITY;
    cr_assert_lt(controls_median("de", o, problem_sphere, 8000), 1e-8, "without a box");
}

/* Auger 2009: 1.5 after a success, 1.5^(-1/4) after a failure; the first point is the start itself. */
Test(controls, es_follows_the_one_fifth_rule)
{
    EvolveOpts o = {.dim = 3, .lo = -10, .hi = 10, .start_all = 2, .sigma = 0.5};
    Evolver *ev = problem_open("es", &o);
    double x[3], parent[3] = {2, 2, 2}, sigma = 0.5;
    static const double f[] = {5, 4, 6, 7, 3, 3, 8};
    double best = INFINITY;
    for (size_t g = 0; g < 7; g++) {
        evolve_ask(ev, x);
        if (g == 0) cr_assert(x[0] == 2 && x[1] == 2 && x[2] == 2);
        cr_assert_eq(evolve_tell(ev, x, &f[g], NULL), OK);
        bool better = f[g] <= best;
        if (g > 0) sigma *= better ? 1.5 : pow(1.5, -0.25);
        if (better) memcpy(parent, x, sizeof x);
        best = fmin(best, f[g]);
        EvolveView v = evolve_view(ev);
        cr_assert_float_eq(v.sigma, sigma, 1e-12);
        cr_assert_eq(memcmp(v.mean, parent, sizeof x), 0);
        cr_assert_eq(v.best_f, best);
    }
    evolve_free(ev);
}

/* ---- limits ---- */

/* f = |x - 1|^2 with x_1 <= limit: the best is (limit, 1, ...). Row: f, g. */
static double limit_run(const char *method, double limit, EvolveBound bound, double *best)
{
    EvolveOpts o = {
        .dim = 4, .lo = -1.5, .hi = 1.5, .sigma = 0.3, .bound = bound, .n_limits = 1, .limit = &limit};
    o.start_all = 1;
    o.seed = 5;
    Evolver *ev = problem_open(method, &o);
    double *x = NULL, *f = NULL;
    cr_assert_eq(evolve_values(ev), 2u);
    for (size_t done = 0; done < 6000; done += evolve_popsize(ev)) {
        problem_room(&x, &f, ev);
        evolve_ask(ev, x);
        for (size_t k = 0; k < evolve_popsize(ev); k++) {
            f[2 * k] = 0;
            f[2 * k + 1] = x[4 * k];
            for (size_t i = 0; i < 4; i++) f[2 * k] += (x[4 * k + i] - 1) * (x[4 * k + i] - 1);
        }
        cr_assert_eq(evolve_tell(ev, x, f, NULL), OK);
    }
    EvolveView v = evolve_view(ev);
    memcpy(best, v.best, 4 * sizeof *best);
    double got = v.best_excess > 0 ? INFINITY : v.best_f;
    cr_assert(v.best_excess > 0 || v.best[0] <= limit);
    evolve_free(ev);
    free(x);
    free(f);
    return got;
}

Test(controls, the_best_within_the_limit_is_found)
{
    static const struct {
        const char *method;
        double within;
    } rows[] = {{"cma", 0.05}, {"cma-diag", 0.05}, {"cma-ipop", 0.05}, {"cma-bipop", 0.05},
                {"de", 0.01},  {"es", 0.2},        {"random", 0.5}};
    for (size_t i = 0; i < 7; i++) {
        double x[4], got = limit_run(rows[i].method, 0.5, EVOLVE_REFLECT, x);
        cr_assert(got >= 0.25 && got < 0.25 + rows[i].within, "%s: %g, want 0.25", rows[i].method, got);
        cr_assert(isinf(limit_run(rows[i].method, -9, EVOLVE_SMOOTH, x)),
                  "no point of the box is so far out");
        cr_assert(x[0] < -1, "but the least excess is sought: %g", x[0]);
    }
}

Test(controls, limits_rank_before_values)
{
    double limit[2] = {1, 2}, x[12];
    /*                 feasible, worse; feasible, best; excess 3; excess 1 in both; infinite; feasible but f =
     * inf */
    double f[18] = {5, 1, 2, 4, 0, 0, -9, 4, 2, -8, 1.5, 2.5, -7, INFINITY, 0, INFINITY, 0, 0};
    EvolveOpts o = {.dim = 2, .popsize = 6, .lo = -1, .hi = 1, .sigma = 0.3, .n_limits = 2, .limit = limit};
    Evolver *ev = problem_open("cma", &o);
    evolve_ask(ev, x);
    Err e = {0};
    f[4] = NAN;
    cr_assert_eq(evolve_tell(ev, x, f, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "limited value 1 of point 1 = nan, want a number (infinity for the worst)");
    f[4] = 0;
    cr_assert_eq(evolve_tell(ev, x, f, NULL), OK);
    EvolveView v = evolve_view(ev);
    cr_assert(v.best_f == 4 && v.best_excess == 0 && memcmp(v.best, &x[2], 2 * sizeof *x) == 0);
    /* the mean is the weighted mean of ranks 1 to 3: points 1, 0 and the feasible one without a value */
    double w[6];
    evolve_params(w, 2, 6, false);
    for (size_t i = 0; i < 2; i++)
        cr_assert_float_eq(v.mean[i], w[0] * x[2 + i] + w[1] * x[i] + w[2] * x[10 + i], 1e-14);
    evolve_free(ev);
}

/* ---- walls ---- */

static double wall(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += (x[i] - 2) * (x[i] - 2) - 0.25;
    return s;
}

static double inside(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += (x[i] - 0.45) * (x[i] - 0.45);
    return s;
}

Test(controls, an_optimum_on_the_wall_is_reached_through_every_bound)
{
    for (EvolveBound b = EVOLVE_REFLECT; b <= EVOLVE_SMOOTH; b++) {
        EvolveOpts o = {.dim = 6, .lo = -1.5, .hi = 1.5, .sigma = 0.3, .bound = b};
        double got = controls_median("cma", o, wall, 3000);
        cr_assert(got >= 0 && got < (b == EVOLVE_SMOOTH ? 1e-9 : 1e-5), "bound %d: %g", (int)b, got);
        got = controls_median("cma-diag", o, wall, 3000);
        cr_assert(got >= 0 && got < 1e-5, "diagonal, bound %d: %g", (int)b, got);
    }
}

/* Medians over 15 seeds of other programs (pycma with two ways of bounds, its diagonal mode, cmaes) at
 * budgets of 50 to 400 evaluations, x0 = 0, sigma 0.5, box [-1.5, 1.5]. Where exactly their sphere is shifted
 * is not known, its distance from the start is (0.45 in each coordinate, from their values in 96 dimensions):
 * a factor of 4 beyond their range is allowed. */
Test(controls, small_budgets_reach_what_others_reach)
{
    static const size_t budget[4] = {50, 100, 200, 400};
    static const char *const col[4] = {"f50", "f100", "f200", "f400"};
    static const size_t dims[4] = {3, 9, 32, 96};
    Ref r = ref_open("evolve/budget.csv");
    for (size_t d = 1; d < 4; d++)
        for (size_t b = 0; b < 4; b++) {
            double lo = INFINITY, hi = 0, random = 0;
            for (size_t i = 0; i < r.rows; i++) {
                if (strcmp(ref_str(&r, i, "func"), "shifted_sphere") != 0 ||
                    ref_num(&r, i, "dim") != (double)dims[d])
                    continue;
                double v = ref_num(&r, i, col[b]);
                if (strcmp(ref_str(&r, i, "alg"), "random") == 0) {
                    random = v;
                    continue;
                }
                lo = fmin(lo, v);
                hi = fmax(hi, v);
            }
            EvolveOpts o = {.dim = dims[d], .lo = -1.5, .hi = 1.5, .sigma = 0.5, .bound = EVOLVE_SMOOTH};
            double got = controls_median("cma", o, inside, budget[b]);
            double by_chance = controls_median("random", o, inside, budget[b]);
            cr_assert(got > lo / 4 && got < 4 * hi, "D = %zu, %zu evaluations: %g, others %g to %g", dims[d],
                      budget[b], got, lo, hi);
            cr_assert(by_chance > random / 2 && by_chance < 2 * random, "random, D = %zu: %g, others %g",
                      dims[d], by_chance, random);
        }
    ref_close(&r);
}

/* ---- where to start a merge ---- */

enum { SYM_K = 3, SYM_R = 2, SYM_N = 6 };
static double sym_a[SYM_K][SYM_R * SYM_N], sym_b[SYM_K][SYM_N * SYM_R], sym_want[SYM_N * SYM_N];

/* (sum w B)(sum w A): PriME's operator, quadratic in w and the same for -w. */
static void sym_merge(double *out, const double *w)
{
    double a[SYM_R * SYM_N] = {0}, b[SYM_N * SYM_R] = {0};
    for (size_t k = 0; k < SYM_K; k++)
        for (size_t i = 0; i < SYM_R * SYM_N; i++) {
            a[i] += w[k] * sym_a[k][i];
            b[i] += w[k] * sym_b[k][i];
        }
    for (size_t i = 0; i < SYM_N; i++)
        for (size_t j = 0; j < SYM_N; j++) {
            out[i * SYM_N + j] = 0;
            for (size_t r = 0; r < SYM_R; r++) out[i * SYM_N + j] += b[i * SYM_R + r] * a[r * SYM_N + j];
        }
}

static double sym_error(const double *w, size_t n)
{
    double got[SYM_N * SYM_N], s = 0, norm = 0;
    (void)n;
    sym_merge(got, w);
    for (size_t i = 0; i < SYM_N * SYM_N; i++) {
        s += (got[i] - sym_want[i]) * (got[i] - sym_want[i]);
        norm += sym_want[i] * sym_want[i];
    }
    return s / norm;
}

static double sym_median(double start, double sigma, size_t budget)
{
    double err[15], work[15];
    for (uint64_t seed = 0; seed < 15; seed++) {
        Rng r = rng_stream(seed, "merge problem", 0);
        double w[SYM_K];
        for (size_t k = 0; k < SYM_K; k++)
            for (size_t i = 0; i < SYM_R * SYM_N; i++) {
                sym_a[k][i] = rng_normal(&r);
                sym_b[k][i] = rng_normal(&r);
            }
        for (size_t k = 0; k < SYM_K; k++) w[k] = 0.1 + 0.8 * rng_uniform(&r);
        sym_merge(sym_want, w);
        EvolveOpts o = {
            .dim = SYM_K, .lo = -1.5, .hi = 1.5, .start_all = start, .sigma = sigma, .seed = seed};
        o.budget = budget;
        Evolver *ev = problem_open("cma", &o);
        problem_run(ev, sym_error, -1, SIZE_MAX);
        err[seed] = evolve_view(ev).best_f;
        evolve_free(ev);
    }
    return stats_median(err, 15, work);
}

/* The uniform merge with a small step is the better start: at w = 0 both signs are alike and the slope is 0.
 * Other programs' medians (3 anchors): 0.167 against 0.253 to 0.279 from 0 after 50 evaluations. */
Test(controls, the_uniform_merge_is_the_better_start)
{
    double uniform = sym_median(1.0 / 3, 0.24, 50), zero = sym_median(0, 0.24, 50),
           wide = sym_median(0, 0.5, 50);
    cr_assert(uniform < zero && uniform < wide, "%g from 1/3; %g and %g from 0", uniform, zero, wide);
    double w[3] = {0.3, -0.7, 1.1}, minus[3] = {-0.3, 0.7, -1.1};
    cr_assert_float_eq(sym_error(w, 3), sym_error(minus, 3), 1e-12, "the symmetry itself");
}

/* ---- thousands of weights ---- */

Test(controls, separable_in_two_thousand_dimensions)
{
    EvolveOpts o = {.dim = 2000, .lo = -INFINITY, .hi = INFINITY, .start_all = 1, .sigma = 0.1};
    Evolver *ev = problem_open("cma-diag", &o);
    problem_run(ev, problem_sphere, -1, 6000);
    cr_assert_lt(evolve_view(ev).best_f, 1000, "%g, from 2000", evolve_view(ev).best_f);
    evolve_free(ev);
}

/* Without negative weights more evaluations are needed: pycma's medians on the 10-D ellipsoid are 4062 and
 * 5651. */
Test(controls, negative_weights_save_evaluations)
{
    double evals[2][15], work[15], median[2];
    for (size_t positive = 0; positive < 2; positive++) {
        for (uint64_t seed = 0; seed < 15; seed++) {
            EvolveOpts o = {
                .dim = 10, .lo = -INFINITY, .hi = INFINITY, .start_all = 1, .sigma = 0.5, .seed = seed};
            o.positive = positive == 1;
            Evolver *ev = problem_open("cma", &o);
            evals[positive][seed] = (double)problem_run(ev, problem_ellipsoid, 1e-9, 20000);
            evolve_free(ev);
        }
        median[positive] = stats_median(evals[positive], 15, work);
    }
    cr_assert(fabs(median[0] / 4062 - 1) < 0.15 && fabs(median[1] / 5651 - 1) < 0.15, "%g and %g", median[0],
              median[1]);
}
