/* pareto_crowd.c - how crowded the points of a front lie, and its knee. */
#include "pareto_priv.h"

#include "prime/pareto.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

const char *pareto_crowd_name(ParetoCrowd kind)
{
    static const char *const name[] = {"sum", "mean"};
    return kind < PARETO_CROWDS ? name[kind] : NULL;
}

/* One objective: out [at] grows by the gap between both neighbours. row [n] is sorted by it. Halves, so that
 * no range of finite numbers overflows. */
static void crowd_gaps(double *out, const ParetoRow *row, size_t n)
{
    double range = n > 0 ? 0.5 * row[n - 1].p[0] - 0.5 * row[0].p[0] : 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || i + 1 == n)
            out[row[i].at] = INFINITY;
        else if (range > 0)
            out[row[i].at] += (0.5 * row[i + 1].p[0] - 0.5 * row[i - 1].p[0]) / range;
    }
}

/* Rows of the points to be measured: all, or the first of equal ones. */
static size_t crowd_rows(ParetoRow *rows, const double *pts, size_t n, size_t m, bool once)
{
    size_t kept = 0;
    pareto_rows(rows, pts, n, m);
    if (!once) return n;
    pareto_sort_first(rows, n);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !pareto_equal(rows[kept - 1].p, rows[i].p, m)) rows[kept++] = rows[i];
    return kept;
}

Status pareto_crowding(double *out, const double *pts, size_t n, size_t m, ParetoCrowd kind, Err *e)
{
    assert(kind < PARETO_CROWDS);
    if (m == 0) FAIL(e, ERR_SHAPE, "objectives = 0, want at least 1");
    Arena a = {0};
    ParetoRow *rows = arena_alloc(&a, n, sizeof *rows), *row = arena_alloc(&a, n, sizeof *row);
    Status s = rows != NULL && row != NULL
                   ? OK
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu points", n);
    for (size_t i = 0; s == OK && i < n; i++) out[i] = 0;
    size_t kept = s == OK ? crowd_rows(rows, pts, n, m, kind == PARETO_CROWD_MEAN) : 0;
    for (size_t j = 0; kept > 0 && j < m; j++) {
        for (size_t i = 0; i < kept; i++) row[i] = (ParetoRow){rows[i].p + j, 1, rows[i].at};
        pareto_sort_first(row, kept);
        crowd_gaps(out, row, kept);
    }
    for (size_t i = 0; s == OK && kind == PARETO_CROWD_MEAN && i < n; i++) out[i] /= (double)m;
    arena_free(&a);
    return s;
}

/* Ranges of the front, and how many of them are not empty. */
typedef struct {
    const double *pts;
    size_t n, m, used;
    bool *front;     /* [n] */
    double *lo, *hi; /* [m] */
} KneeWork;

static Status knee_fill(KneeWork *w, Arena *a, Err *e)
{
    if (w->n == 0 || w->m == 0)
        FAIL(e, ERR_SHAPE, "%zu points of %zu objectives, want at least one of each", w->n, w->m);
    TRY(pareto_check_finite(w->pts, w->n, w->m, e));
    w->front = arena_alloc(a, w->n, sizeof *w->front);
    w->lo = arena_alloc(a, w->m, sizeof *w->lo);
    w->hi = arena_alloc(a, w->m, sizeof *w->hi);
    if (w->front == NULL || w->lo == NULL || w->hi == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu points", w->n);
    TRY(pareto_front(w->front, w->pts, w->n, w->m, PARETO_ALL, e));
    for (size_t j = 0; j < w->m; j++) {
        w->lo[j] = INFINITY;
        w->hi[j] = -INFINITY;
        for (size_t i = 0; i < w->n; i++) {
            if (!w->front[i]) continue;
            w->lo[j] = fmin(w->lo[j], w->pts[i * w->m + j]);
            w->hi[j] = fmax(w->hi[j], w->pts[i * w->m + j]);
        }
        w->used += w->hi[j] > w->lo[j];
    }
    return OK;
}

/* Halves again. */
static double knee_scaled(const KneeWork *w, size_t i, size_t j)
{
    double range = 0.5 * w->hi[j] - 0.5 * w->lo[j];
    return range > 0 ? (0.5 * w->pts[i * w->m + j] - 0.5 * w->lo[j]) / range : 0;
}

/* Distance below the plane, larger is better. */
static double knee_line(const KneeWork *w, size_t i)
{
    double sum = 0;
    for (size_t j = 0; j < w->m; j++) sum += knee_scaled(w, i, j);
    return w->used == 0 ? 0 : (1 - sum) / sqrt((double)w->used);
}

/* Minus the distance to the ideal point, larger is better. */
static double knee_ideal(const KneeWork *w, size_t i)
{
    double sum = 0;
    for (size_t j = 0; j < w->m; j++) sum += pow(knee_scaled(w, i, j), 2);
    return -sqrt(sum);
}

static const struct {
    const char *name;
    double (*score)(const KneeWork *w, size_t i);
    double sign; /* of the value that is reported */
} knees[PARETO_KNEES] = {
    [PARETO_KNEE_LINE] = {"line", knee_line, 1},
    [PARETO_KNEE_IDEAL] = {"ideal", knee_ideal, -1},
};

const char *pareto_knee_name(ParetoKnee kind)
{
    return kind < PARETO_KNEES ? knees[kind].name : NULL;
}

Status pareto_knee(size_t *at, double *value, const double *pts, size_t n, size_t m, ParetoKnee kind, Err *e)
{
    assert(kind < PARETO_KNEES);
    Arena a = {0};
    KneeWork w = {.pts = pts, .n = n, .m = m};
    Status s = knee_fill(&w, &a, e);
    size_t best = PARETO_NONE;
    double top = 0;
    for (size_t i = 0; s == OK && i < n; i++) {
        double score = w.front[i] ? knees[kind].score(&w, i) : 0;
        if (!w.front[i] || (best != PARETO_NONE && score <= top)) continue;
        best = i;
        top = score;
    }
    if (s == OK) {
        *at = best;
        *value = top == 0 ? 0 : knees[kind].sign * top;
    }
    arena_free(&a);
    return s;
}
