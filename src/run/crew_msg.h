/* crew_msg.h - messages between the first process, which hands out work, and the workers, one a process. All
 * go to the first or come from it. How they travel is a Line's affair: by MPI (crew.c), or through memory to
 * the worker that is a thread of the first process. */
#ifndef PRIME_CREW_MSG_H
#define PRIME_CREW_MSG_H

#include "crew_priv.h"

#include <pthread.h>
#include <stdbool.h>

typedef enum {
    /* To the first: the unit is done, or none was begun; something that it made; it failed (an Err follows);
     * whoever is lent to me is to do some of these items; items that were done for `rank` (or, without data,
     * were not). */
    MSG_WANT,
    MSG_GIFT,
    MSG_FAILED,
    MSG_ASK,
    MSG_DONE,
    /* From the first: do this; somebody was lent to you; the items are in so many parts (`unit`), the first
     * of which is yours; do these items for `rank`; these items of yours were done, or not; there is no more.
     */
    MSG_UNIT,
    MSG_LENT,
    MSG_PARTS,
    MSG_HELP,
    MSG_PART,
    MSG_STOP
} MsgTag;

typedef struct {
    uint64_t tag, unit, from, to, rank; /* items from .. to-1 */
} MsgHead;

typedef struct Msg {
    struct Msg *next;
    size_t peer; /* the rank that it goes to, or comes from */
    size_t n;
    MsgHead head;
    char data[]; /* [n] */
} Msg;

/* msg_new - to a process; data NULL: to be filled in. free releases it. Errors: ERR_NOMEM. */
Status msg_new(Msg **out, size_t to, const MsgHead *head, const void *data, size_t n, Err *e) PRIME_MUST_USE;

typedef struct {
    Status (*send)(void *ctx, Msg *m, Err *e);  /* takes over m */
    Status (*poll)(void *ctx, Msg **m, Err *e); /* NULL: there is none */
    void (*nap)(void *ctx, long ns); /* a worker's: so long, or until there is one if that can be told */
    void *ctx;
} Line;

/* line_send - a new message. line_wait - the next one. */
Status line_send(const Line *l, size_t to, const MsgHead *head, const void *data, size_t n,
                 Err *e) PRIME_MUST_USE;
Status line_wait(const Line *l, Msg **m, Err *e) PRIME_MUST_USE;

/* Waiting is asking again after a nap, since MPI's own waiting keeps a core busy. A nap costs what works on
 * the same core 30 to 60 us (timer, two switches). Each is an eighth longer than the one before, up to
 * `most`, so that a message is found late by at most a ninth of the time waited, or by `most`. Times in ns.
 */
enum { NAP_FIRST = 50000, NAP_IDLE = 500000, NAP_BESIDE_WORK = 4000000 };
typedef struct {
    long ns, most;
} Naps;
long naps_next(Naps *n);
void nap(long ns);

/* Two queues, the first of which is read and the second written to, between threads. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t came;
    Msg *first, *last;
} MsgQueue;
typedef struct {
    MsgQueue *in, *out;
    size_t rank; /* of who is at the other end of `in` */
} MsgPipe;
void queue_open(MsgQueue *q);
void queue_close(MsgQueue *q);
Line pipe_line(MsgPipe *p);

/* worker_run - do what comes until there is no more. A failure of a unit is told to the first; what is
 * returned are failures to tell. */
Status worker_run(const Line *line, const CrewJob *job, void *ctx, Err *e) PRIME_MUST_USE;

/* server_run - hand out units to `size` workers, of whom number 0 is a thread made here and all others are at
 * the end of the line. Errors: those of units, and failures to tell, after which others may wait for ever:
 * *lost says so. */
typedef struct {
    const size_t *order; /* or NULL */
    size_t n;
    const CrewJob *job;
    void *ctx;
} CrewUnits;
Status server_run(const Line *line, size_t size, const CrewUnits *units, bool *lost, Err *e) PRIME_MUST_USE;

#endif
