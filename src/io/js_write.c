/* js_write.c - building a tree and writing it. The text is laid out here and not by jansson, because jansson
 * writes 0.05 as 0.050000000000000003 as soon as it has to keep all digits. */
#include "prime/js.h"

#include "prime/file.h"
#include "text_priv.h"
#include "utf8_priv.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

enum { DEEPEST = 2048 }; /* what the reader accepts */

/* Set by the first builder that fails in this thread; read and cleared by js_dump. */
static _Thread_local bool build_failed;

/* What every js_new_* ends with. */
static JsVal *js_built(json_t *v)
{
    if (v == NULL) build_failed = true;
    return (JsVal *)v;
}

void js_put_text(Str *out, const char *s, size_t n)
{
    text_quote(out, s, n);
}

JsVal *js_new_obj(void)
{
    return js_built(json_object());
}

JsVal *js_new_arr(void)
{
    return js_built(json_array());
}

JsVal *js_new_str(const char *s)
{
    return js_new_strn(s, strlen(s));
}

JsVal *js_new_strn(const char *s, size_t n)
{
    /* Answers of a model can be cut inside a character: one bad byte must not lose the whole file. */
    size_t good = utf8_bad(s, n);
    if (good == n) return js_built(json_stringn_nocheck(s, n));
    Str fixed = {0};
    while (true) {
        str_put(&fixed, s, good);
        if (good == n) break;
        str_puts(&fixed, "\xef\xbf\xbd");
        s += good + 1;
        n -= good + 1;
        good = utf8_bad(s, n);
    }
    JsVal *v = js_built(fixed.failed ? NULL : json_stringn_nocheck(fixed.s, fixed.n));
    str_free(&fixed);
    return v;
}

JsVal *js_new_num(double x)
{
    if (!isfinite(x)) return js_new_null();
    /* Above 2^53 a double stands for several integers; -0 has no integer. */
    bool whole = x == floor(x) && fabs(x) <= 0x1p53 && !(x == 0 && signbit(x));
    return js_built(whole ? json_integer((json_int_t)x) : json_real(x));
}

JsVal *js_new_int(int64_t x)
{
    return js_built(json_integer(x));
}

JsVal *js_new_bool(bool b)
{
    return js_built(json_boolean(b));
}

JsVal *js_new_null(void)
{
    return js_built(json_null());
}

void js_set(JsVal *obj, const char *key, JsVal *v)
{
    if (json_object_set_new((json_t *)obj, key, (json_t *)v) != 0) build_failed = true;
}

void js_push(JsVal *arr, JsVal *v)
{
    if (json_array_append_new((json_t *)arr, (json_t *)v) != 0) build_failed = true;
}

static void js_put_real(Str *out, double x)
{
    size_t at = out->n;
    str_num(out, x);
    if (!out->failed && strpbrk(out->s + at, ".e") == NULL) str_puts(out, ".0"); /* stays a real when read */
}

/* indent 0 is everything on one line. */
static void js_put_break(Str *out, int indent, int depth)
{
    if (indent > 0) str_printf(out, "\n%*s", indent * depth, "");
}

static bool js_put_value(Str *out, const JsVal *v, int indent, int depth);

static bool js_put_array(Str *out, const JsVal *v, int indent, int depth)
{
    str_puts(out, "[");
    for (size_t i = 0; i < js_len(v); i++) {
        if (i > 0) str_puts(out, indent > 0 ? "," : ", ");
        js_put_break(out, indent, depth + 1);
        if (!js_put_value(out, js_at(v, i), indent, depth + 1)) return false;
    }
    if (js_len(v) > 0) js_put_break(out, indent, depth);
    str_puts(out, "]");
    return true;
}

static bool js_put_object(Str *out, const JsVal *v, int indent, int depth)
{
    JsIter it = {0};
    const char *key = NULL;
    size_t i = 0;
    str_puts(out, "{");
    for (const JsVal *x; (x = js_next(v, &it, &key)) != NULL; i++) {
        if (i > 0) str_puts(out, indent > 0 ? "," : ", ");
        js_put_break(out, indent, depth + 1);
        text_quote(out, key, strlen(key));
        str_puts(out, ": ");
        if (!js_put_value(out, x, indent, depth + 1)) return false;
    }
    if (i > 0) js_put_break(out, indent, depth);
    str_puts(out, "}");
    return true;
}

/* False when the tree is too deep. */
static bool js_put_value(Str *out, const JsVal *v, int indent, int depth)
{
    size_t n = 0;
    const char *s = js_str(v, &n);
    if (depth > DEEPEST) return false;
    switch (js_type(v)) {
    case JS_OBJ:
        return js_put_object(out, v, indent, depth);
    case JS_ARR:
        return js_put_array(out, v, indent, depth);
    case JS_STR:
        text_quote(out, s, n);
        break;
    case JS_INT:
        str_printf(out, "%" PRId64, js_int(v, 0));
        break;
    case JS_REAL:
        js_put_real(out, js_num(v, 0));
        break;
    case JS_BOOL:
        str_puts(out, js_bool(v, false) ? "true" : "false");
        break;
    case JS_NULL:
    case JS_NONE:
        str_puts(out, "null");
        break;
    }
    return true;
}

Status js_dump(Str *out, const JsVal *root, int indent, Err *e)
{
    bool failed = build_failed || root == NULL;
    build_failed = false;
    if (failed) FAIL(e, ERR_NOMEM, "no memory for a JSON tree, or a key that is not UTF-8");
    size_t before = out->n; /* a tree that is refused leaves no half of itself behind */
    bool fits = js_put_value(out, root, indent, 0);
    if (!fits && !out->failed && out->s != NULL) out->s[out->n = before] = '\0';
    if (!fits) FAIL(e, ERR_ARG, "a JSON tree is nested deeper than %d", DEEPEST);
    if (out->failed) FAIL(e, ERR_NOMEM, "no memory for the text of a JSON tree");
    return OK;
}

Status js_save(const char *path, const JsVal *root, Err *e)
{
    Str text = {0};
    Status s = js_dump(&text, root, 2, e);
    if (s == OK) {
        str_puts(&text, "\n");
        s = text.failed ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory for its text", path)
                        : file_write(path, text.s, text.n, e);
    }
    str_free(&text);
    return s;
}
