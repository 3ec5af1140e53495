/* host_cpus.c - processors that may be used: those that the process is bound to, and the share of their time
 * that its control groups allow. */
#define _GNU_SOURCE
#include "prime/host.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_PATH = 1024 };

/* The numbers of a file's first line; a word such as "max" is infinite. Returns how many. */
static size_t host_numbers(double *x, size_t most, const char *path)
{
    char line[128];
    size_t n = 0;
    FILE *f = fopen(path, "re");
    if (f == NULL) return 0;
    if (fgets(line, sizeof line, f) == NULL) line[0] = '\0';
    fclose(f);
    char *save = NULL;
    for (char *word = strtok_r(line, " \t\n", &save); word != NULL && n < most;
         word = strtok_r(NULL, " \t\n", &save)) {
        char *end = NULL;
        x[n] = strtod(word, &end);
        if (end == word) x[n] = INFINITY;
        n++;
    }
    return n;
}

/* Version 2: "QUOTA PERIOD" in cpu.max. */
static double quota_unified(const char *dir)
{
    char path[HOST_PATH + 16];
    double x[2];
    snprintf(path, sizeof path, "%s/cpu.max", dir);
    return host_numbers(x, 2, path) == 2 && x[0] > 0 && x[1] > 0 ? x[0] / x[1] : INFINITY;
}

/* Version 1: a quota below 0 is none. */
static double quota_split(const char *dir)
{
    char path[HOST_PATH + 24];
    double quota, period;
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", dir);
    if (host_numbers(&quota, 1, path) != 1 || quota <= 0) return INFINITY;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", dir);
    return host_numbers(&period, 1, path) == 1 && period > 0 ? quota / period : INFINITY;
}

/* The least of a group and of all groups above it, up to the root. */
static double quota_above(const char *root, const char *group, double (*quota)(const char *dir))
{
    char dir[HOST_PATH];
    double least = quota(root);
    int n = snprintf(dir, sizeof dir, "%s%s", root, group);
    if (n < 0 || (size_t)n >= sizeof dir) return least;
    for (size_t base = strlen(root); strlen(dir) > base; *strrchr(dir, '/') = '\0')
        least = fmin(least, quota(dir));
    return least;
}

/* Whether a list such as "cpu,cpuacct" has `cpu`. */
static bool list_has_cpu(const char *list, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t len = strcspn(list + at, ",:");
        if (len == 3 && strncmp(list + at, "cpu", 3) == 0) return true;
        at += len + 1;
    }
    return false;
}

double host_quota(const char *groups, const char *root)
{
    char line[HOST_PATH], split[HOST_PATH];
    double least = INFINITY;
    FILE *f = fopen(groups, "re");
    if (f == NULL) return least;
    snprintf(split, sizeof split, "%.1000s/cpu", root);
    while (fgets(line, sizeof line, f) != NULL) {
        char *list = strchr(line, ':'), *group = list != NULL ? strchr(list + 1, ':') : NULL;
        if (group == NULL || group[1] != '/') continue;
        size_t n = (size_t)(group - list - 1);
        group[1 + strcspn(group + 1, "\n")] = '\0';
        if (n == 0) least = fmin(least, quota_above(root, group + 1, quota_unified));
        if (list_has_cpu(list + 1, n)) least = fmin(least, quota_above(split, group + 1, quota_split));
    }
    fclose(f);
    return least;
}

size_t host_cpus(void)
{
    cpu_set_t set;
    double quota = host_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    size_t bound = sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
    return quota < (double)bound ? (size_t)fmax(1, floor(quota)) : bound;
}
