/* evolve.h - black-box minimisers with ask and tell. The caller owns the loop and the evaluation:
 *
 *     evolve_new(&ev, "cma", &opts, e);
 *     for (...) { evolve_ask(ev, x); f = ...; evolve_tell(ev, x, f, e); }
 *
 * Randomness: the points of generation g are a function of (seed, g) and the state, so asking twice gives the
 * same points, and a state that was saved and restored goes on exactly as an undisturbed run. */
#ifndef PRIME_EVOLVE_H
#define PRIME_EVOLVE_H

#include "prime/err.h"
#include "prime/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Evolver Evolver;

typedef enum {
    EVOLVE_REFLECT, /* fold back at both walls as often as needed */
    EVOLVE_BOUNCE,  /* reflect once, then clip (nevergrad's "bouncing") */
    EVOLVE_CLIP
} EvolveBound;

typedef struct {
    size_t dim;       /* D >= 1 */
    size_t popsize;   /* P >= 2; 0 = 4 + floor(3 ln D) */
    double lo, hi;    /* the same box for every coordinate; -INFINITY and INFINITY: no box */
    const double *x0; /* [D] start, inside the box; NULL = start_all everywhere. Read by evolve_new only */
    double start_all;
    double sigma; /* initial standard deviation, > 0, in units of x */
    uint64_t seed;
    bool elitist; /* the best point so far takes part in every generation's ranking */
    EvolveBound bound;
    /* A told point that was not asked for (an archive's, say) enters the update with a step of at most this
     * Mahalanobis length; 0 = sqrt(D) + 2 D / (D + 2) (Hansen 2011, arXiv:1110.4181); INFINITY = any. */
    double inject_max;
} EvolveOpts;

/* One row per optimiser. */
typedef struct {
    const char *name, *what, *source;
    bool adapts, diagonal;
    void (*sample)(Evolver *ev, double *x, size_t k); /* x [D], candidate k, before the box */
} EvolveMethod;
const EvolveMethod *evolve_method_at(size_t i); /* NULL past the end */

/* evolve_new - methods: cma (full covariance with negative weights), cma-diag (separable), random (uniform
 * in the box), gauss (N(start, sigma^2), never adapted: the control that only attenuates).
 * Errors: ERR_ARG unknown method, or an option out of range (named with value and bound); ERR_NOMEM.
 * Source: Hansen 2016, The CMA Evolution Strategy: A Tutorial, arXiv:1604.00772, Table 1 and Fig. 6;
 * separable: Ros and Hansen 2008 (rates times (D + 2)/3, positive weights only).
 * Differs: coordinates are repaired into the box and the repaired point is what the update sees; sigma is
 * kept below the box's width and above 1e-20 of its start; eigenvalues below 1e-14 of the largest are lifted
 * to it. */
Status evolve_new(Evolver **ev, const char *method, const EvolveOpts *o, Err *e) PRIME_MUST_USE;
void evolve_free(Evolver *ev); /* accepts NULL */

size_t evolve_dim(const Evolver *ev);
size_t evolve_popsize(const Evolver *ev);

/* evolve_ask - the P points of the coming generation into x [P, D], all inside the box. */
void evolve_ask(Evolver *ev, double *x);

/* evolve_tell - P points x [P, D] and their values f [P], to be minimised. Points need not be those that were
 * asked for. +INFINITY ranks last; equal values rank in index order. On failure the state is unchanged.
 * Errors: ERR_NUM f is NaN or -INFINITY, or x is not finite; ERR_ARG x outside the box.
 * Cost: O(P D^2), and O(D^3) in every max(1, 1/(10 D (c1 + cmu)))-th generation. */
Status evolve_tell(Evolver *ev, const double *x, const double *f, Err *e) PRIME_MUST_USE;

/* What is inside; pointers are borrowed until the next tell. */
typedef struct {
    size_t generation, evaluations;
    double sigma;
    const double *mean;                /* [D] */
    const double *path_sigma, *path_c; /* [D] */
    const double *cov;                 /* [D, D], or [D] for cma-diag; NULL for methods that do not adapt */
    const double *best;                /* [D] best point told so far; NULL before the first tell */
    double best_f;                     /* INFINITY before the first tell */
} EvolveView;
EvolveView evolve_view(const Evolver *ev);

/* evolve_save - append the whole state to out (out->failed when memory is out). Bytes are of this machine's
 * order. evolve_restore - the state back. Errors: ERR_FORMAT not such a state, cut short, or with values that
 * cannot be (named); ERR_NOMEM. */
void evolve_save(const Evolver *ev, Str *out);
Status evolve_restore(Evolver **ev, const void *data, size_t n, Err *e) PRIME_MUST_USE;

/* evolve_repair - x back into [lo, hi]. Reference: fixtures/ref/evolve/bounds.csv. */
double evolve_repair(double x, double lo, double hi, EvolveBound bound);

/* Constants of the update for dimension dim and population popsize. */
typedef struct {
    size_t mu;
    double mueff, c_sigma, d_sigma, c_c, c_1, c_mu, chi;
} EvolveParams;
/* evolve_params - weights [popsize], positive ones summing to 1; negative ones are 0 when diagonal.
 * Reference: fixtures/ref/evolve/strategy_params.csv. */
EvolveParams evolve_params(double *weights, size_t dim, size_t popsize, bool diagonal);

/* Settings by name. "prime-paper" is what PriME's released code runs: separable, elitist, P = 4 + floor(ln
 * D), start at 0 (the base model), standard deviation 0.238 (0.119 from D = 18 on), box [-1.5, 1.5],
 * bouncing. "prime" is the default here, for 20 to 400 evaluations: full covariance, P = 4 + floor(ln D),
 * start at the uniform merge 1/K, standard deviation 0.24 (0.12 from D = 18 on), not elitist. Why: on
 * quadratic merge problems (15 seeds of pycma) the uniform start with the small step had the least error at
 * 50, 100 and 200 evaluations in 3, 24 and 96 dimensions, for both merge operators; the step size mattered
 * most, then the small population; elitism helped on exact values and locked in lucky draws on noisy ones,
 * and a small search split is a noisy judge. */
typedef struct {
    const char *name, *method, *what, *source;
    bool elitist, uniform_start;
    EvolveBound bound;
    double sigma, sigma_large; /* below 18 dimensions, and from there on */
} EvolvePreset;
const EvolvePreset *evolve_preset_at(size_t i); /* NULL past the end */
/* evolve_preset - fill o and *method for dim weights over n_anchors anchors; seed 0, to be set by the caller.
 * Errors: ERR_ARG unknown name, dim or n_anchors 0. */
Status evolve_preset(EvolveOpts *o, const char **method, const char *name, size_t dim, size_t n_anchors,
                     Err *e) PRIME_MUST_USE;

#endif
