/* weights_hash.c - what names the weights of a model. */
#include "files.h"

#include "prime/file.h"
#include "prime/hash.h"

#include <stdlib.h>
#include <string.h>

/* The files of a set in the order of their names: those of its tensors, each once. */
static Status hash_set(Str *out, const StSet *st, Err *e)
{
    const char *last = "";
    char hex[HASH_HEX];
    for (size_t i = 0; i < st_set_count(st); i++) {
        const char *file = st_set_file(st, st_set_at(st, i)), *slash = strrchr(file, '/');
        if (strcmp(file, last) == 0) continue;
        last = file;
        TRY(hash_file(hex, file, e));
        str_printf(out, "%s %s\n", hex, slash != NULL ? slash + 1 : file);
    }
    if (out->failed) FAIL(e, ERR_NOMEM, "no memory for the names of a model's files");
    return OK;
}

static Status hash_folder(char hex[HASH_HEX], const char *dir, Err *e)
{
    StSet *st = NULL;
    Str list = {0};
    TRY(st_set_open(&st, dir, "model", e));
    Status s = st_set_files(st) == 1 && st_set_count(st) > 0
                   ? hash_file(hex, st_set_file(st, st_set_at(st, 0)), e)
                   : hash_set(&list, st, e);
    if (s == OK && list.n > 0) hash_bytes(hex, list.s, list.n);
    str_free(&list);
    st_set_close(st);
    return s;
}

Status model_hash(char hex[HASH_HEX], const char *path, Err *e)
{
    return file_is_dir(path) ? hash_folder(hex, path, e) : hash_file(hex, path, e);
}
