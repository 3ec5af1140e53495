#include "cell.h"

#include "prime/attack.h"

#include <math.h>

Status cell_nll(CellNll *out, const Audit *a, const PassLora *lora, size_t n_cand, const AuditPerson *p,
                Arena *arena, Err *e)
{
    AuditSet in = p->member, held = p->heldout;
    CellNll nll = {arena_alloc(arena, n_cand * in.n, sizeof(ScoreOut)),
                   arena_alloc(arena, n_cand * held.n, sizeof(ScoreOut))};
    if (nll.member == NULL || nll.heldout == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu scores", n_cand * (in.n + held.n));
    TRY(measure_nll(nll.member, a, lora, n_cand, &in, e));
    TRY(measure_nll(nll.heldout, a, lora, n_cand, &held, e));
    *out = nll;
    return OK;
}

static Status utility_metrics(CellUtility *u, const Audit *a, const char *const *gold,
                              const char *const *pred, size_t c, Err *e)
{
    MetricPairs p = {
        .gold = gold, .pred = pred, .n = u->n, .label = a->data->label, .n_labels = a->data->n_labels};
    for (size_t m = 0; m < a->n_metrics; m++) {
        double *v = u->value + (c * a->n_metrics + m) * u->n;
        if (a->metric[m]->fold != FOLD_NONE) TRY(metric_records(v, a->metric[m], &p, e));
        TRY(metric_corpus(&u->all[c * a->n_metrics + m], a->metric[m], &p, e));
    }
    return OK;
}

Status cell_utility(CellUtility *out, const Audit *a, const PassLora *lora, size_t n_cand,
                    const AuditSet *query, Arena *arena, Err *e)
{
    CellUtility u = {.set = query, .n = query->n};
    size_t rows = n_cand * a->n_metrics;
    const char **gold = arena_alloc(arena, u.n, sizeof(const char *)),
               **said = arena_alloc(arena, n_cand * u.n, sizeof(const char *));
    u.value = arena_alloc(arena, rows * u.n, sizeof *u.value);
    u.all = arena_alloc(arena, rows, sizeof *u.all);
    if (gold == NULL || said == NULL || u.value == NULL || u.all == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu answers", n_cand * u.n);
    for (size_t i = 0; i < rows * u.n; i++) u.value[i] = NAN;
    measure_golds(gold, query);
    TRY(measure_answers(said, a, lora, n_cand, query, a->spec->utility.score, arena, e));
    for (size_t c = 0; c < n_cand; c++) TRY(utility_metrics(&u, a, gold, said + c * u.n, c, e));
    *out = u;
    return OK;
}

Status cell_write_one(Ledger *l, const char *kind, const char *metric, const char *unit, double value, Err *e)
{
    LedgerScore s = {
        .kind = kind, .metric = metric, .unit = unit, .record = "", .label = LEDGER_NO_LABEL, .value = value};
    return ledger_score(l, &s, e);
}

Status cell_write_utility(Ledger *l, const Audit *a, const AuditTarget *t, const CellUtility *u, size_t c,
                          Err *e)
{
    for (size_t m = 0; m < a->n_metrics; m++) {
        const double *v = u->value + (c * a->n_metrics + m) * u->n;
        const Metric *metric = a->metric[m];
        if (metric->fold == FOLD_NONE) {
            TRY(cell_write_one(l, "utility_all", metric->name, t->user->id, u->all[c * a->n_metrics + m], e));
            continue;
        }
        for (size_t i = 0; i < u->n; i++) {
            LedgerScore s = {.kind = "utility",
                             .metric = metric->name,
                             .unit = t->user->id,
                             .record = u->set->r[i].rec->id,
                             .label = LEDGER_NO_LABEL,
                             .value = v[i]};
            TRY(ledger_score(l, &s, e));
        }
    }
    return OK;
}

typedef struct {
    const char *kind, *unit;
    const Attack *at;
    int label;
} ScoreRow;

static Status write_scores(Ledger *l, const ScoreRow *row, const AuditSet *set, const ScoreOut *nll,
                           const ScoreOut *ref, Err *e)
{
    for (size_t i = 0; i < set->n; i++) {
        AttackSignal sig = {
            .n_tokens = nll[i].n_tokens, .nll_sum = nll[i].nll_sum, .ref_nll_sum = ref[i].nll_sum};
        LedgerScore s = {.kind = row->kind,
                         .metric = row->at->name,
                         .unit = row->unit,
                         .record = set->r[i].rec->id,
                         .label = row->label};
        TRY(attack_score(&s.value, &sig, 1, row->at->name, e));
        TRY(ledger_score(l, &s, e));
    }
    return OK;
}

Status cell_write_attack(Ledger *l, const char *kind, const AuditPerson *p, const CellNll *nll, size_t c,
                         const CellNll *ref, Err *e)
{
    const AuditSet *in = &p->member, *held = &p->heldout;
    ScoreRow row = {.kind = kind, .unit = p->user->id};
    for (size_t i = 0; (row.at = attack_at(i)) != NULL; i++) {
        if (!attack_can(row.at, ATTACK_LOSS | ATTACK_REF)) continue;
        row.label = 1;
        TRY(write_scores(l, &row, in, nll->member + c * in->n, ref->member, e));
        row.label = 0;
        TRY(write_scores(l, &row, held, nll->heldout + c * held->n, ref->heldout, e));
    }
    return OK;
}
