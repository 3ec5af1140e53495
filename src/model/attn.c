/* attn.c - causal attention over keys that lie in several runs, a tile of queries at a time. */
#include "attn_block.h"

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

static void attn_scores(float *probs, size_t ld, const float *q, size_t ldq, const AttnSpan *span,
                        size_t n_span, size_t kv_at, const AttnView *v, const AttnShape *a)
{
    size_t col = 0, at = 0, width = v->to - v->from;
    for (size_t s = 0; s < n_span; at += span[s].n, s++) {
        AttnSpan c = attn_cut(&span[s], at, v->from, v->to);
        if (c.n == 0) continue;
        mat_mul_nt(probs + col, ld, q, ldq, c.k + kv_at, c.ld, v->m, c.n, a->d, a->scale, 0);
        col += c.n;
    }
    for (size_t i = 0; a->softcap > 0 && i < v->m; i++) softcap_apply(probs + i * ld, width, a->softcap);
}

/* probs [m, to - from]: softmax of the scores over what each query sees, 0 elsewhere. */
PRIME_CLONES static void attn_softmax(float *probs, const AttnView *v, const AttnShape *a)
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

/* For a single query the calls and reductions of row kernels cost more than the arithmetic: sums stay in
 * vectors of lanes. What of d is left over goes the plain way. */
typedef float AttnLanes __attribute__((vector_size(32)));
#pragma GCC diagnostic ignored "-Wpsabi" /* how lanes are returned: nobody outside this file calls these */
enum { LANE = 8, LANE4 = 4 * LANE };

static inline AttnLanes lanes_at(const float *x)
{
    AttnLanes v;
    memcpy(&v, x, sizeof v);
    return v;
}

/* Neighbouring lanes of a and b added up: a, b, a, b ... */
static inline AttnLanes lanes_fold(AttnLanes a, AttnLanes b)
{
    return __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14) +
           __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
}

/* The same for pairs of lanes: a a b b ... */
static inline AttnLanes lanes_fold2(AttnLanes a, AttnLanes b)
{
    return __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13) +
           __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
}

/* out [LANE] = q k for keys that lie ld apart. */
static inline void attn_dots(float *out, const float *q, const float *k, size_t ld, size_t d)
{
    AttnLanes s[LANE];
    size_t whole = d / LANE * LANE;
    for (size_t j = 0; j < LANE; j++) s[j] = (AttnLanes){0};
    for (size_t x = 0; x < whole; x += LANE) {
        AttnLanes a = lanes_at(q + x);
        for (size_t j = 0; j < LANE; j++) s[j] += a * lanes_at(k + j * ld + x);
    }
    AttnLanes lo = lanes_fold2(lanes_fold(s[0], s[1]), lanes_fold(s[2], s[3])),
              hi = lanes_fold2(lanes_fold(s[4], s[5]), lanes_fold(s[6], s[7]));
    AttnLanes sum = __builtin_shufflevector(lo, hi, 0, 1, 2, 3, 8, 9, 10, 11) +
                    __builtin_shufflevector(lo, hi, 4, 5, 6, 7, 12, 13, 14, 15);
    memcpy(out, &sum, sizeof sum);
    for (size_t j = 0; j < LANE; j++)
        for (size_t x = whole; x < d; x++) out[j] += q[x] * k[j * ld + x];
}

/* Heads of a single query; their scores lie ld apart. */
typedef struct {
    size_t first, n, ld;
} AttnHeads;

static size_t kv_head(const AttnShape *a, size_t h)
{
    return h / (a->heads / a->kv_heads) * a->d;
}

/* scores [heads, ld] = scale q k. A few keys of all heads at a time: what lies together is read together.
 * What is left over at the end is taken with some keys of before. */
PRIME_CLONES static void attn_rows(float *scores, const float *q, const AttnSpan *span, const AttnHeads *of,
                                   const AttnShape *a)
{
    size_t d = a->d, ld = span->ld, n = span->n, step = n < LANE ? 1 : LANE;
    for (size_t at = 0; at < n; at += step) {
        size_t from = at + step > n ? n - step : at;
        for (size_t h = 0; h < of->n; h++) {
            float *row = scores + h * of->ld + from;
            const float *k = span->k + from * ld + kv_head(a, of->first + h);
            if (step == LANE)
                attn_dots(row, q + h * d, k, ld, d);
            else
                *row = vec_dot(q + h * d, k, d);
        }
    }
    for (size_t h = 0; h < of->n; h++) vec_scale(scores + h * of->ld, a->scale, n);
}

/* out [d] += sum of p[j] v[j] over n values that lie ld apart. */
static inline void attn_add(float *out, const float *p, const float *v, size_t ld, size_t n, size_t d)
{
    size_t x = 0;
    for (; x + LANE4 <= d; x += LANE4) {
        AttnLanes s[4];
        for (size_t i = 0; i < 4; i++) s[i] = lanes_at(out + x + i * LANE);
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i < 4; i++) s[i] += p[j] * lanes_at(v + j * ld + x + i * LANE);
        memcpy(out + x, s, sizeof s);
    }
    for (size_t j = 0; x < d && j < n; j++) vec_axpy(out + x, p[j], v + j * ld + x, d - x);
}

/* out [heads, d] += sum over the span of p[j] v[j]. */
PRIME_CLONES static void attn_sums(float *out, const float *p, const AttnSpan *span, const AttnHeads *of,
                                   const AttnShape *a)
{
    enum { KEYS = 16 };
    for (size_t at = 0; at < span->n; at += KEYS)
        for (size_t h = 0; h < of->n; h++)
            attn_add(out + h * a->d, p + h * of->ld + at, span->v + at * span->ld + kv_head(a, of->first + h),
                     span->ld, span->n - at < KEYS ? span->n - at : KEYS, a->d);
}

/* A single query: dot products and sums are cheaper than a product call. */
static void attn_one(float *out, const float *q, const AttnSpan *span, size_t n_span, const AttnHeads *of,
                     const AttnView *v, const AttnShape *a, float *work)
{
    size_t col = 0, at = 0, width = v->to - v->from;
    for (size_t s = 0; s < n_span; at += span[s].n, s++) {
        AttnSpan c = attn_cut(&span[s], at, v->from, v->to);
        attn_rows(work + col, q, &c, of, a);
        col += c.n;
    }
    for (size_t h = 0; h < of->n; h++) {
        if (a->softcap > 0) softcap_apply(work + h * of->ld, width, a->softcap);
        vec_softmax(work + h * of->ld, width);
    }
    memset(out, 0, of->n * a->d * sizeof *out);
    col = at = 0;
    for (size_t s = 0; s < n_span; at += span[s].n, s++) {
        AttnSpan c = attn_cut(&span[s], at, v->from, v->to);
        attn_sums(out, work + col, &c, of, a);
        col += c.n;
    }
}

/* The only query there is: all heads together, as far as their scores fit. */
static void attn_alone(float *out, const float *q, const AttnSpan *span, size_t n_span, size_t total,
                       const AttnShape *a, float *work)
{
    AttnView v = attn_view(a, total, 1, 0);
    for (size_t h = 0; h < a->heads; h += ATTN_TILE) {
        AttnHeads of = {h, a->heads - h < ATTN_TILE ? a->heads - h : ATTN_TILE, v.to - v.from};
        attn_one(out + h * a->d, q + h * a->d, span, n_span, &of, &v, a, work);
        if (a->probs != NULL) work += of.n * of.ld;
    }
}

/* What a block's queries saw, where the way back reads it. */
static void attn_keep(float *probs, const AttnView *v, const AttnBlock *b)
{
    size_t width = v->to - v->from, lo = b->from > v->from ? b->from : v->from;
    memset(probs, 0, b->rows * width * sizeof *probs);
    for (size_t i = 0; i < b->rows; i++)
        for (size_t j = lo; j < b->to; j++)
            probs[i * width + j - v->from] = b->scores[i * b->ld + j - b->from] * b->inv[i];
}

/* A tile of queries of one head, a block at a time; b says what is the same for all blocks. */
static void attn_tile(float *out, size_t ldo, const float *q, size_t ldq, AttnBlock *b, const AttnView *v,
                      const AttnShape *a, float *probs)
{
    for (size_t i = 0; i < v->m; i += ATTN_ROWS) {
        size_t first = v->first + i, seen = a->window > 0 && first > a->window ? first - a->window : 0;
        b->rows = v->m - i < ATTN_ROWS ? v->m - i : ATTN_ROWS;
        b->from = seen / ATTN_PAD * ATTN_PAD;
        b->to = first + b->rows - 1;
        attn_block(out + i * ldo, ldo, q + i * ldq, ldq, b, a);
        if (probs != NULL) attn_keep(probs + i * (v->to - v->from), v, b);
    }
}

void attn_fwd(float *out, size_t ldo, const float *q, size_t ldq, const AttnSpan *span, size_t n_span,
              size_t n, const AttnShape *a, float *work)
{
    size_t total = 0, d = a->d;
    for (size_t s = 0; s < n_span; s++) total += span[s].n;
    if (n == 1) {
        attn_alone(out, q, span, n_span, total, a, a->probs != NULL ? a->probs : work);
        return;
    }
    size_t ld = attn_padded(total);
    bool thin = d < ATTN_PAD;
    float inv[ATTN_ROWS], *probs = a->probs, *scores = work + ld * d, *values = scores + ATTN_ROWS * ld;
    AttnSpan wide = {values, values, ATTN_PAD, total};
    AttnBlock b = {.span = thin ? &wide : span,
                   .n_span = thin ? 1 : n_span,
                   .panels = work,
                   .scores = scores,
                   .ld = ld,
                   .inv = inv};
    for (size_t h = 0; h < a->heads; h++) {
        size_t kv_at = kv_head(a, h);
        bool fresh = h == 0 || kv_at != kv_head(a, h - 1);
        if (fresh) attn_pack(work, span, n_span, kv_at, d);
        if (fresh && thin) attn_widen(values, span, n_span, kv_at, d);
        b.kv_at = thin ? 0 : kv_at;
        for (size_t i = 0; i < n; i += ATTN_TILE) {
            AttnView v = attn_view(a, total, n, i);
            attn_tile(out + i * ldo + h * d, ldo, q + i * ldq + h * d, ldq, &b, &v, a, probs);
            if (probs != NULL) probs += v.m * (v.to - v.from);
        }
    }
}

/* dprobs := scale * probs * (dprobs - sum_j dprobs probs) * slope, row by row; slope [m, keys] or NULL. */
PRIME_CLONES static void softmax_bwd(float *dprobs, const float *probs, const float *slope, size_t m,
                                     size_t keys, float scale)
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
PRIME_CLONES static void softcap_slope(float *slope, const float *y, size_t n, float cap)
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
