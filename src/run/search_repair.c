/* search_repair.c - candidates within the limits of an audit. */
#include "search_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- one sign of two ---- */

/* PriME's operator is even in the weights of a group: w and -w are one merge. */
static bool repair_folds(const Search *s)
{
    const MergeMethod *m = spec_merge(s->a->spec);
    return m->linear && m->op == LORA_PRIME && strcmp(s->a->spec->evolve.preset, "prime") == 0;
}

static void repair_sign(double *x, const Search *s)
{
    size_t G = s->a->n_groups;
    for (size_t g = 0; g < G; g++) {
        double sum = 0;
        for (size_t k = 0; k < s->k; k++) sum += x[k * G + g];
        for (size_t k = 0; sum < 0 && k < s->k; k++)
            if (x[k * G + g] != 0) x[k * G + g] = -x[k * G + g];
    }
}

/* ---- limits ---- */

static void repair_cap(double *x, size_t n, double cap)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
    for (size_t i = 0; most > cap && i < n; i++) x[i] = fmax(-cap, fmin(cap, x[i] * (cap / most)));
}

static Status repair_shares(double *x, const Search *s, double *w, Err *e)
{
    const Audit *a = s->a;
    LoraShape shape = model_lora_shape(&a->base->cfg);
    MergeBy by = (MergeBy)a->spec->evolve.granularity;
    MergeLimits lim = {INFINITY, a->spec->evolve.min_effective};
    size_t all = merge_groups(by, &shape);
    audit_spread(w, a, x);
    TRY(merge_limits_project(w, &lim, s->group_norm, s->k, &shape, by, e));
    for (size_t i = 0; i < s->dim; i++) x[i] = w[i / a->n_groups * all + a->full[i % a->n_groups]];
    return OK;
}

/* Clipped to the cap, made of enough anchors, and, where that lifted a weight, smaller as a whole. */
static Status repair_limits(double *x, const Search *s, double *w, Err *e)
{
    double cap = fmin(s->a->spec->evolve.cap, s->a->spec->evolve.bound);
    for (size_t i = 0; i < s->dim; i++) x[i] = fmax(-cap, fmin(cap, x[i]));
    if (s->group_norm == NULL) return OK;
    TRY(repair_shares(x, s, w, e));
    repair_cap(x, s->dim, cap);
    return OK;
}

Status search_repair(double *x, const Search *s, size_t n, Err *e)
{
    LoraShape shape = model_lora_shape(&s->a->base->cfg);
    size_t all = s->k * merge_groups((MergeBy)s->a->spec->evolve.granularity, &shape);
    double *w = malloc(all * sizeof *w);
    bool folds = repair_folds(s);
    if (w == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", all);
    Status st = OK;
    for (size_t i = 0; st == OK && i < n; i++) {
        if (folds) repair_sign(x + i * s->dim, s);
        st = repair_limits(x + i * s->dim, s, w, e);
    }
    free(w);
    return st;
}
