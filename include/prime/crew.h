/* crew.h - the processes that `mpirun` or `srun` has started together, for sweeps on many cores or machines.
 *
 * The first of them (rank 0) writes the ledger and hands out work to those that are free, itself among them.
 * It needs one thread more than the others, which sleeps most of the time. Who is free when there is no more
 * is lent to a process that still has a unit of work, and evaluates a share of every large generation of its
 * searches (below about 64 thousand tokens it would not pay); generations of races (evolve.race), whose
 * candidates are compared halfway, stay with the threads of the process that has the search, and so do the
 * attacks on what was found. If a process is lost, MPI ends all of them; what they have given to the first is
 * in the ledger. Without MPI in the build, or started alone, a process is a crew of one. */
#ifndef PRIME_CREW_H
#define PRIME_CREW_H

#include "prime/err.h"

#include <stddef.h>

typedef struct Crew Crew;

/* crew_open - join the others; NULL in *c where there are none. Once a process, before its threads.
 * crew_close - leave; accepts NULL. crew_on_lost - what tells why this process cannot go on, before MPI ends
 * all of them; accepts NULL for c. Errors: ERR_UNSUP started beside others, but built without MPI; ERR_IO MPI
 * cannot be started. */
Status crew_open(Crew **c, Err *e) PRIME_MUST_USE;
void crew_on_lost(Crew *c, void (*last)(const Err *e));
void crew_close(Crew *c);

/* crew_agree - what the process with the lowest rank that has failed returns, with its message; OK when none
 * has. Nobody goes on before all are here. A failure is for good: whoever fails elsewhere comes to the next
 * agreement on its way out, where the others learn of it, and no agreement after that waits for anybody. So
 * work for all begins with one. */
Status crew_agree(Crew *c, Status mine, Err *e) PRIME_MUST_USE;

/* crew_rank - this process, from 0; crew_size - how many there are; of NULL 0 and 1. crew_library - name and
 * version of the MPI library, or "none". */
size_t crew_rank(const Crew *c);
size_t crew_size(const Crew *c);
const char *crew_library(void);

#endif
