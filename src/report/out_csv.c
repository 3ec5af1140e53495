/* out_csv.c - cells.csv, front.csv and anchors.csv. */
#include "report_priv.h"

#include "prime/table.h"

#include <math.h>
#include <string.h>

/* One row of cells.csv after the five columns that name the cell. */
typedef struct {
    const char *prefix, *metric, *suffix;
    double value, lo, hi;
    const char *ci_method; /* "" when there is no interval */
    size_t n_users, n_records;
} CellLine;

/* What the writers of one file share. */
typedef struct {
    const Report *r;
    TableOut out;
    Arena scratch; /* reset after each cell or group */
    size_t cell;   /* index of the cell */
    const ReportGroup *group;
} Writer;

static void put_yes(TableOut *o, bool yes)
{
    table_put_str(o, yes ? "yes" : "no");
}

static void put_line(Writer *w, CellLine line)
{
    const ReportCell *c = &w->r->cell[w->cell];
    char name[128];
    snprintf(name, sizeof name, "%s%s%s", line.prefix, line.metric, line.suffix);
    table_put_str(&w->out, c->task);
    table_put_str(&w->out, c->method);
    table_put_num(&w->out, c->lambda);
    table_put_str(&w->out, c->target);
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)c->seed);
    table_put_str(&w->out, seed);
    table_put_str(&w->out, name);
    table_put_num(&w->out, line.value);
    table_put_num(&w->out, line.lo);
    table_put_num(&w->out, line.hi);
    table_put_str(&w->out, line.ci_method);
    table_put_int(&w->out, (int64_t)line.n_users);
    table_put_int(&w->out, (int64_t)line.n_records);
    table_put_str(&w->out, c->key);
    table_end_row(&w->out);
}

/* The mean over the target's records; its interval resamples these records, so it speaks of this person
 * alone. */
static Status put_utility(Writer *w, const ReportPick *p, const char *metric, Err *e)
{
    static const StatsBoot boot = {.reps = 1000, .level = 0.95, .seed = 20260101, .kind = STATS_PERCENTILE};
    PickAt at = {0};
    size_t n = 0, cap = w->r->cell[w->cell].n;
    double *x = arena_alloc(&w->scratch, cap, sizeof *x);
    size_t *record = arena_alloc(&w->scratch, cap, sizeof *record);
    if (x == NULL || record == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu values", cap);
    for (const ReportRow *row; (row = pick_next(p, &at)) != NULL; n++) {
        x[n] = row->value;
        record[n] = n;
    }
    StatsEst est;
    TRY(stats_boot_mean(&est, x, record, n, n, STATS_POOLED, &boot, e));
    put_line(w, (CellLine){"", metric, "", est.value, est.lo, est.hi,
                           isnan(est.lo) ? "" : "bootstrap_records", 1, n});
    return OK;
}

/* A number of the whole cell; several rows of one name are averaged. */
static Status put_plain(Writer *w, const ReportPick *p, const char *metric, Err *e)
{
    (void)e;
    PickAt at = {0};
    size_t n = 0;
    while (pick_next(p, &at) != NULL) n++;
    put_line(
        w, (CellLine){p->kind == KIND_SEARCH ? "search_" : "", metric, "", pick_mean(p), NAN, NAN, "", 1, n});
    return OK;
}

static Status put_attack(Writer *w, const ReportPick *p, const char *metric, Err *e)
{
    RocData d;
    size_t n;
    TRY(pick_scores(&d, &n, p, BY_UNIT, &w->scratch, e));
    if (d.m == 0 || d.n == 0) return OK;
    RocEst est;
    RocPoint point;
    TRY(roc_delong(&est, &d, 0.95, e));
    put_line(w, (CellLine){"", metric, "_auc", est.value, est.lo, est.hi, "delong", d.n_users, n});
    TRY(roc_clustered(&est, &d, 0.95, e));
    put_line(w, (CellLine){"", metric, "_auc", est.value, est.lo, est.hi, "clustered", d.n_users, n});
    TRY(roc_tpr_at(&point, &d, 0.01, 0.95, e));
    put_line(w, (CellLine){"", metric, "_tpr_at_fpr_0.01", point.tpr, point.lo, point.hi, "clopper_pearson",
                           d.n_users, n});
    return OK;
}

/* Merge weights have no row here: they are in anchors.csv. */
static Status (*const put_kind[N_KINDS])(Writer *, const ReportPick *, const char *, Err *) = {
    [KIND_UTILITY] = put_utility, [KIND_UTILITY_ALL] = put_plain, [KIND_ATTACK] = put_attack,
    [KIND_NORM] = put_plain,      [KIND_SEARCH] = put_plain,
};

static Status put_cell(Writer *w, Err *e)
{
    for (size_t k = 0; k < N_KINDS; k++) {
        if (put_kind[k] == NULL) continue;
        ReportPick p = {w->r, &w->cell, 1, (ReportKind)k, NAME_ANY, NAME_ANY};
        size_t metric[REPORT_MAX_METRICS], n = pick_metrics(metric, REPORT_MAX_METRICS, p);
        for (size_t i = 0; i < n; i++) {
            p.metric = metric[i];
            TRY(put_kind[k](w, &p, w->r->names.name[metric[i]], e));
        }
    }
    return OK;
}

Status out_cells(Str *out, const Report *r, Err *e)
{
    Writer w = {.r = r};
    schema_begin(&w.out, out, "cells.csv");
    Status s = OK;
    for (; w.cell < r->n_cells && s == OK; w.cell++) {
        s = put_cell(&w, e);
        arena_reset(&w.scratch);
    }
    arena_free(&w.scratch);
    return s;
}

static void put_interval(TableOut *o, double value, double lo, double hi)
{
    table_put_num(o, value);
    table_put_num(o, lo);
    table_put_num(o, hi);
}

static void put_front(TableOut *o, const Report *r, const ReportFront *f)
{
    const ReportGroup *g = f->group;
    table_put_str(o, g->task);
    table_put_str(o, g->method);
    table_put_num(o, g->lambda);
    table_put_str(o, f->metric < r->names.n ? r->names.name[f->metric] : "");
    put_interval(o, f->utility.value, f->utility.lo, f->utility.hi);
    put_interval(o, f->gain.value, f->gain.lo, f->gain.hi);
    put_interval(o, f->leak.value, f->leak.lo, f->leak.hi);
    put_interval(o, f->excess.value, f->excess.lo, f->excess.hi);
    table_put_num(o, f->tpr);
    table_put_num(o, f->auc_loss);
    table_put_num(o, f->auc_blind);
    table_put_num(o, f->auc_base);
    table_put_num(o, f->attenuation);
    table_put_int(o, (int64_t)f->utility.n_users);
    table_put_int(o, (int64_t)f->leak.n_clusters);
    table_put_int(o, (int64_t)f->n_records);
    table_put_int(o, (int64_t)g->n_cells);
    put_yes(o, f->graded);
    if (isnan(f->utility.value) || isnan(f->leak.value))
        table_put_empty(o);
    else
        put_yes(o, f->dominated);
    table_end_row(o);
}

Status out_front(Str *out, const Report *r, Err *e)
{
    (void)e;
    TableOut o;
    schema_begin(&o, out, "front.csv");
    for (size_t i = 0; i < r->n_groups; i++) put_front(&o, r, &r->front[i]);
    return OK;
}

/* Cells of the pick that hold at least one matching row. */
static size_t count_cells(const ReportPick *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_cells; i++) {
        ReportPick one = *p;
        PickAt at = {0};
        one.cell = &p->cell[i];
        one.n_cells = 1;
        n += pick_next(&one, &at) != NULL;
    }
    return n;
}

static Status put_anchor(Writer *w, const ReportPick *p, Err *e)
{
    const Report *r = w->r;
    RocEst est;
    size_t n;
    TRY(pick_auc(&est, &n, p, BY_RECORD, &w->scratch, e));
    if (isnan(est.value)) return OK;
    ReportPick weight = {r, p->cell, p->n_cells, KIND_WEIGHT, names_find(&r->names, "w"), p->unit};
    table_put_str(&w->out, w->group->task);
    table_put_str(&w->out, w->group->method);
    table_put_num(&w->out, w->group->lambda);
    table_put_str(&w->out, r->names.name[p->unit]);
    table_put_str(&w->out, r->names.name[p->metric]);
    put_interval(&w->out, est.value, est.lo, est.hi);
    table_put_int(&w->out, (int64_t)n);
    table_put_int(&w->out, (int64_t)count_cells(p));
    table_put_num(&w->out, pick_mean(&weight));
    table_end_row(&w->out);
    return OK;
}

/* The people with attack rows in a group, in the order of their names. */
static Status group_units(size_t **unit, size_t *n, const Report *r, const ReportGroup *g, Arena *a, Err *e)
{
    ReportPick p = {r, g->cell, g->n_cells, KIND_ATTACK, NAME_ANY, NAME_ANY};
    bool *seen = arena_zalloc(a, r->names.n, sizeof *seen);
    *unit = arena_alloc(a, r->names.n, sizeof **unit);
    if (seen == NULL || *unit == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu names", r->names.n);
    *n = 0;
    PickAt at = {0};
    for (const ReportRow *row; (row = pick_next(&p, &at)) != NULL;) {
        if (seen[row->unit]) continue;
        seen[row->unit] = true;
        size_t i = (*n)++;
        for (; i > 0 && strcmp(r->names.name[(*unit)[i - 1]], r->names.name[row->unit]) > 0; i--)
            (*unit)[i] = (*unit)[i - 1];
        (*unit)[i] = row->unit;
    }
    return OK;
}

static Status put_group(Writer *w, Err *e)
{
    ReportPick p = {w->r, w->group->cell, w->group->n_cells, KIND_ATTACK, NAME_ANY, NAME_ANY};
    size_t metric[REPORT_MAX_METRICS], n_metrics = pick_metrics(metric, REPORT_MAX_METRICS, p);
    size_t *unit = NULL, n_units = 0;
    TRY(group_units(&unit, &n_units, w->r, w->group, &w->scratch, e));
    for (size_t u = 0; u < n_units; u++) {
        for (size_t i = 0; i < n_metrics; i++) {
            p.unit = unit[u];
            p.metric = metric[i];
            TRY(put_anchor(w, &p, e));
        }
    }
    return OK;
}

Status out_anchors(Str *out, const Report *r, Err *e)
{
    Writer w = {.r = r};
    schema_begin(&w.out, out, "anchors.csv");
    Status s = OK;
    for (size_t i = 0; i < r->n_groups && s == OK; i++) {
        w.group = &r->group[i];
        s = put_group(&w, e);
        arena_reset(&w.scratch);
    }
    arena_free(&w.scratch);
    return s;
}
