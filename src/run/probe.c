/* probe.c - attacks of a cell on more than single records: merge weights read off the adapter, and people. */
#include "sweep_priv.h"

#include "prime/anchor.h"
#include "prime/fingerprint.h"
#include "prime/roc.h"

#include <math.h>

bool probe_fits(const Trial *t)
{
    return t->lora != NULL && (t->w != NULL || t->share != NULL) && !t->counterfactual;
}

static size_t probe_from(const TrialFor *who, const Trial *t, size_t k)
{
    return t->from != NULL ? t->from[k] : who->t->anchor[k];
}

/* ---- weights ---- */

typedef struct {
    const Lora **cand;           /* [n_anchors] */
    double *w, *truth, *without; /* [n_anchors] each */
    bool *pool;                  /* likewise */
    bool known;                  /* truth is */
} ProbeWeights;

static Status weights_room(ProbeWeights *p, Sweep *s, size_t index, Err *e)
{
    size_t n = s->a->n_anchors;
    double *x = arena_zalloc(&s->arena, 3 * n, sizeof *x);
    p->cand = arena_alloc(&s->arena, n, sizeof *p->cand);
    p->pool = arena_alloc(&s->arena, n, sizeof *p->pool);
    if (x == NULL || p->cand == NULL || p->pool == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", n);
    p->w = x;
    p->truth = x + n;
    p->without = x + 2 * n;
    for (size_t i = 0; i < n; i++) {
        p->cand[i] = audit_anchor_lora(s->a, i, index);
        p->pool[i] = true;
    }
    return OK;
}

/* A factor of PriME's operator is the weighted sum of the anchors'; a scale on top of it is no part of it. */
static FingerprintView probe_view(const Trial *t)
{
    bool factors = t->merge != NULL && t->merge->linear && t->merge->op == LORA_PRIME;
    return factors ? FINGERPRINT_A : FINGERPRINT_UPDATE;
}

static void probe_truth(ProbeWeights *p, const Sweep *s, const TrialFor *who, const Trial *t)
{
    double scale = probe_view(t) == FINGERPRINT_UPDATE && t->scale != 0 ? t->scale : 1;
    p->known = t->share != NULL || s->a->n_groups == 1;
    for (size_t k = 0; p->known && k < s->a->spec->anchors.per_target; k++)
        p->truth[probe_from(who, t, k)] = scale * (t->share != NULL ? t->share[k] : t->w[k]);
}

/* Share of the merge that the others do not explain. */
static Status probe_without(ProbeWeights *p, const Fingerprint *f, Err *e)
{
    FingerprintFit fit;
    for (size_t i = 0; i < f->n; i++) {
        p->without[i] = 1;
        p->pool[i] = false;
        if (f->n > 1) {
            TRY(fingerprint_fit(p->w, &fit, f, FINGERPRINT_ALL, p->pool, e));
            p->without[i] = fit.residual;
        }
        p->pool[i] = true;
    }
    return fingerprint_fit(p->w, &fit, f, FINGERPRINT_ALL, NULL, e);
}

Status probe_weights(Sweep *s, const TrialFor *who, const Trial *t, Err *e)
{
    const Audit *a = s->a;
    ProbeWeights p = {0};
    Fingerprint *f = NULL;
    bool empty = !(lora_norm(t->lora) > 0); /* nothing was merged: every weight is 0 */
    TRY(weights_room(&p, s, who->index, e));
    probe_truth(&p, s, who, t);
    if (!empty) {
        TRY(fingerprint_new(&f, t->lora, p.cand, a->n_anchors, probe_view(t), e));
        Status st = probe_without(&p, f, e);
        fingerprint_free(f);
        TRY(st);
    }
    for (size_t i = 0; i < a->n_anchors; i++) {
        const char *id = a->anchor[i].user->id;
        TRY(probe_row(s, "fingerprint", "weight", id, LEDGER_NO_LABEL, p.w[i], e));
        if (p.known)
            TRY(probe_row(s, "fingerprint", "error", id, LEDGER_NO_LABEL, fabs(p.w[i] - p.truth[i]), e));
        if (!empty) TRY(probe_row(s, "fingerprint", "outside", id, LEDGER_NO_LABEL, p.without[i], e));
    }
    return OK;
}

/* ---- people ---- */

/* The records of all anchors on one side, anchor by anchor. */
typedef struct {
    AttackSignal *x; /* [n] */
    size_t *person, n;
    bool *merged; /* [n_anchors] */
} ProbeSide;

static Status probe_side(ProbeSide *out, Sweep *s, const CellSignals *people, size_t c, bool members, Err *e)
{
    const Audit *a = s->a;
    size_t most = 0;
    for (size_t i = 0; i < a->n_anchors; i++) most += members ? audit_members(a, i).n : audit_heldout(a, i).n;
    ProbeSide p = {arena_alloc(&s->arena, most, sizeof *p.x), arena_alloc(&s->arena, most, sizeof *p.person),
                   0, arena_zalloc(&s->arena, a->n_anchors, sizeof *p.merged)};
    if (p.x == NULL || p.person == NULL || p.merged == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu records", most);
    for (size_t i = 0; i < a->n_anchors; i++) {
        AttackSignal *x = NULL;
        const CellSignals *ref = &s->anchor_ref[i];
        size_t n = members ? audit_members(a, i).n : audit_heldout(a, i).n;
        TRY(cell_attack_signals(&x, members ? &people[i].member : &people[i].heldout, c,
                                members ? &ref->member : &ref->heldout, NULL, 0, n, &s->arena, e));
        for (size_t j = 0; j < n; j++, p.n++) {
            p.x[p.n] = x[j];
            p.person[p.n] = i;
        }
    }
    *out = p;
    return OK;
}

static Status probe_inference(Sweep *s, const ProbeSide *held, Err *e)
{
    static const char *const metric[] = {"user_inference", "user_inference_token"};
    const Audit *a = s->a;
    double *v = arena_alloc(&s->arena, a->n_anchors, sizeof *v);
    if (v == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", a->n_anchors);
    for (size_t per_token = 0; per_token < 2; per_token++) {
        TRY(anchor_user_inference(v, held->x, held->person, held->n, a->n_anchors, per_token, e));
        for (size_t i = 0; i < a->n_anchors; i++)
            TRY(probe_row(s, "person", metric[per_token], a->anchor[i].user->id, held->merged[i], v[i], e));
    }
    return OK;
}

/* What PriME's rule is given for a loss: the attacked model's, the base model's, or the length alone. */
static double rule_loss(const AttackSignal *x, size_t how)
{
    return how == 0 ? x->nll_sum : how == 1 ? x->ref_nll_sum : (double)x->n_tokens;
}

/* The pooled AUC, where anybody is left that was not merged. */
static Status rule_auc(Sweep *s, const char *metric, const char *target, const double *score,
                       const bool *member, size_t n, Err *e)
{
    size_t m = 0, k = 0;
    double *x = arena_alloc(&s->arena, 3 * n, sizeof *x), *out = x + n;
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", n);
    for (size_t i = 0; i < n; i++)
        if (member[i])
            x[m++] = score[i];
        else
            out[k++] = score[i];
    if (m == 0 || k == 0) return OK;
    return probe_row(s, "person", metric, target, LEDGER_NO_LABEL, roc_auc(x, m, out, k, x + 2 * n), e);
}

static Status probe_rule(Sweep *s, const char *target, const ProbeSide *in, size_t how, Err *e)
{
    static const char *const mean_of[] = {"prime_mia", "prime_mia_base", "prime_mia_blind"};
    static const char *const auc_of[] = {"prime_mia_auc", "prime_mia_base_auc", "prime_mia_blind_auc"};
    const Audit *a = s->a;
    double *x = arena_alloc(&s->arena, 2 * in->n + a->n_anchors, sizeof *x);
    bool *member = arena_alloc(&s->arena, in->n, sizeof *member);
    if (x == NULL || member == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", in->n);
    double *score = x + in->n, *mean = x + 2 * in->n;
    for (size_t i = 0; i < in->n; i++) x[i] = rule_loss(&in->x[i], how);
    anchor_prime_mia(score, member, x, in->person, in->n, in->merged);
    TRY(anchor_fold(mean, score, in->person, in->n, a->n_anchors, "mean", e));
    for (size_t i = 0; i < a->n_anchors; i++)
        TRY(probe_row(s, "person", mean_of[how], a->anchor[i].user->id, in->merged[i], mean[i], e));
    return rule_auc(s, auc_of[how], target, score, member, in->n, e);
}

/* Where nothing was merged there is no space. */
static Status probe_overlaps(Sweep *s, const TrialFor *who, const Trial *t, const bool *merged, Err *e)
{
    if (!(lora_norm(t->lora) > 0)) return OK;
    for (size_t i = 0; i < s->a->n_anchors; i++) TRY(probe_overlap(s, t->lora, i, who->index, merged[i], e));
    return OK;
}

Status probe_people(Sweep *s, const TrialFor *who, const Trial *t, const CellSignals *people, size_t c,
                    Err *e)
{
    ProbeSide held, in;
    TRY(probe_side(&held, s, people, c, false, e));
    TRY(probe_side(&in, s, people, c, true, e));
    for (size_t k = 0; k < s->a->spec->anchors.per_target; k++)
        held.merged[probe_from(who, t, k)] = in.merged[probe_from(who, t, k)] = true;
    TRY(probe_inference(s, &held, e));
    for (size_t how = 0; how < 3; how++) TRY(probe_rule(s, who->t->user->id, &in, how, e));
    for (size_t i = 0; i < s->a->n_anchors; i++) TRY(probe_dataset(s, i, &people[i], c, in.merged[i], e));
    return probe_overlaps(s, who, t, in.merged, e);
}

Status probe_signals(CellSignals **out, Sweep *s, const TrialFor *who, const CellSignals *risk,
                     const PassLora *lora, size_t n_cand, Err *e)
{
    const Audit *a = s->a;
    CellSignals *x = arena_alloc(&s->arena, a->n_anchors, sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", a->n_anchors);
    for (size_t i = 0; i < a->n_anchors; i++) {
        size_t k = 0;
        while (k < a->spec->anchors.per_target && who->t->anchor[k] != i) k++;
        AuditPerson p = audit_person(a, i);
        if (k < a->spec->anchors.per_target)
            x[i] = risk[k];
        else
            TRY(cell_signals(&x[i], a, lora, n_cand, &p, &s->arena, e));
    }
    *out = x;
    return OK;
}
