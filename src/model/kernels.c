#include "kernels.h"

#include "prime/mat.h"
#include "prime/vec.h"

#include <math.h>
#include <string.h>

/* ---- norms ---- */

PRIME_WITHIN void norm_stat(float stat[2], const float *x, size_t c, NormKind kind, double eps)
{
    float mean = 0, square;
    if (kind == NORM_LAYER) {
#pragma omp simd reduction(+ : mean)
        for (size_t j = 0; j < c; j++) mean += x[j];
        mean /= (float)c;
        square = 0;
#pragma omp simd reduction(+ : square)
        for (size_t j = 0; j < c; j++) square += (x[j] - mean) * (x[j] - mean);
    } else {
        square = vec_dot(x, x, c);
    }
    stat[0] = mean;
    stat[1] = 1.0f / sqrtf(square / (float)c + (float)eps);
}

PRIME_CLONES void norm_fwd(float *out, float *stat, const float *x, const float *w, const float *b, size_t n,
                           size_t c, NormKind kind, double eps)
{
    float plus = kind == NORM_RMS_PLUS1 ? 1 : 0;
    for (size_t i = 0; i < n; i++, x += c, out += c, stat += 2) {
        norm_stat(stat, x, c, kind, eps);
        float mean = stat[0], r = stat[1];
#pragma omp simd
        for (size_t j = 0; j < c; j++) out[j] = (x[j] - mean) * r * (w[j] + plus);
        if (b != NULL) vec_axpy(out, 1, b, c);
    }
}

/* With h = (x - mean) r and g = dout w: dx = r (g - mean(g) - h mean(g h)); without a mean its term falls
 * away. */
PRIME_WITHIN void norm_bwd_row(float *dx, const float *dout, const float *x, const float *w, float plus,
                               size_t c, const float stat[2], bool centred)
{
    float mean = stat[0], r = stat[1], sum = 0, dot = 0;
#pragma omp simd reduction(+ : sum, dot)
    for (size_t j = 0; j < c; j++) {
        float g = dout[j] * (w[j] + plus);
        sum += g;
        dot += g * (x[j] - mean);
    }
    float back = dot * r * r * r / (float)c, shift = centred ? sum * r / (float)c : 0;
#pragma omp simd
    for (size_t j = 0; j < c; j++) dx[j] += dout[j] * (w[j] + plus) * r - shift - (x[j] - mean) * back;
}

PRIME_CLONES void norm_bwd(float *dx, float *dw, float *db, const float *dout, const float *x, const float *w,
                           const float *stat, size_t n, size_t c, NormKind kind)
{
    float plus = kind == NORM_RMS_PLUS1 ? 1 : 0;
    for (size_t i = 0; i < n; i++, x += c, dout += c, dx += c, stat += 2) {
        norm_bwd_row(dx, dout, x, w, plus, c, stat, kind == NORM_LAYER);
        if (dw == NULL) continue;
        float mean = stat[0], r = stat[1];
#pragma omp simd
        for (size_t j = 0; j < c; j++) dw[j] += dout[j] * (x[j] - mean) * r;
        if (db != NULL) vec_axpy(db, 1, dout, c);
    }
}

/* ---- rotary positions ---- */

void rope_angles(float *cos_out, float *sin_out, const double *freq, double pos, double gain, size_t half)
{
    for (size_t j = 0; j < half; j++) {
        cos_out[j] = (float)(gain * cos(pos * freq[j]));
        sin_out[j] = (float)(gain * sin(pos * freq[j]));
    }
}

PRIME_CLONES void rope_apply(float *x, size_t ld, const float *co, const float *si, size_t n, size_t n_heads,
                             size_t d, size_t dim, float sign)
{
    size_t half = dim / 2;
    for (size_t i = 0; i < n; i++, co += half, si += half) {
        for (size_t h = 0; h < n_heads; h++) {
            float *a = x + i * ld + h * d, *b = a + half;
#pragma omp simd
            for (size_t j = 0; j < half; j++) {
                float s = sign * si[j], u = a[j], v = b[j];
                a[j] = u * co[j] - v * s;
                b[j] = v * co[j] + u * s;
            }
        }
    }
}

/* ---- activations ---- */

/* Everything goes through a tile, so that the loops stay simple enough to vectorise. */
enum { ACT_TILE = 256 };

/* y = f(x), and slope = f'(x) unless NULL; s is scratch. */
PRIME_CLONES static void silu_tile(float *y, float *slope, float *s, const float *x, size_t n)
{
    vec_sigmoid(s, x, n);
    if (slope == NULL) {
#pragma omp simd
        for (size_t j = 0; j < n; j++) y[j] = x[j] * s[j];
        return;
    }
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        y[j] = x[j] * s[j];
        slope[j] = s[j] * (1.0f + x[j] * (1.0f - s[j]));
    }
}

/* x/2 (1 + tanh z) = x sigmoid(2z) with z = sqrt(2/pi) (x + 0.044715 x^3). */
PRIME_CLONES static void gelu_tanh_tile(float *y, float *slope, float *s, const float *x, size_t n)
{
    const float a = 1.5957691216057308f, b = 0.044715f;
#pragma omp simd
    for (size_t j = 0; j < n; j++) y[j] = a * (x[j] + b * x[j] * x[j] * x[j]);
    vec_sigmoid(s, y, n);
#pragma omp simd
    for (size_t j = 0; j < n; j++) y[j] = x[j] * s[j];
    if (slope == NULL) return;
#pragma omp simd
    for (size_t j = 0; j < n; j++)
        slope[j] = s[j] * (1.0f + x[j] * (1.0f - s[j]) * a * (1.0f + 3.0f * b * x[j] * x[j]));
}

/* x Phi(x), Phi the normal distribution function. */
static void gelu_tile(float *y, float *slope, float *s, const float *x, size_t n)
{
    (void)s;
    for (size_t j = 0; j < n; j++) {
        float phi = 0.5f * erfcf(-x[j] * 0.70710678118654752f);
        y[j] = x[j] * phi;
        if (slope != NULL) slope[j] = phi + x[j] * 0.39894228040143268f * expf(-0.5f * x[j] * x[j]);
    }
}

static void relu_tile(float *y, float *slope, float *s, const float *x, size_t n)
{
    (void)s;
    for (size_t j = 0; j < n; j++) {
        y[j] = x[j] > 0 ? x[j] : 0;
        if (slope != NULL) slope[j] = x[j] > 0 ? 1 : 0;
    }
}

static void (*const act_tiles[ACT_KINDS])(float *, float *, float *, const float *, size_t) = {
    [ACT_SILU] = silu_tile, [ACT_GELU] = gelu_tile, [ACT_GELU_TANH] = gelu_tanh_tile, [ACT_RELU] = relu_tile};

/* act = silu(g) u, the activation of most families. Exponentials go through a short tile: in one loop with
 * the division, GCC makes iterations wait for each other. */
PRIME_CLONES static void silu_gated(float *act, const float *gu, size_t n, size_t f)
{
    enum { TILE = 64 };
    float s[TILE];
    for (size_t i = 0; i < n; i++, act += f, gu += 2 * f)
        for (size_t at = 0; at < f; at += TILE) {
            size_t m = f - at < TILE ? f - at : TILE;
            const float *g = gu + at, *u = gu + f + at;
            float *y = act + at;
#pragma omp simd
            for (size_t j = 0; j < m; j++) s[j] = vec_exp_one(-g[j]);
#pragma omp simd
            for (size_t j = 0; j < m; j++) y[j] = g[j] / (1.0f + s[j]) * u[j];
        }
}

PRIME_CLONES void act_fwd(float *act, const float *gu, size_t n, size_t f, ActKind kind, bool gated)
{
    float s[ACT_TILE];
    size_t ld = gated ? 2 * f : f;
    if (gated && kind == ACT_SILU) {
        silu_gated(act, gu, n, f);
        return;
    }
    for (size_t i = 0; i < n; i++, act += f, gu += ld)
        for (size_t at = 0; at < f; at += ACT_TILE) {
            size_t m = f - at < ACT_TILE ? f - at : ACT_TILE;
            const float *u = gu + f + at;
            float *y = act + at;
            act_tiles[kind](y, NULL, s, gu + at, m);
            if (!gated) continue;
#pragma omp simd
            for (size_t j = 0; j < m; j++) y[j] *= u[j];
        }
}

PRIME_CLONES void act_bwd(float *dgu, const float *dact, const float *gu, size_t n, size_t f, ActKind kind,
                          bool gated)
{
    float y[ACT_TILE], slope[ACT_TILE], s[ACT_TILE];
    size_t ld = gated ? 2 * f : f;
    for (size_t i = 0; i < n; i++, dact += f, gu += ld, dgu += ld)
        for (size_t at = 0; at < f; at += ACT_TILE) {
            size_t m = f - at < ACT_TILE ? f - at : ACT_TILE;
            const float *d = dact + at, *u = gu + f + at;
            float *dg = dgu + at, *du = dgu + f + at;
            act_tiles[kind](y, slope, s, gu + at, m);
            if (!gated) {
#pragma omp simd
                for (size_t j = 0; j < m; j++) dg[j] = d[j] * slope[j];
                continue;
            }
#pragma omp simd
            for (size_t j = 0; j < m; j++) {
                du[j] = d[j] * y[j];
                dg[j] = d[j] * slope[j] * u[j];
            }
        }
}

void softcap_apply(float *x, size_t n, float cap)
{
    for (size_t i = 0; i < n; i++) x[i] = cap * tanhf(x[i] / cap);
}

/* ---- dropout ---- */

/* A 32-bit hash of the entry's index under the key (two rounds of xor-shift and multiply), cheap enough to be
 * taken for every entry and simple enough to vectorise. */
static inline uint32_t dropout_hash(uint64_t key, size_t i)
{
    uint32_t x = (uint32_t)i ^ (uint32_t)key;
    x = (x ^ (x >> 16)) * 0x7FEB352DU;
    x = (x ^ (x >> 15)) + (uint32_t)(key >> 32);
    x *= 0x846CA68BU;
    return x ^ (x >> 16);
}

static uint32_t dropout_limit(double p)
{
    return (uint32_t)(p * 4294967295.0);
}

PRIME_CLONES void dropout_apply(float *out, const float *x, size_t n, double p, uint64_t key, size_t first)
{
    uint32_t limit = dropout_limit(p);
    float keep = (float)(1.0 / (1.0 - p));
#pragma omp simd
    for (size_t i = 0; i < n; i++) out[i] = dropout_hash(key, first + i) < limit ? 0.0f : x[i] * keep;
}

PRIME_CLONES void dropout_add(float *out, const float *x, size_t n, double p, uint64_t key, size_t first)
{
    uint32_t limit = dropout_limit(p);
    float keep = (float)(1.0 / (1.0 - p));
#pragma omp simd
    for (size_t i = 0; i < n; i++) out[i] += dropout_hash(key, first + i) < limit ? 0.0f : x[i] * keep;
}
