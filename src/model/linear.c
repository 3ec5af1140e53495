#include "linear.h"

#include "prime/mat.h"
#include "prime/vec.h"

#include <assert.h>
#include <string.h>

static size_t tile_for(const ModelLin *lin, size_t most)
{
    size_t row = lin->in_out ? lin->n_out : lin->n_in;
    if (lin->w != NULL) return most;
    return row > most ? row : most;
}

size_t lin_tile_size(const Model *m)
{
    size_t most = m->stored ? LIN_TILE : 0;
    if (!m->stored) return 0;
    const ModelLayer *y = &m->p.layer[0];
    most = tile_for(&y->qkv, most);
    most = tile_for(&y->o, most);
    most = tile_for(&y->gu, most);
    most = tile_for(&y->down, most);
    return tile_for(&m->p.head, most);
}

/* ---- a part of the weights, some rows at a time ---- */

/* Rows of `width` entries that a tile holds, at least one. */
static size_t tile_rows(size_t width)
{
    return width >= LIN_TILE ? 1 : LIN_TILE / width;
}

/* y = x W^T over those of the outputs first .. end that one part has: a tile holds rows of W. */
static void part_fwd(float *y, size_t ldy, const float *x, size_t ldx, size_t n, const ModelLin *lin,
                     const ModelPart *part, size_t first, size_t end, float beta, float *tile)
{
    size_t K = lin->n_in, step = tile_rows(K), last = part->first + part->rows;
    size_t at = part->first > first ? part->first : first;
    for (last = last < end ? last : end; at < last; at += step) {
        size_t m = last - at < step ? last - at : step;
        part->widen(tile, part->data, (at - part->first) * K, m * K);
        mat_mul_nt(y + at - first, ldy, x, ldx, tile, K, n, m, K, 1, beta);
    }
}

/* The same for weights that are stored [n_in, n_out]: a tile holds the rows of some inputs. */
static void part_fwd_in_out(float *y, size_t ldy, const float *x, size_t ldx, size_t n, const ModelLin *lin,
                            const ModelPart *part, float beta, float *tile)
{
    size_t M = lin->n_out, step = tile_rows(M);
    for (size_t at = 0; at < lin->n_in; at += step) {
        size_t k = lin->n_in - at < step ? lin->n_in - at : step;
        part->widen(tile, part->data, at * M, k * M);
        mat_mul_nn(y, ldy, x + at, ldx, tile, M, n, M, k, 1, at == 0 ? beta : 1);
    }
}

static void part_bwd(float *dx, size_t ldx, const float *dy, size_t ldy, size_t n, const ModelLin *lin,
                     const ModelPart *part, float beta, float *tile)
{
    size_t K = lin->n_in, step = tile_rows(K);
    for (size_t at = 0; at < part->rows; at += step, beta = 1) {
        size_t m = part->rows - at < step ? part->rows - at : step;
        part->widen(tile, part->data, at * K, m * K);
        mat_mul_nn(dx, ldx, dy + part->first + at, ldy, tile, K, n, K, m, 1, beta);
    }
}

static void part_bwd_in_out(float *dx, size_t ldx, const float *dy, size_t ldy, size_t n, const ModelLin *lin,
                            const ModelPart *part, float beta, float *tile)
{
    size_t M = lin->n_out, step = tile_rows(M);
    for (size_t at = 0; at < lin->n_in; at += step) {
        size_t k = lin->n_in - at < step ? lin->n_in - at : step;
        part->widen(tile, part->data, at * M, k * M);
        mat_mul_nt(dx + at, ldx, dy, ldy, tile, M, n, k, M, 1, beta);
    }
}

/* ---- products ---- */

static void add_bias(float *y, size_t ldy, const float *bias, size_t n, size_t n_out)
{
    for (size_t i = 0; i < n; i++) vec_axpy(y + i * ldy, 1, bias, n_out);
}

void lin_fwd(float *y, size_t ldy, const float *x, size_t ldx, size_t n, const ModelLin *lin, bool add,
             float *tile)
{
    float beta = add ? 1 : 0;
    if (lin->w != NULL && lin->in_out)
        mat_mul_nn(y, ldy, x, ldx, lin->w, lin->n_out, n, lin->n_out, lin->n_in, 1, beta);
    else if (lin->w != NULL)
        mat_mul_nt(y, ldy, x, ldx, lin->w, lin->n_in, n, lin->n_out, lin->n_in, 1, beta);
    for (size_t i = 0; lin->w == NULL && i < lin->n_parts; i++)
        if (lin->in_out)
            part_fwd_in_out(y, ldy, x, ldx, n, lin, &lin->part[i], beta, tile);
        else
            part_fwd(y, ldy, x, ldx, n, lin, &lin->part[i], 0, lin->n_out, beta, tile);
    if (lin->bias != NULL) add_bias(y, ldy, lin->bias, n, lin->n_out);
}

void lin_fwd_packed(float *y, size_t ldy, const float *x, size_t ldx, size_t n, const ModelLin *lin, bool add,
                    float *tile)
{
    if (lin->pack == NULL) {
        lin_fwd(y, ldy, x, ldx, n, lin, add, tile);
        return;
    }
    mat_pack_mul(y, ldy, x, ldx, n, lin->pack, add);
    if (lin->bias != NULL) add_bias(y, ldy, lin->bias, n, lin->n_out);
}

void lin_fwd_some(float *y, size_t ldy, const float *x, size_t ldx, size_t n, const ModelLin *lin,
                  size_t first, size_t n_out, float *tile)
{
    size_t K = lin->n_in;
    assert(!lin->in_out && first + n_out <= lin->n_out);
    if (lin->pack != NULL)
        mat_pack_mul_some(y, ldy, x, ldx, n, lin->pack, first, n_out);
    else if (lin->w != NULL)
        mat_mul_nt(y, ldy, x, ldx, lin->w + first * K, K, n, n_out, K, 1, 0);
    for (size_t i = 0; lin->pack == NULL && lin->w == NULL && i < lin->n_parts; i++)
        part_fwd(y, ldy, x, ldx, n, lin, &lin->part[i], first, first + n_out, 0, tile);
    if (lin->bias != NULL) add_bias(y, ldy, lin->bias + first, n, n_out);
}

void lin_bwd_x(float *dx, size_t ldx, const float *dy, size_t ldy, size_t n, const ModelLin *lin, float *tile)
{
    if (lin->w != NULL && lin->in_out)
        mat_mul_nt(dx, ldx, dy, ldy, lin->w, lin->n_out, n, lin->n_in, lin->n_out, 1, 0);
    else if (lin->w != NULL)
        mat_mul_nn(dx, ldx, dy, ldy, lin->w, lin->n_in, n, lin->n_in, lin->n_out, 1, 0);
    for (size_t i = 0; lin->w == NULL && i < lin->n_parts; i++)
        (lin->in_out ? part_bwd_in_out : part_bwd)(dx, ldx, dy, ldy, n, lin, &lin->part[i], i > 0 ? 1 : 0,
                                                   tile);
}

void lin_bwd_w(ModelLin *g, const float *dy, size_t ldy, const float *x, size_t ldx, size_t n)
{
    if (g->in_out)
        mat_mul_tn(g->w, g->n_out, x, ldx, dy, ldy, g->n_in, g->n_out, n, 1, 1);
    else
        mat_mul_tn(g->w, g->n_in, dy, ldy, x, ldx, g->n_out, g->n_in, n, 1, 1);
    for (size_t i = 0; g->bias != NULL && i < n; i++) vec_axpy(g->bias, 1, dy + i * ldy, g->n_out);
}

void lin_row(float *out, const ModelLin *lin, size_t i)
{
    size_t C = lin->n_in;
    if (lin->w != NULL)
        memcpy(out, lin->w + i * C, C * sizeof *out);
    else
        lin->part[0].widen(out, lin->part[0].data, i * C, C);
}
