/* Which entries are kept: counts, ties, thresholds beside a plain sort, random masks. */
#include "merge_case.h"

#include "../../../src/merge/merge_priv.h"

static int compare_down(const void *x, const void *y)
{
    float a = *(const float *)x, b = *(const float *)y;
    return (a < b) - (a > b);
}

/* Values of several kinds: normal, few distinct ones, mostly zeros, ascending, periodic. */
static float trim_value(Rng *r, size_t kind, size_t i)
{
    double u = rng_normal(r);
    const double v[] = {u, (double)rng_below(r, 5) - 2, rng_uniform(r) < 0.9 ? 0 : u, (double)i,
                        i % 8 == 0 ? 3 + u : 0.1 * u};
    return (float)v[kind];
}

Test(merge_trim, kth_largest_is_that_of_a_sort)
{
    static const size_t size[] = {1, 2, 17, 1000, 65536, 100003};
    static const double share[] = {0, 0.001, 0.2, 0.5, 0.9, 1};
    for (size_t s = 0; s < 6; s++)
        for (size_t kind = 0; kind < 5; kind++) {
            size_t n = size[s];
            float *x = malloc(3 * n * sizeof *x), *sorted = x + n, *work = sorted + n;
            Rng rng = rng_stream(4, "trim", s * 5 + kind);
            for (size_t i = 0; i < n; i++) {
                x[i] = trim_value(&rng, kind, i);
                sorted[i] = fabsf(x[i]);
            }
            qsort(sorted, n, sizeof *sorted, compare_down);
            for (size_t q = 0; q < 6; q++) {
                size_t k = (size_t)(share[q] * (double)n), above = 0, equal = 0;
                TrimPlace at;
                if (k == 0) k = 1;
                cr_assert_eq(trim_kth(x, n, k, work, &at), sorted[k - 1], "n %zu kind %zu k %zu", n, kind, k);
                for (size_t i = 0; i < n; i++) {
                    above += sorted[i] > sorted[k - 1];
                    equal += sorted[i] == sorted[k - 1];
                }
                cr_assert_eq(at.above, above);
                if (above < k) cr_assert_geq(at.above + at.equal, k);
                cr_assert_leq(at.equal, equal);
            }
            free(x);
        }
}

/* By its definition, so often that some samples mislead: both the one that brackets it among all entries and
 * the one among those that are left. */
Test(merge_trim, kth_largest_of_many_draws)
{
    enum { DRAWS = 1500, MANY = 65536 };
    float *x = malloc(2 * MANY * sizeof *x);
    for (size_t t = 0; t < DRAWS; t++) {
        Rng rng = rng_stream(6, "draws", t);
        TrimPlace at;
        size_t k = MANY / 10 * (1 + t % 9), above = 0, equal = 0;
        for (size_t i = 0; i < MANY; i++) x[i] = (float)rng_uniform(&rng);
        float kth = trim_kth(x, MANY, k, x + MANY, &at);
        for (size_t i = 0; i < MANY; i++) {
            above += x[i] > kth;
            equal += x[i] == kth;
        }
        cr_assert(above < k && k <= above + equal, "draw %zu", t);
        cr_assert(at.above == above && at.equal == equal, "draw %zu: %zu above, %zu equal", t, above, equal);
    }
    free(x);
}

/* One adapter of weight 1, a single row, trimmed. */
static double *trim_row(const char *method, const double *x, size_t n, const MergeOpts *o)
{
    double one = 1;
    Lora *l = case_vector(x, n), *m = case_build(merge_find(method), &l, 1, &one, o, NULL);
    double *got = case_delta(m, LORA_Q);
    lora_free(l);
    lora_free(m);
    return got;
}

static size_t trim_left(const double *x, size_t n)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++) left += x[i] != 0;
    return left;
}

Test(merge_trim, equal_magnitudes_are_taken_in_their_order)
{
    static const double x[8] = {1, -2, 2, 1, -1, 3, 1, 0.5};
    MergeOpts o = merge_opts();
    o.density = 0.5; /* 3, the two 2s and the first 1 */
    double *got = trim_row("magnitude_prune", x, 8, &o), want[8] = {1, -2, 2, 0, 0, 3, 0, 0};
    for (size_t i = 0; i < 8; i++) cr_expect_float_eq(got[i], want[i], 1e-6, "%zu", i);
    free(got);
    o.gamma = 0.25; /* without the 3 and the first 2 */
    got = trim_row("breadcrumbs", x, 8, &o);
    double crumbs[8] = {1, 0, 2, 1, -1, 0, 0, 0};
    for (size_t i = 0; i < 8; i++) cr_expect_float_eq(got[i], crumbs[i], 1e-6, "%zu", i);
    free(got);
}

/* Whatever gamma and density, as many entries stay as the density says, and never none. */
Test(merge_trim, breadcrumbs_never_keep_nothing)
{
    enum { N = 60 };
    static const double density[] = {0.001, 0.1, 0.5, 0.95, 1}, gamma[] = {0, 0.001, 0.01, 0.1, 0.6, 0.99};
    double x[N];
    Rng rng = rng_stream(7, "crumbs", 0);
    for (size_t i = 0; i < N; i++) x[i] = rng_normal(&rng);
    for (size_t d = 0; d < 5; d++)
        for (size_t g = 0; g < 6; g++) {
            MergeOpts o = merge_opts();
            o.density = density[d];
            o.gamma = gamma[g];
            size_t want = (size_t)(density[d] * N);
            double *got = trim_row("breadcrumbs", x, N, &o);
            cr_expect_eq(trim_left(got, N), want > 0 ? want : 1, "density %g gamma %g", density[d], gamma[g]);
            free(got);
        }
}

enum { LONG = 20000 };

static double trim_moment(const double *x, const double *of, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * (of != NULL ? of[i] : 1);
    return sum;
}

/* Drop rates and rescaling: 1/density keeps the expectation, l1 the sum of magnitudes. */
Test(merge_trim, random_masks_keep_what_they_promise)
{
    static double x[LONG];
    static const char *const name[] = {"dare_linear", "della_linear"};
    Rng rng = rng_stream(7, "masks", 0);
    for (size_t i = 0; i < LONG; i++) x[i] = rng_normal(&rng);
    double square = trim_moment(x, x, LONG), sum = 0;
    for (size_t i = 0; i < LONG; i++) sum += fabs(x[i]);
    for (size_t m = 0; m < 2; m++) {
        MergeOpts o = merge_opts();
        o.density = 0.3;
        for (o.rescale = RESCALE_NONE; o.rescale < RESCALE_KINDS; o.rescale++) {
            double *got = trim_row(name[m], x, LONG, &o), left = (double)trim_left(got, LONG), l1 = 0;
            for (size_t i = 0; i < LONG; i++) l1 += fabs(got[i]);
            cr_expect_float_eq(left / LONG, 0.3, 0.015, "%s %g", name[m], left / LONG); /* 4.6 sd */
            if (o.rescale == RESCALE_INVERSE)
                cr_expect_float_eq(trim_moment(got, x, LONG) / square, 1, 0.06, "%s", name[m]);
            if (o.rescale == RESCALE_L1) cr_expect_float_eq(l1 / sum, 1, 1e-5, "%s", name[m]);
            if (o.rescale == RESCALE_NONE)
                for (size_t i = 0; i < LONG; i++) cr_assert(got[i] == 0 || fabs(got[i] - x[i]) < 1e-6);
            free(got);
        }
    }
}

/* DELLA: the large half of a row stays more often than the small one, by twice epsilon on average half. */
Test(merge_trim, ranked_masks_prefer_the_large)
{
    static double x[LONG];
    for (size_t i = 0; i < LONG; i++) x[i] = (double)(i + 1);
    MergeOpts o = merge_opts();
    o.density = 0.5;
    o.epsilon = 0.2;
    double *got = trim_row("della_linear", x, LONG, &o);
    double small = (double)trim_left(got, LONG / 2) / (LONG / 2.0),
           large = (double)trim_left(got + LONG / 2, LONG / 2) / (LONG / 2.0);
    cr_expect_float_eq(small, 0.4, 0.025, "%g", small);
    cr_expect_float_eq(large, 0.6, 0.025, "%g", large);
    free(got);
}

/* Another seed is another mask; masks of different adapters and sites differ. */
Test(merge_trim, masks_belong_to_seed_adapter_and_site)
{
    Lora *l[2] = {case_adapter(2, 2, 1), case_adapter(2, 2, 2)};
    double one[2] = {1, 0}, two[2] = {1, 1};
    const MergeMethod *m = merge_find("dare_linear");
    MergeOpts o = case_opts(m, 0.5);
    o.rank = MERGE_RANK_FULL;
    Lora *a = case_build(m, l, 1, one, &o, NULL), *b = case_build(m, l, 2, one, &o, NULL);
    cr_assert(lora_equal(a, b));
    lora_free(b);
    o.seed = 1;
    b = case_build(m, l, 2, one, &o, NULL);
    cr_assert_gt(case_apart(a, b, 1), 0.1 * lora_norm(a));
    lora_free(b);
    o.seed = 0;
    b = case_build(m, l, 2, two, &o, NULL);
    Lora *other = case_build(m, l + 1, 1, one, &o, NULL);
    double *x = case_delta(a, LORA_Q), *y = case_delta(other, LORA_Q), *sum = case_delta(b, LORA_Q),
           *next = case_delta(a, LORA_KINDS + LORA_Q);
    size_t same = 0, along = 0, n = case_size(a, LORA_Q);
    for (size_t i = 0; i < n; i++) {
        cr_assert_float_eq(x[i] + y[i], sum[i], 1e-5); /* neither depends on the other */
        same += (x[i] != 0) == (y[i] != 0);
        along += (x[i] != 0) == (next[i] != 0);
    }
    cr_assert_lt(same, n);
    cr_assert_lt(along, n);
    free(x);
    free(y);
    free(sum);
    free(next);
    lora_free(a);
    lora_free(b);
    lora_free(other);
    case_free(l, 2);
}
