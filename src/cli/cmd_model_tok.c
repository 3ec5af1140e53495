#include "cmd_model_priv.h"

#include "prime/file.h"
#include "prime/js.h"
#include "prime/log.h"
#include "prime/tok.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- lines in, lines out -----------------------------------------------------------------------------------
 */

typedef struct {
    Tok *tok;
    const char *path;
    bool json_in, plain, template, skip_special;
    Str out; /* the answer to one line */
} LineJob;

typedef Status (*LineFn)(LineJob *job, const char *line, size_t n, const char *where, Err *e);

static Status line_emit(LineJob *job, Err *e)
{
    str_puts(&job->out, "\n");
    if (job->out.failed) FAIL(e, ERR_NOMEM, "no memory for a line of output");
    fwrite(job->out.s, 1, job->out.n, stdout);
    str_clear(&job->out);
    if (ferror(stdout)) FAIL(e, ERR_IO, "cannot write standard output");
    return OK;
}

/* Call fn for each line; `where` is "FILE:LINE" for messages. A last line need not end in a newline. */
static Status lines_each(LineJob *job, LineFn fn, const char *data, size_t n, Err *e)
{
    size_t row = 0;
    for (size_t at = 0; at < n;) {
        const char *end = memchr(data + at, '\n', n - at);
        size_t len = end != NULL ? (size_t)(end - data) - at : n - at;
        char where[300];
        snprintf(where, sizeof where, "%.250s:%zu", job->path, ++row);
        TRY(fn(job, data + at, len, where, e));
        TRY(line_emit(job, e));
        at += len + 1;
    }
    return OK;
}

static Status lines_run(LineJob *job, const char *dir, LineFn fn, Err *e)
{
    char *data = NULL;
    size_t n = 0;
    Status s = tok_load(&job->tok, dir, e);
    if (s == OK) s = file_read(&data, &n, job->path, e);
    if (s == OK) s = lines_each(job, fn, data, n, e);
    free(data);
    tok_free(job->tok);
    str_free(&job->out);
    return s;
}

static int lines_main(const CliVerb *self, const CliOpt *opts, size_t n_opts, LineJob *job, LineFn fn,
                      int argc, char **argv)
{
    CliList pos = {0};
    Err e = {0};
    int code = cli_args(self, "model", opts, n_opts, argc, argv, &pos, 1, 2);
    if (code < 0) {
        job->path = pos.n > 1 ? pos.item[1] : "-";
        code = lines_run(job, pos.item[0], fn, &e) == OK ? EXIT_DONE : cli_fail(&e);
    }
    cli_list_free(&pos);
    return code;
}

/* --- tokenize
 * ------------------------------------------------------------------------------------------------ */

/* The tokens of one text, with those of the template around them, which stand for no byte of it. */
static Status ids_make(const LineJob *job, TokIds *ids, TokRanges *at, const char *text, size_t n, Err *e)
{
    const TokIds *side[2] = {tok_template_before(job->tok), tok_template_after(job->tok)};
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; job->template && k < side[i]->n; k++) {
            TRY(tok_ids_push(ids, side[i]->id[k], e));
            TRY(tok_ranges_push(at, (TokRange){0}, e));
        }
        if (i == 0) TRY(tok_encode_spans(job->tok, ids, at, text, n, !job->plain, e));
    }
    return OK;
}

/* {"ids": [...], "tokens": [...], "offsets": [[from, to], ...]} in bytes of the text. */
static Status ids_record(LineJob *job, const TokIds *ids, const TokRanges *at, Err *e)
{
    JsVal *v = js_new_obj(), *list = js_new_arr(), *tokens = js_new_arr(), *offsets = js_new_arr();
    for (size_t i = 0; i < ids->n; i++) {
        size_t n = 0;
        const char *name = tok_content(job->tok, ids->id[i], &n);
        JsVal *pair = js_new_arr();
        js_push(list, js_new_int(ids->id[i]));
        js_push(tokens, js_new_strn(name, n));
        js_push(pair, js_new_int(at->at[i].from));
        js_push(pair, js_new_int(at->at[i].to));
        js_push(offsets, pair);
    }
    js_set(v, "ids", list);
    js_set(v, "tokens", tokens);
    js_set(v, "offsets", offsets);
    Status s = js_dump(&job->out, v, 0, e);
    js_close(v);
    return s;
}

static void ids_list(LineJob *job, const TokIds *ids)
{
    str_puts(&job->out, "[");
    for (size_t i = 0; i < ids->n; i++) str_printf(&job->out, i == 0 ? "%" PRId32 : ",%" PRId32, ids->id[i]);
    str_puts(&job->out, "]");
}

static Status ids_print(LineJob *job, const char *text, size_t n, Err *e)
{
    TokIds ids = {0};
    TokRanges at = {0};
    Status s = ids_make(job, &ids, &at, text, n, e);
    if (s == OK && cli_common.json) s = ids_record(job, &ids, &at, e);
    if (s == OK && !cli_common.json) ids_list(job, &ids);
    tok_ids_free(&ids);
    tok_ranges_free(&at);
    return s;
}

static Status line_tokenize(LineJob *job, const char *line, size_t n, const char *where, Err *e)
{
    if (!job->json_in) return ids_print(job, line, n, e);
    JsVal *v = NULL;
    TRY(js_parse(&v, line, n, where, e));
    char show[JS_SHOW];
    size_t len = 0;
    const char *text = js_str(v, &len);
    Status s = text != NULL ? ids_print(job, text, len, e)
                            : err_set(e, ERR_FORMAT, __FILE__, __LINE__, "%s: %s, want a JSON string", where,
                                      js_show(show, v));
    js_close(v);
    return s;
}

int model_tokenize_run(const CliVerb *self, int argc, char **argv)
{
    LineJob job = {0};
    const CliOpt opts[] = {
        {"json-in", 0, OPT_FLAG, &job.json_in, NULL, "each line is a JSON string", 0, 0},
        {"plain", 0, OPT_FLAG, &job.plain, NULL, "special tokens in the text are plain text", 0, 0},
        {"template", 0, OPT_FLAG, &job.template, NULL, "add the tokens that the file puts around a text", 0,
         0},
    };
    return lines_main(self, opts, sizeof opts / sizeof opts[0], &job, line_tokenize, argc, argv);
}

/* --- detokenize
 * ---------------------------------------------------------------------------------------------- */

/* An array of ids, or a record of `tokenize --json`, which has one. */
static Status ids_read(TokIds *ids, const JsVal *v, const char *where, Err *e)
{
    char show[JS_SHOW];
    if (js_type(v) == JS_OBJ && js_get(v, "ids") != NULL) v = js_get(v, "ids");
    if (js_type(v) != JS_ARR)
        FAIL(e, ERR_FORMAT, "%s: %s, want a JSON array of token ids", where, js_show(show, v));
    ids->id = malloc((js_len(v) + 1) * sizeof *ids->id);
    if (ids->id == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu ids", where, js_len(v));
    for (size_t i = 0; i < js_len(v); i++) {
        int64_t id = js_type(js_at(v, i)) == JS_INT ? js_int(js_at(v, i), -1) : -1;
        if (id < 0 || id > INT32_MAX)
            FAIL(e, ERR_FORMAT, "%s: element %zu is %s, want a token id", where, i,
                 js_show(show, js_at(v, i)));
        ids->id[ids->n++] = (int32_t)id;
    }
    return OK;
}

static Status text_print(LineJob *job, const TokIds *ids, const char *where, Err *e)
{
    if (!cli_common.json) {
        Status s = tok_decode(job->tok, &job->out, ids->id, ids->n, job->skip_special, e);
        return s == OK ? OK : err_prefix(e, "%s", where);
    }
    Str text = {0};
    Status s = tok_decode(job->tok, &text, ids->id, ids->n, job->skip_special, e);
    if (s != OK) {
        err_prefix(e, "%s", where);
    } else {
        JsVal *v = js_new_strn(text.s != NULL ? text.s : "", text.n);
        s = js_dump(&job->out, v, 0, e);
        js_close(v);
    }
    str_free(&text);
    return s;
}

static Status line_detokenize(LineJob *job, const char *line, size_t n, const char *where, Err *e)
{
    JsVal *v = NULL;
    TRY(js_parse(&v, line, n, where, e));
    TokIds ids = {0};
    Status s = ids_read(&ids, v, where, e);
    if (s == OK) s = text_print(job, &ids, where, e);
    tok_ids_free(&ids);
    js_close(v);
    return s;
}

int model_detokenize_run(const CliVerb *self, int argc, char **argv)
{
    LineJob job = {0};
    const CliOpt opts[] = {
        {"skip-special", 0, OPT_FLAG, &job.skip_special, NULL, "leave out special tokens", 0, 0},
    };
    return lines_main(self, opts, 1, &job, line_detokenize, argc, argv);
}

/* --- train-tokenizer
 * ----------------------------------------------------------------------------------------- */

/* Texts to learn from; each is a string of its own or a stretch of a file that is kept whole. */
typedef struct {
    char **text;
    size_t n, cap;
    char **whole;
    size_t n_whole;
} TextList;

static void texts_free(TextList *c)
{
    for (size_t i = 0; i < c->n_whole; i++) free(c->whole[i]);
    free(c->whole);
    free(c->text);
}

static Status texts_push(TextList *c, char *text, Err *e)
{
    if (c->n == c->cap) {
        size_t cap = c->cap == 0 ? 1024 : c->cap * 2;
        char **more = realloc(c->text, cap * sizeof *more);
        if (more == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", cap);
        c->text = more;
        c->cap = cap;
    }
    c->text[c->n++] = text;
    return OK;
}

/* Documents are separated by blank lines; they are cut in place. */
static Status texts_txt(TextList *c, char *data, Err *e)
{
    for (char *next; data != NULL && *data != '\0'; data = next) {
        next = strstr(data, "\n\n");
        if (next != NULL) {
            next[1] = '\0';
            next += 2;
        }
        TRY(texts_push(c, data, e));
    }
    return OK;
}

/* The field's text is shorter than the line that holds it, so it replaces the line in place. */
static Status texts_row(TextList *c, char *line, size_t n, const char *field, const char *where, Err *e)
{
    JsVal *v = NULL;
    TRY(js_parse(&v, line, n, where, e));
    const char *text = NULL;
    Status s = js_need_str(&text, v, field, where, e);
    if (s == OK) memcpy(line, text, strlen(text) + 1);
    js_close(v);
    return s == OK ? texts_push(c, line, e) : s;
}

static Status texts_jsonl(TextList *c, char *data, size_t n, const char *field, const char *path, Err *e)
{
    size_t row = 0;
    for (size_t at = 0, len; at < n; at += len + 1) {
        const char *end = memchr(data + at, '\n', n - at);
        char where[300];
        snprintf(where, sizeof where, "%.250s:%zu", path, ++row);
        len = end != NULL ? (size_t)(end - data) - at : n - at;
        if (len > 0) TRY(texts_row(c, data + at, len, field, where, e));
    }
    return OK;
}

static Status texts_read(TextList *c, const char *path, const char *field, Err *e)
{
    char *data = NULL;
    size_t n = 0;
    TRY(file_read(&data, &n, path, e));
    c->whole[c->n_whole++] = data;
    if (memchr(data, '\0', n) != NULL) FAIL(e, ERR_FORMAT, "%s: holds a NUL byte, want text", path);
    size_t len = strlen(path);
    bool rows = len >= 6 && strcmp(path + len - 6, ".jsonl") == 0;
    return rows ? texts_jsonl(c, data, n, field, path, e) : texts_txt(c, data, e);
}

typedef struct {
    size_t vocab_size;
    const char *out, *field;
    CliList special;
} TrainOpts;

static Status train_write(const TrainOpts *o, const TextList *c, Err *e)
{
    Tok *t = NULL;
    TRY(tok_train(&t, (const char *const *)c->text, c->n, o->vocab_size, o->special.item, o->special.n, e));
    size_t n = tok_vocab_size(t);
    Status s = tok_save(t, o->out, e);
    tok_free(t);
    TRY(s);
    if (n < o->vocab_size)
        log_say(LOG_WARN, "%zu tokens instead of %zu: no further pair of tokens occurs twice", n,
                o->vocab_size);
    log_say(LOG_INFO, "%s/tokenizer.json: %zu tokens from %zu texts", o->out, n, c->n);
    return OK;
}

static Status train_files(const TrainOpts *o, const CliList *files, Err *e)
{
    TextList c = {.whole = calloc(files->n, sizeof *c.whole)};
    if (c.whole == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu files", files->n);
    Status s = OK;
    for (size_t i = 0; i < files->n && s == OK; i++) s = texts_read(&c, files->item[i], o->field, e);
    if (s == OK && c.n == 0)
        s = err_set(e, ERR_FORMAT, __FILE__, __LINE__, "%s: no text to learn from", files->item[0]);
    if (s == OK) s = train_write(o, &c, e);
    texts_free(&c);
    return s;
}

int model_train_tokenizer_run(const CliVerb *self, int argc, char **argv)
{
    TrainOpts o = {.vocab_size = 4096, .field = "text"};
    const CliOpt opts[] = {
        {"vocab-size", 0, OPT_SIZE, &o.vocab_size, "N", "tokens, the 256 bytes among them (4096)", 256,
         1 << 24},
        {"out", 'o', OPT_STR, &o.out, "DIR", "folder for tokenizer.json", 0, 0},
        {"field", 0, OPT_STR, &o.field, "NAME", "member of a .jsonl row that holds the text (text)", 0, 0},
        {"special", 0, OPT_MANY, &o.special, "TEXT", "a special token; the first one given gets id 0", 0, 0},
    };
    CliList pos = {0};
    Err e = {0};
    int code = cli_args(self, "model", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, SIZE_MAX);
    if (code < 0 && o.out == NULL) code = cli_usage("train-tokenizer wants --out DIR");
    if (code < 0) code = train_files(&o, &pos, &e) == OK ? EXIT_DONE : cli_fail(&e);
    cli_list_free(&pos);
    cli_list_free(&o.special);
    return code;
}
