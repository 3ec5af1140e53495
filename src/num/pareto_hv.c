#include "pareto_priv.h"

#include "prime/pareto.h"

#include <math.h>

double pareto_box(const double *p, const double *ref, size_t m)
{
    double box = 1;
    for (size_t j = 0; j < m; j++) box *= ref[j] - p[j];
    return box;
}

Status pareto_check_hv(const double *pts, size_t n, size_t m, const double *ref, Err *e)
{
    if (m == 0) FAIL(e, ERR_SHAPE, "objectives = 0, want at least 1");
    if (m > PARETO_MAX_HV_DIM)
        FAIL(e, ERR_UNSUP, "hypervolume of %zu objectives, want at most %d", m, PARETO_MAX_HV_DIM);
    for (size_t j = 0; j < m; j++)
        if (!isfinite(ref[j])) FAIL(e, ERR_NUM, "reference %zu = %g, want a finite number", j, ref[j]);
    return pareto_check_finite(pts, n, m, e);
}

size_t pareto_inside(ParetoRow *rows, const double *pts, size_t n, size_t m, const double *ref)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (pareto_strictly_below(&pts[i * m], ref, m)) rows[kept++] = (ParetoRow){&pts[i * m], m, i};
    return kept;
}

/* One level a number of objectives above 3: points cut down to the box of one of them, and their order. */
struct HvRoom {
    Stair stair;
    ParetoRow *order;
    size_t *place;
    ParetoRow *rows[PARETO_MAX_HV_DIM + 1];
    double *cut[PARETO_MAX_HV_DIM + 1];
};

Status hv_room_new(HvRoom **out, Arena *a, size_t n, size_t m, Err *e)
{
    HvRoom *r = arena_zalloc(a, 1, sizeof *r);
    if (r == NULL) FAIL(e, ERR_NOMEM, "no memory for a hypervolume");
    TRY(stair_new(&r->stair, a, n, e));
    r->order = arena_alloc(a, n, sizeof *r->order);
    r->place = arena_alloc(a, n, sizeof *r->place);
    bool all = r->order != NULL && r->place != NULL;
    for (size_t k = 3; k < m && all; k++) {
        size_t cells = 0;
        TRY(size_mul(&cells, n, k, e));
        r->rows[k] = arena_alloc(a, n, sizeof **r->rows);
        r->cut[k] = arena_alloc(a, cells, sizeof **r->cut);
        all = r->rows[k] != NULL && r->cut[k] != NULL;
    }
    if (!all) FAIL(e, ERR_NOMEM, "no memory for the hypervolume of %zu points", n);
    *out = r;
    return OK;
}

static double hv_line(const ParetoRow *rows, size_t n, const double *ref)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, ref[0] - rows[i].p[0]);
    return most;
}

/* Points by the second objective: each that lowers the first one adds a strip up to the reference. */
static double hv_plane(ParetoRow *rows, size_t n, const double *ref)
{
    double area = 0, low = ref[0];
    pareto_sort_last(rows, n);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].p[0] >= low) continue;
        area += (low - rows[i].p[0]) * (ref[1] - rows[i].p[1]);
        low = rows[i].p[0];
    }
    return area;
}

/* Points by the third objective: what each adds to the area of those before it, times its height. */
static double hv_space(ParetoRow *rows, size_t n, const double *ref, HvRoom *room)
{
    double volume = 0;
    stair_clear(&room->stair, n, ref[0], ref[1]);
    for (size_t i = 0; i < n; i++) room->order[i] = (ParetoRow){rows[i].p, 2, i};
    pareto_sort_first(room->order, n);
    for (size_t i = 0; i < n; i++) {
        room->stair.x[i] = room->order[i].p[0];
        room->place[room->order[i].at] = i;
    }
    for (size_t i = 0; i < n; i++) room->order[i] = (ParetoRow){rows[i].p, 3, i};
    pareto_sort_last(room->order, n);
    for (size_t i = 0; i < n; i++) {
        const double *p = room->order[i].p;
        volume += stair_add(&room->stair, room->place[room->order[i].at], p[1]) * (ref[2] - p[2]);
    }
    return volume;
}

/* Leave out rows that one before them dominates or equals; sorted, no other can. */
static size_t hv_thin(ParetoRow *rows, size_t n, size_t m)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool fresh = true;
        for (size_t k = kept; k-- > 0 && fresh;) {
            fresh = false;
            for (size_t j = 0; j < m && !fresh; j++) fresh = rows[k].p[j] > rows[i].p[j];
        }
        if (fresh) rows[kept++] = rows[i];
    }
    return kept;
}

/* Points by the last objective. What a point adds to those before it has its own height there, and as base
 * its box in one dimension less without what the others, cut down to this box, fill of it. */
static double hv_slices(ParetoRow *rows, size_t n, size_t m, const double *ref, HvRoom *room)
{
    double volume = 0, *cut = room->cut[m - 1];
    for (size_t i = 0; i < n; i++) rows[i].m = m;
    pareto_sort_last(rows, n);
    n = hv_thin(rows, n, m);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            for (size_t j = 0; j + 1 < m; j++) cut[k * (m - 1) + j] = fmax(rows[k].p[j], rows[i].p[j]);
        }
        pareto_rows(room->rows[m - 1], cut, i, m - 1);
        double base = pareto_box(rows[i].p, ref, m - 1) - hv_rows(room->rows[m - 1], i, m - 1, ref, room);
        volume += (base < 0 ? 0 : base) * (ref[m - 1] - rows[i].p[m - 1]); /* NaN goes on */
    }
    return volume;
}

double hv_rows(ParetoRow *rows, size_t n, size_t m, const double *ref, HvRoom *room)
{
    if (n == 0) return 0;
    if (m == 1) return hv_line(rows, n, ref);
    if (m == 2) return hv_plane(rows, n, ref);
    if (m == 3) return hv_space(rows, n, ref, room);
    return hv_slices(rows, n, m, ref, room);
}

static Status hv_fill(double *out, Arena *a, const double *pts, size_t n, size_t m, const double *ref, Err *e)
{
    HvRoom *room = NULL;
    ParetoRow *rows = arena_alloc(a, n, sizeof *rows);
    if (rows == NULL) FAIL(e, ERR_NOMEM, "no memory for the hypervolume of %zu points", n);
    size_t kept = pareto_inside(rows, pts, n, m, ref);
    TRY(hv_room_new(&room, a, kept, m, e));
    double volume = hv_rows(rows, kept, m, ref, room);
    if (!isfinite(volume)) FAIL(e, ERR_NUM, "hypervolume = %g, want a finite number", volume);
    *out = volume;
    return OK;
}

Status pareto_hv(double *out, const double *pts, size_t n, size_t m, const double *ref, Err *e)
{
    TRY(pareto_check_hv(pts, n, m, ref, e));
    Arena a = {0};
    Status s = hv_fill(out, &a, pts, n, m, ref, e);
    arena_free(&a);
    return s;
}
