/* records.c - a person's records, encoded. */
#include "audit_priv.h"

Status audit_set(AuditSet *out, Audit *a, const DataUser *u, DataSplit split, size_t n, Err *e)
{
    AuditSet set = {.n = u->n[split] < n ? u->n[split] : n};
    set.r = arena_zalloc(&a->arena, set.n, sizeof *set.r);
    if (set.r == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", set.n);
    for (size_t i = 0; i < set.n; i++) {
        const DataRecord *rec = &u->rec[split][i];
        AuditRec *r = &set.r[i];
        r->rec = rec;
        TRY(sample_make(&r->full, &a->arena, a->tok, &a->base->cfg, a->task, rec->input, rec->output, 0, e));
        TRY(sample_make(&r->ask, &a->arena, a->tok, &a->base->cfg, a->task, rec->input, NULL,
                        a->task->max_new, e));
    }
    *out = set;
    return OK;
}
