/* train.c - settings of training, and training of all weights. */
#include "train_priv.h"

#include "prime/par.h"
#include "prime/vec.h"

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

typedef struct {
    Model *m;
    TrainBlock block[BLOCKS];
    float *m1, *m2; /* moments */
} BaseTrainer;

static Status base_job(void *ctx, size_t job, size_t thread, Err *e)
{
    (void)thread;
    (void)e;
    BaseTrainer *t = ctx;
    TrainBlock *b = &t->block[job];
    memset(b->grad.data, 0, b->grad.n * sizeof *b->grad.data);
    train_block_run(b, t->m, NULL, &(PassGrad){.base = &b->grad});
    return OK;
}

static Status base_step(BaseTrainer *t, const TrainCourse *c, const size_t *which, size_t n, TrainNews *news,
                        Err *e)
{
    bool answers = (double)news->step >= c->o->answers_from * (double)news->steps;
    size_t targets = 0, from = 0;
    for (size_t i = 0; i < n; i++) targets += train_targets(&c->doc[which[i]], answers);
    for (size_t b = 0; b < BLOCKS; b++) {
        size_t to = n * (b + 1) / BLOCKS;
        t->block[b].n = 0;
        train_block_add(&t->block[b], c->doc, which + from, to - from, answers,
                        targets > 0 ? 1.0f / (float)targets : 0);
        from = to;
    }
    TRY(par_run(BLOCKS, par_threads(), base_job, t, e));
    double loss = 0;
    float *g = t->block[0].grad.data;
    for (size_t b = 0; b < BLOCKS; b++) {
        loss += train_block_loss(&t->block[b], 0, t->block[b].n);
        if (b > 0) vec_axpy(g, 1, t->block[b].grad.data, t->m->p.n);
    }
    news->loss = targets > 0 ? loss / (double)targets : 0;
    train_update(t->m->p.data, t->m1, t->m2, g, t->m->p.n, c->o, news);
    return OK;
}

static Status base_run(BaseTrainer *t, TrainCourse *c, Err *e)
{
    const size_t *which;
    size_t n;
    while (train_course_next(c, &which, &n)) {
        TRY(base_step(t, c, which, n, &c->news, e));
        TRY(train_course_told(c, which, n, e));
    }
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
    TrainCourse course;
    if (m->stored) FAIL(e, ERR_ARG, "the weights are kept as stored: training needs them in float32");
    TRY(train_check(m, doc, n, o, e));
    Status s = train_course_open(&course, doc, n, o, watch, ctx, e);
    if (s == OK) s = base_open(&t, m, train_most_rows(doc, n, o), train_most_docs(n, o), e);
    if (s == OK) s = base_run(&t, &course, e);
    for (size_t b = 0; b < BLOCKS; b++) train_block_free(&t.block[b]);
    free(t.m1);
    free(t.m2);
    train_course_close(&course);
    return s;
}
