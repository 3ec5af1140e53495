/* data_read.c - the three kinds of file of a dataset, each line checked by itself. */
#include "data_priv.h"

#include "prime/file.h"
#include "prime/table.h"

#include <stdlib.h>
#include <string.h>

Status data_path(char **path, Arena *a, const char *dir, const char *name, const char *ext, Err *e)
{
    Str s = {0};
    str_printf(&s, "%s/%s%s", dir, name, ext);
    *path = s.failed ? NULL : arena_strndup(a, s.s, s.n);
    str_free(&s);
    if (*path == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for a name", dir);
    return OK;
}

static Status data_check_head(const JsVal *root, const char *path, Err *e)
{
    const char *format = NULL;
    TRY(js_need_str(&format, root, "format", path, e));
    if (strcmp(format, "prime-dataset") != 0)
        FAIL(e, ERR_FORMAT, "%s: format is '%s', want 'prime-dataset'", path, format);
    size_t version = 0;
    TRY(js_need_size(&version, root, "version", path, e));
    if (version != DATA_VERSION)
        FAIL(e, ERR_UNSUP, "%s: version is %zu, want %d", path, version, DATA_VERSION);
    if (js_type(js_get(root, "tasks")) != JS_ARR) FAIL(e, ERR_FORMAT, "%s: want an array 'tasks'", path);
    return OK;
}

Status data_head(JsVal **root, const char *dir, Err *e)
{
    Arena a = {0};
    char *path = NULL;
    JsVal *fresh = NULL;
    Status s = data_path(&path, &a, dir, "dataset", ".json", e);
    if (s == OK && !file_exists(path))
        s = err_set(e, ERR_IO, __FILE__, __LINE__, "%s: no dataset here (want a folder with dataset.json)",
                    dir);
    if (s == OK) s = js_load(&fresh, path, e);
    if (s == OK) s = data_check_head(fresh, path, e);
    arena_free(&a);
    if (s == OK)
        *root = fresh;
    else
        js_close(fresh);
    return s;
}

/* The task's entry in dataset.json. */
static Status data_entry(const JsVal **out, const JsVal *root, const char *dir, const char *task, Err *e)
{
    const JsVal *tasks = js_get(root, "tasks");
    Str names = {0};
    *out = NULL;
    for (size_t i = 0; i < js_len(tasks); i++) {
        const char *name = js_str(js_get(js_at(tasks, i), "name"), NULL);
        if (name == NULL) continue;
        if (strcmp(name, task) == 0) *out = js_at(tasks, i);
        str_printf(&names, "%s%s", names.n > 0 ? ", " : "", name);
    }
    if (*out == NULL)
        err_set(e, ERR_ARG, __FILE__, __LINE__, "%s: no task '%s'; there is %s", dir, task,
                names.n > 0 ? names.s : "none");
    str_free(&names);
    return *out == NULL ? ERR_ARG : OK;
}

static Status data_copy(const char **out, Arena *a, const char *s, Err *e)
{
    *out = arena_strdup(a, s != NULL ? s : "");
    if (*out == NULL) FAIL(e, ERR_NOMEM, "no memory for a text");
    return OK;
}

/* A task that has its own labels has them in every dataset. */
static Status data_same_labels(const DataSet *d, const char *dir, Err *e)
{
    size_t n = 0;
    const char *const *label = task_labels(d->task, &n);
    if (n > 0 && n != d->n_labels)
        FAIL(e, ERR_FORMAT, "%s/dataset.json: %zu labels of %s, want the task's own %zu", dir, d->n_labels,
             d->task->name, n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(label[i], d->label[i]) != 0)
            FAIL(e, ERR_FORMAT, "%s/dataset.json: label %zu of %s is '%.40s', want the task's own '%s'", dir,
                 i + 1, d->task->name, d->label[i], label[i]);
    return OK;
}

static Status data_labels(DataSet *d, const JsVal *entry, const char *dir, Err *e)
{
    const JsVal *labels = js_get(entry, "labels");
    d->n_labels = js_len(labels);
    d->label = arena_zalloc(&d->arena, d->n_labels, sizeof *d->label);
    if (d->label == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu labels", dir, d->n_labels);
    for (size_t i = 0; i < d->n_labels; i++) {
        const char *s = js_str(js_at(labels, i), NULL);
        if (s == NULL || *s == '\0')
            FAIL(e, ERR_FORMAT, "%s/dataset.json: label %zu of %s is not a text", dir, i + 1, d->task->name);
        TRY(data_copy(&d->label[i], &d->arena, s, e));
    }
    TRY(data_same_labels(d, dir, e));
    if (d->task->labelled && d->n_labels < 2)
        FAIL(e, ERR_FORMAT, "%s/dataset.json: %zu labels of %s, want at least 2", dir, d->n_labels,
             d->task->name);
    return OK;
}

Status data_begin(DataSet *d, DataClaim *claim, const JsVal *root, const char *dir, const char *task, Err *e)
{
    const JsVal *entry = NULL;
    TRY(data_entry(&entry, root, dir, task, e));
    TRY(task_in(&d->task, &d->arena, dir, task, e));
    if (d->task == NULL)
        FAIL(e, ERR_UNSUP, "%s: task '%s' is in the dataset but not in this program", dir, task);
    TRY(data_labels(d, entry, dir, e));
    TRY(data_copy(&d->source, &d->arena, js_str(js_get(root, "source"), NULL), e));
    TRY(data_copy(&d->salt_id, &d->arena, js_str(js_get(root, "salt_id"), NULL), e));
    TRY(data_copy(&d->release, &d->arena, js_str(js_get(root, "release"), NULL), e));
    char *path = NULL;
    TRY(data_path(&path, &d->arena, dir, "dataset", ".json", e));
    TRY(js_need_size(&claim->users, entry, "users", path, e));
    for (DataSplit s = 0; s < DATA_SPLITS; s++)
        TRY(js_need_size(&claim->records[s], js_get(entry, "records"), data_split_name(s), path, e));
    return OK;
}

static int data_person_cmp(const void *a, const void *b)
{
    return strcmp(((const DataPerson *)a)->id, ((const DataPerson *)b)->id);
}

/* Ids of people name files of a run, so none may lead out of its folder, and no two may be cut to the same.
 */
static bool data_id_fine(const char *id)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return n > 0 && n <= DATA_USER_MAX && id[n] == '\0' && id[0] != '.';
}

static Status data_person(DataPerson *p, const Table *t, size_t row, const size_t col[5], Err *e)
{
    const char *role = table_str(t, row, col[1]);
    size_t sum = 0;
    p->id = table_str(t, row, col[0]);
    if (*p->id == '\0') FAIL(e, ERR_FORMAT, "%s:%zu: user is empty", t->name, t->line[row]);
    if (!data_id_fine(p->id))
        FAIL(e, ERR_FORMAT, "%s:%zu: user = '%.40s', want 1 to %d of letters, digits, _ - and ., not . first",
             t->name, t->line[row], p->id, DATA_USER_MAX);
    p->role = strcmp(role, "audit") == 0 ? DATA_AUDIT : DATA_BASE;
    if (strcmp(role, data_role_name(p->role)) != 0)
        FAIL(e, ERR_FORMAT, "%s:%zu: role = '%s', want base or audit", t->name, t->line[row], role);
    for (DataSplit s = 0; s < DATA_SPLITS; s++) {
        TRY(table_size(&p->n[s], t, row, col[2 + s], e));
        sum += p->n[s];
    }
    if (sum == 0) FAIL(e, ERR_FORMAT, "%s:%zu: user %s has no record", t->name, t->line[row], p->id);
    return OK;
}

const DataPerson *data_person_find(const DataPerson *p, size_t n, const char *id)
{
    DataPerson key = {.id = id};
    return n > 0 ? bsearch(&key, p, n, sizeof *p, data_person_cmp) : NULL;
}

Status data_people(DataPerson **p, size_t *n, const char *dir, Arena *a, Err *e)
{
    static const char *const names[] = {"user", "role", "history", "query", "heldout"};
    char *path = NULL;
    Table t = {0};
    size_t col[5];
    TRY(data_path(&path, a, dir, "users", ".csv", e));
    TRY(table_load(&t, a, path, e));
    for (size_t i = 0; i < 5; i++) TRY(table_need(&col[i], &t, names[i], e));
    DataPerson *fresh = arena_zalloc(a, t.n_rows, sizeof *fresh);
    if (fresh == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu users", path, t.n_rows);
    for (size_t i = 0; i < t.n_rows; i++) TRY(data_person(&fresh[i], &t, i, col, e));
    if (t.n_rows > 0) qsort(fresh, t.n_rows, sizeof *fresh, data_person_cmp);
    for (size_t i = 1; i < t.n_rows; i++)
        if (strcmp(fresh[i - 1].id, fresh[i].id) == 0)
            FAIL(e, ERR_FORMAT, "%s: user %s comes twice", path, fresh[i].id);
    *p = fresh;
    *n = t.n_rows;
    return OK;
}

static bool data_known_label(const DataSet *d, const char *s)
{
    for (size_t i = 0; i < d->n_labels; i++)
        if (strcmp(d->label[i], s) == 0) return true;
    return false;
}

static Status data_split_of(DataSplit *out, const char *text, const char *where, Err *e)
{
    for (DataSplit s = 0; s < DATA_SPLITS; s++) {
        if (strcmp(text, data_split_name(s)) != 0) continue;
        *out = s;
        return OK;
    }
    FAIL(e, ERR_FORMAT, "%s: split = '%s', want history, query or heldout", where, text);
}

Status data_need_text(const char **out, const JsVal *o, const char *key, const char *where, Err *e)
{
    TRY(js_need_str(out, o, key, where, e));
    if (**out == '\0') FAIL(e, ERR_FORMAT, "%s: '%s' is empty", where, key);
    return OK;
}

static Status data_row(DataRow *r, DataSet *d, const JsVal *o, const char *where, const DataPerson *p,
                       size_t n, Err *e)
{
    const char *id = NULL, *user = NULL, *split = NULL, *input = NULL, *output = NULL;
    TRY(data_need_text(&id, o, "id", where, e));
    TRY(data_need_text(&user, o, "user", where, e));
    TRY(data_need_text(&split, o, "split", where, e));
    TRY(js_need_str(&input, o, "input", where, e));
    TRY(data_need_text(&output, o, "output", where, e));
    TRY(data_split_of(&r->split, split, where, e));
    const DataPerson *who = data_person_find(p, n, user);
    if (who == NULL) FAIL(e, ERR_FORMAT, "%s: user %s is not in users.csv", where, user);
    r->person = (size_t)(who - p);
    const Task *form = r->split == DATA_QUERY ? d->task : task_history(d->task);
    if (task_fields(input) != form->n_fields)
        FAIL(e, ERR_FORMAT, "%s: input has %zu fields, %s wants %zu", where, task_fields(input), form->name,
             form->n_fields);
    if (form->labelled && !data_known_label(d, output))
        FAIL(e, ERR_FORMAT, "%s: output = '%.60s' is not a label of %s", where, output, d->task->name);
    r->rec.task = form;
    r->rec.time = NULL;
    if (js_get(o, "time") != NULL) {
        TRY(data_need_text(&r->rec.time, o, "time", where, e));
        TRY(data_copy(&r->rec.time, &d->arena, r->rec.time, e));
    }
    TRY(data_copy(&r->rec.id, &d->arena, id, e));
    TRY(data_copy(&r->rec.input, &d->arena, input, e));
    return data_copy(&r->rec.output, &d->arena, output, e);
}

/* Rows that are being read. */
typedef struct {
    DataSet *d;
    DataRow *row; /* grows, from malloc */
    size_t n, cap, n_people;
    const DataPerson *people;
} DataLines;

static Status data_line(void *ctx, const JsVal *o, const char *where, size_t line, Err *e)
{
    DataLines *l = ctx;
    if (l->n == l->cap) {
        size_t cap = l->cap * 2 + 256;
        DataRow *row = realloc(l->row, cap * sizeof *row);
        if (row == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu lines", where, cap);
        l->row = row;
        l->cap = cap;
    }
    l->row[l->n].line = line;
    return data_row(&l->row[l->n++], l->d, o, where, l->people, l->n_people, e);
}

static Status data_one_line(DataLine line, void *ctx, const char *text, size_t n, const char *path,
                            size_t number, Err *e)
{
    char where[512];
    snprintf(where, sizeof where, "%s:%zu", path, number);
    JsVal *o = NULL;
    TRY(js_parse(&o, text, n, where, e));
    Status s = line(ctx, o, where, number, e);
    js_close(o);
    return s;
}

static Status data_lines_of(const FileMap *m, const char *path, DataLine line, void *ctx, Err *e)
{
    const char *at = m->data, *end = at + m->n;
    for (size_t number = 1; at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) FAIL(e, ERR_FORMAT, "%s:%zu: the last line is cut off", path, number);
        TRY(data_one_line(line, ctx, at, (size_t)(stop - at), path, number, e));
        at = stop + 1;
    }
    return OK;
}

Status data_each_line(const char *path, DataLine line, void *ctx, Err *e)
{
    FileMap m = {0};
    TRY(file_map(&m, path, e));
    Status s = m.n > 0 ? data_lines_of(&m, path, line, ctx, e) : OK;
    file_unmap(&m);
    return s;
}

Status data_rows(DataRow **row, size_t *n, DataSet *d, const char *dir, const DataPerson *p, size_t n_people,
                 Err *e)
{
    char *path = NULL;
    DataLines l = {.d = d, .people = p, .n_people = n_people};
    TRY(data_path(&path, &d->arena, dir, d->task->name, ".jsonl", e));
    Status s = data_each_line(path, data_line, &l, e);
    if (s == OK) {
        *row = l.row;
        *n = l.n;
    } else {
        free(l.row);
    }
    return s;
}
