/* sweep.c - a run: its ledger, and its tasks one after the other. */
#include "prime/sweep.h"

#include "sweep_priv.h"

#include "prime/file.h"
#include "prime/hash.h"
#include "prime/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    Ledger *ledger, *reuse;
    size_t cells;   /* of all tasks; 0: not counted yet */
    size_t session; /* 0: not begun */
    double start;
} Run;

static double run_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The ledger is open, and how many cells there will be is known. */
static Status run_started(Run *r, Err *e)
{
    const SweepWatch *w = r->how->watch;
    char cells[24];
    snprintf(cells, sizeof cells, "%zu", r->cells);
    TRY(ledger_meta_set(r->ledger, "planned_cells", cells, e));
    TRY(session_begin(&r->session, r->ledger, e));
    if (w != NULL && w->begin != NULL) w->begin(w->ctx, r->cells);
    return OK;
}

/* A new ledger is made when all that is read was read and fits together, so that a run that cannot start
 * leaves none; and before the first adapter is trained, so that no two runs train into one folder, and one
 * that is cut short can be carried on. */
static Status run_begin(Run *r, const Audit *a, Err *e)
{
    if (r->ledger != NULL) return OK;
    TRY(open_ledger(&r->ledger, r->spec, r->dir, false, e));
    if (r->cells == 0) r->cells = methods_cells(a);
    return run_started(r, e);
}

static Status run_methods(Run *r, Sweep *s, Err *e)
{
    s->ledger = r->ledger;
    s->a->watch = r->how->watch;
    TRY(audit_train(s->a, r->how->resume, e));
    TRY(session_adapters(r->ledger, s->a, e));
    return methods_run(s, e);
}

static Status run_task(Run *r, const char *task, Err *e)
{
    Spec one;
    Sweep s = {.watch = r->how->watch, .reuse = r->reuse};
    TRY(spec_for(&one, r->spec, task, e));
    Status st = audit_open(&s.a, &one, r->dir, e);
    if (st == OK) st = run_begin(r, s.a, e);
    if (st == OK) st = run_methods(r, &s, e);
    audit_close(s.a);
    arena_free(&s.keep);
    arena_free(&s.arena);
    return st;
}

/* An old ledger is checked first; of several tasks, everybody is looked at before the first is trained. */
static Status run_open(Run *r, Err *e)
{
    TRY(file_mkdir(r->dir, e));
    if (r->how->resume)
        TRY(open_ledger(&r->ledger, r->spec, r->dir, true, e));
    else
        TRY(refuse_old_ledger(r->dir, e));
    if (r->how->reuse != NULL) TRY(open_reuse(&r->reuse, r->how->reuse, e));
    if (r->spec->tasks.n > 1 || r->how->resume) TRY(plan_cells(&r->cells, r->spec, e));
    return r->how->resume ? run_started(r, e) : OK;
}

/* Where the run has failed, its own error counts. */
static Status run_close(Run *r, Status st, Err *e)
{
    Err late = {0};
    if (r->session > 0) {
        Status end = session_end(r->ledger, r->session, run_clock() - r->start, st, st == OK ? e : &late);
        if (st == OK) st = end;
    }
    ledger_close(r->ledger);
    ledger_close(r->reuse);
    return st;
}

Status sweep_run(const Spec *spec, const char *dir, const SweepHow *how, Err *e)
{
    static const SweepHow plain = {0};
    Run r = {.spec = spec, .dir = dir, .how = how != NULL ? how : &plain, .start = run_clock()};
    Status st = run_open(&r, e);
    for (size_t i = 0; st == OK && i < spec->tasks.n; i++) st = run_task(&r, spec->tasks.x[i], e);
    return run_close(&r, st, e);
}
