/* plant.c - which records of a dataset take secrets, and which secrets these are. */
#include "plant_priv.h"

#include "prime/file.h"
#include "prime/log.h"

#include <stdlib.h>
#include <string.h>

static Status plant_check(const DataPlantOpt *o, Err *e)
{
    if (o->canaries < 2 || o->canaries > PLANT_MOST || o->canaries % 2 != 0)
        FAIL(e, ERR_ARG, "canaries = %zu, want an even number from 2 to %d: half of them are kept out",
             o->canaries, PLANT_MOST);
    if (file_exists(o->out)) FAIL(e, ERR_ARG, "%s: is there, want the name of a new folder", o->out);
    return OK;
}

/* ---- kinds ---- */

static Status plant_add_kind(Plant *p, const char *name, Err *e)
{
    size_t n = 0;
    const PlantKind *all = plant_kinds(&n), *k = plant_kind(name);
    if (k == NULL) {
        Str names = {0};
        for (size_t i = 0; i < n; i++) str_printf(&names, "%s%s", i == 0 ? "" : ", ", all[i].name);
        err_set(e, ERR_ARG, __FILE__, __LINE__, "kind = '%.40s', want some of %s", name,
                names.failed ? "" : names.s);
        str_free(&names);
        return ERR_ARG;
    }
    for (size_t i = 0; i < p->n_kinds; i++)
        if (p->kind[i] == k) FAIL(e, ERR_ARG, "kind %s comes twice", name);
    p->kind[p->n_kinds++] = k;
    return OK;
}

static Status plant_all_kinds(Plant *p, Err *e)
{
    size_t most = 0;
    plant_kinds(&most);
    p->kind = arena_alloc(&p->arena, most, sizeof(const PlantKind *));
    char *list = arena_strdup(&p->arena, p->o->kinds != NULL ? p->o->kinds : "digits");
    if (p->kind == NULL || list == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu kinds", most);
    for (char *name = list, *end; name != NULL; name = end) {
        end = strchr(name, ',');
        if (end != NULL) *end++ = '\0';
        TRY(plant_add_kind(p, name, e));
    }
    return OK;
}

static bool plant_wants(const Plant *p, const char *kind)
{
    for (size_t i = 0; i < p->n_kinds; i++)
        if (strcmp(p->kind[i]->name, kind) == 0) return true;
    return false;
}

/* ---- the dataset ---- */

static Status plant_load(Plant *p, Err *e)
{
    char *path = NULL;
    const DataPlantOpt *o = p->o;
    TRY(data_path(&path, &p->arena, o->dir, "canaries", ".csv", e));
    TRY(data_head(&p->root, o->dir, e));
    if (file_exists(path) || js_get(p->root, "canaries") != NULL)
        FAIL(e, ERR_ARG, "%s: has canaries already, want a dataset without", o->dir);
    TRY(data_load(&p->d, o->dir, o->task, e));
    const Task *form = task_history(p->d->task);
    if (form->labelled)
        FAIL(e, ERR_ARG, "task %s: outputs are labels, and a secret would make none of them", form->name);
    return OK;
}

/* Nobody's text may have a character that is to be new. */
static Status plant_check_new_in(const DataSet *d, const PlantKind *k, const char *dir, Err *e)
{
    for (size_t i = 0; i < d->n_users; i++) {
        const DataUser *u = &d->user[i];
        size_t seen = u->profile != NULL ? plant_letters(u->profile, k) : 0;
        for (DataSplit s = 0; s < DATA_SPLITS; s++)
            for (size_t j = 0; j < u->n[s]; j++)
                seen += plant_letters(u->rec[s][j].input, k) + plant_letters(u->rec[s][j].output, k);
        if (seen > 0)
            FAIL(e, ERR_ARG,
                 "kind %s: texts of user %s in %s/%s.jsonl have %zu characters that were to be new", k->name,
                 u->id, dir, d->task->name, seen);
    }
    return OK;
}

static Status plant_check_new(const Plant *p, Err *e)
{
    const JsVal *tasks = js_get(p->root, "tasks");
    if (!plant_wants(p, "new")) return OK;
    for (size_t i = 0; i < js_len(tasks); i++) {
        const char *name = NULL;
        DataSet *d = NULL;
        TRY(js_need_str(&name, js_at(tasks, i), "name", p->o->dir, e));
        TRY(data_load(&d, p->o->dir, name, e));
        Status s = plant_check_new_in(d, plant_kind("new"), p->o->dir, e);
        data_free(d);
        TRY(s);
    }
    return OK;
}

/* ---- texts of others ---- */

static int plant_text_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Outputs that models may be trained on, or were: of base users, and of histories. */
static Status plant_seen(const char ***out, size_t *n, Plant *p, Err *e)
{
    size_t all = 0;
    for (size_t i = 0; i < p->d->n_users; i++)
        for (DataSplit s = 0; s < DATA_SPLITS; s++) all += p->d->user[i].n[s];
    const char **text = arena_alloc(&p->arena, all, sizeof(const char *));
    if (text == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", all);
    *n = 0;
    for (size_t i = 0; i < p->d->n_users; i++) {
        const DataUser *u = &p->d->user[i];
        for (DataSplit s = 0; s < DATA_SPLITS; s++)
            for (size_t j = 0; (u->role == DATA_BASE || s == DATA_HISTORY) && j < u->n[s]; j++)
                text[(*n)++] = u->rec[s][j].output;
    }
    if (*n > 0) qsort(text, *n, sizeof *text, plant_text_cmp);
    *out = text;
    return OK;
}

/* A text of one line, so that a row of canaries.csv is one. */
static bool plant_one_line(const char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f) return false;
    return true;
}

/* Of equal texts by the same or several people none is left: one could be planted and the other kept out. */
static int plant_lent_cmp(const void *a, const void *b)
{
    return strcmp(((const PlantLent *)a)->text, ((const PlantLent *)b)->text);
}

static size_t plant_lent_unique(PlantLent *l, size_t n)
{
    size_t kept = 0;
    if (n > 0) qsort(l, n, sizeof *l, plant_lent_cmp);
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && strcmp(l[k].text, l[i].text) == 0;) k++;
        if (k == i + 1) l[kept++] = l[i];
    }
    return kept;
}

static Status plant_lenders(Plant *p, Err *e)
{
    const char **seen = NULL;
    size_t n_seen = 0, most = 0, n = 0;
    if (!plant_wants(p, "like")) return OK;
    TRY(plant_seen(&seen, &n_seen, p, e));
    for (size_t i = 0; i < p->d->n_users; i++) most += p->d->user[i].n[DATA_HELDOUT];
    PlantLent *all = arena_zalloc(&p->arena, most, sizeof *all);
    size_t *order = arena_alloc(&p->arena, most, sizeof *order);
    p->lent = arena_alloc(&p->arena, most, sizeof *p->lent);
    if (all == NULL || order == NULL || p->lent == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", most);
    for (size_t i = 0; i < p->d->n_users; i++) {
        const DataUser *u = &p->d->user[i];
        for (size_t j = 0; u->role == DATA_AUDIT && j < u->n[DATA_HELDOUT]; j++) {
            const char *text = u->rec[DATA_HELDOUT][j].output;
            if (!plant_one_line(text)) continue;
            if (n_seen > 0 && bsearch(&text, seen, n_seen, sizeof *seen, plant_text_cmp) != NULL) continue;
            all[n++] = (PlantLent){text, u, false};
        }
    }
    p->n_lent = plant_lent_unique(all, n);
    Rng rng = rng_stream(p->o->seed, "plant_like", 0);
    for (size_t i = 0; i < p->n_lent; i++) order[i] = i;
    rng_shuffle(&rng, order, p->n_lent);
    for (size_t i = 0; i < p->n_lent; i++) p->lent[i] = all[order[i]];
    return OK;
}

/* ---- secrets ---- */

/* The next text that is somebody else's and that the record does not have. */
static Status plant_lend(PlantOne *one, Plant *p, Err *e)
{
    for (size_t i = 0; i < p->n_lent; i++) {
        PlantLent *l = &p->lent[i];
        if (l->used || l->of == one->user || strstr(one->rec->output, l->text) != NULL) continue;
        l->used = true;
        one->text = l->text;
        return OK;
    }
    FAIL(e, ERR_ARG, "kind like: %zu held-out outputs of audit users are too few, want one for each secret",
         p->n_lent);
}

static Status plant_draw(PlantOne *one, Plant *p, Rng *rng, Err *e)
{
    char *text = arena_strdup(&p->arena, one->kind->form);
    if (text == NULL) FAIL(e, ERR_NOMEM, "no memory for a secret");
    do plant_redraw(text, one->kind, rng);
    while (strstr(one->rec->output, text) != NULL);
    one->text = text;
    return OK;
}

/* Kinds take turns over the first records of a permutation; the first half of the rounds is planted. */
static Status plant_person(Plant *p, const DataUser *u, size_t *idx, Err *e)
{
    size_t n = u->n[DATA_HISTORY];
    Rng rng = rng_stream(p->o->seed, u->id, PLANT_STREAM);
    for (size_t i = 0; i < n; i++) idx[i] = i;
    rng_shuffle(&rng, idx, n);
    for (size_t i = 0; i < p->o->canaries * p->n_kinds; i++) {
        PlantOne *one = &p->one[p->n++];
        *one = (PlantOne){.user = u,
                          .rec = &u->rec[DATA_HISTORY][idx[i]],
                          .kind = p->kind[i % p->n_kinds],
                          .in = i / p->n_kinds < p->o->canaries / 2};
        TRY(one->kind->form != NULL ? plant_draw(one, p, &rng, e) : plant_lend(one, p, e));
    }
    return OK;
}

static Status plant_people(Plant *p, Err *e)
{
    size_t each = p->o->canaries * p->n_kinds, most = 0, longest = 0;
    for (size_t i = 0; i < p->d->n_users; i++) {
        const DataUser *u = &p->d->user[i];
        if (u->role == DATA_BASE && !p->o->base_too) continue;
        if (u->n[DATA_HISTORY] > longest) longest = u->n[DATA_HISTORY];
        *(u->n[DATA_HISTORY] < each ? &p->done.passed_over : &most) += 1;
    }
    if (most == 0)
        FAIL(e, ERR_ARG, "%zu canaries for each person, but the longest history has %zu records", each,
             longest);
    size_t *idx = arena_alloc(&p->arena, longest, sizeof *idx);
    p->one = arena_alloc(&p->arena, most * each, sizeof *p->one);
    if (idx == NULL || p->one == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu canaries", most * each);
    for (size_t i = 0; i < p->d->n_users; i++) {
        const DataUser *u = &p->d->user[i];
        if (u->n[DATA_HISTORY] < each || (u->role == DATA_BASE && !p->o->base_too)) continue;
        TRY(plant_person(p, u, idx, e));
    }
    p->done.people = most;
    p->done.canaries = p->n;
    return OK;
}

static Status plant_steps(Plant *p, Err *e)
{
    TRY(plant_check(p->o, e));
    TRY(plant_all_kinds(p, e));
    TRY(plant_load(p, e));
    TRY(plant_check_new(p, e));
    TRY(plant_lenders(p, e));
    TRY(plant_people(p, e));
    return plant_write(p, e);
}

Status data_plant(DataPlanted *out, const DataPlantOpt *o, Err *e)
{
    Plant p = {.o = o};
    Status s = plant_steps(&p, e);
    js_close(p.root);
    data_free(p.d);
    arena_free(&p.arena);
    if (s != OK) return s;
    log_say(LOG_INFO, "%zu canaries for %zu people; %zu have too few records", p.done.canaries, p.done.people,
            p.done.passed_over);
    *out = p.done;
    return OK;
}
