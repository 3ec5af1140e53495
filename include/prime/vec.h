/* vec.h - kernels on one row of floats. They allocate nothing; lengths may be 0 unless said otherwise.
 * The exponential is a polynomial that compilers vectorise: relative error below 3e-7 on [-87, 88], 0 below,
 * exp(88) above, NaN for NaN, as the test proves against libm. */
#ifndef PRIME_VEC_H
#define PRIME_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* PRIME_CLONES before a function: it is compiled for the generations of x86-64 (psABI levels 1, 3 and 4), and
 * the program takes the one that the processor knows when it starts; results of two processors differ by
 * rounding (sums in more lanes). Nothing elsewhere, and where the whole program is compiled for one processor
 * or under a sanitizer. For functions with a loop that is worth a call. */
#if defined(__x86_64__) && defined(PRIME_CLONED)
#define PRIME_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define PRIME_CLONES
#endif

/* PRIME_WITHIN before a function that such functions call: it becomes part of each of them.
 * The compiler may else leave it outside, compiled for the oldest processor alone. */
#define PRIME_WITHIN static inline __attribute__((always_inline))

/* vec_exp_one - for loops that compilers vectorise; exp(-87) below -87. exp(x) = 2^n exp(r), |r| <= ln2/2;
 * the polynomial is the Taylor series to degree 7, whose remainder at ln2/2 is below 6e-9 of the value, so
 * that rounding dominates. Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits: no
 * conversion that NaN would make undefined; NaN comes back out of the polynomial. */
static inline float vec_exp_one(float x)
{
    x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    const float to_int = 12582912.0f;
    float t = x * 1.44269504088896341f + to_int, n = t - to_int;
    float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.0f / 5040.0f;
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    uint32_t bits;
    memcpy(&bits, &t, sizeof bits);
    bits = (bits + 127U) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

/* vec_exp - out[i] = exp(x[i]); out may be x. */
void vec_exp(float *out, const float *x, size_t n);
/* vec_sigmoid - out[i] = 1 / (1 + exp(-x[i])); out may be x. */
void vec_sigmoid(float *out, const float *x, size_t n);
/* vec_dot - sum of a[i]*b[i], accumulated in float lanes. */
float vec_dot(const float *a, const float *b, size_t n);
/* vec_dot_d - the same accumulated in double, for norms that are reported. */
double vec_dot_d(const float *a, const float *b, size_t n);
/* vec_axpy - y += alpha * x. */
void vec_axpy(float *y, float alpha, const float *x, size_t n);
/* vec_scale - x *= alpha. */
void vec_scale(float *x, float alpha, size_t n);
/* vec_softmax - x := softmax(x) in place; returns log sum exp of the input. n > 0. */
double vec_softmax(float *x, size_t n);
/* vec_argmax - index of the first largest entry. n > 0. */
size_t vec_argmax(const float *x, size_t n);
/* vec_finite - whether every entry is finite; *at (if not NULL) is the first that is not. */
bool vec_finite(const float *x, size_t n, size_t *at);

#endif
