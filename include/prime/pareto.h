/* pareto.h - dominance, fronts and hypervolume. Points are rows of pts [N, M], every objective is minimised:
 * negate (pareto_flip) what is to be maximised. No NaN; M >= 1.
 * a dominates b when it is nowhere worse and somewhere better; equal points do not dominate each other. */
#ifndef PRIME_PARETO_H
#define PRIME_PARETO_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { PARETO_MAX_HV_DIM = 6 };

bool pareto_dominates(const double *a, const double *b, size_t m);
/* pareto_flip - negate column j of pts [n, m] in place, and ref [m] too when it is not NULL. */
void pareto_flip(double *pts, double *ref, size_t n, size_t m, size_t j);
/* pareto_front - flag [n]: true where no other point dominates. Duplicates on the front are all flagged.
 * Cost: O(n^2 m). */
void pareto_front(bool *flag, const double *pts, size_t n, size_t m);
/* pareto_rank - rank [n] by non-dominated sorting: 0 for the front, 1 for the front of the rest, and so on.
 * Cost: O(n^2 m) comparisons, O(n) scratch work [n]. */
void pareto_rank(size_t *rank, const double *pts, size_t n, size_t m, size_t *work);

/* pareto_hv - volume dominated by the points and bounded by ref [m]. Points that do not lie strictly below
 * ref in every objective add nothing; dominated points and duplicates add nothing.
 * Errors: ERR_SHAPE m = 0; ERR_UNSUP m > 6; ERR_NUM a value is not finite; ERR_NOMEM. n = 0 gives 0.
 * Cost: O(n log n) for m = 2, O(n^(m-1)) beyond: slices along the last objective, each of one dimension less.
 * Reference: fixtures/ref/num/hypervolume.csv. */
Status pareto_hv(double *out, const double *pts, size_t n, size_t m, const double *ref,
                 Err *e) PRIME_MUST_USE;
/* pareto_contrib - out [n]: hypervolume lost when point i is taken away (0 for dominated points and
 * duplicates). Cost: n times pareto_hv. Errors: as pareto_hv.
 * Differs: moocore leaves dominated points out first, which gives more to the point that dominates them. */
Status pareto_contrib(double *out, const double *pts, size_t n, size_t m, const double *ref,
                      Err *e) PRIME_MUST_USE;

#endif
