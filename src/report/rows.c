/* rows.c - from the ledger into memory: names become numbers, cells of one (task, method, lambda) a group. */
#include "report_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t name_hash(const char *s)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (; *s != '\0'; s++) h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h;
}

/* The slot that holds s, or the empty one where it belongs. n_slots is a power of two, half of it empty. */
static size_t name_slot(const Names *t, const char *s)
{
    size_t at = (size_t)name_hash(s) & (t->n_slots - 1);
    while (t->slot[at] != 0 && strcmp(t->name[t->slot[at] - 1], s) != 0) at = (at + 1) & (t->n_slots - 1);
    return at;
}

size_t names_find(const Names *t, const char *s)
{
    if (t->n_slots == 0) return NAME_NONE;
    size_t v = t->slot[name_slot(t, s)];
    return v == 0 ? NAME_NONE : v - 1;
}

static bool names_grow(Names *t)
{
    size_t cap = t->cap == 0 ? 64 : t->cap * 2;
    const char **name = realloc(t->name, cap * sizeof *name);
    if (name == NULL) return false;
    t->name = name;
    size_t *slot = calloc(cap * 2, sizeof *slot);
    if (slot == NULL) return false;
    free(t->slot);
    t->slot = slot;
    t->n_slots = cap * 2;
    t->cap = cap;
    for (size_t i = 0; i < t->n; i++) t->slot[name_slot(t, t->name[i])] = i + 1;
    return true;
}

size_t names_add(Names *t, Arena *a, const char *s)
{
    if (t->n == t->cap && !names_grow(t)) return NAME_NONE;
    size_t at = name_slot(t, s);
    if (t->slot[at] != 0) return t->slot[at] - 1;
    char *copy = arena_strdup(a, s);
    if (copy == NULL) return NAME_NONE;
    t->name[t->n] = copy;
    t->slot[at] = ++t->n;
    return t->n - 1;
}

void names_free(Names *t)
{
    free(t->name);
    free(t->slot);
    *t = (Names){0};
}

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

static Status read_cell(void *ctx, const LedgerCell *c, Err *e)
{
    Report *r = ctx;
    if (strcmp(c->status, "ok") != 0) {
        r->n_failed++;
        return OK;
    }
    void *array = r->cell;
    bool fits = rows_grow(&array, &r->cap_cells, r->n_cells, sizeof *r->cell);
    r->cell = array;
    size_t target = fits ? names_add(&r->names, &r->arena, c->target) : NAME_NONE;
    ReportCell cell = {.key = arena_strdup(&r->arena, c->key),
                       .method = arena_strdup(&r->arena, c->method),
                       .task = arena_strdup(&r->arena, c->task),
                       .lambda = c->lambda,
                       .seed = c->seed,
                       .target_name = target};
    if (target == NAME_NONE || cell.key == NULL || cell.method == NULL || cell.task == NULL)
        FAIL(e, ERR_NOMEM, "no memory for the cells of a report");
    cell.target = r->names.name[target];
    r->cell[r->n_cells++] = cell;
    return OK;
}

static const char *const kind_names[N_KINDS] = {"utility", "utility_all", "attack",
                                                "norm",    "search",      "weight"};

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
    ReportRow row = {.kind = kind_of(s->kind), .label = s->label, .value = s->value};
    if (strcmp(c->status, "ok") != 0 || row.kind == N_KINDS) return OK; /* kinds of later versions */
    if (!isfinite(s->value))
        FAIL(e, ERR_FORMAT, "cell '%s': %s %s is %g, want a finite number", c->key, s->kind, s->metric,
             s->value);
    /* Cells and rows come in the same order, so this only moves on. */
    while (at->cell < r->n_cells && strcmp(r->cell[at->cell].key, c->key) != 0) at->cell++;
    if (at->cell == r->n_cells) FAIL(e, ERR_FORMAT, "cell '%s' appeared while the ledger was read", c->key);
    void *array = r->row;
    bool fits = rows_grow(&array, &r->cap_rows, r->n_rows, sizeof *r->row);
    r->row = array;
    row.metric = names_add(&r->names, &r->arena, s->metric);
    row.unit = names_add(&r->names, &r->arena, s->unit);
    row.record = names_add(&r->names, &r->arena, s->record);
    if (!fits || row.metric == NAME_NONE || row.unit == NAME_NONE || row.record == NAME_NONE)
        FAIL(e, ERR_NOMEM, "no memory for the rows of a report");
    ReportCell *cell = &r->cell[at->cell];
    if (cell->n++ == 0) cell->first = r->n_rows;
    r->row[r->n_rows++] = row;
    return OK;
}

Status report_read(Report *r, Ledger *l, Err *e)
{
    TRY(ledger_each_cell(l, NULL, read_cell, r, e));
    if (r->n_cells == 0) FAIL(e, ERR_FORMAT, "the ledger holds no finished cell (%zu failed)", r->n_failed);
    RowsAt at = {.r = r};
    return ledger_each_score(l, NULL, read_row, &at, e);
}

/* base, the anchors alone, the plain merge; everything else by name. */
static int method_rank(const char *m)
{
    static const char *const first[] = {"base", "anchor", "uniform"};
    int i = 0;
    while (i < 3 && strcmp(first[i], m) != 0) i++;
    return i;
}

static int lambda_cmp(double a, double b)
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

Status report_group(Report *r, Err *e)
{
    qsort(r->cell, r->n_cells, sizeof *r->cell, cell_cmp);
    size_t *index = arena_alloc(&r->arena, r->n_cells, sizeof *index);
    r->group = arena_alloc(&r->arena, r->n_cells, sizeof *r->group);
    if (index == NULL || r->group == NULL) FAIL(e, ERR_NOMEM, "no memory for the groups of a report");
    for (size_t i = 0; i < r->n_cells; i++) {
        index[i] = i;
        const ReportCell *c = &r->cell[i];
        if (i == 0 || group_cmp(&r->cell[i - 1], c) != 0)
            r->group[r->n_groups++] = (ReportGroup){c->task, c->method, c->lambda, index + i, 0};
        r->group[r->n_groups - 1].n_cells++;
    }
    return OK;
}
