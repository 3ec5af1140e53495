/* trial_cell.c - names of cells, which of them are there, and writing one. */
#include "trial_priv.h"

#include "prime/host.h"

#include <math.h>
#include <stdio.h>

static void trial_step(const Sweep *s, const char *label)
{
    if (s->watch != NULL && s->watch->step != NULL) s->watch->step(s->watch->ctx, label);
}

/* ---- keys ---- */

typedef struct {
    char method[SWEEP_METHOD], key[SWEEP_KEY];
} CellName;

static CellName cell_name(const Audit *a, const char *method, size_t context, const char *unit, size_t seed,
                          double lambda)
{
    CellName n;
    SpecContext c = spec_context(a->spec, context);
    bool plain = c.items == 0 && !c.profile;
    snprintf(n.method, sizeof n.method, plain ? "%.32s" : "%.32s+%.16s", method, c.name);
    int len = snprintf(n.key, SWEEP_KEY, "%.60s/%s/%.60s/seed=%zu", a->task->name, n.method, unit, seed);
    if (!isnan(lambda) && len > 0 && len < SWEEP_KEY)
        snprintf(n.key + len, (size_t)(SWEEP_KEY - len), "/lambda=%.17g", lambda);
    return n;
}

Status cells_missing(bool *missing, bool *any, Sweep *s, const char *method, const char *unit, size_t seed,
                     double lambda, Err *e)
{
    *any = false;
    for (size_t i = 0; i < spec_contexts(s->a->spec); i++) {
        CellName n = cell_name(s->a, method, i, unit, seed, lambda);
        bool there = false;
        TRY(ledger_has_cell(s->ledger, n.key, &there, e));
        missing[i] = !there;
        *any = *any || !there;
    }
    return OK;
}

void cells_report(const Sweep *s, const bool *missing, const char *method, const char *unit, size_t seed,
                  double lambda)
{
    for (size_t i = 0; i < spec_contexts(s->a->spec); i++)
        if (!missing[i]) trial_step(s, cell_name(s->a, method, i, unit, seed, lambda).key);
}

/* ---- writing one ---- */

Status cell_put(const CellBody *b, CellFn fn, const Trial *t, size_t context, const char *unit, size_t seed,
                Err *e)
{
    Sweep *s = b->s;
    CellName n = cell_name(s->a, t->method, context, unit, seed, t->lambda);
    LedgerCell cell = {.key = n.key,
                       .method = n.method,
                       .task = s->a->task->name,
                       .target = unit,
                       .lambda = t->lambda,
                       .seed = seed};
    Status st = ledger_cell_begin(s->ledger, &cell, e);
    if (st == OK) st = fn(b, e);
    if (st == OK) st = ledger_cell_commit(s->ledger, "ok", host_seconds() - s->begin, e);
    if (st != OK)
        ledger_cell_abort(s->ledger);
    else
        trial_step(s, n.key);
    return st;
}
