/* Updates that are formed a tile at a time give what updates in memory give, to the bit, and both what a
 * plain definition gives. */
#include "merge_case.h"

#include "../../../src/merge/merge_priv.h"

#include <string.h>

enum { K = 6, R = 4, OUT = 301, IN = 307, N = OUT * IN }; /* above the size from which samples are taken */

typedef struct {
    MergeDense d;
    MergeSite s;
    MergeOpts o;
    LoraSite site[K];
    const LoraSite *part[K];
    uint64_t stream[K];
    MergeBand band[K];
    MergeVoice voice[K];
    float *a, *b, *tv, *work, *strip;
    double w[K];
} Tiles;

/* Six adapters: four that kernels take side by side, and two more. Factors of three kinds: normal; few whole
 * numbers, so that many entries are equal; one adapter is all zero.
 */
static void tiles_open(Tiles *t, int kind, const MergeMethod *m, const MergeOpts *o)
{
    Rng rng = rng_stream(11, "tiles", (uint64_t)kind);
    memset(t, 0, sizeof *t);
    t->a = malloc(K * R * IN * sizeof *t->a);
    t->b = malloc(K * OUT * R * sizeof *t->b);
    t->tv = malloc(K * N * sizeof *t->tv);
    t->work = malloc(N * sizeof *t->work);
    t->strip = malloc(K * N * sizeof *t->strip);
    for (size_t i = 0; i < K * R * IN; i++)
        t->a[i] = kind == 0 ? (float)rng_normal(&rng) : (float)rng_below(&rng, 3) - 1;
    for (size_t i = 0; i < K * OUT * R; i++)
        t->b[i] = kind == 0 ? (float)rng_normal(&rng) : (float)rng_below(&rng, 3) - 1;
    for (size_t i = 0; kind == 2 && i < OUT * R; i++) t->b[i] = 0;
    for (size_t j = 0; j < K; j++) {
        t->site[j] = (LoraSite){R, j == 1 ? 0.5f : 1, t->a + j * R * IN, t->b + j * OUT * R};
        t->part[j] = &t->site[j];
        t->w[j] = j == 2 && m->recipe->elects ? -0.75 : 0.25 + (double)j;
    }
    t->o = merge_resolve(m, o);
    t->s = (MergeSite){IN, OUT, K, t->part, t->w, t->stream, m, &t->o, false};
    t->d = (MergeDense){.part = t->part,
                        .n = N,
                        .k = K,
                        .cols = IN,
                        .tile = 7 * IN,
                        .w = t->w,
                        .stream = t->stream,
                        .o = &t->o,
                        .band = t->band,
                        .voice = t->voice,
                        .work = t->work,
                        .strip = t->strip};
    for (size_t j = 0; j < K; j++)
        for (size_t at = 0; at < N; at += t->d.tile)
            memcpy(t->tv + j * N + at, dense_tile(&t->d, t->strip, j, at),
                   dense_tile_size(&t->d, at) * sizeof *t->tv);
}

static void tiles_close(Tiles *t)
{
    free(t->a);
    free(t->b);
    free(t->tv);
    free(t->work);
    free(t->strip);
}

static int compare_tiles(const void *x, const void *y)
{
    float a = *(const float *)x, b = *(const float *)y;
    return (a < b) - (a > b);
}

Test(merge_tiles, threshold_is_that_of_a_sort)
{
    static const double share[] = {0.00005, 0.1, 0.2, 0.5, 0.9, 0.99999};
    MergeOpts o = merge_opts();
    o.density = 0.2;
    float *sorted = malloc(N * sizeof *sorted);
    for (int kind = 0; kind < 3; kind++) {
        Tiles t;
        tiles_open(&t, kind, merge_find("ties_peft"), &o);
        for (size_t j = 0; j < K; j++) {
            for (size_t i = 0; i < N; i++) sorted[i] = fabsf(t.tv[j * N + i]);
            qsort(sorted, N, sizeof *sorted, compare_tiles);
            for (size_t q = 0; q < 6; q++) {
                size_t k = (size_t)(share[q] * N), above = 0, equal = 0;
                TrimPlace at;
                float got = kth_dense(&at, &t.d, j, k);
                cr_assert_eq(got, sorted[k - 1], "kind %d adapter %zu k %zu: %g, want %g", kind, j, k,
                             (double)got, (double)sorted[k - 1]);
                for (size_t i = 0; i < N; i++) {
                    above += sorted[i] > got;
                    equal += sorted[i] == got;
                }
                cr_assert_eq(at.above, above);
                cr_assert_eq(at.equal, equal);
                size_t last = kth_index(&t.d, j, got, equal - 1);
                cr_assert(last < N && fabsf(t.tv[j * N + last]) == got);
                cr_assert_eq(kth_index(&t.d, j, got, equal), N);
            }
        }
        tiles_close(&t);
    }
    free(sorted);
}

/* What stays of one adapter by the definition: the `top` largest are dropped, the next `kept` stay, equal
 * ones in the order in which they lie. */
static void naive_trim(double *out, const float *x, size_t top, size_t kept)
{
    size_t *order = malloc(N * sizeof *order), *next = malloc(N * sizeof *next);
    for (size_t i = 0; i < N; i++) order[i] = i;
    for (size_t wide = 1; wide < N; wide *= 2) { /* a merge sort is stable */
        for (size_t from = 0; from < N; from += 2 * wide) {
            size_t mid = from + wide < N ? from + wide : N, to = mid + wide < N ? mid + wide : N;
            for (size_t i = from, a = from, b = mid; i < to; i++)
                next[i] = b == to || (a < mid && fabsf(x[order[a]]) >= fabsf(x[order[b]])) ? order[a++]
                                                                                           : order[b++];
        }
        memcpy(order, next, N * sizeof *order);
    }
    for (size_t i = 0; i < N; i++) out[order[i]] = i >= top && i < top + kept ? (double)x[order[i]] : 0;
    free(order);
    free(next);
}

/* Sign by the sum of weighted values (or unweighted ones), sum of what agrees over 1, count or weights. */
static double naive_entry(const double *v, const Tiles *t, const MergeRecipe *r)
{
    double vote = 0, num = 0, den = 0;
    for (size_t j = 0; j < K; j++) vote += (r->weighted ? t->w[j] : 1) * v[j * N];
    for (size_t j = 0; j < K; j++) {
        double seen = (r->weighted && t->w[j] < 0 ? -1 : 1) * v[j * N];
        if (v[j * N] == 0 || (r->elects && seen * (vote < 0 ? -1 : 1) < 0)) continue;
        num += t->w[j] * v[j * N];
        den += t->o.mean == MEAN_WEIGHTS ? t->w[j] : 1;
    }
    return t->o.mean == MEAN_SUM || fabs(den) < 1e-8 ? num : num / den;
}

/* The vote of doubles may fall otherwise where it nearly cancels: such entries are left out, and they are
 * few. */
static bool naive_even(const double *v, const Tiles *t, const MergeRecipe *r)
{
    double vote = 0, all = 0;
    for (size_t j = 0; j < K; j++) {
        vote += (r->weighted ? t->w[j] : 1) * v[j * N];
        all += fabs((r->weighted ? t->w[j] : 1) * v[j * N]);
    }
    return vote != 0 && fabs(vote) < 1e-6 * all;
}

Test(merge_tiles, tiles_memory_and_definition_agree)
{
    static const char *const name[] = {"magnitude_prune", "ties_peft", "ties_mergekit", "breadcrumbs",
                                       "breadcrumbs_ties"};
    float *tiled = malloc(2 * N * sizeof *tiled), *stored = tiled + N;
    double *v = malloc(K * N * sizeof *v);
    for (size_t i = 0; i < 5; i++)
        for (int kind = 0; kind < 3; kind++) {
            const MergeMethod *m = merge_find(name[i]);
            MergeOpts o = merge_opts();
            o.density = 0.2;
            o.mean = i == 2 ? MEAN_SUM : MEAN_AUTO;
            if (m->reads & MERGE_GAMMA) o.gamma = 0.05;
            Tiles t;
            tiles_open(&t, kind, m, &o);
            dense_trim(&t.d, m->recipe);
            dense_combine(tiled, &t.d, m->recipe);
            size_t top = m->reads & MERGE_GAMMA ? (size_t)(0.05 * N) : 0, kept = (size_t)(0.2 * N), even = 0;
            for (size_t j = 0; j < K; j++) naive_trim(v + j * N, t.tv + j * N, top, kept);
            t.d.tv = t.tv;
            dense_trim(&t.d, m->recipe);
            dense_combine(stored, &t.d, m->recipe);
            cr_assert_arr_eq(tiled, stored, N * sizeof *tiled, "%s kind %d", name[i], kind);
            for (size_t c = 0; c < N; c++) {
                double want = naive_entry(v + c, &t, m->recipe);
                bool skip = m->recipe->elects && naive_even(v + c, &t, m->recipe);
                even += skip;
                if (!skip)
                    cr_assert_float_eq((double)tiled[c], want, 1e-5 * (1 + fabs(want)),
                                       "%s kind %d %zu: %g, want %g", name[i], kind, c, (double)tiled[c],
                                       want);
            }
            cr_assert_leq(even, 5);
            tiles_close(&t);
        }
    free(tiled);
    free(v);
}

/* A site of high rank keeps its updates in memory: the same adapter with zero columns added to its factors.
 */
Test(merge_tiles, rank_does_not_change_the_result)
{
    Lora *low[2], *high[2];
    double w[2] = {0.5, 0.75};
    MergeOpts o = merge_opts();
    o.density = 0.3;
    o.rank = MERGE_RANK_FULL;
    for (uint64_t i = 0; i < 2; i++) {
        low[i] = case_adapter(2, 2, i + 1);
        Err e = {0};
        cr_assert_eq(lora_new(&high[i], &low[i]->shape, CASE_QVD, 40, 40, &e), OK, "%s", e.msg);
        for (size_t at = 0; at < low[i]->shape.n_layers * LORA_KINDS; at++) {
            const LoraSite *x = &low[i]->site[at];
            LoraSite *y = &high[i]->site[at];
            size_t n_in = low[i]->shape.n_in[at % LORA_KINDS], n_out = low[i]->shape.n_out[at % LORA_KINDS];
            y->scale = x->scale;
            memcpy(y->a, x->a, x->r * n_in * sizeof *x->a);
            for (size_t v = 0; v < n_out; v++) memcpy(y->b + v * y->r, x->b + v * x->r, x->r * sizeof *x->b);
        }
    }
    MergeReport of_low, of_high;
    const MergeMethod *m = merge_find("ties_mergekit");
    Lora *a = case_build(m, low, 2, w, &o, &of_low), *b = case_build(m, high, 2, w, &o, &of_high);
    cr_assert_lt(case_apart(a, b, 1), 1e-6 * lora_norm(a));
    cr_assert_float_eq(of_low.norm, of_high.norm, 1e-6 * of_low.norm);
    cr_assert_float_eq(of_low.cross, of_high.cross, 1e-6 * of_low.cross);
    cr_assert_float_eq(of_low.exact, of_high.exact, 1e-6 * of_low.exact);
    merge_report_free(&of_low);
    merge_report_free(&of_high);
    lora_free(a);
    lora_free(b);
    case_free(low, 2);
    case_free(high, 2);
}
