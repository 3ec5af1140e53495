#include "prime/stats.h"
#include "prime/rng.h"

#include "ref_csv.h"

Test(stats, clopper_pearson_meets_the_reference)
{
    Ref r = ref_open("num/clopper_pearson.csv");
    for (size_t i = 0; i < r.rows; i++) {
        size_t k = (size_t)ref_num(&r, i, "k"), n = (size_t)ref_num(&r, i, "n");
        double alpha = ref_num(&r, i, "alpha"), lo, hi;
        stats_clopper_pearson(&lo, &hi, k, n, 1 - alpha);
        REF_NEAR(lo, ref_num(&r, i, "cp_lower_2sided"), 1e-10, "lower of %zu/%zu", k, n);
        REF_NEAR(hi, ref_num(&r, i, "cp_upper_2sided"), 1e-10, "upper of %zu/%zu", k, n);
        REF_NEAR(stats_binom_upper(k, n, alpha), ref_num(&r, i, "cp_upper_1sided_jax"), 1e-10,
                 "one-sided %zu/%zu", k, n);
    }
    cr_assert_eq(r.rows, 72u);
    ref_close(&r);
}

Test(stats, clopper_pearson_meets_binom_test)
{
    Ref r = ref_open("num/binom_test_R.csv");
    for (size_t i = 0; i < r.rows; i++) {
        double lo, hi;
        size_t k = (size_t)ref_num(&r, i, "k"), n = (size_t)ref_num(&r, i, "n");
        stats_clopper_pearson(&lo, &hi, k, n, 0.95);
        REF_NEAR(lo, ref_num(&r, i, "lo"), 1e-10, "k = %zu", k);
        REF_NEAR(hi, ref_num(&r, i, "hi"), 1e-10, "k = %zu", k);
        /* the one-sided lower bound is the mirror of the upper one */
        REF_NEAR(1 - stats_binom_upper(n - k, n, 0.05), ref_num(&r, i, "lower_1sided"), 1e-10, "k = %zu", k);
    }
    ref_close(&r);
}

Test(stats, binomial_test_meets_the_reference)
{
    Ref r = ref_open("num/binom_test_R.csv");
    for (size_t i = 0; i < r.rows; i++) {
        size_t k = (size_t)ref_num(&r, i, "k"), n = (size_t)ref_num(&r, i, "n");
        StatsBinomTest t = stats_binom_test(k, n, 0.5);
        cr_assert(fabs(t.p / ref_num(&r, i, "p_two") - 1) < 1e-9, "%zu of %zu: %.17g", k, n, t.p);
        cr_assert(fabs(t.p_greater / ref_num(&r, i, "p_greater") - 1) < 1e-9, "%zu of %zu: %.17g", k, n,
                  t.p_greater);
    }
    ref_close(&r);
}

/* The definition, count by count, at rates other than one half. */
Test(stats, binomial_test_meets_its_definition)
{
    static const double rate[] = {0.03, 0.2, 0.3, 0.5, 0.77, 1};
    for (size_t j = 0; j < 6; j++)
        for (size_t n = 1; n <= 40; n += 13)
            for (size_t k = 0; k <= n; k++) {
                double pmf[41], two = 0, above = 0, below = 0;
                for (size_t i = 0; i <= n; i++) {
                    pmf[i] = 1;
                    for (size_t c = 0; c < i; c++) pmf[i] *= (double)(n - c) / (double)(c + 1);
                    pmf[i] *= pow(rate[j], (double)i) * pow(1 - rate[j], (double)(n - i));
                }
                for (size_t i = 0; i <= n; i++) {
                    two += pmf[i] <= pmf[k] * (1 + 1e-7) ? pmf[i] : 0;
                    above += i >= k ? pmf[i] : 0;
                    below += i <= k ? pmf[i] : 0;
                }
                StatsBinomTest t = stats_binom_test(k, n, rate[j]);
                REF_NEAR(t.p, two, 1e-12, "%zu of %zu at %g", k, n, rate[j]);
                REF_NEAR(t.p_greater, above, 1e-12, "%zu of %zu at %g", k, n, rate[j]);
                REF_NEAR(t.p_less, below, 1e-12, "%zu of %zu at %g", k, n, rate[j]);
            }
}

Test(stats, clopper_pearson_holds_for_large_counts)
{
    /* The bounds solve tail equations; at a million trials the normal approximation is good to 1e-5. */
    double lo, hi;
    stats_clopper_pearson(&lo, &hi, 300000, 1000000, 0.95);
    double half = 1.959963984540054 * sqrt(0.3 * 0.7 / 1e6);
    REF_NEAR(lo, 0.3 - half, 1e-5, "lower");
    REF_NEAR(hi, 0.3 + half, 1e-5, "upper");
}

Test(stats, adjusted_p_values_meet_the_reference)
{
    static const char *const pairs[][2] = {
        {"bonferroni", "bonferroni"}, {"holm", "holm"}, {"hochberg", "hochberg"},
        {"hommel", "hommel"},         {"bh", "BH"},     {"by", "BY"}};
    Ref r = ref_open("num/p_adjust_R.csv");
    double p[64], out[64];
    cr_assert_leq(r.rows, (size_t)64);
    for (size_t m = 0; m < 6; m++) {
        cr_assert_str_eq(stats_adjust_at(m)->name, pairs[m][0]);
        Err e = {0};
        /* Reversed, so that the order of the input is seen to be kept. */
        for (size_t i = 0; i < r.rows; i++) p[i] = ref_num(&r, r.rows - 1 - i, "p");
        cr_assert_eq(stats_adjust(out, p, r.rows, pairs[m][0], &e), OK, "%s", e.msg);
        for (size_t i = 0; i < r.rows; i++)
            REF_NEAR(out[i], ref_num(&r, r.rows - 1 - i, pairs[m][1]), 1e-12, "%s row %zu", pairs[m][0], i);
    }
    cr_assert_null(stats_adjust_at(6));
    ref_close(&r);
}

Test(stats, adjust_refuses_what_is_no_p_value)
{
    double p[3] = {0.5, 1.5, 0.1}, out[3] = {7, 7, 7};
    Err e = {0};
    cr_assert_eq(stats_adjust(out, p, 3, "holm", &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "p[1] = 1.5, want [0, 1]");
    cr_assert_eq(out[0], 7, "outputs are left alone");
    p[1] = NAN;
    cr_assert_eq(stats_adjust(out, p, 3, "holm", &(Err){0}), ERR_ARG);
    e = (Err){0};
    cr_assert_eq(stats_adjust(out, p, 0, "bonferonni", &e), ERR_ARG);
    cr_assert(strstr(e.msg, "bonferonni") != NULL);
    cr_assert_eq(stats_adjust(out, p, 0, "by", &e), OK);
}

Test(stats, adjusted_values_are_ordered_between_methods)
{
    /* On any input: hommel <= hochberg <= holm <= bonferroni, and bh <= by. */
    Rng r = rng_stream(3, "adjust", 0);
    for (int t = 0; t < 50; t++) {
        double p[17], a[6][17];
        for (size_t i = 0; i < 17; i++) p[i] = pow(rng_uniform(&r), 3);
        if (t % 3 == 0) p[4] = p[9];
        for (size_t m = 0; m < 6; m++)
            cr_assert_eq(stats_adjust(a[m], p, 17, stats_adjust_at(m)->name, NULL), OK);
        for (size_t i = 0; i < 17; i++) {
            cr_assert_leq(a[3][i], a[2][i] + 1e-15);
            cr_assert_leq(a[2][i], a[1][i] + 1e-15);
            cr_assert_leq(a[1][i], a[0][i] + 1e-15);
            cr_assert_leq(a[4][i], a[5][i] + 1e-15);
            cr_assert_geq(a[3][i], p[i]);
        }
    }
}

Test(stats, quantiles_and_moments)
{
    double x[5] = {9.25, -1.5, 3.75, 0.5, 2.125}, w[5];
    REF_NEAR(stats_mean(x, 5), 2.825, 1e-15, "mean");
    REF_NEAR(stats_sd(x, 5), sqrt(66.7375 / 4), 1e-14, "sd");
    REF_NEAR(stats_median(x, 5, w), 2.125, 0, "median");
    stats_sort(x, 5);
    REF_NEAR(stats_quantile(x, 5, 0), -1.5, 0, "minimum");
    REF_NEAR(stats_quantile(x, 5, 1), 9.25, 0, "maximum");
    REF_NEAR(stats_quantile(x, 5, 0.1), -1.5 + 0.4 * 2, 1e-15, "type 7");
    cr_assert(isnan(stats_mean(x, 0)) && isnan(stats_sd(x, 1)) && isnan(stats_quantile(x, 0, 0.5)));
    cr_assert(isnan(stats_median(x, 0, w)));
}

Test(stats, distributions)
{
    REF_NEAR(stats_norm_q(0.975), 1.959963984540054, 1e-14, "normal");
    REF_NEAR(stats_norm_cdf(-1.2815515655446004), 0.1, 1e-14, "normal");
    REF_NEAR(stats_t_q(0.975, 2), 4.302652729696142, 1e-10, "t, 2 df");
    REF_NEAR(stats_t_q(0.975, 9.5), -stats_t_q(0.025, 9.5), 1e-10, "t is symmetric");
    REF_NEAR(stats_t_q(0.975, INFINITY), 1.959963984540054, 1e-14, "t in the limit");
    REF_NEAR(stats_t_p(-4.302652729696142, 2), 0.05, 1e-10, "two-sided p");
    REF_NEAR(stats_t_p(1.959963984540054, INFINITY), 0.05, 1e-12, "two-sided p");
    cr_assert(isnan(stats_t_p(NAN, 3)));
}

/* Values of one kind in one row of bootstrap_bca.csv. */
static size_t bca_values(double *out, size_t max, const Ref *r, size_t row, const char *kind)
{
    size_t n = 0;
    for (size_t i = 0; i < r->rows; i++)
        if ((size_t)ref_num(r, i, "row") == row && strcmp(ref_str(r, i, "kind"), kind) == 0 && n < max)
            out[n++] = ref_num(r, i, "value");
    return n;
}

Test(stats, bca_meets_the_reference)
{
    Ref r = ref_open("num/bootstrap_bca.csv");
    static double x[100], rep[2000], jack[100];
    for (size_t row = 0; row < 4; row++) {
        double level, theta, at, bca[2], perc[2], lo, hi;
        cr_assert_eq(bca_values(&level, 1, &r, row, "confidence"), 1u);
        cr_assert_eq(bca_values(&theta, 1, &r, row, "theta_hat"), 1u);
        cr_assert_eq(bca_values(&at, 1, &r, row, "data_row"), 1u);
        cr_assert_eq(bca_values(bca, 2, &r, row, "bca"), 2u);
        cr_assert_eq(bca_values(perc, 2, &r, row, "percentile"), 2u);
        size_t n = bca_values(x, 100, &r, (size_t)at, "x"),
               n_rep = bca_values(rep, 2000, &r, (size_t)at, "rep");
        cr_assert(n > 10 && n_rep > 100);
        for (size_t i = 0; i < n; i++) jack[i] = (theta * (double)n - x[i]) / (double)(n - 1);
        stats_sort(rep, n_rep);
        stats_bca(&lo, &hi, rep, n_rep, theta, jack, n, level);
        REF_NEAR(lo, bca[0], 1e-9, "row %zu", row);
        REF_NEAR(hi, bca[1], 1e-9, "row %zu", row);
        REF_NEAR(stats_quantile(rep, n_rep, (1 - level) / 2), perc[0], 1e-12, "row %zu", row);
        REF_NEAR(stats_quantile(rep, n_rep, (1 + level) / 2), perc[1], 1e-12, "row %zu", row);
    }
    ref_close(&r);
}

Test(stats, bca_without_spread_gives_no_bounds)
{
    double rep[4] = {1, 2, 3, 4}, jack[2] = {1, 1}, lo, hi;
    stats_bca(&lo, &hi, rep, 4, 9, jack, 2, 0.95);
    cr_assert(isnan(lo) && isnan(hi));
}

/* 12 users with 5 records each, a common shift per user. */
static void user_sample(double *x, size_t *user, Rng *r, double spread)
{
    for (size_t i = 0; i < 60; i++) {
        user[i] = i / 5;
        static double shift;
        if (i % 5 == 0) shift = spread * rng_normal(r);
        x[i] = 0.3 + shift + rng_normal(r);
    }
}

Test(stats, boot_mean_is_reproducible_and_sees_the_users)
{
    double x[60];
    size_t user[60], alone[60];
    Rng r = rng_stream(11, "boot", 0);
    user_sample(x, user, &r, 2);
    for (size_t i = 0; i < 60; i++) alone[i] = i;
    StatsEst a, b, c;
    StatsBoot o = {.seed = 5, .reps = 500};
    cr_assert_eq(stats_boot_mean(&a, x, user, 60, 12, STATS_POOLED, &o, NULL), OK);
    cr_assert_eq(stats_boot_mean(&b, x, user, 60, 12, STATS_USER_MEAN, &o, NULL), OK);
    cr_assert_eq(stats_boot_mean(&c, x, alone, 60, 60, STATS_POOLED, &o, NULL), OK);
    REF_NEAR(a.value, stats_mean(x, 60), 1e-14, "value");
    /* equal group sizes: both means agree, replicate by replicate */
    REF_NEAR(a.lo, b.lo, 1e-12, "pooled and by user");
    cr_assert(a.lo < a.value && a.value < a.hi);
    cr_assert_gt(a.se, 1.5 * c.se, "users vary: %g against %g", a.se, c.se);
    cr_assert_eq(a.n_users, 12u);
    cr_assert_eq(a.n_bad, 0u);
    o.kind = STATS_BCA;
    cr_assert_eq(stats_boot_mean(&b, x, user, 60, 12, STATS_POOLED, &o, NULL), OK);
    cr_assert(b.lo < b.value && b.value < b.hi && b.lo != a.lo);
}

Test(stats, boot_mean_covers_at_about_its_level)
{
    size_t hits = 0;
    for (uint64_t t = 0; t < 300; t++) {
        double x[60];
        size_t user[60];
        Rng r = rng_stream(17, "cover", t);
        user_sample(x, user, &r, 0.7);
        StatsEst est;
        StatsBoot o = {.seed = t, .reps = 200};
        cr_assert_eq(stats_boot_mean(&est, x, user, 60, 12, STATS_POOLED, &o, NULL), OK);
        hits += est.lo <= 0.3 && 0.3 <= est.hi;
    }
    /* the percentile interval is short at 12 users: nominal 95%, in truth about 91% */
    cr_assert(hits >= 255 && hits <= 294, "covered %zu of 300", hits);
}

Test(stats, boot_says_what_it_cannot_do)
{
    double x[2] = {1, 2};
    size_t user[2] = {0, 0};
    StatsEst est;
    StatsBoot o = {0};
    Err e = {0};
    cr_assert_eq(stats_boot_mean(&est, x, user, 2, 1, STATS_POOLED, &o, NULL), OK);
    cr_assert(isnan(est.lo) && isnan(est.hi) && isnan(est.se) && est.value == 1.5 && est.n_users == 1);
    cr_assert_eq(stats_boot_mean(&est, x, user, 0, 1, STATS_POOLED, &o, NULL), ERR_SHAPE);
    user[1] = 4;
    cr_assert_eq(stats_boot_mean(&est, x, user, 2, 3, STATS_POOLED, &o, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "user of record 1 = 4, want below 3");
    user[1] = 1;
    x[1] = INFINITY;
    cr_assert_eq(stats_boot_mean(&est, x, user, 2, 2, STATS_POOLED, &o, NULL), ERR_NUM);
    x[1] = 2;
    o.level = 1;
    cr_assert_eq(stats_boot_mean(&est, x, user, 2, 2, STATS_POOLED, &o, NULL), ERR_ARG);
    o = (StatsBoot){.reps = 3};
    cr_assert_eq(stats_boot_mean(&est, x, user, 2, 2, STATS_POOLED, &o, NULL), ERR_ARG);
    o = (StatsBoot){0};
    cr_assert_eq(stats_boot(&est, NULL, NULL, 0, &o, NULL), ERR_ARG);
}

static double first_user_only(void *ctx, const double *w)
{
    (void)ctx;
    return w[0] > 0 ? w[0] : NAN;
}

static double never(void *ctx, const double *w)
{
    (void)ctx, (void)w;
    return NAN;
}

Test(stats, boot_counts_replicates_without_a_value)
{
    StatsEst est;
    StatsBoot o = {.seed = 1};
    cr_assert_eq(stats_boot(&est, first_user_only, NULL, 8, &o, NULL), OK);
    /* user 0 is absent with probability (7/8)^8 = 0.34 */
    cr_assert(est.n_bad > 600 && est.n_bad < 780, "%zu", est.n_bad);
    size_t stratum[8] = {9, 1, 1, 1, 1, 1, 1, 1};
    o.stratum = stratum;
    cr_assert_eq(stats_boot(&est, first_user_only, NULL, 8, &o, NULL), OK);
    cr_assert(est.n_bad == 0 && est.lo == 1 && est.hi == 1, "alone in its stratum, always drawn once");
    cr_assert_eq(stats_boot(&est, never, NULL, 8, &o, NULL), ERR_NUM);
}

/* Student's sleep data in R: t.test(extra ~ group), Welch: t = -1.8608, df = 17.776, p-value = 0.07939. */
Test(stats, welch_meets_r)
{
    static const double x[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2},
                        y[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
    double t, df;
    stats_welch(&t, &df, x, 10, y, 10);
    cr_assert_float_eq(t, -1.8608, 5e-5);
    cr_assert_float_eq(df, 17.776, 5e-4);
    cr_assert_float_eq(stats_t_p(t, df), 0.07939, 5e-6);
    stats_welch(&t, &df, x, 1, y, 10);
    cr_assert(isnan(t) && isnan(df));
    double flat[] = {2, 2};
    stats_welch(&t, &df, flat, 2, flat, 2);
    cr_assert(isnan(t));
}
