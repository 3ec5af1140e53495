/* params.c - where every parameter lies: one block of float32 for what is held here. The layout is walked
 * twice, once to count and once to point. */
#include "arch.h"

#include <stdlib.h>

/* base NULL counts only. */
typedef struct {
    float *base;
    size_t n;
} Taker;

static float *take(Taker *t, size_t n)
{
    float *p = t->base != NULL ? t->base + t->n : NULL;
    t->n += n;
    return p;
}

static float *take_if(Taker *t, bool there, size_t n)
{
    return there ? take(t, n) : NULL;
}

static void take_lin(Taker *t, ModelLin *y, const ModelConfig *c, bool stored, size_t n_out, size_t n_in,
                     bool bias)
{
    *y = (ModelLin){.n_in = n_in, .n_out = n_out, .in_out = c->conv1d};
    if (!stored) y->w = take(t, n_out * n_in);
    y->bias = take_if(t, bias, n_out);
}

static void take_layer(Taker *t, ModelLayer *y, const ModelConfig *c, bool stored)
{
    size_t C = c->n_hidden, Q = c->n_heads * c->head_dim, G = c->n_kv * c->head_dim, F = c->n_ffn;
    bool shift = c->norm == NORM_LAYER;
    y->norm1 = take(t, C);
    y->norm1_b = take_if(t, shift, C);
    take_lin(t, &y->qkv, c, stored, Q + 2 * G, C, c->bias_qkv);
    y->q_norm = take_if(t, c->qk_norm, c->head_dim);
    y->k_norm = take_if(t, c->qk_norm, c->head_dim);
    take_lin(t, &y->o, c, stored, C, Q, c->bias_o);
    y->post1 = take_if(t, c->post_norms, C);
    y->norm2 = take(t, C);
    y->norm2_b = take_if(t, shift, C);
    take_lin(t, &y->gu, c, stored, c->ungated ? F : 2 * F, C, c->bias_ffn);
    take_lin(t, &y->down, c, stored, C, F, c->bias_ffn);
    y->post2 = take_if(t, c->post_norms, C);
}

static void take_all(Taker *t, ModelParams *p, const ModelConfig *c, bool stored)
{
    ModelLayer count;
    size_t C = c->n_hidden;
    p->embed = (ModelLin){.n_in = C, .n_out = c->n_vocab};
    if (!stored) p->embed.w = take(t, c->n_vocab * C);
    p->pos = take_if(t, c->learned_pos, c->max_len * C);
    for (size_t l = 0; l < c->n_layers; l++)
        take_layer(t, p->layer != NULL ? &p->layer[l] : &count, c, stored);
    p->norm = take(t, C);
    p->norm_b = take_if(t, c->norm == NORM_LAYER, C);
    p->head = p->embed;
    if (!c->tied && !stored) p->head.w = take(t, c->n_vocab * C);
}

/* In floating point, so that no size of an untrusted config can wrap. */
static double params_about(const ModelConfig *c)
{
    double C = (double)c->n_hidden, q = (double)c->n_heads * (double)c->head_dim,
           kv = (double)c->n_kv * (double)c->head_dim;
    double layer = 2 * C * (q + kv) + 3 * C * (double)c->n_ffn;
    return layer * (double)c->n_layers + C * (double)c->n_vocab * (c->tied ? 1 : 2) +
           (c->learned_pos ? C * (double)c->max_len : 0);
}

Status model_params_lay(ModelParams *p, const ModelConfig *cfg, bool stored, Err *e)
{
    ModelParams fresh = {0};
    Taker t = {0};
    double n = params_about(cfg);
    if (n > 1e12) FAIL(e, ERR_SHAPE, "the model would have %.2g parameters, want at most 1e12", n);
    take_all(&t, &fresh, cfg, stored);
    fresh.n = t.n;
    fresh.data = calloc(fresh.n, sizeof *fresh.data);
    fresh.layer = calloc(cfg->n_layers, sizeof *fresh.layer);
    if (fresh.data == NULL || fresh.layer == NULL) {
        model_params_free(&fresh);
        FAIL(e, ERR_NOMEM, "no memory for %zu model parameters", t.n);
    }
    t = (Taker){.base = fresh.data};
    take_all(&t, &fresh, cfg, stored);
    *p = fresh;
    return OK;
}

Status model_params_new(ModelParams *p, const ModelConfig *cfg, Err *e)
{
    return model_params_lay(p, cfg, false, e);
}

void model_params_free(ModelParams *p)
{
    free(p->data);
    free(p->layer);
    *p = (ModelParams){0};
}

ModelLin *params_lin(const ModelParams *p, size_t layer, LoraKind k)
{
    ModelLayer *y = &p->layer[layer];
    if (k <= LORA_V) return &y->qkv;
    if (k == LORA_O) return &y->o;
    return k <= LORA_UP ? &y->gu : &y->down;
}
