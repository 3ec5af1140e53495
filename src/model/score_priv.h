/* score_priv.h - blocks of items and what one thread needs to work on them. */
#ifndef PRIME_SCORE_PRIV_H
#define PRIME_SCORE_PRIV_H

#include "pass_priv.h"

#include "prime/score.h"

/* Rows of a block; rows of a call that is worth two of them; targets that are worked on together, in tiles of
 * the vocabulary (a tile of all of them, 512 KB, stays in the second-level cache); items of a block. */
enum { SCORE_ROWS = 1024, SCORE_SPLIT = 128, SCORE_CHUNK = 128, SCORE_TILE = 1024, SCORE_SEQS = 96 };

typedef struct ScoreTargets ScoreTargets;

/* One thread's workspace. */
typedef struct {
    Pass *pass;
    PassSeq *seq;  /* [the most items of a block] */
    float *picked; /* [SCORE_CHUNK, C] */
    ScoreTargets *targets;
    size_t max_rows;
} ScoreWork;

/* The whole job: read-only but for the outputs, which are indexed by item. */
typedef struct {
    const Model *m;
    const PassLora *lora; /* NULL for the base */
    const ScoreItem *item;
    size_t n;
    bool share;              /* a prompt that neighbours have in common takes part once */
    size_t *start, n_blocks; /* block b holds items start[b] .. start[b+1] */
    PassFirst *first;        /* of all tokens; NULL: none */
    ScoreWork *work;         /* [threads] */
    size_t threads;
    ScoreOut *nll;
    const ScoreSignals *sig; /* NULL: losses alone */
    float *embed;
} ScoreJob;

/* score_check_text - ids and candidate of text `index`; score_check_lora - whether the operator fits the
 * adapters (NULL: none). Errors: ERR_ARG with the text named; ERR_UNSUP. */
Status score_check_text(const Model *m, const PassLora *lora, size_t n_cand, size_t index, const int32_t *ids,
                        size_t n, size_t cand, Err *e) PRIME_MUST_USE;
Status score_check_lora(const PassLora *lora, Err *e) PRIME_MUST_USE;

/* score_open - check items, cut blocks of at most max_seqs items and about SCORE_ROWS rows (an item more or
 * less), fewer within a limit of memory, make the workspaces. score_close accepts a half-open
 * job. */
Status score_open(ScoreJob *j, size_t n_cand, size_t max_seqs, Err *e) PRIME_MUST_USE;
void score_close(ScoreJob *j);

/* score_shares_prompt - whether items i and i-1 have the same candidate and prompt. */
bool score_shares_prompt(const ScoreItem *item, size_t i);

/* ---- score_target.c ---- */

/* targets_new - for at most SCORE_CHUNK targets at a time, with what signals need or without. targets_size -
 * its bytes. */
Status targets_new(ScoreTargets **t, const ModelConfig *c, bool signals, Err *e) PRIME_MUST_USE;
size_t targets_size(const ModelConfig *c, bool signals);
void targets_free(ScoreTargets *t); /* accepts NULL */

/* targets_add - the token at `place` of an item is predicted by a row of the last pass: adds to the item's
 * log-likelihood and writes its signals, at once or with targets_flush, which the next pass must not come
 * before. targets_check - ERR_NUM when a logit was found outside of its bounds, so that ranks may be wrong: a
 * product less exact than its type, or packs that do not belong to the weights. */
void targets_add(const ScoreJob *j, ScoreWork *w, size_t row, size_t item, size_t place);
void targets_flush(const ScoreJob *j, ScoreWork *w);
Status targets_check(const ScoreWork *w, Err *e) PRIME_MUST_USE;

#endif
