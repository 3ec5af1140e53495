/* tok_train_priv.h - counting words and pairs while a vocabulary is learned. */
#ifndef PRIME_TOK_TRAIN_PRIV_H
#define PRIME_TOK_TRAIN_PRIV_H

#include "tok_priv.h"

/* A distinct word: its symbols are sym[at .. at + n), and its bytes began as text[at ..). */
typedef struct {
    uint32_t at, n;
    int64_t count;
} TrainWord;

typedef struct {
    Str text;
    TrainWord *word;
    size_t n, cap;
    uint32_t *slot; /* word index + 1, open addressing */
    size_t n_slot;
} TrainWords;
Status train_words_add(TrainWords *ws, const char *s, size_t n, Err *e) PRIME_MUST_USE;
void train_words_free(TrainWords *ws);

/* Two neighbours, how often they meet, and the words in which they ever met. */
typedef struct {
    int32_t left, right;
    int64_t count;
    uint32_t *word;
    uint32_t n_word, cap;
    bool queued; /* waits in the list of pairs that the last merge made more frequent */
    bool barred; /* its product is the text of a special token */
} TrainPair;

typedef struct {
    int64_t count; /* what it was when this entry was made */
    uint32_t pair;
} TrainRank;

typedef struct {
    const Tok *t;
    TrainPair *pair;
    size_t n, cap;
    uint32_t *slot; /* pair index + 1 */
    size_t n_slot;
    TrainRank *heap;
    size_t n_heap, cap_heap;
} TrainPairs;
/* train_pairs_add - change the count of (left, right) by `by`; list the word when `word` is not UINT32_MAX.
 * *index is the pair's place. */
Status train_pairs_add(TrainPairs *ps, int32_t left, int32_t right, int64_t by, uint32_t word,
                       uint32_t *index, Err *e) PRIME_MUST_USE;
Status train_pairs_push(TrainPairs *ps, uint32_t pair, Err *e) PRIME_MUST_USE;
/* train_pairs_best - the most frequent pair that is not barred, among equals the one whose left bytes, then
 * right bytes, come first. false when no pair occurs `least` times. */
bool train_pairs_best(TrainPairs *ps, int64_t least, uint32_t *pair);
void train_pairs_free(TrainPairs *ps);

#endif
