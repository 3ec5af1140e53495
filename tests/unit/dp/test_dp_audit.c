#include "prime/dp_audit.h"

#include "prime/dp.h"
#include "prime/rng.h"
#include "prime/stats.h"

#include "../num/ref_csv.h"

static DpOneRun run_row(const Ref *r, size_t i)
{
    return (DpOneRun){(size_t)ref_num(r, i, "m"), (size_t)ref_num(r, i, "r_guesses"),
                      (size_t)ref_num(r, i, "v_correct"), ref_num(r, i, "delta"), 0.05};
}

Test(dp_audit, one_run_p_values_meet_two_peers)
{
    Ref r = ref_open("dp/one_run_pvalue.csv");
    for (size_t i = 0; i < r.rows; i++) {
        DpOneRun a = run_row(&r, i);
        double p = NAN;
        Err e = {0};
        cr_assert_eq(dp_one_run_p(&p, &a, ref_num(&r, i, "eps"), &e), OK, "%s", e.msg);
        REF_NEAR(p, ref_num(&r, i, "p_meter_loop"), 1e-10, "row %zu", i);
        REF_NEAR(p, ref_num(&r, i, "p_jax_privacy"), 1e-10, "row %zu", i);
    }
    cr_assert_eq(r.rows, 133u);
    ref_close(&r);
}

Test(dp_audit, one_run_epsilon_meets_two_peers)
{
    Ref r = ref_open("dp/one_run_eps.csv");
    for (size_t i = 0; i < r.rows; i++) {
        DpOneRun a = run_row(&r, i);
        double eps = NAN, p = NAN;
        Err e = {0};
        a.p = ref_num(&r, i, "p");
        cr_assert_eq(dp_one_run_epsilon(&eps, &a, &e), OK, "%s", e.msg);
        cr_assert_float_eq(eps, ref_num(&r, i, "eps_meter_bisect1e-5"), 2e-5, "row %zu: %.10g", i, eps);
        cr_assert_float_eq(eps, ref_num(&r, i, "eps_jax_brentq1e-6"), 2e-5, "row %zu: %.10g", i, eps);
        if (eps == 0) continue;
        cr_assert_eq(dp_one_run_p(&p, &a, eps, &e), OK);
        REF_NEAR(p, a.p, 1e-7, "row %zu", i);
    }
    cr_assert_eq(r.rows, 73u);
    ref_close(&r);
}

/* The peers round the last trade-off to 1e-6; PrivacyGuard never finds less than its grid allows. */
Test(dp_audit, one_run_fdp_meets_the_sound_peer)
{
    Ref r = ref_open("dp/one_run_fdp_eps.csv");
    for (size_t i = 0; i < r.rows; i++) {
        DpOneRun a = run_row(&r, i);
        double eps = NAN;
        Err e = {0};
        a.p = ref_num(&r, i, "significance");
        cr_assert_eq(dp_one_run_fdp(&eps, NULL, &a, &e), OK, "%s", e.msg);
        cr_assert_float_eq(eps, ref_num(&r, i, "eps_jax_privacy"), 1e-5, "row %zu: %.10g", i, eps);
    }
    cr_assert_eq(r.rows, 22u);
    ref_close(&r);
}

Test(dp_audit, coins_show_nothing)
{
    static const DpOneRun coins[] = {{1000, 1000, 500, 1e-5, 0.05},
                                     {100, 50, 25, 1e-5, 0.05},
                                     {100, 100, 0, 1e-5, 0.05},
                                     {100, 0, 0, 1e-5, 0.05}};
    for (size_t i = 0; i < 4; i++) {
        double eps = NAN, mu = NAN;
        cr_assert_eq(dp_one_run_fdp(&eps, &mu, &coins[i], &(Err){0}), OK);
        cr_assert(eps == 0 && mu == 0, "coin %zu: %g", i, eps);
        cr_assert_eq(dp_one_run_epsilon(&eps, &coins[i], &(Err){0}), OK);
        cr_assert_eq(eps, 0);
    }
}

Test(dp_audit, delta_costs)
{
    double last = INFINITY;
    for (double delta = 1e-8; delta < 1e-2; delta *= 10) {
        double eps = NAN;
        cr_assert_eq(dp_one_run_epsilon(&eps, &(DpOneRun){1000, 100, 90, delta, 0.05}, &(Err){0}), OK);
        cr_assert_lt(eps, last);
        last = eps;
    }
}

Test(dp_audit, counts_meet_exact_intervals)
{
    Ref r = ref_open("dp/eps_clopper_pearson_counts.csv");
    for (size_t i = 0; i < r.rows; i++) {
        size_t tp = (size_t)ref_num(&r, i, "tp"), fp = (size_t)ref_num(&r, i, "fp");
        DpCounts c = {tp,
                      (size_t)ref_num(&r, i, "n_pos") - tp,
                      fp,
                      (size_t)ref_num(&r, i, "n_neg") - fp,
                      ref_num(&r, i, "delta"),
                      ref_num(&r, i, "significance"),
                      1};
        DpCountsEps got, turned;
        Err e = {0};
        cr_assert_eq(dp_counts_epsilon(&got, &c, &e), OK, "%s", e.msg);
        REF_NEAR(got.tpr_lo, ref_num(&r, i, "tpr_lower"), 1e-10, "row %zu", i);
        REF_NEAR(got.fpr_hi, ref_num(&r, i, "fpr_upper"), 1e-10, "row %zu", i);
        REF_NEAR(fmax(0, got.members), ref_num(&r, i, "eps_lower"), 1e-9, "row %zu", i);
        cr_assert_eq(got.epsilon, fmax(0, fmax(got.members, got.nonmembers)));
        /* The other side is the same audit with the roles exchanged. */
        DpCounts swap = {c.tn, c.fp, c.fn, c.tp, c.delta, c.alpha, 1};
        cr_assert_eq(dp_counts_epsilon(&turned, &swap, &e), OK, "%s", e.msg);
        REF_NEAR(fmax(-1, turned.members), fmax(-1, got.nonmembers), 1e-9, "row %zu", i);
    }
    cr_assert_eq(r.rows, 37u);
    ref_close(&r);
}

/* privacy-estimates takes the better of both sides. Its alpha is that of a two-sided interval for epsilon, so
 * that each of the four bounds has alpha / 4. */
Test(dp_audit, counts_meet_a_peer_that_takes_both_sides)
{
    Ref r = ref_open("dp/eps_microsoft_privacy_estimates.csv");
    for (size_t i = 0; i < r.rows; i++) {
        DpCounts c = {(size_t)ref_num(&r, i, "TP"),
                      (size_t)ref_num(&r, i, "FN"),
                      (size_t)ref_num(&r, i, "FP"),
                      (size_t)ref_num(&r, i, "TN"),
                      ref_num(&r, i, "delta"),
                      ref_num(&r, i, "alpha_two_sided") / 2,
                      1};
        DpCountsEps got;
        Err e = {0};
        cr_assert_eq(dp_counts_epsilon(&got, &c, &e), OK, "%s", e.msg);
        REF_NEAR(got.epsilon, ref_num(&r, i, "beta_lo"), 1e-9, "row %zu", i);
    }
    ref_close(&r);
}

Test(dp_audit, thresholds_divide_alpha)
{
    DpCounts many = {90, 10, 5, 95, 1e-5, 0.05, 10}, one = {90, 10, 5, 95, 1e-5, 0.005, 1};
    DpCountsEps a, b;
    cr_assert_eq(dp_counts_epsilon(&a, &many, &(Err){0}), OK);
    cr_assert_eq(dp_counts_epsilon(&b, &one, &(Err){0}), OK);
    cr_assert_float_eq(a.epsilon, b.epsilon, 1e-12);
    double x = NAN, y = NAN;
    cr_assert_eq(dp_counts_gdp(&x, NULL, &many, &(Err){0}), OK);
    cr_assert_eq(dp_counts_gdp(&y, NULL, &one, &(Err){0}), OK);
    cr_assert_float_eq(x, y, 1e-10);
}

Test(dp_audit, the_gaussian_audit_equals_its_definition)
{
    DpCounts c = {90, 10, 5, 95, 1e-5, 0.05, 1};
    double eps = NAN, mu = NAN;
    cr_assert_eq(dp_counts_gdp(&eps, &mu, &c, &(Err){0}), OK);
    /* Clopper-Pearson: TPR_lo 0.8237774022599773, FPR_hi 0.11283491110546275 */
    cr_assert_float_eq(mu, stats_norm_q(0.8237774022599773) - stats_norm_q(0.11283491110546275), 1e-9);
    cr_assert_float_eq(dp_gauss_delta(mu, eps), 1e-5, 1e-12);
    cr_assert_eq(dp_counts_gdp(&eps, &mu, &(DpCounts){5, 95, 90, 10, 1e-5, 0.05, 1}, &(Err){0}), OK);
    cr_assert(eps == 0 && mu == 0, "worse than chance is nothing");
}

/* ---- what an audit must keep: it says more than 0 on nothing, and more than the truth, rarely ---- */

enum { REPEATS = 400 };

/* How many of n coins with that chance fall heads. */
static size_t heads(Rng *rng, size_t n, double chance)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) k += rng_uniform(rng) < chance;
    return k;
}

/* More than this many of 400 at a rate of 5 % has probability below 1e-3. */
enum { TOO_MANY = 35 };

/* A mechanism that adds N(0, 1) to 1 for a member and 0 for another, tested at a fixed threshold: its epsilon
 * is known exactly. mu = 0: members and others are alike. */
static void wrong_audits(double mu, double truth, size_t wrong[3])
{
    memset(wrong, 0, 3 * sizeof *wrong);
    for (size_t i = 0; i < REPEATS; i++) {
        Rng rng = rng_stream(5, mu == 0 ? "null audit" : "gaussian audit", i);
        size_t n = 500, tp = heads(&rng, n, stats_norm_cdf(mu - 1)), fp = heads(&rng, n, stats_norm_cdf(-1));
        size_t good = heads(&rng, n, stats_norm_cdf(mu / 2));
        DpCountsEps c;
        double gdp = NAN, one = NAN;
        cr_assert_eq(dp_counts_epsilon(&c, &(DpCounts){tp, n - tp, fp, n - fp, 1e-5, 0.05, 1}, &(Err){0}),
                     OK);
        cr_assert_eq(dp_counts_gdp(&gdp, NULL, &(DpCounts){tp, n - tp, fp, n - fp, 1e-5, 0.05, 1}, &(Err){0}),
                     OK);
        cr_assert_eq(dp_one_run_epsilon(&one, &(DpOneRun){n, n, good, 1e-5, 0.05}, &(Err){0}), OK);
        wrong[0] += c.epsilon > truth;
        wrong[1] += gdp > truth;
        wrong[2] += one > truth;
    }
}

Test(dp_audit, null_audits_speak_at_most_at_their_rate)
{
    size_t wrong[3];
    wrong_audits(0, 0, wrong);
    for (size_t i = 0; i < 3; i++)
        cr_assert_leq(wrong[i], (size_t)TOO_MANY, "method %zu: %zu of 400", i, wrong[i]);
    size_t fdp = 0;
    for (size_t i = 0; i < REPEATS; i++) {
        Rng rng = rng_stream(6, "null audit", i);
        double eps = NAN;
        cr_assert_eq(
            dp_one_run_fdp(&eps, NULL, &(DpOneRun){500, 500, heads(&rng, 500, 0.5), 1e-5, 0.05}, &(Err){0}),
            OK);
        fdp += eps > 0;
    }
    cr_assert_leq(fdp, (size_t)TOO_MANY, "f-DP: %zu of 400", fdp);
}

Test(dp_audit, bounds_stay_below_the_accountants)
{
    for (double mu = 0.5; mu < 3; mu += 1) {
        DpEps prv = {0};
        double exact = NAN;
        DpRun run = {1, 1 / mu, 1, 1e-5};
        size_t wrong[3];
        cr_assert_eq(dp_gauss_epsilon(&exact, mu, 1e-5, &(Err){0}), OK);
        cr_assert_eq(dp_prv_epsilon(&prv, &run, &(Err){0}), OK);
        cr_assert_geq(prv.epsilon, exact);
        wrong_audits(mu, exact, wrong);
        for (size_t i = 0; i < 3; i++)
            cr_assert_leq(wrong[i], (size_t)TOO_MANY, "mu %g method %zu: %zu of 400", mu, i, wrong[i]);
    }
}

/* ---- errors ---- */

Test(dp_audit, bad_audits_are_refused)
{
    static const struct {
        DpOneRun a;
        const char *says;
    } bad[] = {
        {{0, 0, 0, 0, 0.05}, "m = 0 canaries, want at least 1"},
        {{10, 11, 5, 0, 0.05}, "guesses = 11, want at most m = 10"},
        {{10, 5, 6, 0, 0.05}, "correct = 6, want at most guesses = 5"},
        {{10, 5, 5, 1, 0.05}, "delta = 1, want [0, 1)"},
        {{10, 5, 5, NAN, 0.05}, "delta = nan, want [0, 1)"},
        {{10, 5, 5, 0, 0}, "p = 0, want (0, 1)"},
    };
    double x = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Err e = {0};
        cr_assert_eq(dp_one_run_epsilon(&x, &bad[i].a, &e), ERR_ARG);
        cr_assert_str_eq(e.msg, bad[i].says);
        cr_assert_eq(dp_one_run_p(&x, &bad[i].a, 1, &(Err){0}), ERR_ARG);
        cr_assert_eq(dp_one_run_fdp(&x, NULL, &bad[i].a, &(Err){0}), ERR_ARG);
    }
    Err e = {0};
    cr_assert_eq(dp_one_run_p(&x, &(DpOneRun){10, 5, 5, 0, 0.05}, -1, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "epsilon = -1, want >= 0");
    e = (Err){0};
    cr_assert_eq(dp_one_run_fdp(&x, NULL, &(DpOneRun){10, 5, 5, 0, 0.05}, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "delta = 0, want (0, 1)");
    cr_assert_eq(x, 7);
}

Test(dp_audit, bad_counts_are_refused)
{
    static const struct {
        DpCounts c;
        const char *says;
    } bad[] = {
        {{0, 0, 1, 1, 0, 0.05, 1}, "tp + fn = 0 members, want at least 1"},
        {{1, 1, 0, 0, 0, 0.05, 1}, "fp + tn = 0 non-members, want at least 1"},
        {{1, 1, 1, 1, 0, 0.05, 0}, "thresholds = 0, want at least 1"},
        {{1, 1, 1, 1, -1, 0.05, 1}, "delta = -1, want [0, 1)"},
        {{1, 1, 1, 1, 0, 1, 1}, "alpha = 1, want (0, 1)"},
    };
    DpCountsEps out = {.epsilon = 7};
    double x = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Err e = {0};
        cr_assert_eq(dp_counts_epsilon(&out, &bad[i].c, &e), ERR_ARG);
        cr_assert_str_eq(e.msg, bad[i].says);
        cr_assert_eq(dp_counts_gdp(&x, NULL, &bad[i].c, &(Err){0}), ERR_ARG);
    }
    Err e = {0};
    cr_assert_eq(dp_counts_gdp(&x, NULL, &(DpCounts){1, 1, 1, 1, 0, 0.05, 1}, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "delta = 0, want (0, 1)");
    cr_assert(out.epsilon == 7 && x == 7);
}
