/* ledger_write.c - cells, scores, the archive of evaluations, blobs. */
#include "ledger_priv.h"

#include "prime/arena.h"

#include <limits.h>
#include <math.h>
#include <string.h>

Status ledger_begin(Ledger *l, LedgerState state, Err *e)
{
    if (l->state != LEDGER_IDLE)
        FAIL(e, ERR_ARG, "%s: a %s is still open", l->path, l->state == LEDGER_IN_CELL ? "cell" : "batch");
    sqlite3_stmt *q;
    TRY(ledger_sql(&q, l, SQL_BEGIN, e));
    TRY(ledger_run(l, q, SQLITE_OK, e));
    l->state = state;
    return OK;
}

Status ledger_end(Ledger *l, Err *e)
{
    sqlite3_stmt *q;
    TRY(ledger_sql(&q, l, SQL_COMMIT, e));
    TRY(ledger_run(l, q, SQLITE_OK, e));
    l->state = LEDGER_IDLE;
    return OK;
}

void ledger_cell_abort(Ledger *l)
{
    /* SQLite itself has rolled back after some faults, a full disk among them. */
    if (!sqlite3_get_autocommit(l->db)) sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
    l->state = LEDGER_IDLE;
}

Status ledger_has_cell(Ledger *l, const char *key, bool *yes, Err *e)
{
    sqlite3_stmt *q;
    TRY(ledger_sql(&q, l, SQL_CELL_HAS, e));
    int rc = ledger_text(q, 1, key);
    if (rc == SQLITE_OK) rc = sqlite3_step(q);
    sqlite3_reset(q);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) return ledger_fault(l, rc, e);
    *yes = rc == SQLITE_ROW;
    return OK;
}

static Status ledger_insert_cell(Ledger *l, const LedgerCell *c, Err *e)
{
    bool there = false;
    TRY(ledger_has_cell(l, c->key, &there, e));
    if (there) FAIL(e, ERR_ARG, "%s: cell '%s' is recorded already", l->path, c->key);
    sqlite3_stmt *q;
    TRY(ledger_sql(&q, l, SQL_CELL_ADD, e));
    int rc = ledger_text(q, 1, c->key) | ledger_text(q, 2, c->method) | ledger_text(q, 3, c->task) |
             ledger_text(q, 4, c->target) | sqlite3_bind_int64(q, 6, (sqlite3_int64)c->seed);
    if (!isnan(c->lambda)) rc |= sqlite3_bind_double(q, 5, c->lambda);
    TRY(ledger_run(l, q, rc, e));
    l->cell = sqlite3_last_insert_rowid(l->db);
    return OK;
}

Status ledger_cell_begin(Ledger *l, const LedgerCell *cell, Err *e)
{
    if (isinf(cell->lambda)) FAIL(e, ERR_NUM, "%s: cell '%s': lambda is infinite", l->path, cell->key);
    TRY(ledger_begin(l, LEDGER_IN_CELL, e));
    Status s = ledger_insert_cell(l, cell, e);
    if (s != OK) ledger_cell_abort(l);
    return s;
}

Status ledger_score(Ledger *l, const LedgerScore *s, Err *e)
{
    if (l->state != LEDGER_IN_CELL) FAIL(e, ERR_ARG, "%s: a score wants an open cell", l->path);
    if (!isfinite(s->value))
        FAIL(e, ERR_NUM, "%s: %s %s of '%s', record '%s', is %g, want a finite number", l->path, s->kind,
             s->metric, s->unit, s->record, s->value);
    if (s->label < LEDGER_NO_LABEL || s->label > 1)
        FAIL(e, ERR_ARG, "%s: label = %d, want 0, 1 or none", l->path, s->label);
    sqlite3_stmt *q;
    TRY(ledger_sql(&q, l, SQL_SCORE_ADD, e));
    int rc = sqlite3_bind_int64(q, 1, l->cell) | ledger_text(q, 2, s->kind) | ledger_text(q, 3, s->metric) |
             ledger_text(q, 4, s->unit) | ledger_text(q, 5, s->record) | sqlite3_bind_double(q, 7, s->value);
    if (s->label != LEDGER_NO_LABEL) rc |= sqlite3_bind_int(q, 6, s->label);
    return ledger_run(l, q, rc, e);
}

static Status ledger_end_cell(Ledger *l, const char *status, double wall, Err *e)
{
    sqlite3_stmt *q;
    TRY(ledger_sql(&q, l, SQL_CELL_END, e));
    int rc = sqlite3_bind_int64(q, 1, l->cell) | ledger_text(q, 2, status) | sqlite3_bind_double(q, 3, wall);
    TRY(ledger_run(l, q, rc, e));
    return ledger_end(l, e);
}

Status ledger_cell_commit(Ledger *l, const char *status, double wall, Err *e)
{
    if (l->state != LEDGER_IN_CELL) FAIL(e, ERR_ARG, "%s: no cell is open", l->path);
    if (!isfinite(wall) || wall < 0) FAIL(e, ERR_NUM, "%s: wall = %g s, want at least 0", l->path, wall);
    Status s = ledger_end_cell(l, status, wall, e);
    if (s != OK) ledger_cell_abort(l);
    return s;
}

Status ledger_batch_begin(Ledger *l, Err *e)
{
    return ledger_begin(l, LEDGER_IN_BATCH, e);
}

Status ledger_batch_commit(Ledger *l, Err *e)
{
    if (l->state != LEDGER_IN_BATCH) FAIL(e, ERR_ARG, "%s: no batch is open", l->path);
    Status s = ledger_end(l, e);
    if (s != OK) ledger_cell_abort(l);
    return s == OK && l->batch != NULL ? l->batch(l->batch_ctx, e) : s;
}

void ledger_on_batch(Ledger *l, LedgerBatchFn fn, void *ctx)
{
    l->batch = fn;
    l->batch_ctx = ctx;
}

/* An empty blob is not NULL. */
static int ledger_bind_blob(sqlite3_stmt *q, int at, const void *data, size_t n)
{
    if (n > INT_MAX) return SQLITE_TOOBIG;
    return sqlite3_bind_blob(q, at, n > 0 ? data : "", (int)n, SQLITE_STATIC);
}

Status ledger_eval_add(Ledger *l, const LedgerEval *v, Err *e)
{
    bool finite = isfinite(v->utility);
    for (size_t i = 0; i < v->n_agreement; i++) finite = finite && isfinite(v->agreement[i]);
    if (!finite)
        FAIL(e, ERR_NUM, "%s: utility or agreement of a candidate of '%s' is not finite", l->path, v->target);
    size_t n_genome, n_agreement;
    TRY(size_mul(&n_genome, v->n_genome, sizeof *v->genome, e));
    TRY(size_mul(&n_agreement, v->n_agreement, sizeof *v->agreement, e));
    sqlite3_stmt *q;
    TRY(ledger_sql(&q, l, SQL_EVAL_ADD, e));
    int rc = ledger_text(q, 1, v->target) | sqlite3_bind_int64(q, 2, (sqlite3_int64)v->seed) |
             ledger_bind_blob(q, 3, v->genome, n_genome) | sqlite3_bind_double(q, 4, v->utility) |
             ledger_bind_blob(q, 5, v->agreement, n_agreement);
    return ledger_run(l, q, rc, e);
}

Status ledger_blob_set(Ledger *l, const char *key, const void *data, size_t n, Err *e)
{
    sqlite3_stmt *q;
    TRY(ledger_sql(&q, l, SQL_BLOB_SET, e));
    return ledger_run(l, q, ledger_text(q, 1, key) | ledger_bind_blob(q, 2, data, n), e);
}
