#include "tok_train_priv.h"

#include "prime/rng.h"

#include <stdlib.h>
#include <string.h>

static uint64_t word_hash(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325U;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3U;
    return rng_mix(h);
}

static size_t word_slot(const TrainWords *ws, const char *s, size_t n)
{
    size_t k = word_hash(s, n) & (ws->n_slot - 1);
    for (; ws->slot[k] != 0; k = (k + 1) & (ws->n_slot - 1)) {
        const TrainWord *w = &ws->word[ws->slot[k] - 1];
        if (w->n == n && memcmp(ws->text.s + w->at, s, n) == 0) break;
    }
    return k;
}

/* Double both tables; the slots stay at most half full. */
static Status words_grow(TrainWords *ws, Err *e)
{
    size_t cap = ws->cap == 0 ? 1024 : ws->cap * 2;
    TrainWord *word = realloc(ws->word, cap * sizeof *word);
    if (word != NULL) ws->word = word;
    uint32_t *slot = calloc(cap * 2, sizeof *slot);
    if (word == NULL || slot == NULL) {
        free(slot);
        FAIL(e, ERR_NOMEM, "no memory for %zu distinct words", cap);
    }
    free(ws->slot);
    ws->slot = slot;
    ws->n_slot = cap * 2;
    ws->cap = cap;
    for (size_t i = 0; i < ws->n; i++)
        ws->slot[word_slot(ws, ws->text.s + ws->word[i].at, ws->word[i].n)] = (uint32_t)i + 1;
    return OK;
}

Status train_words_add(TrainWords *ws, const char *s, size_t n, Err *e)
{
    if (ws->n == ws->cap) TRY(words_grow(ws, e));
    size_t k = word_slot(ws, s, n);
    if (ws->slot[k] == 0) {
        if (ws->text.n + n > UINT32_MAX - 1) FAIL(e, ERR_ARG, "more than 4 GiB of distinct words");
        ws->word[ws->n] = (TrainWord){(uint32_t)ws->text.n, (uint32_t)n, 0};
        str_put(&ws->text, s, n);
        if (ws->text.failed) FAIL(e, ERR_NOMEM, "no memory for %zu distinct words", ws->n);
        ws->slot[k] = (uint32_t)++ws->n;
    }
    ws->word[ws->slot[k] - 1].count++;
    return OK;
}

void train_words_free(TrainWords *ws)
{
    str_free(&ws->text);
    free(ws->word);
    free(ws->slot);
    *ws = (TrainWords){0};
}

static size_t pair_place(const TrainPairs *ps, int32_t left, int32_t right)
{
    size_t k = rng_mix((uint64_t)(uint32_t)left << 32 | (uint32_t)right) & (ps->n_slot - 1);
    for (; ps->slot[k] != 0; k = (k + 1) & (ps->n_slot - 1)) {
        const TrainPair *p = &ps->pair[ps->slot[k] - 1];
        if (p->left == left && p->right == right) break;
    }
    return k;
}

static Status pairs_grow(TrainPairs *ps, Err *e)
{
    size_t cap = ps->cap == 0 ? 1024 : ps->cap * 2;
    TrainPair *pair = realloc(ps->pair, cap * sizeof *pair);
    if (pair != NULL) ps->pair = pair;
    uint32_t *slot = calloc(cap * 2, sizeof *slot);
    if (pair == NULL || slot == NULL) {
        free(slot);
        FAIL(e, ERR_NOMEM, "no memory for %zu distinct pairs", cap);
    }
    free(ps->slot);
    ps->slot = slot;
    ps->n_slot = cap * 2;
    ps->cap = cap;
    for (size_t i = 0; i < ps->n; i++)
        ps->slot[pair_place(ps, ps->pair[i].left, ps->pair[i].right)] = (uint32_t)i + 1;
    return OK;
}

/* A word is listed once per visit: visits to one word are consecutive. */
static Status pair_list(TrainPair *p, uint32_t word, Err *e)
{
    if (p->n_word > 0 && p->word[p->n_word - 1] == word) return OK;
    if (p->n_word == p->cap) {
        uint32_t cap = p->cap == 0 ? 4 : p->cap * 2;
        uint32_t *more = realloc(p->word, cap * sizeof *more);
        if (more == NULL) FAIL(e, ERR_NOMEM, "no memory for the words of a pair");
        p->word = more;
        p->cap = cap;
    }
    p->word[p->n_word++] = word;
    return OK;
}

Status train_pairs_add(TrainPairs *ps, int32_t left, int32_t right, int64_t by, uint32_t word,
                       uint32_t *index, Err *e)
{
    if (ps->n == ps->cap) TRY(pairs_grow(ps, e));
    size_t k = pair_place(ps, left, right);
    if (ps->slot[k] == 0) {
        ps->pair[ps->n] = (TrainPair){.left = left, .right = right};
        ps->slot[k] = (uint32_t)++ps->n;
    }
    TrainPair *p = &ps->pair[ps->slot[k] - 1];
    p->count += by;
    *index = ps->slot[k] - 1;
    return word != UINT32_MAX ? pair_list(p, word, e) : OK;
}

static int bytes_order(const Tok *t, int32_t a, int32_t b)
{
    TokSpan x = t->entry[a].bytes, y = t->entry[b].bytes;
    int c = memcmp(tok_text(t, x), tok_text(t, y), x.n < y.n ? x.n : y.n);
    return c != 0 ? c : x.n < y.n ? -1 : x.n > y.n;
}

static bool rank_before(const TrainPairs *ps, TrainRank a, TrainRank b)
{
    if (a.count != b.count) return a.count > b.count;
    const TrainPair *x = &ps->pair[a.pair], *y = &ps->pair[b.pair];
    int c = bytes_order(ps->t, x->left, y->left);
    return (c != 0 ? c : bytes_order(ps->t, x->right, y->right)) < 0;
}

Status train_pairs_push(TrainPairs *ps, uint32_t pair, Err *e)
{
    if (ps->n_heap == ps->cap_heap) {
        size_t cap = ps->cap_heap == 0 ? 1024 : ps->cap_heap * 2;
        TrainRank *heap = realloc(ps->heap, cap * sizeof *heap);
        if (heap == NULL) FAIL(e, ERR_NOMEM, "no memory to rank %zu pairs", cap);
        ps->heap = heap;
        ps->cap_heap = cap;
    }
    TrainRank r = {ps->pair[pair].count, pair};
    size_t i = ps->n_heap++;
    for (; i > 0 && rank_before(ps, r, ps->heap[(i - 1) / 2]); i = (i - 1) / 2)
        ps->heap[i] = ps->heap[(i - 1) / 2];
    ps->heap[i] = r;
    return OK;
}

/* Put r where the root was. */
static void heap_sift(TrainPairs *ps, TrainRank r)
{
    size_t i = 0;
    for (size_t kid; (kid = 2 * i + 1) < ps->n_heap; i = kid) {
        if (kid + 1 < ps->n_heap && rank_before(ps, ps->heap[kid + 1], ps->heap[kid])) kid++;
        if (!rank_before(ps, ps->heap[kid], r)) break;
        ps->heap[i] = ps->heap[kid];
    }
    ps->heap[i] = r;
}

bool train_pairs_best(TrainPairs *ps, int64_t least, uint32_t *pair)
{
    while (ps->n_heap > 0) {
        TrainRank top = ps->heap[0];
        const TrainPair *p = &ps->pair[top.pair];
        if (p->count == top.count && !p->barred && p->count >= least) {
            *pair = top.pair;
            return true;
        }
        /* Counts only fall while an entry waits: what rose was pushed again. A stale entry sinks to where it
         * belongs, one that can no longer win leaves. */
        if (p->barred || p->count < least)
            heap_sift(ps, ps->heap[--ps->n_heap]);
        else
            heap_sift(ps, (TrainRank){p->count, top.pair});
    }
    return false;
}

void train_pairs_free(TrainPairs *ps)
{
    for (size_t i = 0; i < ps->n; i++) free(ps->pair[i].word);
    free(ps->pair);
    free(ps->slot);
    free(ps->heap);
    *ps = (TrainPairs){0};
}
