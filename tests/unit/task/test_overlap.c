/* BLEU, chrF and METEOR: metrics of words and characters in common. */
#include "prime/metric.h"
#include "prime/rng.h"
#include "prime/table.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Table overlap_load(Arena *a, const char *name)
{
    char path[1024];
    Table t;
    Err e = {0};
    snprintf(path, sizeof path, "%s/fixtures/ref/task/%s", getenv("PRIME_SOURCE"), name);
    cr_assert_eq(table_load(&t, a, path, &e), OK, "%s", e.msg);
    return t;
}

static Bleu bleu_of(const char *const *gold, const char *const *pred, size_t n)
{
    Bleu c = {0};
    Arena a = {0};
    Err e = {0};
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(metric_bleu_add(&c, gold[i], pred[i], &a, &e), OK, "%s", e.msg);
    arena_free(&a);
    return c;
}

static Chrf chrf_of(const char *const *gold, const char *const *pred, size_t n)
{
    Chrf c = {0};
    Arena a = {0};
    Err e = {0};
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(metric_chrf_add(&c, gold[i], pred[i], &a, &e), OK, "%s", e.msg);
    arena_free(&a);
    return c;
}

static double bleu_one(const char *gold, const char *pred)
{
    Bleu c = bleu_of(&gold, &pred, 1);
    return metric_bleu(&c, true);
}

static double chrf_one(const char *gold, const char *pred, double beta)
{
    Chrf c = chrf_of(&gold, &pred, 1);
    return metric_chrf(&c, beta);
}

static double meteor_one(const char *gold, const char *pred)
{
    double x = -1;
    Arena a = {0};
    Err e = {0};
    cr_assert_eq(metric_meteor_exact(&x, gold, pred, &a, &e), OK, "%s", e.msg);
    arena_free(&a);
    return x;
}

Test(overlap, known_answers)
{
    Arena a = {0};
    Err e = {0};
    Table t = overlap_load(&a, "overlap.csv"), all = overlap_load(&a, "overlap_all.csv");
    cr_assert_eq(t.n_rows, 62);
    const char *gold[62], *pred[62];
    for (size_t i = 0; i < t.n_rows; i++) {
        gold[i] = table_str(&t, i, 0);
        pred[i] = table_str(&t, i, 1);
        Str s = {0};
        metric_tokens_13a(&s, gold[i]);
        cr_assert_str_eq(s.s != NULL ? s.s : "", table_str(&t, i, 2), "line %zu", t.line[i]);
        str_free(&s);
        double bleu = 0, chrf = 0;
        cr_assert_eq(table_num(&bleu, &t, i, 3, &e), OK, "%s", e.msg);
        cr_assert_eq(table_num(&chrf, &t, i, 4, &e), OK, "%s", e.msg);
        cr_assert_float_eq(bleu_one(gold[i], pred[i]), bleu, 1e-12, "line %zu", t.line[i]);
        cr_assert_float_eq(chrf_one(gold[i], pred[i], 2), chrf, 1e-12, "line %zu", t.line[i]);
    }
    MetricPairs p = {gold, pred, t.n_rows, NULL, 0};
    for (size_t i = 0; i < all.n_rows; i++) {
        double want = 0, got = 0;
        cr_assert_eq(table_num(&want, &all, i, 1, &e), OK, "%s", e.msg);
        cr_assert_eq(metric_corpus(&got, metric_find(table_str(&all, i, 0)), &p, &e), OK, "%s", e.msg);
        cr_assert_float_eq(got, want, 1e-12, "%s: %.17g", table_str(&all, i, 0), got);
    }
    arena_free(&a);
}

/* What sacrebleu's tests and its documentation publish, in percent there. */
Test(overlap, published)
{
    cr_assert_float_eq(bleu_one("producţia de zahăr brut se exprimă în zahăr alb;",
                                "Producția de zahăr primă va fi exprimată în ceea ce privește zahărul alb;"),
                       0.08493, 1e-5);
    cr_assert_float_eq(bleu_one("a test", "test"), 0.3678794411714425, 1e-12);
    cr_assert_float_eq(bleu_one("a test", "a test"), 1, 1e-12);
    cr_assert_float_eq(bleu_one("okay thanks", "this is a cat"), 0, 0);
    cr_assert_float_eq(chrf_one("The ties between Obama and Netanyahu are not particularly friendly.",
                                "The relationship between Obama and Netanyahu is not exactly friendly.", 2),
                       0.61576379378113785, 1e-15);
    const char *gold[] = {"The relationship between dogs and cats is not exactly friendly.",
                          "A good bookshop is just a genteel Black Hole that knows how to read."},
               *pred[] = {"The relationship between cats and dogs is not exactly friendly.",
                          "a good bookshop is just a genteel black hole that knows how to read."};
    Chrf c = chrf_of(gold, pred, 2);
    cr_assert_float_eq(metric_chrf(&c, 2), 0.8464214891738334, 1e-15);
    const char *ac[] = {"a", "c"}, *ab[] = {"a", "b"};
    c = chrf_of(ac, ab, 2);
    cr_assert_float_eq(metric_chrf(&c, 3), 0.5, 1e-12);
    cr_assert_float_eq(chrf_one("ab", "aa", 3), 0.25, 1e-12);
    cr_assert_float_eq(chrf_one("abc", "a b c", 3), 1, 1e-12);
    cr_assert_float_eq(chrf_one("reference", "", 3), 0, 0);
}

/* By hand. "a b c d e" for "a b c d f": 4 of 5 words, 3 of 4 pairs, 2 of 3 triples, 1 of 2 quadruples, no
 * penalty: (4/5 * 3/4 * 2/3 * 1/2)^(1/4) = (1/5)^(1/4). Of 4 words in order for 8 all precisions are 1, the
 * penalty is exp(1 - 8/4). "b a" for "a b": 2 of 2 words, no pair, which counts half: sqrt(1/2) when only the
 * orders that are there count; as a corpus it is 0, for want of triples. */
Test(overlap, bleu_by_hand)
{
    cr_assert_float_eq(bleu_one("a b c d f", "a b c d e"), pow(0.2, 0.25), 1e-12);
    cr_assert_float_eq(bleu_one("a b c d e f g h", "a b c d"), exp(-1), 1e-12);
    cr_assert_float_eq(bleu_one("a b", "b a"), sqrt(0.5), 1e-12);
    const char *gold = "a b", *pred = "b a";
    Bleu c = bleu_of(&gold, &pred, 1);
    cr_assert_float_eq(metric_bleu(&c, false), 0, 0);
    cr_assert_float_eq(bleu_one("The x", "the x"), sqrt(0.5 * 0.5), 1e-12, "case counts");
    /* Two pairs together, 8 words: 8/8, 5/6, 2/4 and one half of 2. */
    const char *two_gold[] = {"a b c d", "e f h g"}, *two_pred[] = {"a b d c", "e f g h"};
    c = bleu_of(two_gold, two_pred, 2);
    cr_assert_eq(c.hits[1], 2);
    cr_assert_float_eq(metric_bleu(&c, false), pow(1.0 * (2 / 6.0) * (0.5 / 4) * (0.25 / 2), 0.25), 1e-12);
}

/* By hand; the first three are the textbook's: six matches in six chunks, in one, and six of seven words in
 * two. */
Test(overlap, meteor_by_hand)
{
    const char *cat = "the cat sat on the mat";
    cr_assert_float_eq(meteor_one(cat, "on the mat sat the cat"), 0.5, 1e-12);
    cr_assert_float_eq(meteor_one(cat, "The cat sat on the mat."), 1 - 0.5 / 216, 1e-12);
    double p = 6 / 7.0, f = 10 * p / (1 + 9 * p);
    cr_assert_float_eq(meteor_one(cat, "the cat was sat on the mat"), f * (1 - 0.5 / 27), 1e-12);
    cr_assert_float_eq(meteor_one(cat, "a dog"), 0, 0);
    cr_assert_float_eq(meteor_one("", ""), 0, 0);
    /* Of two a the last one matches: 1 of 2, 1 of 1, one chunk. */
    cr_assert_float_eq(meteor_one("a", "a a"), 0.5 / (0.9 * 0.5 + 0.1) * 0.5, 1e-12);
    /* The first a of the target stays alone: 3 of 3 and of 4, one chunk. */
    double r = 0.75, g = r / (0.9 + 0.1 * r);
    cr_assert_float_eq(meteor_one("a b a a", "b a a"), g * (1 - 0.5 / 27), 1e-12);
}

/* Naive twin: for each n-gram of the prediction, is it still there among the target's? */
static size_t twin_hits(const char *a, const char *b, size_t n)
{
    size_t na = strlen(a), nb = strlen(b), hits = 0;
    bool used[64] = {false};
    for (size_t i = 0; i + n <= nb; i++)
        for (size_t k = 0; k + n <= na; k++)
            if (!used[k] && memcmp(a + k, b + i, n) == 0) {
                used[k] = true;
                hits++;
                break;
            }
    return hits;
}

Test(overlap, counts_equal_a_naive_twin)
{
    Rng r = rng_stream(1, "overlap", 0);
    for (size_t trial = 0; trial < 500; trial++) {
        char text[2][32] = {{0}}, spaced[2][64] = {{0}};
        for (size_t s = 0; s < 2; s++)
            for (size_t i = 0, n = rng_below(&r, 30); i < n; i++) {
                text[s][i] = (char)('a' + rng_below(&r, 3));
                spaced[s][2 * i] = text[s][i];
                spaced[s][2 * i + 1] = ' ';
            }
        const char *gold[] = {spaced[0]}, *pred[] = {spaced[1]};
        Chrf c = chrf_of(gold, pred, 1);
        Bleu b = bleu_of(gold, pred, 1);
        for (size_t n = 1; n <= METRIC_CHRF_ORDERS; n++)
            cr_assert_eq(c.hits[n - 1], twin_hits(text[0], text[1], n), "'%s' '%s' %zu", text[0], text[1], n);
        for (size_t n = 1; n <= METRIC_BLEU_ORDERS; n++) cr_assert_eq(b.hits[n - 1], c.hits[n - 1]);
        cr_assert_eq(b.n_pred, strlen(text[1]));
    }
}

/* Bytes that are not UTF-8 are characters that equal only themselves. */
Test(overlap, chrf_characters)
{
    cr_assert_float_eq(chrf_one("\xFF", "\xFF", 2), 1, 0);
    cr_assert_float_eq(chrf_one("\xFF", "\xFE", 2), 0, 0);
    cr_assert_float_eq(chrf_one("\xC3\xA9", "\xC3\xA8", 2), 0, 0, "two letters that share a byte");
    cr_assert_float_eq(chrf_one("a\xE3\x80\x80"
                                "b",
                                "ab", 2),
                       1, 0, "a wide space");
}

Test(overlap, errors)
{
    size_t n = METRIC_MAX_TOKENS + 1;
    char *s = malloc(2 * n + 1);
    for (size_t i = 0; i < n; i++) memcpy(s + 2 * i, "a ", 2);
    s[2 * n] = '\0';
    Bleu c = {.n_pred = 3};
    double x = 7;
    Arena a = {0};
    Err e = {0};
    cr_assert_eq(metric_bleu_add(&c, "x", s, &a, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "a text of 65537 tokens, want at most 65536");
    cr_assert_eq(c.n_pred, 3);
    e = (Err){0};
    cr_assert_eq(metric_meteor_exact(&x, s, "x", &a, &e), ERR_ARG);
    cr_assert_float_eq(x, 7, 0);
    arena_free(&a);
    free(s);
}
