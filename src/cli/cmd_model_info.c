#include "cli_model.h"
#include "cmd_model_priv.h"

#include "prime/file.h"
#include "prime/js.h"

#include <stdlib.h>

static void info_sizes(CliRecord *r, const Model *m)
{
    const ModelConfig *c = &m->cfg;
    cli_record_str(r, "architecture", model_type_name(c));
    cli_record_num(r, "parameters", (double)m->n_params);
    cli_record_num(r, "layers", (double)c->n_layers);
    cli_record_num(r, "hidden", (double)c->n_hidden);
    cli_record_num(r, "heads", (double)c->n_heads);
    cli_record_num(r, "kv_heads", (double)c->n_kv);
    cli_record_num(r, "head_dim", (double)c->head_dim);
    cli_record_num(r, "ffn", (double)c->n_ffn);
    cli_record_num(r, "vocab", (double)c->n_vocab);
    cli_record_num(r, "positions", (double)c->max_len);
}

static void info_kinds(CliRecord *r, const Model *m)
{
    static const char *const norm[] = {"rms", "rms, 1 + w", "layer"};
    const ModelConfig *c = &m->cfg;
    size_t local = 0;
    for (size_t l = 0; l < c->n_layers; l++) local += model_layer_local(c, l);
    cli_record_str(r, "norm", norm[c->norm]);
    cli_record_num(r, "norm_eps", c->norm_eps);
    cli_record_str(r, "activation", model_act_name(c->act));
    cli_record_str(r, "rope", c->learned_pos ? "none" : model_rope_name(c->rope.kind));
    if (!c->learned_pos) cli_record_num(r, "rope_theta", c->rope.theta);
    cli_record_num(r, "window", (double)c->window);
    cli_record_num(r, "window_layers", (double)local);
    cli_record_str(r, "tied_head", c->tied ? "yes" : "no");
    cli_record_num(r, "bos", c->bos);
    cli_record_num(r, "eos", c->eos);
}

/* Which stop ids generation ends at, and what adapters may sit on. */
static void info_lists(CliRecord *r, const Model *m)
{
    Str text = {0};
    LoraShape shape = model_lora_shape(&m->cfg);
    for (size_t i = 0; i < m->cfg.n_stop; i++) str_printf(&text, "%s%d", i > 0 ? " " : "", m->cfg.stop[i]);
    cli_record_text(r, "stop", &text);
    str_clear(&text);
    for (size_t k = 0; k < LORA_KINDS; k++)
        if (shape.n_out[k] > 0) str_printf(&text, "%s%s", text.n > 0 ? " " : "", shape.names->module[k]);
    cli_record_text(r, "modules", &text);
    str_free(&text);
}

static void info_files(CliRecord *r, const Model *m)
{
    cli_record_str(r, "dtype", m->types);
    cli_record_num(r, "tensors", (double)m->n_tensors);
    cli_record_num(r, "tensor_bytes", (double)m->n_bytes);
    cli_record_str(r, "ignored_keys", m->ignored != NULL ? m->ignored : "");
}

static Status info_tokenizer(CliRecord *r, const char *dir, Err *e)
{
    Tok *t = NULL;
    char *path = file_join(dir, "tokenizer.json");
    if (path == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    Status s = file_exists(path) ? tok_load(&t, dir, e) : OK;
    if (t != NULL) cli_record_num(r, "tokenizer", (double)tok_vocab_size(t));
    tok_free(t);
    free(path);
    return s;
}

/* Weights are mapped, not read, unless --weights says otherwise. */
static Status info_job(const char *dir, Err *e)
{
    Model *m = NULL;
    CliRecord r = {0};
    TRY(cli_model_load(&m, dir, e));
    info_sizes(&r, m);
    info_kinds(&r, m);
    info_lists(&r, m);
    info_files(&r, m);
    Status s = info_tokenizer(&r, dir, e);
    if (s == OK) s = cli_record_print(&r, e);
    js_close(r.obj);
    model_free(m);
    return s;
}

int model_info_run(const CliVerb *self, int argc, char **argv)
{
    const CliOpt opts[] = {CLI_MODEL_OPTS};
    CliList pos = {0};
    Err e = {0};
    cli_model_weights = "stored";
    int code = cli_args(self, "model", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 1);
    if (code < 0) code = info_job(pos.item[0], &e) == OK ? EXIT_DONE : cli_fail(&e);
    cli_list_free(&pos);
    return code;
}
