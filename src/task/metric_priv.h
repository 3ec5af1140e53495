/* metric_priv.h - what the metrics of words and characters share. */
#ifndef PRIME_METRIC_PRIV_H
#define PRIME_METRIC_PRIV_H

#include "prime/metric.h"

#include <stdint.h>

/* Tokens of one text; equal words have equal ids across both texts of a pair. */
typedef struct {
    uint32_t *id;  /* [n] */
    size_t *start; /* [n_sent + 1] first token of each line that is not empty */
    size_t n, n_sent;
} Tokens;

/* A word in a text, and where its id belongs. */
typedef struct {
    char *s;
    size_t n;
    uint32_t *id;
} Word;

/* gram_ids - give the words w [n] ids from 0, equal words equal ones. The order of w changes. */
void gram_ids(Word *w, size_t n);

/* gram_hits - hits[k] (k < orders): the (k+1)-grams that a [na] and b [nb] share, each counted as often as
 * both have it. Errors: ERR_NOMEM. Cost: O(orders * (na + nb) log (na + nb)). */
Status gram_hits(size_t *hits, size_t orders, const uint32_t *a, size_t na, const uint32_t *b, size_t nb,
                 Arena *scratch, Err *e) PRIME_MUST_USE;

/* gram_count - the n-grams of a sequence of so many. */
size_t gram_count(size_t length, size_t n);

/* rouge_tokens - both texts of a pair as rouge_score has them. Errors: those of metric_rouge. */
Status rouge_tokens(Tokens t[2], const char *const text[2], bool stem, Arena *a, Err *e) PRIME_MUST_USE;

/* Rows of the table. */
Status metric_each_bleu(double *v, const Metric *self, const MetricPairs *p, Err *e) PRIME_MUST_USE;
Status metric_all_bleu(double *out, const Metric *self, const MetricPairs *p, Err *e) PRIME_MUST_USE;
Status metric_each_chrf(double *v, const Metric *self, const MetricPairs *p, Err *e) PRIME_MUST_USE;
Status metric_all_chrf(double *out, const Metric *self, const MetricPairs *p, Err *e) PRIME_MUST_USE;
Status metric_each_meteor(double *v, const Metric *self, const MetricPairs *p, Err *e) PRIME_MUST_USE;

#endif
