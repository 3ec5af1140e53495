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

enum { BENCH_MAX_CASES = 64 };

typedef struct {
    BenchCase c[BENCH_MAX_CASES];
    size_t n, reps;
    bool table; /* fixed width instead of CSV */
} Bench;

/* bench_add - a copy of c goes to the list. bench_case - the one with this name and number of threads, NULL
 * if it was not asked for. bench_row - print one row; text NULL prints the value. */
void bench_add(Bench *b, BenchCase c);
const BenchCase *bench_case(const Bench *b, const char *what, size_t threads);
void bench_row(const Bench *b, const char *what, double value, const char *text, const char *unit,
               const char *note);

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

/* The groups. x_add puts cases on the list; x_rows prints what follows from the medians of several cases. */
Status limits_add(Bench *b, const Workload *w, Err *e) PRIME_MUST_USE;
void limits_free(void);
void scoring_add(Bench *b, Workload *w);
void scoring_rows(const Bench *b, const Workload *w);
/* scoring_population - mean NLL of every candidate under both operators. */
Status scoring_population(const Bench *b, Workload *w, Err *e) PRIME_MUST_USE;
Status signals_add(Bench *b, const Workload *w, Err *e) PRIME_MUST_USE;
void signals_rows(const Bench *b);
void signals_release(void);
Status greedy_add(Bench *b, const Workload *w, Err *e) PRIME_MUST_USE;
void greedy_free(void);
Status smol_add(Bench *b, Err *e) PRIME_MUST_USE;
void smol_rows(const Bench *b);
void smol_free(void);
Status train_add(Bench *b, const Workload *w, Err *e) PRIME_MUST_USE;
void train_free(void);
Status merging_add(Bench *b, Err *e) PRIME_MUST_USE;
void merging_rows(const Bench *b);
void merging_free(void);
Status stats_add(Bench *b, Err *e) PRIME_MUST_USE;
void stats_free(void);
Status fronts_add(Bench *b, Err *e) PRIME_MUST_USE;
void fronts_free(void);
Status search_add(Bench *b, Err *e) PRIME_MUST_USE;
void search_rows(const Bench *b);
void search_free(void);
/* archive_rows - counts of evaluations, not times. */
Status archive_rows(const Bench *b, Err *e) PRIME_MUST_USE;
Status load_add(Bench *b, Err *e) PRIME_MUST_USE;
void load_rows(const Bench *b);
void load_free(void);
Status retrieval_add(Bench *b, Err *e) PRIME_MUST_USE;
void retrieval_rows(const Bench *b);
void retrieval_free(void);
/* imports_add - with a file of so many bytes, made for it in $TMPDIR. */
Status imports_add(Bench *b, size_t bytes, Err *e) PRIME_MUST_USE;
void imports_rows(const Bench *b);
void imports_free(void);
/* tokens_add - with GPT-2's tokenizer where $PRIME_ORACLES has it, else the base model's. */
Status tokens_add(Bench *b, Err *e) PRIME_MUST_USE;
void tokens_free(void);

#endif
