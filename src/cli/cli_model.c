#include "cli_model.h"

#include "prime/file.h"
#include "prime/js.h"
#include "prime/log.h"
#include "prime/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- adapters ---- */

void cli_adapters_free(Lora **l, size_t n)
{
    for (size_t i = 0; l != NULL && i < n; i++) lora_free(l[i]);
    free(l);
}

Status cli_adapters_open(Lora ***l, const char *const *dir, size_t n, const LoraShape *shape, Err *e)
{
    Lora **fresh = calloc(n + 1, sizeof *fresh);
    if (fresh == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu adapters", n);
    Status s = OK;
    for (size_t i = 0; s == OK && i < n; i++) s = lora_load(&fresh[i], dir[i], shape, e);
    if (s != OK)
        cli_adapters_free(fresh, n);
    else
        *l = fresh;
    return s;
}

Status cli_adapter_split(double *w, char *text, Err *e)
{
    char *eq = strrchr(text, '='), *end = NULL;
    *w = 1;
    if (eq == NULL || file_is_dir(text)) return OK;
    *w = strtod(eq + 1, &end);
    if (end == eq + 1 || *end != '\0' || !isfinite(*w))
        FAIL(e, ERR_ARG, "--adapter %s: weight '%s', want a finite number", text, eq + 1);
    *eq = '\0';
    return OK;
}

static Status adapters_fill(CliModel *m, char **name, const CliList *adapters, Err *e)
{
    LoraShape shape = model_lora_shape(&m->model->cfg);
    for (size_t i = 0; i < adapters->n; i++) {
        name[i] = strdup(adapters->item[i]);
        if (name[i] == NULL) FAIL(e, ERR_NOMEM, "out of memory");
        double w = 1;
        TRY(cli_adapter_split(&w, name[i], e));
        m->w[i] = (float)w;
    }
    TRY(cli_adapters_open(&m->lora, (const char *const *)name, adapters->n, &shape, e));
    m->k = adapters->n;
    TRY(lora_bank_new(&m->bank, (const Lora *const *)m->lora, m->k, e));
    m->pass = (PassLora){.bank = m->bank, .op = LORA_EXACT, .w = m->w};
    return OK;
}

static Status adapters_put(CliModel *m, const CliList *adapters, Err *e)
{
    if (adapters->n == 0) return OK;
    m->w = calloc(adapters->n, sizeof *m->w);
    char **name = calloc(adapters->n, sizeof *name);
    Status s = m->w != NULL && name != NULL ? adapters_fill(m, name, adapters, e)
                                            : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "out of memory");
    for (size_t i = 0; name != NULL && i < adapters->n; i++) free(name[i]);
    free(name);
    return s;
}

/* ---- models ---- */

const char *cli_model_weights = "auto", *cli_model_precision = "f32";
ModelOpts cli_model_opts;

Status cli_precision(MatType *p, const char *name, Err *e)
{
    if (!mat_type_named(p, name)) FAIL(e, ERR_ARG, "--precision = %s, want f32 or bf16", name);
    return OK;
}

Status cli_model_pack(Model *m, Err *e)
{
    MatType p = MAT_F32;
    TRY(cli_precision(&p, cli_model_precision, e));
    return p != MAT_F32 || model_pack_pays(m) ? model_pack(m, p, e) : OK;
}

Status cli_model_load(Model **m, const char *path, Err *e)
{
    static const char *const how[] = {
        [WEIGHTS_AUTO] = "auto", [WEIGHTS_F32] = "f32", [WEIGHTS_STORED] = "stored"};
    size_t i = 0, n = sizeof how / sizeof how[0];
    MatType precision = MAT_F32;
    TRY(cli_precision(&precision, cli_model_precision, e));
    while (i < n && strcmp(cli_model_weights, how[i]) != 0) i++;
    if (i == n) FAIL(e, ERR_ARG, "--weights = %s, want auto, f32 or stored", cli_model_weights);
    cli_model_opts.weights = i == WEIGHTS_AUTO && precision == MAT_BF16 ? WEIGHTS_STORED : (ModelWeights)i;
    TRY(model_open(m, path, &cli_model_opts, e));
    if ((*m)->ignored != NULL) log_say(LOG_DEBUG, "%s: keys that have no say here: %s", path, (*m)->ignored);
    return OK;
}

Status cli_model_open(CliModel *m, const char *dir, bool tok, const CliList *adapters, Err *e)
{
    TRY(cli_model_load(&m->model, dir, e));
    TRY(cli_model_pack(m->model, e));
    TRY(adapters_put(m, adapters, e));
    if (!tok) return OK;
    TRY(tok_load(&m->tok, dir, e));
    if (tok_vocab_size(m->tok) >
        m->model->cfg.n_vocab) /* Gemma 3 ships like this; such an id is refused where it occurs */
        log_say(LOG_WARN, "%s: the tokenizer has %zu entries, the model only %zu", dir,
                tok_vocab_size(m->tok), m->model->cfg.n_vocab);
    return OK;
}

void cli_model_close(CliModel *m)
{
    lora_bank_free(m->bank);
    cli_adapters_free(m->lora, m->k);
    free(m->w);
    tok_free(m->tok);
    model_free(m->model);
    *m = (CliModel){0};
}

const PassLora *cli_model_pass(const CliModel *m)
{
    return m->bank != NULL ? &m->pass : NULL;
}

/* ---- records ---- */

static void record_put(CliRecord *r, const char *key, JsVal *v)
{
    if (r->obj == NULL) r->obj = js_new_obj();
    js_set(r->obj, key, v);
}

void cli_record_str(CliRecord *r, const char *key, const char *value)
{
    record_put(r, key, js_new_str(value));
}

void cli_record_text(CliRecord *r, const char *key, const Str *text)
{
    record_put(r, key, text->failed ? NULL : js_new_strn(text->s != NULL ? text->s : "", text->n));
}

void cli_record_num(CliRecord *r, const char *key, double value)
{
    record_put(r, key, js_new_num(value));
}

static void record_csv(const JsVal *obj)
{
    static const char *const col[] = {"key", "value"};
    TableOut t = {0};
    JsIter it = {0};
    const char *key = NULL;
    table_begin(&t, stdout, NULL, col, 2);
    for (const JsVal *v; (v = js_next(obj, &it, &key)) != NULL;) {
        table_put_str(&t, key);
        if (js_str(v, NULL) != NULL)
            table_put_str(&t, js_str(v, NULL));
        else
            table_put_num(&t, js_num(v, NAN));
        table_end_row(&t);
    }
}

Status cli_record_print(CliRecord *r, Err *e)
{
    Str text = {0};
    Status s = js_dump(&text, r->obj, 2, e);
    if (s == OK && cli_common.json)
        printf("%s\n", text.s);
    else if (s == OK)
        record_csv(r->obj);
    str_free(&text);
    js_close(r->obj);
    *r = (CliRecord){0};
    if (s == OK && ferror(stdout)) FAIL(e, ERR_IO, "cannot write standard output");
    return s;
}
