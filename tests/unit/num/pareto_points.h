/* pareto_points.h - random point sets for tests, on a grid so that ties and duplicates occur. */
#ifndef PRIME_TEST_PARETO_POINTS_H
#define PRIME_TEST_PARETO_POINTS_H

#include "prime/rng.h"

#include <math.h>
#include <stddef.h>

/* pts [n, m] in [0, 1), multiples of 1 / grid. */
static inline void points_grid(double *pts, size_t n, size_t m, uint64_t seed, double grid)
{
    Rng r = rng_stream(seed, "pareto", m);
    for (size_t i = 0; i < n * m; i++) pts[i] = floor(rng_uniform(&r) * grid) / grid;
}

/* pts [n, m] on the sphere's part below the reference (1, ..., 1): none dominates another. */
static inline void points_sphere(double *pts, size_t n, size_t m, uint64_t seed)
{
    Rng r = rng_stream(seed, "sphere", m);
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = 0; j < m; j++) {
            pts[i * m + j] = fabs(rng_normal(&r));
            sum += pts[i * m + j] * pts[i * m + j];
        }
        for (size_t j = 0; j < m; j++) pts[i * m + j] = 1 - pts[i * m + j] / sqrt(sum);
    }
}

#endif
