/* draw.h - random continuations: tokens drawn from the model's distribution, sharpened and cut. */
#ifndef PRIME_DRAW_H
#define PRIME_DRAW_H

#include "prime/score.h"

typedef struct {
    double temperature; /* > 0; logits are divided by it */
    size_t top_k;       /* only the k likeliest tokens; 0: all */
    double top_p;       /* in (0, 1]: of these, the fewest whose probabilities reach top_p */
    uint64_t seed;      /* text i draws from the stream (seed, "draw", i) */
} DrawOpts;

typedef struct {
    float z;
    int32_t id;
} DrawEntry;

/* draw_token - one token from logits z [n], n > 0. Ties between logits go to the smaller id. work [n].
 * Source: top-k Fan et al. 2018, arXiv:1805.04833; top-p Holtzman et al. 2020, arXiv:1904.09751. */
int32_t draw_token(const float *z, size_t n, const DrawOpts *o, Rng *rng, DrawEntry *work);

/* draw_texts - like score_greedy, by draws; what a text gets depends on its index and the seed alone, not on
 * threads. Errors: ERR_ARG options, ids or lengths out of range (the text is named); ERR_NOMEM. */
Status draw_texts(int32_t *out, size_t *len, const Model *m, const PassLora *lora, const ScoreItem *item,
                  size_t n, size_t max_new, int32_t stop, const DrawOpts *o, Err *e) PRIME_MUST_USE;

#endif
