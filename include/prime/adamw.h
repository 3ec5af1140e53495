/* adamw.h - AdamW with decoupled weight decay and bias correction (Loshchilov and Hutter 2019,
 * arXiv:1711.05101), gradient clipping by global norm, and a cosine schedule with linear warm-up. */
#ifndef PRIME_ADAMW_H
#define PRIME_ADAMW_H

#include <stddef.h>

typedef struct {
    double lr, beta1, beta2, eps, weight_decay;
} AdamW;

/* adamw_step - one update of w [n] with gradient g [n]; m, v [n] are the moments (zero before step 1); step
 * counts from 1. w -= lr * (m^ / (sqrt(v^) + eps) + weight_decay * w). Cost: O(n). */
void adamw_step(float *w, float *m, float *v, const float *g, size_t n, const AdamW *a, size_t step);

/* adamw_clip - scale g so that its norm is at most `limit` (> 0; 0 leaves g as it is). Returns the norm
 * before. */
double adamw_clip(float *g, size_t n, double limit);

/* adamw_cosine - factor of the learning rate at step in [0, total): linear warm-up over `warmup` steps, then
 * half a cosine from 1 to `floor`. */
double adamw_cosine(size_t step, size_t total, size_t warmup, double floor);

#endif
