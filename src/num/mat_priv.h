/* mat_priv.h - what a library for matrix products has to offer. */
#ifndef PRIME_NUM_MAT_PRIV_H
#define PRIME_NUM_MAT_PRIV_H

#include "prime/mat.h"

/* C [m, n] = alpha op(A) op(B) + beta C, where ta, tb say that A, B are read by columns; m, n > 0. */
typedef void (*MatMul)(bool ta, bool tb, float *c, size_t ldc, const float *a, size_t lda, const float *b,
                       size_t ldb, size_t m, size_t n, size_t k, float alpha, float beta);

typedef struct {
    const char *name;
    void (*begin)(void);
    bool (*preferred)(void); /* whether "auto" takes it on this processor, when no later row is wanted */
    MatMul mul;
    const char *(*kernel)(void), *(*library)(void);
} MatBackend;

extern const MatBackend mat_openblas;
void mat_blas_mul(bool ta, bool tb, float *c, size_t ldc, const float *a, size_t lda, const float *b,
                  size_t ldb, size_t m, size_t n, size_t k, float alpha, float beta);
/* mat_blas_piece - how many of the larger of m and n mat_blas_mul takes at a time, where all of the product
 * can be taken by the kernels that read A and B where they lie; 0 where it cannot. */
size_t mat_blas_piece(bool ta, bool tb, size_t m, size_t n, size_t k);
#ifdef PRIME_ONEDNN
extern const MatBackend mat_onednn;
#endif

#endif
