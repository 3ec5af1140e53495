/* crew_methods.c - the cells of an audit by several processes: each measures into a ledger in memory, and the
 * first one takes over what is in it.
 *
 * What a search has evaluated is given after a generation, cells when all of a method are there: what is
 * measured together comes together. Who has no unit evaluates candidates for those that have. */
#include "sweep_priv.h"

#include "crew_priv.h"

#include "prime/host.h"

#include <string.h>

typedef struct {
    Sweep *s;       /* its ledger: of the thread that works */
    Ledger *writer; /* the run's; NULL but in the first process */
    const SweepWatch *watch;
    Units u;
    double given;       /* clock when something was given last */
    CrewSearch *helped; /* the search that this process helped with last */
} CrewCells;

/* ---- by the first process ---- */

static Status cells_pack(void *ctx, size_t unit, void **data, size_t *n, Err *e)
{
    CrewCells *c = ctx;
    Ledger *l = NULL;
    TRY(ledger_memory(&l, c->writer, e));
    Status s = ledger_lend(l, c->writer, unit_person(c->s->a, &c->u.unit[unit]), e);
    if (s == OK) s = ledger_pack(data, n, l, e);
    ledger_close(l);
    return s;
}

static Status cells_step(void *ctx, const LedgerCell *cell, Err *e)
{
    const CrewCells *c = ctx;
    (void)e;
    if (c->watch != NULL && c->watch->step != NULL) c->watch->step(c->watch->ctx, cell->key);
    return OK;
}

static Status cells_take(void *ctx, size_t unit, const void *data, size_t n, Err *e)
{
    CrewCells *c = ctx;
    Ledger *gift = NULL;
    LedgerCount count = {0};
    (void)unit;
    TRY(ledger_unpack(&gift, data, n, e));
    Status s = ledger_absorb(c->writer, gift, &count, e);
    if (s == OK && count.evals > 0 && c->watch != NULL && c->watch->evaluated != NULL)
        c->watch->evaluated(c->watch->ctx, count.evals);
    if (s == OK) s = ledger_each_cell(gift, NULL, cells_step, c, e);
    ledger_close(gift);
    return s;
}

/* ---- by any process ---- */

static Status cells_give(void *ctx, Err *e)
{
    CrewCells *c = ctx;
    void *data = NULL;
    size_t n = 0;
    TRY(ledger_give(&data, &n, c->s->ledger, e));
    c->given = host_seconds();
    const CrewGive *give = c->s->a->give;
    return give->fn(give->ctx, data, n, e);
}

/* Generations that take less than GIVE_AFTER seconds go together: that much work may be lost. */
static Status cells_batch(void *ctx, Err *e)
{
    const double GIVE_AFTER = 0.25;
    const CrewCells *c = ctx;
    return host_seconds() - c->given >= GIVE_AFTER ? cells_give(ctx, e) : OK;
}

static Status cells_work(void *ctx, size_t unit, const void *data, size_t n, const CrewGive *give, Err *e)
{
    CrewCells *c = ctx;
    c->s->a->give = give;
    TRY(ledger_unpack(&c->s->ledger, data, n, e));
    ledger_on_batch(c->s->ledger, cells_batch, c);
    Status s = unit_run(c->s, &c->u.unit[unit], cells_give, c, e);
    Err late = {0}; /* what a unit that failed has evaluated is kept; its own error counts */
    if (s != OK) late.code = cells_give(c, &late);
    ledger_close(c->s->ledger);
    c->s->ledger = NULL;
    c->s->a->give = NULL;
    return s;
}

static Status cells_help(void *ctx, const void *data, size_t n, size_t from, size_t to, void **out,
                         size_t *n_out, Err *e)
{
    CrewCells *c = ctx;
    return crew_search_help(&c->helped, c->s->a, data, n, from, to, out, n_out, e);
}

/* ---- all of them ---- */

static Status task_step(void *ctx, const LedgerCell *cell, Err *e)
{
    const CrewCells *c = ctx;
    return strcmp(cell->task, c->s->a->task->name) == 0 ? cells_step(ctx, cell, e) : OK;
}

static Status cells_prepare(CrewCells *c, Err *e)
{
    TRY(units_plan(&c->u, c->s->a, 0, e));
    TRY(methods_prepare(c->s, c->writer != NULL, e));
    return c->writer != NULL ? ledger_each_cell(c->writer, NULL, task_step, c, e) : OK;
}

Status crew_methods(Sweep *s, Err *e)
{
    static const CrewJob job = {cells_pack, cells_take, cells_work, cells_help};
    /* Whoever works only asks whether to stop; what is done the first process says. */
    SweepWatch quiet = watch_quiet(s->watch);
    CrewCells c = {.s = s, .writer = s->ledger, .watch = s->watch};
    s->ledger = NULL;
    s->watch = s->a->watch = &quiet;
    Status st = cells_prepare(&c, e);
    if (st == OK) st = crew_run(s->a->crew, c.u.order, c.u.n, &job, &c, e);
    units_free(&c.u);
    crew_search_close(c.helped);
    s->ledger = c.writer;
    s->watch = s->a->watch = c.watch;
    return st;
}
