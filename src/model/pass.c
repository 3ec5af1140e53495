/* pass.c - the workspace and the forward pass. */
#include "pass_priv.h"

#include "arch.h"

#include "prime/arena.h"
#include "prime/mat.h"
#include "prime/memory.h"
#include "prime/vec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* One buffer of the workspace: `copies` times max_rows rows of `width` floats. */
typedef struct {
    float **at;
    size_t copies, width;
} PassBuf;

static size_t widest_input(const Pass *p)
{
    size_t w = p->n_hidden > p->width_q ? p->n_hidden : p->width_q;
    return w > p->n_ffn ? w : p->n_ffn;
}

enum { PASS_BUFS = 40, FFN_ROWS = 128 };

static size_t list_buffers(PassBuf *b, Pass *p, const ModelConfig *c)
{
    size_t L = p->train ? p->n_layers : 1, C = p->n_hidden, n = 0, t = p->train ? 1 : 0;
    size_t width_qk = c->qk_norm ? p->width_q + c->n_kv * c->head_dim : 0, post = c->post_norms ? C : 0;
    b[n++] = (PassBuf){&p->x, p->train ? 2 * L + 1 : 1, C};
    b[n++] = (PassBuf){&p->stat, 2 * L, 2};
    b[n++] = (PassBuf){&p->qkv, L, p->width_qkv};
    b[n++] = (PassBuf){&p->att, L, p->width_q};
    b[n++] = (PassBuf){&p->gu, L, p->width_gu};
    b[n++] = (PassBuf){&p->h, L, p->width_h};
    b[n++] = (PassBuf){&p->norm, 1, C};
    b[n++] = (PassBuf){&p->act, 1, p->n_ffn};
    for (size_t i = 0; i < 4; i++) b[n++] = (PassBuf){&p->angle[i], i < 2 || c->window > 0, rope_dim(c) / 2};
    b[n++] = (PassBuf){&p->side, c->parallel, C};
    b[n++] = (PassBuf){&p->raw, 2 * L, post};
    b[n++] = (PassBuf){&p->raw_stat, 2 * L, c->post_norms ? 2 : 0};
    b[n++] = (PassBuf){&p->qk_raw, L, width_qk};
    b[n++] = (PassBuf){&p->qk_stat, L, c->qk_norm ? 2 * (c->n_heads + c->n_kv) : 0};
    b[n++] = (PassBuf){&p->drop_in, t, widest_input(p)};
    b[n++] = (PassBuf){&p->probs, c->attn_softcap > 0 ? 0 : t * L, c->n_heads * PASS_KEPT};
    b[n++] = (PassBuf){&p->dx, t, C};
    b[n++] = (PassBuf){&p->dnorm, t, C};
    b[n++] = (PassBuf){&p->dact, t, p->n_ffn};
    b[n++] = (PassBuf){&p->dgu, t, p->width_gu};
    b[n++] = (PassBuf){&p->dqkv, t, p->width_qkv};
    b[n++] = (PassBuf){&p->datt, t, p->width_q};
    b[n++] = (PassBuf){&p->dh, t, p->width_h};
    b[n++] = (PassBuf){&p->dside, c->parallel ? t : 0, C};
    b[n++] = (PassBuf){&p->draw, t, post};
    b[n++] = (PassBuf){&p->dqk, t, width_qk};
    assert(n <= PASS_BUFS);
    return n;
}

static void pass_widths(Pass *p, const ModelConfig *c)
{
    p->n_layers = c->n_layers;
    p->n_hidden = c->n_hidden;
    p->width_q = c->n_heads * c->head_dim;
    p->width_qkv = p->width_q + 2 * c->n_kv * c->head_dim;
    p->n_ffn = c->n_ffn;
    p->width_gu = c->ungated ? c->n_ffn : 2 * c->n_ffn;
}

size_t pass_size(const Model *m, size_t max_rows, size_t lora_width)
{
    Pass p = {.max_rows = max_rows, .width_h = lora_width};
    PassBuf b[PASS_BUFS];
    pass_widths(&p, &m->cfg);
    size_t n = list_buffers(b, &p, &m->cfg),
           total = attn_work(m->cfg.max_len, m->cfg.head_dim) + lin_tile_size(m);
    for (size_t i = 0; i < n; i++) total += b[i].copies * b[i].width * max_rows;
    return total * sizeof(float);
}

static Status pass_memory(Pass *p, const Model *m, Err *e)
{
    const ModelConfig *c = &m->cfg;
    PassBuf b[PASS_BUFS];
    size_t n = list_buffers(b, p, c), total = 0, chunk = p->train ? PASS_CHUNK : 0, bytes, want;
    for (size_t i = 0; i < n; i++) {
        TRY(size_mul(&want, b[i].copies * b[i].width, p->max_rows, e));
        total += want;
    }
    size_t reach = c->max_len < p->max_rows || !p->train ? c->max_len : p->max_rows; /* training: no cache */
    size_t there = attn_work(reach, c->head_dim), back = p->train ? 3U * ATTN_TILE * attn_padded(reach) : 0;
    size_t scores = there > back ? there : back, tile = lin_tile_size(m),
           slope = c->final_softcap > 0 ? chunk * c->n_vocab : 0,
           picked = chunk * (c->n_vocab + 2 * c->n_hidden + 1) + slope;
    TRY(size_mul(&bytes, total + scores + tile + picked, sizeof *p->data, e));
    p->data = p->train ? memory_block(bytes) : malloc(bytes); /* scoring a few rows touches a few pages */
    p->cand = malloc((p->max_rows + 1) * sizeof *p->cand);
    p->freq = malloc((rope_dim(c) / 2 + 1) * sizeof *p->freq);
    if (p->data == NULL || p->cand == NULL || p->freq == NULL || !pass_spans_new(p))
        FAIL(e, ERR_NOMEM, "no memory for a pass of %zu rows (%zu bytes)", p->max_rows, bytes);
    float *at = p->data;
    for (size_t i = 0; i < n; at += b[i].copies * b[i].width * p->max_rows, i++) *b[i].at = at;
    p->scores = at;
    p->tile = p->scores + scores;
    p->logits = p->tile + tile;
    p->picked = p->logits + chunk * c->n_vocab;
    p->dpicked = p->picked + chunk * c->n_hidden;
    p->slope = p->dpicked + chunk * c->n_hidden;
    return OK;
}

Status pass_new(Pass **p, const Model *m, size_t max_rows, size_t lora_width, bool train, Err *e)
{
    const ModelConfig *c = &m->cfg;
    if (max_rows == 0) FAIL(e, ERR_ARG, "a pass of 0 rows, want at least 1");
    Pass *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) FAIL(e, ERR_NOMEM, "no memory for a pass");
    fresh->max_rows = max_rows;
    pass_widths(fresh, c);
    fresh->width_h = lora_width;
    fresh->train = train;
    Status s = pass_memory(fresh, m, e);
    if (s != OK)
        pass_free(fresh);
    else
        *p = fresh;
    return s;
}

void pass_free(Pass *p)
{
    if (p == NULL) return;
    free(p->data);
    free(p->cand);
    free(p->freq);
    pass_spans_free(p);
    free(p);
}

void pass_dropout(Pass *p, double prob, uint64_t key)
{
    assert(prob >= 0 && prob < 1);
    p->drop = prob;
    p->drop_key = key;
}

const float *pass_hidden(const Pass *p)
{
    return pass_x(p, p->n_layers, 0);
}

Status pass_check(const Model *m, const int32_t *ids, size_t n, Err *e)
{
    if (n == 0) FAIL(e, ERR_ARG, "a sequence of 0 tokens, want at least 1");
    if (n > m->cfg.max_len)
        FAIL(e, ERR_ARG, "a sequence of %zu tokens, the model takes at most %zu", n, m->cfg.max_len);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= m->cfg.n_vocab)
            FAIL(e, ERR_ARG, "token id %d at position %zu, want 0 to %zu", ids[i], i, m->cfg.n_vocab - 1);
    return OK;
}

void pass_product(const Pass *p, float *y, size_t ldy, const float *x, size_t ldx, size_t n,
                  const ModelLin *lin, bool add)
{
    (p->train ? lin_fwd : lin_fwd_packed)(y, ldy, x, ldx, n, lin, add, p->tile);
}

/* h [N, columns of the group] = input times the A matrices of the group, each kind with its own gated and
 * dropped input. */
static void group_down_project(Pass *p, float *h, const float *x, size_t n_in, const LoraBank *bank,
                               size_t layer, PassGroup g)
{
    const LoraStack *st = bank->stack + layer * LORA_KINDS + g.first;
    size_t total = 0, at = 0;
    for (size_t k = 0; k < g.n; k++) total += st[k].n;
    if (total == 0) return;
    pass_show_inputs(p, x, bank, layer, g);
    if (pass_reads_plain(p)) { /* the A matrices of a group are neighbours: one product */
        mat_mul_nt(h, p->width_h, x, n_in, st[0].a, n_in, p->n_rows, total, n_in, 1, 0);
        return;
    }
    for (size_t k = 0; k < g.n; at += st[k].n, k++) {
        if (st[k].n == 0) continue;
        const float *in = pass_site_input(p, x, 0, p->n_spans, layer, g.first + k, n_in);
        mat_mul_nt(h + at, p->width_h, in, n_in, st[k].a, n_in, p->n_rows, st[k].n, n_in, 1, 0);
    }
}

/* Weight of adapter i: w[i * ld]. */
PRIME_CLONES static void weigh_exact(float *h, const LoraStack *st, const float *w, size_t ld,
                                     const float *scale, size_t k)
{
    for (size_t i = 0; i < k; i++)
        vec_scale(h + st->off[i], w[i * ld] * scale[i], st->off[i + 1] - st->off[i]);
}

/* sum_j w_j (A_j x) first, then the share of each B. Equal ranks, so block i is h + i*r. */
PRIME_CLONES static void weigh_prime(float *h, const LoraStack *st, const float *w, size_t ld,
                                     const float *scale, size_t k)
{
    size_t r = st->off[1];
    for (size_t c = 0; c < r; c++) {
        float sum = 0;
        for (size_t i = 0; i < k; i++) sum += w[i * ld] * h[i * r + c];
        for (size_t i = 0; i < k; i++) h[i * r + c] = w[i * ld] * scale[i] * sum;
    }
}

/* Weigh the rows of one site, each by its candidate's weights there. */
static void weigh_rows(const Pass *p, float *h, const PassLora *lora, size_t site)
{
    const LoraBank *b = lora->bank;
    size_t ld = lora->group != NULL ? lora->n_groups : 1;
    const float *w = lora->w + (lora->group != NULL ? lora->group[site] : 0), *scale = b->scale + site * b->k;
    void (*weigh)(float *, const LoraStack *, const float *, size_t, const float *, size_t) =
        lora->op == LORA_PRIME ? weigh_prime : weigh_exact;
    for (size_t i = 0; i < p->n_rows; i++)
        weigh(h + i * p->width_h, &b->stack[site], w + p->cand[i] * b->k * ld, ld, scale, b->k);
}

/* y += adapters of the group applied to x: y has the outputs of the group's kinds side by side. */
static void group_apply(Pass *p, float *y, size_t ldy, const float *x, size_t n_in, const PassLora *lora,
                        size_t layer, PassGroup g)
{
    if (lora != NULL && lora->part != NULL) pass_apply_parts(p, y, ldy, x, n_in, layer, g);
    if (lora == NULL || lora->part != NULL || lora->bank == NULL) return;
    const LoraBank *b = lora->bank;
    float *h = pass_at(p, p->h, layer, p->width_h) + pass_h_column(b, layer, g.first);
    group_down_project(p, h, x, n_in, b, layer, g);
    for (size_t k = g.first; k < g.first + g.n; k++) {
        const LoraStack *st = b->stack + layer * LORA_KINDS + k;
        if (st->n == 0) continue;
        weigh_rows(p, h, lora, layer * LORA_KINDS + k);
        mat_mul_nt(y + lora_out_column(&b->shape, (LoraKind)k), ldy, h, p->width_h, st->b, st->n, p->n_rows,
                   b->shape.n_out[k], st->n, 1, 1);
        h += st->n;
    }
}

/* New keys and values go behind those of the slot; spans of what the sequence sees are returned. */
static size_t kv_spans(AttnSpan span[2], KvCache *kv, const PassSeq *s, size_t layer, const float *k,
                       size_t ld, size_t half)
{
    if (kv == NULL) {
        span[0] = (AttnSpan){k, k + half, ld, s->n};
        return 1;
    }
    size_t n = 0, pre = kv->prefix[s->slot], layer_at = layer * kv->cap * kv->width,
           slot = kv->n_layers * kv->cap * kv->width;
    if (pre != KV_NONE) {
        const float *at = kv->data + pre * slot + layer_at;
        span[n++] = (AttnSpan){at, at + half, kv->width, kv->len[pre]};
    }
    float *own = kv->data + s->slot * slot + layer_at;
    for (size_t i = 0; i < s->n; i++)
        memcpy(own + (kv->len[s->slot] + i) * kv->width, k + i * ld, kv->width * sizeof *own);
    span[n++] = (AttnSpan){own, own + half, kv->width, kv->len[s->slot] + s->n};
    return n;
}

/* Keep q and k as they are for the way back, and normalise each head. */
static void norm_heads(Pass *p, const Model *m, size_t l, float *qkv)
{
    const ModelConfig *c = &m->cfg;
    const ModelLayer *y = &m->p.layer[l];
    size_t H = c->n_heads, G = c->n_kv, D = c->head_dim, width = (H + G) * D;
    float *raw = pass_at(p, p->qk_raw, l, width), *stat = pass_at(p, p->qk_stat, l, 2 * (H + G));
    for (size_t i = 0; i < p->n_rows; i++, raw += width, stat += 2 * (H + G)) {
        float *q = qkv + i * p->width_qkv;
        memcpy(raw, q, width * sizeof *raw);
        norm_fwd(q, stat, raw, y->q_norm, NULL, H, D, c->norm, c->norm_eps);
        norm_fwd(q + H * D, stat + 2 * H, raw + H * D, y->k_norm, NULL, G, D, c->norm, c->norm_eps);
    }
}

/* How many of a sequence's rows, the last ones, are wanted behind layer l. */
static size_t kept_rows(const Pass *p, const PassSeq *s, size_t l)
{
    bool some = l + 1 == p->n_layers && !p->train && s->keep > 0 && s->keep < s->n;
    return some ? s->keep : s->n;
}

/* att: the rows that are kept, one behind the other. */
static void attend(Pass *p, const ModelConfig *c, float *att, const float *qkv, const PassSeq *seq, size_t n,
                   KvCache *kv, size_t layer)
{
    AttnShape shape = pass_attn(c, layer);
    for (size_t i = 0, row = 0; i < n; row += seq[i].n, i++) {
        const float *q = qkv + row * p->width_qkv;
        AttnSpan span[2];
        if (kv == NULL) shape.probs = pass_kept(p, c, layer, row, seq[i].n);
        size_t keep = kept_rows(p, &seq[i], layer), skip = seq[i].n - keep;
        size_t n_span =
            kv_spans(span, kv, &seq[i], layer, q + p->width_q, p->width_qkv, c->n_kv * c->head_dim);
        attn_fwd(att, p->width_q, q + skip * p->width_qkv, p->width_qkv, span, n_span, keep, &shape,
                 p->scores);
        att += keep * p->width_q;
    }
}

/* Rows that are kept move to the front, with their candidates; returns whether there were others. */
static bool rows_gather(Pass *p, const Model *m, const PassSeq *seq, size_t n, size_t l)
{
    size_t C = p->n_hidden, row = 0, to = 0, total = 0;
    for (size_t i = 0; i < n; i++) total += kept_rows(p, &seq[i], l);
    if (total == p->n_rows) return false;
    for (size_t i = 0; i < n; row += seq[i].n, i++) {
        size_t keep = kept_rows(p, &seq[i], l), from = row + seq[i].n - keep;
        memmove(p->x + to * C, p->x + from * C, keep * C * sizeof *p->x);
        if (m->cfg.parallel) memmove(p->side + to * C, p->side + from * C, keep * C * sizeof *p->side);
        memmove(p->cand + to, p->cand + from, keep * sizeof *p->cand);
        to += keep;
    }
    p->n_rows = to;
    return true;
}

/* The way back: kept rows go where the sequences have them. */
static void rows_scatter(Pass *p, const PassSeq *seq, size_t n, size_t l)
{
    size_t C = p->n_hidden, row = 0, at = p->n_rows;
    for (size_t i = 0; i < n; i++) row += seq[i].n;
    p->n_rows = row;
    for (size_t i = n; i-- > 0; row -= seq[i].n) {
        size_t keep = kept_rows(p, &seq[i], l);
        at -= keep;
        memmove(p->x + (row - keep) * C, p->x + at * C, keep * C * sizeof *p->x);
    }
}

/* The residual stream behind a block: out = x + block, where the block ends with a product of `in` and, in
 * some families, a norm. */
static void block_end(Pass *p, const Model *m, size_t l, size_t part, const ModelLin *lin, const float *in,
                      const PassLora *lora, PassGroup g)
{
    size_t N = p->n_rows, C = p->n_hidden;
    const ModelConfig *c = &m->cfg;
    const ModelLayer *y = &m->p.layer[l];
    float *x = pass_x(p, l, part), *out = part == 0 ? pass_x(p, l, 1) : pass_x(p, l + 1, 0);
    if (out != x) memcpy(out, x, N * C * sizeof *x);
    if (!c->post_norms) {
        pass_product(p, out, C, in, lin->n_in, N, lin, true);
        group_apply(p, out, C, in, lin->n_in, lora, l, g);
        return;
    }
    float *raw = pass_part(p, p->raw, l, part, C), *stat = pass_part(p, p->raw_stat, l, part, 2);
    pass_product(p, raw, C, in, lin->n_in, N, lin, false);
    group_apply(p, raw, C, in, lin->n_in, lora, l, g);
    norm_fwd(p->norm, stat, raw, part == 0 ? y->post1 : y->post2, NULL, N, C, c->norm, c->norm_eps);
    vec_axpy(out, 1, p->norm, N * C);
}

/* att: what the heads say, of the rows that are kept. */
static void attention_block(Pass *p, const Model *m, size_t l, const PassSeq *seq, size_t n,
                            const PassLora *lora, KvCache *kv)
{
    const ModelConfig *c = &m->cfg;
    const ModelLayer *y = &m->p.layer[l];
    size_t N = p->n_rows, C = c->n_hidden, W = p->width_qkv, set = model_layer_local(c, l) ? 2 : 0;
    float *qkv = pass_at(p, p->qkv, l, W), *att = pass_at(p, p->att, l, p->width_q), *x = pass_x(p, l, 0);
    pass_norm(p->norm, pass_part(p, p->stat, l, 0, 2), x, m, l, 0, N);
    if (c->parallel) pass_norm(p->side, pass_part(p, p->stat, l, 1, 2), x, m, l, 1, N);
    if (l == 0 && p->first != NULL)
        pass_first_rows(p, qkv, seq, n);
    else
        pass_product(p, qkv, W, p->norm, C, N, &y->qkv, false);
    group_apply(p, qkv, W, p->norm, C, lora, l, group_qkv);
    if (c->qk_norm) norm_heads(p, m, l, qkv);
    if (rope_dim(c) > 0)
        rope_apply(qkv, W, p->angle[set], p->angle[set + 1], N, c->n_heads + c->n_kv, c->head_dim,
                   rope_dim(c), 1);
    attend(p, c, att, qkv, seq, n, kv, l);
}

static void ffn_block(Pass *p, const Model *m, size_t l, const PassLora *lora)
{
    const ModelLayer *y = &m->p.layer[l];
    size_t N = p->n_rows, C = p->n_hidden, W = p->width_gu;
    float *gu = pass_at(p, p->gu, l, W), *in = m->cfg.parallel ? p->side : p->norm;
    if (!m->cfg.parallel) pass_norm(in, pass_part(p, p->stat, l, 1, 2), pass_x(p, l, 1), m, l, 1, N);
    pass_product(p, gu, W, in, C, N, &y->gu, false);
    group_apply(p, gu, W, in, C, lora, l, group_gu);
    act_fwd(p->act, gu, N, p->n_ffn, m->cfg.act, !m->cfg.ungated);
    block_end(p, m, l, 1, &y->down, p->act, lora, group_down);
}

/* Without gradients nothing but the residual stream outlives a row: blocks that the second-level cache holds.
 */
static void ffn_blocks(Pass *p, const Model *m, size_t l, const PassLora *lora)
{
    for (size_t at = 0; at < p->n_rows; at += FFN_ROWS) {
        Pass some = *p;
        some.n_rows = p->n_rows - at < FFN_ROWS ? p->n_rows - at : FFN_ROWS;
        some.x += at * p->n_hidden;
        some.cand += at;
        if (m->cfg.parallel) some.side += at * p->n_hidden;
        ffn_block(&some, m, l, lora);
    }
}

/* Cosines and sines of the rows of one sequence, whose first is `row`. Only dynamic scaling looks at how long
 * the sequence is by now.
 * Differs: transformers takes the longest sequence of a batch; here each goes by its own length. */
static void place_angles(Pass *p, const Model *m, size_t row, size_t past, size_t n)
{
    const ModelConfig *c = &m->cfg;
    size_t half = rope_dim(c) / 2;
    const ModelRope *rope[2] = {&c->rope, &c->rope_local};
    for (size_t s = 0; s < (c->window > 0 ? 2 : 1) && half > 0; s++) {
        const double *freq = m->freq[s];
        double gain = rope[s]->gain > 0 ? rope[s]->gain : 1;
        if (rope[s]->kind == ROPE_DYNAMIC && (double)(past + n) > rope[s]->old_len) {
            rope_freqs(p->freq, rope[s], 2 * half, past + n);
            freq = p->freq;
        }
        for (size_t t = 0; t < n; t++)
            rope_angles(p->angle[2 * s] + (row + t) * half, p->angle[2 * s + 1] + (row + t) * half, freq,
                        (double)(past + t), gain, half);
    }
}

void pass_embedding(float *x, const Model *m, int32_t id, size_t pos)
{
    const ModelConfig *c = &m->cfg;
    lin_row(x, &m->p.embed, (size_t)id);
    if (c->embed_scale > 0) vec_scale(x, (float)c->embed_scale, c->n_hidden);
    if (c->learned_pos) vec_axpy(x, 1, m->p.pos + pos * c->n_hidden, c->n_hidden);
}

static void place_rows(Pass *p, const Model *m, const PassSeq *seq, size_t n, const KvCache *kv)
{
    size_t row = 0, C = p->n_hidden;
    float *x = pass_x(p, 0, 0);
    for (size_t i = 0; i < n; i++) {
        size_t past = 0;
        if (kv != NULL) {
            size_t pre = kv->prefix[seq[i].slot];
            past = kv->len[seq[i].slot] + (pre != KV_NONE ? kv->len[pre] : 0);
            assert(kv->len[seq[i].slot] + seq[i].n <= kv->cap);
        }
        assert(seq[i].n > 0 && row + seq[i].n <= p->max_rows && past + seq[i].n <= m->cfg.max_len);
        place_angles(p, m, row, past, seq[i].n);
        for (size_t t = 0; t < seq[i].n; t++, row++) {
            assert(seq[i].ids[t] >= 0 && (size_t)seq[i].ids[t] < m->cfg.n_vocab);
            pass_embedding(x + row * C, m, seq[i].ids[t], past + t);
            p->cand[row] = seq[i].cand;
        }
    }
    p->n_rows = row;
}

void pass_forward(Pass *p, const Model *m, const PassSeq *seq, size_t n, const PassLora *lora, KvCache *kv)
{
    assert(lora == NULL || lora->bank == NULL || lora->bank->width <= p->width_h);
    place_rows(p, m, seq, n, kv);
    pass_spans(p, seq, lora);
    for (size_t l = 0; l < p->n_layers; l++) {
        attention_block(p, m, l, seq, n, lora, kv);
        bool fewer = rows_gather(p, m, seq, n, l);
        block_end(p, m, l, 0, &m->p.layer[l].o, pass_at(p, p->att, l, p->width_q), lora, group_o);
        (p->train ? ffn_block : ffn_blocks)(p, m, l, lora);
        if (fewer) rows_scatter(p, seq, n, l);
    }
    for (size_t i = 0; kv != NULL && i < n; i++) kv->len[seq[i].slot] += seq[i].n;
}

void pass_normed(float *out, const Pass *p, const Model *m, const size_t *row, size_t n_rows)
{
    const ModelConfig *c = &m->cfg;
    const float *x = pass_hidden(p);
    float stat[2];
    for (size_t i = 0; i < n_rows; i++)
        norm_fwd(out + i * c->n_hidden, stat, x + row[i] * c->n_hidden, m->p.norm, m->p.norm_b, 1,
                 c->n_hidden, c->norm, c->norm_eps);
}

void pass_logits(float *logits, const Pass *p, const Model *m, const size_t *row, size_t n_rows, float *work)
{
    size_t C = p->n_hidden, V = m->cfg.n_vocab;
    pass_normed(work, p, m, row, n_rows);
    pass_product(p, logits, V, work, C, n_rows, &m->p.head, false);
    if (m->cfg.final_softcap > 0) softcap_apply(logits, n_rows * V, (float)m->cfg.final_softcap);
}

void pass_logits_some(float *logits, const Pass *p, const Model *m, const float *normed, size_t n_rows,
                      size_t first, size_t n)
{
    lin_fwd_some(logits, n, normed, p->n_hidden, n_rows, &m->p.head, first, n, p->tile);
    if (m->cfg.final_softcap > 0) softcap_apply(logits, n_rows * n, (float)m->cfg.final_softcap);
}
