/* combine.c - entries that were trimmed become one: a vote on the sign, then what agrees with it is added up
 * and divided. */
#include "merge_priv.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 512 };

/* Sums over the adapters: votes, and apart for what is seen as plus and as minus, values and what they count.
 */
typedef struct {
    float vote[CHUNK], num[2][CHUNK], den[2][CHUNK];
} Chunk;

/* How one adapter's entries enter. */
typedef struct {
    float lo, hi, w, each, times; /* times: of its vote */
} Voice;

static inline float band_value(float x, float lo, float hi)
{
    float m = fabsf(x);
    return (m >= lo) & (m <= hi) ? x : 0.0f; /* without &&: a branch would keep loops from being vectorised */
}

/* The vote, and both sums of which it will choose one: entries are read once. `times` < 0 turns a sign round.
 */
static void chunk_elect(Chunk *restrict c, const float *restrict x, size_t n, Voice a, bool one)
{
    float turn = a.times < 0 ? -1.0f : 1.0f;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = band_value(x[i], a.lo, a.hi), seen = turn * v;
        float plus = seen > 0 ? 1.0f : 0.0f, minus = seen < 0 ? 1.0f : 0.0f;
        c->vote[i] += one ? plus - minus : a.times * v;
        c->num[0][i] += plus * (a.w * v);
        c->num[1][i] += minus * (a.w * v);
        c->den[0][i] += plus * a.each;
        c->den[1][i] += minus * a.each;
    }
}

/* What is kept counts, whatever its sign. */
static void chunk_all(Chunk *restrict c, const float *restrict x, size_t n, Voice a)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = band_value(x[i], a.lo, a.hi);
        c->num[0][i] += a.w * v;
        c->den[0][i] += a.each * (v != 0 ? 1.0f : 0.0f);
    }
}

/* The side that won: `even` is the sign of a vote without a winner. */
static void chunk_choose(Chunk *c, size_t n, float even)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float sign = c->vote[i] == 0 ? even : c->vote[i];
        c->num[0][i] = sign < 0 ? c->num[1][i] : c->num[0][i];
        c->den[0][i] = sign < 0 ? c->den[1][i] : c->den[0][i];
    }
}

static void chunk_divide(float *restrict out, const Chunk *restrict c, size_t n, const MergeOpts *o)
{
    float times = (float)o->lambda;
    int plain = o->mean == MEAN_SUM;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float by = c->den[0][i];
        by = plain | (fabsf(by) < 1e-8f) ? 1.0f : by;
        out[i] = times * c->num[0][i] / by;
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

static Voice combine_voice(const MergeDense *d, const MergeRecipe *r, size_t j)
{
    const MergeBand *b = &d->band[j];
    float w = (float)d->w[j];
    return (Voice){.lo = b->lo,
                   .hi = b->hi,
                   .w = w * b->scale,
                   .each = d->o->mean == MEAN_WEIGHTS ? w : 1,
                   .times = r->weighted ? w * b->scale : b->scale};
}

static void combine_chunk(Chunk *c, const float *x, size_t step, size_t n, const MergeDense *d,
                          const MergeRecipe *r)
{
    memset(c, 0, sizeof *c);
    for (size_t j = 0; j < d->k; j++) {
        if (r->elects)
            chunk_elect(c, x + j * step, n, combine_voice(d, r, j), d->o->elect == ELECT_FREQUENCY);
        else
            chunk_all(c, x + j * step, n, combine_voice(d, r, j));
    }
}

/* The sign that most votes have: what an even vote takes under `majority`. */
static float combine_majority(const MergeDense *d, const MergeRecipe *r)
{
    Chunk c;
    long sum = 0;
    for (size_t at = 0, step; at < d->n; at += d->tile) {
        size_t size = dense_tile_size(d, at);
        const float *x = tile_all(&step, d, at, size);
        for (size_t i = 0; i < size; i += CHUNK) {
            size_t n = size - i < CHUNK ? size - i : CHUNK;
            combine_chunk(&c, x + i, step, n, d, r);
            for (size_t v = 0; v < n; v++) sum += (c.vote[v] > 0) - (c.vote[v] < 0);
        }
    }
    return sum >= 0 ? 1.0f : -1.0f;
}

void dense_combine(float *out, const MergeDense *d, const MergeRecipe *r)
{
    Chunk c;
    float even = r->majority ? combine_majority(d, r) : 1;
    for (size_t at = 0, step; at < d->n; at += d->tile) {
        size_t size = dense_tile_size(d, at);
        const float *x = tile_all(&step, d, at, size);
        for (size_t i = 0; i < size; i += CHUNK) {
            size_t n = size - i < CHUNK ? size - i : CHUNK;
            combine_chunk(&c, x + i, step, n, d, r);
            if (r->elects) chunk_choose(&c, n, even);
            chunk_divide(out + at + i, &c, n, d->o);
        }
    }
}
