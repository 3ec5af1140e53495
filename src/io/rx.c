#include "prime/rx.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

struct Rx {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    char *pattern; /* for messages */
};

/* ---- what both dialects read the same way ---- */

typedef struct {
    const char *p;
    size_t at;
    bool in_class;
} RxWalk;

static Status rx_refuse(const RxWalk *w, size_t len, Err *e)
{
    FAIL(e, ERR_UNSUP, "the expression '%.120s': '%.*s' at byte %zu is not implemented", w->p, (int)len,
         w->p + w->at, w->at);
}

static Status rx_escape(RxWalk *w, Err *e)
{
    unsigned char c = (unsigned char)w->p[w->at + 1];
    const char *letters = w->in_class ? "dDsSwWtnrf" : "dDsSwWtnrfbBA";
    if (c == '\0') FAIL(e, ERR_FORMAT, "the expression '%.120s' ends with a backslash", w->p);
    if (!ispunct(c) && c != ' ' && strchr(letters, c) == NULL) return rx_refuse(w, 2, e);
    w->at += 2;
    return OK;
}

static Status rx_in_class(RxWalk *w, Err *e)
{
    const char *s = w->p + w->at;
    if (s[0] == '[' && (s[1] == ':' || s[1] == '.' || s[1] == '=')) return rx_refuse(w, 2, e);
    w->in_class = s[0] != ']';
    w->at++;
    return OK;
}

/* A bracket that comes first is one of the class, in both. */
static void rx_class_open(RxWalk *w)
{
    w->at++;
    w->in_class = true;
    if (w->p[w->at] == '^') w->at++;
    if (w->p[w->at] == ']') w->at++;
}

static Status rx_group(RxWalk *w, Err *e)
{
    static const char *const known[] = {"(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!", "(?P<"};
    const char *s = w->p + w->at;
    bool plain = s[1] != '?' && s[1] != '*';
    for (size_t i = 0; i < sizeof known / sizeof known[0] && !plain; i++)
        plain = strncmp(s, known[i], strlen(known[i])) == 0;
    if (!plain) return rx_refuse(w, 3, e);
    w->at++;
    return OK;
}

static Status rx_portable(const char *pattern, Err *e)
{
    RxWalk w = {.p = pattern};
    while (pattern[w.at] != '\0') {
        char c = pattern[w.at];
        if (c == '\\') {
            TRY(rx_escape(&w, e));
        } else if (w.in_class) {
            TRY(rx_in_class(&w, e));
        } else if (c == '[') {
            rx_class_open(&w);
        } else if (c == '(') {
            TRY(rx_group(&w, e));
        } else if (c == '{' && pattern[w.at + 1] == ',') {
            return rx_refuse(&w, 2, e);
        } else {
            w.at++;
        }
    }
    return OK;
}

/* ---- PCRE2 ---- */

static Status rx_compile(Rx *rx, uint32_t how, Err *e)
{
    int why = 0;
    size_t where = 0;
    how |= PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C;
    rx->code = pcre2_compile((PCRE2_SPTR)rx->pattern, PCRE2_ZERO_TERMINATED, how, &why, &where, NULL);
    if (rx->code == NULL) {
        char text[160] = "";
        pcre2_get_error_message(why, (PCRE2_UCHAR *)text, sizeof text);
        FAIL(e, why == PCRE2_ERROR_HEAP_FAILED ? ERR_NOMEM : ERR_FORMAT,
             "the expression '%.120s': %s at byte %zu", rx->pattern, text, where);
    }
    rx->match = pcre2_match_data_create(1, NULL);
    rx->limits = pcre2_match_context_create(NULL);
    if (rx->match == NULL || rx->limits == NULL) FAIL(e, ERR_NOMEM, "no memory for an expression");
    pcre2_set_match_limit(rx->limits, RX_MAX_STEPS);
    return OK;
}

static Status rx_make(Rx **rx, const char *pattern, uint32_t how, Err *e)
{
    size_t n = strlen(pattern);
    if (n > RX_MAX_PATTERN)
        FAIL(e, ERR_UNSUP, "an expression of %zu bytes, want at most %d", n, RX_MAX_PATTERN);
    TRY(rx_portable(pattern, e));
    Rx *fresh = calloc(1, sizeof *fresh);
    if (fresh != NULL) fresh->pattern = strdup(pattern);
    Status s = fresh != NULL && fresh->pattern != NULL
                   ? rx_compile(fresh, how, e)
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for an expression");
    if (s == OK)
        *rx = fresh;
    else
        rx_free(fresh);
    return s;
}

Status rx_new(Rx **rx, const char *pattern, Err *e)
{
    return rx_make(rx, pattern, PCRE2_UCP | PCRE2_ANCHORED | PCRE2_ENDANCHORED, e);
}

Status rx_new_search(Rx **rx, const char *pattern, Err *e)
{
    return rx_make(rx, pattern, 0, e);
}

void rx_free(Rx *rx)
{
    if (rx == NULL) return;
    pcre2_code_free(rx->code);
    pcre2_match_data_free(rx->match);
    pcre2_match_context_free(rx->limits);
    free(rx->pattern);
    free(rx);
}

Status rx_full(bool *hit, const Rx *rx, const char *text, Err *e)
{
    int got = pcre2_match(rx->code, (PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, 0, rx->match, rx->limits);
    if (got < 0 && got != PCRE2_ERROR_NOMATCH) {
        char why[160] = "";
        pcre2_get_error_message(got, (PCRE2_UCHAR *)why, sizeof why);
        FAIL(e, ERR_UNSUP, "the expression '%.120s' on '%.80s': %s", rx->pattern, text, why);
    }
    *hit = got >= 0;
    return OK;
}

Status rx_count(size_t *n, const Rx *rx, const char *text, Err *e)
{
    size_t len = strlen(text), at = 0, found = 0;
    while (at <= len) {
        uint32_t how = found > 0 ? PCRE2_NO_UTF_CHECK : 0; /* checked whole the first time */
        int got = pcre2_match(rx->code, (PCRE2_SPTR)text, len, at, how, rx->match, rx->limits);
        if (got == PCRE2_ERROR_NOMATCH) break;
        if (got < 0) {
            char why[160] = "";
            pcre2_get_error_message(got, (PCRE2_UCHAR *)why, sizeof why);
            FAIL(e, ERR_UNSUP, "the expression '%.120s' on a text of %zu bytes: %s", rx->pattern, len, why);
        }
        const PCRE2_SIZE *span = pcre2_get_ovector_pointer(rx->match);
        found++;
        at = span[1] > span[0] ? span[1] : span[1] + 1;
        while (at < len && ((unsigned char)text[at] & 0xC0U) == 0x80) at++; /* not into a character */
    }
    *n = found;
    return OK;
}
