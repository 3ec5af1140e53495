/* task_priv.h - the rows of the table of tasks that stand in files of their own, and templates. */
#ifndef PRIME_TASK_PRIV_H
#define PRIME_TASK_PRIV_H

#include "prime/task.h"

enum { TASK_FIELDS = 9, TASK_LAMPS = 8 };
extern const Task task_lamps[TASK_LAMPS];

/* task_fill - append a template. input has the fields of `form`; output may be NULL when the template has no
 * {answer}; t is asked for its labels. words: of each field and of the answer; 0: all. */
void task_fill(Str *out, const char *template, const Task *t, const char *input, const char *output,
               size_t words);

/* task_field_span - the k-th field (from 1) of an input: its start, and its length in *n. */
const char *task_field_span(const char *input, size_t k, size_t *n);

#endif
