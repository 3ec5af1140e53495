/* fronts.c - what fronts and hypervolumes cost, beside one sort of as many rows, which all of them need. */
#include "bench.h"

#include "prime/pareto.h"
#include "prime/rng.h"

#include <math.h>
#include <stdlib.h>

enum { SPACE = 10000, PLANE = 100000, DEEP = 500, RUNS = 30 };

static struct {
    double *space, *plane, *cloud, *deep; /* on a sphere, but for the cloud */
    double *out;                          /* results of any case */
    size_t *index;
    bool *flag;
} fr;

static const double fronts_ref[4] = {1, 1, 1, 1};

/* Points on the sphere around the reference: none dominates another. */
static void fronts_sphere(double *pts, size_t n, size_t m)
{
    Rng r = rng_stream(1, "bench fronts", m);
    for (size_t i = 0; i < n; i++) {
        double sum = 0, *p = &pts[i * m];
        for (size_t j = 0; j < m; j++) {
            p[j] = fabs(rng_normal(&r));
            sum += p[j] * p[j];
        }
        for (size_t j = 0; j < m; j++) p[j] = 1 - p[j] / sqrt(sum);
    }
}

static int fronts_order(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

/* The limit: rows of two numbers, sorted by the first. ctx: how many. */
static Status run_sort(void *ctx, size_t threads, Err *e)
{
    (void)threads;
    (void)e;
    size_t n = *(const size_t *)ctx;
    for (size_t i = 0; i < 2 * n; i++) fr.out[i] = fr.plane[i];
    qsort(fr.out, n, 2 * sizeof *fr.out, fronts_order);
    return OK;
}

static Status run_hv_space(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    TRY(pareto_hv(fr.out, fr.space, SPACE, 3, fronts_ref, e));
    if (!(fr.out[0] > 0.5 && fr.out[0] < 0.5236))
        FAIL(e, ERR_NUM, "hypervolume = %g, want (0.5, pi/6)", fr.out[0]);
    return OK;
}

static Status run_contrib_space(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    return pareto_contrib(fr.out, fr.space, SPACE, 3, fronts_ref, e);
}

static Status run_hv_deep(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    return pareto_hv(fr.out, fr.deep, DEEP, 4, fronts_ref, e);
}

static Status run_hv_plane(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    return pareto_hv(fr.out, fr.plane, PLANE, 2, fronts_ref, e);
}

static Status run_contrib_plane(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    return pareto_contrib(fr.out, fr.plane, PLANE, 2, fronts_ref, e);
}

/* ctx: the points. */
static Status run_front_plane(void *ctx, size_t threads, Err *e)
{
    (void)threads;
    return pareto_front(fr.flag, ctx, PLANE, 2, PARETO_ALL, e);
}

static Status run_rank_plane(void *ctx, size_t threads, Err *e)
{
    (void)threads;
    return pareto_rank(fr.index, ctx, PLANE, 2, e);
}

static Status run_eaf(void *ctx, size_t threads, Err *e)
{
    (void)threads;
    size_t count;
    for (size_t i = 0; i < PLANE; i++) fr.index[i] = i % RUNS;
    return pareto_eaf(fr.out, &count, ctx, fr.index, PLANE, RUNS, RUNS / 2, e);
}

static Status fronts_open(Err *e)
{
    Rng r = rng_stream(2, "bench fronts", 0);
    fr.space = malloc(3 * SPACE * sizeof *fr.space);
    fr.plane = malloc(2 * PLANE * sizeof *fr.plane);
    fr.cloud = malloc(2 * PLANE * sizeof *fr.cloud);
    fr.deep = malloc(4 * DEEP * sizeof *fr.deep);
    fr.out = malloc(2 * PLANE * sizeof *fr.out);
    fr.index = malloc(PLANE * sizeof *fr.index);
    fr.flag = malloc(PLANE * sizeof *fr.flag);
    if (fr.space == NULL || fr.plane == NULL || fr.cloud == NULL || fr.deep == NULL || fr.out == NULL ||
        fr.index == NULL || fr.flag == NULL)
        FAIL(e, ERR_NOMEM, "no memory for fronts");
    fronts_sphere(fr.space, SPACE, 3);
    fronts_sphere(fr.plane, PLANE, 2);
    fronts_sphere(fr.deep, DEEP, 4);
    for (size_t i = 0; i < 2 * PLANE; i++) fr.cloud[i] = rng_uniform(&r);
    return OK;
}

Status fronts_add(Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    static size_t rows[] = {SPACE, PLANE};
    TRY(fronts_open(e));
    const BenchCase cases[] = {
        {.what = "sort_10k",
         .note = "limit: qsort of 10000 rows of two numbers",
         .run = run_sort,
         .ctx = &rows[0]},
        {.what = "hv_3d_10k",
         .note = "hypervolume of 10000 points on a sphere (wanted: 0.02)",
         .run = run_hv_space},
        {.what = "contrib_3d_10k", .note = "all contributions of these", .run = run_contrib_space},
        {.what = "hv_4d_500",
         .note = "hypervolume of 500 points of four objectives on a sphere",
         .run = run_hv_deep},
        {.what = "sort_100k",
         .note = "limit: qsort of 100000 rows of two numbers",
         .run = run_sort,
         .ctx = &rows[1]},
        {.what = "hv_2d_100k", .note = "hypervolume of 100000 points on a circle", .run = run_hv_plane},
        {.what = "contrib_2d_100k", .note = "all contributions of these", .run = run_contrib_plane},
        {.what = "front_2d_100k_circle",
         .note = "all are on the front",
         .run = run_front_plane,
         .ctx = fr.plane},
        {.what = "front_2d_100k_square",
         .note = "uniform in a square",
         .run = run_front_plane,
         .ctx = fr.cloud},
        {.what = "rank_2d_100k_square", .note = "their ranks", .run = run_rank_plane, .ctx = fr.cloud},
        {.what = "eaf_2d_100k_square", .note = "median surface of 30 runs", .run = run_eaf, .ctx = fr.cloud},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BenchCase c = cases[i];
        c.unit = "s";
        c.threads = 1;
        bench_add(b, c);
    }
    return OK;
}

void fronts_free(void)
{
    free(fr.space);
    free(fr.plane);
    free(fr.cloud);
    free(fr.deep);
    free(fr.out);
    free(fr.index);
    free(fr.flag);
}
