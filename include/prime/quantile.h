/* quantile.h - the quantile attack: each record has a threshold of its own, which non-members that look alike
 * would pass with a given rate. One fit replaces shadow models. */
#ifndef PRIME_QUANTILE_H
#define PRIME_QUANTILE_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* quantile_fit - coefficients b [d + 1] (constant first) of the linear function of x [n, d] that is the tau
 * quantile of y [n]: the least sum of check losses, by majorisation (Hunter and Lange 2000), features
 * standardised inside. Errors: ERR_SHAPE n = 0; ERR_ARG tau outside (0, 1); ERR_NUM; ERR_NOMEM. */
Status quantile_fit(double *b, const double *y, const double *x, size_t n, size_t d, double tau,
                    Err *e) PRIME_MUST_USE;

typedef struct {
    double tau;    /* 0 = 0.95: false positives of the fit 5% */
    size_t folds;  /* 0 = 5 */
    uint64_t seed; /* which person is in which fold: stream (seed, "quantile folds", 0) */
} QuantileOpts;

/* quantile_scores - score [n] = y - q(x): y a score of the attack (say, `loss`), x features that do not come
 * from the attacked model (length, the reference's loss). q is fitted to the non-members of the other folds;
 * folds are of people, so that nobody's threshold comes from their own texts. person [n] < n_people. Errors:
 * as quantile_fit; ERR_SHAPE a fold whose others hold no non-member. Source: Bertran et al. 2023,
 * arXiv:2307.03694. Differs: a linear quantile instead of a network. */
Status quantile_scores(double *score, const double *y, const double *x, size_t n, size_t d,
                       const bool *member, const size_t *person, size_t n_people, const QuantileOpts *o,
                       Err *e) PRIME_MUST_USE;

#endif
