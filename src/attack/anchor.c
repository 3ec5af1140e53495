#include "prime/anchor.h"

#include "solve_priv.h"

#include "prime/rng.h"
#include "prime/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- folds ---- */

static double fold_mean(double *x, size_t n)
{
    return stats_mean(x, n);
}

static double fold_max(double *x, size_t n)
{
    double m = x[0];
    for (size_t i = 1; i < n; i++) m = fmax(m, x[i]);
    return m;
}

static double fold_min(double *x, size_t n)
{
    double m = x[0];
    for (size_t i = 1; i < n; i++) m = fmin(m, x[i]);
    return m;
}

static double fold_median(double *x, size_t n)
{
    stats_sort(x, n);
    return stats_quantile(x, n, 0.5);
}

static double fold_lse(double *x, size_t n)
{
    double m = fold_max(x, n), sum = 0;
    for (size_t i = 0; i < n; i++) sum += exp(x[i] - m);
    return m + log(sum);
}

static double fold_abs_max(double *x, size_t n)
{
    return fmax(fabs(fold_max(x, n)), fabs(fold_min(x, n)));
}

static const AnchorFold folds[] = {
    {"mean", "mean of a person's scores", "Kandpal et al. 2024, arXiv:2310.09266", fold_mean},
    {"max", "the best known record", "order statistics", fold_max},
    {"min", "the worst known record", "order statistics", fold_min},
    {"median", "the middle record", "order statistics", fold_median},
    {"lse", "log of the sum of exponentials: grows with the number of records", "a smooth maximum", fold_lse},
    {"abs_max", "the largest absolute score", "order statistics", fold_abs_max},
};
enum { N_FOLDS = sizeof folds / sizeof folds[0] };

const AnchorFold *anchor_fold_at(size_t i)
{
    return i < N_FOLDS ? &folds[i] : NULL;
}

const AnchorFold *anchor_fold_find(const char *name)
{
    for (size_t i = 0; i < N_FOLDS; i++)
        if (strcmp(folds[i].name, name) == 0) return &folds[i];
    return NULL;
}

static Status people_check(const size_t *person, size_t n, size_t n_people, Err *e)
{
    for (size_t i = 0; i < n; i++)
        if (person[i] >= n_people)
            FAIL(e, ERR_ARG, "person %zu of record %zu, want below %zu", person[i], i, n_people);
    return OK;
}

/* Scores of each person side by side: person u has those from start[u] to start[u + 1]. */
static Status people_gather(double *x, size_t *start, const double *score, const size_t *person, size_t n,
                            size_t n_people, Err *e)
{
    memset(start, 0, (n_people + 2) * sizeof *start);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(score[i]))
            FAIL(e, ERR_NUM, "score of record %zu = %g, want a finite number", i, score[i]);
        start[person[i] + 2]++;
    }
    for (size_t u = 0; u < n_people; u++) {
        if (start[u + 2] == 0) FAIL(e, ERR_SHAPE, "person %zu has no record", u);
        start[u + 2] += start[u + 1];
    }
    for (size_t i = 0; i < n; i++) x[start[person[i] + 1]++] = score[i];
    return OK;
}

Status anchor_fold(double *out, const double *score, const size_t *person, size_t n, size_t n_people,
                   const char *fold, Err *e)
{
    const AnchorFold *f = anchor_fold_find(fold);
    if (f == NULL) FAIL(e, ERR_ARG, "unknown fold '%s', want mean, max, min, median, lse or abs_max", fold);
    TRY(people_check(person, n, n_people, e));
    double *x = malloc((n + 1) * sizeof *x);
    size_t *start = malloc((n_people + 2) * sizeof *start);
    Status s = x != NULL && start != NULL
                   ? people_gather(x, start, score, person, n, n_people, e)
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu records", n);
    for (size_t u = 0; u < n_people && s == OK; u++) out[u] = f->fn(x + start[u], start[u + 1] - start[u]);
    free(start);
    free(x);
    return s;
}

Status anchor_user_inference(double *out, const AttackSignal *s, const size_t *person, size_t n,
                             size_t n_people, bool per_token, Err *e)
{
    double *x = malloc((n + 1) * sizeof *x), *tokens = malloc((n + n_people + 1) * sizeof *tokens);
    Status st = x != NULL && tokens != NULL
                    ? OK
                    : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu records", n);
    for (size_t i = 0; i < n && st == OK; i++) {
        x[i] = s[i].ref_nll_sum - s[i].nll_sum;
        tokens[i] = (double)s[i].n_tokens;
        if (per_token && s[i].n_tokens == 0)
            st = err_set(e, ERR_SHAPE, __FILE__, __LINE__, "record %zu has no answer tokens", i);
    }
    /* The ratio of two means over the same records is that of the sums. */
    if (st == OK && per_token) st = anchor_fold(tokens + n, tokens, person, n, n_people, "mean", e);
    if (st == OK) st = anchor_fold(out, x, person, n, n_people, "mean", e);
    for (size_t u = 0; u < n_people && st == OK && per_token; u++) out[u] /= tokens[n + u];
    free(tokens);
    free(x);
    return st;
}

/* ---- who owns a text, who was merged ---- */

Status anchor_source(size_t *owner, double *margin, const double *logp, size_t n, size_t n_people, Err *e)
{
    if (n_people < 2) FAIL(e, ERR_SHAPE, "%zu person, want at least 2 to choose among", n_people);
    for (size_t i = 0; i < n * n_people; i++)
        if (!isfinite(logp[i]))
            FAIL(e, ERR_NUM, "log-likelihood of record %zu under person %zu = %g", i / n_people, i % n_people,
                 logp[i]);
    for (size_t i = 0; i < n; i++) {
        const double *row = logp + i * n_people;
        size_t best = 0;
        double second = -INFINITY;
        for (size_t u = 1; u < n_people; u++) best = row[u] > row[best] ? u : best;
        for (size_t u = 0; u < n_people; u++) second = u != best ? fmax(second, row[u]) : second;
        owner[i] = best;
        margin[i] = row[best] - second;
    }
    return OK;
}

void anchor_prime_mia(double *score, bool *member, const double *nll_sum, const size_t *person, size_t n,
                      const bool *merged)
{
    for (size_t i = 0; i < n; i++) {
        score[i] = -nll_sum[i];
        member[i] = merged[person[i]];
    }
}

/* ---- dataset inference ---- */

/* Both sets behind each other: rows 0 .. n-1 are suspect. order [n + m] puts each set's first half in front:
 * suspect half, suspect rest, held-out half, held-out rest. */
typedef struct {
    size_t n, m, d;
    double *x; /* [n + m, d + 1] with a constant, standardised by the first halves */
    double *score, *b, *g;
    size_t *order;
} DatasetJob;

static bool first_half(const DatasetJob *j, size_t at)
{
    return at < j->n / 2 || (at >= j->n && at < j->n + j->m / 2);
}

static void dataset_order(DatasetJob *j, uint64_t seed)
{
    Rng rng = rng_stream(seed, "dataset inference", 0);
    for (size_t i = 0; i < j->n + j->m; i++) j->order[i] = i;
    rng_shuffle(&rng, j->order, j->n);
    rng_shuffle(&rng, j->order + j->n, j->m);
}

static void dataset_rows(DatasetJob *j, const double *suspect, const double *held)
{
    size_t total = j->n + j->m, p = j->d + 1, half = j->n / 2 + j->m / 2;
    for (size_t k = 0; k < j->d; k++) {
        double sum = 0, ss = 0;
        for (size_t at = 0; at < total; at++) {
            size_t i = j->order[at];
            j->score[at] = i < j->n ? suspect[i * j->d + k] : held[(i - j->n) * j->d + k];
            if (first_half(j, at)) sum += j->score[at];
        }
        for (size_t at = 0; at < total; at++)
            if (first_half(j, at)) ss += pow(j->score[at] - sum / (double)half, 2);
        double sd = ss > 0 ? sqrt(ss / (double)half) : 1;
        for (size_t at = 0; at < total; at++) j->x[at * p + k + 1] = (j->score[at] - sum / (double)half) / sd;
    }
    for (size_t at = 0; at < total; at++) j->x[at * p] = 1;
}

/* Least squares of +1 (suspect) and -1 on the first halves; scores of all rows. */
static Status dataset_learn(DatasetJob *j, Solver *s, Err *e)
{
    size_t total = j->n + j->m, p = j->d + 1;
    double *rhs = j->g + p * p;
    memset(j->g, 0, (p * p + p) * sizeof *j->g);
    for (size_t at = 0; at < total; at++) {
        const double *row = j->x + at * p;
        for (size_t k = 0; k < p && first_half(j, at); k++) {
            rhs[k] += at < j->n ? row[k] : -row[k];
            for (size_t l = 0; l < p; l++) j->g[k * p + l] += row[k] * row[l];
        }
    }
    TRY(solver_run(j->b, NULL, s, j->g, rhs, e));
    for (size_t at = 0; at < total; at++) {
        j->score[at] = 0;
        for (size_t k = 0; k < p; k++) j->score[at] += j->b[k] * j->x[at * p + k];
    }
    return OK;
}

static Status dataset_test(AnchorDataset *out, const DatasetJob *j, Err *e)
{
    const double *x = j->score + j->n / 2, *y = j->score + j->n + j->m / 2;
    AnchorDataset r = {.n_suspect = j->n - j->n / 2, .n_held = j->m - j->m / 2};
    stats_welch(&r.t, &r.df, x, r.n_suspect, y, r.n_held);
    if (!isfinite(r.t)) FAIL(e, ERR_NUM, "the learnt score has no spread");
    double both = stats_t_p(r.t, r.df);
    r.p = r.t > 0 ? both / 2 : 1 - both / 2;
    *out = r;
    return OK;
}

static Status dataset_check(const double *x, size_t n, size_t d, const char *what, Err *e)
{
    if (n < 4) FAIL(e, ERR_SHAPE, "%zu %s texts, want at least 4", n, what);
    for (size_t i = 0; i < n * d; i++)
        if (!isfinite(x[i])) FAIL(e, ERR_NUM, "feature %zu of %s text %zu = %g", i % d, what, i / d, x[i]);
    return OK;
}

Status anchor_dataset(AnchorDataset *out, const double *suspect, size_t n, const double *held, size_t m,
                      size_t d, uint64_t seed, Err *e)
{
    size_t total = n + m, p = d + 1;
    if (d == 0) FAIL(e, ERR_SHAPE, "no features to learn a score from");
    TRY(dataset_check(suspect, n, d, "suspect", e));
    TRY(dataset_check(held, m, d, "held-out", e));
    DatasetJob j = {.n = n, .m = m, .d = d, .order = malloc(total * sizeof *j.order)};
    Solver solver = {0};
    j.x = malloc((total * p + total + p + p * p + p) * sizeof *j.x);
    Status s = j.x != NULL && j.order != NULL
                   ? solver_open(&solver, p, e)
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu texts", total);
    if (s == OK) {
        j.score = j.x + total * p, j.b = j.score + total, j.g = j.b + p;
        dataset_order(&j, seed);
        dataset_rows(&j, suspect, held);
        s = dataset_learn(&j, &solver, e);
    }
    if (s == OK) s = dataset_test(out, &j, e);
    solver_close(&solver);
    free(j.order);
    free(j.x);
    return s;
}
