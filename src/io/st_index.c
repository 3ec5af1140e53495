/* st_index.c - reading the index of a sharded set. It comes from outside and names files: a name is taken
 * only when it is that of a file in the index's own folder. */
#include "st_priv.h"

#include <stdlib.h>
#include <string.h>

static const char shard_end[] = ".safetensors";

/* Only the last part of a path; "." and ".." fall to the check of the end. */
static Status st_shard_name(const char **out, const JsVal *v, const char *tensor, const char *name, Err *e)
{
    char buf[JS_SHOW];
    size_t n = 0, end = sizeof shard_end - 1;
    const char *s = js_str(v, &n);
    if (s == NULL || strlen(s) != n)
        FAIL(e, ERR_FORMAT, "%s: weight_map '%.80s' is %s, want the name of a file", name, tensor,
             js_show(buf, v));
    if (strchr(s, '/') != NULL)
        FAIL(e, ERR_FORMAT, "%s: weight_map '%.80s' is '%.80s', want a file in the same folder", name, tensor,
             s);
    if (n <= end || strcmp(s + n - end, shard_end) != 0)
        FAIL(e, ERR_FORMAT, "%s: weight_map '%.80s' is '%.80s', want a name that ends in %s", name, tensor, s,
             shard_end);
    *out = s;
    return OK;
}

static int st_by_shard(const void *a, const void *b)
{
    const StIndexRow *x = a, *y = b;
    int order = strcmp(x->file, y->file);
    return order != 0 ? order : strcmp(x->tensor, y->tensor);
}

static Status st_index_rows(StIndex *x, const JsVal *map, const char *name, Err *e)
{
    JsIter it = {0};
    const char *tensor = NULL;
    for (const JsVal *v; (v = js_next(map, &it, &tensor)) != NULL; x->n++) {
        const char *file = NULL;
        TRY(st_shard_name(&file, v, tensor, name, e));
        x->row[x->n] = (StIndexRow){file, tensor};
    }
    qsort(x->row, x->n, sizeof *x->row, st_by_shard);
    return OK;
}

Status st_index_parse(StIndex *x, const char *text, size_t n, const char *name, Err *e)
{
    char buf[JS_SHOW];
    TRY(js_parse(&x->root, text, n, name, e));
    const JsVal *map = js_get(x->root, "weight_map");
    if (js_type(map) != JS_OBJ)
        FAIL(e, ERR_FORMAT, "%s: weight_map is %s, want an object of tensors and files", name,
             js_show(buf, map));
    if (js_len(map) == 0) FAIL(e, ERR_FORMAT, "%s: weight_map is empty, want at least one tensor", name);
    x->row = calloc(js_len(map), sizeof *x->row);
    if (x->row == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu tensors", name, js_len(map));
    return st_index_rows(x, map, name, e);
}

void st_index_free(StIndex *x)
{
    free(x->row);
    js_close(x->root);
    *x = (StIndex){0};
}

const char *st_index_file(const StIndex *x, const char *tensor)
{
    return js_str(js_get(js_get(x->root, "weight_map"), tensor), NULL);
}
