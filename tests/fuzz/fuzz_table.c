/* fuzz_table.c - any bytes: refused, or a table that is written and read back cell by cell. */
#include "prime/table.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Equal, but for the apostrophe that the writer puts before a formula. */
static void table_same_cell(const char *got, const char *want)
{
    if (got[0] == '\'' && want[0] != '\0' && strchr("=+-@\t\r\n", want[0]) != NULL) got++;
    if (strcmp(got, want) != 0) abort();
}

static void table_write_all(Str *out, const Table *t)
{
    TableOut o;
    table_begin(&o, NULL, out, t->col, t->n_cols);
    for (size_t i = 0; i < t->n_rows; i++) {
        for (size_t j = 0; j < t->n_cols; j++) table_put_str(&o, table_str(t, i, j));
        table_end_row(&o);
    }
    if (out->failed) abort();
}

static void table_again(const Table *t, Arena *a)
{
    Str text = {0};
    Table back = {0};
    for (size_t j = 0; j < t->n_cols; j++)
        if (strchr("=+-@'", t->col[j][0]) != NULL && t->col[j][0] != '\0')
            return; /* guarded names may collide */
    table_write_all(&text, t);
    if (table_parse(&back, a, text.s, text.n, "again", NULL) != OK) abort();
    if (back.n_rows != t->n_rows || back.n_cols != t->n_cols) abort();
    for (size_t i = 0; i < t->n_rows; i++)
        for (size_t j = 0; j < t->n_cols; j++) table_same_cell(table_str(&back, i, j), table_str(t, i, j));
    str_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Arena a = {0};
    Table t = {0};
    Err e = {0};
    double *x = NULL;
    if (table_parse(&t, &a, (const char *)data, size, "input", &e) == OK) {
        for (size_t i = 1; i < t.n_rows; i++)
            if (t.line[i] <= t.line[i - 1]) abort();
        if (table_nums(&x, &t, t.n_cols - 1, &a, &e) != OK && e.msg[0] == '\0') abort();
        table_again(&t, &a);
    } else if (e.msg[0] == '\0')
        abort();
    arena_free(&a);
    return 0;
}
