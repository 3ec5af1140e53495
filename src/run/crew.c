/* crew.c - processes under MPI: who there is, agreeing, and units of work. Only the thread that called speaks
 * MPI. */
#include "crew_wire.h"

#include "prime/log.h"

#include <stdlib.h>
#include <string.h>

/* ---- who there is ---- */

/* What mpirun and srun tell each process. */
static size_t crew_started(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};
    static const char *const marks[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"};
    bool marked = false;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) marked = marked || getenv(marks[i]) != NULL;
    for (size_t i = 0; marked && i < sizeof names / sizeof names[0]; i++) {
        const char *said = getenv(names[i]);
        if (said != NULL) return strtoul(said, NULL, 10);
    }
    return 1;
}

struct Crew {
    int rank, size;
    Err failed; /* what all have agreed on, once one has failed */
    void (*last)(const Err *);
};

#ifdef PRIME_MPI

/* MPI is begun once in a process; memory for this could be refused when the others already wait for it. */
static Crew world;

static Status crew_join(Crew **out, Err *e)
{
    int given = 0;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given) != MPI_SUCCESS ||
        given < MPI_THREAD_FUNNELED)
        FAIL(e, ERR_IO, "MPI cannot be started with threads beside it");
    MPI_Comm_rank(MPI_COMM_WORLD, &world.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &world.size);
    *out = &world;
    return OK;
}

/* ---- agreeing ---- */

static void agree_message(Crew *c, int first, Err *err)
{
    MPI_Request r;
    MPI_Ibcast(err, (int)sizeof *err, MPI_BYTE, first, MPI_COMM_WORLD, &r);
    wire_wait(&r);
    if (c->rank != first) err->file = NULL; /* a pointer of another process */
}

/* Who failed itself keeps its own message. */
static Status agreed(const Crew *c, Status mine, Err *e)
{
    if (e != NULL && mine == OK) *e = c->failed;
    return c->failed.code;
}

static Status agree_first(Crew *c, Status mine, Err *e)
{
    MPI_Request r;
    int own = mine != OK ? c->rank : c->size, first = c->size;
    if (c->failed.code != OK) return agreed(c, mine, e);
    MPI_Iallreduce(&own, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD, &r);
    wire_wait(&r);
    if (first == c->size) return OK;
    Err said = {.code = mine};
    if (first == c->rank && e != NULL) said = *e;
    agree_message(c, first, &said);
    c->failed = said;
    return agreed(c, mine, e);
}

/* ---- units ---- */

/* A failure to send or receive leaves the others waiting: there is no way on. */
static Status wire_run(const Crew *c, const CrewUnits *u, Err *e)
{
    const Line line = wire_line();
    bool lost = false;
    Err err = {0};
    if (c->rank > 0) {
        err.code = worker_run(&line, u->job, u->ctx, &err);
        lost = err.code != OK;
    } else {
        if (u->n < (size_t)c->size)
            log_say(LOG_INFO, "%zu units of work for %d processes: %zu of them %s", u->n, c->size,
                    (size_t)c->size - u->n, u->job->help != NULL ? "help others" : "have nothing to do");
        err.code = server_run(&line, (size_t)c->size, u, &lost, &err);
    }
    if (!lost) wire_flush();
    if (lost && c->last != NULL) c->last(&err);
    if (lost) MPI_Abort(MPI_COMM_WORLD, 1);
    if (err.code != OK && e != NULL) *e = err;
    return err.code;
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
}

void crew_on_lost(Crew *c, void (*last)(const Err *e))
{
    if (c != NULL) c->last = last;
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
    wire_wait(&r);
#endif
    return (size_t)said;
}

void crew_spread(Crew *c, void *data, size_t bytes, size_t from)
{
    if (crew_size(c) == 1) return;
#ifdef PRIME_MPI
    MPI_Request r;
    MPI_Ibcast(data, (int)bytes, MPI_BYTE, (int)from, MPI_COMM_WORLD, &r);
    wire_wait(&r);
#else
    (void)data, (void)bytes, (void)from;
#endif
}

Status crew_run(Crew *c, const size_t *order, size_t n, const CrewJob *job, void *ctx, Err *e)
{
    TRY(crew_agree(c, OK, e));
    if (n == 0) return OK;
#ifdef PRIME_MPI
    return crew_agree(c, wire_run(c, &(CrewUnits){order, n, job, ctx}, e), e);
#else
    (void)order, (void)job, (void)ctx;
    FAIL(e, ERR_UNSUP, "%zu units of work for several processes, but this program was built without MPI", n);
#endif
}
