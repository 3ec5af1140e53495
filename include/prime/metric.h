/* metric.h - how far answers are from golds. Kernels work on two strings, corpus functions on n pairs. */
#ifndef PRIME_METRIC_H
#define PRIME_METRIC_H

#include "prime/arena.h"
#include "prime/err.h"
#include "prime/str.h"

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

/* metric_tokens_13a - out := the tokens of text with one blank between them, as mteval-v13a and sacrebleu
 * have them: ASCII punctuation stands alone, full stop and comma unless next to a digit on that side, a
 * hyphen after a digit; upper case stays, four XML entities are undone. Memory: see Str. */
void metric_tokens_13a(Str *out, const char *text);

/* Counts of one or many pairs, for BLEU; zero-initialised. */
enum { METRIC_BLEU_ORDERS = 4, METRIC_CHRF_ORDERS = 6 };
typedef struct {
    size_t hits[METRIC_BLEU_ORDERS]; /* n-grams of the predictions that the targets have, too */
    size_t pred[METRIC_BLEU_ORDERS]; /* n-grams of the predictions */
    size_t n_target, n_pred;         /* tokens */
} Bleu;

/* metric_bleu_add - one more pair; n-grams are shared within a pair only.
 * metric_bleu - in [0, 1]: the geometric mean of the shares of n-grams, n = 1 to 4, times the penalty for
 * predictions that are too short. The first order without a hit counts half a hit, the next a quarter and so
 * on (smoothing "exp"). When no prediction has n-grams of some order the value is 0, or, if `effective`, the
 * mean over the orders that there are. No hit at all: 0.
 * Errors: ERR_ARG a text has more than METRIC_MAX_TOKENS tokens; ERR_NOMEM. On failure c is as it was.
 * Cost: O(tokens log tokens).
 * Source: Papineni et al. 2002, BLEU; Post 2018, A call for clarity in reporting BLEU scores: sacrebleu with
 * one reference, signature case:mixed, tok:13a, smooth:exp; for one sentence it takes eff:yes.
 * Reference: fixtures/ref/task/overlap.csv.
 * Differs: sacrebleu prints 100 times as much. */
Status metric_bleu_add(Bleu *c, const char *target, const char *prediction, Arena *scratch,
                       Err *e) PRIME_MUST_USE;
double metric_bleu(const Bleu *c, bool effective);

/* Counts of n-grams of characters, for chrF; zero-initialised. */
typedef struct {
    size_t hits[METRIC_CHRF_ORDERS], target[METRIC_CHRF_ORDERS], pred[METRIC_CHRF_ORDERS];
} Chrf;

/* metric_chrf_add - one more pair. Characters are those of UTF-8 (a byte that is not is one of its own),
 * white space is left out, case counts.
 * metric_chrf - in [0, 1]: mean precision and mean recall over the orders 1 to 6 that both sides have, as F
 * in which recall weighs beta times as much.
 * Errors: ERR_NOMEM; on failure c is as it was.
 * Cost: O(characters log characters).
 * Source: Popovic 2015, chrF, and 2016 for beta = 2; sacrebleu 2 with char_order 6, word_order 0, without
 * eps_smoothing. Reference: fixtures/ref/task/overlap.csv.
 * Differs: sacrebleu prints 100 times as much. */
Status metric_chrf_add(Chrf *c, const char *target, const char *prediction, Arena *scratch,
                       Err *e) PRIME_MUST_USE;
double metric_chrf(const Chrf *c, double beta);

/* metric_meteor_exact - in [0, 1]: F of matched words in which recall weighs nine times as much, less up to
 * half for matches that are torn apart: F * (1 - 0.5 (chunks / matches)^3). Tokens as in metric_rouge.
 * Errors: those of metric_rouge's tokens. Cost: O(tokens log tokens).
 * Source: Banerjee and Lavie 2005, METEOR, equations 1 and 2.
 * Differs: equal words alone are matched, no stems and no synonyms, so values are lower than METEOR's. Where
 * a word occurs more often on one side its last occurrences are matched, in order, as NLTK does; METEOR looks
 * for the matching with the fewest crossings. */
Status metric_meteor_exact(double *out, const char *target, const char *prediction, Arena *scratch,
                           Err *e) PRIME_MUST_USE;

/* metric_exact - 1 when both are the same after white space at the ends is gone (that of Unicode, as in
 * Python's strip), else 0. */
double metric_exact(const char *gold, const char *pred);

/* metric_rating - the rating, in stars from 1 to 5, that LaMP reads from an answer: the number it is, or,
 * when it is none, the extreme that is farther from the gold (5 on a tie; 2.5 when the gold is no number
 * either). Source: LaMP, eval/evaluation.py; the 2.5 is PriME's.
 * Differs: "nan" and "inf" are no numbers here (there they make the metric fail), nor is "1_0", nor what is
 * beyond 1e100; digits are ASCII. */
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
    FOLD_NONE       /* not a function of values of records: macro-F1, BLEU, chrF */
} MetricFold;

typedef struct Metric Metric;
struct Metric {
    const char *name, *what, *source;
    bool higher;       /* is more better? */
    bool needs_labels; /* judged against the closed set */
    MetricFold fold;
    /* v [n]: the value of each record; NULL when it has none. */
    Status (*records)(double *v, const Metric *self, const MetricPairs *p, Err *e);
    /* The value of the corpus, for FOLD_NONE. */
    Status (*corpus)(double *out, const Metric *self, const MetricPairs *p, Err *e);
};

size_t metric_count(void);
const Metric *metric_at(size_t i);
/* metric_find - by name, or NULL. metric_nearest - for messages, or NULL. */
const Metric *metric_find(const char *name);
const char *metric_nearest(const char *name);

/* metric_records - v [p->n], one value a record: rouge F, BLEU (effective) and chrF of the one pair, 0 or 1
 * for accuracy and exact, absolute error, squared error for rmse. Errors: ERR_UNSUP the metric has no values
 * of records; those of metric_corpus. */
Status metric_records(double *v, const Metric *m, const MetricPairs *p, Err *e) PRIME_MUST_USE;

/* metric_corpus - one number for all pairs. accuracy and f1 compare places in the label list, exactly and
 * after trimming; what is not in the list has no place, and two such answers agree, as in LaMP. f1 is the
 * mean over all labels, those that never occur counting 0. rouge and meteor_exact are plain means; bleu and
 * chrf are those of the pairs' summed counts. Errors: ERR_ARG no pairs, or no labels where they are needed;
 * those of metric_rouge, metric_bleu_add and metric_chrf_add. */
Status metric_corpus(double *out, const Metric *m, const MetricPairs *p, Err *e) PRIME_MUST_USE;

/* The LaMP benchmark's tasks: which metrics under which names, over which labels. LaMP_2 has been a task of
 * news first and of movies later; here they are LaMP_2N and LaMP_2M. Source: Salemi et al. 2023, LaMP,
 * eval/evaluation.py. Reference: fixtures/ref/task/lamp_metrics.json. Differs: rouge is the plain mean of F,
 * where LaMP's library draws a bootstrap sample without a seed. */
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
