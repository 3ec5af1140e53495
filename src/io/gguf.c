/* gguf.c - opening a GGUF file: the header, and the steps of reading that everything else is made of. Nothing
 * in the file is believed: a count or a length is compared with the bytes that are left before it is used. */
#include "gguf_priv.h"
#include "utf8_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "GGUF data is little-endian and is read in place"
#endif

enum { GGUF_HEADER = 24 }; /* magic, version, number of tensors, number of metadata */

Status gguf_take(void *out, size_t size, GgufIn *in, Err *e)
{
    if (in->n - in->at < size)
        FAIL(e, ERR_FORMAT, "%s: %s: the file ends at byte %zu, in the middle", in->file, in->what, in->n);
    memcpy(out, in->bytes + in->at, size);
    in->at += size;
    return OK;
}

Status gguf_take_text(const unsigned char **s, size_t *n, GgufIn *in, Err *e)
{
    uint64_t len = 0;
    TRY(gguf_take(&len, sizeof len, in, e));
    if (len > in->n - in->at)
        FAIL(e, ERR_FORMAT, "%s: %s: a text of %" PRIu64 " bytes, the file has %zu left", in->file, in->what,
             len, in->n - in->at);
    *s = in->bytes + in->at;
    *n = (size_t)len;
    in->at += *n;
    return OK;
}

Status gguf_take_name(const char **out, size_t most, GgufIn *in, Arena *a, Err *e)
{
    const unsigned char *s = NULL;
    size_t n = 0;
    TRY(gguf_take_text(&s, &n, in, e));
    if (n == 0 || n > most)
        FAIL(e, ERR_FORMAT, "%s: %s: a name of %zu bytes, want 1 to %zu", in->file, in->what, n, most);
    if (memchr(s, '\0', n) != NULL || utf8_bad((const char *)s, n) != n)
        FAIL(e, ERR_FORMAT, "%s: %s: the name is not UTF-8 text", in->file, in->what);
    *out = arena_strndup(a, (const char *)s, n);
    if (*out == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for a name of %zu bytes", in->file, n);
    return OK;
}

static Status gguf_check_magic(const unsigned char *bytes, const char *file, Err *e)
{
    static const char *const before[] = {"lmgg", "fmgg", "tjgg", "algg"};
    static const char *const called[] = {"GGML", "GGMF", "GGJT", "GGLA"};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
        if (memcmp(bytes, before[i], 4) == 0)
            FAIL(e, ERR_UNSUP, "%s: the format is %s, which GGUF replaced: want GGUF version 2 or 3", file,
                 called[i]);
    if (memcmp(bytes, "GGUF", 4) != 0)
        FAIL(e, ERR_FORMAT, "%s: begins with %02x %02x %02x %02x, want GGUF", file, bytes[0], bytes[1],
             bytes[2], bytes[3]);
    return OK;
}

/* A version that is small only when its bytes are swapped is that of a big-endian file. */
static Status gguf_check_version(uint32_t version, const char *file, Err *e)
{
    if (version != 0 && (version & 0xffffu) == 0)
        FAIL(e, ERR_UNSUP, "%s: big-endian GGUF, want little-endian", file);
    if (version < 2 || version > 3)
        FAIL(e, ERR_UNSUP, "%s: GGUF version %" PRIu32 ", want 2 or 3", file, version);
    return OK;
}

/* Everything between the bytes and a checked GgufFile; gguf_close cleans up after a failure. */
static Status gguf_fill(GgufFile *f, const void *bytes, size_t n, const char *name, Err *e)
{
    GgufIn in = {.bytes = bytes, .n = n, .at = 4, .file = name, .what = "header"};
    uint32_t version = 0;
    uint64_t infos = 0, values = 0;
    if (n < GGUF_HEADER)
        FAIL(e, ERR_FORMAT, "%s: %zu bytes, want at least %d for the header", name, n, GGUF_HEADER);
    f->name = arena_strdup(&f->arena, name);
    if (f->name == NULL) FAIL(e, ERR_NOMEM, "%s: no memory to open it", name);
    TRY(gguf_check_magic(bytes, name, e));
    TRY(gguf_take(&version, sizeof version, &in, e));
    TRY(gguf_check_version(version, name, e));
    TRY(gguf_take(&infos, sizeof infos, &in, e));
    TRY(gguf_take(&values, sizeof values, &in, e));
    TRY(gguf_read_values(f, values, &in, e));
    return gguf_read_infos(f, infos, &in, e);
}

static Status gguf_finish(GgufFile **out, GgufFile *f, Status s)
{
    if (s == OK)
        *out = f;
    else
        gguf_close(f);
    return s;
}

Status gguf_open(GgufFile **f, const char *path, Err *e)
{
    GgufFile *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) FAIL(e, ERR_NOMEM, "%s: no memory to open it", path);
    Status s = file_map(&fresh->map, path, e);
    if (s == OK) s = gguf_fill(fresh, fresh->map.data, fresh->map.n, path, e);
    return gguf_finish(f, fresh, s);
}

Status gguf_view(GgufFile **f, const void *bytes, size_t n, const char *name, Err *e)
{
    GgufFile *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) FAIL(e, ERR_NOMEM, "%s: no memory to open it", name);
    return gguf_finish(f, fresh, gguf_fill(fresh, bytes, n, name, e));
}

void gguf_close(GgufFile *f)
{
    if (f == NULL) return;
    arena_free(&f->arena);
    file_unmap(&f->map);
    free(f);
}
