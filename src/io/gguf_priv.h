/* gguf_priv.h - between the parts of the GGUF reader: the file, a place in it, a value of its metadata. */
#ifndef PRIME_GGUF_PRIV_H
#define PRIME_GGUF_PRIV_H

#include "prime/arena.h"
#include "prime/file.h"
#include "prime/gguf.h"

/* The format's numbers for types of metadata. */
typedef enum {
    GGUF_V_U8,
    GGUF_V_I8,
    GGUF_V_U16,
    GGUF_V_I16,
    GGUF_V_U32,
    GGUF_V_I32,
    GGUF_V_F32,
    GGUF_V_BOOL,
    GGUF_V_STR,
    GGUF_V_ARR,
    GGUF_V_U64,
    GGUF_V_I64,
    GGUF_V_F64,
    GGUF_V_TYPES
} GgufKind;

struct GgufValue {
    const char *key;
    GgufKind kind, item;        /* item: of the entries of an array, else that of the value itself */
    size_t n;                   /* entries of an array, bytes of a text, else 1 */
    const unsigned char *data;  /* the first entry, in the file; of a text: a copy with a closing NUL */
    const unsigned char **text; /* [n] where the texts of an array lie, each behind its length */
};

typedef struct {
    GgufTensor t;
    uint64_t offset; /* from the beginning of the data */
} GgufInfo;

struct GgufFile {
    FileMap map; /* empty for gguf_view */
    Arena arena;
    const char *name;
    GgufValue *value;
    const GgufValue **value_by_key;
    size_t n_values;
    GgufInfo *info; /* in order of their data */
    const GgufTensor **tensor_by_name;
    size_t n_infos;
};

/* A place in the file, and what is being read there. */
typedef struct {
    const unsigned char *bytes;
    size_t n, at;
    const char *file;
    char what[128]; /* "metadata 3 of 20", for messages */
} GgufIn;

/* gguf_take - copy the next `size` bytes to out and move on. gguf_take_text - a length and that many bytes;
 * *s stays in the file. gguf_take_name - the same, copied: 1 to `most` bytes of UTF-8 without NUL.
 * Errors: ERR_FORMAT, ERR_NOMEM. */
Status gguf_take(void *out, size_t size, GgufIn *in, Err *e) PRIME_MUST_USE;
Status gguf_take_text(const unsigned char **s, size_t *n, GgufIn *in, Err *e) PRIME_MUST_USE;
Status gguf_take_name(const char **out, size_t most, GgufIn *in, Arena *a, Err *e) PRIME_MUST_USE;

/* gguf_read_values - n entries of metadata. gguf_read_infos - n tensor infos, and where their data lies. */
Status gguf_read_values(GgufFile *f, uint64_t n, GgufIn *in, Err *e) PRIME_MUST_USE;
Status gguf_read_infos(GgufFile *f, uint64_t n, GgufIn *in, Err *e) PRIME_MUST_USE;

const GgufValue *gguf_value(const GgufFile *f, const char *key); /* NULL when absent */

/* How the values of a type lie: block values in size bytes; size 0 for types that are not read. */
typedef struct {
    size_t block, size;
} GgufLayout;
GgufLayout gguf_layout(uint32_t type);

#endif
