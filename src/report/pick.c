/* pick.c - rows that match, as the arrays that the statistics take. */
#include "report_priv.h"

#include "prime/sort.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Whether a row comes before (kind, metric, unit) in the order of a group's rows. */
static bool row_before(const ReportRow *x, int kind, size_t metric, size_t unit)
{
    if (x->kind != kind) return x->kind < kind;
    if (x->metric != metric) return x->metric < metric;
    return x->unit < unit;
}

static size_t rows_lower(const ReportGroup *g, int kind, size_t metric, size_t unit)
{
    size_t lo = 0, hi = g->n_rows;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (row_before(g->row[mid], kind, metric, unit))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

ReportRows rows_of(const ReportGroup *g, ReportKind kind, size_t metric, size_t unit)
{
    if (metric == NAME_NONE || unit == NAME_NONE) return (ReportRows){0};
    size_t from, to;
    if (metric == NAME_ANY) {
        from = rows_lower(g, (int)kind, 0, 0);
        to = rows_lower(g, (int)kind + 1, 0, 0);
    } else if (unit == NAME_ANY) {
        from = rows_lower(g, (int)kind, metric, 0);
        to = rows_lower(g, (int)kind, metric + 1, 0);
    } else {
        from = rows_lower(g, (int)kind, metric, unit);
        to = rows_lower(g, (int)kind, metric, unit + 1);
    }
    return (ReportRows){to > from ? g->row + from : NULL, to - from};
}

ReportRows rows_utility(const ReportGroup *g, size_t metric)
{
    ReportRows rows = rows_of(g, KIND_UTILITY, metric, NAME_ANY);
    return rows.n > 0 ? rows : rows_of(g, KIND_UTILITY_ALL, metric, NAME_ANY);
}

static bool rows_take(ReportRows *run, ReportRows *rest, size_t n)
{
    *run = (ReportRows){rest->row, n};
    if (n > 0) *rest = (ReportRows){rest->row + n, rest->n - n}; /* a group without rows has no array */
    return n > 0;
}

bool rows_next_metric(ReportRows *run, ReportRows *rest)
{
    size_t n = 0;
    while (n < rest->n && rest->row[n]->metric == rest->row[0]->metric) n++;
    return rows_take(run, rest, n);
}

bool rows_next_unit(ReportRows *run, ReportRows *rest)
{
    size_t n = 0;
    while (n < rest->n && rest->row[n]->unit == rest->row[0]->unit) n++;
    return rows_take(run, rest, n);
}

bool rows_next_cell(ReportRows *run, ReportRows *rest)
{
    size_t n = 0;
    while (n < rest->n && rest->row[n]->cell == rest->row[0]->cell) n++;
    return rows_take(run, rest, n);
}

double rows_mean(ReportRows rows)
{
    double sum = 0;
    for (size_t i = 0; i < rows.n; i++) sum += rows.row[i]->value;
    return rows.n == 0 ? NAN : sum / (double)rows.n;
}

bool rows_paired(ReportRows a, ReportRows b)
{
    if (a.n != b.n) return false;
    for (size_t i = 0; i < a.n; i++) {
        const ReportRow *x = a.row[i], *y = b.row[i];
        if (x->cell != y->cell || x->unit != y->unit || x->record != y->record || x->label != y->label)
            return false;
    }
    return true;
}

typedef struct {
    uint64_t unit_record;
    size_t place; /* of the row among those that are labelled */
} PickKey;

static bool pick_key_before(PickKey a, PickKey b)
{
    return a.unit_record < b.unit_record;
}

SORT_DEFINE(pick_sort_keys, PickKey, pick_key_before);

static uint64_t pick_unit(PickKey k)
{
    return k.unit_record >> 32;
}

/* cluster [n]: dense numbers of the people, or of their records, behind keys [2 n], of which the second half
 * is scratch. */
static size_t pick_clusters(size_t *cluster, size_t *n_records, PickKey *key, size_t n, PickBy by)
{
    size_t users = 0, records = 0;
    pick_sort_keys(key, n, key + n);
    for (size_t i = 0; i < n; i++) {
        bool new_unit = i == 0 || pick_unit(key[i]) != pick_unit(key[i - 1]);
        bool new_record = i == 0 || key[i].unit_record != key[i - 1].unit_record;
        users += new_unit;
        records += new_record;
        cluster[key[i].place] = (by == BY_UNIT ? users : records) - 1;
    }
    *n_records = records;
    return by == BY_UNIT ? users : records;
}

static void pick_sides(RocData *out, ReportRows rows, const size_t *cluster, double *score, size_t *user,
                       size_t m)
{
    size_t at[2] = {m, 0}, place = 0; /* members first */
    for (size_t i = 0; i < rows.n; i++) {
        if (rows.row[i]->label == LEDGER_NO_LABEL) continue;
        size_t to = at[rows.row[i]->label == 1]++;
        score[to] = rows.row[i]->value;
        user[to] = cluster[place++];
    }
    out->pos = score;
    out->neg = score + m;
    out->pos_user = user;
    out->neg_user = user + m;
    out->m = m;
    out->n = place - m;
}

/* Dense numbers of the people alone: rows come by person. */
static size_t pick_people(size_t *cluster, const PickKey *key, size_t n)
{
    size_t users = 0;
    for (size_t i = 0; i < n; i++) {
        users += i == 0 || pick_unit(key[i]) != pick_unit(key[i - 1]);
        cluster[i] = users - 1;
    }
    return users;
}

Status pick_scores(RocData *out, size_t *n_records, ReportRows rows, PickBy by, Arena *a, Err *e)
{
    PickKey *key = arena_alloc(a, rows.n, 2 * sizeof *key);
    size_t *cluster = arena_alloc(a, rows.n, sizeof *cluster), *user = arena_alloc(a, rows.n, sizeof *user);
    double *score = arena_alloc(a, rows.n, sizeof *score);
    if (key == NULL || cluster == NULL || user == NULL || score == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu attack scores", rows.n);
    size_t n = 0, m = 0;
    for (size_t i = 0; i < rows.n; i++) {
        if (rows.row[i]->label == LEDGER_NO_LABEL) continue;
        key[n] = (PickKey){(uint64_t)rows.row[i]->unit << 32 | rows.row[i]->record, n};
        m += rows.row[i]->label == 1;
        n++;
    }
    *out = (RocData){0};
    out->n_users =
        n_records == NULL ? pick_people(cluster, key, n) : pick_clusters(cluster, n_records, key, n, by);
    pick_sides(out, rows, cluster, score, user, m);
    return OK;
}

static const RocEst no_roc = {.value = NAN, .se = NAN, .lo = NAN, .hi = NAN, .p = NAN};

Status pick_auc(RocEst *out, size_t *n_records, ReportRows rows, PickBy by, double level, Arena *a, Err *e)
{
    RocData d;
    TRY(pick_scores(&d, n_records, rows, by, a, e));
    *out = no_roc;
    out->m = d.m;
    out->n = d.n;
    return d.m == 0 || d.n == 0 ? OK : roc_clustered(out, &d, level, e);
}

Status pick_excess(RocEst *out, ReportRows p, ReportRows q, double auc_blind, PickBy by, double level,
                   Arena *a, Err *e)
{
    *out = no_roc;
    if (!rows_paired(p, q)) return OK;
    RocData x, y;
    size_t n, *count = by == BY_RECORD ? &n : NULL;
    TRY(pick_scores(&x, count, p, by, a, e));
    TRY(pick_scores(&y, count, q, by, a, e));
    if (x.m == 0 || x.n == 0) return OK;
    double *turned = arena_alloc(a, y.m + y.n, sizeof *turned);
    if (turned == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", y.m + y.n);
    double sign = auc_blind < 0.5 ? -1 : 1; /* as an attacker would */
    for (size_t i = 0; i < y.m + y.n; i++) turned[i] = sign * (i < y.m ? y.pos[i] : y.neg[i - y.m]);
    y.pos = turned;
    y.neg = turned + y.m;
    return roc_compare(out, &x, &y, level, e);
}

/* Variance of a share over people: the linearised ratio of hits to records. NaN below two people. */
static double share_variance(const double *hit, const double *n, size_t users, double share)
{
    double sum = 0, total = 0;
    size_t seen = 0;
    for (size_t u = 0; u < users; u++) {
        double d = hit[u] - share * n[u];
        sum += d * d;
        total += n[u];
        seen += n[u] > 0;
    }
    return seen < 2 ? NAN : (double)seen / (double)(seen - 1) * sum / (total * total);
}

/* As many independent records as the share is worth; where all hits agree, one for each person. */
static double share_size(double share, double var, size_t records, size_t users)
{
    if (share <= 0 || share >= 1) return (double)users;
    if (!(var > 0)) return (double)records;
    double t = stats_t_q(0.975, (double)records - 1) / stats_t_q(0.975, (double)users - 1);
    double n = share * (1 - share) / var * t * t;
    return n < 1 ? 1 : n > (double)records ? (double)records : n;
}

Status pick_tpr(RateEst *out, ReportRows rows, double fpr, double level, Arena *a, Err *e)
{
    RocData d;
    RocPoint at;
    size_t users = 0;
    *out = (RateEst){NAN, NAN, NAN};
    TRY(pick_scores(&d, NULL, rows, BY_UNIT, a, e));
    if (d.m == 0 || d.n == 0) return OK;
    TRY(roc_tpr_at(&at, &d, fpr, level, e));
    out->value = at.tpr;
    double *hit = arena_zalloc(a, d.n_users, sizeof *hit), *n = arena_zalloc(a, d.n_users, sizeof *n);
    if (hit == NULL || n == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu people", d.n_users);
    for (size_t i = 0; i < d.m; i++) {
        hit[d.pos_user[i]] += d.pos[i] >= at.threshold;
        users += n[d.pos_user[i]]++ == 0;
    }
    if (users < 2) return OK;
    double size = share_size(at.tpr, share_variance(hit, n, d.n_users, at.tpr), d.m, users), unused;
    size_t trials = (size_t)size, k = (size_t)ceil(at.tpr * (double)trials - 1e-9);
    stats_clopper_pearson(&unused, &out->hi, k < trials ? k : trials, trials, level);
    stats_clopper_pearson(&out->lo, &unused, (size_t)floor(at.tpr * (double)trials + 1e-9), trials, level);
    return OK;
}
