/* What a ledger says of the programs that wrote to it, and of what they read: enough to tell where a number
 * is from, and to notice that something has changed. */
#include "world.h"

#include "prime/origin.h"

static World tiny_world(void)
{
    World w = world_open();
    w.spec = world_spec(&w,
                        (const char *const[]){"seeds=1", "lambda=0", "evolve.budget=2", "adapter.epochs=1",
                                              "targets.count=1", "anchors.pool=2"},
                        6);
    return w;
}

/* A fact of the ledger in the arena; NULL: none. */
static const char *session_fact_of(World *w, const char *run, const char *key)
{
    Ledger *l = NULL;
    Str text = {0};
    bool found = false;
    char path[PATH + 16];
    snprintf(path, sizeof path, "%s/ledger.db", run);
    MUST(ledger_open(&l, path, LEDGER_READ, NULL, &e_));
    MUST(ledger_meta_get(l, key, &text, &found, &e_));
    ledger_close(l);
    const char *copy = found ? arena_strdup(&w->arena, text.s) : NULL;
    str_free(&text);
    return copy;
}

static void facts_are(World *w, const char *run, size_t session, const char *threads)
{
    static const char *const named[] = {"start",  "version", "commit", "compiler",  "blas",
                                        "kernel", "cpu",     "wall",   "libraries", "products"};
    char key[64];
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        snprintf(key, sizeof key, "session%zu.%s", session, named[i]);
        const char *value = session_fact_of(w, run, key);
        cr_assert(value != NULL && value[0] != '\0', "no %s", key);
    }
    snprintf(key, sizeof key, "session%zu.threads", session);
    cr_assert_str_eq(session_fact_of(w, run, key), threads);
    snprintf(key, sizeof key, "session%zu.ended", session);
    cr_assert_str_eq(session_fact_of(w, run, key), "done");
    snprintf(key, sizeof key, "session%zu.wall", session);
    cr_assert_gt(strtod(session_fact_of(w, run, key), NULL), 0);
    cr_assert_str_eq(session_fact_of(w, run, "lower_is_better"), "none", "accuracy and the like");
    snprintf(key, sizeof key, "session%zu.start", session);
    int y, mo, d, h, mi, s, end = 0;
    cr_assert_eq(
        sscanf(session_fact_of(w, run, key), "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &y, &mo, &d, &h, &mi, &s, &end),
        6);
    cr_assert_eq(end, 20);
}

typedef struct {
    size_t total, steps;
} Count;

static void count_begin(void *ctx, size_t total)
{
    ((Count *)ctx)->total = total;
}

static void count_step(void *ctx, const char *label)
{
    (void)label;
    ((Count *)ctx)->steps++;
}

/* What the run says of bfloat16: differences that are there and small, of the base and with an adapter. */
static void gap_is(World *w, const char *run, bool there)
{
    double mean[2], most[2];
    size_t tokens = 0, records = 0;
    const char *text = session_fact_of(w, run, "session1.bf16.synth_tag");
    cr_assert_eq(text != NULL, there);
    if (!there) return;
    cr_assert_eq(
        sscanf(text,
               "log p a token beside f32, nats: base mean %lg, largest %lg; with an adapter mean %lg, "
               "largest %lg; %zu tokens of %zu records",
               &mean[0], &most[0], &mean[1], &most[1], &tokens, &records),
        6, "%s", text);
    for (size_t i = 0; i < 2; i++)
        cr_assert(mean[i] > 1e-7 && mean[i] < most[i] && most[i] < 0.5, "%s", text);
    cr_assert(records >= 4 && records <= 16 && tokens >= records, "%s", text);
}

/* Both precisions run, say so, and do not depend on threads; adapters are trained in float32 in either. */
Test(session, a_run_says_its_precision, .timeout = 240)
{
    static const char *const names[] = {"f32", "bf16"};
    World w = tiny_world();
    Str rows[2];
    for (size_t i = 0; i < 2; i++) {
        char set[32], run[PATH], again[32];
        snprintf(set, sizeof set, "precision=%s", names[i]);
        w.spec =
            world_spec(&w,
                       (const char *const[]){"seeds=1", "lambda=0", "evolve.budget=2", "adapter.epochs=1",
                                             "targets.count=1", "anchors.pool=2", set},
                       7);
        rows[i] = run_text(&w, names[i], 1);
        snprintf(run, sizeof run, "%s/%s", w.dir, names[i]);
        cr_assert_str_eq(session_fact_of(&w, run, "precision"), names[i]);
        gap_is(&w, run, i == 1);
        snprintf(again, sizeof again, "%s-3", names[i]);
        Str three = run_text(&w, again, 3);
        cr_assert_str_eq(rows[i].s, three.s, "%s depends on the number of threads", names[i]);
        str_free(&three);
    }
    cr_assert_str_neq(rows[0].s, rows[1].s);
    for (size_t i = 0; i < 2; i++) str_free(&rows[i]);
    world_close(&w);
}

Test(session, a_run_says_where_it_is_from, .timeout = 240)
{
    World w = tiny_world();
    char run[PATH], text[32];
    Count n = {0};
    SweepWatch watch = {.begin = count_begin, .step = count_step, .ctx = &n};
    snprintf(run, sizeof run, "%s/run", w.dir);
    par_set_threads(1);
    MUST(sweep_run(&w.spec, run, &(SweepHow){.watch = &watch}, &e_));
    facts_are(&w, run, 1, "1");
    /* Another number of threads goes on with it, under a number of its own. */
    par_set_threads(3);
    MUST(sweep_run(&w.spec, run, &(SweepHow){.resume = true}, &e_));
    par_set_threads(0);
    facts_are(&w, run, 1, "1");
    facts_are(&w, run, 2, "3");
    cr_assert_null(session_fact_of(&w, run, "session3"));
    cr_assert_str_eq(session_fact_of(&w, run, "commit"), origin_commit());
    cr_assert_str_eq(session_fact_of(&w, run, "session1.version"), PRIME_VERSION);
    cr_assert(strstr(session_fact_of(&w, run, "libraries"), "sqlite3 3.") != NULL);
    snprintf(text, sizeof text, "%zu", n.total);
    cr_assert_str_eq(session_fact_of(&w, run, "planned_cells"), text);
    cr_assert_eq(n.steps, n.total);
    world_close(&w);
}

static Status count_adapter(void *ctx, const char *key, const char *value, Err *e)
{
    const char *run = *(const char **)ctx;
    char task[64], unit[64], path[2 * PATH + 256], hex[HASH_HEX];
    unsigned seed = 0;
    if (strncmp(key, "adapter.", 8) != 0) return OK;
    cr_assert_eq(sscanf(key, "adapter.%63[^.].%63[^.].seed%u", task, unit, &seed), 3, "%s", key);
    snprintf(path, sizeof path, "%s/adapters/%s/%s.seed%u/adapter_model.safetensors", run, task, unit, seed);
    TRY(hash_file(hex, path, e));
    cr_assert_str_eq(hex, value, "%s", key);
    ((size_t *)((const char **)ctx + 1))[0]++;
    return OK;
}

Test(session, adapters_are_named_by_their_hash, .timeout = 240)
{
    World w = tiny_world();
    char run[PATH], path[PATH + 16], cmd[PATH + 128];
    snprintf(run, sizeof run, "%s/run", w.dir);
    snprintf(path, sizeof path, "%s/ledger.db", run);
    MUST(sweep_run(&w.spec, run, NULL, &e_));
    struct {
        const char *run;
        size_t n;
    } seen = {run, 0};
    Ledger *l = NULL;
    MUST(ledger_open(&l, path, LEDGER_READ, NULL, &e_));
    MUST(ledger_each_meta(l, count_adapter, &seen, &e_));
    ledger_close(l);
    cr_assert_eq(seen.n, 2);
    /* One of them is put in the place of the other. */
    snprintf(cmd, sizeof cmd, "cd %s/adapters/synth_tag && set -- */ && cp $1/* $2", run);
    cr_assert_eq(system(cmd), 0);
    Err e = {0};
    cr_assert_eq(sweep_run(&w.spec, run, &(SweepHow){.resume = true}, &e), ERR_ARG);
    cr_assert(strstr(e.msg, "adapter.synth_tag.") != NULL && strstr(e.msg, "is recorded as") != NULL, "%s",
              e.msg);
    world_close(&w);
}

/* A file of the dataset is changed, or comes up, between two sessions. */
Test(session, files_that_changed_are_named, .timeout = 240)
{
    static const struct {
        const char *file, *add, *key;
    } cases[] = {{"synth_tag.jsonl", "\n", "data_sha256.synth_tag"},
                 {"users.csv", "\n", "users_sha256"},
                 {"profiles.jsonl", "", "profiles_sha256"},
                 {"synth_tag.task.yaml", "# new\n", "task_sha256.synth_tag"}};
    World w = tiny_world();
    char run[PATH], cmd[4 * PATH + 128];
    snprintf(run, sizeof run, "%s/run", w.dir);
    MUST(sweep_run(&w.spec, run, NULL, &e_));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Err e = {0};
        snprintf(cmd, sizeof cmd, "cp -r %s %s.kept && printf '%s' >>%s/%s", w.data, w.data, cases[i].add,
                 w.data, cases[i].file);
        cr_assert_eq(system(cmd), 0);
        cr_assert_eq(sweep_run(&w.spec, run, &(SweepHow){.resume = true}, &e), ERR_ARG, "%s: %s",
                     cases[i].file, e.msg);
        cr_assert(strstr(e.msg, cases[i].key) != NULL, "%s", e.msg);
        snprintf(cmd, sizeof cmd, "rm -r %s && mv %s.kept %s", w.data, w.data, w.data);
        cr_assert_eq(system(cmd), 0);
    }
    MUST(sweep_run(&w.spec, run, &(SweepHow){.resume = true}, &e_));
    world_close(&w);
}
