#include "tok_priv.h"

#include "prime/rng.h"

#include <stdlib.h>
#include <string.h>

/* Tables stay at most half full, so that a search always ends. */
static size_t vocab_slots(size_t n)
{
    size_t size = 16;
    while (size < 2 * n) size *= 2;
    return size;
}

Tok *tok_new(size_t cap, Err *e)
{
    Tok *t = calloc(1, sizeof *t);
    if (t != NULL) {
        t->n_slot = vocab_slots(cap);
        t->cap = cap;
        t->entry = calloc(cap + 1, sizeof *t->entry);
        t->slot = calloc(t->n_slot, sizeof *t->slot);
    }
    if (t == NULL || t->entry == NULL || t->slot == NULL) {
        tok_free(t);
        err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for a vocabulary of %zu tokens", cap);
        return NULL;
    }
    t->unk = -1;
    for (size_t b = 0; b < 256; b++) t->byte_id[b] = -1;
    return t;
}

void tok_free(Tok *t)
{
    if (t == NULL) return;
    for (size_t i = 0; i < t->n_stages; i++) pcre2_code_free(t->stage[i].code);
    str_free(&t->text);
    free(t->entry);
    free(t->slot);
    free(t->pair);
    free(t->added);
    free(t->merge);
    free(t);
}

const char *tok_text(const Tok *t, TokSpan s)
{
    return s.n == 0 ? "" : t->text.s + s.at;
}

static uint64_t vocab_hash(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325U; /* FNV-1a, then mixed, because the low bits pick the slot */
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3U;
    return rng_mix(h);
}

/* The slot that holds the content, or the free one where it belongs. */
static size_t vocab_slot(const Tok *t, const char *s, size_t n)
{
    for (size_t k = vocab_hash(s, n) & (t->n_slot - 1);; k = (k + 1) & (t->n_slot - 1)) {
        if (t->slot[k] == 0) return k;
        TokSpan c = t->entry[t->slot[k] - 1].content;
        if (c.n == n && memcmp(tok_text(t, c), s, n) == 0) return k;
    }
}

int32_t tok_vocab_find(const Tok *t, const char *s, size_t n)
{
    return (int32_t)t->slot[vocab_slot(t, s, n)] - 1;
}

/* What a token stands for: the bytes behind its characters, or, when one of them is outside the alphabet, its
 * own text. */
static void put_bytes(Str *out, const char *s, size_t n)
{
    size_t start = out->n;
    for (size_t at = 0; at < n;) {
        size_t w = utf8_width(s + at, n - at);
        int b = w == 0 ? -1 : tok_char_byte(tok_utf8_code(s + at, w));
        if (b < 0) {
            out->n = start;
            str_put(out, s, n);
            return;
        }
        char c = (char)b;
        str_put(out, &c, 1);
        at += w;
    }
}

Status tok_vocab_put(Tok *t, int64_t id, const char *s, size_t n, unsigned flags, Err *e)
{
    if (id < 0 || (uint64_t)id >= t->cap)
        FAIL(e, ERR_FORMAT, "token '%.40s' has id %lld, want 0 to %zu: ids run without holes", s,
             (long long)id, t->cap - 1);
    TokEntry *en = &t->entry[id];
    size_t k = vocab_slot(t, s, n);
    if (t->slot[k] != 0)
        FAIL(e, ERR_FORMAT, "token '%.40s' has two ids, %u and %lld", s, t->slot[k] - 1, (long long)id);
    if (en->flags != 0)
        FAIL(e, ERR_FORMAT, "id %lld is given to two tokens, '%.40s' and '%.40s'", (long long)id,
             tok_text(t, en->content), s);
    size_t at = t->text.n;
    str_put(&t->text, s, n + 1); /* with its NUL, for messages */
    size_t mid = t->text.n;
    put_bytes(&t->text, s, n);
    if (t->text.failed || t->text.n > UINT32_MAX)
        FAIL(e, ERR_NOMEM, "no memory for token %lld", (long long)id);
    *en =
        (TokEntry){{(uint32_t)at, (uint32_t)n}, {(uint32_t)mid, (uint32_t)(t->text.n - mid)}, (uint8_t)flags};
    t->slot[k] = (uint32_t)id + 1;
    if ((size_t)id >= t->n) t->n = (size_t)id + 1;
    char one[2];
    unsigned char b = en->bytes.n == 1 ? (unsigned char)t->text.s[mid] : 0;
    /* A byte's own token is spelled in the alphabet; a raw space, say, is not it. */
    if (en->bytes.n == 1 && (flags & TOK_IN_MODEL) && tok_byte_char(one, b) == n && memcmp(one, s, n) == 0)
        t->byte_id[b] = (int32_t)id;
    return OK;
}

Status tok_pairs_reserve(Tok *t, size_t n, Err *e)
{
    size_t size = vocab_slots(n);
    TokPair *p = malloc(size * sizeof *p);
    if (p == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu merges", n);
    for (size_t i = 0; i < size; i++) p[i] = (TokPair){0, 0, -1};
    free(t->pair);
    t->pair = p;
    t->n_pair = size;
    return OK;
}

static uint64_t pair_key(int32_t left, int32_t right)
{
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

static TokPair *pair_slot(const Tok *t, uint64_t key)
{
    size_t k = rng_mix(key) & (t->n_pair - 1);
    while (t->pair[k].id >= 0 && t->pair[k].key != key) k = (k + 1) & (t->n_pair - 1);
    return &t->pair[k];
}

void tok_pairs_put(Tok *t, int32_t left, int32_t right, int32_t rank, int32_t id)
{
    uint64_t key = pair_key(left, right);
    *pair_slot(t, key) = (TokPair){key, rank, id};
}

const TokPair *tok_pairs_get(const Tok *t, int32_t left, int32_t right)
{
    if (t->n_pair == 0) return NULL;
    const TokPair *p = pair_slot(t, pair_key(left, right));
    return p->id >= 0 ? p : NULL;
}
