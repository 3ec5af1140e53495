/* cmd_pareto.c - `prime pareto`: fronts and hypervolumes of a CSV of points. Columns of numbers are
 * objectives, columns without any number are labels and pass through, and a column `set` groups the rows. */
#include "cli_priv.h"

#include "prime/log.h"
#include "prime/pareto.h"
#include "prime/str.h"
#include "prime/table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Table t;
    size_t m, *col;              /* objectives and their columns */
    double *sign;                /* [M] -1 where the objective is maximised */
    double *ref;                 /* [M] minimised; NULL: none given */
    size_t n_sets, *set, *first; /* set of each row; first row of each set */
    double *pts;                 /* [rows of the current set, M], minimised */
    size_t *row, n;              /* rows of the current set */
} ParetoIn;

typedef struct {
    const char *ref, *max;
} ParetoOpts;

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

static Status pareto_columns(ParetoIn *in, Arena *a, Err *e)
{
    in->col = arena_alloc(a, in->t.n_cols, sizeof *in->col);
    in->sign = arena_alloc(a, in->t.n_cols, sizeof *in->sign);
    if (in->col == NULL || in->sign == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu columns", in->t.n_cols);
    for (size_t c = 0; c < in->t.n_cols; c++) {
        bool numeric = false;
        if (strcmp(in->t.col[c], "set") == 0) continue;
        TRY(pareto_numeric(&numeric, &in->t, c, e));
        if (!numeric) continue;
        in->sign[in->m] = 1;
        in->col[in->m++] = c;
    }
    if (in->m == 0) FAIL(e, ERR_FORMAT, "%s: no column of numbers", in->t.name);
    return OK;
}

/* Sets are numbered in order of appearance; they are few, so a walk over their first rows will do. */
static Status pareto_sets(ParetoIn *in, Arena *a, Err *e)
{
    size_t col = table_col(&in->t, "set"), n = in->t.n_rows;
    in->set = arena_alloc(a, n, sizeof *in->set);
    in->first = arena_alloc(a, n, sizeof *in->first);
    in->row = arena_alloc(a, n, sizeof *in->row);
    in->pts = arena_alloc(a, n * in->m, sizeof *in->pts);
    if (in->set == NULL || in->first == NULL || in->row == NULL || in->pts == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    for (size_t i = 0; i < n; i++) {
        size_t s = 0;
        while (s < in->n_sets && col != TABLE_NONE &&
               strcmp(table_str(&in->t, in->first[s], col), table_str(&in->t, i, col)) != 0)
            s++;
        if (s == in->n_sets) in->first[in->n_sets++] = i;
        in->set[i] = s;
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

/* The pieces of "a,b,c", copied into the arena. */
static Status pareto_words(char ***out, size_t *n, const char *list, Arena *a, Err *e)
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

static Status pareto_max(ParetoIn *in, const char *list, Arena *a, Err *e)
{
    char **word = NULL;
    size_t n = 0, j = 0;
    if (list == NULL) return OK;
    TRY(pareto_words(&word, &n, list, a, e));
    for (size_t i = 0; i < n; i++) {
        TRY(pareto_objective(&j, in, word[i], e));
        in->sign[j] = -1;
    }
    return OK;
}

static Status pareto_ref(ParetoIn *in, const char *list, Arena *a, Err *e)
{
    char **word = NULL;
    size_t n = 0;
    if (list == NULL) return OK;
    TRY(pareto_words(&word, &n, list, a, e));
    if (n != in->m) FAIL(e, ERR_ARG, "--ref = %s holds %zu numbers, want %zu", list, n, in->m);
    in->ref = arena_alloc(a, n, sizeof *in->ref);
    if (in->ref == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu numbers", n);
    for (size_t j = 0; j < n; j++) {
        char *end;
        double x = strtod(word[j], &end);
        if (end == word[j] || *end != '\0' || !isfinite(x))
            FAIL(e, ERR_ARG, "--ref: '%s' is not a finite number", word[j]);
        in->ref[j] = in->sign[j] * x;
    }
    return OK;
}

static Status pareto_load(ParetoIn *in, const char *path, const ParetoOpts *o, Arena *a, Err *e)
{
    TRY(table_load(&in->t, a, path, e));
    TRY(pareto_columns(in, a, e));
    TRY(pareto_sets(in, a, e));
    TRY(pareto_max(in, o->max, a, e));
    return pareto_ref(in, o->ref, a, e);
}

/* The points of set s into pts and row; all sets for s = n_sets. */
static Status pareto_take(ParetoIn *in, size_t s, Err *e)
{
    in->n = 0;
    for (size_t i = 0; i < in->t.n_rows; i++) {
        if (s < in->n_sets && in->set[i] != s) continue;
        for (size_t j = 0; j < in->m; j++) {
            double *x = &in->pts[in->n * in->m + j];
            TRY(table_num(x, &in->t, i, in->col[j], e));
            *x *= in->sign[j];
        }
        in->row[in->n++] = i;
    }
    return OK;
}

/* Without --ref: a tenth of the range beyond the worst value of any set, so that end points count. */
static Status pareto_default_ref(ParetoIn *in, Arena *a, Err *e)
{
    if (in->ref != NULL) return OK;
    TRY(pareto_take(in, in->n_sets, e));
    in->ref = arena_alloc(a, in->m, sizeof *in->ref);
    if (in->ref == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu numbers", in->m);
    for (size_t j = 0; j < in->m; j++) {
        double lo = INFINITY, hi = -INFINITY;
        for (size_t i = 0; i < in->n; i++) {
            lo = fmin(lo, in->pts[i * in->m + j]);
            hi = fmax(hi, in->pts[i * in->m + j]);
        }
        in->ref[j] = in->n == 0 ? 0 : hi + 0.1 * (hi > lo ? hi - lo : 1);
    }
    log_say(LOG_INFO, "no --ref given: a tenth of each objective's range beyond its worst value is used");
    return OK;
}

/* The reference point as --ref would take it. */
static void pareto_ref_text(Str *s, const ParetoIn *in)
{
    for (size_t j = 0; j < in->m; j++) {
        if (j > 0) str_puts(s, ",");
        str_num(s, in->ref[j] == 0 ? 0 : in->sign[j] * in->ref[j]);
    }
}

static void pareto_hv_print(const ParetoIn *in, const double *value, const size_t *count, const char *ref)
{
    size_t col = table_col(&in->t, "set");
    TableOut out;
    table_begin(&out, stdout, NULL, (const char *const[]){"set", "n", "value", "ref"}, 4);
    for (size_t s = 0; s < in->n_sets; s++) {
        table_put_str(&out, col != TABLE_NONE ? table_str(&in->t, in->first[s], col) : "");
        table_put_int(&out, (int64_t)count[s]);
        table_put_num(&out, value[s]);
        table_put_str(&out, ref);
        table_end_row(&out);
    }
}

static Status pareto_hv_do(ParetoIn *in, Arena *a, Err *e)
{
    double *value = arena_alloc(a, in->n_sets, sizeof *value);
    size_t *count = arena_alloc(a, in->n_sets, sizeof *count);
    if (value == NULL || count == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu sets", in->n_sets);
    TRY(pareto_default_ref(in, a, e));
    for (size_t s = 0; s < in->n_sets; s++) {
        TRY(pareto_take(in, s, e));
        count[s] = in->n;
        TRY(pareto_hv(&value[s], in->pts, in->n, in->m, in->ref, e));
    }
    Str ref = {0};
    pareto_ref_text(&ref, in);
    if (!ref.failed) pareto_hv_print(in, value, count, ref.s);
    bool failed = ref.failed;
    str_free(&ref);
    if (failed) FAIL(e, ERR_NOMEM, "no memory for the reference point");
    return OK;
}

static void pareto_cells(TableOut *out, const ParetoIn *in, size_t row)
{
    for (size_t c = 0; c < in->t.n_cols; c++) table_put_str(out, table_str(&in->t, row, c));
}

static Status pareto_front_do(ParetoIn *in, Arena *a, Err *e)
{
    bool *keep = arena_alloc(a, in->t.n_rows, sizeof *keep),
         *flag = arena_alloc(a, in->t.n_rows, sizeof *flag);
    if (keep == NULL || flag == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", in->t.n_rows);
    for (size_t s = 0; s < in->n_sets; s++) {
        TRY(pareto_take(in, s, e));
        TRY(pareto_front(flag, in->pts, in->n, in->m, PARETO_ALL, e));
        for (size_t i = 0; i < in->n; i++) keep[in->row[i]] = flag[i];
    }
    TableOut out;
    table_begin(&out, stdout, NULL, in->t.col, in->t.n_cols);
    for (size_t i = 0; i < in->t.n_rows; i++) {
        if (!keep[i]) continue;
        pareto_cells(&out, in, i);
        table_end_row(&out);
    }
    return OK;
}

/* Input rows with one more column. */
static Status pareto_widen(TableOut *out, const ParetoIn *in, const char *name, Arena *a, Err *e)
{
    if (table_col(&in->t, name) != TABLE_NONE)
        FAIL(e, ERR_FORMAT, "%s: has a column %s already, which this command writes", in->t.name, name);
    const char **col = arena_alloc(a, in->t.n_cols + 1, sizeof *col);
    if (col == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu columns", in->t.n_cols);
    for (size_t c = 0; c < in->t.n_cols; c++) col[c] = in->t.col[c];
    col[in->t.n_cols] = name;
    table_begin(out, stdout, NULL, col, in->t.n_cols + 1);
    return OK;
}

static Status pareto_rank_do(ParetoIn *in, Arena *a, Err *e)
{
    size_t n = in->t.n_rows, *rank = arena_alloc(a, 2 * n, sizeof *rank);
    if (rank == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    size_t *own = rank + n;
    for (size_t s = 0; s < in->n_sets; s++) {
        TRY(pareto_take(in, s, e));
        TRY(pareto_rank(own, in->pts, in->n, in->m, e));
        for (size_t i = 0; i < in->n; i++) rank[in->row[i]] = own[i];
    }
    TableOut out;
    TRY(pareto_widen(&out, in, "rank", a, e));
    for (size_t i = 0; i < n; i++) {
        pareto_cells(&out, in, i);
        table_put_int(&out, (int64_t)rank[i]);
        table_end_row(&out);
    }
    return OK;
}

static Status pareto_contrib_do(ParetoIn *in, Arena *a, Err *e)
{
    size_t n = in->t.n_rows;
    double *all = arena_alloc(a, 2 * n, sizeof *all);
    if (all == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    double *own = all + n;
    TRY(pareto_default_ref(in, a, e));
    for (size_t s = 0; s < in->n_sets; s++) {
        TRY(pareto_take(in, s, e));
        TRY(pareto_contrib(own, in->pts, in->n, in->m, in->ref, e));
        for (size_t i = 0; i < in->n; i++) all[in->row[i]] = own[i];
    }
    TableOut out;
    TRY(pareto_widen(&out, in, "contrib", a, e));
    for (size_t i = 0; i < n; i++) {
        pareto_cells(&out, in, i);
        table_put_num(&out, all[i]);
        table_end_row(&out);
    }
    return OK;
}

/* Options and file of all verbs; a bad option value is a usage error, a bad file is not. */
static int pareto_run(const CliVerb *self, int argc, char **argv, Status (*fn)(ParetoIn *, Arena *, Err *))
{
    ParetoOpts o = {0};
    const CliOpt opts[] = {
        {"ref", 0, OPT_STR, &o.ref, "R,R,...", "reference point, one number per objective", 0, 0},
        {"max", 0, OPT_STR, &o.max, "I,J,...", "objectives to maximise: names, or places counted from 1", 0,
         0},
    };
    CliList pos = {0};
    Arena a = {0};
    Err e = {0};
    int code = cli_args(self, "pareto", opts, 2, argc, argv, &pos, 1, 1);
    if (code < 0) {
        ParetoIn in = {0};
        Status st = pareto_load(&in, pos.item[0], &o, &a, &e);
        if (st == OK) st = fn(&in, &a, &e);
        code = st == OK ? EXIT_DONE : st == ERR_ARG ? cli_usage("%s", e.msg) : cli_fail(&e);
    }
    arena_free(&a);
    cli_list_free(&pos);
    return code;
}

static int pareto_hv_run(const CliVerb *self, int argc, char **argv)
{
    return pareto_run(self, argc, argv, pareto_hv_do);
}

static int pareto_front_run(const CliVerb *self, int argc, char **argv)
{
    return pareto_run(self, argc, argv, pareto_front_do);
}

static int pareto_rank_run(const CliVerb *self, int argc, char **argv)
{
    return pareto_run(self, argc, argv, pareto_rank_do);
}

static int pareto_contrib_run(const CliVerb *self, int argc, char **argv)
{
    return pareto_run(self, argc, argv, pareto_contrib_do);
}

static const CliVerb verbs[] = {
    {"hv", "POINTS.csv", "hypervolume of each set", pareto_hv_run},
    {"front", "POINTS.csv", "the rows that no other row of their set dominates", pareto_front_run},
    {"rank", "POINTS.csv", "the rows with their non-domination rank, 0 for the front", pareto_rank_run},
    {"contrib", "POINTS.csv", "the rows with the hypervolume that is lost without them", pareto_contrib_run},
    {0},
};
const CliNoun cli_pareto = {"pareto", "fronts and hypervolumes of points", verbs};
