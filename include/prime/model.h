/* model.h - decoder-only transformers: one layer graph, whose variants (norms, activations, biases, windows,
 * rotary or learned positions) are fields of the configuration. Which family sets which field is a table,
 * src/model/arch.c: llama, mistral, qwen2, qwen3, gpt2, gemma, gemma2, gemma3_text, phi3, gpt_neox.
 * Arithmetic is float32 whatever the type of the stored weights; the reference is Hugging Face transformers
 * computing in float32.
 *
 * Letters: L layers, C channels, H heads, G key/value heads, D head size, F feed-forward size, V vocabulary,
 * N rows (tokens of all sequences of a pass, one behind the other, no padding). */
#ifndef PRIME_MODEL_H
#define PRIME_MODEL_H

#include "prime/err.h"
#include "prime/hash.h"
#include "prime/lora.h"
#include "prime/matpack.h"
#include "prime/rng.h"
#include "prime/st.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    NORM_RMS,       /* x / rms(x) * w; Zhang and Sennrich 2019, arXiv:1910.07467 */
    NORM_RMS_PLUS1, /* the same with 1 + w (Gemma) */
    NORM_LAYER      /* (x - mean) / sd * w + b; Ba et al. 2016, arXiv:1607.06450 */
} NormKind;

typedef enum { ACT_SILU, ACT_GELU, ACT_GELU_TANH, ACT_RELU, ACT_KINDS } ActKind;

typedef enum { ROPE_PLAIN, ROPE_LINEAR, ROPE_DYNAMIC, ROPE_LLAMA3, ROPE_YARN, ROPE_KINDS } RopeKind;

/* Rotary positions; Su et al. 2021, arXiv:2104.09864. YaRN: Peng et al. 2023, arXiv:2309.00071. */
typedef struct {
    RopeKind kind;
    double theta, factor;
    double old_len;              /* positions the model was first trained on: dynamic, llama3, yarn */
    double low, high;            /* llama3: low_freq_factor, high_freq_factor */
    double beta_fast, beta_slow; /* yarn */
    bool truncate;               /* yarn: the range is rounded outward to whole dimensions */
    double gain;                 /* cos and sin are multiplied by it (yarn); 0 stands for 1 */
} ModelRope;

enum { MODEL_LAYERS_MAX = 512, MODEL_STOPS_MAX = 8, MODEL_TYPES_LEN = 48 };
typedef struct ModelArch ModelArch; /* a row of the table; src/model/arch.h */

/* Zero fields give a Llama: a model that is made here sets the sizes, max_len, norm_eps and rope.theta. */
typedef struct {
    const ModelArch *arch; /* NULL stands for llama */
    size_t n_vocab, n_hidden, n_layers, n_heads, n_kv, head_dim, n_ffn, max_len;
    NormKind norm;
    double norm_eps;
    ActKind act;
    bool ungated;  /* down(act(up)); most have down(act(gate) * up) */
    bool parallel; /* attention and feed-forward both read the layer's input (GPT-NeoX) */
    bool tied;     /* the head is the embedding */
    bool conv1d;   /* products are stored [n_in, n_out] (GPT-2) */
    bool bias_qkv, bias_o, bias_ffn;
    bool qk_norm;    /* RMS norm of every query and key head (Qwen3, Gemma3) */
    bool post_norms; /* norms behind attention and feed-forward too (Gemma2, Gemma3) */
    bool learned_pos;
    double embed_scale;                 /* of the embedding; 0 stands for 1 */
    double attn_scale;                  /* of q k, 0 stands for 1/sqrt(head_dim) */
    double attn_softcap, final_softcap; /* c tanh(x / c); 0: none */
    size_t rotary_dim; /* leading entries of a head that are rotated; even; 0 stands for head_dim */
    ModelRope rope, rope_local;
    size_t window; /* a query sees this many tokens, itself included, in local layers; 0: all */
    uint64_t local[MODEL_LAYERS_MAX / 64]; /* bit l: layer l is local: it has the window and rope_local */
    int32_t bos, eos;                      /* -1 where there is none; eos: the one that training writes */
    int32_t stop[MODEL_STOPS_MAX];         /* generation ends at any of these */
    size_t n_stop;
} ModelConfig;

/* model_layer_local - whether layer l is local. */
bool model_layer_local(const ModelConfig *c, size_t layer);
/* model_type_name - "llama" and so on, as in config.json. */
const char *model_type_name(const ModelConfig *c);
/* model_arch_at - the i-th family's model_type, with the class that saves it and its source; NULL past the
 * end. */
const char *model_arch_at(size_t i, const char **klass, const char **source);
const char *model_rope_name(RopeKind k);
const char *model_act_name(ActKind k);

/* A run of rows (or, for conv1d, all) of a product's weights as they lie in a file. */
typedef struct {
    const void *data;
    void (*widen)(float *out, const void *data, size_t first, size_t n); /* entries first .. first+n */
    size_t first, rows;                                                  /* outputs of the product */
} ModelPart;

enum { MODEL_PARTS = 3 };

/* y = x W^T + bias. */
typedef struct {
    size_t n_in, n_out;
    bool in_out; /* stored [n_in, n_out] */
    float *w;    /* all of it in float32; NULL when the parts are kept as stored */
    ModelPart part[MODEL_PARTS];
    size_t n_parts;
    float *bias;   /* [n_out] or NULL */
    MatPack *pack; /* model_pack's; NULL for none */
} ModelLin;

/* What a family lacks is NULL (vectors) or has n_out 0 (products). */
typedef struct {
    float *norm1, *norm1_b; /* [C] */
    ModelLin qkv;           /* q, k, v side by side: H*D + 2*G*D outputs */
    float *q_norm, *k_norm; /* [D] */
    ModelLin o;             /* C outputs */
    float *post1;           /* [C] */
    float *norm2, *norm2_b; /* [C] */
    ModelLin gu;            /* gate, up side by side: 2F outputs; F when not gated */
    ModelLin down;          /* C outputs */
    float *post2;           /* [C] */
} ModelLayer;

/* All that is held in float32 lies in one block; gradients and moments have the same layout. */
typedef struct {
    float *data;
    size_t n;
    ModelLin embed; /* V rows of C */
    float *pos;     /* [max_len, C] */
    ModelLayer *layer;
    float *norm, *norm_b; /* [C] */
    ModelLin head;        /* V outputs; the embedding itself when tied */
} ModelParams;

/* How weights are held. AUTO: float32 when that takes at most MODEL_F32_BYTES, else as stored. */
#define MODEL_F32_BYTES 2e9
typedef enum { WEIGHTS_AUTO, WEIGHTS_F32, WEIGHTS_STORED } ModelWeights;

typedef struct {
    ModelWeights weights;
    bool unknown_keys; /* pass over keys of config.json that this program does not know */
} ModelOpts;

typedef struct {
    ModelConfig cfg;
    ModelParams p;
    bool stored;       /* products are kept as stored: cannot be trained or folded into */
    MatType precision; /* of the products in passes without gradients; MAT_F32 unless packed otherwise */
    bool freq_given;   /* the frequencies come from the file (GGUF), not from the configuration */
    double *freq[2];   /* of rope and rope_local [rotary_dim/2], radians a token */
    size_t n_params;   /* with the ones that are kept as stored */
    /* What lay in the files: tensors that were read, their bytes and types. */
    size_t n_tensors, n_bytes;
    char types[MODEL_TYPES_LEN];
    /* Where it came from; all NULL for a model made here. */
    char *config;             /* config.json, for saving */
    char *ignored;            /* keys of it that were passed over, separated by spaces */
    struct ModelFiles *files; /* what the stored weights are mapped from */
} Model;

/* model_check - whether the sizes fit together and stay within what BLAS integers and memory allow. `name` is
 * for messages. Errors: ERR_SHAPE, ERR_ARG, with value and bound. */
Status model_check(const ModelConfig *cfg, const char *name, Err *e) PRIME_MUST_USE;

/* model_new - zero weights. model_init - N(0, 0.02), the two products that write to the residual stream
 * scaled by 1/sqrt(2L), norms 1, biases 0. model_copy needs float32 weights. Errors: ERR_SHAPE, ERR_NOMEM;
 * ERR_ARG a copy of stored weights. */
Status model_new(Model **m, const ModelConfig *cfg, Err *e) PRIME_MUST_USE;
void model_init(Model *m, Rng *rng);
Status model_copy(Model **m, const Model *of, Err *e) PRIME_MUST_USE;
void model_free(Model *m); /* accepts NULL */

/* model_params_new - zeros in the layout of cfg, all in float32. */
Status model_params_new(ModelParams *p, const ModelConfig *cfg, Err *e) PRIME_MUST_USE;
void model_params_free(ModelParams *p);

/* model_open - a Hugging Face folder (config.json; model.safetensors or its shards, in f32, f16 or bf16) or a
 * GGUF file of the llama kind (F32, F16, BF16, Q8_0, Q4_0). Every tensor is accounted for, every key of the
 * config too: one that is not known and not empty is refused unless opts->unknown_keys. opts NULL: defaults.
 * Weights kept as stored are read where they are used: their values are not looked at here. With float32
 * weights every value must be finite. generation_config.json, if there, says where generation stops.
 * Errors: ERR_IO, ERR_FORMAT; ERR_SHAPE for a tensor of another size, ERR_UNSUP for what would change the
 * numbers and is not implemented; ERR_NUM for weights that are not finite. Each names file, tensor or key. */
Status model_open(Model **m, const char *path, const ModelOpts *opts, Err *e) PRIME_MUST_USE;
/* model_load - the same with the defaults. */
Status model_load(Model **m, const char *path, Err *e) PRIME_MUST_USE;

/* model_hash - SHA-256 of the weights: of the one file; of several, of a list of their hashes and names.
 * Errors: ERR_IO, those of st_set_open. Cost: reads everything. */
Status model_hash(char hex[HASH_HEX], const char *path, Err *e) PRIME_MUST_USE;

/* model_config_parse - the configuration alone, from the n bytes of a config.json; `name` is for messages.
 * ignored, if not NULL, gets the keys that were passed over (free it). Errors: as above. */
Status model_config_parse(ModelConfig *c, char **ignored, const char *json, size_t n, const char *name,
                          bool unknown_keys, Err *e) PRIME_MUST_USE;

/* model_save - a Hugging Face folder with weights as ST_F32, ST_F16 or ST_BF16. A model that was loaded keeps
 * its config.json but for the type. Errors: ERR_IO, ERR_NUM; ERR_UNSUP a model that was not made or loaded
 * with float32 weights, whose frequencies came from a table in its file, or one of another family than llama
 * without a config of its own. */
Status model_save(const Model *m, const char *dir, StType type, Err *e) PRIME_MUST_USE;

/* model_pack - copies of all products' weights (layers and head) in the form that the processor's kernels
 * read, in float32 or bfloat16: from now on scoring and generating use them, and no longer touch the weights
 * themselves but for embeddings; training goes on with the weights. With weights kept as stored a model in
 * bfloat16 takes 2 bytes a weight beside the file, which is mapped. Norms, softmax, the residual stream and
 * sums are float32 in either case. Packs do not follow changes of the weights: model_fold drops them; whoever
 * trains a model's own weights calls model_unpack before, and packs again afterwards. Not while other threads
 * use the model. Errors: ERR_NOMEM; ERR_UNSUP. Cost: reads all weights once, about 1 s per 10^9.
 * model_unpack - frees them; precision is MAT_F32 again. */
Status model_pack(Model *m, MatType precision, Err *e) PRIME_MUST_USE;
void model_unpack(Model *m);

/* model_pack_pays - whether packs in float32 are worth their memory, which is that of the weights again:
 * oneDNN does the products, and the weights, held in float32, take at most MODEL_PACK_BYTES. Measured: a pass
 * of 16 rows takes 0.65 of the time, one of 1024 rows 0.95. */
#define MODEL_PACK_BYTES 256e6
bool model_pack_pays(const Model *m);

/* model_lora_shape - the sites that an adapter for this model can have. */
LoraShape model_lora_shape(const ModelConfig *cfg);

/* model_fold - W += weight * scale * B A for every site: makes an adapter part of the base, and drops packs.
 * Errors: ERR_SHAPE; ERR_ARG weights that are kept as stored; ERR_NOMEM. */
Status model_fold(Model *m, const Lora *l, double weight, Err *e) PRIME_MUST_USE;

#endif
