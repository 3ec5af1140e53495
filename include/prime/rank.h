/* rank.h - mid-ranks and the exact null distributions of rank sums. Ranks are kept doubled, so that mid-ranks
 * are whole numbers and sums of them exact; ties need no special case. */
#ifndef PRIME_RANK_H
#define PRIME_RANK_H

#include <stddef.h>

typedef struct {
    double x;
    size_t i;
} RankItem;

/* rank_mid2 - twice the mid-ranks of x [n], the smallest value having rank 1.
 *   rank2 [n]   written, in the order of x
 *   slack       neighbours in order that are no further apart are ties; 0: equal values only
 *   work  [n]   scratch, afterwards x in order
 * Returns the sum of t^3 - t over groups of t equal values: 0 means no ties. x holds no NaN.
 * Cost: O(n log n). */
double rank_mid2(size_t *rank2, const double *x, size_t n, double slack, RankItem *work);

/* rank_subset_size - doubles that rank_subset_ways writes: (m + 1) (top + 1), top being the sum of the m
 * largest ranks; SIZE_MAX when that does not fit. rank2 [n] in any order, *top is written, work [n] is
 * scratch. */
size_t rank_subset_size(size_t *top, const size_t *rank2, size_t n, size_t m, size_t *work);
/* rank_subset_ways - ways [top + 1]: in how many subsets of m out of n the ranks add up to s. The table
 * [m + 1, top + 1] is scratch, and its last row, which is returned, the result.
 * Cost: O(n m top).
 * Source: Streitberg and Roehmel 1986, Statistical Software Newsletter 12 (shift algorithm). */
const double *rank_subset_ways(double *table, size_t top, const size_t *rank2, size_t n, size_t m);

/* rank_signed_ways - ways [top + 1], top = sum of rank2 [n]: in how many of the 2^n choices of signs the
 * positive ranks add up to s. Cost: O(n top). */
void rank_signed_ways(double *ways, size_t top, const size_t *rank2, size_t n);

/* rank_tails - from ways [top + 1]: the shares of arrangements with a sum of at least, and of at most, s. */
void rank_tails(double *at_least, double *at_most, const double *ways, size_t top, size_t s);

#endif
