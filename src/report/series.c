/* series.c - what a run says about each person, in memory and as a baseline file. */
#include "series_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const series_columns[] = {"kind",   "task", "method", "lambda", "metric",
                                             "better", "unit", "value",  "text"};
enum { N_SERIES_COLUMNS = sizeof series_columns / sizeof series_columns[0] };

void series_free(Series *s)
{
    if (s == NULL) return;
    arena_free(&s->arena);
    free(s);
}

static const char *series_word(const char *a)
{
    return a != NULL ? a : "";
}

static int series_order(const void *a, const void *b)
{
    const SeriesRow *x = a, *y = b;
    int by = strcmp(series_word(x->kind), series_word(y->kind));
    if (by == 0) by = strcmp(x->task, y->task);
    if (by == 0) by = strcmp(x->method, y->method);
    if (by == 0) by = lambda_cmp(x->lambda, y->lambda);
    if (by == 0) by = strcmp(x->metric, y->metric);
    return by != 0 ? by : strcmp(x->unit, y->unit);
}

bool series_same(const SeriesRow *x, const SeriesRow *y)
{
    return strcmp(x->kind, y->kind) == 0 && strcmp(x->task, y->task) == 0 &&
           strcmp(x->method, y->method) == 0 && lambda_cmp(x->lambda, y->lambda) == 0 &&
           strcmp(x->metric, y->metric) == 0;
}

int series_compare_keys(const SeriesRow *x, const SeriesRow *y)
{
    SeriesRow a = *x, b = *y;
    a.unit = b.unit = "";
    return series_order(&a, &b);
}

/* ---- from a report ---- */

/* The counts and, on the second pass, the rows. Strings are copied, since the report may go first. */
typedef struct {
    Series *s;
    const Report *r;
    const ReportGroup *g;
    bool failed, count_only;
} SeriesFill;

static const char *series_copy(SeriesFill *f, const char *text)
{
    const char *copy = arena_strdup(&f->s->arena, text);
    f->failed = f->failed || copy == NULL;
    return copy != NULL ? copy : "";
}

static void series_add(SeriesFill *f, const char *kind, size_t metric, bool higher, const UnitValues *u)
{
    Series *s = f->s;
    SeriesRow row = {.kind = kind, .lambda = f->g->lambda, .higher = higher};
    if (!f->count_only) {
        row.task = series_copy(f, f->g->task);
        row.method = series_copy(f, f->g->method);
        row.metric = series_copy(f, f->r->names.name[metric]);
    }
    for (size_t i = 0; i < u->n; i++, s->n++) {
        if (f->count_only) continue;
        row.unit = series_copy(f, f->r->names.name[u->unit[i]]);
        row.value = u->value[i];
        s->row[s->n] = row;
    }
}

static Status series_group(SeriesFill *f, Arena *a, Err *e)
{
    UnitValues u;
    for (ReportKind k = KIND_UTILITY; k <= KIND_ATTACK; k++) {
        ReportRows rest = rows_of(f->g, k, NAME_ANY, NAME_ANY), run;
        while (rows_next_metric(&run, &rest)) {
            size_t metric = run.row[0]->metric;
            if (k == KIND_ATTACK && strncmp(f->r->names.name[metric], "blind_", 6) == 0) continue;
            if (k == KIND_ATTACK)
                TRY(unit_aucs(&u, f->g, metric, a, e));
            else
                TRY(unit_utility(&u, f->r, f->g, metric, a, e));
            bool higher = k != KIND_ATTACK && metric_sign(f->r, metric) > 0;
            series_add(f, k == KIND_ATTACK ? "leakage" : "utility", metric, higher, &u);
        }
    }
    return OK;
}

static Status series_groups(SeriesFill *f, Err *e)
{
    Arena scratch = {0};
    Status s = OK;
    f->s->n = 0;
    for (size_t i = 0; i < f->r->n_groups && s == OK; i++) {
        f->g = &f->r->group[i];
        s = series_group(f, &scratch, e);
        arena_reset(&scratch);
    }
    arena_free(&scratch);
    return s;
}

static Status series_meta(SeriesFill *f, Err *e)
{
    const Report *r = f->r;
    Series *s = f->s;
    s->meta = arena_alloc(&s->arena, r->n_meta, sizeof *s->meta);
    if (s->meta == NULL) FAIL(e, ERR_NOMEM, "no memory for the facts of a run");
    for (size_t i = 0; i < r->n_meta; i++) {
        const ReportMeta *m = &r->meta[i];
        if (strcmp(m->key, "spec") == 0 || strncmp(m->key, "session", 7) == 0)
            continue; /* its hash is there */
        s->meta[s->n_meta++] = (ReportMeta){series_copy(f, m->key), series_copy(f, m->value)};
    }
    return OK;
}

static Status series_fill(Series *s, const Report *r, Err *e)
{
    SeriesFill f = {.s = s, .r = r, .count_only = true};
    TRY(series_groups(&f, e));
    s->row = arena_alloc(&s->arena, s->n, sizeof *s->row);
    if (s->row == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu numbers", s->n);
    f.count_only = false;
    TRY(series_groups(&f, e));
    TRY(series_meta(&f, e));
    if (f.failed) FAIL(e, ERR_NOMEM, "no memory for %zu numbers", s->n);
    if (s->n > 0) qsort(s->row, s->n, sizeof *s->row, series_order);
    return OK;
}

Status series_of_report(Series **out, const Report *r, Err *e)
{
    Series *s = calloc(1, sizeof *s);
    if (s == NULL) FAIL(e, ERR_NOMEM, "no memory for the numbers of a run");
    Status st = series_fill(s, r, e);
    if (st == OK)
        *out = s;
    else
        series_free(s);
    return st;
}

/* ---- a baseline file ---- */

static void series_put(TableOut *o, const SeriesRow *row)
{
    table_put_str(o, row->kind);
    table_put_str(o, row->task);
    table_put_str(o, row->method);
    table_put_num(o, row->lambda);
    table_put_str(o, row->metric);
    table_put_str(o, row->higher ? "higher" : "lower");
    table_put_str(o, row->unit);
    table_put_num(o, row->value);
    table_put_empty(o);
    table_end_row(o);
}

static void series_put_meta(TableOut *o, const char *key, const char *value)
{
    table_put_str(o, "meta");
    for (size_t i = 0; i < 3; i++) table_put_empty(o);
    table_put_str(o, key);
    for (size_t i = 0; i < 3; i++) table_put_empty(o);
    table_put_str(o, value);
    table_end_row(o);
}

void series_write(Str *out, const Series *s, const char *reason, const char *date)
{
    TableOut o;
    table_begin(&o, NULL, out, series_columns, N_SERIES_COLUMNS);
    series_put_meta(&o, "reason", reason);
    if (date[0] != '\0') series_put_meta(&o, "date", date);
    for (size_t i = 0; i < s->n_meta; i++) series_put_meta(&o, s->meta[i].key, s->meta[i].value);
    for (size_t i = 0; i < s->n; i++) series_put(&o, &s->row[i]);
}

/* The apostrophe that the writer puts before what a spreadsheet would run. */
static const char *series_plain(const char *text)
{
    return text[0] == '\'' && text[1] != '\0' && strchr("=+-@\t\r\n", text[1]) != NULL ? text + 1 : text;
}

static Status series_row(Series *s, const Table *t, size_t i, const size_t *col, Err *e)
{
    const char *kind = table_str(t, i, col[0]), *better = table_str(t, i, col[5]);
    if (strcmp(kind, "meta") == 0) {
        s->meta[s->n_meta++] =
            (ReportMeta){series_plain(table_str(t, i, col[4])), series_plain(table_str(t, i, col[8]))};
        return OK;
    }
    if (strcmp(kind, "utility") != 0 && strcmp(kind, "leakage") != 0)
        FAIL(e, ERR_FORMAT, "%s:%zu: kind = '%s', want meta, utility or leakage", t->name, t->line[i], kind);
    bool higher = strcmp(better, "higher") == 0;
    if (!higher && strcmp(better, "lower") != 0)
        FAIL(e, ERR_FORMAT, "%s:%zu: better = '%s', want higher or lower", t->name, t->line[i], better);
    SeriesRow row = {.kind = kind,
                     .task = series_plain(table_str(t, i, col[1])),
                     .method = series_plain(table_str(t, i, col[2])),
                     .metric = series_plain(table_str(t, i, col[4])),
                     .unit = series_plain(table_str(t, i, col[6])),
                     .lambda = NAN,
                     .higher = higher};
    if (table_str(t, i, col[3])[0] != '\0') TRY(table_num(&row.lambda, t, i, col[3], e));
    TRY(table_num(&row.value, t, i, col[7], e));
    s->row[s->n++] = row;
    return OK;
}

static Status series_parse(Series *s, const char *path, Err *e)
{
    Table t;
    size_t col[N_SERIES_COLUMNS];
    TRY(table_load(&t, &s->arena, path, e));
    for (size_t c = 0; c < N_SERIES_COLUMNS; c++) TRY(table_need(&col[c], &t, series_columns[c], e));
    s->row = arena_alloc(&s->arena, t.n_rows, sizeof *s->row);
    s->meta = arena_alloc(&s->arena, t.n_rows, sizeof *s->meta);
    if (s->row == NULL || s->meta == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu rows", path, t.n_rows);
    for (size_t i = 0; i < t.n_rows; i++) TRY(series_row(s, &t, i, col, e));
    if (s->n == 0) FAIL(e, ERR_FORMAT, "%s: holds no numbers", path);
    qsort(s->row, s->n, sizeof *s->row, series_order);
    for (size_t i = 1; i < s->n; i++)
        if (series_order(&s->row[i - 1], &s->row[i]) == 0)
            FAIL(e, ERR_FORMAT, "%s: %s %s of '%s' is there twice", path, s->row[i].kind, s->row[i].metric,
                 s->row[i].unit);
    return OK;
}

Status series_load(Series **out, const char *path, Err *e)
{
    Series *s = calloc(1, sizeof *s);
    if (s == NULL) FAIL(e, ERR_NOMEM, "no memory for the numbers of a run");
    Status st = series_parse(s, path, e);
    if (st == OK)
        *out = s;
    else
        series_free(s);
    return st;
}
