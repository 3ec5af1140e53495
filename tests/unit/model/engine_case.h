/* engine_case.h - reference folders for the model tests: a model, sequences, and what an independent float64
 * evaluation says of them. */
#ifndef PRIME_ENGINE_CASE_H
#define PRIME_ENGINE_CASE_H

#include "prime/js.h"
#include "prime/model.h"
#include "prime/pass.h"
#include "prime/st.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(call)                                     \
    do {                                               \
        Err e_ = {0};                                  \
        Status s_ = (call);                            \
        (void)e_;                                      \
        cr_assert_eq(s_, OK, "%s: %s", #call, e_.msg); \
    } while (0)

enum { CASE_PATH = 600 };

static inline void case_path(char out[CASE_PATH], const char *name, const char *file)
{
    const char *root = getenv("PRIME_SOURCE");
    cr_assert_not_null(root, "PRIME_SOURCE is not set");
    int n = snprintf(out, CASE_PATH, "%s/fixtures/models/%s/%s", root, name, file);
    cr_assert(n > 0 && n < CASE_PATH);
}

static inline int32_t *case_ids(const JsVal *list, size_t *n)
{
    *n = js_len(list);
    int32_t *ids = malloc((*n + 1) * sizeof *ids);
    for (size_t i = 0; i < *n; i++) ids[i] = (int32_t)js_int(js_at(list, i), -1);
    return ids;
}

static inline float *case_tensor(const StFile *f, const char *name, size_t *n)
{
    const StTensor *t = st_find(f, name);
    cr_assert_not_null(t, "no tensor %s", name);
    float *x = malloc((t->count + 1) * sizeof *x);
    MUST(st_to_f32(x, t, &e_));
    *n = t->count;
    return x;
}

/* All logits of one sequence, by one pass. */
static inline float *case_logits(const Model *m, const int32_t *ids, size_t n, const PassLora *lora)
{
    size_t width = lora != NULL ? lora->bank->width : 0, V = m->cfg.n_vocab;
    Pass *p = NULL;
    MUST(pass_new(&p, m, n, width, false, &e_));
    PassSeq seq = {.ids = ids, .n = n};
    pass_forward(p, m, &seq, 1, lora, NULL);
    size_t *row = malloc(n * sizeof *row);
    for (size_t i = 0; i < n; i++) row[i] = i;
    float *out = malloc(n * V * sizeof *out), *work = malloc(n * m->cfg.n_hidden * sizeof *work);
    pass_logits(out, p, m, row, n, work);
    free(work);
    free(row);
    pass_free(p);
    return out;
}

static inline double case_max_diff(const float *a, const float *b, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= worst)) worst = d;
    }
    return worst;
}

#endif
