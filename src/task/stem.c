/* stem.c - Porter's algorithm as tables of endings. In every table the first ending that fits decides,
 * whether or not its condition then holds. */
#include "prime/stem.h"

#include <stdbool.h>
#include <string.h>

/* An ending and what takes its place; never longer than the ending. */
typedef struct {
    const char *end, *with;
    size_t keep;       /* letters of the ending that are counted with the stem */
    const char *after; /* the stem must end in one of these; NULL for any */
} StemRule;

static const StemRule step_1a[] = {
    {"sses", "ss", 0, NULL}, {"ies", "i", 0, NULL}, {"ss", "ss", 0, NULL}, {"s", "", 0, NULL}, {0}};
static const StemRule step_2[] = {{"ational", "ate", 0, NULL},
                                  {"tional", "tion", 0, NULL},
                                  {"enci", "ence", 0, NULL},
                                  {"anci", "ance", 0, NULL},
                                  {"izer", "ize", 0, NULL},
                                  {"bli", "ble", 0, NULL},
                                  {"alli", "al", 0, NULL},
                                  {"entli", "ent", 0, NULL},
                                  {"eli", "e", 0, NULL},
                                  {"ousli", "ous", 0, NULL},
                                  {"ization", "ize", 0, NULL},
                                  {"ation", "ate", 0, NULL},
                                  {"ator", "ate", 0, NULL},
                                  {"alism", "al", 0, NULL},
                                  {"iveness", "ive", 0, NULL},
                                  {"fulness", "ful", 0, NULL},
                                  {"ousness", "ous", 0, NULL},
                                  {"aliti", "al", 0, NULL},
                                  {"iviti", "ive", 0, NULL},
                                  {"biliti", "ble", 0, NULL},
                                  {"fulli", "ful", 0, NULL},
                                  {"logi", "log", 1, NULL},
                                  {0}};
static const StemRule step_3[] = {
    {"icate", "ic", 0, NULL}, {"ative", "", 0, NULL}, {"alize", "al", 0, NULL}, {"iciti", "ic", 0, NULL},
    {"ical", "ic", 0, NULL},  {"ful", "", 0, NULL},   {"ness", "", 0, NULL},    {0}};
static const StemRule step_4[] = {
    {"al", "", 0, NULL},    {"ance", "", 0, NULL}, {"ence", "", 0, NULL}, {"er", "", 0, NULL},
    {"ic", "", 0, NULL},    {"able", "", 0, NULL}, {"ible", "", 0, NULL}, {"ant", "", 0, NULL},
    {"ement", "", 0, NULL}, {"ment", "", 0, NULL}, {"ent", "", 0, NULL},  {"ion", "", 0, "st"},
    {"ou", "", 0, NULL},    {"ism", "", 0, NULL},  {"ate", "", 0, NULL},  {"iti", "", 0, NULL},
    {"ous", "", 0, NULL},   {"ive", "", 0, NULL},  {"ize", "", 0, NULL},  {0}};

/* Words with a stem of their own. */
static const char *const stem_irregular[][2] = {
    {"sky", "sky"},        {"skies", "sky"},       {"dying", "die"},        {"lying", "lie"},
    {"tying", "tie"},      {"news", "news"},       {"innings", "inning"},   {"inning", "inning"},
    {"outings", "outing"}, {"outing", "outing"},   {"cannings", "canning"}, {"canning", "canning"},
    {"howe", "howe"},      {"proceed", "proceed"}, {"exceed", "exceed"},    {"succeed", "succeed"}};

enum { N_IRREGULAR = sizeof stem_irregular / sizeof stem_irregular[0] };

static bool stem_vowel(char c)
{
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

/* Is s[i] a consonant? A y is one at the beginning and after a vowel; in a run of y they take turns. */
static bool stem_cons(const char *s, size_t i)
{
    size_t run = i;
    while (run > 0 && s[run] == 'y') run--;
    bool c = !stem_vowel(s[run]);
    return (i - run) % 2 == 0 ? c : !c;
}

/* How often a vowel is followed by a consonant. */
static size_t stem_measure(const char *s, size_t n)
{
    size_t m = 0;
    bool last = true; /* nothing is followed by its first letter, and a first y is a consonant */
    for (size_t i = 0; i < n; i++) {
        bool c = s[i] == 'y' ? i == 0 || !last : !stem_vowel(s[i]);
        m += c && !last;
        last = c;
    }
    return m;
}

static bool stem_has_vowel(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (stem_vowel(s[i]) || (s[i] == 'y' && i > 0 && !stem_vowel(s[i - 1]))) return true;
    return false;
}

static bool stem_ends(const char *s, size_t n, const char *end)
{
    size_t k = strlen(end);
    return k <= n && memcmp(s + n - k, end, k) == 0;
}

/* Consonant, vowel, consonant other than w, x and y; or a word of one vowel and one consonant. */
static bool stem_short(const char *s, size_t n)
{
    if (n < 2 || !stem_cons(s, n - 1) || stem_cons(s, n - 2)) return false;
    return n == 2 || (stem_cons(s, n - 3) && strchr("wxy", s[n - 1]) == NULL);
}

/* The first rule whose ending fits, if the stem's measure is at least `least`. */
static size_t stem_apply(char *s, size_t n, const StemRule *rule, size_t least)
{
    while (rule->end != NULL && !stem_ends(s, n, rule->end)) rule++;
    if (rule->end == NULL) return n;
    size_t k = n - strlen(rule->end), len = strlen(rule->with);
    if (stem_measure(s, k + rule->keep) < least) return n;
    if (rule->after != NULL && (k == 0 || strchr(rule->after, s[k - 1]) == NULL)) return n;
    memcpy(s + k, rule->with, len);
    return k + len;
}

/* Plurals. */
static size_t stem_step_1a(char *s, size_t n)
{
    return n == 4 && stem_ends(s, n, "ies") ? n - 1 : stem_apply(s, n, step_1a, 0);
}

/* What -ed and -ing leave: an e comes back, or a doubled consonant goes. */
static size_t stem_mend(char *s, size_t n)
{
    bool twice = n > 1 && s[n - 1] == s[n - 2] && stem_cons(s, n - 1);
    bool open = stem_ends(s, n, "at") || stem_ends(s, n, "bl") || stem_ends(s, n, "iz");
    if (!open && twice) return strchr("lsz", s[n - 1]) != NULL ? n : n - 1;
    if (open || (stem_measure(s, n) == 1 && stem_short(s, n))) s[n++] = 'e';
    return n;
}

/* -ed and -ing. */
static size_t stem_step_1b(char *s, size_t n)
{
    if (stem_ends(s, n, "ied")) return n == 4 ? n - 1 : n - 2;
    if (stem_ends(s, n, "eed")) return stem_measure(s, n - 3) > 0 ? n - 1 : n;
    size_t cut = stem_ends(s, n, "ed") ? 2 : stem_ends(s, n, "ing") ? 3 : 0;
    return cut > 0 && stem_has_vowel(s, n - cut) ? stem_mend(s, n - cut) : n;
}

static size_t stem_step_2(char *s, size_t n)
{
    if (stem_ends(s, n, "alli") && stem_measure(s, n - 4) > 0) n -= 2;
    return stem_apply(s, n, step_2, 1);
}

/* A last e, and one of two l. */
static size_t stem_step_5(const char *s, size_t n)
{
    if (stem_ends(s, n, "e")) {
        size_t m = stem_measure(s, n - 1);
        n -= m > 1 || (m == 1 && !stem_short(s, n - 1));
    }
    return n - (stem_ends(s, n, "ll") && stem_measure(s, n - 1) > 1);
}

size_t stem_porter(char *word, size_t n)
{
    for (size_t i = 0; i < N_IRREGULAR; i++) {
        const char *const *pair = stem_irregular[i];
        if (strlen(pair[0]) != n || memcmp(pair[0], word, n) != 0) continue;
        memcpy(word, pair[1], strlen(pair[1]));
        return strlen(pair[1]);
    }
    if (n <= 2) return n;
    n = stem_step_1b(word, stem_step_1a(word, n));
    if (n > 2 && word[n - 1] == 'y' && stem_cons(word, n - 2)) word[n - 1] = 'i';
    n = stem_apply(word, stem_step_2(word, n), step_3, 1);
    return stem_step_5(word, stem_apply(word, n, step_4, 2));
}
