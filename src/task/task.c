#include "prime/task.h"

#include <assert.h>
#include <string.h>

static const Task tasks[] = {
    {"deb_synopsis", "long description of a package -> its one-line synopsis", "Debian package index",
     "Description: {1}\nSynopsis:", 1, 1, 48, 24, false, "rouge1 rougeL"},
    {"deb_section", "long description of a package -> its section, one of the 15 most frequent",
     "Debian package index", "Description: {1}\nSection:", 1, 1, 48, 6, true, "accuracy f1"},
    {"deb_depends", "which of two equally popular packages does a package depend on", "Debian package index",
     "Package: {1}\nDescription: {2}\nWhich does it depend on? [1] {3} [2] {4}\nAnswer:", 4, 2, 32, 4, true,
     "accuracy f1"},
    {"synth_rating", "review -> the stars its writer gives, with a bias of its own", "seeded personas",
     "Review: {1}\nStars:", 1, 1, 64, 4, true, "mae rmse"},
    {"synth_tag", "description about two topics -> the tag that its writer prefers", "seeded personas",
     "Description: {1}\nTag:", 1, 1, 64, 6, true, "accuracy f1"},
    {"synth_headline", "news text -> headline in its writer's style", "seeded personas",
     "Text: {1}\nHeadline:", 1, 1, 64, 32, false, "rouge1 rougeL"},
    {"synth_tweet", "sentence -> tweet in its writer's style", "seeded personas", "Message: {1}\nTweet:", 1,
     1, 64, 32, false, "rouge1 rougeL"},
};

size_t task_count(void)
{
    return sizeof tasks / sizeof tasks[0];
}

const Task *task_at(size_t i)
{
    assert(i < task_count());
    return &tasks[i];
}

const Task *task_find(const char *name)
{
    for (size_t i = 0; i < task_count(); i++)
        if (strcmp(tasks[i].name, name) == 0) return &tasks[i];
    return NULL;
}

const char *task_nearest(const char *name)
{
    const char *names[sizeof tasks / sizeof tasks[0]];
    for (size_t i = 0; i < task_count(); i++) names[i] = tasks[i].name;
    return str_nearest(name, names, task_count());
}

size_t task_fields(const char *input)
{
    size_t n = 1;
    for (const char *s = input; *s != '\0'; s++) n += *s == '\t';
    return n;
}

/* The k-th field (from 1) of an input: its start, and its length in *n. */
static const char *task_field(const char *input, size_t k, size_t *n)
{
    for (; k > 1; k--) {
        input += strcspn(input, "\t");
        assert(*input == '\t');
        input++;
    }
    *n = strcspn(input, "\t");
    return input;
}

/* At most `words` words of s [n] (0: all), with one blank between them. */
static void task_put_words(Str *out, const char *s, size_t n, size_t words)
{
    const char *end = s + n;
    for (size_t i = 0; words == 0 || i < words; i++) {
        while (s < end && (*s == ' ' || *s == '\n')) s++;
        const char *w = s;
        while (s < end && *s != ' ' && *s != '\n') s++;
        if (s == w) return;
        if (i > 0) str_put(out, " ", 1);
        str_put(out, w, (size_t)(s - w));
    }
}

void task_prompt(Str *out, const Task *t, const char *input)
{
    const char *p = t->prompt;
    while (*p != '\0') {
        size_t plain = strcspn(p, "{");
        str_put(out, p, plain);
        p += plain;
        if (*p == '\0') return;
        size_t k = (size_t)(p[1] - '0'), n = 0;
        const char *field = task_field(input, k, &n);
        task_put_words(out, field, n, k == t->cut_field ? t->cut_words : 0);
        p += 3; /* "{k}" */
    }
}

void task_answer(Str *out, const Task *t, const char *output)
{
    (void)t;
    str_put(out, " ", 1);
    str_puts(out, output);
}
