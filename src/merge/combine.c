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

/* How one adapter's entries enter: those that count by their magnitude in [lo, hi], those that agree by entry
 * times sign in [from, to]. */
typedef struct {
    float lo, hi, from, to, w, each, times; /* each: what an entry counts; times: of its vote */
} Voice;

static inline float band_value(float x, float lo, float hi)
{
    float m = fabsf(x);
    return (m >= lo) & (m <= hi) ? x : 0.0f; /* without &&: a branch would keep loops from being vectorised */
}

/* Votes for a sign: of values times `times`, or one voice each. */
PRIME_CLONES static void chunk_vote(float *restrict vote, const float *restrict x, size_t n, Voice a)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) vote[i] += a.times * band_value(x[i], a.lo, a.hi);
}

PRIME_CLONES static void chunk_vote_one(float *restrict vote, const float *restrict x, size_t n, Voice a)
{
    float one = a.times < 0 ? -1.0f : 1.0f;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = band_value(x[i], a.lo, a.hi);
        vote[i] += one * ((v > 0 ? 1.0f : 0.0f) - (v < 0 ? 1.0f : 0.0f));
    }
}

/* What agrees with the sign: num += w x, den += each. */
PRIME_CLONES static void chunk_agree(Chunk *restrict c, const float *restrict x, size_t n, Voice a)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float s = c->sign[i] * x[i], v = (s >= a.from) & (s <= a.to) ? x[i] : 0.0f;
        float counts = (s >= a.from) & (s <= a.to) ? 1.0f : 0.0f;
        c->num[i] += a.w * v;
        c->den[i] += a.each * counts;
    }
}

/* What is kept counts, whatever its sign. */
PRIME_CLONES static void chunk_all(Chunk *restrict c, const float *restrict x, size_t n, Voice a)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = band_value(x[i], a.lo, a.hi);
        c->num[i] += a.w * v;
        c->den[i] += a.each * (v != 0 ? 1.0f : 0.0f);
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
static Voice combine_voice(const MergeDense *d, const MergeRecipe *r, size_t j)
{
    const MergeBand *b = &d->band[j];
    float w = (float)d->w[j], lo = fmaxf(b->lo, FLT_TRUE_MIN);
    bool turned = r->weighted && w < 0;
    return (Voice){.lo = b->lo,
                   .hi = b->hi,
                   .from = turned ? -b->hi : lo,
                   .to = turned ? -lo : b->hi,
                   .w = w * b->scale,
                   .each = d->o->mean == MEAN_WEIGHTS ? w : 1,
                   .times = r->weighted ? w * b->scale : b->scale};
}

static void combine_votes(float *vote, const float *x, size_t step, size_t n, const MergeDense *d,
                          const MergeRecipe *r)
{
    memset(vote, 0, n * sizeof *vote);
    for (size_t j = 0; j < d->k; j++)
        (d->o->elect == ELECT_FREQUENCY ? chunk_vote_one : chunk_vote)(vote, x + j * step, n,
                                                                       combine_voice(d, r, j));
}

/* The sign that most votes have: what an even vote takes under `majority`. */
static float combine_majority(const MergeDense *d, const MergeRecipe *r)
{
    float vote[CHUNK];
    long sum = 0;
    for (size_t at = 0, step; at < d->n; at += d->tile) {
        size_t size = dense_tile_size(d, at);
        const float *x = tile_all(&step, d, at, size);
        for (size_t i = 0; i < size; i += CHUNK) {
            size_t n = size - i < CHUNK ? size - i : CHUNK;
            combine_votes(vote, x + i, step, n, d, r);
            for (size_t v = 0; v < n; v++) sum += (vote[v] > 0) - (vote[v] < 0);
        }
    }
    return sum >= 0 ? 1.0f : -1.0f;
}

static void combine_chunk(float *out, const float *x, size_t step, size_t n, const MergeDense *d,
                          const MergeRecipe *r, float even)
{
    Chunk c;
    memset(&c, 0, sizeof c);
    if (r->elects) {
        combine_votes(c.sign, x, step, n, d, r);
        chunk_signs(c.sign, n, even);
    }
    for (size_t j = 0; j < d->k; j++)
        (r->elects ? chunk_agree : chunk_all)(&c, x + j * step, n, combine_voice(d, r, j));
    chunk_divide(out, &c, n, d->o);
}

void dense_combine(float *out, const MergeDense *d, const MergeRecipe *r)
{
    float even = r->majority ? combine_majority(d, r) : 1;
    for (size_t at = 0, step; at < d->n; at += d->tile) {
        size_t size = dense_tile_size(d, at);
        const float *x = tile_all(&step, d, at, size);
        for (size_t i = 0; i < size; i += CHUNK)
            combine_chunk(out + at + i, x + i, step, size - i < CHUNK ? size - i : CHUNK, d, r, even);
    }
}
