/* gguf.h - GGUF files, versions 2 and 3, little-endian: mapped read-only, metadata and tensors.
 * Format: "GGUF", version, counts; metadata (key, type, value); tensor infos (name, dimensions, type,
 * offset); then the data, each tensor at a multiple of general.alignment. Everything is checked before it is
 * used: counts and lengths against the size of the file, names (UTF-8, not twice), products that overflow,
 * and that the tensors cover the data without overlap or gap. Refused by name (ERR_UNSUP): version 1,
 * big-endian files, the formats before GGUF, tensor types that are not below, arrays of arrays, one part of a
 * split file. Stricter than the reference reader (ggml): a bool other than 0 or 1, bytes after the last
 * tensor. More lenient: tensors may be listed in another order than their data. Source: ggml, docs/gguf.md.
 */
#ifndef PRIME_GGUF_H
#define PRIME_GGUF_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GGUF_MAX_DIM = 4, GGUF_BLOCK = 32 };

/* The types that are read, by the format's own numbers. Q8_0 and Q4_0 hold GGUF_BLOCK values of one row a
 * block: a binary16 scale d, then 32 int8 q (value q d), or 16 bytes of two 4-bit q (value (q - 8) d; the low
 * halves are values 0 to 15, the high halves 16 to 31). */
typedef enum { GGUF_F32 = 0, GGUF_F16 = 1, GGUF_Q4_0 = 2, GGUF_Q8_0 = 8, GGUF_BF16 = 30 } GgufType;

typedef struct {
    const char *name;
    GgufType type;
    size_t ndim, shape[GGUF_MAX_DIM]; /* row-major, the last one fastest: the reverse of the file's order */
    size_t count;                     /* product of shape */
    const void *data;                 /* possibly not aligned: read through gguf_rows_to_f32 */
    size_t nbytes;
} GgufTensor;

typedef struct GgufFile GgufFile;

/* gguf_open - map and check. The file must not shrink while it is open. Errors: ERR_IO, ERR_FORMAT, ERR_UNSUP
 * (file, entry, value, bound), ERR_NOMEM. gguf_view - the same over n bytes in memory that outlive the
 * GgufFile; `name` is for messages. *f is set only on success. Cost: one pass over metadata and infos. */
Status gguf_open(GgufFile **f, const char *path, Err *e) PRIME_MUST_USE;
Status gguf_view(GgufFile **f, const void *bytes, size_t n, const char *name, Err *e) PRIME_MUST_USE;
void gguf_close(GgufFile *f); /* accepts NULL; all tensors, texts and arrays die with it */

size_t gguf_count(const GgufFile *f);
const GgufTensor *gguf_at(const GgufFile *f, size_t i);           /* in order of their data */
const GgufTensor *gguf_find(const GgufFile *f, const char *name); /* NULL when absent */
const char *gguf_type_name(uint32_t type); /* also of types that are not read; "unknown" for other numbers */

/* ---- metadata ---- */

size_t gguf_keys(const GgufFile *f);
const char *gguf_key(const GgufFile *f, size_t i); /* in the file's order; NULL when out of range */
bool gguf_has(const GgufFile *f, const char *key);
/* gguf_show - a few words on a value, for messages: 'the text "abc"', '3.5', 'an array of 7', 'missing'. */
enum { GGUF_SHOW = 64 };
const char *gguf_show(char buf[GGUF_SHOW], const GgufFile *f, const char *key);

/* gguf_need_* - the value under a key. Errors: ERR_FORMAT "FILE: KEY is WHAT WAS FOUND, want ..." when it is
 * absent (ask gguf_has first for what may be) or of another kind. *out is set only on success.
 * u64: an integer type of any width, >= 0. num: an integer or a float type; integers beyond 2^53 are rounded.
 * str: with a closing NUL that *n does not count; n may be NULL, then a text that holds a NUL byte is
 * refused. Texts are not checked to be UTF-8. */
Status gguf_need_u64(uint64_t *out, const GgufFile *f, const char *key, Err *e) PRIME_MUST_USE;
Status gguf_need_num(double *out, const GgufFile *f, const char *key, Err *e) PRIME_MUST_USE;
Status gguf_need_bool(bool *out, const GgufFile *f, const char *key, Err *e) PRIME_MUST_USE;
Status gguf_need_str(const char **out, size_t *n, const GgufFile *f, const char *key, Err *e) PRIME_MUST_USE;

/* An array of texts or of numbers (bools count as 0 and 1). gguf_arr_str - text i, *n bytes, without a
 * closing NUL. gguf_arr_num - number i; integers beyond 2^53 are rounded. Both assert i < n and the kind. */
typedef struct GgufValue GgufValue;
typedef struct {
    const GgufValue *value;
    size_t n;
} GgufArr;
Status gguf_need_strs(GgufArr *out, const GgufFile *f, const char *key, Err *e) PRIME_MUST_USE;
Status gguf_need_nums(GgufArr *out, const GgufFile *f, const char *key, Err *e) PRIME_MUST_USE;
const char *gguf_arr_str(const GgufArr *a, size_t i, size_t *n);
double gguf_arr_num(const GgufArr *a, size_t i);

/* ---- values ---- */

/* gguf_rows_to_f32 - values first .. first + n - 1 of a tensor's data (any alignment, any first and n) to out
 * [n]; exact: q d has at most 19 bits. gguf_rows_bad - the place, counted from `first`, of the first of them
 * that is not finite; n when all are finite. Nothing is allocated. */
void gguf_rows_to_f32(float *out, const void *data, GgufType type, size_t first, size_t n);
size_t gguf_rows_bad(const void *data, GgufType type, size_t first, size_t n);

/* gguf_rope_row - where row r of Hugging Face's q_proj or k_proj lies in a file of architecture "llama".
 *   head_dim   rows a head, even; rotary over the whole head
 * Hugging Face rotates value j of a head with value j + head_dim/2, llama.cpp value 2j with 2j + 1; its
 * converter therefore moves the rows of both products (and their biases), w.reshape(H, 2, head_dim/2,
 * in).swapaxes(1, 2), for the architectures that rotate neighbours: "llama" (which Mistral's are stored as),
 * not "qwen2", "qwen3", "gemma", "phi3" or "gptneox". To undo it take, for every r, row gguf_rope_row(r) of
 * the file. H is the number of the matrix's own heads: of key heads for k. */
size_t gguf_rope_row(size_t r, size_t head_dim);

#endif
