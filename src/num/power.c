#include "prime/power.h"

#include "prime/stats.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

/* K(r) of the header, by Simpson's rule: the integrand is smooth, and 0 at t = -pi/2. */
static double power_cov(double a, double r)
{
    enum { STEPS = 128 };
    double to = asin(fmin(1, fmax(-1, r))), h = to / STEPS, sum = 0;
    for (size_t i = 0; i <= STEPS; i++) {
        double s = 1 + sin(h * (double)i);
        double y = s > 0 ? exp(-a * a / s) : 0;
        sum += (i == 0 || i == STEPS ? 1 : i % 2 == 1 ? 4 : 2) * y;
    }
    return sum * h / 3 / (2 * pi);
}

/* One side: how often two records drawn with replacement are the same, of one person, of two. */
typedef struct {
    double share[3], corr[3];
} PowerSide;

static PowerSide power_side(size_t users, size_t records, double icc)
{
    double u = (double)users, r = (double)records;
    return (PowerSide){{1 / (u * r), (r - 1) / (u * r), (u - 1) / u}, {1, icc, 0}};
}

/* The part of the variance that one side alone makes. */
static double power_side_var(const PowerSide *s, double a)
{
    return s->share[0] * power_cov(a, 0.5) + s->share[1] * power_cov(a, s->corr[1] / 2);
}

static double power_var(const PowerPlan *p, double a)
{
    PowerSide x = power_side(p->users_pos, p->records_pos, p->icc),
              y = power_side(p->users_neg, p->records_neg, p->icc);
    double var = 0;
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++)
            var += x.share[i] * y.share[j] * power_cov(a, (x.corr[i] + y.corr[j]) / 2);
    if (p->same_people) var += 2 * power_cov(a, -p->icc / 2) / (double)p->users_pos;
    return var;
}

double power_auc_sd(const PowerPlan *p, double auc)
{
    return sqrt(power_var(p, stats_norm_q(auc)));
}

/* Of the estimated variance: a sum of two, each with its users less one. */
static double power_df(const PowerPlan *p, double a)
{
    double f = (double)p->users_pos - 1, g = (double)p->users_neg - 1;
    if (p->same_people) return f;
    PowerSide x = power_side(p->users_pos, p->records_pos, p->icc),
              y = power_side(p->users_neg, p->records_neg, p->icc);
    double v = power_side_var(&x, a), w = power_side_var(&y, a);
    return (v + w) * (v + w) / (v * v / f + w * w / g);
}

/* P(T > q) of a noncentral t: the mean of Phi(shift - q s) over s = sqrt(chi-square / df). */
static double power_noncentral(double q, double df, double shift)
{
    enum { STEPS = 2000 };
    double to = 1 + 12 / sqrt(df), h = to / STEPS, sum = 0;
    double scale = log(2) + df / 2 * log(df / 2) - lgamma(df / 2);
    for (size_t i = 0; i <= STEPS; i++) {
        double s = h * (double)i;
        double log_f = scale - df * s * s / 2 + (df == 1 ? 0 : (df - 1) * log(s));
        double weight = i == 0 || i == STEPS ? 1 : i % 2 == 1 ? 4 : 2;
        sum += weight * exp(log_f) * stats_norm_cdf(shift - q * s);
    }
    return fmin(1, sum * h / 3);
}

static double power_at(const PowerPlan *p, double a)
{
    size_t least = p->users_pos < p->users_neg ? p->users_pos : p->users_neg;
    double q = stats_t_q((1 + p->level) / 2, (double)least - 1);
    return power_noncentral(q, power_df(p, a), (stats_norm_cdf(a) - 0.5) / sqrt(power_var(p, a)));
}

static Status power_check(const PowerPlan *p, Err *e)
{
    if (p->users_pos < 2 || p->users_neg < 2)
        FAIL(e, ERR_ARG, "users = %zu and %zu, want at least 2 on each side", p->users_pos, p->users_neg);
    if (p->records_pos < 1 || p->records_neg < 1)
        FAIL(e, ERR_ARG, "records = %zu and %zu, want at least 1 per user", p->records_pos, p->records_neg);
    if (!(p->icc >= 0 && p->icc < 1)) FAIL(e, ERR_ARG, "icc = %g, want [0, 1)", p->icc);
    if (!(p->level > 0 && p->level < 1)) FAIL(e, ERR_ARG, "level = %g, want (0, 1)", p->level);
    if (p->same_people && p->users_pos != p->users_neg)
        FAIL(e, ERR_ARG, "users = %zu and %zu, want the same number for the same people", p->users_pos,
             p->users_neg);
    return OK;
}

Status power_of_auc(double *out, const PowerPlan *p, double auc, Err *e)
{
    if (!(auc > 0 && auc < 1)) FAIL(e, ERR_ARG, "auc = %g, want (0, 1)", auc);
    TRY(power_check(p, e));
    *out = power_at(p, stats_norm_q(auc));
    return OK;
}

Status power_min_auc(double *out, const PowerPlan *p, double power, Err *e)
{
    if (!(power > 0 && power < 1)) FAIL(e, ERR_ARG, "power = %g, want (0, 1)", power);
    TRY(power_check(p, e));
    double lo = 0, hi = 5; /* AUC up to 1 - 3e-7 */
    if (power_at(p, hi) < power) {
        *out = NAN;
        return OK;
    }
    for (size_t i = 0; i < 50; i++) {
        double mid = (lo + hi) / 2;
        *(power_at(p, mid) < power ? &lo : &hi) = mid;
    }
    *out = stats_norm_cdf(hi);
    return OK;
}
