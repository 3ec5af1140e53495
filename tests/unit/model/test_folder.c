/* Folders of every family whose tensors are not those of their configuration: each is refused by name; what
 * older files carry beside them is passed over. */
#define _XOPEN_SOURCE 700 /* nftw */
#include <math.h>

#include "../damaged.h"
#include "engine_case.h"

#include "prime/model.h"

enum { FOLDER_ITEMS = 64 };

#define SIZES                                                                                \
    "\"vocab_size\":11,\"hidden_size\":8,\"num_hidden_layers\":1,\"num_attention_heads\":2," \
    "\"intermediate_size\":12,\"max_position_embeddings\":32,"

static const char gpt2[] =
    "{\"model_type\":\"gpt2\",\"vocab_size\":11,\"n_embd\":8,\"n_layer\":1,\"n_head\":2,"
    "\"n_positions\":32}",
                  llama[] = "{\"model_type\":\"llama\"," SIZES "\"num_key_value_heads\":1}",
                  mistral[] =
                      "{\"model_type\":\"mistral\"," SIZES "\"num_key_value_heads\":1,\"sliding_window\":4}",
                  qwen2[] = "{\"model_type\":\"qwen2\"," SIZES "\"num_key_value_heads\":1}",
                  qwen3[] = "{\"model_type\":\"qwen3\"," SIZES "\"num_key_value_heads\":1,\"head_dim\":6}",
                  gemma3[] =
                      "{\"model_type\":\"gemma3_text\"," SIZES "\"num_key_value_heads\":1,\"head_dim\":4}",
                  phi3[] =
                      "{\"model_type\":\"phi3\"," SIZES "\"num_key_value_heads\":1,\"rms_norm_eps\":1e-05}",
                  neox[] = "{\"model_type\":\"gpt_neox\"," SIZES "\"rotary_pct\":0.5}";

/* One change: a tensor left out, renamed, added, or of another shape. */
typedef struct {
    const char *config, *drop, *add, *reshape;
    size_t ndim, shape[4]; /* of what is added or reshaped */
    Status status;
    const char *message; /* its end */
} FolderCase;

#define Q0 "model.layers.0.self_attn."
#define NEOX0 "gpt_neox.layers.0."

static const FolderCase folder_cases[] = {
    {gpt2, .reshape = "transformer.h.0.attn.c_attn.weight", .ndim = 2, .shape = {24, 8}, .status = ERR_SHAPE,
     .message = ": transformer.h.0.attn.c_attn.weight has shape [24, 8], want [8, 24]"},
    {gpt2, .reshape = "transformer.h.0.mlp.c_proj.weight", .ndim = 2, .shape = {8, 32}, .status = ERR_SHAPE,
     .message = ": transformer.h.0.mlp.c_proj.weight has shape [8, 32], want [32, 8]"},
    {gpt2, .reshape = "transformer.wpe.weight", .ndim = 2, .shape = {31, 8}, .status = ERR_SHAPE,
     .message = ": transformer.wpe.weight has shape [31, 8], want [32, 8]"},
    {gpt2, .drop = "transformer.h.0.attn.c_attn.bias", .status = ERR_FORMAT,
     .message = ": tensor transformer.h.0.attn.c_attn.bias is missing"},
    {gpt2, .drop = "transformer.ln_f.bias", .status = ERR_FORMAT,
     .message = ": tensor transformer.ln_f.bias is missing"},
    {gpt2, .add = "transformer.h.0.attn.bias", .ndim = 4, .shape = {1, 1, 32, 32}, .status = OK},
    {gpt2, .add = "transformer.h.0.attn.bias", .ndim = 2, .shape = {32, 32}, .status = ERR_FORMAT,
     .message = ": unexpected tensor transformer.h.0.attn.bias"},
    {gpt2, .add = "transformer.h.0.attn.masked_bias", .ndim = 0, .status = OK},
    {gpt2, .add = "transformer.h.0.crossattention.c_attn.weight", .ndim = 2, .shape = {8, 16},
     .status = ERR_FORMAT, .message = ": unexpected tensor transformer.h.0.crossattention.c_attn.weight"},
    {gpt2, .add = "lm_head.weight", .ndim = 2, .shape = {11, 8}, .status = OK},
    {gpt2, .add = "lm_head.weight", .ndim = 2, .shape = {12, 8}, .status = ERR_FORMAT,
     .message = ": unexpected tensor lm_head.weight"},
    {gpt2, .add = "lm_head.weight", .ndim = 2, .shape = {8, 11}, .status = ERR_FORMAT,
     .message = ": unexpected tensor lm_head.weight"},
    {gpt2, .add = "score.weight", .ndim = 2, .shape = {2, 8}, .status = ERR_FORMAT,
     .message = ": unexpected tensor score.weight"},
    {qwen2, .drop = Q0 "k_proj.bias", .status = ERR_FORMAT,
     .message = ": tensor " Q0 "k_proj.bias is missing"},
    {qwen2, .add = Q0 "o_proj.bias", .ndim = 1, .shape = {8}, .status = ERR_FORMAT,
     .message = ": unexpected tensor " Q0 "o_proj.bias"},
    {qwen2, .reshape = Q0 "q_proj.bias", .ndim = 2, .shape = {1, 8}, .status = ERR_SHAPE,
     .message = ": " Q0 "q_proj.bias has shape [1, 8], want [8]"},
    {qwen3, .drop = Q0 "q_norm.weight", .status = ERR_FORMAT,
     .message = ": tensor " Q0 "q_norm.weight is missing"},
    {qwen3, .reshape = Q0 "k_norm.weight", .ndim = 1, .shape = {12}, .status = ERR_SHAPE,
     .message = ": " Q0 "k_norm.weight has shape [12], want [6]"},
    {mistral, .add = Q0 "q_proj.bias", .ndim = 1, .shape = {8}, .status = ERR_FORMAT,
     .message = ": unexpected tensor " Q0 "q_proj.bias"},
    {llama, .add = "model.layers.0.mlp.experts.0.up_proj.weight", .ndim = 2, .shape = {12, 8},
     .status = ERR_FORMAT, .message = ": unexpected tensor model.layers.0.mlp.experts.0.up_proj.weight"},
    {llama, .add = Q0 "rotary_emb.inv_freq", .ndim = 1, .shape = {2}, .status = OK},
    {llama, .add = Q0 "q_norm.weight", .ndim = 1, .shape = {4}, .status = ERR_FORMAT,
     .message = ": unexpected tensor " Q0 "q_norm.weight"},
    {llama, .reshape = "model.norm.weight", .ndim = 3, .shape = {8, 1, 1}, .status = ERR_SHAPE,
     .message = ": model.norm.weight has shape [8, 1, ...], want [8]"},
    {llama, .reshape = "model.norm.weight", .ndim = 0, .status = ERR_SHAPE,
     .message = ": model.norm.weight has shape [], want [8]"},
    {llama, .reshape = "lm_head.weight", .ndim = 2, .shape = {0, 8}, .status = ERR_SHAPE,
     .message = ": lm_head.weight has shape [0, 8], want [11, 8]"},
    {gemma3, .drop = "model.layers.0.pre_feedforward_layernorm.weight", .status = ERR_FORMAT,
     .message = ": tensor model.layers.0.pre_feedforward_layernorm.weight is missing"},
    {gemma3, .drop = Q0 "k_norm.weight", .status = ERR_FORMAT,
     .message = ": tensor " Q0 "k_norm.weight is missing"},
    {phi3, .reshape = Q0 "qkv_proj.weight", .ndim = 2, .shape = {24, 8}, .status = ERR_SHAPE,
     .message = ": " Q0 "qkv_proj.weight has shape [24, 8], want [16, 8]"},
    {phi3, .reshape = "model.layers.0.mlp.gate_up_proj.weight", .ndim = 2, .shape = {12, 8},
     .status = ERR_SHAPE,
     .message = ": model.layers.0.mlp.gate_up_proj.weight has shape [12, 8], want [24, 8]"},
    {phi3, .drop = Q0 "qkv_proj.weight", .add = Q0 "q_proj.weight", .ndim = 2, .shape = {8, 8},
     .status = ERR_FORMAT, .message = ": tensor " Q0 "qkv_proj.weight is missing"},
    {neox, .reshape = NEOX0 "attention.query_key_value.weight", .ndim = 2, .shape = {16, 8},
     .status = ERR_SHAPE,
     .message = ": " NEOX0 "attention.query_key_value.weight has shape [16, 8], want [24, 8]"},
    {neox, .reshape = NEOX0 "attention.query_key_value.bias", .ndim = 1, .shape = {23}, .status = ERR_SHAPE,
     .message = ": " NEOX0 "attention.query_key_value.bias has shape [23], want [24]"},
    {neox, .drop = NEOX0 "attention.dense.bias", .status = ERR_FORMAT,
     .message = ": tensor " NEOX0 "attention.dense.bias is missing"},
    {neox, .drop = "embed_out.weight", .status = ERR_FORMAT,
     .message = ": tensor embed_out.weight is missing"},
    {neox, .add = NEOX0 "attention.bias", .ndim = 4, .shape = {1, 1, 32, 32}, .status = OK},
    {neox, .add = NEOX0 "attention.rotary_emb.inv_freq", .ndim = 1, .shape = {1}, .status = OK},
};

static const float folder_zeros[2048];

static void folder_file(char out[64], const char *name)
{
    snprintf(out, 64, "%s/%s", scratch_dir, name);
}

static void folder_text(const char *name, const char *text)
{
    char path[64];
    folder_file(path, name);
    MUST(file_write(path, text, strlen(text), &e_));
}

/* A sound folder for the configuration. */
static void folder_sound(const char *config)
{
    Model *m = NULL;
    ModelConfig c;
    Rng rng = rng_stream(2, "folder", 0);
    MUST(model_config_parse(&c, NULL, config, strlen(config), "config", false, &e_));
    MUST(model_new(&m, &c, &e_));
    model_init(m, &rng);
    m->config = strdup(config);
    MUST(model_save(m, scratch_dir, ST_F32, &e_));
    model_free(m);
}

/* The same tensors with one change. `bare` leaves the prefix of the inner model out of the names. */
static void folder_change(const FolderCase *t, const char *bare, const char *out)
{
    static char names[FOLDER_ITEMS][128];
    StItem item[FOLDER_ITEMS];
    StFile *f = NULL;
    char path[64];
    size_t n = 0, skip = bare != NULL ? strlen(bare) : 0;
    folder_file(path, "model.safetensors");
    MUST(st_open(&f, path, &e_));
    cr_assert_lt(st_count(f), FOLDER_ITEMS);
    bool hit = t->drop == NULL && t->reshape == NULL;
    for (size_t i = 0; i < st_count(f); i++) {
        const StTensor *x = st_at(f, i);
        bool drop = t->drop != NULL && strcmp(x->name, t->drop) == 0;
        hit = hit || drop;
        if (drop) continue;
        item[n] = (StItem){names[n], ST_F32, x->ndim, {0}, x->data};
        snprintf(names[n], sizeof names[n], "%s",
                 x->name + (skip > 0 && strncmp(x->name, bare, skip) == 0 ? skip : 0));
        memcpy(item[n].shape, x->shape, sizeof item[n].shape);
        if (t->reshape != NULL && strcmp(x->name, t->reshape) == 0) {
            hit = true;
            item[n].ndim = t->ndim;
            item[n].data = folder_zeros;
            memcpy(item[n].shape, t->shape, sizeof t->shape);
        }
        n++;
    }
    if (t->add != NULL) {
        item[n] = (StItem){t->add, ST_F32, t->ndim, {0}, folder_zeros};
        memcpy(item[n++].shape, t->shape, sizeof t->shape);
    }
    cr_assert(hit, "no tensor of that name");
    folder_file(path, out);
    MUST(st_save(path, item, n, &e_));
    st_close(f);
}

static Status folder_open(ModelWeights how, Err *e)
{
    Model *m = NULL;
    Status s = model_open(&m, scratch_dir, &(ModelOpts){.weights = how}, e);
    cr_expect_eq(m != NULL, s == OK);
    model_free(m);
    return s;
}

static bool folder_ends(const char *text, const char *tail)
{
    size_t n = strlen(text), k = strlen(tail);
    return n >= k && strcmp(text + n - k, tail) == 0;
}

static void folder_expect(Status want, const char *message, const char *what)
{
    static const ModelWeights how[] = {WEIGHTS_F32, WEIGHTS_STORED};
    for (size_t k = 0; k < 2; k++) {
        Err e = {0};
        Status s = folder_open(how[k], &e);
        cr_expect_eq(s, want, "%s: %s: %s", what, err_name(s), e.msg);
        if (want != OK) cr_expect(folder_ends(e.msg, message), "%s: %s, want ...%s", what, e.msg, message);
    }
}

Test(folder, tensors_that_are_not_those_of_the_configuration, .init = scratch_make, .fini = scratch_remove)
{
    for (size_t i = 0; i < sizeof folder_cases / sizeof folder_cases[0]; i++) {
        const FolderCase *t = &folder_cases[i];
        const char *what = t->reshape != NULL ? t->reshape : t->add != NULL ? t->add : t->drop;
        folder_sound(t->config);
        folder_expect(OK, "", t->config);
        folder_change(t, NULL, "model.safetensors");
        folder_expect(t->status, t->message, what);
    }
}

/* The files of the inner model alone, as GPT-2's own: no prefix, with masks; but not half of each. */
Test(folder, names_without_the_prefix_of_the_inner_model, .init = scratch_make, .fini = scratch_remove)
{
    const FolderCase none = {.config = gpt2},
                     mask = {.config = gpt2, .add = "h.0.attn.bias", .ndim = 4, .shape = {1, 1, 32, 32}},
                     rank = {.config = gpt2, .add = "h.0.attn.bias", .ndim = 3, .shape = {1, 32, 32}},
                     twice = {.config = gpt2, .add = "transformer.wte.weight", .ndim = 2, .shape = {11, 8}};
    folder_sound(gpt2);
    folder_change(&none, "transformer.", "model.safetensors");
    folder_expect(OK, "", "no prefix");
    folder_change(&mask, NULL, "model.safetensors");
    folder_expect(OK, "", "a mask of rank 4");
    folder_sound(gpt2);
    folder_change(&rank, "transformer.", "model.safetensors");
    folder_expect(ERR_FORMAT, ": unexpected tensor h.0.attn.bias", "a mask of rank 3");
    folder_sound(gpt2);
    folder_change(&twice, "transformer.", "model.safetensors");
    folder_expect(ERR_FORMAT, ": tensor transformer.wpe.weight is missing",
                  "half of the names with a prefix");
}

Test(folder, generation_configs, .init = scratch_make, .fini = scratch_remove)
{
    static const struct {
        const char *text;
        Status status;
        const char *message;
    } rows[] = {
        {"{\"eos_token_id\":[4,5],\"temperature\":0.6}", OK, ""},
        {"{\"eos_token_id\":null}", OK, ""},
        {"{\"eos_token_id\":[4,5", ERR_FORMAT,
         "generation_config.json:1:20: not JSON: ']' expected near end of file"},
        {"[2]", ERR_FORMAT, "generation_config.json: not an object"},
        {"", ERR_FORMAT, "generation_config.json: empty, want JSON"},
        {"{\"eos_token_id\":11}", ERR_FORMAT,
         "generation_config.json: eos_token_id is 11, want a token id below vocab_size = 11"},
        {"{\"eos_token_id\":[1,\"</s>\"]}", ERR_FORMAT,
         "generation_config.json: eos_token_id is the text \"</s>\", want a token id below vocab_size = 11"},
        {"{\"eos_token_id\":[0,1,2,3,4,5,6,7,8]}", ERR_UNSUP,
         "generation_config.json: eos_token_id has more than 8 tokens"},
    };
    folder_sound(llama);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        folder_text("generation_config.json", rows[i].text);
        folder_expect(rows[i].status, rows[i].message, rows[i].text);
    }
    folder_text("generation_config.json", rows[0].text);
    Model *m = NULL;
    MUST(model_load(&m, scratch_dir, &e_));
    cr_expect(m->cfg.n_stop == 2 && m->cfg.stop[0] == 4 && m->cfg.stop[1] == 5);
    model_free(m);
}

/* Two shards, then one of them gone; then one that holds what the index puts into the other. */
Test(folder, shards, .init = scratch_make, .fini = scratch_remove)
{
    char path[64];
    Str index = {0};
    StFile *f = NULL;
    folder_sound(llama);
    folder_file(path, "model.safetensors");
    MUST(st_open(&f, path, &e_));
    str_puts(&index, "{\"metadata\":{},\"weight_map\":{");
    for (size_t i = 0; i < st_count(f); i++)
        str_printf(&index, "%s\"%s\":\"%s\"", i > 0 ? "," : "", st_at(f, i)->name,
                   strcmp(st_at(f, i)->name, "lm_head.weight") == 0 ? "b.safetensors" : "a.safetensors");
    str_puts(&index, "}}");
    st_close(f);
    folder_change(&(FolderCase){.drop = "lm_head.weight"}, NULL, "a.safetensors");
    cr_assert_eq(remove(path), 0);
    folder_text("model.safetensors.index.json", index.s);
    folder_expect(ERR_IO, "index.json: the folder has no file b.safetensors, which weight_map names",
                  "a shard is missing");
    folder_file(path, "b.safetensors");
    const StItem head = {"lm_head.weight", ST_F32, 2, {11, 8}, folder_zeros},
                 other = {"head", ST_F32, 2, {11, 8}, folder_zeros};
    MUST(st_save(path, &head, 1, &e_));
    folder_expect(OK, "", "both shards");
    MUST(st_save(path, &other, 1, &e_));
    Err e = {0};
    cr_expect_eq(folder_open(WEIGHTS_F32, &e), ERR_FORMAT);
    cr_expect_not_null(strstr(e.msg, "lm_head.weight"), "%s", e.msg);
    str_free(&index);
}
