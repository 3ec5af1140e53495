#include "prime/host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* The rest of the first line of a file of /proc that begins with a word, behind ':' and white space. */
static bool host_line(char *out, size_t n, const char *path, const char *word)
{
    char line[512];
    bool found = false;
    FILE *f = fopen(path, "re");
    if (f == NULL) return false;
    while (!found && fgets(line, sizeof line, f) != NULL) {
        const char *colon = strchr(line, ':');
        if (colon == NULL || strncmp(line, word, strlen(word)) != 0) continue;
        colon += 1 + strspn(colon + 1, " \t");
        snprintf(out, n, "%.*s", (int)strcspn(colon, "\n"), colon);
        found = true;
    }
    fclose(f);
    return found;
}

void host_cpu(char out[HOST_NAME])
{
    if (!host_line(out, HOST_NAME, "/proc/cpuinfo", "model name")) snprintf(out, HOST_NAME, "unknown");
}

static double host_kib(const char *word)
{
    char text[64];
    return host_line(text, sizeof text, "/proc/meminfo", word) ? 1024 * strtod(text, NULL) : NAN;
}

double host_memory(void)
{
    return host_kib("MemTotal");
}

double host_memory_free(void)
{
    return host_kib("MemAvailable");
}

double host_disk_free(const char *path)
{
    struct statvfs disk;
    return statvfs(path, &disk) == 0 ? (double)disk.f_bavail * (double)disk.f_frsize : NAN;
}

bool host_writable(const char *dir)
{
    char path[1024];
    int n = snprintf(path, sizeof path, "%s/.prime_XXXXXX", dir);
    if (n < 0 || (size_t)n >= sizeof path) return false;
    int fd = mkstemp(path);
    if (fd < 0) return false;
    close(fd);
    unlink(path);
    return true;
}

void host_time(char out[HOST_TIME])
{
    time_t t = time(NULL);
    struct tm tm;
    if (gmtime_r(&t, &tm) == NULL || strftime(out, HOST_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) out[0] = '\0';
}

double host_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
