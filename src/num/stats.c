#include "prime/stats.h"

#include "num_priv.h"

#include "prime/sort.h"

#include <assert.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t gsl_once = PTHREAD_ONCE_INIT;

static void gsl_quiet(void)
{
    gsl_set_error_handler_off();
}

void num_gsl(void)
{
    pthread_once(&gsl_once, gsl_quiet);
}

double stats_mean(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return n > 0 ? sum / (double)n : NAN;
}

double stats_sd(const double *x, size_t n)
{
    if (n < 2) return NAN;
    double mean = stats_mean(x, n), ss = 0;
    for (size_t i = 0; i < n; i++) ss += (x[i] - mean) * (x[i] - mean);
    return sqrt(ss / (double)(n - 1));
}

static int stats_double_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool stats_before(double a, double b)
{
    return a < b;
}

SORT_DEFINE(sort_doubles, double, stats_before);

void stats_sort(double *x, size_t n)
{
    enum { FEW = 256 };
    double few[FEW];
    double *work = n <= FEW ? few : malloc(n * sizeof *work);
    if (work != NULL)
        sort_doubles(x, n, work);
    else
        qsort(x, n, sizeof *x, stats_double_order);
    if (work != few) free(work);
}

double stats_quantile(const double *x, size_t n, double p)
{
    assert(p >= 0 && p <= 1);
    if (n == 0) return NAN;
    double at = p * (double)(n - 1);
    size_t i = (size_t)at;
    if (i + 1 >= n) return x[n - 1];
    double part = at - (double)i;
    /* No step through an infinite neighbour when the position is whole: inf * 0 would be NaN. */
    return part == 0 ? x[i] : x[i] + part * (x[i + 1] - x[i]);
}

double stats_median(const double *x, size_t n, double *work)
{
    if (n == 0) return NAN;
    memcpy(work, x, n * sizeof *x);
    stats_sort(work, n);
    return stats_quantile(work, n, 0.5);
}

double stats_norm_cdf(double z)
{
    return 0.5 * erfc(-z * 0.70710678118654752440);
}

double stats_norm_q(double p)
{
    num_gsl();
    return gsl_cdf_ugaussian_Pinv(p);
}

/* Quantiles are found by iteration, and asked for with the same few arguments again and again: each thread
 * keeps some. */
typedef struct {
    double p, a, b, value; /* a = 0: nothing is kept here */
} QuantileKept;

enum { QUANTILES = 256 };
static _Thread_local QuantileKept kept_t[QUANTILES], kept_beta[QUANTILES];

static QuantileKept *quantile_place(QuantileKept *kept, double p, double a, double b)
{
    uint64_t bits[3];
    const double of[3] = {p, a, b};
    memcpy(bits, of, sizeof bits);
    uint64_t h = (bits[0] * 3 ^ bits[1] * 5 ^ bits[2] * 7) * 0x9E3779B97F4A7C15u;
    return &kept[h >> 56];
}

static bool quantile_is(const QuantileKept *k, double p, double a, double b)
{
    return k->a == a && k->b == b && k->p == p;
}

double stats_t_q(double p, double df)
{
    assert(df > 0);
    num_gsl();
    if (isinf(df)) return stats_norm_q(p);
    QuantileKept *k = quantile_place(kept_t, p, df, 0);
    if (!quantile_is(k, p, df, 0)) *k = (QuantileKept){p, df, 0, gsl_cdf_tdist_Pinv(p, df)};
    return k->value;
}

double stats_t_p(double t, double df)
{
    if (isnan(t)) return NAN;
    num_gsl();
    double tail = isinf(df) ? gsl_cdf_ugaussian_Q(fabs(t)) : gsl_cdf_tdist_Q(fabs(t), df);
    return 2 * tail;
}

void stats_welch(double *t, double *df, const double *x, size_t n, const double *y, size_t m)
{
    double sx = stats_sd(x, n), sy = stats_sd(y, m), a = sx * sx / (double)n, b = sy * sy / (double)m;
    *t = a + b > 0 ? (stats_mean(x, n) - stats_mean(y, m)) / sqrt(a + b) : NAN;
    *df = a + b > 0 ? (a + b) * (a + b) / (a * a / (double)(n - 1) + b * b / (double)(m - 1)) : NAN;
}

/* beta_bisect - x with I_x(a, b) = p, by bisection: GSL's own inverse returns NaN for some plain arguments
 * (measured: 0.975 with a = 2, b = 249, version 2.7.1), while its distribution function is sound. About 60
 * steps when the answer is not tiny. */
static double beta_bisect(double p, double a, double b)
{
    double lo = 0, hi = 1;
    for (;;) {
        double mid = lo + (hi - lo) / 2;
        if (mid <= lo || mid >= hi || hi - lo < 1e-15 * lo) return mid;
        if (gsl_cdf_beta_P(mid, a, b) < p)
            lo = mid;
        else
            hi = mid;
    }
}

static double beta_quantile(double p, double a, double b)
{
    QuantileKept *k = quantile_place(kept_beta, p, a, b);
    if (!quantile_is(k, p, a, b)) *k = (QuantileKept){p, a, b, beta_bisect(p, a, b)};
    return k->value;
}

/* The upper bound solves P(Bin(n, p) <= k) = alpha for k < n; as a beta quantile it is the 1 - alpha point of
 * Beta(k + 1, n - k), and the lower bound its mirror image. */
double stats_binom_upper(size_t k, size_t n, double alpha)
{
    assert(n > 0 && k <= n && alpha > 0 && alpha < 1);
    num_gsl();
    return k == n ? 1 : beta_quantile(1 - alpha, (double)k + 1, (double)(n - k));
}

void stats_clopper_pearson(double *lo, double *hi, size_t k, size_t n, double level)
{
    assert(level > 0 && level < 1);
    double alpha = (1 - level) / 2;
    *hi = stats_binom_upper(k, n, alpha);
    *lo = k == 0 ? 0 : beta_quantile(alpha, (double)k, (double)(n - k) + 1);
}

/* P(X <= k) and P(X > k) of a binomial, each with its own small tail. */
static double binom_below(size_t k, size_t n, double p)
{
    return k >= n ? 1 : gsl_cdf_beta_Q(p, (double)k + 1, (double)(n - k));
}

static double binom_above(size_t k, size_t n, double p)
{
    return k >= n ? 0 : gsl_cdf_beta_P(p, (double)k + 1, (double)(n - k));
}

static double binom_log_pmf(size_t k, size_t n, double p)
{
    double dk = (double)k, dn = (double)n;
    if (p <= 0 || p >= 1) return k == (p <= 0 ? 0 : n) ? 0 : -INFINITY;
    return lgamma(dn + 1) - lgamma(dk + 1) - lgamma(dn - dk + 1) + dk * log(p) + (dn - dk) * log1p(-p);
}

/* binom_far - how many counts at the far side of the mean are at most as likely as k: counted from 0 up to
 * the mean for k above it, from n down to the mean for k below. The probabilities fall towards the end. */
static size_t binom_far(size_t k, size_t n, double p, bool from_zero)
{
    double bound = binom_log_pmf(k, n, p) + 1e-7, mean = (double)n * p;
    size_t lo = 0, hi = from_zero ? (size_t)floor(mean) + 1 : n - (size_t)ceil(mean) + 1;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2, at = from_zero ? mid : n - mid;
        if (binom_log_pmf(at, n, p) <= bound)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

StatsBinomTest stats_binom_test(size_t k, size_t n, double p0)
{
    assert(n > 0 && k <= n && p0 >= 0 && p0 <= 1);
    num_gsl();
    StatsBinomTest t = {.p_less = binom_below(k, n, p0), .p_greater = k == 0 ? 1 : binom_above(k - 1, n, p0)};
    double mean = (double)n * p0;
    if ((double)k == mean) {
        t.p = 1;
    } else if ((double)k < mean) {
        size_t far = binom_far(k, n, p0, false);
        t.p = t.p_less + (far == 0 ? 0 : binom_above(n - far, n, p0));
    } else {
        size_t far = binom_far(k, n, p0, true);
        t.p = t.p_greater + (far == 0 ? 0 : binom_below(far - 1, n, p0));
    }
    t.p = fmin(1, t.p);
    return t;
}
