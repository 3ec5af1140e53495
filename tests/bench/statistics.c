/* statistics.c - what selection and verdicts cost: clusters, intervals, areas. */
#include "bench.h"

#include "prime/cluster.h"
#include "prime/roc.h"
#include "prime/stats.h"

#include <stdlib.h>

enum {
    POINTS = 2000,
    DIM = 256,
    CLUSTERS = 16,
    RECORDS = 4000,
    USERS = 100,
    REPLICATES = 2000,
    SIDE = 50000,
    SMALL_SIDE = 2500
};

static struct {
    float *x, *centre;
    size_t *label, *user, *side_user;
    double *value, *pos, *neg, *work;
} st;

static Status run_kmeans(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    double inertia;
    return cluster_kmeans(st.centre, st.label, &inertia, st.x, POINTS, DIM,
                          &(ClusterOpts){.k = CLUSTERS, .restarts = 1, .max_iter = 10, .seed = 1}, e);
}

static Status run_boot(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    StatsEst out;
    return stats_boot_mean(&out, st.value, st.user, RECORDS, USERS, STATS_POOLED,
                           &(StatsBoot){.reps = REPLICATES, .seed = 1}, e);
}

static Status run_auc(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    double auc = roc_auc(st.pos, SIDE, st.neg, SIDE, st.work);
    if (!(auc > 0.5)) FAIL(e, ERR_NUM, "AUC = %g of scores that differ, want over 0.5", auc);
    return OK;
}

/* USERS people, each with records on both sides */
static RocData bench_scores(size_t side)
{
    return (RocData){st.pos, st.neg, side, side, st.side_user, st.side_user, USERS};
}

static Status run_clustered(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    RocEst est;
    RocData d = bench_scores(SIDE);
    return roc_clustered(&est, &d, 0.95, e);
}

static Status run_bca(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    RocEst est;
    RocData d = bench_scores(SMALL_SIDE);
    return roc_boot(&est, &d, &(StatsBoot){.reps = REPLICATES, .seed = 1, .kind = STATS_BCA}, e);
}

static Status run_permute(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    RocTest t;
    RocData d = bench_scores(SMALL_SIDE);
    return roc_permute(&t, &d, ROC_WITHIN, &(RocPermuteOpts){.seed = 1}, e);
}

static Status stats_open(Err *e)
{
    Rng rng = rng_stream(1, "bench stats", 0);
    st.x = malloc(POINTS * DIM * sizeof *st.x);
    st.centre = malloc(CLUSTERS * DIM * sizeof *st.centre);
    st.label = malloc(POINTS * sizeof *st.label);
    st.user = malloc(RECORDS * sizeof *st.user);
    st.value = malloc(RECORDS * sizeof *st.value);
    st.pos = malloc(SIDE * sizeof *st.pos);
    st.neg = malloc(SIDE * sizeof *st.neg);
    st.side_user = malloc(SIDE * sizeof *st.side_user);
    st.work = malloc(2 * SIDE * sizeof *st.work);
    if (st.x == NULL || st.centre == NULL || st.label == NULL || st.user == NULL || st.value == NULL ||
        st.pos == NULL || st.neg == NULL || st.work == NULL || st.side_user == NULL)
        FAIL(e, ERR_NOMEM, "no memory for statistics");
    for (size_t i = 0; i < POINTS * DIM; i++) st.x[i] = (float)rng_normal(&rng);
    for (size_t i = 0; i < RECORDS; i++) st.value[i] = rng_normal(&rng);
    for (size_t i = 0; i < RECORDS; i++) st.user[i] = i % USERS;
    for (size_t i = 0; i < SIDE; i++) st.pos[i] = 0.3 + rng_normal(&rng);
    for (size_t i = 0; i < SIDE; i++) st.neg[i] = rng_normal(&rng);
    for (size_t i = 0; i < SIDE; i++) st.side_user[i] = i % USERS;
    return OK;
}

Status stats_add(Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    TRY(stats_open(e));
    bench_add(b, (BenchCase){.what = "kmeans",
                             .unit = "s",
                             .note = "2000 points of 256, 16 clusters, one restart, at most 10 iterations",
                             .run = run_kmeans,
                             .threads = 1});
    bench_add(b, (BenchCase){.what = "bootstrap",
                             .unit = "replicates/s",
                             .note = "of a mean of 4000 records of 100 users",
                             .run = run_boot,
                             .threads = 1,
                             .work = REPLICATES});
    bench_add(b, (BenchCase){.what = "auc",
                             .unit = "scores/s",
                             .note = "50000 members against 50000 others",
                             .run = run_auc,
                             .threads = 1,
                             .work = 2 * SIDE});
    bench_add(b, (BenchCase){.what = "auc_clustered",
                             .unit = "s",
                             .note = "interval of 50000 against 50000 scores of 100 users",
                             .run = run_clustered,
                             .threads = 1});
    bench_add(b, (BenchCase){.what = "auc_bca",
                             .unit = "s",
                             .note = "2000 replicates over 100 users with 25 + 25 records",
                             .run = run_bca,
                             .threads = 1});
    bench_add(b, (BenchCase){.what = "auc_permute",
                             .unit = "s",
                             .note = "10000 arrangements within 100 users with 25 + 25 records",
                             .run = run_permute,
                             .threads = 1});
    return OK;
}

void stats_free(void)
{
    free(st.x);
    free(st.centre);
    free(st.label);
    free(st.user);
    free(st.value);
    free(st.pos);
    free(st.neg);
    free(st.side_user);
    free(st.work);
}
