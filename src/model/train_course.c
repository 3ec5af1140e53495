/* train_course.c - the course of a training run: batches of documents, rates, news. */
#include "train_priv.h"

#include "prime/matpack.h"

#include <math.h>
#include <stdlib.h>

/* Rows that the largest batch can have: the plan of any epoch obeys the same bound. */
size_t train_most_rows(const TrainDoc *doc, size_t n, const TrainOpts *o)
{
    size_t longest = 0;
    for (size_t i = 0; i < n; i++) longest = doc[i].n > longest ? doc[i].n : longest;
    if (o->batch_docs > 0) return longest * (o->batch_docs < n ? o->batch_docs : n);
    return longest > o->batch_tokens ? longest : o->batch_tokens;
}

size_t train_most_docs(size_t n, const TrainOpts *o)
{
    size_t most = o->batch_docs > 0 ? o->batch_docs : o->batch_tokens;
    return most < n ? most : n;
}

Status train_check(const Model *m, const TrainDoc *doc, size_t n, const TrainOpts *o, Err *e)
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

size_t train_targets(const TrainDoc *d, bool answers)
{
    size_t first = answers && d->skip > 1 ? d->skip : 1;
    return d->n > first ? d->n - first : 0;
}

static size_t batch_end(const TrainDoc *doc, const size_t *order, size_t n, size_t from, const TrainOpts *o)
{
    size_t to = from, rows = 0;
    if (o->batch_docs > 0) return from + o->batch_docs < n ? from + o->batch_docs : n;
    for (; to < n && (to == from || rows + doc[order[to]].n <= o->batch_tokens); to++)
        rows += doc[order[to]].n;
    return to;
}

static void course_plan(TrainCourse *c, size_t epoch)
{
    Rng rng = rng_stream(c->o->seed, "train order", epoch);
    for (size_t i = 0; i < c->n; i++) c->order[i] = i;
    rng_shuffle(&rng, c->order, c->n);
    c->n_batches = 0;
    for (size_t at = 0; at < c->n;) {
        c->start[c->n_batches++] = at;
        at = batch_end(c->doc, c->order, c->n, at, c->o);
    }
    c->start[c->n_batches] = c->n;
}

static size_t course_steps(TrainCourse *c)
{
    size_t steps = 0;
    if (c->o->steps > 0) return c->o->steps;
    for (size_t epoch = 0; epoch < c->o->epochs; epoch++) {
        course_plan(c, epoch);
        steps += c->n_batches;
    }
    return steps;
}

Status train_course_open(TrainCourse *c, const TrainDoc *doc, size_t n, const TrainOpts *o, TrainWatch watch,
                         void *ctx, Err *e)
{
    *c = (TrainCourse){.doc = doc, .n = n, .o = o, .watch = watch, .ctx = ctx};
    c->order = malloc(n * sizeof *c->order);
    c->start = malloc((n + 1) * sizeof *c->start);
    if (c->order == NULL || c->start == NULL)
        FAIL(e, ERR_NOMEM, "no memory for the order of %zu documents", n);
    c->news.steps = course_steps(c);
    c->batch = c->n_batches = 0;
    return OK;
}

void train_course_close(TrainCourse *c)
{
    free(c->order);
    free(c->start);
}

bool train_course_next(TrainCourse *c, const size_t **which, size_t *n)
{
    if (c->stopped || c->news.step >= c->news.steps) return false;
    if (c->batch == c->n_batches) {
        course_plan(c, c->epochs++);
        c->batch = 0;
    }
    *which = c->order + c->start[c->batch];
    *n = c->start[c->batch + 1] - c->start[c->batch];
    c->batch++;
    c->news.lr = c->o->opt.lr * adamw_cosine(c->news.step, c->news.steps, c->o->warmup, c->o->floor);
    return true;
}

Status train_course_told(TrainCourse *c, const size_t *which, size_t n, Err *e)
{
    TrainNews *news = &c->news;
    for (size_t i = 0; i < n; i++) news->tokens += c->doc[which[i]].n;
    bool fine = isfinite(news->loss) && isfinite(news->grad_norm);
    if (!fine && mat_pack_starved()) FAIL(e, ERR_NOMEM, "step %zu: no memory for a product", news->step);
    if (!fine)
        FAIL(e, ERR_NUM, "loss %g and gradient norm %g at step %zu, want finite numbers", news->loss,
             news->grad_norm, news->step);
    c->stopped = c->watch != NULL && !c->watch(c->ctx, news);
    news->step++;
    return OK;
}
