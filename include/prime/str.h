/* str.h - a growing byte string, and the edit distance behind "did you mean". */
#ifndef PRIME_STR_H
#define PRIME_STR_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A Str is zero-initialised; s is NULL or NUL-terminated. When memory runs out `failed` is set, later calls
 * do nothing, and the owner checks it once at the end. */
typedef struct {
    char *s;
    size_t n, cap;
    bool failed;
} Str;

void str_put(Str *b, const char *data, size_t n);
void str_puts(Str *b, const char *s);
void str_printf(Str *b, const char *fmt, ...) PRIME_PRINTF(2, 3);
/* str_put_char - one character, of code 0 to 0x10FFFF, in UTF-8. */
void str_put_char(Str *b, uint32_t code);
void str_clear(Str *b);
void str_free(Str *b);

/* str_num - x with enough digits to read back the same double (shortest of %.15g, %.16g, %.17g). */
void str_num(Str *b, double x);

/* str_nearest - the entry of names [n] that is closest to word (Levenshtein distance, at most half the word's
 * length, at least 1), or NULL when none is close. */
const char *str_nearest(const char *word, const char *const *names, size_t n);

#endif
