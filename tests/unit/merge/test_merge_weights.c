/* Weights by layer, kind and module; limits on them. */
#include "merge_case.h"

enum { K = 3 };

static void weights_adapters(Lora *l[K])
{
    for (size_t i = 0; i < K; i++) l[i] = case_adapter(2, 2, i + 1);
}

Test(merge_weights, groups_are_counted_and_named)
{
    char name[MERGE_GROUP_NAME];
    LoraShape s = case_shape;
    s.names = lora_names("llama");
    cr_assert_eq(merge_groups(MERGE_BY_ADAPTER, &s), 1);
    cr_assert_eq(merge_groups(MERGE_BY_LAYER, &s), 2);
    cr_assert_eq(merge_groups(MERGE_BY_KIND, &s), 7);
    cr_assert_eq(merge_groups(MERGE_BY_MODULE, &s), 14);
    cr_assert_eq(merge_group(MERGE_BY_LAYER, &s, LORA_KINDS + LORA_V), 1);
    cr_assert_eq(merge_group(MERGE_BY_KIND, &s, LORA_KINDS + LORA_V), 2);
    cr_assert_eq(merge_group(MERGE_BY_MODULE, &s, LORA_KINDS + LORA_V), 9);
    cr_assert_str_eq(merge_group_name(name, MERGE_BY_ADAPTER, &s, 0), "all");
    cr_assert_str_eq(merge_group_name(name, MERGE_BY_LAYER, &s, 1), "layer 1");
    cr_assert_str_eq(merge_group_name(name, MERGE_BY_KIND, &s, 2), "v_proj");
    cr_assert_str_eq(merge_group_name(name, MERGE_BY_MODULE, &s, 9), "layer 1 v_proj");
    s.names = lora_names("gpt2"); /* two of its modules are called c_proj */
    cr_assert_str_eq(merge_group_name(name, MERGE_BY_KIND, &s, 3), "attn.c_proj");
}

/* Every site gets what a merge of whole adapters with that site's weights gives there. */
Test(merge_weights, every_granularity_is_site_by_site_the_plain_merge)
{
    Lora *l[K];
    double w[K * 14];
    const MergeMethod *m;
    weights_adapters(l);
    Rng rng = rng_stream(3, "weights", 0);
    for (size_t i = 0; i < K * 14; i++) w[i] = 0.1 + rng_uniform(&rng);
    for (size_t i = 0; (m = merge_at(i)) != NULL; i++) {
        size_t k = strcmp(m->name, "slerp") == 0 ? 2 : K;
        MergeOpts o = case_opts(m, 0.5);
        for (size_t by = 0; by < MERGE_BYS; by++) {
            size_t groups = merge_groups((MergeBy)by, &case_shape);
            Lora *whole = NULL;
            Err e = {0};
            cr_assert_eq(merge_build(&whole, NULL, m, (const Lora *const *)l, k,
                                     &(MergeWeights){w, (MergeBy)by}, &o, &e),
                         OK, "%s: %s", m->name, e.msg);
            for (size_t at = LORA_V; at < 2 * LORA_KINDS; at += LORA_KINDS) {
                size_t g = merge_group((MergeBy)by, &case_shape, at);
                double own[K];
                for (size_t j = 0; j < k; j++) own[j] = w[j * groups + g];
                Lora *plain = case_build(m, l, k, own, &o, NULL);
                double *a = case_delta(whole, at), *b = case_delta(plain, at);
                for (size_t v = 0; v < case_size(plain, at); v++)
                    cr_expect_float_eq(a[v], b[v], 1e-5, "%s", m->name);
                free(a);
                free(b);
                lora_free(plain);
            }
            lora_free(whole);
        }
    }
    case_free(l, K);
}

Test(merge_weights, group_norms_add_up)
{
    Lora *l[K];
    double norm[K * 14];
    weights_adapters(l);
    for (size_t by = 0; by < MERGE_BYS; by++) {
        size_t groups = merge_groups((MergeBy)by, &case_shape);
        merge_group_norms(norm, (const Lora *const *)l, K, (MergeBy)by);
        for (size_t j = 0; j < K; j++) {
            double sum = 0;
            for (size_t g = 0; g < groups; g++) sum += norm[j * groups + g] * norm[j * groups + g];
            cr_expect_float_eq(sqrt(sum), lora_norm(l[j]), 1e-9 * lora_norm(l[j]));
        }
    }
    case_free(l, K);
}

Test(merge_weights, effective_number)
{
    static const double norm[] = {2, 2, 4, 1}, even[] = {1, -1, 0.5, 2}, one[] = {0, 3, 0, 0}, none[4] = {0};
    cr_assert_float_eq(merge_effective(even, norm, 4, 1), 4, 1e-12);
    cr_assert_float_eq(merge_effective(one, norm, 4, 1), 1, 1e-12);
    cr_assert_eq(merge_effective(none, norm, 4, 1), 0);
    cr_assert_float_eq(merge_effective(even, norm, 2, 2), 2, 1e-12); /* every second: shares 2 and 2 */
}

Test(merge_weights, limits_are_checked_with_a_sentence)
{
    static const double norm[K * 2] = {1, 1, 1, 1, 1, 0}, fine[K * 2] = {1, 1, -1, 1, 0.5, 0},
                                 lone[K * 2] = {1, 0.1, 0, 1, 0, 0}, nothing[K * 2] = {0};
    MergeLimits lim = {.cap = 1.5, .min_effective = 2};
    Err e = {0}, f = {0}, g = {0}, h = {0}, i = {0};
    cr_assert_eq(merge_limits_check(&lim, fine, norm, K, &case_shape, MERGE_BY_LAYER, &e), OK, "%s", e.msg);
    cr_assert_eq(merge_limits_check(&lim, nothing, norm, K, &case_shape, MERGE_BY_LAYER, &e), OK, "%s",
                 e.msg);
    cr_assert_eq(merge_limits_check(&lim, lone, norm, K, &case_shape, MERGE_BY_LAYER, &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "layer 0 is made of 1 effective adapters, want at least 2"), "%s",
                       e.msg);
    lim.cap = 0.75;
    cr_assert_eq(merge_limits_check(&lim, fine, norm, K, &case_shape, MERGE_BY_LAYER, &f), ERR_ARG);
    cr_assert_not_null(strstr(f.msg, "weight of adapter 0 for layer 0 is 1, want at most 0.75 in size"), "%s",
                       f.msg);
    lim.min_effective = 4;
    cr_assert_eq(merge_limits_check(&lim, fine, norm, K, &case_shape, MERGE_BY_LAYER, &g), ERR_ARG);
    cr_assert_not_null(strstr(g.msg, "effective adapters = 4, want 0 to 3"), "%s", g.msg);
    lim = (MergeLimits){.cap = 0};
    cr_assert_eq(merge_limits_check(&lim, fine, norm, K, &case_shape, MERGE_BY_LAYER, &h), ERR_ARG);
    cr_assert_not_null(strstr(h.msg, "cap = 0, want a number above 0"), "%s", h.msg);
    lim.cap = NAN;
    cr_assert_eq(merge_limits_project((double[6]){0}, &lim, norm, K, &case_shape, MERGE_BY_LAYER, &i),
                 ERR_ARG);
}

/* Projected weights keep the limits, signs and the strength; weights that keep them already stay. */
Test(merge_weights, projection)
{
    Rng rng = rng_stream(9, "limits", 0);
    size_t moved = 0;
    for (size_t t = 0; t < 300; t++) {
        double norm[K * 2], w[K * 2], was[K * 2], kept[2] = {0, 0}, now[2] = {0, 0};
        MergeLimits lim = {.cap = 4, .min_effective = 1 + 2 * rng_uniform(&rng)};
        Err e = {0};
        for (size_t i = 0; i < K * 2; i++) {
            norm[i] = 0.5 + rng_uniform(&rng);
            was[i] = w[i] = rng_normal(&rng);
        }
        cr_assert_eq(merge_limits_project(w, &lim, norm, K, &case_shape, MERGE_BY_LAYER, &e), OK, "%s",
                     e.msg);
        cr_assert_eq(merge_limits_check(&lim, w, norm, K, &case_shape, MERGE_BY_LAYER, &e), OK, "%s", e.msg);
        for (size_t i = 0; i < K * 2; i++) {
            cr_assert_eq(signbit(w[i]), signbit(was[i]));
            kept[i % 2] += fabs(was[i]) * norm[i];
            now[i % 2] += fabs(w[i]) * norm[i];
        }
        for (size_t g = 0; g < 2; g++) {
            double n = merge_effective(was + g, norm + g, K, 2);
            cr_assert_float_eq(now[g], kept[g], 1e-9 * kept[g]);
            if (n >= lim.min_effective) cr_assert_eq(w[g], was[g]);
            if (n < lim.min_effective) /* just as far as it takes */
                cr_assert_float_eq(merge_effective(w + g, norm + g, K, 2), lim.min_effective, 1e-6);
            moved += n < lim.min_effective;
        }
    }
    cr_assert_gt(moved, 50);
}

Test(merge_weights, limits_that_contradict_each_other)
{
    double norm[K] = {1, 0.01, 0}, w[K] = {1, 0, 0.5}, was[K];
    MergeLimits lim = {.cap = 1, .min_effective = 2};
    Err e = {0}, f = {0};
    memcpy(was, w, sizeof w);
    cr_assert_eq(merge_limits_project(w, &lim, norm, K, &case_shape, MERGE_BY_ADAPTER, &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "weight of adapter 1 for all is 50, want at most 1 in size"), "%s",
                       e.msg);
    lim.min_effective = 2.5;
    cr_assert_eq(merge_limits_project(w, &lim, norm, K, &case_shape, MERGE_BY_ADAPTER, &f), ERR_ARG);
    cr_assert_not_null(strstr(f.msg, "all: only 2 adapters have an update there, want 2.5 effective ones"),
                       "%s", f.msg);
    cr_assert_eq(memcmp(was, w, sizeof w), 0);
}
