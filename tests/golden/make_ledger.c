/* make_ledger.c - make_ledger FILE [ANCHORS [TARGETS [SEEDS [SHIFT [more]]]]]: a small ledger with known
 * numbers, for tests of reports: two tasks, 4 anchors, 3 targets, 2 seeds; base, anchors alone, a uniform
 * merge, a search at two values of lambda, a soup with retrieval. SHIFT is added to the leak of all merges.
 * With `more` also the merges without each anchor, those of other anchors, and rows of attacks on weights,
 * people and canaries. */
#include "prime/ledger.h"
#include "prime/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_RECORDS = 6 };

/* How useful and how leaky each method is made. */
typedef struct {
    const char *task, *metric, *method;
    double lambda, utility, leak;
} Plan;

static const Plan plans[] = {
    {"toy", "rouge1", "evolved", 0.5, 0.32, 0.6}, {"toy", "rouge1", "base", NAN, 0.2, 0},
    {"toy", "rouge1", "uniform", NAN, 0.28, 0.9}, {"toy", "rouge1", "evolved", 0, 0.36, 1.4},
    {"toy", "rouge1", "anchor", NAN, 0, 3},       {"stars", "mae", "base", NAN, 1.2, 0},
    {"stars", "mae", "soup+rag2", NAN, 1, 0.4},
};

/* With `more`. */
static const Plan more_plans[] = {{"toy", "rouge1", "loo", 0, -1, 0.2},
                                  {"toy", "rouge1", "scaled", 0, -1, 2},
                                  {"toy", "rouge1", "random-anchors", 0, 0.3, 0}};

typedef struct {
    Ledger *l;
    const Plan *plan;
    size_t anchors, targets, seeds;
    double shift;
    bool more;
    Rng rng;
} Maker;

static Status make_score(Maker *m, const char *kind, const char *metric, const char *unit, const char *record,
                         int label, double value, Err *e)
{
    LedgerScore s = {kind, metric, unit, record, label, value};
    return ledger_score(m->l, &s, e);
}

static Status make_attacks(Maker *m, size_t anchor, Err *e)
{
    char unit[32], record[32];
    snprintf(unit, sizeof unit, "a%zu", anchor);
    for (size_t i = 0; i < 2 * N_RECORDS; i++) {
        int label = i < N_RECORDS;
        bool base = strcmp(m->plan->method, "base") == 0;
        double leak = base || m->plan->leak == 0 ? 0 : m->plan->leak + m->shift + 0.1 * (double)anchor;
        double loss = rng_normal(&m->rng), ref = leak * label + 0.5 * rng_normal(&m->rng);
        snprintf(record, sizeof record, "r%zu", i);
        TRY(make_score(m, "attack", "loss", unit, record, label, loss + (base ? 0 : ref), e));
        TRY(make_score(m, "attack", "ref", unit, record, label, base ? 0 : ref, e));
        TRY(make_score(m, "attack", "blind_length", unit, record, label, (double)((i * 7 + anchor) % 5), e));
    }
    if (m->plan->leak == 0 || m->plan->leak == 3 || m->plan->utility < 0) return OK;
    return make_score(m, "weight", "w", unit, "", LEDGER_NO_LABEL,
                      (anchor % 2 == 0 ? 1.0 : -1.0) / (double)(5 - anchor % 4) + 0.01 * rng_normal(&m->rng),
                      e);
}

/* All anchors but the last two are in every merge. */
static Status make_people(Maker *m, const char *target, Err *e)
{
    static const char *const attack[] = {"user_inference", "user_inference_token", "prime_mia",
                                         "prime_mia_base", "prime_mia_blind"};
    static const double leak[] = {2, 1, 1.5, 0.5, 0};
    for (size_t k = 0; k < 5; k++)
        for (size_t a = 0; a < m->anchors; a++) {
            char unit[32];
            snprintf(unit, sizeof unit, "a%zu", a);
            bool in = a + 2 < m->anchors;
            TRY(make_score(m, "person", attack[k], unit, "", in, leak[k] * in + rng_normal(&m->rng), e));
        }
    TRY(make_score(m, "person", "prime_mia_auc", target, "", LEDGER_NO_LABEL, 0.75, e));
    TRY(make_score(m, "person", "prime_mia_base_auc", target, "", LEDGER_NO_LABEL, 0.625, e));
    return make_score(m, "person", "prime_mia_blind_auc", target, "", LEDGER_NO_LABEL, 0.5, e);
}

static Status make_own(Maker *m, const char *target, Err *e)
{
    char record[32];
    for (int i = 0; i < 2 * N_RECORDS; i++) {
        snprintf(record, sizeof record, "o%d", i);
        TRY(make_score(m, "attack_own", "ref", target, record, i < N_RECORDS,
                       2 * (i < N_RECORDS) + rng_normal(&m->rng), e));
    }
    return OK;
}

static Status make_probes(Maker *m, const char *target, Err *e)
{
    for (size_t a = 0; a < m->anchors; a++) {
        char unit[32], record[32];
        snprintf(unit, sizeof unit, "a%zu", a);
        double missed = 0.01 * rng_uniform(&m->rng);
        TRY(make_score(m, "fingerprint", "weight", unit, "", LEDGER_NO_LABEL, 0.25 + missed, e));
        TRY(make_score(m, "fingerprint", "error", unit, "", LEDGER_NO_LABEL, missed, e));
        TRY(make_score(m, "fingerprint", "outside", unit, "", LEDGER_NO_LABEL, 0.125, e));
        for (int label = 0; label < 2; label++) {
            snprintf(record, sizeof record, "c%d", label);
            TRY(make_score(m, "canary", "exposure", unit, record, label, 1 + 3 * label + rng_uniform(&m->rng),
                           e));
        }
    }
    TRY(make_own(m, target, e));
    return make_people(m, target, e);
}

static Status make_more(Maker *m, const char *target, Err *e)
{
    bool alone = strcmp(m->plan->method, "anchor") == 0;
    if (!m->more || m->plan->utility < 0) return OK; /* counterfactuals are of records alone */
    if (alone) {
        TRY(make_score(m, "person", "source_inference", target, "", 1, 0.75 + 0.2 * rng_uniform(&m->rng), e));
        return make_score(m, "person", "source_inference", target, "", 0, 0.5 + 0.2 * rng_uniform(&m->rng),
                          e);
    }
    return m->plan->leak > 0 ? make_probes(m, target, e) : OK;
}

static Status make_target(Maker *m, char letter, size_t t, uint64_t seed, Err *e)
{
    char key[128], record[32], target[32];
    snprintf(target, sizeof target, "%c%zu", letter, t);
    snprintf(key, sizeof key, "%s %s %g %s %llu", m->plan->task, m->plan->method, m->plan->lambda, target,
             (unsigned long long)seed);
    LedgerCell c = {key, m->plan->method, m->plan->task, target, m->plan->lambda, seed, NULL, 0};
    TRY(ledger_cell_begin(m->l, &c, e));
    m->rng = rng_stream(seed, key, 0);
    for (size_t i = 0; i < N_RECORDS && m->plan->utility > 0; i++) {
        double u = m->plan->utility + 0.02 * (double)t + 0.01 * (double)i + 0.01 * rng_normal(&m->rng);
        snprintf(record, sizeof record, "q%zu", i);
        TRY(make_score(m, "utility", m->plan->metric, target, record, LEDGER_NO_LABEL, u, e));
        TRY(make_score(m, "utility", "more", target, record, LEDGER_NO_LABEL, u / 2, e));
    }
    for (size_t a = 0; a < m->anchors; a++)
        if (m->plan->utility != 0 || t == a) TRY(make_attacks(m, a, e));
    if (m->plan->utility >= 0)
        TRY(make_score(m, "norm", "attenuation", target, "", LEDGER_NO_LABEL, m->plan->leak / 3, e));
    if (strcmp(m->plan->method, "evolved") == 0)
        TRY(make_score(m, "search", "evaluations", target, "", LEDGER_NO_LABEL, 400, e));
    TRY(make_more(m, target, e));
    return ledger_cell_commit(m->l, "ok", 0.5, e);
}

static Status make_plan(Maker *m, Err *e)
{
    bool alone = strcmp(m->plan->method, "anchor") == 0,
         random = strcmp(m->plan->method, "evolved") == 0 || m->plan->utility < 0;
    for (size_t i = 0; i < (alone ? m->anchors : m->targets); i++)
        for (uint64_t seed = 1; seed <= (random ? m->seeds : 1); seed++)
            TRY(make_target(m, alone ? 'a' : 'u', i, seed, e));
    return OK;
}

static Status make_meta(Ledger *l, Err *e)
{
    TRY(ledger_meta_set(l, "version", "0.0.0", e));
    TRY(ledger_meta_set(l, "spec", "task: toy\nseeds: [1, 2]\n", e));
    TRY(ledger_meta_set(l, "data_sha256", "d0", e));
    TRY(ledger_meta_set(l, "base_sha256", "b0", e));
    TRY(ledger_meta_set(l, "utility_metric.toy", "rouge1", e));
    TRY(ledger_meta_set(l, "utility_metric.stars", "mae", e));
    return ledger_meta_set(l, "session1", "kernel Test, 1 threads", e);
}

static size_t number_of(int argc, char **argv, int at, size_t otherwise)
{
    return argc > at ? strtoul(argv[at], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    Err e = {0};
    Maker m = {.anchors = number_of(argc, argv, 2, 4),
               .targets = number_of(argc, argv, 3, 3),
               .seeds = number_of(argc, argv, 4, 2),
               .shift = argc > 5 ? strtod(argv[5], NULL) : 0,
               .more = argc > 6};
    Status s = argc > 1 ? ledger_open(&m.l, argv[1], LEDGER_CREATE, "toy", &e) : ERR_ARG;
    if (s == OK) s = make_meta(m.l, &e);
    for (size_t i = 0; s == OK && i < sizeof plans / sizeof plans[0]; i++) {
        m.plan = &plans[i];
        s = make_plan(&m, &e);
    }
    for (size_t i = 0; s == OK && m.more && i < sizeof more_plans / sizeof more_plans[0]; i++) {
        m.plan = &more_plans[i];
        s = make_plan(&m, &e);
    }
    ledger_close(m.l);
    if (s != OK) fprintf(stderr, "make_ledger: %s\n", e.msg);
    return s != OK;
}
