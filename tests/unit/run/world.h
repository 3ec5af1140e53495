/* world.h - made-up people, a small random model and an audit of them, for tests of runs. */
#ifndef PRIME_TESTS_WORLD_H
#define PRIME_TESTS_WORLD_H

#include "prime/arena.h"
#include "prime/data.h"
#include "prime/file.h"
#include "prime/hash.h"
#include "prime/ledger.h"
#include "prime/mat.h"
#include "prime/par.h"
#include "prime/sweep.h"
#include "prime/tok.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH = 600 };

typedef struct {
    char dir[64], data[PATH], base[PATH];
    Arena arena;
    Spec spec;
} World;

#define MUST(call)                                         \
    do {                                                   \
        Err e_ = {0};                                      \
        cr_assert_eq((call), OK, "%s: %s", #call, e_.msg); \
    } while (0)

static inline void copy_file(const char *from, const char *to)
{
    char *text = NULL;
    size_t n = 0;
    MUST(file_read(&text, &n, from, &e_));
    MUST(file_write(to, text, n, &e_));
    free(text);
}

/* A base folder: random weights and the small tokenizer of the fixtures. */
static inline void make_base(const World *w)
{
    char from[PATH + 64], to[PATH + 64];
    Tok *tok = NULL;
    Model *m = NULL;
    snprintf(from, sizeof from, "%s/fixtures/tok/tiny/tokenizer.json", getenv("PRIME_SOURCE"));
    MUST(file_mkdir(w->base, &e_));
    snprintf(to, sizeof to, "%s/tokenizer.json", w->base);
    copy_file(from, to);
    MUST(tok_load(&tok, w->base, &e_));
    ModelConfig c = {.n_vocab = tok_vocab_size(tok),
                     .n_hidden = 32,
                     .n_layers = 2,
                     .n_heads = 2,
                     .n_kv = 1,
                     .head_dim = 16,
                     .n_ffn = 48,
                     .max_len = 256,
                     .norm_eps = 1e-5,
                     .rope.theta = 10000,
                     .tied = true,
                     .bos = -1,
                     .eos = 0};
    MUST(model_new(&m, &c, &e_));
    Rng rng = rng_stream(1, "test base", 0);
    model_init(m, &rng);
    for (size_t i = 0; i < m->p.n; i++) m->p.data[i] *= 3; /* so that answers differ between adapters */
    MUST(model_save(m, w->base, ST_F32, &e_));
    model_free(m);
    tok_free(tok);
}

static const char yaml[] = "task: synth_tag\n"
                           "data: DATA\n"
                           "base: BASE\n"
                           "seeds: [1, 2]\n"
                           "lambda: [0, 0.5, 4]\n"
                           "targets: {count: 2, min_search: 4, min_query: 2}\n"
                           "anchors: {pool: 4, per_target: 2, min_history: 4, min_heldout: 2}\n"
                           "adapt: {records: 0}\n"
                           "adapter: {rank: 2, alpha: 4, lr: 0.02, epochs: 2}\n"
                           "evolve: {budget: 5, operator: exact}\n"
                           "search: {records: 4, score: labels}\n"
                           "utility: {records: 4, score: labels}\n";

static inline Spec world_spec(World *w, const char *const *more, size_t n_more)
{
    char path[PATH], data[PATH + 8], base[PATH + 8];
    const char *set[32] = {data, base};
    Spec s;
    snprintf(path, sizeof path, "%s/audit.yaml", w->dir);
    snprintf(data, sizeof data, "data=%s", w->data);
    snprintf(base, sizeof base, "base=%s", w->base);
    for (size_t i = 0; i < n_more; i++) set[2 + i] = more[i];
    MUST(file_write(path, yaml, sizeof yaml - 1, &e_));
    MUST(spec_load(&s, &w->arena, path, set, 2 + n_more, &e_));
    return s;
}

/* So many people with so many records of each task. */
static inline World world_of(size_t users, size_t records)
{
    World w = {.dir = "prime_sweep_XXXXXX"};
    cr_assert_not_null(mkdtemp(w.dir));
    mat_init();
    snprintf(w.data, sizeof w.data, "%s/data", w.dir);
    snprintf(w.base, sizeof w.base, "%s/base", w.dir);
    DataSynthOpt o = {.out = w.data,
                      .salt = DATA_SALT,
                      .seed = 5,
                      .history = 0.5,
                      .query = 0.25,
                      .users = users,
                      .records = records};
    MUST(data_synth(&o, &e_));
    make_base(&w);
    w.spec = world_spec(&w, NULL, 0);
    return w;
}

static inline World world_open(void)
{
    return world_of(10, 16);
}

static inline void world_close(World *w)
{
    char cmd[128];
    snprintf(cmd, sizeof cmd, "rm -r %s", w->dir);
    cr_assert_eq(system(cmd), 0);
    arena_free(&w->arena);
}

/* ---- the ledger as text ---- */

static inline Status put_score(void *ctx, const LedgerCell *c, const LedgerScore *s, Err *e)
{
    (void)e;
    str_printf(ctx, "%s|%s|%s|%s|%s|%d|%.17g\n", c->key, s->kind, s->metric, s->unit, s->record, s->label,
               s->value);
    return OK;
}

static inline Str run_rows(const char *run, const LedgerFilter *f)
{
    Str text = {0};
    Ledger *l = NULL;
    char *path = file_join(run, "ledger.db");
    MUST(ledger_open(&l, path, LEDGER_READ, NULL, &e_));
    MUST(ledger_each_score(l, f, put_score, &text, &e_));
    ledger_close(l);
    free(path);
    cr_assert(!text.failed && text.n > 0);
    return text;
}

static inline Str run_text(World *w, const char *name, size_t threads)
{
    char run[PATH];
    snprintf(run, sizeof run, "%s/%s", w->dir, name);
    par_set_threads(threads);
    MUST(sweep_run(&w->spec, run, NULL, &e_));
    par_set_threads(0);
    return run_rows(run, NULL);
}

static inline size_t count_lines(const Str *s, const char *part)
{
    size_t n = 0;
    for (const char *at = s->s; (at = strstr(at, part)) != NULL; at++) n++;
    return n;
}

/* Sum of a row's values over the cells of one lambda. */
static inline double sum_of(const Str *rows, const char *lambda, const char *what)
{
    double sum = 0;
    for (const char *line = rows->s; line != NULL && *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *end = strchr(line, '\n'), *at = strstr(line, what), *l = strstr(line, lambda);
        if (at != NULL && at < end && l != NULL && l < end) {
            const char *value = end;
            while (value[-1] != '|') value--;
            sum += strtod(value, NULL);
        }
    }
    return sum;
}

/* ---- killed in the middle ---- */

static inline void kill_evaluation(void *ctx, size_t n)
{
    size_t *left = ctx;
    if (*left < n) _exit(9);
    *left -= n;
}

static inline void kill_step(void *ctx, const char *label)
{
    (void)label;
    size_t *left = ctx;
    if ((*left)-- == 0) _exit(9);
}

/* The rows of a run that died after so many cells, or evaluations of a search, and was resumed. */
static inline Str killed_rows(World *w, size_t after, bool evaluations)
{
    char run[PATH];
    snprintf(run, sizeof run, "%s/killed%zu%d", w->dir, after, evaluations);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        size_t left = after;
        SweepWatch watch = {.ctx = &left};
        if (evaluations)
            watch.evaluated = kill_evaluation;
        else
            watch.step = kill_step;
        Err e = {0};
        (void)!sweep_run(&w->spec, run, &(SweepHow){.watch = &watch}, &e);
        _exit(1);
    }
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 9, "the child must die in the middle");
    MUST(sweep_run(&w->spec, run, &(SweepHow){.resume = true}, &e_));
    return run_rows(run, NULL);
}

/* What is tried at several moments, or several times by chance, runs through the same lines every time: under
 * AddressSanitizer, where a run takes several times as long, it is tried half as often. Kills say nothing of
 * threads: under ThreadSanitizer there are none. */
#if defined(__SANITIZE_ADDRESS__)
enum { FEWER = 2 };
#elif defined(__SANITIZE_THREAD__)
enum { FEWER = 100 };
#else
enum { FEWER = 1 };
#endif

/* Killed after each of these, and resumed, a run has the rows of the whole one. */
static inline void check_killed(World *w, const Str *whole, const size_t *after, size_t n, bool evaluations)
{
    for (size_t i = FEWER - 1; i < n; i += FEWER) {
        Str again = killed_rows(w, after[i], evaluations);
        cr_assert_str_eq(again.s, whole->s, "killed after %zu", after[i]);
        str_free(&again);
    }
}

#endif
