/* Attacks that compare with other models: LiRA, RMIA, quantile regression. */
#include "prime/lira.h"
#include "prime/quantile.h"
#include "prime/rmia.h"
#include "prime/rng.h"

#include "attack_ref.h"

enum { QUERIES = 2, EXAMPLES = 12, MODELS = 17, RECORDS = QUERIES * EXAMPLES };

/* One record for each query of each example. */
typedef struct {
    JsVal *root;
    double in[RECORDS][MODELS], out[RECORDS][MODELS];
    LiraRecord r[RECORDS];
} LiraCase;

static void lira_case(LiraCase *c)
{
    c->root = ref_json("lira.json");
    const JsVal *scores = js_get(c->root, "scores[model][example][query]"),
                *keep = js_get(c->root, "keep[model][example]");
    size_t target = (size_t)js_int(js_get(c->root, "target_model"), -1);
    for (size_t i = 0; i < RECORDS; i++) {
        size_t x = i / QUERIES;
        c->r[i] = (LiraRecord){.in = c->in[i], .out = c->out[i]};
        for (size_t m = 0; m < js_len(scores); m++) {
            double phi = ref_value(js_at(js_at(js_at(scores, m), x), i % QUERIES));
            if (m == target)
                c->r[i].phi = phi;
            else if (js_int(js_at(js_at(keep, m), x), 0) != 0)
                c->in[i][c->r[i].n_in++] = phi;
            else
                c->out[i][c->r[i].n_out++] = phi;
        }
    }
}

/* Peers average over queries; `sign` turns their "lower = member". */
static void lira_near(const LiraCase *c, const double *score, const char *key, double sign)
{
    const JsVal *want = js_get(c->root, key);
    cr_assert_eq(js_len(want), EXAMPLES, "%s", key);
    for (size_t x = 0; x < EXAMPLES; x++)
        REF_NEAR((score[QUERIES * x] + score[QUERIES * x + 1]) / QUERIES, sign * ref_value(js_at(want, x)),
                 1e-12, "%s of example %zu", key, x);
}

Test(lira, online_offline_and_fixed_variance)
{
    static LiraCase c;
    double score[RECORDS], blind[RECORDS];
    LiraSd sd = {0};
    lira_case(&c);
    cr_assert_eq(lira_online(score, c.r, RECORDS, NULL, NULL), OK);
    lira_near(&c, score, "plot.py_online_fix0", -1);
    lira_near(&c, score, "advanced_mia.compute_score_lira_both_median_fix0", -1);
    cr_assert_eq(lira_pooled(&sd, c.r, RECORDS, NULL), OK);
    cr_assert_eq(lira_online(score, c.r, RECORDS, &sd, NULL), OK);
    lira_near(&c, score, "advanced_mia.compute_score_lira_both_median_fix1", -1);
    /* plot.py divides both sides by the total spread of one of them. */
    double theirs = ref_value(js_at(js_get(c.root, "plot.py_online_fix1"), 0));
    cr_assert_gt(fabs((score[0] + score[1]) / 2 + theirs), 0.1);
    /* The released offline score is minus log density: ours, folded at the median. */
    cr_assert_eq(lira_offline(score, c.r, RECORDS, &sd, NULL), OK);
    for (size_t i = 0; i < RECORDS; i++)
        blind[i] = 0.5 * log(2 * acos(-1.0)) + log(sd.out) + score[i] * score[i] / 2;
    lira_near(&c, blind, "advanced_mia.compute_score_lira_out_median_fix1", -1);
    js_close(c.root);
}

/* The known answer takes the mean for the centre; with as many shadows on either side of it the two agree. */
Test(lira, offline_counts_standard_deviations)
{
    double out[] = {-1.5, 0.5, 1, 1.5, 3.5}; /* mean and median 1, sd sqrt(13/5) */
    LiraRecord r = {.phi = 2.25, .out = out, .n_out = 5};
    double score;
    cr_assert_eq(lira_offline(&score, &r, 1, NULL, NULL), OK);
    cr_assert_float_eq(score, 1.25 / sqrt(13 / 5.0), 1e-12);
    r.phi = -3; /* badly known: not a member, in the direction-blind form as likely as phi = 5 */
    double low;
    cr_assert_eq(lira_offline(&low, &r, 1, NULL, NULL), OK);
    cr_assert_lt(low, 0);
}

Test(lira, phi_is_the_log_odds)
{
    cr_assert_float_eq(lira_phi(log(0.3)), log(0.3 / 0.7), 1e-12);
    REF_NEAR(lira_phi(-1e-12), log(1e12), 1e-12, "1 - p is not lost");
}

static void lira_refused(Status got, Status want, const Err *e, const char *msg)
{
    cr_assert_eq(got, want);
    cr_assert_str_eq(e->msg, msg);
}

Test(lira, refusals)
{
    double in[] = {1, 2}, out[] = {0.5, NAN}, flat[] = {3, 3}, score = 7;
    LiraSd sd = {1, 1};
    LiraRecord r = {0, in, in, 2, 2};
    Err e[6] = {0};
    lira_refused(lira_pooled(&sd, &r, 0, &e[0]), ERR_SHAPE, &e[0], "no records to pool");
    r.n_in = 1;
    lira_refused(lira_online(&score, &r, 1, NULL, &e[1]), ERR_SHAPE, &e[1],
                 "record 0 has 1 shadow models with it, want at least 2");
    cr_assert_eq(lira_online(&score, &r, 1, &sd, NULL), OK);
    score = 7;
    r.out = out;
    lira_refused(lira_offline(&score, &r, 1, NULL, &e[2]), ERR_NUM, &e[2],
                 "shadow model 1 without record 0: phi = nan, want a finite number");
    r = (LiraRecord){0, flat, flat, 2, 2};
    lira_refused(lira_online(&score, &r, 1, NULL, &e[3]), ERR_NUM, &e[3],
                 "shadow models agree exactly on record 0");
    lira_refused(lira_pooled(&sd, &r, 1, &e[4]), ERR_NUM, &e[4], "shadow models agree on every record");
    r.phi = INFINITY;
    lira_refused(lira_online(&score, &r, 1, NULL, &e[5]), ERR_NUM, &e[5],
                 "phi of record 0 = inf, want a finite number");
    cr_assert(score == 7 && sd.in == 1, "outputs are left alone");
}

/* ---- RMIA ---- */

enum { FIRST = 2, REFS = 4, POP = 15, TEXTS = 10 };

/* Ratios of one set: models FIRST .. FIRST + REFS - 1 are the references. offline_a < 0: online. The released
 * program keeps the n_ref largest of the probabilities without the record, zeros included; so does this. */
static void ratios(double *out, const JsVal *set, const JsVal *member, size_t n, size_t n_ref,
                   double offline_a)
{
    for (size_t i = 0; i < n; i++) {
        double p[REFS];
        const JsVal *row = js_at(set, i);
        for (size_t k = 0; k < REFS; k++) {
            bool in = js_int(js_at(js_at(member, i), FIRST + k), 0) != 0;
            p[k] = in && offline_a >= 0 ? 0 : ref_value(js_at(row, FIRST + k));
        }
        for (size_t a = 0; a < REFS && offline_a >= 0; a++)
            for (size_t b = a + 1; b < REFS; b++)
                if (p[b] > p[a]) {
                    double t = p[a];
                    p[a] = p[b], p[b] = t;
                }
        double prior = offline_a >= 0 ? rmia_prior_offline(p, n_ref, offline_a) : rmia_prior(p, REFS);
        out[i] = ref_value(js_at(row, 0)) / prior;
    }
}

Test(rmia, meets_the_reference)
{
    static const struct {
        const char *key;
        double a, gamma;
    } kind[] = {{"own_online (p(x)=mean over all refs) gamma=1, >=", -1, 1},
                {"own_online gamma=2, >=", -1, 2},
                {"attacks.run_rmia target0 num_ref=2 a=0.0", 0, 1},
                {"attacks.run_rmia target0 num_ref=2 a=0.3", 0.3, 1},
                {"attacks.run_rmia target0 num_ref=2 a=1.0", 1, 1},
                {"modules.run_rmia target0 refs2345 num_ref=2 a=0.3", 0.3, 1}};
    JsVal *root = ref_json("rmia.json");
    for (size_t k = 0; k < sizeof kind / sizeof kind[0]; k++) {
        double x[TEXTS], z[POP], score[TEXTS];
        ratios(x, js_get(root, "all_signals[x][model]"), js_get(root, "memberships[x][model]"), TEXTS, 2,
               kind[k].a);
        ratios(z, js_get(root, "population_signals[z][model]"), NULL, POP, 2, kind[k].a);
        cr_assert_eq(rmia_scores(score, x, TEXTS, z, POP, kind[k].gamma, NULL), OK);
        for (size_t i = 0; i < TEXTS; i++)
            REF_NEAR(score[i], ref_value(js_at(js_get(root, kind[k].key), i)), 1e-12, "%s, text %zu",
                     kind[k].key, i);
    }
    js_close(root);
}

Test(rmia, counts_equal_ratios_and_refuses)
{
    double x[] = {2, 1}, z[] = {1, 4, 2, 0.5}, score[2];
    cr_assert_eq(rmia_scores(score, x, 2, z, 4, 1, NULL), OK);
    cr_assert(score[0] == 0.75 && score[1] == 0.5);
    cr_assert_eq(rmia_scores(score, x, 2, z, 4, 2, NULL), OK);
    cr_assert(score[0] == 0.5 && score[1] == 0.25);
    Err e[3] = {0};
    cr_assert_eq(rmia_scores(score, x, 2, z, 0, 1, &e[0]), ERR_SHAPE);
    cr_assert_eq(rmia_scores(score, x, 2, z, 4, 0, &e[1]), ERR_ARG);
    z[2] = 0;
    cr_assert_eq(rmia_scores(score, x, 2, z, 4, 1, &e[2]), ERR_NUM);
    cr_assert_str_eq(e[2].msg, "ratio of population text 2 = 0, want a positive number");
    cr_assert(score[0] == 0.5, "outputs are left alone");
}

/* ---- quantile regression ---- */

static double check_loss(const double *b, const double *y, const double *x, size_t n, size_t d, double tau)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double r = y[i] - b[0];
        for (size_t k = 0; k < d; k++) r -= b[k + 1] * x[i * d + k];
        sum += r * (tau - (r < 0));
    }
    return sum;
}

/* The fit has tau of the values below it, within the d + 1 that lie on it, and no step away is better. */
Test(quantile, fit_is_where_the_check_loss_is_least)
{
    enum { N = 400, D = 2 };
    static double y[N], x[N * D];
    Rng rng = rng_stream(3, "quantile", 0);
    for (size_t i = 0; i < N; i++) {
        x[i * D] = 40 * rng_uniform(&rng);
        x[i * D + 1] = rng_normal(&rng);
        y[i] = 3 - 0.05 * x[i * D] + 0.4 * x[i * D + 1] + (0.2 + 0.02 * x[i * D]) * rng_normal(&rng);
    }
    for (double tau = 0.1; tau < 1; tau += 0.2) {
        double b[D + 1], best;
        size_t below = 0;
        cr_assert_eq(quantile_fit(b, y, x, N, D, tau, NULL), OK);
        best = check_loss(b, y, x, N, D, tau);
        for (size_t i = 0; i < N; i++) below += y[i] < b[0] + b[1] * x[i * D] + b[2] * x[i * D + 1] - 1e-5;
        cr_assert_float_eq((double)below, tau * N, D + 1.01, "tau %g", tau);
        for (size_t k = 0; k <= D; k++)
            for (int sign = -1; sign <= 1; sign += 2) {
                double c[D + 1] = {b[0], b[1], b[2]};
                c[k] += sign * (k == 1 ? 1e-3 : 1e-2);
                cr_assert_gt(check_loss(c, y, x, N, D, tau), best - 1e-6 * best);
            }
    }
}

/* A feature that shifts everybody's score is taken out; what only members have stays. */
Test(quantile, members_are_told_apart_behind_a_confounder)
{
    enum { N = 600, PEOPLE = 30 };
    static double y[N], x[N], score[N];
    static bool member[N];
    static size_t person[N];
    size_t high[2] = {0}, count[2] = {0};
    Rng rng = rng_stream(4, "quantile", 1);
    for (size_t i = 0; i < N; i++) {
        person[i] = i % PEOPLE;
        member[i] = i % 3 == 0;
        x[i] = 10 * rng_normal(&rng);
        y[i] = x[i] + 0.1 * rng_normal(&rng) + (member[i] ? 0.3 : 0);
    }
    QuantileOpts o = {.seed = 1};
    cr_assert_eq(quantile_scores(score, y, x, N, 1, member, person, PEOPLE, &o, NULL), OK);
    for (size_t i = 0; i < N; i++) high[member[i]] += score[i] > 0, count[member[i]]++;
    cr_assert_lt((double)high[0] / (double)count[0], 0.1, "5%% of non-members were asked for");
    cr_assert_gt((double)high[1] / (double)count[1], 0.8);
}

Test(quantile, refusals)
{
    double b[2] = {7, 7}, y[] = {1, 2, 3}, x[] = {1, 2, NAN}, score[3] = {7};
    bool member[] = {true, true, false};
    size_t person[] = {0, 1, 2};
    Err e[5] = {0};
    cr_assert_eq(quantile_fit(b, y, x, 0, 1, 0.5, &e[0]), ERR_SHAPE);
    cr_assert_eq(quantile_fit(b, y, x, 2, 1, 1, &e[1]), ERR_ARG);
    cr_assert_eq(quantile_fit(b, y, x, 3, 1, 0.5, &e[2]), ERR_NUM);
    QuantileOpts o = {.folds = 3};
    cr_assert_eq(quantile_scores(score, y, NULL, 3, 0, member, person, 3, &o, &e[3]), ERR_SHAPE);
    y[2] = INFINITY;
    cr_assert_eq(quantile_fit(b, y, x, 3, 1, 0.5, &e[4]), ERR_NUM);
    cr_assert(b[0] == 7 && score[0] == 7, "outputs are left alone");
}
