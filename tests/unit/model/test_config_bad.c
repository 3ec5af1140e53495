/* Configurations that cannot be honoured: each is refused with one sentence that names key, value and bound.
 */
#include "prime/model.h"
#include "prime/str.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *json;
    Status status;
    const char *message; /* all of it, behind "config" */
} ConfigBad;

#define SIZES                                                                                                \
    "\"vocab_size\":20,\"hidden_size\":16,\"num_hidden_layers\":4,\"num_attention_heads\":2,\"intermediate_" \
    "size\":24"
#define OF(type, more) "{\"model_type\":\"" type "\"," SIZES "," more "}"
#define LLAMA(more) OF("llama", more)
#define SCALED(more) LLAMA("\"max_position_embeddings\":64,\"rope_scaling\":{" more "}")
#define GPT2(more) "{\"model_type\":\"gpt2\",\"vocab_size\":20,\"n_layer\":1,\"n_head\":2," more "}"
#define TYPES ", want one of llama, mistral, qwen2, qwen3, gpt2, gemma, gemma2, gemma3_text, phi3, gpt_neox"
#define ACTS ", want silu, gelu, gelu_new, gelu_fast, gelu_pytorch_tanh or relu"
#define KINDS " is not implemented, want default, linear, dynamic, llama3 or yarn"
#define NOT_IMPLEMENTED " is not implemented for this model_type and may change its numbers"

static const ConfigBad config_bad[] = {
    /* no configuration at all */
    {"", ERR_FORMAT, ": empty, want JSON"},
    {"[]", ERR_FORMAT, ": not an object"},
    {"{}", ERR_UNSUP, ": model_type = (none)" TYPES},
    {"{\"model_type\":[\"llama\"]}", ERR_UNSUP, ": model_type = (none)" TYPES},
    {"{\"model_type\":\"mixtral\"}", ERR_UNSUP, ": model_type = mixtral" TYPES},
    {"{\"model_type\":\"gemma3\"}", ERR_UNSUP, ": model_type = gemma3" TYPES},
    {LLAMA("\"vocab_size\":21"), ERR_FORMAT, ":1:136: not JSON: duplicate object key near '\"vocab_size\"'"},
    {LLAMA("\"rms_norm_eps\":NaN"), ERR_FORMAT, ":1:142: not JSON: invalid token near 'NaN'"},
    {LLAMA("\"rope_theta\":1e999"), ERR_FORMAT, ":1:142: not JSON: real number overflow near '1e999'"},
    /* keys that change the numbers */
    {LLAMA("\"num_local_experts\":8"), ERR_UNSUP, ": the key num_local_experts (8)" NOT_IMPLEMENTED},
    {OF("qwen3", "\"head_dim\":8,\"num_experts\":128,\"num_experts_per_tok\":8"), ERR_UNSUP,
     ": the key num_experts (128)" NOT_IMPLEMENTED},
    {LLAMA("\"quantization_config\":{\"quant_method\":\"gptq\",\"bits\":4}"), ERR_UNSUP,
     ": the key quantization_config (an object with 2 keys)" NOT_IMPLEMENTED},
    {LLAMA("\"rope_interleaved\":true"), ERR_UNSUP, ": the key rope_interleaved (true)" NOT_IMPLEMENTED},
    {LLAMA("\"residual_multiplier\":0.22"), ERR_UNSUP,
     ": the key residual_multiplier (0.22)" NOT_IMPLEMENTED},
    {OF("gemma2", "\"head_dim\":8,\"use_bidirectional_attention\":true"), ERR_UNSUP,
     ": the key use_bidirectional_attention (true)" NOT_IMPLEMENTED},
    {LLAMA("\"pruned_heads\":{\"0\":[1]}"), ERR_UNSUP,
     ": the key pruned_heads (an object with 1 keys)" NOT_IMPLEMENTED},
    {LLAMA("\"a_key_with_a_name_that_is_much_longer_than_any_that_is_printed_whole\":\"x\""), ERR_UNSUP,
     ": the key a_key_with_a_name_that_is_much_longer_than_any_that_is_print (the text "
     "\"x\")" NOT_IMPLEMENTED},
    {OF("mistral", "\"attention_bias\":true"), ERR_UNSUP, ": the key attention_bias (true)" NOT_IMPLEMENTED},
    {GPT2("\"n_embd\":16,\"add_cross_attention\":true"), ERR_UNSUP,
     ": add_cross_attention is true and is not implemented"},
    {GPT2("\"n_embd\":16,\"scale_attn_by_inverse_layer_idx\":true"), ERR_UNSUP,
     ": scale_attn_by_inverse_layer_idx is true and is not implemented"},
    {GPT2("\"n_embd\":16,\"hidden_size\":16"), ERR_UNSUP, ": the key hidden_size (16)" NOT_IMPLEMENTED},
    /* sizes */
    {"{\"model_type\":\"llama\"}", ERR_FORMAT, ": vocab_size is missing, want a whole number >= 0"},
    {LLAMA("\"num_key_value_heads\":3"), ERR_SHAPE, ": 3 key/value heads do not divide 2 heads"},
    {LLAMA("\"num_key_value_heads\":\"2\""), ERR_FORMAT,
     ": num_key_value_heads is the text \"2\", want a whole number >= 0"},
    {LLAMA("\"head_dim\":7"), ERR_SHAPE, ": 7 entries of a head are rotated, want an even number above 0"},
    {LLAMA("\"head_dim\":9223372036854775806"), ERR_SHAPE,
     ": head_dim = 9223372036854775806, want 1 to 16777216"},
    {LLAMA("\"head_dim\":1e30"), ERR_FORMAT, ": head_dim is 1e+30, want a whole number >= 0"},
    {LLAMA("\"head_dim\":16777214"), ERR_SHAPE, ": heads * head_dim = 33554428, want at most 16777216"},
    {LLAMA("\"max_position_embeddings\":99999999999"), ERR_SHAPE,
     ": max_position_embeddings = 99999999999, want 1 to 16777216"},
    {GPT2("\"n_embd\":15"), ERR_SHAPE, ": n_embd = 15 is not a multiple of n_head = 2"},
    {GPT2("\"n_embd\":4611686018427387904"), ERR_SHAPE,
     ": hidden_size = 4611686018427387904, want 1 to 16777216"},
    {GPT2("\"n_embd\":16,\"n_inner\":0"), ERR_SHAPE, ": intermediate_size = 0, want 1 to 16777216"},
    {GPT2("\"n_embd\":16,\"n_positions\":0"), ERR_SHAPE, ": max_position_embeddings = 0, want 1 to 16777216"},
    {"{\"model_type\":\"gpt2\",\"vocab_size\":20,\"n_layer\":1,\"n_head\":0,\"n_embd\":16}", ERR_SHAPE,
     ": n_embd = 16 is not a multiple of n_head = 0"},
    {"{\"model_type\":\"gpt2\",\"vocab_size\":20,\"n_layer\":513,\"n_head\":2,\"n_embd\":16}", ERR_SHAPE,
     ": num_hidden_layers = 513, want 1 to 512"},
    {OF("qwen3", "\"head_dim\":null"), ERR_FORMAT,
     ": head_dim is missing: for qwen3 it does not follow from the other sizes"},
    {OF("gemma", "\"rms_norm_eps\":1e-6"), ERR_FORMAT,
     ": head_dim is missing: for gemma it does not follow from the other sizes"},
    /* numbers, switches and texts */
    {LLAMA("\"rms_norm_eps\":1"), ERR_ARG, ": the norms' eps = 1, want (0, 1)"},
    {LLAMA("\"rms_norm_eps\":-1e-5"), ERR_ARG, ": the norms' eps = -1e-05, want (0, 1)"},
    {GPT2("\"n_embd\":16,\"layer_norm_epsilon\":true"), ERR_FORMAT,
     ": layer_norm_epsilon is true, want a number"},
    {LLAMA("\"mlp_bias\":0"), ERR_FORMAT, ": mlp_bias is 0, want true or false"},
    {LLAMA("\"hidden_act\":\"quick_gelu\""), ERR_UNSUP, ": hidden_act is the text \"quick_gelu\"" ACTS},
    {LLAMA("\"hidden_act\":[\"silu\"]"), ERR_UNSUP, ": hidden_act is an array of 1" ACTS},
    {OF("gemma", "\"head_dim\":8,\"hidden_activation\":\"tanh\""), ERR_UNSUP,
     ": hidden_activation is the text \"tanh\"" ACTS},
    {OF("gemma2", "\"head_dim\":8,\"query_pre_attn_scalar\":0"), ERR_ARG,
     ": query_pre_attn_scalar = 0, want 1e-6 to 1e12"},
    {OF("gemma2", "\"head_dim\":8,\"final_logit_softcapping\":-30"), ERR_ARG,
     ": final_logit_softcapping = -30, want 1e-6 to 1e6, or null for none"},
    {LLAMA("\"head_dim\":0"), ERR_SHAPE, ": head_dim = 0, want at least 1"},
    {OF("gemma2", "\"head_dim\":8,\"final_logit_softcapping\":1e300"), ERR_ARG,
     ": final_logit_softcapping = 1e+300, want 1e-6 to 1e6, or null for none"},
    {OF("gemma3_text", "\"head_dim\":8,\"attn_logit_softcapping\":0"), ERR_ARG,
     ": attn_logit_softcapping = 0, want 1e-6 to 1e6, or null for none"},
    {OF("gemma3_text", "\"head_dim\":8,\"query_pre_attn_scalar\":1e-310"), ERR_ARG,
     ": query_pre_attn_scalar = 1e-310, want 1e-6 to 1e12"},
    {"{\"model_type\":\"llama\\u0000moe\"}", ERR_UNSUP, ": model_type = (none)" TYPES},
    /* tokens */
    {LLAMA("\"eos_token_id\":-1"), ERR_FORMAT, ": eos_token_id is -1, want a token id below vocab_size = 20"},
    {LLAMA("\"eos_token_id\":[2,20]"), ERR_FORMAT,
     ": eos_token_id is 20, want a token id below vocab_size = 20"},
    {LLAMA("\"eos_token_id\":2.5"), ERR_FORMAT,
     ": eos_token_id is 2.5, want a token id below vocab_size = 20"},
    {LLAMA("\"eos_token_id\":[1,2,3,4,5,6,7,8,9]"), ERR_UNSUP, ": eos_token_id has more than 8 tokens"},
    {LLAMA("\"bos_token_id\":{\"id\":1}"), ERR_FORMAT,
     ": bos_token_id is an object with 1 keys, want a token id below vocab_size = 20"},
    /* windows */
    {OF("mistral", "\"sliding_window\":-5"), ERR_FORMAT, ": sliding_window is -5, want a whole number >= 0"},
    {OF("gemma3_text", "\"head_dim\":8,\"layer_types\":[\"full_attention\"]"), ERR_FORMAT,
     ": layer_types is an array of 1, want 4 entries"},
    {OF("gemma3_text", "\"head_dim\":8,\"layer_types\":\"full_attention\""), ERR_FORMAT,
     ": layer_types is the text \"full_attention\", want 4 entries"},
    {OF("qwen2",
        "\"layer_types\":[\"full_attention\",\"full_attention\",\"linear_attention\",\"full_attention\"]"),
     ERR_UNSUP,
     ": layer_types[2] is the text \"linear_attention\", want full_attention or sliding_attention"},
    {OF("qwen2", "\"layer_types\":[\"full_attention\",\"full_attention\",\"full_attention\",7]"), ERR_UNSUP,
     ": layer_types[3] is 7, want full_attention or sliding_attention"},
    {OF("mistral", "\"sliding_window\":0"), ERR_ARG,
     ": sliding_window = 0, want at least 1, or null for none"},
    {OF("phi3", "\"sliding_window\":0"), ERR_ARG, ": sliding_window = 0, want at least 1, or null for none"},
    {OF("gemma2", "\"head_dim\":8,\"sliding_window\":null"), ERR_UNSUP,
     ": sliding_window is null: the local layers need one"},
    {OF("gemma3_text", "\"head_dim\":8,\"sliding_window_pattern\":0"), ERR_ARG,
     ": sliding_window_pattern = 0, want at least 1"},
    {OF("qwen2",
        "\"layer_types\":[\"full_attention\",\"full_attention\",\"full_attention\",\"sliding_attention\"]"),
     ERR_FORMAT, ": layer_types[3] is sliding_attention and no sliding_window is in force"},
    /* rotary positions */
    {LLAMA("\"rope_theta\":0"), ERR_ARG, ": rope_theta = 0, want above 0"},
    {LLAMA("\"rope_theta\":1e-320"), ERR_ARG, ": rope_theta = 9.99989e-321, want at least 1e-06"},
    {OF("gemma3_text", "\"head_dim\":8,\"rope_local_base_freq\":1e-9"), ERR_ARG,
     ": rope_theta = 1e-09, want at least 1e-06"},
    {LLAMA("\"rope_theta\":\"10000\""), ERR_FORMAT, ": rope_theta is the text \"10000\", want a number"},
    {LLAMA("\"rope_scaling\":\"linear\""), ERR_FORMAT,
     ": rope_scaling is the text \"linear\", want an object"},
    {LLAMA("\"rope_parameters\":[1,2]"), ERR_FORMAT, ": rope_parameters is an array of 2, want an object"},
    {SCALED("\"factor\":2"), ERR_FORMAT, ": rope_scaling has no rope_type"},
    {SCALED("\"type\":7,\"factor\":2"), ERR_UNSUP, ": rope_scaling type '(no text)'" KINDS},
    {SCALED("\"type\":\"linear\",\"rope_type\":\"dynamic\",\"factor\":2"), ERR_FORMAT,
     ": rope_scaling: rope_type = dynamic and type = linear contradict each other"},
    {SCALED("\"type\":\"linear\""), ERR_FORMAT, ": factor is missing, want a number"},
    {SCALED("\"type\":\"linear\",\"factor\":\"2\""), ERR_FORMAT, ": factor is the text \"2\", want a number"},
    {SCALED("\"type\":\"linear\",\"factor\":0.5"), ERR_ARG, ": rope factor = 0.5, want at least 1"},
    {SCALED("\"type\":\"linear\",\"factor\":2,\"original_max_position_embeddings\":32"), ERR_UNSUP,
     ": rope_scaling: the key original_max_position_embeddings (32) is not implemented for type linear"},
    {SCALED("\"rope_type\":\"default\",\"factor\":8"), ERR_FORMAT,
     ": rope factor = 8 and no scaling (type default)"},
    {SCALED("\"rope_type\":\"default\",\"mrope_section\":[2,3,3]"), ERR_UNSUP,
     ": rope_scaling: the key mrope_section (an array of 3) is not implemented for type default"},
    {SCALED("\"type\":\"dynamic\",\"factor\":2,\"original_max_position_embeddings\":32"), ERR_UNSUP,
     ": dynamic rope with original_max_position_embeddings = 32, want 64 as in max_position_embeddings"},
    {SCALED("\"type\":\"llama3\",\"factor\":2,\"low_freq_factor\":1,\"high_freq_factor\":4"), ERR_FORMAT,
     ": original_max_position_embeddings is missing, want a number"},
    {SCALED("\"type\":\"llama3\",\"factor\":2,\"low_freq_factor\":4,\"high_freq_factor\":4,"
            "\"original_max_position_embeddings\":32"),
     ERR_ARG, ": low_freq_factor = 4 and high_freq_factor = 4, want 0 < low < high"},
    {SCALED("\"type\":\"llama3\",\"factor\":2,\"low_freq_factor\":1,\"high_freq_factor\":4,"
            "\"original_max_position_embeddings\":-8"),
     ERR_ARG, ": original_max_position_embeddings = -8, want above 0"},
    {SCALED("\"type\":\"yarn\",\"factor\":4,\"beta_fast\":1,\"beta_slow\":1"), ERR_ARG,
     ": beta_fast = 1 and beta_slow = 1, want fast > slow > 0"},
    {SCALED("\"type\":\"yarn\",\"factor\":4,\"beta_slow\":-1"), ERR_ARG,
     ": beta_fast = 32 and beta_slow = -1, want fast > slow > 0"},
    {SCALED("\"type\":\"yarn\",\"factor\":4,\"attention_factor\":0"), ERR_ARG,
     ": attention_factor = 0, want (0, 1e+06]"},
    {SCALED("\"type\":\"yarn\",\"factor\":4,\"attention_factor\":1e300"), ERR_ARG,
     ": attention_factor = 1e+300, want (0, 1e+06]"},
    {SCALED("\"type\":\"yarn\",\"factor\":4,\"mscale\":-20,\"mscale_all_dim\":1"), ERR_ARG,
     ": attention_factor = -1.55677, want (0, 1e+06]"},
    {SCALED("\"type\":\"yarn\",\"factor\":4,\"truncate\":\"no\""), ERR_FORMAT,
     ": truncate is the text \"no\", want true or false"},
    {SCALED("\"type\":\"yarn\",\"factor\":4,\"rope_theta\":1"), ERR_ARG,
     ": rope_theta = 1, want above 1 for yarn"},
    {SCALED("\"type\":\"yarn\",\"factor\":4,\"finetuned\":true"), ERR_UNSUP,
     ": rope_scaling: the key finetuned (true) is not implemented for type yarn"},
    {SCALED("\"type\":\"yarn\",\"factor\":4},\"rope_parameters\":{\"rope_type\":\"yarn\",\"factor\":8"),
     ERR_FORMAT, ": rope_scaling and rope_parameters contradict each other"},
    {LLAMA("\"rope_parameters\":{\"rope_theta\":1e4,\"partial_rotary_factor\":1.5}"), ERR_ARG,
     ": the rotated share of a head = 1.5, want (0, 1]"},
    {LLAMA("\"rope_parameters\":{\"rope_theta\":1e4,\"partial_rotary_factor\":0.4}"), ERR_SHAPE,
     ": 3 entries of a head are rotated, want an even number above 0"},
    {OF("gpt_neox", "\"rotary_pct\":0"), ERR_ARG, ": the rotated share of a head = 0, want (0, 1]"},
    {OF("gpt_neox", "\"rotary_pct\":0.5,\"partial_rotary_factor\":0.25"), ERR_FORMAT,
     ": rotary_pct = 0.5 and partial_rotary_factor = 0.25 contradict each other"},
    {OF("gpt_neox", "\"rotary_emb_base\":500,\"rope_theta\":10000"), ERR_FORMAT,
     ": rotary_emb_base = 500 and rope_theta = 10000 contradict each other"},
    {OF("gpt_neox", "\"rotary_pct\":-1e308"), ERR_ARG,
     ": the rotated share of a head = -1e+308, want (0, 1]"},
    {OF("phi3",
        "\"partial_rotary_factor\":0.75,\"rope_scaling\":{\"type\":\"longrope\",\"short_factor\":[1,1,1],"
        "\"long_factor\":[1,2,3]}"),
     ERR_UNSUP, ": rope_scaling type 'longrope'" KINDS},
    {OF("phi3", "\"rope_scaling\":{\"type\":\"su\",\"short_factor\":[1],\"long_factor\":[1]}"), ERR_UNSUP,
     ": rope_scaling type 'su'" KINDS},
    {OF("gemma3_text", "\"head_dim\":8,\"rope_parameters\":{\"full_attention\":{\"rope_theta\":1e6},"
                       "\"chunked_attention\":{}}"),
     ERR_UNSUP, ": rope_parameters: the key chunked_attention (an object with 0 keys) beside full_attention"},
    {OF("gemma3_text", "\"head_dim\":8,\"rope_parameters\":{\"full_attention\":{\"rope_theta\":1e6},"
                       "\"sliding_attention\":1e4}"),
     ERR_FORMAT, ": rope_parameters: sliding_attention is 10000, want an object"},
    {OF("gemma3_text", "\"head_dim\":8,\"rope_parameters\":{\"full_attention\":{\"rope_theta\":1e6},"
                       "\"sliding_attention\":{\"rope_theta\":1e4,\"partial_rotary_factor\":0.5}}"),
     ERR_UNSUP, ": local layers rotate another share of a head, 0.5: not implemented"},
    {OF("gemma3_text", "\"head_dim\":8,\"rope_parameters\":{\"sliding_attention\":{\"rope_theta\":1e4}}"),
     ERR_FORMAT, ": rope_scaling has no rope_type"},
};

Test(config_bad, every_one_is_refused_with_its_own_sentence)
{
    for (size_t i = 0; i < sizeof config_bad / sizeof config_bad[0]; i++) {
        const ConfigBad *t = &config_bad[i];
        ModelConfig c = {.n_vocab = 7};
        char *ignored = NULL;
        Err e = {0};
        Status s = model_config_parse(&c, &ignored, t->json, strlen(t->json), "config", false, &e);
        cr_expect_eq(s, t->status, "%s: %s: %s", t->json, err_name(s), e.msg);
        cr_expect(strncmp(e.msg, "config", 6) == 0 && strcmp(e.msg + 6, t->message) == 0,
                  "%s: %s, want config%s", t->json, e.msg, t->message);
        cr_expect(c.n_vocab == 7 && ignored == NULL, "%s: outputs are untouched", t->json);
    }
}

/* A configuration of more keys than are looked at. */
Test(config_bad, a_flood_of_keys)
{
    Str s = {0};
    ModelConfig c;
    Err e = {0};
    str_puts(&s, "{\"model_type\":\"llama\"," SIZES);
    for (int i = 0; i < 600; i++) str_printf(&s, ",\"k%d\":null", i);
    str_puts(&s, "}");
    cr_expect_eq(model_config_parse(&c, NULL, s.s, s.n, "config", false, &e), ERR_FORMAT);
    cr_expect_str_eq(e.msg, "config: 606 keys, want at most 512");
    str_free(&s);
}
