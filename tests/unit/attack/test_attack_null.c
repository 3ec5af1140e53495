/* What every attack must do on records that differ in nothing, and on records that do. */
#include "prime/attack.h"
#include "prime/rng.h"
#include "prime/roc.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDS = 1000, MOST = 40, VOCAB = 50, NEAR = 4 };

typedef struct {
    double logp[MOST], mu[MOST], sigma[MOST], ref[MOST], near[NEAR];
    int32_t rank[MOST], id[MOST];
    AttackTokens t;
} NullRecord;

typedef struct {
    NullRecord rec[RECORDS];
    AttackSignal s[RECORDS];
    double count[VOCAB];
    AttackCounts counts;
} NullSet;

/* Draw one record; its model gains `edge` nats a token over the reference. */
static void null_record(NullRecord *x, AttackSignal *s, const AttackCounts *counts, Rng *rng, double edge)
{
    size_t n = 8 + rng_below(rng, MOST - 8);
    *s = (AttackSignal){
        .n_tokens = n, .tokens = &x->t, .neighbour = x->near, .n_neighbours = NEAR, .counts = counts};
    double base = 0;
    for (size_t i = 0; i < n; i++) {
        x->ref[i] = -fabs(2 + 1.5 * rng_normal(rng));
        x->logp[i] = fmin(-1e-3, x->ref[i] + 0.4 * rng_normal(rng) + edge);
        x->mu[i] = -1.5 - rng_uniform(rng);
        x->sigma[i] = 0.5 + rng_uniform(rng);
        x->rank[i] = x->logp[i] > -1 ? 0 : 1 + (int32_t)rng_below(rng, 20);
        x->id[i] = (int32_t)rng_below(rng, VOCAB);
        s->nll_sum -= x->logp[i];
        s->ref_nll_sum -= x->ref[i];
        base -= x->logp[i] - edge; /* what another text or another model loses */
    }
    for (size_t k = 0; k < NEAR; k++) x->near[k] = -base / (double)n - 0.3 + 0.1 * rng_normal(rng);
    x->t = (AttackTokens){n, x->logp, x->mu, x->sigma, x->ref, x->rank, x->id};
    s->loo = (AttackText){n, base + 0.5 * rng_normal(rng)};
    s->lower = (AttackText){n + 2, base * 1.1 + 0.5 * rng_normal(rng)};
    s->after_non = (AttackText){n, base * 0.95 + 0.5 * rng_normal(rng)};
    s->after_member = (AttackText){n, base * 0.93 + 0.5 * rng_normal(rng)};
    s->zlib_bytes = 20 + 2 * n + rng_below(rng, 10);
}

static NullSet *null_set(double edge, uint64_t seed)
{
    NullSet *x = calloc(1, sizeof *x);
    Rng rng = rng_stream(seed, "null", 0);
    cr_assert_not_null(x);
    for (size_t v = 0; v < VOCAB; v++) x->counts.total += x->count[v] = (double)rng_below(&rng, 1000);
    x->counts.count = x->count;
    x->counts.n_vocab = VOCAB;
    for (size_t i = 0; i < RECORDS; i++)
        null_record(&x->rec[i], &x->s[i], &x->counts, &rng, i % 2 == 0 ? edge : 0);
    return x;
}

/* Even records are the members. */
static double null_auc(const double *score)
{
    static double pos[RECORDS], neg[RECORDS], work[RECORDS];
    for (size_t i = 0; i < RECORDS; i++) (i % 2 == 0 ? pos : neg)[i / 2] = score[i];
    return roc_auc(pos, RECORDS / 2, neg, RECORDS / 2, work);
}

/* The null standard deviation of an AUC of 500 and 500 is 0.018: four of them, for some twenty attacks. */
Test(attack_null, without_a_difference_every_attack_sits_at_one_half)
{
    NullSet *x = null_set(0, 1);
    double score[RECORDS];
    for (size_t i = 0; attack_at(i) != NULL; i++) {
        if (attack_at(i)->fn == NULL) continue;
        cr_assert_eq(attack_score(score, x->s, RECORDS, attack_at(i)->name, NULL), OK);
        cr_assert_float_eq(null_auc(score), 0.5, 0.073, "%s: %g", attack_at(i)->name, null_auc(score));
    }
    free(x);
}

/* A gain of 0.8 nats a token is seen by all that look at the model, in the right direction; not by the blind.
 * ez_mia is left to its own test: it gives 0 to those that lose nothing. */
Test(attack_null, a_gain_is_seen_by_all_but_the_blind)
{
    NullSet *x = null_set(0.8, 2);
    double score[RECORDS];
    for (size_t i = 0; attack_at(i) != NULL; i++) {
        const Attack *a = attack_at(i);
        if (a->fn == NULL || strcmp(a->name, "ez_mia") == 0) continue;
        cr_assert_eq(attack_score(score, x->s, RECORDS, a->name, NULL), OK);
        double auc = null_auc(score);
        if (strcmp(a->access, "blind") == 0)
            cr_assert_float_eq(auc, 0.5, 0.073, "%s: %g", a->name, auc);
        else
            cr_assert_gt(auc, 0.52, "%s: %g", a->name, auc);
    }
    free(x);
}

/* The order of records does not matter, and none reads another. */
Test(attack_null, a_record_is_scored_as_it_is_alone)
{
    NullSet *x = null_set(0.3, 3);
    double all[RECORDS], one;
    for (size_t i = 0; attack_at(i) != NULL; i++) {
        if (attack_at(i)->fn == NULL) continue;
        cr_assert_eq(attack_score(all, x->s, RECORDS, attack_at(i)->name, NULL), OK);
        for (size_t k = 0; k < RECORDS; k += 97) {
            cr_assert_eq(attack_score(&one, &x->s[k], 1, attack_at(i)->name, NULL), OK);
            cr_assert_eq(one, all[k], "%s", attack_at(i)->name);
        }
    }
    free(x);
}
