/* model.c - the weights: sizes, one block of memory, initial values, folding. */
#include "prime/model.h"

#include "prime/arena.h"
#include "prime/mat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SIDE = 1 << 24, MAX_TABLE = 1 << 20 };

static Status check_one(size_t value, const char *what, const char *name, Err *e)
{
    if (value >= 1 && value <= MAX_SIDE) return OK;
    FAIL(e, ERR_SHAPE, "%s: %s = %zu, want 1 to %d", name, what, value, MAX_SIDE);
}

Status model_check(const ModelConfig *c, const char *name, Err *e)
{
    TRY(check_one(c->n_vocab, "vocab_size", name, e));
    TRY(check_one(c->n_hidden, "hidden_size", name, e));
    TRY(check_one(c->n_layers, "num_hidden_layers", name, e));
    TRY(check_one(c->n_heads, "num_attention_heads", name, e));
    TRY(check_one(c->n_kv, "num_key_value_heads", name, e));
    TRY(check_one(c->head_dim, "head_dim", name, e));
    TRY(check_one(c->n_ffn, "intermediate_size", name, e));
    TRY(check_one(c->max_len, "max_position_embeddings", name, e));
    if (c->n_heads % c->n_kv != 0)
        FAIL(e, ERR_SHAPE, "%s: %zu key/value heads do not divide %zu heads", name, c->n_kv, c->n_heads);
    if (c->head_dim % 2 != 0)
        FAIL(e, ERR_SHAPE, "%s: head_dim = %zu, want an even number", name, c->head_dim);
    if (c->n_heads * c->head_dim > MAX_SIDE)
        FAIL(e, ERR_SHAPE, "%s: heads * head_dim = %zu, want at most %d", name, c->n_heads * c->head_dim,
             MAX_SIDE);
    if (!(c->norm_eps > 0 && c->norm_eps < 1))
        FAIL(e, ERR_ARG, "%s: rms_norm_eps = %g, want (0, 1)", name, c->norm_eps);
    if (!(c->rope_theta > 0) || !isfinite(c->rope_theta))
        FAIL(e, ERR_ARG, "%s: rope_theta = %g, want above 0", name, c->rope_theta);
    return OK;
}

/* How many floats one layer and the rest take; false when that does not fit in a size. */
static bool count_params(const ModelConfig *c, size_t *total)
{
    size_t q = c->n_heads * c->head_dim, kv = c->n_kv * c->head_dim, C = c->n_hidden;
    double layer = 2.0 * (double)C + 2.0 * (double)C * (double)(q + kv) + 3.0 * (double)C * (double)c->n_ffn;
    double all = layer * (double)c->n_layers + (double)C * (1.0 + (double)c->n_vocab * (c->tied ? 1.0 : 2.0));
    if (all > 1e12) return false;
    *total = c->n_layers * (2 * C + 2 * C * (q + kv) + 3 * C * c->n_ffn) +
             C * (1 + c->n_vocab * (c->tied ? 1 : 2));
    return true;
}

static float *take(float **at, size_t n)
{
    float *p = *at;
    *at += n;
    return p;
}

static void params_layout(ModelParams *p, const ModelConfig *c)
{
    size_t q = c->n_heads * c->head_dim, kv = c->n_kv * c->head_dim, C = c->n_hidden, F = c->n_ffn;
    float *at = p->data;
    p->embed = take(&at, c->n_vocab * C);
    for (size_t l = 0; l < c->n_layers; l++) {
        ModelLayer *y = &p->layer[l];
        y->norm1 = take(&at, C);
        y->wq = take(&at, q * C);
        y->wk = take(&at, kv * C);
        y->wv = take(&at, kv * C);
        y->wo = take(&at, C * q);
        y->norm2 = take(&at, C);
        y->wg = take(&at, F * C);
        y->wu = take(&at, F * C);
        y->wd = take(&at, C * F);
    }
    p->norm = take(&at, C);
    p->head = c->tied ? p->embed : take(&at, c->n_vocab * C);
}

Status model_params_new(ModelParams *p, const ModelConfig *cfg, Err *e)
{
    ModelParams fresh = {0};
    if (!count_params(cfg, &fresh.n)) FAIL(e, ERR_SHAPE, "the model would have more than 1e12 parameters");
    fresh.data = calloc(fresh.n, sizeof *fresh.data);
    fresh.layer = calloc(cfg->n_layers, sizeof *fresh.layer);
    if (fresh.data == NULL || fresh.layer == NULL) {
        model_params_free(&fresh);
        FAIL(e, ERR_NOMEM, "no memory for %zu model parameters", fresh.n);
    }
    params_layout(&fresh, cfg);
    *p = fresh;
    return OK;
}

void model_params_free(ModelParams *p)
{
    free(p->data);
    free(p->layer);
    *p = (ModelParams){0};
}

/* The llama3 rule: low frequencies are divided by the factor, high ones kept, those between blended. */
static double llama3_freq(const ModelConfig *c, double freq)
{
    double wave = 2.0 * 3.14159265358979323846 / freq;
    if (wave < c->rope_old_len / c->rope_high) return freq;
    if (wave > c->rope_old_len / c->rope_low) return freq / c->rope_factor;
    double t = (c->rope_old_len / wave - c->rope_low) / (c->rope_high - c->rope_low);
    return (1.0 - t) * freq / c->rope_factor + t * freq;
}

static void rope_fill(Model *m)
{
    const ModelConfig *c = &m->cfg;
    size_t half = c->head_dim / 2;
    for (size_t j = 0; j < half; j++) {
        double freq = pow(c->rope_theta, -2.0 * (double)j / (double)c->head_dim);
        if (c->rope == ROPE_LINEAR) freq /= c->rope_factor;
        if (c->rope == ROPE_LLAMA3) freq = llama3_freq(c, freq);
        for (size_t t = 0; t < c->max_len; t++) {
            m->rope_cos[t * half + j] = (float)cos((double)t * freq);
            m->rope_sin[t * half + j] = (float)sin((double)t * freq);
        }
    }
}

Status model_new(Model **m, const ModelConfig *cfg, Err *e)
{
    TRY(model_check(cfg, "model", e));
    Model *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) FAIL(e, ERR_NOMEM, "no memory for a model");
    fresh->cfg = *cfg;
    if (fresh->cfg.max_len > MAX_TABLE)
        fresh->cfg.max_len = MAX_TABLE; /* positions beyond are refused by pass_check */
    Status s = model_params_new(&fresh->p, cfg, e);
    size_t n = fresh->cfg.max_len * (cfg->head_dim / 2);
    if (s == OK) {
        fresh->rope_cos = malloc(n * sizeof *fresh->rope_cos);
        fresh->rope_sin = malloc(n * sizeof *fresh->rope_sin);
        if (fresh->rope_cos == NULL || fresh->rope_sin == NULL)
            s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu positions", fresh->cfg.max_len);
    }
    if (s != OK) {
        model_free(fresh);
        return s;
    }
    rope_fill(fresh);
    *m = fresh;
    return OK;
}

void model_free(Model *m)
{
    if (m == NULL) return;
    model_params_free(&m->p);
    free(m->rope_cos);
    free(m->rope_sin);
    free(m);
}

Status model_copy(Model **m, const Model *of, Err *e)
{
    TRY(model_new(m, &of->cfg, e));
    memcpy((*m)->p.data, of->p.data, of->p.n * sizeof *of->p.data);
    return OK;
}

static void fill_normal(float *w, size_t n, double sd, Rng *rng)
{
    for (size_t i = 0; i < n; i++) w[i] = (float)(sd * rng_normal(rng));
}

static void fill_ones(float *w, size_t n)
{
    for (size_t i = 0; i < n; i++) w[i] = 1;
}

void model_init(Model *m, Rng *rng)
{
    const ModelConfig *c = &m->cfg;
    size_t C = c->n_hidden, q = c->n_heads * c->head_dim, kv = c->n_kv * c->head_dim;
    double sd = 0.02, residual = sd / sqrt(2.0 * (double)c->n_layers);
    fill_normal(m->p.embed, c->n_vocab * C, sd, rng);
    for (size_t l = 0; l < c->n_layers; l++) {
        ModelLayer *y = &m->p.layer[l];
        fill_ones(y->norm1, C);
        fill_ones(y->norm2, C);
        fill_normal(y->wq, (q + 2 * kv) * C, sd, rng); /* q, k, v lie behind each other */
        fill_normal(y->wo, C * q, residual, rng);
        fill_normal(y->wg, 2 * c->n_ffn * C, sd, rng);
        fill_normal(y->wd, C * c->n_ffn, residual, rng);
    }
    fill_ones(m->p.norm, C);
    if (!c->tied) fill_normal(m->p.head, c->n_vocab * C, sd, rng);
}

LoraShape model_lora_shape(const ModelConfig *c)
{
    size_t q = c->n_heads * c->head_dim, kv = c->n_kv * c->head_dim, C = c->n_hidden, F = c->n_ffn;
    return (LoraShape){.n_layers = c->n_layers,
                       .n_in = {0, C, C, C, q, 0, C, C, F},
                       .n_out = {0, q, kv, kv, C, 0, F, F, C},
                       .names = lora_names("llama")};
}

Status model_fold(Model *m, const Lora *l, double weight, Err *e)
{
    LoraShape want = model_lora_shape(&m->cfg);
    if (!lora_shape_same(&want, &l->shape)) FAIL(e, ERR_SHAPE, "the adapter is for a model of another shape");
    for (size_t i = 0; i < want.n_layers * LORA_KINDS; i++) {
        const LoraSite *s = &l->site[i];
        ModelLayer *y = &m->p.layer[i / LORA_KINDS];
        float *w[LORA_KINDS] = {NULL, y->wq, y->wk, y->wv, y->wo, NULL, y->wg, y->wu, y->wd};
        size_t k = i % LORA_KINDS, n_in = want.n_in[k], n_out = want.n_out[k];
        if (s->r == 0) continue;
        mat_mul_nn(w[k], n_in, s->b, s->r, s->a, n_in, n_out, n_in, s->r, (float)weight * s->scale, 1);
    }
    return OK;
}
