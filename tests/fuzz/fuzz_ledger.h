/* fuzz_ledger.h - a walk over all that a ledger holds. */
#ifndef PRIME_FUZZ_LEDGER_H
#define PRIME_FUZZ_LEDGER_H

#include "prime/ledger.h"

#include <stdlib.h>
#include <string.h>

enum { LEDGER_FUZZ_MAX = 1 << 16, ROWS_MAX = 2000 };

static Status walk_meta(void *ctx, const char *key, const char *value, Err *e)
{
    (void)e;
    *(size_t *)ctx += strlen(key) + strlen(value);
    return OK;
}

static Status walk_cell(void *ctx, const LedgerCell *c, Err *e)
{
    (void)e;
    *(size_t *)ctx += strlen(c->key) + strlen(c->method) + strlen(c->task) + strlen(c->target);
    return OK;
}

static Status walk_score(void *ctx, const LedgerCell *c, const LedgerScore *s, Err *e)
{
    (void)c;
    size_t *n = ctx;
    if (!(s->value - s->value == 0)) abort(); /* finite, or not handed out */
    if (++*n > ROWS_MAX) FAIL(e, ERR_ARG, "more than %d rows", ROWS_MAX);
    return OK;
}

static Status walk_eval(void *ctx, const LedgerEval *v, Err *e)
{
    (void)e;
    for (size_t i = 0; i < v->n_genome; i++) *(double *)ctx += v->genome[i];
    for (size_t i = 0; i < v->n_agreement; i++) *(double *)ctx += v->agreement[i];
    return OK;
}

/* From end to end, or refused with a message. */
static Status ledger_walk(Ledger *l)
{
    Err e = {0};
    size_t n = 0, rows = 0;
    double sum = 0;
    void *blob = NULL;
    Status s = ledger_each_meta(l, walk_meta, &n, &e);
    if (s == OK) s = ledger_each_cell(l, NULL, walk_cell, &n, &e);
    if (s == OK) s = ledger_each_score(l, NULL, walk_score, &rows, &e);
    if (s == OK) s = ledger_each_eval(l, "u1", 1, walk_eval, &sum, &e);
    if (s == OK) s = ledger_blob_get(l, "b", &blob, &n, &e);
    if (s != OK && e.msg[0] == '\0') abort();
    free(blob);
    return s;
}

#endif
