/* host.h - the machine that this program runs on, as far as Linux tells. */
#ifndef PRIME_HOST_H
#define PRIME_HOST_H

#include <stdbool.h>
#include <stddef.h>

/* host_cpu - the model of the first processor, "unknown" where the system does not say. */
enum { HOST_NAME = 128 };
void host_cpu(char out[HOST_NAME]);

/* host_cpus - processors that this process may use, at least 1: those that it is bound to (taskset, cpusets),
 * or fewer where a control group allows less of their time: the whole processors of the quota. host_quota -
 * that quota in processors, INFINITY where there is none: the least of the groups that `groups` (as
 * /proc/self/cgroup) names and of those above them, below `root` (as /sys/fs/cgroup), version 1 or 2. */
size_t host_cpus(void);
double host_quota(const char *groups, const char *root);

/* host_memory - bytes of memory in all; host_memory_free - what new programs may take without swapping; NaN
 * when unknown. */
double host_memory(void);
double host_memory_free(void);

/* host_disk_free - bytes that anybody, not root alone, may still write where path is; NaN when it is nowhere.
 */
double host_disk_free(const char *path);

/* host_writable - whether a file can be made in a folder. Tries it: permission alone does not tell of file
 * systems that are mounted to be read. */
bool host_writable(const char *dir);

/* host_time - now in UTC, as 2025-01-31T23:59:59Z. host_seconds - of a clock that nobody sets, to take
 * differences. */
enum { HOST_TIME = 24 };
void host_time(char out[HOST_TIME]);
double host_seconds(void);

#endif
