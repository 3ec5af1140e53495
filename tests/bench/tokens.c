/* tokens.c - text to ids, a megabyte a second: English as this project writes it, repeated, in one text and
 * in lines. */
#include "bench.h"

#include "prime/file.h"
#include "prime/tok.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 4 << 20 };

static struct {
    Tok *t;
    Str text;
    TokIds ids;
    char note[120];
} tk;

static Status run_whole(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    tk.ids.n = 0;
    return tok_encode(tk.t, &tk.ids, tk.text.s, tk.text.n, true, e);
}

static Status run_lines(void *ctx, size_t threads, Err *e)
{
    (void)ctx;
    (void)threads;
    tk.ids.n = 0;
    for (size_t at = 0, n; at < tk.text.n; at += n + 1) {
        const char *end = memchr(tk.text.s + at, '\n', tk.text.n - at);
        n = end != NULL ? (size_t)(end - tk.text.s) - at : tk.text.n - at;
        TRY(tok_encode(tk.t, &tk.ids, tk.text.s + at, n, true, e));
    }
    return OK;
}

/* GPT-2's where the reference data lies, else that of the base model. */
static Status tokens_load(Err *e)
{
    const char *oracles = getenv("PRIME_ORACLES");
    char path[1000];
    snprintf(path, sizeof path, "%s/tokenizers/gpt2", oracles != NULL ? oracles : "");
    bool gpt2 = oracles != NULL && file_is_dir(path);
    if (!gpt2) snprintf(path, sizeof path, "fixtures/base");
    TRY(tok_load(&tk.t, path, e));
    snprintf(tk.note, sizeof tk.note, "tokenizer of %s, %zu tokens; English",
             gpt2 ? "GPT-2" : "fixtures/base", tok_vocab_size(tk.t));
    return OK;
}

static Status tokens_text(Err *e)
{
    static const char *const files[] = {"README.md", "CHANGELOG.md", "tests/bench/README.md",
                                        "fixtures/README.md"};
    for (size_t i = 0; tk.text.n < TEXT_BYTES && !tk.text.failed; i++) {
        char *data = NULL;
        size_t n = 0;
        TRY(file_read(&data, &n, files[i % 4], e));
        str_put(&tk.text, data, n);
        free(data);
    }
    if (tk.text.failed) FAIL(e, ERR_NOMEM, "no memory for a text");
    return OK;
}

Status tokens_add(Bench *b, const BenchIn *in, Err *e)
{
    (void)in;
    TRY(tokens_load(e));
    TRY(tokens_text(e));
    BenchCase c = {.what = "tokenise_text",
                   .unit = "MB/s",
                   .note = tk.note,
                   .run = run_whole,
                   .threads = 1,
                   .work = (double)tk.text.n * 1e-6};
    bench_add(b, c);
    c.what = "tokenise_lines";
    c.run = run_lines;
    bench_add(b, c);
    return OK;
}

void tokens_free(void)
{
    tok_free(tk.t);
    str_free(&tk.text);
    tok_ids_free(&tk.ids);
}
