#include "matpack_priv.h"

#include "prime/arena.h"
#include "prime/memory.h"
#include "prime/vec.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

const char *mat_type_name(MatType t)
{
    static const char *const names[MAT_TYPES] = {[MAT_F32] = "f32", [MAT_BF16] = "bf16"};
    return names[t];
}

bool mat_type_named(MatType *t, const char *name)
{
    for (MatType i = 0; i < MAT_TYPES; i++) {
        if (strcmp(name, mat_type_name(i)) != 0) continue;
        *t = i;
        return true;
    }
    return false;
}

/* ---- bfloat16 ---- */

PRIME_CLONES void mat_bf16_round(uint16_t *out, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, x + i, sizeof u);
        uint32_t even = (u + 0x7FFFU + ((u >> 16) & 1U)) >> 16, quiet = (u >> 16) | 0x40U;
        out[i] = (uint16_t)((u & 0x7FFFFFFFU) > 0x7F800000U ? quiet : even);
    }
}

PRIME_CLONES void mat_bf16_widen(float *out, const uint16_t *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        uint32_t u = (uint32_t)x[i] << 16;
        memcpy(out + i, &u, sizeof u);
    }
}

/* ---- scratch of a thread ---- */

typedef struct {
    void *at[PACK_SCRATCHES];
    size_t size[PACK_SCRATCHES];
} PackScratch;

static tss_t scratch_key;
static once_flag scratch_once = ONCE_FLAG_INIT;
static bool scratch_fine;

static void scratch_drop(void *p)
{
    PackScratch *s = p;
    for (size_t i = 0; i < PACK_SCRATCHES; i++) free(s->at[i]);
    free(s);
}

static void scratch_begin(void)
{
    scratch_fine = tss_create(&scratch_key, scratch_drop) == thrd_success;
}

static PackScratch *scratch_mine(void)
{
    call_once(&scratch_once, scratch_begin);
    PackScratch *s = scratch_fine ? tss_get(scratch_key) : NULL;
    if (s != NULL || !scratch_fine) return s;
    s = calloc(1, sizeof *s);
    if (s == NULL || tss_set(scratch_key, s) == thrd_success) return s;
    free(s);
    return NULL;
}

void *pack_scratch(PackScratchUse use, size_t bytes)
{
    PackScratch *s = scratch_mine();
    if (s == NULL || (s->at[use] != NULL && s->size[use] >= bytes)) return s != NULL ? s->at[use] : NULL;
    free(s->at[use]);
    s->at[use] = memory_block(bytes);
    s->size[use] = s->at[use] != NULL ? bytes : 0;
    return s->at[use];
}

/* ---- weights as they are, for any library ---- */

static void plain_mul_f32(float *y, size_t ldy, const float *x, size_t ldx, size_t m, const MatPack *p,
                          PackCut cut, bool add)
{
    if (p->in_out)
        mat_mul_nn(y, ldy, x, ldx, p->data, p->n, m, p->n, p->k, 1, add ? 1 : 0);
    else
        mat_mul_nt(y, ldy, x, ldx, (const float *)p->data + cut.first * p->k, p->k, m, cut.n, p->k, 1,
                   add ? 1 : 0);
}

static atomic_bool starved;

bool mat_pack_starved(void)
{
    return starved;
}

void pack_fail(float *y, size_t ldy, size_t m, size_t n)
{
    starved = true;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) y[i * ldy + j] = NAN;
}

/* Rounded x as floats in x16, and a tile of widened weights at a time: rows of outputs, or of inputs. */
static void plain_tiles(float *y, size_t ldy, const float *x, size_t m, const MatPack *p, PackCut cut,
                        bool add, float *tile)
{
    size_t width = p->in_out ? p->n : p->k, rows = p->in_out ? p->k : cut.n,
           step = width < PACK_TILE ? PACK_TILE / width : 1;
    for (size_t at = 0; at < rows; at += step) {
        size_t r = rows - at < step ? rows - at : step;
        mat_bf16_widen(tile, (const uint16_t *)p->data + ((p->in_out ? 0 : cut.first) + at) * width,
                       r * width);
        if (p->in_out)
            mat_mul_nn(y, ldy, x + at, p->k, tile, width, m, width, r, 1, add || at > 0 ? 1 : 0);
        else
            mat_mul_nt(y + at, ldy, x, p->k, tile, width, m, r, width, 1, add ? 1 : 0);
    }
}

static void plain_mul_bf16(float *y, size_t ldy, const float *x, size_t ldx, size_t m, const MatPack *p,
                           PackCut cut, bool add)
{
    size_t width = p->in_out ? p->n : p->k, k = p->k;
    uint16_t *narrow = pack_scratch(PACK_X, k * sizeof *narrow);
    float *tile = pack_scratch(PACK_WEIGHTS, (width > PACK_TILE ? width : PACK_TILE) * sizeof *tile),
          *rounded = pack_scratch(PACK_DENSE, m * k * sizeof *rounded);
    if (narrow == NULL || tile == NULL || rounded == NULL) {
        pack_fail(y, ldy, m, cut.n);
        return;
    }
    for (size_t i = 0; i < m; i++) {
        mat_bf16_round(narrow, x + i * ldx, k);
        mat_bf16_widen(rounded + i * k, narrow, k);
    }
    plain_tiles(y, ldy, rounded, m, p, cut, add, tile);
}

static Status plain_finish(MatPack *p, void *stage, Err *e)
{
    (void)e;
    p->data = stage;
    p->bytes = p->n * p->k * (p->type == MAT_BF16 ? sizeof(uint16_t) : sizeof(float));
    return OK;
}

static const PackOps plain_ops[MAT_TYPES] = {
    [MAT_F32] = {"f32", plain_finish, plain_mul_f32, NULL},
    [MAT_BF16] = {"bf16 values in f32", plain_finish, plain_mul_bf16, NULL}};

/* ---- any ---- */

static Status stage_fill(void **stage, MatType type, size_t n, MatFill fill, const void *ctx, Err *e)
{
    size_t bytes;
    TRY(size_mul(&bytes, n, type == MAT_BF16 ? sizeof(uint16_t) : sizeof(float), e));
    void *out = memory_block(bytes);
    float *tile = type == MAT_BF16 ? malloc(PACK_TILE * sizeof *tile) : NULL;
    if (out == NULL || (type == MAT_BF16 && tile == NULL)) {
        free(out);
        free(tile);
        FAIL(e, ERR_NOMEM, "no memory to pack %zu weights", n);
    }
    for (size_t at = 0; at < n; at += PACK_TILE) {
        size_t some = n - at < PACK_TILE ? n - at : PACK_TILE;
        fill(ctx, type == MAT_BF16 ? tile : (float *)out + at, at, some);
        if (type == MAT_BF16) mat_bf16_round((uint16_t *)out + at, tile, some);
    }
    free(tile);
    *stage = out;
    return OK;
}

/* The library's own form where it has one, else the plain one. */
static Status pack_finish(MatPack *p, void *stage, Err *e)
{
    p->ops = &plain_ops[p->type];
#ifdef PRIME_ONEDNN
    const PackOps *own = strcmp(mat_backend(), "onednn") == 0 ? pack_onednn(p->type) : NULL;
    if (own != NULL) {
        p->ops = own;
        Status s = own->finish(p, stage, e);
        free(stage);
        return s;
    }
#endif
    return p->ops->finish(p, stage, e);
}

Status mat_pack_new(MatPack **p, MatType type, size_t n, size_t k, bool in_out, MatFill fill, const void *ctx,
                    Err *e)
{
    size_t total;
    void *stage = NULL;
    if (n == 0 || k == 0) FAIL(e, ERR_ARG, "a pack of %zu x %zu weights, want at least 1 x 1", n, k);
    TRY(size_mul(&total, n, k, e));
    TRY(stage_fill(&stage, type, total, fill, ctx, e));
    MatPack *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        free(stage);
        FAIL(e, ERR_NOMEM, "no memory for a pack");
    }
    *fresh = (MatPack){.type = type, .n = n, .k = k, .in_out = in_out};
    Status s = pack_finish(fresh, stage, e);
    if (s != OK)
        mat_pack_free(fresh);
    else
        *p = fresh;
    return s;
}

void mat_pack_free(MatPack *p)
{
    if (p == NULL) return;
    if (p->ops->drop != NULL) p->ops->drop(p);
    free(p->data);
    free(p);
}

size_t mat_pack_bytes(const MatPack *p)
{
    return p->bytes;
}

const char *mat_pack_kernel(const MatPack *p)
{
    return p->ops->name;
}

static void pack_mul(float *y, size_t ldy, const float *x, size_t ldx, size_t m, const MatPack *p,
                     PackCut cut, bool add)
{
    for (size_t at = 0, step; at < m; at += step) {
        size_t left = m - at;
        step = left >= PACK_ROWS ? PACK_ROWS : left >= PACK_STEP ? left / PACK_STEP * PACK_STEP : left;
        p->ops->mul(y + at * ldy, ldy, x + at * ldx, ldx, step, p, cut, add);
    }
}

void mat_pack_mul(float *y, size_t ldy, const float *x, size_t ldx, size_t m, const MatPack *p, bool add)
{
    pack_mul(y, ldy, x, ldx, m, p, (PackCut){0, p->n}, add);
}

void mat_pack_mul_some(float *y, size_t ldy, const float *x, size_t ldx, size_t m, const MatPack *p,
                       size_t first, size_t n)
{
    assert(!p->in_out && n > 0 && first + n <= p->n && first % MAT_PACK_COLUMNS == 0 &&
           (n % MAT_PACK_COLUMNS == 0 || first + n == p->n));
    pack_mul(y, ldy, x, ldx, m, p, (PackCut){first, n}, false);
}
