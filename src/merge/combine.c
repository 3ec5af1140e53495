/* combine.c - entries that were trimmed become one: a vote on the sign, then what agrees with it is added up
 * and divided. */
#include "merge_priv.h"

#include "prime/vec.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { CHUNK = 448 }; /* not a power of 2: arrays of 4096 bytes would fall on each other in the cache */

typedef struct {
    float sign[CHUNK], num[CHUNK], den[CHUNK];
} Chunk;

static inline float band_value(float x, float lo, float hi)
{
    float m = fabsf(x);
    return (m >= lo) & (m <= hi) ? x : 0.0f; /* without &&: a branch would keep loops from being vectorised */
}

/* Kernels go over entries [n] of SIDE adapters at once, `step` apart: sums are read and written once for all
 * of them, in the order of single ones. What is left over is gone through one by one. */
enum { SIDE = 4 };

/* Votes for a sign: of values times `times`, or one voice each. */
static inline float vote_value(float vote, float x, MergeVoice a)
{
    return vote + a.times * band_value(x, a.lo, a.hi);
}

static inline float vote_one(float vote, float x, MergeVoice a)
{
    float v = band_value(x, a.lo, a.hi), one = a.times < 0 ? -1.0f : 1.0f;
    return vote + one * ((v > 0 ? 1.0f : 0.0f) - (v < 0 ? 1.0f : 0.0f));
}

PRIME_CLONES static void chunk_vote(float *restrict vote, const float *restrict x, size_t n,
                                    const MergeVoice *a, size_t step, bool side)
{
    MergeVoice p = a[0];
    if (!side) {
#pragma omp simd
        for (size_t i = 0; i < n; i++) vote[i] = vote_value(vote[i], x[i], p);
        return;
    }
    MergeVoice q = a[1], r = a[2], s = a[3];
    const float *y = x + step, *z = y + step, *u = z + step;
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        vote[i] = vote_value(vote_value(vote_value(vote_value(vote[i], x[i], p), y[i], q), z[i], r), u[i], s);
}

PRIME_CLONES static void chunk_vote_one(float *restrict vote, const float *restrict x, size_t n,
                                        const MergeVoice *a, size_t step, bool side)
{
    for (size_t j = 0; j < (side ? SIDE : 1); j++) {
        MergeVoice p = a[j];
        const float *y = x + j * step;
#pragma omp simd
        for (size_t i = 0; i < n; i++) vote[i] = vote_one(vote[i], y[i], p);
    }
}

/* What agrees with the sign: num += w x, den += each. */
static inline float agree_value(float x, float sign, MergeVoice a)
{
    return (sign * x >= a.from) & (sign * x <= a.to) ? x : 0.0f;
}

static inline float agree_count(float x, float sign, MergeVoice a)
{
    return (sign * x >= a.from) & (sign * x <= a.to) ? 1.0f : 0.0f;
}

PRIME_CLONES static void chunk_agree(Chunk *restrict c, const float *restrict x, size_t n,
                                     const MergeVoice *a, size_t step, bool side)
{
    MergeVoice p = a[0];
    if (!side) {
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            float sign = c->sign[i];
            c->num[i] += p.w * agree_value(x[i], sign, p);
            c->den[i] += p.each * agree_count(x[i], sign, p);
        }
        return;
    }
    MergeVoice q = a[1], r = a[2], s = a[3];
    const float *y = x + step, *z = y + step, *u = z + step;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float sign = c->sign[i], num = c->num[i], den = c->den[i];
        num += p.w * agree_value(x[i], sign, p);
        den += p.each * agree_count(x[i], sign, p);
        num += q.w * agree_value(y[i], sign, q);
        den += q.each * agree_count(y[i], sign, q);
        num += r.w * agree_value(z[i], sign, r);
        den += r.each * agree_count(z[i], sign, r);
        num += s.w * agree_value(u[i], sign, s);
        den += s.each * agree_count(u[i], sign, s);
        c->num[i] = num;
        c->den[i] = den;
    }
}

/* What is kept counts, whatever its sign. */
PRIME_CLONES static void chunk_all(Chunk *restrict c, const float *restrict x, size_t n, const MergeVoice *a,
                                   size_t step, bool side)
{
    for (size_t j = 0; j < (side ? SIDE : 1); j++) {
        MergeVoice p = a[j];
        const float *y = x + j * step;
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            float v = band_value(y[i], p.lo, p.hi);
            c->num[i] += p.w * v;
            c->den[i] += p.each * (v != 0 ? 1.0f : 0.0f);
        }
    }
}

PRIME_CLONES static void chunk_signs(float *vote, size_t n, float even)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float sign = vote[i] < 0 ? -1.0f : 1.0f;
        vote[i] = vote[i] == 0 ? even : sign;
    }
}

PRIME_CLONES static void chunk_divide(float *restrict out, const Chunk *restrict c, size_t n,
                                      const MergeOpts *o)
{
    float times = (float)o->lambda;
    int plain = o->mean == MEAN_SUM;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float by = c->den[i];
        by = plain | (fabsf(by) < 1e-8f) ? 1.0f : by;
        out[i] = times * c->num[i] / by;
    }
}

/* ---- tiles ---- */

/* Takes out those of x, entries from `at` on, that are as large as a bound but beyond cut or before top. */
static void tile_ties(float *x, size_t at, size_t n, const MergeBand *b)
{
    for (size_t i = b->cut > at ? b->cut - at : 0; i < n; i++) x[i] = fabsf(x[i]) == b->lo ? 0 : x[i];
    for (size_t i = 0; i < n && at + i < b->top; i++) x[i] = fabsf(x[i]) == b->hi ? 0 : x[i];
}

/* Entries [at, at + n) of all adapters, `step` apart, without those that their ties leave out. */
static const float *tile_all(size_t *step, const MergeDense *d, size_t at, size_t n)
{
    float *first = d->tv != NULL ? d->tv + at : d->strip;
    *step = d->tv != NULL ? d->n : d->tile;
    for (size_t j = 0; j < d->k; j++) {
        float *x = first + j * *step;
        dense_tile(d, x, j, at);
        tile_ties(x, at, n, &d->band[j]);
    }
    return first;
}

/* The vote of a weighted voice of weight < 0 is turned round: what agrees has the other sign. A zero never
 * counts. */
static MergeVoice combine_voice(const MergeDense *d, const MergeRecipe *r, size_t j)
{
    const MergeBand *b = &d->band[j];
    float w = (float)d->w[j], lo = fmaxf(b->lo, FLT_TRUE_MIN);
    bool turned = r->weighted && w < 0;
    return (MergeVoice){.lo = b->lo,
                        .hi = b->hi,
                        .from = turned ? -b->hi : lo,
                        .to = turned ? -lo : b->hi,
                        .w = w * b->scale,
                        .each = d->o->mean == MEAN_WEIGHTS ? w : 1,
                        .times = r->weighted ? w * b->scale : b->scale};
}

static void combine_votes(float *vote, const float *x, size_t step, size_t n, const MergeDense *d)
{
    memset(vote, 0, n * sizeof *vote);
    for (size_t j = 0, take; j < d->k; j += take) {
        bool side = d->k - j >= SIDE;
        take = side ? SIDE : 1;
        (d->o->elect == ELECT_FREQUENCY ? chunk_vote_one : chunk_vote)(vote, x + j * step, n, &d->voice[j],
                                                                       step, side);
    }
}

/* The sign that most votes have: what an even vote takes under `majority`. */
static float combine_majority(const MergeDense *d)
{
    float vote[CHUNK];
    long sum = 0;
    for (size_t at = 0, step; at < d->n; at += d->tile) {
        size_t size = dense_tile_size(d, at);
        const float *x = tile_all(&step, d, at, size);
        for (size_t i = 0; i < size; i += CHUNK) {
            size_t n = size - i < CHUNK ? size - i : CHUNK;
            combine_votes(vote, x + i, step, n, d);
            for (size_t v = 0; v < n; v++) sum += (vote[v] > 0) - (vote[v] < 0);
        }
    }
    return sum >= 0 ? 1.0f : -1.0f;
}

static void combine_chunk(float *out, const float *x, size_t step, size_t n, const MergeDense *d,
                          const MergeRecipe *r, float even)
{
    Chunk c;
    if (r->elects) {
        combine_votes(c.sign, x, step, n, d);
        chunk_signs(c.sign, n, even);
    }
    memset(c.num, 0, n * sizeof *c.num);
    memset(c.den, 0, n * sizeof *c.den);
    for (size_t j = 0, take; j < d->k; j += take) {
        bool side = d->k - j >= SIDE;
        take = side ? SIDE : 1;
        (r->elects ? chunk_agree : chunk_all)(&c, x + j * step, n, &d->voice[j], step, side);
    }
    chunk_divide(out, &c, n, d->o);
}

void dense_combine(float *out, const MergeDense *d, const MergeRecipe *r)
{
    for (size_t j = 0; j < d->k; j++) d->voice[j] = combine_voice(d, r, j);
    float even = r->majority ? combine_majority(d) : 1;
    for (size_t at = 0, step; at < d->n; at += d->tile) {
        size_t size = dense_tile_size(d, at);
        const float *x = tile_all(&step, d, at, size);
        for (size_t i = 0; i < size; i += CHUNK)
            combine_chunk(out + at + i, x + i, step, size - i < CHUNK ? size - i : CHUNK, d, r, even);
    }
}
