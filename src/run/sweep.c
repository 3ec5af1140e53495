/* sweep.c - a run: its ledger, and its tasks one after the other. */
#include "prime/sweep.h"

#include "crew_priv.h"
#include "sweep_priv.h"

#include "prime/file.h"
#include "prime/hash.h"
#include "prime/host.h"
#include "prime/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- ledgers ---- */

static Status open_ledger(Ledger **l, const Spec *spec, const char *dir, bool resume, Err *e)
{
    Str text = {0};
    char hex[HASH_HEX];
    spec_dump(&text, spec);
    char *path = file_join(dir, "ledger.db");
    Status s = path == NULL || text.failed ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "out of memory") : OK;
    if (s == OK) hash_bytes(hex, text.s, text.n);
    if (s == OK) s = ledger_open(l, path, resume ? LEDGER_APPEND : LEDGER_CREATE, hex, e);
    if (s == OK) s = session_inputs(*l, spec, text.s, e);
    str_free(&text);
    free(path);
    return s;
}

static Status refuse_old_ledger(const char *dir, Err *e)
{
    char *path = file_join(dir, "ledger.db");
    if (path == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    Status s = ledger_unused(path, e);
    bool there = file_exists(path);
    free(path);
    TRY(s);
    if (there)
        FAIL(e, ERR_IO,
             "%s: holds the ledger of an earlier run; carry it on with --resume, or choose another folder "
             "with --out",
             dir);
    return OK;
}

static Status open_reuse(Ledger **l, const char *dir, Err *e)
{
    char *path = file_join(dir, "ledger.db");
    if (path == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    Status s = ledger_open(l, path, LEDGER_READ, NULL, e);
    free(path);
    return s;
}

/* ---- the run ---- */

typedef struct {
    const Spec *spec;
    const char *dir;
    const SweepHow *how;
    Ledger *ledger, *reuse; /* ledger: of the first process, NULL elsewhere */
    size_t cells, part;     /* of all tasks, and of this part of them; 0: not counted yet */
    size_t session;         /* 0: not begun */
    double start;
} Run;

static bool run_first(const Run *r)
{
    return crew_rank(r->how->crew) == 0;
}

static Status run_fact(Run *r, const char *key, size_t number, Err *e)
{
    char text[24];
    snprintf(text, sizeof text, "%zu", number);
    return ledger_meta_set(r->ledger, key, text, e);
}

static Status run_shard(Run *r, Err *e)
{
    char text[48];
    if (r->how->shards == 0) return OK;
    snprintf(text, sizeof text, "%zu/%zu", r->how->shard, r->how->shards);
    TRY(ledger_meta_set(r->ledger, "shard", text, e));
    return run_fact(r, "shard_cells", r->part, e);
}

/* The ledger is open, and how many cells there will be is known. */
static Status run_started(Run *r, Err *e)
{
    const SweepWatch *w = r->how->watch;
    TRY(run_fact(r, "planned_cells", r->cells, e));
    TRY(run_shard(r, e));
    TRY(session_begin(&r->session, r->ledger, e));
    TRY(session_processes(r->ledger, r->session, crew_size(r->how->crew), e));
    if (w != NULL && w->begin != NULL) w->begin(w->ctx, r->part);
    return OK;
}

static Status run_count(Run *r, const Audit *a, Err *e)
{
    Units u = {0};
    if (r->cells > 0) return OK;
    TRY(units_plan(&u, a, r->how->shards, e));
    r->cells = units_cells(&u, 0);
    r->part = units_cells(&u, r->how->shard);
    units_free(&u);
    return OK;
}

/* A new ledger is made when all that is read was read and fits together, so that a run that cannot start
 * leaves none; and before the first adapter is trained, so that no two runs train into one folder, and one
 * that is cut short can be carried on. */
static Status run_begin(Run *r, const Audit *a, Err *e)
{
    if (!run_first(r) || r->ledger != NULL) return OK;
    TRY(open_ledger(&r->ledger, r->spec, r->dir, false, e));
    TRY(run_count(r, a, e));
    return run_started(r, e);
}

/* Who does not report is asked all the same whether to stop. */
SweepWatch watch_quiet(const SweepWatch *w)
{
    return w != NULL ? (SweepWatch){.stop = w->stop, .ctx = w->ctx} : (SweepWatch){0};
}

static Status run_measure(Run *r, Sweep *s, Err *e)
{
    if (r->how->train_only) return OK;
    return r->how->crew != NULL ? crew_methods(s, e) : methods_run(s, r->how->shard, r->how->shards, e);
}

/* What the ledger says of a task's adapters, and of the precision in which they are going to be scored. */
static Status run_adapters(Run *r, Audit *a, Err *e)
{
    TRY(session_adapters(r->ledger, a, e));
    return session_precision(r->ledger, r->session, a, e);
}

static Status run_watched(Run *r, Sweep *s, Err *e)
{
    TRY(audit_train(s->a, r->how->resume || r->how->adapters != NULL, e));
    TRY(crew_agree(r->how->crew, run_first(r) ? run_adapters(r, s->a, e) : OK, e));
    return run_measure(r, s, e);
}

static Status run_methods(Run *r, Sweep *s, Err *e)
{
    SweepWatch quiet = watch_quiet(r->how->watch);
    s->ledger = r->ledger;
    s->watch = s->a->watch = run_first(r) ? r->how->watch : &quiet;
    Status st = run_watched(r, s, e);
    s->watch = s->a->watch = NULL; /* quiet ends here */
    return st;
}

static Status run_task(Run *r, const char *task, Err *e)
{
    Spec one;
    Sweep s = {.reuse = r->reuse};
    TRY(spec_for(&one, r->spec, task, e));
    Status st = audit_open(&s.a, &one, r->dir, r->how->crew, e);
    if (st == OK) s.a->adapters = r->how->adapters;
    if (st == OK) st = run_begin(r, s.a, e);
    st = crew_agree(r->how->crew, st, e);
    if (st == OK) st = run_methods(r, &s, e);
    audit_close(s.a);
    arena_free(&s.keep);
    arena_free(&s.arena);
    return st;
}

static Status run_check(const SweepHow *how, Err *e)
{
    if (how->shards > 0 && (how->shard == 0 || how->shard > how->shards))
        FAIL(e, ERR_ARG, "part %zu of %zu, want 1 to %zu", how->shard, how->shards, how->shards);
    if (how->shards > 0 && how->crew != NULL)
        FAIL(e, ERR_ARG, "part %zu of %zu, by %zu processes together: want one or the other", how->shard,
             how->shards, crew_size(how->crew));
    return OK;
}

/* An old ledger is checked first; of several tasks, everybody is looked at before the first is trained. */
static Status run_open_first(Run *r, Err *e)
{
    TRY(file_mkdir(r->dir, e));
    if (r->how->resume)
        TRY(open_ledger(&r->ledger, r->spec, r->dir, true, e));
    else
        TRY(refuse_old_ledger(r->dir, e));
    if (r->spec->tasks.n > 1 || r->how->resume)
        TRY(plan_cells(&r->cells, &r->part, r->spec, r->how->shard, r->how->shards, e));
    return r->how->resume ? run_started(r, e) : OK;
}

static Status run_open(Run *r, Err *e)
{
    TRY(run_check(r->how, e));
    if (r->how->reuse != NULL) TRY(open_reuse(&r->reuse, r->how->reuse, e));
    return run_first(r) ? run_open_first(r, e) : OK;
}

/* Where the run has failed, its own error counts. */
static Status run_close(Run *r, Status st, Err *e)
{
    Err late = {0};
    if (r->session > 0) {
        Status end = session_end(r->ledger, r->session, host_seconds() - r->start, st, st == OK ? e : &late);
        if (st == OK) st = end;
    }
    ledger_close(r->ledger);
    ledger_close(r->reuse);
    return st;
}

Status sweep_run(const Spec *spec, const char *dir, const SweepHow *how, Err *e)
{
    static const SweepHow plain = {0};
    Run r = {.spec = spec, .dir = dir, .how = how != NULL ? how : &plain, .start = host_seconds()};
    Status st = crew_agree(r.how->crew, run_open(&r, e), e);
    for (size_t i = 0; st == OK && i < spec->tasks.n; i++) st = run_task(&r, spec->tasks.x[i], e);
    return crew_agree(r.how->crew, run_close(&r, st, e), e);
}
