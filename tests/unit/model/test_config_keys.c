/* Keys of configurations: defaults where they are absent, and the spellings that versions of one config use.
 */
#include "config_same.h"

#include <stdlib.h>
#include <string.h>

/* ---- defaults ---- */

#define SMALL(type)                                                                              \
    "{\"model_type\":\"" type "\",\"vocab_size\":20,\"hidden_size\":16,\"num_hidden_layers\":8," \
    "\"num_attention_heads\":2,\"intermediate_size\":24,"

static ModelConfig config_must(const char *json)
{
    ModelConfig c = {0};
    Err e = {0};
    cr_assert_eq(model_config_parse(&c, NULL, json, strlen(json), "config", false, &e), OK, "%s: %s", json,
                 e.msg);
    return c;
}

/* What the family's configuration class fills in. */
typedef struct {
    const char *json;
    size_t max_len, rotary_dim;
    double eps, theta, theta_local;
    bool tied;
    ActKind act;
} ConfigDefaults;

static const ConfigDefaults config_defaults[] = {
    {SMALL("llama") "\"head_dim\":null}", 2048, 8, 1e-6, 1e4, 1e4, false, ACT_SILU},
    {SMALL("mistral") "\"head_dim\":null}", 131072, 8, 1e-6, 1e4, 1e4, false, ACT_SILU},
    {SMALL("qwen2") "\"rope_theta\":null}", 32768, 8, 1e-6, 1e4, 1e4, false, ACT_SILU},
    {SMALL("qwen3") "\"head_dim\":12}", 32768, 12, 1e-6, 1e4, 1e4, false, ACT_SILU},
    {SMALL("gemma") "\"head_dim\":12}", 8192, 12, 1e-6, 1e4, 1e4, true, ACT_GELU_TANH},
    {SMALL("gemma2") "\"head_dim\":12}", 8192, 12, 1e-6, 1e4, 1e4, true, ACT_GELU_TANH},
    {SMALL("gemma3_text") "\"head_dim\":12}", 131072, 12, 1e-6, 1e6, 1e4, true, ACT_GELU_TANH},
    {SMALL("phi3") "\"rms_norm_eps\":null}", 4096, 8, 1e-5, 1e4, 1e4, false, ACT_SILU},
    {SMALL("gpt_neox") "\"rotary_pct\":0.5}", 2048, 4, 1e-5, 1e4, 1e4, false, ACT_GELU},
    {"{\"model_type\":\"gpt2\",\"vocab_size\":20,\"n_embd\":16,\"n_layer\":8,\"n_head\":2}", 1024, 0, 1e-5, 0,
     0, true, ACT_GELU_TANH},
};

Test(config_keys, absent_keys_take_the_defaults_of_the_family)
{
    for (size_t i = 0; i < sizeof config_defaults / sizeof config_defaults[0]; i++) {
        const ConfigDefaults *t = &config_defaults[i];
        ModelConfig c = config_must(t->json);
        const char *name = model_type_name(&c);
        cr_expect_eq(c.max_len, t->max_len, "%s: max_len %zu", name, c.max_len);
        cr_expect_eq(c.rotary_dim, t->rotary_dim, "%s: rotary_dim %zu", name, c.rotary_dim);
        cr_expect_eq(c.norm_eps, t->eps, "%s: eps %g", name, c.norm_eps);
        cr_expect_eq(c.rope.theta, t->theta, "%s: theta %g", name, c.rope.theta);
        cr_expect_eq(c.rope_local.theta, t->theta_local, "%s: local theta %g", name, c.rope_local.theta);
        cr_expect_eq(c.tied, t->tied, "%s: tied", name);
        cr_expect_eq(c.act, t->act, "%s: act", name);
        cr_expect_eq(c.n_kv, 2, "%s: n_kv", name);
    }
}

Test(config_keys, windows_and_softcaps_of_absent_keys)
{
    ModelConfig c = config_must(SMALL("gemma2") "\"head_dim\":12}");
    cr_expect_eq(c.window, 4096);
    cr_expect_eq(c.local[0], 0x55);
    cr_expect_eq(c.attn_softcap, 50);
    cr_expect_eq(c.final_softcap, 30);
    cr_expect_eq(c.attn_scale, 0.0625);
    c = config_must(SMALL("gemma2") "\"head_dim\":12,\"attn_logit_softcapping\":null,"
                                    "\"final_logit_softcapping\":null}");
    cr_expect(c.attn_softcap == 0 && c.final_softcap == 0, "null switches off what absence switches on");
    c = config_must(SMALL("gemma3_text") "\"head_dim\":12}");
    cr_expect_eq(c.window, 4096);
    cr_expect_eq(c.local[0], 0xdf);
    cr_expect(c.attn_softcap == 0 && c.final_softcap == 0);
    c = config_must(SMALL("mistral") "\"head_dim\":null}");
    cr_expect(c.window == 4096 && c.local[0] == 0xff);
    c = config_must(SMALL("mistral") "\"sliding_window\":null}");
    cr_expect(c.window == 0 && c.local[0] == 0, "null switches off what absence switches on");
    c = config_must(SMALL("qwen2") "\"sliding_window\":null,\"use_sliding_window\":true,"
                                   "\"max_window_layers\":0}");
    cr_expect(c.window == 0 && c.local[0] == 0);
    c = config_must(SMALL("qwen2") "\"use_sliding_window\":true,\"max_window_layers\":0}");
    cr_expect(c.window == 4096 && c.local[0] == 0xff);
    c = config_must(SMALL("phi3") "\"rms_norm_eps\":1e-05}");
    cr_expect_eq(c.window, 0);
    c = config_must("{\"model_type\":\"gpt2\",\"vocab_size\":20,\"n_embd\":16,\"n_layer\":1,\"n_head\":2,\"n_"
                    "inner\":null,"
                    "\"scale_attn_weights\":false}");
    cr_expect_eq(c.n_ffn, 64);
    cr_expect_eq(c.attn_scale, 1);
}

Test(config_keys, qwen_windows_count_only_when_switched_on_and_from_a_layer_on)
{
    ModelConfig c = config_must(SMALL("qwen2") "\"sliding_window\":5,\"max_window_layers\":3}");
    cr_expect(c.window == 0 && c.local[0] == 0);
    c = config_must(
        SMALL("qwen2") "\"sliding_window\":5,\"max_window_layers\":3,\"use_sliding_window\":true}");
    cr_expect(c.window == 5 && c.local[0] == 0xf8, "%llx", (unsigned long long)c.local[0]);
    c = config_must(SMALL("qwen2") "\"sliding_window\":5,\"use_sliding_window\":true}");
    cr_expect(c.local[0] == 0, "from layer 28 on, of which there is none");
    c = config_must(
        SMALL("qwen3") "\"head_dim\":8,\"use_sliding_window\":true,\"sliding_window\":5,"
                       "\"layer_types\":[\"sliding_attention\",\"full_attention\",\"full_attention\",\"full_"
                       "attention\","
                       "\"full_attention\",\"full_attention\",\"full_attention\",\"sliding_attention\"]}");
    cr_expect_eq(c.local[0], 0x81, "layer_types decides");
}

/* ---- spellings ---- */

/* Pairs that must give the same configuration. */
static const char *const config_spellings[][2] = {
    {SMALL("llama") "\"rope_scaling\":{\"type\":\"linear\",\"factor\":4}}",
     SMALL("llama") "\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":4.0}}"},
    {SMALL("llama") "\"rope_scaling\":{\"type\":\"linear\",\"factor\":4}}",
     SMALL("llama") "\"rope_scaling\":{\"type\":\"linear\",\"rope_type\":\"linear\",\"factor\":4.0}}"},
    {SMALL("llama") "\"rope_theta\":5e5,\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":2}}",
     SMALL("llama") "\"rope_parameters\":{\"rope_type\":\"dynamic\",\"factor\":2,\"rope_theta\":500000}}"},
    {SMALL("llama") "\"rope_theta\":5e5,\"dtype\":\"float16\"}",
     SMALL("llama") "\"rope_parameters\":{\"rope_theta\":5e5},\"torch_dtype\":\"float32\"}"},
    {SMALL("llama") "\"rope_theta\":5e5,\"rope_scaling\":null}",
     SMALL("llama") "\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":5e5}}"},
    {SMALL("llama") "\"rope_scaling\":{},\"rope_parameters\":{}}", SMALL("llama") "\"use_cache\":true}"},
    {SMALL("llama") "\"rope_scaling\":{\"type\":\"linear\",\"factor\":4,\"long_factor\":null}}",
     SMALL("llama") "\"rope_scaling\":{\"type\":\"linear\",\"factor\":4},"
                    "\"rope_parameters\":{\"type\":\"linear\",\"factor\":4}}"},
    {SMALL("gpt_neox") "\"rotary_pct\":0.5,\"rotary_emb_base\":777}",
     SMALL("gpt_neox") "\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":777,"
                       "\"partial_rotary_factor\":0.5}}"},
    {SMALL("phi3") "\"partial_rotary_factor\":0.5}",
     SMALL("phi3") "\"rope_parameters\":{\"rope_type\":\"default\",\"partial_rotary_factor\":0.5}}"},
    {SMALL("gemma3_text") "\"head_dim\":8,\"rope_theta\":3e5,\"rope_local_base_freq\":2e4,"
                          "\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":8}}",
     SMALL("gemma3_text") "\"head_dim\":8,\"rope_parameters\":{"
                          "\"full_attention\":{\"rope_type\":\"linear\",\"factor\":8.0,\"rope_theta\":3e5},"
                          "\"sliding_attention\":{\"rope_type\":\"default\",\"rope_theta\":2e4}}}"},
    {SMALL("gemma3_text") "\"head_dim\":8,\"rope_theta\":3e5,\"rope_local_base_freq\":2e4}",
     SMALL("gemma3_text") "\"head_dim\":8,\"rope_scaling\":{"
                          "\"full_attention\":{\"rope_theta\":3e5},"
                          "\"sliding_attention\":{\"rope_theta\":2e4}}}"},
    {SMALL("gemma3_text") "\"head_dim\":8,\"sliding_window_pattern\":4}",
     SMALL("gemma3_text") "\"head_dim\":8,\"_sliding_window_pattern\":4,\"layer_types\":["
                          "\"sliding_attention\",\"sliding_attention\",\"sliding_attention\",\"full_"
                          "attention\","
                          "\"sliding_attention\",\"sliding_attention\",\"sliding_attention\",\"full_"
                          "attention\"]}"},
    {SMALL("gemma") "\"head_dim\":8,\"hidden_act\":\"gelu\",\"hidden_activation\":null}",
     SMALL("gemma") "\"head_dim\":8,\"hidden_activation\":\"gelu_pytorch_tanh\"}"},
    {SMALL("gpt_neox") "\"rotary_pct\":0.5,\"rotary_emb_base\":777}",
     SMALL("gpt_neox") "\"rotary_pct\":0.5,\"partial_rotary_factor\":0.5,\"rope_theta\":777.0,"
                       "\"rotary_emb_base\":777}"},
    {SMALL("gpt_neox") "\"hidden_act\":\"gelu_fast\"}", SMALL("gpt_neox") "\"hidden_act\":\"gelu_new\"}"},
    {SMALL("llama") "\"hidden_act\":\"swish\"}", SMALL("llama") "\"hidden_act\":\"silu\"}"},
    {SMALL("mistral") "\"sliding_window\":6}",
     SMALL("mistral") "\"sliding_window\":6,\"rope_parameters\":{\"full_attention\":{\"rope_theta\":1e4},"
                      "\"sliding_attention\":{\"rope_theta\":1e4}}}"},
};

Test(config_keys, old_and_new_spellings_mean_the_same)
{
    for (size_t i = 0; i < sizeof config_spellings / sizeof config_spellings[0]; i++) {
        ModelConfig a = config_must(config_spellings[i][0]), b = config_must(config_spellings[i][1]);
        config_same(config_spellings[i][1], &b, &a);
    }
}

Test(config_keys, yarn_and_dynamic_positions_reach_as_far_as_the_factor_says)
{
    ModelConfig c =
        config_must(SMALL("llama") "\"max_position_embeddings\":64,\"rope_scaling\":{\"type\":\"dynamic\","
                                   "\"factor\":4}}");
    cr_expect(c.max_len == 256 && c.rope.old_len == 64);
    c = config_must(
        SMALL("llama") "\"max_position_embeddings\":64,\"rope_scaling\":{\"type\":\"yarn\",\"factor\":2,"
                       "\"original_max_position_embeddings\":32}}");
    cr_expect(c.max_len == 64 && c.rope.old_len == 32);
    c = config_must(
        SMALL("llama") "\"max_position_embeddings\":64,\"rope_scaling\":{\"type\":\"linear\",\"factor\":4}}");
    cr_expect_eq(c.max_len, 64, "linear: max_position_embeddings is what the user set");
}

Test(config_keys, unknown_keys_may_be_passed_over_on_request)
{
    const char *json = SMALL("llama") "\"quantization_config\":{\"bits\":4},\"use_cache\":true}";
    ModelConfig c;
    char *ignored = NULL;
    Err e = {0};
    cr_expect_eq(model_config_parse(&c, &ignored, json, strlen(json), "config", false, &e), ERR_UNSUP);
    cr_expect_null(ignored);
    cr_expect_eq(model_config_parse(&c, &ignored, json, strlen(json), "config", true, &e), OK);
    cr_expect_str_eq(ignored, "quantization_config use_cache");
    free(ignored);
}
