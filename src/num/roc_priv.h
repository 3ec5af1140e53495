/* roc_priv.h - what the files of roc.h share. */
#ifndef PRIME_ROC_PRIV_H
#define PRIME_ROC_PRIV_H

#include "prime/roc.h"

/* roc_check - level in (0, 1), both sides there, scores that are numbers, users in range on both sides or
 * none. Errors: those of roc_delong. */
Status roc_check(const RocData *d, double level, Err *e) PRIME_MUST_USE;

#endif
