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

/* The interval's t, were the deviation known, over a = Phi^-1(AUC): it rises with a. */
enum { POWER_GRID = 256 };
static const double power_top = 5; /* AUC up to 1 - 3e-7 */

typedef struct {
    const PowerPlan *p;
    double q, t[POWER_GRID + 1];
} PowerTable;

static void power_table(PowerTable *w, const PowerPlan *p)
{
    size_t least = p->users_pos < p->users_neg ? p->users_pos : p->users_neg;
    *w = (PowerTable){.p = p, .q = stats_t_q((1 + p->level) / 2, (double)least - 1)};
    for (size_t i = 0; i <= POWER_GRID; i++) {
        double a = power_top * (double)i / POWER_GRID;
        w->t[i] = (stats_norm_cdf(a) - 0.5) / sqrt(power_var(p, a));
        if (i > 0 && w->t[i] < w->t[i - 1]) w->t[i] = w->t[i - 1]; /* rounding, next to AUC 1 */
    }
}

/* The AUC from which on the interval lies above 0.5, when the estimated deviation is s times what it should
 * be. */
static double power_threshold(const PowerTable *w, double s)
{
    double want = w->q * s;
    size_t lo = 0, hi = POWER_GRID;
    if (want > w->t[hi]) return INFINITY;
    while (hi - lo > 1) {
        size_t mid = (lo + hi) / 2;
        *(w->t[mid] < want ? &lo : &hi) = mid;
    }
    double step = w->t[hi] - w->t[lo], part = step > 0 ? (want - w->t[lo]) / step : 0;
    return stats_norm_cdf(power_top * ((double)lo + part) / POWER_GRID);
}

/* The mean over s = sqrt(chi-square / df) of the chance that the estimate lies above the threshold of s. */
static double power_at(const PowerTable *w, double a)
{
    enum { STEPS = 1000 };
    double df = power_df(w->p, a), to = 1 + 12 / sqrt(df), h = to / STEPS, sum = 0;
    double scale = log(2) + df / 2 * log(df / 2) - lgamma(df / 2);
    double sd = sqrt(power_var(w->p, a)), auc = stats_norm_cdf(a);
    for (size_t i = 0; i <= STEPS; i++) {
        double s = h * (double)i;
        double log_f = scale - df * s * s / 2 + (df == 1 ? 0 : (df - 1) * log(s));
        double weight = i == 0 || i == STEPS ? 1 : i % 2 == 1 ? 4 : 2;
        sum += weight * exp(log_f) * stats_norm_cdf((auc - power_threshold(w, s)) / sd);
    }
    return fmin(1, sum * h / 3);
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
    PowerTable w;
    power_table(&w, p);
    *out = power_at(&w, stats_norm_q(auc));
    return OK;
}

Status power_min_auc(double *out, const PowerPlan *p, double power, Err *e)
{
    if (!(power > 0 && power < 1)) FAIL(e, ERR_ARG, "power = %g, want (0, 1)", power);
    TRY(power_check(p, e));
    PowerTable w;
    power_table(&w, p);
    double lo = 0, hi = power_top;
    if (power_at(&w, hi) < power) {
        *out = NAN;
        return OK;
    }
    for (size_t i = 0; i < 50; i++) {
        double mid = (lo + hi) / 2;
        *(power_at(&w, mid) < power ? &lo : &hi) = mid;
    }
    *out = stats_norm_cdf(hi);
    return OK;
}
