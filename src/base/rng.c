#include "prime/rng.h"

#include <assert.h>
#include <math.h>

static const double tau = 6.283185307179586476925286766559;

uint64_t rng_mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15U;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31);
}

static uint64_t label_hash(const char *s)
{
    uint64_t h = 0xCBF29CE484222325U;
    for (; *s != '\0'; s++) h = (h ^ (unsigned char)*s) * 0x100000001B3U;
    return h;
}

Rng rng_stream(uint64_t seed, const char *label, uint64_t index)
{
    uint64_t x = rng_mix(rng_mix(rng_mix(seed) ^ label_hash(label)) ^ index);
    Rng r;
    for (int i = 0; i < 4; i++) r.s[i] = x = rng_mix(x + (uint64_t)i);
    return r;
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t rng_u64(Rng *r)
{
    uint64_t *s = r->s;
    uint64_t out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

double rng_uniform(Rng *r)
{
    return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

double rng_normal(Rng *r)
{
    double u = 1.0 - rng_uniform(r); /* (0, 1]: the logarithm is finite */
    double v = rng_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(tau * v);
}

size_t rng_below(Rng *r, size_t n)
{
    assert(n > 0);
    uint64_t limit = UINT64_MAX - UINT64_MAX % n, x;
    do x = rng_u64(r);
    while (x >= limit);
    return (size_t)(x % n);
}

void rng_shuffle(Rng *r, size_t *idx, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = rng_below(r, i), t = idx[i - 1];
        idx[i - 1] = idx[j];
        idx[j] = t;
    }
}
