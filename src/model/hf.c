/* hf.c - models from Hugging Face folders: config.json, model.safetensors or its shards. */
#include "files.h"

#include "prime/file.h"
#include "prime/vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One load: what was asked for, what has been opened, what is being made. */
typedef struct {
    const char *dir;
    ModelConfig cfg;
    ModelFiles *files;
    FileTensor *t;
    size_t n;
    bool bare;
    Model *m;
} HfLoad;

/* "[8, 12]"; at most two sizes, as no tensor here has more. */
static const char *shape_show(char buf[64], size_t ndim, const size_t *shape)
{
    if (ndim == 0)
        snprintf(buf, 64, "[]");
    else if (ndim == 1)
        snprintf(buf, 64, "[%zu]", shape[0]);
    else
        snprintf(buf, 64, "[%zu, %zu%s]", shape[0], shape[1], ndim > 2 ? ", ..." : "");
    return buf;
}

/* ---- every tensor accounted for ---- */

/* The weights' file, or their folder when there are several. */
static const char *first_file(const HfLoad *h)
{
    const StSet *st = h->files->st;
    return st_set_files(st) == 1 && st_set_count(st) > 0 ? st_set_file(st, st_set_at(st, 0)) : h->dir;
}

static Status match_tensor(const FileTensor *want, const HfLoad *h, Err *e)
{
    const StTensor *t = st_set_find(h->files->st, want->name);
    if (t == NULL) FAIL(e, ERR_FORMAT, "%s: tensor %s is missing", first_file(h), want->name);
    const char *file = st_set_file(h->files->st, t);
    bool fits = t->ndim == want->ndim && t->shape[0] == want->shape[0] &&
                (t->ndim < 2 || t->shape[1] == want->shape[1]);
    char have[64], need[64];
    if (!fits)
        FAIL(e, ERR_SHAPE, "%s: %s has shape %s, want %s", file, want->name,
             shape_show(have, t->ndim, t->shape), shape_show(need, want->ndim, want->shape));
    if (!st_is_float(t->type))
        FAIL(e, ERR_UNSUP, "%s: %s is stored as %s, want F32, F16, BF16 or F64", file, want->name,
             st_type_name(t->type));
    return OK;
}

static bool is_listed(const HfLoad *h, const char *name)
{
    for (size_t i = 0; i < h->n; i++)
        if (strcmp(h->t[i].name, name) == 0) return true;
    return false;
}

static bool ends_in(const char *name, const char *tail)
{
    size_t n = strlen(name), k = strlen(tail);
    return n >= k && strcmp(name + n - k, tail) == 0;
}

/* Buffers that older files carry and that are computed here: frequencies, causal masks, what a masked score
 * is set to. A tied head may be stored again. */
static bool is_harmless(const HfLoad *h, const StTensor *t)
{
    static const char *const tails[] = {"rotary_emb.inv_freq", ".attn.masked_bias", ".attention.masked_bias"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++)
        if (ends_in(t->name, tails[i])) return true;
    if (t->ndim == 4 && (ends_in(t->name, ".attn.bias") || ends_in(t->name, ".attention.bias"))) return true;
    const char *head = arch_of(&h->cfg)->param[PARAM_HEAD];
    size_t n = strlen(head);
    return h->cfg.tied && strncmp(t->name, head, n) == 0 && strcmp(t->name + n, ".weight") == 0;
}

/* Whether the files hold exactly the tensors of this configuration. Done before memory is asked for: the
 * files bound what is believed of the config. */
static Status match_tensors(HfLoad *h, Err *e)
{
    const StSet *st = h->files->st;
    char name[NAME_LEN];
    snprintf(name, sizeof name, "%s.weight", arch_of(&h->cfg)->param[PARAM_EMBED]);
    h->bare = st_set_find(st, name) == NULL && st_set_find(st, strchr(name, '.') + 1) != NULL;
    h->n = files_list(h->t, &h->cfg, NULL, h->bare);
    for (size_t i = 0; i < h->n; i++) TRY(match_tensor(&h->t[i], h, e));
    for (size_t i = 0; i < st_set_count(st); i++) {
        const StTensor *t = st_set_at(st, i);
        if (!is_listed(h, t->name) && !is_harmless(h, t))
            FAIL(e, ERR_FORMAT, "%s: unexpected tensor %s", st_set_file(st, t), t->name);
    }
    return OK;
}

/* ---- values ---- */

/* One tensor widened to out, rows in the order of memory. */
static Status widen_all(float *out, const FileTensor *want, const StTensor *t, const char *file, Err *e)
{
    size_t bad = st_rows_bad(t->data, t->type, 0, t->count);
    if (bad < t->count)
        FAIL(e, ERR_NUM, "%s: %s holds a value that is not finite at index %zu", file, t->name, bad);
    if (want->heads == 0) {
        st_rows_to_f32(out, t->data, t->type, 0, t->count);
        return OK;
    }
    float *grouped = malloc(t->count * sizeof *grouped);
    if (grouped == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %s", file, t->name);
    st_rows_to_f32(grouped, t->data, t->type, 0, t->count);
    files_regroup(out, grouped, want->heads, t->shape[0], t->count / t->shape[0] * sizeof *out, false);
    free(grouped);
    return OK;
}

static void widen_f32(float *out, const void *data, size_t first, size_t n)
{
    st_rows_to_f32(out, data, ST_F32, first, n);
}

static void widen_f16(float *out, const void *data, size_t first, size_t n)
{
    st_rows_to_f32(out, data, ST_F16, first, n);
}

static void widen_bf16(float *out, const void *data, size_t first, size_t n)
{
    st_rows_to_f32(out, data, ST_BF16, first, n);
}

static void widen_f64(float *out, const void *data, size_t first, size_t n)
{
    st_rows_to_f32(out, data, ST_F64, first, n);
}

/* A part of a product that stays where it is mapped, unless its rows have to be put in order first. */
static Status keep_part(HfLoad *h, const FileTensor *want, const StTensor *t, Err *e)
{
    ModelPart part = {.data = t->data, .first = want->first, .rows = want->rows};
    part.widen = t->type == ST_F32    ? widen_f32
                 : t->type == ST_F16  ? widen_f16
                 : t->type == ST_BF16 ? widen_bf16
                                      : widen_f64;
    if (want->heads > 0) {
        void *own = malloc(t->nbytes);
        if (own == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %s", h->dir, t->name);
        files_regroup(own, t->data, want->heads, t->shape[0], t->nbytes / t->shape[0], false);
        h->files->own[h->files->n_own++] = own;
        part.data = own;
    }
    want->lin->part[want->lin->n_parts++] = part;
    return OK;
}

static Status fill_tensor(HfLoad *h, const FileTensor *want, Err *e)
{
    const StTensor *t = st_set_find(h->files->st, want->name);
    h->m->n_params += t->count;
    if (want->lin != NULL && h->m->stored) return keep_part(h, want, t, e);
    float *out = want->lin == NULL ? want->vec
                                   : want->lin->w + want->first * (want->lin->in_out ? 0 : want->lin->n_in);
    return widen_all(out, want, t, st_set_file(h->files->st, t), e);
}

static Status fill_tensors(HfLoad *h, Err *e)
{
    h->n = files_list(h->t, &h->cfg, &h->m->p, h->bare);
    h->m->n_params = 0;
    for (size_t i = 0; i < h->n; i++) TRY(fill_tensor(h, &h->t[i], e));
    if (h->m->stored && h->cfg.tied) h->m->p.head = h->m->p.embed;
    return OK;
}

/* ---- the folder ---- */

static bool keep_stored(const HfLoad *h, ModelWeights how)
{
    double bytes = 0;
    for (size_t i = 0; i < h->n; i++)
        bytes += 4.0 * (double)h->t[i].shape[0] * (double)(h->t[i].ndim > 1 ? h->t[i].shape[1] : 1);
    return how == WEIGHTS_STORED || (how == WEIGHTS_AUTO && bytes > MODEL_F32_BYTES);
}

static Status load_weights(HfLoad *h, ModelWeights how, Err *e)
{
    if (st_set_count(h->files->st) < h->cfg.n_layers)
        FAIL(e, ERR_FORMAT, "%s: %zu tensors, too few for num_hidden_layers = %zu", first_file(h),
             st_set_count(h->files->st), h->cfg.n_layers);
    TRY(match_tensors(h, e));
    TRY(model_bare(&h->m, &h->cfg, keep_stored(h, how), e));
    TRY(fill_tensors(h, e));
    if (!h->m->stored) return OK;
    h->m->files = h->files;
    h->files = NULL;
    return OK;
}

/* generation_config.json has the last word on where generation stops, as in the reference library. */
static Status read_generation(ModelConfig *c, const char *path, Err *e)
{
    JsVal *root = NULL;
    if (!file_exists(path)) return OK;
    TRY(js_load(&root, path, e));
    HfKeys k = {.root = root, .path = path};
    size_t n = 0;
    int32_t stop[MODEL_STOPS_MAX];
    Status s = keys_stops(stop, &n, &k, "eos_token_id", c->n_vocab, e);
    js_close(root);
    if (s != OK || n == 0) return s;
    memcpy(c->stop, stop, n * sizeof *stop);
    c->n_stop = n;
    return OK;
}

static Status read_config(HfLoad *h, const char *path, const ModelOpts *o, char **text, char **ignored,
                          Err *e)
{
    size_t n = 0;
    TRY(file_read(text, &n, path, e));
    return model_config_parse(&h->cfg, ignored, *text, n, path, o->unknown_keys, e);
}

/* Everything that is opened or made goes into h, text and ignored, which the caller frees. */
static Status load_into(HfLoad *h, const ModelOpts *o, const char *config, const char *generation,
                        char **text, char **ignored, Err *e)
{
    TRY(read_config(h, config, o, text, ignored, e));
    TRY(read_generation(&h->cfg, generation, e));
    h->t = calloc(files_count(&h->cfg), sizeof *h->t);
    if (h->t == NULL) FAIL(e, ERR_NOMEM, "%s: out of memory", h->dir);
    TRY(files_new(&h->files, h->cfg.n_layers, e));
    TRY(st_set_open(&h->files->st, h->dir, "model", e));
    TRY(load_weights(h, o->weights, e));
    h->m->config = *text;
    h->m->ignored = *ignored;
    *text = *ignored = NULL;
    return OK;
}

Status model_open(Model **m, const char *dir, const ModelOpts *opts, Err *e)
{
    static const ModelOpts plain = {WEIGHTS_AUTO, false};
    HfLoad h = {.dir = dir};
    char *config = file_join(dir, "config.json"), *generation = file_join(dir, "generation_config.json"),
         *text = NULL, *ignored = NULL;
    Status s = config != NULL && generation != NULL
                   ? load_into(&h, opts != NULL ? opts : &plain, config, generation, &text, &ignored, e)
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "out of memory");
    char *texts[] = {config, generation, text, ignored};
    for (size_t i = 0; i < 4; i++) free(texts[i]);
    files_close(h.files);
    free(h.t);
    if (s != OK)
        model_free(h.m);
    else
        *m = h.m;
    return s;
}

Status model_load(Model **m, const char *path, Err *e)
{
    return model_open(m, path, NULL, e);
}
