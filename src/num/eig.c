#include "prime/eig.h"

#include "num_priv.h"

#include <gsl/gsl_eigen.h>
#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct EigWork {
    size_t n;
    gsl_eigen_symmv_workspace *gsl;
    gsl_matrix *a; /* GSL destroys its input */
};

Status eig_new(EigWork **w, size_t n, Err *e)
{
    if (n == 0) FAIL(e, ERR_SHAPE, "matrix of size 0, want at least 1");
    num_gsl();
    EigWork *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->n = n;
        made->gsl = gsl_eigen_symmv_alloc(n);
        made->a = gsl_matrix_alloc(n, n);
    }
    if (made == NULL || made->gsl == NULL || made->a == NULL) {
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
    free(w);
}

Status eig_sym(double *val, double *vec, const double *a, EigWork *w, Err *e)
{
    size_t n = w->n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            if (!isfinite(a[i * n + j]))
                FAIL(e, ERR_NUM, "matrix entry (%zu, %zu) = %g, want a finite number", i, j, a[i * n + j]);
    memcpy(w->a->data, a, n * n * sizeof *a);
    gsl_vector_view values = gsl_vector_view_array(val, n);
    gsl_matrix_view vectors = gsl_matrix_view_array(vec, n, n);
    int code = gsl_eigen_symmv(w->a, &values.vector, &vectors.matrix, w->gsl);
    if (code == GSL_SUCCESS)
        code = gsl_eigen_symmv_sort(&values.vector, &vectors.matrix, GSL_EIGEN_SORT_VAL_ASC);
    if (code != GSL_SUCCESS) FAIL(e, ERR_NUM, "eigenvalues of size %zu: %s", n, gsl_strerror(code));
    return OK;
}
