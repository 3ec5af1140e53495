/* method_merge.c - methods without a search: the base, anchors, fixed merges, adapters of a target's own. */
#include "sweep_priv.h"

#include "prime/perpcs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const Lora *audit_anchor_lora(const Audit *a, size_t anchor, size_t index)
{
    return a->anchor[anchor].lora[a->n_train > 1 ? index : 0];
}

Status risks_of(Risk **out, Sweep *s, const AuditTarget *t, Err *e)
{
    size_t K = s->a->spec->anchors.per_target;
    Risk *r = arena_alloc(&s->arena, K, sizeof *r);
    if (r == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", K);
    for (size_t k = 0; k < K; k++)
        r[k] = (Risk){audit_person(s->a, t->anchor[k]), &s->anchor_ref[t->anchor[k]], "attack"};
    *out = r;
    return OK;
}

Status anchors_of(const Lora ***out, Sweep *s, const AuditTarget *t, size_t index, Err *e)
{
    size_t K = s->a->spec->anchors.per_target;
    const Lora **l = arena_alloc(&s->arena, K, sizeof *l);
    if (l == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", K);
    for (size_t k = 0; k < K; k++) l[k] = audit_anchor_lora(s->a, t->anchor[k], index);
    *out = l;
    return OK;
}

/* The usual group of one: a target's anchors at risk. */
static Status run_one(Sweep *s, const AuditTarget *t, size_t index, const Trial *trial, Err *e)
{
    Risk *risk = NULL;
    const Lora **anchor = NULL;
    TRY(audit_stopped(s->a, e));
    TRY(risks_of(&risk, s, t, e));
    TRY(anchors_of(&anchor, s, t, index, e));
    TrialFor who = {t, index, risk, s->a->spec->anchors.per_target, anchor};
    return trials_run(s, &who, trial, 1, e);
}

Status method_base(Sweep *s, size_t target, size_t index, const Baseline *row, Err *e)
{
    return run_one(s, &s->a->target[target], index, &(Trial){.method = row->name, .lambda = NAN}, e);
}

Status method_anchor(Sweep *s, size_t anchor, size_t index, const Baseline *row, Err *e)
{
    (void)row;
    TRY(audit_stopped(s->a, e));
    return trial_anchor(s, anchor, index, e);
}

/* ---- merges with weights that nobody searched for ---- */

typedef enum { SHARE_EVEN, SHARE_ONE, SHARE_LIKE } Share;

/* merge NULL: the audit's operator. */
static const struct {
    const char *method, *merge;
    Share share;
} equals[] = {
    {"uniform", NULL, SHARE_EVEN},
    {"soup", "prime", SHARE_EVEN},
    {"soup-preference", "prime", SHARE_LIKE},
    {"ties", "ties_peft", SHARE_ONE},
    {"dp-uniform", NULL, SHARE_EVEN},
    {"dare", "dare_linear", SHARE_EVEN},
    {"dare-ties", "dare_ties", SHARE_ONE},
};
enum { N_EQUALS = sizeof equals / sizeof equals[0] };

static void like_shares(double *w, const AuditTarget *t, size_t k, double temperature)
{
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < k; i++) most = fmax(most, t->cosine[i] / temperature);
    for (size_t i = 0; i < k; i++) sum += w[i] = exp(t->cosine[i] / temperature - most);
    for (size_t i = 0; i < k; i++) w[i] /= sum;
}

static void equal_shares(double *w, const Audit *a, const AuditTarget *t, Share share)
{
    size_t K = a->spec->anchors.per_target;
    for (size_t k = 0; k < K; k++) w[k] = share == SHARE_ONE ? 1 : 1 / (double)K;
    if (share == SHARE_LIKE) like_shares(w, t, K, a->spec->equal.temperature);
}

static MergeOpts equal_opts(const Spec *sp, const MergeMethod *m, uint64_t seed)
{
    MergeOpts o = merge_opts();
    if (m->reads & MERGE_DENSITY) o.density = sp->equal.density;
    if (m->reads & MERGE_SEED) o.seed = seed;
    return o;
}

static Status equal_build(Lora **out, const Audit *a, size_t at, const MergeMethod *m,
                          const Lora *const *anchor, const double *w, uint64_t seed, Err *e)
{
    MergeOpts o = equals[at].merge != NULL ? equal_opts(a->spec, m, seed) : spec_merge_opts(a->spec, m, seed);
    return merge_build(out, NULL, m, anchor, a->spec->anchors.per_target,
                       &(MergeWeights){w, MERGE_BY_ADAPTER}, &o, e);
}

static size_t equal_row(const char *method)
{
    size_t at = 0;
    while (strcmp(equals[at].method, method) != 0) at++;
    return at;
}

static Status equal_again(Lora **out, const TrialFor *who, const Trial *t, const Lora *const *anchor, Err *e)
{
    return equal_build(out, t->audit, equal_row(t->method), t->merge, anchor, t->share,
                       t->audit->spec->seeds.x[who->index], e);
}

Status method_equal(Sweep *s, size_t target, size_t index, const Baseline *row, Err *e)
{
    const Audit *a = s->a;
    const AuditTarget *t = &a->target[target];
    size_t at = equal_row(row->name);
    double w[256];
    const Lora **anchor = NULL;
    Lora *merged = NULL;
    bool done = false;
    TRY(trials_done(&done, s, t, index, &(Trial){.method = row->name, .lambda = NAN}, 1, e));
    if (done) return OK;
    TRY(anchors_of(&anchor, s, t, index, e));
    bool dp = strcmp(row->name, "dp-uniform") == 0; /* the shadows are trained without such noise */
    for (size_t k = 0; dp && k < a->spec->anchors.per_target; k++)
        anchor[k] = a->anchor[t->anchor[k]].dp[index];
    equal_shares(w, a, t, equals[at].share);
    const MergeMethod *m = equals[at].merge != NULL ? merge_find(equals[at].merge) : spec_merge(a->spec);
    TRY(equal_build(&merged, a, at, m, anchor, w, a->spec->seeds.x[index], e));
    Trial trial = {.method = row->name,
                   .lambda = NAN,
                   .lora = merged,
                   .share = w,
                   .merge = m,
                   .again = dp ? NULL : equal_again,
                   .audit = a};
    Status st = run_one(s, t, index, &trial, e);
    lora_free(merged);
    return st;
}

/* ---- an adapter of one's own ---- */

/* Not the anchors but the other targets are at risk: nothing of theirs may be in this adapter. What it gives
 * away of its own person is written down apart. */
Status method_oppu(Sweep *s, size_t target, size_t index, const Baseline *row, Err *e)
{
    const Audit *a = s->a;
    const AuditTarget *t = &a->target[target];
    const Lora **anchor = NULL;
    Risk *r = arena_alloc(&s->arena, a->n_targets, sizeof *r);
    size_t n = 0;
    TRY(audit_stopped(a, e));
    if (r == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu targets", a->n_targets);
    for (size_t i = 0; i < a->n_targets; i++) {
        AuditPerson p = audit_target_person(a, i);
        if (p.member.n > 0 && p.heldout.n > 0)
            r[n++] = (Risk){p, &s->target_ref[i], i == target ? "attack_own" : "attack"};
    }
    TRY(anchors_of(&anchor, s, t, index, e));
    TrialFor who = {t, index, r, n, anchor};
    return trials_run(s, &who, &(Trial){.method = row->name, .lambda = NAN, .lora = t->lora[index]}, 1, e);
}

/* ---- pieces of anchors ---- */

/* Mean weight of each anchor over the sites that have one. */
static void mean_shares(double *share, const double *weight, size_t sites, size_t k)
{
    size_t used = 0;
    for (size_t i = 0; i < k; i++) share[i] = 0;
    for (size_t i = 0; i < sites; i++) {
        double sum = 0;
        for (size_t j = 0; j < k; j++) sum += weight[i * k + j];
        used += sum > 0;
        for (size_t j = 0; j < k; j++) share[j] += weight[i * k + j];
    }
    for (size_t i = 0; used > 0 && i < k; i++) share[i] /= (double)used;
}

static Status perpcs_build(Lora **out, double *share, Sweep *s, const AuditTarget *t, size_t index,
                           const Lora *const *anchor, Err *e)
{
    const Audit *a = s->a;
    size_t K = a->spec->anchors.per_target, sites = a->base->cfg.n_layers * LORA_KINDS;
    const Gate *gate[256];
    TrainDoc *doc = arena_alloc(&s->arena, t->search.n, sizeof *doc);
    double *weight = arena_alloc(&s->arena, sites * K, sizeof *weight);
    PerpcsOpts o = perpcs_default();
    if (doc == NULL || weight == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", t->search.n);
    o.topk = a->spec->perpcs.topk;
    o.seed = a->spec->seeds.x[index];
    for (size_t k = 0; k < K; k++) gate[k] = a->anchor[t->anchor[k]].gate[index];
    for (size_t i = 0; i < t->search.n; i++)
        doc[i] = (TrainDoc){t->search.r[i].full.ids, t->search.r[i].full.n, t->search.r[i].full.skip};
    TRY(perpcs_assemble(out, weight, a->base, anchor, gate, K, doc, t->search.n, &o, e));
    mean_shares(share, weight, sites, K);
    return OK;
}

Status method_perpcs(Sweep *s, size_t target, size_t index, const Baseline *row, Err *e)
{
    const Audit *a = s->a;
    const AuditTarget *t = &a->target[target];
    double share[256];
    const Lora **anchor = NULL;
    Lora *made = NULL;
    bool done = false;
    TRY(trials_done(&done, s, t, index, &(Trial){.method = row->name, .lambda = NAN}, 1, e));
    if (done) return OK;
    TRY(anchors_of(&anchor, s, t, index, e));
    TRY(perpcs_build(&made, share, s, t, index, anchor, e));
    Status st =
        run_one(s, t, index, &(Trial){.method = row->name, .lambda = NAN, .lora = made, .share = share}, e);
    lora_free(made);
    return st;
}
