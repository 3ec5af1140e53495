/* build.c - the method table; optimisers are made and freed here. */
#include "evolve_priv.h"

#include "prime/arena.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const EvolveMethod methods[] = {
    {.name = "cma",
     .what = "CMA-ES, full covariance, negative weights",
     .source = "Hansen 2016, arXiv:1604.00772",
     .ops = &cma_ops,
     .adapts = true},
    {.name = "cma-diag",
     .what = "separable CMA-ES",
     .source = "Ros and Hansen 2008",
     .ops = &cma_ops,
     .adapts = true,
     .diagonal = true},
    {.name = "random",
     .what = "uniform in the box: control",
     .source = "Bergstra and Bengio 2012",
     .ops = &random_ops,
     .diagonal = true},
    {.name = "gauss",
     .what = "normal around the start, never adapted: control",
     .source = "first generation of cma-diag",
     .ops = &gauss_ops,
     .diagonal = true},
    {.name = "cma-ipop",
     .what = "cma, started again with twice the population",
     .source = "Auger and Hansen 2005",
     .ops = &cma_ops,
     .adapts = true,
     .restart = EVOLVE_IPOP},
    {.name = "cma-bipop",
     .what = "cma, started again with large and small populations",
     .source = "Hansen 2009",
     .ops = &cma_ops,
     .adapts = true,
     .restart = EVOLVE_BIPOP},
    {.name = "cma-diag-ipop",
     .what = "cma-diag, started again with twice the population",
     .source = "Auger and Hansen 2005",
     .ops = &cma_ops,
     .adapts = true,
     .diagonal = true,
     .restart = EVOLVE_IPOP},
    {.name = "cma-diag-bipop",
     .what = "cma-diag, started again with large and small populations",
     .source = "Hansen 2009",
     .ops = &cma_ops,
     .adapts = true,
     .diagonal = true,
     .restart = EVOLVE_BIPOP},
    {.name = "es",
     .what = "(1+1)-ES with the one-fifth success rule: control",
     .source = "Auger 2009",
     .ops = &es_ops,
     .adapts = true,
     .diagonal = true},
    {.name = "de",
     .what = "differential evolution, rand/1/bin: control",
     .source = "Storn and Price 1997",
     .ops = &de_ops,
     .adapts = true,
     .diagonal = true},
    {.name = "nsga2",
     .what = "NSGA-II: a front of 2 to 6 objectives",
     .source = "Deb et al. 2002",
     .ops = &nsga_ops,
     .adapts = true,
     .diagonal = true,
     .many = true},
    {.name = "mo-cma",
     .what = "MO-CMA-ES: a front of 2 to 6 objectives",
     .source = "Igel, Hansen and Roth 2007; Voss et al. 2010",
     .ops = &mocma_ops,
     .adapts = true,
     .many = true},
};
enum { N_METHODS = sizeof methods / sizeof methods[0] };

const EvolveMethod *evolve_method_at(size_t i)
{
    return i < N_METHODS ? &methods[i] : NULL;
}

size_t evolve_default_pop(size_t dim)
{
    return 4 + (size_t)floor(3 * log((double)dim));
}

size_t evolve_repeats(size_t lam, uint64_t noise)
{
    if (noise != EVOLVE_NOISE_REPEAT) return 0;
    size_t some = (3 * lam + 9) / 10;
    return some > 2 ? some : 2;
}

void evolve_free(Evolver *ev)
{
    if (ev == NULL) return;
    eig_free(ev->eig);
    free(ev->all);
    free(ev->copy);
    free(ev->rate_work);
    free(ev->hist);
    free(ev->weights);
    free(ev->asked);
    free(ev->order);
    free(ev->bent);
    free(ev->moo);
    free(ev->moo_index);
    free(ev->stays);
    free(ev);
}

size_t evolver_cells(const EvolveHead *h)
{
    return 2 * h->dim + methods[h->method].ops->cells(h);
}

/* n doubles, zeroed; NULL when there are too many or no memory. */
static double *evolver_doubles(size_t rows, size_t cols)
{
    size_t n;
    if (size_mul(&n, rows, cols, NULL) != OK) return NULL;
    return calloc(n > 0 ? n : 1, sizeof(double));
}

/* What depends on the population. Columns of one block: asked and raw [P], step [lam]; fit, excess [P]. */
Status evolver_room(Evolver *ev, size_t popsize, size_t lam, Err *e)
{
    size_t n = ev->h.dim;
    bool smooth = ev->h.bound == EVOLVE_SMOOTH;
    size_t rows = popsize * (smooth ? 2 : 1) + lam;
    double *weights = calloc(2 * lam, sizeof *weights);
    double *asked = evolver_doubles(rows + 7, n + 4);
    size_t *order = calloc(popsize, sizeof *order);
    bool *bent = calloc(popsize, sizeof *bent);
    if (weights == NULL || asked == NULL || order == NULL || bent == NULL) {
        free(weights);
        free(asked);
        free(order);
        free(bent);
        FAIL(e, ERR_NOMEM, "no memory for %zu points of %zu coordinates", popsize, n);
    }
    free(ev->weights);
    free(ev->asked);
    free(ev->order);
    free(ev->bent);
    ev->bent = bent;
    ev->weights = weights;
    ev->used = weights + lam;
    ev->order = order;
    ev->asked = asked;
    ev->raw = smooth ? asked + popsize * n : asked;
    ev->step = ev->raw + popsize * n;
    ev->t1 = ev->step + lam * n;
    ev->t2 = ev->t1 + n;
    ev->t3 = ev->t2 + n;
    ev->fit = ev->t3 + n;
    ev->excess = ev->fit + popsize;
    ev->rank_work = ev->excess + popsize;
    ev->fresh = false;
    ev->p = evolve_params(weights, n, lam, ev->method->diagonal);
    if (!ev->h.positive) return OK;
    for (size_t k = 0; k < lam; k++) weights[k] = fmax(0, weights[k]);
    return OK;
}

static Status evolver_fill(Evolver *ev, Err *e)
{
    const EvolveHead *h = &ev->h;
    bool full = !ev->method->diagonal && !ev->method->many;
    ev->n_all = evolver_cells(h);
    ev->all = evolver_doubles(ev->n_all, 1);
    ev->copy = evolver_doubles(ev->n_all, 1);
    size_t rates = h->noise == EVOLVE_NOISE_RATE ? cma_cov_cells(h) : 0;
    ev->rate_work = evolver_doubles(rates, 4);
    size_t moo = ev->method->many ? moo_work(2 * h->popsize, h->n_obj) : 0;
    ev->moo = evolver_doubles(moo, 1);
    ev->moo_index = calloc(ev->method->many ? 4 * h->popsize : 1, sizeof *ev->moo_index);
    ev->stays = calloc(ev->method->many ? 2 * h->popsize : 1, sizeof *ev->stays);
    if (ev->all == NULL || ev->copy == NULL || ev->rate_work == NULL || ev->moo == NULL ||
        ev->moo_index == NULL || ev->stays == NULL)
        FAIL(e, ERR_NOMEM, "no memory for the state of %zu points of %zu coordinates", (size_t)h->popsize,
             (size_t)h->dim);
    ev->start = ev->all;
    ev->best = ev->all + h->dim;
    if (ev->method->ops->layout != NULL) ev->method->ops->layout(ev, ev->all + 2 * h->dim);
    if (full) TRY(eig_new(&ev->eig, h->dim, e));
    return evolver_room(ev, h->popsize, h->lam, e);
}

Status evolver_make(Evolver **out, const EvolveHead *h, Err *e)
{
    Evolver *ev = calloc(1, sizeof *ev);
    if (ev == NULL) FAIL(e, ERR_NOMEM, "no memory for an optimiser");
    ev->h = *h;
    ev->method = &methods[h->method];
    Status st = evolver_fill(ev, e);
    if (st != OK) {
        evolve_free(ev);
        return st;
    }
    *out = ev;
    return OK;
}

Status evolve_new(Evolver **out, const char *method, const EvolveOpts *o, Err *e)
{
    EvolveHead h;
    TRY(evolve_head_fill(&h, method, o, e));
    for (size_t i = 0; i < o->dim; i++) {
        double x = o->x0 != NULL ? o->x0[i] : o->start_all;
        if (!(isfinite(x) && x >= o->lo && x <= o->hi))
            FAIL(e, ERR_ARG, "x0[%zu] = %g, want [%g, %g]", i, x, o->lo, o->hi);
    }
    Evolver *ev;
    TRY(evolver_make(&ev, &h, e));
    for (size_t i = 0; i < o->dim; i++) ev->start[i] = o->x0 != NULL ? o->x0[i] : o->start_all;
    if (ev->method->ops->start != NULL) ev->method->ops->start(ev);
    *out = ev;
    return OK;
}
