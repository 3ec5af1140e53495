/* bench - rates of what takes the time, beside the machine's own limits measured in the same run. Medians of
 * repetitions that are interleaved over all cases. Nothing is asserted: see README.md. */
#include "bench.h"

#include "prime/mat.h"
#include "prime/par.h"

#include <getopt.h>
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
static double memory_line(const char *key)
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
static bool memory_reset_peak(void)
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

void bench_row(const Bench *b, const char *what, double value, const char *text, const char *unit,
               const char *note)
{
    char number[32];
    snprintf(number, sizeof number, "%.*g", strncmp(what, "nll_", 4) == 0 ? 9 : 4, value);
    if (text == NULL) text = number;
    if (b->table)
        printf("%-34s %12s %-12s %s\n", what, text, unit, note);
    else
        printf("%s,%s,%s,\"%s\"\n", what, text, unit, note);
    fflush(stdout);
}

static Status case_run(BenchCase *c, size_t rep, Err *e)
{
    par_set_threads(c->threads);
    bool told = c->memory && memory_reset_peak();
    double before = told ? memory_line("VmRSS") : -1, start = bench_seconds();
    Status s = c->run(c->ctx, c->threads, e);
    c->sec[rep] = bench_seconds() - start;
    double grown = told ? memory_line("VmHWM") - before : -1;
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
    if (b->table)
        printf("%-34s %12s %-12s %s\n", "what", "value", "unit", "note");
    else
        puts("what,value,unit,note");
    bench_row(b, "blas_kernel", 0, mat_kernel(), "name", "chosen by the BLAS for this processor");
    for (size_t i = 0; i < b->n; i++) {
        const BenchCase *c = &b->c[i];
        char what[80];
        snprintf(what, sizeof what, "%s_%zut", c->what, c->threads);
        bench_row(b, what, c->work > 0 ? c->work / c->median : c->median, NULL, c->unit, c->note);
    }
}

typedef struct {
    const char *model, *only;
    size_t texts, bytes; /* bytes: of the file that is imported */
} BenchOpts;

static bool wanted(const BenchOpts *o, const char *group)
{
    return o->only == NULL || strcmp(o->only, group) == 0;
}

/* The limits belong to scoring, whose shares are taken of them, and go with the fronts to tell the machine.
 */
static Status list_cases(Bench *b, Workload *w, const BenchOpts *o, Err *e)
{
    if (wanted(o, "limits") || wanted(o, "score") || wanted(o, "fronts") || wanted(o, "merge"))
        TRY(limits_add(b, w, e));
    if (wanted(o, "score")) scoring_add(b, w);
    if (wanted(o, "signals")) TRY(signals_add(b, w, e));
    if (wanted(o, "greedy")) TRY(greedy_add(b, w, e));
    if (wanted(o, "smollm")) TRY(smol_add(b, e));
    if (wanted(o, "train")) TRY(train_add(b, w, e));
    if (wanted(o, "merge")) TRY(merging_add(b, e));
    if (wanted(o, "stats")) TRY(stats_add(b, e));
    if (wanted(o, "fronts")) TRY(fronts_add(b, e));
    if (wanted(o, "search")) TRY(search_add(b, e));
    if (wanted(o, "tokens")) TRY(tokens_add(b, e));
    if (wanted(o, "load")) TRY(load_add(b, e));
    if (wanted(o, "bm25")) TRY(retrieval_add(b, e));
    if (wanted(o, "import")) TRY(imports_add(b, o->bytes, e));
    return OK;
}

static Status bench_all(Bench *b, Workload *w, const BenchOpts *o, Err *e)
{
    if (o->model != NULL)
        TRY(work_load(w, o->model, o->texts, e));
    else
        TRY(work_random(w, o->texts, e));
    TRY(list_cases(b, w, o, e));
    TRY(run_cases(b, e));
    print_cases(b);
    if (wanted(o, "score")) scoring_rows(b, w);
    if (wanted(o, "signals")) signals_rows(b);
    if (wanted(o, "search")) search_rows(b);
    if (wanted(o, "load")) load_rows(b);
    if (wanted(o, "import")) imports_rows(b);
    if (wanted(o, "merge")) merging_rows(b);
    if (wanted(o, "bm25")) retrieval_rows(b);
    if (wanted(o, "smollm")) smol_rows(b);
    if (wanted(o, "archive")) TRY(archive_rows(b, e));
    if (o->model != NULL && wanted(o, "nll")) TRY(scoring_population(b, w, e));
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
    fputs("usage: bench [--table] [--reps N] [--texts N] [--only "
          "limits|score|signals|greedy|smollm|train|merge|stats|fronts|search|load|import|tokens|bm25|"
          "archive|nll] "
          "[--model DIR] [--size BYTES, such as 200M or 1G]\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {{"table", no_argument, NULL, 't'},
                                          {"reps", required_argument, NULL, 'r'},
                                          {"texts", required_argument, NULL, 'n'},
                                          {"only", required_argument, NULL, 'o'},
                                          {"model", required_argument, NULL, 'm'},
                                          {"size", required_argument, NULL, 's'},
                                          {0}};
    static const char *const groups[] = {"limits", "score", "signals", "greedy", "smollm", "train",
                                         "merge",  "stats", "fronts",  "search", "load",   "import",
                                         "tokens", "bm25",  "archive", "nll"};
    static Bench b = {.reps = 3};
    BenchOpts o = {.texts = 50, .bytes = (size_t)200 << 20};
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 't') b.table = true;
        if (c == 'r') b.reps = strtoul(optarg, NULL, 10);
        if (c == 'n') o.texts = strtoul(optarg, NULL, 10);
        if (c == 'o') o.only = optarg;
        if (c == 'm') o.model = optarg;
        if (c == 's') o.bytes = bench_size(optarg);
        if (c == '?') return usage();
    }
    bool known = o.only == NULL;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0] && !known; i++)
        known = strcmp(o.only, groups[i]) == 0;
    if (optind < argc || b.reps < 1 || b.reps > 1000 || o.texts < 1 || o.texts > 100000 || o.bytes == 0 ||
        !known)
        return usage();
    mat_init();
    Workload w = {0};
    Err e = {0};
    Status s = bench_all(&b, &w, &o, &e);
    if (s != OK) fprintf(stderr, "bench: %s\n", e.msg);
    for (size_t i = 0; i < b.n; i++) free(b.c[i].sec);
    limits_free();
    signals_release();
    greedy_free();
    smol_free();
    train_free();
    merging_free();
    stats_free();
    fronts_free();
    search_free();
    tokens_free();
    load_free();
    retrieval_free();
    imports_free();
    work_free(&w);
    return s == OK ? 0 : 1;
}
