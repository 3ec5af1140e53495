/* penalty.h - what a search pays for: the privacy term V of the objective U - lambda * mean V, as a table.
 * Every row gives one number for each anchor. PriME's own is `agreement`; the others measure what agreement
 * cannot see. */
#ifndef PRIME_PENALTY_H
#define PRIME_PENALTY_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *name, *what, *source;
    bool reads_people; /* needs members and held-out records that no attack looks at (search.members,
                          .heldout) */
} Penalty;

/* penalty_at - the i-th row, in the order of spec's evolve.objective; NULL past the end. */
const Penalty *penalty_at(size_t i);

#endif
