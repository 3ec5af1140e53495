/* Model folders: damaged ones are named and refused, sound ones come back as they were saved. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "../damaged.h"

#include "prime/model.h"

#include <math.h>
#include <stdint.h>

static Status hf_try(void *ctx, const char *dir, Err *e)
{
    (void)ctx;
    Model *m = NULL;
    Status s = model_load(&m, dir, e);
    cr_expect_eq(m != NULL, s == OK);
    model_free(m);
    return s;
}

static Model *hf_must(const char *dir)
{
    Model *m = NULL;
    Err e = {0};
    cr_assert_eq(model_load(&m, dir, &e), OK, "%s", e.msg);
    return m;
}

Test(hf, every_damaged_folder_is_refused_by_name)
{
    damaged_each("model", hf_try, NULL);
}

typedef struct {
    const char *key, *value;
    Status status;
    const char *message;
} HfKey;

/* Keys that would change the numbers, and values that cannot be. */
static const HfKey hf_keys[] = {
    {"attention_bias", "true", ERR_FORMAT, "tensor model.layers.0.self_attn.q_proj.bias is missing"},
    {"attention_bias", "\"yes\"", ERR_FORMAT, "attention_bias is the text \"yes\", want true or false"},
    {"mlp_bias", "true", ERR_FORMAT, "tensor model.layers.0.mlp.gate_proj.bias is missing"},
    {"use_sliding_window", "true", ERR_UNSUP, "the key use_sliding_window (true) is not implemented"},
    {"sliding_window", "128", ERR_UNSUP, "the key sliding_window (128) is not implemented"},
    {"quantization_config", "{\"bits\":4}", ERR_UNSUP,
     "the key quantization_config (an object with 1 keys) is not implemented"},
    {"partial_rotary_factor", "0.5", ERR_UNSUP, "the key partial_rotary_factor (0.5) is not implemented"},
    {"final_logit_softcapping", "30", ERR_UNSUP, "the key final_logit_softcapping (30) is not implemented"},
    {"attn_logit_softcapping", "50", ERR_UNSUP, "the key attn_logit_softcapping (50) is not implemented"},
    {"model_type", "null", ERR_UNSUP, "model_type = (none), want one of llama, mistral, "},
    {"tie_word_embeddings", "1", ERR_FORMAT, "tie_word_embeddings is 1, want true or false"},
    {"vocab_size", "0", ERR_SHAPE, "vocab_size = 0, want 1 to"},
    {"vocab_size", "11.5", ERR_FORMAT, "vocab_size is 11.5, want a whole number"},
    {"num_hidden_layers", "99999", ERR_SHAPE, "num_hidden_layers = 99999, want 1 to 512"},
    {"num_hidden_layers", "500", ERR_FORMAT, "12 tensors, too few for num_hidden_layers = 500"},
    {"head_dim", "3", ERR_SHAPE, "3 entries of a head are rotated, want an even number"},
    {"head_dim", "16777216", ERR_SHAPE, "heads * head_dim = 33554432, want at most"},
    {"intermediate_size", "16777216", ERR_SHAPE, "has shape [12, 8], want [16777216, 8]"},
    {"max_position_embeddings", "-4", ERR_FORMAT, "max_position_embeddings is -4"},
    {"rms_norm_eps", "0", ERR_ARG, "the norms' eps = 0, want (0, 1)"},
    {"rms_norm_eps", "\"small\"", ERR_FORMAT, "rms_norm_eps is the text \"small\""},
    {"rope_theta", "-1", ERR_ARG, "rope_theta = -1, want above 0"},
    {"rope_scaling", "{\"factor\":2}", ERR_FORMAT, "rope_scaling has no rope_type"},
    {"rope_scaling", "{\"type\":\"linear\"}", ERR_FORMAT, "factor is missing"},
    {"rope_scaling", "{\"type\":\"linear\",\"factor\":0.5}", ERR_ARG, "rope factor = 0.5, want at least 1"},
    {"rope_scaling",
     "{\"rope_type\":\"llama3\",\"factor\":2,\"low_freq_factor\":4,\"high_freq_factor\":1,"
     "\"original_max_position_embeddings\":8}",
     ERR_ARG, "low_freq_factor = 4 and high_freq_factor = 1"},
    {"rope_scaling",
     "{\"rope_type\":\"llama3\",\"factor\":2,\"low_freq_factor\":1,\"high_freq_factor\":4,"
     "\"original_max_position_embeddings\":0}",
     ERR_ARG, "original_max_position_embeddings = 0, want above 0"},
    {"bos_token_id", "11", ERR_FORMAT, "bos_token_id is 11, want a token id below vocab_size = 11"},
    {"eos_token_id", "[\"end\"]", ERR_FORMAT, "eos_token_id is the text \"end\", want a token id"},
};

Test(hf, keys_that_would_change_the_numbers_are_refused, .init = scratch_make, .fini = scratch_remove)
{
    char tiny[DAMAGED_PATH];
    damaged_source(tiny, "malformed/model/valid_tiny");
    scratch_copy(tiny, "model.safetensors");
    for (size_t i = 0; i < sizeof hf_keys / sizeof hf_keys[0]; i++) {
        const HfKey *k = &hf_keys[i];
        Err e = {0};
        scratch_json(tiny, "config.json", k->key, k->value);
        cr_expect_eq(hf_try(NULL, scratch_dir, &e), k->status, "%s = %s: %s", k->key, k->value, e.msg);
        cr_expect_not_null(strstr(e.msg, k->message), "%s = %s: %s", k->key, k->value, e.msg);
    }
    Err e = {0};
    scratch_json(tiny, "config.json", "eos_token_id", "[3, 4]");
    Model *m = hf_must(scratch_dir);
    cr_expect_eq(m->cfg.eos, 3, "the first of several end tokens");
    model_free(m);
    scratch_json(tiny, "config.json", "tie_word_embeddings", "true");
    cr_expect_eq(hf_try(NULL, scratch_dir, &e), OK, "a tied head may be stored again: %s", e.msg);
}

Test(hf, missing_files_and_leftover_tensors_are_named, .init = scratch_make, .fini = scratch_remove)
{
    char tiny[DAMAGED_PATH];
    damaged_source(tiny, "malformed/model/valid_tiny");
    Err e = {0};
    cr_expect_eq(hf_try(NULL, "no/such/folder", &e), ERR_IO);
    cr_expect_not_null(strstr(e.msg, "no/such/folder/config.json: cannot open"), "%s", e.msg);
    scratch_copy(tiny, "config.json");
    e = (Err){0};
    cr_expect_eq(hf_try(NULL, scratch_dir, &e), ERR_IO);
    cr_expect_not_null(strstr(e.msg, ": no weights: want model.safetensors or its index"), "%s", e.msg);

    damaged_source(tiny, "models/llama_gqa"); /* two layers in the file, one in the config */
    scratch_copy(tiny, "model.safetensors");
    scratch_json(tiny, "config.json", "num_hidden_layers", "1");
    e = (Err){0};
    cr_expect_eq(hf_try(NULL, scratch_dir, &e), ERR_FORMAT);
    cr_expect_not_null(strstr(e.msg, "model.safetensors: unexpected tensor model.layers.1."), "%s", e.msg);
}

/* A weight that is not finite: set behind the writer's back, which refuses to write one. */
Test(hf, weights_that_are_not_finite_are_refused_both_ways, .init = scratch_make, .fini = scratch_remove)
{
    char tiny[DAMAGED_PATH], path[64], *data = NULL;
    size_t n = 0;
    Err e = {0};
    damaged_source(tiny, "malformed/model/valid_tiny");
    scratch_copy(tiny, "config.json");
    scratch_copy(tiny, "model.safetensors");
    snprintf(path, sizeof path, "%s/model.safetensors", scratch_dir);
    cr_assert_eq(file_read(&data, &n, path, &e), OK, "%s", e.msg);
    memcpy(data + n - 4, "\x00\x00\x80\x7f", 4); /* infinity, little-endian */
    cr_assert_eq(file_write(path, data, n, &e), OK, "%s", e.msg);
    free(data);
    cr_expect_eq(hf_try(NULL, scratch_dir, &e), ERR_NUM);
    cr_expect_not_null(strstr(e.msg, "holds a value that is not finite at index"), "%s", e.msg);

    Model *m = hf_must(tiny);
    m->p.layer[0].o.w[3] = NAN;
    e = (Err){0};
    cr_expect_eq(model_save(m, scratch_dir, ST_BF16, &e), ERR_NUM);
    cr_expect_not_null(strstr(e.msg, "self_attn.o_proj.weight"), "%s", e.msg);
    m->p.layer[0].o.w[3] = 1e6F; /* beyond float16 */
    e = (Err){0};
    cr_expect_eq(model_save(m, scratch_dir, ST_F16, &e), ERR_NUM, "%s", e.msg);
    model_free(m);
}

static float hf_rounded(float x, StType type)
{
    return type == ST_BF16  ? st_bf16_to_f32(st_f32_to_bf16(x))
           : type == ST_F16 ? st_f16_to_f32(st_f32_to_f16(x))
                            : x;
}

static void hf_same_config(const ModelConfig *a, const ModelConfig *b)
{
    cr_expect_eq(a->n_vocab, b->n_vocab);
    cr_expect_eq(a->n_hidden, b->n_hidden);
    cr_expect_eq(a->n_layers, b->n_layers);
    cr_expect_eq(a->n_heads, b->n_heads);
    cr_expect_eq(a->n_kv, b->n_kv);
    cr_expect_eq(a->head_dim, b->head_dim);
    cr_expect_eq(a->n_ffn, b->n_ffn);
    cr_expect_eq(a->max_len, b->max_len);
    cr_expect_eq(a->norm_eps, b->norm_eps);
    cr_expect_eq(a->rope.theta, b->rope.theta);
    cr_expect_eq(a->rope.kind, b->rope.kind);
    cr_expect_eq(a->rope.factor, b->rope.factor);
    cr_expect_eq(a->rope.low, b->rope.low);
    cr_expect_eq(a->rope.high, b->rope.high);
    cr_expect_eq(a->rope.old_len, b->rope.old_len);
    cr_expect_eq(a->rope.gain, b->rope.gain);
    cr_expect_eq(a->rotary_dim, b->rotary_dim);
    cr_expect_eq(a->window, b->window);
    cr_expect_arr_eq(a->local, b->local, sizeof a->local);
    cr_expect_eq(a->tied, b->tied);
    cr_expect_eq(a->bos, b->bos);
    cr_expect_eq(a->eos, b->eos);
}

static void hf_round_trip(const char *name, StType type)
{
    char dir[DAMAGED_PATH];
    Err e = {0};
    Model *m = hf_must(damaged_source(dir, name));
    cr_assert_eq(model_save(m, scratch_dir, type, &e), OK, "%s", e.msg);
    Model *again = hf_must(scratch_dir);
    hf_same_config(&m->cfg, &again->cfg);
    cr_assert_eq(m->p.n, again->p.n);
    for (size_t i = 0; i < m->p.n; i++)
        cr_assert_eq(again->p.data[i], hf_rounded(m->p.data[i], type), "%s as %s: weight %zu", name,
                     st_type_name(type), i);
    cr_assert_eq(m->freq[0] == NULL, again->freq[0] == NULL);
    if (m->freq[0] != NULL)
        cr_assert_arr_eq(m->freq[0], again->freq[0], m->cfg.head_dim / 2 * sizeof *m->freq[0]);
    model_free(m);
    model_free(again);
}

Test(hf, a_saved_model_comes_back_as_it_was_but_for_the_rounding, .init = scratch_make,
     .fini = scratch_remove)
{
    static const StType types[] = {ST_F32, ST_BF16, ST_F16};
    for (size_t i = 0; i < 3; i++) {
        hf_round_trip("models/llama_gqa", types[i]);  /* llama3 positions, own head */
        hf_round_trip("models/llama_tied", types[i]); /* linear positions, tied head */
        hf_round_trip("malformed/model/valid_tiny", types[i]);
    }
}

Test(hf, a_folder_that_cannot_be_made_fails_by_name)
{
    char tiny[DAMAGED_PATH];
    Err e = {0};
    Model *m = hf_must(damaged_source(tiny, "malformed/model/valid_tiny"));
    cr_expect_eq(model_save(m, "/dev/null/model", ST_F32, &e), ERR_IO);
    cr_expect_not_null(strstr(e.msg, "/dev/null"), "%s", e.msg);
    model_free(m);
}

/* One file is named by its own hash, several by all of theirs. */
Test(hf, a_model_is_named_by_its_weights, .init = scratch_make, .fini = scratch_remove)
{
    char dir[DAMAGED_PATH], one[HASH_HEX], file[HASH_HEX], path[DAMAGED_PATH + 32];
    Err e = {0};
    damaged_source(dir, "models/gpt2");
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    cr_assert_eq(model_hash(one, dir, &e), OK, "%s", e.msg);
    cr_assert_eq(hash_file(file, path, &e), OK, "%s", e.msg);
    cr_expect_str_eq(one, file);
    cr_assert_eq(model_hash(file, path, &e), OK, "%s", e.msg);
    cr_expect_str_eq(one, file);
    cr_expect_eq(model_hash(one, scratch_dir, &e), ERR_IO);
}
