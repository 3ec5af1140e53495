/* peft.c - adapters in PEFT's folder layout: adapter_config.json and adapter_model.safetensors. */
#include "peft_priv.h"

#include "prime/file.h"
#include "prime/log.h"
#include "prime/st.h"
#include "prime/vec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is needed while one file is read. */
typedef struct {
    const StFile *st;
    const char *file;
    const PeftConfig *c;
    Lora *l;
    const StTensor **at; /* [sites * 2], A and B of each site, NULL where there is none */
    const char *prefix;  /* as the first tensor spells it */
    PeftName first;
} PeftRead;

/* ---- which tensor is which matrix ---- */

static const StTensor **read_slot(const PeftRead *r, size_t layer, size_t kind, char ab)
{
    return &r->at[(layer * LORA_KINDS + kind) * 2 + (ab == 'B')];
}

static Status tensor_shape(const StTensor *t, const char *file, size_t rows, size_t cols, Err *e)
{
    if (t->ndim == 2 && t->shape[0] == rows && t->shape[1] == cols) return OK;
    FAIL(e, ERR_SHAPE, "%s: %s has shape [%zu, %zu]%s, want [%zu, %zu] for this model and rank", file,
         t->name, t->ndim > 0 ? t->shape[0] : 0, t->ndim > 1 ? t->shape[1] : 0,
         t->ndim == 2 ? "" : " (and not two dimensions)", rows, cols);
}

/* Sizes before layers: an adapter of another model is told by what it found and what it wanted. */
static Status read_fits(const PeftRead *r, const PeftName *name, const StTensor *t, Err *e)
{
    const LoraShape *shape = &r->l->shape;
    double rank = 0, alpha = 0;
    char module[PEFT_NAME_LEN];
    peft_module_path(module, shape->names, name->prefix, name->layer, name->kind);
    TRY(peft_config_site(&rank, &alpha, r->c, module, e));
    bool is_a = name->ab == 'A';
    TRY(tensor_shape(t, r->file, is_a ? (size_t)rank : shape->n_out[name->kind],
                     is_a ? shape->n_in[name->kind] : (size_t)rank, e));
    return name->layer < shape->n_layers ? OK : peft_name_refuse(r->file, t->name, shape, e);
}

static Status read_place(PeftRead *r, const StTensor *t, Err *e)
{
    const LoraShape *shape = &r->l->shape;
    PeftName name;
    if (!peft_name_parse(&name, shape->names, t->name) || shape->n_out[name.kind] == 0)
        return peft_name_refuse(r->file, t->name, shape, e);
    TRY(read_fits(r, &name, t, e));
    if (r->prefix == NULL) {
        r->prefix = name.prefix;
        r->first = name;
    }
    if (name.who_len != r->first.who_len || strncmp(name.who, r->first.who, name.who_len) != 0)
        FAIL(e, ERR_FORMAT, "%s: holds the adapters '%.*s' and '%.*s', want one", r->file,
             (int)r->first.who_len, r->first.who, (int)name.who_len, name.who);
    const StTensor **slot = read_slot(r, name.layer, name.kind, name.ab);
    if (*slot != NULL)
        FAIL(e, ERR_FORMAT, "%s: %.150s and %.150s are the same matrix", r->file, (*slot)->name, t->name);
    *slot = t;
    return OK;
}

static Status read_places(PeftRead *r, Err *e)
{
    if (st_count(r->st) == 0) FAIL(e, ERR_FORMAT, "%s: holds no tensor", r->file);
    for (size_t i = 0; i < st_count(r->st); i++) TRY(read_place(r, st_at(r->st, i), e));
    return OK;
}

/* ---- ranks and scales ---- */

/* Tensors and target_modules must agree: what the one has and the other does not name, PEFT leaves out; what
 * is named and has no tensor begins as no change. */
static Status site_missing(const PeftRead *r, const char *module, size_t *missing, Err *e)
{
    bool hit = false;
    if (!r->c->target.given || r->c->target.all) return OK;
    TRY(peft_config_targets(&hit, r->c, module, e));
    if (hit && r->c->random_init)
        FAIL(e, ERR_FORMAT,
             "%s: target_modules names %s, which has no tensor: init_lora_weights = false would draw it",
             r->file, module);
    if (hit && (*missing)++ == 0)
        log_say(LOG_WARN, "%s: target_modules names %s, which has no tensor: taken as no change", r->file,
                module);
    return OK;
}

static Status site_partner(const PeftRead *r, size_t layer, size_t kind, char missing, Err *e)
{
    char name[PEFT_NAME_LEN];
    peft_tensor_name(name, r->l->shape.names, layer, kind, missing);
    FAIL(e, ERR_FORMAT, "%s: %s is missing, its partner is there", r->file, name);
}

static Status site_size(PeftRead *r, const char *module, size_t layer, size_t kind, Err *e)
{
    const StTensor *a = *read_slot(r, layer, kind, 'A'), *b = *read_slot(r, layer, kind, 'B');
    LoraSite *site = &r->l->site[layer * LORA_KINDS + kind];
    double rank = 0, alpha = 0;
    bool hit = true;
    if (a == NULL || b == NULL) return site_partner(r, layer, kind, a == NULL ? 'A' : 'B', e);
    if (r->c->target.given) TRY(peft_config_targets(&hit, r->c, module, e));
    if (!hit)
        FAIL(e, ERR_FORMAT, "%s: %s is there, but %s does not target %s: PEFT would leave it out", r->file,
             a->name, r->c->path, module);
    TRY(peft_config_site(&rank, &alpha, r->c, module, e));
    site->r = (size_t)rank;
    site->scale = (float)(r->c->rslora ? alpha / sqrt(rank) : alpha / rank);
    if (!isfinite(site->scale))
        FAIL(e, ERR_NUM, "%s: lora_alpha = %g and r = %g give a scale beyond a float", r->c->path, alpha,
             rank);
    return OK;
}

static Status read_sizes(PeftRead *r, Err *e)
{
    const LoraShape *shape = &r->l->shape;
    size_t missing = 0;
    for (size_t i = 0; i < shape->n_layers * LORA_KINDS; i++) {
        size_t layer = i / LORA_KINDS, kind = i % LORA_KINDS;
        char module[PEFT_NAME_LEN];
        if (shape->n_out[kind] == 0) continue;
        peft_module_path(module, shape->names, r->prefix, layer, kind);
        if (r->at[2 * i] == NULL && r->at[2 * i + 1] == NULL)
            TRY(site_missing(r, module, &missing, e));
        else
            TRY(site_size(r, module, layer, kind, e));
    }
    return OK;
}

/* ---- values ---- */

static Status read_tensor(float *out, const StTensor *t, const char *file, Err *e)
{
    size_t at = 0;
    if (st_to_f32(out, t, e) != OK) return err_prefix(e, "%s", file);
    if (!vec_finite(out, t->count, &at))
        FAIL(e, ERR_NUM, "%s: %s holds a value that is not finite at index %zu", file, t->name, at);
    return OK;
}

static Status read_rows(float *out, const StTensor *t, const char *file, size_t heads, Err *e)
{
    if (heads == 0) return read_tensor(out, t, file, e);
    float *raw = malloc(t->count * sizeof *raw + 1);
    if (raw == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for %s", file, t->name);
    Status s = read_tensor(raw, t, file, e);
    if (s == OK) peft_rows_from_file(out, raw, t->shape[0], t->shape[1], heads);
    free(raw);
    return s;
}

static Status read_values(PeftRead *r, Err *e)
{
    const LoraShape *shape = &r->l->shape;
    TRY(lora_layout(r->l, e));
    for (size_t i = 0; i < shape->n_layers * LORA_KINDS; i++) {
        const LoraSite *site = &r->l->site[i];
        if (site->r == 0) continue;
        TRY(read_tensor(site->a, r->at[2 * i], r->file, e));
        TRY(read_rows(site->b, r->at[2 * i + 1], r->file, i % LORA_KINDS == LORA_QKV ? shape->qkv_heads : 0,
                      e));
    }
    return OK;
}

/* ---- the whole ---- */

static Status read_all(PeftRead *r, Err *e)
{
    TRY(read_places(r, e));
    TRY(read_sizes(r, e));
    return read_values(r, e);
}

static Status read_with(Lora **l, const PeftConfig *c, const StFile *st, const char *file,
                        const LoraShape *shape, Err *e)
{
    Lora *fresh = NULL;
    TRY(lora_bare(&fresh, shape, e));
    PeftRead r = {.st = st, .file = file, .c = c, .l = fresh};
    r.at = calloc(shape->n_layers * LORA_KINDS * 2, sizeof *r.at);
    Status s =
        r.at != NULL ? read_all(&r, e) : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: out of memory", file);
    free(r.at);
    if (s != OK) {
        lora_free(fresh);
        return s;
    }
    fresh->dropout = c->dropout;
    *l = fresh;
    return OK;
}

Status lora_read(Lora **l, const char *config, size_t n, const char *config_name, const StFile *st,
                 const char *st_name, const LoraShape *shape, Err *e)
{
    PeftConfig c = {0};
    JsVal *root = NULL;
    if (shape->names == NULL) FAIL(e, ERR_UNSUP, "%s: the modules of this model have no names", st_name);
    TRY(js_parse(&root, config, n, config_name, e));
    Status s = peft_config_parse(&c, root, config_name, e);
    if (s == OK) s = read_with(l, &c, st, st_name, shape, e);
    peft_config_free(&c);
    js_close(root);
    return s;
}

/* ---- folders ---- */

typedef struct {
    char *config, *weights, *pickled;
} PeftFiles;

static Status files_name(PeftFiles *f, const char *dir, Err *e)
{
    f->config = file_join(dir, "adapter_config.json");
    f->weights = file_join(dir, "adapter_model.safetensors");
    f->pickled = file_join(dir, "adapter_model.bin");
    if (f->config == NULL || f->weights == NULL || f->pickled == NULL)
        FAIL(e, ERR_NOMEM, "%s: out of memory", dir);
    return OK;
}

static void files_free(PeftFiles *f)
{
    free(f->config);
    free(f->weights);
    free(f->pickled);
}

static Status files_open(StFile **st, const PeftFiles *f, Err *e)
{
    if (!file_exists(f->weights) && file_exists(f->pickled))
        FAIL(e, ERR_UNSUP,
             "%s: pickled weights are programs and are not run; load it with PEFT and call save_pretrained, "
             "which "
             "writes adapter_model.safetensors",
             f->pickled);
    return st_open(st, f->weights, e);
}

static Status files_load(Lora **l, const PeftFiles *f, const LoraShape *shape, Err *e)
{
    StFile *st = NULL;
    char *config = NULL;
    size_t n = 0;
    TRY(file_read(&config, &n, f->config, e));
    Status s = files_open(&st, f, e);
    if (s == OK) s = lora_read(l, config, n, f->config, st, f->weights, shape, e);
    st_close(st);
    free(config);
    return s;
}

Status lora_load(Lora **l, const char *dir, const LoraShape *shape, Err *e)
{
    PeftFiles f = {0};
    Status s = files_name(&f, dir, e);
    if (s == OK) s = files_load(l, &f, shape, e);
    files_free(&f);
    return s;
}

/* ---- the shape that the tensors imply ---- */

static Status shape_side(LoraShape *shape, const StTensor *t, const PeftName *name, const char *file, Err *e)
{
    if (t->ndim != 2 || t->shape[0] == 0 || t->shape[1] == 0) return peft_name_refuse(file, t->name, NULL, e);
    size_t *side = name->ab == 'A' ? &shape->n_in[name->kind] : &shape->n_out[name->kind],
           got = t->shape[name->ab == 'A' ? 1 : 0];
    if (*side != 0 && *side != got)
        FAIL(e, ERR_SHAPE, "%s: %s has size %zu where another layer has %zu", file, t->name, got, *side);
    *side = got;
    if (name->layer >= shape->n_layers) shape->n_layers = name->layer + 1;
    return OK;
}

/* The family that knows most of the names; the first of several. */
static const LoraNames *shape_family(const StFile *st)
{
    const LoraNames *best = lora_names_at(0), *names;
    size_t most = 0;
    for (size_t i = 0; (names = lora_names_at(i)) != NULL; i++) {
        size_t known = 0;
        PeftName name;
        for (size_t j = 0; j < st_count(st); j++) known += peft_name_parse(&name, names, st_at(st, j)->name);
        if (known > most) {
            most = known;
            best = names;
        }
    }
    return best;
}

static Status shape_read(LoraShape *shape, const StFile *st, const char *file, Err *e)
{
    LoraShape fresh = {.names = shape_family(st)};
    for (size_t i = 0; i < st_count(st); i++) {
        PeftName name;
        if (!peft_name_parse(&name, fresh.names, st_at(st, i)->name))
            return peft_name_refuse(file, st_at(st, i)->name, NULL, e);
        TRY(shape_side(&fresh, st_at(st, i), &name, file, e));
    }
    if (fresh.n_layers == 0) FAIL(e, ERR_FORMAT, "%s: holds no tensor", file);
    for (size_t k = 0; k < LORA_KINDS; k++)
        if ((fresh.n_in[k] == 0) != (fresh.n_out[k] == 0))
            FAIL(e, ERR_FORMAT, "%s: %s has no lora_%c", file, fresh.names->module[k],
                 fresh.n_in[k] == 0 ? 'A' : 'B');
    *shape = fresh;
    return OK;
}

Status lora_shape_of(LoraShape *shape, const char *dir, Err *e)
{
    StFile *st = NULL;
    PeftFiles f = {0};
    Status s = files_name(&f, dir, e);
    if (s == OK) s = files_open(&st, &f, e);
    if (s == OK) s = shape_read(shape, st, f.weights, e);
    st_close(st);
    files_free(&f);
    return s;
}

Status lora_shape_join(LoraShape *into, const LoraShape *other, Err *e)
{
    LoraShape joint = *into;
    if (joint.names != other->names || joint.qkv_heads != other->qkv_heads)
        FAIL(e, ERR_SHAPE, "one adapter is of the family %s, another of %s", into->names->family,
             other->names->family);
    if (other->n_layers > joint.n_layers) joint.n_layers = other->n_layers;
    for (size_t k = 0; k < LORA_KINDS; k++) {
        bool here = into->n_out[k] > 0, there = other->n_out[k] > 0;
        if (here && there && (into->n_in[k] != other->n_in[k] || into->n_out[k] != other->n_out[k]))
            FAIL(e, ERR_SHAPE, "%s is [%zu, %zu] in one adapter and [%zu, %zu] in another",
                 into->names->module[k], into->n_out[k], into->n_in[k], other->n_out[k], other->n_in[k]);
        if (!here) {
            joint.n_in[k] = other->n_in[k];
            joint.n_out[k] = other->n_out[k];
        }
    }
    *into = joint;
    return OK;
}
