/* arena.h - one block of memory per job, reset after it. What an arena gave is never freed singly.
 * An Arena is zero-initialised before use; blocks grow by doubling; every address is 64-byte aligned. */
#ifndef PRIME_ARENA_H
#define PRIME_ARENA_H

#include "prime/err.h"

#include <stddef.h>

typedef struct ArenaBlock ArenaBlock;
typedef struct {
    ArenaBlock *head; /* newest block first */
} Arena;

/* arena_alloc - n*size bytes, not cleared; NULL when memory is out or the product overflows. Never fails for
 * n = 0. */
void *arena_alloc(Arena *a, size_t n, size_t size);
/* arena_zalloc - the same, cleared to zero bytes. */
void *arena_zalloc(Arena *a, size_t n, size_t size);
/* arena_strdup - a copy of the first n bytes of s with a closing NUL; NULL when memory is out. */
char *arena_strndup(Arena *a, const char *s, size_t n);
char *arena_strdup(Arena *a, const char *s);
/* arena_reset - forget all allocations, keep the largest block. */
void arena_reset(Arena *a);
/* arena_free - give everything back; the Arena may be used again. */
void arena_free(Arena *a);

/* size_mul - *out = a*b, or ERR_ARG when the product does not fit in size_t. */
Status size_mul(size_t *out, size_t a, size_t b, Err *e) PRIME_MUST_USE;

#endif
