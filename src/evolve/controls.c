/* controls.c - what a covariance has to beat: uniform draws, one parent with one child, differential
 * evolution. */
#include "evolve_priv.h"

#include "prime/rng.h"

#include <math.h>
#include <string.h>

/* ---- uniform ---- */

static size_t uniform_cells(const EvolveHead *h)
{
    (void)h;
    return 0;
}

static void uniform_sample(Evolver *ev, double *x, size_t k)
{
    Rng r = rng_stream(ev->h.seed, "evolve", ev->h.evaluations + k);
    for (size_t i = 0; i < ev->h.dim; i++)
        x[i] = evolver_unbox(ev, ev->h.lo + (ev->h.hi - ev->h.lo) * rng_uniform(&r));
}

Status uniform_update(Evolver *ev, const double *x, const double *f, Err *e)
{
    (void)x;
    (void)f;
    (void)e;
    ev->h.generation++;
    return OK;
}

Status evolver_finite(const Evolver *ev, Err *e)
{
    for (size_t i = 0; i < ev->n_all; i++)
        if (!isfinite(ev->all[i])) FAIL(e, ERR_FORMAT, "optimiser state: number %zu = %g", i, ev->all[i]);
    return OK;
}

const EvolveOps random_ops = {.popsize = evolve_default_pop,
                              .least = 2,
                              .box = true,
                              .cells = uniform_cells,
                              .sample = uniform_sample,
                              .update = uniform_update,
                              .sound = evolver_finite};

/* ---- one parent, one child; Auger 2009: sigma times 1.5 after a success, 1.5^(-1/4) otherwise ---- */

static size_t es_popsize(size_t dim)
{
    (void)dim;
    return 1;
}

static size_t es_cells(const EvolveHead *h)
{
    return h->dim;
}

static void es_layout(Evolver *ev, double *at)
{
    ev->mean = at;
}

static void es_start(Evolver *ev)
{
    for (size_t i = 0; i < ev->h.dim; i++) ev->mean[i] = evolver_unbox(ev, ev->start[i]);
}

static void es_sample(Evolver *ev, double *x, size_t k)
{
    Rng r = rng_stream(ev->h.seed, "evolve", ev->h.evaluations + k);
    double sigma = ev->h.has_elite ? ev->h.sigma : 0; /* first of all the start itself */
    for (size_t i = 0; i < ev->h.dim; i++) x[i] = ev->mean[i] + sigma * rng_ziggurat(&r);
}

/* elite_f is the parent's value, has_elite whether it was told. */
static Status es_update(Evolver *ev, const double *x, const double *f, Err *e)
{
    EvolveHead *h = &ev->h;
    double width = h->hi - h->lo, most = isfinite(width) ? width : 1e32;
    (void)f;
    (void)e;
    h->generation++;
    bool better = !h->has_elite || !evolver_less(h->elite_excess, h->elite_f, ev->excess[0], ev->fit[0]);
    if (h->has_elite) h->sigma *= better ? 1.5 : pow(1.5, -0.25);
    h->sigma = fmin(fmax(h->sigma, 1e-20 * h->start_sigma), most);
    if (!better) return OK;
    evolver_point(ev, ev->mean, x, 0);
    h->has_elite = true;
    h->elite_f = ev->fit[0];
    h->elite_excess = ev->excess[0];
    return OK;
}

const EvolveOps es_ops = {.popsize = es_popsize,
                          .least = 1,
                          .runs = true,
                          .cells = es_cells,
                          .layout = es_layout,
                          .start = es_start,
                          .sample = es_sample,
                          .update = es_update,
                          .sound = evolver_finite};

/* ---- differential evolution ---- */

static const double de_factor = 0.5, de_crossover = 0.9; /* F and CR, Storn and Price 1997, section 4 */

static size_t de_popsize(size_t dim)
{
    return dim < 1 ? 10 : dim > 10 ? 100 : 10 * dim;
}

static size_t de_cells(const EvolveHead *h)
{
    return h->lam * (h->dim + 2);
}

static void de_layout(Evolver *ev, double *at)
{
    ev->pop = at;
    ev->val = at + ev->h.lam * ev->h.dim;
}

/* Three members, all different and none of them k. */
static void de_pick(size_t *a, Rng *r, size_t n, size_t k)
{
    for (size_t i = 0; i < 3; i++) {
        bool taken;
        do {
            a[i] = rng_below(r, n);
            taken = a[i] == k;
            for (size_t j = 0; j < i; j++) taken = taken || a[i] == a[j];
        } while (taken);
    }
}

static void de_sample(Evolver *ev, double *x, size_t k)
{
    size_t n = ev->h.dim, a[3];
    if (ev->h.generation == 0) {
        evolver_scatter(ev, x, k);
        return;
    }
    Rng r = rng_stream(ev->h.seed, "evolve", ev->h.evaluations + k);
    de_pick(a, &r, ev->h.lam, k);
    size_t sure = rng_below(&r, n);
    for (size_t i = 0; i < n; i++) {
        bool cross = rng_uniform(&r) < de_crossover || i == sure;
        double mutant = ev->pop[a[0] * n + i] + de_factor * (ev->pop[a[1] * n + i] - ev->pop[a[2] * n + i]);
        x[i] = cross ? mutant : ev->pop[k * n + i];
    }
}

/* What a member is afterwards is inside the box: differences of points far outside would only grow. */
static Status de_update(Evolver *ev, const double *x, const double *f, Err *e)
{
    size_t n = ev->h.dim;
    (void)f;
    (void)e;
    for (size_t k = 0; k < ev->h.lam; k++) {
        double *val = &ev->val[2 * k];
        if (ev->h.generation > 0 && evolver_less(val[1], val[0], ev->excess[k], ev->fit[k])) continue;
        for (size_t i = 0; i < n; i++) ev->pop[k * n + i] = evolver_unbox(ev, x[k * n + i]);
        val[0] = ev->fit[k];
        val[1] = ev->excess[k];
    }
    ev->h.generation++;
    return OK;
}

/* Values may be infinite, coordinates not. */
static Status de_sound(const Evolver *ev, Err *e)
{
    size_t values = 2 * ev->h.lam;
    for (size_t i = 0; i < ev->n_all; i++) {
        bool value = i >= ev->n_all - values && ev->all[i] == INFINITY;
        if (!isfinite(ev->all[i]) && !value)
            FAIL(e, ERR_FORMAT, "optimiser state: number %zu = %g", i, ev->all[i]);
    }
    return OK;
}

const EvolveOps de_ops = {.popsize = de_popsize,
                          .least = 4,
                          .cells = de_cells,
                          .layout = de_layout,
                          .sample = de_sample,
                          .update = de_update,
                          .sound = de_sound};
