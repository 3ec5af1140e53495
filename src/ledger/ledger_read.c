/* ledger_read.c - walks over the rows. Each walk has a statement of its own, so walks may be nested. */
#include "ledger_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A parameter that is NULL matches all. Scores are read cell by cell, so that a cell's own columns are
 * decoded once; the walk over the cells keeps the whole at one state of the file. */
static const char each_cell[] =
    "SELECT c.key, c.method, c.task, c.target, c.lambda, c.seed, c.status, c.wall, c.id FROM cells c"
    " WHERE c.status <> 'open' AND (?1 IS NULL OR c.key = ?1) AND (?2 IS NULL OR c.method = ?2)"
    " AND (?3 IS NULL OR c.target = ?3) ORDER BY c.key";
static const char each_score[] = "SELECT kind, metric, unit, record, label, value FROM scores"
                                 " WHERE cell = ?1 ORDER BY rowid";
static const char each_score_that[] =
    "SELECT kind, metric, unit, record, label, value FROM scores WHERE cell = ?1 AND (?2 IS NULL OR kind = "
    "?2)"
    " AND (?3 IS NULL OR metric = ?3) AND (?4 IS NULL OR unit = ?4) ORDER BY rowid";
static const char each_eval[] = "SELECT genome, utility, agreement FROM evals"
                                " WHERE target = ?1 AND seed = ?2 ORDER BY rowid";

static const char *ledger_column(sqlite3_stmt *q, int at)
{
    const char *s = (const char *)sqlite3_column_text(q, at);
    return s != NULL ? s : "";
}

static LedgerCell ledger_cell_of_row(sqlite3_stmt *q)
{
    return (LedgerCell){
        .key = ledger_column(q, 0),
        .method = ledger_column(q, 1),
        .task = ledger_column(q, 2),
        .target = ledger_column(q, 3),
        .lambda = sqlite3_column_type(q, 4) == SQLITE_NULL ? NAN : sqlite3_column_double(q, 4),
        .seed = (uint64_t)sqlite3_column_int64(q, 5),
        .status = ledger_column(q, 6),
        .wall = sqlite3_column_double(q, 7),
    };
}

static LedgerScore ledger_score_of_row(sqlite3_stmt *q)
{
    return (LedgerScore){
        .kind = ledger_column(q, 0),
        .metric = ledger_column(q, 1),
        .unit = ledger_column(q, 2),
        .record = ledger_column(q, 3),
        .label = sqlite3_column_type(q, 4) == SQLITE_NULL ? LEDGER_NO_LABEL : sqlite3_column_int(q, 4),
        .value = sqlite3_column_double(q, 5),
    };
}

/* What this program never writes, a stranger may have: nobody behind has to think of it. */
static Status ledger_check_score(const Ledger *l, const LedgerScore *s, Err *e)
{
    if (!isfinite(s->value))
        FAIL(e, ERR_FORMAT, "%s: damaged: %.40s of %.40s is not finite", l->path, s->metric, s->unit);
    if (s->label < LEDGER_NO_LABEL || s->label > 1)
        FAIL(e, ERR_FORMAT, "%s: damaged: label = %d, want 0, 1 or none", l->path, s->label);
    return OK;
}

static Status ledger_check_cell(const Ledger *l, const LedgerCell *c, Err *e)
{
    if (isinf(c->lambda))
        FAIL(e, ERR_FORMAT, "%s: damaged: lambda of cell %.80s is infinite", l->path, c->key);
    if (!isfinite(c->wall))
        FAIL(e, ERR_FORMAT, "%s: damaged: wall of cell %.80s is infinite", l->path, c->key);
    return OK;
}

/* What to do with a row: one of the two callbacks, and the statement that finds a cell's scores. */
typedef struct {
    LedgerCellFn cell;
    LedgerScoreFn score;
    void *ctx;
    sqlite3_stmt *scores;
} RowFn;

static Status ledger_cell_scores(Ledger *l, const RowFn *fn, const LedgerCell *c, sqlite3_int64 id, Err *e)
{
    sqlite3_stmt *q = fn->scores;
    Status s = OK;
    int rc = sqlite3_bind_int64(q, 1, id);
    while (s == OK && rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        LedgerScore score = ledger_score_of_row(q);
        s = ledger_check_score(l, &score, e);
        if (s == OK) s = fn->score(fn->ctx, c, &score, e);
        rc = SQLITE_OK;
    }
    if (s == OK && rc != SQLITE_DONE) s = ledger_fault(l, rc, e);
    sqlite3_reset(q);
    return s;
}

static Status ledger_row_call(Ledger *l, const RowFn *fn, sqlite3_stmt *q, Err *e)
{
    LedgerCell c = ledger_cell_of_row(q);
    TRY(ledger_check_cell(l, &c, e));
    if (fn->score == NULL) return fn->cell(fn->ctx, &c, e);
    return ledger_cell_scores(l, fn, &c, sqlite3_column_int64(q, 8), e);
}

static int ledger_prepare_scores(RowFn *fn, Ledger *l, const LedgerFilter *f)
{
    bool all = f == NULL || (f->kind == NULL && f->metric == NULL && f->unit == NULL);
    int rc = sqlite3_prepare_v2(l->db, all ? each_score : each_score_that, -1, &fn->scores, NULL);
    if (rc != SQLITE_OK || all) return rc;
    return ledger_text(fn->scores, 2, f->kind) | ledger_text(fn->scores, 3, f->metric) |
           ledger_text(fn->scores, 4, f->unit);
}

static Status ledger_each_row(Ledger *l, const LedgerFilter *f, RowFn fn, Err *e)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(l->db, each_cell, -1, &q, NULL);
    if (rc == SQLITE_OK && f != NULL)
        rc = ledger_text(q, 1, f->key) | ledger_text(q, 2, f->method) | ledger_text(q, 3, f->target);
    if (rc == SQLITE_OK && fn.score != NULL) rc = ledger_prepare_scores(&fn, l, f);
    Status s = OK;
    if (rc == SQLITE_OK)
        while (s == OK && (rc = sqlite3_step(q)) == SQLITE_ROW) s = ledger_row_call(l, &fn, q, e);
    if (s == OK && rc != SQLITE_DONE) s = ledger_fault(l, rc, e);
    sqlite3_finalize(fn.scores);
    sqlite3_finalize(q);
    return s;
}

Status ledger_each_cell(Ledger *l, const LedgerFilter *filter, LedgerCellFn fn, void *ctx, Err *e)
{
    return ledger_each_row(l, filter, (RowFn){.cell = fn, .ctx = ctx}, e);
}

Status ledger_each_score(Ledger *l, const LedgerFilter *filter, LedgerScoreFn fn, void *ctx, Err *e)
{
    return ledger_each_row(l, filter, (RowFn){.score = fn, .ctx = ctx}, e);
}

Status ledger_each_meta(Ledger *l, LedgerMetaFn fn, void *ctx, Err *e)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(l->db, "SELECT key, value FROM meta ORDER BY key", -1, &q, NULL);
    Status s = OK;
    if (rc == SQLITE_OK)
        while (s == OK && (rc = sqlite3_step(q)) == SQLITE_ROW)
            s = fn(ctx, ledger_column(q, 0), ledger_column(q, 1), e);
    if (s == OK && rc != SQLITE_DONE) s = ledger_fault(l, rc, e);
    sqlite3_finalize(q);
    return s;
}

/* A blob of doubles, copied so that it is aligned. */
static Status ledger_column_doubles(double **out, size_t *n, sqlite3_stmt *q, int at, const Ledger *l, Err *e)
{
    size_t bytes = (size_t)sqlite3_column_bytes(q, at);
    if (bytes % sizeof(double) != 0)
        FAIL(e, ERR_FORMAT, "%s: damaged: %zu bytes of numbers in evals, want a multiple of 8", l->path,
             bytes);
    *out = malloc(bytes + 1);
    if (*out == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu bytes", l->path, bytes);
    if (bytes > 0) memcpy(*out, sqlite3_column_blob(q, at), bytes);
    *n = bytes / sizeof(double);
    for (size_t i = 0; i < *n; i++)
        if (!isfinite((*out)[i]))
            FAIL(e, ERR_FORMAT, "%s: damaged: a number in evals is not finite", l->path);
    return OK;
}

static Status ledger_eval_call(LedgerEvalFn fn, void *ctx, LedgerEval v, sqlite3_stmt *q, const Ledger *l,
                               Err *e)
{
    double *genome = NULL, *agreement = NULL;
    Status s = ledger_column_doubles(&genome, &v.n_genome, q, 0, l, e);
    if (s == OK) s = ledger_column_doubles(&agreement, &v.n_agreement, q, 2, l, e);
    v.genome = genome;
    v.agreement = agreement;
    v.utility = sqlite3_column_double(q, 1);
    if (s == OK) s = fn(ctx, &v, e);
    free(genome);
    free(agreement);
    return s;
}

Status ledger_each_eval(Ledger *l, const char *target, uint64_t seed, LedgerEvalFn fn, void *ctx, Err *e)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(l->db, each_eval, -1, &q, NULL);
    if (rc == SQLITE_OK) rc = ledger_text(q, 1, target) | sqlite3_bind_int64(q, 2, (sqlite3_int64)seed);
    Status s = OK;
    LedgerEval v = {.target = target, .seed = seed};
    if (rc == SQLITE_OK)
        while (s == OK && (rc = sqlite3_step(q)) == SQLITE_ROW) s = ledger_eval_call(fn, ctx, v, q, l, e);
    if (s == OK && rc != SQLITE_DONE) s = ledger_fault(l, rc, e);
    sqlite3_finalize(q);
    return s;
}

Status ledger_blob_get(Ledger *l, const char *key, void **data, size_t *n, Err *e)
{
    sqlite3_stmt *q;
    TRY(ledger_sql(&q, l, SQL_BLOB_GET, e));
    int rc = ledger_text(q, 1, key);
    if (rc == SQLITE_OK) rc = sqlite3_step(q);
    void *copy = NULL;
    size_t bytes = rc == SQLITE_ROW ? (size_t)sqlite3_column_bytes(q, 0) : 0;
    if (rc == SQLITE_ROW) copy = malloc(bytes + 1);
    if (copy != NULL && bytes > 0) memcpy(copy, sqlite3_column_blob(q, 0), bytes);
    sqlite3_reset(q);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) return ledger_fault(l, rc, e);
    if (rc == SQLITE_ROW && copy == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu bytes", l->path, bytes);
    *data = copy;
    *n = bytes;
    return OK;
}
