/* model.h - a decoder-only transformer of the Llama family in float32: RMSNorm, rotary positions,
 * grouped-query attention, SwiGLU, tied or untied head. Sources: Touvron et al. 2023 (arXiv:2307.09288);
 * rotary positions Su et al. 2021 (arXiv:2104.09864), halves rotated as in the Hugging Face layout; llama3
 * frequency scaling as in the Llama 3.1 release.
 *
 * Letters: L layers, C channels, H heads, G key/value heads, D head size, F feed-forward size, V vocabulary,
 * N rows (tokens of all sequences of a pass, one behind the other, no padding). */
#ifndef PRIME_MODEL_H
#define PRIME_MODEL_H

#include "prime/err.h"
#include "prime/lora.h"
#include "prime/rng.h"
#include "prime/st.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { ROPE_PLAIN, ROPE_LINEAR, ROPE_LLAMA3 } RopeKind;

typedef struct {
    size_t n_vocab, n_hidden, n_layers, n_heads, n_kv, head_dim, n_ffn, max_len;
    double norm_eps, rope_theta;
    RopeKind rope;
    double rope_factor, rope_low, rope_high, rope_old_len; /* llama3; linear uses the factor */
    bool tied;
    int32_t bos, eos; /* -1 where there is none */
} ModelConfig;

/* Weights of one layer. q, k, v lie behind each other, gate and up too: each group is one matrix product. */
typedef struct {
    float *norm1;        /* [C] */
    float *wq, *wk, *wv; /* [H*D, C], [G*D, C], [G*D, C] */
    float *wo;           /* [C, H*D] */
    float *norm2;        /* [C] */
    float *wg, *wu;      /* [F, C] each */
    float *wd;           /* [C, F] */
} ModelLayer;

/* All weights in one block; gradients and moments have the same layout. */
typedef struct {
    float *data;
    size_t n;
    float *embed; /* [V, C] */
    ModelLayer *layer;
    float *norm; /* [C] */
    float *head; /* [V, C]; the embedding itself when tied */
} ModelParams;

typedef struct {
    ModelConfig cfg;
    ModelParams p;
    float *rope_cos, *rope_sin; /* [max_len, D/2] */
} Model;

/* model_check - whether the sizes fit together and stay within what BLAS integers and memory allow. `name` is
 * for messages. Errors: ERR_SHAPE, with value and bound. */
Status model_check(const ModelConfig *cfg, const char *name, Err *e) PRIME_MUST_USE;

/* model_new - zero weights. model_init - N(0, 0.02), the two products that write to the residual stream
 * scaled by 1/sqrt(2L), norms 1. Errors: ERR_SHAPE, ERR_NOMEM. */
Status model_new(Model **m, const ModelConfig *cfg, Err *e) PRIME_MUST_USE;
void model_init(Model *m, Rng *rng);
Status model_copy(Model **m, const Model *of, Err *e) PRIME_MUST_USE;
void model_free(Model *m); /* accepts NULL */

/* model_params_new - zeros in the layout of cfg. */
Status model_params_new(ModelParams *p, const ModelConfig *cfg, Err *e) PRIME_MUST_USE;
void model_params_free(ModelParams *p);

/* model_load - a Hugging Face folder: config.json and model.safetensors in f32, f16 or bf16 (widened to f32).
 * Every tensor is accounted for. Errors: ERR_IO, ERR_FORMAT; ERR_SHAPE for a tensor of another size,
 * ERR_UNSUP for what would change the numbers and is not implemented; ERR_NUM for weights that are not
 * finite. Each names file, tensor or key. */
Status model_load(Model **m, const char *dir, Err *e) PRIME_MUST_USE;
/* model_save - the same layout with weights as ST_F32, ST_F16 or ST_BF16. Errors: ERR_IO, ERR_NUM. */
Status model_save(const Model *m, const char *dir, StType type, Err *e) PRIME_MUST_USE;

/* model_reads_key - whether a key of config.json has a say in what model_load does. Other keys are ignored,
 * such as how the model was trained. */
bool model_reads_key(const char *key);

/* model_lora_shape - the sites that an adapter for this model can have. */
LoraShape model_lora_shape(const ModelConfig *cfg);

/* model_fold - W += weight * scale * B A for every site: makes an adapter part of the base. Errors:
 * ERR_SHAPE. */
Status model_fold(Model *m, const Lora *l, double weight, Err *e) PRIME_MUST_USE;

#endif
