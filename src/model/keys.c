/* keys.c - the keys of a config.json. Whatever is read is marked, so that nothing is passed over by accident.
 */
#include "arch.h"

#include <math.h>
#include <string.h>

const JsVal *keys_get(HfKeys *k, const char *key)
{
    JsIter it = {0};
    const char *name = NULL;
    size_t i = 0;
    for (const JsVal *v; (v = js_next(k->root, &it, &name)) != NULL; i++) {
        if (strcmp(name, key) != 0) continue;
        if (i < KEYS_MAX) k->seen[i] = true;
        return js_type(v) == JS_NULL ? NULL : v;
    }
    return NULL;
}

const char *keys_text(const JsVal *v)
{
    size_t n = 0;
    const char *s = js_str(v, &n);
    return s != NULL && strlen(s) == n ? s : NULL;
}

Status keys_size(size_t *out, HfKeys *k, const char *key, Err *e)
{
    (void)keys_get(k, key);
    return js_need_size(out, k->root, key, k->path, e);
}

Status keys_size_or(size_t *out, HfKeys *k, const char *key, size_t otherwise, Err *e)
{
    *out = otherwise;
    return keys_get(k, key) == NULL ? OK : js_need_size(out, k->root, key, k->path, e);
}

Status keys_num_or(double *out, HfKeys *k, const char *key, double otherwise, Err *e)
{
    *out = otherwise;
    return keys_get(k, key) == NULL ? OK : js_need_num(out, k->root, key, k->path, e);
}

/* A switch that is there must be a switch: "yes" is not read as false. */
Status keys_bool_or(bool *out, HfKeys *k, const char *key, bool otherwise, Err *e)
{
    const JsVal *v = keys_get(k, key);
    char show[JS_SHOW];
    if (v != NULL && js_type(v) != JS_BOOL)
        FAIL(e, ERR_FORMAT, "%s: %s is %s, want true or false", k->path, key, js_show(show, v));
    *out = js_bool(v, otherwise);
    return OK;
}

const char *model_act_name(ActKind k)
{
    static const char *const names[ACT_KINDS] = {
        [ACT_SILU] = "silu", [ACT_GELU] = "gelu", [ACT_GELU_TANH] = "gelu, tanh form", [ACT_RELU] = "relu"};
    return names[k];
}

Status keys_act(ActKind *out, HfKeys *k, const char *key, const char *otherwise, Err *e)
{
    static const struct {
        const char *name;
        ActKind kind;
    } acts[] = {
        {"silu", ACT_SILU},          {"swish", ACT_SILU},          {"gelu", ACT_GELU},
        {"gelu_new", ACT_GELU_TANH}, {"gelu_fast", ACT_GELU_TANH}, {"gelu_pytorch_tanh", ACT_GELU_TANH},
        {"relu", ACT_RELU}};
    const JsVal *v = keys_get(k, key);
    const char *name = v != NULL ? keys_text(v) : otherwise;
    char show[JS_SHOW];
    for (size_t i = 0; name != NULL && i < sizeof acts / sizeof acts[0]; i++)
        if (strcmp(acts[i].name, name) == 0) {
            *out = acts[i].kind;
            return OK;
        }
    FAIL(e, ERR_UNSUP, "%s: %s is %s, want silu, gelu, gelu_new, gelu_fast, gelu_pytorch_tanh or relu",
         k->path, key, js_show(show, v));
}

/* An id that no row of the embedding has is a damaged file. */
static Status stop_one(int32_t *stop, size_t *n, const HfKeys *k, const char *key, const JsVal *v,
                       size_t n_vocab, Err *e)
{
    int64_t id = js_type(v) == JS_INT ? js_int(v, -1) : -1;
    char show[JS_SHOW];
    if (id < 0 || (uint64_t)id >= n_vocab)
        FAIL(e, ERR_FORMAT, "%s: %s is %s, want a token id below vocab_size = %zu", k->path, key,
             js_show(show, v), n_vocab);
    if (*n == MODEL_STOPS_MAX)
        FAIL(e, ERR_UNSUP, "%s: %s has more than %d tokens", k->path, key, MODEL_STOPS_MAX);
    stop[(*n)++] = (int32_t)id;
    return OK;
}

Status keys_stops(int32_t *stop, size_t *n, HfKeys *k, const char *key, size_t n_vocab, Err *e)
{
    const JsVal *v = keys_get(k, key);
    *n = 0;
    if (v == NULL) return OK;
    if (js_type(v) != JS_ARR) return stop_one(stop, n, k, key, v, n_vocab, e);
    for (size_t i = 0; i < js_len(v); i++) TRY(stop_one(stop, n, k, key, js_at(v, i), n_vocab, e));
    return OK;
}

/* Keys that cannot change what a trained model computes: where it came from, how it was trained, what a
 * program that generates text should do by default. */
static const char *const harmless[] = {"_attn_implementation",
                                       "_attn_implementation_autoset",
                                       "_commit_hash",
                                       "_name_or_path",
                                       "_sliding_window_pattern",
                                       "architectures",
                                       "attention_dropout",
                                       "attn_implementation",
                                       "attn_pdrop",
                                       "auto_map",
                                       "bad_words_ids",
                                       "begin_suppress_tokens",
                                       "cache_implementation",
                                       "chunk_size_feed_forward",
                                       "classifier_dropout",
                                       "decoder_start_token_id",
                                       "diversity_penalty",
                                       "do_sample",
                                       "dtype",
                                       "early_stopping",
                                       "embd_pdrop",
                                       "encoder_no_repeat_ngram_size",
                                       "exponential_decay_length_penalty",
                                       "finetuning_task",
                                       "forced_bos_token_id",
                                       "forced_eos_token_id",
                                       "gradient_checkpointing",
                                       "hidden_dropout",
                                       "id2label",
                                       "initializer_range",
                                       "is_decoder",
                                       "is_llama_config",
                                       "keys_to_ignore_at_inference",
                                       "label2id",
                                       "length_penalty",
                                       "max_length",
                                       "max_sequence_length",
                                       "min_length",
                                       "model_max_length",
                                       "n_ctx",
                                       "n_special",
                                       "neftune_noise_alpha",
                                       "no_repeat_ngram_size",
                                       "num_beam_groups",
                                       "num_beams",
                                       "num_return_sequences",
                                       "output_attentions",
                                       "output_hidden_states",
                                       "output_past",
                                       "output_scores",
                                       "pad_token_id",
                                       "predict_special_tokens",
                                       "prefix",
                                       "pretraining_tp",
                                       "problem_type",
                                       "remove_invalid_values",
                                       "reorder_and_upcast_attn",
                                       "repetition_penalty",
                                       "resid_pdrop",
                                       "return_dict",
                                       "return_dict_in_generate",
                                       "sep_token_id",
                                       "summary_activation",
                                       "summary_first_dropout",
                                       "summary_proj_to_labels",
                                       "summary_type",
                                       "summary_use_proj",
                                       "suppress_tokens",
                                       "task_specific_params",
                                       "temperature",
                                       "tf_legacy_loss",
                                       "tokenizer_class",
                                       "top_k",
                                       "top_p",
                                       "torch_dtype",
                                       "torchscript",
                                       "transformers.js_config",
                                       "transformers_version",
                                       "typical_p",
                                       "unsloth_fixed",
                                       "unsloth_version",
                                       "use_bfloat16",
                                       "use_cache"};

static bool is_harmless_key(const char *key)
{
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        if (strcmp(key, harmless[i]) == 0) return true;
    return false;
}

/* null, false, [] and {} switch nothing on. */
static bool switches_nothing_on(const JsVal *v)
{
    JsType t = js_type(v);
    return t == JS_NULL || (t == JS_BOOL && !js_bool(v, true)) ||
           ((t == JS_ARR || t == JS_OBJ) && js_len(v) == 0);
}

Status keys_finish(Str *ignored, const HfKeys *k, bool lax, Err *e)
{
    JsIter it = {0};
    const char *key = NULL;
    size_t i = 0;
    char show[JS_SHOW];
    if (js_len(k->root) > KEYS_MAX)
        FAIL(e, ERR_FORMAT, "%s: %zu keys, want at most %d", k->path, js_len(k->root), KEYS_MAX);
    for (const JsVal *v; (v = js_next(k->root, &it, &key)) != NULL; i++) {
        if (k->seen[i]) continue;
        if (!lax && !is_harmless_key(key) && !switches_nothing_on(v))
            FAIL(e, ERR_UNSUP,
                 "%s: the key %.60s (%s) is not implemented for this model_type and may change its numbers",
                 k->path, key, js_show(show, v));
        str_printf(ignored, "%s%s", ignored->n > 0 ? " " : "", key);
    }
    if (ignored->failed) FAIL(e, ERR_NOMEM, "%s: out of memory", k->path);
    return OK;
}
