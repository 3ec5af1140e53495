/* synth_priv.h - the words that personas are made of, and how they put them together. */
#ifndef PRIME_SYNTH_PRIV_H
#define PRIME_SYNTH_PRIV_H

#include "prime/rng.h"
#include "prime/str.h"

#include <stddef.h>

enum {
    SYNTH_TAGS = 10,
    SYNTH_TOPIC_WORDS = 8,
    SYNTH_TIERS = 5,
    SYNTH_TIER_WORDS = 6,
    SYNTH_STYLES = 5,
    SYNTH_LAMP_LABELS = 15
};

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
    /* For LaMP's tasks. */
    size_t film[SYNTH_LAMP_LABELS], news[SYNTH_LAMP_LABELS]; /* rank of each label, 0 is the favourite */
    size_t title, subject;                                   /* styles */
} Persona;

void synth_persona(Persona *p, Rng *r);

/* One writer per task: the input goes to in, the gold to out; both are empty before. */
typedef void (*SynthWriter)(Str *in, Str *out, const Persona *p, Rng *r);
void synth_write_rating(Str *in, Str *out, const Persona *p, Rng *r);
void synth_write_tag(Str *in, Str *out, const Persona *p, Rng *r);
void synth_write_headline(Str *in, Str *out, const Persona *p, Rng *r);
void synth_write_tweet(Str *in, Str *out, const Persona *p, Rng *r);

/* A task that personas write. */
typedef struct {
    const char *name;
    SynthWriter write;                           /* queries, and the history if it has the same form */
    SynthWriter write_history;                   /* NULL: the same */
    void (*profile)(Str *out, const Persona *p); /* its habits in a sentence; NULL: none */
    const char *const *label;                    /* NULL: those of the task, if any */
    size_t n_labels;
} SynthTask;

/* The tasks of LaMP. synth_persona_lamp draws what they need besides. */
enum { SYNTH_LAMPS = 8, SYNTH_MOST = 8 };
extern const SynthTask synth_lamp[SYNTH_LAMPS];
void synth_persona_lamp(Persona *p, Rng *r);

/* Things that belong to a film's tag and to a kind of news, in the order of metric_lamp's labels. */
enum { SYNTH_LAMP_WORDS = 4 };
extern const char *const synth_film[SYNTH_LAMP_LABELS][SYNTH_LAMP_WORDS];
extern const char *const synth_news[SYNTH_LAMP_LABELS][SYNTH_LAMP_WORDS];
extern const char *const synth_verb[SYNTH_TOPIC_WORDS];

/* synth_pick - a word of the list. synth_name - a name of two to four syllables; there are 24^2+24^3+24^4. */
enum { SYNTH_NAME = 20 };
const char *synth_pick(const SynthList *l, Rng *r);
void synth_name(char out[SYNTH_NAME], Rng *r);

#endif
