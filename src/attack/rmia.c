#include "prime/rmia.h"

#include "prime/stats.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

double rmia_prior(const double *p, size_t n)
{
    assert(n > 0);
    return stats_mean(p, n);
}

double rmia_prior_offline(const double *p_out, size_t n, double a)
{
    assert(a >= 0 && a <= 1);
    return ((1 + a) * rmia_prior(p_out, n) + 1 - a) / 2;
}

static Status rmia_check(const double *x, size_t n, const char *what, Err *e)
{
    for (size_t i = 0; i < n; i++)
        if (!(x[i] > 0) || !isfinite(x[i]))
            FAIL(e, ERR_NUM, "ratio of %s %zu = %g, want a positive number", what, i, x[i]);
    return OK;
}

/* How many of z [m], ascending, are at most x. */
static size_t count_up_to(const double *z, size_t m, double x)
{
    size_t lo = 0, hi = m;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (z[mid] <= x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

Status rmia_scores(double *score, const double *x, size_t n, const double *z, size_t m, double gamma, Err *e)
{
    if (m == 0) FAIL(e, ERR_SHAPE, "a population of no texts");
    if (!(gamma > 0)) FAIL(e, ERR_ARG, "gamma = %g, want more than 0", gamma);
    TRY(rmia_check(x, n, "record", e));
    TRY(rmia_check(z, m, "population text", e));
    double *sorted = malloc(m * sizeof *sorted);
    if (sorted == NULL) FAIL(e, ERR_NOMEM, "no memory for a population of %zu", m);
    for (size_t i = 0; i < m; i++) sorted[i] = gamma * z[i];
    stats_sort(sorted, m);
    for (size_t i = 0; i < n; i++) score[i] = (double)count_up_to(sorted, m, x[i]) / (double)m;
    free(sorted);
    return OK;
}
