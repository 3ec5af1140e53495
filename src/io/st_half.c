/* st_half.c - 16-bit floats. IEEE 754 binary16: 1 sign, 5 exponent, 10 mantissa bits; bfloat16 is the upper
 * half of a binary32. All by integer arithmetic, so that no compiler flag changes a rounding. */
#include "prime/st.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors data is little-endian and is read in place"
#endif

static uint32_t st_bits(float x)
{
    uint32_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static float st_float(uint32_t b)
{
    float x;
    memcpy(&x, &b, sizeof x);
    return x;
}

float st_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = (h >> 10) & 31u, mantissa = h & 0x3ffu;
    if (exponent == 31) return st_float(sign | 0x7f800000u | mantissa << 13);
    if (exponent != 0) return st_float(sign | (exponent + 112) << 23 | mantissa << 13);
    float tiny = (float)mantissa * 0x1p-24f; /* subnormal: exact */
    return sign != 0 ? -tiny : tiny;
}

/* v / 2^shift, rounded to nearest, ties to even; shift in 1 .. 31. */
static uint32_t st_shift_round(uint32_t v, uint32_t shift)
{
    uint32_t half = 1u << (shift - 1), rest = v & ((half << 1) - 1), q = v >> shift;
    return q + (rest > half || (rest == half && (q & 1) != 0));
}

uint16_t st_f32_to_f16(float x)
{
    uint32_t b = st_bits(x), sign = b >> 16 & 0x8000u, mag = b & 0x7fffffffu;
    if (mag > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);  /* NaN */
    if (mag >= 0x47800000u) return (uint16_t)(sign | 0x7c00u); /* 2^16 and more */
    /* Normal: move the exponent's bias from 127 to 15; a carry out of the mantissa raises the exponent, up to
     * infinity, which is the right answer. */
    if (mag >= 0x38800000u) return (uint16_t)(sign | st_shift_round(mag - 0x38000000u, 13));
    if (mag < 0x33000000u) return (uint16_t)sign; /* below half of the smallest subnormal */
    uint32_t mantissa = (mag & 0x7fffffu) | 0x800000u;
    return (uint16_t)(sign | st_shift_round(mantissa, 126 - (mag >> 23)));
}

float st_bf16_to_f32(uint16_t h)
{
    return st_float((uint32_t)h << 16);
}

uint16_t st_f32_to_bf16(float x)
{
    uint32_t b = st_bits(x);
    if ((b & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(b >> 16 | 0x40u); /* NaN, kept quiet */
    return (uint16_t)st_shift_round(b, 16);
}
