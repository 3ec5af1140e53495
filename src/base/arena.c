#include "prime/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64, FIRST_BLOCK = 1 << 16 };

struct ArenaBlock {
    ArenaBlock *next;
    size_t cap, used; /* bytes after the header */
};

static const size_t header = (sizeof(ArenaBlock) + ALIGN - 1) / ALIGN * ALIGN;

static ArenaBlock *block_new(size_t need, size_t last_cap)
{
    size_t cap = last_cap < FIRST_BLOCK ? FIRST_BLOCK : last_cap * 2;
    if (cap > ((size_t)1 << 28)) cap = (size_t)1 << 28;
    if (cap < need) cap = need;
    if (cap > SIZE_MAX - header - ALIGN) return NULL;
    ArenaBlock *b = aligned_alloc(ALIGN, (header + cap + ALIGN - 1) / ALIGN * ALIGN);
    if (b == NULL) return NULL;
    b->next = NULL;
    b->cap = cap;
    b->used = 0;
    return b;
}

void *arena_alloc(Arena *a, size_t n, size_t size)
{
    if (size != 0 && n > (SIZE_MAX - ALIGN) / size) return NULL;
    size_t need = (n * size + ALIGN - 1) / ALIGN * ALIGN;
    ArenaBlock *b = a->head;
    if (b == NULL || b->cap - b->used < need) {
        ArenaBlock *fresh = block_new(need, b == NULL ? 0 : b->cap);
        if (fresh == NULL) return NULL;
        fresh->next = b;
        a->head = b = fresh;
    }
    void *p = (char *)b + header + b->used;
    b->used += need;
    return p;
}

void *arena_zalloc(Arena *a, size_t n, size_t size)
{
    void *p = arena_alloc(a, n, size);
    if (p != NULL) memset(p, 0, n * size);
    return p;
}

char *arena_strndup(Arena *a, const char *s, size_t n)
{
    char *p = arena_alloc(a, n + 1, 1);
    if (p == NULL) return NULL;
    memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

char *arena_strdup(Arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

void arena_reset(Arena *a)
{
    ArenaBlock *keep = a->head; /* blocks never shrink, so the newest is the largest */
    if (keep == NULL) return;
    for (ArenaBlock *b = keep->next, *next; b != NULL; b = next) {
        next = b->next;
        free(b);
    }
    keep->next = NULL;
    keep->used = 0;
}

void arena_free(Arena *a)
{
    arena_reset(a);
    free(a->head);
    a->head = NULL;
}

Status size_mul(size_t *out, size_t a, size_t b, Err *e)
{
    if (b != 0 && a > SIZE_MAX / b) FAIL(e, ERR_ARG, "%zu * %zu does not fit in a size", a, b);
    *out = a * b;
    return OK;
}
