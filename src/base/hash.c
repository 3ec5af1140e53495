#include "prime/hash.h"

#include "prime/file.h"

#include <sha256.h>
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
    FileMap m = {0};
    TRY(file_map(&m, path, e));
    hash_bytes(hex, m.data, m.n);
    file_unmap(&m);
    return OK;
}
