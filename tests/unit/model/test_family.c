/* Every family of the table, small and random: gradients of every tensor against differences of the loss, a
 * cache against a whole pass, candidates together against each alone, and files against memory. */
#define _XOPEN_SOURCE 700 /* nftw */
#include <math.h>

#include "../../../src/model/files.h"

#include "../damaged.h"
#include "engine_case.h"

#include "prime/vec.h"

#define SIZES                                                                                 \
    "\"vocab_size\":53,\"hidden_size\":24,\"num_hidden_layers\":2,\"num_attention_heads\":4," \
    "\"intermediate_size\":40,\"max_position_embeddings\":64,\"bos_token_id\":1,\"eos_token_id\":2,"
#define YARN \
    "\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4.0,\"original_max_position_embeddings\":16},"
#define DYNAMIC "\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":2.0},"

static const char *const families[] = {
    "{\"model_type\":\"llama\"," SIZES
    "\"num_key_value_heads\":2,\"attention_bias\":true,\"mlp_bias\":true," YARN
    "\"tie_word_embeddings\":false}",
    "{\"model_type\":\"llama\"," SIZES DYNAMIC "\"num_key_value_heads\":4,\"max_position_embeddings\":16}",
    "{\"model_type\":\"mistral\"," SIZES "\"num_key_value_heads\":2,\"sliding_window\":5}",
    "{\"model_type\":\"qwen2\"," SIZES
    "\"num_key_value_heads\":1,\"tie_word_embeddings\":true,\"use_sliding_window\":"
    "true,\"sliding_window\":6,\"max_window_layers\":1}",
    "{\"model_type\":\"qwen3\"," SIZES "\"num_key_value_heads\":2,\"head_dim\":10}",
    "{\"model_type\":\"gpt2\",\"vocab_size\":53,\"n_embd\":24,\"n_layer\":2,\"n_head\":4,\"n_positions\":64}",
    "{\"model_type\":\"gemma\"," SIZES "\"num_key_value_heads\":1,\"head_dim\":8,\"hidden_act\":\"gelu\"}",
    "{\"model_type\":\"gemma2\"," SIZES "\"num_key_value_heads\":2,\"head_dim\":8,\"sliding_window\":7,"
    "\"attn_logit_softcapping\":2.0,\"final_logit_softcapping\":1.5,\"query_pre_attn_scalar\":6}",
    "{\"model_type\":\"gemma3_text\"," SIZES "\"num_key_value_heads\":2,\"head_dim\":8,\"sliding_window\":7,"
    "\"sliding_window_pattern\":2}",
    "{\"model_type\":\"phi3\"," SIZES
    "\"num_key_value_heads\":2,\"partial_rotary_factor\":0.67,\"sliding_window\":9}",
    "{\"model_type\":\"gpt_neox\"," SIZES "\"rotary_pct\":0.34,\"tie_word_embeddings\":false}",
    "{\"model_type\":\"gpt_neox\"," SIZES
    "\"use_parallel_residual\":false,\"hidden_act\":\"relu\",\"rotary_pct\":1.0}",
};
enum { N_FAMILIES = sizeof families / sizeof families[0] };

/* Duplicate keys are refused by the reader: the later of two in the strings above must win. */
static char *family_text(size_t i)
{
    char *text = strdup(families[i]), *first = strstr(text, "\"max_position_embeddings\":64,");
    if (first != NULL && strstr(first + 1, "\"max_position_embeddings\"") != NULL)
        memset(first, ' ', strlen("\"max_position_embeddings\":64,"));
    return text;
}

static void family_fill(float *x, size_t n, double sd, Rng *rng)
{
    for (size_t i = 0; i < n; i++) x[i] += (float)(sd * rng_normal(rng));
}

/* Weights large enough that every part of the graph matters. */
static Model *family_model(size_t i)
{
    char *text = family_text(i);
    ModelConfig c;
    Model *m = NULL;
    Rng rng = rng_stream(31, "family", i);
    MUST(model_config_parse(&c, NULL, text, strlen(text), "family", false, &e_));
    MUST(model_new(&m, &c, &e_));
    model_init(m, &rng);
    family_fill(m->p.data, m->p.n, 0.15, &rng);
    m->config = text;
    return m;
}

static Lora *family_lora(const Model *m, size_t seed)
{
    LoraShape shape = model_lora_shape(&m->cfg);
    Lora *l = NULL;
    Rng rng = rng_stream(32, "family lora", seed);
    MUST(lora_new(&l, &shape, (1U << LORA_KINDS) - 1, 3, 6, &e_));
    family_fill(l->data, l->n_params, 0.15, &rng);
    return l;
}

static int32_t *family_ids(const Model *m, size_t n, uint64_t seed)
{
    Rng rng = rng_stream(seed, "family ids", n);
    int32_t *ids = malloc(n * sizeof *ids);
    for (size_t i = 0; i < n; i++) ids[i] = (int32_t)rng_below(&rng, m->cfg.n_vocab);
    return ids;
}

/* ---- gradients ---- */

typedef struct {
    Model *m;
    Pass *p;
    PassLora lora;
    PassSeq seq[2];
    size_t skip[2];
} FamilyLoss;

static double family_loss(const FamilyLoss *f, PassGrad grad)
{
    size_t targets;
    pass_forward(f->p, f->m, f->seq, 2, &f->lora, NULL);
    return pass_loss(f->p, f->m, f->seq, f->skip, 2, &f->lora, 1, &grad, &targets);
}

/* Along a tensor's own gradient g the loss must rise by |g|^2 a step: any error of g that is not orthogonal
 * to it shows. */
static void family_along(const FamilyLoss *f, float *x, const float *g, size_t n, const char *what)
{
    double norm2 = vec_dot_d(g, g, n), step, side[2];
    float *keep = malloc(n * sizeof *keep);
    if (norm2 > 1e-8) {
        step = 5e-3 / sqrt(norm2);
        memcpy(keep, x, n * sizeof *keep);
        for (int s = 0; s < 2; s++) {
            memcpy(x, keep, n * sizeof *keep);
            vec_axpy(x, (float)(s == 0 ? step : -step), g, n);
            side[s] = family_loss(f, (PassGrad){NULL, NULL});
        }
        memcpy(x, keep, n * sizeof *keep);
        cr_expect_float_eq((side[0] - side[1]) / (2 * step), norm2, 0.02 * norm2, "%s: %g, want %g", what,
                           (side[0] - side[1]) / (2 * step), norm2);
    }
    free(keep);
}

static void family_base_gradients(const FamilyLoss *f, const ModelParams *g)
{
    FileTensor *at = calloc(files_count(&f->m->cfg), sizeof *at),
               *grad = calloc(files_count(&f->m->cfg), sizeof *grad);
    FileNames names = files_names(&f->m->cfg, false);
    size_t n = files_list(at, &f->m->cfg, &f->m->p, &names);
    char what[200];
    cr_assert_eq(n, files_list(grad, &f->m->cfg, g, &names));
    for (size_t i = 0; i < n; i++) {
        size_t count = at[i].shape[0] * (at[i].ndim > 1 ? at[i].shape[1] : 1);
        bool lin = at[i].lin != NULL;
        size_t off = lin && !at[i].lin->in_out ? at[i].first * at[i].lin->n_in : 0;
        snprintf(what, sizeof what, "%s %s", model_type_name(&f->m->cfg), at[i].name);
        family_along(f, lin ? at[i].lin->w + off : at[i].vec, lin ? grad[i].lin->w + off : grad[i].vec, count,
                     what);
    }
    free(at);
    free(grad);
}

Test(family, gradients_of_every_tensor_agree_with_differences)
{
    enum { LONG = 21, SHORT = 12 };
    for (size_t i = 0; i < N_FAMILIES; i++) {
        Model *m = family_model(i);
        Lora *l = family_lora(m, i), *lg = NULL;
        LoraBank *b = NULL;
        ModelParams g;
        float one = 1;
        int32_t *ids[2] = {family_ids(m, LONG, i), family_ids(m, SHORT, i)};
        MUST(lora_bank_view(&b, l, &e_));
        MUST(lora_like(&lg, l, &e_));
        MUST(model_params_new(&g, &m->cfg, &e_));
        FamilyLoss f = {.m = m, .lora = {.bank = b, .op = LORA_EXACT, .w = &one}, .skip = {3, 0}};
        f.seq[0] = (PassSeq){.ids = ids[0], .n = LONG};
        f.seq[1] = (PassSeq){.ids = ids[1], .n = SHORT};
        MUST(pass_new(&f.p, m, LONG + SHORT, b->width, true, &e_));
        (void)family_loss(&f, (PassGrad){&g, lg});
        family_base_gradients(&f, &g);
        for (size_t s = 0; s < l->shape.n_layers * LORA_KINDS; s++) {
            char what[80];
            size_t k = s % LORA_KINDS;
            if (l->site[s].r == 0) continue;
            snprintf(what, sizeof what, "%s site %zu", model_type_name(&m->cfg), s);
            family_along(&f, l->site[s].a, lg->site[s].a, l->site[s].r * l->shape.n_in[k], what);
            family_along(&f, l->site[s].b, lg->site[s].b, l->site[s].r * l->shape.n_out[k], what);
        }
        pass_free(f.p);
        model_params_free(&g);
        lora_bank_free(b);
        lora_free(l);
        lora_free(lg);
        free(ids[0]);
        free(ids[1]);
        model_free(m);
    }
}

/* Gates of every site, fused modules among them, under dropout, and the factors behind them. The seed keeps
 * clear of the kinks of ReLU, where differences mean nothing. */
Test(family, gradients_of_gates_agree_with_differences)
{
    enum { LONG = 21, SHORT = 12 };
    for (size_t i = 0; i < N_FAMILIES; i++) {
        Model *m = family_model(i);
        Lora *l = family_lora(m, i), *lg = NULL;
        LoraBank *b = NULL;
        Gate *g = NULL, *gg = NULL;
        float one = 1;
        Rng rng = rng_stream(34, "family gate", i);
        int32_t *ids[2] = {family_ids(m, LONG, i), family_ids(m, SHORT, i)};
        MUST(lora_bank_view(&b, l, &e_));
        MUST(lora_like(&lg, l, &e_));
        MUST(gate_new(&g, l, &e_));
        MUST(gate_new(&gg, l, &e_));
        family_fill(g->data, g->n_params, 0.3, &rng);
        FamilyLoss f = {.m = m, .lora = {.bank = b, .op = LORA_EXACT, .w = &one}, .skip = {3, 0}};
        f.seq[0] = (PassSeq){.ids = ids[0], .n = LONG};
        f.seq[1] = (PassSeq){.ids = ids[1], .n = SHORT};
        MUST(pass_new(&f.p, m, LONG + SHORT, b->width, true, &e_));
        pass_dropout(f.p, 0.2, 7);
        pass_gate(f.p, g, gg);
        (void)family_loss(&f, (PassGrad){NULL, lg});
        pass_gate(f.p, g, NULL);
        for (size_t s = 0; s < l->shape.n_layers * LORA_KINDS; s++) {
            char what[80];
            size_t k = s % LORA_KINDS;
            if (l->site[s].r == 0) continue;
            snprintf(what, sizeof what, "%s gated site %zu", model_type_name(&m->cfg), s);
            cr_assert_gt(vec_dot_d(gg->site[s], gg->site[s], l->shape.n_in[k]), 0, "%s", what);
            family_along(&f, g->site[s], gg->site[s], l->shape.n_in[k], what);
            family_along(&f, l->site[s].a, lg->site[s].a, l->site[s].r * l->shape.n_in[k], what);
        }
        pass_free(f.p);
        lora_bank_free(b);
        gate_free(g);
        gate_free(gg);
        lora_free(l);
        lora_free(lg);
        free(ids[0]);
        free(ids[1]);
        model_free(m);
    }
}

/* ---- caches and candidates ---- */

static float *family_row(const Pass *p, const Model *m, size_t row)
{
    float *z = malloc(m->cfg.n_vocab * sizeof *z), *work = malloc(m->cfg.n_hidden * sizeof *work);
    pass_logits(z, p, m, &row, 1, work);
    free(work);
    return z;
}

static void family_near(const Pass *p, const Model *m, size_t row, const float *want, const char *what)
{
    float *got = family_row(p, m, row);
    double d = case_max_diff(got, want, m->cfg.n_vocab);
    cr_expect_lt(d, 1e-4, "%s %s: %g", model_type_name(&m->cfg), what, d);
    free(got);
}

/* Dynamic scaling turns later keys by other angles than earlier ones, in the reference library too: there a
 * cache and a whole pass are two things. */
static bool family_cache_is_exact(const Model *m, size_t n)
{
    return m->cfg.rope.kind != ROPE_DYNAMIC || (double)n <= m->cfg.rope.old_len;
}

Test(family, a_cache_with_a_shared_prefix_equals_a_whole_pass)
{
    enum { N = 30, CUT = 13 };
    for (size_t i = 0; i < N_FAMILIES; i++) {
        Model *m = family_model(i);
        Lora *l = family_lora(m, i);
        LoraBank *b = NULL;
        float w = 0.8f;
        MUST(lora_bank_view(&b, l, &e_));
        PassLora lora = {.bank = b, .op = LORA_EXACT, .w = &w};
        size_t n = family_cache_is_exact(m, N) ? N : 16, V = m->cfg.n_vocab;
        int32_t *ids = family_ids(m, N, 100 + i);
        float *whole = case_logits(m, ids, n, &lora);
        Pass *p = NULL;
        KvCache *kv = NULL;
        MUST(pass_new(&p, m, N, b->width, false, &e_));
        MUST(kv_new(&kv, &m->cfg, 3, N, &e_));
        pass_forward(p, m, &(PassSeq){.ids = ids, .n = CUT, .slot = 0}, 1, &lora, kv);
        kv_reset(kv, 1, 0);
        kv_reset(kv, 2, 0);
        for (size_t t = CUT; t < n; t++) {
            pass_forward(p, m, &(PassSeq){.ids = ids + t, .n = 1, .slot = 1}, 1, &lora, kv);
            family_near(p, m, 0, whole + t * V, "token by token");
        }
        pass_forward(p, m, &(PassSeq){.ids = ids + CUT, .n = n - CUT, .slot = 2}, 1, &lora, kv);
        for (size_t t = CUT; t < n; t++) family_near(p, m, t - CUT, whole + t * V, "in one go");
        kv_free(kv);
        pass_free(p);
        lora_bank_free(b);
        lora_free(l);
        free(ids);
        free(whole);
        model_free(m);
    }
}

/* Rows that are not wanted are left out of the last layer: the others are as if they had not been. */
Test(family, kept_rows_equal_those_of_a_whole_pass)
{
    enum { N = 21, FEW = 9, KEEP = 4 };
    for (size_t i = 0; i < N_FAMILIES; i++) {
        Model *m = family_model(i);
        Lora *l = family_lora(m, i);
        LoraBank *b = NULL;
        float w[2] = {0.8f, -0.3f};
        MUST(lora_bank_view(&b, l, &e_));
        int32_t *ids = family_ids(m, N, 150 + i);
        size_t V = m->cfg.n_vocab;
        float *whole[2];
        for (size_t c = 0; c < 2; c++)
            whole[c] = case_logits(m, ids, N, &(PassLora){.bank = b, .op = LORA_EXACT, .w = &w[c]});
        PassSeq seq[3] = {{.ids = ids, .n = N, .keep = KEEP},
                          {.ids = ids, .n = FEW, .cand = 1},
                          {.ids = ids, .n = N, .cand = 1, .keep = 1}};
        Pass *p = NULL;
        MUST(pass_new(&p, m, 2 * N + FEW, b->width, false, &e_));
        pass_forward(p, m, seq, 3, &(PassLora){.bank = b, .op = LORA_EXACT, .w = w}, NULL);
        for (size_t t = N - KEEP; t < N; t++) family_near(p, m, t, whole[0] + t * V, "kept");
        for (size_t t = 0; t < FEW && family_cache_is_exact(m, N); t++)
            family_near(p, m, N + t, whole[1] + t * V, "all kept");
        family_near(p, m, 2 * N + FEW - 1, whole[1] + (N - 1) * V, "the last one kept");
        pass_free(p);
        for (size_t c = 0; c < 2; c++) free(whole[c]);
        lora_bank_free(b);
        lora_free(l);
        free(ids);
        model_free(m);
    }
}

Test(family, candidates_together_equal_candidates_alone)
{
    enum { N = 19 };
    static const float w[3][2] = {{1, 0}, {0.5f, -0.7f}, {0, 0}};
    for (size_t i = 0; i < N_FAMILIES; i++) {
        Model *m = family_model(i);
        Lora *l[2] = {family_lora(m, 1), family_lora(m, 2)};
        LoraBank *b = NULL;
        MUST(lora_bank_new(&b, (const Lora *const *)l, 2, &e_));
        int32_t *ids = family_ids(m, N, 200 + i);
        for (int op = LORA_EXACT; op <= LORA_PRIME; op++) {
            PassSeq seq[3];
            Pass *p = NULL;
            for (size_t c = 0; c < 3; c++) seq[c] = (PassSeq){.ids = ids, .n = N, .cand = c};
            MUST(pass_new(&p, m, 3 * N, b->width, false, &e_));
            pass_forward(p, m, seq, 3, &(PassLora){.bank = b, .op = (LoraOp)op, .w = &w[0][0]}, NULL);
            for (size_t c = 0; c < 3; c++) {
                PassLora alone = {.bank = b, .op = (LoraOp)op, .w = w[c]};
                float *want = case_logits(m, ids, N, c == 2 ? NULL : &alone);
                family_near(p, m, c * N + N - 1, want + (N - 1) * m->cfg.n_vocab, "candidate");
                free(want);
            }
            pass_free(p);
        }
        lora_bank_free(b);
        lora_free(l[0]);
        lora_free(l[1]);
        free(ids);
        model_free(m);
    }
}

/* Weights that differ from site to site are those of adapters whose scales differ so. */
Test(family, weights_by_group_equal_scaled_sites)
{
    enum { N = 17, CANDS = 2 };
    for (size_t i = 0; i < N_FAMILIES; i++) {
        Model *m = family_model(i);
        Lora *l[2] = {family_lora(m, 1), family_lora(m, 2)};
        size_t sites = l[0]->shape.n_layers * LORA_KINDS, *group = calloc(sites, sizeof *group);
        float *w = calloc(CANDS * 2 * sites, sizeof *w), one[2] = {1, 1};
        Rng rng = rng_stream(33, "groups", i);
        int32_t *ids = family_ids(m, N, 500 + i);
        for (size_t s = 0; s < sites; s++) group[s] = sites - 1 - s;
        for (size_t j = 0; j < CANDS * 2 * sites; j++) w[j] = (float)(2 * rng_uniform(&rng) - 1);
        LoraBank *b = NULL;
        MUST(lora_bank_new(&b, (const Lora *const *)l, 2, &e_));
        Pass *p = NULL;
        PassSeq seq[CANDS];
        for (size_t c = 0; c < CANDS; c++) seq[c] = (PassSeq){.ids = ids, .n = N, .cand = c};
        MUST(pass_new(&p, m, CANDS * N, b->width, false, &e_));
        PassLora weighted = {.bank = b, .op = LORA_EXACT, .w = w, .group = group, .n_groups = sites};
        pass_forward(p, m, seq, CANDS, &weighted, NULL);
        for (size_t c = 0; c < CANDS; c++) { /* the same by scaling B */
            Lora *scaled[2] = {family_lora(m, 1), family_lora(m, 2)};
            LoraBank *sb = NULL;
            for (size_t k = 0; k < 2; k++)
                for (size_t s = 0; s < sites; s++) {
                    LoraSite *site = &scaled[k]->site[s];
                    for (size_t j = 0; j < site->r * l[0]->shape.n_out[s % LORA_KINDS]; j++)
                        site->b[j] *= w[(c * 2 + k) * sites + group[s]];
                }
            MUST(lora_bank_new(&sb, (const Lora *const *)scaled, 2, &e_));
            float *want = case_logits(m, ids, N, &(PassLora){.bank = sb, .op = LORA_EXACT, .w = one});
            family_near(p, m, c * N + N - 1, want + (N - 1) * m->cfg.n_vocab, "weights by group");
            free(want);
            lora_bank_free(sb);
            lora_free(scaled[0]);
            lora_free(scaled[1]);
        }
        pass_free(p);
        lora_bank_free(b);
        lora_free(l[0]);
        lora_free(l[1]);
        free(group);
        free(w);
        free(ids);
        model_free(m);
    }
}

/* ---- files ---- */

static void family_check_files(const Model *m, const int32_t *ids, size_t n, StType type)
{
    static const ModelWeights how[] = {WEIGHTS_F32, WEIGHTS_STORED};
    Model *again[2];
    float *z[2];
    MUST(model_save(m, scratch_dir, type, &e_));
    for (size_t k = 0; k < 2; k++) {
        MUST(model_open(&again[k], scratch_dir, &(ModelOpts){.weights = how[k]}, &e_));
        cr_assert_eq(again[k]->n_params, m->p.n, "%s", model_type_name(&m->cfg));
        z[k] = case_logits(again[k], ids, n, NULL);
    }
    if (type == ST_F32)
        cr_assert(memcmp(again[0]->p.data, m->p.data, m->p.n * sizeof(float)) == 0, "%s",
                  model_type_name(&m->cfg));
    double d = case_max_diff(z[0], z[1], n * m->cfg.n_vocab);
    cr_expect_lt(d, 1e-4, "%s as %s: kept as stored differs by %g", model_type_name(&m->cfg),
                 st_type_name(type), d);
    for (size_t k = 0; k < 2; k++) {
        model_free(again[k]);
        free(z[k]);
    }
}

Test(family, files_hold_what_memory_held, .init = scratch_make, .fini = scratch_remove)
{
    enum { N = 15 };
    static const StType types[] = {ST_F32, ST_F16, ST_BF16};
    for (size_t i = 0; i < N_FAMILIES; i++) {
        Model *m = family_model(i);
        int32_t *ids = family_ids(m, N, 300 + i);
        for (size_t t = 0; t < 3; t++) family_check_files(m, ids, N, types[t]);
        free(ids);
        model_free(m);
    }
}

/* An adapter folded into the base is the adapter beside it, also where weights lie transposed or fused. */
Test(family, folding_equals_the_adapter)
{
    enum { N = 15 };
    for (size_t i = 0; i < N_FAMILIES; i++) {
        Model *m = family_model(i);
        Lora *l = family_lora(m, i);
        LoraBank *b = NULL;
        float w = -0.6f;
        int32_t *ids = family_ids(m, N, 400 + i);
        MUST(lora_bank_view(&b, l, &e_));
        float *want = case_logits(m, ids, N, &(PassLora){.bank = b, .op = LORA_EXACT, .w = &w});
        MUST(model_fold(m, l, (double)w, &e_));
        float *got = case_logits(m, ids, N, NULL);
        double d = case_max_diff(got, want, N * m->cfg.n_vocab);
        cr_expect_lt(d, 1e-4, "%s: %g", model_type_name(&m->cfg), d);
        free(want);
        free(got);
        free(ids);
        lora_bank_free(b);
        lora_free(l);
        model_free(m);
    }
}
