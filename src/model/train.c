#include "prime/train.h"

#include "prime/par.h"
#include "prime/pass.h"
#include "prime/vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 2 }; /* of a batch in base training */

TrainOpts train_default(void)
{
    return (TrainOpts){.opt = {.lr = 2e-3, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.01},
                       .clip = 1,
                       .dropout = 0.05,
                       .epochs = 3,
                       .batch_docs = 6,
                       .answers_from = 1,
                       .seed = 1};
}

TrainOpts train_paper(void)
{
    TrainOpts o = train_default();
    o.opt.lr = 2e-5;
    return o;
}

TrainOpts train_gate_perpcs(void)
{
    TrainOpts o = train_paper();
    o.opt.weight_decay = 0;
    o.clip = 0.3;
    o.steps = 200;
    return o;
}

TrainOpts train_gate_prime(void)
{
    TrainOpts o = train_gate_perpcs();
    o.steps = 50;
    return o;
}

/* ---- batches ---- */

typedef struct {
    size_t *order;        /* documents in the order of this epoch */
    size_t *start;        /* first document of each batch, and the end */
    size_t n_batches;     /* in one epoch; the order changes, the cuts are made anew */
    size_t longest_batch; /* documents */
} TrainPlan;

static size_t batch_end(const TrainDoc *doc, const size_t *order, size_t n, size_t from, const TrainOpts *o)
{
    size_t to = from, rows = 0;
    if (o->batch_docs > 0) return from + o->batch_docs < n ? from + o->batch_docs : n;
    for (; to < n && (to == from || rows + doc[order[to]].n <= o->batch_tokens); to++)
        rows += doc[order[to]].n;
    return to;
}

static void plan_epoch(TrainPlan *p, const TrainDoc *doc, size_t n, const TrainOpts *o, size_t epoch)
{
    Rng rng = rng_stream(o->seed, "train order", epoch);
    for (size_t i = 0; i < n; i++) p->order[i] = i;
    rng_shuffle(&rng, p->order, n);
    p->n_batches = 0;
    for (size_t at = 0; at < n;) {
        p->start[p->n_batches++] = at;
        at = batch_end(doc, p->order, n, at, o);
    }
    p->start[p->n_batches] = n;
}

static Status plan_new(TrainPlan *p, size_t n, Err *e)
{
    *p = (TrainPlan){.order = malloc(n * sizeof *p->order), .start = malloc((n + 1) * sizeof *p->start)};
    if (p->order != NULL && p->start != NULL) return OK;
    free(p->order);
    free(p->start);
    FAIL(e, ERR_NOMEM, "no memory for the order of %zu documents", n);
}

static void plan_free(TrainPlan *p)
{
    free(p->order);
    free(p->start);
}

/* Rows that the largest batch can have: the plan of any epoch obeys the same bound. */
static size_t most_rows(const TrainDoc *doc, size_t n, const TrainOpts *o)
{
    size_t longest = 0;
    for (size_t i = 0; i < n; i++) longest = doc[i].n > longest ? doc[i].n : longest;
    if (o->batch_docs > 0) return longest * (o->batch_docs < n ? o->batch_docs : n);
    return longest > o->batch_tokens ? longest : o->batch_tokens;
}

static size_t most_docs(size_t n, const TrainOpts *o)
{
    size_t most = o->batch_docs > 0 ? o->batch_docs : o->batch_tokens;
    return most < n ? most : n;
}

static Status check_docs(const Model *m, const TrainDoc *doc, size_t n, const TrainOpts *o, Err *e)
{
    if (n == 0) FAIL(e, ERR_ARG, "no documents to train on");
    if (o->epochs == 0 && o->steps == 0) FAIL(e, ERR_ARG, "epochs = 0, want at least 1");
    if (o->batch_docs == 0 && o->batch_tokens == 0) FAIL(e, ERR_ARG, "batch size = 0, want at least 1");
    if (!(o->opt.lr >= 0 && o->opt.lr < 10)) FAIL(e, ERR_ARG, "learning rate = %g, want [0, 10)", o->opt.lr);
    if (!(o->dropout >= 0 && o->dropout < 1)) FAIL(e, ERR_ARG, "dropout = %g, want [0, 1)", o->dropout);
    for (size_t i = 0; i < n; i++)
        if (pass_check(m, doc[i].ids, doc[i].n, e) != OK) return err_prefix(e, "document %zu", i);
    return OK;
}

static size_t targets_of(const TrainDoc *d, bool answers)
{
    size_t first = answers && d->skip > 1 ? d->skip : 1;
    return d->n > first ? d->n - first : 0;
}

/* ---- the loop, shared by both kinds of training ---- */

/* One step on documents which [n]; news holds step, steps and lr and gets loss and norm. */
typedef Status (*StepFn)(void *trainer, const TrainDoc *doc, const size_t *which, size_t n,
                         const TrainOpts *o, TrainNews *news, Err *e);

static size_t count_steps(TrainPlan *plan, const TrainDoc *doc, size_t n, const TrainOpts *o)
{
    size_t steps = 0;
    if (o->steps > 0) return o->steps;
    for (size_t epoch = 0; epoch < o->epochs; epoch++) {
        plan_epoch(plan, doc, n, o, epoch);
        steps += plan->n_batches;
    }
    return steps;
}

static Status train_loop(StepFn step, void *trainer, const TrainDoc *doc, size_t n, const TrainOpts *o,
                         TrainPlan *plan, TrainWatch watch, void *ctx, Err *e)
{
    TrainNews news = {.steps = count_steps(plan, doc, n, o)};
    for (size_t epoch = 0; news.step < news.steps; epoch++) {
        plan_epoch(plan, doc, n, o, epoch);
        for (size_t b = 0; b < plan->n_batches && news.step < news.steps; b++, news.step++) {
            const size_t *which = plan->order + plan->start[b];
            size_t docs = plan->start[b + 1] - plan->start[b];
            news.lr = o->opt.lr * adamw_cosine(news.step, news.steps, o->warmup, o->floor);
            TRY(step(trainer, doc, which, docs, o, &news, e));
            for (size_t i = 0; i < docs; i++) news.tokens += doc[which[i]].n;
            if (!isfinite(news.loss) || !isfinite(news.grad_norm))
                FAIL(e, ERR_NUM, "loss %g and gradient norm %g at step %zu, want finite numbers", news.loss,
                     news.grad_norm, news.step);
            if (watch != NULL && !watch(ctx, &news)) return OK;
        }
    }
    return OK;
}

/* ---- one block: forward, loss and gradient of some documents ---- */

typedef struct {
    Pass *pass;
    PassSeq *seq;
    size_t *skip, n, n_targets;
    double loss;
    ModelParams grad; /* base training */
} Block;

static Status train_block_new(Block *b, const Model *m, size_t rows, size_t docs, size_t width, Err *e)
{
    *b = (Block){.seq = calloc(docs, sizeof *b->seq), .skip = calloc(docs, sizeof *b->skip)};
    if (b->seq == NULL || b->skip == NULL) FAIL(e, ERR_NOMEM, "no memory for a batch of %zu documents", docs);
    return pass_new(&b->pass, m, rows, width, true, e);
}

static void train_block_free(Block *b)
{
    pass_free(b->pass);
    model_params_free(&b->grad);
    free(b->seq);
    free(b->skip);
}

static void train_block_take(Block *b, const TrainDoc *doc, const size_t *which, size_t n, bool answers)
{
    b->n = n;
    for (size_t i = 0; i < n; i++) {
        const TrainDoc *d = &doc[which[i]];
        b->seq[i] = (PassSeq){.ids = d->ids, .n = d->n};
        b->skip[i] = answers ? d->skip : 1;
    }
}

static void train_block_run(Block *b, const Model *m, const PassLora *lora, float scale, const PassGrad *grad)
{
    b->loss = 0;
    b->n_targets = 0;
    if (b->n == 0) return;
    pass_forward(b->pass, m, b->seq, b->n, lora, NULL);
    b->loss = pass_loss(b->pass, m, b->seq, b->skip, b->n, lora, scale, grad, &b->n_targets);
}

/* ---- base training ---- */

typedef struct {
    Model *m;
    Block block[BLOCKS];
    float *m1, *m2; /* moments */
    float scale;
} BaseTrainer;

static Status base_job(void *ctx, size_t job, size_t thread, Err *e)
{
    (void)thread;
    (void)e;
    BaseTrainer *t = ctx;
    Block *b = &t->block[job];
    memset(b->grad.data, 0, b->grad.n * sizeof *b->grad.data);
    train_block_run(b, t->m, NULL, t->scale, &(PassGrad){.base = &b->grad});
    return OK;
}

static Status base_step(void *trainer, const TrainDoc *doc, const size_t *which, size_t n, const TrainOpts *o,
                        TrainNews *news, Err *e)
{
    BaseTrainer *t = trainer;
    bool answers = (double)news->step >= o->answers_from * (double)news->steps;
    size_t targets = 0, from = 0;
    for (size_t i = 0; i < n; i++) targets += targets_of(&doc[which[i]], answers);
    t->scale = targets > 0 ? 1.0f / (float)targets : 0;
    for (size_t b = 0; b < BLOCKS; b++) {
        size_t to = n * (b + 1) / BLOCKS;
        train_block_take(&t->block[b], doc, which + from, to - from, answers);
        from = to;
    }
    TRY(par_run(BLOCKS, par_threads(), base_job, t, e));
    double loss = 0;
    float *g = t->block[0].grad.data;
    for (size_t b = 0; b < BLOCKS; b++) {
        loss += t->block[b].loss;
        if (b > 0) vec_axpy(g, 1, t->block[b].grad.data, t->m->p.n);
    }
    news->loss = targets > 0 ? loss / (double)targets : 0;
    news->grad_norm = adamw_clip(g, t->m->p.n, o->clip);
    AdamW a = o->opt;
    a.lr = news->lr;
    adamw_step(t->m->p.data, t->m1, t->m2, g, t->m->p.n, &a, news->step + 1);
    return OK;
}

static Status base_open(BaseTrainer *t, Model *m, size_t rows, size_t docs, Err *e)
{
    t->m = m;
    for (size_t b = 0; b < BLOCKS; b++) {
        TRY(train_block_new(&t->block[b], m, rows, docs, 0, e));
        TRY(model_params_new(&t->block[b].grad, &m->cfg, e));
    }
    t->m1 = calloc(m->p.n, sizeof *t->m1);
    t->m2 = calloc(m->p.n, sizeof *t->m2);
    if (t->m1 == NULL || t->m2 == NULL)
        FAIL(e, ERR_NOMEM, "no memory for the moments of %zu parameters", m->p.n);
    return OK;
}

Status train_base(Model *m, const TrainDoc *doc, size_t n, const TrainOpts *o, TrainWatch watch, void *ctx,
                  Err *e)
{
    BaseTrainer t = {0};
    TrainPlan plan;
    if (m->stored) FAIL(e, ERR_ARG, "the weights are kept as stored: training needs them in float32");
    TRY(check_docs(m, doc, n, o, e));
    TRY(plan_new(&plan, n, e));
    Status s = base_open(&t, m, most_rows(doc, n, o), most_docs(n, o), e);
    if (s == OK) s = train_loop(base_step, &t, doc, n, o, &plan, watch, ctx, e);
    for (size_t b = 0; b < BLOCKS; b++) train_block_free(&t.block[b]);
    free(t.m1);
    free(t.m2);
    plan_free(&plan);
    return s;
}

/* ---- adapter training ---- */

typedef struct {
    const Model *m;
    Lora *l, *grad, *m1, *m2;
    LoraBank *bank;
    Block block;
} LoraTrainer;

static void lora_trainer_close(LoraTrainer *t)
{
    train_block_free(&t->block);
    lora_bank_free(t->bank);
    lora_free(t->grad);
    lora_free(t->m1);
    lora_free(t->m2);
}

static Status lora_trainer_open(LoraTrainer *t, Lora *l, const Model *m, size_t rows, size_t docs, Err *e)
{
    t->l = l;
    t->m = m;
    TRY(lora_like(&t->grad, l, e));
    TRY(lora_like(&t->m1, l, e));
    TRY(lora_like(&t->m2, l, e));
    TRY(lora_bank_view(&t->bank, l, e));
    return train_block_new(&t->block, m, rows, docs, t->bank->width, e);
}

/* The mean loss over the answers of a batch; its gradient goes to `grad` and to what pass_gate says. */
static double adapter_loss(Block *b, const Model *m, const LoraBank *bank, const TrainDoc *doc,
                           const size_t *which, size_t n, const PassGrad *grad)
{
    float one = 1;
    size_t targets = 0;
    PassLora lora = {.bank = bank, .op = LORA_EXACT, .w = &one};
    train_block_take(b, doc, which, n, true);
    for (size_t i = 0; i < n; i++) targets += targets_of(&doc[which[i]], true);
    train_block_run(b, m, &lora, targets > 0 ? 1.0f / (float)targets : 0, grad);
    return targets > 0 ? b->loss / (double)targets : 0;
}

static void adapter_update(float *w, float *m1, float *m2, float *grad, size_t n, const TrainOpts *o,
                           TrainNews *news)
{
    AdamW a = o->opt;
    a.lr = news->lr;
    news->grad_norm = adamw_clip(grad, n, o->clip);
    adamw_step(w, m1, m2, grad, n, &a, news->step + 1);
}

static Status lora_step(void *trainer, const TrainDoc *doc, const size_t *which, size_t n, const TrainOpts *o,
                        TrainNews *news, Err *e)
{
    LoraTrainer *t = trainer;
    (void)e;
    memset(t->grad->data, 0, t->grad->n_params * sizeof *t->grad->data);
    pass_dropout(t->block.pass, o->dropout, rng_mix(o->seed ^ rng_mix(news->step)));
    news->loss = adapter_loss(&t->block, t->m, t->bank, doc, which, n, &(PassGrad){.lora = t->grad});
    adapter_update(t->l->data, t->m1->data, t->m2->data, t->grad->data, t->l->n_params, o, news);
    return OK;
}

Status train_lora(Lora *l, const Model *m, const TrainDoc *doc, size_t n, const TrainOpts *o,
                  TrainWatch watch, void *ctx, Err *e)
{
    LoraShape want = model_lora_shape(&m->cfg);
    LoraTrainer t = {0};
    TrainPlan plan;
    if (!lora_shape_same(&want, &l->shape)) FAIL(e, ERR_SHAPE, "the adapter is for a model of another shape");
    TRY(check_docs(m, doc, n, o, e));
    TRY(plan_new(&plan, n, e));
    Status s = lora_trainer_open(&t, l, m, most_rows(doc, n, o), most_docs(n, o), e);
    if (s == OK) s = train_loop(lora_step, &t, doc, n, o, &plan, watch, ctx, e);
    if (s == OK) l->dropout = o->dropout;
    lora_trainer_close(&t);
    plan_free(&plan);
    return s;
}

/* ---- gate training ---- */

typedef struct {
    const Model *m;
    Gate *g, *grad, *m1, *m2;
    LoraBank *bank;
    Block block;
} GateTrainer;

static void gate_trainer_close(GateTrainer *t)
{
    train_block_free(&t->block);
    lora_bank_free(t->bank);
    gate_free(t->grad);
    gate_free(t->m1);
    gate_free(t->m2);
}

static Status gate_trainer_open(GateTrainer *t, const Gate *g, const Lora *l, const Model *m, size_t rows,
                                size_t docs, Err *e)
{
    t->m = m;
    TRY(gate_new(&t->grad, l, e));
    TRY(gate_new(&t->m1, l, e));
    TRY(gate_new(&t->m2, l, e));
    TRY(lora_bank_view(&t->bank, l, e));
    TRY(train_block_new(&t->block, m, rows, docs, t->bank->width, e));
    pass_gate(t->block.pass, g, t->grad);
    return OK;
}

static Status gate_step(void *trainer, const TrainDoc *doc, const size_t *which, size_t n, const TrainOpts *o,
                        TrainNews *news, Err *e)
{
    GateTrainer *t = trainer;
    (void)e;
    memset(t->grad->data, 0, t->grad->n_params * sizeof *t->grad->data);
    pass_dropout(t->block.pass, o->dropout, rng_mix(o->seed ^ rng_mix(news->step)));
    news->loss = adapter_loss(&t->block, t->m, t->bank, doc, which, n, &(PassGrad){0});
    adapter_update(t->g->data, t->m1->data, t->m2->data, t->grad->data, t->g->n_params, o, news);
    return OK;
}

static Status gate_check(const Gate *g, const Lora *l, const Model *m, Err *e)
{
    LoraShape want = model_lora_shape(&m->cfg);
    if (!lora_shape_same(&want, &l->shape)) FAIL(e, ERR_SHAPE, "the adapter is for a model of another shape");
    if (!gate_fits(g, l)) FAIL(e, ERR_SHAPE, "the gates are not those of the adapter: their sites differ");
    return OK;
}

Status train_gate(Gate *g, const Lora *l, const Model *m, const TrainDoc *doc, size_t n, const TrainOpts *o,
                  TrainWatch watch, void *ctx, Err *e)
{
    GateTrainer t = {.g = g};
    TrainPlan plan;
    TRY(gate_check(g, l, m, e));
    TRY(check_docs(m, doc, n, o, e));
    TRY(plan_new(&plan, n, e));
    Status s = gate_trainer_open(&t, g, l, m, most_rows(doc, n, o), most_docs(n, o), e);
    if (s == OK) s = train_loop(gate_step, &t, doc, n, o, &plan, watch, ctx, e);
    gate_trainer_close(&t);
    plan_free(&plan);
    return s;
}

Status train_gate_loss(double *nats, const Gate *g, const Lora *l, const Model *m, const TrainDoc *doc,
                       size_t n, Err *e)
{
    const TrainOpts one = {.epochs = 1, .batch_docs = 1};
    GateTrainer t = {0};
    size_t targets = 0;
    double sum = 0;
    TRY(gate_check(g, l, m, e));
    TRY(check_docs(m, doc, n, &one, e));
    Status s = gate_trainer_open(&t, g, l, m, most_rows(doc, n, &one), 1, e);
    if (s == OK) pass_gate(t.block.pass, g, NULL);
    for (size_t i = 0; s == OK && i < n; i++) {
        (void)adapter_loss(&t.block, m, t.bank, doc, &i, 1, &(PassGrad){0});
        sum += t.block.loss;
        targets += t.block.n_targets;
    }
    gate_trainer_close(&t);
    if (s == OK) *nats = targets > 0 ? sum / (double)targets : NAN;
    return s;
}
