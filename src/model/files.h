/* files.h - from the files of a model to its parameters: the list of tensors that a configuration implies,
 * and what the weights are kept in when they are not widened. */
#ifndef PRIME_MODEL_FILES_H
#define PRIME_MODEL_FILES_H

#include "arch.h"

#include "prime/gguf.h"

enum { NAME_LEN = 128 };

/* In what order a matrix's rows lie in the file. */
typedef enum {
    ROWS_PLAIN,
    ROWS_BY_HEAD, /* [heads][q,k,v][D] for memory's [q,k,v][heads][D] (GPT-NeoX) */
    ROWS_BY_PAIR  /* neighbours are rotated together, not halves (llama.cpp) */
} RowOrder;

/* One tensor that a model of some configuration has, as its files name and lay it out. */
typedef struct {
    char name[NAME_LEN];
    size_t ndim, shape[2];
    ModelLin *lin; /* a product's rows first .. first + rows, or NULL: */
    float *vec;    /* a vector or table that is always float32 */
    size_t first, rows;
    RowOrder order;
    size_t heads; /* of the rows, where their order is not plain */
} FileTensor;

/* How files name tensors. */
typedef struct {
    const char *const *param;  /* [PARAM_KINDS], as in ModelArch */
    const char *prefix;        /* of a layer's tensors, in front of its number */
    const char *const *module; /* [LORA_KINDS] */
    size_t root;               /* bytes to leave out in front: files of the inner model alone */
    bool pairs;                /* q and k are laid out by pair */
} FileNames;
FileNames files_names(const ModelConfig *c, bool bare);

/* files_count - an upper bound for files_list. files_list - every tensor, and its place in p (no place when p
 * is NULL). Returns how many. */
size_t files_count(const ModelConfig *c);
size_t files_list(FileTensor *t, const ModelConfig *c, const ModelParams *p, const FileNames *names);

/* files_order - rows of `size` bytes from the file's order to memory's, or back. */
void files_order(void *out, const void *in, const FileTensor *t, size_t size, bool back);

/* What a file holds under a name. */
typedef struct {
    const char *name, *file, *type;
    size_t ndim, shape[2], count, nbytes; /* of more dimensions the first two */
    const void *data;
    void (*widen)(float *out, const void *data, size_t first, size_t n); /* NULL: not a type that is read */
    size_t (*bad)(const void *data, size_t first, size_t n);             /* first value that is not finite */
} FileData;

/* What stored weights lie in. */
typedef struct ModelFiles {
    StSet *st;
    GgufFile *gguf;
    void **own; /* blocks of weights whose rows had to be put in another order */
    size_t n_own;
} ModelFiles;
Status files_new(ModelFiles **f, size_t most_own, Err *e) PRIME_MUST_USE;

/* files_match - whether the file's tensor has the shape and a type that is read. Errors: ERR_SHAPE,
 * ERR_UNSUP. */
Status files_match(const FileTensor *want, const FileData *have, Err *e) PRIME_MUST_USE;
/* files_fill - put one tensor in its place in m, widened or, for products of a model that keeps its weights
 * as stored, as it lies there. Counts m->n_params. Errors: ERR_NUM, ERR_NOMEM. */
Status files_fill(Model *m, ModelFiles *f, const FileTensor *want, const FileData *have,
                  Err *e) PRIME_MUST_USE;
/* files_keep_stored - what WEIGHTS_AUTO comes to for these n tensors. */
bool files_keep_stored(const FileTensor *t, size_t n, ModelWeights how);

/* gguf_load - model_open for a GGUF file. */
Status gguf_load(Model **m, const char *path, const ModelOpts *o, Err *e) PRIME_MUST_USE;

#endif
