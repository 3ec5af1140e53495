/* Runs of stored values: the fast forms against the scalar ones, at every place and of every length. */
#include "prime/st.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ALL = 65536 };

/* All 65,536 patterns one byte off alignment, `step` at a time: short runs take another way than long ones.
 * The bits are those of the scalar form; a NaN is a NaN, because some processors set its quiet bit. */
static void rows_all_patterns(StType type, float (*widen)(uint16_t), size_t step)
{
    char *data = malloc(2 * ALL + 1);
    float *out = malloc(ALL * sizeof *out);
    cr_assert(data != NULL && out != NULL);
    for (uint32_t h = 0; h < ALL; h++) {
        uint16_t x = (uint16_t)h;
        memcpy(data + 1 + 2 * h, &x, 2);
    }
    for (size_t i = 0; i < ALL; i += step)
        st_rows_to_f32(out + i, data + 1, type, i, ALL - i < step ? ALL - i : step);
    for (uint32_t h = 0; h < ALL; h++) {
        float want = widen((uint16_t)h);
        cr_assert(isnan(want) ? isnan(out[h]) : memcmp(&out[h], &want, 4) == 0, "%s %04x: %a, want %a",
                  st_type_name(type), h, (double)out[h], (double)want);
        cr_assert_eq(st_rows_bad(data + 1, type, h, 1), isfinite(want) ? 1 : 0, "%04x", h);
    }
    free(data);
    free(out);
}

Test(st_rows, every_pattern_widens_as_the_scalar_does)
{
    rows_all_patterns(ST_F16, st_f16_to_f32, ALL);
    rows_all_patterns(ST_F16, st_f16_to_f32, 7);
    rows_all_patterns(ST_BF16, st_bf16_to_f32, ALL);
    rows_all_patterns(ST_BF16, st_bf16_to_f32, 7);
}

/* Stored so that value i of the array is i - 20, which all four types hold exactly. */
static void stored_rows(char *data, StType type, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double d = (double)i - 20;
        float f = (float)d;
        uint16_t h = type == ST_F16 ? st_f32_to_f16(f) : st_f32_to_bf16(f);
        const void *from = type == ST_F64 ? (const void *)&d : type == ST_F32 ? (const void *)&f : &h;
        memcpy(data + i * st_type_size(type), from, st_type_size(type));
    }
}

Test(st_rows, any_run_at_any_place)
{
    enum { N = 150 };
    static const StType types[] = {ST_F64, ST_F32, ST_F16, ST_BF16};
    char data[8 * N + 3];
    float out[N + 1];
    for (size_t k = 0; k < 4; k++)
        for (size_t shift = 0; shift < 3; shift++) {
            stored_rows(data + shift, types[k], N);
            for (size_t first = 0; first < 40; first += 13)
                for (size_t n = 0; n <= N - first; n++) {
                    out[n] = 99;
                    st_rows_to_f32(out, data + shift, types[k], first, n);
                    for (size_t i = 0; i < n; i++) cr_assert_eq(out[i], (float)(first + i) - 20);
                    cr_assert_eq(out[n], 99, "nothing behind the run is written");
                    cr_assert_eq(st_rows_bad(data + shift, types[k], first, n), n);
                }
        }
}

/* One value that is not finite among many, at the edges of the stretches that are looked over at once. */
Test(st_rows, the_first_bad_value_is_found)
{
    enum { N = 10000 };
    static const StType types[] = {ST_F64, ST_F32, ST_F16, ST_BF16};
    static const size_t at[] = {0, 1, 4095, 4096, 8191, 9999};
    static const float bad[] = {INFINITY, -INFINITY, NAN};
    char *data = malloc(8 * N + 1);
    cr_assert_not_null(data);
    for (size_t k = 0; k < 4; k++)
        for (size_t j = 0; j < 6; j++)
            for (size_t b = 0; b < 3; b++) {
                double d = (double)bad[b];
                uint16_t h = types[k] == ST_F16 ? st_f32_to_f16(bad[b]) : st_f32_to_bf16(bad[b]);
                size_t size = st_type_size(types[k]);
                memset(data, 0, 8 * N + 1);
                memcpy(data + 1 + at[j] * size,
                       size == 8   ? (const void *)&d
                       : size == 4 ? (const void *)&bad[b]
                                   : &h,
                       size);
                cr_assert_eq(st_rows_bad(data + 1, types[k], 0, N), at[j]);
                cr_assert_eq(st_rows_bad(data + 1, types[k], at[j], N - at[j]), 0);
                cr_assert_eq(st_rows_bad(data + 1, types[k], 0, at[j]), at[j], "it is behind the run");
            }
    free(data);
}

Test(st_rows, a_double_too_large_for_a_float_is_bad)
{
    double x[] = {3.4e38, -1e39};
    cr_assert_eq(st_rows_bad(x, ST_F64, 0, 2), 1);
}

Test(st_rows, only_floats_are_widened)
{
    for (int t = ST_F64; t <= ST_OTHER; t++)
        cr_assert_eq(st_is_float((StType)t), t == ST_F64 || t == ST_F32 || t == ST_F16 || t == ST_BF16);
}
