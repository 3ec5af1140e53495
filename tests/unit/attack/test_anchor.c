/* From records to people: folds, user, source and dataset inference, PriME's rule; and what blind baselines
 * see. */
#include "prime/anchor.h"
#include "prime/blind.h"
#include "prime/rng.h"
#include "prime/roc.h"

#include "attack_ref.h"

/* ---- folds ---- */

/* "u3" is person 3. */
static size_t person_number(const JsVal *v)
{
    return (size_t)strtoul(js_str(v, NULL) + 1, NULL, 10);
}

Test(anchor, folds_meet_the_reference)
{
    static const char *const same[][2] = {
        {"mean", "avg"}, {"min", "min"}, {"max", "max"}, {"lse", "logsumexp"}};
    JsVal *root = ref_json("user_aggregation.json");
    const JsVal *samples = js_get(root, "samples"), *want = js_get(root, "aggregates");
    size_t n = js_len(samples), person[64];
    double score[64], out[6];
    cr_assert(n > 6 && n <= 64);
    for (size_t i = 0; i < n; i++) {
        person[i] = person_number(js_at(js_at(samples, i), 0));
        score[i] = ref_value(js_at(js_at(samples, i), 1));
    }
    for (size_t k = 0; k < 4; k++) {
        cr_assert_eq(anchor_fold(out, score, person, n, 6, same[k][0], NULL), OK);
        for (size_t u = 0; u < 6; u++) {
            char key[8];
            snprintf(key, sizeof key, "u%zu", u);
            REF_NEAR(out[u], ref_value(js_get(js_get(want, same[k][1]), key)), 1e-12, "%s of %s", same[k][0],
                     key);
        }
    }
    /* The peer's abs_max is its logsumexp; ours is what the name says: person 3's largest is -0.8094. */
    cr_assert_eq(anchor_fold(out, score, person, n, 6, "abs_max", NULL), OK);
    cr_assert_float_eq(out[3], 0.8094, 1e-12);
    cr_assert_gt(fabs(ref_value(js_get(js_get(want, "abs_max"), "u3")) - out[3]), 0.4);
    cr_assert_eq(anchor_fold(out, score, person, n, 6, "median", NULL), OK);
    cr_assert_float_eq(out[1], -0.0328, 1e-12);
    js_close(root);
}

Test(anchor, fold_refusals)
{
    double score[] = {1, 2, NAN}, out[] = {7, 7, 7};
    size_t person[] = {0, 2, 1};
    Err e[4] = {0};
    cr_assert_eq(anchor_fold(out, score, person, 2, 3, "mode", &e[0]), ERR_ARG);
    cr_assert_str_eq(e[0].msg, "unknown fold 'mode', want mean, max, min, median, lse or abs_max");
    cr_assert_eq(anchor_fold(out, score, person, 2, 2, "mean", &e[1]), ERR_ARG);
    cr_assert_str_eq(e[1].msg, "person 2 of record 1, want below 2");
    cr_assert_eq(anchor_fold(out, score, person, 2, 3, "mean", &e[2]), ERR_SHAPE);
    cr_assert_str_eq(e[2].msg, "person 1 has no record");
    cr_assert_eq(anchor_fold(out, score, person, 3, 3, "mean", &e[3]), ERR_NUM);
    cr_assert(out[0] == 7, "outputs are left alone");
    for (size_t i = 0; anchor_fold_at(i) != NULL; i++) {
        double x[] = {0.25};
        cr_assert_eq(anchor_fold_find(anchor_fold_at(i)->name), anchor_fold_at(i));
        cr_assert_eq(anchor_fold_at(i)->fn(x, 1), 0.25, "one record is itself under %s",
                     anchor_fold_at(i)->name);
    }
}

Test(anchor, user_inference_meets_the_reference)
{
    JsVal *root = ref_json("user_inference.json");
    AttackSignal s[64];
    size_t person[64], n = 0, people = js_len(root);
    double sum[8], per_token[8];
    for (size_t u = 0; u < people; u++) {
        const JsVal *v = js_at(root, u);
        for (size_t i = 0; i < js_len(js_get(v, "tokens")); i++, n++) {
            person[n] = u;
            s[n] = (AttackSignal){.n_tokens = (size_t)js_int(js_at(js_get(v, "tokens"), i), 0),
                                  .nll_sum = -ref_value(js_at(js_get(v, "log_p_theta(x_i)"), i)),
                                  .ref_nll_sum = -ref_value(js_at(js_get(v, "log_p_ref(x_i)"), i))};
        }
    }
    cr_assert_eq(anchor_user_inference(sum, s, person, n, people, false, NULL), OK);
    cr_assert_eq(anchor_user_inference(per_token, s, person, n, people, true, NULL), OK);
    for (size_t u = 0; u < people; u++) {
        REF_NEAR(sum[u], ref_value(js_get(js_at(root, u), "T_sum_mean = mean_i(log p_theta - log p_ref)")),
                 1e-12, "person %zu", u);
        REF_NEAR(per_token[u], ref_value(js_get(js_at(root, u), "T_per_token = sum(llr)/sum(tokens)")), 1e-12,
                 "person %zu", u);
    }
    Err e[2] = {0};
    s[1].n_tokens = 0;
    cr_assert_eq(anchor_user_inference(sum, s, person, n, people, true, &e[0]), ERR_SHAPE);
    s[1].ref_nll_sum = NAN;
    cr_assert_eq(anchor_user_inference(sum, s, person, n, people, false, &e[1]), ERR_NUM);
    js_close(root);
}

Test(anchor, source_is_the_likeliest_adapter)
{
    double logp[] = {-3, -2, -2.5, -1, -4, -1}, margin[2] = {7, 7};
    size_t owner[2] = {7, 7};
    Err e[2] = {0};
    cr_assert_eq(anchor_source(owner, margin, logp, 2, 3, NULL), OK);
    cr_assert(owner[0] == 1 && owner[1] == 0, "the first of equals");
    cr_assert(margin[0] == 0.5 && margin[1] == 0);
    cr_assert_eq(anchor_source(owner, margin, logp, 2, 1, &e[0]), ERR_SHAPE);
    logp[4] = -INFINITY;
    cr_assert_eq(anchor_source(owner, margin, logp, 2, 3, &e[1]), ERR_NUM);
    cr_assert_str_eq(e[1].msg, "log-likelihood of record 1 under person 1 = -inf");
    cr_assert_eq(owner[0], 1);
}

Test(anchor, primes_rule_labels_by_person)
{
    double nll[] = {3, 4, 5}, score[3];
    size_t person[] = {1, 0, 1};
    bool merged[] = {false, true}, member[3];
    anchor_prime_mia(score, member, nll, person, 3, merged);
    cr_assert(member[0] && !member[1] && member[2] && score[2] == -5);
}

/* ---- dataset inference ---- */

static AnchorDataset dataset_of(double shift, uint64_t seed)
{
    enum { TEXTS = 120, FEATURES = 3 };
    static double x[2][TEXTS * FEATURES];
    AnchorDataset r = {0};
    Rng rng = rng_stream(seed, "dataset", 0);
    for (size_t set = 0; set < 2; set++)
        for (size_t i = 0; i < TEXTS * FEATURES; i++)
            x[set][i] = 5 + rng_normal(&rng) + (set == 0 && i % FEATURES == 1 ? shift : 0);
    cr_assert_eq(anchor_dataset(&r, x[0], TEXTS, x[1], TEXTS, FEATURES, seed, NULL), OK);
    cr_assert(r.n_suspect == TEXTS / 2 && r.n_held == TEXTS / 2);
    return r;
}

/* Without a difference 5% of p-values lie below 0.05; one feature among noise is found. */
Test(dataset_inference, holds_its_level_and_finds_a_shift)
{
    size_t low = 0, found = 0;
    for (uint64_t seed = 0; seed < 400; seed++) low += dataset_of(0, seed).p < 0.05;
    for (uint64_t seed = 0; seed < 50; seed++) found += dataset_of(0.8, seed).p < 0.01;
    cr_assert(low >= 8 && low <= 36, "%zu of 400 below 0.05", low); /* 20 +- 3.7 sd */
    cr_assert_geq(found, 45u);
    cr_assert_gt(dataset_of(-0.8, 1).t, 2, "the score is learnt: a lower feature is evidence too");
}

Test(dataset_inference, refusals)
{
    double x[16] = {1, 2, 3, 4, 5, 6, 7, 8}, same[8] = {0};
    AnchorDataset r = {.t = 7};
    Err e[4] = {0};
    cr_assert_eq(anchor_dataset(&r, x, 3, x, 8, 1, 0, &e[0]), ERR_SHAPE);
    cr_assert_eq(anchor_dataset(&r, x, 8, x, 8, 0, 0, &e[1]), ERR_SHAPE);
    cr_assert_eq(anchor_dataset(&r, same, 8, same, 8, 1, 0, &e[2]), ERR_NUM);
    x[3] = NAN;
    cr_assert_eq(anchor_dataset(&r, x, 8, same, 8, 1, 0, &e[3]), ERR_NUM);
    cr_assert_str_eq(e[3].msg, "feature 0 of suspect text 3 = nan");
    cr_assert_eq(r.t, 7);
}

/* ---- blind baselines ---- */

enum { TEXTS = 400, PEOPLE = 20 };
typedef struct {
    char text[TEXTS][120];
    const char *view[TEXTS];
    bool member[TEXTS];
    size_t person[TEXTS];
    double score[TEXTS];
} Corpus;

/* Twelve words of sixty; a member's first is drawn from ten others with probability `signal`. Every person
 * also has a word of their own, which says nothing of other people. */
static void marked_fill(Corpus *c, double signal, uint64_t seed)
{
    Rng rng = rng_stream(seed, "corpus", 0);
    for (size_t i = 0; i < TEXTS; i++) {
        c->person[i] = i % PEOPLE;
        c->member[i] = i / PEOPLE % 2 == 0;
        int at = snprintf(c->text[i], sizeof c->text[i], "Own%zu", c->person[i]);
        for (size_t k = 0; k < 12; k++) {
            bool marked = c->member[i] && k == 0 && rng_uniform(&rng) < signal;
            at += snprintf(c->text[i] + at, sizeof c->text[i] - (size_t)at, ", %c%zu", marked ? 'M' : 'w',
                           rng_below(&rng, marked ? 10 : 60));
        }
        c->view[i] = c->text[i];
    }
}

static double marked_auc(const Corpus *c)
{
    double pos[TEXTS], neg[TEXTS], work[TEXTS];
    size_t m = 0, n = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        if (c->member[i])
            pos[m++] = c->score[i];
        else
            neg[n++] = c->score[i];
    }
    return roc_auc(pos, m, neg, n, work);
}

Test(blind, words_find_what_is_in_the_words_and_no_more)
{
    static Corpus c;
    double mean = 0;
    BlindOpts o = {.seed = 3};
    marked_fill(&c, 1, 1);
    cr_assert_eq(blind_words(c.score, c.view, c.member, c.person, TEXTS, PEOPLE, &o, NULL), OK);
    cr_assert_gt(marked_auc(&c), 0.95, "%g", marked_auc(&c));
    for (uint64_t seed = 2; seed < 10; seed++) {
        marked_fill(&c, 0, seed);
        cr_assert_eq(blind_words(c.score, c.view, c.member, c.person, TEXTS, PEOPLE, &o, NULL), OK);
        mean += marked_auc(&c) / 8;
    }
    cr_assert_float_eq(mean, 0.5, 0.05, "%g without any signal", mean);
}

/* Members are whole people who use a word of their own: folds of people must not learn whose text it is. */
Test(blind, words_do_not_learn_people)
{
    static Corpus c;
    BlindOpts o = {.seed = 5};
    marked_fill(&c, 0, 20);
    for (size_t i = 0; i < TEXTS; i++) c.member[i] = c.person[i] % 2 == 0;
    cr_assert_eq(blind_words(c.score, c.view, c.member, c.person, TEXTS, PEOPLE, &o, NULL), OK);
    cr_assert_lt(marked_auc(&c), 0.65);
}

/* The fit is where the gradient vanishes: strong penalties give odds of the classes, whatever the words. */
Test(blind, words_under_a_strong_penalty_know_the_share_alone)
{
    static Corpus c;
    BlindOpts o = {.l2 = 1e9, .seed = 1};
    marked_fill(&c, 1, 1);
    for (size_t i = 0; i < TEXTS; i++) c.member[i] = i / PEOPLE % 4 == 0; /* a quarter of everybody's texts */
    cr_assert_eq(blind_words(c.score, c.view, c.member, c.person, TEXTS, PEOPLE, &o, NULL), OK);
    for (size_t i = 0; i < TEXTS; i++)
        cr_assert_float_eq(c.score[i], log(0.25 / 0.75), 0.02, "%g", c.score[i]);
}

Test(blind, similarity_is_a_cosine)
{
    const char *text[] = {"one TWO", "three, four!", "two; two one one", "...", "one"},
               *target[] = {"One", "two"}, *none[] = {"", "!?"};
    double score[5] = {7};
    Err e = {0};
    cr_assert_eq(blind_similarity(score, text, 5, none, 2, &(BlindOpts){0}, &e), ERR_SHAPE);
    cr_assert_eq(score[0], 7);
    cr_assert_eq(blind_similarity(score, text, 5, target, 2, &(BlindOpts){0}, NULL), OK);
    cr_assert_float_eq(score[0], 1, 1e-6);
    cr_assert_float_eq(score[1], 0, 1e-6);
    cr_assert_float_eq(score[2], 1, 1e-6);
    cr_assert_eq(score[3], 0);
    cr_assert_float_eq(score[4], sqrt(0.5), 1e-6);
}

Test(blind, refusals)
{
    const char *text[] = {"a", "b", "c"};
    bool member[] = {true, true, false};
    size_t person[] = {0, 1, 2};
    double score[3] = {7};
    Err e[2] = {0};
    cr_assert_eq(blind_words(score, text, member, person, 3, 2, &(BlindOpts){0}, &e[0]), ERR_ARG);
    cr_assert_str_eq(e[0].msg, "person 2 of text 2, want below 2");
    cr_assert_eq(blind_words(score, text, member, person, 3, 3, &(BlindOpts){.folds = 3}, &e[1]), ERR_SHAPE);
    cr_assert_not_null(strstr(e[1].msg, "0 non-members, want both"));
    cr_assert_eq(score[0], 7);
}
