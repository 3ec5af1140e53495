/* matpack_dnnl.c - packed weights of oneDNN. The library asks for a primitive of every shape; they are made
 * when they are first wanted and kept for the life of the program. */
#include "mat_priv.h"
#include "matpack_priv.h"

#include "prime/memory.h"
#include "prime/vec.h"

#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

/* n: of the outputs wanted; ld: of the pack, between its rows or blocks of rows. */
typedef struct {
    size_t m, n, k, ld;
    MatType type;
    bool add;
} PrimKey;

typedef struct {
    PrimKey key;
    dnnl_primitive_t prim;
    dnnl_memory_desc_t x, y, work;
} Prim;

enum { MAX_PRIMS = 1024, PRIM_SLOTS = 2 * MAX_PRIMS };

/* Everything here is reached by all threads; prims are entered under the lock and never leave. */
static struct {
    once_flag once;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    mtx_t lock;
    Prim *slot[PRIM_SLOTS];
    size_t n;
    bool fine;
} lib = {.once = ONCE_FLAG_INIT};

static void lib_begin(void)
{
    mat_onednn.begin();
    lib.fine = dnnl_engine_create(&lib.engine, dnnl_cpu, 0) == dnnl_success &&
               dnnl_stream_create(&lib.stream, lib.engine, dnnl_stream_default_flags) == dnnl_success &&
               mtx_init(&lib.lock, mtx_plain) == thrd_success;
}

static dnnl_data_type_t dnnl_type(MatType t)
{
    return t == MAT_BF16 ? dnnl_bf16 : dnnl_f32;
}

/* ---- primitives ---- */

/* Rows without gaps: the fast kernels take no others. */
static dnnl_status_t rows_desc(dnnl_memory_desc_t *d, size_t m, size_t n, dnnl_data_type_t type)
{
    dnnl_dims_t size = {(dnnl_dim_t)m, (dnnl_dim_t)n};
    return dnnl_memory_desc_init_by_tag(d, 2, size, type, dnnl_ab);
}

static dnnl_status_t prim_attr(dnnl_primitive_attr_t *attr, bool add)
{
    dnnl_post_ops_t post = NULL;
    dnnl_status_t s = dnnl_primitive_attr_create(attr);
    if (s == dnnl_success) s = dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
    if (s != dnnl_success || !add) return s;
    s = dnnl_post_ops_create(&post);
    if (s == dnnl_success) s = dnnl_post_ops_append_sum(post, 1);
    if (s == dnnl_success) s = dnnl_primitive_attr_set_post_ops(*attr, post);
    if (post != NULL) dnnl_post_ops_destroy(post);
    return s;
}

/* Weights [k, n] in whatever form the kernels want. */
static dnnl_status_t any_form(dnnl_memory_desc_t *w, const PrimKey *k)
{
    dnnl_dims_t size = {(dnnl_dim_t)k->k, (dnnl_dim_t)k->n};
    return dnnl_memory_desc_init_by_tag(w, 2, size, dnnl_type(k->type), dnnl_format_tag_any);
}

/* Describes y = x W^T of one shape; weights in the form w. */
static dnnl_status_t prim_describe(dnnl_primitive_desc_t *pd, Prim *p, const dnnl_memory_desc_t *w)
{
    const PrimKey *k = &p->key;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_matmul_desc_t d;
    dnnl_status_t s = rows_desc(&p->x, k->m, k->k, dnnl_type(k->type));
    if (s == dnnl_success) s = rows_desc(&p->y, k->m, k->n, dnnl_f32);
    if (s == dnnl_success) s = dnnl_matmul_desc_init(&d, &p->x, w, NULL, &p->y);
    if (s == dnnl_success) s = prim_attr(&attr, k->add);
    if (s == dnnl_success) s = dnnl_primitive_desc_create(pd, &d, attr, lib.engine, NULL);
    if (attr != NULL) dnnl_primitive_attr_destroy(attr);
    return s;
}

static Prim *prim_new(const PrimKey *key, const dnnl_memory_desc_t *w)
{
    dnnl_primitive_desc_t pd = NULL;
    Prim *p = calloc(1, sizeof *p);
    if (p == NULL) return NULL;
    p->key = *key;
    dnnl_status_t s = prim_describe(&pd, p, w);
    if (s == dnnl_success) {
        p->work = *dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
        s = dnnl_primitive_create(&p->prim, pd);
    }
    if (pd != NULL) dnnl_primitive_desc_destroy(pd);
    if (s == dnnl_success) return p;
    free(p);
    return NULL;
}

static void prim_free(Prim *p)
{
    dnnl_primitive_destroy(p->prim);
    free(p);
}

static bool key_same(const PrimKey *a, const PrimKey *b)
{
    return a->m == b->m && a->n == b->n && a->k == b->k && a->ld == b->ld && a->type == b->type &&
           a->add == b->add;
}

/* The place of a key among the slots, of which at least half are empty. */
static Prim **prim_slot(const PrimKey *k)
{
    size_t h = k->m * 0x9E3779B1U ^ k->n * 0x85EBCA77U ^ k->k * 0xC2B2AE3DU ^ k->ld * 0x27D4EB2FU ^
               ((size_t)k->type << 1) ^ (size_t)k->add;
    h ^= h >> 15;
    while (lib.slot[h % PRIM_SLOTS] != NULL && !key_same(&lib.slot[h % PRIM_SLOTS]->key, k)) h++;
    return &lib.slot[h % PRIM_SLOTS];
}

/* *kept: stays in the table; else the caller frees it. */
static Prim *prim_get(const PrimKey *key, const dnnl_memory_desc_t *w, bool *kept)
{
    *kept = true;
    mtx_lock(&lib.lock);
    Prim **at = prim_slot(key), *p = *at;
    if (p == NULL && lib.n < MAX_PRIMS) {
        p = *at = prim_new(key, w);
        lib.n += p != NULL;
        mtx_unlock(&lib.lock);
        return p;
    }
    mtx_unlock(&lib.lock);
    if (p != NULL) return p;
    *kept = false;
    return prim_new(key, w);
}

/* ---- products ---- */

static dnnl_status_t prim_run(const Prim *p, dnnl_memory_t w, const void *x, float *y, void *work)
{
    dnnl_memory_t mx = NULL, my = NULL, mw = NULL;
    dnnl_status_t s = dnnl_memory_create(&mx, &p->x, lib.engine, (void *)x);
    if (s == dnnl_success) s = dnnl_memory_create(&my, &p->y, lib.engine, y);
    if (s == dnnl_success) s = dnnl_memory_create(&mw, &p->work, lib.engine, work);
    const dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, mx}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, my}, {DNNL_ARG_SCRATCHPAD, mw}};
    if (s == dnnl_success) s = dnnl_primitive_execute(p->prim, lib.stream, 4, args);
    if (mx != NULL) dnnl_memory_destroy(mx);
    if (my != NULL) dnnl_memory_destroy(my);
    if (mw != NULL) dnnl_memory_destroy(mw);
    return s;
}

/* x without gaps, in the type of the products. NULL when there is no memory. */
static const void *rows_in(const float *x, size_t ldx, size_t m, const MatPack *p)
{
    size_t k = p->k;
    if (p->type == MAT_F32 && ldx == k) return x;
    void *out = pack_scratch(PACK_X, m * k * sizeof(float));
    if (out == NULL) return NULL;
    if (p->type == MAT_BF16 && ldx == k) mat_bf16_round(out, x, m * k);
    for (size_t i = 0; ldx != k && i < m; i++)
        if (p->type == MAT_BF16)
            mat_bf16_round((uint16_t *)out + i * k, x + i * ldx, k);
        else
            memcpy((float *)out + i * k, x + i * ldx, k * sizeof(float));
    return out;
}

/* From rows without gaps to where they belong. */
static void rows_out(float *y, size_t ldy, const float *dense, size_t m, size_t n, bool add)
{
    for (size_t i = 0; i < m; i++, y += ldy, dense += n)
        if (add)
            vec_axpy(y, 1, dense, n);
        else
            memcpy(y, dense, n * sizeof *y);
}

/* Some outputs of a pack as weights of their own, which begin *skip bytes behind those of the pack. */
static dnnl_status_t pack_part(dnnl_memory_desc_t *part, size_t *skip, const MatPack *p, PackCut cut)
{
    dnnl_dims_t size = {(dnnl_dim_t)p->k, (dnnl_dim_t)cut.n}, from = {0, (dnnl_dim_t)cut.first};
    dnnl_status_t s = dnnl_memory_desc_init_submemory(part, p->own, size, from);
    if (s != dnnl_success) return s;
    *skip = (size_t)part->offset0 * (p->type == MAT_BF16 ? sizeof(uint16_t) : sizeof(float));
    part->offset0 = 0;
    return s;
}

static void dnnl_pack_mul(float *y, size_t ldy, const float *x, size_t ldx, size_t m, const MatPack *p,
                          PackCut cut, bool add)
{
    bool apart = ldy != cut.n, kept = true;
    dnnl_memory_desc_t part;
    dnnl_memory_t w = NULL;
    size_t skip = 0;
    mat_onednn.begin();
    const void *in = rows_in(x, ldx, m, p);
    float *out = apart ? pack_scratch(PACK_DENSE, m * cut.n * sizeof *out) : y;
    bool fine = in != NULL && out != NULL && pack_part(&part, &skip, p, cut) == dnnl_success &&
                dnnl_memory_create(&w, &part, lib.engine, (char *)p->data + skip) == dnnl_success;
    size_t ld = fine ? (size_t)part.format_desc.blocking.strides[0] : 0;
    Prim *prim = fine ? prim_get(&(PrimKey){m, cut.n, p->k, ld, p->type, add && !apart}, &part, &kept) : NULL;
    void *work = prim != NULL ? pack_scratch(PACK_LIBRARY, dnnl_memory_desc_get_size(&prim->work) + 1) : NULL;
    if (work == NULL || prim_run(prim, w, in, out, work) != dnnl_success)
        pack_fail(y, ldy, m, cut.n);
    else if (apart)
        rows_out(y, ldy, out, m, cut.n, add);
    if (prim != NULL && !kept) prim_free(prim);
    if (w != NULL) dnnl_memory_destroy(w);
}

/* ---- packing ---- */

/* The form of the weights that the kernels want: the same for all numbers of rows. */
static dnnl_status_t pack_form(dnnl_memory_desc_t *form, const MatPack *p)
{
    Prim ask = {.key = {PACK_ROWS, p->n, p->k, 0, p->type, false}};
    dnnl_primitive_desc_t pd = NULL;
    dnnl_memory_desc_t any;
    dnnl_status_t s = any_form(&any, &ask.key);
    if (s == dnnl_success) s = prim_describe(&pd, &ask, &any);
    if (s == dnnl_success) *form = *dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    if (pd != NULL) dnnl_primitive_desc_destroy(pd);
    return s;
}

static dnnl_status_t pack_reorder(const MatPack *p, void *stage)
{
    const dnnl_memory_desc_t *form = p->own;
    dnnl_dims_t size = {(dnnl_dim_t)p->k, (dnnl_dim_t)p->n},
                stride = {p->in_out ? (dnnl_dim_t)p->n : 1, p->in_out ? 1 : (dnnl_dim_t)p->k};
    dnnl_memory_desc_t plain;
    dnnl_memory_t from = NULL, to = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t prim = NULL;
    dnnl_status_t s = dnnl_memory_desc_init_by_strides(&plain, 2, size, dnnl_type(p->type), stride);
    if (s == dnnl_success) s = dnnl_memory_create(&from, &plain, lib.engine, stage);
    if (s == dnnl_success) s = dnnl_memory_create(&to, form, lib.engine, p->data);
    if (s == dnnl_success)
        s = dnnl_reorder_primitive_desc_create(&pd, &plain, lib.engine, form, lib.engine, NULL);
    if (s == dnnl_success) s = dnnl_primitive_create(&prim, pd);
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    if (s == dnnl_success) s = dnnl_primitive_execute(prim, lib.stream, 2, args);
    if (prim != NULL) dnnl_primitive_destroy(prim);
    if (pd != NULL) dnnl_primitive_desc_destroy(pd);
    if (from != NULL) dnnl_memory_destroy(from);
    if (to != NULL) dnnl_memory_destroy(to);
    return s;
}

/* Whether the form can be cut: by whole blocks of outputs, by kernels that take what is left. */
static dnnl_status_t pack_cuts(const MatPack *p)
{
    Prim ask = {.key = {PACK_ROWS, MAT_PACK_COLUMNS, p->k, 0, p->type, false}};
    dnnl_primitive_desc_t pd = NULL;
    dnnl_memory_desc_t part;
    size_t skip;
    if (p->in_out || p->n <= MAT_PACK_COLUMNS) return dnnl_success;
    dnnl_status_t s = pack_part(&part, &skip, p, (PackCut){0, MAT_PACK_COLUMNS});
    if (s == dnnl_success) s = prim_describe(&pd, &ask, &part);
    if (pd != NULL) dnnl_primitive_desc_destroy(pd);
    return s;
}

static Status dnnl_pack_finish(MatPack *p, void *stage, Err *e)
{
    mat_onednn.begin();
    dnnl_memory_desc_t *form = p->own = calloc(1, sizeof *form);
    dnnl_status_t s = form != NULL ? pack_form(form, p) : dnnl_out_of_memory;
    if (s == dnnl_success) {
        p->bytes = dnnl_memory_desc_get_size(form);
        p->data = memory_block(p->bytes);
        s = p->data != NULL ? pack_reorder(p, stage) : dnnl_out_of_memory;
    }
    if (s == dnnl_success) s = pack_cuts(p);
    if (s == dnnl_success) return OK;
    if (s == dnnl_out_of_memory) FAIL(e, ERR_NOMEM, "no memory to pack %zu x %zu weights", p->n, p->k);
    FAIL(e, ERR_UNSUP, "oneDNN does not pack %zu x %zu weights (status %d)", p->n, p->k, (int)s);
}

static void dnnl_pack_drop(MatPack *p)
{
    free(p->own);
}

static const PackOps dnnl_ops[MAT_TYPES] = {
    [MAT_F32] = {"oneDNN f32", dnnl_pack_finish, dnnl_pack_mul, dnnl_pack_drop},
    [MAT_BF16] = {"oneDNN bf16", dnnl_pack_finish, dnnl_pack_mul, dnnl_pack_drop}};

const PackOps *pack_onednn(MatType type)
{
    call_once(&lib.once, lib_begin);
    bool native =
        (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
    return lib.fine && (type != MAT_BF16 || native) ? &dnnl_ops[type] : NULL;
}
