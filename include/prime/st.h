/* st.h - safetensors files: mapped read-only on the way in, written whole on the way out.
 * Format: 8 bytes little-endian header length, JSON header {name: {dtype, shape, data_offsets}}, then the
 * bytes. Everything in the header is checked before a byte is used: bounds, overlaps, gaps, sizes that
 * overflow, duplicate names, a header over 100 MB. Stricter than the reference reader in two places: a name
 * that occurs twice and a header that does not start with '{' are refused. */
#ifndef PRIME_ST_H
#define PRIME_ST_H

#include "prime/err.h"

#include <stddef.h>
#include <stdint.h>

enum { ST_MAX_DIM = 8 };

typedef enum {
    ST_F64,
    ST_F32,
    ST_F16,
    ST_BF16,
    ST_I64,
    ST_I32,
    ST_I16,
    ST_I8,
    ST_U64,
    ST_U32,
    ST_U16,
    ST_U8,
    ST_BOOL,
    ST_OTHER /* a type of the format that this program never computes with: 4, 6 and 8 bit floats, complex */
} StType;

typedef struct {
    const char *name;
    StType type;
    size_t ndim, shape[ST_MAX_DIM];
    size_t count;     /* product of shape */
    const void *data; /* little-endian, possibly not aligned: read through st_to_f32 */
    size_t nbytes;
} StTensor;

typedef struct StFile StFile;

/* st_open - map and check. The file must not shrink while it is open. Errors: ERR_IO, ERR_FORMAT (file,
 * tensor, value, bound), ERR_UNSUP (more than ST_MAX_DIM dimensions), ERR_NOMEM. st_view - the same over n
 * bytes in memory that outlive the StFile; `name` is for messages. *f is set only on success. */
Status st_open(StFile **f, const char *path, Err *e) PRIME_MUST_USE;
Status st_view(StFile **f, const void *bytes, size_t n, const char *name, Err *e) PRIME_MUST_USE;
void st_close(StFile *f); /* accepts NULL; all tensors die with it */
size_t st_count(const StFile *f);
const StTensor *st_at(const StFile *f, size_t i);           /* in order of their data */
const StTensor *st_find(const StFile *f, const char *name); /* NULL when absent */
const char *st_meta(const StFile *f, const char *key);      /* from "__metadata__"; NULL when absent */

/* st_to_f32 - out [t->count] from F32, F16, BF16 or F64. Errors: ERR_UNSUP for other types. */
Status st_to_f32(float *out, const StTensor *t, Err *e) PRIME_MUST_USE;
const char *st_type_name(StType t);
size_t st_type_size(StType t); /* bytes; 0 for ST_OTHER */

/* Scalar conversions, round to nearest even; NaN stays NaN. */
float st_f16_to_f32(uint16_t h);
uint16_t st_f32_to_f16(float x);
float st_bf16_to_f32(uint16_t h);
uint16_t st_f32_to_bf16(float x);

/* What to write: values are float32 in memory, `type` is ST_F32, ST_F16 or ST_BF16. */
typedef struct {
    const char *name;
    StType type;
    size_t ndim, shape[ST_MAX_DIM];
    const float *data; /* [product of shape], borrowed */
} StItem;

/* st_save - write n tensors in the given order, atomically, with "__metadata__": {"format": "pt"} as other
 * tools expect. The header is padded to a multiple of 8 bytes; put wide types first to keep data aligned.
 * Errors, before anything is written: ERR_NUM when a value is not finite, or not once it is rounded to `type`
 * (tensor and index named); ERR_ARG for a duplicate, empty, reserved or not UTF-8 name, a type that cannot be
 * written, a shape of more than ST_MAX_DIM dimensions or one that overflows. ERR_IO; ERR_NOMEM. */
Status st_save(const char *path, const StItem *items, size_t n, Err *e) PRIME_MUST_USE;

#endif
