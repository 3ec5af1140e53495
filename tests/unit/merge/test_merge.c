#include "prime/merge.h"
#include "prime/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const LoraShape shape = {
    .n_layers = 2, .n_in = {0, 6, 6, 6, 8, 0, 6, 6, 10}, .n_out = {0, 8, 4, 4, 6, 0, 10, 10, 6}};

static Lora *random_adapter(size_t r, double alpha, uint64_t seed)
{
    Lora *l = NULL;
    Err e = {0};
    cr_assert_eq(lora_new(&l, &shape, 1U << LORA_Q | 1U << LORA_V | 1U << LORA_DOWN, r, alpha, &e), OK);
    Rng rng = rng_stream(seed, "adapter", 0);
    for (size_t i = 0; i < l->n_params; i++) l->data[i] = (float)rng_normal(&rng);
    return l;
}

/* dW of one site, by the definition. */
static double *delta(const Lora *l, size_t site)
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

static double distance(const double *x, const double *y, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += (x[i] - y[i]) * (x[i] - y[i]);
    return sqrt(s);
}

enum { SITE = LORA_DOWN, N_DELTA = 60 };

Test(merge, exact_is_the_weighted_sum_of_updates_whatever_the_ranks)
{
    Lora *l[2] = {random_adapter(2, 3, 1), random_adapter(4, 1, 2)}, *m = NULL;
    double w[2] = {0.7, -1.3};
    Err e = {0};
    cr_assert_eq(merge_run(&m, merge_find("exact"), (const Lora *const *)l, w, 2, &e), OK, "%s", e.msg);
    double *d0 = delta(l[0], SITE), *d1 = delta(l[1], SITE), *got = delta(m, SITE);
    for (size_t i = 0; i < N_DELTA; i++) d0[i] = w[0] * d0[i] + w[1] * d1[i];
    cr_assert_lt(distance(got, d0, N_DELTA), 1e-5);
    free(d0);
    free(d1);
    free(got);
    lora_free(l[0]);
    lora_free(l[1]);
    lora_free(m);
}

Test(merge, prime_is_the_product_of_weighted_sums)
{
    Lora *l[3] = {random_adapter(2, 2, 1), random_adapter(2, 2, 2), random_adapter(2, 2, 3)}, *m = NULL;
    double w[3] = {0.5, -0.25, 1.5};
    Err e = {0};
    cr_assert_eq(merge_run(&m, merge_find("prime"), (const Lora *const *)l, w, 3, &e), OK, "%s", e.msg);
    double *got = delta(m, SITE), want[N_DELTA] = {0};
    for (size_t i = 0; i < 3; i++) /* sum over pairs, cross terms included */
        for (size_t j = 0; j < 3; j++)
            for (size_t o = 0; o < 6; o++)
                for (size_t c = 0; c < 10; c++)
                    for (size_t r = 0; r < 2; r++)
                        want[o * 10 + c] += w[i] * w[j] * (double)l[i]->site[SITE].b[o * 2 + r] *
                                            (double)l[j]->site[SITE].a[r * 10 + c];
    cr_assert_lt(distance(got, want, N_DELTA), 1e-5);
    free(got);
    for (int i = 0; i < 3; i++) lora_free(l[i]);
    lora_free(m);
}

Test(merge, laws_of_one_and_zero_hold_for_every_method)
{
    Lora *l[2] = {random_adapter(3, 3, 4), random_adapter(3, 3, 5)};
    double one[2] = {1, 0}, zero[2] = {0, 0}, ratio;
    Err e = {0};
    size_t count = 0;
    for (const MergeMethod *mm; (mm = merge_at(count)) != NULL; count++) {
        Lora *m = NULL;
        cr_assert_eq(merge_run(&m, mm, (const Lora *const *)l, one, 2, &e), OK);
        double *a = delta(m, SITE), *b = delta(l[0], SITE);
        cr_assert_lt(distance(a, b, N_DELTA), 1e-5, "%s", mm->name);
        cr_assert_float_eq(lora_norm(m), lora_norm(l[0]), 1e-4 * lora_norm(l[0]));
        free(a);
        free(b);
        lora_free(m);
        cr_assert_eq(merge_attenuation(&ratio, NULL, NULL, mm, (const Lora *const *)l, zero, 2, &e), OK);
        cr_assert_eq(ratio, 0);
    }
    cr_assert_eq(count, 2);
    lora_free(l[0]);
    lora_free(l[1]);
}

Test(merge, sign_symmetry_of_prime_and_its_quarter_strength)
{
    Lora *l[1] = {random_adapter(2, 2, 6)};
    double ratio, half = 0.5, minus = -1;
    Err e = {0};
    cr_assert_eq(
        merge_attenuation(&ratio, NULL, NULL, merge_find("prime"), (const Lora *const *)l, &half, 1, &e), OK);
    cr_assert_float_eq(ratio, 0.25, 1e-5);
    cr_assert_eq(
        merge_attenuation(&ratio, NULL, NULL, merge_find("prime"), (const Lora *const *)l, &minus, 1, &e),
        OK);
    cr_assert_float_eq(ratio, 1, 1e-5);
    lora_free(l[0]);
}

Test(merge, every_documented_error)
{
    Lora *l[2] = {random_adapter(2, 2, 1), random_adapter(3, 2, 2)}, *m = NULL;
    double w[2] = {1, 1}, bad[2] = {1, NAN}, ratio;
    Err e = {0}, f = {0}, g = {0}, h = {0}, k = {0};
    cr_assert_eq(merge_run(&m, merge_find("exact"), (const Lora *const *)l, w, 0, &e), ERR_ARG);
    cr_assert_eq(merge_run(&m, merge_find("exact"), (const Lora *const *)l, bad, 2, &f), ERR_ARG);
    cr_assert_not_null(strstr(f.msg, "weight 1 is nan"), "%s", f.msg);
    cr_assert_eq(merge_run(&m, merge_find("prime"), (const Lora *const *)l, w, 2, &g), ERR_UNSUP);
    l[1]->shape.n_layers = 1;
    cr_assert_eq(merge_run(&m, merge_find("exact"), (const Lora *const *)l, w, 2, &h), ERR_SHAPE);
    l[1]->shape.n_layers = 2;
    memset(l[0]->data, 0, l[0]->n_params * sizeof *l[0]->data);
    cr_assert_eq(merge_attenuation(&ratio, NULL, NULL, merge_find("exact"), (const Lora *const *)l, w, 1, &k),
                 ERR_NUM);
    cr_assert_null(m);
    cr_assert_null(merge_find("tise"));
    cr_assert_str_eq(merge_nearest("exakt"), "exact");
    lora_free(l[0]);
    lora_free(l[1]);
}
