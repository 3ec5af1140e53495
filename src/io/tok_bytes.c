#include "tok_priv.h"

#include <string.h>
#include <utf8proc.h>

/* GPT-2 shows every byte as one printable character: bytes that are printable in Latin-1 stand for
 * themselves, the other 68 take U+0100 onward in order. Source: openai/gpt-2, encoder.py. */
enum { LOW = 33, HIGH = 34, FIRST_SHIFTED = 256, N_SHIFTED = 68 }; /* 0..32, then 127..160, then 173 */

static bool byte_is_plain(unsigned b)
{
    return (b > 32 && b < 127) || (b > 160 && b != 173);
}

size_t tok_byte_char(char out[2], unsigned char b)
{
    unsigned c = b;
    if (!byte_is_plain(b)) c = FIRST_SHIFTED + (b < LOW ? b : b < 173 ? b - 127U + LOW : N_SHIFTED - 1U);
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    out[0] = (char)(0xc0 | c >> 6);
    out[1] = (char)(0x80 | (c & 0x3f));
    return 2;
}

int tok_char_byte(uint32_t c)
{
    if (c < FIRST_SHIFTED) return byte_is_plain(c) ? (int)c : -1;
    if (c >= FIRST_SHIFTED + N_SHIFTED) return -1;
    uint32_t k = c - FIRST_SHIFTED;
    return (int)(k < LOW ? k : k < LOW + HIGH ? k - LOW + 127 : 173);
}

void tok_put_bytes(Str *out, const char *s, size_t n)
{
    size_t start = out->n;
    for (size_t at = 0; at < n;) {
        size_t w = utf8_width(s + at, n - at);
        int b = w == 0 ? -1 : tok_char_byte(tok_utf8_code(s + at, w));
        if (b < 0) {
            out->n = start;
            str_put(out, s, n);
            return;
        }
        char c = (char)b;
        str_put(out, &c, 1);
        at += w;
    }
}

unsigned char tok_nth_byte(size_t i)
{
    enum { PLAIN = FIRST_SHIFTED - N_SHIFTED };
    if (i >= PLAIN) return (unsigned char)tok_char_byte((uint32_t)(FIRST_SHIFTED + i - PLAIN));
    size_t b = i + LOW;
    if (b >= 127) b += HIGH;
    return (unsigned char)(b < 173 ? b : b + 1);
}

uint32_t tok_utf8_code(const char *s, size_t len)
{
    static const unsigned char lead[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (unsigned char)s[0] & lead[len];
    for (size_t i = 1; i < len; i++) c = c << 6 | ((unsigned char)s[i] & 0x3f);
    return c;
}

/* Length of the longest prefix of s that some well-formed character starts with; 1 when there is none. A
 * prefix can be completed exactly when filling it up with the tail byte 0x80 gives a character. */
static size_t broken_part(const char *s, size_t n)
{
    for (size_t k = n < 3 ? n : 3; k > 1; k--) {
        char full[4] = {'\x80', '\x80', '\x80', '\x80'};
        memcpy(full, s, k);
        if (utf8_width(full, sizeof full) > k) return k;
    }
    return 1;
}

void tok_put_lossy(Str *out, const char *s, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t good = utf8_bad(s + at, n - at);
        str_put(out, s + at, good);
        at += good;
        if (at == n) return;
        str_put(out, "\xef\xbf\xbd", 3);
        at += broken_part(s + at, n - at);
    }
}

bool tok_is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == 32 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

/* Circled and squared letters are symbols by category, and still Alphabetic. */
static bool is_enclosed_letter(uint32_t c)
{
    return (c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) ||
           (c >= 0x1f170 && c <= 0x1f189);
}

bool tok_is_word(uint32_t c)
{
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
        return true;
    default:
        return c == 0x200c || c == 0x200d || is_enclosed_letter(c);
    }
}
