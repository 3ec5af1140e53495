/* yml_priv.h - between the walker of a YAML file (yml.c) and the table of types (yml_value.c). */
#ifndef PRIME_YML_PRIV_H
#define PRIME_YML_PRIV_H

#include "prime/yml.h"

/* Where a value comes from: a file, or an assignment (then `name` is "--set key=value" and lines are 0). */
typedef struct {
    const char *name;
    Status code; /* of a complaint: ERR_FORMAT or ERR_ARG */
    Arena *arena;
} YmlFrom;

/* One scalar of the text, in the arena. */
typedef struct {
    const char *s;
    size_t line;
    bool plain; /* not quoted: may be a number, true, false or null */
} YmlScalar;

typedef struct {
    const YmlScalar *item;
    size_t n, line;
    bool list;
} YmlValue;

/* yml_fail - a complaint with its place in front; returns from->code. */
Status yml_fail(const YmlFrom *from, size_t line, Err *e, const char *fmt, ...) PRIME_PRINTF(4, 5);
Status yml_no_memory(const YmlFrom *from, Err *e);

/* yml_want - what a field takes, in words: "a number in (0, 1]". */
enum { YML_WANT = 200 };
const char *yml_want(char buf[YML_WANT], const YmlField *f);

/* yml_store - check v against f and put it into the struct at base; yml_is_list - may v have several entries?
 */
Status yml_store(void *base, const YmlField *f, const YmlValue *v, const YmlFrom *from,
                 Err *e) PRIME_MUST_USE;
bool yml_is_list(const YmlField *f);
/* yml_is_text - is every entry a text, taken as it stands? */
bool yml_is_text(const YmlField *f);

/* yml_apply - one assignment onto the struct at base; marks its field in seen [spec->n] unless that is NULL.
 */
Status yml_apply(void *base, const YmlSpec *spec, Arena *a, const char *text, bool *seen,
                 Err *e) PRIME_MUST_USE;

#endif
