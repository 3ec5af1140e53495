/* crash.h - runs that end before they are done, and what must be true of them afterwards. */
#ifndef PRIME_TESTS_CRASH_H
#define PRIME_TESTS_CRASH_H

#include "world.h"

#include <signal.h>
#include <sys/stat.h>
#include <time.h>

/* How often a thing of chance is tried: `some` in every test run (half of that under AddressSanitizer), 200
 * times with PRIME_TEST_LONG=1, or as often as PRIME_CRASHES says. */
static inline size_t crash_times(size_t some)
{
    const char *text = getenv("PRIME_CRASHES"), *is_long = getenv("PRIME_TEST_LONG");
    if (text != NULL) return strtoul(text, NULL, 10);
    return is_long != NULL && strcmp(is_long, "1") == 0 ? 200 : (some + FEWER - 1) / FEWER;
}

static inline double crash_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline World small_world(void)
{
    World w = world_open();
    w.spec = world_spec(&w,
                        (const char *const[]){"seeds=1", "lambda=0,4", "evolve.budget=4", "adapter.epochs=1",
                                              "targets.count=1", "anchors.pool=2", "utility.records=2",
                                              "search.records=2", "attack.members=2", "attack.heldout=2"},
                        10);
    return w;
}

static inline void run_name(char run[PATH], const World *w, const char *name, size_t i)
{
    snprintf(run, PATH, "%s/%s%zu", w->dir, name, i);
}

static inline bool has_ledger(const char *run)
{
    char path[PATH + 16];
    snprintf(path, sizeof path, "%s/ledger.db", run);
    return file_exists(path);
}

/* Every file of a run that is done has its name. */
static inline void no_scraps(const char *run)
{
    char cmd[PATH + 80];
    snprintf(cmd, sizeof cmd, "! find %s -name '*.tmp*' -o -name '*-journal' | grep .", run);
    cr_assert_eq(system(cmd), 0, "parts of files are left in %s", run);
}

/* What a ledger holds is part of what it will hold. */
static inline void rows_are_among(const char *run, const Str *whole)
{
    Str text = {0};
    Ledger *l = NULL;
    char path[PATH + 16], *rest = NULL;
    snprintf(path, sizeof path, "%s/ledger.db", run);
    MUST(ledger_open(&l, path, LEDGER_READ, NULL, &e_));
    MUST(ledger_each_score(l, NULL, put_score, &text, &e_));
    ledger_close(l);
    for (char *line = text.n > 0 ? strtok_r(text.s, "\n", &rest) : NULL; line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        cr_assert(strstr(whole->s, line) != NULL, "%s: not a row of an undisturbed run: %s", run, line);
    str_free(&text);
}

static inline void rows_are(const char *run, const Str *whole)
{
    Str rows = run_rows(run, NULL);
    cr_assert_str_eq(rows.s, whole->s, "%s", run);
    str_free(&rows);
    no_scraps(run);
}

static inline void resume_to(World *w, const char *run, const Str *whole)
{
    MUST(sweep_run(&w->spec, run, &(SweepHow){.resume = has_ledger(run)}, &e_));
    rows_are(run, whole);
}

#endif
