/* score.h - a population on a set of texts: log-likelihoods, mean hidden states.
 *
 * The unit of work is an item: one text under one candidate. Items are cut into blocks in their order; a
 * thread takes a block at a time. What an item gets does not depend on the block it is in beyond rounding
 * (about 1e-6 relative). */
#ifndef PRIME_SCORE_H
#define PRIME_SCORE_H

#include "prime/pass.h"

typedef struct {
    const int32_t *ids; /* prompt and answer */
    size_t n, skip;     /* tokens, and how many of them are the prompt (>= 1) */
    size_t cand;        /* row of PassLora.w */
} ScoreItem;

typedef struct {
    double nll_sum;  /* nats over the answer's tokens */
    size_t n_tokens; /* answer tokens */
} ScoreOut;

/* score_nll - out [n]. Neighbouring items with the same candidate and prompt share the prompt's pass (label
 * scoring: put the answers to one prompt side by side). Logits are taken at answer positions alone. Errors:
 * ERR_ARG for ids, lengths or candidates (the item is named); ERR_NOMEM; ERR_NUM when a result is not finite.
 * Cost: 2 * rows * (layer parameters) + 2 * answer tokens * (head parameters) operations. */
Status score_nll(ScoreOut *out, const Model *m, const PassLora *lora, size_t n_cand, const ScoreItem *item,
                 size_t n, Err *e) PRIME_MUST_USE;

/* score_embed - out [n, C]: the mean over an item's tokens of the last hidden state (after the last norm). */
Status score_embed(float *out, const Model *m, const ScoreItem *item, size_t n, Err *e) PRIME_MUST_USE;

/* score_flops - the arithmetic of score_nll without attention, for rates: base and adapter products and the
 * head. */
double score_flops(const Model *m, const PassLora *lora, const ScoreItem *item, size_t n);

#endif
