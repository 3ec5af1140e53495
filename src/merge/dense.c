/* dense.c - methods that look at every entry of dW by itself: trim, elect a sign, combine. */
#include "merge_priv.h"

#include "prime/vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- trim ---- */

/* Sum of the magnitudes of all entries and of those within the band. */
static double band_sum(const float *x, size_t n, float lo, float hi)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        float m = fabsf(x[i]);
        sum += (m >= lo) & (m <= hi) ? (double)m : 0.0;
    }
    return sum;
}

void dense_trim(MergeDense *d, const MergeRecipe *r)
{
    for (size_t j = 0; j < d->k; j++) {
        const float *x = d->tv + j * d->n;
        double before = 0;
        d->lo[j] = 0;
        d->hi[j] = INFINITY;
        d->scale[j] = 1;
        if (r->trim == NULL) continue;
        if (d->o->rescale == RESCALE_L1) before = band_sum(x, d->n, 0, INFINITY);
        r->trim(d, j);
        double after = before > 0 ? band_sum(x, d->n, d->lo[j], d->hi[j]) : 0;
        if (after > 0) d->scale[j] = (float)(before / after);
    }
}

/* ---- combine ---- */

enum { CHUNK = 512 };

typedef struct {
    float sign[CHUNK], num[CHUNK], den[CHUNK];
} Chunk;

static inline float band_value(float x, float lo, float hi)
{
    float m = fabsf(x);
    return (m >= lo) & (m <= hi) ? x : 0.0f; /* without &&: a branch would keep loops from being vectorised */
}

/* Votes for a sign: of values times `times`, or one voice each. */
static void chunk_vote(float *vote, const float *x, size_t n, float lo, float hi, float times)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) vote[i] += times * band_value(x[i], lo, hi);
}

static void chunk_vote_one(float *vote, const float *x, size_t n, float lo, float hi, float times)
{
    float one = times < 0 ? -1.0f : 1.0f;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = band_value(x[i], lo, hi);
        vote[i] += one * ((v > 0 ? 1.0f : 0.0f) - (v < 0 ? 1.0f : 0.0f));
    }
}

/* What agrees with the sign: num += w x, den += each. `turn` is the sign by which the vote saw x. */
static void chunk_agree(Chunk *c, const float *x, size_t n, float lo, float hi, float turn, float w,
                        float each)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = band_value(x[i], lo, hi);
        float with = turn * v * c->sign[i] > 0 ? 1.0f : 0.0f;
        c->num[i] += with * (w * v);
        c->den[i] += with * each;
    }
}

/* What is kept counts, whatever its sign. */
static void chunk_all(Chunk *c, const float *x, size_t n, float lo, float hi, float w, float each)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = band_value(x[i], lo, hi);
        c->num[i] += w * v;
        c->den[i] += each * (v != 0 ? 1.0f : 0.0f);
    }
}

static void combine_votes(float *vote, const MergeDense *d, const MergeRecipe *r, size_t from, size_t n)
{
    memset(vote, 0, n * sizeof *vote);
    for (size_t j = 0; j < d->k; j++) {
        float times = r->weighted ? (float)d->w[j] * d->scale[j] : d->scale[j];
        (d->o->elect == ELECT_FREQUENCY ? chunk_vote_one : chunk_vote)(vote, d->tv + j * d->n + from, n,
                                                                       d->lo[j], d->hi[j], times);
    }
}

/* The sign that most votes have: what an even vote takes under `majority`. */
static float combine_majority(const MergeDense *d, const MergeRecipe *r)
{
    float vote[CHUNK];
    long sum = 0;
    for (size_t at = 0; at < d->n; at += CHUNK) {
        size_t n = d->n - at < CHUNK ? d->n - at : CHUNK;
        combine_votes(vote, d, r, at, n);
        for (size_t i = 0; i < n; i++) sum += (vote[i] > 0) - (vote[i] < 0);
    }
    return sum >= 0 ? 1.0f : -1.0f;
}

static void combine_divide(float *out, const Chunk *c, size_t n, const MergeOpts *o)
{
    float times = (float)o->lambda;
    int plain = o->mean == MEAN_SUM;
    for (size_t i = 0; i < n; i++) {
        float by = c->den[i];
        by = plain | (fabsf(by) < 1e-8f) ? 1.0f : by;
        out[i] = times * c->num[i] / by;
    }
}

static void combine_signs(float *vote, size_t n, float even)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float sign = vote[i] < 0 ? -1.0f : 1.0f;
        vote[i] = vote[i] == 0 ? even : sign;
    }
}

static void combine_chunk(float *out, const MergeDense *d, const MergeRecipe *r, float even, size_t at,
                          size_t n)
{
    Chunk c;
    memset(&c, 0, sizeof c);
    if (r->elects) {
        combine_votes(c.sign, d, r, at, n);
        combine_signs(c.sign, n, even);
    }
    for (size_t j = 0; j < d->k; j++) {
        const float *x = d->tv + j * d->n + at;
        float w = (float)d->w[j] * d->scale[j], each = d->o->mean == MEAN_WEIGHTS ? (float)d->w[j] : 1;
        float turn = r->weighted && d->w[j] < 0 ? -1.0f : 1.0f;
        if (r->elects)
            chunk_agree(&c, x, n, d->lo[j], d->hi[j], turn, w, each);
        else
            chunk_all(&c, x, n, d->lo[j], d->hi[j], w, each);
    }
    combine_divide(out, &c, n, d->o);
}

void dense_combine(float *out, const MergeDense *d, const MergeRecipe *r)
{
    float even = r->majority ? combine_majority(d, r) : 1;
    for (size_t at = 0; at < d->n; at += CHUNK)
        combine_chunk(out + at, d, r, even, at, d->n - at < CHUNK ? d->n - at : CHUNK);
}

/* ---- the site ---- */

static size_t work_least(size_t n, size_t cols)
{
    return n > 2 * cols ? n : 2 * cols;
}

size_t dense_work_size(size_t n, size_t k, size_t cols)
{
    return n * k + work_least(n, cols) + 3 * k;
}

void dense_place(MergeDense *d, float *x, size_t n, size_t cols, const MergeSite *s)
{
    *d = (MergeDense){.tv = x, .n = n, .k = s->k, .cols = cols, .w = s->w, .stream = s->stream, .o = s->o};
    d->work = x + s->k * n;
    d->lo = d->work + work_least(n, cols);
    d->hi = d->lo + s->k;
    d->scale = d->hi + s->k;
}

static void dense_exact(float *exact, const MergeDense *d)
{
    memset(exact, 0, d->n * sizeof *exact);
    for (size_t at = 0; at < d->n; at += CHUNK)
        for (size_t j = 0; j < d->k; j++)
            vec_axpy(exact + at, (float)d->w[j], d->tv + j * d->n + at,
                     d->n - at < CHUNK ? d->n - at : CHUNK);
}

static void dense_measure(MergeMade *m, float *exact, const float *got, size_t n)
{
    m->norm2 = vec_dot_d(got, got, n);
    m->exact2 = vec_dot_d(exact, exact, n);
    vec_axpy(exact, -1, got, n);
    m->cross2 = vec_dot_d(exact, exact, n);
}

typedef void (*DenseFn)(float *out, MergeDense *d, const MergeRecipe *r);

static Status dense_with(MergeMade *out, const MergeSite *s, MergeWork *w, DenseFn fn, Err *e)
{
    MergeDense d;
    MergeMade m = {0};
    size_t n = s->n_out * s->n_in, size = dense_work_size(n, s->k, s->n_in);
    float *x;
    TRY(merge_work(&x, w, size + (s->measure ? 2 : 1) * n, e));
    dense_place(&d, x, n, s->n_in, s);
    float *got = x + size, *exact = got + n;
    for (size_t j = 0; j < s->k; j++) site_delta(d.tv + j * d.n, s->part[j], s->n_out, s->n_in);
    if (s->measure) dense_exact(exact, &d);
    fn(got, &d, s->m->recipe);
    TRY(made_from_dense(&m, got, s, e));
    if (s->measure) dense_measure(&m, exact, got, d.n);
    *out = m;
    return OK;
}

static void dense_recipe(float *out, MergeDense *d, const MergeRecipe *r)
{
    dense_trim(d, r);
    dense_combine(out, d, r);
}

Status dense_site(MergeMade *out, const MergeSite *s, MergeWork *w, Err *e)
{
    return dense_with(out, s, w, dense_recipe, e);
}

/* ---- SCE ---- */

/* var [n] over the vectors; returns how many are not 0. */
static size_t sce_variance(float *var, const MergeDense *d)
{
    size_t some = 0;
    for (size_t i = 0; i < d->n; i++) {
        double sum = 0, sq = 0;
        for (size_t j = 0; j < d->k; j++) sum += (double)d->tv[j * d->n + i];
        for (size_t j = 0; j < d->k; j++) {
            double off = (double)d->tv[j * d->n + i] - sum / (double)d->k;
            sq += off * off;
        }
        var[i] = (float)(sq / (double)d->k);
        some += var[i] > 0;
    }
    return some;
}

/* Zeroes all vectors where the variance is not among the largest. Where it is 0 throughout, as for copies of
 * one adapter, there is nothing to choose by and everything stays. */
static void sce_select(float *var, MergeDense *d)
{
    size_t some = d->o->density < 1 ? sce_variance(var, d) : 0;
    size_t k = (size_t)(d->o->density * (double)some);
    if (some == 0) return;
    if (k == 0) k = 1;
    TrimPlace place;
    float at = trim_kth(var, d->n, k, d->work, &place);
    size_t equal = k - place.above; /* of those with this very variance the first ones are taken */
    for (size_t i = 0; i < d->n; i++) {
        bool keep = var[i] > at || (var[i] == at && equal > 0);
        equal -= keep && var[i] == at;
        for (size_t j = 0; !keep && j < d->k; j++) d->tv[j * d->n + i] = 0;
    }
}

/* Selected entries are averaged with weights by energy (mean square), of those that have the elected sign. */
static void sce_fuse(float *out, MergeDense *d)
{
    double strength = 0, energy = 0;
    for (size_t j = 0; j < d->k; j++) {
        const float *x = d->tv + j * d->n;
        strength += d->w[j];
        d->scale[j] = (float)vec_dot_d(x, x, d->n);
        energy += (double)d->scale[j];
    }
    for (size_t j = 0; j < d->k; j++)
        d->scale[j] = energy > 0 ? (float)(d->w[j] * (double)d->scale[j] / energy) : (float)d->w[j];
    for (size_t i = 0; i < d->n; i++) {
        double vote = 0, num = 0, den = 0;
        for (size_t j = 0; j < d->k; j++) vote += (double)d->tv[j * d->n + i];
        for (size_t j = 0; j < d->k; j++) {
            double x = (double)d->tv[j * d->n + i], c = (double)d->scale[j];
            if (x == 0 || (x > 0) != (vote >= 0)) continue;
            num += c * x;
            den += c;
        }
        out[i] = den > 0 ? (float)(d->o->lambda * strength * num / den) : 0.0f;
    }
}

static void sce_run(float *out, MergeDense *d, const MergeRecipe *r)
{
    (void)r;
    sce_select(out, d);
    sce_fuse(out, d);
}

Status dense_sce(MergeMade *out, const MergeSite *s, MergeWork *w, Err *e)
{
    return dense_with(out, s, w, sce_run, e);
}
