/* attack.h - record-level membership scores from stored token signals. An attack gives a score, higher =
 * member, and never judges: intervals and verdicts come from roc.h. The model is run once per record, every
 * attack is a pure function of what that run left behind. */
#ifndef PRIME_ATTACK_H
#define PRIME_ATTACK_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>

/* What is known of one record: its answer tokens under the attacked model and under the reference (the base
 * model, where the attacked one is the base with an adapter). */
typedef struct {
    size_t n_tokens;    /* scored answer tokens */
    double nll_sum;     /* nats, attacked model */
    double ref_nll_sum; /* nats, reference model; NaN where there is none */
} AttackSignal;

/* One row per attack. Units of a score are nats per token unless `what` says otherwise. */
typedef struct {
    const char *name, *what;
    const char *level; /* "record" */
    const char
        *access; /* "blind": no model; "loss": the attacked model's loss; "loss+ref": the reference's too */
    const char *source;
    bool needs_model, needs_ref;
    double (*fn)(const AttackSignal *s);
} Attack;

/* attack_at - the i-th row; NULL past the end. attack_find - by name; NULL when there is none. */
const Attack *attack_at(size_t i);
const Attack *attack_find(const char *name);

/* attack_score - score [n] of signals s [n] by the named attack.
 * Errors: ERR_ARG unknown attack; ERR_SHAPE a record without answer tokens; ERR_NUM a signal that the attack
 * needs is not finite (record named). */
Status attack_score(double *score, const AttackSignal *s, size_t n, const char *name, Err *e) PRIME_MUST_USE;

#endif
