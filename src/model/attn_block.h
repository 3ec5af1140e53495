/* attn_block.h - attention of a few queries of one head, over keys in panels. */
#ifndef PRIME_MODEL_ATTN_BLOCK_H
#define PRIME_MODEL_ATTN_BLOCK_H

#include "kernels.h"

#include "prime/vec.h"

/* What a block of queries looks at: keys from .. to of all, `from` the first one of a panel; the last query
 * sees all before `to`, each one before it a key less. */
typedef struct {
    const AttnSpan *span;  /* of values; where heads have fewer than ATTN_PAD columns, of widened ones */
    size_t n_span, kv_at;  /* kv_at: where a row of the spans has this head's */
    const float *panels;   /* of all keys, as attn_pack lays them out */
    size_t from, to, rows; /* rows: 1 .. ATTN_ROWS */
    float *scores; /* [ATTN_ROWS, ld], ld >= attn_padded(to - from): left with the softmax before it is
                      divided by its sum, 0 for what a query does not see */
    size_t ld;
    float *inv; /* [ATTN_ROWS] left with 1 / the sums */
} AttnBlock;

/* attn_cut - the part of a span of which keys from .. to of all are wanted; `at`: keys before the span. */
PRIME_WITHIN AttnSpan attn_cut(const AttnSpan *s, size_t at, size_t from, size_t to)
{
    size_t lo = from > at ? from - at : 0, hi = to > at ? to - at : 0;
    lo = lo < s->n ? lo : s->n;
    hi = hi < s->n ? hi : s->n;
    return (AttnSpan){s->k + lo * s->ld, s->v + lo * s->ld, s->ld, hi > lo ? hi - lo : 0};
}

/* panels [attn_padded(keys) * d]: of ATTN_PAD keys each, coordinate by coordinate; 0 behind the last key. */
void attn_pack(float *panels, const AttnSpan *span, size_t n_span, size_t kv_at, size_t d);
/* values [keys, ATTN_PAD]: rows of d < ATTN_PAD columns with zeros behind them. */
void attn_widen(float *values, const AttnSpan *span, size_t n_span, size_t kv_at, size_t d);
/* out [rows, d] is written. */
void attn_block(float *out, size_t ldo, const float *q, size_t ldq, const AttnBlock *b, const AttnShape *a);

#endif
