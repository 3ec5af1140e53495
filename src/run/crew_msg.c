/* crew_msg.c - messages, and queues of them between threads. */
#include "crew_msg.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

Status msg_new(Msg **out, size_t to, const MsgHead *head, const void *data, size_t n, Err *e)
{
    Msg *m = malloc(sizeof *m + n);
    if (m == NULL) FAIL(e, ERR_NOMEM, "no memory for a message of %zu bytes", n);
    *m = (Msg){.peer = to, .n = n, .head = *head};
    if (data != NULL) memcpy(m->data, data, n);
    *out = m;
    return OK;
}

Status line_send(const Line *l, size_t to, const MsgHead *head, const void *data, size_t n, Err *e)
{
    Msg *m = NULL;
    TRY(msg_new(&m, to, head, data, n, e));
    return l->send(l->ctx, m, e);
}

/* ---- waiting ---- */

long naps_next(Naps *n)
{
    long ns = n->ns;
    n->ns += ns / 8;
    if (n->ns > n->most) n->ns = n->most;
    return ns;
}

void nap(long ns)
{
    nanosleep(&(struct timespec){0, ns}, NULL);
}

Status line_wait(const Line *l, Msg **m, Err *e)
{
    Naps n = {NAP_FIRST, NAP_IDLE};
    for (;;) {
        TRY(l->poll(l->ctx, m, e));
        if (*m != NULL) return OK;
        l->nap(l->ctx, naps_next(&n));
    }
}

/* ---- through memory ---- */

void queue_open(MsgQueue *q)
{
    pthread_condattr_t attr;
    *q = (MsgQueue){0};
    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&q->came, &attr);
    pthread_condattr_destroy(&attr);
}

void queue_close(MsgQueue *q)
{
    for (Msg *m = q->first, *next; m != NULL; m = next) {
        next = m->next;
        free(m);
    }
    pthread_cond_destroy(&q->came);
    pthread_mutex_destroy(&q->lock);
}

static Status pipe_send(void *ctx, Msg *m, Err *e)
{
    MsgQueue *q = ((const MsgPipe *)ctx)->out;
    (void)e;
    m->next = NULL;
    pthread_mutex_lock(&q->lock);
    if (q->first == NULL)
        q->first = m;
    else
        q->last->next = m;
    q->last = m;
    pthread_cond_signal(&q->came);
    pthread_mutex_unlock(&q->lock);
    return OK;
}

static Status pipe_poll(void *ctx, Msg **m, Err *e)
{
    const MsgPipe *p = ctx;
    (void)e;
    pthread_mutex_lock(&p->in->lock);
    *m = p->in->first;
    if (*m != NULL) p->in->first = (*m)->next;
    pthread_mutex_unlock(&p->in->lock);
    if (*m != NULL) (*m)->peer = p->rank;
    return OK;
}

static void pipe_nap(void *ctx, long ns)
{
    const MsgPipe *p = ctx;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    ns += until.tv_nsec;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&p->in->lock);
    if (p->in->first == NULL) pthread_cond_timedwait(&p->in->came, &p->in->lock, &until);
    pthread_mutex_unlock(&p->in->lock);
}

Line pipe_line(MsgPipe *p)
{
    return (Line){pipe_send, pipe_poll, pipe_nap, p};
}
