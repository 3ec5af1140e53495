/* table.h - CSV tables in and out (RFC 4180), over libcsv.
 *
 * Reading: a header row of distinct names, then rows of as many cells. Quotes are strict, spaces belong to
 * the cell, rows end with LF or CRLF, blank lines are skipped, a cell may span lines. Refused, with the line:
 * a row that is longer or shorter than the header, a quote inside an unquoted cell, a quote that is not
 * closed, a carriage return on its own, NUL bytes, bytes that are not UTF-8. A byte order mark is skipped.
 *
 * Writing: cells are quoted where they must be. A text that a spreadsheet would run as a formula, that is one
 * that begins with = + - @, a tab or a line break and is not a plain number, gets an apostrophe in front
 * (the convention of spreadsheets for "this is text"); the reader gives the cell back as the file holds it,
 * apostrophe included. Differs from RFC 4180: rows end with LF. */
#ifndef PRIME_TABLE_H
#define PRIME_TABLE_H

#include "prime/arena.h"
#include "prime/err.h"
#include "prime/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TABLE_MAX_BYTES ((size_t)1 << 30)
enum { TABLE_MAX_COLS = 4096 };
#define TABLE_NONE SIZE_MAX

/* A table in memory; everything belongs to the arena that table_load was given. */
typedef struct {
    const char *name; /* of the file, for messages */
    size_t n_cols, n_rows;
    const char **col;  /* [n_cols] names */
    const char **cell; /* [n_rows, n_cols] row-major, never NULL */
    size_t *line;      /* [n_rows] where a row begins in the file, from 1 */
} Table;

/* table_load - read a file, or stdin for "-". table_parse - the same from n bytes; `name` is for messages.
 * Errors: ERR_IO; ERR_FORMAT for what is listed above, an empty file, a name that occurs twice, more than
 * TABLE_MAX_COLS columns or TABLE_MAX_BYTES bytes; ERR_NOMEM. A header without rows is a table of no rows.
 * Cost: O(bytes); memory about twice the file. */
Status table_load(Table *t, Arena *a, const char *path, Err *e) PRIME_MUST_USE;
Status table_parse(Table *t, Arena *a, const char *text, size_t n, const char *name, Err *e) PRIME_MUST_USE;

/* table_each - the rows of a file of any size, the header among them, one after the other: `row` gets the
 * cells [n], valid until it returns, and the line on which the row began. Rows may differ in length, and a
 * row that holds NUL bytes or bytes that are not UTF-8 comes with n = 0: the caller judges. Errors: ERR_IO,
 * ERR_NOMEM; ERR_FORMAT a wrong quote, a carriage return on its own; those of `row`. Memory: one row. */
typedef Status (*TableRow)(void *ctx, const char *const *cell, size_t n, size_t line, Err *e);
Status table_each(const char *path, TableRow row, void *ctx, Err *e) PRIME_MUST_USE;

/* table_col - index of a column by name, TABLE_NONE when absent. table_need - the same for a column that must
 * be there. Errors: ERR_FORMAT, with the nearest name or the names that there are. */
size_t table_col(const Table *t, const char *name);
Status table_need(size_t *col, const Table *t, const char *name, Err *e) PRIME_MUST_USE;

/* table_str - a cell; row < n_rows, col < n_cols. */
const char *table_str(const Table *t, size_t row, size_t col);
/* table_num - a cell as a finite decimal number. table_size - as a whole number from 0 to 2^53. Errors:
 * ERR_FORMAT "scores.csv:12: score = 'abc', want a finite number". */
Status table_num(double *out, const Table *t, size_t row, size_t col, Err *e) PRIME_MUST_USE;
Status table_size(size_t *out, const Table *t, size_t row, size_t col, Err *e) PRIME_MUST_USE;
/* table_nums - a whole column [n_rows], in the arena. Errors: those of table_num; ERR_NOMEM. */
Status table_nums(double **out, const Table *t, size_t col, Arena *a, Err *e) PRIME_MUST_USE;

/* A table that is being written: to fp, or appended to str when fp is NULL. Failures are kept by the sink:
 * check str->failed, or ferror(fp) (file_commit does). */
typedef struct {
    FILE *fp;
    Str *str;
    size_t n_cols, at; /* cells of a row, and written so far in this one */
    bool shown; /* texts as show_text writes them (show.h); set after table_begin, whose names are ours */
} TableOut;

/* table_begin - write the header row: col [n_cols], n_cols > 0. */
void table_begin(TableOut *o, FILE *fp, Str *str, const char *const *col, size_t n_cols);
/* table_put_* - the next cell. Numbers have enough digits to read back the same double; NaN is an empty cell,
 * infinities are inf and -inf. At most n_cols cells a row (asserted). */
void table_put_str(TableOut *o, const char *s);
void table_put_num(TableOut *o, double x);
void table_put_int(TableOut *o, int64_t x);
void table_put_empty(TableOut *o);
/* table_end_row - asserts that the row has n_cols cells. */
void table_end_row(TableOut *o);

#endif
