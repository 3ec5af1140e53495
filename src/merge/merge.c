#include "prime/merge.h"

#include "prime/str.h"
#include "prime/vec.h"

#include <math.h>
#include <string.h>

/* Sites of the sum: ranks side by side, scales moved into B so that the result has scale 1 throughout. */
static Status merge_exact(Lora **out, const Lora *const *l, const double *w, size_t k, Err *e)
{
    LoraBank *b = NULL;
    Lora *fresh = NULL;
    TRY(lora_bank_new(&b, l, k, e));
    Status s = lora_from_bank(&fresh, b, e);
    for (size_t i = 0; s == OK && i < b->shape.n_layers * LORA_KINDS; i++) {
        const LoraStack *st = &b->stack[i];
        size_t n_out = b->shape.n_out[i % LORA_KINDS];
        for (size_t o = 0; o < n_out; o++)
            for (size_t j = 0; j < k; j++)
                vec_scale(fresh->site[i].b + o * st->n + st->off[j], (float)w[j] * b->scale[i * k + j],
                          st->off[j + 1] - st->off[j]);
    }
    lora_bank_free(b);
    if (s == OK) *out = fresh;
    return s;
}

static Status merge_prime(Lora **out, const Lora *const *l, const double *w, size_t k, Err *e)
{
    Lora *fresh = NULL;
    for (size_t j = 1; j < k; j++)
        for (size_t i = 0; i < l[0]->shape.n_layers * LORA_KINDS; i++)
            if (l[j]->site[i].r != l[0]->site[i].r || l[j]->site[i].scale != l[0]->site[i].scale)
                FAIL(e, ERR_UNSUP,
                     "the 'prime' merge needs equal ranks and scales; adapters 0 and %zu differ", j);
    TRY(lora_like(&fresh, l[0], e));
    for (size_t j = 0; j < k; j++) vec_axpy(fresh->data, (float)w[j], l[j]->data, fresh->n_params);
    *out = fresh;
    return OK;
}

static const MergeMethod methods[] = {
    {"prime", "A and B weighted separately: (sum w B)(sum w A)",
     "Kim, Shin, Kim 2025 (EMNLP), released code, get_weighted_lora", LORA_PRIME, merge_prime},
    {"exact", "the exact sum of updates: sum w B A, ranks side by side",
     "PEFT 'cat'; Ilharco et al. 2023, arXiv:2212.04089", LORA_EXACT, merge_exact},
};

enum { N_METHODS = sizeof methods / sizeof methods[0] };

const MergeMethod *merge_at(size_t i)
{
    return i < N_METHODS ? &methods[i] : NULL;
}

const MergeMethod *merge_find(const char *name)
{
    for (size_t i = 0; i < N_METHODS; i++)
        if (strcmp(methods[i].name, name) == 0) return &methods[i];
    return NULL;
}

const char *merge_nearest(const char *name)
{
    const char *names[N_METHODS];
    for (size_t i = 0; i < N_METHODS; i++) names[i] = methods[i].name;
    return str_nearest(name, names, N_METHODS);
}

Status merge_run(Lora **out, const MergeMethod *m, const Lora *const *l, const double *w, size_t k, Err *e)
{
    if (k == 0) FAIL(e, ERR_ARG, "a merge of 0 adapters, want at least 1");
    for (size_t j = 0; j < k; j++) {
        if (!isfinite(w[j])) FAIL(e, ERR_ARG, "weight %zu is %g, want a finite number", j, w[j]);
        if (!lora_shape_same(&l[j]->shape, &l[0]->shape))
            FAIL(e, ERR_SHAPE, "adapter %zu is for a model of another shape than adapter 0", j);
    }
    return m->fn(out, l, w, k, e);
}

Status merge_attenuation(double *ratio, double *merged, double *anchor, const MergeMethod *m,
                         const Lora *const *l, const double *w, size_t k, Err *e)
{
    Lora *sum = NULL;
    double own = 0;
    TRY(merge_run(&sum, m, l, w, k, e));
    double norm = lora_norm(sum);
    lora_free(sum);
    for (size_t j = 0; j < k; j++) own += lora_norm(l[j]) / (double)k;
    if (!(own > 0)) FAIL(e, ERR_NUM, "all adapters are zero: their norm is %g", own);
    *ratio = norm / own;
    if (merged != NULL) *merged = norm;
    if (anchor != NULL) *anchor = own;
    return OK;
}
