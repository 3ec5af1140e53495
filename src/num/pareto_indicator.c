/* pareto_indicator.c - how near a set comes to a reference set. */
#include "pareto_priv.h"

#include "prime/pareto.h"

#include <assert.h>
#include <math.h>

/* How much worse than r the point a is, in what one indicator counts. */
typedef double (*GapFn)(const double *a, const double *r, size_t m);

static double gap_shift(const double *a, const double *r, size_t m)
{
    double most = -INFINITY;
    for (size_t j = 0; j < m; j++) most = fmax(most, a[j] - r[j]);
    return most;
}

static double gap_factor(const double *a, const double *r, size_t m)
{
    double most = 0;
    for (size_t j = 0; j < m; j++) most = fmax(most, a[j] > 0 ? a[j] / r[j] : r[j] / a[j]);
    return most;
}

/* Scaled by its largest part, so that no square overflows or vanishes. */
static double gap_norm(const double *a, const double *r, size_t m, bool worse_only)
{
    double most = 0, sum = 0;
    for (size_t j = 0; j < m; j++) most = fmax(most, worse_only ? a[j] - r[j] : fabs(a[j] - r[j]));
    if (most == 0 || isinf(most)) return most;
    for (size_t j = 0; j < m; j++) {
        double d = a[j] - r[j];
        if (d > 0 || !worse_only) sum += (d / most) * (d / most);
    }
    return most * sqrt(sum);
}

static double gap_distance(const double *a, const double *r, size_t m)
{
    return gap_norm(a, r, m, false);
}

static double gap_worse(const double *a, const double *r, size_t m)
{
    return gap_norm(a, r, m, true);
}

/* A set and the one it is held against. */
typedef struct {
    const double *a, *r;
    size_t n, k, m;
} TwoSets;

static double sets_nearest(const TwoSets *s, const double *r, GapFn gap)
{
    double least = INFINITY;
    for (size_t i = 0; i < s->n; i++) least = fmin(least, gap(&s->a[i * s->m], r, s->m));
    return least;
}

static double sets_worst(const TwoSets *s, GapFn gap)
{
    double most = -INFINITY;
    for (size_t i = 0; i < s->k; i++) most = fmax(most, sets_nearest(s, &s->r[i * s->m], gap));
    return most;
}

static double sets_mean(const TwoSets *s, GapFn gap)
{
    double sum = 0;
    for (size_t i = 0; i < s->k; i++) sum += sets_nearest(s, &s->r[i * s->m], gap);
    return sum / (double)s->k;
}

static double ind_eps_add(const TwoSets *s)
{
    return sets_worst(s, gap_shift);
}

static double ind_eps_mult(const TwoSets *s)
{
    return sets_worst(s, gap_factor);
}

static double ind_gd(const TwoSets *s)
{
    return sets_mean(&(TwoSets){s->r, s->a, s->k, s->n, s->m}, gap_distance);
}

static double ind_igd(const TwoSets *s)
{
    return sets_mean(s, gap_distance);
}

static double ind_igd_plus(const TwoSets *s)
{
    return sets_mean(s, gap_worse);
}

static double ind_hausdorff(const TwoSets *s)
{
    return fmax(ind_gd(s), ind_igd(s));
}

static const struct {
    const char *name;
    double (*value)(const TwoSets *s);
} indicators[PARETO_INDICATORS] = {
    [PARETO_EPS_ADD] = {"epsilon_add", ind_eps_add},
    [PARETO_EPS_MULT] = {"epsilon_mult", ind_eps_mult},
    [PARETO_GD] = {"gd", ind_gd},
    [PARETO_IGD] = {"igd", ind_igd},
    [PARETO_IGD_PLUS] = {"igd_plus", ind_igd_plus},
    [PARETO_HAUSDORFF] = {"avg_hausdorff", ind_hausdorff},
};

const char *pareto_indicator_name(ParetoIndicator kind)
{
    return kind < PARETO_INDICATORS ? indicators[kind].name : NULL;
}

/* A factor has a meaning only between values of one sign. */
static Status indicator_signs(const TwoSets *s, const double *pts, size_t n, Err *e)
{
    for (size_t i = 0; i < n * s->m; i++) {
        double first = s->r[i % s->m], x = pts[i];
        if ((x > 0 && first > 0) || (x < 0 && first < 0)) continue;
        FAIL(e, ERR_NUM, "epsilon_mult: objective %zu holds %g and %g, want values of one sign and no 0",
             i % s->m, first, x);
    }
    return OK;
}

Status pareto_indicator(double *out, ParetoIndicator kind, const double *a, size_t n, const double *r,
                        size_t k, size_t m, Err *e)
{
    assert(kind < PARETO_INDICATORS);
    const TwoSets s = {a, r, n, k, m};
    if (n == 0 || k == 0 || m == 0)
        FAIL(e, ERR_SHAPE, "%zu points against %zu of %zu objectives, want at least one of each", n, k, m);
    TRY(pareto_check_finite(a, n, m, e));
    TRY(pareto_check_finite(r, k, m, e));
    if (kind == PARETO_EPS_MULT) {
        TRY(indicator_signs(&s, r, k, e));
        TRY(indicator_signs(&s, a, n, e));
    }
    double value = indicators[kind].value(&s);
    if (!isfinite(value)) FAIL(e, ERR_NUM, "%s = %g, want a finite number", indicators[kind].name, value);
    *out = value;
    return OK;
}

/* Mean of w x over w in [from, to], and of (1 - w) y: x and y times half the difference of two squares. */
static double r2_part(double x, double from, double to)
{
    return 0.5 * x * (to - from) * (to + from);
}

/* front [n] by rising x, falling y, from the ideal point. With growing w the best point moves towards smaller
 * x: a point leads by (1 - w) y up to w = y / (x + y) and by w x from there on to where its left neighbour's
 * y takes over. */
static double r2_sum(const ParetoRow *front, size_t n, const double *ideal)
{
    double sum = 0, up = 1;
    for (size_t i = 0; i < n; i++) {
        double x = front[i].p[0] - ideal[0], y = front[i].p[1] - ideal[1];
        if (x == 0 && y == 0) return 0;
        double turn = y / (x + y), next = i + 1 < n ? front[i + 1].p[0] - ideal[0] : 0;
        double down = i + 1 < n ? y / (next + y) : 0;
        sum += r2_part(x, turn, up) + r2_part(y, 1 - turn, 1 - down);
        up = down;
    }
    return sum;
}

static Status r2_fill(double *out, Arena *a, const double *pts, size_t n, const double *ideal, Err *e)
{
    ParetoRow *front = arena_alloc(a, n, sizeof *front);
    if (front == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    pareto_rows(front, pts, n, 2);
    pareto_sort_first(front, n);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || front[i].p[1] < front[kept - 1].p[1]) front[kept++] = front[i];
    double value = r2_sum(front, kept, ideal);
    if (!isfinite(value)) FAIL(e, ERR_NUM, "r2 = %g, want a finite number", value);
    *out = value;
    return OK;
}

Status pareto_r2(double *out, const double *pts, size_t n, size_t m, const double *ideal, Err *e)
{
    if (m != 2) FAIL(e, ERR_UNSUP, "r2 of %zu objectives, want 2", m);
    if (n == 0) FAIL(e, ERR_SHAPE, "r2 of no points, want at least 1");
    TRY(pareto_check_finite(ideal, 1, 2, e));
    TRY(pareto_check_finite(pts, n, m, e));
    for (size_t i = 0; i < n * m; i++)
        if (pts[i] < ideal[i % m])
            FAIL(e, ERR_NUM, "objective %zu of point %zu = %g, want at least the ideal point's %g", i % m,
                 i / m, pts[i], ideal[i % m]);
    Arena a = {0};
    Status s = r2_fill(out, &a, pts, n, ideal, e);
    arena_free(&a);
    return s;
}
