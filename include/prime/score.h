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

/* Signals of answer tokens, one behind the other in the order of the items. Arrays [score_tokens]. */
typedef struct {
    size_t *start;     /* [n + 1]: item i has tokens start[i] .. start[i + 1] */
    int32_t *id;       /* x_t */
    float *logp;       /* log p(x_t | what comes before), nats */
    float *mu, *sigma; /* mean and sd of log p(v) for v from the model's own next-token distribution; its
                          entropy is -mu */
    uint8_t *rank; /* vocabulary entries likelier than x_t, at most SCORE_MAX_RANK; 0: it was the argmax */
} ScoreSignals;
enum { SCORE_MAX_RANK = 255 };

/* score_tokens - answer tokens of all items. */
size_t score_tokens(const ScoreItem *item, size_t n);

/* score_signals - what every record-level attack reads, in one pass over a text: score_nll with more looked
 * at in each row of logits. Both have the logits of a tile of the vocabulary at a time (128 rows of 1024
 * entries a thread, whatever the vocabulary) and gather the rest from tile to tile (softmax.h). Ranks are
 * exact with regard to the products' own values. out's arrays are the caller's. The sum of -logp over an item
 * is score_nll's nll_sum to float rounding. Errors: as score_nll; ERR_NUM also when a moment is not finite,
 * and when a logit is further from its row's product with the token's weights, taken in double, than rounding
 * in float32 explains: packs made of other weights, or a library that computes less exactly. Cost: that of
 * score_nll and 2 passes over the logits; measured 1.0 times score_nll (bench group `signals`; at most 1.3 is
 * wanted). */
Status score_signals(const ScoreSignals *out, const Model *m, const PassLora *lora, size_t n_cand,
                     const ScoreItem *item, size_t n, Err *e) PRIME_MUST_USE;

/* score_embed - out [n, C]: the mean over an item's tokens of the last hidden state (after the last norm). */
Status score_embed(float *out, const Model *m, const ScoreItem *item, size_t n, Err *e) PRIME_MUST_USE;

/* score_flops - the arithmetic of scoring without attention, for rates: base and adapter products of all
 * rows, and the head at answer tokens. What score_nll saves of it (the last layer's rows that predict
 * nothing, the first layer's products of equal tokens; about a tenth for six layers) is counted all the same.
 */
double score_flops(const Model *m, const PassLora *lora, const ScoreItem *item, size_t n);

#endif
