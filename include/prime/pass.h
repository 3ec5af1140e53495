/* pass.h - one pass of a model over a packed batch: forward, logits at chosen rows, backward.
 *
 * A batch is a list of sequences whose new tokens lie one behind the other as N rows. A sequence may carry on
 * from earlier tokens held in a KvCache, and belongs to one candidate: its row of merge weights over the
 * adapters of a LoraBank. Base products are taken once over all rows of all candidates; nothing is
 * materialised per candidate. */
#ifndef PRIME_PASS_H
#define PRIME_PASS_H

#include "prime/gate.h"
#include "prime/model.h"

/* Training only: neighbouring sequences that have an adapter, dropout masks and gradients of their own. The
 * masks are a function of the key and of the row among the rows of the part, counted from drop_row on: a part
 * sees what it would see in a pass of its own. */
typedef struct {
    const LoraBank *bank; /* of one adapter */
    Lora *grad;           /* gets this part's gradient (+=); NULL for none; parts may share it */
    uint64_t drop_key;    /* instead of pass_dropout's */
    size_t drop_row;
    size_t n; /* sequences, behind those of the part before; may be 0 */
} PassPart;

typedef struct {
    const LoraBank *bank; /* NULL: the base model */
    LoraOp op;
    const float *w; /* [candidates, K, groups] */
    /* Weights may differ between sites: group [n_layers * LORA_KINDS] says which one counts. NULL: one group.
     */
    const size_t *group;
    size_t n_groups;
    /* Several adapters of one shape in one pass for training, instead of all of the above: base products are
     * taken over the rows of all parts, adapter products part by part. At most max_rows parts. */
    const PassPart *part;
    size_t n_parts;
} PassLora;

/* Keys and values of earlier tokens. A slot may begin with the content of another slot (its prefix): answers
 * that share a prompt share its memory. */
typedef struct {
    size_t n_slots, cap, n_layers, width; /* width = 2*G*D floats a token and layer */
    float *data;                          /* [slots, L, cap, width] */
    size_t *len;                          /* [slots] own tokens */
    size_t *prefix;                       /* [slots] slot whose tokens come first; KV_NONE if none */
} KvCache;
#define KV_NONE ((size_t)-1)

Status kv_new(KvCache **kv, const ModelConfig *cfg, size_t n_slots, size_t cap, Err *e) PRIME_MUST_USE;
void kv_free(KvCache *kv); /* accepts NULL */
void kv_reset(KvCache *kv, size_t slot, size_t prefix);

typedef struct {
    const int32_t *ids;
    size_t n;    /* new tokens, >= 1 */
    size_t cand; /* row of PassLora.w; 0 without a bank */
    size_t slot; /* of the KvCache; ignored without one */
    size_t
        keep; /* only the last so many rows are wanted behind the last layer; 0: all. Ignored in training */
} PassSeq;

/* The workspace: allocated once for at most max_rows tokens a pass. With `train` every layer keeps what
 * backward needs. */
typedef struct Pass Pass;
Status pass_new(Pass **p, const Model *m, size_t max_rows, size_t lora_width, bool train,
                Err *e) PRIME_MUST_USE;
void pass_free(Pass *p); /* accepts NULL */
/* pass_size - about the bytes of a workspace without `train`. */
size_t pass_size(const Model *m, size_t max_rows, size_t lora_width);
/* pass_dropout - from now on the adapters' inputs are dropped with probability p in [0, 1), by a mask that is
 * a function of (key, layer, site, row, column). p = 0 turns it off. */
void pass_dropout(Pass *p, double prob, uint64_t key);

/* pass_gate - from now on a row's input x of an adapter's site counts sigmoid(x . g) times, before dropout
 * and before A; pass_loss adds the gates' gradient to `grad`, unless that is NULL. The base's own products
 * read x as it is. gate NULL turns it off. Needs a Pass made for training, and a bank of the adapter that the
 * gates fit. */
void pass_gate(Pass *p, const Gate *gate, Gate *grad);

/* pass_hook - from now on hook(ctx, layer, kind, x [N, n_in]) is called at every site of the bank, in the
 * order of the network, with the site's inputs, before its adapter is applied: it may write the A and B that
 * the bank borrows (lora_bank_view). NULL turns it off. */
typedef void (*PassHook)(void *ctx, size_t layer, LoraKind kind, const float *x);
void pass_hook(Pass *p, PassHook hook, void *ctx);

/* pass_forward - run the new tokens of n sequences. Sum of lengths <= max_rows, positions < max_len and ids <
 * V (asserted: pass_check is for input from outside). With a cache the new keys and values are appended to
 * it. Afterwards pass_hidden gives the residual stream [N, C] before the last norm; rows that were not to be
 * kept hold nothing of use. Cost: 2 N (parameters of the layers) operations plus attention; of the last
 * layer's, rows that are not kept cost those of q, k and v. */
void pass_forward(Pass *p, const Model *m, const PassSeq *seq, size_t n, const PassLora *lora, KvCache *kv);
const float *pass_hidden(const Pass *p);

/* pass_check - whether ids [n] are inside the vocabulary and n fits max_len. Errors: ERR_ARG with value and
 * bound. */
Status pass_check(const Model *m, const int32_t *ids, size_t n, Err *e) PRIME_MUST_USE;

/* pass_normed - out [n_rows, C]: the given rows of the last forward behind the last norm. */
void pass_normed(float *out, const Pass *p, const Model *m, const size_t *row, size_t n_rows);

/* pass_logits - logits [n_rows, V] at the given rows of the last forward. work [n_rows, C]. */
void pass_logits(float *logits, const Pass *p, const Model *m, const size_t *row, size_t n_rows, float *work);

/* pass_logits_some - entries first .. first + n of the logits alone: logits [n_rows, n], of rows that
 * pass_normed gave. first is a multiple of MAT_PACK_COLUMNS, and n is, too, or goes to the vocabulary's end.
 */
void pass_logits_some(float *logits, const Pass *p, const Model *m, const float *normed, size_t n_rows,
                      size_t first, size_t n);

/* Where gradients go; either may be NULL. They accumulate (+=). */
typedef struct {
    ModelParams *base;
    Lora *lora;
} PassGrad;

/* pass_loss - summed cross-entropy in nats over target positions, and its gradient.
 * Sequence i predicts ids[t] for max(1, skip[i]) <= t < n (skip = prompt length). *n_targets counts them.
 * Every target's gradient is multiplied by `scale` (1/targets of the batch gives the gradient of the mean).
 * Needs a Pass made for training, the forward just run without a cache, and for lora gradients a bank of one
 * with w = 1. */
double pass_loss(Pass *p, const Model *m, const PassSeq *seq, const size_t *skip, size_t n,
                 const PassLora *lora, float scale, const PassGrad *grad, size_t *n_targets);

/* What is to be learnt of one sequence. */
typedef struct {
    size_t first, end; /* targets ids[t], first <= t < end, first >= 1; end <= n + 1: the last token may be
                          one that is predicted and not read, ids then has n + 1 entries */
    float scale;       /* of these targets' gradients */
} PassTarget;

/* pass_loss_each - the same with a scale for every sequence; loss [n] gets each sequence's sum, in nats. With
 * parts, adapters' gradients go where the parts say, and grad->lora is not read. No work is done below the
 * first layer that has an adapter when grad->base is NULL. */
void pass_loss_each(double *loss, Pass *p, const Model *m, const PassSeq *seq, const PassTarget *target,
                    size_t n, const PassLora *lora, const PassGrad *grad);

#endif
