/* cma.c - the update of CMA-ES, after Hansen 2016 (arXiv:1604.00772); equation numbers are its own. */
#include "evolve_priv.h"

#include "prime/rng.h"

#include <math.h>
#include <string.h>

static double cma_square(double x)
{
    return x * x;
}

/* The raw weights ln((P + 1)/2) - ln i (eq. 49): sum and sum of squares over [from, to). */
static void cma_raw_sums(double *sum, double *squares, const double *w, size_t from, size_t to)
{
    *sum = *squares = 0;
    for (size_t i = from; i < to; i++) {
        *sum += fabs(w[i]);
        *squares += w[i] * w[i];
    }
}

EvolveParams evolve_params(double *w, size_t dim, size_t popsize, bool diagonal)
{
    double n = (double)dim, pop = (double)popsize, sum, squares, sum_neg, squares_neg;
    EvolveParams p = {.mu = popsize / 2};
    for (size_t i = 0; i < popsize; i++) w[i] = log((pop + 1) / 2) - log((double)i + 1);
    cma_raw_sums(&sum, &squares, w, 0, p.mu);
    cma_raw_sums(&sum_neg, &squares_neg, w, p.mu, popsize);
    p.mueff = sum * sum / squares;
    double mueff_neg = sum_neg * sum_neg / squares_neg;
    p.c_sigma = (p.mueff + 2) / (n + p.mueff + 5);
    p.d_sigma = 1 + 2 * fmax(0, sqrt((p.mueff - 1) / (n + 1)) - 1) + p.c_sigma;
    p.c_c = (4 + p.mueff / n) / (n + 4 + 2 * p.mueff / n);
    p.c_1 = 2 / (cma_square(n + 1.3) + p.mueff);
    p.c_mu = fmin(1 - p.c_1, 2 * (p.mueff - 2 + 1 / p.mueff) / (cma_square(n + 2) + p.mueff));
    p.chi = sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
    if (diagonal) {
        p.c_1 = fmin(0.5, p.c_1 * (n + 2) / 3);
        p.c_mu = fmin(1 - p.c_1, p.c_mu * (n + 2) / 3);
    }
    /* Negative weights are scaled so that the covariance stays positive definite (eq. 50-53). */
    double scale = p.c_mu > 0 ? 1 + p.c_1 / p.c_mu : INFINITY;
    scale = fmin(scale, 1 + 2 * mueff_neg / (p.mueff + 2));
    if (p.c_mu > 0) scale = fmin(scale, (1 - p.c_1 - p.c_mu) / (n * p.c_mu));
    for (size_t i = 0; i < popsize; i++) {
        if (i < p.mu)
            w[i] /= sum;
        else
            w[i] = diagonal ? 0 : w[i] * scale / sum_neg;
    }
    return p;
}

/* out = basis v, or basis^T v */
static void cma_turn(double *out, const double *basis, const double *v, size_t n, bool transpose)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = 0;
        for (size_t j = 0; j < n; j++) out[i] += basis[transpose ? j * n + i : i * n + j] * v[j];
    }
}

void cma_sample(Evolver *ev, double *x, size_t k)
{
    size_t n = ev->h.dim;
    Rng r = rng_stream(ev->h.seed, "evolve", ev->h.generation * ev->h.popsize + k);
    for (size_t i = 0; i < n; i++) ev->t1[i] = ev->dev[i] * rng_normal(&r);
    if (ev->basis != NULL)
        cma_turn(x, ev->basis, ev->t1, n, false);
    else
        memcpy(x, ev->t1, n * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = ev->mean[i] + ev->h.sigma * x[i];
}

/* t1 = diag(1/dev) basis^T y: its length is y's Mahalanobis length, and turned back it is C^(-1/2) y. */
static double cma_whiten(Evolver *ev, const double *y)
{
    size_t n = ev->h.dim;
    double sum = 0;
    if (ev->basis != NULL)
        cma_turn(ev->t1, ev->basis, y, n, true);
    else
        memcpy(ev->t1, y, n * sizeof *y);
    for (size_t i = 0; i < n; i++) {
        ev->t1[i] /= ev->dev[i];
        sum += ev->t1[i] * ev->t1[i];
    }
    return sqrt(sum);
}

double cma_length(Evolver *ev, const double *y)
{
    return cma_whiten(ev, y);
}

/* t2 = weighted mean step, t3 = C^(-1/2) t2; the evolution path of sigma (eq. 43); returns its length. */
static double path_sigma_update(Evolver *ev)
{
    size_t n = ev->h.dim;
    double c = ev->p.c_sigma, gain = sqrt(c * (2 - c) * ev->p.mueff), sum = 0;
    memset(ev->t2, 0, n * sizeof *ev->t2);
    for (size_t k = 0; k < ev->p.mu; k++)
        for (size_t i = 0; i < n; i++) ev->t2[i] += ev->weights[k] * ev->step[k * n + i];
    cma_whiten(ev, ev->t2);
    if (ev->basis != NULL)
        cma_turn(ev->t3, ev->basis, ev->t1, n, false);
    else
        memcpy(ev->t3, ev->t1, n * sizeof *ev->t3);
    for (size_t i = 0; i < n; i++) {
        ev->ps[i] = (1 - c) * ev->ps[i] + gain * ev->t3[i];
        sum += ev->ps[i] * ev->ps[i];
    }
    return sqrt(sum);
}

/* The weight of one step in the covariance: negative ones are normalised by its length (eq. 46). */
static double rank_mu_weight(Evolver *ev, size_t k)
{
    double w = ev->weights[k];
    if (w >= 0) return w;
    double length = cma_whiten(ev, &ev->step[k * ev->h.dim]);
    return w * (double)ev->h.dim / (length * length + 1e-8);
}

static void cov_add(Evolver *ev, double w, const double *v)
{
    size_t n = ev->h.dim;
    if (ev->basis == NULL) {
        for (size_t i = 0; i < n; i++) ev->cov[i] += w * v[i] * v[i];
        return;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) ev->cov[i * n + j] += w * v[i] * v[j];
}

/* Covariance (eq. 47); h is 0 while the path of sigma is long. */
static void cov_update(Evolver *ev, double h)
{
    const EvolveParams *p = &ev->p;
    size_t n = ev->h.dim, cells = ev->basis != NULL ? n * n : n;
    double sum = 0;
    for (size_t k = 0; k < ev->h.popsize; k++) sum += ev->weights[k];
    double keep = 1 + p->c_1 * (1 - h) * p->c_c * (2 - p->c_c) - p->c_1 - p->c_mu * sum;
    for (size_t i = 0; i < cells; i++) ev->cov[i] *= keep;
    cov_add(ev, p->c_1, ev->pc);
    for (size_t k = 0; k < ev->h.popsize; k++) {
        double w = rank_mu_weight(ev, k);
        if (w != 0) cov_add(ev, p->c_mu * w, &ev->step[k * n]);
    }
}

/* Axes and their lengths from the covariance; rare enough to cost O(D^2) a generation on average. */
static Status axes_update(Evolver *ev, Err *e)
{
    size_t n = ev->h.dim;
    double every = 1 / (10 * (double)n * (ev->p.c_1 + ev->p.c_mu));
    if (ev->basis != NULL) {
        if ((double)(ev->h.generation - ev->h.eig_generation) < every) return OK;
        TRY(eig_sym(ev->dev, ev->basis, ev->cov, ev->eig, e));
    } else {
        memcpy(ev->dev, ev->cov, n * sizeof *ev->dev);
    }
    ev->h.eig_generation = ev->h.generation;
    double top = 0;
    for (size_t i = 0; i < n; i++) top = fmax(top, ev->dev[i]);
    if (!(top > 0 && isfinite(top))) FAIL(e, ERR_NUM, "largest eigenvalue of the covariance = %g", top);
    for (size_t i = 0; i < n; i++) ev->dev[i] = sqrt(fmax(ev->dev[i], 1e-14 * top));
    return OK;
}

static void sigma_update(Evolver *ev, double length)
{
    const EvolveParams *p = &ev->p;
    double top = 0, width = ev->h.hi - ev->h.lo;
    ev->h.sigma *= exp(p->c_sigma / p->d_sigma * (length / p->chi - 1));
    for (size_t i = 0; i < ev->h.dim; i++) top = fmax(top, ev->dev[i]);
    if (isfinite(width) && ev->h.sigma * top > width) ev->h.sigma = width / top;
    ev->h.sigma = fmin(fmax(ev->h.sigma, 1e-20 * ev->h.start_sigma), 1e32);
}

Status cma_update(Evolver *ev, Err *e)
{
    const EvolveParams *p = &ev->p;
    size_t n = ev->h.dim;
    ev->h.generation++;
    double length = path_sigma_update(ev);
    for (size_t i = 0; i < n; i++) ev->mean[i] += ev->h.sigma * ev->t2[i];
    double settle = sqrt(1 - pow(1 - p->c_sigma, 2 * (double)(ev->h.generation + 1)));
    double h = length / settle < (1.4 + 2 / ((double)n + 1)) * p->chi ? 1 : 0;
    double gain = h * sqrt(p->c_c * (2 - p->c_c) * p->mueff);
    for (size_t i = 0; i < n; i++) ev->pc[i] = (1 - p->c_c) * ev->pc[i] + gain * ev->t2[i];
    cov_update(ev, h);
    sigma_update(ev, length);
    return axes_update(ev, e);
}
