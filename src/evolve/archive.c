#include "prime/archive.h"

#include "prime/arena.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct Archive {
    size_t dim, k, n, cap;
    double *x, *v;     /* [cap, D], [cap, K] */
    double *u, *noise; /* [cap] */
    size_t *count;     /* [cap] */
    size_t *slot;      /* open addressing over 2 * cap places: entry + 1, or 0 */
};

enum { FIRST_CAP = 64 };

/* -0 and 0 are the same weight and must be the same key. */
static uint64_t archive_bits(double x)
{
    uint64_t bits;
    if (x == 0) x = 0;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static size_t genome_hash(const double *x, size_t n)
{
    uint64_t h = 0xCBF29CE484222325U;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ archive_bits(x[i])) * 0x9E3779B97F4A7C15U;
        h ^= h >> 29;
    }
    return (size_t)h;
}

static bool genome_equal(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (archive_bits(a[i]) != archive_bits(b[i])) return false;
    return true;
}

/* The slot that holds x, or the free one where it belongs. */
static size_t *archive_slot(const Archive *a, size_t *slot, size_t cap, const double *x)
{
    size_t at = genome_hash(x, a->dim) % (2 * cap);
    while (slot[at] != 0 && !genome_equal(&a->x[(slot[at] - 1) * a->dim], x, a->dim))
        at = (at + 1) % (2 * cap);
    return &slot[at];
}

Status archive_new(Archive **out, size_t dim, size_t n_anchors, Err *e)
{
    if (dim == 0) FAIL(e, ERR_ARG, "dimension = 0, want at least 1");
    Archive *a = calloc(1, sizeof *a);
    if (a == NULL) FAIL(e, ERR_NOMEM, "no memory for an archive");
    a->dim = dim;
    a->k = n_anchors;
    *out = a;
    return OK;
}

void archive_free(Archive *a)
{
    if (a == NULL) return;
    free(a->x);
    free(a->v);
    free(a->u);
    free(a->noise);
    free(a->count);
    free(a->slot);
    free(a);
}

/* One array enlarged to n elements of `size` bytes; false leaves it as it was. */
static bool archive_grow_one(void *array, size_t n, size_t size)
{
    size_t bytes;
    void **p = array, *more;
    if (size_mul(&bytes, n, size, NULL) != OK) return false;
    more = realloc(*p, bytes > 0 ? bytes : 1);
    if (more != NULL) *p = more;
    return more != NULL;
}

static bool archive_grow(Archive *a)
{
    size_t cap = a->cap > 0 ? 2 * a->cap : FIRST_CAP;
    if (!archive_grow_one(&a->x, cap, a->dim * sizeof(double)) ||
        !archive_grow_one(&a->v, cap, a->k * sizeof(double)) ||
        !archive_grow_one(&a->u, cap, sizeof(double)) || !archive_grow_one(&a->noise, cap, sizeof(double)) ||
        !archive_grow_one(&a->count, cap, sizeof(size_t)))
        return false;
    size_t *slot = calloc(2 * cap, sizeof *slot);
    if (slot == NULL) return false;
    for (size_t i = 0; i < a->n; i++) *archive_slot(a, slot, cap, &a->x[i * a->dim]) = i + 1;
    free(a->slot);
    a->slot = slot;
    a->cap = cap;
    return true;
}

static Status put_check(const Archive *a, const double *x, double u, const double *v, double noise, Err *e)
{
    for (size_t i = 0; i < a->dim; i++)
        if (!isfinite(x[i])) FAIL(e, ERR_NUM, "weight %zu = %g, want a finite number", i, x[i]);
    if (!isfinite(u)) FAIL(e, ERR_NUM, "utility = %g, want a finite number", u);
    for (size_t i = 0; i < a->k; i++)
        if (!isfinite(v[i]))
            FAIL(e, ERR_NUM, "agreement with anchor %zu = %g, want a finite number", i, v[i]);
    if (noise < 0) FAIL(e, ERR_NUM, "noise = %g, want at least 0", noise);
    return OK;
}

/* running mean after one more value */
static void archive_mean_add(double *mean, double x, size_t count)
{
    *mean += (x - *mean) / (double)count;
}

Status archive_put(Archive *a, const double *x, double u, const double *v, double noise, Err *e)
{
    TRY(put_check(a, x, u, v, noise, e));
    if (a->n == a->cap && !archive_grow(a)) FAIL(e, ERR_NOMEM, "no memory for %zu evaluations", a->n + 1);
    size_t *slot = archive_slot(a, a->slot, a->cap, x);
    bool fresh = *slot == 0;
    if (fresh) *slot = ++a->n;
    size_t i = *slot - 1;
    if (fresh) {
        memcpy(&a->x[i * a->dim], x, a->dim * sizeof *x);
        memset(&a->v[i * a->k], 0, a->k * sizeof *v);
        a->u[i] = 0;
        a->count[i] = 0;
        a->noise[i] = NAN;
    }
    a->count[i]++;
    archive_mean_add(&a->u[i], u, a->count[i]);
    for (size_t j = 0; j < a->k; j++) archive_mean_add(&a->v[i * a->k + j], v[j], a->count[i]);
    if (!isnan(noise)) a->noise[i] = noise;
    return OK;
}

size_t archive_count(const Archive *a)
{
    return a->n;
}

ArchiveItem archive_at(const Archive *a, size_t i)
{
    return (ArchiveItem){&a->x[i * a->dim], a->u[i], &a->v[i * a->k], a->noise[i], a->count[i]};
}

bool archive_find(ArchiveItem *out, const Archive *a, const double *x)
{
    if (a->n == 0) return false;
    size_t slot = *archive_slot(a, a->slot, a->cap, x);
    if (slot == 0) return false;
    *out = archive_at(a, slot - 1);
    return true;
}

size_t archive_rank(size_t *idx, size_t n, const Archive *a, ArchiveLoss loss, const void *ctx)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->n; i++) {
        ArchiveItem it = archive_at(a, i);
        double mine = loss(ctx, &it);
        size_t j = kept;
        for (; j > 0; j--) {
            ArchiveItem other = archive_at(a, idx[j - 1]);
            if (!(loss(ctx, &other) > mine)) break;
        }
        if (j >= n) continue;
        size_t top = kept < n ? kept++ : n - 1;
        for (size_t m = top; m > j; m--) idx[m] = idx[m - 1];
        idx[j] = i;
    }
    return kept;
}
