#include "lamp_frame.h"

#include "prime/metric.h"
#include "task_priv.h"

#include <string.h>

static const LampFrame frames[] = {
    {"LaMP_1",
     "For an author who has written the paper with the title \"{1}\", which reference is related? Just "
     "answer with [1] "
     "or [2] without explanation. [1]: \"{2}\" [2]: \"{3}\"",
     NULL,
     3,
     {"title"},
     "citation",
     "abstract"},
    {"LaMP_2M",
     "Which tag does this movie relate to among the following tags?*description: {1}",
     " Just answer with the tag name without further explanation. tags: [{labels}] ",
     1,
     {"description"},
     "tag",
     NULL},
    {"LaMP_2N",
     "Which category does this article relate to among the following categories?*article: {1}",
     " Just answer with the category name without further explanation. categories: [{labels}] ",
     1,
     {"text"},
     "category",
     NULL},
    {"LaMP_3",
     "What is the score of the following review on a scale of 1 to 5?*review: {1}",
     " just answer with 1, 2, 3, 4, or 5 without further explanation. ",
     1,
     {"text"},
     "score",
     NULL},
    {"LaMP_4", "Generate a headline for the following article: {1}", NULL, 1, {"text"}, "title", NULL},
    {"LaMP_5",
     "Generate a title for the following abstract of a paper: {1}",
     NULL,
     1,
     {"abstract"},
     "title",
     NULL},
    {"LaMP_6", "Generate a subject for the following email: {1}", NULL, 1, {"text"}, "title", NULL},
    {"LaMP_7",
     "Paraphrase the following tweet without any explanation before or after it: {1}",
     NULL,
     1,
     {NULL},
     "text",
     NULL},
};

enum { N_FRAMES = sizeof frames / sizeof frames[0] };

const LampFrame *lamp_frame(const char *task)
{
    for (size_t i = 0; i < N_FRAMES; i++)
        if (strcmp(frames[i].task, task) == 0) return &frames[i];
    return NULL;
}

/* Where w [n] first stands in s, or NULL. */
static const char *frame_find(Span s, const char *w, size_t n)
{
    for (size_t i = 0; n <= s.n && i <= s.n - n; i++) {
        const char *at = memchr(s.s + i, w[0], s.n - n - i + 1);
        if (at == NULL) return NULL;
        i = (size_t)(at - s.s);
        if (memcmp(at, w, n) == 0) return at;
    }
    return NULL;
}

/* The plain text at the head of a frame. */
static size_t frame_plain(const char *f)
{
    return strcspn(f, "{*");
}

bool lamp_frame_match(Span *field, const LampFrame *f, Span input)
{
    Span rest = input;
    const char *p = f->frame;
    size_t n = frame_plain(p);
    if (rest.n < n || memcmp(rest.s, p, n) != 0) return false;
    rest = (Span){rest.s + n, rest.n - n};
    for (p += n; *p != '\0';) {
        size_t k = *p == '{' ? (size_t)(p[1] - '0') : 0; /* 0: anything */
        p += k > 0 ? 3 : 1;
        n = frame_plain(p);
        const char *at = rest.s + rest.n; /* the last piece reaches to the end */
        if (n > 0 && p[n] != '\0') at = frame_find(rest, p, n);
        if (n > 0 && p[n] == '\0') at = rest.n >= n && memcmp(rest.s + rest.n - n, p, n) == 0 ? at - n : NULL;
        if (at == NULL) return false;
        if (k > 0) field[k - 1] = text_trim((Span){rest.s, (size_t)(at - rest.s)});
        rest = (Span){at + n, rest.n - (size_t)(at - rest.s) - n};
        p += n;
    }
    return true;
}

void lamp_frame_fill(Str *out, const LampFrame *f, const char *input)
{
    for (const char *p = f->frame; *p != '\0';) {
        size_t n = frame_plain(p);
        str_put(out, p, n);
        p += n;
        if (*p == '*') {
            task_fill(out, f->filling, task_find(f->task), "", NULL, 0);
            p++;
        } else if (*p == '{') {
            size_t len = 0;
            const char *s = task_field_span(input, (size_t)(p[1] - '0'), &len);
            str_put(out, s, len);
            p += 3;
        }
    }
}
