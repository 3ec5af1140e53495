/* score_priv.h - blocks of items and what one thread needs to work on them. */
#ifndef PRIME_SCORE_PRIV_H
#define PRIME_SCORE_PRIV_H

#include "pass_priv.h"

#include "prime/score.h"

enum { SCORE_ROWS = 1024, SCORE_CHUNK = 128, SCORE_SEQS = 96 };

/* One thread's workspace. */
typedef struct {
    Pass *pass;
    PassSeq *seq;           /* [max_seqs] */
    float *logits, *picked; /* [SCORE_CHUNK, V], [SCORE_CHUNK, C] */
    size_t max_rows, max_seqs;
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

/* score_open - check items, cut blocks of at most max_seqs items and SCORE_ROWS rows, fewer within a limit of
 * memory (an item that is longer is a block of its own), make the workspaces. score_close accepts a half-open
 * job. */
Status score_open(ScoreJob *j, size_t n_cand, size_t max_seqs, Err *e) PRIME_MUST_USE;
void score_close(ScoreJob *j);

/* score_shares_prompt - whether items i and i-1 have the same candidate and prompt. */
bool score_shares_prompt(const ScoreItem *item, size_t i);

#endif
