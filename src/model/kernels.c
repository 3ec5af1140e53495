#include "kernels.h"

#include "prime/mat.h"
#include "prime/vec.h"

#include <math.h>
#include <string.h>

void norm_fwd(float *out, float *rstd, const float *x, const float *w, size_t n, size_t c, double eps)
{
    for (size_t i = 0; i < n; i++, x += c, out += c) {
        float r = 1.0f / sqrtf(vec_dot(x, x, c) / (float)c + (float)eps);
        rstd[i] = r;
#pragma omp simd
        for (size_t j = 0; j < c; j++) out[j] = x[j] * r * w[j];
    }
}

void norm_bwd(float *dx, float *dw, const float *dout, const float *x, const float *w, const float *rstd,
              size_t n, size_t c)
{
    for (size_t i = 0; i < n; i++, x += c, dout += c, dx += c) {
        float r = rstd[i], dot = 0;
#pragma omp simd reduction(+ : dot)
        for (size_t j = 0; j < c; j++) dot += dout[j] * w[j] * x[j];
        float back = dot * r * r * r / (float)c;
#pragma omp simd
        for (size_t j = 0; j < c; j++) dx[j] += dout[j] * w[j] * r - x[j] * back;
        if (dw == NULL) continue;
#pragma omp simd
        for (size_t j = 0; j < c; j++) dw[j] += dout[j] * x[j] * r;
    }
}

void rope_apply(float *x, size_t ld, const size_t *pos, const float *cos, const float *sin, size_t n,
                size_t n_heads, size_t d, float sign)
{
    size_t half = d / 2;
    for (size_t i = 0; i < n; i++) {
        const float *co = cos + pos[i] * half, *si = sin + pos[i] * half;
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

/* The sigmoid goes through a tile of exponentials so that the loops stay simple enough to vectorise. */
enum { SIG_TILE = 256 };

static void sigmoid_tile(float *s, const float *g, size_t n)
{
    for (size_t j = 0; j < n; j++) s[j] = -g[j];
    vec_exp(s, s, n);
#pragma omp simd
    for (size_t j = 0; j < n; j++) s[j] = 1.0f / (1.0f + s[j]);
}

void swiglu_fwd(float *act, const float *gu, size_t n, size_t f)
{
    float s[SIG_TILE];
    for (size_t i = 0; i < n; i++, act += f, gu += 2 * f)
        for (size_t at = 0; at < f; at += SIG_TILE) {
            size_t m = f - at < SIG_TILE ? f - at : SIG_TILE;
            const float *g = gu + at, *u = gu + f + at;
            sigmoid_tile(s, g, m);
#pragma omp simd
            for (size_t j = 0; j < m; j++) act[at + j] = g[j] * s[j] * u[j];
        }
}

void swiglu_bwd(float *dgu, const float *dact, const float *gu, size_t n, size_t f)
{
    float s[SIG_TILE];
    for (size_t i = 0; i < n; i++, dact += f, gu += 2 * f, dgu += 2 * f)
        for (size_t at = 0; at < f; at += SIG_TILE) {
            size_t m = f - at < SIG_TILE ? f - at : SIG_TILE;
            const float *g = gu + at, *u = gu + f + at, *d = dact + at;
            float *dg = dgu + at, *du = dgu + f + at;
            sigmoid_tile(s, g, m);
#pragma omp simd
            for (size_t j = 0; j < m; j++) {
                float sg = s[j];
                du[j] = d[j] * g[j] * sg;
                dg[j] = d[j] * u[j] * sg * (1.0f + g[j] * (1.0f - sg));
            }
        }
}

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

void dropout_apply(float *out, const float *x, size_t n, double p, uint64_t key)
{
    uint32_t limit = dropout_limit(p);
    float keep = (float)(1.0 / (1.0 - p));
#pragma omp simd
    for (size_t i = 0; i < n; i++) out[i] = dropout_hash(key, i) < limit ? 0.0f : x[i] * keep;
}

void dropout_add(float *out, const float *x, size_t n, double p, uint64_t key)
{
    uint32_t limit = dropout_limit(p);
    float keep = (float)(1.0 / (1.0 - p));
#pragma omp simd
    for (size_t i = 0; i < n; i++) out[i] += dropout_hash(key, i) < limit ? 0.0f : x[i] * keep;
}

/* probs [m, keys]: softmax of the scaled scores of m queries, the first of which sees `first` keys. */
static void attn_probs(float *probs, const float *q, size_t ldq, const AttnSpan *span, size_t n_span,
                       size_t kv_at, size_t m, size_t keys, size_t first, size_t d)
{
    size_t at = 0;
    float scale = 1.0f / sqrtf((float)d);
    for (size_t s = 0; s < n_span && at < keys; s++) {
        size_t n = span[s].n < keys - at ? span[s].n : keys - at;
        mat_mul_nt(probs + at, keys, q, ldq, span[s].k + kv_at, span[s].ld, m, n, d, scale, 0);
        at += n;
    }
    for (size_t i = 0; i < m; i++) {
        float *row = probs + i * keys;
        vec_softmax(row, first + i);
        for (size_t j = first + i; j < keys; j++) row[j] = 0;
    }
}

/* For a single query the calls and reductions of row kernels cost more than the arithmetic: sums stay in two
 * vectors of lanes. What of d is left over goes the plain way. */
typedef float AttnLanes __attribute__((vector_size(32)));
enum { LANE = 8, LANE2 = 2 * LANE };

static inline float attn_dot(const float *q, const float *k, size_t d)
{
    AttnLanes s0 = {0}, s1 = {0}, a, b;
    size_t x = 0;
    for (; x + LANE2 <= d; x += LANE2) {
        memcpy(&a, q + x, sizeof a);
        memcpy(&b, k + x, sizeof b);
        s0 += a * b;
        memcpy(&a, q + x + LANE, sizeof a);
        memcpy(&b, k + x + LANE, sizeof b);
        s1 += a * b;
    }
    s0 += s1;
    float s = ((s0[0] + s0[4]) + (s0[1] + s0[5])) + ((s0[2] + s0[6]) + (s0[3] + s0[7]));
    for (; x < d; x++) s += q[x] * k[x];
    return s;
}

/* out [d] += sum over the span of p[j] v[j]. */
static void attn_sum(float *out, const float *p, const AttnSpan *span, size_t kv_at, size_t d)
{
    size_t x = 0;
    for (; x + LANE2 <= d; x += LANE2) {
        AttnLanes s0, s1, a;
        const float *v = span->v + kv_at + x;
        memcpy(&s0, out + x, sizeof s0);
        memcpy(&s1, out + x + LANE, sizeof s1);
        for (size_t j = 0; j < span->n; j++, v += span->ld) {
            memcpy(&a, v, sizeof a);
            s0 += p[j] * a;
            memcpy(&a, v + LANE, sizeof a);
            s1 += p[j] * a;
        }
        memcpy(out + x, &s0, sizeof s0);
        memcpy(out + x + LANE, &s1, sizeof s1);
    }
    for (size_t j = 0; x < d && j < span->n; j++)
        vec_axpy(out + x, p[j], span->v + j * span->ld + kv_at + x, d - x);
}

/* A single query: dot products and sums are cheaper than a product call. */
static void attn_one(float *out, const float *q, const AttnSpan *span, size_t n_span, size_t kv_at,
                     size_t keys, size_t d, float *work)
{
    size_t at = 0;
    float scale = 1.0f / sqrtf((float)d);
    for (size_t s = 0; s < n_span; s++)
        for (size_t j = 0; j < span[s].n; j++)
            work[at++] = scale * attn_dot(q, span[s].k + j * span[s].ld + kv_at, d);
    vec_softmax(work, keys);
    for (size_t j = 0; j < d; j++) out[j] = 0;
    at = 0;
    for (size_t s = 0; s < n_span; at += span[s].n, s++) attn_sum(out, work + at, &span[s], kv_at, d);
}

static void attn_tile(float *out, size_t ldo, const float *q, size_t ldq, const AttnSpan *span, size_t n_span,
                      size_t kv_at, size_t m, size_t keys, size_t first, size_t d, float *work)
{
    attn_probs(work, q, ldq, span, n_span, kv_at, m, keys, first, d);
    size_t at = 0;
    for (size_t s = 0; s < n_span && at < keys; s++) {
        size_t n = span[s].n < keys - at ? span[s].n : keys - at;
        if (n > 0)
            mat_mul_nn(out, ldo, work + at, keys, span[s].v + kv_at, span[s].ld, m, d, n, 1, at == 0 ? 0 : 1);
        at += n;
    }
}

void attn_fwd(float *out, size_t ldo, const float *q, size_t ldq, const AttnSpan *span, size_t n_span,
              size_t n, size_t heads, size_t kv_heads, size_t d, float *work)
{
    size_t total = 0;
    for (size_t s = 0; s < n_span; s++) total += span[s].n;
    for (size_t h = 0; h < heads; h++) {
        size_t kv_at = h / (heads / kv_heads) * d;
        if (n == 1) {
            attn_one(out + h * d, q + h * d, span, n_span, kv_at, total, d, work);
            continue;
        }
        for (size_t i = 0; i < n; i += ATTN_TILE) {
            size_t m = n - i < ATTN_TILE ? n - i : ATTN_TILE, first = total - n + i + 1;
            attn_tile(out + i * ldo + h * d, ldo, q + i * ldq + h * d, ldq, span, n_span, kv_at, m,
                      first + m - 1, first, d, work);
        }
    }
}

/* ds := probs * (dprobs - sum_j dprobs probs) row by row, in place of dprobs. */
static void softmax_bwd(float *dprobs, const float *probs, size_t m, size_t keys, float scale)
{
    for (size_t i = 0; i < m; i++) {
        float *dp = dprobs + i * keys;
        const float *p = probs + i * keys;
        float dot = vec_dot(dp, p, keys);
#pragma omp simd
        for (size_t j = 0; j < keys; j++) dp[j] = scale * p[j] * (dp[j] - dot);
    }
}

void attn_bwd(float *dq, float *dk, float *dv, const float *dout, size_t ldo, const float *q,
              const AttnSpan *span, size_t heads, size_t kv_heads, size_t d, float *work)
{
    size_t n = span->n, ld = span->ld;
    float *probs = work, *dprobs = work + ATTN_TILE * n;
    for (size_t h = 0; h < heads; h++) {
        size_t kv_at = h / (heads / kv_heads) * d;
        for (size_t i = 0; i < n; i += ATTN_TILE) {
            size_t m = n - i < ATTN_TILE ? n - i : ATTN_TILE, keys = i + m;
            const float *qi = q + i * ld + h * d, *doi = dout + i * ldo + h * d;
            attn_probs(probs, qi, ld, span, 1, kv_at, m, keys, i + 1, d);
            mat_mul_tn(dv + kv_at, ld, probs, keys, doi, ldo, keys, d, m, 1, 1);
            mat_mul_nt(dprobs, keys, doi, ldo, span->v + kv_at, ld, m, keys, d, 1, 0);
            softmax_bwd(dprobs, probs, m, keys, 1.0f / sqrtf((float)d));
            mat_mul_nn(dq + i * ld + h * d, ld, dprobs, keys, span->k + kv_at, ld, m, d, keys, 1, 0);
            mat_mul_tn(dk + kv_at, ld, dprobs, keys, qi, ld, keys, d, m, 1, 1);
        }
    }
}
