/* Disks and clocks that misbehave, anywhere in a run and its report: in commits, in adapters and signals that
 * are being saved, in reports that are being written. Whatever happens, what lies there is whole or absent,
 * and a resumed run ends with the rows and reports of an undisturbed one. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "crash.h"
#include "faults.h"

#include "prime/js.h"
#include "prime/report.h"
#include "prime/st.h"

#include <ftw.h>

static const char *const faults_formats[] = {"csv", "json", "html", "md", "junit", "sarif"};
static const char *const faults_files[] = {"cells.csv",   "front.csv", "schema.csv", "report.json",
                                           "report.html", "report.md", "report.xml", "report.sarif"};
enum { FORMATS = 6, FILES = 8 };

static World faults_world(void)
{
    World w = small_world();
    w.spec.attack.signals = true;
    return w;
}

/* A run from its start or where it was left, and all its reports. */
static Status faults_job(const World *w, const char *run, Err *e)
{
    Ledger *l = NULL;
    Report *r = NULL;
    ReportOptions how = report_defaults();
    char path[PATH + 16];
    snprintf(path, sizeof path, "%s/ledger.db", run);
    how.no_provenance = true;
    TRY(sweep_run(&w->spec, run, &(SweepHow){.resume = has_ledger(run)}, e));
    TRY(ledger_open(&l, path, LEDGER_READ, NULL, e));
    Status s = report_load(&r, l, &how, e);
    ledger_close(l);
    for (size_t i = 0; i < FORMATS && s == OK; i++) s = report_write(r, faults_formats[i], run, NULL, e);
    report_free(r);
    return s;
}

/* ---- what may lie there ---- */

static int faults_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
    const char *dot = strrchr(path + at->base, '.');
    cr_assert_eq(st->st_mode & 077, 0, "%s may be read by others", path);
    if (type != FTW_F || dot == NULL) return 0;
    Err e = {0};
    if (strcmp(dot, ".safetensors") == 0) {
        StFile *f = NULL;
        cr_assert_eq(st_open(&f, path, &e), OK, "%s", e.msg);
        st_close(f);
    }
    if (strcmp(dot, ".json") == 0) {
        JsVal *v = NULL;
        cr_assert_eq(js_load(&v, path, &e), OK, "%s", e.msg);
        js_close(v);
    }
    return 0;
}

static void faults_same_files(const char *run, const char *whole, bool all)
{
    for (size_t i = 0; i < FILES; i++) {
        char *a = file_join(run, faults_files[i]), *b = file_join(whole, faults_files[i]), *got = NULL,
             *want = NULL;
        size_t n = 0, m = 0;
        cr_assert(file_exists(a) || !all, "%s is not there", a);
        if (file_exists(a)) {
            MUST(file_read(&got, &n, a, &e_));
            MUST(file_read(&want, &m, b, &e_));
            cr_assert(n == m && memcmp(got, want, n) == 0, "%s is not the report of an undisturbed run", a);
        }
        free(got);
        free(want);
        free(a);
        free(b);
    }
}

/* Whole or absent; then resumed, and as if nothing had happened. */
static void faults_check(const World *w, const char *run, const char *whole, const Str *rows)
{
    if (file_exists(run)) cr_assert_eq(nftw(run, faults_file, 8, FTW_PHYS), 0);
    faults_same_files(run, whole, false);
    if (has_ledger(run)) rows_are_among(run, rows);
    MUST(faults_job(w, run, &e_));
    rows_are(run, rows);
    faults_same_files(run, whole, true);
    file_remove_tree(run);
}

/* ---- one attempt ---- */

typedef struct {
    bool died, fired;
    Status status;
    long count;
    char msg[PRIME_ERR_MSG];
} Attempt;

static Attempt faults_attempt(const World *w, const char *run, FaultKind kind, long left)
{
    int ends[2], status = 0;
    Attempt a = {.died = true};
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        Err e = {0};
        fault.below = strrchr(run, '/') + 1;
        fault.left = left;
        fault.kind = kind;
        a.status = faults_job(w, run, &e);
        a.fired = fault.fired;
        a.count = fault.count;
        a.died = false;
        fault.kind = FAULT_NONE;
        memcpy(a.msg, e.msg, sizeof a.msg);
        _exit(write(ends[1], &a, sizeof a) == sizeof a ? 0 : 9);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], &a, sizeof a);
    close(ends[0]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(n == sizeof a || (n == 0 && WIFSIGNALED(status)), "the child ended with %d", status);
    if (n == 0) cr_assert(kind == FAULT_KILL && WTERMSIG(status) == SIGKILL, "signal %d", WTERMSIG(status));
    return a;
}

typedef struct {
    World w;
    Str rows;
    char whole[PATH];
    long count; /* operations of an undisturbed run */
} Faults;

static Faults faults_open(void)
{
    Faults f = {.w = faults_world()};
    snprintf(f.whole, sizeof f.whole, "%s/whole0", f.w.dir);
    par_set_threads(2);
    Attempt a = faults_attempt(&f.w, f.whole, FAULT_NONE, -1);
    cr_assert_eq(a.status, OK, "%s", a.msg);
    f.count = a.count;
    cr_assert_gt(f.count, 300, "%ld", f.count);
    f.rows = run_rows(f.whole, NULL);
    faults_same_files(f.whole, f.whole, true);
    return f;
}

static void faults_close(Faults *f)
{
    str_free(&f->rows);
    world_close(&f->w);
}

/* ---- anywhere ---- */

static void faults_everywhere(FaultKind kind, const char *name, size_t times)
{
    Faults f = faults_open();
    Rng rng = rng_stream(23, name, 0);
    size_t fired = 0, failed = 0;
    for (size_t i = 0; i < times; i++) {
        char run[PATH];
        run_name(run, &f.w, name, i);
        Attempt a = faults_attempt(&f.w, run, kind, (long)rng_below(&rng, (uint64_t)f.count));
        fired += a.died || a.fired;
        failed += a.died || a.status != OK;
        if (!a.died && a.status != OK)
            cr_assert(a.status == ERR_IO && strstr(a.msg, run) != NULL, "status %d: %s", a.status, a.msg);
        if (!a.died && kind == FAULT_FULL && a.fired)
            cr_assert_eq(a.status, ERR_IO, "a full disk went unnoticed");
        faults_check(&f.w, run, f.whole, &f.rows);
    }
    cr_assert_geq(10 * fired, 9 * times, "%zu of %zu", fired, times);
    cr_assert_geq(2 * failed, times, "%zu of %zu", failed, times);
    cr_log_info("%s: %zu times, %zu faults, %zu ended the run; %ld operations a run\n", name, times, fired,
                failed, f.count);
    faults_close(&f);
}

Test(faults, killed_at_any_write_of_a_run_or_its_reports, .timeout = 3000)
{
    faults_everywhere(FAULT_KILL, "kill", crash_times(10));
}

Test(faults, no_space_at_any_write, .timeout = 3000)
{
    faults_everywhere(FAULT_FULL, "full", crash_times(8));
}

Test(faults, an_input_output_error_at_any_write, .timeout = 3000)
{
    faults_everywhere(FAULT_BAD, "bad", crash_times(8));
}

/* One error at each of the first writes, while a run records what it is: a session whose beginning was lost
 * once left an end behind that no later run could pass. */
Test(faults, an_error_at_each_of_the_first_writes, .timeout = 3000)
{
    Faults f = faults_open();
    long step = crash_times(40) >= 200 ? 1 : 10, failed = 0;
    for (long left = 0; left < 90; left += step) {
        char run[PATH];
        run_name(run, &f.w, "first", (size_t)left);
        Attempt a = faults_attempt(&f.w, run, FAULT_BAD, left);
        failed += a.status != OK;
        faults_check(&f.w, run, f.whole, &f.rows);
    }
    cr_assert_gt(failed * step, 45);
    faults_close(&f);
}

/* Time is for people to read: nothing that is measured depends on it. */
Test(faults, a_clock_that_is_set_back_changes_no_row, .timeout = 600)
{
    Faults f = faults_open();
    char run[PATH];
    run_name(run, &f.w, "back", 0);
    fault.back = true;
    struct timespec a, b;
    cr_assert(clock_gettime(CLOCK_REALTIME, &a) == 0 && clock_gettime(CLOCK_REALTIME, &b) == 0);
    cr_assert_lt(b.tv_sec, a.tv_sec, "the clock is ours");
    cr_assert_lt(time(NULL), b.tv_sec);
    MUST(faults_job(&f.w, run, &e_));
    fault.back = false;
    faults_check(&f.w, run, f.whole, &f.rows);
    faults_close(&f);
}

/* ---- two at once ---- */

static pid_t faults_start(const World *w, const char *run, double wait)
{
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid != 0) return pid;
    Err e = {0};
    nanosleep(&(struct timespec){.tv_nsec = (long)(1e9 * wait)}, NULL);
    Status s = faults_job(w, run, &e);
    bool refused =
        s == ERR_IO && (strstr(e.msg, "in use: another process writes") != NULL ||
                        strstr(e.msg, "already there") != NULL || strstr(e.msg, "holds a ledger") != NULL);
    _exit(s == OK ? 0 : refused ? 7 : 8);
}

static int faults_end(pid_t pid)
{
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Started within a moment of each other, in a folder that is new to both: one is refused, or comes after. */
Test(faults, of_two_that_start_at_once_one_runs, .timeout = 3000)
{
    Faults f = faults_open();
    Rng rng = rng_stream(29, "rivals", 0);
    size_t refused = 0, times = crash_times(20) / 4;
    for (size_t i = 0; i < times; i++) {
        char run[PATH];
        run_name(run, &f.w, "two", i);
        pid_t a = faults_start(&f.w, run, 0.05 * rng_uniform(&rng)),
              b = faults_start(&f.w, run, 0.05 * rng_uniform(&rng));
        int x = faults_end(a), y = faults_end(b);
        cr_assert((x == 0 && (y == 0 || y == 7)) || (y == 0 && x == 7), "%d and %d", x, y);
        refused += x == 7 || y == 7;
        faults_check(&f.w, run, f.whole, &f.rows);
    }
    cr_assert_gt(refused, 0);
    faults_close(&f);
}
