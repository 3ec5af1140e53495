#include "cli_model.h"
#include "cmd_model_priv.h"

#include "prime/file.h"
#include "prime/js.h"
#include "prime/st.h"
#include "prime/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What model_load has read. */
static void info_config(CliRecord *r, const Model *m)
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
    cli_record_num(r, "norm_eps", c->norm_eps);
    cli_record_str(r, "rope", c->learned_pos ? "none" : model_rope_name(c->rope.kind));
    cli_record_num(r, "rope_theta", c->rope.theta);
    cli_record_str(r, "tied_head", c->tied ? "yes" : "no");
    cli_record_num(r, "bos", c->bos);
    cli_record_num(r, "eos", c->eos);
}

/* What lies in the file: types in order of appearance, tensors, bytes. */
static Status info_tensors(CliRecord *r, const char *path, Err *e)
{
    StFile *st = NULL;
    Str types = {0};
    size_t bytes = 0;
    unsigned seen = 0;
    TRY(st_open(&st, path, e));
    for (size_t i = 0; i < st_count(st); i++) {
        const StTensor *t = st_at(st, i);
        bytes += t->nbytes;
        if ((seen >> t->type & 1U) == 0)
            str_printf(&types, "%s%s", seen != 0 ? " " : "", st_type_name(t->type));
        seen |= 1U << t->type;
    }
    cli_record_str(r, "dtype", types.s != NULL ? types.s : "");
    cli_record_num(r, "tensors", (double)st_count(st));
    cli_record_num(r, "tensor_bytes", (double)bytes);
    str_free(&types);
    st_close(st);
    return OK;
}

static Status info_tokenizer(CliRecord *r, const char *dir, const char *path, Err *e)
{
    Tok *t = NULL;
    if (!file_exists(path)) return OK;
    TRY(tok_load(&t, dir, e));
    cli_record_num(r, "tokenizer", (double)tok_vocab_size(t));
    tok_free(t);
    return OK;
}

static Status info_job(const char *dir, Err *e)
{
    CliModel m = {0};
    CliRecord r = {0};
    CliList none = {0};
    char *config = file_join(dir, "config.json"), *weights = file_join(dir, "model.safetensors"),
         *tok = file_join(dir, "tokenizer.json");
    Status s = config != NULL && weights != NULL && tok != NULL
                   ? cli_model_open(&m, dir, false, &none, e)
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "out of memory");
    if (s == OK) info_config(&r, m.model);
    if (s == OK) s = info_tensors(&r, weights, e);
    if (s == OK) s = info_tokenizer(&r, dir, tok, e);
    if (s == OK) cli_record_str(&r, "ignored_keys", m.model->ignored != NULL ? m.model->ignored : "");
    if (s == OK) s = cli_record_print(&r, e);
    js_close(r.obj);
    cli_model_close(&m);
    free(config);
    free(weights);
    free(tok);
    return s;
}

int model_info_run(const CliVerb *self, int argc, char **argv)
{
    CliList pos = {0};
    Err e = {0};
    int code = cli_args(self, "model", NULL, 0, argc, argv, &pos, 1, 1);
    if (code < 0) code = info_job(pos.item[0], &e) == OK ? EXIT_DONE : cli_fail(&e);
    cli_list_free(&pos);
    return code;
}
