/* cell.h - measuring candidates of one target on every split that the search never saw, and writing a cell.
 */
#ifndef PRIME_RUN_CELL_H
#define PRIME_RUN_CELL_H

#include "audit_priv.h"

/* Log-likelihoods of an anchor's records: members and held-out ones, [n_cand * n] each. */
typedef struct {
    ScoreOut *member, *heldout;
} CellNll;

/* cell_nll - both splits of one person under n_cand candidates; lora NULL is the base. Arrays in the arena.
 */
Status cell_nll(CellNll *out, const Audit *a, const PassLora *lora, size_t n_cand, const AuditPerson *p,
                Arena *arena, Err *e) PRIME_MUST_USE;

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
/* cell_write_attack - every attack's scores of one person's records, as rows of the given kind: "attack", or
 * "attack_own" where the adapter is the person's own. */
Status cell_write_attack(Ledger *l, const char *kind, const AuditPerson *p, const CellNll *nll, size_t c,
                         const CellNll *ref, Err *e) PRIME_MUST_USE;
Status cell_write_one(Ledger *l, const char *kind, const char *metric, const char *unit, double value,
                      Err *e) PRIME_MUST_USE;

#endif
