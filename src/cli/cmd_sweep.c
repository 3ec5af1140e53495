/* cmd_sweep.c - the main job, and the two ways to look at it before it runs. */
#include "cli_priv.h"
#include "interrupt.h"
#include "progress.h"

#include "prime/file.h"
#include "prime/log.h"
#include "prime/par.h"
#include "prime/plan_scale.h"
#include "prime/report.h"
#include "prime/sweep.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_LEN = 512 };

/* audits/NAME/audit.yaml -> reports/NAME. */
static void default_out(char out[NAME_LEN], const char *path)
{
    const char *slash = strrchr(path, '/'), *from = slash;
    while (from != NULL && from > path && from[-1] != '/') from--;
    if (slash == NULL || slash == from || (slash - from == 1 && *from == '.'))
        snprintf(out, NAME_LEN, "reports/run");
    else
        snprintf(out, NAME_LEN, "reports/%.*s", (int)(slash - from), from);
}

/* The assignments of --set and --lambda as one list; items point into argv and into *lambda. */
static const char **assignments(size_t *n, const CliList *set, const char *lambda, char **owned)
{
    const char **all = calloc(set->n + 1, sizeof *all);
    *owned = NULL;
    *n = 0;
    for (size_t i = 0; all != NULL && i < set->n; i++) all[(*n)++] = set->item[i];
    if (all == NULL || lambda == NULL) return all;
    size_t len = strlen(lambda) + sizeof "lambda=";
    *owned = malloc(len);
    if (*owned != NULL) {
        snprintf(*owned, len, "lambda=%s", lambda);
        all[(*n)++] = *owned;
    }
    return all;
}

/* --precision is short for an assignment, whose text is written to `text`. */
static Status assign_precision(CliList *set, char text[64], const char *precision, Err *e)
{
    if (precision == NULL) return OK;
    const char **more = realloc(set->item, (set->n + 1) * sizeof *more);
    if (more == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    snprintf(text, 64, "precision=%.40s", precision);
    more[set->n++] = text;
    set->item = more;
    return OK;
}

static Status load_spec(Spec *spec, Arena *a, const char *path, const CliList *set, const char *lambda,
                        Err *e)
{
    char *owned = NULL;
    size_t n = 0;
    const char **all = assignments(&n, set, lambda, &owned);
    Status s = all == NULL || (lambda != NULL && owned == NULL)
                   ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "out of memory")
                   : spec_load(spec, a, path, all, n, e);
    free(all);
    free(owned);
    return s;
}

static void watch_begin(void *ctx, size_t total)
{
    (void)ctx;
    progress_begin(total);
}

static void watch_step(void *ctx, const char *label)
{
    (void)ctx;
    progress_step(label);
}

static bool watch_stop(void *ctx)
{
    (void)ctx;
    return interrupt_asked();
}

/* CSV files into the run's folder, the front as text into table. */
static Status report_on(Str *table, const char *dir, Err *e)
{
    Ledger *l = NULL;
    Report *r = NULL;
    char *path = file_join(dir, "ledger.db");
    Status s = path != NULL ? ledger_open(&l, path, LEDGER_READ, NULL, e)
                            : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "out of memory");
    if (s == OK) s = report_load(&r, l, NULL, e);
    if (s == OK) s = report_write(r, "csv", dir, table, e);
    if (s == OK) s = report_write(r, "table", dir, table, e);
    report_free(r);
    ledger_close(l);
    free(path);
    return s;
}

/* What there is to say of a run that is done: of a part of one, only where it lies. */
static Status sweep_told(const char *dir, const SweepHow *how, Err *e)
{
    Str table = {0};
    Status s = OK;
    if (how->train_only)
        printf("adapters: %s\n", dir);
    else if (how->shards > 0)
        printf("part %zu/%zu: %s\n", how->shard, how->shards, dir);
    else
        s = report_on(&table, dir, e);
    if (s == OK && table.failed)
        s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory for its table", dir);
    if (s == OK && table.n > 0) printf("%s\nreport: %s\n", table.s, dir);
    str_free(&table);
    return s;
}

static Status sweep_here(const char *path, const CliList *set, const char *lambda, const char *dir,
                         const SweepHow *how, Err *e)
{
    Arena a = {0};
    Spec spec;
    Status s = crew_agree(how->crew, load_spec(&spec, &a, path, set, lambda, e), e);
    if (s == OK) s = sweep_run(&spec, dir, how, e);
    progress_end();
    if (s == OK && crew_rank(how->crew) == 0) s = sweep_told(dir, how, e);
    arena_free(&a);
    return s;
}

/* Of one of several processes that ends all of them. */
static void last_words(const Err *e)
{
    cli_fail(e);
}

/* Of several processes the first one speaks: all have the same result. */
static Status sweep_all(const char *path, const CliList *set, const char *lambda, const char *out,
                        SweepHow *how, bool *speaks, Err *e)
{
    char dir[NAME_LEN];
    default_out(dir, path);
    if (out != NULL && snprintf(dir, sizeof dir, "%s", out) >= NAME_LEN)
        FAIL(e, ERR_ARG, "out = %.40s...: %zu bytes, want at most %d", out, strlen(out), NAME_LEN - 1);
    SweepWatch watch = {.begin = watch_begin, .step = watch_step, .stop = watch_stop};
    how->watch = &watch;
    TRY(crew_open(&how->crew, e));
    crew_on_lost(how->crew, last_words);
    *speaks = crew_rank(how->crew) == 0;
    if (!*speaks) log_install(NULL, NULL);
    interrupt_watch();
    Status s = sweep_here(path, set, lambda, dir, how, e);
    crew_close(how->crew);
    how->crew = NULL;
    return s;
}

/* "I/N" with I from 1 to N. */
static Status read_shard(SweepHow *how, const char *text, Err *e)
{
    char *end = NULL;
    if (text == NULL) return OK;
    unsigned long part = strtoul(text, &end, 10), parts = 0;
    bool well = isdigit((unsigned char)text[0]) && *end == '/' && isdigit((unsigned char)end[1]);
    if (well) parts = strtoul(end + 1, &end, 10);
    if (!well || *end != '\0' || part == 0 || part > parts || parts > 100000)
        FAIL(e, ERR_ARG, "--shard = %s, want I/N with I from 1 to N, N at most 100000", text);
    how->shard = part;
    how->shards = parts;
    return OK;
}

static Status look_at(const char *path, const CliList *set, const char *lambda, bool plan, Err *e)
{
    Arena a = {0};
    Spec spec;
    Str text = {0};
    Status s = load_spec(&spec, &a, path, set, lambda, e);
    SweepPlanHow how = {.measure = !cli_common.no_provenance, .json = cli_common.json};
    if (s == OK && plan) s = sweep_plan(&text, &spec, &how, e);
    if (s == OK && !plan) spec_dump(&text, &spec);
    if (s == OK) s = cli_put(&text, e);
    str_free(&text);
    arena_free(&a);
    return s;
}

static int sweep_main(const CliVerb *self, int argc, char **argv)
{
    CliList pos = {0}, set = {0};
    const char *lambda = NULL, *out = NULL, *precision = NULL, *shard = NULL;
    char assigned[64];
    SweepHow how = {0};
    size_t jobs = 0;
    bool dry = false, speaks = true;
    const CliOpt opts[] = {
        {"adapters", 'a', OPT_STR, &how.adapters, "RUN", "read the adapters of another run, train none", 0,
         0},
        {"dry-run", 'n', OPT_FLAG, &dry, NULL, "print the plan, as 'prime plan' does, and do nothing", 0, 0},
        {"jobs", 'j', OPT_SIZE, &jobs, "N", "threads to use; the same as --threads", 1, 256},
        {"lambda", 'l', OPT_STR, &lambda, "LIST", "privacy weights: v,v,... or FIRST:LAST:STEP", 0, 0},
        {"out", 'o', OPT_STR, &out, "DIR", "folder of the run (reports/NAME)", 0, 0},
        {"precision", 0, OPT_STR, &precision, "P", "score and generate in f32 or bf16; the same as --set", 0,
         0},
        {"resume", 'r', OPT_FLAG, &how.resume, NULL, "carry on a run that was interrupted", 0, 0},
        {"reuse", 'u', OPT_STR, &how.reuse, "RUN", "take over what another run has evaluated", 0, 0},
        {"set", 's', OPT_MANY, &set, "KEY=VALUE", "override a key of the specification", 0, 0},
        {"shard", 0, OPT_STR, &shard, "I/N", "measure part I of N, which 'prime merge-ledgers' joins", 0, 0},
        {"train-only", 0, OPT_FLAG, &how.train_only, NULL, "end when all adapters are trained", 0, 0},
    };
    Err e = {0};
    int code = cli_args(self, "sweep", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 1);
    if (jobs > 0) par_set_threads(jobs);
    if (code < 0) {
        Status s = assign_precision(&set, assigned, precision, &e);
        if (s == OK) s = read_shard(&how, shard, &e);
        if (s == OK)
            s = dry ? look_at(pos.item[0], &set, lambda, true, &e)
                    : sweep_all(pos.item[0], &set, lambda, out, &how, &speaks, &e);
        code = s == OK ? EXIT_DONE : speaks ? cli_fail(&e) : EXIT_FAILED;
    }
    cli_list_free(&pos);
    cli_list_free(&set);
    return code;
}

static int validate_main(const CliVerb *self, int argc, char **argv)
{
    CliList pos = {0}, set = {0};
    bool keys = false;
    const CliOpt opts[] = {
        {"set", 's', OPT_MANY, &set, "KEY=VALUE", "override a key of the specification", 0, 0},
        {"keys", 'k', OPT_FLAG, &keys, NULL, "list every key with its bounds instead", 0, 0},
    };
    Err e = {0};
    int code = cli_args(self, "validate", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 0, 1);
    if (code < 0 && keys) {
        Str text = {0};
        spec_help(&text);
        code = cli_put(&text, &e) == OK ? EXIT_DONE : cli_fail(&e);
        str_free(&text);
    }
    if (code < 0 && pos.n != 1) code = cli_usage("'prime validate' takes AUDIT.yaml");
    if (code < 0) code = look_at(pos.item[0], &set, NULL, false, &e) == OK ? EXIT_DONE : cli_fail(&e);
    cli_list_free(&pos);
    cli_list_free(&set);
    return code;
}

/* A machine and models that are not here. */
typedef struct {
    const char *models;
    CliList work;
    double nodes, cores, gflops; /* 0: as assumed */
} ScaleOpts;

static Status scale_print(const ScaleOpts *o, Err *e)
{
    Str text = {0};
    PlanScale p = plan_scale_default();
    Status s = OK;
    for (size_t i = 0; s == OK && i < o->work.n; i++) s = plan_scale_set(&p, o->work.item[i], e);
    if (o->nodes > 0) p.nodes = o->nodes;
    if (o->cores > 0) p.cores = o->cores;
    if (o->gflops > 0) p.gflops = o->gflops;
    if (s == OK) s = plan_scale_rows(&text, &p, o->models, e);
    if (s == OK) s = cli_put(&text, e);
    str_free(&text);
    return s;
}

static int plan_main(const CliVerb *self, int argc, char **argv)
{
    CliList pos = {0}, set = {0};
    ScaleOpts o = {0};
    const CliOpt opts[] = {
        {"set", 's', OPT_MANY, &set, "KEY=VALUE", "override a key of the specification", 0, 0},
        {"models", 'm', OPT_STR, &o.models, "LIST",
         "memory, time and disk with models of 7B, 13B, 70B weights, computed", 0, 0},
        {"work", 'w', OPT_MANY, &o.work, "KEY=VALUE", "with --models: targets, anchors, lambdas, tokens, ...",
         0, 0},
        {"nodes", 0, OPT_NUM, &o.nodes, "N", "with --models: machines (1)", 1, 1e6},
        {"cores", 0, OPT_NUM, &o.cores, "N", "with --models: cores of each (32)", 1, 1e6},
        {"gflops", 0, OPT_NUM, &o.gflops, "X", "with --models: 1e9 operations a second of a core (50)", 1e-3,
         1e6},
    };
    Err e = {0};
    int code = cli_args(self, "plan", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 0, 1);
    if (code < 0 && (pos.n == 1) == (o.models != NULL))
        code = cli_usage("'prime plan' takes AUDIT.yaml, or --models");
    if (code < 0) {
        Status s = o.models != NULL ? scale_print(&o, &e) : look_at(pos.item[0], &set, NULL, true, &e);
        code = s == OK ? EXIT_DONE : cli_fail(&e);
    }
    cli_list_free(&pos);
    cli_list_free(&set);
    cli_list_free(&o.work);
    return code;
}

static const CliVerb sweep_verbs[] = {
    {"", "AUDIT.yaml", "run an audit: train, evolve, attack, report", sweep_main}, {0}};
static const CliVerb validate_verbs[] = {
    {"", "AUDIT.yaml", "check a specification and print it with all defaults", validate_main}, {0}};
static const CliVerb plan_verbs[] = {
    {"", "AUDIT.yaml", "people, cells, tokens, time, disk and power of an audit, before it runs", plan_main},
    {0}};
const CliNoun cli_sweep = {"sweep", "run an audit over privacy weights", sweep_verbs};
const CliNoun cli_validate = {"validate", "check a specification", validate_verbs};
const CliNoun cli_plan = {"plan", "what an audit would do", plan_verbs};
