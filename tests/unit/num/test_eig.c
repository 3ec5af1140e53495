#include "prime/eig.h"
#include "prime/rng.h"

#include "ref_csv.h"

/* A random symmetric matrix; the upper triangle is spoilt, since only the lower one counts. */
static void eig_symmetric(double *full, double *lower, size_t n, uint64_t seed)
{
    Rng r = rng_stream(seed, "eig", n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) full[i * n + j] = full[j * n + i] = rng_normal(&r);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) lower[i * n + j] = j <= i ? full[i * n + j] : 99;
}

Test(eig, vectors_rebuild_the_matrix)
{
    static const size_t sizes[] = {1, 2, 7, 31, 32, 40, 96};
    static double full[96 * 96], lower[96 * 96], vec[96 * 96], val[96];
    for (size_t s = 0; s < 7; s++) {
        size_t n = sizes[s];
        eig_symmetric(full, lower, n, 4);
        EigWork *w;
        cr_assert_eq(eig_new(&w, n, NULL), OK);
        cr_assert_eq(eig_sym(val, vec, lower, w, NULL), OK);
        eig_free(w);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                double a = 0, one = 0;
                for (size_t k = 0; k < n; k++) a += vec[i * n + k] * val[k] * vec[j * n + k];
                for (size_t k = 0; k < n; k++) one += vec[k * n + i] * vec[k * n + j];
                REF_NEAR(a, full[i * n + j], 1e-12, "size %zu, (%zu, %zu)", n, i, j);
                REF_NEAR(one, i == j ? 1.0 : 0.0, 1e-12, "orthonormal");
            }
        for (size_t k = 1; k < n; k++) cr_assert_leq(val[k - 1], val[k]);
    }
}

Test(eig, refusals)
{
    EigWork *w = NULL;
    Err e = {0};
    double a[4] = {1, 0, NAN, 2}, val[2] = {7, 7}, vec[4];
    cr_assert_eq(eig_new(&w, 0, NULL), ERR_SHAPE);
    cr_assert_eq(eig_new(&w, 30001, &e), ERR_SHAPE);
    cr_assert_str_eq(e.msg, "matrix of size 30001, want at most 30000");
    e = (Err){0};
    eig_free(NULL);
    cr_assert_eq(eig_new(&w, 2, NULL), OK);
    cr_assert_eq(eig_sym(val, vec, a, w, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "matrix entry (1, 0) = nan, want a finite number");
    cr_assert_eq(val[0], 7);
    eig_free(w);
}
