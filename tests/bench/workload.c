/* workload.c - the population that is scored: made from a seed, or read from a folder. */
#include "bench.h"

#include "prime/file.h"
#include "prime/js.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 1, RANDOM_LORAS = 3, RANDOM_CAND = 20, RANDOM_LEN = 96, RANDOM_SCORED = 16, RANK = 8 };

static Status work_arrays(Workload *w, Err *e)
{
    w->ids = calloc(w->n_texts * w->len, sizeof *w->ids);
    w->w = calloc(w->n_cand * w->n_loras, sizeof *w->w);
    w->item = calloc(w->n_cand * w->n_texts, sizeof *w->item);
    w->out = calloc(w->n_cand * w->n_texts, sizeof *w->out);
    if (w->ids == NULL || w->w == NULL || w->item == NULL || w->out == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu candidates on %zu texts", w->n_cand, w->n_texts);
    for (size_t i = 0; i < w->n_cand * w->n_texts; i++)
        w->item[i] = (ScoreItem){.ids = w->ids + i % w->n_texts * w->len,
                                 .n = w->len,
                                 .skip = w->len - w->scored,
                                 .cand = i / w->n_texts};
    return OK;
}

static void fill_loras(Workload *w)
{
    for (size_t i = 0; i < w->n_loras; i++) {
        Rng rng = rng_stream(SEED, "bench lora", i);
        lora_init(w->l[i], &rng);
        for (size_t j = 0; j < w->l[i]->n_params; j++)
            if (w->l[i]->data[j] == 0) w->l[i]->data[j] = (float)(0.02 * rng_normal(&rng));
    }
}

Status work_random(Workload *w, size_t max_texts, Err *e)
{
    ModelConfig c = {.n_vocab = 4096,
                     .n_hidden = 256,
                     .n_layers = 6,
                     .n_heads = 8,
                     .n_kv = 4,
                     .head_dim = 32,
                     .n_ffn = 704,
                     .max_len = 2048,
                     .norm_eps = 1e-5,
                     .rope.theta = 10000,
                     .tied = true,
                     .bos = -1,
                     .eos = -1};
    Rng rng = rng_stream(SEED, "bench model", 0);
    LoraShape shape = model_lora_shape(&c);
    TRY(model_new(&w->m, &c, e));
    model_init(w->m, &rng);
    w->n_loras = RANDOM_LORAS;
    w->n_cand = RANDOM_CAND;
    w->len = RANDOM_LEN;
    w->scored = RANDOM_SCORED;
    w->n_texts = max_texts;
    for (size_t i = 0; i < w->n_loras; i++)
        TRY(lora_new(&w->l[i], &shape, 1U << LORA_Q | 1U << LORA_K | 1U << LORA_V | 1U << LORA_O, RANK,
                     2.0 * RANK, e));
    fill_loras(w);
    TRY(lora_bank_new(&w->bank, (const Lora *const *)w->l, w->n_loras, e));
    TRY(work_arrays(w, e));
    rng = rng_stream(SEED, "bench texts", 0);
    for (size_t i = 0; i < w->n_texts * w->len; i++) w->ids[i] = (int32_t)rng_below(&rng, c.n_vocab);
    for (size_t i = 0; i < w->n_cand * w->n_loras; i++) w->w[i] = (float)(3 * rng_uniform(&rng) - 1.5);
    return OK;
}

static Status load_loras(Workload *w, const char *dir, Err *e)
{
    char path[1000];
    LoraShape shape = model_lora_shape(&w->m->cfg);
    for (; w->n_loras < BENCH_MAX_LORAS; w->n_loras++) {
        snprintf(path, sizeof path, "%s/adapter%zu", dir, w->n_loras);
        if (w->n_loras > 0 && !file_is_dir(path)) break;
        TRY(lora_load(&w->l[w->n_loras], path, &shape, e));
    }
    return lora_bank_new(&w->bank, (const Lora *const *)w->l, w->n_loras, e);
}

static Status fill_texts(Workload *w, const JsVal *prompts, const JsVal *weights, Err *e)
{
    for (size_t i = 0; i < w->n_texts * w->len; i++)
        w->ids[i] = (int32_t)js_int(js_at(js_at(prompts, i / w->len), i % w->len), -1);
    for (size_t i = 0; i < w->n_cand * w->n_loras; i++) {
        const JsVal *v = js_at(js_at(weights, i / w->n_loras), i % w->n_loras);
        if (js_type(v) == JS_NONE)
            FAIL(e, ERR_FORMAT, "candidates.json: candidate %zu has no weight %zu", i / w->n_loras,
                 i % w->n_loras);
        w->w[i] = (float)js_num(v, 0);
    }
    return OK;
}

static Status take_texts(Workload *w, const JsVal *texts, const JsVal *cands, size_t max_texts, Err *e)
{
    const JsVal *prompts = js_get(texts, "prompts"), *weights = js_get(cands, "weights");
    TRY(js_need_size(&w->len, texts, "T", "prompts.json", e));
    TRY(js_need_size(&w->scored, texts, "score_last", "prompts.json", e));
    if (w->scored < 1 || w->scored >= w->len)
        FAIL(e, ERR_FORMAT, "prompts.json: score_last = %zu, want 1 to %zu", w->scored, w->len - 1);
    w->n_texts = js_len(prompts) < max_texts ? js_len(prompts) : max_texts;
    w->n_cand = js_len(weights);
    if (w->n_texts == 0 || w->n_cand == 0) FAIL(e, ERR_FORMAT, "no prompts, or no candidates");
    TRY(work_arrays(w, e));
    return fill_texts(w, prompts, weights, e);
}

Status work_load(Workload *w, const char *dir, size_t max_texts, Err *e)
{
    char path[1000];
    JsVal *texts = NULL, *cands = NULL;
    snprintf(path, sizeof path, "%s/model", dir);
    TRY(model_load(&w->m, path, e));
    TRY(load_loras(w, dir, e));
    snprintf(path, sizeof path, "%s/prompts.json", dir);
    Status s = js_load(&texts, path, e);
    snprintf(path, sizeof path, "%s/candidates.json", dir);
    if (s == OK) s = js_load(&cands, path, e);
    if (s == OK) s = take_texts(w, texts, cands, max_texts, e);
    js_close(texts);
    js_close(cands);
    return s;
}

void work_free(Workload *w)
{
    lora_bank_free(w->bank);
    for (size_t i = 0; i < BENCH_MAX_LORAS; i++) lora_free(w->l[i]);
    model_free(w->m);
    free(w->ids);
    free(w->w);
    free(w->item);
    free(w->out);
}
