/* generate_priv.h - how the texts of a call are cut into blocks, and what a block needs. */
#ifndef PRIME_GENERATE_PRIV_H
#define PRIME_GENERATE_PRIV_H

#include "prime/generate.h"

/* Rows of a pass for prompts, besides one for each text (more when a prompt must be read whole); rows of
 * logits at a time; batches of a block, so that texts that end are replaced. */
enum { GEN_ROWS = 512, GEN_CHUNK = 32, GEN_ROUNDS = 2 };

typedef struct {
    size_t slots, prefixes; /* of the KvCache: slots first */
    size_t cap;             /* tokens of a slot */
    size_t rows;            /* of a pass: one for each slot, and what is left for prompts */
} GenPlan;

/* gen_share - items of a block, a function of their number and the batch alone. */
size_t gen_share(size_t n, const GenOpts *o);

/* gen_batch_size - texts that take their steps together, if memory allows. */
size_t gen_batch_size(const GenOpts *o);

/* gen_whole - whether a prompt of n tokens must be read by one pass: dynamic rotary scaling turns all its
 * keys by the length that is read, as the Hugging Face library does. */
bool gen_whole(const ModelConfig *c, size_t n);

/* gen_same_prompt - whether items a and b can share the keys and values of all prompt tokens but the last. */
bool gen_same_prompt(const ModelConfig *c, const GenItem *a, const GenItem *b);

/* gen_room - tokens that an answer to `it` can have. */
size_t gen_room(const ModelConfig *c, const GenItem *it, const GenOpts *o);

/* gen_fit - options and threads within the limit of memory; width: of the adapters' bank. Errors: ERR_NOMEM a
 * single text does not fit. */
Status gen_fit(GenOpts *o, size_t *threads, const Model *m, size_t width, const GenItem *item, size_t n,
               Err *e) PRIME_MUST_USE;

/* gen_plan - for the block item [n], n > 0. */
GenPlan gen_plan(const ModelConfig *c, const GenItem *item, size_t n, const GenOpts *o);

#endif
