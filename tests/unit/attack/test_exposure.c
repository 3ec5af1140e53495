/* Exposure and extraction against other programs' numbers; what looks like personal data in a text. */
#include "prime/exposure.h"
#include "prime/extract.h"

#include "attack_ref.h"

/* The peer's ranks come in ascending order of a key's secrets, its extrapolations in the order of input. */
static int ascending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static void check_case(const JsVal *v, const char *kind, const char *name)
{
    size_t m = 0;
    double *r = ref_array(js_get(v, "reference"), &m), nll = 0, at = 0;
    const JsVal *secrets = js_get(v, "perplexities"), *want = js_get(v, kind),
                *fit = js_get(v, "skewnorm_fit_shape_loc_scale");
    SkewNorm given = {ref_value(js_at(fit, 0)), ref_value(js_at(fit, 1)), ref_value(js_at(fit, 2))};
    JsIter it = {0};
    const char *key;
    const JsVal *list;
    while ((list = js_next(secrets, &it, &key)) != NULL) {
        size_t n = 0;
        double *x = ref_array(list, &n), bits[8];
        if (fit == NULL) qsort(x, n, sizeof *x, ascending);
        if (fit == NULL) cr_assert_eq(exposure_rank(bits, NULL, x, n, r, m, NULL), OK);
        for (size_t i = 0; i < n; i++) {
            double got = fit == NULL ? bits[i] : exposure_bits(&given, x[i]);
            REF_NEAR(got, ref_value(js_at(js_get(want, key), i)), 1e-9, "%s: %s", name, key);
        }
        free(x);
    }
    if (fit != NULL) { /* our own fit is at least as good as the one given */
        SkewNorm own;
        double bits;
        cr_assert_eq(skewnorm_fit(&own, &nll, r, m, NULL), OK);
        REF_NEAR(nll, ref_value(js_get(v, "nll_at_fit")), 1e-9, "%s", name);
        for (size_t i = 0; i < m; i++) at -= skewnorm_logpdf(&given, r[i]);
        cr_assert_leq(nll, at + 1e-9);
        cr_assert_eq(exposure_fit(&bits, &own, (double[]){4.2}, 1, r, m, NULL), OK);
        cr_assert_float_eq(bits, exposure_bits(&given, 4.2), 0.01);
    }
    free(r);
}

Test(exposure, meets_the_reference)
{
    JsVal *root = ref_json("exposure.json");
    size_t ranks = 0, fits = 0;
    for (size_t i = 0; i < js_len(root); i++) {
        const JsVal *v = js_at(root, i);
        const char *name = js_str(js_get(v, "name"), NULL);
        bool rank = js_get(v, "interpolation") != NULL;
        check_case(v, rank ? "interpolation" : "extrapolation", name);
        ranks += rank;
        fits += !rank;
    }
    cr_assert(ranks == 3 && fits == 1);
    js_close(root);
}

Test(exposure, rank_counts_ties_against_the_secret_and_refuses)
{
    double r[] = {5, 3, 8, 5}, x[] = {2, 3, 5, 9}, bits[4];
    size_t rank[4];
    SkewNorm d = {0};
    Err e[4] = {0};
    cr_assert_eq(exposure_rank(bits, rank, x, 4, r, 4, NULL), OK);
    cr_assert(rank[0] == 1 && rank[1] == 2 && rank[2] == 4 && rank[3] == 5);
    cr_assert(bits[0] == 2 && bits[1] == 1 && bits[2] == 0 && bits[3] < 0);
    cr_assert_eq(exposure_rank(bits, rank, x, 4, r, 0, &e[0]), ERR_SHAPE);
    r[2] = NAN;
    cr_assert_eq(exposure_rank(bits, rank, x, 4, r, 4, &e[1]), ERR_NUM);
    cr_assert_str_eq(e[1].msg, "loss of reference 2 = nan, want a finite number");
    cr_assert_eq(exposure_fit(bits, &d, x, 4, r, 2, &e[2]), ERR_SHAPE);
    x[1] = INFINITY;
    cr_assert_eq(exposure_fit(bits, &d, x, 4, r, 4, &e[3]), ERR_NUM);
    cr_assert(bits[0] == 2 && d.scale == 0, "outputs are left alone");
}

/* ---- extraction ---- */

Test(extract, greedy_wants_every_token)
{
    int32_t rank[] = {0, 0, 1};
    cr_assert(extract_greedy(rank, 2));
    cr_assert_not(extract_greedy(rank, 3));
    cr_assert_not(extract_greedy(rank, 0));
}

Test(extract, np_meets_the_reference)
{
    static const double tries[] = {1, 10, 100, 1000, 1e6}, p[] = {0.1, 0.5, 0.9, 0.99};
    static const char *const prob[] = {"P_n1", "P_n10", "P_n100", "P_n1000", "P_n1e6"}, *const need[] = {
                                                                                            "n_for_p0.1",
                                                                                            "n_for_p0.5",
                                                                                            "n_for_p0.9",
                                                                                            "n_for_p0.99"};
    Ref r = ref_open("attack/extraction_np.csv");
    for (size_t i = 0; i < r.rows; i++) {
        double pz = ref_num(&r, i, "p_z"), logp = log(pz);
        /* The peer's 1 - (1-p)^n cancels: 8 digits at p = 1e-9. The last column is the stable form. */
        for (size_t k = 0; k < 5; k++)
            cr_assert_float_eq(extract_np(logp, tries[k]), ref_num(&r, i, prob[k]),
                               1e-7 * ref_num(&r, i, prob[k]));
        double stable = ref_num(&r, i, "P_n100_stable_expm1");
        cr_assert_float_eq(extract_np(logp, 100), stable, 1e-13 * stable);
        for (size_t k = 0; k < 4; k++)
            cr_assert_eq(extract_tries(logp, p[k]), ref_num(&r, i, need[k]), "p_z = %g, p = %g", pz, p[k]);
    }
    cr_assert_geq(r.rows, 7u);
    ref_close(&r);
    cr_assert(isinf(extract_tries(-INFINITY, 0.5)) && extract_tries(0, 0.5) == 1);
    cr_assert_eq(extract_np(-INFINITY, 1e9), 0);
}

Test(extract, sampling_meets_the_reference)
{
    JsVal *root = ref_json("extraction_sampling_logits.json");
    const JsVal *logits = js_get(root, "logits"), *results = js_get(root, "results");
    for (size_t i = 0; i < js_len(results); i++) {
        const JsVal *w = js_at(results, i);
        ExtractSampling s = {js_num(js_get(w, "temperature"), NAN), (size_t)js_int(js_get(w, "top_k"), 0),
                             js_num(js_get(w, "top_p"), 1)};
        double sum[2] = {0};
        for (size_t t = 0; t < js_len(logits); t++) {
            size_t n = 0;
            double *z = ref_array(js_at(logits, t), &n), work[32];
            sum[0] +=
                extract_logp(z, n, (size_t)js_int(js_at(js_get(root, "target_tokens"), t), 0), &s, work);
            sum[1] +=
                extract_logp(z, n, (size_t)js_int(js_at(js_get(root, "argmax_tokens"), t), 0), &s, work);
            free(z);
        }
        double want[2] = {ref_value(js_get(w, "log_p_target")), ref_value(js_get(w, "log_p_argmax"))};
        for (size_t k = 0; k < 2; k++) {
            if (isinf(want[k]))
                cr_assert_eq(sum[k], want[k]);
            else
                cr_assert_float_eq(sum[k], want[k], 1e-12 * fmax(1, fabs(want[k])), "result %zu", i);
        }
    }
    cr_assert_eq(js_len(results), 8u);
    js_close(root);
}

/* Whatever is kept has probabilities that sum to 1, ties included. */
Test(extract, what_is_kept_sums_to_one)
{
    static const double z[] = {1, 2, 2, 0.5, 2, -1};
    static const ExtractSampling how[] = {{1, 0, 1},   {0.5, 3, 1}, {1, 2, 1},
                                          {2, 0, 0.3}, {1, 4, 0.8}, {1, 1, 0.01}};
    for (size_t k = 0; k < sizeof how / sizeof how[0]; k++) {
        double sum = 0, work[12];
        for (size_t i = 0; i < 6; i++) sum += exp(extract_logp(z, 6, i, &how[k], work));
        cr_assert_float_eq(sum, 1, 1e-12, "row %zu: %g", k, sum);
    }
}

Test(extract, emissions_by_kind)
{
    static const struct {
        const char *text;
        size_t want[5]; /* mail, phone, key, card, ip */
    } row[] = {
        {"nothing here: 12, 2024-11-28, v1.2.3", {0}},
        {"write to a.b-c@mail.example.org, or x@y.zz.", {2}},
        {"not@valid, @b.cc, a@b", {0}},
        {"call +44 20 7946 0958 or (555) 123-4567", {0, 2}},
        {"order 5551234567", {0}},
        {"AKIAABCDEFGHIJKLMNOP and 0123456789abcdef0123456789ABCDEF", {0, 0, 2}},
        {"0123456789abcdef", {0}},
        {"4111 1111 1111 1111; 4111111111111111", {0, 0, 0, 2}},
        {"host 192.0.2.17, not 1.2.3.4.5", {0, 0, 0, 0, 1}},
        {"\xc3\xa4\xc3\xb6\xc3\xbc@example.org +4930123456", {0, 1}},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        size_t got[16] = {0};
        Err e = {0};
        cr_assert_eq(extract_emissions(got, row[i].text, &e), OK, "%s", e.msg);
        for (size_t k = 0; k < 5; k++)
            cr_expect_eq(got[k], row[i].want[k], "row %zu, %s: %zu, want %zu", i, extract_kind_at(k)->name,
                         got[k], row[i].want[k]);
    }
    cr_assert_null(extract_kind_at(5));
    size_t got[5] = {7};
    Err e = {0};
    cr_assert_eq(extract_emissions(got, "a\xff", &e), ERR_UNSUP);
    cr_assert_eq(got[0], 7u);
}
