/* toy.h - small ledgers and the tables of their reports, for the tests of room report. */
#ifndef PRIME_TEST_TOY_H
#define PRIME_TEST_TOY_H

#include "prime/arena.h"
#include "prime/ledger.h"
#include "prime/report.h"
#include "prime/table.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "prime_report_XXXXXX";
static char path[64];
static Err err;

static inline void report_folder(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/ledger.db", dir);
}

static inline void report_folder_gone(void)
{
    remove(path);
    cr_assert_eq(rmdir(dir), 0, "something is left behind in %s", dir);
}

/* One cell of the toy runs below: a target with two records, and per anchor two members and two held-out. */
typedef struct {
    const char *method, *target;
    double lambda, utility;
    double ref[4]; /* members, held-out; the same for each anchor but for a shift */
    const char *status;
} Toy;

static inline void add(Ledger *l, const char *kind, const char *metric, const char *unit, const char *record,
                       int label, double value)
{
    LedgerScore s = {kind, metric, unit, record, label, value};
    cr_assert_eq(ledger_score(l, &s, &err), OK, "%s", err.msg);
}

static inline void add_cell(Ledger *l, const Toy *t, size_t anchors)
{
    char key[64], unit[32];
    snprintf(key, sizeof key, "%s/%g/%s", t->method, t->lambda, t->target);
    LedgerCell c = {key, t->method, "toy", t->target, t->lambda, 1, NULL, 0};
    cr_assert_eq(ledger_cell_begin(l, &c, &err), OK, "%s", err.msg);
    add(l, "utility", "acc", t->target, "q1", LEDGER_NO_LABEL, t->utility - 0.1);
    add(l, "utility", "acc", t->target, "q2", LEDGER_NO_LABEL, t->utility + 0.1);
    add(l, "utility_all", "f1", t->target, "", LEDGER_NO_LABEL, t->utility / 2);
    add(l, "norm", "attenuation", t->target, "", LEDGER_NO_LABEL, 0.25);
    for (size_t a = 0; a < anchors; a++) {
        snprintf(unit, sizeof unit, "a%zu", a);
        const char *records[4] = {"m1", "m2", "h1", "h2"};
        for (int i = 0; i < 4; i++) {
            add(l, "attack", "ref", unit, records[i], i < 2, t->ref[i]);
            add(l, "attack", "loss", unit, records[i], i < 2, -t->ref[i]);
            add(l, "attack", "blind_length", unit, records[i], i < 2, i == 0 ? 2 : 1);
        }
    }
    add(l, "a kind of a later version", "x", "", "", LEDGER_NO_LABEL, 1);
    cr_assert_eq(ledger_cell_commit(l, t->status != NULL ? t->status : "ok", 1, &err), OK);
}

/* The output of one format of a ledger with these cells, written in order or backwards. */
static inline char *report_how(const Toy *t, size_t n, size_t anchors, bool backwards, const char *metric,
                               const char *file, const ReportOptions *how)
{
    Ledger *l = NULL;
    Report *r = NULL;
    cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
    if (metric != NULL) cr_assert_eq(ledger_meta_set(l, "utility_metric", metric, &err), OK);
    for (size_t i = 0; i < n; i++) add_cell(l, &t[backwards ? n - 1 - i : i], anchors);
    cr_assert_eq(report_load(&r, l, how, &err), OK, "%s", err.msg);
    ledger_close(l);
    remove(path);
    Str text = {0};
    const ReportOutput *o = NULL;
    for (size_t i = 0; (o = report_output_at(i)) != NULL; i++) {
        bool wanted = file == NULL ? o->file == NULL : o->file != NULL && strcmp(o->file, file) == 0;
        if (wanted) cr_assert_eq(o->fn(&text, r, &err), OK, "%s", err.msg);
    }
    report_free(r);
    return text.s;
}

static inline Table table_of(Arena *a, const char *text)
{
    Table t;
    cr_assert_eq(table_parse(&t, a, text, strlen(text), "report", &err), OK, "%s", err.msg);
    return t;
}

static inline const char *text_at(const Table *t, size_t row, const char *col)
{
    size_t c = table_col(t, col);
    cr_assert_neq(c, TABLE_NONE, "no column %s", col);
    return table_str(t, row, c);
}

static inline double num_at(const Table *t, size_t row, const char *col)
{
    const char *s = text_at(t, row, col);
    return s[0] == '\0' ? NAN : strtod(s, NULL);
}

static inline char *report_of(const Toy *t, size_t n, size_t anchors, bool backwards, const char *metric,
                              const char *file)
{
    return report_how(t, n, anchors, backwards, metric, file, NULL);
}

/* One row: a cell with attack scores and weights by hand. */
static inline void add_row(Ledger *l, const char *kind, const char *metric, size_t unit, size_t record,
                           int label, double value)
{
    char u[16], n[16];
    snprintf(u, sizeof u, "a%zu", unit);
    snprintf(n, sizeof n, "r%zu", record);
    add(l, kind, metric, u, n, label, value);
}

static inline void begin_cell_of(Ledger *l, const char *method, const char *target, double lambda,
                                 uint64_t seed)
{
    char key[96];
    snprintf(key, sizeof key, "%s %s %g %d", method, target, lambda, (int)seed);
    LedgerCell c = {key, method, "toy", target, lambda, seed, NULL, 0};
    cr_assert_eq(ledger_cell_begin(l, &c, &err), OK, "%s", err.msg);
}

static inline void begin_cell(Ledger *l, const char *method, const char *target)
{
    begin_cell_of(l, method, target, NAN, 1);
}

static inline char *close_and_report(Ledger *l, const char *file)
{
    Report *r = NULL;
    Str text = {0};
    cr_assert_eq(report_load(&r, l, NULL, &err), OK, "%s", err.msg);
    ledger_close(l);
    remove(path);
    const ReportOutput *o = NULL;
    for (size_t i = 0; (o = report_output_at(i)) != NULL; i++)
        if (o->file != NULL && strcmp(o->file, file) == 0) cr_assert_eq(o->fn(&text, r, &err), OK);
    report_free(r);
    return text.s;
}

#endif
