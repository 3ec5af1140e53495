#define _GNU_SOURCE /* memmem */
#include "text_priv.h"

#include "prime/rng.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

size_t text_char(uint32_t *code, const char *s, size_t n)
{
    unsigned char c = (unsigned char)s[0];
    size_t len = c < 0x80                ? 1
                 : c >= 0xC2 && c < 0xE0 ? 2
                 : c >= 0xE0 && c < 0xF0 ? 3
                 : c >= 0xF0 && c < 0xF5 ? 4
                                         : 0;
    *code = 0;
    if (len == 0 || len > n) return 1;
    static const unsigned char mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t x = c & mask[len];
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)s[i] & 0xC0) != 0x80) return 1;
        x = x << 6 | ((unsigned char)s[i] & 0x3F);
    }
    bool overlong = (len == 3 && x < 0x800) || (len == 4 && x < 0x10000);
    if (overlong || x > 0x10FFFF || (x >= 0xD800 && x < 0xE000)) return 1;
    *code = x;
    return len;
}

bool text_is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
           c == 0x3000;
}

Span text_strip(Span s)
{
    size_t begin = s.n, end = s.n;
    for (size_t i = 0, k; i < s.n; i += k) {
        uint32_t code = 0;
        k = text_char(&code, s.s + i, s.n - i);
        if (text_is_space(code)) continue;
        if (begin == s.n) begin = i;
        end = i + k;
    }
    return (Span){s.s + begin, end - begin};
}

/* What may stand between words: controls and bytes that are not UTF-8 (code 0), spaces of any width, marks
 * of direction and of byte order. */
static bool text_is_gap(uint32_t c)
{
    return c <= ' ' || (c >= 0x7F && c <= 0xA0) || c == 0xAD || c == 0x1680 || (c >= 0x2000 && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202F) || c == 0x205F || c == 0x2060 || c == 0x3000 || c == 0xFEFF;
}

static bool text_has(const char *w, size_t n, const char *what)
{
    return memmem(w, n, what, strlen(what)) != NULL;
}

static bool text_is_url(const char *w, size_t n)
{
    return text_has(w, n, "://") || (n > 4 && strncasecmp(w, "www.", 4) == 0);
}

static bool text_is_mail(const char *w, size_t n)
{
    if (n > 7 && strncasecmp(w, "mailto:", 7) == 0) return true;
    const char *at = memchr(w, '@', n);
    if (at == NULL || at == w || !isalnum((unsigned char)at[-1])) return false;
    size_t rest = n - (size_t)(at - w) - 1;
    return rest >= 3 && isalnum((unsigned char)at[1]) && memchr(at + 1, '.', rest) != NULL;
}

/* Punctuation around an address stays, angle brackets go. */
static void text_put_but(Str *out, const char *s, size_t n, char left_out)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] != left_out) str_put(out, s + i, 1);
}

static void text_put_word(Str *out, const char *w, size_t n)
{
    size_t lead = 0, tail = 0;
    while (lead < n && strchr("(<[{\"'`,;", w[lead]) != NULL) lead++;
    while (tail < n - lead && strchr(")>]}\"'`.,;:!?", w[n - 1 - tail]) != NULL) tail++;
    const char *core = w + lead;
    size_t len = n - lead - tail;
    bool url = text_is_url(core, len);
    if (!url && text_is_mail(core, len)) return;
    if (out->n > 0 && out->s[out->n - 1] != '\n') str_put(out, " ", 1);
    if (!url) {
        str_put(out, w, n);
        return;
    }
    text_put_but(out, w, lead, '<');
    str_puts(out, "<url>");
    text_put_but(out, core + len, tail, '>');
}

void text_clean(Str *out, const char *s, size_t n)
{
    size_t at = 0, word = 0; /* the word that is being read is s[word .. at) */
    while (at < n) {
        uint32_t c = 0;
        size_t len = text_char(&c, s + at, n - at);
        if (text_is_gap(c)) {
            if (at > word) text_put_word(out, s + word, at - word);
            word = at + len;
        }
        at += len;
    }
    if (at > word) text_put_word(out, s + word, at - word);
}

static bool text_is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t';
}

size_t text_words(Span s)
{
    size_t n = 0;
    bool in = false;
    for (size_t i = 0; i < s.n; i++) {
        bool blank = text_is_blank(s.s[i]);
        n += !blank && !in;
        in = !blank;
    }
    return n;
}

size_t text_cut(const char *s, size_t words)
{
    size_t end = 0, n = 0;
    bool in = false;
    for (size_t i = 0; s[i] != '\0'; i++) {
        bool blank = text_is_blank(s[i]);
        if (!blank && !in && n++ == words) break;
        in = !blank;
        if (in) end = i + 1;
    }
    return end;
}

static bool text_is_letter(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* The next run of letters and digits of *s; empty at the end. */
static Span text_token(Span *s)
{
    while (s->n > 0 && !text_is_letter(*s->s)) s->s++, s->n--;
    Span t = {s->s, 0};
    while (s->n > 0 && text_is_letter(*s->s)) t.n++, s->s++, s->n--;
    return t;
}

static bool text_token_in(Span t, Span name)
{
    for (Span w = text_token(&name); w.n > 0; w = text_token(&name))
        if (w.n == t.n && strncasecmp(w.s, t.s, t.n) == 0) return true;
    return false;
}

void text_normal(Str *out, Span s, Span name, size_t words)
{
    Span t = text_token(&s);
    for (size_t i = 0; t.n > 0 && (words == 0 || i < words); i++, t = text_token(&s)) {
        if (text_token_in(t, name)) {
            str_put(out, "@ ", 2);
            continue;
        }
        for (size_t k = 0; k < t.n; k++) {
            char c = (char)(isdigit((unsigned char)t.s[k]) ? '0' : tolower((unsigned char)t.s[k]));
            str_put(out, &c, 1);
        }
        str_put(out, " ", 1);
    }
}

uint64_t text_hash(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    return rng_mix(h ^ n);
}

/* What text_normal makes of a byte: 0 for what separates. */
static const unsigned char *text_normal_bytes(void)
{
    static _Thread_local unsigned char map[256];
    if (map['a'] == 'a') return map;
    for (int c = 0; c < 256; c++)
        map[c] = !text_is_letter((char)c) ? 0 : isdigit(c) ? '0' : (unsigned char)tolower(c);
    return map;
}

void text_prints(uint64_t *all, uint64_t *head, Span s)
{
    const unsigned char *map = text_normal_bytes();
    uint64_t h = 0xcbf29ce484222325u, first = h;
    size_t n = 0, words = 0, first_n = 0;
    for (size_t i = 0; i < s.n;) {
        while (i < s.n && map[(unsigned char)s.s[i]] == 0) i++;
        if (i == s.n) break;
        for (unsigned char c; i < s.n && (c = map[(unsigned char)s.s[i]]) != 0; i++, n++)
            h = (h ^ c) * 0x100000001b3u;
        h = (h ^ ' ') * 0x100000001b3u;
        n++;
        if (++words <= TEXT_HEAD_WORDS) first = h, first_n = n;
    }
    *all = rng_mix(h ^ n);
    *head = rng_mix(first ^ first_n);
}

int text_cmp(Span a, Span b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n > 0 ? memcmp(a.s, b.s, n) : 0;
    return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

Span text_trim(Span s)
{
    while (s.n > 0 && isspace((unsigned char)*s.s)) s.s++, s.n--;
    while (s.n > 0 && isspace((unsigned char)s.s[s.n - 1])) s.n--;
    return s;
}

Span text_span(const char *s)
{
    return (Span){s, strlen(s)};
}
