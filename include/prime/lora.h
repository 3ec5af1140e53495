/* lora.h - the adapter of one person: low-rank updates dW = scale * B A on the linear products of a
 * transformer.
 *
 * A site is one linear product of one layer. The sites of a layer are held in the order of LoraKind. In
 * memory the A matrices of a layer lie one behind the other in that order, then its B matrices: products
 * that read the same input (q,k,v; gate,up) can therefore be taken as one. Source: Hu et al. 2021,
 * arXiv:2106.09685. */
#ifndef PRIME_LORA_H
#define PRIME_LORA_H

#include "prime/err.h"
#include "prime/hash.h"
#include "prime/rng.h"
#include "prime/st.h"

#include <stdbool.h>
#include <stddef.h>

/* Some architectures fuse products into one module: QKV and GATE_UP give q, k, v (gate, up) side by side. A
 * model has either the fused module or the separate ones. Products with the same input are neighbours. */
typedef enum {
    LORA_QKV,
    LORA_Q,
    LORA_K,
    LORA_V,
    LORA_O,
    LORA_GATE_UP,
    LORA_GATE,
    LORA_UP,
    LORA_DOWN,
    LORA_KINDS
} LoraKind;

/* What the modules of an architecture are called: PREFIX LAYER "." MODULE. */
typedef struct {
    const char *family;             /* "llama" */
    const char *prefix;             /* "model.layers." */
    const char *module[LORA_KINDS]; /* "self_attn.q_proj"; NULL: no such module */
    bool conv1d; /* weights are stored [in, out], as GPT-2's are; PEFT then says fan_in_fan_out */
} LoraNames;

/* lora_names - by model_type of config.json: llama (mistral, qwen2, qwen3, gemma, gemma2, gemma3_text have
 * the same row), phi3, gpt2, gpt_neox. NULL when unknown. lora_names_at - the i-th row, NULL past the end. */
const LoraNames *lora_names(const char *family);
const LoraNames *lora_names_at(size_t i);

/* The linear products of a model: sizes by kind, the same in every layer; 0 where the model has none. */
typedef struct {
    size_t n_layers;
    size_t n_in[LORA_KINDS], n_out[LORA_KINDS];
    const LoraNames *names;
    size_t qkv_heads; /* > 0: in files the rows of QKV are grouped by head, [heads][q,k,v][D] (GPT-NeoX).
                         In memory they are always q, then k, then v */
} LoraShape;

/* lora_shape_same - whether adapters of both fit the same models: sizes, names, layout. */
bool lora_shape_same(const LoraShape *x, const LoraShape *y);
/* lora_kind_name - tail of the module's name, "q_proj" or "c_attn"; NULL where the names have no such kind.
 */
const char *lora_kind_name(const LoraShape *shape, LoraKind k);
/* lora_kind_label - the shortest name that PEFT reads as this kind alone: GPT-2's c_proj is attn.c_proj and
 * mlp.c_proj. */
const char *lora_kind_label(const LoraShape *shape, LoraKind k);
/* lora_out_column - where a kind's output begins within the joint output of the products with its input: QKV
 * and Q at 0, K behind Q, V behind K; GATE_UP and GATE at 0, UP behind GATE; O and DOWN at 0. */
size_t lora_out_column(const LoraShape *shape, LoraKind k);

/* lora_kinds_named - bits of LoraKind (1 << LORA_Q ...) from names as users write them. A name stands for
 * every product of the model whose module is called so or ends in "." NAME, as in PEFT: c_proj takes both
 * attn.c_proj and mlp.c_proj. Also "attention", "mlp" and PEFT's "all-linear"; and a name may leave out
 * "_proj". Errors: ERR_ARG a name that the model lacks (its names are listed), or none given. */
Status lora_kinds_named(unsigned *kinds, const LoraShape *shape, const char *const *name, size_t n,
                        Err *e) PRIME_MUST_USE;
/* lora_kinds_parse - the same from one text with commas, "q_proj,v_proj". */
Status lora_kinds_parse(unsigned *kinds, const LoraShape *shape, const char *text, Err *e) PRIME_MUST_USE;

typedef struct {
    size_t r;     /* rank, 0 where the adapter has no such site */
    float scale;  /* alpha / r */
    float *a, *b; /* A [r, n_in], B [n_out, r] */
} LoraSite;

typedef struct {
    LoraShape shape;
    LoraSite *site; /* [n_layers * LORA_KINDS] */
    float *data;    /* all A and B; n_params floats */
    size_t n_params;
    double dropout; /* as trained; kept for adapter_config.json */
} Lora;

/* lora_new - an adapter with rank r, scale alpha/r on the kinds whose bit is set in `kinds` (1 << LORA_Q ...)
 * and that the model has, all zero. Errors: ERR_ARG rank 0 or no kind left; ERR_NOMEM. */
Status lora_new(Lora **l, const LoraShape *shape, unsigned kinds, size_t r, double alpha,
                Err *e) PRIME_MUST_USE;
/* lora_new_ranks - the same with a rank for every site, rank [n_layers * LORA_KINDS], 0 where there is none,
 * and scale 1. Errors: ERR_ARG ranks whose sizes overflow; ERR_NOMEM. */
Status lora_new_ranks(Lora **l, const LoraShape *shape, const size_t *rank, Err *e) PRIME_MUST_USE;
/* lora_like - zeros in the shape of another adapter (gradients, moments). */
Status lora_like(Lora **l, const Lora *of, Err *e) PRIME_MUST_USE;
void lora_free(Lora *l); /* accepts NULL */

/* lora_init - A from U(-1/sqrt(n_in), 1/sqrt(n_in)) (Kaiming uniform with a = sqrt 5), B zero: dW = 0. */
void lora_init(Lora *l, Rng *rng);

/* lora_load - a PEFT folder (adapter_config.json, adapter_model.safetensors) for a model of this shape, as
 * PEFT itself would apply it: r and lora_alpha, rank_pattern and alpha_pattern (the first key in the order of
 * the file for which `(.*\.)?(KEY)$` matches the module's path), rsLoRA; tensors in F32, F16, BF16 or F64,
 * called base_model.model.MODULE.lora_A.weight, with or without "base_model.model.", with or without the name
 * of the adapter behind lora_A, with or without the first part of the path ("transformer.h.0" or "h.0").
 *
 * The tensors decide which modules are adapted. A tensor whose module target_modules, exclude_modules and
 * layers_to_transform leave out is an error, since PEFT would not apply it; a module that is named and has no
 * tensor is no change, as in PEFT, and a warning. The name of the base model is not compared.
 * Errors: ERR_IO; ERR_FORMAT; ERR_SHAPE when a tensor does not fit (tensor, found, wanted); ERR_NUM weights
 * that are not finite; ERR_UNSUP for whatever else would change the numbers (DoRA, replaced biases and
 * modules, embeddings, ways to begin that change the base ...), for keys that are not known and not empty,
 * and for pickled weights. */
Status lora_load(Lora **l, const char *dir, const LoraShape *shape, Err *e) PRIME_MUST_USE;
/* lora_read - the same from the text of adapter_config.json [n bytes] and open tensors; names for messages.
 */
Status lora_read(Lora **l, const char *config, size_t n, const char *config_name, const StFile *st,
                 const char *st_name, const LoraShape *shape, Err *e) PRIME_MUST_USE;
/* lora_key_ignored - why a key of adapter_config.json cannot change the numbers; NULL for one that is read,
 * refused or not known. */
const char *lora_key_ignored(const char *key);

/* lora_shape_of - the shape that the tensors of a PEFT folder imply: the family that knows their names,
 * layers up to the last one named, sizes 0 for kinds that are absent, rows of a fused QKV as the file has
 * them (qkv_heads 0). For looking at an adapter without its model. Errors: ERR_IO; ERR_FORMAT and ERR_UNSUP a
 * tensor that is no part of an adapter; ERR_SHAPE sizes that differ between layers. */
Status lora_shape_of(LoraShape *shape, const char *dir, Err *e) PRIME_MUST_USE;
/* lora_shape_join - widen a shape that tensors imply by that of another adapter of the same model. Errors:
 * ERR_SHAPE another family, or a kind of another size. */
Status lora_shape_join(LoraShape *into, const LoraShape *other, Err *e) PRIME_MUST_USE;

/* lora_save - the same layout, float32, loadable by PEFT and read back to the same bits. The most common rank
 * and alpha are the config's own; others go to rank_pattern and alpha_pattern, by kind where a kind agrees.
 * The folder is made. Errors: ERR_IO; ERR_NUM; ERR_ARG no site at all; ERR_UNSUP a shape without names.
 * lora_save_as - with weights as ST_F32, ST_F16 or ST_BF16. */
Status lora_save(const Lora *l, const char *dir, const char *base_name, Err *e) PRIME_MUST_USE;
Status lora_save_as(const Lora *l, const char *dir, const char *base_name, StType type,
                    Err *e) PRIME_MUST_USE;
/* lora_fold_scale - scales into B, so that every site has scale 1 (lora_alpha = r). Exact where the scale is
 * a power of two, else rounded once an entry. */
void lora_fold_scale(Lora *l);

/* lora_same_shape - whether both have the same sites and ranks. */
bool lora_same_shape(const Lora *x, const Lora *y);
/* lora_equal - whether both have the same sites, scales and values, bit by bit. */
bool lora_equal(const Lora *x, const Lora *y);

/* lora_hash - a name for what the adapter does, whatever file it lies in: SHA-256 of, for every site that it
 * has, in order, the line "SITE RANK SCALE\n" (the scale with 9 digits) and A and B as float32 of this
 * machine. Errors: ERR_NOMEM. */
Status lora_hash(char hex[HASH_HEX], const Lora *l, Err *e) PRIME_MUST_USE;

/* lora_norm - Frobenius norm of all dW together, through r x r Gram matrices in double. Cost: O(r^2 (n_in +
 * n_out)) a site. */
double lora_norm(const Lora *l);
/* lora_norms - the same for the sites of each kind; the root of the sum of their squares is lora_norm. */
void lora_norms(double norm[LORA_KINDS], const Lora *l);
/* lora_dot - Frobenius inner product of the updates of two adapters of one model; lora_dot(l, l) is lora_norm
 * squared. Cost: O(r^2 (n_in + n_out)) a site. */
double lora_dot(const Lora *x, const Lora *y);
/* lora_dot_site - the same at one site, 0 where either has none. */
double lora_dot_site(const Lora *x, const Lora *y, size_t site);

/* A bank: the sites of K adapters side by side, so that one product serves every candidate mixture of them.
 * At a site of ranks r_1 .. r_K: A stack [n, n_in] and B stack [n_out, n] with n = sum r_i; columns off[i] ..
 * off[i+1] belong to adapter i. */
typedef struct {
    size_t n, *off; /* off [K+1] */
    float *a, *b;
} LoraStack;

typedef struct {
    LoraShape shape;
    size_t k;
    LoraStack *stack; /* [n_layers * LORA_KINDS] */
    float *scale;     /* [n_layers * LORA_KINDS * K] */
    size_t width;     /* largest sum of n over the kinds of one layer: columns of scratch per row */
    float *data;      /* owned A and B stacks; NULL for a view */
    size_t *offsets;  /* owned */
} LoraBank;

/* lora_bank_new - copies K >= 1 adapters of one model. Errors: ERR_ARG K == 0; ERR_SHAPE; ERR_NOMEM.
 * lora_bank_view - a bank of one that borrows the adapter's own arrays (training updates them in place). */
Status lora_bank_new(LoraBank **b, const Lora *const *l, size_t k, Err *e) PRIME_MUST_USE;
Status lora_bank_view(LoraBank **b, const Lora *l, Err *e) PRIME_MUST_USE;
void lora_bank_free(LoraBank *b); /* accepts NULL */
/* lora_bank_uniform - whether all adapters agree in rank and scale at every site, as PriME's operator
 * demands. */
bool lora_bank_uniform(const LoraBank *b);

/* lora_from_bank - a copy of the bank's stacks as one adapter of scale 1: the ranks of all adapters side by
 * side, without their weights and scales. */
Status lora_from_bank(Lora **l, const LoraBank *b, Err *e) PRIME_MUST_USE;

/* How the adapters of a bank are merged, with weights w of the candidate.
 * LORA_EXACT: dW = sum_i w_i s_i B_i A_i.
 * LORA_PRIME: dW = s (sum_i w_i B_i)(sum_j w_j A_j), A and B weighted separately (Kim et al. 2025, EMNLP;
 * released code, get_weighted_lora): quadratic in w, with cross terms; all adapters must agree in rank and
 * scale. */
typedef enum { LORA_EXACT, LORA_PRIME } LoraOp;

/* lora_mix - the factors of LORA_PRIME at one site: a [r, n_in] += sum_i w_i A_i, b [n_out, r] += sum_i w_i
 * B_i. All parts [k] have the same rank r; scales are not looked at. */
void lora_mix(float *a, float *b, const LoraSite *const *part, const double *w, size_t k, size_t n_in,
              size_t n_out);

#endif
