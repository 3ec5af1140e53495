/* pass_priv.h - the workspace of a pass, shared by forward and backward. */
#ifndef PRIME_PASS_PRIV_H
#define PRIME_PASS_PRIV_H

#include "prime/pass.h"

/* Buffers hold max_rows rows. Those marked [L] exist once per layer when training and once otherwise. */
struct Pass {
    size_t max_rows, n_layers, n_hidden, width_qkv, width_q, n_ffn,
        width_h; /* width_h: adapter columns of a layer */
    bool train;
    size_t n_rows; /* of the last forward */
    double drop;   /* probability, 0 when off */
    uint64_t drop_key;
    float *data;
    float *x;       /* [2L+1 or 1] residual stream: before attention, before the feed-forward, at the end */
    float *rstd;    /* [2L or 2] */
    float *qkv;     /* [L] rotated q, rotated k, v */
    float *att;     /* [L] */
    float *gu;      /* [L] */
    float *h;       /* [L] inputs times A, already weighted */
    float *norm;    /* normalised input of a group of products */
    float *act;     /* silu(g) * u */
    float *drop_in; /* a product's input with entries dropped; as wide as the widest */
    float *scores;  /* attention */
    float *dx, *dnorm, *dact, *dgu, *dqkv, *datt, *dh; /* training only */
    float *logits, *picked, *dpicked;                  /* training only: PASS_CHUNK rows */
    size_t *pos, *cand;                                /* [max_rows] */
};

enum { PASS_CHUNK = 256 };

/* Layer l's part of a buffer of `width` floats a row. */
static inline float *pass_at(const Pass *p, float *buf, size_t l, size_t width)
{
    return p->train ? buf + l * p->max_rows * width : buf;
}

/* The residual stream before attention (part 0) or the feed-forward (part 1) of layer l; l = L, part 0 is its
 * end. */
static inline float *pass_x(const Pass *p, size_t l, size_t part)
{
    return p->train ? p->x + (2 * l + part) * p->max_rows * p->n_hidden : p->x;
}

static inline float *pass_rstd(const Pass *p, size_t l, size_t part)
{
    return p->train ? p->rstd + (2 * l + part) * p->max_rows : p->rstd + part * p->max_rows;
}

/* Products that read the same input form a group; the sites of a group are neighbours. */
typedef struct {
    LoraKind first;
    size_t n;
} PassGroup;

static const PassGroup group_qkv = {LORA_Q, 3}, group_o = {LORA_O, 1}, group_gu = {LORA_GATE, 2},
                       group_down = {LORA_DOWN, 1};

/* Columns of h at which the sites of this kind begin. */
static inline size_t pass_h_column(const LoraBank *b, size_t layer, LoraKind first)
{
    size_t at = 0;
    for (size_t k = 0; k < first; k++) at += b->stack[layer * LORA_KINDS + k].n;
    return at;
}

static inline uint64_t pass_drop_key(const Pass *p, size_t layer, size_t kind)
{
    return rng_mix(p->drop_key ^ rng_mix(layer * LORA_KINDS + kind + 1));
}

#endif
