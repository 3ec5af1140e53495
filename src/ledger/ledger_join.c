/* ledger_join.c - ledgers in memory, and one ledger that takes over what others hold. */
#include "ledger_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- in memory ---- */

static Status join_new(Ledger **out, Err *e)
{
    Ledger *l = calloc(1, sizeof *l);
    if (l != NULL) l->path = strdup("a ledger in memory");
    if (l == NULL || l->path == NULL) {
        free(l);
        FAIL(e, ERR_NOMEM, "no memory for a ledger");
    }
    l->lock = -1;
    Status s =
        ledger_connect(l, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY, e);
    /* Most that travels is a few rows; a page is the least that a table and an index take. */
    if (s == OK) s = ledger_exec(l, "PRAGMA page_size = 512", e);
    if (s == OK)
        *out = l;
    else
        ledger_close(l);
    return s;
}

Status ledger_memory(Ledger **out, Ledger *like, Err *e)
{
    Ledger *l = NULL;
    Str hash = {0};
    bool found = false;
    Status s = ledger_meta_get(like, "spec_hash", &hash, &found, e);
    if (s == OK && !found)
        s = err_set(e, ERR_FORMAT, __FILE__, __LINE__, "%s: has no specification", like->path);
    if (s == OK) s = join_new(&l, e);
    if (s == OK) s = ledger_tables(l, hash.s, e);
    str_free(&hash);
    if (s == OK)
        *out = l;
    else
        ledger_close(l);
    return s;
}

Status ledger_pack(void **data, size_t *n, Ledger *l, Err *e)
{
    sqlite3_int64 bytes = 0;
    unsigned char *image = sqlite3_serialize(l->db, "main", &bytes, 0);
    void *copy = image != NULL ? malloc((size_t)bytes) : NULL;
    if (copy != NULL) memcpy(copy, image, (size_t)bytes);
    sqlite3_free(image);
    if (copy == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for its %lld bytes", l->path, (long long)bytes);
    *data = copy;
    *n = (size_t)bytes;
    return OK;
}

/* SQLite owns the copy from here on, whatever happens. */
static Status join_fill(Ledger *l, const void *data, size_t n, Err *e)
{
    unsigned char *copy = sqlite3_malloc64(n + 1);
    if (copy == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for its %zu bytes", l->path, n);
    memcpy(copy, data, n);
    int rc = sqlite3_deserialize(l->db, "main", copy, (sqlite3_int64)n, (sqlite3_int64)n,
                                 SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE);
    return rc == SQLITE_OK ? ledger_check_kind(l, e) : ledger_fault(l, rc, e);
}

static Status join_last_eval(sqlite3_int64 *last, Ledger *l, Err *e)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(l->db, "SELECT max(rowid) FROM evals", -1, &q, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(q);
    Status s = rc == SQLITE_ROW ? OK : ledger_fault(l, rc, e);
    if (s == OK) *last = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return s;
}

Status ledger_unpack(Ledger **out, const void *data, size_t n, Err *e)
{
    Ledger *l = NULL;
    TRY(join_new(&l, e));
    Status s = join_fill(l, data, n, e);
    if (s == OK)
        *out = l;
    else
        ledger_close(l);
    return s;
}

/* ---- rows from one to the other ---- */

/* Of every row that `from` selects, its columns first .. first + n - 1 are the parameters 1 .. n of `to`;
 * before, if it is not NULL, is asked first. */
typedef struct {
    Ledger *from, *to;
    sqlite3_stmt *read, *write;
    int first, n;
    LedgerCount *count;
} Join;

static void join_close(Join *j)
{
    sqlite3_finalize(j->read);
    sqlite3_finalize(j->write);
    j->read = j->write = NULL;
}

static Status join_open(Join *j, const char *read, const char *write, Err *e)
{
    int rc = sqlite3_prepare_v2(j->from->db, read, -1, &j->read, NULL);
    if (rc != SQLITE_OK) return ledger_fault(j->from, rc, e);
    rc = sqlite3_prepare_v2(j->to->db, write, -1, &j->write, NULL);
    return rc == SQLITE_OK ? OK : ledger_fault(j->to, rc, e);
}

static Status join_write(const Join *j, Err *e)
{
    int rc = sqlite3_reset(j->write);
    for (int i = 0; rc == SQLITE_OK && i < j->n; i++)
        rc = sqlite3_bind_value(j->write, i + 1, sqlite3_column_value(j->read, j->first + i));
    if (rc == SQLITE_OK) rc = sqlite3_step(j->write);
    return rc == SQLITE_DONE ? OK : ledger_fault(j->to, rc, e);
}

typedef Status (*JoinRow)(Join *j, void *ctx, Err *e);

static Status join_each(Join *j, JoinRow row, void *ctx, Err *e)
{
    Status s = OK;
    int rc = SQLITE_OK;
    while (s == OK && (rc = sqlite3_step(j->read)) == SQLITE_ROW) s = row(j, ctx, e);
    return s == OK && rc != SQLITE_DONE ? ledger_fault(j->from, rc, e) : s;
}

static const char *join_column(const Join *j, int at)
{
    const char *s = (const char *)sqlite3_column_text(j->read, at);
    return s != NULL ? s : "";
}

/* ---- scores and cells ---- */

static Status score_row(Join *j, void *ctx, Err *e)
{
    const sqlite3_int64 *cell = ctx;
    int rc = sqlite3_reset(j->write);
    if (rc == SQLITE_OK) rc = sqlite3_bind_int64(j->write, 7, *cell);
    if (rc != SQLITE_OK) return ledger_fault(j->to, rc, e);
    TRY(join_write(j, e));
    j->count->scores++;
    return OK;
}

static Status cell_row(Join *j, void *ctx, Err *e)
{
    Join *scores = ctx;
    bool there = false;
    const char *key = join_column(j, 1);
    TRY(ledger_has_cell(j->to, key, &there, e));
    if (there) FAIL(e, ERR_ARG, "%s: cell '%s' of %s is there already", j->to->path, key, j->from->path);
    TRY(join_write(j, e));
    j->count->cells++;
    sqlite3_int64 id = sqlite3_last_insert_rowid(j->to->db);
    int rc = sqlite3_reset(scores->read);
    if (rc == SQLITE_OK) rc = sqlite3_bind_int64(scores->read, 1, sqlite3_column_int64(j->read, 0));
    if (rc != SQLITE_OK) return ledger_fault(j->from, rc, e);
    return join_each(scores, score_row, &id, e);
}

static Status absorb_cells(Ledger *to, Ledger *from, LedgerCount *count, Err *e)
{
    Join cells = {.from = from, .to = to, .first = 1, .n = 8, .count = count},
         scores = {.from = from, .to = to, .first = 0, .n = 6, .count = count};
    Status s = join_open(&cells,
                         "SELECT id, key, method, task, target, lambda, seed, status, wall FROM cells"
                         " WHERE status NOT IN ('open', '" LEDGER_ELSEWHERE "') ORDER BY id",
                         "INSERT INTO cells(key, method, task, target, lambda, seed, status, wall)"
                         " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                         e);
    if (s == OK)
        s = join_open(&scores,
                      "SELECT kind, metric, unit, record, label, value FROM scores WHERE cell = ?1"
                      " ORDER BY rowid",
                      "INSERT INTO scores VALUES(?7, ?1, ?2, ?3, ?4, ?5, ?6)", e);
    if (s == OK) s = join_each(&cells, cell_row, &scores, e);
    join_close(&cells);
    join_close(&scores);
    return s;
}

/* ---- evaluations and blobs ---- */

/* The same row with the same numbers may come again. ctx: a statement that finds one that is the same in all
 * parameters. */
static Status once_row(Join *j, size_t *fresh, sqlite3_stmt *same, const char *what, Err *e)
{
    TRY(join_write(j, e));
    if (sqlite3_changes(j->to->db) > 0) {
        (*fresh)++;
        return OK;
    }
    int rc = sqlite3_reset(same);
    for (int i = 0; rc == SQLITE_OK && i < j->n; i++)
        rc = sqlite3_bind_value(same, i + 1, sqlite3_column_value(j->read, j->first + i));
    if (rc == SQLITE_OK) rc = sqlite3_step(same);
    if (rc == SQLITE_ROW) return OK;
    if (rc != SQLITE_DONE) return ledger_fault(j->to, rc, e);
    FAIL(e, ERR_ARG, "%s: %s '%s' of %s is there with other numbers", j->to->path, what, join_column(j, 0),
         j->from->path);
}

typedef struct {
    const char *what, *read, *write, *same;
    int n;
} OnceTable;

static const OnceTable once_evals = {
    "an evaluation of",
    "SELECT target, seed, genome, utility, agreement FROM evals WHERE rowid > ?1 ORDER BY rowid",
    "INSERT OR IGNORE INTO evals VALUES(?1, ?2, ?3, ?4, ?5)",
    "SELECT 1 FROM evals WHERE target = ?1 AND seed = ?2 AND genome = ?3 AND utility = ?4 AND agreement = ?5",
    5};
static const OnceTable once_blobs = {"blob", "SELECT key, value FROM blobs WHERE ?1 >= 0 ORDER BY rowid",
                                     "INSERT OR IGNORE INTO blobs VALUES(?1, ?2)",
                                     "SELECT 1 FROM blobs WHERE key = ?1 AND value = ?2", 2};

static Status absorb_once(size_t *fresh, Ledger *to, Ledger *from, const OnceTable *t, Err *e)
{
    Join j = {.from = from, .to = to, .n = t->n};
    sqlite3_stmt *same = NULL;
    Status s = join_open(&j, t->read, t->write, e);
    int rc = s == OK ? sqlite3_prepare_v2(to->db, t->same, -1, &same, NULL) : SQLITE_OK;
    if (rc == SQLITE_OK && s == OK) rc = sqlite3_bind_int64(j.read, 1, from->given);
    if (s == OK && rc != SQLITE_OK) s = ledger_fault(to, rc, e);
    while (s == OK && (rc = sqlite3_step(j.read)) == SQLITE_ROW) s = once_row(&j, fresh, same, t->what, e);
    if (s == OK && rc != SQLITE_DONE) s = ledger_fault(from, rc, e);
    sqlite3_finalize(same);
    join_close(&j);
    return s;
}

/* ---- all of it ---- */

static Status absorb_check(Ledger *to, Ledger *from, Err *e)
{
    Str a = {0}, b = {0};
    bool in_a = false, in_b = false;
    if (from->state != LEDGER_IDLE)
        FAIL(e, ERR_ARG, "%s: a %s is still open", from->path,
             from->state == LEDGER_IN_CELL ? "cell" : "batch");
    Status s = ledger_meta_get(to, "spec_hash", &a, &in_a, e);
    if (s == OK) s = ledger_meta_get(from, "spec_hash", &b, &in_b, e);
    if (s == OK && (!in_a || !in_b || strcmp(a.s, b.s) != 0))
        s = err_set(e, ERR_ARG, __FILE__, __LINE__, "%s is of the specification %s, %s of %s", from->path,
                    in_b ? b.s : "(none)", to->path, in_a ? a.s : "(none)");
    str_free(&a);
    str_free(&b);
    return s;
}

Status ledger_absorb(Ledger *to, Ledger *from, LedgerCount *count, Err *e)
{
    LedgerCount n = {0};
    TRY(absorb_check(to, from, e));
    TRY(ledger_begin(to, LEDGER_IN_BATCH, e));
    Status s = absorb_cells(to, from, &n, e);
    if (s == OK) s = absorb_once(&n.evals, to, from, &once_evals, e);
    if (s == OK) s = absorb_once(&n.blobs, to, from, &once_blobs, e);
    if (s == OK) s = ledger_end(to, e);
    if (s != OK)
        ledger_cell_abort(to);
    else if (count != NULL)
        *count = n;
    return s;
}

Status ledger_give(void **data, size_t *n, Ledger *l, Err *e)
{
    Ledger *gift = NULL;
    TRY(ledger_memory(&gift, l, e));
    Status s = ledger_absorb(gift, l, NULL, e);
    if (s == OK) s = ledger_pack(data, n, gift, e);
    ledger_close(gift);
    TRY(s);
    s = ledger_exec(l,
                    "BEGIN; UPDATE cells SET status = '" LEDGER_ELSEWHERE "';"
                    "DELETE FROM scores; DELETE FROM blobs; COMMIT",
                    e);
    if (s == OK) s = join_last_eval(&l->given, l, e);
    if (s != OK) free(*data);
    return s;
}

/* ---- lending ---- */

static Status lend_row(Join *j, void *ctx, Err *e)
{
    (void)ctx;
    return join_write(j, e);
}

static Status lend_table(Ledger *to, Ledger *from, const char *person, int n, const char *read,
                         const char *write, Err *e)
{
    Join j = {.from = from, .to = to, .n = n};
    Status s = join_open(&j, read, write, e);
    int rc = s == OK ? ledger_text(j.read, 1, person) : SQLITE_OK;
    if (rc != SQLITE_OK) s = ledger_fault(from, rc, e);
    if (s == OK) s = join_each(&j, lend_row, NULL, e);
    join_close(&j);
    return s;
}

static Status lend_all(Ledger *to, Ledger *from, const char *person, Err *e)
{
    TRY(lend_table(to, from, person, 7,
                   "SELECT key, method, task, target, lambda, seed, wall FROM cells"
                   " WHERE status <> 'open' AND target = ?1 ORDER BY id",
                   "INSERT INTO cells(key, method, task, target, lambda, seed, status, wall)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, '" LEDGER_ELSEWHERE "', ?7)",
                   e));
    return lend_table(to, from, person, 5,
                      "SELECT target, seed, genome, utility, agreement FROM evals"
                      " WHERE target = ?1 OR substr(target, 1, length(?1) + 1) = ?1 || '#' ORDER BY rowid",
                      "INSERT INTO evals VALUES(?1, ?2, ?3, ?4, ?5)", e);
}

Status ledger_lend(Ledger *to, Ledger *from, const char *person, Err *e)
{
    TRY(ledger_begin(to, LEDGER_IN_BATCH, e));
    Status s = lend_all(to, from, person, e);
    if (s == OK) s = ledger_end(to, e);
    if (s != OK) ledger_cell_abort(to);
    return s == OK ? join_last_eval(&to->given, to, e) : s;
}
