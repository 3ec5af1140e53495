/* naive.h - a llama in double, straight from its definition, with a place for a test to add to every product:
 * a twin for what the fast pass does at an adapter's sites. */
#ifndef PRIME_TEST_NAIVE_H
#define PRIME_TEST_NAIVE_H

#include <math.h>

#include "tiny.h"

/* Called at every product but the head, in the order of the network: x [N, n_in] goes in, y [N, n_out] holds
 * the base's product and may be added to. */
typedef void (*NaiveSite)(void *ctx, size_t layer, LoraKind kind, const double *x, double *y, size_t rows);

typedef struct {
    const Model *m;
    const PassSeq *seq;
    size_t n, rows;
    NaiveSite site;
    void *ctx;
} Naive;

static inline double *naive_alloc(size_t n)
{
    double *x = calloc(n + 1, sizeof *x);
    cr_assert_not_null(x);
    return x;
}

static inline void naive_norm(double *out, const double *x, const float *w, size_t n, double eps)
{
    double sq = 0;
    for (size_t i = 0; i < n; i++) sq += x[i] * x[i];
    for (size_t i = 0; i < n; i++) out[i] = x[i] / sqrt(sq / (double)n + eps) * (double)w[i];
}

/* Rows first .. first + n_out of W, then the test's turn. */
static inline double *naive_product(const Naive *k, size_t layer, LoraKind kind, const ModelLin *lin,
                                    size_t first, size_t n_out, const double *x)
{
    double *y = naive_alloc(k->rows * n_out);
    for (size_t t = 0; t < k->rows; t++)
        for (size_t o = 0; o < n_out; o++)
            for (size_t i = 0; i < lin->n_in; i++)
                y[t * n_out + o] += (double)lin->w[(first + o) * lin->n_in + i] * x[t * lin->n_in + i];
    if (k->site != NULL) k->site(k->ctx, layer, kind, x, y, k->rows);
    return y;
}

static inline void naive_rope(double *x, size_t heads, size_t d, size_t pos, double theta)
{
    for (size_t h = 0; h < heads; h++, x += d)
        for (size_t i = 0; i < d / 2; i++) {
            double a = (double)pos * pow(theta, -2.0 * (double)i / (double)d), p = x[i], q = x[i + d / 2];
            x[i] = p * cos(a) - q * sin(a);
            x[i + d / 2] = q * cos(a) + p * sin(a);
        }
}

/* One query of one head over the keys up to its own. */
static inline void naive_query(double *out, const double *q, const double *key, const double *v, size_t ld,
                               size_t n, size_t d)
{
    double *s = naive_alloc(n), sum = 0;
    for (size_t u = 0; u < n; u++) {
        for (size_t i = 0; i < d; i++) s[u] += q[i] * key[u * ld + i];
        s[u] = exp(s[u] / sqrt((double)d));
        sum += s[u];
    }
    for (size_t u = 0; u < n; u++)
        for (size_t i = 0; i < d; i++) out[i] += s[u] / sum * v[u * ld + i];
    free(s);
}

static inline double *naive_attend(const Naive *k, double *q, double *key, const double *v)
{
    const ModelConfig *c = &k->m->cfg;
    size_t H = c->n_heads, G = c->n_kv, D = c->head_dim, row = 0;
    double *out = naive_alloc(k->rows * H * D);
    for (size_t i = 0; i < k->n; row += k->seq[i].n, i++)
        for (size_t t = 0; t < k->seq[i].n; t++) {
            naive_rope(q + (row + t) * H * D, H, D, t, c->rope.theta);
            naive_rope(key + (row + t) * G * D, G, D, t, c->rope.theta);
            for (size_t h = 0; h < H; h++) {
                size_t at = row * G * D + h / (H / G) * D, mine = (row + t) * H * D + h * D;
                naive_query(out + mine, q + mine, key + at, v + at, G * D, t + 1, D);
            }
        }
    return out;
}

static inline void naive_add(double *x, double *y, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] += y[i];
    free(y);
}

static inline void naive_layer(const Naive *k, double *x, size_t l)
{
    const ModelConfig *c = &k->m->cfg;
    const ModelLayer *y = &k->m->p.layer[l];
    size_t C = c->n_hidden, Q = c->n_heads * c->head_dim, K = c->n_kv * c->head_dim, F = c->n_ffn;
    double *in = naive_alloc(k->rows * C), *act = naive_alloc(k->rows * F);
    for (size_t t = 0; t < k->rows; t++) naive_norm(in + t * C, x + t * C, y->norm1, C, c->norm_eps);
    double *q = naive_product(k, l, LORA_Q, &y->qkv, 0, Q, in),
           *key = naive_product(k, l, LORA_K, &y->qkv, Q, K, in),
           *v = naive_product(k, l, LORA_V, &y->qkv, Q + K, K, in), *att = naive_attend(k, q, key, v);
    naive_add(x, naive_product(k, l, LORA_O, &y->o, 0, C, att), k->rows * C);
    for (size_t t = 0; t < k->rows; t++) naive_norm(in + t * C, x + t * C, y->norm2, C, c->norm_eps);
    double *gate = naive_product(k, l, LORA_GATE, &y->gu, 0, F, in),
           *up = naive_product(k, l, LORA_UP, &y->gu, F, F, in);
    for (size_t i = 0; i < k->rows * F; i++) act[i] = gate[i] / (1 + exp(-gate[i])) * up[i];
    naive_add(x, naive_product(k, l, LORA_DOWN, &y->down, 0, C, act), k->rows * C);
    free(in), free(act), free(q), free(key), free(v), free(att), free(gate), free(up);
}

/* The residual stream [N, C] before the last norm, in fresh memory. */
static inline double *naive_hidden(const Model *m, const PassSeq *seq, size_t n, NaiveSite site, void *ctx)
{
    Naive k = {m, seq, n, 0, site, ctx};
    size_t C = m->cfg.n_hidden;
    for (size_t i = 0; i < n; i++) k.rows += seq[i].n;
    double *x = naive_alloc(k.rows * C), *at = x;
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < seq[i].n; t++, at += C)
            for (size_t c = 0; c < C; c++) at[c] = (double)m->p.embed.w[(size_t)seq[i].ids[t] * C + c];
    for (size_t l = 0; l < m->cfg.n_layers; l++) naive_layer(&k, x, l);
    return x;
}

/* The summed cross-entropy of the answers, as pass_loss defines them. */
static inline double naive_loss(const Model *m, const PassSeq *seq, const size_t *skip, size_t n,
                                NaiveSite site, void *ctx)
{
    size_t C = m->cfg.n_hidden, V = m->cfg.n_vocab, row = 0;
    double *x = naive_hidden(m, seq, n, site, ctx), *h = naive_alloc(C), loss = 0;
    for (size_t i = 0; i < n; row += seq[i].n, i++)
        for (size_t t = skip[i] > 1 ? skip[i] : 1; t < seq[i].n; t++) {
            double sum = 0, own = 0;
            naive_norm(h, x + (row + t - 1) * C, m->p.norm, C, m->cfg.norm_eps);
            for (size_t v = 0; v < V; v++) {
                double z = 0;
                for (size_t c = 0; c < C; c++) z += h[c] * (double)m->p.head.w[v * C + c];
                sum += exp(z);
                if ((int32_t)v == seq[i].ids[t]) own = z;
            }
            loss += log(sum) - own;
        }
    free(x);
    free(h);
    return loss;
}

/* y += s B A x of one site: the plain adapter. x and y are single rows. */
static inline void naive_adapter(double *y, const double *x, const LoraSite *s, size_t n_in, size_t n_out)
{
    for (size_t r = 0; r < s->r; r++) {
        double h = 0;
        for (size_t i = 0; i < n_in; i++) h += (double)s->a[r * n_in + i] * x[i];
        for (size_t o = 0; o < n_out; o++) y[o] += (double)s->scale * (double)s->b[o * s->r + r] * h;
    }
}

#endif
