#include "prime/special.h"

#include "num_priv.h"

#include <assert.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_erf.h>
#include <math.h>

double special_log_norm_cdf(double z)
{
    if (z == -INFINITY) return -INFINITY;
    if (z > 5) return log1p(-0.5 * erfc(z / M_SQRT2)); /* the logarithm of almost 1 */
    if (z < -1e7) return -z * z / 2 - log(-z) - 0.5 * log(2 * M_PI);
    num_gsl();
    return gsl_sf_log_erfc(-z / M_SQRT2) - M_LN2;
}

/* lgamma writes to a global of its own; this form does not, and the sign is known. */
static double log_gamma_pos(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

double special_log_choose(size_t n, size_t k)
{
    if (k > n) return -INFINITY;
    if (k == 0 || k == n) return 0;
    return log_gamma_pos((double)n + 1) - log_gamma_pos((double)k + 1) - log_gamma_pos((double)(n - k) + 1);
}

double special_log_add(double a, double b)
{
    double hi = a > b ? a : b, lo = a > b ? b : a;
    return lo == -INFINITY ? hi : hi + log1p(exp(lo - hi));
}

double special_binom_tail(size_t k, size_t n, double p)
{
    assert(p >= 0 && p <= 1);
    if (k == 0) return 1;
    if (k > n || p == 0) return 0;
    if (p == 1) return 1;
    num_gsl();
    return gsl_cdf_beta_P(p, (double)k, (double)(n - k) + 1);
}
