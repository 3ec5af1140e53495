/* faults.h - a disk and a clock that misbehave: this program's own write, pwrite, fsync, ftruncate, rename,
 * unlink, fwrite, fflush, clock_gettime and time stand before those of the C library, for the code under
 * test, SQLite and stdio's callers alike. Nothing happens until `fault` says so. Only files whose path has
 * fault.below in it are touched. */
#ifndef PRIME_TESTS_FAULTS_H
#define PRIME_TESTS_FAULTS_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

typedef enum {
    FAULT_NONE,
    FAULT_KILL, /* the process dies, a write is torn */
    FAULT_FULL, /* ENOSPC from then on */
    FAULT_BAD   /* EIO, once */
} FaultKind;

static struct {
    FaultKind kind;
    const char *below;
    atomic_long left;  /* operations before it happens */
    atomic_long count; /* operations so far */
    atomic_bool fired;
    bool back; /* the time of day runs backwards, and is set back by a day now and then */
} fault;

#define FAULT_REAL(type, name, params) \
    static type(*real) params;         \
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, name)

/* What happens to this operation. */
static inline FaultKind fault_next(void)
{
    atomic_fetch_add(&fault.count, 1);
    if (fault.kind == FAULT_NONE) return FAULT_NONE;
    if (fault.kind == FAULT_FULL && fault.fired) return FAULT_FULL;
    if (atomic_fetch_sub(&fault.left, 1) != 0) return FAULT_NONE;
    fault.fired = true;
    return fault.kind;
}

static inline FaultKind fault_of_path(const char *path)
{
    return fault.below != NULL && strstr(path, fault.below) != NULL ? fault_next() : FAULT_NONE;
}

static inline FaultKind fault_of_fd(int fd)
{
    char link[40], path[PATH_MAX];
    if (fault.below == NULL) return FAULT_NONE;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    return fault_of_path(path);
}

static inline int fault_errno(FaultKind kind)
{
    errno = kind == FAULT_FULL ? ENOSPC : EIO;
    return -1;
}

ssize_t write(int fd, const void *data, size_t n)
{
    FAULT_REAL(ssize_t, "write", (int, const void *, size_t));
    FaultKind kind = fault_of_fd(fd);
    if (kind == FAULT_NONE) return real(fd, data, n);
    if (kind != FAULT_KILL) return fault_errno(kind);
    ssize_t some = real(fd, data, n / 2);
    raise(SIGKILL);
    return some;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
    FAULT_REAL(ssize_t, "pwrite64", (int, const void *, size_t, off_t));
    FaultKind kind = fault_of_fd(fd);
    if (kind == FAULT_NONE) return real(fd, data, n, at);
    if (kind != FAULT_KILL) return fault_errno(kind);
    ssize_t some = real(fd, data, n / 2, at);
    raise(SIGKILL);
    return some;
}

int fsync(int fd)
{
    FAULT_REAL(int, "fsync", (int));
    FaultKind kind = fault_of_fd(fd);
    if (kind == FAULT_KILL) raise(SIGKILL);
    return kind == FAULT_NONE ? real(fd) : fault_errno(kind);
}

int fdatasync(int fd)
{
    FAULT_REAL(int, "fdatasync", (int));
    FaultKind kind = fault_of_fd(fd);
    if (kind == FAULT_KILL) raise(SIGKILL);
    return kind == FAULT_NONE ? real(fd) : fault_errno(kind);
}

int ftruncate(int fd, off_t n)
{
    FAULT_REAL(int, "ftruncate64", (int, off_t));
    FaultKind kind = fault_of_fd(fd);
    if (kind == FAULT_KILL) raise(SIGKILL);
    return kind == FAULT_NONE ? real(fd, n) : fault_errno(kind);
}

int rename(const char *from, const char *to)
{
    FAULT_REAL(int, "rename", (const char *, const char *));
    FaultKind kind = fault_of_path(to);
    if (kind == FAULT_KILL) raise(SIGKILL);
    return kind == FAULT_NONE ? real(from, to) : fault_errno(kind);
}

/* A disk that is full lets files go. */
int unlink(const char *path)
{
    FAULT_REAL(int, "unlink", (const char *));
    FaultKind kind = fault_of_path(path);
    if (kind == FAULT_KILL) raise(SIGKILL);
    return kind == FAULT_BAD ? fault_errno(kind) : real(path);
}

/* stdio writes from within the C library; so its stream is led to a device that is full, or its next flush
 * fails. */
static inline void fault_fill(int fd)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    dup2(full, fd);
    close(full);
}

size_t fwrite(const void *data, size_t size, size_t n, FILE *fp)
{
    FAULT_REAL(size_t, "fwrite", (const void *, size_t, size_t, FILE *));
    FaultKind kind = fault_of_fd(fileno(fp));
    if (kind == FAULT_FULL) fault_fill(fileno(fp));
    if (kind == FAULT_BAD) { /* at the flush, then */
        fault.fired = false;
        fault.left = 0;
    }
    if (kind != FAULT_KILL) return real(data, size, n, fp);
    real(data, 1, size * n / 2, fp);
    fflush(fp);
    raise(SIGKILL);
    return 0;
}

int fflush(FILE *fp)
{
    FAULT_REAL(int, "fflush", (FILE *));
    FaultKind kind = fp != NULL ? fault_of_fd(fileno(fp)) : FAULT_NONE;
    if (kind == FAULT_KILL) raise(SIGKILL);
    if (kind == FAULT_NONE) return real(fp);
    fault_errno(kind);
    return EOF;
}

/* The time of day; the clock that only measures goes on, as POSIX has it. */
static inline long fault_day(void)
{
    static atomic_long calls;
    long n = atomic_fetch_add(&calls, 1);
    return 2000000000 - n - 86400 * (n / 7);
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    FAULT_REAL(int, "clock_gettime", (clockid_t, struct timespec *));
    int rc = real(clock, t);
    if (fault.back && rc == 0 && clock == CLOCK_REALTIME) t->tv_sec = fault_day();
    return rc;
}

time_t time(time_t *out)
{
    FAULT_REAL(time_t, "time", (time_t *));
    time_t now = fault.back ? (time_t)fault_day() : real(NULL);
    if (out != NULL) *out = now;
    return now;
}

#endif
