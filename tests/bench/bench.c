/* bench - rates of what takes the time, beside the machine's own limits measured in the same run. Medians of
 * repetitions that are interleaved over all cases. Nothing is asserted: see README.md. */
#include "bench.h"

#include "prime/mat.h"
#include "prime/par.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double bench_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A line of /proc/self/status in bytes; -1 where there is none. */
double bench_memory(const char *key)
{
    char line[256];
    double bytes = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, key, strlen(key)) == 0) bytes = 1024 * strtod(line + strlen(key) + 1, NULL);
    if (f != NULL) fclose(f);
    return bytes;
}

/* The peak is counted from here on; false where the kernel does not offer that. */
bool bench_reset_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (f == NULL) return false;
    bool ok = fputs("5", f) >= 0;
    return fclose(f) == 0 && ok;
}

void bench_add(Bench *b, BenchCase c)
{
    if (b->n < BENCH_MAX_CASES) b->c[b->n++] = c;
}

const BenchCase *bench_case(const Bench *b, const char *what, size_t threads)
{
    for (size_t i = 0; i < b->n; i++)
        if (strcmp(b->c[i].what, what) == 0 && b->c[i].threads == threads) return &b->c[i];
    return NULL;
}

/* Names, units and notes hold nothing that would have to be escaped; a value that is a name is one word. */
static const char *const row_forms[] = {
    [BENCH_CSV] = "%s,%s,%s,\"%s\"\n",
    [BENCH_TABLE] = "%-34s %12s %-12s %s\n",
    [BENCH_JSON] = "{\"what\": \"%s\", \"value\": %s, \"unit\": \"%s\", \"note\": \"%s\"}\n",
};

void bench_row(const Bench *b, const char *what, double value, const char *text, const char *unit,
               const char *note)
{
    char number[32], quoted[128] = "";
    snprintf(number, sizeof number, "%.*g", strncmp(what, "nll_", 4) == 0 ? 9 : 4, value);
    if (text != NULL && b->form == BENCH_JSON) snprintf(quoted, sizeof quoted, "\"%s\"", text);
    if (text == NULL) text = isfinite(value) || b->form != BENCH_JSON ? number : "null";
    printf(row_forms[b->form], what, *quoted != '\0' ? quoted : text, unit, note);
    fflush(stdout);
}

static Status case_run(BenchCase *c, size_t rep, Err *e)
{
    par_set_threads(c->threads);
    bool told = c->memory && bench_reset_peak();
    double before = told ? bench_memory("VmRSS") : -1, start = bench_seconds();
    Status s = c->run(c->ctx, c->threads, e);
    c->sec[rep] = bench_seconds() - start;
    double grown = told ? bench_memory("VmHWM") - before : -1;
    if (rep == 0 || grown > c->grown) c->grown = grown;
    par_set_threads(0);
    return s;
}

static int compare_seconds(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static Status run_cases(Bench *b, Err *e)
{
    for (size_t i = 0; i < b->n; i++) {
        b->c[i].sec = calloc(b->reps, sizeof *b->c[i].sec);
        if (b->c[i].sec == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu repetitions", b->reps);
    }
    for (size_t rep = 0; b->n > 0 && rep < b->reps; rep++) {
        double start = bench_seconds();
        for (size_t i = 0; i < b->n; i++) TRY(case_run(&b->c[i], rep, e));
        fprintf(stderr, "bench: repetition %zu of %zu, %.1f s\n", rep + 1, b->reps, bench_seconds() - start);
    }
    for (size_t i = 0; i < b->n; i++) {
        qsort(b->c[i].sec, b->reps, sizeof *b->c[i].sec, compare_seconds);
        size_t half = b->reps / 2;
        b->c[i].median =
            b->reps % 2 == 1 ? b->c[i].sec[half] : 0.5 * (b->c[i].sec[half - 1] + b->c[i].sec[half]);
    }
    return OK;
}

static void print_cases(const Bench *b)
{
    if (b->form == BENCH_TABLE) printf("%-34s %12s %-12s %s\n", "what", "value", "unit", "note");
    if (b->form == BENCH_CSV) puts("what,value,unit,note");
    bench_row(b, "products", 0, mat_backend(), "name", mat_library());
    bench_row(b, "blas_kernel", 0, mat_kernel(), "name", "chosen by the BLAS for this processor");
    for (size_t i = 0; i < b->n; i++) {
        const BenchCase *c = &b->c[i];
        char what[80];
        snprintf(what, sizeof what, "%s_%zut", c->what, c->threads);
        bench_row(b, what, c->work > 0 ? c->work / c->median : c->median, NULL, c->unit, c->note);
    }
}

/* ---- the groups ---- */

/* asked: not part of a run of everything. limits: shares are taken of the machine's limits, which are
 * measured too. */
static const struct {
    const char *name;
    BenchAdd add;
    BenchRows rows;
    void (*free)(void);
    bool limits, asked;
} groups[] = {
    {"limits", limits_add, NULL, limits_free, false, false},
    {"score", scoring_add, scoring_rows, NULL, true, false},
    {"population", population_add, population_rows, population_free, false, false},
    {"signals", signals_add, signals_rows, signals_bench_free, false, false},
    {"greedy", greedy_add, NULL, greedy_free, false, false},
    {"smollm", smol_add, smol_rows, smol_free, false, false},
    {"train", train_add, train_rows, train_free, false, false},
    {"merge", merging_add, merging_rows, merging_free, true, false},
    {"stats", stats_add, NULL, stats_free, false, false},
    {"fronts", fronts_add, NULL, fronts_free, true, false},
    {"search", search_add, search_rows, search_free, false, false},
    {"tokens", tokens_add, NULL, tokens_free, false, false},
    {"load", load_add, load_rows, load_free, false, false},
    {"bm25", retrieval_add, retrieval_rows, retrieval_free, false, false},
    {"import", imports_add, imports_rows, imports_free, false, false},
    {"resident", NULL, resident_rows, NULL, false, true},
    {"growth", growth_add, growth_rows, growth_free, false, true},
    {"archive", NULL, archive_rows, NULL, false, false},
    {"nll", NULL, scoring_population, NULL, false, false},
};
enum { N_GROUPS = sizeof groups / sizeof groups[0] };

typedef struct {
    const char *model, *only;
    size_t texts, bytes;
} BenchOpts;

/* N_GROUPS: there is none. */
static size_t group_named(const char *name)
{
    size_t i = 0;
    while (i < N_GROUPS && strcmp(groups[i].name, name) != 0) i++;
    return i;
}

static bool group_wanted(const BenchOpts *o, size_t i)
{
    if (o->only == NULL) return !groups[i].asked;
    size_t only = group_named(o->only);
    return i == only || (groups[only].limits && i == group_named("limits"));
}

static Status bench_all(Bench *b, Workload *w, const BenchOpts *o, Err *e)
{
    BenchIn in = {w, o->model, o->bytes};
    TRY(in.dir != NULL ? work_load(w, o->model, o->texts, e) : work_random(w, o->texts, e));
    for (size_t i = 0; i < N_GROUPS; i++)
        if (group_wanted(o, i) && groups[i].add != NULL) TRY(groups[i].add(b, &in, e));
    TRY(run_cases(b, e));
    print_cases(b);
    for (size_t i = 0; i < N_GROUPS; i++)
        if (group_wanted(o, i) && groups[i].rows != NULL) TRY(groups[i].rows(b, &in, e));
    return OK;
}

/* 200M, 1G, 5000000; 0 for what is none. */
static size_t bench_size(const char *text)
{
    char *end = NULL;
    double x = strtod(text, &end), unit = *end == 'G'   ? 1 << 30
                                          : *end == 'M' ? 1 << 20
                                          : *end == 'k' ? 1 << 10
                                                        : 1;
    bool fine = end != text && (*end == '\0' || end[1] == '\0') && x > 0 && x * unit <= 1e12;
    return fine ? (size_t)(x * unit) : 0;
}

static int usage(void)
{
    fputs("usage: bench [--table|--json] [--reps N] [--texts N] [--model DIR] [--size BYTES, such as 200M or "
          "1G] [--only ",
          stderr);
    for (size_t i = 0; i < N_GROUPS; i++) fprintf(stderr, "%s%s", i > 0 ? "|" : "", groups[i].name);
    fputs("]\n", stderr);
    return 2;
}

static bool bench_options(Bench *b, BenchOpts *o, int argc, char **argv)
{
    static const struct option longs[] = {
        {"table", no_argument, NULL, 't'},      {"json", no_argument, NULL, 'j'},
        {"reps", required_argument, NULL, 'r'}, {"texts", required_argument, NULL, 'n'},
        {"only", required_argument, NULL, 'o'}, {"model", required_argument, NULL, 'm'},
        {"size", required_argument, NULL, 's'}, {0}};
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 't') b->form = BENCH_TABLE;
        if (c == 'j') b->form = BENCH_JSON;
        if (c == 'r') b->reps = strtoul(optarg, NULL, 10);
        if (c == 'n') o->texts = strtoul(optarg, NULL, 10);
        if (c == 'o') o->only = optarg;
        if (c == 'm') o->model = optarg;
        if (c == 's') o->bytes = bench_size(optarg);
        if (c == '?') return false;
    }
    return optind == argc && b->reps >= 1 && b->reps <= 1000 && o->texts >= 1 && o->texts <= 100000 &&
           o->bytes > 0 && (o->only == NULL || group_named(o->only) < N_GROUPS);
}

int main(int argc, char **argv)
{
    static Bench b = {.reps = 3};
    BenchOpts o = {.texts = 50, .bytes = (size_t)200 << 20};
    if (!bench_options(&b, &o, argc, argv)) return usage();
    mat_init();
    Workload w = {0};
    Err e = {0};
    Status s = bench_all(&b, &w, &o, &e);
    if (s != OK) fprintf(stderr, "bench: %s\n", e.msg);
    for (size_t i = 0; i < b.n; i++) free(b.c[i].sec);
    for (size_t i = 0; i < N_GROUPS; i++)
        if (groups[i].free != NULL) groups[i].free();
    work_free(&w);
    return s == OK ? 0 : 1;
}
