/* trial_priv.h - from measurements to cells: what trial.c, trial_cell.c, trial_body.c and trial_anchor.c
 * share. */
#ifndef PRIME_TRIAL_PRIV_H
#define PRIME_TRIAL_PRIV_H

#include "sweep_priv.h"

/* Trials that are the same merge but for who is in it: of them, trial [n] are the first. */
typedef struct {
    const Trial **trial;
    size_t *of, n; /* of [n_trials]; not set where a trial cannot be made again */
} TrialMakings;

/* What shadow attacks read; population NULL: not wanted. */
typedef struct {
    ShadowPerson *person; /* [makings, n_risks] */
    double *population;   /* [n_cand, m] */
    double **without;     /* [n_risks][n_loo, m]; or NULL */
} TrialShadows;

/* Signals of a group's trials. */
typedef struct {
    CellSignals *risk, *loo; /* [n_risks]; loo: candidates are the merges without the one at risk; or NULL */
    CellSignals *people;     /* [n_anchors], or NULL */
    CellSignals *colluder;   /* [n_risks] candidates as in loo: what the best placed other anchor has left */
    double *canary;          /* see canary_measure; or NULL */
    double **emission;       /* [n_risks] see emission_measure; or NULL */
    double source[2];        /* of an anchor's own cell: see probe_source */
    TrialMakings making;
    TrialShadows shadow;
} TrialSignals;

/* What a cell's body needs; the body writes rows into the open cell. */
typedef struct {
    Sweep *s;
    const TrialFor *who;
    const Trial *trial;
    const CellUtility *u;
    const TrialSignals *sig;
    size_t cand, loo;    /* within u and sig, and within sig->loo */
    size_t making;       /* within sig->making */
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

/* ---- shadow attacks (trial_shadow.c) ---- */

/* trial_makings - which merges trial [n] are. trial_shadows - for each of them and everybody at risk; lora
 * [n_cand] and without [n_loo][n_risks] are the group's candidates. anchor_shadows - of an anchor's own
 * adapter. Arrays in the sweep's arena. */
Status trial_makings(TrialMakings *m, Sweep *s, const Trial *trial, size_t n, Err *e) PRIME_MUST_USE;
Status trial_shadows(TrialShadows *out, Sweep *s, const TrialFor *who, const TrialMakings *m,
                     const PassLora *lora, size_t n_cand, Lora *const *const *without, size_t n_loo,
                     Err *e) PRIME_MUST_USE;
Status anchor_shadows(TrialShadows *out, Sweep *s, size_t anchor, size_t index, const PassLora *lora,
                      Err *e) PRIME_MUST_USE;

/* ---- rows (trial_body.c) ---- */

/* body_trial - of a trial's cell. */
Status body_trial(const CellBody *b, Err *e) PRIME_MUST_USE;

#endif
