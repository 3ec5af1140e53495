/* roc_ref.h - the score arrays of fixtures/ref/num, and scores drawn with an effect per user. */
#ifndef PRIME_TEST_ROC_REF_H
#define PRIME_TEST_ROC_REF_H

#include "prime/rng.h"
#include "prime/roc.h"

#include "ref_csv.h"

enum { ROC_MAX = 1024 };
static double pos[ROC_MAX], neg[ROC_MAX];
static size_t pos_user[ROC_MAX], neg_user[ROC_MAX];

/* One of score_arrays.csv by name, or a column of asah.csv. */
static inline RocData roc_ref(const char *name)
{
    bool asah = strncmp(name, "aSAH_", 5) == 0;
    Ref r = ref_open(asah ? "num/asah.csv" : "num/score_arrays.csv");
    RocData d = {.pos = pos, .neg = neg};
    for (size_t i = 0; i < r.rows; i++) {
        if (!asah && strcmp(ref_str(&r, i, "name"), name) != 0) continue;
        double x = ref_num(&r, i, asah ? name + 5 : "score");
        if (ref_num(&r, i, "label") == 1)
            pos[d.m++] = x;
        else
            neg[d.n++] = x;
    }
    ref_close(&r);
    cr_assert(d.m > 0 && d.n > 0, "%s", name);
    return d;
}

/* users x each records a side; shift on the members; same_people: user u has records on both sides. */
static inline RocData roc_draw(Rng *r, size_t users, size_t each, double icc, double shift, bool same_people)
{
    static double effect[2 * ROC_MAX];
    RocData d = {.pos = pos, .neg = neg, .m = users * each, .n = users * each, .n_users = 2 * users};
    cr_assert_leq(users * each, (size_t)ROC_MAX);
    for (size_t u = 0; u < 2 * users; u++) {
        bool member = u < users;
        effect[u] = same_people && !member ? effect[u - users] : sqrt(icc) * rng_normal(r);
        for (size_t k = 0; k < each; k++) {
            size_t at = u % users * each + k;
            *(member ? &pos[at] : &neg[at]) =
                (member ? shift : 0) + effect[u] + sqrt(1 - icc) * rng_normal(r);
            *(member ? &pos_user[at] : &neg_user[at]) = same_people ? u % users : u;
        }
    }
    d.pos_user = pos_user, d.neg_user = neg_user;
    return d;
}

#endif
