/* origin.h - what this program was made from. */
#ifndef PRIME_ORIGIN_H
#define PRIME_ORIGIN_H

#include <stddef.h>

/* origin_commit - of the source, as `git describe` names it; "unknown" outside a repository. */
const char *origin_commit(void);
/* origin_compiler - name and version. */
const char *origin_compiler(void);
/* origin_library - "name version" of the i-th library, as the build found it; NULL past the last. */
const char *origin_library(size_t i);

#endif
