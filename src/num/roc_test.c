/* roc_test.c - tests of "no leak": rank sums of records or of users' means, and permutations that keep each
 * user's records together. */
#include "roc_priv.h"

#include "prime/arena.h"
#include "prime/rank.h"
#include "prime/rng.h"

#include <math.h>
#include <stdlib.h>

enum { PERMUTE_EXACT = 1 << 20 };
static const double mw_steps = 1e8, within_steps = 2e8;

double roc_null_sd(size_t m, size_t n, double ties)
{
    double dm = (double)m, dn = (double)n, all = dm + dn;
    double spread = all + 1 - (all > 1 ? ties / (all * (all - 1)) : 0);
    return spread > 0 ? sqrt(spread / (12 * dm * dn)) : 0;
}

static double test_two_sided(double p_greater, double p_less)
{
    return fmin(1, 2 * fmin(p_greater, p_less));
}

static Status test_no_memory(const RocData *d, Err *e)
{
    FAIL(e, ERR_NOMEM, "no memory for a test of %zu + %zu scores", d->m, d->n);
}

/* log of n over k */
static double test_log_choose(size_t n, size_t k)
{
    return lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1);
}

/* --- rank sums -------------------------------------------------------------------------------------------
 */

/* x [m + n]: members first. rank2 is scratch and holds the doubled mid-ranks afterwards. */
typedef struct {
    const double *x;
    size_t m, n, *rank2;
    size_t sum2; /* of the members */
    double ties;
} MwRanks;

static Status mw_rank(MwRanks *r, const RocData *d, Arena *a, Err *e)
{
    size_t all = r->m + r->n;
    RankItem *work = arena_alloc(a, all, sizeof *work);
    r->rank2 = arena_alloc(a, all, sizeof *r->rank2);
    if (work == NULL || r->rank2 == NULL) return test_no_memory(d, e);
    r->ties = rank_mid2(r->rank2, r->x, all, 0, work);
    r->sum2 = 0;
    for (size_t i = 0; i < r->m; i++) r->sum2 += r->rank2[i];
    return OK;
}

/* Twice the rank sum of m members is m (m + 1) + 2 U. */
static double mw_auc(const MwRanks *r)
{
    double u2 = (double)r->sum2 - (double)r->m * ((double)r->m + 1);
    return u2 / (2 * (double)r->m * (double)r->n);
}

static void mw_normal(RocTest *t, const MwRanks *r)
{
    double pairs = (double)r->m * (double)r->n, sd = roc_null_sd(r->m, r->n, r->ties) * pairs;
    double gap = (t->auc - 0.5) * pairs;
    t->p_greater = sd > 0 ? stats_norm_cdf(-(gap - 0.5) / sd) : 1;
    t->p_less = sd > 0 ? stats_norm_cdf((gap + 0.5) / sd) : 1;
    t->exact = false;
}

/* Whether all subsets of the smaller side are counted: not when that takes too many steps. */
static bool mw_countable(const MwRanks *r)
{
    double all = (double)(r->m + r->n), small = (double)(r->m <= r->n ? r->m : r->n);
    return all * small * 2 * all * small <= mw_steps;
}

static Status mw_exact(RocTest *t, const MwRanks *r, Arena *a, Err *e)
{
    size_t all = r->m + r->n, small = r->m <= r->n ? r->m : r->n, top = 0;
    size_t *work = arena_alloc(a, all, sizeof *work);
    size_t size = work == NULL ? SIZE_MAX : rank_subset_size(&top, r->rank2, all, small, work);
    double *table = size == SIZE_MAX ? NULL : arena_alloc(a, size, sizeof *table);
    if (table == NULL) FAIL(e, ERR_NOMEM, "no memory for the rank sums of %zu of %zu", small, all);
    const double *ways = rank_subset_ways(table, top, r->rank2, all, small);
    if (r->m <= r->n)
        rank_tails(&t->p_greater, &t->p_less, ways, top, r->sum2);
    else /* the non-members' sum is what the members' leaves over */
        rank_tails(&t->p_less, &t->p_greater, ways, top, all * (all + 1) - r->sum2);
    t->draws = round(exp(test_log_choose(all, small)));
    t->exact = true;
    return OK;
}

/* Users' means, members first; a user must be on one side. */
static Status mw_user_means(MwRanks *r, const RocData *d, Arena *a, Err *e)
{
    double *sum = arena_zalloc(a, 2 * d->n_users, sizeof *sum),
           *count = arena_zalloc(a, 2 * d->n_users, sizeof *count);
    double *x = arena_alloc(a, d->n_users, sizeof *x);
    if (sum == NULL || count == NULL || x == NULL) return test_no_memory(d, e);
    for (size_t i = 0; i < d->m; i++) sum[d->pos_user[i]] += d->pos[i], count[d->pos_user[i]]++;
    for (size_t j = 0; j < d->n; j++)
        sum[d->n_users + d->neg_user[j]] += d->neg[j], count[d->n_users + d->neg_user[j]]++;
    size_t k = 0;
    for (size_t u = 0; u < d->n_users; u++)
        if (count[u] > 0 && count[d->n_users + u] > 0)
            FAIL(e, ERR_ARG, "user %zu has records on both sides, want each on one: permute within users", u);
    for (size_t u = 0; u < 2 * d->n_users; u++) {
        if (u == d->n_users) r->m = k;
        if (count[u] > 0) x[k++] = sum[u] / count[u];
    }
    r->n = k - r->m;
    r->x = x;
    for (size_t i = 0; i < k; i++)
        if (isnan(x[i])) FAIL(e, ERR_NUM, "the mean score of a user is not a number");
    return OK;
}

static Status mw_records(MwRanks *r, const RocData *d, Arena *a, Err *e)
{
    double *x = arena_alloc(a, d->m + d->n, sizeof *x);
    if (x == NULL) return test_no_memory(d, e);
    for (size_t i = 0; i < d->m; i++) x[i] = d->pos[i];
    for (size_t j = 0; j < d->n; j++) x[d->m + j] = d->neg[j];
    *r = (MwRanks){.x = x, .m = d->m, .n = d->n};
    return OK;
}

static Status mw_run(RocTest *out, const RocData *d, RocUnit unit, bool normal, Arena *a, Err *e)
{
    MwRanks r = {0};
    TRY(unit == ROC_USERS ? mw_user_means(&r, d, a, e) : mw_records(&r, d, a, e));
    TRY(mw_rank(&r, d, a, e));
    RocTest t = {.auc = mw_auc(&r), .m = r.m, .n = r.n};
    if (normal || !mw_countable(&r))
        mw_normal(&t, &r);
    else
        TRY(mw_exact(&t, &r, a, e));
    t.p_min = exp(-test_log_choose(r.m + r.n, r.m));
    t.p = test_two_sided(t.p_greater, t.p_less);
    *out = t;
    return OK;
}

/* The checks of an interval, and that users are given where they are the units. */
static Status test_check(const RocData *d, bool users, Err *e)
{
    TRY(roc_check(d, 0.95, e));
    if (users && d->pos_user == NULL) FAIL(e, ERR_ARG, "users are not known, a test by user wants them");
    return OK;
}

Status roc_mann_whitney(RocTest *out, const RocData *d, RocUnit unit, bool normal, Err *e)
{
    TRY(test_check(d, unit == ROC_USERS, e));
    Arena a = {0};
    Status st = mw_run(out, d, unit, normal, &a, e);
    arena_free(&a);
    return st;
}

/* --- permutations ----------------------------------------------------------------------------------------
 */

/* The rank sum of the members is the sum of their users' rank sums: an arrangement costs O(units). */
typedef struct {
    double *sum2, *size;   /* [units] doubled ranks among all records, and how many records */
    size_t units, members; /* units on the members' side come first: 0 .. members - 1 */
    double records;
    size_t *order; /* [units] scratch; the first `members` are the members of the arrangement at hand */
} WholePlan;

/* AUC of the arrangement: sums of whole numbers, so equal arrangements give equal numbers. */
static double whole_auc(const WholePlan *p)
{
    double sum2 = 0, m = 0;
    for (size_t i = 0; i < p->members; i++) {
        sum2 += p->sum2[p->order[i]];
        m += p->size[p->order[i]];
    }
    return (sum2 - m * (m + 1)) / (2 * m * (p->records - m));
}

/* to [n_users]: units numbered without gaps, members first. */
static Status whole_number(WholePlan *p, size_t *to, const RocData *d, Arena *a, Err *e)
{
    unsigned char *side = arena_zalloc(a, d->n_users, 1);
    if (side == NULL) return test_no_memory(d, e);
    for (size_t i = 0; i < d->m; i++) side[d->pos_user[i]] |= 1;
    for (size_t j = 0; j < d->n; j++) side[d->neg_user[j]] |= 2;
    for (unsigned char want = 1; want <= 2; want++) {
        for (size_t u = 0; u < d->n_users; u++) {
            if (side[u] == 3)
                FAIL(e, ERR_ARG, "user %zu has records on both sides, want each on one: permute within users",
                     u);
            if (side[u] == want) to[u] = p->units++;
        }
        if (want == 1) p->members = p->units;
    }
    return OK;
}

static Status whole_plan(WholePlan *p, const RocData *d, Arena *a, Err *e)
{
    size_t rows = d->m + d->n, *to = arena_alloc(a, d->n_users, sizeof *to);
    MwRanks r = {0};
    TRY(mw_records(&r, d, a, e));
    TRY(mw_rank(&r, d, a, e));
    *p = (WholePlan){.records = (double)rows,
                     .sum2 = arena_zalloc(a, d->n_users, sizeof *p->sum2),
                     .size = arena_zalloc(a, d->n_users, sizeof *p->size),
                     .order = arena_alloc(a, d->n_users, sizeof *p->order)};
    if (to == NULL || p->sum2 == NULL || p->size == NULL || p->order == NULL) return test_no_memory(d, e);
    TRY(whole_number(p, to, d, a, e));
    for (size_t i = 0; i < rows; i++) {
        size_t u = to[i < d->m ? d->pos_user[i] : d->neg_user[i - d->m]];
        p->sum2[u] += (double)r.rank2[i];
        p->size[u]++;
    }
    for (size_t u = 0; u < p->units; u++) p->order[u] = u;
    return OK;
}

typedef struct {
    double seen, least, most; /* arrangements, and those with at least or at most the observed statistic */
} PermuteTally;

/* Equal up to rounding of the last division. */
static void permute_count(PermuteTally *t, double x, double observed)
{
    t->seen++;
    t->least += x >= observed - 1e-12;
    t->most += x <= observed + 1e-12;
}

/* All choices of `members` out of `units`, from the first `members` on, by stepping the rightmost index that
 * can move. */
static void whole_enumerate(PermuteTally *t, WholePlan *p, double observed)
{
    size_t k = p->members, n = p->units, *c = p->order;
    for (;;) {
        permute_count(t, whole_auc(p), observed);
        size_t i = k;
        while (i > 0 && c[i - 1] == n - k + i - 1) i--;
        if (i == 0) return;
        c[i - 1]++;
        for (; i < k; i++) c[i] = c[i - 1] + 1;
    }
}

static void whole_draw(PermuteTally *t, WholePlan *p, double observed, size_t reps, uint64_t seed)
{
    for (size_t r = 0; r < reps; r++) {
        Rng rng = rng_stream(seed, "roc_permute", r);
        for (size_t u = 0; u < p->units; u++) p->order[u] = u;
        rng_shuffle(&rng, p->order, p->units);
        permute_count(t, whole_auc(p), observed);
    }
}

static void permute_verdict(RocTest *out, const PermuteTally *t, bool exact)
{
    double own = exact ? 0 : 1; /* the observed arrangement is one of the drawn ones */
    out->p_greater = (t->least + own) / (t->seen + own);
    out->p_less = (t->most + own) / (t->seen + own);
    out->p = test_two_sided(out->p_greater, out->p_less);
    out->draws = t->seen;
    out->exact = exact;
    out->p_min = fmax(out->p_min, own / (t->seen + own));
}

static Status whole_run(RocTest *out, const RocData *d, size_t reps, uint64_t seed, Arena *a, Err *e)
{
    WholePlan p;
    PermuteTally tally = {0};
    TRY(whole_plan(&p, d, a, e));
    double ways = test_log_choose(p.units, p.members);
    RocTest t = {.auc = whole_auc(&p), .p_min = exp(-ways), .m = p.members, .n = p.units - p.members};
    bool exact = ways < log(PERMUTE_EXACT + 0.5);
    if (exact)
        whole_enumerate(&tally, &p, t.auc);
    else
        whole_draw(&tally, &p, t.auc, reps, seed);
    permute_verdict(&t, &tally, exact);
    *out = t;
    return OK;
}

/* --- within users ----------------------------------------------------------------------------------------
 */

/* One user on both sides: its doubled ranks among its own records, members first. */
typedef struct {
    size_t *rank2, m, n, sum2;
} WithinUser;

typedef struct {
    WithinUser *user;
    size_t users;
    size_t sum2;         /* of all members' ranks */
    double base2, pairs; /* AUC = (sum2 - base2) / (2 pairs) */
    double log_ways, steps;
} WithinPlan;

/* Records of each user in a row: start [n_users + 1]; x holds members first within a user. */
static Status within_gather(double **x, size_t **start, size_t **members, const RocData *d, Arena *a, Err *e)
{
    size_t *at = arena_zalloc(a, d->n_users + 1, sizeof *at), *m = arena_zalloc(a, d->n_users, sizeof *m);
    size_t *next = arena_alloc(a, d->n_users, sizeof *next);
    double *v = arena_alloc(a, d->m + d->n, sizeof *v);
    if (at == NULL || m == NULL || next == NULL || v == NULL) return test_no_memory(d, e);
    for (size_t i = 0; i < d->m; i++) at[d->pos_user[i] + 1]++, m[d->pos_user[i]]++;
    for (size_t j = 0; j < d->n; j++) at[d->neg_user[j] + 1]++;
    for (size_t u = 0; u < d->n_users; u++) next[u] = at[u], at[u + 1] += at[u];
    for (size_t i = 0; i < d->m; i++) v[next[d->pos_user[i]]++] = d->pos[i];
    for (size_t j = 0; j < d->n; j++) v[next[d->neg_user[j]]++] = d->neg[j];
    *x = v;
    *start = at;
    *members = m;
    return OK;
}

static void within_add(WithinPlan *p, WithinUser w)
{
    double m = (double)w.m, n = (double)w.n, all = m + n;
    for (size_t i = 0; i < w.m; i++) w.sum2 += w.rank2[i];
    p->user[p->users++] = w;
    p->sum2 += w.sum2;
    p->base2 += m * (m + 1);
    p->pairs += m * n;
    p->log_ways += test_log_choose(w.m + w.n, w.m);
    /* counting the user's own sums, and folding them into those of the users before */
    double top = 2 * all * m;
    p->steps += all * m * top + top * (double)p->sum2 * 2;
}

static Status within_plan(WithinPlan *p, const RocData *d, Arena *a, Err *e)
{
    double *x = NULL;
    size_t *start = NULL, *members = NULL;
    TRY(within_gather(&x, &start, &members, d, a, e));
    RankItem *work = arena_alloc(a, d->m + d->n, sizeof *work);
    size_t *rank2 = arena_alloc(a, d->m + d->n, sizeof *rank2);
    *p = (WithinPlan){.user = arena_alloc(a, d->n_users, sizeof *p->user)};
    if (work == NULL || rank2 == NULL || p->user == NULL) return test_no_memory(d, e);
    for (size_t u = 0; u < d->n_users; u++) {
        size_t from = start[u], all = start[u + 1] - from;
        if (members[u] == 0 || members[u] == all) continue;
        rank_mid2(&rank2[from], &x[from], all, 0, work);
        within_add(p, (WithinUser){.rank2 = &rank2[from], .m = members[u], .n = all - members[u]});
    }
    if (p->users == 0) FAIL(e, ERR_SHAPE, "no user has records on both sides, want at least 1");
    return OK;
}

/* Room for the sums of all users, twice, and for the widest table of one user. */
typedef struct {
    double *ways, *sum, *table;
    size_t *work; /* [records of any user] */
    size_t top;
} WithinSums;

static Status within_room(WithinSums *w, const WithinPlan *p, const RocData *d, Arena *a, Err *e)
{
    size_t all = 0, widest = 0, *work = arena_alloc(a, d->m + d->n, sizeof *work);
    if (work == NULL) return test_no_memory(d, e);
    for (size_t u = 0; u < p->users; u++) {
        const WithinUser *user = &p->user[u];
        size_t top = 0, size = rank_subset_size(&top, user->rank2, user->m + user->n, user->m, work);
        all += top;
        if (size > widest) widest = size;
    }
    *w = (WithinSums){arena_zalloc(a, all + 1, sizeof(double)), arena_zalloc(a, all + 1, sizeof(double)),
                      arena_alloc(a, widest, sizeof(double)), work, 0};
    if (w->ways == NULL || w->sum == NULL || w->table == NULL) return test_no_memory(d, e);
    return OK;
}

/* Fold in one user. Shares of arrangements, not counts: these would overflow. */
static void within_fold(WithinSums *w, const WithinUser *user)
{
    size_t n = user->m + user->n, top = 0;
    rank_subset_size(&top, user->rank2, n, user->m, w->work);
    const double *own = rank_subset_ways(w->table, top, user->rank2, n, user->m);
    double all = exp(test_log_choose(n, user->m)), *sum = w->sum;
    for (size_t s = 0; s <= w->top + top; s++) sum[s] = 0;
    for (size_t s = 0; s <= top; s++) {
        if (own[s] == 0) continue;
        for (size_t t = 0; t <= w->top; t++) sum[s + t] += own[s] / all * w->ways[t];
    }
    w->sum = w->ways;
    w->ways = sum;
    w->top += top;
}

/* The distribution of the members' rank sum over all users. */
static Status within_exact(RocTest *t, const WithinPlan *p, const RocData *d, Arena *a, Err *e)
{
    WithinSums w = {0};
    TRY(within_room(&w, p, d, a, e));
    w.ways[0] = 1;
    for (size_t u = 0; u < p->users; u++) within_fold(&w, &p->user[u]);
    rank_tails(&t->p_greater, &t->p_less, w.ways, w.top, p->sum2);
    t->p = test_two_sided(t->p_greater, t->p_less);
    t->draws = round(exp(p->log_ways));
    t->exact = true;
    return OK;
}

static void within_draw(PermuteTally *t, const WithinPlan *p, size_t *work, size_t reps, uint64_t seed)
{
    for (size_t r = 0; r < reps; r++) {
        Rng rng = rng_stream(seed, "roc_permute", r);
        size_t sum2 = 0;
        for (size_t u = 0; u < p->users; u++) {
            const WithinUser *w = &p->user[u];
            size_t all = w->m + w->n;
            for (size_t i = 0; i < all; i++) work[i] = w->rank2[i];
            for (size_t i = 0; i < w->m; i++) {
                size_t j = i + rng_below(&rng, all - i), x = work[j];
                work[j] = work[i];
                work[i] = x;
                sum2 += x;
            }
        }
        permute_count(t, (double)sum2, (double)p->sum2);
    }
}

static Status within_run(RocTest *out, const RocData *d, size_t reps, uint64_t seed, Arena *a, Err *e)
{
    WithinPlan p;
    PermuteTally tally = {0};
    TRY(within_plan(&p, d, a, e));
    RocTest t = {.auc = ((double)p.sum2 - p.base2) / (2 * p.pairs), .p_min = exp(-p.log_ways)};
    t.m = t.n = p.users;
    if (p.steps <= within_steps) {
        TRY(within_exact(&t, &p, d, a, e));
    } else {
        size_t *work = arena_alloc(a, d->m + d->n, sizeof *work);
        if (work == NULL) return test_no_memory(d, e);
        within_draw(&tally, &p, work, reps, seed);
        permute_verdict(&t, &tally, false);
    }
    *out = t;
    return OK;
}

Status roc_permute(RocTest *out, const RocData *d, RocPermute kind, const RocPermuteOpts *o, Err *e)
{
    size_t reps = o->reps != 0 ? o->reps : 10000;
    if (reps < 100) FAIL(e, ERR_ARG, "arrangements = %zu, want at least 100", reps);
    TRY(test_check(d, true, e));
    Arena a = {0};
    Status st = kind == ROC_WHOLE ? whole_run(out, d, reps, o->seed, &a, e)
                                  : within_run(out, d, reps, o->seed, &a, e);
    arena_free(&a);
    return st;
}
