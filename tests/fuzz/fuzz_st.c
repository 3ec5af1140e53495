/* fuzz_st.c - any bytes: refused, or tensors that cover the data and can all be read. The bytes are tried as
 * a file, as header and data with a newline between them, so that a fuzzer need not guess the length, and as
 * the index of a sharded set. */
#include "../../src/io/st_priv.h"

#include "prime/st.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The values one by one, which goes another way than many at once; and the first that is not finite. */
static void st_check_runs(const float *x, const StTensor *t)
{
    size_t bad = st_rows_bad(t->data, t->type, 0, t->count);
    for (size_t i = 0; i < t->count && i <= bad; i++) {
        float one;
        bool finite = x[i] - x[i] == 0;
        if (finite != (i < bad)) abort();
        st_rows_to_f32(&one, t->data, t->type, i, 1);
        if (finite && memcmp(&one, &x[i], sizeof one) != 0) abort();
    }
}

static size_t st_read_one(const StFile *f, const StTensor *t)
{
    float *x = malloc(t->count * sizeof *x + 1);
    if (x == NULL || st_find(f, t->name) != t) abort();
    Status s = st_to_f32(x, t, NULL);
    if (s != (st_is_float(t->type) ? OK : ERR_UNSUP)) abort();
    if (s == OK) st_check_runs(x, t);
    free(x);
    return t->nbytes;
}

static void st_try(const uint8_t *data, size_t size)
{
    StFile *f = NULL;
    Err e = {0};
    if (st_view(&f, data, size, "input", &e) != OK) {
        if (e.msg[0] == '\0' || f != NULL) abort();
        return;
    }
    size_t all = 0;
    for (size_t i = 0; i < st_count(f); i++) all += st_read_one(f, st_at(f, i));
    if (all + 8 > size) abort();
    st_meta(f, "format");
    st_close(f);
}

static void st_try_index(const uint8_t *data, size_t size)
{
    StIndex x = {0};
    Err e = {0};
    Status s = st_index_parse(&x, (const char *)data, size, "index", &e);
    if (s != OK && e.msg[0] == '\0') abort();
    for (size_t i = 0; s == OK && i < x.n; i++) {
        const char *file = st_index_file(&x, x.row[i].tensor);
        if (file == NULL || strcmp(file, x.row[i].file) != 0 || strchr(file, '/') != NULL) abort();
    }
    st_index_free(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    st_try(data, size);
    st_try_index(data, size);
    const uint8_t *cut = size == 0 ? NULL : memchr(data, '\n', size);
    if (cut == NULL) return 0;
    uint64_t head = (uint64_t)(cut - data);
    size_t tail = size - (size_t)head - 1;
    uint8_t *file = malloc(8 + size);
    if (file == NULL) abort();
    memcpy(file, &head, 8);
    memcpy(file + 8, data, (size_t)head);
    memcpy(file + 8 + head, cut + 1, tail);
    st_try(file, 8 + (size_t)head + tail);
    free(file);
    return 0;
}
