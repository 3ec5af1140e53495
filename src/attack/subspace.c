#include "prime/subspace.h"

#include "prime/eig.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* r vectors of n entries: entry j of vector i is at v[i * step + j * stride]. */
typedef struct {
    const float *v;
    size_t r, n, step, stride;
} Span;

static Span span_of(const Lora *l, size_t site, SubspaceSide side)
{
    const LoraSite *s = &l->site[site];
    size_t kind = site % LORA_KINDS;
    if (side == SUBSPACE_ROWS) return (Span){s->a, s->r, l->shape.n_in[kind], l->shape.n_in[kind], 1};
    return (Span){s->b, s->r, l->shape.n_out[kind], 1, s->r};
}

/* c [x.r, y.r] of inner products. */
static void span_products(double *c, const Span *x, const Span *y)
{
    for (size_t i = 0; i < x->r; i++)
        for (size_t k = 0; k < y->r; k++) {
            double sum = 0;
            for (size_t j = 0; j < x->n; j++)
                sum += (double)x->v[i * x->step + j * x->stride] * (double)y->v[k * y->step + j * y->stride];
            c[i * y->r + k] = sum;
        }
}

static Status sym_eig(double *val, double *vec, const double *a, size_t n, Err *e)
{
    EigWork *w = NULL;
    TRY(eig_new(&w, n, e));
    Status s = eig_sym(val, vec, a, w, e);
    eig_free(w);
    return s;
}

/* t [r, *k]: columns that turn the vectors of x into an orthonormal basis of their span. work [2 r^2 + r]. */
static Status span_basis(double *t, size_t *k, const Span *x, double *work, Err *e)
{
    size_t r = x->r;
    double *gram = work, *vec = gram + r * r, *val = vec + r * r;
    span_products(gram, x, x);
    TRY(sym_eig(val, vec, gram, r, e));
    *k = 0;
    for (size_t j = r; j-- > 0;) { /* descending */
        if (!(val[j] > 1e-10 * val[r - 1])) continue;
        for (size_t i = 0; i < r; i++) t[i * r + *k] = vec[i * r + j] / sqrt(val[j]);
        ++*k;
    }
    return OK;
}

/* m [kx, ky] = tx^T c ty, then its singular values from m m^T. */
static Status basis_cosines(double *cosine, size_t *k, const double *c, const double *tx, size_t kx,
                            const double *ty, size_t ky, size_t rx, size_t ry, double *work, Err *e)
{
    double *m = work, *mm = m + rx * ry, *vec = mm + rx * rx, *val = vec + rx * rx;
    memset(m, 0, rx * ry * sizeof *m);
    for (size_t a = 0; a < kx; a++)
        for (size_t b = 0; b < ky; b++)
            for (size_t i = 0; i < rx; i++)
                for (size_t j = 0; j < ry; j++)
                    m[a * ky + b] += tx[i * rx + a] * c[i * ry + j] * ty[j * ry + b];
    for (size_t a = 0; a < kx; a++)
        for (size_t b = 0; b < kx; b++) {
            mm[a * kx + b] = 0;
            for (size_t j = 0; j < ky; j++) mm[a * kx + b] += m[a * ky + j] * m[b * ky + j];
        }
    if (kx > 0 && ky > 0) TRY(sym_eig(val, vec, mm, kx, e));
    *k = kx < ky ? kx : ky;
    for (size_t i = 0; i < *k; i++) cosine[i] = sqrt(fmin(1, fmax(0, val[kx - 1 - i])));
    return OK;
}

static Status span_cosines(double *cosine, size_t *k, const Span *x, const Span *y, double *work, Err *e)
{
    size_t rx = x->r, ry = y->r, kx = 0, ky = 0;
    double *tx = work, *ty = tx + rx * rx, *c = ty + ry * ry, *rest = c + rx * ry;
    TRY(span_basis(tx, &kx, x, rest, e));
    TRY(span_basis(ty, &ky, y, rest, e));
    span_products(c, x, y);
    return basis_cosines(cosine, k, c, tx, kx, ty, ky, rx, ry, rest, e);
}

static bool has_site(const Lora *x, const Lora *y, size_t site)
{
    return x->site[site].r > 0 && y->site[site].r > 0;
}

Status subspace_cosines(double *cosine, size_t *k, const Lora *x, const Lora *y, size_t site,
                        SubspaceSide side, Err *e)
{
    if (!lora_shape_same(&x->shape, &y->shape)) FAIL(e, ERR_SHAPE, "adapters of different models");
    if (site >= x->shape.n_layers * LORA_KINDS || !has_site(x, y, site))
        FAIL(e, ERR_ARG, "site %zu, want one that both adapters have", site);
    Span sx = span_of(x, site, side), sy = span_of(y, site, side);
    size_t r = sx.r > sy.r ? sx.r : sy.r, count = 0;
    double *work = malloc((6 * r * r + 2 * r) * sizeof *work + r * sizeof *work);
    if (work == NULL) FAIL(e, ERR_NOMEM, "no memory for ranks of %zu", r);
    double *found = work + 6 * r * r + 2 * r;
    Status s = span_cosines(found, &count, &sx, &sy, work, e);
    if (s == OK) {
        memcpy(cosine, found, count * sizeof *cosine);
        *k = count;
    }
    free(work);
    return s;
}

static size_t shared_rank(const Lora *x, const Lora *y, size_t site)
{
    return x->site[site].r < y->site[site].r ? x->site[site].r : y->site[site].r;
}

Status subspace_overlap(double *overlap, const Lora *x, const Lora *y, SubspaceSide side, size_t layer,
                        Err *e)
{
    double sum = 0;
    size_t n = 0, most = 1, from = 0, to = x->shape.n_layers;
    if (!lora_shape_same(&x->shape, &y->shape)) FAIL(e, ERR_SHAPE, "adapters of different models");
    if (layer != SUBSPACE_ALL && layer >= to) FAIL(e, ERR_ARG, "layer %zu, want 0 to %zu", layer, to - 1);
    if (layer != SUBSPACE_ALL) from = layer, to = layer + 1;
    for (size_t i = from * LORA_KINDS; i < to * LORA_KINDS; i++)
        most = shared_rank(x, y, i) > most ? shared_rank(x, y, i) : most;
    double *cosine = malloc(most * sizeof *cosine);
    Status s =
        cosine != NULL ? OK : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu angles", most);
    for (size_t i = from * LORA_KINDS; i < to * LORA_KINDS && s == OK; i++) {
        size_t k = 0;
        if (!has_site(x, y, i)) continue;
        s = subspace_cosines(cosine, &k, x, y, i, side, e);
        for (size_t j = 0; j < k; j++) sum += cosine[j] * cosine[j];
        n += k;
    }
    free(cosine);
    if (s == OK && n == 0) FAIL(e, ERR_ARG, "the adapters have no direction in common to compare");
    if (s == OK) *overlap = sum / (double)n;
    return s;
}
