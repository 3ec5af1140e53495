#include "prime/mat.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>

void mat_init(void)
{
    openblas_set_num_threads(1);
}

const char *mat_kernel(void)
{
    return openblas_get_corename();
}

const char *mat_library(void)
{
    return openblas_get_config();
}

static blasint mat_int(size_t n)
{
    assert(n <= INT_MAX);
    return (blasint)n;
}

static void mat_mul(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, float *c, size_t ldc, const float *a, size_t lda,
                    const float *b, size_t ldb, size_t m, size_t n, size_t k, float alpha, float beta)
{
    if (m == 0 || n == 0) return;
    cblas_sgemm(CblasRowMajor, ta, tb, mat_int(m), mat_int(n), mat_int(k), alpha, a, mat_int(lda), b,
                mat_int(ldb), beta, c, mat_int(ldc));
}

void mat_mul_nt(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t m,
                size_t n, size_t k, float alpha, float beta)
{
    mat_mul(CblasNoTrans, CblasTrans, c, ldc, a, lda, b, ldb, m, n, k, alpha, beta);
}

void mat_mul_nn(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t m,
                size_t n, size_t k, float alpha, float beta)
{
    mat_mul(CblasNoTrans, CblasNoTrans, c, ldc, a, lda, b, ldb, m, n, k, alpha, beta);
}

void mat_mul_tn(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t m,
                size_t n, size_t k, float alpha, float beta)
{
    mat_mul(CblasTrans, CblasNoTrans, c, ldc, a, lda, b, ldb, m, n, k, alpha, beta);
}
