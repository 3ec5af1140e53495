/* attn.c - causal attention over keys that lie in several runs, a tile of queries at a time. */
#include "kernels.h"

#include "prime/mat.h"
#include "prime/vec.h"

#include <math.h>
#include <string.h>

/* Which keys a tile of queries has to look at: from .. to of all, the first query sees up to `first`. */
typedef struct {
    size_t m, from, to, first;
} AttnView;

static AttnView attn_view(const AttnShape *a, size_t total, size_t n, size_t i)
{
    size_t m = n - i < ATTN_TILE ? n - i : ATTN_TILE, first = total - n + i + 1;
    size_t from = a->window > 0 && first > a->window ? first - a->window : 0;
    return (AttnView){m, from, first + m - 1, first};
}

/* The part of a span that a view looks at; `at` is the number of keys before the span. */
static AttnSpan attn_cut(const AttnSpan *s, size_t at, const AttnView *v)
{
    size_t lo = v->from > at ? v->from - at : 0, hi = v->to > at ? v->to - at : 0;
    lo = lo < s->n ? lo : s->n;
    hi = hi < s->n ? hi : s->n;
    return (AttnSpan){s->k + lo * s->ld, s->v + lo * s->ld, s->ld, hi > lo ? hi - lo : 0};
}

static void attn_scores(float *probs, size_t ld, const float *q, size_t ldq, const AttnSpan *span,
                        size_t n_span, size_t kv_at, const AttnView *v, const AttnShape *a)
{
    size_t col = 0, at = 0, width = v->to - v->from;
    for (size_t s = 0; s < n_span; at += span[s].n, s++) {
        AttnSpan c = attn_cut(&span[s], at, v);
        if (c.n == 0) continue;
        mat_mul_nt(probs + col, ld, q, ldq, c.k + kv_at, c.ld, v->m, c.n, a->d, a->scale, 0);
        col += c.n;
    }
    for (size_t i = 0; a->softcap > 0 && i < v->m; i++) softcap_apply(probs + i * ld, width, a->softcap);
}

/* One row of scores [end], of which entries from .. end are seen: exponentials of what is above the largest
 * one, 0 elsewhere, up to the next whole number of blocks. Returns their sum. Rows are short: whole blocks
 * alone are vectorised well. */
static float attn_exps(float *row, size_t from, size_t end)
{
    size_t whole = attn_padded(end);
    float most[ATTN_PAD], sum[ATTN_PAD] = {0}, m = -INFINITY, s = 0;
    for (size_t j = 0; j < from; j++) row[j] = -INFINITY;
    for (size_t j = end; j < whole; j++) row[j] = -INFINITY;
    for (size_t x = 0; x < ATTN_PAD; x++) most[x] = -INFINITY;
    for (size_t j = 0; j < whole; j += ATTN_PAD)
#pragma omp simd
        for (size_t x = 0; x < ATTN_PAD; x++) most[x] = row[j + x] > most[x] ? row[j + x] : most[x];
#pragma omp simd reduction(max : m)
    for (size_t x = 0; x < ATTN_PAD; x++) m = most[x] > m ? most[x] : m;
    for (size_t j = 0; j < whole; j += ATTN_PAD)
#pragma omp simd
        for (size_t x = 0; x < ATTN_PAD; x++) {
            float d = row[j + x] - m, y = vec_exp_one(d);
            y = d < -87.0f ? 0.0f : y;
            row[j + x] = y;
            sum[x] += y;
        }
#pragma omp simd reduction(+ : s)
    for (size_t x = 0; x < ATTN_PAD; x++) s += sum[x];
    return s;
}

/* probs [m, ld], ld a whole number of blocks: softmax but for a factor, which is inv [m]. */
static void attn_weights(float *probs, size_t ld, float *inv, const AttnView *v, const AttnShape *a)
{
    size_t width = v->to - v->from;
    for (size_t i = 0; i < v->m; i++) {
        float *row = probs + i * ld;
        size_t end = v->first + i - v->from, seen = a->window > 0 && end > a->window ? a->window : end;
        inv[i] = 1.0f / attn_exps(row, end - seen, end);
        for (size_t j = attn_padded(end); j < width; j++) row[j] = 0;
    }
}

/* probs [m, to - from]: softmax of the scores over what each query sees, 0 elsewhere. */
static void attn_softmax(float *probs, const AttnView *v, const AttnShape *a)
{
    size_t width = v->to - v->from;
    for (size_t i = 0; i < v->m; i++) {
        float *row = probs + i * width;
        size_t end = v->first + i - v->from, seen = a->window > 0 && end > a->window ? a->window : end;
        for (size_t j = 0; j < end - seen; j++) row[j] = 0;
        vec_softmax(row + end - seen, seen);
        for (size_t j = end; j < width; j++) row[j] = 0;
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
                     const AttnView *v, const AttnShape *a, float *work)
{
    size_t col = 0, at = 0;
    for (size_t s = 0; s < n_span; at += span[s].n, s++) {
        AttnSpan c = attn_cut(&span[s], at, v);
        for (size_t j = 0; j < c.n; j++) work[col++] = a->scale * attn_dot(q, c.k + j * c.ld + kv_at, a->d);
    }
    if (a->softcap > 0) softcap_apply(work, col, a->softcap);
    vec_softmax(work, col);
    memset(out, 0, a->d * sizeof *out);
    col = at = 0;
    for (size_t s = 0; s < n_span; at += span[s].n, s++) {
        AttnSpan c = attn_cut(&span[s], at, v);
        attn_sum(out, work + col, &c, kv_at, a->d);
        col += c.n;
    }
}

static void attn_tile(float *out, size_t ldo, const float *q, size_t ldq, const AttnSpan *span, size_t n_span,
                      size_t kv_at, const AttnView *v, const AttnShape *a, float *work)
{
    bool kept = a->probs != NULL; /* as they are, for the way back */
    size_t col = 0, at = 0, width = v->to - v->from, ld = kept ? width : attn_padded(width);
    float inv[ATTN_TILE];
    attn_scores(work, ld, q, ldq, span, n_span, kv_at, v, a);
    if (kept)
        attn_softmax(work, v, a);
    else
        attn_weights(work, ld, inv, v, a);
    for (size_t s = 0; s < n_span; at += span[s].n, s++) {
        AttnSpan c = attn_cut(&span[s], at, v);
        if (c.n == 0) continue;
        mat_mul_nn(out, ldo, work + col, ld, c.v + kv_at, c.ld, v->m, a->d, c.n, 1, col == 0 ? 0 : 1);
        col += c.n;
    }
    for (size_t i = 0; !kept && i < v->m; i++) vec_scale(out + i * ldo, inv[i], a->d);
}

void attn_fwd(float *out, size_t ldo, const float *q, size_t ldq, const AttnSpan *span, size_t n_span,
              size_t n, const AttnShape *a, float *work)
{
    size_t total = 0, d = a->d;
    if (a->probs != NULL) work = a->probs;
    for (size_t s = 0; s < n_span; s++) total += span[s].n;
    for (size_t h = 0; h < a->heads; h++) {
        size_t kv_at = h / (a->heads / a->kv_heads) * d;
        for (size_t i = 0; i < n; i += ATTN_TILE) {
            AttnView v = attn_view(a, total, n, i);
            if (v.m == 1)
                attn_one(out + i * ldo + h * d, q + i * ldq + h * d, span, n_span, kv_at, &v, a, work);
            else
                attn_tile(out + i * ldo + h * d, ldo, q + i * ldq + h * d, ldq, span, n_span, kv_at, &v, a,
                          work);
            if (a->probs != NULL) work += v.m * (v.to - v.from);
        }
    }
}

/* dprobs := scale * probs * (dprobs - sum_j dprobs probs) * slope, row by row; slope [m, keys] or NULL. */
static void softmax_bwd(float *dprobs, const float *probs, const float *slope, size_t m, size_t keys,
                        float scale)
{
    for (size_t i = 0; i < m; i++) {
        float *dp = dprobs + i * keys;
        const float *p = probs + i * keys;
        float dot = vec_dot(dp, p, keys);
#pragma omp simd
        for (size_t j = 0; j < keys; j++) dp[j] = scale * p[j] * (dp[j] - dot);
        if (slope == NULL) continue;
        const float *sl = slope + i * keys;
#pragma omp simd
        for (size_t j = 0; j < keys; j++) dp[j] *= sl[j];
    }
}

/* The slope of the softcap where it gave y: 1 - (y / cap)^2. */
static void softcap_slope(float *slope, const float *y, size_t n, float cap)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) slope[i] = 1.0f - (y[i] / cap) * (y[i] / cap);
}

void attn_bwd(float *dq, float *dk, float *dv, const float *dout, size_t ldo, const float *q,
              const AttnSpan *span, const AttnShape *a, float *work)
{
    size_t n = span->n, ld = span->ld, d = a->d;
    float *probs = a->probs != NULL ? a->probs : work, *dprobs = work + ATTN_TILE * n,
          *slope = a->softcap > 0 ? dprobs + ATTN_TILE * n : NULL;
    for (size_t h = 0; h < a->heads; h++) {
        size_t kv_at = h / (a->heads / a->kv_heads) * d;
        for (size_t i = 0; i < n; i += ATTN_TILE) {
            AttnView v = attn_view(a, n, n, i);
            size_t width = v.to - v.from, at = v.from * ld + kv_at;
            const float *qi = q + i * ld + h * d, *doi = dout + i * ldo + h * d;
            if (a->probs == NULL) {
                attn_scores(probs, width, qi, ld, span, 1, kv_at, &v, a);
                if (slope != NULL) softcap_slope(slope, probs, v.m * width, a->softcap);
                attn_softmax(probs, &v, a);
            }
            mat_mul_tn(dv + at, ld, probs, width, doi, ldo, width, d, v.m, 1, 1);
            mat_mul_nt(dprobs, width, doi, ldo, span->v + at, ld, v.m, width, d, 1, 0);
            softmax_bwd(dprobs, probs, slope, v.m, width, a->scale);
            mat_mul_nn(dq + i * ld + h * d, ld, dprobs, width, span->k + at, ld, v.m, d, width, 1, 0);
            mat_mul_tn(dk + at, ld, dprobs, width, qi, ld, width, d, v.m, 1, 1);
            if (a->probs != NULL) probs += v.m * width;
        }
    }
}
