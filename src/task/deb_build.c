/* deb_build.c - the whole way from package lists to a dataset. */
#include "deb_priv.h"

#include "prime/file.h"
#include "prime/log.h"

#include <stdlib.h>
#include <string.h>

enum { T_SYNOPSIS, T_SECTION, T_DEPENDS, DEB_TASKS, SECTION_LABELS = 15 };

/* Sections that say what kind of package it is, not what it is about or written in: a description cannot be
 * told from its neighbours by them. The labels are the most frequent of the others. */
static const char *const kinds[] = {
    "libs",         "libdevel",      "doc",          "debug", "oldlibs",         "misc",
    "metapackages", "introspection", "localization", "tasks", "debian-installer"};

typedef struct {
    Arena arena;
    Lists lists;
    DebIndex index;
    DebRecs recs;
    DebPeople people;
    size_t *item; /* [recs.n] number among the kept records */
    const char *label[SECTION_LABELS];
    size_t n_labels;
    MakeTask task[DEB_TASKS];
    Make make;
} Build;

static bool deb_is_kind(Span section)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strlen(kinds[i]) == section.n && memcmp(kinds[i], section.s, section.n) == 0) return true;
    return false;
}

typedef struct {
    Span name;
    size_t n;
} Section;

static int deb_span_cmp(const void *a, const void *b)
{
    return text_cmp(*(const Span *)a, *(const Span *)b);
}

static int deb_section_cmp(const void *a, const void *b)
{
    const Section *x = a, *y = b;
    if (x->n != y->n) return x->n < y->n ? 1 : -1;
    return text_cmp(x->name, y->name);
}

/* The most frequent sections of kept records, most frequent first. */
static Status deb_labels(Build *b, Err *e)
{
    Span *all = arena_alloc(&b->arena, b->recs.n, sizeof *all);
    Section *sec = arena_alloc(&b->arena, b->recs.n, sizeof *sec);
    if (all == NULL || sec == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu sections", b->recs.n);
    size_t n = 0, k = 0;
    for (size_t i = 0; i < b->recs.n; i++) {
        Span s = b->recs.rec[i].pkg->section;
        if (!b->recs.rec[i].dropped && s.n > 0 && !deb_is_kind(s)) all[n++] = s;
    }
    qsort(all, n, sizeof *all, deb_span_cmp);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || text_cmp(all[i - 1], all[i]) != 0) sec[k++] = (Section){all[i], 0};
        sec[k - 1].n++;
    }
    qsort(sec, k, sizeof *sec, deb_section_cmp);
    for (b->n_labels = 0; b->n_labels < SECTION_LABELS && b->n_labels < k; b->n_labels++) {
        Span s = sec[b->n_labels].name;
        b->label[b->n_labels] = arena_strndup(&b->arena, s.s, s.n);
        if (b->label[b->n_labels] == NULL) FAIL(e, ERR_NOMEM, "no memory for labels");
    }
    return OK;
}

static const char *deb_label(const Build *b, Span section)
{
    for (size_t i = 0; i < b->n_labels; i++)
        if (strlen(b->label[i]) == section.n && memcmp(b->label[i], section.s, section.n) == 0)
            return b->label[i];
    return NULL;
}

static void deb_push(MakeTask *t, size_t item, const char *input, const char *output)
{
    t->row[t->n++] = (MakeRow){item, input, output, NULL};
}

/* The four fields of a deb_depends input. */
static const char *deb_ask_input(Build *b, Str *tmp, const DebRec *r, const DebAsk *ask)
{
    str_clear(tmp);
    str_put(tmp, r->pkg->name.s, r->pkg->name.n);
    str_printf(tmp, "\t%s", r->text);
    for (size_t i = 0; i < 2; i++) {
        str_put(tmp, "\t", 1);
        str_put(tmp, ask->choice[i].s, ask->choice[i].n);
    }
    return tmp->failed ? NULL : arena_strndup(&b->arena, tmp->s, tmp->n);
}

static Status deb_rows(Build *b, const DebAsk *ask, Str *tmp, Err *e)
{
    static const char *const choices[] = {"[1]", "[2]"};
    static const char *const names[] = {"deb_synopsis", "deb_section", "deb_depends"};
    for (size_t t = 0; t < DEB_TASKS; t++) {
        b->task[t] = (MakeTask){.task = task_find(names[t])};
        b->task[t].row = arena_alloc(&b->arena, b->make.n_items, sizeof(MakeRow));
        if (b->task[t].row == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", b->make.n_items);
    }
    b->task[T_SECTION].label = b->label;
    b->task[T_SECTION].n_labels = b->n_labels;
    b->task[T_DEPENDS].label = choices;
    b->task[T_DEPENDS].n_labels = 2;
    for (size_t i = 0; i < b->recs.n; i++) {
        const DebRec *r = &b->recs.rec[i];
        if (r->dropped) continue;
        const char *label = deb_label(b, r->pkg->section);
        deb_push(&b->task[T_SYNOPSIS], b->item[i], r->text, r->synopsis);
        if (label != NULL) deb_push(&b->task[T_SECTION], b->item[i], r->text, label);
        if (!ask[i].there) continue;
        const char *input = deb_ask_input(b, tmp, r, &ask[i]);
        if (input == NULL) FAIL(e, ERR_NOMEM, "no memory for questions");
        deb_push(&b->task[T_DEPENDS], b->item[i], input, choices[ask[i].right]);
    }
    return OK;
}

static Status deb_tasks(Build *b, uint64_t seed, Err *e)
{
    DebAsk *ask = arena_alloc(&b->arena, b->recs.n, sizeof *ask);
    if (ask == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu questions", b->recs.n);
    TRY(deb_labels(b, e));
    TRY(deb_depends(ask, &b->recs, &b->index, seed, e));
    Str tmp = {0};
    Status s = deb_rows(b, ask, &tmp, e);
    str_free(&tmp);
    b->make.task = b->task;
    b->make.n_tasks = DEB_TASKS;
    return s;
}

/* Users without a record are left out. */
static Status deb_items(Build *b, Err *e)
{
    size_t n = b->recs.n, *slot = arena_alloc(&b->arena, b->people.n, sizeof *slot);
    b->make.user = arena_zalloc(&b->arena, b->people.n, sizeof(MakeUser));
    b->make.item = arena_zalloc(&b->arena, n, sizeof(MakeItem));
    b->item = arena_zalloc(&b->arena, n, sizeof *b->item);
    if (slot == NULL || b->make.user == NULL || b->make.item == NULL || b->item == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu records", n);
    for (size_t i = 0; i < b->people.n; i++) {
        const DebUser *u = &b->people.user[i];
        slot[i] = b->make.n_users;
        if (u->n == 0) continue;
        MakeUser *to = &b->make.user[b->make.n_users++];
        to->role = u->role;
        memcpy(to->id, u->id, sizeof to->id);
    }
    for (size_t i = 0; i < n; i++) {
        const DebRec *r = &b->recs.rec[i];
        if (r->dropped) continue;
        b->item[i] = b->make.n_items;
        MakeItem *to = &b->make.item[b->make.n_items++];
        to->user = slot[r->user];
        memcpy(to->id, r->id, sizeof to->id);
    }
    return OK;
}

static size_t deb_words(const Build *b, DataRole role)
{
    size_t n = 0;
    for (size_t i = 0; i < b->recs.n; i++) {
        const DebRec *r = &b->recs.rec[i];
        if (!r->dropped && b->people.user[r->user].role == role) n += text_words(text_span(r->text));
    }
    return n;
}

static void deb_describe(Build *b)
{
    size_t audit = 0, team = 0;
    for (size_t i = 0; i < b->people.n; i++) {
        audit += b->people.user[i].n > 0 && b->people.user[i].role == DATA_AUDIT;
        team += b->people.user[i].n > 0 && b->people.user[i].team;
    }
    const struct {
        const char *name;
        size_t n;
    } count[] = {{"packages", b->index.n},
                 {"sources", b->recs.n},
                 {"records", b->make.n_items},
                 {"addresses", b->people.n_addresses},
                 {"users", b->make.n_users},
                 {"team_users", team},
                 {"audit_users", audit},
                 {"base_words", deb_words(b, DATA_BASE)},
                 {"audit_words", deb_words(b, DATA_AUDIT)}};
    b->make.counts = js_new_obj();
    b->make.inputs = js_new_arr();
    b->make.release = b->lists.release;
    for (size_t i = 0; i < sizeof count / sizeof count[0]; i++)
        js_set(b->make.counts, count[i].name, js_new_int((int64_t)count[i].n));
    for (size_t i = 0; i < b->lists.n; i++) {
        JsVal *o = js_new_obj();
        js_set(o, "name", js_new_str(b->lists.file[i].name));
        js_set(o, "sha256", js_new_str(b->lists.file[i].sha256));
        js_push(b->make.inputs, o);
    }
    log_say(LOG_INFO, "%zu packages, %zu sources, %zu records of %zu users (%zu for audits)", b->index.n,
            b->recs.n, b->make.n_items, b->make.n_users, audit);
}

static Status deb_build(Build *b, const DataDebianOpt *o, Err *e)
{
    TRY(deb_parse(&b->index, &b->lists, e));
    TRY(deb_collect(&b->recs, &b->index, &b->arena, e));
    TRY(deb_select(&b->people, &b->recs, o, &b->arena, e));
    b->make = (Make){.source = "debian", .salt = o->salt, .seed = o->seed};
    TRY(deb_items(b, e));
    TRY(make_split(&b->make, o->history, o->query, e));
    TRY(deb_tasks(b, o->seed, e));
    deb_describe(b);
    return make_write(&b->make, o->out, e);
}

/* said: what apt complained about while it filled the folder of lists. */
static Status deb_run(const DataDebianOpt *o, const char *lists, const char *said, Err *e)
{
    Build b = {0};
    Status s = lists_open(&b.lists, lists, o->suite, e);
    if (s != OK && said[0] != '\0') err_prefix(e, "apt-get update said '%s'", said);
    if (s == OK) s = deb_build(&b, o, e);
    deb_free(&b.index);
    lists_close(&b.lists);
    arena_free(&b.arena);
    return s;
}

Status data_debian(const DataDebianOpt *o, Err *e)
{
    TRY(make_check_shares(o->history, o->query, e));
    if (o->min_records < 4) FAIL(e, ERR_ARG, "min-records = %zu, want at least 4", o->min_records);
    if (o->lists != NULL) return deb_run(o, o->lists, "", e);
    char said[LISTS_SAID], *dir = file_join(o->out, "lists");
    if (dir == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for its name", o->out);
    Status s = lists_claim(dir, e);
    if (s != OK) {
        free(dir);
        return s;
    }
    s = lists_fetch(said, dir, e);
    if (s == OK) s = deb_run(o, dir, said, e);
    if (!o->keep_lists) file_remove_tree(dir);
    free(dir);
    return s;
}
