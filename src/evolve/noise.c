/* noise.c - noisy values: ranks of points that were evaluated twice, and learning rates that adapt. */
#include "evolve_priv.h"

#include <math.h>
#include <string.h>

/* ---- repeated evaluations: Hansen et al. 2009, Algorithm 1 and section III ---- */

/* Old (again = 0) or new value of candidate k; a candidate without a second value has the first one twice. */
static size_t noise_at(const Evolver *ev, size_t k, size_t again)
{
    return again && k < ev->h.popsize - ev->h.lam ? ev->h.lam + k : k;
}

/* Rank of the value at index i among all 2 P values; equal ones share their mean rank. */
static double noise_joint_rank(const Evolver *ev, size_t i)
{
    double less = 0, equal = 0;
    for (size_t j = 0; j < 2 * ev->h.lam; j++) {
        size_t o = noise_at(ev, j / 2, j % 2);
        if (evolver_less(ev->excess[o], ev->fit[o], ev->excess[i], ev->fit[i]))
            less++;
        else if (!evolver_less(ev->excess[i], ev->fit[i], ev->excess[o], ev->fit[o]))
            equal++;
    }
    return less + (equal + 1) / 2;
}

/* The change of rank that is still tolerated at rank r: the 10th percentile of |1 - r| .. |2 P - 1 - r|,
 * found by walking away from r on both sides, nearest first. */
static double noise_limit(double r, size_t lam)
{
    double last = 2 * (double)lam - 1, at = 0.1 * (last - 1), below = floor(r), above = below + 1;
    double part = at - floor(at), before = 0, d = 0;
    for (double seen = 0; seen <= floor(at) + 1 && (below >= 1 || above <= last); seen++) {
        bool down = below >= 1 && (above > last || r - below <= above - r);
        before = d;
        d = down ? r - below-- : above++ - r;
    }
    return before + part * (d - before);
}

static double noise_sign(double x)
{
    return (x > 0) - (x < 0);
}

/* t: sum of ranks and change of rank of every candidate, [P] each; returns s. */
static double noise_measure(const Evolver *ev, double *sum, double *change)
{
    size_t lam = ev->h.lam, again = ev->h.popsize - lam;
    double s = 0, mean = 0;
    for (size_t k = 0; k < lam; k++) {
        double before = noise_joint_rank(ev, k), now = before;
        if (k < again) {
            now = noise_joint_rank(ev, lam + k);
            change[k] = fabs(now - before - noise_sign(now - before));
            mean += change[k] / (double)again;
            s += 2 * change[k] - noise_limit(now - (now > before), lam) -
                 noise_limit(before - (before > now), lam);
        }
        sum[k] = before + now;
    }
    for (size_t k = again; k < lam; k++) change[k] = mean;
    return s / (double)again;
}

static bool noise_before(const Evolver *ev, const double *sum, const double *change, size_t a, size_t b)
{
    if (sum[a] != sum[b]) return sum[a] < sum[b];
    if (change[a] != change[b]) return change[a] < change[b];
    return evolver_less(ev->excess[a], ev->fit[a], ev->excess[b], ev->fit[b]);
}

double noise_rank(Evolver *ev)
{
    size_t lam = ev->h.lam, again = ev->h.popsize - lam;
    double *sum = ev->rank_work, *change = ev->rank_work + lam, t_max = (double)ev->h.repeat_max;
    ev->h.noise_s = noise_measure(ev, sum, change);
    for (size_t k = 0; k < again; k++) {
        ev->fit[k] = (ev->fit[k] + ev->fit[lam + k]) / 2;
        ev->excess[k] = (ev->excess[k] + ev->excess[lam + k]) / 2;
    }
    for (size_t k = 0; k < lam; k++) {
        size_t j = k;
        for (; j > 0 && noise_before(ev, sum, change, k, ev->order[j - 1]); j--)
            ev->order[j] = ev->order[j - 1];
        ev->order[j] = k;
    }
    bool full = ev->h.repeats >= t_max, noisy = ev->h.noise_s > 0;
    ev->h.repeats = noisy ? fmin(1.5 * ev->h.repeats, t_max) : fmax(ev->h.repeats / 1.5, 1);
    return noisy && full ? 1 + 2 / ((double)ev->h.dim + 10) : 1;
}

/* ---- learning rates: Nomura et al. 2023, section 4 and Table 1 ---- */

static const double snr_wanted = 1.4, rate_gamma = 0.1, beta_mean = 0.1, beta_cov = 0.03;

/* The part of `now` in the state before the update. */
static const double *rate_old(const Evolver *ev, const double *now)
{
    return ev->copy + (now - ev->all);
}

/* out = R a R with R = B diag(1/dev) B^T / sigma of the old state (symmetric); work [2, D, D]. */
static void rate_local(double *out, const double *a, const Evolver *ev, double sigma, double *work)
{
    size_t n = ev->h.dim;
    const double *b = rate_old(ev, ev->basis), *dev = rate_old(ev, ev->dev);
    double *r = work, *ra = work + n * n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = 0; k < n; k++) sum += b[i * n + k] * b[j * n + k] / dev[k];
            r[i * n + j] = r[j * n + i] = sum / sigma;
        }
    memset(ra, 0, n * n * sizeof *ra);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            for (size_t j = 0; j < n; j++) ra[i * n + j] += r[i * n + k] * a[k * n + j];
    memset(out, 0, n * n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            for (size_t j = 0; j < n; j++) out[i * n + j] += ra[i * n + k] * r[k * n + j];
}

/* Moving averages of a step (eq. 12-13) and the new learning rate (eq. 17) from its signal-to-noise ratio. */
static double rate_adapt(double rate, double *avg, double *v, const double *step, size_t n, double beta)
{
    double length = 0, signal = 0;
    for (size_t i = 0; i < n; i++) {
        avg[i] = (1 - beta) * avg[i] + beta * step[i];
        length += step[i] * step[i];
        signal += avg[i] * avg[i];
    }
    *v = (1 - beta) * *v + beta * length;
    double noise = *v - signal;
    double snr = noise > 0 ? (signal - beta / (2 - beta) * *v) / noise : signal > 0 ? INFINITY : 0;
    double off = fmin(fmax(snr / snr_wanted / rate - 1, -1), 1);
    return fmin(1, rate * exp(fmin(rate_gamma * rate, beta) * off));
}

/* Mean step and covariance step in the old state's own coordinates: t1 and out. */
static void rate_steps(Evolver *ev, double *out, const double *change, double sigma, double *work)
{
    size_t n = ev->h.dim, cells = cma_cov_cells(&ev->h);
    const double *mean = rate_old(ev, ev->mean), *dev = rate_old(ev, ev->dev);
    for (size_t i = 0; i < n; i++) ev->t2[i] = (ev->mean[i] - mean[i]) / sigma;
    if (ev->basis == NULL) {
        for (size_t i = 0; i < n; i++) {
            ev->t1[i] = ev->t2[i] / dev[i];
            out[i] = change[i] / (dev[i] * dev[i] * sigma * sigma);
        }
    } else {
        const double *b = rate_old(ev, ev->basis);
        memset(ev->t1, 0, n * sizeof *ev->t1);
        for (size_t k = 0; k < n; k++) {
            double sum = 0;
            for (size_t i = 0; i < n; i++) sum += b[i * n + k] * ev->t2[i];
            for (size_t i = 0; i < n; i++) ev->t1[i] += b[i * n + k] * sum / dev[k];
        }
        rate_local(out, change, ev, sigma, work);
    }
    for (size_t i = 0; i < cells; i++) out[i] /= sqrt(2);
}

/* sigma and C from their product: the determinant goes to sigma (section 4.3). */
static Status rate_split(Evolver *ev, double factor, Err *e)
{
    size_t n = ev->h.dim, cells = cma_cov_cells(&ev->h);
    double log_det = 0;
    TRY(cma_axes(ev, e));
    for (size_t i = 0; i < n; i++) log_det += log(ev->dev[i]);
    double sigma = exp(log_det / (double)n);
    if (!(sigma > 0 && isfinite(sigma)))
        FAIL(e, ERR_NUM, "step size = %g, want a finite number above 0", sigma);
    for (size_t i = 0; i < cells; i++) ev->cov[i] /= sigma * sigma;
    for (size_t i = 0; i < n; i++) ev->dev[i] /= sigma;
    ev->h.sigma = fmin(fmax(sigma * factor, 1e-20 * ev->h.start_sigma), 1e32);
    return OK;
}

Status noise_rate(Evolver *ev, Err *e)
{
    size_t n = ev->h.dim, cells = cma_cov_cells(&ev->h);
    double *change = ev->rate_work, *local = change + cells, *work = local + cells;
    const double *old = rate_old(ev, ev->cov), *mean = rate_old(ev, ev->mean);
    double sigma = ev->h.sigma, was = ev->sigma_old, rate_was = ev->h.rate_mean;
    for (size_t i = 0; i < cells; i++) change[i] = sigma * sigma * ev->cov[i] - was * was * old[i];
    rate_steps(ev, local, change, was, work);
    ev->h.rate_mean = rate_adapt(ev->h.rate_mean, ev->e_mean, &ev->h.v_mean, ev->t1, n, beta_mean);
    ev->h.rate_cov = rate_adapt(ev->h.rate_cov, ev->e_cov, &ev->h.v_cov, local, cells, beta_cov);
    for (size_t i = 0; i < n; i++) ev->mean[i] = mean[i] + ev->h.rate_mean * (ev->mean[i] - mean[i]);
    for (size_t i = 0; i < cells; i++) ev->cov[i] = was * was * old[i] + ev->h.rate_cov * change[i];
    return rate_split(ev, rate_was / ev->h.rate_mean, e);
}
