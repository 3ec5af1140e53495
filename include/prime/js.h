/* js.h - JSON in and out, over jansson (which only room io may include).
 *
 * Reading: the root owns a tree; every other JsVal is a borrowed node, valid until js_close(root). Every
 * getter accepts NULL, so that chains such as js_get(js_get(root, "a"), "b") need one test at the end.
 * Refused with ERR_FORMAT, by line and column: keys that occur twice in one object, bytes that are not UTF-8,
 * nesting deeper than 2,048, integers outside 64 bits, text after the value. A byte order mark is skipped. A
 * tree that is only read may be shared by threads. Writing: build a tree with js_new_*, js_set and js_push,
 * then js_dump or js_save. A real takes the fewest digits that read back the same double; keys keep their
 * order of insertion, so equal trees give equal bytes.
 */
#ifndef PRIME_JS_H
#define PRIME_JS_H

#include "prime/err.h"
#include "prime/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct JsVal JsVal; /* a node; never dereferenced outside io */

typedef enum { JS_NONE, JS_NULL, JS_BOOL, JS_INT, JS_REAL, JS_STR, JS_ARR, JS_OBJ } JsType;

/* js_load - parse a file ("-" is stdin). js_parse - parse n bytes; `name` is for messages.
 * Errors: ERR_IO, ERR_FORMAT (name, line, column), ERR_NOMEM. *root is set only on success. */
Status js_load(JsVal **root, const char *path, Err *e) PRIME_MUST_USE;
Status js_parse(JsVal **root, const char *text, size_t n, const char *name, Err *e) PRIME_MUST_USE;
/* js_close - free a root that was loaded, parsed or built. Accepts NULL. */
void js_close(JsVal *root);

JsType js_type(const JsVal *v);                         /* JS_NONE for NULL */
const JsVal *js_get(const JsVal *obj, const char *key); /* NULL when absent or not an object */
size_t js_len(const JsVal *v);                          /* elements of an array, keys of an object, else 0 */
const JsVal *js_at(const JsVal *arr, size_t i);         /* NULL when out of range or not an array */
const char *js_str(const JsVal *v, size_t *n); /* NULL when not a string; n may be NULL; may hold NUL bytes */
double js_num(const JsVal *v, double otherwise);   /* integers and reals */
int64_t js_int(const JsVal *v, int64_t otherwise); /* integers, and reals that are whole */
bool js_bool(const JsVal *v, bool otherwise);

/* js_next - walk an object in the order of its text: JsIter it = {0}; while ((v = js_next(obj, &it, &key))).
 * NULL at the end and for what is not an object. The object must not change meanwhile. Cost: O(1). */
typedef struct {
    void *at;
    bool started;
} JsIter;
const JsVal *js_next(const JsVal *obj, JsIter *it, const char **key);

/* js_show - a few words on what v is, for messages: 'the text "abc"', '3.5', 'an array of 7', 'missing'. */
enum { JS_SHOW = 64 };
const char *js_show(char buf[JS_SHOW], const JsVal *v);

/* Required members of an object. Errors: ERR_FORMAT "NAME: KEY is WHAT WAS FOUND, want ...": js_need_size
 * wants a whole number >= 0, js_need_str a text without NUL bytes. *out is set only on success. */
Status js_need_size(size_t *out, const JsVal *obj, const char *key, const char *name, Err *e) PRIME_MUST_USE;
Status js_need_num(double *out, const JsVal *obj, const char *key, const char *name, Err *e) PRIME_MUST_USE;
Status js_need_str(const char **out, const JsVal *obj, const char *key, const char *name,
                   Err *e) PRIME_MUST_USE;

/* Builders. They return NULL when memory is out. js_set and js_push take ownership of v and accept NULL for
 * it and for the parent. A failure is remembered in the calling thread until its next js_dump or js_save,
 * which then returns ERR_NOMEM: build and write in one thread and check once. js_set replaces an existing
 * key. */
JsVal *js_new_obj(void);
JsVal *js_new_arr(void);
JsVal *js_new_str(const char *s); /* bytes that are not UTF-8 become U+FFFD, here and in js_new_strn */
JsVal *js_new_strn(const char *s, size_t n);
JsVal *js_new_num(double x); /* whole numbers up to 2^53 print as integers; non-finite prints null */
JsVal *js_new_int(int64_t x);
JsVal *js_new_bool(bool b);
JsVal *js_new_null(void);
void js_set(JsVal *obj, const char *key, JsVal *v); /* key: UTF-8 */
void js_push(JsVal *arr, JsVal *v);

/* js_put_text - append s [n], which is UTF-8, as js_dump writes a text: for lines that are written faster
 * than their trees could be built. Failure: out->failed. */
void js_put_text(Str *out, const char *s, size_t n);

/* js_dump - append the text to out; indent 0 gives one line, without a newline at its end. js_save - the same
 * with indent 2 and a closing newline to a file, atomically. The root stays the caller's. Errors: ERR_NOMEM,
 * ERR_IO; ERR_ARG for a tree deeper than 2,048. */
Status js_dump(Str *out, const JsVal *root, int indent, Err *e) PRIME_MUST_USE;
Status js_save(const char *path, const JsVal *root, Err *e) PRIME_MUST_USE;

#endif
