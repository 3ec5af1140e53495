/* st.c - reading safetensors. Nothing in the header is believed: every number is checked against the size of
 * the file before it becomes a pointer, and products of shapes are checked for overflow before they are
 * compared. */
#include "prime/st.h"

#include "prime/arena.h"
#include "prime/file.h"
#include "prime/js.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_MAX = 100000000 }; /* bytes; the reference reader's own limit */

struct StFile {
    FileMap map; /* empty for st_view */
    const unsigned char *data;
    size_t n_data;
    JsVal *header; /* owns the tensors' names */
    Arena arena;
    StTensor *tensor;
    const StTensor **by_name;
    size_t n;
};

typedef struct {
    const char *name;
    StType type;
    size_t bits;
} TypeRow;

/* All types of the format; those of less than a byte are packed, so a tensor must fill whole bytes. */
static const TypeRow type_rows[] = {
    {"F64", ST_F64, 64},          {"F32", ST_F32, 32},      {"F16", ST_F16, 16},
    {"BF16", ST_BF16, 16},        {"I64", ST_I64, 64},      {"I32", ST_I32, 32},
    {"I16", ST_I16, 16},          {"I8", ST_I8, 8},         {"U64", ST_U64, 64},
    {"U32", ST_U32, 32},          {"U16", ST_U16, 16},      {"U8", ST_U8, 8},
    {"BOOL", ST_BOOL, 8},         {"C64", ST_OTHER, 64},    {"F8_E4M3", ST_OTHER, 8},
    {"F8_E5M2", ST_OTHER, 8},     {"F8_E8M0", ST_OTHER, 8}, {"F8_E4M3FNUZ", ST_OTHER, 8},
    {"F8_E5M2FNUZ", ST_OTHER, 8}, {"F6_E2M3", ST_OTHER, 6}, {"F6_E3M2", ST_OTHER, 6},
    {"F4", ST_OTHER, 4},
};
enum { N_TYPES = sizeof type_rows / sizeof type_rows[0] };

const char *st_type_name(StType t)
{
    for (size_t i = 0; i < N_TYPES && t != ST_OTHER; i++)
        if (type_rows[i].type == t) return type_rows[i].name;
    return "OTHER";
}

size_t st_type_size(StType t)
{
    for (size_t i = 0; i < N_TYPES && t != ST_OTHER; i++)
        if (type_rows[i].type == t) return type_rows[i].bits / 8;
    return 0;
}

/* Where a tensor's entry is being read: for messages. */
typedef struct {
    const char *file, *tensor;
} Place;

static Status st_entry_type(StTensor *t, size_t *bits, const JsVal *v, Place at, Err *e)
{
    char buf[JS_SHOW];
    const char *s = js_str(v, NULL);
    for (size_t i = 0; s != NULL && i < N_TYPES; i++) {
        if (strcmp(s, type_rows[i].name) != 0) continue;
        t->type = type_rows[i].type;
        *bits = type_rows[i].bits;
        return OK;
    }
    FAIL(e, ERR_FORMAT, "%s: tensor '%.80s': dtype is %s, want F32, F16, BF16 or another type of the format",
         at.file, at.tensor, js_show(buf, v));
}

/* Whole numbers only: 4.0 is refused, as by the reference reader. */
static Status st_entry_shape(StTensor *t, const JsVal *v, Place at, Err *e)
{
    char buf[JS_SHOW];
    if (js_type(v) != JS_ARR)
        FAIL(e, ERR_FORMAT, "%s: tensor '%.80s': shape is %s, want an array", at.file, at.tensor,
             js_show(buf, v));
    if (js_len(v) > ST_MAX_DIM)
        FAIL(e, ERR_UNSUP, "%s: tensor '%.80s' has %zu dimensions, want at most %d", at.file, at.tensor,
             js_len(v), ST_MAX_DIM);
    t->ndim = js_len(v);
    t->count = 1;
    for (size_t i = 0; i < t->ndim; i++) {
        const JsVal *d = js_at(v, i);
        if (js_type(d) != JS_INT || js_int(d, -1) < 0)
            FAIL(e, ERR_FORMAT, "%s: tensor '%.80s': shape[%zu] is %s, want a whole number >= 0", at.file,
                 at.tensor, i, js_show(buf, d));
        t->shape[i] = (size_t)js_int(d, 0);
        if (size_mul(&t->count, t->count, t->shape[i], NULL) != OK)
            FAIL(e, ERR_FORMAT, "%s: tensor '%.80s': the product of its shape does not fit in 64 bits",
                 at.file, at.tensor);
    }
    return OK;
}

/* The span must lie in the data and have exactly the bytes that type and shape ask for. */
static Status st_entry_data(StTensor *t, size_t bits, const JsVal *v, const StFile *f, Place at, Err *e)
{
    char buf[JS_SHOW];
    const JsVal *lo = js_at(v, 0), *hi = js_at(v, 1);
    if (js_len(v) != 2 || js_type(lo) != JS_INT || js_type(hi) != JS_INT)
        FAIL(e, ERR_FORMAT, "%s: tensor '%.80s': data_offsets is %s, want two whole numbers", at.file,
             at.tensor, js_show(buf, v));
    int64_t begin = js_int(lo, -1), end = js_int(hi, -1);
    if (begin < 0 || end < begin || (uint64_t)end > f->n_data)
        FAIL(e, ERR_FORMAT,
             "%s: tensor '%.80s': data_offsets = [%" PRId64 ", %" PRId64 "], want 0 <= begin <= end <= %zu",
             at.file, at.tensor, begin, end, f->n_data);
    t->data = f->data + begin;
    t->nbytes = (size_t)(end - begin);
    size_t all_bits = 0;
    if (size_mul(&all_bits, t->count, bits, NULL) != OK || all_bits % 8 != 0 || all_bits / 8 != t->nbytes)
        FAIL(e, ERR_FORMAT, "%s: tensor '%.80s': %zu bytes for %zu values of %zu bits", at.file, at.tensor,
             t->nbytes, t->count, bits);
    return OK;
}

static Status st_entry_read(StTensor *t, const JsVal *v, const StFile *f, Place at, Err *e)
{
    char buf[JS_SHOW];
    size_t bits = 0;
    if (js_type(v) != JS_OBJ)
        FAIL(e, ERR_FORMAT, "%s: tensor '%.80s' is %s, want an object", at.file, at.tensor, js_show(buf, v));
    t->name = at.tensor;
    TRY(st_entry_type(t, &bits, js_get(v, "dtype"), at, e));
    TRY(st_entry_shape(t, js_get(v, "shape"), at, e));
    return st_entry_data(t, bits, js_get(v, "data_offsets"), f, at, e);
}

static int st_by_data(const void *a, const void *b)
{
    const StTensor *x = a, *y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    if (x->nbytes != y->nbytes) return x->nbytes < y->nbytes ? -1 : 1; /* empty ones before their neighbour */
    return strcmp(x->name, y->name);
}

static int st_by_name(const void *a, const void *b)
{
    return strcmp((*(const StTensor *const *)a)->name, (*(const StTensor *const *)b)->name);
}

/* Sorted by offset, tensors must cover the data without gap or overlap. */
static Status st_check_cover(const StFile *f, const char *file, Err *e)
{
    const unsigned char *at = f->data;
    for (size_t i = 0; i < f->n; i++) {
        const StTensor *t = &f->tensor[i];
        if (t->data != at)
            FAIL(e, ERR_FORMAT, "%s: tensor '%.80s' begins at byte %td of the data, want %td (%s)", file,
                 t->name, (const unsigned char *)t->data - f->data, at - f->data,
                 (const unsigned char *)t->data < at ? "overlap" : "gap");
        at += t->nbytes;
    }
    if (at != f->data + f->n_data)
        FAIL(e, ERR_FORMAT, "%s: %zu bytes after the last tensor", file, (size_t)(f->data + f->n_data - at));
    return OK;
}

/* "__metadata__", where there is one, maps texts to texts. */
static Status st_check_meta(const StFile *f, const char *file, Err *e)
{
    const JsVal *meta = js_get(f->header, "__metadata__"), *v = NULL;
    char buf[JS_SHOW];
    const char *key = NULL;
    JsIter it = {0};
    if (meta != NULL && js_type(meta) != JS_OBJ)
        FAIL(e, ERR_FORMAT, "%s: __metadata__ is %s, want an object", file, js_show(buf, meta));
    while ((v = js_next(meta, &it, &key)) != NULL)
        if (js_type(v) != JS_STR)
            FAIL(e, ERR_FORMAT, "%s: __metadata__ '%.80s' is %s, want a text", file, key, js_show(buf, v));
    return OK;
}

static Status st_read_tensors(StFile *f, const char *file, Err *e)
{
    size_t n = js_len(f->header) - (js_get(f->header, "__metadata__") != NULL);
    f->tensor = arena_zalloc(&f->arena, n, sizeof *f->tensor);
    f->by_name = arena_alloc(&f->arena, n, sizeof *f->by_name);
    if (f->tensor == NULL || f->by_name == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu tensors", file, n);
    const char *key = NULL;
    JsIter it = {0};
    for (const JsVal *v; (v = js_next(f->header, &it, &key)) != NULL;) {
        if (strcmp(key, "__metadata__") == 0) continue;
        TRY(st_entry_read(&f->tensor[f->n], v, f, (Place){file, key}, e));
        f->n++;
    }
    if (n == 0) return st_check_cover(f, file, e);
    qsort(f->tensor, n, sizeof *f->tensor, st_by_data);
    for (size_t i = 0; i < n; i++) f->by_name[i] = &f->tensor[i];
    qsort(f->by_name, n, sizeof *f->by_name, st_by_name);
    return st_check_cover(f, file, e);
}

/* Everything between the bytes and a checked StFile; st_close cleans up after a failure. */
static Status st_fill(StFile *f, const void *bytes, size_t n, const char *file, Err *e)
{
    uint64_t len = 0;
    if (n < sizeof len)
        FAIL(e, ERR_FORMAT, "%s: %zu bytes, want at least 8 for the length of the header", file, n);
    memcpy(&len, bytes, sizeof len);
    const char *text = (const char *)bytes + sizeof len;
    if (len > HEADER_MAX || len > n - sizeof len)
        FAIL(e, ERR_FORMAT, "%s: the header has %" PRIu64 " bytes, want at most %zu", file, len,
             n - sizeof len < HEADER_MAX ? n - sizeof len : (size_t)HEADER_MAX);
    if (len == 0 || text[0] != '{') FAIL(e, ERR_FORMAT, "%s: the header does not start with '{'", file);
    TRY(js_parse(&f->header, text, (size_t)len, file, e));
    f->data = (const unsigned char *)text + len;
    f->n_data = n - sizeof len - (size_t)len;
    TRY(st_check_meta(f, file, e));
    return st_read_tensors(f, file, e);
}

static Status st_finish(StFile **out, StFile *f, Status s)
{
    if (s == OK)
        *out = f;
    else
        st_close(f);
    return s;
}

Status st_open(StFile **f, const char *path, Err *e)
{
    StFile *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) FAIL(e, ERR_NOMEM, "%s: no memory to open it", path);
    Status s = file_map(&fresh->map, path, e);
    if (s == OK) s = st_fill(fresh, fresh->map.data, fresh->map.n, path, e);
    return st_finish(f, fresh, s);
}

Status st_view(StFile **f, const void *bytes, size_t n, const char *name, Err *e)
{
    StFile *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) FAIL(e, ERR_NOMEM, "%s: no memory to open it", name);
    return st_finish(f, fresh, st_fill(fresh, bytes, n, name, e));
}

void st_close(StFile *f)
{
    if (f == NULL) return;
    js_close(f->header);
    arena_free(&f->arena);
    file_unmap(&f->map);
    free(f);
}

size_t st_count(const StFile *f)
{
    return f->n;
}

const StTensor *st_at(const StFile *f, size_t i)
{
    return i < f->n ? &f->tensor[i] : NULL;
}

const StTensor *st_find(const StFile *f, const char *name)
{
    StTensor want = {.name = name};
    const StTensor *key = &want;
    if (f->n == 0) return NULL;
    const StTensor **hit = bsearch(&key, f->by_name, f->n, sizeof *f->by_name, st_by_name);
    return hit == NULL ? NULL : *hit;
}

const char *st_meta(const StFile *f, const char *key)
{
    return js_str(js_get(js_get(f->header, "__metadata__"), key), NULL);
}

Status st_to_f32(float *out, const StTensor *t, Err *e)
{
    if (!st_is_float(t->type))
        FAIL(e, ERR_UNSUP, "tensor '%.80s' has type %s, want F32, F16, BF16 or F64", t->name,
             st_type_name(t->type));
    st_rows_to_f32(out, t->data, t->type, 0, t->count);
    return OK;
}
