/* join.c - the ledgers of parts of a run become one. */
#include "prime/join.h"

#include "prime/file.h"
#include "prime/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOIN_TEXT = 160, JOIN_PARTS = 100000 };

typedef struct {
    Ledger *out, *from;
    Str hash;             /* of the specification of them all */
    const char *run;      /* the one that is read */
    size_t session, most; /* how many sessions `out` has, and the number of the last one read */
    size_t parts, part;   /* of the division; of the run that is read; 0: none */
    const char **of;      /* [parts] which run is which part; NULL: missing */
    unsigned long cells, planned, part_cells;
    JoinCount count;
} Joining;

/* ---- facts ---- */

static Status fact_session(Joining *j, const char *key, const char *value, Err *e)
{
    char *rest = NULL, text[JOIN_TEXT];
    size_t number = strtoul(key + strlen("session"), &rest, 10);
    j->most = number > j->most ? number : j->most;
    snprintf(text, sizeof text, "session%zu%.120s", j->session + number, rest);
    return ledger_meta_set(j->out, text, value, e);
}

static Status fact_shard(Joining *j, const char *value, Err *e)
{
    char *rest = NULL;
    size_t part = strtoul(value, &rest, 10), parts = *rest == '/' ? strtoul(rest + 1, NULL, 10) : 0;
    if (part == 0 || part > parts || parts > JOIN_PARTS)
        FAIL(e, ERR_FORMAT, "%s: is part '%s', want I/N with I from 1 to N", j->run, value);
    if (j->parts > 0 && parts != j->parts)
        FAIL(e, ERR_ARG, "%s is part %s, others are parts of %zu", j->run, value, j->parts);
    if (j->of == NULL) j->of = calloc(parts, sizeof *j->of);
    if (j->of == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu parts", parts);
    j->parts = parts;
    j->part = part;
    if (j->of[part - 1] != NULL)
        FAIL(e, ERR_ARG, "%s and %s are both part %s", j->of[part - 1], j->run, value);
    j->of[part - 1] = j->run;
    return OK;
}

/* Those that the first run alone has the word on: they are of a machine. */
static bool fact_of_first(const char *key)
{
    return strcmp(key, "commit") == 0 || strcmp(key, "cpu") == 0 || strcmp(key, "libraries") == 0;
}

static Status fact_copy(void *ctx, const char *key, const char *value, Err *e)
{
    Joining *j = ctx;
    if (strncmp(key, "session", 7) == 0) return fact_session(j, key, value, e);
    if (strcmp(key, "shard") == 0) return fact_shard(j, value, e);
    if (strcmp(key, "shard_cells") == 0) {
        j->part_cells = strtoul(value, NULL, 10);
        return OK;
    }
    if (strcmp(key, "planned_cells") == 0) j->planned = strtoul(value, NULL, 10);
    if (fact_of_first(key) && j->count.runs > 0) return OK;
    if (ledger_meta_set(j->out, key, value, e) != OK) return err_prefix(e, "%s", j->run);
    return OK;
}

/* ---- runs ---- */

static Status join_spec(Str *hash, Ledger *l, const char *run, Err *e)
{
    bool found = false;
    TRY(ledger_meta_get(l, "spec_hash", hash, &found, e));
    if (!found) FAIL(e, ERR_FORMAT, "%s: its ledger has no specification", run);
    return OK;
}

static Status join_ledger(Ledger **l, const char *run, LedgerMode mode, const char *hash, Err *e)
{
    char *path = file_join(run, "ledger.db");
    if (path == NULL) FAIL(e, ERR_NOMEM, "no memory for the name of a ledger");
    Status s = ledger_open(l, path, mode, hash, e);
    free(path);
    return s;
}

static Status join_begin(Joining *j, const char *out, const char *run, Err *e)
{
    Ledger *first = NULL;
    TRY(join_ledger(&first, run, LEDGER_READ, NULL, e));
    Status s = join_spec(&j->hash, first, run, e);
    ledger_close(first);
    if (s == OK) s = file_mkdir(out, e);
    return s == OK ? join_ledger(&j->out, out, LEDGER_CREATE, j->hash.s, e) : s;
}

static Status join_facts(Joining *j, Err *e)
{
    TRY(ledger_batch_begin(j->out, e));
    Status s = ledger_each_meta(j->from, fact_copy, j, e);
    if (s == OK) return ledger_batch_commit(j->out, e);
    ledger_cell_abort(j->out);
    return s;
}

static Status join_read(Joining *j, Err *e)
{
    LedgerCount n = {0};
    j->most = j->part = 0;
    TRY(join_facts(j, e));
    TRY(ledger_absorb(j->out, j->from, &n, e));
    if (j->part > 0 && n.cells != j->part_cells)
        FAIL(e, ERR_ARG, "%s: part %zu of %zu holds %zu of its %lu cells: finish it with --resume", j->run,
             j->part, j->parts, n.cells, j->part_cells);
    j->session += j->most;
    j->count.runs++;
    j->count.cells += n.cells;
    j->count.scores += n.scores;
    return OK;
}

static Status join_one(Joining *j, const char *run, Err *e)
{
    j->run = run;
    TRY(join_ledger(&j->from, run, LEDGER_READ, j->hash.s, e));
    Status s = join_read(j, e);
    ledger_close(j->from);
    j->from = NULL;
    return s;
}

/* ---- nothing missing ---- */

static Status join_whole(const Joining *j, Err *e)
{
    Str missing = {0};
    for (size_t i = 0; i < j->parts; i++)
        if (j->of[i] == NULL) str_printf(&missing, " %zu/%zu", i + 1, j->parts);
    Status s = OK;
    if (missing.failed) s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for a list of parts");
    if (s == OK && missing.n > 0)
        s = err_set(e, ERR_ARG, __FILE__, __LINE__, "parts are missing:%.200s", missing.s);
    str_free(&missing);
    TRY(s);
    if (j->count.cells < j->planned)
        FAIL(e, ERR_ARG, "%zu cells in all, %lu were planned: the runs given do not make up the audit",
             j->count.cells, j->planned);
    return OK;
}

static void join_undo(const char *out)
{
    char *path = file_join(out, "ledger.db");
    if (path != NULL) remove(path);
    free(path);
}

Status join_runs(const char *out, const char *const *run, size_t n, JoinCount *count, Err *e)
{
    Joining j = {0};
    if (n == 0) FAIL(e, ERR_ARG, "no run to join");
    Status s = join_begin(&j, out, run[0], e);
    bool made = s == OK;
    for (size_t i = 0; s == OK && i < n; i++) s = join_one(&j, run[i], e);
    if (s == OK) s = join_whole(&j, e);
    ledger_close(j.out);
    free(j.of);
    str_free(&j.hash);
    if (s != OK && made) join_undo(out);
    if (s == OK && count != NULL) *count = j.count;
    return s;
}
