/* Scores against other programs' numbers, and where those programs go wrong. */
#include "prime/attack.h"

#include "attack_ref.h"

static double scored(const AttackSignal *s, const char *name)
{
    double score = NAN;
    Err e = {0};
    cr_assert_eq(attack_score(&score, s, 1, name, &e), OK, "%s: %s", name, e.msg);
    return score;
}

/* ---- token_scores.json ---- */

typedef struct {
    double *logp, *ref, *lower, *non, *member, near[8], *count;
    int32_t id[64];
    AttackTokens tokens;
    AttackCounts counts;
    AttackSignal s;
} Case;

static AttackText case_text(const double *logp, size_t n)
{
    return (AttackText){n, -ref_sum(logp, n)};
}

static void case_open(Case *c, const JsVal *v)
{
    size_t n = 0, n_lower = 0, n_vocab = 0, n_near = js_len(js_get(v, "neighbour_logprobs")), bytes = 0,
           len = 0;
    c->logp = ref_array(js_get(v, "target_logprobs"), &n);
    c->ref = ref_array(js_get(v, "reference_logprobs"), NULL);
    c->lower = ref_array(js_get(v, "lowercase_logprobs"), &n_lower);
    c->non = ref_array(js_get(v, "cond_nonmember_prefix_logprobs"), NULL);
    c->member = ref_array(js_get(v, "cond_member_prefix_logprobs"), NULL);
    c->count = ref_array(js_get(v, "corpus_counts"), &n_vocab);
    for (size_t i = 0; i < n; i++) c->id[i] = (int32_t)js_int(js_at(js_get(v, "input_ids"), i), -1);
    for (size_t i = 0; i < n_near; i++) {
        double *x = ref_array(js_at(js_get(v, "neighbour_logprobs"), i), NULL);
        c->near[i] = ref_sum(x, n) / (double)n;
        free(x);
    }
    const char *text = js_str(js_get(v, "text"), &len);
    cr_assert_eq(attack_zlib(&bytes, text, len, NULL), OK);
    c->tokens = (AttackTokens){.n = n, .logp = c->logp, .ref_logp = c->ref, .id = c->id};
    c->counts = (AttackCounts){c->count, n_vocab, ref_sum(c->count, n_vocab)};
    c->s = (AttackSignal){.n_tokens = n,
                          .nll_sum = -ref_sum(c->logp, n),
                          .ref_nll_sum = -ref_sum(c->ref, n),
                          .lower = case_text(c->lower, n_lower),
                          .after_non = case_text(c->non, n),
                          .after_member = case_text(c->member, n),
                          .zlib_bytes = bytes,
                          .tokens = &c->tokens,
                          .neighbour = c->near,
                          .n_neighbours = n_near,
                          .counts = &c->counts};
}

static void case_close(Case *c)
{
    free(c->logp), free(c->ref), free(c->lower), free(c->non), free(c->member), free(c->count);
}

Test(attack_known, scores_from_token_log_probabilities)
{
    static const struct {
        const char *name, *key;
    } same[] = {{"loss", "loss_LL"},
                {"loss_sum", "sum_LL"},
                {"ref", "ref_diff(mimir,recall)"},
                {"zlib", "zlib(mimir,minkpp: LL/len)"},
                {"lowercase", "lowercase(cpbench: -nll/nll_lower)"},
                {"neighbour", "neighbour(LL - mean LL_neigh)"},
                {"recall", "recall(LL_cond/LL)"},
                {"con_recall", "con_recall((nll_nm - nll_m)/nll)"},
                {"min_k_20", "min_k20_fastmia(max(1,int))"}};
    JsVal *root = ref_json("token_scores.json");
    cr_assert_eq(js_len(root), 8u);
    for (size_t i = 0; i < js_len(root); i++) {
        Case c;
        double work[64];
        const JsVal *want = js_get(js_at(root, i), "expected");
        case_open(&c, js_at(root, i));
        for (size_t k = 0; k < sizeof same / sizeof same[0]; k++)
            REF_NEAR(scored(&c.s, same[k].name), ref_value(js_get(want, same[k].key)), 1e-12,
                     "%s of case %zu", same[k].name, i);
        /* The released code's sign: larger = non-member. */
        const Attack *dc = attack_find("dc_pdd");
        REF_NEAR(scored(&c.s, "dc_pdd"),
                 -ref_value(js_get(want, "dc_pdd_a0.01(as published: LOWER is member)")), 1e-12, "case %zu",
                 i);
        REF_NEAR(dc->fn(&c.s, 0.1, work), -ref_value(js_get(want, "dc_pdd_a0.1(LOWER is member)")), 1e-12,
                 "case %zu", i);
        REF_NEAR(dc->fn(&c.s, 10, work), -ref_value(js_get(want, "dc_pdd_a10(no cap, LOWER is member)")),
                 1e-12, "case %zu", i);
        /* LLM-PBE compresses perplexity, not its logarithm: another number. */
        cr_assert_neq(scored(&c.s, "zlib"), ref_value(js_get(want, "zlib(LLM-PBE raw: -ppl/(8 len))")));
        case_close(&c);
    }
    js_close(root);
}

/* ---- minkpp.json ---- */

static void check_min_k(const JsVal *v, const char *name)
{
    size_t n = 0;
    double *logp = ref_array(js_get(v, "token_log_probs"), &n), *mu = ref_array(js_get(v, "mu"), NULL),
           *sigma = ref_array(js_get(v, "sigma2"), NULL), *work = malloc(n * sizeof *work);
    for (size_t i = 0; i < n; i++) sigma[i] = sqrt(fmax(0, sigma[i]));
    AttackTokens t = {.n = n, .logp = logp, .mu = mu, .sigma = sigma};
    AttackSignal s = {.n_tokens = n, .nll_sum = -ref_sum(logp, n), .tokens = &t};
    const JsVal *repo = js_get(v, "mink_plus_plus_repo");
    REF_NEAR(scored(&s, "loss"), ref_value(js_get(v, "mean_log_likelihood")), 1e-12, "%s", name);
    for (int k = 10; k <= 100; k += 10) {
        char key[2][24];
        snprintf(key[0], sizeof key[0], "mink_%.1f", k / 100.0);
        snprintf(key[1], sizeof key[1], "mink++_%.1f", k / 100.0);
        double plain = ref_value(js_get(repo, key[0])), pp = ref_value(js_get(repo, key[1]));
        double got = attack_find("min_k_10")->fn(&s, k, work),
               got_pp = attack_find("min_k_pp_10")->fn(&s, k, work);
        cr_assert(isfinite(got) && isfinite(got_pp), "%s: a number where peers have none", name);
        if (!isnan(plain)) REF_NEAR(got, plain, 1e-12, "%s %s", name, key[0]);
        if (!isnan(pp)) REF_NEAR(got_pp, pp, 1e-12, "%s %s", name, key[1]);
    }
    double surp = ref_value(js_get(v, "cpbench_surp_k20_entropy2.0"));
    if (surp > -100 && !isnan(surp)) REF_NEAR(scored(&s, "surp_20"), surp, 1e-12, "%s", name);
    /* The benchmark's Min-K%++ takes unweighted moments over the vocabulary: another statistic. */
    double other = ref_value(js_get(js_get(v, "cpbench_min_k++_UNWEIGHTED_variant"), "20"));
    cr_assert(isnan(other) || fabs(other - scored(&s, "min_k_pp_20")) > 0.1, "%s", name);
    free(logp), free(mu), free(sigma), free(work);
}

Test(attack_known, min_k_and_its_standardised_form)
{
    JsVal *root = ref_json("minkpp.json");
    JsIter it = {0};
    const char *name;
    const JsVal *v;
    size_t n = 0;
    while ((v = js_next(root, &it, &name)) != NULL) {
        if (js_type(v) != JS_OBJ) continue;
        check_min_k(v, name);
        n++;
    }
    cr_assert_eq(n, 5u);
    js_close(root);
}

/* A uniform row has sigma 0; peers print NaN for the whole text. */
Test(attack_known, a_token_without_spread_says_nothing)
{
    double logp[] = {-1.3, -2, -0.5}, mu[] = {-1.3, -1.2, -0.9}, sigma[] = {0, 0.8, 0.5};
    AttackTokens t = {.n = 3, .logp = logp, .mu = mu, .sigma = sigma};
    AttackSignal s = {.n_tokens = 3, .tokens = &t};
    double work[3];
    cr_assert_float_eq(scored(&s, "min_k_pp_20"), -1, 1e-12);
    cr_assert_float_eq(attack_find("min_k_pp_20")->fn(&s, 100, work), (0 - 1 + 0.8) / 3, 1e-12);
}

/* Of the two least likely of ten tokens one has an entropy of 2.5 nats; ties are taken in order. */
Test(attack_known, surp_leaves_out_tokens_of_high_entropy)
{
    double logp[] = {-9, -1, -8, -1, -1, -1, -1, -1, -1, -1}, mu[10], sigma[10];
    for (size_t i = 0; i < 10; i++) mu[i] = -1, sigma[i] = 1;
    AttackTokens t = {.n = 10, .logp = logp, .mu = mu, .sigma = sigma};
    AttackSignal s = {.n_tokens = 10, .tokens = &t};
    cr_assert_float_eq(scored(&s, "surp_20"), -8.5, 1e-12);
    mu[0] = -2.5;
    cr_assert_float_eq(scored(&s, "surp_20"), -8, 1e-12);
    mu[2] = -2; /* not below 2: none is left, the mean of both */
    cr_assert_float_eq(scored(&s, "surp_20"), -8.5, 1e-12);
    logp[0] = -1, mu[0] = -1.5, mu[1] = -3; /* -8, and the first of the -1 */
    cr_assert_float_eq(scored(&s, "surp_20"), -1, 1e-12);
}

/* ---- zlib_lengths.csv ---- */

/* A row is: a JSON text in CSV quotes, then numbers; the first field is read by hand. */
Test(attack_known, zlib_lengths)
{
    char path[600], *data = NULL, *save = NULL;
    size_t n = 0, rows = 0;
    snprintf(path, sizeof path, "%s/fixtures/ref/attack/zlib_lengths.csv", getenv("PRIME_SOURCE"));
    cr_assert_eq(file_read(&data, &n, path, NULL), OK);
    strtok_r(data, "\n", &save);
    for (char *line; (line = strtok_r(NULL, "\r\n", &save)) != NULL; rows++) {
        char json[700], *end = strrchr(line, '"'), *out = json;
        for (char *p = line + 1; p < end; p++) {
            if (p[0] == '"' && p[1] == '"') p++;
            *out++ = *p;
        }
        *out = '\0';
        char whole[720];
        snprintf(whole, sizeof whole, "[%s]", json);
        JsVal *root = NULL;
        Err e = {0};
        cr_assert_eq(js_parse(&root, whole, strlen(whole), "row", &e), OK, "%s", e.msg);
        size_t bytes = 0, len = 0, want_bytes = 0, want = 0;
        const char *text = js_str(js_at(root, 0), &len);
        cr_assert_eq(sscanf(end + 2, "%zu,%zu", &want_bytes, &want), 2);
        cr_assert_eq(len, want_bytes);
        cr_assert_eq(attack_zlib(&bytes, text, len, NULL), OK);
        cr_assert_eq(bytes, want, "row %zu: %zu, want %zu", rows, bytes, want);
        js_close(root);
    }
    cr_assert_geq(rows, 10u);
    free(data);
    Err e = {0};
    cr_assert_eq(attack_zlib(&n, "", ((size_t)1 << 30) + 1, &e), ERR_ARG);
}
