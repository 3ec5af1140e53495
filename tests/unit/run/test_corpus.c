/* Records as token ids, and what a base model may learn from. */
#include "prime/corpus.h"
#include "prime/evaluate.h"
#include "prime/file.h"
#include "prime/pretrain.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(call)                                         \
    do {                                                   \
        Err e_ = {0};                                      \
        cr_assert_eq((call), OK, "%s: %s", #call, e_.msg); \
    } while (0)

static Tok *tiny_tok(void)
{
    Tok *t = NULL;
    char path[600];
    snprintf(path, sizeof path, "%s/fixtures/tok/tiny", getenv("PRIME_SOURCE"));
    MUST(tok_load(&t, path, &e_));
    return t;
}

static char *text_of(const Tok *t, const int32_t *ids, size_t n)
{
    Str s = {0};
    MUST(tok_decode(t, &s, ids, n, true, &e_));
    return s.s != NULL ? s.s : calloc(1, 1);
}

static const ModelConfig room = {.n_vocab = 4096, .max_len = 256, .bos = -1, .eos = 0};

Test(sample, prompt_and_answer_are_parted_by_place)
{
    Tok *tok = tiny_tok();
    Arena a = {0};
    Sample full, ask;
    const Task *t = task_find("deb_synopsis");
    MUST(sample_make(&full, &a, tok, &room, t, NULL, "a small tool", "tool", 0, &e_));
    MUST(sample_make(&ask, &a, tok, &room, t, NULL, "a small tool", NULL, 0, &e_));
    cr_assert_eq(ask.skip, ask.n);
    cr_assert_eq(full.skip, ask.n);
    cr_assert_eq(memcmp(full.ids, ask.ids, ask.n * sizeof *ask.ids), 0);
    cr_assert_eq(full.ids[full.n - 1], room.eos);
    char *answer = text_of(tok, full.ids + full.skip, full.n - full.skip);
    cr_assert_str_eq(answer, " tool");
    free(answer);
    arena_free(&a);
    tok_free(tok);
}

/* A tokenizer of the SentencePiece kind puts a mark before a text; the answer is in the middle of one. */
Test(sample, prompt_and_answer_are_one_text)
{
    Tok *tok = NULL;
    char path[600];
    snprintf(path, sizeof path, "%s/fixtures/tok/pieces", getenv("PRIME_SOURCE"));
    MUST(tok_load(&tok, path, &e_));
    Arena a = {0};
    Sample full, joined;
    const Task *t = task_find("deb_synopsis");
    Str text = {0};
    TokIds ids = {0};
    MUST(sample_make(&full, &a, tok, &room, t, NULL, "a small adapter", "merged", 0, &e_));
    task_prompt(&text, t, "a small adapter");
    SamplePiece piece = {.answer_at = text.n};
    task_answer(&text, t, "merged");
    MUST(tok_encode(tok, &ids, text.s, text.n, false, &e_));
    const TokIds *begin = tok_template_before(tok);
    cr_assert_gt(begin->n, 0, "the template begins a text");
    cr_assert_eq(full.n, begin->n + ids.n + 1); /* and eos */
    cr_assert_eq(memcmp(full.ids, begin->id, begin->n * sizeof *ids.id), 0);
    cr_assert_eq(memcmp(full.ids + begin->n, ids.id, ids.n * sizeof *ids.id), 0);
    cr_assert_eq(full.n - full.skip, 2, "one token, not a mark and one");
    piece.text = text.s;
    MUST(sample_join(&joined, &a, tok, &room, &piece, 1, &e_));
    cr_assert(joined.n == full.n && joined.skip == full.skip);
    cr_assert_eq(memcmp(joined.ids, full.ids, full.n * sizeof *full.ids), 0);
    tok_ids_free(&ids);
    str_free(&text);
    arena_free(&a);
    tok_free(tok);
}

Test(sample, a_long_prompt_is_cut_before_its_question)
{
    Tok *tok = tiny_tok();
    Arena a = {0};
    Sample whole, cut;
    const Task *t = task_find("deb_synopsis");
    const char *input =
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau";
    ModelConfig small = room;
    MUST(sample_make(&whole, &a, tok, &room, t, NULL, input, "tool", 0, &e_));
    small.max_len = whole.n - 10;
    MUST(sample_make(&cut, &a, tok, &small, t, NULL, input, "tool", 0, &e_));
    cr_assert_eq(cut.n, small.max_len);
    cr_assert_eq(whole.n - whole.skip, cut.n - cut.skip, "the answer must stay whole");
    size_t tail = SAMPLE_TAIL + cut.n - cut.skip;
    cr_assert_eq(memcmp(cut.ids + cut.n - tail, whole.ids + whole.n - tail, tail * sizeof *cut.ids), 0);
    small.max_len = 12;
    Err e = {0};
    cr_assert_eq(sample_make(&cut, &a, tok, &small, t, NULL, input,
                             "a very long answer that cannot fit in here", 0, &e),
                 ERR_ARG);
    arena_free(&a);
    tok_free(tok);
}

/* A dataset from invented package lists. */
static void make_data(const char *dir)
{
    char lists[600], out[100];
    snprintf(lists, sizeof lists, "%s/fixtures/debian_lists", getenv("PRIME_SOURCE"));
    snprintf(out, sizeof out, "%s/data", dir);
    DataDebianOpt o = {.out = out,
                       .lists = lists,
                       .salt = DATA_SALT,
                       .seed = 1,
                       .history = 0.5,
                       .query = 0.25,
                       .min_records = 4};
    MUST(data_debian(&o, &e_));
}

static void remove_dir(const char *dir)
{
    char cmd[128];
    snprintf(cmd, sizeof cmd, "rm -r %s", dir);
    cr_assert_eq(system(cmd), 0);
}

Test(corpus, only_base_users_are_read)
{
    char dir[] = "prime_corpus_XXXXXX", data[100];
    cr_assert_not_null(mkdtemp(dir));
    make_data(dir);
    snprintf(data, sizeof data, "%s/data", dir);
    Corpus *c = NULL;
    DataSet *d = NULL;
    const char **text = NULL;
    MUST(corpus_load(&c, data, &(CorpusMix){1, 1}, &e_));
    MUST(data_load(&d, data, "deb_synopsis", &e_));
    MUST(corpus_texts(&text, c, &e_));
    size_t base = 0, audit = 0;
    for (size_t i = 0; i < d->n_users; i++) {
        base += d->user[i].role == DATA_BASE;
        audit += d->user[i].role == DATA_AUDIT;
        for (int s = 0; d->user[i].role == DATA_AUDIT && s < DATA_SPLITS; s++)
            for (size_t r = 0; r < d->user[i].n[s]; r++)
                for (size_t k = 0; k < c->n_docs; k++)
                    cr_assert_null(strstr(text[k], d->user[i].rec[s][r].output),
                                   "document %zu holds an audit user's synopsis", k);
    }
    cr_assert(base > 0 && audit > 0, "%zu base and %zu audit users", base, audit);
    cr_assert_eq(c->n_users, base);
    cr_assert_gt(c->n_docs, 0);
    data_free(d);
    corpus_free(c);
    remove_dir(dir);
}

Test(pretrain, a_small_model_from_small_lists_can_be_evaluated, .timeout = 120)
{
    char dir[] = "prime_pretrain_XXXXXX", data[100], out[100], path[120];
    cr_assert_not_null(mkdtemp(dir));
    make_data(dir);
    snprintf(data, sizeof data, "%s/data", dir);
    snprintf(out, sizeof out, "%s/base", dir);
    PretrainOpts o = pretrain_default();
    o.data = data;
    o.out = out;
    o.n_vocab = 300;
    o.n_hidden = 32;
    o.n_layers = 2;
    o.n_heads = 2;
    o.n_kv = 1;
    o.n_ffn = 48;
    o.train.batch_tokens = 256;
    o.train.warmup = 2;
    PretrainResult r, again;
    MUST(pretrain_run(&r, &o, NULL, NULL, &e_));
    cr_assert(r.steps > 0 && r.tokens > 0 && r.loss > 0);
    char *first = NULL, *second = NULL;
    size_t n1 = 0, n2 = 0;
    snprintf(path, sizeof path, "%s/model.safetensors", out);
    MUST(file_read(&first, &n1, path, &e_));
    MUST(pretrain_run(&again, &o, NULL, NULL, &e_));
    MUST(file_read(&second, &n2, path, &e_));
    cr_assert(n1 == n2 && memcmp(first, second, n1) == 0, "the same recipe must give the same bytes");
    free(first);
    free(second);
    Str rows = {0};
    MUST(evaluate_run(&rows, &(EvaluateOpts){.model = out, .data = data, .task = "deb_synopsis"}, &e_));
    cr_assert_not_null(strstr(rows.s, "deb_synopsis,rouge1,"), "%s", rows.s);
    cr_assert_not_null(strstr(rows.s, "deb_synopsis,nats_per_byte,"), "%s", rows.s);
    str_free(&rows);
    remove_dir(dir);
}
