#include "prime/ratio.h"

#include "prime/stats.h"

#include <math.h>
#include <string.h>

/* 1/x - 1/m + 1/y - 1/n: the variance of the logarithm */
static double ratio_log_var(double x, double m, double y, double n)
{
    return fmax(0, 1 / x - 1 / m + 1 / y - 1 / n);
}

static void ratio_unfill(double *x, double m, double *y, double n)
{
    if (*x < m || *y < n) return;
    *x -= 0.5;
    *y -= 0.5;
}

static double ratio_katz(double x, double m, double y, double n, double z, double alpha)
{
    (void)alpha;
    if (x <= 0) return 0;
    ratio_unfill(&x, m, &y, n);
    if (y <= 0) y = 0.5;
    return x / m / (y / n) * exp(-z * sqrt(ratio_log_var(x, m, y, n)));
}

static double ratio_adjusted(double x, double m, double y, double n, double z, double alpha)
{
    (void)alpha;
    if (x <= 0 && y <= 0) return 0;
    ratio_unfill(&x, m, &y, n);
    double a = x + 0.5, b = m + 0.5, c = y + 0.5, d = n + 0.5;
    return a / b / (c / d) * exp(-z * sqrt(ratio_log_var(a, b, c, d)));
}

static double ratio_bailey(double x, double m, double y, double n, double z, double alpha)
{
    (void)alpha;
    if (x <= 0) return 0;
    if (x >= m) x -= 0.5;
    if (y >= n) y -= 0.5;
    if (y <= 0) y = 0.5;
    double q1 = 1 - x / m, q2 = 1 - y / n;
    double root = sqrt(fmax(0, q1 / x + q2 / y - z * z * q1 * q2 / (9 * x * y)));
    return x / m / (y / n) * pow((1 - z * root / 3) / (1 - z * z * q2 / (9 * y)), 3);
}

static double ratio_sinh(double x, double m, double y, double n, double z, double alpha)
{
    (void)alpha;
    if (x <= 0) return 0;
    ratio_unfill(&x, m, &y, n);
    if (y <= 0) y = z * z;
    return x / m / (y / n) * exp(-2 * asinh(z / 2 * sqrt(ratio_log_var(x, m, y, n))));
}

static double ratio_exact(double x, double m, double y, double n, double z, double alpha)
{
    (void)z;
    double lo, hi, skip;
    stats_clopper_pearson(&lo, &skip, (size_t)x, (size_t)m, 1 - alpha);
    stats_clopper_pearson(&skip, &hi, (size_t)y, (size_t)n, 1 - alpha);
    return lo / hi;
}

static const RatioBound table[] = {
    {"katz-log", "normal on the log scale", "Katz, Baptista, Azen and Pike 1978", ratio_katz},
    {"adjusted-log", "the same with half a count added to each",
     "Walter 1975; Pettigrew, Gart and Thomas 1986", ratio_adjusted},
    {"bailey", "normal on the cube-root scale", "Bailey 1987", ratio_bailey},
    {"inv-sinh", "inverse hyperbolic sine of Katz's step", "Newcombe 2001", ratio_sinh},
    {"clopper-pearson", "exact bounds of both rates, half the error each", "Clopper and Pearson 1934",
     ratio_exact},
};
enum { N_RATIO = sizeof table / sizeof table[0] };

const RatioBound *ratio_bound_at(size_t i)
{
    return i < N_RATIO ? &table[i] : NULL;
}

Status ratio_lower(double *out, const char *name, size_t x, size_t m, size_t y, size_t n, double alpha,
                   Err *e)
{
    if (m == 0 || x > m) FAIL(e, ERR_ARG, "%zu of %zu, want at most all of at least 1", x, m);
    if (n == 0 || y > n) FAIL(e, ERR_ARG, "%zu of %zu, want at most all of at least 1", y, n);
    if (!(alpha > 0 && alpha < 0.5)) FAIL(e, ERR_ARG, "alpha = %g, want (0, 0.5)", alpha);
    for (size_t i = 0; i < N_RATIO; i++) {
        if (strcmp(table[i].name, name) != 0) continue;
        *out = table[i].fn((double)x, (double)m, (double)y, (double)n, stats_norm_q(1 - alpha), alpha);
        return OK;
    }
    FAIL(e, ERR_ARG, "bound '%s', want katz-log, adjusted-log, bailey, inv-sinh or clopper-pearson", name);
}
