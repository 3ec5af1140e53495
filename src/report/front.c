/* front.c - utility and leakage of each (task, method, lambda). */
#include "report_priv.h"

#include "prime/pareto.h"

#include <math.h>
#include <string.h>

/* Resampling must give the same interval whenever a ledger is read. */
static const StatsBoot front_boot = {.reps = 2000, .level = 0.95, .seed = 20260101, .kind = STATS_PERCENTILE};

static const StatsEst no_est = {.value = NAN, .se = NAN, .lo = NAN, .hi = NAN};

/* The utility metric that stands for a task: the one the run names, else the first that occurs. */
static Status front_metric(size_t *metric, const Report *r, const ReportGroup *g, Ledger *l, Err *e)
{
    const char *keys[2] = {"utility_metric.", "utility_metric"};
    for (size_t i = 0; i < 2; i++) {
        Str key = {0}, value = {0};
        bool found = false;
        str_puts(&key, keys[i]);
        if (i == 0) str_puts(&key, g->task);
        Status s = key.failed ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for a name")
                              : ledger_meta_get(l, key.s, &value, &found, e);
        if (s == OK && found) *metric = names_find(&r->names, value.s);
        str_free(&key);
        str_free(&value);
        if (s != OK || found) return s;
    }
    ReportPick p = {r, g->cell, g->n_cells, KIND_UTILITY, NAME_ANY, NAME_ANY};
    if (pick_metrics(metric, 1, p) == 0) *metric = NAME_NONE;
    return OK;
}

/* The group's values of a metric (per record, or per cell where it has no records) with their targets. */
typedef struct {
    double *x;
    size_t *user; /* numbers of names */
    size_t n;
} Values;

static Status front_values(Values *v, const Report *r, const ReportGroup *g, size_t metric, Arena *a, Err *e)
{
    ReportPick p = {r, g->cell, g->n_cells, KIND_UTILITY, metric, NAME_ANY};
    for (size_t pass = 0; pass < 2; pass++) {
        size_t n = 0;
        for (ReportKind k = KIND_UTILITY; k <= KIND_UTILITY_ALL; k++) {
            p.kind = k;
            PickAt at = {0};
            for (const ReportRow *row; (row = pick_next(&p, &at)) != NULL; n++) {
                if (pass == 0) continue;
                v->x[n] = row->value;
                v->user[n] = row->unit;
            }
        }
        if (pass == 1) break;
        *v = (Values){arena_alloc(a, n, sizeof *v->x), arena_alloc(a, n, sizeof *v->user), n};
        if (v->x == NULL || v->user == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu values", n);
    }
    return OK;
}

/* mean [names] of each target's own values; NaN for names without. */
static Status front_user_means(double **out, const Report *r, const Values *v, Arena *a, Err *e)
{
    double *sum = arena_zalloc(a, r->names.n, sizeof *sum);
    size_t *n = arena_zalloc(a, r->names.n, sizeof *n);
    if (sum == NULL || n == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu means", r->names.n);
    for (size_t i = 0; i < v->n; i++) {
        sum[v->user[i]] += v->x[i];
        n[v->user[i]]++;
    }
    for (size_t u = 0; u < r->names.n; u++) sum[u] = n[u] == 0 ? NAN : sum[u] / (double)n[u];
    *out = sum;
    return OK;
}

/* The mean over users of mean [names], minus base [names] where it is not NULL, users as units. */
static Status front_mean(StatsEst *out, const double *mean, const double *base, size_t n_names, Arena *a,
                         Err *e)
{
    double *x = arena_alloc(a, n_names, sizeof *x);
    size_t *user = arena_alloc(a, n_names, sizeof *user), n = 0;
    if (x == NULL || user == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu means", n_names);
    for (size_t u = 0; u < n_names; u++) {
        double d = base == NULL ? mean[u] : mean[u] - base[u];
        if (isnan(d)) continue;
        x[n] = d;
        user[n] = n;
        n++;
    }
    *out = no_est;
    return n == 0 ? OK : stats_boot_mean(out, x, user, n, n, STATS_USER_MEAN, &front_boot, e);
}

static const ReportGroup *front_base(const Report *r, const char *task)
{
    for (size_t i = 0; i < r->n_groups; i++)
        if (strcmp(r->group[i].task, task) == 0 && strcmp(r->group[i].method, "base") == 0)
            return &r->group[i];
    return NULL;
}

static Status front_utility(ReportFront *f, const Report *r, Arena *a, Err *e)
{
    f->utility = f->gain = no_est;
    if (f->metric == NAME_NONE) return OK;
    Values v;
    double *mean = NULL, *base = NULL;
    TRY(front_values(&v, r, f->group, f->metric, a, e));
    TRY(front_user_means(&mean, r, &v, a, e));
    TRY(front_mean(&f->utility, mean, NULL, r->names.n, a, e));
    const ReportGroup *g = front_base(r, f->group->task);
    if (g == NULL || g == f->group) return OK;
    TRY(front_values(&v, r, g, f->metric, a, e));
    TRY(front_user_means(&base, r, &v, a, e));
    return front_mean(&f->gain, mean, base, r->names.n, a, e);
}

/* The group's rows of one metric. */
static ReportPick front_pick(const Report *r, const ReportGroup *g, ReportKind kind, const char *metric)
{
    return (ReportPick){r, g->cell, g->n_cells, kind, names_find(&r->names, metric), NAME_ANY};
}

static Status front_auc(RocEst *out, size_t *n_records, const Report *r, const ReportGroup *g,
                        const char *attack, Arena *a, Err *e)
{
    ReportPick p = front_pick(r, g, KIND_ATTACK, attack);
    return pick_auc(out, n_records, &p, BY_UNIT, a, e);
}

static Status front_tpr(double *tpr, const Report *r, const ReportGroup *g, Arena *a, Err *e)
{
    ReportPick p = front_pick(r, g, KIND_ATTACK, "ref");
    RocData d;
    size_t n_records;
    RocPoint point = {.tpr = NAN};
    TRY(pick_scores(&d, &n_records, &p, BY_UNIT, a, e));
    if (d.m > 0 && d.n > 0) TRY(roc_tpr_at(&point, &d, 0.01, 0.95, e));
    *tpr = point.tpr;
    return OK;
}

/* Leakage is what exceeds the blind attack on the same records: a paired difference. A blind attack that
 * points the wrong way is turned round, as an attacker would. */
static Status front_excess(RocEst *out, const Report *r, const ReportGroup *g, size_t blind, double auc_blind,
                           Arena *a, Err *e)
{
    ReportPick p = front_pick(r, g, KIND_ATTACK, "ref"), q = p;
    q.metric = blind;
    *out = (RocEst){.value = NAN, .se = NAN, .lo = NAN, .hi = NAN};
    if (!pick_paired(p, q)) return OK;
    RocData x, y;
    size_t n;
    TRY(pick_scores(&x, &n, &p, BY_UNIT, a, e));
    TRY(pick_scores(&y, &n, &q, BY_UNIT, a, e));
    if (x.m == 0 || x.n == 0) return OK;
    double *turned = arena_alloc(a, y.m + y.n, sizeof *turned);
    if (turned == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", y.m + y.n);
    double sign = auc_blind < 0.5 ? -1 : 1;
    for (size_t i = 0; i < y.m + y.n; i++) turned[i] = sign * (i < y.m ? y.pos[i] : y.neg[i - y.m]);
    y.pos = turned;
    y.neg = turned + y.m;
    return roc_compare(out, &x, &y, 0.95, e);
}

static Status front_leakage(ReportFront *f, const Report *r, Arena *a, Err *e)
{
    RocEst loss, base = {.value = NAN};
    size_t n, blind;
    TRY(front_auc(&f->leak, &f->n_records, r, f->group, "ref", a, e));
    TRY(front_auc(&loss, &n, r, f->group, "loss", a, e));
    TRY(front_tpr(&f->tpr, r, f->group, a, e));
    ReportPick p = front_pick(r, f->group, KIND_ATTACK, "");
    TRY(pick_blind(&f->auc_blind, &blind, &p, a, e));
    TRY(front_excess(&f->excess, r, f->group, blind, f->auc_blind, a, e));
    const ReportGroup *g = front_base(r, f->group->task);
    if (g != NULL) TRY(front_auc(&base, &n, r, g, "loss", a, e));
    f->auc_loss = loss.value;
    f->auc_base = base.value;
    p = front_pick(r, f->group, KIND_NORM, "attenuation");
    f->attenuation = pick_mean(&p);
    return OK;
}

static bool front_interval(double lo, double hi, size_t n_users)
{
    return n_users >= REPORT_MIN_USERS && isfinite(lo) && isfinite(hi);
}

/* Leakage from enough people; utility too, where it was measured (an anchor alone serves nobody). */
static bool front_gradable(const ReportFront *f)
{
    bool leak = f->leak.gradable && front_interval(f->leak.lo, f->leak.hi, f->leak.n_clusters);
    return leak &&
           (isnan(f->utility.value) || front_interval(f->utility.lo, f->utility.hi, f->utility.n_users));
}

/* Rows without one of the numbers neither beat nor are beaten. */
static bool front_beats(const ReportFront *a, const ReportFront *b)
{
    double x[2] = {-a->utility.value, a->leak.value}, y[2] = {-b->utility.value, b->leak.value};
    if (isnan(x[0]) || isnan(x[1]) || isnan(y[0]) || isnan(y[1])) return false;
    return strcmp(a->group->task, b->group->task) == 0 && pareto_dominates(x, y, 2);
}

static void front_dominance(ReportFront *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) f[i].dominated = f[i].dominated || front_beats(&f[j], &f[i]);
}

static Status front_one(ReportFront *f, const Report *r, Ledger *l, Arena *a, Err *e)
{
    TRY(front_metric(&f->metric, r, f->group, l, e));
    TRY(front_utility(f, r, a, e));
    TRY(front_leakage(f, r, a, e));
    f->graded = front_gradable(f);
    return OK;
}

Status front_fill(Report *r, Ledger *l, Err *e)
{
    r->front = arena_zalloc(&r->arena, r->n_groups, sizeof *r->front);
    if (r->front == NULL) FAIL(e, ERR_NOMEM, "no memory for the front");
    Arena scratch = {0};
    Status s = OK;
    for (size_t i = 0; i < r->n_groups && s == OK; i++) {
        r->front[i].group = &r->group[i];
        s = front_one(&r->front[i], r, l, &scratch, e);
        arena_reset(&scratch);
    }
    arena_free(&scratch);
    if (s == OK) front_dominance(r->front, r->n_groups);
    return s;
}
