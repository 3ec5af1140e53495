#include "prime/dp.h"
#include "prime/fft.h"
#include "prime/rng.h"

#include "../num/ref_csv.h"

static double prv_of(DpRun run)
{
    DpEps got = {0};
    Err e = {0};
    cr_assert_eq(dp_prv_epsilon(&got, &run, &e), OK, "%s", e.msg);
    cr_assert(isnan(got.order));
    return got.epsilon;
}

static DpRun prv_row(const Ref *r, size_t i)
{
    return (DpRun){ref_num(r, i, "q"), ref_num(r, i, "noise_multiplier"), (size_t)ref_num(r, i, "steps"),
                   ref_num(r, i, "delta")};
}

/* The peer's bound allows itself an error of 0.01 in epsilon and says so. */
Test(dp_prv, lies_just_below_a_pessimistic_peer)
{
    Ref r = ref_open("dp/prv_opacus.csv");
    for (size_t i = 0; i < r.rows; i++) {
        double want = ref_num(&r, i, "eps_upper"), got = prv_of(prv_row(&r, i));
        cr_assert(got <= want && got > want - 0.012, "row %zu: %.10g, peer %.10g", i, got, want);
        if (want > 1.3) cr_assert(got > 0.99 * want, "row %zu: %.10g, peer %.10g", i, got, want);
    }
    cr_assert_eq(r.rows, 14u);
    ref_close(&r);
}

/* The other peer's grid has the fixed width h = 1e-4: its variance over T steps, up to T h^2 / 6, counts
 * where epsilon is small (row 9: T = 10000, epsilon 0.04). */
Test(dp_prv, meets_another_peer)
{
    Ref r = ref_open("dp/rdp_pld_google.csv");
    for (size_t i = 0; i < r.rows; i++) {
        double want = ref_num(&r, i, "eps_pld"), got = prv_of(prv_row(&r, i));
        if (ref_num(&r, i, "steps") == 10000 && want < 0.1) {
            cr_assert(got < want && got > 0.85 * want, "row %zu: %.10g, peer %.10g", i, got, want);
            continue;
        }
        REF_NEAR(got, want, 1e-4, "row %zu", i);
    }
    ref_close(&r);
}

/* Full batches are one Gaussian mechanism of mu = sqrt(steps) / sigma, known exactly: the bound lies above
 * it, and close. */
Test(dp_prv, bounds_the_gaussian_mechanism_from_above)
{
    static const DpRun runs[] = {
        {1, 1, 1, 1e-5}, {1, 5, 10, 1e-5}, {1, 40, 1000, 1e-6}, {1, 0.5, 2, 1e-9}, {1, 3, 4, 0.1}};
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        double exact = NAN, got = prv_of(runs[i]);
        cr_assert_eq(
            dp_gauss_epsilon(&exact, sqrt((double)runs[i].steps) / runs[i].sigma, runs[i].delta, &(Err){0}),
            OK);
        cr_assert(got >= exact * (1 - 1e-9) && got <= exact * (1 + 1e-4) + 1e-6,
                  "run %zu: %.10g, exact %.10g", i, got, exact);
    }
}

/* Rounding stays beside delta, however small that is and however many the steps. */
Test(dp_prv, keeps_its_digits_at_tiny_deltas_and_many_steps)
{
    static const struct {
        size_t steps;
        double mu, delta;
    } x[] = {{1, 4.8, 1e-5},     {1, 0.3, 1e-12},    {1, 1.2, 1e-30},      {1000, 4.8, 1e-5},
             {1000, 0.3, 1e-20}, {1000, 1.2, 1e-30}, {1000000, 4.8, 1e-8}, {1000000, 1.2, 1e-30}};
    for (size_t i = 0; i < sizeof x / sizeof x[0]; i++) {
        double got = prv_of((DpRun){1, sqrt((double)x[i].steps) / x[i].mu, x[i].steps, x[i].delta});
        double share = dp_gauss_delta(x[i].mu, got) / x[i].delta;
        cr_assert(share <= 1 + 1e-6 && share > 0.998, "case %zu: epsilon %g, %.9g of delta", i, got, share);
    }
}

/* One step is known exactly too, from the two distributions. */
Test(dp_prv, bounds_one_step_from_above)
{
    static const DpRun runs[] = {
        {0.1, 1, 1, 1e-5}, {0.5, 0.7, 1, 1e-6}, {0.01, 0.5, 1, 1e-4}, {0.9, 2, 1, 1e-3}};
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        const DpRun *x = &runs[i];
        double got = prv_of(*x);
        cr_assert(dp_step_delta(x->q, x->sigma, got) <= x->delta * (1 + 1e-9), "run %zu: %g", i, got);
        cr_assert(dp_step_delta(x->q, x->sigma, got * (1 - 1e-3)) > x->delta, "run %zu: %g", i, got);
    }
}

/* Two steps by brute force: the sum over a fine grid of one step's x of what the other step leaves. */
static double two_step_delta(double q, double s, double eps)
{
    enum { N = 20000 };
    double from = -9 * s, step = (1 + 18 * s) / N, sum = 0;
    for (size_t i = 0; i <= N; i++) {
        double x = from + (double)i * step, t = (2 * x - 1) / (2 * s * s), loss = log1p(q * expm1(t));
        double density = exp(-x * x / (2 * s * s)) / (s * sqrt(2 * M_PI)) * exp(loss), rest = eps - loss, y;
        y = expm1(rest) / q <= -1 ? -1e300 : s * s * log1p(expm1(rest) / q) + 0.5;
        double p = (1 - q) * 0.5 * erfc(y / s * M_SQRT1_2) + q * 0.5 * erfc((y - 1) / s * M_SQRT1_2);
        sum += step * density * (p - exp(rest) * 0.5 * erfc(y / s * M_SQRT1_2));
    }
    return sum;
}

Test(dp_prv, two_steps_equal_brute_force)
{
    double got = prv_of((DpRun){0.2, 0.8, 2, 1e-4});
    cr_assert_leq(two_step_delta(0.2, 0.8, got), 1e-4);
    cr_assert_geq(two_step_delta(0.2, 0.8, got * (1 - 1e-3)), 1e-4);
}

Test(dp_prv, is_tighter_than_the_renyi_bound)
{
    static const DpRun runs[] = {{0.01, 1, 1000, 1e-5}, {0.2, 3, 50, 1e-8}, {0.001, 0.6, 2000, 1e-6}};
    for (size_t i = 0; i < 3; i++) {
        DpEps rdp = {0};
        cr_assert_eq(dp_rdp_epsilon(&rdp, &runs[i], &(Err){0}), OK);
        double got = prv_of(runs[i]);
        cr_assert(got < rdp.epsilon && got > 0.5 * rdp.epsilon, "run %zu: %g, %g", i, got, rdp.epsilon);
    }
}

Test(dp_prv, grows_with_steps_and_rate_and_falls_with_noise)
{
    DpRun base = {0.05, 1, 100, 1e-5}, more = base;
    double at = prv_of(base);
    more.steps = 110;
    cr_assert_gt(prv_of(more), at);
    more = base, more.q = 0.055;
    cr_assert_gt(prv_of(more), at);
    more = base, more.sigma = 1.05;
    cr_assert_lt(prv_of(more), at);
}

Test(dp_prv, refuses_what_it_cannot_bound)
{
    DpEps out = {7, 7};
    Err e = {0};
    cr_assert_eq(dp_prv_epsilon(&out, &(DpRun){0.1, 1, 1, 1e-31}, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "delta = 1e-31, want at least 1e-30 for prv");
    e = (Err){0};
    cr_assert_eq(dp_prv_epsilon(&out, &(DpRun){0.5, 0.01, 1, 1e-5}, &e), ERR_NUM);
    cr_assert_not_null(strstr(e.msg, "epsilon is above 500"), "%s", e.msg);
    cr_assert_eq(out.epsilon, 7);
}

/* ---- sigma ---- */

Test(dp_prv, sigma_is_the_smallest_that_keeps_the_promise)
{
    static const DpRun run = {0.02, 0, 200, 1e-5};
    static const double want[] = {0.5, 2, 8};
    for (size_t a = 0; dp_accountant_at(a) != NULL; a++)
        for (size_t i = 0; i < 3; i++) {
            double sigma = NAN, reached = NAN;
            DpEps at = {0}, less = {0};
            DpRun with = run;
            Err e = {0};
            const DpAccountant *acc = dp_accountant_at(a);
            if (acc->epsilon == dp_prv_epsilon && i != 1) continue; /* half a second each */
            cr_assert_eq(dp_sigma(&sigma, &reached, acc, &run, want[i], &e), OK, "%s", e.msg);
            with.sigma = sigma;
            cr_assert_eq(acc->epsilon(&at, &with, &e), OK);
            cr_assert_eq(at.epsilon, reached);
            with.sigma = sigma * (1 - 3e-6);
            cr_assert_eq(acc->epsilon(&less, &with, &e), OK);
            cr_assert(reached <= want[i] && less.epsilon > want[i], "%s: %.9g and %.9g around %g", acc->name,
                      reached, less.epsilon, want[i]);
        }
}

Test(dp_prv, sigma_refuses_bad_wishes)
{
    double sigma = 7, reached = 7;
    const DpAccountant *rdp = NULL, *prv = NULL;
    Err e = {0};
    cr_assert_eq(dp_accountant(&rdp, "rdp", &e), OK);
    cr_assert_eq(dp_accountant(&prv, "prv", &e), OK);
    cr_assert_eq(dp_sigma(&sigma, &reached, rdp, &(DpRun){0.1, 0, 10, 1e-5}, 0, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "epsilon = 0, want > 0");
    e = (Err){0};
    cr_assert_eq(dp_sigma(&sigma, &reached, rdp, &(DpRun){2, 0, 10, 1e-5}, 1, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "q = 2, want (0, 1]");
    e = (Err){0};
    cr_assert_eq(dp_sigma(&sigma, &reached, rdp, &(DpRun){1, 0, 1, 1e-5}, 1e9, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "epsilon = 1e+09 is reached by no sigma in [0.01, 1e6]");
    e = (Err){0};
    cr_assert_eq(dp_sigma(&sigma, &reached, prv, &(DpRun){0.1, 0, 10, 1e-31}, 1, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "delta = 1e-31, want at least 1e-30 for prv");
    e = (Err){0};
    cr_assert_eq(dp_accountant(&rdp, "moments", &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "accountant = moments, want rdp, prv or gdp");
    cr_assert(sigma == 7 && reached == 7);
}

/* ---- the transform ---- */

Test(dp_prv, fft_convolution_equals_the_sum)
{
    enum { N = 32 };
    double x[N], want[N], next[N];
    Rng rng = rng_stream(1, "fft", 0);
    for (size_t i = 0; i < N; i++) want[i] = x[i] = rng_uniform(&rng) / N;
    double one[N];
    memcpy(one, x, sizeof x);
    for (size_t t = 1; t < 5; t++) {
        for (size_t i = 0; i < N; i++) {
            next[i] = 0;
            for (size_t j = 0; j < N; j++) next[i] += want[j] * one[(i + N - j) % N];
        }
        memcpy(want, next, sizeof next);
    }
    fft_self_convolve(x, N, 5);
    for (size_t i = 0; i < N; i++) cr_assert_float_eq(x[i], want[i], 1e-15);
}
