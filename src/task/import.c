/* import.c - the formats that are read, one person after the other, and what is counted on the way. */
#include "import_priv.h"

#include "make_priv.h"

#include "prime/file.h"
#include "prime/log.h"
#include "prime/par.h"
#include "prime/rng.h"

#include <stdlib.h>
#include <string.h>

enum { ODD_SHOWN = 3 }; /* of a kind, in messages */

static const struct {
    const char *name, *what;
} odds[N_ODDS] = {
    [ODD_FRAME] = {"frame_unknown", "a question that is not in LaMP's words: all of it is kept as its text"},
    [ODD_ABSTRACT] = {"abstract_as_reference", "a paper without what it cites: its abstract stands in"},
    [ODD_FIELD] = {"field_missing", "a record that lacks a field"},
    [ODD_TYPE] = {"field_type", "a field that is neither text nor number"},
    [ODD_EMPTY] = {"text_empty", "a record whose text or answer is empty"},
    [ODD_LABEL] = {"label_unknown", "an answer that is none of the task's labels"},
    [ODD_NO_GOLD] = {"gold_missing", "a question without gold"},
    [ODD_NO_QUESTION] = {"question_missing", "a gold without question"},
    [ODD_USER_TWICE] = {"person_twice", "a person or question whose id was there before"},
    [ODD_ITEM_TWICE] = {"record_twice", "a record whose id the person has already"},
    [ODD_TEXT_TWICE] = {"text_twice", "a text that the person has already"},
    [ODD_SHARED] = {"text_shared", "a text that an earlier person has"},
    [ODD_STRADDLES] = {"text_straddles", "a text that begins like one of another split"},
    [ODD_NO_PROFILE] = {"profile_empty", "a person without items"},
    [ODD_NO_RECORD] = {"person_empty", "a person of whom no record is left"},
    [ODD_LINE] = {"line_malformed", "a line that is no record"},
    [ODD_SPLIT] = {"split_unknown", "a split that is not history, query or heldout"},
    [ODD_PROFILE] = {"description_unused", "a text that describes nobody of the data"},
};
_Static_assert((int)N_ODDS <= (int)IMPORT_ODDS, "room in the report");

void import_odd(Import *im, ImportOddKind kind)
{
    ImportOdd *o = &im->report->odd[kind];
    char where[sizeof o->first];
    const char *path = im->file != NULL ? im->file->path : im->o->profiles != NULL ? im->o->profiles : "";
    const char *slash = strrchr(path, '/');
    int n = snprintf(where, sizeof where, "%.60s:%zu", slash != NULL ? slash + 1 : path, im->line);
    if (im->person > 0) snprintf(where + n, sizeof where - (size_t)n, ": person %zu", im->person);
    if (o->n++ == 0) memcpy(o->first, where, sizeof where);
    if (o->n <= ODD_SHOWN) log_say(LOG_WARN, "%s: %s", where, o->what);
}

Status import_objects(Import *im, JsPull *p, Status (*one)(void *ctx, Err *e), void *ctx, Err *e)
{
    for (JsEvent ev;;) {
        TRY(js_pull_next(&ev, p, e));
        if (ev == PULL_ARR_END) return OK;
        im->line = js_pull_line(p);
        if (ev == PULL_OBJ) {
            TRY(one(ctx, e));
        } else {
            import_odd(im, ODD_TYPE);
            TRY(js_pull_skip(p, ev, e));
        }
    }
}

/* ---- a person ---- */

void import_begin(Import *im, const ImportFile *file)
{
    arena_reset(&im->user_arena);
    im->n = 0;
    im->user = NULL;
    im->file = file;
    im->person++;
}

Status import_add(Import *im, const ImportRec *r, Err *e)
{
    if (im->n == im->cap) {
        size_t cap = im->cap * 2 + 256;
        ImportRec *rec = realloc(im->rec, cap * sizeof *rec);
        if (rec == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", cap);
        im->rec = rec;
        im->cap = cap;
    }
    ImportRec *to = &im->rec[im->n];
    *to = *r;
    to->order = im->n++;
    if (to->when == NULL) to->when = "";
    if (to->id == NULL) { /* no id: its place among the person's records */
        str_clear(&im->tmp);
        str_printf(&im->tmp, "#%zu", to->order);
        to->id = im->tmp.failed ? NULL : arena_strndup(&im->user_arena, im->tmp.s, im->tmp.n);
    }
    if (to->id == NULL || to->input == NULL || to->output == NULL)
        FAIL(e, ERR_NOMEM, "no memory for a record");
    return OK;
}

static bool import_label_known(const char *const *label, size_t n, const char *s)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(label[i], s) == 0) return true;
    return false;
}

enum { MAX_LABELS = 1000 };

/* A label of the task; where the data says which there are, every answer is one. */
static Status import_label(bool *fine, Import *im, const Task *form, ImportRec *r, Err *e)
{
    size_t n = 0;
    const char *const *label = task_labels(im->task, &n);
    *fine = true;
    if (!form->labelled) return OK;
    if (n > 0) {
        char *end = NULL;
        double x = strtod(r->output, &end);
        str_clear(&im->tmp);
        if (end != r->output && *end == '\0') str_printf(&im->tmp, "%.0f", x); /* 5.0 is the label 5 */
        *fine = import_label_known(label, n, r->output);
        if (!*fine && im->tmp.n > 0 && x == strtod(im->tmp.s, NULL) &&
            import_label_known(label, n, im->tmp.s)) {
            r->output = arena_strndup(&im->user_arena, im->tmp.s, im->tmp.n);
            *fine = true;
        }
        if (im->tmp.failed || r->output == NULL) FAIL(e, ERR_NOMEM, "no memory for a label");
        return OK;
    }
    if (import_label_known(im->label, im->n_labels, r->output)) return OK;
    if (im->n_labels == MAX_LABELS)
        FAIL(e, ERR_FORMAT, "more than %d different answers: %s wants labels", MAX_LABELS, im->task->name);
    if (im->label == NULL) im->label = arena_alloc(&im->arena, MAX_LABELS, sizeof *im->label);
    const char *copy = arena_strdup(&im->arena, r->output);
    if (im->label == NULL || copy == NULL) FAIL(e, ERR_NOMEM, "no memory for labels");
    im->label[im->n_labels++] = copy;
    return OK;
}

/* The text of a record that is its person's own. */
static Span import_own_text(const Task *form, const ImportRec *r)
{
    const char *s = r->input;
    if (form->text_field == 0) return text_span(r->output);
    for (size_t k = form->text_field; k > 1; k--) s += strcspn(s, "\t") + 1;
    return (Span){s, strcspn(s, "\t")};
}

/* Is a record what the task wants? Fields have been counted by the reader. */
static Status import_check(Import *im, ImportRec *r, Err *e)
{
    const Task *form = r->split == DATA_QUERY ? im->task : task_history(im->task);
    bool fine = false;
    Span own = import_own_text(form, r);
    if (own.n == 0 || *r->output == '\0') {
        r->out = true;
        import_odd(im, ODD_EMPTY);
        return OK;
    }
    TRY(import_label(&fine, im, form, r, e));
    if (!fine) {
        r->out = true;
        import_odd(im, ODD_LABEL);
    }
    text_prints(&r->all, &r->head, own);
    return OK;
}

/* Base or audit: what the file says, or a draw that depends on the person's id alone. */
static DataRole import_role(const Import *im, const char *id)
{
    if (!im->file->share) return im->file->role;
    Rng r = rng_stream(im->o->seed, "import_role", text_hash(id, strlen(id)));
    return rng_uniform(&r) < im->o->base ? DATA_BASE : DATA_AUDIT;
}

static int import_profile_cmp(const void *key, const void *b)
{
    return strcmp(key, ((const ImportProfile *)b)->id);
}

static Status import_user_new(ImportUser **out, Import *im, const char *id, Err *e)
{
    if (im->n_users == im->cap_users) {
        size_t cap = im->cap_users * 2 + 1024;
        ImportUser *u = realloc(im->users, cap * sizeof *u);
        if (u == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu people", cap);
        im->users = u;
        im->cap_users = cap;
    }
    ImportUser *u = &im->users[im->n_users];
    ImportProfile *p = im->n_profiles == 0 ? NULL
                                           : bsearch(im->user, im->profile, im->n_profiles,
                                                     sizeof *im->profile, import_profile_cmp);
    *u = (ImportUser){.role = import_role(im, id), .part = im->file->part, .at = im->spilled};
    memcpy(u->id, id, DATA_ID);
    if (p != NULL) {
        p->used = true;
        u->profile = p->text;
    }
    *out = u;
    return OK;
}

/* Texts of people that stay are what later people must not have. */
static Status import_remember(Import *im, Err *e)
{
    bool fresh = false;
    for (size_t i = 0; i < im->n; i++) {
        ImportRec *r = &im->rec[i];
        if (r->out) continue;
        TRY(hash_set_add(&fresh, &im->texts, r->all, e));
        str_clear(&im->tmp);
        str_printf(&im->tmp, "%s %s/%s", im->task->name, im->user, r->id);
        if (im->tmp.failed) FAIL(e, ERR_NOMEM, "no memory for an id");
        make_id(r->hash, 'r', im->o->salt, im->tmp.s);
        TRY(hash_set_add(&fresh, &im->ids, strtoull(r->hash + 1, NULL, 16), e));
        if (!fresh) FAIL(e, ERR_NUM, "two records have the id %s: choose another salt", r->hash);
    }
    return OK;
}

static Status import_end_person(Import *im, const char *id, Err *e)
{
    ImportUser *u = NULL;
    TRY(import_user_new(&u, im, id, e));
    for (size_t i = 0; i < im->n; i++) TRY(import_check(im, &im->rec[i], e));
    if (im->o->map == NULL) {
        im->share[0] = u->role == DATA_BASE ? 1 : 1 - im->o->heldout;
        im->share[1] = 0;
    }
    TRY(import_split(im, id, e));
    TRY(import_remember(im, e));
    TRY(import_write_user(im, u, e));
    if (u->n[0] + u->n[1] + u->n[2] == 0)
        import_odd(im, ODD_NO_RECORD);
    else
        im->n_users++;
    return OK;
}

Status import_end(Import *im, Err *e)
{
    char id[DATA_ID];
    bool fresh = false;
    if (im->user == NULL) {
        import_odd(im, ODD_FIELD);
        return OK;
    }
    str_clear(&im->tmp);
    str_printf(&im->tmp, "%s %s", im->task->name, im->user);
    if (im->tmp.failed) FAIL(e, ERR_NOMEM, "no memory for an id");
    make_id(id, 'u', im->o->salt, im->tmp.s);
    TRY(hash_set_add(&fresh, &im->names, strtoull(id + 1, NULL, 16), e));
    if (!fresh) {
        import_odd(im, ODD_USER_TWICE);
        return OK;
    }
    return import_end_person(im, id, e);
}

/* ---- the whole ---- */

static const struct {
    const char *name;
    Status (*task)(Import *im, Err *e); /* finds im->task when none is named; NULL: one must be */
    Status (*read)(Import *im, Err *e);
    bool map;
} formats[] = {
    {"lamp", import_lamp_task, import_lamp, false},
    {"perpcs", NULL, import_lamp, false},
    {"jsonl", NULL, import_rows, true},
    {"csv", NULL, import_rows, true},
};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

static Status import_check_options(size_t *format, const DataImportOpt *o, Err *e)
{
    for (*format = 0; *format < N_FORMATS && strcmp(formats[*format].name, o->format) != 0;) ++*format;
    if (*format == N_FORMATS) FAIL(e, ERR_ARG, "format = %s, want lamp, perpcs, jsonl or csv", o->format);
    if (o->n_files == 0) FAIL(e, ERR_ARG, "no file to import");
    if (formats[*format].map && o->map == NULL) FAIL(e, ERR_ARG, "format %s wants a map", o->format);
    if (!formats[*format].map && o->map != NULL) FAIL(e, ERR_ARG, "format %s takes no map", o->format);
    if (!(o->base >= 0 && o->base < 1)) FAIL(e, ERR_ARG, "base = %g, want a share in [0, 1)", o->base);
    if (!(o->heldout >= 0 && o->heldout < 1))
        FAIL(e, ERR_ARG, "heldout = %g, want a share in [0, 1)", o->heldout);
    return o->map != NULL ? make_check_shares(o->history, o->query, e) : OK;
}

static Status import_find_task(Import *im, size_t format, Err *e)
{
    const DataImportOpt *o = im->o;
    if (o->task_file != NULL) {
        TRY(task_load(&im->task, &im->arena, o->task_file, e));
        if (task_find(im->task->name) != NULL)
            FAIL(e, ERR_ARG, "%s: '%s' is a task of this program; choose another name", o->task_file,
                 im->task->name);
        if (o->task != NULL && strcmp(o->task, im->task->name) != 0)
            FAIL(e, ERR_ARG, "task = %s, but %s is the task %s", o->task, o->task_file, im->task->name);
        return OK;
    }
    if (o->task == NULL && formats[format].task == NULL)
        FAIL(e, ERR_ARG, "format %s wants a task", o->format);
    if (o->task == NULL) return formats[format].task(im, e);
    const char *near = task_nearest(o->task);
    im->task = task_find(o->task);
    if (im->task == NULL)
        FAIL(e, ERR_ARG, "task = %s is not known%s%s", o->task,
             near != NULL ? ", did you mean " : "; see 'prime list task'", near != NULL ? near : "");
    return OK;
}

typedef struct {
    Import *im;
    size_t format;
} ImportJobs;

/* The files are read twice, side by side: for what is in them, and for their hashes. */
static Status import_job(void *ctx, size_t job, size_t thread, Err *e)
{
    ImportJobs *j = ctx;
    (void)thread;
    return job == 0 ? formats[j->format].read(j->im, e) : import_hash(j->im, e);
}

static Status import_steps(Import *im, size_t format, Err *e)
{
    ImportJobs jobs = {im, format};
    TRY(import_find_task(im, format, e));
    TRY(file_mkdir(im->o->out, e));
    TRY(par_run(2, par_threads(), import_job, &jobs, e));
    return import_finish(im, e);
}

static void import_free(Import *im)
{
    if (im->spill != NULL) fclose(im->spill);
    free(im->rec);
    free(im->users);
    free(im->texts.slot);
    free(im->names.slot);
    free(im->ids.slot);
    str_free(&im->text);
    str_free(&im->tmp);
    arena_free(&im->arena);
    arena_free(&im->user_arena);
}

Status data_import(ImportReport *r, const DataImportOpt *o, Err *e)
{
    size_t format = 0;
    TRY(import_check_options(&format, o, e));
    ImportReport report = {.n_odd = N_ODDS};
    for (size_t i = 0; i < N_ODDS; i++)
        report.odd[i] = (ImportOdd){.name = odds[i].name, .what = odds[i].what};
    Import im = {.o = o, .report = &report, .share = {o->history, o->query}};
    Status s = import_steps(&im, format, e);
    import_free(&im);
    if (s == OK) *r = report;
    return s;
}
