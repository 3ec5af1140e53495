/* make_peft.h - adapter folders written by a test, in the scratch folder of damaged.h. */
#ifndef TESTS_MAKE_PEFT_H
#define TESTS_MAKE_PEFT_H

#include "../damaged.h"

#include "prime/lora.h"
#include "prime/st.h"

static inline void make_file(const char *name, const char *text)
{
    char path[64];
    Err e = {0};
    snprintf(path, sizeof path, "%s/%s", scratch_dir, name);
    cr_assert_eq(file_write(path, text, strlen(text), &e), OK, "%s", e.msg);
}

static inline void make_tensors(const StItem *item, size_t n)
{
    char path[64];
    Err e = {0};
    snprintf(path, sizeof path, "%s/adapter_model.safetensors", scratch_dir);
    cr_assert_eq(st_save(path, item, n, &e), OK, "%s", e.msg);
}

/* A small model of a family: two layers, products of different sizes. GPT-NeoX has 2 heads of 3. */
static inline LoraShape make_shape(const char *family)
{
    static const size_t n_in[LORA_KINDS] = {8, 8, 8, 8, 6, 8, 8, 8, 10},
                        n_out[LORA_KINDS] = {18, 6, 4, 4, 8, 20, 10, 10, 8};
    LoraShape s = {.n_layers = 2, .names = lora_names(family)};
    for (size_t k = 0; k < LORA_KINDS; k++) {
        if (s.names->module[k] == NULL) continue;
        s.n_in[k] = n_in[k];
        s.n_out[k] = n_out[k];
    }
    s.qkv_heads = strcmp(s.names->family, "gpt_neox") == 0 ? 2 : 0;
    return s;
}

#endif
