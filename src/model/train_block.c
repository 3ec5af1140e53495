/* train_block.c - forward, loss and gradient of some documents at once. */
#include "train_priv.h"

#include "prime/par.h"
#include "prime/vec.h"

#include <stdlib.h>
#include <string.h>

Status train_block_new(TrainBlock *b, const Model *m, size_t rows, size_t docs, size_t width, Err *e)
{
    *b = (TrainBlock){.seq = calloc(docs, sizeof *b->seq),
                      .target = calloc(docs, sizeof *b->target),
                      .part = calloc(docs, sizeof *b->part),
                      .loss = calloc(docs, sizeof *b->loss),
                      .rows = rows,
                      .width = width};
    if (b->seq == NULL || b->target == NULL || b->part == NULL || b->loss == NULL)
        FAIL(e, ERR_NOMEM, "no memory for a batch of %zu documents", docs);
    return pass_new(&b->pass, m, rows, width, true, e);
}

void train_block_free(TrainBlock *b)
{
    pass_free(b->pass);
    pass_free(b->second);
    lora_free(b->spill);
    model_params_free(&b->grad);
    free(b->seq);
    free(b->target);
    free(b->part);
    free(b->loss);
}

void train_block_add(TrainBlock *b, const TrainDoc *doc, const size_t *which, size_t n, bool answers,
                     float scale)
{
    for (size_t i = 0; i < n; i++, b->n++) {
        const TrainDoc *d = &doc[which[i]];
        size_t targets = train_targets(d, answers);
        b->seq[b->n] = (PassSeq){.ids = d->ids, .n = d->n};
        b->target[b->n] = (PassTarget){targets > 0 ? d->n - targets : d->n, d->n, scale};
    }
}

/* The last token is predicted and predicts none; without a target nothing of a document is read. */
void train_block_add_part(TrainBlock *b, const TrainDoc *doc, const size_t *which, size_t n, float scale,
                          const PassPart *part)
{
    size_t row = part->drop_row;
    for (size_t i = 0; i < n; row += doc[which[i]].n, i++) {
        const TrainDoc *d = &doc[which[i]];
        size_t targets = train_targets(d, true);
        if (targets == 0) continue;
        b->seq[b->n] = (PassSeq){.ids = d->ids, .n = d->n - 1};
        b->target[b->n] = (PassTarget){d->n - targets, d->n, scale};
        b->part[b->n] = (PassPart){part->bank, part->grad, part->drop_key, row, 1};
        b->n++;
    }
}

/* ---- passes ---- */

static size_t block_rows(const TrainBlock *b, size_t from, size_t to)
{
    size_t rows = 0;
    for (size_t i = from; i < to; i++) rows += b->seq[i].n;
    return rows;
}

/* The end of the first of n about equal shares of the sequences from..to-1: at least one of them. */
static size_t share_end(const TrainBlock *b, size_t from, size_t to, size_t n)
{
    size_t goal = block_rows(b, from, to) / n, at = from + 1, rows = b->seq[from].n;
    while (at < to && 2 * rows + b->seq[at].n <= 2 * goal) rows += b->seq[at++].n;
    return at;
}

/* Sequences from..to-1 of the block, under its own parts where `lora` is NULL. */
static void block_pass(const TrainBlock *b, Pass *p, size_t from, size_t to, const Model *m,
                       const PassLora *lora, const PassGrad *grad)
{
    PassLora parts = {.part = b->part + from, .n_parts = to - from};
    if (lora == NULL && grad->base == NULL) lora = &parts;
    pass_forward(p, m, b->seq + from, to - from, lora, NULL);
    pass_loss_each(b->loss + from, p, m, b->seq + from, b->target + from, to - from, lora, grad);
}

/* In as many passes as the rows ask for. */
static void block_passes(const TrainBlock *b, Pass *p, size_t from, size_t end, const Model *m,
                         const PassLora *lora, const PassGrad *grad)
{
    for (size_t to; from < end; from = to) {
        size_t rows = b->seq[from].n, n = (block_rows(b, from, end) + b->rows - 1) / b->rows,
               even = share_end(b, from, end, n);
        for (to = from + 1; to < even && rows + b->seq[to].n <= b->rows; to++) rows += b->seq[to].n;
        block_pass(b, p, from, to, m, lora, grad);
    }
}

void train_block_run(TrainBlock *b, const Model *m, const PassLora *lora, const PassGrad *grad)
{
    block_passes(b, b->pass, 0, b->n, m, lora, grad);
}

/* ---- two halves ---- */

Status train_block_halve(TrainBlock *b, const Model *m, const Lora *like, size_t rows, double dropout, Err *e)
{
    pass_dropout(b->pass, dropout, 0);
    if (rows < TRAIN_SPLIT) return OK;
    TRY(lora_like(&b->spill, like, e));
    if (par_threads() < 2) return OK;
    TRY(pass_new(&b->second, m, b->rows, b->width, true, e));
    pass_dropout(b->second, dropout, 0);
    return OK;
}

typedef struct {
    const TrainBlock *b;
    const Model *m;
    size_t cut;
} Halves;

static Status half_job(void *ctx, size_t half, size_t thread, Err *e)
{
    (void)e;
    const Halves *h = ctx;
    const TrainBlock *b = h->b;
    block_passes(b, thread == 0 ? b->pass : b->second, half == 0 ? 0 : h->cut, half == 0 ? h->cut : b->n,
                 h->m, NULL, &(PassGrad){0});
    return OK;
}

/* The adapter whose documents lie on both sides of the cut gets the second side's gradient by way of `spill`.
 */
Status train_block_run_halves(TrainBlock *b, const Model *m, Err *e)
{
    if (block_rows(b, 0, b->n) < TRAIN_SPLIT) {
        train_block_run(b, m, NULL, &(PassGrad){0});
        return OK;
    }
    Halves h = {b, m, share_end(b, 0, b->n, 2)};
    Lora *both = h.cut < b->n && b->part[h.cut].grad == b->part[h.cut - 1].grad ? b->part[h.cut].grad : NULL;
    for (size_t i = h.cut; both != NULL && i < b->n && b->part[i].grad == both; i++)
        b->part[i].grad = b->spill;
    if (both != NULL) memset(b->spill->data, 0, b->spill->n_params * sizeof *b->spill->data);
    TRY(par_run(2, b->second != NULL ? 2 : 1, half_job, &h, e));
    if (both != NULL) vec_axpy(both->data, 1, b->spill->data, both->n_params);
    return OK;
}

double train_block_loss(const TrainBlock *b, size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++) sum += b->loss[i];
    return sum;
}
