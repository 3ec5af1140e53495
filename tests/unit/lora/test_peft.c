/* Adapter folders, and the laws of adapters: norm, bank, weights 1 and 0. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "../damaged.h"

#include "prime/merge.h"
#include "prime/st.h"

#include <math.h>

/* The sites of fixtures/models/llama_gqa. */
static LoraShape peft_shape = {
    .n_layers = 2, .n_in = {0, 64, 64, 64, 64, 0, 64, 64, 96}, .n_out = {0, 64, 32, 32, 64, 0, 96, 96, 64}};

static void peft_names(void)
{
    peft_shape.names = lora_names("llama");
}

TestSuite(peft, .init = peft_names);

static Status peft_try(void *ctx, const char *dir, Err *e)
{
    Lora *l = NULL;
    Status s = lora_load(&l, dir, ctx != NULL ? ctx : &peft_shape, e);
    cr_expect_eq(l != NULL, s == OK);
    lora_free(l);
    return s;
}

static Lora *peft_must(const char *dir)
{
    Lora *l = NULL;
    Err e = {0};
    cr_assert_eq(lora_load(&l, dir, &peft_shape, &e), OK, "%s", e.msg);
    return l;
}

static Lora *peft_fixture(const char *name)
{
    char file[128], dir[DAMAGED_PATH];
    snprintf(file, sizeof file, "models/llama_gqa/adapters/%s", name);
    return peft_must(damaged_source(dir, file));
}

Test(peft, every_damaged_folder_is_refused_by_name)
{
    damaged_each("adapter", peft_try, NULL);
}

typedef struct {
    const char *key, *value;
    Status status;
    const char *message;
} PeftKey;

static const PeftKey peft_keys[] = {
    {"use_dora", "true", ERR_UNSUP,
     "use_dora is set and is not implemented: magnitudes apart from directions, DoRA"},
    {"lora_bias", "true", ERR_UNSUP, "lora_bias is set and is not implemented: a bias beside B"},
    {"modules_to_save", "[\"lm_head\"]", ERR_UNSUP,
     "modules_to_save is set and is not implemented: whole modules that are replaced cannot be weighted"},
    {"use_qalora", "true", ERR_UNSUP, "use_qalora is set and is not implemented: inputs pooled in groups"},
    {"layer_replication", "[[0, 1]]", ERR_UNSUP,
     "layer_replication is set and is not implemented: another stack"},
    {"trainable_token_indices", "[1]", ERR_UNSUP,
     "trainable_token_indices is set and is not implemented: rows of the"},
    {"target_parameters", "[\"x\"]", ERR_UNSUP,
     "target_parameters is set and is not implemented: updates of bare"},
    {"megatron_config", "{\"a\":1}", ERR_UNSUP,
     "megatron_config is set and is not implemented: modules of another"},
    {"loftq_config", "{\"a\":1}", ERR_UNSUP,
     "loftq_config is set and is not implemented: the base weights were"},
    {"eva_config", "{\"a\":1}", ERR_UNSUP,
     "eva_config is set and is not implemented: an initialisation from data"},
    {"corda_config", "{\"a\":1}", ERR_UNSUP,
     "corda_config is set and is not implemented: the base weights were"},
    {"lora_ga_config", "{\"a\":1}", ERR_UNSUP,
     "lora_ga_config is set and is not implemented: the base weights were"},
    {"alora_invocation_tokens", "[5]", ERR_UNSUP,
     "alora_invocation_tokens is set and is not implemented: updates from"},
    {"arrow_config", "{\"a\":1}", ERR_UNSUP,
     "arrow_config is set and is not implemented: routing between adapters"},
    {"use_bdlora", "{\"a\":1}", ERR_UNSUP,
     "use_bdlora is set and is not implemented: block-diagonal factors"},
    {"velora_config", "{\"a\":1}", ERR_UNSUP,
     "velora_config is set and is not implemented: another form of training"},
    {"monteclora_config", "{\"a\":1}", ERR_UNSUP, "monteclora_config is set and is not implemented: factors"},
    {"enable_lora", "[true]", ERR_UNSUP, "enable_lora is set and is not implemented: parts of fused modules"},
    {"use_dorra", "true", ERR_UNSUP,
     "the key 'use_dorra' is true, and what it does to the numbers is not known; did you mean use_dora"},
    {"zzz", "0", ERR_UNSUP, "the key 'zzz' is 0, and what it does to the numbers is not known"},
    {"bias", "\"some\"", ERR_FORMAT, "bias is the text \"some\", want none, all or lora_only"},
    {"bias", "true", ERR_FORMAT, "bias is true, want none, all or lora_only"},
    {"init_lora_weights", "\"pissa\"", ERR_UNSUP,
     "init_lora_weights = pissa is not known to leave the base weights as they are"},
    {"init_lora_weights", "\"olora\"", ERR_UNSUP, "init_lora_weights = olora is not known"},
    {"init_lora_weights", "3", ERR_FORMAT, "init_lora_weights is 3, want true, false or a name"},
    {"use_rslora", "\"yes\"", ERR_FORMAT, "use_rslora is the text \"yes\", want true or false"},
    {"lora_dropout", "1", ERR_FORMAT, "lora_dropout is 1, want [0, 1)"},
    {"lora_dropout", "\"none\"", ERR_FORMAT, "lora_dropout is the text \"none\", want [0, 1)"},
    {"r", "2.5", ERR_FORMAT, "r = 2.5, want a whole number from 1 to 65536"},
    {"r", "1e30", ERR_FORMAT, "want a whole number from 1 to 65536"},
    {"lora_alpha", "1e300", ERR_NUM, "lora_alpha = 1e+300 and r = 4 give a scale beyond a float"},
    {"rank_pattern", "{\"q_proj\":2.5}", ERR_FORMAT,
     "rank_pattern gives 'q_proj' 2.5, want a whole number from 1 to"},
    {"rank_pattern", "{\"q_proj\":0}", ERR_FORMAT,
     "rank_pattern gives 'q_proj' 0, want a whole number from 1 to"},
    {"rank_pattern", "{\"q_proj\":\"four\"}", ERR_FORMAT,
     "rank_pattern gives 'q_proj' the text \"four\", want a whole"},
    {"rank_pattern", "[4]", ERR_FORMAT, "rank_pattern is an array of 1, want an object"},
    {"rank_pattern", "{\"q_(\":4}", ERR_FORMAT,
     "rank_pattern: the expression '(.*\\.)?(q_()$': missing closing"},
    {"rank_pattern", "{\"q_\\\\x70\":4}", ERR_UNSUP,
     "rank_pattern: the expression '(.*\\.)?(q_\\x70)$': '\\x' at byte"},
    {"rank_pattern", "{\"q_proj\":6}", ERR_SHAPE, "has shape [4, 64], want [6, 64]"},
    {"rank_pattern", "{\"(q|z)_proj\":6}", ERR_SHAPE, "has shape [4, 64], want [6, 64]"},
    {"rank_pattern", "{\"([a-z_.0-9]+)+l_\":6}", ERR_UNSUP, "adapter_config.json: the expression "},
    {"alpha_pattern", "{\"q_proj\":\"x\"}", ERR_FORMAT,
     "alpha_pattern gives 'q_proj' the text \"x\", want a number"},
    {"target_modules", "[\"q_proj\"]", ERR_FORMAT,
     "adapter_config.json does not target model.layers.0.self_attn.v_proj: PEFT would leave it out"},
    {"target_modules", "[]", ERR_FORMAT,
     "does not target model.layers.0.self_attn.q_proj: PEFT would leave it out"},
    {"target_modules", "\"model.*q_proj\"", ERR_FORMAT, "does not target model.layers.0.self_attn.v_proj"},
    {"target_modules", "7", ERR_FORMAT, "target_modules is 7, want a list of names or a text"},
    {"target_modules", "[7]", ERR_FORMAT, "target_modules holds 7, want names"},
    {"target_modules", "\"(\"", ERR_FORMAT,
     "target_modules: the expression '(': missing closing parenthesis"},
    {"exclude_modules", "[\"v_proj\"]", ERR_FORMAT, "does not target model.layers.0.self_attn.v_proj"},
    {"exclude_modules", "\".*v_proj\"", ERR_FORMAT, "does not target model.layers.0.self_attn.v_proj"},
    {"layers_to_transform", "[1]", ERR_FORMAT, "does not target model.layers.0.self_attn.q_proj"},
    {"layers_to_transform", "0", ERR_FORMAT, "does not target model.layers.1.self_attn.q_proj"},
    {"layers_to_transform", "\"all\"", ERR_FORMAT,
     "layers_to_transform is the text \"all\", want a layer or a list"},
    {"layers_to_transform", "[0.5]", ERR_FORMAT,
     "layers_to_transform is an array of 1, want a layer or a list"},
};

/* What cannot change the numbers, or says what holds anyway. */
static const PeftKey peft_fine[] = {
    {"fan_in_fan_out", "true", OK, ""},
    {"bias", "\"all\"", OK, ""},
    {"bias", "\"lora_only\"", OK, ""},
    {"init_lora_weights", "\"gaussian\"", OK, ""},
    {"init_lora_weights", "false", OK, ""},
    {"rank_pattern", "{\"q.*\":4}", OK, ""},
    {"rank_pattern", "null", OK, ""},
    {"rank_pattern", "{\"_proj\":9,\"layers\":9,\"xq_proj\":9}", OK, ""},
    {"target_modules", "null", OK, ""},
    {"target_modules", "\"all-linear\"", OK, ""},
    {"target_modules", "\".*self_attn\\\\.[qv]_proj\"", OK, ""},
    {"target_modules", "[\"self_attn.q_proj\",\"v_proj\"]", OK, ""},
    {"exclude_modules", "[\"proj\",\"k_proj\"]", OK, ""},
    {"layers_to_transform", "[1,0]", OK, ""},
    {"layers_pattern", "\"blocks\"", OK, ""},
    {"task_type", "null", OK, ""},
    {"revision", "\"main\"", OK, ""},
    {"base_model_name_or_path", "\"some/other\"", OK, ""},
    {"auto_mapping", "{\"base_model_class\":\"X\"}", OK, ""},
    {"peft_version", "\"0.20.0\"", OK, ""},
    {"ensure_weight_tying", "true", OK, ""},
    {"some_new_key", "null", OK, ""},
    {"some_new_switch", "false", OK, ""},
    {"some_new_text", "\"\"", OK, ""},
};

static void peft_keys_try(const PeftKey *k)
{
    char a1[DAMAGED_PATH];
    Err e = {0};
    scratch_json(damaged_source(a1, "models/llama_gqa/adapters/a1"), "adapter_config.json", k->key, k->value);
    cr_expect_eq(peft_try(NULL, scratch_dir, &e), k->status, "%s = %s: %s", k->key, k->value, e.msg);
    cr_expect_not_null(strstr(e.msg, k->message), "%s = %s: %s", k->key, k->value, e.msg);
}

Test(peft, keys_that_would_change_the_numbers_are_refused, .init = scratch_make, .fini = scratch_remove)
{
    char a1[DAMAGED_PATH];
    damaged_source(a1, "models/llama_gqa/adapters/a1");
    scratch_copy(a1, "adapter_model.safetensors");
    for (size_t i = 0; i < sizeof peft_keys / sizeof peft_keys[0]; i++) peft_keys_try(&peft_keys[i]);
    for (size_t i = 0; i < sizeof peft_fine / sizeof peft_fine[0]; i++) peft_keys_try(&peft_fine[i]);
}

Test(peft, an_adapter_for_another_model_is_refused)
{
    char dir[DAMAGED_PATH];
    LoraShape wide = peft_shape, short_one = peft_shape;
    wide.n_in[LORA_Q] = 48;
    short_one.n_layers = 1;
    Err e = {0};
    damaged_source(dir, "models/llama_gqa/adapters/a1");
    cr_expect_eq(peft_try(&wide, dir, &e), ERR_SHAPE);
    cr_expect_not_null(strstr(e.msg, "lora_A.weight has shape [4, 64], want [4, 48]"), "%s", e.msg);
    e = (Err){0};
    cr_expect_eq(peft_try(&short_one, dir, &e), ERR_SHAPE);
    cr_expect_not_null(strstr(e.msg, "layers.1.self_attn"), "%s", e.msg);
}

/* Ranks by pattern, roots of ranks and single layers included. */
Test(peft, a_saved_adapter_comes_back_as_it_was, .init = scratch_make, .fini = scratch_remove)
{
    static const char *const names[] = {"a1", "a2", "a3_patterns", "a4_bf16_layer1"};
    for (size_t i = 0; i < 4; i++) {
        Lora *l = peft_fixture(names[i]);
        Err e = {0};
        cr_assert_eq(lora_save(l, scratch_dir, "base", &e), OK, "%s", e.msg);
        Lora *again = peft_must(scratch_dir);
        cr_assert(lora_same_shape(l, again), "%s", names[i]);
        for (size_t s = 0; s < l->shape.n_layers * LORA_KINDS; s++)
            cr_expect_float_eq(l->site[s].scale, again->site[s].scale, 1e-7F * l->site[s].scale,
                               "%s: site %zu", names[i], s);
        cr_expect_arr_eq(l->data, again->data, l->n_params * sizeof *l->data);
        cr_expect_eq(l->dropout, again->dropout);
        lora_free(l);
        lora_free(again);
    }
}

Test(peft, nothing_is_written_when_there_is_nothing_to_save)
{
    Lora *l = NULL;
    Err e = {0};
    cr_assert_eq(lora_new(&l, &peft_shape, 1U << LORA_Q, 2, 4, &e), OK, "%s", e.msg);
    for (size_t s = 0; s < l->shape.n_layers * LORA_KINDS; s++) l->site[s].r = 0;
    cr_expect_eq(lora_save(l, "test_peft_empty", "base", &e), ERR_ARG);
    cr_expect_str_eq(e.msg, "the adapter has no site: nothing to save");
    cr_expect_not(file_exists("test_peft_empty"));
    lora_free(l);
}

Test(peft, rank_0_and_no_module_are_refused)
{
    Lora *l = NULL;
    Err e = {0};
    cr_expect_eq(lora_new(&l, &peft_shape, 1U << LORA_Q, 0, 4, &e), ERR_ARG);
    cr_expect_str_eq(e.msg, "adapter rank = 0, want at least 1");
    e = (Err){0};
    cr_expect_eq(lora_new(&l, &peft_shape, 0, 2, 4, &e), ERR_ARG);
    cr_expect_str_eq(e.msg, "an adapter needs at least one target module");
    cr_expect_null(l);
}

/* dW of site i, entry by entry. */
static void peft_delta(double *d, const Lora *l, size_t i, double weight)
{
    const LoraSite *s = &l->site[i];
    size_t n_in = l->shape.n_in[i % LORA_KINDS], n_out = l->shape.n_out[i % LORA_KINDS];
    for (size_t o = 0; o < n_out; o++)
        for (size_t r = 0; r < s->r; r++)
            for (size_t c = 0; c < n_in; c++)
                d[o * n_in + c] +=
                    weight * (double)s->scale * (double)s->b[o * s->r + r] * (double)s->a[r * n_in + c];
}

enum { PEFT_DELTA = 96 * 96 };

static double peft_norm2(const Lora *l)
{
    static double d[PEFT_DELTA];
    double sum = 0;
    for (size_t i = 0; i < l->shape.n_layers * LORA_KINDS; i++) {
        memset(d, 0, sizeof d);
        peft_delta(d, l, i, 1);
        for (size_t k = 0; k < PEFT_DELTA; k++) sum += d[k] * d[k];
    }
    return sum;
}

Test(peft, the_norm_is_that_of_the_materialised_update)
{
    static const char *const names[] = {"a1", "a2", "a3_patterns", "a4_bf16_layer1"};
    for (size_t i = 0; i < 4; i++) {
        Lora *l = peft_fixture(names[i]);
        double want = sqrt(peft_norm2(l)), got = lora_norm(l);
        cr_assert_gt(want, 0.1);
        cr_expect_float_eq(got, want, 1e-9 * want, "%s: %.12g, want %.12g", names[i], got, want);
        lora_free(l);
    }
}

/* Polarisation: |x + y|^2 = |x|^2 + 2 <x, y> + |y|^2, with x + y as ranks side by side. */
Test(peft, the_inner_product_is_that_of_the_updates)
{
    Lora *l[2] = {peft_fixture("a1"), peft_fixture("a2")}, *sum = NULL;
    LoraBank *b = NULL;
    Err e = {0};
    for (size_t i = 0; i < 2; i++) lora_fold_scale(l[i]);
    cr_assert_eq(lora_bank_new(&b, (const Lora *const *)l, 2, &e), OK, "%s", e.msg);
    cr_assert_eq(lora_from_bank(&sum, b, &e), OK, "%s", e.msg);
    double x = lora_norm(l[0]), y = lora_norm(l[1]), both = lora_norm(sum), dot = lora_dot(l[0], l[1]);
    cr_expect_float_eq(lora_dot(l[0], l[0]), x * x, 1e-9 * x * x);
    cr_expect_float_eq(dot, lora_dot(l[1], l[0]), 1e-9 * x * y);
    cr_expect_float_eq(both * both, x * x + 2 * dot + y * y, 1e-6 * (x * x + y * y));
    cr_expect_gt(fabs(dot), 1e-6 * x * y, "the two must not be orthogonal for the test to say something");
    lora_bank_free(b);
    Lora *all[] = {l[0], l[1], sum};
    for (size_t i = 0; i < 3; i++) lora_free(all[i]);
}

Test(peft, norms_by_kind_add_up)
{
    Lora *l = peft_fixture("a3_patterns");
    double norm[LORA_KINDS], sum = 0;
    lora_norms(norm, l);
    for (size_t k = 0; k < LORA_KINDS; k++) sum += norm[k] * norm[k];
    cr_expect_gt(norm[LORA_Q], 0);
    cr_expect_gt(norm[LORA_DOWN], 0);
    cr_expect_eq(norm[LORA_UP], 0);
    cr_expect_float_eq(sqrt(sum), lora_norm(l), 1e-12);
    for (size_t k = 0; k < LORA_KINDS; k++) /* one kind alone */
        for (size_t i = 0; i < 2; i++)
            if (k != LORA_DOWN) l->site[i * LORA_KINDS + k].r = 0;
    cr_expect_float_eq(lora_norm(l), norm[LORA_DOWN], 1e-12);
    lora_free(l);
}

Test(peft, the_tensors_tell_the_shape, .init = scratch_make, .fini = scratch_remove)
{
    char dir[DAMAGED_PATH], path[64];
    LoraShape got;
    Err e = {0};
    cr_assert_eq(lora_shape_of(&got, damaged_source(dir, "models/llama_gqa/adapters/a2"), &e), OK, "%s",
                 e.msg);
    cr_expect(lora_shape_same(&got, &peft_shape));
    cr_assert_eq(lora_shape_of(&got, damaged_source(dir, "models/llama_gqa/adapters/a1"), &e), OK, "%s",
                 e.msg);
    cr_expect_eq(got.n_in[LORA_V], 64);
    cr_expect_eq(got.n_out[LORA_V], 32);
    cr_expect_eq(got.n_in[LORA_UP], 0);
    cr_expect_eq(lora_shape_of(&got, "no/such", &e), ERR_IO);
    static const float x[8];
    snprintf(path, sizeof path, "%s/adapter_model.safetensors", scratch_dir);
    const StItem bad[] = {
        {"base_model.model.model.layers.99999999999999999999.self_attn.q_proj.lora_A.weight",
         ST_F32,
         2,
         {2, 4},
         x},
        {"base_model.model.model.layers.01.self_attn.q_proj.lora_A.weight", ST_F32, 2, {2, 4}, x},
        {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", ST_F32, 1, {8}, x},
        {"other", ST_F32, 2, {2, 4}, x},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        e = (Err){0};
        cr_assert_eq(st_save(path, &bad[i], 1, &e), OK, "%s", e.msg);
        cr_expect_eq(lora_shape_of(&got, scratch_dir, &e), ERR_FORMAT, "%s", bad[i].name);
        cr_expect_not_null(strstr(e.msg, "is no part of an adapter"), "%s", e.msg);
    }
    const StItem differ[] = {
        {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", ST_F32, 2, {2, 4}, x},
        {"base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight", ST_F32, 2, {4, 2}, x},
    };
    e = (Err){0};
    cr_assert_eq(st_save(path, differ, 2, &e), OK, "%s", e.msg);
    cr_expect_eq(lora_shape_of(&got, scratch_dir, &e), ERR_SHAPE);
    cr_expect_not_null(strstr(e.msg, "has size 2 where another layer has 4"), "%s", e.msg);
    cr_assert_eq(st_save(path, NULL, 0, &e), OK);
    e = (Err){0};
    cr_expect_eq(lora_shape_of(&got, scratch_dir, &e), ERR_FORMAT, "%s", e.msg);
}

Test(peft, a_bank_holds_every_adapter_where_it_says)
{
    Lora *l[2] = {peft_fixture("a1"), peft_fixture("a3_patterns")};
    LoraBank *b = NULL;
    Err e = {0};
    cr_assert_eq(lora_bank_new(&b, (const Lora *const *)l, 2, &e), OK, "%s", e.msg);
    cr_expect_not(lora_bank_uniform(b), "ranks differ");
    for (size_t i = 0; i < 2 * LORA_KINDS; i++) {
        const LoraStack *s = &b->stack[i];
        size_t n_in = peft_shape.n_in[i % LORA_KINDS], n_out = peft_shape.n_out[i % LORA_KINDS];
        cr_assert_eq(s->n, l[0]->site[i].r + l[1]->site[i].r);
        for (size_t j = 0; j < 2; j++) {
            const LoraSite *own = &l[j]->site[i];
            cr_assert_eq(s->off[j + 1] - s->off[j], own->r);
            if (own->r == 0) continue;
            cr_expect_eq(b->scale[i * 2 + j], own->scale);
            cr_expect_arr_eq(s->a + s->off[j] * n_in, own->a, own->r * n_in * sizeof(float));
            for (size_t o = 0; o < n_out; o++)
                cr_expect_arr_eq(s->b + o * s->n + s->off[j], own->b + o * own->r, own->r * sizeof(float));
        }
    }
    lora_bank_free(b);
    cr_assert_eq(lora_bank_view(&b, l[0], &e), OK, "%s", e.msg);
    cr_expect_eq(b->stack[LORA_Q].a, l[0]->site[LORA_Q].a, "a view borrows");
    cr_expect(lora_bank_uniform(b));
    lora_bank_free(b);
    b = NULL;
    cr_expect_eq(lora_bank_new(&b, (const Lora *const *)l, 0, &e), ERR_ARG);
    l[1]->shape.n_layers = 1;
    e = (Err){0};
    cr_expect_eq(lora_bank_new(&b, (const Lora *const *)l, 2, &e), ERR_SHAPE);
    cr_expect_null(b);
    l[1]->shape.n_layers = 2;
    lora_free(l[0]);
    lora_free(l[1]);
}

/* For every method: weight 1 on one adapter and 0 on the other gives that adapter, all 0 gives the base. */
Test(peft, weight_1_reproduces_and_0_is_the_base)
{
    Lora *l[2] = {peft_fixture("a2"), peft_fixture("a2")}, *m = NULL;
    for (size_t i = 0; i < l[1]->n_params; i++) l[1]->data[i] *= 0.5F + 0.001F * (float)(i % 7);
    static double got[PEFT_DELTA], want[PEFT_DELTA];
    size_t methods = 0;
    for (const MergeMethod *how; (how = merge_at(methods)) != NULL; methods++) {
        Err e = {0};
        double one[2] = {0, 1}, none[2] = {0, 0};
        MergeWeights w = {one, MERGE_BY_ADAPTER};
        MergeOpts o = merge_opts();
        if ((how->reads & MERGE_DENSITY) != 0) o.density = 1;
        cr_assert_eq(merge_build(&m, NULL, how, (const Lora *const *)l, 2, &w, &o, &e), OK, "%s", e.msg);
        for (size_t i = 0; i < 2 * LORA_KINDS; i++) {
            memset(got, 0, sizeof got);
            memset(want, 0, sizeof want);
            peft_delta(got, m, i, 1);
            peft_delta(want, l[1], i, 1);
            for (size_t k = 0; k < PEFT_DELTA; k++)
                cr_assert_float_eq(got[k], want[k], how->linear ? 1e-7 : 1e-5, "%s: site %zu", how->name, i);
        }
        lora_free(m);
        w.w = none;
        cr_assert_eq(merge_build(&m, NULL, how, (const Lora *const *)l, 2, &w, &o, &e), OK, "%s", e.msg);
        cr_expect_eq(lora_norm(m), 0, "%s", how->name);
        lora_free(m);
    }
    cr_expect_gt(methods, 1);
    lora_free(l[0]);
    lora_free(l[1]);
}
