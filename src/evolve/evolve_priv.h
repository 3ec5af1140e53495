/* evolve_priv.h - the state of an optimiser, and what a method is made of. */
#ifndef PRIME_EVOLVE_PRIV_H
#define PRIME_EVOLVE_PRIV_H

#include "prime/eig.h"
#include "prime/evolve.h"

enum { EVOLVE_MAX_DIM = 1 << 14, EVOLVE_MAX_POP = 1 << 12, EVOLVE_MAX_LIMITS = 8, EVOLVE_MAX_OBJ = 6 };
enum { EVOLVE_MAX_WINDOW = 20000 };

/* What is saved besides the numbers in `all` and the history; plain data of fixed width. */
typedef struct {
    uint64_t magic, dim, popsize, seed, method, elitist, bound, has_best;
    uint64_t generation, evaluations, eig_generation;
    double lo, hi, start_sigma, inject_max, sigma, best_f;
    uint64_t n_obj, n_limits, positive, noise, repeat_max, budget, restarts_max, stop, last_stop;
    double tol_fun, tol_x, best_excess, limit[EVOLVE_MAX_LIMITS];
    /* The run: when it began, its elite, what was recorded of it. */
    uint64_t run_generation, run_evaluations, has_elite, n_hist;
    double elite_f, elite_excess;
    /* Restarts: candidates a generation now, at first and in the latest large run; evaluations of both kinds.
     */
    uint64_t lam, lam_max, lam_first, lam_large, restarts, small, used_small, used_large, large_last,
        run_budget;
    double sigma_first;
    /* Noise. */
    double noise_s, repeats, v_mean, v_cov, rate_mean, rate_cov;
} EvolveHead;

struct Evolver {
    const EvolveMethod *method;
    EvolveHead h;
    EvolveParams p;
    /* One block, saved as it is. Every method: start and best [D]. The rest is the method's. */
    double *all;
    size_t n_all;
    double *start, *best;
    double *mean, *ps, *pc, *elite;
    double *dev;            /* standard deviations along the axes of basis */
    double *cov;            /* [D, D]; [D] when diagonal */
    double *basis;          /* [D, D] columns; NULL when diagonal */
    double *e_mean, *e_cov; /* learning rates: moving averages [D] and as cov */
    double *pop, *val;      /* [P, D] and [P, values]: de, nsga2, mo-cma */
    double *rank, *crowd;   /* nsga2: [P] of the parents */
    double *strat;          /* mo-cma: [P, 2 + D + D D] sigma, success rate, path, Cholesky factor */
    /* The best and median value of every generation of the run, pairs; older ones are dropped. */
    double *hist;
    size_t cap_hist;
    /* Scratch. */
    double *copy;         /* [n_all] what a failed update goes back to */
    double *rate_work;    /* 4 times cov */
    double *rank_work;    /* [2, P] */
    double sigma_old;     /* before the update */
    double *weights;      /* [P] */
    double *asked, *raw;  /* [P, D] as asked for, and before the box (they are one but for EVOLVE_SMOOTH) */
    bool *bent;           /* [P] whether the box moved it (not EVOLVE_SMOOTH) */
    double *used;         /* [P] weights in the covariance, by rank */
    bool fresh;           /* asked holds the coming generation */
    double *step;         /* [P, D] (x - mean)/sigma, best first */
    double *t1, *t2, *t3; /* [D] */
    double *fit, *excess; /* [P] */
    size_t *order;        /* [P] */
    double *moo;          /* nsga2, mo-cma: see moo_work */
    size_t *moo_index;
    bool *stays; /* [2, P] */
    EigWork *eig;
};

/* A method. Functions that are NULL do nothing; cells and sample and update are always there. */
typedef struct EvolveOps {
    size_t (*popsize)(size_t dim); /* the default */
    size_t least;                  /* smallest population */
    bool noisy, box, runs;         /* takes noise handling; wants a finite box; ranks candidates in runs */
    /* cells - doubles of state behind start and best. layout - pointers into them. */
    size_t (*cells)(const EvolveHead *h);
    void (*layout)(Evolver *ev, double *at);
    void (*start)(Evolver *ev);
    /* sample - candidate k of the coming generation before the box, x [D]. */
    void (*sample)(Evolver *ev, double *x, size_t k);
    /* update - the state after x [P, D] and f [P, values]; order, fit and excess are filled. On failure the
     * state may be broken: evolve_tell goes back to its copy. */
    Status (*update)(Evolver *ev, const double *x, const double *f, Err *e);
    /* sound - whether restored numbers can be a state. */
    Status (*sound)(const Evolver *ev, Err *e);
} EvolveOps;

extern const EvolveOps cma_ops, gauss_ops, random_ops, es_ops, de_ops, nsga_ops, mocma_ops;

/* ---- evolve.c, build.c ---- */
/* evolver_less - whether (excess a, value fa) comes before b's. */
bool evolver_less(double excess_a, double fa, double excess_b, double fb);
/* evolver_box - search space to x; evolver_unbox - back. */
double evolver_box(const Evolver *ev, double x);
double evolver_unbox(const Evolver *ev, double x);
/* evolver_point - row k of what was told, in the search space, into y [D]; returns whether it was asked for.
 */
bool evolver_point(const Evolver *ev, double *y, const double *x, size_t k);
/* evolver_scatter - a starting population: row 0 the start, others uniform in a finite box, else normal. */
void evolver_scatter(Evolver *ev, double *x, size_t k);
/* evolver_make - an evolver with room for everything and the constants in place, from a head that was
 * checked. evolver_room - the arrays that depend on the population; old ones are replaced, or kept on
 * failure. */
Status evolver_make(Evolver **out, const EvolveHead *h, Err *e) PRIME_MUST_USE;
Status evolver_room(Evolver *ev, size_t popsize, size_t lam, Err *e) PRIME_MUST_USE;
size_t evolver_cells(const EvolveHead *h);
size_t evolve_default_pop(size_t dim);
size_t evolve_repeats(size_t lam, uint64_t noise);

/* ---- options.c ---- */
extern const uint64_t evolve_magic;
Status evolve_head_fill(EvolveHead *h, const char *method, const EvolveOpts *o, Err *e) PRIME_MUST_USE;
/* evolve_head_check - ranges of everything but the start; also what a restored head must satisfy. */
Status evolve_head_check(const EvolveHead *h, Err *e) PRIME_MUST_USE;

/* ---- controls.c ---- */
/* uniform_update - count a generation. evolver_finite - ERR_FORMAT where a number of `all` is not finite. */
Status uniform_update(Evolver *ev, const double *x, const double *f, Err *e) PRIME_MUST_USE;
Status evolver_finite(const Evolver *ev, Err *e) PRIME_MUST_USE;

/* ---- cma.c ---- */
/* cma_sample - uses t1. cma_start - mean at ev->start, unit covariance. */
void cma_sample(Evolver *ev, double *x, size_t k);
void cma_start(Evolver *ev);
/* cma_length - Mahalanobis length of a step y [D]; uses t1. */
double cma_length(Evolver *ev, const double *y);
size_t cma_cov_cells(const EvolveHead *h);
/* cma_axes - dev and basis from cov. */
Status cma_axes(Evolver *ev, Err *e) PRIME_MUST_USE;

/* ---- noise.c ---- */
/* noise_rank - order from both values of the repeated points; sets noise_s and repeats; returns the factor
 * for sigma. noise_rate - shorten the update from ev->copy to ev->all by the adapted rates. */
double noise_rank(Evolver *ev);
Status noise_rate(Evolver *ev, Err *e) PRIME_MUST_USE;

/* ---- restart.c ---- */
/* stop_reserve - room for one more generation in the history. stop_record - push best and median.
 * stop_test - why the run ends now. */
Status stop_reserve(Evolver *ev, Err *e) PRIME_MUST_USE;
void stop_record(Evolver *ev);
EvolveStop stop_test(const Evolver *ev);
/* restart_step - after an update: set stop, or begin another run. Fails only before anything is changed. */
Status restart_step(Evolver *ev, Err *e) PRIME_MUST_USE;

/* ---- moo.c ---- */
size_t moo_popsize(size_t dim);
size_t moo_cells(const EvolveHead *h);
void moo_layout(Evolver *ev, double *at);
size_t moo_work(size_t n, size_t m);
/* moo_crowding - out [i] for i in idx [n], the points of one front: crowding distance. */
Status moo_crowding(double *out, const double *pts, const size_t *idx, size_t n, size_t m, double *work,
                    Err *e) PRIME_MUST_USE;
/* moo_select - stays [2 P]: the P of old (first) and told values that go on: front after front; of the one
 * that does not fit as a whole the least crowded ones, or, with volume, what is left when the point with the
 * least hypervolume of its own is taken away again and again. */
Status moo_select(bool *stays, Evolver *ev, const double *f, bool volume, Err *e) PRIME_MUST_USE;

#endif
