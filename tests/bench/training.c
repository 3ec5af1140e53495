/* training.c - adapters and base weights, beside the products that training an adapter cannot do without. */
#include "bench.h"

#include "prime/dp_train.h"
#include "prime/mat.h"
#include "prime/par.h"

#include <stdio.h>
#include <stdlib.h>

enum { LORA_DOCS = 8, BASE_DOCS = 16, DOC_LEN = 128, STEPS = 3, RANK = 8, MAX_THREADS = 2 };
/* Short records: so many adapters, trained one behind the other or together, with as many records each. */
enum { CROWD = 6, SHORT_EPOCHS = 3, SHORT_LEN = 24, SHORT_DOCS = 12 };

static struct {
    const Workload *w;
    Model *copy;
    Lora *l[MAX_THREADS], *crowd[CROWD], *sum;
    int32_t *ids;
    TrainDoc doc[BASE_DOCS], record[CROWD * SHORT_DOCS];
    DpDocs units;
    DpGrad *grad;
    float *in, *out; /* of products */
} tr;

/* ---- the limit ---- */

/* One step's rows: the last token of a document is predicted and not read. */
enum { STEP_ROWS = LORA_DOCS * (DOC_LEN - 1), HEAD_ROWS = 256 };

typedef void (*BaseProduct)(const ModelLin *lin, size_t rows);

static void product_fwd(const ModelLin *lin, size_t rows)
{
    mat_mul_nt(tr.out, lin->n_out, tr.in, lin->n_in, lin->w, lin->n_in, rows, lin->n_out, lin->n_in, 1, 0);
}

static void product_bwd(const ModelLin *lin, size_t rows)
{
    mat_mul_nn(tr.out, lin->n_in, tr.in, lin->n_out, lin->w, lin->n_in, rows, lin->n_in, lin->n_out, 1, 0);
}

static double limit_flops; /* of the products since it was set to 0 */

static void product_count(const ModelLin *lin, size_t rows)
{
    limit_flops += 2.0 * (double)rows * (double)lin->n_in * (double)lin->n_out;
}

/* The base's products in one step of an adapter on q, k, v and o: there, and back to the first layer's qkv,
 * whose input needs no gradient. */
static void step_products(BaseProduct fwd, BaseProduct bwd)
{
    const Model *m = tr.w->m;
    for (size_t l = 0; l < m->cfg.n_layers; l++) {
        const ModelLayer *y = &m->p.layer[l];
        const ModelLin *lin[4] = {&y->qkv, &y->o, &y->gu, &y->down};
        for (size_t i = 0; i < 4; i++) fwd(lin[i], STEP_ROWS);
        for (size_t i = 4; i-- > (l > 0 ? 0 : 1);) bwd(lin[i], STEP_ROWS);
    }
    for (size_t at = 0; at < STEP_ROWS; at += HEAD_ROWS) {
        size_t n = STEP_ROWS - at < HEAD_ROWS ? STEP_ROWS - at : HEAD_ROWS;
        fwd(&m->p.head, n);
        bwd(&m->p.head, n);
    }
}

static Status run_step_products(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    (void)e;
    for (size_t i = 0; i < STEPS; i++) step_products(product_fwd, product_bwd);
    return OK;
}

/* ---- adapters ---- */

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

/* Adapters first .. first + n - 1 of the crowd, `docs` records a step, in one call. */
static Status records_train(size_t first, size_t n, size_t docs, Err *e)
{
    TrainJob job[CROWD];
    for (size_t i = 0; i < n; i++) {
        TrainOpts o = train_default();
        o.batch_docs = docs;
        o.epochs = SHORT_EPOCHS;
        job[i] =
            (TrainJob){tr.crowd[first + i], tr.record + (first + i) * SHORT_DOCS, SHORT_DOCS, o, NULL, NULL};
    }
    return train_lora_many(job, n, tr.w->m, e);
}

/* ctx: records a step. */
static size_t one_record = 1, two_records = 2, six_records = 6;

static Status run_alone(void *ctx, size_t threads, Err *e)
{
    (void)threads;
    for (size_t i = 0; i < CROWD; i++) TRY(records_train(i, 1, *(size_t *)ctx, e));
    return OK;
}

/* As many at a time as audits take: up to 512 tokens a step. */
static Status run_many(void *ctx, size_t threads, Err *e)
{
    (void)threads;
    size_t docs = *(size_t *)ctx, some = 512 / (docs * SHORT_LEN), n;
    for (size_t i = 0; i < CROWD; i += n) {
        n = CROWD - i < some ? CROWD - i : some;
        TRY(records_train(i, n, docs, e));
    }
    return OK;
}

/* The clipped sum over the records of all, each a unit. */
static Status run_dp(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    (void)e;
    size_t unit[CROWD * SHORT_DOCS];
    for (size_t i = 0; i < CROWD * SHORT_DOCS; i++) unit[i] = i;
    dp_grad_sum(tr.sum, NULL, tr.grad, unit, CROWD * SHORT_DOCS, 1, 0.05, 1);
    return OK;
}

/* ---- base weights ---- */

static Status run_base(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    TrainOpts o = train_default();
    o.batch_docs = BASE_DOCS;
    o.epochs = STEPS;
    return train_base(tr.copy, tr.doc, BASE_DOCS, &o, NULL, NULL, e);
}

static Status new_lora(Lora **l, Rng *rng, Err *e)
{
    LoraShape shape = model_lora_shape(&tr.w->m->cfg);
    TRY(lora_new(l, &shape, 1U << LORA_Q | 1U << LORA_K | 1U << LORA_V | 1U << LORA_O, RANK, RANK, e));
    lora_init(*l, rng);
    return OK;
}

static Status records_open(Rng *rng, Err *e)
{
    const ModelConfig *c = &tr.w->m->cfg;
    size_t wide = 2 * c->n_ffn > c->n_vocab ? 2 * c->n_ffn : c->n_vocab;
    for (size_t i = 0; i < CROWD; i++) TRY(new_lora(&tr.crowd[i], rng, e));
    for (size_t i = 0; i < CROWD * SHORT_DOCS; i++)
        tr.record[i] = (TrainDoc){tr.ids + i % (BASE_DOCS * DOC_LEN / SHORT_LEN) * SHORT_LEN, SHORT_LEN, 1};
    tr.units = (DpDocs){tr.record, CROWD * SHORT_DOCS, NULL, CROWD * SHORT_DOCS};
    TRY(lora_like(&tr.sum, tr.l[0], e));
    tr.in = calloc(STEP_ROWS * wide, sizeof *tr.in);
    tr.out = calloc(STEP_ROWS * wide, sizeof *tr.out);
    if (tr.in == NULL || tr.out == NULL) FAIL(e, ERR_NOMEM, "no memory for products");
    for (size_t i = 0; i < STEP_ROWS * wide; i++) tr.in[i] = 0.5f;
    step_products(product_count, product_count);
    return dp_grad_new(&tr.grad, tr.l[0], tr.w->m, &tr.units, e);
}

static Status train_open(const Workload *w, Err *e)
{
    Rng rng = rng_stream(1, "bench train", 0);
    tr.w = w;
    TRY(model_copy(&tr.copy, w->m, e));
    for (size_t t = 0; t < MAX_THREADS; t++) TRY(new_lora(&tr.l[t], &rng, e));
    tr.ids = calloc(BASE_DOCS * DOC_LEN, sizeof *tr.ids);
    if (tr.ids == NULL) FAIL(e, ERR_NOMEM, "no memory for documents");
    for (size_t i = 0; i < BASE_DOCS * DOC_LEN; i++) tr.ids[i] = (int32_t)rng_below(&rng, w->m->cfg.n_vocab);
    for (size_t i = 0; i < BASE_DOCS; i++) tr.doc[i] = (TrainDoc){tr.ids + i * DOC_LEN, DOC_LEN, 1};
    return records_open(&rng, e);
}

static void short_add(Bench *b, const char *what, const char *note, Status (*run)(void *, size_t, Err *),
                      size_t *docs)
{
    bench_add(b, (BenchCase){.what = what,
                             .unit = "tokens/s",
                             .note = note,
                             .run = run,
                             .ctx = docs,
                             .threads = 1,
                             .work = (docs != NULL ? SHORT_EPOCHS : 1) * CROWD * SHORT_DOCS * SHORT_LEN});
}

Status train_add(Bench *b, const BenchIn *in, Err *e)
{
    const Workload *w = in->w;
    TRY(train_open(w, e));
    bench_add(b, (BenchCase){.what = "train_sgemm",
                             .unit = "GF/s",
                             .note = "the base's products of one step of train_lora, on the model's weights",
                             .run = run_step_products,
                             .threads = 1,
                             .work = STEPS * 1e-9 * limit_flops});
    short_add(b, "train_1x24_alone", "steps of 1 x 24 tokens, one adapter behind the other", run_alone,
              &one_record);
    short_add(b, "train_1x24_many", "the same, six adapters together", run_many, &one_record);
    short_add(b, "train_2x24_alone", "steps of 2 x 24 tokens, one adapter behind the other", run_alone,
              &two_records);
    short_add(b, "train_2x24_many", "the same, six adapters together", run_many, &two_records);
    short_add(b, "train_6x24_alone", "steps of 6 x 24 tokens, one adapter behind the other", run_alone,
              &six_records);
    short_add(b, "train_6x24_many", "the same, three adapters together", run_many, &six_records);
    short_add(b, "train_dp", "clipped sum over 72 records of 24 tokens, each a unit", run_dp, NULL);
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

static double case_rate(const Bench *b, const char *what)
{
    const BenchCase *c = bench_case(b, what, 1);
    return c->work / c->median;
}

Status train_rows(const Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    (void)e;
    static const char *const size[] = {"1x24", "2x24", "6x24"};
    double limit = case_rate(b, "train_sgemm"), per_row = 1e-9 * limit_flops / STEP_ROWS,
           per_token = per_row * (DOC_LEN - 1) / DOC_LEN, per_short = per_row * (SHORT_LEN - 1) / SHORT_LEN;
    bench_row(b, "train_lora_share_1t", case_rate(b, "train_lora") * per_token / limit, NULL, "ratio",
              "arithmetic of train_lora's base products a second, beside train_sgemm");
    bench_row(b, "train_dp_share_1t", case_rate(b, "train_dp") * per_short / limit, NULL, "ratio",
              "the same of train_dp");
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        char what[64], many[64], alone[64];
        snprintf(many, sizeof many, "train_%s_many", size[i]);
        snprintf(alone, sizeof alone, "train_%s_alone", size[i]);
        snprintf(what, sizeof what, "train_%s_share_1t", size[i]);
        bench_row(b, what, case_rate(b, many) * per_short / limit, NULL, "ratio", "the same of _many");
        snprintf(what, sizeof what, "train_%s_gain_1t", size[i]);
        bench_row(b, what, case_rate(b, many) / case_rate(b, alone), NULL, "ratio", "_many beside _alone");
    }
    return OK;
}

void train_free(void)
{
    for (size_t t = 0; t < MAX_THREADS; t++) lora_free(tr.l[t]);
    for (size_t i = 0; i < CROWD; i++) lora_free(tr.crowd[i]);
    dp_grad_free(tr.grad);
    lora_free(tr.sum);
    model_free(tr.copy);
    free(tr.ids);
    free(tr.in);
    free(tr.out);
}
