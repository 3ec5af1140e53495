/* importing.c - LaMP's JSON into a dataset: megabytes a second and memory, beside what reading its tokens
 * alone and building its tree take. The file is made here: people with 150 items of 100 words. */
#include "bench.h"

#include "prime/file.h"
#include "prime/import.h"
#include "prime/js.h"
#include "prime/js_pull.h"
#include "prime/rng.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ITEMS = 150, WORDS = 100, VOCABULARY = 4000, TREE_BYTES = 20 << 20 };

static struct {
    char *dir, *questions, *outputs, *out;
    char word[VOCABULARY][12];
    size_t bytes;
    char *tree;
    size_t n_tree;
} imp;

static void imports_words(Rng *r)
{
    for (size_t i = 0; i < VOCABULARY; i++) {
        size_t n = 2 + rng_below(r, 9);
        for (size_t k = 0; k < n; k++) imp.word[i][k] = (char)('a' + rng_below(r, 26));
        imp.word[i][n] = '\0';
    }
}

static void imports_text(Str *out, Rng *r, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        if (i > 0) str_put(out, i % 17 == 0 ? "\\n" : " ", i % 17 == 0 ? 2 : 1);
        str_puts(out, imp.word[rng_below(r, VOCABULARY)]);
        if (i % 11 == 5) str_puts(out, i % 2 ? "," : ".");
    }
}

static void imports_person(Str *out, Rng *r, size_t id)
{
    str_printf(out, "%s{\"id\": \"%zu\", \"input\": \"Generate a headline for the following article: ",
               id > 0 ? ", " : "", id);
    imports_text(out, r, WORDS);
    str_puts(out, "\", \"profile\": [");
    for (size_t i = 0; i < ITEMS; i++) {
        str_printf(out, "%s{\"text\": \"", i > 0 ? ", " : "");
        imports_text(out, r, WORDS);
        str_puts(out, "\", \"title\": \"");
        imports_text(out, r, 8);
        str_printf(out, "\", \"id\": \"%zu%03zu\"}", id, i);
    }
    str_puts(out, "]}");
}

static Status imports_write(size_t bytes, Err *e)
{
    FILE *q = fopen(imp.questions, "wb"), *o = fopen(imp.outputs, "wb");
    bool ok = q != NULL && o != NULL;
    Str text = {0};
    Rng r = rng_stream(1, "bench import", 0);
    imports_words(&r);
    if (ok) fputs("[", q);
    if (ok) fputs("{\"task\": \"LaMP_4\", \"golds\": [", o);
    for (size_t id = 0; ok && imp.bytes < bytes; id++) {
        str_clear(&text);
        imports_person(&text, &r, id);
        ok = !text.failed && fwrite(text.s, 1, text.n, q) == text.n;
        fprintf(o, "%s{\"id\": \"%zu\", \"output\": \"headline of %zu\"}", id > 0 ? ", " : "", id, id);
        imp.bytes += text.n;
        if (imp.n_tree == 0 && text.n < TREE_BYTES) imp.tree = strdup(text.s), imp.n_tree = text.n;
    }
    if (ok) ok = fputs("]\n", q) >= 0 && fputs("]}\n", o) >= 0;
    if (q != NULL && fclose(q) != 0) ok = false;
    if (o != NULL && fclose(o) != 0) ok = false;
    str_free(&text);
    if (!ok || imp.tree == NULL)
        FAIL(e, ERR_IO, "%s: cannot write %zu bytes: %s", imp.dir, bytes, strerror(errno));
    return OK;
}

static Status run_import(void *ctx, size_t threads, Err *e)
{
    DataImportOpt o = {.out = imp.out,
                       .format = "lamp",
                       .salt = "bench",
                       .seed = 1,
                       .heldout = 0.25,
                       .base = 0.5,
                       .n_files = 1};
    ImportReport report;
    (void)ctx;
    (void)threads;
    o.file[0] = (ImportFile){imp.questions, imp.outputs, NULL, DATA_AUDIT, true};
    return data_import(&report, &o, e);
}

static Status run_pull(void *ctx, size_t threads, Err *e)
{
    JsPull *p = NULL;
    (void)ctx;
    (void)threads;
    TRY(js_pull_open(&p, imp.questions, e));
    Status s = OK;
    for (JsEvent ev = PULL_OBJ; s == OK && ev != PULL_END;) s = js_pull_next(&ev, p, e);
    js_pull_close(p);
    return s;
}

/* One person's tree again and again. */
static Status run_tree(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    for (size_t done = 0; done < TREE_BYTES; done += imp.n_tree) {
        JsVal *v = NULL;
        TRY(js_parse(&v, imp.tree, imp.n_tree, "a person", e));
        js_close(v);
    }
    return OK;
}

static Status imports_folder(Err *e)
{
    const char *tmp = getenv("TMPDIR");
    imp.dir = file_join(tmp == NULL || tmp[0] == '\0' ? "/tmp" : tmp, "bench_import_XXXXXX");
    if (imp.dir == NULL || mkdtemp(imp.dir) == NULL)
        FAIL(e, ERR_IO, "cannot make a folder: %s", strerror(errno));
    imp.questions = file_join(imp.dir, "questions.json");
    imp.outputs = file_join(imp.dir, "outputs.json");
    imp.out = file_join(imp.dir, "out");
    if (imp.questions == NULL || imp.outputs == NULL || imp.out == NULL)
        FAIL(e, ERR_NOMEM, "no memory for names");
    return OK;
}

Status imports_add(Bench *b, const BenchIn *in, Err *e)
{
    size_t bytes = in->bytes;
    TRY(imports_folder(e));
    TRY(imports_write(bytes, e));
    for (size_t threads = 1; threads <= 2; threads++)
        bench_add(b,
                  (BenchCase){.what = "import_lamp",
                              .unit = "MB/s",
                              .note = "LaMP's JSON into a dataset, files and hashes of the inputs included",
                              .run = run_import,
                              .threads = threads,
                              .memory = true,
                              .work = (double)imp.bytes * 1e-6});
    bench_add(b, (BenchCase){.what = "import_tokens",
                             .unit = "MB/s",
                             .note = "the tokens of the same file, and nothing else",
                             .run = run_pull,
                             .threads = 1,
                             .work = (double)imp.bytes * 1e-6});
    bench_add(b, (BenchCase){.what = "import_tree",
                             .unit = "MB/s",
                             .note = "trees of jansson of one person after the other",
                             .run = run_tree,
                             .threads = 1,
                             .work = 1e-6 * TREE_BYTES});
    return OK;
}

Status imports_rows(const Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    (void)e;
    const BenchCase *c = bench_case(b, "import_lamp", 1);
    if (c == NULL) return OK;
    bench_row(b, "import_bytes", (double)imp.bytes * 1e-6, NULL, "MB", "size of the file");
    if (c->grown >= 0)
        bench_row(b, "import_memory", c->grown * 1e-6, NULL, "MB",
                  "rise of resident memory (wanted: below 300 for 1 GB)");
    return OK;
}

void imports_free(void)
{
    static const char *const made[] = {"questions.json",
                                       "outputs.json",
                                       "out/dataset.json",
                                       "out/LaMP_4.jsonl",
                                       "out/users.csv",
                                       "out",
                                       NULL};
    for (size_t i = 0; imp.dir != NULL && made[i] != NULL; i++) {
        char *path = file_join(imp.dir, made[i]);
        if (path != NULL) remove(path);
        free(path);
    }
    if (imp.dir != NULL) rmdir(imp.dir);
    free(imp.dir);
    free(imp.questions);
    free(imp.outputs);
    free(imp.out);
    free(imp.tree);
}
