/* metric_gram.c - words as numbers, and n-grams that two sequences share. */
#include "metric_priv.h"

#include <stdlib.h>
#include <string.h>

static int gram_word_cmp(const void *a, const void *b)
{
    const Word *x = a, *y = b;
    int c = memcmp(x->s, y->s, x->n < y->n ? x->n : y->n);
    return c != 0 ? c : (x->n > y->n) - (x->n < y->n);
}

void gram_ids(Word *w, size_t n)
{
    if (n > 0) qsort(w, n, sizeof *w, gram_word_cmp);
    uint32_t id = 0;
    for (size_t i = 0; i < n; i++) {
        id += i > 0 && gram_word_cmp(&w[i - 1], &w[i]) != 0;
        *w[i].id = id;
    }
}

size_t gram_count(size_t length, size_t n)
{
    return length >= n ? length - n + 1 : 0;
}

/* An n-gram: the class of its first n - 1 members and the last one, and where it begins; places of the second
 * sequence come after those of the first. */
typedef struct {
    uint64_t key;
    size_t at;
} Gram;

static int gram_cmp(const void *a, const void *b)
{
    const Gram *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

/* Number the classes of equal grams of g [m], which is sorted; returns what both sequences share. */
static size_t gram_classes(uint32_t *class, const Gram *g, size_t m, size_t na)
{
    size_t hits = 0;
    uint32_t name = 0;
    for (size_t i = 0, end; i < m; i = end, name++) {
        size_t n[2] = {0};
        for (end = i; end < m && g[end].key == g[i].key; end++) {
            class[g[end].at] = name;
            n[g[end].at >= na]++;
        }
        hits += n[0] < n[1] ? n[0] : n[1];
    }
    return hits;
}

Status gram_hits(size_t *hits, size_t orders, const uint32_t *a, size_t na, const uint32_t *b, size_t nb,
                 Arena *scratch, Err *e)
{
    Gram *g = arena_alloc(scratch, na + nb, sizeof *g);
    uint32_t *class = arena_zalloc(scratch, na + nb, sizeof *class);
    if (g == NULL || class == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu tokens", na + nb);
    for (size_t n = 1; n <= orders; n++) {
        size_t ka = gram_count(na, n), kb = gram_count(nb, n), m = 0;
        for (size_t i = 0; i < ka; i++) g[m++] = (Gram){(uint64_t) class[i] << 32 | a[i + n - 1], i};
        for (size_t i = 0; i < kb; i++)
            g[m++] = (Gram){(uint64_t) class[na + i] << 32 | b[i + n - 1], na + i};
        if (m > 0) qsort(g, m, sizeof *g, gram_cmp);
        hits[n - 1] = gram_classes(class, g, m, na);
    }
    return OK;
}
