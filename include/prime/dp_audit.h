/* dp_audit.h - how much privacy was lost at least: lower bounds of epsilon from what an attack got right.
 *
 * Each holds with probability 1 - p over the audit, for a threshold or a number of guesses that was fixed
 * before the data were seen; trying several needs p divided by their number. They bound the epsilon of the
 * relation by which the canaries were put in or left out. Zero is an answer: nothing was shown. */
#ifndef PRIME_DP_AUDIT_H
#define PRIME_DP_AUDIT_H

#include "prime/err.h"

#include <stddef.h>

/* An audit in one run: m canaries, each put in with probability 1/2 on its own; `guesses` of them were judged
 * in or out, `correct` of these rightly. */
typedef struct {
    size_t m, guesses, correct; /* correct <= guesses <= m, m >= 1 */
    double delta;               /* [0, 1); f-DP: (0, 1) */
    double p;                   /* error probability, (0, 1) */
} DpOneRun;

/* dp_one_run_p - the p-value of "the mechanism is (epsilon, delta)-DP":
 * min(1, beta + 2 m delta alpha), beta = P[Bin(r, e^eps / (1 + e^eps)) >= v],
 * alpha = max over 1 <= i <= v of P[v > Bin >= v - i] / i. Rises with epsilon. Errors: ERR_ARG. Cost: O(v).
 * dp_one_run_epsilon - the largest epsilon whose p-value is below p, to 1e-9; 0 if there is none.
 * Source: Steinke, Nasr and Jagielski 2023, arXiv:2305.08846, thm. 5.2 and app. D. */
Status dp_one_run_p(double *p, const DpOneRun *a, double epsilon, Err *e) PRIME_MUST_USE;
Status dp_one_run_epsilon(double *epsilon, const DpOneRun *a, Err *e) PRIME_MUST_USE;

/* dp_one_run_fdp - the same audit against the trade-off curves of N(0, 1) and N(mu, 1): the largest mu that
 * is refuted, and its epsilon at delta. Tighter when the mechanism is Gaussian in its shape, and only valid
 * as a bound on such mechanisms. mu may be NULL. Source: Mahloujifar, Melis and Chaudhuri 2024,
 * arXiv:2410.22235, alg. 3 (with abstentions). */
Status dp_one_run_fdp(double *epsilon, double *mu, const DpOneRun *a, Err *e) PRIME_MUST_USE;

/* An audit over many runs, or many independent canaries: counts of a membership test at one threshold. */
typedef struct {
    size_t tp, fn, fp, tn; /* tp + fn >= 1, fp + tn >= 1 */
    double delta;          /* [0, 1); GDP: (0, 1) */
    double alpha;          /* error probability of the whole statement, (0, 1) */
    size_t thresholds;     /* how many were tried before this one was picked; alpha is divided by it */
} DpCounts;

typedef struct {
    double epsilon;        /* max(0, members, nonmembers) */
    double members;        /* log((TPR_lo - delta) / FPR_hi), -INFINITY where the argument is not positive */
    double nonmembers;     /* log((TNR_lo - delta) / FNR_hi) */
    double tpr_lo, fpr_hi; /* Clopper-Pearson, alpha / 2 each; TNR_lo = 1 - FPR_hi, FNR_hi = 1 - TPR_lo */
} DpCountsEps;

/* dp_counts_epsilon - from the two exact bounds, which both sides share. Errors: ERR_ARG.
 * Source: Nasr et al. 2021, arXiv:2101.04535; Kairouz, Oh and Viswanath 2015, thm. 2.1. */
Status dp_counts_epsilon(DpCountsEps *out, const DpCounts *c, Err *e) PRIME_MUST_USE;

/* dp_counts_gdp - mu = Phi^-1(1 - FPR_hi) - Phi^-1(FNR_hi), at least 0, and its epsilon at delta: a bound for
 * mechanisms whose trade-off curve is Gaussian. mu may be NULL. Errors: ERR_ARG.
 * Source: Nasr et al. 2023, arXiv:2302.07956, sec. 4. */
Status dp_counts_gdp(double *epsilon, double *mu, const DpCounts *c, Err *e) PRIME_MUST_USE;

#endif
