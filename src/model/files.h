/* files.h - from the files of a model to its parameters: the list of tensors that a configuration implies,
 * and what the weights are kept in when they are not widened. */
#ifndef PRIME_MODEL_FILES_H
#define PRIME_MODEL_FILES_H

#include "arch.h"

enum { NAME_LEN = 128 };

/* One tensor that a model of some configuration has, as its files name and lay it out. */
typedef struct {
    char name[NAME_LEN];
    size_t ndim, shape[2];
    ModelLin *lin; /* a product's rows first .. first + rows, or NULL: */
    float *vec;    /* a vector or table that is always float32 */
    size_t first, rows;
    size_t heads; /* > 0: the rows are grouped by head, [heads][q,k,v][D] */
} FileTensor;

/* files_count - an upper bound for files_list. files_list - every tensor, and its place in p (no place when p
 * is NULL). `bare` leaves out the name of the inner model, as files of that alone do. Returns how many. */
size_t files_count(const ModelConfig *c);
size_t files_list(FileTensor *t, const ModelConfig *c, const ModelParams *p, bool bare);

/* files_regroup - rows of `size` bytes from [heads][3][D] to [3][heads][D], or back. */
void files_regroup(void *out, const void *in, size_t heads, size_t rows, size_t size, bool back);

/* What stored weights lie in. */
typedef struct ModelFiles {
    StSet *st;
    void **own; /* blocks of weights whose rows had to be put in another order */
    size_t n_own;
} ModelFiles;
Status files_new(ModelFiles **f, size_t most_own, Err *e) PRIME_MUST_USE;

#endif
