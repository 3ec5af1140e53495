/* table.c - reading CSV. libcsv cuts the cells; lines, widths and names are checked here. */
#include "prime/table.h"

#include "prime/file.h"
#include "table_priv.h"
#include "text_priv.h"

#include <assert.h>
#include <csv.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROW = 1 << 16 }; /* libcsv grows its buffer by this many bytes */

/* What the callbacks of libcsv fill. The arrays have room for the most that the text can hold: a cell takes
 * at least its separator, and its bytes fit where they stood. */
typedef struct {
    Table *t;
    char *text;        /* bytes of all cells, each with its NUL */
    size_t used;       /* of text */
    size_t cells;      /* in t->cell, the header's included */
    size_t row_cells;  /* in the row that is being read */
    size_t line;       /* being read, from 1 */
    size_t row_line;   /* where the row began */
    size_t bad_line;   /* of the first row that is too long or too short */
    size_t bad_cells;  /* how many cells that row has */
    size_t head_cells; /* cells of the header, 0 before its end */
} Load;

static void table_on_cell(void *bytes, size_t n, void *ctx)
{
    Load *l = ctx;
    char *s = l->text + l->used;
    if (n > 0) memcpy(s, bytes, n);
    s[n] = '\0';
    l->used += n + 1;
    l->t->cell[l->cells++] = s;
    l->row_cells++;
}

static void table_on_row(int end, void *ctx)
{
    (void)end;
    Load *l = ctx;
    /* A callback cannot stop the parser, so the first bad row is remembered. */
    if (l->head_cells == 0)
        l->head_cells = l->row_cells;
    else
        l->t->line[l->t->n_rows++] = l->row_line;
    if (l->row_cells != l->head_cells && l->bad_line == 0) {
        l->bad_line = l->row_line;
        l->bad_cells = l->row_cells;
    }
    l->row_cells = 0;
}

int table_no_space(unsigned char c)
{
    (void)c;
    return 0; /* spaces belong to the cell */
}

static Status table_failed(const Load *l, struct csv_parser *p, Err *e)
{
    if (csv_error(p) != CSV_EPARSE) FAIL(e, ERR_NOMEM, "%s:%zu: no memory for a cell", l->t->name, l->line);
    FAIL(e, ERR_FORMAT, "%s:%zu: a quote inside an unquoted cell, or text after a closing quote", l->t->name,
         l->line);
}

static Status table_check_row(const Load *l, Err *e)
{
    if (l->bad_line != 0)
        FAIL(e, ERR_FORMAT, "%s:%zu: the row has %zu cells, the header has %zu", l->t->name, l->bad_line,
             l->bad_cells, l->head_cells);
    return OK;
}

bool table_scan_line(bool inside, bool *lone, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        inside ^= s[i] == '"';
        if (!inside && s[i] == '\r' && i + 1 < n && s[i + 1] != '\n') *lone = true;
    }
    return inside;
}

/* The text goes to libcsv line by line, so that the callbacks know where they are. */
static Status table_read_lines(Load *l, struct csv_parser *p, const char *text, size_t n, Err *e)
{
    bool inside = false, lone = false;
    for (size_t from = 0, len; from < n; from += len, l->line++) {
        const char *nl = memchr(text + from, '\n', n - from);
        len = nl == NULL ? n - from : (size_t)(nl - text) - from + 1;
        if (!inside) l->row_line = l->line;
        inside = table_scan_line(inside, &lone, text + from, len);
        if (csv_parse(p, text + from, len, table_on_cell, table_on_row, l) != len)
            return table_failed(l, p, e);
        TRY(table_check_row(l, e));
        if (lone) FAIL(e, ERR_FORMAT, "%s:%zu: a carriage return without a line feed", l->t->name, l->line);
    }
    if (csv_fini(p, table_on_cell, table_on_row, l) != 0)
        FAIL(e, ERR_FORMAT, "%s:%zu: a quote is not closed before the end of the file", l->t->name,
             l->row_line);
    return table_check_row(l, e);
}

static Status table_read_rows(Load *l, const char *text, size_t n, Err *e)
{
    struct csv_parser p;
    if (csv_init(&p, CSV_STRICT | CSV_STRICT_FINI) != 0)
        FAIL(e, ERR_NOMEM, "%s: no memory for a parser", l->t->name);
    csv_set_space_func(&p, table_no_space);
    csv_set_blk_size(&p, GROW);
    Status s = table_read_lines(l, &p, text, n, e);
    csv_free(&p);
    return s;
}

/* Counts separators, those inside quotes too: a bound, not a guess, so nothing grows while parsing. */
static Status table_room(Load *l, Arena *a, const char *text, size_t n, Err *e)
{
    size_t cells = 1, rows = 1;
    for (size_t i = 0; i < n; i++) {
        cells += text[i] == ',' || text[i] == '\n' || text[i] == '\r';
        rows += text[i] == '\n' || text[i] == '\r';
    }
    l->text = arena_alloc(a, n + 1, 1);
    l->t->cell = arena_alloc(a, cells, sizeof *l->t->cell);
    l->t->line = arena_alloc(a, rows, sizeof *l->t->line);
    if (l->text == NULL || l->t->cell == NULL || l->t->line == NULL)
        FAIL(e, ERR_NOMEM, "%s: no memory for %zu cells", l->t->name, cells);
    return OK;
}

static Status table_check_names(const Table *t, Err *e)
{
    if (t->n_cols > TABLE_MAX_COLS)
        FAIL(e, ERR_FORMAT, "%s: %zu columns, want at most %d", t->name, t->n_cols, TABLE_MAX_COLS);
    for (size_t i = 1; i < t->n_cols; i++)
        if (table_col(t, t->col[i]) != i)
            FAIL(e, ERR_FORMAT, "%s: two columns are named '%.80s'", t->name, t->col[i]);
    return OK;
}

static Status table_fill(Table *t, Arena *a, const char *text, size_t n, const char *name, Err *e)
{
    Table fresh = {.name = arena_strdup(a, name)};
    Load l = {.t = &fresh, .line = 1};
    if (fresh.name == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for its name", name);
    TRY(table_room(&l, a, text, n, e));
    TRY(table_read_rows(&l, text, n, e));
    if (l.cells == 0) FAIL(e, ERR_FORMAT, "%s: empty, want a header row", name);
    fresh.n_cols = l.head_cells;
    fresh.col = fresh.cell;
    fresh.cell += l.head_cells;
    TRY(table_check_names(&fresh, e));
    *t = fresh;
    return OK;
}

Status table_parse(Table *t, Arena *a, const char *text, size_t n, const char *name, Err *e)
{
    size_t skip = 0;
    TRY(text_check(&skip, text, n, name, TABLE_MAX_BYTES, e));
    return table_fill(t, a, text + skip, n - skip, name, e);
}

Status table_load(Table *t, Arena *a, const char *path, Err *e)
{
    char *text = NULL;
    size_t n = 0;
    TRY(text_read(&text, &n, path, TABLE_MAX_BYTES, e));
    Status s = table_fill(t, a, text, n, strcmp(path, "-") == 0 ? "standard input" : path, e);
    free(text);
    return s;
}

size_t table_col(const Table *t, const char *name)
{
    for (size_t i = 0; i < t->n_cols; i++)
        if (strcmp(t->col[i], name) == 0) return i;
    return TABLE_NONE;
}

static Status table_no_column(const Table *t, const char *name, Err *e)
{
    const char *near = str_nearest(name, t->col, t->n_cols);
    if (near != NULL) FAIL(e, ERR_FORMAT, "%s: no column '%s', did you mean '%s'?", t->name, name, near);
    char list[160] = "";
    size_t at = 0;
    for (size_t i = 0; i < t->n_cols && at < sizeof list - 1; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i > 0 ? ", " : "", t->col[i]);
    FAIL(e, ERR_FORMAT, "%s: no column '%s'; there are: %s", t->name, name, list);
}

Status table_need(size_t *col, const Table *t, const char *name, Err *e)
{
    size_t i = table_col(t, name);
    if (i == TABLE_NONE) return table_no_column(t, name, e);
    *col = i;
    return OK;
}

const char *table_str(const Table *t, size_t row, size_t col)
{
    assert(row < t->n_rows && col < t->n_cols);
    return t->cell[row * t->n_cols + col];
}

static Status table_unwanted(const Table *t, size_t row, size_t col, const char *want, Err *e)
{
    FAIL(e, ERR_FORMAT, "%s:%zu: %.80s = '%.80s', want %s", t->name, t->line[row], t->col[col],
         table_str(t, row, col), want);
}

Status table_num(double *out, const Table *t, size_t row, size_t col, Err *e)
{
    if (!text_num(out, table_str(t, row, col))) return table_unwanted(t, row, col, "a finite number", e);
    return OK;
}

Status table_size(size_t *out, const Table *t, size_t row, size_t col, Err *e)
{
    double x = -1;
    if (!text_num(&x, table_str(t, row, col)) || x < 0 || x > 0x1p53 || x != floor(x))
        return table_unwanted(t, row, col, "a whole number from 0 to 2^53", e);
    *out = (size_t)x;
    return OK;
}

Status table_nums(double **out, const Table *t, size_t col, Arena *a, Err *e)
{
    double *x = arena_alloc(a, t->n_rows, sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu numbers", t->name, t->n_rows);
    for (size_t i = 0; i < t->n_rows; i++) TRY(table_num(&x[i], t, i, col, e));
    *out = x;
    return OK;
}
