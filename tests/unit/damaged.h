/* damaged.h - folders of one defect each, listed in a manifest with the status and a part of the message that
 * they must give; and a folder for one test, removed after it. */
#ifndef TESTS_DAMAGED_H
#define TESTS_DAMAGED_H

#include "prime/file.h"
#include "prime/js.h"
#include "prime/str.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DAMAGED_PATH = 600 };

typedef Status (*DamagedLoad)(void *ctx, const char *dir, Err *e);

static inline const char *damaged_source(char out[DAMAGED_PATH], const char *file)
{
    const char *root = getenv("PRIME_SOURCE");
    cr_assert_not_null(root, "PRIME_SOURCE is not set");
    int n = snprintf(out, DAMAGED_PATH, "%s/fixtures/%s", root, file);
    cr_assert(n > 0 && n < DAMAGED_PATH);
    return out;
}

static inline size_t damaged_count(const char *dir)
{
    DIR *d = opendir(dir);
    cr_assert_not_null(d, "%s", dir);
    size_t n = 0;
    for (const struct dirent *f; (f = readdir(d)) != NULL;) n += f->d_name[0] != '.';
    closedir(d);
    return n;
}

static inline void damaged_one(const char *kind, const JsVal *row, DamagedLoad load, void *ctx)
{
    char name[128], dir[DAMAGED_PATH];
    const char *file = js_str(js_get(row, "file"), NULL), *want = js_str(js_get(row, "expect"), NULL),
               *message = js_str(js_get(row, "message"), NULL);
    snprintf(name, sizeof name, "malformed/%s/%s", kind, file);
    Err e = {0};
    Status s = load(ctx, damaged_source(dir, name), &e);
    const char *got = s == OK ? "OK" : err_name(s);
    cr_expect_str_eq(got, want, "%s: %s, want %s: %s", file, got, want, e.msg);
    if (s == OK) return;
    cr_assert_not_null(message, "%s: the manifest gives no message", file);
    cr_expect_not_null(strstr(e.msg, message), "%s: %s, want %s", file, e.msg, message);
}

/* Every folder beside the manifest is listed in it, and every row is tried. */
static inline void damaged_each(const char *kind, DamagedLoad load, void *ctx)
{
    char name[128], path[DAMAGED_PATH], dir[DAMAGED_PATH];
    JsVal *list = NULL;
    Err e = {0};
    snprintf(name, sizeof name, "malformed/%s/manifest.json", kind);
    cr_assert_eq(js_load(&list, damaged_source(path, name), &e), OK, "%s", e.msg);
    snprintf(name, sizeof name, "malformed/%s", kind);
    cr_assert_eq(js_len(list) + 1, damaged_count(damaged_source(dir, name)));
    cr_assert_gt(js_len(list), 15);
    for (size_t i = 0; i < js_len(list); i++) damaged_one(kind, js_at(list, i), load, ctx);
    js_close(list);
}

/* ---- a folder for one test ---- */

static char scratch_dir[] = "test_damaged_XXXXXX";

static inline void scratch_make(void)
{
    cr_assert_not_null(mkdtemp(scratch_dir));
}

static inline int scratch_unlink(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static inline void scratch_remove(void)
{
    nftw(scratch_dir, scratch_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void scratch_copy(const char *from_dir, const char *name)
{
    char from[DAMAGED_PATH + 64], to[64], *data = NULL;
    size_t n = 0;
    Err e = {0};
    snprintf(from, sizeof from, "%s/%s", from_dir, name);
    snprintf(to, sizeof to, "%s/%s", scratch_dir, name);
    cr_assert_eq(file_read(&data, &n, from, &e), OK, "%s", e.msg);
    cr_assert_eq(file_write(to, data, n, &e), OK, "%s", e.msg);
    free(data);
}

/* The JSON file `name` of a folder, with `key` set to the JSON text `value`. */
static inline void scratch_json(const char *from_dir, const char *name, const char *key, const char *value)
{
    char from[DAMAGED_PATH + 64], to[64];
    JsVal *root = NULL;
    Str out = {0};
    Err e = {0};
    snprintf(from, sizeof from, "%s/%s", from_dir, name);
    snprintf(to, sizeof to, "%s/%s", scratch_dir, name);
    cr_assert_eq(js_load(&root, from, &e), OK, "%s", e.msg);
    str_printf(&out, "{\"%s\":%s", key, value);
    JsIter it = {0};
    const char *k = NULL;
    for (const JsVal *x; (x = js_next(root, &it, &k)) != NULL;) {
        if (strcmp(k, key) == 0) continue;
        str_printf(&out, ",\"%s\":", k);
        cr_assert_eq(js_dump(&out, x, 0, &e), OK, "%s", e.msg);
    }
    str_puts(&out, "}");
    cr_assert_eq(file_write(to, out.s, out.n, &e), OK, "%s", e.msg);
    str_free(&out);
    js_close(root);
}

#endif
