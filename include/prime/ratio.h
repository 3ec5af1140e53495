/* ratio.h - lower confidence bounds of a ratio of two rates, TPR / FPR above all: its logarithm bounds
 * epsilon from below at delta = 0, for one threshold that was fixed beforehand. Over the best of many
 * thresholds the bounds do not hold: divide alpha by their number. */
#ifndef PRIME_RATIO_H
#define PRIME_RATIO_H

#include "prime/err.h"

#include <stddef.h>

/* One row per bound. */
typedef struct {
    const char *name, *what, *source;
    /* of (x / m) / (y / n); z the normal quantile 1 - alpha */
    double (*fn)(double x, double m, double y, double n, double z, double alpha);
} RatioBound;
/* ratio_bound_at - katz-log, adjusted-log, bailey, inv-sinh, clopper-pearson; NULL past the end.
 * Where a count is 0 or full: 0 for x = 0 (adjusted-log: only if y = 0 too); one half less where x and y are
 * both full (bailey: each by itself); y = 0 counts as one half (inv-sinh: z^2; adjusted-log: as it is).
 * clopper-pearson is the exact lower bound of x over the exact upper one of y, each at alpha / 2: the
 * only one of them that holds for small counts. The normal ones miss most at y = 0.
 * Reference: fixtures/ref/num/ratio_bounds.csv.
 * Differs: for y = n the reference's clopper-pearson gives 0; here the upper bound of y / n is 1. */
const RatioBound *ratio_bound_at(size_t i);

/* ratio_lower - the named bound for x of m against y of n, error alpha on this side.
 * Errors: ERR_ARG unknown name, x > m, y > n, m or n 0, alpha outside (0, 0.5). */
Status ratio_lower(double *out, const char *name, size_t x, size_t m, size_t y, size_t n, double alpha,
                   Err *e) PRIME_MUST_USE;

#endif
