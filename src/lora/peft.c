/* peft.c - adapters in PEFT's folder layout: adapter_config.json and adapter_model.safetensors. */
#include "lora_priv.h"

#include "prime/file.h"
#include "prime/js.h"
#include "prime/st.h"
#include "prime/vec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LEN = 160 };

/* The name of a linear product inside the model. */
static void module_name(char *out, const LoraShape *shape, size_t layer, size_t kind)
{
    const LoraNames *n = shape->names;
    snprintf(out, NAME_MAX_LEN, "%s%zu.%s", n->prefix, layer, n->module[kind]);
}

static void tensor_name(char *out, const LoraShape *shape, size_t layer, size_t kind, char ab)
{
    const LoraNames *n = shape->names;
    snprintf(out, NAME_MAX_LEN, "base_model.model.%s%zu.%s.lora_%c.weight", n->prefix, layer, n->module[kind],
             ab);
}

static bool js_is_empty(const JsVal *v)
{
    JsType t = js_type(v);
    return t == JS_NONE || t == JS_NULL || (t == JS_BOOL && !js_bool(v, true)) ||
           ((t == JS_ARR || t == JS_OBJ) && js_len(v) == 0);
}

/* Keys whose use would change the numbers and which are not implemented. */
static Status refuse_unsupported(const JsVal *root, const char *path, Err *e)
{
    static const char *const keys[] = {"use_dora",
                                       "lora_bias",
                                       "fan_in_fan_out",
                                       "modules_to_save",
                                       "use_qalora",
                                       "layer_replication",
                                       "trainable_token_indices",
                                       "target_parameters",
                                       "megatron_config",
                                       "loftq_config",
                                       "eva_config",
                                       "corda_config"};
    const char *type = js_str(js_get(root, "peft_type"), NULL);
    if (type == NULL || strcmp(type, "LORA") != 0)
        FAIL(e, ERR_UNSUP, "%s: peft_type = %s, want LORA", path, type != NULL ? type : "(none)");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (!js_is_empty(js_get(root, keys[i])))
            FAIL(e, ERR_UNSUP, "%s: %s is set and is not implemented", path, keys[i]);
    const JsVal *bias = js_get(root, "bias");
    char show[JS_SHOW];
    if (!js_is_empty(bias) && (js_str(bias, NULL) == NULL || strcmp(js_str(bias, NULL), "none") != 0))
        FAIL(e, ERR_UNSUP, "%s: bias is %s, want \"none\"", path, js_show(show, bias));
    const char *init = js_str(js_get(root, "init_lora_weights"), NULL);
    if (init != NULL && strcmp(init, "gaussian") != 0)
        FAIL(e, ERR_UNSUP, "%s: init_lora_weights = %s may have changed the base weights", path, init);
    return OK;
}

/* PEFT applies the pattern entry whose key is the module's name or its tail behind a dot. */
static Status pattern_value(double *out, const JsVal *pattern, const LoraShape *shape, size_t layer,
                            size_t kind, const char *path, Err *e)
{
    char name[NAME_MAX_LEN];
    module_name(name, shape, layer, kind);
    JsIter it = {0};
    const char *key = NULL;
    for (const JsVal *v; (v = js_next(pattern, &it, &key)) != NULL;) {
        if (strpbrk(key, "^$*+?()[]{}|\\") != NULL)
            FAIL(e, ERR_UNSUP, "%s: the pattern '%s' is a regular expression, want a module name", path, key);
        size_t nk = strlen(key), nn = strlen(name);
        if (nk > nn || strcmp(name + nn - nk, key) != 0 || (nk < nn && name[nn - nk - 1] != '.')) continue;
        *out = js_num(v, NAN);
        if (!isfinite(*out)) FAIL(e, ERR_FORMAT, "%s: the pattern '%s' is not a number", path, key);
        return OK;
    }
    return OK;
}

typedef struct {
    const char *path; /* of the config, for messages */
    const JsVal *root;
    double r, alpha, dropout;
    bool rslora;
} PeftConfig;

static Status config_numbers(PeftConfig *c, Err *e)
{
    TRY(refuse_unsupported(c->root, c->path, e));
    TRY(js_need_num(&c->r, c->root, "r", c->path, e));
    TRY(js_need_num(&c->alpha, c->root, "lora_alpha", c->path, e));
    if (!(c->r >= 1 && c->r <= 65536 && c->r == floor(c->r)))
        FAIL(e, ERR_FORMAT, "%s: r = %g, want a whole number from 1 to 65536", c->path, c->r);
    const JsVal *rs = js_get(c->root, "use_rslora"), *drop = js_get(c->root, "lora_dropout");
    char show[JS_SHOW];
    if (!js_is_empty(rs) && js_type(rs) != JS_BOOL)
        FAIL(e, ERR_FORMAT, "%s: use_rslora is %s, want true or false", c->path, js_show(show, rs));
    c->rslora = js_bool(rs, false);
    c->dropout = js_is_empty(drop) ? 0 : js_num(drop, -1);
    if (!(c->dropout >= 0 && c->dropout < 1))
        FAIL(e, ERR_FORMAT, "%s: lora_dropout is %s, want [0, 1)", c->path, js_show(show, drop));
    return OK;
}

static Status tensor_shape(const StTensor *t, const char *file, size_t rows, size_t cols, Err *e)
{
    if (t->ndim == 2 && t->shape[0] == rows && t->shape[1] == cols) return OK;
    FAIL(e, ERR_SHAPE, "%s: %s has shape [%zu, %zu]%s, want [%zu, %zu] for this model and rank", file,
         t->name, t->ndim > 0 ? t->shape[0] : 0, t->ndim > 1 ? t->shape[1] : 0,
         t->ndim == 2 ? "" : " (and not two dimensions)", rows, cols);
}

/* site_size - rank and scale of one site from the config, and whether its tensors fit. *found is 1 if it
 * exists. */
static Status site_size(LoraSite *site, const StFile *st, const char *file, const PeftConfig *c,
                        const LoraShape *shape, size_t layer, size_t kind, size_t *found, Err *e)
{
    char na[NAME_MAX_LEN], nb[NAME_MAX_LEN];
    if (shape->names->module[kind] == NULL) return OK;
    tensor_name(na, shape, layer, kind, 'A');
    tensor_name(nb, shape, layer, kind, 'B');
    const StTensor *a = st_find(st, na), *b = st_find(st, nb);
    if (a == NULL && b == NULL) return OK;
    if (a == NULL || b == NULL)
        FAIL(e, ERR_FORMAT, "%s: %s is missing, its partner is there", file, a == NULL ? na : nb);
    double r = c->r, alpha = c->alpha;
    TRY(pattern_value(&r, js_get(c->root, "rank_pattern"), shape, layer, kind, c->path, e));
    TRY(pattern_value(&alpha, js_get(c->root, "alpha_pattern"), shape, layer, kind, c->path, e));
    if (!(r >= 1 && r <= 65536 && r == floor(r)))
        FAIL(e, ERR_FORMAT, "%s: rank_pattern gives rank %g, want a whole number from 1 to 65536", c->path,
             r);
    TRY(tensor_shape(a, file, (size_t)r, shape->n_in[kind], e));
    TRY(tensor_shape(b, file, shape->n_out[kind], (size_t)r, e));
    site->r = (size_t)r;
    site->scale = (float)(c->rslora ? alpha / sqrt(r) : alpha / r);
    if (!isfinite(site->scale))
        FAIL(e, ERR_NUM, "%s: lora_alpha = %g and r = %g give a scale beyond a float", c->path, alpha, r);
    *found += 1;
    return OK;
}

static Status name_leftover(const StFile *st, const char *file, const LoraShape *shape, Err *e)
{
    char name[NAME_MAX_LEN];
    for (size_t i = 0; i < st_count(st); i++) {
        bool known = false;
        for (size_t s = 0; s < shape->n_layers * LORA_KINDS * 2 && !known; s++) {
            if (shape->names->module[s / 2 % LORA_KINDS] == NULL) continue;
            tensor_name(name, shape, s / 2 / LORA_KINDS, s / 2 % LORA_KINDS, s % 2 == 0 ? 'A' : 'B');
            known = strcmp(name, st_at(st, i)->name) == 0;
        }
        if (!known)
            FAIL(e, ERR_SHAPE, "%s: unexpected tensor %s (the model has %zu layers)", file,
                 st_at(st, i)->name, shape->n_layers);
    }
    FAIL(e, ERR_FORMAT, "%s: tensors are missing", file);
}

static Status read_tensor(float *out, const StFile *st, const char *file, const char *name, Err *e)
{
    const StTensor *t = st_find(st, name);
    size_t at = 0;
    if (st_to_f32(out, t, e) != OK) return err_prefix(e, "%s", file);
    if (!vec_finite(out, t->count, &at))
        FAIL(e, ERR_NUM, "%s: %s holds a value that is not finite at index %zu", file, name, at);
    return OK;
}

static Status fill_sites(Lora *l, const StFile *st, const char *file, const PeftConfig *c, Err *e)
{
    size_t found = 0, n_sites = l->shape.n_layers * LORA_KINDS;
    for (size_t i = 0; i < n_sites; i++)
        TRY(site_size(&l->site[i], st, file, c, &l->shape, i / LORA_KINDS, i % LORA_KINDS, &found, e));
    if (found == 0 || found * 2 != st_count(st)) return name_leftover(st, file, &l->shape, e);
    TRY(lora_layout(l, e));
    for (size_t i = 0; i < n_sites; i++) {
        if (l->site[i].r == 0) continue;
        char name[NAME_MAX_LEN];
        tensor_name(name, &l->shape, i / LORA_KINDS, i % LORA_KINDS, 'A');
        TRY(read_tensor(l->site[i].a, st, file, name, e));
        tensor_name(name, &l->shape, i / LORA_KINDS, i % LORA_KINDS, 'B');
        TRY(read_tensor(l->site[i].b, st, file, name, e));
    }
    return OK;
}

/* ---- the shape that the tensors imply ---- */

enum { LAYERS_MAX = 4096 };

/* Which site a tensor belongs to; false when its name is none of ours. */
static bool tensor_parse(const char *name, size_t *layer, size_t *kind, char *ab)
{
    static const char head[] = "base_model.model.model.layers.";
    char want[NAME_MAX_LEN];
    LoraShape names = {.names = lora_names("llama")};
    if (strncmp(name, head, sizeof head - 1) != 0) return false;
    unsigned long long number = strtoull(name + sizeof head - 1, NULL, 10);
    if (number >= LAYERS_MAX) return false;
    *layer = (size_t)number;
    for (size_t i = 0; i < 2 * LORA_KINDS; i++) {
        *kind = i / 2;
        *ab = i % 2 == 0 ? 'A' : 'B';
        if (names.names->module[*kind] == NULL) continue;
        tensor_name(want, &names, *layer, *kind, *ab);
        if (strcmp(want, name) == 0) return true;
    }
    return false;
}

static Status shape_read(LoraShape *shape, const StFile *st, const char *file, Err *e)
{
    LoraShape fresh = {.names = lora_names("llama")};
    for (size_t i = 0; i < st_count(st); i++) {
        const StTensor *t = st_at(st, i);
        size_t layer = 0, kind = 0;
        char ab = 0;
        if (!tensor_parse(t->name, &layer, &kind, &ab) || t->ndim != 2)
            FAIL(e, ERR_FORMAT, "%s: %s is no part of an adapter", file, t->name);
        size_t *side = ab == 'A' ? &fresh.n_in[kind] : &fresh.n_out[kind], got = t->shape[ab == 'A' ? 1 : 0];
        if (*side != 0 && *side != got)
            FAIL(e, ERR_SHAPE, "%s: %s has size %zu where another layer has %zu", file, t->name, got, *side);
        *side = got;
        if (layer >= fresh.n_layers) fresh.n_layers = layer + 1;
    }
    if (fresh.n_layers == 0) FAIL(e, ERR_FORMAT, "%s: holds no tensor", file);
    *shape = fresh;
    return OK;
}

Status lora_shape_of(LoraShape *shape, const char *dir, Err *e)
{
    StFile *st = NULL;
    char *file = file_join(dir, "adapter_model.safetensors");
    if (file == NULL) FAIL(e, ERR_NOMEM, "%s: out of memory", dir);
    Status s = st_open(&st, file, e);
    if (s == OK) s = shape_read(shape, st, file, e);
    st_close(st);
    free(file);
    return s;
}

static Status load_with(Lora **l, const PeftConfig *c, const char *file, const LoraShape *shape, Err *e)
{
    StFile *st = NULL;
    Lora *fresh = NULL;
    TRY(st_open(&st, file, e));
    Status s = lora_bare(&fresh, shape, e);
    if (s == OK) s = fill_sites(fresh, st, file, c, e);
    st_close(st);
    if (s != OK) {
        lora_free(fresh);
        return s;
    }
    fresh->dropout = c->dropout;
    *l = fresh;
    return OK;
}

Status lora_load(Lora **l, const char *dir, const LoraShape *shape, Err *e)
{
    char *config = file_join(dir, "adapter_config.json"),
         *weights = file_join(dir, "adapter_model.safetensors");
    JsVal *root = NULL;
    Status s = config != NULL && weights != NULL ? js_load(&root, config, e)
                                                 : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "out of memory");
    PeftConfig c = {.path = config, .root = root};
    if (s == OK) s = config_numbers(&c, e);
    if (s == OK) s = load_with(l, &c, weights, shape, e);
    js_close(root);
    free(config);
    free(weights);
    return s;
}

/* The first site's rank and alpha are the config's own. */
static Status first_site(const LoraSite **site, const Lora *l, Err *e)
{
    for (size_t i = 0; i < l->shape.n_layers * LORA_KINDS; i++)
        if (l->site[i].r > 0) {
            *site = &l->site[i];
            return OK;
        }
    FAIL(e, ERR_ARG, "the adapter has no site: nothing to save");
}

static double site_alpha(const LoraSite *s)
{
    return (double)s->scale * (double)s->r;
}

/* A kind that every layer has goes by its short name, another site by its full one. */
static JsVal *save_targets(const Lora *l)
{
    JsVal *targets = js_new_arr();
    for (size_t k = 0; k < LORA_KINDS; k++) {
        size_t there = 0;
        for (size_t y = 0; y < l->shape.n_layers; y++) there += l->site[y * LORA_KINDS + k].r > 0;
        if (there > 0 && there == l->shape.n_layers)
            js_push(targets, js_new_str(lora_kind_name(&l->shape, (LoraKind)k)));
        for (size_t y = 0; y < l->shape.n_layers && there < l->shape.n_layers; y++) {
            char name[NAME_MAX_LEN];
            module_name(name, &l->shape, y, k);
            if (l->site[y * LORA_KINDS + k].r > 0) js_push(targets, js_new_str(name));
        }
    }
    return targets;
}

/* Sites whose rank or alpha is not the config's own are listed by name. */
static void save_patterns(JsVal *o, const Lora *l, const LoraSite *first)
{
    JsVal *ranks = js_new_obj(), *alphas = js_new_obj();
    for (size_t i = 0; i < l->shape.n_layers * LORA_KINDS; i++) {
        const LoraSite *s = &l->site[i];
        char name[NAME_MAX_LEN];
        module_name(name, &l->shape, i / LORA_KINDS, i % LORA_KINDS);
        if (s->r > 0 && s->r != first->r) js_set(ranks, name, js_new_int((int64_t)s->r));
        if (s->r > 0 && site_alpha(s) != site_alpha(first)) js_set(alphas, name, js_new_num(site_alpha(s)));
    }
    js_set(o, "alpha_pattern", alphas);
    js_set(o, "rank_pattern", ranks);
}

static Status save_config(const Lora *l, const char *path, const char *base_name, Err *e)
{
    const LoraSite *first = NULL;
    TRY(first_site(&first, l, e));
    JsVal *o = js_new_obj();
    js_set(o, "base_model_name_or_path", js_new_str(base_name));
    js_set(o, "bias", js_new_str("none"));
    js_set(o, "fan_in_fan_out", js_new_bool(false));
    js_set(o, "inference_mode", js_new_bool(true));
    js_set(o, "lora_alpha", js_new_num(site_alpha(first)));
    js_set(o, "lora_dropout", js_new_num(l->dropout));
    js_set(o, "peft_type", js_new_str("LORA"));
    js_set(o, "r", js_new_int((int64_t)first->r));
    save_patterns(o, l, first);
    js_set(o, "target_modules", save_targets(l));
    js_set(o, "task_type", js_new_str("CAUSAL_LM"));
    js_set(o, "use_dora", js_new_bool(false));
    js_set(o, "use_rslora", js_new_bool(false));
    Status s = js_save(path, o, e);
    js_close(o);
    return s;
}

static size_t save_items(const Lora *l, StItem *item, char (*name)[NAME_MAX_LEN])
{
    size_t n = 0;
    for (size_t i = 0; i < l->shape.n_layers * LORA_KINDS; i++) {
        const LoraSite *s = &l->site[i];
        size_t layer = i / LORA_KINDS, k = i % LORA_KINDS;
        if (s->r == 0) continue;
        tensor_name(name[n], &l->shape, layer, k, 'A');
        item[n] = (StItem){name[n], ST_F32, 2, {s->r, l->shape.n_in[k]}, s->a};
        n++;
        tensor_name(name[n], &l->shape, layer, k, 'B');
        item[n] = (StItem){name[n], ST_F32, 2, {l->shape.n_out[k], s->r}, s->b};
        n++;
    }
    return n;
}

static Status save_weights(const Lora *l, const char *path, Err *e)
{
    size_t most = l->shape.n_layers * LORA_KINDS * 2;
    StItem *item = calloc(most, sizeof *item);
    char(*name)[NAME_MAX_LEN] = calloc(most, sizeof *name);
    Status s = item != NULL && name != NULL
                   ? OK
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: out of memory", path);
    if (s == OK) s = st_save(path, item, save_items(l, item, name), e);
    free(item);
    free(name);
    return s;
}

Status lora_save(const Lora *l, const char *dir, const char *base_name, Err *e)
{
    const LoraSite *first = NULL;
    TRY(first_site(&first, l, e)); /* before the folder is made */
    TRY(file_mkdir(dir, e));
    char *config = file_join(dir, "adapter_config.json"),
         *weights = file_join(dir, "adapter_model.safetensors");
    Status s = config != NULL && weights != NULL
                   ? OK
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: out of memory", dir);
    if (s == OK) s = save_weights(l, weights, e);
    if (s == OK) s = save_config(l, config, base_name, e);
    free(config);
    free(weights);
    return s;
}
