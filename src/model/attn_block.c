/* attn_block.c - attention of a few queries at a time. Keys of a head are laid out in panels of ATTN_PAD
 * once, coordinate by coordinate, so that a vector holds the scores of as many keys; scores, their
 * exponentials and sums of values then stay in the first level of the cache. */
#include "attn_block.h"

#include "prime/vec.h"

#include <math.h>
#include <string.h>

typedef float BlockWide __attribute__((vector_size(ATTN_PAD * sizeof(float))));
#pragma GCC diagnostic ignored "-Wpsabi" /* how they are returned: nobody outside this file calls these */

/* Under sanitizers the sums of addresses are not checked, which takes as long as the products; what is read
 * and written is. */
#define BLOCK_UNSUMMED __attribute__((no_sanitize("undefined")))
#define BLOCK_PART BLOCK_UNSUMMED PRIME_WITHIN

BLOCK_PART BlockWide wide_at(const float *x)
{
    BlockWide v;
    memcpy(&v, x, sizeof v);
    return v;
}

PRIME_CLONES void attn_pack(float *panels, const AttnSpan *span, size_t n_span, size_t kv_at, size_t d)
{
    size_t at = 0;
    for (size_t s = 0; s < n_span; s++) {
        for (size_t j = 0; j < span[s].n; j++, at++) {
            const float *k = span[s].k + j * span[s].ld + kv_at;
            float *to = panels + at / ATTN_PAD * ATTN_PAD * d + at % ATTN_PAD;
            for (size_t x = 0; x < d; x++) to[x * ATTN_PAD] = k[x];
        }
    }
    for (; at % ATTN_PAD != 0; at++)
        for (size_t x = 0; x < d; x++) panels[(at / ATTN_PAD * d + x) * ATTN_PAD + at % ATTN_PAD] = 0;
}

void attn_widen(float *values, const AttnSpan *span, size_t n_span, size_t kv_at, size_t d)
{
    for (size_t s = 0; s < n_span; s++) {
        const float *v = span[s].v + kv_at;
        for (size_t j = 0; j < span[s].n; j++, v += span[s].ld, values += ATTN_PAD) {
            for (size_t x = 0; x < d; x++) values[x] = v[x];
            for (size_t x = d; x < ATTN_PAD; x++) values[x] = 0;
        }
    }
}

/* scores [ATTN_ROWS, ld] of n panels, two at a time; of an odd number the last one is taken twice. */
BLOCK_PART void block_scores(float *scores, size_t ld, const float *const q[ATTN_ROWS], const float *panels,
                             size_t n, size_t d, float scale)
{
    for (size_t p = 0; p < n; p += 2) {
        size_t next = p + 1 < n ? p + 1 : p;
        const float *a = panels + p * ATTN_PAD * d, *b = panels + next * ATTN_PAD * d;
        BlockWide lo[ATTN_ROWS] = {0}, hi[ATTN_ROWS] = {0};
        for (size_t x = 0; x < d; x++) {
            BlockWide ka = wide_at(a + x * ATTN_PAD), kb = wide_at(b + x * ATTN_PAD);
            for (size_t i = 0; i < ATTN_ROWS; i++) {
                lo[i] += q[i][x] * ka;
                hi[i] += q[i][x] * kb;
            }
        }
        for (size_t i = 0; i < ATTN_ROWS; i++) {
            lo[i] *= scale, hi[i] *= scale;
            memcpy(scores + i * ld + p * ATTN_PAD, &lo[i], sizeof lo[i]);
            memcpy(scores + i * ld + next * ATTN_PAD, &hi[i], sizeof hi[i]);
        }
    }
}

/* One row of scores [end], of which entries from .. end are seen: exponentials of what is above the largest
 * one, 0 elsewhere, up to the next whole number of panels. Returns their sum. Rows are short: whole panels
 * alone are vectorised well. */
BLOCK_PART float block_exps(float *row, size_t from, size_t end)
{
    size_t whole = attn_padded(end);
    float most[ATTN_PAD], sum[ATTN_PAD] = {0}, m = -INFINITY, s = 0;
    for (size_t j = 0; j < from; j++) row[j] = -INFINITY;
    for (size_t j = end; j < whole; j++) row[j] = -INFINITY;
    for (size_t x = 0; x < ATTN_PAD; x++) most[x] = -INFINITY;
    for (size_t j = 0; j < whole; j += ATTN_PAD) {
#pragma omp simd
        for (size_t x = 0; x < ATTN_PAD; x++) most[x] = row[j + x] > most[x] ? row[j + x] : most[x];
    }
#pragma omp simd reduction(max : m)
    for (size_t x = 0; x < ATTN_PAD; x++) m = most[x] > m ? most[x] : m;
    for (size_t j = 0; j < whole; j += ATTN_PAD) {
#pragma omp simd
        for (size_t x = 0; x < ATTN_PAD; x++) {
            float d = row[j + x] - m, y = vec_exp_one(d);
            y = d < -87.0f ? 0.0f : y;
            row[j + x] = y;
            sum[x] += y;
        }
    }
#pragma omp simd reduction(+ : s)
    for (size_t x = 0; x < ATTN_PAD; x++) s += sum[x];
    return s;
}

/* out [ATTN_ROWS][ATTN_PAD] += sum of p[i][j] v[j] over n values that lie ld apart, from two places of them.
 */
BLOCK_PART void block_pair(BlockWide lo[ATTN_ROWS], BlockWide hi[ATTN_ROWS], const float *p, size_t ldp,
                           const float *a, const float *b, size_t ld, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        BlockWide va = wide_at(a + j * ld), vb = wide_at(b + j * ld);
        for (size_t i = 0; i < ATTN_ROWS; i++) {
            lo[i] += p[i * ldp + j] * va;
            hi[i] += p[i * ldp + j] * vb;
        }
    }
}

/* out [rows, d] = inv times weights times values, two vectors of columns at a time; what is left over at the
 * end is taken with some columns of before. */
BLOCK_PART void block_sums(float *const out[ATTN_ROWS], const AttnBlock *b, size_t d)
{
    size_t last = d - ATTN_PAD;
    for (size_t x = 0; x < d; x += 2 * ATTN_PAD) {
        size_t xa = x < last ? x : last, xb = x + ATTN_PAD < last ? x + ATTN_PAD : last;
        BlockWide lo[ATTN_ROWS] = {0}, hi[ATTN_ROWS] = {0};
        for (size_t s = 0, at = 0, col = 0; s < b->n_span; at += b->span[s].n, s++) {
            AttnSpan c = attn_cut(&b->span[s], at, b->from, b->to);
            const float *v = c.v + b->kv_at;
            block_pair(lo, hi, b->scores + col, b->ld, v + xa, v + xb, c.ld, c.n);
            col += c.n;
        }
        for (size_t i = 0; i < b->rows; i++) {
            lo[i] *= b->inv[i], hi[i] *= b->inv[i];
            memcpy(out[i] + xa, &lo[i], sizeof lo[i]);
            memcpy(out[i] + xb, &hi[i], sizeof hi[i]);
        }
    }
}

/* Scores to what the softmax is before it is divided by its sum. */
BLOCK_PART void block_weights(const AttnBlock *b, const AttnShape *a)
{
    size_t width = b->to - b->from;
    for (size_t i = 0; i < ATTN_ROWS; i++) {
        float *row = b->scores + i * b->ld;
        size_t end = width - b->rows + 1 + (i < b->rows ? i : b->rows - 1), sees = b->from + end,
               seen = a->window > 0 && sees > a->window ? sees - a->window : 0;
        if (a->softcap > 0) softcap_apply(row, end, a->softcap);
        b->inv[i] = 1.0f / block_exps(row, seen > b->from ? seen - b->from : 0, end);
        for (size_t j = attn_padded(end); j < width; j++) row[j] = 0;
    }
}

/* Rows that there are not are the last one again. */
BLOCK_UNSUMMED PRIME_CLONES void attn_block(float *out, size_t ldo, const float *q, size_t ldq,
                                            const AttnBlock *b, const AttnShape *a)
{
    const float *from[ATTN_ROWS];
    float *to[ATTN_ROWS], wide[ATTN_ROWS][ATTN_PAD] = {{0}};
    size_t panels = attn_padded(b->to - b->from) / ATTN_PAD, d = a->d;
    for (size_t i = 0; i < ATTN_ROWS; i++) {
        size_t row = i < b->rows ? i : b->rows - 1;
        from[i] = q + row * ldq;
        to[i] = d < ATTN_PAD ? wide[i] : out + row * ldo;
    }
    block_scores(b->scores, b->ld, from, b->panels + b->from * d, panels, d, a->scale);
    block_weights(b, a);
    block_sums(to, b, d < ATTN_PAD ? ATTN_PAD : d);
    for (size_t i = 0; d < ATTN_PAD && i < b->rows; i++) memcpy(out + i * ldo, wide[i], d * sizeof *out);
}
