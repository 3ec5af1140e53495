/* cmd_model_use.c - texts for a model to read, one JSON object a line, and how likely it finds them.
 * Everything is computed before the first byte is printed. */
#include "cmd_model_use.h"

#include "cmd_model_priv.h"

#include "prime/file.h"
#include "prime/log.h"
#include "prime/score.h"
#include "prime/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows of a .jsonl file ---- */

void use_rows_free(UseRows *u)
{
    for (size_t i = 0; i < u->n; i++) {
        js_close(u->row[i].root);
        tok_ids_free(&u->row[i].ids);
    }
    free(u->row);
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

Status use_rows_read(UseRows *u, const char *path, bool answer, Err *e)
{
    size_t size = 0, lines = 1, line = 0;
    u->path = path;
    TRY(file_read(&u->data, &size, path, e));
    for (size_t i = 0; i < size; i++) lines += u->data[i] == '\n';
    u->row = calloc(lines, sizeof *u->row);
    if (u->row == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %zu lines", path, lines);
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

static Status row_begin(UseRow *r, const CliModel *m, Err *e)
{
    const TokIds *before = tok_template_before(m->tok);
    int32_t bos = m->model->cfg.bos;
    for (size_t i = 0; i < before->n; i++) TRY(tok_ids_push(&r->ids, before->id[i], e));
    if (r->ids.n == 0 && r->prompt[0] == '\0' && bos >= 0) TRY(tok_ids_push(&r->ids, bos, e));
    r->skip = r->ids.n;
    return OK;
}

static Status row_encode(UseRow *r, const CliModel *m, bool eos, bool plain, Err *e)
{
    const ModelConfig *c = &m->model->cfg;
    TRY(row_begin(r, m, e));
    if (r->answer == NULL) {
        TRY(tok_encode(m->tok, &r->ids, r->prompt, strlen(r->prompt), !plain, e));
        r->skip = r->ids.n;
    } else {
        TokJoint how;
        TRY(tok_encode_joint(m->tok, &r->ids, &how, r->prompt, strlen(r->prompt), r->answer,
                             strlen(r->answer), !plain, e));
        r->skip += how.skip;
        r->straddles = how.straddles;
    }
    if (r->skip == 0)
        FAIL(e, ERR_ARG, "the prompt has no token of its own, and the model none to begin a text with");
    if (eos) TRY(tok_ids_push(&r->ids, c->eos, e));
    return pass_check(m->model, r->ids.id, r->ids.n, e);
}

Status use_rows_encode(UseRows *u, const CliModel *m, bool eos, bool plain, Err *e)
{
    if (eos && m->model->cfg.eos < 0) FAIL(e, ERR_ARG, "--eos: the model has no eos_token_id");
    for (size_t i = 0; i < u->n; i++) {
        UseRow *r = &u->row[i];
        if (row_encode(r, m, eos, plain, e) != OK) return err_prefix(e, "%s:%zu", u->path, r->line);
    }
    return OK;
}

JsVal *use_row_id(const UseRow *r)
{
    const JsVal *id = js_get(r->root, "id");
    if (js_str(id, NULL) != NULL) return js_new_str(js_str(id, NULL));
    return js_new_int(js_int(id, (int64_t)r->line));
}

/* ---- score ---- */

static double score_mean(const ScoreOut *o)
{
    return o->n_tokens > 0 ? o->nll_sum / (double)o->n_tokens : NAN;
}

static void score_csv(const UseRows *u, const ScoreOut *out)
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
        table_put_num(&t, score_mean(&out[i]));
        table_end_row(&t);
    }
}

/* One object a line; a mean over no token is null. */
static Status score_json(const UseRows *u, const ScoreOut *out, Err *e)
{
    Str text = {0};
    Status s = OK;
    for (size_t i = 0; s == OK && i < u->n; i++) {
        JsVal *o = js_new_obj();
        js_set(o, "id", use_row_id(&u->row[i]));
        js_set(o, "n_tokens", js_new_int((int64_t)out[i].n_tokens));
        js_set(o, "nll_sum", js_new_num(out[i].nll_sum));
        js_set(o, "nll_mean", js_new_num(score_mean(&out[i])));
        js_set(o, "straddles", js_new_bool(u->row[i].straddles));
        s = js_dump(&text, o, 0, e);
        str_puts(&text, "\n");
        js_close(o);
    }
    if (s == OK && text.failed) s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for the scores");
    if (s == OK && text.n > 0) fwrite(text.s, 1, text.n, stdout);
    str_free(&text);
    return s;
}

typedef struct {
    const char *dir, *path, *signals; /* signals NULL: losses alone */
    const CliList *adapters;
    bool eos, plain;
} ScoreJobOpts;

static Status score_rows(const UseRows *u, const CliModel *m, const ScoreJobOpts *o, Err *e)
{
    ScoreOut *out = calloc(u->n + 1, sizeof *out);
    ScoreItem *item = calloc(u->n + 1, sizeof *item);
    Status s = out != NULL && item != NULL
                   ? OK
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu scores", u->n);
    for (size_t i = 0; s == OK && i < u->n; i++)
        item[i] = (ScoreItem){.ids = u->row[i].ids.id, .n = u->row[i].ids.n, .skip = u->row[i].skip};
    if (s == OK)
        s = o->signals != NULL ? use_rows_signals(out, o->signals, u, m, item, o->dir, o->adapters, e)
                               : score_nll(out, m->model, cli_model_pass(m), 1, item, u->n, e);
    if (s == OK && cli_common.json)
        s = score_json(u, out, e);
    else if (s == OK)
        score_csv(u, out);
    free(out);
    free(item);
    return s;
}

/* Such a token's probability is that of the prompt's end, too. */
static void score_warn(const UseRows *u)
{
    size_t n = 0;
    for (size_t i = 0; i < u->n; i++) n += u->row[i].straddles;
    if (n > 0)
        log_say(LOG_WARN, "%s: %zu of %zu answers begin inside a token, which counts as theirs", u->path, n,
                u->n);
}

static Status score_job(const ScoreJobOpts *o, Err *e)
{
    UseRows u = {0};
    CliModel m = {0};
    Status s = use_rows_read(&u, o->path, true, e);
    if (s == OK) s = cli_model_open(&m, o->dir, true, o->adapters, e);
    if (s == OK) s = use_rows_encode(&u, &m, o->eos, o->plain, e);
    if (s == OK) score_warn(&u);
    if (s == OK) s = score_rows(&u, &m, o, e);
    use_rows_free(&u);
    cli_model_close(&m);
    return s;
}

int model_score_run(const CliVerb *self, int argc, char **argv)
{
    CliList adapters = {0}, pos = {0};
    ScoreJobOpts o = {.adapters = &adapters};
    const CliOpt opts[] = {
        CLI_ADAPTER_OPT(&adapters),
        CLI_MODEL_OPTS,
        {"eos", 0, OPT_FLAG, &o.eos, NULL, "the end token counts as part of the answer, as in training", 0,
         0},
        USE_PLAIN_OPT(&o.plain),
        {"signals", 0, OPT_STR, &o.signals, "FILE",
         "write token signals for 'prime attack score'; rows may have unit and label", 0, 0},
    };
    Err e = {0};
    int code = cli_args(self, "model", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 2);
    if (code < 0) {
        o.dir = pos.item[0];
        o.path = pos.n > 1 ? pos.item[1] : "-";
        code = score_job(&o, &e) == OK ? EXIT_DONE : cli_fail(&e);
    }
    cli_list_free(&pos);
    cli_list_free(&adapters);
    return code;
}
