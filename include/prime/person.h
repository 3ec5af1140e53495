/* person.h - one person's adapter: trained on the history of one person in one task, as the anchors of an
 * audit are, and measured on what it was trained on and on the same person's held-out records. */
#ifndef PRIME_PERSON_H
#define PRIME_PERSON_H

#include "prime/train.h"

typedef struct {
    const char *model, *data, *task, *user; /* folders, names */
    const char *out;                        /* folder to write */
    const char *modules;                    /* names as lora_kinds_named takes them, with commas */
    size_t rank;
    double alpha;
    TrainOpts train;
} PersonOpts;

/* Losses are nats a token over the answers and their end tokens; NaN where there is no such record. */
typedef struct {
    size_t records, heldout, steps, params;
    double before, after, heldout_before, heldout_after;
    double seconds; /* of training */
} PersonResult;

/* person_default - rank 8, alpha 8 on the products of attention; train_default, or train_paper when `paper`.
 */
PersonOpts person_default(bool paper);

/* person_train - train and save an adapter in PEFT's layout. Errors: those of loading, training and saving;
 * ERR_ARG a task or person that is not known, a person without history, a person whom the base model has
 * read (its folder lists them in users.txt). Nothing is written after a failure. */
Status person_train(PersonResult *r, const PersonOpts *o, TrainWatch watch, void *ctx, Err *e) PRIME_MUST_USE;

#endif
