/* A sweep in parts: whatever the number of parts, joined they are the run of the whole audit; and what does
 * not fit together is join_refused. */
#include "world.h"

#include "prime/join.h"

#include "../../../src/ledger/ledger_priv.h"

static const char *const many[] = {
    "methods=base,anchor,uniform,malicious,oppu,evolved,prime-paper,constrained,"
    "matched-random,loo",
    "context.variants=none,rag2",
    "search.members=2",
    "search.heldout=1",
    "anchors.min_heldout=3",
    "attack.malicious=8"};
enum { N_MANY = sizeof many / sizeof many[0] };

static void part_name(char out[PATH], const World *w, const char *name, size_t i, size_t n)
{
    snprintf(out, PATH, "%s/%s%zu.%zu", w->dir, name, i, n);
}

/* Part i of n into a folder of its own, on i threads. */
static Status part_run(const World *w, const char *name, size_t i, size_t n, SweepHow how, Err *e)
{
    char run[PATH];
    part_name(run, w, name, i, n);
    how.shard = i;
    how.shards = n;
    par_set_threads(i);
    Status s = sweep_run(&w->spec, run, &how, e);
    par_set_threads(0);
    return s;
}

static Status parts_join(const World *w, const char *name, const size_t *part, size_t n_parts, size_t n,
                         JoinCount *count, Err *e)
{
    char run[8][PATH], out[PATH];
    const char *runs[8];
    snprintf(out, PATH, "%s/%s.joined%zu", w->dir, name, n);
    for (size_t i = 0; i < n_parts; i++) {
        part_name(run[i], w, name, part[i], n);
        runs[i] = run[i];
    }
    Status s = join_runs(out, runs, n_parts, count, e);
    char ledger[PATH + 16];
    snprintf(ledger, sizeof ledger, "%s/ledger.db", out);
    cr_assert_eq(s == OK, file_exists(ledger), "%s", e->msg);
    return s;
}

static void parts_are(World *w, const char *name, size_t n, const Str *whole, SweepHow how)
{
    static const size_t all[] = {3, 1, 2};
    const size_t *order = n == 3 ? all : n == 2 ? all + 1 : (const size_t[]){1};
    JoinCount count = {0};
    char out[PATH];
    for (size_t i = 1; i <= n; i++) MUST(part_run(w, name, i, n, how, &e_));
    MUST(parts_join(w, name, order, n, n, &count, &e_));
    cr_assert_eq(count.runs, n);
    cr_assert_gt(count.cells, 0);
    snprintf(out, sizeof out, "%s/%s.joined%zu", w->dir, name, n);
    Str rows = run_rows(out, NULL);
    cr_assert_str_eq(rows.s, whole->s, "%zu parts", n);
    str_free(&rows);
}

Test(shards, joined_are_the_run_of_the_whole, .timeout = 600)
{
    World w = world_open();
    w.spec = world_spec(&w, many, N_MANY);
    Str whole = run_text(&w, "whole", 2);
    for (size_t n = 1; n <= 3; n += FEWER) parts_are(&w, "part", n, &whole, (SweepHow){0});
    str_free(&whole);
    world_close(&w);
}

/* Adapters are trained once, by a run of their own, which can be carried on as well. */
Test(shards, adapters_may_come_from_another_run, .timeout = 600)
{
    World w = world_open();
    char trained[PATH], unit[PATH];
    Err e = {0};
    w.spec = world_spec(&w,
                        (const char *const[]){"methods=base,uniform,oppu,perpcs,dp-uniform,bystander",
                                              "perpcs.topk=2", "attack.malicious=8"},
                        3);
    Str whole = run_text(&w, "whole", 2);
    snprintf(trained, sizeof trained, "%s/trained", w.dir);
    MUST(sweep_run(&w.spec, trained, &(SweepHow){.train_only = true}, &e_));
    parts_are(&w, "lent", 2, &whole, (SweepHow){.adapters = trained});
    part_name(unit, &w, "lent", 1, 2);
    strcat(unit, "/adapters");
    cr_assert_not(file_exists(unit), "a part trained adapters of its own");
    MUST(sweep_run(&w.spec, trained, &(SweepHow){.resume = true}, &e_));
    Str rows = run_rows(trained, NULL);
    cr_assert_str_eq(rows.s, whole.s, "a run of adapters alone, carried on");
    cr_assert_eq(part_run(&w, "none", 1, 2, (SweepHow){.adapters = w.data}, &e), ERR_IO);
    cr_assert_not_null(strstr(e.msg, "--train-only"), "%s", e.msg);
    str_free(&rows);
    str_free(&whole);
    world_close(&w);
}

static void first_step(void *ctx, const char *label)
{
    (void)label;
    *(bool *)ctx = true;
}

static bool stop_then(void *ctx)
{
    return *(bool *)ctx;
}

static void join_refused(const World *w, const char *name, const size_t *part, size_t n_parts, size_t n,
                         const char *why)
{
    Err e = {0};
    cr_assert_eq(parts_join(w, name, part, n_parts, n, NULL, &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, why), "%s", e.msg);
}

Test(shards, what_does_not_make_a_whole_is_refused, .timeout = 600)
{
    World w = world_open();
    Err e = {0};
    for (size_t i = 1; i <= 3; i += 2) MUST(part_run(&w, "gap", i, 3, (SweepHow){0}, &e_));
    join_refused(&w, "gap", (const size_t[]){1, 3}, 2, 3, "parts are missing: 2/3");
    join_refused(&w, "gap", (const size_t[]){1, 3, 1}, 3, 3, "both part 1/3");
    bool stepped = false;
    SweepWatch watch = {.step = first_step, .stop = stop_then, .ctx = &stepped};
    cr_assert_eq(part_run(&w, "gap", 2, 3, (SweepHow){.watch = &watch}, &e), ERR_STOPPED, "%s", e.msg);
    join_refused(&w, "gap", (const size_t[]){1, 2, 3}, 3, 3, "part 2 of 3 holds");
    e = (Err){0};
    cr_assert_eq(part_run(&w, "gap", 4, 3, (SweepHow){0}, &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "part 4 of 3, want 1 to 3"), "%s", e.msg);

    /* The same folder, as another part. */
    char run[PATH];
    e = (Err){0};
    part_name(run, &w, "gap", 1, 3);
    cr_assert_eq(sweep_run(&w.spec, run, &(SweepHow){.resume = true, .shard = 2, .shards = 3}, &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "shard is recorded as '1/3'"), "%s", e.msg);
    MUST(part_run(&w, "gap", 2, 3, (SweepHow){.resume = true}, &e_));
    MUST(parts_join(&w, "gap", (const size_t[]){1, 2, 3}, 3, 3, NULL, &e_));

    /* Parts of another specification, and of the same one on other data. */
    char other[PATH], out[PATH];
    snprintf(out, sizeof out, "%s/out", w.dir);
    part_name(other, &w, "other", 2, 3);
    Spec before = w.spec;
    w.spec = world_spec(&w, (const char *const[]){"seeds=1"}, 1);
    MUST(part_run(&w, "other", 2, 3, (SweepHow){0}, &e_));
    e = (Err){0};
    cr_assert_eq(join_runs(out, (const char *const[]){run, other}, 2, NULL, &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "specification"), "%s", e.msg);
    w.spec = before;
    char data[PATH + 32];
    snprintf(data, sizeof data, "%s/users.csv", w.data);
    FILE *f = fopen(data, "a");
    cr_assert(f != NULL && fputs("\n", f) >= 0 && fclose(f) == 0);
    MUST(part_run(&w, "changed", 2, 3, (SweepHow){0}, &e_));
    part_name(other, &w, "changed", 2, 3);
    e = (Err){0};
    cr_assert_eq(join_runs(out, (const char *const[]){run, other}, 2, NULL, &e), ERR_ARG);
    cr_assert(strstr(e.msg, "users_sha256") != NULL && strstr(e.msg, other) != NULL, "%s", e.msg);
    world_close(&w);
}

Test(shards, nothing_to_join_is_named, .timeout = 240)
{
    World w = world_open();
    Err e = {0};
    char out[PATH];
    snprintf(out, sizeof out, "%s/out", w.dir);
    cr_assert_eq(join_runs(out, NULL, 0, NULL, &e), ERR_ARG);
    e = (Err){0};
    cr_assert_eq(join_runs(out, (const char *const[]){w.data}, 1, NULL, &e), ERR_IO);
    cr_assert_not_null(strstr(e.msg, "no such ledger"), "%s", e.msg);
    MUST(part_run(&w, "one", 1, 1, (SweepHow){0}, &e_));
    char run[PATH];
    part_name(run, &w, "one", 1, 1);
    e = (Err){0};
    cr_assert_eq(join_runs(run, (const char *const[]){run}, 1, NULL, &e), ERR_IO);
    cr_assert_not_null(strstr(e.msg, "already there"), "%s", e.msg);
    world_close(&w);
}

/* Ledgers that say what no run writes, and parts of two divisions. */
Test(shards, odd_ledgers_are_named, .timeout = 240)
{
    static const struct {
        const char *sql, *message;
    } odd[] = {
        {"UPDATE meta SET value = '2/1' WHERE key = 'shard'", "is part '2/1', want I/N with I from 1 to N"},
        {"UPDATE meta SET value = '1/1' WHERE key = 'shard'; UPDATE meta SET value = '99' WHERE key = "
         "'planned_cells'",
         "cells in all, 99 were planned: the runs given do not make up the audit"},
        {"DELETE FROM meta WHERE key = 'spec_hash'", "its ledger has no specification"},
    };
    World w = world_open();
    char run[PATH], half[PATH], out[PATH], ledger[PATH + 16];
    Err e = {0};
    part_name(run, &w, "odd", 1, 1);
    part_name(half, &w, "half", 1, 2);
    snprintf(out, sizeof out, "%s/out", w.dir);
    snprintf(ledger, sizeof ledger, "%s/ledger.db", run);
    MUST(part_run(&w, "odd", 1, 1, (SweepHow){0}, &e_));
    MUST(part_run(&w, "half", 1, 2, (SweepHow){0}, &e_));
    cr_expect_eq(join_runs(out, (const char *const[]){half, run}, 2, NULL, &e), ERR_ARG);
    cr_expect_not_null(strstr(e.msg, "is part 1/1, others are parts of 2"), "%s", e.msg);
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        Ledger *l = NULL;
        e = (Err){0};
        MUST(ledger_open(&l, ledger, LEDGER_APPEND, NULL, &e_));
        MUST(ledger_exec(l, odd[i].sql, &e_));
        ledger_close(l);
        cr_expect_neq(join_runs(out, (const char *const[]){run}, 1, NULL, &e), OK);
        cr_expect_not_null(strstr(e.msg, odd[i].message), "%s, want %s", e.msg, odd[i].message);
    }
    world_close(&w);
}
