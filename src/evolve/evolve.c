#include "evolve_priv.h"

#include "prime/arena.h"
#include "prime/rng.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DIM = 1 << 14, MAX_POP = 1 << 12 };
static const uint64_t magic = 0x314F564D49525050U; /* "PPRIMVO1" on a little-endian machine */

static void random_sample(Evolver *ev, double *x, size_t k)
{
    Rng r = rng_stream(ev->h.seed, "evolve", ev->h.generation * ev->h.popsize + k);
    for (size_t i = 0; i < ev->h.dim; i++) x[i] = ev->h.lo + (ev->h.hi - ev->h.lo) * rng_uniform(&r);
}

static const EvolveMethod methods[] = {
    {"cma", "CMA-ES, full covariance, negative weights", "Hansen 2016, arXiv:1604.00772", true, false,
     cma_sample},
    {"cma-diag", "separable CMA-ES", "Ros and Hansen 2008", true, true, cma_sample},
    {"random", "uniform in the box: control", "Bergstra and Bengio 2012", false, true, random_sample},
    {"gauss", "normal around the start, never adapted: control", "first generation of cma-diag", false, true,
     cma_sample},
};
enum { N_METHODS = sizeof methods / sizeof methods[0] };

const EvolveMethod *evolve_method_at(size_t i)
{
    return i < N_METHODS ? &methods[i] : NULL;
}

static double repair_clip(double x, double lo, double hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

static double repair_fold(double x, double lo, double hi)
{
    double width = hi - lo, at = fmod(x - lo, 2 * width);
    if (at < 0) at += 2 * width;
    return repair_clip(at <= width ? lo + at : hi - (at - width), lo, hi);
}

double evolve_repair(double x, double lo, double hi, EvolveBound bound)
{
    if (x >= lo && x <= hi) return x;
    if (bound == EVOLVE_CLIP) return repair_clip(x, lo, hi);
    double once = x < lo ? 2 * lo - x : 2 * hi - x;
    if (bound == EVOLVE_REFLECT && isfinite(hi - lo)) return repair_fold(x, lo, hi);
    return repair_clip(once, lo, hi);
}

void evolve_free(Evolver *ev)
{
    if (ev == NULL) return;
    eig_free(ev->eig);
    free(ev->all);
    free(ev->copy);
    free(ev->weights);
    free(ev->asked);
    free(ev->order);
    free(ev);
}

static void evolver_layout(Evolver *ev)
{
    size_t n = ev->h.dim;
    double *at = ev->all;
    ev->mean = at;
    ev->ps = at + n;
    ev->pc = at + 2 * n;
    ev->dev = at + 3 * n;
    ev->best = at + 4 * n;
    ev->cov = at + 5 * n;
    ev->basis = ev->method->diagonal ? NULL : ev->cov + n * n;
}

/* An evolver with room for everything and the constants in place, from a head that was checked. */
static Status evolver_alloc(Evolver **out, const EvolveHead *h, Err *e)
{
    size_t n = h->dim, pop = h->popsize;
    Evolver *ev = calloc(1, sizeof *ev);
    if (ev == NULL) FAIL(e, ERR_NOMEM, "no memory for an optimiser");
    ev->h = *h;
    ev->method = &methods[h->method];
    ev->n_all = 5 * n + (ev->method->diagonal ? n : 2 * n * n);
    ev->all = calloc(ev->n_all, sizeof *ev->all);
    ev->copy = calloc(ev->n_all, sizeof *ev->copy);
    ev->weights = calloc(pop, sizeof *ev->weights);
    ev->asked = calloc(2 * pop * n + 3 * n, sizeof *ev->asked);
    ev->order = calloc(pop, sizeof *ev->order);
    Status st = ev->method->diagonal ? OK : eig_new(&ev->eig, n, e);
    if (st == OK && (ev->all == NULL || ev->copy == NULL || ev->weights == NULL || ev->asked == NULL ||
                     ev->order == NULL))
        st = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu points of %zu coordinates", pop, n);
    if (st != OK) {
        evolve_free(ev);
        return st;
    }
    ev->step = ev->asked + pop * n;
    ev->t1 = ev->step + pop * n;
    ev->t2 = ev->t1 + n;
    ev->t3 = ev->t2 + n;
    evolver_layout(ev);
    ev->p = evolve_params(ev->weights, n, pop, ev->method->diagonal);
    *out = ev;
    return OK;
}

static Status method_find(uint64_t *out, const char *name, Err *e)
{
    for (size_t i = 0; i < N_METHODS; i++) {
        if (strcmp(methods[i].name, name) != 0) continue;
        *out = i;
        return OK;
    }
    FAIL(e, ERR_ARG, "method '%s', want cma, cma-diag, random or gauss", name);
}

/* Ranges of everything but the start; also what a restored head must satisfy. */
static Status head_check(const EvolveHead *h, Err *e)
{
    if (h->dim < 1 || h->dim > MAX_DIM)
        FAIL(e, ERR_ARG, "dimension = %zu, want 1 to %d", (size_t)h->dim, MAX_DIM);
    if (h->popsize < 2 || h->popsize > MAX_POP)
        FAIL(e, ERR_ARG, "popsize = %zu, want 2 to %d", (size_t)h->popsize, MAX_POP);
    if (!(h->lo < h->hi)) FAIL(e, ERR_ARG, "box [%g, %g], want lo < hi", h->lo, h->hi);
    if (strcmp(methods[h->method].name, "random") == 0 && !isfinite(h->hi - h->lo))
        FAIL(e, ERR_ARG, "box [%g, %g], random wants a finite one", h->lo, h->hi);
    if (!(h->start_sigma > 0 && isfinite(h->start_sigma)))
        FAIL(e, ERR_ARG, "sigma = %g, want a finite number above 0", h->start_sigma);
    if (!(h->inject_max > 0)) FAIL(e, ERR_ARG, "inject_max = %g, want above 0", h->inject_max);
    if (h->bound > EVOLVE_CLIP) FAIL(e, ERR_ARG, "bound = %zu, want 0 to 2", (size_t)h->bound);
    return OK;
}

static Status head_fill(EvolveHead *h, const char *method, const EvolveOpts *o, Err *e)
{
    *h = (EvolveHead){.magic = magic, .dim = o->dim, .seed = o->seed, .elitist = o->elitist};
    TRY(method_find(&h->method, method, e));
    double n = (double)o->dim;
    h->popsize = o->popsize != 0 ? o->popsize : o->dim == 0 ? 4 : 4 + (size_t)floor(3 * log(n));
    h->bound = o->bound;
    h->lo = o->lo;
    h->hi = o->hi;
    h->start_sigma = h->sigma = o->sigma;
    h->inject_max = o->inject_max != 0 ? o->inject_max : sqrt(n) + 2 * n / (n + 2);
    h->best_f = INFINITY;
    if (o->dim == 0) h->inject_max = 1; /* refused below, by its own name */
    return head_check(h, e);
}

static void evolver_identity(double *a, size_t n)
{
    memset(a, 0, n * n * sizeof *a);
    for (size_t i = 0; i < n; i++) a[i * n + i] = 1;
}

Status evolve_new(Evolver **out, const char *method, const EvolveOpts *o, Err *e)
{
    EvolveHead h;
    TRY(head_fill(&h, method, o, e));
    for (size_t i = 0; i < o->dim; i++) {
        double x = o->x0 != NULL ? o->x0[i] : o->start_all;
        if (!(isfinite(x) && x >= o->lo && x <= o->hi))
            FAIL(e, ERR_ARG, "x0[%zu] = %g, want [%g, %g]", i, x, o->lo, o->hi);
    }
    Evolver *ev;
    TRY(evolver_alloc(&ev, &h, e));
    for (size_t i = 0; i < o->dim; i++) {
        ev->mean[i] = o->x0 != NULL ? o->x0[i] : o->start_all;
        ev->dev[i] = 1;
    }
    if (ev->basis != NULL) {
        evolver_identity(ev->basis, o->dim);
        evolver_identity(ev->cov, o->dim);
    } else {
        memcpy(ev->cov, ev->dev, o->dim * sizeof *ev->cov);
    }
    *out = ev;
    return OK;
}

size_t evolve_dim(const Evolver *ev)
{
    return ev->h.dim;
}

size_t evolve_popsize(const Evolver *ev)
{
    return ev->h.popsize;
}

void evolve_ask(Evolver *ev, double *x)
{
    size_t n = ev->h.dim;
    for (size_t k = 0; k < ev->h.popsize; k++) {
        ev->method->sample(ev, &x[k * n], k);
        for (size_t i = 0; i < n; i++)
            x[k * n + i] = evolve_repair(x[k * n + i], ev->h.lo, ev->h.hi, (EvolveBound)ev->h.bound);
    }
}

static Status tell_check(const Evolver *ev, const double *x, const double *f, Err *e)
{
    size_t n = ev->h.dim;
    for (size_t k = 0; k < ev->h.popsize; k++) {
        if (isnan(f[k]) || f[k] == -INFINITY)
            FAIL(e, ERR_NUM, "fitness of point %zu = %g, want a number (infinity for the worst)", k, f[k]);
        for (size_t i = 0; i < n; i++) {
            double v = x[k * n + i];
            if (!isfinite(v)) FAIL(e, ERR_NUM, "coordinate %zu of point %zu = %g", i, k, v);
            if (v < ev->h.lo || v > ev->h.hi)
                FAIL(e, ERR_ARG, "coordinate %zu of point %zu = %g, want [%g, %g]", i, k, v, ev->h.lo,
                     ev->h.hi);
        }
    }
    return OK;
}

/* Indices by value, equal values in index order: insertion sort, populations are small. */
static void evolver_rank(size_t *order, const double *f, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        size_t j = k;
        for (; j > 0 && f[order[j - 1]] > f[k]; j--) order[j] = order[j - 1];
        order[j] = k;
    }
}

/* One ranked step from point x; a point that was not asked for is shortened to inject_max. */
static void step_from(Evolver *ev, double *y, const double *x, bool asked)
{
    size_t n = ev->h.dim;
    for (size_t i = 0; i < n; i++) y[i] = (x[i] - ev->mean[i]) / ev->h.sigma;
    if (asked || isinf(ev->h.inject_max)) return;
    double length = cma_length(ev, y);
    if (length <= ev->h.inject_max) return;
    for (size_t i = 0; i < n; i++) y[i] *= ev->h.inject_max / length;
}

/* Steps in rank order. With elitism an older point that is better than all of these comes first, and the
 * worst of these is left out. */
static void steps_fill(Evolver *ev, const double *x, const double *f)
{
    size_t n = ev->h.dim, pop = ev->h.popsize, at = 0;
    evolver_rank(ev->order, f, pop);
    evolve_ask(ev, ev->asked);
    if (ev->h.elitist && ev->h.has_best && ev->h.best_f < f[ev->order[0]])
        step_from(ev, &ev->step[at++ * n], ev->best, false);
    for (size_t k = 0; at < pop; k++) {
        size_t i = ev->order[k];
        bool asked = memcmp(&x[i * n], &ev->asked[i * n], n * sizeof *x) == 0;
        step_from(ev, &ev->step[at++ * n], &x[i * n], asked);
    }
}

static void best_update(Evolver *ev, const double *x, const double *f)
{
    size_t k = ev->order[0];
    ev->h.evaluations += ev->h.popsize;
    if (ev->h.has_best && f[k] >= ev->h.best_f) return;
    ev->h.has_best = true;
    ev->h.best_f = f[k];
    memcpy(ev->best, &x[k * ev->h.dim], ev->h.dim * sizeof *x);
}

/* The update, undone when it fails. */
static Status update_or_keep(Evolver *ev, Err *e)
{
    EvolveHead head = ev->h;
    memcpy(ev->copy, ev->all, ev->n_all * sizeof *ev->copy);
    Status st = cma_update(ev, e);
    if (st == OK) return OK;
    ev->h = head;
    memcpy(ev->all, ev->copy, ev->n_all * sizeof *ev->copy);
    return st;
}

Status evolve_tell(Evolver *ev, const double *x, const double *f, Err *e)
{
    TRY(tell_check(ev, x, f, e));
    steps_fill(ev, x, f);
    if (ev->method->adapts)
        TRY(update_or_keep(ev, e));
    else
        ev->h.generation++;
    best_update(ev, x, f);
    return OK;
}

EvolveView evolve_view(const Evolver *ev)
{
    EvolveView v = {.generation = ev->h.generation, .evaluations = ev->h.evaluations, .sigma = ev->h.sigma};
    v.mean = ev->mean;
    v.path_sigma = ev->ps;
    v.path_c = ev->pc;
    v.cov = ev->method->adapts ? ev->cov : NULL;
    v.best = ev->h.has_best ? ev->best : NULL;
    v.best_f = ev->h.best_f;
    return v;
}

void evolve_save(const Evolver *ev, Str *out)
{
    str_put(out, (const char *)&ev->h, sizeof ev->h);
    str_put(out, (const char *)ev->all, ev->n_all * sizeof *ev->all);
}

static Status state_check(const Evolver *ev, Err *e)
{
    for (size_t i = 0; i < ev->n_all; i++)
        if (!isfinite(ev->all[i])) FAIL(e, ERR_FORMAT, "optimiser state: number %zu = %g", i, ev->all[i]);
    for (size_t i = 0; i < ev->h.dim; i++)
        if (!(ev->dev[i] > 0)) FAIL(e, ERR_FORMAT, "optimiser state: axis %zu = %g, want > 0", i, ev->dev[i]);
    return OK;
}

static Status head_read(EvolveHead *h, const void *data, size_t n, Err *e)
{
    if (n < sizeof *h) FAIL(e, ERR_FORMAT, "optimiser state of %zu bytes, want at least %zu", n, sizeof *h);
    memcpy(h, data, sizeof *h);
    if (h->magic != magic) FAIL(e, ERR_FORMAT, "not an optimiser state of this machine");
    if (h->method >= N_METHODS) FAIL(e, ERR_FORMAT, "optimiser state: method %zu", (size_t)h->method);
    if (h->elitist > 1 || h->has_best > 1) FAIL(e, ERR_FORMAT, "optimiser state: a flag is not 0 or 1");
    if (!(h->sigma > 0 && isfinite(h->sigma))) FAIL(e, ERR_FORMAT, "optimiser state: sigma = %g", h->sigma);
    if (isnan(h->best_f)) FAIL(e, ERR_FORMAT, "optimiser state: best value is not a number");
    Err why = {0};
    if (head_check(h, &why) != OK) FAIL(e, ERR_FORMAT, "optimiser state: %s", why.msg);
    return OK;
}

Status evolve_restore(Evolver **out, const void *data, size_t n, Err *e)
{
    EvolveHead h;
    TRY(head_read(&h, data, n, e));
    size_t cells = methods[h.method].diagonal ? 6 * h.dim : 5 * h.dim + 2 * h.dim * h.dim;
    if (n - sizeof h != cells * sizeof(double))
        FAIL(e, ERR_FORMAT, "optimiser state of %zu bytes, want %zu", n, sizeof h + cells * sizeof(double));
    Evolver *ev;
    TRY(evolver_alloc(&ev, &h, e));
    memcpy(ev->all, (const char *)data + sizeof h, n - sizeof h);
    Status st = state_check(ev, e);
    if (st != OK) {
        evolve_free(ev);
        return st;
    }
    *out = ev;
    return OK;
}
