#include "prime/dp_train.h"

#include "prime/pass.h"
#include "prime/vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void dp_noise(float *x, size_t n, double sd, Rng *rng)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)((double)x[i] + sd * rng_normal(rng));
}

/* ---- gradients, unit by unit ---- */

/* Documents go through the base in passes of about PASS_ROWS tokens, whatever their units. Up to HELD_UNITS
 * units have a gradient each at a time: that of an adapter is small, and summing it over a document's tokens
 * costs what training does. (Norms from Gram matrices of a document's tokens instead, without such gradients,
 * cost tokens / rank times as much.) */
enum { PASS_ROWS = 768, HELD_UNITS = 32 };

struct DpGrad {
    const Model *m;
    const DpDocs *d;
    LoraBank *bank;
    Pass *pass;
    Lora *one[HELD_UNITS]; /* gradients of units */
    size_t n_one;
    size_t *first, *doc; /* documents of unit u: doc[first[u]] .. doc[first[u + 1] - 1] */
    PassSeq *seq;        /* of a pass */
    PassTarget *target;
    PassPart *part;
    double *loss, *share; /* share: of a document's summed loss in the result */
    size_t n_seq, rows;
};

static Status grad_index(DpGrad *g, Err *e)
{
    const DpDocs *d = g->d;
    g->first = calloc(d->n_units + 2, sizeof *g->first);
    g->doc = calloc(d->n + 1, sizeof *g->doc);
    if (g->first == NULL || g->doc == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu documents", d->n);
    for (size_t i = 0; i < d->n; i++) g->first[(d->unit != NULL ? d->unit[i] : i) + 2]++;
    for (size_t u = 2; u <= d->n_units + 1; u++) g->first[u] += g->first[u - 1];
    /* first[u + 1] is where unit u begins; it moves to where it ends, which is where u + 1 begins. */
    for (size_t i = 0; i < d->n; i++) g->doc[g->first[(d->unit != NULL ? d->unit[i] : i) + 1]++] = i;
    return OK;
}

/* A pass has room for PASS_ROWS tokens and at least one document. */
static Status grad_pass_new(DpGrad *g, Lora *l, Err *e)
{
    size_t rows = PASS_ROWS, units = g->d->n_units < HELD_UNITS ? g->d->n_units : HELD_UNITS;
    for (size_t i = 0; i < g->d->n; i++) rows = g->d->doc[i].n > rows ? g->d->doc[i].n : rows;
    for (; g->n_one < units; g->n_one++) TRY(lora_like(&g->one[g->n_one], l, e));
    g->seq = calloc(rows, sizeof *g->seq);
    g->target = calloc(rows, sizeof *g->target);
    g->part = calloc(rows, sizeof *g->part);
    g->loss = calloc(rows, sizeof *g->loss);
    g->share = calloc(rows, sizeof *g->share);
    if (g->seq == NULL || g->target == NULL || g->part == NULL || g->loss == NULL || g->share == NULL)
        FAIL(e, ERR_NOMEM, "no memory for a pass of %zu tokens", rows);
    return pass_new(&g->pass, g->m, rows, g->bank->width, true, e);
}

static Status grad_fill(DpGrad *g, Lora *l, Err *e)
{
    TRY(grad_index(g, e));
    TRY(lora_bank_view(&g->bank, l, e));
    return grad_pass_new(g, l, e);
}

Status dp_grad_new(DpGrad **out, Lora *l, const Model *m, const DpDocs *d, Err *e)
{
    DpGrad *g = calloc(1, sizeof *g);
    if (g == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    g->m = m;
    g->d = d;
    Status s = grad_fill(g, l, e);
    if (s == OK)
        *out = g;
    else
        dp_grad_free(g);
    return s;
}

void dp_grad_free(DpGrad *g)
{
    if (g == NULL) return;
    pass_free(g->pass);
    lora_bank_free(g->bank);
    for (size_t i = 0; i < g->n_one; i++) lora_free(g->one[i]);
    free(g->first);
    free(g->doc);
    free(g->seq);
    free(g->target);
    free(g->part);
    free(g->loss);
    free(g->share);
    free(g);
}

/* Runs the documents that have gathered; returns their share of the loss. */
static double grad_run(DpGrad *g)
{
    double loss = 0;
    PassLora lora = {.part = g->part, .n_parts = g->n_seq};
    if (g->n_seq == 0) return 0;
    pass_forward(g->pass, g->m, g->seq, g->n_seq, &lora, NULL);
    pass_loss_each(g->loss, g->pass, g->m, g->seq, g->target, g->n_seq, &lora, &(PassGrad){0});
    for (size_t i = 0; i < g->n_seq; i++) loss += g->loss[i] * g->share[i];
    g->n_seq = g->rows = 0;
    return loss;
}

/* A document joins the pass, which is run before if it is full: the gradient of its mean loss, times share,
 * is for `one`. The last token is predicted and predicts none. */
static double grad_take_doc(DpGrad *g, size_t i, double share, Lora *one, uint64_t key)
{
    const TrainDoc *d = &g->d->doc[i];
    size_t first = d->skip > 1 ? d->skip : 1, at;
    if (d->n <= first) return 0;
    double loss = g->rows + d->n - 1 > PASS_ROWS ? grad_run(g) : 0;
    at = g->n_seq++;
    g->rows += d->n - 1;
    g->share[at] = share / (double)(d->n - first);
    g->seq[at] = (PassSeq){.ids = d->ids, .n = d->n - 1};
    g->target[at] = (PassTarget){first, d->n, (float)g->share[at]};
    g->part[at] = (PassPart){.bank = g->bank, .grad = one, .drop_key = rng_mix(key ^ rng_mix(i)), .n = 1};
    return loss;
}

/* g->one[k] = gradient of unit[k], for k < n <= n_one; returns the sum of their mean losses. */
static double grad_units(DpGrad *g, const size_t *unit, size_t n, uint64_t key)
{
    double loss = 0;
    for (size_t k = 0; k < n; k++) {
        size_t from = g->first[unit[k]], to = g->first[unit[k] + 1];
        memset(g->one[k]->data, 0, g->one[k]->n_params * sizeof *g->one[k]->data);
        for (size_t i = from; i < to; i++)
            loss += grad_take_doc(g, g->doc[i], 1 / (double)(to - from), g->one[k], key);
    }
    return loss + grad_run(g);
}

double dp_grad_sum(Lora *sum, double *norm, DpGrad *g, const size_t *unit, size_t n, double clip,
                   double dropout, uint64_t key)
{
    double loss = 0;
    pass_dropout(g->pass, dropout, 0);
    memset(sum->data, 0, sum->n_params * sizeof *sum->data);
    for (size_t at = 0, some; at < n; at += some) {
        some = n - at < g->n_one ? n - at : g->n_one;
        loss += grad_units(g, unit + at, some, key);
        for (size_t k = 0; k < some; k++) {
            const Lora *one = g->one[k];
            double size = sqrt(vec_dot_d(one->data, one->data, one->n_params));
            vec_axpy(sum->data, size > clip ? (float)(clip / size) : 1, one->data, sum->n_params);
            if (norm != NULL) norm[at + k] = size;
        }
    }
    return loss;
}

/* ---- training ---- */

static Status dp_check_docs(const Model *m, const DpDocs *d, Err *e)
{
    if (d->n == 0) FAIL(e, ERR_ARG, "no documents to train on");
    if (d->unit == NULL && d->n_units != d->n)
        FAIL(e, ERR_ARG, "%zu units for %zu documents, want one each", d->n_units, d->n);
    if (d->n_units < 2)
        FAIL(e, ERR_ARG, "%zu unit of privacy, want at least 2: one alone has none to hide among",
             d->n_units);
    for (size_t i = 0; i < d->n; i++) {
        if (d->unit != NULL && d->unit[i] >= d->n_units)
            FAIL(e, ERR_ARG, "document %zu: unit %zu, want below %zu", i, d->unit[i], d->n_units);
        if (pass_check(m, d->doc[i].ids, d->doc[i].n, e) != OK) return err_prefix(e, "document %zu", i);
    }
    return OK;
}

static Status dp_check_opts(const DpTrainOpts *o, Err *e)
{
    TRY(dp_check(&(DpRun){o->q, o->sigma == 0 ? 1 : o->sigma, o->steps, o->delta}, e));
    if (!(o->clip > 0)) FAIL(e, ERR_ARG, "clip = %g, want > 0", o->clip);
    if (o->sigma > 0 && isinf(o->clip))
        FAIL(e, ERR_ARG, "clip = inf with sigma = %g, want a bound", o->sigma);
    if (!(o->opt.lr >= 0 && o->opt.lr < 10)) FAIL(e, ERR_ARG, "learning rate = %g, want [0, 10)", o->opt.lr);
    if (!(o->dropout >= 0 && o->dropout < 1)) FAIL(e, ERR_ARG, "dropout = %g, want [0, 1)", o->dropout);
    return OK;
}

typedef struct {
    const DpTrainOpts *o;
    const DpDocs *d;
    Lora *l, *sum, *m1, *m2;
    DpGrad *grad;
    size_t *unit; /* of this step */
    double *norm;
    size_t seen, cut, empty;
} DpTrainer;

static Status dp_trainer_open(DpTrainer *t, Lora *l, const Model *m, Err *e)
{
    t->l = l;
    t->unit = malloc(t->d->n_units * sizeof *t->unit);
    t->norm = malloc(t->d->n_units * sizeof *t->norm);
    if (t->unit == NULL || t->norm == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu units", t->d->n_units);
    TRY(lora_like(&t->sum, l, e));
    TRY(lora_like(&t->m1, l, e));
    TRY(lora_like(&t->m2, l, e));
    return dp_grad_new(&t->grad, l, m, t->d, e);
}

static void dp_trainer_close(DpTrainer *t)
{
    dp_grad_free(t->grad);
    lora_free(t->sum);
    lora_free(t->m1);
    lora_free(t->m2);
    free(t->unit);
    free(t->norm);
}

static size_t dp_sample(size_t *unit, size_t n_units, double q, uint64_t seed, size_t step)
{
    Rng rng = rng_stream(seed, "dp sample", step);
    size_t n = 0;
    for (size_t u = 0; u < n_units; u++)
        if (rng_uniform(&rng) < q) unit[n++] = u;
    return n;
}

static void dp_step(DpTrainer *t, TrainNews *news)
{
    const DpTrainOpts *o = t->o;
    size_t n = dp_sample(t->unit, t->d->n_units, o->q, o->seed, news->step), n_params = t->sum->n_params;
    uint64_t key = rng_mix(o->seed ^ rng_mix(news->step));
    Rng rng = rng_stream(o->seed, "dp noise", news->step);
    double loss = dp_grad_sum(t->sum, t->norm, t->grad, t->unit, n, o->clip, o->dropout, key);
    news->loss = n > 0 ? loss / (double)n : 0;
    for (size_t k = 0; k < n; k++) {
        size_t u = t->unit[k];
        t->cut += t->norm[k] > o->clip;
        for (size_t i = t->grad->first[u]; i < t->grad->first[u + 1]; i++)
            news->tokens += t->d->doc[t->grad->doc[i]].n;
    }
    t->seen += n;
    t->empty += n == 0;
    if (o->sigma > 0) dp_noise(t->sum->data, n_params, o->sigma * o->clip, &rng);
    vec_scale(t->sum->data, (float)(1 / (o->q * (double)t->d->n_units)), n_params);
    news->grad_norm = sqrt(vec_dot_d(t->sum->data, t->sum->data, n_params));
    news->lr = o->opt.lr * adamw_cosine(news->step, news->steps, o->warmup, o->floor);
    AdamW a = o->opt;
    a.lr = news->lr;
    adamw_step(t->l->data, t->m1->data, t->m2->data, t->sum->data, n_params, &a, news->step + 1);
}

static Status dp_train_loop(DpTrained *out, DpTrainer *t, TrainWatch watch, void *ctx, Err *e)
{
    const DpTrainOpts *o = t->o;
    TrainNews news = {.steps = o->steps};
    out->run = (DpRun){o->q, o->sigma, o->steps, o->delta};
    for (bool on = true; on && news.step < o->steps; news.step++) {
        dp_step(t, &news);
        if (!isfinite(news.loss) || !isfinite(news.grad_norm))
            FAIL(e, ERR_NUM, "loss %g and gradient norm %g at step %zu, want finite numbers", news.loss,
                 news.grad_norm, news.step);
        on = watch == NULL || watch(ctx, &news);
    }
    out->empty = t->empty;
    out->clipped = t->seen > 0 ? (double)t->cut / (double)t->seen : 0;
    return OK;
}

Status dp_train_lora(DpTrained *out, Lora *l, const Model *m, const DpDocs *d, const DpTrainOpts *o,
                     TrainWatch watch, void *ctx, Err *e)
{
    LoraShape want = model_lora_shape(&m->cfg);
    DpTrainer t = {.o = o, .d = d};
    DpTrained r = {0};
    DpEps eps = {INFINITY, NAN};
    if (!lora_shape_same(&want, &l->shape)) FAIL(e, ERR_SHAPE, "the adapter is for a model of another shape");
    TRY(dp_check_opts(o, e));
    TRY(dp_check_docs(m, d, e));
    /* Before the work: a promise that the accountant cannot make is no reason to train. */
    if (o->sigma > 0) TRY(o->accountant->epsilon(&eps, &(DpRun){o->q, o->sigma, o->steps, o->delta}, e));
    Status s = dp_trainer_open(&t, l, m, e);
    if (s == OK) s = dp_train_loop(&r, &t, watch, ctx, e);
    dp_trainer_close(&t);
    if (s != OK) return s;
    l->dropout = o->dropout;
    r.epsilon = eps.epsilon;
    *out = r;
    return OK;
}

/* ---- release ---- */

Status dp_release(Lora *l, double *norm, double *epsilon, double clip, double sigma, double delta, Rng *rng,
                  Err *e)
{
    double eps = INFINITY;
    if (!(clip > 0 && isfinite(clip))) FAIL(e, ERR_ARG, "clip = %g, want > 0", clip);
    if (!(sigma >= 0 && isfinite(sigma))) FAIL(e, ERR_ARG, "sigma = %g, want >= 0", sigma);
    if (!(delta > 0 && delta < 1)) FAIL(e, ERR_ARG, "delta = %g, want (0, 1)", delta);
    if (sigma > 0) TRY(dp_gauss_epsilon(&eps, 2 / sigma, delta, e));
    lora_fold_scale(l);
    double size = sqrt(vec_dot_d(l->data, l->data, l->n_params));
    if (!isfinite(size)) FAIL(e, ERR_NUM, "norm of the adapter = %g, want a finite number", size);
    if (size > clip) vec_scale(l->data, (float)(clip / size), l->n_params);
    if (sigma > 0) dp_noise(l->data, l->n_params, sigma * clip, rng);
    if (norm != NULL) *norm = size;
    *epsilon = eps;
    return OK;
}
