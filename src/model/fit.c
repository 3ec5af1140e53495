#include "fit.h"

#include "prime/memory.h"

#include <stdint.h>

static size_t fit_pack(const ModelLin *l)
{
    return l->pack != NULL ? mat_pack_bytes(l->pack) : 0;
}

/* Weights that are read in place, as stored, are pages of a file: they are not counted. */
static size_t fit_weights(const Model *m)
{
    size_t n = m->p.n * sizeof *m->p.data + fit_pack(&m->p.head);
    for (size_t i = 0; i < m->cfg.n_layers; i++) {
        const ModelLayer *l = &m->p.layer[i];
        n += fit_pack(&l->qkv) + fit_pack(&l->o) + fit_pack(&l->gu) + fit_pack(&l->down);
    }
    return n;
}

size_t fit_budget(const Model *m)
{
    size_t limit = memory_limit(), weights = fit_weights(m);
    if (limit == 0) return SIZE_MAX;
    return limit > weights ? (limit - weights) / 2 : 0;
}

size_t fit_threads(size_t budget, size_t each, size_t threads)
{
    size_t n = each > 0 ? budget / each : threads;
    n = n < threads ? n : threads;
    return n > 0 ? n : 1;
}

Status fit_fail(const Model *m, size_t bytes, Err *e)
{
    FAIL(e, ERR_NOMEM,
         "memory = %zu bytes is too little: the model takes %zu, and one text at a time twice %zu: want at "
         "least "
         "%zu",
         memory_limit(), fit_weights(m), bytes, fit_weights(m) + 2 * bytes);
}
