/* paired.h - two methods compared over the same users. Every function takes the users' differences d
 * [n], one number per user (method a minus method b, each the mean over the user's own records): the
 * person is the unit. All differences are finite (ERR_NUM) and n > 0 (ERR_SHAPE). Differences that are
 * 0, or agree in size, to within 1e-12 of the largest count as equal: 0.61 - 0.55 and 0.06 are no two
 * ranks. */
#ifndef PRIME_PAIRED_H
#define PRIME_PAIRED_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* p_greater speaks for positive differences, p = min(1, 2 min(p_greater, p_less)). */
typedef struct {
    double w_plus, w_minus;      /* rank sums of the positive and of the negative differences */
    double rank_biserial;        /* (w_plus - w_minus) / (w_plus + w_minus), 0 where all are 0 */
    double p, p_greater, p_less; /* 1 where all differences are 0 */
    size_t n, n_zero;            /* differences used; zeros, which are left out */
    bool exact;
} PairedRank;

/* paired_wilcoxon - signed-rank test. Null: the differences are symmetric about 0. Exact over all signs, ties
 * included, for n < 50 without the zeros; above, or if `normal`, normal with tie and continuity correction.
 * Errors: ERR_SHAPE, ERR_NUM (above); ERR_NOMEM. Cost: O(n^3) exact, else O(n log n).
 * Source: Wilcoxon 1945; Hollander and Wolfe 1973, sec. 3.1.
 * Differs: R's wilcox.test leaves the exact distribution for the normal one at the first tie or zero. */
Status paired_wilcoxon(PairedRank *out, const double *d, size_t n, bool normal, Err *e) PRIME_MUST_USE;

typedef struct {
    double mean, p, p_greater, p_less;
    double draws; /* sign patterns looked at: all 2^n if exact */
    bool exact;
} PairedFlip;

/* paired_flip - permutation test of the mean difference by flipping signs. Null: as above. Exact for n <= 20;
 * else `reps` (0 = 10000) seeded draws, pattern r from the stream (seed, "paired_flip", r), with
 * p = (1 + hits) / (1 + reps).
 * Errors: ERR_SHAPE, ERR_NUM; ERR_ARG reps < 100; ERR_NOMEM. Source: Fisher 1935; Good 2005, ch. 3. */
Status paired_flip(PairedFlip *out, const double *d, size_t n, size_t reps, uint64_t seed,
                   Err *e) PRIME_MUST_USE;

typedef struct {
    size_t wins, losses, ties;
    double rate, lo, hi; /* wins of the users that are not tied, Clopper-Pearson; NaN where all are tied */
    double p;            /* sign test, two-sided; 1 where all are tied */
} PairedWins;

/* paired_wins - for how many users a exceeds b. Errors: ERR_SHAPE, ERR_NUM; ERR_ARG level outside (0, 1).
 * Source: Dixon and Mood 1946 (sign test). */
Status paired_wins(PairedWins *out, const double *d, size_t n, double level, Err *e) PRIME_MUST_USE;

typedef enum { PAIRED_EQUIVALENT, PAIRED_NOT_WORSE, PAIRED_WORSE, PAIRED_INCONCLUSIVE } PairedVerdict;

typedef struct {
    double mean, se, df, lo, hi; /* t interval of level 1 - 2 alpha, the one that the two tests look at */
    double t_lower, p_lower;     /* null: mean <= -margin. Small: a is not worse than b by the margin */
    double t_upper, p_upper;     /* null: mean >= margin. Small: a is not better than b by the margin */
    double p;                    /* of equivalence: the larger of the two */
    PairedVerdict verdict;
} PairedTost;

/* paired_tost - two one-sided t tests of the mean difference against a margin > 0; higher values are better.
 *   EQUIVALENT  both tests reject      NOT_WORSE  only the lower one does: "no worse than, by the margin"
 *   WORSE       hi <= -margin          INCONCLUSIVE  none of these, or n < 2
 * n = 1: no interval (NaN).
 * Errors: ERR_SHAPE, ERR_NUM; ERR_ARG margin <= 0 or not finite, alpha outside (0, 0.5).
 * Source: Schuirmann 1987, J. Pharmacokinetics and Biopharmaceutics 15. */
Status paired_tost(PairedTost *out, const double *d, size_t n, double margin, double alpha,
                   Err *e) PRIME_MUST_USE;
/* paired_verdict - "equivalent", "not worse", "worse", "inconclusive". */
const char *paired_verdict(PairedVerdict v);

#endif
