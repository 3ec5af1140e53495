/* retrieval.c - what an item of a long history costs that is looked for among the items before it. */
#include "bench.h"

#include "prime/bm25.h"
#include "prime/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 5000, ITEM_WORDS = 120, VOCABULARY = 50000, WORD = 8, QUERIES = 200, READINGS = 4 };

static struct {
    char *text; /* [ITEMS, ITEM_WORDS * WORD] */
    const char **item;
    Bm25 *index;
    Arena scratch;
} rt;

/* Words by rank: the chance of the k-th is about 1 / k. */
static void retrieval_text(char *s, Rng *r)
{
    for (size_t i = 0; i < ITEM_WORDS; i++) {
        size_t rank = (size_t)pow(VOCABULARY, rng_uniform(r));
        s += sprintf(s, "%s%zx", i > 0 ? " " : "", rank);
    }
}

static Status run_bm25_build(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    bm25_free(rt.index);
    rt.index = NULL;
    return bm25_new(&rt.index, rt.item, ITEMS, NULL, e);
}

/* The last items, each against all before it. */
static Status run_bm25_query(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    for (size_t i = ITEMS - QUERIES; i < ITEMS; i++) {
        size_t best = 0, found = 0;
        TRY(bm25_top(&best, &found, 1, rt.index, rt.item[i], i, &rt.scratch, e));
    }
    return OK;
}

/* What anything without an index does at least: one pass over all words that looks for a single one. */
static Status run_bm25_reading(void *ctx, size_t threads, Err *e)
{
    (void)threads;
    (void)e;
    size_t *hits = ctx;
    for (size_t q = ITEMS - READINGS; q < ITEMS; q++) {
        size_t n = strcspn(rt.item[q], " ");
        for (size_t i = 0; i < q; i++)
            for (const char *s = rt.item[i]; *s != '\0'; s += *s == ' ') {
                size_t k = strcspn(s, " ");
                *hits += k == n && memcmp(s, rt.item[q], n) == 0;
                s += k;
            }
    }
    return OK;
}

Status retrieval_add(Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    static size_t hits;
    Rng r = rng_stream(1, "bench retrieval", 0);
    rt.text = malloc((size_t)ITEMS * ITEM_WORDS * WORD);
    rt.item = malloc(ITEMS * sizeof *rt.item);
    if (rt.text == NULL || rt.item == NULL) FAIL(e, ERR_NOMEM, "no memory for %d items", ITEMS);
    for (size_t i = 0; i < ITEMS; i++) {
        char *s = rt.text + i * ITEM_WORDS * WORD;
        retrieval_text(s, &r);
        rt.item[i] = s;
    }
    bench_add(b, (BenchCase){.what = "bm25_build",
                             .unit = "s",
                             .note = "index of 5,000 items of 120 words",
                             .run = run_bm25_build,
                             .threads = 1});
    bench_add(b, (BenchCase){.what = "bm25_queries",
                             .unit = "queries/s",
                             .note = "items against all before them",
                             .run = run_bm25_query,
                             .threads = 1,
                             .work = QUERIES});
    bench_add(b, (BenchCase){.what = "bm25_reading",
                             .unit = "passes/s",
                             .note = "all words compared with one word",
                             .run = run_bm25_reading,
                             .ctx = &hits,
                             .threads = 1,
                             .work = READINGS});
    return OK;
}

Status retrieval_rows(const Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    (void)e;
    const BenchCase *q = bench_case(b, "bm25_queries", 1), *p = bench_case(b, "bm25_reading", 1);
    if (q == NULL || p == NULL) return OK;
    double query = 1e3 * q->median / QUERIES, pass = 1e3 * p->median / READINGS;
    bench_row(b, "bm25_query", query, NULL, "ms", "one query of 120 words; wanted: at most 5");
    bench_row(b, "bm25_query_share", query / pass, NULL, "ratio",
              "beside one pass over all words for one of them");
    return OK;
}

void retrieval_free(void)
{
    bm25_free(rt.index);
    arena_free(&rt.scratch);
    free(rt.item);
    free(rt.text);
}
