/* roc_priv.h - what the files of roc.h share. */
#ifndef PRIME_ROC_PRIV_H
#define PRIME_ROC_PRIV_H

#include "prime/roc.h"

/* roc_check - level in (0, 1), both sides there, scores that are numbers, users in range on both sides or
 * none. Errors: those of roc_delong. */
Status roc_check(const RocData *d, double level, Err *e) PRIME_MUST_USE;

/* roc_perfect - at AUC 1 or 0 with se = 0 the interval's inner end becomes the exact bound of k pairs of
 * different units that are all ordered alike, A^k = (1 - level) / 2, and p that of k tosses. Elsewhere
 * nothing. */
void roc_perfect(RocEst *est, size_t k, double level);

#endif
