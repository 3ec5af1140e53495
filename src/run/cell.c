#include "cell.h"

#include "crew_priv.h"

#include "prime/attack.h"

#include <math.h>
#include <string.h>

/* ---- signals ---- */

static Status split_zlib(CellSplit *x, const AuditSet *set, Arena *arena, Err *e)
{
    size_t *bytes = arena_alloc(arena, set->n, sizeof *bytes);
    if (bytes == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu lengths", set->n);
    for (size_t i = 0; i < set->n; i++)
        TRY(attack_zlib(&bytes[i], set->r[i].rec->output, strlen(set->r[i].rec->output), e));
    x->zlib = bytes;
    return OK;
}

Status cell_split(CellSplit *out, const Audit *a, const PassLora *lora, size_t n_cand, const AuditSet *set,
                  Arena *arena, Err *e)
{
    CellSplit x = {0};
    TRY(measure_signals(&x.tok, a, lora, n_cand, set, arena, e));
    if (lora == NULL) TRY(split_zlib(&x, set, arena, e));
    *out = x;
    return OK;
}

static Status split_room(CellSplit *out, const AuditSet *set, Arena *arena, Err *e)
{
    CellSplit x = {0};
    TRY(measure_signals_room(&x.tok, set->n, measure_answer_tokens(set), arena, e));
    TRY(split_zlib(&x, set, arena, e));
    *out = x;
    return OK;
}

Status cell_room(CellSignals *out, const AuditPerson *p, Arena *arena, Err *e)
{
    CellSignals x = {0};
    TRY(split_room(&x.member, &p->member, arena, e));
    TRY(split_room(&x.heldout, &p->heldout, arena, e));
    *out = x;
    return OK;
}

static void split_spread(CellSplit *x, const AuditSet *set, Crew *c, size_t from)
{
    crew_spread(c, x->tok.start, measure_signals_bytes(set->n, measure_answer_tokens(set)), from);
}

void cell_spread(CellSignals *x, const AuditPerson *p, Crew *c, size_t from)
{
    split_spread(&x->member, &p->member, c, from);
    split_spread(&x->heldout, &p->heldout, c, from);
}

Status cell_signals(CellSignals *out, const Audit *a, const PassLora *lora, size_t n_cand,
                    const AuditPerson *p, Arena *arena, Err *e)
{
    CellSignals x = {0};
    TRY(cell_split(&x.member, a, lora, n_cand, &p->member, arena, e));
    TRY(cell_split(&x.heldout, a, lora, n_cand, &p->heldout, arena, e));
    *out = x;
    return OK;
}

double cell_nll(const CellSplit *x, size_t item)
{
    double sum = 0;
    for (size_t t = x->tok.start[item]; t < x->tok.start[item + 1]; t++) sum -= (double)x->tok.logp[t];
    return sum;
}

/* Room for the tokens of one record: logp, mu, sigma, ref_logp [n] each. */
typedef struct {
    AttackTokens tokens;
    double *x;
    int32_t *rank;
} TokenRoom;

static Status token_room(TokenRoom *r, size_t n, Arena *arena, Err *e)
{
    r->x = arena_alloc(arena, 4 * n, sizeof *r->x);
    r->rank = arena_alloc(arena, n, sizeof *r->rank);
    if (r->x == NULL || r->rank == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu tokens", n);
    r->tokens = (AttackTokens){.n = n,
                               .logp = r->x,
                               .mu = r->x + n,
                               .sigma = r->x + 2 * n,
                               .ref_logp = r->x + 3 * n,
                               .rank = r->rank};
    return OK;
}

static void tokens_widen(TokenRoom *r, const CellSplit *x, size_t item, const CellSplit *ref, size_t record)
{
    size_t n = r->tokens.n, from = x->tok.start[item], ref_from = ref->tok.start[record];
    for (size_t t = 0; t < n; t++) {
        r->x[t] = (double)x->tok.logp[from + t];
        r->x[n + t] = (double)x->tok.mu[from + t];
        r->x[2 * n + t] = (double)x->tok.sigma[from + t];
        r->x[3 * n + t] = (double)ref->tok.logp[ref_from + t];
        r->rank[t] = x->tok.rank[from + t];
    }
    r->tokens.id = x->tok.id + from;
}

static void cell_more(AttackSignal *s, const CellSplit *x, size_t item)
{
    s->counts = x->counts;
    if (x->lower != NULL) s->lower = x->lower[item];
    if (x->after_non != NULL) s->after_non = x->after_non[item];
    if (x->after_member != NULL) s->after_member = x->after_member[item];
    if (x->near == NULL) return;
    s->neighbour = x->near + item * x->n_near;
    s->n_neighbours = x->n_near;
}

Status cell_attack_signals(AttackSignal **out, const CellSplit *x, size_t c, const CellSplit *ref,
                           const CellSplit *loo, size_t loo_c, size_t n, Arena *arena, Err *e)
{
    AttackSignal *s = arena_zalloc(arena, n, sizeof *s);
    TokenRoom *room = arena_alloc(arena, n, sizeof *room);
    if (s == NULL || room == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", n);
    for (size_t i = 0; i < n; i++) {
        size_t item = c * n + i, tokens = x->tok.start[item + 1] - x->tok.start[item];
        TRY(token_room(&room[i], tokens, arena, e));
        tokens_widen(&room[i], x, item, ref, i);
        s[i] = (AttackSignal){.n_tokens = tokens,
                              .nll_sum = cell_nll(x, item),
                              .ref_nll_sum = cell_nll(ref, i),
                              .zlib_bytes = ref->zlib[i],
                              .tokens = &room[i].tokens};
        cell_more(&s[i], x, item);
        if (loo != NULL) s[i].loo = (AttackText){tokens, cell_nll(loo, loo_c * n + i)};
    }
    *out = s;
    return OK;
}

/* ---- utility ---- */

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

/* ---- attacks ---- */

/* The records of one person on one side, as every row of theirs is. */
typedef struct {
    const char *kind, *unit;
    const AuditSet *set;
    const AttackSignal *signal;
    double *score; /* [set->n] scratch */
    int label;
} ScoreSide;

static Status side_of(ScoreSide *out, const CellRow *row, int label, Arena *tmp, Err *e)
{
    const CellView *v = row->view;
    const AuditSet *set = label == 1 ? &row->person->member : &row->person->heldout;
    const CellSplit *x = label == 1 ? &v->sig->member : &v->sig->heldout,
                    *ref = label == 1 ? &v->ref->member : &v->ref->heldout,
                    *loo = v->loo == NULL ? NULL
                           : label == 1   ? &v->loo->member
                                          : &v->loo->heldout;
    AttackSignal *signal = NULL;
    double *score = arena_alloc(tmp, set->n, sizeof *score);
    if (score == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", set->n);
    TRY(cell_attack_signals(&signal, x, v->c, ref, loo, v->loo_c, set->n, tmp, e));
    *out = (ScoreSide){row->kind, row->person->user->id, set, signal, score, label};
    return OK;
}

static Status side_write(Ledger *l, const ScoreSide *side, const char *attack, const char *metric, Err *e)
{
    TRY(attack_score(side->score, side->signal, side->set->n, attack, e));
    for (size_t i = 0; i < side->set->n; i++) {
        LedgerScore s = {.kind = side->kind,
                         .metric = metric,
                         .unit = side->unit,
                         .record = side->set->r[i].rec->id,
                         .label = side->label,
                         .value = side->score[i]};
        TRY(ledger_score(l, &s, e));
    }
    return OK;
}

static Status attack_write(Ledger *l, const Spec *sp, const CellRow *row, Arena *tmp, Err *e)
{
    ScoreSide in, held;
    const Attack *at;
    TRY(side_of(&in, row, 1, tmp, e));
    TRY(side_of(&held, row, 0, tmp, e));
    for (size_t i = 0; (at = attack_at(i)) != NULL; i++) {
        if (!spec_attacks(sp, at, row->view->loo != NULL)) continue;
        TRY(side_write(l, &in, at->name, at->name, e));
        TRY(side_write(l, &held, at->name, at->name, e));
    }
    return OK;
}

Status cell_write_attack(Ledger *l, const Spec *sp, const CellRow *row, Err *e)
{
    Arena tmp = {0};
    Status s = attack_write(l, sp, row, &tmp, e);
    arena_free(&tmp);
    return s;
}

static Status attack_write_as(Ledger *l, const CellRow *row, const char *attack, const char *metric,
                              Arena *tmp, Err *e)
{
    ScoreSide side;
    for (int label = 1; label >= 0; label--) {
        TRY(side_of(&side, row, label, tmp, e));
        TRY(side_write(l, &side, attack, metric, e));
    }
    return OK;
}

Status cell_write_as(Ledger *l, const CellRow *row, const char *attack, const char *metric, Err *e)
{
    Arena tmp = {0};
    Status s = attack_write_as(l, row, attack, metric, &tmp, e);
    arena_free(&tmp);
    return s;
}
