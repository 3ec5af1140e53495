/* vec_priv.h - the largest entry, within functions that are compiled for several processors. */
#ifndef PRIME_VEC_PRIV_H
#define PRIME_VEC_PRIV_H

#include "prime/vec.h"

#include <assert.h>
#include <stddef.h>

/* vec_max - of x [n], n > 0. */
PRIME_WITHIN float vec_max(const float *x, size_t n)
{
    assert(n > 0);
    float m = x[0];
#pragma omp simd reduction(max : m)
    for (size_t i = 0; i < n; i++) m = x[i] > m ? x[i] : m;
    return m;
}

#endif
