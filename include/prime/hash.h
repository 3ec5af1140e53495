/* hash.h - SHA-256 through libmd, as lower-case hexadecimal. */
#ifndef PRIME_HASH_H
#define PRIME_HASH_H

#include "prime/err.h"

#include <stddef.h>

enum { HASH_HEX = 65 }; /* 64 digits and a NUL */

/* hash_bytes - SHA-256 of n bytes. */
void hash_bytes(char hex[HASH_HEX], const void *data, size_t n);
/* hash_salted - SHA-256 of salt, a zero byte and text: the id of a person. */
void hash_salted(char hex[HASH_HEX], const char *salt, const char *text);
/* hash_file - SHA-256 of a file's bytes. Errors: ERR_IO. */
Status hash_file(char hex[HASH_HEX], const char *path, Err *e) PRIME_MUST_USE;

#endif
