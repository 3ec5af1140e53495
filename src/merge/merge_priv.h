/* merge_priv.h - how the files of this room share a merge: sites in, sites out. */
#ifndef PRIME_MERGE_PRIV_H
#define PRIME_MERGE_PRIV_H

#include "prime/merge.h"

/* One site, and the adapters that take part there. */
typedef struct {
    size_t n_in, n_out, k;
    const LoraSite *const *part; /* [k] */
    const double *w;             /* [k] */
    const uint64_t *stream;      /* [k] of each adapter's random trims here */
    const MergeMethod *m;
    const MergeOpts *o; /* resolved: nothing is AUTO or NAN but the rank */
    bool measure;       /* whether exact2 and cross2 are wanted */
} MergeSite;

/* What comes out of it; a and b are owned, or lie in the adapter that is being made when it was known
 * beforehand how large they are. Squared norms as in MergeReport. */
typedef struct {
    size_t r;
    float scale, *a, *b;
    bool placed; /* a and b [r, ...] are there and not owned */
    double norm2, exact2, cross2, cut2;
} MergeMade;

/* Scratch of a thread, grown when needed. */
typedef struct {
    float *x;
    size_t n;
} MergeWork;
Status merge_work(float **x, MergeWork *w, size_t n, Err *e) PRIME_MUST_USE;

typedef Status (*MergeSiteFn)(MergeMade *out, const MergeSite *s, MergeWork *w, Err *e);

/* How an adapter's entries are trimmed: one counts when its magnitude is within [lo, hi]; it is then
 * multiplied by `scale`. Of those with magnitude lo, the ones from index `cut` on do not count, of those with
 * magnitude hi the ones before index `top`: equal magnitudes are taken in the order in which they lie. */
typedef struct {
    float lo, hi, scale;
    size_t cut, top;
} MergeBand;

/* How an adapter's entries enter what is combined: those that count by their magnitude in [lo, hi], those
 * that agree by entry times sign in [from, to]. */
typedef struct {
    float lo, hi, from, to, w, each, times; /* each: what an entry counts; times: of its vote */
} MergeVoice;

/* Entries of one site: task vectors tv [k, n], or, where tv is NULL, products of factors that are formed a
 * tile at a time whenever they are wanted: that is faster than memory while ranks are small. */
typedef struct {
    float *tv;
    const LoraSite *const *part; /* [k]; not read where tv is there */
    size_t n, k, cols, tile;     /* cols: length of a row of dW; tile: entries of a tile, whole rows */
    const double *w;
    const uint64_t *stream;
    const MergeOpts *o;
    MergeBand *band;   /* [k] */
    MergeVoice *voice; /* [k] made of them by dense_combine */
    float *work;       /* [max(n, 4 cols)] */
    float *strip;      /* [k, tile] without tv */
} MergeDense;

/* What a row of the table consists of. Methods of MERGE_DENSE: trim, then combine. */
typedef Status (*MergeCoefFn)(double *c, const double *gram, const MergeSite *s, Err *e);
typedef struct MergeRecipe {
    MergeSiteFn site;
    MergeCoefFn coef;                      /* MERGE_SPAN */
    bool cuts;                             /* MERGE_SPAN: AUTO is the largest rank that takes part */
    void (*trim)(MergeDense *d, size_t j); /* MERGE_DENSE; NULL: everything is kept */
    bool writes;                           /* the trim zeroes entries of tv, which has to be there */
    bool elects, weighted; /* entries vote for a sign, and only those that agree count; votes are weighted */
    bool majority;         /* a vote that ends even takes the sign that won most other votes */
    MergeElect elect;      /* what AUTO stands for */
    MergeMean mean;
    MergeRescale rescale;
} MergeRecipe;

/* ---- factors, spans, entries: the site functions ---- */
Status factors_prime(MergeMade *out, const MergeSite *s, MergeWork *w, Err *e) PRIME_MUST_USE;
Status factors_peft(MergeMade *out, const MergeSite *s, MergeWork *w, Err *e) PRIME_MUST_USE;
Status span_site(MergeMade *out, const MergeSite *s, MergeWork *w, Err *e) PRIME_MUST_USE;
Status dense_site(MergeMade *out, const MergeSite *s, MergeWork *w, Err *e) PRIME_MUST_USE;
Status dense_sce(MergeMade *out, const MergeSite *s, MergeWork *w, Err *e) PRIME_MUST_USE;
Status knots_site(MergeMade *out, const MergeSite *s, MergeWork *w, Err *e) PRIME_MUST_USE;

/* ---- coefficients of MERGE_SPAN: c [k] from w and gram [k, k], gram_ij = <dW_i, dW_j> ---- */
Status coef_exact(double *c, const double *gram, const MergeSite *s, Err *e) PRIME_MUST_USE;
Status coef_slerp(double *c, const double *gram, const MergeSite *s, Err *e) PRIME_MUST_USE;
Status coef_multislerp(double *c, const double *gram, const MergeSite *s, Err *e) PRIME_MUST_USE;
Status coef_karcher(double *c, const double *gram, const MergeSite *s, Err *e) PRIME_MUST_USE;
Status coef_stock(double *c, const double *gram, const MergeSite *s, Err *e) PRIME_MUST_USE;

/* ---- trims ---- */
void trim_top(MergeDense *d, size_t j);        /* the floor(density n) largest, at least 1 */
void trim_top_closed(MergeDense *d, size_t j); /* one more, and all of its magnitude: KnOTS */
void trim_band(MergeDense *d, size_t j);       /* without the floor(gamma n) largest and the smallest */
void trim_random(MergeDense *d, size_t j);
void trim_ranked(MergeDense *d, size_t j); /* random; the larger within its row, the likelier to stay */

/* ---- the k-th largest magnitude ---- */
typedef struct {
    size_t above, equal; /* how many are larger and as large */
} TrimPlace;
/* trim_kth - of x [n], 1 <= k <= n. work [n]. Cost: one pass over x, and few entries again. */
float trim_kth(const float *x, size_t n, size_t k, float *work, TrimPlace *at);
/* kth_dense - of adapter j's entries, whatever its band says. Uses d->work. */
float kth_dense(TrimPlace *at, const MergeDense *d, size_t j, size_t k);
/* kth_index - where the entry with this magnitude lies that has `before` of them before it; n if there is
 * none.
 */
size_t kth_index(const MergeDense *d, size_t j, float magnitude, size_t before);

/* ---- entries ---- */

/* dense_work_size - numbers of scratch for k vectors of n entries; dense_place - d into it, tv, bands and
 * work included. */
size_t dense_work_size(size_t n, size_t k, size_t cols);
void dense_place(MergeDense *d, float *x, size_t n, size_t cols, const MergeSite *s);
/* dense_tile - entries [at, at + d->tile) of adapter j, as many as there are, untrimmed: its own or formed in
 * strip [tile]. dense_tile_size - how many there are. */
const float *dense_tile(const MergeDense *d, float *strip, size_t j, size_t at);
size_t dense_tile_size(const MergeDense *d, size_t at);
/* dense_trim - bands of all adapters. dense_combine - out [n], multiplied by lambda. */
void dense_trim(MergeDense *d, const MergeRecipe *r);
void dense_combine(float *out, const MergeDense *d, const MergeRecipe *r);

/* ---- sites ---- */

/* made_new - memory for a site of rank r, or what is placed there. made_free accepts zeros. */
Status made_new(MergeMade *out, size_t r, size_t n_out, size_t n_in, Err *e) PRIME_MUST_USE;
void made_free(MergeMade *m);
/* made_cut - to the rank that is wanted, when that is less than it has; `automatic` is what AUTO stands for.
 */
Status made_cut(MergeMade *m, const MergeSite *s, size_t automatic, Err *e) PRIME_MUST_USE;
/* made_rank - the rank that a method which forms dW leaves at a site of ranks that add up to `sum`. */
size_t made_rank(const MergeOpts *o, size_t sum, size_t n_out, size_t n_in);
/* made_measure - norm2, exact2 and cross2 of what the method made, through inner products of factors. */
void made_measure(MergeMade *m, const MergeSite *s);

/* site_inner - <B_x A_x, B_y A_y> scale_x scale_y. */
double site_inner(const LoraSite *x, const LoraSite *y, size_t n_out, size_t n_in);
/* site_rows - d [rows, n_in]: rows `from` ... of scale B A. */
void site_rows(float *d, const LoraSite *x, size_t from, size_t rows, size_t n_in);
size_t site_rank_sum(const MergeSite *s);

/* merge_resolve - defaults and the row's own choices in place of what was not given. */
MergeOpts merge_resolve(const MergeMethod *m, const MergeOpts *o);

#endif
