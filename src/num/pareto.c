#include "pareto_priv.h"

#include "prime/pareto.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

bool pareto_dominates(const double *a, const double *b, size_t m)
{
    bool better = false;
    for (size_t j = 0; j < m; j++) {
        if (a[j] > b[j]) return false;
        better = better || a[j] < b[j];
    }
    return better;
}

bool pareto_equal(const double *a, const double *b, size_t m)
{
    for (size_t j = 0; j < m; j++)
        if (a[j] != b[j]) return false;
    return true;
}

bool pareto_strictly_below(const double *p, const double *ref, size_t m)
{
    for (size_t j = 0; j < m; j++)
        if (!(p[j] < ref[j])) return false;
    return true;
}

void pareto_flip(double *pts, double *ref, size_t n, size_t m, size_t j)
{
    assert(j < m);
    for (size_t i = 0; i < n; i++) pts[i * m + j] = -pts[i * m + j];
    if (ref != NULL) ref[j] = -ref[j];
}

Status pareto_check_finite(const double *pts, size_t n, size_t m, Err *e)
{
    for (size_t i = 0; i < n * m; i++)
        if (!isfinite(pts[i]))
            FAIL(e, ERR_NUM, "objective %zu of point %zu = %g, want a finite number", i % m, i / m, pts[i]);
    return OK;
}

void pareto_rows(ParetoRow *rows, const double *pts, size_t n, size_t m)
{
    for (size_t i = 0; i < n; i++) rows[i] = (ParetoRow){&pts[i * m], m, i};
}

static int row_first(const void *a, const void *b)
{
    const ParetoRow *x = a, *y = b;
    for (size_t j = 0; j < x->m; j++)
        if (x->p[j] != y->p[j]) return x->p[j] < y->p[j] ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static int row_last(const void *a, const void *b)
{
    const ParetoRow *x = a, *y = b;
    for (size_t j = x->m; j-- > 0;)
        if (x->p[j] != y->p[j]) return x->p[j] < y->p[j] ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

void pareto_sort_first(ParetoRow *rows, size_t n)
{
    if (n > 1) qsort(rows, n, sizeof *rows, row_first);
}

void pareto_sort_last(ParetoRow *rows, size_t n)
{
    if (n > 1) qsort(rows, n, sizeof *rows, row_last);
}

/* All of one call: the points sorted by the first objective, and what the sweeps need. */
typedef struct {
    const double *pts;
    size_t n, m;
    ParetoRow *rows;
    size_t *next, *head; /* [n] fronts as lists: the newest point of each, and the one before a point */
    Stair stair;         /* m = 3 */
} ParetoWork;

static Status pareto_work_fill(ParetoWork *w, Arena *a, const double *pts, size_t n, size_t m, Err *e)
{
    if (m == 0) FAIL(e, ERR_SHAPE, "objectives = 0, want at least 1");
    *w = (ParetoWork){.pts = pts, .n = n, .m = m};
    w->rows = arena_alloc(a, n, sizeof *w->rows);
    w->next = arena_alloc(a, n, sizeof *w->next);
    w->head = arena_alloc(a, n, sizeof *w->head);
    if (w->rows == NULL || w->next == NULL || w->head == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    pareto_rows(w->rows, pts, n, m);
    pareto_sort_first(w->rows, n);
    return OK;
}

/* Whether the front whose newest point is `newest` holds one that dominates p. In the plane, and on a line,
 * the newest has the lowest last objective of its front, so that it alone need be asked. */
static bool front_covers(const ParetoWork *w, size_t newest, const double *p)
{
    for (size_t k = newest; k != PARETO_NONE; k = w->next[k]) {
        if (pareto_dominates(&w->pts[k * w->m], p, w->m)) return true;
        if (w->m <= 2) break;
    }
    return false;
}

/* Every front up to the point's own covers it and none from there on does: a binary search finds it. */
static void pareto_work_rank(size_t *rank, ParetoWork *w)
{
    size_t fronts = 0;
    for (size_t i = 0; i < w->n; i++) {
        size_t lo = 0, hi = fronts, at = w->rows[i].at;
        while (lo < hi) {
            size_t mid = lo + (hi - lo) / 2;
            if (front_covers(w, w->head[mid], w->rows[i].p))
                lo = mid + 1;
            else
                hi = mid;
        }
        w->next[at] = lo == fronts ? PARETO_NONE : w->head[lo];
        w->head[lo] = at;
        fronts += lo == fronts;
        rank[at] = lo;
    }
}

Status pareto_rank(size_t *rank, const double *pts, size_t n, size_t m, Err *e)
{
    Arena a = {0};
    ParetoWork w;
    Status s = pareto_work_fill(&w, &a, pts, n, m, e);
    if (s == OK) pareto_work_rank(rank, &w);
    arena_free(&a);
    return s;
}

/* The front without its duplicates, as one list for any m. */
static void front_list(bool *flag, ParetoWork *w)
{
    size_t newest = PARETO_NONE;
    for (size_t i = 0; i < w->n; i++) {
        size_t at = w->rows[i].at;
        bool again = i > 0 && pareto_equal(w->rows[i - 1].p, w->rows[i].p, w->m);
        flag[at] = !again && !front_covers(w, newest, w->rows[i].p);
        if (!flag[at]) continue;
        w->next[at] = newest;
        newest = at;
    }
}

/* Three objectives: points come by the first one, the stairs hold the other two of what came before. NaN as
 * their top lets a third objective of infinity pass where there are no stairs. */
static void front_space(bool *flag, ParetoWork *w, const size_t *place)
{
    stair_clear(&w->stair, w->n, INFINITY, NAN);
    for (size_t i = 0; i < w->n; i++) {
        size_t at = w->rows[i].at;
        flag[at] = !(stair_height(&w->stair, place[at]) <= w->rows[i].p[2]);
        if (flag[at]) stair_add(&w->stair, place[at], w->rows[i].p[2]);
    }
}

static int row_second(const void *a, const void *b)
{
    const ParetoRow *x = a, *y = b;
    if (x->p[1] != y->p[1]) return x->p[1] < y->p[1] ? -1 : 1;
    return row_first(a, b);
}

static Status pareto_work_front(bool *flag, ParetoWork *w, Arena *a, Err *e)
{
    if (w->m != 3) {
        front_list(flag, w);
        return OK;
    }
    ParetoRow *second = arena_alloc(a, w->n, sizeof *second);
    if (second == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", w->n);
    TRY(stair_new(&w->stair, a, w->n, e));
    for (size_t i = 0; i < w->n; i++) second[i] = w->rows[i];
    if (w->n > 1) qsort(second, w->n, sizeof *second, row_second);
    for (size_t i = 0; i < w->n; i++) {
        w->stair.x[i] = second[i].p[1];
        w->next[second[i].at] = i;
    }
    front_space(flag, w, w->next);
    return OK;
}

/* Equal points stand side by side after sorting, the first of them first. */
static void front_add_equal(bool *flag, const ParetoWork *w)
{
    for (size_t i = 1; i < w->n; i++)
        if (flag[w->rows[i - 1].at] && pareto_equal(w->rows[i - 1].p, w->rows[i].p, w->m))
            flag[w->rows[i].at] = true;
}

/* A point that some point beats in every objective is also beaten so by one of the front; in the plane by the
 * last one of the front with a smaller first objective. `front` has room for n rows. */
static void front_add_weak(bool *flag, const ParetoWork *w, ParetoRow *front)
{
    size_t n = 0, left = 0, m = w->m;
    for (size_t i = 0; i < w->n; i++)
        if (flag[w->rows[i].at]) front[n++] = w->rows[i];
    for (size_t i = 0; i < w->n; i++) {
        const double *p = w->rows[i].p;
        bool beaten = false;
        while (left < n && front[left].p[0] < p[0]) left++;
        for (size_t k = left; k-- > 0 && !beaten;) {
            beaten = pareto_strictly_below(front[k].p, p, m);
            if (m <= 2) break;
        }
        flag[w->rows[i].at] = !beaten;
    }
}

static Status pareto_front_fill(bool *flag, Arena *a, const double *pts, size_t n, size_t m, ParetoTies ties,
                                Err *e)
{
    ParetoWork w;
    TRY(pareto_work_fill(&w, a, pts, n, m, e));
    ParetoRow *front = arena_alloc(a, ties == PARETO_WEAK ? n : 0, sizeof *front);
    if (front == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    TRY(pareto_work_front(flag, &w, a, e));
    if (ties == PARETO_ALL) front_add_equal(flag, &w);
    if (ties == PARETO_WEAK) front_add_weak(flag, &w, front);
    return OK;
}

Status pareto_front(bool *flag, const double *pts, size_t n, size_t m, ParetoTies ties, Err *e)
{
    Arena a = {0};
    Status s = pareto_front_fill(flag, &a, pts, n, m, ties, e);
    arena_free(&a);
    return s;
}

const char *pareto_ties_name(ParetoTies ties)
{
    static const char *const name[] = {"all", "first", "weak"};
    return ties < PARETO_TIES ? name[ties] : NULL;
}
