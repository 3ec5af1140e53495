/* rows.c - from the ledger into memory: names become numbers, cells of one (task, method, lambda) a group. */
#include "report_priv.h"

#include "prime/sort.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more element; false when memory is out. */
static bool rows_grow(void **array, size_t *cap, size_t n, size_t size)
{
    if (n < *cap) return true;
    size_t more = *cap == 0 ? 256 : *cap * 2;
    void *p = realloc(*array, more * size);
    if (p == NULL) return false;
    *array = p;
    *cap = more;
    return true;
}

static Status read_meta(void *ctx, const char *key, const char *value, Err *e)
{
    Report *r = ctx;
    void *array = r->meta;
    bool fits = rows_grow(&array, &r->cap_meta, r->n_meta, sizeof *r->meta);
    r->meta = array;
    ReportMeta m = {arena_strdup(&r->arena, key), arena_strdup(&r->arena, value)};
    if (!fits || m.key == NULL || m.value == NULL) FAIL(e, ERR_NOMEM, "no memory for the facts of a run");
    r->meta[r->n_meta++] = m;
    return OK;
}

const char *report_meta(const Report *r, const char *key)
{
    for (size_t i = 0; i < r->n_meta; i++)
        if (strcmp(r->meta[i].key, key) == 0) return r->meta[i].value;
    return NULL;
}

static Status read_cell(void *ctx, const LedgerCell *c, Err *e)
{
    Report *r = ctx;
    r->wall += c->wall;
    if (strcmp(c->status, "ok") != 0) {
        r->n_failed++;
        return OK;
    }
    void *array = r->cell;
    bool fits = rows_grow(&array, &r->cap_cells, r->n_cells, sizeof *r->cell);
    r->cell = array;
    ReportCell cell = {.key = arena_strdup(&r->arena, c->key), .lambda = c->lambda, .seed = c->seed};
    size_t name[3] = {names_add(&r->names, &r->arena, c->method), names_add(&r->names, &r->arena, c->task),
                      names_add(&r->names, &r->arena, c->target)};
    if (!fits || cell.key == NULL || name[0] == NAME_NONE || name[1] == NAME_NONE || name[2] == NAME_NONE)
        FAIL(e, ERR_NOMEM, "no memory for the cells of a report");
    cell.method = r->names.name[name[0]];
    cell.task = r->names.name[name[1]];
    cell.target = r->names.name[name[2]];
    r->cell[r->n_cells++] = cell;
    return OK;
}

static const char *const kind_names[N_KINDS] = {"utility", "utility_all", "attack",      "norm",
                                                "search",  "weight",      "fingerprint", "person",
                                                "canary",  "attack_own",  "extract",     "emission"};

static ReportKind kind_of(const char *s)
{
    size_t k = 0;
    while (k < N_KINDS && strcmp(kind_names[k], s) != 0) k++;
    return (ReportKind)k;
}

typedef struct {
    Report *r;
    size_t cell; /* the cell that the rows have reached */
} RowsAt;

static Status read_row(void *ctx, const LedgerCell *c, const LedgerScore *s, Err *e)
{
    RowsAt *at = ctx;
    Report *r = at->r;
    ReportKind kind = kind_of(s->kind);
    if (strcmp(c->status, "ok") != 0 || kind == N_KINDS) return OK; /* kinds of later versions */
    assert(isfinite(s->value));                                     /* the ledger gives no others */
    /* Cells and rows come in the same order, so this only moves on. */
    while (at->cell < r->n_cells && strcmp(r->cell[at->cell].key, c->key) != 0) at->cell++;
    if (at->cell == r->n_cells) FAIL(e, ERR_FORMAT, "cell '%s' appeared while the ledger was read", c->key);
    void *array = r->row;
    bool fits = rows_grow(&array, &r->cap_rows, r->n_rows, sizeof *r->row);
    r->row = array;
    size_t name[3] = {names_add(&r->names, &r->arena, s->metric), names_add(&r->names, &r->arena, s->unit),
                      names_add(&r->names, &r->arena, s->record)};
    if (!fits || name[0] == NAME_NONE || name[1] == NAME_NONE || name[2] == NAME_NONE)
        FAIL(e, ERR_NOMEM, "no memory for the rows of a report");
    ReportCell *cell = &r->cell[at->cell];
    if (cell->n++ == 0) cell->first = r->n_rows;
    r->row[r->n_rows++] = (ReportRow){.kind = (int8_t)kind,
                                      .label = (int8_t)s->label,
                                      .metric = (uint32_t)name[0],
                                      .unit = (uint32_t)name[1],
                                      .record = (uint32_t)name[2],
                                      .value = s->value};
    return OK;
}

/* Numbers of names in the order of the names, so that nothing depends on what was written first. */
static Status read_rename(Report *r, Err *e)
{
    uint32_t *to = calloc(r->names.n + 1, sizeof *to);
    bool fits = to != NULL && names_sort(&r->names, to);
    for (size_t i = 0; fits && i < r->n_rows; i++) {
        ReportRow *row = &r->row[i];
        row->metric = to[row->metric];
        row->unit = to[row->unit];
        row->record = to[row->record];
    }
    free(to);
    if (!fits) FAIL(e, ERR_NOMEM, "no memory for %zu names", r->names.n);
    return OK;
}

Status report_read(Report *r, Ledger *l, Err *e)
{
    TRY(ledger_each_meta(l, read_meta, r, e));
    TRY(ledger_each_cell(l, NULL, read_cell, r, e));
    if (r->n_cells == 0) FAIL(e, ERR_FORMAT, "the ledger holds no finished cell (%zu failed)", r->n_failed);
    RowsAt at = {.r = r};
    TRY(ledger_each_score(l, NULL, read_row, &at, e));
    return read_rename(r, e);
}

/* base, the anchors alone, the plain merge; everything else by name. */
static int method_rank(const char *m)
{
    static const char *const first[] = {"base", "anchor", "uniform"};
    int i = 0;
    while (i < 3 && strcmp(first[i], m) != 0) i++;
    return i;
}

int lambda_cmp(double a, double b)
{
    if (isnan(a) || isnan(b)) return isnan(b) - isnan(a); /* none comes first */
    return (a > b) - (a < b);
}

static int group_cmp(const ReportCell *a, const ReportCell *b)
{
    int c = strcmp(a->task, b->task);
    if (c == 0) c = method_rank(a->method) - method_rank(b->method);
    if (c == 0) c = strcmp(a->method, b->method);
    return c != 0 ? c : lambda_cmp(a->lambda, b->lambda);
}

static int cell_cmp(const void *a, const void *b)
{
    const ReportCell *x = a, *y = b;
    int c = group_cmp(x, y);
    if (c == 0) c = strcmp(x->target, y->target);
    if (c == 0) c = (x->seed > y->seed) - (x->seed < y->seed);
    return c != 0 ? c : strcmp(x->key, y->key);
}

/* A row and what it is sorted by, so that comparing needs no look at the row. */
typedef struct {
    uint64_t kind_metric, unit_cell;
    uint32_t record;
    const ReportRow *row;
} RowKey;

static bool row_key_before(RowKey a, RowKey b)
{
    if (a.kind_metric != b.kind_metric) return a.kind_metric < b.kind_metric;
    if (a.unit_cell != b.unit_cell) return a.unit_cell < b.unit_cell;
    return a.record < b.record; /* else the order of writing, in which they come */
}

SORT_DEFINE(rows_sort_keys, RowKey, row_key_before);

static RowKey row_key(const ReportRow *x)
{
    return (RowKey){(uint64_t)(uint8_t)x->kind << 32 | x->metric, (uint64_t)x->unit << 32 | x->cell,
                    x->record, x};
}

/* The rows of cells [first, first + n_cells) as sorted pointers. */
static bool group_rows(ReportGroup *g, const Report *r, Arena *a)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_cells; i++) n += r->cell[g->first + i].n;
    RowKey *key = calloc(2 * n + 1, sizeof *key);
    g->row = arena_alloc(a, n, sizeof *g->row);
    if (g->row == NULL || key == NULL) {
        free(key);
        return false;
    }
    for (size_t i = 0; i < g->n_cells; i++) {
        const ReportCell *c = &r->cell[g->first + i];
        for (size_t k = 0; k < c->n; k++) key[g->n_rows++] = row_key(&r->row[c->first + k]);
    }
    rows_sort_keys(key, n, key + n);
    for (size_t i = 0; i < n; i++) g->row[i] = key[i].row;
    free(key);
    return true;
}

bool group_of_cell(ReportGroup *g, const Report *r, size_t cell, Arena *a)
{
    const ReportCell *c = &r->cell[cell];
    *g =
        (ReportGroup){.task = c->task, .method = c->method, .lambda = c->lambda, .first = cell, .n_cells = 1};
    return group_rows(g, r, a);
}

bool rows_of_cell(ReportRows *out, const Report *r, size_t cell, ReportKind kind, size_t metric, Arena *a)
{
    const ReportCell *c = &r->cell[cell];
    size_t n = 0;
    for (size_t k = 0; k < c->n; k++)
        n += r->row[c->first + k].kind == (int)kind && r->row[c->first + k].metric == metric;
    RowKey *key = arena_alloc(a, n, 2 * sizeof *key);
    const ReportRow **row = arena_alloc(a, n, sizeof *row);
    if (key == NULL || row == NULL) return false;
    n = 0;
    for (size_t k = 0; k < c->n; k++) {
        const ReportRow *x = &r->row[c->first + k];
        if (x->kind == (int)kind && x->metric == metric) key[n++] = row_key(x);
    }
    rows_sort_keys(key, n, key + n);
    for (size_t k = 0; k < n; k++) row[k] = key[k].row;
    *out = (ReportRows){row, n};
    return true;
}

bool group_is(const ReportGroup *g, const char *task, const char *method, double lambda, bool any)
{
    return (task == NULL || strcmp(task, g->task) == 0) &&
           (method == NULL || strcmp(method, g->method) == 0) && (any || lambda_cmp(lambda, g->lambda) == 0);
}

/* The base is no merge, with retrieval (base+...) or without; nor is an adapter of one person alone: it
 * attacks that person only and has no weights. */
static bool group_merges(const ReportGroup *g)
{
    if (g->is_base || strncmp(g->method, "base+", 5) == 0) return false;
    if (rows_of(g, KIND_WEIGHT, NAME_ANY, NAME_ANY).n > 0) return true;
    ReportRows all = rows_of(g, KIND_ATTACK, NAME_ANY, NAME_ANY), metric;
    if (!rows_next_metric(&metric, &all)) return false;
    /* By unit, then cell: more (unit, cell) pairs than cells means that some cell has several. */
    ReportRows unit, cell;
    size_t pairs = 0;
    while (rows_next_unit(&unit, &metric))
        while (rows_next_cell(&cell, &unit)) pairs++;
    return pairs > g->n_cells;
}

Status report_group(Report *r, Err *e)
{
    qsort(r->cell, r->n_cells, sizeof *r->cell, cell_cmp);
    r->group = arena_alloc(&r->arena, r->n_cells, sizeof *r->group);
    if (r->group == NULL) FAIL(e, ERR_NOMEM, "no memory for the groups of a report");
    for (size_t i = 0; i < r->n_cells; i++) {
        const ReportCell *c = &r->cell[i];
        for (size_t k = 0; k < c->n; k++) r->row[c->first + k].cell = (uint32_t)i;
        if (i == 0 || group_cmp(&r->cell[i - 1], c) != 0)
            r->group[r->n_groups++] = (ReportGroup){.task = c->task,
                                                    .method = c->method,
                                                    .lambda = c->lambda,
                                                    .first = i,
                                                    .is_base = strcmp(c->method, "base") == 0};
        r->group[r->n_groups - 1].n_cells++;
    }
    for (size_t i = 0; i < r->n_groups; i++) {
        if (!group_rows(&r->group[i], r, &r->arena)) FAIL(e, ERR_NOMEM, "no memory for the rows of a group");
        r->group[i].is_merge = group_merges(&r->group[i]);
    }
    return OK;
}
