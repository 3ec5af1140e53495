/* Learn the merges of a byte-level BPE. Pairs are counted once and then kept up to date: a merge touches only
 * the words that hold it. Source: Sennrich et al. 2016, arXiv:1508.07909, algorithm 1. */
#include "tok_train_priv.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_VOCAB = 1 << 24, LEAST_COUNT = 2 };

typedef struct {
    Tok *t;
    TrainWords words;
    TrainPairs pairs;
    int32_t *sym;
    uint32_t *risen; /* pairs that the current merge made more frequent */
    size_t n_risen, cap_risen;
} Trainer;

static void trainer_close(Trainer *tr)
{
    train_words_free(&tr->words);
    train_pairs_free(&tr->pairs);
    free(tr->sym);
    free(tr->risen);
}

static Status train_word(void *ctx, TokPiece word, Err *e)
{
    return train_words_add(&((Trainer *)ctx)->words, word.s, word.n, e);
}

/* Bytes that are not UTF-8 take part in no merge, as in tok_encode. */
static Status train_text(TokSplit *sp, const char *s, Err *e)
{
    for (size_t n = strlen(s), at = 0; at < n; at++) {
        size_t good = utf8_bad(s + at, n - at);
        if (good > 0) TRY(tok_split_run(sp, (TokPiece){s + at, good, NULL, at}, e));
        at += good;
    }
    return OK;
}

static Status train_read(Trainer *tr, const char *const *texts, size_t n, Err *e)
{
    TokSplit sp;
    TRY(tok_split_open(&sp, tr->t, false, train_word, tr, e));
    Status s = OK;
    for (size_t i = 0; i < n && s == OK; i++) s = train_text(&sp, texts[i], e);
    tok_split_close(&sp);
    return s;
}

static Status train_count(Trainer *tr, Err *e)
{
    const TrainWords *ws = &tr->words;
    tr->pairs.t = tr->t;
    tr->sym = malloc((ws->text.n + 1) * sizeof *tr->sym);
    if (tr->sym == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu symbols", ws->text.n);
    for (size_t i = 0; i < ws->text.n; i++) tr->sym[i] = tr->t->byte_id[(unsigned char)ws->text.s[i]];
    uint32_t index = 0;
    for (size_t i = 0; i < ws->n; i++) {
        const int32_t *sym = tr->sym + ws->word[i].at;
        for (size_t j = 0; j + 1 < ws->word[i].n; j++)
            TRY(train_pairs_add(&tr->pairs, sym[j], sym[j + 1], ws->word[i].count, (uint32_t)i, &index, e));
    }
    for (size_t i = 0; i < tr->pairs.n; i++) TRY(train_pairs_push(&tr->pairs, (uint32_t)i, e));
    return OK;
}

static Status train_rise(Trainer *tr, uint32_t pair, Err *e)
{
    if (tr->pairs.pair[pair].queued) return OK;
    if (tr->n_risen == tr->cap_risen) {
        size_t cap = tr->cap_risen == 0 ? 256 : tr->cap_risen * 2;
        uint32_t *more = realloc(tr->risen, cap * sizeof *more);
        if (more == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu pairs", cap);
        tr->risen = more;
        tr->cap_risen = cap;
    }
    tr->risen[tr->n_risen++] = pair;
    tr->pairs.pair[pair].queued = true;
    return OK;
}

/* Join left and right to `id` in place; returns the new length. */
static uint32_t sym_join(int32_t *sym, uint32_t n, int32_t left, int32_t right, int32_t id)
{
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool here = sym[i] == left && i + 1 < n && sym[i + 1] == right;
        sym[m++] = here ? id : sym[i];
        i += here;
    }
    return m;
}

static bool sym_holds(const int32_t *sym, uint32_t n, int32_t left, int32_t right)
{
    for (uint32_t i = 0; i + 1 < n; i++)
        if (sym[i] == left && sym[i + 1] == right) return true;
    return false;
}

/* Take the word's pairs off the counts, join, and put the new pairs on. */
static Status train_join(Trainer *tr, uint32_t w, TokMerge m, Err *e)
{
    TrainWord *word = &tr->words.word[w];
    int32_t *sym = tr->sym + word->at;
    uint32_t index = 0;
    if (!sym_holds(sym, word->n, m.left, m.right)) return OK; /* an earlier merge took it */
    for (uint32_t j = 0; j + 1 < word->n; j++)
        TRY(train_pairs_add(&tr->pairs, sym[j], sym[j + 1], -word->count, UINT32_MAX, &index, e));
    word->n = sym_join(sym, word->n, m.left, m.right, m.id);
    for (uint32_t j = 0; j + 1 < word->n; j++) {
        bool fresh = sym[j] == m.id || sym[j + 1] == m.id;
        TRY(train_pairs_add(&tr->pairs, sym[j], sym[j + 1], word->count, fresh ? w : UINT32_MAX, &index, e));
        if (fresh) TRY(train_rise(tr, index, e));
    }
    return OK;
}

static Status train_apply(Trainer *tr, uint32_t pair, int32_t id, Err *e)
{
    TrainPair p = tr->pairs.pair[pair];
    TokMerge m = {p.left, p.right, id};
    tr->t->merge[tr->t->n_merges++] = m;
    for (uint32_t i = 0; i < p.n_word; i++) TRY(train_join(tr, p.word[i], m, e));
    for (size_t i = 0; i < tr->n_risen; i++) {
        tr->pairs.pair[tr->risen[i]].queued = false;
        TRY(train_pairs_push(&tr->pairs, tr->risen[i], e));
    }
    tr->n_risen = 0;
    return OK;
}

/* Find or make the token for a pair. *id = -1 bars it: the text of a special token is never a merge, or
 * plain text could turn into the special one. */
static Status train_product(Tok *t, const TrainPair *p, int32_t *id, Err *e)
{
    TokSpan l = t->entry[p->left].content, r = t->entry[p->right].content;
    Str name = {0};
    str_put(&name, tok_text(t, l), l.n);
    str_put(&name, tok_text(t, r), r.n);
    Status s = OK;
    if (name.failed) {
        s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for a token");
    } else {
        int32_t old = tok_vocab_find(t, name.s, name.n);
        if (old < 0) s = tok_vocab_put(t, (int64_t)t->n, name.s, name.n, TOK_IN_MODEL, e);
        *id = old < 0 ? (int32_t)t->n - 1 : (t->entry[old].flags & TOK_SPECIAL) ? -1 : old;
    }
    str_free(&name);
    return s;
}

/* Two pairs may spell the same token ("a" + "bc", "ab" + "c"), so there can be more merges than tokens. */
static Status train_merges(Trainer *tr, Err *e)
{
    Tok *t = tr->t;
    size_t cap = 0;
    for (uint32_t pair; t->n < t->cap && train_pairs_best(&tr->pairs, LEAST_COUNT, &pair);) {
        int32_t id = -1;
        TRY(train_product(t, &tr->pairs.pair[pair], &id, e));
        tr->pairs.pair[pair].barred = id < 0;
        if (id < 0) continue;
        if (t->n_merges == cap) {
            cap = cap == 0 ? 1024 : cap * 2;
            TokMerge *more = realloc(t->merge, cap * sizeof *more);
            if (more == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu merges", cap);
            t->merge = more;
        }
        TRY(train_apply(tr, pair, id, e));
    }
    return OK;
}

static Status train_special(Tok *t, size_t i, const char *s, Err *e)
{
    size_t n = strlen(s);
    if (n == 0 || utf8_bad(s, n) < n)
        FAIL(e, ERR_ARG, "special token %zu is %s, want UTF-8 text", i, n == 0 ? "empty" : "not UTF-8");
    if (tok_id(t, s) >= 0) FAIL(e, ERR_ARG, "special token '%.40s' is given twice", s);
    TRY(tok_vocab_put(t, (int64_t)i, s, n, TOK_IN_MODEL | TOK_ADDED | TOK_SPECIAL, e));
    t->added[t->n_added++] = (TokAdded){.id = (int32_t)i, .text = t->entry[i].content, .special = true};
    return OK;
}

/* The specials, the bytes in the order of GPT-2's alphabet, and the pre-tokeniser. */
static Status train_start(Tok *t, const char *const *specials, size_t n, Err *e)
{
    t->trained = t->byte_level = true;
    t->decoder[t->n_decoders++] = (TokDecoder){.run = tok_decode_bytes};
    t->added = calloc(n + 1, sizeof *t->added);
    if (t->added == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu special tokens", n);
    for (size_t i = 0; i < n; i++) TRY(train_special(t, i, specials[i], e));
    for (size_t i = 0; i < 256; i++) {
        char c[3] = {0};
        size_t len = tok_byte_char(c, tok_nth_byte(i));
        if (tok_vocab_find(t, c, len) >= 0)
            FAIL(e, ERR_ARG, "special token '%s' is also the name of a byte", c);
        TRY(tok_vocab_put(t, (int64_t)(n + i), c, len, TOK_IN_MODEL, e));
    }
    static const char digit[] = "\\p{N}";
    TokStage cut = {.how = TOK_ISOLATED};
    TRY(tok_stage_pattern(t, cut, digit, sizeof digit - 1, TOK_REGEX, e));
    cut.byte_level = true;
    return tok_stage_pattern(t, cut, tok_gpt2_pattern, strlen(tok_gpt2_pattern), TOK_REGEX, e);
}

static Status train_finish(Tok *t, Err *e)
{
    TRY(tok_pairs_reserve(t, t->n_merges, e));
    for (size_t i = 0; i < t->n_merges; i++) {
        TokMerge m = t->merge[i];
        tok_pairs_put(t, m.left, m.right, (int32_t)i, m.id);
    }
    TRY(tok_added_index(t, e));
    return tok_whole_build(t, e);
}

static Status train_fill(Trainer *tr, const char *const *texts, size_t n, const char *const *specials,
                         size_t n_specials, Err *e)
{
    TRY(train_start(tr->t, specials, n_specials, e));
    TRY(train_read(tr, texts, n, e));
    TRY(train_count(tr, e));
    TRY(train_merges(tr, e));
    return train_finish(tr->t, e);
}

Status tok_train(Tok **t, const char *const *texts, size_t n, size_t vocab_size, const char *const *specials,
                 size_t n_specials, Err *e)
{
    if (vocab_size > MAX_VOCAB || n_specials > MAX_VOCAB || vocab_size < n_specials + 256)
        FAIL(e, ERR_ARG, "vocabulary size = %zu, want %zu (256 bytes and %zu special tokens) to %d",
             vocab_size, n_specials + 256, n_specials, MAX_VOCAB);
    Trainer tr = {.t = tok_new(vocab_size, e)};
    if (tr.t == NULL) return ERR_NOMEM;
    Status s = train_fill(&tr, texts, n, specials, n_specials, e);
    trainer_close(&tr);
    if (s != OK)
        tok_free(tr.t);
    else
        *t = tr.t;
    return s;
}
