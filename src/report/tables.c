/* tables.c - the tables of a report as grids: front, methods, attacks, volume. */
#include "report_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static Status grid_done(const Grid *g, Err *e)
{
    if (g->failed) FAIL(e, ERR_NOMEM, "no memory for %s", g->file);
    return OK;
}

static const char *metric_name(const Report *r, size_t metric)
{
    return metric < r->names.n ? r->names.name[metric] : "";
}

static void front_row(Grid *g, const Report *r, const ReportFront *f)
{
    grid_group(g, f->group);
    grid_text(g, metric_name(r, f->metric));
    grid_three(g, f->utility.value, f->utility.lo, f->utility.hi);
    grid_mean(g, &f->gain.diff);
    grid_num(g, f->gain.diff.p);
    grid_num(g, f->gain_holm);
    grid_rate(g, &f->gain.win);
    grid_roc(g, &f->leak);
    grid_num(g, f->leak.p);
    grid_num(g, f->leak_holm);
    grid_mean(g, &f->leak_mean);
    grid_roc(g, &f->excess);
    grid_rate(g, &f->tpr);
    grid_num(g, f->auc_loss);
    grid_num(g, f->auc_blind);
    grid_num(g, f->auc_base);
    grid_num(g, f->attenuation);
    grid_count(g, f->utility.n_users);
    grid_count(g, f->leak.n_clusters);
    grid_count(g, f->n_records);
    grid_count(g, f->group->n_cells);
    grid_flag(g, f->graded);
    if (isnan(f->utility.value) || isnan(f->leak.value)) {
        grid_text(g, "");
        grid_text(g, "");
    } else {
        grid_flag(g, f->dominated);
        grid_flag(g, !f->dominated);
    }
    grid_num(g, f->p_front);
}

Status grid_front(Grid *g, const Report *r, Err *e)
{
    for (size_t i = 0; i < r->n_groups; i++) front_row(g, r, &r->front[i]);
    return grid_done(g, e);
}

/* ---- methods ---- */

Status reference_find(Report *r, Err *e)
{
    const char *name = r->how.reference;
    if (name == NULL) return OK;
    const char *at = strrchr(name, '@');
    r->reference_any = true;
    for (size_t i = 0; i < r->n_groups && r->reference == NULL; i++)
        if (strcmp(r->group[i].method, name) == 0) r->reference = r->group[i].method;
    if (r->reference != NULL) return OK;
    char *end = NULL;
    double lambda = at != NULL ? strtod(at + 1, &end) : NAN;
    for (size_t i = 0; i < r->n_groups && end != NULL && *end == '\0' && end != at + 1; i++) {
        const ReportGroup *g = &r->group[i];
        size_t n = (size_t)(at - name);
        if (strlen(g->method) != n || strncmp(g->method, name, n) != 0 || g->lambda != lambda) continue;
        r->reference = g->method;
        r->reference_lambda = lambda;
        r->reference_any = false;
        return OK;
    }
    FAIL(e, ERR_ARG, "reference = '%s', want METHOD or METHOD@LAMBDA of this ledger", name);
}

const ReportGroup *reference_group(const Report *r, const char *task)
{
    for (size_t i = 0; i < r->n_groups && r->reference != NULL; i++)
        if (group_is(&r->group[i], task, r->reference, r->reference_lambda, r->reference_any))
            return &r->group[i];
    return NULL;
}

/* One utility metric of one row of the front. */
typedef struct {
    const ReportFront *f;
    size_t metric;
    double sign;
    StatsEst utility;
    PairEst base, ref;
    double base_holm, ref_holm;
} MethodRow;

static Status pair_with(PairEst *out, const Report *r, const ReportGroup *g, const UnitValues *own,
                        const MethodRow *m, Arena *a, Err *e)
{
    UnitValues other = {0};
    if (g != NULL && g != m->f->group) TRY(unit_utility(&other, r, g, m->metric, a, e));
    return unit_pair(out, own, &other, m->sign, 0.95, a, e);
}

static Status method_row(MethodRow *m, const Report *r, Arena *a, Err *e)
{
    UnitValues own;
    const char *task = m->f->group->task;
    m->sign = metric_sign(r, m->metric);
    TRY(unit_utility(&own, r, m->f->group, m->metric, a, e));
    TRY(unit_boot(&m->utility, &own, 0.95, a, e));
    TRY(pair_with(&m->base, r, front_base(r, task), &own, m, a, e));
    return pair_with(&m->ref, r, reference_group(r, task), &own, m, a, e);
}

static int method_row_order(const void *a, const void *b)
{
    const MethodRow *x = a, *y = b;
    int by = strcmp(x->f->group->task, y->f->group->task);
    if (by != 0) return by;
    if (x->metric != y->metric) return x->metric < y->metric ? -1 : 1;
    return (x->f > y->f) - (x->f < y->f);
}

static size_t method_rows(MethodRow *row, const Report *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_groups; i++) {
        for (ReportKind k = KIND_UTILITY; k <= KIND_UTILITY_ALL; k++) {
            ReportRows rest = rows_of(&r->group[i], k, NAME_ANY, NAME_ANY), run;
            while (rows_next_metric(&run, &rest)) {
                if (row != NULL) row[n] = (MethodRow){.f = &r->front[i], .metric = run.row[0]->metric};
                n++;
            }
        }
    }
    return n;
}

/* Adjusted over the methods of one task and metric. */
static Status methods_adjust(MethodRow *row, size_t n, Arena *a, Err *e)
{
    double *p = arena_alloc(a, n, sizeof *p), *q = arena_alloc(a, n, sizeof *q);
    if (p == NULL || q == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu p-values", n);
    for (size_t i = 0; i < n; i++) p[i] = row[i].base.diff.p;
    TRY(holm_fill(q, p, n, a, e));
    for (size_t i = 0; i < n; i++) row[i].base_holm = q[i];
    for (size_t i = 0; i < n; i++) p[i] = row[i].ref.diff.p;
    TRY(holm_fill(q, p, n, a, e));
    for (size_t i = 0; i < n; i++) row[i].ref_holm = q[i];
    return OK;
}

static void grid_pair(Grid *g, const PairEst *p, double holm)
{
    grid_mean(g, &p->diff);
    grid_num(g, p->diff.p);
    grid_num(g, holm);
    grid_rate(g, &p->win);
}

static void grid_method(Grid *g, const Report *r, const MethodRow *m)
{
    const ReportFront *f = m->f;
    grid_text(g, f->group->method);
    grid_num(g, f->group->lambda);
    grid_text(g, f->group->task);
    grid_text(g, metric_name(r, m->metric));
    grid_text(g, m->sign > 0 ? "higher" : "lower");
    grid_flag(g, m->metric == f->metric);
    grid_three(g, m->utility.value, m->utility.lo, m->utility.hi);
    grid_pair(g, &m->base, m->base_holm);
    grid_text(g, r->how.reference != NULL ? r->how.reference : "");
    grid_pair(g, &m->ref, m->ref_holm);
    grid_roc(g, &f->leak);
    grid_mean(g, &f->leak_mean);
    grid_num(g, f->attenuation);
    grid_count(g, m->utility.n_users);
    grid_count(g, f->leak.n_clusters);
    grid_flag(g, f->graded);
}

Status grid_methods(Grid *g, const Report *r, Err *e)
{
    size_t n = method_rows(NULL, r), same = 0;
    MethodRow *row = arena_zalloc(g->arena, n, sizeof *row);
    if (row == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu methods", n);
    method_rows(row, r);
    for (size_t i = 0; i < n; i++) TRY(method_row(&row[i], r, g->arena, e));
    if (n > 0) qsort(row, n, sizeof *row, method_row_order);
    for (size_t i = 0; i < n; i += same) {
        for (same = 1; i + same < n && row[i + same].metric == row[i].metric &&
                       strcmp(row[i + same].f->group->task, row[i].f->group->task) == 0;)
            same++;
        TRY(methods_adjust(row + i, same, g->arena, e));
    }
    for (size_t i = 0; i < n; i++) grid_method(g, r, &row[i]);
    return grid_done(g, e);
}

/* ---- attacks ---- */

/* Adjusted over methods and attacks of a task; blind attacks and the base are what one compares with. */
static Status attacks_holm(double *holm, const ReportAttack *row, size_t n, const Report *r, Arena *a, Err *e)
{
    double *p = arena_alloc(a, n, sizeof *p);
    if (p == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu p-values", n);
    for (size_t i = 0; i < n; i++) {
        bool blind = strncmp(r->names.name[row[i].attack], "blind_", 6) == 0;
        p[i] = row[i].group->is_base || blind ? NAN : row[i].auc.p;
    }
    for (size_t i = 0, same; i < n; i += same) {
        for (same = 1; i + same < n && strcmp(row[i + same].group->task, row[i].group->task) == 0;) same++;
        TRY(holm_fill(holm + i, p + i, same, a, e));
    }
    return OK;
}

static void grid_attack(Grid *g, const Report *r, const ReportAttack *w, double holm)
{
    grid_group(g, w->group);
    grid_text(g, r->names.name[w->attack]);
    grid_roc(g, &w->auc);
    grid_num(g, w->auc.p);
    grid_num(g, holm);
    grid_mean(g, &w->mean);
    grid_rate(g, &w->tpr_1);
    grid_rate(g, &w->tpr_01);
    grid_num(g, w->auc_blind);
    grid_roc(g, &w->excess);
    grid_count(g, w->auc.n_clusters);
    grid_count(g, w->n_records);
}

Status grid_attacks(Grid *g, const Report *r, Err *e)
{
    double *holm = arena_alloc(g->arena, r->n_attacks, sizeof *holm);
    if (holm == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu p-values", r->n_attacks);
    TRY(attacks_holm(holm, r->attack, r->n_attacks, r, g->arena, e));
    for (size_t i = 0; i < r->n_attacks; i++) grid_attack(g, r, &r->attack[i], holm[i]);
    return grid_done(g, e);
}

Status grid_volume(Grid *g, const Report *r, Err *e)
{
    for (size_t i = 0; i < r->n_volumes; i++) {
        const ReportVolume *v = &r->volume[i];
        grid_text(g, v->task);
        grid_text(g, v->method != NULL ? v->method : "");
        grid_three(g, v->value, v->lo, v->hi);
        grid_num(g, v->ref[0]);
        grid_num(g, v->ref[1]);
        grid_count(g, v->n_points);
    }
    return grid_done(g, e);
}
