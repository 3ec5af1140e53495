/* evolve_priv.h - the state of an optimiser. */
#ifndef PRIME_EVOLVE_PRIV_H
#define PRIME_EVOLVE_PRIV_H

#include "prime/eig.h"
#include "prime/evolve.h"

/* What is saved besides the numbers in `all`; plain data of fixed width. */
typedef struct {
    uint64_t magic, dim, popsize, seed, method, elitist, bound, has_best;
    uint64_t generation, evaluations, eig_generation;
    double lo, hi, start_sigma, inject_max, sigma, best_f;
} EvolveHead;

struct Evolver {
    const EvolveMethod *method;
    EvolveHead h;
    EvolveParams p;
    /* One block, saved as it is: mean, ps, pc, dev, best [D] each, then cov and basis. */
    double *all;
    size_t n_all;
    double *mean, *ps, *pc, *best;
    double *dev;   /* standard deviations along the axes of basis */
    double *cov;   /* [D, D]; [D] when diagonal */
    double *basis; /* [D, D] columns; NULL when diagonal */
    /* Scratch. */
    double *copy;         /* [n_all] what a failed update goes back to */
    double *weights;      /* [P] */
    double *asked;        /* [P, D] */
    double *step;         /* [P, D] (x - mean)/sigma, best first */
    double *t1, *t2, *t3; /* [D] */
    size_t *order;        /* [P] */
    EigWork *eig;
};

/* cma_sample - candidate k of the coming generation before the box; uses t1. */
void cma_sample(Evolver *ev, double *x, size_t k);
/* cma_update - mean, paths, covariance and step size from the ranked steps. On failure (the covariance cannot
 * be decomposed) the state is broken: evolve_tell restores its copy. */
Status cma_update(Evolver *ev, Err *e) PRIME_MUST_USE;
/* cma_length - Mahalanobis length of a step y [D]; uses t1. */
double cma_length(Evolver *ev, const double *y);

#endif
