/* dp_train.h - an adapter trained with differential privacy (DP-SGD), and noise on an adapter that exists.
 *
 * The unit is what is sampled, clipped and protected as one. Record-level: every document is a unit of its
 * own; the promise is about one text, not about its author. User-level: the documents of one person are one
 * unit, its gradient the mean of theirs; it needs many people in one adapter. An adapter of one person alone
 * has one unit of that kind, and nothing to hide it among: that is refused (noise on the finished adapter,
 * dp_release, is what is left there).
 *
 * What keeps the sensitivity at the clip: a document's loss is the mean over its own target tokens, so that
 * no document scales the gradient of another; dropout masks are a function of step and document; the sum of
 * clipped gradients is divided by the EXPECTED number of units, which is taken as public, as their number and
 * the settings are. The loss, norms and step news are not noised: they are for the trainer's eyes.
 *
 * The noise is a function of the seed, like all that is random here, and of ordinary double arithmetic: the
 * promise holds against those who do not know the seed, and leaves out attacks on the low bits (Mironov
 * 2012). */
#ifndef PRIME_DP_TRAIN_H
#define PRIME_DP_TRAIN_H

#include "prime/dp.h"
#include "prime/train.h"

#include <stdint.h>

typedef struct {
    const TrainDoc *doc;
    size_t n;
    const size_t *unit; /* [n] < n_units; NULL: each document is a unit, n_units = n */
    size_t n_units;     /* >= 2 */
} DpDocs;

typedef struct {
    AdamW opt;
    double floor, dropout; /* as in TrainOpts */
    size_t warmup;
    double clip;  /* C > 0, bound of a unit's gradient; INFINITY for none, then sigma must be 0 */
    double sigma; /* noise of standard deviation sigma C on the sum; 0 for none */
    double q;     /* every unit takes part in a step with this chance, (0, 1] */
    size_t steps; /* >= 1 */
    double delta; /* (0, 1) */
    const DpAccountant *accountant;
    uint64_t seed;
} DpTrainOpts;

typedef struct {
    DpRun run; /* q, sigma, delta and all steps: a run that is stopped early is charged for the rest, since
                  when to stop may depend on the data */
    double epsilon; /* INFINITY where sigma is 0 */
    size_t empty;   /* steps whose sample was empty: they add noise and nothing else */
    double clipped; /* share of the gradients that were cut; not noised */
} DpTrained;

/* dp_train_lora - DP-SGD with AdamW on the noised mean. Every unit is sampled on its own in each step (stream
 * (seed, "dp sample", step)), its gradient cut to norm C; the sum gets N(0, (sigma C)^2) in every entry
 * (stream (seed, "dp noise", step)) and is divided by q n_units. With q = 1, sigma = 0 and no clip this is
 * AdamW on the mean of the documents' losses. The news' loss is the mean over the units of the step, 0 for
 * none. Errors: ERR_ARG options or documents out of range; ERR_SHAPE an adapter for another model; ERR_NUM a
 * loss or gradient that is not finite, or an epsilon beyond the accountant; ERR_NOMEM. Cost: as train_lora's
 * on the same tokens, 768 of them a pass; memory for 32 gradients more. Source: Abadi et al. 2016,
 * arXiv:1607.00133; user-level: McMahan et al. 2018, arXiv:1710.06963. Differs: PriME's own option averages
 * the loss over the batch's tokens before clipping, skips empty batches and leaves delta open. */
Status dp_train_lora(DpTrained *out, Lora *l, const Model *m, const DpDocs *d, const DpTrainOpts *o,
                     TrainWatch watch, void *ctx, Err *e) PRIME_MUST_USE;

/* The sum that is noised, on its own. dp_grad_sum - sum [like l] = sum over units u of unit [n] of
 * g_u min(1, clip / |g_u|), g_u the mean of the gradients of u's documents' mean losses. norm [n], if not
 * NULL, gets |g_u|. Returns the sum over these units of their mean losses. key: of the dropout masks. */
typedef struct DpGrad DpGrad;
Status dp_grad_new(DpGrad **g, Lora *l, const Model *m, const DpDocs *d, Err *e) PRIME_MUST_USE;
void dp_grad_free(DpGrad *g); /* accepts NULL */
double dp_grad_sum(Lora *sum, double *norm, DpGrad *g, const size_t *unit, size_t n, double clip,
                   double dropout, uint64_t key);

/* dp_noise - add N(0, sd^2) to every entry of x [n]. */
void dp_noise(float *x, size_t n, double sd, Rng *rng);

/* dp_release - Gaussian noise on a finished adapter: all its factors together (A and B, scales folded into B)
 * are cut to Frobenius norm C = clip and get N(0, (sigma C)^2) in every entry. The unit is the whole adapter:
 * between any two adapters of these shapes the factors differ by at most 2 C, so that epsilon, by the
 * analytic Gaussian mechanism at sensitivity 2 C, is what tells the release of one from that of any other.
 * Anything computed from the released factors is covered. norm     of the factors before, not noised; may be
 * NULL epsilon  INFINITY where sigma is 0 Errors: ERR_ARG clip <= 0 or not finite, sigma < 0, delta outside
 * (0, 1); ERR_NUM an adapter that is not finite. Source: noise on low-rank factors after Tran et al. 2025,
 * arXiv:2501.13904; Balle and Wang 2018. Differs: there the noise is added to gradients, here once to what is
 * released. */
Status dp_release(Lora *l, double *norm, double *epsilon, double clip, double sigma, double delta, Rng *rng,
                  Err *e) PRIME_MUST_USE;

#endif
