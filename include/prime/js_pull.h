/* js_pull.h - JSON one token at a time, from a file of any size in little memory.
 *
 * js.h builds a tree of the whole document; a file of gigabytes has no room for that, and most of its texts
 * are wanted once. Here the caller pulls: what it gets is the next token, and a text that lives until the
 * next pull. The grammar is checked as strictly as js.h checks it (RFC 8259): bytes that are not UTF-8,
 * control characters in texts, wrong numbers and nesting deeper than JS_PULL_DEPTH are refused with file and
 * line. A byte order mark is skipped.
 * Differs from js.h: keys that occur twice are the caller's matter,
 * numbers stay text of any size (up to JS_PULL_NUM characters), and half of a surrogate pair, which some
 * programs write when they cut a text, becomes U+FFFD.
 *
 * Why not jansson: it reads about 45 MB/s with its tree and is not made to stop within an array; this reads
 * several hundred. Decision of November 2026. */
#ifndef PRIME_JS_PULL_H
#define PRIME_JS_PULL_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { JS_PULL_DEPTH = 512, JS_PULL_NUM = 400 };

typedef enum {
    PULL_END, /* behind the document; again and again */
    PULL_OBJ,
    PULL_OBJ_END,
    PULL_ARR,
    PULL_ARR_END,
    PULL_KEY, /* with its text; the value follows */
    PULL_STR, /* with its text */
    PULL_NUM, /* with its text, as it stands in the file */
    PULL_TRUE,
    PULL_FALSE,
    PULL_NULL
} JsEvent;

typedef struct JsPull JsPull;

/* js_pull_open - read from a file ("-" is stdin), 256 kB at a time. js_pull_text - read from n bytes, which
 * must outlive it; `name` is for messages, and the first line has the number `line`. Errors: ERR_IO,
 * ERR_NOMEM. */
Status js_pull_open(JsPull **out, const char *path, Err *e) PRIME_MUST_USE;
Status js_pull_text(JsPull **out, const char *text, size_t n, const char *name, size_t line,
                    Err *e) PRIME_MUST_USE;
/* js_pull_again - another text for a JsPull that js_pull_text made: begins anew without allocating. */
void js_pull_again(JsPull *p, const char *text, size_t n, size_t line);
/* js_pull_close - accepts NULL. */
void js_pull_close(JsPull *p);

/* js_pull_next - the next token. Errors: ERR_FORMAT file and line; ERR_IO; ERR_NOMEM. After an error every
 * further call gives the same one. */
Status js_pull_next(JsEvent *ev, JsPull *p, Err *e) PRIME_MUST_USE;

/* js_pull_str - the text of the last PULL_KEY, PULL_STR or PULL_NUM, with a closing NUL that *n (may be NULL)
 * does not count. A PULL_STR or PULL_KEY may hold NUL bytes. Valid until the next pull. */
const char *js_pull_str(const JsPull *p, size_t *n);

/* js_pull_skip - behind the value that `ev`, the last event, began; nothing to do for what is whole already.
 */
Status js_pull_skip(JsPull *p, JsEvent ev, Err *e) PRIME_MUST_USE;

/* js_pull_line - the line of the last token, from 1. js_pull_depth - arrays and objects that are open.
 * js_pull_name - the file's name. */
size_t js_pull_line(const JsPull *p);
size_t js_pull_depth(const JsPull *p);
const char *js_pull_name(const JsPull *p);

#endif
