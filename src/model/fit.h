/* fit.h - workspaces that keep to the limit of memory.h. */
#ifndef PRIME_FIT_H
#define PRIME_FIT_H

#include "prime/model.h"

/* fit_budget - bytes for all workspaces of passes over this model; SIZE_MAX: there is no limit. fit_threads -
 * how many of `threads` workspaces of so many bytes it allows, at least 1. fit_fail - ERR_NOMEM: one text
 * wants so many bytes. */
size_t fit_budget(const Model *m);
size_t fit_threads(size_t budget, size_t each, size_t threads);
Status fit_fail(const Model *m, size_t bytes, Err *e);

#endif
