#include "tok_priv.h"

#include <stdint.h>
#include <string.h>

enum { MAX_PATTERN = 1 << 16 };

static Status stage_compile(pcre2_code **code, const char *p, size_t n, bool literal, Err *e)
{
    /* A context would be needed for the newline convention only; "." is rare, and LF is PCRE2's default. */
    uint32_t how = PCRE2_UTF | (literal ? (uint32_t)PCRE2_LITERAL : (uint32_t)PCRE2_UCP);
    int why = 0;
    size_t where = 0;
    pcre2_code *c = pcre2_compile((PCRE2_SPTR)p, n, how, &why, &where, NULL);
    if (c == NULL) {
        char text[160] = "";
        pcre2_get_error_message(why, (PCRE2_UCHAR *)text, sizeof text);
        FAIL(e, why == PCRE2_ERROR_HEAP_FAILED ? ERR_NOMEM : ERR_FORMAT, "pattern '%.120s': %s", p, text);
    }
    (void)pcre2_jit_compile(c, PCRE2_JIT_COMPLETE); /* without it the interpreter does the same, slower */
    *code = c;
    return OK;
}

Status tok_stage_add(Tok *t, TokStage how, const char *pattern, size_t n, bool literal, Err *e)
{
    if (t->n_stages == TOK_MAX_STAGES)
        FAIL(e, ERR_UNSUP, "more than %d pre-tokenizers in a row are not implemented", TOK_MAX_STAGES);
    if (n > MAX_PATTERN) FAIL(e, ERR_UNSUP, "a pattern of %zu bytes, want at most %d", n, MAX_PATTERN);
    if (pattern != NULL) {
        Str ported = {0};
        Status s = OK;
        if (literal)
            str_put(&ported, pattern, n);
        else
            s = tok_pattern_port(&ported, pattern, n, e);
        if (s == OK && ported.failed) s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory");
        if (s == OK) s = stage_compile(&how.code, ported.s == NULL ? "" : ported.s, ported.n, literal, e);
        str_free(&ported);
        TRY(s);
    }
    t->stage[t->n_stages++] = how;
    return OK;
}

Status tok_split_open(TokSplit *sp, const Tok *t, TokWordFn word, void *ctx, Err *e)
{
    *sp = (TokSplit){.t = t, .word = word, .ctx = ctx};
    for (size_t i = 0; i < t->n_stages; i++) {
        if (t->stage[i].code == NULL) continue;
        sp->match[i] = pcre2_match_data_create(1, NULL);
        if (sp->match[i] != NULL) continue;
        tok_split_close(sp);
        FAIL(e, ERR_NOMEM, "no memory for matching");
    }
    return OK;
}

void tok_split_close(TokSplit *sp)
{
    for (size_t i = 0; i < TOK_MAX_STAGES; i++) pcre2_match_data_free(sp->match[i]);
    str_free(&sp->prefixed);
    *sp = (TokSplit){0};
}

static Status stage_run(TokSplit *sp, size_t k, const char *s, size_t n, Err *e);

/* *found is false when there is no match at `at` or later. */
static Status stage_match(TokSplit *sp, size_t k, const char *s, size_t n, size_t at, bool *found, Err *e)
{
    const pcre2_code *code = sp->t->stage[k].code;
    int rc = pcre2_match(code, (PCRE2_SPTR)s, n, at, PCRE2_NO_UTF_CHECK, sp->match[k], NULL);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(code, (PCRE2_SPTR)s, n, at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, sp->match[k], NULL);
    *found = rc >= 0;
    if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH) return OK;
    char text[160] = "";
    pcre2_get_error_message(rc, (PCRE2_UCHAR *)text, sizeof text);
    FAIL(e, rc == PCRE2_ERROR_NOMEMORY ? ERR_NOMEM : ERR_UNSUP,
         "the pre-tokenizer's pattern gave up at byte %zu of a piece of %zu bytes: %s", at, n, text);
}

/* Matches and gaps in order. An empty match cuts too, but not right behind the match before it. */
static Status stage_cut(TokSplit *sp, size_t k, const char *s, size_t n, Err *e)
{
    const TokStage *st = &sp->t->stage[k];
    const size_t *span = pcre2_get_ovector_pointer(sp->match[k]);
    size_t from = 0, at = 0, last = SIZE_MAX;
    for (bool found; at <= n;) {
        TRY(stage_match(sp, k, s, n, at, &found, e));
        if (!found) break;
        size_t lo = span[0], hi = span[1];
        if (lo == hi && hi == last) {
            at = hi < n ? hi + utf8_width(s + hi, n - hi) : n + 1;
            continue;
        }
        if (st->keep_gap) TRY(stage_run(sp, k + 1, s + from, lo - from, e));
        if (st->keep_match) TRY(stage_run(sp, k + 1, s + lo, hi - lo, e));
        from = at = last = hi;
    }
    return st->keep_gap ? stage_run(sp, k + 1, s + from, n - from, e) : OK;
}

static Status stage_run(TokSplit *sp, size_t k, const char *s, size_t n, Err *e)
{
    if (n == 0) return OK;
    if (k == sp->t->n_stages) return sp->word(sp->ctx, s, n, e);
    const TokStage *st = &sp->t->stage[k];
    if (st->prefix && s[0] != ' ') { /* at most one stage has a prefix, so one buffer is enough */
        str_clear(&sp->prefixed);
        str_put(&sp->prefixed, " ", 1);
        str_put(&sp->prefixed, s, n);
        if (sp->prefixed.failed) FAIL(e, ERR_NOMEM, "no memory for a piece of %zu bytes", n);
        s = sp->prefixed.s;
        n++;
    }
    return st->code != NULL ? stage_cut(sp, k, s, n, e) : stage_run(sp, k + 1, s, n, e);
}

Status tok_split_run(TokSplit *sp, const char *s, size_t n, Err *e)
{
    return stage_run(sp, 0, s, n, e);
}
