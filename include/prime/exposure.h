/* exposure.h - how much better a model knows an inserted secret than alternatives of the same form, in bits.
 * Source: Carlini et al. 2019, arXiv:1802.08232. Reference: fixtures/ref/attack/exposure.json. */
#ifndef PRIME_EXPOSURE_H
#define PRIME_EXPOSURE_H

#include "prime/skewnorm.h"

/* exposure_rank - bits [n] = log2 m - log2 rank for secrets x [n] among references r [m], both losses
 * (log-perplexities, or anything of which less is better known); rank [n] (may be NULL) = 1 + references with
 * a loss <= the secret's: ties count against exposure. At most log2 m; slightly below 0 for a secret that
 * every reference beats, whose rank is m + 1. Errors: ERR_SHAPE m = 0; ERR_NUM; ERR_NOMEM. Cost: O((n + m)
 * log m). */
Status exposure_rank(double *bits, size_t *rank, const double *x, size_t n, const double *r, size_t m,
                     Err *e) PRIME_MUST_USE;

/* exposure_fit - bits [n] = -log2 F(x), F a skew normal fitted to the references (skewnorm_fit): not bounded
 * by their number, and only as good as the fit in a tail without references. *d is the fit. Errors: those of
 * skewnorm_fit. */
Status exposure_fit(double *bits, SkewNorm *d, const double *x, size_t n, const double *r, size_t m,
                    Err *e) PRIME_MUST_USE;
/* exposure_bits - the same under a given distribution. */
double exposure_bits(const SkewNorm *d, double x);

#endif
