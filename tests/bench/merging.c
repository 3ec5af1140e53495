/* merging.c - merges of eight adapters of rank 8 for a model shaped like SmolLM2-135M, on all its products.
 */
#include "bench.h"

#include "prime/merge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_ADAPTERS = 8, RANK = 8, MAX_THREADS = 2 };

static struct {
    Lora *l[N_ADAPTERS];
    double entries; /* of all dW */
} mg;

static Status merge_case(const char *method, double density, size_t rank, Err *e)
{
    static const double w[N_ADAPTERS] = {0.5, 0.25, 0.75, 0.5, 0.25, 0.5, 0.75, 0.5};
    Lora *out = NULL;
    MergeOpts o = merge_opts();
    o.density = density;
    o.rank = rank;
    TRY(merge_build(&out, NULL, merge_find(method), (const Lora *const *)mg.l, N_ADAPTERS,
                    &(MergeWeights){w, MERGE_BY_ADAPTER}, &o, e));
    lora_free(out);
    return OK;
}

static Status run_ties(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    return merge_case("ties_mergekit", 0.2, MERGE_RANK_FULL, e);
}

static Status run_ties_cut(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    return merge_case("ties_mergekit", 0.2, MERGE_RANK_AUTO, e);
}

static Status run_svd(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    return merge_case("svd", NAN, RANK, e);
}

static Status merging_open(Err *e)
{
    enum { C = 576, KV = 192, F = 1536, LAYERS = 30 };
    const LoraShape shape = {.n_layers = LAYERS,
                             .n_in = {[LORA_Q] = C, C, C, C, 0, C, C, F},
                             .n_out = {[LORA_Q] = C, KV, KV, C, 0, F, F, C}};
    Rng rng = rng_stream(1, "bench merging", 0);
    for (size_t i = 0; i < N_ADAPTERS; i++) {
        TRY(lora_new(&mg.l[i], &shape, (1U << LORA_KINDS) - 1, RANK, RANK, e));
        for (size_t v = 0; v < mg.l[i]->n_params; v++) mg.l[i]->data[v] = (float)rng_normal(&rng);
    }
    for (size_t k = 0; k < LORA_KINDS; k++) mg.entries += (double)(LAYERS * shape.n_in[k] * shape.n_out[k]);
    return OK;
}

/* What moves when every dW is kept in memory: eight written, read for a threshold, read again to be merged;
 * one written. Tiles that stay in the cache move less: this is what they are measured by. */
static double merging_bytes(void)
{
    return 4e-9 * mg.entries * (3 * N_ADAPTERS + 1);
}

Status merging_add(Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    TRY(merging_open(e));
    for (size_t t = 1; t <= MAX_THREADS; t++) {
        bench_add(
            b, (BenchCase){
                   .what = "merge_ties",
                   .unit = "GB/s",
                   .note = "8 adapters of rank 8, 135M shape, density 0.2, result whole; 100 bytes an entry",
                   .run = run_ties,
                   .threads = t,
                   .work = merging_bytes()});
        bench_add(b, (BenchCase){.what = "merge_ties_rank_64",
                                 .unit = "s",
                                 .note = "the same, cut to rank 64",
                                 .run = run_ties_cut,
                                 .threads = t});
        bench_add(b, (BenchCase){.what = "merge_svd_rank_8",
                                 .unit = "s",
                                 .note = "the exact sum cut to rank 8, dW not formed",
                                 .run = run_svd,
                                 .threads = t});
    }
    return OK;
}

Status merging_rows(const Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    (void)e;
    for (size_t t = 1; t <= MAX_THREADS; t++) {
        const BenchCase *ties = bench_case(b, "merge_ties", t), *triad = bench_case(b, "triad", t);
        char what[48];
        if (ties == NULL || triad == NULL) continue;
        snprintf(what, sizeof what, "merge_ties_seconds_%zut", t);
        bench_row(b, what, ties->median, NULL, "s", "of merge_ties");
        snprintf(what, sizeof what, "merge_ties_share_%zut", t);
        bench_row(b, what, ties->work / ties->median / (triad->work / triad->median), NULL, "ratio",
                  "merge_ties beside triad of the same run; wanted: 1");
    }
    return OK;
}

void merging_free(void)
{
    for (size_t i = 0; i < N_ADAPTERS; i++) lora_free(mg.l[i]);
    memset(&mg, 0, sizeof mg);
}
