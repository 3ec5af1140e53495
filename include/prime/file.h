/* file.h - whole files in, whole files out. A file that is written appears under its name complete or not at
 * all: bytes go to "NAME.tmp", are flushed to disk, and the name is changed at the end. What is made here is
 * for its owner alone: files 0600, folders 0700, less what the umask takes. A link under the temporary name
 * is removed, not followed; one under the name itself is replaced. */
#ifndef PRIME_FILE_H
#define PRIME_FILE_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* file_read - the whole file into memory with a closing NUL that *n does not count; the caller frees *data.
 * "-" reads stdin. Errors: ERR_IO (named, with the system's reason), ERR_NOMEM. */
Status file_read(char **data, size_t *n, const char *path, Err *e) PRIME_MUST_USE;

/* file_ended - OK when the read of fp that gave nothing, just before, came to the end of the file `path`.
 * Errors: ERR_IO; ERR_NOMEM: getline without memory for a line, which ferror does not tell. */
Status file_ended(FILE *fp, const char *path, Err *e) PRIME_MUST_USE;

/* file_write - write n bytes under path, atomically. Errors: ERR_IO; nothing is left behind. */
Status file_write(const char *path, const void *data, size_t n, Err *e) PRIME_MUST_USE;

/* file_new - an empty file under path; what was there goes. Errors: ERR_IO. */
Status file_new(const char *path, Err *e) PRIME_MUST_USE;
/* file_spill - a stream to write and read back, whose file has no name any more and goes when it is closed;
 * path says where there must be room for it. Errors: ERR_IO. */
Status file_spill(FILE **fp, const char *path, Err *e) PRIME_MUST_USE;

/* A file that is being written. FileOut f = {0}; file_begin; fwrite to f.fp ...; then file_commit or
 * file_abort. */
typedef struct {
    FILE *fp;
    char *path, *tmp;
} FileOut;
Status file_begin(FileOut *f, const char *path, Err *e) PRIME_MUST_USE;
/* file_commit - flush, fsync, rename. On failure the temporary file is removed. f is empty afterwards. */
Status file_commit(FileOut *f, Err *e) PRIME_MUST_USE;
/* file_abort - remove the temporary file; accepts an empty FileOut. */
void file_abort(FileOut *f);

/* file_mkdir - make a folder and its parents; an existing folder is fine and keeps its mode. */
Status file_mkdir(const char *path, Err *e) PRIME_MUST_USE;
/* file_temp_dir - a new folder under $TMPDIR or /tmp; *dir is in fresh memory (caller frees). Errors: ERR_IO,
 * ERR_NOMEM. file_remove_tree - a folder with all that is in it; links are not followed. */
Status file_temp_dir(char **dir, Err *e) PRIME_MUST_USE;
void file_remove_tree(const char *dir);
bool file_exists(const char *path);
bool file_is_dir(const char *path);
/* file_join - "dir/name" in fresh memory (caller frees), NULL when memory is out. */
char *file_join(const char *dir, const char *name);

/* A file mapped read-only. data is NULL for an empty file. */
typedef struct {
    const void *data;
    size_t n;
} FileMap;
Status file_map(FileMap *m, const char *path, Err *e) PRIME_MUST_USE;
void file_unmap(FileMap *m);

#endif
