#include "prime/attack.h"

#include <stdlib.h>
#include <zlib.h>

Status attack_zlib(size_t *bytes, const char *text, size_t n, Err *e)
{
    if (n > (size_t)1 << 30) FAIL(e, ERR_ARG, "a text of %zu bytes, want at most 2^30 to compress", n);
    uLongf len = compressBound((uLong)n);
    Bytef *out = malloc(len);
    int got = out != NULL ? compress2(out, &len, (const Bytef *)text, (uLong)n, 6) : Z_MEM_ERROR;
    free(out);
    if (got != Z_OK) FAIL(e, ERR_NOMEM, "no memory to compress %zu bytes", n);
    *bytes = len;
    return OK;
}
