/* ledger.c - open, check, close; the rows of meta. */
#include "ledger_priv.h"

#include "prime/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long to wait for a reader's or writer's lock: commits take milliseconds. */
enum { BUSY_MS = 1500 };

static const char schema[] =
    "PRAGMA application_id = 1349675341;" /* LEDGER_APPLICATION */
    "PRAGMA user_version = 1;"            /* LEDGER_FORMAT */
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);"
    "CREATE TABLE cells(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, method TEXT NOT NULL,"
    " task TEXT NOT NULL, target TEXT NOT NULL, lambda REAL, seed INTEGER NOT NULL, status TEXT NOT NULL,"
    " wall REAL NOT NULL);"
    "CREATE TABLE scores(cell INTEGER NOT NULL REFERENCES cells(id), kind TEXT NOT NULL, metric TEXT NOT "
    "NULL,"
    " unit TEXT NOT NULL, record TEXT NOT NULL, label INTEGER, value REAL NOT NULL);"
    "CREATE INDEX scores_of_cell ON scores(cell);"
    "CREATE TABLE evals(target TEXT NOT NULL, seed INTEGER NOT NULL, genome BLOB NOT NULL,"
    " utility REAL NOT NULL, agreement BLOB NOT NULL, UNIQUE(target, seed, genome));"
    "CREATE TABLE blobs(key TEXT PRIMARY KEY, value BLOB NOT NULL);";

_Static_assert(LEDGER_APPLICATION == 1349675341 && LEDGER_FORMAT == 1, "the schema's text says the same");

static const char *const sql_text[N_SQL] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_META_GET] = "SELECT value FROM meta WHERE key = ?1",
    [SQL_META_ADD] = "INSERT INTO meta VALUES(?1, ?2)",
    [SQL_CELL_ADD] = "INSERT INTO cells(key, method, task, target, lambda, seed, status, wall)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, 'open', 0)",
    [SQL_CELL_END] = "UPDATE cells SET status = ?2, wall = ?3 WHERE id = ?1",
    [SQL_CELL_HAS] = "SELECT 1 FROM cells WHERE key = ?1 AND status <> 'open'",
    [SQL_SCORE_ADD] = "INSERT INTO scores VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_EVAL_ADD] = "INSERT OR IGNORE INTO evals VALUES(?1, ?2, ?3, ?4, ?5)",
    [SQL_BLOB_SET] = "INSERT OR REPLACE INTO blobs VALUES(?1, ?2)",
    [SQL_BLOB_GET] = "SELECT value FROM blobs WHERE key = ?1",
};

Status ledger_fault(const Ledger *l, int rc, Err *e)
{
    if (rc == SQLITE_IOERR_WRITE)
        FAIL(e, ERR_IO,
             "%s: cannot write: a quota or a limit on the size of files is reached, or the disk is bad",
             l->path);
    switch (rc & 0xff) {
    case SQLITE_FULL:
        FAIL(e, ERR_IO, "%s: cannot write: the disk is full", l->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        FAIL(e, ERR_IO, "%s: locked by another process", l->path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        FAIL(e, ERR_IO, "%s: cannot write: the file or its folder is read-only", l->path);
    case SQLITE_CANTOPEN:
        FAIL(e, ERR_IO, "%s: cannot open it, or make its journal: %s", l->path,
             strerror(sqlite3_system_errno(l->db)));
    case SQLITE_NOTADB:
        FAIL(e, ERR_FORMAT, "%s: not a ledger", l->path);
    case SQLITE_CORRUPT:
        FAIL(e, ERR_FORMAT, "%s: damaged: %s", l->path, sqlite3_errmsg(l->db));
    case SQLITE_NOMEM:
        FAIL(e, ERR_NOMEM, "%s: no memory for SQLite", l->path);
    case SQLITE_ERROR: /* a table or column is missing */
        FAIL(e, ERR_FORMAT, "%s: not laid out as a ledger: %s", l->path, sqlite3_errmsg(l->db));
    default:
        FAIL(e, ERR_IO, "%s: %s", l->path, sqlite3_errmsg(l->db));
    }
}

Status ledger_exec(Ledger *l, const char *sql, Err *e)
{
    int rc = sqlite3_exec(l->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? OK : ledger_fault(l, rc, e);
}

Status ledger_sql(sqlite3_stmt **stmt, Ledger *l, LedgerSql which, Err *e)
{
    sqlite3_stmt **s = &l->sql[which];
    if (*s == NULL) {
        int rc = sqlite3_prepare_v2(l->db, sql_text[which], -1, s, NULL);
        if (rc != SQLITE_OK) return ledger_fault(l, rc, e);
    }
    sqlite3_reset(*s);
    sqlite3_clear_bindings(*s);
    *stmt = *s;
    return OK;
}

Status ledger_run(Ledger *l, sqlite3_stmt *stmt, int bound, Err *e)
{
    int rc = bound != SQLITE_OK ? SQLITE_NOMEM : sqlite3_step(stmt);
    Status s = rc == SQLITE_DONE || rc == SQLITE_ROW ? OK : ledger_fault(l, rc, e);
    sqlite3_reset(stmt);
    return s;
}

int ledger_text(sqlite3_stmt *stmt, int at, const char *s)
{
    return sqlite3_bind_text(stmt, at, s, -1, SQLITE_STATIC);
}

/* The first column of the first row, for pragmas. */
static Status ledger_pragma(int *out, Ledger *l, const char *sql, Err *e)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(l->db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(stmt);
    Status s = rc == SQLITE_ROW ? OK : ledger_fault(l, rc, e);
    if (s == OK) *out = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return s;
}

static Status ledger_check_pages(Ledger *l, Err *e)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(l->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(stmt);
    const char *said = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    Status s = OK;
    if (rc != SQLITE_ROW)
        s = ledger_fault(l, rc, e);
    else if (said == NULL || strcmp(said, "ok") != 0)
        s = err_set(e, ERR_FORMAT, __FILE__, __LINE__, "%s: damaged: %s", l->path, said != NULL ? said : "");
    sqlite3_finalize(stmt);
    return s;
}

Status ledger_check_kind(Ledger *l, Err *e)
{
    int application = 0, version = 0;
    TRY(ledger_pragma(&application, l, "PRAGMA application_id", e));
    TRY(ledger_pragma(&version, l, "PRAGMA user_version", e));
    if (application != LEDGER_APPLICATION) FAIL(e, ERR_FORMAT, "%s: not a ledger", l->path);
    if (version != LEDGER_FORMAT)
        FAIL(e, ERR_FORMAT, "%s: ledger format %d, this program reads %d", l->path, version, LEDGER_FORMAT);
    return ledger_check_pages(l, e);
}

static Status ledger_check_spec(Ledger *l, const char *spec_hash, Err *e)
{
    if (spec_hash == NULL) return OK;
    Str have = {0};
    bool found = false;
    Status s = ledger_meta_get(l, "spec_hash", &have, &found, e);
    if (s == OK && (!found || strcmp(have.s, spec_hash) != 0))
        s = err_set(e, ERR_ARG, __FILE__, __LINE__,
                    "%s: made from another specification: its hash is %s, the one given has %s", l->path,
                    found ? have.s : "missing", spec_hash);
    str_free(&have);
    return s;
}

/* The run's folder is locked, not the file: closing a second descriptor of the file would drop SQLite's own
 * locks. The lock goes with the process, however that ends. */
static Status ledger_lock(Ledger *l, Err *e)
{
    const char *slash = strrchr(l->path, '/');
    char *dir = slash == NULL ? strdup(".") : strndup(l->path, (size_t)(slash - l->path) + 1);
    if (dir == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for its folder's name", l->path);
    l->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int why = errno;
    free(dir);
    if (l->lock < 0) FAIL(e, ERR_IO, "%s: cannot open its folder: %s", l->path, strerror(why));
    if (flock(l->lock, LOCK_EX | LOCK_NB) == 0) return OK;
    if (errno == EWOULDBLOCK) FAIL(e, ERR_IO, "%s: in use: another process writes to this run", l->path);
    FAIL(e, ERR_IO, "%s: cannot lock its folder: %s", l->path, strerror(errno));
}

Status ledger_unused(const char *path, Err *e)
{
    Ledger l = {.path = strdup(path), .lock = -1};
    if (l.path == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for its name", path);
    Status s = ledger_lock(&l, e);
    if (l.lock >= 0) close(l.lock);
    free(l.path);
    return s;
}

/* The file may be a stranger's: views and triggers in it are not run, and its own schema is not trusted. */
static Status ledger_distrust(Ledger *l, Err *e)
{
    static const struct {
        int what, on;
    } settings[] = {{SQLITE_DBCONFIG_DEFENSIVE, 1},
                    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                    {SQLITE_DBCONFIG_ENABLE_VIEW, 0}};
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        int rc = sqlite3_db_config(l->db, settings[i].what, settings[i].on, NULL);
        if (rc != SQLITE_OK) return ledger_fault(l, rc, e);
    }
    return ledger_exec(
        l, "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON", e);
}

/* Neither the file nor its journal may be a link to somewhere else: a journal is written back. */
static Status ledger_no_link(const char *path, Err *e)
{
    static const char *const tail[] = {"", "-journal", "-wal", "-shm"};
    Str name = {0};
    Status s = OK;
    for (size_t i = 0; i < sizeof tail / sizeof tail[0] && s == OK; i++) {
        struct stat st;
        str_clear(&name);
        str_printf(&name, "%s%s", path, tail[i]);
        if (name.failed)
            s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory for its name", path);
        else if (lstat(name.s, &st) == 0 && S_ISLNK(st.st_mode))
            s = err_set(e, ERR_IO, __FILE__, __LINE__, "%s: is a symbolic link, want the file itself",
                        name.s);
    }
    str_free(&name);
    return s;
}

Status ledger_connect(Ledger *l, const char *path, int flags, Err *e)
{
    TRY(ledger_no_link(path, e));
    /* A ledger belongs to one thread, so SQLite need not lock. */
    int rc = sqlite3_open_v2(path, &l->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK) return ledger_fault(l, rc, e);
    sqlite3_extended_result_codes(l->db, 1);
    sqlite3_busy_timeout(l->db, BUSY_MS);
    return ledger_distrust(l, e);
}

Status ledger_tables(Ledger *l, const char *spec_hash, Err *e)
{
    TRY(ledger_exec(l, "BEGIN", e));
    TRY(ledger_exec(l, schema, e));
    TRY(ledger_meta_set(l, "spec_hash", spec_hash, e));
    return ledger_exec(l, "COMMIT", e);
}

static Status ledger_make_file(Ledger *l, const char *tmp, const char *spec_hash, Err *e)
{
    remove(tmp);
    TRY(file_new(tmp, e)); /* for its owner alone; SQLite gives journals the mode of their file */
    TRY(ledger_connect(l, tmp, SQLITE_OPEN_READWRITE, e));
    return ledger_tables(l, spec_hash, e);
}

static void ledger_disconnect(Ledger *l)
{
    for (size_t i = 0; i < N_SQL; i++) {
        sqlite3_finalize(l->sql[i]);
        l->sql[i] = NULL;
    }
    sqlite3_close(l->db);
    l->db = NULL;
}

/* A new ledger gets its name when its tables are on disk. */
static Status ledger_make(Ledger *l, const char *spec_hash, Err *e)
{
    if (file_exists(l->path)) FAIL(e, ERR_IO, "%s: already there", l->path);
    char *tmp = malloc(strlen(l->path) + 5);
    if (tmp == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for its name", l->path);
    sprintf(tmp, "%s.tmp", l->path);
    Status s = ledger_make_file(l, tmp, spec_hash, e);
    ledger_disconnect(l);
    if (s == OK && rename(tmp, l->path) != 0)
        s = err_set(e, ERR_IO, __FILE__, __LINE__, "%s: cannot write: %s", l->path, strerror(errno));
    if (s != OK) remove(tmp);
    free(tmp);
    return s;
}

static Status ledger_fill(Ledger *l, LedgerMode mode, const char *spec_hash, Err *e)
{
    if (mode != LEDGER_READ) TRY(ledger_lock(l, e));
    if (mode == LEDGER_CREATE) TRY(ledger_make(l, spec_hash, e));
    if (!file_exists(l->path)) FAIL(e, ERR_IO, "%s: no such ledger", l->path);
    if (file_is_dir(l->path)) FAIL(e, ERR_IO, "%s: is a folder, want a ledger", l->path);
    /* Reading, too, asks for write access: what a killed writer left half-done must be rolled back first.
     * SQLite falls back to reading when it may not write. */
    TRY(ledger_connect(l, l->path, SQLITE_OPEN_READWRITE, e));
    TRY(ledger_check_kind(l, e));
    TRY(ledger_check_spec(l, spec_hash, e));
    if (mode == LEDGER_READ) return ledger_exec(l, "PRAGMA query_only = ON", e);
    if (sqlite3_db_readonly(l->db, "main") == 1) return ledger_fault(l, SQLITE_READONLY, e);
    /* Write one page now: better to fail here than after an hour's work. */
    return ledger_exec(l, "PRAGMA user_version = 1", e);
}

Status ledger_open(Ledger **out, const char *path, LedgerMode mode, const char *spec_hash, Err *e)
{
    if (mode == LEDGER_CREATE && spec_hash == NULL)
        FAIL(e, ERR_ARG, "%s: a new ledger wants a spec hash", path);
    Ledger *l = calloc(1, sizeof *l);
    if (l != NULL) l->path = strdup(path);
    if (l == NULL || l->path == NULL) {
        free(l);
        FAIL(e, ERR_NOMEM, "%s: no memory for a ledger", path);
    }
    l->lock = -1;
    Status s = ledger_fill(l, mode, spec_hash, e);
    if (s == OK)
        *out = l;
    else
        ledger_close(l);
    return s;
}

void ledger_close(Ledger *l)
{
    if (l == NULL) return;
    if (l->db != NULL) ledger_cell_abort(l);
    ledger_disconnect(l);
    if (l->lock >= 0) close(l->lock);
    free(l->path);
    free(l);
}

Status ledger_meta_get(Ledger *l, const char *key, Str *out, bool *found, Err *e)
{
    sqlite3_stmt *q;
    TRY(ledger_sql(&q, l, SQL_META_GET, e));
    int rc = ledger_text(q, 1, key);
    if (rc == SQLITE_OK) rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(q, 0);
        str_puts(out, text != NULL ? text : "");
    }
    sqlite3_reset(q);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) return ledger_fault(l, rc, e);
    if (out->failed) FAIL(e, ERR_NOMEM, "%s: no memory for '%s'", l->path, key);
    *found = rc == SQLITE_ROW;
    return OK;
}

Status ledger_meta_set(Ledger *l, const char *key, const char *value, Err *e)
{
    Str have = {0};
    bool found = false;
    Status s = ledger_meta_get(l, key, &have, &found, e);
    if (s == OK && found && strcmp(have.s, value) != 0)
        s = err_set(e, ERR_ARG, __FILE__, __LINE__, "%s: %s is recorded as '%.60s', now '%.60s'", l->path,
                    key, have.s, value);
    str_free(&have);
    if (s != OK || found) return s;
    sqlite3_stmt *q;
    TRY(ledger_sql(&q, l, SQL_META_ADD, e));
    return ledger_run(l, q, ledger_text(q, 1, key) | ledger_text(q, 2, value), e);
}
