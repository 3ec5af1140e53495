/* gguf_tensor.c - the tensors of a GGUF file: what the infos say, and where the data must then lie. */
#include "gguf_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEAST_INFO = 8 + 1 + 4 + 4 + 8, /* bytes: a name's length, a letter, no dimensions, a type, an offset */
    MAX_INFOS = 1000000,            /* what no honest file needs */
    MAX_NAME = 64,                  /* bytes, by the format */
    USUAL_ALIGNMENT = 32
};

/* How much of the data the infos may claim. */
typedef struct {
    const unsigned char *data;
    size_t n, alignment;
} GgufSpace;

static Status gguf_read_shape(GgufTensor *t, GgufIn *in, Err *e)
{
    uint32_t ndim = 0;
    TRY(gguf_take(&ndim, sizeof ndim, in, e));
    if (ndim > GGUF_MAX_DIM)
        FAIL(e, ERR_FORMAT, "%s: %s has %" PRIu32 " dimensions, want at most %d", in->file, in->what, ndim,
             GGUF_MAX_DIM);
    t->ndim = ndim;
    t->count = 1;
    for (size_t i = ndim; i > 0; i--) {
        uint64_t d = 0;
        TRY(gguf_take(&d, sizeof d, in, e));
        t->shape[i - 1] = (size_t)d;
        if (size_mul(&t->count, t->count, t->shape[i - 1], NULL) != OK)
            FAIL(e, ERR_FORMAT, "%s: %s: the product of its shape does not fit in 64 bits", in->file,
                 in->what);
    }
    return OK;
}

/* Blocks do not run over the end of a row. */
static Status gguf_read_type(GgufTensor *t, GgufIn *in, Err *e)
{
    uint32_t type = 0;
    TRY(gguf_take(&type, sizeof type, in, e));
    GgufLayout lay = gguf_layout(type);
    size_t row = t->ndim == 0 ? 1 : t->shape[t->ndim - 1];
    if (lay.size == 0)
        FAIL(e, ERR_UNSUP, "%s: %s has type %" PRIu32 " (%s), want F32, F16, BF16, Q8_0 or Q4_0", in->file,
             in->what, type, gguf_type_name(type));
    t->type = (GgufType)type;
    if (row % lay.block != 0)
        FAIL(e, ERR_FORMAT, "%s: %s has rows of %zu values, want a multiple of %zu for %s", in->file,
             in->what, row, lay.block, gguf_type_name(type));
    if (size_mul(&t->nbytes, t->count / lay.block, lay.size, NULL) != OK)
        FAIL(e, ERR_FORMAT, "%s: %s: its size in bytes does not fit in 64 bits", in->file, in->what);
    return OK;
}

static Status gguf_read_info(GgufInfo *x, GgufIn *in, Arena *a, Err *e)
{
    TRY(gguf_take_name(&x->t.name, MAX_NAME, in, a, e));
    snprintf(in->what, sizeof in->what, "tensor '%s'", x->t.name);
    TRY(gguf_read_shape(&x->t, in, e));
    TRY(gguf_read_type(&x->t, in, e));
    return gguf_take(&x->offset, sizeof x->offset, in, e);
}

/* A part of a split file has tensors that say nothing about the rest. */
static Status gguf_check_whole(const GgufFile *f, Err *e)
{
    uint64_t parts = 0;
    if (!gguf_has(f, "split.count")) return OK;
    TRY(gguf_need_u64(&parts, f, "split.count", e));
    if (parts > 1)
        FAIL(e, ERR_UNSUP, "%s: one of %" PRIu64 " parts of a split file, want one file: join them first",
             f->name, parts);
    return OK;
}

static Status gguf_find_alignment(size_t *out, const GgufFile *f, Err *e)
{
    static const char key[] = "general.alignment";
    uint64_t a = USUAL_ALIGNMENT;
    if (gguf_has(f, key)) TRY(gguf_need_u64(&a, f, key, e));
    if (a < 8 || a > UINT32_MAX || (a & (a - 1)) != 0)
        FAIL(e, ERR_FORMAT, "%s: %s is %" PRIu64 ", want a power of two from 8 to 2^31", f->name, key, a);
    *out = (size_t)a;
    return OK;
}

static size_t gguf_pad(size_t n, size_t alignment)
{
    return (n + alignment - 1) / alignment * alignment;
}

static int gguf_by_offset(const void *a, const void *b)
{
    const GgufInfo *x = a, *y = b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    if (x->t.nbytes != y->t.nbytes) return x->t.nbytes < y->t.nbytes ? -1 : 1; /* empty ones first */
    return strcmp(x->t.name, y->t.name);
}

static int gguf_by_name(const void *a, const void *b)
{
    return strcmp((*(const GgufTensor *const *)a)->name, (*(const GgufTensor *const *)b)->name);
}

/* The tensor lies in the data, at a multiple of the alignment. */
static Status gguf_place(GgufInfo *x, const GgufSpace *s, const char *file, Err *e)
{
    if (x->offset % s->alignment != 0)
        FAIL(e, ERR_FORMAT, "%s: tensor '%s' begins at byte %" PRIu64 " of the data, want a multiple of %zu",
             file, x->t.name, x->offset, s->alignment);
    if (x->offset > s->n || x->t.nbytes > s->n - (size_t)x->offset)
        FAIL(e, ERR_FORMAT, "%s: tensor '%s' has %zu bytes at byte %" PRIu64 " of the data, which has %zu",
             file, x->t.name, x->t.nbytes, x->offset, s->n);
    x->t.data = s->data + x->offset;
    return OK;
}

/* Sorted by offset, tensors must cover the data but for the padding between them. */
static Status gguf_check_cover(const GgufFile *f, const GgufSpace *s, Err *e)
{
    size_t end = 0;
    for (size_t i = 0; i < f->n_infos; i++) {
        const GgufInfo *x = &f->info[i];
        size_t want = gguf_pad(end, s->alignment);
        if (x->offset != want)
            FAIL(e, ERR_FORMAT, "%s: tensor '%s' begins at byte %" PRIu64 " of the data, want %zu (%s)",
                 f->name, x->t.name, x->offset, want, x->offset < want ? "overlap" : "gap");
        end = want + x->t.nbytes;
    }
    if (s->n > gguf_pad(end, s->alignment))
        FAIL(e, ERR_FORMAT, "%s: %zu bytes after the last tensor", f->name, s->n - end);
    return OK;
}

static Status gguf_sort_infos(GgufFile *f, const GgufSpace *s, Err *e)
{
    size_t n = f->n_infos;
    f->tensor_by_name = arena_alloc(&f->arena, n, sizeof *f->tensor_by_name);
    if (f->tensor_by_name == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu tensors", f->name, n);
    for (size_t i = 0; i < n; i++) TRY(gguf_place(&f->info[i], s, f->name, e));
    if (n > 0) qsort(f->info, n, sizeof *f->info, gguf_by_offset);
    for (size_t i = 0; i < n; i++) f->tensor_by_name[i] = &f->info[i].t;
    if (n > 0) qsort(f->tensor_by_name, n, sizeof *f->tensor_by_name, gguf_by_name);
    for (size_t i = 1; i < n; i++)
        if (strcmp(f->tensor_by_name[i - 1]->name, f->tensor_by_name[i]->name) == 0)
            FAIL(e, ERR_FORMAT, "%s: tensor '%s' occurs twice", f->name, f->tensor_by_name[i]->name);
    return gguf_check_cover(f, s, e);
}

Status gguf_read_infos(GgufFile *f, uint64_t n, GgufIn *in, Err *e)
{
    size_t alignment = 0;
    TRY(gguf_check_whole(f, e));
    TRY(gguf_find_alignment(&alignment, f, e));
    size_t fit = (in->n - in->at) / LEAST_INFO, most = fit < MAX_INFOS ? fit : MAX_INFOS;
    if (n > most)
        FAIL(e, ERR_FORMAT, "%s: %" PRIu64 " tensors, want at most %zu in a file of %zu bytes", in->file, n,
             most, in->n);
    f->info = arena_zalloc(&f->arena, (size_t)n, sizeof *f->info);
    if (f->info == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %" PRIu64 " tensors", in->file, n);
    for (; f->n_infos < n; f->n_infos++) {
        snprintf(in->what, sizeof in->what, "tensor %zu of %" PRIu64, f->n_infos + 1, n);
        TRY(gguf_read_info(&f->info[f->n_infos], in, &f->arena, e));
    }
    size_t start = gguf_pad(in->at, alignment) < in->n ? gguf_pad(in->at, alignment) : in->n;
    return gguf_sort_infos(f, &(GgufSpace){in->bytes + start, in->n - start, alignment}, e);
}

size_t gguf_count(const GgufFile *f)
{
    return f->n_infos;
}

const GgufTensor *gguf_at(const GgufFile *f, size_t i)
{
    return i < f->n_infos ? &f->info[i].t : NULL;
}

const GgufTensor *gguf_find(const GgufFile *f, const char *name)
{
    GgufTensor want = {.name = name};
    const GgufTensor *w = &want;
    if (f->n_infos == 0) return NULL;
    const GgufTensor **hit =
        bsearch(&w, f->tensor_by_name, f->n_infos, sizeof *f->tensor_by_name, gguf_by_name);
    return hit == NULL ? NULL : *hit;
}
