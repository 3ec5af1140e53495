/* js.c - reading JSON. jansson refuses duplicate keys, bytes that are not UTF-8, lone surrogates and nesting
 * beyond 2,048 by itself; what is added here is messages with a place, and numbers that fit where they go. */
#include "prime/js.h"

#include "prime/file.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A JsVal is jansson's json_t under a name that keeps the library inside this room. */
static const json_t *js_in(const JsVal *v)
{
    return (const json_t *)v;
}

static const JsVal *js_out(const json_t *v)
{
    return (const JsVal *)v;
}

Status js_parse(JsVal **root, const char *text, size_t n, const char *name, Err *e)
{
    /* RFC 8259, section 8.1: a reader may ignore a byte order mark; jansson does not. */
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        n -= 3;
    }
    if (n == 0) FAIL(e, ERR_FORMAT, "%s: empty, want JSON", name);
    json_error_t why;
    json_t *v = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &why);
    if (v == NULL && json_error_code(&why) == json_error_out_of_memory)
        FAIL(e, ERR_NOMEM, "%s: no memory for %zu bytes of JSON", name, n);
    if (v == NULL) FAIL(e, ERR_FORMAT, "%s:%d:%d: not JSON: %s", name, why.line, why.column, why.text);
    *root = (JsVal *)v;
    return OK;
}

Status js_load(JsVal **root, const char *path, Err *e)
{
    char *text = NULL;
    size_t n = 0;
    TRY(file_read(&text, &n, path, e));
    Status s = js_parse(root, text, n, path, e);
    free(text);
    return s;
}

void js_close(JsVal *root)
{
    json_decref((json_t *)root);
}

JsType js_type(const JsVal *v)
{
    static const JsType of[] = {
        [JSON_OBJECT] = JS_OBJ, [JSON_ARRAY] = JS_ARR, [JSON_STRING] = JS_STR, [JSON_INTEGER] = JS_INT,
        [JSON_REAL] = JS_REAL,  [JSON_TRUE] = JS_BOOL, [JSON_FALSE] = JS_BOOL, [JSON_NULL] = JS_NULL};
    return v == NULL ? JS_NONE : of[json_typeof(js_in(v))];
}

const JsVal *js_get(const JsVal *obj, const char *key)
{
    return js_out(json_object_get(js_in(obj), key));
}

size_t js_len(const JsVal *v)
{
    return js_type(v) == JS_ARR ? json_array_size(js_in(v)) : json_object_size(js_in(v));
}

const JsVal *js_at(const JsVal *arr, size_t i)
{
    return js_out(json_array_get(js_in(arr), i));
}

const JsVal *js_next(const JsVal *obj, JsIter *it, const char **key)
{
    json_t *o =
        (json_t *)(size_t)js_in(obj); /* jansson's iterators want a mutable object; nothing is changed */
    if (!it->started)
        it->at = json_object_iter(o);
    else if (it->at != NULL)
        it->at = json_object_iter_next(o, it->at);
    it->started = true;
    if (it->at == NULL) return NULL;
    if (key != NULL) *key = json_object_iter_key(it->at);
    return js_out(json_object_iter_value(it->at));
}

const char *js_str(const JsVal *v, size_t *n)
{
    if (n != NULL) *n = json_string_length(js_in(v));
    return json_string_value(js_in(v));
}

double js_num(const JsVal *v, double otherwise)
{
    return json_is_number(js_in(v)) ? json_number_value(js_in(v)) : otherwise;
}

int64_t js_int(const JsVal *v, int64_t otherwise)
{
    if (js_type(v) == JS_INT) return json_integer_value(js_in(v));
    if (js_type(v) != JS_REAL) return otherwise;
    double x = json_real_value(js_in(v));
    /* The upper bound is open: 2^63 - 1 is no double, the next one is 2^63. */
    bool fits = x >= -0x1p63 && x < 0x1p63 && x == floor(x);
    return fits ? (int64_t)x : otherwise;
}

bool js_bool(const JsVal *v, bool otherwise)
{
    return js_type(v) == JS_BOOL ? json_is_true(js_in(v)) : otherwise;
}

const char *js_show(char buf[JS_SHOW], const JsVal *v)
{
    enum { CUT = 40 };
    size_t n = 0;
    const char *s = js_str(v, &n);
    switch (js_type(v)) {
    case JS_STR:
        snprintf(buf, JS_SHOW, "the text \"%.*s\"%s", CUT, s, n > CUT ? "..." : "");
        break;
    case JS_INT:
        snprintf(buf, JS_SHOW, "%" PRId64, js_int(v, 0));
        break;
    case JS_REAL:
        snprintf(buf, JS_SHOW, "%.17g", js_num(v, 0));
        break;
    case JS_BOOL:
        snprintf(buf, JS_SHOW, "%s", js_bool(v, false) ? "true" : "false");
        break;
    case JS_NULL:
        snprintf(buf, JS_SHOW, "null");
        break;
    case JS_ARR:
        snprintf(buf, JS_SHOW, "an array of %zu", js_len(v));
        break;
    case JS_OBJ:
        snprintf(buf, JS_SHOW, "an object with %zu keys", js_len(v));
        break;
    case JS_NONE:
        snprintf(buf, JS_SHOW, "missing");
        break;
    }
    return buf;
}

/* One sentence for every member that is missing or of the wrong kind. */
static Status js_unwanted(const JsVal *v, const char *key, const char *name, const char *want, Err *e)
{
    char buf[JS_SHOW];
    FAIL(e, ERR_FORMAT, "%s: %s is %s, want %s", name, key, js_show(buf, v), want);
}

Status js_need_size(size_t *out, const JsVal *obj, const char *key, const char *name, Err *e)
{
    const JsVal *v = js_get(obj, key);
    int64_t x = js_int(v, -1);
    if (x < 0) return js_unwanted(v, key, name, "a whole number >= 0", e);
    *out = (size_t)x;
    return OK;
}

Status js_need_num(double *out, const JsVal *obj, const char *key, const char *name, Err *e)
{
    const JsVal *v = js_get(obj, key);
    if (!json_is_number(js_in(v))) return js_unwanted(v, key, name, "a number", e);
    *out = json_number_value(js_in(v));
    return OK;
}

Status js_need_str(const char **out, const JsVal *obj, const char *key, const char *name, Err *e)
{
    const JsVal *v = js_get(obj, key);
    size_t n = 0;
    const char *s = js_str(v, &n);
    /* Callers use it as a C string: a NUL byte would silently cut it. */
    if (s == NULL || strlen(s) != n) return js_unwanted(v, key, name, "a text without NUL bytes", e);
    *out = s;
    return OK;
}
