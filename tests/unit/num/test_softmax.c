/* Rows in tiles against the whole row in double, however they are cut, and at the edges. */
#include "prime/rng.h"
#include "prime/softmax.h"

#include <criterion/criterion.h>
#include <float.h>
#include <stdlib.h>

enum { ROW = 50257 };
static const size_t rows[] = {1, 2, 7, 64, 1023, 1024, 1025, 4096, ROW};
static const size_t cuts[] = {ROW, 1024, 1000, 37, 1}; /* entries of a tile */
enum { LONG = 4096 };                                  /* longer rows are not cut entry by entry */
static const double spreads[] = {1e-3, 0.5, 3, 12};
enum { N_ROWS = 9, N_CUTS = 5, N_SPREADS = 4 };
static float x[ROW];

typedef struct {
    double lse, mean, sd;
    size_t above;
} RowFacts;

/* The naive twin: the whole row in double, entry by entry. */
static RowFacts facts_by_hand(size_t n, size_t at)
{
    RowFacts m = {0};
    double top = (double)x[0], total = 0, var = 0;
    for (size_t i = 0; i < n; i++) top = fmax(top, (double)x[i]);
    for (size_t i = 0; i < n; i++) total += exp((double)x[i] - top);
    m.lse = top + log(total);
    for (size_t i = 0; i < n; i++) m.mean += exp((double)x[i] - m.lse) * ((double)x[i] - m.lse);
    for (size_t i = 0; i < n; i++) {
        double d = (double)x[i] - m.lse - m.mean;
        var += exp((double)x[i] - m.lse) * d * d;
        m.above += x[i] > x[at] || (x[i] == x[at] && i < at);
    }
    m.sd = sqrt(var);
    return m;
}

static size_t tile_end(size_t from, size_t n, size_t cut)
{
    return n - from < cut ? n : from + cut;
}

static Softmax sums_of(size_t n, size_t cut, void (*add)(Softmax *, const float *, size_t))
{
    Softmax s = SOFTMAX_EMPTY;
    for (size_t from = 0, to; from < n; from = to) add(&s, x + from, (to = tile_end(from, n, cut)) - from);
    return s;
}

static SoftmaxRank rank_of(size_t n, size_t at, size_t cut, double guess, double error)
{
    SoftmaxRank r;
    softmax_rank_open(&r, at, guess, error);
    for (size_t from = 0, to; from < n; from = to)
        softmax_rank_add(&r, x + from, (to = tile_end(from, n, cut)) - from, from);
    return r;
}

/* drift: by how much the row rises from its first entry to its last, so that maxima come late, too. */
static void row_fill(size_t n, double sd, double drift, uint64_t seed)
{
    Rng rng = rng_stream(5, "row of softmax", seed);
    for (size_t i = 0; i < n; i++) x[i] = (float)(20 + sd * rng_normal(&rng) + drift * (double)i / (double)n);
    for (size_t i = 3; i < n; i += 5) x[i] = x[i - 1];   /* ties */
    for (size_t i = 11; i < n; i += 50) x[i] = x[i / 2]; /* far apart */
}

static void check_sum_of(double got, double want, double tolerance, size_t n, size_t cut, const char *what)
{
    cr_assert_float_eq(got, want, tolerance, "%s of %zu entries in tiles of %zu: %.9g, want %.9g", what, n,
                       cut, got, want);
}

static void check_row(size_t n)
{
    RowFacts want = facts_by_hand(n, 0);
    for (size_t c = 0; c < N_CUTS - (n > LONG); c++) {
        Softmax s = sums_of(n, cuts[c], softmax_add_moments), less = sums_of(n, cuts[c], softmax_add);
        SoftmaxMoments m = softmax_moments(&s);
        check_sum_of(softmax_lse(&s), want.lse, 1e-6 * want.lse, n, cuts[c], "lse");
        check_sum_of(softmax_lse(&less), want.lse, 1e-6 * want.lse, n, cuts[c], "lse alone");
        check_sum_of(m.mean, want.mean, 2e-6 * fmax(1, -want.mean), n, cuts[c], "mean");
        check_sum_of(m.sd, want.sd, 1e-4 * want.sd + 1e-7, n, cuts[c], "sd");
    }
}

Test(softmax, sums_agree_with_double)
{
    for (size_t r = 0; r < N_ROWS; r++)
        for (size_t k = 0; k < 2 * N_SPREADS; k++) {
            row_fill(rows[r], spreads[k / 2], k % 2 == 0 ? 0 : 25, r * 8 + k);
            check_row(rows[r]);
        }
}

/* Bounds that leave no doubt, some, and nothing but doubt. */
Test(softmax, ranks_are_exact_however_wide_the_bounds)
{
    static const double errors[] = {0, 1e-4, 0.3, 1e9};
    Rng rng = rng_stream(6, "places", 0);
    size_t cut_short = 0, whole = 0;
    for (size_t r = 0; r < N_ROWS; r++)
        for (size_t k = 0; k < 16; k++) {
            size_t n = rows[r], at = rng_below(&rng, n);
            row_fill(n, spreads[k % N_SPREADS], 0, r * 16 + k);
            if (k % 2 == 0) x[at] = (float)(20 + 2.7 * spreads[k % N_SPREADS]); /* of low rank in long rows */
            size_t want = facts_by_hand(n, at).above;
            if (want > SOFTMAX_RANKS) want = SOFTMAX_RANKS;
            (want == SOFTMAX_RANKS ? &cut_short : &whole)[0]++;
            for (size_t c = 0; c < N_CUTS - (n > LONG); c++)
                for (size_t b = 0; b < 4; b++) {
                    double off = errors[b] * (2 * rng_uniform(&rng) - 1);
                    SoftmaxRank got = rank_of(n, at, cuts[c], (double)x[at] + off, errors[b]);
                    cr_assert_eq(softmax_rank(&got), want,
                                 "n = %zu, at %zu, tiles of %zu, error %g: %zu, want %zu", n, at, cuts[c],
                                 errors[b], softmax_rank(&got), want);
                    cr_assert(!got.astray);
                }
        }
    cr_assert(cut_short > 20 && whole > 50, "%zu, %zu", cut_short, whole);
}

Test(softmax, a_flat_row_has_the_ranks_of_its_order)
{
    enum { N = 600 };
    for (size_t i = 0; i < N; i++) x[i] = 1.5f;
    for (size_t at = 0; at < N; at += 7)
        for (size_t c = 1; c < N_CUTS; c++) {
            SoftmaxRank r = rank_of(N, at, cuts[c], 1.5, 1e-3);
            cr_assert_eq(softmax_rank(&r), at < SOFTMAX_RANKS ? at : SOFTMAX_RANKS);
        }
}

Test(softmax, a_guess_that_is_too_far_off_is_told)
{
    row_fill(100, 1, 0, 1);
    cr_assert(rank_of(100, 50, 10, (double)x[50] + 1, 0.9).astray);
    cr_assert(!rank_of(100, 50, 10, (double)x[50] + 1, 1.1).astray);
    x[50] = NAN;
    cr_assert(rank_of(100, 50, 10, 20, 1e9).astray);
}

static SoftmaxMoments moments_of(const float *row, size_t n, double *lse)
{
    Softmax s = SOFTMAX_EMPTY;
    for (size_t i = 0; i < n; i++) softmax_add_moments(&s, row + i, 1);
    *lse = softmax_lse(&s);
    return softmax_moments(&s);
}

Test(softmax, at_the_edges)
{
    const float flat[] = {3, 3, 3, 3}, sure[] = {-60, 80, -60}, huge[] = {-FLT_MAX, 0, FLT_MAX};
    double lse;
    SoftmaxMoments m = moments_of(flat, 4, &lse);
    cr_assert(m.sd == 0);
    cr_assert_float_eq(m.mean, -log(4), 1e-7);
    cr_assert_float_eq(lse, 3 + log(4), 1e-6);
    m = moments_of(sure, 3, &lse);
    cr_assert_float_eq(m.sd, 0, 1e-12);
    cr_assert_float_eq(lse, 80, 1e-6);
    moments_of(huge, 3, &lse);
    cr_assert_eq(lse, (double)FLT_MAX);
}

Test(softmax, what_is_not_finite_is_not_lost)
{
    const float bad[][3] = {{1, NAN, 2}, {NAN, 1, 2}, {1, 2, NAN}, {1, INFINITY, 2}, {INFINITY, 1, 2}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double lse;
        Softmax s = SOFTMAX_EMPTY;
        cr_assert(!isfinite(moments_of(bad[i], 3, &lse).sd) && !isfinite(lse), "row %zu", i);
        softmax_add(&s, bad[i], 3);
        cr_assert(!isfinite(softmax_lse(&s)), "row %zu in one tile", i);
    }
}
