#include "utf8_priv.h"

#include <stdbool.h>

static bool utf8_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* The second byte carries all of the exceptions; the others only need the tail bits. */
static bool utf8_second(unsigned char first, unsigned char c)
{
    if (first == 0xe0) return c >= 0xa0 && c <= 0xbf; /* shorter forms exist */
    if (first == 0xed) return c >= 0x80 && c <= 0x9f; /* surrogates */
    if (first == 0xf0) return c >= 0x90 && c <= 0xbf; /* shorter forms exist */
    if (first == 0xf4) return c >= 0x80 && c <= 0x8f; /* above U+10FFFF */
    return utf8_tail(c);
}

size_t utf8_width(const char *s, size_t n)
{
    if (n == 0) return 0;
    unsigned char c = (unsigned char)s[0];
    if (c < 0x80) return 1;
    if (c < 0xc2 || c > 0xf4) return 0;
    size_t want = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (n < want || !utf8_second(c, (unsigned char)s[1])) return 0;
    for (size_t i = 2; i < want; i++)
        if (!utf8_tail((unsigned char)s[i])) return 0;
    return want;
}

size_t utf8_bad(const char *s, size_t n)
{
    size_t at = 0;
    while (at < n) {
        size_t w = utf8_width(s + at, n - at);
        if (w == 0) break;
        at += w;
    }
    return at;
}
