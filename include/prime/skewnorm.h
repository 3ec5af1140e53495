/* skewnorm.h - the skew normal distribution: density 2/scale phi(z) Phi(shape z), z = (x - loc) / scale.
 * Source: Azzalini 1985, Scand. J. Statist. 12. Reference: fixtures/ref/attack/skewnorm.csv, exposure.json.
 */
#ifndef PRIME_SKEWNORM_H
#define PRIME_SKEWNORM_H

#include "prime/err.h"

#include <stddef.h>

typedef struct {
    double shape, loc, scale; /* scale > 0 */
} SkewNorm;

/* skewnorm_logpdf, skewnorm_logcdf - natural logarithms of density and distribution function. The latter
 * integrates the density from below by Gauss's rule on panels that shrink towards x, and is a series where
 * shape z < -1000: relative accuracy of the function itself 1e-10 at any shape, also far in the lower tail,
 * where the difference of Phi and Owen's T has no digit left. */
double skewnorm_logpdf(const SkewNorm *d, double x);
double skewnorm_logcdf(const SkewNorm *d, double x);

/* skewnorm_fit - the maximum likelihood fit to x [n] by a simplex search (GSL) from several shapes; *nll is
 * minus the log-likelihood there. In small samples the likelihood may rise for ever with the shape: the
 * search then ends at a large one. Errors: ERR_SHAPE n < 3; ERR_NUM x not finite, or all equal; ERR_NOMEM.
 * Cost: some thousand passes over x. */
Status skewnorm_fit(SkewNorm *d, double *nll, const double *x, size_t n, Err *e) PRIME_MUST_USE;

#endif
