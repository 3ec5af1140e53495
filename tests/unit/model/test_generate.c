/* Answers: against the reference, against one token at a time from whole passes, whatever the batch, the
 * threads and the memory; how they end; and each documented error. */
#include <math.h>

#include "tiny.h"

#include "prime/generate.h"
#include "prime/mat.h"
#include "prime/par.h"

/* ---- reference answers ---- */

enum { MOST_NEW = 64 };

/* The reference answer, alone and among texts of other lengths, in batches of several sizes. */
static void reference_answer(const char *name, const Model *m, const JsVal *one)
{
    enum { N = 11 };
    size_t n, n_new;
    int32_t *prompt = case_ids(js_get(one, "prompt"), &n), *want = case_ids(js_get(one, "new"), &n_new);
    static const size_t batch[] = {1, 3, 64};
    int32_t got[N * MOST_NEW];
    GenItem item[N];
    GenOut out[N];
    cr_assert(n > 3 && n_new > 0 && n_new <= MOST_NEW);
    for (size_t i = 0; i < N; i++) /* 0, 3, 4, 6 and 9 are the prompt */
        item[i] = (GenItem){prompt, i % 3 == 0 || i == 4 ? n : 1 + i % n, 0};
    for (size_t b = 0; b < 3; b++) {
        GenOpts o = gen_greedy(n_new);
        o.batch = batch[b];
        MUST(gen_texts(got, out, m, NULL, 0, item, b == 0 ? 1 : N, &o, &e_));
        for (size_t i = 0; i < (b == 0 ? 1 : N); i++) {
            if (item[i].n < n) continue;
            cr_assert(out[i].n == n_new && out[i].end == GEN_LENGTH);
            cr_assert_arr_eq(got + i * n_new, want, n_new * sizeof *want, "%s, batch %zu, text %zu", name,
                             batch[b], i);
        }
    }
    free(prompt);
    free(want);
}

/* `greedy` in cases.json is one answer or a list of them. */
static void reference_answers(const char *name, const char *folder)
{
    char path[CASE_PATH];
    Model *m = NULL;
    JsVal *cases = NULL;
    MUST(model_load(&m, folder, &e_));
    snprintf(path, sizeof path, "%s/cases.json", folder);
    MUST(js_load(&cases, path, &e_));
    const JsVal *greedy = js_get(cases, "greedy");
    if (js_type(greedy) == JS_OBJ) reference_answer(name, m, greedy);
    for (size_t i = 0; i < js_len(greedy) && js_type(greedy) == JS_ARR; i++)
        reference_answer(name, m, js_at(greedy, i));
    cr_assert_gt(js_len(greedy), 0, "%s has no greedy answer", name);
    js_close(cases);
    model_free(m);
}

Test(generate, greedy_answers_are_the_reference_ones)
{
    static const char *const names[] = {"llama_gqa", "llama_tied"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[CASE_PATH];
        case_path(path, names[i], "");
        reference_answers(names[i], path);
    }
}

Test(generate, greedy_answers_of_further_models_are_the_reference_ones)
{
    static const char *const names[] = {"llama_mha", "babyllama105", "mistral_swa", "qwen2",
                                        "qwen3",     "gpt2",         "gemma3"};
    const char *root = getenv("PRIME_ORACLES");
    if (root == NULL) cr_skip_test("no folder of reference data on this machine");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[CASE_PATH];
        snprintf(path, sizeof path, "%s/engine/%s", root, names[i]);
        reference_answers(names[i], path);
    }
}

/* ---- against whole passes ---- */

enum { N_LORAS = 3, N_CAND = 20 };

typedef struct {
    Model *m;
    Lora *l[N_LORAS];
    LoraBank *bank;
    float w[N_CAND * N_LORAS];
    PassLora lora; /* borrows */
} GenCrowd;

static void gen_crowd_open(GenCrowd *k)
{
    ModelConfig c = tiny_config();
    Rng rng = rng_stream(2, "weights", 0);
    mat_init();
    k->m = tiny_model(&c, 1);
    for (size_t i = 0; i < N_LORAS; i++) k->l[i] = tiny_lora(k->m, TINY_QKVO | 1U << LORA_DOWN, 3, 10 + i);
    MUST(lora_bank_new(&k->bank, (const Lora *const *)k->l, N_LORAS, &e_));
    for (size_t i = 0; i < N_CAND * N_LORAS; i++) k->w[i] = (float)(3 * rng_uniform(&rng) - 1.5);
    k->lora = (PassLora){.bank = k->bank, .op = LORA_EXACT, .w = k->w};
}

static void gen_crowd_close(GenCrowd *k)
{
    par_set_threads(0);
    lora_bank_free(k->bank);
    for (size_t i = 0; i < N_LORAS; i++) lora_free(k->l[i]);
    model_free(k->m);
}

/* The whole text again for every token. *gap: between the best two logits, that is how far rounding is from
 * having a say in a greedy answer. */
static GenOut answer_by_hand(const GenCrowd *k, const GenItem *it, size_t index, const GenOpts *o,
                             int32_t *out, float *gap)
{
    enum { V = 61 };
    int32_t text[64];
    size_t n = it->n;
    GenOut end = {0, GEN_LENGTH};
    Rng rng = rng_stream(o->seed, "generate", index);
    memcpy(text, it->ids, n * sizeof *text);
    *gap = INFINITY;
    while (end.n < o->max_new && n < k->m->cfg.max_len) {
        float *all = case_logits(
            k->m, text, n, &(PassLora){.bank = k->bank, .op = LORA_EXACT, .w = k->w + it->cand * N_LORAS});
        float *z = all + (n - 1) * V, w[V], best = -INFINITY, second = -INFINITY;
        bool done[V] = {false};
        GenEntry entry[V];
        for (size_t i = 0; i < n; i++) {
            size_t v = (size_t)text[i];
            if (!done[v])
                z[v] = z[v] > 0 ? z[v] / (float)o->repetition_penalty : z[v] * (float)o->repetition_penalty;
            done[v] = true;
        }
        for (size_t v = 0; v < V; v++) {
            second = z[v] > best ? best : z[v] > second ? z[v] : second;
            best = z[v] > best ? z[v] : best;
        }
        *gap = fminf(*gap, best - second);
        int32_t token = gen_pick(z, V, o, rng_u64(&rng), w, entry);
        free(all);
        for (size_t i = 0; i < o->n_stop; i++)
            if (token == o->stop[i]) return (GenOut){end.n, GEN_STOP};
        text[n++] = out[end.n++] = token;
    }
    return end;
}

enum { TEXTS = 130, NEW = 9 };

/* Prompts of all lengths; runs of equal ones, under one candidate and under several; two near the end of the
 * model's positions. */
static void crowd_items(const GenCrowd *k, GenItem *item, int32_t **ids)
{
    for (size_t i = 0; i < TEXTS; i++) {
        size_t n = i == 7 ? k->m->cfg.max_len : i == 8 ? k->m->cfg.max_len - 3 : 1 + (i * 11) % 30;
        ids[i] = tiny_ids(n, k->m->cfg.n_vocab, 500 + i);
        item[i] = (GenItem){ids[i], n, i % N_CAND};
        bool run = (i % 40 > 20 && i % 40 <= 27) || i % 13 == 12;
        if (run) item[i] = item[i - 1];
        if (i % 40 == 24) item[i].cand = 3; /* a run of three, one of four */
    }
}

static void check_answers(const GenCrowd *k, const GenItem *item, const GenOpts *o, const int32_t *got,
                          const GenOut *out)
{
    size_t compared = 0, stopped = 0, full = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        int32_t want[NEW];
        float gap;
        GenOut end = answer_by_hand(k, &item[i], i, o, want, &gap);
        if (o->temperature == 0 && gap < 1e-4f) continue;
        cr_assert(out[i].n == end.n && out[i].end == end.end, "text %zu: %zu tokens (%d), want %zu (%d)", i,
                  out[i].n, (int)out[i].end, end.n, (int)end.end);
        cr_assert(end.n == 0 || memcmp(got + i * NEW, want, end.n * sizeof *want) == 0, "text %zu", i);
        stopped += end.end == GEN_STOP;
        full += end.n == NEW;
        compared++;
    }
    cr_assert_gt(compared, TEXTS - 12);
    cr_assert(stopped > 3 && full > 30, "some stop and some do not: %zu, %zu", stopped, full);
}

static void crowd_case(GenOpts o)
{
    static const size_t batch[] = {0, 1, 7, 500};
    static const int32_t stop[] = {5, 17, 40, 33};
    GenCrowd k = {0};
    GenItem item[TEXTS];
    GenOut out[TEXTS], again[TEXTS];
    int32_t *ids[TEXTS], got[TEXTS * NEW], more[TEXTS * NEW];
    gen_crowd_open(&k);
    crowd_items(&k, item, ids);
    o.stop = stop;
    o.n_stop = 4;
    o.max_new = NEW;
    for (size_t b = 0; b < 4; b++) {
        o.batch = batch[b];
        o.kv_bytes = b == 2 ? 20000 : 0; /* of two texts at a time */
        par_set_threads(1);
        MUST(gen_texts(got, out, k.m, &k.lora, N_CAND, item, TEXTS, &o, &e_));
        check_answers(&k, item, &o, got, out);
        cr_assert(out[7].n == 0 && out[7].end == GEN_LENGTH, "a prompt of max_len tokens");
        cr_assert(out[8].n <= 3, "the model's length ends an answer");
        par_set_threads(3);
        MUST(gen_texts(more, again, k.m, &k.lora, N_CAND, item, TEXTS, &o, &e_));
        for (size_t i = 0; i < TEXTS; i++) {
            cr_assert(out[i].n == again[i].n && out[i].end == again[i].end, "text %zu by threads", i);
            cr_assert(memcmp(got + i * NEW, more + i * NEW, out[i].n * sizeof *got) == 0,
                      "text %zu by threads", i);
        }
    }
    for (size_t i = 0; i < TEXTS; i++) free(ids[i]);
    gen_crowd_close(&k);
}

Test(generate, greedy_equals_step_by_step_argmax)
{
    crowd_case(gen_greedy(NEW));
}

Test(generate, a_penalised_greedy_answer_too)
{
    GenOpts o = gen_greedy(NEW);
    o.repetition_penalty = 1.7;
    crowd_case(o);
}

Test(generate, drawn_answers_depend_on_seed_and_index_alone)
{
    GenOpts o = gen_greedy(NEW);
    o.temperature = 0.9;
    o.seed = 3;
    crowd_case(o);
    o.repetition_penalty = 1.3;
    o.top_k = 20;
    o.top_p = 0.9;
    o.min_p = 0.02;
    o.seed = 4;
    crowd_case(o);
}

/* ---- dynamic rotary scaling ---- */

/* Beyond the old length all keys of a prompt turn by its whole length: it is read in one pass, however long
 * it is and however many texts share it. First tokens are the draws from one pass over the prompt. */
Test(generate, dynamic_rotary_scaling_reads_a_prompt_whole)
{
    enum { PROMPTS = 4, EACH = 40, N = PROMPTS * EACH, V = 61 };
    static const size_t len[PROMPTS] = {700, 600, 30, 20};
    static int32_t got[N];
    static GenItem item[N];
    static GenOut out[N];
    ModelConfig c = tiny_config();
    c.max_len = 1024;
    c.rope = (ModelRope){.kind = ROPE_DYNAMIC, .theta = 10000, .factor = 8, .old_len = 20};
    mat_init();
    Model *m = tiny_model(&c, 4);
    int32_t *ids = tiny_ids(700, V, 5);
    GenOpts o = gen_greedy(1);
    o.temperature = 2;
    for (size_t i = 0; i < N; i++) item[i] = (GenItem){ids, len[i / EACH], 0};
    MUST(gen_texts(got, out, m, NULL, 0, item, N, &o, &e_));
    for (size_t k = 0; k < PROMPTS; k++) {
        float *z = case_logits(m, ids, len[k], NULL), w[V];
        GenEntry entry[V];
        for (size_t i = k * EACH; i < (k + 1) * EACH; i++) {
            Rng rng = rng_stream(o.seed, "generate", i);
            int32_t want = gen_pick(z + (len[k] - 1) * V, V, &o, rng_u64(&rng), w, entry);
            cr_assert_eq(got[i], want, "text %zu of %zu tokens", i, len[k]);
        }
        free(z);
    }
    free(ids);
    model_free(m);
}

/* ---- distribution ---- */

/* First tokens of many answers to one prompt against the softmax of its logits: chi-square below its mean
 * plus five standard deviations, cells of expectation below 10 pooled. */
Test(generate, first_tokens_follow_the_softmax)
{
    enum { V = 61, MANY = 20000 };
    GenCrowd k = {0};
    gen_crowd_open(&k);
    int32_t *prompt = tiny_ids(9, V, 77), *got = malloc(MANY * sizeof *got);
    GenItem *item = malloc(MANY * sizeof *item);
    GenOut *out = malloc(MANY * sizeof *out);
    float *z = case_logits(k.m, prompt, 9, NULL) + 8 * V;
    double sum = 0, chi = 0, rest = 0, rest_got = 0, cells = 0, count[V] = {0};
    GenOpts o = gen_greedy(1);
    o.temperature = 2;
    for (size_t v = 0; v < V; v++) sum += exp((double)z[v] / o.temperature);
    for (size_t i = 0; i < MANY; i++) item[i] = (GenItem){prompt, 9, 0};
    MUST(gen_texts(got, out, k.m, NULL, 0, item, MANY, &o, &e_));
    for (size_t i = 0; i < MANY; i++) count[got[i]]++;
    for (size_t v = 0; v < V; v++) {
        double want = MANY * exp((double)z[v] / o.temperature) / sum;
        if (want >= 10)
            chi += (count[v] - want) * (count[v] - want) / want, cells++;
        else
            rest += want, rest_got += count[v];
    }
    if (rest > 0) chi += (rest_got - rest) * (rest_got - rest) / rest;
    cr_expect_lt(chi, cells + 5 * sqrt(2 * cells), "chi-square %g of %g cells", chi, cells);
    cr_expect_gt(cells, 15, "the logits are not flat, and not all mass is on a few");
    free(z - 8 * V);
    free(item);
    free(out);
    free(got);
    free(prompt);
    gen_crowd_close(&k);
}

/* ---- how answers end ---- */

Test(generate, ends)
{
    char path[CASE_PATH];
    Model *m = NULL;
    JsVal *cases = NULL;
    size_t n, n_new;
    case_path(path, "llama_gqa", "");
    MUST(model_load(&m, path, &e_));
    case_path(path, "llama_gqa", "cases.json");
    MUST(js_load(&cases, path, &e_));
    int32_t *prompt = case_ids(js_get(js_get(cases, "greedy"), "prompt"), &n),
            *want = case_ids(js_get(js_get(cases, "greedy"), "new"), &n_new), got[MOST_NEW];
    GenItem item = {prompt, n, 0};
    GenOut out;
    GenOpts o = gen_greedy(n_new);
    size_t at = 20, before = 0; /* a token that the answer has at 20 for the first time */
    while (before < at) {
        before = 0;
        while (want[before] != want[at]) before++;
        if (before < at) at++, before = 0;
        cr_assert_lt(at, n_new);
    }
    int32_t stop[] = {want[at], want[0], 0};
    o.stop = stop;
    o.n_stop = 1;
    MUST(gen_texts(got, &out, m, NULL, 0, &item, 1, &o, &e_));
    cr_assert(out.n == at && out.end == GEN_STOP);
    cr_assert_arr_eq(got, want, at * sizeof *want);
    o.n_stop = 2; /* the second of them comes first */
    got[0] = -5;
    MUST(gen_texts(got, &out, m, NULL, 0, &item, 1, &o, &e_));
    cr_assert(out.n == 0 && out.end == GEN_STOP && got[0] == -5, "a stop id as the first token");
    o.n_stop = 0;
    o.max_new = 1;
    MUST(gen_texts(got, &out, m, NULL, 0, &item, 1, &o, &e_));
    cr_assert(out.n == 1 && out.end == GEN_LENGTH && got[0] == want[0]);
    o.max_new = MOST_NEW;
    m->cfg.max_len = n + 3;
    MUST(gen_texts(got, &out, m, NULL, 0, &item, 1, &o, &e_));
    cr_assert(out.n == 3 && out.end == GEN_LENGTH, "prompt and answer fill the model's length");
    cr_assert_arr_eq(got, want, 3 * sizeof *want);
    free(prompt);
    free(want);
    js_close(cases);
    model_free(m);
}

/* ---- memory ---- */

Test(generate, memory_is_bounded_and_computed)
{
    ModelConfig c = tiny_config(); /* 2 layers, 2 heads of 8 for keys and for values: 256 bytes a token */
    enum { N = 400, MANY_NEW = 11, TOKEN = 256 };
    GenItem item[N];
    int32_t *ids = tiny_ids(N + 40, c.n_vocab, 1);
    for (size_t i = 0; i < N; i++) item[i] = (GenItem){ids + i, 30, 0};
    GenOpts o = gen_greedy(MANY_NEW);
    /* 30 and 10 of the answer; 64 texts at a time, in 4 blocks of 100. */
    cr_assert_eq(gen_kv_size(&c, item, N, &o, 1), 64 * 40 * TOKEN);
    cr_assert_eq(gen_kv_size(&c, item, N, &o, 3), 3 * 64 * 40 * TOKEN);
    cr_assert_eq(gen_kv_size(&c, item, N, &o, 300), 4 * 64 * 40 * TOKEN);
    o.kv_bytes = 100000; /* 9.8 texts */
    cr_assert_eq(gen_kv_size(&c, item, N, &o, 1), 9 * 40 * TOKEN);
    o.kv_bytes = 1;
    cr_assert_eq(gen_kv_size(&c, item, N, &o, 1), 40 * TOKEN, "one text at least");
    o.kv_bytes = 0;
    /* Samples of 8 prompts, 50 each: a block has two prompts in slots of their own. Slots hold 29 tokens. */
    for (size_t i = 0; i < N; i++) item[i] = (GenItem){ids + i / 50, 30, 0};
    cr_assert_eq(gen_kv_size(&c, item, N, &o, 1), (64 + 2) * 29 * TOKEN);
    o.max_new = 1000; /* to max_len = 64 */
    cr_assert_eq(gen_kv_size(&c, item, 1, &o, 1), 63 * TOKEN);
    cr_assert_eq(gen_kv_size(&c, item, 0, &o, 1), 0);
    free(ids);
}

/* ---- errors ---- */

static void gen_refused(const GenCrowd *k, const PassLora *lora, const GenItem *item, const GenOpts *o,
                        Status code, const char *says)
{
    int32_t token[8] = {42};
    GenOut out[2] = {{99, GEN_STOP}, {99, GEN_STOP}};
    Err e = {0};
    cr_assert_eq(gen_texts(token, out, k->m, lora, N_CAND, item, 2, o, &e), code, "%s", says);
    cr_assert_str_eq(e.msg, says);
    cr_assert(token[0] == 42 && out[0].n == 99 && out[1].n == 99, "outputs as they were");
}

Test(generate, bad_options_are_refused_by_name)
{
    GenCrowd k = {0};
    gen_crowd_open(&k);
    int32_t *ids = tiny_ids(10, 61, 1), stop[] = {3, 61}, negative[] = {-1};
    GenItem item[2] = {{ids, 10, 0}, {ids, 9, 0}};
    const struct {
        GenOpts o;
        const char *says;
    } bad[] = {
        {{.temperature = -1}, "temperature = -1, want 0 or 1e-6 to 1e6"},
        {{.temperature = 1e-7}, "temperature = 1e-07, want 0 or 1e-6 to 1e6"},
        {{.temperature = NAN}, "temperature = nan, want 0 or 1e-6 to 1e6"},
        {{.temperature = INFINITY}, "temperature = inf, want 0 or 1e-6 to 1e6"},
        {{.top_p = 0}, "top_p = 0, want (0, 1]"},
        {{.top_p = 1.5}, "top_p = 1.5, want (0, 1]"},
        {{.top_p = NAN}, "top_p = nan, want (0, 1]"},
        {{.top_p = 1, .min_p = -0.1}, "min_p = -0.1, want [0, 1]"},
        {{.top_p = 1, .min_p = NAN}, "min_p = nan, want [0, 1]"},
        {{.top_p = 1, .repetition_penalty = 0}, "repetition_penalty = 0, want 1e-6 to 1e6"},
        {{.top_p = 1, .repetition_penalty = NAN}, "repetition_penalty = nan, want 1e-6 to 1e6"},
        {{.top_p = 1, .repetition_penalty = 1}, "at most 0 new tokens, want at least 1"},
        {{.top_p = 1, .repetition_penalty = 1, .max_new = 4, .stop = stop, .n_stop = 2},
         "stop id 61, want 0 to 60"},
        {{.top_p = 1, .repetition_penalty = 1, .max_new = 4, .stop = negative, .n_stop = 1},
         "stop id -1, want 0 to 60"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        gen_refused(&k, &k.lora, item, &bad[i].o, ERR_ARG, bad[i].says);
    free(ids);
    gen_crowd_close(&k);
}

Test(generate, bad_items_are_refused_by_name)
{
    GenCrowd k = {0};
    gen_crowd_open(&k);
    int32_t *ids = tiny_ids(80, 61, 1), wrong[3] = {1, 61, 2}, negative[3] = {1, 2, -1};
    GenOpts o = gen_greedy(4);
    GenItem good = {ids, 10, 0};
    static const char *const says[] = {
        "text 1: token id 61 at position 1, want 0 to 60",
        "text 1: token id -1 at position 2, want 0 to 60",
        "text 1: a sequence of 65 tokens, the model takes at most 64",
        "text 1: a sequence of 0 tokens, want at least 1",
        "text 1: candidate 20, want 0 to 19",
    };
    GenItem bad[] = {{wrong, 3, 0}, {negative, 3, 0}, {ids, 65, 0}, {ids, 0, 0}, {ids, 10, N_CAND}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        gen_refused(&k, &k.lora, (GenItem[]){good, bad[i]}, &o, ERR_ARG, says[i]);
    Lora *wider = tiny_lora(k.m, TINY_QKVO, 5, 1);
    LoraBank *bank = NULL;
    MUST(lora_bank_new(&bank, (const Lora *const[]){k.l[0], wider}, 2, &e_));
    gen_refused(&k, &(PassLora){.bank = bank, .op = LORA_PRIME, .w = k.w}, (GenItem[]){good, good}, &o,
                ERR_UNSUP, "the 'prime' operator needs adapters of equal rank and scale");
    lora_bank_free(bank);
    lora_free(wider);
    k.w[N_LORAS] = NAN; /* of candidate 1 */
    gen_refused(&k, &k.lora, (GenItem[]){good, {ids, 9, 1}}, &o, ERR_NUM,
                "text 1 under candidate 1: the logits after 9 tokens are not finite");
    free(ids);
    gen_crowd_close(&k);
}

Test(generate, no_texts_and_no_adapters)
{
    GenCrowd k = {0};
    gen_crowd_open(&k);
    int32_t *ids = tiny_ids(10, 61, 1), got[4] = {42};
    GenItem item = {ids, 10, 12345}; /* without adapters the candidate does not matter */
    GenOut out = {99, GEN_STOP};
    GenOpts o = gen_greedy(4);
    MUST(gen_texts(got, &out, k.m, NULL, 0, &item, 0, &o, &e_));
    cr_assert(out.n == 99 && got[0] == 42);
    MUST(gen_texts(got, &out, k.m, NULL, 0, &item, 1, &o, &e_));
    cr_assert_eq(out.n, 4);
    free(ids);
    gen_crowd_close(&k);
}
