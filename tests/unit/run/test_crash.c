/* Runs that end before they are done: killed at any moment, told to stop, out of disk, without permission,
 * two at once. Whatever happens, the ledger holds whole cells, and a resumed run ends with the rows of an
 * undisturbed one. */
#include "crash.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* ---- SQLite on a disk that kills ---- */

/* Writes, syncs, cuts and removals of files; before one of them the process dies, and a write is torn. SQLite
 * has a table of functions for files that are locked, and one for others. */
enum { KINDS = 4 };
static struct {
    sqlite3_vfs *real;
    const sqlite3_io_methods *io[KINDS];
    sqlite3_io_methods mine[KINDS];
    long done, last; /* last: how many are left, -1 for no end */
} disk = {.last = -1};

static const sqlite3_io_methods *disk_real(const sqlite3_file *f)
{
    return disk.io[f->pMethods - disk.mine];
}

static bool disk_tick(void)
{
    disk.done++;
    return disk.last >= 0 && disk.last-- == 0;
}

static int disk_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
    if (disk_tick()) {
        disk_real(f)->xWrite(f, data, n / 2, at);
        raise(SIGKILL);
    }
    return disk_real(f)->xWrite(f, data, n, at);
}

static int disk_sync(sqlite3_file *f, int flags)
{
    if (disk_tick()) raise(SIGKILL);
    return disk_real(f)->xSync(f, flags);
}

static int disk_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    if (disk_tick()) raise(SIGKILL);
    return disk_real(f)->xTruncate(f, n);
}

static int disk_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    if (disk_tick()) raise(SIGKILL);
    return disk.real->xDelete(disk.real, name, sync);
}

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    size_t i = 0;
    (void)vfs;
    int rc = disk.real->xOpen(disk.real, name, f, flags, out);
    if (rc != SQLITE_OK || f->pMethods == NULL) return rc;
    while (i < KINDS && disk.io[i] != NULL && disk.io[i] != f->pMethods) i++;
    cr_assert_lt(i, KINDS);
    disk.io[i] = f->pMethods;
    disk.mine[i] = *f->pMethods;
    disk.mine[i].xWrite = disk_write;
    disk.mine[i].xSync = disk_sync;
    disk.mine[i].xTruncate = disk_truncate;
    f->pMethods = &disk.mine[i];
    return rc;
}

static void disk_install(void)
{
    static sqlite3_vfs vfs;
    disk.real = sqlite3_vfs_find(NULL);
    vfs = *disk.real;
    vfs.zName = "disk-that-kills";
    vfs.xOpen = disk_open;
    vfs.xDelete = disk_delete;
    cr_assert_eq(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

/* ---- killed ---- */

/* One attempt that dies before operation `io` of the ledger's files (-1: none) or after `seconds`; whether it
 * did. */
static bool killed(World *w, const char *run, long io, double seconds)
{
    struct timespec t = {(time_t)seconds, (long)(1e9 * (seconds - floor(seconds)))};
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        Err e = {0};
        disk.last = io;
        _exit(sweep_run(&w->spec, run, &(SweepHow){.resume = has_ledger(run)}, &e) == OK ? 0 : 1);
    }
    if (io < 0) {
        nanosleep(&t, NULL);
        kill(pid, SIGKILL);
    }
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status)) cr_assert_eq(WEXITSTATUS(status), 0, "%s: a resumed run failed", run);
    return !WIFEXITED(status);
}

/* Half of the moments are drawn from the time of a run, half from the operations on the ledger's files, so
 * that commits are torn, too. Each run is killed until it gets to its end. See crash_times. */
Test(crash, runs_killed_at_any_moment_end_with_the_same_rows, .timeout = 3000)
{
    World w = small_world();
    Rng rng = rng_stream(11, "crashes", 0);
    char run[PATH];
    size_t kills = 0, n = crash_times(40), in_disk = 0, runs = 0;
    disk_install();
    double start = crash_now();
    Str whole = run_text(&w, "whole", 2);
    double seconds = crash_now() - start;
    long operations = disk.done;
    cr_assert_gt(operations, 100);
    for (; kills < n; runs++) {
        run_name(run, &w, "run", runs);
        for (bool again = true; again && kills < n;) {
            bool by_disk = kills % 2 == 1;
            long io = by_disk ? (long)rng_below(&rng, (uint64_t)operations) : -1;
            again = killed(&w, run, io, seconds * rng_uniform(&rng));
            kills += again;
            in_disk += again && by_disk;
            if (again && has_ledger(run)) rows_are_among(run, &whole);
        }
        resume_to(&w, run, &whole);
    }
    cr_assert_geq(in_disk, n / 2 - 1);
    cr_log_info(
        "%zu kills, %zu of them within the ledger's files, in %zu runs of %.2f s and %ld operations\n", kills,
        in_disk, runs, seconds, operations);
    str_free(&whole);
    world_close(&w);
}

/* ---- told to stop ---- */

typedef struct {
    atomic_long left;
} StopAfter;

static bool stop_when_asked(void *ctx)
{
    StopAfter *s = ctx;
    return atomic_fetch_sub(&s->left, 1) <= 0;
}

/* In training, in a search, between cells: as often as the run asks. */
Test(crash, a_run_that_is_told_to_stop_says_how_to_go_on, .timeout = 240)
{
    World w = small_world();
    Str whole = run_text(&w, "whole", 2);
    size_t stops = 0;
    for (long after = 0;; after = after * 3 / 2 + 1, stops++) {
        char run[PATH];
        StopAfter s = {after};
        SweepWatch watch = {.stop = stop_when_asked, .ctx = &s};
        Err e = {0};
        run_name(run, &w, "stopped", stops);
        Status st = sweep_run(&w.spec, run, &(SweepHow){.watch = &watch}, &e);
        if (st == OK) break;
        cr_assert_eq(st, ERR_STOPPED, "%s", e.msg);
        cr_assert(strstr(e.msg, run) != NULL && strstr(e.msg, "--resume") != NULL, "%s", e.msg);
        cr_assert(has_ledger(run));
        no_scraps(run);
        rows_are_among(run, &whole);
        MUST(sweep_run(&w.spec, run, &(SweepHow){.resume = true}, &e_));
        rows_are(run, &whole);
    }
    cr_assert_gt(stops, 4);
    str_free(&whole);
    world_close(&w);
}

/* ---- out of disk ---- */

/* A run in a child whose files may have so many bytes; its message, "" when it got to its end. */
static void run_within(char msg[PRIME_ERR_MSG], World *w, const char *run, rlim_t bytes)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        Err e = {0};
        struct rlimit limit = {bytes, bytes};
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(9);
        Status s = sweep_run(&w->spec, run, &(SweepHow){.resume = has_ledger(run)}, &e);
        if (write(ends[1], e.msg, strlen(e.msg)) < 0) _exit(9);
        _exit((int)s);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], msg, PRIME_ERR_MSG - 1);
    int status = 0;
    close(ends[0]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(n >= 0 && WIFEXITED(status));
    msg[n] = '\0';
    cr_assert_eq(WEXITSTATUS(status), n > 0 ? ERR_IO : OK, "%s", msg);
}

Test(crash, a_full_disk_is_named_and_leaves_no_part_of_a_file, .timeout = 240)
{
    World w = small_world();
    Str whole = run_text(&w, "whole", 2);
    size_t full = 0, in_ledger = 0;
    for (rlim_t kb = 0; kb < 1024; kb = kb * 5 / 4 + 3) {
        char run[PATH], msg[PRIME_ERR_MSG];
        run_name(run, &w, "full", kb);
        run_within(msg, &w, run, kb * 1024);
        if (msg[0] == '\0') break;
        full++;
        in_ledger += strstr(msg, "ledger.db") != NULL;
        cr_assert(strstr(msg, run) != NULL &&
                      (strstr(msg, "No space left") || strstr(msg, "the disk is full") ||
                       strstr(msg, "a limit on the size of files")),
                  "%s", msg);
        no_scraps(run);
        resume_to(&w, run, &whole);
    }
    cr_assert(full > 4 && in_ledger > 2, "%zu and %zu", full, in_ledger);
    str_free(&whole);
    world_close(&w);
}

/* ---- without permission ---- */

/* The administrator may write anywhere, so the test becomes somebody else for a moment. */
Test(crash, a_folder_that_cannot_be_written_is_named, .timeout = 240)
{
    World w = small_world();
    bool root = geteuid() == 0;
    char run[PATH], below[PATH + 8], cmd[96];
    Err e = {0}, e2 = {0};
    run_name(run, &w, "closed", 0);
    snprintf(below, sizeof below, "%s/run", run);
    cr_assert_eq(mkdir(run, 0555), 0);
    snprintf(cmd, sizeof cmd, "chmod -R a+rX %s", w.dir); /* data and base, which are for their owner alone */
    cr_assert_eq(system(cmd), 0);
    if (root) cr_assert_eq(seteuid(65534), 0);
    Status in = sweep_run(&w.spec, run, NULL, &e), under = sweep_run(&w.spec, below, NULL, &e2);
    if (root) cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(in, ERR_IO);
    cr_assert(strstr(e.msg, run) != NULL && strstr(e.msg, "cannot") != NULL, "%s", e.msg);
    cr_assert_eq(under, ERR_IO);
    cr_assert(strstr(e2.msg, "cannot make the folder") != NULL, "%s", e2.msg);
    cr_assert_eq(rmdir(run), 0, "something was left in the folder");
    world_close(&w);
}

/* A finished run that may be read only. */
Test(crash, a_run_that_may_only_be_read_is_not_carried_on, .timeout = 240)
{
    World w = small_world();
    bool root = geteuid() == 0;
    char run[PATH], path[PATH + 16];
    Err e = {0};
    Str whole = run_text(&w, "done0", 2);
    run_name(run, &w, "done", 0);
    snprintf(path, sizeof path, "%s/ledger.db", run);
    cr_assert_eq(chmod(path, 0444), 0);
    cr_assert_eq(chmod(run, 0555), 0);
    cr_assert_eq(chmod(w.dir, 0755), 0);
    if (root) cr_assert_eq(seteuid(65534), 0);
    Status s = sweep_run(&w.spec, run, &(SweepHow){.resume = true}, &e);
    if (root) cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(s, ERR_IO);
    cr_assert(strstr(e.msg, path) != NULL && strstr(e.msg, "read-only") != NULL, "%s", e.msg);
    cr_assert_eq(chmod(run, 0755), 0);
    rows_are(run, &whole);
    str_free(&whole);
    world_close(&w);
}

/* ---- two at once ---- */

typedef struct {
    World *w;
    const char *run;
    size_t refused;
} Rival;

/* While a run has its ledger open, at each of its cells. */
static void rival_step(void *ctx, const char *label)
{
    Rival *r = ctx;
    (void)label;
    for (int resume = 0; resume < 2; resume++) {
        pid_t pid = fork();
        if (pid == 0) {
            Err e = {0};
            Status s = sweep_run(&r->w->spec, r->run, &(SweepHow){.resume = resume == 1}, &e);
            _exit(s == ERR_IO && strstr(e.msg, "in use: another process writes") != NULL ? 7 : 0);
        }
        int status = 0;
        waitpid(pid, &status, 0);
        r->refused += WIFEXITED(status) && WEXITSTATUS(status) == 7;
    }
}

Test(crash, of_two_runs_in_one_folder_the_second_is_refused, .timeout = 240)
{
    World w = small_world();
    Str whole = run_text(&w, "whole", 2);
    char run[PATH];
    run_name(run, &w, "shared", 0);
    Rival r = {&w, run, 0};
    SweepWatch watch = {.step = rival_step, .ctx = &r};
    MUST(sweep_run(&w.spec, run, &(SweepHow){.watch = &watch}, &e_));
    rows_are(run, &whole);
    cr_assert_gt(r.refused, 10);
    cr_assert_eq(r.refused % 2, 0, "some rival was not refused");
    str_free(&whole);
    world_close(&w);
}
