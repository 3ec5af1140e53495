/* friedman.h - several methods compared over the same users by ranks, and which pairs of them differ. */
#ifndef PRIME_FRIEDMAN_H
#define PRIME_FRIEDMAN_H

#include "prime/err.h"

#include <stddef.h>

typedef struct {
    double chi2, df, p;          /* chi-square approximation, K - 1 degrees of freedom */
    double f, f_df1, f_df2, f_p; /* Iman and Davenport's F, which is less conservative */
} Friedman;

/* friedman_test - Friedman's rank test of x [U, K] (users by methods, complete), ties corrected.
 *   mean_rank [K]   written: 1 = lowest value
 * Null: each user's K values are exchangeable. All users tied throughout: chi2 = 0 and p = 1.
 * Errors: ERR_SHAPE U < 2 or K < 2; ERR_NUM a value is not finite; ERR_NOMEM. Cost: O(U K log K).
 * Source: Friedman 1937; Hollander and Wolfe 1973, sec. 7.1 (ties); Iman and Davenport 1980. */
Status friedman_test(Friedman *out, double *mean_rank, const double *x, size_t n_users, size_t k,
                     Err *e) PRIME_MUST_USE;

/* friedman_range_p - P(range of K independent standard normals > q): the studentised range with infinite
 * degrees of freedom. q >= 0, K >= 2. Accuracy: 1e-12 absolute. */
double friedman_range_p(double q, size_t k);
/* friedman_gap - Nemenyi's critical difference of mean ranks at level (1 - alpha). */
double friedman_gap(size_t n_users, size_t k, double level);

/* One row per way of comparing all pairs. */
typedef struct {
    const char *name, *what, *source;
    /* stat, p, adjusted [K (K - 1) / 2], pairs in the order (0,1), (0,2), ..., (1,2), ... */
    Status (*fn)(double *stat, double *p, double *adjusted, const double *x, const double *mean_rank,
                 size_t n_users, size_t k, Err *e);
} FriedmanPosthoc;
/* friedman_posthoc_at - nemenyi: difference of mean ranks, p is adjusted by construction; wilcoxon:
 * signed-rank test of each pair (stat: rank-biserial correlation) with Holm's adjustment. NULL past the end.
 */
const FriedmanPosthoc *friedman_posthoc_at(size_t i);
/* friedman_posthoc - the named one. Errors: ERR_ARG unknown name; those of friedman_test. */
Status friedman_posthoc(double *stat, double *p, double *adjusted, const double *x, const double *mean_rank,
                        size_t n_users, size_t k, const char *name, Err *e) PRIME_MUST_USE;

#endif
