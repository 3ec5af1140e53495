/* text_priv.h - small things that the readers and writers of text in this room share. */
#ifndef PRIME_TEXT_PRIV_H
#define PRIME_TEXT_PRIV_H

#include "prime/err.h"
#include "prime/str.h"

#include <stdbool.h>
#include <stddef.h>

/* text_read - file_read with a bound: a file of more than `most` bytes is refused before it is read where its
 * size is known, after otherwise. The text must be UTF-8 and hold no NUL byte; a byte order mark is left out.
 * The caller frees *text. Errors: ERR_IO, ERR_NOMEM, ERR_FORMAT (file, line, bound). text_check - the same
 * checks on n bytes in memory; *skip is the size of the byte order mark. */
Status text_read(char **text, size_t *n, const char *path, size_t most, Err *e) PRIME_MUST_USE;
Status text_check(size_t *skip, const char *text, size_t n, const char *name, size_t most,
                  Err *e) PRIME_MUST_USE;

/* text_num - s is a finite decimal number and nothing else: no spaces, no hexadecimal, no "inf" or "nan". */
bool text_num(double *out, const char *s);

/* text_quote - append s [n] in double quotes, with escapes that JSON and YAML both understand for everything
 * that is not printable in YAML. */
void text_quote(Str *out, const char *s, size_t n);

#endif
