/* cmd_model_use.c - a model put to work: scores, completions and logits. Everything is computed before the
 * first byte is printed. */
#include "cli_model.h"
#include "cmd_model_priv.h"

#include "prime/arena.h"
#include "prime/draw.h"
#include "prime/file.h"
#include "prime/js.h"
#include "prime/score.h"
#include "prime/st.h"
#include "prime/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows of a .jsonl file ---- */

typedef struct {
    JsVal *root;
    const char *prompt, *answer; /* borrowed from root; answer NULL when none is wanted */
    size_t line;
    TokIds ids; /* [bos] prompt [answer [eos]] */
    size_t skip;
} UseRow;

typedef struct {
    const char *path;
    char *data;
    UseRow *row;
    ScoreItem *item; /* [n] */
    size_t n;
} UseRows;

static void use_rows_free(UseRows *u)
{
    for (size_t i = 0; i < u->n; i++) {
        js_close(u->row[i].root);
        tok_ids_free(&u->row[i].ids);
    }
    free(u->row);
    free(u->item);
    free(u->data);
}

static Status row_read(UseRow *r, const char *line, size_t n, const char *where, bool answer, Err *e)
{
    char show[JS_SHOW];
    TRY(js_parse(&r->root, line, n, where, e));
    TRY(js_need_str(&r->prompt, r->root, "prompt", where, e));
    if (answer) TRY(js_need_str(&r->answer, r->root, "answer", where, e));
    const JsVal *id = js_get(r->root, "id");
    JsType t = js_type(id);
    if (t != JS_NONE && t != JS_STR && t != JS_INT)
        FAIL(e, ERR_FORMAT, "%s: id is %s, want a text or a whole number", where, js_show(show, id));
    return OK;
}

/* One object a line; empty lines are skipped. */
static Status use_rows_read(UseRows *u, const char *path, bool answer, Err *e)
{
    size_t size = 0, lines = 1, line = 0;
    u->path = path;
    TRY(file_read(&u->data, &size, path, e));
    for (size_t i = 0; i < size; i++) lines += u->data[i] == '\n';
    u->row = calloc(lines, sizeof *u->row);
    u->item = calloc(lines, sizeof *u->item);
    if (u->row == NULL || u->item == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu lines", path, lines);
    for (size_t at = 0, len; at < size; at += len + 1) {
        const char *end = memchr(u->data + at, '\n', size - at);
        char where[300];
        len = end != NULL ? (size_t)(end - u->data) - at : size - at;
        snprintf(where, sizeof where, "%.250s:%zu", path, ++line);
        if (len == 0) continue;
        u->row[u->n].line = line;
        TRY(row_read(&u->row[u->n++], u->data + at, len, where, answer, e));
    }
    return OK;
}

static Status ids_append(TokIds *ids, int32_t id, Err *e)
{
    if (ids->n == ids->cap) {
        int32_t *more = realloc(ids->id, (ids->cap * 2 + 8) * sizeof *more);
        if (more == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu tokens", ids->cap * 2 + 8);
        ids->id = more;
        ids->cap = ids->cap * 2 + 8;
    }
    ids->id[ids->n++] = id;
    return OK;
}

static Status row_encode(UseRow *r, const CliModel *m, bool eos, Err *e)
{
    const ModelConfig *c = &m->model->cfg;
    if (c->bos >= 0) TRY(ids_append(&r->ids, c->bos, e));
    TRY(tok_encode(m->tok, &r->ids, r->prompt, strlen(r->prompt), false, e));
    r->skip = r->ids.n;
    if (r->skip == 0) FAIL(e, ERR_ARG, "the prompt has no token, and the model none to begin a text with");
    if (r->answer != NULL) TRY(tok_encode(m->tok, &r->ids, r->answer, strlen(r->answer), false, e));
    if (eos) TRY(ids_append(&r->ids, c->eos, e));
    return pass_check(m->model, r->ids.id, r->ids.n, e);
}

static Status use_rows_encode(UseRows *u, const CliModel *m, bool eos, Err *e)
{
    if (eos && m->model->cfg.eos < 0) FAIL(e, ERR_ARG, "--eos: the model has no eos_token_id");
    for (size_t i = 0; i < u->n; i++) {
        UseRow *r = &u->row[i];
        if (row_encode(r, m, eos, e) != OK) return err_prefix(e, "%s:%zu", u->path, r->line);
        u->item[i] = (ScoreItem){.ids = r->ids.id, .n = r->ids.n, .skip = r->skip};
    }
    return OK;
}

/* The row's own id, or the number of its line. */
static JsVal *row_id(const UseRow *r)
{
    const JsVal *id = js_get(r->root, "id");
    if (js_str(id, NULL) != NULL) return js_new_str(js_str(id, NULL));
    return js_new_int(js_int(id, (int64_t)r->line));
}

/* ---- score ---- */

static void score_print(const UseRows *u, const ScoreOut *out)
{
    static const char *const col[] = {"id", "n_tokens", "nll_sum", "nll_mean"};
    TableOut t = {0};
    table_begin(&t, stdout, NULL, col, 4);
    for (size_t i = 0; i < u->n; i++) {
        const JsVal *id = js_get(u->row[i].root, "id");
        if (js_str(id, NULL) != NULL)
            table_put_str(&t, js_str(id, NULL));
        else
            table_put_int(&t, js_int(id, (int64_t)u->row[i].line));
        table_put_int(&t, (int64_t)out[i].n_tokens);
        table_put_num(&t, out[i].nll_sum);
        table_put_num(&t, out[i].n_tokens > 0 ? out[i].nll_sum / (double)out[i].n_tokens : NAN);
        table_end_row(&t);
    }
}

static Status score_rows(const UseRows *u, const CliModel *m, Err *e)
{
    ScoreOut *out = calloc(u->n + 1, sizeof *out);
    if (out == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", u->n);
    Status s = score_nll(out, m->model, cli_model_pass(m), 1, u->item, u->n, e);
    if (s == OK) score_print(u, out);
    free(out);
    return s;
}

/* ---- generate ---- */

static Status completion_put(Str *out, const CliModel *m, const UseRow *r, const int32_t *ids, size_t n,
                             Err *e)
{
    Str text = {0};
    Status s = tok_decode(m->tok, &text, ids, n, true, e);
    if (s == OK) {
        JsVal *o = js_new_obj();
        js_set(o, "id", row_id(r));
        js_set(o, "completion", js_new_strn(text.s != NULL ? text.s : "", text.n));
        s = js_dump(out, o, 0, e);
        str_puts(out, "\n");
        js_close(o);
    }
    str_free(&text);
    return s;
}

static Status completions_print(const UseRows *u, const CliModel *m, const int32_t *ids, const size_t *len,
                                size_t max_new, Err *e)
{
    Str out = {0};
    Status s = OK;
    for (size_t i = 0; s == OK && i < u->n; i++)
        s = completion_put(&out, m, &u->row[i], ids + i * max_new, len[i], e);
    if (s == OK && out.failed) s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for the completions");
    if (s == OK && out.n > 0) fwrite(out.s, 1, out.n, stdout);
    str_free(&out);
    return s;
}

/* draw NULL: the most likely tokens. */
static Status generate_rows(const UseRows *u, const CliModel *m, size_t max_new, const DrawOpts *draw, Err *e)
{
    size_t most = m->model->cfg.max_len, total = 0; /* more cannot be generated */
    if (max_new > most) max_new = most;
    TRY(size_mul(&total, u->n + 1, max_new, e));
    int32_t *ids = calloc(total, sizeof *ids);
    size_t *len = calloc(u->n + 1, sizeof *len);
    Status s = ids != NULL && len != NULL
                   ? OK
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu tokens", total);
    int32_t stop = m->model->cfg.eos;
    const PassLora *lora = cli_model_pass(m);
    if (s == OK && draw != NULL)
        s = draw_texts(ids, len, m->model, lora, u->item, u->n, max_new, stop, draw, e);
    else if (s == OK)
        s = score_greedy(ids, len, m->model, lora, 1, u->item, u->n, max_new, stop, e);
    if (s == OK) s = completions_print(u, m, ids, len, max_new, e);
    free(ids);
    free(len);
    return s;
}

/* ---- both ---- */

typedef struct {
    const char *dir, *path;
    CliList adapters;
    bool score, eos;
    size_t max_new;
    DrawOpts draw; /* temperature 0: the most likely tokens */
} UseJob;

static Status use_job(const UseJob *j, Err *e)
{
    UseRows u = {0};
    CliModel m = {0};
    Status s = use_rows_read(&u, j->path, j->score, e);
    if (s == OK) s = cli_model_open(&m, j->dir, true, &j->adapters, e);
    if (s == OK) s = use_rows_encode(&u, &m, j->eos, e);
    if (s == OK)
        s = j->score ? score_rows(&u, &m, e)
                     : generate_rows(&u, &m, j->max_new, j->draw.temperature > 0 ? &j->draw : NULL, e);
    use_rows_free(&u);
    cli_model_close(&m);
    return s;
}

static int use_main(const CliVerb *self, const CliOpt *opts, size_t n, UseJob *j, int argc, char **argv)
{
    CliList pos = {0};
    Err e = {0};
    int code = cli_args(self, "model", opts, n, argc, argv, &pos, 1, 2);
    if (code < 0) {
        j->dir = pos.item[0];
        j->path = pos.n > 1 ? pos.item[1] : "-";
        j->draw.seed = cli_common.seed;
        if (!j->score && !(j->draw.temperature > 0) && (j->draw.top_k > 0 || j->draw.top_p < 1))
            code = cli_usage("--top-k and --top-p want --temperature above 0");
    }
    if (code < 0) {
        code = use_job(j, &e) == OK ? EXIT_DONE : cli_fail(&e);
    }
    cli_list_free(&pos);
    cli_list_free(&j->adapters);
    return code;
}

int model_score_run(const CliVerb *self, int argc, char **argv)
{
    UseJob j = {.score = true};
    const CliOpt opts[] = {
        CLI_ADAPTER_OPT(&j.adapters),
        {"eos", 0, OPT_FLAG, &j.eos, NULL, "the end token counts as part of the answer, as in training", 0,
         0},
    };
    return use_main(self, opts, sizeof opts / sizeof opts[0], &j, argc, argv);
}

int model_generate_run(const CliVerb *self, int argc, char **argv)
{
    UseJob j = {.max_new = 64, .draw = {.top_p = 1}};
    const CliOpt opts[] = {
        CLI_ADAPTER_OPT(&j.adapters),
        {"max-new", 'n', OPT_SIZE, &j.max_new, "N", "tokens of a completion, at most (64)", 1, 1 << 20},
        {"temperature", 't', OPT_NUM, &j.draw.temperature, "T", "draw, at this temperature (0: do not)", 0,
         100},
        {"top-k", 0, OPT_SIZE, &j.draw.top_k, "K", "draw among the K likeliest tokens", 1, 1 << 24},
        {"top-p", 0, OPT_NUM, &j.draw.top_p, "P", "draw among the fewest tokens of probability P", 1e-9, 1},
    };
    return use_main(self, opts, sizeof opts / sizeof opts[0], &j, argc, argv);
}

/* ---- logits ---- */

typedef struct {
    int32_t *ids;
    size_t n;
    float *logits; /* [n, V] */
    char name[32];
} LogitsSeq;

static Status logits_ids(LogitsSeq *q, const JsVal *v, const Model *m, Arena *a, Err *e)
{
    char show[JS_SHOW];
    if (js_type(v) != JS_ARR) FAIL(e, ERR_FORMAT, "%s, want an array of token ids", js_show(show, v));
    q->n = js_len(v);
    q->ids = arena_alloc(a, q->n, sizeof *q->ids);
    if (q->ids == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu ids", q->n);
    for (size_t i = 0; i < q->n; i++) {
        int64_t id = js_type(js_at(v, i)) == JS_INT ? js_int(js_at(v, i), -1) : -1;
        if (id < 0 || id > INT32_MAX)
            FAIL(e, ERR_FORMAT, "element %zu is %s, want a token id", i, js_show(show, js_at(v, i)));
        q->ids[i] = (int32_t)id;
    }
    return pass_check(m, q->ids, q->n, e);
}

static Status logits_read(LogitsSeq **out, size_t *n, const JsVal *root, const char *path, const Model *m,
                          Arena *a, Err *e)
{
    char show[JS_SHOW];
    if (js_type(root) != JS_ARR || js_len(root) == 0)
        FAIL(e, ERR_FORMAT, "%s: %s, want an array of arrays of token ids", path, js_show(show, root));
    LogitsSeq *seq = arena_zalloc(a, js_len(root), sizeof *seq);
    if (seq == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu sequences", path, js_len(root));
    for (size_t i = 0; i < js_len(root); i++) {
        if (logits_ids(&seq[i], js_at(root, i), m, a, e) != OK)
            return err_prefix(e, "%s: sequence %zu", path, i);
        snprintf(seq[i].name, sizeof seq[i].name, "logits.%zu", i);
    }
    *out = seq;
    *n = js_len(root);
    return OK;
}

/* All rows of one sequence. */
static Status logits_one(LogitsSeq *q, Pass *p, const CliModel *m, Arena *a, Err *e)
{
    const ModelConfig *c = &m->model->cfg;
    PassSeq seq = {.ids = q->ids, .n = q->n};
    size_t *row = arena_alloc(a, q->n, sizeof *row), count = 0;
    float *work = arena_alloc(a, q->n, c->n_hidden * sizeof *work);
    TRY(size_mul(&count, q->n, c->n_vocab, e));
    q->logits = arena_alloc(a, count, sizeof *q->logits);
    if (row == NULL || work == NULL || q->logits == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu rows of logits", q->n);
    for (size_t i = 0; i < q->n; i++) row[i] = i;
    pass_forward(p, m->model, &seq, 1, cli_model_pass(m), NULL);
    pass_logits(q->logits, p, m->model, row, q->n, work);
    return OK;
}

static Status logits_all(LogitsSeq *seq, size_t n, const CliModel *m, Arena *a, Err *e)
{
    Pass *p = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < n; i++) longest = seq[i].n > longest ? seq[i].n : longest;
    TRY(pass_new(&p, m->model, longest, m->bank != NULL ? m->bank->width : 0, false, e));
    Status s = OK;
    for (size_t i = 0; s == OK && i < n; i++) s = logits_one(&seq[i], p, m, a, e);
    pass_free(p);
    return s;
}

static Status logits_save(const char *path, const LogitsSeq *seq, size_t n, size_t n_vocab, Arena *a, Err *e)
{
    StItem *item = arena_zalloc(a, n, sizeof *item);
    if (item == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu tensors", path, n);
    for (size_t i = 0; i < n; i++)
        item[i] = (StItem){seq[i].name, ST_F32, 2, {seq[i].n, n_vocab}, seq[i].logits};
    return st_save(path, item, n, e);
}

static Status logits_job(const char *dir, const char *ids, const char *out, const CliList *adapters, Err *e)
{
    CliModel m = {0};
    Arena a = {0};
    JsVal *root = NULL;
    LogitsSeq *seq = NULL;
    size_t n = 0;
    Status s = cli_model_open(&m, dir, false, adapters, e);
    if (s == OK) s = js_load(&root, ids, e);
    if (s == OK) s = logits_read(&seq, &n, root, ids, m.model, &a, e);
    if (s == OK) s = logits_all(seq, n, &m, &a, e);
    if (s == OK) s = logits_save(out, seq, n, m.model->cfg.n_vocab, &a, e);
    js_close(root);
    arena_free(&a);
    cli_model_close(&m);
    return s;
}

int model_logits_run(const CliVerb *self, int argc, char **argv)
{
    const char *ids = NULL, *out = NULL;
    CliList adapters = {0}, pos = {0};
    const CliOpt opts[] = {
        {"ids", 'i', OPT_STR, &ids, "FILE.json", "array of arrays of token ids (required)", 0, 0},
        {"out", 'o', OPT_STR, &out, "FILE", "safetensors file to write (required)", 0, 0},
        CLI_ADAPTER_OPT(&adapters),
    };
    Err e = {0};
    int code = cli_args(self, "model", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 1);
    if (code < 0 && (ids == NULL || out == NULL))
        code = cli_usage("'prime model logits' wants --ids FILE.json and --out FILE");
    if (code < 0) code = logits_job(pos.item[0], ids, out, &adapters, &e) == OK ? EXIT_DONE : cli_fail(&e);
    cli_list_free(&pos);
    cli_list_free(&adapters);
    return code;
}
