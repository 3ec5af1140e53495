/* mat.h - matrix products in float32. All matrices are row-major; `ld` is the distance between rows in
 * elements. This room alone knows which library does the work: OpenBLAS, or oneDNN beside it where the
 * program was built with it. Results agree between the two to rounding (1e-6 of the sum of the products'
 * sizes), not in bits. */
#ifndef PRIME_MAT_H
#define PRIME_MAT_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>

/* mat_init - one thread per product: work is spread over rows by the caller. Takes the library that the
 * environment's PRIME_MAT names, or "auto" when it names none or one that is not there (mat_choose tells).
 * Call once at program start. */
void mat_init(void);

/* mat_choose - "openblas"; "onednn"; "auto" or NULL: oneDNN where it is built in and the processor has
 * AVX-512. Before other threads start. With oneDNN, products of few outputs (N < 32) or little work (M >= 16
 * and M N K < 2^18) still go to OpenBLAS, which needs less to begin: measured on Zen 4, it is faster there by
 * up to 3 times; a few rows (M < 16) by wide weights are up to 4 times faster with oneDNN. Errors: ERR_ARG
 * another name; ERR_UNSUP oneDNN in a program built without it. */
Status mat_choose(const char *name, Err *e) PRIME_MUST_USE;

/* mat_backend - "openblas" or "onednn": what was chosen. */
const char *mat_backend(void);

/* mat_backend_at - the names that mat_choose takes in this program, "auto" apart; NULL past the end. */
const char *mat_backend_at(size_t i);

/* mat_kernel - the name of the processor kernels that the library chose, for provenance. */
const char *mat_kernel(void);

/* mat_library - the library that is loaded, with its version and how it was built. */
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
