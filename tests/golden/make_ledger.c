/* make_ledger.c - make_ledger FILE [ANCHORS]: a small ledger with known numbers, for tests of reports: one
 * task, 3 targets, 2 seeds, base, anchors alone, a uniform merge and a search at two values of lambda. */
#include "prime/ledger.h"
#include "prime/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_TARGETS = 3, N_SEEDS = 2, N_RECORDS = 6 };

/* How useful and how leaky each method is made. */
typedef struct {
    const char *method;
    double lambda, utility, leak;
} Plan;

static const Plan plans[] = {
    {"evolved", 0.5, 0.32, 0.6}, {"base", NAN, 0.2, 0}, {"uniform", NAN, 0.28, 0.9},
    {"evolved", 0, 0.36, 1.4},   {"anchor", NAN, 0, 3},
};

typedef struct {
    Ledger *l;
    const Plan *plan;
    size_t anchors;
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
        double loss = rng_normal(&m->rng), ref = m->plan->leak * label + 0.5 * rng_normal(&m->rng);
        bool base = strcmp(m->plan->method, "base") == 0;
        snprintf(record, sizeof record, "r%zu", i);
        TRY(make_score(m, "attack", "loss", unit, record, label, loss + (base ? 0 : ref), e));
        TRY(make_score(m, "attack", "ref", unit, record, label, base ? 0 : ref, e));
        TRY(make_score(m, "attack", "blind_length", unit, record, label, (double)((i * 7 + anchor) % 5), e));
    }
    if (m->plan->leak == 0 || m->plan->leak == 3) return OK;
    return make_score(m, "weight", "w", unit, "", LEDGER_NO_LABEL, 1.0 / (double)(1 + anchor), e);
}

static Status make_target(Maker *m, const char *target, uint64_t seed, Err *e)
{
    char key[128], record[32];
    snprintf(key, sizeof key, "%s %g %s %llu", m->plan->method, m->plan->lambda, target,
             (unsigned long long)seed);
    LedgerCell c = {key, m->plan->method, "toy", target, m->plan->lambda, seed, NULL, 0};
    TRY(ledger_cell_begin(m->l, &c, e));
    m->rng = rng_stream(seed, key, 0);
    for (size_t i = 0; i < N_RECORDS && m->plan->utility > 0; i++) {
        double u = m->plan->utility + 0.02 * (target[1] - '0') + 0.01 * (double)i;
        snprintf(record, sizeof record, "q%zu", i);
        TRY(make_score(m, "utility", "rouge1", target, record, LEDGER_NO_LABEL, u, e));
        TRY(make_score(m, "utility", "rougeL", target, record, LEDGER_NO_LABEL, u / 2, e));
    }
    for (size_t a = 0; a < m->anchors; a++)
        if (m->plan->utility > 0 || (size_t)(target[1] - '0') == a) TRY(make_attacks(m, a, e));
    TRY(make_score(m, "norm", "attenuation", target, "", LEDGER_NO_LABEL, m->plan->leak / 3, e));
    if (strcmp(m->plan->method, "evolved") == 0)
        TRY(make_score(m, "search", "evaluations", target, "", LEDGER_NO_LABEL, 400, e));
    return ledger_cell_commit(m->l, "ok", 0.5, e);
}

static Status make_plan(Maker *m, Err *e)
{
    bool alone = strcmp(m->plan->method, "anchor") == 0, random = strcmp(m->plan->method, "evolved") == 0;
    for (size_t i = 0; i < (alone ? m->anchors : N_TARGETS); i++) {
        for (uint64_t seed = 1; seed <= (random ? N_SEEDS : 1); seed++) {
            char target[32];
            snprintf(target, sizeof target, "%c%zu", alone ? 'a' : 'u', i);
            TRY(make_target(m, target, seed, e));
        }
    }
    return OK;
}

int main(int argc, char **argv)
{
    Err e = {0};
    Maker m = {.anchors = argc > 2 ? strtoul(argv[2], NULL, 10) : 4};
    Status s = argc > 1 ? ledger_open(&m.l, argv[1], LEDGER_CREATE, "toy", &e) : ERR_ARG;
    for (size_t i = 0; s == OK && i < sizeof plans / sizeof plans[0]; i++) {
        m.plan = &plans[i];
        s = make_plan(&m, &e);
    }
    ledger_close(m.l);
    if (s != OK) fprintf(stderr, "make_ledger: %s\n", e.msg);
    return s != OK;
}
