/* limits.c - what the machine can do: matrix products, large ones and those of scoring, and memory. */
#include "../../src/model/score_priv.h"

#include "bench.h"

#include "prime/mat.h"
#include "prime/par.h"

#include <stdlib.h>

enum { SQUARE = 1024, TRIAD = 16 * 1024 * 1024, MAX_THREADS = 2 };

/* Buffers of one thread: inputs and outputs of products that are as large as those of scoring. */
typedef struct {
    float *in, *out;
} Lane;

static struct {
    Lane lane[MAX_THREADS];
    float *a, *b, *c; /* triad */
    const Workload *w;
    size_t rows, targets; /* of one block of texts */
} lim;

static size_t pick_larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Each thread takes a product of its own. */
static Status square_job(void *ctx, size_t job, size_t thread, Err *e)
{
    (void)ctx;
    (void)thread;
    (void)e;
    const Lane *l = &lim.lane[job];
    mat_mul_nt(l->out, SQUARE, l->in, SQUARE, l->in + SQUARE * SQUARE, SQUARE, SQUARE, SQUARE, SQUARE, 1, 0);
    return OK;
}

static Status run_square(void *ctx, size_t threads, Err *e)
{
    for (size_t i = 0; i < 4; i++) TRY(par_run(threads, threads, square_job, ctx, e));
    return OK;
}

/* The sites of a bank that read one input: first kind, how many, and the base product's rows and columns. */
typedef struct {
    size_t first, n, n_out, n_in;
} ShapeGroup;

static size_t list_groups(ShapeGroup g[4], const ModelConfig *c)
{
    size_t q = c->n_heads * c->head_dim, kv = c->n_kv * c->head_dim, C = c->n_hidden, F = c->n_ffn;
    g[0] = (ShapeGroup){LORA_Q, 3, q + 2 * kv, C};
    g[1] = (ShapeGroup){LORA_O, 1, C, q};
    g[2] = (ShapeGroup){LORA_GATE, 2, 2 * F, C};
    g[3] = (ShapeGroup){LORA_DOWN, 1, C, F};
    return 4;
}

static void lora_products(const Lane *l, const LoraBank *b, size_t layer, const ShapeGroup *g)
{
    const LoraStack *st = b->stack + layer * LORA_KINDS + g->first;
    size_t total = 0, n = lim.rows;
    for (size_t k = 0; k < g->n; k++) total += st[k].n;
    if (total == 0) return;
    mat_mul_nt(l->out, total, l->in, g->n_in, st[0].a, g->n_in, n, total, g->n_in, 1, 0);
    for (size_t k = 0; k < g->n; k++) {
        size_t n_out = b->shape.n_out[g->first + k];
        if (st[k].n > 0) mat_mul_nt(l->out, n_out, l->in, total, st[k].b, st[k].n, n, n_out, st[k].n, 1, 1);
    }
}

/* The products of one block of scoring, on the model's own weights, and nothing else. */
static Status shapes_job(void *ctx, size_t job, size_t thread, Err *e)
{
    (void)ctx;
    (void)thread;
    (void)e;
    const Model *m = lim.w->m;
    const Lane *l = &lim.lane[job];
    ShapeGroup g[4];
    size_t n = list_groups(g, &m->cfg), V = m->cfg.n_vocab, C = m->cfg.n_hidden;
    for (size_t layer = 0; layer < m->cfg.n_layers; layer++) {
        const ModelLayer *y = &m->p.layer[layer];
        const float *weight[4] = {y->qkv.w, y->o.w, y->gu.w, y->down.w};
        for (size_t i = 0; i < n; i++) {
            mat_mul_nt(l->out, g[i].n_out, l->in, g[i].n_in, weight[i], g[i].n_in, lim.rows, g[i].n_out,
                       g[i].n_in, 1, 0);
            lora_products(l, lim.w->bank, layer, &g[i]);
        }
    }
    for (size_t at = 0; at < lim.targets; at += SCORE_CHUNK) {
        size_t t = lim.targets - at < SCORE_CHUNK ? lim.targets - at : SCORE_CHUNK;
        mat_mul_nt(l->out, V, l->in, C, m->p.head.w, C, t, V, C, 1, 0);
    }
    return OK;
}

static Status run_shapes(void *ctx, size_t threads, Err *e)
{
    for (size_t i = 0; i < 4; i++) TRY(par_run(threads, threads, shapes_job, ctx, e));
    return OK;
}

static Status triad_job(void *ctx, size_t job, size_t thread, Err *e)
{
    (void)thread;
    (void)e;
    size_t threads = *(size_t *)ctx, from = TRIAD * job / threads, to = TRIAD * (job + 1) / threads;
    float *a = lim.a;
    const float *b = lim.b, *c = lim.c;
#pragma omp simd
    for (size_t i = from; i < to; i++) a[i] = b[i] + 0.5f * c[i];
    return OK;
}

static Status run_triad(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    for (size_t i = 0; i < 4; i++) TRY(par_run(threads, threads, triad_job, &threads, e));
    return OK;
}

static float *ones(size_t n)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; x != NULL && i < n; i++) x[i] = 1;
    return x;
}

static Status limits_open(const Workload *w, Err *e)
{
    const ModelConfig *c = &w->m->cfg;
    size_t q = c->n_heads * c->head_dim, kv = c->n_kv * c->head_dim, texts = SCORE_ROWS / w->len;
    if (texts == 0) texts = 1;
    if (texts > SCORE_SEQS) texts = SCORE_SEQS;
    if (texts > w->n_texts * w->n_cand) texts = w->n_texts * w->n_cand;
    lim.w = w;
    lim.rows = texts * (w->len - 1);
    lim.targets = texts * w->scored;
    size_t wide =
        pick_larger(pick_larger(q + 2 * kv, 2 * c->n_ffn), pick_larger(w->bank->width, c->n_hidden));
    size_t in = pick_larger(lim.rows * wide, 2 * SQUARE * SQUARE),
           out = pick_larger(pick_larger(lim.rows * wide, SCORE_CHUNK * c->n_vocab), SQUARE * SQUARE);
    bool all = true;
    for (size_t t = 0; t < MAX_THREADS; t++) {
        lim.lane[t] = (Lane){ones(in), ones(out)};
        all = all && lim.lane[t].in != NULL && lim.lane[t].out != NULL;
    }
    lim.a = ones(TRIAD);
    lim.b = ones(TRIAD);
    lim.c = ones(TRIAD);
    if (!all || lim.a == NULL || lim.b == NULL || lim.c == NULL)
        FAIL(e, ERR_NOMEM, "no memory for the machine's limits");
    return OK;
}

void limits_free(void)
{
    for (size_t t = 0; t < MAX_THREADS; t++) {
        free(lim.lane[t].in);
        free(lim.lane[t].out);
    }
    free(lim.a);
    free(lim.b);
    free(lim.c);
}

static double shapes_flops(const Workload *w)
{
    return score_flops(w->m, &(PassLora){.bank = w->bank, .op = LORA_EXACT, .w = w->w}, w->item, 1) *
           (double)(lim.rows / (w->len - 1));
}

Status limits_add(Bench *b, const BenchIn *in, Err *e)
{
    const Workload *w = in->w;
    TRY(limits_open(w, e));
    for (size_t t = 1; t <= MAX_THREADS; t++) {
        double n = 4 * (double)t, side = SQUARE;
        bench_add(b, (BenchCase){.what = "sgemm_square",
                                 .unit = "GF/s",
                                 .note = "1024 x 1024 x 1024, one product a thread",
                                 .run = run_square,
                                 .threads = t,
                                 .work = n * 2e-9 * side * side * side});
        bench_add(b, (BenchCase){.what = "sgemm_scoring_shapes",
                                 .unit = "GF/s",
                                 .note = "the products of one block of scoring, on the model's weights",
                                 .run = run_shapes,
                                 .threads = t,
                                 .work = n * 1e-9 * shapes_flops(w)});
        bench_add(b, (BenchCase){.what = "triad",
                                 .unit = "GB/s",
                                 .note = "a = b + s c over 3 x 64 MiB, 12 bytes an entry",
                                 .run = run_triad,
                                 .threads = t,
                                 .work = 4 * 12e-9 * TRIAD});
    }
    return OK;
}
