/* fuzz_gguf.c - any bytes: refused, or metadata that can all be handed out and tensors that lie inside the
 * file and can all be read. */
#include "prime/gguf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RUN = 96 }; /* values widened at a time: runs that begin and end inside blocks */

static void gguf_read_tensor(const GgufFile *f, const GgufTensor *t, const uint8_t *data, size_t size)
{
    float x[RUN];
    const uint8_t *at = t->data;
    if (gguf_find(f, t->name) != t || at < data || t->nbytes > (size_t)(data + size - at)) abort();
    if (gguf_type_name(t->type)[0] == '\0') abort();
    size_t bad = gguf_rows_bad(t->data, t->type, 0, t->count);
    if (bad > t->count) abort();
    for (size_t i = 0, n; i < t->count; i += n) {
        n = t->count - i < RUN - 5 ? t->count - i : RUN - 5;
        gguf_rows_to_f32(x, t->data, t->type, i, n);
        for (size_t k = 0; k < n && i + k <= bad; k++) {
            bool finite = x[k] - x[k] == 0;
            if (finite != (i + k < bad)) abort();
        }
    }
}

static void gguf_read_key(const GgufFile *f, const char *key)
{
    char buf[GGUF_SHOW];
    uint64_t u;
    double d;
    bool b;
    const char *s = NULL;
    size_t n = 0, fits = 0;
    GgufArr a = {0};
    if (!gguf_has(f, key) || gguf_show(buf, f, key)[0] == '\0') abort();
    if (gguf_need_u64(&u, f, key, NULL) == OK && gguf_need_num(&d, f, key, NULL) != OK) abort();
    fits += gguf_need_num(&d, f, key, NULL) == OK;
    fits += gguf_need_bool(&b, f, key, NULL) == OK;
    if (gguf_need_str(&s, &n, f, key, NULL) == OK) fits += s[n] == '\0';
    if (gguf_need_strs(&a, f, key, NULL) == OK) {
        fits++;
        for (size_t i = 0; i < a.n; i++) {
            s = gguf_arr_str(&a, i, &n);
            if (n > 0 && memchr(s, s[n - 1], n) == NULL) abort();
        }
    }
    if (gguf_need_nums(&a, f, key, NULL) == OK) {
        fits++;
        for (size_t i = 0; i < a.n; i++) d = gguf_arr_num(&a, i);
    }
    if (fits != 1) abort(); /* every value is of one kind */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    GgufFile *f = NULL;
    Err e = {0};
    if (gguf_view(&f, data, size, "input", &e) != OK) {
        if (e.msg[0] == '\0' || f != NULL) abort();
        return 0;
    }
    for (size_t i = 0; i < gguf_keys(f); i++) gguf_read_key(f, gguf_key(f, i));
    for (size_t i = 0; i < gguf_count(f); i++) gguf_read_tensor(f, gguf_at(f, i), data, size);
    gguf_close(f);
    return 0;
}
