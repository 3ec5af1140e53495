/* fuzz_peft.c - any bytes as adapter_config.json beside small fixed tensors, one set for each of two
 * families: refused with a sentence, or an adapter whose sites are those of the tensors. Bytes that begin
 * with '#' are names of tensors instead, one a line, beside a fixed config. */
#include "prime/lora.h"

#include "prime/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RANK = 2, WIDTH = 8, MATRIX = RANK * WIDTH * 4, NAMES_MAX = 16 };

static const char *const llama_names[] = {
    "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
    "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight",
    "base_model.model.model.layers.1.mlp.down_proj.lora_A.weight",
    "base_model.model.model.layers.1.mlp.down_proj.lora_B.weight",
};
static const char *const gpt2_names[] = {
    "base_model.model.h.0.attn.c_attn.lora_A.default.weight",
    "base_model.model.h.0.attn.c_attn.lora_B.default.weight",
    "base_model.model.h.1.mlp.c_proj.lora_A.default.weight",
    "base_model.model.h.1.mlp.c_proj.lora_B.default.weight",
};

/* Every product of the family is 8 by 8. */
static LoraShape fuzz_shape(const char *family)
{
    LoraShape s = {.n_layers = 2, .names = lora_names(family)};
    for (size_t k = 0; k < LORA_KINDS; k++)
        if (s.names->module[k] != NULL) s.n_in[k] = s.n_out[k] = WIDTH;
    return s;
}

static void put_name(Str *out, const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (name[i] == '"' || name[i] == '\\' || (unsigned char)name[i] < 0x20)
            str_printf(out, "\\u%04x", (unsigned char)name[i]);
        else
            str_put(out, name + i, 1);
}

/* A safetensors file of matrices, A [2, 8] and B [8, 2] by what the name says. */
static void put_file(Str *out, const char *const *name, const size_t *len, size_t n)
{
    Str head = {0};
    static const char zeros[MATRIX];
    for (size_t i = 0; i < n; i++) {
        bool is_b = false;
        for (size_t j = 0; j + 7 <= len[i]; j++) is_b = is_b || memcmp(name[i] + j, ".lora_B", 7) == 0;
        str_puts(&head, i == 0 ? "{\"" : ",\"");
        put_name(&head, name[i], len[i]);
        str_printf(&head, "\":{\"dtype\":\"F32\",\"shape\":[%d,%d],\"data_offsets\":[%zu,%zu]}",
                   is_b ? WIDTH : RANK, is_b ? RANK : WIDTH, i * MATRIX, (i + 1) * MATRIX);
    }
    str_puts(&head, n == 0 ? "{}" : "}");
    uint64_t bytes = head.n;
    str_put(out, (const char *)&bytes, sizeof bytes);
    str_put(out, head.s, head.n);
    for (size_t i = 0; i < n; i++) str_put(out, zeros, MATRIX);
    str_free(&head);
    if (out->failed) abort();
}

static void check_sites(const Lora *l, size_t tensors)
{
    size_t sites = 0;
    for (size_t i = 0; i < l->shape.n_layers * LORA_KINDS; i++) {
        const LoraSite *s = &l->site[i];
        if (s->r == 0) continue;
        if (s->r != RANK || !isfinite(s->scale)) abort();
        sites++;
    }
    if (2 * sites != tensors || lora_norm(l) != 0) abort();
}

static void fuzz_read(const char *config, size_t n, const Str *file, const char *family)
{
    LoraShape shape = fuzz_shape(family);
    StFile *st = NULL;
    Lora *l = NULL;
    Err e = {0};
    if (st_view(&st, file->s, file->n, "tensors", &e) != OK) {
        if (e.msg[0] == '\0') abort();
        return;
    }
    if (lora_read(&l, config, n, "config", st, "tensors", &shape, &e) == OK)
        check_sites(l, st_count(st));
    else if (e.msg[0] == '\0' || l != NULL)
        abort();
    lora_free(l);
    st_close(st);
}

/* `file` holds the tensors of `name`, and is made by the first call. */
static void fuzz_config(const char *text, size_t n, Str *file, const char *const *name, const char *family)
{
    size_t len[4];
    for (size_t i = 0; i < 4; i++) len[i] = strlen(name[i]);
    if (file->n == 0) put_file(file, name, len, 4);
    fuzz_read(text, n, file, family);
}

static void fuzz_names(const char *text, size_t size)
{
    static const char config[] = "{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":4,\"target_modules\":"
                                 "[\"q_proj\",\"down_proj\",\"self_attn.k_proj\",\"c_attn\",\"c_proj\"]}";
    const char *name[NAMES_MAX], *end = text + size;
    size_t len[NAMES_MAX], n = 0;
    for (const char *s = text; s < end && n < NAMES_MAX; n++) {
        const char *stop = memchr(s, '\n', (size_t)(end - s));
        name[n] = s;
        len[n] = (size_t)((stop != NULL ? stop : end) - s);
        s = stop != NULL ? stop + 1 : end;
    }
    Str file = {0};
    put_file(&file, name, len, n);
    fuzz_read(config, sizeof config - 1, &file, "llama");
    fuzz_read(config, sizeof config - 1, &file, "gpt2");
    str_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Str llama, gpt2;
    const char *text = size > 0 ? (const char *)data : "";
    if (size > 0 && data[0] == '#') {
        fuzz_names(text + 1, size - 1);
        return 0;
    }
    fuzz_config(text, size, &llama, llama_names, "llama");
    fuzz_config(text, size, &gpt2, gpt2_names, "gpt2");
    return 0;
}
