/* st_set.c - the weights of a folder, in one safetensors file or in the shards of an index. */
#include "prime/st.h"

#include "prime/arena.h"
#include "prime/file.h"
#include "prime/log.h"
#include "st_priv.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

struct StSet {
    StFile **file;
    const char **path;
    size_t n_files;
    const StTensor **tensor, **by_name;
    size_t n;
    Arena arena; /* all of the above, but not what is in the files */
};

/* ---- what else a folder may hold ---- */

/* First fit; a row without words is a file that is not weights. */
static const struct {
    const char *pattern, *what;
} other_forms[] = {
    {"rng_state*", NULL},
    {"pytorch_model*.bin", "pickled"},
    {"adapter_model*.bin", "pickled"},
    {"model*.bin", "pickled"},
    {"*.pth", "pickled"},
    {"*.ckpt", "pickled"},
    {"tf_model*.h5", "TensorFlow's"},
    {"flax_model*.msgpack", "Flax's"},
};

static const char *st_other_form(const char *file)
{
    for (size_t i = 0; i < sizeof other_forms / sizeof other_forms[0]; i++)
        if (fnmatch(other_forms[i].pattern, file, 0) == 0) return other_forms[i].what;
    return NULL;
}

static int st_is_other_form(const struct dirent *d)
{
    return st_other_form(d->d_name) != NULL;
}

static Status st_no_weights(const char *dir, const char *stem, Err *e)
{
    struct dirent **entry = NULL;
    int n = scandir(dir, &entry, st_is_other_form, alphasort);
    if (n <= 0)
        err_set(e, ERR_IO, __FILE__, __LINE__, "%s: no weights: want %.80s.safetensors or its index", dir,
                stem);
    else
        err_set(e, ERR_UNSUP, __FILE__, __LINE__,
                "%s: the weights are %s (%.80s), which is not read%s: convert them to safetensors", dir,
                st_other_form(entry[0]->d_name), entry[0]->d_name,
                strcmp(st_other_form(entry[0]->d_name), "pickled") == 0 ? " because it may run code" : "");
    for (int i = 0; i < n; i++) free(entry[i]);
    free(entry);
    return n <= 0 ? ERR_IO : ERR_UNSUP;
}

/* "DIR/STEM.safetensors" with `more` after it, in the arena. */
static Status st_stem_path(const char **out, Arena *a, const char *dir, const char *stem, const char *more,
                           Err *e)
{
    Str s = {0};
    str_printf(&s, "%s/%s.safetensors%s", dir, stem, more);
    *out = s.failed ? NULL : arena_strdup(a, s.s);
    str_free(&s);
    if (*out == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for the name of a file", dir);
    return OK;
}

/* Where to begin: the single file when it is there, else the index. */
static Status st_find_files(const char **single, const char **index, Arena *a, const char *dir,
                            const char *stem, Err *e)
{
    TRY(st_stem_path(single, a, dir, stem, "", e));
    TRY(st_stem_path(index, a, dir, stem, ".index.json", e));
    if (!file_is_dir(dir)) FAIL(e, ERR_IO, "%s: no such folder", dir);
    bool have_single = file_exists(*single), have_index = file_exists(*index);
    if (!have_single && !have_index) return st_no_weights(dir, stem, e);
    if (have_single && have_index)
        log_say(LOG_INFO, "%s: not used, there is the single file %s.safetensors", *index, stem);
    if (!have_single) *single = NULL;
    return OK;
}

Status st_check(const char *dir, const char *stem, Err *e)
{
    Arena a = {0};
    const char *single = NULL, *index = NULL;
    Status s = st_find_files(&single, &index, &a, dir, stem, e);
    arena_free(&a);
    return s;
}

/* ---- opening ---- */

static Status st_set_room(StSet *s, size_t files, const char *dir, Err *e)
{
    s->file = arena_zalloc(&s->arena, files, sizeof *s->file);
    s->path = arena_zalloc(&s->arena, files, sizeof *s->path);
    if (s->file == NULL || s->path == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu files", dir, files);
    return OK;
}

static Status st_set_add(StSet *s, const char *path, Err *e)
{
    TRY(st_open(&s->file[s->n_files], path, e));
    s->path[s->n_files++] = path;
    return OK;
}

/* Every tensor that the index puts into this file is there. row [n] are the entries of this file. */
static Status st_shard_holds(const StFile *f, const StIndexRow *row, size_t n, const char *index, Err *e)
{
    for (size_t i = 0; i < n; i++)
        if (st_find(f, row[i].tensor) == NULL)
            FAIL(e, ERR_FORMAT, "%s: weight_map puts tensor '%.80s' into %.80s, which does not hold it",
                 index, row[i].tensor, row[i].file);
    return OK;
}

/* Nothing is in this file but what the index puts there. Comes after st_shard_holds on all files: what the
 * index puts elsewhere is known to be there as well. */
static Status st_shard_no_more(const StFile *f, const char *file, const StIndex *x, const char *index, Err *e)
{
    for (size_t i = 0; i < st_count(f); i++) {
        const char *tensor = st_at(f, i)->name, *want = st_index_file(x, tensor);
        if (want == NULL)
            FAIL(e, ERR_FORMAT, "%s: weight_map has no tensor '%.80s', which is in %.80s", index, tensor,
                 file);
        if (strcmp(want, file) != 0)
            FAIL(e, ERR_FORMAT, "%s: tensor '%.80s' is in two files, %.80s and %.80s", index, tensor, want,
                 file);
    }
    return OK;
}

static size_t st_same_shard(const StIndex *x, size_t first)
{
    size_t i = first;
    while (i < x->n && strcmp(x->row[i].file, x->row[first].file) == 0) i++;
    return i - first;
}

static Status st_open_shard(StSet *s, const char *dir, const char *file, const char *index, Err *e)
{
    Str path = {0};
    str_printf(&path, "%s/%s", dir, file);
    const char *kept = path.failed ? NULL : arena_strdup(&s->arena, path.s);
    str_free(&path);
    if (kept == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for the name of a file", dir);
    if (!file_exists(kept))
        FAIL(e, ERR_IO, "%s: the folder has no file %.80s, which weight_map names", index, file);
    return st_set_add(s, kept, e);
}

static Status st_open_shards(StSet *s, const StIndex *x, const char *dir, const char *index, Err *e)
{
    size_t files = 0;
    for (size_t i = 0; i < x->n; i += st_same_shard(x, i)) files++;
    TRY(st_set_room(s, files, dir, e));
    for (size_t i = 0, n; i < x->n; i += n) {
        n = st_same_shard(x, i);
        TRY(st_open_shard(s, dir, x->row[i].file, index, e));
        TRY(st_shard_holds(s->file[s->n_files - 1], &x->row[i], n, index, e));
    }
    for (size_t i = 0, f = 0; i < x->n; i += st_same_shard(x, i), f++)
        TRY(st_shard_no_more(s->file[f], x->row[i].file, x, index, e));
    return OK;
}

/* Nothing here depends on it, so a wrong one is worth a word and no more. */
static void st_tell_total(const StSet *s, const StIndex *x, const char *index)
{
    char buf[JS_SHOW];
    const JsVal *total = js_get(js_get(x->root, "metadata"), "total_size");
    size_t bytes = 0;
    for (size_t f = 0; f < s->n_files; f++)
        for (size_t i = 0; i < st_count(s->file[f]); i++) bytes += st_at(s->file[f], i)->nbytes;
    if (total != NULL && js_int(total, -1) != (int64_t)bytes)
        log_say(LOG_WARN, "%s: total_size is %s, the tensors have %zu bytes: not used", index,
                js_show(buf, total), bytes);
}

static Status st_set_read_index(StSet *s, const char *dir, const char *index, Err *e)
{
    char *text = NULL;
    size_t n = 0;
    StIndex x = {0};
    TRY(file_read(&text, &n, index, e));
    Status st = st_index_parse(&x, text, n, index, e);
    free(text);
    if (st == OK) st = st_open_shards(s, &x, dir, index, e);
    if (st == OK) st_tell_total(s, &x, index);
    st_index_free(&x);
    return st;
}

static int st_set_by_name(const void *a, const void *b)
{
    return strcmp((*(const StTensor *const *)a)->name, (*(const StTensor *const *)b)->name);
}

static Status st_set_list(StSet *s, const char *dir, Err *e)
{
    size_t n = 0;
    for (size_t f = 0; f < s->n_files; f++) n += st_count(s->file[f]);
    s->tensor = arena_alloc(&s->arena, n, sizeof *s->tensor);
    s->by_name = arena_alloc(&s->arena, n, sizeof *s->by_name);
    if (s->tensor == NULL || s->by_name == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu tensors", dir, n);
    for (size_t f = 0; f < s->n_files; f++)
        for (size_t i = 0; i < st_count(s->file[f]); i++) s->tensor[s->n++] = st_at(s->file[f], i);
    if (n == 0) return OK;
    memcpy(s->by_name, s->tensor, n * sizeof *s->tensor);
    qsort(s->by_name, n, sizeof *s->by_name, st_set_by_name);
    return OK;
}

static Status st_set_fill(StSet *s, const char *dir, const char *stem, Err *e)
{
    const char *single = NULL, *index = NULL;
    TRY(st_find_files(&single, &index, &s->arena, dir, stem, e));
    if (single != NULL) {
        TRY(st_set_room(s, 1, dir, e));
        TRY(st_set_add(s, single, e));
    } else
        TRY(st_set_read_index(s, dir, index, e));
    return st_set_list(s, dir, e);
}

Status st_set_open(StSet **s, const char *dir, const char *stem, Err *e)
{
    StSet *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) FAIL(e, ERR_NOMEM, "%s: no memory to open it", dir);
    Status st = st_set_fill(fresh, dir, stem, e);
    if (st == OK)
        *s = fresh;
    else
        st_set_close(fresh);
    return st;
}

void st_set_close(StSet *s)
{
    if (s == NULL) return;
    for (size_t f = 0; f < s->n_files; f++) st_close(s->file[f]);
    arena_free(&s->arena);
    free(s);
}

/* ---- looking ---- */

size_t st_set_count(const StSet *s)
{
    return s->n;
}

const StTensor *st_set_at(const StSet *s, size_t i)
{
    return i < s->n ? s->tensor[i] : NULL;
}

const StTensor *st_set_find(const StSet *s, const char *name)
{
    StTensor want = {.name = name};
    const StTensor *key = &want;
    if (s->n == 0) return NULL;
    const StTensor **hit = bsearch(&key, s->by_name, s->n, sizeof *s->by_name, st_set_by_name);
    return hit == NULL ? NULL : *hit;
}

const char *st_set_file(const StSet *s, const StTensor *t)
{
    for (size_t f = 0; f < s->n_files; f++)
        if (st_find(s->file[f], t->name) == t) return s->path[f];
    return NULL;
}

size_t st_set_files(const StSet *s)
{
    return s->n_files;
}
