/* stats_adjust.c - p-values adjusted for multiple testing; the table at the end is what `prime list` and the
 * command line read. All methods cap at 1 and keep the order of the input. */
#include "prime/stats.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void adjust_bonferroni(double *out, const double *p, const size_t *idx, size_t n)
{
    (void)idx;
    for (size_t i = 0; i < n; i++) out[i] = p[i] * (double)n < 1 ? p[i] * (double)n : 1;
}

/* Step down: the running maximum from the smallest p. */
static void adjust_holm(double *out, const double *p, const size_t *idx, size_t n)
{
    double top = 0;
    for (size_t r = 0; r < n; r++) {
        double x = p[idx[r]] * (double)(n - r);
        if (x > top) top = x;
        out[idx[r]] = top < 1 ? top : 1;
    }
}

/* Step up: the running minimum from the largest p of factor(rank) * p. */
static void adjust_step_up(double *out, const double *p, const size_t *idx, size_t n, bool by_rank,
                           double scale)
{
    double low = 1;
    for (size_t r = n; r-- > 0;) {
        double factor = by_rank ? scale * (double)n / (double)(r + 1) : (double)(n - r);
        double x = p[idx[r]] * factor;
        if (x < low) low = x;
        out[idx[r]] = low;
    }
}

static void adjust_hochberg(double *out, const double *p, const size_t *idx, size_t n)
{
    adjust_step_up(out, p, idx, n, false, 1);
}

static void adjust_bh(double *out, const double *p, const size_t *idx, size_t n)
{
    adjust_step_up(out, p, idx, n, true, 1);
}

static void adjust_by(double *out, const double *p, const size_t *idx, size_t n)
{
    double harmonic = 0;
    for (size_t i = 1; i <= n; i++) harmonic += 1.0 / (double)i;
    adjust_step_up(out, p, idx, n, true, harmonic);
}

/* One subset size m of the closed test: c bounds the m - 1 largest p-values together (Simes), and each of the
 * others by itself with the factor m; the largest ones share the bound of rank n - m. */
static void hommel_size(double *out, const double *p, const size_t *idx, size_t n, size_t m)
{
    double c = 2; /* above any m * p / m */
    for (size_t j = 1; j < m; j++) {
        double x = (double)m * p[idx[n - m + j]] / (double)(j + 1);
        if (x < c) c = x;
    }
    for (size_t r = 0; r < n; r++) {
        double x = (double)m * p[idx[r < n - m ? r : n - m]];
        if (x > c) x = c;
        if (x > out[idx[r]]) out[idx[r]] = x;
    }
}

static void adjust_hommel(double *out, const double *p, const size_t *idx, size_t n)
{
    /* The full set: min over ranks of n p_(r) / r bounds every adjusted value from below. */
    double q = 1;
    for (size_t r = 0; r < n; r++) {
        double x = (double)n * p[idx[r]] / (double)(r + 1);
        if (x < q) q = x;
    }
    for (size_t i = 0; i < n; i++) out[i] = p[i] > q ? p[i] : q;
    for (size_t m = n; m-- > 2;) hommel_size(out, p, idx, n, m);
    for (size_t i = 0; i < n; i++)
        if (out[i] > 1) out[i] = 1;
}

static const StatsAdjust table[] = {
    {"bonferroni", "n times p: family-wise error", "Bonferroni 1936", adjust_bonferroni},
    {"holm", "step-down: family-wise error", "Holm 1979", adjust_holm},
    {"hochberg", "step-up: family-wise error, non-negative dependence", "Hochberg 1988", adjust_hochberg},
    {"hommel", "closed Simes tests: family-wise error", "Hommel 1988; Wright 1992", adjust_hommel},
    {"bh", "step-up: false discovery rate", "Benjamini and Hochberg 1995", adjust_bh},
    {"by", "step-up: false discovery rate under any dependence", "Benjamini and Yekutieli 2001", adjust_by},
};
enum { N_ADJUST = sizeof table / sizeof table[0] };

const StatsAdjust *stats_adjust_at(size_t i)
{
    return i < N_ADJUST ? &table[i] : NULL;
}

typedef struct {
    double p;
    size_t i;
} PValue;

static int pvalue_order(const void *a, const void *b)
{
    const PValue *x = a, *y = b;
    if (x->p != y->p) return x->p < y->p ? -1 : 1;
    return (x->i > y->i) - (x->i < y->i);
}

static bool pvalue_sort(size_t *idx, const double *p, size_t n)
{
    PValue *row = malloc(n * sizeof *row);
    if (row == NULL) return false;
    for (size_t i = 0; i < n; i++) row[i] = (PValue){p[i], i};
    qsort(row, n, sizeof *row, pvalue_order);
    for (size_t i = 0; i < n; i++) idx[i] = row[i].i;
    free(row);
    return true;
}

Status stats_adjust(double *out, const double *p, size_t n, const char *method, Err *e)
{
    const StatsAdjust *row = NULL;
    for (size_t i = 0; i < N_ADJUST; i++)
        if (strcmp(table[i].name, method) == 0) row = &table[i];
    if (row == NULL)
        FAIL(e, ERR_ARG, "method '%s', want bonferroni, holm, hochberg, hommel, bh or by", method);
    for (size_t i = 0; i < n; i++)
        if (!(p[i] >= 0 && p[i] <= 1)) FAIL(e, ERR_ARG, "p[%zu] = %g, want [0, 1]", i, p[i]);
    if (n == 0) return OK;
    size_t *idx = calloc(n, sizeof *idx);
    if (idx == NULL || !pvalue_sort(idx, p, n)) {
        free(idx);
        FAIL(e, ERR_NOMEM, "no memory for %zu p-values", n);
    }
    row->fn(out, p, idx, n);
    free(idx);
    return OK;
}
