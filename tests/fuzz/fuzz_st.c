/* fuzz_st.c - any bytes: refused, or tensors that cover the data and can all be read. The bytes are tried as
 * a file, and as header and data with a newline between them, so that a fuzzer need not guess the length. */
#include "prime/st.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t st_read_one(const StFile *f, const StTensor *t)
{
    float *x = malloc(t->count * sizeof *x + 1);
    if (x == NULL || st_find(f, t->name) != t) abort();
    Status s = st_to_f32(x, t, NULL);
    if (s != OK && s != ERR_UNSUP) abort();
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    st_try(data, size);
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
