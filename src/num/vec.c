#include "prime/vec.h"

#include "vec_priv.h"

#include <math.h>

PRIME_CLONES void vec_exp(float *out, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float y = vec_exp_one(x[i]);
        out[i] = x[i] < -87.0f ? 0.0f : y;
    }
}

PRIME_CLONES void vec_sigmoid(float *out, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) out[i] = 1.0f / (1.0f + vec_exp_one(-x[i]));
}

PRIME_CLONES float vec_dot(const float *a, const float *b, size_t n)
{
    float s = 0;
#pragma omp simd reduction(+ : s)
    for (size_t i = 0; i < n; i++) s += a[i] * b[i];
    return s;
}

PRIME_CLONES double vec_dot_d(const float *a, const float *b, size_t n)
{
    double s = 0;
#pragma omp simd reduction(+ : s)
    for (size_t i = 0; i < n; i++) s += (double)a[i] * (double)b[i];
    return s;
}

PRIME_CLONES void vec_axpy(float *y, float alpha, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] += alpha * x[i];
}

PRIME_CLONES void vec_scale(float *x, float alpha, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) x[i] *= alpha;
}

PRIME_CLONES double vec_softmax(float *x, size_t n)
{
    float m = vec_max(x, n), s = 0;
#pragma omp simd reduction(+ : s)
    for (size_t i = 0; i < n; i++) {
        float y = vec_exp_one(x[i] - m);
        s += y;
        x[i] = y;
    }
    vec_scale(x, 1.0f / s, n);
    return (double)m + log((double)s);
}

PRIME_CLONES size_t vec_argmax(const float *x, size_t n)
{
    float m = vec_max(x, n);
    size_t i = 0;
    while (i + 1 < n && x[i] < m) i++;
    return i;
}

PRIME_CLONES bool vec_finite(const float *x, size_t n, size_t *at)
{
    float s = 0; /* 0 * x is NaN exactly where x is not finite */
#pragma omp simd reduction(+ : s)
    for (size_t i = 0; i < n; i++) s += 0.0f * x[i];
    if (s == 0.0f) return true;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(x[i])) continue;
        if (at != NULL) *at = i;
        break;
    }
    return false;
}
