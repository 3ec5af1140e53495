/* criterion.h - stands in for Criterion where its runner cannot be: under ThreadSanitizer, which wants the
 * same addresses, and under memcheck, which would simulate the runner's processes and messages too. As much
 * of its interface as our tests use: tests and suites with .init and .fini (.timeout is read and left to the
 * caller), assertions with messages, skips. Each test runs in a fork of its own; the program prints TAP, its
 * arguments are patterns of SUITE/TEST to run and, for the sake of those who give them to Criterion, --tap
 * and --jobs N. Included once by a test program, whose main it holds. */
#ifndef PRIME_TESTS_ALONE_CRITERION_H
#define PRIME_TESTS_ALONE_CRITERION_H

#include <fnmatch.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    void (*init)(void);
    void (*fini)(void);
    double timeout;
} AloneOptions;

typedef struct AloneTest {
    const char *suite, *name; /* name NULL: options of the suite */
    void (*run)(void);
    AloneOptions options;
    struct AloneTest *next;
} AloneTest;

enum { ALONE_FAILED = 1, ALONE_SKIPPED = 77 };

static AloneTest *alone_first;
static bool alone_bad; /* in this process */

#define ALONE_ADD(id, ...)                                        \
    static AloneTest alone_of_##id = {__VA_ARGS__};               \
    __attribute__((constructor)) static void alone_add_##id(void) \
    {                                                             \
        alone_of_##id.next = alone_first;                         \
        alone_first = &alone_of_##id;                             \
    }
#define Test(suite_, name_, ...)                                                                 \
    static void suite_##_##name_##_run(void);                                                    \
    ALONE_ADD(suite_##_##name_, .suite = #suite_, .name = #name_, .run = suite_##_##name_##_run, \
              .options = {__VA_ARGS__})                                                          \
    static void suite_##_##name_##_run(void)
#define TestSuite(suite_, ...) ALONE_ADD(suite_, .suite = #suite_, .options = {__VA_ARGS__}) struct AloneTest

static inline void alone_say(const char *file, int line, const char *what, const char *format, va_list more)
{
    fprintf(stderr, "# %s:%d: %s ", file, line, what);
    vfprintf(stderr, format, more);
    fputc('\n', stderr);
}

static inline void alone_check(bool ok, bool fatal, const char *file, int line, const char *what,
                               const char *format, ...)
{
    if (ok) return;
    va_list more;
    va_start(more, format);
    alone_say(file, line, what, format, more);
    va_end(more);
    alone_bad = true;
    if (fatal) _exit(ALONE_FAILED);
}

static inline void alone_tell(const char *file, int line, const char *format, ...)
{
    va_list more;
    va_start(more, format);
    alone_say(file, line, "info:", format, more);
    va_end(more);
}

_Noreturn static inline void alone_end(int code, const char *file, int line, const char *format, ...)
{
    va_list more;
    va_start(more, format);
    alone_say(file, line, code == ALONE_SKIPPED ? "skipped:" : "failed:", format, more);
    va_end(more);
    _exit(code);
}

#define ALONE_CHECK(fatal, ok, what, ...) alone_check(ok, fatal, __FILE__, __LINE__, what, "" __VA_ARGS__)
#define ALONE_COMPARE(fatal, a, op, b, ...) ALONE_CHECK(fatal, (a)op(b), #a " " #op " " #b, __VA_ARGS__)
#define ALONE_FLOAT(fatal, a, b, tol, ...) \
    ALONE_CHECK(fatal, fabs((double)(a) - (double)(b)) <= (double)(tol), #a " near " #b, __VA_ARGS__)

#define cr_assert(ok, ...) ALONE_CHECK(true, ok, #ok, __VA_ARGS__)
#define cr_assert_not(ok, ...) ALONE_CHECK(true, !(ok), "not " #ok, __VA_ARGS__)
#define cr_assert_null(x, ...) ALONE_COMPARE(true, x, ==, NULL, __VA_ARGS__)
#define cr_assert_not_null(x, ...) ALONE_COMPARE(true, x, !=, NULL, __VA_ARGS__)
#define cr_assert_eq(a, b, ...) ALONE_COMPARE(true, a, ==, b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) ALONE_COMPARE(true, a, !=, b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) ALONE_COMPARE(true, a, <, b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) ALONE_COMPARE(true, a, <=, b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) ALONE_COMPARE(true, a, >, b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) ALONE_COMPARE(true, a, >=, b, __VA_ARGS__)
#define cr_assert_float_eq(a, b, tol, ...) ALONE_FLOAT(true, a, b, tol, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) ALONE_CHECK(true, strcmp(a, b) == 0, #a " is " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) ALONE_CHECK(true, strcmp(a, b) != 0, #a " is not " #b, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...) ALONE_CHECK(true, memcmp(a, b, n) == 0, #a " is " #b, __VA_ARGS__)
#define cr_expect(ok, ...) ALONE_CHECK(false, ok, #ok, __VA_ARGS__)
#define cr_expect_not(ok, ...) ALONE_CHECK(false, !(ok), "not " #ok, __VA_ARGS__)
#define cr_expect_null(x, ...) ALONE_COMPARE(false, x, ==, NULL, __VA_ARGS__)
#define cr_expect_not_null(x, ...) ALONE_COMPARE(false, x, !=, NULL, __VA_ARGS__)
#define cr_expect_eq(a, b, ...) ALONE_COMPARE(false, a, ==, b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...) ALONE_COMPARE(false, a, !=, b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...) ALONE_COMPARE(false, a, <, b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...) ALONE_COMPARE(false, a, <=, b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...) ALONE_COMPARE(false, a, >, b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...) ALONE_COMPARE(false, a, >=, b, __VA_ARGS__)
#define cr_expect_float_eq(a, b, tol, ...) ALONE_FLOAT(false, a, b, tol, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) ALONE_CHECK(false, strcmp(a, b) == 0, #a " is " #b, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...) ALONE_CHECK(false, strcmp(a, b) != 0, #a " is not " #b, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, n, ...) ALONE_CHECK(false, memcmp(a, b, n) == 0, #a " is " #b, __VA_ARGS__)
#define cr_assert_fail(...) alone_end(ALONE_FAILED, __FILE__, __LINE__, "" __VA_ARGS__)
#define cr_skip_test(...) alone_end(ALONE_SKIPPED, __FILE__, __LINE__, "" __VA_ARGS__)
#define cr_log_info(...) alone_tell(__FILE__, __LINE__, "" __VA_ARGS__)

/* alone_of_suite - the options of a test's suite. */
static inline AloneOptions alone_of_suite(const AloneTest *t)
{
    for (const AloneTest *s = alone_first; s != NULL; s = s->next)
        if (s->name == NULL && strcmp(s->suite, t->suite) == 0) return s->options;
    return (AloneOptions){NULL, NULL, 0};
}

/* alone_run - one test, in a process of its own; its exit code, or -1 where it was ended by a signal. */
static inline int alone_run(const AloneTest *t)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        AloneOptions suite = alone_of_suite(t);
        if (suite.init != NULL) suite.init();
        if (t->options.init != NULL) t->options.init();
        t->run();
        if (t->options.fini != NULL) t->options.fini();
        if (suite.fini != NULL) suite.fini();
        fflush(NULL);
        exit(alone_bad ? ALONE_FAILED : 0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
}

static inline bool alone_wanted(const AloneTest *t, int argc, char **argv)
{
    char full[256];
    int patterns = 0;
    if (t->name == NULL) return false;
    snprintf(full, sizeof full, "%s/%s", t->suite, t->name);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--tap") == 0 || strcmp(argv[i], "--filter") == 0) continue;
        if (strcmp(argv[i], "--jobs") == 0) {
            i++;
            continue;
        }
        patterns++;
        if (fnmatch(argv[i], full, 0) == 0) return true;
    }
    return patterns == 0;
}

int main(int argc, char **argv)
{
    size_t n = 0, bad = 0;
    for (const AloneTest *t = alone_first; t != NULL; t = t->next) {
        if (!alone_wanted(t, argc, argv)) continue;
        int code = alone_run(t);
        bool ok = code == 0 || code == ALONE_SKIPPED;
        printf("%sok %zu - %s/%s%s\n", ok ? "" : "not ", ++n, t->suite, t->name,
               code == ALONE_SKIPPED ? " # SKIP" : "");
        bad += !ok;
    }
    printf("1..%zu\n", n);
    return n == 0 || bad > 0; /* a pattern that fits nothing is a mistake */
}

#endif
