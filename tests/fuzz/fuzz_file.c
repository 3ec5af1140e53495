/* fuzz_file.c - files in memory. Targets are linked with --wrap, so that the library's calls arrive here;
 * what is no file in memory goes on to where it was meant for. */
#define _GNU_SOURCE /* memfd_create */
#include "fuzz_file.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FUZZ_FILES = 32, FUZZ_NAME = 64 };

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

/* The name below the folder; NULL for what is not there. */
static const char *fuzz_name(const char *path)
{
    bool here = strncmp(path, fuzz_dir, fuzz_dir_len) == 0 && path[fuzz_dir_len] == '/';
    return here ? path + fuzz_dir_len + 1 : NULL;
}

static FuzzFile *fuzz_find(const char *path)
{
    const char *name = fuzz_name(path);
    return name != NULL ? fuzz_named(name) : NULL;
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

void fuzz_clear(const char *below)
{
    for (size_t i = fuzz_files; i-- > 0;) {
        if (strncmp(fuzz_file[i].name, below, strlen(below)) != 0) continue;
        free(fuzz_file[i].data);
        fuzz_file[i] = fuzz_file[--fuzz_files];
    }
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
    fuzz_clear("");
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

/* ---- what the library reads: names that the linker gives ---- */

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

/* ---- what the library writes ---- */

Status __real_file_begin(FileOut *f, const char *path, Err *e);
Status __wrap_file_begin(FileOut *f, const char *path, Err *e);
Status __real_file_commit(FileOut *f, Err *e);
Status __wrap_file_commit(FileOut *f, Err *e);
void __real_file_abort(FileOut *f);
void __wrap_file_abort(FileOut *f);
Status __wrap_file_write(const char *path, const void *data, size_t n, Err *e);
Status __real_file_mkdir(const char *path, Err *e);
Status __wrap_file_mkdir(const char *path, Err *e);
Status __real_file_spill(FILE **fp, const char *path, Err *e);
Status __wrap_file_spill(FILE **fp, const char *path, Err *e);

/* Stands behind FileOut's tmp while a file is being written. */
typedef struct {
    char *data;
    size_t n;
} FuzzOut;

static bool fuzz_ours(const FileOut *f)
{
    return f->path != NULL && fuzz_name(f->path) != NULL;
}

Status __wrap_file_begin(FileOut *f, const char *path, Err *e)
{
    if (fuzz_name(path) == NULL) return __real_file_begin(f, path, e);
    FuzzOut *out = calloc(1, sizeof *out);
    if (out == NULL) abort();
    *f = (FileOut){open_memstream(&out->data, &out->n), strdup(path), (char *)out};
    if (f->fp == NULL || f->path == NULL) abort();
    return OK;
}

/* Ends the writing; what was written stays if it is wanted. */
static void fuzz_out_end(FileOut *f, bool wanted)
{
    FuzzOut *out = (void *)f->tmp;
    if (fclose(f->fp) != 0) abort();
    if (wanted) fuzz_put(fuzz_name(f->path), (const uint8_t *)out->data, out->n);
    free(out->data);
    free(out);
    free(f->path);
    *f = (FileOut){0};
}

Status __wrap_file_commit(FileOut *f, Err *e)
{
    if (!fuzz_ours(f)) return __real_file_commit(f, e);
    fuzz_out_end(f, true);
    return OK;
}

void __wrap_file_abort(FileOut *f)
{
    if (fuzz_ours(f))
        fuzz_out_end(f, false);
    else
        __real_file_abort(f);
}

Status __wrap_file_write(const char *path, const void *data, size_t n, Err *e)
{
    FileOut f = {0};
    TRY(__wrap_file_begin(&f, path, e));
    if (n > 0) fwrite(data, 1, n, f.fp);
    return __wrap_file_commit(&f, e);
}

Status __wrap_file_mkdir(const char *path, Err *e)
{
    return fuzz_name(path) != NULL ? OK : __real_file_mkdir(path, e);
}

Status __wrap_file_spill(FILE **fp, const char *path, Err *e)
{
    if (fuzz_name(path) == NULL) return __real_file_spill(fp, path, e);
    int fd = memfd_create("spill", MFD_CLOEXEC);
    *fp = fd >= 0 ? fdopen(fd, "w+b") : NULL;
    if (*fp == NULL) abort();
    return OK;
}
