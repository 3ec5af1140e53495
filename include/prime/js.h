/* js.h - JSON in and out, over jansson (which only room io may include).
 *
 * Reading: a JsDoc owns a tree; a JsVal is a borrowed node, valid until js_close. Every getter accepts NULL,
 * so that chains such as js_get(js_get(root, "a"), "b") need one test at the end. Keys that occur twice in
 * one object are refused (ERR_FORMAT); so are bytes that are not UTF-8. Errors give line and column. Writing:
 * build a tree with js_new_* and js_set and js_push, then js_dump or js_save. Numbers keep 17 digits; keys
 * keep their order of insertion, so equal trees give equal bytes. */
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
const JsVal *js_at(const JsVal *arr, size_t i);         /* NULL when out of range */
const JsVal *js_entry(const JsVal *obj, size_t i,
                      const char **key);       /* i-th key in order; walking all is O(n) */
const char *js_str(const JsVal *v, size_t *n); /* NULL when not a string; n may be NULL; may hold NUL bytes */
double js_num(const JsVal *v, double otherwise);   /* integers and reals */
int64_t js_int(const JsVal *v, int64_t otherwise); /* integers, and reals that are whole */
bool js_bool(const JsVal *v, bool otherwise);

/* Required members of an object, with a message that names file, key and what was found. */
Status js_need_size(size_t *out, const JsVal *obj, const char *key, const char *name, Err *e) PRIME_MUST_USE;
Status js_need_num(double *out, const JsVal *obj, const char *key, const char *name, Err *e) PRIME_MUST_USE;
Status js_need_str(const char **out, const JsVal *obj, const char *key, const char *name,
                   Err *e) PRIME_MUST_USE;

/* Builders. All return NULL when memory is out; js_set and js_push take ownership of v, accept NULL for it,
 * and mark the parent as failed, which js_dump and js_save report as ERR_NOMEM. */
JsVal *js_new_obj(void);
JsVal *js_new_arr(void);
JsVal *js_new_str(const char *s);
JsVal *js_new_strn(const char *s, size_t n);
JsVal *js_new_num(double x); /* whole numbers below 2^53 print as integers; non-finite prints null */
JsVal *js_new_int(int64_t x);
JsVal *js_new_bool(bool b);
JsVal *js_new_null(void);
void js_set(JsVal *obj, const char *key, JsVal *v);
void js_push(JsVal *arr, JsVal *v);

/* js_dump - append the text to out; indent 0 gives one line. js_save - the same to a file, atomically. */
Status js_dump(Str *out, const JsVal *root, int indent, Err *e) PRIME_MUST_USE;
Status js_save(const char *path, const JsVal *root, Err *e) PRIME_MUST_USE;

#endif
