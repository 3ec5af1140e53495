/* fuzz_ledger.c - any bytes as the ledger of a run: refused with a message, or walked from end to end; and if
 * a report can be made of it, every format of it, with no control character in any that is text. */
#include "fuzz_file.h"

#include "prime/ledger.h"
#include "prime/report.h"
#include "prime/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LEDGER_FUZZ_MAX = 1 << 16, ROWS_MAX = 2000 };

/* On disk, since SQLite opens it by itself; without a flush, which file_write would wait for, and without
 * what SQLite put beside the last one. */
static void ledger_put(const char *path, const uint8_t *data, size_t n)
{
    static const char *const tail[] = {"", "-journal", "-wal", "-shm"};
    char name[FUZZ_PATH + 16];
    for (size_t i = 0; i < sizeof tail / sizeof tail[0]; i++) {
        snprintf(name, sizeof name, "%s%s", path, tail[i]);
        remove(name);
    }
    FILE *fp = fopen(path, "wb");
    if (fp == NULL || fwrite(data, 1, n, fp) != n || fclose(fp) != 0) abort();
}

static Status walk_meta(void *ctx, const char *key, const char *value, Err *e)
{
    (void)e;
    *(size_t *)ctx += strlen(key) + strlen(value);
    return OK;
}

static Status walk_cell(void *ctx, const LedgerCell *c, Err *e)
{
    (void)e;
    *(size_t *)ctx += strlen(c->key) + strlen(c->method) + strlen(c->task) + strlen(c->target);
    return OK;
}

static Status walk_score(void *ctx, const LedgerCell *c, const LedgerScore *s, Err *e)
{
    (void)c;
    size_t *n = ctx;
    if (!(s->value - s->value == 0)) abort(); /* finite, or not handed out */
    if (++*n > ROWS_MAX) FAIL(e, ERR_ARG, "more than %d rows", ROWS_MAX);
    return OK;
}

static Status walk_eval(void *ctx, const LedgerEval *v, Err *e)
{
    (void)e;
    for (size_t i = 0; i < v->n_genome; i++) *(double *)ctx += v->genome[i];
    for (size_t i = 0; i < v->n_agreement; i++) *(double *)ctx += v->agreement[i];
    return OK;
}

static void ledger_plain(const Str *text)
{
    for (size_t i = 0; i < text->n; i++)
        if (((unsigned char)text->s[i] < 0x20 && text->s[i] != '\n' && text->s[i] != '\t' &&
             text->s[i] != '\r') ||
            text->s[i] == 0x7F)
            abort();
}

static void ledger_report(Ledger *l)
{
    Report *r = NULL;
    Err e = {0};
    const ReportOutput *o = NULL;
    if (report_load(&r, l, NULL, &e) != OK) {
        if (e.msg[0] == '\0') abort();
        return;
    }
    for (size_t i = 0; (o = report_output_at(i)) != NULL; i++) {
        Str text = {0};
        if (o->fn(&text, r, &e) == OK) ledger_plain(&text);
        str_free(&text);
    }
    report_free(r);
}

static void ledger_walk(Ledger *l)
{
    Err e = {0};
    size_t n = 0, rows = 0;
    double sum = 0;
    void *blob = NULL;
    Status s = ledger_each_meta(l, walk_meta, &n, &e);
    if (s == OK) s = ledger_each_cell(l, NULL, walk_cell, &n, &e);
    if (s == OK) s = ledger_each_score(l, NULL, walk_score, &rows, &e);
    if (s == OK) s = ledger_each_eval(l, "u1", 1, walk_eval, &sum, &e);
    if (s == OK) s = ledger_blob_get(l, "b", &blob, &n, &e);
    if (s != OK && e.msg[0] == '\0') abort();
    free(blob);
    if (s == OK) ledger_report(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[FUZZ_PATH];
    Ledger *l = NULL;
    Err e = {0};
    if (size > LEDGER_FUZZ_MAX) return 0;
    if (path[0] == '\0') {
        fuzz_folder_real();
        fuzz_at(path, "ledger.db");
    }
    ledger_put(path, data, size);
    if (ledger_open(&l, path, LEDGER_READ, NULL, &e) == OK)
        ledger_walk(l);
    else if (e.msg[0] == '\0' || l != NULL)
        abort();
    ledger_close(l);
    return 0;
}
