/* load.c - weights from disk: how long until the first value can be used, and how fast stored values widen.
 */
#include "bench.h"

#include "prime/file.h"
#include "prime/gguf.h"
#include "prime/rng.h"
#include "prime/st.h"
#include "prime/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TENSORS = 125, /* of 1000 x 2000 bf16: 500 MB in all */
    ROWS = 1000,
    COLUMNS = 2000,
    BYTES = 2 * ROWS * COLUMNS,
    VALUES = 50000, /* widened at a time: they and their float32 stay in the cache */
    CHUNK = 4 * VALUES,
    TIMES = 1000
};

typedef struct {
    const char *what;
    StType st; /* ST_OTHER: gguf */
    GgufType gguf;
} WidenCase;

static struct {
    char *path;   /* of the file of 500 MB */
    char *stored; /* [CHUNK] bytes: VALUES of any type, all finite */
    float *wide;
} load;

/* Open, check, and take the first row of every tensor. */
static Status run_map(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    StFile *f = NULL;
    TRY(st_open(&f, load.path, e));
    for (size_t i = 0; i < st_count(f); i++)
        st_rows_to_f32(load.wide, st_at(f, i)->data, st_at(f, i)->type, 0, COLUMNS);
    st_close(f);
    return OK;
}

static Status run_widen(void *ctx, size_t threads, Err *e)
{
    const WidenCase *c = ctx;
    (void)threads;
    (void)e;
    for (size_t i = 0; i < TIMES; i++)
        if (c->st == ST_OTHER)
            gguf_rows_to_f32(load.wide, load.stored, c->gguf, 0, VALUES);
        else
            st_rows_to_f32(load.wide, load.stored, c->st, 0, VALUES);
    return OK;
}

static Status run_look(void *ctx, size_t threads, Err *e)
{
    const WidenCase *c = ctx;
    (void)threads;
    for (size_t i = 0; i < TIMES; i++) {
        size_t bad = st_rows_bad(load.stored, c->st, 0, VALUES);
        if (bad != VALUES) FAIL(e, ERR_NUM, "value %zu of the bench's own is not finite", bad);
    }
    return OK;
}

/* Random halves below 2 in size: finite as bf16, f16, as halves of f32, and as scales of blocks. */
static void load_chunk(Rng *rng)
{
    for (size_t i = 0; i < CHUNK; i += sizeof(uint64_t)) {
        uint64_t four = rng_u64(rng) & UINT64_C(0xbfffbfffbfffbfff);
        memcpy(load.stored + i, &four, sizeof four);
    }
}

static Status load_write(FILE *fp, Err *e)
{
    Str header = {0};
    Rng rng = rng_stream(1, "bench load", 0);
    for (size_t i = 0; i < TENSORS; i++)
        str_printf(&header, "%c\"t%zu\":{\"dtype\":\"BF16\",\"shape\":[%d,%d],\"data_offsets\":[%zu,%zu]}",
                   i == 0 ? '{' : ',', i, ROWS, COLUMNS, i * BYTES, (i + 1) * BYTES);
    str_puts(&header, "}");
    uint64_t n = header.n;
    bool ok = !header.failed && fwrite(&n, sizeof n, 1, fp) == 1 && fwrite(header.s, 1, header.n, fp) == n;
    for (size_t i = 0; ok && i < (size_t)TENSORS * (BYTES / CHUNK); i++) {
        load_chunk(&rng);
        ok = fwrite(load.stored, 1, CHUNK, fp) == CHUNK;
    }
    str_free(&header);
    if (!ok) FAIL(e, ERR_IO, "%s: cannot write 500 MB: %s", load.path, strerror(errno));
    return OK;
}

/* The file is removed by load_free. */
static Status load_open(Err *e)
{
    const char *dir = getenv("TMPDIR");
    load.path = file_join(dir == NULL || dir[0] == '\0' ? "/tmp" : dir, "bench_load_XXXXXX");
    load.stored = malloc(CHUNK);
    load.wide = malloc(VALUES * sizeof *load.wide);
    if (load.path == NULL || load.stored == NULL || load.wide == NULL) {
        free(load.path);
        load.path = NULL;
        FAIL(e, ERR_NOMEM, "no memory for loading");
    }
    int fd = mkstemp(load.path);
    FILE *fp = fd < 0 ? NULL : fdopen(fd, "wb");
    if (fp == NULL) FAIL(e, ERR_IO, "%s: cannot create: %s", load.path, strerror(errno));
    Status s = load_write(fp, e);
    if (fclose(fp) != 0 && s == OK) FAIL(e, ERR_IO, "%s: cannot write: %s", load.path, strerror(errno));
    return s;
}

static void load_add_widen(Bench *b)
{
    static WidenCase c[] = {{"load_widen_f32", ST_F32, GGUF_F32},
                            {"load_widen_f16", ST_F16, GGUF_F16},
                            {"load_widen_bf16", ST_BF16, GGUF_BF16},
                            {"load_widen_q8_0", ST_OTHER, GGUF_Q8_0},
                            {"load_widen_q4_0", ST_OTHER, GGUF_Q4_0}};
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++)
        bench_add(b, (BenchCase){.what = c[i].what,
                                 .unit = "GB/s",
                                 .note = "stored values to float32 in the cache, 4 bytes a value",
                                 .run = run_widen,
                                 .ctx = &c[i],
                                 .threads = 1,
                                 .work = 4e-9 * VALUES * TIMES});
    for (size_t i = 1; i < 3; i++)
        bench_add(b, (BenchCase){.what = i == 1 ? "load_look_f16" : "load_look_bf16",
                                 .unit = "GB/s",
                                 .note = "are all values finite? 2 bytes a value",
                                 .run = run_look,
                                 .ctx = &c[i],
                                 .threads = 1,
                                 .work = 2e-9 * VALUES * TIMES});
}

Status load_add(Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    TRY(load_open(e));
    bench_add(b, (BenchCase){.what = "load_map",
                             .unit = "s",
                             .note = "open safetensors of 500 MB, widen the first row of each of 125 tensors",
                             .run = run_map,
                             .threads = 1});
    load_add_widen(b);
    return OK;
}

Status load_rows(const Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    (void)e;
    bench_row(b, "load_map_500MB", bench_case(b, "load_map", 1)->median * 1e3, NULL, "ms",
              "the same; wanted: at most 300");
    return OK;
}

void load_free(void)
{
    if (load.path != NULL) unlink(load.path);
    free(load.path);
    free(load.stored);
    free(load.wide);
}
