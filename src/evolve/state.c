/* state.c - a state as bytes: the head, the numbers, the history. */
#include "evolve_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void evolve_save(const Evolver *ev, Str *out)
{
    str_put(out, (const char *)&ev->h, sizeof ev->h);
    str_put(out, (const char *)ev->all, ev->n_all * sizeof *ev->all);
    if (ev->h.n_hist > 0) str_put(out, (const char *)ev->hist, 2 * ev->h.n_hist * sizeof *ev->hist);
}

static Status restored_counts(const EvolveHead *h, Err *e)
{
    if (h->elitist > 1 || h->has_best > 1 || h->has_elite > 1 || h->positive > 1 || h->small > 1)
        FAIL(e, ERR_FORMAT, "optimiser state: a flag is not 0 or 1");
    if (h->stop > EVOLVE_STOP_RUN || h->last_stop > EVOLVE_STOP_RUN)
        FAIL(e, ERR_FORMAT, "optimiser state: stop reason %zu", (size_t)h->stop);
    if (h->lam_first < 1 || h->lam_first > EVOLVE_MAX_POP || h->lam_large < h->lam_first ||
        h->lam_large > h->lam_max || h->popsize != h->lam + evolve_repeats(h->lam, h->noise))
        FAIL(e, ERR_FORMAT, "optimiser state: populations of %zu, %zu and %zu points do not fit",
             (size_t)h->lam_first, (size_t)h->lam_large, (size_t)h->popsize);
    if (h->run_generation > h->generation || h->eig_generation > h->generation ||
        h->run_evaluations > h->evaluations || h->generation > h->evaluations)
        FAIL(e, ERR_FORMAT, "optimiser state: generation %zu after %zu evaluations: counts do not fit",
             (size_t)h->generation, (size_t)h->evaluations);
    if (h->n_hist > 2 * EVOLVE_MAX_WINDOW + 1 || h->n_hist > h->generation)
        FAIL(e, ERR_FORMAT, "optimiser state: values of %zu generations", (size_t)h->n_hist);
    return OK;
}

static Status restored_numbers(const EvolveHead *h, Err *e)
{
    if (!(h->sigma > 0 && isfinite(h->sigma))) FAIL(e, ERR_FORMAT, "optimiser state: sigma = %g", h->sigma);
    if (!(h->sigma_first > 0 && isfinite(h->sigma_first)))
        FAIL(e, ERR_FORMAT, "optimiser state: first sigma = %g", h->sigma_first);
    if (isnan(h->best_f) || isnan(h->elite_f) || !(h->best_excess >= 0) || !(h->elite_excess >= 0))
        FAIL(e, ERR_FORMAT, "optimiser state: best value is not a number");
    if (!(h->repeats >= 1 && h->repeats <= 1e6))
        FAIL(e, ERR_FORMAT, "optimiser state: repeats = %g", h->repeats);
    if (!(h->rate_mean > 0 && h->rate_mean <= 1 && h->rate_cov > 0 && h->rate_cov <= 1))
        FAIL(e, ERR_FORMAT, "optimiser state: learning rates %g and %g, want (0, 1]", h->rate_mean,
             h->rate_cov);
    if (!(h->v_mean >= 0 && h->v_cov >= 0 && isfinite(h->v_mean + h->v_cov) && isfinite(h->noise_s)))
        FAIL(e, ERR_FORMAT, "optimiser state: noise is not a number");
    return OK;
}

static Status head_read(EvolveHead *h, const void *data, size_t n, Err *e)
{
    if (n < sizeof *h) FAIL(e, ERR_FORMAT, "optimiser state of %zu bytes, want at least %zu", n, sizeof *h);
    memcpy(h, data, sizeof *h);
    if (h->magic != evolve_magic) FAIL(e, ERR_FORMAT, "not an optimiser state of this machine");
    if (evolve_method_at(h->method) == NULL)
        FAIL(e, ERR_FORMAT, "optimiser state: method %zu", (size_t)h->method);
    Err why = {0};
    if (evolve_head_check(h, &why) != OK) FAIL(e, ERR_FORMAT, "optimiser state: %s", why.msg);
    TRY(restored_counts(h, e));
    return restored_numbers(h, e);
}

static Status restored_fill(Evolver *ev, const char *at, Err *e)
{
    size_t bytes = ev->n_all * sizeof *ev->all, pairs = ev->h.n_hist;
    memcpy(ev->all, at, bytes);
    TRY(ev->method->ops->sound(ev, e));
    if (pairs == 0) return OK;
    ev->hist = calloc(2 * pairs, sizeof *ev->hist);
    if (ev->hist == NULL) FAIL(e, ERR_NOMEM, "no memory for the values of %zu generations", pairs);
    ev->cap_hist = pairs;
    memcpy(ev->hist, at + bytes, 2 * pairs * sizeof *ev->hist);
    for (size_t i = 0; i < 2 * pairs; i++)
        if (isnan(ev->hist[i])) FAIL(e, ERR_FORMAT, "optimiser state: value %zu is not a number", i);
    return OK;
}

Status evolve_restore(Evolver **out, const void *data, size_t n, Err *e)
{
    EvolveHead h;
    TRY(head_read(&h, data, n, e));
    size_t cells = evolver_cells(&h) + 2 * h.n_hist;
    if (n - sizeof h != cells * sizeof(double))
        FAIL(e, ERR_FORMAT, "optimiser state of %zu bytes, want %zu", n, sizeof h + cells * sizeof(double));
    Evolver *ev;
    TRY(evolver_make(&ev, &h, e));
    Status st = restored_fill(ev, (const char *)data + sizeof h, e);
    if (st != OK) {
        evolve_free(ev);
        return st;
    }
    *out = ev;
    return OK;
}
