/* mix.c - a weighted sum of factors, A and B apart. */
#include "prime/lora.h"

#include "prime/vec.h"

void lora_mix(float *a, float *b, const LoraSite *const *part, const double *w, size_t k, size_t n_in,
              size_t n_out)
{
    for (size_t i = 0; i < k; i++) {
        vec_axpy(a, (float)w[i], part[i]->a, part[i]->r * n_in);
        vec_axpy(b, (float)w[i], part[i]->b, part[i]->r * n_out);
    }
}
