/* st_rows.c - runs of stored values, widened or looked over. Values may start at any byte, so each is copied
 * out by memcpy, which compiles to a plain load; the loops hold no branch, so that the compiler makes vectors
 * of them. Where the processor has an instruction for binary16 it does most of the work. */
#include "prime/st.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

enum { LOOK = 4096 }; /* values looked over between two decisions */

static void st_from_f32(float *out, const char *data, size_t n)
{
    if (n > 0) memcpy(out, data, n * sizeof *out);
}

/* The scalar form, st_f16_to_f32, as three candidates and two choices. A subnormal m / 2^24 is the difference
 * of two floats with exponent 2^-14: exact, and no subnormal takes part. */
static void st_from_f16_rest(float *restrict out, const char *restrict data, size_t n)
{
    const uint32_t rebias = 112u << 23, least = 113u << 23;
    float base;
    memcpy(&base, &least, sizeof base);
    for (size_t i = 0; i < n; i++) {
        uint16_t h;
        memcpy(&h, data + i * sizeof h, sizeof h);
        uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = h & 0x7c00u, body = (h & 0x7fffu) * 8192u;
        uint32_t tiny_bits = body + least, bits = body + (exponent == 0x7c00u ? 2 * rebias : rebias);
        float tiny;
        memcpy(&tiny, &tiny_bits, sizeof tiny);
        tiny -= base;
        memcpy(&tiny_bits, &tiny, sizeof tiny);
        bits = (exponent == 0 ? tiny_bits : bits) | sign;
        memcpy(&out[i], &bits, sizeof bits);
    }
}

/* Whole eights of the values, where the processor converts them itself; returns how many that were. All
 * processors with AVX2 do. */
#ifdef __x86_64__
static size_t st_from_f16_eights(float *restrict out, const char *restrict data, size_t n)
    __attribute__((target("avx,f16c")));
static size_t st_from_f16_eights(float *restrict out, const char *restrict data, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(data + 2 * i))));
    return i;
}

#endif

static size_t st_from_f16_most(float *restrict out, const char *restrict data, size_t n)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) return st_from_f16_eights(out, data, n);
#endif
    (void)out;
    (void)data;
    (void)n;
    return 0;
}

static void st_from_f16(float *restrict out, const char *restrict data, size_t n)
{
    size_t i = st_from_f16_most(out, data, n);
    st_from_f16_rest(out + i, data + 2 * i, n - i);
}

static void st_from_bf16(float *restrict out, const char *restrict data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t h;
        memcpy(&h, data + i * sizeof h, sizeof h);
        uint32_t bits = (uint32_t)h << 16;
        memcpy(&out[i], &bits, sizeof bits);
    }
}

static void st_from_f64(float *restrict out, const char *restrict data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double x;
        memcpy(&x, data + i * sizeof x, sizeof x);
        out[i] = (float)x;
    }
}

/* Is there a value whose exponent is all ones? That is what infinities and NaN have in common. */
static bool st_odd_16(const char *data, size_t n, uint16_t exponent)
{
    uint16_t odd = 0;
    for (size_t i = 0; i < n; i++) {
        uint16_t h;
        memcpy(&h, data + i * sizeof h, sizeof h);
        odd |= (h & exponent) == exponent;
    }
    return odd != 0;
}

static bool st_odd_f16(const char *data, size_t n)
{
    return st_odd_16(data, n, 0x7c00u);
}

static bool st_odd_bf16(const char *data, size_t n)
{
    return st_odd_16(data, n, 0x7f80u);
}

static bool st_odd_f32(const char *data, size_t n)
{
    uint32_t odd = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t b;
        memcpy(&b, data + i * sizeof b, sizeof b);
        odd |= (b & 0x7f800000u) == 0x7f800000u;
    }
    return odd != 0;
}

/* As floats: a finite double that is too large for them counts as infinite, because that is what it becomes.
 */
static bool st_odd_f64(const char *data, size_t n)
{
    uint32_t odd = 0;
    for (size_t i = 0; i < n; i++) {
        double x;
        memcpy(&x, data + i * sizeof x, sizeof x);
        odd |= isfinite((float)x) ? 0u : 1u;
    }
    return odd != 0;
}

typedef struct {
    size_t size;
    void (*widen)(float *out, const char *data, size_t n);
    bool (*odd)(const char *data, size_t n);
} RowType;

static const RowType row_types[ST_OTHER + 1] = {[ST_F64] = {8, st_from_f64, st_odd_f64},
                                                [ST_F32] = {4, st_from_f32, st_odd_f32},
                                                [ST_F16] = {2, st_from_f16, st_odd_f16},
                                                [ST_BF16] = {2, st_from_bf16, st_odd_bf16}};

bool st_is_float(StType t)
{
    return row_types[t].widen != NULL;
}

void st_rows_to_f32(float *out, const void *data, StType type, size_t first, size_t n)
{
    assert(st_is_float(type));
    const RowType *r = &row_types[type];
    r->widen(out, (const char *)data + first * r->size, n);
}

size_t st_rows_bad(const void *data, StType type, size_t first, size_t n)
{
    assert(st_is_float(type));
    const RowType *r = &row_types[type];
    const char *at = (const char *)data + first * r->size;
    size_t i = 0;
    while (i < n) {
        size_t take = n - i < LOOK ? n - i : LOOK;
        if (r->odd(at + i * r->size, take)) break;
        i += take;
    }
    while (i < n && !r->odd(at + i * r->size, 1)) i++;
    return i;
}
