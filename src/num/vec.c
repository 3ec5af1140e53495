#include "prime/vec.h"

#include <assert.h>
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

static float vec_max(const float *x, size_t n)
{
    assert(n > 0);
    float m = x[0];
#pragma omp simd reduction(max : m)
    for (size_t i = 0; i < n; i++) m = x[i] > m ? x[i] : m;
    return m;
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

PRIME_CLONES double vec_lse(const float *x, size_t n)
{
    float m = vec_max(x, n), s = 0;
#pragma omp simd reduction(+ : s)
    for (size_t i = 0; i < n; i++) s += vec_exp_one(x[i] - m);
    return (double)m + log((double)s);
}

/* Largest entry, and how many come before x[at] in descending order. */
static float vec_max_above(size_t *above, const float *x, size_t n, size_t at)
{
    float m = x[0], mine = x[at];
    unsigned larger = 0, equal = 0;
#pragma omp simd reduction(max : m) reduction(+ : larger)
    for (size_t i = 0; i < n; i++) {
        m = x[i] > m ? x[i] : m;
        larger += x[i] > mine;
    }
#pragma omp simd reduction(+ : equal)
    for (size_t i = 0; i < at; i++) equal += x[i] == mine;
    *above = (size_t)larger + equal;
    return m;
}

PRIME_CLONES VecMoments vec_moments(const float *x, size_t n, size_t at)
{
    enum { BLOCK = 1024 };
    assert(n > 0 && at < n);
    VecMoments out = {0};
    double s0 = 0, s1 = 0, s2 = 0;
    float m = vec_max_above(&out.above, x, n, at);
    for (size_t from = 0; from < n; from += BLOCK) {
        size_t to = n - from < BLOCK ? n : from + BLOCK;
        float a = 0, b = 0, c = 0;
#pragma omp simd reduction(+ : a, b, c)
        for (size_t i = from; i < to; i++) {
            float d = x[i] - m, y = vec_exp_one(d), yd = y * d;
            a += y;
            b += yd;
            c += yd * d;
        }
        s0 += (double)a;
        s1 += (double)b;
        s2 += (double)c;
    }
    double mean = s1 / s0, var = s2 / s0 - mean * mean;
    out.lse = (double)m + log(s0);
    out.mean = mean - log(s0);
    out.sd = sqrt(var > 0 ? var : isnan(var) ? NAN : 0);
    return out;
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
