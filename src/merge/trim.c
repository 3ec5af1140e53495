/* trim.c - which entries of an adapter's update are kept. A trim sets the band of magnitudes that counts, or
 * zeroes what does not; dense_combine reads the band on the fly, so that plain trims write nothing. */
#include "merge_priv.h"

#include "prime/rng.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- the k-th largest ---- */

/* The k-th largest of m [n], which is reordered (Hoare 1961, in Wirth's form). */
static float select_kth(float *m, size_t n, size_t k)
{
    ptrdiff_t lo = 0, hi = (ptrdiff_t)n - 1, at = (ptrdiff_t)k - 1;
    while (lo < hi) {
        float pivot = m[at];
        ptrdiff_t i = lo, j = hi;
        while (i <= j) {
            while (m[i] > pivot) i++;
            while (m[j] < pivot) j--;
            if (i > j) break;
            float t = m[i];
            m[i++] = m[j];
            m[j--] = t;
        }
        if (j < at) lo = i;
        if (at < i) hi = j;
    }
    return m[at];
}

enum { SAMPLE = 4096, STRIP = 512 };

/* Two magnitudes between which the k-th largest very likely lies, from a sample, one entry of each stretch of
 * even length: three standard deviations of its rank on either side. Even distances would meet the same few
 * columns over and over. */
static void sample_bracket(float *lo, float *hi, const float *x, size_t n, size_t k, float *work)
{
    size_t step = n / SAMPLE;
    for (size_t i = 0; i < SAMPLE; i++) work[i] = fabsf(x[i * step + rng_mix(i) % step]);
    double p = (double)k / (double)n, at = p * SAMPLE, wide = 3 * sqrt(SAMPLE * p * (1 - p)) + 2;
    *hi = at - wide < 1 ? INFINITY : select_kth(work, SAMPLE, (size_t)(at - wide));
    *lo = at + wide >= SAMPLE ? 0 : select_kth(work, SAMPLE, (size_t)(at + wide));
}

/* Which of m [STRIP] lie within [lo, hi], a byte each; returns how many exceed hi. */
static size_t strip_flags(unsigned char *in, const float *x, float lo, float hi)
{
    int above = 0;
#pragma omp simd reduction(+ : above)
    for (size_t i = 0; i < STRIP; i++) {
        float m = fabsf(x[i]);
        above += m > hi ? 1 : 0;
        in[i] = (unsigned char)((m >= lo) & (m <= hi));
    }
    return (size_t)above;
}

/* How many magnitudes exceed hi; those within [lo, hi], few, go to work. */
static size_t bracket_gather(float *work, size_t *inside, const float *x, size_t n, float lo, float hi)
{
    size_t above = 0, got = 0, i = 0;
    for (; i + STRIP <= n; i += STRIP) {
        unsigned char in[STRIP];
        above += strip_flags(in, x + i, lo, hi);
        for (size_t j = 0; j < STRIP; j += sizeof(uint64_t)) {
            uint64_t eight;
            memcpy(&eight, in + j, sizeof eight);
            for (size_t v = j; eight != 0 && v < j + sizeof eight; v++)
                if (in[v]) work[got++] = fabsf(x[i + v]);
        }
    }
    for (; i < n; i++) {
        float m = fabsf(x[i]);
        above += m > hi;
        if (m >= lo && m <= hi) work[got++] = m;
    }
    *inside = got;
    return above;
}

float trim_kth(const float *x, size_t n, size_t k, float *work, TrimPlace *at)
{
    size_t inside = n, above = 0;
    bool found = false;
    assert(k >= 1 && k <= n);
    if (n >= 16 * SAMPLE) {
        float lo, hi;
        sample_bracket(&lo, &hi, x, n, k, work);
        above = bracket_gather(work, &inside, x, n, lo, hi);
        found = above < k && k <= above + inside;
    }
    if (!found) {
        for (size_t i = 0; i < n; i++) work[i] = fabsf(x[i]);
        inside = n;
        above = 0;
    }
    float kth = select_kth(work, inside, k - above);
    *at = (TrimPlace){above, 0};
    for (size_t i = 0; i < inside; i++) {
        at->above += work[i] > kth;
        at->equal += work[i] == kth;
    }
    return kth;
}

/* ---- by magnitude ---- */

static size_t trim_count(double share, size_t n)
{
    size_t k = (size_t)floor(share * (double)n);
    return k > n ? n : k;
}

/* Of the entries with magnitude `at`, only the first `keep` stay: equal ones are taken in the order in which
 * they lie. */
static void trim_equal(float *x, size_t n, float at, size_t keep)
{
    if (at == 0) return;
    for (size_t i = 0; i < n; i++)
        if (fabsf(x[i]) == at) {
            if (keep == 0) x[i] = 0;
            keep -= keep > 0;
        }
}

/* The k largest. */
static void keep_largest(MergeDense *d, size_t j, size_t k)
{
    float *x = d->tv + j * d->n;
    TrimPlace at;
    if (k >= d->n) return;
    d->lo[j] = trim_kth(x, d->n, k, d->work, &at);
    if (at.above + at.equal > k) trim_equal(x, d->n, d->lo[j], k - at.above);
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
    if (k < d->n) d->lo[j] = trim_kth(d->tv + j * d->n, d->n, k + 1, d->work, &at);
}

/* Of the entries with magnitude `at` the first `drop` are among the largest: no band holds them any more. */
static void band_drop(float *x, size_t n, float at, size_t drop)
{
    for (size_t i = 0; i < n && drop > 0; i++)
        if (fabsf(x[i]) == at) {
            x[i] = copysignf(INFINITY, x[i]);
            drop--;
        }
}

void trim_band(MergeDense *d, size_t j)
{
    size_t n = d->n, kept = trim_target(d), top = trim_count(d->o->gamma, n);
    float *x = d->tv + j * n;
    TrimPlace at;
    if (kept >= n) return;
    if (top + kept > n) top = n - kept;
    if (top > 0) {
        d->hi[j] = trim_kth(x, n, top + 1, d->work, &at); /* the largest that may stay */
        if (at.above < top) band_drop(x, n, d->hi[j], top - at.above);
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
    if (d->o->rescale == RESCALE_INVERSE) d->scale[j] = (float)(1 / d->o->density);
}

typedef struct {
    float m;
    unsigned at;
} TrimRank;

static int compare_rank(const void *x, const void *y)
{
    const TrimRank *a = x, *b = y;
    if (a->m != b->m) return a->m < b->m ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

/* One row: keep probabilities rise evenly from density - epsilon to density + epsilon with the rank. */
static void ranked_row(float *x, size_t n, const MergeOpts *o, Rng *r, TrimRank *rank)
{
    for (size_t i = 0; i < n; i++) rank[i] = (TrimRank){fabsf(x[i]), (unsigned)i};
    qsort(rank, n, sizeof *rank, compare_rank);
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
    TrimRank *rank = (TrimRank *)(void *)d->work; /* 2 [cols] numbers: whoever makes d sees to that */
    for (size_t at = 0; at < d->n; at += d->cols) ranked_row(d->tv + j * d->n + at, d->cols, d->o, &r, rank);
}
