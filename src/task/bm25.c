/* bm25.c - terms by hash, their documents in order, and what idf needs for every beginning of the history. */
#include "prime/bm25.h"

#include "text_priv.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { BM25_FIRST_SLOTS = 1 << 10 };
#define BM25_NONE UINT32_MAX

/* A distinct term: where its bytes are in `text`. */
typedef struct {
    uint64_t hash;
    size_t at, n;
} Bm25Term;

/* A term of a document, and how often it is there. */
typedef struct {
    uint32_t doc, count;
} Bm25Post;

struct Bm25 {
    Bm25Options opt;
    size_t n, n_terms, n_slots; /* slots: a power of two, more than twice the terms */
    uint32_t *slot;             /* [n_slots] term, or BM25_NONE */
    Bm25Term *term;             /* [n_terms], room for n_slots / 2 */
    Str text;                   /* bytes of all terms */
    size_t *start;              /* [n_terms + 1] */
    Bm25Post *post;             /* [start[n_terms]] by term, documents rising */
    size_t *tokens;             /* [n + 1] in the first documents */
    double *mean;               /* [n + 1] mean idf over the terms of the first documents */
    double *log_half;           /* [n + 1] log(i + 0.5) */
};

Bm25Options bm25_defaults(void)
{
    return (Bm25Options){1.5, 0.75, 0.25};
}

size_t bm25_count(const Bm25 *x)
{
    return x->n;
}

void bm25_free(Bm25 *x)
{
    if (x == NULL) return;
    free(x->slot);
    free(x->term);
    str_free(&x->text);
    free(x->start);
    free(x->post);
    free(x->tokens);
    free(x->mean);
    free(x->log_half);
    free(x);
}

/* The next term of *s, which moves behind the blank after it, or becomes NULL at the end. */
static Span bm25_next(const char **s)
{
    Span t = {*s, strcspn(*s, " ")};
    *s = t.s[t.n] == ' ' ? t.s + t.n + 1 : NULL;
    return t;
}

/* The slot of a term: its own, or the empty one where it belongs. */
static size_t bm25_slot(const Bm25 *x, Span s, uint64_t hash)
{
    size_t i = hash & (x->n_slots - 1);
    for (; x->slot[i] != BM25_NONE; i = (i + 1) & (x->n_slots - 1)) {
        const Bm25Term *t = &x->term[x->slot[i]];
        if (t->hash == hash && t->n == s.n && (s.n == 0 || memcmp(x->text.s + t->at, s.s, s.n) == 0)) break;
    }
    return i;
}

/* Twice the slots, or the first ones. */
static Status bm25_grow(Bm25 *x, Err *e)
{
    size_t n = x->n_slots == 0 ? BM25_FIRST_SLOTS : 2 * x->n_slots;
    uint32_t *slot = malloc(n * sizeof *slot);
    Bm25Term *term = realloc(x->term, n / 2 * sizeof *term);
    if (term != NULL) x->term = term;
    if (slot == NULL || term == NULL) {
        free(slot);
        FAIL(e, ERR_NOMEM, "no memory for %zu terms", n / 2);
    }
    for (size_t i = 0; i < n; i++) slot[i] = BM25_NONE;
    for (size_t k = 0; k < x->n_terms; k++) {
        size_t i = x->term[k].hash & (n - 1);
        while (slot[i] != BM25_NONE) i = (i + 1) & (n - 1);
        slot[i] = (uint32_t)k;
    }
    free(x->slot);
    x->slot = slot;
    x->n_slots = n;
    return OK;
}

/* The term's number, a new one if it is not there yet. */
static Status bm25_intern(uint32_t *id, Bm25 *x, Span s, Err *e)
{
    uint64_t hash = text_hash(s.s, s.n);
    if (2 * (x->n_terms + 1) > x->n_slots) TRY(bm25_grow(x, e));
    size_t i = bm25_slot(x, s, hash);
    if (x->slot[i] == BM25_NONE) {
        x->term[x->n_terms] = (Bm25Term){hash, x->text.n, s.n};
        str_put(&x->text, s.s, s.n);
        if (x->text.failed) FAIL(e, ERR_NOMEM, "no memory for %zu terms", x->n_terms);
        x->slot[i] = (uint32_t)x->n_terms++;
    }
    *id = x->slot[i];
    return OK;
}

/* What the documents have while they are read, in order: a post a distinct term of each. */
typedef struct {
    Bm25Post *post; /* [n] */
    uint32_t *term; /* [n] */
    size_t *last;   /* [terms] 1 + its last post; room for as many as tokens */
    size_t n;
} Bm25Raw;

static Status bm25_read(Bm25 *x, Bm25Raw *raw, const char *const *doc, Err *e)
{
    for (size_t i = 0; i < x->n; i++) {
        const char *s = doc[i];
        while (s != NULL) {
            uint32_t id = 0;
            size_t before = x->n_terms;
            TRY(bm25_intern(&id, x, bm25_next(&s), e));
            size_t *last = &raw->last[id];
            if (id == before) *last = 0;
            if (*last == 0 || raw->post[*last - 1].doc != i) {
                raw->post[raw->n] = (Bm25Post){(uint32_t)i, 0};
                raw->term[raw->n] = id;
                *last = ++raw->n;
            }
            raw->post[*last - 1].count++;
        }
    }
    return OK;
}

/* Posts by term; within one the order stays. */
static Status bm25_sort(Bm25 *x, const Bm25Raw *raw, Err *e)
{
    x->start = calloc(x->n_terms + 2, sizeof *x->start);
    x->post = malloc((raw->n + 1) * sizeof *x->post);
    if (x->start == NULL || x->post == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu terms", raw->n);
    size_t *at = x->start + 1; /* where the next post of each term goes; ends as the beginning of the next */
    for (size_t i = 0; i < raw->n; i++) at[raw->term[i] + 1]++;
    for (size_t k = 1; k <= x->n_terms; k++) at[k] += at[k - 1];
    for (size_t i = 0; i < raw->n; i++) x->post[at[raw->term[i]]++] = raw->post[i];
    return OK;
}

/* How many terms are in how many documents: those numbers that occur, as a rising list. */
typedef struct {
    uint32_t *terms, *next; /* [n + 2]; next[0] is the least, 0 ends */
} Bm25Spread;

/* One term more in d + 1 documents; d is on the list, or 0. */
static void bm25_move(Bm25Spread *w, uint32_t d)
{
    w->terms[d + 1]++;
    if (w->next[d] == d + 1) return;
    w->next[d + 1] = w->next[d];
    w->next[d] = d + 1;
}

/* Sum of idf over all terms of the first m documents, and their number; numbers without a term leave the
 * list. */
static double bm25_idf_sum(const Bm25 *x, Bm25Spread *w, size_t m, size_t *n_terms)
{
    double sum = 0;
    size_t n = 0;
    for (uint32_t last = 0, d = w->next[0]; d != 0; d = w->next[last]) {
        if (w->terms[d] == 0) {
            w->next[last] = w->next[d];
            continue;
        }
        n += w->terms[d];
        sum += w->terms[d] * (x->log_half[m - d] - x->log_half[d]);
        last = d;
    }
    *n_terms = n;
    return sum;
}

/* The mean idf of every beginning, as terms spread over more documents. df [n_terms] is scratch, all 0. */
static void bm25_means(Bm25 *x, const Bm25Raw *raw, Bm25Spread *w, uint32_t *df)
{
    x->mean[0] = 0;
    for (size_t m = 1, i = 0; m <= x->n; m++) {
        for (; i < raw->n && raw->post[i].doc < m; i++) {
            uint32_t d = df[raw->term[i]]++;
            bm25_move(w, d);
            if (d > 0) w->terms[d]--;
        }
        size_t n = 0;
        double sum = bm25_idf_sum(x, w, m, &n);
        x->mean[m] = sum / (double)n;
    }
}

/* Everything after the raw posts. Errors: ERR_NOMEM. */
static Status bm25_finish(Bm25 *x, const Bm25Raw *raw, Arena *a, Err *e)
{
    Bm25Spread w = {arena_zalloc(a, x->n + 2, sizeof *w.terms), arena_zalloc(a, x->n + 2, sizeof *w.next)};
    uint32_t *df = arena_zalloc(a, x->n_terms, sizeof *df);
    x->mean = malloc((x->n + 1) * sizeof *x->mean);
    x->log_half = malloc((x->n + 1) * sizeof *x->log_half);
    if (w.terms == NULL || w.next == NULL || df == NULL || x->mean == NULL || x->log_half == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu documents", x->n);
    for (size_t i = 0; i <= x->n; i++) x->log_half[i] = log((double)i + 0.5);
    bm25_means(x, raw, &w, df);
    return bm25_sort(x, raw, e);
}

static Status bm25_fill(Bm25 *x, const char *const *doc, Arena *a, Err *e)
{
    x->tokens = malloc((x->n + 1) * sizeof *x->tokens);
    if (x->tokens == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu documents", x->n);
    x->tokens[0] = 0;
    for (size_t i = 0; i < x->n; i++) {
        size_t terms = 1;
        for (const char *s = doc[i]; *s != '\0'; s++) terms += *s == ' ';
        x->tokens[i + 1] = x->tokens[i] + terms;
    }
    size_t total = x->tokens[x->n];
    if (total >= BM25_NONE) FAIL(e, ERR_ARG, "documents of %zu terms, want less than %u", total, BM25_NONE);
    Bm25Raw raw = {arena_alloc(a, total, sizeof *raw.post), arena_alloc(a, total, sizeof *raw.term),
                   arena_alloc(a, total, sizeof *raw.last), 0};
    if (raw.post == NULL || raw.term == NULL || raw.last == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu terms", total);
    TRY(bm25_grow(x, e)); /* a query may come before any document */
    TRY(bm25_read(x, &raw, doc, e));
    return bm25_finish(x, &raw, a, e);
}

static Status bm25_check(const Bm25Options *o, size_t n, Err *e)
{
    if (!(o->k1 > 0) || !isfinite(o->k1)) FAIL(e, ERR_ARG, "k1 = %g, want > 0", o->k1);
    if (!(o->b >= 0 && o->b <= 1)) FAIL(e, ERR_ARG, "b = %g, want [0, 1]", o->b);
    if (!(o->epsilon >= 0) || !isfinite(o->epsilon)) FAIL(e, ERR_ARG, "epsilon = %g, want >= 0", o->epsilon);
    if (n >= BM25_NONE - 1) FAIL(e, ERR_ARG, "%zu documents, want less than %u", n, BM25_NONE - 1);
    return OK;
}

Status bm25_new(Bm25 **out, const char *const *doc, size_t n, const Bm25Options *o, Err *e)
{
    Bm25Options opt = o != NULL ? *o : bm25_defaults();
    TRY(bm25_check(&opt, n, e));
    Bm25 *x = calloc(1, sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for an index");
    x->opt = opt;
    x->n = n;
    Arena a = {0};
    Status s = bm25_fill(x, doc, &a, e);
    arena_free(&a);
    if (s == OK)
        *out = x;
    else
        bm25_free(x);
    return s;
}

/* A query as its terms that any document has, by number, each once. */
typedef struct {
    uint32_t *term, *count; /* [n] */
    size_t n;
} Bm25Query;

static int bm25_term_cmp(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static Status bm25_parse(Bm25Query *q, const Bm25 *x, const char *query, Arena *a, Err *e)
{
    size_t most = 1, n = 0;
    for (const char *s = query; *s != '\0'; s++) most += *s == ' ';
    q->term = arena_alloc(a, most, sizeof *q->term);
    q->count = arena_alloc(a, most, sizeof *q->count);
    if (q->term == NULL || q->count == NULL) FAIL(e, ERR_NOMEM, "no memory for a query of %zu terms", most);
    for (const char *s = query; s != NULL;) {
        Span t = bm25_next(&s);
        uint32_t id = x->slot[bm25_slot(x, t, text_hash(t.s, t.n))];
        if (id != BM25_NONE) q->term[n++] = id;
    }
    if (n > 0) qsort(q->term, n, sizeof *q->term, bm25_term_cmp);
    for (size_t i = 0; i < n; i++) {
        bool again = q->n > 0 && q->term[q->n - 1] == q->term[i];
        if (!again) {
            q->term[q->n] = q->term[i];
            q->count[q->n++] = 0;
        }
        q->count[q->n - 1]++;
    }
    return OK;
}

/* How many of a term's documents are among the first m. */
static size_t bm25_df(const Bm25Post *post, size_t n, size_t m)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (post[mid].doc < m)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

Status bm25_scores(double *out, const Bm25 *x, const char *query, size_t m, Arena *scratch, Err *e)
{
    assert(m <= x->n);
    Bm25Query q = {0};
    arena_reset(scratch);
    TRY(bm25_parse(&q, x, query, scratch, e));
    double *norm = arena_alloc(scratch, m, sizeof *norm);
    if (norm == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu documents", m);
    double mean_length = m > 0 ? (double)x->tokens[m] / (double)m : 0, b = x->opt.b, k1 = x->opt.k1;
    for (size_t i = 0; i < m; i++) {
        norm[i] = k1 * (1 - b + b * (double)(x->tokens[i + 1] - x->tokens[i]) / mean_length);
        out[i] = 0;
    }
    for (size_t k = 0; k < q.n; k++) {
        const Bm25Post *post = x->post + x->start[q.term[k]];
        size_t df = bm25_df(post, x->start[q.term[k] + 1] - x->start[q.term[k]], m);
        double idf = x->log_half[m - df] - x->log_half[df];
        double weight = q.count[k] * (idf < 0 ? x->opt.epsilon * x->mean[m] : idf) * (k1 + 1);
        for (size_t i = 0; i < df; i++) {
            double count = post[i].count;
            out[post[i].doc] += weight * count / (count + norm[post[i].doc]);
        }
    }
    return OK;
}

Status bm25_top(size_t *idx, size_t *found, size_t k, const Bm25 *x, const char *query, size_t m,
                Arena *scratch, Err *e)
{
    double *score = malloc((m + 1) * sizeof *score);
    if (score == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu documents", m);
    Status s = bm25_scores(score, x, query, m, scratch, e);
    size_t n = 0;
    for (size_t i = m; s == OK && i-- > 0;) {
        if (n == k && (k == 0 || score[idx[k - 1]] >= score[i])) continue;
        size_t at = n < k ? n++ : k - 1;
        for (; at > 0 && score[idx[at - 1]] < score[i]; at--) idx[at] = idx[at - 1];
        idx[at] = i;
    }
    free(score);
    if (s == OK) *found = n;
    return s;
}
