/* err.h - the one way in which a library function reports that it failed.
 *
 * A function that can fail for outside reasons (files, input, memory, non-finite numbers) returns a Status,
 * takes an `Err *` as its last argument and leaves its outputs as they were. The first FAIL fills the record
 * with a sentence that holds the value and the bound: "density = 1.3, want (0, 1]". */
#ifndef PRIME_ERR_H
#define PRIME_ERR_H

#include <stdarg.h>
#include <stddef.h>

typedef enum {
    OK = 0,
    ERR_ARG,    /* an argument or option is out of range */
    ERR_SHAPE,  /* sizes do not fit together */
    ERR_IO,     /* the operating system refused: open, read, write, rename */
    ERR_FORMAT, /* a file does not say what its format demands */
    ERR_NOMEM,  /* out of memory */
    ERR_NUM,    /* a number is not finite, or an algorithm did not converge */
    ERR_UNSUP,  /* well-formed, but this program does not implement it */
    ERR_STOPPED /* nothing is wrong: the caller asked for an end */
} Status;

enum { PRIME_ERR_MSG = 400 };

typedef struct {
    Status code;
    const char *file; /* source file and line of the FAIL, for -v */
    int line;
    char msg[PRIME_ERR_MSG];
} Err;

#define PRIME_MUST_USE __attribute__((warn_unused_result))
#define PRIME_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* err_set - fill *e (if it is not NULL and still OK) and return code. The first call wins. */
Status err_set(Err *e, Status code, const char *file, int line, const char *fmt, ...) PRIME_PRINTF(5, 6);

/* Clang's analyser sees one file at a time: it has to be told that what err_set returns is never OK. */
#if defined(__clang_analyzer__)
static inline Status err_never_ok(Status s)
{
    if (s == OK) __builtin_unreachable();
    return s;
}
#define err_set(...) err_never_ok(err_set(__VA_ARGS__))
#endif

/* err_prefix - put "text: " before the message that is already there. Used where a caller knows the file's
 * name and the callee does not. Returns e->code. */
Status err_prefix(Err *e, const char *fmt, ...) PRIME_PRINTF(2, 3);

/* err_name - "ERR_IO" and so on; a static string. */
const char *err_name(Status code);

#define FAIL(e, code, ...) return err_set((e), (code), __FILE__, __LINE__, __VA_ARGS__)

/* TRY - forward a failure. Only while nothing owned is live in the calling function. */
#define TRY(call)                    \
    do {                             \
        Status try_ = (call);        \
        if (try_ != OK) return try_; \
    } while (0)

#endif
