#include "prime/friedman.h"
#include "prime/paired.h"
#include "prime/rng.h"
#include "prime/stats.h"

#include "ref_csv.h"

/* Times of 22 players rounding first base by three methods: Hollander and Wolfe 1973, p. 140 ff., as in the
 * help page of R's friedman.test, which prints chi-squared = 11.1429, df = 2, p-value = 0.003805. */
static const double base[22 * 3] = {
    5.40, 5.50, 5.55, 5.85, 5.70, 5.75, 5.20, 5.60, 5.50, 5.55, 5.50, 5.40, 5.90, 5.85, 5.70, 5.45, 5.55,
    5.60, 5.40, 5.40, 5.35, 5.45, 5.50, 5.35, 5.25, 5.15, 5.00, 5.85, 5.80, 5.70, 5.25, 5.20, 5.10, 5.65,
    5.55, 5.45, 5.60, 5.35, 5.45, 5.05, 5.00, 4.95, 5.50, 5.50, 5.40, 5.45, 5.55, 5.50, 5.55, 5.55, 5.35,
    5.45, 5.50, 5.55, 5.50, 5.45, 5.25, 5.65, 5.60, 5.40, 5.70, 5.65, 5.55, 6.30, 6.30, 6.25};

Test(friedman, meets_the_textbook)
{
    Friedman f;
    double rank[3];
    cr_assert_eq(friedman_test(&f, rank, base, 22, 3, NULL), OK);
    REF_NEAR(f.chi2, 11.142857142857142, 1e-13, "chi-square");
    REF_NEAR(f.p, exp(-11.142857142857142 / 2), 1e-14, "the chi-square tail with 2 degrees of freedom");
    REF_NEAR(f.p, 0.003805, 5e-7, "as printed");
    cr_assert_eq(f.df, 2);
    cr_assert(f.f_df1 == 2 && f.f_df2 == 42);
    REF_NEAR(f.f, 21 * f.chi2 / (44 - f.chi2), 1e-13, "Iman and Davenport");
    cr_assert_lt(f.f_p, f.p);
    REF_NEAR(rank[0] + rank[1] + rank[2], 6, 1e-14, "ranks add up");
    REF_NEAR(rank[0], 53 / 22.0, 1e-14, "round out");
    REF_NEAR(rank[2], 32 / 22.0, 1e-14, "wide angle");
}

/* Tables of the studentised range with infinite degrees of freedom at 5%, divided by sqrt 2: Demsar 2006,
 * J. Machine Learning Research 7, table 5(a). */
Test(friedman, critical_differences_meet_the_table)
{
    static const double q[9] = {1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164};
    for (size_t k = 2; k <= 10; k++) {
        double gap = friedman_gap(14, k, 0.95), scale = sqrt((double)(k * (k + 1)) / (6 * 14.0));
        REF_NEAR(gap / scale, q[k - 2], 6e-4, "%zu methods", k);
    }
    /* two normals: the range is a half-normal with scale sqrt 2 */
    for (double x = 0.1; x < 9; x += 0.7)
        REF_NEAR(friedman_range_p(x, 2), erfc(x / 2), 1e-13, "range of two at %g", x);
    REF_NEAR(friedman_range_p(0, 5), 1, 1e-12, "at 0");
}

Test(friedman, nemenyi_uses_the_same_differences)
{
    double rank[3], stat[3], p[3], adj[3];
    Friedman f;
    cr_assert_eq(friedman_test(&f, rank, base, 22, 3, NULL), OK);
    cr_assert_eq(friedman_posthoc(stat, p, adj, base, rank, 22, 3, "nemenyi", NULL), OK);
    REF_NEAR(stat[1], rank[0] - rank[2], 1e-15, "first against third");
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(p[i]<0.05, fabs(stat[i])> friedman_gap(22, 3, 0.95), "pair %zu", i);
    cr_assert(p[1] < 0.01 && p[0] > 0.5 && adj[1] == p[1]);
    REF_NEAR(p[1], friedman_range_p(fabs(stat[1]) * sqrt(22.0), 3), 1e-12, "K (K + 1) / 12 = 1 for three");
}

Test(friedman, wilcoxon_pairs_with_holm)
{
    double rank[3], stat[3], p[3], adj[3], d[22], want[3];
    Friedman f;
    PairedRank r;
    cr_assert_eq(friedman_test(&f, rank, base, 22, 3, NULL), OK);
    cr_assert_eq(friedman_posthoc(stat, p, adj, base, rank, 22, 3, "wilcoxon", NULL), OK);
    for (size_t i = 0; i < 22; i++) d[i] = base[3 * i + 1] - base[3 * i + 2];
    cr_assert_eq(paired_wilcoxon(&r, d, 22, false, NULL), OK);
    cr_assert_eq(p[2], r.p);
    cr_assert_eq(stat[2], r.rank_biserial);
    cr_assert_eq(stats_adjust(want, p, 3, "holm", NULL), OK);
    for (size_t i = 0; i < 3; i++) cr_assert_eq(adj[i], want[i]);
}

/* Two methods without ties: (2 wins - n)^2 / n. */
Test(friedman, two_methods_are_the_sign_test)
{
    double x[20], rank[2];
    Rng r = rng_stream(2, "friedman", 0);
    size_t wins = 0;
    for (size_t i = 0; i < 10; i++) {
        x[2 * i] = rng_normal(&r) + 0.7, x[2 * i + 1] = rng_normal(&r);
        wins += x[2 * i] > x[2 * i + 1];
    }
    Friedman f;
    cr_assert_eq(friedman_test(&f, rank, x, 10, 2, NULL), OK);
    REF_NEAR(f.chi2, pow(2 * (double)wins - 10, 2) / 10, 1e-13, "chi-square");
}

Test(friedman, keeps_its_level)
{
    size_t chi = 0, fs = 0;
    for (uint64_t t = 0; t < 1000; t++) {
        Rng r = rng_stream(3, "friedman level", t);
        double x[12 * 4], rank[4];
        for (size_t i = 0; i < 48; i++) x[i] = round(4 * rng_normal(&r)) / 4 + (double)(i / 4);
        Friedman f;
        cr_assert_eq(friedman_test(&f, rank, x, 12, 4, NULL), OK);
        chi += f.p < 0.05;
        fs += f.f_p < 0.05;
    }
    cr_assert(chi <= 70 && fs <= 75 && chi >= 20 && fs >= chi, "%zu and %zu of 1000", chi, fs);
}

Test(friedman, refusals)
{
    double x[4] = {1, 1, 1, 1}, rank[2], s[1], p[1], a[1];
    Friedman f;
    Err e = {0};
    cr_assert_eq(friedman_test(&f, rank, x, 1, 2, &e), ERR_SHAPE);
    cr_assert_str_eq(e.msg, "1 users and 2 methods, want at least 2 of each");
    cr_assert_eq(friedman_test(&f, rank, x, 2, 2, NULL), OK);
    cr_assert(f.chi2 == 0 && f.p == 1, "all tied");
    e = (Err){0};
    cr_assert_eq(friedman_posthoc(s, p, a, x, rank, 2, 2, "tukey", &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "post-hoc test 'tukey', want nemenyi or wilcoxon");
    x[3] = INFINITY;
    cr_assert_eq(friedman_test(&f, rank, x, 2, 2, NULL), ERR_NUM);
    cr_assert_eq(friedman_posthoc(s, p, a, x, rank, 2, 2, "nemenyi", NULL), ERR_NUM);
    cr_assert_null(friedman_posthoc_at(2));
}
