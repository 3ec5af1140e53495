/* synth.c - personas and their records into a dataset, with secrets planted if asked for. */
#include "make_priv.h"
#include "synth_priv.h"
#include "text_priv.h"

#include "prime/log.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ATTEMPTS = 100, MAX_USERS = 100000, MAX_RECORDS = 10000 };

static const SynthTask own_writers[] = {
    {"synth_rating", synth_write_rating, NULL, NULL, synth_stars, SYNTH_TIERS},
    {"synth_tag", synth_write_tag, NULL, NULL, synth_tag, SYNTH_TAGS},
    {"synth_headline", synth_write_headline, NULL, NULL, NULL, 0},
    {"synth_tweet", synth_write_tweet, NULL, NULL, NULL, 0},
};

/* Which tasks, and which of them takes the canaries. */
static const struct {
    const char *name;
    const SynthTask *task;
    size_t n, canaries;
} layouts[] = {
    {"own", own_writers, sizeof own_writers / sizeof own_writers[0], 2},
    {"lamp", synth_lamp, SYNTH_LAMPS, 4},
};
enum { N_LAYOUTS = sizeof layouts / sizeof layouts[0] };

/* The first words of a text. */
typedef struct {
    uint64_t hash;
    size_t item;
} Twin;

typedef struct {
    Arena arena;
    const DataSynthOpt *o;
    Persona *persona;        /* [users] */
    uint32_t *attempt;       /* [items] */
    Twin *twin;              /* [items] */
    const SynthTask *writer; /* [n_tasks] */
    size_t n_tasks, canary_task;
    MakeTask task[SYNTH_MOST];
    Make make;
    Str in, out;
} Synth;

static Status synth_layout(Synth *s, Err *e)
{
    const char *name = s->o->layout != NULL ? s->o->layout : "own";
    for (size_t i = 0; i < N_LAYOUTS; i++) {
        if (strcmp(layouts[i].name, name) != 0) continue;
        s->writer = layouts[i].task;
        s->n_tasks = layouts[i].n;
        s->canary_task = layouts[i].canaries;
        return OK;
    }
    FAIL(e, ERR_ARG, "layout = %s, want own or lamp", name);
}

static Status synth_check(const DataSynthOpt *o, Err *e)
{
    TRY(make_check_shares(o->history, o->query, e));
    if (o->users < 1 || o->users > MAX_USERS)
        FAIL(e, ERR_ARG, "users = %zu, want 1 to %d", o->users, MAX_USERS);
    if (o->records < 4 || o->records > MAX_RECORDS)
        FAIL(e, ERR_ARG, "records = %zu, want 4 to %d", o->records, MAX_RECORDS);
    if (!(o->base >= 0 && o->base < 1)) FAIL(e, ERR_ARG, "base = %g, want a share in [0, 1)", o->base);
    if (o->canaries > o->records)
        FAIL(e, ERR_ARG, "canaries = %zu, want at most %zu, the records", o->canaries, o->records);
    return OK;
}

static Status synth_alloc(Synth *s, Err *e)
{
    size_t users = s->o->users, items = 0, per_task = 0;
    TRY(size_mul(&per_task, users, s->o->records, e));
    TRY(size_mul(&items, per_task, s->n_tasks, e));
    Arena *a = &s->arena;
    s->persona = arena_zalloc(a, users, sizeof *s->persona);
    s->attempt = arena_zalloc(a, items, sizeof *s->attempt);
    s->twin = arena_zalloc(a, items, sizeof *s->twin);
    s->make =
        (Make){.source = "synth", .salt = s->o->salt, .seed = s->o->seed, .n_users = users, .n_items = items};
    s->make.user = arena_zalloc(a, users, sizeof *s->make.user);
    s->make.item = arena_zalloc(a, items, sizeof *s->make.item);
    bool fine = s->persona != NULL && s->attempt != NULL && s->twin != NULL && s->make.user != NULL &&
                s->make.item != NULL;
    for (size_t t = 0; t < s->n_tasks; t++) {
        const Task *task = task_find(s->writer[t].name);
        size_t n_labels = s->writer[t].n_labels;
        const char *const *label = n_labels > 0 ? s->writer[t].label : task_labels(task, &n_labels);
        s->task[t] = (MakeTask){task, label, n_labels, arena_zalloc(a, per_task, sizeof(MakeRow)), per_task};
        fine = fine && s->task[t].row != NULL;
    }
    s->make.task = s->task;
    s->make.n_tasks = s->n_tasks;
    if (!fine) FAIL(e, ERR_NOMEM, "no memory for %zu records", items);
    return OK;
}

/* Base users are the first of a keyed permutation. Item i is record (i / tasks) of its task. */
static Status synth_people(Synth *s, Err *e)
{
    size_t users = s->o->users, *idx = arena_alloc(&s->arena, users, sizeof *idx);
    if (idx == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu users", users);
    char text[80];
    Rng r = rng_stream(s->o->seed, "synth_roles", 0);
    for (size_t i = 0; i < users; i++) idx[i] = i;
    rng_shuffle(&r, idx, users);
    size_t n_base = (size_t)floor((double)users * s->o->base);
    for (size_t i = 0; i < users; i++) {
        Rng own = rng_stream(s->o->seed, "synth_persona", i);
        synth_persona(&s->persona[i], &own);
        own = rng_stream(s->o->seed, "synth_lamp_persona", i);
        synth_persona_lamp(&s->persona[i], &own);
        snprintf(text, sizeof text, "persona %zu of seed %" PRIu64, i, s->o->seed);
        make_id(s->make.user[i].id, 'u', s->o->salt, text);
        s->make.user[idx[i]].role = i < n_base ? DATA_BASE : DATA_AUDIT;
    }
    for (size_t i = 0; i < s->make.n_items; i++) {
        size_t t = i % s->n_tasks, k = i / s->n_tasks;
        s->make.item[i].user = k / s->o->records;
        s->task[t].row[k].item = i;
        snprintf(text, sizeof text, "%s %zu of seed %" PRIu64, s->writer[t].name, k, s->o->seed);
        make_id(s->make.item[i].id, 'r', s->o->salt, text);
    }
    return OK;
}

/* Write item i. Another attempt draws from another stream. */
static Status synth_item(Synth *s, size_t i, Err *e)
{
    size_t t = i % s->n_tasks;
    MakeRow *row = &s->task[t].row[i / s->n_tasks];
    const MakeItem *item = &s->make.item[i];
    bool past = item->split != DATA_QUERY && s->writer[t].write_history != NULL;
    Rng r = rng_stream(s->o->seed, s->writer[t].name, (uint64_t)i * MAX_ATTEMPTS + s->attempt[i]);
    str_clear(&s->in);
    str_clear(&s->out);
    (past ? s->writer[t].write_history : s->writer[t].write)(&s->in, &s->out, &s->persona[item->user], &r);
    if (s->in.s == NULL) str_puts(&s->in, ""); /* a form without fields */
    row->input = s->in.failed ? NULL : arena_strndup(&s->arena, s->in.s, s->in.n);
    row->output = s->out.failed ? NULL : arena_strndup(&s->arena, s->out.s, s->out.n);
    if (row->input == NULL || row->output == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu records", s->make.n_items);
    str_clear(&s->out);
    text_normal(&s->out, text_span(s->in.n > 0 ? s->in.s : row->output), (Span){0}, TEXT_HEAD_WORDS);
    s->twin[i] = (Twin){text_hash(s->out.s, s->out.n), i};
    return OK;
}

static int synth_twin_cmp(const void *a, const void *b)
{
    const Twin *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

/* Write all, then write again what begins like an earlier item, until no two begin alike. */
static Status synth_texts(Synth *s, Err *e)
{
    size_t n = s->make.n_items;
    for (size_t i = 0; i < n; i++) TRY(synth_item(s, i, e));
    for (size_t round = 1; round < MAX_ATTEMPTS; round++) {
        size_t again = 0;
        qsort(s->twin, n, sizeof *s->twin, synth_twin_cmp);
        for (size_t i = 1; i < n; i++)
            if (s->twin[i].hash == s->twin[i - 1].hash) s->attempt[s->twin[i].item]++, again++;
        if (again == 0) return OK;
        for (size_t i = 0; i < n; i++) TRY(synth_item(s, i, e));
    }
    FAIL(e, ERR_NUM, "%zu records are too many for different texts", n);
}

/* What each person's habits are, in words, for each task that has such words. */
static Status synth_profiles(Synth *s, Err *e)
{
    size_t n = 0;
    for (size_t t = 0; t < s->n_tasks; t++) n += s->writer[t].profile != NULL;
    s->make.profile = arena_alloc(&s->arena, n * s->o->users, sizeof *s->make.profile);
    if (s->make.profile == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu profiles", n * s->o->users);
    for (size_t u = 0; u < s->o->users; u++)
        for (size_t t = 0; t < s->n_tasks; t++) {
            if (s->writer[t].profile == NULL) continue;
            str_clear(&s->out);
            s->writer[t].profile(&s->out, &s->persona[u]);
            const char *text = s->out.failed ? NULL : arena_strndup(&s->arena, s->out.s, s->out.n);
            if (text == NULL) FAIL(e, ERR_NOMEM, "no memory for profiles");
            s->make.profile[s->make.n_profiles++] = (MakeProfile){u, s->task[t].task->name, text};
        }
    return OK;
}

/* One user's canaries. row [n] are its headlines in the history. */
static Status synth_plant_user(Synth *s, MakeRow **row, size_t n, size_t user, Err *e)
{
    size_t k = s->o->canaries, *idx = arena_alloc(&s->arena, n + 1, sizeof *idx);
    if (n < k)
        FAIL(e, ERR_ARG, "canaries = %zu, but user %s has %zu headlines in its history", k,
             s->make.user[user].id, n);
    if (idx == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", n);
    Rng r = rng_stream(s->o->seed, "synth_canary", user);
    for (size_t i = 0; i < n; i++) idx[i] = i;
    rng_shuffle(&r, idx, n);
    size_t n_in = (k + rng_below(&r, 2)) / 2; /* of an odd number, the odd one is tossed for */
    for (size_t i = 0; i < k; i++) {
        MakeRow *to = row[idx[i]];
        bool in = i < n_in;
        str_clear(&s->out);
        str_puts(&s->out, "key");
        for (int d = 0; d < 3; d++) str_printf(&s->out, " %04zu", rng_below(&r, 10000));
        const char *text = s->out.failed ? NULL : arena_strndup(&s->arena, s->out.s, s->out.n);
        str_clear(&s->out);
        str_printf(&s->out, "%s %s", to->output, text != NULL ? text : "");
        if (in) to->output = s->out.failed ? NULL : arena_strndup(&s->arena, s->out.s, s->out.n);
        if (text == NULL || to->output == NULL) FAIL(e, ERR_NOMEM, "no memory for canaries");
        s->make.canary[s->make.n_canaries++] = (MakeCanary){to->item, text, in};
    }
    return OK;
}

static Status synth_plant(Synth *s, Err *e)
{
    size_t n_all = 0, per_user = s->o->records;
    if (s->o->canaries == 0) return OK;
    TRY(size_mul(&n_all, s->o->users, s->o->canaries, e));
    s->make.canary = arena_alloc(&s->arena, n_all, sizeof *s->make.canary);
    MakeRow **row = arena_alloc(&s->arena, per_user, sizeof *row);
    if (s->make.canary == NULL || row == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu canaries", n_all);
    for (size_t u = 0; u < s->o->users; u++) {
        size_t n = 0;
        for (size_t i = 0; i < per_user; i++) {
            MakeRow *x = &s->task[s->canary_task].row[u * per_user + i];
            if (s->make.item[x->item].split == DATA_HISTORY) row[n++] = x;
        }
        TRY(synth_plant_user(s, row, n, u, e));
    }
    return OK;
}

static Status synth_build(Synth *s, Err *e)
{
    const DataSynthOpt *o = s->o;
    TRY(synth_layout(s, e));
    TRY(synth_alloc(s, e));
    TRY(synth_people(s, e));
    TRY(make_split(&s->make, o->history, o->query, e));
    TRY(synth_texts(s, e));
    TRY(synth_profiles(s, e));
    TRY(synth_plant(s, e));
    s->make.counts = js_new_obj();
    js_set(s->make.counts, "users", js_new_int((int64_t)o->users));
    js_set(s->make.counts, "records", js_new_int((int64_t)s->make.n_items));
    js_set(s->make.counts, "canaries", js_new_int((int64_t)s->make.n_canaries));
    log_say(LOG_INFO, "%zu personas, %zu records, %zu canaries", o->users, s->make.n_items,
            s->make.n_canaries);
    if (o->write == SYNTH_DATASET) return make_write(&s->make, o->out, e);
    js_close(s->make.counts);
    return synth_publish(&s->make, o->out, o->write == SYNTH_PERPCS, e);
}

Status data_synth(const DataSynthOpt *o, Err *e)
{
    TRY(synth_check(o, e));
    Synth s = {.o = o};
    Status status = synth_build(&s, e);
    str_free(&s.in);
    str_free(&s.out);
    arena_free(&s.arena);
    return status;
}
