/* lists.c - find the lists of one suite in a folder and bring them into memory. */
#include "lists_priv.h"
#include "proc_priv.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A name as apt makes it: HOST_PATH_dists_SUITE_COMPONENT_binary-ARCH_Packages, or ..._i18n_Translation-en,
 * with an extension when it is compressed. */
typedef struct {
    char *path;
    char *name;    /* what follows "_dists_", with slashes */
    char *archive; /* what stands before it: the same suite may be there from two hosts */
    char *suite;
    bool translation, packed;
    size_t bytes;
} ListName;

typedef struct {
    ListName *at;
    size_t n, cap;
} ListNames;

static const char *const pockets[] = {"-updates", "-security", "-backports", "-proposed"};
static const char *const components[] = {"main", "universe"};
static const char *const packings[] = {".lz4", ".xz", ".gz", ".zst", ".bz2"};

enum { N_POCKETS = 4, N_COMPONENTS = 2, N_PACKINGS = 5 };

static bool lists_ends(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* Is it one of ours? `tail` is what follows the suite, without extension: "main_binary-amd64_Packages". */
static bool lists_tail(const char *tail, bool *translation)
{
    for (size_t i = 0; i < N_COMPONENTS; i++) {
        size_t n = strlen(components[i]);
        if (strncmp(tail, components[i], n) != 0 || tail[n] != '_') continue;
        const char *rest = tail + n + 1;
        *translation = strcmp(rest, "i18n_Translation-en") == 0;
        return *translation || (strncmp(rest, "binary-", 7) == 0 && lists_ends(rest, "_Packages"));
    }
    return false;
}

static bool lists_parse(ListName *out, char *name, Arena *a)
{
    for (size_t i = 0; i < N_PACKINGS; i++) {
        if (!lists_ends(name, packings[i])) continue;
        name[strlen(name) - strlen(packings[i])] = '\0';
        out->packed = true;
    }
    char *dists = strstr(name, "_dists_");
    if (dists == NULL) return false;
    char *suite = dists + 7, *tail = strchr(suite, '_');
    if (tail == NULL || !lists_tail(tail + 1, &out->translation)) return false;
    out->archive = arena_strndup(a, name, (size_t)(dists - name));
    out->suite = arena_strndup(a, suite, (size_t)(tail - suite));
    out->name = arena_strdup(a, suite);
    if (out->archive == NULL || out->suite == NULL || out->name == NULL) return false;
    for (char *c = out->name; *c != '\0'; c++)
        if (*c == '_') *c = '/';
    for (size_t i = 0; i < N_POCKETS; i++)
        if (strstr(out->suite, pockets[i]) != NULL) return false;
    return true;
}

static Status lists_add(ListNames *all, const char *dir, const char *file, Arena *a, Err *e)
{
    ListName fresh = {.path = arena_alloc(a, strlen(dir) + strlen(file) + 2, 1)};
    char *name = arena_strdup(a, file);
    if (fresh.path == NULL || name == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for its names", dir);
    sprintf(fresh.path, "%s/%s", dir, file);
    struct stat st;
    if (!lists_parse(&fresh, name, a) || stat(fresh.path, &st) != 0 || !S_ISREG(st.st_mode)) return OK;
    fresh.bytes = (size_t)st.st_size;
    if (all->n == all->cap) {
        size_t cap = all->cap * 2 + 8;
        ListName *at = realloc(all->at, cap * sizeof *at);
        if (at == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu names", dir, cap);
        all->at = at;
        all->cap = cap;
    }
    all->at[all->n++] = fresh;
    return OK;
}

static int lists_name_cmp(const void *a, const void *b)
{
    return strcmp(((const ListName *)a)->path, ((const ListName *)b)->path);
}

static Status lists_scan(ListNames *all, const char *dir, Arena *a, Err *e)
{
    DIR *d = opendir(dir);
    if (d == NULL) FAIL(e, ERR_IO, "%s: cannot open the folder of package lists: %s", dir, strerror(errno));
    Status s = OK;
    for (struct dirent *f; s == OK && (errno = 0, f = readdir(d)) != NULL;)
        s = lists_add(all, dir, f->d_name, a, e);
    if (s == OK && errno != 0)
        s = err_set(e, ERR_IO, __FILE__, __LINE__, "%s: cannot read the folder: %s", dir, strerror(errno));
    closedir(d);
    if (all->n > 0) qsort(all->at, all->n, sizeof *all->at, lists_name_cmp);
    return s;
}

static bool lists_same_suite(const ListName *a, const ListName *b)
{
    return strcmp(a->archive, b->archive) == 0 && strcmp(a->suite, b->suite) == 0;
}

/* The entry whose suite has the most bytes of Packages; NULL when there is none (of that name). */
static const ListName *lists_choose(const ListNames *all, const char *suite)
{
    const ListName *best = NULL;
    size_t most = 0;
    for (size_t i = 0; i < all->n; i++) {
        const ListName *x = &all->at[i];
        if (x->translation || (suite != NULL && strcmp(x->suite, suite) != 0)) continue;
        size_t sum = 0;
        for (size_t k = 0; k < all->n; k++)
            if (!all->at[k].translation && lists_same_suite(x, &all->at[k])) sum += all->at[k].bytes;
        if (best != NULL && sum <= most) continue;
        best = x;
        most = sum;
    }
    return best;
}

static Status lists_inflate(ListFile *f, Err *e)
{
    char helper[] = "/usr/lib/apt/apt-helper", verb[] = "cat-file";
    char *argv[] = {helper, verb, f->path, NULL};
    Str say = {0};
    int code = 0;
    Status s = proc_run(&f->inflated, &say, &code, argv, e);
    if (s == OK && code != 0)
        s = err_set(e, ERR_IO, __FILE__, __LINE__, "%s: apt cannot decompress it: %.*s", f->path,
                    (int)(say.n > 150 ? 150 : say.n), say.n > 0 ? say.s : "");
    str_free(&say);
    f->text = f->inflated.s;
    f->n = f->inflated.n;
    return s;
}

static Status lists_read(ListFile *f, const ListName *x, Err *e)
{
    f->path = x->path;
    f->name = x->name;
    f->translation = x->translation;
    if (x->packed) {
        TRY(lists_inflate(f, e));
    } else {
        TRY(file_map(&f->map, x->path, e));
        f->text = f->map.data;
        f->n = f->map.n;
    }
    hash_bytes(f->sha256, f->text, f->n);
    return OK;
}

static void lists_field(char *out, size_t cap, const char *text, const char *key)
{
    char line[40];
    snprintf(line, sizeof line, "\n%s: ", key);
    const char *at = strstr(text, line);
    if (at == NULL) return;
    at += strlen(line);
    snprintf(out, cap, "%.*s", (int)strcspn(at, "\n"), at);
}

/* "Debian 12.15 bookworm" from the suite's InRelease or Release file, if one is there. */
static void lists_release(Lists *l, const char *dir, const ListName *x)
{
    static const char *const kinds[] = {"InRelease", "Release"};
    for (size_t i = 0; i < 2 && l->release[0] == '\0'; i++) {
        Str path = {0};
        str_printf(&path, "%s/%s_dists_%s_%s", dir, x->archive, x->suite, kinds[i]);
        char *text = NULL, origin[24] = "", version[24] = "", codename[24] = "";
        size_t n = 0;
        Err quiet = {0};
        if (!path.failed && file_exists(path.s) && file_read(&text, &n, path.s, &quiet) == OK) {
            lists_field(origin, sizeof origin, text, "Origin");
            lists_field(version, sizeof version, text, "Version");
            lists_field(codename, sizeof codename, text, "Codename");
            snprintf(l->release, sizeof l->release, "%s %s %s", origin, version, codename);
        }
        free(text);
        str_free(&path);
    }
}

static Status lists_none(const ListNames *all, const char *dir, const char *suite, Err *e)
{
    const ListName *any = lists_choose(all, NULL);
    if (any != NULL)
        FAIL(e, ERR_ARG, "%s: no package index of suite '%s'; there is '%s'", dir, suite, any->suite);
    FAIL(e, ERR_IO, "%s: no package index of component main (want *_dists_SUITE_main_binary-*_Packages)",
         dir);
}

static Status lists_fill(Lists *l, ListNames *all, const char *dir, const char *suite, Err *e)
{
    TRY(lists_scan(all, dir, &l->arena, e));
    const ListName *pick = lists_choose(all, suite);
    if (pick == NULL) return lists_none(all, dir, suite, e);
    l->file = arena_zalloc(&l->arena, all->n, sizeof *l->file);
    if (l->file == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu lists", dir, all->n);
    for (size_t i = 0; i < all->n; i++)
        if (lists_same_suite(pick, &all->at[i])) TRY(lists_read(&l->file[l->n++], &all->at[i], e));
    lists_release(l, dir, pick);
    return OK;
}

Status lists_open(Lists *l, const char *dir, const char *suite, Err *e)
{
    ListNames all = {0};
    Lists fresh = {0};
    Status s = lists_fill(&fresh, &all, dir, suite, e);
    free(all.at);
    if (s == OK)
        *l = fresh;
    else
        lists_close(&fresh);
    return s;
}

void lists_close(Lists *l)
{
    for (size_t i = 0; i < l->n; i++) {
        file_unmap(&l->file[i].map);
        str_free(&l->file[i].inflated);
    }
    arena_free(&l->arena);
    *l = (Lists){0};
}
