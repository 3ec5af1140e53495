/* Units handed out by crew_server to crew_worker, all in this process: workers are threads, and messages go
 * through queues. */
#include "../../../src/run/crew_msg.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { MOST_WORKERS = 5, ITEMS = 23, ROUNDS = 4 };

/* What a job does to go wrong. */
typedef enum { ALL_WELL, HELP_FAILS, UNIT_FAILS, HERE_FAILS, TAKE_FAILS } Fault;

typedef struct {
    Fault fault;
    size_t n_units, n_workers;
    atomic_size_t begun, helped, gifts;
    _Atomic double made[16]; /* [n_units] sums of what their items gave */
} Job;

typedef struct {
    Job *job;
    double got[ITEMS];
} Round;

static double item_value(double seed, size_t i)
{
    return seed * (double)(i + 1);
}

static Status round_here(void *ctx, size_t from, size_t to, Err *e)
{
    Round *r = ctx;
    if (r->job->fault == HERE_FAILS) FAIL(e, ERR_NUM, "not here");
    for (size_t i = from; i < to; i++) r->got[i] = item_value(3, i);
    return OK;
}

static Status round_take(void *ctx, size_t from, size_t to, const void *data, size_t n, Err *e)
{
    Round *r = ctx;
    (void)e;
    cr_assert_eq(n, (to - from) * sizeof(double));
    for (size_t i = from; i < to; i++) {
        cr_assert_eq(r->got[i], 0, "item %zu was done twice", i);
        r->got[i] = ((const double *)data)[i - from];
    }
    return OK;
}

/* Rounds of items one after the other; the largest unit goes on until everybody else is free to help. */
static Status job_work(void *ctx, size_t unit, const void *data, size_t n, const CrewGive *give, Err *e)
{
    Job *j = ctx;
    const double seed = 3;
    (void)data, (void)n;
    j->begun++;
    if (j->fault == UNIT_FAILS && unit == 1) FAIL(e, ERR_ARG, "unit %zu is bad", unit);
    double sum = 0;
    for (size_t k = 0;
         k < ROUNDS || (unit == 0 && j->fault == ALL_WELL && j->n_workers > 1 && j->helped == 0); k++) {
        Round r = {.job = j};
        TRY(give->spread(give->ctx, &seed, sizeof seed, &(CrewItems){ITEMS, round_here, round_take, &r}, e));
        for (size_t i = 0; i < ITEMS; i++) sum = k == 0 ? sum + r.got[i] : sum;
        if (k > 0) nap(NAP_IDLE);
    }
    j->made[unit] = sum;
    char *gift = calloc(1, 8);
    cr_assert_not_null(gift);
    return give->fn(give->ctx, gift, 8, e);
}

static Status job_help(void *ctx, const void *data, size_t n, size_t from, size_t to, void **out,
                       size_t *n_out, Err *e)
{
    Job *j = ctx;
    cr_assert_eq(n, sizeof(double));
    if (j->fault == HELP_FAILS) FAIL(e, ERR_NOMEM, "no room to help");
    double *v = malloc((to - from) * sizeof *v);
    cr_assert_not_null(v);
    for (size_t i = from; i < to; i++) v[i - from] = item_value(*(const double *)data, i);
    j->helped += to - from;
    *out = v;
    *n_out = (to - from) * sizeof *v;
    return OK;
}

static Status job_take(void *ctx, size_t unit, const void *data, size_t n, Err *e)
{
    Job *j = ctx;
    (void)data;
    cr_assert_eq(n, 8);
    if (j->fault == TAKE_FAILS && unit == 0) FAIL(e, ERR_IO, "the disk is full");
    j->gifts++;
    return OK;
}

/* ---- workers beside the first process ---- */

typedef struct {
    MsgQueue to, from;
    MsgPipe here, there; /* the ends of the server and of the worker */
    const CrewJob *job;
    void *ctx;
    pthread_t id;
} Beside;
typedef struct {
    Beside w[MOST_WORKERS];
    size_t n; /* with number 0, which is not used */
} Hub;

static Status hub_send(void *ctx, Msg *m, Err *e)
{
    Hub *h = ctx;
    cr_assert_lt(m->peer, h->n);
    Line l = pipe_line(&h->w[m->peer].here);
    return l.send(l.ctx, m, e);
}

static Status hub_poll(void *ctx, Msg **m, Err *e)
{
    Hub *h = ctx;
    *m = NULL;
    for (size_t i = 1; i < h->n && *m == NULL; i++) {
        Line l = pipe_line(&h->w[i].here);
        TRY(l.poll(l.ctx, m, e));
    }
    return OK;
}

static void *beside_main(void *arg)
{
    Beside *b = arg;
    Err e = {0};
    Line l = pipe_line(&b->there);
    cr_assert_eq(worker_run(&l, b->job, b->ctx, &e), OK, "%s", e.msg);
    return NULL;
}

static void hub_open(Hub *h, const CrewJob *job, Job *ctx)
{
    h->n = ctx->n_workers;
    for (size_t i = 1; i < h->n; i++) {
        Beside *b = &h->w[i];
        queue_open(&b->to);
        queue_open(&b->from);
        b->here = (MsgPipe){&b->from, &b->to, i};
        b->there = (MsgPipe){&b->to, &b->from, 0};
        b->job = job;
        b->ctx = ctx;
        cr_assert_eq(pthread_create(&b->id, NULL, beside_main, b), 0);
    }
}

static void hub_close(Hub *h)
{
    for (size_t i = 1; i < h->n; i++) {
        pthread_join(h->w[i].id, NULL);
        cr_assert_null(h->w[i].to.first, "worker %zu was told something that it did not hear", i);
        cr_assert_null(h->w[i].from.first, "worker %zu said something that nobody heard", i);
        queue_close(&h->w[i].to);
        queue_close(&h->w[i].from);
    }
}

static Status units_of(Job *j, Err *e)
{
    static const CrewJob job = {.take = job_take, .work = job_work, .help = job_help};
    Hub h = {0};
    bool lost = false;
    hub_open(&h, &job, j);
    Line line = {hub_send, hub_poll, NULL, &h}; /* the server naps at its own thread's queue */
    Status s = server_run(&line, j->n_workers, &(CrewUnits){NULL, j->n_units, &job, j}, &lost, e);
    cr_assert_not(lost);
    hub_close(&h);
    return s;
}

static void job_is_whole(const Job *j)
{
    double want = 0;
    for (size_t i = 0; i < ITEMS; i++) want += item_value(3, i);
    cr_assert_eq(j->begun, j->n_units);
    cr_assert_eq(j->gifts, j->n_units);
    for (size_t i = 0; i < j->n_units; i++)
        cr_assert_eq(j->made[i], want, "unit %zu: %g, want %g", i, j->made[i], want);
}

Test(crew, any_number_of_workers_does_all_units_and_items)
{
    for (size_t workers = 1; workers <= MOST_WORKERS; workers++)
        for (size_t units = 1; units <= 7; units += 2) {
            Err e = {0};
            Job j = {.n_units = units, .n_workers = workers};
            cr_assert_eq(units_of(&j, &e), OK, "%s", e.msg);
            job_is_whole(&j);
            cr_assert_eq(j.helped > 0, workers > 1, "%zu workers, %zu units: %zu items by others", workers,
                         units, (size_t)j.helped);
        }
}

Test(crew, what_helpers_cannot_do_is_done_by_who_asked)
{
    Err e = {0};
    Job j = {.n_units = 2, .n_workers = 4, .fault = HELP_FAILS};
    cr_assert_eq(units_of(&j, &e), OK, "%s", e.msg);
    job_is_whole(&j);
    cr_assert_eq(j.helped, 0);
}

Test(crew, a_failure_is_that_of_the_first_unit_and_ends_all)
{
    static const struct {
        Fault fault;
        Status want;
        const char *says;
    } of[] = {{UNIT_FAILS, ERR_ARG, "unit 1 is bad"},
              {HERE_FAILS, ERR_NUM, "not here"},
              {TAKE_FAILS, ERR_IO, "the disk is full"}};
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
        for (size_t workers = 1; workers <= MOST_WORKERS; workers++) {
            Err e = {0};
            Job j = {.n_units = 16, .n_workers = workers, .fault = of[i].fault};
            cr_assert_eq(units_of(&j, &e), of[i].want, "%s", e.msg);
            cr_assert_str_eq(e.msg, of[i].says);
            cr_assert(of[i].fault == TAKE_FAILS || j.gifts < j.n_units);
        }
}
