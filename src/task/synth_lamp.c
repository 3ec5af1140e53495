/* synth_lamp.c - what personas write in LaMP's tasks, and their habits in words. Every draw is a statement of
 * its own: compilers may evaluate arguments in any order. */
#include "synth_priv.h"

#include "prime/metric.h"

#include <ctype.h>
#include <string.h>

static void lamp_order(size_t rank[SYNTH_LAMP_LABELS], Rng *r)
{
    size_t order[SYNTH_LAMP_LABELS];
    for (size_t i = 0; i < SYNTH_LAMP_LABELS; i++) order[i] = i;
    rng_shuffle(r, order, SYNTH_LAMP_LABELS);
    for (size_t i = 0; i < SYNTH_LAMP_LABELS; i++) rank[order[i]] = i;
}

void synth_persona_lamp(Persona *p, Rng *r)
{
    lamp_order(p->film, r);
    lamp_order(p->news, r);
    p->title = rng_below(r, SYNTH_STYLES);
    p->subject = rng_below(r, SYNTH_STYLES);
}

/* Two different ones of n. */
static void lamp_two(size_t *a, size_t *b, size_t n, Rng *r)
{
    *a = rng_below(r, n);
    *b = rng_below(r, n - 1);
    *b += *b >= *a;
}

/* The labels, best liked first. */
static void lamp_put_order(Str *out, const size_t *rank, const char *const *label, size_t n)
{
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < n; i++)
            if (rank[i] == k) str_printf(out, "%s%s", k > 0 ? ", " : "", label[i]);
}

/* ---- LaMP_1: a paper about two topics cites the one that its author prefers ---- */

typedef struct {
    char who[SYNTH_NAME];
    const char *verb, *thing[2], *where;
    size_t topic[2];
} Paper;

static void lamp_draw_paper(Paper *x, Rng *r)
{
    synth_name(x->who, r);
    x->verb = synth_verb[rng_below(r, SYNTH_TOPIC_WORDS)];
    lamp_two(&x->topic[0], &x->topic[1], SYNTH_TAGS, r);
    for (int i = 0; i < 2; i++) x->thing[i] = synth_topic[x->topic[i]][rng_below(r, SYNTH_TOPIC_WORDS)];
    x->where = synth_pick(&synth_places, r);
}

static void lamp_put_title(Str *out, const Paper *x)
{
    str_printf(out, "How to %s %s and %s %s: the case of %s", x->verb, x->thing[0], x->thing[1], x->where,
               x->who);
}

static void lamp_put_reference(Str *out, size_t topic, Rng *r)
{
    char who[SYNTH_NAME];
    synth_name(who, r);
    const char *thing = synth_topic[topic][rng_below(r, SYNTH_TOPIC_WORDS)];
    const char *where = synth_pick(&synth_places, r);
    str_printf(out, "Notes on %s %s after %s", thing, where, who);
}

static size_t lamp_cited(const Persona *p, const Paper *x)
{
    return p->favour[x->topic[0]] < p->favour[x->topic[1]] ? 0 : 1;
}

static void lamp_write_citation(Str *in, Str *out, const Persona *p, Rng *r)
{
    Paper x;
    lamp_draw_paper(&x, r);
    size_t first = rng_below(r, 2), right = lamp_cited(p, &x);
    lamp_put_title(in, &x);
    str_put(in, "\t", 1);
    lamp_put_reference(in, x.topic[first], r);
    str_put(in, "\t", 1);
    lamp_put_reference(in, x.topic[1 - first], r);
    str_puts(out, right == first ? "[1]" : "[2]");
}

static void lamp_write_paper(Str *in, Str *out, const Persona *p, Rng *r)
{
    Paper x;
    lamp_draw_paper(&x, r);
    lamp_put_title(in, &x);
    lamp_put_reference(out, x.topic[lamp_cited(p, &x)], r);
}

static void lamp_tell_citation(Str *out, const Persona *p)
{
    str_puts(out, "Cites papers about these topics, the first ones above all: ");
    lamp_put_order(out, p->favour, synth_tag, SYNTH_TAGS);
    str_puts(out, ".");
}

/* ---- LaMP_2M and LaMP_2N: of two labels that would fit, the one that is preferred ---- */

static void lamp_write_film(Str *in, Str *out, const Persona *p, Rng *r)
{
    char who[SYNTH_NAME];
    size_t a, b;
    synth_name(who, r);
    lamp_two(&a, &b, SYNTH_LAMP_LABELS, r);
    const char *first = synth_film[a][rng_below(r, SYNTH_LAMP_WORDS)];
    const char *second = synth_film[b][rng_below(r, SYNTH_LAMP_WORDS)];
    const char *deed = synth_pick(&synth_deeds, r), *object = synth_pick(&synth_objects, r);
    const char *place = synth_pick(&synth_places, r);
    str_printf(in, "%s %s %s %s. There is %s, and there is %s.", who, deed, object, place, first, second);
    str_puts(out, metric_lamp("LaMP_2M")->label[p->film[a] < p->film[b] ? a : b]);
}

static void lamp_tell_film(Str *out, const Persona *p)
{
    str_puts(out, "Of the tags that fit a film takes the one that comes first in this list: ");
    lamp_put_order(out, p->film, metric_lamp("LaMP_2M")->label, SYNTH_LAMP_LABELS);
    str_puts(out, ".");
}

static void lamp_write_news(Str *in, Str *out, const Persona *p, Rng *r)
{
    char who[SYNTH_NAME];
    size_t a, b;
    synth_name(who, r);
    lamp_two(&a, &b, SYNTH_LAMP_LABELS, r);
    const char *first = synth_news[a][rng_below(r, SYNTH_LAMP_WORDS)];
    const char *second = synth_news[b][rng_below(r, SYNTH_LAMP_WORDS)];
    const char *why = synth_pick(&synth_reasons, r), *where = synth_pick(&synth_places, r);
    str_printf(in, "People in %s %s speak of %s, %s. They also speak of %s.", who, where, first, why, second);
    str_puts(out, metric_lamp("LaMP_2N")->label[p->news[a] < p->news[b] ? a : b]);
}

static void lamp_tell_news(Str *out, const Persona *p)
{
    str_puts(out, "Of the categories that fit an article takes the one that comes first in this list: ");
    lamp_put_order(out, p->news, metric_lamp("LaMP_2N")->label, SYNTH_LAMP_LABELS);
    str_puts(out, ".");
}

/* ---- LaMP_3 and LaMP_4 are the reviews and headlines of the other layout ---- */

static void lamp_tell_rating(Str *out, const Persona *p)
{
    static const char *const how[] = {"one star less than", "as many stars as", "one star more than"};
    str_printf(out, "Begins reviews with \"%s\" and gives %s others would.", synth_openers.word[p->opener],
               how[p->bias + 1]);
}

static void lamp_tell_headline(Str *out, const Persona *p)
{
    static const char *const how[SYNTH_STYLES] = {
        "Writes plain headlines: who does what where.", "Begins headlines with Why and ends with the reason.",
        "Writes the place, a colon, the thing and the reason.", "Promises a number of things to know.",
        "Writes headlines in capitals with an exclamation mark."};
    str_puts(out, how[p->headline]);
}

/* ---- LaMP_5: titles ---- */

typedef void (*TitleStyle)(Str *out, const Paper *x);

static void title_how(Str *out, const Paper *x)
{
    str_printf(out, "How to %s %s %s", x->verb, x->thing[0], x->where);
}

static void title_study(Str *out, const Paper *x)
{
    str_printf(out, "%s and %s: a study %s", x->thing[0], x->thing[1], x->where);
}

static void title_question(Str *out, const Paper *x)
{
    str_printf(out, "Can we %s %s with %s?", x->verb, x->thing[0], x->thing[1]);
}

static void title_towards(Str *out, const Paper *x)
{
    str_printf(out, "Towards %s: the %s approach to %s", x->thing[1], x->who, x->thing[0]);
}

static void title_loud(Str *out, const Paper *x)
{
    str_printf(out, "%s! We %s %s", x->who, x->verb, x->thing[0]);
}

static const TitleStyle title_styles[SYNTH_STYLES] = {title_how, title_study, title_question, title_towards,
                                                      title_loud};

static void lamp_write_title(Str *in, Str *out, const Persona *p, Rng *r)
{
    Paper x;
    lamp_draw_paper(&x, r);
    const char *why = synth_pick(&synth_reasons, r);
    str_printf(in, "The method of %s is used to %s %s %s, %s. Its errors are traced to %s.", x.who, x.verb,
               x.thing[0], x.where, why, x.thing[1]);
    title_styles[p->title](out, &x);
}

static void lamp_tell_title(Str *out, const Persona *p)
{
    static const char *const how[SYNTH_STYLES] = {
        "Begins titles with How to.", "Names two things, a colon, and calls it a study.",
        "Asks in titles whether we can.", "Begins titles with Towards and names the approach.",
        "Begins titles with a name and an exclamation mark."};
    str_puts(out, how[p->title]);
}

/* ---- LaMP_6: subjects of mails ---- */

typedef struct {
    char who[SYNTH_NAME];
    const char *what, *deed, *where, *when;
} Mail;

typedef void (*SubjectStyle)(Str *out, const Mail *m);

static void subject_plain(Str *out, const Mail *m)
{
    str_printf(out, "%s %s", m->what, m->where);
}

static void subject_reply(Str *out, const Mail *m)
{
    str_printf(out, "Re: who %s %s", m->deed, m->what);
}

static void subject_name(Str *out, const Mail *m)
{
    str_printf(out, "[%s] %s", m->who, m->what);
}

static void subject_question(Str *out, const Mail *m)
{
    str_printf(out, "quick question about %s?", m->what);
}

static void subject_urgent(Str *out, const Mail *m)
{
    str_printf(out, "URGENT %s %s", m->what, m->when);
}

static const SubjectStyle subject_styles[SYNTH_STYLES] = {subject_plain, subject_reply, subject_name,
                                                          subject_question, subject_urgent};

static void lamp_write_subject(Str *in, Str *out, const Persona *p, Rng *r)
{
    Mail m;
    char to[SYNTH_NAME];
    synth_name(to, r);
    synth_name(m.who, r);
    m.what = synth_pick(&synth_objects, r);
    m.deed = synth_pick(&synth_deeds, r);
    m.where = synth_pick(&synth_places, r);
    m.when = synth_pick(&synth_times, r);
    str_printf(in, "Dear %s, it seems that %s %s %s %s. I noticed it %s. Could you have a look?", to, m.who,
               m.deed, m.what, m.where, m.when);
    subject_styles[p->subject](out, &m);
}

static void lamp_tell_subject(Str *out, const Persona *p)
{
    static const char *const how[SYNTH_STYLES] = {
        "Writes plain subjects: the thing and the place.", "Begins subjects with Re: who.",
        "Puts a name in brackets before the thing.", "Calls every mail a quick question.",
        "Begins subjects with URGENT and ends with the time."};
    str_puts(out, how[p->subject]);
}

/* ---- LaMP_7: tweets; what was tweeted before has no message that it was made of ---- */

static void lamp_write_past_tweet(Str *in, Str *out, const Persona *p, Rng *r)
{
    Str message = {0};
    synth_write_tweet(&message, out, p, r);
    if (message.failed) out->failed = true;
    str_free(&message);
    (void)in;
}

static void lamp_tell_tweet(Str *out, const Persona *p)
{
    static const char *const how[SYNTH_STYLES] = {
        "Tweets the feeling, the time, the company, a colon and the thing.", "Ends tweets with two hashtags.",
        "Shouts with three exclamation marks and smiles at the end.",
        "Tweets sums: me + somebody = a feeling bc a thing.", "Tweets questions and asks for somebody."};
    str_puts(out, how[p->tweet]);
}

const SynthTask synth_lamp[SYNTH_LAMPS] = {
    {"LaMP_1", lamp_write_citation, lamp_write_paper, lamp_tell_citation, NULL, 0},
    {"LaMP_2M", lamp_write_film, NULL, lamp_tell_film, NULL, 0},
    {"LaMP_2N", lamp_write_news, NULL, lamp_tell_news, NULL, 0},
    {"LaMP_3", synth_write_rating, NULL, lamp_tell_rating, NULL, 0},
    {"LaMP_4", synth_write_headline, NULL, lamp_tell_headline, NULL, 0},
    {"LaMP_5", lamp_write_title, NULL, lamp_tell_title, NULL, 0},
    {"LaMP_6", lamp_write_subject, NULL, lamp_tell_subject, NULL, 0},
    {"LaMP_7", synth_write_tweet, lamp_write_past_tweet, lamp_tell_tweet, NULL, 0},
};
