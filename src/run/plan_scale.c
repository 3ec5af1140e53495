/* plan_scale.c - arithmetic on the shapes of large models. */
#include "prime/plan_scale.h"

#include "prime/generate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- models ---- */

static const char llama2[] = "Llama 2: Touvron et al. 2023, arXiv:2307.09288";
static const PlanModel models[] = {
    {"7B", llama2, 32, 4096, 4096, 11008, 32000},
    {"13B", llama2, 40, 5120, 5120, 13824, 32000},
    {"70B", llama2, 80, 8192, 1024, 28672, 32000},
};
enum { N_MODELS = sizeof models / sizeof models[0] };

const PlanModel *plan_model_at(size_t i)
{
    return i < N_MODELS ? &models[i] : NULL;
}

static Status model_named(const PlanModel **out, const char *name, size_t n, Err *e)
{
    const char *names[N_MODELS];
    char word[32] = "";
    if (n < sizeof word) memcpy(word, name, n);
    for (size_t i = 0; i < N_MODELS; i++) {
        names[i] = models[i].name;
        if (strlen(names[i]) != n || memcmp(names[i], name, n) != 0) continue;
        *out = &models[i];
        return OK;
    }
    const char *near = str_nearest(word, names, N_MODELS);
    FAIL(e, ERR_ARG, "model %.*s is not known, want 7B, 13B or 70B%s%s", (int)(n < 40 ? n : 40), name,
         near != NULL ? "; did you mean " : "", near != NULL ? near : "");
}

static double layer_weights(const PlanModel *m)
{
    return m->layers * m->hidden * (2 * m->hidden + 2 * m->kv + 3 * m->ffn);
}

static double head_weights(const PlanModel *m)
{
    return m->vocab * m->hidden;
}

/* ---- settings ---- */

typedef struct {
    const char *name;
    size_t at;
    double standard, least;
} Key;
#define KEY(name, standard, least)                        \
    {                                                     \
#name, offsetof(PlanScale, name), standard, least \
    }
static const Key keys[] = {
    KEY(targets, 100, 1), KEY(anchors, 1000, 1),  KEY(per_target, 50, 1), KEY(lambdas, 10, 1),
    KEY(seeds, 5, 1),     KEY(methods, 12, 1),    KEY(searches, 3, 0),    KEY(evaluations, 100, 0),
    KEY(train, 50, 0),    KEY(epochs, 2, 0),      KEY(search, 20, 0),     KEY(query, 20, 0),
    KEY(attacked, 20, 0), KEY(tokens, 200, 1),    KEY(answer, 20, 0),     KEY(rank, 8, 1),
    KEY(modules, 2, 1),   KEY(bytes, 2, 1),       KEY(nodes, 1, 1),       KEY(cores, 32, 1),
    KEY(processes, 1, 1), KEY(gflops, 50, 0.001),
};
#undef KEY
enum { N_KEYS = sizeof keys / sizeof keys[0] };

static double *key_value(PlanScale *p, const Key *k)
{
    return (double *)(void *)((char *)p + k->at);
}

PlanScale plan_scale_default(void)
{
    PlanScale p;
    for (size_t i = 0; i < N_KEYS; i++) *key_value(&p, &keys[i]) = keys[i].standard;
    return p;
}

Status plan_scale_set(PlanScale *p, const char *assignment, Err *e)
{
    const char *names[N_KEYS];
    char word[32] = "", *end = NULL;
    size_t n = strcspn(assignment, "=");
    if (n < sizeof word) memcpy(word, assignment, n);
    for (size_t i = 0; i < N_KEYS; i++) {
        names[i] = keys[i].name;
        if (strcmp(names[i], word) != 0) continue;
        const char *text = assignment[n] == '=' ? assignment + n + 1 : "";
        double x = strtod(text, &end);
        if (end == text || *end != '\0' || !isfinite(x) || x < keys[i].least)
            FAIL(e, ERR_ARG, "%s = %.40s, want a number of at least %g", word, text, keys[i].least);
        *key_value(p, &keys[i]) = x;
        return OK;
    }
    const char *near = str_nearest(word, names, N_KEYS);
    FAIL(e, ERR_ARG, "%.40s is not known%s%s", assignment, near != NULL ? ", did you mean " : "",
         near != NULL ? near : "");
}

/* ---- rows ---- */

static void scale_put(Str *out, const PlanModel *m, const char *what, double value, const char *unit)
{
    str_printf(out, "%s,\"%s\",", m->name, what);
    str_num(out, value);
    str_printf(out, ",%s,\"computed, not measured\"\n", unit);
}

/* Operations of a pass over records of which so many tokens are answers, under K adapters. */
static double pass_cost(const PlanScale *p, const PlanModel *m, double records, double adapters)
{
    double token = 2 * layer_weights(m) + 2 * m->layers * m->hidden * p->tokens +
                   4 * adapters * p->rank * m->layers * p->modules * m->hidden;
    return records * (p->tokens * token + 2 * p->answer * head_weights(m));
}

typedef struct {
    double cells, train, search, utility, attack;
} ScaleWork;

static ScaleWork scale_work(const PlanScale *p, const PlanModel *m)
{
    ScaleWork w = {.cells = p->targets * p->lambdas * p->seeds * p->methods};
    double K = p->per_target;
    w.train = 2 * pass_cost(p, m, p->anchors * p->seeds * p->train * p->epochs, 1);
    w.search = pass_cost(p, m, p->targets * p->seeds * p->searches * p->evaluations * p->search, K);
    w.utility = pass_cost(p, m, w.cells * p->query, 1);
    w.attack = pass_cost(p, m, w.cells * K * p->attacked, 1) + pass_cost(p, m, p->anchors * p->attacked, 0);
    return w;
}

/* Seconds of the machine. */
static double scale_seconds(const PlanScale *p, double operations)
{
    return operations / (p->nodes * p->cores * p->gflops * 1e9);
}

static void scale_time(Str *out, const PlanScale *p, const PlanModel *m)
{
    ScaleWork w = scale_work(p, m);
    const struct {
        const char *what;
        double value;
    } part[] = {{"training", w.train},
                {"search", w.search},
                {"utility", w.utility},
                {"attacks", w.attack},
                {"all", w.train + w.search + w.utility + w.attack}};
    scale_put(out, m, "cells", w.cells, "");
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        char what[48];
        snprintf(what, sizeof what, "operations, %s", part[i].what);
        scale_put(out, m, what, part[i].value, "flop");
        snprintf(what, sizeof what, "time, %s", part[i].what);
        scale_put(out, m, what, scale_seconds(p, part[i].value) / 3600, "h");
    }
}

/* As the program holds them: weights once a node where they are read in place, everything else once a
 * process.
 */
enum { SCALE_BATCH = GEN_BATCH, SCALE_ROWS = 512, SCALE_ROW = 110 /* bytes of a score in the ledger */ };

static void scale_memory(Str *out, const PlanScale *p, const PlanModel *m)
{
    double weights = layer_weights(m) + 2 * head_weights(m),
           adapter = 4 * p->rank * p->modules * m->layers * 2 * m->hidden, threads = p->cores / p->processes,
           adapters = adapter * p->anchors * p->seeds, text = p->tokens * 2 * m->layers * m->kv * 4,
           kv = threads * fmax(text, fmin(SCALE_BATCH * text, (double)GEN_KV_BYTES)),
           rows = threads * SCALE_ROWS * 4 * (6 * m->hidden + 3 * m->ffn) + threads * 64 * 4 * m->vocab;
    scale_put(out, m, "weights of the base", weights, "");
    scale_put(out, m, "memory, weights, once a node", weights * p->bytes / 1e9, "GB");
    scale_put(out, m, "memory, adapters, each process", adapters / 1e9, "GB");
    scale_put(out, m, "memory, keys and values, each process", kv / 1e9, "GB");
    scale_put(out, m, "memory, activations, each process", rows / 1e9, "GB");
    scale_put(out, m, "memory, all of a node",
              (weights * p->bytes + p->processes * (adapters + kv + rows)) / 1e9, "GB");
    scale_put(out, m, "disk, base", weights * p->bytes / 1e9, "GB");
    scale_put(out, m, "disk, adapters", adapters / 1e9, "GB");
    scale_put(out, m, "disk, ledger",
              scale_work(p, m).cells * p->per_target * p->attacked * 10 * SCALE_ROW / 1e9, "GB");
}

Status plan_scale_rows(Str *out, const PlanScale *p, const char *names, Err *e)
{
    str_puts(out, "model,what,value,unit,basis\n");
    for (const char *at = names; *at != '\0';) {
        const PlanModel *m = NULL;
        size_t n = strcspn(at, ",");
        TRY(model_named(&m, at, n, e));
        scale_memory(out, p, m);
        scale_time(out, p, m);
        at += n + (at[n] == ',');
    }
    if (out->failed) FAIL(e, ERR_NOMEM, "no memory for a plan");
    return OK;
}
