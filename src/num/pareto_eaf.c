/* pareto_eaf.c - attainment surfaces: what a given number of runs reaches. */
#include "pareto_priv.h"

#include "prime/pareto.h"

#include <math.h>

/* Best second objective of each run so far, and the same in rising order. */
typedef struct {
    ParetoRow *rows;
    double *best, *sorted;
} EafRoom;

/* One of sorted [n] falls from `old` to `y`. */
static void eaf_lower(double *sorted, size_t n, double old, double y)
{
    size_t i = 0;
    while (i + 1 < n && sorted[i] < old) i++;
    for (; i > 0 && sorted[i - 1] > y; i--) sorted[i] = sorted[i - 1];
    sorted[i] = y;
}

/* From small to large first objective: the level-th best second objective is the height of the surface there;
 * a corner is where it falls, once all points of this first objective are in. */
static size_t eaf_sweep(double *out, EafRoom *w, const size_t *run, size_t n, size_t n_runs, size_t level)
{
    size_t count = 0;
    double height = INFINITY;
    for (size_t i = 0; i < n; i++) {
        const double *p = w->rows[i].p;
        double *best = &w->best[run[w->rows[i].at]];
        if (p[1] < *best) {
            eaf_lower(w->sorted, n_runs, *best, p[1]);
            *best = p[1];
        }
        bool more = i + 1 < n && w->rows[i + 1].p[0] == p[0];
        if (more || w->sorted[level - 1] >= height) continue;
        height = w->sorted[level - 1];
        out[2 * count] = p[0];
        out[2 * count++ + 1] = height;
    }
    return count;
}

static Status eaf_fill(EafRoom *w, Arena *a, const double *pts, size_t n, size_t n_runs, Err *e)
{
    w->rows = arena_alloc(a, n, sizeof *w->rows);
    w->best = arena_alloc(a, n_runs, sizeof *w->best);
    w->sorted = arena_alloc(a, n_runs, sizeof *w->sorted);
    if (w->rows == NULL || w->best == NULL || w->sorted == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu points of %zu runs", n, n_runs);
    for (size_t i = 0; i < n_runs; i++) w->best[i] = w->sorted[i] = INFINITY;
    pareto_rows(w->rows, pts, n, 2);
    pareto_sort_first(w->rows, n);
    return OK;
}

Status pareto_eaf(double *out, size_t *count, const double *pts, const size_t *run, size_t n, size_t n_runs,
                  size_t level, Err *e)
{
    if (level < 1 || level > n_runs) FAIL(e, ERR_ARG, "level = %zu, want 1 to %zu runs", level, n_runs);
    for (size_t i = 0; i < n; i++)
        if (run[i] >= n_runs) FAIL(e, ERR_SHAPE, "run of point %zu = %zu, want below %zu", i, run[i], n_runs);
    Arena a = {0};
    EafRoom w;
    Status s = eaf_fill(&w, &a, pts, n, n_runs, e);
    if (s == OK) *count = eaf_sweep(out, &w, run, n, n_runs, level);
    arena_free(&a);
    return s;
}
