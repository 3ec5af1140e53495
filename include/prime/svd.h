/* svd.h - singular vectors and low-rank approximations, through the Gram matrix of the smaller side in double
 * (LAPACK's dsyevr). Input is float32, whose own rounding is 6e-8: singular values below SVD_TINY of the
 * largest cannot be told from noise and count as zero. */
#ifndef PRIME_SVD_H
#define PRIME_SVD_H

#include "prime/err.h"

#include <stddef.h>

#define SVD_TINY 1e-7

/* svd_cut - the best approximation of x by a product of rank r: x ~ b a, with the root of each singular value
 * in either factor. Source: Eckart and Young 1936.
 *   b     [m, r]  written; columns beyond the rank of x are zero
 *   a     [r, n]  written
 *   lost          Frobenius norm of x - b a; absolute accuracy about 1e-8 of that of x
 *   x     [m, n]  1 <= r <= min(m, n) (asserted)
 * Errors: ERR_NUM entries that are not finite, or no convergence; ERR_NOMEM.
 * Cost: p^2 q + 4/3 p^3 + 2 p q r with p the smaller of m, n and q the larger. */
Status svd_cut(float *b, float *a, double *lost, const float *x, size_t m, size_t n, size_t r,
               Err *e) PRIME_MUST_USE;

/* svd_cut_product - the same for x = p q, which is not formed: p [m, k], q [k, n], 1 <= r <= k (asserted).
 * Cost: k^2 (m + n) + k^3. */
Status svd_cut_product(float *b, float *a, double *lost, const float *p, const float *q, size_t m, size_t n,
                       size_t k, size_t r, Err *e) PRIME_MUST_USE;

/* svd_basis - left singular vectors and singular values of p q, of which only p and the Gram matrix of q's
 * rows are needed.
 *   u     [m, k]  the first *rank columns are written, row distance k
 *   s     [k]     descending
 *   rank          how many of them exceed SVD_TINY times the largest
 *   p     [m, k]; gram [k, k] = q q^T, both triangles
 * Errors: as above. Cost: k^2 m + k^3. */
Status svd_basis(double *u, double *s, size_t *rank, const double *p, const double *gram, size_t m, size_t k,
                 Err *e) PRIME_MUST_USE;

#endif
