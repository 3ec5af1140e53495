/* eig.h - eigenvalues and eigenvectors of symmetric matrices in double (GSL below size 32, LAPACK's dsyevd
 * from there on). */
#ifndef PRIME_EIG_H
#define PRIME_EIG_H

#include "prime/err.h"

#include <stddef.h>

/* Workspace for n x n matrices, so that repeated decompositions allocate nothing. */
typedef struct EigWork EigWork;
/* Errors: ERR_SHAPE n is 0 or above 30000; ERR_NOMEM. */
Status eig_new(EigWork **w, size_t n, Err *e) PRIME_MUST_USE;
void eig_free(EigWork *w); /* accepts NULL */

/* eig_sym - a = vec diag(val) vec^T.
 *   val [n]     ascending
 *   vec [n, n]  column j belongs to val[j], orthonormal
 *   a   [n, n]  symmetric, only the lower triangle is read; not changed
 * Errors: ERR_NUM an entry is not finite, or no convergence.
 * Cost: about 9 n^3, about 4 n^3 from 96 on. */
Status eig_sym(double *val, double *vec, const double *a, EigWork *w, Err *e) PRIME_MUST_USE;

#endif
