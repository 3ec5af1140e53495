#include "prime/paired.h"

#include "prime/arena.h"
#include "prime/rank.h"
#include "prime/rng.h"
#include "prime/stats.h"

#include <math.h>

enum { WILCOXON_EXACT = 49, FLIP_EXACT = 20, FLIP_HALF = 1 << FLIP_EXACT / 2 };

static Status paired_check(const double *d, size_t n, Err *e)
{
    if (n == 0) FAIL(e, ERR_SHAPE, "users = 0, want at least 1");
    for (size_t i = 0; i < n; i++)
        if (!isfinite(d[i])) FAIL(e, ERR_NUM, "difference of user %zu = %g, want a finite number", i, d[i]);
    return OK;
}

/* Differences of decimal numbers miss each other by rounding. */
static double paired_slack(const double *d, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(d[i]));
    return 1e-12 * most;
}

static double paired_two_sided(double p_greater, double p_less)
{
    return fmin(1, 2 * fmin(p_greater, p_less));
}

/* --- Wilcoxon --------------------------------------------------------------------------------------------
 */

static void wilcoxon_normal(PairedRank *r, double ties)
{
    double n = (double)r->n, sd = sqrt(n * (n + 1) * (2 * n + 1) / 24 - ties / 48);
    double gap = r->w_plus - n * (n + 1) / 4;
    r->p_greater = stats_norm_cdf(-(gap - 0.5) / sd);
    r->p_less = stats_norm_cdf((gap + 0.5) / sd);
    r->exact = false;
}

static void wilcoxon_exact(PairedRank *r, const size_t *rank2, size_t plus2)
{
    double ways[WILCOXON_EXACT * (WILCOXON_EXACT + 1) + 1];
    size_t top = r->n * (r->n + 1);
    rank_signed_ways(ways, top, rank2, r->n);
    rank_tails(&r->p_greater, &r->p_less, ways, top, plus2);
}

static Status wilcoxon_run(PairedRank *out, const double *d, size_t n, bool normal, Arena *a, Err *e)
{
    double *size = arena_alloc(a, n, sizeof *size);
    size_t *rank2 = arena_alloc(a, n, sizeof *rank2), plus2 = 0, k = 0;
    RankItem *work = arena_alloc(a, n, sizeof *work);
    if (size == NULL || rank2 == NULL || work == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu users", n);
    double slack = paired_slack(d, n);
    for (size_t i = 0; i < n; i++)
        if (fabs(d[i]) > slack) size[k++] = fabs(d[i]);
    PairedRank r = {.n = k, .n_zero = n - k, .p = 1, .p_greater = 1, .p_less = 1, .exact = true};
    double ties = rank_mid2(rank2, size, k, slack, work);
    for (size_t i = 0, at = 0; i < n; i++) {
        if (d[i] > slack) plus2 += rank2[at];
        at += fabs(d[i]) > slack;
    }
    r.w_plus = (double)plus2 / 2;
    r.w_minus = (double)k * (double)(k + 1) / 2 - r.w_plus;
    if (k > 0) r.rank_biserial = (r.w_plus - r.w_minus) / (r.w_plus + r.w_minus);
    if (k > 0 && (normal || k > WILCOXON_EXACT))
        wilcoxon_normal(&r, ties);
    else
        wilcoxon_exact(&r, rank2, plus2);
    r.p = paired_two_sided(r.p_greater, r.p_less);
    *out = r;
    return OK;
}

Status paired_wilcoxon(PairedRank *out, const double *d, size_t n, bool normal, Err *e)
{
    TRY(paired_check(d, n, e));
    Arena a = {0};
    Status st = wilcoxon_run(out, d, n, normal, &a, e);
    arena_free(&a);
    return st;
}

/* --- sign flips ------------------------------------------------------------------------------------------
 */

typedef struct {
    double seen, least, most;
} FlipTally;

static void flip_count(FlipTally *t, double sum, double observed, double slack)
{
    t->seen++;
    t->least += sum >= observed - slack;
    t->most += sum <= observed + slack;
}

/* sum [2^n] of all sign patterns of d [n]; each is the sum of at most n terms, so rounding does not pile up.
 */
static void flip_sums(double *sum, const double *d, size_t n)
{
    sum[0] = 0;
    for (size_t i = 0; i < n; i++) {
        size_t half = (size_t)1 << i;
        for (size_t k = 0; k < half; k++) {
            sum[half + k] = sum[k] + d[i];
            sum[k] -= d[i];
        }
    }
}

static void flip_all(FlipTally *t, const double *d, size_t n, double observed, double slack)
{
    double low[FLIP_HALF], high[FLIP_HALF];
    size_t n_low = n / 2, n_high = n - n_low;
    flip_sums(low, d, n_low);
    flip_sums(high, d + n_low, n_high);
    for (size_t i = 0; i < (size_t)1 << n_low; i++)
        for (size_t j = 0; j < (size_t)1 << n_high; j++) flip_count(t, low[i] + high[j], observed, slack);
}

static void flip_draw(FlipTally *t, const double *d, size_t n, double observed, double slack, size_t reps,
                      uint64_t seed)
{
    for (size_t r = 0; r < reps; r++) {
        Rng rng = rng_stream(seed, "paired_flip", r);
        double sum = 0;
        uint64_t bits = 0;
        for (size_t i = 0; i < n; i++) {
            if (i % 64 == 0) bits = rng_u64(&rng);
            sum += bits >> (i % 64) & 1 ? d[i] : -d[i];
        }
        flip_count(t, sum, observed, slack);
    }
}

Status paired_flip(PairedFlip *out, const double *d, size_t n, size_t reps, uint64_t seed, Err *e)
{
    if (reps == 0) reps = 10000;
    if (reps < 100) FAIL(e, ERR_ARG, "sign patterns = %zu, want at least 100", reps);
    TRY(paired_check(d, n, e));
    double sum = 0, size = 0;
    for (size_t i = 0; i < n; i++) sum += d[i], size += fabs(d[i]);
    FlipTally t = {0};
    PairedFlip r = {.mean = sum / (double)n, .exact = n <= FLIP_EXACT};
    double slack = 1e-12 * size, own = r.exact ? 0 : 1; /* the observed pattern is one of the drawn ones */
    if (r.exact)
        flip_all(&t, d, n, sum, slack);
    else
        flip_draw(&t, d, n, sum, slack, reps, seed);
    r.p_greater = (t.least + own) / (t.seen + own);
    r.p_less = (t.most + own) / (t.seen + own);
    r.p = paired_two_sided(r.p_greater, r.p_less);
    r.draws = t.seen;
    *out = r;
    return OK;
}

/* --- wins and equivalence --------------------------------------------------------------------------------
 */

Status paired_wins(PairedWins *out, const double *d, size_t n, double level, Err *e)
{
    if (!(level > 0 && level < 1)) FAIL(e, ERR_ARG, "level = %g, want (0, 1)", level);
    TRY(paired_check(d, n, e));
    double slack = paired_slack(d, n);
    PairedWins w = {.rate = NAN, .lo = NAN, .hi = NAN, .p = 1};
    for (size_t i = 0; i < n; i++) {
        w.wins += d[i] > slack;
        w.losses += d[i] < -slack;
    }
    w.ties = n - w.wins - w.losses;
    size_t decided = w.wins + w.losses;
    if (decided > 0) {
        w.rate = (double)w.wins / (double)decided;
        stats_clopper_pearson(&w.lo, &w.hi, w.wins, decided, level);
        w.p = stats_binom_test(w.wins, decided, 0.5).p;
    }
    *out = w;
    return OK;
}

/* P(T >= t); a spread of 0 makes the statistic infinite, or 0/0 on the bound itself. */
static double tost_above(double t, double df)
{
    if (isnan(t)) return 1;
    double both = isinf(t) ? 0 : stats_t_p(t, df);
    return t > 0 ? both / 2 : 1 - both / 2;
}

static PairedVerdict tost_verdict(const PairedTost *t, double margin, double alpha)
{
    if (t->p < alpha) return PAIRED_EQUIVALENT;
    if (t->p_lower < alpha) return PAIRED_NOT_WORSE;
    return t->hi <= -margin ? PAIRED_WORSE : PAIRED_INCONCLUSIVE;
}

Status paired_tost(PairedTost *out, const double *d, size_t n, double margin, double alpha, Err *e)
{
    if (!(margin > 0) || isinf(margin)) FAIL(e, ERR_ARG, "margin = %g, want above 0", margin);
    if (!(alpha > 0 && alpha < 0.5)) FAIL(e, ERR_ARG, "alpha = %g, want (0, 0.5)", alpha);
    TRY(paired_check(d, n, e));
    PairedTost t = {.mean = stats_mean(d, n), .se = stats_sd(d, n) / sqrt((double)n), .df = (double)n - 1};
    t.lo = t.hi = t.t_lower = t.t_upper = t.p_lower = t.p_upper = t.p = NAN;
    t.verdict = PAIRED_INCONCLUSIVE;
    if (n >= 2) {
        double half = stats_t_q(1 - alpha, t.df) * t.se;
        t.lo = t.mean - half;
        t.hi = t.mean + half;
        t.t_lower = (t.mean + margin) / t.se;
        t.t_upper = (t.mean - margin) / t.se;
        t.p_lower = tost_above(t.t_lower, t.df);
        t.p_upper = tost_above(-t.t_upper, t.df);
        t.p = fmax(t.p_lower, t.p_upper);
        t.verdict = tost_verdict(&t, margin, alpha);
    }
    *out = t;
    return OK;
}

const char *paired_verdict(PairedVerdict v)
{
    static const char *const name[] = {"equivalent", "not worse", "worse", "inconclusive"};
    return name[v];
}
