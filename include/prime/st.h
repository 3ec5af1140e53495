/* st.h - safetensors files: mapped read-only on the way in, written whole on the way out; one file, or the
 * shards that an index names.
 * Format: 8 bytes little-endian header length, JSON header {name: {dtype, shape, data_offsets}}, then the
 * bytes. Everything in the header is checked before a byte is used: bounds, overlaps, gaps, sizes that
 * overflow, duplicate names, a header over 100 MB. Stricter than the reference reader in two places: a name
 * that occurs twice and a header that does not start with '{' are refused. */
#ifndef PRIME_ST_H
#define PRIME_ST_H

#include "prime/err.h"

#include <stdbool.h>
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
    const void *data; /* little-endian, possibly not aligned: read through st_to_f32 or st_rows_to_f32 */
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
bool st_is_float(StType t);    /* F32, F16, BF16 or F64: what st_to_f32 and the two below take */

/* st_rows_to_f32 - values first .. first + n - 1 of an array of `type` at `data` (any alignment) to out [n];
 * exact but for F64, which rounds to nearest even. Nothing is allocated: for weights that stay in their
 * stored type and are widened a run at a time. Asserts st_is_float(type).
 * st_rows_bad - the place, counted from `first`, of the first of the same n values that is not finite; n when
 * all are finite. Cost of both: one pass at about the rate of memory. */
void st_rows_to_f32(float *out, const void *data, StType type, size_t first, size_t n);
size_t st_rows_bad(const void *data, StType type, size_t first, size_t n);

/* Scalar conversions, round to nearest even; NaN stays NaN. */
float st_f16_to_f32(uint16_t h);
uint16_t st_f32_to_f16(float x);
float st_bf16_to_f32(uint16_t h);
uint16_t st_f32_to_bf16(float x);

/* The weights of a folder: STEM.safetensors, or the shards of STEM.safetensors.index.json, whose "weight_map"
 * says for each tensor the file that holds it. */
typedef struct StSet StSet;

/* st_check - does the folder hold weights that st_set_open would try to read? Errors: ERR_IO when there is no
 * such folder, or nothing that looks like weights in it; ERR_UNSUP when there are weights in another form
 * only (pickled, TensorFlow's, Flax's), with the name of the file. */
Status st_check(const char *dir, const char *stem, Err *e) PRIME_MUST_USE;

/* st_set_open - map all files of the set; no tensor's data is touched. Where both the single file and the
 * index are present the single file is read, as by the reference library (transformers); LOG_INFO says so.
 * The index and the shards must agree exactly: every tensor of weight_map is in the file named and in no
 * other, no shard holds a tensor that weight_map lacks, a shard is a plain name in the same folder that ends
 * in ".safetensors". "metadata.total_size" has no use here and other tools get it wrong (tied weights,
 * parameters instead of bytes): LOG_WARN says when it is not the sum of the tensors' bytes, no more.
 * Errors: those of st_check and st_open; ERR_IO for a shard that is missing; ERR_FORMAT for an index that is
 * damaged or does not agree (file, tensor and shard named); ERR_NOMEM. *s is set only on success. */
Status st_set_open(StSet **s, const char *dir, const char *stem, Err *e) PRIME_MUST_USE;
void st_set_close(StSet *s); /* accepts NULL; all tensors die with it */
size_t st_set_count(const StSet *s);
const StTensor *st_set_at(const StSet *s, size_t i);           /* shards by name, then in order of data */
const StTensor *st_set_find(const StSet *s, const char *name); /* NULL when absent */
/* st_set_file - the path of the file that holds t, a tensor of this set: for messages. */
const char *st_set_file(const StSet *s, const StTensor *t);
size_t st_set_files(const StSet *s); /* how many files */

/* What to write: float32 in memory for ST_F32, ST_F16 and ST_BF16, integers as they are for ST_I64 to ST_U8.
 */
typedef struct {
    const char *name;
    StType type;
    size_t ndim, shape[ST_MAX_DIM];
    const void *data; /* [product of shape], borrowed */
} StItem;
/* An entry of "__metadata__"; key "format" is taken. */
typedef struct {
    const char *key, *value; /* UTF-8 */
} StMeta;

/* st_save - write n tensors in the given order, atomically, with "__metadata__": {"format": "pt"} as other
 * tools expect. The header is padded to a multiple of 8 bytes; put wide types first to keep data aligned.
 * Errors, before anything is written: ERR_NUM when a value is not finite, or not once it is rounded to `type`
 * (tensor and index named); ERR_ARG for a duplicate, empty, reserved or not UTF-8 name, a type that cannot be
 * written, a shape of more than ST_MAX_DIM dimensions or one that overflows. ERR_IO; ERR_NOMEM. */
Status st_save(const char *path, const StItem *items, size_t n, Err *e) PRIME_MUST_USE;
/* st_save_meta - the same with meta [n_meta] behind "format". Errors: also ERR_ARG a key that occurs twice.
 */
Status st_save_meta(const char *path, const StItem *items, size_t n, const StMeta *meta, size_t n_meta,
                    Err *e) PRIME_MUST_USE;

#endif
