/* kernels.h - the non-product parts of a layer, forward and backward side by side. Raw arrays, no allocation;
 * outputs first, gradients accumulate (+=) unless "written" is said. Rows may be strided: `ld` in floats. */
#ifndef PRIME_MODEL_KERNELS_H
#define PRIME_MODEL_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* out [N,C] = x * rstd * w with rstd [N] = 1/sqrt(mean x^2 + eps). Zhang and Sennrich 2019, arXiv:1910.07467.
 */
void norm_fwd(float *out, float *rstd, const float *x, const float *w, size_t n, size_t c, double eps);
/* dx [N,C] += ..., dw [C] += ... unless NULL. */
void norm_bwd(float *dx, float *dw, const float *dout, const float *x, const float *w, const float *rstd,
              size_t n, size_t c);

/* Rotate n_heads heads of size d at the start of every row; pos [N]; cos, sin [max_len, d/2]. sign -1 undoes
 * it, which is also the backward pass. */
void rope_apply(float *x, size_t ld, const size_t *pos, const float *cos, const float *sin, size_t n,
                size_t n_heads, size_t d, float sign);

/* act [N,F] = silu(g) * u, gu [N,2F] holding g then u. bwd writes dgu [N,2F]. */
void swiglu_fwd(float *act, const float *gu, size_t n, size_t f);
void swiglu_bwd(float *dgu, const float *dact, const float *gu, size_t n, size_t f);

/* out = x * mask / (1-p), mask from (key, index): written, out may be x; add = out += instead. */
void dropout_apply(float *out, const float *x, size_t n, double p, uint64_t key);
void dropout_add(float *out, const float *x, size_t n, double p, uint64_t key);

/* Keys and values of a run of tokens: k and v point at the first token's, rows are ld apart. */
typedef struct {
    const float *k, *v;
    size_t ld, n;
} AttnSpan;

enum { ATTN_TILE = 64 };

/* Causal attention of n queries that stand at the end of the keys of `span` [n_span] together: query i sees
 * all keys but the last n-1-i. q [n, H*D] ldq, out [n, H*D] ldo (written), work [ATTN_TILE * total keys]. */
void attn_fwd(float *out, size_t ldo, const float *q, size_t ldq, const AttnSpan *span, size_t n_span,
              size_t n, size_t heads, size_t kv_heads, size_t d, float *work);
/* One span, n = its keys. dq, dk, dv are written at their places, rows ld apart (dk, dv zeroed by the caller:
 * they add up over heads and tiles). work [2 * ATTN_TILE * n]. */
void attn_bwd(float *dq, float *dk, float *dv, const float *dout, size_t ldo, const float *q,
              const AttnSpan *span, size_t heads, size_t kv_heads, size_t d, float *work);

#endif
