#include "prime/paired.h"
#include "prime/rng.h"
#include "prime/stats.h"

#include "ref_csv.h"

/* Depression scale of 9 patients before and after a tranquilliser: Hollander and Wolfe 1973, p. 29 ff., as in
 * the help page of R's wilcox.test, which prints V = 40, p-value = 0.01953 (greater). */
Test(paired, wilcoxon_meets_the_textbook)
{
    static const double x[9] = {1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30},
                        y[9] = {0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29};
    double d[9];
    for (size_t i = 0; i < 9; i++) d[i] = x[i] - y[i];
    PairedRank r;
    cr_assert_eq(paired_wilcoxon(&r, d, 9, false, NULL), OK);
    cr_assert(r.exact && r.w_plus == 40 && r.w_minus == 5 && r.n == 9 && r.n_zero == 0);
    REF_NEAR(r.p_greater, 0.01953125, 1e-15, "greater");
    REF_NEAR(r.p, 0.0390625, 1e-15, "two-sided");
    REF_NEAR(r.rank_biserial, 35 / 45.0, 1e-15, "effect");
}

/* Heights of cross- and self-fertilised corn, in eighths of an inch: Fisher 1935, after Darwin; the example
 * of scipy's wilcoxon, which prints statistic 24 and p = 0.041259765625. Fisher's own permutation test of the
 * same numbers has a sum at least as far from 0 in 1726 of 32768 patterns. */
static const double corn[15] = {6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75};

Test(paired, darwins_corn)
{
    PairedRank r;
    PairedFlip f;
    cr_assert_eq(paired_wilcoxon(&r, corn, 15, false, NULL), OK);
    cr_assert(r.w_minus == 24 && r.w_plus == 96 && r.exact);
    REF_NEAR(r.p, 0.041259765625, 1e-15, "Wilcoxon");
    REF_NEAR(r.p_greater, 0.0206298828125, 1e-15, "Wilcoxon, greater");
    cr_assert_eq(paired_flip(&f, corn, 15, 0, 1, NULL), OK);
    cr_assert(f.exact && f.draws == 32768);
    REF_NEAR(f.mean, 314 / 15.0, 1e-15, "mean");
    REF_NEAR(f.p, 1726 / 32768.0, 1e-15, "permutation");
}

/* Ties and a zero: all sign patterns, one by one. */
Test(paired, exact_tests_meet_enumeration)
{
    static const double d[10] = {0.5, -0.5, 1.25, 1.25, 0, 2, -1.25, 3, 0.5, -0.75};
    static const double rank[10] = {2, 2, 6, 6, 0, 8, 6, 9, 2, 4};
    double w = 0, sum = 0, w_least = 0, w_most = 0, s_least = 0, s_most = 0;
    for (size_t i = 0; i < 10; i++) w += d[i] > 0 ? rank[i] : 0, sum += d[i];
    for (unsigned bits = 0; bits < 1024; bits++) {
        double v = 0, s = 0;
        for (size_t i = 0; i < 10; i++) {
            v += bits >> i & 1 ? rank[i] : 0;
            s += bits >> i & 1 ? d[i] : -d[i];
        }
        w_least += v >= w, w_most += v <= w, s_least += s >= sum, s_most += s <= sum;
    }
    PairedRank r;
    PairedFlip f;
    cr_assert_eq(paired_wilcoxon(&r, d, 10, false, NULL), OK);
    cr_assert(r.w_plus == w && r.n == 9 && r.n_zero == 1 && r.exact);
    REF_NEAR(r.p_greater, w_least / 1024, 1e-15, "greater");
    REF_NEAR(r.p_less, w_most / 1024, 1e-15, "less");
    cr_assert_eq(paired_flip(&f, d, 10, 0, 1, NULL), OK);
    REF_NEAR(f.p_greater, s_least / 1024, 1e-15, "greater");
    REF_NEAR(f.p_less, s_most / 1024, 1e-15, "less");
}

Test(paired, rounding_makes_no_ranks)
{
    double d[4] = {0.61 - 0.55, 0.06, 0.1 + 0.2 - 0.3, 0.56 - 0.50};
    PairedRank r;
    PairedWins w;
    cr_assert_eq(paired_wilcoxon(&r, d, 4, false, NULL), OK);
    cr_assert(r.n == 3 && r.n_zero == 1 && r.w_plus == 6);
    REF_NEAR(r.p_greater, 0.125, 1e-15, "three equal ones");
    cr_assert_eq(paired_wins(&w, d, 4, 0.95, NULL), OK);
    cr_assert(w.wins == 3 && w.losses == 0 && w.ties == 1);
}

Test(paired, approximations_meet_the_exact_tests)
{
    Rng r = rng_stream(6, "paired", 0);
    double d[60];
    for (size_t k = 0; k < 20; k++) {
        for (size_t i = 0; i < 60; i++) d[i] = 0.2 + round(8 * rng_normal(&r)) / 8;
        PairedRank exact, normal;
        cr_assert_eq(paired_wilcoxon(&exact, d, 45, false, NULL), OK);
        cr_assert_eq(paired_wilcoxon(&normal, d, 45, true, NULL), OK);
        cr_assert(exact.exact && !normal.exact);
        REF_NEAR(normal.p, exact.p, 0.01, "normal");
        cr_assert_eq(paired_wilcoxon(&normal, d, 60, false, NULL), OK);
        cr_assert(!normal.exact, "60 users");
        PairedFlip all, drawn, again;
        cr_assert_eq(paired_flip(&all, d, 20, 0, 1, NULL), OK);
        cr_assert(all.exact && all.draws == 1 << 20);
        d[20] = 0; /* changes nothing but the number of users */
        cr_assert_eq(paired_flip(&drawn, d, 21, 4000, 7, NULL), OK);
        cr_assert_eq(paired_flip(&again, d, 21, 4000, 7, NULL), OK);
        cr_assert(!drawn.exact && drawn.draws == 4000 && drawn.p == again.p);
        REF_NEAR(drawn.p_greater, all.p_greater, 0.035, "Monte Carlo");
    }
}

Test(paired, reversal_swaps_the_sides)
{
    double back[15];
    for (size_t i = 0; i < 15; i++) back[i] = -corn[i];
    PairedRank a, b;
    PairedFlip f, g;
    PairedTost s, t;
    cr_assert_eq(paired_wilcoxon(&a, corn, 15, true, NULL), OK);
    cr_assert_eq(paired_wilcoxon(&b, back, 15, true, NULL), OK);
    REF_NEAR(a.p_greater, b.p_less, 1e-14, "Wilcoxon");
    cr_assert_eq(paired_flip(&f, corn, 15, 0, 1, NULL), OK);
    cr_assert_eq(paired_flip(&g, back, 15, 0, 1, NULL), OK);
    REF_NEAR(f.p_greater, g.p_less, 1e-15, "flips");
    cr_assert_eq(paired_tost(&s, corn, 15, 40, 0.05, NULL), OK);
    cr_assert_eq(paired_tost(&t, back, 15, 40, 0.05, NULL), OK);
    REF_NEAR(s.p_lower, t.p_upper, 1e-14, "equivalence");
}

Test(paired, wins)
{
    double d[12] = {1, 2, -0.5, 0, 3, 1, 1, 0.25, -2, 4, 0, 5};
    PairedWins w;
    double lo, hi;
    cr_assert_eq(paired_wins(&w, d, 12, 0.95, NULL), OK);
    cr_assert(w.wins == 8 && w.losses == 2 && w.ties == 2);
    stats_clopper_pearson(&lo, &hi, 8, 10, 0.95);
    cr_assert(w.rate == 0.8 && w.lo == lo && w.hi == hi);
    REF_NEAR(w.p, 2 * (45 + 10 + 1) / 1024.0, 1e-12, "sign test");
    double none[2] = {0, 0};
    cr_assert_eq(paired_wins(&w, none, 2, 0.95, NULL), OK);
    cr_assert(isnan(w.rate) && isnan(w.lo) && w.p == 1 && w.ties == 2);
}

/* Extra hours of sleep under two drugs, 10 patients: Student 1908, the data set `sleep` of R. R prints for
 * the paired t test t = -4.0621, df = 9, p-value = 0.002833, 95 percent interval -2.4598858 -0.7001142. */
static const double sleep_a[10] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0},
                    sleep_b[10] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};

Test(paired, equivalence_meets_the_t_test)
{
    double d[10];
    for (size_t i = 0; i < 10; i++) d[i] = sleep_a[i] - sleep_b[i];
    PairedTost t;
    cr_assert_eq(paired_tost(&t, d, 10, 0.5, 0.025, NULL), OK);
    REF_NEAR(t.mean, -1.58, 1e-14, "mean");
    REF_NEAR(t.lo, -2.4598858, 1e-7, "lower");
    REF_NEAR(t.hi, -0.7001142, 1e-7, "upper");
    cr_assert_eq(t.df, 9);
    REF_NEAR(t.mean / t.se, -4.0621, 2e-5, "t");
    REF_NEAR(t.t_lower, -1.08 / t.se, 1e-12, "t against -0.5");
    REF_NEAR(t.p_lower, 1 - stats_t_p(1.08 / t.se, 9) / 2, 1e-12, "p against -0.5");
    REF_NEAR(t.p_upper, stats_t_p(2.08 / t.se, 9) / 2, 1e-12, "p against 0.5");
    cr_assert(t.p == t.p_lower && t.verdict == PAIRED_WORSE);
    /* a margin that is just the interval's end is where the test turns */
    cr_assert_eq(paired_tost(&t, d, 10, 2.4598, 0.025, NULL), OK);
    cr_assert(t.p > 0.025 && t.verdict == PAIRED_INCONCLUSIVE);
    cr_assert_eq(paired_tost(&t, d, 10, 2.46, 0.025, NULL), OK);
    cr_assert(t.p < 0.025 && t.verdict == PAIRED_EQUIVALENT);
    for (size_t i = 0; i < 10; i++) d[i] = -d[i];
    cr_assert_eq(paired_tost(&t, d, 10, 0.5, 0.05, NULL), OK);
    cr_assert(t.verdict == PAIRED_NOT_WORSE && strcmp(paired_verdict(t.verdict), "not worse") == 0);
}

Test(paired, equivalence_without_spread)
{
    double d[4] = {0.25, 0.25, 0.25, 0.25};
    PairedTost t;
    cr_assert_eq(paired_tost(&t, d, 4, 0.5, 0.05, NULL), OK);
    cr_assert(t.p == 0 && t.lo == 0.25 && t.hi == 0.25 && t.verdict == PAIRED_EQUIVALENT);
    cr_assert_eq(paired_tost(&t, d, 4, 0.25, 0.05, NULL), OK);
    cr_assert(t.p_lower == 0 && t.p_upper == 1 && t.verdict == PAIRED_NOT_WORSE);
    cr_assert_eq(paired_tost(&t, d, 1, 0.5, 0.05, NULL), OK);
    cr_assert(isnan(t.p) && isnan(t.lo) && t.verdict == PAIRED_INCONCLUSIVE);
}

/* Differences exactly at the margin: the error rate is alpha. */
Test(paired, tests_keep_their_level)
{
    enum { RUNS = 2000 };
    size_t tost = 0, rank = 0, flip = 0;
    for (uint64_t k = 0; k < RUNS; k++) {
        Rng r = rng_stream(8, "paired level", k);
        double d[8];
        for (size_t i = 0; i < 8; i++) d[i] = rng_normal(&r);
        PairedRank w;
        PairedFlip f;
        PairedTost t;
        cr_assert_eq(paired_wilcoxon(&w, d, 8, false, NULL), OK);
        cr_assert_eq(paired_flip(&f, d, 8, 0, 1, NULL), OK);
        rank += w.p <= 0.05;
        flip += f.p <= 0.05;
        for (size_t i = 0; i < 8; i++) d[i] -= 3;
        cr_assert_eq(paired_tost(&t, d, 8, 3, 0.05, NULL), OK);
        tost += t.p < 0.05;
    }
    cr_assert(rank <= 120 && rank >= 40, "Wilcoxon %zu of 2000", rank);
    cr_assert(flip <= 120 && flip >= 60, "flips %zu of 2000", flip);
    cr_assert(tost <= 125 && tost >= 70, "equivalence %zu of 2000", tost);
}

Test(paired, refusals)
{
    double d[2] = {1, NAN};
    PairedRank r;
    PairedFlip f;
    PairedWins w;
    PairedTost t;
    Err e = {0};
    cr_assert_eq(paired_wilcoxon(&r, d, 0, false, &e), ERR_SHAPE);
    cr_assert_str_eq(e.msg, "users = 0, want at least 1");
    e = (Err){0};
    cr_assert_eq(paired_wilcoxon(&r, d, 2, false, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "difference of user 1 = nan, want a finite number");
    cr_assert_eq(paired_flip(&f, d, 2, 0, 1, NULL), ERR_NUM);
    cr_assert_eq(paired_flip(&f, d, 1, 99, 1, NULL), ERR_ARG);
    cr_assert_eq(paired_wins(&w, d, 2, 0.95, NULL), ERR_NUM);
    cr_assert_eq(paired_wins(&w, d, 1, 1, NULL), ERR_ARG);
    cr_assert_eq(paired_tost(&t, d, 2, 1, 0.05, NULL), ERR_NUM);
    cr_assert_eq(paired_tost(&t, d, 1, 0, 0.05, NULL), ERR_ARG);
    cr_assert_eq(paired_tost(&t, d, 1, INFINITY, 0.05, NULL), ERR_ARG);
    cr_assert_eq(paired_tost(&t, d, 1, 1, 0.5, NULL), ERR_ARG);
    double zero[3] = {0, 0, 0};
    cr_assert_eq(paired_wilcoxon(&r, zero, 3, false, NULL), OK);
    cr_assert(r.p == 1 && r.n == 0 && r.n_zero == 3 && r.rank_biserial == 0);
    cr_assert_eq(paired_flip(&f, zero, 3, 0, 1, NULL), OK);
    cr_assert_eq(f.p, 1);
}
