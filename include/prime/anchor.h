/* anchor.h - from scores of records to scores of people: the anchor is who is protected, and the unit that
 * verdicts count. Record i belongs to person[i] < n_people. */
#ifndef PRIME_ANCHOR_H
#define PRIME_ANCHOR_H

#include "prime/attack.h"

/* One row per way to fold a person's scores into one: mean, max, min, median, lse (log of the sum of
 * exponentials, which grows with the number of records), abs_max. */
typedef struct {
    const char *name, *what, *source;
    double (*fn)(double *x, size_t n); /* n > 0; x may be sorted */
} AnchorFold;
const AnchorFold *anchor_fold_at(size_t i);
const AnchorFold *anchor_fold_find(const char *name);

/* anchor_fold - out [n_people] of score [n]. Errors: ERR_ARG an unknown fold (they are named), or a person
 * out of range; ERR_SHAPE a person without a record; ERR_NUM a score that is not finite; ERR_NOMEM.
 * Reference: fixtures/ref/attack/user_aggregation.json. */
Status anchor_fold(double *out, const double *score, const size_t *person, size_t n, size_t n_people,
                   const char *fold, Err *e) PRIME_MUST_USE;

/* anchor_user_inference - out [n_people]: the mean over a person's texts of log p_theta(x) - log p_ref(x), in
 * nats a text; per_token: the sum of both over the sum of their tokens, so that long texts do not outweigh
 * (own variant). The texts need not be ones that were trained on. Errors: as anchor_fold, with the losses for
 * scores. Source: Kandpal et al. 2024, arXiv:2310.09266. Reference: fixtures/ref/attack/user_inference.json.
 */
Status anchor_user_inference(double *out, const AttackSignal *s, const size_t *person, size_t n,
                             size_t n_people, bool per_token, Err *e) PRIME_MUST_USE;

/* anchor_source - whose text it is: owner [n], the person under whose own adapter text i is likeliest (the
 * first of equals), and margin [n], the distance to the second, in the unit of logp [n, n_people]. Errors:
 * ERR_SHAPE n_people < 2; ERR_NUM. Source: Hu et al. 2021, arXiv:2109.05659. */
Status anchor_source(size_t *owner, double *margin, const double *logp, size_t n, size_t n_people,
                     Err *e) PRIME_MUST_USE;

/* anchor_prime_mia - PriME's own rule: score [n] = -nll_sum, member [n] = the text's person was merged.
 * Members are the anchors most like the target, so that similarity alone gives it an AUC above 0.5: never
 * read it without the base model's and the blind baselines'. Source: PriME, arXiv:2503.18008, released code
 * (mia.py). */
void anchor_prime_mia(double *score, bool *member, const double *nll_sum, const size_t *person, size_t n,
                      const bool *merged);

typedef struct {
    double t, df, p; /* Welch, on the second halves; p one-sided: suspect texts score higher */
    size_t n_suspect, n_held;
} AnchorDataset;

/* anchor_dataset - whether a person's texts as a whole were trained on: features (scores of several attacks)
 * of suspect [n, d] and held-out [m, d] texts of the same kind. Each set is dealt into two halves; on the
 * first halves a linear score is learnt by least squares of the label on standardised features, on the second
 * it is tested. Stream (seed, "dataset inference", 0). Errors: ERR_SHAPE fewer than 4 texts in a set, or no
 * feature; ERR_NUM a feature that is not finite, or a score without spread; ERR_NOMEM. Source: Maini et al.
 * 2024, arXiv:2406.06443. Differs: one split, and no removal of outliers. */
Status anchor_dataset(AnchorDataset *out, const double *suspect, size_t n, const double *held, size_t m,
                      size_t d, uint64_t seed, Err *e) PRIME_MUST_USE;

#endif
