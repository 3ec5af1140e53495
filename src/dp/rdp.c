/* rdp.c - the Renyi accountant. */
#include "prime/dp.h"
#include "prime/special.h"

#include <math.h>
#include <stdlib.h>

/* log(e^x - 1) for x > 0 */
static double log_expm1(double x)
{
    return x > 40 ? x : log(expm1(x));
}

/* log(1 + e^x) */
static double log_1p_exp(double x)
{
    return x > 40 ? x : log1p(exp(x));
}

/* log(A - 1) for a whole order: sum over k >= 2 of C(a, k) q^k (1 - q)^(a - k) (e^((k^2 - k) / 2 s^2) - 1).
 */
static double log_excess_whole(double q, double sigma, size_t alpha)
{
    double sum = -INFINITY, log_q = log(q), log_p = log1p(-q);
    for (size_t k = 2; k <= alpha; k++) {
        double rest = k == alpha ? 0 : (double)(alpha - k) * log_p; /* q = 1: log_p is -inf */
        double moment = (double)k * ((double)k - 1) / (2 * sigma * sigma);
        sum =
            special_log_add(sum, special_log_choose(alpha, k) + (double)k * log_q + rest + log_expm1(moment));
    }
    return sum;
}

/* log((1 + u)^a - 1 - a u) for u >= -1, a > 1, given log(1 + u): what convexity leaves, never negative. */
static double log_bernoulli(double u, double log_1pu, double a)
{
    if (fabs(u) * a < 0.1) { /* the binomial series from its third term on */
        double term = a * (a - 1) / 2 * u * u, sum = 0;
        for (size_t k = 3; fabs(term) > 1e-18 * sum; k++) {
            sum += term;
            term *= (a - (double)k + 1) / (double)k * u;
        }
        return log(sum);
    }
    double power = a * log_1pu;
    if (power > 40) return power + log1p(-(1 + a * u) * exp(-power));
    return log(expm1(power) - a * u);
}

/* log(A - 1) for any order, where A - 1 = E[(1 + u)^a - 1 - a u], u = q (e^((2z - 1) / 2 s^2) - 1), E[u] = 0.
 * The integrand is analytic within |Im z| < pi s^2 and falls as a normal density around 0 and around a, so
 * that the trapezium rule's error is far below rounding at the width taken here. */
static double log_excess_any(double q, double sigma, double a)
{
    double var = sigma * sigma, step = fmin(sigma / 3, var / 2), from = -13 * sigma;
    double to = a + 13 * sigma, sum = -INFINITY;
    size_t n = (size_t)ceil((to - from) / step);
    for (size_t i = 0; i <= n; i++) {
        double z = from + (double)i * step, loss = (2 * z - 1) / (2 * var);
        double u = q * expm1(loss), log_1pu = loss > 40 ? log_1p_exp(loss + log(q)) : log1p(u);
        if (u == 0) continue;
        if (loss > 700)
            sum = special_log_add(sum, a * log_1pu - z * z / (2 * var));
        else
            sum = special_log_add(sum, log_bernoulli(u, log_1pu, a) - z * z / (2 * var));
    }
    return sum + log(step / sigma) - 0.5 * log(2 * M_PI);
}

static Status rdp_check(double q, double sigma, double alpha, Err *e)
{
    TRY(dp_check(&(DpRun){q, sigma, 1, 0.5}, e));
    if (!(alpha > 1 && alpha <= DP_MAX_ORDER))
        FAIL(e, ERR_ARG, "alpha = %g, want (1, %d]", alpha, DP_MAX_ORDER);
    return OK;
}

Status dp_rdp_step(double *rdp, double q, double sigma, double alpha, Err *e)
{
    TRY(rdp_check(q, sigma, alpha, e));
    if (q == 1) {
        *rdp = alpha / (2 * sigma * sigma);
        return OK;
    }
    double excess =
        alpha == floor(alpha) ? log_excess_whole(q, sigma, (size_t)alpha) : log_excess_any(q, sigma, alpha);
    *rdp = log_1p_exp(excess) / (alpha - 1);
    return OK;
}

DpEps dp_rdp_to_eps(const double *rdp, const double *order, size_t n, double delta)
{
    DpEps best = {INFINITY, NAN};
    for (size_t i = 0; i < n; i++) {
        double a = order[i], epsilon = rdp[i] - (log(delta) + log(a)) / (a - 1) + log1p(-1 / a);
        if (delta * delta >= -expm1(-rdp[i])) epsilon = 0;
        if (epsilon <= 0) return (DpEps){0, NAN};
        if (epsilon < best.epsilon) best = (DpEps){epsilon, a};
    }
    return best;
}

Status dp_rdp_epsilon_at(DpEps *out, const DpRun *run, const double *order, size_t n, Err *e)
{
    TRY(dp_check(run, e));
    if (n == 0) FAIL(e, ERR_ARG, "no orders");
    double *rdp = malloc(n * sizeof *rdp);
    if (rdp == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu orders", n);
    Status s = OK;
    for (size_t i = 0; s == OK && i < n; i++) {
        s = dp_rdp_step(&rdp[i], run->q, run->sigma, order[i], e);
        if (s == OK) rdp[i] *= (double)run->steps;
    }
    if (s == OK) *out = dp_rdp_to_eps(rdp, order, n, run->delta);
    free(rdp);
    return s;
}

enum { RDP_WHOLE_FROM = 63, RDP_LAST = 4096, RDP_ROOM = 400 };

static size_t rdp_orders(double order[RDP_ROOM])
{
    size_t n = 0;
    order[n++] = 1.01;
    for (double over = 0.01; over < RDP_LAST; over *= 1.04)
        order[n++] = over < RDP_WHOLE_FROM ? 1 + over * 1.04 : ceil(1 + over * 1.04);
    return n;
}

/* Golden section over orders in (lo, hi), from what the grid has found. */
static Status rdp_refine(DpEps *best, const DpRun *run, double lo, double hi, Err *e)
{
    const double golden = 0.6180339887498949;
    double at[2] = {hi - golden * (hi - lo), lo + golden * (hi - lo)};
    DpEps got[2];
    for (size_t i = 0; i < 2; i++) TRY(dp_rdp_epsilon_at(&got[i], run, &at[i], 1, e));
    while (hi - lo > 1e-5 * (lo - 1)) {
        size_t worse = got[0].epsilon < got[1].epsilon ? 1 : 0, better = 1 - worse;
        if (got[better].epsilon < best->epsilon) *best = got[better];
        *(worse == 1 ? &hi : &lo) = at[worse];
        at[worse] = at[better];
        got[worse] = got[better];
        at[better] = worse == 1 ? hi - golden * (hi - lo) : lo + golden * (hi - lo);
        TRY(dp_rdp_epsilon_at(&got[better], run, &at[better], 1, e));
    }
    return OK;
}

Status dp_rdp_epsilon(DpEps *out, const DpRun *run, Err *e)
{
    double order[RDP_ROOM];
    size_t n = rdp_orders(order), i = 0;
    DpEps best = {0};
    TRY(dp_rdp_epsilon_at(&best, run, order, n, e));
    if (best.epsilon > 0) {
        while (order[i] != best.order) i++;
        TRY(rdp_refine(&best, run, order[i > 0 ? i - 1 : 0], order[i + 1 < n ? i + 1 : i], e));
    }
    *out = best;
    return OK;
}
