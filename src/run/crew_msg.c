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
    if (n > 0) memcpy(m->data, data, n);
    *out = m;
    return OK;
}

Status line_send(const Line *l, size_t to, const MsgHead *head, const void *data, size_t n, Err *e)
{
    Msg *m = NULL;
    TRY(msg_new(&m, to, head, data, n, e));
    return l->send(l->ctx, m, e);
}

void line_nap(void)
{
    nanosleep(&(struct timespec){0, 500000}, NULL);
}

/* ---- through memory ---- */

void queue_open(MsgQueue *q)
{
    *q = (MsgQueue){0};
    pthread_mutex_init(&q->lock, NULL);
}

void queue_close(MsgQueue *q)
{
    for (Msg *m = q->first, *next; m != NULL; m = next) {
        next = m->next;
        free(m);
    }
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

Line pipe_line(MsgPipe *p)
{
    return (Line){pipe_send, pipe_poll, p};
}
