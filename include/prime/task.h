/* task.h - the table of tasks: what a model is asked, what it should answer, and how the answer is graded.
 *
 * A record's `input` holds the fields of the prompt, separated by tabs ("\t"); paragraphs inside a field are
 * separated by line breaks. Most tasks have one field. Adding a task is one row of the table in task.c. */
#ifndef PRIME_TASK_H
#define PRIME_TASK_H

#include "prime/str.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *name, *what, *source;
    const char *prompt;  /* {1}, {2}, ... stand for the fields of the input */
    size_t n_fields;     /* fields that an input has, 1 .. 9 */
    size_t cut_field;    /* the field (from 1) that is cut to its first cut_words words; 0 for none */
    size_t cut_words;    /* words of that field that the prompt keeps */
    size_t max_new;      /* tokens that a generated answer may take */
    bool labelled;       /* answers come from a closed set, listed in the dataset */
    const char *metrics; /* names of metric.h, separated by blanks; the first is the one to optimise */
} Task;

/* task_count, task_at - the rows of the table, in the order of `prime list task`. */
size_t task_count(void);
const Task *task_at(size_t i);

/* task_find - the task of that name, or NULL. task_nearest - the closest name, for messages, or NULL. */
const Task *task_find(const char *name);
const char *task_nearest(const char *name);

/* task_fields - the number of tab-separated fields in an input. */
size_t task_fields(const char *input);

/* task_prompt - append the prompt for one input to out. Every run of white space inside a field becomes one
 * blank. The input must have t->n_fields fields, as data_load has checked. No blank stands at the end: it
 * belongs to the answer. Memory: see Str. */
void task_prompt(Str *out, const Task *t, const char *input);

/* task_answer - append the answer as the model should write it: a blank, then the output. */
void task_answer(Str *out, const Task *t, const char *output);

#endif
