/* replay.c - TAP: a fuzz target without a fuzzer. Every file of every folder given goes through the target,
 * whole and cut short at up to 64 places; a target that is unhappy aborts. Empty and missing folders are
 * failures. */
#include "prime/file.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CUTS = 64 };

/* In memory of exactly this size, so that a sanitizer sees a read behind the end. */
static void replay_bytes(const char *data, size_t n)
{
    uint8_t *copy = malloc(n + (n == 0));
    if (copy == NULL) abort();
    if (n > 0) memcpy(copy, data, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static int replay_file(const char *dir, const char *name)
{
    char *path = file_join(dir, name), *data = NULL;
    size_t n = 0;
    Err e = {0};
    if (path == NULL || file_read(&data, &n, path, &e) != OK) {
        printf("Bail out! %s\n", e.msg);
        return 1;
    }
    replay_bytes(data, n);
    for (size_t i = 0; i < CUTS && i < n; i++) replay_bytes(data, n < CUTS ? i : n * i / CUTS);
    free(path);
    free(data);
    return 0;
}

static int no_dots(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static int replay_folder(const char *dir, int *count)
{
    struct dirent **entry = NULL;
    int n = scandir(dir, &entry, no_dots, alphasort), bad = 0;
    for (int i = 0; i < n; i++) {
        printf("# %s\n", entry[i]->d_name); /* the last one printed is the one that aborted */
        fflush(stdout);
        if (!bad) bad = replay_file(dir, entry[i]->d_name);
        printf("ok %d - %s\n", ++*count, entry[i]->d_name);
        free(entry[i]);
    }
    free(entry);
    if (n <= 0) printf("not ok %d - %s holds inputs\n", ++*count, dir);
    return bad || n <= 0;
}

int main(int argc, char **argv)
{
    int bad = argc < 2, count = 0;
    for (int i = 1; i < argc && !bad; i++) bad = replay_folder(argv[i], &count);
    printf("1..%d\n", count);
    return bad;
}
