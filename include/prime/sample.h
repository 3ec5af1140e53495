/* sample.h - records as token ids: what a model is trained on, scored on and asked.
 *
 * A sample is what the tokenizer's template begins a text with, prompt, answer, [eos]; `skip` counts the
 * tokens before the answer. Prompt and answer are encoded as one text, as a model meets them that reads on,
 * and parted by place: a token that holds bytes of both is the answer's (tok_encode_joint). Encoded apart, a
 * tokenizer that writes something before each text would write it before the answer, too. */
#ifndef PRIME_SAMPLE_H
#define PRIME_SAMPLE_H

#include "prime/arena.h"
#include "prime/model.h"
#include "prime/task.h"
#include "prime/tok.h"

typedef struct {
    const int32_t *ids;
    size_t n, skip;
} Sample;

/* sample_make - the sample of one record; output NULL gives the prompt alone (skip = n). ctx is what the
 * prompt begins with, or NULL; then task is the query's, else the record's form (DataRecord.task). Ids live
 * in the arena. A sample that is longer than the model's positions (less `reserve` tokens for an answer still
 * to be generated) loses tokens from the prompt, just before its last SAMPLE_TAIL ones, which hold the
 * question. Differs: the released code cuts on the right and can lose the whole answer. Errors: ERR_NOMEM;
 * ERR_ARG an answer that is longer than half the positions. */
enum { SAMPLE_TAIL = 8 };
Status sample_make(Sample *out, Arena *arena, const Tok *tok, const ModelConfig *cfg, const Task *task,
                   const TaskContext *ctx, const char *input, const char *output, size_t reserve,
                   Err *e) PRIME_MUST_USE;

/* sample_join - several pieces of text as one sample, each followed by eos; skip covers the first piece up to
 * its `answer_at` byte. For training documents that hold more than one
 * question; one that is longer than the model's positions is cut at its end. */
typedef struct {
    const char *text;
    size_t answer_at; /* bytes before the answer */
} SamplePiece;
Status sample_join(Sample *out, Arena *arena, const Tok *tok, const ModelConfig *cfg,
                   const SamplePiece *piece, size_t n, Err *e) PRIME_MUST_USE;

#endif
