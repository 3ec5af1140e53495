/* cmd_attack_csv.c - token signals from a table, one token a row. */
#include "cmd_attack_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A row of the table: which record, which place in it. */
typedef struct {
    const char *record;
    size_t t, row;
} CsvToken;

static int token_order(const void *x, const void *y)
{
    const CsvToken *a = x, *b = y;
    int by = strcmp(a->record, b->record);
    if (by != 0) return by;
    if (a->t != b->t) return a->t < b->t ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* Tokens [from, to) of one record; the record's place in the output follows its first row. */
typedef struct {
    size_t from, to, first;
} CsvRecord;

static int csv_record_order(const void *x, const void *y)
{
    const CsvRecord *a = x, *b = y;
    return (a->first > b->first) - (a->first < b->first);
}

typedef struct {
    const Table *t;
    size_t record, label, unit, place; /* columns */
    CsvToken *token;                   /* [n_rows] in order of record and place */
    CsvRecord *rec;
    size_t n;
} Csv;

static Status csv_tokens(Csv *c, Arena *a, Err *e)
{
    size_t n = c->t->n_rows;
    c->token = arena_alloc(a, n, sizeof *c->token);
    c->rec = arena_alloc(a, n, sizeof *c->rec);
    if (c->token == NULL || c->rec == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", n);
    for (size_t i = 0; i < n; i++) {
        c->token[i] = (CsvToken){.record = table_str(c->t, i, c->record), .row = i};
        if (c->token[i].record[0] == '\0')
            FAIL(e, ERR_FORMAT, "%s:%zu: record is empty", c->t->name, c->t->line[i]);
        TRY(table_size(&c->token[i].t, c->t, i, c->place, e));
    }
    if (n > 1) qsort(c->token, n, sizeof *c->token, token_order);
    for (size_t i = 0; i < n; i++) {
        const CsvToken *x = &c->token[i];
        bool fresh = i == 0 || strcmp(x->record, x[-1].record) != 0;
        if (!fresh && x->t == x[-1].t)
            FAIL(e, ERR_FORMAT, "%s:%zu: record %s has two tokens t = %zu", c->t->name, c->t->line[x->row],
                 x->record, x->t);
        if (fresh) c->rec[c->n++] = (CsvRecord){i, i, x->row};
        c->rec[c->n - 1].to = i + 1;
        if (x->row < c->rec[c->n - 1].first) c->rec[c->n - 1].first = x->row;
    }
    if (c->n > 1) qsort(c->rec, c->n, sizeof *c->rec, csv_record_order);
    return OK;
}

static Status csv_label(int *out, const Table *t, size_t row, size_t col, Err *e)
{
    const char *s = table_str(t, row, col);
    if (strcmp(s, "0") != 0 && strcmp(s, "1") != 0)
        FAIL(e, ERR_FORMAT, "%s:%zu: label = '%s', want 1 (member) or 0", t->name, t->line[row], s);
    *out = s[0] == '1';
    return OK;
}

/* What all rows of a record must agree in. */
static Status csv_record(SignalsRecord *out, const Csv *c, const CsvRecord *r, Err *e)
{
    const Table *t = c->t;
    size_t first = c->token[r->from].row;
    *out = (SignalsRecord){.id = c->token[r->from].record,
                           .unit = c->unit != TABLE_NONE ? table_str(t, first, c->unit) : ""};
    TRY(csv_label(&out->label, t, first, c->label, e));
    for (size_t i = r->from; i < r->to; i++) {
        int label = 0;
        size_t row = c->token[i].row;
        TRY(csv_label(&label, t, row, c->label, e));
        if (label != out->label ||
            (c->unit != TABLE_NONE && strcmp(table_str(t, row, c->unit), out->unit) != 0))
            FAIL(e, ERR_FORMAT, "%s:%zu: label or unit of record %s differs from line %zu", t->name,
                 t->line[row], out->id, t->line[first]);
    }
    return OK;
}

/* A column in the order of the tokens; NULL where the table has none. */
static Status csv_column(double **out, const Csv *c, const char *name, Arena *a, Err *e)
{
    size_t col = table_col(c->t, name), n = c->t->n_rows;
    *out = NULL;
    if (col == TABLE_NONE) return OK;
    double *x = arena_alloc(a, n, sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", n);
    for (size_t i = 0; i < n; i++) TRY(table_num(&x[i], c->t, c->token[i].row, col, e));
    *out = x;
    return OK;
}

static Status csv_ranks(int32_t **out, const Csv *c, Arena *a, Err *e)
{
    size_t col = table_col(c->t, "rank"), n = c->t->n_rows, rank = 0;
    *out = NULL;
    if (col == TABLE_NONE) return OK;
    int32_t *x = arena_alloc(a, n, sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", n);
    for (size_t i = 0; i < n; i++) {
        TRY(table_size(&rank, c->t, c->token[i].row, col, e));
        x[i] = rank < INT32_MAX ? (int32_t)rank : INT32_MAX;
    }
    *out = x;
    return OK;
}

/* mu is minus the entropy: either column will do, and both must agree. */
static Status csv_mu(double **mu, const Csv *c, Arena *a, Err *e)
{
    double *entropy = NULL;
    TRY(csv_column(mu, c, "mu", a, e));
    TRY(csv_column(&entropy, c, "entropy", a, e));
    if (entropy == NULL) return OK;
    for (size_t i = 0; i < c->t->n_rows; i++) {
        if (*mu != NULL && fabs((*mu)[i] + entropy[i]) > 1e-3 * fmax(1, fabs(entropy[i])))
            FAIL(e, ERR_FORMAT, "%s:%zu: mu = %g, want minus the entropy %g", c->t->name,
                 c->t->line[c->token[i].row], (*mu)[i], entropy[i]);
        entropy[i] = -entropy[i];
    }
    if (*mu == NULL) *mu = entropy;
    return OK;
}

/* No log-probability is positive and no standard deviation negative. */
static Status csv_check(const Csv *c, const double *x, const char *name, double sign, Err *e)
{
    for (size_t i = 0; x != NULL && i < c->t->n_rows; i++)
        if (sign * x[i] < -1e-4)
            FAIL(e, ERR_FORMAT, "%s:%zu: %s = %g, want 0 or %s", c->t->name, c->t->line[c->token[i].row],
                 name, x[i], sign > 0 ? "more" : "less");
    return OK;
}

static Status csv_signals(AttackRecords *out, const Csv *c, SignalsRecord *rec, Arena *a, Err *e)
{
    AttackTokens *tokens = arena_zalloc(a, c->n, sizeof *tokens);
    AttackSignal *s = arena_zalloc(a, c->n, sizeof *s);
    double *logp = NULL, *mu = NULL, *sigma = NULL, *ref = NULL;
    int32_t *rank = NULL;
    if (tokens == NULL || s == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", c->n);
    TRY(csv_column(&logp, c, "logp", a, e));
    TRY(csv_mu(&mu, c, a, e));
    TRY(csv_column(&sigma, c, "sigma", a, e));
    TRY(csv_column(&ref, c, "ref_logp", a, e));
    TRY(csv_ranks(&rank, c, a, e));
    TRY(csv_check(c, logp, "logp", -1, e));
    TRY(csv_check(c, ref, "ref_logp", -1, e));
    TRY(csv_check(c, mu, "mu", -1, e));
    TRY(csv_check(c, sigma, "sigma", 1, e));
    for (size_t i = 0; i < c->n; i++) {
        size_t from = c->rec[i].from, n = c->rec[i].to - from;
        TRY(csv_record(&rec[i], c, &c->rec[i], e));
        tokens[i] = (AttackTokens){.n = n, .logp = logp + from};
        if (mu != NULL) tokens[i].mu = mu + from;
        if (sigma != NULL) tokens[i].sigma = sigma + from;
        if (ref != NULL) tokens[i].ref_logp = ref + from;
        if (rank != NULL) tokens[i].rank = rank + from;
        s[i] = (AttackSignal){.n_tokens = n, .ref_nll_sum = ref != NULL ? 0 : NAN, .tokens = &tokens[i]};
        for (size_t k = from; k < from + n; k++) {
            s[i].nll_sum -= logp[k];
            if (ref != NULL) s[i].ref_nll_sum -= ref[k];
        }
    }
    *out = (AttackRecords){.name = c->t->name, .n = c->n, .record = rec, .signal = s};
    return OK;
}

Status attack_csv(AttackRecords *out, const Table *t, Arena *a, Err *e)
{
    Csv c = {.t = t, .unit = table_col(t, "unit")};
    size_t logp = 0;
    TRY(table_need(&c.record, t, "record", e));
    TRY(table_need(&c.label, t, "label", e));
    TRY(table_need(&c.place, t, "t", e));
    TRY(table_need(&logp, t, "logp", e));
    TRY(csv_tokens(&c, a, e));
    SignalsRecord *rec = arena_zalloc(a, c.n, sizeof *rec);
    if (rec == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", c.n);
    return csv_signals(out, &c, rec, a, e);
}
