/* knots.c - TIES in the coordinates of a common basis. With the singular value decomposition of all updates
 * side by side, [dW_1 | ... | dW_K] = U S [V_1 | ... | V_K]^T, the adapters' coordinates S V_i^T = U^T dW_i
 * are merged entry by entry and turned back by U. U comes from the factors: no dW is formed, and the result
 * has the rank of the basis. */
#include "merge_priv.h"

#include "prime/arena.h"
#include "prime/mat.h"
#include "prime/svd.h"
#include "prime/vec.h"

#include <string.h>

typedef struct {
    size_t sum, rank; /* of all adapters together */
    double *p, *gram, *u, *sing;
    float *turn; /* U^T B_i s_i, [rank, r_i] */
} Knots;

static Status knots_room(Knots *t, Arena *mem, const MergeSite *s, Err *e)
{
    size_t r = t->sum = site_rank_sum(s);
    t->p = arena_alloc(mem, s->n_out * r, sizeof *t->p);
    t->gram = arena_zalloc(mem, r * r, sizeof *t->gram);
    t->u = arena_alloc(mem, s->n_out * r, sizeof *t->u);
    t->sing = arena_alloc(mem, r, sizeof *t->sing);
    t->turn = arena_alloc(mem, r * r, sizeof *t->turn);
    if (t->p == NULL || t->gram == NULL || t->u == NULL || t->sing == NULL || t->turn == NULL)
        FAIL(e, ERR_NOMEM, "no memory for a basis of rank %zu", r);
    return OK;
}

/* [dW_1 | ... ] = [s_1 B_1 | ...] diag(A_1, ...): the left factor, and the Gram matrix of the right one. */
static Status knots_basis(Knots *t, const MergeSite *s, Err *e)
{
    for (size_t i = 0, at = 0; i < s->k; at += s->part[i]->r, i++) {
        const LoraSite *x = s->part[i];
        for (size_t o = 0; o < s->n_out; o++)
            for (size_t q = 0; q < x->r; q++)
                t->p[o * t->sum + at + q] = (double)x->scale * (double)x->b[o * x->r + q];
        for (size_t q = 0; q < x->r; q++)
            for (size_t c = 0; c < x->r; c++)
                t->gram[(at + q) * t->sum + at + c] =
                    vec_dot_d(x->a + q * s->n_in, x->a + c * s->n_in, s->n_in);
    }
    return svd_basis(t->u, t->sing, &t->rank, t->p, t->gram, s->n_out, t->sum, e);
}

/* Coordinates [rank, n_in] of each adapter. */
static void knots_coordinates(float *tv, const Knots *t, const MergeSite *s)
{
    for (size_t i = 0, at = 0; i < s->k; at += s->part[i]->r, i++) {
        size_t r = s->part[i]->r;
        for (size_t v = 0; v < t->rank; v++)
            for (size_t q = 0; q < r; q++) {
                double sum = 0;
                for (size_t o = 0; o < s->n_out; o++) sum += t->u[o * t->sum + v] * t->p[o * t->sum + at + q];
                t->turn[v * r + q] = (float)sum;
            }
        mat_mul_nn(tv + i * t->rank * s->n_in, s->n_in, t->turn, r, s->part[i]->a, s->n_in, t->rank, s->n_in,
                   r, 1, 0);
    }
}

static Status knots_merge(MergeMade *out, const Knots *t, const MergeSite *s, MergeWork *w, Err *e)
{
    MergeDense d;
    float *x;
    size_t n = t->rank * s->n_in;
    TRY(merge_work(&x, w, dense_work_size(n, s->k, s->n_in), e));
    dense_place(&d, x, n, s->n_in, s);
    knots_coordinates(d.tv, t, s);
    dense_trim(&d, s->m->recipe);
    TRY(made_new(out, t->rank, s->n_out, s->n_in, e));
    dense_combine(out->a, &d, s->m->recipe);
    for (size_t o = 0; o < s->n_out; o++)
        for (size_t v = 0; v < t->rank; v++) out->b[o * t->rank + v] = (float)t->u[o * t->sum + v];
    made_measure(out, s);
    Status st = made_cut(out, s, t->rank, e);
    if (st != OK) made_free(out);
    return st;
}

Status knots_site(MergeMade *out, const MergeSite *s, MergeWork *w, Err *e)
{
    Knots t = {0};
    Arena mem = {0};
    Status st = knots_room(&t, &mem, s, e);
    if (st == OK) st = knots_basis(&t, s, e);
    if (st == OK) st = t.rank > 0 ? knots_merge(out, &t, s, w, e) : made_new(out, 1, s->n_out, s->n_in, e);
    arena_free(&mem);
    return st;
}
