/* sweep.c - a run: its ledger, its tasks one after the other, and the plan of it. */
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

/* ---- who takes part, before anything is trained ---- */

static Status preview_open(Audit **out, const Spec *one, Err *e)
{
    Audit *a = calloc(1, sizeof *a);
    if (a == NULL) FAIL(e, ERR_NOMEM, "no memory for an audit");
    a->spec = one;
    a->dir = "";
    Status s = audit_load(a, e);
    if (s == OK) s = audit_select(a, e);
    a->n_train = one->adapter.retrain ? one->seeds.n : 1;
    if (s != OK)
        audit_close(a);
    else
        *out = a;
    return s;
}

/* fn for the people of every task. */
static Status preview_each(const Spec *spec, Status (*fn)(void *ctx, const Audit *a, Err *e), void *ctx,
                           Err *e)
{
    for (size_t i = 0; i < spec->tasks.n; i++) {
        Audit *a = NULL;
        Spec one;
        TRY(spec_for(&one, spec, spec->tasks.x[i], e));
        TRY(preview_open(&a, &one, e));
        Status s = fn(ctx, a, e);
        audit_close(a);
        TRY(s);
    }
    return OK;
}

static Status preview_count(void *ctx, const Audit *a, Err *e)
{
    (void)e;
    *(size_t *)ctx += methods_cells(a);
    return OK;
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
    if (r->spec->tasks.n > 1 || r->how->resume) TRY(preview_each(r->spec, preview_count, &r->cells, e));
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

/* ---- plan ---- */

static Status plan_rows(void *ctx, const Audit *a, Err *e)
{
    Str *out = ctx;
    const Spec *sp = a->spec;
    const char *task = a->task->name;
    size_t members = 0, heldout = 0, query = 0, search = 0;
    for (size_t i = 0; i < a->n_anchors; i++) {
        members += audit_members(a, i).n;
        heldout += audit_heldout(a, i).n;
    }
    for (size_t i = 0; i < a->n_targets; i++) query += a->target[i].query[0].n;
    if (spec_wants(sp, "evolved")) search = spec_evaluations(sp);
    const struct {
        const char *what;
        size_t value;
    } row[] = {{"targets", a->n_targets},
               {"anchors", a->n_anchors},
               {"people who qualify as anchors", a->n_eligible},
               {"anchors merged for a target", sp->anchors.per_target},
               {"adapters to train", a->n_anchors * a->n_train},
               {"cells", methods_cells(a)},
               {"evaluations of a search", search},
               {"evaluations in all", search * sp->seeds.n * a->n_targets},
               {"member records", members},
               {"held-out records", heldout},
               {"query records", query}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        str_printf(out, "%s,%s,%zu\n", task, row[i].what, row[i].value);
    (void)e;
    return OK;
}

Status sweep_plan(Str *out, const Spec *spec, Err *e)
{
    str_puts(out, "task,what,value\n");
    return preview_each(spec, plan_rows, out, e);
}
