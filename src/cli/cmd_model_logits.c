/* cmd_model_logits.c - token ids in, logits out, as a safetensors file. */
#include "cli_model.h"
#include "cmd_model_priv.h"

#include "prime/arena.h"
#include "prime/js.h"
#include "prime/matpack.h"
#include "prime/st.h"

#include <stdio.h>

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
    if (mat_pack_starved()) FAIL(e, ERR_NOMEM, "%s: no memory for a product", q->name);
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

/* What was written. */
static Status logits_record(const char *path, const LogitsSeq *seq, size_t n, size_t n_vocab, Err *e)
{
    CliRecord r = {0};
    size_t rows = 0;
    for (size_t i = 0; i < n; i++) rows += seq[i].n;
    cli_record_str(&r, "file", path);
    cli_record_num(&r, "sequences", (double)n);
    cli_record_num(&r, "tokens", (double)rows);
    cli_record_num(&r, "vocabulary", (double)n_vocab);
    return cli_record_print(&r, e);
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
    if (s == OK && cli_common.json) s = logits_record(out, seq, n, m.model->cfg.n_vocab, e);
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
        CLI_MODEL_OPTS,
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
