/* fuzz_signals.c - any bytes: refused, or signals from which every attack that they allow gets a number or
 * says why not. Tried as a file, and with the length of the header put right, so that a fuzzer need not guess
 * it. */
#include "prime/signals.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void attack_everything(const Signals *s, Arena *a)
{
    AttackSignal *x = NULL;
    Err e = {0};
    SignalsMore more = {.ref = s, .loo = s, .lower = s};
    double *score = arena_alloc(a, s->n, sizeof *score);
    if (score == NULL || signals_attack(&x, s, &more, a, &e) != OK) abort();
    for (size_t i = 0; attack_at(i) != NULL; i++) {
        Err why = {0};
        Status got = attack_score(score, x, s->n, attack_at(i)->name, &why);
        if ((got == OK) != (why.msg[0] == '\0')) abort();
    }
}

static void signals_try(const uint8_t *data, size_t size)
{
    Signals s;
    Arena a = {0};
    Err e = {0};
    Status got = signals_view(&s, data, size, "bytes", &a, &e);
    if (got != OK && e.msg[0] == '\0') abort();
    if (got == OK) attack_everything(&s, &a);
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    signals_try(data, size);
    const uint8_t *line = size > 8 ? memchr(data + 8, '\n', size - 8) : NULL;
    if (line == NULL) return 0;
    uint8_t *copy = malloc(size);
    if (copy == NULL) return 0;
    uint64_t len = (uint64_t)(line - data) - 8;
    memcpy(copy, data, size);
    memcpy(copy, &len, sizeof len);
    signals_try(copy, size);
    free(copy);
    return 0;
}
