/* crew_priv.h - work for several processes: handing it out, and agreeing on how it went. All functions are
 * called by all processes of a crew, in the same order; a crew that is NULL is one process. */
#ifndef PRIME_CREW_PRIV_H
#define PRIME_CREW_PRIV_H

#include "prime/crew.h"

#include <stdint.h>

/* crew_first - what the first process says. */
size_t crew_first(Crew *c, size_t mine);

/* crew_spread - data [bytes, at most INT_MAX] of process `from`, to all. */
void crew_spread(Crew *c, void *data, size_t bytes, size_t from);

/* Items 0 .. n-1 of a unit under way, any of which any process can do. here - do those from .. to-1 in this
 * one; take - what another one made of them. */
typedef struct {
    size_t n;
    Status (*here)(void *ctx, size_t from, size_t to, Err *e);
    Status (*take)(void *ctx, size_t from, size_t to, const void *data, size_t n, Err *e);
    void *ctx;
} CrewItems;

/* What a unit under way asks of the others. */
typedef struct CrewGive {
    /* Gives the first process something that the unit has made; takes over data, from malloc. */
    Status (*fn)(void *ctx, void *data, size_t n, Err *e);
    /* Has all items done, data [n] saying what they are: a part of about the same number of them by every
     * process that has no unit and is lent to this one, the first part here. What another one could not do is
     * done here after all. */
    Status (*spread)(void *ctx, const void *data, size_t n, const CrewItems *items, Err *e);
    void *ctx;
} CrewGive;

/* What is to be done with units of work. ctx is the process's own. */
typedef struct {
    /* By the first process, one call at a time, on the thread that called crew_run: what goes with a unit,
     * *data from malloc or NULL; and what comes back. NULL: nothing. */
    Status (*pack)(void *ctx, size_t unit, void **data, size_t *n, Err *e);
    Status (*take)(void *ctx, size_t unit, const void *data, size_t n, Err *e);
    /* By any process, one call at a time, on one thread. */
    Status (*work)(void *ctx, size_t unit, const void *data, size_t n, const CrewGive *give, Err *e);
    /* Likewise, by one that has no unit: items from .. to-1 of what data [n] says, *out [*n_out] from malloc.
     * NULL: units have no items. */
    Status (*help)(void *ctx, const void *data, size_t n, size_t from, size_t to, void **out, size_t *n_out,
                   Err *e);
} CrewJob;

/* crew_run - units order[0 .. n-1] (order NULL: 0 .. n-1), each by whoever is free. Who is free when there
 * are none left is lent to the process with a unit that has the fewest helpers, until all units are done.
 * After a failure no unit is begun; the error of the unit that is first in the order is returned to all. */
Status crew_run(Crew *c, const size_t *order, size_t n, const CrewJob *job, void *ctx, Err *e) PRIME_MUST_USE;

#endif
