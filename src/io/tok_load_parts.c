#include "tok_load_priv.h"

#include <string.h>

enum { DEEPEST_SEQUENCE = 8 };

static Status part_refuse(const TokPartList *list, const char *type, Err *e)
{
    Str names = {0};
    for (size_t i = 0; i < list->n; i++) str_printf(&names, i == 0 ? "%s" : ", %s", list->kinds[i].type);
    err_set(e, ERR_UNSUP, __FILE__, __LINE__, "%s of type '%.40s' is not implemented; known are Sequence, %s",
            list->where, type, names.s != NULL ? names.s : "");
    str_free(&names);
    return ERR_UNSUP;
}

static Status part_one(Tok *t, const JsVal *v, const char *type, const TokPartList *list, Err *e)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(type, list->kinds[i].type) == 0) return list->kinds[i].read(t, v, &list->kinds[i], e);
    return part_refuse(list, type, e);
}

static Status parts_walk(Tok *t, const JsVal *v, const TokPartList *list, int depth, Err *e)
{
    char show[JS_SHOW];
    const char *where = list->where, *type = js_str(js_get(v, "type"), NULL);
    if (type == NULL) FAIL(e, ERR_FORMAT, "%s is %s without a type", where, js_show(show, v));
    if (strcmp(type, "Sequence") != 0) return part_one(t, v, type, list, e);
    const char *const known[] = {"type", list->key, NULL};
    TRY(tok_keys_known(v, where, known, e));
    const JsVal *members = js_get(v, list->key);
    if (js_type(members) != JS_ARR)
        FAIL(e, ERR_FORMAT, "%s: a Sequence without the array '%s'", where, list->key);
    if (depth == DEEPEST_SEQUENCE)
        FAIL(e, ERR_UNSUP, "%s: Sequences within Sequences more than %d deep are not implemented", where,
             DEEPEST_SEQUENCE);
    for (size_t i = 0; i < js_len(members); i++) {
        if (js_type(js_at(members, i)) != JS_OBJ)
            FAIL(e, ERR_FORMAT, "%s: member %zu of a Sequence is no object", where, i);
        TRY(parts_walk(t, js_at(members, i), list, depth + 1, e));
    }
    return OK;
}

Status tok_parts_read(Tok *t, const JsVal *v, const TokPartList *list, Err *e)
{
    return js_type(v) <= JS_NULL ? OK : parts_walk(t, v, list, 0, e);
}

Status tok_part_text(Tok *t, TokSpan *out, const JsVal *v, const char *key, const char *where, Err *e)
{
    char show[JS_SHOW];
    size_t n = 0;
    const char *s = js_str(js_get(v, key), &n);
    if (s == NULL)
        FAIL(e, ERR_FORMAT, "%s: %s is %s, want a text", where, key, js_show(show, js_get(v, key)));
    return tok_text_add(t, out, s, n, e);
}

Status tok_part_char(Tok *t, TokSpan *out, const JsVal *v, const char *key, const char *where, Err *e)
{
    char show[JS_SHOW];
    size_t n = 0;
    const char *s = js_str(js_get(v, key), &n);
    if (s == NULL || n == 0 || utf8_width(s, n) != n)
        FAIL(e, ERR_FORMAT, "%s: %s is %s, want one character", where, key, js_show(show, js_get(v, key)));
    return tok_text_add(t, out, s, n, e);
}

Status tok_part_pattern(pcre2_code **code, const JsVal *v, const char *where, Err *e)
{
    const JsVal *pattern = js_get(v, "pattern");
    size_t n = 0;
    const char *s = js_str(js_get(pattern, "Regex"), &n);
    bool literal = s == NULL;
    if (literal) s = js_str(js_get(pattern, "String"), &n);
    if (s == NULL || js_len(pattern) != 1)
        FAIL(e, ERR_FORMAT, "%s: no pattern, want {\"Regex\": text} or {\"String\": text}", where);
    if (n == 0) FAIL(e, ERR_UNSUP, "%s: an empty pattern is not implemented", where);
    return tok_find_compile(code, s, n, literal ? TOK_LITERAL : TOK_REGEX, e);
}

/* Older files know add_prefix_space alone. Differs: newer readers want prepend_scheme "never" beside false.
 */
Status tok_meta_where(TokWhere *out, const JsVal *v, const char *where, Err *e)
{
    static const char *const names[] = {
        [TOK_NEVER] = "never", [TOK_FIRST] = "first", [TOK_ALWAYS] = "always"};
    char show[JS_SHOW];
    bool prefix;
    TRY(tok_flag(&prefix, v, "add_prefix_space", true, e));
    const JsVal *scheme = js_get(v, "prepend_scheme");
    const char *name = scheme == NULL ? "always" : js_str(scheme, NULL);
    for (size_t i = 0; i < 3; i++) {
        if (name == NULL || strcmp(name, names[i]) != 0) continue;
        *out = prefix ? (TokWhere)i : TOK_NEVER;
        if (scheme != NULL && !prefix && i != TOK_NEVER)
            FAIL(e, ERR_FORMAT, "%s: add_prefix_space is false, but prepend_scheme is \"%s\"", where, name);
        return OK;
    }
    FAIL(e, ERR_FORMAT, "%s: prepend_scheme is %s, want \"always\", \"first\" or \"never\"", where,
         js_show(show, scheme));
}
