/* data_profile.c - texts that describe the people of a dataset. */
#include "data_priv.h"

#include "prime/file.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    DataSet *d;
    const DataPerson *people;
    size_t n_people;
    size_t *line; /* [n_users] of the text that a user has; 0: none yet */
    bool *own;    /* [n_users] is it one for this task? */
} Profiles;

static Status profile_task(bool *own, bool *other, const Profiles *p, const JsVal *o, const char *where,
                           Err *e)
{
    const char *task = NULL;
    if (js_get(o, "task") != NULL) TRY(data_need_text(&task, o, "task", where, e));
    *own = task != NULL && strcmp(task, p->d->task->name) == 0;
    *other = task != NULL && !*own;
    return OK;
}

/* A text for this task takes the place of one for all; two of a kind are one too many. */
static Status profile_line(void *ctx, const JsVal *o, const char *where, size_t line, Err *e)
{
    Profiles *p = ctx;
    const char *user = NULL, *text = NULL;
    bool own = false, other = false;
    TRY(data_need_text(&user, o, "user", where, e));
    TRY(data_need_text(&text, o, "text", where, e));
    TRY(profile_task(&own, &other, p, o, where, e));
    if (data_person_find(p->people, p->n_people, user) == NULL)
        FAIL(e, ERR_FORMAT, "%s: user %s is not in users.csv", where, user);
    const DataUser *u = data_user(p->d, user);
    if (other || u == NULL) return OK;
    size_t k = (size_t)(u - p->d->user);
    if (p->line[k] > 0 && p->own[k] == own)
        FAIL(e, ERR_FORMAT, "%s: user %s has a text in line %zu already", where, user, p->line[k]);
    if (p->line[k] > 0 && p->own[k]) return OK;
    p->line[k] = line;
    p->own[k] = own;
    p->d->user[k].profile = arena_strdup(&p->d->arena, text);
    if (p->d->user[k].profile == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for a text", where);
    return OK;
}

Status data_profiles(DataSet *d, const char *dir, const DataPerson *people, size_t n, Err *e)
{
    char *path = NULL;
    TRY(data_path(&path, &d->arena, dir, "profiles", ".jsonl", e));
    if (!file_exists(path)) return OK;
    Profiles p = {.d = d, .people = people, .n_people = n};
    p.line = calloc(d->n_users + 1, sizeof *p.line);
    p.own = calloc(d->n_users + 1, sizeof *p.own);
    Status s = p.line == NULL || p.own == NULL ? err_set(e, ERR_NOMEM, __FILE__, __LINE__,
                                                         "%s: no memory for %zu users", path, d->n_users)
                                               : data_each_line(path, profile_line, &p, e);
    free(p.line);
    free(p.own);
    return s;
}
