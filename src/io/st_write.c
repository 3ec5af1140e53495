/* st_write.c - writing safetensors. All checks come before the file is begun. */
#include "prime/st.h"

#include "prime/arena.h"
#include "prime/file.h"
#include "prime/js.h"
#include "utf8_priv.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 4096 }; /* values converted at a time */

static bool st_writable(StType t)
{
    return t == ST_F32 || t == ST_F16 || t == ST_BF16 || (t >= ST_I64 && t <= ST_U8);
}

static bool st_whole(StType t)
{
    return t >= ST_I64 && t <= ST_U8;
}

/* The value as the file will hold it. */
static float st_rounded(float x, StType t)
{
    if (t == ST_F16) return st_f16_to_f32(st_f32_to_f16(x));
    return t == ST_BF16 ? st_bf16_to_f32(st_f32_to_bf16(x)) : x;
}

/* Also refuses what only rounding makes infinite: 70000 as F16 would be read back as inf. */
static Status st_item_check(size_t *count, const StItem *it, const char *path, Err *e)
{
    if (it->name[0] == '\0' || strcmp(it->name, "__metadata__") == 0)
        FAIL(e, ERR_ARG, "%s: '%s' cannot be the name of a tensor", path, it->name);
    if (utf8_bad(it->name, strlen(it->name)) != strlen(it->name))
        FAIL(e, ERR_ARG, "%s: the name of a tensor is not UTF-8", path);
    if (!st_writable(it->type))
        FAIL(e, ERR_ARG, "%s: tensor '%.80s' has type %s, want F32, F16, BF16 or integers", path, it->name,
             st_type_name(it->type));
    if (it->ndim > ST_MAX_DIM)
        FAIL(e, ERR_ARG, "%s: tensor '%.80s' has %zu dimensions, want at most %d", path, it->name, it->ndim,
             ST_MAX_DIM);
    size_t n = 1, bytes = 0;
    for (size_t i = 0; i < it->ndim; i++) TRY(size_mul(&n, n, it->shape[i], e));
    TRY(size_mul(&bytes, n, sizeof(int64_t), e));
    const float *x = st_whole(it->type) ? NULL : it->data;
    for (size_t i = 0; x != NULL && i < n; i++)
        if (!isfinite(st_rounded(x[i], it->type)))
            FAIL(e, ERR_NUM, "%s: tensor '%.80s'[%zu] = %g is not a finite %s", path, it->name, i,
                 (double)x[i], st_type_name(it->type));
    *count = n;
    return OK;
}

/* Adds one entry to the header; *end is where its data begins, and ends afterwards. */
static Status st_item_describe(JsVal *header, size_t *end, const StItem *it, const char *path, Err *e)
{
    size_t count = 0;
    TRY(st_item_check(&count, it, path, e));
    if (js_get(header, it->name) != NULL)
        FAIL(e, ERR_ARG, "%s: two tensors are named '%.80s'", path, it->name);
    JsVal *entry = js_new_obj(), *shape = js_new_arr(), *span = js_new_arr();
    for (size_t i = 0; i < it->ndim; i++) js_push(shape, js_new_int((int64_t)it->shape[i]));
    js_push(span, js_new_int((int64_t)*end));
    *end += count * st_type_size(it->type);
    js_push(span, js_new_int((int64_t)*end));
    js_set(entry, "dtype", js_new_str(st_type_name(it->type)));
    js_set(entry, "shape", shape);
    js_set(entry, "data_offsets", span);
    js_set(header, it->name, entry);
    return OK;
}

static Status st_header_meta(JsVal *header, const StMeta *meta, size_t n, const char *path, Err *e)
{
    JsVal *obj = js_new_obj();
    js_set(obj, "format", js_new_str("pt"));
    js_set(header, "__metadata__", obj); /* owned from here on */
    for (size_t i = 0; i < n; i++) {
        if (js_get(obj, meta[i].key) != NULL)
            FAIL(e, ERR_ARG, "%s: metadata '%.80s' occurs twice", path, meta[i].key);
        js_set(obj, meta[i].key, js_new_str(meta[i].value));
    }
    return OK;
}

static Status st_header_text(Str *out, JsVal *header, const StItem *items, size_t n, const char *path, Err *e)
{
    size_t end = 0;
    for (size_t i = 0; i < n; i++) TRY(st_item_describe(header, &end, &items[i], path, e));
    TRY(js_dump(out, header, 0, e));
    /* Spaces at the end keep the data aligned, as the format suggests. */
    while (out->n % 8 != 0 && !out->failed) str_puts(out, " ");
    if (out->failed) FAIL(e, ERR_NOMEM, "%s: no memory for its header", path);
    return OK;
}

static void st_item_write(FILE *fp, const StItem *it)
{
    size_t n = 1;
    for (size_t i = 0; i < it->ndim; i++) n *= it->shape[i];
    if (it->type == ST_F32 || st_whole(it->type)) {
        if (n > 0) fwrite(it->data, st_type_size(it->type), n, fp);
        return;
    }
    const float *x = it->data;
    uint16_t (*half)(float) = it->type == ST_F16 ? st_f32_to_f16 : st_f32_to_bf16;
    uint16_t buf[CHUNK];
    for (size_t from = 0; from < n; from += CHUNK) {
        size_t m = n - from < CHUNK ? n - from : CHUNK;
        for (size_t i = 0; i < m; i++) buf[i] = half(x[from + i]);
        fwrite(buf, sizeof buf[0], m, fp);
    }
}

static Status st_file_fill(const char *path, const Str *header, const StItem *items, size_t n, Err *e)
{
    FileOut f = {0};
    uint64_t len = header->n;
    TRY(file_begin(&f, path, e));
    /* Short writes set the stream's error flag, which file_commit reads. */
    fwrite(&len, sizeof len, 1, f.fp);
    fwrite(header->s, 1, header->n, f.fp);
    for (size_t i = 0; i < n; i++) st_item_write(f.fp, &items[i]);
    return file_commit(&f, e);
}

Status st_save(const char *path, const StItem *items, size_t n, Err *e)
{
    return st_save_meta(path, items, n, NULL, 0, e);
}

Status st_save_meta(const char *path, const StItem *items, size_t n, const StMeta *meta, size_t n_meta,
                    Err *e)
{
    JsVal *header = js_new_obj();
    Str text = {0};
    Status s = st_header_meta(header, meta, n_meta, path, e);
    if (s == OK) s = st_header_text(&text, header, items, n, path, e);
    if (s == OK) s = st_file_fill(path, &text, items, n, e);
    str_free(&text);
    js_close(header);
    return s;
}
