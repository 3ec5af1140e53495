/* evolve.h - black-box minimisers with ask and tell. The caller owns the loop and the evaluation:
 *
 *     evolve_new(&ev, "cma", &opts, e);
 *     while (evolve_view(ev).stop == EVOLVE_GOES_ON) {
 *         size_t p = evolve_popsize(ev);              restarts change it, within evolve_popsize_max
 *         evolve_ask(ev, x);                          x [p, D]
 *         ... f [p, evolve_values(ev)] ...
 *         evolve_tell(ev, x, f, e);
 *     }
 *
 * Randomness: the points of a generation are a function of the seed, the evaluations told before it and the
 * state, so asking twice gives the same points, and a state that was saved and restored goes on exactly as an
 * undisturbed run. */
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
    EVOLVE_CLIP,
    EVOLVE_SMOOTH /* search without walls, through evolve_smooth with margins of 0.05 max(1, |wall|) */
} EvolveBound;

/* What cma and its kin do about noisy values. */
typedef enum {
    EVOLVE_NOISE_NONE,
    /* Uncertainty handling: max(2, 0.3 P) points are asked for a second time, at the end of the generation.
     * The caller must really evaluate them again, not look them up. Ranks are those of both values together;
     * where they changed too much, first view.repeats rises to repeat_max, then sigma.
     * Hansen, Niederberger, Guzzella and Koumoutsakos 2009, IEEE TEC 13(1). Differs: the same fraction every
     * generation, and the repeated points are not moved. */
    EVOLVE_NOISE_REPEAT,
    /* Learning-rate adaptation: Nomura, Akimoto and Ono 2023, arXiv:2304.03473, with its constants. A
     * decomposition every generation. */
    EVOLVE_NOISE_RATE
} EvolveNoise;

typedef enum {
    EVOLVE_GOES_ON,
    EVOLVE_STOP_BUDGET,     /* the budget is spent */
    EVOLVE_STOP_TOLFUN,     /* best values of 10 + ceil(30 D/P) generations differ by less than tol_fun */
    EVOLVE_STOP_TOLX,       /* steps shorter than tol_x times the first sigma, or lost in rounding */
    EVOLVE_STOP_CONDITION,  /* squared ratio of axes reached 1e14 */
    EVOLVE_STOP_DIVERGED,   /* longest axis above 1e4 times the first sigma */
    EVOLVE_STOP_STAGNATION, /* best and median are no better than long ago: see evolve_view */
    EVOLVE_STOP_RUN         /* a small run of bipop used up its share; only ever in view.last_stop */
} EvolveStop;
const char *evolve_stop_name(EvolveStop s);

/* Zero means the default wherever 0 is no sensible value. */
typedef struct {
    size_t dim;     /* D >= 1 */
    size_t popsize; /* P; 0 = the method's own: 4 + floor(3 ln D) for cma, its kin and the controls, 1 for es,
                     * 10 D within [10, 100] for de, 24 for nsga2 and mo-cma */
    size_t popsize_max; /* restarting methods, and they want it: P to 4096, populations grow no further */
    double lo, hi;      /* the same box for every coordinate; -INFINITY and INFINITY: no box */
    const double *x0;   /* [D] start, inside the box; NULL = start_all everywhere. Read by evolve_new only */
    double start_all;
    double sigma; /* initial standard deviation, > 0, in units of x */
    uint64_t seed;
    bool elitist; /* cma: the best point of the run takes part in every generation's ranking. es, de, nsga2
                   * and mo-cma always are, random and gauss have nothing to rank */
    EvolveBound bound;
    /* A told point that was not asked for (an archive's, say) enters the update with a step of at most this
     * Mahalanobis length; 0 = sqrt(D) + 2 D / (D + 2) (Hansen 2011, arXiv:1110.4181); INFINITY = any. */
    double inject_max;
    bool positive;     /* cma: no negative weights */
    EvolveNoise noise; /* cma and its kin */
    size_t repeat_max; /* with EVOLVE_NOISE_REPEAT: the most view.repeats asks for; 0 = 1 */
    size_t budget;     /* evaluations; the generation that reaches it is the last one; 0 = none */
    size_t restarts;   /* of the restarting methods, at most; 0 = any number */
    double tol_fun;    /* 0 = 1e-12 */
    double tol_x;      /* 0 = 1e-12 */
    size_t n_obj;      /* M: 2 to 6 for nsga2 and mo-cma; 0 or 1 for all others */
    size_t n_limits;   /* 0 to 8, methods of one objective: a point's row of values is f, g_1 .. g_n, and */
    const double
        *limit; /* [n_limits] the best f with every g_j <= limit[j] is sought. Read by evolve_new only */
} EvolveOpts;

/* One row per optimiser. */
typedef struct {
    const char *name, *what, *source;
    const struct EvolveOps *ops;
    bool adapts, diagonal;
    bool many; /* returns a front: n_obj >= 2 */
    enum { EVOLVE_ONE_RUN, EVOLVE_IPOP, EVOLVE_BIPOP } restart;
} EvolveMethod;
const EvolveMethod *evolve_method_at(size_t i); /* NULL past the end */

/* evolve_new - an optimiser by the name of its method.
 *
 * - cma: full covariance with negative weights
 * - cma-diag: separable, O(D) a point, for thousands of weights
 * - cma-ipop, cma-bipop, cma-diag-ipop, cma-diag-bipop: the same, started again inside tell when a run stops,
 *   with twice the population (Auger and Hansen 2005), or with large and small populations in turn (Hansen
 *   2009). A new run starts uniformly in a finite box, otherwise at x0
 * - es: one parent, one child, one-fifth success rule (P = 1; the first point asked for is x0)
 * - de: differential evolution, rand/1/bin (P >= 4; the first generation is x0 and uniform points of the box,
 *   normal ones where it is not finite)
 * - random, gauss: uniform in the box; N(start, sigma^2), never adapted: the controls
 * - nsga2, mo-cma: several objectives; the first generation as for de. nsga2 wants a finite box
 *
 * Errors: ERR_ARG unknown method, or an option out of range (named with value and bound); ERR_UNSUP an option
 * that the method does not have, or two that do not go together; ERR_NOMEM.
 *
 * Source: Hansen 2016, The CMA Evolution Strategy: A Tutorial, arXiv:1604.00772, Table 1 and Fig. 6;
 * separable: Ros and Hansen 2008 (rates times (D + 2)/3, positive weights only); limits: Deb 2000, An
 * efficient constraint handling method (feasible before infeasible, then f, else the summed excess).
 *
 * Differs: coordinates are repaired into the box and the repaired point is what the update sees (but for
 * EVOLVE_SMOOTH), never with a negative weight; sigma is kept below the box's width and above 1e-20 of its
 * start; eigenvalues below 1e-14 of the largest are lifted to it. */
Status evolve_new(Evolver **ev, const char *method, const EvolveOpts *o, Err *e) PRIME_MUST_USE;
void evolve_free(Evolver *ev); /* accepts NULL */

size_t evolve_dim(const Evolver *ev);
/* evolve_popsize - points of the coming generation, repeated ones included. evolve_popsize_max - the most
 * that any generation will have: room for that many is room for all. */
size_t evolve_popsize(const Evolver *ev);
size_t evolve_popsize_max(const Evolver *ev);
/* evolve_values - values a point: n_obj, or 1 + n_limits. */
size_t evolve_values(const Evolver *ev);

/* evolve_ask - the P points of the coming generation into x [P, D], all inside the box. */
void evolve_ask(Evolver *ev, double *x);

/* evolve_tell - P points x [P, D] and their values f [P, values], all to be minimised. Points need not be
 * those that were asked for. +INFINITY ranks last (methods of one objective); equal values rank in index
 * order. On failure the state is unchanged.
 * Errors: ERR_NUM a value is NaN or -INFINITY (infinite at all for several objectives), or x is not finite,
 * or the covariance cannot be decomposed; ERR_ARG x outside the box, or a repeated point is not what it
 * repeats; ERR_NOMEM. Cost, cma: O(P D^2), and O(D^3) in every max(1, 1/(10 D (c1 + cmu)))-th generation;
 * separable O(P D); nsga2 O(P^2 M); mo-cma O(P D^2), and for M > 2 at most O(P^3 M) for the volumes. */
Status evolve_tell(Evolver *ev, const double *x, const double *f, Err *e) PRIME_MUST_USE;

/* What is inside; pointers are borrowed until the next tell. stop: the first reason that was met stays; the
 * caller may go on all the same. Stagnation: every eighth generation, over the last fifth of the run, at
 * least 120 + ceil(30 D/P) and at most 20000 generations, the medians of the last 30 % of the best values and
 * of the median values are no better than those of the first 30 %. Generations whose best point breaks a
 * limit do not count for stops by value. */
typedef struct {
    size_t generation, evaluations;
    double sigma;
    const double *mean;                /* [D]; before evolve_smooth. The parent of es. NULL: there is none */
    const double *path_sigma, *path_c; /* [D] or NULL */
    const double *cov;          /* [D, D], or [D] for separable; NULL for methods that do not adapt it */
    const double *best;         /* [D] best point told so far; NULL before the first tell, or M > 1 */
    double best_f;              /* INFINITY before the first tell */
    double best_excess;         /* sum of max(0, g_j - limit_j) at the best point */
    EvolveStop stop, last_stop; /* of the search; why the latest run before this one ended */
    size_t restarts;
    double noise;   /* EVOLVE_NOISE_REPEAT: s of the latest generation; > 0: noise decides ranks */
    size_t repeats; /* evaluations to average for one value, at least 1 */
    double rate_mean, rate_cov; /* EVOLVE_NOISE_RATE: in (0, 1]; 1 otherwise */
} EvolveView;
EvolveView evolve_view(const Evolver *ev);

/* evolve_front - nsga2, mo-cma: the non-dominated points of the population, without repeated rows, into x
 * [P, D] and f [P, M]; returns how many, at most P. Other methods: the best point and its value. */
size_t evolve_front(const Evolver *ev, double *x, double *f);

/* evolve_save - append the whole state to out (out->failed when memory is out). Bytes are of this machine's
 * order. evolve_restore - the state back. Errors: ERR_FORMAT not such a state, cut short, or with values that
 * cannot be (named); ERR_NOMEM. */
void evolve_save(const Evolver *ev, Str *out);
Status evolve_restore(Evolver **ev, const void *data, size_t n, Err *e) PRIME_MUST_USE;

/* evolve_repair - x back into [lo, hi]. Reference: fixtures/ref/evolve/bounds.csv. */
double evolve_repair(double x, double lo, double hi, EvolveBound bound);
/* evolve_smooth - a periodic map of the line onto [lo, hi] with a continuous slope: the identity further than
 * the margins away from the walls, parabolas at them. Margins in (0, (hi - lo)/2]. evolve_unsmooth - for y
 * in [lo, hi] the x in [lo - margin_lo, hi + margin_hi] that gives y.
 * Source: pycma's BoundTransform and c-cmaes' boundary_transformation, which differ in the margins.
 * Reference: fixtures/ref/evolve/bounds.csv. */
double evolve_smooth(double x, double lo, double hi, double margin_lo, double margin_hi);
double evolve_unsmooth(double y, double lo, double hi, double margin_lo, double margin_hi);

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
