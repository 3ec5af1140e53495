#include "prime/exposure.h"

#include "prime/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static Status exposure_check(const double *x, size_t n, const char *what, Err *e)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) FAIL(e, ERR_NUM, "loss of %s %zu = %g, want a finite number", what, i, x[i]);
    return OK;
}

/* How many of r [m], ascending, are at most x. */
static size_t losses_up_to(const double *r, size_t m, double x)
{
    size_t lo = 0, hi = m;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (r[mid] <= x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

Status exposure_rank(double *bits, size_t *rank, const double *x, size_t n, const double *r, size_t m, Err *e)
{
    if (m == 0) FAIL(e, ERR_SHAPE, "no references to rank among");
    TRY(exposure_check(x, n, "secret", e));
    TRY(exposure_check(r, m, "reference", e));
    double *sorted = malloc(m * sizeof *sorted);
    if (sorted == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu references", m);
    memcpy(sorted, r, m * sizeof *sorted);
    stats_sort(sorted, m);
    for (size_t i = 0; i < n; i++) {
        size_t at = 1 + losses_up_to(sorted, m, x[i]);
        bits[i] = log2((double)m) - log2((double)at);
        if (rank != NULL) rank[i] = at;
    }
    free(sorted);
    return OK;
}

double exposure_bits(const SkewNorm *d, double x)
{
    return -skewnorm_logcdf(d, x) / 0.69314718055994530942;
}

Status exposure_fit(double *bits, SkewNorm *d, const double *x, size_t n, const double *r, size_t m, Err *e)
{
    double nll = 0;
    TRY(exposure_check(x, n, "secret", e));
    TRY(skewnorm_fit(d, &nll, r, m, e));
    for (size_t i = 0; i < n; i++) bits[i] = exposure_bits(d, x[i]);
    return OK;
}
