/* make_write.c - a dataset onto the disk. Equal datasets give equal bytes. */
#include "make_priv.h"

#include "prime/file.h"
#include "prime/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const MakeRow *row;
    const MakeItem *item;
    const MakeUser *user;
} RowRef;

typedef struct {
    const char *user;
    const MakeProfile *of;
} ProfileRef;

static int make_row_cmp(const void *a, const void *b)
{
    const RowRef *x = a, *y = b;
    int c = strcmp(x->user->id, y->user->id);
    if (c != 0) return c;
    if (x->item->split != y->item->split) return x->item->split < y->item->split ? -1 : 1;
    return strcmp(x->item->id, y->item->id);
}

static void make_line(Str *out, const RowRef *r, Err *e, Status *s)
{
    JsVal *o = js_new_obj();
    js_set(o, "id", js_new_str(r->item->id));
    js_set(o, "user", js_new_str(r->user->id));
    js_set(o, "split", js_new_str(data_split_name(r->item->split)));
    js_set(o, "input", js_new_str(r->row->input));
    js_set(o, "output", js_new_str(r->row->output));
    if (r->row->time != NULL && r->row->time[0] != '\0') js_set(o, "time", js_new_str(r->row->time));
    str_clear(out);
    *s = js_dump(out, o, 0, e);
    str_put(out, "\n", 1);
    js_close(o);
}

static Status make_write_rows(const char *path, const RowRef *ref, size_t n, Err *e)
{
    FileOut f = {0};
    TRY(file_begin(&f, path, e));
    Str line = {0};
    Status s = OK;
    for (size_t i = 0; s == OK && i < n; i++) {
        make_line(&line, &ref[i], e, &s);
        if (s == OK && line.failed)
            s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory for a line", path);
        if (s == OK) fwrite(line.s, 1, line.n, f.fp);
    }
    str_free(&line);
    if (s == OK) return file_commit(&f, e);
    file_abort(&f);
    return s;
}

/* Path of a file in the folder, in *out, which is cleared first. */
static Status make_path(Str *out, const char *dir, const char *name, const char *ext, Err *e)
{
    str_clear(out);
    str_printf(out, "%s/%s%s", dir, name, ext);
    if (out->failed) FAIL(e, ERR_NOMEM, "%s: no memory for a name", dir);
    return OK;
}

/* One task's entry of dataset.json. ref is sorted by user. */
static JsVal *make_task_json(const MakeTask *t, const RowRef *ref)
{
    size_t n[DATA_SPLITS] = {0}, users = 0;
    for (size_t i = 0; i < t->n; i++) {
        n[ref[i].item->split]++;
        users += i == 0 || ref[i - 1].user != ref[i].user;
    }
    JsVal *o = js_new_obj(), *labels = js_new_arr(), *records = js_new_obj();
    for (size_t i = 0; i < t->n_labels; i++) js_push(labels, js_new_str(t->label[i]));
    for (DataSplit s = 0; s < DATA_SPLITS; s++)
        js_set(records, data_split_name(s), js_new_int((int64_t)n[s]));
    js_set(o, "name", js_new_str(t->task->name));
    js_set(o, "labels", labels);
    js_set(o, "users", js_new_int((int64_t)users));
    js_set(o, "records", records);
    return o;
}

static Status make_write_task(JsVal **json, const Make *m, const MakeTask *t, const char *path, Err *e)
{
    RowRef *ref = malloc((t->n + 1) * sizeof *ref);
    if (ref == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu records", path, t->n);
    for (size_t i = 0; i < t->n; i++) {
        const MakeItem *item = &m->item[t->row[i].item];
        ref[i] = (RowRef){&t->row[i], item, &m->user[item->user]};
    }
    qsort(ref, t->n, sizeof *ref, make_row_cmp);
    *json = make_task_json(t, ref);
    Status s = make_write_rows(path, ref, t->n, e);
    free(ref);
    return s;
}

static int make_user_cmp(const void *a, const void *b)
{
    return strcmp((*(const MakeUser *const *)a)->id, (*(const MakeUser *const *)b)->id);
}

static Status make_users_text(Str *out, const Make *m, Err *e)
{
    const MakeUser **u = malloc((m->n_users + 1) * sizeof *u);
    if (u == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu users", m->n_users);
    for (size_t i = 0; i < m->n_users; i++) u[i] = &m->user[i];
    qsort(u, m->n_users, sizeof *u, make_user_cmp);
    const char *twice = NULL;
    str_puts(out, "user,role,history,query,heldout\n");
    for (size_t i = 0; i < m->n_users; i++) {
        if (i > 0 && strcmp(u[i - 1]->id, u[i]->id) == 0) twice = u[i]->id;
        str_printf(out, "%s,%s,%zu,%zu,%zu\n", u[i]->id, data_role_name(u[i]->role), u[i]->n[DATA_HISTORY],
                   u[i]->n[DATA_QUERY], u[i]->n[DATA_HELDOUT]);
    }
    free(u);
    if (twice != NULL) FAIL(e, ERR_NUM, "two users have the id %s: choose another salt", twice);
    if (out->failed) FAIL(e, ERR_NOMEM, "no memory for %zu users", m->n_users);
    return OK;
}

static int make_id_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static Status make_check_items(const Make *m, Err *e)
{
    const char **id = malloc((m->n_items + 1) * sizeof *id), *twice = NULL;
    if (id == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", m->n_items);
    for (size_t i = 0; i < m->n_items; i++) id[i] = m->item[i].id;
    qsort(id, m->n_items, sizeof *id, make_id_cmp);
    for (size_t i = 1; i < m->n_items; i++)
        if (strcmp(id[i - 1], id[i]) == 0) twice = id[i];
    free(id);
    if (twice != NULL) FAIL(e, ERR_NUM, "two records have the id %s: choose another salt", twice);
    return OK;
}

static Status make_write_canaries(const Make *m, const char *path, Err *e)
{
    Str out = {0};
    str_puts(&out, "user,record,canary,included\n");
    for (size_t i = 0; i < m->n_canaries; i++) {
        const MakeItem *item = &m->item[m->canary[i].item];
        str_printf(&out, "%s,%s,%s,%d\n", m->user[item->user].id, item->id, m->canary[i].text,
                   m->canary[i].included);
    }
    Status s = out.failed ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory", path)
                          : file_write(path, out.s, out.n, e);
    str_free(&out);
    return s;
}

static int make_profile_cmp(const void *a, const void *b)
{
    const ProfileRef *x = a, *y = b;
    int c = strcmp(x->user, y->user);
    return c != 0 ? c : (x->of > y->of) - (x->of < y->of);
}

static Status make_profile_lines(Str *out, const ProfileRef *ref, size_t n, Err *e)
{
    for (size_t i = 0; i < n; i++) {
        JsVal *o = js_new_obj();
        js_set(o, "user", js_new_str(ref[i].user));
        if (ref[i].of->task != NULL) js_set(o, "task", js_new_str(ref[i].of->task));
        js_set(o, "text", js_new_str(ref[i].of->text));
        Status s = js_dump(out, o, 0, e);
        js_close(o);
        TRY(s);
        str_put(out, "\n", 1);
    }
    return OK;
}

static Status make_write_profiles(const Make *m, const char *path, Err *e)
{
    ProfileRef *ref = malloc((m->n_profiles + 1) * sizeof *ref);
    if (ref == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu profiles", path, m->n_profiles);
    for (size_t i = 0; i < m->n_profiles; i++)
        ref[i] = (ProfileRef){m->user[m->profile[i].user].id, &m->profile[i]};
    qsort(ref, m->n_profiles, sizeof *ref, make_profile_cmp);
    Str out = {0};
    Status s = make_profile_lines(&out, ref, m->n_profiles, e);
    free(ref);
    if (s == OK && out.failed) s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory", path);
    if (s == OK) s = file_write(path, out.s, out.n, e);
    str_free(&out);
    return s;
}

/* As text: JSON numbers do not hold all 64 bits everywhere. */
static JsVal *make_seed(uint64_t seed)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, seed);
    return js_new_str(text);
}

void make_salt_id(char id[DATA_SALT_ID], const char *salt)
{
    char hex[HASH_HEX];
    hash_salted(hex, salt, "prime salt id");
    memcpy(id, hex, DATA_SALT_ID - 1);
    id[DATA_SALT_ID - 1] = '\0';
}

JsVal *make_head_json(const char *source, const char *salt_id, uint64_t seed, const char *release)
{
    JsVal *root = js_new_obj();
    js_set(root, "format", js_new_str("prime-dataset"));
    js_set(root, "version", js_new_int(DATA_VERSION));
    js_set(root, "source", js_new_str(source));
    js_set(root, "salt_id", js_new_str(salt_id));
    js_set(root, "seed", make_seed(seed));
    js_set(root, "release", release != NULL && release[0] != '\0' ? js_new_str(release) : js_new_null());
    return root;
}

static Status make_write_json(Make *m, JsVal *tasks, const char *path, Err *e)
{
    char salt_id[DATA_SALT_ID];
    if (m->salt != NULL) make_salt_id(salt_id, m->salt);
    JsVal *root = make_head_json(m->source, m->salt != NULL ? salt_id : m->salt_id, m->seed, m->release);
    js_set(root, "inputs", m->inputs != NULL ? m->inputs : js_new_arr());
    js_set(root, "counts", m->counts != NULL ? m->counts : js_new_obj());
    if (m->splits != NULL) js_set(root, "splits", m->splits);
    m->inputs = m->counts = m->splits = NULL;
    js_set(root, "tasks", tasks);
    if (m->n_canaries > 0) js_set(root, "canaries", js_new_str("canaries.csv"));
    Status s = js_save(path, root, e);
    js_close(root);
    return s;
}

/* Everything but dataset.json. */
static Status make_write_parts(JsVal *tasks, Str *tmp, const Make *m, const char *dir, Err *e)
{
    TRY(make_check_items(m, e));
    Str users = {0};
    Status s = make_users_text(&users, m, e);
    if (s == OK) s = make_path(tmp, dir, "users", ".csv", e);
    if (s == OK) s = file_write(tmp->s, users.s, users.n, e);
    str_free(&users);
    for (size_t i = 0; s == OK && i < m->n_tasks; i++) {
        JsVal *json = NULL;
        s = make_path(tmp, dir, m->task[i].task->name, ".jsonl", e);
        if (s == OK) s = make_write_task(&json, m, &m->task[i], tmp->s, e);
        if (json != NULL) js_push(tasks, json);
    }
    if (s == OK) s = make_path(tmp, dir, "profiles", ".jsonl", e);
    if (s == OK && m->n_profiles > 0) s = make_write_profiles(m, tmp->s, e);
    if (s == OK && m->n_profiles == 0) unlink(tmp->s);
    if (s != OK || m->n_canaries == 0) return s;
    TRY(make_path(tmp, dir, "canaries", ".csv", e));
    return make_write_canaries(m, tmp->s, e);
}

Status make_write(Make *m, const char *dir, Err *e)
{
    Str tmp = {0};
    JsVal *tasks = js_new_arr();
    Status s = file_mkdir(dir, e);
    if (s == OK) s = make_path(&tmp, dir, "dataset", ".json", e);
    if (s == OK) unlink(tmp.s);
    if (s == OK) s = make_write_parts(tasks, &tmp, m, dir, e);
    if (s == OK) s = make_path(&tmp, dir, "dataset", ".json", e);
    if (s == OK)
        s = make_write_json(m, tasks, tmp.s, e);
    else
        js_close(tasks);
    js_close(m->inputs);
    js_close(m->counts);
    js_close(m->splits);
    m->inputs = m->counts = m->splits = NULL;
    str_free(&tmp);
    return s;
}
