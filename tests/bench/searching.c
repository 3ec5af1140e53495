/* searching.c - what an optimiser costs beside the evaluations: a search on an ellipsoid, whose value costs
 * next to nothing. The limits: the normal numbers of as many points, and one decomposition a generation. */
#include "bench.h"

#include "prime/eig.h"
#include "prime/evolve.h"
#include "prime/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 1000, POINTS_ROOM = 64 };

typedef struct {
    const char *method;
    size_t dim, evals;
} Search;

static const Search searches[] = {{"cma", 10, 4000}, {"cma", 40, 12000}, {"cma-diag", LARGEST, 3000}};
enum { N_SEARCHES = sizeof searches / sizeof searches[0] };

static struct {
    double *x, *f, *scale, *cov, *val, *vec;
    EigWork *eig[N_SEARCHES];
} se;

/* From the start every time: the covariance is far from the unit matrix for most of it. */
static Status run_search(void *ctx, size_t threads, Err *e)
{
    const Search *s = ctx;
    EvolveOpts o = {.dim = s->dim, .lo = -INFINITY, .hi = INFINITY, .start_all = 1, .sigma = 0.5};
    Evolver *ev = NULL;
    (void)threads;
    TRY(evolve_new(&ev, s->method, &o, e));
    Status st = OK;
    size_t p = evolve_popsize(ev), n = s->dim;
    for (size_t done = 0; st == OK && done < s->evals; done += p) {
        evolve_ask(ev, se.x);
        for (size_t k = 0; k < p; k++) {
            se.f[k] = 0;
            for (size_t i = 0; i < n; i++)
                se.f[k] += se.scale[i * 1000 / n] * se.x[k * n + i] * se.x[k * n + i];
        }
        st = evolve_tell(ev, se.x, se.f, e);
    }
    evolve_free(ev);
    return st;
}

static Status run_draws(void *ctx, size_t threads, Err *e)
{
    const Search *s = ctx;
    double sum = 0;
    (void)threads;
    for (size_t k = 0; k < s->evals; k++) {
        Rng r = rng_stream(1, "bench searching", k);
        for (size_t i = 0; i < s->dim; i++) sum += rng_ziggurat(&r);
    }
    if (!isfinite(sum)) FAIL(e, ERR_NUM, "sum of normal numbers = %g", sum);
    return OK;
}

/* As many decompositions as the search has generations: at 10 and 40 dimensions it makes one in each. */
static Status run_axes(void *ctx, size_t threads, Err *e)
{
    const Search *s = ctx;
    size_t p = 4 + (size_t)floor(3 * log((double)s->dim));
    (void)threads;
    for (size_t g = 0; g < s->evals / p; g++) TRY(eig_sym(se.val, se.vec, se.cov, se.eig[s - searches], e));
    return OK;
}

static Status search_open(Err *e)
{
    Rng r = rng_stream(1, "bench searching", 0);
    se.x = malloc(POINTS_ROOM * LARGEST * sizeof *se.x);
    se.f = malloc(POINTS_ROOM * sizeof *se.f);
    se.scale = malloc(1000 * sizeof *se.scale);
    se.cov = malloc(40 * 40 * sizeof *se.cov);
    se.val = malloc(40 * sizeof *se.val);
    se.vec = malloc(40 * 40 * sizeof *se.vec);
    if (se.x == NULL || se.f == NULL || se.scale == NULL || se.cov == NULL || se.val == NULL ||
        se.vec == NULL)
        FAIL(e, ERR_NOMEM, "no memory for searches");
    for (size_t i = 0; i < 1000; i++) se.scale[i] = pow(1e6, (double)i / 999);
    for (size_t i = 0; i < 40 * 40; i++) se.cov[i] = rng_normal(&r);
    for (size_t i = 0; i < N_SEARCHES; i++)
        if (searches[i].dim <= 40) TRY(eig_new(&se.eig[i], searches[i].dim, e));
    return OK;
}

Status search_add(Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    static char names[N_SEARCHES][3][32];
    TRY(search_open(e));
    for (size_t i = 0; i < N_SEARCHES; i++) {
        const Search *s = &searches[i];
        BenchCase c = {
            .unit = "points/s", .ctx = (void *)(uintptr_t)s, .threads = 1, .work = (double)s->evals};
        snprintf(names[i][0], sizeof names[i][0], "search_%s_%zu", s->method, s->dim);
        snprintf(names[i][1], sizeof names[i][1], "search_draws_%zu", s->dim);
        snprintf(names[i][2], sizeof names[i][2], "search_axes_%zu", s->dim);
        c.what = names[i][0];
        c.note = "asked for and told; an ellipsoid";
        c.run = run_search;
        bench_add(b, c);
        c.what = names[i][1];
        c.note = "limit: the normal numbers of as many points";
        c.run = run_draws;
        bench_add(b, c);
        c.what = names[i][2];
        c.note = "limit: one decomposition a generation";
        c.run = run_axes;
        if (s->dim <= 40) bench_add(b, c);
    }
    return OK;
}

/* Microseconds a point, and the share of what nothing could do without. */
Status search_rows(const Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    (void)e;
    static const char *const wanted[N_SEARCHES] = {"overhead of a point (wanted: at most 1.4)",
                                                   "overhead of a point (wanted: at most 21)",
                                                   "overhead of a point"};
    for (size_t i = 0; i < N_SEARCHES; i++) {
        const BenchCase *all = NULL, *draws = NULL, *axes = NULL;
        for (size_t k = 0; k < b->n; k++) {
            if (b->c[k].ctx != &searches[i]) continue;
            if (b->c[k].run == run_search) all = &b->c[k];
            if (b->c[k].run == run_draws) draws = &b->c[k];
            if (b->c[k].run == run_axes) axes = &b->c[k];
        }
        if (all == NULL || draws == NULL) continue;
        char what[64];
        snprintf(what, sizeof what, "%s_overhead", all->what);
        bench_row(b, what, 1e6 * all->median / all->work, NULL, "us", wanted[i]);
        snprintf(what, sizeof what, "%s_share", all->what);
        bench_row(b, what, (draws->median + (axes != NULL ? axes->median : 0)) / all->median, NULL, "ratio",
                  "time of the limits of the same run beside it");
    }
    return OK;
}

void search_free(void)
{
    free(se.x);
    free(se.f);
    free(se.scale);
    free(se.cov);
    free(se.val);
    free(se.vec);
    for (size_t i = 0; i < N_SEARCHES; i++) eig_free(se.eig[i]);
}
