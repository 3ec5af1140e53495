#include "tok_priv.h"

#include <stdlib.h>
#include <utf8proc.h>

static bool is_ascii(const char *s, size_t n)
{
    unsigned char any = 0;
    for (size_t i = 0; i < n; i++) any |= (unsigned char)s[i];
    return any < 0x80;
}

Status tok_nfc(char **out, size_t *n_out, const char *s, size_t n, Err *e)
{
    *out = NULL;
    if (is_ascii(s, n)) return OK;
    utf8proc_uint8_t *fresh = NULL;
    utf8proc_ssize_t len = utf8proc_map((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &fresh,
                                        UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (len < 0) FAIL(e, ERR_NOMEM, "cannot normalise %zu bytes: %s", n, utf8proc_errmsg(len));
    *out = (char *)fresh;
    *n_out = (size_t)len;
    return OK;
}
