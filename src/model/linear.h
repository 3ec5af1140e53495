/* linear.h - products with a model's weights, whether they are held in float32 or as stored. Stored weights
 * are widened a tile at a time; `tile` [LIN_TILE] is scratch for that. */
#ifndef PRIME_MODEL_LINEAR_H
#define PRIME_MODEL_LINEAR_H

#include "prime/model.h"

enum { LIN_TILE = 1 << 17 }; /* 512 KB: half of a common second-level cache */

/* lin_tile_size - entries of scratch that a model's products need. */
size_t lin_tile_size(const Model *m);

/* lin_fwd - y [N, n_out] ldy = x [N, n_in] ldx W^T + bias, plus what y holds when `add`. */
void lin_fwd(float *y, size_t ldy, const float *x, size_t ldx, size_t n, const ModelLin *lin, bool add,
             float *tile);
/* lin_fwd_packed - the same by the weights' pack, where there is one. */
void lin_fwd_packed(float *y, size_t ldy, const float *x, size_t ldx, size_t n, const ModelLin *lin, bool add,
                    float *tile);
/* lin_fwd_some - the same for outputs first .. first + n_out alone: y [N, n_out] ldy. Cut as
 * mat_pack_mul_some wants it; not for weights stored [n_in, n_out]. */
void lin_fwd_some(float *y, size_t ldy, const float *x, size_t ldx, size_t n, const ModelLin *lin,
                  size_t first, size_t n_out, float *tile);
/* lin_row - out [n_in] = row i of the weights, for embeddings and single logits. */
void lin_row(float *out, const ModelLin *lin, size_t i);
/* lin_bwd_x - dx [N, n_in] ldx = dy W. */
void lin_bwd_x(float *dx, size_t ldx, const float *dy, size_t ldy, size_t n, const ModelLin *lin,
               float *tile);
/* lin_bwd_w - g->w += dy^T x, g->bias += column sums of dy; g has float32 weights. */
void lin_bwd_w(ModelLin *g, const float *dy, size_t ldy, const float *x, size_t ldx, size_t n);

#endif
