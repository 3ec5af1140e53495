/* rng.h - random streams that are a function of (seed, label, index), never of thread or rank.
 * Generator: xoshiro256** (Blackman and Vigna 2018, arXiv:1805.01407), seeded through SplitMix64 over an
 * FNV-1a hash of the label. State is 32 bytes of plain data: copy it, store it, resume it. Not for
 * cryptography. */
#ifndef PRIME_RNG_H
#define PRIME_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t s[4];
} Rng;

/* rng_stream - the stream for (seed, label, index). Distinct triples give independent streams. */
Rng rng_stream(uint64_t seed, const char *label, uint64_t index);
uint64_t rng_u64(Rng *r);
/* rng_uniform - in [0, 1), 53 bits. */
double rng_uniform(Rng *r);
/* rng_normal - standard normal (Box-Muller, one value per call, two uniforms used). */
double rng_normal(Rng *r);
/* rng_ziggurat - standard normal too, of another sequence and five times as fast, for samples of searches:
 * 256 layers of equal area, one 64-bit number for most values, the exact distribution. Source: Marsaglia and
 * Tsang 2000, J. Stat. Softw. 5(8). Differs: the layer, the sign and the place in the layer are different
 * bits of a number, as Doornik 2005 asks for. */
double rng_ziggurat(Rng *r);
/* rng_below - uniform on 0 .. n-1 without bias; n > 0. */
size_t rng_below(Rng *r, size_t n);
/* rng_shuffle - Fisher-Yates on idx [n]. */
void rng_shuffle(Rng *r, size_t *idx, size_t n);
/* rng_mix - a 64-bit finaliser (SplitMix64), for counter-based draws such as dropout masks. */
uint64_t rng_mix(uint64_t x);

#endif
