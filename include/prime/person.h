/* person.h - one person's adapter: trained on the history of one person in one task, as the anchors of an
 * audit are, and measured on what it was trained on and on the same person's held-out records. Also its
 * gates, and an adapter put together from others' by their gates. */
#ifndef PRIME_PERSON_H
#define PRIME_PERSON_H

#include "prime/dp_train.h"
#include "prime/perpcs.h"
#include "prime/train.h"

/* Differential privacy (dp_train.h). The unit is one record of a history, or one person with all of theirs,
 * which wants an adapter of several people: whoever is alone in an adapter has nobody to hide among. A record
 * that another one quotes (as retrieved context) is in both of their units. Sampling rate batch_docs / units,
 * epochs * ceil(units / batch_docs) steps; batch_docs, dropout, lr and the rest are those of
 * PersonOpts.train, its clip is not used. */
typedef struct {
    const DpAccountant *accountant; /* NULL: no privacy */
    double sigma;                   /* noise over clip; or, when NaN, */
    double epsilon;                 /* the least noise with this epsilon */
    double delta, clip;
    bool user_level; /* the unit is a person */
} PersonDp;

typedef struct {
    const char *model, *data, *task; /* folders, names */
    const char *user;                /* whose history; of person_train: or several people, with commas */
    const char *out;                 /* folder to write */
    const char *modules;             /* names as lora_kinds_named takes them, with commas */
    size_t rank;
    double alpha;
    TrainOpts train;
    PersonDp dp;
} PersonOpts;

/* Losses are nats a token over the answers and their end tokens; NaN where there is no such record. */
typedef struct {
    size_t records, heldout, steps, params;
    double before, after, heldout_before, heldout_after;
    double seconds; /* of training */
    DpTrained dp;   /* with privacy only. The losses above are not covered by it */
} PersonResult;

/* train_private - train_lora with the promise of dp to the units of d: fills *out. Errors: those of dp_sigma
 * and dp_train_lora; ERR_ARG a batch of 0. */
Status train_private(DpTrained *out, Lora *l, const Model *m, const DpDocs *d, const TrainOpts *o,
                     const PersonDp *dp, TrainWatch watch, void *ctx, Err *e) PRIME_MUST_USE;

/* person_default - rank 8, alpha 8 on the products of attention; train_default, or train_paper when `paper`.
 */
PersonOpts person_default(bool paper);

/* person_train - train and save an adapter in PEFT's layout. Errors: those of loading, training and saving;
 * those of dp_train_lora and dp_sigma with privacy; ERR_ARG a task or person that is not known, a person
 * without history or named twice, a person whom the base model has read (its folder lists them in users.txt),
 * privacy of people with one person. Nothing is written after a failure. */
Status person_train(PersonResult *r, const PersonOpts *o, TrainWatch watch, void *ctx, Err *e) PRIME_MUST_USE;

/* person_gate - train gates, from zero, for the adapter in the folder o->out on the history of the person
 * whose adapter it is, and save them beside it (gate.h). o->train as train_gate wants it; modules, rank and
 * alpha are not read. Losses are those of base, adapter and gates: before training every input is halved.
 * Errors: those of person_train; of lora_load, train_gate and gate_save. */
Status person_gate(PersonResult *r, const PersonOpts *o, TrainWatch watch, void *ctx, Err *e) PRIME_MUST_USE;

/* Adapters with gates beside them, and how they are chosen from. */
typedef struct {
    const char *const *dir; /* [k] */
    size_t k, recent;       /* the last `recent` records of the history count; 0 for all */
    PerpcsOpts perpcs;
} PersonAnchors;

/* person_assemble - an adapter for the person from the anchors' (perpcs_assemble), saved in o->out. *weight
 * [sites, k], in fresh memory (caller frees): each anchor's mean weight. Losses are those of the base and of
 * the adapter, over the records that chose it. Errors: those of person_train but training; of lora_load,
 * gate_load and perpcs_assemble. */
Status person_assemble(PersonResult *r, double **weight, const PersonOpts *o, const PersonAnchors *anchors,
                       Err *e) PRIME_MUST_USE;

#endif
