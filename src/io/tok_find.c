#include "tok_priv.h"

#include <stdint.h>
#include <string.h>

enum { MAX_PATTERN = 1 << 16 };

static Status find_build(pcre2_code **code, const char *p, size_t n, TokDialect how, Err *e)
{
    /* A context would be needed for the newline convention only; "." is rare, and LF is PCRE2's default. */
    uint32_t flags = PCRE2_UTF | (how == TOK_LITERAL ? (uint32_t)PCRE2_LITERAL : (uint32_t)PCRE2_UCP);
    int why = 0;
    size_t where = 0;
    pcre2_code *c = pcre2_compile((PCRE2_SPTR)p, n, flags, &why, &where, NULL);
    if (c == NULL) {
        char text[160] = "";
        pcre2_get_error_message(why, (PCRE2_UCHAR *)text, sizeof text);
        FAIL(e, why == PCRE2_ERROR_HEAP_FAILED ? ERR_NOMEM : ERR_FORMAT, "pattern '%.120s': %s", p, text);
    }
#ifndef PRIME_NO_JIT /* its code reads whole blocks, which memcheck takes for mistakes */
    (void)pcre2_jit_compile(c, PCRE2_JIT_COMPLETE); /* without it the interpreter does the same, slower */
#endif
    *code = c;
    return OK;
}

Status tok_find_compile(pcre2_code **code, const char *pattern, size_t n, TokDialect how, Err *e)
{
    if (n > MAX_PATTERN) FAIL(e, ERR_UNSUP, "a pattern of %zu bytes, want at most %d", n, MAX_PATTERN);
    if (how != TOK_REGEX) return find_build(code, pattern, n, how, e);
    Str ported = {0};
    Status s = tok_pattern_port(&ported, pattern, n, e);
    if (s == OK) s = find_build(code, ported.s == NULL ? "" : ported.s, ported.n, how, e);
    str_free(&ported);
    return s;
}

/* *found is false when there is no match at f->at or later. */
static Status find_match(TokFind *f, bool *found, Err *e)
{
    int rc = pcre2_match(f->code, (PCRE2_SPTR)f->s, f->n, f->at, PCRE2_NO_UTF_CHECK, f->match, NULL);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(f->code, (PCRE2_SPTR)f->s, f->n, f->at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, f->match,
                         NULL);
    *found = rc >= 0;
    if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH) return OK;
    char text[160] = "";
    pcre2_get_error_message(rc, (PCRE2_UCHAR *)text, sizeof text);
    FAIL(e, rc == PCRE2_ERROR_NOMEMORY ? ERR_NOMEM : ERR_UNSUP,
         "a pattern of the tokenizer gave up at byte %zu of a piece of %zu bytes: %s", f->at, f->n, text);
}

Status tok_find_next(TokFind *f, bool *found, Err *e)
{
    const size_t *span = pcre2_get_ovector_pointer(f->match);
    for (*found = false; f->at <= f->n;) {
        TRY(find_match(f, found, e));
        if (!*found) break;
        f->lo = span[0];
        f->hi = span[1];
        if (f->lo != f->hi || f->hi != f->last) {
            f->at = f->last = f->hi;
            return OK;
        }
        f->at = f->hi < f->n ? f->hi + utf8_width(f->s + f->hi, f->n - f->hi) : f->n + 1;
        *found = false;
    }
    return OK;
}
