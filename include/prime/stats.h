/* stats.h - means, quantiles, distributions, exact binomial intervals, p-value adjustment and the user-level
 * bootstrap. The person is the unit: whatever resamples here resamples users, never records.
 * Levels are two-sided coverages in (0, 1): 0.95 leaves 2.5% on each side. */
#ifndef PRIME_STATS_H
#define PRIME_STATS_H

#include "prime/err.h"

#include <stddef.h>
#include <stdint.h>

/* stats_mean - arithmetic mean of x [n]; NaN for n = 0. */
double stats_mean(const double *x, size_t n);
/* stats_sd - standard deviation with divisor n - 1 (two passes); NaN for n < 2. */
double stats_sd(const double *x, size_t n);
/* stats_sort - x [n] ascending, in place; no NaN among them. */
void stats_sort(double *x, size_t n);
/* stats_quantile - quantile p in [0, 1] of x [n] sorted ascending, linear between order statistics: type 7 of
 * Hyndman and Fan (1996), the default of R and numpy. NaN for n = 0. */
double stats_quantile(const double *x, size_t n, double p);
/* stats_median - of x [n] in any order; work [n] is scratch. NaN for n = 0. */
double stats_median(const double *x, size_t n, double *work);

/* Normal and Student distributions (GSL). df > 0 need not be whole; df = INFINITY is the normal. */
double stats_norm_cdf(double z);
double stats_norm_q(double p);
double stats_t_q(double p, double df);
/* stats_t_p - two-sided p-value P(|T| >= |t|). NaN for NaN. */
double stats_t_p(double t, double df);

/* stats_welch - t and degrees of freedom for mean(x [n]) - mean(y [m]) with variances of their own; NaN for n
 * or m < 2 or no spread at all. Source: Welch 1947, Biometrika 34. */
void stats_welch(double *t, double *df, const double *x, size_t n, const double *y, size_t m);

/* stats_clopper_pearson - exact two-sided interval for k successes in n trials; n > 0, k <= n. The lower
 * bound is 0 at k = 0, the upper 1 at k = n. Accuracy: 1e-10 relative.
 * Source: Clopper and Pearson 1934, Biometrika 26. */
void stats_clopper_pearson(double *lo, double *hi, size_t k, size_t n, double level);
/* stats_binom_upper - exact one-sided upper bound with error alpha for k of n. */
double stats_binom_upper(size_t k, size_t n, double alpha);

/* Exact binomial test of k successes in n trials against the rate p0. */
typedef struct {
    double p, p_greater, p_less; /* two-sided, P(X >= k), P(X <= k) */
} StatsBinomTest;
/* stats_binom_test - p0 in [0, 1], n > 0, k <= n. Two-sided as R's binom.test: the probabilities of all
 * counts that are no likelier than k, with R's relative tolerance of 1e-7. Accuracy: 1e-9 relative for
 * n <= 10^6.
 * Cost: O(log n) beta integrals. Reference: fixtures/ref/num/binom_test_R.csv. */
StatsBinomTest stats_binom_test(size_t k, size_t n, double p0);

/* One row per way of adjusting p-values for multiple testing. */
typedef struct {
    const char *name, *what, *source;
    /* out [n] in the order of p [n]; idx [n] sorts p ascending. */
    void (*fn)(double *out, const double *p, const size_t *idx, size_t n);
} StatsAdjust;
/* stats_adjust_at - the i-th row of the table; NULL past its end. */
const StatsAdjust *stats_adjust_at(size_t i);
/* stats_adjust - adjusted p-values out [n] of p [n] by the named method (bonferroni, holm, hochberg, hommel,
 * bh, by). n = 0 is fine.
 * Errors: ERR_ARG unknown method, or p outside [0, 1] (index and value named); ERR_NOMEM.
 * Cost: O(n log n), hommel O(n^2). */
Status stats_adjust(double *out, const double *p, size_t n, const char *method, Err *e) PRIME_MUST_USE;

/* An estimate with its interval. lo and hi are NaN where no interval can be given. */
typedef struct {
    double value, se, lo, hi;
    size_t n_users;
    size_t n_bad; /* bootstrap replicates in which the statistic was not finite; they are left out */
} StatsEst;

typedef enum { STATS_PERCENTILE, STATS_BCA } StatsBootKind;

typedef struct {
    size_t reps;   /* 0 = 2000 */
    double level;  /* 0 = 0.95 */
    uint64_t seed; /* replicate r draws from the stream (seed, "stats_boot", r) */
    StatsBootKind kind;
    const size_t *stratum; /* [U] or NULL: users are exchanged within equal values only */
} StatsBoot;

/* A statistic of weighted users: w [U] counts how often each user was drawn (1 each: the observed value). It
 * returns NaN where it is not defined. */
typedef double (*StatsFn)(void *ctx, const double *w);

/* stats_boot - bootstrap over n_users users of any statistic. value is fn at unit weights, se the standard
 * deviation of the replicates. BCa takes its acceleration from the leave-one-user-out jackknife.
 * n_users < 2 or fewer than half of the replicates finite: se, lo and hi are NaN, the return is still OK.
 * Errors: ERR_ARG level outside (0, 1), reps < 10 or n_users = 0; ERR_NUM the observed value is not finite;
 * ERR_NOMEM.
 * Cost: reps (BCa: + U) calls of fn.
 * Source: Efron and Tibshirani 1993, ch. 14; users as units: Davison and Hinkley 1997, sec. 3.8. */
Status stats_boot(StatsEst *out, StatsFn fn, void *ctx, size_t n_users, const StatsBoot *o,
                  Err *e) PRIME_MUST_USE;

typedef enum {
    STATS_POOLED,   /* mean over records: users with more records count more */
    STATS_USER_MEAN /* mean over users of each user's own mean */
} StatsMeanKind;

/* stats_boot_mean - the bootstrap of a mean of x [n] where record i belongs to user [i] < n_users. Users
 * without a record are not counted. Errors: as stats_boot; ERR_SHAPE n = 0; ERR_ARG a user out of range;
 * ERR_NUM x not finite. */
Status stats_boot_mean(StatsEst *out, const double *x, const size_t *user, size_t n, size_t n_users,
                       StatsMeanKind mean, const StatsBoot *o, Err *e) PRIME_MUST_USE;

/* stats_bca - the BCa interval from replicates rep [n_rep], sorted ascending, the estimate theta and the
 * jackknife values jack [n_jack]. Bias correction counts ties with the estimate by half. NaN bounds where
 * the correction is not finite (all replicates on one side).
 * Source: Efron 1987, JASA 82; reference: fixtures/ref/bootstrap_bca.json. */
void stats_bca(double *lo, double *hi, const double *rep, size_t n_rep, double theta, const double *jack,
               size_t n_jack, double level);

#endif
