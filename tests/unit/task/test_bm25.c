#include "prime/bm25.h"
#include "prime/rng.h"
#include "prime/table.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 };

static Bm25 *bm25_made(const char *const *doc, size_t n)
{
    Bm25 *x = NULL;
    Err e = {0};
    cr_assert_eq(bm25_new(&x, doc, n, NULL, &e), OK, "%s", e.msg);
    cr_assert_eq(bm25_count(x), n);
    return x;
}

static void bm25_ask(double *score, size_t *place, const Bm25 *x, const char *query, size_t m)
{
    Arena a = {0};
    Err e = {0};
    size_t found = 99, order[MOST];
    cr_assert_eq(bm25_scores(score, x, query, m, &a, &e), OK, "%s", e.msg);
    cr_assert_eq(bm25_top(order, &found, MOST, x, query, m, &a, &e), OK, "%s", e.msg);
    cr_assert_eq(found, m);
    for (size_t i = 0; i < m; i++) place[order[i]] = i;
    arena_free(&a);
}

Test(bm25, known_answers)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/fixtures/ref/task/bm25.csv", getenv("PRIME_SOURCE"));
    Arena a = {0};
    Table t;
    Err e = {0};
    cr_assert_eq(table_load(&t, &a, path, &e), OK, "%s", e.msg);
    cr_assert_gt(t.n_rows, 200);
    for (size_t i = 0, n; i < t.n_rows; i += n) { /* rows of one case and one beginning */
        const char *doc[MOST], *c = table_str(&t, i, 0), *first = table_str(&t, i, 1);
        for (n = 0; i + n < t.n_rows && strcmp(table_str(&t, i + n, 0), c) == 0 &&
                    strcmp(table_str(&t, i + n, 1), first) == 0;
             n++)
            doc[n] = table_str(&t, i + n, 3);
        size_t m = strtoul(first, NULL, 10), place[MOST], want_place = 0;
        double score[MOST], want = 0;
        Bm25 *x = bm25_made(doc, n);
        bm25_ask(score, place, x, table_str(&t, i, 4), m);
        for (size_t k = 0; k < m; k++) {
            cr_assert_eq(table_num(&want, &t, i + k, 5, &e), OK, "%s", e.msg);
            cr_assert_eq(table_size(&want_place, &t, i + k, 6, &e), OK, "%s", e.msg);
            cr_assert_float_eq(score[k], want, 1e-12, "line %zu: %.17g", t.line[i + k], score[k]);
            cr_assert_eq(place[k], want_place, "line %zu: place %zu", t.line[i + k], place[k]);
        }
        bm25_free(x);
    }
    arena_free(&a);
}

/* Three documents of 2, 2 and 1 terms, mean 5/3. b is in one: idf = ln 2.5 - ln 1.5; the first document's
 * length makes the denominator 1 + 1.5 (0.25 + 0.75 * 6/5) = 2.725. a is in two of three, idf < 0: a quarter
 * of the mean of the idf of a, b, c and d, (3 (ln 2.5 - ln 1.5) + ln 1.5 - ln 2.5) / 4. Of the first two
 * documents a is in both and b in one, whose idf is 0. */
Test(bm25, by_hand)
{
    const char *doc[] = {"a b", "a c", "d"};
    Bm25 *x = bm25_made(doc, 3);
    double s[3], idf = log(2.5) - log(1.5), k = 2.5 / 2.725;
    size_t place[3];
    bm25_ask(s, place, x, "b", 3);
    cr_assert_float_eq(s[0], idf * k, 1e-15);
    cr_assert_float_eq(s[1], 0, 0);
    cr_assert(place[0] == 0 && place[2] == 1 && place[1] == 2, "of equal ones the later one first");
    bm25_ask(s, place, x, "a a", 3);
    cr_assert_float_eq(s[0], 2 * 0.25 * (idf / 2) * k, 1e-15);
    cr_assert_float_eq(s[2], 0, 0);
    bm25_ask(s, place, x, "b", 2);
    cr_assert_float_eq(s[0], 0, 0);
    /* One document: the only idf is ln 0.5 - ln 1.5, its quarter is negative. */
    bm25_ask(s, place, x, "a unknown", 1);
    cr_assert_float_eq(s[0], 0.25 * (log(0.5) - log(1.5)), 1e-15);
    bm25_ask(s, place, x, "a", 0);
    bm25_free(x);
}

/* The naive twin reads the documents anew for every term. */
static size_t twin_times(const char *doc, const char *term, size_t n)
{
    size_t hits = 0;
    for (const char *s = doc;; s++) {
        size_t k = strcspn(s, " ");
        hits += k == n && memcmp(s, term, n) == 0;
        s += k;
        if (*s == '\0') return hits;
    }
}

static size_t twin_length(const char *doc)
{
    size_t n = 1;
    for (; *doc != '\0'; doc++) n += *doc == ' ';
    return n;
}

static double twin_idf(const char *const *doc, size_t m, const char *term, size_t n)
{
    size_t df = 0;
    for (size_t i = 0; i < m; i++) df += twin_times(doc[i], term, n) > 0;
    return log((double)(m - df) + 0.5) - log((double)df + 0.5);
}

/* Mean idf over distinct terms: each counts where it is met first. */
static double twin_mean(const char *const *doc, size_t m)
{
    double sum = 0;
    size_t terms = 0;
    for (size_t i = 0; i < m; i++)
        for (const char *s = doc[i];; s++) {
            size_t n = strcspn(s, " "), seen = 0;
            for (size_t k = 0; k < i; k++) seen += twin_times(doc[k], s, n);
            for (const char *t = doc[i]; t < s; t += strcspn(t, " ") + 1)
                seen += strcspn(t, " ") == n && memcmp(t, s, n) == 0;
            if (seen == 0) sum += twin_idf(doc, m, s, n);
            terms += seen == 0;
            s += n;
            if (*s == '\0') break;
        }
    return sum / (double)terms;
}

static void bm25_twin(double *out, const char *const *doc, size_t m, const char *query)
{
    double mean = twin_mean(doc, m), tokens = 0;
    for (size_t i = 0; i < m; i++) tokens += (double)twin_length(doc[i]);
    for (size_t i = 0; i < m; i++) {
        out[i] = 0;
        for (const char *s = query;; s++) {
            size_t n = strcspn(s, " ");
            double f = (double)twin_times(doc[i], s, n), idf = twin_idf(doc, m, s, n);
            double length = (double)twin_length(doc[i]) / (tokens / (double)m);
            out[i] += (idf < 0 ? 0.25 * mean : idf) * (f * 2.5 / (f + 1.5 * (0.25 + 0.75 * length)));
            s += n;
            if (*s == '\0') break;
        }
    }
}

/* A text of up to `most` of a few words, common ones often, with a double blank now and then. */
static void bm25_text(char *s, Rng *r, size_t most)
{
    s[0] = '\0';
    for (size_t i = 0, n = rng_below(r, most + 1); i < n; i++) {
        double u = rng_uniform(r);
        sprintf(s + strlen(s), "%s%c%s", i > 0 ? " " : "", (char)('a' + (int)(20 * u * u)),
                u > 0.9 ? " " : "");
    }
}

Test(bm25, equals_a_naive_twin)
{
    Rng r = rng_stream(1, "bm25", 0);
    for (size_t trial = 0; trial < 60; trial++) {
        static char text[MOST][256];
        const char *doc[MOST];
        char query[256];
        size_t n = 1 + rng_below(&r, MOST), place[MOST];
        for (size_t i = 0; i < n; i++) {
            bm25_text(text[i], &r, trial % 20);
            doc[i] = text[i];
        }
        bm25_text(query, &r, 12);
        Bm25 *x = bm25_made(doc, n);
        memset(text[0], 'z', 3); /* the index keeps what it needs */
        text[0][3] = '\0';
        double got[MOST], want[MOST];
        size_t m = 1 + rng_below(&r, n);
        bm25_ask(got, place, x, query, m);
        bm25_free(x);
        x = bm25_made(doc, n);
        bm25_ask(got, place, x, query, m);
        bm25_twin(want, doc, m, query);
        for (size_t i = 0; i < m; i++) {
            cr_assert_float_eq(got[i], want[i], 1e-12, "trial %zu, %zu of %zu: %.17g, want %.17g", trial, i,
                               m, got[i], want[i]);
            for (size_t k = 0; k < i; k++)
                cr_assert(got[i] > got[k]   ? place[i] < place[k]
                          : got[i] < got[k] ? place[i] > place[k]
                                            : place[i] < place[k]);
        }
        bm25_free(x);
    }
}

/* The first m documents are ranked as an index of them alone would; the best k begin the best of all. */
Test(bm25, beginnings_and_cuts)
{
    Rng r = rng_stream(2, "bm25", 0);
    static char text[MOST][256];
    const char *doc[MOST];
    for (size_t i = 0; i < MOST; i++) {
        bm25_text(text[i], &r, 15);
        doc[i] = text[i];
    }
    Bm25 *all = bm25_made(doc, MOST);
    Arena a = {0};
    for (size_t m = 1; m <= MOST; m++) {
        Bm25 *some = bm25_made(doc, m);
        double got[MOST], want[MOST];
        size_t top[MOST], few[3], found = 0;
        cr_assert_eq(bm25_scores(got, all, "a b c t  s", m, &a, NULL), OK);
        cr_assert_eq(bm25_scores(want, some, "a b c t  s", m, &a, NULL), OK);
        for (size_t i = 0; i < m; i++) cr_assert_float_eq(got[i], want[i], 1e-13);
        cr_assert_eq(bm25_top(top, &found, MOST, all, "a b c t  s", m, &a, NULL), OK);
        cr_assert_eq(bm25_top(few, &found, 3, all, "a b c t  s", m, &a, NULL), OK);
        cr_assert_eq(found, m < 3 ? m : 3);
        for (size_t i = 0; i < found; i++) cr_assert_eq(few[i], top[i]);
        cr_assert_eq(bm25_top(few, &found, 0, all, "a", m, &a, NULL), OK);
        cr_assert_eq(found, 0);
        bm25_free(some);
    }
    arena_free(&a);
    bm25_free(all);
}

/* Enough terms for the table of terms to grow several times; each finds its document. */
Test(bm25, many_terms)
{
    enum { DOCS = 3000 };
    char(*text)[64] = malloc(DOCS * sizeof *text);
    const char **doc = malloc(DOCS * sizeof *doc);
    for (size_t i = 0; i < DOCS; i++) {
        snprintf(text[i], sizeof text[i], "x%zu y%zu z%zu common", i, i * 7, i % 50);
        doc[i] = text[i];
    }
    Bm25 *x = bm25_made(doc, DOCS);
    Arena a = {0};
    for (size_t i = 0; i < DOCS; i += 17) {
        char query[64];
        size_t top = 0, found = 0;
        snprintf(query, sizeof query, "common x%zu", i);
        cr_assert_eq(bm25_top(&top, &found, 1, x, query, DOCS, &a, NULL), OK);
        cr_assert_eq(top, i);
    }
    arena_free(&a);
    bm25_free(x);
    free(doc);
    free(text);
}

Test(bm25, no_documents)
{
    Bm25 *x = bm25_made(NULL, 0);
    Arena a = {0};
    size_t found = 9;
    cr_assert_eq(bm25_scores(NULL, x, "a", 0, &a, NULL), OK);
    cr_assert_eq(bm25_top(NULL, &found, 1, x, "a", 0, &a, NULL), OK);
    cr_assert_eq(found, 0);
    arena_free(&a);
    bm25_free(x);
    bm25_free(NULL);
}

Test(bm25, errors)
{
    const char *doc[] = {"a"};
    static const struct {
        Bm25Options o;
        const char *msg;
    } bad[] = {{{0, 0.75, 0.25}, "k1 = 0, want > 0"},        {{INFINITY, 0.75, 0.25}, "k1 = inf, want > 0"},
               {{1.5, 1.25, 0.25}, "b = 1.25, want [0, 1]"}, {{1.5, -0.5, 0.25}, "b = -0.5, want [0, 1]"},
               {{1.5, 0.75, -1}, "epsilon = -1, want >= 0"}, {{1.5, 0.75, NAN}, "epsilon = nan, want >= 0"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Bm25 *x = NULL;
        Err e = {0};
        cr_assert_eq(bm25_new(&x, doc, 1, &bad[i].o, &e), ERR_ARG);
        cr_assert_str_eq(e.msg, bad[i].msg);
        cr_assert_null(x);
    }
    Bm25 *x = NULL;
    Err e = {0};
    cr_assert_eq(bm25_new(&x, NULL, UINT32_MAX, NULL, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "4294967295 documents, want less than 4294967294");
}
