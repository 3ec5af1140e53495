/* archive.h - every evaluation of a target, kept once. Utility and agreement of a genome do not depend on
 * lambda, so one archive serves the whole sweep: each new lambda starts from what is known.
 * A genome is its bytes (with -0 taken as 0). Evaluating one again averages: u and v are means over
 * `count` evaluations. */
#ifndef PRIME_ARCHIVE_H
#define PRIME_ARCHIVE_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Archive Archive;

/* One entry; pointers are borrowed until the next archive_put. */
typedef struct {
    const double *x; /* [D] */
    double u;
    const double *v; /* [K] */
    double noise;    /* standard deviation of one evaluation of u, NaN when not known */
    size_t count;
} ArchiveItem;

/* archive_new - for genomes of dim numbers and n_anchors agreements. Errors: ERR_ARG dim 0; ERR_NOMEM. */
Status archive_new(Archive **a, size_t dim, size_t n_anchors, Err *e) PRIME_MUST_USE;
void archive_free(Archive *a); /* accepts NULL */
size_t archive_count(const Archive *a);
/* archive_at - entry i in order of first insertion; i below archive_count. */
ArchiveItem archive_at(const Archive *a, size_t i);

/* archive_put - add one evaluation. noise replaces an earlier value unless it is NaN.
 * Errors: ERR_NUM x, u or v not finite, or noise below 0; ERR_NOMEM. Cost: O(D + K). */
Status archive_put(Archive *a, const double *x, double u, const double *v, double noise,
                   Err *e) PRIME_MUST_USE;
/* archive_find - the entry of genome x; false when it was never evaluated. Cost: O(D). */
bool archive_find(ArchiveItem *out, const Archive *a, const double *x);

/* archive_rank - the first n (at most archive_count) entries in order of loss, least first, equal ones by
 * age; returns how many were written. The loss may be any function of an entry: a lambda, a limit. Cost:
 * O(count * n).
 */
typedef double (*ArchiveLoss)(const void *ctx, const ArchiveItem *it);
size_t archive_rank(size_t *idx, size_t n, const Archive *a, ArchiveLoss loss, const void *ctx);

#endif
