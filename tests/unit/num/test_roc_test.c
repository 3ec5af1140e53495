#include "prime/rank.h"

#include "roc_ref.h"

Test(roc_test, mann_whitney_meets_the_reference)
{
    Ref r = ref_open("num/mann_whitney.csv");
    for (size_t i = 0; i < r.rows; i++) {
        const char *name = ref_str(&r, i, "name");
        RocData d = roc_ref(name);
        RocTest t;
        cr_assert_eq(roc_mann_whitney(&t, &d, ROC_RECORDS, true, NULL), OK);
        cr_assert(!t.exact && t.draws == 0);
        REF_NEAR(t.auc * (double)d.m * (double)d.n, ref_num(&r, i, "u"), 1e-12, "%s", name);
        double want = ref_num(&r, i, "p_greater_normal");
        cr_assert(fabs(t.p_greater - want) <= 1e-10 * want, "%s: %.17g, want %.17g", name, t.p_greater, want);
        want = ref_num(&r, i, "p_greater_exact");
        if (isnan(want)) continue;
        cr_assert_eq(roc_mann_whitney(&t, &d, ROC_RECORDS, false, NULL), OK);
        REF_NEAR(t.p_greater, want, 1e-14, "%s", name);
        cr_assert(t.exact);
    }
    cr_assert_eq(r.rows, 12u);
    ref_close(&r);
}

Test(roc_test, null_deviation_meets_the_reference)
{
    Ref r = ref_open("num/auc_null_pvalue_sacro.csv");
    for (size_t i = 0; i < r.rows; i++) {
        size_t m = (size_t)ref_num(&r, i, "n_pos"), n = (size_t)ref_num(&r, i, "n_neg");
        double sd = roc_null_sd(m, n, 0), p = stats_norm_cdf(-(ref_num(&r, i, "auc") - 0.5) / sd);
        REF_NEAR(sd, ref_num(&r, i, "null_sd"), 1e-14, "row %zu", i);
        REF_NEAR(p, ref_num(&r, i, "p_greater"), 1e-12, "row %zu", i);
    }
    cr_assert_eq(r.rows, 7u);
    ref_close(&r);
    cr_assert_eq(roc_null_sd(2, 3, 120), 0, "all tied");
}

/* AUC of an arrangement, pair by pair: members are the users in `set`. */
static double naive_auc(const double *x, const size_t *user, size_t n, unsigned set)
{
    double won = 0, pairs = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            if (!(set >> user[i] & 1) || set >> user[j] & 1) continue;
            won += (x[i] > x[j]) + 0.5 * (x[i] == x[j]);
            pairs++;
        }
    return won / pairs;
}

/* 4 members and 5 others with unequal numbers of records, ties included. */
Test(roc_test, whole_users_meet_enumeration)
{
    enum { USERS = 9, N = 40 };
    Rng r = rng_stream(4, "whole", 0);
    double x[N], least = 0, most = 0, all = 0;
    size_t user[N], m = 0;
    for (size_t i = 0; i < N; i++) {
        user[i] = i < USERS ? i : rng_below(&r, USERS);
        x[i] = round(2 * rng_normal(&r) + (user[i] < 4 ? 0.8 : 0)) / 2;
    }
    RocData d = {.pos = pos, .neg = neg, .pos_user = pos_user, .neg_user = neg_user, .n_users = USERS};
    for (size_t i = 0; i < N; i++) {
        bool member = user[i] < 4;
        size_t at = member ? d.m++ : d.n++;
        *(member ? &pos[at] : &neg[at]) = x[i];
        *(member ? &pos_user[at] : &neg_user[at]) = user[i];
    }
    double observed = naive_auc(x, user, N, 15);
    for (unsigned set = 0; set < 1U << USERS; set++) {
        if (__builtin_popcount(set) != 4) continue;
        double auc = naive_auc(x, user, N, set);
        least += auc >= observed - 1e-12;
        most += auc <= observed + 1e-12;
        all++;
    }
    (void)m;
    RocTest t;
    cr_assert_eq(roc_permute(&t, &d, ROC_WHOLE, &(RocPermuteOpts){0}, NULL), OK);
    REF_NEAR(t.auc, observed, 1e-14, "AUC");
    REF_NEAR(t.p_greater, least / all, 1e-14, "greater");
    REF_NEAR(t.p_less, most / all, 1e-14, "less");
    cr_assert(t.exact && t.draws == 126 && t.m == 4 && t.n == 5);
    REF_NEAR(t.p_min, 1 / 126.0, 1e-12, "smallest p");
}

/* Three people with (3 + 2), (1 + 3), (2 + 2) records and one with members only. */
Test(roc_test, within_users_meets_enumeration)
{
    static const size_t m[3] = {3, 1, 2}, n[3] = {2, 3, 2};
    double x[3][5] = {{1.5, 0.25, 2, 0.25, -1}, {0.5, 0.5, 1, -2}, {3, 1, 1, 2}};
    RocData d = {.pos = pos, .neg = neg, .pos_user = pos_user, .neg_user = neg_user, .n_users = 4};
    for (size_t u = 0; u < 3; u++)
        for (size_t i = 0; i < m[u] + n[u]; i++) {
            bool member = i < m[u];
            size_t at = member ? d.m++ : d.n++;
            *(member ? &pos[at] : &neg[at]) = x[u][i];
            *(member ? &pos_user[at] : &neg_user[at]) = u;
        }
    pos[d.m] = 99, pos_user[d.m++] = 3;
    /* every choice of members in every user, by bit patterns of 5 + 4 + 4 records */
    double observed = 0, least = 0, most = 0, all = 0;
    for (int pass = 0; pass < 2; pass++)
        for (unsigned bits = 0; bits < 1U << 13; bits++) {
            unsigned set[3] = {pass == 0 ? 7 : bits & 31, pass == 0 ? 1 : bits >> 5 & 15,
                               pass == 0 ? 3 : bits >> 9};
            double won = 0;
            bool fits = true;
            for (size_t u = 0; u < 3; u++) {
                fits = fits && __builtin_popcount(set[u]) == (int)m[u];
                for (size_t i = 0; i < m[u] + n[u]; i++)
                    for (size_t j = 0; j < m[u] + n[u]; j++)
                        if (set[u] >> i & 1 && !(set[u] >> j & 1))
                            won += (x[u][i] > x[u][j]) + 0.5 * (x[u][i] == x[u][j]);
            }
            if (!fits) continue;
            if (pass == 0) {
                observed = won;
                break;
            }
            least += won >= observed;
            most += won <= observed;
            all++;
        }
    RocTest t;
    cr_assert_eq(roc_permute(&t, &d, ROC_WITHIN, &(RocPermuteOpts){0}, NULL), OK);
    cr_assert_eq(all, 10 * 4 * 6);
    REF_NEAR(t.auc, observed / 13, 1e-14, "AUC within users");
    REF_NEAR(t.p_greater, least / all, 1e-14, "greater");
    REF_NEAR(t.p_less, most / all, 1e-14, "less");
    cr_assert(t.exact && t.m == 3);
    REF_NEAR(t.draws, 240, 1e-9, "arrangements");
}

Test(roc_test, monte_carlo_agrees_with_the_exact_test)
{
    Rng r = rng_stream(5, "monte", 0);
    RocTest exact, drawn, again;
    /* 24 users: 2.7 million arrangements, drawn; Mann-Whitney of equal-sized users' means is close */
    RocData d = roc_draw(&r, 12, 20, 0.3, 0.4, false);
    cr_assert_eq(roc_permute(&drawn, &d, ROC_WHOLE, &(RocPermuteOpts){.seed = 3}, NULL), OK);
    cr_assert_eq(roc_permute(&again, &d, ROC_WHOLE, &(RocPermuteOpts){.seed = 3}, NULL), OK);
    cr_assert(!drawn.exact && drawn.draws == 10000 && drawn.p == again.p);
    cr_assert_eq(roc_mann_whitney(&exact, &d, ROC_USERS, false, NULL), OK);
    cr_assert(exact.exact && exact.m == 12 && exact.n == 12);
    cr_assert(fabs(drawn.p_greater - exact.p_greater) < 0.05, "%g and %g", drawn.p_greater, exact.p_greater);
    /* within users: few records are counted, many are drawn */
    d = roc_draw(&r, 10, 12, 0.5, 0.2, true);
    cr_assert_eq(roc_permute(&exact, &d, ROC_WITHIN, &(RocPermuteOpts){0}, NULL), OK);
    cr_assert(exact.exact);
    d = roc_draw(&r, 10, 100, 0.5, 0.05, true);
    cr_assert_eq(roc_permute(&drawn, &d, ROC_WITHIN, &(RocPermuteOpts){.reps = 2000, .seed = 1}, NULL), OK);
    cr_assert(!drawn.exact && drawn.draws == 2000);
    /* stratified normal approximation of the same statistic */
    double var = 0, z = (drawn.auc - 0.5);
    for (size_t u = 0; u < 10; u++) var += pow(roc_null_sd(100, 100, 0), 2) / 100;
    REF_NEAR(drawn.p_greater, stats_norm_cdf(-z / sqrt(var)), 0.04, "normal");
}

Test(roc_test, tests_by_user_keep_their_level)
{
    enum { RUNS = 400 };
    size_t whole = 0, mean = 0, within = 0, flat = 0;
    for (uint64_t k = 0; k < RUNS; k++) {
        Rng r = rng_stream(41, "level", k);
        RocTest t;
        RocData d = roc_draw(&r, 5, 20, 0.3, 0, false);
        cr_assert_eq(roc_permute(&t, &d, ROC_WHOLE, &(RocPermuteOpts){0}, NULL), OK);
        whole += t.p <= 0.05;
        cr_assert_eq(roc_mann_whitney(&t, &d, ROC_USERS, false, NULL), OK);
        mean += t.p <= 0.05;
        cr_assert_eq(roc_mann_whitney(&t, &d, ROC_RECORDS, true, NULL), OK);
        flat += t.p <= 0.05;
        d = roc_draw(&r, 5, 8, 0.6, 0, true);
        cr_assert_eq(roc_permute(&t, &d, ROC_WITHIN, &(RocPermuteOpts){0}, NULL), OK);
        within += t.p <= 0.05;
    }
    cr_assert(whole <= 32 && mean <= 32 && within <= 32, "%zu, %zu, %zu of 400", whole, mean, within);
    cr_assert(whole >= 5 && within >= 8, "they do reject: %zu, %zu of 400", whole, within);
    cr_assert_gt(flat, 120u, "the test by record does not keep it");
}

Test(roc_test, refusals)
{
    RocData d = roc_ref("tiny");
    RocTest t = {.auc = 7};
    Err e = {0};
    RocPermuteOpts o = {0};
    cr_assert_eq(roc_permute(&t, &d, ROC_WHOLE, &o, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "users are not known, a test by user wants them");
    cr_assert_eq(roc_mann_whitney(&t, &d, ROC_USERS, false, NULL), ERR_ARG);
    size_t a[4] = {0, 0, 1, 1}, b[4] = {1, 2, 2, 3}, c[4] = {2, 2, 3, 3};
    d.pos_user = a, d.neg_user = b, d.n_users = 4;
    e = (Err){0};
    cr_assert_eq(roc_permute(&t, &d, ROC_WHOLE, &o, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "user 1 has records on both sides, want each on one: permute within users");
    cr_assert_eq(roc_mann_whitney(&t, &d, ROC_USERS, false, NULL), ERR_ARG);
    d.neg_user = c;
    e = (Err){0};
    cr_assert_eq(roc_permute(&t, &d, ROC_WITHIN, &o, &e), ERR_SHAPE);
    cr_assert_str_eq(e.msg, "no user has records on both sides, want at least 1");
    o.reps = 99;
    cr_assert_eq(roc_permute(&t, &d, ROC_WHOLE, &o, NULL), ERR_ARG);
    o.reps = 0;
    d.m = 0;
    cr_assert_eq(roc_permute(&t, &d, ROC_WHOLE, &o, NULL), ERR_SHAPE);
    d.m = 4;
    pos[0] = INFINITY, pos[1] = -INFINITY;
    cr_assert_eq(roc_mann_whitney(&t, &d, ROC_USERS, false, NULL), ERR_NUM);
    pos[1] = NAN;
    cr_assert_eq(roc_mann_whitney(&t, &d, ROC_RECORDS, false, NULL), ERR_NUM);
    cr_assert_eq(t.auc, 7, "outputs are left alone");
}
