/* matpack_priv.h - what a form of packed weights has to offer, and the scratch of a thread. */
#ifndef PRIME_NUM_MATPACK_PRIV_H
#define PRIME_NUM_MATPACK_PRIV_H

#include "prime/matpack.h"

/* Rows of a block, and the step in which smaller blocks are cut; entries of a tile of weights. */
enum { PACK_ROWS = 128, PACK_STEP = 16, PACK_TILE = 1 << 17 };

/* Outputs first .. first + n. */
typedef struct {
    size_t first, n;
} PackCut;

typedef struct {
    const char *name;
    /* From `stage`, the weights as stored in p->type. Plain forms keep it; others leave it to the caller. */
    Status (*finish)(MatPack *p, void *stage, Err *e);
    /* 0 < m <= PACK_ROWS; the cut is all of p where that is stored [k, n] */
    void (*mul)(float *y, size_t ldy, const float *x, size_t ldx, size_t m, const MatPack *p, PackCut cut,
                bool add);
    void (*drop)(MatPack *p); /* NULL: nothing but data */
} PackOps;

struct MatPack {
    MatType type;
    size_t n, k, bytes;
    bool in_out;
    const PackOps *ops;
    void *data; /* aligned */
    void *own;  /* of the form */
};

/* pack_onednn - NULL where oneDNN or the processor has no kernels for the type. */
const PackOps *pack_onednn(MatType type);

typedef enum { PACK_X, PACK_WEIGHTS, PACK_DENSE, PACK_LIBRARY, PACK_SCRATCHES } PackScratchUse;
/* pack_scratch - of this thread, valid until asked for more; NULL when there is no memory. */
void *pack_scratch(PackScratchUse use, size_t bytes);

/* pack_fail - y [m, n] = NaN, and mat_pack_starved from now on. */
void pack_fail(float *y, size_t ldy, size_t m, size_t n);

#endif
