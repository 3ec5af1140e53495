/* train_block.c - forward, loss and gradient of some documents at once. */
#include "train_priv.h"

#include <stdlib.h>

Status train_block_new(TrainBlock *b, const Model *m, size_t rows, size_t docs, size_t width, Err *e)
{
    *b = (TrainBlock){.seq = calloc(docs, sizeof *b->seq),
                      .target = calloc(docs, sizeof *b->target),
                      .part = calloc(docs, sizeof *b->part),
                      .loss = calloc(docs, sizeof *b->loss),
                      .rows = rows};
    if (b->seq == NULL || b->target == NULL || b->part == NULL || b->loss == NULL)
        FAIL(e, ERR_NOMEM, "no memory for a batch of %zu documents", docs);
    return pass_new(&b->pass, m, rows, width, true, e);
}

void train_block_free(TrainBlock *b)
{
    pass_free(b->pass);
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

/* Sequences from..to-1 of the block, under its own parts where `lora` is NULL. */
static void block_pass(TrainBlock *b, size_t from, size_t to, const Model *m, const PassLora *lora,
                       const PassGrad *grad)
{
    PassLora parts = {.part = b->part + from, .n_parts = to - from};
    if (lora == NULL && grad->base == NULL) lora = &parts;
    pass_forward(b->pass, m, b->seq + from, to - from, lora, NULL);
    pass_loss_each(b->loss + from, b->pass, m, b->seq + from, b->target + from, to - from, lora, grad);
}

void train_block_run(TrainBlock *b, const Model *m, const PassLora *lora, const PassGrad *grad)
{
    for (size_t from = 0, to; from < b->n; from = to) {
        size_t rows = b->seq[from].n;
        for (to = from + 1; to < b->n && rows + b->seq[to].n <= b->rows; to++) rows += b->seq[to].n;
        block_pass(b, from, to, m, lora, grad);
    }
}

double train_block_loss(const TrainBlock *b, size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++) sum += b->loss[i];
    return sum;
}
