/* roc.c - AUC and its variance. All variances come from the same two vectors of placements,
 *   V10_i = P(non-member < pos_i) + P(tie)/2,   V01_j = P(member > neg_j) + P(tie)/2,
 * found in one walk over all scores in order. A comparison uses the differences of two scores' placements. */
#include "roc_priv.h"

#include "prime/arena.h"
#include "prime/sort.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Number of entries of x [n], sorted, below v (or at most v). */
static size_t roc_count_below(const double *x, size_t n, double v, bool or_equal)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (x[mid] < v || (or_equal && x[mid] == v))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Twice the number of entries of sorted x [n] below v, ties by half: whole, so that sums of it are exact. */
static double roc_placement2(const double *x, size_t n, double v)
{
    return (double)(roc_count_below(x, n, v, false) + roc_count_below(x, n, v, true));
}

double roc_auc(const double *pos, size_t m, const double *neg, size_t n, double *work)
{
    assert(m > 0 && n > 0);
    memcpy(work, neg, n * sizeof *work);
    stats_sort(work, n);
    double sum = 0;
    for (size_t i = 0; i < m; i++) sum += roc_placement2(work, n, pos[i]);
    return sum / (2 * (double)m * (double)n);
}

/* Centred placements of one score or of a difference of two. */
typedef struct {
    double *v10, *v01; /* [m], [n], mean subtracted */
    double auc;
} RocParts;

static Status roc_check_side(const double *x, size_t n, const size_t *user, size_t n_users, const char *side,
                             Err *e)
{
    if (n == 0) FAIL(e, ERR_SHAPE, "%s = 0, want at least 1", side);
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i])) FAIL(e, ERR_NUM, "score %zu of the %s is not a number", i, side);
        if (user != NULL && user[i] >= n_users)
            FAIL(e, ERR_ARG, "user of score %zu of the %s = %zu, want below %zu", i, side, user[i], n_users);
    }
    return OK;
}

Status roc_check(const RocData *d, double level, Err *e)
{
    if (!(level > 0 && level < 1)) FAIL(e, ERR_ARG, "level = %g, want (0, 1)", level);
    if ((d->pos_user == NULL) != (d->neg_user == NULL))
        FAIL(e, ERR_ARG, "users are known for one side only, want both or none");
    TRY(roc_check_side(d->pos, d->m, d->pos_user, d->n_users, "members", e));
    return roc_check_side(d->neg, d->n, d->neg_user, d->n_users, "non-members", e);
}

static Status roc_no_memory(const RocData *d, Err *e)
{
    FAIL(e, ERR_NOMEM, "no memory for %zu + %zu scores", d->m, d->n);
}

/* A score and its place: members first, then non-members. */
typedef struct {
    double score;
    size_t at;
} RocItem;

static bool roc_item_before(RocItem a, RocItem b)
{
    return a.score < b.score;
}

SORT_DEFINE(roc_sort_items, RocItem, roc_item_before);

/* v10 and v01 become twice the counts that lie below, ties by half: whole numbers. */
static void roc_walk_items(RocParts *p, const RocItem *item, size_t m, size_t n)
{
    size_t below[2] = {0, 0}; /* members, non-members */
    for (size_t i = 0, j; i < m + n; i = j) {
        size_t tie[2] = {0, 0};
        for (j = i; j < m + n && item[j].score == item[i].score; j++) tie[item[j].at >= m]++;
        for (size_t k = i; k < j; k++) {
            size_t at = item[k].at;
            if (at < m)
                p->v10[at] = (double)(2 * below[1] + tie[1]);
            else
                p->v01[at - m] = (double)(2 * below[0] + tie[0]);
        }
        below[0] += tie[0];
        below[1] += tie[1];
    }
}

static Status roc_parts(RocParts *p, const RocData *d, Arena *a, Err *e)
{
    size_t all = d->m + d->n;
    RocItem *item = arena_alloc(a, all, sizeof *item), *work = arena_alloc(a, all, sizeof *work);
    p->v10 = arena_alloc(a, d->m, sizeof *p->v10);
    p->v01 = arena_alloc(a, d->n, sizeof *p->v01);
    if (item == NULL || work == NULL || p->v10 == NULL || p->v01 == NULL) return roc_no_memory(d, e);
    for (size_t i = 0; i < all; i++) item[i] = (RocItem){i < d->m ? d->pos[i] : d->neg[i - d->m], i};
    roc_sort_items(item, all, work);
    roc_walk_items(p, item, d->m, d->n);
    double sum = 0, two_m = 2 * (double)d->m, two_n = 2 * (double)d->n;
    for (size_t i = 0; i < d->m; i++) sum += p->v10[i];
    p->auc = sum / (two_n * (double)d->m);
    for (size_t i = 0; i < d->m; i++) p->v10[i] = p->v10[i] / two_n - p->auc;
    for (size_t j = 0; j < d->n; j++) p->v01[j] = 1 - p->v01[j] / two_m - p->auc;
    return OK;
}

static double roc_square_sum(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * x[i];
    return sum;
}

static double delong_var(const RocParts *p, size_t m, size_t n)
{
    if (m < 2 || n < 2) return NAN;
    double dm = (double)m, dn = (double)n;
    return roc_square_sum(p->v10, m) / (dm * (dm - 1)) + roc_square_sum(p->v01, n) / (dn * (dn - 1));
}

/* Per user: placements summed on each side, and how many records there. */
typedef struct {
    double a, b;
    size_t m, n;
} RocUser;

typedef struct {
    size_t i10, i01, all, both;
} RocUserCount;

static RocUserCount roc_count_users(const RocUser *u, size_t n_users)
{
    RocUserCount c = {0};
    for (size_t k = 0; k < n_users; k++) {
        c.i10 += u[k].m > 0;
        c.i01 += u[k].n > 0;
        c.all += u[k].m > 0 || u[k].n > 0;
        c.both += u[k].m > 0 && u[k].n > 0;
    }
    return c;
}

/* i / (i - 1), the small-sample factor of a sum over i users */
static double roc_user_factor(size_t i)
{
    return (double)i / (double)(i - 1);
}

static double clustered_var(const RocUser *u, size_t n_users, RocUserCount c, size_t m, size_t n)
{
    if (c.i10 < 2 || c.i01 < 2) return NAN;
    double aa = 0, bb = 0, ab = 0, dm = (double)m, dn = (double)n;
    for (size_t k = 0; k < n_users; k++) {
        aa += u[k].a * u[k].a;
        bb += u[k].b * u[k].b;
        ab += u[k].a * u[k].b;
    }
    double var = roc_user_factor(c.i10) * aa / (dm * dm) + roc_user_factor(c.i01) * bb / (dn * dn) +
                 2 * roc_user_factor(c.all) * ab / (dm * dn);
    return var > 0 ? var : 0; /* rounding */
}

static Status roc_by_user(RocUser **u, const RocParts *p, const RocData *d, Arena *a, Err *e)
{
    *u = arena_zalloc(a, d->n_users, sizeof **u);
    if (*u == NULL) return roc_no_memory(d, e);
    for (size_t i = 0; i < d->m; i++) {
        (*u)[d->pos_user[i]].a += p->v10[i];
        (*u)[d->pos_user[i]].m++;
    }
    for (size_t j = 0; j < d->n; j++) {
        (*u)[d->neg_user[j]].b += p->v01[j];
        (*u)[d->neg_user[j]].n++;
    }
    return OK;
}

static double roc_cut(double x, double lo, double hi)
{
    return isnan(x) ? x : fmin(fmax(x, lo), hi);
}

/* Wald's interval around est->value within [floor, 1], and the test against `null`. Rounding leaves a
 * variance of about 1e-33 where it should be 0. */
static void roc_wald(RocEst *est, double var, double null, double low, double level)
{
    est->se = var > 1e-30 ? sqrt(var) : var >= 0 ? 0 : NAN;
    double q = isnan(var) ? NAN : stats_t_q((1 + level) / 2, est->df);
    est->lo = roc_cut(est->value - q * est->se, low, 1);
    est->hi = roc_cut(est->value + q * est->se, low, 1);
    double gap = est->value - null;
    if (fabs(gap) < 1e-15) gap = 0;
    est->p = isnan(est->se) ? NAN : gap == 0 ? 1 : stats_t_p(gap / est->se, est->df);
}

void roc_perfect(RocEst *est, size_t k, double level)
{
    if (isnan(est->se) || est->se > 0 || (est->value > 1e-15 && est->value < 1 - 1e-15)) return;
    double bound = pow((1 - level) / 2, 1 / (double)k);
    if (est->value > 0.5)
        est->lo = bound;
    else
        est->hi = 1 - bound;
    est->p = fmin(1, 2 * pow(0.5, (double)k));
}

static size_t roc_least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void delong_fill(RocEst *out, const RocParts *p, const RocData *d, double null, double low,
                        double level)
{
    RocEst est = {.value = p->auc, .df = INFINITY, .m = d->m, .n = d->n};
    roc_wald(&est, delong_var(p, d->m, d->n), null, low, level);
    est.gradable = !isnan(est.se);
    *out = est;
}

static Status clustered_fill(RocEst *out, const RocParts *p, const RocData *d, double null, double low,
                             double level, Arena *a, size_t *pairs, Err *e)
{
    RocUser *u;
    TRY(roc_by_user(&u, p, d, a, e));
    RocUserCount c = roc_count_users(u, d->n_users);
    size_t side = roc_least(c.i10, c.i01);
    RocEst est = {.value = p->auc, .m = d->m, .n = d->n, .n_clusters = c.all, .n_both = c.both};
    est.df = side > 1 ? (double)(side - 1) : NAN;
    roc_wald(&est, clustered_var(u, d->n_users, c, d->m, d->n), null, low, level);
    est.gradable = side >= ROC_MIN_USERS;
    *pairs = roc_least(side, c.all / 2);
    *out = est;
    return OK;
}

static Status delong_run(RocEst *out, const RocData *d, double level, Arena *a, Err *e)
{
    RocParts p;
    TRY(roc_parts(&p, d, a, e));
    delong_fill(out, &p, d, 0.5, 0, level);
    roc_perfect(out, roc_least(d->m, d->n), level);
    return OK;
}

Status roc_delong(RocEst *out, const RocData *d, double level, Err *e)
{
    TRY(roc_check(d, level, e));
    Arena a = {0};
    Status st = delong_run(out, d, level, &a, e);
    arena_free(&a);
    return st;
}

/* delong may be NULL. */
static Status clustered_run(RocEst *delong, RocEst *out, const RocData *d, double level, Arena *a, Err *e)
{
    RocParts p;
    RocEst est;
    size_t pairs;
    TRY(roc_parts(&p, d, a, e));
    TRY(clustered_fill(&est, &p, d, 0.5, 0, level, a, &pairs, e));
    roc_perfect(&est, pairs, level);
    *out = est;
    if (delong == NULL) return OK;
    delong_fill(delong, &p, d, 0.5, 0, level);
    roc_perfect(delong, roc_least(d->m, d->n), level);
    return OK;
}

Status roc_both(RocEst *delong, RocEst *clustered, const RocData *d, double level, Err *e)
{
    TRY(roc_check(d, level, e));
    if (d->pos_user == NULL) FAIL(e, ERR_ARG, "users are not known, a clustered interval wants them");
    Arena a = {0};
    Status st = clustered_run(delong, clustered, d, level, &a, e);
    arena_free(&a);
    return st;
}

Status roc_clustered(RocEst *out, const RocData *d, double level, Err *e)
{
    return roc_both(NULL, out, d, level, e);
}

static Status compare_run(RocEst *out, const RocData *a, const RocData *b, double level, Arena *mem, Err *e)
{
    RocParts p, q;
    TRY(roc_parts(&p, a, mem, e));
    TRY(roc_parts(&q, b, mem, e));
    for (size_t i = 0; i < a->m; i++) p.v10[i] -= q.v10[i];
    for (size_t j = 0; j < a->n; j++) p.v01[j] -= q.v01[j];
    p.auc -= q.auc;
    size_t pairs;
    if (a->pos_user != NULL) return clustered_fill(out, &p, a, 0, -1, level, mem, &pairs, e);
    delong_fill(out, &p, a, 0, -1, level);
    return OK;
}

Status roc_compare(RocEst *out, const RocData *a, const RocData *b, double level, Err *e)
{
    if (a->m != b->m || a->n != b->n)
        FAIL(e, ERR_SHAPE, "%zu + %zu scores against %zu + %zu, want the same records", a->m, a->n, b->m,
             b->n);
    RocData second = *b; /* paired by position: the users of the first speak for both */
    second.pos_user = a->pos_user;
    second.neg_user = a->neg_user;
    second.n_users = a->n_users;
    TRY(roc_check(a, level, e));
    TRY(roc_check(&second, level, e));
    Arena mem = {0};
    Status st = compare_run(out, a, b, level, &mem, e);
    arena_free(&mem);
    return st;
}
