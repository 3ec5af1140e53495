/* evaluate.h - how good a base model is on people whose texts it has never read: the audit users of a
 * dataset. */
#ifndef PRIME_EVALUATE_H
#define PRIME_EVALUATE_H

#include "prime/err.h"
#include "prime/matpack.h"
#include "prime/str.h"

#include <stddef.h>

typedef struct {
    const char *model, *data, *task;
    MatType precision; /* of the model's products */
    size_t records;    /* at most so many, spread evenly over the audit users' records; 0 = all */
    const char
        *text; /* file that gets the evaluated texts, for compressors to be compared with; NULL = none */
} EvaluateOpts;

/* evaluate_run - append CSV rows `task,metric,value,n` to out:
 *   every metric of the task on greedy answers, and, for tasks with labels, on the likeliest label
 * (`..._labels`) beside the share of the most frequent label; for deb_synopsis the same metrics of the
 * description's first ten words (`..._first10`); nats_per_byte: all tokens of prompt and gold answer but the
 * first, over their bytes; bytes: of those texts. People the model has read are left out by role and, if its
 * folder lists them, by id. Errors: those of loading and scoring; ERR_ARG nobody to evaluate on. */
Status evaluate_run(Str *out, const EvaluateOpts *o, Err *e) PRIME_MUST_USE;

#endif
