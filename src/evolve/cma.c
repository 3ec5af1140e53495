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

/* out = basis v. Four rows at a time: four sums that do not wait for each other, each in its own order. */
static void cma_turn(double *restrict out, const double *restrict basis, const double *restrict v, size_t n)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const double *b = &basis[i * n];
        double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        for (size_t j = 0; j < n; j++) {
            s0 += b[j] * v[j];
            s1 += b[n + j] * v[j];
            s2 += b[2 * n + j] * v[j];
            s3 += b[3 * n + j] * v[j];
        }
        out[i] = s0, out[i + 1] = s1, out[i + 2] = s2, out[i + 3] = s3;
    }
    for (; i < n; i++) {
        out[i] = 0;
        for (size_t j = 0; j < n; j++) out[i] += basis[i * n + j] * v[j];
    }
}

/* out = basis^T v */
static void cma_turn_back(double *restrict out, const double *restrict basis, const double *restrict v,
                          size_t n)
{
    memset(out, 0, n * sizeof *out);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < n; i++) out[i] += basis[j * n + i] * v[j];
}

void cma_sample(Evolver *ev, double *x, size_t k)
{
    size_t n = ev->h.dim;
    Rng r = rng_stream(ev->h.seed, "evolve", ev->h.evaluations + k);
    for (size_t i = 0; i < n; i++) ev->t1[i] = ev->dev[i] * rng_ziggurat(&r);
    if (ev->basis != NULL)
        cma_turn(x, ev->basis, ev->t1, n);
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
        cma_turn_back(ev->t1, ev->basis, y, n);
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
        cma_turn(ev->t3, ev->basis, ev->t1, n);
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
    double w = ev->used[k];
    if (w >= 0) return w;
    double length = cma_whiten(ev, &ev->step[k * ev->h.dim]);
    return w * (double)ev->h.dim / (length * length + 1e-8);
}

/* cov += w v v^T, the lower triangle. */
static void cov_add(double *restrict cov, double w, const double *restrict v, size_t n, bool diagonal)
{
    if (diagonal) {
        for (size_t i = 0; i < n; i++) cov[i] += w * v[i] * v[i];
        return;
    }
    for (size_t i = 0; i < n; i++) {
        double wi = w * v[i];
        for (size_t j = 0; j <= i; j++) cov[i * n + j] += wi * v[j];
    }
}

static void cov_mirror(double *cov, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) cov[j * n + i] = cov[i * n + j];
}

/* Covariance (eq. 47); h is 0 while the path of sigma is long. */
static void cov_update(Evolver *ev, double h)
{
    const EvolveParams *p = &ev->p;
    size_t n = ev->h.dim, cells = cma_cov_cells(&ev->h);
    bool diagonal = ev->basis == NULL;
    double sum = 0;
    for (size_t k = 0; k < ev->h.lam; k++) sum += ev->used[k];
    double keep = 1 + p->c_1 * (1 - h) * p->c_c * (2 - p->c_c) - p->c_1 - p->c_mu * sum;
    for (size_t i = 0; i < cells; i++) ev->cov[i] *= keep;
    cov_add(ev->cov, p->c_1, ev->pc, n, diagonal);
    for (size_t k = 0; k < ev->h.lam; k++) {
        double w = rank_mu_weight(ev, k);
        if (w != 0) cov_add(ev->cov, p->c_mu * w, &ev->step[k * n], n, diagonal);
    }
    if (!diagonal) cov_mirror(ev->cov, n);
}

Status cma_axes(Evolver *ev, Err *e)
{
    size_t n = ev->h.dim;
    if (ev->basis != NULL)
        TRY(eig_sym(ev->dev, ev->basis, ev->cov, ev->eig, e));
    else
        memcpy(ev->dev, ev->cov, n * sizeof *ev->dev);
    ev->h.eig_generation = ev->h.generation;
    double top = 0;
    for (size_t i = 0; i < n; i++) top = fmax(top, ev->dev[i]);
    if (!(top > 0 && isfinite(top))) FAIL(e, ERR_NUM, "largest eigenvalue of the covariance = %g", top);
    for (size_t i = 0; i < n; i++) ev->dev[i] = sqrt(fmax(ev->dev[i], 1e-14 * top));
    return OK;
}

/* Axes from the covariance; rare enough to cost O(D^2) a generation on average. */
static Status axes_update(Evolver *ev, Err *e)
{
    double every = 1 / (10 * (double)ev->h.dim * (ev->p.c_1 + ev->p.c_mu));
    if (ev->basis != NULL && (double)(ev->h.generation - ev->h.eig_generation) < every) return OK;
    return cma_axes(ev, e);
}

static void sigma_update(Evolver *ev, double length, double factor)
{
    const EvolveParams *p = &ev->p;
    double top = 0, width = ev->h.hi - ev->h.lo;
    ev->h.sigma *= exp(p->c_sigma / p->d_sigma * (length / p->chi - 1)) * factor;
    for (size_t i = 0; i < ev->h.dim; i++) top = fmax(top, ev->dev[i]);
    if (isfinite(width) && ev->h.sigma * top > width) ev->h.sigma = width / top;
    ev->h.sigma = fmin(fmax(ev->h.sigma, 1e-20 * ev->h.start_sigma), 1e32);
}

/* A point of the search space to a step; one that was not asked for is shortened. Returns whether it was. */
static bool step_shorten(Evolver *ev, double *y, bool asked)
{
    size_t n = ev->h.dim;
    for (size_t i = 0; i < n; i++) y[i] = (y[i] - ev->mean[i]) / ev->h.sigma;
    if (asked || isinf(ev->h.inject_max)) return false;
    double length = cma_length(ev, y);
    if (length <= ev->h.inject_max) return false;
    for (size_t i = 0; i < n; i++) y[i] *= ev->h.inject_max / length;
    return true;
}

/* Steps in rank order. With elitism an older point that is better than all of these comes first, and the
 * worst of these is left out. A step that the box or inject_max has bent says where it ended, not what the
 * covariance did: it counts as a good one, never as a bad one. Otherwise the bad points of a generation in a
 * corner, all bent the same way, shrink the covariance to nothing in that direction. */
static void steps_fill(Evolver *ev, const double *x)
{
    size_t n = ev->h.dim, at = 0, top = ev->order[0];
    if (ev->h.elitist && ev->h.has_elite &&
        evolver_less(ev->h.elite_excess, ev->h.elite_f, ev->excess[top], ev->fit[top])) {
        for (size_t i = 0; i < n; i++) ev->step[i] = evolver_unbox(ev, ev->elite[i]);
        step_shorten(ev, ev->step, false);
        ev->used[0] = ev->weights[0];
        at = 1;
    }
    for (size_t k = 0; at < ev->h.lam; k++, at++) {
        double *y = &ev->step[at * n];
        bool asked = evolver_point(ev, y, x, ev->order[k]);
        bool bent = step_shorten(ev, y, asked) || (asked && ev->bent[ev->order[k]]);
        ev->used[at] = bent ? fmax(0, ev->weights[at]) : ev->weights[at];
    }
}

static Status cma_update(Evolver *ev, const double *x, const double *f, Err *e)
{
    const EvolveParams *p = &ev->p;
    size_t n = ev->h.dim;
    (void)f;
    ev->sigma_old = ev->h.sigma;
    double factor = ev->h.noise == EVOLVE_NOISE_REPEAT ? noise_rank(ev) : 1;
    steps_fill(ev, x);
    ev->h.generation++;
    double length = path_sigma_update(ev), run = (double)(ev->h.generation - ev->h.run_generation);
    for (size_t i = 0; i < n; i++) ev->mean[i] += ev->h.sigma * ev->t2[i];
    double settle = sqrt(1 - pow(1 - p->c_sigma, 2 * (run + 1)));
    double h = length / settle < (1.4 + 2 / ((double)n + 1)) * p->chi ? 1 : 0;
    double gain = h * sqrt(p->c_c * (2 - p->c_c) * p->mueff);
    for (size_t i = 0; i < n; i++) ev->pc[i] = (1 - p->c_c) * ev->pc[i] + gain * ev->t2[i];
    cov_update(ev, h);
    sigma_update(ev, length, factor);
    return ev->h.noise == EVOLVE_NOISE_RATE ? noise_rate(ev, e) : axes_update(ev, e);
}

/* ---- what the method table needs ---- */

size_t cma_cov_cells(const EvolveHead *h)
{
    return evolve_method_at(h->method)->diagonal ? h->dim : h->dim * h->dim;
}

static size_t cma_cells(const EvolveHead *h)
{
    size_t n = h->dim, cov = cma_cov_cells(h);
    size_t rates = h->noise == EVOLVE_NOISE_RATE ? n + cov : 0;
    return 5 * n + cov + (evolve_method_at(h->method)->diagonal ? 0 : cov) + rates;
}

static void cma_layout(Evolver *ev, double *at)
{
    size_t n = ev->h.dim, cov = cma_cov_cells(&ev->h);
    ev->mean = at;
    ev->ps = at + n;
    ev->pc = at + 2 * n;
    ev->dev = at + 3 * n;
    ev->elite = at + 4 * n;
    ev->cov = at + 5 * n;
    ev->basis = ev->method->diagonal ? NULL : ev->cov + cov;
    double *rates = ev->cov + (ev->method->diagonal ? cov : 2 * cov);
    ev->e_mean = ev->h.noise == EVOLVE_NOISE_RATE ? rates : NULL;
    ev->e_cov = ev->h.noise == EVOLVE_NOISE_RATE ? rates + n : NULL;
}

static void cma_identity(double *a, size_t n)
{
    memset(a, 0, n * n * sizeof *a);
    for (size_t i = 0; i < n; i++) a[i * n + i] = 1;
}

void cma_start(Evolver *ev)
{
    size_t n = ev->h.dim, cov = cma_cov_cells(&ev->h);
    for (size_t i = 0; i < n; i++) {
        ev->mean[i] = evolver_unbox(ev, ev->start[i]);
        ev->dev[i] = 1;
    }
    memset(ev->ps, 0, 2 * n * sizeof *ev->ps);
    memset(ev->elite, 0, n * sizeof *ev->elite);
    if (ev->basis != NULL) {
        cma_identity(ev->basis, n);
        cma_identity(ev->cov, n);
    } else {
        memcpy(ev->cov, ev->dev, n * sizeof *ev->cov);
    }
    if (ev->e_mean != NULL) memset(ev->e_mean, 0, (n + cov) * sizeof *ev->e_mean);
    ev->h.v_mean = ev->h.v_cov = ev->h.noise_s = 0;
    ev->h.rate_mean = ev->h.rate_cov = ev->h.repeats = 1;
}

static Status cma_sound(const Evolver *ev, Err *e)
{
    TRY(evolver_finite(ev, e));
    for (size_t i = 0; i < ev->h.dim; i++)
        if (!(ev->dev[i] > 0)) FAIL(e, ERR_FORMAT, "optimiser state: axis %zu = %g, want > 0", i, ev->dev[i]);
    return OK;
}

const EvolveOps cma_ops = {.popsize = evolve_default_pop,
                           .least = 2,
                           .noisy = true,
                           .runs = true,
                           .cells = cma_cells,
                           .layout = cma_layout,
                           .start = cma_start,
                           .sample = cma_sample,
                           .update = cma_update,
                           .sound = cma_sound};

const EvolveOps gauss_ops = {.popsize = evolve_default_pop,
                             .least = 2,
                             .cells = cma_cells,
                             .layout = cma_layout,
                             .start = cma_start,
                             .sample = cma_sample,
                             .update = uniform_update,
                             .sound = cma_sound};
