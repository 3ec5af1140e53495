/* front.c - utility and leakage of each (task, method, lambda). */
#include "report_priv.h"

#include "prime/pareto.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const StatsEst no_utility = {.value = NAN, .se = NAN, .lo = NAN, .hi = NAN};
static const PairEst no_pair = {{NAN, NAN, NAN, NAN, 0}, {NAN, NAN, NAN}};

/* The utility metric that stands for a task: the one the run names, else the first there is. */
static size_t front_metric(const Report *r, const ReportGroup *g)
{
    char key[256];
    snprintf(key, sizeof key, "utility_metric.%.200s", g->task);
    const char *named = report_meta(r, key);
    if (named == NULL) named = report_meta(r, "utility_metric");
    if (named != NULL) return names_find(&r->names, named);
    for (ReportKind k = KIND_UTILITY; k <= KIND_UTILITY_ALL; k++) {
        ReportRows rows = rows_of(g, k, NAME_ANY, NAME_ANY);
        if (rows.n > 0) return rows.row[0]->metric;
    }
    return NAME_NONE;
}

const ReportGroup *front_base(const Report *r, const char *task)
{
    for (size_t i = 0; i < r->n_groups; i++)
        if (r->group[i].is_base && strcmp(r->group[i].task, task) == 0) return &r->group[i];
    return NULL;
}

static Status front_utility(ReportFront *f, const Report *r, Arena *a, Err *e)
{
    UnitValues own, base;
    f->utility = no_utility;
    f->gain = no_pair;
    if (f->metric == NAME_NONE) return OK;
    TRY(unit_utility(&own, r, f->group, f->metric, a, e));
    TRY(unit_boot(&f->utility, &own, 0.95, a, e));
    const ReportGroup *g = front_base(r, f->group->task);
    if (g == NULL || g == f->group) return OK;
    TRY(unit_utility(&base, r, g, f->metric, a, e));
    return unit_pair(&f->gain, &own, &base, f->sign, 0.95, a, e);
}

Status mean_auc(MeanEst *out, const ReportGroup *g, size_t attack, double level, Arena *a, Err *e)
{
    UnitValues u;
    TRY(unit_aucs(&u, g, attack, a, e));
    *out = unit_rates(u.value, u.n, 0.5, level);
    return OK;
}

static double front_attack_auc(const Report *r, const ReportGroup *g, const char *attack)
{
    const ReportAttack *w = g != NULL ? attack_of(r, g, names_find(&r->names, attack)) : NULL;
    return w != NULL ? w->auc.value : NAN;
}

static void front_leakage(ReportFront *f, const Report *r)
{
    static const ReportAttack nothing = {.auc = {.value = NAN, .se = NAN, .lo = NAN, .hi = NAN, .p = NAN},
                                         .mean = {NAN, NAN, NAN, NAN, 0},
                                         .tpr_1 = {NAN, NAN, NAN},
                                         .excess = {.value = NAN, .se = NAN, .lo = NAN, .hi = NAN, .p = NAN}};
    const ReportAttack *w = attack_of(r, f->group, names_find(&r->names, r->how.attack));
    const ReportAttack *blind = attack_blind(r, f->group);
    if (w == NULL) w = &nothing;
    f->leak = w->auc;
    f->n_records = w->n_records;
    f->leak_mean = w->mean;
    f->tpr = w->tpr_1;
    f->excess = w->excess;
    f->auc_loss = front_attack_auc(r, f->group, "loss");
    f->auc_base = front_attack_auc(r, front_base(r, f->group->task), "loss");
    f->auc_blind = blind != NULL ? blind->auc.value : NAN;
    f->attenuation = rows_mean(rows_of(f->group, KIND_NORM, names_find(&r->names, "attenuation"), NAME_ANY));
}

static bool front_interval(double lo, double hi, size_t n_users)
{
    return n_users >= REPORT_MIN_USERS && isfinite(lo) && isfinite(hi);
}

/* Leakage from enough people; utility too, where it was measured (an anchor alone may serve nobody). */
static bool front_gradable(const ReportFront *f)
{
    bool leak = f->leak.gradable && front_interval(f->leak.lo, f->leak.hi, f->leak.n_clusters);
    return leak &&
           (isnan(f->utility.value) || front_interval(f->utility.lo, f->utility.hi, f->utility.n_users));
}

static Status front_one(ReportFront *f, const Report *r, Arena *a, Err *e)
{
    f->metric = front_metric(r, f->group);
    f->sign = metric_sign(r, f->metric);
    TRY(front_utility(f, r, a, e));
    front_leakage(f, r);
    f->p_front = NAN;
    f->graded = front_gradable(f);
    return OK;
}

/* Holm's adjustment over the rows of one task, the base left out: it is what the others are held against. */
static Status front_adjust(ReportFront *f, size_t n, Arena *a, Err *e)
{
    double *p = arena_alloc(a, 2 * n, sizeof *p), *q = arena_alloc(a, 2 * n, sizeof *q);
    if (p == NULL || q == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu p-values", n);
    for (size_t i = 0; i < n; i++) {
        p[i] = f[i].group->is_base ? NAN : f[i].leak.p;
        p[n + i] = f[i].group->is_base ? NAN : f[i].gain.diff.p;
    }
    TRY(holm_fill(q, p, n, a, e));
    TRY(holm_fill(q + n, p + n, n, a, e));
    for (size_t i = 0; i < n; i++) {
        f[i].leak_holm = q[i];
        f[i].gain_holm = q[n + i];
    }
    return OK;
}

/* Rows without one of the numbers neither beat nor are beaten. */
static Status front_dominance(ReportFront *f, size_t n, Arena *a, Err *e)
{
    double *pts = arena_alloc(a, n, 2 * sizeof *pts);
    size_t *who = arena_alloc(a, n, sizeof *who), k = 0;
    bool *on = arena_alloc(a, n, sizeof *on);
    if (pts == NULL || who == NULL || on == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    for (size_t i = 0; i < n; i++) {
        if (isnan(f[i].utility.value) || isnan(f[i].leak.value)) continue;
        pts[2 * k] = -f[i].sign * f[i].utility.value;
        pts[2 * k + 1] = f[i].leak.value;
        who[k++] = i;
    }
    TRY(pareto_front(on, pts, k, 2, PARETO_ALL, e));
    for (size_t i = 0; i < k; i++) f[who[i]].dominated = !on[i];
    return OK;
}

static Status front_tasks(Report *r, Arena *a, Err *e)
{
    for (size_t i = 0, n; i < r->n_groups; i += n) {
        for (n = 1; i + n < r->n_groups && strcmp(r->group[i + n].task, r->group[i].task) == 0;) n++;
        TRY(front_adjust(&r->front[i], n, a, e));
        TRY(front_dominance(&r->front[i], n, a, e));
    }
    return OK;
}

Status front_fill(Report *r, Err *e)
{
    r->front = arena_zalloc(&r->arena, r->n_groups, sizeof *r->front);
    if (r->front == NULL) FAIL(e, ERR_NOMEM, "no memory for the front");
    Arena scratch = {0};
    Status s = OK;
    for (size_t i = 0; i < r->n_groups && s == OK; i++) {
        r->front[i].group = &r->group[i];
        s = front_one(&r->front[i], r, &scratch, e);
        arena_reset(&scratch);
    }
    if (s == OK) s = front_tasks(r, &scratch, e);
    arena_free(&scratch);
    return s;
}
