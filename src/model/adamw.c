#include "prime/adamw.h"

#include "prime/vec.h"

#include <math.h>

PRIME_CLONES void adamw_step(float *w, float *m, float *v, const float *g, size_t n, const AdamW *a,
                             size_t step)
{
    float b1 = (float)a->beta1, b2 = (float)a->beta2, decay = (float)(a->lr * a->weight_decay),
          eps = (float)a->eps;
    float rate = (float)(a->lr / (1.0 - pow(a->beta1, (double)step)));
    float v_fix = (float)(1.0 / (1.0 - pow(a->beta2, (double)step)));
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        m[i] = b1 * m[i] + (1.0f - b1) * g[i];
        v[i] = b2 * v[i] + (1.0f - b2) * g[i] * g[i];
        w[i] -= decay * w[i] + rate * m[i] / (sqrtf(v[i] * v_fix) + eps);
    }
}

double adamw_clip(float *g, size_t n, double limit)
{
    double norm = sqrt(vec_dot_d(g, g, n));
    if (limit > 0 && norm > limit) vec_scale(g, (float)(limit / norm), n);
    return norm;
}

double adamw_cosine(size_t step, size_t total, size_t warmup, double floor)
{
    if (step < warmup) return (double)(step + 1) / (double)warmup;
    if (total <= warmup) return 1;
    double t = (double)(step - warmup) / (double)(total - warmup);
    if (t > 1) t = 1;
    return floor + (1.0 - floor) * 0.5 * (1.0 + cos(3.14159265358979323846 * t));
}
