/* peft_keys.c - every key that PEFT up to 0.20 writes into adapter_config.json, and what becomes of it. */
#include "peft_priv.h"

#include <string.h>

/* Exactly one of the two reasons; neither for a key that is read. */
typedef struct {
    const char *key;
    const char *ignored; /* why it cannot change the numbers */
    const char *refused; /* what it does to them */
} PeftKey;

static const PeftKey keys[] = {
    {"peft_type", NULL, NULL},
    {"r", NULL, NULL},
    {"lora_alpha", NULL, NULL},
    {"lora_dropout", NULL, NULL},
    {"use_rslora", NULL, NULL},
    {"rank_pattern", NULL, NULL},
    {"alpha_pattern", NULL, NULL},
    {"target_modules", NULL, NULL},
    {"exclude_modules", NULL, NULL},
    {"layers_to_transform", NULL, NULL},
    {"layers_pattern", NULL, NULL},
    {"bias", NULL, NULL},
    {"init_lora_weights", NULL, NULL},
    /* PEFT itself sets it by the type of each module, with a warning: true for Conv1D, false for Linear. It
     * only says how the base weight is stored; A and B are [r, in] and [out, r] in any case. */
    {"fan_in_fan_out", "how base weights are stored: PEFT corrects it by the type of the module", NULL},
    {"base_model_name_or_path", "the name of the base: not compared", NULL},
    {"revision", "the revision of the base: not compared", NULL},
    {"task_type", "the class that wraps the model; its own weights would be in modules_to_save", NULL},
    {"auto_mapping", "the classes of the base when task_type is not given", NULL},
    {"inference_mode", "whether the weights are frozen after loading", NULL},
    {"peft_version", "the writer", NULL},
    {"runtime_config", "where weights lie during initialisation", NULL},
    {"megatron_core", "read with megatron_config only", NULL},
    {"qalora_group_size", "read with use_qalora only", NULL},
    {"ensure_weight_tying", "read with modules_to_save and embeddings only", NULL},
    {"use_dora", NULL, "magnitudes apart from directions, DoRA"},
    {"lora_bias", NULL, "a bias beside B"},
    {"modules_to_save", NULL, "whole modules that are replaced cannot be weighted"},
    {"trainable_token_indices", NULL, "rows of the embedding that are replaced cannot be weighted"},
    {"target_parameters", NULL, "updates of bare parameters"},
    {"layer_replication", NULL, "another stack of layers"},
    {"use_qalora", NULL, "inputs pooled in groups"},
    {"alora_invocation_tokens", NULL, "updates from certain tokens on"},
    {"arrow_config", NULL, "routing between adapters"},
    {"use_bdlora", NULL, "block-diagonal factors"},
    {"velora_config", NULL, "another form of training"},
    {"monteclora_config", NULL, "factors that are drawn"},
    {"megatron_config", NULL, "modules of another library"},
    {"loftq_config", NULL, "the base weights were changed at the start"},
    {"eva_config", NULL, "an initialisation from data"},
    {"corda_config", NULL, "the base weights were changed at the start"},
    {"lora_ga_config", NULL, "the base weights were changed at the start"},
    {"enable_lora", NULL, "parts of fused modules, as PEFT before 0.3 had them"},
    {"merge_weights", "whether PEFT before 0.3 merged at evaluation", NULL},
};

enum { N_KEYS = sizeof keys / sizeof keys[0] };

static const PeftKey *peft_key_find(const char *key)
{
    for (size_t i = 0; i < N_KEYS; i++)
        if (strcmp(keys[i].key, key) == 0) return &keys[i];
    return NULL;
}

const char *lora_key_ignored(const char *key)
{
    const PeftKey *k = peft_key_find(key);
    return k != NULL ? k->ignored : NULL;
}

bool peft_is_empty(const JsVal *v)
{
    JsType t = js_type(v);
    size_t n = 1;
    if (t == JS_STR) (void)js_str(v, &n);
    return t == JS_NONE || t == JS_NULL || (t == JS_BOOL && !js_bool(v, true)) ||
           ((t == JS_ARR || t == JS_OBJ) && js_len(v) == 0) || n == 0;
}

static Status peft_key_unknown(const JsVal *v, const char *key, const char *path, Err *e)
{
    const char *names[N_KEYS];
    char show[JS_SHOW];
    for (size_t i = 0; i < N_KEYS; i++) names[i] = keys[i].key;
    const char *near = str_nearest(key, names, N_KEYS);
    FAIL(e, ERR_UNSUP, "%s: the key '%.80s' is %s, and what it does to the numbers is not known%s%s", path,
         key, js_show(show, v), near != NULL ? "; did you mean " : "", near != NULL ? near : "");
}

Status peft_keys_check(const JsVal *root, const char *path, Err *e)
{
    JsIter it = {0};
    const char *key = NULL;
    for (const JsVal *v; (v = js_next(root, &it, &key)) != NULL;) {
        const PeftKey *k = peft_key_find(key);
        if (peft_is_empty(v)) continue;
        if (k == NULL) return peft_key_unknown(v, key, path, e);
        if (k->refused != NULL)
            FAIL(e, ERR_UNSUP, "%s: %s is set and is not implemented: %s", path, key, k->refused);
    }
    return OK;
}
