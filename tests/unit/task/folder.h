/* folder.h - a folder for one test, removed after it. */
#ifndef TESTS_TASK_FOLDER_H
#define TESTS_TASK_FOLDER_H

#include "prime/data.h"
#include "prime/file.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char tmp_dir[32];

static inline void tmp_make(void)
{
    strcpy(tmp_dir, "test_task_XXXXXX");
    cr_assert_not_null(mkdtemp(tmp_dir));
}

static inline int tmp_unlink(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static inline void tmp_remove(void)
{
    nftw(tmp_dir, tmp_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

/* Path of a name in the folder. A ring of 64: no test needs more at a time. */
static inline const char *below(const char *name)
{
    static char path[64][256];
    static int k;
    char *p = path[k++ % 64];
    snprintf(p, sizeof path[0], "%s/%s", tmp_dir, name);
    return p;
}

static inline const char *source_path(const char *name)
{
    static char path[4][1024];
    static int k;
    char *p = path[k++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", getenv("PRIME_SOURCE"), name);
    return p;
}

__attribute__((noinline, unused)) static char *slurp(const char *path)
{
    char *text = NULL;
    size_t n = 0;
    Err e = {0};
    cr_assert_eq(file_read(&text, &n, path, &e), OK, "%s", e.msg);
    return text;
}

static inline void put(const char *name, const char *text)
{
    Err e = {0};
    cr_assert_eq(file_write(below(name), text, strlen(text), &e), OK, "%s", e.msg);
}

static inline DataDebianOpt debian_options(const char *out)
{
    return (DataDebianOpt){.out = out,
                           .lists = source_path("fixtures/debian_lists"),
                           .salt = DATA_SALT,
                           .seed = 1,
                           .history = 0.5,
                           .query = 0.25,
                           .min_records = 4};
}

#endif
