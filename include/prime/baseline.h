/* baseline.h - what an audit can measure, as a table: PriME's search, every method that it is compared with,
 * and controls. Each is a kind of cell in the ledger, under its name; with context the variant follows behind
 * a plus sign ("evolved+rag2"). */
#ifndef PRIME_BASELINE_H
#define PRIME_BASELINE_H

#include <stddef.h>

typedef struct {
    const char *name, *what, *source;
    const char *beside; /* the method whose cells it is measured with, for controls; else NULL */
} Baseline;

/* baseline_at - the i-th row; NULL past the end. baseline_find - by name, or NULL. baseline_nearest - for
 * messages, or NULL. */
const Baseline *baseline_at(size_t i);
const Baseline *baseline_find(const char *name);
const char *baseline_nearest(const char *name);

#endif
