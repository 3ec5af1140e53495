#include "lora_priv.h"

#include "prime/arena.h"
#include "prime/vec.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* lora_layout - point the sites into one block, layer by layer, A matrices before B matrices. */
Status lora_layout(Lora *l, Err *e)
{
    size_t total = 0, n_sites = l->shape.n_layers * LORA_KINDS;
    for (size_t i = 0; i < n_sites; i++) {
        size_t per_rank = l->shape.n_in[i % LORA_KINDS] + l->shape.n_out[i % LORA_KINDS], add;
        TRY(size_mul(&add, l->site[i].r, per_rank, e));
        total += add;
    }
    l->data = calloc(total > 0 ? total : 1, sizeof *l->data);
    if (l->data == NULL) FAIL(e, ERR_NOMEM, "no memory for an adapter of %zu parameters", total);
    l->n_params = total;
    float *p = l->data;
    for (size_t layer = 0; layer < l->shape.n_layers; layer++) {
        LoraSite *s = l->site + layer * LORA_KINDS;
        for (size_t k = 0; k < LORA_KINDS; p += s[k].r * l->shape.n_in[k], k++) s[k].a = p;
        for (size_t k = 0; k < LORA_KINDS; p += s[k].r * l->shape.n_out[k], k++) s[k].b = p;
    }
    return OK;
}

/* lora_bare - an adapter whose sites have no rank yet. */
Status lora_bare(Lora **l, const LoraShape *shape, Err *e)
{
    Lora *fresh = calloc(1, sizeof *fresh);
    if (fresh != NULL) fresh->site = calloc(shape->n_layers * LORA_KINDS, sizeof *fresh->site);
    if (fresh == NULL || fresh->site == NULL) {
        lora_free(fresh);
        FAIL(e, ERR_NOMEM, "no memory for an adapter of %zu layers", shape->n_layers);
    }
    fresh->shape = *shape;
    *l = fresh;
    return OK;
}

static Status lora_finish(Lora **l, Lora *fresh, Err *e)
{
    Status s = lora_layout(fresh, e);
    if (s != OK)
        lora_free(fresh);
    else
        *l = fresh;
    return s;
}

Status lora_new(Lora **l, const LoraShape *shape, unsigned kinds, size_t r, double alpha, Err *e)
{
    if (r == 0) FAIL(e, ERR_ARG, "adapter rank = 0, want at least 1");
    for (size_t k = 0; k < LORA_KINDS; k++)
        if (shape->n_out[k] == 0) kinds &= ~(1U << k);
    if ((kinds & ((1U << LORA_KINDS) - 1)) == 0)
        FAIL(e, ERR_ARG, "an adapter needs at least one target module");
    Lora *fresh = NULL;
    TRY(lora_bare(&fresh, shape, e));
    for (size_t i = 0; i < shape->n_layers * LORA_KINDS; i++)
        if (kinds >> (i % LORA_KINDS) & 1U)
            fresh->site[i] = (LoraSite){.r = r, .scale = (float)(alpha / (double)r)};
    return lora_finish(l, fresh, e);
}

Status lora_like(Lora **l, const Lora *of, Err *e)
{
    Lora *fresh = NULL;
    TRY(lora_bare(&fresh, &of->shape, e));
    memcpy(fresh->site, of->site, of->shape.n_layers * LORA_KINDS * sizeof *of->site);
    fresh->dropout = of->dropout;
    return lora_finish(l, fresh, e);
}

void lora_free(Lora *l)
{
    if (l == NULL) return;
    free(l->site);
    free(l->data);
    free(l);
}

void lora_init(Lora *l, Rng *rng)
{
    memset(l->data, 0, l->n_params * sizeof *l->data);
    for (size_t i = 0; i < l->shape.n_layers * LORA_KINDS; i++) {
        size_t n_in = l->shape.n_in[i % LORA_KINDS];
        double bound = 1.0 / sqrt((double)n_in);
        for (size_t j = 0; j < l->site[i].r * n_in; j++)
            l->site[i].a[j] = (float)(bound * (2.0 * rng_uniform(rng) - 1.0));
    }
}

void lora_fold_scale(Lora *l)
{
    for (size_t i = 0; i < l->shape.n_layers * LORA_KINDS; i++) {
        LoraSite *s = &l->site[i];
        if (s->r == 0) continue;
        vec_scale(s->b, s->scale, s->r * l->shape.n_out[i % LORA_KINDS]);
        s->scale = 1;
    }
}

bool lora_same_shape(const Lora *x, const Lora *y)
{
    if (!lora_shape_same(&x->shape, &y->shape)) return false;
    for (size_t i = 0; i < x->shape.n_layers * LORA_KINDS; i++)
        if (x->site[i].r != y->site[i].r) return false;
    return true;
}

bool lora_equal(const Lora *x, const Lora *y)
{
    if (!lora_same_shape(x, y)) return false;
    for (size_t i = 0; i < x->shape.n_layers * LORA_KINDS; i++) {
        const LoraSite *s = &x->site[i], *t = &y->site[i];
        size_t k = i % LORA_KINDS, bytes = s->r * sizeof(float);
        if (s->r == 0) continue;
        if (s->scale != t->scale || memcmp(s->a, t->a, bytes * x->shape.n_in[k]) != 0 ||
            memcmp(s->b, t->b, bytes * x->shape.n_out[k]) != 0)
            return false;
    }
    return true;
}

enum { NORM_TILE = 8 };

/* bb [ni, nj] = columns i .. of B against columns j ..: rows of B are walked once a tile. */
static void tile_gram(double bb[NORM_TILE][NORM_TILE], const float *b, size_t n_out, size_t r, size_t i,
                      size_t ni, size_t j, size_t nj)
{
    memset(bb, 0, sizeof(double) * NORM_TILE * NORM_TILE);
    for (size_t o = 0; o < n_out; o++)
        for (size_t p = 0; p < ni; p++)
            for (size_t q = 0; q < nj; q++) bb[p][q] += (double)b[o * r + i + p] * (double)b[o * r + j + q];
}

/* ||s B A||_F^2 = s^2 sum_ij (B^T B)_ij (A A^T)_ij, both symmetric: tiles below the diagonal count twice. */
static double site_norm2(const LoraSite *s, size_t n_in, size_t n_out)
{
    double sum = 0, bb[NORM_TILE][NORM_TILE];
    for (size_t i = 0; i < s->r; i += NORM_TILE)
        for (size_t j = 0; j <= i; j += NORM_TILE) {
            size_t ni = s->r - i < NORM_TILE ? s->r - i : NORM_TILE,
                   nj = s->r - j < NORM_TILE ? s->r - j : NORM_TILE;
            double tile = 0;
            tile_gram(bb, s->b, n_out, s->r, i, ni, j, nj);
            for (size_t p = 0; p < ni; p++)
                for (size_t q = 0; q < nj; q++)
                    tile += bb[p][q] * vec_dot_d(s->a + (i + p) * n_in, s->a + (j + q) * n_in, n_in);
            sum += j < i ? 2 * tile : tile;
        }
    return sum * (double)s->scale * (double)s->scale;
}

void lora_norms(double norm[LORA_KINDS], const Lora *l)
{
    for (size_t k = 0; k < LORA_KINDS; k++) {
        double sum = 0;
        for (size_t y = 0; y < l->shape.n_layers; y++)
            sum += site_norm2(&l->site[y * LORA_KINDS + k], l->shape.n_in[k], l->shape.n_out[k]);
        norm[k] = sqrt(sum > 0 ? sum : 0); /* a sum of nothing but rounding can fall below 0 */
    }
}

double lora_norm(const Lora *l)
{
    double sum = 0, norm[LORA_KINDS];
    lora_norms(norm, l);
    for (size_t k = 0; k < LORA_KINDS; k++) sum += norm[k] * norm[k];
    return sqrt(sum);
}
