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

enum { HEADLINE = 2, SYNTH_TASKS = 4, MAX_ATTEMPTS = 100, MAX_USERS = 100000, MAX_RECORDS = 10000 };

static const struct {
    const char *name;
    SynthWriter write;
    const char *const *label;
    size_t n_labels;
} writers[SYNTH_TASKS] = {
    {"synth_rating", synth_write_rating, synth_stars, SYNTH_TIERS},
    {"synth_tag", synth_write_tag, synth_tag, SYNTH_TAGS},
    {"synth_headline", synth_write_headline, NULL, 0},
    {"synth_tweet", synth_write_tweet, NULL, 0},
};

/* The first words of a text. */
typedef struct {
    uint64_t hash;
    size_t item;
} Twin;

typedef struct {
    Arena arena;
    const DataSynthOpt *o;
    Persona *persona;  /* [users] */
    uint32_t *attempt; /* [items] */
    Twin *twin;        /* [items] */
    MakeTask task[SYNTH_TASKS];
    Make make;
    Str in, out;
} Synth;

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
    TRY(size_mul(&items, per_task, SYNTH_TASKS, e));
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
    for (size_t t = 0; t < SYNTH_TASKS; t++) {
        s->task[t] = (MakeTask){task_find(writers[t].name), writers[t].label, writers[t].n_labels,
                                arena_zalloc(a, per_task, sizeof(MakeRow)), per_task};
        fine = fine && s->task[t].row != NULL;
    }
    s->make.task = s->task;
    s->make.n_tasks = SYNTH_TASKS;
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
        snprintf(text, sizeof text, "persona %zu of seed %" PRIu64, i, s->o->seed);
        make_id(s->make.user[i].id, 'u', s->o->salt, text);
        s->make.user[idx[i]].role = i < n_base ? DATA_BASE : DATA_AUDIT;
    }
    for (size_t i = 0; i < s->make.n_items; i++) {
        size_t t = i % SYNTH_TASKS, k = i / SYNTH_TASKS;
        s->make.item[i].user = k / s->o->records;
        s->task[t].row[k].item = i;
        snprintf(text, sizeof text, "%s %zu of seed %" PRIu64, writers[t].name, k, s->o->seed);
        make_id(s->make.item[i].id, 'r', s->o->salt, text);
    }
    return OK;
}

/* Write item i. Another attempt draws from another stream. */
static Status synth_item(Synth *s, size_t i, Err *e)
{
    size_t t = i % SYNTH_TASKS;
    MakeRow *row = &s->task[t].row[i / SYNTH_TASKS];
    Rng r = rng_stream(s->o->seed, writers[t].name, (uint64_t)i * MAX_ATTEMPTS + s->attempt[i]);
    str_clear(&s->in);
    str_clear(&s->out);
    writers[t].write(&s->in, &s->out, &s->persona[s->make.item[i].user], &r);
    row->input = s->in.failed ? NULL : arena_strndup(&s->arena, s->in.s, s->in.n);
    row->output = s->out.failed ? NULL : arena_strndup(&s->arena, s->out.s, s->out.n);
    if (row->input == NULL || row->output == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu records", s->make.n_items);
    str_clear(&s->out);
    text_normal(&s->out, text_span(s->in.s), (Span){0}, TEXT_HEAD_WORDS);
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
            MakeRow *x = &s->task[HEADLINE].row[u * per_user + i];
            if (s->make.item[x->item].split == DATA_HISTORY) row[n++] = x;
        }
        TRY(synth_plant_user(s, row, n, u, e));
    }
    return OK;
}

static Status synth_build(Synth *s, Err *e)
{
    const DataSynthOpt *o = s->o;
    TRY(synth_alloc(s, e));
    TRY(synth_people(s, e));
    TRY(synth_texts(s, e));
    TRY(make_split(&s->make, o->history, o->query, e));
    TRY(synth_plant(s, e));
    s->make.counts = js_new_obj();
    js_set(s->make.counts, "users", js_new_int((int64_t)o->users));
    js_set(s->make.counts, "records", js_new_int((int64_t)s->make.n_items));
    js_set(s->make.counts, "canaries", js_new_int((int64_t)s->make.n_canaries));
    log_say(LOG_INFO, "%zu personas, %zu records, %zu canaries", o->users, s->make.n_items,
            s->make.n_canaries);
    return make_write(&s->make, o->out, e);
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
