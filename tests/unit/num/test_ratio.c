#include "prime/ratio.h"
#include "prime/rng.h"

#include "ref_csv.h"

Test(ratio, bounds_meet_the_reference)
{
    Ref r = ref_open("num/ratio_bounds.csv");
    for (size_t i = 0; i < r.rows; i++) {
        size_t x = (size_t)ref_num(&r, i, "tp"), m = (size_t)ref_num(&r, i, "n_pos");
        size_t y = (size_t)ref_num(&r, i, "fp"), n = (size_t)ref_num(&r, i, "n_neg");
        for (size_t k = 0; ratio_bound_at(k) != NULL; k++) {
            const char *name = ratio_bound_at(k)->name;
            double got, want = ref_num(&r, i, name);
            cr_assert_eq(ratio_lower(&got, name, x, m, y, n, ref_num(&r, i, "alpha"), NULL), OK);
            if (k == 4 && y == n) {
                /* an upper bound of 1 for a full count, where the reference gives up */
                cr_assert(want == 0 && got > 0.85 && got < 1, "row %zu: %g", i, got);
                continue;
            }
            REF_NEAR(got, want, 1e-10, "%s, row %zu", name, i);
        }
    }
    cr_assert_eq(r.rows, 22u);
    ref_close(&r);
}

/* Equal rates, one threshold fixed beforehand: how often a bound is above 1. */
Test(ratio, a_fixed_threshold_keeps_the_level)
{
    enum { RUNS = 2000, N = 100 };
    size_t over[5] = {0};
    for (uint64_t t = 0; t < RUNS; t++) {
        Rng r = rng_stream(12, "ratio", t);
        size_t x = 0, y = 0;
        for (size_t i = 0; i < N; i++) x += rng_uniform(&r) < 0.3, y += rng_uniform(&r) < 0.3;
        for (size_t k = 0; k < 5; k++) {
            double lo;
            cr_assert_eq(ratio_lower(&lo, ratio_bound_at(k)->name, x, N, y, N, 0.05, NULL), OK);
            over[k] += lo > 1;
        }
    }
    for (size_t k = 0; k < 5; k++)
        cr_assert(over[k] <= 0.07 * RUNS, "%s: %zu", ratio_bound_at(k)->name, over[k]);
    for (size_t k = 0; k < 4; k++)
        cr_assert(over[k] >= 0.03 * RUNS, "%s: %zu", ratio_bound_at(k)->name, over[k]);
    cr_assert_lt(over[4], over[0], "the exact one is the widest");
}

Test(ratio, refusals)
{
    double x = 7;
    Err e = {0};
    cr_assert_eq(ratio_lower(&x, "katz-log", 3, 2, 1, 2, 0.05, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "3 of 2, want at most all of at least 1");
    cr_assert_eq(ratio_lower(&x, "katz-log", 0, 0, 1, 2, 0.05, NULL), ERR_ARG);
    cr_assert_eq(ratio_lower(&x, "katz-log", 1, 2, 3, 2, 0.05, NULL), ERR_ARG);
    cr_assert_eq(ratio_lower(&x, "katz-log", 1, 2, 1, 2, 0.5, NULL), ERR_ARG);
    e = (Err){0};
    cr_assert_eq(ratio_lower(&x, "wald", 1, 2, 1, 2, 0.05, &e), ERR_ARG);
    cr_assert(strstr(e.msg, "'wald'") != NULL);
    cr_assert_eq(x, 7, "outputs are left alone");
    cr_assert_null(ratio_bound_at(5));
}
