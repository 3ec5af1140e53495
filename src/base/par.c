#include "prime/par.h"

#include "prime/host.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MAX_THREADS = 256 };

static size_t the_threads;
static _Thread_local bool the_inside; /* of a job that runs beside others */

typedef struct {
    pthread_mutex_t lock;
    size_t next, n, failed; /* failed: lowest failing job so far, n if none */
    ParJob job;
    void *ctx;
    Err err;
} ParPool;

typedef struct {
    ParPool *pool;
    size_t thread;
} ParWorker;

static size_t pool_take(ParPool *p)
{
    pthread_mutex_lock(&p->lock);
    size_t j = p->failed < p->n ? p->n : p->next;
    if (j < p->n) p->next++;
    pthread_mutex_unlock(&p->lock);
    return j;
}

static void pool_fail(ParPool *p, size_t j, const Err *e)
{
    pthread_mutex_lock(&p->lock);
    if (j < p->failed) {
        p->failed = j;
        p->err = *e;
    }
    pthread_mutex_unlock(&p->lock);
}

static void *worker_main(void *arg)
{
    ParWorker *w = arg;
    ParPool *p = w->pool;
    for (size_t j = pool_take(p); j < p->n; j = pool_take(p)) {
        Err e = {0};
        Status s = p->job(p->ctx, j, w->thread, &e);
        e.code = s;
        if (s != OK) pool_fail(p, j, &e);
    }
    return NULL;
}

static void *worker_begin(void *arg)
{
    the_inside = true;
    return worker_main(arg);
}

Status par_run(size_t n, size_t threads, ParJob job, void *ctx, Err *e)
{
    if (threads > n) threads = n;
    bool inside = the_inside;
    if (inside) threads = 1;
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    ParPool p = {.lock = PTHREAD_MUTEX_INITIALIZER, .n = n, .failed = n, .job = job, .ctx = ctx};
    ParWorker w[MAX_THREADS];
    pthread_t id[MAX_THREADS];
    size_t started = 1;
    for (; started < threads; started++) {
        w[started] = (ParWorker){&p, started};
        if (pthread_create(&id[started], NULL, worker_begin, &w[started]) != 0)
            break; /* fewer threads will do */
    }
    w[0] = (ParWorker){&p, 0};
    the_inside = inside || started > 1;
    worker_main(&w[0]);
    the_inside = inside;
    for (size_t i = 1; i < started; i++) pthread_join(id[i], NULL);
    pthread_mutex_destroy(&p.lock);
    if (p.failed == n) return OK;
    if (e != NULL && e->code == OK) *e = p.err;
    return p.err.code;
}

size_t par_threads(void)
{
    if (the_inside) return 1;
    if (the_threads > 0) return the_threads;
    const char *env = getenv("PRIME_THREADS");
    long n = env != NULL ? strtol(env, NULL, 10) : 0;
    size_t use = n < 1 ? host_cpus() : (size_t)n;
    return use > MAX_THREADS ? MAX_THREADS : use;
}

void par_set_threads(size_t n)
{
    the_threads = n > MAX_THREADS ? MAX_THREADS : n;
}
