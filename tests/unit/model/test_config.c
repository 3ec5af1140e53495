/* Configurations as published models have them: every field that comes out, every key that is passed over. */
#include "config_same.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *name, *type, *json;
    ModelConfig want; /* arch is checked by `type` */
    const char *ignored;
} ConfigCase;

#define ROPE(t)                   \
    {                             \
        .theta = (t), .factor = 1 \
    }
#define COMMON                                                                                           \
    "\"torch_dtype\":\"bfloat16\",\"transformers_version\":\"4.40.0\",\"use_cache\":true,\"initializer_" \
    "range\":0.02,"
#define COMMON_IGNORED "torch_dtype transformers_version use_cache initializer_range"

static const ConfigCase config_cases[] = {
    {"Llama 3.2 1B",
     "llama",
     "{\"architectures\":[\"LlamaForCausalLM\"],\"attention_bias\":false,\"attention_dropout\":0.0,"
     "\"bos_token_id\":128000,\"eos_token_id\":[128001,128008,128009],\"head_dim\":64,\"hidden_act\":"
     "\"silu\","
     "\"hidden_size\":2048,\"intermediate_size\":8192,\"max_position_embeddings\":131072,\"mlp_bias\":false,"
     "\"model_type\":\"llama\",\"num_attention_heads\":32,\"num_hidden_layers\":16,\"num_key_value_heads\":8,"
     "\"pretraining_tp\":1,\"rms_norm_eps\":1e-05,\"rope_scaling\":{\"factor\":32.0,\"high_freq_factor\":4.0,"
     "\"low_freq_factor\":1.0,\"original_max_position_embeddings\":8192,\"rope_type\":\"llama3\"},"
     "\"rope_theta\":500000.0," COMMON "\"tie_word_embeddings\":true,\"vocab_size\":128256}",
     {.n_vocab = 128256,
      .n_hidden = 2048,
      .n_layers = 16,
      .n_heads = 32,
      .n_kv = 8,
      .head_dim = 64,
      .n_ffn = 8192,
      .max_len = 131072,
      .norm_eps = 1e-5,
      .tied = true,
      .rotary_dim = 64,
      .rope = {.kind = ROPE_LLAMA3, .theta = 500000, .factor = 32, .old_len = 8192, .low = 1, .high = 4},
      .rope_local =
          {.kind = ROPE_LLAMA3, .theta = 500000, .factor = 32, .old_len = 8192, .low = 1, .high = 4},
      .bos = 128000,
      .eos = 128001,
      .stop = {128001, 128008, 128009},
      .n_stop = 3},
     "architectures attention_dropout pretraining_tp " COMMON_IGNORED},
    {"TinyLlama 1.1B",
     "llama",
     "{\"architectures\":[\"LlamaForCausalLM\"],\"bos_token_id\":1,\"eos_token_id\":2,\"hidden_act\":"
     "\"silu\","
     "\"hidden_size\":2048,\"intermediate_size\":5632,\"max_position_embeddings\":2048,"
     "\"model_type\":\"llama\",\"num_attention_heads\":32,\"num_hidden_layers\":22,\"num_key_value_heads\":4,"
     "\"rms_norm_eps\":1e-05,\"rope_scaling\":null," COMMON "\"tie_word_embeddings\":false,"
     "\"vocab_size\":32000}",
     {.n_vocab = 32000,
      .n_hidden = 2048,
      .n_layers = 22,
      .n_heads = 32,
      .n_kv = 4,
      .head_dim = 64,
      .n_ffn = 5632,
      .max_len = 2048,
      .norm_eps = 1e-5,
      .rotary_dim = 64,
      .rope = ROPE(10000),
      .rope_local = ROPE(10000),
      .bos = 1,
      .eos = 2,
      .stop = {2},
      .n_stop = 1},
     "architectures " COMMON_IGNORED},
    {"SmolLM2 135M",
     "llama",
     "{\"architectures\":[\"LlamaForCausalLM\"],\"attention_bias\":false,\"bos_token_id\":0,"
     "\"eos_token_id\":0,\"hidden_act\":\"silu\",\"hidden_size\":576,\"intermediate_size\":1536,"
     "\"is_llama_config\":true,\"max_position_embeddings\":8192,\"model_type\":\"llama\","
     "\"num_attention_heads\":9,\"num_hidden_layers\":30,\"num_key_value_heads\":3,"
     "\"rms_norm_eps\":1e-05,\"rope_interleaved\":false,\"rope_scaling\":null,\"rope_theta\":100000,"
     "\"tie_word_embeddings\":true," COMMON
     "\"transformers.js_config\":{\"dtype\":\"q4\"},\"vocab_size\":49152}",
     {.n_vocab = 49152,
      .n_hidden = 576,
      .n_layers = 30,
      .n_heads = 9,
      .n_kv = 3,
      .head_dim = 64,
      .n_ffn = 1536,
      .max_len = 8192,
      .norm_eps = 1e-5,
      .tied = true,
      .rotary_dim = 64,
      .rope = ROPE(100000),
      .rope_local = ROPE(100000),
      .bos = 0,
      .eos = 0,
      .stop = {0},
      .n_stop = 1},
     "architectures is_llama_config rope_interleaved " COMMON_IGNORED " transformers.js_config"},
    {"Mistral 7B v0.1",
     "mistral",
     "{\"architectures\":[\"MistralForCausalLM\"],\"bos_token_id\":1,\"eos_token_id\":2,"
     "\"hidden_act\":\"silu\",\"hidden_size\":4096,\"intermediate_size\":14336,"
     "\"max_position_embeddings\":32768,\"model_type\":\"mistral\",\"num_attention_heads\":32,"
     "\"num_hidden_layers\":32,\"num_key_value_heads\":8,\"rms_norm_eps\":1e-05,\"rope_theta\":10000.0,"
     "\"sliding_window\":4096," COMMON "\"tie_word_embeddings\":false,\"vocab_size\":32000}",
     {.n_vocab = 32000,
      .n_hidden = 4096,
      .n_layers = 32,
      .n_heads = 32,
      .n_kv = 8,
      .head_dim = 128,
      .n_ffn = 14336,
      .max_len = 32768,
      .norm_eps = 1e-5,
      .rotary_dim = 128,
      .rope = ROPE(10000),
      .rope_local = ROPE(10000),
      .window = 4096,
      .local = {0xffffffff},
      .bos = 1,
      .eos = 2,
      .stop = {2},
      .n_stop = 1},
     "architectures " COMMON_IGNORED},
    {"Mistral 7B v0.3",
     "mistral",
     "{\"architectures\":[\"MistralForCausalLM\"],\"attention_dropout\":0.0,\"bos_token_id\":1,"
     "\"eos_token_id\":2,\"hidden_act\":\"silu\",\"hidden_size\":4096,\"intermediate_size\":14336,"
     "\"max_position_embeddings\":32768,\"model_type\":\"mistral\",\"num_attention_heads\":32,"
     "\"num_hidden_layers\":32,\"num_key_value_heads\":8,\"rms_norm_eps\":1e-05,\"rope_theta\":1000000.0,"
     "\"sliding_window\":null," COMMON "\"tie_word_embeddings\":false,\"vocab_size\":32768}",
     {.n_vocab = 32768,
      .n_hidden = 4096,
      .n_layers = 32,
      .n_heads = 32,
      .n_kv = 8,
      .head_dim = 128,
      .n_ffn = 14336,
      .max_len = 32768,
      .norm_eps = 1e-5,
      .rotary_dim = 128,
      .rope = ROPE(1e6),
      .rope_local = ROPE(1e6),
      .bos = 1,
      .eos = 2,
      .stop = {2},
      .n_stop = 1},
     "architectures attention_dropout " COMMON_IGNORED},
    {"Qwen 2.5 0.5B",
     "qwen2",
     "{\"architectures\":[\"Qwen2ForCausalLM\"],\"attention_dropout\":0.0,\"bos_token_id\":151643,"
     "\"eos_token_id\":151645,\"hidden_act\":\"silu\",\"hidden_size\":896,\"intermediate_size\":4864,"
     "\"max_position_embeddings\":32768,\"max_window_layers\":21,\"model_type\":\"qwen2\","
     "\"num_attention_heads\":14,\"num_hidden_layers\":24,\"num_key_value_heads\":2,\"rms_norm_eps\":1e-06,"
     "\"rope_theta\":1000000.0,\"sliding_window\":32768,\"tie_word_embeddings\":true," COMMON
     "\"use_mrope\":false,\"use_sliding_window\":false,\"vocab_size\":151936}",
     {.n_vocab = 151936,
      .n_hidden = 896,
      .n_layers = 24,
      .n_heads = 14,
      .n_kv = 2,
      .head_dim = 64,
      .n_ffn = 4864,
      .max_len = 32768,
      .norm_eps = 1e-6,
      .tied = true,
      .bias_qkv = true,
      .rotary_dim = 64,
      .rope = ROPE(1e6),
      .rope_local = ROPE(1e6),
      .bos = 151643,
      .eos = 151645,
      .stop = {151645},
      .n_stop = 1},
     "architectures attention_dropout " COMMON_IGNORED " use_mrope"},
    {"Qwen3 0.6B",
     "qwen3",
     "{\"architectures\":[\"Qwen3ForCausalLM\"],\"attention_bias\":false,\"attention_dropout\":0.0,"
     "\"bos_token_id\":151643,\"eos_token_id\":151645,\"head_dim\":128,\"hidden_act\":\"silu\","
     "\"hidden_size\":1024,\"intermediate_size\":3072,\"max_position_embeddings\":40960,"
     "\"max_window_layers\":28,\"model_type\":\"qwen3\",\"num_attention_heads\":16,\"num_hidden_layers\":28,"
     "\"num_key_value_heads\":8,\"rms_norm_eps\":1e-06,\"rope_scaling\":null,\"rope_theta\":1000000,"
     "\"sliding_window\":null,\"tie_word_embeddings\":true," COMMON
     "\"use_sliding_window\":false,\"vocab_size\":151936}",
     {.n_vocab = 151936,
      .n_hidden = 1024,
      .n_layers = 28,
      .n_heads = 16,
      .n_kv = 8,
      .head_dim = 128,
      .n_ffn = 3072,
      .max_len = 40960,
      .norm_eps = 1e-6,
      .tied = true,
      .qk_norm = true,
      .rotary_dim = 128,
      .rope = ROPE(1e6),
      .rope_local = ROPE(1e6),
      .bos = 151643,
      .eos = 151645,
      .stop = {151645},
      .n_stop = 1},
     "architectures attention_dropout " COMMON_IGNORED},
    {"GPT-2",
     "gpt2",
     "{\"activation_function\":\"gelu_new\",\"architectures\":[\"GPT2LMHeadModel\"],\"attn_pdrop\":0.1,"
     "\"bos_token_id\":50256,\"embd_pdrop\":0.1,\"eos_token_id\":50256,\"initializer_range\":0.02,"
     "\"layer_norm_epsilon\":1e-05,\"model_type\":\"gpt2\",\"n_ctx\":1024,\"n_embd\":768,\"n_head\":12,"
     "\"n_layer\":12,\"n_positions\":1024,\"n_special\":0,\"predict_special_tokens\":true,"
     "\"resid_pdrop\":0.1,\"summary_activation\":null,\"summary_first_dropout\":0.1,"
     "\"summary_proj_to_labels\":true,\"summary_type\":\"cls_index\",\"summary_use_proj\":true,"
     "\"task_specific_params\":{\"text-generation\":{\"do_sample\":true,\"max_length\":50}},"
     "\"vocab_size\":50257}",
     {.n_vocab = 50257,
      .n_hidden = 768,
      .n_layers = 12,
      .n_heads = 12,
      .n_kv = 12,
      .head_dim = 64,
      .n_ffn = 3072,
      .max_len = 1024,
      .norm = NORM_LAYER,
      .norm_eps = 1e-5,
      .act = ACT_GELU_TANH,
      .ungated = true,
      .tied = true,
      .conv1d = true,
      .bias_qkv = true,
      .bias_o = true,
      .bias_ffn = true,
      .learned_pos = true,
      .bos = 50256,
      .eos = 50256,
      .stop = {50256},
      .n_stop = 1},
     "architectures attn_pdrop embd_pdrop initializer_range n_ctx n_special predict_special_tokens "
     "resid_pdrop "
     "summary_activation summary_first_dropout summary_proj_to_labels summary_type summary_use_proj "
     "task_specific_params"},
    {"Gemma 2B",
     "gemma",
     "{\"architectures\":[\"GemmaForCausalLM\"],\"attention_bias\":false,\"attention_dropout\":0.0,"
     "\"bos_token_id\":2,\"eos_token_id\":1,\"head_dim\":256,\"hidden_act\":\"gelu\","
     "\"hidden_activation\":null,\"hidden_size\":2048,\"intermediate_size\":16384,"
     "\"max_position_embeddings\":8192,\"model_type\":\"gemma\",\"num_attention_heads\":8,"
     "\"num_hidden_layers\":18,\"num_key_value_heads\":1,\"pad_token_id\":0,\"rms_norm_eps\":1e-06,"
     "\"rope_scaling\":null,\"rope_theta\":10000.0," COMMON "\"vocab_size\":256000}",
     {.n_vocab = 256000,
      .n_hidden = 2048,
      .n_layers = 18,
      .n_heads = 8,
      .n_kv = 1,
      .head_dim = 256,
      .n_ffn = 16384,
      .max_len = 8192,
      .norm = NORM_RMS_PLUS1,
      .norm_eps = 1e-6,
      .act = ACT_GELU_TANH,
      .tied = true,
      .embed_scale = 45.254833995939045,
      .rotary_dim = 256,
      .rope = ROPE(10000),
      .rope_local = ROPE(10000),
      .bos = 2,
      .eos = 1,
      .stop = {1},
      .n_stop = 1},
     "architectures attention_dropout pad_token_id " COMMON_IGNORED},
    {"Gemma 2 2B",
     "gemma2",
     "{\"architectures\":[\"Gemma2ForCausalLM\"],\"attention_bias\":false,\"attention_dropout\":0.0,"
     "\"attn_logit_softcapping\":50.0,\"bos_token_id\":2,\"cache_implementation\":\"hybrid\","
     "\"eos_token_id\":[1,107],\"final_logit_softcapping\":30.0,\"head_dim\":256,"
     "\"hidden_act\":\"gelu_pytorch_tanh\",\"hidden_activation\":\"gelu_pytorch_tanh\",\"hidden_size\":2304,"
     "\"intermediate_size\":9216,\"max_position_embeddings\":8192,\"model_type\":\"gemma2\","
     "\"num_attention_heads\":8,\"num_hidden_layers\":26,\"num_key_value_heads\":4,\"pad_token_id\":0,"
     "\"query_pre_attn_scalar\":256,\"rms_norm_eps\":1e-06,\"rope_theta\":10000.0,\"sliding_window\":"
     "4096," COMMON "\"vocab_size\":256000}",
     {.n_vocab = 256000,
      .n_hidden = 2304,
      .n_layers = 26,
      .n_heads = 8,
      .n_kv = 4,
      .head_dim = 256,
      .n_ffn = 9216,
      .max_len = 8192,
      .norm = NORM_RMS_PLUS1,
      .norm_eps = 1e-6,
      .act = ACT_GELU_TANH,
      .tied = true,
      .post_norms = true,
      .embed_scale = 48,
      .attn_scale = 0.0625,
      .attn_softcap = 50,
      .final_softcap = 30,
      .rotary_dim = 256,
      .rope = ROPE(10000),
      .rope_local = ROPE(10000),
      .window = 4096,
      .local = {0x1555555},
      .bos = 2,
      .eos = 1,
      .stop = {1, 107},
      .n_stop = 2},
     "architectures attention_dropout cache_implementation pad_token_id " COMMON_IGNORED},
    {"Gemma 3 1B",
     "gemma3_text",
     "{\"architectures\":[\"Gemma3ForCausalLM\"],\"attention_bias\":false,\"attention_dropout\":0.0,"
     "\"attn_logit_softcapping\":null,\"bos_token_id\":2,\"cache_implementation\":\"hybrid\","
     "\"eos_token_id\":[1,106],\"final_logit_softcapping\":null,\"head_dim\":256,"
     "\"hidden_activation\":\"gelu_pytorch_tanh\",\"hidden_size\":1152,\"intermediate_size\":6912,"
     "\"max_position_embeddings\":32768,\"model_type\":\"gemma3_text\",\"num_attention_heads\":4,"
     "\"num_hidden_layers\":26,\"num_key_value_heads\":1,\"pad_token_id\":0,\"query_pre_attn_scalar\":256,"
     "\"rms_norm_eps\":1e-06,\"rope_local_base_freq\":10000,\"rope_scaling\":null,\"rope_theta\":1000000,"
     "\"sliding_window\":512,\"sliding_window_pattern\":6," COMMON "\"vocab_size\":262144}",
     {.n_vocab = 262144,
      .n_hidden = 1152,
      .n_layers = 26,
      .n_heads = 4,
      .n_kv = 1,
      .head_dim = 256,
      .n_ffn = 6912,
      .max_len = 32768,
      .norm = NORM_RMS_PLUS1,
      .norm_eps = 1e-6,
      .act = ACT_GELU_TANH,
      .tied = true,
      .qk_norm = true,
      .post_norms = true,
      .embed_scale = 33.941125496954285,
      .attn_scale = 0.0625,
      .rotary_dim = 256,
      .rope = ROPE(1e6),
      .rope_local = ROPE(10000),
      .window = 512,
      .local = {0x37df7df},
      .bos = 2,
      .eos = 1,
      .stop = {1, 106},
      .n_stop = 2},
     "architectures attention_dropout cache_implementation pad_token_id " COMMON_IGNORED},
    {"Phi-3 mini 4k",
     "phi3",
     "{\"_name_or_path\":\"Phi-3-mini-4k-instruct\",\"architectures\":[\"Phi3ForCausalLM\"],"
     "\"attention_bias\":false,\"attention_dropout\":0.0,"
     "\"auto_map\":{\"AutoConfig\":\"configuration_phi3.Phi3Config\"},\"bos_token_id\":1,\"embd_pdrop\":0.0,"
     "\"eos_token_id\":32000,\"hidden_act\":\"silu\",\"hidden_size\":3072,\"intermediate_size\":8192,"
     "\"max_position_embeddings\":4096,\"model_type\":\"phi3\",\"num_attention_heads\":32,"
     "\"num_hidden_layers\":32,\"num_key_value_heads\":32,\"original_max_position_embeddings\":4096,"
     "\"pad_token_id\":32000,\"resid_pdrop\":0.0,\"rms_norm_eps\":1e-05,\"rope_scaling\":null,"
     "\"rope_theta\":10000.0,\"sliding_window\":2047,\"tie_word_embeddings\":false," COMMON
     "\"vocab_size\":32064}",
     {.n_vocab = 32064,
      .n_hidden = 3072,
      .n_layers = 32,
      .n_heads = 32,
      .n_kv = 32,
      .head_dim = 96,
      .n_ffn = 8192,
      .max_len = 4096,
      .norm_eps = 1e-5,
      .rotary_dim = 96,
      .rope = ROPE(10000),
      .rope_local = ROPE(10000),
      .window = 2047,
      .local = {0xffffffff},
      .bos = 1,
      .eos = 32000,
      .stop = {32000},
      .n_stop = 1},
     "_name_or_path architectures attention_bias attention_dropout auto_map embd_pdrop pad_token_id "
     "resid_pdrop " COMMON_IGNORED},
    {"Pythia 160M",
     "gpt_neox",
     "{\"architectures\":[\"GPTNeoXForCausalLM\"],\"bos_token_id\":0,\"eos_token_id\":0,"
     "\"hidden_act\":\"gelu\",\"hidden_size\":768,\"intermediate_size\":3072,\"layer_norm_eps\":1e-05,"
     "\"max_position_embeddings\":2048,\"model_type\":\"gpt_neox\",\"num_attention_heads\":12,"
     "\"num_hidden_layers\":12,\"rotary_emb_base\":10000,\"rotary_pct\":0.25,\"tie_word_embeddings\":"
     "false," COMMON "\"use_parallel_residual\":true,\"vocab_size\":50304}",
     {.n_vocab = 50304,
      .n_hidden = 768,
      .n_layers = 12,
      .n_heads = 12,
      .n_kv = 12,
      .head_dim = 64,
      .n_ffn = 3072,
      .max_len = 2048,
      .norm = NORM_LAYER,
      .norm_eps = 1e-5,
      .act = ACT_GELU,
      .ungated = true,
      .parallel = true,
      .bias_qkv = true,
      .bias_o = true,
      .bias_ffn = true,
      .rotary_dim = 16,
      .rope = ROPE(10000),
      .rope_local = ROPE(10000),
      .bos = 0,
      .eos = 0,
      .stop = {0},
      .n_stop = 1},
     "architectures " COMMON_IGNORED},
};

Test(config, published_configs_of_every_family_are_read_as_they_are_meant)
{
    for (size_t i = 0; i < sizeof config_cases / sizeof config_cases[0]; i++) {
        const ConfigCase *t = &config_cases[i];
        ModelConfig c;
        char *ignored = NULL;
        Err e = {0};
        cr_assert_eq(model_config_parse(&c, &ignored, t->json, strlen(t->json), t->name, false, &e), OK, "%s",
                     e.msg);
        cr_expect_str_eq(model_type_name(&c), t->type);
        config_same(t->name, &c, &t->want);
        cr_expect_str_eq(ignored, t->ignored, "%s: ignored: %s", t->name, ignored);
        free(ignored);
    }
}
