/* generate.h - answers to prompts, token by token: the likeliest ones or drawn ones, many texts at a time.
 *
 * What changes the logits, in the order of the Hugging Face library: repetition penalty, temperature, top-k,
 * top-p, min-p. A drawn token is the winner of an exponential race (token v arrives after -log(1 - u_v) /
 * weight_v, the earliest is taken), where u_v is a function of (seed, "generate", index of the text, place in
 * the answer, v) alone. So an answer depends neither on the texts beside it nor on threads, up to rounding:
 * blocks and their order are a function of the texts and the options, which makes any number of threads give
 * the same bits. Another `batch` or other texts beside it give products other shapes and change logits by
 * rounding, about 1e-6 of their size. That turns a greedy token only where two logits are that close, and a
 * drawn one with a probability of about the change over the temperature (0.6 of it, measured; at the edges of
 * top-k, top-p and min-p the same order): for logits around 10, one token in 10^5. The text goes on from
 * there on its own. */
#ifndef PRIME_GENERATE_H
#define PRIME_GENERATE_H

#include "prime/pass.h"

typedef struct {
    double temperature;        /* logits are divided by it; 0: the likeliest token, else [1e-6, 1e6] */
    size_t top_k;              /* only the k likeliest tokens; 0: all */
    double top_p;              /* in (0, 1]: of these, the fewest whose probabilities reach top_p */
    double min_p;              /* in [0, 1]: of these, the ones at least min_p times as likely as the first */
    double repetition_penalty; /* > 0: divides the logits > 0 of tokens in the text so far, multiplies the
                                  others of them; 1: none */
    size_t max_new;            /* tokens of an answer, at least 1 */
    const int32_t *stop;       /* [n_stop] ids that end an answer and are not part of it */
    size_t n_stop;
    uint64_t seed;
    size_t batch;    /* texts of a thread that take their steps together; 0: GEN_BATCH */
    size_t kv_bytes; /* bound on the keys and values of one thread, for more than one text at a time; 0:
                        GEN_KV_BYTES */
    size_t rows;     /* of a pass for prompts, beside one for each text; 0: 512 */
} GenOpts;

enum { GEN_BATCH = 64 };
#define GEN_KV_BYTES ((size_t)1 << 30)

typedef struct {
    const int32_t *ids; /* [n] prompt */
    size_t n, cand;     /* row of PassLora.w */
} GenItem;

/* GEN_LENGTH: max_new was reached, or prompt and answer fill the model's max_len. */
typedef enum { GEN_STOP, GEN_LENGTH } GenEnd;

typedef struct {
    size_t n; /* tokens of the answer */
    GenEnd end;
} GenOut;

/* gen_greedy - options for the likeliest answer of at most max_new tokens: no penalty, no stop, seed 0. */
GenOpts gen_greedy(size_t max_new);

/* gen_check - Errors: ERR_ARG an option out of its range, or a stop id outside n_vocab; value and bound are
 * named. */
Status gen_check(const GenOpts *o, size_t n_vocab, Err *e) PRIME_MUST_USE;

/* gen_texts - an answer to each item: ids [n, max_new], out [n]. Texts that are done make room for waiting
 * ones; neighbours with equal prompts and candidates share the keys and values of the prompt. A prompt of
 * max_len tokens gets an empty answer.
 * Within a limit of memory (memory.h) as with a smaller batch, kv_bytes and rows.
 * Errors: those of gen_check; ERR_ARG ids, lengths or candidates (the text is named); ERR_UNSUP the 'prime'
 * operator on unequal adapters; ERR_NUM logits that are not finite; ERR_NOMEM.
 * Cost: 2 (layer parameters) operations a prompt or answer token, 2 (head parameters) an answer token. */
Status gen_texts(int32_t *ids, GenOut *out, const Model *m, const PassLora *lora, size_t n_cand,
                 const GenItem *item, size_t n, const GenOpts *o, Err *e) PRIME_MUST_USE;

/* gen_kv_size - the most bytes of keys and values that gen_texts holds at a time on so many threads: at most
 * threads * max(kv_bytes, those of one text). The options and items are valid. */
size_t gen_kv_size(const ModelConfig *c, const GenItem *item, size_t n, const GenOpts *o, size_t threads);

/* ---- one token ---- */

typedef struct {
    float z, w; /* logit; weight relative to the likeliest token */
    int32_t id;
} GenEntry;

/* gen_penalise - the repetition penalty, once for each distinct one of ids [n] that does not bear `mark` yet:
 * z [V], seen [V] (marks; start with zeros, use a new mark > 0 for each row of logits).
 * Source: Keskar et al. 2019, arXiv:1909.05858, with the sign rule of the Hugging Face library. */
void gen_penalise(float *z, const int32_t *ids, size_t n, double penalty, uint32_t *seen, uint32_t mark);

/* gen_pick - a token by logits z [n], n > 0, all finite; o is valid, its penalty not applied here. key: fresh
 * random bits for every draw. w [n] and entry [n] are scratch. Equal logits rank by id, smaller first.
 * Cost: O(n); nothing is sorted.
 * Source: top-k Fan et al. 2018, arXiv:1805.04833; top-p Holtzman et al. 2020, arXiv:1904.09751; min-p Nguyen
 * et al. 2024, arXiv:2407.01082; the race as in Maddison et al. 2014, arXiv:1411.0030, on exponentials.
 * Differs: the Hugging Face library keeps all tokens that tie with the k-th. Weights are float32 exponentials
 * (relative error 3e-7); a token e^-87 times as likely as the first is never drawn. */
int32_t gen_pick(const float *z, size_t n, const GenOpts *o, uint64_t key, float *w, GenEntry *entry);

#endif
