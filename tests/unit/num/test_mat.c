/* Matrix products against a triple loop in double. */
#include "prime/mat.h"
#include "prime/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef void (*MatMul)(float *, size_t, const float *, size_t, const float *, size_t, size_t, size_t, size_t,
                       float, float);

/* The three products, and whether A and B are read by columns. */
static const struct {
    const char *name;
    MatMul mul;
    bool ta, tb;
} products[] = {
    {"nt", mat_mul_nt, false, true}, {"nn", mat_mul_nn, false, false}, {"tn", mat_mul_tn, true, false}};

enum { MAT_ROOM = 512 * 300 };
static float a[MAT_ROOM], b[MAT_ROOM], c[MAT_ROOM], old[MAT_ROOM];

static void mat_fill(void)
{
    Rng r = rng_stream(1, "mat", 0);
    for (size_t i = 0; i < MAT_ROOM; i++) {
        a[i] = (float)rng_normal(&r);
        b[i] = (float)rng_normal(&r);
        old[i] = (float)rng_normal(&r);
    }
    memcpy(c, old, sizeof c);
}

static double mat_twin(size_t which, size_t i, size_t j, size_t k, size_t lda, size_t ldb)
{
    double s = 0;
    for (size_t x = 0; x < k; x++) {
        float u = products[which].ta ? a[x * lda + i] : a[i * lda + x];
        float v = products[which].tb ? b[j * ldb + x] : b[x * ldb + j];
        s += (double)u * (double)v;
    }
    return s;
}

static void mat_check(size_t which, size_t m, size_t n, size_t k, size_t pad, float alpha, float beta)
{
    size_t lda = (products[which].ta ? m : k) + pad, ldb = (products[which].tb ? k : n) + 2 * pad,
           ldc = n + 3 * pad;
    lda += lda == 0; /* a leading dimension is at least 1 */
    ldb += ldb == 0;
    ldc += ldc == 0;
    mat_fill();
    products[which].mul(c, ldc, a, lda, b, ldb, m, n, k, alpha, beta);
    for (size_t i = 0; i < MAT_ROOM; i++) {
        size_t row = i / ldc, col = i % ldc;
        double want = row < m && col < n ? (double)beta * (double)old[i] +
                                               (double)alpha * mat_twin(which, row, col, k, lda, ldb)
                                         : (double)old[i]; /* what lies between the rows is not touched */
        cr_assert_float_eq(c[i], want, 1e-6 * (double)(k + 1) * fabs((double)alpha) + 1e-6,
                           "%s %zu x %zu x %zu pad %zu at %zu, %zu: %g, want %g", products[which].name, m, n,
                           k, pad, row, col, (double)c[i], want);
    }
}

static void mat_use(const char *name)
{
    Err e = {0};
    cr_assert_eq(mat_choose(name, &e), OK, "%s", e.msg);
}

static void mat_check_sizes(void)
{
    static const size_t size[][3] = {{1, 1, 1},
                                     {1, 8, 3},
                                     {7, 1, 5},
                                     {5, 9, 1},
                                     {17, 33, 8},
                                     {64, 64, 64},
                                     {70, 13, 24},
                                     {3, 70, 69},
                                     {1, 70, 70},
                                     {70, 70, 70},
                                     /* a side that is cut into pieces */
                                     {500, 72, 130},
                                     {300, 9, 400},
                                     {9, 300, 400},
                                     {20, 500, 200}};
    for (size_t p = 0; p < 3; p++)
        for (size_t s = 0; s < sizeof size / sizeof size[0]; s++)
            for (size_t pad = 0; pad < 4; pad += 3) {
                mat_check(p, size[s][0], size[s][1], size[s][2], pad, 1, 0);
                mat_check(p, size[s][0], size[s][1], size[s][2], pad, -0.5f, 1);
                mat_check(p, size[s][0], size[s][1], size[s][2], pad, 2, 0.25f);
            }
}

Test(mat, products_equal_the_triple_loop)
{
    for (size_t i = 0; mat_backend_at(i) != NULL; i++) {
        mat_use(mat_backend_at(i));
        cr_assert_str_eq(mat_backend(), mat_backend_at(i));
        mat_check_sizes();
    }
}

static void mat_check_empty(void)
{
    for (size_t p = 0; p < 3; p++) {
        mat_check(p, 0, 5, 4, 0, 1, 0);
        mat_check(p, 5, 0, 4, 0, 1, 0);
        mat_check(p, 6, 5, 0, 1, 1, 0.5f); /* K = 0 scales C by beta */
        mat_check(p, 6, 5, 0, 1, 1, 0);
    }
}

Test(mat, empty_products)
{
    for (size_t i = 0; mat_backend_at(i) != NULL; i++) {
        mat_use(mat_backend_at(i));
        mat_check_empty();
    }
}

/* beta = 0 means that C is not read: what is there may be anything. */
Test(mat, beta_zero_overwrites_what_is_not_a_number)
{
    for (size_t i = 0; mat_backend_at(i) != NULL; i++) {
        mat_use(mat_backend_at(i));
        for (size_t p = 0; p < 3; p++) {
            mat_fill();
            c[0] = NAN;
            products[p].mul(c, 2, a, 2, b, 2, 2, 2, 2, 1, 0);
            cr_assert_float_eq(c[0], mat_twin(p, 0, 0, 2, 2, 2), 1e-6);
            c[0] = NAN;
            products[p].mul(c, 64, a, 64, b, 64, 8, 64, 64, 1, 0);
            cr_assert(isfinite(c[0]));
        }
    }
}

Test(mat, every_library_has_a_name_and_a_kernel)
{
    for (size_t i = 0; mat_backend_at(i) != NULL; i++) {
        mat_use(mat_backend_at(i));
        cr_assert_gt(strlen(mat_kernel()), 0);
        cr_assert_gt(strlen(mat_library()), 0);
    }
    cr_assert_str_eq(mat_backend_at(0), "openblas");
}

Test(mat, choosing)
{
    Err e = {0};
    cr_assert_eq(mat_choose("cublas", &e), ERR_ARG);
    cr_assert_str_eq(e.msg,
                     "no library for matrix products is called 'cublas', want openblas, onednn or auto");
    if (mat_backend_at(1) == NULL) cr_assert_eq(mat_choose("onednn", &e), ERR_UNSUP);
    mat_use("auto");
    const char *mine = mat_backend();
    mat_use("openblas");
    setenv("PRIME_MAT", "cublas", 1);
    mat_init();
    cr_assert_str_eq(mat_backend(), mine, "a name that is not there counts as auto");
    setenv("PRIME_MAT", "openblas", 1);
    mat_init();
    cr_assert_str_eq(mat_backend(), "openblas");
}
