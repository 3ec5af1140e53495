/* mat.h - matrix products in float32. All matrices are row-major; `ld` is the distance between rows in
 * elements. This room alone knows which BLAS does the work. */
#ifndef PRIME_MAT_H
#define PRIME_MAT_H

#include <stddef.h>

/* mat_init - one thread per BLAS call: work is spread over rows by the caller. Call once at program start. */
void mat_init(void);

/* mat_kernel - the name of the processor kernels that the BLAS chose, for provenance. */
const char *mat_kernel(void);

/* mat_library - the BLAS that is loaded, with its version and how it was built. */
const char *mat_library(void);

/* mat_mul_nt - C [M,N] = alpha * A [M,K] * B [N,K]^T + beta * C. The shape of y = x W^T.
 * mat_mul_nn - C [M,N] = alpha * A [M,K] * B [K,N]   + beta * C. The shape of dx = dy W.
 * mat_mul_tn - C [M,N] = alpha * A [K,M]^T * B [K,N] + beta * C. The shape of dW = dy^T x.
 * Any of M, N may be 0 (nothing happens); K = 0 scales C by beta. Sizes must fit in the BLAS integer
 * (asserted). Cost: 2 M N K operations. */
void mat_mul_nt(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t m,
                size_t n, size_t k, float alpha, float beta);
void mat_mul_nn(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t m,
                size_t n, size_t k, float alpha, float beta);
void mat_mul_tn(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t m,
                size_t n, size_t k, float alpha, float beta);

#endif
