#include "prime/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static Status stream_read(char **data, size_t *n, FILE *fp, const char *path, Err *e)
{
    size_t cap = 1 << 16, len = 0;
    char *buf = malloc(cap);
    while (buf != NULL) {
        len += fread(buf + len, 1, cap - len - 1, fp);
        if (len < cap - 1) break;
        char *bigger = realloc(buf, cap * 2);
        if (bigger == NULL) free(buf);
        buf = bigger;
        cap *= 2;
    }
    if (buf == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu bytes", path, cap);
    if (ferror(fp)) {
        free(buf);
        FAIL(e, ERR_IO, "%s: cannot read: %s", path, strerror(errno));
    }
    buf[len] = '\0';
    *data = buf;
    *n = len;
    return OK;
}

Status file_ended(FILE *fp, const char *path, Err *e)
{
    if (feof(fp)) return OK;
    FAIL(e, errno == ENOMEM ? ERR_NOMEM : ERR_IO, "%s: cannot read: %s", path, strerror(errno));
}

Status file_read(char **data, size_t *n, const char *path, Err *e)
{
    if (strcmp(path, "-") == 0) return stream_read(data, n, stdin, "standard input", e);
    if (file_is_dir(path)) FAIL(e, ERR_IO, "%s: is a folder, want a file", path);
    FILE *fp = fopen(path, "rb");
    if (fp == NULL) FAIL(e, ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    Status s = stream_read(data, n, fp, path, e);
    fclose(fp);
    return s;
}

/* A new file for its owner alone. What a killed run has left under the name goes, and nobody's link is
 * followed. -1 with errno. */
static int file_fresh(const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT) return -1;
    return open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

Status file_new(const char *path, Err *e)
{
    int fd = file_fresh(path);
    if (fd < 0 || close(fd) != 0) FAIL(e, ERR_IO, "%s: cannot create: %s", path, strerror(errno));
    return OK;
}

Status file_spill(FILE **fp, const char *path, Err *e)
{
    int fd = file_fresh(path), why = errno;
    FILE *fresh = fd >= 0 ? fdopen(fd, "w+b") : NULL;
    if (fd >= 0) unlink(path);
    if (fd >= 0 && fresh == NULL) {
        why = errno;
        close(fd);
    }
    if (fresh == NULL) FAIL(e, ERR_IO, "%s: cannot write: %s", path, strerror(why));
    *fp = fresh;
    return OK;
}

static void fileout_clear(FileOut *f)
{
    free(f->path);
    free(f->tmp);
    *f = (FileOut){0};
}

Status file_begin(FileOut *f, const char *path, Err *e)
{
    FileOut fresh = {.path = strdup(path), .tmp = malloc(strlen(path) + 5)};
    if (fresh.path == NULL || fresh.tmp == NULL) {
        fileout_clear(&fresh);
        FAIL(e, ERR_NOMEM, "%s: no memory for its name", path);
    }
    sprintf(fresh.tmp, "%s.tmp", path);
    int fd = file_fresh(fresh.tmp), why = errno;
    fresh.fp = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (fd >= 0 && fresh.fp == NULL) {
        why = errno;
        close(fd);
        unlink(fresh.tmp);
    }
    if (fresh.fp == NULL) {
        fileout_clear(&fresh);
        FAIL(e, ERR_IO, "%s: cannot create: %s", path, strerror(why));
    }
    *f = fresh;
    return OK;
}

Status file_commit(FileOut *f, Err *e)
{
    bool bad = ferror(f->fp) != 0;
    errno = bad ? ENOSPC : 0;
    bad = bad || fflush(f->fp) != 0 || fsync(fileno(f->fp)) != 0;
    int why = errno;
    if (fclose(f->fp) != 0 && !bad) {
        bad = true;
        why = errno;
    }
    f->fp = NULL;
    if (!bad && rename(f->tmp, f->path) != 0) {
        bad = true;
        why = errno;
    }
    if (bad) {
        err_set(e, ERR_IO, __FILE__, __LINE__, "%s: cannot write: %s", f->path, strerror(why));
        file_abort(f);
        return ERR_IO;
    }
    fileout_clear(f);
    return OK;
}

void file_abort(FileOut *f)
{
    if (f->fp != NULL) fclose(f->fp);
    if (f->tmp != NULL) unlink(f->tmp);
    fileout_clear(f);
}

Status file_write(const char *path, const void *data, size_t n, Err *e)
{
    FileOut f = {0};
    TRY(file_begin(&f, path, e));
    if (n > 0) fwrite(data, 1, n, f.fp); /* a short write sets the stream's error flag, which commit reads */
    return file_commit(&f, e);
}

Status file_mkdir(const char *path, Err *e)
{
    char *p = strdup(path);
    if (p == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for its name", path);
    int why = 0;
    for (char *s = p + 1; why == 0; s++) {
        char c = *s;
        if (c != '/' && c != '\0') continue;
        *s = '\0';
        if (mkdir(p, 0700) != 0 && errno != EEXIST) why = errno;
        *s = c;
        if (c == '\0') break;
    }
    free(p);
    if (why == 0 && !file_is_dir(path)) why = ENOTDIR;
    if (why != 0) FAIL(e, ERR_IO, "%s: cannot make the folder: %s", path, strerror(why));
    return OK;
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *file_join(const char *dir, const char *name)
{
    size_t n = strlen(dir) + strlen(name) + 2;
    char *p = malloc(n);
    if (p != NULL) snprintf(p, n, "%s/%s", dir, name);
    return p;
}

Status file_map(FileMap *m, const char *path, Err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) FAIL(e, ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    struct stat st;
    FileMap fresh = {0};
    int why = fstat(fd, &st) != 0 ? errno : S_ISREG(st.st_mode) ? 0 : EINVAL;
    if (why == 0 && st.st_size > 0) {
        fresh.n = (size_t)st.st_size;
        void *p = mmap(NULL, fresh.n, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            why = errno;
        else
            fresh.data = p;
    }
    close(fd);
    if (why != 0) FAIL(e, ERR_IO, "%s: cannot map: %s", path, strerror(why));
    *m = fresh;
    return OK;
}

void file_unmap(FileMap *m)
{
    if (m->data != NULL) munmap((void *)(size_t)m->data, m->n);
    *m = (FileMap){0};
}
