/* st_priv.h - the index of a sharded set: which file holds which tensor. */
#ifndef PRIME_ST_PRIV_H
#define PRIME_ST_PRIV_H

#include "prime/err.h"
#include "prime/js.h"

#include <stddef.h>

typedef struct {
    const char *file, *tensor; /* owned by the tree */
} StIndexRow;

typedef struct {
    JsVal *root;
    StIndexRow *row; /* by file, then by tensor */
    size_t n;
} StIndex;

/* st_index_parse - read and check n bytes of JSON; `name` is for messages. x starts zeroed and is the
 * caller's to free, after a failure too. Errors: ERR_FORMAT, ERR_NOMEM. */
Status st_index_parse(StIndex *x, const char *text, size_t n, const char *name, Err *e) PRIME_MUST_USE;
void st_index_free(StIndex *x);
/* st_index_file - the file of a tensor, NULL when the index does not know it. */
const char *st_index_file(const StIndex *x, const char *tensor);

#endif
