/* What the machine is found to be, and how much of it may be used. */
#define _GNU_SOURCE
#include "prime/file.h"
#include "prime/host.h"
#include "prime/memory.h"
#include "prime/par.h"

#include <criterion/criterion.h>
#include <math.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

Test(host, is_described)
{
    char cpu[HOST_NAME], time[HOST_TIME];
    host_cpu(cpu);
    host_time(time);
    cr_assert(cpu[0] != '\0' && strchr(cpu, '\n') == NULL);
    cr_assert_eq(strlen(time), 20);
    cr_assert_eq(time[10], 'T');
    cr_assert_gt(host_memory(), 1 << 24);
    cr_assert(host_memory_free() > 0 && host_memory_free() <= host_memory());
    cr_assert_gt(host_disk_free("."), 0);
    cr_assert(isnan(host_disk_free("no/such/folder")));
    cr_assert(host_writable("."));
    cr_assert(!host_writable("no/such/folder"));
    cr_assert(!host_writable("/proc"));
}

/* Seconds, and not of the time of day: a sleep takes its length and not much more. */
Test(host, seconds_pass)
{
    double from = host_seconds();
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    double took = host_seconds() - from;
    cr_assert(took >= 0.02 && took < 10, "%g s", took);
}

/* Contents stay, wherever the block begins and however short it is. */
Test(host, memory_ready_is_as_it_was)
{
    enum { PAGES = 5 * 4096 };
    char *at = calloc(PAGES, 1);
    cr_assert(at != NULL);
    memset(at + 100, 7, PAGES / 2);
    for (size_t from = 0; from < 5000; from += 777)
        for (size_t bytes = 0; from + bytes <= PAGES; bytes += 1501) memory_ready(at + from, bytes);
    for (size_t i = 0; i < PAGES; i++) cr_assert_eq(at[i], i >= 100 && i < 100 + PAGES / 2 ? 7 : 0);
    free(at);
}

/* ---- quotas ---- */

typedef struct {
    char dir[64], groups[96], root[96];
} Tree;

static Tree tree_open(const char *groups)
{
    Tree t = {.dir = "prime_host_XXXXXX"};
    Err e = {0};
    cr_assert_not_null(mkdtemp(t.dir));
    snprintf(t.groups, sizeof t.groups, "%s/cgroup", t.dir);
    snprintf(t.root, sizeof t.root, "%s/sys", t.dir);
    cr_assert_eq(file_write(t.groups, groups, strlen(groups), &e), OK);
    return t;
}

static void tree_put(const Tree *t, const char *dir, const char *name, const char *text)
{
    char path[256], cmd[300];
    Err e = {0};
    snprintf(cmd, sizeof cmd, "mkdir -p %s/%s", t->root, dir);
    cr_assert_eq(system(cmd), 0);
    snprintf(path, sizeof path, "%s/%s/%s", t->root, dir, name);
    cr_assert_eq(file_write(path, text, strlen(text), &e), OK);
}

static double tree_close(Tree *t)
{
    char cmd[128];
    double quota = host_quota(t->groups, t->root);
    snprintf(cmd, sizeof cmd, "rm -r %s", t->dir);
    cr_assert_eq(system(cmd), 0);
    return quota;
}

Test(host, memory_blocks_are_aligned_and_whole)
{
    static const size_t sizes[] = {0, 1, 63, 64, 4097, (2U << 20) - 1, 2U << 20, 5000001};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *at = memory_block(sizes[i]);
        cr_assert_not_null(at, "%zu bytes", sizes[i]);
        cr_assert_eq((uintptr_t)at % 64, 0, "%zu bytes", sizes[i]);
        memset(at, 1, sizes[i]);
        free(at);
    }
    cr_assert_null(memory_block(SIZE_MAX));
}

Test(host, the_least_quota_of_a_group_and_those_above_counts)
{
    Tree t = tree_open("0::/job/step\n");
    tree_put(&t, "job/step", "cpu.max", "max 100000\n");
    tree_put(&t, "job", "cpu.max", "150000 100000\n");
    double quota = tree_close(&t);
    cr_expect_float_eq(quota, 1.5, 1e-12);

    t = tree_open("3:cpuset:/job\n2:cpu,cpuacct:/job\n");
    tree_put(&t, "cpu/job", "cpu.cfs_quota_us", "400000\n");
    tree_put(&t, "cpu/job", "cpu.cfs_period_us", "100000\n");
    tree_put(&t, "cpu", "cpu.cfs_quota_us", "-1\n");
    quota = tree_close(&t);
    cr_expect_float_eq(quota, 4, 1e-12);
}

Test(host, what_says_nothing_is_no_quota)
{
    Tree t = tree_open("0::/\n");
    double quota = tree_close(&t);
    cr_expect(isinf(quota), "no file");
    t = tree_open("nonsense\n0:\n0::\n::::\n4:cpux:/a\n");
    tree_put(&t, "cpu/a", "cpu.cfs_quota_us", "100000\n");
    tree_put(&t, "cpu/a", "cpu.cfs_period_us", "100000\n");
    quota = tree_close(&t);
    cr_expect(isinf(quota), "cpux is not cpu");
    t = tree_open("0::/a\n");
    tree_put(&t, "a", "cpu.max", "0 0\n");
    quota = tree_close(&t);
    cr_expect(isinf(quota), "a quota of nothing");
    cr_expect(isinf(host_quota("no/such/file", "no/such/folder")));
}

Test(host, no_more_threads_than_processors_it_is_bound_to)
{
    cpu_set_t all, one;
    cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
    size_t before = host_cpus(), first = 0;
    while (!CPU_ISSET(first, &all)) first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    unsetenv("PRIME_THREADS");
    cr_expect_eq(host_cpus(), 1);
    cr_expect_eq(par_threads(), 1);
    setenv("PRIME_THREADS", "3", 1);
    cr_expect_eq(par_threads(), 3, "who asks gets what is asked for");
    cr_assert_eq(sched_setaffinity(0, sizeof all, &all), 0);
    cr_expect_eq(host_cpus(), before);
}
