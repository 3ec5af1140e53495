/* tiny.h - a seeded random model of a few thousand parameters and adapters for it, for tests of what a model
 * is used for. */
#ifndef PRIME_TEST_TINY_H
#define PRIME_TEST_TINY_H

#include "engine_case.h"

enum {
    TINY_QKVO = 1U << LORA_Q | 1U << LORA_K | 1U << LORA_V | 1U << LORA_O,
    TINY_ALL = (1U << LORA_KINDS) - 1
};

static inline ModelConfig tiny_config(void)
{
    return (ModelConfig){.n_vocab = 61,
                         .n_hidden = 32,
                         .n_layers = 2,
                         .n_heads = 4,
                         .n_kv = 2,
                         .head_dim = 8,
                         .n_ffn = 48,
                         .max_len = 64,
                         .norm_eps = 1e-5,
                         .rope.theta = 10000,
                         .tied = true,
                         .bos = -1,
                         .eos = -1};
}

/* Weights of sd 0.02 say little: they are made larger so that differences between texts are too. */
static inline Model *tiny_model(const ModelConfig *c, uint64_t seed)
{
    Model *m = NULL;
    Rng rng = rng_stream(seed, "tiny model", 0);
    MUST(model_new(&m, c, &e_));
    model_init(m, &rng);
    for (size_t i = 0; i < m->p.n; i++)
        if (m->p.data[i] != 1.0f) m->p.data[i] *= 8;
    return m;
}

static inline Lora *tiny_lora(const Model *m, unsigned kinds, size_t rank, uint64_t seed)
{
    Lora *l = NULL;
    Rng rng = rng_stream(seed, "tiny lora", 0);
    LoraShape shape = model_lora_shape(&m->cfg);
    MUST(lora_new(&l, &shape, kinds, rank, 2.0 * (double)rank, &e_));
    for (size_t i = 0; i < l->n_params; i++) l->data[i] = (float)(0.1 * rng_normal(&rng));
    return l;
}

static inline int32_t *tiny_ids(size_t n, size_t vocab, uint64_t seed)
{
    Rng rng = rng_stream(seed, "tiny ids", 0);
    int32_t *ids = malloc((n + 1) * sizeof *ids);
    for (size_t i = 0; i < n; i++) ids[i] = (int32_t)rng_below(&rng, vocab);
    return ids;
}

#endif
