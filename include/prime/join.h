/* join.h - one run from the parts of it that were measured apart (sweep.h, SweepHow.shard). */
#ifndef PRIME_JOIN_H
#define PRIME_JOIN_H

#include "prime/err.h"

#include <stddef.h>

typedef struct {
    size_t runs, cells, scores;
} JoinCount;

/* join_runs - a ledger in the new folder `out` with everything that the ledgers of the run folders run [n]
 * hold, in the order given: the rows are those of one run of the whole audit. What a ledger says of its run
 * (specification, hashes of data, base model and adapters, version) must be the same in all of them; sessions
 * are numbered through. Adapters and files of signals stay where they are. *count may be NULL.
 * Errors: ERR_ARG nothing to join; a fact that differs, with both values; a cell that two of them hold; parts
 * of different divisions, a part twice, one missing (all named); cells fewer than planned; ERR_IO `out` holds
 * a ledger, or a run has none. Nothing is left in `out` then. */
Status join_runs(const char *out, const char *const *run, size_t n, JoinCount *count, Err *e) PRIME_MUST_USE;

#endif
