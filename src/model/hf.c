/* hf.c - models as Hugging Face folders: config.json and model.safetensors. */
#include "prime/model.h"

#include "prime/file.h"
#include "prime/js.h"
#include "prime/vec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_LEN = 96, PER_LAYER = 9 };

/* ---- config ---- */

static Status optional_num(double *out, const JsVal *obj, const char *key, double otherwise, const char *path,
                           Err *e)
{
    JsType t = js_type(js_get(obj, key));
    *out = otherwise;
    if (t == JS_NONE || t == JS_NULL) return OK;
    return js_need_num(out, obj, key, path, e);
}

static Status optional_size(size_t *out, const JsVal *obj, const char *key, size_t otherwise,
                            const char *path, Err *e)
{
    JsType t = js_type(js_get(obj, key));
    *out = otherwise;
    if (t == JS_NONE || t == JS_NULL) return OK;
    return js_need_size(out, obj, key, path, e);
}

/* A switch that is there must be a switch: "yes" is not read as false. */
static Status optional_bool(bool *out, const JsVal *obj, const char *key, const char *path, Err *e)
{
    const JsVal *v = js_get(obj, key);
    JsType t = js_type(v);
    char show[JS_SHOW];
    if (t != JS_NONE && t != JS_NULL && t != JS_BOOL)
        FAIL(e, ERR_FORMAT, "%s: %s is %s, want true or false", path, key, js_show(show, v));
    *out = js_bool(v, false);
    return OK;
}

static Status rope_read(ModelConfig *c, const JsVal *root, const char *path, Err *e)
{
    const JsVal *r = js_get(root, "rope_scaling");
    if (js_type(r) != JS_OBJ)
        r = js_get(root, "rope_parameters"); /* the newer spelling, which holds theta too */
    TRY(optional_num(&c->rope_theta, root, "rope_theta", 10000.0, path, e));
    c->rope = ROPE_PLAIN;
    if (js_type(r) != JS_OBJ) return OK;
    TRY(optional_num(&c->rope_theta, r, "rope_theta", c->rope_theta, path, e));
    const char *type = js_str(js_get(r, "rope_type"), NULL);
    if (type == NULL) type = js_str(js_get(r, "type"), NULL);
    if (type == NULL) FAIL(e, ERR_FORMAT, "%s: rope_scaling has no rope_type", path);
    if (strcmp(type, "default") == 0) return OK;
    bool llama3 = strcmp(type, "llama3") == 0;
    if (!llama3 && strcmp(type, "linear") != 0)
        FAIL(e, ERR_UNSUP, "%s: rope_scaling type '%s' is not implemented, want default, linear or llama3",
             path, type);
    c->rope = llama3 ? ROPE_LLAMA3 : ROPE_LINEAR;
    TRY(js_need_num(&c->rope_factor, r, "factor", path, e));
    if (!(c->rope_factor >= 1))
        FAIL(e, ERR_ARG, "%s: rope factor = %g, want at least 1", path, c->rope_factor);
    if (!llama3) return OK;
    TRY(js_need_num(&c->rope_low, r, "low_freq_factor", path, e));
    TRY(js_need_num(&c->rope_high, r, "high_freq_factor", path, e));
    TRY(js_need_num(&c->rope_old_len, r, "original_max_position_embeddings", path, e));
    if (!(c->rope_high > c->rope_low && c->rope_low > 0))
        FAIL(e, ERR_ARG, "%s: low_freq_factor = %g and high_freq_factor = %g, want 0 < low < high", path,
             c->rope_low, c->rope_high);
    if (!(c->rope_old_len > 0))
        FAIL(e, ERR_ARG, "%s: original_max_position_embeddings = %g, want above 0", path, c->rope_old_len);
    return OK;
}

/* What this program does not compute must not be read past in silence. */
static const char *const must_be_false[] = {"attention_bias", "mlp_bias", "use_sliding_window"};
static const char *const must_be_absent[] = {"sliding_window", "quantization_config", "partial_rotary_factor",
                                             "final_logit_softcapping", "attn_logit_softcapping"};
enum {
    N_MUST_BE_FALSE = sizeof must_be_false / sizeof must_be_false[0],
    N_MUST_BE_ABSENT = sizeof must_be_absent / sizeof must_be_absent[0]
};

static Status refuse_unsupported_config(const JsVal *root, const char *path, Err *e)
{
    const char *type = js_str(js_get(root, "model_type"), NULL),
               *act = js_str(js_get(root, "hidden_act"), NULL);
    if (type == NULL || strcmp(type, "llama") != 0)
        FAIL(e, ERR_UNSUP, "%s: model_type = %s, want llama", path, type != NULL ? type : "(none)");
    if (act != NULL && strcmp(act, "silu") != 0)
        FAIL(e, ERR_UNSUP, "%s: hidden_act = %s, want silu", path, act);
    for (size_t i = 0; i < N_MUST_BE_FALSE; i++) {
        bool on = false;
        TRY(optional_bool(&on, root, must_be_false[i], path, e));
        if (on) FAIL(e, ERR_UNSUP, "%s: %s is true and is not implemented", path, must_be_false[i]);
    }
    for (size_t i = 0; i < N_MUST_BE_ABSENT; i++) {
        JsType t = js_type(js_get(root, must_be_absent[i]));
        if (t != JS_NONE && t != JS_NULL)
            FAIL(e, ERR_UNSUP, "%s: %s is set and is not implemented", path, must_be_absent[i]);
    }
    return OK;
}

/* Several end tokens: the first is used. An id that no row of the embedding has is a damaged file. */
static Status optional_token(int32_t *out, const JsVal *root, const char *key, size_t n_vocab,
                             const char *path, Err *e)
{
    const JsVal *v = js_get(root, key);
    if (js_type(v) == JS_ARR) v = js_at(v, 0);
    JsType t = js_type(v);
    int64_t id = t == JS_INT ? js_int(v, -1) : -1;
    char show[JS_SHOW];
    *out = -1;
    if (t == JS_NONE || t == JS_NULL) return OK;
    if (id < 0 || (uint64_t)id >= n_vocab)
        FAIL(e, ERR_FORMAT, "%s: %s is %s, want a token id below vocab_size = %zu", path, key,
             js_show(show, v), n_vocab);
    *out = (int32_t)id;
    return OK;
}

static Status config_read(ModelConfig *out, const JsVal *root, const char *path, Err *e)
{
    ModelConfig c = {0};
    TRY(refuse_unsupported_config(root, path, e));
    TRY(js_need_size(&c.n_vocab, root, "vocab_size", path, e));
    TRY(js_need_size(&c.n_hidden, root, "hidden_size", path, e));
    TRY(js_need_size(&c.n_layers, root, "num_hidden_layers", path, e));
    TRY(js_need_size(&c.n_heads, root, "num_attention_heads", path, e));
    TRY(js_need_size(&c.n_ffn, root, "intermediate_size", path, e));
    TRY(optional_size(&c.n_kv, root, "num_key_value_heads", c.n_heads, path, e));
    TRY(optional_size(&c.max_len, root, "max_position_embeddings", 2048, path, e));
    TRY(optional_num(&c.norm_eps, root, "rms_norm_eps", 1e-6, path, e));
    TRY(optional_size(&c.head_dim, root, "head_dim", 0, path, e));
    if (c.head_dim == 0) {
        if (c.n_heads == 0 || c.n_hidden % c.n_heads != 0)
            FAIL(e, ERR_SHAPE, "%s: hidden_size = %zu is not a multiple of num_attention_heads = %zu", path,
                 c.n_hidden, c.n_heads);
        c.head_dim = c.n_hidden / c.n_heads;
    }
    TRY(rope_read(&c, root, path, e));
    TRY(optional_bool(&c.tied, root, "tie_word_embeddings", path, e));
    TRY(model_check(&c, path, e));
    TRY(optional_token(&c.bos, root, "bos_token_id", c.n_vocab, path, e));
    TRY(optional_token(&c.eos, root, "eos_token_id", c.n_vocab, path, e));
    *out = c;
    return OK;
}

/* Keys that are read above, or refused. */
bool model_reads_key(const char *key)
{
    static const char *const keys[] = {"vocab_size",
                                       "hidden_size",
                                       "num_hidden_layers",
                                       "num_attention_heads",
                                       "intermediate_size",
                                       "num_key_value_heads",
                                       "max_position_embeddings",
                                       "rms_norm_eps",
                                       "head_dim",
                                       "rope_theta",
                                       "rope_scaling",
                                       "rope_parameters",
                                       "tie_word_embeddings",
                                       "bos_token_id",
                                       "eos_token_id",
                                       "model_type",
                                       "hidden_act"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(key, keys[i]) == 0) return true;
    for (size_t i = 0; i < N_MUST_BE_FALSE; i++)
        if (strcmp(key, must_be_false[i]) == 0) return true;
    for (size_t i = 0; i < N_MUST_BE_ABSENT; i++)
        if (strcmp(key, must_be_absent[i]) == 0) return true;
    return false;
}

/* ---- tensors ---- */

typedef struct {
    char name[NAME_LEN];
    size_t ndim, shape[2];
    float *data;
} HfTensor;

static HfTensor hf_one(const char *name, size_t ndim, size_t rows, size_t cols, float *data)
{
    HfTensor t = {.ndim = ndim, .shape = {rows, cols}, .data = data};
    snprintf(t.name, sizeof t.name, "%s", name);
    return t;
}

static HfTensor hf_layer(size_t l, const char *name, size_t ndim, size_t rows, size_t cols, float *data)
{
    HfTensor t = {.ndim = ndim, .shape = {rows, cols}, .data = data};
    snprintf(t.name, sizeof t.name, "model.layers.%zu.%s.weight", l, name);
    return t;
}

/* "[8, 12]"; at most two sizes, as no tensor here has more. */
static const char *shape_show(char buf[64], size_t ndim, const size_t *shape)
{
    if (ndim == 0)
        snprintf(buf, 64, "[]");
    else if (ndim == 1)
        snprintf(buf, 64, "[%zu]", shape[0]);
    else
        snprintf(buf, 64, "[%zu, %zu%s]", shape[0], shape[1], ndim > 2 ? ", ..." : "");
    return buf;
}

/* list_tensors - every tensor of a model of this shape, and its place in p (no place when p is NULL); t holds
 * 3 + 9 L entries. Returns how many. */
static size_t list_tensors(HfTensor *t, const ModelConfig *c, const ModelParams *p)
{
    static const ModelLayer nowhere;
    size_t C = c->n_hidden, Q = c->n_heads * c->head_dim, G = c->n_kv * c->head_dim, F = c->n_ffn, n = 0;
    t[n++] = hf_one("model.embed_tokens.weight", 2, c->n_vocab, C, p != NULL ? p->embed : NULL);
    for (size_t l = 0; l < c->n_layers; l++) {
        const ModelLayer *y = p != NULL ? &p->layer[l] : &nowhere;
        t[n++] = hf_layer(l, "input_layernorm", 1, C, 0, y->norm1);
        t[n++] = hf_layer(l, "self_attn.q_proj", 2, Q, C, y->wq);
        t[n++] = hf_layer(l, "self_attn.k_proj", 2, G, C, y->wk);
        t[n++] = hf_layer(l, "self_attn.v_proj", 2, G, C, y->wv);
        t[n++] = hf_layer(l, "self_attn.o_proj", 2, C, Q, y->wo);
        t[n++] = hf_layer(l, "post_attention_layernorm", 1, C, 0, y->norm2);
        t[n++] = hf_layer(l, "mlp.gate_proj", 2, F, C, y->wg);
        t[n++] = hf_layer(l, "mlp.up_proj", 2, F, C, y->wu);
        t[n++] = hf_layer(l, "mlp.down_proj", 2, C, F, y->wd);
    }
    t[n++] = hf_one("model.norm.weight", 1, C, 0, p != NULL ? p->norm : NULL);
    if (!c->tied) t[n++] = hf_one("lm_head.weight", 2, c->n_vocab, C, p != NULL ? p->head : NULL);
    return n;
}

static Status check_shape(const HfTensor *want, const StFile *st, const char *file, Err *e)
{
    const StTensor *t = st_find(st, want->name);
    if (t == NULL) FAIL(e, ERR_FORMAT, "%s: tensor %s is missing", file, want->name);
    bool fits = t->ndim == want->ndim && t->shape[0] == want->shape[0] &&
                (t->ndim < 2 || t->shape[1] == want->shape[1]);
    if (fits) return OK;
    char have[64], need[64];
    FAIL(e, ERR_SHAPE, "%s: %s has shape %s, want %s", file, want->name, shape_show(have, t->ndim, t->shape),
         shape_show(need, want->ndim, want->shape));
}

static Status read_into(const HfTensor *want, const StFile *st, const char *file, Err *e)
{
    const StTensor *t = st_find(st, want->name);
    if (st_to_f32(want->data, t, e) != OK) return err_prefix(e, "%s", file);
    size_t at = 0;
    if (!vec_finite(want->data, t->count, &at))
        FAIL(e, ERR_NUM, "%s: %s holds a value that is not finite at index %zu", file, want->name, at);
    return OK;
}

static bool is_listed(const HfTensor *t, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(t[i].name, name) == 0) return true;
    return false;
}

/* Buffers that older files carry and that are recomputed here; a tied head may be stored again. */
static bool is_harmless(const char *name, bool tied)
{
    const char *tail = "rotary_emb.inv_freq";
    size_t n = strlen(name), k = strlen(tail);
    return (n >= k && strcmp(name + n - k, tail) == 0) || (tied && strcmp(name, "lm_head.weight") == 0);
}

/* Whether the file holds exactly the tensors of this shape. Done before memory is asked for: the file bounds
 * what is believed of the config. */
static Status hf_check_tensors(HfTensor *t, const ModelConfig *cfg, const StFile *st, const char *file,
                               Err *e)
{
    size_t n = list_tensors(t, cfg, NULL);
    for (size_t i = 0; i < n; i++) TRY(check_shape(&t[i], st, file, e));
    for (size_t i = 0; i < st_count(st); i++) {
        const char *name = st_at(st, i)->name;
        if (!is_listed(t, n, name) && !is_harmless(name, cfg->tied))
            FAIL(e, ERR_FORMAT, "%s: unexpected tensor %s", file, name);
    }
    return OK;
}

static Status hf_read_tensors(HfTensor *t, const Model *m, const StFile *st, const char *file, Err *e)
{
    size_t n = list_tensors(t, &m->cfg, &m->p);
    for (size_t i = 0; i < n; i++) TRY(read_into(&t[i], st, file, e));
    return OK;
}

static Status load_weights(Model **m, const ModelConfig *cfg, const StFile *st, const char *file, Err *e)
{
    if (st_count(st) < cfg->n_layers)
        FAIL(e, ERR_FORMAT, "%s: %zu tensors, too few for num_hidden_layers = %zu", file, st_count(st),
             cfg->n_layers);
    Model *fresh = NULL;
    HfTensor *t = calloc(3 + PER_LAYER * cfg->n_layers, sizeof *t);
    if (t == NULL) FAIL(e, ERR_NOMEM, "%s: out of memory", file);
    Status s = hf_check_tensors(t, cfg, st, file, e);
    if (s == OK) s = model_new(&fresh, cfg, e);
    if (s == OK) s = hf_read_tensors(t, fresh, st, file, e);
    free(t);
    if (s != OK)
        model_free(fresh);
    else
        *m = fresh;
    return s;
}

static Status load_from(Model **m, const JsVal *root, const char *config, const char *weights, Err *e)
{
    ModelConfig cfg;
    StFile *st = NULL;
    TRY(config_read(&cfg, root, config, e));
    TRY(st_open(&st, weights, e));
    Status s = load_weights(m, &cfg, st, weights, e);
    st_close(st);
    return s;
}

Status model_load(Model **m, const char *dir, Err *e)
{
    char *config = file_join(dir, "config.json"), *weights = file_join(dir, "model.safetensors");
    JsVal *root = NULL;
    Status s = config != NULL && weights != NULL ? js_load(&root, config, e)
                                                 : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "out of memory");
    if (s == OK) s = load_from(m, root, config, weights, e);
    js_close(root);
    free(config);
    free(weights);
    return s;
}

/* ---- saving ---- */

static void save_rope(JsVal *o, const ModelConfig *c)
{
    js_set(o, "rope_theta", js_new_num(c->rope_theta));
    if (c->rope == ROPE_PLAIN) {
        js_set(o, "rope_scaling", js_new_null());
        return;
    }
    JsVal *r = js_new_obj();
    js_set(r, "factor", js_new_num(c->rope_factor));
    js_set(r, "rope_type", js_new_str(c->rope == ROPE_LINEAR ? "linear" : "llama3"));
    if (c->rope == ROPE_LLAMA3) {
        js_set(r, "low_freq_factor", js_new_num(c->rope_low));
        js_set(r, "high_freq_factor", js_new_num(c->rope_high));
        js_set(r, "original_max_position_embeddings", js_new_num(c->rope_old_len));
    }
    js_set(o, "rope_scaling", r);
}

static Status hf_save_config(const ModelConfig *c, const char *path, StType type, Err *e)
{
    JsVal *o = js_new_obj(), *arch = js_new_arr();
    js_push(arch, js_new_str("LlamaForCausalLM"));
    js_set(o, "architectures", arch);
    js_set(o, "attention_bias", js_new_bool(false));
    if (c->bos >= 0) js_set(o, "bos_token_id", js_new_int(c->bos));
    if (c->eos >= 0) js_set(o, "eos_token_id", js_new_int(c->eos));
    js_set(o, "head_dim", js_new_int((int64_t)c->head_dim));
    js_set(o, "hidden_act", js_new_str("silu"));
    js_set(o, "hidden_size", js_new_int((int64_t)c->n_hidden));
    js_set(o, "intermediate_size", js_new_int((int64_t)c->n_ffn));
    js_set(o, "max_position_embeddings", js_new_int((int64_t)c->max_len));
    js_set(o, "mlp_bias", js_new_bool(false));
    js_set(o, "model_type", js_new_str("llama"));
    js_set(o, "num_attention_heads", js_new_int((int64_t)c->n_heads));
    js_set(o, "num_hidden_layers", js_new_int((int64_t)c->n_layers));
    js_set(o, "num_key_value_heads", js_new_int((int64_t)c->n_kv));
    js_set(o, "rms_norm_eps", js_new_num(c->norm_eps));
    save_rope(o, c);
    js_set(o, "tie_word_embeddings", js_new_bool(c->tied));
    js_set(o, "torch_dtype",
           js_new_str(type == ST_BF16  ? "bfloat16"
                      : type == ST_F16 ? "float16"
                                       : "float32"));
    js_set(o, "vocab_size", js_new_int((int64_t)c->n_vocab));
    Status s = js_save(path, o, e);
    js_close(o);
    return s;
}

static Status hf_save_tensors(const Model *m, const char *path, StType type, Err *e)
{
    size_t most = 3 + PER_LAYER * m->cfg.n_layers;
    HfTensor *t = calloc(most, sizeof *t);
    StItem *item = calloc(most, sizeof *item);
    Status s =
        t != NULL && item != NULL ? OK : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: out of memory", path);
    size_t n = s == OK ? list_tensors(t, &m->cfg, &m->p) : 0;
    for (size_t i = 0; i < n; i++)
        item[i] = (StItem){t[i].name, type, t[i].ndim, {t[i].shape[0], t[i].shape[1]}, t[i].data};
    if (s == OK) s = st_save(path, item, n, e);
    free(t);
    free(item);
    return s;
}

Status model_save(const Model *m, const char *dir, StType type, Err *e)
{
    TRY(file_mkdir(dir, e));
    char *config = file_join(dir, "config.json"), *weights = file_join(dir, "model.safetensors");
    Status s = config != NULL && weights != NULL
                   ? OK
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: out of memory", dir);
    if (s == OK) s = hf_save_tensors(m, weights, type, e);
    if (s == OK) s = hf_save_config(&m->cfg, config, type, e);
    free(config);
    free(weights);
    return s;
}
