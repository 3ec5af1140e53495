/* Signals of answer tokens against one pass by hand, against score_nll, and each documented error. */
#include <math.h>

#include "../../../src/model/score_priv.h"
#include "tiny.h"

#include "prime/mat.h"
#include "prime/par.h"
#include "prime/score.h"

enum { N_LORAS = 2, N_MIX = 5, MOST = 48 };

typedef struct {
    Model *m;
    Lora *l[N_LORAS];
    LoraBank *bank;
    float w[N_MIX * N_LORAS];
    ScoreItem *item;
    int32_t (*ids)[MOST];
    size_t n;
} Texts;

/* Prompts with one answer and with several, answers of any length and none. */
static Texts signal_texts_open(size_t prompts)
{
    ModelConfig c = tiny_config();
    Texts x = {.m = tiny_model(&c, 1)};
    mat_init();
    for (size_t i = 0; i < N_LORAS; i++) x.l[i] = tiny_lora(x.m, TINY_QKVO | 1U << LORA_DOWN, 3, 10 + i);
    MUST(lora_bank_new(&x.bank, (const Lora *const *)x.l, N_LORAS, &e_));
    Rng rng = rng_stream(2, "weights", 0);
    for (size_t i = 0; i < N_MIX * N_LORAS; i++) x.w[i] = (float)(2 * rng_uniform(&rng) - 1);
    x.item = calloc(prompts * 4, sizeof *x.item);
    x.ids = calloc(prompts * 4, sizeof *x.ids);
    for (size_t p = 0; p < prompts; p++) {
        size_t skip = 1 + (p * 5) % 23, answers = 1 + p % 4;
        int32_t *prompt = tiny_ids(skip, c.n_vocab, 200 + p);
        for (size_t a = 0; a < answers; a++, x.n++) {
            size_t more = (a * 3 + p) % 20;
            int32_t *answer = tiny_ids(more, c.n_vocab, 1000 + x.n);
            memcpy(x.ids[x.n], prompt, skip * sizeof *prompt);
            memcpy(x.ids[x.n] + skip, answer, more * sizeof *answer);
            x.item[x.n] = (ScoreItem){x.ids[x.n], skip + more, skip, p % N_MIX};
            free(answer);
        }
        free(prompt);
    }
    return x;
}

static PassLora texts_lora(const Texts *x)
{
    return (PassLora){.bank = x->bank, .op = LORA_EXACT, .w = x->w};
}

static void signal_texts_close(Texts *x)
{
    par_set_threads(0);
    lora_bank_free(x->bank);
    for (size_t i = 0; i < N_LORAS; i++) lora_free(x->l[i]);
    model_free(x->m);
    free(x->item);
    free(x->ids);
}

static ScoreSignals signals_arrays(size_t n, size_t tokens)
{
    return (ScoreSignals){.start = calloc(n + 1, sizeof(size_t)),
                          .id = calloc(tokens + 1, sizeof(int32_t)),
                          .logp = calloc(tokens + 1, sizeof(float)),
                          .mu = calloc(tokens + 1, sizeof(float)),
                          .sigma = calloc(tokens + 1, sizeof(float)),
                          .rank = calloc(tokens + 1, 1)};
}

static void signals_drop(ScoreSignals *s)
{
    free(s->start), free(s->id), free(s->logp), free(s->mu), free(s->sigma), free(s->rank);
}

static ScoreSignals signals_of(const Texts *x, size_t from, size_t n)
{
    ScoreSignals s = signals_arrays(n, score_tokens(x->item + from, n));
    PassLora lora = texts_lora(x);
    MUST(score_signals(&s, x->m, &lora, N_MIX, x->item + from, n, &e_));
    return s;
}

/* One token's signals from its row of logits, in double. */
static void token_by_hand(const ScoreSignals *s, size_t at, const float *z, size_t V, int32_t id)
{
    double total = 0, mu = 0, var = 0;
    size_t rank = 0;
    for (size_t v = 0; v < V; v++) total += exp((double)z[v]);
    for (size_t v = 0; v < V; v++) {
        double l = (double)z[v] - log(total);
        mu += exp(l) * l;
        rank += z[v] > z[id];
    }
    for (size_t v = 0; v < V; v++) {
        double l = (double)z[v] - log(total);
        var += exp(l) * (l - mu) * (l - mu);
    }
    cr_assert_eq(s->id[at], id);
    cr_assert_float_eq(s->logp[at], (double)z[id] - log(total), 2e-5);
    cr_assert_float_eq(s->mu[at], mu, 2e-5);
    cr_assert_float_eq(s->sigma[at], sqrt(var), 1e-4 * sqrt(var) + 1e-5);
    cr_assert_eq(s->rank[at], rank);
}

Test(signals, equal_one_pass_by_hand)
{
    Texts x = signal_texts_open(40);
    ScoreSignals s = signals_of(&x, 0, x.n);
    size_t at = 0;
    cr_assert(x.n > 96, "more than one block");
    for (size_t i = 0; i < x.n; i++) {
        const ScoreItem *it = &x.item[i];
        float *z = case_logits(x.m, it->ids, it->n,
                               &(PassLora){.bank = x.bank, .op = LORA_EXACT, .w = x.w + it->cand * N_LORAS});
        cr_assert_eq(s.start[i], at);
        for (size_t k = it->skip; k < it->n; k++, at++)
            token_by_hand(&s, at, z + (k - 1) * x.m->cfg.n_vocab, x.m->cfg.n_vocab, it->ids[k]);
        free(z);
    }
    cr_assert_eq(s.start[x.n], at);
    cr_assert_eq(score_tokens(x.item, x.n), at);
    signals_drop(&s);
    signal_texts_close(&x);
}

Test(signals, sum_to_the_loss_that_score_nll_gives)
{
    Texts x = signal_texts_open(30);
    ScoreSignals s = signals_of(&x, 0, x.n);
    ScoreOut *out = calloc(x.n, sizeof *out);
    PassLora lora = texts_lora(&x);
    MUST(score_nll(out, x.m, &lora, N_MIX, x.item, x.n, &e_));
    for (size_t i = 0; i < x.n; i++) {
        double sum = 0;
        for (size_t t = s.start[i]; t < s.start[i + 1]; t++) sum -= (double)s.logp[t];
        cr_assert_eq(out[i].n_tokens, s.start[i + 1] - s.start[i]);
        cr_assert_float_eq(sum, out[i].nll_sum, 1e-5 * (1 + out[i].nll_sum), "text %zu", i);
    }
    free(out);
    signals_drop(&s);
    signal_texts_close(&x);
}

Test(signals, do_not_depend_on_threads_or_company)
{
    Texts x = signal_texts_open(30);
    par_set_threads(1);
    ScoreSignals one = signals_of(&x, 0, x.n);
    par_set_threads(3);
    ScoreSignals three = signals_of(&x, 0, x.n);
    size_t tokens = one.start[x.n];
    cr_assert_eq(memcmp(one.logp, three.logp, tokens * sizeof(float)), 0);
    cr_assert_eq(memcmp(one.mu, three.mu, tokens * sizeof(float)), 0);
    cr_assert_eq(memcmp(one.sigma, three.sigma, tokens * sizeof(float)), 0);
    cr_assert_eq(memcmp(one.rank, three.rank, tokens), 0);
    for (size_t i = 0; i < x.n; i++) {
        ScoreSignals alone = signals_of(&x, i, 1);
        for (size_t t = 0; t < alone.start[1]; t++) {
            cr_assert_float_eq(alone.logp[t], one.logp[one.start[i] + t], 2e-5);
            cr_assert_float_eq(alone.mu[t], one.mu[one.start[i] + t], 2e-5);
            cr_assert_float_eq(alone.sigma[t], one.sigma[one.start[i] + t], 2e-4);
        }
        signals_drop(&alone);
    }
    signals_drop(&one);
    signals_drop(&three);
    signal_texts_close(&x);
}

/* 300 entries of the vocabulary: the least likely ones share the last rank. */
Test(signals, rank_is_cut_at_its_bound)
{
    ModelConfig c = tiny_config();
    c.n_vocab = 300;
    Model *m = tiny_model(&c, 4);
    size_t V = 300, cut = 0;
    int32_t ids[2] = {7, 0};
    ScoreSignals s = signals_arrays(1, 1);
    float *z = case_logits(m, ids, 1, NULL);
    for (int32_t v = 0; v < 300; v++) {
        size_t rank = 0;
        ids[1] = v;
        MUST(score_signals(&s, m, NULL, 0, &(ScoreItem){ids, 2, 1, 0}, 1, &e_));
        for (size_t u = 0; u < V; u++) rank += z[u] > z[v];
        cr_assert_eq(s.rank[0], rank < SCORE_MAX_RANK ? rank : SCORE_MAX_RANK, "token %d", v);
        cut += rank > SCORE_MAX_RANK;
    }
    cr_assert_eq(cut, 44u);
    free(z);
    signals_drop(&s);
    model_free(m);
}

/* ---- vocabularies of several tiles ---- */

enum { WIDE = 2 * SCORE_TILE + 452, WIDE_TOKENS = 40 };

/* Many tokens have the weights of another one, so that logits are equal across tiles. */
static Model *wide_model(double softcap)
{
    ModelConfig c = tiny_config();
    c.n_vocab = WIDE;
    c.final_softcap = softcap;
    Model *m = tiny_model(&c, 4);
    for (size_t v = 3; v < WIDE; v += 3)
        memcpy(m->p.head.w + v * c.n_hidden, m->p.head.w + v / 2 * c.n_hidden, c.n_hidden * sizeof(float));
    return m;
}

/* The logits that scoring sees, by the same products, one tile behind the other: rows of WIDE. */
static float *wide_logits(const Model *m, const int32_t *ids, size_t n)
{
    Pass *p = NULL;
    size_t row[WIDE_TOKENS], C = m->cfg.n_hidden;
    MUST(pass_new(&p, m, n, 0, false, &e_));
    pass_forward(p, m, &(PassSeq){.ids = ids, .n = n}, 1, NULL, NULL);
    for (size_t i = 0; i < n; i++) row[i] = i;
    float *x = malloc(n * C * sizeof *x), *tile = malloc(n * SCORE_TILE * sizeof *tile),
          *z = malloc(n * WIDE * sizeof *z);
    pass_normed(x, p, m, row, n);
    for (size_t first = 0, k; first < WIDE; first += k) {
        k = WIDE - first < SCORE_TILE ? WIDE - first : SCORE_TILE;
        pass_logits_some(tile, p, m, x, n, first, k);
        for (size_t i = 0; i < n; i++) memcpy(z + i * WIDE + first, tile + i * k, k * sizeof *z);
    }
    free(x), free(tile);
    pass_free(p);
    return z;
}

/* ids[t] becomes one of the likelier tokens behind the ones before. */
static void wide_choose(const Model *m, int32_t *ids, size_t t)
{
    float *z = wide_logits(m, ids, t), *row = z + (t - 1) * WIDE, below = INFINITY;
    for (size_t rank = 0, best; rank <= 13 * t % 190; rank++) {
        best = WIDE;
        for (size_t v = 0; v < WIDE; v++)
            if (row[v] < below && (best == WIDE || row[v] > row[best])) best = v;
        below = row[best];
        ids[t] = (int32_t)best;
    }
    free(z);
}

/* Ranks equal those of the products' own values, the rest what double makes of them. */
static void check_wide(const Model *m, int32_t *ids)
{
    ScoreSignals s = signals_arrays(1, WIDE_TOKENS);
    for (size_t t = 1; t < WIDE_TOKENS; t += 2) wide_choose(m, ids, t);
    float *z = wide_logits(m, ids, WIDE_TOKENS - 1);
    size_t low = 0, ties = 0;
    MUST(score_signals(&s, m, NULL, 0, &(ScoreItem){ids, WIDE_TOKENS, 1, 0}, 1, &e_));
    for (size_t t = 1; t < WIDE_TOKENS; t++) {
        const float *row = z + (t - 1) * WIDE;
        size_t rank = 0, id = (size_t)ids[t];
        double total = 0, mu = 0, var = 0;
        for (size_t v = 0; v < WIDE; v++) {
            rank += row[v] > row[id] || (row[v] == row[id] && v < id);
            ties += row[v] == row[id] && v != id;
            total += exp((double)row[v]);
        }
        for (size_t v = 0; v < WIDE; v++) mu += exp((double)row[v]) / total * ((double)row[v] - log(total));
        for (size_t v = 0; v < WIDE; v++)
            var += exp((double)row[v]) / total * pow((double)row[v] - log(total) - mu, 2);
        cr_assert_eq(s.rank[t - 1], rank < SCORE_MAX_RANK ? rank : SCORE_MAX_RANK, "token %zu: %d, want %zu",
                     t, s.rank[t - 1], rank);
        cr_assert_float_eq(s.logp[t - 1], (double)row[id] - log(total),
                           2e-6 * (1 + fabs((double)s.logp[t - 1])));
        cr_assert_float_eq(s.mu[t - 1], mu, 2e-6 * (1 - mu));
        cr_assert_float_eq(s.sigma[t - 1], sqrt(var), 1e-4 * sqrt(var));
        low += rank < SCORE_MAX_RANK;
    }
    cr_assert(low > 3 && ties > 10, "%zu low ranks, %zu ties", low, ties);
    free(z);
    signals_drop(&s);
}

static void widen_floats(float *out, const void *data, size_t first, size_t n)
{
    memcpy(out, (const float *)data + first, n * sizeof *out);
}

Test(signals, tiles_say_what_the_whole_vocabulary_says)
{
    for (size_t b = 0; mat_backend_at(b) != NULL; b++)
        for (int way = 0; way < 8; way++) {
            MUST(mat_choose(mat_backend_at(b), &e_));
            Model *m = wide_model(way % 2 == 0 ? 0 : 4);
            int32_t *ids = tiny_ids(WIDE_TOKENS, WIDE, 9);
            float *bias = calloc(WIDE, sizeof *bias), *w = m->p.head.w;
            for (size_t v = 0; v < WIDE; v++) bias[v] = 0.25f * (float)(v % 3);
            if (way / 2 == 1) MUST(model_pack(m, MAT_F32, &e_));
            if (way / 2 == 2) MUST(model_pack(m, MAT_BF16, &e_));
            if (way / 2 == 3) { /* kept as stored, with a bias */
                m->stored = true;
                m->p.head = (ModelLin){.n_in = m->cfg.n_hidden, .n_out = WIDE, .bias = bias, .n_parts = 1};
                m->p.head.part[0] = (ModelPart){w, widen_floats, 0, WIDE};
            }
            check_wide(m, ids);
            free(bias);
            free(ids);
            model_free(m);
        }
}

Test(signals, packs_of_other_weights_are_refused)
{
    Model *m = wide_model(0);
    int32_t ids[3] = {7, 1500, 9};
    ScoreSignals s = signals_arrays(1, 2);
    Err e = {0};
    mat_init();
    MUST(model_pack(m, MAT_F32, &e_));
    MUST(score_signals(&s, m, NULL, 0, &(ScoreItem){ids, 3, 1, 0}, 1, &e_));
    for (size_t i = 0; i < m->cfg.n_hidden; i++) m->p.head.w[1500 * m->cfg.n_hidden + i] += 0.5f;
    cr_assert_eq(score_signals(&s, m, NULL, 0, &(ScoreItem){ids, 3, 1, 0}, 1, &e), ERR_NUM);
    cr_assert_not_null(strstr(e.msg, "further from the product of its weights"), "%s", e.msg);
    signals_drop(&s);
    model_free(m);
}

Test(signals, refusals_leave_outputs_alone)
{
    Texts x = signal_texts_open(3);
    ScoreSignals s = signals_arrays(x.n, score_tokens(x.item, x.n));
    PassLora lora = texts_lora(&x);
    Err e[3] = {0};
    s.logp[0] = 7;
    x.item[1].cand = N_MIX;
    cr_assert_eq(score_signals(&s, x.m, &lora, N_MIX, x.item, x.n, &e[0]), ERR_ARG);
    cr_assert_str_eq(e[0].msg, "text 1: candidate 5, want 0 to 4");
    x.item[1].cand = 0;
    x.ids[2][0] = 61;
    cr_assert_eq(score_signals(&s, x.m, &lora, N_MIX, x.item, x.n, &e[1]), ERR_ARG);
    x.ids[2][0] = 1;
    x.m->p.head.w[3] = NAN;
    cr_assert_eq(score_signals(&s, x.m, &lora, N_MIX, x.item, x.n, &e[2]), ERR_NUM);
    cr_assert_eq(s.logp[0], 7);
    signals_drop(&s);
    signal_texts_close(&x);
}
