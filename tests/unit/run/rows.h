/* rows.h - the rows of a run's ledger in memory, for tests that compare them. */
#ifndef PRIME_TESTS_ROWS_H
#define PRIME_TESTS_ROWS_H

#include "world.h"

typedef struct {
    char method[64], target[32], kind[24], metric[32], unit[32], record[32];
    double lambda, value;
    int label;
} Row;
typedef struct {
    Row *row;
    size_t n, room;
} Rows;

static inline Status keep_row(void *ctx, const LedgerCell *c, const LedgerScore *s, Err *e)
{
    Rows *r = ctx;
    (void)e;
    if (r->n == r->room) {
        r->room = 2 * r->room + 1024;
        r->row = realloc(r->row, r->room * sizeof *r->row);
        cr_assert_not_null(r->row);
    }
    Row *x = &r->row[r->n++];
    snprintf(x->method, sizeof x->method, "%s", c->method);
    snprintf(x->target, sizeof x->target, "%s", c->target);
    snprintf(x->kind, sizeof x->kind, "%s", s->kind);
    snprintf(x->metric, sizeof x->metric, "%s", s->metric);
    snprintf(x->unit, sizeof x->unit, "%s", s->unit);
    snprintf(x->record, sizeof x->record, "%s", s->record);
    x->lambda = c->lambda;
    x->value = s->value;
    x->label = s->label;
    return OK;
}

static inline Rows rows_load(const World *w, const char *run)
{
    Rows r = {0};
    Ledger *l = NULL;
    char path[PATH + 64];
    snprintf(path, sizeof path, "%s/%s/ledger.db", w->dir, run);
    MUST(ledger_open(&l, path, LEDGER_READ, NULL, &e_));
    MUST(ledger_each_score(l, NULL, keep_row, &r, &e_));
    ledger_close(l);
    return r;
}

static inline Rows run_and_load(World *w, const char *run, const char *const *set, size_t n)
{
    w->spec = world_spec(w, set, n);
    Str text = run_text(w, run, 2);
    str_free(&text);
    return rows_load(w, run);
}

/* The row that agrees with `like` in cell, kind, unit and record, of another method and metric. */
static inline const Row *row_like(const Rows *r, const Row *like, const char *method, const char *metric)
{
    for (size_t i = 0; i < r->n; i++) {
        const Row *x = &r->row[i];
        bool lambda = isnan(x->lambda) || x->lambda == like->lambda;
        if (lambda && strcmp(x->method, method) == 0 && strcmp(x->target, like->target) == 0 &&
            strcmp(x->kind, like->kind) == 0 && strcmp(x->metric, metric) == 0 &&
            strcmp(x->unit, like->unit) == 0 && strcmp(x->record, like->record) == 0)
            return x;
    }
    cr_assert_fail("no %s of %s for record %s of %s", metric, method, like->record, like->unit);
    return NULL;
}

static inline bool row_is(const Row *x, const char *method, const char *kind, const char *metric)
{
    return strcmp(x->method, method) == 0 && strcmp(x->kind, kind) == 0 && strcmp(x->metric, metric) == 0;
}

static inline size_t rows_of_metric(const Rows *r, const char *method, const char *kind, const char *metric)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) n += row_is(&r->row[i], method, kind, metric);
    return n;
}

static inline double merge_weight(const Rows *r, const char *method, const char *target, const char *unit)
{
    for (size_t i = 0; i < r->n; i++)
        if (row_is(&r->row[i], method, "weight", "w") && strcmp(r->row[i].target, target) == 0 &&
            strcmp(r->row[i].unit, unit) == 0)
            return r->row[i].value;
    return NAN;
}

#define ONE "seeds=1", "lambda=0.5"

#endif
