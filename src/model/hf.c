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
    FileNames names;
    Model *m;
} HfLoad;

/* ---- every tensor accounted for ---- */

/* The weights' file, or their folder when there are several. */
static const char *first_file(const HfLoad *h)
{
    const StSet *st = h->files->st;
    return st_set_files(st) == 1 && st_set_count(st) > 0 ? st_set_file(st, st_set_at(st, 0)) : h->dir;
}

#define HF_TYPE(name, TYPE)                                                        \
    static void widen_##name(float *out, const void *data, size_t first, size_t n) \
    {                                                                              \
        st_rows_to_f32(out, data, TYPE, first, n);                                 \
    }                                                                              \
    static size_t bad_##name(const void *data, size_t first, size_t n)             \
    {                                                                              \
        return st_rows_bad(data, TYPE, first, n);                                  \
    }
HF_TYPE(f32, ST_F32)
HF_TYPE(f16, ST_F16)
HF_TYPE(bf16, ST_BF16)
HF_TYPE(f64, ST_F64)
#undef HF_TYPE

static const struct {
    StType type;
    void (*widen)(float *, const void *, size_t, size_t);
    size_t (*bad)(const void *, size_t, size_t);
} hf_types[] = {{ST_F32, widen_f32, bad_f32},
                {ST_F16, widen_f16, bad_f16},
                {ST_BF16, widen_bf16, bad_bf16},
                {ST_F64, widen_f64, bad_f64}};

static FileData hf_data(const HfLoad *h, const StTensor *t)
{
    FileData d = {.name = t->name,
                  .file = st_set_file(h->files->st, t),
                  .type = st_type_name(t->type),
                  .ndim = t->ndim,
                  .shape = {t->shape[0], t->shape[1]},
                  .count = t->count,
                  .nbytes = t->nbytes,
                  .data = t->data};
    for (size_t i = 0; i < sizeof hf_types / sizeof hf_types[0]; i++)
        if (hf_types[i].type == t->type) {
            d.widen = hf_types[i].widen;
            d.bad = hf_types[i].bad;
        }
    return d;
}

static Status match_tensor(const FileTensor *want, const HfLoad *h, Err *e)
{
    const StTensor *t = st_set_find(h->files->st, want->name);
    if (t == NULL) FAIL(e, ERR_FORMAT, "%s: tensor %s is missing", first_file(h), want->name);
    FileData have = hf_data(h, t);
    return files_match(want, &have, e);
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
    bool again = h->cfg.tied && strncmp(t->name, head, n) == 0 && strcmp(t->name + n, ".weight") == 0;
    return again && t->ndim == 2 && t->shape[0] == h->cfg.n_vocab && t->shape[1] == h->cfg.n_hidden;
}

/* Whether the files hold exactly the tensors of this configuration. Done before memory is asked for: the
 * files bound what is believed of the config. */
static Status match_tensors(HfLoad *h, Err *e)
{
    const StSet *st = h->files->st;
    char name[NAME_LEN];
    snprintf(name, sizeof name, "%s.weight", arch_of(&h->cfg)->param[PARAM_EMBED]);
    bool bare = st_set_find(st, name) == NULL && st_set_find(st, strchr(name, '.') + 1) != NULL;
    h->names = files_names(&h->cfg, bare);
    h->n = files_list(h->t, &h->cfg, NULL, &h->names);
    for (size_t i = 0; i < h->n; i++) TRY(match_tensor(&h->t[i], h, e));
    for (size_t i = 0; i < st_set_count(st); i++) {
        const StTensor *t = st_set_at(st, i);
        if (!is_listed(h, t->name) && !is_harmless(h, t))
            FAIL(e, ERR_FORMAT, "%s: unexpected tensor %s", st_set_file(st, t), t->name);
    }
    return OK;
}

/* ---- the folder ---- */

static Status fill_tensors(HfLoad *h, Err *e)
{
    h->n = files_list(h->t, &h->cfg, &h->m->p, &h->names);
    h->m->n_params = 0;
    for (size_t i = 0; i < h->n; i++) {
        FileData have = hf_data(h, st_set_find(h->files->st, h->t[i].name));
        TRY(files_fill(h->m, h->files, &h->t[i], &have, e));
    }
    if (h->m->stored && h->cfg.tied) h->m->p.head = h->m->p.embed;
    return OK;
}

static Status load_weights(HfLoad *h, ModelWeights how, Err *e)
{
    if (st_set_count(h->files->st) < h->cfg.n_layers)
        FAIL(e, ERR_FORMAT, "%s: %zu tensors, too few for num_hidden_layers = %zu", first_file(h),
             st_set_count(h->files->st), h->cfg.n_layers);
    TRY(match_tensors(h, e));
    TRY(model_bare(&h->m, &h->cfg, files_keep_stored(h->t, h->n, how), e));
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
    Status s = js_type(root) == JS_OBJ
                   ? keys_stops(stop, &n, &k, "eos_token_id", c->n_vocab, e)
                   : err_set(e, ERR_FORMAT, __FILE__, __LINE__, "%s: not an object", path);
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

static Status hf_load(Model **m, const char *dir, const ModelOpts *opts, Err *e)
{
    HfLoad h = {.dir = dir};
    char *config = file_join(dir, "config.json"), *generation = file_join(dir, "generation_config.json"),
         *text = NULL, *ignored = NULL;
    Status s = config != NULL && generation != NULL
                   ? load_into(&h, opts, config, generation, &text, &ignored, e)
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

Status model_open(Model **m, const char *path, const ModelOpts *opts, Err *e)
{
    static const ModelOpts plain = {WEIGHTS_AUTO, false};
    bool gguf = ends_in(path, ".gguf") && !file_is_dir(path);
    return (gguf ? gguf_load : hf_load)(m, path, opts != NULL ? opts : &plain, e);
}

Status model_load(Model **m, const char *path, Err *e)
{
    return model_open(m, path, NULL, e);
}
