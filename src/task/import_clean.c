/* import_clean.c - texts as others store them. */
#include "import_priv.h"

#include <ctype.h>
#include <string.h>

/* &#65; or &#x41; at s: bytes it takes, 0 when it is none. */
static size_t clean_number(uint32_t *c, const char *s, size_t n)
{
    bool hex = n > 2 && (s[2] | 32) == 'x';
    size_t i = hex ? 3 : 2, from = i;
    uint32_t x = 0;
    for (; i < n && i < from + 8 && isxdigit((unsigned char)s[i]); i++) {
        if (!hex && !isdigit((unsigned char)s[i])) return 0;
        uint32_t d =
            isdigit((unsigned char)s[i]) ? (uint32_t)(s[i] - '0') : (uint32_t)((s[i] | 32) - 'a' + 10);
        x = x * (hex ? 16 : 10) + d;
    }
    bool good = i > from && i < n && s[i] == ';' && x > 0 && x < 0x110000 && (x < 0xd800 || x > 0xdfff);
    *c = x < ' ' || (x >= 0x7f && x <= 0xa0) ? ' ' : x;
    return good ? i + 1 : 0;
}

/* An entity at s, which is an ampersand: what it stands for, and the bytes it takes, or 0. */
static size_t clean_entity(uint32_t *c, const char *s, size_t n)
{
    static const struct {
        const char *name;
        char c;
    } named[] = {{"&amp;", '&'},  {"&lt;", '<'},    {"&gt;", '>'},
                 {"&quot;", '"'}, {"&apos;", '\''}, {"&nbsp;", ' '}};
    if (n > 1 && s[1] == '#') return clean_number(c, s, n);
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        size_t len = strlen(named[i].name);
        if (n < len || memcmp(s, named[i].name, len) != 0) continue;
        *c = (unsigned char)named[i].c;
        return len;
    }
    return 0;
}

void import_clean(Str *out, const char *s, size_t n, bool keep_entities)
{
    size_t start = out->n;
    for (size_t i = 0; i < n;) {
        size_t from = i, len = 0;
        uint32_t c = ' ';
        while (i < n && (unsigned char)s[i] >= ' ' && s[i] != '&' && s[i] != 0x7f) i++;
        str_put(out, s + from, i - from);
        if (i == n) break;
        if (s[i] == '&' && !keep_entities) len = clean_entity(&c, s + i, n - i);
        if (s[i] == '&' && len == 0) c = '&';
        if (s[i] == '\n' || (s[i] == '\r' && (i + 1 == n || s[i + 1] != '\n'))) c = '\n';
        if (s[i] != '\r' || c == '\n') str_put_char(out, c);
        i += len > 0 ? len : 1;
    }
    while (out->n > start && isspace((unsigned char)out->s[out->n - 1])) out->n--;
    size_t lead = start;
    while (lead < out->n && isspace((unsigned char)out->s[lead])) lead++;
    if (lead > start) memmove(out->s + start, out->s + lead, out->n - lead);
    out->n -= lead - start;
    if (out->s != NULL) out->s[out->n] = '\0';
}

const char *import_keep(Import *im, const char *s, size_t n)
{
    str_clear(&im->text);
    import_clean(&im->text, s, n, im->o->keep_entities);
    return im->text.failed ? NULL
                           : arena_strndup(&im->user_arena, im->text.n > 0 ? im->text.s : "", im->text.n);
}
