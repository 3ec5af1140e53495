/* names.c - what the linear products of each architecture are called. */
#include "lora_priv.h"

#include "prime/str.h"

#include <string.h>

static const LoraNames families[] = {
    {"llama",
     "model.layers.",
     {[LORA_Q] = "self_attn.q_proj",
      [LORA_K] = "self_attn.k_proj",
      [LORA_V] = "self_attn.v_proj",
      [LORA_O] = "self_attn.o_proj",
      [LORA_GATE] = "mlp.gate_proj",
      [LORA_UP] = "mlp.up_proj",
      [LORA_DOWN] = "mlp.down_proj"},
     false},
    {"phi3",
     "model.layers.",
     {[LORA_QKV] = "self_attn.qkv_proj",
      [LORA_O] = "self_attn.o_proj",
      [LORA_GATE_UP] = "mlp.gate_up_proj",
      [LORA_DOWN] = "mlp.down_proj"},
     false},
    {"gpt2",
     "transformer.h.",
     {[LORA_QKV] = "attn.c_attn",
      [LORA_O] = "attn.c_proj",
      [LORA_UP] = "mlp.c_fc",
      [LORA_DOWN] = "mlp.c_proj"},
     true},
    {"gpt_neox",
     "gpt_neox.layers.",
     {[LORA_QKV] = "attention.query_key_value",
      [LORA_O] = "attention.dense",
      [LORA_UP] = "mlp.dense_h_to_4h",
      [LORA_DOWN] = "mlp.dense_4h_to_h"},
     false},
};

enum { N_FAMILIES = sizeof families / sizeof families[0] };

const LoraNames *lora_names_at(size_t i)
{
    return i < N_FAMILIES ? &families[i] : NULL;
}

const LoraNames *lora_names(const char *family)
{
    static const char *const like_llama[] = {"mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text"};
    for (size_t i = 0; i < sizeof like_llama / sizeof like_llama[0]; i++)
        if (strcmp(family, like_llama[i]) == 0) return &families[0];
    for (size_t i = 0; i < N_FAMILIES; i++)
        if (strcmp(family, families[i].family) == 0) return &families[i];
    return NULL;
}

bool lora_shape_same(const LoraShape *x, const LoraShape *y)
{
    bool named = x->names == y->names ||
                 (x->names != NULL && y->names != NULL && strcmp(x->names->family, y->names->family) == 0);
    return named && x->n_layers == y->n_layers && x->qkv_heads == y->qkv_heads &&
           memcmp(x->n_in, y->n_in, sizeof x->n_in) == 0 && memcmp(x->n_out, y->n_out, sizeof x->n_out) == 0;
}

const char *lora_module_tail(const char *module)
{
    const char *dot = strrchr(module, '.');
    return dot != NULL ? dot + 1 : module;
}

const char *lora_kind_name(const LoraShape *shape, LoraKind k)
{
    const char *module = shape->names != NULL ? shape->names->module[k] : NULL;
    return module != NULL ? lora_module_tail(module) : NULL;
}

const char *lora_kind_label(const LoraShape *shape, LoraKind k)
{
    const char *tail = lora_kind_name(shape, k);
    for (size_t j = 0; j < LORA_KINDS && tail != NULL; j++) {
        const char *other = j != k ? lora_kind_name(shape, (LoraKind)j) : NULL;
        if (other != NULL && strcmp(other, tail) == 0) return shape->names->module[k];
    }
    return tail;
}

size_t lora_out_column(const LoraShape *shape, LoraKind k)
{
    const size_t *n = shape->n_out;
    const size_t at[LORA_KINDS] = {
        [LORA_K] = n[LORA_Q], [LORA_V] = n[LORA_Q] + n[LORA_K], [LORA_UP] = n[LORA_GATE]};
    return at[k];
}

/* ---- names as users write them ---- */

enum {
    KINDS_ATTENTION = 1U << LORA_QKV | 1U << LORA_Q | 1U << LORA_K | 1U << LORA_V | 1U << LORA_O,
    KINDS_MLP = 1U << LORA_GATE_UP | 1U << LORA_GATE | 1U << LORA_UP | 1U << LORA_DOWN
};

static const struct {
    const char *name;
    unsigned kinds;
} kind_words[] = {
    {"attention", KINDS_ATTENTION},
    {"mlp", KINDS_MLP},
    {"all-linear", KINDS_ATTENTION | KINDS_MLP},
};

/* "self_attn.q_proj" is called self_attn.q_proj, q_proj or q. */
static bool module_is_called(const char *module, const char *name)
{
    size_t n = strlen(name), m = strlen(module);
    const char *tail = lora_module_tail(module);
    if (n > 0 && n <= m && strcmp(module + m - n, name) == 0 && (n == m || module[m - n - 1] == '.'))
        return true;
    return n > 0 && strncmp(tail, name, n) == 0 && strcmp(tail + n, "_proj") == 0;
}

static bool kind_is_there(const LoraShape *shape, size_t k)
{
    return shape->n_out[k] > 0 && shape->names != NULL && shape->names->module[k] != NULL;
}

static unsigned kinds_called(const LoraShape *shape, const char *name)
{
    unsigned bits = 0, there = 0;
    for (size_t k = 0; k < LORA_KINDS; k++) {
        if (!kind_is_there(shape, k)) continue;
        there |= 1U << k;
        if (module_is_called(shape->names->module[k], name)) bits |= 1U << k;
    }
    for (size_t i = 0; i < sizeof kind_words / sizeof kind_words[0]; i++)
        if (strcmp(kind_words[i].name, name) == 0) bits |= kind_words[i].kinds & there;
    return bits;
}

static Status kinds_refuse(const LoraShape *shape, const char *name, Err *e)
{
    Str list = {0};
    for (size_t k = 0; k < LORA_KINDS; k++)
        if (kind_is_there(shape, k))
            str_printf(&list, "%s%s", list.n > 0 ? ", " : "", shape->names->module[k]);
    err_set(e, ERR_ARG, __FILE__, __LINE__,
            "target module '%.80s' is not one of the model's: %s; or attention, mlp, all-linear", name,
            list.s != NULL ? list.s : "(none)");
    str_free(&list);
    return ERR_ARG;
}

Status lora_kinds_named(unsigned *kinds, const LoraShape *shape, const char *const *name, size_t n, Err *e)
{
    unsigned all = 0;
    if (n == 0) FAIL(e, ERR_ARG, "an adapter needs at least one target module");
    for (size_t i = 0; i < n; i++) {
        unsigned bits = kinds_called(shape, name[i]);
        if (bits == 0) return kinds_refuse(shape, name[i], e);
        all |= bits;
    }
    *kinds = all;
    return OK;
}

enum { MODULE_LEN = 128 };

Status lora_kinds_parse(unsigned *kinds, const LoraShape *shape, const char *text, Err *e)
{
    unsigned all = 0;
    for (const char *s = text;; s++) {
        char word[MODULE_LEN];
        const char *const name[] = {word};
        size_t n = strcspn(s, ",");
        unsigned bits = 0;
        if (n >= MODULE_LEN) FAIL(e, ERR_ARG, "'%.80s...' is too long for the name of a module", s);
        memcpy(word, s, n);
        word[n] = '\0';
        TRY(lora_kinds_named(&bits, shape, name, 1, e));
        all |= bits;
        s += n;
        if (*s == '\0') break;
    }
    *kinds = all;
    return OK;
}
