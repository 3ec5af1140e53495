/* attn_block.h - attention of a few queries of one head, over keys in panels. */
#ifndef PRIME_MODEL_ATTN_BLOCK_H
#define PRIME_MODEL_ATTN_BLOCK_H

#include "kernels.h"

/* What a block of queries looks at: keys from .. to of all, `from` the first one of a panel; the last query
 * sees all before `to`, each one before it a key less. */
typedef struct {
    const AttnSpan *span;
    size_t n_span, kv_at;  /* where a row of the spans has this head's keys and values */
    const float *panels;   /* of all keys, as attn_pack lays them out */
    size_t from, to, rows; /* rows: 1 .. ATTN_ROWS */
    float *scores; /* [ATTN_ROWS, ld], ld >= attn_padded(to - from): left with the softmax before it is
                      divided by its sum, 0 for what a query does not see */
    size_t ld;
    float *inv; /* [ATTN_ROWS] 1 / the sums, or NULL */
} AttnBlock;

/* panels [attn_padded(keys) * d]: of ATTN_PAD keys each, coordinate by coordinate; 0 behind the last key. */
void attn_pack(float *panels, const AttnSpan *span, size_t n_span, size_t kv_at, size_t d);
/* out [rows, d] is written. */
void attn_block(float *out, size_t ldo, const float *q, size_t ldq, const AttnBlock *b, const AttnShape *a);

#endif
