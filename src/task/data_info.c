/* data_info.c - count a dataset and check again, from the files, what its maker promised. */
#include "data_priv.h"
#include "text_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_CHECKS = 5 };

/* A record of any task, or the hash of a text, and whose it is. */
typedef struct {
    uint64_t key;
    const char *id; /* NULL for texts */
    const char *user;
    DataSplit split;
} Mark;

typedef struct {
    Mark *mark; /* grows */
    size_t n, cap;
} Marks;

typedef struct {
    DataInfo *out;
    size_t cap;
    Arena *arena; /* facts and their words */
    Marks records, texts, heads;
} Survey;

static Status info_fact(Survey *s, const char *task, const char *what, const char *name, double value, Err *e)
{
    DataInfo *o = s->out;
    if (o->n == s->cap) {
        size_t cap = s->cap * 2 + 64;
        DataFact *fact = arena_alloc(s->arena, cap, sizeof *fact);
        if (fact == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu facts", cap);
        if (o->n > 0) memcpy(fact, o->fact, o->n * sizeof *fact);
        o->fact = fact;
        s->cap = cap;
    }
    DataFact f = {arena_strdup(s->arena, task), what, arena_strdup(s->arena, name), value};
    if (f.task == NULL || f.name == NULL) FAIL(e, ERR_NOMEM, "no memory for facts");
    o->fact[o->n++] = f;
    return OK;
}

static Status info_mark(Marks *m, Mark x, Err *e)
{
    if (m->n == m->cap) {
        size_t cap = m->cap * 2 + 1024;
        Mark *mark = realloc(m->mark, cap * sizeof *mark);
        if (mark == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", cap);
        m->mark = mark;
        m->cap = cap;
    }
    m->mark[m->n++] = x;
    return OK;
}

/* The text that a person wrote; choices and names of packages are not. */
static Span info_text(const DataRecord *r)
{
    const char *input = r->input;
    if (r->task->text_field == 0) return text_span(r->output);
    for (size_t k = r->task->text_field; k > 1; k--) input += strcspn(input, "\t") + 1;
    return (Span){input, strcspn(input, "\t")};
}

/* Ids and users outlive the task's DataSet. */
static Status info_record(Survey *s, const DataUser *u, DataSplit split, const DataRecord *r, Err *e)
{
    Mark m = {0, arena_strdup(s->arena, r->id), arena_strdup(s->arena, u->id), split};
    if (m.id == NULL || m.user == NULL) FAIL(e, ERR_NOMEM, "no memory for ids");
    TRY(info_mark(&s->records, m, e));
    m.id = NULL;
    uint64_t head = 0;
    text_prints(&m.key, &head, info_text(r));
    TRY(info_mark(&s->texts, m, e));
    m.key = head;
    return info_mark(&s->heads, m, e);
}

static int info_mark_cmp(const void *a, const void *b)
{
    const Mark *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    int c = x->id != NULL ? strcmp(x->id, y->id) : 0;
    if (c == 0) c = strcmp(x->user, y->user);
    return c != 0 ? c : (x->split > y->split) - (x->split < y->split);
}

static bool info_same(const Mark *a, const Mark *b)
{
    return a->key == b->key && (a->id == NULL || strcmp(a->id, b->id) == 0);
}

/* Neighbours that agree in key and id but not in user; and in user but not in split. */
static void info_clashes(Marks *m, size_t *users, size_t *splits)
{
    if (m->n > 0) qsort(m->mark, m->n, sizeof *m->mark, info_mark_cmp);
    for (size_t i = 1; i < m->n; i++) {
        const Mark *a = &m->mark[i - 1], *b = &m->mark[i];
        if (!info_same(a, b)) continue;
        bool same_user = strcmp(a->user, b->user) == 0;
        *users += !same_user;
        *splits += same_user && a->split != b->split;
    }
}

static Status info_labels(Survey *s, const DataSet *d, Err *e)
{
    for (size_t k = 0; k < d->n_labels; k++) {
        size_t n = 0;
        for (size_t u = 0; u < d->n_users; u++)
            for (DataSplit p = 0; p < DATA_SPLITS; p++)
                for (size_t i = 0; i < d->user[u].n[p]; i++)
                    n += strcmp(d->user[u].rec[p][i].output, d->label[k]) == 0;
        TRY(info_fact(s, d->task->name, "label", d->label[k], (double)n, e));
    }
    return OK;
}

static Status info_task(Survey *s, const DataSet *d, Err *e)
{
    size_t users[2] = {0}, words[2] = {0}, profiles[2] = {0}, n[2][DATA_SPLITS] = {{0}};
    for (size_t u = 0; u < d->n_users; u++) {
        const DataUser *x = &d->user[u];
        users[x->role]++;
        profiles[x->role] += x->profile != NULL;
        for (DataSplit p = 0; p < DATA_SPLITS; p++) {
            n[x->role][p] += x->n[p];
            for (size_t i = 0; i < x->n[p]; i++) {
                words[x->role] += text_words(info_text(&x->rec[p][i]));
                TRY(info_record(s, x, p, &x->rec[p][i], e));
            }
        }
    }
    for (DataRole r = DATA_BASE; r <= DATA_AUDIT; r++) {
        TRY(info_fact(s, d->task->name, "users", data_role_name(r), (double)users[r], e));
        TRY(info_fact(s, d->task->name, "words", data_role_name(r), (double)words[r], e));
        if (profiles[0] + profiles[1] > 0)
            TRY(info_fact(s, d->task->name, "profiles", data_role_name(r), (double)profiles[r], e));
        for (DataSplit p = 0; p < DATA_SPLITS; p++) {
            char name[32];
            snprintf(name, sizeof name, "%s/%s", data_role_name(r), data_split_name(p));
            TRY(info_fact(s, d->task->name, "records", name, (double)n[r][p], e));
        }
    }
    return info_labels(s, d, e);
}

/* Tasks may share their texts, so each is checked by itself. Two people may begin alike. */
static void info_texts(Survey *s, size_t found[N_CHECKS])
{
    size_t ignored = 0;
    info_clashes(&s->texts, &found[2], &found[3]);
    info_clashes(&s->heads, &ignored, &found[4]);
    s->texts.n = s->heads.n = 0;
}

static Status info_tasks(Survey *s, size_t found[N_CHECKS], const JsVal *root, const char *dir, Err *e)
{
    const JsVal *tasks = js_get(root, "tasks");
    for (size_t i = 0; i < js_len(tasks); i++) {
        const char *name = js_str(js_get(js_at(tasks, i), "name"), NULL);
        DataSet *d = NULL;
        if (name == NULL) FAIL(e, ERR_FORMAT, "%s/dataset.json: task %zu has no name", dir, i + 1);
        TRY(data_load(&d, dir, name, e));
        Status st = info_task(s, d, e);
        data_free(d);
        TRY(st);
        info_texts(s, found);
    }
    return OK;
}

static Status info_people(Survey *s, const char *dir, Err *e)
{
    DataPerson *p = NULL;
    size_t n = 0, of[2] = {0};
    TRY(data_people(&p, &n, dir, s->arena, e));
    for (size_t i = 0; i < n; i++) of[p[i].role]++;
    for (DataRole r = DATA_BASE; r <= DATA_AUDIT; r++)
        TRY(info_fact(s, "", "users", data_role_name(r), (double)of[r], e));
    return OK;
}

static Status info_all(Survey *s, const JsVal *root, const char *dir, Err *e)
{
    static const char *const names[N_CHECKS] = {"one_user", "one_split", "own_text", "text_split",
                                                "head_split"};
    size_t found[N_CHECKS] = {0};
    TRY(info_people(s, dir, e));
    TRY(info_tasks(s, found, root, dir, e));
    info_clashes(&s->records, &found[0], &found[1]);
    for (size_t i = 0; i < N_CHECKS; i++) {
        s->out->broken += found[i] > 0;
        TRY(info_fact(s, "", "check", names[i], (double)found[i], e));
    }
    return OK;
}

Status data_info(DataInfo *out, const char *dir, Arena *a, Err *e)
{
    JsVal *root = NULL;
    DataInfo fresh = {0};
    Survey s = {.out = &fresh, .arena = a};
    TRY(data_head(&root, dir, e));
    Status st = info_all(&s, root, dir, e);
    js_close(root);
    free(s.records.mark);
    free(s.texts.mark);
    free(s.heads.mark);
    if (st == OK) *out = fresh;
    return st;
}
