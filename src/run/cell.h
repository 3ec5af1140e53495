/* cell.h - measuring candidates of one target on every split that the search never saw, and writing a cell.
 */
#ifndef PRIME_RUN_CELL_H
#define PRIME_RUN_CELL_H

#include "audit_priv.h"

#include "prime/attack.h"

/* Signals of a set of records under n_cand candidates: items [n_cand * n], candidate by candidate. zlib [n]:
 * compressed lengths of the answers, for the base model only. */
typedef struct {
    ScoreSignals tok;
    const size_t *zlib;
    /* Of the records' other texts, items likewise; NULL: not wanted, or not measured. */
    const AttackText *lower, *after_non, *after_member;
    const double *near; /* [items, n_near] mean log-likelihoods of neighbours */
    size_t n_near;
    const AttackCounts *counts;
} CellSplit;
typedef struct {
    CellSplit member, heldout;
} CellSignals;

/* cell_split - one set; lora NULL is the base. cell_signals - both splits of one person. Arrays in the arena.
 */
Status cell_split(CellSplit *out, const Audit *a, const PassLora *lora, size_t n_cand, const AuditSet *set,
                  Arena *arena, Err *e) PRIME_MUST_USE;
Status cell_signals(CellSignals *out, const Audit *a, const PassLora *lora, size_t n_cand,
                    const AuditPerson *p, Arena *arena, Err *e) PRIME_MUST_USE;

/* cell_room - the arrays of cell_signals under the base model, without what the model says. cell_spread -
 * what it says, as process `from` of a crew has measured it, to all; called by all. */
Status cell_room(CellSignals *out, const AuditPerson *p, Arena *arena, Err *e) PRIME_MUST_USE;
void cell_spread(CellSignals *x, const AuditPerson *p, Crew *c, size_t from);

/* cell_texts - add what the other texts of the records say (audit_texts), under the same candidates: for what
 * is attacked, not for what it is compared with. */
Status cell_texts(CellSignals *x, const Audit *a, const PassLora *lora, size_t n_cand, const AuditPerson *p,
                  Arena *arena, Err *e) PRIME_MUST_USE;

/* cell_nll - summed loss of an item's answer, nats. */
double cell_nll(const CellSplit *x, size_t item);

/* cell_attack_signals - out [n]: what attacks read of the records of x under candidate c, with the base
 * model's signals ref and, unless NULL, those of candidate loo_c of loo, the merge without the owner. */
Status cell_attack_signals(AttackSignal **out, const CellSplit *x, size_t c, const CellSplit *ref,
                           const CellSplit *loo, size_t loo_c, size_t n, Arena *arena, Err *e) PRIME_MUST_USE;

/* Utility of n_cand candidates on one target's query split, in one context. */
typedef struct {
    const AuditSet *set;
    double *value; /* [n_cand, n_metrics, n]: per record; NaN for metrics that have no such values */
    double *all;   /* [n_cand, n_metrics] */
    size_t n;
} CellUtility;
Status cell_utility(CellUtility *out, const Audit *a, const PassLora *lora, size_t n_cand,
                    const AuditSet *query, Arena *arena, Err *e) PRIME_MUST_USE;

/* The rows of a cell that is open in the ledger. c is the candidate within the arrays. */
Status cell_write_utility(Ledger *l, const Audit *a, const AuditTarget *t, const CellUtility *u, size_t c,
                          Err *e) PRIME_MUST_USE;
/* One candidate's signals of a person, and what they are compared with; loo may be NULL. */
typedef struct {
    const CellSignals *sig;
    size_t c;
    const CellSignals *ref, *loo;
    size_t loo_c;
} CellView;
typedef struct {
    const char *kind; /* "attack", or "attack_own" where the adapter is the person's own */
    const AuditPerson *person;
    const CellView *view;
} CellRow;
/* cell_write_attack - the scores of one person's records by every attack that is wanted and possible. */
Status cell_write_attack(Ledger *l, const Spec *sp, const CellRow *row, Err *e) PRIME_MUST_USE;
/* cell_write_as - the same of one attack, in the name of another metric. */
Status cell_write_as(Ledger *l, const CellRow *row, const char *attack, const char *metric,
                     Err *e) PRIME_MUST_USE;
Status cell_write_one(Ledger *l, const char *kind, const char *metric, const char *unit, double value,
                      Err *e) PRIME_MUST_USE;

#endif
