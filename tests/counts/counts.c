/* counts - `counts NAME` runs one small kernel once, between counts_begin and its return; `counts` lists the
 * names. Run under callgrind by run.sh, which counts the instructions of counts_run alone: they depend on the
 * program and on nothing else. Kernels that call the BLAS are left out: which of its variants runs depends on
 * the processor. */
#include "../../src/model/kernels.h"

#include "prime/adamw.h"
#include "prime/attack.h"
#include "prime/bm25.h"
#include "prime/pareto.h"
#include "prime/rng.h"
#include "prime/roc.h"
#include "prime/softmax.h"
#include "prime/vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 64,
    WIDTH = 256,
    VOCAB = 4096,
    TILE = 1024,
    HEADS = 12,
    HEAD = 32,
    FFN = 704,
    POINTS = 1000,
    DOCS = 400,
    WORDS = 40
};

static float x[4 * ROWS * 2 * FFN], y[2 * ROWS * 2 * FFN];
static double pts[3 * POINTS], out[2 * POINTS], ref[3] = {1, 1, 1};
static Bm25 *index_of_docs;
static char text[DOCS][WORDS * 8];
static const char *doc[DOCS];
static Arena arena;
static Err e;
static bool failed;

static void must(Status s)
{
    failed = failed || s != OK;
}

static void prepare(void)
{
    Rng r = rng_stream(1, "counts", 0);
    for (size_t i = 0; i < sizeof x / sizeof x[0]; i++) x[i] = (float)(2 * rng_uniform(&r) - 1);
    for (size_t i = 0; i < 3 * POINTS; i++) pts[i] = rng_uniform(&r);
    for (size_t i = 0; i < DOCS; i++) {
        for (size_t k = 0, at = 0; k < WORDS; k++)
            at += (size_t)sprintf(text[i] + at, "w%zu ", rng_below(&r, 1 + rng_below(&r, 500)));
        doc[i] = text[i];
    }
    Bm25Options o = bm25_defaults();
    must(bm25_new(&index_of_docs, doc, DOCS, &o, &e));
}

/* ---- the kernels ---- */

static void norms(void)
{
    static float stat[2 * ROWS];
    norm_fwd(y, stat, x, x + ROWS * WIDTH, NULL, ROWS, WIDTH, NORM_RMS, 1e-5);
}

static void rotations(void)
{
    rope_apply(y, HEADS * HEAD, x, x + ROWS * HEAD / 2, ROWS, HEADS, HEAD, HEAD, 1);
}

static void activations(void)
{
    act_fwd(y, x, ROWS, FFN, ACT_SILU, true);
}

static void softmaxes(void)
{
    for (size_t i = 0; i < 8; i++) {
        Softmax s = SOFTMAX_EMPTY;
        for (size_t t = 0; t < VOCAB; t += TILE) softmax_add(&s, x + i * VOCAB + t, TILE);
        out[i] = softmax_lse(&s);
    }
}

static void moments(void)
{
    static SoftmaxRank r;
    for (size_t i = 0; i < 8; i++) {
        Softmax s = SOFTMAX_EMPTY;
        softmax_rank_open(&r, VOCAB / 2, (double)x[i * VOCAB + VOCAB / 2], 1e-4);
        for (size_t t = 0; t < VOCAB; t += TILE) {
            softmax_add_moments(&s, x + i * VOCAB + t, TILE);
            softmax_rank_add(&r, x + i * VOCAB + t, TILE, t);
        }
        out[i] = softmax_moments(&s).mean + (double)softmax_rank(&r);
    }
}

static void updates(void)
{
    static float m[8192], v[8192];
    AdamW a = {.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.01};
    adamw_step(y, m, v, x, 8192, &a, 1);
}

static void normals(void)
{
    Rng r = rng_stream(1, "counts normals", 0);
    for (size_t i = 0; i < 2 * POINTS; i++) out[i] = rng_ziggurat(&r);
}

static void areas(void)
{
    out[0] = roc_auc(pts, POINTS, pts + POINTS, POINTS, out);
}

static void volumes(void)
{
    must(pareto_hv(out, pts, POINTS, 3, ref, &e));
}

static void queries(void)
{
    for (size_t i = 0; i < 10; i++) must(bm25_scores(out, index_of_docs, doc[i], DOCS, &arena, &e));
}

static void attacks(void)
{
    AttackTokens t = {.n = 500, .logp = pts, .mu = pts + 500, .sigma = pts + 1000};
    AttackSignal s = {.n_tokens = 500, .nll_sum = 700, .tokens = &t};
    must(attack_score(out, &s, 1, "min_k_pp_20", &e));
}

static const struct {
    const char *name;
    void (*fn)(void);
} kernels[] = {{"norm_fwd", norms},        {"rope_apply", rotations},    {"act_fwd", activations},
               {"softmax_add", softmaxes}, {"softmax_moments", moments}, {"adamw_step", updates},
               {"rng_ziggurat", normals},  {"roc_auc", areas},           {"pareto_hv", volumes},
               {"bm25_scores", queries},   {"attack_score", attacks}};
enum { N_KERNELS = sizeof kernels / sizeof kernels[0] };

/* What is counted, by this name. */
void counts_run(void (*fn)(void)) __attribute__((noinline));
void counts_run(void (*fn)(void))
{
    fn();
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 1 && i < N_KERNELS; i++) puts(kernels[i].name);
    if (argc == 1) return 0;
    for (size_t i = 0; i < N_KERNELS; i++) {
        if (strcmp(argv[1], kernels[i].name) != 0) continue;
        prepare();
        counts_run(kernels[i].fn);
        bm25_free(index_of_docs);
        arena_free(&arena);
        if (failed) fprintf(stderr, "counts: %s\n", e.msg);
        return failed;
    }
    fprintf(stderr, "counts: no kernel %s\n", argv[1]);
    return 2;
}
