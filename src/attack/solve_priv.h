/* solve_priv.h - small least-squares problems and folds of people. */
#ifndef PRIME_SOLVE_PRIV_H
#define PRIME_SOLVE_PRIV_H

#include "prime/eig.h"

#include <stdint.h>

/* A symmetric system g x = b of order n, solved through eigenvectors: directions below 1e-12 of the largest
 * eigenvalue are left out, which gives the shortest solution. */
typedef struct {
    size_t n;
    EigWork *eig;
    double *val, *vec;
} Solver;
Status solver_open(Solver *s, size_t n, Err *e) PRIME_MUST_USE;
void solver_close(Solver *s); /* accepts a half-open one */
/* solver_run - x [n] from g [n, n] and b [n]; *rank (may be NULL) is the number of directions kept. Errors:
 * ERR_NUM. */
Status solver_run(double *x, size_t *rank, Solver *s, const double *g, const double *b,
                  Err *e) PRIME_MUST_USE;

/* people_folds - fold [n_people]: a shuffled deal into `folds` hands, stream (seed, label, 0). Errors:
 * ERR_NOMEM.
 */
Status people_folds(size_t *fold, size_t n_people, size_t folds, uint64_t seed, const char *label,
                    Err *e) PRIME_MUST_USE;

#endif
