/* Damaged GGUF files and those that are not read: each with its sentence. */
#include "prime/gguf.h"

#include "../gguf_make.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* The file in memory of exactly its size; the Str is used up. */
static void bad_file(Str *s, Status code, const char *sentence)
{
    GgufFile *f = NULL;
    Err e = {0};
    cr_assert(!s->failed);
    char *copy = malloc(s->n == 0 ? 1 : s->n);
    cr_assert_not_null(copy);
    if (s->n > 0) memcpy(copy, s->s, s->n);
    Status got = gguf_view(&f, copy, s->n, "f", &e);
    cr_expect_eq(got, code, "%s, want %s: %s", err_name(got), err_name(code), e.msg);
    cr_expect_str_eq(e.msg, sentence);
    cr_expect_null(f);
    free(copy);
    str_free(s);
}

Test(gguf_bad, headers)
{
    static const struct {
        const char *start; /* 8 bytes, then 16 of zeroes */
        Status code;
        const char *sentence;
    } c[] = {
        {"GGUX\3\0\0\0", ERR_FORMAT, "f: begins with 47 47 55 58, want GGUF"},
        {"\0\0\0\0\3\0\0\0", ERR_FORMAT, "f: begins with 00 00 00 00, want GGUF"},
        {"GGUF\0\0\0\0", ERR_UNSUP, "f: GGUF version 0, want 2 or 3"},
        {"GGUF\1\0\0\0", ERR_UNSUP, "f: GGUF version 1, want 2 or 3"},
        {"GGUF\4\0\0\0", ERR_UNSUP, "f: GGUF version 4, want 2 or 3"},
        {"GGUF\0\0\0\3", ERR_UNSUP, "f: big-endian GGUF, want little-endian"},
        {"GGUF\0\0\0\2", ERR_UNSUP, "f: big-endian GGUF, want little-endian"},
        {"lmgg\3\0\0\0", ERR_UNSUP, "f: the format is GGML, which GGUF replaced: want GGUF version 2 or 3"},
        {"fmgg\1\0\0\0", ERR_UNSUP, "f: the format is GGMF, which GGUF replaced: want GGUF version 2 or 3"},
        {"tjgg\3\0\0\0", ERR_UNSUP, "f: the format is GGJT, which GGUF replaced: want GGUF version 2 or 3"},
        {"algg\1\0\0\0", ERR_UNSUP, "f: the format is GGLA, which GGUF replaced: want GGUF version 2 or 3"},
    };
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        Str s = {0};
        make_bytes(&s, c[i].start, 8);
        make_u64(&s, 0), make_u64(&s, 0);
        bad_file(&s, c[i].code, c[i].sentence);
    }
    Str s = {0};
    bad_file(&s, ERR_FORMAT, "f: 0 bytes, want at least 24 for the header");
    str_puts(&s, "GGUF");
    bad_file(&s, ERR_FORMAT, "f: 4 bytes, want at least 24 for the header");
}

Test(gguf_bad, counts)
{
    Str s = {0};
    make_header(&s, 3, 0, UINT64_MAX);
    bad_file(&s, ERR_FORMAT, "f: 18446744073709551615 metadata, want at most 0 in a file of 24 bytes");
    make_header(&s, 3, 0, 2);
    make_key_u32(&s, "a", 1);
    bad_file(&s, ERR_FORMAT, "f: 2 metadata, want at most 1 in a file of 41 bytes");
    make_header(&s, 3, UINT64_MAX, 0);
    bad_file(&s, ERR_FORMAT, "f: 18446744073709551615 tensors, want at most 0 in a file of 24 bytes");
    make_header(&s, 3, 3, 1);
    make_key_text(&s, "name", "some forty bytes so that one tensor fits");
    make_info(&s, "t", 0, NULL, 0, 0);
    bad_file(&s, ERR_FORMAT, "f: 3 tensors, want at most 1 in a file of 113 bytes");
    make_header(&s, 3, 0, 100001);
    for (size_t i = 0; i < 100001 * 14 / 8 + 1; i++) make_u64(&s, 0);
    bad_file(&s, ERR_FORMAT, "f: 100001 metadata, want at most 100000 in a file of 1400040 bytes");
}

/* One entry of metadata: key and type, then the value by the caller. */
static void bad_entry(Str *s, const char *key, uint32_t type)
{
    make_header(s, 3, 0, 1);
    make_key(s, key, type);
}

Test(gguf_bad, keys)
{
    Str s = {0};
    char *key = malloc(65537);
    cr_assert_not_null(key);
    memset(key, 'k', 65536);
    key[65536] = '\0';
    make_header(&s, 3, 0, 1), make_u64(&s, UINT64_MAX), make_u64(&s, 0);
    bad_file(&s, ERR_FORMAT, "f: metadata 1 of 1: a text of 18446744073709551615 bytes, the file has 8 left");
    make_header(&s, 3, 0, 1), make_u64(&s, 0), make_u64(&s, 0);
    bad_file(&s, ERR_FORMAT, "f: metadata 1 of 1: a name of 0 bytes, want 1 to 65535");
    bad_entry(&s, key, MAKE_U8);
    bad_file(&s, ERR_FORMAT, "f: metadata 1 of 1: a name of 65536 bytes, want 1 to 65535");
    bad_entry(&s, "\xc3\x28 not UTF-8", MAKE_U32);
    bad_file(&s, ERR_FORMAT, "f: metadata 1 of 1: the name is not UTF-8 text");
    make_header(&s, 3, 0, 1), make_u64(&s, 3), make_bytes(&s, "a\0b", 3), make_u32(&s, 0), make_u32(&s, 0);
    bad_file(&s, ERR_FORMAT, "f: metadata 1 of 1: the name is not UTF-8 text");
    make_header(&s, 3, 0, 3);
    make_key_u32(&s, "twice", 1), make_key_u32(&s, "other", 1), make_key_u32(&s, "twice", 1);
    bad_file(&s, ERR_FORMAT, "f: metadata 'twice' occurs twice");
    free(key);
}

Test(gguf_bad, values)
{
    Str s = {0};
    bad_entry(&s, "key", 13), make_u32(&s, 0);
    bad_file(&s, ERR_FORMAT, "f: 'key' has type 13, want 0 to 12");
    bad_entry(&s, "key", MAKE_BOOL), make_bytes(&s, "\2", 1);
    bad_file(&s, ERR_FORMAT, "f: 'key': a bool is 2, want 0 or 1");
    bad_entry(&s, "key", MAKE_U64), make_u32(&s, 0);
    bad_file(&s, ERR_FORMAT, "f: 'key': 1 values of 8 bytes, the file has 4 left");
    bad_entry(&s, "key", MAKE_STR), make_u64(&s, 9), make_u64(&s, 0);
    bad_file(&s, ERR_FORMAT, "f: 'key': a text of 9 bytes, the file has 8 left");
    bad_entry(&s, "key", MAKE_STR), make_u32(&s, 9);
    bad_file(&s, ERR_FORMAT, "f: 'key': the file ends at byte 43, in the middle");
    make_header(&s, 3, 0, 1), make_key_array(&s, "key", MAKE_U32, UINT64_MAX / 4 + 2), make_u64(&s, 0);
    bad_file(&s, ERR_FORMAT, "f: 'key': 4611686018427387905 values of 4 bytes, the file has 8 left");
    make_header(&s, 3, 0, 1), make_key_array(&s, "key", MAKE_STR, UINT64_MAX), make_u64(&s, 0);
    bad_file(&s, ERR_FORMAT, "f: 'key': an array of 18446744073709551615 texts, the file has 8 bytes left");
    make_header(&s, 3, 0, 1), make_key_array(&s, "key", MAKE_STR, 2), make_text(&s, "eight ch"),
        make_text(&s, "");
    s.n -= 4;
    bad_file(&s, ERR_FORMAT, "f: 'key': the file ends at byte 71, in the middle");
    make_header(&s, 3, 0, 1), make_key_array(&s, "key", MAKE_BOOL, 2), make_bytes(&s, "\1\377", 2);
    bad_file(&s, ERR_FORMAT, "f: 'key': a bool is 255, want 0 or 1");
    make_header(&s, 3, 0, 1), make_key_array(&s, "key", 99, 2), make_u32(&s, 0);
    bad_file(&s, ERR_FORMAT, "f: 'key' has type 99, want 0 to 12");
    make_header(&s, 3, 0, 1), make_key_array(&s, "key", MAKE_ARR, 1), make_u32(&s, MAKE_U8), make_u64(&s, 0);
    bad_file(&s, ERR_UNSUP, "f: 'key' is an array of arrays, which is not read");
}

Test(gguf_bad, general_keys)
{
    static const struct {
        const char *key;
        uint32_t value;
        Status code;
        const char *sentence;
    } c[] = {
        {"general.alignment", 0, ERR_FORMAT, "f: general.alignment is 0, want a power of two from 8 to 2^31"},
        {"general.alignment", 4, ERR_FORMAT, "f: general.alignment is 4, want a power of two from 8 to 2^31"},
        {"general.alignment", 48, ERR_FORMAT,
         "f: general.alignment is 48, want a power of two from 8 to 2^31"},
        {"split.count", 3, ERR_UNSUP, "f: one of 3 parts of a split file, want one file: join them first"},
    };
    Str s = {0};
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        make_header(&s, 3, 0, 1);
        make_key_u32(&s, c[i].key, c[i].value);
        bad_file(&s, c[i].code, c[i].sentence);
    }
    make_header(&s, 3, 0, 1), make_key_text(&s, "general.alignment", "32");
    bad_file(&s, ERR_FORMAT, "f: general.alignment is the text \"32\", want a whole number >= 0");
    make_header(&s, 3, 0, 1), make_key(&s, "general.alignment", MAKE_U64), make_u64(&s, UINT64_C(1) << 32);
    bad_file(&s, ERR_FORMAT, "f: general.alignment is 4294967296, want a power of two from 8 to 2^31");
    make_header(&s, 3, 0, 1), make_key_text(&s, "split.count", "1");
    bad_file(&s, ERR_FORMAT, "f: split.count is the text \"1\", want a whole number >= 0");
}

/* A file of one tensor and n bytes of data. */
static void bad_tensor(Str *s, const char *name, uint32_t ndim, const uint64_t *dim, uint32_t type,
                       uint64_t offset, size_t n)
{
    make_header(s, 3, 1, 0);
    make_info(s, name, ndim, dim, type, offset);
    make_pad(s, 32);
    for (size_t i = 0; i < n; i++) make_bytes(s, "", 1);
}

Test(gguf_bad, infos)
{
    static const uint64_t four[5] = {4, 1, 1, 1, 1}, wide[] = {UINT64_C(1) << 33, UINT64_C(1) << 33},
                          huge[] = {UINT64_C(1) << 62};
    char name[66];
    Str s = {0};
    memset(name, 'n', 65);
    name[65] = '\0';
    bad_tensor(&s, name, 1, four, GGUF_F32, 0, 16);
    bad_file(&s, ERR_FORMAT, "f: tensor 1 of 1: a name of 65 bytes, want 1 to 64");
    bad_tensor(&s, "", 1, four, GGUF_F32, 0, 16);
    bad_file(&s, ERR_FORMAT, "f: tensor 1 of 1: a name of 0 bytes, want 1 to 64");
    bad_tensor(&s, "\xed\xa0\x80", 1, four, GGUF_F32, 0, 16);
    bad_file(&s, ERR_FORMAT, "f: tensor 1 of 1: the name is not UTF-8 text");
    bad_tensor(&s, "t", 5, four, GGUF_F32, 0, 16);
    bad_file(&s, ERR_FORMAT, "f: tensor 't' has 5 dimensions, want at most 4");
    bad_tensor(&s, "t", 2, wide, GGUF_F32, 0, 16);
    bad_file(&s, ERR_FORMAT, "f: tensor 't': the product of its shape does not fit in 64 bits");
    bad_tensor(&s, "t", 1, huge, GGUF_F32, 0, 16);
    bad_file(&s, ERR_FORMAT, "f: tensor 't': its size in bytes does not fit in 64 bits");
    bad_tensor(&s, "t", 1, four, GGUF_Q8_0, 0, 34);
    bad_file(&s, ERR_FORMAT, "f: tensor 't' has rows of 4 values, want a multiple of 32 for Q8_0");
    bad_tensor(&s, "t", 0, NULL, GGUF_Q4_0, 0, 18);
    bad_file(&s, ERR_FORMAT, "f: tensor 't' has rows of 1 values, want a multiple of 32 for Q4_0");
    make_header(&s, 3, 1, 0), make_text(&s, "four letters too many"), make_u32(&s, 4);
    bad_file(&s, ERR_FORMAT, "f: tensor 'four letters too many': the file ends at byte 57, in the middle");
}

Test(gguf_bad, types_that_are_not_read)
{
    static const struct {
        uint32_t type;
        const char *name;
    } c[] = {{3, "Q4_1"},    {4, "Q4_2"},   {7, "Q5_1"},     {12, "Q4_K"},           {14, "Q6_K"},
             {17, "IQ2_XS"}, {26, "I32"},   {28, "F64"},     {31, "Q4_0_4_4"},       {34, "TQ1_0"},
             {39, "MXFP4"},  {40, "NVFP4"}, {43, "unknown"}, {UINT32_MAX, "unknown"}};
    Str s = {0};
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        char want[128];
        snprintf(want, sizeof want, "f: tensor 't' has type %u (%s), want F32, F16, BF16, Q8_0 or Q4_0",
                 c[i].type, c[i].name);
        bad_tensor(&s, "t", 1, (uint64_t[]){256}, c[i].type, 0, 1024);
        bad_file(&s, ERR_UNSUP, want);
    }
}

Test(gguf_bad, data)
{
    static const uint64_t four[] = {4}, most[] = {UINT64_C(1) << 60};
    Str s = {0};
    bad_tensor(&s, "t", 1, four, GGUF_F32, 16, 64);
    bad_file(&s, ERR_FORMAT, "f: tensor 't' begins at byte 16 of the data, want a multiple of 32");
    bad_tensor(&s, "t", 1, four, GGUF_F32, 0, 15);
    bad_file(&s, ERR_FORMAT, "f: tensor 't' has 16 bytes at byte 0 of the data, which has 15");
    bad_tensor(&s, "t", 1, four, GGUF_F32, UINT64_MAX - 31, 64);
    bad_file(&s, ERR_FORMAT,
             "f: tensor 't' has 16 bytes at byte 18446744073709551584 of the data, which has 64");
    bad_tensor(&s, "t", 1, most, GGUF_F32, 32, 64);
    bad_file(&s, ERR_FORMAT,
             "f: tensor 't' has 4611686018427387904 bytes at byte 32 of the data, which has 64");
    bad_tensor(&s, "t", 1, four, GGUF_F32, 32, 64);
    bad_file(&s, ERR_FORMAT, "f: tensor 't' begins at byte 32 of the data, want 0 (gap)");
    bad_tensor(&s, "t", 1, four, GGUF_F32, 0, 33);
    bad_file(&s, ERR_FORMAT, "f: 17 bytes after the last tensor");
    make_header(&s, 3, 0, 0), make_pad(&s, 64), make_u64(&s, 0);
    bad_file(&s, ERR_FORMAT, "f: 40 bytes after the last tensor");
}

Test(gguf_bad, neighbours)
{
    static const struct {
        const char *name;
        uint64_t offset;
        const char *sentence;
    } c[] = {{"second", 0, "f: tensor 'second' begins at byte 0 of the data, want 64 (overlap)"},
             {"second", 32, "f: tensor 'second' begins at byte 32 of the data, want 64 (overlap)"},
             {"second", 96, "f: tensor 'second' begins at byte 96 of the data, want 64 (gap)"},
             {"first", 64, "f: tensor 'first' occurs twice"}};
    Str s = {0};
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        make_header(&s, 3, 2, 0);
        make_info(&s, "first", 1, (uint64_t[]){12}, GGUF_F32, 0);
        make_info(&s, c[i].name, 1, (uint64_t[]){12}, GGUF_F32, c[i].offset);
        make_pad(&s, 32);
        for (size_t k = 0; k < 96 + 48; k++) make_bytes(&s, "", 1);
        bad_file(&s, ERR_FORMAT, c[i].sentence);
    }
}
