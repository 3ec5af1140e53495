/* pareto_priv.h - what the files about Pareto sets share: sorted rows, and a staircase in the plane. */
#ifndef PRIME_PARETO_PRIV_H
#define PRIME_PARETO_PRIV_H

#include "prime/arena.h"
#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARETO_NONE SIZE_MAX

/* A row of a point set and where it stood. */
typedef struct {
    const double *p; /* [m] */
    size_t m, at;
} ParetoRow;

/* pareto_rows - fill rows [n] from pts [n, m] in their order. pareto_sort_first - by the first objective,
 * then the second, and so on, equal rows by place; pareto_sort_last - from the last objective backwards.
 * Either way a point comes after those that dominate it. */
void pareto_rows(ParetoRow *rows, const double *pts, size_t n, size_t m);
void pareto_sort_first(ParetoRow *rows, size_t n);
void pareto_sort_last(ParetoRow *rows, size_t n);
bool pareto_equal(const double *a, const double *b, size_t m);

/* pareto_box - product of ref - p over m objectives. pareto_strictly_below - p < ref in all of them. */
double pareto_box(const double *p, const double *ref, size_t m);
bool pareto_strictly_below(const double *p, const double *ref, size_t m);

/* pareto_check_finite - ERR_NUM "objective j of point i = nan, want a finite number" unless pts [n, m] are.
 */
Status pareto_check_finite(const double *pts, size_t n, size_t m, Err *e) PRIME_MUST_USE;
/* pareto_check_hv - what pareto_hv and pareto_contrib refuse before they begin. */
Status pareto_check_hv(const double *pts, size_t n, size_t m, const double *ref, Err *e) PRIME_MUST_USE;
/* pareto_inside - the rows that lie strictly below ref, in their order; returns how many. */
size_t pareto_inside(ParetoRow *rows, const double *pts, size_t n, size_t m, const double *ref);

/* Room for the hypervolume of up to n points of up to m objectives. */
typedef struct HvRoom HvRoom;
Status hv_room_new(HvRoom **out, Arena *a, size_t n, size_t m, Err *e) PRIME_MUST_USE;
/* hv_rows - hypervolume of rows [n] (which it sorts), their first m objectives, all strictly below ref. */
double hv_rows(ParetoRow *rows, size_t n, size_t m, const double *ref, HvRoom *room);

/* A staircase: points of the plane of which none dominates another, so that the second objective falls where
 * the first one rises. Its places are the ranks of all first objectives that will ever come; a tree of bit
 * sets, 64 children a word, finds the neighbours of a place in O(log_64 n). */
enum { STAIR_LEVELS = 11 };
typedef struct {
    uint64_t *bits[STAIR_LEVELS];
    size_t words[STAIR_LEVELS], levels, n;
    double *x;  /* [n + 1] rising, filled by the caller; x[n] is the reference */
    double *y;  /* [n + 1] of the members; y[n] is below everything */
    double top; /* reference of the second objective */
} Stair;

/* stair_new - room for n places. stair_clear - no members, n places, the reference point (x, y). */
Status stair_new(Stair *s, Arena *a, size_t n, Err *e) PRIME_MUST_USE;
void stair_clear(Stair *s, size_t n, double x, double y);
/* stair_next - smallest member >= i, n if there is none. stair_prev - largest member <= i, or PARETO_NONE. */
size_t stair_next(const Stair *s, size_t i);
size_t stair_prev(const Stair *s, size_t i);
/* stair_height - second objective of the stairs at place i and to its left, the reference where there are
 * none. */
double stair_height(const Stair *s, size_t i);
/* stair_add - put (x[i], y) in, take out what it dominates; returns the area that is dominated newly, and 0
 * without a change when the point is on or above the stairs. */
double stair_add(Stair *s, size_t i, double y);

#endif
