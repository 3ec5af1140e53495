#include "tok_priv.h"

#include <stdlib.h>
#include <string.h>

size_t tok_vocab_size(const Tok *t)
{
    return t->n;
}

int32_t tok_id(const Tok *t, const char *content)
{
    return tok_vocab_find(t, content, strlen(content));
}

/* What one call of tok_encode carries around; the Tok itself is never written to. */
typedef struct {
    const Tok *t;
    TokIds *out;
    bool specials;
    TokSplit split;
    TokBpe bpe;
} Coder;

typedef Status (*PlainFn)(Coder *c, const char *s, size_t n, Err *e);

/* Hand the text between added tokens to plain(), and push the tokens. */
static Status code_added(Coder *c, const char *s, size_t n, bool normalised, PlainFn plain, Err *e)
{
    TokScan scan = {.normalised = normalised, .specials = c->specials};
    TokHit hit;
    size_t done = 0;
    while (tok_added_next(c->t, s, n, &scan, &hit)) {
        if (done < hit.from) TRY(plain(c, s + done, hit.from - done, e));
        TRY(tok_ids_push(c->out, hit.id, e));
        done = hit.to;
    }
    return done < n ? plain(c, s + done, n - done, e) : OK;
}

static Status code_word(void *ctx, const char *s, size_t n, Err *e)
{
    Coder *c = ctx;
    return tok_bpe_word(c->t, &c->bpe, c->out, s, n, e);
}

static Status code_split(Coder *c, const char *s, size_t n, Err *e)
{
    return tok_split_run(&c->split, s, n, e);
}

static Status code_normal(Coder *c, const char *s, size_t n, Err *e)
{
    char *nfc = NULL;
    size_t m = 0;
    if (c->t->nfc) TRY(tok_nfc(&nfc, &m, s, n, e));
    Status st =
        nfc != NULL ? code_added(c, nfc, m, true, code_split, e) : code_added(c, s, n, true, code_split, e);
    free(nfc);
    return st;
}

/* Stretches of valid UTF-8 go on; every other byte is a word of its own. */
static Status code_valid(Coder *c, const char *s, size_t n, Err *e)
{
    for (size_t at = 0; at < n; at++) {
        size_t good = utf8_bad(s + at, n - at);
        if (good > 0) TRY(code_normal(c, s + at, good, e));
        at += good;
        if (at < n) TRY(code_word(c, s + at, 1, e));
    }
    return OK;
}

Status tok_encode(const Tok *t, TokIds *out, const char *text, size_t n, bool specials, Err *e)
{
    if (n > TOK_MAX_TEXT) FAIL(e, ERR_ARG, "a text of %zu bytes, want at most %d", n, TOK_MAX_TEXT);
    Coder c = {.t = t, .out = out, .specials = specials};
    size_t before = out->n;
    TRY(tok_split_open(&c.split, t, code_word, &c, e));
    Status s = code_added(&c, text, n, false, code_valid, e);
    tok_split_close(&c.split);
    tok_bpe_close(&c.bpe);
    if (s != OK) out->n = before;
    return s;
}

Status tok_decode(const Tok *t, Str *out, const int32_t *ids, size_t n, bool skip_special, Err *e)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= t->n)
            FAIL(e, ERR_ARG, "token id %d at place %zu, want 0 to %zu", ids[i], i, t->n - 1);
    Str raw = {0};
    size_t before = out->n;
    for (size_t i = 0; i < n; i++) {
        const TokEntry *en = &t->entry[ids[i]];
        if (!skip_special || !(en->flags & TOK_SPECIAL)) str_put(&raw, tok_text(t, en->bytes), en->bytes.n);
    }
    if (raw.n > 0) tok_put_lossy(out, raw.s, raw.n);
    bool failed = raw.failed || out->failed;
    str_free(&raw);
    if (!failed) return OK;
    if (out->s != NULL) out->s[out->n = before] = '\0';
    FAIL(e, ERR_NOMEM, "no memory to decode %zu tokens", n);
}
