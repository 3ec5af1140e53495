/* import_write.c - people's lines go to a spill file as they come, and from there to the dataset in the order
 * of their ids. */
#include "import_priv.h"

#include "make_priv.h"

#include "prime/file.h"
#include "prime/hash.h"
#include "prime/js.h"
#include "prime/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COPY = 1 << 16 };

static Status write_path(Str *out, const char *dir, const char *name, const char *ext, Err *e)
{
    str_clear(out);
    str_printf(out, "%s/%s%s", dir, name, ext);
    if (out->failed) FAIL(e, ERR_NOMEM, "%s: no memory for a name", dir);
    return OK;
}

/* A file without a name, in the folder where there must be room for the data anyway. */
static Status write_spill_open(Import *im, Err *e)
{
    TRY(write_path(&im->tmp, im->o->out, "import", ".spill", e));
    return file_spill(&im->spill, im->tmp.s, e);
}

static void write_member(Str *out, const char *before, const char *text)
{
    str_puts(out, before);
    js_put_text(out, text, strlen(text));
}

static void write_line(Str *out, const ImportRec *r, const char *user)
{
    write_member(out, "{\"id\": ", r->hash);
    write_member(out, ", \"user\": ", user);
    write_member(out, ", \"split\": ", data_split_name((DataSplit)r->split));
    write_member(out, ", \"input\": ", r->input);
    write_member(out, ", \"output\": ", r->output);
    if (*r->when != '\0') write_member(out, ", \"time\": ", r->when);
    str_puts(out, "}\n");
}

static int write_rec_cmp(const void *a, const void *b)
{
    const ImportRec *x = a, *y = b;
    if (x->out != y->out) return x->out - y->out;
    if (x->out) return 0;
    return x->split != y->split ? x->split - y->split : strcmp(x->hash, y->hash);
}

Status import_write_user(Import *im, ImportUser *u, Err *e)
{
    if (im->spill == NULL) TRY(write_spill_open(im, e));
    if (im->n > 0) qsort(im->rec, im->n, sizeof *im->rec, write_rec_cmp);
    str_clear(&im->text);
    for (size_t i = 0; i < im->n && !im->rec[i].out; i++) {
        write_line(&im->text, &im->rec[i], u->id);
        u->n[im->rec[i].split]++;
        im->report->records[im->rec[i].split]++;
    }
    if (im->text.failed) FAIL(e, ERR_NOMEM, "no memory for %zu records", im->n);
    if (im->text.n > 0 && fwrite(im->text.s, 1, im->text.n, im->spill) != im->text.n)
        FAIL(e, ERR_IO, "%s: cannot write: %s", im->o->out, strerror(errno));
    u->len = im->text.n;
    im->spilled += u->len;
    return OK;
}

/* ---- the files of the dataset ---- */

static int write_user_cmp(const void *a, const void *b)
{
    return strcmp(((const ImportUser *)a)->id, ((const ImportUser *)b)->id);
}

static Status write_copy(FILE *to, FILE *from, const ImportUser *u, Err *e)
{
    char buf[COPY];
    uint64_t left = u->len;
    if (fseeko(from, (off_t)u->at, SEEK_SET) != 0)
        FAIL(e, ERR_IO, "cannot read what was written: %s", strerror(errno));
    while (left > 0) {
        size_t n = left < COPY ? (size_t)left : COPY;
        if (fread(buf, 1, n, from) != n) FAIL(e, ERR_IO, "cannot read what was written: %s", strerror(errno));
        fwrite(buf, 1, n, to); /* file_commit looks for failures */
        left -= n;
    }
    return OK;
}

static Status write_records(Import *im, Err *e)
{
    FileOut f = {0};
    TRY(write_path(&im->tmp, im->o->out, im->task->name, ".jsonl", e));
    TRY(file_begin(&f, im->tmp.s, e));
    Status s = fflush(im->spill) == 0 ? OK
                                      : err_set(e, ERR_IO, __FILE__, __LINE__, "%s: cannot write: %s",
                                                im->o->out, strerror(errno));
    for (size_t i = 0; s == OK && i < im->n_users; i++) s = write_copy(f.fp, im->spill, &im->users[i], e);
    if (s == OK) return file_commit(&f, e);
    file_abort(&f);
    return s;
}

static Status write_text_file(Import *im, const char *name, const char *ext, const Str *text, Err *e)
{
    TRY(write_path(&im->tmp, im->o->out, name, ext, e));
    if (text->failed) FAIL(e, ERR_NOMEM, "%s: no memory", im->tmp.s);
    if (text->n > 0) return file_write(im->tmp.s, text->s, text->n, e);
    unlink(im->tmp.s);
    return OK;
}

/* users.csv, parts.csv and profiles.jsonl; the last two only when there is something to say. */
static Status write_people(Import *im, Err *e)
{
    Str users = {0}, parts = {0}, profiles = {0};
    str_puts(&users, "user,role,history,query,heldout\n");
    for (size_t i = 0; i < im->n_users; i++) {
        const ImportUser *u = &im->users[i];
        str_printf(&users, "%s,%s,%zu,%zu,%zu\n", u->id, data_role_name(u->role), u->n[0], u->n[1], u->n[2]);
        if (u->part != NULL)
            str_printf(&parts, "%s%s,%s\n", parts.n == 0 ? "user,part\n" : "", u->id, u->part);
        if (u->profile == NULL) continue;
        write_member(&profiles, "{\"user\": ", u->id);
        write_member(&profiles, ", \"task\": ", im->task->name);
        write_member(&profiles, ", \"text\": ", u->profile);
        str_puts(&profiles, "}\n");
    }
    Status s = write_text_file(im, "users", ".csv", &users, e);
    if (s == OK) s = write_text_file(im, "parts", ".csv", &parts, e);
    if (s == OK) s = write_text_file(im, "profiles", ".jsonl", &profiles, e);
    str_free(&users);
    str_free(&parts);
    str_free(&profiles);
    return s;
}

static Status write_task_file(Import *im, Err *e)
{
    char *text = NULL;
    size_t n = 0;
    if (im->o->task_file == NULL) return OK;
    TRY(write_path(&im->tmp, im->o->out, im->task->name, ".task.yaml", e));
    TRY(file_read(&text, &n, im->o->task_file, e));
    Status s = file_write(im->tmp.s, text, n, e);
    free(text);
    return s;
}

static void write_input(JsVal *inputs, const char *path, const char *hash)
{
    const char *slash = strrchr(path, '/');
    JsVal *o = js_new_obj();
    js_set(o, "name", js_new_str(slash != NULL ? slash + 1 : path));
    js_set(o, "sha256", js_new_str(hash));
    js_push(inputs, o);
}

const char *import_input(const DataImportOpt *o, size_t i)
{
    const ImportFile *f = i < 2 * o->n_files ? &o->file[i / 2] : NULL;
    const char *path = f == NULL    ? (i == 2 * o->n_files ? o->profiles : NULL)
                       : i % 2 == 0 ? f->path
                                    : f->golds;
    return path != NULL && strcmp(path, "-") != 0 ? path : NULL;
}

Status import_hash(Import *im, Err *e)
{
    for (size_t i = 0; i <= 2 * im->o->n_files; i++)
        if (import_input(im->o, i) != NULL) TRY(hash_file(im->hash[i], import_input(im->o, i), e));
    return OK;
}

static int write_label_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static JsVal *write_task_json(Import *im)
{
    size_t n = 0;
    const char *const *label = task_labels(im->task, &n);
    JsVal *o = js_new_obj(), *labels = js_new_arr(), *records = js_new_obj();
    if (n == 0 && im->n_labels > 0) {
        qsort(im->label, im->n_labels, sizeof *im->label, write_label_cmp);
        label = im->label;
        n = im->n_labels;
    }
    for (size_t i = 0; i < n; i++) js_push(labels, js_new_str(label[i]));
    for (DataSplit s = 0; s < DATA_SPLITS; s++)
        js_set(records, data_split_name(s), js_new_int((int64_t)im->report->records[s]));
    js_set(o, "name", js_new_str(im->task->name));
    js_set(o, "labels", labels);
    js_set(o, "users", js_new_int((int64_t)im->n_users));
    js_set(o, "records", records);
    return o;
}

static JsVal *write_counts_json(const Import *im)
{
    JsVal *counts = js_new_obj();
    for (size_t i = 0; i < im->report->n_odd; i++)
        if (im->report->odd[i].n > 0)
            js_set(counts, im->report->odd[i].name, js_new_int((int64_t)im->report->odd[i].n));
    return counts;
}

static JsVal *write_splits_json(const DataImportOpt *o)
{
    JsVal *s = js_new_obj();
    js_set(s, "by", js_new_str(o->by_time ? "time" : "random"));
    if (o->map != NULL) {
        js_set(s, "history", js_new_num(o->history));
        js_set(s, "query", js_new_num(o->query));
    } else {
        js_set(s, "heldout", js_new_num(o->heldout));
    }
    return s;
}

static Status write_json(Import *im, Err *e)
{
    char salt_id[DATA_SALT_ID];
    make_salt_id(salt_id, im->o->salt);
    JsVal *root = make_head_json(im->o->format, salt_id, im->o->seed, NULL);
    JsVal *inputs = js_new_arr(), *tasks = js_new_arr();
    js_set(root, "inputs", inputs);
    js_set(root, "counts", write_counts_json(im));
    js_set(root, "splits", write_splits_json(im->o));
    js_set(root, "tasks", tasks);
    js_push(tasks, write_task_json(im));
    for (size_t i = 0; i <= 2 * im->o->n_files; i++)
        if (import_input(im->o, i) != NULL) write_input(inputs, import_input(im->o, i), im->hash[i]);
    Status s = write_path(&im->tmp, im->o->out, "dataset", ".json", e);
    if (s == OK) s = js_save(im->tmp.s, root, e);
    js_close(root);
    return s;
}

Status import_finish(Import *im, Err *e)
{
    if (im->n_users == 0)
        FAIL(e, ERR_ARG, "%s: nothing to import: no person with a record", im->o->file[0].path);
    im->report->users = im->n_users;
    qsort(im->users, im->n_users, sizeof *im->users, write_user_cmp);
    TRY(write_path(&im->tmp, im->o->out, "dataset", ".json", e));
    unlink(im->tmp.s);
    TRY(write_records(im, e));
    TRY(write_people(im, e));
    TRY(write_task_file(im, e));
    TRY(write_json(im, e));
    log_say(LOG_INFO, "%zu people, %zu history, %zu query and %zu held-out records", im->n_users,
            im->report->records[0], im->report->records[1], im->report->records[2]);
    return OK;
}
