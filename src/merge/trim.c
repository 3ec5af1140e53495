/* trim.c - which entries of an adapter's update are kept. A trim sets the band of magnitudes that counts and
 * leaves the entries alone, or, where chance decides, zeroes what does not count. */
#include "merge_priv.h"

#include "prime/rng.h"

#include <math.h>
#include <string.h>

/* ---- by magnitude ---- */

static size_t trim_count(double share, size_t n)
{
    size_t k = (size_t)floor(share * (double)n);
    return k > n ? n : k;
}

/* The k largest: of those that are as large as the last one, the first. */
static void keep_largest(MergeDense *d, size_t j, size_t k)
{
    MergeBand *b = &d->band[j];
    TrimPlace at;
    if (k >= d->n) return;
    b->lo = kth_dense(&at, d, j, k);
    if (at.above + at.equal > k && b->lo > 0) b->cut = kth_index(d, j, b->lo, k - at.above);
}

static size_t trim_target(const MergeDense *d)
{
    size_t k = trim_count(d->o->density, d->n);
    return k > 0 ? k : 1;
}

void trim_top(MergeDense *d, size_t j)
{
    keep_largest(d, j, trim_target(d));
}

void trim_top_closed(MergeDense *d, size_t j)
{
    size_t k = trim_count(d->o->density, d->n);
    TrimPlace at;
    if (k < d->n) d->band[j].lo = kth_dense(&at, d, j, k + 1);
}

void trim_band(MergeDense *d, size_t j)
{
    size_t n = d->n, kept = trim_target(d), top = trim_count(d->o->gamma, n);
    MergeBand *b = &d->band[j];
    TrimPlace at;
    if (kept >= n) return;
    if (top + kept > n) top = n - kept;
    if (top > 0) {
        b->hi = kth_dense(&at, d, j, top + 1); /* the largest that may stay */
        if (at.above < top) b->top = kth_index(d, j, b->hi, top - at.above);
    }
    keep_largest(d, j, top + kept);
}

/* ---- at random ---- */

static Rng trim_stream(const MergeDense *d, size_t j)
{
    return rng_stream(d->o->seed, "merge trim", d->stream[j]);
}

void trim_random(MergeDense *d, size_t j)
{
    float *x = d->tv + j * d->n;
    Rng r = trim_stream(d, j);
    for (size_t i = 0; d->o->density < 1 && i < d->n; i++)
        if (!(rng_uniform(&r) < d->o->density)) x[i] = 0;
    if (d->o->rescale == RESCALE_INVERSE) d->band[j].scale = (float)(1 / d->o->density);
}

typedef struct {
    uint32_t bits, at; /* bits of a magnitude are in its order */
} TrimRank;

/* Ascending, equal ones as they lie: byte by byte from the lowest, each pass keeping what came before it.
 * Four passes end in `rank` again. other [n]. */
static void rank_sort(TrimRank *rank, TrimRank *other, size_t n)
{
    for (unsigned shift = 0; shift < 32; shift += 8) {
        uint32_t start[257] = {0};
        for (size_t i = 0; i < n; i++) start[(rank[i].bits >> shift & 255) + 1]++;
        for (size_t i = 1; i < 256; i++) start[i] += start[i - 1];
        for (size_t i = 0; i < n; i++) other[start[rank[i].bits >> shift & 255]++] = rank[i];
        TrimRank *t = rank;
        rank = other;
        other = t;
    }
}

/* One row: keep probabilities rise evenly from density - epsilon to density + epsilon with the rank. */
static void ranked_row(float *x, size_t n, const MergeOpts *o, Rng *r, TrimRank *rank)
{
    for (size_t i = 0; i < n; i++) {
        float m = fabsf(x[i]);
        memcpy(&rank[i].bits, &m, sizeof m);
        rank[i].at = (uint32_t)i;
    }
    rank_sort(rank, rank + n, n);
    for (size_t i = 0; i < n; i++) {
        double p = n > 1 ? o->density + o->epsilon * (2.0 * (double)i / (double)(n - 1) - 1) : o->density;
        float *at = &x[rank[i].at];
        if (!(rng_uniform(r) < p))
            *at = 0;
        else if (o->rescale == RESCALE_INVERSE)
            *at = (float)((double)*at / p);
    }
}

void trim_ranked(MergeDense *d, size_t j)
{
    Rng r = trim_stream(d, j);
    if (d->o->density >= 1) return;
    TrimRank *rank = (TrimRank *)(void *)d->work; /* 4 [cols] numbers: whoever makes d sees to that */
    for (size_t at = 0; at < d->n; at += d->cols) ranked_row(d->tv + j * d->n + at, d->cols, d->o, &r, rank);
}
