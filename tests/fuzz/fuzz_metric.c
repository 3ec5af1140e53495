/* fuzz_metric.c - any bytes, cut at line breaks, as golds, answers and documents: every metric of words and
 * characters stays in [0, 1] and calls a text its own best answer; an index finds what a scan finds. */
#include "prime/bm25.h"
#include "prime/metric.h"
#include "prime/stem.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_TEXTS = 4, FUZZ_BYTES = 4096 };

static const char *const fuzz_metrics[] = {"exact",       "rouge1",      "rouge2", "rougeL", "rougeLsum",
                                           "rouge1_stem", "rougeL_stem", "bleu",   "chrf",   "meteor_exact"};

enum { FUZZ_METRICS = sizeof fuzz_metrics / sizeof fuzz_metrics[0] };

static void fuzz_pairs(const char *const *text, size_t n)
{
    MetricPairs swapped = {text + 1, text, n - 1, NULL, 0}, self = {text, text, n, NULL, 0},
                next = {text, text + 1, n - 1, NULL, 0};
    for (size_t k = 0; k < FUZZ_METRICS; k++) {
        const Metric *m = metric_find(fuzz_metrics[k]);
        double v[FUZZ_TEXTS], w[FUZZ_TEXTS], all = 0;
        if (metric_records(v, m, &self, NULL) != OK) abort();
        for (size_t i = 0; i < n; i++) /* all or, without a word, nothing; METEOR keeps a chunk's penalty */
            if (v[i] > 1 + 1e-12 || v[i] < 0 || (v[i] > 0 && v[i] < 0.499)) abort();
        if (n < 2) continue;
        if (metric_records(v, m, &next, NULL) != OK) abort();
        if (metric_corpus(&all, m, &next, NULL) != OK || !(all >= 0 && all <= 1 + 1e-12)) abort();
        for (size_t i = 0; i + 1 < n; i++)
            if (!(v[i] >= 0 && v[i] <= 1 + 1e-12)) abort();
        if (strncmp(m->name, "rouge", 5) != 0 || strstr(m->name, "sum") != NULL) continue;
        if (metric_records(w, m, &swapped, NULL) != OK) abort();
        for (size_t i = 0; i + 1 < n; i++)
            if (fabs(v[i] - w[i]) > 1e-12) abort(); /* F does not mind which side is which */
    }
}

static size_t fuzz_has(const char *doc, const char *term)
{
    size_t n = strlen(term), hits = 0;
    for (const char *s = doc;; s++) {
        size_t k = strcspn(s, " ");
        hits += k == n && memcmp(s, term, n) == 0;
        s += k;
        if (*s == '\0') return hits;
    }
}

/* The first text's first term among the others: documents without it score 0, all scores are finite. */
static void fuzz_index(const char *const *text, size_t n)
{
    char term[FUZZ_BYTES + 1];
    Bm25 *x = NULL;
    Arena a = {0};
    double score[FUZZ_TEXTS];
    size_t top[FUZZ_TEXTS], found = 0, k = strcspn(text[0], " ");
    memcpy(term, text[0], k);
    term[k] = '\0';
    if (bm25_new(&x, text, n, NULL, NULL) != OK) abort();
    for (size_t m = 1; m <= n; m++) {
        if (bm25_scores(score, x, term, m, &a, NULL) != OK) abort();
        for (size_t i = 0; i < m; i++)
            if (!isfinite(score[i]) || (fuzz_has(text[i], term) == 0 && score[i] != 0)) abort();
        if (bm25_top(top, &found, FUZZ_TEXTS, x, text[m - 1], m, &a, NULL) != OK || found != m) abort();
    }
    arena_free(&a);
    bm25_free(x);
}

static void fuzz_stem(const char *s)
{
    size_t n = strlen(s), m = 0;
    char *w = malloc(n + (n == 0));
    if (w == NULL) abort();
    memcpy(w, s, n);
    m = stem_porter(w, n);
    if (m > n || (n > 0 && m == 0)) abort();
    free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char buf[FUZZ_BYTES + 1];
    const char *text[FUZZ_TEXTS];
    size_t n = 0, len = size < FUZZ_BYTES ? size : FUZZ_BYTES;
    for (size_t i = 0; i < len; i++) buf[i] = data[i] == '\n' || data[i] == '\0' ? '\0' : (char)data[i];
    buf[len] = '\0';
    for (size_t i = 0; i <= len && n < FUZZ_TEXTS; i += strlen(buf + i) + 1) text[n++] = buf + i;
    for (size_t i = 0; i < n; i++) fuzz_stem(text[i]);
    fuzz_pairs(text, n);
    fuzz_index(text, n);
    return 0;
}
