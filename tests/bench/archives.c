/* archives.c - what one archive saves: evaluations until the merges that would be deployed for five lambdas
 * span a given part of the hypervolume, when all searches share an archive and when each has its own. The
 * problem costs nothing: updates are vectors, utility and agreement are functions of distances between them.
 */
#include "bench.h"

#include "prime/archive.h"
#include "prime/evolve.h"
#include "prime/objective.h"
#include "prime/pareto.h"
#include "prime/rng.h"
#include "prime/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ANCHORS = 6, COORDS = 24, MOST_DIM = 24, SEEDS = 15, LAMBDAS = 5, PARTS = 3, ROOM = 16, LONG = 2000 };

static const double archive_lambda[LAMBDAS] = {0, 0.5, 1, 2, 4}, archive_part[PARTS] = {0.9, 0.95, 0.99};
static const double archive_ref[2] = {1, 1}; /* loss of the base model; full agreement */

/* Anchors' updates and the target's: a mixture of them and something of its own. Weights for an anchor, or
 * for an anchor's coordinates of each of four groups. */
typedef struct {
    size_t groups;
    double anchor[ANCHORS][COORDS], target[COORDS], own, length[ANCHORS]; /* squared lengths */
    uint64_t seed;
} Quadratic;

static void quadratic_make(Quadratic *q, size_t groups, uint64_t seed)
{
    Rng r = rng_stream(seed, "bench archives", groups);
    *q = (Quadratic){.groups = groups, .seed = seed};
    for (size_t k = 0; k < ANCHORS; k++) {
        double share = rng_uniform(&r);
        for (size_t c = 0; c < COORDS; c++) {
            q->anchor[k][c] = rng_normal(&r);
            q->target[c] += share * q->anchor[k][c];
            q->length[k] += q->anchor[k][c] * q->anchor[k][c];
        }
    }
    for (size_t c = 0; c < COORDS; c++) {
        q->target[c] += 0.5 * rng_normal(&r);
        q->own += q->target[c] * q->target[c];
    }
}

/* u: minus the squared distance to the target beside its length, 0 at best and -1 at the base model. v: 1 at
 * an anchor, falling with the squared distance to it. */
static double quadratic_value(double v[ANCHORS], const Quadratic *q, const double *x)
{
    double merged[COORDS] = {0}, off = 0;
    for (size_t k = 0; k < ANCHORS; k++)
        for (size_t c = 0; c < COORDS; c++) merged[c] += x[k * q->groups + c % q->groups] * q->anchor[k][c];
    for (size_t c = 0; c < COORDS; c++) off += (merged[c] - q->target[c]) * (merged[c] - q->target[c]);
    for (size_t k = 0; k < ANCHORS; k++) {
        double far = 0;
        for (size_t c = 0; c < COORDS; c++)
            far += (merged[c] - q->anchor[k][c]) * (merged[c] - q->anchor[k][c]);
        v[k] = exp(-far / q->length[k]);
    }
    return -off / q->own;
}

static double lambda_loss(const void *ctx, const ArchiveItem *it)
{
    return objective_prime(it->u, it->v, ANCHORS, *(const double *)ctx, false);
}

/* One search as a sweep makes it: from the best that the archive knows, `budget` evaluations. */
static Status lambda_search(Archive *a, const Quadratic *q, size_t index, size_t budget, Err *e)
{
    EvolveOpts o;
    const char *method;
    Evolver *ev = NULL;
    double x[ROOM * MOST_DIM], f[ROOM], v[ANCHORS];
    size_t best, dim = ANCHORS * q->groups;
    TRY(evolve_preset(&o, &method, "prime", dim, ANCHORS, e));
    o.seed = q->seed * LAMBDAS + index;
    if (archive_rank(&best, 1, a, lambda_loss, &archive_lambda[index]) == 1) o.x0 = archive_at(a, best).x;
    TRY(evolve_new(&ev, method, &o, e));
    Status st = OK;
    size_t p = evolve_popsize(ev);
    for (size_t done = 0; st == OK && done < budget; done += p) {
        size_t n = budget - done < p ? budget - done : p;
        evolve_ask(ev, x);
        for (size_t i = 0; st == OK && i < n; i++) {
            double u = quadratic_value(v, q, x + i * dim);
            f[i] = objective_prime(u, v, ANCHORS, archive_lambda[index], false);
            st = archive_put(a, x + i * dim, u, v, NAN, e);
        }
        if (st == OK && n == p) st = evolve_tell(ev, x, f, e);
    }
    evolve_free(ev);
    return st;
}

/* The best entry for a lambda as a point to be minimised: minus utility, mean agreement. */
static void lambda_point(double point[2], const Archive *a, size_t index)
{
    size_t best = 0;
    archive_rank(&best, 1, a, lambda_loss, &archive_lambda[index]);
    ArchiveItem it = archive_at(a, best);
    point[0] = -it.u;
    point[1] = objective_mean(it.v, ANCHORS);
}

static Status sweep_shared(double *volume, const Quadratic *q, size_t budget, Err *e)
{
    Archive *a = NULL;
    double point[LAMBDAS][2];
    TRY(archive_new(&a, ANCHORS * q->groups, ANCHORS, e));
    Status st = OK;
    for (size_t i = 0; st == OK && i < LAMBDAS; i++) st = lambda_search(a, q, i, budget, e);
    for (size_t i = 0; st == OK && i < LAMBDAS; i++) lambda_point(point[i], a, i);
    archive_free(a);
    return st == OK ? pareto_hv(volume, point[0], LAMBDAS, 2, archive_ref, e) : st;
}

static Status sweep_apart(double *volume, const Quadratic *q, size_t budget, Err *e)
{
    double point[LAMBDAS][2];
    Status st = OK;
    for (size_t i = 0; st == OK && i < LAMBDAS; i++) {
        Archive *a = NULL;
        TRY(archive_new(&a, ANCHORS * q->groups, ANCHORS, e));
        st = lambda_search(a, q, i, budget, e);
        if (st == OK) lambda_point(point[i], a, i);
        archive_free(a);
    }
    return st == OK ? pareto_hv(volume, point[0], LAMBDAS, 2, archive_ref, e) : st;
}

typedef Status (*SweepFn)(double *volume, const Quadratic *q, size_t budget, Err *e);

/* need [PARTS]: evaluations of a whole sweep, the least of those tried, that reach each part of `full`;
 * INFINITY when none did. */
static Status sweep_need(double need[PARTS], const Quadratic *q, SweepFn sweep, double full, Err *e)
{
    size_t part = 0;
    for (size_t i = 0; i < PARTS; i++) need[i] = INFINITY;
    for (size_t budget = 4; part < PARTS && budget <= LONG; budget += 1 + budget / 5) {
        double volume;
        TRY(sweep(&volume, q, budget, e));
        while (part < PARTS && volume >= archive_part[part] * full) need[part++] = (double)(budget * LAMBDAS);
    }
    return OK;
}

static void archive_print(const Bench *b, size_t dim, double need[2][PARTS][SEEDS])
{
    static const char *const how[2] = {"apart", "shared"};
    double work[SEEDS];
    for (size_t i = 0; i < PARTS; i++) {
        char what[64];
        double median[2], ratio[SEEDS];
        for (size_t s = 0; s < SEEDS; s++) ratio[s] = need[0][i][s] / need[1][i][s];
        for (size_t h = 0; h < 2; h++) {
            median[h] = stats_median(need[h][i], SEEDS, work);
            snprintf(what, sizeof what, "archive_%zu_%s_%.0f", dim, how[h], 100 * archive_part[i]);
            bench_row(b, what, median[h], NULL, "evaluations",
                      h == 0 ? "5 lambdas, each search with an archive of its own; median of 15 problems"
                             : "5 lambdas, one archive");
        }
        snprintf(what, sizeof what, "archive_%zu_gain_%.0f", dim, 100 * archive_part[i]);
        bench_row(b, what, stats_median(ratio, SEEDS, work), NULL, "ratio", "median of apart / shared");
    }
}

Status archive_rows(const Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    static const SweepFn sweep[2] = {sweep_apart, sweep_shared};
    double need[2][PARTS][SEEDS], one[PARTS], full;
    for (size_t groups = 1; groups <= 4; groups += 3) {
        for (size_t s = 0; s < SEEDS; s++) {
            Quadratic q;
            quadratic_make(&q, groups, s);
            TRY(sweep_shared(&full, &q, LONG, e));
            for (size_t h = 0; h < 2; h++) {
                TRY(sweep_need(one, &q, sweep[h], full, e));
                for (size_t i = 0; i < PARTS; i++) need[h][i][s] = one[i];
            }
        }
        archive_print(b, ANCHORS * groups, need);
    }
    return OK;
}
