/* fuzz_file.c - files in memory. Targets are linked with --wrap, so that the library's calls arrive here;
 * what is no file in memory goes on to where it was meant for. */
#include "fuzz_file.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FUZZ_FILES = 8, FUZZ_NAME = 64 };

typedef struct {
    char name[FUZZ_NAME];
    uint8_t *data; /* [n], of exactly this size */
    size_t n;
} FuzzFile;

static FuzzFile fuzz_file[FUZZ_FILES];
static size_t fuzz_files;
static char fuzz_dir[64] = "/prime_fuzz_in_memory";
static size_t fuzz_dir_len = sizeof "/prime_fuzz_in_memory" - 1;

static void fuzz_gone(void)
{
    file_remove_tree(fuzz_dir);
}

const char *fuzz_folder(void)
{
    return fuzz_dir;
}

void fuzz_folder_real(void)
{
    snprintf(fuzz_dir, sizeof fuzz_dir, "%s/prime_fuzz_XXXXXX",
             file_is_dir("/dev/shm") ? "/dev/shm" : "/tmp");
    if (mkdtemp(fuzz_dir) == NULL || atexit(fuzz_gone) != 0) abort();
    fuzz_dir_len = strlen(fuzz_dir);
}

const char *fuzz_at(char path[FUZZ_PATH], const char *name)
{
    snprintf(path, FUZZ_PATH, "%s/%s", fuzz_dir, name);
    return path;
}

static FuzzFile *fuzz_named(const char *name)
{
    for (size_t i = 0; i < fuzz_files; i++)
        if (strcmp(fuzz_file[i].name, name) == 0) return &fuzz_file[i];
    return NULL;
}

static FuzzFile *fuzz_find(const char *path)
{
    bool here = strncmp(path, fuzz_dir, fuzz_dir_len) == 0 && path[fuzz_dir_len] == '/';
    return here ? fuzz_named(path + fuzz_dir_len + 1) : NULL;
}

void fuzz_put(const char *name, const uint8_t *data, size_t n)
{
    FuzzFile *f = fuzz_named(name);
    if (f == NULL) {
        if (fuzz_files == FUZZ_FILES || strlen(name) >= FUZZ_NAME) abort();
        f = &fuzz_file[fuzz_files++];
        strcpy(f->name, name);
        f->data = NULL;
    }
    free(f->data);
    f->data = malloc(n + (n == 0));
    if (f->data == NULL) abort();
    if (n > 0) memcpy(f->data, data, n);
    f->n = n;
}

void fuzz_clear(void)
{
    while (fuzz_files > 0) free(fuzz_file[--fuzz_files].data);
}

/* The end of this line, behind its line feed. */
static const uint8_t *fuzz_line_end(const uint8_t *s, const uint8_t *end)
{
    const uint8_t *stop = memchr(s, '\n', (size_t)(end - s));
    return stop != NULL ? stop + 1 : end;
}

/* Where the next file begins, or the end. */
static const uint8_t *fuzz_next_file(const uint8_t *s, const uint8_t *end)
{
    while (s < end && !(end - s > 4 && memcmp(s, "=== ", 4) == 0)) s = fuzz_line_end(s, end);
    return s;
}

void fuzz_unpack(const uint8_t *data, size_t size, const char *const *names, size_t n)
{
    fuzz_clear();
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

/* ---- what the library calls: names that the linker gives, for files of any size ---- */

FILE *__real_fopen64(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode);
int __real_stat64(const char *path, struct stat *st);
int __wrap_stat64(const char *path, struct stat *st);
Status __real_file_map(FileMap *m, const char *path, Err *e);
Status __wrap_file_map(FileMap *m, const char *path, Err *e);
void __real_file_unmap(FileMap *m);
void __wrap_file_unmap(FileMap *m);

FILE *__wrap_fopen64(const char *path, const char *mode)
{
    const FuzzFile *f = mode[0] == 'r' ? fuzz_find(path) : NULL;
    return f != NULL ? fmemopen(f->data, f->n, mode) : __real_fopen64(path, mode);
}

int __wrap_stat64(const char *path, struct stat *st)
{
    const FuzzFile *f = fuzz_find(path);
    if (f == NULL) return __real_stat64(path, st);
    *st = (struct stat){.st_mode = S_IFREG | 0600, .st_size = (off_t)f->n};
    return 0;
}

Status __wrap_file_map(FileMap *m, const char *path, Err *e)
{
    const FuzzFile *f = fuzz_find(path);
    if (f == NULL) return __real_file_map(m, path, e);
    *m = (FileMap){f->n > 0 ? f->data : NULL, f->n};
    return OK;
}

void __wrap_file_unmap(FileMap *m)
{
    bool ours = false;
    for (size_t i = 0; i < fuzz_files; i++) ours = ours || m->data == fuzz_file[i].data;
    if (ours)
        *m = (FileMap){0};
    else
        __real_file_unmap(m);
}
