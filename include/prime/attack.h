/* attack.h - membership scores of single records from stored signals. An attack gives a score, higher =
 * member, and never judges: intervals and verdicts come from roc.h. The model is run once per record, every
 * attack is a pure function of what that run left behind.
 *
 * The table also names the probes that are no function of one record's signals (shadow models, people,
 * weights, canaries): they live in headers of their own, lira.h, rmia.h, quantile.h, blind.h, anchor.h,
 * fingerprint.h, subspace.h, collusion.h, exposure.h and extract.h. Signals on disk: signals.h. */
#ifndef PRIME_ATTACK_H
#define PRIME_ATTACK_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The answer tokens of a record, [n] each, borrowed; NULL where not known. */
typedef struct {
    size_t n;
    const double *logp;       /* log p(x_t), nats */
    const double *mu, *sigma; /* mean and sd of log p(v) for v from the model's own next-token distribution;
                                 the distribution's entropy is -mu */
    const double *ref_logp;   /* log p(x_t) under the reference */
    const int32_t *rank;      /* vocabulary entries likelier than x_t: 0 where it was the argmax */
    const int32_t *id;        /* x_t */
} AttackTokens;

/* A text's loss; n_tokens = 0: not known. */
typedef struct {
    size_t n_tokens;
    double nll_sum; /* nats */
} AttackText;

/* How often each token occurs in public text. */
typedef struct {
    const double *count; /* [n_vocab] */
    size_t n_vocab;
    double total; /* sum of count */
} AttackCounts;

/* A prefix must come from records that no attack scores: of non-members from a held-out pool, of members from
 * records that are trained on and set aside. Drawn from the scored ones, it holds their labels. What a run
 * takes: audit_texts in src/run/audit_priv.h.
 *
 * What is known of one record: its answer tokens under the attacked model and under the reference (the base
 * model, where the attacked one is the base with an adapter). Whatever is zero or NULL is not known. */
typedef struct {
    size_t n_tokens;                    /* scored answer tokens */
    double nll_sum;                     /* nats, attacked model */
    double ref_nll_sum;                 /* nats, reference model; NaN where there is none */
    AttackText loo;                     /* under the merge without the record's owner */
    AttackText lower;                   /* the lower-cased text, attacked model */
    AttackText after_non, after_member; /* the text behind a prefix of non-members, of members */
    size_t zlib_bytes;                  /* attack_zlib of the answer */
    const AttackTokens *tokens;
    const double *neighbour; /* [n_neighbours] mean log-likelihoods of perturbed versions, nats per token */
    size_t n_neighbours;
    const AttackCounts *counts;
} AttackSignal;

/* What an attack reads of a signal; bits. */
enum {
    ATTACK_LOSS = 1U << 0,       /* nll_sum */
    ATTACK_REF = 1U << 1,        /* ref_nll_sum */
    ATTACK_LOO = 1U << 2,        /* loo */
    ATTACK_LOGP = 1U << 3,       /* tokens->logp */
    ATTACK_SPREAD = 1U << 4,     /* tokens->mu and sigma */
    ATTACK_RANK = 1U << 5,       /* tokens->rank */
    ATTACK_REF_LOGP = 1U << 6,   /* tokens->ref_logp */
    ATTACK_IDS = 1U << 7,        /* tokens->id */
    ATTACK_COUNTS = 1U << 8,     /* counts */
    ATTACK_ZLIB = 1U << 9,       /* zlib_bytes */
    ATTACK_LOWER = 1U << 10,     /* lower */
    ATTACK_NON = 1U << 11,       /* after_non */
    ATTACK_MEMBER = 1U << 12,    /* after_member */
    ATTACK_NEIGHBOUR = 1U << 13, /* neighbour */
    ATTACK_N_NEEDS = 14
};

/* One row per attack. Units of a score are nats per token unless `what` says otherwise. */
typedef struct {
    const char *name, *what;
    const char *level;  /* "record", "person", "adapter" or "canary": what gets a score */
    const char *access; /* "blind": no model; "loss": the attacked model's losses; "loss+ref": a reference's
                           too; "logits": its next-token distributions; "shadow": models with and without the
                           record; "weights": adapters; "generate": what it writes */
    const char *source;
    unsigned needs;
    /* NULL: no function of one record's signals. work [tokens] is scratch; par is the row's own constant. */
    double (*fn)(const AttackSignal *s, double par, double *work);
    double par;
} Attack;

/* attack_at - the i-th row; NULL past the end. attack_find - by name; NULL when there is none. */
const Attack *attack_at(size_t i);
const Attack *attack_find(const char *name);

/* attack_have - bits of what a signal holds: loss and ref where finite, the rest where given.
 * attack_can - whether row a is a function of a signal with these bits. */
unsigned attack_have(const AttackSignal *s);
bool attack_can(const Attack *a, unsigned have);

/* attack_score - score [n] of signals s [n] by the named attack.
 *
 * Min-K%, Min-K%++ and SURP take the m = max(1, floor(k T / 100)) smallest of T values, in whole numbers.
 * Differs: peers let m be 0 for short texts (the mean of nothing), and some compute floor(T * 0.29) in
 * floating point, which is 28 for T = 100. A token whose sigma is 0 (a uniform or one-hot distribution) has z
 * = 0: it says nothing, where peers divide by zero. SURP without a token of low entropy among the m smallest:
 * the mean of the m smallest (peer: -100). DC-PDD has the sign with which larger means member, the opposite
 * of the released code's. EZ-MIA is 0 with fewer than two errors or nothing below the reference, as in its
 * source: on a model that has learnt its records well these are the records known best. ez_share orders the
 * others alike and gives these 1.
 *
 * Errors: ERR_ARG unknown attack, one that is no function of a signal, or a record that lacks what it reads
 * (both named); ERR_SHAPE a record without answer tokens; ERR_NUM a signal that the attack needs is not
 * finite (record named), or the score is not (a loss of exactly 0 as divisor); ERR_NOMEM. Cost: O(T) a record
 * of T tokens, Min-K% and its kin O(T log T), DC-PDD O(T^2). */
Status attack_score(double *score, const AttackSignal *s, size_t n, const char *name, Err *e) PRIME_MUST_USE;

/* attack_zlib - length in bytes of n bytes of text compressed by zlib at level 6 (its default), as the
 * published attacks measure it. Other implementations of the format (zlib-ng, libdeflate) give other lengths.
 * Errors: ERR_NOMEM; ERR_ARG more than 2^30 bytes. */
Status attack_zlib(size_t *bytes, const char *text, size_t n, Err *e) PRIME_MUST_USE;

#endif
