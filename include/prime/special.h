/* special.h - special functions that keep their digits in the tails: logarithms where the value itself would
 * be zero, tails of the binomial distribution. GSL, of which num is the sole owner. */
#ifndef PRIME_SPECIAL_H
#define PRIME_SPECIAL_H

#include <stddef.h>

/* special_log_norm_cdf - log Phi(z) of the standard normal, for any z: about -z^2/2 far on the left, where
 * Phi itself is zero. -INFINITY at -INFINITY. Accuracy: 1e-14 relative. */
double special_log_norm_cdf(double z);
/* special_log_choose - log of n choose k for whole 0 <= k <= n; -INFINITY for k > n. */
double special_log_choose(size_t n, size_t k);
/* special_log_add - log(e^a + e^b); either may be -INFINITY. */
double special_log_add(double a, double b);
/* special_binom_tail - P(Bin(n, p) >= k), p in [0, 1]; 1 at k = 0, 0 for k > n. Accuracy: 1e-12 relative. */
double special_binom_tail(size_t k, size_t n, double p);

#endif
