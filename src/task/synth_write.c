/* synth_write.c - what personas write. Texts tell the facts, golds tell them in the persona's way. Every draw
 * is a statement of its own: compilers may evaluate arguments in any order. */
#include "synth_priv.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

const char *synth_pick(const SynthList *l, Rng *r)
{
    return l->word[rng_below(r, l->n)];
}

void synth_name(char out[SYNTH_NAME], Rng *r)
{
    size_t n = 2 + rng_below(r, 3);
    out[0] = '\0';
    for (size_t i = 0; i < n; i++) strcat(out, synth_pick(&synth_syllables, r));
    out[0] = (char)toupper((unsigned char)out[0]);
}

void synth_persona(Persona *p, Rng *r)
{
    size_t order[SYNTH_TAGS];
    for (size_t i = 0; i < SYNTH_TAGS; i++) order[i] = i;
    rng_shuffle(r, order, SYNTH_TAGS);
    for (size_t i = 0; i < SYNTH_TAGS; i++) p->favour[order[i]] = i;
    p->bias = (int)rng_below(r, 3) - 1;
    p->headline = rng_below(r, SYNTH_STYLES);
    p->tweet = rng_below(r, SYNTH_STYLES);
    p->opener = rng_below(r, synth_openers.n);
}

void synth_write_rating(Str *in, Str *out, const Persona *p, Rng *r)
{
    char name[20];
    synth_name(name, r);
    size_t tier = rng_below(r, SYNTH_TIERS);
    const char *product = synth_pick(&synth_products, r), *use = synth_pick(&synth_uses, r);
    const char *first = synth_verdict[tier][rng_below(r, SYNTH_TIER_WORDS)];
    const char *second = synth_verdict[tier][rng_below(r, SYNTH_TIER_WORDS)];
    const char *part = synth_pick(&synth_parts, r), *other = synth_pick(&synth_parts, r);
    str_printf(in, "%s the %s %s %s is %s. The %s is %s, and so is the %s.", synth_openers.word[p->opener],
               name, product, use, first, part, second, other);
    bool moody = rng_below(r, 10) == 0;
    int mood = (int)rng_below(r, 3) - 1, stars = (int)tier + p->bias + (moody ? mood : 0);
    str_puts(out, synth_stars[stars < 0 ? 0 : stars >= SYNTH_TIERS ? SYNTH_TIERS - 1 : stars]);
}

/* The text speaks twice of one tag and once of the other; the gold is the one that the persona prefers. */
void synth_write_tag(Str *in, Str *out, const Persona *p, Rng *r)
{
    char name[20];
    synth_name(name, r);
    size_t a = rng_below(r, SYNTH_TAGS), b = rng_below(r, SYNTH_TAGS - 1);
    b += b >= a;
    const char *first = synth_topic[a][rng_below(r, SYNTH_TOPIC_WORDS)];
    const char *second = synth_topic[b][rng_below(r, SYNTH_TOPIC_WORDS)];
    const char *last = synth_topic[a][rng_below(r, SYNTH_TOPIC_WORDS)];
    const char *deed = synth_pick(&synth_deeds, r), *object = synth_pick(&synth_objects, r);
    const char *place = synth_pick(&synth_places, r);
    str_printf(in, "A story about %s and %s, told by %s, who %s %s %s and ends with %s.", first, second, name,
               deed, object, place, last);
    str_puts(out, synth_tag[p->favour[a] < p->favour[b] ? a : b]);
}

/* The parts of a news item. */
typedef struct {
    char who[20];
    const char *deed, *what, *where, *why;
    size_t number;
} News;

typedef void (*HeadlineStyle)(Str *out, const News *n);

static void headline_plain(Str *out, const News *n)
{
    str_printf(out, "%s %s %s %s", n->who, n->deed, n->what, n->where);
}

static void headline_why(Str *out, const News *n)
{
    str_printf(out, "Why %s %s %s %s", n->who, n->deed, n->what, n->why);
}

static void headline_colon(Str *out, const News *n)
{
    str_printf(out, "%s: %s %s", n->who, n->what, n->why);
}

static void headline_number(Str *out, const News *n)
{
    str_printf(out, "%zu things to know as %s %s %s", n->number, n->who, n->deed, n->what);
}

static void headline_loud(Str *out, const News *n)
{
    size_t from = out->n;
    str_printf(out, "%s %s %s!", n->who, n->deed, n->what);
    for (size_t i = from; i < out->n; i++) out->s[i] = (char)toupper((unsigned char)out->s[i]);
}

static const HeadlineStyle headline_styles[SYNTH_STYLES] = {headline_plain, headline_why, headline_colon,
                                                            headline_number, headline_loud};

void synth_write_headline(Str *in, Str *out, const Persona *p, Rng *r)
{
    News n;
    char witness[20];
    synth_name(n.who, r);
    synth_name(witness, r);
    n.deed = synth_pick(&synth_deeds, r);
    n.what = synth_pick(&synth_objects, r);
    n.where = synth_pick(&synth_places, r);
    n.why = synth_pick(&synth_reasons, r);
    n.number = 2 + rng_below(r, 9);
    str_printf(in, "The town of %s %s %s %s, %s. It is the work of %zu people, says %s.", n.who, n.deed,
               n.what, n.where, n.why, n.number, witness);
    headline_styles[p->headline](out, &n);
}

typedef void (*TweetStyle)(Str *out, const char *feeling, const char *thing, const char *when,
                           const char *who);

static void tweet_plain(Str *out, const char *feeling, const char *thing, const char *when, const char *who)
{
    str_printf(out, "%s %s with %s: %s", feeling, when, who, thing);
}

static void tweet_hashtag(Str *out, const char *feeling, const char *thing, const char *when, const char *who)
{
    str_printf(out, "%s and me, %s #", who, thing);
    for (const char *c = feeling; *c != '\0'; c++)
        if (*c != ' ') str_put(out, c, 1);
    str_printf(out, " #%.*s", (int)strcspn(when, " "), when);
}

static void tweet_keen(Str *out, const char *feeling, const char *thing, const char *when, const char *who)
{
    str_printf(out, "%s!!! %s!!! %s %s :)", thing, feeling, when, who);
}

static void tweet_short(Str *out, const char *feeling, const char *thing, const char *when, const char *who)
{
    (void)when;
    str_printf(out, "me + %s = %s bc %s", who, feeling, thing);
}

static void tweet_question(Str *out, const char *feeling, const char *thing, const char *when,
                           const char *who)
{
    str_printf(out, "who else is %s %s? asking for %s... %s", feeling, when, who, thing);
}

static const TweetStyle tweet_styles[SYNTH_STYLES] = {tweet_plain, tweet_hashtag, tweet_keen, tweet_short,
                                                      tweet_question};

void synth_write_tweet(Str *in, Str *out, const Persona *p, Rng *r)
{
    char who[20];
    synth_name(who, r);
    const char *feeling = synth_pick(&synth_feelings, r), *when = synth_pick(&synth_times, r);
    size_t topic = rng_below(r, SYNTH_TAGS);
    const char *thing = synth_topic[topic][rng_below(r, SYNTH_TOPIC_WORDS)],
               *place = synth_pick(&synth_places, r);
    str_printf(in, "In the company of %s I have been %s %s, because of %s %s, and would like to say so.", who,
               feeling, when, thing, place);
    tweet_styles[p->tweet](out, feeling, thing, when, who);
}
