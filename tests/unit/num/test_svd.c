#include "prime/rng.h"
#include "prime/svd.h"

#include "ref_csv.h"

/* A product of factors [m, k] and [k, n], both also returned. */
static float *random_product(float *p, float *q, size_t m, size_t n, size_t k, uint64_t seed)
{
    Rng rng = rng_stream(seed, "svd", m);
    float *x = calloc(m * n, sizeof *x);
    for (size_t i = 0; i < m * k; i++) p[i] = (float)rng_normal(&rng);
    for (size_t i = 0; i < k * n; i++) q[i] = (float)rng_normal(&rng);
    for (size_t o = 0; o < m; o++)
        for (size_t i = 0; i < k; i++)
            for (size_t c = 0; c < n; c++) x[o * n + c] += p[o * k + i] * q[i * n + c];
    return x;
}

static double factors_apart(const float *x, const float *b, const float *a, size_t m, size_t n, size_t r)
{
    double sum = 0;
    for (size_t o = 0; o < m; o++)
        for (size_t c = 0; c < n; c++) {
            double y = 0;
            for (size_t i = 0; i < r; i++) y += (double)b[o * r + i] * (double)a[i * n + c];
            sum += (y - (double)x[o * n + c]) * (y - (double)x[o * n + c]);
        }
    return sqrt(sum);
}

enum { MOST = 40 * 40 };

Test(svd, all_of_a_product_comes_back_and_what_is_lost_is_what_is_missing)
{
    static const size_t size[][3] = {{7, 12, 3}, {12, 7, 3}, {40, 33, 9}, {5, 6, 9}, {1, 12, 1}, {12, 1, 1}};
    static float p[MOST], q[MOST], b[MOST], a[MOST];
    for (size_t t = 0; t < sizeof size / sizeof size[0]; t++) {
        size_t m = size[t][0], n = size[t][1], k = size[t][2], full = m < n ? m : n;
        float *x = random_product(p, q, m, n, k, 3);
        double norm = factors_apart(x, b, a, m, n, 0), lost = -1;
        for (size_t r = 1; r <= full; r++) {
            cr_assert_eq(svd_cut(b, a, &lost, x, m, n, r, NULL), OK);
            REF_NEAR(factors_apart(x, b, a, m, n, r), lost, 2e-6 * norm, "%zu x %zu, rank %zu", m, n, r);
            if (r >= k || r == full) REF_NEAR(lost, 0, 1e-7 * norm, "%zu x %zu, rank %zu", m, n, r);
        }
        double before = norm;
        for (size_t r = 1; r <= k; r++) {
            cr_assert_eq(svd_cut_product(b, a, &lost, p, q, m, n, k, r, NULL), OK);
            REF_NEAR(factors_apart(x, b, a, m, n, r), lost, 2e-6 * norm, "%zu x %zu, rank %zu", m, n, r);
            cr_assert_leq(lost, before);
            before = lost;
        }
        free(x);
    }
}

/* The best approximation is no worse than others of the same rank: here the product's own first parts. */
Test(svd, both_ways_agree)
{
    enum { M = 20, N = 31, K = 8 };
    static float p[MOST], q[MOST], b[MOST], a[MOST];
    float *x = random_product(p, q, M, N, K, 5);
    for (size_t r = 1; r < K; r++) {
        double one, two;
        cr_assert_eq(svd_cut(b, a, &one, x, M, N, r, NULL), OK);
        cr_assert_eq(svd_cut_product(b, a, &two, p, q, M, N, K, r, NULL), OK);
        REF_NEAR(one, two, 1e-6 * one, "rank %zu", r);
        static float part_p[MOST], part_q[MOST];
        memcpy(part_q, q, r * N * sizeof *q);
        for (size_t o = 0; o < M; o++) memcpy(part_p + o * r, p + o * K, r * sizeof *p);
        cr_assert_lt(one, factors_apart(x, part_p, part_q, M, N, r));
    }
    free(x);
}

Test(svd, basis_is_orthonormal_and_counts_the_rank)
{
    enum { M = 9, K = 4 };
    double p[M * K], q[K * 6], gram[K * K], u[M * K], s[K];
    size_t rank = 0;
    Rng rng = rng_stream(8, "svd", 0);
    for (size_t i = 0; i < M * K; i++) p[i] = rng_normal(&rng);
    for (size_t i = 0; i < K * 6; i++) q[i] = rng_normal(&rng);
    memcpy(q + 3 * 6, q + 6, 6 * sizeof *q); /* two rows are the same: rank 3 */
    for (size_t i = 0; i < K; i++)
        for (size_t j = 0; j < K; j++) {
            gram[i * K + j] = 0;
            for (size_t c = 0; c < 6; c++) gram[i * K + j] += q[i * 6 + c] * q[j * 6 + c];
        }
    for (size_t o = 0; o < M; o++) p[o * K + 3] = -p[o * K + 1] + p[o * K];
    cr_assert_eq(svd_basis(u, s, &rank, p, gram, M, K, NULL), OK);
    cr_assert_lt(rank, K);
    cr_assert_gt(rank, 0);
    for (size_t i = 0; i < rank; i++)
        for (size_t j = 0; j < rank; j++) {
            double dot = 0;
            for (size_t o = 0; o < M; o++) dot += u[o * K + i] * u[o * K + j];
            REF_NEAR(dot, i == j ? 1.0 : 0.0, 1e-7, "%zu %zu", i, j);
        }
    for (size_t i = 1; i < K; i++) cr_assert_leq(s[i], s[i - 1]);
}

Test(svd, zero_and_refusals)
{
    float x[6] = {0}, b[4] = {1, 1, 1, 1}, a[6] = {1, 1, 1, 1, 1, 1};
    double lost = -1;
    Err e = {0};
    cr_assert_eq(svd_cut(b, a, &lost, x, 2, 3, 2, &e), OK);
    cr_assert_eq(lost, 0);
    for (size_t i = 0; i < 4; i++) cr_assert_eq(b[i], 0);
    for (size_t i = 0; i < 6; i++) cr_assert_eq(a[i], 0);
    x[4] = INFINITY;
    cr_assert_eq(svd_cut(b, a, &lost, x, 2, 3, 2, &e), ERR_NUM);
    cr_assert_not_null(strstr(e.msg, "want finite numbers"), "%s", e.msg);
}
