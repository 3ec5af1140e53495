#include "prime/friedman.h"

#include "num_priv.h"

#include "prime/arena.h"
#include "prime/paired.h"
#include "prime/rank.h"
#include "prime/stats.h"

#include <assert.h>
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <string.h>

static Status friedman_check(const double *x, size_t n, size_t k, Err *e)
{
    if (n < 2 || k < 2) FAIL(e, ERR_SHAPE, "%zu users and %zu methods, want at least 2 of each", n, k);
    for (size_t i = 0; i < n * k; i++)
        if (!isfinite(x[i]))
            FAIL(e, ERR_NUM, "value of user %zu, method %zu = %g, want a finite number", i / k, i % k, x[i]);
    return OK;
}

static void friedman_statistics(Friedman *f, const double *mean_rank, double ties, size_t n, size_t k)
{
    double dn = (double)n, dk = (double)k, ss = 0;
    for (size_t j = 0; j < k; j++) {
        double gap = mean_rank[j] - (dk + 1) / 2;
        ss += dn * dn * gap * gap;
    }
    double scale = dn * dk * (dk + 1) - ties / (dk - 1);
    f->chi2 = scale > 0 ? 12 * ss / scale : 0;
    f->df = f->f_df1 = dk - 1;
    f->f_df2 = (dk - 1) * (dn - 1);
    double rest = dn * (dk - 1) - f->chi2;
    f->f = rest > 1e-12 * dn ? (dn - 1) * f->chi2 / rest : INFINITY;
    f->p = gsl_cdf_chisq_Q(f->chi2, f->df);
    f->f_p = isinf(f->f) ? 0 : gsl_cdf_fdist_Q(f->f, f->f_df1, f->f_df2);
}

Status friedman_test(Friedman *out, double *mean_rank, const double *x, size_t n_users, size_t k, Err *e)
{
    TRY(friedman_check(x, n_users, k, e));
    num_gsl();
    Arena a = {0};
    size_t *rank2 = arena_alloc(&a, k, sizeof *rank2), *sum2 = arena_zalloc(&a, k, sizeof *sum2);
    RankItem *work = arena_alloc(&a, k, sizeof *work);
    Status st = OK;
    if (rank2 == NULL || sum2 == NULL || work == NULL) {
        st = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu methods", k);
    } else {
        double ties = 0;
        for (size_t u = 0; u < n_users; u++) {
            ties += rank_mid2(rank2, &x[u * k], k, 0, work);
            for (size_t j = 0; j < k; j++) sum2[j] += rank2[j];
        }
        for (size_t j = 0; j < k; j++) mean_rank[j] = (double)sum2[j] / (2 * (double)n_users);
        friedman_statistics(out, mean_rank, ties, n_users, k);
    }
    arena_free(&a);
    return st;
}

/* 1 - K integral of phi(z) (Phi(z) - Phi(z - q))^(K - 1), z the largest of the K: Simpson's rule. */
double friedman_range_p(double q, size_t k)
{
    assert(q >= 0 && k >= 2);
    enum { STEPS = 2000 };
    const double from = -9, to = 9, h = (to - from) / STEPS;
    double sum = 0;
    for (size_t i = 0; i <= STEPS; i++) {
        double z = from + h * (double)i, weight = i == 0 || i == STEPS ? 1 : i % 2 == 1 ? 4 : 2;
        /* the chance that not all others lie within q below z, so that a small p keeps its digits */
        double all = stats_norm_cdf(z), gone = stats_norm_cdf(z - q);
        double power = (double)k - 1;
        double miss = pow(all, power) - pow(all - gone, power);
        sum += weight * exp(-z * z / 2) * miss;
    }
    double p = (double)k * sum * h / 3 * 0.39894228040143267794;
    return fmin(1, fmax(0, p));
}

static double nemenyi_scale(size_t n, size_t k)
{
    double dk = (double)k;
    return sqrt(dk * (dk + 1) / (12 * (double)n));
}

double friedman_gap(size_t n_users, size_t k, double level)
{
    assert(level > 0 && level < 1);
    double lo = 0, hi = 40;
    for (size_t i = 0; i < 60; i++) {
        double mid = (lo + hi) / 2;
        *(friedman_range_p(mid, k) > 1 - level ? &lo : &hi) = mid;
    }
    return hi * nemenyi_scale(n_users, k);
}

static Status posthoc_nemenyi(double *stat, double *p, double *adjusted, const double *x,
                              const double *mean_rank, size_t n, size_t k, Err *e)
{
    (void)x;
    (void)e;
    size_t at = 0;
    for (size_t i = 0; i < k; i++)
        for (size_t j = i + 1; j < k; j++, at++) {
            stat[at] = mean_rank[i] - mean_rank[j];
            p[at] = adjusted[at] = friedman_range_p(fabs(stat[at]) / nemenyi_scale(n, k), k);
        }
    return OK;
}

static Status wilcoxon_pairs(double *stat, double *p, double *d, const double *x, size_t n, size_t k, Err *e)
{
    size_t at = 0;
    for (size_t i = 0; i < k; i++)
        for (size_t j = i + 1; j < k; j++, at++) {
            PairedRank r;
            for (size_t u = 0; u < n; u++) d[u] = x[u * k + i] - x[u * k + j];
            TRY(paired_wilcoxon(&r, d, n, false, e));
            stat[at] = r.rank_biserial;
            p[at] = r.p;
        }
    return OK;
}

static Status posthoc_wilcoxon(double *stat, double *p, double *adjusted, const double *x,
                               const double *mean_rank, size_t n, size_t k, Err *e)
{
    (void)mean_rank;
    Arena a = {0};
    double *d = arena_alloc(&a, n, sizeof *d);
    Status st = d == NULL ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu users", n)
                          : wilcoxon_pairs(stat, p, d, x, n, k, e);
    arena_free(&a);
    return st == OK ? stats_adjust(adjusted, p, k * (k - 1) / 2, "holm", e) : st;
}

static const FriedmanPosthoc table[] = {
    {"nemenyi", "differences of mean ranks against the studentised range", "Nemenyi 1963; Demsar 2006",
     posthoc_nemenyi},
    {"wilcoxon", "signed-rank test of each pair, Holm's adjustment", "Wilcoxon 1945; Holm 1979",
     posthoc_wilcoxon},
};
enum { N_POSTHOC = sizeof table / sizeof table[0] };

const FriedmanPosthoc *friedman_posthoc_at(size_t i)
{
    return i < N_POSTHOC ? &table[i] : NULL;
}

Status friedman_posthoc(double *stat, double *p, double *adjusted, const double *x, const double *mean_rank,
                        size_t n_users, size_t k, const char *name, Err *e)
{
    TRY(friedman_check(x, n_users, k, e));
    for (size_t i = 0; i < N_POSTHOC; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].fn(stat, p, adjusted, x, mean_rank, n_users, k, e);
    FAIL(e, ERR_ARG, "post-hoc test '%s', want nemenyi or wilcoxon", name);
}
