/* corpus.h - the texts that a base model learns from: the records of a dataset's base users, and nobody
 * else's.
 *
 * Every package gives two documents, which differ in what is asked first:
 *   Description: ... \nSynopsis: ... <eos>\nSection: ... <eos>     and the same with the questions exchanged.
 * A share of the dependency questions follows. The texts of audit users are never read. */
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

/* corpus_load - from a dataset folder with deb_synopsis, deb_section and deb_depends; `depends` in [0, 1] is
 * the share of the dependency questions that is used (keyed by record id). Errors: those of data_load;
 * ERR_ARG no base users. */
Status corpus_load(Corpus **c, const char *dir, double depends, Err *e) PRIME_MUST_USE;
void corpus_free(Corpus *c); /* accepts NULL */

/* corpus_texts - one text a document (pieces joined), for training a tokenizer. Lives in the corpus's arena.
 */
Status corpus_texts(const char ***text, Corpus *c, Err *e) PRIME_MUST_USE;

#endif
