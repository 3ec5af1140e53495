/* evolve.c - ask, tell and what can be seen. */
#include "evolve_priv.h"

#include "prime/pareto.h"
#include "prime/rng.h"

#include <math.h>
#include <string.h>

size_t evolve_dim(const Evolver *ev)
{
    return ev->h.dim;
}

size_t evolve_popsize(const Evolver *ev)
{
    return ev->h.popsize;
}

size_t evolve_popsize_max(const Evolver *ev)
{
    return ev->h.lam_max + evolve_repeats(ev->h.lam_max, ev->h.noise);
}

size_t evolve_values(const Evolver *ev)
{
    return ev->h.n_obj + ev->h.n_limits;
}

bool evolver_less(double excess_a, double fa, double excess_b, double fb)
{
    return excess_a < excess_b || (excess_a == excess_b && fa < fb);
}

void evolver_scatter(Evolver *ev, double *x, size_t k)
{
    size_t n = ev->h.dim;
    double width = ev->h.hi - ev->h.lo;
    Rng r = rng_stream(ev->h.seed, "evolve", ev->h.evaluations + k);
    for (size_t i = 0; i < n; i++) {
        x[i] = evolver_unbox(ev, ev->start[i]);
        if (k == 0) continue;
        if (isfinite(width))
            x[i] = evolver_unbox(ev, ev->h.lo + width * rng_uniform(&r));
        else
            x[i] += ev->h.sigma * rng_ziggurat(&r);
    }
}

/* The coming generation into asked and raw, once. */
static void evolver_ready(Evolver *ev)
{
    size_t n = ev->h.dim, lam = ev->h.lam;
    if (ev->fresh) return;
    for (size_t k = 0; k < lam; k++) {
        double *raw = &ev->raw[k * n], *x = &ev->asked[k * n];
        ev->method->ops->sample(ev, raw, k);
        ev->bent[k] = false;
        for (size_t i = 0; i < n; i++) {
            double in = evolver_box(ev, raw[i]);
            ev->bent[k] = ev->bent[k] || (in != raw[i] && ev->raw == ev->asked);
            x[i] = in;
        }
    }
    size_t again = ev->h.popsize - lam;
    memcpy(&ev->asked[lam * n], ev->asked, again * n * sizeof *ev->asked);
    ev->fresh = true;
}

void evolve_ask(Evolver *ev, double *x)
{
    evolver_ready(ev);
    memcpy(x, ev->asked, ev->h.popsize * ev->h.dim * sizeof *x);
}

bool evolver_point(const Evolver *ev, double *y, const double *x, size_t k)
{
    size_t n = ev->h.dim;
    bool asked = memcmp(&x[k * n], &ev->asked[k * n], n * sizeof *x) == 0;
    if (asked)
        memcpy(y, &ev->raw[k * n], n * sizeof *y);
    else
        for (size_t i = 0; i < n; i++) y[i] = evolver_unbox(ev, x[k * n + i]);
    return asked;
}

static Status check_value(const Evolver *ev, double f, size_t k, size_t j, Err *e)
{
    if (ev->method->many) {
        if (!isfinite(f)) FAIL(e, ERR_NUM, "objective %zu of point %zu = %g, want a finite number", j, k, f);
    } else if (isnan(f) || f == -INFINITY) {
        if (j == 0)
            FAIL(e, ERR_NUM, "fitness of point %zu = %g, want a number (infinity for the worst)", k, f);
        FAIL(e, ERR_NUM, "limited value %zu of point %zu = %g, want a number (infinity for the worst)", j, k,
             f);
    }
    return OK;
}

static Status tell_check(const Evolver *ev, const double *x, const double *f, Err *e)
{
    size_t n = ev->h.dim, values = evolve_values(ev);
    for (size_t k = 0; k < ev->h.popsize; k++) {
        for (size_t j = 0; j < values; j++) TRY(check_value(ev, f[k * values + j], k, j, e));
        for (size_t i = 0; i < n; i++) {
            double v = x[k * n + i];
            if (!isfinite(v)) FAIL(e, ERR_NUM, "coordinate %zu of point %zu = %g", i, k, v);
            if (v < ev->h.lo || v > ev->h.hi)
                FAIL(e, ERR_ARG, "coordinate %zu of point %zu = %g, want [%g, %g]", i, k, v, ev->h.lo,
                     ev->h.hi);
        }
        size_t first = k < ev->h.lam ? k : k - ev->h.lam;
        if (memcmp(&x[k * n], &x[first * n], n * sizeof *x) != 0)
            FAIL(e, ERR_ARG, "point %zu repeats point %zu, but its coordinates differ", k, first);
    }
    return OK;
}

/* fit and excess of every point, and the order of the candidates: by value, equal ones by index. Insertion
 * sort: populations are small. */
static void evolver_rank(Evolver *ev, const double *f)
{
    size_t values = evolve_values(ev);
    for (size_t k = 0; k < ev->h.popsize; k++) {
        ev->fit[k] = f[k * values];
        ev->excess[k] = 0;
        for (size_t j = 0; j < ev->h.n_limits; j++)
            ev->excess[k] += fmax(0, f[k * values + 1 + j] - ev->h.limit[j]);
    }
    for (size_t k = 0; k < ev->h.lam; k++) {
        size_t j = k;
        for (; j > 0; j--) {
            size_t i = ev->order[j - 1];
            if (!evolver_less(ev->excess[k], ev->fit[k], ev->excess[i], ev->fit[i])) break;
            ev->order[j] = i;
        }
        ev->order[j] = k;
    }
}

/* The best told point of all and of the run. */
static void best_update(Evolver *ev, const double *x)
{
    size_t k = ev->order[0], bytes = ev->h.dim * sizeof *x;
    double f = ev->fit[k], excess = ev->excess[k];
    const double *at = &x[k * ev->h.dim];
    if (!ev->h.has_best || evolver_less(excess, f, ev->h.best_excess, ev->h.best_f)) {
        ev->h.has_best = true;
        ev->h.best_f = f;
        ev->h.best_excess = excess;
        memcpy(ev->best, at, bytes);
    }
    if (ev->elite == NULL) return;
    if (ev->h.has_elite && !evolver_less(excess, f, ev->h.elite_excess, ev->h.elite_f)) return;
    ev->h.has_elite = true;
    ev->h.elite_f = f;
    ev->h.elite_excess = excess;
    memcpy(ev->elite, at, bytes);
}

static Status tell_update(Evolver *ev, const double *x, const double *f, Err *e)
{
    ev->h.evaluations += ev->h.popsize;
    TRY(ev->method->ops->update(ev, x, f, e));
    if (!ev->method->many) best_update(ev, x);
    return restart_step(ev, e);
}

Status evolve_tell(Evolver *ev, const double *x, const double *f, Err *e)
{
    TRY(tell_check(ev, x, f, e));
    TRY(stop_reserve(ev, e));
    EvolveHead head = ev->h;
    evolver_ready(ev);
    evolver_rank(ev, f);
    memcpy(ev->copy, ev->all, ev->n_all * sizeof *ev->copy);
    Status st = tell_update(ev, x, f, e);
    if (st != OK) {
        ev->h = head;
        memcpy(ev->all, ev->copy, ev->n_all * sizeof *ev->copy);
        return st;
    }
    ev->fresh = false;
    return OK;
}

EvolveView evolve_view(const Evolver *ev)
{
    const EvolveHead *h = &ev->h;
    bool one = !ev->method->many, cma = ev->method->ops == &cma_ops;
    return (EvolveView){.generation = h->generation,
                        .evaluations = h->evaluations,
                        .sigma = h->sigma,
                        .mean = ev->mean,
                        .path_sigma = ev->ps,
                        .path_c = ev->pc,
                        .cov = cma ? ev->cov : NULL,
                        .best = one && h->has_best ? ev->best : NULL,
                        .best_f = h->best_f,
                        .best_excess = h->best_excess,
                        .stop = (EvolveStop)h->stop,
                        .last_stop = (EvolveStop)h->last_stop,
                        .restarts = h->restarts,
                        .noise = h->noise_s,
                        .repeats = (size_t)(h->repeats + 0.5),
                        .rate_mean = h->rate_mean,
                        .rate_cov = h->rate_cov};
}

static bool front_has(const double *f, size_t count, size_t m, const double *row)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(&f[i * m], row, m * sizeof *f) == 0) return true;
    return false;
}

size_t evolve_front(const Evolver *ev, double *x, double *f)
{
    size_t n = ev->h.dim, m = ev->h.n_obj, count = 0;
    if (!ev->method->many) {
        if (!ev->h.has_best) return 0;
        memcpy(x, ev->best, n * sizeof *x);
        f[0] = ev->h.best_f;
        return 1;
    }
    if (ev->h.generation == 0) return 0;
    for (size_t k = 0; k < ev->h.lam; k++) {
        const double *row = &ev->val[k * m];
        bool beaten = false;
        for (size_t j = 0; j < ev->h.lam && !beaten; j++) beaten = pareto_dominates(&ev->val[j * m], row, m);
        if (beaten || front_has(f, count, m, row)) continue;
        for (size_t i = 0; i < n; i++) x[count * n + i] = evolver_box(ev, ev->pop[k * n + i]);
        memcpy(&f[count++ * m], row, m * sizeof *f);
    }
    return count;
}
