#include "prime/st.h"

#include "prime/file.h"
#include "prime/js.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void st_fixture(char path[512], const char *name)
{
    const char *root = getenv("PRIME_SOURCE");
    cr_assert_not_null(root, "PRIME_SOURCE names the source tree");
    snprintf(path, 512, "%s/fixtures/%s", root, name);
}

static const StTensor *st_need(const StFile *f, const char *name, StType type)
{
    const StTensor *t = st_find(f, name);
    cr_assert_not_null(t, "%s", name);
    cr_assert_eq(t->type, type);
    cr_assert_gt(t->count, 500);
    return t;
}

/* Every value of `half`, widened, has the bits of `wide`. */
static void st_same_widened(const StFile *f, const char *half, StType type, const char *wide)
{
    const StTensor *h = st_need(f, half, type), *w = st_need(f, wide, ST_F32);
    cr_assert_eq(h->count, w->count);
    float *got = calloc(h->count, sizeof *got), *want = calloc(h->count, sizeof *want);
    cr_assert_eq(st_to_f32(got, h, NULL), OK);
    cr_assert_eq(st_to_f32(want, w, NULL), OK);
    for (size_t i = 0; i < h->count; i++)
        cr_assert_eq(memcmp(&got[i], &want[i], 4), 0, "%s[%zu]: %a, want %a", half, i, (double)got[i],
                     (double)want[i]);
    free(got);
    free(want);
}

static void st_same_narrowed(const StFile *f, const char *half, StType type, uint16_t (*narrow)(float))
{
    const StTensor *x = st_need(f, "f32", ST_F32), *h = st_need(f, half, type);
    cr_assert_eq(h->count, x->count);
    for (size_t i = 0; i < x->count; i++) {
        float v;
        uint16_t want;
        memcpy(&v, (const char *)x->data + 4 * i, 4);
        memcpy(&want, (const char *)h->data + 2 * i, 2);
        cr_assert_eq(narrow(v), want, "%s[%zu]: %a gives %04x, want %04x", half, i, (double)v, narrow(v),
                     want);
    }
}

/* Reference values by another implementation, compared bit by bit. */
Test(st, conversions_match_the_reference)
{
    char path[512];
    Err e = {0};
    StFile *f = NULL;
    st_fixture(path, "ref/io/conversions.safetensors");
    cr_assert_eq(st_open(&f, path, &e), OK, "%s", e.msg);
    cr_assert_eq(st_count(f), 7);
    st_same_widened(f, "f16", ST_F16, "f16_as_f32");
    st_same_widened(f, "bf16", ST_BF16, "bf16_as_f32");
    st_same_narrowed(f, "f32_to_f16", ST_F16, st_f32_to_f16);
    st_same_narrowed(f, "f32_to_bf16", ST_BF16, st_f32_to_bf16);
    st_close(f);
}

/* All 65,536 patterns survive widening and narrowing; NaN stays NaN. */
Test(st, sixteen_bits_survive_a_round_trip)
{
    for (uint32_t h = 0; h < 65536; h++) {
        float a = st_f16_to_f32((uint16_t)h), b = st_bf16_to_f32((uint16_t)h);
        cr_assert(isnan(a) ? isnan(st_f16_to_f32(st_f32_to_f16(a))) : st_f32_to_f16(a) == h, "f16 %04x", h);
        cr_assert(isnan(b) ? isnan(st_bf16_to_f32(st_f32_to_bf16(b))) : st_f32_to_bf16(b) == h, "bf16 %04x",
                  h);
    }
    cr_assert_eq(st_f32_to_f16(NAN) & 0x7c00, 0x7c00);
    cr_assert_neq(st_f32_to_f16(NAN) & 0x3ff, 0);
}

/* Midpoints between neighbours go to the even one, a hair beside them to the nearer one. */
Test(st, narrowing_rounds_to_the_nearest_even)
{
    for (uint32_t h = 0; h < 0x7bff; h++) {
        float lo = st_f16_to_f32((uint16_t)h), hi = st_f16_to_f32((uint16_t)(h + 1));
        float mid = lo + (hi - lo) / 2; /* exact: one bit more than binary16 has */
        cr_assert_eq(st_f32_to_f16(mid), (h & 1) != 0 ? h + 1 : h, "%a", (double)mid);
        cr_assert_eq(st_f32_to_f16(nextafterf(mid, 0)), h, "%a", (double)mid);
        cr_assert_eq(st_f32_to_f16(nextafterf(mid, INFINITY)), h + 1, "%a", (double)mid);
    }
}

Test(st, malformed_files_get_their_verdict)
{
    char path[512], name[256];
    JsVal *list = NULL;
    Err e = {0};
    size_t accepted = 0, rejected = 0;
    st_fixture(path, "malformed/safetensors/manifest.json");
    cr_assert_eq(js_load(&list, path, &e), OK, "%s", e.msg);
    for (size_t i = 0; i < js_len(list); i++) {
        const JsVal *row = js_at(list, i);
        const char *expect = js_str(js_get(row, "expect"), NULL), *file = js_str(js_get(row, "file"), NULL);
        snprintf(name, sizeof name, "malformed/safetensors/%s", file);
        st_fixture(path, name);
        StFile *f = NULL;
        Err why = {0};
        Status s = st_open(&f, path, &why);
        bool want_ok = strcmp(expect, "accept") == 0; /* what may go either way is refused here */
        cr_assert_eq(s, want_ok ? OK : ERR_FORMAT, "%s: %s", file, why.msg);
        cr_assert(want_ok || (f == NULL && strstr(why.msg, file) != NULL), "%s: %s", file, why.msg);
        accepted += s == OK;
        rejected += s != OK;
        st_close(f);
    }
    cr_assert_eq(accepted, 5);
    cr_assert_eq(rejected, 32);
    js_close(list);
}

static StFile *st_good(const char *header, const void *data, size_t n, char buf[1024])
{
    uint64_t len = strlen(header);
    StFile *f = NULL;
    Err e = {0};
    memcpy(buf, &len, 8);
    memcpy(buf + 8, header, len);
    if (n > 0) memcpy(buf + 8 + len, data, n);
    cr_assert_eq(st_view(&f, buf, 8 + len + n, "view", &e), OK, "%s", e.msg);
    return f;
}

Test(st, tensors_come_in_the_order_of_their_data)
{
    char buf[1024];
    StFile *f = st_good("{\"z\": {\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [0, 1]}, "
                        "\"a\": {\"dtype\": \"F64\", \"shape\": [], \"data_offsets\": [1, 9]}, "
                        "\"m\": {\"dtype\": \"F8_E4M3\", \"shape\": [2, 1], \"data_offsets\": [9, 11]}, "
                        "\"e\": {\"dtype\": \"F32\", \"shape\": [3, 0], \"data_offsets\": [9, 9]}, "
                        "\"__metadata__\": {\"k\": \"v\"}}",
                        "\x07\0\0\0\0\0\0\x04\x40\x11\x22", 11, buf);
    const char *const order[] = {"z", "a", "e", "m"};
    float x = 0, two[2];
    Err e = {0};
    cr_assert_eq(st_count(f), 4);
    for (size_t i = 0; i < 4; i++) cr_assert_str_eq(st_at(f, i)->name, order[i]);
    cr_assert_null(st_at(f, 4));
    cr_assert_null(st_find(f, "no"));
    cr_assert_str_eq(st_meta(f, "k"), "v");
    cr_assert_null(st_meta(f, "no"));
    cr_assert_eq(st_to_f32(&x, st_find(f, "a"), NULL), OK);
    cr_assert_eq(x, 2.5f, "an unaligned double");
    cr_assert_eq(st_to_f32(two, st_find(f, "e"), NULL), OK);
    cr_assert_eq(st_to_f32(&x, st_find(f, "z"), &e), ERR_UNSUP);
    cr_assert_str_eq(e.msg, "tensor 'z' has type U8, want F32, F16, BF16 or F64");
    cr_assert_eq(st_to_f32(two, st_find(f, "m"), NULL), ERR_UNSUP);
    cr_assert_eq(st_find(f, "m")->shape[0], 2);
    cr_assert_eq(st_type_size(ST_OTHER), 0);
    cr_assert_eq(st_type_size(ST_BF16), 2);
    cr_assert_str_eq(st_type_name(ST_OTHER), "OTHER");
    st_close(f);
    st_close(NULL);
}

Test(st, headers_that_are_refused)
{
    static const struct {
        const char *header;
        Status want;
        const char *message;
    } bad[] = {
        {"{\"a\": {\"dtype\": \"U8\", \"shape\": [1,1,1,1,1,1,1,1,1], \"data_offsets\": [0, 1]}}", ERR_UNSUP,
         "view: tensor 'a' has 9 dimensions, want at most 8"},
        {"{\"a\": {\"dtype\": \"U8\", \"shape\": 1, \"data_offsets\": [0, 1]}}", ERR_FORMAT,
         "view: tensor 'a': shape is 1, want an array"},
        {"{\"a\": [1]}", ERR_FORMAT, "view: tensor 'a' is an array of 1, want an object"},
        {"{\"__metadata__\": 5}", ERR_FORMAT, "view: __metadata__ is 5, want an object"},
    };
    StFile *f = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char buf[256];
        uint64_t len = strlen(bad[i].header);
        Err e = {0};
        memcpy(buf, &len, 8);
        memcpy(buf + 8, bad[i].header, len + 1);
        cr_expect_eq(
            st_view(&f, buf, 8 + len + (strchr(bad[i].header, 'a') == bad[i].header + 2), "view", &e),
            bad[i].want, "%s", bad[i].header);
        cr_expect_str_eq(e.msg, bad[i].message);
    }
    cr_assert_eq(st_open(&f, "no/such/file", NULL), ERR_IO);
    cr_assert_null(f);
}

Test(st, what_is_saved_is_read_back)
{
    enum { N = 5000 }; /* more than one chunk of the writer */
    static float a[N], out[N];
    for (size_t i = 0; i < N; i++) a[i] = sinf((float)i) * 100;
    StItem items[] = {{"a.weight", ST_F32, 2, {50, 100}, a},
                      {"b", ST_BF16, 1, {N}, a},
                      {"c", ST_F16, 3, {10, 1, 7}, a},
                      {"none", ST_F32, 1, {0}, NULL},
                      {"scalar", ST_F16, 0, {0}, a + 1}};
    char path[] = "test_st_XXXXXX";
    StFile *f = NULL;
    Err e = {0};
    close(mkstemp(path));
    cr_assert_eq(st_save(path, items, 5, &e), OK, "%s", e.msg);
    cr_assert_eq(st_open(&f, path, &e), OK, "%s", e.msg);
    unlink(path);
    cr_assert_str_eq(st_meta(f, "format"), "pt");
    cr_assert_eq((uintptr_t)st_at(f, 0)->data % 8, 0, "the header is padded");
    cr_assert_eq(st_to_f32(out, st_find(f, "a.weight"), NULL), OK);
    cr_assert_eq(memcmp(out, a, sizeof a), 0);
    cr_assert_eq(st_to_f32(out, st_find(f, "b"), NULL), OK);
    for (size_t i = 0; i < N; i++)
        cr_assert_leq(fabsf(out[i] - a[i]), fabsf(a[i]) / 256, "8 bits of mantissa");
    cr_assert_eq(st_find(f, "c")->shape[2], 7);
    cr_assert_eq(st_to_f32(out, st_find(f, "c"), NULL), OK);
    for (size_t i = 0; i < 70; i++) cr_assert_leq(fabsf(out[i] - a[i]), fabsf(a[i]) / 2048, "11 bits");
    cr_assert_eq(st_find(f, "scalar")->count, 1);
    st_close(f);
}

Test(st, integers_and_metadata_are_saved_as_they_are)
{
    static const int64_t wide[] = {-1, INT64_MAX, 7};
    static const int32_t plain[] = {INT32_MIN, 5};
    static const uint8_t bytes[] = {0, 255, 3, 9, 1};
    StItem items[] = {
        {"wide", ST_I64, 1, {3}, wide}, {"plain", ST_I32, 1, {2}, plain}, {"u8", ST_U8, 1, {5}, bytes}};
    StMeta meta[] = {{"about", "[\"\u00e9\"]"}, {"more", ""}, {"about", "again"}};
    char path[] = "test_st_XXXXXX";
    StFile *f = NULL;
    Err e = {0};
    close(mkstemp(path));
    cr_assert_eq(st_save_meta(path, items, 3, meta, 2, &e), OK, "%s", e.msg);
    cr_assert_eq(st_open(&f, path, &e), OK, "%s", e.msg);
    cr_assert_str_eq(st_meta(f, "format"), "pt");
    cr_assert_str_eq(st_meta(f, "about"), meta[0].value);
    cr_assert_str_eq(st_meta(f, "more"), "");
    cr_assert(memcmp(st_find(f, "wide")->data, wide, sizeof wide) == 0 && st_find(f, "wide")->type == ST_I64);
    cr_assert(memcmp(st_find(f, "plain")->data, plain, sizeof plain) == 0 && st_find(f, "plain")->count == 2);
    cr_assert(memcmp(st_find(f, "u8")->data, bytes, sizeof bytes) == 0 && st_find(f, "u8")->nbytes == 5);
    st_close(f);
    unlink(path);
    cr_assert_eq(st_save_meta(path, items, 3, meta, 3, &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "metadata 'about' occurs twice"));
    cr_assert_not(file_exists(path));
}

Test(st, what_cannot_be_written_is_named)
{
    static const float good[2] = {1, 2}, nan2[2] = {1, NAN}, big[2] = {1, 70000}, huge[2] = {1, 3.4e38f};
    struct {
        StItem it;
        Status code;
        const char *part;
    } bad[] = {{{"x", ST_F32, 1, {2}, nan2}, ERR_NUM, "tensor 'x'[1] = nan is not a finite F32"},
               {{"x", ST_F16, 1, {2}, big}, ERR_NUM, "tensor 'x'[1] = 70000 is not a finite F16"},
               {{"x", ST_BF16, 1, {2}, huge}, ERR_NUM, "not a finite BF16"},
               {{"x", ST_BOOL, 1, {2}, good}, ERR_ARG, "type BOOL"},
               {{"x", ST_F32, 9, {2}, good}, ERR_ARG, "9 dimensions"},
               {{"x", ST_F32, 2, {SIZE_MAX, 2}, good}, ERR_ARG, "does not fit"},
               {{"x", ST_F32, 1, {SIZE_MAX / 2}, good}, ERR_ARG, "does not fit"},
               {{"", ST_F32, 1, {2}, good}, ERR_ARG, "cannot be the name"},
               {{"__metadata__", ST_F32, 1, {2}, good}, ERR_ARG, "cannot be the name"},
               {{"\xff", ST_F32, 1, {2}, good}, ERR_ARG, "not UTF-8"},
               {{"first", ST_F32, 1, {2}, good}, ERR_ARG, "two tensors are named 'first'"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        StItem items[] = {{"first", ST_F32, 1, {2}, good}, bad[i].it};
        Err e = {0};
        cr_assert_eq(st_save("test_st_refused", items, 2, &e), bad[i].code, "%zu: %s", i, e.msg);
        cr_assert_not_null(strstr(e.msg, bad[i].part), "%s", e.msg);
        cr_assert_not(file_exists("test_st_refused"));
    }
    StItem one = {"first", ST_F32, 1, {2}, good};
    cr_assert_eq(st_save("no/such/folder/x", &one, 1, NULL), ERR_IO);
}
