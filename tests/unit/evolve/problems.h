/* problems.h - functions to minimise, and loops that minimise them. */
#ifndef PRIME_TEST_EVOLVE_PROBLEMS_H
#define PRIME_TEST_EVOLVE_PROBLEMS_H

#include "prime/evolve.h"
#include "prime/rng.h"

#include "../num/ref_csv.h"

typedef double (*Problem)(const double *x, size_t n);

static inline double problem_sphere(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += x[i] * x[i];
    return s;
}

static inline double problem_cigar(const double *x, size_t n)
{
    double s = x[0] * x[0];
    for (size_t i = 1; i < n; i++) s += 1e6 * x[i] * x[i];
    return s;
}

static inline double problem_ellipsoid(const double *x, size_t n)
{
    static double scale[1 << 13];
    static size_t made;
    for (size_t i = 0; made != n && i < n; i++) scale[i] = pow(1e6, (double)i / (double)(n - 1));
    made = n;
    double s = 0;
    for (size_t i = 0; i < n; i++) s += scale[i] * x[i] * x[i];
    return s;
}

static inline double problem_rosenbrock(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
        s += 100 * a * a + b * b;
    }
    return s;
}

static inline double problem_ackley(const double *x, size_t n)
{
    double s = 0, c = 0, pi = acos(-1);
    for (size_t i = 0; i < n; i++) {
        s += x[i] * x[i];
        c += cos(2 * pi * x[i]);
    }
    return 20 - 20 * exp(-0.2 * sqrt(s / (double)n)) + exp(1) - exp(c / (double)n);
}

static inline double problem_rastrigin(const double *x, size_t n)
{
    double s = 0, pi = acos(-1);
    for (size_t i = 0; i < n; i++) s += x[i] * x[i] + 10 - 10 * cos(2 * pi * x[i]);
    return s;
}

/* Restarting methods may grow as far as anything may. */
static inline Evolver *problem_open(const char *method, const EvolveOpts *opts)
{
    Evolver *ev = NULL;
    Err e = {0};
    EvolveOpts o = *opts;
    if (strstr(method, "pop") != NULL && o.popsize_max == 0) o.popsize_max = 4096;
    cr_assert_eq(evolve_new(&ev, method, &o, &e), OK, "%s: %s", method, e.msg);
    return ev;
}

/* Room for one generation of any population. */
static inline void problem_room(double **x, double **f, const Evolver *ev)
{
    size_t p = evolve_popsize(ev);
    cr_assert_leq(p, evolve_popsize_max(ev));
    *x = realloc(*x, p * evolve_dim(ev) * sizeof **x);
    *f = realloc(*f, p * evolve_values(ev) * sizeof **f);
    cr_assert(*x != NULL && *f != NULL);
}

/* Evaluations until f <= target; 0 when the search stopped or `budget` was spent before. */
static inline size_t problem_run(Evolver *ev, Problem fn, double target, size_t budget)
{
    double *x = NULL, *f = NULL;
    size_t n = evolve_dim(ev), done = 0, found = 0;
    while (found == 0 && done < budget && evolve_view(ev).stop == EVOLVE_GOES_ON) {
        problem_room(&x, &f, ev);
        size_t p = evolve_popsize(ev);
        evolve_ask(ev, x);
        for (size_t k = 0; k < p; k++) {
            f[k] = fn(&x[k * n], n);
            if (f[k] <= target && found == 0) found = done + k + 1;
        }
        Err e = {0};
        cr_assert_eq(evolve_tell(ev, x, f, &e), OK, "%s", e.msg);
        done += p;
    }
    free(x);
    free(f);
    return found;
}

#endif
