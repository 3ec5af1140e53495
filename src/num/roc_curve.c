/* roc_curve.c - what needs the whole ranking: operating points, advantage, and the bootstrap of the AUC. */
#include "roc_priv.h"

#include "prime/arena.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One score in descending order; `user` indexes the bootstrap's units. */
typedef struct {
    double score;
    size_t user;
    bool member;
} RocRow;

static int roc_row_order(const void *a, const void *b)
{
    const RocRow *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    if (x->member != y->member) return x->member ? -1 : 1;
    return (x->user > y->user) - (x->user < y->user);
}

/* Without known users every record is a unit of its own. */
static Status roc_rank(RocRow **out, const RocData *d, Arena *a, Err *e)
{
    RocRow *row = arena_alloc(a, d->m + d->n, sizeof *row);
    if (row == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu + %zu scores", d->m, d->n);
    bool users = d->pos_user != NULL;
    for (size_t i = 0; i < d->m; i++) row[i] = (RocRow){d->pos[i], users ? d->pos_user[i] : i, true};
    for (size_t j = 0; j < d->n; j++)
        row[d->m + j] = (RocRow){d->neg[j], users ? d->neg_user[j] : d->m + j, false};
    qsort(row, d->m + d->n, sizeof *row, roc_row_order);
    *out = row;
    return OK;
}

/* pos [m] and neg [n] ascending: from the top, equal scores are called together. */
static void tpr_walk(RocPoint *best, const double *pos, size_t m, const double *neg, size_t n, double fpr)
{
    size_t tp = 0, fp = 0;
    while (tp < m || fp < n) {
        double at = tp == m                              ? neg[n - 1 - fp]
                    : fp == n                            ? pos[m - 1 - tp]
                    : pos[m - 1 - tp] >= neg[n - 1 - fp] ? pos[m - 1 - tp]
                                                         : neg[n - 1 - fp];
        while (tp < m && pos[m - 1 - tp] == at) tp++;
        while (fp < n && neg[n - 1 - fp] == at) fp++;
        if ((double)fp / (double)n > fpr) break;
        if (tp > best->tp) *best = (RocPoint){.tp = tp, .fp = fp, .threshold = at};
    }
}

static Status tpr_run(RocPoint *out, const RocData *d, double fpr, double level, Arena *a, Err *e)
{
    double *pos = arena_alloc(a, d->m, sizeof *pos), *neg = arena_alloc(a, d->n, sizeof *neg);
    if (pos == NULL || neg == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu + %zu scores", d->m, d->n);
    memcpy(pos, d->pos, d->m * sizeof *pos);
    memcpy(neg, d->neg, d->n * sizeof *neg);
    stats_sort(pos, d->m);
    stats_sort(neg, d->n);
    RocPoint p = {.threshold = INFINITY};
    tpr_walk(&p, pos, d->m, neg, d->n, fpr);
    p.tpr = (double)p.tp / (double)d->m;
    p.fpr = (double)p.fp / (double)d->n;
    stats_clopper_pearson(&p.lo, &p.hi, p.tp, d->m, level);
    *out = p;
    return OK;
}

Status roc_tpr_at(RocPoint *out, const RocData *d, double fpr, double level, Err *e)
{
    if (!(fpr >= 0 && fpr <= 1)) FAIL(e, ERR_ARG, "fpr = %g, want [0, 1]", fpr);
    TRY(roc_check(d, level, e));
    Arena a = {0};
    Status st = tpr_run(out, d, fpr, level, &a, e);
    arena_free(&a);
    return st;
}

/* A point after every group of equal scores. */
static size_t curve_walk(RocPoint *out, const RocRow *row, size_t m, size_t n)
{
    size_t tp = 0, fp = 0, k = 0;
    out[k++] = (RocPoint){.threshold = INFINITY, .lo = NAN, .hi = NAN};
    for (size_t i = 0; i < m + n; i++) {
        tp += row[i].member;
        fp += !row[i].member;
        if (i + 1 < m + n && row[i + 1].score == row[i].score) continue;
        out[k++] = (RocPoint){.tpr = (double)tp / (double)m,
                              .fpr = (double)fp / (double)n,
                              .lo = NAN,
                              .hi = NAN,
                              .threshold = row[i].score,
                              .tp = tp,
                              .fp = fp};
    }
    return k;
}

Status roc_curve(RocPoint *out, size_t *n_out, const RocData *d, Err *e)
{
    TRY(roc_check(d, 0.95, e));
    Arena a = {0};
    RocRow *row = NULL;
    Status st = roc_rank(&row, d, &a, e);
    if (st == OK) *n_out = curve_walk(out, row, d->m, d->n);
    arena_free(&a);
    return st;
}

/* Trapezia up to f; the last one is cut where the line meets f. */
static double partial_area(const RocPoint *p, size_t n, double f)
{
    double area = 0;
    for (size_t i = 1; i < n && p[i - 1].fpr < f; i++) {
        double width = p[i].fpr - p[i - 1].fpr;
        if (width <= 0) continue;
        double part = fmin(1, (f - p[i - 1].fpr) / width);
        double end = p[i - 1].tpr + part * (p[i].tpr - p[i - 1].tpr);
        area += part * width * (p[i - 1].tpr + end) / 2;
    }
    return area;
}

Status roc_partial(double *area, double *corrected, const RocData *d, double max_fpr, Err *e)
{
    if (!(max_fpr > 0 && max_fpr <= 1)) FAIL(e, ERR_ARG, "max_fpr = %g, want (0, 1]", max_fpr);
    Arena a = {0};
    size_t n = 0;
    RocPoint *p = arena_alloc(&a, d->m + d->n + 1, sizeof *p);
    Status st = p == NULL
                    ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu + %zu scores", d->m, d->n)
                    : roc_curve(p, &n, d, e);
    if (st == OK) {
        double chance = max_fpr * max_fpr / 2;
        *area = partial_area(p, n, max_fpr);
        *corrected = (1 + (*area - chance) / (max_fpr - chance)) / 2;
    }
    arena_free(&a);
    return st;
}

static double advantage_walk(const RocRow *row, size_t m, size_t n)
{
    double tp = 0, fp = 0, best = 0;
    for (size_t i = 0; i < m + n; i++) {
        tp += row[i].member;
        fp += !row[i].member;
        if (i + 1 < m + n && row[i + 1].score == row[i].score) continue;
        best = fmax(best, tp / (double)m - fp / (double)n);
    }
    return best;
}

Status roc_advantage(double *out, const RocData *d, Err *e)
{
    TRY(roc_check(d, 0.95, e));
    Arena a = {0};
    RocRow *row = NULL;
    Status st = roc_rank(&row, d, &a, e);
    if (st == OK) *out = advantage_walk(row, d->m, d->n);
    arena_free(&a);
    return st;
}

typedef struct {
    const RocRow *row;
    size_t n;
} RocRanking;

/* AUC with row i counted w[user] times, in one walk from the top: each group of ties adds its members times
 * the non-members still below it. */
static double weighted_auc(void *ctx, const double *w)
{
    const RocRanking *r = ctx;
    double pos = 0, neg = 0, won = 0, tie_pos = 0, tie_neg = 0;
    for (size_t i = 0; i < r->n; i++) {
        *(r->row[i].member ? &tie_pos : &tie_neg) += w[r->row[i].user];
        if (i + 1 < r->n && r->row[i + 1].score == r->row[i].score) continue;
        won += tie_neg * (pos + 0.5 * tie_pos);
        pos += tie_pos;
        neg += tie_neg;
        tie_pos = tie_neg = 0;
    }
    return pos > 0 && neg > 0 ? won / (pos * neg) : NAN;
}

/* Units renumbered without gaps, and their side as stratum: 1 members, 2 non-members, 3 both. */
static Status boot_units(size_t **stratum, size_t *n_units, RocRow *row, const RocData *d, Arena *a, Err *e)
{
    size_t max = d->pos_user != NULL ? d->n_users : d->m + d->n, rows = d->m + d->n;
    size_t *side = arena_zalloc(a, max, sizeof *side), *to = arena_alloc(a, max, sizeof *to);
    if (side == NULL || to == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu users", max);
    for (size_t i = 0; i < rows; i++) side[row[i].user] |= row[i].member ? 1U : 2U;
    size_t n = 0;
    for (size_t u = 0; u < max; u++) {
        if (side[u] == 0) continue;
        side[n] = side[u];
        to[u] = n++;
    }
    for (size_t i = 0; i < rows; i++) row[i].user = to[row[i].user];
    *stratum = side;
    *n_units = n;
    return OK;
}

/* Counts of units on each side: what the interval is worth, and its bound where it shrank to a point. */
static void boot_units_seen(RocEst *est, const size_t *side, size_t n_units, double level)
{
    size_t pos = 0, neg = 0;
    for (size_t u = 0; u < n_units; u++) {
        pos += (side[u] & 1U) != 0;
        neg += (side[u] & 2U) != 0;
        est->n_both += side[u] == 3U;
    }
    size_t least = pos < neg ? pos : neg, pairs = least < n_units / 2 ? least : n_units / 2;
    est->gradable = !isnan(est->lo) && least >= ROC_MIN_USERS_BOOT;
    if (!isnan(est->lo)) roc_perfect(est, pairs, level);
    est->p = NAN;
}

static Status roc_boot_run(RocEst *out, const RocData *d, const StatsBoot *o, Arena *a, Err *e)
{
    RocRow *row = NULL;
    size_t *side = NULL, n_units = 0;
    TRY(roc_rank(&row, d, a, e));
    TRY(boot_units(&side, &n_units, row, d, a, e));
    StatsBoot own = *o;
    own.stratum = side;
    StatsEst b;
    RocRanking ranking = {row, d->m + d->n};
    TRY(stats_boot(&b, weighted_auc, &ranking, n_units, &own, e));
    RocEst est = {.value = b.value, .se = b.se, .lo = b.lo, .hi = b.hi, .p = NAN, .df = INFINITY};
    est.m = d->m;
    est.n = d->n;
    est.n_clusters = d->pos_user != NULL ? n_units : 0;
    boot_units_seen(&est, side, n_units, o->level != 0 ? o->level : 0.95);
    *out = est;
    return OK;
}

Status roc_boot(RocEst *out, const RocData *d, const StatsBoot *o, Err *e)
{
    TRY(roc_check(d, 0.95, e));
    Arena a = {0};
    Status st = roc_boot_run(out, d, o, &a, e);
    arena_free(&a);
    return st;
}
