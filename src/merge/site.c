/* site.c - what a merge leaves at one site, and inner products of updates. */
#include "merge_priv.h"

#include "prime/arena.h"
#include "prime/mat.h"
#include "prime/svd.h"
#include "prime/vec.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Status merge_work(float **x, MergeWork *w, size_t n, Err *e)
{
    if (n > w->n) {
        free(w->x);
        *w = (MergeWork){malloc(n * sizeof *w->x), n};
        if (w->x == NULL) {
            w->n = 0;
            FAIL(e, ERR_NOMEM, "no memory for %zu numbers of a site", n);
        }
    }
    *x = w->x;
    return OK;
}

Status made_new(MergeMade *out, size_t r, size_t n_out, size_t n_in, Err *e)
{
    size_t na, nb;
    if (out->placed) {
        assert(out->r == r);
        out->scale = 1;
        return OK;
    }
    TRY(size_mul(&na, r, n_in, e));
    TRY(size_mul(&nb, r, n_out, e));
    MergeMade m = {.r = r, .scale = 1, .a = calloc(na, sizeof *m.a), .b = calloc(nb, sizeof *m.b)};
    if (m.a == NULL || m.b == NULL) {
        made_free(&m);
        FAIL(e, ERR_NOMEM, "no memory for a site of rank %zu", r);
    }
    *out = m;
    return OK;
}

void made_free(MergeMade *m)
{
    if (!m->placed) {
        free(m->a);
        free(m->b);
    }
    m->a = m->b = NULL;
}

static size_t rank_wanted(const MergeOpts *o, size_t automatic, size_t n_out, size_t n_in)
{
    size_t least = n_in < n_out ? n_in : n_out;
    if (o->rank == MERGE_RANK_AUTO) return automatic;
    return o->rank < least ? o->rank : least;
}

size_t made_rank(const MergeOpts *o, size_t sum, size_t n_out, size_t n_in)
{
    size_t least = n_in < n_out ? n_in : n_out;
    return rank_wanted(o, sum < least ? sum : least, n_out, n_in);
}

Status made_cut(MergeMade *m, const MergeSite *s, size_t automatic, Err *e)
{
    size_t r = rank_wanted(s->o, automatic, s->n_out, s->n_in);
    if (r >= m->r) return OK;
    MergeMade cut = {0};
    double lost = 0;
    TRY(made_new(&cut, r, s->n_out, s->n_in, e));
    Status st = svd_cut_product(cut.b, cut.a, &lost, m->b, m->a, s->n_out, s->n_in, m->r, r, e);
    if (st != OK) {
        made_free(&cut);
        return st;
    }
    free(m->a);
    free(m->b);
    m->a = cut.a;
    m->b = cut.b;
    m->r = r;
    lost *= fabs((double)m->scale);
    m->cut2 = lost * lost;
    return OK;
}

size_t site_rank_sum(const MergeSite *s)
{
    size_t sum = 0;
    for (size_t i = 0; i < s->k; i++) sum += s->part[i]->r;
    return sum;
}

void site_rows(float *d, const LoraSite *x, size_t from, size_t rows, size_t n_in)
{
    mat_mul_nn(d, n_in, x->b + from * x->r, x->r, x->a, n_in, rows, n_in, x->r, x->scale, 0);
}

enum { INNER_TILE = 8 };

/* bb [ni, nj] = columns i .. of X against columns j .. of Y: rows are walked once a tile. */
static void inner_tile(double bb[INNER_TILE][INNER_TILE], const LoraSite *x, const LoraSite *y, size_t n_out,
                       size_t i, size_t ni, size_t j, size_t nj)
{
    memset(bb, 0, sizeof(double) * INNER_TILE * INNER_TILE);
    for (size_t o = 0; o < n_out; o++)
        for (size_t p = 0; p < ni; p++)
            for (size_t q = 0; q < nj; q++)
                bb[p][q] += (double)x->b[o * x->r + i + p] * (double)y->b[o * y->r + j + q];
}

double site_inner(const LoraSite *x, const LoraSite *y, size_t n_out, size_t n_in)
{
    double sum = 0, bb[INNER_TILE][INNER_TILE];
    for (size_t i = 0; i < x->r; i += INNER_TILE)
        for (size_t j = 0; j < y->r; j += INNER_TILE) {
            size_t ni = x->r - i < INNER_TILE ? x->r - i : INNER_TILE,
                   nj = y->r - j < INNER_TILE ? y->r - j : INNER_TILE;
            inner_tile(bb, x, y, n_out, i, ni, j, nj);
            for (size_t p = 0; p < ni; p++)
                for (size_t q = 0; q < nj; q++)
                    sum += bb[p][q] * vec_dot_d(x->a + (i + p) * n_in, y->a + (j + q) * n_in, n_in);
        }
    return sum * (double)x->scale * (double)y->scale;
}

void made_measure(MergeMade *m, const MergeSite *s)
{
    LoraSite own = {m->r, m->scale, m->a, m->b};
    double with = 0;
    if (!s->measure) return;
    m->norm2 = site_inner(&own, &own, s->n_out, s->n_in);
    m->exact2 = 0;
    for (size_t i = 0; i < s->k; i++) {
        with += s->w[i] * site_inner(&own, s->part[i], s->n_out, s->n_in);
        for (size_t j = 0; j <= i; j++)
            m->exact2 +=
                (j < i ? 2 : 1) * s->w[i] * s->w[j] * site_inner(s->part[i], s->part[j], s->n_out, s->n_in);
    }
    m->cross2 = m->norm2 - 2 * with + m->exact2;
}
