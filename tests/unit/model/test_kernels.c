/* The kernels of a layer against direct implementations in double: forward values, and every backward against
 * central differences of that implementation. */
#include "../../../src/model/kernels.h"

#include "prime/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double fwd_tolerance = 2e-6, grad_tolerance = 2e-5; /* relative to 1 + |value| */

static float *kern_normals(size_t n, uint64_t seed)
{
    Rng r = rng_stream(seed, "kernels", n);
    float *x = malloc((n + 1) * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = (float)rng_normal(&r);
    return x;
}

static double *kern_widen(const float *x, size_t n)
{
    double *y = malloc((n + 1) * sizeof *y);
    for (size_t i = 0; i < n; i++) y[i] = (double)x[i];
    return y;
}

static void kern_near(double got, double want, double tolerance, const char *what, size_t i)
{
    cr_assert_float_eq(got, want, tolerance * (1 + fabs(want)), "%s %zu: %g, want %g", what, i, got, want);
}

/* A scalar of many variables, for differences. */
typedef double (*KernFn)(const void *ctx);

/* got [n] against the central differences of f in the variables x [n], every stride-th of them; `before` is
 * what the kernel added its gradient to. */
static void kern_check_grad(const float *got, const float *before, double *x, size_t n, size_t stride,
                            KernFn f, const void *ctx, const char *what)
{
    const double h = 1e-5;
    for (size_t i = 0; i < n; i += stride) {
        double keep = x[i], up, down;
        x[i] = keep + h;
        up = f(ctx);
        x[i] = keep - h;
        down = f(ctx);
        x[i] = keep;
        kern_near((double)got[i], (up - down) / (2 * h) + (before != NULL ? (double)before[i] : 0),
                  grad_tolerance, what, i);
    }
}

/* ---- norm ---- */

enum { NORM_N = 3, NORM_C = 37 };

typedef struct {
    double *x, *w, *b, *r; /* inputs, weights, shifts, and what the outputs are weighted by */
    NormKind kind;
    double eps;
} NormCase;

static double kern_norm_one(const NormCase *k, size_t i, size_t j)
{
    const double *x = k->x + i * NORM_C;
    double mean = 0, square = 0;
    for (size_t c = 0; c < NORM_C && k->kind == NORM_LAYER; c++) mean += x[c] / NORM_C;
    for (size_t c = 0; c < NORM_C; c++) square += (x[c] - mean) * (x[c] - mean) / NORM_C;
    double w = k->kind == NORM_RMS_PLUS1 ? 1 + k->w[j] : k->w[j];
    return (x[j] - mean) / sqrt(square + k->eps) * w + (k->kind == NORM_LAYER ? k->b[j] : 0);
}

static double kern_norm_sum(const void *ctx)
{
    const NormCase *k = ctx;
    double s = 0;
    for (size_t i = 0; i < NORM_N; i++)
        for (size_t j = 0; j < NORM_C; j++) s += k->r[i * NORM_C + j] * kern_norm_one(k, i, j);
    return s;
}

static void kern_check_norm(NormKind kind)
{
    size_t n = NORM_N * NORM_C;
    float *x = kern_normals(n, 1), *w = kern_normals(NORM_C, 2), *r = kern_normals(n, 3);
    float *dx = kern_normals(n, 4), *dw = kern_normals(NORM_C, 5), *dx0 = kern_normals(n, 4),
          *dw0 = kern_normals(NORM_C, 5), *b = kern_normals(NORM_C, 6), *db = kern_normals(NORM_C, 7),
          *db0 = kern_normals(NORM_C, 7), *shift = kind == NORM_LAYER ? b : NULL;
    float out[NORM_N * NORM_C], stat[2 * NORM_N];
    NormCase k = {
        kern_widen(x, n), kern_widen(w, NORM_C), kern_widen(b, NORM_C), kern_widen(r, n), kind, 1e-3};
    norm_fwd(out, stat, x, w, shift, NORM_N, NORM_C, kind, k.eps);
    for (size_t i = 0; i < n; i++)
        kern_near((double)out[i], kern_norm_one(&k, i / NORM_C, i % NORM_C), fwd_tolerance, "norm", i);
    norm_bwd(dx, dw, shift != NULL ? db : NULL, r, x, w, stat, NORM_N, NORM_C, kind);
    kern_check_grad(dx, dx0, k.x, n, 1, kern_norm_sum, &k, "norm dx");
    kern_check_grad(dw, dw0, k.w, NORM_C, 1, kern_norm_sum, &k, "norm dw");
    if (shift != NULL) kern_check_grad(db, db0, k.b, NORM_C, 1, kern_norm_sum, &k, "norm db");
    float *again = kern_normals(n, 4);
    norm_bwd(again, NULL, NULL, r, x, w, stat, NORM_N, NORM_C, kind);
    cr_assert(memcmp(again, dx, n * sizeof *dx) == 0, "dx does not depend on whether dw is wanted");
    memset(x, 0, n * sizeof *x); /* a row of zeros stays one, but for the shift */
    norm_fwd(x, stat, x, w, shift, NORM_N, NORM_C, kind, k.eps);
    for (size_t i = 0; i < n; i++) cr_assert_eq(x[i], shift != NULL ? b[i % NORM_C] : 0);
    float *all[] = {x, w, r, dx, dw, dx0, dw0, again, b, db, db0};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
    double *wide[] = {k.x, k.w, k.b, k.r};
    for (size_t i = 0; i < 4; i++) free(wide[i]);
}

Test(kernels, norms_forward_and_backward)
{
    kern_check_norm(NORM_RMS);
    kern_check_norm(NORM_RMS_PLUS1);
    kern_check_norm(NORM_LAYER);
}

/* ---- rotary positions ---- */

/* The first DIM entries of each head are turned, the others and what lies behind the heads are not. */
static void kern_check_rope(size_t dim, double gain)
{
    enum { N = 5, HEADS = 3, D = 12, LD = HEADS * D + 7 };
    float co[N * D / 2], si[N * D / 2];
    double freq[D / 2];
    size_t half = dim / 2;
    static const size_t pos[N] = {0, 1, 49, 7, 7};
    for (size_t j = 0; j < half; j++) freq[j] = pow(10000.0, -2.0 * (double)j / (double)dim);
    for (size_t i = 0; i < N; i++)
        rope_angles(co + i * half, si + i * half, freq, (double)pos[i], gain, half);
    float *x = kern_normals(N * LD, 6), *y = kern_normals(N * LD, 6);
    rope_apply(y, LD, co, si, N, HEADS, D, dim, 1);
    for (size_t i = 0; i < N; i++)
        for (size_t c = 0; c < LD; c++) {
            size_t j = c % D, head = c - j, pair = j % half;
            if (c >= HEADS * D || j >= dim) {
                cr_assert_eq(y[i * LD + c], x[i * LD + c]);
                continue;
            }
            double u = (double)x[i * LD + head + pair], v = (double)x[i * LD + head + pair + half],
                   angle = (double)pos[i] * freq[pair];
            double want = j < half ? u * cos(angle) - v * sin(angle) : v * cos(angle) + u * sin(angle);
            kern_near((double)y[i * LD + c], gain * want, fwd_tolerance, "rope", i * LD + c);
        }
    rope_apply(y, LD, co, si, N, HEADS, D, dim, -1);
    for (size_t i = 0; i < N * LD; i++) {
        bool turned = i % LD < HEADS * D && i % LD % D < dim;
        kern_near((double)y[i], (double)x[i] * (turned ? gain * gain : 1), fwd_tolerance, "rope undone", i);
    }
    free(x);
    free(y);
}

Test(kernels, rope_rotates_and_undoes)
{
    kern_check_rope(12, 1);
    kern_check_rope(4, 1);
    kern_check_rope(12, 1.25);
}

/* ---- gated feed-forward ---- */

enum { SW_N = 2, SW_F = 261 }; /* over the tile of 256 */

typedef struct {
    double *gu, *r;
    ActKind kind;
    bool gated;
} ActCase;

static double kern_act(ActKind kind, double x)
{
    if (kind == ACT_RELU) return x > 0 ? x : 0;
    if (kind == ACT_SILU) return x / (1 + exp(-x));
    if (kind == ACT_GELU) return 0.5 * x * erfc(-x / sqrt(2));
    return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

static double kern_act_one(const ActCase *k, size_t i, size_t j)
{
    const double *row = k->gu + i * (k->gated ? 2 : 1) * SW_F;
    return kern_act(k->kind, row[j]) * (k->gated ? row[SW_F + j] : 1);
}

static double kern_act_sum(const void *ctx)
{
    const ActCase *k = ctx;
    double s = 0;
    for (size_t i = 0; i < SW_N * SW_F; i++) s += k->r[i] * kern_act_one(k, i / SW_F, i % SW_F);
    return s;
}

static void kern_check_act(ActKind kind, bool gated)
{
    size_t n = (gated ? 2 : 1) * SW_N * SW_F;
    float *gu = kern_normals(n, 7), *r = kern_normals(SW_N * SW_F, 8);
    float act[SW_N * SW_F], *dgu = kern_normals(n, 9);
    gu[0] = 30; /* where the functions are x or 0 to the last bit */
    gu[1] = -30;
    gu[2] = 0.001f;
    ActCase k = {kern_widen(gu, n), kern_widen(r, SW_N * SW_F), kind, gated};
    act_fwd(act, gu, SW_N, SW_F, kind, gated);
    for (size_t i = 0; i < SW_N * SW_F; i++)
        kern_near((double)act[i], kern_act_one(&k, i / SW_F, i % SW_F), fwd_tolerance, "activation", i);
    act_bwd(dgu, r, gu, SW_N, SW_F, kind, gated); /* written, not added */
    kern_check_grad(dgu, NULL, k.gu, n, 1, kern_act_sum, &k, "activation dgu");
    free(gu);
    free(r);
    free(dgu);
    free(k.gu);
    free(k.r);
}

Test(kernels, activations_forward_and_backward)
{
    for (int kind = 0; kind < ACT_KINDS; kind++) {
        kern_check_act((ActKind)kind, true);
        kern_check_act((ActKind)kind, false);
    }
}

/* ---- dropout ---- */

Test(kernels, dropout_keeps_the_right_share)
{
    enum { N = 200000 };
    float *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y), *z = calloc(N, sizeof *z);
    for (size_t i = 0; i < N; i++) x[i] = (float)(i + 1);
    static const double ps[] = {0.05, 0.3, 0.9};
    for (size_t k = 0; k < 3; k++) {
        double p = ps[k];
        size_t kept = 0, same = 0;
        dropout_apply(y, x, N, p, 77, 0);
        for (size_t i = 0; i < N; i++) {
            kept += y[i] != 0;
            cr_assert(y[i] == 0 || fabs((double)y[i] * (1 - p) / (double)x[i] - 1) < 1e-6);
        }
        double sd = sqrt(p * (1 - p) / N);
        cr_assert_float_eq((double)kept / N, 1 - p, 5 * sd, "p %g: kept %zu", p, kept);
        dropout_apply(z, x, N, p, 78, 0); /* another key, another mask */
        for (size_t i = 0; i < N; i++) same += (y[i] != 0) == (z[i] != 0);
        cr_assert_float_eq((double)same / N, p * p + (1 - p) * (1 - p), 0.01);
    }
    free(x);
    free(y);
    free(z);
}

Test(kernels, dropout_apply_and_add_share_one_mask)
{
    enum { N = 1000 };
    float *x = kern_normals(N, 10), *sum = kern_normals(N, 11), *before = kern_normals(N, 11), y[N];
    dropout_apply(y, x, N, 0.4, 5, 0);
    dropout_add(sum, x, N, 0.4, 5, 0);
    for (size_t i = 0; i < N; i++) cr_assert_float_eq(sum[i], (double)before[i] + (double)y[i], 1e-6);
    float *in_place = kern_normals(N, 10);
    dropout_apply(in_place, in_place, N, 0.4, 5, 0);
    cr_assert(memcmp(in_place, y, sizeof y) == 0);
    dropout_apply(y, x, N, 0, 5, 0);
    cr_assert(memcmp(x, y, sizeof y) == 0, "p = 0 drops nothing");
    free(x);
    free(sum);
    free(before);
    free(in_place);
}

/* ---- attention ---- */

/* Queries q [n, H*D] at the end of keys and values [keys, G*D], all packed, in double. */
typedef struct {
    size_t n, keys, heads, kv_heads, d;
    double *q, *k, *v, *r;
    double softcap;
    size_t window;
} AttnCase;

static void kern_attn_direct(double *out, double *p, const AttnCase *c, size_t i, size_t h)
{
    size_t g = h / (c->heads / c->kv_heads), sees = c->keys - c->n + i + 1, W = c->kv_heads * c->d;
    double sum = 0, *o = out + i * c->heads * c->d + h * c->d;
    const double *q = c->q + i * c->heads * c->d + h * c->d;
    size_t from = c->window > 0 && sees > c->window ? sees - c->window : 0;
    for (size_t j = from; j < sees; j++) {
        double dot = 0;
        for (size_t x = 0; x < c->d; x++) dot += q[x] * c->k[j * W + g * c->d + x];
        dot /= sqrt((double)c->d);
        p[j] = exp(c->softcap > 0 ? c->softcap * tanh(dot / c->softcap) : dot);
        sum += p[j];
    }
    for (size_t x = 0; x < c->d; x++) {
        o[x] = 0;
        for (size_t j = from; j < sees; j++) o[x] += p[j] / sum * c->v[j * W + g * c->d + x];
    }
}

static double *kern_attn_twin(const AttnCase *c)
{
    double *out = malloc(c->n * c->heads * c->d * sizeof *out), *p = malloc(c->keys * sizeof *p);
    for (size_t i = 0; i < c->n; i++)
        for (size_t h = 0; h < c->heads; h++) kern_attn_direct(out, p, c, i, h);
    free(p);
    return out;
}

static double kern_attn_sum(const void *ctx)
{
    const AttnCase *c = ctx;
    double *out = kern_attn_twin(c), s = 0;
    for (size_t i = 0; i < c->n * c->heads * c->d; i++) s += out[i] * c->r[i];
    free(out);
    return s;
}

/* Forward over the keys cut in two spans at `cut` (0: one span), with gaps between all rows. */
static void check_attn_with(size_t n, size_t keys, size_t cut, size_t heads, size_t kv_heads, size_t d,
                            double softcap, size_t window)
{
    size_t Q = heads * d, W = kv_heads * d, ldq = Q + 3, ldo = Q + 5, ld = 2 * W + 1;
    float *q = kern_normals(n * ldq, 20), *kv = kern_normals(keys * ld, 21),
          *out = malloc(n * ldo * sizeof *out), *work = malloc(attn_work(keys, d) * sizeof *work);
    AttnCase c = {n,
                  keys,
                  heads,
                  kv_heads,
                  d,
                  malloc(n * Q * sizeof(double)),
                  malloc(keys * W * sizeof(double)),
                  malloc(keys * W * sizeof(double)),
                  NULL,
                  softcap,
                  window};
    AttnShape shape = {heads, kv_heads, d, 1 / sqrtf((float)d), (float)softcap, window, NULL};
    for (size_t i = 0; i < n * Q; i++) c.q[i] = (double)q[i / Q * ldq + i % Q];
    for (size_t i = 0; i < keys * W; i++) c.k[i] = (double)kv[i / W * ld + i % W];
    for (size_t i = 0; i < keys * W; i++) c.v[i] = (double)kv[i / W * ld + W + i % W];
    AttnSpan span[2] = {{kv, kv + W, ld, cut}, {kv + cut * ld, kv + cut * ld + W, ld, keys - cut}};
    attn_fwd(out, ldo, q, ldq, cut > 0 ? span : span + 1, cut > 0 ? 2 : 1, n, &shape, work);
    double *want = kern_attn_twin(&c);
    for (size_t i = 0; i < n * Q; i++)
        kern_near((double)out[i / Q * ldo + i % Q], want[i], 5 * fwd_tolerance, "attention", i);
    float *floats[] = {q, kv, out, work};
    for (size_t i = 0; i < 4; i++) free(floats[i]);
    double *doubles[] = {c.q, c.k, c.v, want};
    for (size_t i = 0; i < 4; i++) free(doubles[i]);
}

static void check_attn_fwd(size_t n, size_t keys, size_t cut, size_t heads, size_t kv_heads, size_t d)
{
    check_attn_with(n, keys, cut, heads, kv_heads, d, 0, 0);
    check_attn_with(n, keys, cut, heads, kv_heads, d, 1.5, 0);
    check_attn_with(n, keys, cut, heads, kv_heads, d, 0, 1);  /* itself alone */
    check_attn_with(n, keys, cut, heads, kv_heads, d, 0, 13); /* over the border of spans and tiles */
    check_attn_with(n, keys, cut, heads, kv_heads, d, 0.5, 80);
}

Test(kernels, attention_forward)
{
    check_attn_fwd(1, 1, 0, 2, 1, 4);      /* the first token */
    check_attn_fwd(1, 90, 0, 4, 2, 8);     /* one step of decoding */
    check_attn_fwd(1, 90, 60, 4, 4, 8);    /* behind a shared prompt */
    check_attn_fwd(1, 33, 20, 2, 1, 32);   /* heads of whole vectors */
    check_attn_fwd(1, 33, 7, 2, 2, 22);    /* and with a rest */
    check_attn_fwd(1, 21, 9, 70, 7, 8);    /* and more of them than scores have room for */
    check_attn_fwd(9, 9, 0, 6, 2, 16);     /* a short prompt */
    check_attn_fwd(150, 150, 0, 2, 1, 12); /* several tiles */
    check_attn_fwd(64, 64, 0, 1, 1, 8);    /* exactly one */
    check_attn_fwd(10, 75, 65, 4, 2, 8);   /* an answer behind a shared prompt */
    check_attn_fwd(70, 75, 3, 2, 2, 8);    /* several tiles behind one */
    check_attn_fwd(5, 40, 20, 2, 2, 8);    /* new tokens behind own earlier ones */
    check_attn_fwd(7, 50, 21, 4, 2, 40);   /* heads of vectors and a rest */
    check_attn_fwd(6, 37, 0, 2, 1, 16);    /* of one vector */
    check_attn_fwd(3, 100, 33, 2, 1, 80);  /* of an odd number */
    check_attn_fwd(150, 150, 1, 3, 3, 64); /* of whole pairs, several tiles */
}

/* What a query sees does not depend on which others are asked with it, nor on how its keys are cut: the same
 * bits. */
Test(kernels, attention_of_a_query_is_its_own)
{
    enum { KEYS = 83, HEADS = 4, KV = 2, D = 24, Q = HEADS * D, W = KV * D, LD = 2 * W };
    float *q = kern_normals(KEYS * Q, 40), *kv = kern_normals(KEYS * LD, 41),
          *work = malloc(attn_work(KEYS, D) * sizeof *work), *all = malloc(KEYS * Q * sizeof *all),
          *some = malloc(KEYS * Q * sizeof *some);
    for (size_t window = 0; window < 60; window += 29) {
        AttnShape shape = {HEADS, KV, D, 1 / sqrtf(D), 0, window, NULL};
        AttnSpan whole = {kv, kv + W, LD, KEYS};
        attn_fwd(all, Q, q, Q, &whole, 1, KEYS, &shape, work);
        for (size_t n = 2; n < KEYS; n += 3) {
            AttnSpan cut[2] = {{kv, kv + W, LD, n}, {kv + n * LD, kv + n * LD + W, LD, KEYS - n}};
            attn_fwd(some, Q, q + (KEYS - n) * Q, Q, cut, 2, n, &shape, work);
            cr_assert_arr_eq(some, all + (KEYS - n) * Q, n * Q * sizeof *some, "window %zu, %zu queries",
                             window, n);
        }
    }
    float *floats[] = {q, kv, work, all, some};
    for (size_t i = 0; i < 5; i++) free(floats[i]);
}

/* q, k, v of a token side by side, as a pass holds them. keep: the way there leaves its probabilities. */
static void check_attn_bwd(double softcap, size_t window, bool keep)
{
    enum { N = 70, HEADS = 4, KV = 2, D = 6, Q = HEADS * D, W = KV * D, LD = Q + 2 * W, LDO = Q + 3 };
    float *qkv = kern_normals(N * LD, 30), *dout = kern_normals(N * LDO, 31),
          *dqkv = calloc(N * LD, sizeof *dqkv), *work = malloc(3 * ATTN_TILE * N * sizeof *work);
    AttnCase c = {N,
                  N,
                  HEADS,
                  KV,
                  D,
                  malloc(N * Q * sizeof(double)),
                  malloc(N * W * sizeof(double)),
                  malloc(N * W * sizeof(double)),
                  malloc(N * Q * sizeof(double)),
                  softcap,
                  window};
    AttnShape shape = {HEADS, KV, D, 1 / sqrtf(D), (float)softcap, window, NULL};
    for (size_t i = 0; i < N * Q; i++) c.q[i] = (double)qkv[i / Q * LD + i % Q];
    for (size_t i = 0; i < N * Q; i++) c.r[i] = (double)dout[i / Q * LDO + i % Q];
    for (size_t i = 0; i < N * W; i++) c.k[i] = (double)qkv[i / W * LD + Q + i % W];
    for (size_t i = 0; i < N * W; i++) c.v[i] = (double)qkv[i / W * LD + Q + W + i % W];
    AttnSpan span = {qkv + Q, qkv + Q + W, LD, N};
    float *probs = malloc(HEADS * N * N * sizeof *probs), *got = malloc(N * Q * sizeof *got);
    if (keep) {
        float *out = malloc(N * Q * sizeof *out);
        shape.probs = probs;
        attn_fwd(out, Q, qkv, LD, &span, 1, N, &shape, work);
        free(out);
    }
    attn_bwd(dqkv, dqkv + Q, dqkv + Q + W, dout, LDO, qkv, &span, &shape, work);
    for (size_t i = 0; i < N * Q; i++) got[i] = dqkv[i / Q * LD + i % Q];
    kern_check_grad(got, NULL, c.q, N * Q, 29, kern_attn_sum, &c, "attention dq");
    for (size_t i = 0; i < N * W; i++) got[i] = dqkv[i / W * LD + Q + i % W];
    kern_check_grad(got, NULL, c.k, N * W, 17, kern_attn_sum, &c, "attention dk");
    for (size_t i = 0; i < N * W; i++) got[i] = dqkv[i / W * LD + Q + W + i % W];
    kern_check_grad(got, NULL, c.v, N * W, 17, kern_attn_sum, &c, "attention dv");
    float *floats[] = {qkv, dout, dqkv, work, got, probs};
    for (size_t i = 0; i < 6; i++) free(floats[i]);
    double *doubles[] = {c.q, c.k, c.v, c.r};
    for (size_t i = 0; i < 4; i++) free(doubles[i]);
}

Test(kernels, attention_backward)
{
    check_attn_bwd(0, 0, false);
    check_attn_bwd(2, 0, false);
    check_attn_bwd(0, 9, false);
    check_attn_bwd(1, 67, false);
    check_attn_bwd(0, 0, true);
    check_attn_bwd(0, 9, true);
}
