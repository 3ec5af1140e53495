#include "prime/paired.h"
#include "prime/rng.h"
#include "prime/trend.h"

#include "ref_csv.h"

/* The max-min formula of Robertson, Wright and Dykstra 1988, sec. 1.4: the fit at i is the largest over s <=
 * i of the smallest over t >= i of the mean of s .. t. */
static double naive_isotonic(const double *y, const double *w, size_t n, size_t i)
{
    double best = -INFINITY;
    for (size_t s = 0; s <= i; s++) {
        double least = INFINITY;
        for (size_t t = i; t < n; t++) {
            double sum = 0, weight = 0;
            for (size_t k = s; k <= t; k++) sum += w[k] * y[k], weight += w[k];
            least = fmin(least, sum / weight);
        }
        best = fmax(best, least);
    }
    return best;
}

Test(trend, isotonic_fit_meets_its_definition)
{
    Rng r = rng_stream(7, "isotonic", 0);
    for (size_t trial = 0; trial < 200; trial++) {
        double y[12], w[12], out[12], down[12], minus[12], work[24];
        size_t n = 1 + rng_below(&r, 12);
        for (size_t i = 0; i < n; i++) {
            y[i] = 0.1 * (double)i + round(3 * rng_normal(&r)) / 3;
            w[i] = 0.25 + rng_uniform(&r);
            minus[i] = -y[i];
        }
        trend_isotonic(out, y, w, n, TREND_UP, work);
        trend_isotonic(down, minus, w, n, TREND_DOWN, work);
        for (size_t i = 0; i < n; i++) {
            REF_NEAR(out[i], naive_isotonic(y, w, n, i), 1e-13, "%zu of %zu", i, n);
            REF_NEAR(down[i], -out[i], 1e-14, "mirrored");
        }
        trend_isotonic(y, y, w, n, TREND_UP, work);
        for (size_t i = 0; i < n; i++) cr_assert_eq(y[i], out[i], "in place");
    }
}

/* Two users at three levels: all 36 arrangements. */
Test(trend, permutation_meets_enumeration)
{
    static const size_t perm[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const double x[6] = {1, 2.5, 2, 10, 10.25, 12};
    double stat[36], mean[3], fit[3], work[6], hits = 0;
    for (size_t a = 0; a < 36; a++) {
        double grand = 0, m[3];
        for (size_t j = 0; j < 3; j++)
            m[j] = (x[perm[a / 6][j]] + x[3 + perm[a % 6][j]]) / 2, grand += m[j] / 3;
        trend_isotonic(m, m, NULL, 3, TREND_UP, work);
        stat[a] = 0;
        for (size_t j = 0; j < 3; j++) stat[a] += 2 * (m[j] - grand) * (m[j] - grand);
        hits += stat[a] >= stat[0] - 1e-12;
    }
    Trend t;
    cr_assert_eq(trend_test(&t, mean, fit, x, 2, 3, TREND_UP, &(TrendOpts){.reps = 20000, .seed = 1}, NULL),
                 OK);
    REF_NEAR(t.p_share, hits / 36, 0.012, "share");
    REF_NEAR(mean[1], 6.375, 1e-15, "mean");
    REF_NEAR(fit[2], 7, 1e-15, "fit");
    REF_NEAR(t.slope, (0.5 + 1) / 2, 1e-14, "slope");
    REF_NEAR(t.p_slope, 0.25, 1e-15, "both users rise: 1 of 4");
    double within = 0;
    for (size_t u = 0; u < 2; u++) {
        double mu = (x[3 * u] + x[3 * u + 1] + x[3 * u + 2]) / 3;
        for (size_t j = 0; j < 3; j++) within += (x[3 * u + j] - mu) * (x[3 * u + j] - mu);
    }
    REF_NEAR(t.share, stat[0] / within, 1e-13, "share");
}

/* Leakage that falls with lambda, seen in the right direction only. */
Test(trend, finds_a_trend_and_its_direction)
{
    Rng r = rng_stream(9, "trend", 0);
    double x[12 * 5], mean[5], fit[5];
    for (size_t i = 0; i < 60; i++)
        x[i] = 0.6 - 0.02 * (double)(i % 5) + 0.05 * (double)(i / 5) + 0.02 * rng_normal(&r);
    Trend down, up, again;
    TrendOpts o = {.reps = 1999, .seed = 4};
    cr_assert_eq(trend_test(&down, mean, fit, x, 12, 5, TREND_DOWN, &o, NULL), OK);
    cr_assert_eq(trend_test(&again, mean, fit, x, 12, 5, TREND_DOWN, &o, NULL), OK);
    for (size_t j = 1; j < 5; j++) cr_assert_leq(fit[j], fit[j - 1]);
    cr_assert(down.p_share == 1 / 2000.0 && down.p_slope < 0.001 && down.slope < -0.015);
    cr_assert_eq(down.p_share, again.p_share, "same seed");
    cr_assert_eq(trend_test(&up, mean, fit, x, 12, 5, TREND_UP, &o, NULL), OK);
    cr_assert(up.p_share > 0.5 && up.p_slope > 0.99 && up.share < down.share);
    double flat[4] = {2, 2, 3, 3};
    cr_assert_eq(trend_test(&up, mean, fit, flat, 2, 2, TREND_UP, &o, NULL), OK);
    cr_assert(up.share == 0 && up.p_share == 1 && up.p_slope == 1 && up.slope == 0);
}

/* Independent values: both keep 5%. Values that drift within a user: only the slope test does. */
Test(trend, levels_with_and_without_drift)
{
    enum { RUNS = 500, U = 8, K = 8 };
    size_t share[2] = {0}, slope[2] = {0};
    for (uint64_t t = 0; t < 2 * RUNS; t++) {
        Rng r = rng_stream(10, "drift", t);
        double x[U * K], mean[K], fit[K];
        bool drift = t % 2 == 1;
        for (size_t i = 0; i < U * K; i++) x[i] = rng_normal(&r) + (drift && i % K > 0 ? x[i - 1] : 0);
        Trend out;
        cr_assert_eq(
            trend_test(&out, mean, fit, x, U, K, TREND_UP, &(TrendOpts){.reps = 199, .seed = t}, NULL), OK);
        share[drift] += out.p_share <= 0.05;
        slope[drift] += out.p_slope <= 0.05;
    }
    cr_log_info("independent: share %zu, slope %zu; drift: %zu, %zu of 500", share[0], slope[0], share[1],
                slope[1]);
    cr_assert(share[0] <= 40 && slope[0] <= 40, "independent: %zu, %zu of 500", share[0], slope[0]);
    cr_assert(share[0] >= 10 && slope[0] >= 10, "independent: %zu, %zu of 500", share[0], slope[0]);
    cr_assert(slope[1] <= 40, "drift, slope: %zu of 500", slope[1]);
    cr_assert_gt(share[1], 45u, "drift, share: %zu of 500, the header warns of this", share[1]);
}

Test(trend, refusals)
{
    double x[4] = {1, 2, 3, NAN}, mean[2], fit[2];
    Trend t;
    Err e = {0};
    TrendOpts o = {0};
    cr_assert_eq(trend_test(&t, mean, fit, x, 2, 1, TREND_UP, &o, &e), ERR_SHAPE);
    cr_assert_str_eq(e.msg, "2 users at 1 levels, want at least 1 user and 2 levels");
    cr_assert_eq(trend_test(&t, mean, fit, x, 0, 2, TREND_UP, &o, NULL), ERR_SHAPE);
    e = (Err){0};
    cr_assert_eq(trend_test(&t, mean, fit, x, 2, 2, TREND_UP, &o, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "value of user 1 at level 1 = nan, want a finite number");
    o.reps = 10;
    cr_assert_eq(trend_test(&t, mean, fit, x, 1, 2, TREND_UP, &o, NULL), ERR_ARG);
}
