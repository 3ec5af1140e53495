/* races.c - how often a race loses the best candidate of a generation, and what that costs. Searches are run
 * without a race, and what every candidate makes of every record is kept; the rule of evolve.race
 * (search_race.c) is then applied to it for several numbers of records.
 *
 *     races MODEL DATASET TASK
 *
 * Targets are people of the audit with enough history, anchors the people behind them; weights are sought by
 * cma with the settings of "prime" for the mean log p a token of the target's records (lambda 0). A line of
 * CSV for each size of a generation and number of records: generations; how many of them kept their best
 * candidate; mean and largest loss of score by what was dropped, in nats a token, and the spread (standard
 * deviation) of the candidates beside it; share of candidates of the better half that were dropped; share of
 * the scoring that was done. */
#include "prime/data.h"
#include "prime/evolve.h"
#include "prime/mat.h"
#include "prime/model.h"
#include "prime/par.h"
#include "prime/sample.h"
#include "prime/score.h"
#include "prime/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TARGETS = 4,
    ANCHORS = 4,
    RECORDS = 24,
    MEMBERS = 16,
    GENERATIONS = 6,
    MOST = 16,
    SIZES = 2,
    COUNTS = 3
};
static const size_t population[SIZES] = {8, 16}, heard[COUNTS] = {8, 12, 24};

typedef struct {
    size_t n, kept, lost_half, half;
    double regret, most, spread, share;
} Tally;

typedef struct {
    Model *m;
    Tok *tok;
    DataSet *data;
    const DataUser *user[TARGETS + ANCHORS];
    Lora *l[TARGETS + ANCHORS];
    Arena mem;
    Tally tally[SIZES][COUNTS];
} Races;

static Status races_sample(Sample *out, Races *r, const DataRecord *rec, Err *e)
{
    return sample_make(out, &r->mem, r->tok, &r->m->cfg, rec->task, NULL, rec->input, rec->output, 0, e);
}

static Status races_adapter(Races *r, size_t i, Err *e)
{
    const DataUser *u = r->user[i];
    LoraShape shape = model_lora_shape(&r->m->cfg);
    TrainOpts o = train_default();
    TrainDoc doc[MEMBERS];
    Rng rng = rng_stream(1, "races", i);
    TRY(lora_new(&r->l[i], &shape, 1U << LORA_Q | 1U << LORA_K | 1U << LORA_V | 1U << LORA_O, 8, 16, e));
    lora_init(r->l[i], &rng);
    for (size_t d = 0; d < MEMBERS; d++) {
        Sample s;
        TRY(races_sample(&s, r, &u->rec[DATA_HISTORY][d], e));
        doc[d] = (TrainDoc){s.ids, s.n, s.skip};
    }
    return train_lora(r->l[i], r->m, doc, MEMBERS, &o, NULL, NULL, e);
}

static Status races_people(Races *r, Err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < r->data->n_users && n < TARGETS + ANCHORS; i++) {
        const DataUser *u = &r->data->user[i];
        if (u->role == DATA_AUDIT && u->n[DATA_HISTORY] >= RECORDS) r->user[n++] = u;
    }
    if (n < TARGETS + ANCHORS)
        FAIL(e, ERR_ARG, "%zu people with %d records, want %d", n, RECORDS, TARGETS + ANCHORS);
    for (size_t i = 0; i < n; i++) TRY(races_adapter(r, i, e));
    return OK;
}

/* ---- the rule, on what is known: nll [n, RECORDS] ---- */

static double mean_of(const double *nll, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += nll[i];
    return sum / (double)n;
}

/* live [n] in the order of their means over the first `to` records; equal ones stay in order. */
static void race_order(size_t *live, size_t n, const double *nll, size_t to)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = i;
             j > 0 && mean_of(nll + live[j - 1] * RECORDS, to) > mean_of(nll + live[j] * RECORDS, to); j--) {
            size_t t = live[j];
            live[j] = live[j - 1];
            live[j - 1] = t;
        }
}

static void race_replay(Tally *t, const double *nll, size_t n, size_t records)
{
    static const double at[] = {0.25, 0.5}, stay[] = {0.75, 2.0 / 3};
    size_t live[MOST], whole[MOST], k = n, before = 0, done = 0;
    double mean = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        double f = mean_of(nll + i * RECORDS, records);
        live[i] = whole[i] = i;
        mean += f / (double)n;
        square += f * f / (double)n;
    }
    race_order(whole, n, nll, records);
    for (size_t s = 0; s < 2; s++) {
        size_t to = (size_t)floor(at[s] * (double)records);
        done += k * (to - before);
        before = to;
        race_order(live, k, nll, to);
        k = (size_t)ceil(stay[s] * (double)k);
    }
    done += k * (records - before);
    race_order(live, k, nll, records);
    double lost = mean_of(nll + live[0] * RECORDS, records) - mean_of(nll + whole[0] * RECORDS, records);
    t->n++;
    t->kept += live[0] == whole[0];
    t->regret += lost;
    t->most = fmax(t->most, lost);
    t->spread += sqrt(fmax(0, square - mean * mean));
    t->share += (double)done / (double)(n * records);
    for (size_t i = 0; i < n / 2; i++, t->half++) {
        bool in = false;
        for (size_t j = 0; j < k; j++) in = in || live[j] == whole[i];
        t->lost_half += !in;
    }
}

/* ---- searches ---- */

static Status races_score(double *nll, const Races *r, const LoraBank *bank, const double *x, size_t n,
                          const Sample *s, Err *e)
{
    float w[MOST * ANCHORS];
    ScoreItem item[MOST * RECORDS];
    ScoreOut out[MOST * RECORDS];
    for (size_t i = 0; i < n * ANCHORS; i++) w[i] = (float)x[i];
    for (size_t i = 0; i < n * RECORDS; i++) {
        const Sample *y = &s[i % RECORDS];
        item[i] = (ScoreItem){y->ids, y->n, y->skip, i / RECORDS};
    }
    TRY(score_nll(out, r->m, &(PassLora){.bank = bank, .op = LORA_PRIME, .w = w}, n, item, n * RECORDS, e));
    for (size_t i = 0; i < n * RECORDS; i++) nll[i] = out[i].nll_sum / (double)out[i].n_tokens;
    return OK;
}

static Status races_generations(Races *r, Evolver *ev, const LoraBank *bank, const Sample *s, size_t size,
                                Err *e)
{
    double x[MOST * ANCHORS], f[MOST], nll[MOST * RECORDS];
    size_t n = population[size];
    for (size_t g = 0; g < GENERATIONS; g++) {
        evolve_ask(ev, x);
        TRY(races_score(nll, r, bank, x, n, s, e));
        for (size_t i = 0; i < n; i++) f[i] = mean_of(nll + i * RECORDS, RECORDS);
        for (size_t c = 0; c < COUNTS; c++) race_replay(&r->tally[size][c], nll, n, heard[c]);
        TRY(evolve_tell(ev, x, f, e));
    }
    return OK;
}

static Status races_search(Races *r, size_t target, size_t size, Err *e)
{
    EvolveOpts o = {0};
    Evolver *ev = NULL;
    LoraBank *bank = NULL;
    const char *method;
    Sample s[RECORDS];
    for (size_t i = 0; i < RECORDS; i++)
        TRY(races_sample(&s[i], r, &r->user[target]->rec[DATA_HISTORY][i], e));
    TRY(evolve_preset(&o, &method, "prime", ANCHORS, ANCHORS, e));
    o.popsize = population[size];
    o.seed = target + 1;
    TRY(lora_bank_new(&bank, (const Lora *const *)&r->l[target + 1], ANCHORS, e));
    Status st = evolve_new(&ev, method, &o, e);
    if (st == OK) st = races_generations(r, ev, bank, s, size, e);
    evolve_free(ev);
    lora_bank_free(bank);
    return st;
}

static void races_print(const Races *r, size_t size)
{
    for (size_t c = 0; c < COUNTS; c++) {
        const Tally *t = &r->tally[size][c];
        double n = (double)t->n;
        printf("%zu,%zu,%zu,%.3f,%.5f,%.5f,%.5f,%.3f,%.3f\n", population[size], heard[c], t->n,
               (double)t->kept / n, t->regret / n, t->most, t->spread / n,
               (double)t->lost_half / (double)t->half, t->share / n);
    }
    fflush(stdout);
}

static Status races_run(Races *r, char **argv, Err *e)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/tokenizer.json", argv[1]);
    TRY(model_load(&r->m, argv[1], e));
    TRY(tok_load(&r->tok, path, e));
    TRY(data_load(&r->data, argv[2], argv[3], e));
    TRY(races_people(r, e));
    puts("candidates,records,generations,kept_best,regret,regret_most,spread,lost_of_better_half,scoring");
    for (size_t size = 0; size < SIZES; size++) {
        for (size_t t = 0; t < TARGETS; t++) TRY(races_search(r, t, size, e));
        races_print(r, size);
    }
    return OK;
}

int main(int argc, char **argv)
{
    static Races r;
    Err e = {0};
    if (argc != 4) {
        fputs("usage: races MODEL DATASET TASK\n", stderr);
        return 2;
    }
    mat_init();
    Status s = races_run(&r, argv, &e);
    if (s != OK) fprintf(stderr, "races: %s\n", e.msg);
    for (size_t i = 0; i < TARGETS + ANCHORS; i++) lora_free(r.l[i]);
    data_free(r.data);
    tok_free(r.tok);
    model_free(r.m);
    arena_free(&r.mem);
    return s == OK ? 0 : 1;
}
