/* gauss.c - the Gaussian mechanism and the Gaussian limit of many steps. */
#include "prime/dp.h"
#include "prime/special.h"

#include <math.h>

#define GAUSS_MAX 1e6 /* of mu: epsilon is about mu^2 / 2 */

/* phi(a) = e^eps phi(b) for a = eps/mu - mu/2, b = a + mu: both terms are taken as logarithms, so that
 * neither e^eps nor a tail leaves the range of a double. */
double dp_gauss_delta(double mu, double epsilon)
{
    double at = epsilon / mu, first = special_log_norm_cdf(mu / 2 - at);
    double second = epsilon + special_log_norm_cdf(-mu / 2 - at);
    return second >= first ? 0 : exp(first) * -expm1(second - first);
}

/* The least x in [0, inf) with fn(x) <= want, for a falling fn; 0 if that holds already. */
static double fall_to(double (*fn)(double x, double given), double given, double want)
{
    double lo = 0, hi = 1;
    if (fn(0, given) <= want) return 0;
    while (fn(hi, given) > want) lo = hi, hi *= 2;
    for (double mid; mid = lo + (hi - lo) / 2, mid > lo && mid < hi;)
        if (fn(mid, given) > want)
            lo = mid;
        else
            hi = mid;
    return hi;
}

static double gauss_of_eps(double epsilon, double mu)
{
    return dp_gauss_delta(mu, epsilon);
}

static double gauss_of_sigma(double sigma, double epsilon)
{
    return sigma == 0 ? 1 : dp_gauss_delta(1 / sigma, epsilon);
}

static Status gauss_check_delta(double delta, Err *e)
{
    if (!(delta > 0 && delta < 1)) FAIL(e, ERR_ARG, "delta = %g, want (0, 1)", delta);
    return OK;
}

Status dp_gauss_epsilon(double *epsilon, double mu, double delta, Err *e)
{
    TRY(gauss_check_delta(delta, e));
    if (!(mu > 0 && mu <= GAUSS_MAX))
        FAIL(e, ERR_ARG, "sensitivity / sigma = %g, want (0, %g]", mu, GAUSS_MAX);
    *epsilon = fall_to(gauss_of_eps, mu, delta);
    return OK;
}

Status dp_gauss_sigma(double *sigma, double epsilon, double delta, Err *e)
{
    TRY(gauss_check_delta(delta, e));
    if (!(epsilon > 0 && isfinite(epsilon))) FAIL(e, ERR_ARG, "epsilon = %g, want > 0", epsilon);
    *sigma = fall_to(gauss_of_sigma, epsilon, delta);
    return OK;
}

double dp_gdp_mu(const DpRun *run)
{
    return run->q * sqrt((double)run->steps * expm1(1 / (run->sigma * run->sigma)));
}

Status dp_gdp_epsilon(DpEps *out, const DpRun *run, Err *e)
{
    double epsilon = 0;
    TRY(dp_check(run, e));
    double mu = dp_gdp_mu(run);
    if (!(mu <= GAUSS_MAX)) FAIL(e, ERR_NUM, "sigma = %g is too small for the Gaussian limit", run->sigma);
    TRY(dp_gauss_epsilon(&epsilon, mu, run->delta, e));
    *out = (DpEps){epsilon, NAN};
    return OK;
}
