#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PER_LAYER = 32, ONCE = 8 };

size_t files_count(const ModelConfig *c)
{
    return ONCE + PER_LAYER * c->n_layers;
}

/* A list that is being filled. */
typedef struct {
    FileTensor *t;
    size_t n;
    const ModelConfig *c;
    const FileNames *names;
} Lister;

static FileTensor *files_add(Lister *s, const char *tail, size_t ndim, size_t rows, size_t cols)
{
    FileTensor *t = &s->t[s->n++];
    *t = (FileTensor){.ndim = ndim, .shape = {rows, cols}};
    snprintf(t->name, sizeof t->name, "%s", tail);
    return t;
}

/* The name of a tensor outside the layers; the head is no part of the inner model. */
static void name_once(char out[NAME_LEN], const Lister *s, ParamKind k, const char *tail)
{
    snprintf(out, NAME_LEN, "%s.%s", s->names->param[k] + (k == PARAM_HEAD ? 0 : s->names->root), tail);
}

static void name_in_layer(char out[NAME_LEN], const Lister *s, size_t layer, const char *what,
                          const char *tail)
{
    snprintf(out, NAME_LEN, "%s%zu.%s.%s", s->names->prefix + s->names->root, layer, what, tail);
}

static void list_vec(Lister *s, const char *name, size_t n, float *at)
{
    files_add(s, name, 1, n, 0)->vec = at;
}

static void list_norm(Lister *s, size_t layer, ParamKind k, size_t n, float *w, float *b)
{
    char name[NAME_LEN];
    bool shift = s->c->norm == NORM_LAYER;
    if (k == PARAM_NORM)
        name_once(name, s, k, "weight");
    else
        name_in_layer(name, s, layer, s->names->param[k], "weight");
    list_vec(s, name, n, w);
    if (!shift) return;
    if (k == PARAM_NORM)
        name_once(name, s, k, "bias");
    else
        name_in_layer(name, s, layer, s->names->param[k], "bias");
    list_vec(s, name, n, b);
}

static bool kind_has_bias(const ModelConfig *c, LoraKind k)
{
    if (k == LORA_O) return c->bias_o;
    return k < LORA_O ? c->bias_qkv : c->bias_ffn;
}

static void set_order(FileTensor *t, const Lister *s, const LoraShape *shape, LoraKind k)
{
    if (k == LORA_QKV && shape->qkv_heads > 0) {
        t->order = ROWS_BY_HEAD;
        t->heads = shape->qkv_heads;
    }
    if (s->names->pairs && (k == LORA_Q || k == LORA_K)) {
        t->order = ROWS_BY_PAIR;
        t->heads = k == LORA_Q ? s->c->n_heads : s->c->n_kv;
    }
}

static void list_products(Lister *s, const LoraShape *shape, const ModelParams *p, size_t layer)
{
    char name[NAME_LEN];
    for (size_t i = 0; i < LORA_KINDS; i++) {
        LoraKind k = (LoraKind)i;
        size_t n_in = shape->n_in[k], n_out = shape->n_out[k], column = lora_out_column(shape, k);
        ModelLin *lin = p != NULL ? params_lin(p, layer, k) : NULL;
        if (n_out == 0) continue;
        name_in_layer(name, s, layer, s->names->module[k], "weight");
        FileTensor *t =
            s->c->conv1d ? files_add(s, name, 2, n_in, n_out) : files_add(s, name, 2, n_out, n_in);
        t->lin = lin;
        t->first = column;
        t->rows = n_out;
        set_order(t, s, shape, k);
        if (!kind_has_bias(s->c, k)) continue;
        name_in_layer(name, s, layer, s->names->module[k], "bias");
        t = files_add(s, name, 1, n_out, 0);
        t->vec = lin != NULL ? lin->bias + column : NULL;
        set_order(t, s, shape, k);
    }
}

static void list_layer(Lister *s, const LoraShape *shape, const ModelParams *p, size_t l)
{
    static const ModelLayer nowhere;
    const ModelConfig *c = s->c;
    const ModelLayer *y = p != NULL ? &p->layer[l] : &nowhere;
    list_norm(s, l, PARAM_NORM1, c->n_hidden, y->norm1, y->norm1_b);
    if (c->qk_norm) list_norm(s, l, PARAM_Q_NORM, c->head_dim, y->q_norm, NULL);
    if (c->qk_norm) list_norm(s, l, PARAM_K_NORM, c->head_dim, y->k_norm, NULL);
    if (c->post_norms) list_norm(s, l, PARAM_POST1, c->n_hidden, y->post1, NULL);
    list_norm(s, l, PARAM_NORM2, c->n_hidden, y->norm2, y->norm2_b);
    if (c->post_norms) list_norm(s, l, PARAM_POST2, c->n_hidden, y->post2, NULL);
    list_products(s, shape, p, l);
}

static void list_table(Lister *s, ParamKind k, ModelLin *lin)
{
    char name[NAME_LEN];
    name_once(name, s, k, "weight");
    FileTensor *t = files_add(s, name, 2, s->c->n_vocab, s->c->n_hidden);
    t->lin = lin;
    t->rows = s->c->n_vocab;
}

FileNames files_names(const ModelConfig *c, bool bare)
{
    const char *const *param = arch_of(c)->param;
    const LoraNames *names = arch_modules(c);
    size_t root = bare ? (size_t)(strchr(param[PARAM_EMBED], '.') - param[PARAM_EMBED]) + 1 : 0;
    return (FileNames){param, names->prefix, names->module, root, false};
}

size_t files_list(FileTensor *t, const ModelConfig *c, const ModelParams *p, const FileNames *names)
{
    ModelParams *at = (ModelParams *)p; /* the places are handed on, nothing is written here */
    Lister s = {.t = t, .c = c, .names = names};
    LoraShape shape = model_lora_shape(c);
    char name[NAME_LEN];
    list_table(&s, PARAM_EMBED, at != NULL ? &at->embed : NULL);
    if (c->learned_pos) {
        name_once(name, &s, PARAM_POS, "weight");
        files_add(&s, name, 2, c->max_len, c->n_hidden)->vec = p != NULL ? p->pos : NULL;
    }
    for (size_t l = 0; l < c->n_layers; l++) list_layer(&s, &shape, p, l);
    list_norm(&s, 0, PARAM_NORM, c->n_hidden, p != NULL ? p->norm : NULL, p != NULL ? p->norm_b : NULL);
    if (!c->tied) list_table(&s, PARAM_HEAD, at != NULL ? &at->head : NULL);
    return s.n;
}

/* Where row r of memory lies in the file. */
static size_t file_row(const FileTensor *t, size_t r, size_t rows)
{
    if (t->order == ROWS_PLAIN) return r;
    if (t->order == ROWS_BY_PAIR) return gguf_rope_row(r, rows / t->heads);
    size_t D = rows / t->heads / 3, part = r / (t->heads * D), h = r / D % t->heads;
    return (h * 3 + part) * D + r % D;
}

void files_order(void *out, const void *in, const FileTensor *t, size_t size, bool back)
{
    for (size_t r = 0; r < t->shape[0]; r++) {
        size_t f = file_row(t, r, t->shape[0]);
        memcpy((char *)out + (back ? f : r) * size, (const char *)in + (back ? r : f) * size, size);
    }
}

Status files_new(ModelFiles **f, size_t most_own, Err *e)
{
    ModelFiles *fresh = calloc(1, sizeof *fresh);
    if (fresh != NULL) fresh->own = calloc(most_own + 1, sizeof *fresh->own);
    if (fresh == NULL || fresh->own == NULL) {
        files_close(fresh);
        FAIL(e, ERR_NOMEM, "no memory for the files of a model");
    }
    *f = fresh;
    return OK;
}

void files_close(struct ModelFiles *f)
{
    if (f == NULL) return;
    st_set_close(f->st);
    gguf_close(f->gguf);
    for (size_t i = 0; i < f->n_own; i++) free(f->own[i]);
    free(f->own);
    free(f);
}
