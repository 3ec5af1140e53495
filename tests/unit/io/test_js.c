#include "prime/js.h"

#include "prime/file.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static JsVal *js_good(const char *text)
{
    Err e = {0};
    JsVal *v = NULL;
    cr_assert_eq(js_parse(&v, text, strlen(text), "t.json", &e), OK, "%s", e.msg);
    return v;
}

Test(js, every_type_and_getter)
{
    JsVal *v = js_good("{\"i\": -3, \"r\": 2.5, \"w\": 1e3, \"s\": \"a\\u0000b\", \"t\": true, \"n\": null,"
                       " \"a\": [1, 2, 3], \"o\": {\"k\": 7}, \"big\": 9223372036854775807, \"h\": 1e300}");
    cr_assert_eq(js_type(v), JS_OBJ);
    cr_assert_eq(js_type(js_get(v, "i")), JS_INT);
    cr_assert_eq(js_type(js_get(v, "r")), JS_REAL);
    cr_assert_eq(js_type(js_get(v, "s")), JS_STR);
    cr_assert_eq(js_type(js_get(v, "t")), JS_BOOL);
    cr_assert_eq(js_type(js_get(v, "n")), JS_NULL);
    cr_assert_eq(js_type(js_get(v, "a")), JS_ARR);
    cr_assert_eq(js_type(js_get(v, "no")), JS_NONE);
    cr_assert_eq(js_int(js_get(v, "i"), 9), -3);
    cr_assert_eq(js_int(js_get(v, "w"), 9), 1000);
    cr_assert_eq(js_int(js_get(v, "r"), 9), 9, "2.5 is not whole");
    cr_assert_eq(js_int(js_get(v, "h"), 9), 9, "1e300 does not fit");
    cr_assert_eq(js_int(js_get(v, "big"), 9), INT64_MAX);
    cr_assert_eq(js_num(js_get(v, "i"), 9), -3.0);
    cr_assert_eq(js_num(js_get(v, "s"), 9), 9.0);
    cr_assert_eq(js_bool(js_get(v, "t"), false), true);
    cr_assert_eq(js_bool(js_get(v, "i"), true), true);
    size_t n = 0;
    const char *s = js_str(js_get(v, "s"), &n);
    cr_assert(n == 3 && memcmp(s, "a\0b", 3) == 0);
    cr_assert_null(js_str(js_get(v, "i"), NULL));
    cr_assert_eq(js_len(js_get(v, "a")), 3);
    cr_assert_eq(js_len(v), 10);
    cr_assert_eq(js_int(js_at(js_get(v, "a"), 2), 0), 3);
    cr_assert_null(js_at(js_get(v, "a"), 3));
    cr_assert_eq(js_int(js_get(js_get(v, "o"), "k"), 0), 7);
    js_close(v);
}

Test(js, null_goes_through_every_getter)
{
    JsIter it = {0};
    cr_assert_null(js_get(js_at(js_get(NULL, "a"), 0), "b"));
    cr_assert_null(js_next(NULL, &it, NULL));
    cr_assert_null(js_str(NULL, NULL));
    cr_assert_eq(js_len(NULL), 0);
    cr_assert_eq(js_int(NULL, 4), 4);
    cr_assert_eq(js_num(NULL, 4.5), 4.5);
    cr_assert_eq(js_bool(NULL, true), true);
    js_close(NULL);
}

Test(js, objects_are_walked_in_the_order_of_the_text)
{
    JsVal *v = js_good("{\"z\": 1, \"a\": 2, \"m\": 3}");
    const char *key = NULL;
    char seen[8] = "";
    JsIter it = {0};
    for (const JsVal *x; (x = js_next(v, &it, &key)) != NULL;) strcat(seen, key);
    cr_assert_str_eq(seen, "zam");
    cr_assert_null(js_next(v, &it, &key), "the end stays the end");
    js_close(v);
}

static void js_refused(const char *text, size_t n, const char *part)
{
    Err e = {0};
    JsVal *v = NULL;
    cr_assert_eq(js_parse(&v, text, n, "t.json", &e), ERR_FORMAT, "%s", text);
    cr_assert_null(v);
    cr_assert_not_null(strstr(e.msg, "t.json"), "%s", e.msg);
    cr_assert_not_null(strstr(e.msg, part), "%s", e.msg);
}

Test(js, damaged_text_is_refused_with_its_place)
{
    static const char *const bad[] = {"{",
                                      "[1,]",
                                      "{\"a\":1} x",
                                      "nul",
                                      "\"\\ud800\"",
                                      "\"a\nb\"",
                                      "01",
                                      "NaN",
                                      "1e999",
                                      "123456789012345678901234567890",
                                      "\"\xff\"",
                                      "\"\xc0\xaf\"",
                                      "{\"a\\u0000b\": 1}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) js_refused(bad[i], strlen(bad[i]), "t.json:1:");
    js_refused("{\n\"a\": 1,\n\"a\": 2}", 18, "t.json:3:");
    js_refused("", 0, "empty");
    js_refused("\xef\xbb\xbf", 3, "empty");
    js_refused("\0", 1, "t.json:1:");
    js_refused("[1]\0", 4, "t.json:1:");
}

Test(js, depth_bombs_are_refused)
{
    size_t n = 200000;
    char *text = malloc(n);
    cr_assert_not_null(text);
    memset(text, '[', n);
    js_refused(text, n, "depth");
    for (size_t i = 0; i + 5 <= n; i += 5) memcpy(text + i, "{\"a\":", 5);
    js_refused(text, n, "depth");
    free(text);
}

Test(js, a_byte_order_mark_is_skipped)
{
    JsVal *v = js_good("\xef\xbb\xbf[1]");
    cr_assert_eq(js_len(v), 1);
    js_close(v);
}

Test(js, needed_members_name_file_key_and_value)
{
    JsVal *v = js_good("{\"n\": 12, \"neg\": -1, \"x\": 0.5, \"s\": \"hi\", \"z\": \"a\\u0000\", \"a\": []}");
    size_t n = 99;
    double x = 0;
    const char *s = NULL;
    cr_assert_eq(js_need_size(&n, v, "n", "c.json", NULL), OK);
    cr_assert_eq(n, 12);
    cr_assert_eq(js_need_num(&x, v, "x", "c.json", NULL), OK);
    cr_assert_eq(x, 0.5);
    cr_assert_eq(js_need_str(&s, v, "s", "c.json", NULL), OK);
    cr_assert_str_eq(s, "hi");
    struct {
        const char *key, *msg;
    } bad[] = {{"neg", "c.json: neg is -1, want a whole number >= 0"},
               {"x", "c.json: x is 0.5, want a whole number >= 0"},
               {"s", "c.json: s is the text \"hi\", want a whole number >= 0"},
               {"a", "c.json: a is an array of 0, want a whole number >= 0"},
               {"gone", "c.json: gone is missing, want a whole number >= 0"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Err e = {0};
        cr_assert_eq(js_need_size(&n, v, bad[i].key, "c.json", &e), ERR_FORMAT);
        cr_assert_str_eq(e.msg, bad[i].msg);
    }
    cr_assert_eq(n, 12, "outputs stay on failure");
    cr_assert_eq(js_need_num(&x, v, "s", "c.json", NULL), ERR_FORMAT);
    cr_assert_eq(js_need_str(&s, v, "n", "c.json", NULL), ERR_FORMAT);
    cr_assert_eq(js_need_str(&s, v, "z", "c.json", NULL), ERR_FORMAT, "a NUL byte would cut the text");
    js_close(v);
}

static JsVal *js_sample(void)
{
    JsVal *o = js_new_obj(), *a = js_new_arr();
    js_push(a, js_new_num(0.05));
    js_push(a, js_new_num(3));
    js_push(a, js_new_num(1.0 / 3));
    js_push(a, js_new_num(NAN));
    js_push(a, js_new_num(-0.0));
    js_push(a, js_new_num(1e300));
    js_set(o, "nums", a);
    js_set(o, "text", js_new_str("q\"\\\n\x01\xc3\xa9"));
    js_set(o, "cut", js_new_strn("a\xc3\xffz\xe2\x82", 6));
    js_set(o, "yes", js_new_bool(true));
    js_set(o, "int", js_new_int(INT64_MIN));
    js_set(o, "none", js_new_null());
    js_set(o, "e", js_new_obj());
    js_set(o, "f", js_new_arr());
    return o;
}

Test(js, what_is_written_has_few_digits_and_reads_back)
{
    JsVal *o = js_sample();
    Str s = {0};
    cr_assert_eq(js_dump(&s, o, 0, NULL), OK);
    cr_assert_str_eq(s.s, "{\"nums\": [0.05, 3, 0.3333333333333333, null, -0.0, 1e+300], "
                          "\"text\": \"q\\\"\\\\\\n\\u0001\xc3\xa9\", "
                          "\"cut\": \"a\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\", \"yes\": true, "
                          "\"int\": -9223372036854775808, \"none\": null, \"e\": {}, \"f\": []}");
    JsVal *back = js_good(s.s);
    Str again = {0};
    cr_assert_eq(js_dump(&again, back, 0, NULL), OK);
    cr_assert_str_eq(again.s, s.s, "reading and writing is stable");
    cr_assert_eq(js_num(js_at(js_get(back, "nums"), 2), 0), 1.0 / 3);
    str_free(&s);
    str_free(&again);
    js_close(back);
    js_close(o);
}

Test(js, indented_text_and_whole_files)
{
    JsVal *v = js_good("{\"a\": [1, 2.0], \"b\": {}}"), *back = NULL;
    Str s = {0};
    Err e = {0};
    cr_assert_eq(js_dump(&s, v, 2, NULL), OK);
    cr_assert_str_eq(s.s, "{\n  \"a\": [\n    1,\n    2.0\n  ],\n  \"b\": {}\n}");
    char path[] = "test_js_XXXXXX";
    close(mkstemp(path));
    cr_assert_eq(js_save(path, v, &e), OK, "%s", e.msg);
    cr_assert_eq(js_load(&back, path, &e), OK, "%s", e.msg);
    cr_assert_eq(js_num(js_at(js_get(back, "a"), 1), 0), 2.0);
    unlink(path);
    cr_assert_eq(js_load(&back, path, &e), ERR_IO);
    cr_assert_eq(js_save("no/such/folder/x.json", v, NULL), ERR_IO);
    str_free(&s);
    js_close(back);
    js_close(v);
}

Test(js, a_failed_build_is_reported_once)
{
    JsVal *o = js_new_obj();
    Str s = {0};
    Err e = {0};
    js_set(o, "a", NULL); /* what a builder without memory hands on */
    cr_assert_eq(js_dump(&s, o, 0, &e), ERR_NOMEM);
    cr_assert_eq(js_dump(&s, o, 0, NULL), OK);
    cr_assert_str_eq(s.s, "{}");
    js_push(NULL, js_new_int(1));
    cr_assert_eq(js_dump(&s, o, 0, NULL), ERR_NOMEM);
    cr_assert_eq(js_dump(&s, NULL, 0, NULL), ERR_NOMEM);
    js_close(o);
    str_free(&s);
}

Test(js, a_tree_that_the_reader_would_refuse_is_not_written)
{
    JsVal *v = js_new_arr();
    for (int i = 0; i < 3000; i++) {
        JsVal *outer = js_new_arr();
        js_push(outer, v);
        v = outer;
    }
    Str s = {0};
    str_puts(&s, "kept");
    cr_assert_eq(js_dump(&s, v, 0, NULL), ERR_ARG);
    cr_assert_str_eq(s.s, "kept");
    str_free(&s);
    js_close(v);
}
