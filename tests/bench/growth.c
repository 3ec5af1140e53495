/* growth.c - how the time of scoring grows with candidates, prompts, tokens, anchors and threads, everything
 * else as it is; and the exponent that fits: 1 is in proportion, 0 costs nothing. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_STEPS = 8, MOST_LORAS = 64, MOST_IDS = 64 * 1024, THREADS = 2 };

/* What a step scores; one of the four is varied along a line. */
typedef struct {
    size_t cand, texts, len, loras;
} Size;

typedef struct {
    const char *what, *note;
    size_t offset; /* of the varied one within Size */
    Size base;
    size_t step[MOST_STEPS];
} Line;

static const Line lines[] = {
    {"growth_candidates",
     "candidates on 4 prompts of 96 tokens, 3 anchors",
     offsetof(Size, cand),
     {0, 4, 96, 3},
     {1, 2, 4, 8, 16, 32, 64}},
    {"growth_prompts",
     "prompts of 32 tokens, one candidate of 3 anchors",
     offsetof(Size, texts),
     {1, 0, 32, 3},
     {10, 30, 100, 300, 1000}},
    {"growth_tokens",
     "tokens of each of 2 prompts, one candidate of 3 anchors",
     offsetof(Size, len),
     {1, 2, 0, 3},
     {32, 64, 128, 256, 512, 1024, 2048}},
    {"growth_anchors",
     "anchors of 4 candidates on 4 prompts of 96 tokens",
     offsetof(Size, loras),
     {4, 4, 96, 0},
     {2, 4, 8, 16, 32, 64}},
};
enum { N_LINES = sizeof lines / sizeof lines[0] };

typedef struct {
    Size n;
    ScoreItem *item; /* [cand, texts] */
    ScoreOut *out;
    LoraBank *bank;
    char what[64];
} Step;

static struct {
    const Model *m;
    Lora *l[MOST_LORAS];
    int32_t *ids;
    float *w; /* [candidates, anchors] of the largest step */
    Step step[N_LINES][MOST_STEPS];
} grow;

static Status run_step(void *ctx, size_t threads, Err *e)
{
    (void)threads;
    const Step *s = ctx;
    PassLora lora = {.bank = s->bank, .op = LORA_EXACT, .w = grow.w};
    return score_nll(s->out, grow.m, &lora, s->n.cand, s->item, s->n.cand * s->n.texts, e);
}

static Status step_open(Step *s, const Line *line, size_t value, Err *e)
{
    s->n = line->base;
    *(size_t *)((char *)&s->n + line->offset) = value;
    size_t n = s->n.cand * s->n.texts, span = MOST_IDS - s->n.len;
    s->item = calloc(n, sizeof *s->item);
    s->out = calloc(n, sizeof *s->out);
    if (s->item == NULL || s->out == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", n);
    for (size_t i = 0; i < n; i++)
        s->item[i] = (ScoreItem){grow.ids + i % s->n.texts * 31 % span, s->n.len, s->n.len - s->n.len / 6,
                                 i / s->n.texts};
    snprintf(s->what, sizeof s->what, "%s_%zu", line->what, value);
    return lora_bank_new(&s->bank, (const Lora *const *)grow.l, s->n.loras, e);
}

static Status growth_open(const Workload *w, Err *e)
{
    LoraShape shape = model_lora_shape(&w->m->cfg);
    Rng rng = rng_stream(1, "bench growth", 0);
    grow.m = w->m;
    grow.ids = calloc(MOST_IDS, sizeof *grow.ids);
    grow.w = calloc((size_t)MOST_LORAS * MOST_LORAS, sizeof *grow.w);
    if (grow.ids == NULL || grow.w == NULL) FAIL(e, ERR_NOMEM, "no memory for texts");
    for (size_t i = 0; i < MOST_IDS; i++) grow.ids[i] = (int32_t)rng_below(&rng, w->m->cfg.n_vocab);
    for (size_t i = 0; i < (size_t)MOST_LORAS * MOST_LORAS; i++) grow.w[i] = (float)rng_uniform(&rng) / 8;
    for (size_t i = 0; i < MOST_LORAS; i++) {
        TRY(lora_new(&grow.l[i], &shape, 1U << LORA_Q | 1U << LORA_K | 1U << LORA_V | 1U << LORA_O, 8, 8, e));
        lora_init(grow.l[i], &rng);
    }
    return OK;
}

Status growth_add(Bench *b, const BenchIn *in, Err *e)
{
    TRY(growth_open(in->w, e));
    for (size_t i = 0; i < N_LINES; i++)
        for (size_t k = 0; k < MOST_STEPS && lines[i].step[k] > 0; k++) {
            Step *s = &grow.step[i][k];
            if (lines[i].step[k] > grow.m->cfg.max_len && lines[i].offset == offsetof(Size, len)) break;
            TRY(step_open(s, &lines[i], lines[i].step[k], e));
            for (size_t t = 1; t <= THREADS; t++)
                bench_add(b, (BenchCase){.what = s->what,
                                         .unit = "s",
                                         .note = lines[i].note,
                                         .run = run_step,
                                         .ctx = s,
                                         .threads = t});
        }
    return OK;
}

/* Least squares through (log of the step, log of the seconds). */
static double growth_exponent(const Bench *b, const Line *line, const Step *s, size_t threads)
{
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (size_t k = 0; k < MOST_STEPS && s[k].item != NULL; k++) {
        double at = log((double)line->step[k]), took = log(bench_case(b, s[k].what, threads)->median);
        n++;
        x += at;
        y += took;
        xx += at * at;
        xy += at * took;
    }
    return (n * xy - x * y) / (n * xx - x * x);
}

Status growth_rows(const Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    (void)e;
    for (size_t i = 0; i < N_LINES; i++) {
        char what[96];
        double gain = 1;
        for (size_t t = 1; t <= THREADS; t++) {
            snprintf(what, sizeof what, "%s_exponent_%zut", lines[i].what, t);
            bench_row(b, what, growth_exponent(b, &lines[i], grow.step[i], t), NULL, "power",
                      "least squares of the logarithms");
        }
        size_t last = 0;
        while (last + 1 < MOST_STEPS && grow.step[i][last + 1].item != NULL) last++;
        gain = bench_case(b, grow.step[i][last].what, 1)->median /
               bench_case(b, grow.step[i][last].what, 2)->median;
        snprintf(what, sizeof what, "%s_threads", lines[i].what);
        bench_row(b, what, gain, NULL, "times", "two threads beside one, of the largest step");
    }
    return OK;
}

void growth_free(void)
{
    for (size_t i = 0; i < N_LINES; i++)
        for (size_t k = 0; k < MOST_STEPS; k++) {
            free(grow.step[i][k].item);
            free(grow.step[i][k].out);
            lora_bank_free(grow.step[i][k].bank);
        }
    for (size_t i = 0; i < MOST_LORAS; i++) lora_free(grow.l[i]);
    free(grow.ids);
    free(grow.w);
}
