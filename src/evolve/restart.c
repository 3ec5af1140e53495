/* restart.c - when a run ends, and what the next one looks like. */
#include "evolve_priv.h"

#include "prime/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- history of a run ---- */

static size_t stop_short_window(const EvolveHead *h)
{
    return 10 + (size_t)ceil(30 * (double)h->dim / (double)h->lam);
}

static size_t stop_window(const EvolveHead *h)
{
    size_t fifth = (size_t)(h->generation - h->run_generation) / 5, least = 110 + stop_short_window(h);
    size_t w = fifth > least ? fifth : least;
    return w < EVOLVE_MAX_WINDOW ? w : EVOLVE_MAX_WINDOW;
}

Status stop_reserve(Evolver *ev, Err *e)
{
    size_t window = stop_window(&ev->h), n = ev->h.n_hist;
    if (!ev->method->ops->runs) return OK;
    if (n >= 2 * window) {
        memmove(ev->hist, &ev->hist[2 * (n - window)], 2 * window * sizeof *ev->hist);
        ev->h.n_hist = n = window;
    }
    if (n < ev->cap_hist) return OK;
    size_t cap = ev->cap_hist > 0 ? 2 * ev->cap_hist : 64;
    while (cap <= n) cap *= 2;
    double *more = realloc(ev->hist, 2 * cap * sizeof *more);
    if (more == NULL) FAIL(e, ERR_NOMEM, "no memory for the values of %zu generations", cap);
    ev->hist = more;
    ev->cap_hist = cap;
    return OK;
}

void stop_record(Evolver *ev)
{
    size_t top = ev->order[0], mid = ev->order[ev->h.lam / 2];
    if (ev->excess[top] > 0) return;
    double *at = &ev->hist[2 * ev->h.n_hist++];
    at[0] = ev->fit[top];
    at[1] = ev->excess[mid] > 0 ? INFINITY : ev->fit[mid];
}

/* ---- reasons to end a run ---- */

static bool stop_flat(const Evolver *ev)
{
    size_t w = stop_short_window(&ev->h), n = ev->h.n_hist;
    if (n < w) return false;
    double lo = INFINITY, hi = -INFINITY;
    for (size_t i = n - w; i < n; i++) {
        lo = fmin(lo, ev->hist[2 * i]);
        hi = fmax(hi, ev->hist[2 * i]);
    }
    return lo == hi || hi - lo < ev->h.tol_fun;
}

static int stop_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of n values of column c from entry `from`; work [n]. */
static double stop_median(const Evolver *ev, size_t from, size_t n, size_t c, double *work)
{
    for (size_t i = 0; i < n; i++) work[i] = ev->hist[2 * (from + i) + c];
    qsort(work, n, sizeof *work, stop_compare);
    return n % 2 == 1 ? work[n / 2] : 0.5 * work[n / 2 - 1] + 0.5 * work[n / 2];
}

static bool stop_stagnates(const Evolver *ev)
{
    size_t w = stop_window(&ev->h), n = ev->h.n_hist, third = w * 3 / 10;
    double work[EVOLVE_MAX_WINDOW * 3 / 10];
    if (n < w || (ev->h.generation - ev->h.run_generation) % 8 != 0) return false;
    for (size_t c = 0; c < 2; c++) {
        double first = stop_median(ev, n - w, third, c, work);
        if (stop_median(ev, n - third, third, c, work) < first) return false;
    }
    return true;
}

/* Steps so short that nothing will come of them, in every direction. */
static bool stop_short(const Evolver *ev)
{
    size_t n = ev->h.dim, stride = ev->basis != NULL ? n + 1 : 1;
    double want = ev->h.tol_x * ev->h.start_sigma, sigma = ev->h.sigma;
    bool tiny = true, lost = false;
    for (size_t i = 0; i < n; i++) {
        double dev = ev->cov != NULL ? sqrt(ev->cov[i * stride]) : 1,
               path = ev->pc != NULL ? fabs(ev->pc[i]) : 0;
        tiny = tiny && sigma * fmax(dev, path) < want;
        lost = lost || ev->mean[i] + 0.2 * sigma * dev == ev->mean[i];
    }
    return tiny || lost;
}

EvolveStop stop_test(const Evolver *ev)
{
    double top = 1, low = 1;
    if (ev->h.budget > 0 && ev->h.evaluations >= ev->h.budget) return EVOLVE_STOP_BUDGET;
    if (!ev->method->ops->runs) return EVOLVE_GOES_ON;
    if (stop_flat(ev)) return EVOLVE_STOP_TOLFUN;
    if (stop_short(ev)) return EVOLVE_STOP_TOLX;
    for (size_t i = 0; ev->dev != NULL && i < ev->h.dim; i++) {
        top = i > 0 ? fmax(top, ev->dev[i]) : ev->dev[i];
        low = i > 0 ? fmin(low, ev->dev[i]) : ev->dev[i];
    }
    if (top / low >= 0.999e7) return EVOLVE_STOP_CONDITION;
    if (ev->h.sigma * top > 1e4 * ev->h.start_sigma) return EVOLVE_STOP_DIVERGED;
    if (ev->h.noise != EVOLVE_NOISE_RATE && stop_stagnates(ev)) return EVOLVE_STOP_STAGNATION;
    size_t run = ev->h.evaluations - ev->h.run_evaluations;
    return ev->h.run_budget > 0 && run >= ev->h.run_budget ? EVOLVE_STOP_RUN : EVOLVE_GOES_ON;
}

/* ---- the next run ---- */

static void restart_double(EvolveHead *h)
{
    h->lam_large = 2 * h->lam_large < h->lam_max ? 2 * h->lam_large : h->lam_max;
    h->lam = h->lam_large;
    h->sigma = h->sigma_first;
    h->run_budget = h->small = 0;
}

/* Hansen 2009: small populations and steps while they have used fewer evaluations than the large ones. */
static void restart_plan(EvolveHead *h, Rng *r)
{
    size_t used = h->evaluations - h->run_evaluations;
    if (h->small)
        h->used_small += used;
    else if (h->restarts > 0)
        h->used_large += h->large_last = used;
    bool bipop = evolve_method_at(h->method)->restart == EVOLVE_BIPOP;
    if (!bipop || h->used_small >= h->used_large) {
        restart_double(h);
        return;
    }
    double u = rng_uniform(r), first = (double)h->lam_first;
    h->lam = (size_t)fmax(2, floor(first * pow(0.5 * (double)h->lam_large / first, u * u)));
    h->sigma = h->sigma_first * pow(10, -2 * rng_uniform(r));
    h->run_budget = h->large_last / 2 > 0 ? h->large_last / 2 : 1;
    h->small = 1;
}

/* Uniform in a finite box; otherwise where the first run began. */
static void restart_start(Evolver *ev, Rng *r)
{
    double width = ev->h.hi - ev->h.lo;
    ev->method->ops->start(ev);
    for (size_t i = 0; isfinite(width) && i < ev->h.dim; i++)
        ev->mean[i] = evolver_unbox(ev, ev->h.lo + width * rng_uniform(r));
}

static Status restart_run(Evolver *ev, EvolveStop why, Err *e)
{
    EvolveHead next = ev->h;
    Rng r = rng_stream(ev->h.seed, "evolve restart", ev->h.restarts);
    restart_plan(&next, &r);
    next.popsize = next.lam + evolve_repeats(next.lam, next.noise);
    next.start_sigma = next.sigma;
    next.run_generation = next.eig_generation = next.generation;
    next.run_evaluations = next.evaluations;
    next.has_elite = next.n_hist = 0;
    next.elite_f = INFINITY;
    next.elite_excess = 0;
    next.last_stop = why;
    next.restarts++;
    TRY(evolver_room(ev, next.popsize, next.lam, e));
    ev->h = next;
    restart_start(ev, &r);
    return OK;
}

Status restart_step(Evolver *ev, Err *e)
{
    EvolveHead *h = &ev->h;
    if (ev->method->ops->runs) stop_record(ev);
    EvolveStop why = stop_test(ev);
    if (why == EVOLVE_GOES_ON) return OK;
    bool over = why == EVOLVE_STOP_BUDGET || ev->method->restart == EVOLVE_ONE_RUN ||
                (h->restarts_max > 0 && h->restarts >= h->restarts_max);
    if (!over) return restart_run(ev, why, e);
    if (h->stop == EVOLVE_GOES_ON) h->stop = why;
    return OK;
}
