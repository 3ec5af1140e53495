/* pareto.h - dominance, fronts, hypervolume, indicators of a front, attainment surfaces, knees.
 *
 * Points are rows of pts [N, M], every objective is minimised: negate (pareto_flip) what is to be maximised.
 * No NaN, and infinities only where dominance alone counts (dominates, front, rank, eaf); M >= 1; N = 0 is a
 * set without points. a dominates b when it is nowhere worse and somewhere better; equal points do not
 * dominate each other.
 *
 * Own code, since no C library for this is packaged by Debian: libpagmo is C++ over Boost and TBB, and the
 * packages emoa and eaf belong to R. */
#ifndef PRIME_PARETO_H
#define PRIME_PARETO_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Exact hypervolume takes time exponential in the number of objectives. */
enum { PARETO_MAX_HV_DIM = 31 };

bool pareto_dominates(const double *a, const double *b, size_t m);
/* pareto_flip - negate column j of pts [n, m] in place, and ref [m] too when it is not NULL. */
void pareto_flip(double *pts, double *ref, size_t n, size_t m, size_t j);

/* Which points without a better one make up the front. */
typedef enum {
    PARETO_ALL,   /* no other point dominates it; of equal points all */
    PARETO_FIRST, /* no other point dominates it; of equal points the first */
    PARETO_WEAK,  /* no other point is better in every objective */
    PARETO_TIES   /* how many there are */
} ParetoTies;

/* pareto_ties_name - "all", "first", "weak"; NULL beyond them. */
const char *pareto_ties_name(ParetoTies ties);

/* pareto_front - flag [n]: true for the points on the front. Source: Kung, Luccio and Preparata 1975 (the
 * sweeps). Errors: ERR_SHAPE m = 0; ERR_NOMEM. Cost: O(n log n) for m <= 3, O(n f m) beyond and for
 * PARETO_WEAK of m >= 3, f points on the front. */
Status pareto_front(bool *flag, const double *pts, size_t n, size_t m, ParetoTies ties,
                    Err *e) PRIME_MUST_USE;

/* pareto_rank - rank [n] by non-dominated sorting: 0 for the front, 1 for the front of the rest, and so on.
 * Source: Zhang, Tian, Cheng and Jin 2015, IEEE Trans. Evol. Comput. 19(2), ENS with binary search; in the
 * plane the newest point of a front speaks for all of it (Jensen 2003). Errors: as pareto_front. Cost: O(n
 * log n) for m <= 2, at most O(n^2 m) beyond. */
Status pareto_rank(size_t *rank, const double *pts, size_t n, size_t m, Err *e) PRIME_MUST_USE;

typedef enum {
    PARETO_CROWD_SUM,  /* sum over the objectives, equal points count like others (Deb et al. 2002; pagmo2) */
    PARETO_CROWD_MEAN, /* mean over the objectives, of equal points all but the first get 0 (pymoo) */
    PARETO_CROWDS      /* how many there are */
} ParetoCrowd;

/* pareto_crowd_name - "sum", "mean"; NULL beyond them. */
const char *pareto_crowd_name(ParetoCrowd kind);

/* pareto_crowding - out [n]: crowding distance within the set given, usually one front: per objective the gap
 * between both neighbours over the objective's range, infinity for the two ends. Ties are ordered by index;
 * an objective without range adds nothing. Errors: as pareto_front. Cost: O(m n log n). Source: Deb, Pratap,
 * Agarwal and Meyarivan 2002, IEEE Trans. Evol. Comput. 6(2), sec. III-B. */
Status pareto_crowding(double *out, const double *pts, size_t n, size_t m, ParetoCrowd kind,
                       Err *e) PRIME_MUST_USE;

/* pareto_hv - volume dominated by the points and bounded by ref [m]. Points that do not lie strictly below
 * ref in every objective add nothing; dominated points and duplicates add nothing. Errors: ERR_SHAPE m = 0;
 * ERR_UNSUP m > PARETO_MAX_HV_DIM; ERR_NUM a value is not finite, or the volume exceeds the range of double;
 * ERR_NOMEM. Cost: O(n log n) for m <= 3, O(n^2 log n) for m = 4, and at most another factor n for each
 * further objective. Source: Beume, Fonseca, Lopez-Ibanez, Paquete and Vahrenhold 2009, IEEE Trans. Evol.
 * Comput. 13(5) (3-D); While, Bradstreet and Barone 2012, IEEE Trans. Evol. Comput. 16(1) (WFG). Reference:
 * fixtures/ref/num/moo_known_answers.csv. */
Status pareto_hv(double *out, const double *pts, size_t n, size_t m, const double *ref,
                 Err *e) PRIME_MUST_USE;

/* pareto_contrib - out [n]: hypervolume that is lost when point i alone is taken away, hv(S) - hv(S without
 * i); 0 for dominated points and duplicates. A dominated point takes from the one point that dominates it:
 * this is pagmo2's definition. pareto_contrib_front leaves the dominated points out first, which is
 * moocore's: {(3,3,3), (4,4,4)} under (5,5,5) has contributions 7 and 0 by the first and 8 and 0 by the
 * second. Errors: as pareto_hv. Cost: O(n log n) for m <= 2 and, on sets without long runs of steps below one
 * point, m = 3 (at most O(n^2)); n hypervolumes of what remains of the others in the point's own box beyond.
 * Source: after Emmerich and Fonseca 2011, EMO (LNCS 6576), with a second staircase in place of the lists of
 * boxes, so that dominated points need not be absent. No differences of large volumes are taken for m <= 3.
 */
Status pareto_contrib(double *out, const double *pts, size_t n, size_t m, const double *ref,
                      Err *e) PRIME_MUST_USE;
Status pareto_contrib_front(double *out, const double *pts, size_t n, size_t m, const double *ref,
                            Err *e) PRIME_MUST_USE;

/* What tells how near a set a [n, m] comes to a reference set r [k, m]; all are better when smaller. */
typedef enum {
    PARETO_EPS_ADD,   /* smallest shift of every objective by which each r is covered by some a */
    PARETO_EPS_MULT,  /* the same as a factor; in each objective all values have one sign and none is 0.
                         Negative  ones, as maximised objectives have them after pareto_flip, count by their
                         size */
    PARETO_GD,        /* mean over a of the Euclidean distance to the nearest r */
    PARETO_IGD,       /* mean over r of the distance to the nearest a */
    PARETO_IGD_PLUS,  /* IGD in which only the objectives where a is worse than r count */
    PARETO_HAUSDORFF, /* the larger of GD and IGD (Delta_p for p = 1) */
    PARETO_INDICATORS /* how many there are */
} ParetoIndicator;

/* pareto_indicator_name - "epsilon_add", "epsilon_mult", "gd", "igd", "igd_plus", "avg_hausdorff"; NULL
 * beyond. */
const char *pareto_indicator_name(ParetoIndicator kind);

/* pareto_indicator - one of them.
 * Errors: ERR_SHAPE m, n or k = 0; ERR_NUM a value is not finite, or a sign as said above, or a result out of
 * the range of double. Cost: O(n k m). Source: Zitzler et al. 2003, IEEE Trans. Evol. Comput. 7(2) (epsilon);
 * Coello and Reyes-Sierra 2004 (IGD); Ishibuchi et al. 2015, EMO (IGD+); Schuetze et al. 2012, IEEE Trans.
 * Evol. Comput. 16(4) (Delta_p). Differs: GD and IGD are plain means, as everywhere since 2012, not roots of
 * sums of squares. */
Status pareto_indicator(double *out, ParetoIndicator kind, const double *a, size_t n, const double *r,
                        size_t k, size_t m, Err *e) PRIME_MUST_USE;

/* pareto_r2 - mean over w uniform in [0, 1] of the best max(w (x - ideal_0), (1 - w) (y - ideal_1)) that a
 * point (x, y) offers, in closed form; in the plane only (m = 2). Smaller is better. Errors: ERR_SHAPE n = 0;
 * ERR_UNSUP m != 2; ERR_NUM a value is not finite, or a point lies below ideal [2]; ERR_NOMEM. Cost: O(n log
 * n). Source: Schaepermeier and Kerschke 2024, PPSN ("R2 v2: the Pareto-compliant R2 indicator"). */
Status pareto_r2(double *out, const double *pts, size_t n, size_t m, const double *ideal,
                 Err *e) PRIME_MUST_USE;

/* pareto_eaf - corners of the region that at least `level` of n_runs runs attain, in the plane: out [n, 2],
 * of which *count are written, by rising first and falling second objective. pts [n, 2], run [n] in [0,
 * n_runs). Level 1 is the front of all runs together, n_runs what every run attains; a level that no point
 * reaches has no corner. out may not overlap pts. Errors: ERR_ARG level outside [1, n_runs]; ERR_SHAPE a run
 * >= n_runs; ERR_NOMEM. Cost: O(n (log n + n_runs)). Source: Grunert da Fonseca, Fonseca and Hall 2001, EMO;
 * Fonseca, Guerreiro, Lopez-Ibanez and Paquete 2011, EMO. */
Status pareto_eaf(double *out, size_t *count, const double *pts, const size_t *run, size_t n, size_t n_runs,
                  size_t level, Err *e) PRIME_MUST_USE;

/* Two definitions of the knee. Both work on the front alone, every objective scaled to [0, 1] over it. */
typedef enum {
    PARETO_KNEE_LINE,  /* farthest below the plane in which the scaled objectives sum to 1: in the plane this
                          is the  line through both ends (Das 1999; the bulge of normal-boundary intersection).
                          value: that  distance; <= 0 when the front bulges outwards and has no knee but its
                          ends */
    PARETO_KNEE_IDEAL, /* nearest to the ideal point, Euclidean (compromise programming). value: that distance
                        */
    PARETO_KNEES       /* how many there are */
} ParetoKnee;

/* pareto_knee_name - "line", "ideal"; NULL beyond them. */
const char *pareto_knee_name(ParetoKnee kind);

/* pareto_knee - *at: index of the knee, the first of equals; *value as above. An objective that is the same
 * all along the front takes no part; if all are, the first point of the front is the knee and its value 0.
 * Errors: ERR_SHAPE n = 0 or m = 0; ERR_NUM a value is not finite; ERR_NOMEM. Cost: as pareto_front.
 * Source: Das 1999, Structural Optimization 18; Zeleny 1973 (ideal).
 * Differs: for m > 2 the plane has equal intercepts after scaling instead of running through the m extreme
 * points, which may be fewer than m or lie in one line. */
Status pareto_knee(size_t *at, double *value, const double *pts, size_t n, size_t m, ParetoKnee kind,
                   Err *e) PRIME_MUST_USE;

#endif
