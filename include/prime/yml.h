/* yml.h - a YAML spec into a struct, by a table of fields.
 *
 * Over libyaml's events and not over libcyaml, because every complaint needs its line and an unknown key
 * needs the nearest known one; and not over libyaml's documents, because those hide anchors and aliases.
 *
 * A field's key is a path with dots: "evolve.budget" is the key "budget" of the mapping "evolve". Any depth.
 * The fields of one mapping must stand together in the table. Absent keys keep what the struct holds
 * beforehand, so the defaults are whatever the caller fills in. Texts and lists that are read belong to the
 * arena.
 *
 * Refused, with file and line: unknown and duplicate keys, a wrong type, a value out of range, a missing
 * required key, a key without a value, anchors, aliases, tags, a second document, an empty file, bytes that
 * are not UTF-8, more than YML_MAX_BYTES bytes. Numbers are decimal and finite (no octal, no .inf), booleans
 * true or false. */
#ifndef PRIME_YML_H
#define PRIME_YML_H

#include "prime/arena.h"
#include "prime/err.h"
#include "prime/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { YML_MAX_BYTES = 1 << 20, YML_MAX_LIST = 10000 };

typedef struct {
    const double *x;
    size_t n;
} YmlNums;
typedef struct {
    const size_t *x;
    size_t n;
} YmlSizes;
typedef struct {
    const char *const *x;
    size_t n;
} YmlStrs;

typedef enum {
    YML_STR,    /* const char *; NULL is "not given". `names`: one of these */
    YML_BOOL,   /* bool */
    YML_SIZE,   /* size_t, a whole number up to 2^53; 1e6 is fine */
    YML_U64,    /* uint64_t, digits only; no bounds */
    YML_NUM,    /* double */
    YML_CHOICE, /* int (or an enum): index into `names` */
    YML_NUMS,   /* YmlNums: [0, 0.5, 1], or one number, or the text FIRST:LAST:STEP; never empty */
    YML_SIZES,  /* YmlSizes: a list or one number; never empty */
    YML_STRS    /* YmlStrs: a list (may be empty) or one text. `names`: each one of these */
} YmlType;

enum { YML_REQUIRED = 1, YML_ABOVE = 2 /* min itself is out */, YML_BELOW = 4 /* max itself is out */ };

typedef struct {
    const char *key;
    YmlType type;
    size_t offset;   /* in the struct */
    double min, max; /* of each number; both 0: no bound; INFINITY is fine */
    unsigned flags;
    const char *const *names; /* ends with NULL */
    const char *help;         /* one line, for `yml_help` */
} YmlField;

typedef struct {
    const YmlField *field;
    size_t n, size; /* fields; bytes of the struct */
} YmlSpec;

/* yml_load - fill *out from a file ("-" is stdin), then apply the n assignments of `set` ("evolve.budget=20",
 * as the command line's --set gives them), then look for missing required keys. *out is untouched on failure.
 * Errors: ERR_FORMAT for the file "audits/x/audit.yaml:12: unknown key 'lamda', did you mean 'lambda'?";
 * ERR_ARG for an assignment "--set evolve.budget=0: evolve.budget = 0, want [1, 1e+06]"; ERR_IO; ERR_NOMEM.
 * yml_parse - the same from n bytes; `name` is for messages. */
Status yml_load(void *out, const YmlSpec *spec, Arena *a, const char *path, const char *const *set,
                size_t n_set, Err *e) PRIME_MUST_USE;
Status yml_parse(void *out, const YmlSpec *spec, Arena *a, const char *text, size_t n, const char *name,
                 const char *const *set, size_t n_set, Err *e) PRIME_MUST_USE;

/* yml_set - one assignment "key.path=value" onto a struct that is filled already. A text is taken as it
 * stands; a list is v,v,... with or without brackets. *out is untouched on failure. Errors: ERR_ARG,
 * ERR_NOMEM. */
Status yml_set(void *out, const YmlSpec *spec, Arena *a, const char *assignment, Err *e) PRIME_MUST_USE;

/* yml_dump - append the struct as YAML, in the order of the table. Reading it back gives the same struct
 * where the defaults too are within their bounds. Texts that are NULL, numbers that are not finite and empty
 * lists of numbers are left out. Failure: out->failed. */
void yml_dump(Str *out, const YmlSpec *spec, const void *values);

/* yml_help - append one line for each field: key, what it takes, bounds, help. */
void yml_help(Str *out, const YmlSpec *spec);

#endif
