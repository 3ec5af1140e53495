/* Models from GGUF files against the same models from elsewhere: every type, both ways to hold weights. */
#define _XOPEN_SOURCE 700 /* nftw */
#include <math.h>

#include "../../../src/model/arch.h"

#include "../damaged.h"
#include "gguf_model.h"

static const double gguf_tolerance = 1e-5;
enum { GGUF_IDS = 40 };

static const char *gguf_path(void)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/model.gguf", scratch_dir);
    return path;
}

static Model *gguf_must(ModelWeights how)
{
    Model *m = NULL;
    ModelOpts opts = {.weights = how};
    MUST(model_open(&m, gguf_path(), &opts, &e_));
    cr_assert_eq(m->stored, how == WEIGHTS_STORED);
    return m;
}

static Model *gguf_folder(const char *name)
{
    char dir[CASE_PATH];
    Model *m = NULL;
    case_path(dir, name, "");
    MUST(model_load(&m, dir, &e_));
    return m;
}

static double gguf_apart(const Model *a, const Model *b)
{
    int32_t *ids = tiny_ids(GGUF_IDS, a->cfg.n_vocab, 11);
    float *x = case_logits(a, ids, GGUF_IDS, NULL), *y = case_logits(b, ids, GGUF_IDS, NULL);
    double d = case_max_diff(x, y, GGUF_IDS * a->cfg.n_vocab);
    free(ids);
    free(x);
    free(y);
    return d;
}

/* The file, loaded both ways, gives the logits of m. */
static void gguf_same(const Model *m, const char *what)
{
    static const ModelWeights how[] = {WEIGHTS_F32, WEIGHTS_STORED};
    for (size_t i = 0; i < 2; i++) {
        Model *g = gguf_must(how[i]);
        double d = gguf_apart(g, m);
        cr_expect_lt(d, gguf_tolerance, "%s, %s: %g", what, i == 0 ? "float32" : "as stored", d);
        cr_expect_eq(g->n_params, m->n_params, "%s: %zu parameters", what, g->n_params);
        cr_expect_str_eq(model_type_name(&g->cfg), model_type_name(&m->cfg));
        model_free(g);
    }
}

/* What the llama3 rule divides the frequencies by, as a file's table. */
static void gguf_llama3_table(float *table, const Model *m)
{
    const ModelConfig *c = &m->cfg;
    for (size_t j = 0; j < c->head_dim / 2; j++) {
        double plain = pow(c->rope.theta, -2 * (double)j / (double)c->head_dim);
        table[j] = (float)(plain / m->freq[0][j]);
    }
}

Test(gguf_load, every_type_gives_the_logits_of_the_values_it_stores, .init = scratch_make,
     .fini = scratch_remove)
{
    static const GgufType types[] = {GGUF_F32, GGUF_F16, GGUF_BF16, GGUF_Q8_0, GGUF_Q4_0};
    float table[8];
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        Model *m = gguf_folder("llama_gqa"), *untouched = gguf_folder("llama_gqa");
        gguf_llama3_table(table, m);
        cr_assert(table[0] == 1 && table[7] > 7.9F, "some frequencies are divided");
        GgufWant want = {.kind = "llama", .type = types[i], .back = true, .freq = table};
        gguf_write_model(gguf_path(), m, &want);
        gguf_same(m, gguf_type_name(types[i]));
        double d = gguf_apart(m, untouched);
        cr_expect(types[i] == GGUF_F32 ? d == 0 : d > 1e-4, "%s rounds: %g", gguf_type_name(types[i]), d);
        model_free(m);
        model_free(untouched);
    }
}

Test(gguf_load, a_table_of_ones_changes_nothing_and_a_table_is_not_saved, .init = scratch_make,
     .fini = scratch_remove)
{
    static const float ones[4] = {1, 1, 1, 1}, twos[4] = {2, 2, 2, 2};
    ModelConfig c = tiny_config();
    Model *m = tiny_model(&c, 1);
    Err e = {0};
    gguf_write_model(gguf_path(), m, &(GgufWant){.kind = "llama", .freq = ones});
    gguf_same(m, "ones");
    gguf_write_model(gguf_path(), m, &(GgufWant){.kind = "llama", .freq = twos});
    Model *g = gguf_must(WEIGHTS_F32), *copy = NULL;
    MUST(model_copy(&copy, g, &e_));
    cr_expect_eq(gguf_apart(g, copy), 0, "a copy keeps the table");
    cr_expect_eq(model_save(g, scratch_dir, ST_F32, &e), ERR_UNSUP);
    cr_expect_not_null(strstr(e.msg, ": frequencies from a GGUF file's table cannot be saved"), "%s", e.msg);
    c.rope = (ModelRope){.kind = ROPE_LINEAR, .theta = 10000, .factor = 2};
    Model *linear = tiny_model(&c, 1);
    cr_expect_lt(gguf_apart(g, linear), gguf_tolerance, "all halved is linear scaling");
    cr_expect_gt(gguf_apart(m, linear), 1e-3);
    model_free(g);
    model_free(copy);
    model_free(linear);
    model_free(m);
}

/* llama_tied has a tied head and linear positions. Without a type a factor counts, too, and under its old
 * name. */
Test(gguf_load, linear_scaling_in_all_its_spellings, .init = scratch_make, .fini = scratch_remove)
{
    Model *m = gguf_folder("llama_tied");
    cr_assert(m->cfg.tied && m->cfg.rope.kind == ROPE_LINEAR);
    double f = m->cfg.rope.factor;
    const GgufWant want[] = {{.kind = "llama",
                              .set = {{"llama.rope.scaling.type", "linear", 0, false},
                                      {"llama.rope.scaling.factor", NULL, f, true}}},
                             {.kind = "llama", .set = {{"llama.rope.scaling.factor", NULL, f, true}}},
                             {.kind = "llama", .set = {{"llama.rope.scale_linear", NULL, f, true}}}};
    for (size_t i = 0; i < 3; i++) {
        gguf_write_model(gguf_path(), m, &want[i]);
        gguf_same(m, "linear");
    }
    const GgufWant none = {
        .kind = "llama",
        .set = {{"llama.rope.scaling.type", "none", 0, false}, {"llama.rope.scaling.factor", NULL, f, true}}};
    gguf_write_model(gguf_path(), m, &none);
    Model *g = gguf_must(WEIGHTS_F32);
    cr_expect_eq(g->cfg.rope.kind, ROPE_PLAIN);
    model_free(g);
    model_free(m);
}

static Model *gguf_kind(const char *type)
{
    ModelConfig c = tiny_config();
    c.arch = arch_find(type);
    c.bias_qkv = strcmp(type, "qwen2") == 0;
    c.qk_norm = strcmp(type, "qwen3") == 0;
    if (c.qk_norm) c.head_dim = 16; /* not hidden / heads */
    c.rope_local = c.rope;
    Model *m = tiny_model(&c, 4);
    Rng rng = rng_stream(1, "biases and norms", 0);
    for (size_t l = 0; l < c.n_layers; l++) {
        ModelLayer *y = &m->p.layer[l];
        for (size_t i = 0; c.bias_qkv && i < y->qkv.n_out; i++) y->qkv.bias[i] = (float)rng_normal(&rng);
        for (size_t i = 0; c.qk_norm && i < c.head_dim; i++) {
            y->q_norm[i] = 1 + 0.5F * (float)rng_normal(&rng);
            y->k_norm[i] = 1 + 0.5F * (float)rng_normal(&rng);
        }
    }
    return m;
}

Test(gguf_load, qwen2_and_qwen3_keep_their_rows, .init = scratch_make, .fini = scratch_remove)
{
    static const char *const kinds[] = {"qwen2", "qwen3"};
    static const GgufType types[] = {GGUF_F32, GGUF_BF16};
    for (size_t i = 0; i < 4; i++) {
        Model *m = gguf_kind(kinds[i / 2]);
        gguf_write_model(gguf_path(), m,
                         &(GgufWant){.kind = kinds[i / 2], .type = types[i % 2], .back = true});
        gguf_same(m, kinds[i / 2]);
        model_free(m);
    }
}

Test(gguf_load, tokens_and_keys_that_are_passed_over, .init = scratch_make, .fini = scratch_remove)
{
    ModelConfig c = tiny_config();
    Model *m = tiny_model(&c, 1), *g = NULL;
    GgufWant want = {.kind = "llama",
                     .set = {{"tokenizer.ggml.bos_token_id", NULL, 1, false},
                             {"tokenizer.ggml.eos_token_id", NULL, 60, false},
                             {"llama.expert_count", NULL, 8, false}}};
    gguf_write_model(gguf_path(), m, &want);
    MUST(model_open(&g, gguf_path(), &(ModelOpts){.unknown_keys = true}, &e_));
    cr_expect(g->cfg.bos == 1 && g->cfg.eos == 60 && g->cfg.n_stop == 1 && g->cfg.stop[0] == 60);
    cr_expect_str_eq(g->ignored, "general.architecture general.name tokenizer.ggml.bos_token_id "
                                 "tokenizer.ggml.eos_token_id llama.expert_count");
    model_free(g);
    gguf_write_model(gguf_path(), m, &(GgufWant){.kind = "llama"});
    g = gguf_must(WEIGHTS_STORED);
    cr_expect(g->cfg.bos == -1 && g->cfg.eos == -1 && g->cfg.n_stop == 0);
    model_free(g);
    model_free(m);
}

/* ---- refusals ---- */

typedef struct {
    GgufWant want;
    Status status;
    const char *message; /* all of it, behind the path */
} GgufRefusal;

#define SET(key, text, num)                                 \
    {                                                       \
        .kind = "llama", .set = { {key, text, num, false} } \
    }
#define REAL(key, num)                                     \
    {                                                      \
        .kind = "llama", .set = { {key, NULL, num, true} } \
    }

static const float freq_bad[4] = {1, 0, 1, 1}, freq_endless[4] = {1, 1, INFINITY, 1};

static const GgufRefusal gguf_refusals[] = {
    {SET("general.architecture", "mamba", 0), ERR_UNSUP,
     ": general.architecture = mamba, want llama, qwen2 or qwen3"},
    {SET("general.architecture", NULL, 3), ERR_FORMAT, ": general.architecture is 3, want a text"},
    {{.kind = "llama", .drop_key = "general.architecture"},
     ERR_FORMAT,
     ": general.architecture is missing, want a text"},
    {SET("llama.expert_count", NULL, 8), ERR_UNSUP,
     ": the key llama.expert_count (8) is not implemented and may change the numbers"},
    {SET("llama.attention.sliding_window", NULL, 4096), ERR_UNSUP,
     ": the key llama.attention.sliding_window (4096) is not implemented and may change the numbers"},
    {SET("llama.rope.scaling.type", "yarn", 0), ERR_UNSUP,
     ": rope.scaling.type 'yarn' is not implemented, want none or linear"},
    {SET("llama.rope.scaling.type", NULL, 1), ERR_FORMAT, ": llama.rope.scaling.type is 1, want a text"},
    {REAL("llama.rope.scaling.factor", 0.5), ERR_ARG, ": rope factor = 0.5, want at least 1"},
    {REAL("llama.rope.scaling.factor", NAN), ERR_ARG, ": rope factor = nan, want at least 1"},
    {REAL("llama.rope.scaling.factor", INFINITY), ERR_ARG, ": rope factor = inf, want at least 1"},
    {REAL("llama.rope.freq_base", NAN), ERR_ARG, ": rope_theta = nan, want above 0"},
    {REAL("llama.rope.freq_base", 0), ERR_ARG, ": rope_theta = 0, want above 0"},
    {REAL("llama.attention.layer_norm_rms_epsilon", 0), ERR_ARG, ": the norms' eps = 0, want (0, 1)"},
    {REAL("llama.attention.layer_norm_rms_epsilon", NAN), ERR_ARG, ": the norms' eps = nan, want (0, 1)"},
    {{.kind = "llama", .drop_key = "llama.attention.layer_norm_rms_epsilon"},
     ERR_FORMAT,
     ": llama.attention.layer_norm_rms_epsilon is missing, want a number"},
    {{.kind = "llama", .drop_key = "llama.context_length"},
     ERR_FORMAT,
     ": llama.context_length is missing, want a whole number >= 0"},
    {{.kind = "llama", .drop_key = "llama.embedding_length"},
     ERR_FORMAT,
     ": llama.embedding_length is missing, want a whole number >= 0"},
    {{.kind = "llama", .drop_key = "llama.feed_forward_length"},
     ERR_FORMAT,
     ": llama.feed_forward_length is missing, want a whole number >= 0"},
    {SET("llama.embedding_length", NULL, 33), ERR_SHAPE,
     ": embedding_length = 33 is not a multiple of head_count = 4"},
    {SET("llama.embedding_length", "32", 0), ERR_FORMAT,
     ": llama.embedding_length is the text \"32\", want a whole number >= 0"},
    {SET("llama.embedding_length", NULL, 4294967292.0), ERR_UNSUP,
     ": 8 of 1073741823 entries of a head are rotated: not implemented"},
    {SET("llama.attention.head_count", NULL, 0), ERR_SHAPE,
     ": embedding_length = 32 is not a multiple of head_count = 0"},
    {SET("llama.attention.head_count_kv", NULL, 0), ERR_SHAPE,
     ": num_key_value_heads = 0, want 1 to 16777216"},
    {SET("llama.attention.head_count_kv", NULL, 3), ERR_SHAPE, ": 3 key/value heads do not divide 4 heads"},
    {SET("llama.attention.head_count_kv", NULL, 4), ERR_SHAPE,
     ": blk.0.attn_k.weight has shape [16, 32], want [32, 32]"},
    {SET("llama.attention.key_length", NULL, 7), ERR_UNSUP,
     ": 8 of 7 entries of a head are rotated: not implemented"},
    {SET("llama.attention.value_length", NULL, 16), ERR_UNSUP,
     ": key_length = 8 and value_length = 16 differ: not implemented"},
    {SET("llama.rope.dimension_count", NULL, 4), ERR_UNSUP,
     ": 4 of 8 entries of a head are rotated: not implemented"},
    {SET("llama.block_count", NULL, 0), ERR_SHAPE, ": num_hidden_layers = 0, want 1 to 512"},
    {SET("llama.block_count", NULL, 4294967295.0), ERR_SHAPE,
     ": num_hidden_layers = 4294967295, want 1 to 512"},
    {SET("llama.block_count", NULL, 500), ERR_FORMAT, ": 20 tensors, too few for block_count = 500"},
    {SET("llama.block_count", NULL, 3), ERR_FORMAT, ": tensor blk.2.attn_norm.weight is missing"},
    {SET("llama.block_count", NULL, 1), ERR_FORMAT, ": unexpected tensor blk.1.attn_norm.weight"},
    {SET("llama.feed_forward_length", NULL, 40), ERR_SHAPE,
     ": blk.0.ffn_gate.weight has shape [48, 32], want [40, 32]"},
    {SET("llama.vocab_size", NULL, 62), ERR_SHAPE, ": token_embd.weight has shape [61, 32], want [62, 32]"},
    {SET("llama.context_length", NULL, 0), ERR_SHAPE, ": max_position_embeddings = 0, want 1 to 16777216"},
    {SET("tokenizer.ggml.bos_token_id", NULL, 61), ERR_FORMAT,
     ": tokenizer.ggml.bos_token_id is 61, want a token id below 61"},
    {SET("tokenizer.ggml.eos_token_id", NULL, 4294967295.0), ERR_FORMAT,
     ": tokenizer.ggml.eos_token_id is 4294967295, want a token id below 61"},
    {SET("tokenizer.ggml.eos_token_id", "end", 0), ERR_FORMAT,
     ": tokenizer.ggml.eos_token_id is the text \"end\", want a whole number >= 0"},
    {{.kind = "llama", .drop_tensor = "token_embd.weight"},
     ERR_FORMAT,
     ": tensor token_embd.weight is missing"},
    {{.kind = "llama", .drop_tensor = "blk.1.attn_k.weight"},
     ERR_FORMAT,
     ": tensor blk.1.attn_k.weight is missing"},
    {{.kind = "llama", .drop_tensor = "output_norm.weight"},
     ERR_FORMAT,
     ": tensor output_norm.weight is missing"},
    {{.kind = "llama", .add_tensor = "blk.0.attn_q.bias"},
     ERR_FORMAT,
     ": unexpected tensor blk.0.attn_q.bias"},
    {{.kind = "llama", .add_tensor = "blk.0.ffn_gate_inp.weight"},
     ERR_FORMAT,
     ": unexpected tensor blk.0.ffn_gate_inp.weight"},
    {{.kind = "llama", .short_tensor = "blk.0.attn_q.weight"},
     ERR_SHAPE,
     ": blk.0.attn_q.weight has shape [31, 32], want [32, 32]"},
    {{.kind = "llama", .short_tensor = "output_norm.weight"},
     ERR_SHAPE,
     ": output_norm.weight has shape [31], want [32]"},
    {{.kind = "qwen2"}, ERR_FORMAT, ": tensor blk.0.attn_q.bias is missing"},
    {{.kind = "qwen3"}, ERR_FORMAT, ": tensor blk.0.attn_q_norm.weight is missing"},
    {{.kind = "llama", .freq = freq_bad, .n_freq = 3},
     ERR_SHAPE,
     ": rope_freqs.weight holds 3 values, want 4"},
    {{.kind = "llama", .freq = freq_bad}, ERR_NUM, ": rope_freqs.weight holds 0 at index 1, want above 0"},
    {{.kind = "llama", .freq = freq_endless},
     ERR_NUM,
     ": rope_freqs.weight holds inf at index 2, want above 0"},
};

static Status gguf_try(const GgufWant *want, Model *m, ModelWeights how, Err *e)
{
    Model *g = NULL;
    gguf_write_model(gguf_path(), m, want);
    Status s = model_open(&g, gguf_path(), &(ModelOpts){.weights = how}, e);
    cr_expect_eq(g != NULL, s == OK);
    model_free(g);
    return s;
}

Test(gguf_load, what_cannot_be_honoured_is_refused_by_name, .init = scratch_make, .fini = scratch_remove)
{
    static const ModelWeights how[] = {WEIGHTS_F32, WEIGHTS_STORED};
    ModelConfig c = tiny_config();
    Model *m = tiny_model(&c, 1);
    size_t n = strlen(gguf_path());
    for (size_t i = 0; i < sizeof gguf_refusals / sizeof gguf_refusals[0]; i++) {
        const GgufRefusal *t = &gguf_refusals[i];
        for (size_t k = 0; k < 2; k++) {
            Err e = {0};
            Status s = gguf_try(&t->want, m, how[k], &e);
            cr_expect_eq(s, t->status, "%zu: %s: %s", i, err_name(s), e.msg);
            bool same = strncmp(e.msg, gguf_path(), n) == 0 && strcmp(e.msg + n, t->message) == 0;
            cr_expect(same, "%zu: %s, want ...%s", i, e.msg, t->message);
        }
    }
    model_free(m);
}

/* Values that are no numbers are found when weights are widened; a type that is not read when the file is
 * opened. */
Test(gguf_load, values_and_types_that_cannot_be_read, .init = scratch_make, .fini = scratch_remove)
{
    ModelConfig c = tiny_config();
    Model *m = tiny_model(&c, 1);
    Err e = {0};
    m->p.layer[1].down.w[5] = NAN;
    cr_expect_eq(gguf_try(&(GgufWant){.kind = "llama", .type = GGUF_F16}, m, WEIGHTS_F32, &e), ERR_NUM);
    cr_expect_not_null(
        strstr(e.msg, ".gguf: blk.1.ffn_down.weight holds a value that is not finite at index 5"), "%s",
        e.msg);
    e = (Err){0};
    cr_expect_eq(gguf_try(&(GgufWant){.kind = "llama", .type = GGUF_F16}, m, WEIGHTS_STORED, &e), OK, "%s",
                 e.msg);
    cr_expect_eq(gguf_try(&(GgufWant){.kind = "llama", .type = (GgufType)14}, m, WEIGHTS_F32, &e), ERR_UNSUP);
    cr_expect_not_null(strstr(e.msg, "Q6_K"), "%s", e.msg);
    e = (Err){0};
    m->p.norm[0] = INFINITY;
    cr_expect_eq(gguf_try(&(GgufWant){.kind = "llama"}, m, WEIGHTS_STORED, &e), ERR_NUM,
                 "norms are always widened");
    cr_expect_not_null(strstr(e.msg, "output_norm.weight holds a value that is not finite at index 0"), "%s",
                       e.msg);
    model_free(m);
}

Test(gguf_load, files_that_are_no_models, .init = scratch_make, .fini = scratch_remove)
{
    Model *m = NULL;
    Err e = {0};
    cr_expect_eq(model_open(&m, "no/such/file.gguf", NULL, &e), ERR_IO);
    cr_expect_not_null(strstr(e.msg, "no/such/file.gguf"), "%s", e.msg);
    e = (Err){0};
    MUST(file_write(gguf_path(), "GGML", 4, &e_));
    cr_expect_neq(model_open(&m, gguf_path(), NULL, &e), OK);
    cr_expect_null(m);
    cr_expect_not_null(strstr(e.msg, "model.gguf: "), "%s", e.msg);
}
