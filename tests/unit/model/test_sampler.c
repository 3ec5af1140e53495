/* A drawn token has the probability that temperature, top-k, top-p and min-p give it by definition. */
#include <math.h>

#include "engine_case.h"

#include "prime/generate.h"

/* ---- frequencies ---- */

static const float few_z[] = {0.3F, 2.0F, -1.2F, 2.0F, 0.9F, -0.4F};
enum { FEW = 6, MANY = 300, DRAWS = 40000 };

/* Probabilities by the definition, in double over a full sort; returns how many tokens are left. */
static size_t sampler_want(double *p, const float *z, size_t n, const GenOpts *o)
{
    size_t rank[MANY], left = o->top_k > 0 && o->top_k < n ? o->top_k : n, most = 0;
    double sum = 0, mass = 0;
    for (size_t i = 0; i < n; i++) { /* insertion by (logit, id) */
        size_t at = i;
        for (; at > 0 && z[i] > z[rank[at - 1]]; at--) rank[at] = rank[at - 1];
        rank[at] = i;
        p[i] = 0;
    }
    double first = (double)z[rank[0]];
    for (size_t i = 0; i < left; i++) sum += exp(((double)z[rank[i]] - first) / o->temperature);
    while (most < left && (most == 0 || mass < o->top_p * sum))
        mass += exp(((double)z[rank[most++]] - first) / o->temperature);
    for (left = 0, mass = 0; left < most; left++) {
        p[rank[left]] = exp(((double)z[rank[left]] - first) / o->temperature);
        if (left > 0 && p[rank[left]] < o->min_p) break;
        mass += p[rank[left]];
    }
    for (size_t i = 0; i < most; i++) p[rank[i]] = i < left ? p[rank[i]] / mass : 0;
    return left;
}

/* Chi-square of counts against probabilities, cells of expectation below 10 pooled. The limit is five
 * standard deviations of the chi-square above its mean: false alarms once in a million and more. */
static void sampler_case(const float *z, size_t n, GenOpts o, size_t left)
{
    double want[MANY], chi = 0, rest_want = 0, rest_got = 0;
    float w[MANY];
    GenEntry entry[MANY];
    size_t count[MANY] = {0}, cells = 0;
    Rng rng = rng_stream(11, "test draw", n);
    o.repetition_penalty = 1;
    cr_assert_eq(sampler_want(want, z, n, &o), left, "the case itself");
    for (size_t i = 0; i < DRAWS; i++) count[gen_pick(z, n, &o, rng_u64(&rng), w, entry)]++;
    for (size_t i = 0; i < n; i++) {
        double expect = want[i] * DRAWS, off = (double)count[i] - expect;
        if (want[i] == 0) cr_assert_eq(count[i], 0, "token %zu is cut, and was drawn %zu times", i, count[i]);
        if (expect < 10) {
            rest_want += expect;
            rest_got += (double)count[i];
            continue;
        }
        chi += off * off / expect;
        cells++;
    }
    if (rest_want > 0) chi += (rest_got - rest_want) * (rest_got - rest_want) / rest_want;
    double freedom = (double)cells, limit = freedom + 5 * sqrt(2 * freedom);
    cr_expect_lt(chi, limit,
                 "%zu tokens, temperature %g, top_k %zu, top_p %g, min_p %g: chi-square %g, limit %g", n,
                 o.temperature, o.top_k, o.top_p, o.min_p, chi, limit);
}

Test(sampler, frequencies_follow_the_definition)
{
    sampler_case(few_z, FEW, (GenOpts){.temperature = 1, .top_p = 1}, 6);
    sampler_case(few_z, FEW, (GenOpts){.temperature = 0.7, .top_p = 1}, 6);
    sampler_case(few_z, FEW, (GenOpts){.temperature = 3, .top_p = 1, .top_k = 100}, 6);
    sampler_case(few_z, FEW, (GenOpts){.temperature = 1, .top_p = 1, .top_k = 3}, 3);
    sampler_case(few_z, FEW, (GenOpts){.temperature = 1, .top_p = 1, .top_k = 5}, 5);
    /* Of all, the two of 2.0 have 0.38 each, 0.9 brings 0.88: two are enough for 0.7, three for 0.8. */
    sampler_case(few_z, FEW, (GenOpts){.temperature = 1, .top_p = 0.7}, 2);
    sampler_case(few_z, FEW, (GenOpts){.temperature = 1, .top_p = 0.8}, 3);
    /* The share is taken of what top-k leaves: of three, 0.857 belongs to the first two. */
    sampler_case(few_z, FEW, (GenOpts){.temperature = 1, .top_p = 0.84, .top_k = 3}, 2);
    /* exp(0.9 - 2) = 0.33, exp(0.3 - 2) = 0.18. */
    sampler_case(few_z, FEW, (GenOpts){.temperature = 1, .top_p = 1, .min_p = 0.3}, 3);
    sampler_case(few_z, FEW, (GenOpts){.temperature = 2, .top_p = 1, .min_p = 0.4}, 4);
    sampler_case(few_z, FEW, (GenOpts){.temperature = 1, .top_p = 0.99, .top_k = 5, .min_p = 0.1}, 4);
}

Test(sampler, frequencies_follow_the_definition_among_many_tokens)
{
    float z[MANY];
    Rng rng = rng_stream(3, "test logits", 0);
    for (size_t i = 0; i < MANY; i++) z[i] = (float)(2 * rng_normal(&rng));
    sampler_case(z, MANY, (GenOpts){.temperature = 1, .top_p = 1}, MANY);
    sampler_case(z, MANY, (GenOpts){.temperature = 1, .top_p = 1, .top_k = 40}, 40);
    sampler_case(z, MANY, (GenOpts){.temperature = 1, .top_p = 1, .top_k = 299}, 299);
    double p[MANY];
    GenOpts o = {.temperature = 1.3, .top_p = 0.9};
    sampler_case(z, MANY, o, sampler_want(p, z, MANY, &o));
    o = (GenOpts){.temperature = 0.8, .top_p = 0.5, .top_k = 100};
    sampler_case(z, MANY, o, sampler_want(p, z, MANY, &o));
}

/* ---- what is cut ---- */

/* Every token that can be drawn is, by a temperature that makes all of the kept ones alike. */
static size_t sampler_support(bool *drawn, const float *z, size_t n, const GenOpts *o)
{
    static float w[70000];
    static GenEntry entry[70000];
    size_t support = 0;
    Rng rng = rng_stream(5, "test support", n);
    memset(drawn, 0, n);
    for (size_t i = 0; i < 400; i++) {
        size_t v = (size_t)gen_pick(z, n, o, rng_u64(&rng), w, entry);
        support += !drawn[v];
        drawn[v] = true;
    }
    return support;
}

Test(sampler, equal_logits_rank_by_id)
{
    static float z[1000];
    bool drawn[1000];
    for (size_t i = 0; i < 1000; i++) z[i] = i % 2 == 0 ? 1 : 2; /* the first of the odd ones */
    GenOpts o = {.temperature = 1, .top_p = 1, .top_k = 12};
    cr_assert_eq(sampler_support(drawn, z, 1000, &o), 12);
    for (size_t i = 0; i < 1000; i++) cr_assert_eq(drawn[i], i % 2 == 1 && i < 24, "token %zu", i);
    o.top_k = 0;
    o.top_p = 0.01; /* of 500 e + 500 parts, e each: 6.84 tokens, so 7 */
    cr_assert_eq(sampler_support(drawn, z, 1000, &o), 7);
    for (size_t i = 0; i < 1000; i++) cr_assert_eq(drawn[i], i % 2 == 1 && i < 14, "token %zu", i);
    o.top_p = 1e-9;
    cr_assert_eq(sampler_support(drawn, z, 1000, &o), 1);
    o.temperature = 0;
    cr_assert_eq(gen_pick(z, 1000, &o, 1, NULL, NULL), 1, "the likeliest token is the first of equals");
}

/* Rising, falling and equal logits: neither ranks nor the cost depend on their order. */
Test(sampler, any_order_of_logits)
{
    enum { V = 70000 };
    static float z[V];
    static bool drawn[V];
    GenOpts o = {.temperature = 1e6, .top_p = 1, .top_k = 9};
    for (size_t i = 0; i < V; i++) z[i] = (float)i * 1e-3F;
    cr_assert_eq(sampler_support(drawn, z, V, &o), 9);
    for (size_t i = V - 9; i < V; i++) cr_assert(drawn[i]);
    for (size_t i = 0; i < V; i++) z[i] = -(float)i * 1e-3F;
    cr_assert_eq(sampler_support(drawn, z, V, &o), 9);
    for (size_t i = 0; i < 9; i++) cr_assert(drawn[i]);
    for (size_t i = 0; i < V; i++) z[i] = -3e38F;
    z[V - 1] = 3e38F;
    o = (GenOpts){.temperature = 1e-6, .top_p = 0.5};
    cr_assert_eq(sampler_support(drawn, z, V, &o), 1);
    cr_assert(drawn[V - 1], "differences beyond float32 are no NaN");
    for (size_t i = 0; i < V; i++) z[i] = 7;
    o = (GenOpts){.temperature = 1, .top_p = 8.5 / V};
    cr_assert_eq(sampler_support(drawn, z, V, &o), 9);
    for (size_t i = 0; i < 9; i++) cr_assert(drawn[i]);
}

/* The draw is a race: logits that move a little change the token of few keys, however many tokens there are.
 */
Test(sampler, rounding_turns_few_draws)
{
    enum { V = 20000, KEYS = 2000 };
    static float z[V], near[V], w[V];
    static GenEntry entry[V];
    GenOpts o = {.temperature = 1, .top_p = 1};
    size_t turned = 0;
    Rng rng = rng_stream(8, "test rounding", 0);
    for (size_t i = 0; i < V; i++) {
        z[i] = (float)rng_normal(&rng);
        near[i] = z[i] + (float)(1e-5 * rng_normal(&rng));
    }
    for (size_t i = 0; i < KEYS; i++) {
        uint64_t key = rng_u64(&rng);
        turned += gen_pick(z, V, &o, key, w, entry) != gen_pick(near, V, &o, key, w, entry);
    }
    cr_assert_leq(turned, 1, "%zu of %d: want about 1e-5 of them", turned, KEYS);
}

/* ---- repetition ---- */

Test(sampler, penalty_divides_or_multiplies_each_token_once)
{
    float z[] = {2, -2, 0, 4, -1};
    uint32_t seen[5] = {0};
    const int32_t prompt[] = {1, 0, 1}, answer[] = {0, 4};
    gen_penalise(z, prompt, 3, 2, seen, 1);
    gen_penalise(z, answer, 2, 2, seen, 1);
    cr_assert_arr_eq(z, ((const float[]){1, -4, 0, 4, -2}), sizeof z);
    gen_penalise(z, answer, 2, 0.5, seen, 2);
    cr_assert_arr_eq(z, ((const float[]){2, -4, 0, 4, -1}), sizeof z);
}
