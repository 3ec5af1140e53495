/* bm25.h - which documents of a history fit a question best: Okapi's BM25 over an inverted index. */
#ifndef PRIME_BM25_H
#define PRIME_BM25_H

#include "prime/arena.h"
#include "prime/err.h"

#include <stddef.h>

typedef struct {
    double k1;      /* > 0: how soon more of the same word stops counting */
    double b;       /* in [0, 1]: how much long documents are discounted */
    double epsilon; /* >= 0: part of the mean idf that stands in for a negative one */
} Bm25Options;

/* bm25_defaults - 1.5, 0.75, 0.25. */
Bm25Options bm25_defaults(void);

typedef struct Bm25 Bm25;

/* bm25_new - index documents doc [n], which may be freed afterwards. Terms are what lies between single
 * blanks, byte for byte: two blanks in a row, one at an end, and an empty document have an empty term, as in
 * Python's split(" "). An index is never changed: threads may share it.
 * bm25_free - accepts NULL.
 *   o         NULL for the defaults
 * Errors: ERR_ARG an option out of range, or more documents or terms than 32 bits count; ERR_NOMEM.
 * Cost: O(bytes + n sqrt(terms in all)); memory about 8 bytes a distinct term of a document, 50 a distinct
 * term of all, and 20 a term while it is built.
 * Source: Robertson and Zaragoza 2009, The probabilistic relevance framework: BM25 and beyond, in the form of
 * rank_bm25's BM25Okapi: idf(t) = log(n - n_t + 0.5) - log(n_t + 0.5), or epsilon times the mean of idf over
 * all terms where that is negative (the mean may be negative as well).
 * Reference: fixtures/ref/task/bm25.csv. */
Status bm25_new(Bm25 **out, const char *const *doc, size_t n, const Bm25Options *o, Err *e) PRIME_MUST_USE;
void bm25_free(Bm25 *x);

/* bm25_count - number of documents. */
size_t bm25_count(const Bm25 *x);

/* bm25_scores - how well each of the first m <= bm25_count(x) documents fits the query, as if there were no
 * others: idf, mean idf and mean length are those of the first m. A term that the query repeats counts as
 * often.
 *   out       [m]
 *   scratch   reset first, grows as needed; nothing in it is needed afterwards
 * Errors: ERR_NOMEM.
 * Cost: O(bytes of the query + m + documents that have its terms).
 * Differs: repeated terms are added once, times their number, so that last digits may differ from a sum. */
Status bm25_scores(double *out, const Bm25 *x, const char *query, size_t m, Arena *scratch,
                   Err *e) PRIME_MUST_USE;

/* bm25_top - the best of the first m documents, best first; of equal ones the later one first, that is the
 * more recent one of a history.
 *   idx       [k]
 *   found     min(k, m): so many are written
 * Errors: those of bm25_scores.
 * Cost: that of bm25_scores, and O(m k) at worst.
 * Differs: rank_bm25 reverses numpy's argsort, which leaves equal scores of up to 16 documents in this order
 * and makes no promise for more. */
Status bm25_top(size_t *idx, size_t *found, size_t k, const Bm25 *x, const char *query, size_t m,
                Arena *scratch, Err *e) PRIME_MUST_USE;

#endif
