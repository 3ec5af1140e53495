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
    const PassGrad *grad;
    size_t last_layer;  /* the way ends at this layer, with the parameters of */
    LoraKind last_kind; /* the group of this kind; LORA_KINDS: it goes on to the embeddings */
} Back;

/* Gradients of one adapter site over a run of spans and, added to dx unless that is NULL, of its input; rows
 * of all arrays begin with the run's first. y = x W^T + h B^T with h = s x A^T, as stored. */
static void site_bwd(const Back *k, float *dx, const float *dy, size_t ldy, const float *x, const float *h,
                     size_t from, size_t to, size_t layer, size_t kind)
{
    Pass *p = k->p;
    const LoraBank *b = p->span[from].bank;
    size_t site = layer * LORA_KINDS + kind, r = b->stack[site].n, n_in = b->shape.n_in[kind],
           n_out = b->shape.n_out[kind], rows = pass_run_rows(p, from, to);
    const float *in = NULL;
    mat_mul_nn(p->dh, r, dy, ldy, b->stack[site].b, r, rows, r, n_out, b->scale[site], 0);
    for (size_t i = from, j; i < to; i = j) {
        const PassSpan *s = &p->span[i];
        size_t at = s->row - p->span[from].row, n = 0;
        for (j = i; j < to && p->span[j].grad == s->grad; j++) n += p->span[j].n;
        if (s->grad == NULL) continue;
        if (in == NULL) in = pass_site_input(p, x, from, to, layer, kind, n_in);
        LoraSite *g = &s->grad->site[site];
        mat_mul_tn(g->b, r, dy + at * ldy, ldy, h + at * p->width_h, p->width_h, n_out, r, n, 1, 1);
        mat_mul_tn(g->a, n_in, p->dh + at * r, r, in + at * n_in, n_in, r, n_in, n, 1, 1);
    }
    if (pass_reads_plain(p)) {
        if (dx != NULL) mat_mul_nn(dx, n_in, p->dh, r, b->stack[site].a, n_in, rows, n_in, r, 1, 1);
        return;
    }
    if (dx == NULL && p->gate == NULL) return;
    mat_mul_nn(p->drop_in, n_in, p->dh, r, b->stack[site].a, n_in, rows, n_in, r, 1, 0);
    pass_site_input_bwd(p, dx, x, from, to, layer, kind, n_in);
}

/* The sites of a group; dx [N, ldx] and x [N, ldx]. */
static void group_bwd(const Back *k, float *dx, size_t ldx, const float *dy, size_t ldy, const float *x,
                      size_t layer, PassGroup g)
{
    Pass *p = k->p;
    for (size_t from = 0, to; from < p->n_spans; from = to) {
        const LoraBank *b = p->span[from].bank;
        size_t row = p->span[from].row;
        to = pass_run(p, from);
        const float *h =
            pass_at(p, p->h, layer, p->width_h) + row * p->width_h + pass_h_column(b, layer, g.first);
        for (size_t kind = g.first; kind < g.first + g.n; kind++) {
            size_t r = b->stack[layer * LORA_KINDS + kind].n;
            if (r > 0)
                site_bwd(k, dx != NULL ? dx + row * ldx : NULL,
                         dy + row * ldy + lora_out_column(&b->shape, (LoraKind)kind), ldy, x + row * ldx, h,
                         from, to, layer, kind);
            h += r;
        }
    }
}

static bool group_has_sites(const LoraBank *b, size_t layer, PassGroup g)
{
    for (size_t kind = g.first; kind < g.first + g.n; kind++)
        if (b->stack[layer * LORA_KINDS + kind].n > 0) return true;
    return false;
}

/* Whether the way back needs what the products of a group read. */
static bool reads_input(const Back *k, size_t layer, PassGroup g)
{
    if (k->grad->base != NULL) return true;
    return k->p->n_spans > 0 && group_has_sites(k->p->span[0].bank, layer, g);
}

/* Whether nothing below a group has gradients that anyone wants. */
static bool ends_at(const Back *k, size_t layer, PassGroup g)
{
    return layer == k->last_layer && g.first == k->last_kind;
}

/* The first group of sites in the order of the network, where the way back may end. */
static void find_end(Back *k)
{
    const PassGroup order[] = {group_qkv, group_o, group_gu, group_down};
    k->last_kind = LORA_KINDS;
    if (k->grad->base != NULL || k->p->n_spans == 0) return;
    for (size_t l = 0; l < k->p->n_layers; l++)
        for (size_t i = 0; i < 4; i++) {
            if (!group_has_sites(k->p->span[0].bank, l, order[i])) continue;
            k->last_layer = l;
            k->last_kind = order[i].first;
            return;
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

/* The products of layer l that read the same input x [N, n_in], from the gradient dy of their output: their
 * parameters' gradients, and dx (written). False where the way ends: dx is not wanted. */
static bool group_products_bwd(const Back *k, float *dx, const float *dy, size_t ldy, const float *x,
                               const ModelLin *lin, ModelLin *g, size_t l, PassGroup group)
{
    Pass *p = k->p;
    bool on = !ends_at(k, l, group);
    if (on) lin_bwd_x(dx, lin->n_in, dy, ldy, p->n_rows, lin, p->tile);
    if (g != NULL) lin_bwd_w(g, dy, ldy, x, lin->n_in, p->n_rows);
    group_bwd(k, on ? dx : NULL, lin->n_in, dy, ldy, x, l, group);
    return on;
}

/* False where the way ends inside. */
static bool ffn_bwd(const Back *k, size_t l)
{
    Pass *p = k->p;
    const ModelConfig *c = &k->m->cfg;
    const ModelLayer *y = &k->m->p.layer[l];
    ModelLayer *g = layer_grad(k, l);
    size_t N = p->n_rows, C = p->n_hidden, F = p->n_ffn, W = p->width_gu;
    const float *gu = pass_at(p, p->gu, l, W), *dy = block_end_bwd(k, l, 1);
    if (reads_input(k, l, group_down)) act_fwd(p->act, gu, N, F, c->act, !c->ungated);
    if (!group_products_bwd(k, p->dact, dy, C, p->act, &y->down, g != NULL ? &g->down : NULL, l, group_down))
        return false;
    act_bwd(p->dgu, p->dact, gu, N, F, c->act, !c->ungated);
    if (reads_input(k, l, group_gu))
        pass_norm(p->norm, pass_part(p, p->stat, l, 1, 2), pass_norm_in(p, k->m, l, 1), k->m, l, 1, N);
    if (!group_products_bwd(k, p->dnorm, p->dgu, W, p->norm, &y->gu, g != NULL ? &g->gu : NULL, l, group_gu))
        return false;
    if (c->parallel) memset(p->dside, 0, N * C * sizeof *p->dside); /* attention must not see it in dx */
    norm_in_bwd(k, c->parallel ? p->dside : p->dx, l, 1);
    return true;
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
        shape.probs = pass_kept(p, c, l, row, k->seq[i].n);
        attn_bwd(dq, dk, dk + kv, p->datt + row * p->width_q, p->width_q, q, &span, &shape, p->scores);
    }
    if (rope_dim(c) > 0)
        rope_apply(p->dqkv, W, p->angle[set], p->angle[set + 1], p->n_rows, c->n_heads + c->n_kv, c->head_dim,
                   rope_dim(c), -1);
    if (c->qk_norm) norm_heads_bwd(k, l);
}

static bool attention_bwd(const Back *k, size_t l)
{
    Pass *p = k->p;
    const ModelLayer *y = &k->m->p.layer[l];
    ModelLayer *g = layer_grad(k, l);
    size_t N = p->n_rows, C = p->n_hidden, Q = p->width_q, W = p->width_qkv;
    const float *att = pass_at(p, p->att, l, Q), *dy = block_end_bwd(k, l, 0);
    if (!group_products_bwd(k, p->datt, dy, C, att, &y->o, g != NULL ? &g->o : NULL, l, group_o))
        return false;
    attend_bwd(k, l);
    if (reads_input(k, l, group_qkv))
        pass_norm(p->norm, pass_part(p, p->stat, l, 0, 2), pass_x(p, l, 0), k->m, l, 0, N);
    if (!group_products_bwd(k, p->dnorm, p->dqkv, W, p->norm, &y->qkv, g != NULL ? &g->qkv : NULL, l,
                            group_qkv))
        return false;
    norm_in_bwd(k, p->dx, l, 0);
    if (k->m->cfg.parallel) vec_axpy(p->dx, 1, p->dside, N * C);
    return true;
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

/* Target rows on their way through the head, at most PASS_CHUNK. */
typedef struct {
    size_t row[PASS_CHUNK], seq[PASS_CHUNK], n;
    int32_t id[PASS_CHUNK];
} HeadRows;

/* Cross-entropy of some rows, added to the losses of their sequences, and its gradient: into p->dx at those
 * rows, and into the head. */
static void chunk_loss(const Back *k, double *loss, const HeadRows *r, const PassTarget *target)
{
    Pass *p = k->p;
    const Model *m = k->m;
    size_t C = p->n_hidden, V = m->cfg.n_vocab, n = r->n;
    float cap = (float)m->cfg.final_softcap;
    pass_logits(p->logits, p, m, r->row, n, p->picked);
    if (cap > 0) memcpy(p->slope, p->logits, n * V * sizeof *p->slope);
    for (size_t i = 0; i < n; i++) {
        float *z = p->logits + i * V, zt = z[r->id[i]];
        loss[r->seq[i]] += vec_softmax(z, V) - (double)zt;
        z[r->id[i]] -= 1;
        vec_scale(z, target[r->seq[i]].scale, V);
    }
    if (cap > 0) final_softcap_bwd(p->logits, p->slope, n * V, cap);
    lin_bwd_x(p->dpicked, C, p->logits, V, n, &m->p.head, p->tile);
    if (k->grad->base != NULL) lin_bwd_w(&k->grad->base->head, p->logits, V, p->picked, C, n);
    last_norm_bwd(k, r->row, n);
}

static void head_bwd(const Back *k, double *loss, const PassTarget *target)
{
    HeadRows r = {.n = 0};
    for (size_t i = 0, at = 0; i < k->n; at += k->seq[i].n, i++) {
        loss[i] = 0;
        assert(target[i].first >= 1 && target[i].end <= k->seq[i].n + 1);
        for (size_t t = target[i].first; t < target[i].end; t++) {
            r.row[r.n] = at + t - 1;
            r.seq[r.n] = i;
            r.id[r.n++] = k->seq[i].ids[t];
            if (r.n < PASS_CHUNK) continue;
            chunk_loss(k, loss, &r, target);
            r.n = 0;
        }
    }
    if (r.n > 0) chunk_loss(k, loss, &r, target);
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

/* Whether anything takes a gradient. */
static bool anyone_wants(const Back *k)
{
    const Pass *p = k->p;
    if (k->grad->base != NULL || (p->gate != NULL && p->gate_grad != NULL)) return true;
    for (size_t i = 0; i < p->n_spans; i++)
        if (p->span[i].grad != NULL) return true;
    return false;
}

void pass_loss_each(double *loss, Pass *p, const Model *m, const PassSeq *seq, const PassTarget *target,
                    size_t n, const PassLora *lora, const PassGrad *grad)
{
    assert(p->train);
    bool parts = lora != NULL && lora->part != NULL;
    assert(parts || lora == NULL || lora->bank == NULL || (lora->bank->k == 1 && lora->w[0] == 1.0f));
    if (!parts && p->n_spans > 0) p->span[0].grad = grad->lora;
    Back k = {.p = p, .m = m, .seq = seq, .n = n, .grad = grad};
    memset(p->dx, 0, p->n_rows * p->n_hidden * sizeof *p->dx);
    head_bwd(&k, loss, target);
    if (!anyone_wants(&k)) return;
    find_end(&k);
    bool on = true;
    for (size_t l = p->n_layers; on && l-- > 0;) on = ffn_bwd(&k, l) && attention_bwd(&k, l);
    if (grad->base != NULL) embed_bwd(&k);
}

double pass_loss(Pass *p, const Model *m, const PassSeq *seq, const size_t *skip, size_t n,
                 const PassLora *lora, float scale, const PassGrad *grad, size_t *n_targets)
{
    double sum = 0;
    *n_targets = 0;
    for (size_t i = 0; i < n; i++) {
        size_t first = skip[i] > 1 ? skip[i] : 1;
        p->target[i] = (PassTarget){first, seq[i].n > first ? seq[i].n : first, scale};
        *n_targets += p->target[i].end - first;
    }
    pass_loss_each(p->loss, p, m, seq, p->target, n, lora, grad);
    for (size_t i = 0; i < n; i++) sum += p->loss[i];
    return sum;
}
