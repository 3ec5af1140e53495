/* peft_save.c - an adapter as PEFT writes it. */
#include "peft_priv.h"

#include "prime/file.h"
#include "prime/st.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double site_rank(const LoraSite *s)
{
    return (double)s->r;
}

/* The alpha of fewest digits that gives back the very scale: 8 and not 8.000000238 for a rank of 6. With 17
 * digits it is found at the latest, since a float times a whole number up to 2^16 fits a double. */
static double site_alpha(const LoraSite *s)
{
    double exact = (double)s->scale * (double)s->r, alpha = exact;
    for (int digits = 1; digits <= 17; digits++) {
        char text[40];
        snprintf(text, sizeof text, "%.*g", digits, exact);
        alpha = strtod(text, NULL);
        if ((float)(alpha / (double)s->r) == s->scale) break;
    }
    return alpha;
}

typedef double (*SiteValue)(const LoraSite *s);

static int value_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value that most sites have, so that fewest need a pattern; the smallest of several. */
static Status value_common(double *out, const Lora *l, SiteValue value, Err *e)
{
    size_t n = 0, most = 0, run = 0, n_sites = l->shape.n_layers * LORA_KINDS;
    double *x = malloc(n_sites * sizeof *x + 1);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu sites", n_sites);
    for (size_t i = 0; i < n_sites; i++)
        if (l->site[i].r > 0) x[n++] = value(&l->site[i]);
    qsort(x, n, sizeof *x, value_order);
    for (size_t i = 0; i < n; i++) {
        run = i > 0 && x[i] == x[i - 1] ? run + 1 : 1;
        if (run <= most) continue;
        most = run;
        *out = x[i];
    }
    free(x);
    return OK;
}

/* ---- which names say which sites ---- */

static size_t kind_sites(const Lora *l, size_t k)
{
    size_t n = 0;
    for (size_t y = 0; y < l->shape.n_layers; y++) n += l->site[y * LORA_KINDS + k].r > 0;
    return n;
}

/* A kind that every layer has goes by a short name, another site by its full one. */
static JsVal *save_targets(const Lora *l)
{
    const LoraShape *shape = &l->shape;
    JsVal *targets = js_new_arr();
    for (size_t k = 0; k < LORA_KINDS; k++) {
        size_t there = kind_sites(l, k);
        if (there > 0 && there == shape->n_layers)
            js_push(targets, js_new_str(lora_kind_label(shape, (LoraKind)k)));
        for (size_t y = 0; y < shape->n_layers && there < shape->n_layers; y++) {
            char name[PEFT_NAME_LEN];
            if (l->site[y * LORA_KINDS + k].r == 0) continue;
            peft_module_path(name, shape->names, shape->names->prefix, y, k);
            js_push(targets, js_new_str(name));
        }
    }
    return targets;
}

/* Whether all sites of a kind have one value, *first. */
static bool kind_agrees(double *first, const Lora *l, size_t k, SiteValue value)
{
    bool any = false;
    for (size_t y = 0; y < l->shape.n_layers; y++) {
        const LoraSite *s = &l->site[y * LORA_KINDS + k];
        if (s->r == 0) continue;
        if (any && value(s) != *first) return false;
        *first = value(s);
        any = true;
    }
    return any;
}

/* Kinds whose value is another than `common` are listed by kind where they agree, else site by site. */
static JsVal *save_pattern(const Lora *l, SiteValue value, double common)
{
    const LoraShape *shape = &l->shape;
    JsVal *o = js_new_obj();
    for (size_t k = 0; k < LORA_KINDS; k++) {
        double own = common;
        bool agree = kind_agrees(&own, l, k, value);
        if (agree && own != common) js_set(o, lora_kind_label(shape, (LoraKind)k), js_new_num(own));
        for (size_t y = 0; y < shape->n_layers && !agree; y++) {
            const LoraSite *s = &l->site[y * LORA_KINDS + k];
            char name[PEFT_NAME_LEN];
            if (s->r == 0 || value(s) == common) continue;
            peft_module_path(name, shape->names, shape->names->prefix, y, k);
            js_set(o, name, js_new_num(value(s)));
        }
    }
    return o;
}

/* ---- files ---- */

static Status save_config(const Lora *l, const char *path, const char *base_name, Err *e)
{
    double r = 0, alpha = 0;
    TRY(value_common(&r, l, site_rank, e));
    TRY(value_common(&alpha, l, site_alpha, e));
    JsVal *o = js_new_obj();
    js_set(o, "alpha_pattern", save_pattern(l, site_alpha, alpha));
    js_set(o, "base_model_name_or_path", js_new_str(base_name));
    js_set(o, "bias", js_new_str("none"));
    js_set(o, "fan_in_fan_out", js_new_bool(l->shape.names->conv1d));
    js_set(o, "inference_mode", js_new_bool(true));
    js_set(o, "init_lora_weights", js_new_bool(true));
    js_set(o, "lora_alpha", js_new_num(alpha));
    js_set(o, "lora_dropout", js_new_num(l->dropout));
    js_set(o, "modules_to_save", js_new_null());
    js_set(o, "peft_type", js_new_str("LORA"));
    js_set(o, "r", js_new_num(r));
    js_set(o, "rank_pattern", save_pattern(l, site_rank, r));
    js_set(o, "target_modules", save_targets(l));
    js_set(o, "task_type", js_new_str("CAUSAL_LM"));
    js_set(o, "use_dora", js_new_bool(false));
    js_set(o, "use_rslora", js_new_bool(false));
    Status s = js_save(path, o, e);
    js_close(o);
    return s;
}

/* What st_save writes: names, and the rows of fused products as files have them. */
typedef struct {
    StItem *item;
    char (*name)[PEFT_NAME_LEN];
    float
        *rows; /* all B of fused products that are regrouped, one behind the other; NULL if there are none */
    size_t n;
} PeftItems;

static Status items_new(PeftItems *p, const Lora *l, Err *e)
{
    size_t most = l->shape.n_layers * LORA_KINDS * 2, rows = 0;
    for (size_t y = 0; y < l->shape.n_layers && l->shape.qkv_heads > 0; y++)
        rows += l->site[y * LORA_KINDS + LORA_QKV].r * l->shape.n_out[LORA_QKV];
    p->item = calloc(most, sizeof *p->item);
    p->name = calloc(most, sizeof *p->name);
    p->rows = malloc(rows * sizeof *p->rows + 1);
    if (p->item == NULL || p->name == NULL || p->rows == NULL) FAIL(e, ERR_NOMEM, "no memory for an adapter");
    return OK;
}

static void items_free(PeftItems *p)
{
    free(p->item);
    free(p->name);
    free(p->rows);
}

static void items_put(PeftItems *p, const LoraShape *shape, size_t site, char ab, StType type, size_t rows,
                      size_t cols, const float *data)
{
    peft_tensor_name(p->name[p->n], shape->names, site / LORA_KINDS, site % LORA_KINDS, ab);
    p->item[p->n] = (StItem){p->name[p->n], type, 2, {rows, cols}, data};
    p->n++;
}

static void items_fill(PeftItems *p, const Lora *l, StType type)
{
    const LoraShape *shape = &l->shape;
    float *rows = p->rows;
    for (size_t i = 0; i < shape->n_layers * LORA_KINDS; i++) {
        const LoraSite *s = &l->site[i];
        size_t k = i % LORA_KINDS, n_out = shape->n_out[k];
        const float *b = s->b;
        if (s->r == 0) continue;
        if (k == LORA_QKV && shape->qkv_heads > 0) {
            peft_rows_to_file(rows, s->b, n_out, s->r, shape->qkv_heads);
            b = rows;
            rows += n_out * s->r;
        }
        items_put(p, shape, i, 'A', type, s->r, shape->n_in[k], s->a);
        items_put(p, shape, i, 'B', type, n_out, s->r, b);
    }
}

static Status save_weights(const Lora *l, const char *path, StType type, Err *e)
{
    PeftItems p = {0};
    Status s = items_new(&p, l, e);
    if (s == OK) {
        items_fill(&p, l, type);
        s = st_save(path, p.item, p.n, e);
    }
    items_free(&p);
    return s;
}

static Status save_files(const Lora *l, const char *config, const char *weights, const char *base_name,
                         StType type, Err *e)
{
    TRY(save_weights(l, weights, type, e));
    return save_config(l, config, base_name, e);
}

Status lora_save_as(const Lora *l, const char *dir, const char *base_name, StType type, Err *e)
{
    size_t sites = 0;
    for (size_t k = 0; k < LORA_KINDS; k++) sites += kind_sites(l, k);
    if (sites == 0) FAIL(e, ERR_ARG, "the adapter has no site: nothing to save");
    if (l->shape.names == NULL) FAIL(e, ERR_UNSUP, "%s: the modules of this model have no names", dir);
    TRY(file_mkdir(dir, e));
    char *config = file_join(dir, "adapter_config.json"),
         *weights = file_join(dir, "adapter_model.safetensors");
    Status s = config != NULL && weights != NULL
                   ? save_files(l, config, weights, base_name, type, e)
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: out of memory", dir);
    free(config);
    free(weights);
    return s;
}

Status lora_save(const Lora *l, const char *dir, const char *base_name, Err *e)
{
    return lora_save_as(l, dir, base_name, ST_F32, e);
}
