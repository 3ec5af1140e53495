/* fuzz_config.c - any bytes as a config.json: refused, or sizes that fit together and frequencies that are
 * numbers. What is accepted goes through the loader of folders, over the weights of one tiny Llama: refused,
 * or a model that computes. */
#include "../../src/model/arch.h"

#include "fuzz_file.h"

#include "prime/pass.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONFIG_HALF = 4096, CONFIG_IDS = 3 };

/* Weights that never change, in memory too. */
static void config_enter(void)
{
    const ModelConfig tiny = {.n_vocab = 11,
                              .n_hidden = 8,
                              .n_layers = 2,
                              .n_heads = 2,
                              .n_kv = 1,
                              .head_dim = 4,
                              .n_ffn = 12,
                              .max_len = 32,
                              .norm_eps = 1e-5,
                              .rope.theta = 1e4,
                              .bos = -1,
                              .eos = -1};
    Model *m = NULL;
    Rng rng = rng_stream(1, "fuzz", 0);
    if (model_new(&m, &tiny, NULL) != OK) abort();
    model_init(m, &rng);
    if (model_save(m, fuzz_folder(), ST_F32, NULL) != OK) abort();
    model_free(m);
}

static void config_freqs(const ModelConfig *c, const ModelRope *r)
{
    static double freq[CONFIG_HALF];
    size_t dim = rope_dim(c);
    for (size_t n = 0; n <= c->max_len && dim / 2 <= CONFIG_HALF; n += c->max_len) {
        rope_freqs(freq, r, dim, n);
        for (size_t j = 0; j < dim / 2; j++)
            if (!isfinite(freq[j])) abort();
    }
}

static void config_sound(const ModelConfig *c)
{
    if (model_check(c, "accepted", NULL) != OK || arch_find(model_type_name(c)) == NULL) abort();
    config_freqs(c, &c->rope);
    if (c->window > 0) config_freqs(c, &c->rope_local);
    if (c->n_stop > MODEL_STOPS_MAX || c->rotary_dim > c->head_dim) abort();
    for (size_t l = c->n_layers; l < MODEL_LAYERS_MAX; l++)
        if (model_layer_local(c, l)) abort();
    for (size_t i = 0; i < c->n_stop; i++)
        if (c->stop[i] < 0 || (size_t)c->stop[i] >= c->n_vocab) abort();
}

/* Three tokens through the model. */
static void config_compute(const Model *m)
{
    static const int32_t ids[CONFIG_IDS] = {1, 0, 1};
    Pass *p = NULL;
    PassSeq seq = {.ids = ids, .n = CONFIG_IDS};
    size_t row[CONFIG_IDS] = {0, 1, 2};
    if (pass_check(m, ids, CONFIG_IDS, NULL) != OK || pass_new(&p, m, CONFIG_IDS, 0, false, NULL) != OK)
        return;
    float *out = malloc(CONFIG_IDS * (m->cfg.n_vocab + m->cfg.n_hidden) * sizeof *out);
    if (out == NULL) abort();
    pass_forward(p, m, &seq, 1, NULL, NULL);
    pass_logits(out, p, m, row, CONFIG_IDS, out + CONFIG_IDS * m->cfg.n_vocab);
    for (size_t i = 0; i < CONFIG_IDS * m->cfg.n_vocab; i++)
        if (!isfinite(out[i])) abort();
    free(out);
    pass_free(p);
}

static void config_load(const uint8_t *data, size_t size, ModelWeights how)
{
    Model *m = NULL;
    Err e = {0};
    const ModelOpts opts = {.weights = how};
    fuzz_put("config.json", data, size);
    if (model_open(&m, fuzz_folder(), &opts, &e) == OK)
        config_compute(m);
    else if (e.msg[0] == '\0' || m != NULL)
        abort();
    model_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool entered;
    ModelConfig c;
    Err e = {0};
    char *ignored = NULL;
    for (int lax = 0; lax < 2; lax++) {
        e = (Err){0};
        if (model_config_parse(&c, &ignored, (const char *)data, size, "input", lax, &e) == OK)
            config_sound(&c);
        else if (e.msg[0] == '\0' || ignored != NULL)
            abort();
        if (lax == 0 && e.code == OK) {
            if (!entered) config_enter();
            entered = true;
            config_load(data, size, size % 2 == 0 ? WEIGHTS_F32 : WEIGHTS_STORED);
        }
        free(ignored);
        ignored = NULL;
    }
    return 0;
}
