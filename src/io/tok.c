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

const char *tok_content(const Tok *t, int32_t id, size_t *n)
{
    *n = t->entry[id].content.n;
    return tok_text(t, t->entry[id].content);
}

const TokIds *tok_template_before(const Tok *t)
{
    return &t->before;
}

const TokIds *tok_template_after(const Tok *t)
{
    return &t->after;
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

void tok_ranges_free(TokRanges *r)
{
    free(r->at);
    *r = (TokRanges){0};
}

Status tok_ranges_push(TokRanges *r, TokRange at, Err *e)
{
    if (r->n == r->cap) {
        size_t cap = r->cap < 32 ? 64 : r->cap * 2;
        TokRange *p = realloc(r->at, cap * sizeof *p);
        if (p == NULL) FAIL(e, ERR_NOMEM, "no memory for the places of %zu tokens", cap);
        r->at = p;
        r->cap = cap;
    }
    r->at[r->n++] = at;
    return OK;
}

/* --- encoding ---------------------------------------------------------------------------------------------
 */

/* What one call carries around; the Tok itself is never written to. */
typedef struct {
    const Tok *t;
    TokIds *out;
    TokRanges *spans; /* NULL: nobody asked */
    bool specials;
    TokSplit split;
    TokBpe bpe;
    TokBuf norm[2];
} Coder;

typedef Status (*PlainFn)(Coder *c, TokPiece p, Err *e);

/* Hand the text between added tokens to plain(), and push the tokens. */
static Status code_added(Coder *c, TokPiece p, bool normalised, PlainFn plain, Err *e)
{
    TokScan scan = {.normalised = normalised, .specials = c->specials};
    TokHit hit;
    size_t done = 0;
    while (tok_added_next(c->t, p.s, p.n, &scan, &hit)) {
        if (done < hit.from) TRY(plain(c, tok_piece_sub(p, done, hit.from), e));
        TRY(tok_ids_push(c->out, hit.id, e));
        if (c->spans != NULL) TRY(tok_ranges_push(c->spans, tok_piece_range(p, hit.from, hit.to), e));
        done = hit.to;
    }
    return done < p.n ? plain(c, tok_piece_sub(p, done, p.n), e) : OK;
}

static Status code_word(void *ctx, TokPiece word, Err *e)
{
    Coder *c = ctx;
    return tok_bpe_word(c->t, &c->bpe, c->out, c->spans, word, e);
}

static Status code_split(Coder *c, TokPiece p, Err *e)
{
    return tok_split_run(&c->split, p, e);
}

static Status code_normal(Coder *c, TokPiece p, Err *e)
{
    TRY(tok_norm_run(c->t, &p, p, c->norm, c->split.match, e));
    return code_added(c, p, true, code_split, e);
}

/* Stretches of valid UTF-8 go on; every other byte is a word of its own. */
static Status code_valid(Coder *c, TokPiece p, Err *e)
{
    for (size_t at = 0; at < p.n; at++) {
        size_t good = utf8_bad(p.s + at, p.n - at);
        if (good > 0) TRY(code_normal(c, tok_piece_sub(p, at, at + good), e));
        at += good;
        if (at < p.n) TRY(code_word(c, tok_piece_sub(p, at, at + 1), e));
    }
    return OK;
}

Status tok_encode_spans(const Tok *t, TokIds *out, TokRanges *spans, const char *text, size_t n,
                        bool specials, Err *e)
{
    if (n > TOK_MAX_TEXT) FAIL(e, ERR_ARG, "a text of %zu bytes, want at most %d", n, TOK_MAX_TEXT);
    Coder c = {.t = t, .out = out, .spans = spans, .specials = specials};
    size_t before = out->n, spans_before = spans != NULL ? spans->n : 0;
    bool track = spans != NULL || t->track_always;
    c.norm[0].track = c.norm[1].track = track;
    TRY(tok_split_open(&c.split, t, track, code_word, &c, e));
    tok_bpe_open(&c.bpe, n);
    Status s = code_added(&c, (TokPiece){text, n, NULL, 0}, false, code_valid, e);
    tok_split_close(&c.split);
    tok_bpe_close(&c.bpe);
    for (size_t i = 0; i < 2; i++) tok_buf_free(&c.norm[i]);
    if (s == OK) return OK;
    out->n = before;
    if (spans != NULL) spans->n = spans_before;
    return s;
}

Status tok_encode(const Tok *t, TokIds *out, const char *text, size_t n, bool specials, Err *e)
{
    return tok_encode_spans(t, out, NULL, text, n, specials, e);
}

/* A token is the prompt's when its last byte is. */
static TokJoint joint_cut(const TokRange *at, size_t n, size_t n_prompt)
{
    TokJoint j = {0};
    while (j.skip < n && at[j.skip].to <= n_prompt) j.skip++;
    j.straddles = j.skip < n && at[j.skip].from < n_prompt;
    return j;
}

Status tok_encode_joint(const Tok *t, TokIds *out, TokJoint *how, const char *prompt, size_t n_prompt,
                        const char *answer, size_t n_answer, bool specials, Err *e)
{
    if (n_prompt > TOK_MAX_TEXT || n_answer > TOK_MAX_TEXT - n_prompt)
        FAIL(e, ERR_ARG, "a prompt of %zu bytes and an answer of %zu, want at most %d together", n_prompt,
             n_answer, TOK_MAX_TEXT);
    Str both = {0};
    TokRanges at = {0};
    str_put(&both, prompt, n_prompt);
    str_put(&both, answer, n_answer);
    Status s = both.failed ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu bytes of text",
                                     n_prompt + n_answer)
                           : tok_encode_spans(t, out, &at, both.s, both.n, specials, e);
    if (s == OK) *how = joint_cut(at.at, at.n, n_prompt);
    tok_ranges_free(&at);
    str_free(&both);
    return s;
}
