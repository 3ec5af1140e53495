/* peft_priv.h - PEFT's folder layout, in parts: what adapter_config.json says, what tensors are called. */
#ifndef PRIME_PEFT_PRIV_H
#define PRIME_PEFT_PRIV_H

#include "lora_priv.h"

#include "prime/js.h"
#include "prime/rx.h"

enum { PEFT_NAME_LEN = 160, PEFT_RANK_MAX = 65536, PEFT_LAYERS_MAX = 4096 };

/* ---- peft_keys.c: every key of adapter_config.json ---- */

/* peft_keys_check - whether every key is one that is read, one that cannot matter, or empty (null, false, "",
 * [], {}). Errors: ERR_UNSUP, naming the key. */
Status peft_keys_check(const JsVal *root, const char *path, Err *e) PRIME_MUST_USE;
bool peft_is_empty(const JsVal *v);

/* ---- peft_config.c: what the keys say ---- */

/* rank_pattern or alpha_pattern, in the order of the file. */
typedef struct {
    const char **key; /* [n], borrowed from the tree */
    double *value;    /* [n] */
    Rx **rx;          /* [n], NULL for a key without operators: it is compared as it stands */
    size_t n;
} PeftPattern;

/* target_modules or exclude_modules. */
typedef struct {
    const JsVal *list; /* names, or NULL */
    Rx *rx;            /* an expression, or NULL */
    bool given, all;   /* all: "all-linear" */
} PeftSelect;

typedef struct {
    const char *path; /* of the config, for messages */
    double r, alpha, dropout;
    bool rslora, random_init; /* random_init: PEFT would draw what the file does not hold */
    PeftPattern ranks, alphas;
    PeftSelect target, exclude;
    const JsVal *layers, *layers_pattern; /* layers_to_transform: a number, a list, or NULL */
} PeftConfig;

/* peft_config_parse - *c borrows root and path. peft_config_free accepts a half-filled one. */
Status peft_config_parse(PeftConfig *c, const JsVal *root, const char *path, Err *e) PRIME_MUST_USE;
void peft_config_free(PeftConfig *c);

/* peft_config_site - rank and alpha of a module, by its path in the model that was trained. */
Status peft_config_site(double *r, double *alpha, const PeftConfig *c, const char *module,
                        Err *e) PRIME_MUST_USE;
/* peft_config_targets - whether PEFT would adapt the module. */
Status peft_config_targets(bool *hit, const PeftConfig *c, const char *module, Err *e) PRIME_MUST_USE;

/* ---- peft_name.c: what tensors are called ---- */

typedef struct {
    size_t layer, kind;
    char ab;            /* 'A' or 'B' */
    const char *prefix; /* the family's, or its tail: a model without its head lacks the first part */
    const char *who;    /* name of the adapter in lora_A.NAME.weight; "" if there is none */
    size_t who_len;
} PeftName;

/* peft_name_parse - false when the name is not that of a LoRA matrix of this family. Cost: O(kinds). */
bool peft_name_parse(PeftName *out, const LoraNames *names, const char *name);
/* peft_name_refuse - why a tensor that is no LoRA matrix of the model is refused: always an error. */
Status peft_name_refuse(const char *file, const char *name, const LoraShape *shape, Err *e) PRIME_MUST_USE;
/* peft_module_path - "model.layers.0.self_attn.q_proj"; peft_tensor_name - the name that PEFT saves. */
void peft_module_path(char out[PEFT_NAME_LEN], const LoraNames *names, const char *prefix, size_t layer,
                      size_t kind);
void peft_tensor_name(char out[PEFT_NAME_LEN], const LoraNames *names, size_t layer, size_t kind, char ab);

/* peft_rows - rows of a fused QKV between the layouts: [heads][q,k,v][D] in files, q then k then v in memory.
 * heads divides rows / 3; out and in [rows, r] do not overlap. */
void peft_rows_from_file(float *out, const float *in, size_t rows, size_t r, size_t heads);
void peft_rows_to_file(float *out, const float *in, size_t rows, size_t r, size_t heads);

#endif
