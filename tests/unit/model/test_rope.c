/* Rotary positions: frequencies of every kind against their definitions, written out again here, and what the
 * model makes of them. */
#include <math.h>

#include "../../../src/model/arch.h"

#include "tiny.h"

static const double TWO_PI = 6.283185307179586476925;
enum { ROPE_HALF_MAX = 64 };

static ModelConfig rope_config(const char *rope)
{
    ModelConfig c = {0};
    Str s = {0};
    str_printf(&s,
               "{\"model_type\":\"llama\",\"vocab_size\":20,\"hidden_size\":32,\"num_hidden_layers\":1,"
               "\"num_attention_heads\":2,\"intermediate_size\":24,\"max_position_embeddings\":64,%s}",
               rope);
    MUST(model_config_parse(&c, NULL, s.s, s.n, "config", false, &e_));
    str_free(&s);
    return c;
}

static void rope_same(const double *want, const ModelRope *r, size_t dim, size_t n, const char *what)
{
    double got[ROPE_HALF_MAX];
    rope_freqs(got, r, dim, n);
    for (size_t j = 0; j < dim / 2; j++)
        cr_expect_float_eq(got[j], want[j], 1e-13 * want[j], "%s: frequency %zu is %.17g, want %.17g", what,
                           j, got[j], want[j]);
}

Test(rope, plain_and_linear)
{
    double want[8];
    ModelConfig c = rope_config("\"rope_theta\":500000");
    for (size_t j = 0; j < 8; j++) want[j] = exp(-log(500000) * (double)j / 8);
    rope_same(want, &c.rope, 16, 0, "plain");
    c = rope_config("\"rope_theta\":500000,\"rope_scaling\":{\"type\":\"linear\",\"factor\":2.5}");
    for (size_t j = 0; j < 8; j++) want[j] /= 2.5;
    rope_same(want, &c.rope, 16, 0, "linear");
    rope_same(want, &c.rope, 16, 1000, "linear, of a long sequence");
}

/* Llama 3.1's rule in terms of turns over the old length: what turns less than `low` times is divided by the
 * factor, what turns more than `high` times kept; between them the weight grows in a straight line. */
Test(rope, llama3)
{
    ModelConfig c =
        rope_config("\"rope_theta\":10000,\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,"
                    "\"low_freq_factor\":1,\"high_freq_factor\":4,"
                    "\"original_max_position_embeddings\":64}");
    double want[8];
    size_t kept = 0, divided = 0, blended = 0;
    for (size_t j = 0; j < 8; j++) {
        double f = pow(10000, -(double)j / 8), w = (64 * f / TWO_PI - 1) / (4 - 1);
        w = fmin(fmax(w, 0), 1);
        kept += w == 1;
        divided += w == 0;
        blended += w > 0 && w < 1;
        want[j] = f * (w + (1 - w) / 8);
    }
    cr_assert(kept > 0 && divided > 0 && blended > 0);
    rope_same(want, &c.rope, 16, 0, "llama3");
}

/* ---- YaRN ---- */

typedef struct {
    const char *json;
    double theta, factor, old_len, fast, slow;
    bool truncate;
    double gain;
    double at[3]; /* frequencies 1, 2 and 3 of 8, worked out apart from this file to 15 digits */
} YarnCase;

#define YARN(theta, factor, more) \
    "\"rope_theta\":" theta ",\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":" factor more "}"
#define OLD(n) ",\"original_max_position_embeddings\":" n
#define LN4 1.3862943611198906

static const YarnCase yarn_cases[] = {
    {YARN("10000", "4", ),
     1e4,
     4,
     64,
     32,
     1,
     true,
     0.1 * LN4 + 1,
     {0.237170824512628, 0.05, 0.00790569415042095}},
    {YARN("10000", "4", OLD("64") ",\"truncate\":true,\"attention_factor\":null"),
     1e4,
     4,
     64,
     32,
     1,
     true,
     0.1 * LN4 + 1,
     {0.237170824512628, 0.05, 0.00790569415042095}},
    {YARN("10000", "4", OLD("64") ",\"truncate\":false"),
     1e4,
     4,
     64,
     32,
     1,
     false,
     0.1 * LN4 + 1,
     {0.198583520153693, 0.0255952458919242, 0.00790569415042095}},
    {YARN("500000", "16", OLD("8192") ",\"beta_fast\":32,\"beta_slow\":1"),
     5e5,
     16,
     8192,
     32,
     1,
     true,
     0.2 * LN4 + 1,
     {0.193922744748686, 0.0376060309308639, 0.00501370700683676}},
    {YARN("10000", "4", OLD("64") ",\"beta_fast\":8,\"attention_factor\":0.75"),
     1e4,
     4,
     64,
     8,
     1,
     true,
     0.75,
     {0.237170824512628, 0.05, 0.00790569415042095}},
    {YARN("10000", "4", OLD("64") ",\"mscale\":2,\"mscale_all_dim\":0.5"),
     1e4,
     4,
     64,
     32,
     1,
     true,
     (0.2 * LN4 + 1) / (0.05 * LN4 + 1),
     {0.237170824512628, 0.05, 0.00790569415042095}},
    {YARN("10000", "4", OLD("64") ",\"mscale\":2,\"mscale_all_dim\":0"),
     1e4,
     4,
     64,
     32,
     1,
     true,
     0.1 * LN4 + 1,
     {0.237170824512628, 0.05, 0.00790569415042095}},
    {YARN("10000", "4", OLD("64") ",\"mscale\":1,\"mscale_all_dim\":1"),
     1e4,
     4,
     64,
     32,
     1,
     true,
     1,
     {0.237170824512628, 0.05, 0.00790569415042095}},
    {YARN("10000", "1", OLD("64")),
     1e4,
     1,
     64,
     32,
     1,
     true,
     1,
     {0.316227766016838, 0.1, 0.0316227766016838}}, /* nothing is stretched */
    {YARN("10000", "4", OLD("6")),
     1e4,
     4,
     6,
     32,
     1,
     true,
     0.1 * LN4 + 1,
     {0.0790569415042095, 0.025, 0.00790569415042095}}, /* both ends of the range fall on entry 0 */
};

/* Peng et al. 2023, section 3.2: the entry whose frequency turns `turns` times over the old length. */
static double yarn_turning(double dim, double theta, double old_len, double turns)
{
    return dim / 2 * log(old_len / (TWO_PI * turns)) / log(theta);
}

static void yarn_expect(double *want, const YarnCase *t, size_t dim)
{
    double low = yarn_turning((double)dim, t->theta, t->old_len, t->fast),
           high = yarn_turning((double)dim, t->theta, t->old_len, t->slow);
    low = fmax(t->truncate ? floor(low) : low, 0);
    high = fmin(t->truncate ? ceil(high) : high, (double)dim - 1);
    if (low == high) high += 0.001; /* as the reference library does */
    for (size_t j = 0; j < dim / 2; j++) {
        double slow_part = fmin(fmax(((double)j - low) / (high - low), 0), 1),
               f = 1 / pow(t->theta, 2 * (double)j / (double)dim);
        want[j] = f * (1 - slow_part) + f / t->factor * slow_part;
    }
}

Test(rope, yarn)
{
    for (size_t i = 0; i < sizeof yarn_cases / sizeof yarn_cases[0]; i++) {
        const YarnCase *t = &yarn_cases[i];
        ModelConfig c = rope_config(t->json);
        double want[ROPE_HALF_MAX], got[ROPE_HALF_MAX];
        cr_expect_eq(c.rope.kind, ROPE_YARN);
        cr_expect_float_eq(c.rope.gain, t->gain, 1e-14, "%s: gain %.17g", t->json, c.rope.gain);
        cr_expect_eq(c.rope.truncate, t->truncate, "%s", t->json);
        yarn_expect(want, t, 16);
        rope_same(want, &c.rope, 16, 0, t->json);
        rope_freqs(got, &c.rope, 16, 0);
        for (size_t j = 0; j < 3; j++)
            cr_expect_float_eq(got[j + 1], t->at[j], 1e-14 + 1e-14 * t->at[j], "%s: frequency %zu is %.17g",
                               t->json, j + 1, got[j + 1]);
    }
}

/* ---- through the model ---- */

/* Logits of `n` tokens by two models. */
static double rope_logits_apart(const Model *a, const Model *b, size_t n)
{
    int32_t *ids = tiny_ids(n, a->cfg.n_vocab, 5);
    float *x = case_logits(a, ids, n, NULL), *y = case_logits(b, ids, n, NULL);
    double d = case_max_diff(x, y, n * a->cfg.n_vocab);
    free(ids);
    free(x);
    free(y);
    return d;
}

static double rope_configs_apart(const ModelConfig *a, const ModelConfig *b, size_t n)
{
    Model *x = tiny_model(a, 3), *y = tiny_model(b, 3);
    double d = rope_logits_apart(x, y, n);
    model_free(x);
    model_free(y);
    return d;
}

static const double rope_tolerance = 2e-5;

Test(rope, frequencies_of_the_model_are_those_of_its_configuration)
{
    for (size_t i = 0; i < sizeof yarn_cases / sizeof yarn_cases[0]; i++) {
        ModelConfig c = rope_config(yarn_cases[i].json);
        Model *m = NULL;
        double want[ROPE_HALF_MAX];
        MUST(model_new(&m, &c, &e_));
        yarn_expect(want, &yarn_cases[i], 16);
        for (size_t j = 0; j < 8; j++) cr_expect_float_eq(m->freq[0][j], want[j], 1e-13 * want[j]);
        model_free(m);
    }
}

/* The gain is of cos and sin: scores get its square, which is what a scale of the scores does too. */
Test(rope, the_gain_of_yarn_acts_on_queries_and_keys)
{
    ModelConfig a = tiny_config();
    a.rope = (ModelRope){.kind = ROPE_YARN,
                         .theta = 10000,
                         .factor = 4,
                         .old_len = 16,
                         .beta_fast = 8,
                         .beta_slow = 1,
                         .truncate = true,
                         .gain = 1.5};
    ModelConfig b = a, once = a;
    b.rope.gain = 1;
    b.attn_scale = 1.5 * 1.5 / sqrt((double)b.head_dim);
    once.rope.gain = 1;
    once.attn_scale = 1.5 / sqrt((double)b.head_dim);
    cr_expect_lt(rope_configs_apart(&a, &b, 40), rope_tolerance);
    cr_expect_gt(rope_configs_apart(&a, &once, 40), 1e-2, "not of one of the two alone");
}

static void rope_scale_rows(Model *m, double gain, size_t rows)
{
    const ModelConfig *c = &m->cfg;
    size_t heads = c->n_heads + c->n_kv; /* q and k lie one behind the other */
    for (size_t l = 0; l < c->n_layers; l++)
        for (size_t h = 0; h < heads; h++)
            for (size_t i = 0; i < rows * c->n_hidden; i++)
                m->p.layer[l].qkv.w[h * c->head_dim * c->n_hidden + i] *= (float)gain;
}

/* Where a part of a head is rotated, the gain acts on that part alone: like longer rows of q and k. */
Test(rope, the_gain_of_yarn_leaves_what_is_not_rotated)
{
    ModelConfig a = tiny_config();
    a.rotary_dim = 4;
    a.rope = (ModelRope){.kind = ROPE_YARN,
                         .theta = 10000,
                         .factor = 4,
                         .old_len = 16,
                         .beta_fast = 8,
                         .beta_slow = 1,
                         .gain = 1.25};
    ModelConfig b = a;
    b.rope.gain = 1;
    Model *x = tiny_model(&a, 3), *y = tiny_model(&b, 3);
    cr_expect_gt(rope_logits_apart(x, y, 40), 1e-2);
    rope_scale_rows(y, 1.25, 4);
    cr_expect_lt(rope_logits_apart(x, y, 40), rope_tolerance);
    model_free(x);
    model_free(y);
}

Test(rope, dynamic_theta_grows_with_the_sequence)
{
    ModelConfig c = rope_config("\"rope_theta\":10000,\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":3}");
    const size_t lengths[] = {1, 64, 65, 128, 192};
    double want[8];
    for (size_t i = 0; i < 5; i++) {
        double stretch = lengths[i] <= 64 ? 1 : 3 * (double)lengths[i] / 64 - 2,
               theta = 10000 * pow(stretch, 16.0 / 14.0);
        for (size_t j = 0; j < 8; j++) want[j] = pow(theta, -(double)j / 8);
        rope_same(want, &c.rope, 16, lengths[i], "dynamic");
    }
}

Test(rope, dynamic_is_plain_up_to_the_old_length_and_plain_with_a_higher_theta_beyond)
{
    ModelConfig plain = tiny_config(), dynamic = plain, raised = plain;
    dynamic.rope = (ModelRope){.kind = ROPE_DYNAMIC, .theta = 10000, .factor = 2, .old_len = 24};
    raised.rope.theta = 10000 * pow(2 * 40.0 / 24 - 1, 8.0 / 6.0);
    cr_expect_eq(rope_configs_apart(&dynamic, &plain, 24), 0);
    cr_expect_gt(rope_configs_apart(&dynamic, &plain, 40), 1e-4);
    cr_expect_lt(rope_configs_apart(&dynamic, &raised, 40), rope_tolerance);
}

/* A head of two entries has one frequency, 1, whatever theta is. */
Test(rope, a_head_of_two_entries)
{
    const double one = 1;
    ModelRope r = {.kind = ROPE_DYNAMIC, .theta = 10000, .factor = 2, .old_len = 24};
    rope_same(&one, &r, 2, 1000, "dynamic");
}

/* With all layers local and a window that no sequence fills, only rope_local is left of the difference. */
Test(rope, local_layers_have_their_own_theta)
{
    ModelConfig plain = tiny_config(), local = plain;
    plain.rope.theta = 300;
    local.window = 64;
    local.local[0] = 3;
    local.rope_local = (ModelRope){.theta = 300, .factor = 1};
    cr_expect_lt(rope_configs_apart(&local, &plain, 40), 1e-6);
    local.local[0] = 1;
    cr_expect_gt(rope_configs_apart(&local, &plain, 40), 1e-4);
}

/* A guard of the tests above: the kinds of scaling are not all the same to this model. */
Test(rope, scaled_models_differ_from_plain_ones)
{
    ModelConfig plain = tiny_config(), linear = plain, llama3 = plain;
    linear.rope = (ModelRope){.kind = ROPE_LINEAR, .theta = 10000, .factor = 4};
    llama3.rope =
        (ModelRope){.kind = ROPE_LLAMA3, .theta = 10000, .factor = 4, .old_len = 16, .low = 1, .high = 4};
    cr_expect_gt(rope_configs_apart(&linear, &plain, 40), 1e-3);
    cr_expect_gt(rope_configs_apart(&llama3, &plain, 40), 1e-4);
    linear.rope.factor = 1;
    cr_expect_eq(rope_configs_apart(&linear, &plain, 40), 0);
}
