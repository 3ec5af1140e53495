/* cmd_pareto_in.c - the points of a CSV. Columns of numbers are objectives unless --cols names them, columns
 * without any number are labels and pass through, and a column (`set`, or what --set names) groups the rows.
 */
#include "cmd_pareto_priv.h"

#include "prime/log.h"
#include "prime/str.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Status pareto_words(char ***out, size_t *n, const char *list, Arena *a, Err *e)
{
    char *text = arena_strdup(a, list);
    char **word = arena_alloc(a, strlen(list) + 1, sizeof *word);
    if (text == NULL || word == NULL) FAIL(e, ERR_NOMEM, "no memory for '%s'", list);
    for (*n = 0;; text++) {
        word[(*n)++] = text;
        text += strcspn(text, ",");
        if (*text == '\0') break;
        *text = '\0';
    }
    *out = word;
    return OK;
}

/* 1 all cells are numbers, 0 none is; a mixture is an error at its first odd cell. */
static Status pareto_numeric(bool *numeric, const Table *t, size_t col, Err *e)
{
    double x;
    size_t good = 0;
    for (size_t i = 0; i < t->n_rows; i++) good += table_num(&x, t, i, col, NULL) == OK;
    *numeric = good == t->n_rows;
    if (*numeric || good == 0) return OK;
    for (size_t i = 0; i < t->n_rows; i++) TRY(table_num(&x, t, i, col, e));
    return OK;
}

/* --cols: these, in this order. A cell that is no number is found when the points are read. */
static Status pareto_chosen(ParetoIn *in, const char *list, Arena *a, Err *e)
{
    char **word = NULL;
    size_t n = 0;
    TRY(pareto_words(&word, &n, list, a, e));
    for (size_t i = 0; i < n; i++) {
        size_t col = table_col(&in->t, word[i]);
        if (col == TABLE_NONE || col == in->set_col)
            FAIL(e, ERR_ARG, "--cols: '%s' is not a column of points in %s", word[i], in->t.name);
        for (size_t j = 0; j < in->m; j++)
            if (in->col[j] == col) FAIL(e, ERR_ARG, "--cols: '%s' is named twice", word[i]);
        in->col[in->m++] = col;
    }
    return OK;
}

static Status pareto_columns(ParetoIn *in, const char *chosen, Arena *a, Err *e)
{
    in->col = arena_alloc(a, in->t.n_cols, sizeof *in->col);
    in->sign = arena_alloc(a, in->t.n_cols, sizeof *in->sign);
    if (in->col == NULL || in->sign == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu columns", in->t.n_cols);
    if (chosen != NULL) TRY(pareto_chosen(in, chosen, a, e));
    for (size_t c = 0; c < in->t.n_cols && chosen == NULL; c++) {
        bool numeric = false;
        if (c == in->set_col) continue;
        TRY(pareto_numeric(&numeric, &in->t, c, e));
        if (numeric) in->col[in->m++] = c;
    }
    if (in->m == 0) FAIL(e, ERR_FORMAT, "%s: no column of numbers", in->t.name);
    for (size_t j = 0; j < in->m; j++) in->sign[j] = 1;
    return OK;
}

/* A row's set as a text. */
typedef struct {
    const char *name;
    size_t row;
} SetKey;

static int set_key_order(const void *a, const void *b)
{
    const SetKey *x = a, *y = b;
    int names = strcmp(x->name, y->name);
    return names != 0 ? names : (x->row > y->row) - (x->row < y->row);
}

/* first [n]: the first row of each row's set. */
static Status pareto_first_rows(size_t *first, const ParetoIn *in, Arena *a, Err *e)
{
    size_t n = in->t.n_rows;
    SetKey *key = arena_alloc(a, n, sizeof *key);
    if (key == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    for (size_t i = 0; i < n; i++)
        key[i] = (SetKey){in->set_col == TABLE_NONE ? "" : table_str(&in->t, i, in->set_col), i};
    if (n > 1) qsort(key, n, sizeof *key, set_key_order);
    for (size_t i = 0; i < n; i++) {
        bool same = i > 0 && strcmp(key[i - 1].name, key[i].name) == 0;
        first[key[i].row] = same ? first[key[i - 1].row] : key[i].row;
    }
    return OK;
}

/* Sets are numbered in order of appearance, and keep the order of their rows. */
static Status pareto_sets(ParetoIn *in, Arena *a, Err *e)
{
    size_t n = in->t.n_rows, *first = arena_alloc(a, n, sizeof *first), *set = arena_alloc(a, n, sizeof *set);
    in->row = arena_alloc(a, n, sizeof *in->row);
    in->start = arena_zalloc(a, n + 2, sizeof *in->start);
    if (first == NULL || set == NULL || in->row == NULL || in->start == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    TRY(pareto_first_rows(first, in, a, e));
    for (size_t i = 0; i < n; i++) {
        set[i] = first[i] == i ? in->n_sets++ : set[first[i]];
        in->start[set[i] + 2]++; /* two places on: the next loop leaves start[s + 1] at the first row of s */
    }
    for (size_t s = 2; s <= in->n_sets; s++) in->start[s] += in->start[s - 1];
    for (size_t i = 0; i < n; i++) in->row[in->start[set[i] + 1]++] = i;
    return OK;
}

static Status pareto_values(ParetoIn *in, Arena *a, Err *e)
{
    size_t cells = 0;
    TRY(size_mul(&cells, in->t.n_rows, in->m, e));
    in->pts = arena_alloc(a, cells, sizeof *in->pts);
    if (in->pts == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", in->t.n_rows);
    for (size_t i = 0; i < in->t.n_rows; i++) {
        for (size_t j = 0; j < in->m; j++) {
            double *x = &in->pts[i * in->m + j];
            TRY(table_num(x, &in->t, in->row[i], in->col[j], e));
            *x *= in->sign[j];
        }
    }
    return OK;
}

/* Index of the objective that `word` names: a column's name, or its place among the objectives from 1. */
static Status pareto_objective(size_t *out, const ParetoIn *in, const char *word, Err *e)
{
    for (size_t j = 0; j < in->m; j++) {
        if (strcmp(in->t.col[in->col[j]], word) != 0) continue;
        *out = j;
        return OK;
    }
    char *end;
    errno = 0;
    unsigned long at = strtoul(word, &end, 10);
    if (word[0] < '0' || word[0] > '9' || *end != '\0' || errno != 0 || at < 1 || at > in->m)
        FAIL(e, ERR_ARG, "--max: '%s' is neither a column of numbers nor one of 1 to %zu", word, in->m);
    *out = at - 1;
    return OK;
}

static Status pareto_max(ParetoIn *in, const char *list, Arena *a, Err *e)
{
    char **word = NULL;
    size_t n = 0, j = 0;
    TRY(pareto_words(&word, &n, list, a, e));
    for (size_t i = 0; i < n; i++) {
        TRY(pareto_objective(&j, in, word[i], e));
        in->sign[j] = -1;
    }
    return OK;
}

Status pareto_point(double **out, const ParetoIn *in, const char *option, const char *list, Arena *a, Err *e)
{
    char **word = NULL;
    size_t n = 0;
    TRY(pareto_words(&word, &n, list, a, e));
    if (n != in->m) FAIL(e, ERR_ARG, "--%s = %s holds %zu numbers, want %zu", option, list, n, in->m);
    double *point = arena_alloc(a, n, sizeof *point);
    if (point == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu numbers", n);
    for (size_t j = 0; j < n; j++) {
        char *end;
        double x = strtod(word[j], &end);
        if (end == word[j] || *end != '\0' || !isfinite(x))
            FAIL(e, ERR_ARG, "--%s: '%s' is not a finite number", option, word[j]);
        point[j] = in->sign[j] * x;
    }
    *out = point;
    return OK;
}

Status pareto_point_text(const char **out, const ParetoIn *in, const double *point, Arena *a, Err *e)
{
    Str s = {0};
    for (size_t j = 0; j < in->m; j++) {
        if (j > 0) str_puts(&s, ",");
        str_num(&s, point[j] == 0 ? 0 : in->sign[j] * point[j]);
    }
    char *copy = s.failed ? NULL : arena_strdup(a, s.s);
    str_free(&s);
    if (copy == NULL) FAIL(e, ERR_NOMEM, "no memory for a point");
    *out = copy;
    return OK;
}

Status pareto_choice(size_t *out, const char *option, const char *text, const char *(*name)(size_t), Err *e)
{
    Str all = {0};
    size_t i = 0;
    for (; text != NULL && name(i) != NULL && strcmp(name(i), text) != 0; i++)
        str_printf(&all, "%s%s", i > 0 ? ", " : "", name(i));
    Status s = OK;
    if (text != NULL && name(i) == NULL)
        s = err_set(e, ERR_ARG, __FILE__, __LINE__, "--%s = %s, want one of: %s", option, text,
                    all.s != NULL ? all.s : "");
    else
        *out = i;
    str_free(&all);
    return s;
}

Status pareto_in_load(ParetoIn *in, const char *path, const ParetoOpts *o, Arena *a, Err *e)
{
    TRY(table_load(&in->t, a, path, e));
    in->set_col = table_col(&in->t, "set");
    if (o->set != NULL) TRY(table_need(&in->set_col, &in->t, o->set, e));
    TRY(pareto_columns(in, o->cols, a, e));
    TRY(pareto_sets(in, a, e));
    if (o->max != NULL) TRY(pareto_max(in, o->max, a, e));
    TRY(pareto_values(in, a, e));
    if (o->ref != NULL) TRY(pareto_point(&in->ref, in, "ref", o->ref, a, e));
    return OK;
}

Status pareto_need_ref(ParetoIn *in, Arena *a, Err *e)
{
    if (in->ref != NULL) return OK;
    in->ref = arena_alloc(a, in->m, sizeof *in->ref);
    if (in->ref == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu numbers", in->m);
    for (size_t j = 0; j < in->m; j++) {
        double lo = INFINITY, hi = -INFINITY;
        for (size_t i = 0; i < in->t.n_rows; i++) {
            lo = fmin(lo, in->pts[i * in->m + j]);
            hi = fmax(hi, in->pts[i * in->m + j]);
        }
        in->ref[j] = in->t.n_rows == 0 ? 0 : hi + 0.1 * (hi > lo ? hi - lo : 1);
    }
    log_say(LOG_INFO, "no --ref given: a tenth of each objective's range beyond its worst value is used");
    return OK;
}

Status pareto_in_points(double **pts, size_t *n, const ParetoIn *in, const char *path, Arena *a, Err *e)
{
    Table t = {0};
    TRY(table_load(&t, a, path, e));
    size_t cells = 0;
    TRY(size_mul(&cells, t.n_rows, in->m, e));
    double *x = arena_alloc(a, cells, sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", t.n_rows);
    for (size_t j = 0; j < in->m; j++) {
        size_t col = 0;
        TRY(table_need(&col, &t, in->t.col[in->col[j]], e));
        for (size_t i = 0; i < t.n_rows; i++) {
            TRY(table_num(&x[i * in->m + j], &t, i, col, e));
            x[i * in->m + j] *= in->sign[j];
        }
    }
    *pts = x;
    *n = t.n_rows;
    return OK;
}

const char *pareto_set_name(const ParetoIn *in, size_t s)
{
    return in->set_col == TABLE_NONE ? "" : table_str(&in->t, in->row[in->start[s]], in->set_col);
}

size_t pareto_set_size(const ParetoIn *in, size_t s)
{
    return in->start[s + 1] - in->start[s];
}

const double *pareto_set_pts(const ParetoIn *in, size_t s)
{
    return &in->pts[in->start[s] * in->m];
}

Status pareto_widen(TableOut *out, const ParetoIn *in, const char *const *more, size_t n, Arena *a, Err *e)
{
    const char **col = arena_alloc(a, in->t.n_cols + n, sizeof *col);
    if (col == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu columns", in->t.n_cols + n);
    for (size_t c = 0; c < in->t.n_cols; c++) col[c] = in->t.col[c];
    for (size_t i = 0; i < n; i++) {
        if (table_col(&in->t, more[i]) != TABLE_NONE)
            FAIL(e, ERR_FORMAT, "%s: has a column %s already, which this command writes", in->t.name,
                 more[i]);
        col[in->t.n_cols + i] = more[i];
    }
    table_begin(out, stdout, NULL, col, in->t.n_cols + n);
    return OK;
}

void pareto_cells(TableOut *out, const ParetoIn *in, size_t row)
{
    for (size_t c = 0; c < in->t.n_cols; c++) table_put_str(out, table_str(&in->t, row, c));
}
