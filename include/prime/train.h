/* train.h - training of a base model, of one adapter and of an adapter's gates, on documents of token ids.
 *
 * A document predicts its tokens from position max(1, skip) on. A batch is cut into blocks of documents by
 * their order alone, each block has gradients of its own, and these are added in block order: the result does
 * not depend on threads. Loss is the mean over the target tokens of the batch, in nats a token. */
#ifndef PRIME_TRAIN_H
#define PRIME_TRAIN_H

#include "prime/adamw.h"
#include "prime/gate.h"
#include "prime/model.h"

typedef struct {
    const int32_t *ids;
    size_t n, skip;
} TrainDoc;

typedef struct {
    AdamW opt;
    double clip;         /* bound of the gradient's norm, 0 for none */
    double floor;        /* learning rate at the end, as a share of lr */
    double dropout;      /* on the adapters' inputs */
    size_t epochs;       /* passes over the documents, in a new order each */
    size_t steps;        /* > 0: as many, in as many passes as that takes, whatever epochs says */
    size_t batch_docs;   /* documents a batch; or, when 0, */
    size_t batch_tokens; /* as many documents as fit this many tokens */
    size_t warmup;       /* steps */
    double answers_from; /* base training: share of steps after which only tokens from `answer` on count, 1
                            for never */
    uint64_t seed;
} TrainOpts;

/* One line of news a step; return false to stop early (the weights stay as they are then). */
typedef struct {
    size_t step, steps, tokens; /* tokens seen so far */
    double loss, lr, grad_norm;
} TrainNews;
typedef bool (*TrainWatch)(void *ctx, const TrainNews *news);

/* train_base - all weights of m. skip of a document counts only in the last part of the run (answers_from).
 * Errors: ERR_ARG no documents, weights kept as stored, token ids, lengths or options out of range;
 * ERR_NOMEM; ERR_NUM when the loss is not finite. */
Status train_base(Model *m, const TrainDoc *doc, size_t n, const TrainOpts *o, TrainWatch watch, void *ctx,
                  Err *e) PRIME_MUST_USE;

/* train_lora - one adapter, the base frozen. It begins with what l holds: lora_init makes a fresh one, and an
 * adapter that was trained for somebody else is trained on (PriME's OPPU without a reset between users). One
 * thread: anchors are trained beside each other. Cost: about 4 operations a base parameter and token. Source:
 * PriME's released code, section 2.5 of its description: AdamW, cosine to 0, clipping. */
Status train_lora(Lora *l, const Model *m, const TrainDoc *doc, size_t n, const TrainOpts *o,
                  TrainWatch watch, void *ctx, Err *e) PRIME_MUST_USE;

/* train_lora_many - several adapters of the same sites and ranks, each on documents of its own, in the same
 * passes: the base's products are taken over all their rows together, which pays where a step of one alone
 * has few rows. In every round each adapter that is not through takes one step. Each gets what train_lora
 * alone would give it (order, dropout masks, schedule, optimiser) but for the rounding of products with more
 * rows. A watch that says no ends its own adapter alone. Errors: as above, with the adapter's index when
 * there are several; ERR_SHAPE sites or ranks that differ; ERR_ARG dropouts that differ. After an error none
 * is of use. Cost: memory for one step of all of them together. */
typedef struct {
    Lora *l;
    const TrainDoc *doc;
    size_t n;
    TrainOpts o;
    TrainWatch watch; /* or NULL */
    void *ctx;
} TrainJob;
Status train_lora_many(const TrainJob *job, size_t n, const Model *m, Err *e) PRIME_MUST_USE;

/* train_most_rows - a bound on the tokens of any step. */
size_t train_most_rows(const TrainDoc *doc, size_t n, const TrainOpts *o);

/* train_gate - the gates of an adapter, base and adapter frozen (gate.h, pass_gate), in place. The adapter is
 * dropped out as in its own training. Errors: as above; ERR_SHAPE gates that are not those of the adapter.
 * train_gate_loss - the mean loss of the answers under base, adapter and gates, in nats a token; NaN without
 * any target. Errors: as above.
 * Source: Tan et al. 2024, arXiv:2406.10471; released code, train_anchor_gate.py.
 * Differs: the released code's cosine ends after 2 epochs and swings back up when the steps take longer; here
 * it ends with the last step. */
Status train_gate(Gate *g, const Lora *l, const Model *m, const TrainDoc *doc, size_t n, const TrainOpts *o,
                  TrainWatch watch, void *ctx, Err *e) PRIME_MUST_USE;
Status train_gate_loss(double *nats, const Gate *g, const Lora *l, const Model *m, const TrainDoc *doc,
                       size_t n, Err *e) PRIME_MUST_USE;

/* train_default - what suits a model of a few million parameters (measured on package descriptions);
 * train_paper - PriME's anchors: lr 2e-5, betas .9/.95, weight decay .01, batches of 6, 3 epochs, clip 1,
 * dropout .05. */
TrainOpts train_default(void);
TrainOpts train_paper(void);
/* train_gate_perpcs - Per-Pcs' gates: 200 steps, lr 2e-5, betas .9/.95, no weight decay, batches of 6, clip
 * .3, dropout .05; train_gate_prime - PriME's copy: 50 steps. */
TrainOpts train_gate_perpcs(void);
TrainOpts train_gate_prime(void);

#endif
