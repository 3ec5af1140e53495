/* The forward and backward pass against their own definitions. */
#include <math.h>

#include "../../../src/model/arch.h"
#include "tiny.h"

#include "prime/vec.h"

static Model *open_model(const char *name)
{
    char path[CASE_PATH];
    Model *m = NULL;
    case_path(path, name, "");
    MUST(model_load(&m, path, &e_));
    return m;
}

static Lora *open_lora(const char *name, const char *adapter, const Model *m)
{
    char path[CASE_PATH], dir[64];
    Lora *l = NULL;
    LoraShape shape = model_lora_shape(&m->cfg);
    snprintf(dir, sizeof dir, "adapters/%s", adapter);
    case_path(path, name, dir);
    MUST(lora_load(&l, path, &shape, &e_));
    return l;
}

/* ---- gradients ---- */

typedef struct {
    Model *m;
    Lora *l, *grad;
    LoraBank *b;
    ModelParams base;
    Pass *p;
} Rig;

static Rig rig_open(const char *folder, size_t rows)
{
    Rig r = {.m = open_model(folder)};
    r.l = open_lora(folder, "a1", r.m);
    MUST(lora_like(&r.grad, r.l, &e_));
    MUST(lora_bank_view(&r.b, r.l, &e_));
    MUST(model_params_new(&r.base, &r.m->cfg, &e_));
    MUST(pass_new(&r.p, r.m, rows, r.b->width, true, &e_));
    return r;
}

static void rig_close(Rig *r)
{
    pass_free(r->p);
    model_params_free(&r->base);
    lora_bank_free(r->b);
    lora_free(r->grad);
    lora_free(r->l);
    model_free(r->m);
}

/* ---- definitions ---- */

static int32_t *random_ids(Rng *rng, size_t n, size_t vocab)
{
    int32_t *ids = malloc(n * sizeof *ids);
    for (size_t i = 0; i < n; i++) ids[i] = (int32_t)rng_below(rng, vocab);
    return ids;
}

Test(pass, dropout_gradient_agrees_with_finite_differences)
{
    Rng rng = rng_stream(5, "fd", 0);
    size_t n = 24, targets, skip = 3;
    Rig r = rig_open("llama_tied", n);
    int32_t *ids = random_ids(&rng, n, r.m->cfg.n_vocab);
    float w = 1;
    PassLora lora = {.bank = r.b, .op = LORA_EXACT, .w = &w};
    PassSeq seq = {.ids = ids, .n = n};
    pass_dropout(r.p, 0.3, 99);
    pass_forward(r.p, r.m, &seq, 1, &lora, NULL);
    double loss = pass_loss(r.p, r.m, &seq, &skip, 1, &lora, 1, &(PassGrad){NULL, r.grad}, &targets), plain;
    /* Along the gradient itself, where the difference is largest against rounding. */
    double norm2 = vec_dot_d(r.grad->data, r.grad->data, r.grad->n_params), step = 2e-3 / sqrt(norm2),
           side[2];
    for (int s = 0; s < 2; s++) {
        vec_axpy(r.l->data, (float)(s == 0 ? step : -2 * step), r.grad->data, r.l->n_params);
        pass_forward(r.p, r.m, &seq, 1, &lora, NULL);
        side[s] = pass_loss(r.p, r.m, &seq, &skip, 1, &lora, 1, &(PassGrad){NULL, NULL}, &targets);
    }
    cr_assert_float_eq((side[0] - side[1]) / (2 * step), norm2, 0.01 * norm2);
    pass_dropout(r.p, 0, 0);
    pass_forward(r.p, r.m, &seq, 1, &lora, NULL);
    plain = pass_loss(r.p, r.m, &seq, &skip, 1, &lora, 1, &(PassGrad){NULL, NULL}, &targets);
    cr_assert(fabs(plain - loss) > 1e-4, "the mask must change the loss");
    rig_close(&r);
    free(ids);
}

/* Population-first is exact: candidates in one packed pass give what each gives alone, in both merge
 * operators. */
Test(pass, candidates_together_equal_candidates_alone)
{
    Model *m = open_model("llama_gqa");
    Lora *l[3];
    LoraShape shape = model_lora_shape(&m->cfg);
    for (size_t i = 0; i < 3; i++) {
        Rng rng = rng_stream(11, "lora", i);
        MUST(lora_new(&l[i], &shape,
                      1U << LORA_Q | 1U << LORA_V | 1U << LORA_O | 1U << LORA_DOWN | 1U << LORA_UP, 4, 4,
                      &e_));
        for (size_t j = 0; j < l[i]->n_params; j++) l[i]->data[j] = (float)(0.2 * rng_normal(&rng));
    }
    LoraBank *b = NULL;
    MUST(lora_bank_new(&b, (const Lora *const *)l, 3, &e_));
    cr_assert(lora_bank_uniform(b));
    Rng rng = rng_stream(12, "ids", 0);
    size_t n = 17, V = m->cfg.n_vocab, C = m->cfg.n_hidden;
    int32_t *ids = random_ids(&rng, n, V);
    float w[4][3] = {{1, 0, 0}, {0.5f, -0.7f, 1.2f}, {0, 0, 0}, {0.3f, 0.3f, 0.3f}};
    for (int op = LORA_EXACT; op <= LORA_PRIME; op++) {
        PassSeq seq[4];
        for (size_t i = 0; i < 4; i++) seq[i] = (PassSeq){.ids = ids, .n = n, .cand = i};
        Pass *p = NULL;
        MUST(pass_new(&p, m, 4 * n, b->width, false, &e_));
        pass_forward(p, m, seq, 4, &(PassLora){.bank = b, .op = (LoraOp)op, .w = &w[0][0]}, NULL);
        for (size_t i = 0; i < 4; i++) {
            size_t row = i * n + n - 1;
            float *got = malloc(V * sizeof *got), *work = malloc(C * sizeof *work);
            pass_logits(got, p, m, &row, 1, work);
            float *alone = case_logits(m, ids, n, &(PassLora){.bank = b, .op = (LoraOp)op, .w = w[i]});
            double d = case_max_diff(got, alone + (n - 1) * V, V);
            cr_assert_lt(d, 1e-4, "operator %d candidate %zu: %g", op, i, d);
            if (i == 2) { /* weight 0 is the base */
                float *base = case_logits(m, ids, n, NULL);
                cr_assert_lt(case_max_diff(got, base + (n - 1) * V, V), 1e-4);
                free(base);
            }
            free(got);
            free(work);
            free(alone);
        }
        pass_free(p);
    }
    lora_bank_free(b);
    for (size_t i = 0; i < 3; i++) lora_free(l[i]);
    free(ids);
    model_free(m);
}

Test(pass, cache_and_shared_prefix_equal_a_whole_pass)
{
    Model *m = open_model("llama_tied");
    Rng rng = rng_stream(13, "ids", 0);
    size_t n = 40, V = m->cfg.n_vocab, C = m->cfg.n_hidden, cut = 23;
    int32_t *ids = random_ids(&rng, n, V);
    float *whole = case_logits(m, ids, n, NULL), *got = malloc(V * sizeof *got),
          *work = malloc(C * sizeof *work);
    Pass *p = NULL;
    KvCache *kv = NULL;
    MUST(pass_new(&p, m, n, 0, false, &e_));
    MUST(kv_new(&kv, &m->cfg, 3, n, &e_));
    pass_forward(p, m, &(PassSeq){.ids = ids, .n = cut, .slot = 0}, 1, NULL, kv);
    kv_reset(kv, 1, 0);
    kv_reset(kv, 2, 0);
    for (size_t t = cut; t < n; t++) { /* slot 1 token by token, slot 2 in one go at the end */
        pass_forward(p, m, &(PassSeq){.ids = ids + t, .n = 1, .slot = 1}, 1, NULL, kv);
        size_t row = 0;
        pass_logits(got, p, m, &row, 1, work);
        cr_assert_lt(case_max_diff(got, whole + t * V, V), 1e-4, "token %zu", t);
    }
    pass_forward(p, m, &(PassSeq){.ids = ids + cut, .n = n - cut, .slot = 2}, 1, NULL, kv);
    size_t row = n - cut - 1;
    pass_logits(got, p, m, &row, 1, work);
    cr_assert_lt(case_max_diff(got, whole + (n - 1) * V, V), 1e-4);
    kv_free(kv);
    pass_free(p);
    free(got);
    free(work);
    free(whole);
    free(ids);
    model_free(m);
}

Test(pass, ids_outside_the_vocabulary_and_long_texts_are_refused)
{
    Model *m = open_model("llama_tied");
    Err e = {0};
    int32_t bad[2] = {1, (int32_t)m->cfg.n_vocab};
    cr_assert_eq(pass_check(m, bad, 2, &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "token id 257 at position 1, want 0 to 256"), "%s", e.msg);
    Err f = {0};
    cr_assert_eq(pass_check(m, bad, m->cfg.max_len + 1, &f), ERR_ARG);
    Err g = {0};
    cr_assert_eq(pass_check(m, bad, 0, &g), ERR_ARG);
    model_free(m);
}

/* What a caller of the library may ask for, though no file does. */
Test(pass, models_that_cannot_be_and_uses_that_do_not_fit)
{
    ModelConfig wide = tiny_config(), odd = tiny_config(), alien = tiny_config();
    wide.n_hidden = wide.n_vocab = 1 << 24;
    odd.rotary_dim = 3;
    alien.arch = arch_find("qwen2");
    Model *m = tiny_model(&alien, 1), *none = NULL;
    Lora *l = tiny_lora(m, 1U << LORA_Q, 2, 1);
    Pass *p = NULL;
    Err e[5] = {0};
    cr_expect_eq(model_new(&none, &wide, &e[0]), ERR_SHAPE);
    cr_expect_str_eq(e[0].msg, "the model would have 2.8e+14 parameters, want at most 1e12");
    cr_expect_eq(model_new(&none, &odd, &e[1]), ERR_SHAPE);
    cr_expect_str_eq(e[1].msg, "model: head_dim = 8 of which 3 are rotated, want an even number");
    cr_expect_eq(pass_new(&p, m, 0, 0, false, &e[2]), ERR_ARG);
    cr_expect_str_eq(e[2].msg, "a pass of 0 rows, want at least 1");
    l->shape.n_in[LORA_Q]++;
    cr_expect_eq(model_fold(m, l, 1, &e[3]), ERR_SHAPE);
    cr_expect_str_eq(e[3].msg, "the adapter is for a model of another shape");
    l->shape.n_in[LORA_Q]--;
    cr_expect_eq(model_save(m, "/dev/null/model", ST_F32, &e[4]), ERR_UNSUP);
    cr_expect_not_null(strstr(e[4].msg, "without a config.json of its own cannot be saved"), "%s", e[4].msg);
    cr_assert(none == NULL && p == NULL);
    lora_free(l);
    model_free(m);
}
