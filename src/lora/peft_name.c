/* peft_name.c - what PEFT calls the tensors of an adapter, and where their rows lie. */
#include "peft_priv.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char peft_head[] = "base_model.model.";

void peft_module_path(char out[PEFT_NAME_LEN], const LoraNames *names, const char *prefix, size_t layer,
                      size_t kind)
{
    snprintf(out, PEFT_NAME_LEN, "%s%zu.%s", prefix, layer, names->module[kind]);
}

void peft_tensor_name(char out[PEFT_NAME_LEN], const LoraNames *names, size_t layer, size_t kind, char ab)
{
    snprintf(out, PEFT_NAME_LEN, "%s%s%zu.%s.lora_%c.weight", peft_head, names->prefix, layer,
             names->module[kind], ab);
}

/* What follows the text if s begins with it. */
static const char *name_after(const char *s, const char *text)
{
    size_t n = strlen(text);
    return strncmp(s, text, n) == 0 ? s + n : NULL;
}

/* "model.layers." or, for a model without its head, "layers.". */
static const char *name_prefix(PeftName *out, const LoraNames *names, const char *s)
{
    const char *dot = strchr(names->prefix, '.'), *rest = name_after(s, names->prefix);
    out->prefix = names->prefix;
    if (rest != NULL || dot == NULL || dot[1] == '\0') return rest;
    out->prefix = dot + 1;
    return name_after(s, dot + 1);
}

/* A number as it is printed: no sign, no leading zero. */
static const char *name_layer(PeftName *out, const char *s)
{
    size_t n = strspn(s, "0123456789");
    if (n == 0 || n > 4 || s[n] != '.' || (n > 1 && s[0] == '0')) return NULL;
    out->layer = (size_t)strtoull(s, NULL, 10);
    return out->layer < PEFT_LAYERS_MAX ? s + n + 1 : NULL;
}

static const char *name_module(PeftName *out, const LoraNames *names, const char *s)
{
    const char *end = strstr(s, ".lora_");
    for (size_t k = 0; k < LORA_KINDS && end != NULL; k++) {
        const char *module = names->module[k];
        if (module == NULL || strlen(module) != (size_t)(end - s) || strncmp(s, module, strlen(module)) != 0)
            continue;
        out->kind = k;
        return end + strlen(".lora_");
    }
    return NULL;
}

/* "A.weight", or "A.NAME.weight" as the model itself calls it. */
static bool name_matrix(PeftName *out, const char *s)
{
    if ((s[0] != 'A' && s[0] != 'B') || s[1] != '.') return false;
    out->ab = s[0];
    out->who = "";
    out->who_len = 0;
    if (strcmp(s + 2, "weight") == 0) return true;
    const char *dot = strchr(s + 2, '.');
    if (dot == NULL || dot == s + 2 || strcmp(dot + 1, "weight") != 0) return false;
    out->who = s + 2;
    out->who_len = (size_t)(dot - out->who);
    return true;
}

bool peft_name_parse(PeftName *out, const LoraNames *names, const char *name)
{
    const char *s = name_after(name, peft_head);
    s = name_prefix(out, names, s != NULL ? s : name);
    if (s != NULL) s = name_layer(out, s);
    if (s != NULL) s = name_module(out, names, s);
    return s != NULL && name_matrix(out, s);
}

/* Parts of names that say what else a tensor is, the telling ones first. */
static const struct {
    const char *part, *what;
} name_reasons[] = {
    {"lora_magnitude_vector", "a magnitude of DoRA, which is not implemented"},
    {"modules_to_save", "a module that replaces the base's and cannot be weighted"},
    {"trainable_tokens", "rows that replace the embedding's and cannot be weighted"},
    {"lora_embedding_", "an update of an embedding, which is not implemented"},
    {"embed_tokens.", "an update of the embedding, which is not implemented"},
    {"embed_in.", "an update of the embedding, which is not implemented"},
    {"wte.", "an update of the embedding, which is not implemented"},
    {"wpe.", "an update of the embedding, which is not implemented"},
    {"lm_head.", "an update of the output layer, which is not implemented"},
    {"embed_out.", "an update of the output layer, which is not implemented"},
    {"lora_B.bias", "a bias beside B (lora_bias), which is not implemented"},
};

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && strcmp(s + n - m, tail) == 0;
}

Status peft_name_refuse(const char *file, const char *name, const LoraShape *shape, Err *e)
{
    for (size_t i = 0; i < sizeof name_reasons / sizeof name_reasons[0]; i++)
        if (strstr(name, name_reasons[i].part) != NULL)
            FAIL(e, ERR_UNSUP, "%s: %.160s is %s", file, name, name_reasons[i].what);
    if (strstr(name, ".lora_B.") != NULL && ends_with(name, ".bias"))
        FAIL(e, ERR_UNSUP, "%s: %.160s is a bias beside B (lora_bias), which is not implemented", file, name);
    if (ends_with(name, ".bias"))
        FAIL(e, ERR_UNSUP, "%s: %.160s is a bias that replaces the base's and cannot be weighted", file,
             name);
    if (shape == NULL) FAIL(e, ERR_FORMAT, "%s: %.160s is no part of an adapter", file, name);
    FAIL(e, ERR_SHAPE, "%s: unexpected tensor %.160s (the model has %zu layers)", file, name,
         shape->n_layers);
}

/* ---- rows of a fused QKV ---- */

static void rows_move(float *out, const float *in, size_t rows, size_t r, size_t heads, bool to_file)
{
    size_t dim = rows / 3 / heads;
    for (size_t h = 0; h < heads; h++)
        for (size_t part = 0; part < 3; part++) {
            size_t file = (h * 3 + part) * dim * r, memory = (part * heads + h) * dim * r;
            memcpy(out + (to_file ? file : memory), in + (to_file ? memory : file), dim * r * sizeof *out);
        }
}

void peft_rows_from_file(float *out, const float *in, size_t rows, size_t r, size_t heads)
{
    rows_move(out, in, rows, r, heads, false);
}

void peft_rows_to_file(float *out, const float *in, size_t rows, size_t r, size_t heads)
{
    rows_move(out, in, rows, r, heads, true);
}
