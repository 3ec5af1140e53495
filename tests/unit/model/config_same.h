/* config_same.h - two configurations field by field. */
#ifndef PRIME_TEST_CONFIG_SAME_H
#define PRIME_TEST_CONFIG_SAME_H

#include "prime/model.h"

#include <criterion/criterion.h>
#include <math.h>

static inline void config_same_rope(const char *name, const ModelRope *a, const ModelRope *b)
{
    cr_expect_eq(a->kind, b->kind, "%s: rope kind", name);
    const double got[] = {a->theta, a->factor,    a->old_len,   a->low,
                          a->high,  a->beta_fast, a->beta_slow, a->gain},
                 want[] = {b->theta, b->factor,    b->old_len,   b->low,
                           b->high,  b->beta_fast, b->beta_slow, b->gain};
    for (size_t i = 0; i < sizeof got / sizeof got[0]; i++)
        cr_expect_float_eq(got[i], want[i], 1e-12 * (1 + fabs(want[i])), "%s: rope number %zu: %g, want %g",
                           name, i, got[i], want[i]);
    cr_expect_eq(a->truncate, b->truncate, "%s: rope truncate", name);
}

#define SAME(field) cr_expect_eq(a->field, b->field, "%s: " #field, name)

static inline void config_same(const char *name, const ModelConfig *a, const ModelConfig *b)
{
    SAME(n_vocab);
    SAME(n_hidden);
    SAME(n_layers);
    SAME(n_heads);
    SAME(n_kv);
    SAME(head_dim);
    SAME(n_ffn);
    SAME(max_len);
    SAME(norm);
    SAME(norm_eps);
    SAME(act);
    SAME(ungated);
    SAME(parallel);
    SAME(tied);
    SAME(conv1d);
    SAME(bias_qkv);
    SAME(bias_o);
    SAME(bias_ffn);
    SAME(qk_norm);
    SAME(post_norms);
    SAME(learned_pos);
    SAME(attn_softcap);
    SAME(final_softcap);
    SAME(rotary_dim);
    SAME(window);
    SAME(bos);
    SAME(eos);
    SAME(n_stop);
    cr_expect_float_eq(a->embed_scale, b->embed_scale, 1e-12, "%s: embed_scale %.17g", name, a->embed_scale);
    cr_expect_float_eq(a->attn_scale, b->attn_scale, 1e-15, "%s: attn_scale %.17g", name, a->attn_scale);
    cr_expect_arr_eq(a->local, b->local, sizeof a->local, "%s: local layers %llx", name,
                     (unsigned long long)a->local[0]);
    cr_expect_arr_eq(a->stop, b->stop, sizeof a->stop, "%s: stop", name);
    config_same_rope(name, &a->rope, &b->rope);
    config_same_rope(name, &a->rope_local, &b->rope_local);
}

#undef SAME

#endif
