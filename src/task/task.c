/* task.c - the tasks of Debian's package lists and of personas; prompts of every task. */
#include "task_priv.h"

#include "prime/metric.h"

#include <assert.h>
#include <string.h>

#define DEBIAN .source = "Debian package index"
#define PERSONAS .source = "seeded personas"
#define CHOICE .labelled = true, .metrics = "accuracy f1"
#define STARS .labelled = true, .metrics = "mae rmse"
#define TEXT .metrics = "rouge1 rougeL"
#define ONE_FIELD .n_fields = 1, .text_field = 1

static const Task own_tasks[] = {
    {.name = "deb_synopsis",
     .what = "long description of a package -> its one-line synopsis",
     DEBIAN,
     .prompt = "Description: {1}\nSynopsis:",
     ONE_FIELD,
     .words = 48,
     .max_new = 24,
     TEXT},
    {.name = "deb_section",
     .what = "long description of a package -> its section, one of the 15 most frequent",
     DEBIAN,
     .prompt = "Description: {1}\nSection:",
     ONE_FIELD,
     .words = 48,
     .max_new = 6,
     CHOICE},
    {.name = "deb_depends",
     .what = "which of two equally popular packages does a package depend on",
     DEBIAN,
     .prompt = "Package: {1}\nDescription: {2}\nWhich does it depend on? [1] {3} [2] {4}\nAnswer:",
     .n_fields = 4,
     .text_field = 2,
     .words = 32,
     .max_new = 4,
     CHOICE},
    {.name = "synth_rating",
     .what = "review -> the stars its writer gives, with a bias of its own",
     PERSONAS,
     .prompt = "Review: {1}\nStars:",
     ONE_FIELD,
     .words = 64,
     .max_new = 4,
     STARS},
    {.name = "synth_tag",
     .what = "description about two topics -> the tag that its writer prefers",
     PERSONAS,
     .prompt = "Description: {1}\nTag:",
     ONE_FIELD,
     .words = 64,
     .max_new = 6,
     CHOICE},
    {.name = "synth_headline",
     .what = "news text -> headline in its writer's style",
     PERSONAS,
     .prompt = "Text: {1}\nHeadline:",
     ONE_FIELD,
     .words = 64,
     .max_new = 32,
     TEXT},
    {.name = "synth_tweet",
     .what = "sentence -> tweet in its writer's style",
     PERSONAS,
     .prompt = "Message: {1}\nTweet:",
     ONE_FIELD,
     .words = 64,
     .max_new = 32,
     TEXT},
};

enum { OWN_TASKS = sizeof own_tasks / sizeof own_tasks[0], N_TASKS = OWN_TASKS + TASK_LAMPS };

size_t task_count(void)
{
    return N_TASKS;
}

const Task *task_at(size_t i)
{
    assert(i < N_TASKS);
    return i < OWN_TASKS ? &own_tasks[i] : &task_lamps[i - OWN_TASKS];
}

const Task *task_find(const char *name)
{
    for (size_t i = 0; i < N_TASKS; i++)
        if (strcmp(task_at(i)->name, name) == 0) return task_at(i);
    return NULL;
}

const char *task_nearest(const char *name)
{
    const char *names[N_TASKS];
    for (size_t i = 0; i < N_TASKS; i++) names[i] = task_at(i)->name;
    return str_nearest(name, names, N_TASKS);
}

const Task *task_history(const Task *t)
{
    return t->history != NULL ? t->history : t;
}

const char *const *task_labels(const Task *t, size_t *n)
{
    const MetricLamp *lamp = t->labelled && t->n_labels == 0 ? metric_lamp(t->name) : NULL;
    *n = lamp != NULL ? lamp->n_labels : t->n_labels;
    return lamp != NULL ? lamp->label : t->label;
}

size_t task_fields(const char *input)
{
    size_t n = *input != '\0';
    for (const char *s = input; *s != '\0'; s++) n += *s == '\t';
    return n;
}

const char *task_field_span(const char *input, size_t k, size_t *n)
{
    for (; k > 1; k--) {
        input += strcspn(input, "\t");
        assert(*input == '\t');
        input++;
    }
    *n = strcspn(input, "\t");
    return input;
}

static bool task_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t';
}

/* At most `words` words of s [n] (0: all), with one blank between them. */
static void task_put_words(Str *out, const char *s, size_t n, size_t words)
{
    const char *end = s + n;
    for (size_t i = 0; words == 0 || i < words; i++) {
        while (s < end && task_is_space(*s)) s++;
        const char *w = s;
        while (s < end && !task_is_space(*s)) s++;
        if (s == w) return;
        if (i > 0) str_put(out, " ", 1);
        str_put(out, w, (size_t)(s - w));
    }
}

static void task_put_labels(Str *out, const Task *t)
{
    size_t n = 0;
    const char *const *label = task_labels(t, &n);
    for (size_t i = 0; i < n; i++) str_printf(out, "%s%s", i > 0 ? ", " : "", label[i]);
}

void task_fill(Str *out, const char *template, const Task *t, const char *input, const char *output,
               size_t words)
{
    const char *p = template;
    while (*p != '\0') {
        size_t plain = strcspn(p, "{"), n = 0;
        str_put(out, p, plain);
        p += plain;
        if (*p == '\0') return;
        if (p[1] == '{') {
            str_put(out, "{", 1);
            p += 2;
            continue;
        }
        if (strncmp(p, "{answer}", 8) == 0) {
            task_put_words(out, output, strlen(output), words);
        } else if (strncmp(p, "{labels}", 8) == 0) {
            task_put_labels(out, t);
        } else {
            const char *field = task_field_span(input, (size_t)(p[1] - '0'), &n);
            task_put_words(out, field, n, words);
        }
        p += strcspn(p, "}") + 1;
    }
}

void task_prompt(Str *out, const Task *t, const char *input)
{
    task_fill(out, t->prompt, t, input, NULL, t->words);
}

void task_answer(Str *out, const Task *t, const char *output)
{
    (void)t;
    str_put(out, " ", 1);
    str_puts(out, output);
}
