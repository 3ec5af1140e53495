/* memory.h - how much memory the process may take, as far as it chooses itself. */
#ifndef PRIME_MEMORY_H
#define PRIME_MEMORY_H

#include "prime/err.h"

#include <stddef.h>

/* memory_set_limit - bytes for the process; 0: no limit. Scoring and generation (score.h, generate.h) then
 * work with fewer threads, and when one is still too many with smaller blocks, so that the model's weights
 * and twice the workspaces stay below the limit: the other half is for all that is not theirs. They fail when
 * a single text does not fit. Fewer threads change nothing in the results; smaller blocks change them by
 * rounding (score.h). Training knows no limit. memory_limit - what was set. */
void memory_set_limit(size_t bytes);
size_t memory_limit(void);

/* memory_ready - has the whole pages of `at` [bytes], fresh and about to be written from end to end, made
 * ready in one go: the interruption at each page costs half of what clearing it does. Contents stay. A wish:
 * where the system does not know it (Linux before 5.14), nothing happens. */
void memory_ready(void *at, size_t bytes);

/* memory_block - bytes at an address that 64 divides, not cleared, to be given back by free(); NULL when
 * memory is out. For what is gone through from end to end again and again: of blocks from 2 MB on, whole huge
 * pages are asked for, so that fewer addresses have to be translated. A wish, too. */
void *memory_block(size_t bytes);

/* memory_parse - "4G", "500M", "64K" or bytes; K, M, G, T are powers of 1024. Errors: ERR_ARG. */
Status memory_parse(size_t *bytes, const char *text, Err *e) PRIME_MUST_USE;

#endif
