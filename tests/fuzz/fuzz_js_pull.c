/* fuzz_js_pull.c - any bytes, token by token: refused with a message, or the same values as the tree of js.h.
 * What js.h takes, this takes. */
#include "prime/js.h"
#include "prime/js_pull.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pull_same(JsPull *p, JsEvent ev, const JsVal *v);

static JsEvent pull_must(JsPull *p)
{
    JsEvent ev = PULL_END;
    if (js_pull_next(&ev, p, NULL) != OK) abort();
    return ev;
}

static void pull_same_children(JsPull *p, const JsVal *v)
{
    JsIter it = {0};
    const char *key = NULL;
    if (js_type(v) == JS_ARR) {
        for (size_t i = 0; i < js_len(v); i++) pull_same(p, pull_must(p), js_at(v, i));
        if (pull_must(p) != PULL_ARR_END) abort();
        return;
    }
    for (const JsVal *c; (c = js_next(v, &it, &key)) != NULL;) {
        size_t n = 0;
        if (pull_must(p) != PULL_KEY || strcmp(js_pull_str(p, &n), key) != 0 || strlen(key) != n) abort();
        pull_same(p, pull_must(p), c);
    }
    if (pull_must(p) != PULL_OBJ_END) abort();
}

static void pull_same(JsPull *p, JsEvent ev, const JsVal *v)
{
    static const JsEvent of[] = {[JS_NULL] = PULL_NULL, [JS_INT] = PULL_NUM, [JS_REAL] = PULL_NUM,
                                 [JS_STR] = PULL_STR,   [JS_ARR] = PULL_ARR, [JS_OBJ] = PULL_OBJ};
    JsType t = js_type(v);
    if (ev != (t == JS_BOOL ? (js_bool(v, false) ? PULL_TRUE : PULL_FALSE) : of[t])) abort();
    size_t n = 0, m = 0;
    if (t == JS_STR) {
        const char *a = js_pull_str(p, &n), *b = js_str(v, &m);
        if (n != m || memcmp(a, b, n) != 0) abort();
    }
    if ((t == JS_INT || t == JS_REAL) && strtod(js_pull_str(p, NULL), NULL) != js_num(v, 0)) abort();
    if (t == JS_ARR || t == JS_OBJ) pull_same_children(p, v);
}

/* To the end; the tokens must nest. */
static Status pull_all(JsPull *p, Err *e)
{
    for (JsEvent ev = PULL_OBJ; ev != PULL_END;) TRY(js_pull_next(&ev, p, e));
    return js_pull_depth(p) == 0 ? OK : (abort(), OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    JsPull *p = NULL;
    JsVal *v = NULL;
    Err e = {0}, again = {0};
    if (js_pull_text(&p, text, size, "input", 1, NULL) != OK) abort();
    Status s = pull_all(p, &e);
    if (s != OK && (e.msg[0] == '\0' || pull_all(p, &again) != s || strcmp(e.msg, again.msg) != 0)) abort();
    /* jansson overlooks a NUL byte behind a number. */
    bool nul = size > 0 && memchr(text, 0, size) != NULL;
    bool tree = js_parse(&v, text, size, "input", NULL) == OK && !nul;
    if (tree && s != OK && strstr(e.msg, "nested deeper") == NULL && strstr(e.msg, "more than") == NULL)
        abort();
    if (tree && s == OK) {
        js_pull_again(p, text, size, 1);
        pull_same(p, pull_must(p), v);
        if (pull_must(p) != PULL_END) abort();
    }
    js_close(v);
    js_pull_close(p);
    return 0;
}
