#include "text_priv.h"

#include "prime/file.h"
#include "utf8_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static Status text_fits(size_t n, const char *name, size_t most, Err *e)
{
    if (n > most) FAIL(e, ERR_FORMAT, "%s: %zu bytes, want at most %zu", name, n, most);
    return OK;
}

static size_t text_line(const char *text, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at; i++) line += text[i] == '\n';
    return line;
}

Status text_check(size_t *skip, const char *text, size_t n, const char *name, size_t most, Err *e)
{
    TRY(text_fits(n, name, most, e));
    size_t bad = utf8_bad(text, n);
    if (bad < n)
        FAIL(e, ERR_FORMAT, "%s:%zu: byte 0x%02x is not UTF-8", name, text_line(text, bad),
             (unsigned)(unsigned char)text[bad]);
    const char *nul = n == 0 ? NULL : memchr(text, 0, n);
    if (nul != NULL)
        FAIL(e, ERR_FORMAT, "%s:%zu: holds a NUL byte", name, text_line(text, (size_t)(nul - text)));
    *skip = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    return OK;
}

Status text_read(char **text, size_t *n, const char *path, size_t most, Err *e)
{
    struct stat st;
    char *all = NULL;
    size_t len = 0, skip = 0;
    /* A pipe has no size: its bytes are counted after they are read. */
    if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode))
        TRY(text_fits((size_t)st.st_size, path, most, e));
    TRY(file_read(&all, &len, path, e));
    Status s = text_check(&skip, all, len, path, most, e);
    if (s != OK) {
        free(all);
        return s;
    }
    memmove(all, all + skip, len - skip + 1);
    *text = all;
    *n = len - skip;
    return OK;
}

bool text_num(double *out, const char *s)
{
    char *end = NULL;
    if (s[0] == '\0' || strspn(s, "0123456789+-.eE") != strlen(s)) return false;
    double x = strtod(s, &end); /* the characters above rule out spaces, hexadecimal and names */
    if (end == s || *end != '\0' || !isfinite(x)) return false;
    *out = x;
    return true;
}

/* Code point of the character of `width` bytes at s. */
static unsigned text_code_point(const char *s, size_t width)
{
    static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned c = (unsigned char)s[0] & first[width];
    for (size_t i = 1; i < width; i++) c = c << 6 | ((unsigned char)s[i] & 0x3fu);
    return c;
}

/* Control characters, line and paragraph separators, byte order mark, non-characters (YAML 1.1, section 4.1).
 */
static bool text_unprintable(unsigned c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff || c == 0xfffe ||
           c == 0xffff;
}

void text_quote(Str *out, const char *s, size_t n)
{
    static const char *const named[256] = {['"'] = "\\\"", ['\\'] = "\\\\", ['\n'] = "\\n", ['\r'] = "\\r",
                                           ['\t'] = "\\t", ['\b'] = "\\b",  ['\f'] = "\\f"};
    size_t from = 0, width = 1;
    str_puts(out, "\"");
    for (size_t i = 0; i < n; i += width) {
        while (i < n && s[i] >= ' ' && s[i] < 0x7f && s[i] != '"' && s[i] != '\\') i++; /* most of them */
        if (i == n) break;
        width = utf8_width(s + i, n - i);
        if (width == 0) width = 1; /* passed through: not this function's to judge */
        unsigned c = text_code_point(s + i, width);
        bool short_form = width == 1 && named[(unsigned char)s[i]] != NULL;
        if (!short_form && !text_unprintable(c)) continue;
        str_put(out, s + from, i - from);
        from = i + width;
        if (short_form)
            str_puts(out, named[(unsigned char)s[i]]);
        else
            str_printf(out, "\\u%04x", c);
    }
    str_put(out, s + from, n - from);
    str_puts(out, "\"");
}
