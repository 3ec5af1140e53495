/* The forward and backward pass against independent float64 numbers, and against their own definitions. */
#include <math.h>

#include "../../../src/model/files.h"

#include "engine_case.h"

#include "prime/adamw.h"
#include "prime/vec.h"

static const char *const folders[] = {"llama_gqa", "llama_tied"};
enum { N_FOLDERS = 2 };
static const double logit_tolerance = 1e-4, grad_tolerance = 1e-4;

static Model *open_model(const char *name)
{
    char path[CASE_PATH];
    Model *m = NULL;
    case_path(path, name, "");
    MUST(model_load(&m, path, &e_));
    return m;
}

static JsVal *open_json(const char *name, const char *file)
{
    char path[CASE_PATH];
    JsVal *root = NULL;
    case_path(path, name, file);
    MUST(js_load(&root, path, &e_));
    return root;
}

static StFile *open_tensors(const char *name, const char *file)
{
    char path[CASE_PATH];
    StFile *f = NULL;
    case_path(path, name, file);
    MUST(st_open(&f, path, &e_));
    return f;
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

Test(pass, logits_match_the_reference)
{
    for (size_t f = 0; f < N_FOLDERS; f++) {
        Model *m = open_model(folders[f]);
        JsVal *cases = open_json(folders[f], "cases.json");
        StFile *want = open_tensors(folders[f], "logits.safetensors");
        const JsVal *list = js_get(cases, "sequences");
        cr_assert_gt(js_len(list), 2);
        for (size_t i = 0; i < js_len(list); i++) {
            size_t n, count;
            int32_t *ids = case_ids(js_get(js_at(list, i), "ids"), &n);
            float *ref = case_tensor(want, js_str(js_get(js_at(list, i), "id"), NULL), &count);
            float *got = case_logits(m, ids, n, NULL);
            cr_assert_eq(count, n * m->cfg.n_vocab);
            double d = case_max_diff(got, ref, count);
            cr_assert_lt(d, logit_tolerance, "%s sequence %zu: %g", folders[f], i, d);
            free(ids);
            free(ref);
            free(got);
        }
        st_close(want);
        js_close(cases);
        model_free(m);
    }
}

/* Further reference folders, if they are on this machine: trained weights, 16-bit weights, no grouped heads.
 */
Test(pass, logits_of_further_models_match_the_reference)
{
    static const char *const more[] = {"babyllama105", "llama_mha", "llama_gqa_bf16", "llama_gqa_f16"};
    const char *root = getenv("PRIME_ORACLES");
    if (root == NULL) cr_skip_test("no folder of reference data on this machine");
    for (size_t f = 0; f < sizeof more / sizeof more[0]; f++) {
        char path[CASE_PATH];
        Model *m = NULL;
        JsVal *cases = NULL;
        StFile *want = NULL;
        snprintf(path, sizeof path, "%s/engine/%s", root, more[f]);
        MUST(model_load(&m, path, &e_));
        snprintf(path, sizeof path, "%s/engine/%s/cases.json", root, more[f]);
        MUST(js_load(&cases, path, &e_));
        snprintf(path, sizeof path, "%s/engine/%s/logits.safetensors", root, more[f]);
        MUST(st_open(&want, path, &e_));
        size_t checked = 0;
        for (size_t i = 0; i < js_len(js_get(cases, "sequences")); i++) {
            const JsVal *one = js_at(js_get(cases, "sequences"), i);
            size_t n, count;
            int32_t *ids = case_ids(js_get(one, "ids"), &n);
            float *ref = case_tensor(want, js_str(js_get(one, "id"), NULL), &count);
            float *got = case_logits(m, ids, n, NULL);
            double d = case_max_diff(got, ref, count);
            cr_assert_lt(d, logit_tolerance, "%s sequence %zu: %g", more[f], i, d);
            checked++;
            free(ids);
            free(ref);
            free(got);
        }
        cr_assert_gt(checked, 0);
        st_close(want);
        js_close(cases);
        model_free(m);
    }
}

static void check_adapter_logits(const char *folder, const char *tag, const Model *m, const PassLora *lora)
{
    JsVal *cases = open_json(folder, "cases.json");
    StFile *want = open_tensors(folder, "adapter_logits.safetensors");
    const JsVal *list = js_get(cases, "sequences");
    size_t checked = 0;
    for (size_t i = 0; i < js_len(list); i++) {
        char name[128];
        snprintf(name, sizeof name, "%s.%s", tag, js_str(js_get(js_at(list, i), "id"), NULL));
        if (st_find(want, name) == NULL) continue;
        size_t n, count;
        int32_t *ids = case_ids(js_get(js_at(list, i), "ids"), &n);
        float *ref = case_tensor(want, name, &count), *got = case_logits(m, ids, n, lora);
        double d = case_max_diff(got, ref, count);
        cr_assert_lt(d, logit_tolerance, "%s %s: %g", folder, name, d);
        checked++;
        free(ids);
        free(ref);
        free(got);
    }
    cr_assert_gt(checked, 0, "%s: no logits for %s", folder, tag);
    st_close(want);
    js_close(cases);
}

Test(pass, adapters_match_the_reference)
{
    static const char *const names[] = {"a1", "a2", "a3_patterns", "a4_bf16_layer1"};
    Model *m = open_model("llama_gqa");
    for (size_t i = 0; i < 4; i++) {
        Lora *l = open_lora("llama_gqa", names[i], m);
        LoraBank *b = NULL;
        MUST(lora_bank_view(&b, l, &e_));
        float one = 1;
        check_adapter_logits("llama_gqa", names[i], m, &(PassLora){b, LORA_EXACT, &one});
        lora_bank_free(b);
        lora_free(l);
    }
    model_free(m);
}

Test(pass, exact_sum_of_two_adapters_matches_the_reference)
{
    Model *m = open_model("llama_gqa");
    Lora *l[2] = {open_lora("llama_gqa", "a1", m), open_lora("llama_gqa", "a2", m)};
    LoraBank *b = NULL;
    MUST(lora_bank_new(&b, (const Lora *const *)l, 2, &e_));
    float w[2] = {0.7f, -0.3f};
    check_adapter_logits("llama_gqa", "lincomb_0.7a1_-0.3a2", m, &(PassLora){b, LORA_EXACT, w});
    lora_bank_free(b);
    /* Folding gives the same model. */
    MUST(model_fold(m, l[0], 0.7, &e_));
    MUST(model_fold(m, l[1], -0.3, &e_));
    float one = 1;
    MUST(lora_bank_view(&b, l[0], &e_));
    float zero = 0;
    check_adapter_logits("llama_gqa", "lincomb_0.7a1_-0.3a2", m, &(PassLora){b, LORA_EXACT, &zero});
    (void)one;
    lora_bank_free(b);
    lora_free(l[0]);
    lora_free(l[1]);
    model_free(m);
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

/* Relative difference in norm of a gradient tensor. */
static void check_grad(const StFile *want, const char *name, const float *got, size_t n)
{
    size_t count;
    float *ref = case_tensor(want, name, &count);
    cr_assert_eq(count, n, "%s", name);
    double diff = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        diff += pow((double)got[i] - (double)ref[i], 2);
        norm += pow((double)ref[i], 2);
    }
    cr_assert_leq(sqrt(diff), grad_tolerance * sqrt(norm) + 1e-9, "%s: %g of %g", name, sqrt(diff),
                  sqrt(norm));
    free(ref);
}

static void check_lora_grads(const StFile *want, const Lora *g)
{
    size_t checked = 0;
    for (size_t i = 0; i < g->shape.n_layers * LORA_KINDS; i++) {
        size_t k = i % LORA_KINDS;
        if (g->site[i].r == 0) continue;
        for (int ab = 0; ab < 2; ab++) {
            char name[160];
            snprintf(name, sizeof name, "base_model.model.%s%zu.%s.lora_%c.weight", g->shape.names->prefix,
                     i / LORA_KINDS, g->shape.names->module[k], ab == 0 ? 'A' : 'B');
            check_grad(want, name, ab == 0 ? g->site[i].a : g->site[i].b,
                       g->site[i].r * (ab == 0 ? g->shape.n_in[k] : g->shape.n_out[k]));
            checked++;
        }
    }
    cr_assert_eq(checked, st_count(want));
}

static void check_base_grads(const StFile *want, const Model *m, const ModelParams *g)
{
    FileTensor *t = calloc(files_count(&m->cfg), sizeof *t);
    FileNames names = files_names(&m->cfg, false);
    size_t n = files_list(t, &m->cfg, g, &names);
    cr_assert_eq(n, st_count(want), "every weight has a reference gradient");
    for (size_t i = 0; i < n; i++) {
        const float *data =
            t[i].lin == NULL ? t[i].vec : t[i].lin->w + t[i].first * (m->cfg.conv1d ? 0 : t[i].lin->n_in);
        check_grad(want, t[i].name, data, t[i].shape[0] * (t[i].ndim > 1 ? t[i].shape[1] : 1));
    }
    free(t);
}

Test(pass, gradients_of_one_sequence_match_the_reference)
{
    for (size_t f = 0; f < N_FOLDERS; f++) {
        JsVal *cases = open_json(folders[f], "grads/cases.json");
        const JsVal *one = js_get(cases, "single");
        size_t n, targets, skip = (size_t)js_int(js_get(one, "prompt_len"), 0);
        int32_t *ids = case_ids(js_get(one, "ids"), &n);
        Rig r = rig_open(folders[f], n);
        float w = 1;
        PassLora lora = {r.b, LORA_EXACT, &w};
        PassSeq seq = {.ids = ids, .n = n};
        pass_forward(r.p, r.m, &seq, 1, &lora, NULL);
        double loss = pass_loss(r.p, r.m, &seq, &skip, 1, &lora, 1.0f / (float)(n - skip),
                                &(PassGrad){&r.base, r.grad}, &targets);
        cr_assert_eq(targets, n - skip);
        cr_assert_float_eq(loss / (double)targets, js_num(js_get(one, "loss"), 0), 1e-4);
        StFile *lg = open_tensors(folders[f], "grads/lora_grads.safetensors");
        check_lora_grads(lg, r.grad);
        st_close(lg);
        if (f == 0) { /* base gradients exist for llama_gqa */
            StFile *bg = open_tensors(folders[f], "grads/base_grads.safetensors");
            check_base_grads(bg, r.m, &r.base);
            st_close(bg);
        }
        rig_close(&r);
        free(ids);
        js_close(cases);
    }
}

Test(pass, a_packed_batch_of_different_lengths_matches_the_reference)
{
    for (size_t f = 0; f < N_FOLDERS; f++) {
        JsVal *cases = open_json(folders[f], "grads/cases.json");
        const JsVal *list = js_get(cases, "batch");
        size_t n = js_len(list), rows = 0, targets = 0;
        PassSeq seq[8] = {0};
        int32_t *ids[8];
        size_t skip[8], total = 0;
        cr_assert(n > 1 && n <= 8);
        for (size_t i = 0; i < n; i++) {
            ids[i] = case_ids(js_get(js_at(list, i), "ids"), &seq[i].n);
            seq[i].ids = ids[i];
            skip[i] = (size_t)js_int(js_get(js_at(list, i), "prompt_len"), 0);
            rows += seq[i].n;
            total += seq[i].n - (skip[i] > 1 ? skip[i] : 1);
        }
        Rig r = rig_open(folders[f], rows);
        float w = 1;
        PassLora lora = {r.b, LORA_EXACT, &w};
        pass_forward(r.p, r.m, seq, n, &lora, NULL);
        double loss = pass_loss(r.p, r.m, seq, skip, n, &lora, 1.0f / (float)total, &(PassGrad){NULL, r.grad},
                                &targets);
        cr_assert_eq(targets, total);
        cr_assert_float_eq(loss / (double)total, js_num(js_get(cases, "batch_loss_tokenmean"), 0), 1e-4);
        StFile *want = open_tensors(folders[f], "grads/batch_tokenmean_grads.safetensors");
        check_lora_grads(want, r.grad);
        st_close(want);
        rig_close(&r);
        for (size_t i = 0; i < n; i++) free(ids[i]);
        js_close(cases);
    }
}

Test(pass, three_adamw_steps_match_the_reference)
{
    JsVal *cases = open_json("llama_gqa", "grads/cases.json");
    const JsVal *one = js_get(cases, "single");
    size_t n, targets, skip = (size_t)js_int(js_get(one, "prompt_len"), 0);
    int32_t *ids = case_ids(js_get(one, "ids"), &n);
    Rig r = rig_open("llama_gqa", n);
    float w = 1, *m1 = calloc(r.l->n_params, sizeof *m1), *m2 = calloc(r.l->n_params, sizeof *m2);
    PassLora lora = {r.b, LORA_EXACT, &w};
    PassSeq seq = {.ids = ids, .n = n};
    AdamW a = {.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.01};
    for (size_t step = 1; step <= 3; step++) {
        memset(r.grad->data, 0, r.grad->n_params * sizeof *r.grad->data);
        pass_forward(r.p, r.m, &seq, 1, &lora, NULL);
        (void)pass_loss(r.p, r.m, &seq, &skip, 1, &lora, 1.0f / (float)(n - skip), &(PassGrad){NULL, r.grad},
                        &targets);
        adamw_step(r.l->data, m1, m2, r.grad->data, r.l->n_params, &a, step);
    }
    StFile *want = open_tensors("llama_gqa", "grads/adamw_step3.safetensors");
    check_lora_grads(want, r.l); /* the names are those of the adapter */
    st_close(want);
    free(m1);
    free(m2);
    rig_close(&r);
    free(ids);
    js_close(cases);
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
    PassLora lora = {r.b, LORA_EXACT, &w};
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
        pass_forward(p, m, seq, 4, &(PassLora){b, (LoraOp)op, &w[0][0]}, NULL);
        for (size_t i = 0; i < 4; i++) {
            size_t row = i * n + n - 1;
            float *got = malloc(V * sizeof *got), *work = malloc(C * sizeof *work);
            pass_logits(got, p, m, &row, 1, work);
            float *alone = case_logits(m, ids, n, &(PassLora){b, (LoraOp)op, w[i]});
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
