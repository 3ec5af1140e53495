/* Adapters of every family: saved and read back, laws of merging, the spellings of names. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "make_peft.h"

#include "prime/merge.h"

#include <math.h>

enum { FAM_SEEDS = 8, FAM_DELTA = 20 * 10, HEADS = 2, DIM = 3 };

/* Some sites, of different ranks and scales. */
static Lora *fam_random(const LoraShape *shape, uint64_t seed)
{
    Lora *l = NULL;
    Err e = {0};
    Rng rng = rng_stream(seed, shape->names->family, 0);
    cr_assert_eq(lora_new(&l, shape, (1U << LORA_KINDS) - 1, 4, 8, &e), OK, "%s", e.msg);
    size_t sites = 0;
    for (size_t i = 0; i < l->n_params; i++) l->data[i] = (float)rng_normal(&rng);
    for (size_t i = 0; i < shape->n_layers * LORA_KINDS; i++) {
        if (l->site[i].r == 0) continue;
        l->site[i].r = rng_uniform(&rng) < 0.3 ? 0 : 1 + rng_below(&rng, 4);
        l->site[i].scale = rng_uniform(&rng) < 0.5 ? 2 : (float)rng_uniform(&rng);
        sites += l->site[i].r > 0;
    }
    if (sites == 0) l->site[LORA_O].r = 1;
    return l;
}

static void fam_expect_equal(const Lora *x, const Lora *y, const char *what)
{
    cr_assert(lora_shape_same(&x->shape, &y->shape));
    for (size_t i = 0; i < x->shape.n_layers * LORA_KINDS; i++) {
        const LoraSite *s = &x->site[i], *t = &y->site[i];
        size_t k = i % LORA_KINDS;
        cr_assert_eq(s->r, t->r, "%s: site %zu", what, i);
        if (s->r == 0) continue;
        cr_expect_eq(s->scale, t->scale, "%s: site %zu", what, i);
        cr_expect_arr_eq(s->a, t->a, s->r * x->shape.n_in[k] * sizeof(float), "%s: A of site %zu", what, i);
        cr_expect_arr_eq(s->b, t->b, s->r * x->shape.n_out[k] * sizeof(float), "%s: B of site %zu", what, i);
    }
}

Test(families, what_is_saved_comes_back_bit_for_bit, .init = scratch_make, .fini = scratch_remove)
{
    for (size_t f = 0; lora_names_at(f) != NULL; f++)
        for (uint64_t seed = 0; seed < FAM_SEEDS; seed++) {
            LoraShape shape = make_shape(lora_names_at(f)->family);
            Lora *l = fam_random(&shape, seed), *again = NULL;
            Err e = {0};
            cr_assert_eq(lora_save(l, scratch_dir, "base", &e), OK, "%s", e.msg);
            cr_assert_eq(lora_load(&again, scratch_dir, &shape, &e), OK, "%s", e.msg);
            fam_expect_equal(l, again, shape.names->family);
            cr_expect(lora_equal(l, again));
            size_t last = 2 * LORA_KINDS - 1;
            while (again->site[last].r == 0) last--;
            again->site[last].scale *= 2;
            cr_expect_not(lora_equal(l, again), "scales");
            again->site[last].scale /= 2;
            again->site[last].b[0] += 1;
            cr_expect_not(lora_equal(l, again), "values");
            again->site[last].r++;
            cr_expect_not(lora_equal(l, again), "ranks");
            lora_free(l);
            lora_free(again);
        }
}

static JsVal *fam_config(void)
{
    char path[64];
    JsVal *root = NULL;
    Err e = {0};
    snprintf(path, sizeof path, "%s/adapter_config.json", scratch_dir);
    cr_assert_eq(js_load(&root, path, &e), OK, "%s", e.msg);
    return root;
}

static void fam_expect_json(const JsVal *root, const char *key, const char *want)
{
    Str got = {0};
    Err e = {0};
    cr_assert_eq(js_dump(&got, js_get(root, key), 0, &e), OK, "%s", e.msg);
    cr_expect_str_eq(got.s, want, "%s", key);
    str_free(&got);
}

/* GPT-2's c_proj is two modules: a name must not catch the other. Ranks of a kind need one pattern. */
Test(families, the_config_names_modules_without_doubt, .init = scratch_make, .fini = scratch_remove)
{
    LoraShape shape = make_shape("gpt2");
    Lora *l = NULL;
    Err e = {0};
    cr_assert_eq(lora_new(&l, &shape, 1U << LORA_QKV | 1U << LORA_O | 1U << LORA_DOWN, 2, 4, &e), OK);
    for (size_t y = 0; y < 2; y++) l->site[y * LORA_KINDS + LORA_O].r = 1; /* alpha: 2 */
    l->site[LORA_KINDS + LORA_DOWN].r = 0;
    cr_assert_eq(lora_save(l, scratch_dir, "some/base", &e), OK, "%s", e.msg);
    JsVal *root = fam_config();
    fam_expect_json(root, "target_modules", "[\"c_attn\", \"attn.c_proj\", \"transformer.h.0.mlp.c_proj\"]");
    fam_expect_json(root, "rank_pattern", "{\"attn.c_proj\": 1}");
    fam_expect_json(root, "alpha_pattern", "{\"attn.c_proj\": 2}");
    fam_expect_json(root, "r", "2");
    fam_expect_json(root, "lora_alpha", "4");
    fam_expect_json(root, "fan_in_fan_out", "true");
    fam_expect_json(root, "task_type", "\"CAUSAL_LM\"");
    fam_expect_json(root, "base_model_name_or_path", "\"some/base\"");
    js_close(root);
    lora_free(l);
    shape = make_shape("llama");
    cr_assert_eq(lora_new(&l, &shape, 1U << LORA_Q | 1U << LORA_V, 2, 3, &e), OK);
    l->site[LORA_KINDS + LORA_Q].scale = 0.25F;
    l->site[LORA_V].r = 1; /* alpha has few digits though its float has not */
    l->site[LORA_V].scale = (float)(7.1 / 1);
    l->site[LORA_KINDS + LORA_V].scale = 1.5F;
    cr_assert_eq(lora_save(l, scratch_dir, "b", &e), OK, "%s", e.msg);
    root = fam_config();
    fam_expect_json(root, "target_modules", "[\"q_proj\", \"v_proj\"]");
    fam_expect_json(root, "rank_pattern", "{\"model.layers.0.self_attn.v_proj\": 1}");
    fam_expect_json(root, "alpha_pattern",
                    "{\"model.layers.1.self_attn.q_proj\": 0.5, \"model.layers.0.self_attn.v_proj\": 7.1}");
    fam_expect_json(root, "fan_in_fan_out", "false");
    js_close(root);
    lora_free(l);
}

/* In files GPT-NeoX's rows lie head by head, q k v within each; in memory all q, then all k, then all v. */
Test(families, rows_of_a_fused_product_are_regrouped, .init = scratch_make, .fini = scratch_remove)
{
    LoraShape shape = make_shape("gpt_neox");
    Lora *l = fam_random(&shape, 3);
    StFile *st = NULL;
    char path[64];
    Err e = {0};
    l->site[LORA_QKV].r = 2;
    cr_assert_eq(lora_save(l, scratch_dir, "base", &e), OK, "%s", e.msg);
    snprintf(path, sizeof path, "%s/adapter_model.safetensors", scratch_dir);
    cr_assert_eq(st_open(&st, path, &e), OK, "%s", e.msg);
    const StTensor *t =
        st_find(st, "base_model.model.gpt_neox.layers.0.attention.query_key_value.lora_B.weight");
    cr_assert_not_null(t);
    float file[3 * HEADS * DIM * 2];
    cr_assert_eq(st_to_f32(file, t, &e), OK, "%s", e.msg);
    for (size_t part = 0; part < 3; part++)
        for (size_t h = 0; h < HEADS; h++)
            for (size_t d = 0; d < DIM; d++)
                for (size_t r = 0; r < 2; r++)
                    cr_expect_eq(file[((h * 3 + part) * DIM + d) * 2 + r],
                                 l->site[LORA_QKV].b[((part * HEADS + h) * DIM + d) * 2 + r]);
    st_close(st);
    lora_free(l);
}

/* ---- laws ---- */

static void fam_delta(double *d, const Lora *l, size_t i, double weight)
{
    const LoraSite *s = &l->site[i];
    size_t n_in = l->shape.n_in[i % LORA_KINDS], n_out = l->shape.n_out[i % LORA_KINDS];
    for (size_t o = 0; o < n_out; o++)
        for (size_t r = 0; r < s->r; r++)
            for (size_t c = 0; c < n_in; c++)
                d[o * n_in + c] +=
                    weight * (double)s->scale * (double)s->b[o * s->r + r] * (double)s->a[r * n_in + c];
}

static void fam_check_merge(Lora *const l[2], const double w[2])
{
    Lora *m = NULL;
    Err e = {0};
    double sum = 0;
    cr_assert_eq(merge_run(&m, merge_find("exact"), (const Lora *const *)l, w, 2, &e), OK, "%s", e.msg);
    for (size_t i = 0; i < m->shape.n_layers * LORA_KINDS; i++) {
        double got[FAM_DELTA] = {0}, want[FAM_DELTA] = {0};
        fam_delta(got, m, i, 1);
        fam_delta(want, l[0], i, w[0]);
        fam_delta(want, l[1], i, w[1]);
        for (size_t k = 0; k < FAM_DELTA; k++) {
            cr_assert_float_eq(got[k], want[k], 1e-5, "%s: site %zu", m->shape.names->family, i);
            sum += want[k] * want[k];
        }
    }
    cr_expect_float_eq(lora_norm(m), sqrt(sum), 1e-5 * (1 + sqrt(sum)));
    if (w[0] == 0 && w[1] == 0) cr_expect_eq(lora_norm(m), 0);
    lora_free(m);
}

/* One adapter at weight 1 reproduces itself, at weight 0 the base; sums and weighted sums are exact. The two
 * have different sites, ranks and scales. */
Test(families, weights_mean_what_they_say)
{
    static const double w[][2] = {{1, 0}, {0, 1}, {0, 0}, {1, 1}, {0.7, -0.3}};
    for (size_t f = 0; lora_names_at(f) != NULL; f++)
        for (uint64_t seed = 0; seed < FAM_SEEDS; seed++) {
            LoraShape shape = make_shape(lora_names_at(f)->family);
            Lora *l[2] = {fam_random(&shape, 2 * seed), fam_random(&shape, 2 * seed + 1)};
            for (size_t i = 0; i < sizeof w / sizeof w[0]; i++) fam_check_merge(l, w[i]);
            lora_free(l[0]);
            lora_free(l[1]);
        }
}

/* Ranks below, at and above the tiles in which the norm is summed. */
Test(families, norms_of_any_rank_are_those_of_the_update)
{
    static const size_t ranks[] = {1, 7, 8, 9, 16, 19};
    LoraShape shape = make_shape("phi3");
    for (size_t n = 0; n < sizeof ranks / sizeof ranks[0]; n++) {
        Lora *l = NULL;
        Err e = {0};
        Rng rng = rng_stream(n, "ranks", 0);
        double sum = 0, want[FAM_DELTA];
        cr_assert_eq(lora_new(&l, &shape, (1U << LORA_KINDS) - 1, ranks[n], 3, &e), OK, "%s", e.msg);
        for (size_t i = 0; i < l->n_params; i++) l->data[i] = (float)rng_normal(&rng);
        for (size_t i = 0; i < 2 * LORA_KINDS; i++) {
            memset(want, 0, sizeof want);
            fam_delta(want, l, i, 1);
            for (size_t k = 0; k < FAM_DELTA; k++) sum += want[k] * want[k];
        }
        cr_expect_float_eq(lora_norm(l), sqrt(sum), 1e-12 * sqrt(sum), "rank %zu", ranks[n]);
        lora_free(l);
    }
}

/* Memory of a layer: all A in the order of the kinds, then all B. */
Test(families, products_with_one_input_are_neighbours)
{
    for (size_t f = 0; lora_names_at(f) != NULL; f++) {
        LoraShape shape = make_shape(lora_names_at(f)->family);
        Lora *l[2] = {fam_random(&shape, 5), fam_random(&shape, 6)};
        LoraBank *b = NULL;
        Err e = {0};
        cr_assert_eq(lora_bank_new(&b, (const Lora *const *)l, 2, &e), OK, "%s", e.msg);
        for (size_t y = 0; y < 2; y++) {
            const LoraStack *s = b->stack + y * LORA_KINDS;
            const float *at = s[0].a;
            for (size_t k = 0; k < LORA_KINDS; at += s[k].n * shape.n_in[k], k++) cr_expect_eq(s[k].a, at);
            for (size_t k = 0; k < LORA_KINDS; at += s[k].n * shape.n_out[k], k++) cr_expect_eq(s[k].b, at);
        }
        lora_bank_free(b);
        lora_free(l[0]);
        lora_free(l[1]);
    }
}

Test(families, folded_scales_are_the_same_update)
{
    LoraShape shape = make_shape("phi3");
    Lora *l = fam_random(&shape, 1), *was = fam_random(&shape, 1);
    lora_fold_scale(l);
    for (size_t i = 0; i < 2 * LORA_KINDS; i++) {
        double got[FAM_DELTA] = {0}, want[FAM_DELTA] = {0};
        if (l->site[i].r > 0) cr_expect_eq(l->site[i].scale, 1);
        fam_delta(got, l, i, 1);
        fam_delta(want, was, i, 1);
        for (size_t k = 0; k < FAM_DELTA; k++) cr_expect_float_eq(got[k], want[k], 1e-6);
    }
    lora_free(l);
    lora_free(was);
}

/* ---- names ---- */

static const char fam_text[] = "{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":2,\"target_modules\":%s}";

/* One site of layer 1, under names given by a head, a path and what stands behind lora_A. */
static Status fam_spelled(Lora **l, const LoraShape *shape, const char *head, const char *who)
{
    static const float x[64] = {1, 2, 3, 4, 5, 6};
    char a[160], b[160];
    Err e = {0};
    snprintf(a, sizeof a, "%s.lora_A.%sweight", head, who);
    snprintf(b, sizeof b, "%s.lora_B.%sweight", head, who);
    const StItem item[] = {{a, ST_F32, 2, {2, 8}, x}, {b, ST_F32, 2, {18, 2}, x}};
    make_tensors(item, 2);
    Status s = lora_load(l, scratch_dir, shape, &e);
    cr_expect_eq(s, OK, "%s: %s", head, e.msg);
    return s;
}

Test(families, every_spelling_of_a_name_is_read, .init = scratch_make, .fini = scratch_remove)
{
    static const char *const gpt2[] = {"base_model.model.transformer.h.1.attn.c_attn",
                                       "transformer.h.1.attn.c_attn", "base_model.model.h.1.attn.c_attn",
                                       "h.1.attn.c_attn"};
    LoraShape shape = make_shape("gpt2"), got;
    char text[200];
    snprintf(text, sizeof text, fam_text, "[\"c_attn\"]");
    make_file("adapter_config.json", text);
    Lora *first = NULL, *l = NULL;
    Err e = {0};
    cr_assert_eq(fam_spelled(&first, &shape, gpt2[0], ""), OK);
    cr_expect_eq(first->site[LORA_KINDS + LORA_QKV].r, 2);
    for (size_t i = 0; i < 8; i++) {
        cr_assert_eq(fam_spelled(&l, &shape, gpt2[i / 2], i % 2 == 0 ? "" : "default."), OK);
        fam_expect_equal(first, l, gpt2[i / 2]);
        lora_free(l);
        cr_expect_eq(lora_shape_of(&got, scratch_dir, &e), OK, "%s", e.msg);
        cr_expect_eq(got.names, shape.names);
        cr_expect_eq(got.n_layers, 2);
    }
    lora_free(first);
    shape = make_shape("gpt_neox");
    snprintf(text, sizeof text, fam_text, "\".*query_key_value\"");
    make_file("adapter_config.json", text);
    cr_assert_eq(fam_spelled(&l, &shape, "layers.1.attention.query_key_value", ""), OK);
    lora_free(l);
}

/* Patterns see the path that the file has: a model without its head has no "transformer." */
Test(families, patterns_match_the_path_of_the_file, .init = scratch_make, .fini = scratch_remove)
{
    LoraShape shape = make_shape("gpt2");
    Lora *l = NULL;
    make_file("adapter_config.json",
              "{\"peft_type\":\"LORA\",\"r\":9,\"lora_alpha\":3,\"target_modules\":[\"c_attn\"],"
              "\"rank_pattern\":{\"transformer.h.1.attn.c_attn\":7,\"h.1.attn.c_attn\":2,"
              "\"c_attn\":5},\"alpha_pattern\":{\"attn.(c_fc|c_attn)\":8}}");
    cr_assert_eq(fam_spelled(&l, &shape, "h.1.attn.c_attn", ""), OK);
    cr_expect_eq(l->site[LORA_KINDS + LORA_QKV].r, 2);
    cr_expect_eq(l->site[LORA_KINDS + LORA_QKV].scale, 4);
    lora_free(l);
}

Test(families, storage_is_read_as_what_it_is, .init = scratch_make, .fini = scratch_remove)
{
    LoraShape shape = make_shape("phi3"), seen;
    static const StType types[] = {ST_F32, ST_F16, ST_BF16};
    Lora *l = NULL, *again = NULL;
    Err e = {0};
    cr_assert_eq(lora_new(&l, &shape, (1U << LORA_KINDS) - 1, 3, 6, &e), OK, "%s", e.msg);
    for (size_t i = 0; i < l->n_params; i++) l->data[i] = (float)(i % 64) / 32; /* exact in all three */
    for (size_t t = 0; t < 3; t++) {
        cr_assert_eq(lora_save_as(l, scratch_dir, "base", types[t], &e), OK, "%s", e.msg);
        cr_assert_eq(lora_load(&again, scratch_dir, &shape, &e), OK, "%s", e.msg);
        fam_expect_equal(l, again, st_type_name(types[t]));
        lora_free(again);
        cr_assert_eq(lora_shape_of(&seen, scratch_dir, &e), OK, "%s", e.msg);
        cr_expect(lora_shape_same(&seen, &shape));
    }
    l->data[0] = 1e30F;
    cr_expect_eq(lora_save_as(l, scratch_dir, "base", ST_F16, &e), ERR_NUM);
    cr_expect_not_null(strstr(e.msg, "self_attn.qkv_proj.lora_A.weight"), "%s", e.msg);
    lora_free(l);
}

Test(families, shapes_of_adapters_are_joined)
{
    LoraShape x = make_shape("llama"), y = x, z = make_shape("gpt2"), bad = x;
    Err e = {0};
    x.n_in[LORA_Q] = x.n_out[LORA_Q] = 0;
    x.n_layers = 1;
    cr_assert_eq(lora_shape_join(&x, &y, &e), OK, "%s", e.msg);
    cr_expect(lora_shape_same(&x, &y));
    cr_expect_eq(lora_shape_join(&x, &z, &e), ERR_SHAPE);
    cr_expect_str_eq(e.msg, "one adapter is of the family llama, another of gpt2");
    bad.n_in[LORA_DOWN] = 11;
    e = (Err){0};
    cr_expect_eq(lora_shape_join(&x, &bad, &e), ERR_SHAPE);
    cr_expect_str_eq(e.msg, "mlp.down_proj is [8, 10] in one adapter and [8, 11] in another");
    cr_expect(lora_shape_same(&x, &y), "untouched");
}

/* The folders of the reference models, whatever their family. */
Test(families, reference_adapters_are_read)
{
    static const char *const dirs[] = {"gpt2/adapters/a1", "gpt2/adapters/a2", "gemma3/adapters/a1",
                                       "qwen3/adapters/a1", "mistral_swa/adapters/a1"};
    const char *root = getenv("PRIME_ORACLES");
    if (root == NULL) cr_skip_test("no folder of reference data (PRIME_ORACLES)");
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
        char dir[DAMAGED_PATH];
        LoraShape shape;
        Lora *l = NULL;
        Err e = {0};
        snprintf(dir, sizeof dir, "%s/engine/%s", root, dirs[i]);
        cr_assert_eq(lora_shape_of(&shape, dir, &e), OK, "%s", e.msg);
        cr_expect_str_eq(shape.names->family, i < 2 ? "gpt2" : "llama");
        cr_assert_eq(lora_load(&l, dir, &shape, &e), OK, "%s", e.msg);
        cr_expect_gt(lora_norm(l), 0.1);
        lora_free(l);
    }
}
