#include "prime/dp.h"

#include "../num/ref_csv.h"

static double rdp_of(double q, double sigma, double alpha)
{
    double rdp = NAN;
    Err e = {0};
    cr_assert_eq(dp_rdp_step(&rdp, q, sigma, alpha, &e), OK, "%s", e.msg);
    return rdp;
}

Test(dp_rdp, meets_exact_quadrature)
{
    Ref r = ref_open("dp/rdp_subsampled_gaussian_exact.csv");
    size_t seen = 0;
    for (size_t i = 0; i < r.rows; i++) {
        double q = ref_num(&r, i, "q"), s = ref_num(&r, i, "sigma"), a = ref_num(&r, i, "alpha");
        double want = ref_num(&r, i, "rdp_exact_mpmath40"), got = rdp_of(q, s, a);
        cr_assert(fabs(got / want - 1) < 1e-10, "q %g sigma %g alpha %g: %.17g, want %.17g", q, s, a, got,
                  want);
        seen++;
    }
    cr_assert_eq(seen, 70u);
    ref_close(&r);
}

Test(dp_rdp, meets_a_peer_order_by_order)
{
    Ref r = ref_open("dp/rdp_per_order_opacus.csv");
    for (size_t i = 0; i < r.rows; i++) {
        double a = ref_num(&r, i, "alpha"), want = ref_num(&r, i, "rdp_one_step");
        double got = rdp_of(ref_num(&r, i, "q"), ref_num(&r, i, "noise_multiplier"), a);
        /* The peer ends its series for fractional orders early. */
        cr_assert(fabs(got / want - 1) < (a == floor(a) ? 1e-9 : 1e-6), "row %zu: %.17g, want %.17g", i, got,
                  want);
    }
    cr_assert_eq(r.rows, 59u);
    ref_close(&r);
}

/* The paper's two alternating series (sec. 3.3), with the sign of the binomial. */
static double rdp_series(double q, double s, double a)
{
    double sum = 0, c = 1, z0 = s * s * log(1 / q - 1) + 0.5, last = 0, total = 0;
    for (size_t i = 0; i < 4000; i++) {
        double k = (double)i, j = a - k;
        double one =
            pow(1 - q, j) * pow(q, k) * exp((k * k - k) / (2 * s * s)) * 0.5 * erfc((k - z0) / (s * M_SQRT2));
        double two =
            pow(q, j) * pow(1 - q, k) * exp((j * j - j) / (2 * s * s)) * 0.5 * erfc((z0 - j) / (s * M_SQRT2));
        if (!isfinite(one) || !isfinite(two) || (i > 30 && fabs(c * (one + two)) < 1e-17)) break;
        sum += c * (one + two);
        total = (sum + last) / 2; /* the mean of neighbours of an alternating series */
        last = sum;
        c *= (a - k) / (k + 1);
    }
    return log(total) / (a - 1);
}

Test(dp_rdp, equals_the_series_of_the_paper)
{
    static const double q[] = {0.01, 0.04, 0.2, 0.5}, s[] = {0.8, 1.5, 3}, a[] = {1.25, 2.5, 3.9, 7.3};
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 3; j++)
            for (size_t k = 0; k < 4; k++) {
                double got = rdp_of(q[i], s[j], a[k]), want = rdp_series(q[i], s[j], a[k]);
                cr_assert(fabs(got / want - 1) < 1e-5, "q %g sigma %g alpha %g: %.12g, want %.12g", q[i],
                          s[j], a[k], got, want);
            }
}

Test(dp_rdp, whole_orders_lie_on_the_curve_of_the_others)
{
    for (double a = 2; a < 40; a += 3) {
        double at = rdp_of(0.03, 0.9, a), near = rdp_of(0.03, 0.9, a * (1 + 1e-12));
        cr_assert(fabs(at / near - 1) < 1e-9, "alpha %g: %.17g and %.17g", a, at, near);
    }
}

/* What is small must not be lost in 1: (a / 2) q^2 (e^(1/s^2) - 1) to first order. */
Test(dp_rdp, holds_for_tiny_rates)
{
    for (double q = 1e-4; q > 1e-9; q /= 10)
        for (double a = 1.5; a < 5; a += 0.5)
            cr_assert(fabs(rdp_of(q, 2, a) / (a / 2 * q * q * expm1(0.25)) - 1) < 100 * q);
}

Test(dp_rdp, full_batches_are_the_gaussian_mechanism)
{
    cr_assert_eq(rdp_of(1, 2, 5.5), 5.5 / 8);
    /* and q just below 1 is next to it */
    cr_assert_float_eq(rdp_of(1 - 1e-9, 2, 5.5), 5.5 / 8, 1e-6);
    cr_assert_float_eq(rdp_of(1 - 1e-9, 2, 6), 6.0 / 8, 1e-6);
}

Test(dp_rdp, extreme_noise_and_orders_stay_finite)
{
    static const double sigma[] = {0.01, 0.1, 30, 1e4}, alpha[] = {1.01, 2, 2.5, 64, 100.5, 4096};
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 6; j++) {
            double rdp = rdp_of(0.01, sigma[i], alpha[j]), full = alpha[j] / (2 * sigma[i] * sigma[i]);
            cr_assert(rdp >= 0 && rdp <= full, "sigma %g alpha %g: %g", sigma[i], alpha[j], rdp);
        }
}

enum { N_PEER = 99 + 52 };

static void peer_orders(double order[N_PEER])
{
    for (size_t i = 0; i < 99; i++) order[i] = 1.1 + 0.1 * (double)i;
    for (size_t i = 0; i < 52; i++) order[99 + i] = 12 + (double)i;
}

Test(dp_rdp, epsilon_meets_a_peer_on_its_orders)
{
    Ref r = ref_open("dp/rdp_opacus.csv");
    double order[N_PEER];
    peer_orders(order);
    for (size_t i = 0; i < r.rows; i++) {
        DpRun run = {ref_num(&r, i, "q"), ref_num(&r, i, "noise_multiplier"), (size_t)ref_num(&r, i, "steps"),
                     ref_num(&r, i, "delta")};
        DpEps at = {0}, own = {0};
        Err e = {0};
        cr_assert_eq(dp_rdp_epsilon_at(&at, &run, order, N_PEER, &e), OK, "%s", e.msg);
        cr_assert_eq(dp_rdp_epsilon(&own, &run, &e), OK, "%s", e.msg);
        double want = ref_num(&r, i, "epsilon");
        if (run.steps == 1 && run.q == 0.001) { /* the peer neither clamps nor bounds the total variation */
            cr_assert(at.epsilon == 0 && own.epsilon == 0 && want > 0.25);
            continue;
        }
        REF_NEAR(at.epsilon, want, 1e-6, "row %zu", i);
        REF_NEAR(at.order, ref_num(&r, i, "opt_order"), 1e-9, "row %zu", i);
        cr_assert(own.epsilon <= want * (1 + 1e-6), "row %zu: %g by own orders, %g by the peer's", i,
                  own.epsilon, want);
    }
    ref_close(&r);
}

/* dp_accounting's whole orders agree, its fractional ones are too high; where its best order is whole, so
 * must epsilon be. */
Test(dp_rdp, epsilon_is_at_most_that_of_another_peer)
{
    Ref r = ref_open("dp/rdp_pld_google.csv");
    for (size_t i = 0; i < r.rows; i++) {
        DpRun run = {ref_num(&r, i, "q"), ref_num(&r, i, "noise_multiplier"), (size_t)ref_num(&r, i, "steps"),
                     ref_num(&r, i, "delta")};
        DpEps own = {0}, at = {0};
        Err e = {0};
        double want = ref_num(&r, i, "eps_rdp"), order = ref_num(&r, i, "opt_order");
        cr_assert_eq(dp_rdp_epsilon(&own, &run, &e), OK, "%s", e.msg);
        cr_assert(own.epsilon <= want * (1 + 1e-6), "row %zu: %g, %g", i, own.epsilon, want);
        cr_assert(own.epsilon >= 0.98 * want, "row %zu: %g, %g", i, own.epsilon, want);
        cr_assert_eq(dp_rdp_epsilon_at(&at, &run, &order, 1, &e), OK, "%s", e.msg);
        if (order == floor(order) && want > 0) REF_NEAR(at.epsilon, want, 1e-9, "row %zu", i);
    }
    ref_close(&r);
}

static double eps_of(DpRun run)
{
    DpEps got = {0};
    Err e = {0};
    cr_assert_eq(dp_rdp_epsilon(&got, &run, &e), OK, "%s", e.msg);
    return got.epsilon;
}

Test(dp_rdp, epsilon_grows_with_steps_and_rate_and_falls_with_noise_and_delta)
{
    DpRun base = {0.02, 1.1, 500, 1e-5}, more = base;
    double at = eps_of(base);
    more.steps = 600;
    cr_assert_gt(eps_of(more), at);
    more = base, more.q = 0.025;
    cr_assert_gt(eps_of(more), at);
    more = base, more.sigma = 1.2;
    cr_assert_lt(eps_of(more), at);
    more = base, more.delta = 1e-4;
    cr_assert_lt(eps_of(more), at);
}

/* No order near the best one is better by more than 1e-6. */
Test(dp_rdp, the_grid_is_fine_enough)
{
    static const DpRun runs[] = {
        {0.02, 0.7, 100, 1e-4}, {0.00033, 4, 10000, 1e-9}, {0.3, 1.3, 60, 1e-7}, {1, 0.5, 1, 1e-5}};
    for (size_t i = 0; i < 4; i++) {
        double fine[400];
        DpEps own = {0}, best = {0};
        Err e = {0};
        cr_assert_eq(dp_rdp_epsilon(&own, &runs[i], &e), OK);
        for (size_t k = 0; k < 400; k++) fine[k] = 1 + (own.order - 1) * (0.96 + 0.0002 * (double)k);
        cr_assert_eq(dp_rdp_epsilon_at(&best, &runs[i], fine, 400, &e), OK);
        cr_assert(own.epsilon < best.epsilon * (1 + 1e-6), "%g, best %g", own.epsilon, best.epsilon);
    }
}

Test(dp_rdp, bad_runs_are_refused)
{
    static const struct {
        DpRun run;
        const char *says;
    } bad[] = {
        {{0, 1, 1, 0.1}, "q = 0, want (0, 1]"},
        {{1.5, 1, 1, 0.1}, "q = 1.5, want (0, 1]"},
        {{NAN, 1, 1, 0.1}, "q = nan, want (0, 1]"},
        {{0.1, 0, 1, 0.1}, "sigma = 0, want > 0"},
        {{0.1, INFINITY, 1, 0.1}, "sigma = inf, want > 0"},
        {{0.1, -1, 1, 0.1}, "sigma = -1, want > 0"},
        {{0.1, 1, 0, 0.1}, "steps = 0, want at least 1"},
        {{0.1, 1, 1, 0}, "delta = 0, want (0, 1)"},
        {{0.1, 1, 1, 1}, "delta = 1, want (0, 1)"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        for (size_t a = 0; dp_accountant_at(a) != NULL; a++) {
            DpEps out = {7, 7};
            Err e = {0};
            cr_assert_eq(dp_accountant_at(a)->epsilon(&out, &bad[i].run, &e), ERR_ARG);
            cr_assert_str_eq(e.msg, bad[i].says);
            cr_assert_eq(out.epsilon, 7);
        }
    double rdp = 7;
    Err e = {0};
    cr_assert_eq(dp_rdp_step(&rdp, 0.1, 1, 1, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "alpha = 1, want (1, 65536]");
    cr_assert_eq(dp_rdp_step(&rdp, 0.1, 1, 65537, &(Err){0}), ERR_ARG);
    cr_assert_eq(dp_rdp_step(&rdp, 2, 1, 2, &(Err){0}), ERR_ARG);
    cr_assert_eq(rdp, 7);
    DpEps out = {7, 7};
    e = (Err){0};
    cr_assert_eq(dp_rdp_epsilon_at(&out, &(DpRun){0.1, 1, 1, 0.1}, &rdp, 0, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "no orders");
}
