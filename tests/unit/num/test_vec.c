/* Row kernels against libm in double, and at the edges. */
#include "prime/rng.h"
#include "prime/vec.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum { VEC_N = 301 };

static void vec_fill(float *x, size_t n, uint64_t seed, double sd)
{
    Rng r = rng_stream(seed, "row", n);
    for (size_t i = 0; i < n; i++) x[i] = (float)(sd * rng_normal(&r));
}

/* Lengths around the widths of vector registers, and long ones. */
static const size_t lengths[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, VEC_N};
enum { N_LENGTHS = sizeof lengths / sizeof lengths[0] };

Test(vec, exp_is_within_3e_7_on_its_range)
{
    enum { CHUNK = 1000, CHUNKS = 176 }; /* steps of 0.001 over [-87, 88] and a bit beyond */
    static float x[CHUNK], y[CHUNK];
    double worst = 0;
    for (int c = 0; c < CHUNKS; c++) {
        for (int i = 0; i < CHUNK; i++) x[i] = (float)(-87.0 + c + 0.001 * i);
        vec_exp(y, x, CHUNK);
        for (int i = 0; i < CHUNK; i++) {
            if (x[i] < -87.0f || x[i] > 88.0f) continue;
            double want = exp((double)x[i]), d = fabs((double)y[i] - want) / want;
            worst = d > worst ? d : worst;
        }
    }
    cr_assert_lt(worst, 3e-7, "%g", worst);
}

Test(vec, exp_at_the_edges)
{
    float x[] = {-87.0f, -87.001f, -1e30f, -INFINITY, 0.0f, -0.0f, 88.0f, NAN, 1e-8f};
    vec_exp(x, x, sizeof x / sizeof x[0]); /* in place */
    cr_assert_float_eq(x[0], exp(-87), 3e-7 * exp(-87));
    cr_assert(x[1] == 0 && x[2] == 0 && x[3] == 0, "0 below the range");
    cr_assert(x[4] == 1 && x[5] == 1);
    cr_assert_float_eq(x[6], exp(88), 3e-7 * exp(88));
    cr_assert(isnan(x[7]), "what is not a number stays so");
    cr_assert_float_eq(x[8], 1.0, FLT_EPSILON);
    float big[] = {88.5f, 1e30f, INFINITY};
    vec_exp(big, big, 3);
    for (int i = 0; i < 3; i++) cr_assert_eq(big[i], x[6], "above the range the value at its end");
    vec_exp(x, x, 0);
}

Test(vec, dot_axpy_and_scale_follow_their_definitions)
{
    float a[VEC_N], b[VEC_N], y[VEC_N];
    for (size_t l = 0; l < N_LENGTHS; l++) {
        size_t n = lengths[l];
        vec_fill(a, n, 1, 1);
        vec_fill(b, n, 2, 1);
        double dot = 0, size = 0;
        for (size_t i = 0; i < n; i++) dot += (double)a[i] * (double)b[i];
        for (size_t i = 0; i < n; i++) size += fabs((double)a[i] * (double)b[i]);
        cr_assert_float_eq(vec_dot(a, b, n), dot, 1e-6 * size);
        cr_assert_float_eq(vec_dot_d(a, b, n), dot, 1e-13 * size);
        memcpy(y, b, sizeof y);
        vec_axpy(y, -0.75f, a, n);
        for (size_t i = 0; i < n; i++) cr_assert_float_eq(y[i], (double)b[i] - 0.75 * (double)a[i], 1e-6);
        vec_scale(y, 0.5f, n);
        for (size_t i = 0; i < n; i++)
            cr_assert_float_eq(y[i], 0.5 * ((double)b[i] - 0.75 * (double)a[i]), 1e-6);
    }
    cr_assert(vec_dot(a, b, 0) == 0 && vec_dot_d(a, b, 0) == 0);
}

static double lse_twin(const float *x, size_t n)
{
    double m = (double)x[0], s = 0;
    for (size_t i = 1; i < n; i++) m = (double)x[i] > m ? (double)x[i] : m;
    for (size_t i = 0; i < n; i++) s += exp((double)x[i] - m);
    return m + log(s);
}

Test(vec, softmax_agrees_with_double)
{
    float x[VEC_N], p[VEC_N];
    static const double sds[] = {0.01, 1, 30, 1e5};
    for (size_t l = 0; l < N_LENGTHS; l++)
        for (size_t s = 0; s < 4; s++) {
            size_t n = lengths[l];
            vec_fill(x, n, 3 + s, sds[s]);
            double want = lse_twin(x, n), sum = 0, tol = 1e-6 * (1 + fabs(want));
            memcpy(p, x, sizeof p);
            double lse = vec_softmax(p, n);
            cr_assert_float_eq(lse, want, tol);
            for (size_t i = 0; i < n; i++) {
                double q = exp((double)x[i] - want);
                cr_assert_float_eq(p[i], q, 1e-5 * q + 1e-30); /* x - max is rounded too */
                sum += (double)p[i];
            }
            cr_assert_float_eq(sum, 1, 1e-5);
        }
}

Test(vec, softmax_at_the_edges)
{
    float one = -3.5f;
    double lse = vec_softmax(&one, 1);
    cr_assert_float_eq(lse, -3.5, 1e-7);
    cr_assert_eq(one, 1.0f);
    float huge[] = {FLT_MAX, -FLT_MAX, 0}, tie[] = {7, 7, 7, 7};
    cr_assert_eq(vec_softmax(huge, 3), (double)FLT_MAX);
    cr_assert(huge[0] == 1 && huge[1] < 1e-37f && huge[2] < 1e-37f);
    lse = vec_softmax(tie, 4);
    cr_assert_float_eq(lse, 7 + log(4), 1e-6);
    for (int i = 0; i < 4; i++) cr_assert_eq(tie[i], 0.25f);
    float hole[] = {1, NAN, 2}, masked[] = {0, -INFINITY, 0};
    cr_assert(isnan(vec_softmax(hole, 3)), "NaN is not lost");
    lse = vec_softmax(masked, 3);
    cr_assert_float_eq(lse, log(2), 1e-6);
    cr_assert(masked[0] == 0.5f && masked[1] < 1e-37f);
}

Test(vec, argmax_takes_the_first_of_equals)
{
    float x[VEC_N];
    for (size_t l = 0; l < N_LENGTHS; l++) {
        size_t n = lengths[l];
        for (size_t at = 0; at < n; at++) { /* the largest at every place, and again behind it */
            vec_fill(x, n, 9, 1);
            x[at] = 50;
            if (at + 1 < n) x[n - 1] = 50;
            cr_assert_eq(vec_argmax(x, n), at);
        }
    }
    float flat[5] = {-2, -2, -2, -2, -2}, low[3] = {-FLT_MAX, -INFINITY, -FLT_MAX};
    cr_assert_eq(vec_argmax(flat, 5), 0);
    cr_assert_eq(vec_argmax(low, 3), 0);
    float inf[3] = {1, INFINITY, INFINITY};
    cr_assert_eq(vec_argmax(inf, 3), 1);
}

Test(vec, finite_finds_the_first_bad_entry)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    float x[VEC_N];
    for (size_t l = 0; l < N_LENGTHS; l++) {
        size_t n = lengths[l], found = 999;
        vec_fill(x, n, 10, 1);
        x[n / 2] = FLT_MAX;
        cr_assert(vec_finite(x, n, &found));
        cr_assert_eq(found, 999, "untouched when all is well");
        for (size_t b = 0; b < 3; b++) {
            vec_fill(x, n, 10, 1);
            x[n - 1] = bad[b];
            x[n / 2] = bad[b];
            cr_assert(!vec_finite(x, n, &found));
            cr_assert_eq(found, n / 2);
            cr_assert(!vec_finite(x, n, NULL));
        }
    }
    cr_assert(vec_finite(x, 0, NULL));
}

Test(vec, sigmoid_is_its_definition)
{
    enum { N = 2001 };
    float x[N], y[N];
    for (size_t i = 0; i < N; i++) x[i] = 0.1f * ((float)i - 1000);
    vec_sigmoid(y, x, N);
    for (size_t i = 0; i < N; i++) {
        double want = 1 / (1 + exp(-(double)x[i]));
        cr_assert_float_eq(y[i], want, 1e-6 * want + 1e-37, "at %g: %g, want %g", x[i], y[i], want);
    }
    vec_sigmoid(x, x, N); /* in place */
    cr_assert(memcmp(x, y, sizeof x) == 0);
    float odd[1] = {NAN};
    vec_sigmoid(odd, odd, 1);
    cr_assert(isnan(odd[0]));
}
