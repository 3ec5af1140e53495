/* train_priv.h - what the kinds of training share: the course of a run, and one block of its documents. */
#ifndef PRIME_TRAIN_PRIV_H
#define PRIME_TRAIN_PRIV_H

#include "prime/pass.h"
#include "prime/train.h"

/* ---- train_course.c: which documents when, and the news of it ---- */

typedef struct {
    const TrainDoc *doc;
    size_t n;
    const TrainOpts *o;
    TrainWatch watch;
    void *ctx;
    size_t *order, *start; /* documents in the order of this epoch; first of each batch, and the end */
    size_t n_batches, batch, epochs; /* of this epoch; the next one of it; epochs begun */
    TrainNews news;
    bool stopped;
} TrainCourse;

/* train_check - documents and options. Errors: ERR_ARG. */
Status train_check(const Model *m, const TrainDoc *doc, size_t n, const TrainOpts *o, Err *e) PRIME_MUST_USE;

/* train_course_open - doc and o are borrowed. Errors: ERR_NOMEM. train_course_close undoes it, half done or
 * not. */
Status train_course_open(TrainCourse *c, const TrainDoc *doc, size_t n, const TrainOpts *o, TrainWatch watch,
                         void *ctx, Err *e) PRIME_MUST_USE;
void train_course_close(TrainCourse *c);
/* train_course_next - the documents of the next step, and its rate in news.lr; false when there is none.
 * train_course_told - after the step, whose loss and norm are in news. Errors: ERR_NUM when these are not
 * finite. */
bool train_course_next(TrainCourse *c, const size_t **which, size_t *n);
Status train_course_told(TrainCourse *c, const size_t *which, size_t n, Err *e) PRIME_MUST_USE;

/* As train_most_rows, of documents. */
size_t train_most_docs(size_t n, const TrainOpts *o);
/* train_targets - tokens of a document that count: all, or answers alone. */
size_t train_targets(const TrainDoc *d, bool answers);

/* ---- train_block.c: forward, loss and gradient of some documents ---- */

/* Rows of a step that is worth two threads. */
enum { TRAIN_SPLIT = 256 };

typedef struct {
    Pass *pass, *second; /* second: of the other thread; NULL: there is none */
    PassSeq *seq;
    PassTarget *target;
    PassPart *part; /* of adapters: one a document, so that masks go by document */
    double *loss;
    size_t n, rows, width; /* rows: of a pass; width: of adapters */
    ModelParams grad;      /* base training */
    Lora *spill;           /* halves: the gradient of an adapter on both sides of the cut */
} TrainBlock;

Status train_block_new(TrainBlock *b, const Model *m, size_t rows, size_t docs, size_t width,
                       Err *e) PRIME_MUST_USE;
void train_block_free(TrainBlock *b);
/* train_block_add - whole documents behind what the block holds. train_block_add_part - documents of one
 * adapter for their answers: what no target depends on is left out. part: bank, grad and drop_key of all of
 * them, and what the first row counts as. */
void train_block_add(TrainBlock *b, const TrainDoc *doc, const size_t *which, size_t n, bool answers,
                     float scale);
void train_block_add_part(TrainBlock *b, const TrainDoc *doc, const size_t *which, size_t n, float scale,
                          const PassPart *part);
/* train_block_run - a pass there and back; lora NULL without grad->base: the block's parts, in as many passes
 * as its rows ask for. */
void train_block_run(TrainBlock *b, const Model *m, const PassLora *lora, const PassGrad *grad);
/* train_block_halve - from now on train_block_run_halves, for steps of at most `rows` rows of adapters like
 * `like`. Errors: ERR_NOMEM.
 * train_block_run_halves - as train_block_run under the block's parts; from TRAIN_SPLIT rows on in two halves
 * of about equal rows, on two threads where there are two: the same bits on one. Errors: none. */
Status train_block_halve(TrainBlock *b, const Model *m, const Lora *like, size_t rows, double dropout,
                         Err *e) PRIME_MUST_USE;
Status train_block_run_halves(TrainBlock *b, const Model *m, Err *e) PRIME_MUST_USE;
/* train_block_loss - the sum over the entries from..to-1 of the last run. */
double train_block_loss(const TrainBlock *b, size_t from, size_t to);

/* ---- train_lora.c ---- */

/* train_update - clips and takes one step of AdamW; news holds step and lr and gets the norm. */
void train_update(float *w, float *m1, float *m2, float *grad, size_t n, const TrainOpts *o, TrainNews *news);

#endif
