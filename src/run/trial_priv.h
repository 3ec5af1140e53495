/* trial_priv.h - from measurements to cells: what trial.c, trial_cell.c, trial_body.c and trial_anchor.c
 * share. */
#ifndef PRIME_TRIAL_PRIV_H
#define PRIME_TRIAL_PRIV_H

#include "sweep_priv.h"

/* Signals of a group's trials. */
typedef struct {
    CellSignals *risk, *loo; /* [n_risks]; loo: candidates are the merges without the one at risk; or NULL */
    CellSignals *people;     /* [n_anchors], or NULL */
    double *canary;          /* see canary_measure; or NULL */
    double source[2];        /* of an anchor's own cell: see probe_source */
} TrialSignals;

/* What a cell's body needs; the body writes rows into the open cell. */
typedef struct {
    Sweep *s;
    const TrialFor *who;
    const Trial *trial;
    const CellUtility *u;
    const TrialSignals *sig;
    size_t cand, loo;    /* within u and sig, and within sig->loo */
    size_t anchor, seed; /* of trial_anchor */
    bool first;          /* the first of the contexts: the others have the same signals */
} CellBody;

typedef Status (*CellFn)(const CellBody *b, Err *e);

/* ---- cells (trial_cell.c) ---- */

/* cells_missing - missing [contexts]: which cells of a method are still to be measured; *any: one of them.
 * cells_report - those that are there, as steps. */
Status cells_missing(bool *missing, bool *any, Sweep *s, const char *method, const char *unit, size_t seed,
                     double lambda, Err *e) PRIME_MUST_USE;
void cells_report(const Sweep *s, const bool *missing, const char *method, const char *unit, size_t seed,
                  double lambda);
/* cell_put - one cell, whole: fn writes its rows. */
Status cell_put(const CellBody *b, CellFn fn, const Trial *t, size_t context, const char *unit, size_t seed,
                Err *e) PRIME_MUST_USE;

/* ---- rows (trial_body.c) ---- */

/* body_trial - of a trial's cell. */
Status body_trial(const CellBody *b, Err *e) PRIME_MUST_USE;

#endif
