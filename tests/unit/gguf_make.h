/* gguf_make.h - writes GGUF files piece by piece, good ones and others. All numbers little-endian. */
#ifndef TESTS_GGUF_MAKE_H
#define TESTS_GGUF_MAKE_H

#include "prime/gguf.h"
#include "prime/str.h"

#include <string.h>

enum { MAKE_U8, MAKE_I8, MAKE_U16, MAKE_I16, MAKE_U32, MAKE_I32, MAKE_F32, MAKE_BOOL, MAKE_STR, MAKE_ARR };
enum { MAKE_U64 = 10, MAKE_I64, MAKE_F64 };

static inline void make_bytes(Str *s, const void *data, size_t n)
{
    str_put(s, data, n);
}

static inline void make_u32(Str *s, uint32_t x)
{
    make_bytes(s, &x, sizeof x);
}

static inline void make_u64(Str *s, uint64_t x)
{
    make_bytes(s, &x, sizeof x);
}

static inline void make_text(Str *s, const char *text)
{
    make_u64(s, strlen(text));
    str_puts(s, text);
}

static inline void make_header(Str *s, uint32_t version, uint64_t tensors, uint64_t values)
{
    str_puts(s, "GGUF");
    make_u32(s, version);
    make_u64(s, tensors);
    make_u64(s, values);
}

/* A key and its type; the value follows. */
static inline void make_key(Str *s, const char *key, uint32_t type)
{
    make_text(s, key);
    make_u32(s, type);
}

static inline void make_key_u32(Str *s, const char *key, uint32_t x)
{
    make_key(s, key, MAKE_U32);
    make_u32(s, x);
}

static inline void make_key_text(Str *s, const char *key, const char *text)
{
    make_key(s, key, MAKE_STR);
    make_text(s, text);
}

static inline void make_key_array(Str *s, const char *key, uint32_t item, uint64_t n)
{
    make_key(s, key, MAKE_ARR);
    make_u32(s, item);
    make_u64(s, n);
}

/* Dimensions in the file's order, the fastest first. */
static inline void make_info(Str *s, const char *name, uint32_t ndim, const uint64_t *dim, uint32_t type,
                             uint64_t offset)
{
    make_text(s, name);
    make_u32(s, ndim);
    for (uint32_t i = 0; i < ndim; i++) make_u64(s, dim[i]);
    make_u32(s, type);
    make_u64(s, offset);
}

static inline void make_pad(Str *s, size_t alignment)
{
    while (s->n % alignment != 0) str_put(s, "", 1);
}

#endif
