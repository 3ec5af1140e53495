/* kernels.h - the non-product parts of a layer, forward and backward side by side. Raw arrays, no allocation;
 * outputs first, gradients accumulate (+=) unless "written" is said. Rows may be strided: `ld` in floats. */
#ifndef PRIME_MODEL_KERNELS_H
#define PRIME_MODEL_KERNELS_H

#include "prime/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* out [N,C] = (x - mean) * rstd * (w or 1 + w) + b; stat [N,2] = mean (0 for RMS), rstd. b may be NULL. out
 * may be x. Sources: NormKind. */
void norm_fwd(float *out, float *stat, const float *x, const float *w, const float *b, size_t n, size_t c,
              NormKind kind, double eps);
/* dx [N,C] += ..., dw, db [C] += ... unless NULL. */
void norm_bwd(float *dx, float *dw, float *db, const float *dout, const float *x, const float *w,
              const float *stat, size_t n, size_t c, NormKind kind);

/* cos_out, sin_out [half] = gain * cos, sin of pos * freq, taken in double. */
void rope_angles(float *cos_out, float *sin_out, const double *freq, double pos, double gain, size_t half);
/* Rotate the first `dim` entries of n_heads heads of size d at the start of every row; co, si [N, dim/2].
 * sign -1 undoes it, which is also the backward pass (up to the square of the gain). */
void rope_apply(float *x, size_t ld, const float *co, const float *si, size_t n, size_t n_heads, size_t d,
                size_t dim, float sign);

/* act [N,F] = f(g) * u, gu [N,2F] holding g then u; not gated: f(u), gu [N,F]. bwd writes dgu.
 * Sources: SiLU and GELU Hendrycks and Gimpel 2016, arXiv:1606.08415; gates Shazeer 2020, arXiv:2002.05202.
 */
void act_fwd(float *act, const float *gu, size_t n, size_t f, ActKind kind, bool gated);
void act_bwd(float *dgu, const float *dact, const float *gu, size_t n, size_t f, ActKind kind, bool gated);

/* x := cap tanh(x / cap). */
void softcap_apply(float *x, size_t n, float cap);

/* out = x * mask / (1-p), mask from (key, first + index): written, out may be x; add = out += instead. */
void dropout_apply(float *out, const float *x, size_t n, double p, uint64_t key, size_t first);
void dropout_add(float *out, const float *x, size_t n, double p, uint64_t key, size_t first);

/* Keys and values of a run of tokens: k and v point at the first token's, rows are ld apart. */
typedef struct {
    const float *k, *v;
    size_t ld, n;
} AttnSpan;

typedef struct {
    size_t heads, kv_heads, d;
    float scale;   /* of q k */
    float softcap; /* 0: none */
    size_t window; /* keys a query sees, its own included; 0: all */
    float *probs;  /* [heads * n * keys] attn_fwd leaves its probabilities here and attn_bwd reads them; NULL:
                      nowhere, and the way back takes them again. Not with a softcap */
} AttnShape;

enum { ATTN_TILE = 64, ATTN_PAD = 16, ATTN_ROWS = 4 };

/* attn_padded - keys up to a whole number of panels (attn_block.h). */
static inline size_t attn_padded(size_t keys)
{
    return (keys + ATTN_PAD - 1) / ATTN_PAD * ATTN_PAD;
}

/* attn_work - floats that attn_fwd works in. */
static inline size_t attn_work(size_t keys, size_t d)
{
    return attn_padded(keys) * (ATTN_TILE > d + ATTN_ROWS ? ATTN_TILE : d + ATTN_ROWS);
}

/* Causal attention of n queries that stand at the end of the keys of `span` [n_span] together: query i sees
 * all keys but the last n-1-i, and of these the last `window`. q [n, H*D] ldq, out [n, H*D] ldo (written),
 * work [attn_work(total keys, d)]. */
void attn_fwd(float *out, size_t ldo, const float *q, size_t ldq, const AttnSpan *span, size_t n_span,
              size_t n, const AttnShape *a, float *work);
/* One span, n = its keys. dq, dk, dv are written at their places, rows ld apart (dk, dv zeroed by the caller:
 * they add up over heads and tiles). work [3 * ATTN_TILE * n]. */
void attn_bwd(float *dq, float *dk, float *dv, const float *dout, size_t ldo, const float *q,
              const AttnSpan *span, const AttnShape *a, float *work);

#endif
