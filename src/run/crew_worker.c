/* crew_worker.c - a process, or the thread of the first one, that does units of work, and parts of others'
 * when there are none. */
#include "crew_msg.h"

#include <stdlib.h>

typedef struct {
    const Line *line;
    const CrewJob *job;
    void *ctx;
    size_t unit; /* under way */
    bool lent;   /* somebody may be waiting to help with it */
} Worker;

static Status worker_say(const Worker *w, const MsgHead *head, const void *data, size_t n, Err *e)
{
    return line_send(w->line, 0, head, data, n, e);
}

/* ---- items of a unit ---- */

/* What has come while the unit was under way can only be news of helpers. */
static Status worker_news(Worker *w, Err *e)
{
    for (bool more = true; more;) {
        Msg *m = NULL;
        TRY(w->line->poll(w->line->ctx, &m, e));
        more = m != NULL;
        if (more && m->head.tag == MSG_LENT) w->lent = true;
        free(m);
    }
    return OK;
}

/* The next one of a kind; news between them are known already. */
static Status worker_await(const Worker *w, Msg **m, MsgTag tag, Err *e)
{
    TRY(line_wait(w->line, m, e));
    while ((*m)->head.tag != tag) {
        free(*m);
        TRY(line_wait(w->line, m, e));
    }
    return OK;
}

static Status worker_ask(size_t *parts, const Worker *w, const void *data, size_t n, size_t items, Err *e)
{
    Msg *m = NULL;
    MsgHead head = {.tag = MSG_ASK, .to = items};
    TRY(worker_say(w, &head, data, n, e));
    TRY(worker_await(w, &m, MSG_PARTS, e));
    *parts = (size_t)m->head.unit;
    free(m);
    return OK;
}

/* One part of others: all have to be waited for. */
static Status worker_part(const Worker *w, const CrewItems *it, bool wanted, Err *e)
{
    Msg *m = NULL;
    TRY(worker_await(w, &m, MSG_PART, e));
    size_t from = (size_t)m->head.from, to = (size_t)m->head.to;
    Status s = OK;
    if (wanted) s = m->n > 0 ? it->take(it->ctx, from, to, m->data, m->n, e) : it->here(it->ctx, from, to, e);
    free(m);
    return s;
}

static Status worker_spread(void *ctx, const void *data, size_t n, const CrewItems *it, Err *e)
{
    Worker *w = ctx;
    size_t parts = 1;
    TRY(worker_news(w, e));
    if (w->lent && it->n > 1) TRY(worker_ask(&parts, w, data, n, it->n, e));
    Status st = it->here(it->ctx, 0, it->n / parts, e);
    for (size_t i = 1; i < parts; i++) {
        Err late = {0};
        Status s = worker_part(w, it, st == OK, st == OK ? e : &late);
        if (st == OK) st = s;
    }
    return st;
}

/* ---- units, and items of others' ---- */

static Status worker_give(void *ctx, void *data, size_t n, Err *e)
{
    const Worker *w = ctx;
    MsgHead head = {.tag = MSG_GIFT, .unit = w->unit};
    Status s = worker_say(w, &head, data, n, e);
    free(data);
    return s;
}

static Status worker_unit(Worker *w, const Msg *m, Err *e)
{
    Err err = {0};
    CrewGive give = {worker_give, worker_spread, w};
    w->unit = (size_t)m->head.unit;
    w->lent = false;
    err.code = w->job->work(w->ctx, w->unit, m->data, m->n, &give, &err);
    MsgHead head = {.tag = err.code == OK ? MSG_WANT : MSG_FAILED, .unit = w->unit};
    return worker_say(w, &head, &err, err.code == OK ? 0 : sizeof err, e);
}

/* Who asked finds out why it cannot be done, if it cannot. */
static Status worker_help(const Worker *w, const Msg *m, Err *e)
{
    Err err = {0};
    void *out = NULL;
    size_t n = 0;
    MsgHead head = m->head;
    head.tag = MSG_DONE;
    Status s = w->job->help(w->ctx, m->data, m->n, (size_t)head.from, (size_t)head.to, &out, &n, &err);
    s = worker_say(w, &head, out, s == OK ? n : 0, e);
    free(out);
    return s;
}

Status worker_run(const Line *line, const CrewJob *job, void *ctx, Err *e)
{
    Worker w = {.line = line, .job = job, .ctx = ctx};
    TRY(worker_say(&w, &(MsgHead){.tag = MSG_WANT}, NULL, 0, e));
    for (bool more = true; more;) {
        Msg *m = NULL;
        Status s = OK;
        TRY(line_wait(line, &m, e));
        if (m->head.tag == MSG_UNIT) s = worker_unit(&w, m, e);
        if (m->head.tag == MSG_HELP) s = worker_help(&w, m, e);
        more = m->head.tag != MSG_STOP;
        free(m);
        TRY(s);
    }
    return OK;
}
