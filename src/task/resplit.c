/* resplit.c - another split of a dataset. A record may be in several tasks; an item stands for it in all of
 * them. */
#include "data_priv.h"
#include "import_priv.h"
#include "make_priv.h"

#include "prime/file.h"
#include "prime/log.h"
#include "prime/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where a record is: in which task, whose, which. */
typedef struct {
    const DataRecord *rec;
    const char *user; /* its id */
    DataSplit split;
    size_t task, item;
} ItemAt;

typedef struct {
    const DataResplitOpt *o;
    Arena arena;
    JsVal *root;
    DataPerson *person;
    size_t n_people;
    DataSet **set; /* [n_tasks] */
    size_t n_tasks;
    ItemAt *at; /* [n] */
    size_t n;
    bool *left_out; /* [items] */
    Make make;
} Resplit;

static Status resplit_check(const DataResplitOpt *o, Err *e)
{
    TRY(make_check_shares(o->history, o->query, e));
    if (strcmp(o->dir, o->out) == 0) FAIL(e, ERR_ARG, "%s: want another folder to write to", o->dir);
    return OK;
}

static Status resplit_load(Resplit *r, Err *e)
{
    char *path = NULL;
    TRY(data_path(&path, &r->arena, r->o->dir, "canaries", ".csv", e));
    if (file_exists(path))
        FAIL(e, ERR_UNSUP, "%s: canaries are planted in the history, which must stay as it is", path);
    TRY(data_head(&r->root, r->o->dir, e));
    TRY(data_people(&r->person, &r->n_people, r->o->dir, &r->arena, e));
    const JsVal *tasks = js_get(r->root, "tasks");
    r->set = arena_zalloc(&r->arena, js_len(tasks), sizeof *r->set);
    if (r->set == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu tasks", js_len(tasks));
    for (size_t t = 0; t < js_len(tasks); t++) {
        const char *name = NULL;
        TRY(js_need_str(&name, js_at(tasks, t), "name", r->o->dir, e));
        TRY(data_load(&r->set[t], r->o->dir, name, e));
        r->n_tasks++;
    }
    return OK;
}

static int resplit_at_cmp(const void *a, const void *b)
{
    const ItemAt *x = a, *y = b;
    int c = strcmp(x->user, y->user);
    if (c == 0) c = strcmp(x->rec->id, y->rec->id);
    return c != 0 ? c : (x->task > y->task) - (x->task < y->task);
}

/* Every record of every task, by person and id. */
static Status resplit_records(Resplit *r, Err *e)
{
    size_t all = 0;
    for (size_t t = 0; t < r->n_tasks; t++)
        for (size_t u = 0; u < r->set[t]->n_users; u++)
            for (DataSplit s = 0; s < DATA_SPLITS; s++) all += r->set[t]->user[u].n[s];
    r->at = arena_alloc(&r->arena, all, sizeof *r->at);
    r->make.item = arena_zalloc(&r->arena, all, sizeof *r->make.item);
    r->left_out = arena_zalloc(&r->arena, all, sizeof *r->left_out);
    if (r->at == NULL || r->make.item == NULL || r->left_out == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu records", all);
    for (size_t t = 0; t < r->n_tasks; t++)
        for (size_t u = 0; u < r->set[t]->n_users; u++) {
            const DataUser *x = &r->set[t]->user[u];
            for (DataSplit s = 0; s < DATA_SPLITS; s++)
                for (size_t i = 0; i < x->n[s]; i++) r->at[r->n++] = (ItemAt){&x->rec[s][i], x->id, s, t, 0};
        }
    if (r->n > 0) qsort(r->at, r->n, sizeof *r->at, resplit_at_cmp);
    return OK;
}

static bool resplit_same_item(const ItemAt *a, const ItemAt *b)
{
    return strcmp(a->user, b->user) == 0 && strcmp(a->rec->id, b->rec->id) == 0;
}

static Status resplit_people(Resplit *r, Err *e)
{
    Make *m = &r->make;
    m->user = arena_zalloc(&r->arena, r->n_people, sizeof *m->user);
    if (m->user == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu users", r->n_people);
    m->n_users = r->n_people;
    for (size_t u = 0; u < r->n_people; u++) {
        if (strlen(r->person[u].id) >= DATA_ID)
            FAIL(e, ERR_FORMAT, "%s: user %s, want an id of %d characters", r->o->dir, r->person[u].id,
                 DATA_ID - 1);
        strcpy(m->user[u].id, r->person[u].id);
        m->user[u].role = r->person[u].role;
    }
    for (size_t i = 0; i < r->n; i++) {
        if (i == 0 || !resplit_same_item(&r->at[i - 1], &r->at[i])) {
            MakeItem *item = &m->item[m->n_items++];
            if (strlen(r->at[i].rec->id) >= DATA_ID)
                FAIL(e, ERR_FORMAT, "%s: record %s, want an id of %d characters", r->o->dir, r->at[i].rec->id,
                     DATA_ID - 1);
            strcpy(item->id, r->at[i].rec->id);
            item->user = (size_t)(data_person_find(r->person, r->n_people, r->at[i].user) - r->person);
        }
        r->at[i].item = m->n_items - 1;
    }
    return OK;
}

/* ---- one person ---- */

/* The part of a person that user splits give it. */
static DataSplit resplit_of_user(const Resplit *r, size_t place)
{
    size_t n = r->n_people, h = (size_t)lround((double)n * r->o->history),
           q = (size_t)lround((double)n * r->o->query);
    return place < h ? DATA_HISTORY : place < h + q ? DATA_QUERY : DATA_HELDOUT;
}

/* One record for the dealer; own: queries of the task have a form of their own. */
static Status resplit_rec(ImportRec *rec, const Resplit *r, const ItemAt *at, bool own, DataSplit of_user,
                          Err *e)
{
    const char *input = at->rec->input;
    for (size_t k = at->rec->task->text_field; k > 1; k--) input += strcspn(input, "\t") + 1;
    Span text = {input, strcspn(input, "\t")};
    if (at->rec->task->text_field == 0) text = text_span(at->rec->output);
    *rec = (ImportRec){.id = at->rec->id, .input = "", .output = "", .when = at->rec->time, .split = -1};
    text_prints(&rec->all, &rec->head, text);
    if (r->o->by == RESPLIT_TIME && rec->when == NULL)
        FAIL(e, ERR_ARG, "%s: record %s has no time to split by", r->o->dir, rec->id);
    if (r->o->by == RESPLIT_USER) rec->split = (int)of_user;
    if (own && r->o->by == RESPLIT_USER && of_user == DATA_QUERY) rec->split = DATA_HISTORY;
    if (own && at->split == DATA_QUERY) rec->split = DATA_QUERY;
    return OK;
}

/* The items at [n], which are one person's, that are of one kind. */
static Status resplit_kind(Resplit *r, Import *im, const ItemAt *at, size_t n, bool own, DataSplit of_user,
                           Err *e)
{
    double h = r->o->history, q = r->o->query;
    ImportRec rec;
    im->n = 0;
    im->share[0] = own ? h / (1 - q) : h;
    im->share[1] = own ? 0 : q;
    for (size_t i = 0; i < n; i++) {
        bool first = i == 0 || at[i].item != at[i - 1].item;
        bool is_own = task_history(r->set[at[i].task]->task) != r->set[at[i].task]->task;
        if (!first || is_own != own) continue;
        TRY(resplit_rec(&rec, r, &at[i], own, of_user, e));
        rec.group = at[i].item;
        TRY(import_add(im, &rec, e));
    }
    size_t *item = arena_alloc(&im->user_arena, im->n, sizeof *item);
    if (item == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", im->n);
    for (size_t i = 0; i < im->n; i++) item[i] = im->rec[i].group;
    TRY(import_split(im, at[0].user, e));
    for (size_t i = 0; i < im->n; i++) {
        r->left_out[item[i]] = im->rec[i].out;
        r->make.item[item[i]].split = (DataSplit)im->rec[i].split;
        if (!im->rec[i].out) r->make.user[r->make.item[item[i]].user].n[im->rec[i].split]++;
    }
    return OK;
}

static Status resplit_deal(Resplit *r, Import *im, Err *e)
{
    size_t *place = arena_alloc(&r->arena, r->n_people, sizeof *place);
    size_t *order = arena_alloc(&r->arena, r->n_people, sizeof *order);
    if (place == NULL || order == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu users", r->n_people);
    Rng rng = rng_stream(r->o->seed, "resplit_users", 0);
    for (size_t i = 0; i < r->n_people; i++) order[i] = i;
    rng_shuffle(&rng, order, r->n_people);
    for (size_t i = 0; i < r->n_people; i++) place[order[i]] = i;
    for (size_t i = 0, k; i < r->n; i = k) {
        for (k = i + 1; k < r->n && strcmp(r->at[k].user, r->at[i].user) == 0;) k++;
        DataSplit of_user = resplit_of_user(r, place[r->make.item[r->at[i].item].user]);
        for (int own = 0; own < 2; own++) {
            arena_reset(&im->user_arena);
            TRY(resplit_kind(r, im, r->at + i, k - i, own, of_user, e));
        }
    }
    return OK;
}

/* ---- the files ---- */

static Status resplit_tasks(Resplit *r, Err *e)
{
    Make *m = &r->make;
    m->task = arena_zalloc(&r->arena, r->n_tasks, sizeof *m->task);
    if (m->task == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu tasks", r->n_tasks);
    m->n_tasks = r->n_tasks;
    for (size_t t = 0; t < r->n_tasks; t++) {
        MakeTask *to = &m->task[t];
        size_t n = 0;
        for (size_t i = 0; i < r->n; i++) n += r->at[i].task == t;
        *to = (MakeTask){r->set[t]->task, r->set[t]->label, r->set[t]->n_labels,
                         arena_alloc(&r->arena, n, sizeof(MakeRow)), 0};
        if (to->row == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", n);
        for (size_t i = 0; i < r->n; i++) {
            const ItemAt *x = &r->at[i];
            if (x->task != t || r->left_out[x->item]) continue;
            to->row[to->n++] = (MakeRow){x->item, x->rec->input, x->rec->output, x->rec->time};
        }
    }
    return OK;
}

static Status resplit_copy_file(const Resplit *r, const char *name, const char *ext, Err *e)
{
    Arena a = {0};
    char *from = NULL, *to = NULL, *text = NULL;
    size_t n = 0;
    Status s = data_path(&from, &a, r->o->dir, name, ext, e);
    if (s == OK) s = data_path(&to, &a, r->o->out, name, ext, e);
    bool there = s == OK && file_exists(from);
    if (there) s = file_read(&text, &n, from, e);
    if (there && s == OK) s = file_write(to, text, n, e);
    free(text);
    arena_free(&a);
    return s;
}

static Status resplit_copy_json(JsVal **out, const JsVal *v, Err *e)
{
    Str text = {0};
    *out = NULL;
    if (v == NULL) return OK;
    Status s = js_dump(&text, v, 0, e);
    if (s == OK) s = js_parse(out, text.s, text.n, "dataset.json", e);
    str_free(&text);
    return s;
}

static Status resplit_write(Resplit *r, Err *e)
{
    static const char *const by[] = {"random", "time", "user"};
    Make *m = &r->make;
    const DataSet *any = r->set[0];
    m->source = any->source;
    m->salt_id = any->salt_id;
    m->release = any->release;
    m->seed = r->o->seed;
    TRY(resplit_tasks(r, e));
    TRY(resplit_copy_json(&m->inputs, js_get(r->root, "inputs"), e));
    TRY(resplit_copy_json(&m->counts, js_get(r->root, "counts"), e));
    m->splits = js_new_obj();
    js_set(m->splits, "by", js_new_str(by[r->o->by]));
    js_set(m->splits, "history", js_new_num(r->o->history));
    js_set(m->splits, "query", js_new_num(r->o->query));
    TRY(file_mkdir(r->o->out, e));
    for (size_t t = 0; t < r->n_tasks; t++) TRY(resplit_copy_file(r, r->set[t]->task->name, ".task.yaml", e));
    TRY(make_write(m, r->o->out, e));
    TRY(resplit_copy_file(r, "profiles", ".jsonl", e));
    return resplit_copy_file(r, "parts", ".csv", e);
}

/* Run the checks on what was written, and write down what they found. */
static Status resplit_verify(const Resplit *r, Err *e)
{
    Arena a = {0};
    DataInfo info = {0};
    JsVal *root = NULL, *checks = js_new_obj();
    char *path = NULL;
    size_t bad = 0;
    Status s = data_info(&info, r->o->out, &a, e);
    for (size_t i = 0; s == OK && i < info.n; i++) {
        const DataFact *f = &info.fact[i];
        if (strcmp(f->what, "check") != 0) continue;
        js_set(checks, f->name, js_new_num(f->value));
        bad += strstr(f->name, "_split") != NULL && f->value > 0;
    }
    if (s == OK) s = data_path(&path, &a, r->o->out, "dataset", ".json", e);
    if (s == OK) s = js_load(&root, path, e);
    if (s == OK) {
        js_set(root, "checks", checks);
        checks = NULL;
        s = js_save(path, root, e);
    }
    js_close(root);
    js_close(checks);
    arena_free(&a);
    if (s == OK && bad > 0)
        FAIL(e, ERR_FORMAT, "%s: %zu checks of the splits found something; see 'checks' in dataset.json",
             r->o->out, bad);
    return s;
}

static Status resplit_steps(Resplit *r, Import *im, Err *e)
{
    TRY(resplit_load(r, e));
    TRY(resplit_records(r, e));
    TRY(resplit_people(r, e));
    if (r->n_tasks == 0 || r->n == 0) FAIL(e, ERR_ARG, "%s: no records to split", r->o->dir);
    TRY(resplit_deal(r, im, e));
    TRY(resplit_write(r, e));
    size_t out = 0;
    for (size_t i = 0; i < r->make.n_items; i++) out += r->left_out[i];
    if (out > 0)
        log_say(LOG_WARN, "%zu of %zu records are left out: they begin like one of another split", out,
                r->make.n_items);
    return resplit_verify(r, e);
}

Status data_resplit(const DataResplitOpt *o, Err *e)
{
    TRY(resplit_check(o, e));
    ImportReport report = {0};
    DataImportOpt io = {.seed = o->seed, .by_time = o->by == RESPLIT_TIME, .keep_shared = true};
    Import im = {.o = &io, .report = &report};
    Resplit r = {.o = o};
    Status s = resplit_steps(&r, &im, e);
    js_close(r.make.inputs);
    js_close(r.make.counts);
    js_close(r.make.splits);
    js_close(r.root);
    for (size_t t = 0; t < r.n_tasks; t++) data_free(r.set[t]);
    free(im.rec);
    str_free(&im.tmp);
    str_free(&im.text);
    arena_free(&im.user_arena);
    arena_free(&r.arena);
    return s;
}
