#include "prime/cluster.h"
#include "prime/rng.h"

#include "ref_csv.h"

enum { CL_N = 150, CL_D = 4, CL_K = 5 };
static float xs[CL_N * CL_D], centre[CL_N * CL_D], centre2[CL_N * CL_D];
static size_t label[CL_N], label2[CL_N];

/* Five groups far apart, in turn. */
static void five_groups(void)
{
    Rng r = rng_stream(8, "groups", 0);
    for (size_t i = 0; i < CL_N; i++)
        for (size_t j = 0; j < CL_D; j++)
            xs[i * CL_D + j] = (float)(10.0 * (double)(i % CL_K == j) + 0.3 * rng_normal(&r));
}

Test(cluster, finds_separate_groups)
{
    five_groups();
    double inertia, again;
    ClusterOpts o = {.k = CL_K, .seed = 3};
    cr_assert_eq(cluster_kmeans(centre, label, &inertia, xs, CL_N, CL_D, &o, NULL), OK);
    for (size_t i = 0; i < CL_N; i++) {
        cr_assert_eq(label[i], label[i % CL_K]);
        for (size_t k = 0; k < i % CL_K; k++) cr_assert_neq(label[i], label[k]);
    }
    cr_assert_eq(cluster_kmeans(centre2, label2, &again, xs, CL_N, CL_D, &o, NULL), OK);
    cr_assert(again == inertia && memcmp(label, label2, sizeof label) == 0, "same seed, same result");
    double want = 0;
    for (size_t i = 0; i < CL_N; i++)
        for (size_t j = 0; j < CL_D; j++) {
            double d = (double)xs[i * CL_D + j] - (double)centre[label[i] * CL_D + j];
            want += d * d;
        }
    REF_NEAR(inertia, want, 1e-5, "inertia from its definition");
    cr_assert_lt(inertia, 1.5 * 0.09 * CL_N * CL_D);
}

Test(cluster, lloyd_has_settled)
{
    Rng r = rng_stream(4, "cloud", 0);
    for (size_t i = 0; i < CL_N * CL_D; i++) xs[i] = (float)rng_normal(&r);
    double inertia, last = INFINITY;
    for (size_t k = 1; k <= 30; k += 7) {
        ClusterOpts o = {.k = k, .seed = 1};
        cr_assert_eq(cluster_kmeans(centre, label, &inertia, xs, CL_N, CL_D, &o, NULL), OK);
        cr_assert_lt(inertia, last, "more clusters, less inertia");
        last = inertia;
        size_t count[30] = {0};
        for (size_t i = 0; i < CL_N; i++) {
            count[label[i]]++;
            double own = 0;
            for (size_t c = 0; c < k; c++) {
                double d2 = 0, mine = 0;
                for (size_t j = 0; j < CL_D; j++) {
                    double a = (double)xs[i * CL_D + j] - (double)centre[c * CL_D + j];
                    double b = (double)xs[i * CL_D + j] - (double)centre[label[i] * CL_D + j];
                    d2 += a * a, mine += b * b;
                }
                own = mine;
                cr_assert_leq(own, d2 + 1e-5, "point %zu sits at its nearest centre", i);
            }
        }
        for (size_t c = 0; c < k; c++) cr_assert_gt(count[c], 0u);
    }
}

Test(cluster, no_cluster_is_empty_while_points_differ)
{
    /* Nine equal points and three others: k = 4 needs each of the others alone. */
    float x[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 5, 6, 7};
    for (uint64_t seed = 0; seed < 20; seed++) {
        ClusterOpts o = {.k = 4, .seed = seed, .restarts = 1};
        double inertia;
        size_t count[4] = {0};
        cr_assert_eq(cluster_kmeans(centre, label, &inertia, x, 12, 1, &o, NULL), OK);
        for (size_t i = 0; i < 12; i++) count[label[i]]++;
        for (size_t c = 0; c < 4; c++) cr_assert_gt(count[c], 0u, "seed %d", (int)seed);
        cr_assert_eq(inertia, 0);
    }
    ClusterOpts o = {.k = 8, .seed = 1};
    cr_assert_eq(cluster_kmeans(centre, label, NULL, x, 9, 1, &o, NULL), OK, "fewer distinct points than k");
    o.k = 12;
    double inertia;
    for (size_t i = 0; i < 12; i++) x[i] = (float)i;
    cr_assert_eq(cluster_kmeans(centre, label, &inertia, x, 12, 1, &o, NULL), OK);
    cr_assert_eq(inertia, 0, "as many clusters as points");
}

Test(cluster, refusals_and_cosine)
{
    float x[4] = {1, 2, 3, NAN}, a[3] = {1, 2, -2}, b[3] = {-2, -4, 4}, c[3] = {2, 1, 2}, z[3] = {0, 0, 0};
    ClusterOpts o = {.k = 3};
    Err e = {0};
    cr_assert_eq(cluster_kmeans(centre, label, NULL, x, 2, 2, &o, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "clusters = 3, want 1 to 2 points");
    o.k = 0;
    cr_assert_eq(cluster_kmeans(centre, label, NULL, x, 2, 2, &o, NULL), ERR_ARG);
    o.k = 1;
    cr_assert_eq(cluster_kmeans(centre, label, NULL, x, 2, 2, &o, NULL), ERR_NUM);
    cr_assert_eq(cluster_kmeans(centre, label, NULL, x, 2, 0, &o, NULL), ERR_SHAPE);
    REF_NEAR(cluster_cosine(a, b, 3), -1, 1e-15, "opposite");
    REF_NEAR(cluster_cosine(a, c, 3), 0, 1e-15, "orthogonal");
    REF_NEAR(cluster_cosine(a, a, 3), 1, 1e-15, "itself");
    cr_assert_eq(cluster_cosine(a, z, 3), 0);
}
