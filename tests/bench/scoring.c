/* scoring.c - a population scored together and one by one, and greedy answers. */
#include "bench.h"

#include "prime/generate.h"

#include <stdio.h>
#include <stdlib.h>

static Status run_score(Workload *w, LoraOp op, Err *e)
{
    return score_nll(w->out, w->m, &(PassLora){.bank = w->bank, .op = op, .w = w->w}, w->n_cand, w->item,
                     w->n_cand * w->n_texts, e);
}

static Status run_exact(void *ctx, size_t threads, Err *e)
{
    (void)threads;
    return run_score(ctx, LORA_EXACT, e);
}

static Status run_prime(void *ctx, size_t threads, Err *e)
{
    (void)threads;
    return run_score(ctx, LORA_PRIME, e);
}

/* A call for every candidate. */
static Status run_singly(void *ctx, size_t threads, Err *e)
{
    (void)threads;
    Workload *w = ctx;
    for (size_t c = 0; c < w->n_cand; c++)
        TRY(score_nll(w->out + c * w->n_texts, w->m,
                      &(PassLora){.bank = w->bank, .op = LORA_EXACT, .w = w->w + c * w->n_loras}, 1, w->item,
                      w->n_texts, e));
    return OK;
}

Status scoring_add(Bench *b, const BenchIn *in, Err *e)
{
    (void)e;
    static const struct {
        const char *what, *note;
        Status (*run)(void *, size_t, Err *);
        bool memory;
    } kinds[] = {{"score_exact", "all candidates in one call, exact sum of deltas", run_exact, true},
                 {"score_prime", "all candidates in one call, PriME's operator", run_prime, true},
                 {"score_one_by_one", "a call for every candidate, exact sum of deltas", run_singly, false}};
    for (size_t t = 1; t <= 2; t++)
        for (size_t k = 0; k < 3; k++)
            bench_add(b, (BenchCase){.what = kinds[k].what,
                                     .unit = "s",
                                     .note = kinds[k].note,
                                     .run = kinds[k].run,
                                     .ctx = in->w,
                                     .threads = t,
                                     .memory = kinds[k].memory});
    return OK;
}

static void row_of(const Bench *b, const char *what, size_t threads, double value, const char *unit,
                   const char *note)
{
    char name[80];
    snprintf(name, sizeof name, "%s_%zut", what, threads);
    bench_row(b, name, value, NULL, unit, note);
}

Status scoring_rows(const Bench *b, const BenchIn *in, Err *e)
{
    (void)e;
    const Workload *w = in->w;
    double flops = 1e-9 * score_flops(w->m, &(PassLora){.bank = w->bank, .op = LORA_EXACT, .w = w->w},
                                      w->item, w->n_cand * w->n_texts);
    double base = 1e-6 * (double)(w->m->p.n * sizeof(float));
    bench_row(b, "score_arithmetic", flops, NULL, "GF", "of the population, attention not counted");
    bench_row(b, "base_weights", base, NULL, "MB", "in memory, float32");
    for (size_t t = 1; t <= 2; t++) {
        const BenchCase *exact = bench_case(b, "score_exact", t), *prime = bench_case(b, "score_prime", t),
                        *singly = bench_case(b, "score_one_by_one", t),
                        *shapes = bench_case(b, "sgemm_scoring_shapes", t);
        double peak = shapes->work / shapes->median;
        row_of(b, "score_exact_rate", t, flops / exact->median, "GF/s", "");
        row_of(b, "score_prime_rate", t, flops / prime->median, "GF/s", "");
        row_of(b, "score_exact_share", t, flops / exact->median / peak, "of sgemm",
               "rate beside that of sgemm_scoring_shapes; to be at least 0.6");
        row_of(b, "score_prime_share", t, flops / prime->median / peak, "of sgemm", "the same");
        row_of(b, "score_together", t, exact->median / singly->median, "of singly",
               "time together beside one by one; to be at most 1");
        double grown = exact->grown > prime->grown ? exact->grown : prime->grown;
        if (grown >= 0)
            row_of(b, "score_memory", t, 1e-6 * grown, "MB",
                   "rise of resident memory at its peak; copies of the base for all candidates would be more "
                   "than base_weights times their number");
    }
    return OK;
}

Status scoring_population(const Bench *b, const BenchIn *in, Err *e)
{
    Workload *w = in->w;
    if (in->dir == NULL) return OK;
    for (int op = LORA_EXACT; op <= LORA_PRIME; op++) {
        TRY(run_score(w, (LoraOp)op, e));
        for (size_t c = 0; c < w->n_cand; c++) {
            double sum = 0;
            for (size_t t = 0; t < w->n_texts; t++) sum += w->out[c * w->n_texts + t].nll_sum;
            char what[80];
            snprintf(what, sizeof what, "nll_%s_%02zu", op == LORA_EXACT ? "delta" : "factor", c);
            bench_row(b, what, sum / (double)(w->n_texts * w->scored), NULL, "nats/token", "");
        }
    }
    return OK;
}

/* ---- greedy answers ---- */

enum { FEW = 16, MANY = 96, PROMPT = 32, NEW = 64 };

static struct {
    const Workload *w;
    GenItem item[MANY];
    GenOut out[MANY];
    int32_t *token, *ids;
} greedy;

/* ctx points at the number of sequences. */
static Status run_greedy(void *ctx, size_t threads, Err *e)
{
    (void)threads;
    const Workload *w = greedy.w;
    GenOpts o = gen_greedy(NEW);
    return gen_texts(greedy.token, greedy.out, w->m,
                     &(PassLora){.bank = w->bank, .op = LORA_EXACT, .w = w->w}, w->n_cand, greedy.item,
                     *(const size_t *)ctx, &o, e);
}

Status greedy_add(Bench *b, const BenchIn *in, Err *e)
{
    const Workload *w = in->w;
    static size_t few = FEW, many = MANY;
    Rng rng = rng_stream(1, "bench greedy", 0);
    greedy.w = w;
    greedy.token = calloc(MANY * NEW, sizeof *greedy.token);
    greedy.ids = calloc(MANY * PROMPT, sizeof *greedy.ids);
    if (greedy.token == NULL || greedy.ids == NULL) FAIL(e, ERR_NOMEM, "no memory for answers");
    for (size_t i = 0; i < MANY * PROMPT; i++) greedy.ids[i] = (int32_t)rng_below(&rng, w->m->cfg.n_vocab);
    for (size_t i = 0; i < MANY; i++)
        greedy.item[i] = (GenItem){greedy.ids + i * PROMPT, PROMPT, i % w->n_cand};
    for (size_t t = 1; t <= 2; t++) {
        BenchCase c = {
            .what = "greedy_16",
            .unit = "tokens/s",
            .note = "new tokens of 16 sequences, 64 after a prompt of 32 (prompts included in the time)",
            .run = run_greedy,
            .ctx = &few,
            .threads = t,
            .work = FEW * NEW};
        bench_add(b, c);
        c.what = "greedy_96";
        c.note = "the same for 96 sequences";
        c.ctx = &many;
        c.work = MANY * NEW;
        bench_add(b, c);
    }
    return OK;
}

void greedy_free(void)
{
    free(greedy.token);
    free(greedy.ids);
}
