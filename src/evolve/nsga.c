/* nsga.c - NSGA-II, after Deb, Pratap, Agarwal and Meyarivan 2002, with their constants for real variables.
 */
#include "evolve_priv.h"

#include "prime/pareto.h"
#include "prime/rng.h"

#include <math.h>
#include <string.h>

static const double nsga_crossover = 0.9, nsga_eta_cross = 15, nsga_eta_mutate = 20;

static size_t nsga_cells(const EvolveHead *h)
{
    return moo_cells(h) + 2 * h->lam;
}

static void nsga_layout(Evolver *ev, double *at)
{
    moo_layout(ev, at);
    ev->rank = at + moo_cells(&ev->h);
    ev->crowd = ev->rank + ev->h.lam;
}

/* Ranks and crowding of the parents. */
static Status nsga_judge(Evolver *ev, Err *e)
{
    size_t lam = ev->h.lam, m = ev->h.n_obj, *rank = ev->moo_index, *idx = rank + lam, seen = 0;
    TRY(pareto_rank(rank, ev->val, lam, m, e));
    for (size_t r = 0; seen < lam; r++) {
        size_t n = 0;
        for (size_t i = 0; i < lam; i++)
            if (rank[i] == r) idx[n++] = i;
        TRY(moo_crowding(ev->crowd, ev->val, idx, n, m, ev->moo, e));
        seen += n;
    }
    for (size_t i = 0; i < lam; i++) ev->rank[i] = (double)rank[i];
    return OK;
}

static size_t nsga_tournament(const Evolver *ev, Rng *r)
{
    size_t a = rng_below(r, ev->h.lam), b = rng_below(r, ev->h.lam);
    if (ev->rank[a] != ev->rank[b]) return ev->rank[a] < ev->rank[b] ? a : b;
    return ev->crowd[b] > ev->crowd[a] ? b : a;
}

/* How far to spread from the middle of two parents, so that a child cannot leave through a wall that is
 * `room` away in units of their distance. */
static double nsga_spread(double u, double room)
{
    double alpha = 2 - pow(1 + 2 * room, -(nsga_eta_cross + 1)), power = 1 / (nsga_eta_cross + 1);
    return u <= 1 / alpha ? pow(u * alpha, power) : pow(1 / (2 - u * alpha), power);
}

/* One coordinate of both children of a and b; simulated binary crossover between walls. */
static void nsga_cross(double *one, double *two, double a, double b, double lo, double hi, Rng *r)
{
    double low = fmin(a, b), high = fmax(a, b), gap = high - low, u = rng_uniform(r);
    bool keep = rng_uniform(r) < 0.5, swap = rng_uniform(r) < 0.5;
    *one = a;
    *two = b;
    if (keep || gap <= 1e-14 * (hi - lo)) return;
    double c = 0.5 * (low + high - nsga_spread(u, (low - lo) / gap) * gap);
    double d = 0.5 * (low + high + nsga_spread(u, (hi - high) / gap) * gap);
    *one = fmin(fmax(swap ? d : c, lo), hi);
    *two = fmin(fmax(swap ? c : d, lo), hi);
}

/* Polynomial mutation between walls. */
static double nsga_mutate(double x, double lo, double hi, Rng *r)
{
    double width = hi - lo, u = rng_uniform(r), power = nsga_eta_mutate + 1, step;
    if (u < 0.5)
        step = pow(2 * u + (1 - 2 * u) * pow(1 - (x - lo) / width, power), 1 / power) - 1;
    else
        step = 1 - pow(2 * (1 - u) + (2 * u - 1) * pow(1 - (hi - x) / width, power), 1 / power);
    return fmin(fmax(x + step * width, lo), hi);
}

/* Candidates 2 i and 2 i + 1 are the two children of one pair of parents. */
static void nsga_sample(Evolver *ev, double *x, size_t k)
{
    size_t n = ev->h.dim;
    double lo = ev->h.lo, hi = ev->h.hi;
    if (ev->h.generation == 0) {
        evolver_scatter(ev, x, k);
        return;
    }
    Rng pair = rng_stream(ev->h.seed, "evolve pair", ev->h.evaluations + k / 2 * 2);
    Rng own = rng_stream(ev->h.seed, "evolve", ev->h.evaluations + k);
    const double *a = &ev->pop[nsga_tournament(ev, &pair) * n], *b = &ev->pop[nsga_tournament(ev, &pair) * n];
    bool cross = rng_uniform(&pair) < nsga_crossover;
    for (size_t i = 0; i < n; i++) {
        double child[2] = {evolver_box(ev, a[i]), evolver_box(ev, b[i])};
        if (cross) nsga_cross(&child[0], &child[1], child[0], child[1], lo, hi, &pair);
        x[i] = child[k % 2];
        if (rng_uniform(&own) * (double)n < 1) x[i] = nsga_mutate(x[i], lo, hi, &own);
        x[i] = evolver_unbox(ev, x[i]);
    }
}

static Status nsga_update(Evolver *ev, const double *x, const double *f, Err *e)
{
    size_t n = ev->h.dim, m = ev->h.n_obj, lam = ev->h.lam, to = 0;
    if (ev->h.generation == 0)
        for (size_t k = 0; k < 2 * lam; k++) ev->stays[k] = k >= lam;
    else
        TRY(moo_select(ev->stays, ev, f, false, e));
    ev->h.generation++;
    for (size_t k = 0; k < 2 * lam; k++) {
        if (!ev->stays[k]) continue;
        if (k < lam && to != k) {
            memcpy(&ev->pop[to * n], &ev->pop[k * n], n * sizeof *x);
            memcpy(&ev->val[to * m], &ev->val[k * m], m * sizeof *f);
        } else if (k >= lam) {
            evolver_point(ev, &ev->pop[to * n], x, k - lam);
            memcpy(&ev->val[to * m], &f[(k - lam) * m], m * sizeof *f);
        }
        to++;
    }
    return nsga_judge(ev, e);
}

/* The ends of a front are crowded by nothing. */
static Status nsga_sound(const Evolver *ev, Err *e)
{
    for (size_t i = 0; i < ev->n_all; i++) {
        bool end = i >= ev->n_all - ev->h.lam && ev->all[i] == INFINITY;
        if (!isfinite(ev->all[i]) && !end)
            FAIL(e, ERR_FORMAT, "optimiser state: number %zu = %g", i, ev->all[i]);
    }
    return OK;
}

const EvolveOps nsga_ops = {.popsize = moo_popsize,
                            .least = 4,
                            .box = true,
                            .cells = nsga_cells,
                            .layout = nsga_layout,
                            .sample = nsga_sample,
                            .update = nsga_update,
                            .sound = nsga_sound};
