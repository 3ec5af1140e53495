/* candidates.c - from weights or adapters to what a model is run with. */
#include "audit_priv.h"

#include <stdlib.h>
#include <string.h>

Status audit_bank(LoraBank **b, const Lora **l, const Audit *a, const AuditTarget *t, size_t s, Err *e)
{
    const Lora *own[256];
    size_t k = a->spec->anchors.per_target;
    for (size_t i = 0; i < k; i++) own[i] = a->anchor[t->anchor[i]].lora[a->n_train > 1 ? s : 0];
    if (l != NULL) memcpy(l, own, k * sizeof *l);
    return lora_bank_new(b, own, k, e);
}

size_t audit_genome(const Audit *a)
{
    return a->spec->anchors.per_target * a->n_groups;
}

void audit_spread(double *w, const Audit *a, const double *genome)
{
    MergeBy by = (MergeBy)a->spec->evolve.granularity;
    LoraShape shape = model_lora_shape(&a->base->cfg);
    size_t K = a->spec->anchors.per_target, all = merge_groups(by, &shape);
    for (size_t i = 0; i < K * all; i++) w[i] = 0;
    for (size_t i = 0; i < K * a->n_groups; i++)
        w[i / a->n_groups * all + a->full[i % a->n_groups]] = genome[i];
}

Status audit_merge(Lora **out, const Audit *a, const Lora *const *anchor, const double *genome, uint64_t seed,
                   Err *e)
{
    const MergeMethod *m = spec_merge(a->spec);
    MergeBy by = (MergeBy)a->spec->evolve.granularity;
    MergeOpts o = spec_merge_opts(a->spec, m, seed);
    size_t K = a->spec->anchors.per_target, all = merge_groups(by, &anchor[0]->shape);
    double *w = malloc(K * all * sizeof *w);
    if (w == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", K * all);
    audit_spread(w, a, genome);
    Status s = merge_build(out, NULL, m, anchor, K, &(MergeWeights){w, by}, &o, e);
    free(w);
    return s;
}

/* ---- populations ---- */

static Status crowd_weights(AuditCrowd *c, size_t n, Err *e)
{
    c->w = calloc(n, sizeof *c->w);
    if (c->w == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", n);
    return OK;
}

/* Each adapter is a candidate: weight 1 on itself. */
static Status crowd_fill(AuditCrowd *c, const Lora *const *l, size_t n, Err *e)
{
    TRY(lora_bank_new(&c->bank, l, n, e));
    TRY(crowd_weights(c, n * n, e));
    for (size_t i = 0; i < n; i++) c->w[i * n + i] = 1;
    c->lora = (PassLora){.bank = c->bank, .op = LORA_EXACT, .w = c->w};
    return OK;
}

Status audit_crowd_of(AuditCrowd *out, const Lora *const *l, size_t n, Err *e)
{
    AuditCrowd c = {0};
    Status s = crowd_fill(&c, l, n, e);
    if (s != OK)
        audit_crowd_free(&c);
    else
        *out = c;
    return s;
}

static Status crowd_linear(AuditCrowd *c, const Audit *a, const LoraBank *bank, const double *x, size_t n,
                           Err *e)
{
    size_t all = n * audit_genome(a);
    TRY(crowd_weights(c, all, e));
    for (size_t i = 0; i < all; i++) c->w[i] = (float)x[i];
    c->lora = (PassLora){
        .bank = bank, .op = spec_merge(a->spec)->op, .w = c->w, .group = a->group, .n_groups = a->n_groups};
    return OK;
}

static Status crowd_built(AuditCrowd *c, const Audit *a, const Lora *const *anchor, const double *x, size_t n,
                          uint64_t seed, Err *e)
{
    c->built = calloc(n, sizeof *c->built);
    if (c->built == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu merges", n);
    c->n = n;
    for (size_t i = 0; i < n; i++)
        TRY(audit_merge(&c->built[i], a, anchor, x + i * audit_genome(a), seed, e));
    return crowd_fill(c, (const Lora *const *)c->built, n, e);
}

Status audit_crowd(AuditCrowd *out, const Audit *a, const LoraBank *bank, const Lora *const *anchor,
                   const double *x, size_t n, uint64_t seed, Err *e)
{
    AuditCrowd c = {0};
    Status s = spec_merge(a->spec)->linear ? crowd_linear(&c, a, bank, x, n, e)
                                           : crowd_built(&c, a, anchor, x, n, seed, e);
    if (s != OK)
        audit_crowd_free(&c);
    else
        *out = c;
    return s;
}

void audit_crowd_free(AuditCrowd *c)
{
    for (size_t i = 0; i < c->n; i++) lora_free(c->built[i]);
    free(c->built);
    free(c->w);
    lora_bank_free(c->bank);
    *c = (AuditCrowd){0};
}
