/* mocma.c - MO-CMA-ES: P (1+1)-CMA-ES side by side, selected together by rank and hypervolume. Igel, Hansen
 * and Roth 2007, Evolutionary Computation 15(1); a child is a success when it is selected: Voss, Hansen and
 * Igel 2010, GECCO. The covariance is kept as a Cholesky factor: Suttorp, Hansen and Igel 2009. */
#include "evolve_priv.h"

#include "prime/rng.h"

#include <math.h>
#include <string.h>

static const double success_target = 1 / 5.5, success_enough = 0.44; /* Table 1, one child a parent */

/* Of one parent: step size, smoothed success rate, path [D], factor [D, D] lower. */
static size_t mocma_stride(const EvolveHead *h)
{
    return 2 + h->dim + h->dim * h->dim;
}

static size_t mocma_cells(const EvolveHead *h)
{
    return moo_cells(h) + h->lam * mocma_stride(h);
}

static void mocma_layout(Evolver *ev, double *at)
{
    moo_layout(ev, at);
    ev->strat = at + moo_cells(&ev->h);
}

static void mocma_start(Evolver *ev)
{
    size_t n = ev->h.dim, stride = mocma_stride(&ev->h);
    for (size_t k = 0; k < ev->h.lam; k++) {
        double *s = &ev->strat[k * stride];
        s[0] = ev->h.start_sigma;
        s[1] = success_target;
        for (size_t i = 0; i < n; i++) s[2 + n + i * n + i] = 1;
    }
}

static void mocma_sample(Evolver *ev, double *x, size_t k)
{
    size_t n = ev->h.dim;
    if (ev->h.generation == 0) {
        evolver_scatter(ev, x, k);
        return;
    }
    const double *s = &ev->strat[k * mocma_stride(&ev->h)], *factor = s + 2 + n;
    Rng r = rng_stream(ev->h.seed, "evolve", ev->h.evaluations + k);
    for (size_t i = 0; i < n; i++) ev->t1[i] = rng_ziggurat(&r);
    for (size_t i = 0; i < n; i++) {
        double y = 0;
        for (size_t j = 0; j <= i; j++) y += factor[i * n + j] * ev->t1[j];
        x[i] = ev->pop[k * n + i] + s[0] * y;
    }
}

static void mocma_sigma(const Evolver *ev, double *s, bool success)
{
    double rate = success_target / (2 + success_target), damp = 1 + (double)ev->h.dim / 2;
    double width = ev->h.hi - ev->h.lo, most = isfinite(width) ? width : 1e32;
    s[1] = (1 - rate) * s[1] + rate * (success ? 1 : 0);
    s[0] *= exp((s[1] - success_target) / (damp * (1 - success_target)));
    s[0] = fmin(fmax(s[0], 1e-20 * ev->h.start_sigma), most);
}

/* Factor of keep A A^T + gain v v^T; v is used up. */
static void factor_update(double *a, double keep, double gain, double *v, size_t n)
{
    double scale = sqrt(keep), in = sqrt(gain);
    for (size_t i = 0; i < n; i++) {
        v[i] *= in;
        for (size_t j = 0; j <= i; j++) a[i * n + j] *= scale;
    }
    for (size_t k = 0; k < n; k++) {
        double old = a[k * n + k], now = hypot(old, v[k]), c = now / old, s = v[k] / old;
        a[k * n + k] = now;
        for (size_t i = k + 1; i < n; i++) {
            a[i * n + k] = (a[i * n + k] + s * v[i]) / c;
            v[i] = c * v[i] - s * a[i * n + k];
        }
    }
}

/* Path and covariance of a child from its step [D] in units of its parent's sigma; uses t2. */
static void mocma_cov(Evolver *ev, double *s, const double *step)
{
    size_t n = ev->h.dim;
    double dim = (double)n, cc = 2 / (dim + 2), cov = 2 / (dim * dim + 6), *path = s + 2;
    bool slow = s[1] < success_enough;
    double gain = slow ? sqrt(cc * (2 - cc)) : 0, keep = 1 - cov + (slow ? 0 : cov * cc * (2 - cc));
    for (size_t i = 0; i < n; i++) {
        path[i] = (1 - cc) * path[i] + gain * step[i];
        ev->t2[i] = path[i];
    }
    factor_update(s + 2 + n, keep, cov, ev->t2, n);
}

/* Row `to` of the next generation: the child of parent k, or parent k itself. Old states are in ev->copy. */
static void mocma_child(Evolver *ev, size_t to, size_t k, const double *x)
{
    size_t n = ev->h.dim, stride = mocma_stride(&ev->h);
    const double *parent = ev->copy + (&ev->pop[k * n] - ev->all);
    const double *old = ev->copy + (&ev->strat[k * stride] - ev->all);
    double *s = &ev->strat[to * stride], *at = &ev->pop[to * n];
    memcpy(s, old, stride * sizeof *s);
    evolver_point(ev, at, x, k);
    for (size_t i = 0; i < n; i++) ev->t1[i] = (at[i] - parent[i]) / old[0];
    mocma_sigma(ev, s, true);
    mocma_cov(ev, s, ev->t1);
}

static void mocma_parent(Evolver *ev, size_t to, size_t k, bool success)
{
    size_t n = ev->h.dim, m = ev->h.n_obj, stride = mocma_stride(&ev->h);
    memcpy(&ev->pop[to * n], ev->copy + (&ev->pop[k * n] - ev->all), n * sizeof *ev->pop);
    memcpy(&ev->val[to * m], ev->copy + (&ev->val[k * m] - ev->all), m * sizeof *ev->val);
    memcpy(&ev->strat[to * stride], ev->copy + (&ev->strat[k * stride] - ev->all),
           stride * sizeof *ev->strat);
    mocma_sigma(ev, &ev->strat[to * stride], success);
}

static Status mocma_update(Evolver *ev, const double *x, const double *f, Err *e)
{
    size_t m = ev->h.n_obj, lam = ev->h.lam, to = 0;
    bool first = ev->h.generation++ == 0;
    if (first) {
        for (size_t k = 0; k < lam; k++) evolver_point(ev, &ev->pop[k * ev->h.dim], x, k);
        memcpy(ev->val, f, lam * m * sizeof *f);
        return OK;
    }
    TRY(moo_select(ev->stays, ev, f, true, e));
    for (size_t k = 0; k < 2 * lam; k++) {
        if (!ev->stays[k]) continue;
        if (k < lam) {
            mocma_parent(ev, to, k, ev->stays[lam + k]);
        } else {
            mocma_child(ev, to, k - lam, x);
            memcpy(&ev->val[to * m], &f[(k - lam) * m], m * sizeof *f);
        }
        to++;
    }
    return OK;
}

static Status mocma_sound(const Evolver *ev, Err *e)
{
    size_t n = ev->h.dim, stride = mocma_stride(&ev->h);
    TRY(evolver_finite(ev, e));
    for (size_t k = 0; k < ev->h.lam; k++) {
        const double *s = &ev->strat[k * stride];
        if (!(s[0] > 0)) FAIL(e, ERR_FORMAT, "optimiser state: sigma of point %zu = %g, want > 0", k, s[0]);
        if (!(s[1] >= 0 && s[1] <= 1))
            FAIL(e, ERR_FORMAT, "optimiser state: success rate of point %zu = %g, want [0, 1]", k, s[1]);
        for (size_t i = 0; i < n; i++)
            if (!(s[2 + n + i * n + i] > 0))
                FAIL(e, ERR_FORMAT, "optimiser state: axis %zu of point %zu = %g, want > 0", i, k,
                     s[2 + n + i * n + i]);
    }
    return OK;
}

const EvolveOps mocma_ops = {.popsize = moo_popsize,
                             .least = 2,
                             .cells = mocma_cells,
                             .layout = mocma_layout,
                             .start = mocma_start,
                             .sample = mocma_sample,
                             .update = mocma_update,
                             .sound = mocma_sound};
