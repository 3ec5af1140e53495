/* Damaged and foreign adapters, each written here, each with its exact sentence. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "make_peft.h"

#include <math.h>

#define HEAD "base_model.model.model.layers."
#define CONF "\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":4"

enum { BAD_ITEMS = 4 };

typedef struct {
    const char *config;
    StItem item[BAD_ITEMS];
    Status status;
    const char *message; /* behind "adapter_config.json: " or "adapter_model.safetensors: " */
} PeftBad;

static const float ones[80] = {1, 1, 1, 1, 1, 1, 1, 1};

#define Q_A                                                              \
    {                                                                    \
        HEAD "0.self_attn.q_proj.lora_A.weight", ST_F32, 2, {2, 8}, ones \
    }
#define Q_B                                                              \
    {                                                                    \
        HEAD "0.self_attn.q_proj.lora_B.weight", ST_F32, 2, {6, 2}, ones \
    }
#define BAD_TENSOR(name, ...)                \
    {                                        \
        name, ST_F32, 2, {__VA_ARGS__}, ones \
    }

static const PeftBad bad_rows[] = {
    {"{" CONF "}", {{0}}, ERR_FORMAT, "adapter_model.safetensors: holds no tensor"},
    {"{" CONF "}",
     {Q_A},
     ERR_FORMAT,
     "adapter_model.safetensors: " HEAD "0.self_attn.q_proj.lora_B.weight is missing, its partner is there"},
    {"{" CONF "}",
     {Q_A, Q_B, BAD_TENSOR(HEAD "0.self_attn.q_proj.lora_magnitude_vector", 1, 6)},
     ERR_UNSUP,
     "adapter_model.safetensors: " HEAD
     "0.self_attn.q_proj.lora_magnitude_vector is a magnitude of DoRA, which is not implemented"},
    {"{" CONF "}",
     {Q_A, Q_B, BAD_TENSOR(HEAD "0.self_attn.q_proj.bias", 1, 6)},
     ERR_UNSUP,
     "adapter_model.safetensors: " HEAD
     "0.self_attn.q_proj.bias is a bias that replaces the base's and cannot be weighted"},
    {"{" CONF ",\"bias\":\"all\"}",
     {Q_A, Q_B, BAD_TENSOR("base_model.model.model.norm.bias", 1, 8)},
     ERR_UNSUP,
     "adapter_model.safetensors: base_model.model.model.norm.bias is a bias that replaces the base's and "
     "cannot be "
     "weighted"},
    {"{" CONF "}",
     {Q_A, Q_B, BAD_TENSOR(HEAD "0.self_attn.q_proj.lora_B.bias", 1, 6)},
     ERR_UNSUP,
     "adapter_model.safetensors: " HEAD
     "0.self_attn.q_proj.lora_B.bias is a bias beside B (lora_bias), which is not implemented"},
    {"{" CONF "}",
     {Q_A, Q_B, BAD_TENSOR(HEAD "0.self_attn.q_proj.lora_B.default.bias", 1, 6)},
     ERR_UNSUP,
     "adapter_model.safetensors: " HEAD
     "0.self_attn.q_proj.lora_B.default.bias is a bias beside B (lora_bias), which is not implemented"},
    {"{" CONF "}",
     {Q_A, Q_B, BAD_TENSOR("base_model.model.lm_head.lora_A.weight", 2, 8)},
     ERR_UNSUP,
     "adapter_model.safetensors: base_model.model.lm_head.lora_A.weight is an update of the output layer, "
     "which is "
     "not implemented"},
    {"{" CONF "}",
     {BAD_TENSOR("base_model.model.model.embed_tokens.lora_embedding_A", 2, 9)},
     ERR_UNSUP,
     "adapter_model.safetensors: base_model.model.model.embed_tokens.lora_embedding_A is an update of an "
     "embedding, "
     "which is not implemented"},
    {"{" CONF "}",
     {BAD_TENSOR("base_model.model.transformer.wte.weight", 9, 8)},
     ERR_UNSUP,
     "adapter_model.safetensors: base_model.model.transformer.wte.weight is an update of the embedding, "
     "which is not "
     "implemented"},
    {"{" CONF "}",
     {BAD_TENSOR("base_model.model.score.modules_to_save.weight", 2, 8)},
     ERR_UNSUP,
     "adapter_model.safetensors: base_model.model.score.modules_to_save.weight is a module that replaces the "
     "base's "
     "and cannot be weighted"},
    {"{" CONF "}",
     {Q_A, Q_B, BAD_TENSOR("base_model.model.score.weight", 2, 8)},
     ERR_SHAPE,
     "adapter_model.safetensors: unexpected tensor base_model.model.score.weight (the model has 2 layers)"},
    {"{" CONF "}",
     {BAD_TENSOR(HEAD "0.self_attn.qkv_proj.lora_A.weight", 2, 8)},
     ERR_SHAPE,
     "adapter_model.safetensors: unexpected tensor " HEAD
     "0.self_attn.qkv_proj.lora_A.weight (the model has 2 layers)"},
    {"{" CONF "}",
     {BAD_TENSOR(HEAD "00.self_attn.q_proj.lora_A.weight", 2, 8)},
     ERR_SHAPE,
     "adapter_model.safetensors: unexpected tensor " HEAD
     "00.self_attn.q_proj.lora_A.weight (the model has 2 layers)"},
    {"{" CONF "}",
     {BAD_TENSOR(HEAD "4096.self_attn.q_proj.lora_A.weight", 2, 8)},
     ERR_SHAPE,
     "adapter_model.safetensors: unexpected tensor " HEAD
     "4096.self_attn.q_proj.lora_A.weight (the model has 2 layers)"},
    {"{" CONF "}",
     {BAD_TENSOR(HEAD "0.self_attn.q_proj.lora_A.a.b.weight", 2, 8)},
     ERR_SHAPE,
     "adapter_model.safetensors: unexpected tensor " HEAD
     "0.self_attn.q_proj.lora_A.a.b.weight (the model has 2 layers)"},
    {"{" CONF "}",
     {Q_A, Q_B, BAD_TENSOR("model.layers.0.self_attn.q_proj.lora_A.weight", 2, 8)},
     ERR_FORMAT,
     "adapter_model.safetensors: " HEAD "0.self_attn.q_proj.lora_A.weight and "
     "model.layers.0.self_attn.q_proj.lora_A.weight are the same matrix"},
    {"{" CONF "}",
     {BAD_TENSOR(HEAD "0.self_attn.q_proj.lora_A.one.weight", 2, 8),
      BAD_TENSOR(HEAD "0.self_attn.q_proj.lora_B.two.weight", 6, 2)},
     ERR_FORMAT,
     "adapter_model.safetensors: holds the adapters 'one' and 'two', want one"},
    {"{" CONF "}",
     {BAD_TENSOR(HEAD "0.self_attn.q_proj.lora_A.weight", 8, 2), Q_B},
     ERR_SHAPE,
     "adapter_model.safetensors: " HEAD
     "0.self_attn.q_proj.lora_A.weight has shape [8, 2], want [2, 8] for this model and rank"},
    {"{" CONF "}",
     {{HEAD "0.self_attn.q_proj.lora_A.weight", ST_F32, 1, {16}, ones}, Q_B},
     ERR_SHAPE,
     "adapter_model.safetensors: " HEAD "0.self_attn.q_proj.lora_A.weight has shape [16, 0] (and not two "
     "dimensions), want [2, 8] for this model and "
     "rank"},
    {"{" CONF ",\"target_modules\":[\"q_proj\",\"v_proj\"],\"init_lora_weights\":false}",
     {Q_A, Q_B},
     ERR_FORMAT,
     "adapter_model.safetensors: target_modules names model.layers.0.self_attn.v_proj, which has no tensor: "
     "init_lora_weights = false would draw it"},
    {"{" CONF ",\"target_modules\":\".*\",\"layers_to_transform\":[0]}",
     {Q_A, Q_B},
     ERR_FORMAT,
     "adapter_config.json: layers_to_transform cannot go with a target_modules that is an expression"},
    {"{" CONF ",\"layers_to_transform\":0,\"layers_pattern\":\"lay(er)s\"}",
     {Q_A, Q_B},
     ERR_UNSUP,
     "adapter_config.json: layers_pattern is the text \"lay(er)s\", want plain names"},
    {"{" CONF ",\"layers_to_transform\":0,\"layers_pattern\":[1]}",
     {Q_A, Q_B},
     ERR_UNSUP,
     "adapter_config.json: layers_pattern is an array of 1, want plain names"},
    {"{" CONF ",\"target_modules\":[\"q_proj\"],\"layers_to_transform\":0,\"layers_pattern\":\"h\"}",
     {Q_A, Q_B},
     ERR_FORMAT,
     "adapter_model.safetensors: " HEAD
     "0.self_attn.q_proj.lora_A.weight is there, but DIR/adapter_config.json does "
     "not target model.layers.0.self_attn.q_proj: PEFT would leave it out"},
    {"[1,2]", {Q_A, Q_B}, ERR_FORMAT, "adapter_config.json: an array of 2, want an object"},
    {"{}", {Q_A, Q_B}, ERR_UNSUP, "adapter_config.json: peft_type = (none), want LORA"},
    {"{\"peft_type\":\"LORA\\u0000\",\"r\":2}",
     {Q_A, Q_B},
     ERR_UNSUP,
     "adapter_config.json: peft_type = (none), want LORA"},
    {"", {Q_A, Q_B}, ERR_FORMAT, NULL},
    {"{" CONF ",\"r\":3}", {Q_A, Q_B}, ERR_FORMAT, NULL},
};

static size_t bad_count(const StItem *item)
{
    size_t n = 0;
    while (n < BAD_ITEMS && item[n].name != NULL) n++;
    return n;
}

/* "DIR/" stands for the folder. */
static void bad_sentence(char out[600], const char *message)
{
    const char *dir = strstr(message, "DIR/");
    int n = dir == NULL ? 0 : (int)(dir - message);
    if (dir == NULL)
        snprintf(out, 600, "%s/%s", scratch_dir, message);
    else
        snprintf(out, 600, "%s/%.*s%s%s", scratch_dir, n, message, scratch_dir, dir + 3);
}

Test(peft_bad, each_is_refused_in_one_sentence, .init = scratch_make, .fini = scratch_remove)
{
    LoraShape shape = make_shape("llama");
    for (size_t i = 0; i < sizeof bad_rows / sizeof bad_rows[0]; i++) {
        const PeftBad *b = &bad_rows[i];
        Lora *l = NULL;
        Err e = {0};
        char want[600];
        make_file("adapter_config.json", b->config);
        make_tensors(b->item, bad_count(b->item));
        cr_expect_eq(lora_load(&l, scratch_dir, &shape, &e), b->status, "%zu: %s", i, e.msg);
        cr_expect_null(l);
        if (b->message == NULL) continue; /* the sentence is the JSON reader's */
        bad_sentence(want, b->message);
        cr_expect_str_eq(e.msg, want);
    }
}

Test(peft_bad, the_rows_that_are_spoilt_load_when_they_are_whole, .init = scratch_make,
     .fini = scratch_remove)
{
    static const StItem whole[] = {Q_A, Q_B};
    LoraShape shape = make_shape("llama");
    Lora *l = NULL;
    Err e = {0};
    make_file("adapter_config.json", "{" CONF ",\"target_modules\":[\"q_proj\"]}"); /* layer 1: a warning */
    make_tensors(whole, 2);
    cr_assert_eq(lora_load(&l, scratch_dir, &shape, &e), OK, "%s", e.msg);
    cr_expect_eq(l->site[LORA_Q].r, 2);
    cr_expect_eq(l->site[LORA_Q].scale, 2);
    cr_expect_eq(l->site[LORA_KINDS + LORA_Q].r, 0);
    lora_free(l);
}

Test(peft_bad, pickled_weights_are_not_read, .init = scratch_make, .fini = scratch_remove)
{
    LoraShape shape = make_shape("llama");
    Lora *l = NULL;
    Err e = {0};
    char want[400];
    make_file("adapter_config.json", "{" CONF "}");
    make_file("adapter_model.bin", "PK");
    snprintf(want, sizeof want,
             "%s/adapter_model.bin: pickled weights are programs and are not run; load it with PEFT and call "
             "save_pretrained, which writes adapter_model.safetensors",
             scratch_dir);
    cr_expect_eq(lora_load(&l, scratch_dir, &shape, &e), ERR_UNSUP);
    cr_expect_str_eq(e.msg, want);
    e = (Err){0};
    cr_expect_eq(lora_shape_of(&shape, scratch_dir, &e), ERR_UNSUP);
    cr_expect_str_eq(e.msg, want);
    make_tensors((const StItem[]){Q_A, Q_B}, 2); /* beside it, the pickled file does not matter */
    cr_expect_eq(lora_load(&l, scratch_dir, &shape, &e), OK);
    lora_free(l);
}

/* A header written by hand: types that st_save does not write. */
static void bad_typed(const char *type, size_t size, const void *value)
{
    char path[64], head[400] = "";
    unsigned char file[1200] = {0};
    size_t a = 16 * size, b = 12 * size;
    Err e = {0};
    int n = snprintf(
        head, sizeof head,
        "{\"" HEAD "0.self_attn.q_proj.lora_A.weight\":{\"dtype\":\"%s\",\"shape\":[2,8],\"data_offsets\":"
        "[0,%zu]},\"" HEAD "0.self_attn.q_proj.lora_B.weight\":{\"dtype\":\"%s\",\"shape\":[6,2],"
        "\"data_offsets\":[%zu,%zu]}}",
        type, a, type, a, a + b);
    file[0] = (unsigned char)(n & 255);
    file[1] = (unsigned char)(n >> 8);
    memcpy(file + 8, head, (size_t)n);
    memcpy(file + 8 + n + 3 * size, value, size); /* the fourth entry of A */
    snprintf(path, sizeof path, "%s/adapter_model.safetensors", scratch_dir);
    cr_assert_eq(file_write(path, file, 8 + (size_t)n + a + b, &e), OK, "%s", e.msg);
}

Test(peft_bad, storage_that_is_not_a_float_or_not_finite, .init = scratch_make, .fini = scratch_remove)
{
    LoraShape shape = make_shape("llama");
    Lora *l = NULL;
    const int32_t number = 3;
    const double fine = 0.5, huge = 1e300, infinite = INFINITY;
    Err e = {0};
    make_file("adapter_config.json", "{" CONF "}");
    bad_typed("F64", 8, &fine);
    cr_assert_eq(lora_load(&l, scratch_dir, &shape, &e), OK, "%s", e.msg);
    cr_expect_eq(l->site[LORA_Q].a[3], 0.5F);
    lora_free(l);
    l = NULL;
    bad_typed("I32", 4, &number);
    cr_expect_eq(lora_load(&l, scratch_dir, &shape, &e), ERR_UNSUP);
    cr_expect_not_null(strstr(e.msg, "q_proj.lora_A.weight' has type I32, want F32, F16, BF16 or F64"), "%s",
                       e.msg);
    const double *const bad[] = {&huge, &infinite}; /* the first is finite, and no float */
    for (size_t i = 0; i < 2; i++) {
        e = (Err){0};
        bad_typed("F64", 8, bad[i]);
        cr_expect_eq(lora_load(&l, scratch_dir, &shape, &e), ERR_NUM);
        cr_expect_not_null(strstr(e.msg, "q_proj.lora_A.weight holds a value that is not finite at index 3"),
                           "%s", e.msg);
    }
    cr_expect_null(l);
}

Test(peft_bad, a_model_without_names_has_no_adapters, .init = scratch_make, .fini = scratch_remove)
{
    LoraShape shape = make_shape("llama");
    Lora *l = NULL;
    Err e = {0};
    cr_assert_eq(lora_new(&l, &shape, 1U << LORA_Q, 2, 2, &e), OK);
    make_file("adapter_config.json", "{" CONF "}");
    make_tensors((const StItem[]){Q_A, Q_B}, 2);
    shape.names = l->shape.names = NULL;
    cr_expect_eq(lora_save(l, scratch_dir, "base", &e), ERR_UNSUP);
    cr_expect_not_null(strstr(e.msg, ": the modules of this model have no names"), "%s", e.msg);
    lora_free(l);
    e = (Err){0};
    l = NULL;
    cr_expect_eq(lora_load(&l, scratch_dir, &shape, &e), ERR_UNSUP);
    cr_expect_not_null(strstr(e.msg, ": the modules of this model have no names"), "%s", e.msg);
    cr_expect_null(l);
}

Test(peft_bad, halves_tell_no_shape, .init = scratch_make, .fini = scratch_remove)
{
    LoraShape shape;
    Err e = {0};
    make_tensors((const StItem[]){Q_A}, 1);
    cr_expect_eq(lora_shape_of(&shape, scratch_dir, &e), ERR_FORMAT);
    cr_expect_not_null(strstr(e.msg, "adapter_model.safetensors: self_attn.q_proj has no lora_B"), "%s",
                       e.msg);
    e = (Err){0};
    make_tensors((const StItem[]){Q_A, Q_B, BAD_TENSOR(HEAD "0.self_attn.qkv_proj.lora_A.weight", 2, 8)}, 3);
    cr_expect_eq(lora_shape_of(&shape, scratch_dir, &e), ERR_FORMAT);
    cr_expect_not_null(strstr(e.msg, "0.self_attn.qkv_proj.lora_A.weight is no part of an adapter"), "%s",
                       e.msg);
}

Test(peft_bad, keys_that_do_not_matter_say_why)
{
    cr_expect_str_eq(lora_key_ignored("inference_mode"), "whether the weights are frozen after loading");
    cr_expect_null(lora_key_ignored("r"));
    cr_expect_null(lora_key_ignored("use_dora"));
    cr_expect_null(lora_key_ignored("no_such_key"));
}
