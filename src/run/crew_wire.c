/* crew_wire.c - how messages travel between processes by MPI. Who works sends and works on. */
#include "crew_wire.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void wire_wait(MPI_Request *r)
{
    int done = 0;
    Naps n = {NAP_FIRST, NAP_IDLE};
    for (MPI_Test(r, &done, MPI_STATUS_IGNORE); !done; MPI_Test(r, &done, MPI_STATUS_IGNORE))
        nap(naps_next(&n));
}

/* A message travels from its length on, in pieces so small that MPI libraries copy them at once (Open MPI's
 * eager limit is the least, 4096 bytes with a head of its own) and need nothing more of who sends. Pieces of
 * one process come in order. */
enum {
    WIRE_TAG = 1,
    WIRE_BEFORE = offsetof(Msg, n),
    WIRE_HEAD = sizeof(Msg) - WIRE_BEFORE,
    WIRE_PIECE = 4000
};

/* Of a message of n bytes, the piece that begins at one of them. */
static int wire_piece(size_t n, size_t at)
{
    return (int)(n - at < WIRE_PIECE ? n - at : WIRE_PIECE);
}

/* Messages that may not all have arrived, the oldest first: who sends works on. More than WIRE_AWAY bytes of
 * them are waited for. */
enum { WIRE_AWAY = 1 << 26 };
typedef struct Sent {
    struct Sent *next;
    Msg *m;
    size_t bytes;
    int n;
    MPI_Request r[]; /* [n] */
} Sent;
static struct {
    Sent *first, **end;
    size_t bytes;
} away = {.end = &away.first};

static bool away_gone(Sent *s)
{
    int done = 0;
    MPI_Testall(s->n, s->r, &done, MPI_STATUSES_IGNORE);
    return done;
}

static void away_drop(void)
{
    Sent *s = away.first;
    away.first = s->next;
    away.bytes -= s->bytes;
    if (away.first == NULL) away.end = &away.first;
    free(s->m);
    free(s);
}

/* Forget what has arrived, and wait for the rest until at most so many bytes are left. */
static void away_wait(size_t most)
{
    Naps n = {NAP_FIRST, NAP_IDLE};
    while (away.first != NULL) {
        if (away_gone(away.first))
            away_drop();
        else if (away.bytes > most)
            nap(naps_next(&n));
        else
            return;
    }
}

static Status wire_send(void *ctx, Msg *m, Err *e)
{
    char *from = (char *)m + WIRE_BEFORE;
    size_t n = WIRE_HEAD + m->n, pieces = (n + WIRE_PIECE - 1) / WIRE_PIECE;
    (void)ctx;
    Sent *s = malloc(sizeof *s + pieces * sizeof s->r[0]);
    if (s == NULL) free(m);
    if (s == NULL) FAIL(e, ERR_NOMEM, "no memory for the %zu parts of a message", pieces);
    *s = (Sent){.m = m, .bytes = n};
    for (size_t at = 0; at < n; at += WIRE_PIECE)
        MPI_Isend(from + at, wire_piece(n, at), MPI_BYTE, (int)m->peer, WIRE_TAG, MPI_COMM_WORLD,
                  &s->r[s->n++]);
    *away.end = s;
    away.end = &s->next;
    away.bytes += n;
    away_wait(WIRE_AWAY);
    return OK;
}

/* All but the first piece, which were sent at once after it. */
static void wire_rest(Msg *m)
{
    char *to = (char *)m + WIRE_BEFORE;
    size_t n = WIRE_HEAD + m->n;
    for (size_t at = WIRE_PIECE; at < n; at += WIRE_PIECE) {
        MPI_Request r;
        MPI_Irecv(to + at, wire_piece(n, at), MPI_BYTE, (int)m->peer, WIRE_TAG, MPI_COMM_WORLD, &r);
        wire_wait(&r);
    }
}

static Status wire_poll(void *ctx, Msg **out, Err *e)
{
    MPI_Message handle;
    MPI_Status st;
    Msg head = {0};
    char first[WIRE_PIECE];
    int there = 0, bytes = 0;
    (void)ctx;
    *out = NULL;
    MPI_Improbe(MPI_ANY_SOURCE, WIRE_TAG, MPI_COMM_WORLD, &there, &handle, &st);
    if (!there) return OK;
    MPI_Get_count(&st, MPI_BYTE, &bytes);
    MPI_Mrecv(first, bytes, MPI_BYTE, &handle, MPI_STATUS_IGNORE);
    memcpy((char *)&head + WIRE_BEFORE, first, WIRE_HEAD);
    TRY(msg_new(out, (size_t)st.MPI_SOURCE, &head.head, NULL, head.n, e));
    memcpy((char *)*out + WIRE_BEFORE, first, (size_t)bytes);
    wire_rest(*out);
    return OK;
}

static void wire_nap(void *ctx, long ns)
{
    (void)ctx;
    nap(ns);
}

Line wire_line(void)
{
    return (Line){wire_send, wire_poll, wire_nap, NULL};
}

void wire_flush(void)
{
    away_wait(0);
}
