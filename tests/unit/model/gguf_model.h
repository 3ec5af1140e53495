/* gguf_model.h - writes a model of the llama kind as llama.cpp's converter lays it out: its names, its order
 * of the rows of q and k, vectors in F32, matrices in one type. */
#ifndef PRIME_TEST_GGUF_MODEL_H
#define PRIME_TEST_GGUF_MODEL_H

#include "../gguf_make.h"
#include "tiny.h"

#include "prime/file.h"

#include <math.h>

/* What to write, and what to do wrong. */
typedef struct {
    const char *kind;  /* general.architecture */
    GgufType type;     /* of matrices */
    bool back;         /* the model's weights become what the file's values say */
    const float *freq; /* [head_dim/2] rope_freqs.weight, or NULL */
    size_t n_freq;     /* 0 stands for head_dim/2 */
    const char *drop_key, *drop_tensor, *add_tensor, *short_tensor;
    struct {
        const char *key, *text; /* text NULL: the number, as an integer or as a float */
        double num;
        bool real;
    } set[4]; /* added behind the others, which lose the key */
} GgufWant;

typedef struct {
    const GgufWant *want;
    Str keys, infos, data;
    uint64_t n_keys, n_tensors;
} GgufOut;

/* ---- values by the letter of the format ---- */

static inline void gguf_put_f16(Str *out, const float *x, size_t n, float *back)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t h = st_f32_to_f16(x[i]);
        back[i] = st_f16_to_f32(h);
        make_bytes(out, &h, sizeof h);
    }
}

static inline void gguf_put_bf16(Str *out, const float *x, size_t n, float *back)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t h = st_f32_to_bf16(x[i]);
        back[i] = st_bf16_to_f32(h);
        make_bytes(out, &h, sizeof h);
    }
}

/* One block: the largest value becomes +-127. */
static inline void gguf_put_q8(Str *out, const float *x, float *back)
{
    float most = 0;
    for (size_t i = 0; i < GGUF_BLOCK; i++) most = fmaxf(most, fabsf(x[i]));
    uint16_t h = st_f32_to_f16(most / 127);
    float d = st_f16_to_f32(h);
    make_bytes(out, &h, sizeof h);
    for (size_t i = 0; i < GGUF_BLOCK; i++) {
        int8_t q = (int8_t)(d > 0 ? fminf(127, fmaxf(-127, roundf(x[i] / d))) : 0);
        back[i] = (float)q * d;
        make_bytes(out, &q, 1);
    }
}

/* One block: the value largest in size becomes -8, so that 0 stays 0. Value i shares a byte with i + 16. */
static inline void gguf_put_q4(Str *out, const float *x, float *back)
{
    float most = 0;
    uint8_t q[GGUF_BLOCK];
    for (size_t i = 0; i < GGUF_BLOCK; i++)
        if (fabsf(x[i]) > fabsf(most)) most = x[i];
    uint16_t h = st_f32_to_f16(most / -8);
    float d = st_f16_to_f32(h);
    make_bytes(out, &h, sizeof h);
    for (size_t i = 0; i < GGUF_BLOCK; i++) {
        float level = d != 0 ? roundf(x[i] / d) + 8 : 8;
        q[i] = (uint8_t)fminf(15, fmaxf(0, level));
        back[i] = (float)(q[i] - 8) * d;
    }
    for (size_t i = 0; i < GGUF_BLOCK / 2; i++) {
        uint8_t both = (uint8_t)(q[i] | q[i + 16] << 4);
        make_bytes(out, &both, 1);
    }
}

static inline void gguf_put_values(Str *out, GgufType type, const float *x, size_t n, float *back)
{
    if (type == GGUF_F16) gguf_put_f16(out, x, n, back);
    if (type == GGUF_BF16) gguf_put_bf16(out, x, n, back);
    for (size_t i = 0; i < n && type == GGUF_Q8_0; i += GGUF_BLOCK) gguf_put_q8(out, x + i, back + i);
    for (size_t i = 0; i < n && type == GGUF_Q4_0; i += GGUF_BLOCK) gguf_put_q4(out, x + i, back + i);
    if (type != GGUF_F32) return;
    make_bytes(out, x, n * sizeof *x);
    memmove(back, x, n * sizeof *x);
}

/* ---- tensors ---- */

static inline bool gguf_is(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static inline void gguf_put_info(GgufOut *o, const char *name, GgufType type, size_t rows, size_t cols)
{
    uint64_t dim[2] = {cols, rows}; /* the fastest first */
    make_pad(&o->data, 32);
    make_info(&o->infos, name, rows > 0 ? 2 : 1, dim, type, o->data.n);
    o->n_tensors++;
}

static inline void gguf_put_vec(GgufOut *o, const char *name, const float *x, size_t n)
{
    if (gguf_is(o->want->drop_tensor, name)) return;
    if (gguf_is(o->want->short_tensor, name)) n--;
    gguf_put_info(o, name, GGUF_F32, 0, n);
    make_bytes(&o->data, x, n * sizeof *x);
}

/* Rows of a matrix (cols > 0) or the entries of a bias (cols 0), heads of `pairs` > 0 rows with neighbours
 * rotated together: value j of the first half of a head moves to 2j, of the second to 2j + 1. */
static inline void gguf_put_rows(GgufOut *o, const char *name, float *w, size_t rows, size_t cols,
                                 size_t pairs)
{
    size_t width = cols > 0 ? cols : 1, half = pairs / 2;
    GgufType type = cols > 0 ? o->want->type : GGUF_F32;
    float *back = malloc(rows * width * sizeof *back);
    if (gguf_is(o->want->drop_tensor, name)) rows = 0;
    if (gguf_is(o->want->short_tensor, name)) rows--;
    if (rows > 0) gguf_put_info(o, name, type, cols > 0 ? rows : 0, cols > 0 ? cols : rows);
    for (size_t f = 0; f < rows; f++) { /* row f of the file is row r of the model */
        size_t in = pairs > 0 ? f % pairs : 0, r = pairs > 0 ? f - in + in % 2 * half + in / 2 : f;
        gguf_put_values(&o->data, type, w + r * width, width, back + r * width);
    }
    if (o->want->back) memcpy(w, back, rows * width * sizeof *w);
    free(back);
}

static inline const char *gguf_layer_name(char out[64], size_t layer, const char *tail)
{
    snprintf(out, 64, "blk.%zu.%s", layer, tail);
    return out;
}

static inline void gguf_put_layer(GgufOut *o, Model *m, size_t l)
{
    const ModelConfig *c = &m->cfg;
    ModelLayer *y = &m->p.layer[l];
    char name[64];
    size_t C = c->n_hidden, D = c->head_dim, Q = c->n_heads * D, G = c->n_kv * D, F = c->n_ffn;
    size_t pairs = strcmp(o->want->kind, "llama") == 0 ? D : 0;
    float *w = y->qkv.w, *b = y->qkv.bias;
    gguf_put_vec(o, gguf_layer_name(name, l, "attn_norm.weight"), y->norm1, C);
    gguf_put_rows(o, gguf_layer_name(name, l, "attn_q.weight"), w, Q, C, pairs);
    gguf_put_rows(o, gguf_layer_name(name, l, "attn_k.weight"), w + Q * C, G, C, pairs);
    gguf_put_rows(o, gguf_layer_name(name, l, "attn_v.weight"), w + (Q + G) * C, G, C, 0);
    if (b != NULL) gguf_put_rows(o, gguf_layer_name(name, l, "attn_q.bias"), b, Q, 0, pairs);
    if (b != NULL) gguf_put_rows(o, gguf_layer_name(name, l, "attn_k.bias"), b + Q, G, 0, pairs);
    if (b != NULL) gguf_put_rows(o, gguf_layer_name(name, l, "attn_v.bias"), b + Q + G, G, 0, 0);
    if (c->qk_norm) gguf_put_vec(o, gguf_layer_name(name, l, "attn_q_norm.weight"), y->q_norm, D);
    if (c->qk_norm) gguf_put_vec(o, gguf_layer_name(name, l, "attn_k_norm.weight"), y->k_norm, D);
    gguf_put_rows(o, gguf_layer_name(name, l, "attn_output.weight"), y->o.w, C, Q, 0);
    gguf_put_vec(o, gguf_layer_name(name, l, "ffn_norm.weight"), y->norm2, C);
    gguf_put_rows(o, gguf_layer_name(name, l, "ffn_gate.weight"), y->gu.w, F, C, 0);
    gguf_put_rows(o, gguf_layer_name(name, l, "ffn_up.weight"), y->gu.w + F * C, F, C, 0);
    gguf_put_rows(o, gguf_layer_name(name, l, "ffn_down.weight"), y->down.w, C, F, 0);
}

static inline void gguf_put_tensors(GgufOut *o, Model *m)
{
    const ModelConfig *c = &m->cfg;
    const GgufWant *w = o->want;
    size_t half = w->n_freq > 0 ? w->n_freq : c->head_dim / 2;
    gguf_put_rows(o, "token_embd.weight", m->p.embed.w, c->n_vocab, c->n_hidden, 0);
    for (size_t l = 0; l < c->n_layers; l++) gguf_put_layer(o, m, l);
    gguf_put_vec(o, "output_norm.weight", m->p.norm, c->n_hidden);
    if (!c->tied) gguf_put_rows(o, "output.weight", m->p.head.w, c->n_vocab, c->n_hidden, 0);
    if (w->freq != NULL) gguf_put_vec(o, "rope_freqs.weight", w->freq, half);
    if (w->add_tensor != NULL) gguf_put_vec(o, w->add_tensor, m->p.norm, c->n_hidden);
    make_pad(&o->data, 32);
}

/* ---- metadata ---- */

/* Whether the key is still to be written. */
static inline bool gguf_wants_key(GgufOut *o, const char *key)
{
    const GgufWant *w = o->want;
    bool wants = !gguf_is(w->drop_key, key);
    for (size_t i = 0; i < 4; i++) wants = wants && !gguf_is(w->set[i].key, key);
    o->n_keys += wants;
    return wants;
}

static inline void gguf_put_u32(GgufOut *o, const char *tail, size_t x)
{
    char key[96];
    snprintf(key, sizeof key, "%s.%s", o->want->kind, tail);
    if (gguf_wants_key(o, key)) make_key_u32(&o->keys, key, (uint32_t)x);
}

static inline void gguf_put_float(GgufOut *o, const char *key, double x)
{
    float f = (float)x;
    make_key(&o->keys, key, MAKE_F32);
    make_bytes(&o->keys, &f, sizeof f);
}

static inline void gguf_put_keys(GgufOut *o, const ModelConfig *c)
{
    const GgufWant *w = o->want;
    char key[96];
    if (gguf_wants_key(o, "general.architecture")) make_key_text(&o->keys, "general.architecture", w->kind);
    if (gguf_wants_key(o, "general.name")) make_key_text(&o->keys, "general.name", "a model");
    gguf_put_u32(o, "context_length", c->max_len);
    gguf_put_u32(o, "embedding_length", c->n_hidden);
    gguf_put_u32(o, "block_count", c->n_layers);
    gguf_put_u32(o, "feed_forward_length", c->n_ffn);
    gguf_put_u32(o, "attention.head_count", c->n_heads);
    gguf_put_u32(o, "attention.head_count_kv", c->n_kv);
    if (c->head_dim * c->n_heads != c->n_hidden) gguf_put_u32(o, "attention.key_length", c->head_dim);
    if (c->head_dim * c->n_heads != c->n_hidden) gguf_put_u32(o, "attention.value_length", c->head_dim);
    gguf_put_u32(o, "vocab_size", c->n_vocab);
    gguf_put_u32(o, "rope.dimension_count", c->head_dim);
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", w->kind);
    if (gguf_wants_key(o, key)) gguf_put_float(o, key, c->norm_eps);
    snprintf(key, sizeof key, "%s.rope.freq_base", w->kind);
    if (gguf_wants_key(o, key)) gguf_put_float(o, key, c->rope.theta);
    for (size_t i = 0; i < 4 && w->set[i].key != NULL; i++) {
        o->n_keys++;
        if (w->set[i].text != NULL)
            make_key_text(&o->keys, w->set[i].key, w->set[i].text);
        else if (w->set[i].real)
            gguf_put_float(o, w->set[i].key, w->set[i].num);
        else
            make_key_u32(&o->keys, w->set[i].key, (uint32_t)w->set[i].num);
    }
}

static inline void gguf_write_model(const char *path, Model *m, const GgufWant *want)
{
    GgufOut o = {.want = want};
    Str s = {0};
    gguf_put_keys(&o, &m->cfg);
    gguf_put_tensors(&o, m);
    make_header(&s, 3, o.n_tensors, o.n_keys);
    make_bytes(&s, o.keys.s, o.keys.n);
    make_bytes(&s, o.infos.s, o.infos.n);
    make_pad(&s, 32);
    make_bytes(&s, o.data.s, o.data.n);
    cr_assert(!s.failed);
    MUST(file_write(path, s.s, s.n, &e_));
    str_free(&o.keys);
    str_free(&o.infos);
    str_free(&o.data);
    str_free(&s);
}

#endif
