/* bench.h - what the groups of measurements share: the list of cases, the workload, and derived rows. */
#ifndef PRIME_BENCH_H
#define PRIME_BENCH_H

#include "prime/score.h"
#include "prime/train.h"

/* A case is run once a repetition, in turn with all others, so that a machine that slows down slows all. */
typedef struct {
    const char *what, *unit, *note;
    Status (*run)(void *ctx, size_t threads, Err *e);
    void *ctx;
    size_t threads;
    double work;  /* of one run, in `unit` seconds: the value is work / seconds; 0 prints seconds */
    bool memory;  /* also measure how far resident memory rises during it */
    double *sec;  /* [repetitions] */
    double grown; /* largest rise, bytes; < 0 where the system does not tell */
    double median;
} BenchCase;

enum { BENCH_MAX_CASES = 256 };
typedef enum { BENCH_CSV, BENCH_TABLE, BENCH_JSON } BenchForm; /* BENCH_TABLE: of fixed width */

typedef struct {
    BenchCase c[BENCH_MAX_CASES];
    size_t n, reps;
    BenchForm form;
} Bench;

/* bench_add - a copy of c goes to the list. bench_case - the one with this name and number of threads, NULL
 * if it was not asked for. bench_row - print one row; text NULL prints the value. */
void bench_add(Bench *b, BenchCase c);
const BenchCase *bench_case(const Bench *b, const char *what, size_t threads);
void bench_row(const Bench *b, const char *what, double value, const char *text, const char *unit,
               const char *note);

/* bench_memory - a line of /proc/self/status (VmRSS, VmHWM, RssAnon) in bytes; -1 where there is none.
 * bench_reset_peak - VmHWM is counted from here on; false where the kernel does not offer that. */
double bench_memory(const char *key);
bool bench_reset_peak(void);

/* A population on a set of texts: every candidate on every text, the last `scored` tokens of each counted. */
enum { BENCH_MAX_LORAS = 16 };
typedef struct {
    Model *m;
    Lora *l[BENCH_MAX_LORAS];
    size_t n_loras;
    LoraBank *bank;
    size_t n_texts, len, scored, n_cand;
    int32_t *ids;    /* [texts, len] */
    float *w;        /* [candidates, adapters] */
    ScoreItem *item; /* [candidates, texts] */
    ScoreOut *out;
} Workload;

/* work_random - hidden 256, 6 layers, 8/4 heads, ffn 704, vocabulary 4096; three adapters of rank 8 on q, k,
 * v and o; 20 candidates on texts of 96 tokens, the last 16 scored. work_load - from a folder: model/,
 * adapter0/, adapter1/ ..., candidates.json, prompts.json. At most max_texts texts are taken. work_free
 * accepts what a failure left. */
Status work_random(Workload *w, size_t max_texts, Err *e) PRIME_MUST_USE;
Status work_load(Workload *w, const char *dir, size_t max_texts, Err *e) PRIME_MUST_USE;
void work_free(Workload *w);

/* What all groups may read. */
typedef struct {
    Workload *w;
    const char *dir; /* where w is from: its numbers mean something to somebody; NULL: nowhere */
    size_t bytes;    /* of the file that is imported */
} BenchIn;

/* The groups. x_add puts cases on the list; x_rows prints what follows from the medians of several cases, or
 * is no time; x_free accepts what was never opened. */
typedef Status (*BenchAdd)(Bench *b, const BenchIn *in, Err *e);
typedef Status (*BenchRows)(const Bench *b, const BenchIn *in, Err *e);
Status limits_add(Bench *b, const BenchIn *in, Err *e);
Status population_add(Bench *b, const BenchIn *in, Err *e);
Status scoring_add(Bench *b, const BenchIn *in, Err *e);
Status signals_add(Bench *b, const BenchIn *in, Err *e);
Status greedy_add(Bench *b, const BenchIn *in, Err *e);
Status smol_add(Bench *b, const BenchIn *in, Err *e);
Status train_add(Bench *b, const BenchIn *in, Err *e);
Status merging_add(Bench *b, const BenchIn *in, Err *e);
Status stats_add(Bench *b, const BenchIn *in, Err *e);
Status fronts_add(Bench *b, const BenchIn *in, Err *e);
Status search_add(Bench *b, const BenchIn *in, Err *e);
Status load_add(Bench *b, const BenchIn *in, Err *e);
Status retrieval_add(Bench *b, const BenchIn *in, Err *e);
Status imports_add(Bench *b, const BenchIn *in, Err *e);
Status growth_add(Bench *b, const BenchIn *in, Err *e);
Status tokens_add(Bench *b, const BenchIn *in, Err *e);
Status scoring_rows(const Bench *b, const BenchIn *in, Err *e);
/* population_rows - errors beside expected.json of the folder, where that is there. */
Status population_rows(const Bench *b, const BenchIn *in, Err *e);
Status signals_rows(const Bench *b, const BenchIn *in, Err *e);
Status train_rows(const Bench *b, const BenchIn *in, Err *e);
Status smol_rows(const Bench *b, const BenchIn *in, Err *e);
Status merging_rows(const Bench *b, const BenchIn *in, Err *e);
Status search_rows(const Bench *b, const BenchIn *in, Err *e);
Status resident_rows(const Bench *b, const BenchIn *in, Err *e);
Status growth_rows(const Bench *b, const BenchIn *in, Err *e);
Status archive_rows(const Bench *b, const BenchIn *in, Err *e);
Status load_rows(const Bench *b, const BenchIn *in, Err *e);
Status retrieval_rows(const Bench *b, const BenchIn *in, Err *e);
Status imports_rows(const Bench *b, const BenchIn *in, Err *e);
/* scoring_population - mean NLL of every candidate under both operators, where the workload was given. */
Status scoring_population(const Bench *b, const BenchIn *in, Err *e);
void limits_free(void);
void population_free(void);
void signals_bench_free(void);
void greedy_free(void);
void smol_free(void);
void train_free(void);
void merging_free(void);
void stats_free(void);
void fronts_free(void);
void search_free(void);
void load_free(void);
void retrieval_free(void);
void imports_free(void);
void growth_free(void);
void tokens_free(void);

#endif
