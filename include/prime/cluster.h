/* cluster.h - k-means and cosine similarity of embeddings. Storage float, sums in double. */
#ifndef PRIME_CLUSTER_H
#define PRIME_CLUSTER_H

#include "prime/err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    size_t k;        /* 1 .. n */
    size_t restarts; /* 0 = 10 */
    size_t max_iter; /* of Lloyd's algorithm, 0 = 300 */
    uint64_t seed;   /* restart r draws from the stream (seed, "cluster", r) */
} ClusterOpts;

/* cluster_kmeans - centre [K, D] and label [N] of the best of several restarts.
 *   x        [N, D]  row-major, borrowed
 *   inertia          sum of squared distances to the own centre; may be NULL
 * Seeding is k-means++. A cluster that runs empty takes the point that is farthest from its centre. Ties go
 * to the lower index everywhere, so the result depends on x, k and the seed alone. Every cluster owns a point
 * unless there are fewer distinct points than clusters.
 * Errors: ERR_ARG k = 0 or k > n; ERR_SHAPE d = 0; ERR_NUM x not finite; ERR_NOMEM.
 * Cost: O(restarts * iterations * N K D).
 * Source: Lloyd 1982; Arthur and Vassilvitskii 2007 (k-means++). */
Status cluster_kmeans(float *centre, size_t *label, double *inertia, const float *x, size_t n, size_t d,
                      const ClusterOpts *o, Err *e) PRIME_MUST_USE;

/* cluster_cosine - cosine of the angle between a [d] and b [d], in [-1, 1]; 0 when one of them is zero. */
double cluster_cosine(const float *a, const float *b, size_t d);

#endif
