/* lamp_frame.h - LaMP's prompts around the text of a question, and the keys of its profiles. The prompts are
 * what is searched for in published data; no model is asked in these words (see task_lamp.c). */
#ifndef PRIME_LAMP_FRAME_H
#define PRIME_LAMP_FRAME_H

#include "prime/str.h"
#include "text_priv.h"

#include <stdbool.h>
#include <stddef.h>

enum { LAMP_FIELDS = 3 };

typedef struct {
    const char *task;
    const char *frame;              /* {1}..{3}: fields; *: anything */
    const char *filling;            /* what stands for * when such a prompt is written */
    size_t n_fields;                /* of the frame */
    const char *in[LAMP_FIELDS];    /* keys of an item that are the fields of its input, up to NULL */
    const char *answer, *or_answer; /* the key of its output, and another one when that is missing, or NULL */
} LampFrame;

/* lamp_frame - of a task, or NULL. */
const LampFrame *lamp_frame(const char *task);

/* lamp_frame_match - the fields [n_fields] of a question's input; false when it is not in the frame. */
bool lamp_frame_match(Span *field, const LampFrame *f, Span input);

/* lamp_frame_fill - append the prompt of an input whose fields are parted by tabs. */
void lamp_frame_fill(Str *out, const LampFrame *f, const char *input);

#endif
