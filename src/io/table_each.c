/* table_each.c - CSV row by row, in the memory of one row. */
#include "prime/table.h"

#include "table_priv.h"
#include "utf8_priv.h"

#include "prime/file.h"

#include <csv.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The row that is being read. */
typedef struct {
    const char *path;
    Str text;     /* its cells, a NUL behind each */
    size_t *from; /* [n] where they begin; grows */
    const char **cell;
    size_t n, cap, line;
    bool whole, failed;
} EachRow;

static void each_on_cell(void *bytes, size_t n, void *ctx)
{
    EachRow *r = ctx;
    if (r->n == r->cap) {
        size_t cap = r->cap * 2 + 16;
        size_t *from = realloc(r->from, cap * sizeof *from);
        if (from != NULL) r->from = from;
        const char **cell = from != NULL ? realloc(r->cell, cap * sizeof *cell) : NULL;
        r->failed = r->failed || cell == NULL;
        if (cell == NULL) return;
        r->cell = cell;
        r->cap = cap;
    }
    r->from[r->n++] = r->text.n;
    str_put(&r->text, bytes, n);
    str_put(&r->text, "", 1);
}

static void each_on_row(int end, void *ctx)
{
    (void)end;
    ((EachRow *)ctx)->whole = true;
}

/* A NUL inside a cell, or bytes that are not UTF-8. */
static bool each_damaged(const EachRow *r)
{
    for (size_t i = 0; i < r->n; i++) {
        size_t end = i + 1 < r->n ? r->from[i + 1] : r->text.n;
        if (strlen(r->text.s + r->from[i]) + 1 != end - r->from[i]) return true;
    }
    return utf8_bad(r->text.s, r->text.n) < r->text.n;
}

static Status each_give(EachRow *r, TableRow row, void *ctx, Err *e)
{
    if (!r->whole) return OK;
    if (r->failed || r->text.failed) FAIL(e, ERR_NOMEM, "%s:%zu: no memory for a row", r->path, r->line);
    for (size_t i = 0; i < r->n; i++) r->cell[i] = r->text.s + r->from[i];
    Status s = row(ctx, r->cell, r->n > 0 && each_damaged(r) ? 0 : r->n, r->line, e);
    r->whole = false;
    r->n = 0;
    str_clear(&r->text);
    return s;
}

static Status each_line(EachRow *r, struct csv_parser *p, const char *line, size_t n, TableRow row, void *ctx,
                        Err *e)
{
    bool fine = csv_parse(p, line, n, each_on_cell, each_on_row, r) == n;
    if (!fine && csv_error(p) != CSV_EPARSE)
        FAIL(e, ERR_NOMEM, "%s:%zu: no memory for a cell", r->path, r->line);
    if (!fine)
        FAIL(e, ERR_FORMAT, "%s:%zu: a quote inside an unquoted cell, or text after a closing quote", r->path,
             r->line);
    return each_give(r, row, ctx, e);
}

static Status each_lines(EachRow *r, struct csv_parser *p, FILE *fp, TableRow row, void *ctx, Err *e)
{
    char *line = NULL;
    size_t cap = 0, number = 1;
    bool inside = false, lone = false;
    Status s = OK;
    for (ssize_t n; s == OK && (n = getline(&line, &cap, fp)) >= 0; number++) {
        size_t skip = number == 1 && n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
        if (!inside) r->line = number;
        inside = table_scan_line(inside, &lone, line + skip, (size_t)n - skip);
        if (lone)
            s = err_set(e, ERR_FORMAT, __FILE__, __LINE__, "%s:%zu: a carriage return without a line feed",
                        r->path, number);
        else
            s = each_line(r, p, line + skip, (size_t)n - skip, row, ctx, e);
    }
    if (s == OK) s = file_ended(fp, r->path, e);
    free(line);
    if (s != OK) return s;
    if (csv_fini(p, each_on_cell, each_on_row, r) != 0)
        FAIL(e, ERR_FORMAT, "%s:%zu: a quote is not closed before the end of the file", r->path, r->line);
    return each_give(r, row, ctx, e);
}

Status table_each(const char *path, TableRow row, void *ctx, Err *e)
{
    bool in = strcmp(path, "-") == 0;
    FILE *fp = in ? stdin : fopen(path, "rb");
    struct csv_parser p;
    EachRow r = {.path = path};
    if (fp == NULL) FAIL(e, ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    Status s = csv_init(&p, CSV_STRICT | CSV_STRICT_FINI) == 0
                   ? OK
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory for a parser", path);
    if (s == OK) {
        csv_set_space_func(&p, table_no_space);
        s = each_lines(&r, &p, fp, row, ctx, e);
        csv_free(&p);
    }
    if (!in) fclose(fp);
    str_free(&r.text);
    free(r.from);
    free(r.cell);
    return s;
}
