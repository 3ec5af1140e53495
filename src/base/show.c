#include "prime/show.h"

#include <string.h>

/* The code point at s and its length in bytes; a byte that is not UTF-8 is one of length 1 and U+FFFD. */
static uint32_t show_decode(const unsigned char *s, size_t *n)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
    uint32_t c = len == 1 ? s[0] : len == 0 ? 0 : s[0] & (0x7Fu >> len);
    size_t i = 1;
    for (; i < len && (s[i] & 0xC0) == 0x80; i++) c = c << 6 | (s[i] & 0x3Fu);
    *n = 1;
    if (len == 0 || i < len || c < least[len] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return 0xFFFD;
    *n = len;
    return c;
}

/* Controls, bidirectional marks, embeddings and isolates, invisible spaces, line separators, and what XML
 * refuses. */
static bool show_hidden(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x61C || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || c == 0xFFFE ||
           c == 0xFFFF || (c >= 0xE0000 && c < 0xE0080);
}

/* What stands for a character in a format; NULL: itself. */
typedef const char *(*ShowEscape)(uint32_t c);

static void show_with(Str *out, const char *s, ShowEscape escape, const char *open, const char *close)
{
    const unsigned char *at = (const unsigned char *)s;
    for (size_t n; *at != '\0'; at += n) {
        uint32_t c = show_decode(at, &n);
        const char *other = escape != NULL ? escape(c) : NULL;
        if (other != NULL)
            str_puts(out, other);
        else if (show_hidden(c))
            str_printf(out, "%sU+%04X%s", open, (unsigned)c, close);
        else if (c == 0xFFFD)
            str_puts(out, "\xEF\xBF\xBD");
        else
            str_put(out, (const char *)at, n);
    }
}

static const char *escape_lines(uint32_t c)
{
    return c == '\n' ? "\n" : c == '\t' ? "\t" : NULL;
}

static const char *escape_xml(uint32_t c)
{
    switch (c) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* Within a cell of a Markdown table. */
static const char *escape_md(uint32_t c)
{
    static const char special[] = "\\`*_[]|#~!@$";
    static const char *const with[] = {"\\\\", "\\`", "\\*", "\\_", "\\[",   "\\]",
                                       "\\|",  "\\#", "\\~", "\\!", "&#64;", "\\$"};
    const char *at = c != 0 && c < 0x80 ? strchr(special, (int)c) : NULL;
    return at != NULL ? with[at - special] : escape_xml(c);
}

void show_text(Str *out, const char *s)
{
    show_with(out, s, NULL, "<", ">");
}

void show_lines(Str *out, const char *s)
{
    show_with(out, s, escape_lines, "<", ">");
}

void show_xml(Str *out, const char *s)
{
    show_with(out, s, escape_xml, "&lt;", "&gt;");
}

void show_md(Str *out, const char *s)
{
    show_with(out, s, escape_md, "&lt;", "&gt;");
}
