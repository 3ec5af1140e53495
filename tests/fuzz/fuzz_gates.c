/* fuzz_gates.c - any bytes as a gates file, as a baseline, and as both: refused with a message, or verdicts
 * that have words; a baseline compared with itself is never worse. */
#include "../../src/report/report_priv.h"

#include "fuzz_file.h"

#include "prime/ledger.h"
#include "prime/report.h"
#include "prime/str.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void gates_toy_scores(Ledger *l, const char *target, double gain)
{
    char unit[8], record[8];
    LedgerScore u = {"utility", "acc", target, "q", LEDGER_NO_LABEL, 0.5 + gain};
    if (ledger_score(l, &u, NULL) != OK) abort();
    for (int a = 0; a < 4; a++)
        for (int i = 0; i < 6; i++) {
            snprintf(unit, sizeof unit, "a%d", a);
            snprintf(record, sizeof record, "r%d", i);
            LedgerScore s = {"attack", "ref", unit, record, i < 3, gain * (i < 3) + 0.1 * sin(7.0 * a + i)};
            LedgerScore b = {"attack", "blind_length", unit, record, i < 3, cos(5.0 * a + i)};
            if (ledger_score(l, &s, NULL) != OK || ledger_score(l, &b, NULL) != OK) abort();
        }
}

/* Two methods, three targets, four anchors. */
static void gates_toy_ledger(const char *path)
{
    Ledger *l = NULL;
    if (ledger_open(&l, path, LEDGER_CREATE, "toy", NULL) != OK) abort();
    for (int m = 0; m < 2; m++)
        for (int t = 0; t < 3; t++) {
            char key[16], target[8];
            snprintf(key, sizeof key, "%d %d", m, t);
            snprintf(target, sizeof target, "u%d", t);
            LedgerCell c = {key, m == 0 ? "base" : "evolved", "toy", target, m == 0 ? NAN : 0.5, 1, NULL, 0};
            if (ledger_cell_begin(l, &c, NULL) != OK) abort();
            gates_toy_scores(l, target, 0.4 * m);
            if (ledger_cell_commit(l, "ok", 1, NULL) != OK) abort();
        }
    ledger_close(l);
}

static Report *gates_toy_report(void)
{
    static char path[FUZZ_PATH];
    Ledger *l = NULL;
    Report *r = NULL;
    if (path[0] == '\0') {
        fuzz_folder_real();
        gates_toy_ledger(fuzz_at(path, "ledger.db"));
    }
    if (ledger_open(&l, path, LEDGER_READ, NULL, NULL) != OK || report_load(&r, l, NULL, NULL) != OK) abort();
    ledger_close(l);
    return r;
}

/* One report for many files: loading it takes longer than judging it. Its arena grows with each, so that it
 * is made anew now and then. */
static Report *gates_report(void)
{
    static Report *r;
    static size_t used;
    if (r == NULL || used++ % 1000 == 0) {
        report_free(r);
        r = gates_toy_report();
    }
    r->result = NULL;
    r->choice = NULL;
    r->n_results = r->n_choices = 0;
    r->gates_path = NULL;
    r->verdict = VERDICT_NONE;
    return r;
}

static void gates_try(const char *path)
{
    Report *r = gates_report();
    Err e = {0};
    if (report_judge(r, path, &e) == OK) {
        Str words = {0};
        report_sentence(&words, r);
        if (report_verdict(r) == VERDICT_NONE || words.n == 0) abort();
        str_free(&words);
    } else if (e.msg[0] == '\0')
        abort();
}

static void series_try(const char *path)
{
    Series *s = NULL;
    Verdict v = VERDICT_NONE;
    Err e = {0};
    CompareHow how = compare_defaults();
    Str text = {0}, table = {0};
    if (series_load(&s, path, &e) == OK) {
        if (series_compare(&v, &text, &table, s, s, &how, &e) == OK && v == VERDICT_BREACHED) abort();
    } else if (e.msg[0] == '\0')
        abort();
    str_free(&text);
    str_free(&table);
    series_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    if (size > 1 << 14) return 0;
    gates_report();
    fuzz_put("gates.csv", data, size);
    gates_try(fuzz_at(path, "gates.csv"));
    series_try(path);
    return 0;
}
