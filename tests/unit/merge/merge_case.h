/* merge_case.h - small adapters, and their updates by the definition. */
#ifndef PRIME_TEST_MERGE_CASE_H
#define PRIME_TEST_MERGE_CASE_H

#include "prime/merge.h"
#include "prime/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const LoraShape case_shape = {
    .n_layers = 2, .n_in = {0, 6, 6, 6, 8, 0, 6, 6, 10}, .n_out = {0, 8, 4, 4, 6, 0, 10, 10, 6}};

enum { CASE_QVD = 1U << LORA_Q | 1U << LORA_V | 1U << LORA_DOWN };

static inline Lora *case_kinds(const LoraShape *shape, unsigned kinds, size_t r, double alpha, uint64_t seed)
{
    Lora *l = NULL;
    Err e = {0};
    cr_assert_eq(lora_new(&l, shape, kinds, r, alpha, &e), OK, "%s", e.msg);
    Rng rng = rng_stream(seed, "adapter", 0);
    for (size_t i = 0; i < l->n_params; i++) l->data[i] = (float)rng_normal(&rng);
    return l;
}

static inline Lora *case_adapter(size_t r, double alpha, uint64_t seed)
{
    return case_kinds(&case_shape, CASE_QVD, r, alpha, seed);
}

/* An adapter whose only update is x [n] as one row. */
static inline Lora *case_vector(const double *x, size_t n)
{
    LoraShape shape = {.n_layers = 1, .n_in = {[LORA_Q] = n}, .n_out = {[LORA_Q] = 1}};
    Lora *l = case_kinds(&shape, 1U << LORA_Q, 1, 1, 0);
    for (size_t i = 0; i < n; i++) l->site[LORA_Q].a[i] = (float)x[i];
    l->site[LORA_Q].b[0] = 1;
    return l;
}

static inline size_t case_size(const Lora *l, size_t site)
{
    return l->shape.n_in[site % LORA_KINDS] * l->shape.n_out[site % LORA_KINDS];
}

/* dW of one site, by the definition. */
static inline double *case_delta(const Lora *l, size_t site)
{
    const LoraSite *s = &l->site[site];
    size_t n_in = l->shape.n_in[site % LORA_KINDS], n_out = l->shape.n_out[site % LORA_KINDS];
    double *d = calloc(n_in * n_out, sizeof *d);
    for (size_t o = 0; o < n_out; o++)
        for (size_t r = 0; r < s->r; r++)
            for (size_t i = 0; i < n_in; i++)
                d[o * n_in + i] += (double)s->scale * (double)s->b[o * s->r + r] * (double)s->a[r * n_in + i];
    return d;
}

/* Norm of x - times y over all sites; y may be NULL. */
static inline double case_apart(const Lora *x, const Lora *y, double times)
{
    double sum = 0;
    for (size_t i = 0; i < x->shape.n_layers * LORA_KINDS; i++) {
        double *a = case_delta(x, i), *b = y != NULL ? case_delta(y, i) : NULL;
        for (size_t v = 0; v < case_size(x, i); v++) {
            double d = a[v] - (b != NULL ? times * b[v] : 0);
            sum += d * d;
        }
        free(a);
        free(b);
    }
    return sqrt(sum);
}

/* Options with which a method can run at all. */
static inline MergeOpts case_opts(const MergeMethod *m, double density)
{
    MergeOpts o = merge_opts();
    if ((m->reads & MERGE_DENSITY) != 0) o.density = density;
    return o;
}

static inline Lora *case_build(const MergeMethod *m, Lora *const *l, size_t k, const double *w,
                               const MergeOpts *o, MergeReport *rep)
{
    Lora *out = NULL;
    Err e = {0};
    Status s =
        merge_build(&out, rep, m, (const Lora *const *)l, k, &(MergeWeights){w, MERGE_BY_ADAPTER}, o, &e);
    cr_assert_eq(s, OK, "%s: %s", m->name, e.msg);
    return out;
}

static inline void case_free(Lora **l, size_t k)
{
    for (size_t i = 0; i < k; i++) lora_free(l[i]);
}

#endif
