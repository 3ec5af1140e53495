/* training.c - adapters and base weights. */
#include "bench.h"

#include "prime/par.h"

#include <stdlib.h>

enum { LORA_DOCS = 8, BASE_DOCS = 16, DOC_LEN = 128, STEPS = 3, RANK = 8, MAX_THREADS = 2 };

static struct {
    const Workload *w;
    Model *copy;
    Lora *l[MAX_THREADS];
    int32_t *ids;
    TrainDoc doc[BASE_DOCS];
} tr;

/* Adapters are trained in one thread each. */
static Status lora_job(void *ctx, size_t job, size_t thread, Err *e)
{
    (void)ctx;
    (void)thread;
    TrainOpts o = train_default();
    o.batch_docs = LORA_DOCS;
    o.epochs = STEPS;
    return train_lora(tr.l[job], tr.w->m, tr.doc, LORA_DOCS, &o, NULL, NULL, e);
}

static Status run_lora(void *ctx, size_t threads, Err *e)
{
    return par_run(threads, threads, lora_job, ctx, e);
}

static Status run_base(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    TrainOpts o = train_default();
    o.batch_docs = BASE_DOCS;
    o.epochs = STEPS;
    return train_base(tr.copy, tr.doc, BASE_DOCS, &o, NULL, NULL, e);
}

static Status train_open(const Workload *w, Err *e)
{
    LoraShape shape = model_lora_shape(&w->m->cfg);
    Rng rng = rng_stream(1, "bench train", 0);
    tr.w = w;
    TRY(model_copy(&tr.copy, w->m, e));
    for (size_t t = 0; t < MAX_THREADS; t++) {
        TRY(lora_new(&tr.l[t], &shape, 1U << LORA_Q | 1U << LORA_K | 1U << LORA_V | 1U << LORA_O, RANK, RANK,
                     e));
        lora_init(tr.l[t], &rng);
    }
    tr.ids = calloc(BASE_DOCS * DOC_LEN, sizeof *tr.ids);
    if (tr.ids == NULL) FAIL(e, ERR_NOMEM, "no memory for documents");
    for (size_t i = 0; i < BASE_DOCS * DOC_LEN; i++) tr.ids[i] = (int32_t)rng_below(&rng, w->m->cfg.n_vocab);
    for (size_t i = 0; i < BASE_DOCS; i++) tr.doc[i] = (TrainDoc){tr.ids + i * DOC_LEN, DOC_LEN, 1};
    return OK;
}

Status train_add(Bench *b, const BenchIn *in, Err *e)
{
    const Workload *w = in->w;
    TRY(train_open(w, e));
    for (size_t t = 1; t <= MAX_THREADS; t++) {
        bench_add(b,
                  (BenchCase){.what = "train_lora",
                              .unit = "tokens/s",
                              .note = "steps of 8 x 128 tokens, rank 8 on q, k, v, o; one adapter a thread",
                              .run = run_lora,
                              .threads = t,
                              .work = (double)(t * STEPS * LORA_DOCS * DOC_LEN)});
        bench_add(b, (BenchCase){.what = "train_base",
                                 .unit = "tokens/s",
                                 .note = "steps of 16 x 128 tokens, all weights",
                                 .run = run_base,
                                 .threads = t,
                                 .work = STEPS * BASE_DOCS * DOC_LEN});
    }
    return OK;
}

void train_free(void)
{
    for (size_t t = 0; t < MAX_THREADS; t++) lora_free(tr.l[t]);
    model_free(tr.copy);
    free(tr.ids);
}
