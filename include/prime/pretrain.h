/* pretrain.h - a base model from a dataset's base users: tokenizer, weights, and a record of how they came
 * about. */
#ifndef PRIME_PRETRAIN_H
#define PRIME_PRETRAIN_H

#include "prime/corpus.h"
#include "prime/train.h"

typedef struct {
    const char *data, *out;
    const char *from; /* folder of a base model to go on with: its sizes and tokenizer; NULL = a new one */
    size_t n_vocab, n_hidden, n_layers, n_heads, n_kv, n_ffn, max_len;
    CorpusMix mix;
    size_t save_every; /* steps between checkpoints in out, 0 for none */
    TrainOpts train;
} PretrainOpts;

/* pretrain_default - the committed base model's recipe. */
PretrainOpts pretrain_default(void);

/* What there is to tell afterwards. */
typedef struct {
    size_t docs, users, params, tokens, steps;
    double loss, wall; /* mean training loss of the last 100 steps, nats a token; seconds */
} PretrainResult;

/* pretrain_run - writes OUT/{config.json,model.safetensors (bf16),tokenizer.json,users.txt,recipe.json}.
 * users.txt lists the ids of the people whose texts were used: selection refuses them as anchors and targets.
 * Errors: those of data_load, training and files; ERR_ARG options. */
Status pretrain_run(PretrainResult *r, const PretrainOpts *o, TrainWatch watch, void *ctx,
                    Err *e) PRIME_MUST_USE;

/* The special token that ends every answer, id 0. */
#define PRETRAIN_EOS "<|end|>"

#endif
