/* softmax.h - what the softmax of a row says of itself, for a row whose entries come in tiles, the first ones
 * first: the row never has to be in memory as a whole. Sums are taken above the largest entry so far, and
 * brought to a new one where a tile has it (Milakov and Gimelshein 2018, arXiv:1805.02867), in float within
 * blocks of 1024 entries and in double across them; exponentials are those of vec.h. How a row is cut moves
 * results by rounding alone. */
#ifndef PRIME_SOFTMAX_H
#define PRIME_SOFTMAX_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* With d = x - max and y = exp(d): sums of y, y d and y d^2. */
typedef struct {
    float max;
    double sum, first, second;
} Softmax;
#define SOFTMAX_EMPTY ((Softmax){.max = -INFINITY})

/* softmax_add - a tile, n > 0; `first` and `second` are left alone. softmax_add_moments - all three sums. An
 * entry that is NaN or infinite makes every result so: a tile that is -INFINITY throughout, too. Cost: two
 * passes over the tile, which is best still in the cache. */
void softmax_add(Softmax *s, const float *x, size_t n);
void softmax_add_moments(Softmax *s, const float *x, size_t n);

/* softmax_lse - log sum exp: log p(v) = x[v] - lse. Error against double arithmetic: 1e-6 relative. */
double softmax_lse(const Softmax *s);

/* softmax_moments - mean and sd of log p(v) when v is drawn from p; -mean is the entropy. Error against
 * double arithmetic: 2e-6 of the mean or of 1, 1e-4 relative for sd. */
typedef struct {
    double mean, sd;
} SoftmaxMoments;
SoftmaxMoments softmax_moments(const Softmax *s);

/* How many entries come before x[at] in descending order, equal ones in their order. Entries that come before
 * x[at] itself does are compared with bounds of it; those between the bounds are kept, the largest ones,
 * until they can be compared. Exact up to SOFTMAX_RANKS, wherever the row is cut and however wide the bounds.
 */
enum { SOFTMAX_RANKS = 255 };
typedef struct {
    size_t at, above, n_near;
    float lo, hi; /* bounds of x[at]; both x[at] when it has come */
    bool astray;  /* x[at] is not within its bounds: the rank is not to be trusted */
    float near[SOFTMAX_RANKS];
} SoftmaxRank;

/* softmax_rank_open - x[at] is guess, give or take `error`, which are finite or not. softmax_rank_add - the
 * tile x [n] of entries first .. first + n. softmax_rank - 0 to SOFTMAX_RANKS, which stands for more, too. */
void softmax_rank_open(SoftmaxRank *r, size_t at, double guess, double error);
void softmax_rank_add(SoftmaxRank *r, const float *x, size_t n, size_t first);
size_t softmax_rank(const SoftmaxRank *r);

#endif
