/* stem.h - what is left of an English word when its endings are cut off. */
#ifndef PRIME_STEM_H
#define PRIME_STEM_H

#include <stddef.h>

/* stem_porter - cut word [n] to its stem, in place; returns the stem's length, 1 to n (0 for n = 0). The word
 * is meant to be of lower-case letters and digits; every byte but a, e, i, o, u and some y is a consonant.
 * Words of up to two bytes stay as they are. The stem of a stem may be shorter still.
 * Cost: O(n).
 * Source: Porter 1980, An algorithm for suffix stripping, Program 14(3).
 * Reference: fixtures/ref/task/porter_stems.csv.
 * Differs: extended as in NLTK's PorterStemmer (its default mode, which rouge_score uses): a list of
 * irregular words; "ies" and "ied" of four letters keep their e; y becomes i after a consonant only; -alli,
 * -fulli and -logi in step 2; a word of one vowel and one consonant counts as short. */
size_t stem_porter(char *word, size_t n);

#endif
