/* pack.c - the products' weights in the form that kernels read. */
#include "arch.h"

#include "prime/mat.h"

#include <string.h>

/* Entries of a product's weights in the order of memory, wherever they lie. */
static void pack_fill(const void *ctx, float *out, size_t first, size_t n)
{
    const ModelLin *lin = ctx;
    if (lin->w != NULL) {
        memcpy(out, lin->w + first, n * sizeof *out);
        return;
    }
    for (size_t i = 0; i < lin->n_parts; i++) {
        const ModelPart *p = &lin->part[i];
        size_t from = lin->in_out ? 0 : p->first * lin->n_in,
               to = lin->in_out ? lin->n_in * lin->n_out : from + p->rows * lin->n_in,
               lo = first > from ? first : from, hi = first + n < to ? first + n : to;
        if (lo < hi) p->widen(out + (lo - first), p->data, lo - from, hi - lo);
    }
}

/* The i-th product of the model; NULL past the end. */
static ModelLin *pack_product(Model *m, size_t i)
{
    size_t L = m->cfg.n_layers;
    if (i >= 4 * L) return i == 4 * L ? &m->p.head : NULL;
    ModelLayer *y = &m->p.layer[i / 4];
    ModelLin *lin[4] = {&y->qkv, &y->o, &y->gu, &y->down};
    return lin[i % 4];
}

Status model_pack(Model *m, MatType precision, Err *e)
{
    Status s = OK;
    model_unpack(m);
    m->precision = precision;
    for (size_t i = 0; s == OK && pack_product(m, i) != NULL; i++) {
        ModelLin *lin = pack_product(m, i);
        s = mat_pack_new(&lin->pack, precision, lin->n_out, lin->n_in, lin->in_out, pack_fill, lin, e);
    }
    if (s != OK) model_unpack(m);
    return s;
}

void model_unpack(Model *m)
{
    m->precision = MAT_F32;
    for (size_t i = 0; m->p.layer != NULL && pack_product(m, i) != NULL; i++) {
        ModelLin *lin = pack_product(m, i);
        mat_pack_free(lin->pack);
        lin->pack = NULL;
    }
}

bool model_pack_pays(const Model *m)
{
    return strcmp(mat_backend(), "onednn") == 0 && !m->stored &&
           (double)m->p.n * sizeof(float) <= MODEL_PACK_BYTES;
}
