/* metric.c - the table of metrics, and those that are no more than a comparison. */
#include "metric_priv.h"
#include "text_priv.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static Span metric_strip(const char *s)
{
    return text_strip(text_span(s));
}

double metric_exact(const char *gold, const char *pred)
{
    return text_cmp(metric_strip(gold), metric_strip(pred)) == 0;
}

/* A decimal number with nothing but white space around it, small enough for its square to be finite. */
static bool metric_number(double *out, const char *text)
{
    Span s = metric_strip(text);
    char buf[64], *end = NULL;
    if (s.n == 0 || s.n >= sizeof buf || strspn(s.s, "0123456789+-.eE") < s.n) return false;
    memcpy(buf, s.s, s.n);
    buf[s.n] = '\0';
    *out = strtod(buf, &end);
    return end == buf + s.n && fabs(*out) <= 1e100;
}

double metric_rating(const char *gold, const char *pred)
{
    enum { LOWEST = 1, HIGHEST = 5 };
    double x = 0, g = 0;
    if (metric_number(&x, pred)) return x;
    if (!metric_number(&g, gold)) return 2.5;
    return fabs(g - LOWEST) > fabs(HIGHEST - g) ? LOWEST : HIGHEST;
}

/* Place in the label list, or n_labels. */
static size_t metric_place(const MetricPairs *p, const char *text)
{
    Span s = metric_strip(text);
    size_t i = 0;
    while (i < p->n_labels && text_cmp(s, text_span(p->label[i])) != 0) i++;
    return i;
}

static Status metric_each_accuracy(double *v, const Metric *self, const MetricPairs *p, Err *e)
{
    (void)self, (void)e;
    for (size_t i = 0; i < p->n; i++) v[i] = metric_place(p, p->gold[i]) == metric_place(p, p->pred[i]);
    return OK;
}

static Status metric_each_exact(double *v, const Metric *self, const MetricPairs *p, Err *e)
{
    (void)self, (void)e;
    for (size_t i = 0; i < p->n; i++) v[i] = metric_exact(p->gold[i], p->pred[i]);
    return OK;
}

/* mae and rmse: the errors, squared for the root of their mean. */
static Status metric_each_error(double *v, const Metric *self, const MetricPairs *p, Err *e)
{
    for (size_t i = 0; i < p->n; i++) {
        double gold = 0, d;
        if (!metric_number(&gold, p->gold[i]))
            FAIL(e, ERR_ARG, "gold %zu = '%.40s', want a number", i + 1, p->gold[i]);
        d = fabs(gold - metric_rating(p->gold[i], p->pred[i]));
        v[i] = self->fold == FOLD_ROOT_MEAN ? d * d : d;
    }
    return OK;
}

static double metric_r1(const RougeAll *r)
{
    return r->r1.f;
}

static double metric_r2(const RougeAll *r)
{
    return r->r2.f;
}

static double metric_rl(const RougeAll *r)
{
    return r->rl.f;
}

static double metric_rlsum(const RougeAll *r)
{
    return r->rlsum.f;
}

/* The rouge family: which of the four, and of what. */
typedef struct {
    const char *name;
    double (*pick)(const RougeAll *);
    bool stem;
} MetricRouge;

static const MetricRouge *metric_rouge_row(const char *name)
{
    static const MetricRouge rows[] = {
        {"rouge1", metric_r1, false},     {"rouge2", metric_r2, false},
        {"rougeL", metric_rl, false},     {"rougeLsum", metric_rlsum, false},
        {"rouge1_stem", metric_r1, true}, {"rouge2_stem", metric_r2, true},
        {"rougeL_stem", metric_rl, true}, {"rougeLsum_stem", metric_rlsum, true}};
    size_t i = 0;
    while (strcmp(rows[i].name, name) != 0) i++;
    return &rows[i];
}

static Status metric_each_rouge(double *v, const Metric *self, const MetricPairs *p, Err *e)
{
    const MetricRouge *row = metric_rouge_row(self->name);
    Arena a = {0};
    Status s = OK;
    for (size_t i = 0; s == OK && i < p->n; i++) {
        RougeAll r;
        s = metric_rouge(&r, p->gold[i], p->pred[i], row->stem, &a, e);
        if (s == OK) v[i] = row->pick(&r);
    }
    arena_free(&a);
    return s;
}

static Status metric_all_f1(double *out, const Metric *self, const MetricPairs *p, Err *e)
{
    (void)self;
    size_t k = p->n_labels, *n = calloc(3 * (k + 1), sizeof *n); /* hits, golds, predictions of each label */
    if (n == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu labels", k);
    for (size_t i = 0; i < p->n; i++) {
        size_t g = metric_place(p, p->gold[i]), q = metric_place(p, p->pred[i]);
        n[3 * g] += g == q;
        n[3 * g + 1]++;
        n[3 * q + 2]++;
    }
    double sum = 0;
    for (size_t i = 0; i < k; i++)
        if (n[3 * i] > 0) sum += 2 * (double)n[3 * i] / (double)(n[3 * i + 1] + n[3 * i + 2]);
    free(n);
    *out = sum / (double)k;
    return OK;
}

#define ROUGE_SOURCE "Lin 2004; rouge_score without stemmer"
#define STEM_SOURCE "Lin 2004; rouge_score with stemmer; Porter 1980 as in NLTK"
#define LAMP_SOURCE "Salemi et al. 2023, LaMP, eval/evaluation.py"

static const Metric metrics[] = {
    {"accuracy", "share of answers whose label is the gold's", LAMP_SOURCE, true, true, FOLD_MEAN,
     metric_each_accuracy, NULL},
    {"f1", "F1 per label, averaged over all labels", LAMP_SOURCE, true, true, FOLD_NONE, NULL, metric_all_f1},
    {"exact", "share of answers that equal the gold, ends trimmed", "definition", true, false, FOLD_MEAN,
     metric_each_exact, NULL},
    {"rouge1", "F of shared words", ROUGE_SOURCE, true, false, FOLD_MEAN, metric_each_rouge, NULL},
    {"rouge2", "F of shared pairs of words", ROUGE_SOURCE, true, false, FOLD_MEAN, metric_each_rouge, NULL},
    {"rougeL", "F of the longest common subsequence", ROUGE_SOURCE, true, false, FOLD_MEAN, metric_each_rouge,
     NULL},
    {"rougeLsum", "the same, line by line", ROUGE_SOURCE, true, false, FOLD_MEAN, metric_each_rouge, NULL},
    {"rouge1_stem", "rouge1 of stems", STEM_SOURCE, true, false, FOLD_MEAN, metric_each_rouge, NULL},
    {"rouge2_stem", "rouge2 of stems", STEM_SOURCE, true, false, FOLD_MEAN, metric_each_rouge, NULL},
    {"rougeL_stem", "rougeL of stems", STEM_SOURCE, true, false, FOLD_MEAN, metric_each_rouge, NULL},
    {"rougeLsum_stem", "rougeLsum of stems", STEM_SOURCE, true, false, FOLD_MEAN, metric_each_rouge, NULL},
    {"bleu", "shared runs of up to 4 words, of all pairs together",
     "Papineni et al. 2002; sacrebleu, 13a, exp", true, false, FOLD_NONE, metric_each_bleu, metric_all_bleu},
    {"chrf", "F (beta 2) of shared runs of up to 6 characters, of all pairs together",
     "Popovic 2015; sacrebleu, chrF2", true, false, FOLD_NONE, metric_each_chrf, metric_all_chrf},
    {"meteor_exact", "F of equal words, less for matches torn apart",
     "Banerjee and Lavie 2005, equal words alone", true, false, FOLD_MEAN, metric_each_meteor, NULL},
    {"mae", "mean absolute error in stars", LAMP_SOURCE, false, false, FOLD_MEAN, metric_each_error, NULL},
    {"rmse", "root of the mean squared error in stars", LAMP_SOURCE, false, false, FOLD_ROOT_MEAN,
     metric_each_error, NULL},
};

enum { N_METRICS = sizeof metrics / sizeof metrics[0] };

size_t metric_count(void)
{
    return N_METRICS;
}

const Metric *metric_at(size_t i)
{
    assert(i < N_METRICS);
    return &metrics[i];
}

const Metric *metric_find(const char *name)
{
    for (size_t i = 0; i < N_METRICS; i++)
        if (strcmp(metrics[i].name, name) == 0) return &metrics[i];
    return NULL;
}

const char *metric_nearest(const char *name)
{
    const char *names[N_METRICS];
    for (size_t i = 0; i < N_METRICS; i++) names[i] = metrics[i].name;
    return str_nearest(name, names, N_METRICS);
}

static Status metric_check(const Metric *m, const MetricPairs *p, Err *e)
{
    if (p->n == 0) FAIL(e, ERR_ARG, "%s of no pairs", m->name);
    if (m->needs_labels && p->n_labels == 0) FAIL(e, ERR_ARG, "%s needs a list of labels", m->name);
    return OK;
}

Status metric_records(double *v, const Metric *m, const MetricPairs *p, Err *e)
{
    TRY(metric_check(m, p, e));
    if (m->records == NULL) FAIL(e, ERR_UNSUP, "%s has no values of records", m->name);
    return m->records(v, m, p, e);
}

Status metric_corpus(double *out, const Metric *m, const MetricPairs *p, Err *e)
{
    TRY(metric_check(m, p, e));
    if (m->fold == FOLD_NONE) return m->corpus(out, m, p, e);
    double *v = malloc(p->n * sizeof *v), sum = 0;
    if (v == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu values", p->n);
    Status s = m->records(v, m, p, e);
    for (size_t i = 0; s == OK && i < p->n; i++) sum += v[i];
    free(v);
    if (s != OK) return s;
    *out = m->fold == FOLD_ROOT_MEAN ? sqrt(sum / (double)p->n) : sum / (double)p->n;
    return OK;
}
