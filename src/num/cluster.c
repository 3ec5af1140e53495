#include "prime/cluster.h"

#include "prime/arena.h"
#include "prime/rng.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

double cluster_cosine(const float *a, const float *b, size_t d)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < d; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    if (aa == 0 || bb == 0) return 0;
    return fmin(1, fmax(-1, ab / (sqrt(aa) * sqrt(bb))));
}

/* One restart. */
typedef struct {
    const float *x;
    size_t n, d, k;
    double *centre; /* [K, D] */
    double *far;    /* [N] squared distance to the own centre */
    size_t *label;  /* [N] */
    size_t *count;  /* [K] */
} Kmeans;

static double distance2(const Kmeans *km, size_t i, size_t c)
{
    const float *x = &km->x[i * km->d];
    const double *m = &km->centre[c * km->d];
    double sum = 0;
    for (size_t j = 0; j < km->d; j++) sum += ((double)x[j] - m[j]) * ((double)x[j] - m[j]);
    return sum;
}

static void centre_put(Kmeans *km, size_t c, size_t i)
{
    for (size_t j = 0; j < km->d; j++) km->centre[c * km->d + j] = (double)km->x[i * km->d + j];
}

/* An index with probability proportional to far; any index when all distances are 0. */
static size_t draw_far(const Kmeans *km, Rng *r)
{
    double sum = 0;
    for (size_t i = 0; i < km->n; i++) sum += km->far[i];
    if (!(sum > 0)) return rng_below(r, km->n);
    double left = rng_uniform(r) * sum;
    size_t last = 0;
    for (size_t i = 0; i < km->n; i++) {
        if (km->far[i] == 0) continue;
        last = i;
        left -= km->far[i];
        if (left < 0) break;
    }
    return last;
}

static void kmeans_seed(Kmeans *km, Rng *r)
{
    centre_put(km, 0, rng_below(r, km->n));
    for (size_t i = 0; i < km->n; i++) km->far[i] = INFINITY;
    for (size_t c = 1; c < km->k; c++) {
        for (size_t i = 0; i < km->n; i++) km->far[i] = fmin(km->far[i], distance2(km, i, c - 1));
        centre_put(km, c, draw_far(km, r));
    }
}

/* Nearest centre for every point; true when a label changed. */
static bool kmeans_assign(Kmeans *km)
{
    bool changed = false;
    memset(km->count, 0, km->k * sizeof *km->count);
    for (size_t i = 0; i < km->n; i++) {
        size_t best = 0;
        km->far[i] = distance2(km, i, 0);
        for (size_t c = 1; c < km->k; c++) {
            double far = distance2(km, i, c);
            if (far < km->far[i]) km->far[i] = far, best = c;
        }
        changed = changed || km->label[i] != best;
        km->label[i] = best;
        km->count[best]++;
    }
    return changed;
}

/* Each empty cluster takes the farthest point of a cluster that can spare one. */
static bool kmeans_refill(Kmeans *km)
{
    bool moved = false;
    for (size_t c = 0; c < km->k; c++) {
        if (km->count[c] > 0) continue;
        size_t best = km->n;
        for (size_t i = 0; i < km->n; i++)
            if (km->count[km->label[i]] > 1 && km->far[i] > 0 &&
                (best == km->n || km->far[i] > km->far[best]))
                best = i;
        if (best == km->n) return moved; /* no more distinct points than clusters */
        km->count[km->label[best]]--;
        km->label[best] = c;
        km->count[c] = 1;
        km->far[best] = 0;
        centre_put(km, c, best);
        moved = true;
    }
    return moved;
}

/* Sums first, then one division: equal points keep their value exactly. */
static void kmeans_centres(Kmeans *km)
{
    size_t d = km->d;
    for (size_t c = 0; c < km->k; c++)
        if (km->count[c] > 0) memset(&km->centre[c * d], 0, d * sizeof *km->centre);
    for (size_t i = 0; i < km->n; i++)
        for (size_t j = 0; j < d; j++) km->centre[km->label[i] * d + j] += (double)km->x[i * d + j];
    for (size_t c = 0; c < km->k; c++)
        for (size_t j = 0; km->count[c] > 0 && j < d; j++) km->centre[c * d + j] /= (double)km->count[c];
}

static double kmeans_run(Kmeans *km, Rng *r, size_t max_iter)
{
    kmeans_seed(km, r);
    for (size_t i = 0; i < km->n; i++) km->label[i] = km->k;
    for (size_t t = 0; t < max_iter; t++) {
        bool changed = kmeans_assign(km);
        bool moved = kmeans_refill(km);
        if (!changed && !moved) break;
        kmeans_centres(km);
    }
    double sum = 0;
    for (size_t i = 0; i < km->n; i++) sum += distance2(km, i, km->label[i]);
    return sum;
}

static Status kmeans_check(const float *x, size_t n, size_t d, size_t k, Err *e)
{
    if (d == 0) FAIL(e, ERR_SHAPE, "points of 0 numbers, want at least 1");
    if (k == 0 || k > n) FAIL(e, ERR_ARG, "clusters = %zu, want 1 to %zu points", k, n);
    for (size_t i = 0; i < n * d; i++)
        if (!isfinite(x[i]))
            FAIL(e, ERR_NUM, "number %zu of point %zu = %g, want a finite one", i % d, i / d, (double)x[i]);
    return OK;
}

static Status kmeans_best(float *centre, size_t *label, double *inertia, Kmeans *km, const ClusterOpts *o,
                          Arena *a, Err *e)
{
    km->centre = arena_alloc(a, km->k * km->d, sizeof *km->centre);
    km->far = arena_alloc(a, km->n, sizeof *km->far);
    km->label = arena_alloc(a, km->n, sizeof *km->label);
    km->count = arena_alloc(a, km->k, sizeof *km->count);
    if (km->centre == NULL || km->far == NULL || km->label == NULL || km->count == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu clusters of %zu points", km->k, km->n);
    double best = INFINITY;
    size_t restarts = o->restarts != 0 ? o->restarts : 10;
    for (size_t t = 0; t < restarts; t++) {
        Rng r = rng_stream(o->seed, "cluster", t);
        double sum = kmeans_run(km, &r, o->max_iter != 0 ? o->max_iter : 300);
        if (t > 0 && !(sum < best)) continue;
        best = sum;
        memcpy(label, km->label, km->n * sizeof *label);
        for (size_t i = 0; i < km->k * km->d; i++) centre[i] = (float)km->centre[i];
    }
    if (inertia != NULL) *inertia = best;
    return OK;
}

Status cluster_kmeans(float *centre, size_t *label, double *inertia, const float *x, size_t n, size_t d,
                      const ClusterOpts *o, Err *e)
{
    TRY(kmeans_check(x, n, d, o->k, e));
    Arena a = {0};
    Kmeans km = {.x = x, .n = n, .d = d, .k = o->k};
    Status st = kmeans_best(centre, label, inertia, &km, o, &a, e);
    arena_free(&a);
    return st;
}
