#include "prime/rng.h"
#include "prime/skewnorm.h"

#include "ref_csv.h"

Test(skewnorm, density_and_distribution_meet_the_reference)
{
    Ref r = ref_open("attack/skewnorm.csv");
    for (size_t i = 0; i < r.rows; i++) {
        SkewNorm d = {ref_num(&r, i, "alpha"), ref_num(&r, i, "loc"), ref_num(&r, i, "scale")};
        double x = ref_num(&r, i, "x"), cdf = ref_num(&r, i, "cdf"), pdf = ref_num(&r, i, "pdf");
        /* The reference's own integration has eight digits in the tail. */
        double got = exp(skewnorm_logcdf(&d, x)), tol = cdf < 1e-6 ? 1e-8 : 1e-10;
        cr_expect_float_eq(exp(skewnorm_logpdf(&d, x)), pdf, 1e-12 * pdf, "density of row %zu", i);
        cr_expect_float_eq(got, cdf, tol * cdf, "row %zu, alpha %g, x %g: %.17g, want %.17g", i, d.shape, x,
                           got, cdf);
        cr_expect_float_eq(-skewnorm_logcdf(&d, x) / log(2), ref_num(&r, i, "exposure_bits"),
                           1e-9 * fmax(1, -log2(cdf)));
    }
    cr_assert_geq(r.rows, 25u);
    ref_close(&r);
    /* By Simpson's rule on 400,000 intervals of [-8, -2]. */
    double tail = exp(skewnorm_logcdf(&(SkewNorm){4, 0, 1}, -2));
    cr_assert_float_eq(tail, 1.92153483298898e-18, 1e-13 * tail);
}

/* The derivative of F is the density; F runs from 0 to 1; far tails stay finite. */
Test(skewnorm, distribution_is_the_integral_of_the_density)
{
    static const double shapes[] = {-20, -3, -0.4, 0, 0.4, 3, 20};
    for (size_t k = 0; k < 7; k++)
        for (double x = -6; x <= 6; x += 0.37) {
            SkewNorm d = {shapes[k], 0.3, 1.7};
            double h = 1e-4, low = skewnorm_logcdf(&d, x - h), high = skewnorm_logcdf(&d, x + h);
            double slope = (exp(high) - exp(low)) / (2 * h);
            cr_assert(low <= high && high <= 0);
            cr_assert_float_eq(slope, exp(skewnorm_logpdf(&d, x)), 2e-6, "shape %g, x %g", shapes[k], x);
        }
    SkewNorm far = {5, 0, 1};
    double bits = -skewnorm_logcdf(&far, -12) / log(2);
    cr_assert(isfinite(bits) && bits > 2000, "%g: below any double, not in its logarithm", bits);
    cr_assert_eq(skewnorm_logcdf(&far, INFINITY), 0);
    cr_assert_eq(skewnorm_logcdf(&far, -INFINITY), -INFINITY);
}

/* Far down the function is a series; integrals beside it say the same as the series does. */
Test(skewnorm, far_tail_goes_on_where_integrals_end)
{
    static const double shapes[] = {0.5, 7, 50, 4000};
    for (size_t k = 0; k < 4; k++) {
        SkewNorm d = {shapes[k], 0, 1};
        double a = 1 + d.shape * d.shape, rest[2];
        for (size_t i = 0; i < 2; i++) {
            double z = -(999.9 + 0.2 * (double)i) / d.shape, v = a * z * z / 2;
            rest[i] = skewnorm_logcdf(&d, z) + v + log(v);
        }
        cr_expect_float_eq(rest[0], rest[1], 1e-8, "shape %g: %.12g and %.12g", d.shape, rest[0], rest[1]);
        cr_expect_float_eq(rest[0], -log(2 * M_PI * d.shape), 1e-5);
    }
}

/* Whatever the shape, the absolute value is half normal. A fit to few values can end at a shape without
 * bound. */
Test(skewnorm, absolute_value_is_half_normal_at_any_shape)
{
    static const double shapes[] = {0, 0.4, 20, 300, 1e4, 1e8, 2e13, 1e100};
    for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++)
        for (double z = 0.003; z < 7; z *= 1.7) {
            SkewNorm d = {shapes[k], 0, 1}, mirror = {-shapes[k], 0, 1};
            double got = exp(skewnorm_logcdf(&d, z)) - exp(skewnorm_logcdf(&d, -z)),
                   back = exp(skewnorm_logcdf(&mirror, z)) - exp(skewnorm_logcdf(&mirror, -z));
            cr_expect_float_eq(got, erf(z / sqrt(2)), 1e-10, "shape %g, z %g: %g", shapes[k], z, got);
            cr_expect_float_eq(back, erf(z / sqrt(2)), 1e-10, "shape %g, z %g: %g", -shapes[k], z, back);
        }
}

Test(skewnorm, fit_finds_what_was_drawn)
{
    enum { N = 4000 };
    static double x[N];
    static const SkewNorm truth[] = {{3, 1, 2}, {-2, 10, 0.5}};
    for (size_t k = 0; k < 2; k++) {
        Rng rng = rng_stream(6, "skewnorm", k);
        double delta = truth[k].shape / sqrt(1 + truth[k].shape * truth[k].shape), nll, at = 0;
        SkewNorm d;
        for (size_t i = 0; i < N; i++)
            x[i] = truth[k].loc + truth[k].scale * (delta * fabs(rng_normal(&rng)) +
                                                    sqrt(1 - delta * delta) * rng_normal(&rng));
        cr_assert_eq(skewnorm_fit(&d, &nll, x, N, NULL), OK);
        for (size_t i = 0; i < N; i++) at -= skewnorm_logpdf(&truth[k], x[i]);
        cr_assert_leq(nll, at);
        cr_assert_float_eq(d.shape, truth[k].shape, 0.6);
        cr_assert_float_eq(d.loc, truth[k].loc, 0.1);
        cr_assert_float_eq(d.scale, truth[k].scale, 0.1);
    }
}

Test(skewnorm, fit_refusals)
{
    double x[] = {1, 1, 1, NAN}, nll = 7;
    SkewNorm d = {.scale = 7};
    Err e[3] = {0};
    cr_assert_eq(skewnorm_fit(&d, &nll, x, 2, &e[0]), ERR_SHAPE);
    cr_assert_eq(skewnorm_fit(&d, &nll, x, 3, &e[1]), ERR_NUM);
    cr_assert_str_eq(e[1].msg, "all values are 1: no distribution to fit");
    cr_assert_eq(skewnorm_fit(&d, &nll, x, 4, &e[2]), ERR_NUM);
    cr_assert(nll == 7 && d.scale == 7, "outputs are left alone");
}
