/* method_attacker.c - merges that one more adapter has got into: the attacker's. */
#include "sweep_priv.h"

#include <math.h>
#include <string.h>

/* -1: the attacker's adapter the other way round. */
static const struct {
    const char *method;
    double sign;
} attackers[] = {{"malicious", -1}, {"bystander", 1}};

/* A copy of l whose update is `by` times that of l; factors of rank and scale stay, as PriME's operator wants
 * them. */
static Status attacker_copy(Lora **out, const Lora *l, double by, const Audit *a, Err *e)
{
    Lora *x = NULL;
    TRY(audit_lora(&x, a, e));
    if (!lora_same_shape(x, l)) {
        lora_free(x);
        FAIL(e, ERR_SHAPE, "the attacker's adapter has other sites or ranks than this audit's");
    }
    memcpy(x->data, l->data, l->n_params * sizeof *l->data);
    for (size_t i = 0; i < x->shape.n_layers * LORA_KINDS; i++) {
        LoraSite *s = &x->site[i];
        for (size_t j = 0; s->r > 0 && j < x->shape.n_out[i % LORA_KINDS] * s->r; j++)
            s->b[j] = (float)(by * (double)s->b[j]);
    }
    *out = x;
    return OK;
}

/* At the mean norm of the anchors' own adapters: by size nobody can tell it. */
static Status attacker_made(Lora **out, const Audit *a, const Lora *const *anchor, double sign, size_t index,
                            Err *e)
{
    size_t K = a->spec->anchors.per_target;
    const Lora *own = a->attacker[a->n_train > 1 ? index : 0];
    double mean = 0, norm = lora_norm(own);
    for (size_t k = 0; k < K; k++) mean += lora_norm(anchor[k]) / (double)K;
    if (!(norm > 0)) FAIL(e, ERR_NUM, "the attacker's adapter has learnt nothing: its norm is %g", norm);
    return attacker_copy(out, own, sign * mean / norm, a, e);
}

static Status attacker_merge(Lora **out, const Audit *a, const Lora *const *anchor, const Lora *attacker,
                             const double *w, uint64_t seed, Err *e)
{
    const Lora *all[257];
    size_t K = a->spec->anchors.per_target;
    const MergeMethod *m = spec_merge(a->spec);
    MergeOpts o = spec_merge_opts(a->spec, m, seed);
    memcpy(all, anchor, K * sizeof(const Lora *));
    all[K] = attacker;
    return merge_build(out, NULL, m, all, K + 1, &(MergeWeights){w, MERGE_BY_ADAPTER}, &o, e);
}

static Status attacker_again(Lora **out, const TrialFor *who, const Trial *t, const Lora *const *anchor,
                             Err *e)
{
    return attacker_merge(out, t->audit, anchor, t->extra, t->share, t->audit->spec->seeds.x[who->index], e);
}

static Status attacker_cell(Sweep *s, const AuditTarget *t, size_t index, Trial *trial, double sign, Err *e)
{
    const Audit *a = s->a;
    double w[257];
    size_t K = a->spec->anchors.per_target;
    const Lora **anchor = NULL;
    Lora *attacker = NULL, *merged = NULL;
    Risk *risk = NULL;
    for (size_t k = 0; k <= K; k++) w[k] = 1 / (double)(K + 1);
    TRY(anchors_of(&anchor, s, t, index, e));
    TRY(risks_of(&risk, s, t, e));
    TRY(attacker_made(&attacker, a, anchor, sign, index, e));
    Status st = attacker_merge(&merged, a, anchor, attacker, w, a->spec->seeds.x[index], e);
    trial->lora = merged;
    trial->extra = attacker;
    trial->share = w;
    trial->merge = spec_merge(a->spec);
    trial->again = attacker_again;
    trial->audit = a;
    TrialFor who = {t, index, risk, K, anchor};
    if (st == OK) st = trials_run(s, &who, trial, 1, e);
    trial->lora = trial->extra = NULL;
    trial->share = NULL;
    lora_free(merged);
    lora_free(attacker);
    return st;
}

Status method_attacker(Sweep *s, size_t target, size_t index, const Baseline *row, Err *e)
{
    const AuditTarget *t = &s->a->target[target];
    Trial trial = {.method = row->name, .lambda = NAN};
    bool done = false;
    size_t at = 0;
    while (strcmp(attackers[at].method, row->name) != 0) at++;
    TRY(trials_done(&done, s, t, index, &trial, 1, e));
    if (done) return OK;
    TRY(audit_stopped(s->a, e));
    return attacker_cell(s, t, index, &trial, attackers[at].sign, e);
}
