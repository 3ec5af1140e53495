/* Every reference model, whatever its family: logits, adapters, gradients and optimiser steps against an
 * independent float64 evaluation. The folders in fixtures/models are always there; more lie in the folder of
 * reference data, where a machine has it. */
#define _XOPEN_SOURCE 700 /* nftw */
#include <math.h>

#include "../../../src/model/files.h"

#include "../damaged.h"
#include "engine_case.h"

#include "prime/adamw.h"
#include "prime/mat.h"
#include "prime/score.h"
#include "prime/vec.h"

static const char *const own[] = {"llama_gqa", "llama_tied", "mistral_swa", "qwen2",
                                  "qwen3",     "gpt2",       "gemma3"};
enum { N_OWN = sizeof own / sizeof own[0] };
/* `like`: where the expected numbers lie when the folder has none of its own. */
static const struct {
    const char *name, *like;
} more[] = {{"llama_gqa", "llama_gqa"},
            {"llama_gqa_bf16", "llama_gqa_bf16"},
            {"llama_gqa_f16", "llama_gqa_f16"},
            {"llama_gqa_sharded_mixed", "llama_gqa_sharded_mixed"},
            {"llama_mha", "llama_mha"},
            {"llama_tied", "llama_tied"},
            {"mistral_swa", "mistral_swa"},
            {"qwen2", "qwen2"},
            {"qwen3", "qwen3"},
            {"gpt2", "gpt2"},
            {"gpt2_hubnames", "gpt2"},
            {"gemma3", "gemma3"},
            {"babyllama105", "babyllama105"}};
enum { N_MORE = sizeof more / sizeof more[0] };

static const double logit_tolerance = 5e-5, grad_tolerance = 1e-4, step_tolerance = 1e-6,
                    own_step_tolerance = 2e-5, nll_tolerance = 2e-4;
/* What is asked of logits at present: the tolerance of the precision under test, for logits of a size up to
 * 20 and sums over a few dozen tokens. */
static double logit_within = 5e-5, nll_within = 2e-4, worst_logit;
static const double bf16_logit_tolerance = 0.2, bf16_nll_tolerance = 0.3;
static const ModelWeights modes[] = {WEIGHTS_F32, WEIGHTS_STORED};

/* ---- folders ---- */

static char engine_path[4][CASE_PATH]; /* a few paths at a time */

static const char *engine_file(const char *dir, const char *file)
{
    static size_t turn;
    char *out = engine_path[turn++ % 4];
    int n = snprintf(out, CASE_PATH, "%s/%s", dir, file);
    cr_assert(n > 0 && n < CASE_PATH);
    return out;
}

static JsVal *engine_json(const char *dir, const char *file)
{
    JsVal *root = NULL;
    MUST(js_load(&root, engine_file(dir, file), &e_));
    return root;
}

static StFile *engine_tensors(const char *dir, const char *file)
{
    StFile *f = NULL;
    MUST(st_open(&f, engine_file(dir, file), &e_));
    return f;
}

static Model *engine_model(const char *dir, ModelWeights how)
{
    Model *m = NULL;
    MUST(model_open(&m, dir, &(ModelOpts){.weights = how}, &e_));
    cr_assert_eq(m->stored, how == WEIGHTS_STORED);
    return m;
}

static Lora *engine_lora(const char *dir, const char *name, const Model *m)
{
    char sub[64];
    Lora *l = NULL;
    LoraShape shape = model_lora_shape(&m->cfg);
    snprintf(sub, sizeof sub, "adapters/%s", name);
    MUST(lora_load(&l, engine_file(dir, sub), &shape, &e_));
    return l;
}

/* ---- logits ---- */

/* All sequences under TAG (NULL: the base) that the file of logits holds. */
static void check_logits(const char *dir, const char *file, const char *tag, const JsVal *sequences,
                         const Model *m, const PassLora *lora)
{
    StFile *want = engine_tensors(dir, file);
    size_t checked = 0;
    for (size_t i = 0; i < js_len(sequences); i++) {
        const JsVal *one = js_at(sequences, i);
        char name[128];
        const char *id = js_str(js_get(one, "id"), NULL);
        snprintf(name, sizeof name, "%s%s%s", tag != NULL ? tag : "", tag != NULL ? "." : "", id);
        if (st_find(want, name) == NULL) continue;
        size_t n, count;
        int32_t *ids = case_ids(js_get(one, "ids"), &n);
        float *ref = case_tensor(want, name, &count), *got = case_logits(m, ids, n, lora);
        cr_assert_eq(count, n * m->cfg.n_vocab);
        double d = case_max_diff(got, ref, count);
        cr_assert_lt(d, logit_within, "%s %s: %g", dir, name, d);
        worst_logit = fmax(worst_logit, d);
        checked++;
        free(ids);
        free(ref);
        free(got);
    }
    cr_assert_gt(checked, 0, "%s: no logits for %s", dir, tag != NULL ? tag : "the base");
    st_close(want);
}

/* What scoring makes of the sequences: the answer's tokens behind the prompt. */
static void check_case_nll(const char *dir, const JsVal *sequences, const Model *m)
{
    for (size_t i = 0; i < js_len(sequences); i++) {
        const JsVal *one = js_at(sequences, i);
        size_t n, skip = (size_t)js_int(js_get(one, "prompt_len"), 0);
        int32_t *ids = case_ids(js_get(one, "ids"), &n);
        ScoreItem item = {.ids = ids, .n = n, .skip = skip > 0 ? skip : 1};
        ScoreOut out;
        double want = js_num(js_get(one, "nll_sum"), NAN);
        MUST(score_nll(&out, m, NULL, 0, &item, 1, &e_));
        cr_assert_eq(out.n_tokens, (size_t)js_int(js_get(one, "nll_count"), 0));
        cr_assert_float_eq(out.nll_sum, want, nll_within, "%s sequence %zu: %g, want %g", dir, i, out.nll_sum,
                           want);
        free(ids);
    }
}

static void check_passes(const char *want_dir, const JsVal *list, const Model *m)
{
    check_logits(want_dir, "logits.safetensors", NULL, list, m, NULL);
    check_case_nll(want_dir, list, m);
}

/* As the weights are; packed in float32; packed in bfloat16, which must be coarser and within its bound. */
static void check_precisions(const char *want_dir, const JsVal *list, Model *m)
{
    check_passes(want_dir, list, m);
    MUST(model_pack(m, MAT_F32, &e_));
    worst_logit = 0;
    check_passes(want_dir, list, m);
    double fine = worst_logit;
    MUST(model_pack(m, MAT_BF16, &e_));
    cr_assert_eq(m->precision, MAT_BF16);
    logit_within = bf16_logit_tolerance;
    nll_within = bf16_nll_tolerance;
    worst_logit = 0;
    check_passes(want_dir, list, m);
    cr_assert_gt(worst_logit, fine, "%s: bfloat16 as exact as float32", want_dir);
    logit_within = logit_tolerance;
    nll_within = nll_tolerance;
}

static void check_model(const char *dir, const char *want_dir)
{
    JsVal *cases = engine_json(want_dir, "cases.json");
    const JsVal *list = js_get(cases, "sequences");
    cr_assert_gt(js_len(list), 2);
    for (size_t i = 0; mat_backend_at(i) != NULL; i++) {
        MUST(mat_choose(mat_backend_at(i), &e_));
        for (size_t k = 0; k < 2; k++) {
            Model *m = engine_model(dir, modes[k]);
            check_precisions(want_dir, list, m);
            model_free(m);
        }
    }
    js_close(cases);
}

static const char *own_dir(char out[CASE_PATH], size_t i)
{
    case_path(out, own[i], "");
    return out;
}

Test(engine, logits_of_every_family_match_the_reference)
{
    char dir[CASE_PATH];
    for (size_t i = 0; i < N_OWN; i++) check_model(own_dir(dir, i), dir);
}

Test(engine, further_folders_match_the_reference)
{
    const char *root = getenv("PRIME_ORACLES");
    if (root == NULL) cr_skip_test("no folder of reference data on this machine");
    for (size_t i = 0; i < N_MORE; i++) {
        char dir[CASE_PATH], like[CASE_PATH];
        snprintf(dir, sizeof dir, "%s/engine/%s", root, more[i].name);
        snprintf(like, sizeof like, "%s/engine/%s", root, more[i].like);
        check_model(dir, like);
    }
}

/* Other spellings of the same configuration, as other versions of the reference library write it. */
Test(engine, every_spelling_of_a_config_gives_the_same_logits, .init = scratch_make, .fini = scratch_remove)
{
    static const struct {
        const char *model, *config;
    } spelt[] = {
        {"llama_gqa", "config.v5.json"}, {"gemma3", "config.v5.json"}, {"gemma3", "config.v4_50.json"}};
    for (size_t i = 0; i < sizeof spelt / sizeof spelt[0]; i++) {
        char dir[CASE_PATH], to[CASE_PATH], *text = NULL;
        size_t n = 0;
        Model *m = NULL;
        case_path(dir, spelt[i].model, "");
        scratch_copy(dir, "model.safetensors");
        MUST(file_read(&text, &n, engine_file(dir, spelt[i].config), &e_));
        snprintf(to, sizeof to, "%s/config.json", scratch_dir);
        MUST(file_write(to, text, n, &e_));
        MUST(model_load(&m, scratch_dir, &e_));
        JsVal *cases = engine_json(dir, "cases.json");
        check_logits(dir, "logits.safetensors", NULL, js_get(cases, "sequences"), m, NULL);
        js_close(cases);
        model_free(m);
        free(text);
    }
}

/* ---- adapters ---- */

static void check_one_adapter(const char *dir, const char *name, const JsVal *list, const Model *m)
{
    Lora *l = engine_lora(dir, name, m);
    LoraBank *b = NULL;
    float one = 1, zero = 0;
    MUST(lora_bank_view(&b, l, &e_));
    check_logits(dir, "adapter_logits.safetensors", name, list, m,
                 &(PassLora){.bank = b, .op = LORA_EXACT, .w = &one});
    check_logits(dir, "adapter_logits.safetensors", name, list, m,
                 &(PassLora){.bank = b, .op = LORA_PRIME, .w = &one});
    check_logits(dir, "logits.safetensors", NULL, list, m,
                 &(PassLora){.bank = b, .op = LORA_EXACT, .w = &zero});
    check_logits(dir, "logits.safetensors", NULL, list, m,
                 &(PassLora){.bank = b, .op = LORA_PRIME, .w = &zero});
    lora_bank_free(b);
    lora_free(l);
}

/* 0.7 a1 - 0.3 a2 as a mixture; and, where the weights can be written, folded in. */
static void check_mixture(const char *dir, const JsVal *list, Model *m)
{
    static const char tag[] = "lincomb_0.7a1_-0.3a2";
    Lora *l[2] = {engine_lora(dir, "a1", m), engine_lora(dir, "a2", m)};
    LoraBank *b = NULL;
    float w[2] = {0.7f, -0.3f};
    MUST(lora_bank_new(&b, (const Lora *const *)l, 2, &e_));
    check_logits(dir, "adapter_logits.safetensors", tag, list, m,
                 &(PassLora){.bank = b, .op = LORA_EXACT, .w = w});
    Err e = {0};
    if (m->stored) {
        cr_expect_eq(model_fold(m, l[0], 0.7, &e), ERR_ARG);
        cr_expect_not_null(strstr(e.msg, "kept as stored"), "%s", e.msg);
    } else {
        MUST(model_fold(m, l[0], 0.7, &e_));
        MUST(model_fold(m, l[1], -0.3, &e_));
        check_logits(dir, "adapter_logits.safetensors", tag, list, m, NULL);
    }
    lora_bank_free(b);
    lora_free(l[0]);
    lora_free(l[1]);
}

static void check_adapters(const char *dir, ModelWeights how, bool packed)
{
    JsVal *cases = engine_json(dir, "cases.json");
    const JsVal *list = js_get(cases, "sequences"), *adapters = js_get(cases, "adapters");
    Model *m = engine_model(dir, how);
    if (packed) MUST(model_pack(m, MAT_F32, &e_));
    JsIter it = {0};
    const char *name = NULL;
    bool mixture = false;
    cr_assert_gt(js_len(adapters), 0);
    while (js_next(adapters, &it, &name) != NULL)
        if (strncmp(name, "lincomb", 7) == 0)
            mixture = true;
        else
            check_one_adapter(dir, name, list, m);
    if (mixture) check_mixture(dir, list, m);
    model_free(m);
    js_close(cases);
}

Test(engine, adapters_of_every_family_match_the_reference)
{
    char dir[CASE_PATH];
    for (size_t i = 0; i < N_OWN; i++)
        for (size_t k = 0; k < 4; k++) check_adapters(own_dir(dir, i), modes[k % 2], k / 2 == 1);
}

/* ---- gradients ---- */

typedef struct {
    Model *m;
    Lora *l, *grad;
    LoraBank *b;
    ModelParams base;
    Pass *p;
    float w;
    PassLora lora;
} EngineRig;

static void engine_rig(EngineRig *r, const char *dir, ModelWeights how, size_t rows)
{
    *r = (EngineRig){.m = engine_model(dir, how), .w = 1};
    r->l = engine_lora(dir, "a1", r->m);
    MUST(lora_like(&r->grad, r->l, &e_));
    MUST(lora_bank_view(&r->b, r->l, &e_));
    MUST(model_params_new(&r->base, &r->m->cfg, &e_));
    MUST(pass_new(&r->p, r->m, rows, r->b->width, true, &e_));
    r->lora = (PassLora){.bank = r->b, .op = LORA_EXACT, .w = &r->w};
}

static void engine_rig_close(EngineRig *r)
{
    pass_free(r->p);
    model_params_free(&r->base);
    lora_bank_free(r->b);
    lora_free(r->grad);
    lora_free(r->l);
    model_free(r->m);
}

/* Relative difference in norm. */
static void check_near(const StFile *want, const char *name, float *got, size_t n, double tolerance)
{
    size_t count;
    float *ref = case_tensor(want, name, &count);
    double diff = 0, norm = 0;
    cr_assert_eq(count, n, "%s", name);
    for (size_t i = 0; i < n; i++) {
        diff += pow((double)got[i] - (double)ref[i], 2);
        norm += pow((double)ref[i], 2);
    }
    cr_assert_leq(sqrt(diff), tolerance * sqrt(norm) + 1e-9, "%s: %g of %g", name, sqrt(diff), sqrt(norm));
    free(ref);
}

/* Entry by entry. */
static void check_entries(const StFile *want, const char *name, float *got, size_t n, double tolerance)
{
    size_t count;
    float *ref = case_tensor(want, name, &count);
    cr_assert_eq(count, n, "%s", name);
    double d = case_max_diff(got, ref, n);
    cr_assert_leq(d, tolerance, "%s: %g", name, d);
    free(ref);
}

static void copy_tensor(const StFile *from, const char *name, float *to, size_t n, double tolerance)
{
    (void)tolerance;
    const StTensor *t = st_find(from, name);
    cr_assert(t != NULL && t->count == n, "%s", name);
    MUST(st_to_f32(to, t, &e_));
}

typedef void (*TensorFn)(const StFile *, const char *, float *, size_t, double);

/* Every A and B of an adapter under its name in PEFT's layout; the file has no others. */
static void each_lora_tensor(Lora *g, const StFile *file, TensorFn fn, double tolerance)
{
    const LoraNames *names = g->shape.names;
    size_t met = 0;
    for (size_t i = 0; i < 2 * g->shape.n_layers * LORA_KINDS; i++) {
        size_t k = i / 2 % LORA_KINDS;
        const LoraSite *s = &g->site[i / 2];
        char name[160];
        if (s->r == 0) continue;
        snprintf(name, sizeof name, "base_model.model.%s%zu.%s.lora_%c.weight", names->prefix,
                 i / 2 / LORA_KINDS, names->module[k], i % 2 == 0 ? 'A' : 'B');
        fn(file, name, i % 2 == 0 ? s->a : s->b, s->r * (i % 2 == 0 ? g->shape.n_in[k] : g->shape.n_out[k]),
           tolerance);
        met++;
    }
    cr_assert_eq(met, st_count(file));
}

static void check_lora_tensors(const char *dir, const char *file, Lora *g, TensorFn check, double tolerance)
{
    StFile *want = engine_tensors(dir, file);
    each_lora_tensor(g, want, check, tolerance);
    st_close(want);
}

static void check_base_tensors(const char *dir, const Model *m, const ModelParams *g)
{
    StFile *want = engine_tensors(dir, "grads/base_grads.safetensors");
    FileTensor *t = calloc(files_count(&m->cfg), sizeof *t);
    FileNames names = files_names(&m->cfg, false);
    size_t n = files_list(t, &m->cfg, g, &names);
    cr_assert_eq(n, st_count(want), "every weight has a reference gradient");
    for (size_t i = 0; i < n; i++) {
        const ModelLin *lin = t[i].lin;
        float *data = lin == NULL ? t[i].vec : lin->w + t[i].first * (lin->in_out ? 0 : lin->n_in);
        check_near(want, t[i].name, data, t[i].shape[0] * (t[i].ndim > 1 ? t[i].shape[1] : 1),
                   grad_tolerance);
    }
    free(t);
    st_close(want);
}

/* The adapter's gradient of one text's own mean loss, and the loss. */
static double text_grad(EngineRig *r, const JsVal *one, PassGrad grad, double *want_loss)
{
    size_t n, targets, skip = (size_t)js_int(js_get(one, "prompt_len"), 0);
    int32_t *ids = case_ids(js_get(one, "ids"), &n);
    PassSeq seq = {.ids = ids, .n = n};
    size_t first = skip > 1 ? skip : 1;
    memset(r->grad->data, 0, r->grad->n_params * sizeof *r->grad->data);
    pass_forward(r->p, r->m, &seq, 1, &r->lora, NULL);
    double loss = pass_loss(r->p, r->m, &seq, &skip, 1, &r->lora, 1.0f / (float)(n - first), &grad, &targets);
    cr_assert_eq(targets, n - first);
    if (want_loss != NULL) *want_loss = js_num(js_get(one, "loss"), NAN);
    free(ids);
    return loss / (double)targets;
}

static size_t longest_text(const JsVal *cases)
{
    size_t n = js_len(js_get(js_get(cases, "single"), "ids"));
    for (size_t i = 0; i < js_len(js_get(cases, "batch")); i++)
        n += js_len(js_get(js_at(js_get(cases, "batch"), i), "ids"));
    return n;
}

static void check_single(const char *dir, EngineRig *r, const JsVal *cases, bool base)
{
    double want,
        loss = text_grad(r, js_get(cases, "single"), (PassGrad){base ? &r->base : NULL, r->grad}, &want);
    cr_assert_float_eq(loss, want, 1e-5, "%s: %g, want %g", dir, loss, want);
    check_lora_tensors(dir, "grads/lora_grads.safetensors", r->grad, check_near, grad_tolerance);
    if (base) check_base_tensors(dir, r->m, &r->base);
}

/* Per-example norms, and the sum of the gradients after each was clipped. */
static void check_per_example(const char *dir, EngineRig *r, const JsVal *cases)
{
    const JsVal *batch = js_get(cases, "batch");
    double limit = js_num(js_get(cases, "clip_norm"), NAN);
    Lora *sum = NULL;
    MUST(lora_like(&sum, r->l, &e_));
    cr_assert_gt(js_len(batch), 1);
    for (size_t i = 0; i < js_len(batch); i++) {
        double want, loss = text_grad(r, js_at(batch, i), (PassGrad){NULL, r->grad}, &want);
        double norm = sqrt(vec_dot_d(r->grad->data, r->grad->data, r->grad->n_params)),
               want_norm = js_num(js_get(js_at(batch, i), "lora_grad_norm"), NAN);
        cr_assert_float_eq(loss, want, 1e-5);
        cr_assert_float_eq(norm, want_norm, grad_tolerance * want_norm, "%s text %zu: norm %g, want %g", dir,
                           i, norm, want_norm);
        vec_axpy(sum->data, (float)(norm > limit ? limit / norm : 1), r->grad->data, sum->n_params);
    }
    check_lora_tensors(dir, "grads/batch_clipped_sum.safetensors", sum, check_near, grad_tolerance);
    lora_free(sum);
}

/* Texts of different lengths packed into one pass: the gradient of the mean over all their targets. */
static void check_packed(const char *dir, EngineRig *r, const JsVal *cases)
{
    const JsVal *batch = js_get(cases, "batch");
    PassSeq seq[8];
    size_t skip[8], n = js_len(batch), total = 0, targets;
    int32_t *ids[8];
    cr_assert(n > 1 && n <= 8);
    for (size_t i = 0; i < n; i++) {
        seq[i] = (PassSeq){0};
        ids[i] = case_ids(js_get(js_at(batch, i), "ids"), &seq[i].n);
        seq[i].ids = ids[i];
        skip[i] = (size_t)js_int(js_get(js_at(batch, i), "prompt_len"), 0);
        total += seq[i].n - (skip[i] > 1 ? skip[i] : 1);
    }
    memset(r->grad->data, 0, r->grad->n_params * sizeof *r->grad->data);
    pass_forward(r->p, r->m, seq, n, &r->lora, NULL);
    double loss = pass_loss(r->p, r->m, seq, skip, n, &r->lora, 1.0f / (float)total,
                            &(PassGrad){NULL, r->grad}, &targets);
    cr_assert_eq(targets, total);
    cr_assert_float_eq(loss / (double)total, js_num(js_get(cases, "batch_loss_tokenmean"), NAN), 1e-5);
    check_lora_tensors(dir, "grads/batch_tokenmean_grads.safetensors", r->grad, check_near, grad_tolerance);
    for (size_t i = 0; i < n; i++) free(ids[i]);
}

/* The reference's own gradient, rounded to float32, through one step. */
static void check_reference_step(const char *dir, EngineRig *r, const AdamW *opt)
{
    StFile *grads = engine_tensors(dir, "grads/lora_grads.safetensors");
    Lora *g = NULL, *l = NULL;
    float *m1 = calloc(r->l->n_params, sizeof *m1), *m2 = calloc(r->l->n_params, sizeof *m2);
    MUST(lora_like(&g, r->l, &e_));
    MUST(lora_like(&l, r->l, &e_));
    memcpy(l->data, r->l->data, l->n_params * sizeof *l->data);
    each_lora_tensor(g, grads, copy_tensor, 0);
    adamw_step(l->data, m1, m2, g->data, l->n_params, opt, 1);
    check_lora_tensors(dir, "grads/adamw_step1.safetensors", l, check_entries, step_tolerance);
    st_close(grads);
    lora_free(g);
    lora_free(l);
    free(m1);
    free(m2);
}

/* Steps on our own gradients. Where a gradient is near eps a step magnifies its rounding: the bound is
 * 2 % of a full step of lr. */
static void check_steps(const char *dir, EngineRig *r, const JsVal *cases)
{
    const JsVal *a = js_get(cases, "adamw"), *losses = js_get(a, "loss_before_each_step_and_after_last");
    float *m1 = calloc(r->l->n_params, sizeof *m1), *m2 = calloc(r->l->n_params, sizeof *m2);
    AdamW opt = {.lr = js_num(js_get(a, "lr"), NAN),
                 .beta1 = js_num(js_at(js_get(a, "betas"), 0), NAN),
                 .beta2 = js_num(js_at(js_get(a, "betas"), 1), NAN),
                 .eps = js_num(js_get(a, "eps"), NAN),
                 .weight_decay = js_num(js_get(a, "weight_decay"), NAN)};
    check_reference_step(dir, r, &opt);
    for (size_t step = 1; step <= 4; step++) {
        double loss = text_grad(r, js_get(cases, "single"), (PassGrad){NULL, r->grad}, NULL);
        cr_assert_float_eq(loss, js_num(js_at(losses, step - 1), NAN), 1e-5, "%s before step %zu", dir, step);
        if (step == 4) break;
        adamw_step(r->l->data, m1, m2, r->grad->data, r->l->n_params, &opt, step);
        if (step == 1)
            check_lora_tensors(dir, "grads/adamw_step1.safetensors", r->l, check_entries, own_step_tolerance);
    }
    check_lora_tensors(dir, "grads/adamw_step3.safetensors", r->l, check_entries, own_step_tolerance);
    free(m1);
    free(m2);
}

Test(engine, gradients_of_every_family_match_the_reference)
{
    char dir[CASE_PATH];
    for (size_t i = 0; i < N_OWN; i++) {
        JsVal *cases = engine_json(own_dir(dir, i), "grads/cases.json");
        size_t based = 0;
        for (size_t k = 0; k < 2; k++) {
            EngineRig r;
            bool base = file_exists(engine_file(dir, "grads/base_grads.safetensors"));
            engine_rig(&r, dir, modes[k], longest_text(cases));
            check_single(dir, &r, cases, base);
            check_per_example(dir, &r, cases);
            check_packed(dir, &r, cases);
            check_steps(dir, &r, cases); /* moves the adapter: last */
            based += base;
            engine_rig_close(&r);
        }
        cr_assert(based == 2 || (strcmp(own[i], "gpt2") != 0 && strcmp(own[i], "llama_gqa") != 0));
        js_close(cases);
    }
}

/* ---- saving ---- */

Test(engine, every_family_comes_back_as_it_was_saved, .init = scratch_make, .fini = scratch_remove)
{
    char dir[CASE_PATH];
    for (size_t i = 0; i < N_OWN; i++) {
        Model *m = engine_model(own_dir(dir, i), WEIGHTS_F32), *again = NULL, *copy = NULL;
        MUST(model_save(m, scratch_dir, ST_F32, &e_));
        MUST(model_load(&again, scratch_dir, &e_));
        MUST(model_copy(&copy, m, &e_));
        cr_assert_eq(m->p.n, again->p.n);
        cr_assert(memcmp(m->p.data, again->p.data, m->p.n * sizeof(float)) == 0, "%s", own[i]);
        cr_assert(memcmp(m->p.data, copy->p.data, m->p.n * sizeof(float)) == 0, "%s", own[i]);
        cr_assert_str_eq(model_type_name(&m->cfg), model_type_name(&again->cfg));
        Model *stored = engine_model(dir, WEIGHTS_STORED);
        Err e = {0};
        cr_expect_eq(model_save(stored, scratch_dir, ST_F32, &e), ERR_UNSUP);
        cr_expect_eq(model_copy(&copy, stored, &e), ERR_ARG);
        Model *all[] = {m, again, copy, stored};
        for (size_t k = 0; k < 4; k++) model_free(all[k]);
    }
}
