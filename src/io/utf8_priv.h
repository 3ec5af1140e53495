/* utf8_priv.h - is this UTF-8? For the readers of this room. */
#ifndef PRIME_UTF8_PRIV_H
#define PRIME_UTF8_PRIV_H

#include <stddef.h>

/* utf8_width - bytes (1 to 4) of the well-formed character at s, 0 when there is none in s [n]. Overlong
 * forms, surrogates and code points above U+10FFFF are not well-formed (Unicode 15, table 3-7). */
size_t utf8_width(const char *s, size_t n);
/* utf8_bad - offset of the first byte of s [n] that is not part of a well-formed character; n when all are.
 */
size_t utf8_bad(const char *s, size_t n);

#endif
