/* ledger_priv.h - one SQLite connection and its prepared statements. */
#ifndef PRIME_LEDGER_PRIV_H
#define PRIME_LEDGER_PRIV_H

#include "prime/ledger.h"

#include <sqlite3.h>

/* Written into the file's header; `file` then knows a ledger from any other database. */
enum { LEDGER_APPLICATION = 0x5072694d /* "PriM" */, LEDGER_FORMAT = 1 };

typedef enum {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_META_GET,
    SQL_META_ADD,
    SQL_CELL_ADD,
    SQL_CELL_END,
    SQL_CELL_HAS,
    SQL_SCORE_ADD,
    SQL_EVAL_ADD,
    SQL_BLOB_SET,
    SQL_BLOB_GET,
    N_SQL
} LedgerSql;

typedef enum { LEDGER_IDLE, LEDGER_IN_CELL, LEDGER_IN_BATCH } LedgerState;

struct Ledger {
    sqlite3 *db;
    char *path;
    int lock; /* descriptor of the run folder, locked while this process may write; -1 when reading */
    LedgerState state;
    sqlite3_int64 cell;  /* id of the open cell */
    sqlite3_int64 given; /* number of the last evaluation that was given away or lent */
    LedgerBatchFn batch; /* NULL: nobody asks */
    void *batch_ctx;
    sqlite3_stmt *sql[N_SQL];
};

/* ledger_fault - turn SQLite's result code into a sentence that names the file. Never returns OK. */
Status ledger_fault(const Ledger *l, int rc, Err *e);
/* ledger_sql - the prepared statement, reset, with nothing bound. Errors: as ledger_fault. */
Status ledger_sql(sqlite3_stmt **stmt, Ledger *l, LedgerSql which, Err *e) PRIME_MUST_USE;
/* ledger_run - step a statement that returns no rows, and reset it. `bound` is the OR of the results of
 * binding. */
Status ledger_run(Ledger *l, sqlite3_stmt *stmt, int bound, Err *e) PRIME_MUST_USE;
/* ledger_begin - a transaction as ledger_cell_begin and ledger_batch_begin want it; ledger_end ends it well.
 * ledger_tables - the tables of an empty database, with the hash of a specification. ledger_connect - open
 * the file (":memory:": none) and set what SQLite has to know. ledger_check_kind - whether it is a whole
 * ledger of this format. ledger_exec - a statement as text. Errors: as ledger_fault. */
Status ledger_begin(Ledger *l, LedgerState state, Err *e) PRIME_MUST_USE;
Status ledger_end(Ledger *l, Err *e) PRIME_MUST_USE;
Status ledger_tables(Ledger *l, const char *spec_hash, Err *e) PRIME_MUST_USE;
Status ledger_connect(Ledger *l, const char *path, int flags, Err *e) PRIME_MUST_USE;
Status ledger_check_kind(Ledger *l, Err *e) PRIME_MUST_USE;
Status ledger_exec(Ledger *l, const char *sql, Err *e) PRIME_MUST_USE;
/* ledger_text - bind a string for the time of one step; NULL binds NULL. */
int ledger_text(sqlite3_stmt *stmt, int at, const char *s);

#endif
