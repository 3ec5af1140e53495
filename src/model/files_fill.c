/* files_fill.c - a tensor of a file against the one that is wanted, and into its place. */
#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "[8, 12]"; at most two sizes, as no tensor here has more. */
static const char *shape_show(char buf[64], size_t ndim, const size_t *shape)
{
    if (ndim == 0)
        snprintf(buf, 64, "[]");
    else if (ndim == 1)
        snprintf(buf, 64, "[%zu]", shape[0]);
    else
        snprintf(buf, 64, "[%zu, %zu%s]", shape[0], shape[1], ndim > 2 ? ", ..." : "");
    return buf;
}

Status files_match(const FileTensor *want, const FileData *have, Err *e)
{
    bool fits = have->ndim == want->ndim && have->shape[0] == want->shape[0] &&
                (have->ndim < 2 || have->shape[1] == want->shape[1]);
    char got[64], need[64];
    if (!fits)
        FAIL(e, ERR_SHAPE, "%s: %s has shape %s, want %s", have->file, want->name,
             shape_show(got, have->ndim, have->shape), shape_show(need, want->ndim, want->shape));
    if (have->widen == NULL)
        FAIL(e, ERR_UNSUP, "%s: %s is stored as %s, want F32, F16, BF16 or F64", have->file, want->name,
             have->type);
    return OK;
}

static size_t row_count(const FileTensor *t)
{
    return t->shape[0] > 0 ? t->shape[0] : 1;
}

/* One tensor widened to out, rows in the order of memory. */
static Status widen_all(float *out, const FileTensor *want, const FileData *have, Err *e)
{
    size_t bad = have->bad(have->data, 0, have->count);
    if (bad < have->count)
        FAIL(e, ERR_NUM, "%s: %s holds a value that is not finite at index %zu", have->file, have->name, bad);
    if (want->order == ROWS_PLAIN) {
        have->widen(out, have->data, 0, have->count);
        return OK;
    }
    float *ordered = malloc(have->count * sizeof *ordered);
    if (ordered == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %s", have->file, have->name);
    have->widen(ordered, have->data, 0, have->count);
    files_order(out, ordered, want, have->count / row_count(want) * sizeof *out, false);
    free(ordered);
    return OK;
}

/* A part of a product that stays where it is mapped, unless its rows have to be put in order first. */
static Status keep_part(ModelFiles *f, const FileTensor *want, const FileData *have, Err *e)
{
    ModelPart part = {.data = have->data, .widen = have->widen, .first = want->first, .rows = want->rows};
    if (want->order != ROWS_PLAIN) {
        void *own = malloc(have->nbytes);
        if (own == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %s", have->file, have->name);
        files_order(own, have->data, want, have->nbytes / row_count(want), false);
        f->own[f->n_own++] = own;
        part.data = own;
    }
    want->lin->part[want->lin->n_parts++] = part;
    return OK;
}

static void note_tensor(Model *m, const FileData *have)
{
    size_t n = strlen(m->types);
    m->n_params += have->count;
    m->n_bytes += have->nbytes;
    m->n_tensors++;
    if (strstr(m->types, have->type) == NULL ||
        (strcmp(have->type, "F16") == 0 && strcmp(m->types, "BF16") == 0))
        snprintf(m->types + n, sizeof m->types - n, "%s%s", n > 0 ? " " : "", have->type);
}

Status files_fill(Model *m, ModelFiles *f, const FileTensor *want, const FileData *have, Err *e)
{
    note_tensor(m, have);
    if (want->lin == NULL) return widen_all(want->vec, want, have, e);
    if (m->stored) return keep_part(f, want, have, e);
    return widen_all(want->lin->w + want->first * (want->lin->in_out ? 0 : want->lin->n_in), want, have, e);
}

bool files_keep_stored(const FileTensor *t, size_t n, ModelWeights how)
{
    double bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += 4.0 * (double)t[i].shape[0] * (double)(t[i].ndim > 1 ? t[i].shape[1] : 1);
    return how == WEIGHTS_STORED || (how == WEIGHTS_AUTO && bytes > MODEL_F32_BYTES);
}
