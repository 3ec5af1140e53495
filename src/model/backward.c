/* backward.c - the loss and its gradient: the forward pass read from its end. Shapes as in pass.c. */
#include "pass_priv.h"

#include "kernels.h"

#include "prime/mat.h"
#include "prime/vec.h"

#include <assert.h>
#include <string.h>

/* What every step of the way back needs. */
typedef struct {
    Pass *p;
    const Model *m;
    const PassSeq *seq;
    size_t n;
    const PassLora *lora; /* NULL when there are no adapters */
    const PassGrad *grad;
} Back;

/* Gradients of one adapter site and, added to dx, of its input. y = x W^T + h B^T with h = s x A^T, as
 * stored. */
static void site_bwd(const Back *k, float *dx, const float *dy, size_t ldy, const float *x, const float *h,
                     size_t layer, size_t kind)
{
    Pass *p = k->p;
    const LoraBank *b = k->lora->bank;
    const LoraStack *st = b->stack + layer * LORA_KINDS + kind;
    size_t N = p->n_rows, n_in = b->shape.n_in[kind], n_out = b->shape.n_out[kind], r = st->n;
    float scale = b->scale[layer * LORA_KINDS + kind];
    uint64_t key = pass_drop_key(p, layer, kind);
    mat_mul_nn(p->dh, r, dy, ldy, st->b, r, N, r, n_out, scale, 0);
    if (k->grad->lora != NULL) {
        LoraSite *g = &k->grad->lora->site[layer * LORA_KINDS + kind];
        const float *in = x;
        if (p->drop > 0) {
            dropout_apply(p->drop_in, x, N * n_in, p->drop, key);
            in = p->drop_in;
        }
        mat_mul_tn(g->b, r, dy, ldy, h, p->width_h, n_out, r, N, 1, 1);
        mat_mul_tn(g->a, n_in, p->dh, r, in, n_in, r, n_in, N, 1, 1);
    }
    if (p->drop == 0) {
        mat_mul_nn(dx, n_in, p->dh, r, st->a, n_in, N, n_in, r, 1, 1);
        return;
    }
    mat_mul_nn(p->drop_in, n_in, p->dh, r, st->a, n_in, N, n_in, r, 1, 0);
    dropout_add(dx, p->drop_in, N * n_in, p->drop, key);
}

static void group_bwd(const Back *k, float *dx, const float *dy, size_t ldy, const float *x, size_t layer,
                      PassGroup g)
{
    if (k->lora == NULL) return;
    const LoraBank *b = k->lora->bank;
    const float *h = pass_at(k->p, k->p->h, layer, k->p->width_h) + pass_h_column(b, layer, g.first);
    for (size_t kind = g.first; kind < g.first + g.n; kind++) {
        size_t r = b->stack[layer * LORA_KINDS + kind].n;
        if (r > 0) site_bwd(k, dx, dy, ldy, x, h, layer, kind);
        h += r;
        dy += b->shape.n_out[kind];
    }
}

static void norm_again(const Back *k, size_t l, size_t part, const float *w)
{
    Pass *p = k->p;
    norm_fwd(p->norm, pass_rstd(p, l, part), pass_x(p, l, part), w, p->n_rows, p->n_hidden,
             k->m->cfg.norm_eps);
}

static void ffn_bwd(const Back *k, size_t l)
{
    Pass *p = k->p;
    const ModelLayer *y = &k->m->p.layer[l];
    ModelLayer *g = k->grad->base != NULL ? &k->grad->base->layer[l] : NULL;
    size_t N = p->n_rows, C = p->n_hidden, F = p->n_ffn;
    const float *gu = pass_at(p, p->gu, l, 2 * F);
    swiglu_fwd(p->act, gu, N, F);
    mat_mul_nn(p->dact, F, p->dx, C, y->wd, F, N, F, C, 1, 0);
    if (g != NULL) mat_mul_tn(g->wd, F, p->dx, C, p->act, F, C, F, N, 1, 1);
    group_bwd(k, p->dact, p->dx, C, p->act, l, group_down);
    swiglu_bwd(p->dgu, p->dact, gu, N, F);
    norm_again(k, l, 1, y->norm2);
    mat_mul_nn(p->dnorm, C, p->dgu, 2 * F, y->wg, C, N, C, 2 * F, 1, 0);
    if (g != NULL) mat_mul_tn(g->wg, C, p->dgu, 2 * F, p->norm, C, 2 * F, C, N, 1, 1);
    group_bwd(k, p->dnorm, p->dgu, 2 * F, p->norm, l, group_gu);
    norm_bwd(p->dx, g != NULL ? g->norm2 : NULL, p->dnorm, pass_x(p, l, 1), y->norm2, pass_rstd(p, l, 1), N,
             C);
}

static void attend_bwd(const Back *k, size_t l)
{
    Pass *p = k->p;
    const ModelConfig *c = &k->m->cfg;
    size_t W = p->width_qkv, kv = c->n_kv * c->head_dim;
    const float *qkv = pass_at(p, p->qkv, l, W);
    memset(p->dqkv, 0, p->n_rows * W * sizeof *p->dqkv);
    for (size_t i = 0, row = 0; i < k->n; row += k->seq[i].n, i++) {
        const float *q = qkv + row * W, *key = q + p->width_q;
        float *dq = p->dqkv + row * W, *dk = dq + p->width_q;
        AttnSpan span = {key, key + kv, W, k->seq[i].n};
        attn_bwd(dq, dk, dk + kv, p->datt + row * p->width_q, p->width_q, q, &span, c->n_heads, c->n_kv,
                 c->head_dim, p->scores);
    }
    rope_apply(p->dqkv, W, p->pos, k->m->rope_cos, k->m->rope_sin, p->n_rows, c->n_heads + c->n_kv,
               c->head_dim, -1);
}

static void attention_bwd(const Back *k, size_t l)
{
    Pass *p = k->p;
    const ModelLayer *y = &k->m->p.layer[l];
    ModelLayer *g = k->grad->base != NULL ? &k->grad->base->layer[l] : NULL;
    size_t N = p->n_rows, C = p->n_hidden, Q = p->width_q, W = p->width_qkv;
    const float *att = pass_at(p, p->att, l, Q);
    mat_mul_nn(p->datt, Q, p->dx, C, y->wo, Q, N, Q, C, 1, 0);
    if (g != NULL) mat_mul_tn(g->wo, Q, p->dx, C, att, Q, C, Q, N, 1, 1);
    group_bwd(k, p->datt, p->dx, C, att, l, group_o);
    attend_bwd(k, l);
    norm_again(k, l, 0, y->norm1);
    mat_mul_nn(p->dnorm, C, p->dqkv, W, y->wq, C, N, C, W, 1, 0);
    if (g != NULL) mat_mul_tn(g->wq, C, p->dqkv, W, p->norm, C, W, C, N, 1, 1);
    group_bwd(k, p->dnorm, p->dqkv, W, p->norm, l, group_qkv);
    norm_bwd(p->dx, g != NULL ? g->norm1 : NULL, p->dnorm, pass_x(p, l, 0), y->norm1, pass_rstd(p, l, 0), N,
             C);
}

/* Cross-entropy of n <= PASS_CHUNK rows and its gradient: into p->dx at those rows, and into the head. */
static double chunk_loss(const Back *k, const size_t *row, const int32_t *target, size_t n, float scale)
{
    Pass *p = k->p;
    const Model *m = k->m;
    ModelParams *g = k->grad->base;
    size_t C = p->n_hidden, V = m->cfg.n_vocab;
    const float *x = pass_hidden(p);
    double loss = 0;
    pass_logits(p->logits, p, m, row, n, p->picked);
    for (size_t i = 0; i < n; i++) {
        float *z = p->logits + i * V, zt = z[target[i]];
        loss += vec_softmax(z, V) - (double)zt;
        z[target[i]] -= 1;
        vec_scale(z, scale, V);
    }
    mat_mul_nn(p->dpicked, C, p->logits, V, m->p.head, C, n, C, V, 1, 0);
    if (g != NULL) mat_mul_tn(g->head, C, p->logits, V, p->picked, C, V, C, n, 1, 1);
    for (size_t i = 0; i < n; i++) {
        float rstd;
        norm_fwd(p->picked, &rstd, x + row[i] * C, m->p.norm, 1, C, m->cfg.norm_eps);
        norm_bwd(p->dx + row[i] * C, g != NULL ? g->norm : NULL, p->dpicked + i * C, x + row[i] * C,
                 m->p.norm, &rstd, 1, C);
    }
    return loss;
}

static double head_bwd(const Back *k, const size_t *skip, float scale, size_t *n_targets)
{
    size_t row[PASS_CHUNK], fill = 0, count = 0, at = 0;
    int32_t target[PASS_CHUNK];
    double loss = 0;
    for (size_t i = 0; i < k->n; at += k->seq[i].n, i++)
        for (size_t t = skip[i] > 1 ? skip[i] : 1; t < k->seq[i].n; t++) {
            row[fill] = at + t - 1;
            target[fill++] = k->seq[i].ids[t];
            count++;
            if (fill < PASS_CHUNK) continue;
            loss += chunk_loss(k, row, target, fill, scale);
            fill = 0;
        }
    if (fill > 0) loss += chunk_loss(k, row, target, fill, scale);
    *n_targets = count;
    return loss;
}

static void embed_bwd(const Back *k)
{
    size_t C = k->p->n_hidden, row = 0;
    for (size_t i = 0; i < k->n; i++)
        for (size_t t = 0; t < k->seq[i].n; t++, row++)
            vec_axpy(k->grad->base->embed + (size_t)k->seq[i].ids[t] * C, 1, k->p->dx + row * C, C);
}

double pass_loss(Pass *p, const Model *m, const PassSeq *seq, const size_t *skip, size_t n,
                 const PassLora *lora, float scale, const PassGrad *grad, size_t *n_targets)
{
    assert(p->train);
    if (lora != NULL && lora->bank == NULL) lora = NULL;
    assert(lora == NULL || (lora->bank->k == 1 && lora->w[0] == 1.0f));
    Back k = {p, m, seq, n, lora, grad};
    memset(p->dx, 0, p->n_rows * p->n_hidden * sizeof *p->dx);
    double loss = head_bwd(&k, skip, scale, n_targets);
    if (grad->base == NULL && grad->lora == NULL) return loss;
    for (size_t l = p->n_layers; l-- > 0;) {
        ffn_bwd(&k, l);
        attention_bwd(&k, l);
    }
    if (grad->base != NULL) embed_bwd(&k);
    return loss;
}
