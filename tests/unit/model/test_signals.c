/* Signals of answer tokens against one pass by hand, against score_nll, and each documented error. */
#include <math.h>

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
