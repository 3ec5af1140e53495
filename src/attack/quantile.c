#include "prime/quantile.h"

#include "solve_priv.h"

#include "prime/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 300 };

/* Rows [n, d+1]: a constant and the standardised features; mean and sd [d] undo it. */
static void quantile_rows(double *row, double *mean, double *sd, const double *x, size_t n, size_t d)
{
    for (size_t k = 0; k < d; k++) {
        double sum = 0, ss = 0;
        for (size_t i = 0; i < n; i++) sum += x[i * d + k];
        mean[k] = sum / (double)n;
        for (size_t i = 0; i < n; i++) ss += (x[i * d + k] - mean[k]) * (x[i * d + k] - mean[k]);
        sd[k] = ss > 0 ? sqrt(ss / (double)n) : 1;
    }
    for (size_t i = 0; i < n; i++) {
        row[i * (d + 1)] = 1;
        for (size_t k = 0; k < d; k++) row[i * (d + 1) + k + 1] = (x[i * d + k] - mean[k]) / sd[k];
    }
}

static double row_dot(const double *row, const double *b, size_t p)
{
    double s = 0;
    for (size_t k = 0; k < p; k++) s += row[k] * b[k];
    return s;
}

/* One step: least squares with weights 1 / |residual|, and the tilt that makes it a quantile. */
static Status quantile_step(double *b, Solver *s, double *g, const double *row, const double *y, size_t n,
                            double tau, double eps, Err *e)
{
    size_t p = s->n;
    double *rhs = g + p * p;
    memset(g, 0, (p * p + p) * sizeof *g);
    for (size_t i = 0; i < n; i++) {
        const double *r = row + i * p;
        double w = 1 / (eps + fabs(y[i] - row_dot(r, b, p)));
        for (size_t k = 0; k < p; k++) {
            rhs[k] += r[k] * (w * y[i] + 2 * tau - 1);
            for (size_t l = 0; l < p; l++) g[k * p + l] += w * r[k] * r[l];
        }
    }
    return solver_run(b, NULL, s, g, rhs, e);
}

static Status quantile_solve(double *b, double *work, const double *y, const double *x, size_t n, size_t d,
                             double tau, Solver *s, Err *e)
{
    size_t p = d + 1;
    double *mean = work, *sd = mean + d, *g = sd + d, *row = g + p * p + p, scale = 0;
    quantile_rows(row, mean, sd, x, n, d);
    memset(b, 0, p * sizeof *b);
    b[0] = stats_mean(y, n);
    for (size_t i = 0; i < n; i++) scale += fabs(y[i] - b[0]) / (double)n;
    if (scale == 0) return OK; /* all equal: the constant is exact */
    for (size_t step = 0; step < STEPS; step++) {
        double eps = scale * fmax(1e-8, pow(0.9, (double)step));
        TRY(quantile_step(b, s, g, row, y, n, tau, eps, e));
    }
    for (size_t k = 0; k < d; k++) {
        b[k + 1] /= sd[k];
        b[0] -= b[k + 1] * mean[k];
    }
    return OK;
}

Status quantile_fit(double *b, const double *y, const double *x, size_t n, size_t d, double tau, Err *e)
{
    size_t p = d + 1;
    if (n == 0) FAIL(e, ERR_SHAPE, "no values to fit a quantile to");
    if (!(tau > 0 && tau < 1)) FAIL(e, ERR_ARG, "tau = %g, want (0, 1)", tau);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(y[i])) FAIL(e, ERR_NUM, "value %zu = %g, want a finite number", i, y[i]);
    for (size_t i = 0; i < n * d; i++)
        if (!isfinite(x[i])) FAIL(e, ERR_NUM, "feature %zu of value %zu = %g", i % d, i / d, x[i]);
    Solver s = {0};
    double *work = malloc((p + 2 * d + p * p + p + n * p) * sizeof *work);
    Status st = work != NULL ? solver_open(&s, p, e)
                             : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu values", n);
    if (st == OK) st = quantile_solve(work, work + p, y, x, n, d, tau, &s, e);
    if (st == OK) memcpy(b, work, p * sizeof *b);
    solver_close(&s);
    free(work);
    return st;
}

/* ---- scores, fold by fold ---- */

typedef struct {
    const double *y, *x;
    size_t n, d;
    const bool *member;
    const size_t *person;
    double tau;
    double *fit_y, *fit_x, *b, *out; /* [n], [n, d], [d + 1], [n] */
    size_t *fold;
} QuantileJob;

static Status quantile_fold(QuantileJob *j, size_t f, Err *e)
{
    size_t m = 0, own = 0;
    for (size_t i = 0; i < j->n; i++) {
        bool here = j->fold[j->person[i]] == f;
        own += here;
        if (here || j->member[i]) continue;
        j->fit_y[m] = j->y[i];
        if (j->d > 0) memcpy(j->fit_x + m * j->d, j->x + i * j->d, j->d * sizeof *j->fit_x);
        m++;
    }
    if (own == 0) return OK;
    if (m == 0) FAIL(e, ERR_SHAPE, "fold %zu: no non-member of another fold to fit a threshold to", f);
    TRY(quantile_fit(j->b, j->fit_y, j->fit_x, m, j->d, j->tau, e));
    for (size_t i = 0; i < j->n; i++)
        if (j->fold[j->person[i]] == f)
            j->out[i] = j->y[i] - j->b[0] - row_dot(j->x + i * j->d, j->b + 1, j->d);
    return OK;
}

Status quantile_scores(double *score, const double *y, const double *x, size_t n, size_t d,
                       const bool *member, const size_t *person, size_t n_people, const QuantileOpts *o,
                       Err *e)
{
    size_t folds = o->folds > 0 ? o->folds : 5;
    double *mem = malloc((2 * n + n * d + d + 1) * sizeof *mem);
    size_t *fold = malloc((n_people + 1) * sizeof *fold);
    QuantileJob j = {.y = y, .x = x, .n = n, .d = d, .member = member, .person = person, .fold = fold};
    j.tau = o->tau > 0 ? o->tau : 0.95;
    Status s = mem != NULL && fold != NULL
                   ? people_folds(fold, n_people, folds, o->seed, "quantile folds", e)
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu records", n);
    if (s == OK) j.out = mem, j.fit_y = mem + n, j.b = mem + 2 * n, j.fit_x = mem + 2 * n + d + 1;
    for (size_t f = 0; f < folds && s == OK; f++) s = quantile_fold(&j, f, e);
    if (s == OK && n > 0) memcpy(score, j.out, n * sizeof *score);
    free(fold);
    free(mem);
    return s;
}
