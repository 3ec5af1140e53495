#include "prime/file.h"
#include "prime/js.h"
#include "prime/js_pull.h"
#include "prime/str.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The tokens as one letter each, texts in brackets behind them. */
static void pull_tokens(Str *out, JsPull *p, Err *e)
{
    JsEvent ev = PULL_OBJ;
    while (ev != PULL_END && js_pull_next(&ev, p, e) == OK) {
        str_put(out, ".{}[]ksntf0" + ev, 1);
        if (ev == PULL_KEY || ev == PULL_STR || ev == PULL_NUM) str_printf(out, "(%s)", js_pull_str(p, NULL));
    }
}

static const char *tokens(const char *text, size_t n)
{
    static Str out;
    JsPull *p = NULL;
    Err e = {0};
    str_clear(&out);
    cr_assert_eq(js_pull_text(&p, text, n, "t", 1, &e), OK);
    pull_tokens(&out, p, &e);
    if (e.code != OK) str_printf(&out, "!%s", e.msg);
    js_pull_close(p);
    return out.s;
}

#define TOKENS(text, want) \
    cr_expect_str_eq(tokens(text, strlen(text)), want, "%s", tokens(text, strlen(text)))

Test(js_pull, tokens)
{
    TOKENS(" [1, -0.5e+3 ,\"a\\n\\u00e9\",{ \"k\" : null, \"l\":[true,false]} , {}, []]\n",
           "[n(1)n(-0.5e+3)s(a\n\xc3\xa9){k(k)0k(l)[tf]}{}[]].");
    TOKENS("\"x\"", "s(x).");
    TOKENS("\xef\xbb\xbf[]", "[].");
    TOKENS("\"\\ud83d\\ude00 \\ud83d \\ude00 \\ud83d\\u0041\"",
           "s(\xf0\x9f\x98\x80 \xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd"
           "A).");
    TOKENS("\"0123456789 0123456789 caf\xc3\xa9 0123456789\"",
           "s(0123456789 0123456789 caf\xc3\xa9 0123456789).");
}

Test(js_pull, mistakes_have_their_line)
{
    TOKENS("", "!t:1: not JSON: the text ends where a value should be");
    TOKENS("[1,\n\n2", "[n(1)n(2)!t:3: not JSON: the text ends where a comma should be");
    TOKENS("[1 2]", "[n(1)!t:1: not JSON: '2' where a comma or ] should be");
    TOKENS("{\"a\" 1}", "{!t:1: not JSON: '1' where a colon should be");
    TOKENS("{\"a\":1,}", "{k(a)n(1)!t:1: not JSON: '}' where a key should be");
    TOKENS("{\"a\":1]", "{k(a)n(1)!t:1: not JSON: ']' where a comma or } should be");
    TOKENS("{1:2}", "{!t:1: not JSON: '1' where a key should be");
    TOKENS("[,]", "[!t:1: not JSON: ',' where a value should be");
    TOKENS("[1,]", "[n(1)!t:1: not JSON: ']' where a value should be");
    TOKENS("[] []", "[]!t:1: not JSON: '[' where the end should be");
    TOKENS("nul", "!t:1: not JSON: 'n' where a value should be");
    TOKENS("\"a\nb\"", "!t:1: not JSON: control character 0x0a in a text");
    TOKENS("\"\xff\"", "!t:1: not JSON: byte 0xff is not UTF-8");
    TOKENS("\"\xc3\"", "!t:1: not JSON: byte 0xc3 is not UTF-8");
    TOKENS("\"\\x\"", "!t:1: not JSON: an escape that there is not");
    TOKENS("\"\\u12g4\"", "!t:1: not JSON: four hexadecimal digits should follow \\u");
    TOKENS("\"abc", "!t:1: not JSON: a text is not closed");
    TOKENS("\"abc\\", "!t:1: not JSON: a text is not closed");
    TOKENS("01", "!t:1: not JSON: a number that is none");
    TOKENS("1.", "!t:1: not JSON: a number that is none");
    TOKENS("1e", "!t:1: not JSON: a number that is none");
    TOKENS("-", "!t:1: not JSON: a number that is none");
    TOKENS("\x01", "!t:1: not JSON: byte 0x01 where a value should be");
}

Test(js_pull, depth_and_numbers_are_bounded)
{
    char deep[2 * JS_PULL_DEPTH + 3];
    memset(deep, '[', JS_PULL_DEPTH + 1);
    deep[JS_PULL_DEPTH + 1] = '\0';
    cr_assert_not_null(strstr(tokens(deep, strlen(deep)), "!t:1: not JSON: nested deeper than 512"));
    memset(deep + JS_PULL_DEPTH, ']', JS_PULL_DEPTH);
    deep[2 * JS_PULL_DEPTH] = '\0';
    cr_assert_null(strchr(tokens(deep, strlen(deep)), '!'));
    char number[JS_PULL_NUM + 2];
    memset(number, '7', sizeof number);
    cr_assert_null(strchr(tokens(number, JS_PULL_NUM), '!'));
    cr_assert_not_null(strstr(tokens(number, JS_PULL_NUM + 1), "a number of more than 400 characters"));
}

Test(js_pull, an_error_stays)
{
    JsPull *p = NULL;
    JsEvent ev;
    Err e = {0}, again = {0};
    cr_assert_eq(js_pull_text(&p, "[1;2]", 5, "t", 7, &e), OK);
    while (js_pull_next(&ev, p, &e) == OK) {
    }
    cr_assert_eq(js_pull_next(&ev, p, &again), ERR_FORMAT);
    cr_assert_str_eq(e.msg, "t:7: not JSON: ';' where a comma or ] should be");
    cr_assert_str_eq(again.msg, e.msg);
    js_pull_again(p, "[3]", 3, 9);
    e = (Err){0};
    cr_assert_eq(js_pull_next(&ev, p, &e), OK);
    cr_assert_eq(js_pull_line(p), 9);
    js_pull_close(p);
    js_pull_close(NULL);
}

Test(js_pull, skipping)
{
    const char *text = "{\"a\": {\"b\": [1, {\"c\": \"}\"}]}, \"d\": 5, \"e\": []}";
    JsPull *p = NULL;
    JsEvent ev;
    Err e = {0};
    Str keys = {0};
    cr_assert_eq(js_pull_text(&p, text, strlen(text), "t", 1, &e), OK);
    cr_assert_eq(js_pull_next(&ev, p, &e), OK);
    while (js_pull_next(&ev, p, &e) == OK && ev == PULL_KEY) {
        str_puts(&keys, js_pull_str(p, NULL));
        cr_assert_eq(js_pull_skip(p, ev, &e), OK, "%s", e.msg);
    }
    cr_assert_eq(ev, PULL_OBJ_END);
    cr_assert_eq(js_pull_depth(p), 0);
    cr_assert_str_eq(keys.s, "ade");
    str_free(&keys);
    js_pull_close(p);
}

/* Texts, escapes and characters of several bytes that lie across the end of a window, at every place. */
Test(js_pull, a_file_is_read_as_its_text_is)
{
    char path[] = "test_js_pull_XXXXXX";
    int fd = mkstemp(path);
    Str text = {0}, a = {0}, b = {0};
    Err e = {0};
    cr_assert_geq(fd, 0);
    close(fd);
    for (int shift = 0; shift < 12; shift++) {
        str_clear(&text);
        str_printf(&text, "[\"%*s\"", shift, "");
        while (text.n < (1 << 19))
            str_puts(&text, ",\n{\"key\": \"caf\xc3\xa9 \\ud83d\\ude00 \xf0\x9f\x98\x80 \\\"q\\\"\", \"n\": "
                            "-12.5e-3, \"t\": true}");
        str_puts(&text, "]");
        cr_assert_eq(file_write(path, text.s, text.n, &e), OK);
        JsPull *p = NULL, *q = NULL;
        cr_assert_eq(js_pull_open(&p, path, &e), OK, "%s", e.msg);
        cr_assert_eq(js_pull_text(&q, text.s, text.n, "t", 1, &e), OK);
        str_clear(&a);
        str_clear(&b);
        pull_tokens(&a, p, &e);
        cr_assert_eq(e.code, OK, "%s", e.msg);
        pull_tokens(&b, q, &e);
        cr_assert_eq(e.code, OK, "%s", e.msg);
        cr_assert(a.n == b.n && memcmp(a.s, b.s, a.n) == 0);
        cr_assert_eq(js_pull_line(p), js_pull_line(q));
        js_pull_close(p);
        js_pull_close(q);
    }
    unlink(path);
    str_free(&text);
    str_free(&a);
    str_free(&b);
}

Test(js_pull, files_that_cannot_be_read)
{
    JsPull *p = NULL;
    JsEvent ev;
    Err e = {0};
    cr_assert_eq(js_pull_open(&p, "no_such_file.json", &e), ERR_IO);
    cr_assert_null(p);
    e = (Err){0};
    cr_assert_eq(js_pull_open(&p, ".", &e), OK);
    cr_assert_eq(js_pull_next(&ev, p, &e), ERR_IO, "a folder");
    js_pull_close(p);
}

/* js_put_text writes what js_dump writes. */
Test(js_pull, texts_are_written_as_trees_are)
{
    const char *const all[] = {"", "plain", "a \"b\" \\ \n\r\t\b\f \x01 \x7f",
                               "caf\xc3\xa9 \xe2\x80\xa8 \xf0\x9f\x98\x80", "0123456789abcdef\x1f"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        Str a = {0}, b = {0};
        JsVal *v = js_new_str(all[i]);
        cr_assert_eq(js_dump(&a, v, 0, NULL), OK);
        js_put_text(&b, all[i], strlen(all[i]));
        cr_assert_str_eq(a.s, b.s);
        js_close(v);
        str_free(&a);
        str_free(&b);
    }
}
