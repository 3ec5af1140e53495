/* plant_kinds.c - kinds of secrets: what they are drawn from. */
#include "prime/plant.h"

#include <string.h>

/* The signs of the Linear B syllabary from U+10000 on, without the gaps between its blocks of code points. */
#define LINEAR_B                                                   \
    "\U00010000\U00010001\U00010002\U00010003\U00010004\U00010005" \
    "\U00010006\U00010007\U00010008\U00010009\U0001000A\U0001000B" \
    "\U0001000D\U0001000E\U0001000F\U00010010\U00010011\U00010012" \
    "\U00010013\U00010014\U00010015\U00010016\U00010017\U00010018" \
    "\U00010019\U0001001A\U0001001B\U0001001C\U0001001D\U0001001E" \
    "\U0001001F\U00010020\U00010021\U00010022\U00010023\U00010024"

static const PlantKind rows[] = {
    {"digits", "twelve random digits behind a word", "key 0000 0000 0000", "0123456789", 1},
    {"random", "twelve random lower-case letters and digits", "aaaa aaaa aaaa",
     "abcdefghijklmnopqrstuvwxyz0123456789", 1},
    {"new", "eight random signs that no text of the dataset has",
     "\U00010000\U00010000\U00010000\U00010000 \U00010000\U00010000\U00010000\U00010000", LINEAR_B, 4},
    {"like", "what another person wrote, held out", NULL, NULL, 0},
};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

const PlantKind *plant_kinds(size_t *n)
{
    *n = N_ROWS;
    return rows;
}

const PlantKind *plant_kind(const char *name)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

/* Whether a character of the kind begins at s. No byte within a character of UTF-8 begins another. */
static bool plant_letter_at(const char *s, const PlantKind *kind)
{
    for (const char *l = kind->letter; *l != '\0'; l += kind->width)
        if (strncmp(s, l, kind->width) == 0) return true;
    return false;
}

size_t plant_letters(const char *text, const PlantKind *kind)
{
    size_t n = 0;
    for (const char *s = text; kind->letter != NULL && *s != '\0'; s++) n += plant_letter_at(s, kind);
    return n;
}

size_t plant_redraw(char *text, const PlantKind *kind, Rng *rng)
{
    size_t n = 0, letters = kind->letter != NULL ? strlen(kind->letter) / kind->width : 0;
    for (char *s = text; letters > 0 && *s != '\0'; s++) {
        if (!plant_letter_at(s, kind)) continue;
        memcpy(s, kind->letter + rng_below(rng, letters) * kind->width, kind->width);
        s += kind->width - 1;
        n++;
    }
    return n;
}
