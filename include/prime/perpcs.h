/* perpcs.h - an adapter for a target put together from anchors' adapters, module by module: in each the
 * anchors whose gates answer best to what the module reads while the target's history passes through.
 *
 * With LN(x) = (x - mean) / sqrt(var + 1e-5) over the entries of x, an anchor's score at a site of n_in
 * inputs is the mean over the texts of a batch of the mean over a text's answer tokens of LN(x) . LN(g) /
 * sqrt(n_in), x being what the site reads where that token is predicted. The best topk anchors share by
 * softmax(score / temperature); the site's A and B become the sums of theirs with these weights, and the same
 * pass goes on with them: later sites see what earlier ones chose. In the end the A and B of all batches are
 * averaged. Source: Tan et al. 2024, Per-Pcs, arXiv:2406.10471, section 3; released code, get_new_lora. */
#ifndef PRIME_PERPCS_H
#define PRIME_PERPCS_H

#include "prime/train.h"

typedef struct {
    size_t topk;        /* anchors that share a module: 1 to those it may choose from */
    double temperature; /* > 0 */
    size_t batch_docs;  /* >= 1 */
    size_t epochs;      /* passes over the texts, in a new order each; >= 1 */
    double shared;      /* (0, 1]: a module may choose from floor(K * shared) anchors, drawn for it once */
    uint64_t seed;      /* of orders and draws */
} PerpcsOpts;

/* perpcs_default - the released code's: topk 1 (its README recommends 3), temperature 1, batches of 16, 1
 * epoch, all anchors. */
PerpcsOpts perpcs_default(void);

/* perpcs_choose - w [k] = the weights of the anchors that may be chosen (pool), given their scores: softmax
 * over the topk best ones, 0 for the others. Of equal scores the first wins: with gates that are all zero the
 * first topk anchors of the pool, in equal shares. */
void perpcs_choose(double *w, const double *score, const bool *pool, size_t k, size_t topk,
                   double temperature);

/* perpcs_assemble - *out = the adapter for the one whose history doc [n] is; weight [sites, k], unless NULL:
 * each anchor's mean weight over the batches, 0 at sites that the anchors lack, else with sum 1. *out is
 * LORA_PRIME's merge with these weights. Batches are spread over par_threads(); the result does not depend on
 * how many. A single anchor, or copies of one, give that anchor.
 * Differs: since A and B are linear in the weights, the weights are averaged over batches and A and B mixed
 * once; the released code averages A and B that it has rounded to bfloat16. Texts are packed, not padded. The
 * modes that sample anchors are left out.
 * Errors: ERR_ARG no anchor, no text, options out of range, a text without an answer, ids or lengths out of
 * range (the text is named); ERR_SHAPE an adapter of another model, gates of another adapter; ERR_UNSUP ranks
 * or scales that differ between anchors; ERR_NUM weights that are not finite; ERR_NOMEM. Cost: one forward
 * pass over the texts, and (answer tokens + K) n_in + topk r (n_in + n_out) a site and batch; memory for
 * normalised gates, and a pass and an adapter for each thread. */
Status perpcs_assemble(Lora **out, double *weight, const Model *m, const Lora *const *anchor,
                       const Gate *const *gate, size_t k, const TrainDoc *doc, size_t n, const PerpcsOpts *o,
                       Err *e) PRIME_MUST_USE;

#endif
