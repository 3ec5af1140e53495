#include "rng_layers.h"

#include "prime/rng.h"

#include <math.h>

static double layer_height(double x)
{
    return exp(-0.5 * x * x);
}

/* Beyond x[1], by an exponential distribution (Marsaglia 1964). */
static double layer_tail(Rng *r)
{
    double x, y;
    do {
        x = -log(1.0 - rng_uniform(r)) / rng_layer[1];
        y = -log(1.0 - rng_uniform(r));
    } while (2 * y < x * x);
    return rng_layer[1] + x;
}

double rng_ziggurat(Rng *r)
{
    for (;;) {
        uint64_t u = rng_u64(r);
        unsigned i = u & (RNG_LAYERS - 1);
        double sign = u & RNG_LAYERS ? -1.0 : 1.0, x = (double)(u >> 11) * 0x1p-53 * rng_layer[i];
        if (x < rng_layer[i + 1]) return sign * x;
        if (i == 0) return sign * layer_tail(r);
        double low = layer_height(rng_layer[i]), high = layer_height(rng_layer[i + 1]);
        if (low + rng_uniform(r) * (high - low) < layer_height(x)) return sign * x;
    }
}
