/* cmd_data_salt.c - a secret salt comes from a file: a command line is seen by everybody on the machine, and
 * kept in the history of the shell. */
#include "cmd_data_priv.h"

#include "prime/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static Status salt_private(const char *path, Err *e)
{
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
        FAIL(e, ERR_ARG, "%s: others may read it (mode %03o), want 600", path, (unsigned)(st.st_mode & 0777));
    return OK;
}

Status data_cli_salt(const char **salt, char text[DATA_SALT_MAX + 1], const char *path, Err *e)
{
    char *bytes = NULL;
    size_t n = 0;
    if (path == NULL) return OK;
    TRY(salt_private(path, e));
    TRY(file_read(&bytes, &n, path, e));
    size_t len = strcspn(bytes, "\r\n");
    bool fine = len >= DATA_SALT_MIN && len <= DATA_SALT_MAX && strlen(bytes) == n;
    if (fine) memcpy(text, bytes, len);
    text[fine ? len : 0] = '\0';
    explicit_bzero(bytes, n);
    free(bytes);
    if (!fine)
        FAIL(e, ERR_FORMAT, "%s: its first line has %zu bytes, want %d to %d", path, len, DATA_SALT_MIN,
             DATA_SALT_MAX);
    *salt = text;
    return OK;
}
