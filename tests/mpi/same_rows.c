/* same_rows A B - whether two runs have the same cells with the same rows, to the last bit; otherwise the
 * first line that differs. */
#include "prime/file.h"
#include "prime/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Status same_cell(void *ctx, const LedgerCell *c, Err *e)
{
    (void)e;
    str_printf(ctx, "%s %s %s %s %a %ju %s\n", c->key, c->method, c->task, c->target, c->lambda,
               (uintmax_t)c->seed, c->status);
    return OK;
}

static Status same_score(void *ctx, const LedgerCell *c, const LedgerScore *s, Err *e)
{
    (void)e;
    str_printf(ctx, "%s|%s|%s|%s|%s|%d|%a\n", c->key, s->kind, s->metric, s->unit, s->record, s->label,
               s->value);
    return OK;
}

static Status same_dump(Str *text, const char *run, Err *e)
{
    Ledger *l = NULL;
    char *path = file_join(run, "ledger.db");
    if (path == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    Status s = ledger_open(&l, path, LEDGER_READ, NULL, e);
    if (s == OK) s = ledger_each_cell(l, NULL, same_cell, text, e);
    if (s == OK) s = ledger_each_score(l, NULL, same_score, text, e);
    ledger_close(l);
    free(path);
    return s;
}

int main(int argc, char **argv)
{
    Str a = {0}, b = {0};
    Err e = {0};
    if (argc != 3) return 2;
    if (same_dump(&a, argv[1], &e) != OK || same_dump(&b, argv[2], &e) != OK) {
        printf("%s\n", e.msg);
        return 1;
    }
    size_t at = 0, line = 0;
    while (at < a.n && at < b.n && a.s[at] == b.s[at])
        if (a.s[at++] == '\n') line = at;
    bool same = a.n == b.n && at == a.n && a.n > 0;
    if (!same)
        printf("%.*s\n%.*s\n", (int)strcspn(a.s + line, "\n"), a.s + line, (int)strcspn(b.s + line, "\n"),
               b.s + line);
    str_free(&a);
    str_free(&b);
    return same ? 0 : 1;
}
