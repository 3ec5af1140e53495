#include "prime/str.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool str_grow(Str *b, size_t extra)
{
    if (b->failed) return false;
    if (extra > SIZE_MAX / 2 - b->n - 1) return !(b->failed = true);
    if (b->n + extra + 1 <= b->cap) return true;
    size_t cap = (b->n + extra + 1) * 2;
    char *s = realloc(b->s, cap);
    if (s == NULL) return !(b->failed = true);
    b->s = s;
    b->cap = cap;
    return true;
}

void str_put(Str *b, const char *data, size_t n)
{
    if (!str_grow(b, n)) return;
    if (n > 0) memcpy(b->s + b->n, data, n);
    b->n += n;
    b->s[b->n] = '\0';
}

void str_puts(Str *b, const char *s)
{
    str_put(b, s, strlen(s));
}

void str_printf(Str *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0 && str_grow(b, (size_t)n)) {
        vsnprintf(b->s + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void str_put_char(Str *b, uint32_t c)
{
    char x[4];
    size_t n = 0;
    if (c < 0x80) {
        x[n++] = (char)c;
    } else if (c < 0x800) {
        x[n++] = (char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        x[n++] = (char)(0xe0 | c >> 12);
        x[n++] = (char)(0x80 | (c >> 6 & 63));
    } else {
        x[n++] = (char)(0xf0 | c >> 18);
        x[n++] = (char)(0x80 | (c >> 12 & 63));
        x[n++] = (char)(0x80 | (c >> 6 & 63));
    }
    if (c >= 0x80) x[n++] = (char)(0x80 | (c & 63));
    str_put(b, x, n);
}

void str_clear(Str *b)
{
    b->n = 0;
    if (b->s != NULL) b->s[0] = '\0';
}

void str_free(Str *b)
{
    free(b->s);
    *b = (Str){0};
}

void str_num(Str *b, double x)
{
    char buf[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, x);
        if (strtod(buf, NULL) == x) break;
    }
    str_puts(b, buf);
}

enum { MAX_WORD = 63 };

static size_t edit_distance(const char *a, const char *b)
{
    size_t row[MAX_WORD + 1], nb = strlen(b);
    for (size_t j = 0; j <= nb; j++) row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diag = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t sub = diag + (a[i - 1] != b[j - 1]), best = row[j] + 1;
            diag = row[j];
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = sub < best ? sub : best;
        }
    }
    return row[nb];
}

const char *str_nearest(const char *word, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t len = strlen(word), least = len / 2 < 1 ? 2 : len / 2 + 1;
    if (len > MAX_WORD) return NULL;
    for (size_t i = 0; i < n; i++) {
        if (strlen(names[i]) > MAX_WORD) continue;
        size_t d = edit_distance(word, names[i]);
        if (d < least) {
            least = d;
            best = names[i];
        }
    }
    return best;
}
