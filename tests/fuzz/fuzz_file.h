/* fuzz_file.h - files for parsers that want a path: in memory, below a folder of this process that goes with
 * it. Bytes may hold several files: a line "=== NAME" begins the next one. */
#ifndef PRIME_FUZZ_FILE_H
#define PRIME_FUZZ_FILE_H

#include "prime/file.h"
#include "prime/str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FUZZ_PATH = 128 };
static char fuzz_dir[64];

static inline void fuzz_dir_gone(void)
{
    file_remove_tree(fuzz_dir);
}

/* An empty folder, the same each time. */
static inline const char *fuzz_folder(void)
{
    if (fuzz_dir[0] == '\0') {
        const char *below = file_is_dir("/dev/shm") ? "/dev/shm" : "/tmp";
        strcat(strcpy(fuzz_dir, below), "/prime_fuzz_XXXXXX");
        if (mkdtemp(fuzz_dir) == NULL) abort();
        atexit(fuzz_dir_gone);
        return fuzz_dir;
    }
    file_remove_tree(fuzz_dir);
    if (file_mkdir(fuzz_dir, NULL) != OK) abort();
    return fuzz_dir;
}

/* Without a flush to disk, which file_write would wait for. */
static inline void fuzz_put(const char *name, const uint8_t *data, size_t n)
{
    char path[FUZZ_PATH + 80];
    snprintf(path, sizeof path, "%s/%s", fuzz_dir, name);
    FILE *fp = fopen(path, "wb");
    if (fp == NULL || fwrite(data, 1, n, fp) != n || fclose(fp) != 0) abort();
}

static inline const char *fuzz_at(char path[FUZZ_PATH], const char *name)
{
    snprintf(path, FUZZ_PATH, "%s/%s", fuzz_dir, name);
    return path;
}

/* The end of this line, behind its line feed. */
static inline const uint8_t *fuzz_line_end(const uint8_t *s, const uint8_t *end)
{
    const uint8_t *stop = memchr(s, '\n', (size_t)(end - s));
    return stop != NULL ? stop + 1 : end;
}

/* Where the next file begins, or the end. */
static inline const uint8_t *fuzz_next_file(const uint8_t *s, const uint8_t *end)
{
    while (s < end && !(end - s > 4 && memcmp(s, "=== ", 4) == 0)) s = fuzz_line_end(s, end);
    return s;
}

/* Write the files that the bytes hold, of those that `names` [n] allows. What comes before the first goes. */
static inline void fuzz_unpack(const uint8_t *data, size_t size, const char *const *names, size_t n)
{
    if (size == 0) return;
    const uint8_t *end = data + size, *s = fuzz_next_file(data, end);
    while (s < end) {
        const uint8_t *body = fuzz_line_end(s, end), *stop = fuzz_next_file(body, end);
        for (size_t i = 0; i < n; i++) {
            size_t len = strlen(names[i]);
            bool same = (size_t)(body - s) == len + 5 && memcmp(s + 4, names[i], len) == 0;
            if (same) fuzz_put(names[i], body, (size_t)(stop - body));
        }
        s = stop;
    }
}

#endif
