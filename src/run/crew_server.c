/* crew_server.c - the first process. Its main thread hands out units, receives what others give and lends
 * those that have no unit; a second thread works, as the others do. */
#include "crew_msg.h"

#include "prime/log.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { AT_WORK = -1, NOT_LENT = -2 };

typedef struct {
    const Line *line;
    size_t size;
    const CrewUnits *u;
    size_t next;   /* place in the order */
    size_t failed; /* place of the first unit that failed; u->n: none */
    Err err;
    long *lent;            /* [size] the rank that a worker without a unit helps; or AT_WORK, NOT_LENT */
    size_t n_idle, helped; /* workers without a unit; items that such did */
    MsgQueue to_own, from_own;
    MsgPipe here, own; /* the two ends of these */
    bool begun;        /* the thread has said something */
    Err own_err;       /* why the thread ended early, once own_lost is set */
    atomic_bool own_lost;
} Server;

static Status server_say(Server *v, size_t to, const MsgHead *head, const void *data, size_t n, Err *e)
{
    Line here = pipe_line(&v->here);
    return line_send(to == 0 ? &here : v->line, to, head, data, n, e);
}

/* ---- units ---- */

static size_t server_unit(const Server *v, size_t place)
{
    return v->u->order != NULL ? v->u->order[place] : place;
}

static void server_fail(Server *v, size_t unit, const Err *err)
{
    size_t place = 0;
    while (place < v->u->n && server_unit(v, place) != unit) place++;
    if (place >= v->failed && v->failed < v->u->n) return;
    v->failed = place < v->u->n ? place : v->u->n - 1;
    v->err = *err;
}

static void server_failed(Server *v, const Msg *m)
{
    Err err;
    memcpy(&err, m->data, sizeof err);
    if (m->peer > 0) err.file = NULL; /* a pointer of another process */
    server_fail(v, (size_t)m->head.unit, &err);
}

/* The next unit with what goes with it; false: there is none. */
static bool server_next(Server *v, size_t *unit, void **data, size_t *n)
{
    *data = NULL;
    *n = 0;
    if (v->failed < v->u->n || v->next == v->u->n) return false;
    *unit = server_unit(v, v->next++);
    Err err = {0};
    if (v->u->job->pack != NULL) err.code = v->u->job->pack(v->u->ctx, *unit, data, n, &err);
    if (err.code != OK) server_fail(v, *unit, &err);
    return err.code == OK;
}

static void server_take(Server *v, const Msg *m)
{
    Err err = {0};
    size_t unit = (size_t)m->head.unit;
    if (v->u->job->take != NULL) err.code = v->u->job->take(v->u->ctx, unit, m->data, m->n, &err);
    if (err.code != OK) server_fail(v, unit, &err);
}

/* ---- lending ---- */

static size_t server_helpers(const Server *v, size_t rank)
{
    size_t n = 0;
    for (size_t i = 0; i < v->size; i++) n += v->lent[i] == (long)rank;
    return n;
}

/* To whom has the fewest helpers, the first of equal ones. */
static Status server_lend(Server *v, size_t rank, Err *e)
{
    size_t to = v->size;
    for (size_t i = 0; i < v->size; i++)
        if (v->lent[i] == AT_WORK && (to == v->size || server_helpers(v, i) < server_helpers(v, to))) to = i;
    v->lent[rank] = to < v->size ? (long)to : NOT_LENT;
    return to < v->size ? server_say(v, to, &(MsgHead){.tag = MSG_LENT}, NULL, 0, e) : OK;
}

/* It has no unit, and no more will come; who helped it is free as well. */
static Status server_idle(Server *v, size_t rank, Err *e)
{
    v->lent[rank] = NOT_LENT;
    v->n_idle++;
    for (size_t i = 0; v->u->job->help != NULL && i < v->size; i++)
        if (i == rank || v->lent[i] == (long)rank) TRY(server_lend(v, i, e));
    for (size_t i = 0; v->n_idle == v->size && i < v->size; i++)
        TRY(server_say(v, i, &(MsgHead){.tag = MSG_STOP}, NULL, 0, e));
    return OK;
}

static Status server_want(Server *v, size_t rank, Err *e)
{
    size_t unit = 0, n = 0;
    void *data = NULL;
    if (!server_next(v, &unit, &data, &n)) return server_idle(v, rank, e);
    Status s = server_say(v, rank, &(MsgHead){.tag = MSG_UNIT, .unit = unit}, data, n, e);
    free(data);
    return s;
}

/* The first part is that of who asks. */
static Status server_ask(Server *v, const Msg *m, Err *e)
{
    size_t items = (size_t)m->head.to, parts = server_helpers(v, m->peer) + 1, part = 1;
    if (parts > items) parts = items;
    for (size_t i = 0; i < v->size && part < parts; i++) {
        if (v->lent[i] != (long)m->peer) continue;
        MsgHead head = {
            .tag = MSG_HELP, .from = part * items / parts, .to = (part + 1) * items / parts, .rank = m->peer};
        TRY(server_say(v, i, &head, m->data, m->n, e));
        part++;
    }
    return server_say(v, m->peer, &(MsgHead){.tag = MSG_PARTS, .unit = parts}, NULL, 0, e);
}

static Status server_done(Server *v, const Msg *m, Err *e)
{
    MsgHead head = m->head;
    head.tag = MSG_PART;
    if (m->n > 0) v->helped += (size_t)(head.to - head.from);
    return server_say(v, (size_t)head.rank, &head, m->data, m->n, e);
}

/* ---- the loop ---- */

static Status server_message(Server *v, const Msg *m, Err *e)
{
    if (m->head.tag == MSG_GIFT) server_take(v, m);
    if (m->head.tag == MSG_GIFT) return OK;
    if (m->head.tag == MSG_ASK) return server_ask(v, m, e);
    if (m->head.tag == MSG_DONE) return server_done(v, m, e);
    if (m->head.tag == MSG_FAILED) server_failed(v, m);
    return server_want(v, m->peer, e);
}

/* The own thread is heard first, and before all others at the beginning: it has the first unit, whoever is
 * faster. */
static Status server_poll(Server *v, Msg **m, Err *e)
{
    Line here = pipe_line(&v->here);
    TRY(here.poll(here.ctx, m, e));
    v->begun = v->begun || *m != NULL;
    return !v->begun || *m != NULL ? OK : v->line->poll(v->line->ctx, m, e);
}

/* The next message, as soon as it is there where it comes from the own thread; NULL: that thread is lost. */
static Status server_wait(Server *v, Msg **m, Err *e)
{
    Line here = pipe_line(&v->here);
    Naps n = {NAP_FIRST, NAP_BESIDE_WORK};
    for (;;) {
        bool lost = v->own_lost; /* before the question: what it said until then comes first */
        TRY(server_poll(v, m, e));
        if (*m != NULL || lost) return OK;
        here.nap(here.ctx, naps_next(&n));
    }
}

static Status server_loop(Server *v, Err *e)
{
    while (v->n_idle < v->size) {
        Msg *m = NULL;
        TRY(server_wait(v, &m, e));
        if (m == NULL) {
            if (e != NULL) *e = v->own_err;
            return v->own_err.code;
        }
        Status s = server_message(v, m, e);
        free(m);
        TRY(s);
    }
    return OK;
}

/* Its own queues lose nothing, so the thread's only failures are those of units, which it tells, and of
 * memory, after which nobody would be waiting for what is sent to it. */
static void *server_own(void *arg)
{
    Server *v = arg;
    Line own = pipe_line(&v->own);
    v->own_err.code = worker_run(&own, v->u->job, v->u->ctx, &v->own_err);
    v->own_lost = v->own_err.code != OK;
    return NULL;
}

static Status server_start(Server *v, bool *lost, Err *e)
{
    pthread_t id;
    *lost = pthread_create(&id, NULL, server_own, v) != 0;
    if (*lost) FAIL(e, ERR_NOMEM, "no memory for a thread");
    Status s = server_loop(v, e);
    *lost = s != OK;
    if (*lost) return s; /* with the thread under way */
    pthread_join(id, NULL);
    if (v->helped > 0)
        log_say(LOG_INFO, "processes without a unit of work evaluated %zu parts of others' generations",
                v->helped);
    if (v->failed == v->u->n) return OK;
    if (e != NULL) *e = v->err;
    return v->err.code;
}

Status server_run(const Line *line, size_t size, const CrewUnits *units, bool *lost, Err *e)
{
    Server *v = malloc(sizeof *v);
    long *lent = malloc(size * sizeof *lent);
    *lost = v == NULL || lent == NULL;
    if (*lost) {
        free(v);
        free(lent);
        FAIL(e, ERR_NOMEM, "no memory for %zu processes", size);
    }
    *v = (Server){.line = line, .size = size, .u = units, .failed = units->n, .lent = lent};
    for (size_t i = 0; i < size; i++) lent[i] = AT_WORK;
    queue_open(&v->to_own);
    queue_open(&v->from_own);
    v->here = (MsgPipe){&v->from_own, &v->to_own, 0};
    v->own = (MsgPipe){&v->to_own, &v->from_own, 0};
    Status s = server_start(v, lost, e);
    if (*lost) return s; /* the thread still works with v until the process ends */
    queue_close(&v->to_own);
    queue_close(&v->from_own);
    free(lent);
    free(v);
    return s;
}
