#include "prime/skewnorm.h"

#include "num_priv.h"

#include "prime/stats.h"

#include <gsl/gsl_integration.h>
#include <gsl/gsl_multimin.h>
#include <gsl/gsl_sf_erf.h>
#include <math.h>
#include <stdbool.h>

static const double log_2 = 0.69314718055994530942, log_root_2pi = 0.91893853320467274178;

/* log Phi(z), without underflow; where powers of z would overflow in the library, as its limits. */
static double log_phi(double z)
{
    if (z > 1e6) return 0;
    if (z < -1e6) return -z * z / 2 - log(-z) - log_root_2pi;
    return gsl_sf_log_erfc(-z * 0.70710678118654752440) - log_2;
}

double skewnorm_logpdf(const SkewNorm *d, double x)
{
    double z = (x - d->loc) / d->scale;
    num_gsl();
    return log_2 - log(d->scale) - log_root_2pi - z * z / 2 + log_phi(d->shape * z);
}

/* ---- distribution function ---- */

/* log of the standard density, scale 1 and location 0. */
static double std_logpdf(double shape, double z)
{
    return log_2 - log_root_2pi - z * z / 2 + log_phi(shape * z);
}

enum { GAUSS = 20, MAX_PANELS = 4000, FAR = 1000 };

/* Nodes on [-1, 1] and weights; written by the first caller in a thread's own copy. */
typedef struct {
    double x[GAUSS], w[GAUSS];
} GaussRule;

static bool gauss_rule(GaussRule *r)
{
    gsl_integration_glfixed_table *t = gsl_integration_glfixed_table_alloc(GAUSS);
    if (t == NULL) return false;
    for (size_t i = 0; i < GAUSS; i++) gsl_integration_glfixed_point(-1, 1, i, &r->x[i], &r->w[i], t);
    gsl_integration_glfixed_table_free(t);
    return true;
}

/* Integral of exp(logpdf - top) over [a, b]. */
static double panel(const GaussRule *r, double shape, double a, double b, double top)
{
    double sum = 0;
    for (size_t i = 0; i < GAUSS; i++)
        sum += r->w[i] * exp(std_logpdf(shape, (a + b) / 2 + (b - a) / 2 * r->x[i]) - top);
    return sum * (b - a) / 2;
}

/* How fast the log-density can change below z <= 0: panels are shorter than this allows. Where shape z is
 * large, Phi(shape z) is 1 from there on. */
static double panel_width(double shape, double z)
{
    if (shape * z > 10) return 1 / (1 + fabs(z));
    return 1 / (1 + fabs(z) * (1 + (shape * z < 0 ? shape * shape : 0)) + fabs(shape));
}

/* Where shape z is far below 0, panels are shorter than what is left of z's digits. With Phi(y) = phi(y) /
 * |y| (1 - 1 / y^2 + ...) the integral is an exponential integral of v, whose series is cut behind 1 / v: the
 * error is below 1e-11. */
static double far_logcdf(double shape, double z)
{
    double a = 1 + shape * shape, v = a * z * z / 2;
    return -v - log(2 * M_PI * shape) - log(v) + log1p(-(1 + a / (2 * shape * shape)) / v);
}

/* z <= 0. The density is log-concave: going down from z, once it has fallen e^60 below its largest value on
 * the way, what is left is below 1e-20 of the sum. */
static double std_logcdf(double shape, double z)
{
    GaussRule r;
    if (shape * z < -FAR) return far_logcdf(fabs(shape), z);
    if (!gauss_rule(&r)) return NAN;
    double top = std_logpdf(shape, z), b = z, sum = 0;
    for (size_t i = 0; i < MAX_PANELS; i++) {
        double a = b - panel_width(shape, b), low = std_logpdf(shape, a);
        if (low > top) {
            sum *= exp(top - low);
            top = low;
        }
        sum += panel(&r, shape, a, b, top);
        b = a;
        if (low < top - 60) return top + log(sum);
    }
    return NAN;
}

double skewnorm_logcdf(const SkewNorm *d, double x)
{
    double z = (x - d->loc) / d->scale;
    num_gsl();
    if (isinf(z)) return z > 0 ? 0 : -INFINITY;
    /* Above the middle the upper tail is the small one: 1 - F(z; shape) = F(-z; -shape). */
    return z > 0 ? log1p(-exp(std_logcdf(-d->shape, -z))) : std_logcdf(d->shape, z);
}

/* ---- fit ---- */

typedef struct {
    const double *x;
    size_t n;
} SkewSample;

static SkewNorm skew_of(const gsl_vector *v)
{
    return (SkewNorm){gsl_vector_get(v, 0), gsl_vector_get(v, 1), exp(gsl_vector_get(v, 2))};
}

static double skew_nll(const gsl_vector *v, void *ctx)
{
    const SkewSample *s = ctx;
    SkewNorm d = skew_of(v);
    double sum = 0;
    for (size_t i = 0; i < s->n; i++) sum -= skewnorm_logpdf(&d, s->x[i]);
    return isfinite(sum) ? sum : 1e300;
}

/* One search from v, which ends at the best point. */
static double skew_search(gsl_multimin_fminimizer *m, gsl_vector *v, gsl_vector *step, SkewSample *s)
{
    gsl_multimin_function f = {skew_nll, 3, s};
    if (gsl_multimin_fminimizer_set(m, &f, v, step) != 0) return INFINITY;
    for (size_t i = 0; i < 2000; i++) {
        if (gsl_multimin_fminimizer_iterate(m) != 0) break;
        if (gsl_multimin_fminimizer_size(m) < 1e-9) break;
    }
    gsl_vector_memcpy(v, gsl_multimin_fminimizer_x(m));
    return gsl_multimin_fminimizer_minimum(m);
}

/* Location and scale that give the sample's mean and sd at this shape. */
static void skew_start(gsl_vector *v, gsl_vector *step, double shape, double mean, double sd)
{
    double delta = shape / sqrt(1 + shape * shape), m = delta * 0.79788456080286535588;
    double scale = sd / sqrt(1 - m * m);
    gsl_vector_set(v, 0, shape);
    gsl_vector_set(v, 1, mean - scale * m);
    gsl_vector_set(v, 2, log(scale));
    gsl_vector_set(step, 0, 0.5);
    gsl_vector_set(step, 1, sd / 4);
    gsl_vector_set(step, 2, 0.2);
}

static void skew_best(SkewNorm *d, double *nll, gsl_multimin_fminimizer *m, gsl_vector *v, gsl_vector *step,
                      SkewSample *s, double mean, double sd)
{
    static const double shapes[] = {-4, -1, 0.25, 1, 4};
    *nll = INFINITY;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        skew_start(v, step, shapes[i], mean, sd);
        skew_search(m, v, step, s);
        double got = skew_search(m, v, step, s); /* again from there: a simplex may have collapsed */
        if (got < *nll) {
            *nll = got;
            *d = skew_of(v);
        }
    }
}

Status skewnorm_fit(SkewNorm *d, double *nll, const double *x, size_t n, Err *e)
{
    if (n < 3) FAIL(e, ERR_SHAPE, "%zu values, want at least 3 to fit a skew normal", n);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) FAIL(e, ERR_NUM, "value %zu = %g, want a finite number", i, x[i]);
    double mean = stats_mean(x, n), sd = stats_sd(x, n), best = INFINITY;
    if (!(sd > 0)) FAIL(e, ERR_NUM, "all values are %g: no distribution to fit", x[0]);
    num_gsl();
    SkewSample s = {x, n};
    SkewNorm got = {0};
    gsl_multimin_fminimizer *m = gsl_multimin_fminimizer_alloc(gsl_multimin_fminimizer_nmsimplex2, 3);
    gsl_vector *v = gsl_vector_alloc(3), *step = gsl_vector_alloc(3);
    if (m != NULL && v != NULL && step != NULL) skew_best(&got, &best, m, v, step, &s, mean, sd);
    if (m != NULL) gsl_multimin_fminimizer_free(m);
    if (v != NULL) gsl_vector_free(v);
    if (step != NULL) gsl_vector_free(step);
    if (isinf(best)) FAIL(e, ERR_NOMEM, "no memory to fit a skew normal to %zu values", n);
    *d = got;
    *nll = best;
    return OK;
}
