#include "prime/hash.h"

#include <errno.h>
#include <sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static void hex_end(char hex[HASH_HEX], SHA256_CTX *ctx)
{
    char out[HASH_HEX];
    SHA256End(ctx, out);
    memcpy(hex, out, HASH_HEX);
}

void hash_bytes(char hex[HASH_HEX], const void *data, size_t n)
{
    SHA256_CTX ctx;
    SHA256Init(&ctx);
    if (n > 0) SHA256Update(&ctx, data, n);
    hex_end(hex, &ctx);
}

void hash_salted(char hex[HASH_HEX], const char *salt, const char *text)
{
    SHA256_CTX ctx;
    SHA256Init(&ctx);
    SHA256Update(&ctx, (const unsigned char *)salt, strlen(salt) + 1);
    SHA256Update(&ctx, (const unsigned char *)text, strlen(text));
    hex_end(hex, &ctx);
}

Status hash_file(char hex[HASH_HEX], const char *path, Err *e)
{
    static const size_t window = 1 << 16; /* a mapping would count as memory of the process */
    FILE *fp = fopen(path, "rb");
    if (fp == NULL) FAIL(e, ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    unsigned char *buf = malloc(window);
    SHA256_CTX ctx;
    SHA256Init(&ctx);
    for (size_t n = window; buf != NULL && n == window;) {
        n = fread(buf, 1, window, fp);
        SHA256Update(&ctx, buf, n);
    }
    int bad = ferror(fp) ? errno : 0;
    fclose(fp);
    if (buf == NULL) FAIL(e, ERR_NOMEM, "%s: no memory to read", path);
    free(buf);
    if (bad != 0) FAIL(e, ERR_IO, "%s: cannot read: %s", path, strerror(bad));
    hex_end(hex, &ctx);
    return OK;
}
