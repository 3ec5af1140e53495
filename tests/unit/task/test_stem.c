#include "prime/rng.h"
#include "prime/stem.h"
#include "prime/table.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The stem of a word as a new string. */
static char *stem_of(const char *word)
{
    char *s = strdup(word);
    cr_assert_not_null(s);
    s[stem_porter(s, strlen(s))] = '\0';
    return s;
}

static void stem_is(const char *word, const char *want)
{
    char *got = stem_of(word);
    cr_assert_str_eq(got, want, "%s: %s, want %s", word, got, want);
    free(got);
}

Test(stem, known_answers)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/fixtures/ref/task/porter_stems.csv", getenv("PRIME_SOURCE"));
    Arena a = {0};
    Table t;
    Err e = {0};
    cr_assert_eq(table_load(&t, &a, path, &e), OK, "%s", e.msg);
    cr_assert_eq(t.n_rows, 84);
    for (size_t i = 0; i < t.n_rows; i++) stem_is(table_str(&t, i, 0), table_str(&t, i, 1));
    arena_free(&a);
}

/* By hand, rule by rule: what the fixture does not reach. */
Test(stem, rules)
{
    stem_is("", "");
    stem_is("as", "as");
    stem_is("ties", "tie"); /* ies of four letters */
    stem_is("tied", "tie");
    stem_is("spies", "spi");
    stem_is("spied", "spi");
    stem_is("enjoy", "enjoy"); /* y after a vowel */
    stem_is("fly", "fli");
    stem_is("geology", "geolog");    /* the l counts with the stem */
    stem_is("rationally", "ration"); /* alli, then tional */
    stem_is("gracefully", "grace");  /* fulli, ful */
    stem_is("used", "use");          /* a vowel and a consonant are short */
    stem_is("opinion", "opinion");   /* ion after n only stays */
    stem_is("adoption", "adopt");
    stem_is("controlling", "control");
    stem_is("sing", "sing");   /* no vowel before ing */
    stem_is("typing", "type"); /* y is the vowel */
    stem_is("yyying", "yy");   /* the third y is a doubled consonant */
}

/* Never longer than the word, never empty, and nothing outside it is written. The stem of a stem may differ.
 */
Test(stem, never_longer)
{
    static const char *const piece[] = {"a",   "e",    "y",       "l",   "s", "ing",  "ed",
                                        "ies", "alli", "ational", "ion", "t", "ment", "ll",
                                        "ate", "iz",   "logi",    "b",   "9", "ness"};
    enum { PIECES = sizeof piece / sizeof piece[0] };
    Rng r = rng_stream(1, "stem", 0);
    size_t shrunk = 0;
    for (size_t i = 0; i < 100000; i++) {
        char word[64] = "";
        for (size_t k = 1 + rng_below(&r, 6); k > 0; k--) strcat(word, piece[rng_below(&r, PIECES)]);
        size_t n = strlen(word);
        char *s = malloc(n); /* of this size, so that a sanitizer sees a write behind it */
        memcpy(s, word, n);
        size_t m = stem_porter(s, n);
        cr_assert(m >= 1 && m <= n, "%s: %zu letters", word, m);
        shrunk += m < n;
        free(s);
    }
    cr_assert_gt(shrunk, 30000);
    char *s = stem_of("generousness"), *again = stem_of(s);
    cr_assert_str_eq(s, "gener");
    cr_assert_str_eq(again, "gener");
    free(again);
    free(s);
    s = stem_of("oversees");
    again = stem_of(s);
    cr_assert_str_eq(s, "overse");
    cr_assert_str_eq(again, "overs", "the stem of a stem may be shorter");
    free(again);
    free(s);
}

/* One pass over long words. */
Test(stem, long_words)
{
    size_t n = 1 << 20;
    char *s = malloc(n + 3);
    memset(s, 'y', n);
    memcpy(s + n, "ing", 3);
    cr_assert_eq(stem_porter(s, n + 3), n);
    free(s);
}
