/* model.c - the weights: sizes, one block of memory, initial values, folding. */
#include "arch.h"

#include "prime/mat.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SIDE = 1 << 24 };

static Status check_one(size_t value, const char *what, const char *name, Err *e)
{
    if (value >= 1 && value <= MAX_SIDE) return OK;
    FAIL(e, ERR_SHAPE, "%s: %s = %zu, want 1 to %d", name, what, value, MAX_SIDE);
}

static Status check_theta(const ModelRope *r, const ModelConfig *c, const char *name, Err *e)
{
    if (rope_dim(c) == 0 || (r->theta > 0 && isfinite(r->theta))) return OK;
    FAIL(e, ERR_ARG, "%s: rope_theta = %g, want above 0", name, r->theta);
}

Status model_check(const ModelConfig *c, const char *name, Err *e)
{
    TRY(check_one(c->n_vocab, "vocab_size", name, e));
    TRY(check_one(c->n_hidden, "hidden_size", name, e));
    TRY(check_one(c->n_heads, "num_attention_heads", name, e));
    TRY(check_one(c->n_kv, "num_key_value_heads", name, e));
    TRY(check_one(c->head_dim, "head_dim", name, e));
    TRY(check_one(c->n_ffn, "intermediate_size", name, e));
    TRY(check_one(c->max_len, "max_position_embeddings", name, e));
    if (c->n_layers < 1 || c->n_layers > MODEL_LAYERS_MAX)
        FAIL(e, ERR_SHAPE, "%s: num_hidden_layers = %zu, want 1 to %d", name, c->n_layers, MODEL_LAYERS_MAX);
    if (c->n_heads % c->n_kv != 0)
        FAIL(e, ERR_SHAPE, "%s: %zu key/value heads do not divide %zu heads", name, c->n_kv, c->n_heads);
    if (rope_dim(c) % 2 != 0 || rope_dim(c) > c->head_dim)
        FAIL(e, ERR_SHAPE, "%s: head_dim = %zu of which %zu are rotated, want an even number", name,
             c->head_dim, rope_dim(c));
    if (c->n_heads * c->head_dim > MAX_SIDE)
        FAIL(e, ERR_SHAPE, "%s: heads * head_dim = %zu, want at most %d", name, c->n_heads * c->head_dim,
             MAX_SIDE);
    if (!(c->norm_eps > 0 && c->norm_eps < 1))
        FAIL(e, ERR_ARG, "%s: the norms' eps = %g, want (0, 1)", name, c->norm_eps);
    TRY(check_theta(&c->rope, c, name, e));
    if (c->window > 0) TRY(check_theta(&c->rope_local, c, name, e));
    return OK;
}

static Status model_freqs(Model *m, Err *e)
{
    size_t dim = rope_dim(&m->cfg);
    const ModelRope *r[2] = {&m->cfg.rope, &m->cfg.rope_local};
    for (size_t i = 0; i < (m->cfg.window > 0 ? 2 : 1) && dim > 0; i++) {
        m->freq[i] = malloc(dim / 2 * sizeof *m->freq[i]);
        if (m->freq[i] == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu frequencies", dim / 2);
        rope_freqs(m->freq[i], r[i], dim, 0);
    }
    return OK;
}

Status model_bare(Model **m, const ModelConfig *cfg, bool stored, Err *e)
{
    TRY(model_check(cfg, "model", e));
    Model *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) FAIL(e, ERR_NOMEM, "no memory for a model");
    fresh->cfg = *cfg;
    fresh->stored = stored;
    Status s = model_params_lay(&fresh->p, cfg, stored, e);
    if (s == OK) s = model_freqs(fresh, e);
    fresh->n_params = fresh->p.n;
    if (s != OK)
        model_free(fresh);
    else
        *m = fresh;
    return s;
}

Status model_new(Model **m, const ModelConfig *cfg, Err *e)
{
    return model_bare(m, cfg, false, e);
}

void model_free(Model *m)
{
    if (m == NULL) return;
    model_unpack(m);
    model_params_free(&m->p);
    files_close(m->files);
    free(m->freq[0]);
    free(m->freq[1]);
    free(m->config);
    free(m->ignored);
    free(m);
}

Status model_copy(Model **m, const Model *of, Err *e)
{
    Model *fresh = NULL;
    if (of->stored) FAIL(e, ERR_ARG, "the weights are kept as stored: a copy needs them in float32");
    TRY(model_new(&fresh, &of->cfg, e));
    memcpy(fresh->p.data, of->p.data, of->p.n * sizeof *of->p.data);
    fresh->freq_given = of->freq_given;
    for (size_t i = 0; i < 2 && of->freq[i] != NULL; i++)
        memcpy(fresh->freq[i], of->freq[i], rope_dim(&of->cfg) / 2 * sizeof *of->freq[i]);
    if (of->config != NULL && (fresh->config = strdup(of->config)) == NULL) {
        model_free(fresh);
        FAIL(e, ERR_NOMEM, "no memory for a copy of a model");
    }
    *m = fresh;
    return OK;
}

static void fill_normal(float *w, size_t n, double sd, Rng *rng)
{
    for (size_t i = 0; i < n; i++) w[i] = (float)(sd * rng_normal(rng));
}

static void fill(float *w, size_t n, float x)
{
    for (size_t i = 0; i < n; i++) w[i] = x;
}

static void init_layer(ModelLayer *y, const ModelConfig *c, double sd, double residual, Rng *rng)
{
    size_t C = c->n_hidden;
    float one = c->norm == NORM_RMS_PLUS1 ? 0 : 1; /* the weight that leaves a normalised entry as it is */
    fill(y->norm1, C, one);
    fill(y->norm2, C, one);
    if (c->qk_norm) fill(y->q_norm, c->head_dim, one);
    if (c->qk_norm) fill(y->k_norm, c->head_dim, one);
    if (c->post_norms) fill(y->post1, C, one);
    if (c->post_norms) fill(y->post2, C, one);
    fill_normal(y->qkv.w, y->qkv.n_out * C, sd, rng);
    fill_normal(y->o.w, C * y->o.n_in, residual, rng);
    fill_normal(y->gu.w, y->gu.n_out * C, sd, rng);
    fill_normal(y->down.w, C * y->down.n_in, residual, rng);
}

void model_init(Model *m, Rng *rng)
{
    const ModelConfig *c = &m->cfg;
    size_t C = c->n_hidden;
    double sd = 0.02, residual = sd / sqrt(2.0 * (double)c->n_layers);
    assert(!m->stored);
    memset(m->p.data, 0, m->p.n * sizeof *m->p.data);
    fill_normal(m->p.embed.w, c->n_vocab * C, sd, rng);
    if (c->learned_pos) fill_normal(m->p.pos, c->max_len * C, sd, rng);
    for (size_t l = 0; l < c->n_layers; l++) init_layer(&m->p.layer[l], c, sd, residual, rng);
    fill(m->p.norm, C, c->norm == NORM_RMS_PLUS1 ? 0 : 1);
    if (!c->tied) fill_normal(m->p.head.w, c->n_vocab * C, sd, rng);
}

LoraShape model_lora_shape(const ModelConfig *c)
{
    size_t Q = c->n_heads * c->head_dim, G = c->n_kv * c->head_dim, C = c->n_hidden, F = c->n_ffn;
    const size_t n_in[LORA_KINDS] = {C, C, C, C, Q, C, C, C, F},
                 n_out[LORA_KINDS] = {Q + 2 * G, Q, G, G, C, 2 * F, F, F, C};
    LoraShape s = {.n_layers = c->n_layers, .names = arch_modules(c)};
    for (size_t k = 0; k < LORA_KINDS; k++) {
        if (s.names->module[k] == NULL) continue;
        s.n_in[k] = n_in[k];
        s.n_out[k] = n_out[k];
    }
    if (arch_of(c)->heads_grouped) s.qkv_heads = c->n_heads;
    return s;
}

/* W += weight * scale * B A, or its transpose where W is stored [n_in, n_out]. */
static Status fold_site(ModelLin *lin, size_t column, const LoraSite *s, size_t n_in, size_t n_out,
                        float weight, Err *e)
{
    if (!lin->in_out) {
        mat_mul_nn(lin->w + column * n_in, n_in, s->b, s->r, s->a, n_in, n_out, n_in, s->r, weight * s->scale,
                   1);
        return OK;
    }
    float *bt = malloc(s->r * n_out * sizeof *bt);
    if (bt == NULL) FAIL(e, ERR_NOMEM, "no memory to fold an adapter of rank %zu", s->r);
    for (size_t o = 0; o < n_out; o++)
        for (size_t r = 0; r < s->r; r++) bt[r * n_out + o] = s->b[o * s->r + r];
    mat_mul_tn(lin->w + column, lin->n_out, s->a, n_in, bt, n_out, n_in, n_out, s->r, weight * s->scale, 1);
    free(bt);
    return OK;
}

Status model_fold(Model *m, const Lora *l, double weight, Err *e)
{
    LoraShape want = model_lora_shape(&m->cfg);
    if (!lora_shape_same(&want, &l->shape)) FAIL(e, ERR_SHAPE, "the adapter is for a model of another shape");
    if (m->stored) FAIL(e, ERR_ARG, "the weights are kept as stored: folding needs them in float32");
    model_unpack(m);
    for (size_t i = 0; i < want.n_layers * LORA_KINDS; i++) {
        LoraKind k = (LoraKind)(i % LORA_KINDS);
        if (l->site[i].r == 0) continue;
        TRY(fold_site(params_lin(&m->p, i / LORA_KINDS, k), lora_out_column(&want, k), &l->site[i],
                      want.n_in[k], want.n_out[k], (float)weight, e));
    }
    return OK;
}
