#include "tok_priv.h"

#include <stdint.h>
#include <string.h>

Status tok_stage_add(Tok *t, TokStage how, Err *e)
{
    if (t->n_stages == TOK_MAX_STAGES) {
        pcre2_code_free(how.code);
        FAIL(e, ERR_UNSUP, "more than %d pre-tokenizers in a row are not implemented", TOK_MAX_STAGES);
    }
    t->byte_level = t->byte_level || how.byte_level;
    t->track_always = t->track_always || how.prepend == TOK_FIRST;
    t->stage[t->n_stages++] = how;
    return OK;
}

Status tok_stage_pattern(Tok *t, TokStage how, const char *pattern, size_t n, TokDialect dialect, Err *e)
{
    TRY(tok_find_compile(&how.code, pattern, n, dialect, e));
    return tok_stage_add(t, how, e);
}

Status tok_split_open(TokSplit *sp, const Tok *t, bool track, TokWordFn word, void *ctx, Err *e)
{
    *sp = (TokSplit){.t = t, .word = word, .ctx = ctx};
    for (size_t i = 0; i < TOK_MAX_STAGES; i++) sp->buf[i].track = track;
    sp->match = pcre2_match_data_create(1, NULL);
    if (sp->match == NULL) FAIL(e, ERR_NOMEM, "no memory for matching");
    return OK;
}

void tok_split_close(TokSplit *sp)
{
    pcre2_match_data_free(sp->match);
    for (size_t i = 0; i < TOK_MAX_STAGES; i++) tok_buf_free(&sp->buf[i]);
    *sp = (TokSplit){0};
}

static Status stage_run(TokSplit *sp, size_t k, TokPiece p, Err *e);

/* A piece that is being put together from matches and gaps. */
typedef struct {
    size_t lo, hi;
    bool match, open;
} Joined;

/* Does a part belong to the piece before it? */
static bool stage_joins(const TokStage *st, const Joined *last, bool match)
{
    switch (st->how) {
    case TOK_WITH_PREVIOUS:
        return last->open ? match && !last->match : false;
    case TOK_WITH_NEXT:
        return last->open ? last->match && !match : false;
    case TOK_CONTIGUOUS:
        return last->open && last->match == match;
    case TOK_ISOLATED:
    case TOK_REMOVED:
        break;
    }
    return false;
}

/* One more part, p[lo .. hi): a match or a gap. What is complete goes on to the next step. */
static Status stage_part(TokSplit *sp, size_t k, TokPiece p, Joined *last, size_t lo, size_t hi, bool match,
                         Err *e)
{
    const TokStage *st = &sp->t->stage[k];
    match = match != st->invert;
    if (st->how == TOK_ISOLATED || st->how == TOK_REMOVED) {
        if (st->how == TOK_REMOVED && match) return OK;
        return stage_run(sp, k + 1, tok_piece_sub(p, lo, hi), e);
    }
    bool joins = stage_joins(st, last, match);
    Joined done = *last;
    *last = (Joined){joins ? last->lo : lo, hi, match, true};
    return done.open && !joins ? stage_run(sp, k + 1, tok_piece_sub(p, done.lo, done.hi), e) : OK;
}

static Status stage_cut(TokSplit *sp, size_t k, TokPiece p, Err *e)
{
    TokFind f = {sp->t->stage[k].code, sp->match, p.s, p.n, 0, SIZE_MAX, 0, 0};
    Joined last = {0};
    size_t from = 0;
    for (bool found;;) {
        TRY(tok_find_next(&f, &found, e));
        if (!found) break;
        size_t lo = f.lo, hi = f.hi;
        if (from < lo) TRY(stage_part(sp, k, p, &last, from, lo, false, e));
        TRY(stage_part(sp, k, p, &last, lo, hi, true, e));
        from = hi;
    }
    if (from < p.n) TRY(stage_part(sp, k, p, &last, from, p.n, false, e));
    return last.open ? stage_run(sp, k + 1, tok_piece_sub(p, last.lo, last.hi), e) : OK;
}

/* Does the piece get a space (or what stands for one) before it? */
static bool stage_prepends(const TokStage *st, TokPiece p, const char *mark, size_t n)
{
    if (st->prepend == TOK_NEVER || (p.n >= n && memcmp(p.s, mark, n) == 0)) return false;
    if (st->meta.n > 0 && p.s[0] == ' ') return false; /* it becomes the mark */
    return st->prepend == TOK_ALWAYS || tok_piece_range(p, 0, 1).from == 0;
}

static Status stage_rewrite(TokSplit *sp, size_t k, TokPiece *p, Err *e)
{
    const TokStage *st = &sp->t->stage[k];
    bool meta = st->meta.n > 0;
    const char *mark = meta ? tok_text(sp->t, st->meta) : " ";
    size_t n = meta ? st->meta.n : 1;
    bool prepends = stage_prepends(st, *p, mark, n);
    if (!prepends && (!meta || memchr(p->s, ' ', p->n) == NULL)) return OK;
    TokBuf *b = &sp->buf[k];
    tok_buf_clear(b);
    if (prepends) tok_buf_put(b, mark, n, tok_piece_range(*p, 0, 1));
    for (size_t at = 0, to; at < p->n; at = to) {
        const char *gap = meta ? memchr(p->s + at, ' ', p->n - at) : NULL;
        to = gap != NULL ? (size_t)(gap - p->s) : p->n;
        tok_buf_copy(b, tok_piece_sub(*p, at, to));
        if (gap != NULL) tok_buf_put(b, mark, n, tok_piece_range(*p, to, to + 1));
        to += gap != NULL;
    }
    return tok_buf_piece(p, b, e);
}

static Status stage_run(TokSplit *sp, size_t k, TokPiece p, Err *e)
{
    if (p.n == 0) return OK;
    if (k == sp->t->n_stages) return sp->word(sp->ctx, p, e);
    const TokStage *st = &sp->t->stage[k];
    if (st->prepend != TOK_NEVER || st->meta.n > 0) TRY(stage_rewrite(sp, k, &p, e));
    return st->code != NULL ? stage_cut(sp, k, p, e) : stage_run(sp, k + 1, p, e);
}

Status tok_split_run(TokSplit *sp, TokPiece p, Err *e)
{
    return stage_run(sp, 0, p, e);
}
