/* provenance.c - what a report was made from: the facts that the ledger holds, this program, and what the run
 * did not record. */
#include "report_priv.h"

#include "prime/origin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a reader wants to know of every run. A key that ends in * stands for all that begin so. */
static const char *const wanted[] = {"version",     "commit",      "spec",         "spec_hash",
                                     "data_sha256", "base_sha256", "adapter*",     "libraries",
                                     "cpu",         "session*",    "planned_cells"};
enum { N_WANTED = sizeof wanted / sizeof wanted[0] };

static bool fact_matches(const char *key, const char *pattern)
{
    size_t n = strlen(pattern);
    if (n > 0 && pattern[n - 1] == '*') return strncmp(key, pattern, n - 1) == 0;
    return strcmp(key, pattern) == 0;
}

static bool fact_known(const Report *r, const char *pattern)
{
    for (size_t i = 0; i < r->n_meta; i++)
        if (fact_matches(r->meta[i].key, pattern)) return true;
    return false;
}

/* The distinct seeds of the cells, ascending, at most as many as fit. */
static void fact_seeds(Str *out, const Report *r)
{
    uint64_t last = 0;
    for (size_t n = 0;; n++) {
        uint64_t next = UINT64_MAX;
        bool found = false;
        for (size_t i = 0; i < r->n_cells; i++) {
            uint64_t s = r->cell[i].seed;
            if ((n > 0 && s <= last) || (found && s >= next)) continue;
            next = s;
            found = true;
        }
        if (!found) return;
        if (n == 64) {
            str_puts(out, " ...");
            return;
        }
        str_printf(out, "%s%llu", n > 0 ? " " : "", (unsigned long long)next);
        last = next;
    }
}

Status provenance_each(const Report *r, ProvenanceFn fn, void *ctx, Err *e)
{
    Str text = {0};
    fn(ctx, "report: tool", "prime " PRIME_VERSION);
    fn(ctx, "report: commit", origin_commit());
    for (size_t i = 0; i < r->n_meta; i++) fn(ctx, r->meta[i].key, r->meta[i].value);
    str_printf(&text, "%zu finished, %zu failed", r->n_cells, r->n_failed);
    if (!text.failed) fn(ctx, "cells", text.s);
    str_clear(&text);
    fact_seeds(&text, r);
    if (!text.failed) fn(ctx, "seeds", text.s);
    str_clear(&text);
    str_printf(&text, "%.1f s, all cells together", r->wall);
    if (!text.failed) fn(ctx, "wall time", text.s);
    for (size_t i = 0; i < N_WANTED; i++)
        if (!fact_known(r, wanted[i])) fn(ctx, wanted[i], "not recorded by the run");
    bool failed = text.failed;
    str_free(&text);
    if (failed) FAIL(e, ERR_NOMEM, "no memory for the provenance");
    return OK;
}
