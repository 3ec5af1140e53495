/* penalty.c - the privacy terms that PriME's own cannot see, measured against each anchor. */
#include "search_priv.h"

#include "prime/roc.h"

#include <math.h>

/* ---- membership ---- */

/* Base-calibrated scores of a set under candidate c: how much likelier the merge finds a record than the
 * base. */
static void gain_scores(double *out, const ScoreOut *nll, const ScoreOut *ref, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double tokens = (double)(nll[i].n_tokens > 0 ? nll[i].n_tokens : 1);
        out[i] = (ref[i].nll_sum - nll[i].nll_sum) / tokens;
    }
}

static Status one_membership(double *v, Search *s, const PassLora *lora, size_t n_cand, size_t k, Err *e)
{
    AuditSet in = audit_search_members(s->a, s->t->anchor[k]),
             out = audit_search_heldout(s->a, s->t->anchor[k]);
    ScoreOut *nll[2] = {arena_alloc(&s->arena, n_cand * in.n, sizeof(ScoreOut)),
                        arena_alloc(&s->arena, n_cand * out.n, sizeof(ScoreOut))},
             *ref[2] = {arena_alloc(&s->arena, in.n, sizeof(ScoreOut)),
                        arena_alloc(&s->arena, out.n, sizeof(ScoreOut))};
    double *score = arena_alloc(&s->arena, 2 * (in.n + out.n), sizeof *score);
    if (nll[0] == NULL || nll[1] == NULL || ref[0] == NULL || ref[1] == NULL || score == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu scores", n_cand * (in.n + out.n));
    TRY(measure_nll(nll[0], s->a, lora, n_cand, &in, e));
    TRY(measure_nll(nll[1], s->a, lora, n_cand, &out, e));
    TRY(measure_nll(ref[0], s->a, NULL, 1, &in, e));
    TRY(measure_nll(ref[1], s->a, NULL, 1, &out, e));
    for (size_t c = 0; c < n_cand; c++) {
        gain_scores(score, nll[0] + c * in.n, ref[0], in.n);
        gain_scores(score + in.n, nll[1] + c * out.n, ref[1], out.n);
        double auc = roc_auc(score, in.n, score + in.n, out.n, score + in.n + out.n);
        v[c * s->k + k] = auc > 0.5 ? 2 * auc - 1 : 0;
    }
    return OK;
}

static Status all_membership(double *v, Search *s, const PassLora *lora, const double *x, size_t n_cand,
                             Err *e)
{
    (void)x;
    for (size_t k = 0; k < s->k; k++) TRY(one_membership(v, s, lora, n_cand, k, e));
    return OK;
}

/* ---- what the weights show ---- */

static Status each_merge(double *v, Search *s, const double *x, size_t n_cand,
                         double (*fn)(const Lora *merged, const Lora *anchor), Err *e)
{
    for (size_t c = 0; c < n_cand; c++) {
        Lora *merged = NULL;
        TRY(audit_merge(&merged, s->a, s->anchor, x + c * s->dim, s->a->spec->seeds.x[s->seed], e));
        for (size_t k = 0; k < s->k; k++) v[c * s->k + k] = fn(merged, s->anchor[k]);
        lora_free(merged);
    }
    return OK;
}

/* Cosine between the merged update and the anchor's own: 1 when the one is a multiple of the other. Negation
 * hides nothing. */
static double fingerprint_of(const Lora *merged, const Lora *anchor)
{
    double both = lora_norm(merged) * lora_norm(anchor);
    return both > 0 ? fabs(lora_dot(merged, anchor)) / both : 0;
}

static double norm_of(const Lora *merged, const Lora *anchor)
{
    double own = lora_norm(anchor);
    return own > 0 ? lora_norm(merged) / own : 0;
}

static Status all_fingerprints(double *v, Search *s, const PassLora *lora, const double *x, size_t n_cand,
                               Err *e)
{
    (void)lora;
    return each_merge(v, s, x, n_cand, fingerprint_of, e);
}

static Status all_norms(double *v, Search *s, const PassLora *lora, const double *x, size_t n_cand, Err *e)
{
    (void)lora;
    return each_merge(v, s, x, n_cand, norm_of, e);
}

/* ---- the table, in the order of spec's evolve.objective ---- */

static const struct {
    Penalty row;
    Status (*fn)(double *v, Search *s, const PassLora *lora, const double *x, size_t n_cand, Err *e);
} rows[] = {
    {{"agreement", "the task's metric of the merge's answers against each anchor's own answers",
      "Kim, Shin, Kim 2025 (EMNLP), released code", false},
     NULL},
    {{"membership",
      "2 AUC - 1 of the base-calibrated attack on members and held-out records that only the search sees",
      "Watson et al. 2022, arXiv:2111.08440; here as an objective", true},
     all_membership},
    {{"fingerprint", "cosine of the merged update and each anchor's own",
      "Frobenius inner product of updates", false},
     all_fingerprints},
    {{"norm", "norm of the merged update over each anchor's own", "Frobenius norms of updates", false},
     all_norms},
};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

const Penalty *penalty_at(size_t i)
{
    return i < N_ROWS ? &rows[i].row : NULL;
}

/* The base gives nothing away. */
Status penalty_measure(double *v, Search *s, const PassLora *lora, const double *x, size_t n_cand, Err *e)
{
    for (size_t i = 0; i < n_cand * s->k; i++) v[i] = 0;
    if (x != NULL) TRY(rows[s->a->spec->evolve.objective].fn(v, s, lora, x, n_cand, e));
    for (size_t i = 0; s->minimise && i < n_cand * s->k; i++) v[i] = -v[i];
    return OK;
}
