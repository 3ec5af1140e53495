/* Ledgers that a stranger has made: nothing in them is run, no link is followed, no number is believed. */
#include "prime/file.h"
#include "prime/ledger.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "prime_strangers_XXXXXX";
static char path[64];
static Err err;

static void strangers_make(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/ledger.db", dir);
}

static void strangers_remove(void)
{
    file_remove_tree(dir);
}

TestSuite(strangers, .init = strangers_make, .fini = strangers_remove);

static Status stranger_row(void *ctx, const LedgerCell *c, const LedgerScore *s, Err *e)
{
    (void)e;
    str_printf(ctx, "%s %s %g\n", c->key, s->metric, s->value);
    return OK;
}

static Status stranger_eval(void *ctx, const LedgerEval *v, Err *e)
{
    (void)e;
    *(size_t *)ctx += v->n_genome;
    return OK;
}

static void stranger_refused(LedgerMode mode, const char *words)
{
    Ledger *l = NULL;
    Err e = {0};
    cr_assert_eq(ledger_open(&l, path, mode, "aaaa", &e), ERR_IO);
    cr_assert_not_null(strstr(e.msg, words), "%s", e.msg);
}

static Ledger *stranger_ledger(LedgerMode mode)
{
    Ledger *l = NULL;
    cr_assert_eq(ledger_open(&l, path, mode, "aaaa", &err), OK, "%s", err.msg);
    return l;
}

/* A ledger of which one statement has made something else. */
static void stranger_spoil(const char *sql)
{
    remove(path);
    ledger_close(stranger_ledger(LEDGER_CREATE));
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* A table that is a view would run whatever its maker likes, for ever; a trigger likewise. */
Test(strangers, nothing_in_a_strangers_ledger_is_run)
{
    static const char *const traps[] = {
        "DROP TABLE scores; CREATE VIEW scores AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 "
        "FROM n)"
        " SELECT 1 AS cell, 'utility' AS kind, 'm' AS metric, 'u' AS unit, 'r' AS record, 1 AS label, x AS "
        "value"
        " FROM n",
        "DROP TABLE meta; CREATE VIEW meta AS SELECT 'spec_hash' AS key, 'aaaa' AS value"};
    for (size_t i = 0; i < 2; i++) {
        stranger_spoil(traps[i]);
        Ledger *l = NULL;
        Str all = {0};
        Err e = {0};
        alarm(60); /* what does not end, fails */
        Status s = ledger_open(&l, path, LEDGER_READ, i == 1 ? "aaaa" : NULL, &e);
        if (s == OK) s = ledger_each_score(l, NULL, stranger_row, &all, &e);
        alarm(0);
        cr_assert_eq(s, ERR_FORMAT, "%s", e.msg);
        cr_assert_not_null(strstr(e.msg, "not laid out as a ledger"), "%s", e.msg);
        ledger_close(l);
    }
    stranger_spoil(
        "CREATE TRIGGER t AFTER INSERT ON cells BEGIN INSERT INTO meta VALUES('trap', 'sprung'); END");
    Ledger *l = stranger_ledger(LEDGER_APPEND);
    bool sprung = true;
    Str value = {0};
    LedgerCell cell = {"z", "base", "t", "u", 0, 1, NULL, 0};
    cr_assert_eq(ledger_cell_begin(l, &cell, &err), OK, "%s", err.msg);
    cr_assert_eq(ledger_cell_commit(l, "ok", 0, &err), OK, "%s", err.msg);
    cr_assert_eq(ledger_meta_get(l, "trap", &value, &sprung, &err), OK);
    cr_assert_not(sprung);
    ledger_close(l);
}

/* SQLite keeps what it is given, whatever the column is said to hold. */
Test(strangers, numbers_that_no_run_writes_are_refused)
{
    static const char *const rows[][2] = {
        {"INSERT INTO cells VALUES(1, 'k', 'base', 't', 'u', NULL, 1, 'ok', 0);"
         "INSERT INTO scores VALUES(1, 'utility', 'm', 'u', 'r', NULL, 9e999)",
         "damaged: m of u is not finite"},
        {"INSERT INTO cells VALUES(1, 'k', 'base', 't', 'u', NULL, 1, 'ok', 0);"
         "INSERT INTO scores VALUES(1, 'attack', 'm', 'u', 'r', 256, 1)",
         "damaged: label = 256, want 0, 1 or none"},
        {"INSERT INTO cells VALUES(1, 'k', 'base', 't', 'u', 9e999, 1, 'ok', 0)",
         "lambda of cell k is infinite"},
        {"INSERT INTO cells VALUES(1, 'k', 'base', 't', 'u', 1, 1, 'ok', -9e999)",
         "wall of cell k is infinite"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        stranger_spoil(rows[i][0]);
        Ledger *l = stranger_ledger(LEDGER_READ);
        Str all = {0};
        Err e = {0};
        cr_assert_eq(ledger_each_score(l, NULL, stranger_row, &all, &e), ERR_FORMAT, "%zu", i);
        cr_assert_not_null(strstr(e.msg, rows[i][1]), "%s", e.msg);
        str_free(&all);
        ledger_close(l);
    }
    stranger_spoil("INSERT INTO evals VALUES('u', 1, x'000000000000f07f', 1, x'')");
    Ledger *l = stranger_ledger(LEDGER_READ);
    size_t sum = 0;
    Err e = {0};
    cr_assert_eq(ledger_each_eval(l, "u", 1, stranger_eval, &sum, &e), ERR_FORMAT);
    cr_assert_not_null(strstr(e.msg, "not finite"), "%s", e.msg);
    ledger_close(l);
}

/* Opening a ledger may write a journal back, so neither may be a link to somebody else's file. */
Test(strangers, links_are_refused)
{
    char journal[80], other[80];
    struct stat st;
    ledger_close(stranger_ledger(LEDGER_CREATE));
    snprintf(journal, sizeof journal, "%s-journal", path);
    snprintf(other, sizeof other, "%s/other.db", dir);
    cr_assert_eq(symlink("/etc/hostname", journal), 0);
    stranger_refused(LEDGER_READ, "ledger.db-journal: is a symbolic link");
    cr_assert_eq(remove(journal), 0);
    cr_assert_eq(rename(path, other), 0);
    cr_assert_eq(symlink("other.db", path), 0);
    stranger_refused(LEDGER_READ, "ledger.db: is a symbolic link");
    stranger_refused(LEDGER_APPEND, "ledger.db: is a symbolic link");
    cr_assert_eq(remove(path), 0);
    cr_assert_eq(stat(other, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600, "for its owner alone");
    cr_assert_eq(remove(other), 0);
}
