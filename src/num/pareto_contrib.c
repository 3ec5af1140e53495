/* pareto_contrib.c - what is lost when one point is taken away.
 *
 * In the plane, at any height of the third objective, the points below that height have two staircases: `one`
 * bounds what at least one of them dominates, `two` what at least two dominate. Between the two every spot
 * belongs to one point, which stands on `one`. The area of a point changes only when a neighbour comes, and
 * is added up along `two` just before; its contribution is the integral of this area over the height. */
#include "pareto_priv.h"

#include "prime/pareto.h"

#include <math.h>

typedef struct {
    Stair one, two;
    const ParetoRow *rows; /* [n] by the first objective: a row's index is its place on the stairs */
    bool *member;          /* [n] stands on `one` */
    double *since;         /* [n] height up to which its contribution is added up */
    double *out;           /* by the rows' own places */
} ContribRoom;

/* Area that the member i of `one` has for itself: over its stair, up to `two`. */
static double contrib_area(const ContribRoom *c, size_t i)
{
    double x = c->one.x[i], low = c->one.y[i], high = stair_height(&c->two, i), area = 0;
    for (size_t k = stair_next(&c->two, i + 1); high > low; k = stair_next(&c->two, k + 1)) {
        area += (c->two.x[k] - x) * (high - low);
        x = c->two.x[k];
        high = c->two.y[k];
    }
    return area;
}

/* Before the stairs next to member i change at height z: what it had up to here is added. */
static void contrib_settle(ContribRoom *c, size_t i, double z)
{
    if (c->member[i] && z > c->since[i]) {
        c->out[c->rows[i].at] += contrib_area(c, i) * (z - c->since[i]);
        c->since[i] = z;
    }
}

/* Point i comes in at height z. Its overlap with what the others dominate goes to `two`, corner by corner:
 * where its own stair meets those of its neighbours, and the members it pushes out. */
static void contrib_insert(ContribRoom *c, size_t i, double y, double z)
{
    Stair *one = &c->one, *two = &c->two;
    size_t left = i == 0 ? PARETO_NONE : stair_prev(one, i - 1), right;
    if (left != PARETO_NONE) contrib_settle(c, left, z);
    if (left != PARETO_NONE &&
        one->y[left] <= y) { /* it lies behind its neighbour, and changes nobody else */
        stair_add(two, i, y);
        return;
    }
    for (right = stair_next(one, i); right < one->n; right = stair_next(one, right + 1)) {
        contrib_settle(c, right, z);
        if (one->y[right] < y) break;
    }
    if (left != PARETO_NONE) stair_add(two, i, one->y[left]);
    for (right = stair_next(one, i); right < one->n && one->y[right] >= y;
         right = stair_next(one, right + 1)) {
        stair_add(two, right, one->y[right]);
        c->member[right] = false;
    }
    if (right < one->n) stair_add(two, right, y);
    stair_add(one, i, y);
    c->member[i] = true;
    c->since[i] = z;
}

static Status contrib_room_fill(ContribRoom *c, Arena *a, size_t n, Err *e)
{
    TRY(stair_new(&c->one, a, n, e));
    TRY(stair_new(&c->two, a, n, e));
    c->member = arena_zalloc(a, n, sizeof *c->member);
    c->since = arena_zalloc(a, n, sizeof *c->since);
    if (c->member == NULL || c->since == NULL)
        FAIL(e, ERR_NOMEM, "no memory for the contributions of %zu points", n);
    return OK;
}

/* rows [n] of three objectives below ref. */
static Status contrib_space(double *out, ParetoRow *rows, size_t n, const double *ref, Arena *a, Err *e)
{
    ContribRoom c = {.rows = rows, .out = out};
    TRY(contrib_room_fill(&c, a, n, e));
    ParetoRow *order = arena_alloc(a, n, sizeof *order);
    if (order == NULL) FAIL(e, ERR_NOMEM, "no memory for the contributions of %zu points", n);
    stair_clear(&c.one, n, ref[0], ref[1]);
    stair_clear(&c.two, n, ref[0], ref[1]);
    pareto_sort_first(rows, n);
    for (size_t i = 0; i < n; i++) {
        c.one.x[i] = c.two.x[i] = rows[i].p[0];
        order[i] = (ParetoRow){rows[i].p, 3, i};
    }
    pareto_sort_last(order, n);
    for (size_t i = 0; i < n; i++) contrib_insert(&c, order[i].at, order[i].p[1], order[i].p[2]);
    for (size_t i = 0; i < n; i++) contrib_settle(&c, i, ref[2]);
    return OK;
}

/* In the plane: the same at the one height 0, which lasts up to 1. */
static Status contrib_plane(double *out, ParetoRow *rows, size_t n, const double *ref, Arena *a, Err *e)
{
    double *flat = arena_alloc(a, n, 3 * sizeof *flat), top[3] = {ref[0], ref[1], 1};
    if (flat == NULL) FAIL(e, ERR_NOMEM, "no memory for the contributions of %zu points", n);
    for (size_t i = 0; i < n; i++) {
        flat[3 * i] = rows[i].p[0];
        flat[3 * i + 1] = rows[i].p[1];
        flat[3 * i + 2] = 0;
        rows[i] = (ParetoRow){&flat[3 * i], 3, rows[i].at};
    }
    return contrib_space(out, rows, n, top, a, e);
}

/* The part of a point's box that is left by the others, all of them cut down to this box. */
static Status contrib_boxes(double *out, ParetoRow *rows, size_t n, size_t m, const double *ref, Arena *a,
                            Err *e)
{
    HvRoom *room = NULL;
    size_t cells = 0;
    TRY(size_mul(&cells, n, m, e));
    ParetoRow *others = arena_alloc(a, n, sizeof *others);
    double *cut = arena_alloc(a, cells, sizeof *cut);
    if (others == NULL || cut == NULL) FAIL(e, ERR_NOMEM, "no memory for the contributions of %zu points", n);
    TRY(hv_room_new(&room, a, n, m, e));
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        bool alone = true;
        for (size_t at = 0; at < n; at++) {
            if (at == i) continue;
            double *p = &cut[k * m];
            for (size_t j = 0; j < m; j++) p[j] = fmax(rows[at].p[j], rows[i].p[j]);
            alone = alone && !pareto_equal(p, rows[i].p, m);
            others[k] = (ParetoRow){p, m, k};
            k++;
        }
        if (!alone) continue;
        double left = pareto_box(rows[i].p, ref, m) - hv_rows(others, k, m, ref, room);
        out[rows[i].at] = left < 0 ? 0 : left;
    }
    return OK;
}

/* On a line the best point has the gap to the second best. */
static void contrib_line(double *out, ParetoRow *rows, size_t n, const double *ref)
{
    pareto_sort_first(rows, n);
    if (n > 0) out[rows[0].at] = (n > 1 ? rows[1].p[0] : ref[0]) - rows[0].p[0];
}

/* Those with flag, all for NULL. */
static Status contrib_fill(double *sum, Arena *a, const double *pts, size_t n, size_t m, const double *ref,
                           const bool *flag, Err *e)
{
    ParetoRow *rows = arena_alloc(a, n, sizeof *rows);
    if (rows == NULL) FAIL(e, ERR_NOMEM, "no memory for the contributions of %zu points", n);
    size_t inside = pareto_inside(rows, pts, n, m, ref), kept = 0;
    for (size_t i = 0; i < inside; i++)
        if (flag == NULL || flag[rows[i].at]) rows[kept++] = rows[i];
    if (m == 1) contrib_line(sum, rows, kept, ref);
    if (m == 2) TRY(contrib_plane(sum, rows, kept, ref, a, e));
    if (m == 3) TRY(contrib_space(sum, rows, kept, ref, a, e));
    if (m >= 4) TRY(contrib_boxes(sum, rows, kept, m, ref, a, e));
    for (size_t i = 0; i < n; i++)
        if (!isfinite(sum[i]))
            FAIL(e, ERR_NUM, "contribution of point %zu = %g, want a finite number", i, sum[i]);
    return OK;
}

static Status contrib_run(double *out, const double *pts, size_t n, size_t m, const double *ref, bool front,
                          Err *e)
{
    TRY(pareto_check_hv(pts, n, m, ref, e));
    Arena a = {0};
    double *sum = arena_zalloc(&a, n, sizeof *sum);
    bool *flag = arena_alloc(&a, n, sizeof *flag);
    Status s = sum != NULL && flag != NULL ? OK
                                           : err_set(e, ERR_NOMEM, __FILE__, __LINE__,
                                                     "no memory for the contributions of %zu points", n);
    if (s == OK && front) s = pareto_front(flag, pts, n, m, PARETO_ALL, e);
    if (s == OK) s = contrib_fill(sum, &a, pts, n, m, ref, front ? flag : NULL, e);
    for (size_t i = 0; s == OK && i < n; i++) out[i] = sum[i];
    arena_free(&a);
    return s;
}

Status pareto_contrib(double *out, const double *pts, size_t n, size_t m, const double *ref, Err *e)
{
    return contrib_run(out, pts, n, m, ref, false, e);
}

Status pareto_contrib_front(double *out, const double *pts, size_t n, size_t m, const double *ref, Err *e)
{
    return contrib_run(out, pts, n, m, ref, true, e);
}
