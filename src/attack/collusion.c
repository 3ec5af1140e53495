#include "prime/collusion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static Status collusion_check(const Lora *merged, const Lora *const *own, const double *w, size_t n, Err *e)
{
    for (size_t i = 0; i < n; i++) {
        if (!lora_shape_same(&merged->shape, &own[i]->shape))
            FAIL(e, ERR_SHAPE, "colluder %zu has an adapter of another model than the merge", i);
        if (!isfinite(w[i])) FAIL(e, ERR_NUM, "weight of colluder %zu = %g, want a finite number", i, w[i]);
    }
    return OK;
}

/* Put w s B and A of one site behind the `at` ranks that are there. */
static void site_append(LoraSite *out, size_t at, const LoraSite *x, double w, size_t n_in, size_t n_out)
{
    if (x->r == 0) return;
    memcpy(out->a + at * n_in, x->a, x->r * n_in * sizeof *out->a);
    for (size_t o = 0; o < n_out; o++)
        for (size_t k = 0; k < x->r; k++)
            out->b[o * out->r + at + k] = (float)(w * (double)x->scale * (double)x->b[o * x->r + k]);
}

Status collusion_rest(Lora **rest, const Lora *merged, const Lora *const *own, const double *w, size_t n,
                      Err *e)
{
    size_t sites = merged->shape.n_layers * LORA_KINDS;
    Lora *out = NULL;
    TRY(collusion_check(merged, own, w, n, e));
    size_t *rank = calloc(sites, sizeof *rank);
    if (rank == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu sites", sites);
    for (size_t s = 0; s < sites; s++) {
        rank[s] = merged->site[s].r;
        for (size_t i = 0; i < n; i++) rank[s] += own[i]->site[s].r;
    }
    Status st = lora_new_ranks(&out, &merged->shape, rank, e);
    free(rank);
    if (st != OK) return st;
    for (size_t s = 0; s < sites; s++) {
        size_t n_in = out->shape.n_in[s % LORA_KINDS], n_out = out->shape.n_out[s % LORA_KINDS];
        size_t at = merged->site[s].r;
        site_append(&out->site[s], 0, &merged->site[s], 1, n_in, n_out);
        for (size_t i = 0; i < n; at += own[i]->site[s].r, i++)
            site_append(&out->site[s], at, &own[i]->site[s], -w[i], n_in, n_out);
    }
    *rest = out;
    return OK;
}
