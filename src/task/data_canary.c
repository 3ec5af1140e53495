/* data_canary.c - the ground truth of planted secrets. */
#include "data_priv.h"

#include "prime/file.h"
#include "prime/table.h"

#include <string.h>

static const DataRecord *canary_record(const DataUser *u, const char *id)
{
    for (size_t i = 0; u != NULL && i < u->n[DATA_HISTORY]; i++)
        if (strcmp(u->rec[DATA_HISTORY][i].id, id) == 0) return &u->rec[DATA_HISTORY][i];
    return NULL;
}

/* at: the column, TABLE_NONE for a file without one. */
static Status canary_kind_of(const PlantKind **out, const Table *t, size_t row, size_t at, Err *e)
{
    size_t n = 0;
    const PlantKind *kind = at == TABLE_NONE ? plant_kinds(&n) : plant_kind(table_str(t, row, at));
    if (kind == NULL)
        FAIL(e, ERR_FORMAT, "%s:%zu: kind = '%.40s', which this program does not plant", t->name,
             t->line[row], table_str(t, row, at));
    *out = kind;
    return OK;
}

/* col: user, record, canary, included, kind. */
static Status canary_read(DataCanary *c, const DataSet *d, const Table *t, size_t row, const size_t col[5],
                          Err *e)
{
    const char *flag = table_str(t, row, col[3]);
    c->user = table_str(t, row, col[0]);
    c->record = table_str(t, row, col[1]);
    c->text = table_str(t, row, col[2]);
    c->included = strcmp(flag, "1") == 0;
    if (!c->included && strcmp(flag, "0") != 0)
        FAIL(e, ERR_FORMAT, "%s:%zu: included = '%s', want 0 or 1", t->name, t->line[row], flag);
    TRY(canary_kind_of(&c->kind, t, row, col[4], e));
    if (*c->text == '\0') FAIL(e, ERR_FORMAT, "%s:%zu: canary is empty", t->name, t->line[row]);
    const DataRecord *r = canary_record(data_user(d, c->user), c->record);
    if (r == NULL)
        FAIL(e, ERR_FORMAT, "%s:%zu: user %s has no record %s in the history of %s", t->name, t->line[row],
             c->user, c->record, d->task->name);
    bool there = strstr(r->output, c->text) != NULL;
    if (there != c->included)
        FAIL(e, ERR_FORMAT, "%s:%zu: included = %s, but the output of %s %s the canary", t->name,
             t->line[row], flag, c->record, there ? "has" : "does not have");
    return OK;
}

Status data_canaries(DataCanary **out, size_t *n, const DataSet *d, const char *dir, Arena *a, Err *e)
{
    static const char *const names[] = {"user", "record", "canary", "included"};
    Table t = {0};
    char *path = NULL;
    size_t col[5];
    TRY(data_path(&path, a, dir, "canaries", ".csv", e));
    if (!file_exists(path)) {
        *out = NULL;
        *n = 0;
        return OK;
    }
    TRY(table_load(&t, a, path, e));
    for (size_t i = 0; i < 4; i++) TRY(table_need(&col[i], &t, names[i], e));
    col[4] = table_col(&t, "kind");
    DataCanary *fresh = arena_zalloc(a, t.n_rows, sizeof *fresh);
    if (fresh == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu canaries", path, t.n_rows);
    for (size_t i = 0; i < t.n_rows; i++) TRY(canary_read(&fresh[i], d, &t, i, col, e));
    *out = fresh;
    *n = t.n_rows;
    return OK;
}
