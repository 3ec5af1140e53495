#include "prime/svd.h"

#include "prime/arena.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* LAPACK as OpenBLAS brings it: Fortran's interface, with the lengths of the texts behind the arguments. */
extern void dsyevr_(const char *jobz, const char *range, const char *uplo, const int *n, double *a,
                    const int *lda, const double *vl, const double *vu, const int *il, const int *iu,
                    const double *abstol, int *m, double *w, double *z, const int *ldz, int *isuppz,
                    double *work, const int *lwork, int *iwork, const int *liwork, int *info, size_t len_jobz,
                    size_t len_range, size_t len_uplo);

static void *svd_room(Arena *mem, size_t n, size_t size, Status *s, Err *e)
{
    void *p = *s == OK ? arena_alloc(mem, n, size) : NULL;
    if (*s == OK && p == NULL)
        *s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu numbers of a decomposition", n);
    return p;
}

static int svd_int(size_t n)
{
    assert(n <= INT_MAX);
    return (int)n;
}

/* The r largest eigenvalues of g [n, n] (destroyed), descending, and vectors as rows of vec [r, n]. Of w [n]
 * the first r are written. */
static Status sym_top(double *w, double *vec, double *g, size_t n, size_t r, Arena *mem, Err *e)
{
    int ni = svd_int(n), lo = svd_int(n - r + 1), found = 0, info = 0, ask = -1, ineed = 0;
    double need = 0, none = 0;
    Status s = OK;
    for (size_t i = 0; i < n * n; i++)
        if (!isfinite(g[i])) FAIL(e, ERR_NUM, "a matrix to decompose holds %g, want finite numbers", g[i]);
    int *support = svd_room(mem, 2 * n, sizeof *support, &s, e);
    double *up = svd_room(mem, n, sizeof *up, &s, e), *z = svd_room(mem, n * r, sizeof *z, &s, e);
    if (s != OK) return s;
    dsyevr_("V", "I", "U", &ni, g, &ni, &none, &none, &lo, &ni, &none, &found, up, z, &ni, support, &need,
            &ask, &ineed, &ask, &info, 1, 1, 1);
    int lwork = (int)need, liwork = ineed;
    double *work = svd_room(mem, (size_t)lwork, sizeof *work, &s, e);
    int *iwork = svd_room(mem, (size_t)liwork, sizeof *iwork, &s, e);
    if (s != OK) return s;
    dsyevr_("V", "I", "U", &ni, g, &ni, &none, &none, &lo, &ni, &none, &found, up, z, &ni, support, work,
            &lwork, iwork, &liwork, &info, 1, 1, 1);
    if (info != 0 || (size_t)found != r)
        FAIL(e, ERR_NUM, "eigenvalues of size %zu: no convergence (%d, %d found)", n, info, found);
    for (size_t i = 0; i < r; i++) {
        w[i] = up[r - 1 - i];
        memcpy(vec + i * n, z + (r - 1 - i) * n, n * sizeof *vec);
    }
    return OK;
}

static void dgemm(double *c, const double *a, const double *b, size_t m, size_t n, size_t k, bool ta, bool tb)
{
    int mi = svd_int(m), ni = svd_int(n), ki = svd_int(k);
    if (m == 0 || n == 0) return;
    cblas_dgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, mi, ni, ki, 1,
                a, ta ? mi : ki, b, tb ? ki : ni, 0, c, ni);
}

static void svd_widen(double *out, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = (double)x[i];
}

/* How many of the squared singular values s2 [n], descending, stand out of rounding. */
static size_t svd_rank(const double *s2, size_t n)
{
    size_t rank = 0;
    while (rank < n && s2[rank] > SVD_TINY * SVD_TINY * s2[0]) rank++;
    return rank;
}

/* b [m, r] and a [r, n] from left vectors (rows of ut) and ut x = rest; columns from `rank` on are zero. */
static void svd_factors(float *b, float *a, const double *ut, const double *rest, const double *s2,
                        size_t rank, size_t m, size_t n, size_t r)
{
    for (size_t i = 0; i < r; i++) {
        double root = i < rank ? sqrt(sqrt(s2[i])) : 0, inv = root > 0 ? 1 / root : 0;
        for (size_t o = 0; o < m; o++) b[o * r + i] = root > 0 ? (float)(root * ut[i * m + o]) : 0.0f;
        for (size_t c = 0; c < n; c++) a[i * n + c] = root > 0 ? (float)(inv * rest[i * n + c]) : 0.0f;
    }
}

/* The same from right vectors (rows of vt [r, n]) and x v^T = rest [m, r]. */
static void svd_factors_right(float *b, float *a, const double *vt, const double *rest, const double *s2,
                              size_t rank, size_t m, size_t n, size_t r)
{
    for (size_t i = 0; i < r; i++) {
        double root = i < rank ? sqrt(sqrt(s2[i])) : 0, inv = root > 0 ? 1 / root : 0;
        for (size_t o = 0; o < m; o++) b[o * r + i] = root > 0 ? (float)(inv * rest[o * r + i]) : 0.0f;
        for (size_t c = 0; c < n; c++) a[i * n + c] = root > 0 ? (float)(root * vt[i * n + c]) : 0.0f;
    }
}

static Status cut_with(float *b, float *a, double *lost, const float *xf, size_t m, size_t n, size_t r,
                       Arena *mem, Err *e)
{
    bool wide = m <= n;
    size_t p = wide ? m : n, q = wide ? n : m;
    Status s = OK;
    double *x = svd_room(mem, m * n, sizeof *x, &s, e), *g = svd_room(mem, p * p, sizeof *g, &s, e),
           *s2 = svd_room(mem, p, sizeof *s2, &s, e), *vec = svd_room(mem, p * r, sizeof *vec, &s, e),
           *rest = svd_room(mem, q * r, sizeof *rest, &s, e);
    if (s != OK) return s;
    svd_widen(x, xf, m * n);
    cblas_dsyrk(CblasRowMajor, CblasLower, wide ? CblasNoTrans : CblasTrans, svd_int(p), svd_int(q), 1, x,
                svd_int(n), 0, g, svd_int(p));
    double all = 0, kept = 0;
    for (size_t i = 0; i < p; i++) {
        all += g[i * p + i];
        for (size_t j = i + 1; j < p; j++) g[i * p + j] = g[j * p + i];
    }
    TRY(sym_top(s2, vec, g, p, r, mem, e));
    size_t rank = svd_rank(s2, r);
    for (size_t i = 0; i < rank; i++) kept += s2[i];
    if (wide) {
        dgemm(rest, vec, x, r, n, m, false, false);
        svd_factors(b, a, vec, rest, s2, rank, m, n, r);
    } else {
        dgemm(rest, x, vec, m, r, n, false, true);
        svd_factors_right(b, a, vec, rest, s2, rank, m, n, r);
    }
    *lost = sqrt(fmax(0, all - kept));
    return OK;
}

Status svd_cut(float *b, float *a, double *lost, const float *x, size_t m, size_t n, size_t r, Err *e)
{
    assert(r >= 1 && r <= m && r <= n);
    Arena mem = {0};
    Status s = cut_with(b, a, lost, x, m, n, r, &mem, e);
    arena_free(&mem);
    return s;
}

/* With q q^T = E L E^T the product p q has the left vectors and singular values of h = p E L^(1/2) [m, k],
 * whose Gram matrix is k x k. Vectors come out as rows of ut [k, m]. */
static Status basis_with(double *ut, double *s2, size_t *rank, const double *p, const double *gram, size_t m,
                         size_t k, Arena *mem, Err *e)
{
    Status s = OK;
    double *g = svd_room(mem, k * k, sizeof *g, &s, e), *l = svd_room(mem, k, sizeof *l, &s, e),
           *vec = svd_room(mem, k * k, sizeof *vec, &s, e), *h = svd_room(mem, m * k, sizeof *h, &s, e);
    if (s != OK) return s;
    memcpy(g, gram, k * k * sizeof *g);
    TRY(sym_top(l, vec, g, k, k, mem, e));
    for (size_t i = 0; i < k; i++) {
        double root = sqrt(fmax(0, l[i]));
        for (size_t j = 0; j < k; j++) vec[i * k + j] *= root;
    }
    dgemm(h, p, vec, m, k, k, false, true);
    dgemm(g, h, h, k, k, m, true, false);
    TRY(sym_top(s2, vec, g, k, k, mem, e));
    dgemm(ut, vec, h, k, m, k, false, true);
    *rank = svd_rank(s2, k);
    for (size_t i = 0; i < k; i++) {
        s2[i] = fmax(0, s2[i]);
        double inv = i < *rank ? 1 / sqrt(s2[i]) : 0;
        for (size_t o = 0; o < m; o++) ut[i * m + o] *= inv;
    }
    return OK;
}

static Status product_with(float *b, float *a, double *lost, const float *pf, const float *qf, size_t m,
                           size_t n, size_t k, size_t r, Arena *mem, Err *e)
{
    size_t rank = 0;
    double tail = 0;
    Status s = OK;
    double *p = svd_room(mem, m * k, sizeof *p, &s, e), *q = svd_room(mem, k * n, sizeof *q, &s, e),
           *g = svd_room(mem, k * k, sizeof *g, &s, e), *s2 = svd_room(mem, k, sizeof *s2, &s, e),
           *ut = svd_room(mem, k * m, sizeof *ut, &s, e), *up = svd_room(mem, r * k, sizeof *up, &s, e),
           *rest = svd_room(mem, r * n, sizeof *rest, &s, e);
    if (s != OK) return s;
    svd_widen(p, pf, m * k);
    svd_widen(q, qf, k * n);
    dgemm(g, q, q, k, k, n, false, true);
    TRY(basis_with(ut, s2, &rank, p, g, m, k, mem, e));
    dgemm(up, ut, p, r, k, m, false, false);
    dgemm(rest, up, q, r, n, k, false, false);
    svd_factors(b, a, ut, rest, s2, rank, m, n, r);
    for (size_t i = r; i < rank; i++) tail += s2[i];
    *lost = sqrt(tail);
    return OK;
}

Status svd_cut_product(float *b, float *a, double *lost, const float *p, const float *q, size_t m, size_t n,
                       size_t k, size_t r, Err *e)
{
    assert(r >= 1 && r <= k);
    Arena mem = {0};
    Status s = product_with(b, a, lost, p, q, m, n, k, r, &mem, e);
    arena_free(&mem);
    return s;
}

Status svd_basis(double *u, double *sing, size_t *rank, const double *p, const double *gram, size_t m,
                 size_t k, Err *e)
{
    Arena mem = {0};
    Status s = OK;
    double *ut = svd_room(&mem, k * m, sizeof *ut, &s, e);
    if (s == OK) s = basis_with(ut, sing, rank, p, gram, m, k, &mem, e);
    for (size_t i = 0; s == OK && i < k; i++) {
        sing[i] = sqrt(sing[i]);
        for (size_t o = 0; i < *rank && o < m; o++) u[o * k + i] = ut[i * m + o];
    }
    arena_free(&mem);
    return s;
}
