/* par.h - run n independent jobs on a few threads. Jobs are handed out in index order; results belong in
 * slots indexed by job, so that what comes out does not depend on the number of threads. */
#ifndef PRIME_PAR_H
#define PRIME_PAR_H

#include "prime/err.h"

#include <stddef.h>

typedef Status (*ParJob)(void *ctx, size_t job, size_t thread, Err *e);

/* par_run - job(ctx, 0..n-1, thread in [0, threads)) on up to `threads` threads, the caller's among them.
 * After a failure no new job starts; the error with the lowest job index is reported. Inside a job that runs
 * beside others there is one thread: jobs of jobs do not multiply.
 * Errors: what a job returns; ERR_NOMEM when no memory for the bookkeeping. */
Status par_run(size_t n, size_t threads, ParJob job, void *ctx, Err *e) PRIME_MUST_USE;

/* par_threads - the number of threads to use: PRIME_THREADS if set, else the processors that the process may
 * use (host_cpus); 1 inside a job that runs beside others. */
size_t par_threads(void);
/* par_set_threads - override it for the process (cli's --threads); 0 goes back to the default. */
void par_set_threads(size_t n);

#endif
