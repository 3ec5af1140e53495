/* train_lora.c - adapters, one or many in the same passes. */
#include "train_priv.h"

#include <stdlib.h>
#include <string.h>

void train_update(float *w, float *m1, float *m2, float *grad, size_t n, const TrainOpts *o, TrainNews *news)
{
    AdamW a = o->opt;
    a.lr = news->lr;
    news->grad_norm = adamw_clip(grad, n, o->clip);
    adamw_step(w, m1, m2, grad, n, &a, news->step + 1);
}

/* One adapter on its way: what it keeps, and its share of the pass of this round. */
typedef struct {
    const TrainJob *job;
    Lora *grad, *m1, *m2;
    LoraBank *bank;
    TrainCourse course;
    const size_t *which;
    size_t docs, targets, first, end; /* sequences first..end-1 of the block */
    bool takes_part;
} LoraTrainer;

static void lora_trainer_close(LoraTrainer *t)
{
    train_course_close(&t->course);
    lora_bank_free(t->bank);
    lora_free(t->grad);
    lora_free(t->m1);
    lora_free(t->m2);
}

static Status lora_trainer_open(LoraTrainer *t, const TrainJob *j, Err *e)
{
    t->job = j;
    TRY(lora_like(&t->grad, j->l, e));
    TRY(lora_like(&t->m1, j->l, e));
    TRY(lora_like(&t->m2, j->l, e));
    TRY(lora_bank_view(&t->bank, j->l, e));
    return train_course_open(&t->course, j->doc, j->n, &j->o, j->watch, j->ctx, e);
}

/* The trainer's next batch goes behind what the block holds; false when it is through. */
static bool lora_trainer_add(LoraTrainer *t, TrainBlock *b)
{
    t->takes_part = train_course_next(&t->course, &t->which, &t->docs);
    if (!t->takes_part) return false;
    const TrainOpts *o = &t->job->o;
    PassPart part = {
        .bank = t->bank, .grad = t->grad, .drop_key = rng_mix(o->seed ^ rng_mix(t->course.news.step))};
    t->targets = 0;
    for (size_t i = 0; i < t->docs; i++) t->targets += train_targets(&t->job->doc[t->which[i]], true);
    memset(t->grad->data, 0, t->grad->n_params * sizeof *t->grad->data);
    t->first = b->n;
    train_block_add_part(b, t->job->doc, t->which, t->docs, t->targets > 0 ? 1.0f / (float)t->targets : 0,
                         &part);
    t->end = b->n;
    return true;
}

static Status lora_trainer_step(LoraTrainer *t, const TrainBlock *b, Err *e)
{
    TrainNews *news = &t->course.news;
    Lora *l = t->job->l;
    if (!t->takes_part) return OK;
    news->loss = t->targets > 0 ? train_block_loss(b, t->first, t->end) / (double)t->targets : 0;
    train_update(l->data, t->m1->data, t->m2->data, t->grad->data, l->n_params, &t->job->o, news);
    return train_course_told(&t->course, t->which, t->docs, e);
}

static Status job_failed(Status s, size_t i, size_t n, Err *e)
{
    return n > 1 ? err_prefix(e, "adapter %zu", i) : s;
}

static Status lora_rounds(LoraTrainer *t, size_t n, TrainBlock *b, const Model *m, Err *e)
{
    for (;;) {
        bool any = false;
        b->n = 0;
        for (size_t i = 0; i < n; i++) any = lora_trainer_add(&t[i], b) || any;
        if (!any) return OK;
        TRY(train_block_run_halves(b, m, e));
        for (size_t i = 0; i < n; i++) {
            Status s = lora_trainer_step(&t[i], b, e);
            if (s != OK) return job_failed(s, i, n, e);
        }
    }
}

static Status lora_jobs_check(const TrainJob *job, size_t n, const Model *m, Err *e)
{
    LoraShape want = model_lora_shape(&m->cfg);
    for (size_t i = 0; i < n; i++) {
        const TrainJob *j = &job[i];
        if (!lora_shape_same(&want, &j->l->shape))
            FAIL(e, ERR_SHAPE, "the adapter is for a model of another shape");
        if (!lora_same_shape(job[0].l, j->l))
            FAIL(e, ERR_SHAPE, "adapter %zu has other sites or ranks than the first", i);
        if (j->o.dropout != job[0].o.dropout)
            FAIL(e, ERR_ARG, "adapter %zu: dropout = %g, want %g as for the first", i, j->o.dropout,
                 job[0].o.dropout);
        Status s = train_check(m, j->doc, j->n, &j->o, e);
        if (s != OK) return job_failed(s, i, n, e);
    }
    return OK;
}

/* Rows of a pass: as fast as all of a step at once, and the workspace, which is filled anew in every call,
 * stays small. A document is never parted. */
enum { PASS_ROWS = 256 };

static size_t lora_pass_rows(const TrainJob *job, size_t n, size_t most)
{
    size_t rows = PASS_ROWS;
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < job[i].n; d++) rows = job[i].doc[d].n > rows ? job[i].doc[d].n : rows;
    return rows < most ? rows : most;
}

static Status lora_jobs_run(LoraTrainer *t, const TrainJob *job, size_t n, const Model *m, TrainBlock *b,
                            Err *e)
{
    size_t rows = 0, docs = 0;
    for (size_t i = 0; i < n; i++) {
        TRY(lora_trainer_open(&t[i], &job[i], e));
        rows += train_most_rows(job[i].doc, job[i].n, &job[i].o);
        docs += train_most_docs(job[i].n, &job[i].o);
    }
    TRY(train_block_new(b, m, lora_pass_rows(job, n, rows), docs, t[0].bank->width, e));
    TRY(train_block_halve(b, m, job[0].l, rows, job[0].o.dropout, e));
    return lora_rounds(t, n, b, m, e);
}

Status train_lora_many(const TrainJob *job, size_t n, const Model *m, Err *e)
{
    if (n == 0) return OK;
    TRY(lora_jobs_check(job, n, m, e));
    TrainBlock b = {0};
    LoraTrainer *t = calloc(n, sizeof *t);
    if (t == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu adapters", n);
    Status s = lora_jobs_run(t, job, n, m, &b, e);
    for (size_t i = 0; i < n; i++) {
        if (s == OK) job[i].l->dropout = job[i].o.dropout;
        lora_trainer_close(&t[i]);
    }
    train_block_free(&b);
    free(t);
    return s;
}

Status train_lora(Lora *l, const Model *m, const TrainDoc *doc, size_t n, const TrainOpts *o,
                  TrainWatch watch, void *ctx, Err *e)
{
    return train_lora_many(&(TrainJob){l, doc, n, *o, watch, ctx}, 1, m, e);
}
