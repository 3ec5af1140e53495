/* signals.c - what token signals cost over losses alone, all of a text's tokens scored: the dearest case. */
#include "bench.h"

#include <stdlib.h>

static struct {
    const Workload *w;
    ScoreItem *item;
    ScoreSignals s;
    size_t n;
} job;

static Status run_losses(void *ctx, size_t threads, Err *e)
{
    (void)threads, (void)ctx;
    return score_nll(job.w->out, job.w->m, &(PassLora){.bank = job.w->bank, .op = LORA_EXACT, .w = job.w->w},
                     job.w->n_cand, job.item, job.n, e);
}

static Status run_signals(void *ctx, size_t threads, Err *e)
{
    (void)threads, (void)ctx;
    return score_signals(&job.s, job.w->m, &(PassLora){.bank = job.w->bank, .op = LORA_EXACT, .w = job.w->w},
                         job.w->n_cand, job.item, job.n, e);
}

Status signals_add(Bench *b, const BenchIn *in, Err *e)
{
    const Workload *w = in->w;
    job.w = w;
    job.n = w->n_cand * w->n_texts;
    job.item = malloc(job.n * sizeof *job.item);
    if (job.item == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", job.n);
    for (size_t i = 0; i < job.n; i++) {
        job.item[i] = w->item[i];
        job.item[i].skip = 1;
    }
    size_t tokens = score_tokens(job.item, job.n);
    job.s = (ScoreSignals){.start = malloc((job.n + 1) * sizeof(size_t)),
                           .id = malloc(tokens * sizeof(int32_t)),
                           .logp = malloc(3 * tokens * sizeof(float)),
                           .rank = malloc(tokens)};
    if (job.s.start == NULL || job.s.id == NULL || job.s.logp == NULL || job.s.rank == NULL)
        FAIL(e, ERR_NOMEM, "no memory for the signals of %zu tokens", tokens);
    job.s.mu = job.s.logp + tokens;
    job.s.sigma = job.s.mu + tokens;
    for (size_t t = 1; t <= 2; t++) {
        bench_add(b, (BenchCase){.what = "signals_losses",
                                 .unit = "tokens/s",
                                 .note = "score_nll, every token of every text scored",
                                 .run = run_losses,
                                 .threads = t,
                                 .work = (double)tokens});
        bench_add(b, (BenchCase){.what = "signals",
                                 .unit = "tokens/s",
                                 .note = "score_signals on the same",
                                 .run = run_signals,
                                 .threads = t,
                                 .work = (double)tokens});
    }
    return OK;
}

Status signals_rows(const Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    (void)e;
    for (size_t t = 1; t <= 2; t++)
        bench_row(b, t == 1 ? "signals_cost_1t" : "signals_cost_2t",
                  bench_case(b, "signals", t)->median / bench_case(b, "signals_losses", t)->median, NULL,
                  "of losses", "time of signals beside that of losses; to be at most 1.3");
    return OK;
}

void signals_bench_free(void)
{
    free(job.item);
    free(job.s.start);
    free(job.s.id);
    free(job.s.logp);
    free(job.s.rank);
}
