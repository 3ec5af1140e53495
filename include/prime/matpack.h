/* matpack.h - weights that many products share, brought once into the form that the processor's kernels read.
 *
 * A pack is a copy: later changes of the weights that it was made from are not seen. Whoever changes weights
 * (training, folding) frees their packs first and makes new ones afterwards. It belongs to the library that
 * mat_choose had named when it was made, and may be used by any number of threads at a time. */
#ifndef PRIME_MATPACK_H
#define PRIME_MATPACK_H

#include "prime/mat.h"

#include <stdint.h>

/* MAT_BF16: both factors of every product are rounded to bfloat16 (8 bits of precision, to nearest, ties to
 * even), their products are exact and summed in float32. Relative error of a product about 2^-8 / sqrt(K) of
 * the sum of sizes for signs without order. */
typedef enum { MAT_F32, MAT_BF16, MAT_TYPES } MatType;

/* mat_type_name - "f32", "bf16". mat_type_named - the way back; false for another name. */
const char *mat_type_name(MatType t);
bool mat_type_named(MatType *t, const char *name);

typedef struct MatPack MatPack;

/* Entries first .. first + n of the weights, in the order in which they are stored. */
typedef void (*MatFill)(const void *ctx, float *out, size_t first, size_t n);

/* mat_pack_new - W [n, k], or stored [k, n] when `in_out`, read through fill a tile at a time: a copy in
 * float32 of all of it never exists for MAT_BF16. Memory afterwards: 4 or 2 bytes an entry, n rounded up to
 * 64; while packing twice that. Errors: ERR_ARG a size of 0, or one that does
 * not fit in memory's numbers; ERR_NOMEM; ERR_UNSUP a library that refuses. */
Status mat_pack_new(MatPack **p, MatType type, size_t n, size_t k, bool in_out, MatFill fill, const void *ctx,
                    Err *e) PRIME_MUST_USE;
void mat_pack_free(MatPack *p); /* accepts NULL */

/* mat_pack_bytes - the memory that a pack holds. mat_pack_kernel - what does its products: "oneDNN bf16",
 * "oneDNN f32", "bf16 values in f32" where the library or the processor knows no bfloat16, "f32". */
size_t mat_pack_bytes(const MatPack *p);
const char *mat_pack_kernel(const MatPack *p);

/* mat_pack_mul - y [m, n] ldy = x [m, k] ldx W^T, plus what y holds when `add`. Rows are taken in blocks of
 * 128, the last ones of a multiple of 16, then of what is left. oneDNN makes a kernel for each number of rows
 * of a shape, 0.2 ms each; 1024 are kept, others made for the call. Rows without gaps (ldx = k, ldy = n) are
 * faster: others go through scratch. Where there is no memory, y is NaN. Cost: 2 m n k. */
void mat_pack_mul(float *y, size_t ldy, const float *x, size_t ldx, size_t m, const MatPack *p, bool add);

/* mat_pack_starved - whether any product of this process was NaN for want of memory, so that who finds a
 * number that is not finite can say why. */
bool mat_pack_starved(void);

/* mat_pack_mul_some - the same for outputs first .. first + n alone: y [m, n] ldy. first is a multiple of
 * MAT_PACK_COLUMNS, and n is, too, or goes to the last output; n > 0. Not for weights stored [k, n]. */
enum { MAT_PACK_COLUMNS = 64 };
void mat_pack_mul_some(float *y, size_t ldy, const float *x, size_t ldx, size_t m, const MatPack *p,
                       size_t first, size_t n);

/* mat_bf16_round - out = x to nearest bfloat16, ties to even; NaN stays NaN. mat_bf16_widen - the way back.
 */
void mat_bf16_round(uint16_t *out, const float *x, size_t n);
void mat_bf16_widen(float *out, const uint16_t *x, size_t n);

#endif
