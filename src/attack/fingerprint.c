#include "prime/fingerprint.h"

#include "solve_priv.h"

#include "prime/arena.h"
#include "prime/vec.h"

#include <math.h>
#include <stdlib.h>

static double view_dot(const Lora *x, const Lora *y, size_t site, FingerprintView view)
{
    const LoraSite *a = &x->site[site], *b = &y->site[site];
    size_t n_in = x->shape.n_in[site % LORA_KINDS], n_out = x->shape.n_out[site % LORA_KINDS];
    if (view == FINGERPRINT_UPDATE) return lora_dot_site(x, y, site);
    if (a->r == 0) return 0;
    return view == FINGERPRINT_A ? vec_dot_d(a->a, b->a, a->r * n_in) : vec_dot_d(a->b, b->b, a->r * n_out);
}

static Status fingerprint_check(const Lora *merged, const Lora *const *cand, size_t n, FingerprintView view,
                                Err *e)
{
    if (n == 0) FAIL(e, ERR_ARG, "no candidate adapters");
    for (size_t i = 0; i < n; i++) {
        if (!lora_shape_same(&merged->shape, &cand[i]->shape))
            FAIL(e, ERR_SHAPE, "candidate %zu is of another model than the merge", i);
        if (view != FINGERPRINT_UPDATE && !lora_same_shape(merged, cand[i]))
            FAIL(e, ERR_SHAPE, "candidate %zu has other ranks than the merge: factors cannot be compared", i);
    }
    return OK;
}

/* dot [n + 1, n + 1] of one layer. */
static Status layer_dots(double *dot, const Lora *merged, const Lora *const *cand, size_t n, size_t layer,
                         FingerprintView view, Err *e)
{
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = 0; k < LORA_KINDS; k++)
                sum += view_dot(i < n ? cand[i] : merged, j < n ? cand[j] : merged, layer * LORA_KINDS + k,
                                view);
            if (!isfinite(sum))
                FAIL(e, ERR_NUM, "layer %zu: inner product of adapters %zu and %zu = %g", layer, i, j, sum);
            dot[i * (n + 1) + j] = dot[j * (n + 1) + i] = sum;
        }
    return OK;
}

Status fingerprint_new(Fingerprint **f, const Lora *merged, const Lora *const *cand, size_t n,
                       FingerprintView view, Err *e)
{
    size_t side = n + 1, layers = merged->shape.n_layers, count = 0;
    TRY(fingerprint_check(merged, cand, n, view, e));
    TRY(size_mul(&count, side * side, layers, e));
    Fingerprint *x = calloc(1, sizeof *x);
    double *dot = calloc(count + 1, sizeof *dot);
    Status s = x != NULL && dot != NULL
                   ? OK
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu adapters", n);
    for (size_t l = 0; l < layers && s == OK; l++)
        s = layer_dots(dot + l * side * side, merged, cand, n, l, view, e);
    if (s == OK) {
        *x = (Fingerprint){n, layers, dot};
        *f = x;
        return OK;
    }
    free(dot);
    free(x);
    return s;
}

void fingerprint_free(Fingerprint *f)
{
    if (f == NULL) return;
    free(f->dot);
    free(f);
}

/* The inner product of i and j in one layer or in all. */
static double print_dot(const Fingerprint *f, size_t layer, size_t i, size_t j)
{
    size_t side = f->n + 1;
    double sum = 0;
    if (layer != FINGERPRINT_ALL) return f->dot[(layer * side + i) * side + j];
    for (size_t l = 0; l < f->n_layers; l++) sum += f->dot[(l * side + i) * side + j];
    return sum;
}

/* g [m, m] and b [m] of the pool, whose members are who [m]; x [m] the solution. */
static Status pool_fit(double *w, FingerprintFit *fit, const Fingerprint *f, size_t layer, const size_t *who,
                       size_t m, Solver *s, double *work, Err *e)
{
    double *g = work, *b = g + m * m, *x = b + m, norm = print_dot(f, layer, f->n, f->n), explained = 0;
    if (!(norm > 0)) FAIL(e, ERR_NUM, "the merge is zero: nothing to explain");
    for (size_t i = 0; i < m; i++) {
        b[i] = print_dot(f, layer, who[i], f->n);
        for (size_t j = 0; j < m; j++) g[i * m + j] = print_dot(f, layer, who[i], who[j]);
    }
    TRY(solver_run(x, &fit->rank, s, g, b, e));
    for (size_t i = 0; i < f->n; i++) w[i] = 0;
    for (size_t i = 0; i < m; i++) {
        w[who[i]] = x[i];
        explained += x[i] * b[i];
    }
    fit->residual = fmin(1, fmax(0, 1 - explained / norm));
    return OK;
}

Status fingerprint_fit(double *w, FingerprintFit *fit, const Fingerprint *f, size_t layer, const bool *pool,
                       Err *e)
{
    size_t m = 0;
    if (layer != FINGERPRINT_ALL && layer >= f->n_layers)
        FAIL(e, ERR_ARG, "layer %zu, want 0 to %zu", layer, f->n_layers - 1);
    size_t *who = malloc((f->n + 1) * sizeof *who);
    double *work = malloc((f->n * f->n + 3 * f->n) * sizeof *work);
    Solver solver = {0};
    FingerprintFit got = {0};
    Status s = who != NULL && work != NULL
                   ? OK
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu candidates", f->n);
    for (size_t i = 0; i < f->n && s == OK; i++)
        if (pool == NULL || pool[i]) who[m++] = i;
    if (s == OK && m == 0) s = err_set(e, ERR_ARG, __FILE__, __LINE__, "nobody is in the pool");
    if (s == OK) s = solver_open(&solver, m, e);
    double *out = work != NULL ? work + f->n * f->n + 2 * f->n : NULL;
    if (s == OK) s = pool_fit(out, &got, f, layer, who, m, &solver, work, e);
    if (s == OK) *fit = got;
    for (size_t i = 0; i < f->n && s == OK; i++) w[i] = out[i];
    solver_close(&solver);
    free(work);
    free(who);
    return s;
}

static Status alone_fill(double *out, const Fingerprint *f, size_t layer, bool *pool, double *w, Err *e)
{
    FingerprintFit all, less;
    TRY(fingerprint_fit(w, &all, f, layer, NULL, e));
    for (size_t i = 0; i < f->n; i++) {
        pool[i] = false;
        TRY(fingerprint_fit(w, &less, f, layer, pool, e));
        pool[i] = true;
        out[i] = fmax(0, less.residual - all.residual);
    }
    return OK;
}

Status fingerprint_alone(double *share, const Fingerprint *f, size_t layer, Err *e)
{
    if (f->n < 2) FAIL(e, ERR_ARG, "%zu candidate, want at least 2 to leave one out", f->n);
    bool *pool = malloc(f->n * sizeof *pool);
    double *w = malloc(2 * f->n * sizeof *w);
    Status s = pool != NULL && w != NULL
                   ? OK
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu candidates", f->n);
    for (size_t i = 0; i < f->n && s == OK; i++) pool[i] = true;
    if (s == OK) s = alone_fill(w + f->n, f, layer, pool, w, e);
    for (size_t i = 0; i < f->n && s == OK; i++) share[i] = w[f->n + i];
    free(w);
    free(pool);
    return s;
}

double fingerprint_error(const double *w, const double *truth, size_t n)
{
    double ss = 0;
    for (size_t i = 0; i < n; i++) ss += (w[i] - truth[i]) * (w[i] - truth[i]);
    return sqrt(ss / (double)n);
}
