/* Packed weights against a triple loop in double, whose factors are rounded as the type says. */
#include "prime/matpack.h"
#include "prime/par.h"
#include "prime/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More rows than a block, more columns than a tile of the kernels; distances between rows of their own. */
enum { PACK_M = 150, PACK_N = 140, PACK_K = 90, PACK_PAD = 5 };
static size_t gap; /* between rows: 0 or PACK_PAD */

typedef struct {
    float w[PACK_N * PACK_K], x[PACK_M * (PACK_K + PACK_PAD)], y[PACK_M * (PACK_N + PACK_PAD)],
        old[PACK_M * (PACK_N + PACK_PAD)];
} PackCase;

static PackCase c;

static void fill_w(const void *ctx, float *out, size_t first, size_t n)
{
    memcpy(out, (const float *)ctx + first, n * sizeof *out);
}

static void pack_random(void)
{
    Rng r = rng_stream(2, "pack", 0);
    for (size_t i = 0; i < sizeof c.w / sizeof *c.w; i++) c.w[i] = (float)rng_normal(&r);
    for (size_t i = 0; i < sizeof c.x / sizeof *c.x; i++) c.x[i] = (float)rng_normal(&r);
    for (size_t i = 0; i < sizeof c.y / sizeof *c.y; i++) c.y[i] = c.old[i] = (float)rng_normal(&r);
}

/* To the nearest of the two neighbours with 8 bits, by frexp: none of the tricks of the code under test. */
static double pack_rounded(float x, MatType type)
{
    int exponent;
    if (type == MAT_F32 || x == 0) return (double)x;
    double part = frexp((double)x, &exponent);
    return ldexp(nearbyint(ldexp(part, 8)), exponent - 8);
}

static double pack_twin(size_t i, size_t j, size_t n, size_t k, bool in_out, MatType type)
{
    double sum = 0;
    for (size_t t = 0; t < k; t++)
        sum += pack_rounded(c.x[i * (k + gap) + t], type) *
               pack_rounded(in_out ? c.w[t * n + j] : c.w[j * k + t], type);
    return sum;
}

static void pack_check(MatType type, size_t m, size_t n, size_t k, bool in_out, bool add)
{
    MatPack *p = NULL;
    Err e = {0};
    pack_random();
    cr_assert_eq(mat_pack_new(&p, type, n, k, in_out, fill_w, c.w, &e), OK, "%s", e.msg);
    mat_pack_mul(c.y, n + gap, c.x, k + gap, m, p, add);
    for (size_t i = 0; i < m * (n + gap); i++) {
        size_t row = i / (n + gap), col = i % (n + gap);
        double want = (double)c.old[i];
        if (col < n) want = (add ? want : 0) + pack_twin(row, col, n, k, in_out, type);
        cr_assert_float_eq(c.y[i], want, 1e-6 * (double)k + 1e-6,
                           "%s, %s: %zu x %zu x %zu%s%s at %zu, %zu: %g, want %g", mat_backend(),
                           mat_pack_kernel(p), m, n, k, in_out ? " in_out" : "", add ? " add" : "", row, col,
                           (double)c.y[i], want);
    }
    cr_assert_geq(mat_pack_bytes(p), n * k * (type == MAT_BF16 ? 2 : 4));
    mat_pack_free(p);
}

static void pack_check_sizes(MatType type)
{
    static const size_t size[][3] = {{1, 1, 1},     {1, 7, 2},    {3, 64, 17},
                                     {16, 65, 64},  {17, 24, 90}, {33, 72, 3},
                                     {128, 16, 32}, {130, 96, 8}, {PACK_M, PACK_N, PACK_K}};
    for (size_t s = 0; s < sizeof size / sizeof size[0]; s++)
        for (int way = 0; way < 8; way++) {
            gap = way / 4 == 1 ? PACK_PAD : 0;
            pack_check(type, size[s][0], size[s][1], size[s][2], way % 2 == 1, way / 2 % 2 == 1);
        }
}

Test(matpack, products_equal_the_triple_loop)
{
    Err e = {0};
    for (size_t i = 0; mat_backend_at(i) != NULL; i++) {
        cr_assert_eq(mat_choose(mat_backend_at(i), &e), OK, "%s", e.msg);
        for (MatType type = 0; type < MAT_TYPES; type++) pack_check_sizes(type);
    }
}

/* More shapes than are kept. */
Test(matpack, any_number_of_shapes)
{
    mat_init();
    for (size_t n = 1; n <= 12; n++)
        for (size_t k = 1; k <= 9; k++)
            for (size_t m = 1; m <= 12; m++) pack_check(MAT_F32, m, n, k, false, false);
}

typedef struct {
    const MatPack *p;
    float *y;
} PackJob;

static Status pack_job(void *ctx, size_t job, size_t thread, Err *e)
{
    (void)thread;
    (void)e;
    const PackJob *j = ctx;
    size_t m = 1 + job % PACK_M;
    mat_pack_mul(j->y + job * PACK_M * PACK_N, PACK_N, c.x, PACK_K, m, j->p, false);
    return OK;
}

Test(matpack, threads_share_a_pack)
{
    enum { JOBS = 60 };
    Err e = {0};
    mat_init();
    pack_random();
    float *y[2];
    for (size_t t = 0; t < 2; t++) {
        y[t] = calloc((size_t)JOBS * PACK_M * PACK_N, sizeof *y[t]);
        cr_assert_not_null(y[t]);
    }
    for (MatType type = 0; type < MAT_TYPES; type++) {
        PackJob j = {0};
        MatPack *p = NULL;
        cr_assert_eq(mat_pack_new(&p, type, PACK_N, PACK_K, false, fill_w, c.w, &e), OK);
        j.p = p;
        for (size_t t = 0; t < 2; t++) {
            j.y = y[t];
            cr_assert_eq(par_run(JOBS, t == 0 ? 4 : 1, pack_job, &j, &e), OK);
        }
        cr_assert_arr_eq(y[0], y[1], (size_t)JOBS * PACK_M * PACK_N * sizeof *y[0]);
        mat_pack_free(p);
    }
    free(y[0]);
    free(y[1]);
}

/* Some outputs, of each block: the very values of the triple loop, and nothing beside them is written. */
static void pack_check_some(const MatPack *p, MatType type, size_t m, size_t first, size_t n)
{
    pack_random();
    mat_pack_mul_some(c.y, n + gap, c.x, PACK_K + gap, m, p, first, n);
    for (size_t i = 0; i < m * (n + gap); i++) {
        size_t row = i / (n + gap), col = i % (n + gap);
        double want = col < n ? pack_twin(row, first + col, PACK_N, PACK_K, false, type) : (double)c.old[i];
        cr_assert_float_eq(c.y[i], want, 1e-6 * PACK_K,
                           "%s, %s: %zu rows, %zu from %zu at %zu, %zu: %g, want %g", mat_backend(),
                           mat_pack_kernel(p), m, n, first, row, col, (double)c.y[i], want);
    }
}

Test(matpack, some_outputs_are_those_of_all)
{
    static const size_t some[][2] = {{0, 64},    {0, 128}, {64, 64}, {64, PACK_N - 64}, {128, PACK_N - 128},
                                     {0, PACK_N}};
    Err e = {0};
    for (size_t i = 0; mat_backend_at(i) != NULL; i++)
        for (MatType type = 0; type < MAT_TYPES; type++) {
            MatPack *p = NULL;
            cr_assert_eq(mat_choose(mat_backend_at(i), &e), OK);
            pack_random();
            cr_assert_eq(mat_pack_new(&p, type, PACK_N, PACK_K, false, fill_w, c.w, &e), OK, "%s", e.msg);
            for (size_t k = 0; k < 2 * sizeof some / sizeof some[0]; k++) {
                gap = k % 2 == 0 ? 0 : PACK_PAD;
                pack_check_some(p, type, k % 3 == 0 ? 1 : PACK_M, some[k / 2][0], some[k / 2][1]);
            }
            mat_pack_free(p);
        }
}

static uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

Test(matpack, rounding)
{
    static const struct {
        uint32_t in;
        uint16_t out;
    } known[] = {{0x3F800000, 0x3F80}, {0x3F807FFF, 0x3F80}, {0x3F808000, 0x3F80}, /* a tie goes to even */
                 {0x3F808001, 0x3F81}, {0x3F818000, 0x3F82}, {0xBF818000, 0xBF82},
                 {0x7F800000, 0x7F80}, {0xFF800000, 0xFF80}, {0x7F7FFFFF, 0x7F80},
                 {0x00000000, 0x0000}, {0x80000000, 0x8000}, {0x00018000, 0x0002}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        float x;
        uint16_t got;
        memcpy(&x, &known[i].in, sizeof x);
        mat_bf16_round(&got, &x, 1);
        cr_assert_eq(got, known[i].out, "%08x: %04x, want %04x", known[i].in, got, known[i].out);
        mat_bf16_widen(&x, &got, 1);
        cr_assert_eq(bits_of(x), (uint32_t)got << 16);
    }
    float nan;
    uint16_t got;
    for (uint32_t bits = 0x7F800001U; bits < 0x7F820000U; bits += 0x7FFFU) {
        memcpy(&nan, &bits, sizeof nan);
        mat_bf16_round(&got, &nan, 1);
        cr_assert(got > 0x7F80, "%08x gives %04x", bits, got);
    }
}

Test(matpack, errors_and_names)
{
    Err e = {0};
    MatPack *p = NULL;
    MatType t = MAT_TYPES;
    cr_assert_eq(mat_pack_new(&p, MAT_F32, 0, 3, false, fill_w, c.w, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "a pack of 0 x 3 weights, want at least 1 x 1");
    cr_assert_eq(mat_pack_new(&p, MAT_BF16, 3, 0, false, fill_w, c.w, &e), ERR_ARG);
    cr_assert_eq(mat_pack_new(&p, MAT_BF16, (size_t)1 << 40, (size_t)1 << 40, false, fill_w, c.w, &e),
                 ERR_ARG);
    cr_assert(mat_type_named(&t, "bf16") && t == MAT_BF16);
    cr_assert(mat_type_named(&t, "f32") && t == MAT_F32);
    cr_assert(!mat_type_named(&t, "fp16"));
    mat_pack_free(NULL);
}
