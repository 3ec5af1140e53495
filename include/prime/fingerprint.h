/* fingerprint.h - which adapters are in a merge, and with what weight: least squares of the merged update on
 * the candidates' updates, through inner products of factors alone. No dense update is formed. Whoever holds
 * the adapters can do this; adapters of different people are nearly orthogonal, so that weights are read off.
 * Differs: nothing is published under this name; the normal equations are the textbook's. */
#ifndef PRIME_FINGERPRINT_H
#define PRIME_FINGERPRINT_H

#include "prime/lora.h"

#include <stdbool.h>

/* What is compared. UPDATE: dW = s B A, right for the exact sum and whatever is close to it. A, B: the
 * factors themselves, right for merges that weight factors (PriME's operator: A = sum w A_i and B = sum w
 * B_i), whose dW has cross terms that no candidate spans. */
typedef enum { FINGERPRINT_UPDATE, FINGERPRINT_A, FINGERPRINT_B } FingerprintView;

/* Inner products of n candidates and, last, the merge: dot [n_layers, n + 1, n + 1]. */
typedef struct {
    size_t n, n_layers;
    double *dot;
} Fingerprint;

/* fingerprint_new - Errors: ERR_ARG n = 0; ERR_SHAPE adapters of different models, or in a view of factors of
 * different ranks (candidate named); ERR_NUM an inner product that is not finite; ERR_NOMEM.
 * Cost: n^2 / 2 inner products, O(r^2 (n_in + n_out)) a site each. */
Status fingerprint_new(Fingerprint **f, const Lora *merged, const Lora *const *cand, size_t n,
                       FingerprintView view, Err *e) PRIME_MUST_USE;
void fingerprint_free(Fingerprint *f); /* accepts NULL */

typedef struct {
    double residual; /* share of the merge's squared norm that the candidates do not explain, in [0, 1] */
    size_t rank; /* candidates that are linearly independent; where fewer than the pool, w is the shortest */
} FingerprintFit;

#define FINGERPRINT_ALL ((size_t)-1)

/* fingerprint_fit - w [n], 0 outside the pool (NULL: everybody), from one layer or FINGERPRINT_ALL of them.
 * Accuracy: weights about 1e-6 of the largest where candidates are far from collinear (float32 factors),
 * residual 1e-12. Errors: ERR_ARG a layer out of range or an empty pool; ERR_NUM the merge is zero there;
 * ERR_NOMEM. */
Status fingerprint_fit(double *w, FingerprintFit *fit, const Fingerprint *f, size_t layer, const bool *pool,
                       Err *e) PRIME_MUST_USE;

/* fingerprint_alone - share [n]: how much the residual grows when candidate i is not in the pool: what only
 * this person explains. Errors: as fingerprint_fit; ERR_ARG fewer than 2 candidates. */
Status fingerprint_alone(double *share, const Fingerprint *f, size_t layer, Err *e) PRIME_MUST_USE;

/* fingerprint_error - root mean square of w - truth [n], n > 0. */
double fingerprint_error(const double *w, const double *truth, size_t n);

#endif
