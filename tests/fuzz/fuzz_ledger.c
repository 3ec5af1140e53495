/* fuzz_ledger.c - any bytes as the ledger of a run: refused with a message, or walked from end to end; and if
 * a report can be made of it, every format of it, with no control character in any. */
#include "fuzz_ledger.h"

#include "fuzz_file.h"

#include "prime/report.h"
#include "prime/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

/* All of the text, which may hold no byte 0 either. */
static void ledger_plain(const Str *text)
{
    static const char controls[] =
        "\1\2\3\4\5\6\7\b\v\f\16\17\20\21\22\23\24\25\26\27\30\31\32\33\34\35\36\37\177";
    if (text->n > 0 && strcspn(text->s, controls) != text->n) abort();
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
        if (o->file != NULL && strstr(o->file, "schema") != NULL) continue; /* the same for every ledger */
        if (o->fn(&text, r, &e) == OK) ledger_plain(&text);
        str_free(&text);
    }
    report_free(r);
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
    if (ledger_open(&l, path, LEDGER_READ, NULL, &e) == OK) {
        if (ledger_walk(l) == OK) ledger_report(l);
    } else if (e.msg[0] == '\0' || l != NULL)
        abort();
    ledger_close(l);
    return 0;
}
