#include "prime/pretrain.h"

#include "prime/file.h"
#include "prime/host.h"
#include "prime/js.h"
#include "prime/log.h"

#include <stdlib.h>
#include <string.h>

PretrainOpts pretrain_default(void)
{
    PretrainOpts o = {.n_vocab = 4096,
                      .n_hidden = 256,
                      .n_layers = 6,
                      .n_heads = 8,
                      .n_kv = 4,
                      .n_ffn = 704,
                      .max_len = 256,
                      .mix = {.depends = 0.25, .quotes = 0.5},
                      .save_every = 500,
                      .train = train_default()};
    o.train.opt.lr = 2e-3;
    o.train.opt.weight_decay = 0.1;
    o.train.dropout = 0;
    o.train.epochs = 2;
    o.train.batch_docs = 0;
    o.train.batch_tokens = 2048;
    o.train.warmup = 200;
    o.train.floor = 0.02;
    o.train.answers_from = 0.75;
    return o;
}

typedef struct {
    const PretrainOpts *o;
    Corpus *corpus;
    Tok *tok;
    Model *model;
    Arena arena; /* samples */
    TrainDoc *doc;
    TrainWatch watch;
    void *ctx;
    PretrainResult *r;
    double recent[100];
    Status saved;
} Pretrain;

/* A loaded tokenizer is handed on as the file it came from. */
static Status copy_tokenizer(const Pretrain *p, Err *e)
{
    char *from = file_join(p->o->from, "tokenizer.json"), *to = file_join(p->o->out, "tokenizer.json"),
         *text = NULL;
    size_t n = 0;
    Status s = from != NULL && to != NULL ? file_read(&text, &n, from, e)
                                          : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "out of memory");
    if (s == OK) s = file_write(to, text, n, e);
    free(text);
    free(from);
    free(to);
    return s;
}

static Status make_tokenizer(Pretrain *p, Err *e)
{
    static const char *const specials[] = {PRETRAIN_EOS};
    if (p->o->from != NULL) {
        TRY(tok_load(&p->tok, p->o->from, e));
        return copy_tokenizer(p, e);
    }
    const char **text = NULL;
    TRY(corpus_texts(&text, p->corpus, e));
    log_say(LOG_INFO, "tokenizer: %zu entries from %zu texts", p->o->n_vocab, p->corpus->n_docs);
    TRY(tok_train(&p->tok, text, p->corpus->n_docs, p->o->n_vocab, specials, 1, e));
    return tok_save(p->tok, p->o->out, e);
}

static Status make_model(Pretrain *p, Err *e)
{
    const PretrainOpts *o = p->o;
    if (o->from != NULL) {
        TRY(model_open(&p->model, o->from, &(ModelOpts){.weights = WEIGHTS_F32}, e));
        p->r->params = p->model->p.n;
        return OK;
    }
    if (o->n_heads == 0 || o->n_hidden % o->n_heads != 0)
        FAIL(e, ERR_ARG, "hidden size %zu is not a multiple of %zu heads", o->n_hidden, o->n_heads);
    ModelConfig c = {.n_vocab = tok_vocab_size(p->tok),
                     .n_hidden = o->n_hidden,
                     .n_layers = o->n_layers,
                     .n_heads = o->n_heads,
                     .n_kv = o->n_kv,
                     .head_dim = o->n_hidden / o->n_heads,
                     .n_ffn = o->n_ffn,
                     .max_len = o->max_len,
                     .norm_eps = 1e-5,
                     .rope.theta = 10000,
                     .tied = true,
                     .bos = -1,
                     .eos = tok_id(p->tok, PRETRAIN_EOS)};
    TRY(model_new(&p->model, &c, e));
    Rng rng = rng_stream(o->train.seed, "pretrain weights", 0);
    model_init(p->model, &rng);
    p->r->params = p->model->p.n;
    return OK;
}

static Status encode_docs(Pretrain *p, Err *e)
{
    const Corpus *c = p->corpus;
    size_t tokens = 0;
    p->doc = arena_alloc(&p->arena, c->n_docs, sizeof *p->doc);
    if (p->doc == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu documents", c->n_docs);
    for (size_t d = 0; d < c->n_docs; d++) {
        Sample s;
        TRY(sample_join(&s, &p->arena, p->tok, &p->model->cfg, c->piece + c->start[d],
                        c->start[d + 1] - c->start[d], e));
        p->doc[d] = (TrainDoc){s.ids, s.n, s.skip};
        tokens += s.n;
    }
    log_say(LOG_INFO, "%zu documents of %zu users, %zu tokens, %zu parameters", c->n_docs, c->n_users, tokens,
            p->r->params);
    return OK;
}

static bool pretrain_watch(void *ctx, const TrainNews *news)
{
    Pretrain *p = ctx;
    size_t n = news->step + 1 < 100 ? news->step + 1 : 100;
    double sum = 0;
    p->recent[news->step % 100] = news->loss;
    for (size_t i = 0; i < n; i++) sum += p->recent[i];
    p->r->loss = sum / (double)n;
    p->r->tokens = news->tokens;
    p->r->steps = news->step + 1;
    if (p->o->save_every > 0 && p->r->steps % p->o->save_every == 0) {
        Err e = {0};
        p->saved = model_save(p->model, p->o->out, ST_BF16, &e);
        if (p->saved != OK) log_say(LOG_WARN, "%s", e.msg);
    }
    return p->watch == NULL || p->watch(p->ctx, news);
}

static Status save_users(const Pretrain *p, Err *e)
{
    Str text = {0};
    for (size_t i = 0; i < p->corpus->n_users; i++) str_printf(&text, "%s\n", p->corpus->user[i]);
    char *path = file_join(p->o->out, "users.txt");
    Status s = path == NULL || text.failed
                   ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for the list of users")
                   : file_write(path, text.s != NULL ? text.s : "", text.n, e);
    free(path);
    str_free(&text);
    return s;
}

static Status save_recipe(const Pretrain *p, Err *e)
{
    const PretrainOpts *o = p->o;
    JsVal *j = js_new_obj();
    js_set(j, "format", js_new_str("prime-base"));
    if (p->o->from != NULL) js_set(j, "continues", js_new_bool(true));
    js_set(j, "release", js_new_str(p->corpus->release));
    js_set(j, "salt_id", js_new_str(p->corpus->salt_id));
    js_set(j, "users", js_new_int((int64_t)p->r->users));
    js_set(j, "documents", js_new_int((int64_t)p->r->docs));
    js_set(j, "depends_share", js_new_num(o->mix.depends));
    js_set(j, "quotes_share", js_new_num(o->mix.quotes));
    js_set(j, "epochs", js_new_int((int64_t)o->train.epochs));
    js_set(j, "batch_tokens", js_new_int((int64_t)o->train.batch_tokens));
    js_set(j, "lr", js_new_num(o->train.opt.lr));
    js_set(j, "weight_decay", js_new_num(o->train.opt.weight_decay));
    js_set(j, "warmup", js_new_int((int64_t)o->train.warmup));
    js_set(j, "answers_from", js_new_num(o->train.answers_from));
    js_set(j, "seed", js_new_int((int64_t)o->train.seed));
    js_set(j, "steps", js_new_int((int64_t)p->r->steps));
    js_set(j, "tokens_seen", js_new_int((int64_t)p->r->tokens));
    js_set(j, "parameters", js_new_int((int64_t)p->r->params));
    js_set(j, "last_loss_nats_per_token", js_new_num(p->r->loss));
    js_set(j, "wall_seconds", js_new_num(p->r->wall));
    char *path = file_join(o->out, "recipe.json");
    Status s =
        path != NULL ? js_save(path, j, e) : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "out of memory");
    free(path);
    js_close(j);
    return s;
}

static Status pretrain_steps(Pretrain *p, Err *e)
{
    double begin = host_seconds();
    TRY(file_mkdir(p->o->out, e));
    TRY(corpus_load(&p->corpus, p->o->data, &p->o->mix, e));
    p->r->docs = p->corpus->n_docs;
    p->r->users = p->corpus->n_users;
    TRY(make_tokenizer(p, e));
    TRY(make_model(p, e));
    TRY(encode_docs(p, e));
    TRY(save_users(p, e));
    TRY(train_base(p->model, p->doc, p->corpus->n_docs, &p->o->train, pretrain_watch, p, e));
    p->r->wall = host_seconds() - begin;
    TRY(model_save(p->model, p->o->out, ST_BF16, e));
    return save_recipe(p, e);
}

Status pretrain_run(PretrainResult *r, const PretrainOpts *o, TrainWatch watch, void *ctx, Err *e)
{
    PretrainResult fresh = {0};
    Pretrain p = {.o = o, .watch = watch, .ctx = ctx, .r = &fresh};
    Status s = pretrain_steps(&p, e);
    corpus_free(p.corpus);
    tok_free(p.tok);
    model_free(p.model);
    arena_free(&p.arena);
    if (s == OK) *r = fresh;
    return s;
}
