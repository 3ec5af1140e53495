/* selftest.h - whether the attacks of a run see what is there, and nothing where nothing is.
 *
 * Made-up people (data_synth) write headlines; each gets an adapter that is overfitted on purpose. Then
 *   power        the strongest record-level attack on each anchor's own adapter, all people pooled, has an
 * AUC of at least SELFTEST_POWER; every model-based attack has a row, the strongest one a limit fingerprint
 * weights of a merge are read off its weights: largest error, at most SELFTEST_WEIGHT, for the exact sum
 * (updates) and for PriME's operator (A factors) null         held-out records of each person, half of them,
 * drawn at random, called members: the share of repeats in which the default interval (roc_clustered, 95%)
 * excludes 0.5 is at most SELFTEST_ALARMS, for every attack Rates have exact intervals, AUCs clustered ones.
 * A rate of exactly 5% passes the limit of 7% with probability 0.92 for one attack at 200 repeats, 0.998 at
 * 1000. */
#ifndef PRIME_SELFTEST_H
#define PRIME_SELFTEST_H

#include "prime/arena.h"
#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SELFTEST_POWER 0.9
#define SELFTEST_WEIGHT 1e-4
#define SELFTEST_ALARMS 0.07

typedef struct {
    const char *model;      /* folder of the base model */
    size_t people, records; /* anchors, and records of each: half are trained on, two fifths held out */
    size_t epochs, repeats; /* of training; of the null */
    double lr;              /* learning rate */
    uint64_t seed;
} SelftestOpts;
SelftestOpts selftest_default(void);

typedef enum { SELFTEST_NO_LIMIT, SELFTEST_PASS, SELFTEST_BREACHED, SELFTEST_UNGRADED } SelftestVerdict;
typedef struct {
    const char *check, *attack; /* power, fingerprint or null; a row of attack.h or a merge operator */
    double value, lo, hi;       /* NaN: none */
    double limit;               /* NaN where there is none */
    SelftestVerdict verdict;
} SelftestRow;
typedef struct {
    SelftestRow *row; /* [n] in the arena */
    size_t n;
    Arena arena;
} Selftest;

/* selftest_run - everything above, in a temporary folder that is removed. *out is valid after success only.
 * Errors: those of data_synth, model_load and training; ERR_ARG fewer than 2 people or 10 records, or no
 * repeat. selftest_verdict - of all rows: breached if one is, else ungraded if one is (too few people for the
 * interval), else pass. */
Status selftest_run(Selftest *out, const SelftestOpts *o, Err *e) PRIME_MUST_USE;
void selftest_free(Selftest *t);
SelftestVerdict selftest_verdict(const Selftest *t);

#endif
