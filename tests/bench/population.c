/* population.c - the population by precision, beside the rate of matrix products of the same shapes and
 * precision, measured in the same run. */
#include "../../src/model/score_priv.h"

#include "bench.h"

#include "prime/file.h"
#include "prime/generate.h"
#include "prime/js.h"
#include "prime/mat.h"
#include "prime/par.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Weights as they are, then packed. */
enum { PLAIN, PACKED_F32, PACKED_BF16, WAYS, POP_THREADS = 2 };

static const struct {
    const char *score, *rate, *answers;
} pop_names[WAYS] = {[PLAIN] = {"population_f32", "products_f32", "answers_f32"},
                     [PACKED_F32] = {"population_f32_packed", "products_f32_packed", "answers_f32_packed"},
                     [PACKED_BF16] = {"population_bf16", "products_bf16", "answers_bf16"}};

static struct {
    Workload *w;
    Model *m[WAYS]; /* the first is the workload's */
    ScoreOut *out[WAYS];
    float *in[POP_THREADS], *to[POP_THREADS];
    size_t rows, way[WAYS];
} pop;

static Status run_population(void *ctx, size_t threads, Err *e)
{
    (void)threads;
    size_t way = *(const size_t *)ctx;
    const Workload *w = pop.w;
    return score_nll(pop.out[way], pop.m[way], &(PassLora){.bank = w->bank, .op = LORA_EXACT, .w = w->w},
                     w->n_cand, w->item, w->n_cand * w->n_texts, e);
}

/* ---- answers ---- */

enum { ANSWERS = 16, ANSWER_PROMPT = 32, ANSWER_NEW = 64 };

static Status run_answers(void *ctx, size_t threads, Err *e)
{
    (void)threads;
    const Workload *w = pop.w;
    static int32_t said[ANSWERS * ANSWER_NEW];
    GenItem item[ANSWERS];
    GenOut out[ANSWERS];
    GenOpts o = gen_greedy(ANSWER_NEW);
    for (size_t i = 0; i < ANSWERS; i++)
        item[i] = (GenItem){w->ids + i % w->n_texts * w->len, w->len < ANSWER_PROMPT ? w->len : ANSWER_PROMPT,
                            i % w->n_cand};
    return gen_texts(said, out, pop.m[*(const size_t *)ctx],
                     &(PassLora){.bank = w->bank, .op = LORA_EXACT, .w = w->w}, w->n_cand, item, ANSWERS, &o,
                     e);
}

/* ---- products ---- */

static void product(float *y, const float *x, size_t n, const ModelLin *lin)
{
    if (lin->pack != NULL)
        mat_pack_mul(y, lin->n_out, x, lin->n_in, n, lin->pack, false);
    else
        mat_mul_nt(y, lin->n_out, x, lin->n_in, lin->w, lin->n_in, n, lin->n_out, lin->n_in, 1, 0);
}

/* The base's products of one block of rows, and nothing else. */
static Status products_job(void *ctx, size_t job, size_t thread, Err *e)
{
    (void)thread;
    (void)e;
    const Model *m = pop.m[*(const size_t *)ctx];
    for (size_t l = 0; l < m->cfg.n_layers; l++) {
        const ModelLayer *y = &m->p.layer[l];
        const ModelLin *lin[4] = {&y->qkv, &y->o, &y->gu, &y->down};
        for (size_t i = 0; i < 4; i++) product(pop.to[job], pop.in[job], pop.rows, lin[i]);
    }
    return OK;
}

static double products_flops(void)
{
    const ModelConfig *c = &pop.w->m->cfg;
    double layer = 0;
    const ModelLayer *y = &pop.w->m->p.layer[0];
    const ModelLin *lin[4] = {&y->qkv, &y->o, &y->gu, &y->down};
    for (size_t i = 0; i < 4; i++) layer += 2 * (double)lin[i]->n_in * (double)lin[i]->n_out;
    return layer * (double)c->n_layers * (double)pop.rows;
}

enum { POP_REPEAT = 4 };

static Status run_products(void *ctx, size_t threads, Err *e)
{
    for (size_t i = 0; i < POP_REPEAT; i++) TRY(par_run(threads, threads, products_job, ctx, e));
    return OK;
}

static Status pop_open(Workload *w, Err *e)
{
    const ModelConfig *c = &w->m->cfg;
    size_t q = (c->n_heads + 2 * c->n_kv) * c->head_dim, wide = q > 2 * c->n_ffn ? q : 2 * c->n_ffn;
    pop.w = w;
    pop.rows = SCORE_ROWS / w->len * (w->len - 1);
    if (pop.rows == 0) pop.rows = w->len - 1;
    pop.m[PLAIN] = w->m;
    for (size_t i = 0; i < WAYS; i++) {
        pop.way[i] = i;
        if (i != PLAIN) TRY(model_copy(&pop.m[i], w->m, e));
        pop.out[i] = calloc(w->n_cand * w->n_texts, sizeof *pop.out[i]);
        if (pop.out[i] == NULL) FAIL(e, ERR_NOMEM, "no memory for scores");
    }
    TRY(model_pack(pop.m[PACKED_F32], MAT_F32, e));
    TRY(model_pack(pop.m[PACKED_BF16], MAT_BF16, e));
    for (size_t t = 0; t < POP_THREADS; t++) {
        pop.in[t] = malloc(pop.rows * wide * sizeof *pop.in[t]);
        pop.to[t] = malloc(pop.rows * wide * sizeof *pop.to[t]);
        if (pop.in[t] == NULL || pop.to[t] == NULL) FAIL(e, ERR_NOMEM, "no memory for products");
        for (size_t i = 0; i < pop.rows * wide; i++) pop.in[t][i] = 1;
    }
    return OK;
}

Status population_add(Bench *b, const BenchIn *in, Err *e)
{
    TRY(pop_open(in->w, e));
    for (size_t t = 1; t <= POP_THREADS; t++)
        for (size_t i = 0; i < WAYS; i++) {
            bench_add(b, (BenchCase){.what = pop_names[i].rate,
                                     .unit = "GF/s",
                                     .note = "the base's products of one block of rows",
                                     .run = run_products,
                                     .ctx = &pop.way[i],
                                     .threads = t,
                                     .work = 1e-9 * POP_REPEAT * (double)t * products_flops()});
            bench_add(b, (BenchCase){.what = pop_names[i].score,
                                     .unit = "s",
                                     .note = "all candidates in one call, exact sum of deltas",
                                     .run = run_population,
                                     .ctx = &pop.way[i],
                                     .threads = t,
                                     .memory = true});
            if (t > 1) continue; /* a block of 16 is one thread's */
            bench_add(b, (BenchCase){
                             .what = pop_names[i].answers,
                             .unit = "tokens/s",
                             .note = "64 greedy tokens behind each of 16 prompts of 32, prompts in the time",
                             .run = run_answers,
                             .ctx = &pop.way[i],
                             .threads = t,
                             .work = ANSWERS * ANSWER_NEW});
        }
    return OK;
}

static double mean_nll(size_t way, size_t cand)
{
    double sum = 0;
    for (size_t t = 0; t < pop.w->n_texts; t++) sum += pop.out[way][cand * pop.w->n_texts + t].nll_sum;
    return sum / (double)(pop.w->n_texts * pop.w->scored);
}

static void print_error(const Bench *b, const char *what, size_t way, const JsVal *want)
{
    double most = 0;
    char name[80];
    for (size_t c = 0; c < pop.w->n_cand; c++)
        most = fmax(
            most, fabs(mean_nll(way, c) - (want != NULL ? js_num(js_at(want, c), NAN) : mean_nll(PLAIN, c))));
    snprintf(name, sizeof name, "%s_%s", what, pop_names[way].score);
    bench_row(b, name, most, NULL, "nats/token",
              want != NULL ? "largest over candidates, beside expected.json in float64"
                           : "largest over candidates, beside weights as they are");
}

/* expected.json in dir, unless fewer texts were scored than it is about; NULL where there is none. */
static Status load_known(JsVal **known, const char *dir, Err *e)
{
    JsVal *texts = NULL;
    char path[1000];
    *known = NULL;
    if (dir == NULL) return OK;
    snprintf(path, sizeof path, "%s/prompts.json", dir);
    TRY(js_load(&texts, path, e));
    size_t all = js_len(js_get(texts, "prompts"));
    js_close(texts);
    snprintf(path, sizeof path, "%s/expected.json", dir);
    return all == pop.w->n_texts && file_exists(path) ? js_load(known, path, e) : OK;
}

static Status print_errors(const Bench *b, const char *dir, Err *e)
{
    JsVal *known = NULL;
    TRY(load_known(&known, dir, e));
    for (size_t i = 0; i < WAYS; i++) {
        if (known != NULL) print_error(b, "error", i, js_get(js_get(known, "f64"), "delta"));
        print_error(b, "difference", i, NULL);
    }
    js_close(known);
    return OK;
}

Status population_rows(const Bench *b, const BenchIn *in, Err *e)
{
    double flops =
        1e-9 * score_flops(pop.w->m, &(PassLora){.bank = pop.w->bank, .op = LORA_EXACT, .w = pop.w->w},
                           pop.w->item, pop.w->n_cand * pop.w->n_texts);
    bench_row(b, "population_arithmetic", flops, NULL, "GF", "attention not counted");
    for (size_t t = 1; t <= POP_THREADS; t++)
        for (size_t i = 0; i < WAYS; i++) {
            const BenchCase *score = bench_case(b, pop_names[i].score, t),
                            *rate = bench_case(b, pop_names[i].rate, t);
            char name[80];
            snprintf(name, sizeof name, "%s_share_%zut", pop_names[i].score, t);
            bench_row(b, name, flops / score->median / (rate->work / rate->median), NULL, "of products", "");
            snprintf(name, sizeof name, "%s_memory_%zut", pop_names[i].score, t);
            if (score->grown >= 0)
                bench_row(b, name, 1e-6 * score->grown, NULL, "MB", "rise of resident memory at its peak");
        }
    return print_errors(b, in->dir, e);
}

void population_free(void)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (i != PLAIN) model_free(pop.m[i]);
        free(pop.out[i]);
    }
    for (size_t t = 0; t < POP_THREADS; t++) {
        free(pop.in[t]);
        free(pop.to[t]);
    }
}
