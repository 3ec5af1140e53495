#include "prime/dp_audit.h"

#include "prime/dp.h"
#include "prime/special.h"
#include "prime/stats.h"

#include <math.h>
#include <stdbool.h>

static Status check_rates(double delta, double least, double p, const char *name, Err *e)
{
    if (!(delta >= least && delta < 1))
        FAIL(e, ERR_ARG, "delta = %g, want %s0, 1)", delta, least > 0 ? "(" : "[");
    if (!(p > 0 && p < 1)) FAIL(e, ERR_ARG, "%s = %g, want (0, 1)", name, p);
    return OK;
}

/* ---- one run ---- */

static Status one_run_check(const DpOneRun *a, Err *e)
{
    if (a->m == 0) FAIL(e, ERR_ARG, "m = 0 canaries, want at least 1");
    if (a->guesses > a->m) FAIL(e, ERR_ARG, "guesses = %zu, want at most m = %zu", a->guesses, a->m);
    if (a->correct > a->guesses)
        FAIL(e, ERR_ARG, "correct = %zu, want at most guesses = %zu", a->correct, a->guesses);
    return check_rates(a->delta, 0, a->p, "p", e);
}

/* P[Bin(r, q) = k] with q = e^eps / (1 + e^eps), both logarithms exact where q is almost 1. */
static double one_run_mass(size_t r, size_t k, double epsilon)
{
    double log_q = -log1p(exp(-epsilon));
    return exp(special_log_choose(r, k) + (double)r * log_q - (double)(r - k) * epsilon);
}

static double one_run_p_value(const DpOneRun *a, double epsilon)
{
    size_t v = a->correct;
    double beta = special_binom_tail(v, a->guesses, 1 / (1 + exp(-epsilon))), alpha = 0, between = 0;
    for (size_t i = 1; a->delta > 0 && i <= v; i++) {
        between += one_run_mass(a->guesses, v - i, epsilon);
        alpha = fmax(alpha, between / (double)i);
    }
    return fmin(1, beta + 2 * (double)a->m * a->delta * alpha);
}

Status dp_one_run_p(double *p, const DpOneRun *a, double epsilon, Err *e)
{
    TRY(one_run_check(a, e));
    if (!(epsilon >= 0 && isfinite(epsilon))) FAIL(e, ERR_ARG, "epsilon = %g, want >= 0", epsilon);
    *p = one_run_p_value(a, epsilon);
    return OK;
}

/* The last x >= 0 at which `refuted` holds, to 1e-9, where it holds up to some point below `most`. */
static double last_refuted(bool (*refuted)(const DpOneRun *a, double x), const DpOneRun *a, double most)
{
    double lo = 0, hi = 1;
    if (!refuted(a, 0)) return 0;
    while (hi < most && refuted(a, hi)) lo = hi, hi *= 2;
    while (hi - lo > 1e-9) {
        double mid = (lo + hi) / 2;
        if (refuted(a, mid))
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

static bool one_run_refutes(const DpOneRun *a, double epsilon)
{
    return one_run_p_value(a, epsilon) < a->p;
}

Status dp_one_run_epsilon(double *epsilon, const DpOneRun *a, Err *e)
{
    TRY(one_run_check(a, e));
    *epsilon = last_refuted(one_run_refutes, a, 1e4);
    return OK;
}

/* Whether a mechanism with that mu would let so many guesses be right with probability below p: r and h bound
 * the chances of i or more right and wrong guesses, carried from i = correct down to 0. */
static bool fdp_refutes(const DpOneRun *a, double mu)
{
    double m = (double)a->m, n = (double)a->guesses, c = (double)a->correct;
    double r = a->p * c / m, h = a->p * (n - c) / m;
    for (size_t i = a->correct; i-- > 0 && r + h <= n / m;) {
        double next = fmax(h, stats_norm_cdf(stats_norm_q(r) - mu));
        r += (double)i / (n - (double)i) * (next - h);
        h = next;
    }
    return r + h > n / m;
}

Status dp_one_run_fdp(double *epsilon, double *mu, const DpOneRun *a, Err *e)
{
    TRY(one_run_check(a, e));
    TRY(check_rates(a->delta, 1e-300, a->p, "p", e));
    double most = a->correct > 0 ? last_refuted(fdp_refutes, a, 40) : 0, got = 0;
    if (most > 0) TRY(dp_gauss_epsilon(&got, most, a->delta, e));
    *epsilon = got;
    if (mu != NULL) *mu = most;
    return OK;
}

/* ---- counts at a threshold ---- */

static Status counts_check(const DpCounts *c, double least, Err *e)
{
    if (c->tp + c->fn == 0) FAIL(e, ERR_ARG, "tp + fn = 0 members, want at least 1");
    if (c->fp + c->tn == 0) FAIL(e, ERR_ARG, "fp + tn = 0 non-members, want at least 1");
    if (c->thresholds == 0) FAIL(e, ERR_ARG, "thresholds = 0, want at least 1");
    return check_rates(c->delta, least, c->alpha, "alpha", e);
}

static void counts_bounds(DpCountsEps *out, const DpCounts *c)
{
    double level = 1 - c->alpha / (double)c->thresholds, rest;
    stats_clopper_pearson(&out->tpr_lo, &rest, c->tp, c->tp + c->fn, level);
    stats_clopper_pearson(&rest, &out->fpr_hi, c->fp, c->fp + c->tn, level);
}

static double log_ratio(double above, double below)
{
    return above > 0 ? log(above / below) : -INFINITY;
}

Status dp_counts_epsilon(DpCountsEps *out, const DpCounts *c, Err *e)
{
    TRY(counts_check(c, 0, e));
    counts_bounds(out, c);
    out->members = log_ratio(out->tpr_lo - c->delta, out->fpr_hi);
    out->nonmembers = log_ratio(1 - out->fpr_hi - c->delta, 1 - out->tpr_lo);
    out->epsilon = fmax(0, fmax(out->members, out->nonmembers));
    return OK;
}

Status dp_counts_gdp(double *epsilon, double *mu, const DpCounts *c, Err *e)
{
    DpCountsEps b;
    double got = 0;
    TRY(counts_check(c, 1e-300, e));
    counts_bounds(&b, c);
    double most = fmax(0, -stats_norm_q(b.fpr_hi) + stats_norm_q(b.tpr_lo));
    if (most > 0) TRY(dp_gauss_epsilon(&got, most, c->delta, e));
    *epsilon = got;
    if (mu != NULL) *mu = most;
    return OK;
}
