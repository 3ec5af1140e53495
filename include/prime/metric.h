/* metric.h - how far answers are from golds. Kernels work on two strings, corpus functions on n pairs. */
#ifndef PRIME_METRIC_H
#define PRIME_METRIC_H

#include "prime/arena.h"
#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Precision, recall and their harmonic mean, each in [0, 1]. */
typedef struct {
    double p, r, f;
} Rouge;
typedef struct {
    Rouge r1, r2, rl, rlsum;
} RougeAll;

enum { METRIC_MAX_TOKENS = 1 << 16, METRIC_MAX_TABLE = 1 << 26 };

/* metric_rouge - ROUGE-1, -2, -L and -Lsum of one pair.
 * Tokens are runs of a-z and 0-9 after lower-casing; any other byte separates, so that accented letters split
 * words. A pair in which one side has no token scores 0. For Lsum the lines of a text are its sentences.
 *   stem      tokens of more than 3 characters are cut to their stems (stem.h) first
 *   scratch   grows as needed; nothing in it is needed afterwards
 * Errors: ERR_ARG a text has more than METRIC_MAX_TOKENS tokens, or two sentences make a table of more than
 * METRIC_MAX_TABLE entries; ERR_NOMEM.
 * Cost: O(tokens of the target * tokens of the prediction).
 * Source: Lin 2004, ROUGE: a package for automatic evaluation of summaries; as computed by Google's
 * rouge_score. Reference: fixtures/ref/task/rouge.csv, rouge_stem.csv. */
Status metric_rouge(RougeAll *out, const char *target, const char *prediction, bool stem, Arena *scratch,
                    Err *e) PRIME_MUST_USE;

/* metric_exact - 1 when both are the same after white space at the ends is gone, else 0. */
double metric_exact(const char *gold, const char *pred);

/* metric_rating - the rating, in stars from 1 to 5, that LaMP reads from an answer: the number it is, or,
 * when it is none, the extreme that is farther from the gold (5 on a tie; 2.5 when the gold is no number
 * either). Source: LaMP, eval/evaluation.py; the 2.5 is PriME's. Differs: "nan" and "inf" are no numbers here
 * (there they make the metric fail), nor is "1_0",
 * nor what is beyond 1e100. */
double metric_rating(const char *gold, const char *pred);

/* Pairs to be judged; label [n_labels] is the closed set of answers where there is one. */
typedef struct {
    const char *const *gold, *const *pred; /* [n] */
    size_t n;
    const char *const *label;
    size_t n_labels;
} MetricPairs;

/* How the values of records become the value of a corpus. */
typedef enum {
    FOLD_MEAN,
    FOLD_ROOT_MEAN, /* the square root of their mean */
    FOLD_NONE       /* not a function of values of records: macro-F1 */
} MetricFold;

typedef struct Metric Metric;
struct Metric {
    const char *name, *what, *source;
    bool higher;       /* is more better? */
    bool needs_labels; /* judged against the closed set */
    MetricFold fold;
    /* v [n]: the value of each record; NULL for FOLD_NONE. */
    Status (*records)(double *v, const Metric *self, const MetricPairs *p, Err *e);
    /* The value of the corpus, for FOLD_NONE. */
    Status (*corpus)(double *out, const Metric *self, const MetricPairs *p, Err *e);
};

size_t metric_count(void);
const Metric *metric_at(size_t i);
/* metric_find - by name, or NULL. metric_nearest - for messages, or NULL. */
const Metric *metric_find(const char *name);
const char *metric_nearest(const char *name);

/* metric_records - v [p->n], one value a record: rouge F, 0 or 1 for accuracy and exact, absolute error,
 * squared error for rmse. Errors: ERR_UNSUP the metric has no values of records; those of metric_corpus. */
Status metric_records(double *v, const Metric *m, const MetricPairs *p, Err *e) PRIME_MUST_USE;

/* metric_corpus - one number for all pairs. accuracy and f1 compare places in the label list, exactly and
 * after trimming; what is not in the list has no place, and two such answers agree, as in LaMP. f1 is the
 * mean over all labels, those that never occur counting 0. rouge is the plain mean of F. Errors: ERR_ARG no
 * pairs, or no labels where they are needed; those of metric_rouge. */
Status metric_corpus(double *out, const Metric *m, const MetricPairs *p, Err *e) PRIME_MUST_USE;

/* The LaMP benchmark's tasks: which metrics under which names, over which labels. */
typedef struct {
    const char *name, *what;
    const char *metric[2];   /* names of this file's table */
    const char *reported[2]; /* as LaMP calls them */
    const char *const *label;
    size_t n_labels;
} MetricLamp;
size_t metric_lamp_count(void);
const MetricLamp *metric_lamp_at(size_t i);
const MetricLamp *metric_lamp(const char *name);

#endif
