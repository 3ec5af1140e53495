/* eig.c - small matrices go to GSL, whose plain loops start at once, larger ones to LAPACK, whose divide and
 * conquer is twice as fast at 96. */
#include "prime/eig.h"

#include "num_priv.h"

#include <gsl/gsl_eigen.h>
#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* LAPACK as OpenBLAS brings it: Fortran's interface, with the lengths of the texts behind the arguments. */
extern void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
                    double *work, const int *lwork, int *iwork, const int *liwork, int *info, size_t len_jobz,
                    size_t len_uplo);

enum { EIG_LAPACK = 32, EIG_LARGEST = 30000 }; /* from here on LAPACK; up to here 2 n^2 fits an int */

struct EigWork {
    size_t n;
    gsl_matrix *a; /* [n, n]: both destroy their input */
    gsl_eigen_symmv_workspace *gsl;
    double *val, *work; /* LAPACK's */
    int *iwork, lwork, liwork;
};

/* What LAPACK asks for, and no less than it documents: 1 + 6 n + 2 n^2 and 3 + 5 n. */
static bool eig_lapack_new(EigWork *w)
{
    int n = (int)w->n, ask = -1, info = 0, ineed = 0;
    double need = 0, least = 1 + 6 * (double)n + 2 * (double)n * n;
    dsyevd_("V", "U", &n, NULL, &n, NULL, &need, &ask, &ineed, &ask, &info, 1, 1);
    w->lwork = (int)fmax(need, least);
    w->liwork = ineed > 3 + 5 * n ? ineed : 3 + 5 * n;
    w->val = malloc(w->n * sizeof *w->val);
    w->work = malloc((size_t)w->lwork * sizeof *w->work);
    w->iwork = malloc((size_t)w->liwork * sizeof *w->iwork);
    return w->val != NULL && w->work != NULL && w->iwork != NULL;
}

static bool eig_gsl_new(EigWork *w)
{
    w->gsl = gsl_eigen_symmv_alloc(w->n);
    return w->gsl != NULL;
}

Status eig_new(EigWork **w, size_t n, Err *e)
{
    if (n == 0) FAIL(e, ERR_SHAPE, "matrix of size 0, want at least 1");
    if (n > EIG_LARGEST) FAIL(e, ERR_SHAPE, "matrix of size %zu, want at most %d", n, (int)EIG_LARGEST);
    num_gsl();
    EigWork *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->n = n;
        made->a = gsl_matrix_alloc(n, n);
    }
    if (made == NULL || made->a == NULL || !(n < EIG_LAPACK ? eig_gsl_new : eig_lapack_new)(made)) {
        eig_free(made);
        FAIL(e, ERR_NOMEM, "no memory to decompose a matrix of size %zu", n);
    }
    *w = made;
    return OK;
}

void eig_free(EigWork *w)
{
    if (w == NULL) return;
    if (w->gsl != NULL) gsl_eigen_symmv_free(w->gsl);
    if (w->a != NULL) gsl_matrix_free(w->a);
    free(w->val);
    free(w->work);
    free(w->iwork);
    free(w);
}

static Status eig_gsl(double *val, double *vec, EigWork *w, Err *e)
{
    gsl_vector_view values = gsl_vector_view_array(val, w->n);
    gsl_matrix_view vectors = gsl_matrix_view_array(vec, w->n, w->n);
    int code = gsl_eigen_symmv(w->a, &values.vector, &vectors.matrix, w->gsl);
    if (code == GSL_SUCCESS)
        code = gsl_eigen_symmv_sort(&values.vector, &vectors.matrix, GSL_EIGEN_SORT_VAL_ASC);
    if (code != GSL_SUCCESS) FAIL(e, ERR_NUM, "eigenvalues of size %zu: %s", w->n, gsl_strerror(code));
    return OK;
}

/* Rows are columns there: our lower triangle is its upper one, and its vectors come as our rows. */
static Status eig_lapack(double *val, double *vec, EigWork *w, Err *e)
{
    int n = (int)w->n, info = 0;
    double *a = w->a->data;
    dsyevd_("V", "U", &n, a, &n, w->val, w->work, &w->lwork, w->iwork, &w->liwork, &info, 1, 1);
    if (info != 0) FAIL(e, ERR_NUM, "eigenvalues of size %zu: no convergence (%d)", w->n, info);
    memcpy(val, w->val, w->n * sizeof *val);
    for (size_t i = 0; i < w->n; i++)
        for (size_t j = 0; j < w->n; j++) vec[i * w->n + j] = a[j * w->n + i];
    return OK;
}

Status eig_sym(double *val, double *vec, const double *a, EigWork *w, Err *e)
{
    size_t n = w->n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            if (!isfinite(a[i * n + j]))
                FAIL(e, ERR_NUM, "matrix entry (%zu, %zu) = %g, want a finite number", i, j, a[i * n + j]);
    memcpy(w->a->data, a, n * n * sizeof *a);
    return (w->gsl != NULL ? eig_gsl : eig_lapack)(val, vec, w, e);
}
