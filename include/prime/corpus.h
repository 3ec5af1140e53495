/* corpus.h - the texts that a base model learns from: the records of a dataset's base users, and nobody
 * else's.
 *
 * Every package gives two documents, which differ in what is asked first:
 *   Description: ... \nSynopsis: ... <eos>\nSection: ... <eos>     and the same with the questions exchanged.
 * A share of the dependency questions follows, and a share of the first documents ends with one more
 * question, \nQuote: ... whose answer is a run of QUOTE_WORDS words of the description: it teaches to copy
 * from the prompt, which is what a synopsis mostly does. The texts of audit users are never read. */
#ifndef PRIME_CORPUS_H
#define PRIME_CORPUS_H

#include "prime/arena.h"
#include "prime/data.h"
#include "prime/sample.h"

typedef struct {
    SamplePiece *piece; /* one document after another */
    size_t *start;      /* document d has pieces start[d] .. start[d+1] */
    size_t n_docs, n_pieces;
    const char **user; /* [n_users] ids of the base users whose texts are here, sorted */
    size_t n_users;
    const char *salt_id, *release;
    Arena arena;
} Corpus;

enum { QUOTE_WORDS = 14 };

/* Shares in [0, 1], keyed by record: of the dependency questions, and of the other documents that end in a
 * quote. */
typedef struct {
    double depends, quotes;
} CorpusMix;

/* corpus_load - from a dataset folder with deb_synopsis, deb_section and deb_depends. Errors: those of
 * data_load; ERR_ARG no base users. */
Status corpus_load(Corpus **c, const char *dir, const CorpusMix *mix, Err *e) PRIME_MUST_USE;
void corpus_free(Corpus *c); /* accepts NULL */

/* corpus_texts - one text a document (pieces joined), for training a tokenizer. Lives in the corpus's arena.
 */
Status corpus_texts(const char ***text, Corpus *c, Err *e) PRIME_MUST_USE;

#endif
