/* Scoring a population: every path against one pass by hand, the facts that make it cheap, and each
 * documented error. */
#include <math.h>

#include "tiny.h"

#include "prime/mat.h"
#include "prime/par.h"
#include "prime/score.h"
#include "prime/vec.h"

enum { N_ADAPTERS = 3, N_CAND = 20, TEXT = 14 };
static const double nll_tolerance = 1e-4; /* nats a text */

typedef struct {
    Model *m;
    Lora *l[N_ADAPTERS];
    LoraBank *bank;
    float w[N_CAND * N_ADAPTERS];
} Crowd;

static Crowd crowd_open(void)
{
    ModelConfig c = tiny_config();
    Crowd k = {.m = tiny_model(&c, 1)};
    mat_init();
    for (size_t i = 0; i < N_ADAPTERS; i++) k.l[i] = tiny_lora(k.m, TINY_QKVO | 1U << LORA_DOWN, 3, 10 + i);
    MUST(lora_bank_new(&k.bank, (const Lora *const *)k.l, N_ADAPTERS, &e_));
    Rng rng = rng_stream(2, "weights", 0);
    for (size_t i = 0; i < N_CAND * N_ADAPTERS; i++) k.w[i] = (float)(3 * rng_uniform(&rng) - 1.5);
    return k;
}

static void crowd_close(Crowd *k)
{
    par_set_threads(0);
    lora_bank_free(k->bank);
    for (size_t i = 0; i < N_ADAPTERS; i++) lora_free(k->l[i]);
    model_free(k->m);
}

/* NLL of one text from the logits of one plain pass, in double. */
static double nll_by_hand(const Crowd *k, LoraOp op, const ScoreItem *it)
{
    size_t V = k->m->cfg.n_vocab;
    float *z = case_logits(k->m, it->ids, it->n,
                           &(PassLora){.bank = k->bank, .op = op, .w = k->w + it->cand * N_ADAPTERS});
    double sum = 0;
    for (size_t t = it->skip; t < it->n; t++) {
        double total = 0;
        const float *row = z + (t - 1) * V;
        for (size_t v = 0; v < V; v++) total += exp((double)row[v]);
        sum += log(total) - (double)row[it->ids[t]];
    }
    free(z);
    return sum;
}

static void check_nll(const Crowd *k, LoraOp op, const ScoreItem *item, size_t n)
{
    ScoreOut *out = malloc(n * sizeof *out);
    MUST(score_nll(out, k->m, &(PassLora){.bank = k->bank, .op = op, .w = k->w}, N_CAND, item, n, &e_));
    for (size_t i = 0; i < n; i++) {
        double want = nll_by_hand(k, op, &item[i]);
        cr_assert_eq(out[i].n_tokens, item[i].n - item[i].skip, "text %zu", i);
        cr_assert_float_eq(out[i].nll_sum, want, nll_tolerance, "operator %d text %zu: %g, want %g", op, i,
                           out[i].nll_sum, want);
    }
    free(out);
}

/* Texts of all lengths from 1, prompts of all lengths: no two neighbours share a prompt. */
Test(score, texts_on_their_own_equal_one_pass_by_hand)
{
    Crowd k = crowd_open();
    enum { N = 60 };
    ScoreItem item[N];
    int32_t *ids[N];
    for (size_t i = 0; i < N; i++) {
        size_t n = 1 + i % 30;
        ids[i] = tiny_ids(n, k.m->cfg.n_vocab, 100 + i);
        ids[i][0] = (int32_t)(i % 2); /* neighbours differ in their first token */
        item[i] = (ScoreItem){ids[i], n, 1 + (i * 7) % n, i % N_CAND};
    }
    for (int op = LORA_EXACT; op <= LORA_PRIME; op++) check_nll(&k, (LoraOp)op, item, N);
    for (size_t i = 0; i < N; i++) free(ids[i]);
    crowd_close(&k);
}

/* Answers to one prompt side by side: empty ones, of one token, of many; prompts with one answer between. */
Test(score, answers_that_share_a_prompt_equal_one_pass_by_hand)
{
    Crowd k = crowd_open();
    enum { PROMPTS = 40, MOST = 5, N = PROMPTS * MOST };
    static ScoreItem item[N];
    static int32_t ids[N][40];
    size_t n = 0;
    for (size_t p = 0; p < PROMPTS; p++) {
        size_t skip = 1 + (p * 5) % 23, answers = 1 + p % MOST;
        int32_t *prompt = tiny_ids(skip, k.m->cfg.n_vocab, 200 + p);
        for (size_t a = 0; a < answers; a++, n++) {
            size_t more = (a * 3 + p) % 8;
            int32_t *answer = tiny_ids(more, k.m->cfg.n_vocab, 1000 + n);
            memcpy(ids[n], prompt, skip * sizeof *prompt);
            memcpy(ids[n] + skip, answer, more * sizeof *answer);
            item[n] = (ScoreItem){ids[n], skip + more, skip, p / 2 % N_CAND};
            free(answer);
        }
        free(prompt);
    }
    cr_assert(n > 96, "more than one block");
    for (int op = LORA_EXACT; op <= LORA_PRIME; op++) check_nll(&k, (LoraOp)op, item, n);
    crowd_close(&k);
}

/* 20 candidates x 6 texts in one call, and candidate by candidate. */
Test(score, candidates_together_equal_one_by_one)
{
    Crowd k = crowd_open();
    enum { TEXTS = 6, N = N_CAND * TEXTS };
    ScoreItem item[N];
    ScoreOut all[N], own[TEXTS];
    int32_t *ids[TEXTS];
    for (size_t t = 0; t < TEXTS; t++) ids[t] = tiny_ids(TEXT, k.m->cfg.n_vocab, 300 + t);
    for (size_t i = 0; i < N; i++) item[i] = (ScoreItem){ids[i % TEXTS], TEXT, 5, i / TEXTS};
    for (int op = LORA_EXACT; op <= LORA_PRIME; op++) {
        double spread = 0;
        MUST(score_nll(all, k.m, &(PassLora){.bank = k.bank, .op = (LoraOp)op, .w = k.w}, N_CAND, item, N,
                       &e_));
        for (size_t c = 0; c < N_CAND; c++) {
            MUST(score_nll(own, k.m, &(PassLora){.bank = k.bank, .op = (LoraOp)op, .w = k.w + c * N_ADAPTERS},
                           1, item, TEXTS, &e_));
            for (size_t t = 0; t < TEXTS; t++) {
                cr_assert_float_eq(all[c * TEXTS + t].nll_sum, own[t].nll_sum, nll_tolerance);
                spread = fmax(spread, fabs(own[t].nll_sum - all[t].nll_sum));
            }
        }
        cr_assert_gt(spread, 0.1, "the candidates must differ");
    }
    for (size_t t = 0; t < TEXTS; t++) free(ids[t]);
    crowd_close(&k);
}

/* PriME's operator as it is defined: A and B weighted separately, materialised and folded into the base. */
Test(score, the_prime_operator_equals_its_definition)
{
    Crowd k = crowd_open();
    int32_t *ids = tiny_ids(30, k.m->cfg.n_vocab, 7);
    ScoreItem item = {ids, 30, 4, 3};
    const float *w = k.w + item.cand * N_ADAPTERS;
    Lora *sum = tiny_lora(k.m, TINY_QKVO | 1U << LORA_DOWN, 3, 1);
    Model *folded = NULL;
    ScoreOut got, want;
    for (size_t j = 0; j < sum->n_params; j++) {
        double x = 0;
        for (size_t i = 0; i < N_ADAPTERS; i++) x += (double)w[i] * (double)k.l[i]->data[j];
        sum->data[j] = (float)x;
    }
    MUST(model_copy(&folded, k.m, &e_));
    MUST(model_fold(folded, sum, 1, &e_));
    MUST(score_nll(&want, folded, NULL, 0, &item, 1, &e_));
    MUST(
        score_nll(&got, k.m, &(PassLora){.bank = k.bank, .op = LORA_PRIME, .w = k.w}, N_CAND, &item, 1, &e_));
    cr_assert_float_eq(got.nll_sum, want.nll_sum, nll_tolerance);
    MUST(score_nll(&want, k.m, NULL, 0, &item, 1, &e_));
    cr_assert(fabs(got.nll_sum - want.nll_sum) > 0.1, "the adapters must matter");
    lora_free(sum);
    model_free(folded);
    free(ids);
    crowd_close(&k);
}

Test(score, threads_change_no_bit)
{
    Crowd k = crowd_open();
    enum { N = 200 };
    ScoreItem item[N];
    static ScoreOut out[2][N];
    static float embed[2][N * 32];
    int32_t *ids[N];
    for (size_t i = 0; i < N; i++) {
        ids[i] = tiny_ids(25, k.m->cfg.n_vocab, 400 + i / 2);
        item[i] = (ScoreItem){ids[i], 12 + i % 13, 10, i / 2 % N_CAND};
    }
    PassLora lora = {.bank = k.bank, .op = LORA_PRIME, .w = k.w};
    cr_assert_eq(k.m->cfg.n_hidden, 32);
    for (size_t r = 0; r < 2; r++) {
        par_set_threads(r == 0 ? 1 : 3);
        MUST(score_nll(out[r], k.m, &lora, N_CAND, item, N, &e_));
        MUST(score_embed(embed[r], k.m, item, N, &e_));
    }
    cr_assert(memcmp(out[0], out[1], sizeof out[0]) == 0);
    cr_assert(memcmp(embed[0], embed[1], sizeof embed[0]) == 0);
    for (size_t i = 0; i < N; i++) free(ids[i]);
    crowd_close(&k);
}

/* ---- mean hidden states ---- */

Test(score, embed_is_the_mean_of_the_normalised_last_hidden_states)
{
    Crowd k = crowd_open();
    enum { N = 50, C = 32 };
    ScoreItem item[N];
    int32_t *ids[N];
    static float got[N * C];
    for (size_t i = 0; i < N; i++) {
        size_t n = 1 + (i * 13) % 60;
        ids[i] = tiny_ids(n, k.m->cfg.n_vocab, 600 + i);
        item[i] = (ScoreItem){ids[i], n, 1, 0};
    }
    for (size_t c = 0; c < C; c++) k.m->p.norm[c] = 1 + 0.1f * (float)c;
    MUST(score_embed(got, k.m, item, N, &e_));
    for (size_t i = 0; i < N; i++) {
        Pass *p = NULL;
        double want[C] = {0};
        MUST(pass_new(&p, k.m, item[i].n, 0, false, &e_));
        pass_forward(p, k.m, &(PassSeq){.ids = item[i].ids, .n = item[i].n}, 1, NULL, NULL);
        for (size_t t = 0; t < item[i].n; t++) {
            const float *x = pass_hidden(p) + t * C;
            double rms = sqrt(vec_dot_d(x, x, C) / C + k.m->cfg.norm_eps);
            for (size_t c = 0; c < C; c++)
                want[c] += (double)x[c] / rms * (double)k.m->p.norm[c] / (double)item[i].n;
        }
        for (size_t c = 0; c < C; c++) cr_assert_float_eq(got[i * C + c], want[c], 1e-5);
        pass_free(p);
        free(ids[i]);
    }
    crowd_close(&k);
}

/* ---- memory ---- */

/* A line of /proc/self/status, in bytes. */
static double score_status(const char *key)
{
    char line[256];
    double kb = -1;
    FILE *f = fopen("/proc/self/status", "r");
    cr_assert_not_null(f);
    while (fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, key, strlen(key)) == 0) kb = strtod(line + strlen(key) + 1, NULL);
    fclose(f);
    cr_assert_gt(kb, 0, "no %s in /proc/self/status", key);
    return kb * 1024;
}

/* 20 candidates on a model of 12 MB. The workspace grows with the rows of a block, so the texts are short:
 * what scoring adds at its peak is less than one copy of the weights. OpenBLAS takes its scratch once, oneDNN
 * with every product: with that a tester of memory would count what is long free. */
Test(score, no_candidate_gets_a_copy_of_the_base)
{
    ModelConfig c = tiny_config();
    enum { TEXTS = 2, SHORT = 8, N = N_CAND * TEXTS };
    c.n_hidden = 256;
    c.head_dim = 32;
    c.n_heads = 8;
    c.n_kv = 4;
    c.n_layers = 4;
    c.n_ffn = 704;
    MUST(mat_choose("openblas", &e_));
    par_set_threads(2);
    Model *m = tiny_model(&c, 3);
    Lora *l[2] = {tiny_lora(m, TINY_ALL, 4, 1), tiny_lora(m, TINY_ALL, 4, 2)};
    LoraBank *bank = NULL;
    MUST(lora_bank_new(&bank, (const Lora *const *)l, 2, &e_));
    int32_t *ids = tiny_ids(SHORT, c.n_vocab, 1);
    ScoreItem item[N];
    ScoreOut out[N];
    float w[N_CAND * 2];
    for (size_t i = 0; i < N_CAND * 2; i++) w[i] = 0.1f * (float)i;
    for (size_t i = 0; i < N; i++) item[i] = (ScoreItem){ids, SHORT, 1 + i % TEXTS, i / TEXTS};
    /* Once with one candidate: what the libraries set up at their first call is not scoring's. */
    MUST(score_nll(out, m, &(PassLora){.bank = bank, .op = LORA_EXACT, .w = w}, 1, item, TEXTS, &e_));
    double before = score_status("VmRSS");
    for (int op = LORA_EXACT; op <= LORA_PRIME; op++)
        MUST(score_nll(out, m, &(PassLora){.bank = bank, .op = (LoraOp)op, .w = w}, N_CAND, item, N, &e_));
    double grown = score_status("VmHWM") - before, base = (double)(m->p.n * sizeof(float));
    cr_assert_lt(grown, base, "grew by %.0f bytes, the base has %.0f", grown, base);
    par_set_threads(0);
    free(ids);
    lora_bank_free(bank);
    lora_free(l[0]);
    lora_free(l[1]);
    model_free(m);
}

/* ---- arithmetic ---- */

Test(score, flops_count_each_row_and_each_answer_token)
{
    Crowd k = crowd_open();
    int32_t *ids = tiny_ids(20, k.m->cfg.n_vocab, 1), *other = tiny_ids(20, k.m->cfg.n_vocab, 2);
    ScoreItem item[3] = {{ids, 20, 8, 0}, {ids, 15, 8, 0}, {other, 20, 8, 0}};
    /* 2 layers: q, k, v, o of 32x32, 16x32, 16x32, 32x32 and gate, up, down of 48x32. */
    double row = 2.0 * (32 * 32 + 2 * 16 * 32 + 32 * 32 + 3 * 48 * 32), head = 32.0 * 61;
    double base = 2 * row * (19 + 6 + 19) + 2 * head * (12 + 7 + 12);
    cr_assert_float_eq(score_flops(k.m, NULL, item, 3), base, 1);
    /* 3 adapters of rank 3 on q, k, v, o and down: 9 columns each. */
    double lora_row = 2.0 * 9 * (64 + 48 + 48 + 64 + 80);
    cr_assert_float_eq(score_flops(k.m, &(PassLora){.bank = k.bank, .op = LORA_EXACT, .w = k.w}, item, 3),
                       base + 2 * lora_row * (19 + 6 + 19), 1);
    free(ids);
    free(other);
    crowd_close(&k);
}

/* ---- errors ---- */

static void score_refused(const Crowd *k, const PassLora *lora, const ScoreItem *item, Status code,
                          const char *says)
{
    ScoreOut out[2] = {{-7, 7}, {-7, 7}};
    Err e = {0};
    cr_assert_eq(score_nll(out, k->m, lora, N_CAND, item, 2, &e), code, "%s", says);
    cr_assert_not_null(strstr(e.msg, says), "\"%s\" does not say \"%s\"", e.msg, says);
    cr_assert(out[0].nll_sum == -7 && out[1].n_tokens == 7, "outputs as they were");
}

Test(score, bad_items_are_refused_by_name)
{
    Crowd k = crowd_open();
    int32_t *ids = tiny_ids(80, k.m->cfg.n_vocab, 1), wrong[3] = {1, 61, 2}, negative[3] = {1, 2, -1};
    PassLora lora = {.bank = k.bank, .op = LORA_EXACT, .w = k.w};
    ScoreItem good = {ids, 10, 4, 0};
    static const char *const says[] = {
        "text 1: token id 61 at position 1, want 0 to 60",
        "text 1: token id -1 at position 2, want 0 to 60",
        "text 1: a sequence of 65 tokens, the model takes at most 64",
        "text 1: a sequence of 0 tokens, want at least 1",
        "text 1: a prompt of 0 tokens in a text of 10, want 1 to 10",
        "text 1: a prompt of 11 tokens in a text of 10, want 1 to 10",
        "text 1: candidate 20, want 0 to 19",
    };
    ScoreItem bad[] = {{wrong, 3, 1, 0}, {negative, 3, 1, 0}, {ids, 65, 1, 0},     {ids, 0, 1, 0},
                       {ids, 10, 0, 0},  {ids, 10, 11, 0},    {ids, 10, 4, N_CAND}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        score_refused(&k, &lora, (ScoreItem[]){good, bad[i]}, ERR_ARG, says[i]);
    float embed[64];
    Err e = {0};
    cr_assert_eq(score_embed(embed, k.m, (ScoreItem[]){good, bad[0]}, 2, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, says[0]);
    free(ids);
    crowd_close(&k);
}

Test(score, the_prime_operator_wants_equal_ranks_and_scales)
{
    Crowd k = crowd_open();
    int32_t *ids = tiny_ids(10, k.m->cfg.n_vocab, 1);
    ScoreItem item[2] = {{ids, 10, 4, 0}, {ids, 9, 4, 1}};
    Lora *wider = tiny_lora(k.m, TINY_QKVO, 5, 1);
    LoraBank *bank = NULL;
    MUST(lora_bank_new(&bank, (const Lora *const[]){k.l[0], wider}, 2, &e_));
    score_refused(&k, &(PassLora){.bank = bank, .op = LORA_PRIME, .w = k.w}, item, ERR_UNSUP,
                  "equal rank and scale");
    ScoreOut out[2];
    MUST(score_nll(out, k.m, &(PassLora){.bank = bank, .op = LORA_EXACT, .w = k.w}, N_CAND, item, 2, &e_));
    lora_bank_free(bank);
    lora_free(wider);
    free(ids);
    crowd_close(&k);
}

Test(score, results_that_are_not_finite_are_an_error)
{
    Crowd k = crowd_open();
    int32_t *ids = tiny_ids(10, k.m->cfg.n_vocab, 1);
    ScoreItem item[2] = {{ids, 10, 4, 0}, {ids, 9, 4, 1}};
    ScoreOut out[2] = {{-7, 7}, {-7, 7}};
    Err e = {0};
    k.w[N_ADAPTERS] = NAN; /* of candidate 1 */
    cr_assert_eq(
        score_nll(out, k.m, &(PassLora){.bank = k.bank, .op = LORA_EXACT, .w = k.w}, N_CAND, item, 2, &e),
        ERR_NUM);
    cr_assert_not_null(strstr(e.msg, "text 1 under candidate 1: log-likelihood is not finite"), "%s", e.msg);
    cr_assert_eq(out[0].nll_sum, -7);
    free(ids);
    crowd_close(&k);
}

Test(score, no_texts_and_no_adapters)
{
    Crowd k = crowd_open();
    int32_t *ids = tiny_ids(10, k.m->cfg.n_vocab, 1);
    ScoreItem item = {ids, 10, 4, 12345}; /* without adapters the candidate does not matter */
    ScoreOut out[2];
    MUST(score_nll(out, k.m, NULL, 0, &item, 0, &e_));
    MUST(score_nll(&out[0], k.m, NULL, 0, &item, 1, &e_));
    MUST(score_nll(&out[1], k.m, &(PassLora){.bank = NULL, .op = LORA_EXACT, .w = NULL}, 0, &item, 1, &e_));
    cr_assert(out[0].nll_sum == out[1].nll_sum && out[0].n_tokens == 6);
    free(ids);
    crowd_close(&k);
}
