/* plant_write.c - a dataset again, with secrets in some of its lines. It is put together beside the folder
 * that is to be, whose name it gets at the end. */
#include "plant_priv.h"

#include "prime/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Status plant_copy(Plant *p, const char *to, const char *name, const char *ext, Err *e)
{
    char *from = NULL, *path = NULL, *text = NULL;
    size_t n = 0;
    TRY(data_path(&from, &p->arena, p->o->dir, name, ext, e));
    TRY(data_path(&path, &p->arena, to, name, ext, e));
    if (!file_exists(from)) return OK;
    TRY(file_read(&text, &n, from, e));
    Status s = file_write(path, text, n, e);
    free(text);
    return s;
}

/* ---- records ---- */

static int plant_record_cmp(const void *a, const void *b)
{
    return strcmp(((const PlantOne *)a)->rec->id, ((const PlantOne *)b)->rec->id);
}

static int plant_find_cmp(const void *id, const void *b)
{
    return strcmp(id, ((const PlantOne *)b)->rec->id);
}

/* The line with the secret behind the output; out is cleared first. */
static Status plant_line(Str *out, JsVal *o, const PlantOne *one, Err *e)
{
    str_clear(out);
    str_printf(out, "%s %s", one->rec->output, one->text);
    if (out->failed) FAIL(e, ERR_NOMEM, "no memory for a record");
    js_set(o, "output", js_new_str(out->s));
    str_clear(out);
    return js_dump(out, o, 0, e);
}

/* One line [n] of the task to fp: as it is, or with its secret. by_id: p->one, sorted. */
static Status plant_put_line(FILE *fp, Str *tmp, const PlantOne *by_id, size_t n_one, const char *line,
                             size_t n, Err *e)
{
    JsVal *o = NULL;
    TRY(js_parse(&o, line, n, "a record", e));
    const char *id = js_str(js_get(o, "id"), NULL);
    const PlantOne *one = bsearch(id != NULL ? id : "", by_id, n_one, sizeof *by_id, plant_find_cmp);
    Status s = OK;
    if (one != NULL && one->in) {
        s = plant_line(tmp, o, one, e);
        line = tmp->s;
        n = tmp->n;
    }
    js_close(o);
    if (s != OK) return s;
    fwrite(line, 1, n, fp);
    fputc('\n', fp);
    return OK;
}

static Status plant_lines(FILE *fp, const Plant *p, const FileMap *m, Err *e)
{
    Status s = OK;
    Str tmp = {0};
    const char *at = m->data, *end = at + m->n;
    for (const char *stop; at < end && s == OK; at = stop + 1) {
        stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) stop = end;
        s = plant_put_line(fp, &tmp, p->one, p->n, at, (size_t)(stop - at), e);
    }
    str_free(&tmp);
    return s;
}

static Status plant_task(Plant *p, const char *to, Err *e)
{
    char *from = NULL, *path = NULL;
    FileMap m = {0};
    FileOut f = {0};
    TRY(data_path(&from, &p->arena, p->o->dir, p->o->task, ".jsonl", e));
    TRY(data_path(&path, &p->arena, to, p->o->task, ".jsonl", e));
    TRY(file_map(&m, from, e));
    qsort(p->one, p->n, sizeof *p->one, plant_record_cmp);
    Status s = file_begin(&f, path, e);
    if (s == OK) s = plant_lines(f.fp, p, &m, e);
    if (s == OK) s = file_commit(&f, e);
    if (s != OK) file_abort(&f);
    file_unmap(&m);
    return s;
}

/* ---- what was planted ---- */

/* Quoted, and else as it is: table_put_str would set an apostrophe before some, and the record has none. */
static void plant_cell(Str *out, const char *text)
{
    str_puts(out, ",\"");
    for (const char *s = text; *s != '\0'; s++) str_put(out, "\"\"", *s == '"' ? 1 : 0), str_put(out, s, 1);
    str_puts(out, "\"");
}

static int plant_user_cmp(const void *a, const void *b)
{
    const PlantOne *x = a, *y = b;
    int c = strcmp(x->user->id, y->user->id);
    return c != 0 ? c : plant_record_cmp(a, b);
}

static Status plant_truth(Plant *p, const char *to, Err *e)
{
    Str out = {0};
    char *path = NULL;
    TRY(data_path(&path, &p->arena, to, "canaries", ".csv", e));
    qsort(p->one, p->n, sizeof *p->one, plant_user_cmp);
    str_puts(&out, "user,record,canary,included,kind\n");
    for (size_t i = 0; i < p->n; i++) {
        const PlantOne *x = &p->one[i];
        str_printf(&out, "%s,%s", x->user->id, x->rec->id);
        plant_cell(&out, x->text);
        str_printf(&out, ",%d,%s\n", x->in, x->kind->name);
    }
    Status s = out.failed ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory", path)
                          : file_write(path, out.s, out.n, e);
    str_free(&out);
    return s;
}

static Status plant_head(Plant *p, const char *to, Err *e)
{
    char *path = NULL, seed[24];
    JsVal *how = js_new_obj(), *kinds = js_new_arr();
    for (size_t i = 0; i < p->n_kinds; i++) js_push(kinds, js_new_str(p->kind[i]->name));
    snprintf(seed, sizeof seed, "%" PRIu64, p->o->seed);
    js_set(how, "task", js_new_str(p->o->task));
    js_set(how, "seed", js_new_str(seed));
    js_set(how, "kinds", kinds);
    js_set(how, "each", js_new_int((int64_t)p->o->canaries));
    js_set(how, "users", js_new_str(p->o->base_too ? "all" : "audit"));
    js_set(how, "people", js_new_int((int64_t)p->done.people));
    js_set(how, "canaries", js_new_int((int64_t)p->done.canaries));
    js_set(p->root, "canaries", js_new_str("canaries.csv"));
    js_set(p->root, "planted", how);
    TRY(data_path(&path, &p->arena, to, "dataset", ".json", e));
    return js_save(path, p->root, e);
}

/* ---- the folder ---- */

static Status plant_files(Plant *p, const char *to, Err *e)
{
    const JsVal *tasks = js_get(p->root, "tasks");
    TRY(plant_copy(p, to, "users", ".csv", e));
    TRY(plant_copy(p, to, "profiles", ".jsonl", e));
    TRY(plant_copy(p, to, "parts", ".csv", e));
    for (size_t i = 0; i < js_len(tasks); i++) {
        const char *name = NULL;
        TRY(js_need_str(&name, js_at(tasks, i), "name", p->o->dir, e));
        TRY(plant_copy(p, to, name, ".task.yaml", e));
        if (strcmp(name, p->o->task) != 0) TRY(plant_copy(p, to, name, ".jsonl", e));
    }
    TRY(plant_task(p, to, e));
    TRY(plant_truth(p, to, e));
    return plant_head(p, to, e);
}

static Status plant_into(Plant *p, char *tmp, const char *out, Err *e)
{
    if (mkdtemp(tmp) == NULL) FAIL(e, ERR_IO, "%s: cannot make it: %s", tmp, strerror(errno));
    Status s = plant_files(p, tmp, e);
    if (s == OK && rename(tmp, out) != 0)
        s = err_set(e, ERR_IO, __FILE__, __LINE__, "%s: cannot put the dataset there: %s", out,
                    strerror(errno));
    if (s != OK) file_remove_tree(tmp);
    return s;
}

Status plant_write(Plant *p, Err *e)
{
    size_t n = strlen(p->o->out);
    while (n > 1 && p->o->out[n - 1] == '/') n--;
    char *out = arena_strndup(&p->arena, p->o->out, n), *tmp = arena_alloc(&p->arena, n + 8, 1);
    if (out == NULL || tmp == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for a name", p->o->out);
    snprintf(tmp, n + 8, "%s.XXXXXX", out);
    TRY(file_mkdir(out, e)); /* for its parents */
    rmdir(out);
    return plant_into(p, tmp, out, e);
}
