/* smollm.c - a model shaped like SmolLM2-135M with random weights: prompts read, answers of one text and of
 * many, beside the matrix products of its layers alone. */
#include "bench.h"

#include "prime/generate.h"
#include "prime/mat.h"
#include "prime/par.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SMOL_TEXTS = 64, /* of the batched answers */
    SMOL_NEW = 10,
    SMOL_START = 4,    /* tokens of their prompts */
    SMOL_PROMPTS = 36, /* two blocks of prompts that are read and answered by one token */
    SMOL_LEN = 16,
    SMOL_ROWS = 288, /* of the products alone: the rows of such a block */
    SMOL_LANES = 2
};

static struct {
    Model *m;
    int32_t *ids; /* [SMOL_PROMPTS * SMOL_LEN] */
    int32_t token[SMOL_TEXTS * SMOL_NEW];
    GenOut out[SMOL_TEXTS];
    float *weight;           /* of one layer: what is read stays the same, as do the sizes */
    float *lane[SMOL_LANES]; /* inputs and outputs of a thread */
    size_t one, many;
} smol;

/* Inputs and outputs of the four products of a layer. */
static size_t smol_products(size_t in[4], size_t out[4])
{
    const ModelConfig *c = &smol.m->cfg;
    size_t q = c->n_heads * c->head_dim, sum = 0;
    const size_t wide[4] = {c->n_hidden, q, c->n_hidden, c->n_ffn},
                 tall[4] = {q + 2 * c->n_kv * c->head_dim, c->n_hidden, 2 * c->n_ffn, c->n_hidden};
    for (size_t i = 0; i < 4; i++) {
        in[i] = wide[i];
        out[i] = tall[i];
        sum += wide[i] * tall[i];
    }
    return sum;
}

static Status smol_layers_job(void *ctx, size_t job, size_t thread, Err *e)
{
    (void)ctx;
    (void)thread;
    (void)e;
    size_t in[4], out[4];
    float *x = smol.lane[job], *y = x + SMOL_ROWS * 2 * smol.m->cfg.n_ffn;
    (void)smol_products(in, out);
    for (size_t l = 0; l < smol.m->cfg.n_layers; l++) {
        const float *w = smol.weight;
        for (size_t i = 0; i < 4; w += in[i] * out[i], i++)
            mat_mul_nt(y, out[i], x, in[i], w, in[i], SMOL_ROWS, out[i], in[i], 1, 0);
    }
    return OK;
}

static Status run_smol_sgemm(void *ctx, size_t threads, Err *e)
{
    return par_run(threads, threads, smol_layers_job, ctx, e);
}

static Status smol_answers(size_t n, size_t len, size_t max_new, Err *e)
{
    GenItem item[SMOL_TEXTS];
    GenOpts o = gen_greedy(max_new);
    for (size_t i = 0; i < n; i++) item[i] = (GenItem){smol.ids + i * len, len, 0};
    return gen_texts(smol.token, smol.out, smol.m, NULL, 0, item, n, &o, e);
}

static Status run_smol_prompt(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    return smol_answers(SMOL_PROMPTS, SMOL_LEN, 1, e);
}

static Status run_smol_decode(void *ctx, size_t threads, Err *e)
{
    (void)threads;
    return smol_answers(*(const size_t *)ctx, SMOL_START, SMOL_NEW, e);
}

static float *smol_floats(size_t n, Rng *rng)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; x != NULL && i < n; i++) x[i] = (float)rng_uniform(rng) - 0.5F;
    return x;
}

static Status smol_open(Err *e)
{
    ModelConfig c = {.n_vocab = 49152,
                     .n_hidden = 576,
                     .n_layers = 30,
                     .n_heads = 9,
                     .n_kv = 3,
                     .head_dim = 64,
                     .n_ffn = 1536,
                     .max_len = 2048,
                     .norm_eps = 1e-5,
                     .rope = {.theta = 100000},
                     .tied = true,
                     .bos = -1,
                     .eos = -1};
    Rng rng = rng_stream(1, "bench smollm", 0);
    size_t in[4], out[4];
    TRY(model_new(&smol.m, &c, e));
    model_init(smol.m, &rng);
    smol.one = 1;
    smol.many = SMOL_TEXTS;
    smol.weight = smol_floats(smol_products(in, out), &rng);
    smol.ids = malloc(SMOL_PROMPTS * SMOL_LEN * sizeof *smol.ids);
    bool all = smol.weight != NULL && smol.ids != NULL;
    for (size_t t = 0; t < SMOL_LANES; t++) {
        smol.lane[t] = smol_floats(2 * SMOL_ROWS * 2 * c.n_ffn, &rng);
        all = all && smol.lane[t] != NULL;
    }
    if (!all) FAIL(e, ERR_NOMEM, "no memory for the prompts");
    for (size_t i = 0; i < SMOL_PROMPTS * SMOL_LEN; i++) smol.ids[i] = (int32_t)rng_below(&rng, c.n_vocab);
    return OK;
}

void smol_free(void)
{
    model_free(smol.m);
    free(smol.ids);
    free(smol.weight);
    for (size_t t = 0; t < SMOL_LANES; t++) free(smol.lane[t]);
}

Status smol_add(Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    TRY(smol_open(e));
    size_t from[4], out[4];
    double layers = 2e-9 * (double)smol.m->cfg.n_layers * (double)smol_products(from, out),
           head = 2e-9 * (double)smol.m->cfg.n_hidden * (double)smol.m->cfg.n_vocab;
    for (size_t t = 1; t <= SMOL_LANES; t++) {
        bench_add(b, (BenchCase){.what = "smollm_sgemm",
                                 .unit = "GF/s",
                                 .note = "the products of its layers on 288 rows a thread, nothing else",
                                 .run = run_smol_sgemm,
                                 .threads = t,
                                 .work = (double)t * layers * SMOL_ROWS});
        bench_add(
            b, (BenchCase){.what = "smollm_prompt",
                           .unit = "GF/s",
                           .note = "36 prompts of 16 tokens read and one token chosen, attention not counted",
                           .run = run_smol_prompt,
                           .threads = t,
                           .work = SMOL_PROMPTS * (SMOL_LEN * layers + head)});
        bench_add(b, (BenchCase){.what = "smollm_decode_1",
                                 .unit = "tokens/s",
                                 .note = "one text, 10 tokens after a prompt of 4",
                                 .run = run_smol_decode,
                                 .ctx = &smol.one,
                                 .threads = t,
                                 .work = SMOL_NEW});
        bench_add(b, (BenchCase){.what = "smollm_decode_64",
                                 .unit = "tokens/s",
                                 .note = "64 texts, the same",
                                 .run = run_smol_decode,
                                 .ctx = &smol.many,
                                 .threads = t,
                                 .work = SMOL_TEXTS * SMOL_NEW});
    }
    return OK;
}

static double smol_rate(const Bench *b, const char *what, size_t threads)
{
    const BenchCase *c = bench_case(b, what, threads);
    return c->work / c->median;
}

Status smol_rows(const Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    (void)e;
    for (size_t t = 1; t <= SMOL_LANES; t++) {
        char what[80];
        snprintf(what, sizeof what, "smollm_prompt_share_%zut", t);
        bench_row(b, what, smol_rate(b, "smollm_prompt", t) / smol_rate(b, "smollm_sgemm", t), NULL,
                  "of sgemm", "rate beside smollm_sgemm; to be at least 0.6");
        snprintf(what, sizeof what, "smollm_decode_gain_%zut", t);
        bench_row(b, what, smol_rate(b, "smollm_decode_64", t) / smol_rate(b, "smollm_decode_1", t), NULL,
                  "of one text", "tokens a second of 64 texts beside one; to be at least 10");
        snprintf(what, sizeof what, "smollm_decode_1_memory_%zut", t);
        bench_row(b, what,
                  1e-9 * smol_rate(b, "smollm_decode_1", t) * (double)(smol.m->n_params * sizeof(float)),
                  NULL, "GB/s", "weights read for one text, once a token: beside triad, its limit");
    }
    return OK;
}
