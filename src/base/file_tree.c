/* file_tree.c - folders for a while, and folders with all that is in them. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "prime/file.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>

static int tree_unlink(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    remove(path);
    return 0;
}

void file_remove_tree(const char *dir)
{
    nftw(dir, tree_unlink, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

Status file_temp_dir(char **out, Err *e)
{
    const char *root = getenv("TMPDIR");
    char *dir = file_join(root != NULL && *root != '\0' ? root : "/tmp", "prime-XXXXXX");
    if (dir == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    if (mkdtemp(dir) == NULL) {
        Status s = err_set(e, ERR_IO, __FILE__, __LINE__, "%s: cannot make it: %s", dir, strerror(errno));
        free(dir);
        return s;
    }
    *out = dir;
    return OK;
}
