/* crew.c - processes under MPI. The first one serves: its main thread alone speaks MPI, receives what others
 * give and hands out units; a second thread works, as the others do. Waiting is asking every half
 * millisecond, since MPI's own waiting keeps a core busy. */
#include "crew_priv.h"

#include "prime/log.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef PRIME_MPI
#define OMPI_SKIP_MPICXX 1
#include <limits.h>
#include <mpi.h>
#endif

/* ---- who there is ---- */

/* What mpirun and srun tell each process. */
static size_t crew_started(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};
    static const char *const marks[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"};
    bool marked = false;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) marked = marked || getenv(marks[i]) != NULL;
    for (size_t i = 0; marked && i < sizeof names / sizeof names[0]; i++)
        if (getenv(names[i]) != NULL) return strtoul(getenv(names[i]), NULL, 10);
    return 1;
}

struct Crew {
    int rank, size;
};

#ifdef PRIME_MPI

static Status crew_join(Crew **out, Err *e)
{
    int given = 0;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given) != MPI_SUCCESS ||
        given < MPI_THREAD_FUNNELED)
        FAIL(e, ERR_IO, "MPI cannot be started with threads beside it");
    Crew *c = calloc(1, sizeof *c);
    if (c == NULL) FAIL(e, ERR_NOMEM, "no memory for a crew");
    MPI_Comm_rank(MPI_COMM_WORLD, &c->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &c->size);
    *out = c;
    return OK;
}

static void crew_nap(void)
{
    nanosleep(&(struct timespec){0, 500000}, NULL);
}

static void crew_wait(MPI_Request *r)
{
    int done = 0;
    for (MPI_Test(r, &done, MPI_STATUS_IGNORE); !done; MPI_Test(r, &done, MPI_STATUS_IGNORE)) crew_nap();
}

/* ---- agreeing ---- */

static void agree_message(Crew *c, int first, Err *err)
{
    MPI_Request r;
    MPI_Ibcast(err, (int)sizeof *err, MPI_BYTE, first, MPI_COMM_WORLD, &r);
    crew_wait(&r);
    if (c->rank != first) err->file = NULL; /* a pointer of another process */
}

static Status agree_first(Crew *c, Status mine, Err *e)
{
    MPI_Request r;
    int own = mine != OK ? c->rank : c->size, first = c->size;
    MPI_Iallreduce(&own, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD, &r);
    crew_wait(&r);
    if (first == c->size) return OK;
    Err said = {.code = mine};
    if (first == c->rank && e != NULL) said = *e;
    agree_message(c, first, &said);
    if (e != NULL && mine == OK) *e = said;
    return said.code;
}

/* ---- messages ---- */

/* To the first: a unit is done or none was begun (WANT), something it made (GIFT), it failed (FAILED, an Err
 * follows). From the first: do this (UNIT), there is no more (STOP). */
enum { TAG_WANT = 1, TAG_GIFT, TAG_FAILED, TAG_UNIT, TAG_STOP };

/* Before the bytes of every message. */
typedef struct {
    uint64_t unit;
} MsgHead;

typedef struct {
    int from, tag;
    size_t unit, n;
    char *data; /* n bytes within buf */
    char *buf;
} Msg;

static Status msg_send(int to, int tag, size_t unit, const void *data, size_t n, Err *e)
{
    size_t all = sizeof(MsgHead) + n;
    if (all > INT_MAX) FAIL(e, ERR_UNSUP, "a message of %zu bytes, want at most %d", all, INT_MAX);
    char *buf = malloc(all);
    if (buf == NULL) FAIL(e, ERR_NOMEM, "no memory for a message of %zu bytes", all);
    *(MsgHead *)(void *)buf = (MsgHead){unit};
    if (n > 0) memcpy(buf + sizeof(MsgHead), data, n);
    MPI_Request r;
    MPI_Isend(buf, (int)all, MPI_BYTE, to, tag, MPI_COMM_WORLD, &r);
    crew_wait(&r);
    free(buf);
    return OK;
}

/* *got: whether there was one. */
static Status msg_poll(Msg *m, bool *got, int from, Err *e)
{
    MPI_Message handle;
    MPI_Status st;
    int there = 0, bytes = 0;
    MPI_Improbe(from, MPI_ANY_TAG, MPI_COMM_WORLD, &there, &handle, &st);
    *got = there != 0;
    if (!there) return OK;
    MPI_Get_count(&st, MPI_BYTE, &bytes);
    char *buf = malloc((size_t)bytes + sizeof(MsgHead));
    if (buf == NULL) FAIL(e, ERR_NOMEM, "no memory for a message of %d bytes", bytes);
    MPI_Mrecv(buf, bytes, MPI_BYTE, &handle, MPI_STATUS_IGNORE);
    const MsgHead *head = (const MsgHead *)(const void *)buf;
    *m = (Msg){.from = st.MPI_SOURCE,
               .tag = st.MPI_TAG,
               .unit = (size_t)head->unit,
               .n = (size_t)bytes - sizeof *head,
               .data = buf + sizeof *head,
               .buf = buf};
    return OK;
}

/* ---- a worker ---- */

typedef struct {
    size_t unit;
} WorkerAt;

static Status worker_give(void *ctx, void *data, size_t n, Err *e)
{
    const WorkerAt *at = ctx;
    Status s = msg_send(0, TAG_GIFT, at->unit, data, n, e);
    free(data);
    return s;
}

static Status worker_failed(size_t unit, Status s, const Err *err, Err *e)
{
    Err said = *err;
    said.code = s;
    return msg_send(0, TAG_FAILED, unit, &said, sizeof said, e);
}

/* Until there is no more. A failure of a unit is told to the first; what is returned are failures to tell. */
static Status worker_loop(const CrewJob *job, void *ctx, Err *e)
{
    WorkerAt at = {SIZE_MAX};
    CrewGive give = {worker_give, &at};
    TRY(msg_send(0, TAG_WANT, at.unit, NULL, 0, e));
    for (;;) {
        Msg m = {0};
        bool got = false;
        TRY(msg_poll(&m, &got, 0, e));
        if (!got) {
            crew_nap();
            continue;
        }
        bool more = m.tag == TAG_UNIT;
        Err err = {0};
        at.unit = m.unit;
        Status s = more ? job->work(ctx, m.unit, m.data, m.n, &give, &err) : OK;
        free(m.buf);
        if (!more) return OK;
        TRY(s == OK ? msg_send(0, TAG_WANT, at.unit, NULL, 0, e) : worker_failed(at.unit, s, &err, e));
    }
}

/* ---- the first process ---- */

/* What the serving thread and the working one hand each other: one thing at a time. */
typedef enum { OWN_WANTS, OWN_WORKS, OWN_GIVES, OWN_FAILED, OWN_STOPS } OwnState;
typedef struct {
    const size_t *order;
    size_t n, next;
    const CrewJob *job;
    void *ctx;
    size_t failed; /* place in the order of the first unit that failed; n: none */
    Err err;
    size_t left; /* other processes that have not been told to stop */
    pthread_mutex_t lock;
    pthread_cond_t turn;
    OwnState own;
    size_t unit; /* of the working thread */
    void *data;  /* that goes to it, or comes from it */
    size_t n_data;
    Err own_err;
} Server;

static size_t server_unit(const Server *v, size_t place)
{
    return v->order != NULL ? v->order[place] : place;
}

static void server_fail(Server *v, size_t unit, const Err *err)
{
    size_t place = 0;
    while (place < v->n && server_unit(v, place) != unit) place++;
    if (place >= v->failed && v->failed < v->n) return;
    v->failed = place < v->n ? place : v->n - 1;
    v->err = *err;
}

/* The next unit with what goes with it; false: there is none. */
static bool server_next(Server *v, size_t *unit, void **data, size_t *n)
{
    *data = NULL;
    *n = 0;
    if (v->failed < v->n || v->next == v->n) return false;
    *unit = server_unit(v, v->next++);
    Err err = {0};
    Status s = v->job->pack != NULL ? v->job->pack(v->ctx, *unit, data, n, &err) : OK;
    err.code = s;
    if (s != OK) server_fail(v, *unit, &err);
    return s == OK;
}

static void server_take(Server *v, size_t unit, const void *data, size_t n)
{
    Err err = {0};
    Status s = v->job->take != NULL ? v->job->take(v->ctx, unit, data, n, &err) : OK;
    err.code = s;
    if (s != OK) server_fail(v, unit, &err);
}

static Status server_answer(Server *v, int to, Err *e)
{
    size_t unit = 0, n = 0;
    void *data = NULL;
    if (!server_next(v, &unit, &data, &n)) {
        v->left--;
        return msg_send(to, TAG_STOP, 0, NULL, 0, e);
    }
    Status s = msg_send(to, TAG_UNIT, unit, data, n, e);
    free(data);
    return s;
}

static Status server_message(Server *v, Msg *m, Err *e)
{
    if (m->tag == TAG_FAILED) {
        Err err;
        memcpy(&err, m->data, sizeof err);
        err.file = NULL; /* a pointer of another process */
        server_fail(v, m->unit, &err);
    }
    if (m->tag == TAG_GIFT) server_take(v, m->unit, m->data, m->n);
    int from = m->from, tag = m->tag;
    free(m->buf);
    return tag == TAG_GIFT ? OK : server_answer(v, from, e);
}

/* ---- its own worker ---- */

static Status own_give(void *ctx, void *data, size_t n, Err *e)
{
    Server *v = ctx;
    (void)e;
    pthread_mutex_lock(&v->lock);
    v->data = data;
    v->n_data = n;
    v->own = OWN_GIVES;
    while (v->own == OWN_GIVES) pthread_cond_wait(&v->turn, &v->lock);
    pthread_mutex_unlock(&v->lock);
    return OK;
}

static void own_say(Server *v, OwnState state)
{
    pthread_mutex_lock(&v->lock);
    v->own = state;
    while (v->own == state) pthread_cond_wait(&v->turn, &v->lock);
    pthread_mutex_unlock(&v->lock);
}

static void *own_main(void *arg)
{
    Server *v = arg;
    CrewGive give = {own_give, v};
    for (own_say(v, OWN_WANTS); v->own == OWN_WORKS;) {
        void *data = v->data;
        v->own_err = (Err){0};
        Status s = v->job->work(v->ctx, v->unit, data, v->n_data, &give, &v->own_err);
        v->own_err.code = s;
        free(data);
        own_say(v, s == OK ? OWN_WANTS : OWN_FAILED);
    }
    return NULL;
}

/* Whether it had something to say; *stopped: whether it is through. */
static bool server_own(Server *v, bool *stopped)
{
    bool busy = false;
    pthread_mutex_lock(&v->lock);
    if (v->own == OWN_GIVES) {
        server_take(v, v->unit, v->data, v->n_data);
        free(v->data);
        v->own = OWN_WORKS;
        busy = true;
    } else if (v->own == OWN_WANTS || v->own == OWN_FAILED) {
        if (v->own == OWN_FAILED) server_fail(v, v->unit, &v->own_err);
        v->own = server_next(v, &v->unit, &v->data, &v->n_data) ? OWN_WORKS : OWN_STOPS;
        busy = true;
    }
    *stopped = v->own == OWN_STOPS;
    pthread_cond_broadcast(&v->turn);
    pthread_mutex_unlock(&v->lock);
    return busy;
}

static Status server_loop(Server *v, Err *e)
{
    bool stopped = false;
    while (v->left > 0 || !stopped) {
        Msg m = {0};
        bool got = false, busy = server_own(v, &stopped);
        TRY(msg_poll(&m, &got, MPI_ANY_SOURCE, e));
        if (got) TRY(server_message(v, &m, e));
        if (!got && !busy) crew_nap();
    }
    return OK;
}

/* A failure to send or receive leaves the others waiting: there is no way on. */
static Status server_run(Server *v, Err *e)
{
    pthread_t id;
    pthread_mutex_init(&v->lock, NULL);
    pthread_cond_init(&v->turn, NULL);
    v->own = OWN_WORKS;
    if (pthread_create(&id, NULL, own_main, v) != 0) FAIL(e, ERR_NOMEM, "no memory for a thread");
    Status s = server_loop(v, e);
    if (s != OK) log_say(LOG_WARN, "%s", e->msg), MPI_Abort(MPI_COMM_WORLD, 1);
    pthread_join(id, NULL);
    pthread_cond_destroy(&v->turn);
    pthread_mutex_destroy(&v->lock);
    if (v->failed == v->n) return OK;
    if (e != NULL) *e = v->err;
    return v->err.code;
}

static Status server_start(Crew *c, const size_t *order, size_t n, const CrewJob *job, void *ctx, Err *e)
{
    if (n < (size_t)c->size)
        log_say(LOG_INFO, "%zu units of work for %d processes: %zu of them have nothing to do", n, c->size,
                (size_t)c->size - n);
    Server v = {.order = order, .n = n, .job = job, .ctx = ctx, .failed = n, .left = (size_t)c->size - 1};
    return server_run(&v, e);
}

#endif

/* ---- what others call; without MPI every crew is NULL ---- */

Status crew_open(Crew **out, Err *e)
{
    *out = NULL;
    if (crew_started() <= 1) return OK;
#ifdef PRIME_MPI
    return crew_join(out, e);
#else
    FAIL(e, ERR_UNSUP,
         "%zu processes were started together, but this program was built without MPI, and each would do all "
         "the work; build it with -Dmpi=enabled, or use --shard",
         crew_started());
#endif
}

void crew_close(Crew *c)
{
    if (c == NULL) return;
#ifdef PRIME_MPI
    MPI_Finalize();
#endif
    free(c);
}

size_t crew_rank(const Crew *c)
{
    return c != NULL ? (size_t)c->rank : 0;
}

size_t crew_size(const Crew *c)
{
    return c != NULL ? (size_t)c->size : 1;
}

const char *crew_library(void)
{
#ifdef PRIME_MPI
    static char name[MPI_MAX_LIBRARY_VERSION_STRING];
    int n = 0;
    MPI_Get_library_version(name, &n);
    name[strcspn(name, ",\n")] = '\0';
    return name;
#else
    return "none";
#endif
}

Status crew_agree(Crew *c, Status mine, Err *e)
{
    if (crew_size(c) == 1) return mine;
#ifdef PRIME_MPI
    return agree_first(c, mine, e);
#else
    (void)e;
    return mine;
#endif
}

size_t crew_first(Crew *c, size_t mine)
{
    uint64_t said = mine;
    if (crew_size(c) == 1) return mine;
#ifdef PRIME_MPI
    MPI_Request r;
    MPI_Ibcast(&said, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD, &r);
    crew_wait(&r);
#endif
    return (size_t)said;
}

Status crew_run(Crew *c, const size_t *order, size_t n, const CrewJob *job, void *ctx, Err *e)
{
    if (n == 0) return crew_agree(c, OK, e);
#ifdef PRIME_MPI
    Status s = crew_rank(c) > 0 ? worker_loop(job, ctx, e) : server_start(c, order, n, job, ctx, e);
    return crew_agree(c, s, e);
#else
    (void)order, (void)job, (void)ctx;
    FAIL(e, ERR_UNSUP, "%zu units of work for several processes, but this program was built without MPI", n);
#endif
}
