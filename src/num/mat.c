#include "mat_priv.h"

#include <stdlib.h>
#include <string.h>

static const MatBackend *const backends[] = {
    &mat_openblas,
#ifdef PRIME_ONEDNN
    &mat_onednn,
#endif
};
enum { N_BACKENDS = sizeof backends / sizeof backends[0] };

static const MatBackend *chosen = &mat_openblas;

static const MatBackend *mat_preferred(void)
{
    const MatBackend *best = backends[0];
    for (size_t i = 1; i < N_BACKENDS; i++)
        if (backends[i]->preferred()) best = backends[i];
    return best;
}

static const MatBackend *mat_named(const char *name)
{
    for (size_t i = 0; i < N_BACKENDS; i++)
        if (strcmp(backends[i]->name, name) == 0) return backends[i];
    return NULL;
}

Status mat_choose(const char *name, Err *e)
{
    const char *want = name != NULL ? name : "auto";
    const MatBackend *b = strcmp(want, "auto") == 0 ? mat_preferred() : mat_named(want);
    if (b == NULL && strcmp(want, "onednn") == 0) FAIL(e, ERR_UNSUP, "this program was built without oneDNN");
    if (b == NULL)
        FAIL(e, ERR_ARG, "no library for matrix products is called '%s', want openblas, onednn or auto",
             want);
    mat_openblas.begin(); /* serves the others, and decompositions */
    b->begin();
    chosen = b;
    return OK;
}

void mat_init(void)
{
    Err e = {0};
    if (mat_choose(getenv("PRIME_MAT"), &e) != OK && mat_choose(NULL, &e) != OK)
        return; /* NULL is always there */
}

const char *mat_backend(void)
{
    return chosen->name;
}

const char *mat_backend_at(size_t i)
{
    return i < N_BACKENDS ? backends[i]->name : NULL;
}

const char *mat_kernel(void)
{
    return chosen->kernel();
}

const char *mat_library(void)
{
    return chosen->library();
}

void mat_mul_nt(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t m,
                size_t n, size_t k, float alpha, float beta)
{
    if (m > 0 && n > 0) chosen->mul(false, true, c, ldc, a, lda, b, ldb, m, n, k, alpha, beta);
}

void mat_mul_nn(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t m,
                size_t n, size_t k, float alpha, float beta)
{
    if (m > 0 && n > 0) chosen->mul(false, false, c, ldc, a, lda, b, ldb, m, n, k, alpha, beta);
}

void mat_mul_tn(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t m,
                size_t n, size_t k, float alpha, float beta)
{
    if (m > 0 && n > 0) chosen->mul(true, false, c, ldc, a, lda, b, ldb, m, n, k, alpha, beta);
}
