/* between.c - an anchor and the merges that it is in: which anchor leaks from which target's merge, and how
 * the merge compares with the anchor's own adapter and with the same merge without the anchor. */
#include "report_priv.h"

#include <math.h>
#include <string.h>

/* ---- target by target ---- */

typedef struct {
    const char *target;
    size_t unit, n_records, n_cells;
    RocEst auc;
    double holm, weight, size;
} MergeRow;

static const char *row_target(const Report *r, const ReportRow *row)
{
    return r->cell[row->cell].target;
}

/* The leading rows of one target; cells come by target. */
static bool rows_next_target(ReportRows *run, ReportRows *rest, const Report *r)
{
    size_t n = 0;
    while (n < rest->n && strcmp(row_target(r, rest->row[n]), row_target(r, rest->row[0])) == 0) n++;
    *run = (ReportRows){rest->row, n};
    *rest = (ReportRows){rest->row + n, rest->n - n};
    return n > 0;
}

static void merge_row_weight(MergeRow *m, const Report *r, ReportRows weight)
{
    double sum = 0, size = 0, n = 0;
    for (size_t i = 0; i < weight.n; i++) {
        if (strcmp(row_target(r, weight.row[i]), m->target) != 0) continue;
        sum += weight.row[i]->value;
        size += fabs(weight.row[i]->value);
        n++;
    }
    m->weight = n > 0 ? sum / n : NAN;
    m->size = n > 0 ? size / n : NAN;
}

static Status merge_row(MergeRow *m, const Report *r, const ReportGroup *g, ReportRows rows, Arena *a, Err *e)
{
    *m = (MergeRow){.target = row_target(r, rows.row[0]), .unit = rows.row[0]->unit};
    TRY(pick_auc(&m->auc, &m->n_records, rows, BY_RECORD, 0.95, a, e));
    merge_row_weight(m, r, rows_of(g, KIND_WEIGHT, names_find(&r->names, "w"), m->unit));
    for (ReportRows cell; rows_next_cell(&cell, &rows);) m->n_cells++;
    return OK;
}

static Status merge_rows(MergeRow *m, size_t *n, const Report *r, const ReportGroup *g, Arena *a, Err *e)
{
    ReportRows rest = rows_of(g, KIND_ATTACK, names_find(&r->names, r->how.attack), NAME_ANY), unit, run;
    while (rows_next_unit(&unit, &rest))
        while (rows_next_target(&run, &unit, r)) {
            if (m != NULL) TRY(merge_row(&m[*n], r, g, run, a, e));
            ++*n;
        }
    return OK;
}

static void grid_merge(Grid *g, const Report *r, const ReportGroup *group, const MergeRow *m)
{
    grid_group(g, group);
    grid_text(g, m->target);
    grid_text(g, r->names.name[m->unit]);
    grid_text(g, r->how.attack);
    grid_roc(g, &m->auc);
    grid_num(g, m->auc.p);
    grid_num(g, m->holm);
    grid_num(g, m->weight);
    grid_num(g, m->size);
    grid_count(g, m->n_records);
    grid_count(g, m->n_cells);
}

/* The p-values are adjusted over all anchors and targets of one row of the front. */
static Status merges_group(Grid *g, const Report *r, const ReportGroup *group, Arena *a, Err *e)
{
    size_t n = 0, at = 0;
    TRY(merge_rows(NULL, &n, r, group, a, e));
    MergeRow *m = arena_alloc(a, n, sizeof *m);
    double *p = arena_alloc(a, n, 2 * sizeof *p);
    if (m == NULL || p == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", n);
    TRY(merge_rows(m, &at, r, group, a, e));
    for (size_t i = 0; i < n; i++) p[i] = m[i].auc.p;
    TRY(holm_fill(p + n, p, n, a, e));
    for (size_t i = 0; i < n; i++) {
        m[i].holm = p[n + i];
        if (!isnan(m[i].auc.value)) grid_merge(g, r, group, &m[i]);
    }
    return OK;
}

Status between_each(Grid *g, const Report *r, BetweenFn fn, Err *e)
{
    Arena scratch = {0};
    Status s = OK;
    for (size_t i = 0; i < r->n_groups && s == OK; i++) {
        if (r->group[i].is_merge) s = fn(g, r, &r->group[i], &scratch, e);
        arena_reset(&scratch);
    }
    arena_free(&scratch);
    if (s == OK && g->failed) FAIL(e, ERR_NOMEM, "no memory for %s", g->file);
    return s;
}

Status grid_merges(Grid *g, const Report *r, Err *e)
{
    return between_each(g, r, merges_group, e);
}

/* ---- alone, in the merge, and the merge without ---- */

/* Whether a cell is what a cell of the merge is held against. */
typedef bool (*BesideFn)(const ReportCell *merge, const ReportCell *other);

static bool beside_alone(const ReportCell *merge, const ReportCell *other)
{
    return merge->seed == other->seed;
}

static bool beside_loo(const ReportCell *merge, const ReportCell *other)
{
    return merge->seed == other->seed && strcmp(merge->target, other->target) == 0;
}

bool method_is(const char *method, const char *name)
{
    size_t n = strcspn(method, "+");
    return n == strlen(name) && strncmp(method, name, n) == 0;
}

const ReportGroup *group_beside(const Report *r, const ReportGroup *g, const char *name)
{
    const char *beside = strchr(g->method, '+');
    for (size_t i = 0; i < r->n_groups; i++) {
        const ReportGroup *o = &r->group[i];
        const char *other = strchr(o->method, '+');
        bool same = beside == NULL || other == NULL ? beside == other : strcmp(beside, other) == 0;
        bool lambda = isnan(o->lambda) || lambda_cmp(o->lambda, g->lambda) == 0;
        if (same && lambda && method_is(o->method, name) && strcmp(o->task, g->task) == 0) return o;
    }
    return NULL;
}

/* Records that both have, row by row: p of the merge, q of what is beside it. */
typedef struct {
    const ReportRow **p, **q;
    size_t n;
} BesidePairs;

static void beside_records(BesidePairs *out, ReportRows p, ReportRows q)
{
    for (size_t i = 0, j = 0; i < p.n && j < q.n;) {
        const ReportRow *x = p.row[i], *y = q.row[j];
        if (x->record == y->record && x->label == y->label && x->label != LEDGER_NO_LABEL) {
            out->p[out->n] = x;
            out->q[out->n++] = y;
        }
        i += x->record <= y->record;
        j += x->record >= y->record;
    }
}

/* Cells of both come in the same order, so that the search goes on where it last found something. */
static Status beside_pairs(BesidePairs *out, const Report *r, ReportRows merge, ReportRows other,
                           BesideFn fits, Arena *a, Err *e)
{
    *out = (BesidePairs){arena_alloc(a, merge.n, sizeof *out->p), arena_alloc(a, merge.n, sizeof *out->q), 0};
    ReportRows *cell = arena_alloc(a, other.n, sizeof *cell), run;
    if (out->p == NULL || out->q == NULL || cell == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu scores", merge.n);
    size_t n = 0, at = 0;
    while (rows_next_cell(&cell[n], &other)) n++;
    while (rows_next_cell(&run, &merge))
        for (size_t k = 0; k < n; k++, at++) {
            if (at == n) at = 0;
            if (!fits(&r->cell[run.row[0]->cell], &r->cell[cell[at].row[0]->cell])) continue;
            beside_records(out, run, cell[at]);
            break;
        }
    return OK;
}

static const RocEst no_between = {.value = NAN, .se = NAN, .lo = NAN, .hi = NAN, .p = NAN};

/* The merge minus the other, on the records of both, clustered by record; *auc: the other's own. */
static Status beside_compare(RocEst *diff, double *auc, const BesidePairs *pairs, Arena *a, Err *e)
{
    RocData x, y;
    size_t n = 0;
    *diff = no_between;
    *auc = NAN;
    TRY(pick_scores(&x, &n, (ReportRows){pairs->p, pairs->n}, BY_RECORD, a, e));
    TRY(pick_scores(&y, &n, (ReportRows){pairs->q, pairs->n}, BY_RECORD, a, e));
    if (x.m == 0 || x.n == 0) return OK;
    double *work = arena_alloc(a, y.n, sizeof *work);
    if (work == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", y.n);
    *auc = roc_auc(y.pos, y.m, y.neg, y.n, work);
    return roc_compare(diff, &x, &y, 0.95, e);
}

typedef struct {
    size_t unit, attack, n_records;
    RocEst merge, diff[2]; /* against the anchor alone, against the merge without it */
    double auc[2], size, holm[2];
} BesideRow;

static Status beside_row(BesideRow *b, const Report *r, const ReportGroup *g, const ReportGroup *const *other,
                         ReportRows rows, Arena *a, Err *e)
{
    static const BesideFn fits[2] = {beside_alone, beside_loo};
    BesidePairs pairs;
    *b = (BesideRow){.unit = rows.row[0]->unit, .attack = rows.row[0]->metric};
    TRY(pick_auc(&b->merge, &b->n_records, rows, BY_RECORD, 0.95, a, e));
    for (size_t k = 0; k < 2; k++) {
        ReportRows beside = {0};
        if (other[k] != NULL) beside = rows_of(other[k], KIND_ATTACK, b->attack, b->unit);
        TRY(beside_pairs(&pairs, r, rows, beside, fits[k], a, e));
        TRY(beside_compare(&b->diff[k], &b->auc[k], &pairs, a, e));
    }
    ReportRows w = rows_of(g, KIND_WEIGHT, names_find(&r->names, "w"), b->unit);
    b->size = w.n > 0 ? 0 : NAN;
    for (size_t i = 0; i < w.n; i++) b->size += fabs(w.row[i]->value) / (double)w.n;
    return OK;
}

static void grid_beside(Grid *out, const Report *r, const ReportGroup *g, const BesideRow *b)
{
    grid_group(out, g);
    grid_text(out, r->names.name[b->unit]);
    grid_text(out, r->names.name[b->attack]);
    grid_num(out, b->auc[0]);
    grid_num(out, b->merge.value);
    grid_num(out, b->auc[1]);
    for (size_t k = 0; k < 2; k++) {
        grid_roc(out, &b->diff[k]);
        grid_num(out, b->diff[k].p);
        grid_num(out, b->holm[k]);
    }
    grid_num(out, b->size);
    grid_count(out, b->n_records);
}

static Status beside_adjust(BesideRow *b, size_t n, Arena *a, Err *e)
{
    double *p = arena_alloc(a, n, 2 * sizeof *p);
    if (p == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu p-values", n);
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < n; i++) p[i] = b[i].diff[k].p;
        TRY(holm_fill(p + n, p, n, a, e));
        for (size_t i = 0; i < n; i++) b[i].holm[k] = p[n + i];
    }
    return OK;
}

/* The anchors under one attack; those with nothing beside them are left out. */
static Status beside_attack(Grid *out, const Report *r, const ReportGroup *g, const ReportGroup *const *other,
                            ReportRows rows, Arena *a, Err *e)
{
    ReportRows unit;
    size_t n = 0, cap = 0;
    for (ReportRows rest = rows; rows_next_unit(&unit, &rest);) cap++;
    BesideRow *b = arena_alloc(a, cap, sizeof *b);
    if (b == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", cap);
    while (rows_next_unit(&unit, &rows)) {
        TRY(beside_row(&b[n], r, g, other, unit, a, e));
        n += (size_t)(!isnan(b[n].auc[0]) || !isnan(b[n].auc[1]));
    }
    TRY(beside_adjust(b, n, a, e));
    for (size_t i = 0; i < n; i++) grid_beside(out, r, g, &b[i]);
    return OK;
}

/* The merges of `loo` are those of `evolved` at the same lambda. */
static Status beside_group(Grid *out, const Report *r, const ReportGroup *g, Arena *a, Err *e)
{
    const ReportGroup *other[2] = {group_beside(r, g, "anchor"),
                                   method_is(g->method, "evolved") ? group_beside(r, g, "loo") : NULL};
    ReportRows rest = rows_of(g, KIND_ATTACK, NAME_ANY, NAME_ANY), run;
    if (method_is(g->method, "loo") || method_is(g->method, "random-anchors")) return OK;
    while ((other[0] != NULL || other[1] != NULL) && rows_next_metric(&run, &rest)) {
        if (strncmp(r->names.name[run.row[0]->metric], "blind_", 6) == 0) continue;
        TRY(beside_attack(out, r, g, other, run, a, e));
    }
    return OK;
}

Status grid_loo(Grid *g, const Report *r, Err *e)
{
    return between_each(g, r, beside_group, e);
}
