/* probe_set.c - attacks of a cell on all of a person's texts or factors at once: whose text it is, whether
 * the texts as a whole were trained on, how far the factors' spaces overlap. */
#include "sweep_priv.h"

#include "prime/anchor.h"
#include "prime/subspace.h"

Status probe_row(Sweep *s, const char *kind, const char *metric, const char *unit, int label, double value,
                 Err *e)
{
    LedgerScore row = {
        .kind = kind, .metric = metric, .unit = unit, .record = "", .label = label, .value = value};
    return ledger_score(s->ledger, &row, e);
}

/* ---- whose text it is ---- */

/* Share of the anchor's texts that its own adapter finds likeliest among all anchors'. */
static Status source_share(double *share, Sweep *s, const PassLora *lora, const AuditSet *set, size_t anchor,
                           Err *e)
{
    size_t k = s->a->n_anchors, n = set->n, right = 0;
    ScoreOut *nll = arena_alloc(&s->arena, k * n, sizeof *nll);
    double *logp = arena_alloc(&s->arena, (k + 1) * n, sizeof *logp);
    size_t *owner = arena_alloc(&s->arena, n, sizeof *owner);
    if (nll == NULL || logp == NULL || owner == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", k * n);
    TRY(measure_nll(nll, s->a, lora, k, set, e));
    for (size_t c = 0; c < k; c++)
        for (size_t i = 0; i < n; i++) logp[i * k + c] = -nll[c * n + i].nll_sum;
    TRY(anchor_source(owner, logp + k * n, logp, n, k, e));
    for (size_t i = 0; i < n; i++) right += owner[i] == anchor;
    *share = (double)right / (double)n;
    return OK;
}

Status probe_source(double share[2], Sweep *s, size_t anchor, size_t index, Err *e)
{
    AuditPerson p = audit_person(s->a, anchor);
    size_t k = s->a->n_anchors;
    const Lora **l = arena_alloc(&s->arena, k, sizeof *l);
    AuditCrowd crowd = {0};
    if (l == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu adapters", k);
    for (size_t i = 0; i < k; i++) l[i] = audit_anchor_lora(s->a, i, index);
    TRY(audit_crowd_of(&crowd, l, k, e));
    Status st = source_share(&share[1], s, &crowd.lora, &p.member, anchor, e);
    if (st == OK) st = source_share(&share[0], s, &crowd.lora, &p.heldout, anchor, e);
    audit_crowd_free(&crowd);
    return st;
}

Status probe_source_rows(Sweep *s, size_t anchor, const double share[2], Err *e)
{
    const char *id = s->a->anchor[anchor].user->id;
    TRY(probe_row(s, "person", "source_inference", id, 1, share[1], e));
    return probe_row(s, "person", "source_inference", id, 0, share[0], e);
}

/* ---- a person's texts as a whole ---- */

/* Features that differ in what they read; few, for people have few texts. */
static const char *const dataset_features[] = {"loss", "ref", "min_k_pp_20", "ez_share"};
enum { DATASET_D = sizeof dataset_features / sizeof dataset_features[0], DATASET_LEAST = 4 };

static Status probe_features(double **out, const CellSplit *x, size_t c, const CellSplit *ref, size_t n,
                             Arena *arena, Err *e)
{
    AttackSignal *sig = NULL;
    double *v = arena_alloc(arena, n, DATASET_D * sizeof *v), *one = arena_alloc(arena, n, sizeof *one);
    if (v == NULL || one == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", n);
    TRY(cell_attack_signals(&sig, x, c, ref, NULL, 0, n, arena, e));
    for (size_t d = 0; d < DATASET_D; d++) {
        TRY(attack_score(one, sig, n, dataset_features[d], e));
        for (size_t i = 0; i < n; i++) v[i * DATASET_D + d] = one[i];
    }
    *out = v;
    return OK;
}

Status probe_dataset(Sweep *s, size_t anchor, const CellSignals *x, size_t c, bool merged, Err *e)
{
    const CellSignals *ref = &s->anchor_ref[anchor];
    AuditPerson p = audit_person(s->a, anchor);
    double *in = NULL, *held = NULL;
    AnchorDataset t;
    if (p.member.n < DATASET_LEAST || p.heldout.n < DATASET_LEAST) return OK;
    TRY(probe_features(&in, &x->member, c, &ref->member, p.member.n, &s->arena, e));
    TRY(probe_features(&held, &x->heldout, c, &ref->heldout, p.heldout.n, &s->arena, e));
    TRY(anchor_dataset(&t, in, p.member.n, held, p.heldout.n, DATASET_D, 0, e));
    TRY(probe_row(s, "person", "dataset_inference", p.user->id, merged, t.t, e));
    return probe_row(s, "person", "dataset_inference_p", p.user->id, LEDGER_NO_LABEL, t.p, e);
}

/* ---- spaces ---- */

Status probe_overlap(Sweep *s, const Lora *merged, size_t anchor, size_t index, bool in, Err *e)
{
    static const char *const metric[] = {"overlap_reads", "overlap_writes"};
    const SubspaceSide side[] = {SUBSPACE_ROWS, SUBSPACE_COLUMNS};
    for (size_t i = 0; i < 2; i++) {
        double v = 0;
        TRY(subspace_overlap(&v, merged, audit_anchor_lora(s->a, anchor, index), side[i], SUBSPACE_ALL, e));
        TRY(probe_row(s, "person", metric[i], s->a->anchor[anchor].user->id, in, v, e));
    }
    return OK;
}
