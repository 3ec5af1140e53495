/* Ledgers in memory and ledgers that become one: nothing is lost, nothing comes twice, and every documented
 * error. */
#include "prime/ledger.h"

#include "../../../src/ledger/ledger_priv.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = P_tmpdir "/prime_join_XXXXXX";
static char path[64];

#define MUST(call)                                         \
    do {                                                   \
        Err e_ = {0};                                      \
        cr_assert_eq((call), OK, "%s: %s", #call, e_.msg); \
    } while (0)

static void join_folder(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/ledger.db", dir);
}

static void join_folder_gone(void)
{
    remove(path);
    cr_assert_eq(rmdir(dir), 0, "something is left behind in %s", dir);
}

TestSuite(ledger_join, .init = join_folder, .fini = join_folder_gone);

static Ledger *shard_file(const char *hash)
{
    Ledger *l = NULL;
    remove(path);
    MUST(ledger_open(&l, path, LEDGER_CREATE, hash, &e_));
    return l;
}

static Ledger *memory_like(Ledger *like)
{
    Ledger *l = NULL;
    MUST(ledger_memory(&l, like, &e_));
    return l;
}

static void join_cell(Ledger *l, const char *key, const char *target, size_t n)
{
    LedgerCell c = {.key = key, .method = "m", .task = "t", .target = target, .lambda = NAN, .seed = 7};
    MUST(ledger_cell_begin(l, &c, &e_));
    for (size_t i = 0; i < n; i++) {
        LedgerScore s = {"attack", "loss", "u", "r", i == 0 ? LEDGER_NO_LABEL : 1, 0.1 * (double)i};
        MUST(ledger_score(l, &s, &e_));
    }
    MUST(ledger_cell_commit(l, "ok", 1.5, &e_));
}

static Status join_eval_add(Ledger *l, const char *target, double x, double u, Err *e)
{
    LedgerEval v = {.target = target,
                    .seed = 7,
                    .genome = (double[]){x, -x},
                    .n_genome = 2,
                    .utility = u,
                    .agreement = (double[]){u / 3},
                    .n_agreement = 1};
    return ledger_eval_add(l, &v, e);
}

static Status join_score(void *ctx, const LedgerCell *c, const LedgerScore *s, Err *e)
{
    (void)e;
    str_printf(ctx, "%s %s %g %s %g %s %s %d %.17g\n", c->key, c->target, c->lambda, c->status, c->wall,
               s->kind, s->metric, s->label, s->value);
    return OK;
}

static Status join_eval(void *ctx, const LedgerEval *v, Err *e)
{
    (void)e;
    str_printf(ctx, "%.17g %.17g\n", v->genome[0], v->utility);
    return OK;
}

static Str join_text(Ledger *l, const char *target)
{
    Str text = {0};
    MUST(ledger_each_score(l, NULL, join_score, &text, &e_));
    MUST(ledger_each_eval(l, target, 7, join_eval, &text, &e_));
    return text;
}

/* Of bytes, as another process gets them. */
static Ledger *join_sent(Ledger *l)
{
    void *data = NULL;
    size_t n = 0;
    Ledger *out = NULL;
    MUST(ledger_pack(&data, &n, l, &e_));
    MUST(ledger_unpack(&out, data, n, &e_));
    free(data);
    return out;
}

static LedgerCount join_taken(Ledger *to, Ledger *from)
{
    void *data = NULL;
    size_t n = 0;
    Ledger *gift = NULL;
    LedgerCount count;
    MUST(ledger_give(&data, &n, from, &e_));
    MUST(ledger_unpack(&gift, data, n, &e_));
    MUST(ledger_absorb(to, gift, &count, &e_));
    ledger_close(gift);
    free(data);
    return count;
}

/* What is written by a worker, in pieces, reads as if the writer had written it. */
Test(ledger_join, what_a_worker_gives_reads_like_what_the_writer_writes)
{
    Ledger *whole = shard_file("aaaa"), *writer = memory_like(whole), *lent = memory_like(whole);
    for (int i = 0; i < 2; i++) {
        Ledger *l = i == 0 ? whole : writer;
        join_cell(l, "a/first", "u1", 3);
        join_cell(l, "a/other", "u2", 2);
        MUST(join_eval_add(l, "u1#x", 1, 0.5, &e_));
        MUST(join_eval_add(l, "u10#x", 1, 0.25, &e_));
    }
    MUST(ledger_lend(lent, writer, "u1", &e_));
    Ledger *worker = join_sent(lent);
    bool there = false;
    MUST(ledger_has_cell(worker, "a/first", &there, &e_));
    cr_assert(there);
    MUST(ledger_has_cell(worker, "a/other", &there, &e_));
    cr_assert_not(there, "a cell of another person was lent");
    Str evals = {0};
    MUST(ledger_each_eval(worker, "u1#x", 7, join_eval, &evals, &e_));
    cr_assert_str_eq(evals.s, "1 0.5\n");
    MUST(ledger_each_eval(worker, "u10#x", 7, join_eval, &evals, &e_));
    cr_assert_str_eq(evals.s, "1 0.5\n", "evaluations of another person were lent");

    for (int i = 0; i < 2; i++) MUST(join_eval_add(i == 0 ? whole : worker, "u1#x", 2, 0.75, &e_));
    LedgerCount n = join_taken(writer, worker);
    cr_assert(n.cells == 0 && n.evals == 1, "%zu and %zu", n.cells, n.evals);
    for (int i = 0; i < 2; i++) {
        Ledger *l = i == 0 ? whole : worker;
        MUST(join_eval_add(l, "u1#x", 3, 0.125, &e_));
        join_cell(l, "a/second", "u1", 4);
        MUST(ledger_blob_set(l, "b", "xyz", 3, &e_));
    }
    n = join_taken(writer, worker);
    cr_assert(n.cells == 1 && n.scores == 4 && n.evals == 1 && n.blobs == 1);
    n = join_taken(writer, worker);
    cr_assert(n.cells == 0 && n.evals == 0 && n.blobs == 0, "something was given twice");
    MUST(ledger_has_cell(worker, "a/second", &there, &e_));
    cr_assert(there, "a worker forgot what it gave");

    Str a = join_text(whole, "u1#x"), b = join_text(writer, "u1#x");
    cr_assert_str_eq(a.s, b.s);
    str_free(&a);
    str_free(&b);
    str_free(&evals);
    ledger_close(whole);
    ledger_close(writer);
    ledger_close(lent);
    ledger_close(worker);
}

Test(ledger_join, what_does_not_fit_is_refused_and_leaves_nothing)
{
    Err e = {0};
    Ledger *to = shard_file("aaaa"), *from = memory_like(to), *strange = NULL;
    join_cell(to, "b", "u", 1);
    join_cell(from, "a", "u", 1);
    join_cell(from, "b", "u", 1);
    cr_assert_eq(ledger_absorb(to, from, NULL, &e), ERR_ARG);
    cr_assert(strstr(e.msg, "cell 'b'") != NULL && strstr(e.msg, "there already") != NULL, "%s", e.msg);
    bool there = true;
    MUST(ledger_has_cell(to, "a", &there, &e_));
    cr_assert_not(there, "a part of what was refused is there");
    ledger_close(from);

    from = memory_like(to);
    MUST(join_eval_add(to, "u", 1, 0.5, &e_));
    MUST(join_eval_add(from, "u", 1, 0.5000000001, &e_));
    e = (Err){0};
    cr_assert_eq(ledger_absorb(to, from, NULL, &e), ERR_ARG);
    cr_assert(strstr(e.msg, "evaluation of 'u'") != NULL, "%s", e.msg);
    ledger_close(from);

    from = memory_like(to);
    MUST(ledger_blob_set(to, "k", "1", 1, &e_));
    MUST(ledger_blob_set(from, "k", "2", 1, &e_));
    e = (Err){0};
    cr_assert_eq(ledger_absorb(to, from, NULL, &e), ERR_ARG);
    cr_assert(strstr(e.msg, "blob 'k'") != NULL, "%s", e.msg);
    MUST(ledger_batch_begin(from, &e_));
    e = (Err){0};
    cr_assert_eq(ledger_absorb(to, from, NULL, &e), ERR_ARG);
    cr_assert(strstr(e.msg, "still open") != NULL, "%s", e.msg);
    ledger_close(from);
    strange = memory_like(to);
    ledger_close(to);
    to = shard_file("bbbb");
    e = (Err){0};
    cr_assert_eq(ledger_absorb(to, strange, NULL, &e), ERR_ARG);
    cr_assert(strstr(e.msg, "aaaa") != NULL && strstr(e.msg, "bbbb") != NULL, "%s", e.msg);
    ledger_close(strange);
    ledger_close(to);
}

static Status join_batch(void *ctx, Err *e)
{
    if (++*(int *)ctx == 2) FAIL(e, ERR_STOPPED, "enough");
    return OK;
}

Test(ledger_join, a_ledger_without_a_specification_has_no_like)
{
    Ledger *whole = shard_file("aaaa"), *l = NULL;
    Err e = {0};
    MUST(ledger_exec(whole, "DELETE FROM meta WHERE key = 'spec_hash'", &e_));
    cr_assert_eq(ledger_memory(&l, whole, &e), ERR_FORMAT);
    cr_assert_not_null(strstr(e.msg, ": has no specification"), "%s", e.msg);
    cr_assert_null(l);
    ledger_close(whole);
}

Test(ledger_join, whoever_asks_is_told_of_each_batch)
{
    int batches = 0;
    Err e = {0};
    Ledger *like = shard_file("aaaa"), *l = memory_like(like);
    ledger_on_batch(l, join_batch, &batches);
    MUST(ledger_batch_begin(l, &e_));
    MUST(ledger_batch_commit(l, &e_));
    join_cell(l, "a", "u", 1);
    cr_assert_eq(batches, 1, "a cell is no batch");
    MUST(ledger_batch_begin(l, &e_));
    MUST(join_eval_add(l, "u", 1, 1, &e_));
    cr_assert_eq(ledger_batch_commit(l, &e), ERR_STOPPED);
    ledger_close(l);
    ledger_close(like);
}

/* Bytes of a small ledger damaged, one at a time: refused, or read; never a crash. */
Test(ledger_join, bytes_that_are_no_ledger_are_refused)
{
    static const char junk[4096] = "SQLite format 3";
    Ledger *like = shard_file("aaaa"), *l = memory_like(like), *out = NULL;
    void *data = NULL;
    size_t n = 0, refused = 0;
    Err e = {0};
    join_cell(l, "a", "u", 2);
    MUST(ledger_pack(&data, &n, l, &e_));
    cr_assert_eq(ledger_unpack(&out, junk, sizeof junk, &e), ERR_FORMAT, "%s", e.msg);
    e = (Err){0};
    cr_assert_eq(ledger_unpack(&out, data, n / 2, &e), ERR_FORMAT, "%s", e.msg);
    for (size_t i = 0; i < n; i += i < 4096 ? 17 : 101) {
        char *byte = (char *)data + i, before = *byte;
        *byte = (char)~before;
        e = (Err){0};
        Status s = ledger_unpack(&out, data, n, &e);
        refused += s != OK;
        cr_assert(s == OK || e.msg[0] != '\0');
        if (s == OK) {
            Ledger *to = memory_like(like);
            (void)!ledger_absorb(to, out, NULL, &e);
            ledger_close(to);
            ledger_close(out);
        }
        *byte = before;
    }
    cr_assert_gt(refused, 20);
    free(data);
    ledger_close(l);
    ledger_close(like);
}
