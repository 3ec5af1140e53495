/* hf_save.c - models as Hugging Face folders. */
#include "files.h"

#include "prime/file.h"

#include <stdlib.h>
#include <string.h>

static const char *torch_type(StType type)
{
    return type == ST_BF16 ? "bfloat16" : type == ST_F16 ? "float16" : "float32";
}

/* The config.json of a Llama that was made here. */
static JsVal *config_new(const ModelConfig *c)
{
    JsVal *o = js_new_obj(), *arch = js_new_arr();
    js_push(arch, js_new_str("LlamaForCausalLM"));
    js_set(o, "architectures", arch);
    js_set(o, "attention_bias", js_new_bool(c->bias_qkv));
    if (c->bos >= 0) js_set(o, "bos_token_id", js_new_int(c->bos));
    if (c->eos >= 0) js_set(o, "eos_token_id", js_new_int(c->eos));
    js_set(o, "head_dim", js_new_int((int64_t)c->head_dim));
    js_set(o, "hidden_act", js_new_str("silu"));
    js_set(o, "hidden_size", js_new_int((int64_t)c->n_hidden));
    js_set(o, "intermediate_size", js_new_int((int64_t)c->n_ffn));
    js_set(o, "max_position_embeddings", js_new_int((int64_t)c->max_len));
    js_set(o, "mlp_bias", js_new_bool(c->bias_ffn));
    js_set(o, "model_type", js_new_str("llama"));
    js_set(o, "num_attention_heads", js_new_int((int64_t)c->n_heads));
    js_set(o, "num_hidden_layers", js_new_int((int64_t)c->n_layers));
    js_set(o, "num_key_value_heads", js_new_int((int64_t)c->n_kv));
    js_set(o, "rms_norm_eps", js_new_num(c->norm_eps));
    rope_save(o, c);
    js_set(o, "tie_word_embeddings", js_new_bool(c->tied));
    js_set(o, "torch_dtype", js_new_str("float32"));
    js_set(o, "vocab_size", js_new_int((int64_t)c->n_vocab));
    return o;
}

static Status save_hf_config(const Model *m, const char *path, StType type, Err *e)
{
    JsVal *o = NULL;
    if (m->config != NULL)
        TRY(js_parse(&o, m->config, strlen(m->config), path, e));
    else
        o = config_new(&m->cfg);
    const char *key = js_get(o, "dtype") != NULL ? "dtype" : "torch_dtype";
    js_set(o, key, js_new_str(torch_type(type)));
    Status s = js_save(path, o, e);
    js_close(o);
    return s;
}

/* Rows that files group by head are copied into that order. */
static Status save_item(StItem *item, const FileTensor *t, StType type, float **own, Err *e)
{
    const float *data = t->lin == NULL ? t->vec : t->lin->w + t->first * (t->lin->in_out ? 0 : t->lin->n_in);
    size_t row = t->ndim > 1 ? t->shape[1] : 1;
    if (t->order != ROWS_PLAIN) {
        *own = malloc(t->shape[0] * row * sizeof **own);
        if (*own == NULL) FAIL(e, ERR_NOMEM, "no memory to save %s", t->name);
        files_order(*own, data, t, row * sizeof **own, true);
        data = *own;
    }
    *item = (StItem){t->name, type, t->ndim, {t->shape[0], t->shape[1]}, data};
    return OK;
}

static Status save_tensors(const Model *m, const char *path, StType type, Err *e)
{
    size_t most = files_count(&m->cfg), n = 0;
    FileTensor *t = calloc(most, sizeof *t);
    StItem *item = calloc(most, sizeof *item);
    float **own = calloc(most, sizeof *own);
    Status s = t != NULL && item != NULL && own != NULL
                   ? OK
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: out of memory", path);
    FileNames names = files_names(&m->cfg, false);
    if (s == OK) n = files_list(t, &m->cfg, &m->p, &names);
    for (size_t i = 0; s == OK && i < n; i++) s = save_item(&item[i], &t[i], type, &own[i], e);
    if (s == OK) s = st_save(path, item, n, e);
    for (size_t i = 0; i < n; i++) free(own[i]);
    free(t);
    free(item);
    free(own);
    return s;
}

Status model_save(const Model *m, const char *dir, StType type, Err *e)
{
    if (m->stored)
        FAIL(e, ERR_UNSUP, "%s: the weights are kept as stored: saving needs them in float32", dir);
    if (m->freq_given) FAIL(e, ERR_UNSUP, "%s: frequencies from a GGUF file's table cannot be saved", dir);
    if (m->config == NULL && strcmp(model_type_name(&m->cfg), "llama") != 0)
        FAIL(e, ERR_UNSUP, "%s: a %s without a config.json of its own cannot be saved", dir,
             model_type_name(&m->cfg));
    TRY(file_mkdir(dir, e));
    char *config = file_join(dir, "config.json"), *weights = file_join(dir, "model.safetensors");
    Status s = config != NULL && weights != NULL
                   ? OK
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: out of memory", dir);
    if (s == OK) s = save_tensors(m, weights, type, e);
    if (s == OK) s = save_hf_config(m, config, type, e);
    free(config);
    free(weights);
    return s;
}
