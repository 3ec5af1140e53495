/* search_priv.h - one search: what it evaluates candidates on, and what it already knows. */
#ifndef PRIME_SEARCH_PRIV_H
#define PRIME_SEARCH_PRIV_H

#include "audit_priv.h"

#include "prime/archive.h"
#include "prime/penalty.h"

enum { SEARCH_KEY = 160 };

typedef struct {
    const Audit *a;
    const AuditTarget *t;
    size_t seed, k, dim; /* anchors; entries of a genome: [K, groups] */
    const Lora **anchor; /* [K] */
    PassLora lora;
    Arena arena;              /* reset after every evaluation */
    Arena keep;               /* golds, anchors' outputs */
    const char **gold;        /* [n] */
    const char ***anchor_out; /* [K][n] what each anchor alone says on the same inputs */
    AuditSet *anchor_set;     /* [K] the same as samples, for likelihood */
    Archive *archive;         /* what this search has evaluated, in its order */
    Archive *cache;           /* what is known, from an earlier run or this one */
    Ledger *ledger;           /* where it is written down; may be NULL */
    char key[SEARCH_KEY];     /* under which */
    double base_u, *base_v;
    bool minimise;
} Search;

/* search_measure - U [n_cand] and V [n_cand, K] of genomes x [n_cand, dim]; x NULL is the base model (n_cand
 * = 1). V of an objective other than PriME's is negated where the task's metric is an error, so that PriME's
 * formula, which turns both terms around there, still makes it a cost. */
Status search_measure(double *u, double *v, Search *s, const double *x, size_t n_cand, Err *e) PRIME_MUST_USE;

/* search_prepare - golds, what the anchors alone say, the base model's own numbers. */
Status search_prepare(Search *s, Err *e) PRIME_MUST_USE;

/* search_mean - mean V as a reader wants it: without the sign above. */
double search_mean(const Search *s, const double *v);

/* penalty_measure - V [n_cand, K] of the objective's row, which is not `agreement`. */
Status penalty_measure(double *v, Search *s, const PassLora *lora, const double *x, size_t n_cand,
                       Err *e) PRIME_MUST_USE;

#endif
