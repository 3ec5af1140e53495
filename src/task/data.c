/* data.c - a task of a dataset, checked and grouped by user. */
#include "data_priv.h"

#include <stdlib.h>
#include <string.h>

const char *data_split_name(DataSplit s)
{
    static const char *const names[] = {"history", "query", "heldout"};
    return names[s];
}

const char *data_role_name(DataRole r)
{
    return r == DATA_BASE ? "base" : "audit";
}

static int data_row_cmp(const void *a, const void *b)
{
    const DataRow *x = *(const DataRow *const *)a, *y = *(const DataRow *const *)b;
    int c = strcmp(x->rec.id, y->rec.id);
    return c != 0 ? c : (x->line > y->line) - (x->line < y->line);
}

/* No record may come twice: in two splits it would be member and held-out at once. */
static Status data_check_twice(const DataRow *row, size_t n, const DataSet *d, const char *dir, Err *e)
{
    const DataRow **p = malloc((n + 1) * sizeof *p), *a = NULL, *b = NULL;
    if (p == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu records", dir, n);
    for (size_t i = 0; i < n; i++) p[i] = &row[i];
    qsort(p, n, sizeof *p, data_row_cmp);
    for (size_t i = 1; i < n && a == NULL; i++) {
        if (strcmp(p[i - 1]->rec.id, p[i]->rec.id) != 0) continue;
        a = p[i - 1];
        b = p[i];
    }
    free(p);
    if (a == NULL) return OK;
    const char *file = d->task->name;
    if (a->split != b->split)
        FAIL(e, ERR_FORMAT, "%s/%s.jsonl:%zu: record %s is in two splits: %s, and %s in line %zu", dir, file,
             b->line, b->rec.id, data_split_name(b->split), data_split_name(a->split), a->line);
    FAIL(e, ERR_FORMAT, "%s/%s.jsonl:%zu: record %s comes twice, first in line %zu", dir, file, b->line,
         b->rec.id, a->line);
}

static Status data_check_counts(const size_t (*got)[DATA_SPLITS], const DataPerson *p, size_t n,
                                const DataClaim *claim, const char *dir, const char *task, Err *e)
{
    size_t users = 0, sum[DATA_SPLITS] = {0};
    for (size_t i = 0; i < n; i++) {
        size_t all = 0;
        for (DataSplit s = 0; s < DATA_SPLITS; s++) {
            if (got[i][s] > p[i].n[s])
                FAIL(e, ERR_FORMAT, "%s/%s.jsonl: user %s has %zu records in %s, users.csv says %zu", dir,
                     task, p[i].id, got[i][s], data_split_name(s), p[i].n[s]);
            sum[s] += got[i][s];
            all += got[i][s];
        }
        users += all > 0;
    }
    for (DataSplit s = 0; s < DATA_SPLITS; s++)
        if (sum[s] != claim->records[s])
            FAIL(e, ERR_FORMAT, "%s/%s.jsonl: %zu records in %s, dataset.json says %zu", dir, task, sum[s],
                 data_split_name(s), claim->records[s]);
    if (users != claim->users)
        FAIL(e, ERR_FORMAT, "%s/%s.jsonl: %zu users, dataset.json says %zu", dir, task, users, claim->users);
    return OK;
}

/* Hand the rows to their users. got [n] holds the counts, and is used up. */
static Status data_group(DataSet *d, size_t (*got)[DATA_SPLITS], const DataPerson *p, size_t n,
                         const DataRow *row, size_t n_rows, Err *e)
{
    size_t *slot = arena_alloc(&d->arena, n, sizeof *slot);
    d->user = arena_zalloc(&d->arena, n, sizeof *d->user);
    if (slot == NULL || d->user == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu users", n);
    for (size_t i = 0; i < n; i++) {
        slot[i] = d->n_users;
        if (got[i][DATA_HISTORY] + got[i][DATA_QUERY] + got[i][DATA_HELDOUT] == 0) continue;
        DataUser *u = &d->user[d->n_users++];
        *u = (DataUser){.id = p[i].id, .role = p[i].role};
        for (DataSplit s = 0; s < DATA_SPLITS; s++) {
            u->rec[s] = arena_alloc(&d->arena, got[i][s], sizeof *u->rec[s]);
            if (u->rec[s] == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", got[i][s]);
        }
    }
    for (size_t i = 0; i < n_rows; i++) {
        DataUser *u = &d->user[slot[row[i].person]];
        u->rec[row[i].split][u->n[row[i].split]++] = row[i].rec;
    }
    return OK;
}

static Status data_place(DataSet *d, const DataPerson *p, size_t n, const DataRow *row, size_t n_rows,
                         const DataClaim *claim, const char *dir, Err *e)
{
    TRY(data_check_twice(row, n_rows, d, dir, e));
    size_t(*got)[DATA_SPLITS] = arena_zalloc(&d->arena, n, sizeof *got);
    if (got == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu users", dir, n);
    for (size_t i = 0; i < n_rows; i++) got[row[i].person][row[i].split]++;
    TRY(data_check_counts((const size_t(*)[DATA_SPLITS])got, p, n, claim, dir, d->task->name, e));
    return data_group(d, got, p, n, row, n_rows, e);
}

static Status data_fill(DataSet *d, const JsVal *root, const char *dir, const char *task, Err *e)
{
    DataClaim claim = {0};
    DataPerson *p = NULL;
    DataRow *row = NULL;
    size_t n = 0, n_rows = 0;
    TRY(data_begin(d, &claim, root, dir, task, e));
    TRY(data_people(&p, &n, dir, &d->arena, e));
    TRY(data_rows(&row, &n_rows, d, dir, p, n, e));
    Status s = data_place(d, p, n, row, n_rows, &claim, dir, e);
    free(row);
    TRY(s);
    return data_profiles(d, dir, p, n, e);
}

Status data_load(DataSet **out, const char *dir, const char *task, Err *e)
{
    JsVal *root = NULL;
    TRY(data_head(&root, dir, e));
    DataSet *d = calloc(1, sizeof *d);
    Status s = d == NULL ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory", dir) : OK;
    if (s == OK) s = data_fill(d, root, dir, task, e);
    js_close(root);
    if (s == OK)
        *out = d;
    else
        data_free(d);
    return s;
}

void data_free(DataSet *d)
{
    if (d == NULL) return;
    arena_free(&d->arena);
    free(d);
}

static int data_user_cmp(const void *key, const void *b)
{
    return strcmp(key, ((const DataUser *)b)->id);
}

const DataUser *data_user(const DataSet *d, const char *id)
{
    return d->n_users == 0 ? NULL : bsearch(id, d->user, d->n_users, sizeof *d->user, data_user_cmp);
}
