/* fuzz_task.c - a task file: refused with a message, or a task whose every template can be filled. */
#include "prime/task.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An input of n fields. */
static void fuzz_input(char out[32], size_t n)
{
    out[0] = '\0';
    for (size_t i = 0; i < n; i++) strcat(out, i > 0 ? "\tw" : "v");
}

static void fuzz_templates(const Task *t)
{
    char ask[32], item[32];
    Str out = {0};
    fuzz_input(ask, t->n_fields);
    fuzz_input(item, task_history(t)->n_fields);
    if (task_fields(ask) != t->n_fields) abort();
    task_prompt(&out, t, ask);
    task_prompt(&out, task_history(t), item);
    task_search(&out, t, ask);
    task_document(&out, t, item, "x");
    task_shown(&out, t, item, "x");
    if (out.failed || out.n == 0 || !task_same(t, t)) abort();
    str_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Arena a = {0};
    const Task *t = NULL;
    Err e = {0};
    if (task_parse(&t, &a, (const char *)data, size, "input.task.yaml", &e) == OK)
        fuzz_templates(t);
    else if (e.msg[0] == '\0')
        abort();
    arena_free(&a);
    return 0;
}
