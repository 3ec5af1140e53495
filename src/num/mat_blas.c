/* mat_blas.c - products by OpenBLAS. */
#include "mat_priv.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>

static blasint blas_int(size_t n)
{
    assert(n <= INT_MAX);
    return (blasint)n;
}

void mat_blas_mul(bool ta, bool tb, float *c, size_t ldc, const float *a, size_t lda, const float *b,
                  size_t ldb, size_t m, size_t n, size_t k, float alpha, float beta)
{
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, blas_int(m),
                blas_int(n), blas_int(k), alpha, a, blas_int(lda), b, blas_int(ldb), beta, c, blas_int(ldc));
}

static void blas_begin(void)
{
    openblas_set_num_threads(1);
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
