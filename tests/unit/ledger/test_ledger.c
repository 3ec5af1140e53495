/* The ledger's promises: whole cells only, whatever happens; order of reading; every documented error. */
#include "prime/file.h"
#include "prime/ledger.h"

#include "../../../src/ledger/ledger_priv.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not below the working folder, which another user (read_only_files_and_folders becomes one) may not enter.
 */
static char dir[] = P_tmpdir "/prime_ledger_XXXXXX";
static char path[64];
static Err err;

static void folder_make(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/ledger.db", dir);
}

static void folder_remove(void)
{
    char journal[80];
    snprintf(journal, sizeof journal, "%s-journal", path);
    remove(journal);
    remove(path);
    cr_assert_eq(rmdir(dir), 0, "something is left behind in %s", dir);
}

TestSuite(ledger, .init = folder_make, .fini = folder_remove);

static Ledger *ledger_new(void)
{
    Ledger *l = NULL;
    cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "aaaa", &err), OK, "%s", err.msg);
    return l;
}

static Ledger *ledger_again(LedgerMode mode)
{
    Ledger *l = NULL;
    cr_assert_eq(ledger_open(&l, path, mode, "aaaa", &err), OK, "%s", err.msg);
    return l;
}

static LedgerCell cell_named(const char *key)
{
    return (LedgerCell){
        .key = key, .method = "evolved", .task = "t", .target = "u1", .lambda = 0.25, .seed = 3};
}

static Status toy_cell(Ledger *l, const char *key, size_t n_scores)
{
    LedgerCell c = cell_named(key);
    TRY(ledger_cell_begin(l, &c, &err));
    for (size_t i = 0; i < n_scores; i++) {
        char record[32];
        snprintf(record, sizeof record, "r%zu", i);
        LedgerScore s = {"attack", "loss", "u2", record, (int)(i % 2), 0.5 * (double)i};
        TRY(ledger_score(l, &s, &err));
    }
    return ledger_cell_commit(l, "ok", 1.5, &err);
}

/* Opening must fail with this status and these words. */
static void open_fails(const char *at, LedgerMode mode, const char *spec, Status want, const char *words)
{
    Ledger *l = NULL;
    Err e = {0};
    cr_assert_eq(ledger_open(&l, at, mode, spec, &e), want, "%s: %s", at, e.msg);
    cr_assert_not_null(strstr(e.msg, words), "want '%s' in '%s'", words, e.msg);
    cr_assert_null(l);
}

/* All rows as text, one a line. */
static Status row_print(void *ctx, const LedgerCell *c, const LedgerScore *s, Err *e)
{
    (void)e;
    str_printf(ctx, "%s %s %s %s %g %llu %s %g | ", c->key, c->method, c->task, c->target, c->lambda,
               (unsigned long long)c->seed, c->status, c->wall);
    str_printf(ctx, "%s %s %s %s %d %g\n", s->kind, s->metric, s->unit, s->record, s->label, s->value);
    return OK;
}

static Status cell_count(void *ctx, const LedgerCell *c, Err *e)
{
    (void)c;
    (void)e;
    ++*(size_t *)ctx;
    return OK;
}

static size_t ledger_rows_of(Ledger *l, const LedgerFilter *f)
{
    Str all = {0};
    cr_assert_eq(ledger_each_score(l, f, row_print, &all, &err), OK, "%s", err.msg);
    size_t n = 0;
    for (size_t i = 0; i < all.n; i++) n += all.s[i] == '\n';
    str_free(&all);
    return n;
}

static size_t cells_of(Ledger *l)
{
    size_t n = 0;
    cr_assert_eq(ledger_each_cell(l, NULL, cell_count, &n, &err), OK, "%s", err.msg);
    return n;
}

Test(ledger, rows_come_back_as_written)
{
    Ledger *l = ledger_new();
    LedgerCell c = {"k", "anchor", "deb", "u9", NAN, UINT64_MAX, NULL, 0};
    LedgerScore s = {"utility", "rouge1", "u9", "r'1", LEDGER_NO_LABEL, 0.1};
    cr_assert_eq(ledger_cell_begin(l, &c, &err), OK);
    cr_assert_eq(ledger_score(l, &s, &err), OK);
    s = (LedgerScore){"attack", "ref", "u9", "", 1, -2.5};
    cr_assert_eq(ledger_score(l, &s, &err), OK);
    cr_assert_eq(ledger_cell_commit(l, "ok", 12.25, &err), OK);
    ledger_close(l);
    l = ledger_again(LEDGER_READ);
    Str all = {0};
    cr_assert_eq(ledger_each_score(l, NULL, row_print, &all, &err), OK);
    cr_assert_str_eq(all.s,
                     "k anchor deb u9 nan 18446744073709551615 ok 12.25 | utility rouge1 u9 r'1 -1 0.1\n"
                     "k anchor deb u9 nan 18446744073709551615 ok 12.25 | attack ref u9  1 -2.5\n");
    str_free(&all);
    ledger_close(l);
}

Test(ledger, order_does_not_depend_on_completion)
{
    const char *orders[2][3] = {{"b", "a", "c"}, {"c", "b", "a"}};
    Str text[2] = {{0}};
    for (size_t o = 0; o < 2; o++) {
        Ledger *l = ledger_new();
        for (size_t i = 0; i < 3; i++) cr_assert_eq(toy_cell(l, orders[o][i], 4), OK);
        cr_assert_eq(ledger_each_score(l, NULL, row_print, &text[o], &err), OK);
        ledger_close(l);
        remove(path);
    }
    cr_assert_str_eq(text[0].s, text[1].s);
    cr_assert_eq(strncmp(text[0].s, "a ", 2), 0);
    str_free(&text[0]);
    str_free(&text[1]);
}

Test(ledger, filters)
{
    Ledger *l = ledger_new();
    cr_assert_eq(toy_cell(l, "a", 4), OK);
    cr_assert_eq(toy_cell(l, "b", 2), OK);
    cr_assert_eq(ledger_rows_of(l, NULL), 6);
    cr_assert_eq(ledger_rows_of(l, &(LedgerFilter){.key = "b"}), 2);
    cr_assert_eq(ledger_rows_of(l, &(LedgerFilter){.kind = "attack", .metric = "loss", .unit = "u2"}), 6);
    cr_assert_eq(ledger_rows_of(l, &(LedgerFilter){.metric = "ref"}), 0);
    cr_assert_eq(ledger_rows_of(l, &(LedgerFilter){.method = "evolved", .target = "u1"}), 6);
    cr_assert_eq(ledger_rows_of(l, &(LedgerFilter){.method = "base"}), 0);
    ledger_close(l);
}

static Status refuse_second(void *ctx, const LedgerCell *c, const LedgerScore *s, Err *e)
{
    (void)c;
    (void)s;
    size_t *n = ctx;
    if (++*n == 2) FAIL(e, ERR_NUM, "enough");
    return OK;
}

Test(ledger, a_callback_ends_the_walk)
{
    Ledger *l = ledger_new();
    cr_assert_eq(toy_cell(l, "a", 4), OK);
    size_t n = 0;
    Err e = {0};
    cr_assert_eq(ledger_each_score(l, NULL, refuse_second, &n, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "enough");
    cr_assert_eq(n, 2);
    ledger_close(l);
}

Test(ledger, cells_are_whole_and_once)
{
    Ledger *l = ledger_new();
    bool there = true;
    LedgerCell c = cell_named("a");
    LedgerScore s = {"norm", "attenuation", "u1", "", LEDGER_NO_LABEL, 1};
    Err e = {0};
    cr_assert_eq(ledger_score(l, &s, &e), ERR_ARG);
    e = (Err){0};
    cr_assert_eq(ledger_cell_commit(l, "ok", 1, &e), ERR_ARG);
    e = (Err){0};
    cr_assert_eq(ledger_batch_commit(l, &e), ERR_ARG);
    cr_assert_eq(ledger_cell_begin(l, &c, &err), OK);
    cr_assert_eq(ledger_score(l, &s, &err), OK);
    e = (Err){0};
    cr_assert_eq(ledger_cell_begin(l, &c, &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "a cell is still open"), "%s", e.msg);
    cr_assert_eq(ledger_rows_of(l, NULL), 0, "an open cell is not visible");
    ledger_cell_abort(l);
    cr_assert_eq(ledger_has_cell(l, "a", &there, &err), OK);
    cr_assert_not(there);
    cr_assert_eq(toy_cell(l, "a", 1), OK);
    cr_assert_eq(ledger_has_cell(l, "a", &there, &err), OK);
    cr_assert(there);
    e = (Err){0};
    cr_assert_eq(ledger_cell_begin(l, &c, &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "cell 'a' is recorded already"), "%s", e.msg);
    cr_assert_eq(toy_cell(l, "b", 1), OK, "the ledger goes on after a refusal");
    cr_assert_eq(ledger_cell_begin(l, &(LedgerCell){"z", "m", "t", "", NAN, 1, NULL, 0}, &err), OK);
    ledger_close(l); /* drops z */
    l = ledger_again(LEDGER_APPEND);
    cr_assert_eq(cells_of(l), 2);
    ledger_close(l);
}

Test(ledger, numbers_must_be_finite)
{
    Ledger *l = ledger_new();
    LedgerCell c = cell_named("a");
    Err e = {0};
    c.lambda = INFINITY;
    cr_assert_eq(ledger_cell_begin(l, &c, &e), ERR_NUM);
    c.lambda = 0;
    cr_assert_eq(ledger_cell_begin(l, &c, &err), OK);
    LedgerScore s = {"attack", "loss", "u7", "r3", 1, NAN};
    e = (Err){0};
    cr_assert_eq(ledger_score(l, &s, &e), ERR_NUM);
    cr_assert_not_null(strstr(e.msg, "attack loss of 'u7', record 'r3', is nan"), "%s", e.msg);
    s.value = 1;
    s.label = 2;
    e = (Err){0};
    cr_assert_eq(ledger_score(l, &s, &e), ERR_ARG);
    e = (Err){0};
    cr_assert_eq(ledger_cell_commit(l, "ok", NAN, &e), ERR_NUM);
    ledger_cell_abort(l);
    double g[2] = {1, 2}, bad[1] = {INFINITY};
    e = (Err){0};
    cr_assert_eq(ledger_eval_add(l, &(LedgerEval){"u1", 1, g, 2, 0.5, bad, 1}, &e), ERR_NUM);
    ledger_close(l);
}

static Status eval_sum(void *ctx, const LedgerEval *v, Err *e)
{
    (void)e;
    double *sum = ctx;
    for (size_t i = 0; i < v->n_genome; i++) sum[0] += v->genome[i];
    for (size_t i = 0; i < v->n_agreement; i++) sum[1] += v->agreement[i];
    sum[2] += v->utility;
    sum[3] += 1;
    return OK;
}

Test(ledger, archive_and_blobs)
{
    Ledger *l = ledger_new();
    double g[3] = {0.1, -0.2, 1.0 / 3}, a[2] = {0.5, 0.25}, sum[4] = {0};
    LedgerEval v = {"u1", 7, g, 3, 0.75, a, 2};
    cr_assert_eq(ledger_batch_begin(l, &err), OK);
    cr_assert_eq(ledger_eval_add(l, &v, &err), OK);
    v.utility = 99; /* the same genome again: the first stays */
    cr_assert_eq(ledger_eval_add(l, &v, &err), OK);
    v = (LedgerEval){"u1", 7, g, 0, 0.5, a, 0};
    cr_assert_eq(ledger_eval_add(l, &v, &err), OK);
    v.seed = 8;
    cr_assert_eq(ledger_eval_add(l, &v, &err), OK);
    cr_assert_eq(ledger_blob_set(l, "cma", "one\0two", 7, &err), OK);
    cr_assert_eq(ledger_blob_set(l, "cma", "thr\0ee", 6, &err), OK);
    cr_assert_eq(ledger_blob_set(l, "none", NULL, 0, &err), OK);
    cr_assert_eq(ledger_batch_commit(l, &err), OK);
    ledger_close(l);
    l = ledger_again(LEDGER_READ);
    cr_assert_eq(ledger_each_eval(l, "u1", 7, eval_sum, sum, &err), OK);
    cr_assert_eq(sum[0], 0.1 - 0.2 + 1.0 / 3);
    cr_assert_eq(sum[1], 0.75);
    cr_assert_eq(sum[2], 1.25);
    cr_assert_eq(sum[3], 2);
    void *data = NULL;
    size_t n = 9;
    cr_assert_eq(ledger_blob_get(l, "cma", &data, &n, &err), OK);
    cr_assert(n == 6 && memcmp(data, "thr\0ee", 6) == 0);
    free(data);
    cr_assert_eq(ledger_blob_get(l, "none", &data, &n, &err), OK);
    cr_assert(n == 0 && data != NULL);
    free(data);
    cr_assert_eq(ledger_blob_get(l, "other", &data, &n, &err), OK);
    cr_assert(n == 0 && data == NULL);
    ledger_close(l);
}

static Status meta_join(void *ctx, const char *key, const char *value, Err *e)
{
    Str *s = ctx;
    str_printf(s, "%s=%s;", key, value);
    if (strcmp(value, "stop") == 0) FAIL(e, ERR_ARG, "stopped");
    return OK;
}

Test(ledger, meta_is_walked_by_key)
{
    Ledger *l = ledger_new();
    Str s = {0};
    Err e = {0};
    cr_assert_eq(ledger_meta_set(l, "z", "last", &err), OK);
    cr_assert_eq(ledger_meta_set(l, "b", "", &err), OK);
    cr_assert_eq(ledger_each_meta(l, meta_join, &s, &err), OK, "%s", err.msg);
    const char *b = strstr(s.s, "b=;"), *z = strstr(s.s, "z=last;");
    cr_assert(b != NULL && z != NULL && b < z, "%s", s.s);
    cr_assert_eq(ledger_meta_set(l, "a", "stop", &err), OK);
    cr_assert_eq(ledger_each_meta(l, meta_join, &s, &e), ERR_ARG);
    str_free(&s);
    ledger_close(l);
}

Test(ledger, meta_is_set_once)
{
    Ledger *l = ledger_new();
    Str s = {0};
    bool found = true;
    Err e = {0};
    cr_assert_eq(ledger_meta_get(l, "seed", &s, &found, &err), OK);
    cr_assert(!found && s.n == 0);
    cr_assert_eq(ledger_meta_set(l, "seed", "1", &err), OK);
    cr_assert_eq(ledger_meta_set(l, "seed", "1", &err), OK);
    cr_assert_eq(ledger_meta_set(l, "seed", "2", &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "seed is recorded as '1', now '2'"), "%s", e.msg);
    cr_assert_eq(ledger_meta_get(l, "seed", &s, &found, &err), OK);
    cr_assert(found);
    cr_assert_str_eq(s.s, "1");
    str_free(&s);
    ledger_close(l);
}

Test(ledger, another_specification_is_refused)
{
    ledger_close(ledger_new());
    open_fails(path, LEDGER_APPEND, "bbbb", ERR_ARG, "its hash is aaaa, the one given has bbbb");
    open_fails(path, LEDGER_READ, "bbbb", ERR_ARG, "its hash is aaaa, the one given has bbbb");
    ledger_close(ledger_again(LEDGER_APPEND));
}

Test(ledger, a_reader_cannot_write)
{
    ledger_close(ledger_new());
    Ledger *l = ledger_again(LEDGER_READ);
    Err e = {0};
    cr_assert_eq(ledger_meta_set(l, "x", "y", &e), ERR_IO);
    cr_assert_not_null(strstr(e.msg, "read-only"), "%s", e.msg);
    ledger_close(l);
}

Test(ledger, files_that_are_no_ledgers)
{
    open_fails(path, LEDGER_READ, NULL, ERR_IO, "no such ledger");
    open_fails(path, LEDGER_APPEND, NULL, ERR_IO, "no such ledger");
    open_fails("prime_no_such_folder/ledger.db", LEDGER_CREATE, "a", ERR_IO, "cannot open its folder");
    open_fails(dir, LEDGER_READ, NULL, ERR_IO, "is a folder");
    open_fails(path, LEDGER_CREATE, NULL, ERR_ARG, "wants a spec hash");
    cr_assert_eq(file_write(path, "", 0, &err), OK);
    open_fails(path, LEDGER_READ, NULL, ERR_FORMAT, "not a ledger");
    cr_assert_eq(file_write(path, "method,lambda\nbase,0\n", 21, &err), OK);
    open_fails(path, LEDGER_APPEND, NULL, ERR_FORMAT, "not a ledger");
    open_fails(path, LEDGER_CREATE, "a", ERR_IO, "already there");
}

/* A ledger of which one statement has made something else. */
static void ledger_spoil(const char *sql)
{
    remove(path);
    ledger_close(ledger_new());
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

Test(ledger, other_databases_and_formats)
{
    ledger_spoil("PRAGMA application_id = 7");
    open_fails(path, LEDGER_READ, NULL, ERR_FORMAT, "not a ledger");
    ledger_spoil("PRAGMA user_version = 2");
    open_fails(path, LEDGER_APPEND, NULL, ERR_FORMAT, "ledger format 2, this program reads 1");
    ledger_spoil("DROP TABLE scores");
    Ledger *l = ledger_again(LEDGER_READ);
    Err e = {0};
    Str all = {0};
    cr_assert_eq(ledger_each_score(l, NULL, row_print, &all, &e), ERR_FORMAT);
    cr_assert_not_null(strstr(e.msg, "not laid out as a ledger: no such table: scores"), "%s", e.msg);
    ledger_close(l);
    ledger_spoil("INSERT INTO evals VALUES('u', 1, x'00', 1, x'')");
    l = ledger_again(LEDGER_READ);
    double sum[4] = {0};
    e = (Err){0};
    cr_assert_eq(ledger_each_eval(l, "u", 1, eval_sum, sum, &e), ERR_FORMAT);
    cr_assert_not_null(strstr(e.msg, "1 bytes of numbers"), "%s", e.msg);
    ledger_close(l);
}

/* What SQLite says of a disk that no test has. */
Test(ledger, faults_of_the_disk_are_told_apart)
{
    static const struct {
        int rc;
        Status want;
        const char *message;
    } fault[] = {
        {SQLITE_IOERR_WRITE, ERR_IO, "cannot write: a quota or a limit on the size of files is reached, or"},
        {SQLITE_FULL, ERR_IO, "cannot write: the disk is full"},
        {SQLITE_LOCKED, ERR_IO, "locked by another process"},
        {SQLITE_PERM, ERR_IO, "cannot write: the file or its folder is read-only"},
        {SQLITE_CANTOPEN, ERR_IO, "cannot open it, or make its journal: "},
        {SQLITE_NOMEM, ERR_NOMEM, "no memory for SQLite"},
        {SQLITE_IOERR_READ, ERR_IO, "/ledger.db: "},
    };
    Ledger *l = ledger_new();
    for (size_t i = 0; i < sizeof fault / sizeof fault[0]; i++) {
        Err e = {0};
        cr_expect_eq(ledger_fault(l, fault[i].rc, &e), fault[i].want, "%s", fault[i].message);
        cr_expect_not_null(strstr(e.msg, fault[i].message), "%s", e.msg);
    }
    ledger_close(l);
}

Test(ledger, damaged_files)
{
    Ledger *l = ledger_new();
    cr_assert_eq(toy_cell(l, "a", 2000), OK);
    ledger_close(l);
    char *bytes = NULL;
    size_t n = 0;
    cr_assert_eq(file_read(&bytes, &n, path, &err), OK);
    cr_assert_eq(file_write(path, bytes, n / 2, &err), OK);
    open_fails(path, LEDGER_READ, NULL, ERR_FORMAT, "damaged");
    memset(bytes + n / 2, 0x5a, n / 4);
    cr_assert_eq(file_write(path, bytes, n, &err), OK);
    open_fails(path, LEDGER_APPEND, NULL, ERR_FORMAT, "damaged");
    free(bytes);
}

Test(ledger, a_full_disk_leaves_whole_cells)
{
    Ledger *l = ledger_new();
    cr_assert_eq(toy_cell(l, "a", 10), OK);
    cr_assert_eq(sqlite3_exec(l->db, "PRAGMA max_page_count = 20", NULL, NULL, NULL), SQLITE_OK);
    err = (Err){0};
    cr_assert_eq(toy_cell(l, "b", 5000), ERR_IO);
    cr_assert_not_null(strstr(err.msg, "ledger.db: cannot write: the disk is full"), "%s", err.msg);
    ledger_cell_abort(l);
    err = (Err){0};
    cr_assert_eq(ledger_rows_of(l, NULL), 10);
    cr_assert_eq(toy_cell(l, "c", 10), OK, "there is room for a small cell: %s", err.msg);
    ledger_close(l);
    l = ledger_again(LEDGER_APPEND);
    cr_assert_eq(cells_of(l), 2);
    ledger_close(l);
}

Test(ledger, one_writer_many_readers)
{
    Ledger *l = ledger_new();
    cr_assert_eq(toy_cell(l, "a", 1), OK);
    open_fails(path, LEDGER_APPEND, NULL, ERR_IO, "another process writes to this run");
    Err e = {0};
    cr_assert_eq(ledger_unused(path, &e), ERR_IO);
    cr_assert(strstr(e.msg, "another process writes to this run") != NULL, "%s", e.msg);
    LedgerCell c = cell_named("b");
    cr_assert_eq(ledger_cell_begin(l, &c, &err), OK);
    Ledger *reader = ledger_again(LEDGER_READ);
    cr_assert_eq(cells_of(reader), 1);
    ledger_close(reader);
    ledger_close(l);
    cr_assert_eq(ledger_unused(path, &err), OK, "%s", err.msg);
    cr_assert_eq(ledger_unused("no/such/ledger.db", &(Err){0}), ERR_IO);
}

Test(ledger, a_foreign_lock_is_named)
{
    ledger_close(ledger_new());
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    open_fails(path, LEDGER_READ, NULL, ERR_IO, "locked by another process");
    sqlite3_close(db);
}

/* The administrator may write anywhere, so the test becomes somebody else for a moment. */
Test(ledger, read_only_files_and_folders)
{
    bool root = geteuid() == 0;
    ledger_close(ledger_new());
    cr_assert_eq(chmod(path, 0444), 0);
    cr_assert_eq(chmod(dir, 0555), 0);
    if (root) cr_assert_eq(seteuid(65534), 0);
    char other[80];
    snprintf(other, sizeof other, "%s/new.db", dir);
    open_fails(other, LEDGER_CREATE, "a", ERR_IO, "new.db");
    open_fails(path, LEDGER_APPEND, NULL, ERR_IO, "read-only");
    ledger_close(ledger_again(LEDGER_READ));
    if (root) cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(chmod(path, 0666), 0);
    if (root) cr_assert_eq(seteuid(65534), 0);
    open_fails(path, LEDGER_APPEND, NULL, ERR_IO, "read-only"); /* no journal can be made beside it */
    if (root) cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(chmod(dir, 0755), 0);
}

/* In a child: start a cell large enough that pages reach the file before the commit, and die. */
static void write_and_die(void)
{
    Ledger *l = NULL;
    Err e = {0};
    if (ledger_open(&l, path, LEDGER_APPEND, NULL, &e) != OK) _exit(1);
    sqlite3_exec(l->db, "PRAGMA cache_size = 2", NULL, NULL, NULL);
    LedgerCell c = cell_named("half");
    if (ledger_cell_begin(l, &c, &e) != OK) _exit(2);
    for (size_t i = 0; i < 5000; i++) {
        LedgerScore s = {"attack", "loss", "u2", "r", 1, (double)i};
        if (ledger_score(l, &s, &e) != OK) _exit(3);
    }
    raise(SIGKILL);
}

Test(ledger, a_kill_in_mid_cell_leaves_whole_cells)
{
    Ledger *l = ledger_new();
    cr_assert_eq(toy_cell(l, "whole", 10), OK);
    ledger_close(l);
    pid_t child = fork();
    if (child == 0) write_and_die();
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the child ended by itself: %d", status);
    char journal[80];
    snprintf(journal, sizeof journal, "%s-journal", path);
    cr_assert(file_exists(journal), "the kill came too early to prove anything");
    l = ledger_again(LEDGER_READ);
    cr_assert_eq(cells_of(l), 1);
    cr_assert_eq(ledger_rows_of(l, NULL), 10);
    ledger_close(l);
    l = ledger_again(LEDGER_APPEND);
    cr_assert_eq(toy_cell(l, "half", 3), OK);
    cr_assert_eq(ledger_rows_of(l, NULL), 13);
    ledger_close(l);
}
