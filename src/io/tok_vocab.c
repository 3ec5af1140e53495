#include "tok_priv.h"

#include "prime/rng.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

size_t tok_slots(size_t n)
{
    size_t size = 16;
    while (size < 2 * n) size *= 2;
    return size;
}

uint64_t tok_hash(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325U; /* FNV-1a, then mixed, because the low bits pick the slot */
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3U;
    return rng_mix(h);
}

Tok *tok_new(size_t cap, Err *e)
{
    Tok *t = calloc(1, sizeof *t);
    if (t != NULL) {
        t->n_slot = tok_slots(cap);
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
    for (size_t b = 0; b < 128; b++) t->ascii_id[b] = -1;
    return t;
}

void tok_free(Tok *t)
{
    if (t == NULL) return;
    for (size_t i = 0; i < t->n_stages; i++) pcre2_code_free(t->stage[i].code);
    for (size_t i = 0; i < t->n_norms; i++) pcre2_code_free(t->norm[i].code);
    for (size_t i = 0; i < t->n_decoders; i++) pcre2_code_free(t->decoder[i].code);
    tok_ids_free(&t->before);
    tok_ids_free(&t->after);
    free(t->whole);
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

/* The slot that holds the content, or the free one where it belongs. */
static size_t vocab_slot(const Tok *t, const char *s, size_t n)
{
    for (size_t k = tok_hash(s, n) & (t->n_slot - 1);; k = (k + 1) & (t->n_slot - 1)) {
        if (t->slot[k] == 0) return k;
        TokSpan c = t->entry[t->slot[k] - 1].content;
        if (c.n == n && memcmp(tok_text(t, c), s, n) == 0) return k;
    }
}

int32_t tok_vocab_find(const Tok *t, const char *s, size_t n)
{
    return (int32_t)t->slot[vocab_slot(t, s, n)] - 1;
}

Status tok_text_add(Tok *t, TokSpan *out, const char *s, size_t n, Err *e)
{
    size_t at = t->text.n;
    str_put(&t->text, s, n);
    if (t->text.failed || t->text.n > UINT32_MAX) FAIL(e, ERR_NOMEM, "no memory for %zu bytes", n);
    *out = (TokSpan){(uint32_t)at, (uint32_t)n};
    return OK;
}

/* Where a unit of a word is a byte, its token is spelled in the alphabet (a raw space, say, is not it); where
 * it is a character, its token is that character. */
static void vocab_unit(Tok *t, const TokEntry *en, int32_t id)
{
    const char *s = tok_text(t, en->content), *bytes = tok_text(t, en->bytes);
    char one[2];
    if (!(en->flags & TOK_IN_MODEL) || en->bytes.n != 1) return;
    unsigned char b = (unsigned char)bytes[0];
    if (!t->byte_level && b < 0x80) t->ascii_id[b] = id;
    if (t->byte_level && tok_byte_char(one, b) == en->content.n && memcmp(one, s, en->content.n) == 0)
        t->byte_id[b] = id;
}

Status tok_vocab_put(Tok *t, int64_t id, const char *s, size_t n, unsigned flags, Err *e)
{
    if (id < 0 || (uint64_t)id >= t->cap)
        FAIL(e, ERR_FORMAT, "token '%.40s' has id %lld, want 0 to %zu: ids run without holes", s,
             (long long)id, t->cap - 1);
    TokEntry *en = &t->entry[id];
    size_t k = vocab_slot(t, s, n);
    assert(t->slot[k] == 0); /* neither a vocabulary nor its reader gives a text twice */
    if (en->flags != 0)
        FAIL(e, ERR_FORMAT, "id %lld is given to two tokens, '%.40s' and '%.40s'", (long long)id,
             tok_text(t, en->content), s);
    size_t at = t->text.n;
    str_put(&t->text, s, n + 1); /* with its NUL, for messages */
    TokSpan content = {(uint32_t)at, (uint32_t)n}, bytes = content;
    size_t mid = t->text.n;
    if (t->byte_level) {
        tok_put_bytes(&t->text, s, n);
        bytes = (TokSpan){(uint32_t)mid, (uint32_t)(t->text.n - mid)};
    }
    if (t->text.failed || t->text.n > UINT32_MAX)
        FAIL(e, ERR_NOMEM, "no memory for token %lld", (long long)id);
    *en = (TokEntry){content, bytes, (uint8_t)flags};
    t->slot[k] = (uint32_t)id + 1;
    if ((size_t)id >= t->n) t->n = (size_t)id + 1;
    vocab_unit(t, en, (int32_t)id);
    return OK;
}

Status tok_pairs_reserve(Tok *t, size_t n, Err *e)
{
    size_t size = tok_slots(n);
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
    uint64_t h = key * 0x9e3779b97f4a7c15U; /* one product is enough for pairs, and this is asked most */
    size_t k = (h ^ h >> 32) & (t->n_pair - 1);
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
