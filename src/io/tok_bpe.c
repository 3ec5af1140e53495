#include "tok_priv.h"

#include <stdlib.h>
#include <string.h>

/* Merges are made by rank, and among equal ones from the left. In a long word the cheapest one is kept in a
 * binary heap of (rank, position); entries that an earlier merge made void are recognised when they come up.
 * Ranks are below 2^31 and positions too, so both fit one key. In a short word a look at all pairs is faster.
 */
enum { SHORT_WORD = 24 };

/* A text of a few lines repeats too little to pay for an empty table. Without memory the work is done anew.
 */
void tok_bpe_open(TokBpe *w, size_t n)
{
    enum { WORTH_IT = 1 << 14 };
    *w = (TokBpe){.memo = n >= WORTH_IT ? calloc(TOK_MEMO_SLOTS, sizeof *w->memo) : NULL};
}

void tok_bpe_close(TokBpe *w)
{
    free(w->memo);
    free(w->sym);
    free(w->heap);
    *w = (TokBpe){0};
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

/* --- a word as symbols: one a byte, or one a character ----------------------------------------------------
 */

/* The symbols so far, and an unknown one that waits: what follows may belong to it. */
typedef struct {
    const Tok *t;
    TokSym *sym;
    size_t n;
    bool waits;
    uint32_t from, to;
} BpeStart;

static void start_put(BpeStart *st, int32_t id, size_t from, size_t to)
{
    st->sym[st->n] = (TokSym){id, (int32_t)st->n - 1, (int32_t)st->n + 1, (uint32_t)from, (uint32_t)to};
    st->n++;
}

static void start_flush(BpeStart *st)
{
    if (st->waits) start_put(st, st->t->unk, st->from, st->to);
    st->waits = false;
}

/* A byte or character without a token: the unknown token, one for a run of them where the file says so;
 * nothing where there is no such token. */
static void start_unknown(BpeStart *st, size_t from, size_t to)
{
    if (st->t->unk < 0) return;
    bool goes_on = st->waits && st->t->fuse_unk;
    if (!goes_on) {
        start_flush(st);
        st->from = (uint32_t)from;
    }
    st->waits = true;
    st->to = (uint32_t)to;
}

/* The tokens of its bytes, when each has one. A waiting unknown token stays behind them, as in the source. */
static bool start_fallback(BpeStart *st, const char *s, size_t from, size_t to)
{
    if (!st->t->byte_fallback) return false;
    for (size_t i = from; i < to; i++)
        if (st->t->byte_id[(unsigned char)s[i]] < 0) return false;
    for (size_t i = from; i < to; i++) start_put(st, st->t->byte_id[(unsigned char)s[i]], i, i + 1);
    return true;
}

static int32_t char_id(const Tok *t, const char *s, size_t w)
{
    if ((unsigned char)s[0] < 0x80) return t->ascii_id[(unsigned char)s[0]];
    int32_t id = tok_vocab_find(t, s, w);
    return id >= 0 && (t->entry[id].flags & TOK_IN_MODEL) ? id : -1;
}

static size_t bpe_start(const Tok *t, TokSym *sym, const char *s, size_t n)
{
    BpeStart st = {.t = t, .sym = sym};
    for (size_t at = 0, w; at < n; at += w) {
        w = t->byte_level ? 1 : utf8_width(s + at, n - at);
        if (w == 0) w = 1; /* no character: the caller hands such bytes over one by one */
        int32_t id = t->byte_level ? t->byte_id[(unsigned char)s[at]] : char_id(t, s + at, w);
        if (id >= 0) {
            start_flush(&st);
            start_put(&st, id, at, at + w);
        } else if (t->byte_level || !start_fallback(&st, s, at, at + w)) {
            start_unknown(&st, at, at + w);
        }
    }
    start_flush(&st);
    if (st.n > 0) sym[st.n - 1].next = -1;
    return st.n;
}

/* --- merging ----------------------------------------------------------------------------------------------
 */

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
    a->to = b->to;
    b->id = -1;
    if (a->next >= 0) w->sym[a->next].prev = at;
    bpe_offer(t, w, a->prev);
    bpe_offer(t, w, at);
}

/* Leaves the symbols that remain linked by `next`, from the first one. */
static void bpe_long(const Tok *t, TokBpe *w, size_t m)
{
    w->n_heap = 0;
    for (size_t i = 0; i + 1 < m; i++) bpe_offer(t, w, (int32_t)i);
    while (w->n_heap > 0) bpe_merge(t, w, bpe_pop(w));
}

/* The merge of symbol i with the next: its rank above its product, or UINT64_MAX. */
static uint64_t short_pair(const Tok *t, const TokSym *sym, size_t i)
{
    const TokPair *p = tok_pairs_get(t, sym[i].id, sym[i + 1].id);
    return p != NULL ? (uint64_t)p->rank << 32 | (uint32_t)p->id : UINT64_MAX;
}

/* The same for at most SHORT_WORD symbols; those that remain stand side by side. Returns their number. */
static size_t bpe_short(const Tok *t, TokSym *sym, size_t m)
{
    uint64_t pair[SHORT_WORD];
    for (size_t i = 0; i + 1 < m; i++) pair[i] = short_pair(t, sym, i);
    while (m > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < m; i++)
            if (pair[i] >> 32 < pair[best] >> 32) best = i;
        if (pair[best] == UINT64_MAX) break;
        sym[best].id = (int32_t)(uint32_t)pair[best];
        sym[best].to = sym[best + 1].to;
        m--;
        memmove(&sym[best + 1], &sym[best + 2], (m - best - 1) * sizeof *sym);
        memmove(&pair[best], &pair[best + 1], (m - best - 1) * sizeof *pair);
        if (best + 1 < m) pair[best] = short_pair(t, sym, best);
        if (best > 0) pair[best - 1] = short_pair(t, sym, best - 1);
    }
    for (size_t i = 0; i < m; i++) sym[i].next = i + 1 < m ? (int32_t)i + 1 : -1;
    return m;
}

static Status bpe_emit(TokIds *out, TokRanges *spans, TokPiece word, const TokSym *sym, size_t m, Err *e)
{
    for (int32_t i = m > 0 ? 0 : -1; i >= 0; i = sym[i].next) {
        TRY(tok_ids_push(out, sym[i].id, e));
        if (spans != NULL) TRY(tok_ranges_push(spans, tok_piece_range(word, sym[i].from, sym[i].to), e));
    }
    return OK;
}

Status tok_bpe_merge_all(const Tok *t, TokBpe *w, TokIds *out, TokRanges *spans, TokPiece word, Err *e)
{
    TRY(bpe_reserve(w, word.n, e));
    size_t m = bpe_start(t, w->sym, word.s, word.n);
    if (m <= SHORT_WORD)
        m = bpe_short(t, w->sym, m);
    else
        bpe_long(t, w, m);
    return bpe_emit(out, spans, word, w->sym, m, e);
}

/* The slot of a word of at most TOK_MEMO_BYTES; `name` is the word as a slot holds it. */
static TokMemo *memo_slot(const TokBpe *w, char name[TOK_MEMO_BYTES + 1], const char *s, size_t n)
{
    uint64_t half[2] = {0, 0};
    memcpy(half, s, n);
    memcpy(name, half, sizeof half);
    name[TOK_MEMO_BYTES] = (char)n;
    uint64_t h = (half[0] ^ (half[1] + n) * 0x9e3779b97f4a7c15U) * 0xbf58476d1ce4e5b9U;
    return &w->memo[(h ^ h >> 32) >> 12 & (TOK_MEMO_SLOTS - 1)];
}

static Status bpe_look_up(const Tok *t, TokBpe *w, TokIds *out, TokRanges *spans, TokPiece word, Err *e)
{
    int32_t id = tok_whole_find(t, word.s, word.n);
    if (id < 0) return tok_bpe_merge_all(t, w, out, spans, word, e);
    TRY(tok_ids_push(out, id, e));
    return spans != NULL ? tok_ranges_push(spans, tok_piece_range(word, 0, word.n), e) : OK;
}

static Status bpe_one(const Tok *t, TokBpe *w, TokIds *out, TokRanges *spans, TokPiece word, Err *e)
{
    if (w->memo == NULL || spans != NULL || word.n > TOK_MEMO_BYTES)
        return bpe_look_up(t, w, out, spans, word, e);
    char name[TOK_MEMO_BYTES + 1];
    TokMemo *m = memo_slot(w, name, word.s, word.n);
    if (memcmp(m->word, name, sizeof name) == 0) {
        for (int32_t i = 0; i < m->n; i++) TRY(tok_ids_push(out, m->id[i], e));
        return OK;
    }
    size_t before = out->n;
    TRY(bpe_look_up(t, w, out, NULL, word, e));
    size_t n = out->n - before;
    if (n > TOK_MEMO_IDS) return OK;
    memcpy(m->word, name, sizeof name);
    m->n = (int32_t)n;
    if (n > 0) memcpy(m->id, out->id + before, n * sizeof *m->id);
    return OK;
}

Status tok_bpe_word(const Tok *t, TokBpe *w, TokIds *out, TokRanges *spans, TokPiece word, Err *e)
{
    size_t from = 0;
    for (size_t at = 1; t->cuts && at < word.n; at++) {
        const char *next = memchr(word.s + at, '\xe2', word.n - at); /* the mark's first byte */
        if (next == NULL) break;
        at = (size_t)(next - word.s);
        if (!tok_starts_mark(next, word.n - at) || tok_ends_mark(word.s, at)) continue;
        TRY(bpe_one(t, w, out, spans, tok_piece_sub(word, from, at), e));
        from = at;
    }
    return bpe_one(t, w, out, spans, tok_piece_sub(word, from, word.n), e);
}
