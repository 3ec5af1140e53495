/* cmd_model_generate.c - completions of prompts. Everything is computed before the first byte is printed. */
#include "cmd_model_priv.h"
#include "cmd_model_use.h"

#include "prime/arena.h"
#include "prime/generate.h"
#include "prime/log.h"
#include "prime/par.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *dir;
    UseRows rows;
    CliModel m;
    CliList adapters;
    GenOpts o;
    bool ignore_eos, plain;
    size_t samples, n; /* of each row; of all rows */
    GenItem *item;     /* [n] rows in order, the samples of a row side by side */
    GenOut *out;       /* [n] */
    int32_t *ids;      /* [n, max_new] */
} GenCall;

static void call_close(GenCall *g)
{
    use_rows_free(&g->rows);
    cli_model_close(&g->m);
    cli_list_free(&g->adapters);
    free(g->item);
    free(g->out);
    free(g->ids);
}

/* ---- output ---- */

/* What the answer adds to the prompt's text: a tokenizer may write the first token of a text another way than
 * the same token inside it. */
static Status text_decode(Str *out, const Tok *tok, const TokIds *prompt, const int32_t *ids, size_t n,
                          Err *e)
{
    Str before = {0}, all = {0};
    size_t total = prompt->n + n;
    int32_t *joint = malloc(total * sizeof *joint);
    if (joint == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu tokens", total);
    memcpy(joint, prompt->id, prompt->n * sizeof *joint);
    memcpy(joint + prompt->n, ids, n * sizeof *joint);
    Status s = tok_decode(tok, &before, joint, prompt->n, true, e);
    if (s == OK) s = tok_decode(tok, &all, joint, total, true, e);
    if (s == OK && all.n >= before.n && (before.n == 0 || memcmp(all.s, before.s, before.n) == 0))
        str_put(out, all.n > 0 ? all.s + before.n : "", all.n - before.n);
    else if (s == OK)
        s = tok_decode(tok, out, ids, n, true, e);
    str_free(&before);
    str_free(&all);
    free(joint);
    return s;
}

static JsVal *answer_record(const GenCall *g, size_t i, const Str *text)
{
    JsVal *o = js_new_obj(), *ids = js_new_arr();
    for (size_t k = 0; k < g->out[i].n; k++) js_push(ids, js_new_int(g->ids[i * g->o.max_new + k]));
    js_set(o, "id", use_row_id(&g->rows.row[i / g->samples]));
    js_set(o, "sample", js_new_int((int64_t)(i % g->samples)));
    js_set(o, "text", js_new_strn(text->s != NULL ? text->s : "", text->n));
    js_set(o, "ids", ids);
    js_set(o, "finish_reason", js_new_str(g->out[i].end == GEN_STOP ? "stop" : "length"));
    return o;
}

static Status answer_put(Str *out, const GenCall *g, size_t i, Err *e)
{
    Str text = {0};
    Status s = text_decode(&text, g->m.tok, &g->rows.row[i / g->samples].ids, g->ids + i * g->o.max_new,
                           g->out[i].n, e);
    if (s == OK && text.failed) s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for a completion");
    if (s == OK && cli_common.json) {
        JsVal *o = answer_record(g, i, &text);
        s = js_dump(out, o, 0, e);
        js_close(o);
    } else if (s == OK) {
        str_put(out, text.s != NULL ? text.s : "", text.n);
    }
    str_puts(out, "\n");
    str_free(&text);
    return s;
}

static Status answers_print(const GenCall *g, Err *e)
{
    Str out = {0};
    Status s = OK;
    for (size_t i = 0; s == OK && i < g->n; i++) s = answer_put(&out, g, i, e);
    if (s == OK && out.failed) s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for the completions");
    if (s == OK && out.n > 0) fwrite(out.s, 1, out.n, stdout);
    str_free(&out);
    return s;
}

/* ---- work ---- */

static Status call_answer(GenCall *g, Err *e)
{
    const ModelConfig *c = &g->m.model->cfg;
    size_t total = 0;
    if (g->o.max_new > c->max_len) g->o.max_new = c->max_len; /* more cannot be generated */
    if (!g->ignore_eos) {
        g->o.stop = c->stop;
        g->o.n_stop = c->n_stop;
    }
    TRY(size_mul(&g->n, g->rows.n, g->samples, e));
    TRY(size_mul(&total, g->n, g->o.max_new, e));
    g->item = calloc(g->n + 1, sizeof *g->item);
    g->out = calloc(g->n + 1, sizeof *g->out);
    g->ids = calloc(total + 1, sizeof *g->ids);
    if (g->item == NULL || g->out == NULL || g->ids == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu completions of %zu tokens", g->n, g->o.max_new);
    for (size_t i = 0; i < g->n; i++) {
        const UseRow *r = &g->rows.row[i / g->samples];
        g->item[i] = (GenItem){.ids = r->ids.id, .n = r->ids.n};
    }
    log_say(LOG_DEBUG, "at most %zu bytes of keys and values",
            gen_kv_size(c, g->item, g->n, &g->o, par_threads()));
    return gen_texts(g->ids, g->out, g->m.model, cli_model_pass(&g->m), 1, g->item, g->n, &g->o, e);
}

static Status call_run(GenCall *g, const char *path, Err *e)
{
    TRY(use_rows_read(&g->rows, path, false, e));
    TRY(cli_model_open(&g->m, g->dir, true, &g->adapters, e));
    TRY(use_rows_encode(&g->rows, &g->m, false, g->plain, e));
    TRY(call_answer(g, e));
    return answers_print(g, e);
}

int model_generate_run(const CliVerb *self, int argc, char **argv)
{
    GenCall g = {.o = gen_greedy(64), .samples = 1};
    const CliOpt opts[] = {
        CLI_ADAPTER_OPT(&g.adapters),
        CLI_MODEL_OPTS,
        {"max-new", 'n', OPT_SIZE, &g.o.max_new, "N", "tokens of a completion, at most (64)", 1, 1 << 20},
        {"temperature", 't', OPT_NUM, &g.o.temperature, "T", "draw, at this temperature (0: do not)", 0, 1e6},
        {"top-k", 0, OPT_SIZE, &g.o.top_k, "K", "draw among the K likeliest tokens", 1, 1 << 24},
        {"top-p", 0, OPT_NUM, &g.o.top_p, "P", "draw among the fewest tokens of probability P", 1e-9, 1},
        {"min-p", 0, OPT_NUM, &g.o.min_p, "P", "draw among tokens P times as likely as the first", 0, 1},
        {"repetition-penalty", 0, OPT_NUM, &g.o.repetition_penalty, "R",
         "divide logits above 0 of tokens in the text, multiply others (1)", 1e-6, 1e6},
        {"samples", 0, OPT_SIZE, &g.samples, "N", "completions of each prompt (1)", 1, 1 << 20},
        {"ignore-eos", 0, OPT_FLAG, &g.ignore_eos, NULL, "go on after the model's end tokens", 0, 0},
        USE_PLAIN_OPT(&g.plain),
        {"batch", 0, OPT_SIZE, &g.o.batch, "N", "texts that a thread works on at a time (64)", 1, 1 << 16},
    };
    CliList pos = {0};
    Err e = {0};
    int code = cli_args(self, "model", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 2);
    if (code < 0 && !(g.o.temperature > 0)) {
        if (g.o.top_k > 0 || g.o.top_p < 1 || g.o.min_p > 0)
            code = cli_usage("--top-k, --top-p and --min-p want --temperature above 0");
        else if (g.samples > 1)
            code = cli_usage("--samples = %zu without --temperature above 0: all would be equal", g.samples);
    }
    if (code < 0) {
        g.dir = pos.item[0];
        g.o.seed = cli_common.seed;
        code = call_run(&g, pos.n > 1 ? pos.item[1] : "-", &e) == OK ? EXIT_DONE : cli_fail(&e);
    }
    cli_list_free(&pos);
    call_close(&g);
    return code;
}
