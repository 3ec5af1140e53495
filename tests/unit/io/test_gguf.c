/* GGUF files: what is written here by the letter of the format is read back. */
#include "prime/gguf.h"

#include "../gguf_make.h"

#include "prime/file.h"
#include "prime/st.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* The file at an odd address, in memory of exactly its size; the Str is used up. *copy is for free(). */
static GgufFile *gguf_good(Str *s, char **copy)
{
    GgufFile *f = NULL;
    Err e = {0};
    cr_assert(!s->failed);
    *copy = malloc(s->n + 1);
    cr_assert_not_null(*copy);
    memcpy(*copy + 1, s->s, s->n);
    cr_assert_eq(gguf_view(&f, *copy + 1, s->n, "view", &e), OK, "%s", e.msg);
    str_free(s);
    return f;
}

static void gguf_done(GgufFile *f, char *copy)
{
    gguf_close(f);
    free(copy);
}

static void put_whole(Str *s, const char *key, uint32_t type, size_t size, int64_t x)
{
    make_key(s, key, type);
    make_bytes(s, &x, size);
}

Test(gguf, every_type_of_metadata_is_read)
{
    Str s = {0};
    char *copy = NULL, buf[GGUF_SHOW];
    float f32 = -0.5f;
    double f64 = 1e300, num = 0;
    uint64_t u = 0;
    bool yes = false;
    static const struct {
        const char *key;
        uint32_t type;
        size_t size;
        int64_t value;
        const char *shown;
    } whole[] = {{"u8", MAKE_U8, 1, 200, "200"},
                 {"i8", MAKE_I8, 1, -128, "-128"},
                 {"u16", MAKE_U16, 2, 65535, "65535"},
                 {"i16", MAKE_I16, 2, -2, "-2"},
                 {"u32", MAKE_U32, 4, UINT32_MAX, "4294967295"},
                 {"i32", MAKE_I32, 4, -7, "-7"},
                 {"u64", MAKE_U64, 8, -1, "18446744073709551615"},
                 {"i64", MAKE_I64, 8, INT64_MIN, "-9223372036854775808"}};
    enum { N = sizeof whole / sizeof whole[0] };
    make_header(&s, 3, 0, N + 5);
    for (size_t i = 0; i < N; i++) put_whole(&s, whole[i].key, whole[i].type, whole[i].size, whole[i].value);
    make_key(&s, "f32", MAKE_F32), make_bytes(&s, &f32, 4);
    make_key(&s, "f64", MAKE_F64), make_bytes(&s, &f64, 8);
    make_key(&s, "no", MAKE_BOOL), make_bytes(&s, "\0", 1);
    make_key(&s, "yes", MAKE_BOOL), make_bytes(&s, "\1", 1);
    make_key_text(&s, "general.architecture", "llama");
    GgufFile *f = gguf_good(&s, &copy);
    cr_assert_eq(gguf_keys(f), N + 5);
    for (size_t i = 0; i < N; i++) {
        bool wide = whole[i].type == MAKE_U64;
        cr_assert_str_eq(gguf_key(f, i), whole[i].key);
        cr_assert_str_eq(gguf_show(buf, f, whole[i].key), whole[i].shown);
        cr_assert_eq(gguf_need_num(&num, f, whole[i].key, NULL), OK);
        cr_assert_eq(num, wide ? 0x1p64 : (double)whole[i].value, "%s", whole[i].key);
        bool fits = whole[i].value >= 0 || wide;
        cr_assert_eq(gguf_need_u64(&u, f, whole[i].key, NULL), fits ? OK : ERR_FORMAT);
        cr_assert(!fits || u == (uint64_t)whole[i].value);
    }
    cr_assert_eq(gguf_need_num(&num, f, "f32", NULL), OK);
    cr_assert_eq(num, -0.5);
    cr_assert_eq(gguf_need_num(&num, f, "f64", NULL), OK);
    cr_assert_eq(num, 1e300);
    cr_assert_str_eq(gguf_show(buf, f, "f32"), "-0.5");
    cr_assert_eq(gguf_need_bool(&yes, f, "yes", NULL), OK);
    cr_assert(yes);
    cr_assert_eq(gguf_need_bool(&yes, f, "no", NULL), OK);
    cr_assert(!yes);
    const char *text = NULL;
    size_t n = 0;
    cr_assert_eq(gguf_need_str(&text, &n, f, "general.architecture", NULL), OK);
    cr_assert_str_eq(text, "llama");
    cr_assert_eq(n, 5);
    cr_assert_null(gguf_key(f, N + 5));
    cr_assert(gguf_has(f, "yes"));
    cr_assert_not(gguf_has(f, "maybe"));
    gguf_done(f, copy);
}

Test(gguf, arrays_are_read)
{
    Str s = {0};
    char *copy = NULL, buf[GGUF_SHOW];
    static const int32_t kinds[] = {1, -3, 6};
    static const float scores[] = {-1.5f, 0, INFINITY};
    make_header(&s, 2, 0, 5);
    make_key_array(&s, "tokens", MAKE_STR, 4);
    make_text(&s, "<s>"), make_text(&s, ""), make_u64(&s, 3), make_bytes(&s, "a\0b", 3),
        make_text(&s, "\xff");
    make_key_array(&s, "kinds", MAKE_I32, 3), make_bytes(&s, kinds, sizeof kinds);
    make_key_array(&s, "scores", MAKE_F32, 3), make_bytes(&s, scores, sizeof scores);
    make_key_array(&s, "flags", MAKE_BOOL, 2), make_bytes(&s, "\1\0", 2);
    make_key_array(&s, "none", MAKE_U64, 0);
    GgufFile *f = gguf_good(&s, &copy);
    GgufArr a = {0};
    size_t n = 0;
    static const char *const want[] = {"<s>", "", "a\0b", "\xff"};
    static const size_t len[] = {3, 0, 3, 1};
    cr_assert_eq(gguf_need_strs(&a, f, "tokens", NULL), OK);
    cr_assert_eq(a.n, 4);
    for (size_t i = 0; i < 4; i++) {
        const char *got = gguf_arr_str(&a, i, &n);
        cr_assert(n == len[i] && memcmp(got, want[i], n) == 0, "%zu", i);
    }
    cr_assert_eq(gguf_need_nums(&a, f, "kinds", NULL), OK);
    for (size_t i = 0; i < 3; i++) cr_assert_eq(gguf_arr_num(&a, i), kinds[i]);
    cr_assert_eq(gguf_need_nums(&a, f, "scores", NULL), OK);
    for (size_t i = 0; i < 3; i++) cr_assert_eq(gguf_arr_num(&a, i), (double)scores[i]);
    cr_assert_eq(gguf_need_nums(&a, f, "flags", NULL), OK);
    cr_assert(gguf_arr_num(&a, 0) == 1 && gguf_arr_num(&a, 1) == 0);
    cr_assert_eq(gguf_need_nums(&a, f, "none", NULL), OK);
    cr_assert_eq(a.n, 0);
    cr_assert_str_eq(gguf_show(buf, f, "kinds"), "an array of 3");
    cr_assert_str_eq(gguf_show(buf, f, "tokens"), "an array of 4 texts");
    gguf_done(f, copy);
}

Test(gguf, what_is_not_there_is_said)
{
    Str s = {0};
    char *copy = NULL;
    make_header(&s, 3, 0, 4);
    make_key_text(&s, "name", "abc");
    make_key(&s, "nul", MAKE_STR), make_u64(&s, 3), make_bytes(&s, "a\0b", 3);
    make_key(&s, "half", MAKE_F32), make_bytes(&s, &(float){0.5f}, 4);
    make_key(&s, "flag", MAKE_BOOL), make_bytes(&s, "\1", 1);
    GgufFile *f = gguf_good(&s, &copy);
    uint64_t u = 7;
    double d = 7;
    bool b = false;
    const char *t = NULL;
    GgufArr a = {0};
    size_t n = 0;
    Err e[9] = {{0}};
    cr_assert_eq(gguf_need_u64(&u, f, "gone", &e[0]), ERR_FORMAT);
    cr_assert_str_eq(e[0].msg, "view: gone is missing, want a whole number >= 0");
    cr_assert_eq(gguf_need_u64(&u, f, "half", &e[1]), ERR_FORMAT);
    cr_assert_str_eq(e[1].msg, "view: half is 0.5, want a whole number >= 0");
    cr_assert_eq(gguf_need_num(&d, f, "name", &e[2]), ERR_FORMAT);
    cr_assert_str_eq(e[2].msg, "view: name is the text \"abc\", want a number");
    cr_assert_eq(gguf_need_num(&d, f, "flag", &e[3]), ERR_FORMAT);
    cr_assert_str_eq(e[3].msg, "view: flag is true, want a number");
    cr_assert_eq(gguf_need_bool(&b, f, "half", &e[4]), ERR_FORMAT);
    cr_assert_str_eq(e[4].msg, "view: half is 0.5, want true or false");
    cr_assert_eq(gguf_need_str(&t, &n, f, "flag", &e[5]), ERR_FORMAT);
    cr_assert_str_eq(e[5].msg, "view: flag is true, want a text");
    cr_assert_eq(gguf_need_str(&t, NULL, f, "nul", &e[6]), ERR_FORMAT);
    cr_assert_str_eq(e[6].msg, "view: nul is the text \"a\", want a text without NUL bytes");
    cr_assert_eq(gguf_need_strs(&a, f, "name", &e[7]), ERR_FORMAT);
    cr_assert_str_eq(e[7].msg, "view: name is the text \"abc\", want an array of texts");
    cr_assert_eq(gguf_need_nums(&a, f, "gone", &e[8]), ERR_FORMAT);
    cr_assert_str_eq(e[8].msg, "view: gone is missing, want an array of numbers");
    cr_assert(u == 7 && d == 7 && !b && t == NULL && a.value == NULL, "nothing was set");
    cr_assert_eq(gguf_need_str(&t, &n, f, "nul", NULL), OK);
    cr_assert(n == 3 && memcmp(t, "a\0b", 4) == 0);
    gguf_done(f, copy);
}

/* Where a tensor ends up when `before` bytes lie before it. */
static uint64_t put_after(uint64_t before, uint64_t bytes, uint64_t alignment)
{
    return (before + bytes + alignment - 1) / alignment * alignment;
}

/* A scalar, a vector, a matrix, an empty tensor, and four dimensions; infos not in the order of the data. */
static void put_tensors(Str *s, uint32_t version, size_t alignment)
{
    static const float data[6] = {1, 2, 3, 4, 5, 6};
    uint64_t matrix = put_after(0, 4, alignment), four = put_after(matrix, 24, alignment),
             scalar = put_after(four, 68, alignment);
    make_header(s, version, 5, alignment == 32 ? 0 : 1);
    if (alignment != 32) make_key_u32(s, "general.alignment", (uint32_t)alignment);
    make_info(s, "matrix", 2, (uint64_t[]){3, 2}, GGUF_F32, matrix);
    make_info(s, "vector", 1, (uint64_t[]){2}, GGUF_BF16, 0);
    make_info(s, "none", 2, (uint64_t[]){0, 4}, GGUF_F16, four);
    make_info(s, "four", 4, (uint64_t[]){32, 1, 2, 1}, GGUF_Q8_0, four);
    make_info(s, "scalar", 0, NULL, GGUF_F32, scalar);
    make_pad(s, alignment);
    make_bytes(s, "\x80\x3f\x00\xc0", 4), make_pad(s, alignment);
    make_bytes(s, data, sizeof data), make_pad(s, alignment);
    for (size_t i = 0; i < 2; i++) {
        uint16_t d = st_f32_to_f16(i == 0 ? 0.25f : -3);
        make_bytes(s, &d, 2);
        for (int q = -16; q < 16; q++) make_bytes(s, &(int8_t){(int8_t)(q * 8 + (int)i)}, 1);
    }
    make_pad(s, alignment);
    make_bytes(s, data + 2, 4);
}

static void check_tensors(const GgufFile *f)
{
    static const char *const order[] = {"vector", "matrix", "none", "four", "scalar"};
    static const size_t ndim[] = {1, 2, 2, 4, 0}, count[] = {2, 6, 0, 64, 1}, bytes[] = {4, 24, 0, 68, 4};
    static const GgufType type[] = {GGUF_BF16, GGUF_F32, GGUF_F16, GGUF_Q8_0, GGUF_F32};
    float x[64];
    cr_assert_eq(gguf_count(f), 5);
    for (size_t i = 0; i < 5; i++) {
        const GgufTensor *t = gguf_at(f, i);
        cr_assert_str_eq(t->name, order[i]);
        cr_assert_eq(gguf_find(f, order[i]), t);
        cr_assert(t->ndim == ndim[i] && t->count == count[i] && t->nbytes == bytes[i] && t->type == type[i]);
    }
    cr_assert_null(gguf_at(f, 5));
    cr_assert_null(gguf_find(f, "other"));
    const GgufTensor *m = gguf_find(f, "matrix"), *q = gguf_find(f, "four");
    cr_assert(m->shape[0] == 2 && m->shape[1] == 3, "rows, columns");
    cr_assert(q->shape[0] == 1 && q->shape[1] == 2 && q->shape[2] == 1 && q->shape[3] == 32);
    gguf_rows_to_f32(x, m->data, m->type, 3, 3);
    cr_assert(x[0] == 4 && x[1] == 5 && x[2] == 6, "the second row");
    gguf_rows_to_f32(x, gguf_find(f, "vector")->data, GGUF_BF16, 0, 2);
    cr_assert(x[0] == 1 && x[1] == -2);
    gguf_rows_to_f32(x, gguf_find(f, "scalar")->data, GGUF_F32, 0, 1);
    cr_assert_eq(x[0], 3);
    gguf_rows_to_f32(x, q->data, q->type, 0, 64);
    for (int i = 0; i < 32; i++) {
        cr_assert_eq(x[i], 0.25f * (float)((i - 16) * 8));
        cr_assert_eq(x[32 + i], -3 * (float)((i - 16) * 8 + 1));
    }
}

Test(gguf, tensors_are_found_and_row_major)
{
    static const size_t alignment[] = {8, 32, 64, 4096};
    for (uint32_t version = 2; version <= 3; version++)
        for (size_t i = 0; i < 4; i++) {
            Str s = {0};
            char *copy = NULL;
            put_tensors(&s, version, alignment[i]);
            GgufFile *f = gguf_good(&s, &copy);
            check_tensors(f);
            gguf_done(f, copy);
        }
}

/* No part of a good file is a good file: the last tensor ends with the last byte. */
Test(gguf, every_shorter_file_is_refused)
{
    Str s = {0};
    put_tensors(&s, 3, 64);
    for (size_t n = 0; n < s.n; n++) {
        char *part = malloc(n + 1);
        GgufFile *f = NULL;
        Err e = {0};
        memcpy(part, s.s, n);
        cr_assert_eq(gguf_view(&f, part, n, "part", &e), ERR_FORMAT, "%zu bytes: %s", n, e.msg);
        cr_assert(f == NULL && strncmp(e.msg, "part: ", 6) == 0);
        free(part);
    }
    str_free(&s);
}

Test(gguf, a_file_is_mapped)
{
    Str s = {0};
    char path[] = "test_gguf_XXXXXX";
    GgufFile *f = NULL;
    Err e = {0};
    put_tensors(&s, 3, 32);
    close(mkstemp(path));
    cr_assert_eq(file_write(path, s.s, s.n, &e), OK, "%s", e.msg);
    cr_assert_eq(gguf_open(&f, path, &e), OK, "%s", e.msg);
    unlink(path);
    check_tensors(f);
    cr_assert_eq((uintptr_t)gguf_at(f, 0)->data % 32, 0);
    gguf_close(f);
    gguf_close(NULL);
    f = NULL;
    cr_assert_eq(gguf_open(&f, "no/such/file.gguf", &e), ERR_IO);
    cr_assert_str_eq(e.msg, "no/such/file.gguf: cannot open: No such file or directory");
    cr_assert_null(f);
    str_free(&s);
}
