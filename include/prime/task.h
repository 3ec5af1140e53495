/* task.h - the table of tasks: what a model is asked, what it should answer, and how the answer is graded.
 *
 * A record's `input` holds the fields of the prompt, separated by tabs ("\t"); paragraphs inside a field are
 * separated by line breaks. Most tasks have one field. Adding a task is one row of a table in task.c or
 * task_lamp.c, or a file beside the data (task_in).
 *
 * Forms. A query is what the model is asked for somebody. What the same person wrote before, an item of the
 * history, is mostly asked for in the same words. Where it is not, `history` is a task of its own, with its
 * own prompt, fields, answer and metrics: a paper of LaMP_1 is a title and what it cites, while a query is a
 * choice of two; a tweet of LaMP_7 has nothing but its text, so that its prompt is constant.
 * task_history gives the form that an item has.
 *
 * Templates. {1}, {2}, ... stand for the fields of the input, {answer} for the output (in `shown` and
 * `document` alone), {labels} for the closed set, with commas; {{ is a brace. Every run of white space inside
 * a field becomes one blank, and only the first `words` words of it are kept. */
#ifndef PRIME_TASK_H
#define PRIME_TASK_H

#include "prime/arena.h"
#include "prime/err.h"
#include "prime/str.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Task Task;
struct Task {
    const char *name, *what, *source;
    const char *prompt;  /* a template of the input; ends without a blank */
    size_t n_fields;     /* fields that an input has, 0 .. 9; with 0 the input is empty */
    size_t text_field;   /* the field (from 1) that the person wrote; 0: the answer */
    size_t words;        /* words that a prompt keeps of each field; 0: all */
    size_t max_new;      /* tokens that a generated answer may take */
    bool labelled;       /* answers come from a closed set, listed in the dataset */
    const char *metrics; /* names of metric.h, separated by blanks; the first is the one to optimise */
    const Task *history; /* the form of an item of the history; NULL: that of a query */
    /* What follows describes how items of the history serve as context, and is read from the query's task. */
    const char *shown;        /* an item in a context block; NULL: its prompt and answer */
    const char *search;       /* the text of a query that is searched with; NULL: its text_field */
    const char *document;     /* the text of an item that is searched; NULL: its text_field */
    size_t context_words;     /* words that these three keep of each field; 0: as many as `words` */
    const char *const *label; /* [n_labels] the closed set where it is not the dataset's; see task_labels */
    size_t n_labels;
};

/* task_count, task_at - the rows of the table, in the order of `prime list task`. */
size_t task_count(void);
const Task *task_at(size_t i);

/* task_find - the task of that name, or NULL. task_nearest - the closest name, for messages, or NULL. */
const Task *task_find(const char *name);
const char *task_nearest(const char *name);

/* ---- tasks in files ----
 *
 * NAME.task.yaml beside the data makes a task without a line of C:
 *
 *   what: report of a fault -> its title    # optional, as is source
 *   query:
 *     fields: [report, product]             # 1 to 9 names; an input has them in this order
 *     text: report                          # the field that the person wrote (the first)
 *     prompt: "Product: {product}\nReport: {report}\nTitle:"
 *     labels: [...]                         # the closed set, if answers come from one
 *     metrics: [rouge1, rougeL]             # up to 4 names of metric.h
 *     max_new: 24                           # tokens of an answer (32)
 *     words: 64                             # kept of each field; 0 (all)
 *   history:                                # only when items of the history are not asked for in that way
 *     prompt: "Report: {report}\nTitle:"    # then required
 *     fields, text, metrics, max_new, words # those of the query unless given; fields may be []
 *     labelled: true                        # answers are labels of the query (false)
 *   context:                                # optional, see Task
 *     shown, search, document, words
 *
 * In templates a field goes by its name or its number. */

/* task_load - read such a file; the name of the task is the file's. task_parse - the same from n bytes;
 * `path` gives the name and is for messages. The task lives in the arena.
 * Errors: ERR_FORMAT file and line; ERR_IO; ERR_NOMEM. */
Status task_load(const Task **out, Arena *a, const char *path, Err *e) PRIME_MUST_USE;
Status task_parse(const Task **out, Arena *a, const char *text, size_t n, const char *path,
                  Err *e) PRIME_MUST_USE;

/* task_in - the task of that name, from the table or from dir/NAME.task.yaml (dir may be NULL); NULL when it
 * is in neither. Errors: those of task_load; ERR_FORMAT the file redefines a task of the table. */
Status task_in(const Task **out, Arena *a, const char *dir, const char *name, Err *e) PRIME_MUST_USE;

/* task_same - are two tasks the same but for name, what and source? */
bool task_same(const Task *a, const Task *b);

/* task_history - the form of an item of the history: t->history, or t. */
const Task *task_history(const Task *t);

/* task_labels - the closed set that belongs to the task whatever the dataset, [*n]; NULL and 0 where the
 * dataset says it, or where there is none. LaMP's are those of metric_lamp. */
const char *const *task_labels(const Task *t, size_t *n);

/* task_fields - the number of tab-separated fields in an input; an empty input has none. */
size_t task_fields(const char *input);

/* task_prompt - append the prompt for one input to out. The input must have t->n_fields fields, as data_load
 * has checked. No blank stands at the end: it belongs to the answer. Memory: see Str. */
void task_prompt(Str *out, const Task *t, const char *input);

/* task_answer - append the answer as the model should write it: a blank, then the output, which is not cut.
 */
void task_answer(Str *out, const Task *t, const char *output);

/* ---- context: what else the model is told ---- */

/* task_search - append the text of a query that is searched with. task_document - the text of an item of the
 * history that is searched. task_shown - an item as a context block shows it, without a line break at its
 * end. t is always the query's task; input of task_document and task_shown has the fields of
 * task_history(t). Source: the roles are those of OPPU's retrieval_query and retrieval_history; the wording
 * is our own. */
void task_search(Str *out, const Task *t, const char *input);
void task_document(Str *out, const Task *t, const char *input, const char *output);
void task_shown(Str *out, const Task *t, const char *input, const char *output);

/* An item of the history that is shown. */
typedef struct {
    const char *input, *output;
} TaskItem;

/* How many tokens text [n] has; `with` is what the caller gave beside it. task_count_tokens is one for a Tok
 * (`with`). */
typedef Status (*TaskCount)(size_t *tokens, const void *with, const char *text, size_t n, Err *e);
Status task_count_tokens(size_t *tokens, const void *tok, const char *text, size_t n, Err *e) PRIME_MUST_USE;

/* What a prompt begins with, and how much of it. Tokens are counted for each block as a text by itself. */
typedef struct {
    const char *profile;  /* a description of the person; NULL or "": none */
    const TaskItem *item; /* [n_items] the most relevant first */
    size_t n_items;
    size_t max_items;      /* 0: no limit */
    size_t max_tokens;     /* of the history block; 0: no limit */
    size_t profile_tokens; /* of the profile block; 0: no limit */
    TaskCount count;       /* needed when there is a limit in tokens */
    const void *with;
} TaskContext;

/* task_prompt_context - append
 *   "### User Profile:\nPROFILE\n\n"           when there is a profile
 *   "### User History:\nITEM\nITEM\n...\n\n"   when there are items
 * and the prompt of input in the form `form`, which is t or task_history(t). Of the items, max_items stay;
 * then whole ones are dropped, from the least relevant on, until the block has at most max_tokens tokens;
 * when one is left that is still too long it loses words at its end, and the block vanishes when not even a
 * word fits. A profile that is too long loses words at its end. ctx may be NULL: the prompt alone.
 * Source: the blocks and their order are those of PriME's and OPPU's prompts. Differs: the budgets are ours;
 * there a prompt that is too long is cut on the right.
 * Errors: ERR_ARG a limit in tokens without count; those of ctx->count; memory: see Str.
 * Cost: a count of the block for each item that is dropped. */
Status task_prompt_context(Str *out, const Task *t, const Task *form, const TaskContext *ctx,
                           const char *input, Err *e) PRIME_MUST_USE;

#endif
