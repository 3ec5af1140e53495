/* stats_boot.c - the bootstrap with users as units. A replicate is a vector of counts, one per user, so that
 * any statistic that can weight users (a mean, an AUC, a macro-F1 from per-user counts) can be resampled. */
#include "prime/stats.h"

#include "prime/arena.h"
#include "prime/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* Users sorted by stratum, and for each user the slice of its own stratum. */
typedef struct {
    size_t *order, *start, *len;
} BootPlan;

typedef struct {
    size_t stratum, user;
} BootUser;

static int boot_user_order(const void *a, const void *b)
{
    const BootUser *x = a, *y = b;
    if (x->stratum != y->stratum) return x->stratum < y->stratum ? -1 : 1;
    return (x->user > y->user) - (x->user < y->user);
}

static bool boot_plan(BootPlan *plan, Arena *a, const size_t *stratum, size_t n)
{
    BootUser *u = arena_alloc(a, n, sizeof *u);
    plan->order = arena_alloc(a, n, sizeof *plan->order);
    plan->start = arena_alloc(a, n, sizeof *plan->start);
    plan->len = arena_alloc(a, n, sizeof *plan->len);
    if (u == NULL || plan->order == NULL || plan->start == NULL || plan->len == NULL) return false;
    for (size_t i = 0; i < n; i++) u[i] = (BootUser){stratum != NULL ? stratum[i] : 0, i};
    qsort(u, n, sizeof *u, boot_user_order);
    for (size_t i = 0, from = 0; i < n; i++) {
        plan->order[i] = u[i].user;
        if (i + 1 < n && u[i + 1].stratum == u[i].stratum) continue;
        for (size_t j = from; j <= i; j++) {
            plan->start[j] = from;
            plan->len[j] = i + 1 - from;
        }
        from = i + 1;
    }
    return true;
}

static void boot_draw(double *w, const BootPlan *plan, size_t n, uint64_t seed, size_t rep)
{
    Rng r = rng_stream(seed, "stats_boot", rep);
    for (size_t i = 0; i < n; i++) w[i] = 0;
    for (size_t i = 0; i < n; i++) w[plan->order[plan->start[i] + rng_below(&r, plan->len[i])]] += 1;
}

/* Finite replicates into rep, sorted; returns how many. */
static size_t boot_replicates(double *rep, size_t reps, StatsFn fn, void *ctx, double *w,
                              const BootPlan *plan, size_t n, uint64_t seed)
{
    size_t kept = 0;
    for (size_t r = 0; r < reps; r++) {
        boot_draw(w, plan, n, seed, r);
        double x = fn(ctx, w);
        if (isfinite(x)) rep[kept++] = x;
    }
    stats_sort(rep, kept);
    return kept;
}

static size_t boot_jackknife(double *jack, StatsFn fn, void *ctx, double *w, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) w[i] = 1;
    for (size_t i = 0; i < n; i++) {
        w[i] = 0;
        double x = fn(ctx, w);
        if (isfinite(x)) jack[kept++] = x;
        w[i] = 1;
    }
    return kept;
}

/* acceleration - of the jackknife values: a sixth of their skewness, sign reversed. 0 when they are equal. */
static double bca_acceleration(const double *jack, size_t n)
{
    double mean = stats_mean(jack, n), s2 = 0, s3 = 0;
    for (size_t i = 0; i < n; i++) {
        double d = mean - jack[i];
        s2 += d * d;
        s3 += d * d * d;
    }
    return s2 > 0 ? s3 / (6 * s2 * sqrt(s2)) : 0;
}

static double bca_bound(const double *rep, size_t n, double z0, double a, double z)
{
    double p = stats_norm_cdf(z0 + (z0 + z) / (1 - a * (z0 + z)));
    return p >= 0 && p <= 1 ? stats_quantile(rep, n, p) : NAN;
}

void stats_bca(double *lo, double *hi, const double *rep, size_t n_rep, double theta, const double *jack,
               size_t n_jack, double level)
{
    double below = 0;
    for (size_t i = 0; i < n_rep; i++) below += rep[i] < theta ? 1 : rep[i] == theta ? 0.5 : 0;
    double z0 = n_rep > 0 ? stats_norm_q(below / (double)n_rep) : NAN;
    double a = bca_acceleration(jack, n_jack), z = stats_norm_q((1 + level) / 2);
    bool fine = isfinite(z0) && n_jack > 1;
    *lo = fine ? bca_bound(rep, n_rep, z0, a, -z) : NAN;
    *hi = fine ? bca_bound(rep, n_rep, z0, a, z) : NAN;
}

typedef struct {
    Arena *a;
    StatsFn fn;
    void *ctx;
    size_t n, reps;
    double level;
    double *w, *rep, *jack;
} BootJob;

static void boot_interval(StatsEst *out, BootJob *j, const BootPlan *plan, const StatsBoot *o)
{
    size_t kept = boot_replicates(j->rep, j->reps, j->fn, j->ctx, j->w, plan, j->n, o->seed);
    out->n_bad = j->reps - kept;
    if (2 * kept < j->reps) return;
    out->se = stats_sd(j->rep, kept);
    if (o->kind == STATS_BCA) {
        size_t n_jack = boot_jackknife(j->jack, j->fn, j->ctx, j->w, j->n);
        stats_bca(&out->lo, &out->hi, j->rep, kept, out->value, j->jack, n_jack, j->level);
        return;
    }
    out->lo = stats_quantile(j->rep, kept, (1 - j->level) / 2);
    out->hi = stats_quantile(j->rep, kept, (1 + j->level) / 2);
}

static Status boot_fill(StatsEst *out, BootJob *j, const StatsBoot *o, Err *e)
{
    BootPlan plan;
    j->w = arena_alloc(j->a, j->n, sizeof *j->w);
    j->jack = arena_alloc(j->a, j->n, sizeof *j->jack);
    j->rep = arena_alloc(j->a, j->reps, sizeof *j->rep);
    if (j->w == NULL || j->jack == NULL || j->rep == NULL || !boot_plan(&plan, j->a, o->stratum, j->n))
        FAIL(e, ERR_NOMEM, "no memory for a bootstrap of %zu users and %zu replicates", j->n, j->reps);
    for (size_t i = 0; i < j->n; i++) j->w[i] = 1;
    StatsEst est = {.value = j->fn(j->ctx, j->w), .se = NAN, .lo = NAN, .hi = NAN, .n_users = j->n};
    if (!isfinite(est.value)) FAIL(e, ERR_NUM, "the statistic is %g on the whole sample", est.value);
    if (j->n >= 2) boot_interval(&est, j, &plan, o);
    *out = est;
    return OK;
}

Status stats_boot(StatsEst *out, StatsFn fn, void *ctx, size_t n_users, const StatsBoot *o, Err *e)
{
    double level = o->level != 0 ? o->level : 0.95;
    size_t reps = o->reps != 0 ? o->reps : 2000;
    if (!(level > 0 && level < 1)) FAIL(e, ERR_ARG, "level = %g, want (0, 1)", level);
    if (reps < 10) FAIL(e, ERR_ARG, "replicates = %zu, want at least 10", reps);
    if (n_users == 0) FAIL(e, ERR_ARG, "users = 0, want at least 1");
    Arena a = {0};
    BootJob j = {.a = &a, .fn = fn, .ctx = ctx, .n = n_users, .reps = reps, .level = level};
    Status st = boot_fill(out, &j, o, e);
    arena_free(&a);
    return st;
}

/* Per user: the sum it adds to the numerator and to the denominator. */
typedef struct {
    double *num, *den;
    size_t n;
} BootMean;

static double boot_mean_of(void *ctx, const double *w)
{
    const BootMean *m = ctx;
    double num = 0, den = 0;
    for (size_t i = 0; i < m->n; i++) {
        num += w[i] * m->num[i];
        den += w[i] * m->den[i];
    }
    return den > 0 ? num / den : NAN;
}

static Status boot_mean_check(const double *x, const size_t *user, size_t n, size_t n_users, Err *e)
{
    if (n == 0) FAIL(e, ERR_SHAPE, "records = 0, want at least 1");
    for (size_t i = 0; i < n; i++) {
        if (user[i] >= n_users)
            FAIL(e, ERR_ARG, "user of record %zu = %zu, want below %zu", i, user[i], n_users);
        if (!isfinite(x[i])) FAIL(e, ERR_NUM, "value of record %zu = %g, want a finite number", i, x[i]);
    }
    return OK;
}

/* Sums by user, then users without a record are squeezed out. */
static void boot_mean_sums(BootMean *m, const double *x, const size_t *user, size_t n, size_t n_users,
                           StatsMeanKind kind)
{
    for (size_t i = 0; i < n; i++) {
        m->num[user[i]] += x[i];
        m->den[user[i]] += 1;
    }
    for (size_t u = 0; u < n_users; u++) {
        if (m->den[u] == 0) continue;
        bool own = kind == STATS_USER_MEAN;
        m->num[m->n] = own ? m->num[u] / m->den[u] : m->num[u];
        m->den[m->n++] = own ? 1 : m->den[u];
    }
}

Status stats_boot_mean(StatsEst *out, const double *x, const size_t *user, size_t n, size_t n_users,
                       StatsMeanKind mean, const StatsBoot *o, Err *e)
{
    TRY(boot_mean_check(x, user, n, n_users, e));
    Arena a = {0};
    BootMean m = {arena_zalloc(&a, n_users, sizeof(double)), arena_zalloc(&a, n_users, sizeof(double)), 0};
    Status st;
    if (m.num == NULL || m.den == NULL) {
        st = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu users", n_users);
    } else {
        StatsBoot plain = *o;
        plain.stratum = NULL;
        boot_mean_sums(&m, x, user, n, n_users, mean);
        st = stats_boot(out, boot_mean_of, &m, m.n, &plain, e);
    }
    arena_free(&a);
    return st;
}
