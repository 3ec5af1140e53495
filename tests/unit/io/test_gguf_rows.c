/* Values of GGUF's types: quantised here by the definition, and read back exactly. */
#include "prime/gguf.h"
#include "prime/st.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 5, N = BLOCKS * GGUF_BLOCK };

/* Fills block b and says what its values are: scales of both signs, a subnormal one, and zero. */
static const float block_scale[BLOCKS] = {0.125f, -3, 65504, 0x1p-24f, 0};

static int block_q(size_t b, size_t i, int levels)
{
    return (int)((i * 7 + b * 5 + i * i) % (size_t)levels);
}

static void rows_make_q8_0(char *data, float want[N])
{
    for (size_t b = 0; b < BLOCKS; b++) {
        uint16_t d = st_f32_to_f16(block_scale[b]);
        memcpy(data + 34 * b, &d, 2);
        for (size_t i = 0; i < GGUF_BLOCK; i++) {
            int8_t q = (int8_t)(block_q(b, i, 256) - 128);
            memcpy(data + 34 * b + 2 + i, &q, 1);
            want[b * GGUF_BLOCK + i] = (float)q * block_scale[b];
        }
    }
}

static void rows_make_q4_0(char *data, float want[N])
{
    for (size_t b = 0; b < BLOCKS; b++) {
        uint16_t d = st_f32_to_f16(block_scale[b]);
        memcpy(data + 18 * b, &d, 2);
        for (size_t i = 0; i < 16; i++) {
            int low = block_q(b, i, 16), high = block_q(b, i + 16, 16);
            uint8_t both = (uint8_t)(low | high << 4);
            memcpy(data + 18 * b + 2 + i, &both, 1);
            want[b * GGUF_BLOCK + i] = (float)(low - 8) * block_scale[b];
            want[b * GGUF_BLOCK + 16 + i] = (float)(high - 8) * block_scale[b];
        }
    }
}

static void rows_make_plain(char *data, float want[N], GgufType type)
{
    for (size_t i = 0; i < N; i++) {
        uint16_t h = (uint16_t)(i * 401 % 0x7c00);
        want[i] = type == GGUF_F32 ? sinf((float)i) : type == GGUF_F16 ? st_f16_to_f32(h) : st_bf16_to_f32(h);
        if (type == GGUF_F32)
            memcpy(data + 4 * i, &want[i], 4);
        else
            memcpy(data + 2 * i, &h, 2);
    }
}

static void rows_make(char *data, float want[N], GgufType type)
{
    if (type == GGUF_Q8_0)
        rows_make_q8_0(data, want);
    else if (type == GGUF_Q4_0)
        rows_make_q4_0(data, want);
    else
        rows_make_plain(data, want, type);
}

static const GgufType all_types[] = {GGUF_F32, GGUF_F16, GGUF_BF16, GGUF_Q8_0, GGUF_Q4_0};

Test(gguf_rows, any_run_of_any_type_is_exact)
{
    char data[4 * N + 1];
    float want[N], out[N + 1];
    for (size_t k = 0; k < 5; k++) {
        rows_make(data + 1, want, all_types[k]);
        for (size_t first = 0; first <= N; first++)
            for (size_t n = 0; n <= N - first; n += 1 + n / 9) {
                out[n] = 99;
                gguf_rows_to_f32(out, data + 1, all_types[k], first, n);
                cr_assert_eq(memcmp(out, want + first, n * sizeof *out), 0, "%s %zu %zu",
                             gguf_type_name(all_types[k]), first, n);
                cr_assert_eq(out[n], 99, "nothing behind the run is written");
                cr_assert_eq(gguf_rows_bad(data + 1, all_types[k], first, n), n);
            }
    }
}

/* Rounding to 8 bits loses at most half a step of max|x|/127, plus that of the scale's own rounding. */
Test(gguf_rows, eight_bits_keep_a_block_close)
{
    char block[34];
    float x[GGUF_BLOCK], out[GGUF_BLOCK], most = 0;
    for (size_t i = 0; i < GGUF_BLOCK; i++) x[i] = cosf((float)i * 1.7f) * 3;
    for (size_t i = 0; i < GGUF_BLOCK; i++) most = fmaxf(most, fabsf(x[i]));
    uint16_t d = st_f32_to_f16(most / 127);
    memcpy(block, &d, 2);
    for (size_t i = 0; i < GGUF_BLOCK; i++) {
        int8_t q = (int8_t)lrintf(x[i] / (most / 127));
        memcpy(block + 2 + i, &q, 1);
    }
    gguf_rows_to_f32(out, block, GGUF_Q8_0, 0, GGUF_BLOCK);
    for (size_t i = 0; i < GGUF_BLOCK; i++)
        cr_assert_leq(fabsf(out[i] - x[i]), most / 127 / 2 * 1.0001f + most / 2048);
}

/* A scale that is not finite spoils its whole block, and no other. */
Test(gguf_rows, a_bad_scale_is_found)
{
    char data[4 * N];
    float want[N];
    static const float bad[] = {INFINITY, -INFINITY, NAN};
    for (size_t k = 3; k < 5; k++)
        for (size_t b = 0; b < BLOCKS; b++)
            for (size_t j = 0; j < 3; j++) {
                uint16_t d = st_f32_to_f16(bad[j]);
                size_t at = b * GGUF_BLOCK;
                float out[GGUF_BLOCK];
                rows_make(data, want, all_types[k]);
                memcpy(data + b * (all_types[k] == GGUF_Q8_0 ? 34 : 18), &d, 2);
                cr_assert_eq(gguf_rows_bad(data, all_types[k], 0, N), at);
                cr_assert_eq(gguf_rows_bad(data, all_types[k], 0, at), at);
                cr_assert_eq(gguf_rows_bad(data, all_types[k], at + 5, 1), 0);
                cr_assert_eq(gguf_rows_bad(data, all_types[k], at + 5, 0), 0);
                cr_assert_eq(gguf_rows_bad(data, all_types[k], at + 32, N - at - 32), N - at - 32);
                gguf_rows_to_f32(out, data, all_types[k], at, GGUF_BLOCK);
                for (size_t i = 0; i < GGUF_BLOCK; i++) cr_assert_not(isfinite(out[i]));
            }
}

Test(gguf_rows, plain_types_are_searched_too)
{
    static const float x[] = {1, 2, INFINITY, 4};
    static const uint16_t h[] = {0, 0x7c00, 0};
    cr_assert_eq(gguf_rows_bad(x, GGUF_F32, 0, 4), 2);
    cr_assert_eq(gguf_rows_bad(h, GGUF_F16, 0, 3), 1);
    cr_assert_eq(gguf_rows_bad(h, GGUF_BF16, 0, 3), 3, "0x7c00 is 2^121 there");
}

Test(gguf_rows, types_have_names)
{
    cr_assert_str_eq(gguf_type_name(GGUF_F32), "F32");
    cr_assert_str_eq(gguf_type_name(GGUF_Q4_0), "Q4_0");
    cr_assert_str_eq(gguf_type_name(GGUF_Q8_0), "Q8_0");
    cr_assert_str_eq(gguf_type_name(12), "Q4_K");
    cr_assert_str_eq(gguf_type_name(GGUF_BF16), "BF16");
    cr_assert_str_eq(gguf_type_name(39), "MXFP4");
    cr_assert_str_eq(gguf_type_name(UINT32_MAX), "unknown");
}

/* The converter, by the letter: [H, 2, half, in] -> [H, half, 2, in]. */
static void rows_permute(int *out, const int *w, size_t heads, size_t half, size_t in)
{
    for (size_t h = 0; h < heads; h++)
        for (size_t a = 0; a < 2; a++)
            for (size_t j = 0; j < half; j++)
                memcpy(out + ((h * half + j) * 2 + a) * in, w + ((h * 2 + a) * half + j) * in,
                       in * sizeof *w);
}

Test(gguf_rows, rotary_rows_come_back)
{
    enum { HEADS = 3, IN = 2 };
    int w[HEADS * 16 * IN], file[HEADS * 16 * IN];
    for (size_t half = 1; half <= 8; half++) {
        size_t rows = HEADS * 2 * half;
        for (size_t i = 0; i < rows * IN; i++) w[i] = (int)i;
        rows_permute(file, w, HEADS, half, IN);
        for (size_t r = 0; r < rows; r++)
            cr_assert_eq(memcmp(file + gguf_rope_row(r, 2 * half) * IN, w + r * IN, IN * sizeof *w), 0);
    }
    cr_assert_eq(gguf_rope_row(1, 8), 2);
    cr_assert_eq(gguf_rope_row(4, 8), 1);
    cr_assert_eq(gguf_rope_row(8 + 5, 8), 8 + 3);
}
