/* gguf_meta.c - the metadata of a GGUF file: reading it, and handing it out. */
#include "gguf_priv.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEAST_ENTRY = 8 + 1 + 4 + 1, /* bytes: a key's length, a letter, a type, a value */
    MAX_ENTRIES = 100000,        /* what no honest file needs */
    MAX_KEY = 65535              /* bytes, by the format */
};

static const size_t kind_size[GGUF_V_TYPES] = {
    [GGUF_V_U8] = 1,  [GGUF_V_I8] = 1,  [GGUF_V_U16] = 2, [GGUF_V_I16] = 2,
    [GGUF_V_U32] = 4, [GGUF_V_I32] = 4, [GGUF_V_F32] = 4, [GGUF_V_U64] = 8,
    [GGUF_V_I64] = 8, [GGUF_V_F64] = 8, [GGUF_V_BOOL] = 1};

/* ---- reading ---- */

static Status gguf_take_kind(GgufKind *out, GgufIn *in, Err *e)
{
    uint32_t kind = 0;
    TRY(gguf_take(&kind, sizeof kind, in, e));
    if (kind >= GGUF_V_TYPES)
        FAIL(e, ERR_FORMAT, "%s: %s has type %" PRIu32 ", want 0 to %d", in->file, in->what, kind,
             GGUF_V_TYPES - 1);
    *out = (GgufKind)kind;
    return OK;
}

/* v->n texts in a row. Their number is bounded by the bytes that are left, so the list of places is too. */
static Status gguf_read_texts(GgufValue *v, GgufIn *in, Arena *a, Err *e)
{
    size_t n = 0;
    if (v->n > (in->n - in->at) / sizeof(uint64_t))
        FAIL(e, ERR_FORMAT, "%s: %s: an array of %zu texts, the file has %zu bytes left", in->file, in->what,
             v->n, in->n - in->at);
    v->text = arena_alloc(a, v->n, sizeof *v->text);
    if (v->text == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu texts", in->file, v->n);
    for (size_t i = 0; i < v->n; i++) TRY(gguf_take_text(&v->text[i], &n, in, e));
    return OK;
}

/* v->n values of fixed size in a row. */
static Status gguf_read_plain(GgufValue *v, GgufIn *in, Err *e)
{
    size_t size = kind_size[v->item];
    if (v->n > (in->n - in->at) / size)
        FAIL(e, ERR_FORMAT, "%s: %s: %zu values of %zu bytes, the file has %zu left", in->file, in->what,
             v->n, size, in->n - in->at);
    v->data = in->bytes + in->at;
    in->at += v->n * size;
    for (size_t i = 0; v->item == GGUF_V_BOOL && i < v->n; i++)
        if (v->data[i] > 1)
            FAIL(e, ERR_FORMAT, "%s: %s: a bool is %d, want 0 or 1", in->file, in->what, v->data[i]);
    return OK;
}

static Status gguf_read_array(GgufValue *v, GgufIn *in, Arena *a, Err *e)
{
    uint64_t n = 0;
    TRY(gguf_take_kind(&v->item, in, e));
    TRY(gguf_take(&n, sizeof n, in, e));
    if (v->item == GGUF_V_ARR)
        FAIL(e, ERR_UNSUP, "%s: %s is an array of arrays, which is not read", in->file, in->what);
    v->n = (size_t)n;
    return v->item == GGUF_V_STR ? gguf_read_texts(v, in, a, e) : gguf_read_plain(v, in, e);
}

static Status gguf_read_text(GgufValue *v, GgufIn *in, Arena *a, Err *e)
{
    const unsigned char *s = NULL;
    TRY(gguf_take_text(&s, &v->n, in, e));
    unsigned char *copy = arena_alloc(a, v->n + 1, 1);
    if (copy == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for a text of %zu bytes", in->file, v->n);
    memcpy(copy, s, v->n);
    copy[v->n] = '\0';
    v->data = copy;
    return OK;
}

static Status gguf_read_value(GgufValue *v, GgufIn *in, Arena *a, Err *e)
{
    TRY(gguf_take_name(&v->key, MAX_KEY, in, a, e));
    snprintf(in->what, sizeof in->what, "'%.80s'", v->key);
    TRY(gguf_take_kind(&v->kind, in, e));
    v->item = v->kind;
    v->n = 1;
    if (v->kind == GGUF_V_ARR) return gguf_read_array(v, in, a, e);
    return v->kind == GGUF_V_STR ? gguf_read_text(v, in, a, e) : gguf_read_plain(v, in, e);
}

static int gguf_by_key(const void *a, const void *b)
{
    return strcmp((*(const GgufValue *const *)a)->key, (*(const GgufValue *const *)b)->key);
}

static Status gguf_sort_values(GgufFile *f, Err *e)
{
    f->value_by_key = arena_alloc(&f->arena, f->n_values, sizeof *f->value_by_key);
    if (f->value_by_key == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu metadata", f->name, f->n_values);
    for (size_t i = 0; i < f->n_values; i++) f->value_by_key[i] = &f->value[i];
    if (f->n_values > 0) qsort(f->value_by_key, f->n_values, sizeof *f->value_by_key, gguf_by_key);
    for (size_t i = 1; i < f->n_values; i++)
        if (strcmp(f->value_by_key[i - 1]->key, f->value_by_key[i]->key) == 0)
            FAIL(e, ERR_FORMAT, "%s: metadata '%.80s' occurs twice", f->name, f->value_by_key[i]->key);
    return OK;
}

Status gguf_read_values(GgufFile *f, uint64_t n, GgufIn *in, Err *e)
{
    size_t fit = (in->n - in->at) / LEAST_ENTRY, most = fit < MAX_ENTRIES ? fit : MAX_ENTRIES;
    if (n > most)
        FAIL(e, ERR_FORMAT, "%s: %" PRIu64 " metadata, want at most %zu in a file of %zu bytes", in->file, n,
             most, in->n);
    f->value = arena_zalloc(&f->arena, (size_t)n, sizeof *f->value);
    if (f->value == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %" PRIu64 " metadata", in->file, n);
    for (; f->n_values < n; f->n_values++) {
        snprintf(in->what, sizeof in->what, "metadata %zu of %" PRIu64, f->n_values + 1, n);
        TRY(gguf_read_value(&f->value[f->n_values], in, &f->arena, e));
    }
    return gguf_sort_values(f, e);
}

/* ---- handing out ---- */

const GgufValue *gguf_value(const GgufFile *f, const char *key)
{
    GgufValue want = {.key = key};
    const GgufValue *w = &want;
    if (f->n_values == 0) return NULL;
    const GgufValue **hit = bsearch(&w, f->value_by_key, f->n_values, sizeof *f->value_by_key, gguf_by_key);
    return hit == NULL ? NULL : *hit;
}

size_t gguf_keys(const GgufFile *f)
{
    return f->n_values;
}

const char *gguf_key(const GgufFile *f, size_t i)
{
    return i < f->n_values ? f->value[i].key : NULL;
}

bool gguf_has(const GgufFile *f, const char *key)
{
    return gguf_value(f, key) != NULL;
}

/* Entry i, where kinds of integers that may be negative go to *negative as their distance from zero. */
static uint64_t gguf_whole(const GgufValue *v, size_t i, bool *negative)
{
    size_t size = kind_size[v->item];
    bool is_signed =
        v->item == GGUF_V_I8 || v->item == GGUF_V_I16 || v->item == GGUF_V_I32 || v->item == GGUF_V_I64;
    uint64_t x = 0;
    memcpy(&x, v->data + i * size, size);
    uint64_t top = UINT64_C(1) << (8 * size - 1);
    *negative = is_signed && (x & top) != 0;
    return *negative ? (top << 1) - x
                     : x; /* for 8 bytes top << 1 is 2^64, which is 0 here, as it should be */
}

static double gguf_number(const GgufValue *v, size_t i)
{
    bool negative = false;
    float f = 0;
    double d = 0;
    if (v->item == GGUF_V_F32) {
        memcpy(&f, v->data + i * sizeof f, sizeof f);
        return (double)f;
    }
    if (v->item == GGUF_V_F64) {
        memcpy(&d, v->data + i * sizeof d, sizeof d);
        return d;
    }
    d = (double)gguf_whole(v, i, &negative);
    return negative ? -d : d;
}

const char *gguf_show(char buf[GGUF_SHOW], const GgufFile *f, const char *key)
{
    const GgufValue *v = gguf_value(f, key);
    bool negative = false;
    if (v == NULL)
        snprintf(buf, GGUF_SHOW, "missing");
    else if (v->kind == GGUF_V_ARR)
        snprintf(buf, GGUF_SHOW, "an array of %zu%s", v->n, v->item == GGUF_V_STR ? " texts" : "");
    else if (v->kind == GGUF_V_STR)
        snprintf(buf, GGUF_SHOW, "the text \"%.40s\"", (const char *)v->data);
    else if (v->kind == GGUF_V_BOOL)
        snprintf(buf, GGUF_SHOW, "%s", v->data[0] != 0 ? "true" : "false");
    else if (v->kind == GGUF_V_F32 || v->kind == GGUF_V_F64)
        snprintf(buf, GGUF_SHOW, "%.9g", gguf_number(v, 0));
    else {
        uint64_t x = gguf_whole(v, 0, &negative);
        snprintf(buf, GGUF_SHOW, "%s%" PRIu64, negative ? "-" : "", x);
    }
    return buf;
}

static Status gguf_no_value(const GgufFile *f, const char *key, const char *want, Err *e)
{
    char buf[GGUF_SHOW];
    FAIL(e, ERR_FORMAT, "%s: %.80s is %s, want %s", f->name, key, gguf_show(buf, f, key), want);
}

static bool gguf_is_number(GgufKind k)
{
    return k != GGUF_V_STR && k != GGUF_V_ARR && k != GGUF_V_BOOL;
}

Status gguf_need_u64(uint64_t *out, const GgufFile *f, const char *key, Err *e)
{
    const GgufValue *v = gguf_value(f, key);
    bool negative = false;
    if (v == NULL || !gguf_is_number(v->kind) || v->kind == GGUF_V_F32 || v->kind == GGUF_V_F64)
        return gguf_no_value(f, key, "a whole number >= 0", e);
    uint64_t x = gguf_whole(v, 0, &negative);
    if (negative) return gguf_no_value(f, key, "a whole number >= 0", e);
    *out = x;
    return OK;
}

Status gguf_need_num(double *out, const GgufFile *f, const char *key, Err *e)
{
    const GgufValue *v = gguf_value(f, key);
    if (v == NULL || !gguf_is_number(v->kind)) return gguf_no_value(f, key, "a number", e);
    *out = gguf_number(v, 0);
    return OK;
}

Status gguf_need_bool(bool *out, const GgufFile *f, const char *key, Err *e)
{
    const GgufValue *v = gguf_value(f, key);
    if (v == NULL || v->kind != GGUF_V_BOOL) return gguf_no_value(f, key, "true or false", e);
    *out = v->data[0] != 0;
    return OK;
}

Status gguf_need_str(const char **out, size_t *n, const GgufFile *f, const char *key, Err *e)
{
    const GgufValue *v = gguf_value(f, key);
    if (v == NULL || v->kind != GGUF_V_STR) return gguf_no_value(f, key, "a text", e);
    if (n == NULL && memchr(v->data, '\0', v->n) != NULL)
        return gguf_no_value(f, key, "a text without NUL bytes", e);
    *out = (const char *)v->data;
    if (n != NULL) *n = v->n;
    return OK;
}

Status gguf_need_strs(GgufArr *out, const GgufFile *f, const char *key, Err *e)
{
    const GgufValue *v = gguf_value(f, key);
    if (v == NULL || v->kind != GGUF_V_ARR || v->item != GGUF_V_STR)
        return gguf_no_value(f, key, "an array of texts", e);
    *out = (GgufArr){v, v->n};
    return OK;
}

Status gguf_need_nums(GgufArr *out, const GgufFile *f, const char *key, Err *e)
{
    const GgufValue *v = gguf_value(f, key);
    if (v == NULL || v->kind != GGUF_V_ARR || v->item == GGUF_V_STR)
        return gguf_no_value(f, key, "an array of numbers", e);
    *out = (GgufArr){v, v->n};
    return OK;
}

const char *gguf_arr_str(const GgufArr *a, size_t i, size_t *n)
{
    assert(i < a->n && a->value->item == GGUF_V_STR);
    uint64_t len = 0;
    memcpy(&len, a->value->text[i] - sizeof len, sizeof len);
    *n = (size_t)len;
    return (const char *)a->value->text[i];
}

double gguf_arr_num(const GgufArr *a, size_t i)
{
    assert(i < a->n && a->value->item != GGUF_V_STR);
    return gguf_number(a->value, i);
}
