/* Restarts, and why searches end. */
#include "prime/stats.h"

#include "problems.h"

static const EvolveOpts open_box = {.dim = 10, .lo = -INFINITY, .hi = INFINITY, .start_all = 3, .sigma = 2};

static size_t rastrigin_solved(const char *method, size_t *evals)
{
    size_t solved = 0;
    *evals = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        EvolveOpts o = open_box;
        o.seed = seed;
        o.budget = 300000;
        Evolver *ev = problem_open(method, &o);
        size_t found = problem_run(ev, problem_rastrigin, 1e-9, 1000000);
        solved += found > 0;
        *evals += found / 10;
        evolve_free(ev);
    }
    return solved;
}

/* pycma: 10 of 10 with both, 60600 and 115500 evaluations on average; a single run solves none. */
Test(restart, rastrigin_in_ten_dimensions_is_solved)
{
    size_t ipop, bipop, one, n = rastrigin_solved("cma-ipop", &ipop),
                             m = rastrigin_solved("cma-bipop", &bipop);
    cr_assert(n >= 9 && ipop > 20000 && ipop < 150000, "ipop: %zu of 10, %zu evaluations", n, ipop);
    cr_assert(m >= 9 && bipop > 20000 && bipop < 250000, "bipop: %zu of 10, %zu evaluations", m, bipop);
    cr_assert_leq(rastrigin_solved("cma", &one), 2u, "one small run is not enough");
    fprintf(stderr, "# rastrigin 10-D: ipop %zu of 10, mean %zu; bipop %zu of 10, mean %zu\n", n, ipop, m,
            bipop);
}

static double flat(const double *x, size_t n)
{
    (void)x;
    (void)n;
    return 1;
}

Test(restart, populations_double_and_the_caller_sees_it)
{
    EvolveOpts o = {.dim = 3, .lo = -1, .hi = 1, .sigma = 0.3, .restarts = 4, .popsize_max = 60};
    Evolver *ev = problem_open("cma-ipop", &o);
    double *x = NULL, *f = NULL;
    size_t pop[5], n = 0;
    while (evolve_view(ev).stop == EVOLVE_GOES_ON) {
        if (n == evolve_view(ev).restarts) pop[n++] = evolve_popsize(ev);
        problem_room(&x, &f, ev);
        evolve_ask(ev, x);
        for (size_t k = 0; k < evolve_popsize(ev); k++) f[k] = flat(x, 3);
        cr_assert_eq(evolve_tell(ev, x, f, NULL), OK);
    }
    EvolveView v = evolve_view(ev);
    cr_assert(n == 5 && pop[0] == 7 && pop[1] == 14 && pop[2] == 28 && pop[3] == 56 && pop[4] == 60);
    cr_assert(v.restarts == 4 && v.stop == EVOLVE_STOP_TOLFUN && v.last_stop == EVOLVE_STOP_TOLFUN);
    cr_assert_eq(v.best_f, 1);
    evolve_free(ev);
    free(x);
    free(f);
}

/* Hansen 2009: small populations between the first and half the large one, with smaller steps, and never more
 * evaluations for the small runs than one of them above those of the large. */
Test(restart, bipop_shares_the_evaluations)
{
    EvolveOpts o = open_box;
    o.dim = 5;
    o.budget = 120000;
    Evolver *ev = problem_open("cma-bipop", &o);
    double *x = NULL, *f = NULL, used[2] = {0, 0}, run = 0;
    size_t large = evolve_popsize(ev), first = large, small_runs = 0, restarts = 0;
    bool small = false;
    while (evolve_view(ev).stop == EVOLVE_GOES_ON) {
        problem_room(&x, &f, ev);
        size_t p = evolve_popsize(ev);
        evolve_ask(ev, x);
        for (size_t k = 0; k < p; k++) f[k] = problem_rastrigin(&x[k * 5], 5);
        cr_assert_eq(evolve_tell(ev, x, f, NULL), OK);
        run += (double)p;
        EvolveView v = evolve_view(ev);
        if (v.restarts == restarts) continue;
        if (restarts > 0) used[small] += run;
        restarts = v.restarts;
        run = 0;
        small = evolve_popsize(ev) != 2 * large;
        if (!small) {
            large = evolve_popsize(ev);
            cr_assert_eq(v.sigma, 2);
            continue;
        }
        small_runs++;
        cr_assert_lt(used[1], used[0]);
        cr_assert(evolve_popsize(ev) >= first / 2 && evolve_popsize(ev) <= large / 2);
        cr_assert(v.sigma >= 0.02 && v.sigma <= 2);
    }
    cr_assert(small_runs >= 2 && restarts > small_runs, "%zu of %zu runs were small", small_runs, restarts);
    cr_assert_eq(evolve_view(ev).stop, EVOLVE_STOP_BUDGET);
    evolve_free(ev);
    free(x);
    free(f);
}

Test(restart, new_runs_begin_all_over_a_finite_box)
{
    EvolveOpts o = {.dim = 2, .lo = -1.5, .hi = 1.5, .sigma = 0.1, .start_all = 0.5};
    Evolver *ev = problem_open("cma-diag-ipop", &o);
    double *x = NULL, *f = NULL, lo = 0, hi = 0;
    size_t restarts = 0;
    while (restarts < 8) {
        problem_room(&x, &f, ev);
        evolve_ask(ev, x);
        for (size_t k = 0; k < evolve_popsize(ev); k++) f[k] = 0;
        cr_assert_eq(evolve_tell(ev, x, f, NULL), OK);
        EvolveView v = evolve_view(ev);
        if (v.restarts == restarts) continue;
        restarts = v.restarts;
        lo = fmin(lo, v.mean[0]);
        hi = fmax(hi, v.mean[0]);
    }
    cr_assert(lo < -0.5 && hi > 0.5, "starts from %g to %g", lo, hi);
    evolve_free(ev);
    free(x);
    free(f);
}

/* ---- reasons to stop, one by one ---- */

static EvolveView stop_after(const char *method, const EvolveOpts *o, Problem fn, size_t budget)
{
    Evolver *ev = problem_open(method, o);
    problem_run(ev, fn, -INFINITY, budget);
    EvolveView v = evolve_view(ev);
    v.mean = v.path_sigma = v.path_c = v.cov = v.best = NULL;
    evolve_free(ev);
    return v;
}

static double needle(const double *x, size_t n)
{
    return x[0] * x[0] + (n > 1 ? 1e18 * x[1] * x[1] : 0);
}

static double slope(const double *x, size_t n)
{
    (void)n;
    return -x[0];
}

static double calls;
/* Without any information, yet never twice the same. */
static double noise_only(const double *x, size_t n)
{
    (void)x;
    (void)n;
    Rng r = rng_stream(9, "noise only", (uint64_t)calls++);
    return rng_normal(&r);
}

Test(restart, every_reason_to_stop_is_met)
{
    EvolveOpts o = {.dim = 4, .lo = -INFINITY, .hi = INFINITY, .start_all = 1, .sigma = 0.5};
    EvolveOpts budget = o, tolx = o, stagnant = o;
    budget.budget = 100;
    tolx.tol_x = 1e-3;
    stagnant.dim = 2;
    EvolveView v = stop_after("cma", &budget, problem_sphere, 1000);
    cr_assert(v.stop == EVOLVE_STOP_BUDGET && v.evaluations == 104,
              "the generation that reaches it is the last");
    v = stop_after("cma", &o, problem_sphere, 100000);
    cr_assert(v.stop == EVOLVE_STOP_TOLFUN && v.best_f < 1e-11 && v.evaluations < 2000);
    cr_assert_eq(stop_after("cma", &o, flat, 100000).stop, EVOLVE_STOP_TOLFUN);
    v = stop_after("cma", &tolx, problem_sphere, 100000);
    cr_assert(v.stop == EVOLVE_STOP_TOLX && v.sigma < 1e-2 && v.best_f < 1e-4);
    cr_assert_eq(stop_after("es", &o, problem_sphere, 100000).stop, EVOLVE_STOP_TOLFUN);
    cr_assert_eq(stop_after("es", &tolx, problem_sphere, 100000).stop, EVOLVE_STOP_TOLX);
    cr_assert_eq(stop_after("cma", &o, needle, 100000).stop, EVOLVE_STOP_CONDITION);
    cr_assert_eq(stop_after("cma", &o, slope, 100000).stop, EVOLVE_STOP_DIVERGED);
    v = stop_after("cma", &stagnant, noise_only, 200000);
    cr_assert(v.stop == EVOLVE_STOP_STAGNATION && v.generation > 120, "%s", evolve_stop_name(v.stop));
    static const char *const budget_only[] = {"random", "gauss", "de"};
    for (size_t i = 0; i < 3; i++) {
        EvolveOpts box = {.dim = 2, .lo = -1, .hi = 1, .sigma = 0.1, .budget = 50};
        cr_assert_eq(stop_after(budget_only[i], &box, problem_sphere, 1000).stop, EVOLVE_STOP_BUDGET);
    }
    for (EvolveStop s = EVOLVE_GOES_ON; s <= EVOLVE_STOP_RUN; s++)
        cr_assert_neq(evolve_stop_name(s)[0], '\0');
    cr_assert_str_eq(evolve_stop_name(EVOLVE_STOP_STAGNATION), "stagnation");
    cr_assert_str_eq(evolve_stop_name((EvolveStop)99), "unknown");
}

Test(restart, a_stopped_search_may_go_on_and_keeps_its_reason)
{
    EvolveOpts o = {.dim = 2, .lo = -1, .hi = 1, .sigma = 0.3, .budget = 12};
    Evolver *ev = problem_open("cma", &o);
    double x[12], f[6];
    for (int g = 0; g < 400; g++) {
        evolve_ask(ev, x);
        for (size_t k = 0; k < 6; k++) f[k] = problem_sphere(&x[2 * k], 2);
        cr_assert_eq(evolve_tell(ev, x, f, NULL), OK);
        cr_assert_eq(evolve_view(ev).stop, g < 1 ? EVOLVE_GOES_ON : EVOLVE_STOP_BUDGET);
    }
    cr_assert_lt(evolve_view(ev).best_f, 1e-20);
    evolve_free(ev);
}
