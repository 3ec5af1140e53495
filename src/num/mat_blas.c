/* mat_blas.c - products by OpenBLAS. */
#include "mat_priv.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <string.h>

static blasint blas_int(size_t n)
{
    assert(n <= INT_MAX);
    return (blasint)n;
}

/* For AVX-512 OpenBLAS has kernels that read A and B where they lie, for products of at most a million
 * multiply-adds; for A B^T of at most 1,200 results, each a sum of 32 or more. They are up to three times as
 * fast as copying A and B first where the sums are long and one side is narrow, as in the products of
 * adapters. */
enum { SMALL_WORK = 1000000, SMALL_RESULTS = 1200, SMALL_SUM = 32, LONG_SUM = 96, SMALL_STEP = 16 };
static bool has_small;

static bool small_whole(bool tb, size_t m, size_t n, size_t k)
{
    return m * n * k <= SMALL_WORK && (!tb || m * n <= SMALL_RESULTS);
}

size_t mat_blas_piece(bool ta, bool tb, size_t m, size_t n, size_t k)
{
    size_t across = m < n ? m : n, along = m < n ? n : m;
    if (!has_small || (ta && tb) || (tb && k < SMALL_SUM)) return 0;
    if (small_whole(tb, m, n, k)) return along;
    if (tb && k < LONG_SUM) return 0;
    size_t most = SMALL_WORK / (across * k), few = SMALL_RESULTS / across;
    return (tb && few < most ? few : most) / SMALL_STEP * SMALL_STEP;
}

static void blas_mul(bool ta, bool tb, float *c, size_t ldc, const float *a, size_t lda, const float *b,
                     size_t ldb, size_t m, size_t n, size_t k, float alpha, float beta)
{
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, blas_int(m),
                blas_int(n), blas_int(k), alpha, a, blas_int(lda), b, blas_int(ldb), beta, c, blas_int(ldc));
}

void mat_blas_mul(bool ta, bool tb, float *c, size_t ldc, const float *a, size_t lda, const float *b,
                  size_t ldb, size_t m, size_t n, size_t k, float alpha, float beta)
{
    size_t along = m < n ? n : m, piece = mat_blas_piece(ta, tb, m, n, k);
    if (piece == 0) piece = along;
    for (size_t at = 0; at < along; at += piece) {
        size_t some = along - at < piece ? along - at : piece;
        if (m < n)
            blas_mul(ta, tb, c + at, ldc, a, lda, b + at * (tb ? ldb : 1), ldb, m, some, k, alpha, beta);
        else
            blas_mul(ta, tb, c + at * ldc, ldc, a + at * (ta ? 1 : lda), lda, b, ldb, some, n, k, alpha,
                     beta);
    }
}

static void blas_begin(void)
{
    static const char *const with[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};
    openblas_set_num_threads(1);
    has_small = false;
    for (size_t i = 0; i < sizeof with / sizeof with[0]; i++)
        has_small |= strcmp(openblas_get_corename(), with[i]) == 0;
}

static bool blas_preferred(void)
{
    return true;
}

static const char *blas_kernel(void)
{
    return openblas_get_corename();
}

static const char *blas_library(void)
{
    return openblas_get_config();
}

const MatBackend mat_openblas = {.name = "openblas",
                                 .begin = blas_begin,
                                 .preferred = blas_preferred,
                                 .mul = mat_blas_mul,
                                 .kernel = blas_kernel,
                                 .library = blas_library};
