/* synth_publish.c - made-up people in the layouts in which others publish such data, so that what reads those
 * layouts can be held against a dataset whose content is known. */
#include "lamp_frame.h"
#include "make_priv.h"
#include "synth_priv.h"

#include "prime/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One task's records in the order of its people; a person's stand together already. */
typedef struct {
    const Make *m;
    const MakeTask *t;
    const LampFrame *f;
    bool perpcs;
    Str out;
} Publish;

static void publish_member(Str *out, const char *before, const char *text)
{
    str_puts(out, before);
    js_put_text(out, text, strlen(text));
}

/* Days of a made-up year, in the order of the records. */
static void publish_date(Str *out, size_t k)
{
    str_printf(out, ", \"date\": \"2021-%02zu-%02zu\"", 1 + k / 28 % 12, 1 + k % 28);
}

/* LaMP itself has an abstract where Per-Pcs has what is cited. */
static void publish_item(Publish *p, const MakeRow *row, size_t k)
{
    const char *answer = !p->perpcs && p->f->or_answer != NULL ? p->f->or_answer : p->f->answer;
    publish_member(&p->out, "{\"id\": ", p->m->item[row->item].id);
    if (p->f->in[0] != NULL) {
        str_printf(&p->out, ", \"%s\"", p->f->in[0]);
        publish_member(&p->out, ": ", row->input);
    }
    str_printf(&p->out, ", \"%s\"", answer);
    publish_member(&p->out, ": ", row->output);
    publish_date(&p->out, k);
    str_puts(&p->out, "}");
}

static void publish_profile(Publish *p, const MakeRow *row, size_t n)
{
    bool any = false;
    str_puts(&p->out, "\"profile\": [");
    for (size_t i = 0; i < n; i++) {
        if (p->m->item[row[i].item].split == DATA_QUERY) continue;
        if (any) str_puts(&p->out, ", ");
        publish_item(p, &row[i], i);
        any = true;
    }
    str_puts(&p->out, "]");
}

static void publish_input(Publish *p, const MakeRow *row)
{
    Str prompt = {0};
    lamp_frame_fill(&prompt, p->f, row->input);
    publish_member(&p->out, "\"input\": ", prompt.s != NULL ? prompt.s : "");
    p->out.failed |= prompt.failed;
    str_free(&prompt);
}

/* The first query of n records, or NULL. */
static const MakeRow *publish_query(const Make *m, const MakeRow *row, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (m->item[row[i].item].split == DATA_QUERY) return &row[i];
    return NULL;
}

/* The records of one person: how many from row i on. */
static size_t publish_run(const Publish *p, size_t i)
{
    size_t n = 1, user = p->m->item[p->t->row[i].item].user;
    while (i + n < p->t->n && p->m->item[p->t->row[i + n].item].user == user) n++;
    return n;
}

static Status publish_save(Publish *p, const char *dir, const char *name, Err *e)
{
    char *path = file_join(dir, name);
    if (path == NULL || p->out.failed) {
        free(path);
        FAIL(e, ERR_NOMEM, "%s: no memory for %s", dir, name);
    }
    Status s = file_write(path, p->out.s, p->out.n, e);
    free(path);
    return s;
}

static Status publish_questions(Publish *p, const char *dir, Err *e)
{
    bool any = false;
    str_puts(&p->out, "[");
    for (size_t i = 0, n; i < p->t->n; i += n) {
        n = publish_run(p, i);
        const MakeRow *q = publish_query(p->m, &p->t->row[i], n);
        if (q == NULL) continue;
        str_puts(&p->out, any ? ",\n{" : "{");
        any = true;
        publish_member(&p->out, "\"id\": ", p->m->user[p->m->item[q->item].user].id);
        str_puts(&p->out, ", ");
        publish_input(p, q);
        str_puts(&p->out, ", ");
        publish_profile(p, &p->t->row[i], n);
        str_puts(&p->out, "}");
    }
    str_puts(&p->out, "]\n");
    return publish_save(p, dir, "questions.json", e);
}

static Status publish_outputs(Publish *p, const char *dir, Err *e)
{
    str_clear(&p->out);
    str_printf(&p->out, "{\"task\": \"%s\", \"golds\": [", p->t->task->name);
    bool any = false;
    for (size_t i = 0, n; i < p->t->n; i += n) {
        n = publish_run(p, i);
        const MakeRow *q = publish_query(p->m, &p->t->row[i], n);
        if (q == NULL) continue;
        publish_member(&p->out, any ? ",\n{\"id\": " : "{\"id\": ", p->m->user[p->m->item[q->item].user].id);
        publish_member(&p->out, ", \"output\": ", q->output);
        str_puts(&p->out, "}");
        any = true;
    }
    str_puts(&p->out, "]}\n");
    return publish_save(p, dir, "outputs.json", e);
}

static void publish_person(Publish *p, size_t user, const MakeRow *row, size_t n)
{
    bool any = false;
    publish_member(&p->out, "{\"user_id\": ", p->m->user[user].id);
    str_puts(&p->out, ", ");
    publish_profile(p, row, n);
    str_puts(&p->out, ", \"query\": [");
    for (size_t i = 0; i < n; i++) {
        if (p->m->item[row[i].item].split != DATA_QUERY) continue;
        publish_member(&p->out, any ? ", {\"id\": " : "{\"id\": ", p->m->item[row[i].item].id);
        str_puts(&p->out, ", ");
        publish_input(p, &row[i]);
        publish_member(&p->out, ", \"gold\": ", row[i].output);
        str_puts(&p->out, "}");
        any = true;
    }
    str_puts(&p->out, "]}");
}

/* Audit users are candidates for anchors and people of the test in turn. */
enum { PART_BASE, PART_ANCHORS, PART_TEST, N_PARTS };

static Status publish_part(Publish *p, int part, const char *dir, Err *e)
{
    static const char *const names[N_PARTS] = {"user_base_LLM.json", "user_anchor_candidate.json",
                                               "user_test.json"};
    bool any = false;
    size_t audit = 0;
    str_clear(&p->out);
    str_puts(&p->out, "[");
    for (size_t i = 0, n; i < p->t->n; i += n) {
        n = publish_run(p, i);
        size_t user = p->m->item[p->t->row[i].item].user;
        int of = p->m->user[user].role == DATA_BASE ? PART_BASE : audit++ % 2 == 0 ? PART_ANCHORS : PART_TEST;
        if (of != part) continue;
        str_puts(&p->out, any ? ",\n" : "");
        publish_person(p, user, &p->t->row[i], n);
        any = true;
    }
    str_puts(&p->out, "]\n");
    return publish_save(p, dir, names[part], e);
}

static Status publish_profiles(Publish *p, const char *dir, Err *e)
{
    str_clear(&p->out);
    for (size_t i = 0; i < p->m->n_profiles; i++) {
        const MakeProfile *x = &p->m->profile[i];
        if (x->task != NULL && strcmp(x->task, p->t->task->name) != 0) continue;
        publish_member(&p->out, "{\"id\": ", p->m->user[x->user].id);
        publish_member(&p->out, ", \"output\": ", x->text);
        str_puts(&p->out, "}\n");
    }
    return publish_save(p, dir, "profiles.jsonl", e);
}

static Status publish_task(Publish *p, const char *dir, Err *e)
{
    TRY(file_mkdir(dir, e));
    TRY(publish_profiles(p, dir, e));
    str_clear(&p->out);
    if (!p->perpcs) {
        TRY(publish_questions(p, dir, e));
        return publish_outputs(p, dir, e);
    }
    for (int part = 0; part < N_PARTS; part++) TRY(publish_part(p, part, dir, e));
    return OK;
}

Status synth_publish(const Make *m, const char *dir, bool perpcs, Err *e)
{
    Status s = OK;
    for (size_t t = 0; s == OK && t < m->n_tasks; t++) {
        Publish p = {.m = m, .t = &m->task[t], .f = lamp_frame(m->task[t].task->name), .perpcs = perpcs};
        char *sub = file_join(dir, m->task[t].task->name);
        s = sub == NULL   ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory for a name", dir)
            : p.f == NULL ? err_set(e, ERR_ARG, __FILE__, __LINE__,
                                    "only the tasks of layout lamp have published files")
                          : publish_task(&p, sub, e);
        free(sub);
        str_free(&p.out);
    }
    return s;
}
