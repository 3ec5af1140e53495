#include "prime/pareto.h"

#include "prime/arena.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool pareto_dominates(const double *a, const double *b, size_t m)
{
    bool better = false;
    for (size_t j = 0; j < m; j++) {
        if (a[j] > b[j]) return false;
        better = better || a[j] < b[j];
    }
    return better;
}

void pareto_flip(double *pts, double *ref, size_t n, size_t m, size_t j)
{
    assert(j < m);
    for (size_t i = 0; i < n; i++) pts[i * m + j] = -pts[i * m + j];
    if (ref != NULL) ref[j] = -ref[j];
}

void pareto_front(bool *flag, const double *pts, size_t n, size_t m)
{
    for (size_t i = 0; i < n; i++) {
        flag[i] = true;
        for (size_t k = 0; k < n && flag[i]; k++) flag[i] = !pareto_dominates(&pts[k * m], &pts[i * m], m);
    }
}

/* Peel front after front; work [i] counts the points left that dominate i. */
void pareto_rank(size_t *rank, const double *pts, size_t n, size_t m, size_t *work)
{
    for (size_t i = 0; i < n; i++) {
        rank[i] = n;
        work[i] = 0;
        for (size_t k = 0; k < n; k++) work[i] += pareto_dominates(&pts[k * m], &pts[i * m], m);
    }
    for (size_t front = 0, done = 0; done < n; front++) {
        for (size_t i = 0; i < n; i++)
            if (rank[i] == n && work[i] == 0) rank[i] = front, done++;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; rank[i] == front && k < n; k++)
                if (rank[k] == n) work[k] -= pareto_dominates(&pts[i * m], &pts[k * m], m);
    }
}

/* Rows are compared by their last objective, then by the one before, and so on. */
typedef struct {
    double v[PARETO_MAX_HV_DIM];
    size_t m;
} HvPoint;

static int hv_last_first(const void *a, const void *b)
{
    const HvPoint *x = a, *y = b;
    for (size_t j = x->m; j-- > 0;)
        if (x->v[j] != y->v[j]) return x->v[j] < y->v[j] ? -1 : 1;
    return 0;
}

/* Area of points sorted by objective 1 then 0: each point that lowers the best objective 0 so far adds a
 * strip up to ref. */
static double hv_plane(const HvPoint *p, size_t n, const double *ref)
{
    double area = 0, low = ref[0];
    for (size_t i = 0; i < n; i++) {
        if (p[i].v[0] >= low) continue;
        area += (low - p[i].v[0]) * (ref[1] - p[i].v[1]);
        low = p[i].v[0];
    }
    return area;
}

/* p [n] sorted by objective m - 1. Between two neighbouring values of it the cross-section is the volume of
 * all points up to there in one dimension less. `room` has n places for each of the m - 2 levels below. */
static double hv_slices(HvPoint *p, size_t n, size_t m, const double *ref, HvPoint *room, size_t stride)
{
    if (m == 1) return n > 0 ? ref[0] - p[0].v[0] : 0;
    if (m == 2) return hv_plane(p, n, ref);
    double volume = 0;
    for (size_t i = 0; i < n; i++) {
        double top = i + 1 < n ? p[i + 1].v[m - 1] : ref[m - 1], depth = top - p[i].v[m - 1];
        if (depth <= 0) continue;
        memcpy(room, p, (i + 1) * sizeof *p);
        for (size_t k = 0; k <= i; k++) room[k].m = m - 1;
        qsort(room, i + 1, sizeof *room, hv_last_first);
        volume += depth * hv_slices(room, i + 1, m - 1, ref, room + stride, stride);
    }
    return volume;
}

/* Points inside the reference box without those another one dominates or repeats; returns how many. */
static size_t hv_collect(HvPoint *out, const double *pts, size_t n, size_t m, const double *ref, size_t skip)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        const double *p = &pts[i * m];
        bool inside = i != skip;
        for (size_t j = 0; j < m; j++) inside = inside && p[j] < ref[j];
        /* In the plane the sweep passes over them anyway. */
        for (size_t k = 0; m > 2 && k < n && inside; k++) {
            if (k == skip || k == i) continue;
            bool same = memcmp(&pts[k * m], p, m * sizeof *p) == 0;
            inside = !pareto_dominates(&pts[k * m], p, m) && !(same && k < i);
        }
        if (!inside) continue;
        out[kept].m = m;
        memcpy(out[kept++].v, p, m * sizeof *p);
    }
    return kept;
}

static double hv_without(HvPoint *room, const double *pts, size_t n, size_t m, const double *ref, size_t skip)
{
    size_t kept = hv_collect(room, pts, n, m, ref, skip);
    if (kept > 0) qsort(room, kept, sizeof *room, hv_last_first);
    return hv_slices(room, kept, m, ref, room + n, n);
}

static Status hv_check(const double *pts, size_t n, size_t m, const double *ref, Err *e)
{
    if (m == 0) FAIL(e, ERR_SHAPE, "objectives = 0, want at least 1");
    if (m > PARETO_MAX_HV_DIM)
        FAIL(e, ERR_UNSUP, "hypervolume of %zu objectives, want at most %d", m, PARETO_MAX_HV_DIM);
    for (size_t j = 0; j < m; j++)
        if (!isfinite(ref[j])) FAIL(e, ERR_NUM, "reference %zu = %g, want a finite number", j, ref[j]);
    for (size_t i = 0; i < n * m; i++)
        if (!isfinite(pts[i]))
            FAIL(e, ERR_NUM, "objective %zu of point %zu = %g, want a finite number", i % m, i / m, pts[i]);
    return OK;
}

static Status hv_room(HvPoint **room, size_t n, size_t m, Arena *a, Err *e)
{
    size_t cells;
    TRY(size_mul(&cells, n, m, e));
    *room = arena_alloc(a, cells, sizeof **room);
    if (*room == NULL) FAIL(e, ERR_NOMEM, "no memory for the hypervolume of %zu points", n);
    return OK;
}

Status pareto_hv(double *out, const double *pts, size_t n, size_t m, const double *ref, Err *e)
{
    TRY(hv_check(pts, n, m, ref, e));
    Arena a = {0};
    HvPoint *room = NULL;
    Status st = hv_room(&room, n, m, &a, e);
    if (st == OK) *out = hv_without(room, pts, n, m, ref, SIZE_MAX);
    arena_free(&a);
    return st;
}

Status pareto_contrib(double *out, const double *pts, size_t n, size_t m, const double *ref, Err *e)
{
    TRY(hv_check(pts, n, m, ref, e));
    Arena a = {0};
    HvPoint *room = NULL;
    Status st = hv_room(&room, n, m, &a, e);
    if (st == OK) {
        double all = hv_without(room, pts, n, m, ref, SIZE_MAX);
        for (size_t i = 0; i < n; i++) out[i] = fmax(0, all - hv_without(room, pts, n, m, ref, i));
    }
    arena_free(&a);
    return st;
}
