/* table_write.c - writing CSV, quoted only where it must be. */
#include "prime/table.h"

#include "prime/show.h"

#include "text_priv.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void table_sink(TableOut *o, const char *s, size_t n)
{
    if (o->fp != NULL)
        fwrite(s, 1, n, o->fp); /* a short write sets the stream's error flag */
    else
        str_put(o->str, s, n);
}

/* Every cell begins here: the separator, and the count. */
static void table_cell_begin(TableOut *o)
{
    assert(o->at < o->n_cols);
    if (o->at++ > 0) table_sink(o, ",", 1);
}

/* A text that a spreadsheet would evaluate. A plain number is harmless and stays one. */
static bool table_runs(const char *s)
{
    double x;
    return s[0] != '\0' && strchr("=+-@\t\r\n", s[0]) != NULL && !text_num(&x, s);
}

static void table_put_quoted(TableOut *o, const char *s)
{
    table_sink(o, "\"", 1);
    if (table_runs(s)) table_sink(o, "'", 1);
    for (const char *q; (q = strchr(s, '"')) != NULL; s = q + 1) {
        table_sink(o, s, (size_t)(q - s) + 1);
        table_sink(o, "\"", 1);
    }
    table_sink(o, s, strlen(s));
    table_sink(o, "\"", 1);
}

/* A cell after its separator. */
static void table_put_cell(TableOut *o, const char *s)
{
    bool mark = strncmp(s, "\xef\xbb\xbf", 3) == 0;   /* would be skipped at the start of a file */
    bool lone_empty = o->n_cols == 1 && s[0] == '\0'; /* would be a blank line, which readers skip */
    if (mark || lone_empty || s[strcspn(s, ",\"\r\n")] != '\0') {
        table_put_quoted(o, s);
        return;
    }
    if (table_runs(s)) table_sink(o, "'", 1);
    table_sink(o, s, strlen(s));
}

/* Whether s is printable ASCII, which is shown as it is. */
static bool table_plain(const char *s)
{
    while (*s >= 0x20 && *s < 0x7F) s++;
    return *s == '\0';
}

void table_put_str(TableOut *o, const char *s)
{
    Str shown = {0};
    bool plain = !o->shown || table_plain(s);
    table_cell_begin(o);
    if (!plain) show_text(&shown, s);
    table_put_cell(o, plain ? s : shown.s != NULL ? shown.s : "");
    if (shown.failed && o->str != NULL) o->str->failed = true;
    str_free(&shown);
}

/* Digits as in str_num, without memory of its own, so that it cannot fail. */
void table_put_num(TableOut *o, double x)
{
    if (isnan(x)) {
        table_put_empty(o);
        return;
    }
    char buf[40];
    int n = 0;
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(buf, sizeof buf, "%.*g", digits, x);
        if (isinf(x) || strtod(buf, NULL) == x) break;
    }
    table_cell_begin(o);
    table_sink(o, buf, (size_t)n);
}

void table_put_int(TableOut *o, int64_t x)
{
    char buf[24];
    int n = snprintf(buf, sizeof buf, "%" PRId64, x);
    table_cell_begin(o);
    table_sink(o, buf, (size_t)n);
}

void table_put_empty(TableOut *o)
{
    table_put_str(o, "");
}

void table_end_row(TableOut *o)
{
    assert(o->at == o->n_cols);
    o->at = 0;
    table_sink(o, "\n", 1);
}

void table_begin(TableOut *o, FILE *fp, Str *str, const char *const *col, size_t n_cols)
{
    assert(n_cols > 0 && (fp != NULL || str != NULL));
    *o = (TableOut){.fp = fp, .str = str, .n_cols = n_cols};
    for (size_t i = 0; i < n_cols; i++) table_put_str(o, col[i]);
    table_end_row(o);
}
