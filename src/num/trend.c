#include "prime/trend.h"

#include "prime/arena.h"
#include "prime/paired.h"
#include "prime/rng.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* A stack of pooled blocks, means and weights in work. How many values a block holds is kept in out, whose
 * entries below the stack's top are free: a block holds one value at least. */
void trend_isotonic(double *out, const double *y, const double *w, size_t n, TrendWay way, double *work)
{
    double *mean = work, *weight = work + n, sign = way == TREND_UP ? 1 : -1;
    size_t top = 0;
    for (size_t i = 0; i < n; i++) {
        double value = sign * y[i], own = w != NULL ? w[i] : 1, length = 1;
        assert(own > 0);
        for (; top > 0 && mean[top - 1] >= value; top--) {
            double sum = weight[top - 1] + own;
            value = (weight[top - 1] * mean[top - 1] + own * value) / sum;
            own = sum;
            length += out[top - 1]; /* top - 1 <= i: y[i] has been read if out is y */
        }
        mean[top] = value;
        weight[top] = own;
        out[top++] = length;
    }
    /* from the last block down, so that lengths are read before they are overwritten */
    for (size_t at = n; top-- > 0;) {
        size_t length = (size_t)out[top];
        for (size_t i = 0; i < length; i++) out[--at] = sign * mean[top];
    }
}

typedef struct {
    const double *x;
    size_t users, k;
    TrendWay way;
    double *copy, *mean, *fit, *work, *slope;
} TrendJob;

static void trend_means(double *mean, const double *x, size_t users, size_t k)
{
    for (size_t j = 0; j < k; j++) mean[j] = 0;
    for (size_t u = 0; u < users; u++)
        for (size_t j = 0; j < k; j++) mean[j] += x[u * k + j];
    for (size_t j = 0; j < k; j++) mean[j] /= (double)users;
}

/* Sum of squares of the fit around the grand mean, times U. */
static double trend_between(const TrendJob *t, const double *x)
{
    double grand = 0, ss = 0;
    trend_means(t->mean, x, t->users, t->k);
    for (size_t j = 0; j < t->k; j++) grand += t->mean[j] / (double)t->k;
    trend_isotonic(t->fit, t->mean, NULL, t->k, t->way, t->work);
    for (size_t j = 0; j < t->k; j++) ss += (t->fit[j] - grand) * (t->fit[j] - grand);
    return ss * (double)t->users;
}

static double trend_within(const double *x, size_t users, size_t k)
{
    double ss = 0;
    for (size_t u = 0; u < users; u++) {
        double mean = 0;
        for (size_t j = 0; j < k; j++) mean += x[u * k + j] / (double)k;
        for (size_t j = 0; j < k; j++) ss += (x[u * k + j] - mean) * (x[u * k + j] - mean);
    }
    return ss;
}

static double trend_share_p(const TrendJob *t, double observed, double slack, size_t reps, uint64_t seed)
{
    double hits = 0;
    for (size_t r = 0; r < reps; r++) {
        Rng rng = rng_stream(seed, "trend_test", r);
        for (size_t u = 0; u < t->users; u++) {
            double *row = &t->copy[u * t->k];
            for (size_t j = t->k; j > 1; j--) {
                size_t i = rng_below(&rng, j);
                double x = row[i];
                row[i] = row[j - 1];
                row[j - 1] = x;
            }
        }
        hits += trend_between(t, t->copy) >= observed - slack;
    }
    return (1 + hits) / (1 + (double)reps);
}

/* Least-squares slope of each user over 0, 1, 2, ... */
static void trend_slopes(const TrendJob *t)
{
    double k = (double)t->k, ss = k * (k * k - 1) / 12;
    for (size_t u = 0; u < t->users; u++) {
        t->slope[u] = 0;
        for (size_t j = 0; j < t->k; j++) t->slope[u] += ((double)j - (k - 1) / 2) * t->x[u * t->k + j] / ss;
    }
}

static Status trend_run(Trend *out, double *mean, double *fit, TrendJob *t, size_t reps, uint64_t seed,
                        Arena *a, Err *e)
{
    size_t k = t->k, n = t->users * k;
    t->copy = arena_alloc(a, n, sizeof *t->copy);
    t->mean = arena_alloc(a, k, sizeof *t->mean);
    t->fit = arena_alloc(a, k, sizeof *t->fit);
    t->work = arena_alloc(a, 2 * k, sizeof *t->work);
    t->slope = arena_alloc(a, t->users, sizeof *t->slope);
    if (t->copy == NULL || t->mean == NULL || t->fit == NULL || t->work == NULL || t->slope == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu users at %zu levels", t->users, k);
    memcpy(t->copy, t->x, n * sizeof *t->copy);
    double within = trend_within(t->x, t->users, k), between = trend_between(t, t->x);
    Trend r = {.p_share = 1, .p_slope = 1};
    memcpy(mean, t->mean, k * sizeof *mean);
    memcpy(fit, t->fit, k * sizeof *fit);
    trend_slopes(t);
    PairedFlip flip;
    TRY(paired_flip(&flip, t->slope, t->users, reps, seed, e));
    r.slope = flip.mean;
    if (within > 0) {
        r.share = between / within;
        r.p_share = trend_share_p(t, between, 1e-12 * within, reps, seed);
        r.p_slope = t->way == TREND_UP ? flip.p_greater : flip.p_less;
    }
    *out = r;
    return OK;
}

Status trend_test(Trend *out, double *mean, double *fit, const double *x, size_t n_users, size_t k,
                  TrendWay way, const TrendOpts *o, Err *e)
{
    size_t reps = o->reps != 0 ? o->reps : 10000;
    if (n_users < 1 || k < 2)
        FAIL(e, ERR_SHAPE, "%zu users at %zu levels, want at least 1 user and 2 levels", n_users, k);
    if (reps < 100) FAIL(e, ERR_ARG, "arrangements = %zu, want at least 100", reps);
    for (size_t i = 0; i < n_users * k; i++)
        if (!isfinite(x[i]))
            FAIL(e, ERR_NUM, "value of user %zu at level %zu = %g, want a finite number", i / k, i % k, x[i]);
    Arena a = {0};
    TrendJob t = {.x = x, .users = n_users, .k = k, .way = way};
    Status st = trend_run(out, mean, fit, &t, reps, o->seed, &a, e);
    arena_free(&a);
    return st;
}
