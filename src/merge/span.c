/* span.c - methods whose update is a combination of the adapters' own: sum c_i dW_i. The coefficients follow
 * from inner products, so that no dW is formed. */
#include "merge_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- coefficients ---- */

Status coef_exact(double *c, const double *gram, const MergeSite *s, Err *e)
{
    (void)gram;
    (void)e;
    memcpy(c, s->w, s->k * sizeof *c);
    return OK;
}

/* Sum of the weights of adapters whose update is not 0: how strong the merge is to be. */
static double coef_strength(const double *gram, const MergeSite *s)
{
    double sum = 0;
    for (size_t i = 0; i < s->k; i++) sum += gram[i * s->k + i] > 0 ? s->w[i] : 0;
    return sum;
}

static double coef_cosine(const double *gram, size_t k, size_t i, size_t j)
{
    double n2 = gram[i * k + i] * gram[j * k + j];
    if (i == j) return n2 > 0 ? 1 : 0;
    return n2 > 0 ? fmax(-1, fmin(1, gram[i * k + j] / sqrt(n2))) : 0;
}

/* On the great circle between the two directions; norms are not interpolated. Nearly parallel or opposite
 * ones are joined by a straight line, beyond a cosine of 0.9995. */
Status coef_slerp(double *c, const double *gram, const MergeSite *s, Err *e)
{
    (void)e;
    if (s->k < 2 || gram[0] == 0 || gram[3] == 0) return coef_exact(c, gram, s, e);
    double sum = s->w[0] + s->w[1], t = s->w[1] / sum, cosine = coef_cosine(gram, 2, 0, 1);
    double angle = acos(cosine), sine = sin(angle);
    bool line = fabs(cosine) > 0.9995;
    c[0] = sum * (line ? 1 - t : sin((1 - t) * angle) / sine);
    c[1] = sum * (line ? t : sin(t * angle) / sine);
    return OK;
}

/* p [k]: proportions; x [k]: their mean direction as sum x_i u_i, u_i = dW_i / ||dW_i||; returns the weighted
 * mean of the norms. 0 when directions cancel. */
static double coef_mean_direction(double *p, double *x, const double *gram, const MergeSite *s)
{
    size_t k = s->k;
    double sum = coef_strength(gram, s), n2 = 0, norm = 0;
    for (size_t i = 0; i < k; i++) {
        p[i] = gram[i * k + i] > 0 ? s->w[i] / sum : 0;
        norm += p[i] * sqrt(gram[i * k + i]);
    }
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++) n2 += p[i] * p[j] * coef_cosine(gram, k, i, j);
    if (n2 < 1e-16) return 0;
    for (size_t i = 0; i < k; i++) x[i] = p[i] / sqrt(n2);
    return norm;
}

/* From a direction sum x_i u_i to coefficients of the dW_i. */
static void coef_from_direction(double *c, const double *x, double norm, const double *gram,
                                const MergeSite *s)
{
    double strength = coef_strength(gram, s);
    for (size_t i = 0; i < s->k; i++) {
        double own = sqrt(gram[i * s->k + i]);
        c[i] = own > 0 ? strength * norm * x[i] / own : 0;
    }
}

static Status coef_cancel(const MergeSite *s, Err *e)
{
    FAIL(e, ERR_NUM, "the directions of %zu adapters cancel at a site: `%s` has no mean of them", s->k,
         s->m->name);
}

static bool coef_all_zero(double *c, const double *gram, const MergeSite *s)
{
    memset(c, 0, s->k * sizeof *c);
    return !(coef_strength(gram, s) > 0);
}

/* mergekit's steps, projection to the sphere, tangent space at the mean, exponential map: the tangent vectors
 * at the normalised mean add up to 0, so that it is the result. */
Status coef_multislerp(double *c, const double *gram, const MergeSite *s, Err *e)
{
    if (coef_all_zero(c, gram, s)) return OK;
    double *p = calloc(2 * s->k, sizeof *p);
    if (p == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", s->k);
    double *x = p + s->k, norm = coef_mean_direction(p, x, gram, s);
    if (norm > 0) coef_from_direction(c, x, norm, gram, s);
    free(p);
    return norm > 0 ? OK : coef_cancel(s, e);
}

/* v = sum p_i log_x(u_i) as coefficients of the u_i; returns its norm, or -1 where a u_i is opposite to x. */
static double karcher_step(double *v, const double *x, const double *p, const double *gram, size_t k)
{
    double along = 0, n2 = 0;
    for (size_t i = 0; i < k; i++) {
        double cosine = 0;
        for (size_t j = 0; j < k; j++) cosine += x[j] * coef_cosine(gram, k, i, j);
        cosine = fmax(-1, fmin(1, cosine));
        if (p[i] > 0 && cosine < -1 + 1e-9) return -1;
        double angle = acos(cosine), stretch = angle > 1e-8 ? angle / sin(angle) : 1;
        v[i] = p[i] > 0 ? p[i] * stretch : 0;
        along += v[i] * cosine;
    }
    for (size_t i = 0; i < k; i++) v[i] -= along * x[i];
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++) n2 += v[i] * v[j] * coef_cosine(gram, k, i, j);
    return sqrt(fmax(0, n2));
}

/* Rounding of inner products leaves steps of 1e-8. */
#define KARCHER_TOL 1e-7
enum { KARCHER_STEPS = 1000 };

static Status karcher_run(double *x, double *v, const double *p, const double *gram, const MergeSite *s,
                          Err *e)
{
    for (size_t step = 0; step < KARCHER_STEPS; step++) {
        double n = karcher_step(v, x, p, gram, s->k), n2 = 0;
        if (n < 0) return coef_cancel(s, e);
        if (n < KARCHER_TOL) return OK;
        for (size_t i = 0; i < s->k; i++) x[i] = cos(n) * x[i] + sin(n) / n * v[i];
        for (size_t i = 0; i < s->k; i++)
            for (size_t j = 0; j < s->k; j++) n2 += x[i] * x[j] * coef_cosine(gram, s->k, i, j);
        for (size_t i = 0; i < s->k; i++) x[i] /= sqrt(n2);
    }
    FAIL(e, ERR_NUM, "the mean of %zu directions did not settle in %d steps", s->k, KARCHER_STEPS);
}

Status coef_karcher(double *c, const double *gram, const MergeSite *s, Err *e)
{
    if (coef_all_zero(c, gram, s)) return OK;
    double *p = calloc(3 * s->k, sizeof *p);
    if (p == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", s->k);
    double *x = p + s->k, *v = x + s->k, norm = coef_mean_direction(p, x, gram, s);
    Status st = norm > 0 ? karcher_run(x, v, p, gram, s, e) : coef_cancel(s, e);
    if (st == OK) coef_from_direction(c, x, norm, gram, s);
    free(p);
    return st;
}

/* t = N cos / (1 + (N - 1) cos) of the way from the base to the mean. */
Status coef_stock(double *c, const double *gram, const MergeSite *s, Err *e)
{
    (void)e;
    double n = 0, cosine = 0, pairs = 0;
    for (size_t i = 0; i < s->k; i++) {
        if (!(gram[i * s->k + i] > 0)) continue;
        n += 1;
        for (size_t j = 0; j < i; j++) {
            if (!(gram[j * s->k + j] > 0)) continue;
            cosine += coef_cosine(gram, s->k, i, j);
            pairs += 1;
        }
    }
    cosine = pairs > 0 ? fmax(0, cosine / pairs) : 1;
    double t = n * cosine / (1 + (n - 1) * cosine);
    for (size_t i = 0; i < s->k; i++) c[i] = t * s->w[i];
    return OK;
}

/* ---- the site ---- */

static void span_gram(double *gram, const MergeSite *s)
{
    for (size_t i = 0; i < s->k; i++)
        for (size_t j = 0; j <= i; j++)
            gram[i * s->k + j] = gram[j * s->k + i] = site_inner(s->part[i], s->part[j], s->n_out, s->n_in);
}

static void span_measure(MergeMade *m, const double *c, const double *gram, const MergeSite *s)
{
    for (size_t i = 0; i < s->k; i++)
        for (size_t j = 0; j < s->k; j++) {
            double g = gram[i * s->k + j];
            m->norm2 += c[i] * c[j] * g;
            m->exact2 += s->w[i] * s->w[j] * g;
            m->cross2 += (c[i] - s->w[i]) * (c[j] - s->w[j]) * g;
        }
}

/* Ranks side by side, coefficients and scales in B. */
static void span_fill(MergeMade *m, const double *c, const MergeSite *s)
{
    for (size_t i = 0, at = 0; i < s->k; at += s->part[i]->r, i++) {
        const LoraSite *p = s->part[i];
        float times = (float)c[i] * p->scale;
        memcpy(m->a + at * s->n_in, p->a, p->r * s->n_in * sizeof *p->a);
        for (size_t o = 0; o < s->n_out; o++)
            for (size_t q = 0; q < p->r; q++) m->b[o * m->r + at + q] = times * p->b[o * p->r + q];
    }
}

static Status span_fit(MergeMade *out, double *c, double *gram, const MergeSite *s, Err *e)
{
    size_t most = 0, sum = site_rank_sum(s);
    bool plain = s->m->recipe->coef == coef_exact;
    if (!plain || s->measure) span_gram(gram, s);
    TRY(s->m->recipe->coef(c, gram, s, e));
    for (size_t i = 0; i < s->k; i++) {
        c[i] *= s->o->lambda;
        most = s->part[i]->r > most ? s->part[i]->r : most;
    }
    TRY(made_new(out, sum, s->n_out, s->n_in, e));
    span_fill(out, c, s);
    if (s->measure) span_measure(out, c, gram, s);
    Status st = made_cut(out, s, s->m->recipe->cuts ? most : sum, e);
    if (st != OK) made_free(out);
    return st;
}

Status span_site(MergeMade *out, const MergeSite *s, MergeWork *w, Err *e)
{
    (void)w;
    double *c = calloc(s->k * (s->k + 1), sizeof *c);
    if (c == NULL) FAIL(e, ERR_NOMEM, "no memory for the inner products of %zu adapters", s->k);
    Status st = span_fit(out, c, c + s->k, s, e);
    free(c);
    return st;
}
