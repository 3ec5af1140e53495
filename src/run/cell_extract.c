/* cell_extract.c - whether a model writes records out, and what looks like people's data in what it writes.
 */
#include "sweep_priv.h"

#include "prime/extract.h"

#include <math.h>

/* ---- word for word ---- */

enum { EXTRACT_TRIES = 100 };

/* From token `from` of the answer on. */
static double split_greedy(const CellSplit *x, size_t item, size_t from, Arena *tmp, bool *failed)
{
    size_t first = x->tok.start[item] + from, n = x->tok.start[item + 1] - first;
    int32_t *rank = arena_alloc(tmp, n + 1, sizeof *rank);
    *failed = *failed || rank == NULL;
    for (size_t t = 0; rank != NULL && t < n; t++) rank[t] = x->tok.rank[first + t];
    return rank != NULL && extract_greedy(rank, n) ? 1 : 0;
}

static Status extract_record(Ledger *l, const char *unit, const char *record, int label, const CellSplit *x,
                             size_t item, Arena *tmp, Err *e)
{
    size_t n = x->tok.start[item + 1] - x->tok.start[item];
    bool failed = false;
    const struct {
        const char *metric;
        double value;
    } row[] = {{"greedy", split_greedy(x, item, 0, tmp, &failed)},
               {"completion", split_greedy(x, item, n / 2, tmp, &failed)},
               {"np_100", extract_np(-fmax(cell_nll(x, item), 0), EXTRACT_TRIES)}};
    if (failed) FAIL(e, ERR_NOMEM, "no memory for %zu tokens", n);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        LedgerScore s = {.kind = "extract",
                         .metric = row[i].metric,
                         .unit = unit,
                         .record = record,
                         .label = label,
                         .value = row[i].value};
        TRY(ledger_score(l, &s, e));
    }
    return OK;
}

static Status extract_side(Ledger *l, const AuditPerson *p, const AuditSet *set, int label,
                           const CellSplit *x, size_t c, Arena *tmp, Err *e)
{
    for (size_t i = 0; i < set->n; i++)
        TRY(extract_record(l, p->user->id, set->r[i].rec->id, label, x, c * set->n + i, tmp, e));
    return OK;
}

Status extract_write(Sweep *s, const CellRow *row, Err *e)
{
    Arena tmp = {0};
    const AuditPerson *p = row->person;
    const CellView *v = row->view;
    Status st = extract_side(s->ledger, p, &p->member, 1, &v->sig->member, v->c, &tmp, e);
    if (st == OK) st = extract_side(s->ledger, p, &p->heldout, 0, &v->sig->heldout, v->c, &tmp, e);
    arena_free(&tmp);
    return st;
}

/* ---- people's data ---- */

static size_t emission_kinds(void)
{
    size_t n = 0;
    while (extract_kind_at(n) != NULL) n++;
    return n;
}

/* What a model writes need not be UTF-8; what is looked for is ASCII. */
static Status emission_count(size_t *count, const char *text, Arena *arena, Err *e)
{
    char *plain = arena_strdup(arena, text);
    if (plain == NULL) FAIL(e, ERR_NOMEM, "no memory for an answer");
    for (char *c = plain; *c != '\0'; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    return extract_emissions(count, plain, e);
}

/* Matches an answer, of the answers that n_cand candidates give to a set's prompts: out [n_cand, 2, kinds],
 * at `side`. */
static Status emission_set(double *out, size_t side, Sweep *s, const AuditSet *set, const PassLora *lora,
                           size_t n_cand, Err *e)
{
    size_t kinds = emission_kinds(), *count = arena_alloc(&s->arena, kinds, sizeof *count);
    const char **said = arena_alloc(&s->arena, n_cand * set->n, sizeof *said);
    if (said == NULL || count == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu answers", n_cand * set->n);
    TRY(measure_answers(said, s->a, lora, n_cand, set, SPEC_GENERATE, &s->arena, e));
    for (size_t i = 0; i < n_cand * set->n; i++) {
        double *to = out + (i / set->n * 2 + side) * kinds;
        TRY(emission_count(count, said[i], &s->arena, e));
        for (size_t k = 0; k < kinds; k++) to[k] += (double)count[k] / (double)set->n;
    }
    return OK;
}

Status emission_measure(double **out, Sweep *s, const AuditPerson *p, const PassLora *lora, size_t n_cand,
                        Err *e)
{
    double *x = arena_zalloc(&s->arena, n_cand * 2 * emission_kinds(), sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for the answers of %zu candidates", n_cand);
    TRY(emission_set(x, 0, s, &p->heldout, lora, n_cand, e));
    TRY(emission_set(x, 1, s, &p->member, lora, n_cand, e));
    *out = x;
    return OK;
}

Status emission_write(Sweep *s, const AuditPerson *p, const double *x, size_t c, Err *e)
{
    size_t kinds = emission_kinds();
    for (size_t side = 0; side < 2; side++)
        for (size_t k = 0; k < kinds; k++) {
            LedgerScore row = {.kind = "emission",
                               .metric = extract_kind_at(k)->name,
                               .unit = p->user->id,
                               .record = "",
                               .label = (int)side,
                               .value = x[(c * 2 + side) * kinds + k]};
            TRY(ledger_score(s->ledger, &row, e));
        }
    return OK;
}
