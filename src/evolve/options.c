/* options.c - options to the head of a state, and what a head must satisfy. */
#include "evolve_priv.h"

#include "prime/str.h"

#include <math.h>
#include <string.h>

const uint64_t evolve_magic = 0x324F564D49525050U; /* "PPRIMVO2" on a little-endian machine */

static const char *const stop_names[] = {"goes on",   "budget",   "tolfun",     "tolx",
                                         "condition", "diverged", "stagnation", "end of a small run"};

const char *evolve_stop_name(EvolveStop s)
{
    return (size_t)s < sizeof stop_names / sizeof stop_names[0] ? stop_names[s] : "unknown";
}

static Status method_find(uint64_t *out, const char *name, Err *e)
{
    Str all = {0};
    for (size_t i = 0; evolve_method_at(i) != NULL; i++) {
        if (strcmp(evolve_method_at(i)->name, name) == 0) {
            *out = i;
            str_free(&all);
            return OK;
        }
        str_printf(&all, "%s%s", i > 0 ? ", " : "", evolve_method_at(i)->name);
    }
    Status st = err_set(e, ERR_ARG, __FILE__, __LINE__, "method '%s', want one of %s", name,
                        all.failed ? "those listed" : all.s);
    str_free(&all);
    return st;
}

static Status check_sizes(const EvolveHead *h, const EvolveMethod *m, Err *e)
{
    if (h->dim < 1 || h->dim > EVOLVE_MAX_DIM)
        FAIL(e, ERR_ARG, "dimension = %zu, want 1 to %d", (size_t)h->dim, EVOLVE_MAX_DIM);
    size_t most = m->ops == &es_ops ? 1 : EVOLVE_MAX_POP;
    if (h->lam < m->ops->least || h->lam > most)
        FAIL(e, ERR_ARG, "popsize = %zu, %s wants %zu to %zu", (size_t)h->lam, m->name, m->ops->least, most);
    if (h->lam_max < h->lam_first || h->lam_max > EVOLVE_MAX_POP || h->lam > h->lam_max)
        FAIL(e, ERR_ARG, "popsize_max = %zu, %s wants %zu to %d", (size_t)h->lam_max, m->name,
             (size_t)h->lam_first, EVOLVE_MAX_POP);
    size_t least = m->many ? 2 : 1, objectives = m->many ? EVOLVE_MAX_OBJ : 1;
    if (h->n_obj < least || h->n_obj > objectives)
        FAIL(e, ERR_ARG, "%zu objectives, %s wants %zu to %zu", (size_t)h->n_obj, m->name, least, objectives);
    if (h->n_limits > EVOLVE_MAX_LIMITS)
        FAIL(e, ERR_ARG, "%zu limits, want at most %d", (size_t)h->n_limits, EVOLVE_MAX_LIMITS);
    for (size_t i = 0; i < h->n_limits; i++)
        if (!isfinite(h->limit[i])) FAIL(e, ERR_ARG, "limit[%zu] = %g, want a finite number", i, h->limit[i]);
    return OK;
}

static Status check_numbers(const EvolveHead *h, const EvolveMethod *m, Err *e)
{
    if (!(h->lo < h->hi)) FAIL(e, ERR_ARG, "box [%g, %g], want lo < hi", h->lo, h->hi);
    if (m->ops->box && !isfinite(h->hi - h->lo))
        FAIL(e, ERR_ARG, "box [%g, %g], %s wants a finite one", h->lo, h->hi, m->name);
    if (!(h->start_sigma > 0 && isfinite(h->start_sigma)))
        FAIL(e, ERR_ARG, "sigma = %g, want a finite number above 0", h->start_sigma);
    if (!(h->inject_max > 0)) FAIL(e, ERR_ARG, "inject_max = %g, want above 0", h->inject_max);
    if (h->bound > EVOLVE_SMOOTH) FAIL(e, ERR_ARG, "bound = %zu, want 0 to 3", (size_t)h->bound);
    if (h->noise > EVOLVE_NOISE_RATE) FAIL(e, ERR_ARG, "noise = %zu, want 0 to 2", (size_t)h->noise);
    if (h->repeat_max < 1 || h->repeat_max > 1000000)
        FAIL(e, ERR_ARG, "repeat_max = %zu, want 1 to 1000000", (size_t)h->repeat_max);
    if (!(h->tol_fun > 0 && isfinite(h->tol_fun)))
        FAIL(e, ERR_ARG, "tol_fun = %g, want a finite number above 0", h->tol_fun);
    if (!(h->tol_x > 0 && isfinite(h->tol_x)))
        FAIL(e, ERR_ARG, "tol_x = %g, want a finite number above 0", h->tol_x);
    return OK;
}

/* Options that the method has no use for are refused: they would be ignored in silence otherwise. */
static Status check_fit(const EvolveHead *h, const EvolveMethod *m, Err *e)
{
    if (h->noise != EVOLVE_NOISE_NONE && !m->ops->noisy)
        FAIL(e, ERR_UNSUP, "noise handling is for cma and its kin, not for %s", m->name);
    if (h->repeat_max > 1 && h->noise != EVOLVE_NOISE_REPEAT)
        FAIL(e, ERR_UNSUP, "repeat_max is for EVOLVE_NOISE_REPEAT");
    if (h->elitist && h->noise != EVOLVE_NOISE_NONE)
        FAIL(e, ERR_UNSUP, "elitist with noise handling: the elite would be a lucky draw");
    if (h->positive && m->ops != &cma_ops)
        FAIL(e, ERR_UNSUP, "positive weights only: an option of cma and its kin, not of %s", m->name);
    if (h->n_limits > 0 && m->many)
        FAIL(e, ERR_UNSUP, "%s takes no limits: make them objectives, or use a method of one objective",
             m->name);
    if (h->restarts_max > 0 && m->restart == EVOLVE_ONE_RUN)
        FAIL(e, ERR_UNSUP, "%s does not restart; cma-ipop and cma-bipop do", m->name);
    return OK;
}

Status evolve_head_check(const EvolveHead *h, Err *e)
{
    const EvolveMethod *m = evolve_method_at(h->method);
    TRY(check_sizes(h, m, e));
    TRY(check_numbers(h, m, e));
    return check_fit(h, m, e);
}

static void head_numbers(EvolveHead *h, const EvolveOpts *o)
{
    double n = (double)o->dim;
    h->bound = o->bound;
    h->lo = o->lo;
    h->hi = o->hi;
    h->sigma_first = h->start_sigma = h->sigma = o->sigma;
    h->inject_max = o->inject_max != 0 ? o->inject_max : sqrt(n) + 2 * n / (n + 2);
    h->best_f = h->elite_f = INFINITY;
    h->tol_fun = o->tol_fun != 0 ? o->tol_fun : 1e-12;
    h->tol_x = o->tol_x != 0 ? o->tol_x : 1e-12;
    h->rate_mean = h->rate_cov = h->repeats = 1;
}

Status evolve_head_fill(EvolveHead *h, const char *method, const EvolveOpts *o, Err *e)
{
    *h = (EvolveHead){.magic = evolve_magic, .dim = o->dim, .seed = o->seed, .elitist = o->elitist};
    TRY(method_find(&h->method, method, e));
    if (o->dim == 0) FAIL(e, ERR_ARG, "dimension = 0, want 1 to %d", EVOLVE_MAX_DIM);
    if (o->n_limits > EVOLVE_MAX_LIMITS || (o->n_limits > 0 && o->limit == NULL))
        FAIL(e, ERR_ARG, "%zu limits, want at most %d and their values", o->n_limits, EVOLVE_MAX_LIMITS);
    head_numbers(h, o);
    h->lam = o->popsize != 0 ? o->popsize : evolve_method_at(h->method)->ops->popsize(o->dim);
    h->lam_first = h->lam_large = h->lam;
    bool restarts = evolve_method_at(h->method)->restart != EVOLVE_ONE_RUN;
    if (o->popsize_max != 0 && !restarts)
        FAIL(e, ERR_UNSUP, "%s does not restart: popsize_max has no use", method);
    h->lam_max = restarts ? o->popsize_max : h->lam;
    h->noise = o->noise;
    h->n_obj = o->n_obj != 0 ? o->n_obj : 1;
    h->n_limits = o->n_limits;
    for (size_t i = 0; i < o->n_limits; i++) h->limit[i] = o->limit[i];
    h->positive = o->positive;
    h->repeat_max = o->repeat_max != 0 ? o->repeat_max : 1;
    h->budget = o->budget;
    h->restarts_max = o->restarts;
    TRY(evolve_head_check(h, e));
    h->popsize = h->lam + evolve_repeats(h->lam, h->noise);
    return OK;
}
