/* subspace.h - principal angles between the factors of two adapters: B's columns span what an update can
 * write (the column space of dW where A has full rank), A's rows what it reads. */
#ifndef PRIME_SUBSPACE_H
#define PRIME_SUBSPACE_H

#include "prime/lora.h"

typedef enum { SUBSPACE_ROWS /* of A */, SUBSPACE_COLUMNS /* of B */ } SubspaceSide;

/* subspace_cosines - cosine [min(r_x, r_y)] of the principal angles at one site, descending; *k of them, the
 * smaller of the two numerical ranks (directions below 1e-5 of the largest are noise). Spaces drawn
 * independently in n dimensions have a mean squared cosine of max(r)/n. Errors: ERR_ARG site out of range, or
 * one that an adapter does not have; ERR_SHAPE adapters of different models; ERR_NUM; ERR_NOMEM. Accuracy
 * 1e-8. Cost: O((r_x + r_y)^2 n). Source: Bjorck and Golub 1973, Math. Comp. 27. Differs: orthonormal bases
 * come from Gram matrices in double. */
Status subspace_cosines(double *cosine, size_t *k, const Lora *x, const Lora *y, size_t site,
                        SubspaceSide side, Err *e) PRIME_MUST_USE;

/* subspace_overlap - the mean squared cosine over all sites of a layer, or of SUBSPACE_ALL of them, that both
 * have; in [0, 1]. Errors: as above; ERR_ARG no site with directions on both sides, or a layer out of range.
 */
#define SUBSPACE_ALL ((size_t)-1)
Status subspace_overlap(double *overlap, const Lora *x, const Lora *y, SubspaceSide side, size_t layer,
                        Err *e) PRIME_MUST_USE;

#endif
