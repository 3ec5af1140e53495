#include "prime/dp.h"
#include "prime/special.h"

#include "../num/ref_csv.h"

Test(dp_gauss, delta_meets_a_peer)
{
    Ref r = ref_open("dp/gdp_delta_of_eps.csv");
    for (size_t i = 0; i < r.rows; i++) {
        double want = ref_num(&r, i, "delta"), mu = ref_num(&r, i, "mu"), eps = ref_num(&r, i, "epsilon");
        double got = dp_gauss_delta(mu, eps);
        /* The peer takes a difference: far out its digits are gone, and a zero may be no zero. */
        cr_assert(fabs(got - want) <= 1e-10 * want + 1e-17, "mu %g eps %g: %.17g, want %.17g", mu, eps, got,
                  want);
    }
    cr_assert_eq(r.rows, 47u);
    ref_close(&r);
}

Test(dp_gauss, epsilon_meets_a_peer_and_inverts_delta)
{
    Ref r = ref_open("dp/gaussian_eps_google.csv");
    for (size_t i = 0; i < r.rows; i++) {
        double eps = NAN, sigma = ref_num(&r, i, "sigma"), delta = ref_num(&r, i, "delta");
        Err e = {0};
        cr_assert_eq(dp_gauss_epsilon(&eps, 1 / sigma, delta, &e), OK, "%s", e.msg);
        REF_NEAR(eps, ref_num(&r, i, "epsilon"), 1e-8, "row %zu", i);
        if (eps > 0) REF_NEAR(dp_gauss_delta(1 / sigma, eps) / delta, 1, 1e-9, "row %zu", i);
    }
    cr_assert_eq(r.rows, 21u);
    ref_close(&r);
}

Test(dp_gauss, sigma_meets_a_peer)
{
    Ref r = ref_open("dp/gaussian_sigma_google.csv");
    for (size_t i = 0; i < r.rows; i++) {
        double sigma = NAN;
        Err e = {0};
        cr_assert_eq(dp_gauss_sigma(&sigma, ref_num(&r, i, "epsilon"), ref_num(&r, i, "delta"), &e), OK);
        REF_NEAR(sigma, ref_num(&r, i, "sigma"), 1e-8, "row %zu", i);
    }
    cr_assert_eq(r.rows, 13u);
    ref_close(&r);
}

Test(dp_gauss, the_limit_of_many_steps_meets_a_peer)
{
    Ref r = ref_open("dp/gdp_opacus.csv");
    for (size_t i = 0; i < r.rows; i++) {
        DpRun run = {ref_num(&r, i, "q"), ref_num(&r, i, "noise_multiplier"), (size_t)ref_num(&r, i, "steps"),
                     ref_num(&r, i, "delta")};
        DpEps got = {0};
        Err e = {0};
        REF_NEAR(dp_gdp_mu(&run), ref_num(&r, i, "mu_poisson"), 1e-12, "row %zu", i);
        cr_assert_eq(dp_gdp_epsilon(&got, &run, &e), OK, "%s", e.msg);
        double want = ref_num(&r, i, "eps_poisson");
        if (isnan(want)) /* the peer finds no change of sign: epsilon is 0 */
            cr_assert_eq(got.epsilon, 0);
        else
            REF_NEAR(got.epsilon, want, 1e-8, "row %zu", i);
        cr_assert(isnan(got.order));
    }
    cr_assert_eq(r.rows, 17u);
    ref_close(&r);
}

Test(dp_gauss, far_tails_keep_their_digits)
{
    /* phi(a) (R(a) - R(a + mu)) with R(x) about 1/x - 1/x^3 + 3/x^5, far out. */
    double mu = 0.5, eps = 10, a = eps / mu - mu / 2, b = a + mu;
    double r = (1 / a - 1 / b) - (pow(a, -3) - pow(b, -3)) + 3 * (pow(a, -5) - pow(b, -5));
    REF_NEAR(dp_gauss_delta(mu, eps) / (exp(-a * a / 2) / sqrt(2 * M_PI) * r), 1, 1e-5, "tail");
    double got = NAN;
    cr_assert_eq(dp_gauss_epsilon(&got, 100, 1e-300, &(Err){0}), OK);
    REF_NEAR(dp_gauss_delta(100, got) / 1e-300, 1, 1e-6, "delta 1e-300");
    cr_assert_eq(dp_gauss_epsilon(&got, 1e-3, 0.5, &(Err){0}), OK);
    cr_assert_eq(got, 0, "what is hidden already");
}

Test(dp_gauss, special_functions_meet_their_definitions)
{
    REF_NEAR(special_log_norm_cdf(-1), log(0.15865525393145705), 1e-14, "-1");
    REF_NEAR(special_log_norm_cdf(0), log(0.5), 1e-15, "0");
    REF_NEAR(special_log_norm_cdf(-40), -804.60844201375379, 1e-13, "-40");
    cr_assert_float_eq(special_log_norm_cdf(9) / -1.1285884059538407e-19, 1, 1e-12);
    REF_NEAR(special_log_norm_cdf(-1.01e7) / (-0.5 * 1.01e7 * 1.01e7 - log(1.01e7 * sqrt(2 * M_PI))), 1,
             1e-15, "far");
    REF_NEAR(special_log_norm_cdf(-0.99e7) / (-0.5 * 0.99e7 * 0.99e7 - log(0.99e7 * sqrt(2 * M_PI))), 1,
             1e-14, "near");
    cr_assert_eq(special_log_norm_cdf(-INFINITY), -INFINITY);
    cr_assert_eq(special_log_norm_cdf(INFINITY), 0);
    REF_NEAR(special_log_choose(10, 3), log(120), 1e-14, "C(10, 3)");
    cr_assert(special_log_choose(10, 0) == 0 && special_log_choose(10, 10) == 0);
    cr_assert_eq(special_log_choose(3, 4), -INFINITY);
    REF_NEAR(special_log_add(log(3), log(4)), log(7), 1e-15, "3 + 4");
    cr_assert_eq(special_log_add(-INFINITY, 2), 2);
    cr_assert_eq(special_log_add(-INFINITY, -INFINITY), -INFINITY);
    REF_NEAR(special_binom_tail(8, 10, 0.5), 56.0 / 1024, 1e-14, "8 of 10");
    cr_assert(special_binom_tail(0, 10, 0.3) == 1 && special_binom_tail(11, 10, 0.3) == 0);
    cr_assert(special_binom_tail(3, 10, 0) == 0 && special_binom_tail(3, 10, 1) == 1);
}

Test(dp_gauss, bad_arguments_are_refused)
{
    double x = 7;
    Err e = {0};
    cr_assert_eq(dp_gauss_epsilon(&x, 0, 1e-5, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "sensitivity / sigma = 0, want (0, 1e+06]");
    e = (Err){0};
    cr_assert_eq(dp_gauss_epsilon(&x, 1, 1, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "delta = 1, want (0, 1)");
    cr_assert_eq(dp_gauss_sigma(&x, 1, 0, &(Err){0}), ERR_ARG);
    e = (Err){0};
    cr_assert_eq(dp_gauss_sigma(&x, 0, 1e-5, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "epsilon = 0, want > 0");
    DpEps out = {7, 7};
    e = (Err){0};
    cr_assert_eq(dp_gdp_epsilon(&out, &(DpRun){0.1, 0.01, 10, 1e-5}, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "sigma = 0.01 is too small for the Gaussian limit");
    cr_assert(x == 7 && out.epsilon == 7);
}
