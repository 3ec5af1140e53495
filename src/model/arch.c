/* arch.c - the table of model families. A family is a reader of its config.json, which sets the fields of
 * ModelConfig, and the names of its tensors. Defaults are those of the family's configuration class. */
#include "arch.h"

#include <math.h>
#include <string.h>

/* ---- what several families share ---- */

typedef struct {
    const char *hidden, *layers, *heads, *ffn, *positions, *eps;
} SizeKeys;
static const SizeKeys common_keys = {"hidden_size",       "num_hidden_layers",       "num_attention_heads",
                                     "intermediate_size", "max_position_embeddings", "rms_norm_eps"};

/* Whether a key is there, null or not: null switches some things off that are on without the key. */
static bool has_key(const HfKeys *k, const char *key)
{
    return js_get(k->root, key) != NULL;
}

static Status head_from_hidden(ModelConfig *c, const HfKeys *k, const char *heads, const char *hidden, Err *e)
{
    if (js_type(js_get(k->root, "head_dim")) == JS_INT && c->head_dim == 0)
        FAIL(e, ERR_SHAPE, "%s: head_dim = 0, want at least 1", k->path);
    if (c->head_dim > 0) return OK;
    if (c->n_heads == 0 || c->n_hidden % c->n_heads != 0)
        FAIL(e, ERR_SHAPE, "%s: %s = %zu is not a multiple of %s = %zu", k->path, hidden, c->n_hidden, heads,
             c->n_heads);
    c->head_dim = c->n_hidden / c->n_heads;
    return OK;
}

static Status read_dims(ModelConfig *c, HfKeys *k, const SizeKeys *s, size_t positions, double eps, Err *e)
{
    TRY(keys_size(&c->n_vocab, k, "vocab_size", e));
    TRY(keys_size(&c->n_hidden, k, s->hidden, e));
    TRY(keys_size(&c->n_layers, k, s->layers, e));
    TRY(keys_size(&c->n_heads, k, s->heads, e));
    if (s->ffn != NULL) TRY(keys_size(&c->n_ffn, k, s->ffn, e));
    TRY(keys_size_or(&c->max_len, k, s->positions, positions, e));
    return keys_num_or(&c->norm_eps, k, s->eps, eps, e);
}

/* Which layers see a window only: as layer_types says, or all but every `every`-th (0: all). */
static Status read_layers(ModelConfig *c, HfKeys *k, size_t every, Err *e)
{
    const JsVal *types = keys_get(k, "layer_types");
    char show[JS_SHOW];
    if (types != NULL && js_len(types) != c->n_layers)
        FAIL(e, ERR_FORMAT, "%s: layer_types is %s, want %zu entries", k->path, js_show(show, types),
             c->n_layers);
    for (size_t l = 0; l < c->n_layers && l < MODEL_LAYERS_MAX; l++) {
        const char *t = keys_text(js_at(types, l));
        bool local = types != NULL ? t != NULL && strcmp(t, "sliding_attention") == 0
                                   : every == 0 || (l + 1) % every != 0;
        if (types != NULL && !local && (t == NULL || strcmp(t, "full_attention") != 0))
            FAIL(e, ERR_UNSUP, "%s: layer_types[%zu] is %s, want full_attention or sliding_attention",
                 k->path, l, js_show(show, js_at(types, l)));
        if (local && types != NULL && c->window == 0)
            FAIL(e, ERR_FORMAT, "%s: layer_types[%zu] is sliding_attention and no sliding_window is in force",
                 k->path, l);
        if (local && c->window > 0) c->local[l / 64] |= (uint64_t)1 << (l % 64);
    }
    return OK;
}

/* null: no window. */
static Status read_window(ModelConfig *c, HfKeys *k, size_t otherwise, Err *e)
{
    TRY(keys_size_or(&c->window, k, "sliding_window", has_key(k, "sliding_window") ? 0 : otherwise, e));
    if (c->window == 0 && keys_get(k, "sliding_window") != NULL)
        FAIL(e, ERR_ARG, "%s: sliding_window = 0, want at least 1, or null for none", k->path);
    return OK;
}

/* Everything but windows and what is particular to a family. */
static Status read_llama_like(ModelConfig *c, HfKeys *k, size_t positions, double theta, bool tied,
                              const char *act, Err *e)
{
    TRY(read_dims(c, k, &common_keys, positions, 1e-6, e));
    TRY(keys_size_or(&c->n_kv, k, "num_key_value_heads", c->n_heads, e));
    TRY(keys_size_or(&c->head_dim, k, "head_dim", 0, e));
    TRY(head_from_hidden(c, k, "num_attention_heads", "hidden_size", e));
    TRY(rope_read(c, k, theta, 1, e));
    TRY(keys_bool_or(&c->tied, k, "tie_word_embeddings", tied, e));
    return act == NULL ? OK : keys_act(&c->act, k, "hidden_act", act, e);
}

static Status read_biases(ModelConfig *c, HfKeys *k, Err *e)
{
    TRY(keys_bool_or(&c->bias_qkv, k, "attention_bias", false, e));
    c->bias_o = c->bias_qkv;
    return OK;
}

/* ---- families ---- */

static Status read_llama(ModelConfig *c, HfKeys *k, Err *e)
{
    TRY(read_llama_like(c, k, 2048, 10000, false, "silu", e));
    TRY(read_biases(c, k, e));
    return keys_bool_or(&c->bias_ffn, k, "mlp_bias", false, e);
}

static Status read_mistral(ModelConfig *c, HfKeys *k, Err *e)
{
    TRY(read_llama_like(c, k, 4096 * 32, 10000, false, "silu", e));
    TRY(read_window(c, k, 4096, e));
    return read_layers(c, k, 0, e);
}

/* The window counts only with use_sliding_window, and then from max_window_layers on. */
static Status read_qwen_window(ModelConfig *c, HfKeys *k, Err *e)
{
    bool on;
    size_t from;
    TRY(keys_bool_or(&on, k, "use_sliding_window", false, e));
    TRY(read_window(c, k, 4096, e));
    TRY(keys_size_or(&from, k, "max_window_layers", 28, e));
    if (!on) c->window = 0;
    TRY(read_layers(c, k, 0, e));
    if (keys_get(k, "layer_types") != NULL) return OK;
    for (size_t l = 0; l < from && l < MODEL_LAYERS_MAX; l++) c->local[l / 64] &= ~((uint64_t)1 << (l % 64));
    return OK;
}

static Status read_qwen2(ModelConfig *c, HfKeys *k, Err *e)
{
    TRY(read_llama_like(c, k, 32768, 10000, false, "silu", e));
    c->bias_qkv = true;
    return read_qwen_window(c, k, e);
}

static Status read_qwen3(ModelConfig *c, HfKeys *k, Err *e)
{
    if (keys_get(k, "head_dim") == NULL)
        FAIL(e, ERR_FORMAT, "%s: head_dim is missing: for qwen3 it does not follow from the other sizes",
             k->path);
    TRY(read_llama_like(c, k, 32768, 10000, false, "silu", e));
    TRY(read_biases(c, k, e));
    c->qk_norm = true;
    return read_qwen_window(c, k, e);
}

/* What all Gemmas share. Older configs say "gelu" in hidden_act and mean its tanh form; hidden_activation,
 * where it is set, decides. */
static Status read_gemma_base(ModelConfig *c, HfKeys *k, size_t positions, double theta, Err *e)
{
    if (keys_get(k, "head_dim") == NULL)
        FAIL(e, ERR_FORMAT, "%s: head_dim is missing: for gemma it does not follow from the other sizes",
             k->path);
    TRY(read_llama_like(c, k, positions, theta, true, NULL, e));
    TRY(read_biases(c, k, e));
    TRY(keys_act(&c->act, k, "hidden_act", "gelu_pytorch_tanh", e));
    if (c->act == ACT_GELU) c->act = ACT_GELU_TANH;
    if (keys_get(k, "hidden_activation") != NULL) TRY(keys_act(&c->act, k, "hidden_activation", NULL, e));
    c->norm = NORM_RMS_PLUS1;
    c->embed_scale = sqrt((double)c->n_hidden);
    return OK;
}

/* null: none. Beyond the bounds c tanh(x / c) is no number in float32. */
static Status read_softcap(double *out, HfKeys *k, const char *key, double otherwise, Err *e)
{
    TRY(keys_num_or(out, k, key, has_key(k, key) ? 0 : otherwise, e));
    if (keys_get(k, key) != NULL && !(*out >= 1e-6 && *out <= 1e6))
        FAIL(e, ERR_ARG, "%s: %s = %g, want 1e-6 to 1e6, or null for none", k->path, key, *out);
    return OK;
}

/* Softcaps, the scale of queries, windows and norms behind each block: Gemma 2 and 3. */
static Status read_gemma_late(ModelConfig *c, HfKeys *k, double softcap, double final, Err *e)
{
    double scalar;
    TRY(keys_num_or(&scalar, k, "query_pre_attn_scalar", 256, e));
    if (!(scalar >= 1e-6 && scalar <= 1e12))
        FAIL(e, ERR_ARG, "%s: query_pre_attn_scalar = %g, want 1e-6 to 1e12", k->path, scalar);
    c->attn_scale = 1 / sqrt(scalar);
    TRY(read_softcap(&c->attn_softcap, k, "attn_logit_softcapping", softcap, e));
    TRY(read_softcap(&c->final_softcap, k, "final_logit_softcapping", final, e));
    c->post_norms = true;
    TRY(read_window(c, k, 4096, e));
    if (c->window == 0) FAIL(e, ERR_UNSUP, "%s: sliding_window is null: the local layers need one", k->path);
    return OK;
}

static Status read_gemma(ModelConfig *c, HfKeys *k, Err *e)
{
    return read_gemma_base(c, k, 8192, 10000, e);
}

static Status read_gemma2(ModelConfig *c, HfKeys *k, Err *e)
{
    TRY(read_gemma_base(c, k, 8192, 10000, e));
    TRY(read_gemma_late(c, k, 50, 30, e));
    return read_layers(c, k, 2, e);
}

static Status read_gemma3(ModelConfig *c, HfKeys *k, Err *e)
{
    double local;
    size_t every;
    TRY(read_gemma_base(c, k, 131072, 1e6, e));
    TRY(read_gemma_late(c, k, 0, 0, e));
    TRY(keys_num_or(&local, k, "rope_local_base_freq", 10000, e));
    TRY(keys_size_or(&every, k, "sliding_window_pattern", 6, e));
    if (every == 0) FAIL(e, ERR_ARG, "%s: sliding_window_pattern = 0, want at least 1", k->path);
    TRY(rope_read_local(c, k, local, e));
    c->qk_norm = true;
    return read_layers(c, k, every, e);
}

static Status read_phi3(ModelConfig *c, HfKeys *k, Err *e)
{
    double partial;
    TRY(keys_num_or(&partial, k, "partial_rotary_factor", 1, e));
    TRY(read_llama_like(c, k, 4096, 10000, false, "silu", e));
    TRY(rope_read(c, k, 10000, partial, e));
    (void)keys_get(k, "original_max_position_embeddings"); /* for a scaling that is refused above */
    if (keys_get(k, "rms_norm_eps") == NULL) c->norm_eps = 1e-5;
    TRY(read_window(c, k, 0, e));
    return read_layers(c, k, 0, e);
}

static Status refuse_true(HfKeys *k, const char *key, Err *e)
{
    bool on;
    TRY(keys_bool_or(&on, k, key, false, e));
    if (on) FAIL(e, ERR_UNSUP, "%s: %s is true and is not implemented", k->path, key);
    return OK;
}

static Status read_gpt2(ModelConfig *c, HfKeys *k, Err *e)
{
    static const SizeKeys keys = {"n_embd", "n_layer", "n_head", NULL, "n_positions", "layer_norm_epsilon"};
    bool scaled;
    TRY(read_dims(c, k, &keys, 1024, 1e-5, e));
    TRY(keys_size_or(&c->n_ffn, k, "n_inner", 4 * (c->n_hidden < ((size_t)1 << 32) ? c->n_hidden : 0), e));
    TRY(head_from_hidden(c, k, "n_head", "n_embd", e));
    TRY(keys_act(&c->act, k, "activation_function", "gelu_new", e));
    TRY(keys_bool_or(&c->tied, k, "tie_word_embeddings", true, e));
    TRY(keys_bool_or(&scaled, k, "scale_attn_weights", true, e));
    TRY(refuse_true(k, "scale_attn_by_inverse_layer_idx", e));
    TRY(refuse_true(k, "add_cross_attention", e));
    c->attn_scale = scaled ? 0 : 1;
    c->n_kv = c->n_heads;
    c->norm = NORM_LAYER;
    c->ungated = c->conv1d = c->learned_pos = true;
    c->bias_qkv = c->bias_o = c->bias_ffn = true;
    return OK;
}

/* The same number under a name of its own and, in files that were saved again, under the common one. */
static Status read_twice(double *out, HfKeys *k, const char *own, const char *common, double otherwise,
                         Err *e)
{
    double again;
    TRY(keys_num_or(out, k, own, otherwise, e));
    TRY(keys_num_or(&again, k, common, *out, e));
    if (again != *out)
        FAIL(e, ERR_FORMAT, "%s: %s = %g and %s = %g contradict each other", k->path, own, *out, common,
             again);
    return OK;
}

static Status read_gpt_neox(ModelConfig *c, HfKeys *k, Err *e)
{
    static const SizeKeys keys = {"hidden_size",       "num_hidden_layers",       "num_attention_heads",
                                  "intermediate_size", "max_position_embeddings", "layer_norm_eps"};
    double partial, theta;
    TRY(read_dims(c, k, &keys, 2048, 1e-5, e));
    TRY(head_from_hidden(c, k, "num_attention_heads", "hidden_size", e));
    TRY(keys_act(&c->act, k, "hidden_act", "gelu", e));
    TRY(read_twice(&partial, k, "rotary_pct", "partial_rotary_factor", 0.25, e));
    TRY(read_twice(&theta, k, "rotary_emb_base", "rope_theta", 10000, e));
    TRY(rope_read(c, k, theta, partial, e));
    TRY(keys_bool_or(&c->tied, k, "tie_word_embeddings", false, e));
    TRY(keys_bool_or(&c->parallel, k, "use_parallel_residual", true, e));
    TRY(keys_bool_or(&c->bias_qkv, k, "attention_bias", true, e));
    c->bias_o = c->bias_qkv;
    c->bias_ffn = true;
    c->n_kv = c->n_heads;
    c->norm = NORM_LAYER;
    c->ungated = true;
    return OK;
}

/* ---- names ---- */

static const char *const llama_params[PARAM_KINDS] = {[PARAM_EMBED] = "model.embed_tokens",
                                                      [PARAM_NORM] = "model.norm",
                                                      [PARAM_HEAD] = "lm_head",
                                                      [PARAM_NORM1] = "input_layernorm",
                                                      [PARAM_Q_NORM] = "self_attn.q_norm",
                                                      [PARAM_K_NORM] = "self_attn.k_norm",
                                                      [PARAM_NORM2] = "post_attention_layernorm"};

static const char *const gemma2_params[PARAM_KINDS] = {[PARAM_EMBED] = "model.embed_tokens",
                                                       [PARAM_NORM] = "model.norm",
                                                       [PARAM_HEAD] = "lm_head",
                                                       [PARAM_NORM1] = "input_layernorm",
                                                       [PARAM_Q_NORM] = "self_attn.q_norm",
                                                       [PARAM_K_NORM] = "self_attn.k_norm",
                                                       [PARAM_POST1] = "post_attention_layernorm",
                                                       [PARAM_NORM2] = "pre_feedforward_layernorm",
                                                       [PARAM_POST2] = "post_feedforward_layernorm"};

static const char *const gpt2_params[PARAM_KINDS] = {
    [PARAM_EMBED] = "transformer.wte", [PARAM_POS] = "transformer.wpe", [PARAM_NORM] = "transformer.ln_f",
    [PARAM_HEAD] = "lm_head",          [PARAM_NORM1] = "ln_1",          [PARAM_NORM2] = "ln_2"};

static const char *const gpt_neox_params[PARAM_KINDS] = {[PARAM_EMBED] = "gpt_neox.embed_in",
                                                         [PARAM_NORM] = "gpt_neox.final_layer_norm",
                                                         [PARAM_HEAD] = "embed_out",
                                                         [PARAM_NORM1] = "input_layernorm",
                                                         [PARAM_NORM2] = "post_attention_layernorm"};

const ModelArch model_archs[] = {
    {"llama", "LlamaForCausalLM", "llama", llama_params, read_llama, "Touvron et al. 2023, arXiv:2307.09288",
     false},
    {"mistral", "MistralForCausalLM", "llama", llama_params, read_mistral,
     "Jiang et al. 2023, arXiv:2310.06825", false},
    {"qwen2", "Qwen2ForCausalLM", "llama", llama_params, read_qwen2, "Yang et al. 2024, arXiv:2407.10671",
     false},
    {"qwen3", "Qwen3ForCausalLM", "llama", llama_params, read_qwen3, "Yang et al. 2025, arXiv:2505.09388",
     false},
    {"gpt2", "GPT2LMHeadModel", "gpt2", gpt2_params, read_gpt2, "Radford et al. 2019", false},
    {"gemma", "GemmaForCausalLM", "llama", llama_params, read_gemma, "Gemma Team 2024, arXiv:2403.08295",
     false},
    {"gemma2", "Gemma2ForCausalLM", "llama", gemma2_params, read_gemma2, "Gemma Team 2024, arXiv:2408.00118",
     false},
    {"gemma3_text", "Gemma3ForCausalLM", "llama", gemma2_params, read_gemma3,
     "Gemma Team 2025, arXiv:2503.19786", false},
    {"phi3", "Phi3ForCausalLM", "phi3", llama_params, read_phi3, "Abdin et al. 2024, arXiv:2404.14219",
     false},
    {"gpt_neox", "GPTNeoXForCausalLM", "gpt_neox", gpt_neox_params, read_gpt_neox,
     "Black et al. 2022, arXiv:2204.06745", true},
};
const size_t model_n_archs = sizeof model_archs / sizeof model_archs[0];

const ModelArch *arch_find(const char *type)
{
    for (size_t i = 0; i < model_n_archs; i++)
        if (strcmp(model_archs[i].type, type) == 0) return &model_archs[i];
    return NULL;
}

const char *model_arch_at(size_t i, const char **klass, const char **source)
{
    if (i >= model_n_archs) return NULL;
    *klass = model_archs[i].klass;
    *source = model_archs[i].source;
    return model_archs[i].type;
}

const ModelArch *arch_of(const ModelConfig *c)
{
    return c->arch != NULL ? c->arch : &model_archs[0];
}

const LoraNames *arch_modules(const ModelConfig *c)
{
    return lora_names(arch_of(c)->family);
}

const char *model_type_name(const ModelConfig *c)
{
    return arch_of(c)->type;
}

bool model_layer_local(const ModelConfig *c, size_t layer)
{
    return (c->local[layer / 64] >> (layer % 64) & 1U) != 0;
}

/* ---- config.json ---- */

static Status arch_pick(const ModelArch **arch, HfKeys *k, Err *e)
{
    Str known = {0};
    const char *type = keys_text(keys_get(k, "model_type"));
    *arch = type != NULL ? arch_find(type) : NULL;
    if (*arch != NULL) return OK;
    for (size_t i = 0; i < model_n_archs; i++)
        str_printf(&known, "%s%s", i > 0 ? ", " : "", model_archs[i].type);
    Status s = err_set(e, ERR_UNSUP, __FILE__, __LINE__, "%s: model_type = %.40s, want one of %s", k->path,
                       type != NULL ? type : "(none)", known.s != NULL ? known.s : "");
    str_free(&known);
    return s;
}

static Status read_tokens(ModelConfig *c, HfKeys *k, Err *e)
{
    int32_t bos[MODEL_STOPS_MAX];
    size_t n = 0;
    TRY(keys_stops(bos, &n, k, "bos_token_id", c->n_vocab, e));
    c->bos = n > 0 ? bos[0] : -1;
    TRY(keys_stops(c->stop, &c->n_stop, k, "eos_token_id", c->n_vocab, e));
    c->eos = c->n_stop > 0 ? c->stop[0] : -1;
    return OK;
}

/* Positions beyond those of the first training are what these two kinds of scaling are for. */
static void stretch_positions(ModelConfig *c)
{
    double reach = c->rope.factor * c->rope.old_len;
    bool longer = c->rope.kind == ROPE_DYNAMIC || c->rope.kind == ROPE_YARN;
    if (longer && reach > (double)c->max_len && reach < 1e7) c->max_len = (size_t)reach;
}

Status arch_config(ModelConfig *out, Str *ignored, const JsVal *root, const char *path, bool lax, Err *e)
{
    ModelConfig c = {0};
    HfKeys k = {.root = root, .path = path};
    if (js_type(root) != JS_OBJ) FAIL(e, ERR_FORMAT, "%s: not an object", path);
    TRY(arch_pick(&c.arch, &k, e));
    TRY(c.arch->read(&c, &k, e));
    TRY(model_check(&c, path, e));
    TRY(read_tokens(&c, &k, e));
    TRY(keys_finish(ignored, &k, lax, e));
    stretch_positions(&c);
    *out = c;
    return OK;
}

Status model_config_parse(ModelConfig *c, char **ignored, const char *json, size_t n, const char *name,
                          bool unknown_keys, Err *e)
{
    JsVal *root = NULL;
    Str keys = {0};
    TRY(js_parse(&root, json, n, name, e));
    Status s = arch_config(c, &keys, root, name, unknown_keys, e);
    js_close(root);
    if (s == OK && ignored != NULL)
        *ignored = keys.s; /* NULL for none */
    else
        str_free(&keys);
    return s;
}
