/* power.h - what an audit with given numbers of users and records can see: the power of the user-clustered
 * interval (roc_clustered), and the smallest AUC that it detects. */
#ifndef PRIME_POWER_H
#define PRIME_POWER_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    size_t users_pos, users_neg;     /* people on each side, at least 2 */
    size_t records_pos, records_neg; /* records per person, at least 1 */
    double icc;                      /* correlation of two records' scores of one person, in [0, 1) */
    bool same_people; /* members and held-out records of the same persons: users_neg = users_pos */
    double level;     /* of the two-sided interval, in (0, 1) */
} PowerPlan;

/* power_auc_sd - standard deviation of the AUC when its true value is auc, in (0, 1), under the model
 *     score = shift [member] + sqrt(icc) person + sqrt(1 - icc) noise, all normal, auc = Phi(shift / sqrt 2).
 * With a = Phi^-1(auc), two comparisons whose differences correlate by r have the covariance
 *     K(r) = P(both won) - auc^2 = 1/(2 pi) integral_0^{asin r} exp(-a^2 / (1 + sin t)) dt,
 * and r = (c + d) / 2, where c is 1 for the same member record, icc for two of one person, else 0, and
 * d likewise for the others. The variance is the mean of K over all pairs of comparisons; for the same
 * people on both sides 2 K(-icc / 2) / users is added, which is right to first order in 1 / users.
 * Source: Hanley and McNeil 1982 (the decomposition); Obuchowski 1997 (clusters); Owen 1956 (the
 * integral). */
double power_auc_sd(const PowerPlan *p, double auc);

/* power_of_auc - the chance that the interval lies above 0.5 when the true AUC is auc: that the estimate A
 * has (A - 0.5) / (s sd(A)) > q,  q the t quantile of the interval with min(users) - 1 degrees of freedom,
 * where A is normal about auc with deviation sd(auc), and s^2 a chi-square over its degrees of freedom,
 * Satterthwaite's of the two sides' variances. That the deviation sd(A) in the interval is the one at the
 * estimate matters with few users: an estimate that happens to be low comes with a long interval. (A
 * noncentral t, which takes it at the true AUC, is up to 0.07 too high for 4 to 6 users, other people on the
 * other side.) Checked by simulation (tests/unit/num/test_power.c): at 0.8 right to 0.04 for 3 users and more
 * a side. It knows nothing of the exact bound that roc_clustered takes when members and others are wholly
 * apart: with fewer than 6 users a side, an observed AUC of 1 is never above 0.5 at level 0.95. Errors:
 * ERR_ARG a number outside its range (named), or auc outside (0, 1). Cost: about 5 ms. */
Status power_of_auc(double *out, const PowerPlan *p, double auc, Err *e) PRIME_MUST_USE;

/* power_min_auc - the smallest AUC above 0.5 with at least the given power, in (0, 1); NaN where none below 1
 * has it. Errors: as power_of_auc; ERR_ARG power outside (0, 1). */
Status power_min_auc(double *out, const PowerPlan *p, double power, Err *e) PRIME_MUST_USE;

#endif
