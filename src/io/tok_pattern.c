/* tokenizer.json holds patterns in Oniguruma's Ruby dialect. This file lets through what PCRE2 reads the same
 * way, rewrites what it spells differently, and refuses the rest by name: a pattern that is read differently
 * gives other ids without any message.
 * Differs: letters, digits and spaces are those of PCRE2's Unicode version (14 in 10.42). */
#include "tok_priv.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* GPT-2's own pattern. Source: openai/gpt-2, encoder.py. */
const char tok_gpt2_pattern[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

typedef struct {
    const char *p;
    size_t n, at;
    bool in_class;
    size_t depth, caseless; /* open groups; those up to the outermost (?i: plus one, 0 outside of it */
    Str *out;
} Port;

/* Oniguruma's \w: letters, marks, decimal digits and connectors; outside of a class also the superscripts and
 * fractions of Latin-1, which it looks up in an older table. */
#define WORD_CHARS "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}"
#define WORD_LATIN "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}"

/* The letters after a backslash that need care. PCRE2's \s also takes U+180E, and its \w lacks marks and most
 * of the connectors; \W in a class has no counterpart. */
static const struct {
    char letter;
    const char *plain, *in_class;
} escapes[] = {
    {'s', "\\p{White_Space}", "\\p{White_Space}"},
    {'S', "\\P{White_Space}", "\\P{White_Space}"},
    {'w', "[" WORD_CHARS WORD_LATIN "]", WORD_CHARS},
    {'W', "[^" WORD_CHARS WORD_LATIN "]", NULL},
    {'d', "\\p{Nd}", "\\p{Nd}"},
    {'D', "\\P{Nd}", "\\P{Nd}"},
    {'r', "\\r", "\\r"},
    {'n', "\\n", "\\n"},
    {'t', "\\t", "\\t"},
    {'f', "\\f", "\\f"},
};

static Status port_refuse(const Port *q, size_t len, Err *e)
{
    if (len > q->n - q->at) len = q->n - q->at;
    FAIL(e, ERR_UNSUP, "pattern '%.120s': '%.*s' at byte %zu is not implemented", q->p, (int)len,
         q->p + q->at, q->at);
}

static bool port_sees(const Port *q, const char *text)
{
    size_t len = strlen(text);
    return q->n - q->at >= len && memcmp(q->p + q->at, text, len) == 0;
}

static void port_copy(Port *q, size_t len)
{
    str_put(q->out, q->p + q->at, len);
    q->at += len;
}

/* L, Lu, and so on: the general categories. */
static bool port_category(const char *name, size_t n)
{
    return (n == 1 || (n == 2 && islower((unsigned char)name[1]))) && strchr("LMNPSZC", name[0]) != NULL;
}

/* \p{Name}, \P{Name}, \x{HHHH}, up to the brace. A name that is neither a category nor one of the properties
 * that both libraries have is a script, as in \p{Han}: there of the characters that belong to it alone, which
 * PCRE2 writes \p{sc:Han}. */
static Status port_braced(Port *q, Err *e)
{
    static const char *const both[] = {"Alphabetic", "White_Space"};
    const char *at = q->p + q->at, *name = at + 3;
    const char *close = q->n - q->at > 3 && at[2] == '{' ? memchr(name, '}', q->n - q->at - 3) : NULL;
    if (close == NULL) return port_refuse(q, 3, e);
    size_t n = (size_t)(close - name);
    bool copied = at[1] == 'x' || n == 0 || name[0] == '^' || port_category(name, n);
    for (size_t i = 0; i < 2; i++) copied = copied || (n == strlen(both[i]) && memcmp(name, both[i], n) == 0);
    if (name[0] == '^' && !port_category(name + 1, n - 1)) return port_refuse(q, n + 4, e);
    if (!copied) {
        for (size_t i = 0; i < n; i++)
            if (!isalpha((unsigned char)name[i]) && name[i] != '_') return port_refuse(q, n + 4, e);
        str_printf(q->out, "\\%c{sc:%.*s}", at[1], (int)n, name);
        q->at += n + 4;
        return OK;
    }
    port_copy(q, n + 4);
    return OK;
}

/* \uHHHH, which PCRE2 writes \x{HHHH}. */
static Status port_code(Port *q, Err *e)
{
    for (size_t i = 2; i < 6; i++)
        if (q->n - q->at <= i || !isxdigit((unsigned char)q->p[q->at + i])) return port_refuse(q, 6, e);
    str_printf(q->out, "\\x{%.4s}", q->p + q->at + 2);
    q->at += 6;
    return OK;
}

static Status port_escape(Port *q, Err *e)
{
    if (q->n - q->at < 2) FAIL(e, ERR_FORMAT, "pattern '%.120s' ends with a backslash", q->p);
    unsigned char c = (unsigned char)q->p[q->at + 1];
    if (c == 'p' || c == 'P' || c == 'x') return port_braced(q, e);
    if (c == 'u') return port_code(q, e);
    if (ispunct(c) || c == ' ') {
        port_copy(q, 2);
        return OK;
    }
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        const char *text = q->in_class ? escapes[i].in_class : escapes[i].plain;
        if (escapes[i].letter != c || text == NULL) continue;
        str_puts(q->out, text);
        q->at += 2;
        return OK;
    }
    return port_refuse(q, 2, e);
}

static Status port_class_open(Port *q, Err *e)
{
    port_copy(q, q->n - q->at > 1 && q->p[q->at + 1] == '^' ? 2 : 1);
    if (port_sees(q, "]")) return port_refuse(q, 1, e); /* the dialects disagree on "[]" */
    q->in_class = true;
    return OK;
}

static Status port_in_class(Port *q, Err *e)
{
    bool wide = q->caseless > 0 && (unsigned char)q->p[q->at] >= 0x80;
    if (wide) return port_refuse(q, 4, e);               /* see port_literal */
    if (port_sees(q, "[")) return port_refuse(q, 2, e);  /* a class within a class */
    if (port_sees(q, "&&")) return port_refuse(q, 2, e); /* intersection */
    q->in_class = !port_sees(q, "]");
    port_copy(q, 1);
    return OK;
}

static Status port_group(Port *q, Err *e)
{
    q->depth++;
    if (q->caseless == 0 && port_sees(q, "(?i:")) q->caseless = q->depth;
    static const char *const known[] = {"(?:", "(?i:", "(?!", "(?=", "(?<!", "(?<=", "(?>"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!port_sees(q, known[i])) continue;
        port_copy(q, strlen(known[i]));
        return OK;
    }
    if (port_sees(q, "(?") || port_sees(q, "(*")) return port_refuse(q, 4, e);
    port_copy(q, 1);
    return OK;
}

/* Without case, Oniguruma takes one character for two ("ss" and U+00DF, "fi" and its ligature); PCRE2 does
 * not. So letters outside ASCII, and those pairs, are refused there. */
static Status port_literal(Port *q, Err *e)
{
    static const char *const pairs[] = {"ss", "ff", "fi", "fl", "st"};
    if (q->caseless > 0 && (unsigned char)q->p[q->at] >= 0x80) return port_refuse(q, 4, e);
    for (size_t i = 0; q->caseless > 0 && i < sizeof pairs / sizeof pairs[0]; i++)
        if (q->n - q->at >= 2 && strncasecmp(q->p + q->at, pairs[i], 2) == 0) return port_refuse(q, 2, e);
    if (port_sees(q, ")") && q->depth > 0) {
        if (q->caseless == q->depth) q->caseless = 0;
        q->depth--;
    }
    port_copy(q, 1);
    return OK;
}

Status tok_pattern_port(Str *out, const char *p, size_t n, Err *e)
{
    Port q = {.p = p, .n = n, .out = out};
    while (q.at < n) {
        if (p[q.at] == '\\') {
            TRY(port_escape(&q, e));
        } else if (q.in_class) {
            TRY(port_in_class(&q, e));
        } else if (p[q.at] == '[') {
            TRY(port_class_open(&q, e));
        } else if (p[q.at] == '(') {
            TRY(port_group(&q, e));
        } else if (p[q.at] == '^' || p[q.at] == '$') { /* line ends there, text ends here */
            return port_refuse(&q, 1, e);
        } else if (port_sees(&q, "}+") || port_sees(&q, "{,")) { /* not possessive there; literal here */
            return port_refuse(&q, 2, e);
        } else {
            TRY(port_literal(&q, e));
        }
    }
    if (out->failed) FAIL(e, ERR_NOMEM, "no memory for a pattern of %zu bytes", n);
    return OK;
}
