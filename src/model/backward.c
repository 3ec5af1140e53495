/* backward.c - the loss and its gradient: the forward pass read from its end. Shapes as in pass.c. */
#include "pass_priv.h"

#include "arch.h"

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
    mat_mul_nn(p->dh, r, dy, ldy, st->b, r, N, r, n_out, scale, 0);
    if (k->grad->lora != NULL) {
        LoraSite *g = &k->grad->lora->site[layer * LORA_KINDS + kind];
        const float *in = pass_site_input(p, x, layer, kind, n_in);
        mat_mul_tn(g->b, r, dy, ldy, h, p->width_h, n_out, r, N, 1, 1);
        mat_mul_tn(g->a, n_in, p->dh, r, in, n_in, r, n_in, N, 1, 1);
    }
    if (pass_reads_plain(p)) {
        mat_mul_nn(dx, n_in, p->dh, r, st->a, n_in, N, n_in, r, 1, 1);
        return;
    }
    mat_mul_nn(p->drop_in, n_in, p->dh, r, st->a, n_in, N, n_in, r, 1, 0);
    pass_site_input_bwd(p, dx, x, layer, kind, n_in);
}

static void group_bwd(const Back *k, float *dx, const float *dy, size_t ldy, const float *x, size_t layer,
                      PassGroup g)
{
    if (k->lora == NULL) return;
    const LoraBank *b = k->lora->bank;
    const float *h = pass_at(k->p, k->p->h, layer, k->p->width_h) + pass_h_column(b, layer, g.first);
    for (size_t kind = g.first; kind < g.first + g.n; kind++) {
        size_t r = b->stack[layer * LORA_KINDS + kind].n;
        if (r > 0) site_bwd(k, dx, dy + lora_out_column(&b->shape, (LoraKind)kind), ldy, x, h, layer, kind);
        h += r;
    }
}

static ModelLayer *layer_grad(const Back *k, size_t l)
{
    return k->grad->base != NULL ? &k->grad->base->layer[l] : NULL;
}

/* The gradient of what a block's last product gave: dx itself, or dx through the norm behind it. */
static const float *block_end_bwd(const Back *k, size_t l, size_t part)
{
    Pass *p = k->p;
    const ModelConfig *c = &k->m->cfg;
    const ModelLayer *y = &k->m->p.layer[l];
    ModelLayer *g = layer_grad(k, l);
    size_t N = p->n_rows, C = p->n_hidden;
    if (!c->post_norms) return p->dx;
    memset(p->draw, 0, N * C * sizeof *p->draw);
    norm_bwd(p->draw,
             g == NULL   ? NULL
             : part == 0 ? g->post1
                         : g->post2,
             NULL, p->dx, pass_part(p, p->raw, l, part, C), part == 0 ? y->post1 : y->post2,
             pass_part(p, p->raw_stat, l, part, 2), N, C, c->norm);
    return p->draw;
}

/* The norm's share: from the gradient of its output in p->dnorm to `dx` +=. */
static void norm_in_bwd(const Back *k, float *dx, size_t l, size_t part)
{
    Pass *p = k->p;
    const ModelLayer *y = &k->m->p.layer[l];
    ModelLayer *g = layer_grad(k, l);
    norm_bwd(dx,
             g == NULL   ? NULL
             : part == 0 ? g->norm1
                         : g->norm2,
             g == NULL   ? NULL
             : part == 0 ? g->norm1_b
                         : g->norm2_b,
             p->dnorm, pass_norm_in(p, k->m, l, part), part == 0 ? y->norm1 : y->norm2,
             pass_part(p, p->stat, l, part, 2), p->n_rows, p->n_hidden, k->m->cfg.norm);
}

static void ffn_bwd(const Back *k, size_t l)
{
    Pass *p = k->p;
    const ModelConfig *c = &k->m->cfg;
    const ModelLayer *y = &k->m->p.layer[l];
    ModelLayer *g = layer_grad(k, l);
    size_t N = p->n_rows, C = p->n_hidden, F = p->n_ffn, W = p->width_gu;
    const float *gu = pass_at(p, p->gu, l, W), *dy = block_end_bwd(k, l, 1);
    act_fwd(p->act, gu, N, F, c->act, !c->ungated);
    lin_bwd_x(p->dact, F, dy, C, N, &y->down, p->tile);
    if (g != NULL) lin_bwd_w(&g->down, dy, C, p->act, F, N);
    group_bwd(k, p->dact, dy, C, p->act, l, group_down);
    act_bwd(p->dgu, p->dact, gu, N, F, c->act, !c->ungated);
    pass_norm(p->norm, pass_part(p, p->stat, l, 1, 2), pass_norm_in(p, k->m, l, 1), k->m, l, 1, N);
    lin_bwd_x(p->dnorm, C, p->dgu, W, N, &y->gu, p->tile);
    if (g != NULL) lin_bwd_w(&g->gu, p->dgu, W, p->norm, C, N);
    group_bwd(k, p->dnorm, p->dgu, W, p->norm, l, group_gu);
    if (c->parallel) memset(p->dside, 0, N * C * sizeof *p->dside); /* attention must not see it in dx */
    norm_in_bwd(k, c->parallel ? p->dside : p->dx, l, 1);
}

/* From the gradient of normalised heads to that of q and k as the products gave them. */
static void norm_heads_bwd(const Back *k, size_t l)
{
    Pass *p = k->p;
    const ModelConfig *c = &k->m->cfg;
    const ModelLayer *y = &k->m->p.layer[l];
    ModelLayer *g = layer_grad(k, l);
    size_t H = c->n_heads, G = c->n_kv, D = c->head_dim, width = (H + G) * D;
    const float *raw = pass_at(p, p->qk_raw, l, width), *stat = pass_at(p, p->qk_stat, l, 2 * (H + G));
    for (size_t i = 0; i < p->n_rows; i++, raw += width, stat += 2 * (H + G)) {
        float *d = p->dqkv + i * p->width_qkv;
        memset(p->dqk, 0, width * sizeof *p->dqk);
        norm_bwd(p->dqk, g != NULL ? g->q_norm : NULL, NULL, d, raw, y->q_norm, stat, H, D, c->norm);
        norm_bwd(p->dqk + H * D, g != NULL ? g->k_norm : NULL, NULL, d + H * D, raw + H * D, y->k_norm,
                 stat + 2 * H, G, D, c->norm);
        memcpy(d, p->dqk, width * sizeof *d);
    }
}

static void attend_bwd(const Back *k, size_t l)
{
    Pass *p = k->p;
    const ModelConfig *c = &k->m->cfg;
    size_t W = p->width_qkv, kv = c->n_kv * c->head_dim, set = model_layer_local(c, l) ? 2 : 0;
    const float *qkv = pass_at(p, p->qkv, l, W);
    AttnShape shape = pass_attn(c, l);
    memset(p->dqkv, 0, p->n_rows * W * sizeof *p->dqkv);
    for (size_t i = 0, row = 0; i < k->n; row += k->seq[i].n, i++) {
        const float *q = qkv + row * W, *key = q + p->width_q;
        float *dq = p->dqkv + row * W, *dk = dq + p->width_q;
        AttnSpan span = {key, key + kv, W, k->seq[i].n};
        attn_bwd(dq, dk, dk + kv, p->datt + row * p->width_q, p->width_q, q, &span, &shape, p->scores);
    }
    if (rope_dim(c) > 0)
        rope_apply(p->dqkv, W, p->angle[set], p->angle[set + 1], p->n_rows, c->n_heads + c->n_kv, c->head_dim,
                   rope_dim(c), -1);
    if (c->qk_norm) norm_heads_bwd(k, l);
}

static void attention_bwd(const Back *k, size_t l)
{
    Pass *p = k->p;
    const ModelLayer *y = &k->m->p.layer[l];
    ModelLayer *g = layer_grad(k, l);
    size_t N = p->n_rows, C = p->n_hidden, Q = p->width_q, W = p->width_qkv;
    const float *att = pass_at(p, p->att, l, Q), *dy = block_end_bwd(k, l, 0);
    lin_bwd_x(p->datt, Q, dy, C, N, &y->o, p->tile);
    if (g != NULL) lin_bwd_w(&g->o, dy, C, att, Q, N);
    group_bwd(k, p->datt, dy, C, att, l, group_o);
    attend_bwd(k, l);
    pass_norm(p->norm, pass_part(p, p->stat, l, 0, 2), pass_x(p, l, 0), k->m, l, 0, N);
    lin_bwd_x(p->dnorm, C, p->dqkv, W, N, &y->qkv, p->tile);
    if (g != NULL) lin_bwd_w(&g->qkv, p->dqkv, W, p->norm, C, N);
    group_bwd(k, p->dnorm, p->dqkv, W, p->norm, l, group_qkv);
    norm_in_bwd(k, p->dx, l, 0);
    if (k->m->cfg.parallel) vec_axpy(p->dx, 1, p->dside, N * C);
}

/* The slope of the last softcap at its outputs, times dz. */
static void final_softcap_bwd(float *dz, const float *z, size_t n, float cap)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) dz[i] *= 1.0f - (z[i] / cap) * (z[i] / cap);
}

/* Gradient of picked, normalised rows: through the last norm to p->dx. */
static void last_norm_bwd(const Back *k, const size_t *row, size_t n)
{
    Pass *p = k->p;
    const Model *m = k->m;
    ModelParams *g = k->grad->base;
    size_t C = p->n_hidden;
    const float *x = pass_hidden(p);
    for (size_t i = 0; i < n; i++) {
        float stat[2];
        norm_fwd(p->picked, stat, x + row[i] * C, m->p.norm, m->p.norm_b, 1, C, m->cfg.norm, m->cfg.norm_eps);
        norm_bwd(p->dx + row[i] * C, g != NULL ? g->norm : NULL, g != NULL ? g->norm_b : NULL,
                 p->dpicked + i * C, x + row[i] * C, m->p.norm, stat, 1, C, m->cfg.norm);
    }
}

/* Cross-entropy of n <= PASS_CHUNK rows and its gradient: into p->dx at those rows, and into the head. */
static double chunk_loss(const Back *k, const size_t *row, const int32_t *target, size_t n, float scale)
{
    Pass *p = k->p;
    const Model *m = k->m;
    size_t C = p->n_hidden, V = m->cfg.n_vocab;
    float cap = (float)m->cfg.final_softcap;
    double loss = 0;
    pass_logits(p->logits, p, m, row, n, p->picked);
    if (cap > 0) memcpy(p->slope, p->logits, n * V * sizeof *p->slope);
    for (size_t i = 0; i < n; i++) {
        float *z = p->logits + i * V, zt = z[target[i]];
        loss += vec_softmax(z, V) - (double)zt;
        z[target[i]] -= 1;
        vec_scale(z, scale, V);
    }
    if (cap > 0) final_softcap_bwd(p->logits, p->slope, n * V, cap);
    lin_bwd_x(p->dpicked, C, p->logits, V, n, &m->p.head, p->tile);
    if (k->grad->base != NULL) lin_bwd_w(&k->grad->base->head, p->logits, V, p->picked, C, n);
    last_norm_bwd(k, row, n);
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
    const ModelConfig *c = &k->m->cfg;
    ModelParams *g = k->grad->base;
    size_t C = c->n_hidden, row = 0;
    float scale = c->embed_scale > 0 ? (float)c->embed_scale : 1;
    for (size_t i = 0; i < k->n; i++)
        for (size_t t = 0; t < k->seq[i].n; t++, row++) {
            vec_axpy(g->embed.w + (size_t)k->seq[i].ids[t] * C, scale, k->p->dx + row * C, C);
            if (c->learned_pos) vec_axpy(g->pos + t * C, 1, k->p->dx + row * C, C);
        }
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
    if (grad->base == NULL && grad->lora == NULL && (p->gate == NULL || p->gate_grad == NULL)) return loss;
    for (size_t l = p->n_layers; l-- > 0;) {
        ffn_bwd(&k, l);
        attention_bwd(&k, l);
    }
    if (grad->base != NULL) embed_bwd(&k);
    return loss;
}
