#include "tok_priv.h"

#include <stdlib.h>
#include <string.h>

/* The cheapest merge of a word is kept in a binary heap of (rank, position); entries that an earlier merge
 * made void are recognised when they come up. Ranks are below 2^31 and positions too, so both fit one key. */

void tok_bpe_close(TokBpe *w)
{
    free(w->sym);
    free(w->heap);
    str_free(&w->mapped);
    *w = (TokBpe){0};
}

void tok_ids_free(TokIds *ids)
{
    free(ids->id);
    *ids = (TokIds){0};
}

Status tok_ids_push(TokIds *ids, int32_t id, Err *e)
{
    if (ids->n == ids->cap) {
        size_t cap = ids->cap < 32 ? 64 : ids->cap * 2;
        int32_t *p = realloc(ids->id, cap * sizeof *p);
        if (p == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu token ids", cap);
        ids->id = p;
        ids->cap = cap;
    }
    ids->id[ids->n++] = id;
    return OK;
}

/* A word of n symbols has n - 1 pairs, and each of at most n - 1 merges adds at most two. */
static Status bpe_reserve(TokBpe *w, size_t n, Err *e)
{
    if (n <= w->cap) return OK;
    size_t cap = n < 64 ? 64 : n + n / 2;
    free(w->sym);
    free(w->heap);
    w->cap = 0;
    w->sym = malloc(cap * sizeof *w->sym);
    w->heap = malloc(3 * cap * sizeof *w->heap);
    if (w->sym == NULL || w->heap == NULL) FAIL(e, ERR_NOMEM, "no memory for a word of %zu bytes", n);
    w->cap = cap;
    return OK;
}

static void bpe_push(TokBpe *w, uint64_t key)
{
    size_t i = w->n_heap++;
    for (; i > 0 && w->heap[(i - 1) / 2] > key; i = (i - 1) / 2) w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = key;
}

static uint64_t bpe_pop(TokBpe *w)
{
    uint64_t top = w->heap[0], last = w->heap[--w->n_heap];
    size_t i = 0;
    for (size_t kid; (kid = 2 * i + 1) < w->n_heap; i = kid) {
        if (kid + 1 < w->n_heap && w->heap[kid + 1] < w->heap[kid]) kid++;
        if (w->heap[kid] >= last) break;
        w->heap[i] = w->heap[kid];
    }
    w->heap[i] = last;
    return top;
}

static void bpe_offer(const Tok *t, TokBpe *w, int32_t at)
{
    if (at < 0 || w->sym[at].next < 0) return;
    const TokPair *p = tok_pairs_get(t, w->sym[at].id, w->sym[w->sym[at].next].id);
    if (p != NULL) bpe_push(w, (uint64_t)p->rank << 32 | (uint32_t)at);
}

/* One symbol a byte. A byte without a token becomes the unknown token, or vanishes where there is none. */
static size_t bpe_start(const Tok *t, TokBpe *w, const char *s, size_t n)
{
    size_t m = 0;
    bool unknown_before = false;
    for (size_t i = 0; i < n; i++) {
        int32_t id = t->byte_id[(unsigned char)s[i]];
        bool unknown = id < 0;
        if (unknown) id = t->unk;
        if (id >= 0 && !(unknown && unknown_before && t->fuse_unk)) {
            w->sym[m] = (TokSym){id, (int32_t)m - 1, (int32_t)m + 1};
            m++;
        }
        unknown_before = unknown;
    }
    if (m > 0) w->sym[m - 1].next = -1;
    return m;
}

static void bpe_merge(const Tok *t, TokBpe *w, uint64_t key)
{
    int32_t at = (int32_t)(uint32_t)key, rank = (int32_t)(key >> 32);
    TokSym *a = &w->sym[at];
    if (a->id < 0 || a->next < 0) return;
    TokSym *b = &w->sym[a->next];
    const TokPair *p = tok_pairs_get(t, a->id, b->id);
    if (p == NULL || p->rank != rank) return;
    a->id = p->id;
    a->next = b->next;
    b->id = -1;
    if (a->next >= 0) w->sym[a->next].prev = at;
    bpe_offer(t, w, a->prev);
    bpe_offer(t, w, at);
}

/* The id of the whole word when the vocabulary lists it, for files that say ignore_merges. */
static int32_t whole_word(const Tok *t, TokBpe *w, const char *s, size_t n)
{
    str_clear(&w->mapped);
    for (size_t i = 0; i < n; i++) {
        char c[2];
        str_put(&w->mapped, c, tok_byte_char(c, (unsigned char)s[i]));
    }
    if (w->mapped.failed) return -1;
    int32_t id = tok_vocab_find(t, w->mapped.s, w->mapped.n);
    return id >= 0 && (t->entry[id].flags & TOK_IN_MODEL) ? id : -1;
}

Status tok_bpe_word(const Tok *t, TokBpe *w, TokIds *out, const char *s, size_t n, Err *e)
{
    if (t->ignore_merges) {
        int32_t id = whole_word(t, w, s, n);
        if (w->mapped.failed) FAIL(e, ERR_NOMEM, "no memory for a word of %zu bytes", n);
        if (id >= 0) return tok_ids_push(out, id, e);
    }
    TRY(bpe_reserve(w, n, e));
    size_t m = bpe_start(t, w, s, n);
    w->n_heap = 0;
    for (size_t i = 0; i + 1 < m; i++) bpe_offer(t, w, (int32_t)i);
    while (w->n_heap > 0) bpe_merge(t, w, bpe_pop(w));
    for (int32_t i = m > 0 ? 0 : -1; i >= 0; i = w->sym[i].next) TRY(tok_ids_push(out, w->sym[i].id, e));
    return OK;
}
