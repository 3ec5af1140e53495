#include "lora_priv.h"

#include "prime/vec.h"

/* <s B A, t D C>_F = s t sum_ij (B^T D)_ij (A C^T)_ij */
static double site_dot(const LoraSite *x, const LoraSite *y, size_t n_in, size_t n_out)
{
    double sum = 0;
    for (size_t i = 0; i < x->r; i++)
        for (size_t j = 0; j < y->r; j++) {
            double bb = 0;
            for (size_t o = 0; o < n_out; o++) bb += (double)x->b[o * x->r + i] * (double)y->b[o * y->r + j];
            sum += bb * vec_dot_d(x->a + i * n_in, y->a + j * n_in, n_in);
        }
    return sum * (double)x->scale * (double)y->scale;
}

double lora_dot_site(const Lora *x, const Lora *y, size_t site)
{
    size_t kind = site % LORA_KINDS;
    return site_dot(&x->site[site], &y->site[site], x->shape.n_in[kind], x->shape.n_out[kind]);
}

double lora_dot(const Lora *x, const Lora *y)
{
    double sum = 0;
    for (size_t i = 0; i < x->shape.n_layers * LORA_KINDS; i++) sum += lora_dot_site(x, y, i);
    return sum;
}
