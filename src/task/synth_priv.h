/* synth_priv.h - the words that personas are made of, and how they put them together. */
#ifndef PRIME_SYNTH_PRIV_H
#define PRIME_SYNTH_PRIV_H

#include "prime/rng.h"
#include "prime/str.h"

#include <stddef.h>

enum { SYNTH_TAGS = 10, SYNTH_TOPIC_WORDS = 8, SYNTH_TIERS = 5, SYNTH_TIER_WORDS = 6, SYNTH_STYLES = 5 };

typedef struct {
    const char *const *word;
    size_t n;
} SynthList;

extern const char *const synth_tag[SYNTH_TAGS];
extern const char *const synth_topic[SYNTH_TAGS][SYNTH_TOPIC_WORDS];   /* things that belong to a tag */
extern const char *const synth_verdict[SYNTH_TIERS][SYNTH_TIER_WORDS]; /* from one star to five */
extern const char *const synth_stars[SYNTH_TIERS];                     /* "1" .. "5" */
extern const SynthList synth_syllables, synth_products, synth_parts, synth_openers, synth_uses, synth_deeds,
    synth_objects, synth_places, synth_reasons, synth_feelings, synth_times;

/* One made-up person. */
typedef struct {
    int bias;                  /* added to the stars that a review deserves */
    size_t favour[SYNTH_TAGS]; /* rank of each tag, 0 is the favourite */
    size_t headline, tweet;    /* styles, below SYNTH_STYLES */
    size_t opener;             /* how its reviews begin */
} Persona;

void synth_persona(Persona *p, Rng *r);

/* One writer per task: the input goes to in, the gold to out; both are empty before. */
typedef void (*SynthWriter)(Str *in, Str *out, const Persona *p, Rng *r);
void synth_write_rating(Str *in, Str *out, const Persona *p, Rng *r);
void synth_write_tag(Str *in, Str *out, const Persona *p, Rng *r);
void synth_write_headline(Str *in, Str *out, const Persona *p, Rng *r);
void synth_write_tweet(Str *in, Str *out, const Persona *p, Rng *r);

#endif
