/* Most words of a text are one token. This table answers them with one look instead of a run of merges. Which
 * tokens belong in it is found by running the merges once on each token's own text. */
#include "tok_priv.h"

#include "prime/rng.h"

#include <stdlib.h>
#include <string.h>

enum { INLINE = 8 };

/* Words of up to eight bytes are their own key; of longer ones the bytes are compared as well. */
static uint64_t whole_key(const char *s, size_t n)
{
    uint64_t key = 0;
    if (n > INLINE) return tok_hash(s, n);
    memcpy(&key, s, n);
    return key;
}

static TokWhole *whole_slot(const Tok *t, const char *s, size_t n)
{
    uint64_t key = whole_key(s, n);
    for (size_t k = rng_mix(key ^ (uint64_t)n << 56);; k++) {
        TokWhole *w = &t->whole[k & (t->n_whole - 1)];
        if (w->id1 == 0) return w;
        if (w->key == key && w->n == n &&
            (n <= INLINE || memcmp(tok_text(t, t->entry[w->id1 - 1].bytes), s, n) == 0))
            return w;
    }
}

int32_t tok_whole_find(const Tok *t, const char *s, size_t n)
{
    return t->n_whole == 0 ? -1 : (int32_t)whole_slot(t, s, n)->id1 - 1;
}

/* Is there a word that is spelled like this token? Its bytes must give back its name. */
static bool whole_spelled(const Tok *t, const TokEntry *en, Str *name)
{
    const char *s = tok_text(t, en->bytes);
    str_clear(name);
    for (size_t i = 0; i < en->bytes.n; i++) {
        char c[2];
        str_put(name, c, tok_byte_char(c, (unsigned char)s[i]));
    }
    return name->n == en->content.n && name->n > 0 && !name->failed &&
           memcmp(name->s, tok_text(t, en->content), name->n) == 0;
}

static Status whole_try(Tok *t, size_t id, TokBpe *w, TokIds *ids, Err *e)
{
    TokPiece word = {tok_text(t, t->entry[id].bytes), t->entry[id].bytes.n, NULL, 0};
    ids->n = 0;
    if (t->ignore_merges)
        TRY(tok_ids_push(ids, (int32_t)id, e));
    else
        TRY(tok_bpe_merge_all(t, w, ids, NULL, word, e));
    if (ids->n == 1 && ids->id[0] == (int32_t)id)
        *whole_slot(t, word.s, word.n) =
            (TokWhole){whole_key(word.s, word.n), (uint32_t)word.n, (uint32_t)id + 1};
    return OK;
}

/* --- words within a text that no step has cut -------------------------------------------------------------
 */

static const char mark[] = "\xe2\x96\x81";
enum { MARK_BYTES = sizeof mark - 1 };

bool tok_starts_mark(const char *s, size_t n)
{
    return n >= MARK_BYTES && memcmp(s, mark, MARK_BYTES) == 0;
}

bool tok_ends_mark(const char *s, size_t n)
{
    return n >= MARK_BYTES && memcmp(s + n - MARK_BYTES, mark, MARK_BYTES) == 0;
}

/* Does every character get a symbol, so that neighbours in the text are neighbours in the word? */
static bool whole_drops_nothing(const Tok *t)
{
    size_t missing = 0;
    for (size_t b = 0; b < 256; b++) missing += t->byte_id[b] < 0;
    if (t->unk < 0) return t->byte_fallback && missing == 0;
    TokSpan unk = t->entry[t->unk].content;
    return !tok_ends_mark(tok_text(t, unk), unk.n);
}

/* SentencePiece's merges stay within words, which begin with the mark. Where that is so for all of them, a
 * text may be cut before each mark that follows another character: a symbol that ends there never meets the
 * next. */
static bool whole_cuts(const Tok *t)
{
    int32_t id = tok_vocab_find(t, mark, MARK_BYTES);
    if (t->byte_level || t->ignore_merges || id < 0 || !(t->entry[id].flags & TOK_IN_MODEL)) return false;
    if (!whole_drops_nothing(t)) return false;
    for (size_t i = 0; i < t->n_pair; i++) {
        if (t->pair[i].id < 0) continue;
        TokSpan left = t->entry[t->pair[i].key >> 32].content;
        TokSpan right = t->entry[(uint32_t)t->pair[i].key].content;
        if (!tok_ends_mark(tok_text(t, left), left.n) && tok_starts_mark(tok_text(t, right), right.n))
            return false;
    }
    return true;
}

Status tok_whole_build(Tok *t, Err *e)
{
    t->cuts = whole_cuts(t);
    if (t->n_stages == 0 && !t->ignore_merges && !t->cuts)
        return OK; /* a word is a whole text: no token is one */
    t->n_whole = tok_slots(t->n);
    t->whole = calloc(t->n_whole, sizeof *t->whole);
    if (t->whole == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu words", t->n);
    Str name = {0};
    TokBpe w = {0};
    TokIds ids = {0};
    Status s = OK;
    for (size_t i = 0; i < t->n && s == OK; i++) {
        const TokEntry *en = &t->entry[i];
        if (!(en->flags & TOK_IN_MODEL) || en->bytes.n == 0) continue;
        if (!t->byte_level || whole_spelled(t, en, &name)) s = whole_try(t, i, &w, &ids, e);
    }
    if (s == OK && name.failed) s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for a token");
    str_free(&name);
    tok_bpe_close(&w);
    tok_ids_free(&ids);
    return s;
}
