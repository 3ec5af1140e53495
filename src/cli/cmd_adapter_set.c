/* cmd_adapter_set.c - adapters of one model, opened together; tables of what is said about them. */
#include "cmd_adapter_priv.h"

#include "prime/file.h"
#include "prime/table.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- shapes ---- */

static Status shape_of_folder(LoraShape *shape, const char *model, Err *e)
{
    ModelConfig c;
    char *path = file_join(model, "config.json"), *text = NULL;
    size_t n = 0;
    if (path == NULL) FAIL(e, ERR_NOMEM, "%s: out of memory", model);
    Status s = file_read(&text, &n, path, e);
    if (s == OK) s = model_config_parse(&c, NULL, text, n, path, false, e);
    if (s == OK) *shape = model_lora_shape(&c);
    free(text);
    free(path);
    return s;
}

static Status shape_of_model(LoraShape *shape, const char *model, Err *e)
{
    Model *m = NULL;
    if (file_is_dir(model)) return shape_of_folder(shape, model, e);
    TRY(model_load(&m, model, e));
    *shape = model_lora_shape(&m->cfg);
    model_free(m);
    return OK;
}

static Status shape_of_adapters(LoraShape *shape, const char *const *dir, size_t n, Err *e)
{
    TRY(lora_shape_of(shape, dir[0], e));
    for (size_t i = 1; i < n; i++) {
        LoraShape next;
        TRY(lora_shape_of(&next, dir[i], e));
        if (lora_shape_join(shape, &next, e) != OK) return err_prefix(e, "%s", dir[i]);
    }
    return OK;
}

/* ---- sets ---- */

void adapter_set_free(AdapterSet *s)
{
    cli_adapters_free(s->l, s->n);
    free(s->norm);
}

Status adapter_set_load(AdapterSet *s, const char *model, const char *const *dir, size_t n, Err *e)
{
    if (model != NULL)
        TRY(shape_of_model(&s->shape, model, e));
    else
        TRY(shape_of_adapters(&s->shape, dir, n, e));
    s->dir = dir;
    s->norm = calloc(n, sizeof *s->norm);
    if (s->norm == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu adapters", n);
    TRY(cli_adapters_open(&s->l, dir, n, &s->shape, e));
    s->n = n;
    for (size_t i = 0; i < n; i++) s->norm[i] = lora_norm(s->l[i]);
    return OK;
}

Status adapter_base_name(char **out, const char *dir, Err *e)
{
    JsVal *root = NULL;
    char *path = file_join(dir, "adapter_config.json");
    if (path == NULL) FAIL(e, ERR_NOMEM, "%s: out of memory", dir);
    Status s = js_load(&root, path, e);
    if (s == OK) {
        const char *base = js_str(js_get(root, "base_model_name_or_path"), NULL);
        char *copy = strdup(base != NULL ? base : "");
        if (copy != NULL)
            *out = copy;
        else
            s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: out of memory", dir);
    }
    js_close(root);
    free(path);
    return s;
}

/* ---- tables ---- */

AdapterRows adapter_rows(const char *const *col, size_t n_col)
{
    return (AdapterRows){.col = col, .n_col = n_col, .rows = js_new_arr()};
}

static void rows_put(AdapterRows *r, JsVal *v)
{
    if (r->at == 0) r->row = js_new_obj();
    js_set(r->row, r->col[r->at], v);
    r->at = (r->at + 1) % r->n_col;
    if (r->at == 0) js_push(r->rows, r->row);
}

void adapter_rows_str(AdapterRows *r, const char *s)
{
    rows_put(r, s != NULL ? js_new_str(s) : js_new_null());
}

void adapter_rows_num(AdapterRows *r, double x)
{
    rows_put(r, js_new_num(x));
}

static void rows_csv(const AdapterRows *r)
{
    TableOut t = {0};
    table_begin(&t, stdout, NULL, r->col, r->n_col);
    for (size_t i = 0; i < js_len(r->rows); i++) {
        for (size_t c = 0; c < r->n_col; c++) {
            const JsVal *v = js_get(js_at(r->rows, i), r->col[c]);
            if (js_str(v, NULL) != NULL)
                table_put_str(&t, js_str(v, NULL));
            else
                table_put_num(&t, js_num(v, NAN));
        }
        table_end_row(&t);
    }
}

Status adapter_rows_print(AdapterRows *r, Err *e)
{
    Str text = {0};
    assert(r->at == 0);
    Status s = js_dump(&text, r->rows, 2, e); /* also says whether memory ran out on the way */
    if (s == OK && cli_common.json)
        printf("%s\n", text.s);
    else if (s == OK)
        rows_csv(r);
    str_free(&text);
    js_close(r->rows);
    *r = (AdapterRows){0};
    if (s == OK && ferror(stdout)) FAIL(e, ERR_IO, "cannot write standard output");
    return s;
}
