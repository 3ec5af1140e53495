/* arch.h - the families of models: how each one's config.json is read and how its tensors are called. */
#ifndef PRIME_MODEL_ARCH_H
#define PRIME_MODEL_ARCH_H

#include "prime/js.h"
#include "prime/model.h"

/* ---- keys.c: the keys of a config.json, each one marked when it is read ---- */

enum { KEYS_MAX = 512 };

typedef struct {
    const JsVal *root;
    const char *path; /* for messages */
    bool seen[KEYS_MAX];
} HfKeys;

/* Each marks the key as read. Those with `otherwise` take it when the key is absent or null. */
const JsVal *keys_get(HfKeys *k, const char *key); /* NULL when absent or null */
const char *keys_text(const JsVal *v);             /* NULL when not a text, or one with NUL bytes */
Status keys_size(size_t *out, HfKeys *k, const char *key, Err *e) PRIME_MUST_USE;
Status keys_size_or(size_t *out, HfKeys *k, const char *key, size_t otherwise, Err *e) PRIME_MUST_USE;
Status keys_num_or(double *out, HfKeys *k, const char *key, double otherwise, Err *e) PRIME_MUST_USE;
Status keys_bool_or(bool *out, HfKeys *k, const char *key, bool otherwise, Err *e) PRIME_MUST_USE;
Status keys_act(ActKind *out, HfKeys *k, const char *key, const char *otherwise, Err *e) PRIME_MUST_USE;
/* keys_stops - a token id or a list of them, each below n_vocab. */
Status keys_stops(int32_t *stop, size_t *n, HfKeys *k, const char *key, size_t n_vocab,
                  Err *e) PRIME_MUST_USE;
/* keys_finish - what was not read: harmless keys and empty values are appended to `ignored`, others refused
 * unless `lax`. */
Status keys_finish(Str *ignored, const HfKeys *k, bool lax, Err *e) PRIME_MUST_USE;

/* ---- rope.c ---- */

/* rope_read - theta and scaling in all their spellings. `partial` is the share of a head that is rotated. */
Status rope_read(ModelConfig *c, HfKeys *k, double theta, double partial, Err *e) PRIME_MUST_USE;
/* rope_read_local - the local layers rotate with theta and no scaling, unless the config says otherwise by
 * kind of layer. */
Status rope_read_local(ModelConfig *c, HfKeys *k, double theta, Err *e) PRIME_MUST_USE;
/* rope_freqs - out [dim/2], radians a token, for a sequence of n tokens (only `dynamic` depends on n). */
void rope_freqs(double *out, const ModelRope *r, size_t dim, size_t n);
size_t rope_dim(const ModelConfig *c);
void rope_save(JsVal *o, const ModelConfig *c);

/* ---- arch.c ---- */

/* Tensors that are no linear product of a layer. */
typedef enum {
    PARAM_EMBED,
    PARAM_POS,
    PARAM_NORM,
    PARAM_HEAD,
    PARAM_ONCE, /* those above occur once, those below in every layer */
    PARAM_NORM1 = PARAM_ONCE,
    PARAM_Q_NORM,
    PARAM_K_NORM,
    PARAM_POST1,
    PARAM_NORM2,
    PARAM_POST2,
    PARAM_KINDS
} ParamKind;

struct ModelArch {
    const char *type;         /* model_type of config.json */
    const char *klass;        /* the class that saves it, for config.json */
    const char *family;       /* of lora_names: what the linear products are called */
    const char *const *param; /* [PARAM_KINDS] names without ".weight"; within a layer without its prefix */
    Status (*read)(ModelConfig *c, HfKeys *k, Err *e);
    const char *source;
    bool heads_grouped; /* rows of the fused q, k, v lie head by head in files */
};

extern const ModelArch model_archs[];
extern const size_t model_n_archs;
const ModelArch *arch_find(const char *type); /* NULL when unknown */
const ModelArch *arch_of(const ModelConfig *c);
const LoraNames *arch_modules(const ModelConfig *c);

/* arch_config - config.json to configuration. */
Status arch_config(ModelConfig *c, Str *ignored, const JsVal *root, const char *path, bool lax,
                   Err *e) PRIME_MUST_USE;

/* ---- model.c, files.c ---- */

/* model_bare - zero weights; with `stored` the products wait for their parts. */
Status model_bare(Model **m, const ModelConfig *cfg, bool stored, Err *e) PRIME_MUST_USE;
void files_close(struct ModelFiles *f); /* accepts NULL */

/* ---- params.c ---- */

/* model_params_lay - as model_params_new; with `stored` the products have no float32 memory, only their
 * biases. */
Status model_params_lay(ModelParams *p, const ModelConfig *cfg, bool stored, Err *e) PRIME_MUST_USE;
/* The product that holds the outputs of a kind of adapter site, and where they begin in it. */
ModelLin *params_lin(const ModelParams *p, size_t layer, LoraKind k);

#endif
