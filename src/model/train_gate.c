/* train_gate.c - gates of an adapter that stays as it is. */
#include "train_priv.h"

#include <math.h>
#include <string.h>

typedef struct {
    const Model *m;
    Gate *g, *grad, *m1, *m2;
    LoraBank *bank;
    TrainBlock block;
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

/* The summed loss of the answers of some documents; the gates' gradient goes where pass_gate says. */
static double gate_loss(GateTrainer *t, const TrainDoc *doc, const size_t *which, size_t n, size_t *targets)
{
    float one = 1;
    PassLora lora = {.bank = t->bank, .op = LORA_EXACT, .w = &one};
    *targets = 0;
    for (size_t i = 0; i < n; i++) *targets += train_targets(&doc[which[i]], true);
    t->block.n = 0;
    train_block_add(&t->block, doc, which, n, true, *targets > 0 ? 1.0f / (float)*targets : 0);
    train_block_run(&t->block, t->m, &lora, &(PassGrad){0});
    return train_block_loss(&t->block, 0, t->block.n);
}

static Status gate_step(GateTrainer *t, TrainCourse *c, const size_t *which, size_t n, Err *e)
{
    TrainNews *news = &c->news;
    size_t targets;
    memset(t->grad->data, 0, t->grad->n_params * sizeof *t->grad->data);
    pass_dropout(t->block.pass, c->o->dropout, rng_mix(c->o->seed ^ rng_mix(news->step)));
    double loss = gate_loss(t, c->doc, which, n, &targets);
    news->loss = targets > 0 ? loss / (double)targets : 0;
    train_update(t->g->data, t->m1->data, t->m2->data, t->grad->data, t->g->n_params, c->o, news);
    return train_course_told(c, which, n, e);
}

static Status gate_run(GateTrainer *t, TrainCourse *c, Err *e)
{
    const size_t *which;
    size_t n;
    while (train_course_next(c, &which, &n)) TRY(gate_step(t, c, which, n, e));
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
    TrainCourse course;
    TRY(gate_check(g, l, m, e));
    TRY(train_check(m, doc, n, o, e));
    Status s = train_course_open(&course, doc, n, o, watch, ctx, e);
    if (s == OK) s = gate_trainer_open(&t, g, l, m, train_most_rows(doc, n, o), train_most_docs(n, o), e);
    if (s == OK) s = gate_run(&t, &course, e);
    gate_trainer_close(&t);
    train_course_close(&course);
    return s;
}

Status train_gate_loss(double *nats, const Gate *g, const Lora *l, const Model *m, const TrainDoc *doc,
                       size_t n, Err *e)
{
    const TrainOpts one = {.epochs = 1, .batch_docs = 1};
    GateTrainer t = {0};
    size_t targets = 0, more = 0;
    double sum = 0;
    TRY(gate_check(g, l, m, e));
    TRY(train_check(m, doc, n, &one, e));
    Status s = gate_trainer_open(&t, g, l, m, train_most_rows(doc, n, &one), 1, e);
    if (s == OK) pass_gate(t.block.pass, g, NULL);
    for (size_t i = 0; s == OK && i < n; i++, targets += more) sum += gate_loss(&t, doc, &i, 1, &more);
    gate_trainer_close(&t);
    if (s == OK) *nats = targets > 0 ? sum / (double)targets : NAN;
    return s;
}
