/* trend.h - does a quantity measured on the same users at several levels (leakage over lambda) rise or fall
 * steadily: isotonic fit, and two tests with the user as unit. */
#ifndef PRIME_TREND_H
#define PRIME_TREND_H

#include "prime/err.h"

#include <stddef.h>
#include <stdint.h>

typedef enum { TREND_UP, TREND_DOWN } TrendWay;

/* trend_isotonic - the weighted least-squares fit that never falls (TREND_UP) or never rises.
 *   out  [n]     written; may be y itself
 *   y    [n], w [n]   values and weights > 0; w NULL: all 1
 *   work [2 n]   scratch
 * Cost: O(n). Source: Ayer et al. 1955; Barlow et al. 1972 (pool adjacent violators). */
void trend_isotonic(double *out, const double *y, const double *w, size_t n, TrendWay way, double *work);

typedef struct {
    size_t reps;   /* 0 = 10000 */
    uint64_t seed; /* arrangement r draws from the stream (seed, "trend_test", r) */
} TrendOpts;

typedef struct {
    /* Null: each user's values are exchangeable over the levels. Statistic: the share of the variation within
     * users that the isotonic fit of the level means explains. Monte Carlo, p = (1 + hits) / (1 + reps).
     * It takes neighbouring levels of one user as no more alike than distant ones. Where they drift together
     * without a trend it is too liberal (random walks over 8 levels: 18% at 5%, the slope test 4%). */
    double share, p_share;
    /* Null: each user's slope is symmetric about 0. Statistic: the mean over users of the least-squares slope
     * per level (levels counted 0, 1, 2, ...). Exact for up to 20 users. Holds whatever the dependence within
     * users. */
    double slope, p_slope;
} Trend;

/* trend_test - of x [U, K], K levels in ascending order; p-values are one-sided, in the direction `way`.
 *   mean [K], fit [K]   written: level means and their isotonic fit
 * Both tests take users as independent. Users share one merged model per level: what that model does to
 * all of them alike is in the trend, and only more seeds tell it from chance.
 * No variation within any user: share = 0 and both p = 1.
 * Errors: ERR_SHAPE U < 1 or K < 2; ERR_NUM a value is not finite; ERR_ARG reps < 100; ERR_NOMEM.
 * Cost: O(reps U K). Source: Robertson, Wright and Dykstra 1988, ch. 2 (E-bar squared); Good 2005. */
Status trend_test(Trend *out, double *mean, double *fit, const double *x, size_t n_users, size_t k,
                  TrendWay way, const TrendOpts *o, Err *e) PRIME_MUST_USE;

#endif
