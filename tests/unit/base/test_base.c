#include "prime/arena.h"
#include "prime/err.h"
#include "prime/origin.h"
#include "prime/file.h"
#include "prime/hash.h"
#include "prime/par.h"
#include "prime/rng.h"
#include "prime/show.h"
#include "prime/str.h"

#include "../../../src/base/rng_layers.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static Status fails(Err *e)
{
    FAIL(e, ERR_ARG, "density = %g, want (0, 1]", 1.3);
}

Test(err, first_failure_wins_and_holds_the_value)
{
    Err e = {0};
    cr_assert_eq(fails(&e), ERR_ARG);
    err_set(&e, ERR_IO, "x", 1, "later");
    cr_assert_str_eq(e.msg, "density = 1.3, want (0, 1]");
    cr_assert_eq(err_prefix(&e, "%s", "a.yaml"), ERR_ARG);
    cr_assert_str_eq(e.msg, "a.yaml: density = 1.3, want (0, 1]");
    cr_assert_eq(fails(NULL), ERR_ARG);
    cr_assert_str_eq(err_name(ERR_UNSUP), "ERR_UNSUP");
    cr_assert_str_eq(err_name(ERR_STOPPED), "ERR_STOPPED");
}

Test(err, prefix_cuts_instead_of_overflowing)
{
    Err e = {0};
    char big[1000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    err_set(&e, ERR_IO, "x", 1, "%s", big);
    err_prefix(&e, "%s", big);
    cr_assert_lt(strlen(e.msg), (size_t)PRIME_ERR_MSG);
}

Test(arena, aligned_separate_and_reusable)
{
    Arena a = {0};
    char *p = arena_alloc(&a, 3, 1), *q = arena_zalloc(&a, 1000000, 4);
    cr_assert(p != NULL && q != NULL && p != q);
    cr_assert_eq((uintptr_t)q % 64, 0);
    cr_assert_eq(q[3999999], 0);
    cr_assert_str_eq(arena_strdup(&a, "hello"), "hello");
    cr_assert_null(arena_alloc(&a, SIZE_MAX / 2, 4));
    arena_reset(&a);
    cr_assert_not_null(arena_alloc(&a, 10, 1));
    arena_free(&a);
}

Test(arena, products_that_overflow_are_refused)
{
    Err e = {0};
    size_t n = 7;
    cr_assert_eq(size_mul(&n, SIZE_MAX, 2, &e), ERR_ARG);
    cr_assert_eq(n, 7);
    cr_assert_eq(size_mul(&n, 6, 7, NULL), OK);
    cr_assert_eq(n, 42);
}

Test(rng, streams_depend_on_each_part_of_the_key)
{
    Rng a = rng_stream(1, "x", 0), b = rng_stream(1, "x", 0), c = rng_stream(1, "x", 1),
        d = rng_stream(1, "y", 0), f = rng_stream(2, "x", 0);
    uint64_t v = rng_u64(&a);
    cr_assert_eq(v, rng_u64(&b));
    cr_assert_neq(v, rng_u64(&c));
    cr_assert_neq(v, rng_u64(&d));
    cr_assert_neq(v, rng_u64(&f));
}

Test(rng, moments_and_bounds)
{
    Rng r = rng_stream(7, "moments", 0);
    double su = 0, sn = 0, sn2 = 0;
    size_t count[5] = {0}, n = 200000;
    for (size_t i = 0; i < n; i++) {
        double u = rng_uniform(&r), z = rng_normal(&r);
        cr_assert(u >= 0 && u < 1);
        su += u;
        sn += z;
        sn2 += z * z;
        count[rng_below(&r, 5)]++;
    }
    cr_assert_float_eq(su / (double)n, 0.5, 0.003);
    cr_assert_float_eq(sn / (double)n, 0, 0.01);
    cr_assert_float_eq(sn2 / (double)n, 1, 0.02);
    for (int i = 0; i < 5; i++) cr_assert_float_eq((double)count[i] / (double)n, 0.2, 0.005);
}

/* The layers have one area, the tail with the lowest, and the last one ends at 0. */
Test(rng, layers_are_equal)
{
    double r = rng_layer[1], top = exp(-0.5 * r * r);
    double area = r * top + sqrt(acos(-1.0) / 2) * erfc(r / sqrt(2.0));
    cr_assert_float_eq(rng_layer[0] * top, area, 1e-15);
    for (size_t i = 1; i < RNG_LAYERS; i++) {
        double low = exp(-0.5 * rng_layer[i] * rng_layer[i]),
               high = exp(-0.5 * rng_layer[i + 1] * rng_layer[i + 1]);
        cr_assert_float_eq(rng_layer[i] * (high - low), area, 1e-14, "layer %zu", i);
    }
    cr_assert_eq(rng_layer[RNG_LAYERS], 0);
}

static int compare_normal(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

/* Largest distance of the distribution of n draws (Kolmogorov 1933: above 1.95 / sqrt(n) once in 1000), and
 * how many lie beyond where the tail begins. */
Test(rng, ziggurat_is_normal)
{
    enum { DRAWS = 2000000 };
    static double z[DRAWS];
    Rng r = rng_stream(7, "ziggurat", 0), again = r;
    double far = 0, tail = 0, power[5] = {0};
    for (size_t i = 0; i < DRAWS; i++) {
        z[i] = rng_ziggurat(&r);
        for (int k = 1; k < 5; k++) power[k] += pow(z[i], k) / DRAWS;
        tail += fabs(z[i]) > rng_layer[1];
    }
    cr_assert_eq(rng_ziggurat(&again), z[0]);
    qsort(z, DRAWS, sizeof *z, compare_normal);
    for (size_t i = 0; i < DRAWS; i++) {
        double want = 0.5 * erfc(-z[i] / sqrt(2.0)), got = (double)i / DRAWS;
        far = fmax(far, fmax(fabs(want - got), fabs(want - got - 1.0 / DRAWS)));
    }
    cr_assert_lt(far * sqrt(DRAWS), 1.95);
    cr_assert_float_eq(power[1], 0, 4 / sqrt(DRAWS));
    cr_assert_float_eq(power[2], 1, 4 * sqrt(2.0 / DRAWS));
    cr_assert_float_eq(power[3], 0, 4 * sqrt(15.0 / DRAWS));
    cr_assert_float_eq(power[4], 3, 4 * sqrt(96.0 / DRAWS));
    double beyond = DRAWS * erfc(rng_layer[1] / sqrt(2.0));
    cr_assert_float_eq(tail, beyond, 4 * sqrt(beyond), "%g, want %g", tail, beyond);
    double above = 0; /* in the tail itself, the median */
    for (size_t i = 0; i < DRAWS; i++) above += fabs(z[i]) > 3.8211;
    double share = DRAWS * erfc(3.8211 / sqrt(2.0));
    cr_assert_float_eq(above, share, 4 * sqrt(share), "%g, want %g", above, share);
}

Test(rng, shuffle_is_a_permutation)
{
    size_t idx[100], seen[100] = {0}, moved = 0;
    for (size_t i = 0; i < 100; i++) idx[i] = i;
    Rng r = rng_stream(3, "shuffle", 0);
    rng_shuffle(&r, idx, 100);
    for (size_t i = 0; i < 100; i++) {
        seen[idx[i]]++;
        moved += idx[i] != i;
    }
    for (size_t i = 0; i < 100; i++) cr_assert_eq(seen[i], 1);
    cr_assert_gt(moved, 80);
}

Test(str, numbers_read_back_the_same)
{
    const double xs[] = {0.1, 1.0 / 3.0, 1e300, -2.5e-310, 123456789.0};
    for (size_t i = 0; i < 5; i++) {
        Str b = {0};
        str_num(&b, xs[i]);
        cr_assert_eq(strtod(b.s, NULL), xs[i]);
        str_free(&b);
    }
}

Test(str, nearest_word)
{
    const char *names[] = {"lambda", "targets", "anchors"};
    cr_assert_str_eq(str_nearest("lamda", names, 3), "lambda");
    cr_assert_null(str_nearest("zzzz", names, 3));
}

Test(file, written_whole_or_not_at_all)
{
    char dir[] = "prime_test_XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    char *path = file_join(dir, "a.txt");
    Err e = {0};
    cr_assert_eq(file_write(path, "hello", 5, &e), OK);
    char *text = NULL;
    size_t n = 0;
    cr_assert_eq(file_read(&text, &n, path, &e), OK);
    cr_assert_str_eq(text, "hello");
    char hex[HASH_HEX];
    cr_assert_eq(hash_file(hex, path, &e), OK);
    cr_assert_str_eq(hex, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    FileOut f = {0};
    cr_assert_eq(file_begin(&f, path, &e), OK);
    fputs("half", f.fp);
    file_abort(&f);
    free(text);
    cr_assert_eq(file_read(&text, &n, path, &e), OK);
    cr_assert_str_eq(text, "hello");
    free(text);
    remove(path);
    free(path);
    remove(dir);
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    cr_assert_eq(lstat(path, &st), 0);
    return st.st_mode & 0777;
}

/* Under a umask that would let everybody in; and where somebody has laid a link under the temporary name. */
Test(file, what_is_made_is_for_its_owner_alone_and_follows_no_link)
{
    Err e = {0};
    char *dir = NULL;
    cr_assert_eq(file_temp_dir(&dir, &e), OK, "%s", e.msg);
    char *path = file_join(dir, "a"), *tmp = file_join(dir, "a.tmp"), *other = file_join(dir, "other"),
         *below = file_join(dir, "x/y"), *text = NULL;
    size_t n = 0;
    mode_t before = umask(0);
    cr_assert_eq(file_write(other, "theirs", 6, &e), OK);
    cr_assert_eq(symlink("other", tmp), 0);
    cr_assert_eq(file_write(path, "mine", 4, &e), OK, "%s", e.msg);
    cr_assert_eq(symlink("other", tmp), 0);
    cr_assert_eq(file_new(tmp, &e), OK, "%s", e.msg);
    cr_assert_eq(file_mkdir(below, &e), OK, "%s", e.msg);
    umask(before);
    cr_assert_eq(mode_of(dir), 0700);
    cr_assert_eq(mode_of(path), 0600);
    cr_assert_eq(mode_of(tmp), 0600, "not a link, but a new file");
    cr_assert_eq(mode_of(below), 0700);
    cr_assert_eq(file_read(&text, &n, other, &e), OK);
    cr_assert_str_eq(text, "theirs", "a link was followed");
    FILE *spill = NULL;
    char back[8] = "";
    cr_assert_eq(file_spill(&spill, path, &e), OK, "%s", e.msg);
    cr_assert_not(file_exists(path), "a spill has no name");
    fputs("kept", spill);
    rewind(spill);
    cr_assert_str_eq(fgets(back, sizeof back, spill), "kept");
    fclose(spill);
    cr_assert_eq(file_spill(&spill, "no/such/file", &e), ERR_IO);
    cr_assert_str_eq(e.msg, "no/such/file: cannot write: No such file or directory");
    e = (Err){0};
    cr_assert_eq(file_new("no/such/file", &e), ERR_IO);
    cr_assert_str_eq(e.msg, "no/such/file: cannot create: No such file or directory");
    file_remove_tree(dir);
    free(text);
    free(below);
    free(other);
    free(tmp);
    free(path);
    free(dir);
}

/* Controls, DEL and C1, marks that turn a line round, what is invisible, and bytes that are no text. */
Test(show, nothing_that_acts_is_left)
{
    Str a = {0}, b = {0};
    const char *evil = "a\x1b[31m\n\tb\x7f\xC2\x9B\xE2\x80\xAE\xE2\x80\x8B\xFF\xC0\xAFé";
    show_text(&a, evil);
    show_lines(&b, evil);
    cr_assert_str_eq(a.s,
                     "a<U+001B>[31m<U+000A><U+0009>b<U+007F><U+009B><U+202E><U+200B>\xEF\xBF\xBD\xEF\xBF\xBD"
                     "\xEF\xBF\xBDé");
    cr_assert_str_eq(b.s, "a<U+001B>[31m\n\tb<U+007F><U+009B><U+202E><U+200B>\xEF\xBF\xBD\xEF\xBF\xBD"
                          "\xEF\xBF\xBDé");
    str_free(&a);
    str_free(&b);
}

Test(file, a_full_disk_is_reported)
{
    Err e = {0};
    FileOut f = {.fp = fopen("/dev/full", "wb"), .path = strdup("out.csv"), .tmp = strdup("out.csv.tmp")};
    fputs("x", f.fp);
    cr_assert_eq(file_commit(&f, &e), ERR_IO);
    cr_assert_not_null(strstr(e.msg, "out.csv: cannot write: No space left on device"));
}

Test(file, missing_files_are_named)
{
    Err e = {0};
    char *t = NULL;
    size_t n = 0;
    cr_assert_eq(file_read(&t, &n, "no/such/file", &e), ERR_IO);
    cr_assert_str_eq(e.msg, "no/such/file: cannot open: No such file or directory");
    cr_assert_null(t);
}

Test(file, what_is_no_file_is_not_read)
{
    char hex[HASH_HEX] = "";
    Err e[3] = {0};
    char *t = NULL;
    size_t n = 0;
    cr_assert_eq(file_read(&t, &n, "/proc", &e[0]), ERR_IO);
    cr_assert_str_eq(e[0].msg, "/proc: is a folder, want a file");
    cr_assert_eq(hash_file(hex, "no/such/file", &e[1]), ERR_IO);
    cr_assert_str_eq(e[1].msg, "no/such/file: cannot open: No such file or directory");
    cr_assert_eq(hash_file(hex, "/proc", &e[2]), ERR_IO);
    cr_assert_str_eq(e[2].msg, "/proc: cannot read: Is a directory");
    cr_assert(t == NULL && hex[0] == '\0');
}

Test(file, folders_for_a_while_go_with_all_that_is_in_them)
{
    Err e = {0};
    char *one = NULL, *two = NULL, *gone = NULL;
    cr_assert_eq(file_temp_dir(&one, &e), OK, "%s", e.msg);
    cr_assert_eq(file_temp_dir(&two, &e), OK, "%s", e.msg);
    cr_expect_str_neq(one, two);
    char *deep = file_join(one, "a/b"), *file = file_join(one, "a/b/c");
    cr_assert_eq(file_mkdir(deep, &e), OK);
    cr_assert_eq(file_write(file, "x", 1, &e), OK);
    file_remove_tree(one);
    cr_expect(!file_exists(one));
    cr_expect(file_is_dir(two));
    file_remove_tree(two);
    cr_assert_eq(setenv("TMPDIR", "/proc/none", 1), 0);
    cr_expect_eq(file_temp_dir(&gone, &e), ERR_IO);
    cr_expect_null(gone);
    free(one);
    free(two);
    free(deep);
    free(file);
}

Test(hash, salt_separates)
{
    char a[HASH_HEX], b[HASH_HEX];
    hash_salted(a, "s", "ab");
    hash_salted(b, "sa", "b");
    cr_assert_str_neq(a, b);
}

static Status square(void *ctx, size_t job, size_t thread, Err *e)
{
    (void)thread;
    if (job == 61) FAIL(e, ERR_NUM, "job %zu", job);
    ((size_t *)ctx)[job] = job * job;
    return OK;
}

Test(par, results_by_index_and_first_error)
{
    size_t out[100] = {0};
    Err e = {0};
    cr_assert_eq(par_run(60, 4, square, out, &e), OK);
    for (size_t i = 0; i < 60; i++) cr_assert_eq(out[i], i * i);
    cr_assert_eq(par_run(100, 4, square, out, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "job 61");
}

static Status nest(void *ctx, size_t job, size_t thread, Err *e)
{
    (void)thread;
    size_t *inner = ctx;
    inner[job] = par_threads();
    return par_run(5, 4, square, inner + 8 + 5 * job, e);
}

Test(par, a_job_beside_others_has_one_thread)
{
    size_t out[8 + 8 * 5] = {0};
    Err e = {0};
    par_set_threads(3);
    cr_assert_eq(par_run(8, 2, nest, out, &e), OK);
    for (size_t i = 0; i < 8; i++) cr_expect_eq(out[i], 1u, "job %zu has %zu threads", i, out[i]);
    for (size_t i = 0; i < 40; i++) cr_expect_eq(out[8 + i], (i % 5) * (i % 5));
    cr_assert_eq(par_threads(), 3u);
    cr_assert_eq(par_run(1, 2, nest, out, &e), OK);
    cr_expect_eq(out[0], 3u, "a job that runs alone has all threads, not %zu", out[0]);
    par_set_threads(0);
}

Test(origin, is_named)
{
    cr_assert_gt(strlen(origin_commit()), 3);
    cr_assert(strpbrk(origin_compiler(), "0123456789") != NULL, "%s", origin_compiler());
    size_t n = 0;
    for (; origin_library(n) != NULL; n++)
        cr_assert(strchr(origin_library(n), ' ') != NULL, "%s", origin_library(n));
    cr_assert_gt(n, 5);
}
