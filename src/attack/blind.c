#include "prime/blind.h"

#include "solve_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts as sparse vectors ---- */

typedef struct {
    uint32_t bucket;
    float value;
} WordCell;

/* Rows of cells: row i has start[i] .. start[i + 1]. */
typedef struct {
    size_t n, buckets;
    size_t *start;
    WordCell *cell;
} WordRows;

static bool word_byte(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 128;
}

/* The next word's hash; false at the end. */
static bool word_next(const char **p, uint32_t *hash)
{
    const unsigned char *s = (const unsigned char *)*p;
    uint32_t h = 2166136261U;
    while (*s != '\0' && !word_byte(*s)) s++;
    if (*s == '\0') return false;
    for (; word_byte(*s); s++) h = (h ^ (*s >= 'A' && *s <= 'Z' ? *s + 32U : *s)) * 16777619U;
    *p = (const char *)s;
    *hash = h;
    return true;
}

static int cell_order(const void *x, const void *y)
{
    uint32_t a = ((const WordCell *)x)->bucket, b = ((const WordCell *)y)->bucket;
    return (a > b) - (a < b);
}

/* Words of one text as cells with a count each; returns how many, at most the number of words. */
static size_t words_of(WordCell *cell, const char *text, size_t buckets)
{
    size_t n = 0, out = 0;
    double norm = 0;
    uint32_t hash;
    while (word_next(&text, &hash)) cell[n++] = (WordCell){(uint32_t)(hash % buckets), 1};
    if (n > 1) qsort(cell, n, sizeof *cell, cell_order);
    for (size_t i = 0; i < n; i++) {
        if (out > 0 && cell[out - 1].bucket == cell[i].bucket)
            cell[out - 1].value++;
        else
            cell[out++] = cell[i];
    }
    for (size_t i = 0; i < out; i++) {
        cell[i].value = log1pf(cell[i].value);
        norm += (double)cell[i].value * (double)cell[i].value;
    }
    for (size_t i = 0; i < out; i++) cell[i].value = (float)((double)cell[i].value / sqrt(norm));
    return out;
}

static void words_free(WordRows *w)
{
    free(w->start);
    free(w->cell);
}

static Status words_open(WordRows *w, const char *const *text, size_t n, size_t buckets, Err *e)
{
    size_t words = 0;
    uint32_t hash;
    for (size_t i = 0; i < n; i++)
        for (const char *p = text[i]; word_next(&p, &hash);) words++;
    *w = (WordRows){n, buckets > 0 ? buckets : 4096, calloc(n + 1, sizeof *w->start),
                    malloc((words + 1) * sizeof *w->cell)};
    if (w->start == NULL || w->cell == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu words", words);
    for (size_t i = 0; i < n; i++)
        w->start[i + 1] = w->start[i] + words_of(w->cell + w->start[i], text[i], w->buckets);
    return OK;
}

static double words_dot(const WordRows *w, size_t i, const double *v)
{
    double s = 0;
    for (size_t k = w->start[i]; k < w->start[i + 1]; k++)
        s += (double)w->cell[k].value * v[w->cell[k].bucket];
    return s;
}

static void words_add(double *v, const WordRows *w, size_t i, double by)
{
    for (size_t k = w->start[i]; k < w->start[i + 1]; k++)
        v[w->cell[k].bucket] += by * (double)w->cell[k].value;
}

/* ---- logistic regression ---- */

enum { DESCENT_STEPS = 400 };

typedef struct {
    const WordRows *w;
    const bool *member;
    const size_t *fold, *person;
    double l2;
    double *at, *ahead, *grad; /* [buckets + 1] each; the last is the constant */
    double *out;               /* [n] */
} BlindJob;

static bool trains(const BlindJob *j, size_t i, size_t f)
{
    return j->fold[j->person[i]] != f;
}

/* Gradient of the mean loss at `ahead`; the constant is not penalised. */
static void blind_gradient(BlindJob *j, size_t f, size_t n)
{
    size_t V = j->w->buckets;
    for (size_t v = 0; v < V; v++) j->grad[v] = j->l2 / (double)n * j->ahead[v];
    j->grad[V] = 0;
    for (size_t i = 0; i < j->w->n; i++) {
        if (!trains(j, i, f)) continue;
        double z = words_dot(j->w, i, j->ahead) + j->ahead[V];
        double d = (1 / (1 + exp(-z)) - j->member[i]) / (double)n;
        words_add(j->grad, j->w, i, d);
        j->grad[V] += d;
    }
}

/* Rows have length 1 and a constant beside them: the loss curves at most 1/4 along either, and less than the
 * sum of twice that for words and for the constant, each of which gets the step that its own bound allows. */
static void blind_descend(BlindJob *j, size_t f, size_t n)
{
    size_t V = j->w->buckets;
    double step[2] = {1 / (0.5 + j->l2 / (double)n), 2}, was = 1;
    memset(j->at, 0, (V + 1) * sizeof *j->at);
    memset(j->ahead, 0, (V + 1) * sizeof *j->ahead);
    for (size_t t = 0; t < DESCENT_STEPS; t++) {
        double now = (1 + sqrt(1 + 4 * was * was)) / 2;
        blind_gradient(j, f, n);
        for (size_t v = 0; v <= V; v++) {
            double next = j->ahead[v] - step[v == V] * j->grad[v];
            j->ahead[v] = next + (was - 1) / now * (next - j->at[v]);
            j->at[v] = next;
        }
        was = now;
    }
}

static Status blind_fold(BlindJob *j, size_t f, Err *e)
{
    size_t own = 0, n[2] = {0};
    for (size_t i = 0; i < j->w->n; i++) {
        if (trains(j, i, f))
            n[j->member[i]]++;
        else
            own++;
    }
    if (own == 0) return OK;
    if (n[0] == 0 || n[1] == 0)
        FAIL(e, ERR_SHAPE, "the other folds have %zu members and %zu non-members, want both", n[1], n[0]);
    blind_descend(j, f, n[0] + n[1]);
    for (size_t i = 0; i < j->w->n; i++)
        if (!trains(j, i, f)) j->out[i] = words_dot(j->w, i, j->at) + j->at[j->w->buckets];
    return OK;
}

static Status blind_run(double *score, BlindJob *j, size_t *fold, size_t n_people, const BlindOpts *o, Err *e)
{
    size_t n = j->w->n, V = j->w->buckets + 1, folds = o->folds > 0 ? o->folds : 5;
    double *mem = malloc((3 * V + n) * sizeof *mem);
    if (mem == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", n);
    j->at = mem, j->ahead = mem + V, j->grad = mem + 2 * V, j->out = mem + 3 * V;
    Status s = people_folds(fold, n_people, folds, o->seed, "blind folds", e);
    for (size_t f = 0; f < folds && s == OK; f++) s = blind_fold(j, f, e);
    if (s == OK && n > 0) memcpy(score, j->out, n * sizeof *score);
    free(mem);
    return s;
}

Status blind_words(double *score, const char *const *text, const bool *member, const size_t *person, size_t n,
                   size_t n_people, const BlindOpts *o, Err *e)
{
    WordRows w = {0};
    for (size_t i = 0; i < n; i++)
        if (person[i] >= n_people)
            FAIL(e, ERR_ARG, "person %zu of text %zu, want below %zu", person[i], i, n_people);
    size_t *fold = malloc((n_people + 1) * sizeof *fold);
    if (fold == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu people", n_people);
    BlindJob j = {.w = &w, .member = member, .fold = fold, .person = person, .l2 = o->l2 > 0 ? o->l2 : 0.1};
    Status s = words_open(&w, text, n, o->buckets, e);
    if (s == OK) s = blind_run(score, &j, fold, n_people, o, e);
    words_free(&w);
    free(fold);
    return s;
}

/* ---- similarity ---- */

static Status target_sum(double *sum, const WordRows *t, Err *e)
{
    double norm = 0;
    for (size_t i = 0; i < t->n; i++) words_add(sum, t, i, 1);
    for (size_t v = 0; v < t->buckets; v++) norm += sum[v] * sum[v];
    if (!(norm > 0)) FAIL(e, ERR_SHAPE, "the target's %zu texts hold no word", t->n);
    for (size_t v = 0; v < t->buckets; v++) sum[v] /= sqrt(norm);
    return OK;
}

Status blind_similarity(double *score, const char *const *text, size_t n, const char *const *target, size_t m,
                        const BlindOpts *o, Err *e)
{
    WordRows w = {0}, t = {0};
    Status s = words_open(&t, target, m, o->buckets, e);
    if (s == OK) s = words_open(&w, text, n, o->buckets, e);
    double *sum = s == OK ? calloc(t.buckets, sizeof *sum) : NULL;
    if (s == OK && sum == NULL)
        s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu words", t.buckets);
    if (s == OK) s = target_sum(sum, &t, e);
    for (size_t i = 0; i < n && s == OK; i++) score[i] = words_dot(&w, i, sum);
    free(sum);
    words_free(&w);
    words_free(&t);
    return s;
}
