/* dense.c - methods that look at every entry of dW by itself: entries tile by tile, trimmed, combined. */
#include "merge_priv.h"

#include "prime/memory.h"
#include "prime/svd.h"
#include "prime/vec.h"

#include <math.h>
#include <string.h>

/* ---- entries ---- */

/* Entries of a tile: few enough for those of eight adapters to stay in a cache of 1 MB, enough for 16 rows of
 * most products, which have kernels of their own (mat.h). */
enum { TILE = 24576 };

static size_t tile_entries(size_t cols)
{
    return cols < TILE ? TILE / cols * cols : cols;
}

static size_t work_least(size_t n, size_t cols)
{
    return n > 4 * cols ? n : 4 * cols;
}

static size_t band_floats(size_t k)
{
    return k * ((sizeof(MergeBand) + sizeof(MergeVoice)) / sizeof(float));
}

size_t dense_work_size(size_t n, size_t k, size_t cols)
{
    return band_floats(k) + n * k + work_least(n, cols);
}

/* Bands come first: memory is aligned for them there. Returns what is behind work. */
static float *dense_set(MergeDense *d, float *x, size_t n, size_t cols, const MergeSite *s, bool whole)
{
    *d = (MergeDense){.part = s->part,
                      .n = n,
                      .k = s->k,
                      .cols = cols,
                      .tile = tile_entries(cols),
                      .w = s->w,
                      .stream = s->stream,
                      .o = s->o,
                      .band = (MergeBand *)(void *)x,
                      .voice = (MergeVoice *)(void *)(x + s->k * (sizeof(MergeBand) / sizeof(float)))};
    x += band_floats(s->k);
    if (whole) d->tv = x;
    d->work = x + (whole ? s->k * n : 0);
    return d->work + work_least(n, cols);
}

void dense_place(MergeDense *d, float *x, size_t n, size_t cols, const MergeSite *s)
{
    dense_set(d, x, n, cols, s, true);
}

size_t dense_tile_size(const MergeDense *d, size_t at)
{
    return d->n - at < d->tile ? d->n - at : d->tile;
}

const float *dense_tile(const MergeDense *d, float *strip, size_t j, size_t at)
{
    if (d->tv != NULL) return d->tv + j * d->n + at;
    site_rows(strip, d->part[j], at / d->cols, dense_tile_size(d, at) / d->cols, d->cols);
    return strip;
}

/* ---- trim ---- */

/* Sum of the magnitudes of all entries of an adapter that are within its band. */
PRIME_CLONES static double band_sum(const MergeDense *d, size_t j)
{
    double sum = 0;
    float lo = d->band[j].lo, hi = d->band[j].hi;
    for (size_t at = 0; at < d->n; at += d->tile) {
        const float *x = dense_tile(d, d->strip, j, at);
        size_t n = dense_tile_size(d, at);
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < n; i++) {
            float m = fabsf(x[i]);
            sum += (m >= lo) & (m <= hi) ? (double)m : 0.0;
        }
    }
    return sum;
}

void dense_trim(MergeDense *d, const MergeRecipe *r)
{
    for (size_t j = 0; j < d->k; j++) {
        double before = 0;
        d->band[j] = (MergeBand){.lo = 0, .hi = INFINITY, .scale = 1, .cut = d->n};
        if (r->trim == NULL) continue;
        if (d->o->rescale == RESCALE_L1) before = band_sum(d, j);
        r->trim(d, j);
        double after = before > 0 ? band_sum(d, j) : 0;
        if (after > 0) d->band[j].scale = (float)(before / after);
    }
}

/* ---- the site ---- */

/* What a method made of the entries, beside the exact sum of the updates: norm2, exact2 and cross2. */
static void dense_measure(MergeMade *m, const float *got, const MergeDense *d, float *strip, float *exact)
{
    MergeDense formed = *d;
    formed.tv = NULL;
    m->norm2 = m->exact2 = m->cross2 = 0;
    for (size_t at = 0; at < d->n; at += d->tile) {
        size_t n = dense_tile_size(d, at);
        memset(exact, 0, n * sizeof *exact);
        for (size_t j = 0; j < d->k; j++)
            vec_axpy(exact, (float)d->w[j], dense_tile(&formed, strip, j, at), n);
        m->norm2 += vec_dot_d(got + at, got + at, n);
        m->exact2 += vec_dot_d(exact, exact, n);
        vec_axpy(exact, -1, got + at, n);
        m->cross2 += vec_dot_d(exact, exact, n);
    }
}

typedef void (*DenseFn)(float *out, MergeDense *d, const MergeRecipe *r);

/* Forming an update twice is faster than writing and reading it up to this rank, about. */
enum { TILED_RANK = 24 };

static bool dense_tiled(const MergeSite *s, DenseFn fn);

/* The result as factors of rank r: whole beside a unit matrix where nothing is cut. `whole` is where it is to
 * be written then, else NULL. */
static Status made_dense(MergeMade *m, float **whole, const MergeSite *s, Err *e)
{
    size_t least = s->n_in < s->n_out ? s->n_in : s->n_out;
    size_t r = made_rank(s->o, site_rank_sum(s), s->n_out, s->n_in);
    TRY(made_new(m, r, s->n_out, s->n_in, e));
    *whole = NULL;
    if (r < least) return OK;
    bool wide = s->n_out <= s->n_in;
    float *unit = wide ? m->b : m->a;
    for (size_t i = 0; i < r; i++) unit[i * r + i] = 1;
    *whole = wide ? m->a : m->b;
    memory_ready(*whole, s->n_out * s->n_in * sizeof **whole);
    return OK;
}

static Status dense_run(MergeMade *m, const MergeSite *s, MergeWork *w, DenseFn fn, Err *e)
{
    MergeDense d;
    size_t n = s->n_out * s->n_in, strips = (s->k + 1) * tile_entries(s->n_in);
    bool tiled = dense_tiled(s, fn);
    float *x, *whole, *got;
    TRY(made_dense(m, &whole, s, e));
    size_t size = dense_work_size(n, tiled ? 0 : s->k, s->n_in) + band_floats(s->k) + strips;
    TRY(merge_work(&x, w, size + (whole == NULL ? n : 0), e));
    d.strip = NULL;
    float *strip = dense_set(&d, x, n, s->n_in, s, !tiled);
    d.strip = strip;
    got = whole != NULL ? whole : x + size;
    for (size_t j = 0; !tiled && j < s->k; j++)
        for (size_t at = 0; at < n; at += d.tile)
            site_rows(d.tv + j * n + at, s->part[j], at / d.cols, dense_tile_size(&d, at) / d.cols, d.cols);
    fn(got, &d, s->m->recipe);
    if (s->measure) dense_measure(m, got, &d, strip, strip + s->k * d.tile);
    if (whole != NULL) return OK;
    double lost = 0;
    TRY(svd_cut(m->b, m->a, &lost, got, s->n_out, s->n_in, m->r, e));
    m->cut2 = lost * lost;
    return OK;
}

static Status dense_with(MergeMade *out, const MergeSite *s, MergeWork *w, DenseFn fn, Err *e)
{
    MergeMade m = *out;
    Status st = dense_run(&m, s, w, fn, e);
    if (st != OK)
        made_free(&m);
    else
        *out = m;
    return st;
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

static bool dense_tiled(const MergeSite *s, DenseFn fn)
{
    return fn == dense_recipe && !s->m->recipe->writes && site_rank_sum(s) <= TILED_RANK * s->k;
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
        d->band[j].scale = (float)vec_dot_d(x, x, d->n);
        energy += (double)d->band[j].scale;
    }
    for (size_t j = 0; j < d->k; j++)
        d->band[j].scale = energy > 0 ? (float)(d->w[j] * (double)d->band[j].scale / energy) : (float)d->w[j];
    for (size_t i = 0; i < d->n; i++) {
        double vote = 0, num = 0, den = 0;
        for (size_t j = 0; j < d->k; j++) vote += (double)d->tv[j * d->n + i];
        for (size_t j = 0; j < d->k; j++) {
            double x = (double)d->tv[j * d->n + i], c = (double)d->band[j].scale;
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
