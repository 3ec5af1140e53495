/* moo.c - which of old and new points stay: ranks first, then crowding or hypervolume in the front that is
 * cut. */
#include "evolve_priv.h"

#include "prime/pareto.h"

#include <assert.h>
#include <math.h>
#include <string.h>

size_t moo_cells(const EvolveHead *h)
{
    return h->lam * (h->dim + h->n_obj);
}

void moo_layout(Evolver *ev, double *at)
{
    ev->pop = at;
    ev->val = at + ev->h.lam * ev->h.dim;
}

size_t moo_popsize(size_t dim)
{
    (void)dim;
    return 24;
}

/* Rows: points [n, m], a front of them [n, m], crowding or contributions [n], a reference [m]. */
size_t moo_work(size_t n, size_t m)
{
    return n * (2 * m + 1) + m;
}

static void moo_gather(double *out, const double *pts, const size_t *idx, size_t n, size_t m)
{
    for (size_t i = 0; i < n; i++) memcpy(&out[i * m], &pts[idx[i] * m], m * sizeof *out);
}

Status moo_crowding(double *out, const double *pts, const size_t *idx, size_t n, size_t m, double *work,
                    Err *e)
{
    double *front = work, *part = front + n * m;
    moo_gather(front, pts, idx, n, m);
    TRY(pareto_crowding(part, front, n, m, PARETO_CROWD_SUM, e));
    for (size_t i = 0; i < n; i++) out[idx[i]] = part[i];
    return OK;
}

/* The widest spaced points of idx [n] come first. */
static Status moo_widest(size_t *idx, const double *pts, size_t n, size_t m, double *work, Err *e)
{
    double *front = work, *part = front + n * m;
    moo_gather(front, pts, idx, n, m);
    TRY(pareto_crowding(part, front, n, m, PARETO_CROWD_SUM, e));
    for (size_t k = 1; k < n; k++) {
        size_t at = idx[k], i = k;
        double wide = part[k];
        for (; i > 0 && part[i - 1] < wide; i--) {
            idx[i] = idx[i - 1];
            part[i] = part[i - 1];
        }
        idx[i] = at;
        part[i] = wide;
    }
    return OK;
}

/* The place in idx [n] of the least hypervolume of its own, under a reference as far behind the worst values
 * as they spread: so the ends of a front nearly always stay. */
static Status moo_least(size_t *out, const size_t *idx, const double *pts, size_t n, size_t m, double *work,
                        Err *e)
{
    double *front = work, *part = front + n * m, *ref = part + n;
    moo_gather(front, pts, idx, n, m);
    for (size_t j = 0; j < m; j++) {
        double lo = INFINITY, hi = -INFINITY;
        for (size_t i = 0; i < n; i++) {
            lo = fmin(lo, front[i * m + j]);
            hi = fmax(hi, front[i * m + j]);
        }
        ref[j] = hi + (hi > lo ? hi - lo : 1);
    }
    TRY(pareto_contrib(part, front, n, m, ref, e));
    *out = 0;
    for (size_t i = 1; i < n; i++)
        if (part[i] < part[*out]) *out = i;
    return OK;
}

/* Cut the front idx [n] down to `want` points, which come first afterwards. */
static Status moo_cut(size_t *idx, size_t n, size_t want, Evolver *ev, bool volume, Err *e)
{
    size_t m = ev->h.n_obj;
    double *pts = ev->moo, *work = pts + 2 * ev->h.lam * m;
    if (!volume) return moo_widest(idx, pts, n, m, work, e);
    for (; n > want; n--) {
        size_t worst;
        TRY(moo_least(&worst, idx, pts, n, m, work, e));
        memmove(&idx[worst], &idx[worst + 1], (n - 1 - worst) * sizeof *idx);
    }
    return OK;
}

Status moo_select(bool *stays, Evolver *ev, const double *f, bool volume, Err *e)
{
    size_t lam = ev->h.lam, m = ev->h.n_obj, kept = 0;
    size_t *rank = ev->moo_index, *idx = rank + 2 * lam;
    memcpy(ev->moo, ev->val, lam * m * sizeof *f);
    memcpy(&ev->moo[lam * m], f, lam * m * sizeof *f);
    TRY(pareto_rank(rank, ev->moo, 2 * lam, m, e));
    memset(stays, 0, 2 * lam * sizeof *stays);
    for (size_t r = 0; kept < lam; r++) {
        size_t n = 0;
        for (size_t i = 0; i < 2 * lam; i++)
            if (rank[i] == r) idx[n++] = i;
        assert(n > 0);
        size_t want = n < lam - kept ? n : lam - kept;
        if (want < n) TRY(moo_cut(idx, n, want, ev, volume, e));
        for (size_t i = 0; i < want; i++) stays[idx[i]] = true;
        kept += want;
    }
    return OK;
}
