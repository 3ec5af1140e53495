/* js_pull.c - tokens of JSON from a window that moves over the file. A token's bytes need not lie in one
 * window: plain runs of a text are copied as they come, and what must be seen whole (escapes, characters of
 * several bytes, words) is at most a few bytes long and is asked for with pull_want. */
#include "prime/js_pull.h"

#include "prime/str.h"
#include "utf8_priv.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PULL_WINDOW = 1 << 18 };

/* What may come next. */
typedef enum {
    AT_VALUE,
    AT_FIRST_VALUE, /* or the end of the array */
    AT_FIRST_KEY,   /* or the end of the object */
    AT_KEY,
    AT_AFTER, /* a comma, or the end of what is open, or of the document */
    AT_ERROR
} PullState;

struct JsPull {
    char *name, *window; /* window: NULL when the text is the caller's */
    FILE *fp;            /* NULL for a text */
    const char *at, *end;
    bool eof;
    PullState state;
    size_t line, depth;
    Str text;
    unsigned char is_obj[JS_PULL_DEPTH];
    Err first; /* the error that ended it */
};

static Status pull_new(JsPull **out, const char *name, Err *e)
{
    JsPull *p = calloc(1, sizeof *p);
    if (p != NULL) p->name = strdup(name);
    if (p == NULL || p->name == NULL) {
        free(p);
        FAIL(e, ERR_NOMEM, "%s: no memory for a reader", name);
    }
    p->line = 1;
    *out = p;
    return OK;
}

void js_pull_again(JsPull *p, const char *text, size_t n, size_t line)
{
    p->at = text;
    p->end = text + n;
    p->eof = true;
    p->state = AT_VALUE;
    p->line = line;
    p->depth = 0;
    p->first = (Err){0};
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) p->at += 3;
}

Status js_pull_text(JsPull **out, const char *text, size_t n, const char *name, size_t line, Err *e)
{
    TRY(pull_new(out, name, e));
    js_pull_again(*out, text, n, line);
    return OK;
}

void js_pull_close(JsPull *p)
{
    if (p == NULL) return;
    if (p->fp != NULL && p->fp != stdin) fclose(p->fp);
    free(p->name);
    free(p->window);
    str_free(&p->text);
    free(p);
}

/* At least n bytes in the window if the file has them; false when there are fewer. */
static bool pull_want(JsPull *p, size_t n)
{
    if ((size_t)(p->end - p->at) >= n) return true;
    if (p->eof) return false;
    size_t left = (size_t)(p->end - p->at);
    memmove(p->window, p->at, left);
    size_t got = fread(p->window + left, 1, PULL_WINDOW - left, p->fp);
    p->at = p->window;
    p->end = p->window + left + got;
    p->eof = left + got < PULL_WINDOW;
    return left + got >= n;
}

Status js_pull_open(JsPull **out, const char *path, Err *e)
{
    JsPull *p = NULL;
    bool in = strcmp(path, "-") == 0;
    TRY(pull_new(&p, in ? "standard input" : path, e));
    p->fp = in ? stdin : fopen(path, "rb");
    p->window = malloc(PULL_WINDOW);
    Status s = p->fp == NULL
                   ? err_set(e, ERR_IO, __FILE__, __LINE__, "%s: cannot open: %s", path, strerror(errno))
                   : OK;
    if (s == OK && p->window == NULL)
        s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory to read", path);
    if (s != OK) {
        js_pull_close(p);
        return s;
    }
    p->at = p->end = p->window;
    if (pull_want(p, 3) && memcmp(p->at, "\xef\xbb\xbf", 3) == 0) p->at += 3;
    *out = p;
    return OK;
}

/* ---- complaints ---- */

#define PULL_FAIL(p, ...) return pull_fail((p), e, __VA_ARGS__)

static Status pull_fail(JsPull *p, Err *e, const char *fmt, ...) PRIME_PRINTF(3, 4);
static Status pull_fail(JsPull *p, Err *e, const char *fmt, ...)
{
    char what[120];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    if (p->fp != NULL && ferror(p->fp))
        err_set(&p->first, ERR_IO, __FILE__, __LINE__, "%s: cannot read: %s", p->name, strerror(errno));
    else
        err_set(&p->first, ERR_FORMAT, __FILE__, __LINE__, "%s:%zu: not JSON: %s", p->name, p->line, what);
    p->state = AT_ERROR;
    return err_set(e, p->first.code, p->first.file, p->first.line, "%s", p->first.msg);
}

static Status pull_no_memory(JsPull *p, Err *e)
{
    err_set(&p->first, ERR_NOMEM, __FILE__, __LINE__, "%s:%zu: no memory for a text", p->name, p->line);
    p->state = AT_ERROR;
    return err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s", p->first.msg);
}

/* What stands here, for a message: never more than one character. */
static Status pull_unexpected(JsPull *p, const char *want, Err *e)
{
    if (!pull_want(p, 1)) PULL_FAIL(p, "the text ends where %s should be", want);
    unsigned char c = (unsigned char)*p->at;
    if (c > ' ' && c < 0x7f) PULL_FAIL(p, "'%c' where %s should be", c, want);
    PULL_FAIL(p, "byte 0x%02x where %s should be", c, want);
}

/* ---- texts ---- */

/* Bytes that end a plain run: the quote, the backslash, control characters, the first of several bytes. */
static bool pull_is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* The first byte from s on that is not plain; eight at a time while none is. A byte x is below k (at most
 * 128), or above 127, when x - k or x has its highest bit set; a byte equals c when x ^ c is below 1. */
static const char *pull_plain_run(const char *s, const char *end)
{
    const uint64_t ones = 0x0101010101010101u, high = ones << 7;
    for (uint64_t x; end - s >= 8; s += 8) {
        memcpy(&x, s, sizeof x);
        uint64_t quote = x ^ (ones * '"'), slash = x ^ (ones * '\\');
        if (((x | (x - ones * 0x20) | (quote - ones) | (slash - ones)) & high) != 0) break;
    }
    while (s < end && pull_is_plain((unsigned char)*s)) s++;
    return s;
}

static int pull_hex(JsPull *p)
{
    int x = 0;
    for (int i = 0; i < 4; i++, p->at++) {
        char c = *p->at;
        int d = c >= '0' && c <= '9'                 ? c - '0'
                : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                     : -1;
        if (d < 0) return -1;
        x = x * 16 + d;
    }
    return x;
}

/* Behind "\u". The low half of a pair is taken only when it is one. */
static Status pull_unicode(JsPull *p, Err *e)
{
    int hi = pull_want(p, 4) ? pull_hex(p) : -1;
    if (hi < 0) PULL_FAIL(p, "four hexadecimal digits should follow \\u");
    uint32_t c = (uint32_t)hi;
    if (hi >= 0xd800 && hi <= 0xdbff && pull_want(p, 6) && p->at[0] == '\\' && p->at[1] == 'u') {
        const char *back = p->at;
        p->at += 2;
        int lo = pull_hex(p);
        if (lo >= 0xdc00 && lo <= 0xdfff)
            c = 0x10000 + ((uint32_t)(hi - 0xd800) << 10) + (uint32_t)(lo - 0xdc00);
        else
            p->at = back;
    }
    str_put_char(&p->text, c >= 0xd800 && c <= 0xdfff ? 0xfffd : c);
    return OK;
}

static Status pull_escape(JsPull *p, Err *e)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (!pull_want(p, 2)) PULL_FAIL(p, "a text is not closed");
    char c = p->at[1];
    const char *k = c != '\0' ? strchr(from, c) : NULL;
    if (c == 'u') {
        p->at += 2;
        return pull_unicode(p, e);
    }
    if (k == NULL) PULL_FAIL(p, "an escape that there is not");
    p->at += 2;
    str_put(&p->text, to + (k - from), 1);
    return OK;
}

/* One thing in a text that is no plain byte; *done at its closing quote. */
static Status pull_special(bool *done, JsPull *p, Err *e)
{
    unsigned char c = (unsigned char)*p->at;
    *done = c == '"';
    if (c == '"') {
        p->at++;
        return OK;
    }
    if (c == '\\') return pull_escape(p, e);
    if (c < 0x20) PULL_FAIL(p, "control character 0x%02x in a text", c);
    pull_want(p, 4);
    size_t n = utf8_width(p->at, (size_t)(p->end - p->at));
    if (n == 0) PULL_FAIL(p, "byte 0x%02x is not UTF-8", c);
    str_put(&p->text, p->at, n);
    p->at += n;
    return OK;
}

static Status pull_string(JsPull *p, Err *e)
{
    str_clear(&p->text);
    p->at++; /* the quote */
    for (bool done = false; !done;) {
        const char *s = pull_plain_run(p->at, p->end);
        str_put(&p->text, p->at, (size_t)(s - p->at));
        p->at = s;
        if (!pull_want(p, 1)) PULL_FAIL(p, "a text is not closed");
        if (!pull_is_plain((unsigned char)*p->at)) TRY(pull_special(&done, p, e));
    }
    if (p->text.failed) return pull_no_memory(p, e);
    return OK;
}

/* ---- numbers and words ---- */

static const char *pull_digits(const char *s)
{
    while (*s >= '0' && *s <= '9') s++;
    return s;
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static bool pull_is_number(const char *s)
{
    s += *s == '-';
    if (*s < '0' || *s > '9') return false;
    s = *s == '0' ? s + 1 : pull_digits(s);
    if (*s == '.') {
        if (pull_digits(s + 1) == s + 1) return false;
        s = pull_digits(s + 1);
    }
    if (*s == 'e' || *s == 'E') {
        s++;
        s += *s == '+' || *s == '-';
        if (pull_digits(s) == s) return false;
        s = pull_digits(s);
    }
    return *s == '\0';
}

static Status pull_number(JsPull *p, Err *e)
{
    str_clear(&p->text);
    while (pull_want(p, 1) && *p->at != '\0' && strchr("0123456789+-.eE", *p->at) != NULL) {
        if (p->text.n == JS_PULL_NUM) PULL_FAIL(p, "a number of more than %d characters", JS_PULL_NUM);
        str_put(&p->text, p->at++, 1);
    }
    if (p->text.failed) return pull_no_memory(p, e);
    if (!pull_is_number(p->text.s)) PULL_FAIL(p, "a number that is none");
    return OK;
}

static Status pull_word(JsEvent *ev, JsPull *p, Err *e)
{
    static const struct {
        const char *word;
        JsEvent ev;
    } words[] = {{"true", PULL_TRUE}, {"false", PULL_FALSE}, {"null", PULL_NULL}};
    pull_want(p, 5);
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(words[i].word);
        if ((size_t)(p->end - p->at) < n || memcmp(p->at, words[i].word, n) != 0) continue;
        p->at += n;
        *ev = words[i].ev;
        return OK;
    }
    return pull_unexpected(p, "a value", e);
}

/* ---- structure ---- */

static void pull_blanks(JsPull *p)
{
    while (pull_want(p, 1)) {
        const char *s = p->at;
        while (s < p->end && (*s == ' ' || *s == '\n' || *s == '\t' || *s == '\r')) p->line += *s++ == '\n';
        bool stop = s < p->end;
        p->at = s;
        if (stop) return;
    }
}

static Status pull_push(JsEvent *ev, JsPull *p, bool obj, Err *e)
{
    if (p->depth == JS_PULL_DEPTH) PULL_FAIL(p, "nested deeper than %d", JS_PULL_DEPTH);
    p->is_obj[p->depth++] = obj;
    p->at++;
    p->state = obj ? AT_FIRST_KEY : AT_FIRST_VALUE;
    *ev = obj ? PULL_OBJ : PULL_ARR;
    return OK;
}

static Status pull_pop(JsEvent *ev, JsPull *p)
{
    *ev = p->is_obj[--p->depth] ? PULL_OBJ_END : PULL_ARR_END;
    p->at++;
    p->state = AT_AFTER;
    return OK;
}

static Status pull_value(JsEvent *ev, JsPull *p, Err *e)
{
    if (!pull_want(p, 1)) return pull_unexpected(p, "a value", e);
    char c = *p->at;
    if (p->state == AT_FIRST_VALUE && c == ']') return pull_pop(ev, p);
    if (c == '{' || c == '[') return pull_push(ev, p, c == '{', e);
    p->state = AT_AFTER;
    if (c == '"') {
        *ev = PULL_STR;
        return pull_string(p, e);
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        *ev = PULL_NUM;
        return pull_number(p, e);
    }
    return pull_word(ev, p, e);
}

static Status pull_key(JsEvent *ev, JsPull *p, Err *e)
{
    if (pull_want(p, 1) && p->state == AT_FIRST_KEY && *p->at == '}') return pull_pop(ev, p);
    if (!pull_want(p, 1) || *p->at != '"') return pull_unexpected(p, "a key", e);
    TRY(pull_string(p, e));
    pull_blanks(p);
    if (!pull_want(p, 1) || *p->at != ':') return pull_unexpected(p, "a colon", e);
    p->at++;
    p->state = AT_VALUE;
    *ev = PULL_KEY;
    return OK;
}

/* Behind a value. */
static Status pull_after(JsEvent *ev, JsPull *p, Err *e)
{
    if (p->depth == 0) {
        if (pull_want(p, 1)) return pull_unexpected(p, "the end", e);
        if (p->fp != NULL && ferror(p->fp)) PULL_FAIL(p, "unreadable");
        *ev = PULL_END;
        return OK;
    }
    bool obj = p->is_obj[p->depth - 1];
    if (!pull_want(p, 1)) return pull_unexpected(p, "a comma", e);
    if (*p->at == (obj ? '}' : ']')) return pull_pop(ev, p);
    if (*p->at != ',') return pull_unexpected(p, obj ? "a comma or }" : "a comma or ]", e);
    p->at++;
    pull_blanks(p);
    p->state = obj ? AT_KEY : AT_VALUE;
    return obj ? pull_key(ev, p, e) : pull_value(ev, p, e);
}

Status js_pull_next(JsEvent *ev, JsPull *p, Err *e)
{
    if (p->state == AT_ERROR)
        return err_set(e, p->first.code, p->first.file, p->first.line, "%s", p->first.msg);
    pull_blanks(p);
    if (p->state == AT_AFTER) return pull_after(ev, p, e);
    if (p->state == AT_KEY || p->state == AT_FIRST_KEY) return pull_key(ev, p, e);
    return pull_value(ev, p, e);
}

Status js_pull_skip(JsPull *p, JsEvent ev, Err *e)
{
    if (ev == PULL_KEY) TRY(js_pull_next(&ev, p, e));
    if (ev != PULL_OBJ && ev != PULL_ARR) return OK;
    size_t outside = p->depth - 1;
    while (p->depth > outside) TRY(js_pull_next(&ev, p, e));
    return OK;
}

const char *js_pull_str(const JsPull *p, size_t *n)
{
    if (n != NULL) *n = p->text.n;
    return p->text.s != NULL ? p->text.s : "";
}

size_t js_pull_line(const JsPull *p)
{
    return p->line;
}

size_t js_pull_depth(const JsPull *p)
{
    return p->depth;
}

const char *js_pull_name(const JsPull *p)
{
    return p->name;
}
