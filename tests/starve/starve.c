/* starve.c - linked into `prime` in place of what gives memory and of what the system does with files (ld's
 * --wrap): one request is refused, the first that the code at PRIME_STARVE makes, an offset from the
 * program's start in hex, or its N-th with @N behind the offset. With PRIME_STARVE_PLACES=FILE the offsets of
 * all code that makes requests are written there at the end, in the order in which they first made one. */
#include "../../src/report/report_priv.h"
#include "../../src/task/text_priv.h"

#include "prime/file.h"
#include "prime/js.h"

#include <csv.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <utf8proc.h>

enum { SLOTS = 1 << 14 };

static struct {
    size_t slot[SLOTS], place[SLOTS / 2], n; /* a table of hashed offsets; the offsets in order */
    size_t victim, nth;
    FILE *broken; /* where a read or a write was refused */
    pthread_mutex_t lock;
} starve = {.lock = PTHREAD_MUTEX_INITIALIZER};

extern const char __executable_start[];

static void starve_begin(void) __attribute__((constructor));
static void starve_begin(void)
{
    const char *place = getenv("PRIME_STARVE");
    char *nth = NULL;
    starve.victim = place != NULL ? strtoull(place, &nth, 16) : 0;
    starve.nth = nth != NULL && *nth == '@' ? strtoull(nth + 1, NULL, 10) : 1;
}

static void starve_end(void) __attribute__((destructor));
static void starve_end(void)
{
    const char *path = getenv("PRIME_STARVE_PLACES");
    int fd = path != NULL ? creat(path, 0600) : -1;
    for (size_t i = 0; fd >= 0 && i < starve.n; i++) dprintf(fd, "%zx\n", starve.place[i]);
}

/* Whether this request, of the code that goes on at `code`, is the one that is refused. */
static bool starve_now(const void *code, int why)
{
    size_t place = (size_t)((uintptr_t)code - (uintptr_t)__executable_start);
    pthread_mutex_lock(&starve.lock);
    size_t at = place * 0x9e3779b97f4a7c15u >> 50;
    while (starve.slot[at] != 0 && starve.slot[at] != place) at = (at + 1) % SLOTS;
    if (starve.slot[at] == 0 && starve.n < SLOTS / 2) starve.slot[at] = starve.place[starve.n++] = place;
    bool hit = place == starve.victim && --starve.nth == 0;
    pthread_mutex_unlock(&starve.lock);
    if (hit) errno = why;
    return hit;
}

/* A function that gives `refusal` and sets errno when it is refused. */
#define STARVE(type, name, params, args, why, refusal)                                      \
    type __real_##name params;                                                              \
    type __wrap_##name params;                                                              \
    type __wrap_##name params                                                               \
    {                                                                                       \
        return starve_now(__builtin_return_address(0), why) ? refusal : __real_##name args; \
    }
#define STARVE_MEMORY(type, name, params, args) STARVE(type, name, params, args, ENOMEM, NULL)
#define STARVE_FILE(type, name, params, args, refusal) STARVE(type, name, params, args, EIO, refusal)

STARVE_MEMORY(void *, malloc, (size_t n), (n))
STARVE_MEMORY(void *, calloc, (size_t n, size_t size), (n, size))
STARVE_MEMORY(void *, realloc, (void *p, size_t n), (p, n))
STARVE_MEMORY(void *, aligned_alloc, (size_t align, size_t n), (align, n))
STARVE_MEMORY(char *, strdup, (const char *s), (s))
STARVE_MEMORY(char *, strndup, (const char *s, size_t n), (s, n))
STARVE_MEMORY(void *, arena_alloc, (Arena * a, size_t n, size_t size), (a, n, size))
STARVE_MEMORY(void *, arena_zalloc, (Arena * a, size_t n, size_t size), (a, n, size))
STARVE_MEMORY(char *, arena_strdup, (Arena * a, const char *s), (a, s))
STARVE_MEMORY(char *, arena_strndup, (Arena * a, const char *s, size_t n), (a, s, n))
STARVE_MEMORY(char *, file_join, (const char *dir, const char *name), (dir, name))
STARVE_MEMORY(void *, memory_block, (size_t n), (n))
STARVE_MEMORY(const char *, import_keep, (void *im, const char *s, size_t n), (im, s, n))
STARVE(size_t, names_add, (Names * t, Arena *a, const char *s), (t, a, s), ENOMEM, NAME_NONE)
STARVE(bool, group_of_cell, (ReportGroup * g, const Report *r, size_t cell, Arena *a), (g, r, cell, a),
       ENOMEM, false)

/* What other libraries make. */
STARVE_MEMORY(void *, pcre2_match_data_create_8, (uint32_t n, void *how), (n, how))
STARVE_MEMORY(void *, pcre2_match_context_create_8, (void *how), (how))
STARVE_MEMORY(void *, gsl_vector_alloc, (size_t n), (n))
STARVE_MEMORY(void *, gsl_multimin_fminimizer_alloc, (const void *type, size_t n), (type, n))
STARVE_MEMORY(void *, sqlite3_malloc64, (uint64_t n), (n))
STARVE_MEMORY(void *, sqlite3_serialize, (void *db, const char *name, int64_t *n, unsigned how),
              (db, name, n, how))
STARVE(int, csv_init, (struct csv_parser * p, unsigned char how), (p, how), ENOMEM, -1)
STARVE(int, pthread_create, (pthread_t * id, const pthread_attr_t *how, void *(*f)(void *), void *with),
       (id, how, f, with), EAGAIN, EAGAIN)
STARVE(utf8proc_ssize_t, utf8proc_decompose,
       (const utf8proc_uint8_t *s, utf8proc_ssize_t n, utf8proc_int32_t *out, utf8proc_ssize_t cap,
        utf8proc_option_t how),
       (s, n, out, cap, how), ENOMEM, UTF8PROC_ERROR_NOMEM)

size_t __real_csv_parse(struct csv_parser *p, const void *s, size_t n, void (*cell)(void *, size_t, void *),
                        void (*row)(int, void *), void *with);
size_t __wrap_csv_parse(struct csv_parser *p, const void *s, size_t n, void (*cell)(void *, size_t, void *),
                        void (*row)(int, void *), void *with);
size_t __wrap_csv_parse(struct csv_parser *p, const void *s, size_t n, void (*cell)(void *, size_t, void *),
                        void (*row)(int, void *), void *with)
{
    if (!starve_now(__builtin_return_address(0), ENOMEM)) return __real_csv_parse(p, s, n, cell, row, with);
    p->status = CSV_ENOMEM;
    return 0;
}

/* The code of an error stands at the end of its text. */
json_t *__real_json_loadb(const char *text, size_t n, size_t how, json_error_t *why);
json_t *__wrap_json_loadb(const char *text, size_t n, size_t how, json_error_t *why);
json_t *__wrap_json_loadb(const char *text, size_t n, size_t how, json_error_t *why)
{
    if (!starve_now(__builtin_return_address(0), ENOMEM)) return __real_json_loadb(text, n, how, why);
    *why = (json_error_t){0};
    why->text[JSON_ERROR_TEXT_LENGTH - 1] = json_error_out_of_memory;
    return NULL;
}

/* As at the end of the file, which ferror does not deny. */
STARVE(ssize_t, getline, (char **line, size_t *cap, FILE *fp), (line, cap, fp), ENOMEM, -1)

STARVE_MEMORY(JsVal *, js_new_obj, (void), ())
STARVE_MEMORY(JsVal *, js_new_arr, (void), ())
STARVE_MEMORY(JsVal *, js_new_str, (const char *s), (s))
STARVE_MEMORY(JsVal *, js_new_strn, (const char *s, size_t n), (s, n))
STARVE_MEMORY(JsVal *, js_new_num, (double x), (x))
STARVE_MEMORY(JsVal *, js_new_int, (int64_t x), (x))

STARVE_FILE(FILE *, fopen64, (const char *path, const char *mode), (path, mode), NULL)
STARVE_FILE(FILE *, fdopen, (int fd, const char *mode), (fd, mode), NULL)
STARVE_FILE(int, fflush, (FILE * fp), (fp), EOF)
STARVE_FILE(int, fseeko64, (FILE * fp, off_t at, int from), (fp, at, from), -1)
STARVE_FILE(ssize_t, pread64, (int fd, void *p, size_t n, off_t at), (fd, p, n, at), -1)
STARVE_FILE(void *, mmap64, (void *p, size_t n, int prot, int flags, int fd, off_t at),
            (p, n, prot, flags, fd, at), MAP_FAILED)
STARVE_FILE(int, fstat64, (int fd, struct stat *st), (fd, st), -1)
STARVE_FILE(int, fsync, (int fd), (fd), -1)
STARVE_FILE(int, rename, (const char *from, const char *to), (from, to), -1)
STARVE_FILE(int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
STARVE_FILE(char *, mkdtemp, (char *path), (path), NULL)
STARVE_FILE(int, mkstemp64, (char *path), (path), -1)
STARVE_FILE(int, flock, (int fd, int what), (fd, what), -1)
STARVE_FILE(char *, realpath, (const char *path, char *out), (path, out), NULL)
STARVE_FILE(DIR *, opendir, (const char *path), (path), NULL)
STARVE_FILE(struct dirent *, readdir64, (DIR * d), (d), NULL)

int __real_open64(const char *path, int flags, mode_t mode);
int __wrap_open64(const char *path, int flags, mode_t mode);
int __wrap_open64(const char *path, int flags, mode_t mode)
{
    return starve_now(__builtin_return_address(0), EIO) ? -1 : __real_open64(path, flags, mode);
}

/* After a read or a write that was refused, ferror says so. */
#define STARVE_STREAM(name, type)                                                                \
    size_t __real_##name(type p, size_t size, size_t n, FILE *fp);                               \
    size_t __wrap_##name(type p, size_t size, size_t n, FILE *fp);                               \
    size_t __wrap_##name(type p, size_t size, size_t n, FILE *fp)                                \
    {                                                                                            \
        if (!starve_now(__builtin_return_address(0), EIO)) return __real_##name(p, size, n, fp); \
        starve.broken = fp;                                                                      \
        return 0;                                                                                \
    }

STARVE_STREAM(fread, void *)
STARVE_STREAM(fwrite, const void *)

int __real_ferror(FILE *fp);
int __wrap_ferror(FILE *fp);
int __wrap_ferror(FILE *fp)
{
    bool refused = starve_now(__builtin_return_address(0), EIO);
    if (refused) starve.broken = fp;
    return fp == starve.broken || __real_ferror(fp) != 0;
}

/* What it closes is closed. */
int __real_fclose(FILE *fp);
int __wrap_fclose(FILE *fp);
int __wrap_fclose(FILE *fp)
{
    bool refused = starve_now(__builtin_return_address(0), EIO);
    int code = __real_fclose(fp);
    if (refused) errno = EIO;
    return refused ? EOF : code;
}

/* A Str remembers that memory was out. */
#define STARVE_STR(name, params, args)                                         \
    void __real_##name params;                                                 \
    void __wrap_##name params;                                                 \
    void __wrap_##name params                                                  \
    {                                                                          \
        if (starve_now(__builtin_return_address(0), ENOMEM)) b->failed = true; \
        __real_##name args;                                                    \
    }

STARVE_STR(str_put, (Str * b, const char *data, size_t n), (b, data, n))
STARVE_STR(str_puts, (Str * b, const char *s), (b, s))
STARVE_STR(str_put_char, (Str * b, uint32_t c), (b, c))
STARVE_STR(str_num, (Str * b, double x), (b, x))
STARVE_STR(task_search, (Str * b, const void *task, const char *input), (b, task, input))
STARVE_STR(task_shown, (Str * b, const void *task, const char *input, const char *output),
           (b, task, input, output))
STARVE_STR(text_normal, (Str * b, Span s, Span name, size_t words), (b, s, name, words))
STARVE_STR(series_write, (Str * b, const void *series, const char *reason, const char *date),
           (b, series, reason, date))

void __wrap_str_printf(Str *b, const char *fmt, ...) PRIME_PRINTF(2, 3);
void __wrap_str_printf(Str *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *text =
        n < 0 || starve_now(__builtin_return_address(0), ENOMEM) ? NULL : __real_malloc((size_t)n + 1);
    if (text == NULL)
        b->failed = true;
    else if (vsnprintf(text, (size_t)n + 1, fmt, again) == n)
        __real_str_puts(b, text);
    va_end(again);
    free(text);
}
