/* peft_config.c - adapter_config.json as PEFT means it. Source: the released code of PEFT (tuners/lora,
 * tuners/tuners_utils, utils/other), described here and written anew. */
#include "peft_priv.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A text of the tree as a C string: NUL bytes would silently cut it. */
static const char *peft_text(const JsVal *v)
{
    size_t n = 0;
    const char *s = js_str(v, &n);
    return s != NULL && strlen(s) == n ? s : NULL;
}

/* ---- rank_pattern, alpha_pattern ---- */

static bool key_is_plain(const char *key)
{
    for (; *key != '\0'; key++)
        if (!isalnum((unsigned char)*key) && *key != '_' && *key != '.') return false;
    return true;
}

/* What `(.*\.)?(KEY)$` says when KEY has no operator but dots, which stand for any byte. */
static bool key_plain_match(const char *key, const char *module)
{
    size_t nk = strlen(key), nm = strlen(module);
    if (nk > nm || (nk < nm && module[nm - nk - 1] != '.')) return false;
    for (size_t i = 0; i < nk; i++)
        if (key[i] != '.' && key[i] != module[nm - nk + i]) return false;
    return true;
}

static Status key_compile(Rx **rx, const char *key, const char *path, const char *what, Err *e)
{
    Str full = {0};
    if (key_is_plain(key)) return OK;
    str_printf(&full, "(.*\\.)?(%s)$", key);
    Status s = full.failed ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for a pattern")
                           : rx_new(rx, full.s, e);
    str_free(&full);
    return s == OK ? OK : err_prefix(e, "%s: %s", path, what);
}

static Status pattern_fill(PeftPattern *p, const JsVal *obj, const char *path, const char *what, bool whole,
                           Err *e)
{
    char show[JS_SHOW];
    JsIter it = {0};
    const char *key = NULL;
    for (const JsVal *v; (v = js_next(obj, &it, &key)) != NULL; p->n++) {
        double x = js_num(v, NAN);
        bool fine = isfinite(x) && (!whole || (x >= 1 && x <= PEFT_RANK_MAX && x == floor(x)));
        if (!fine)
            FAIL(e, ERR_FORMAT, "%s: %s gives '%.80s' %s, want %s", path, what, key, js_show(show, v),
                 whole ? "a whole number from 1 to 65536" : "a number");
        TRY(key_compile(&p->rx[p->n], key, path, what, e));
        p->key[p->n] = key;
        p->value[p->n] = x;
    }
    return OK;
}

static Status pattern_parse(PeftPattern *p, const JsVal *root, const char *path, const char *what, bool whole,
                            Err *e)
{
    const JsVal *obj = js_get(root, what);
    size_t n = js_len(obj);
    char show[JS_SHOW];
    if (peft_is_empty(obj)) return OK;
    if (js_type(obj) != JS_OBJ)
        FAIL(e, ERR_FORMAT, "%s: %s is %s, want an object", path, what, js_show(show, obj));
    p->key = calloc(n, sizeof *p->key);
    p->value = calloc(n, sizeof *p->value);
    p->rx = calloc(n, sizeof(Rx *));
    if (p->key == NULL || p->value == NULL || p->rx == NULL)
        FAIL(e, ERR_NOMEM, "%s: no memory for %zu patterns", path, n);
    return pattern_fill(p, obj, path, what, whole, e);
}

static void pattern_free(PeftPattern *p)
{
    for (size_t i = 0; p->rx != NULL && i < p->n; i++) rx_free(p->rx[i]);
    free(p->key);
    free(p->value);
    free(p->rx);
}

/* The first key in the order of the file that matches. */
static Status pattern_value(double *out, const PeftPattern *p, const char *module, const char *path, Err *e)
{
    for (size_t i = 0; i < p->n; i++) {
        bool hit = false;
        if (p->rx[i] == NULL)
            hit = key_plain_match(p->key[i], module);
        else if (rx_full(&hit, p->rx[i], module, e) != OK)
            return err_prefix(e, "%s", path);
        if (!hit) continue;
        *out = p->value[i];
        break;
    }
    return OK;
}

Status peft_config_site(double *r, double *alpha, const PeftConfig *c, const char *module, Err *e)
{
    double rank = c->r, a = c->alpha;
    TRY(pattern_value(&rank, &c->ranks, module, c->path, e));
    TRY(pattern_value(&a, &c->alphas, module, c->path, e));
    *r = rank;
    *alpha = a;
    return OK;
}

/* ---- target_modules, exclude_modules, layers_to_transform ---- */

static Status select_parse(PeftSelect *s, const JsVal *root, const char *path, const char *what, Err *e)
{
    const JsVal *v = js_get(root, what);
    const char *text = peft_text(v);
    char show[JS_SHOW];
    if (js_type(v) == JS_NONE || js_type(v) == JS_NULL) return OK;
    s->given = true;
    s->all = text != NULL && strcmp(text, "all-linear") == 0;
    if (s->all) return OK;
    if (text != NULL) return rx_new(&s->rx, text, e) == OK ? OK : err_prefix(e, "%s: %s", path, what);
    if (js_type(v) != JS_ARR)
        FAIL(e, ERR_FORMAT, "%s: %s is %s, want a list of names or a text", path, what, js_show(show, v));
    for (size_t i = 0; i < js_len(v); i++)
        if (peft_text(js_at(v, i)) == NULL)
            FAIL(e, ERR_FORMAT, "%s: %s holds %s, want names", path, what, js_show(show, js_at(v, i)));
    s->list = v;
    return OK;
}

typedef enum { NAMED_NOT, NAMED_BY_TAIL, NAMED_IN_FULL } PeftNamed;

/* A list names a module by its whole path, or by what stands behind one of its dots. */
static PeftNamed list_names(const JsVal *list, const char *module)
{
    PeftNamed best = NAMED_NOT;
    size_t nm = strlen(module);
    for (size_t i = 0; i < js_len(list) && best != NAMED_IN_FULL; i++) {
        const char *name = js_str(js_at(list, i), NULL);
        size_t n = strlen(name);
        if (n > nm || strcmp(module + nm - n, name) != 0) continue;
        if (n == nm)
            best = NAMED_IN_FULL;
        else if (module[nm - n - 1] == '.')
            best = NAMED_BY_TAIL;
    }
    return best;
}

static Status select_hit(PeftNamed *hit, const PeftSelect *s, const char *module, const char *path, Err *e)
{
    bool full = false;
    *hit = s->all ? NAMED_IN_FULL : list_names(s->list, module);
    if (s->rx == NULL) return OK;
    if (rx_full(&full, s->rx, module, e) != OK) return err_prefix(e, "%s", path);
    *hit = full ? NAMED_IN_FULL : NAMED_NOT;
    return OK;
}

/* The number of the module's layer and the name before it: "h" and 3 of transformer.h.3.attn.c_attn. PEFT
 * wants another part before that name. */
static bool module_layer(size_t *layer, const char **list, size_t *list_len, const char *module)
{
    const char *before = NULL;
    for (const char *s = module, *dot; (dot = strchr(s, '.')) != NULL; before = s, s = dot + 1) {
        if (strspn(s, "0123456789") != (size_t)(dot - s) || before == NULL || before == module) continue;
        *list = before;
        *list_len = (size_t)(s - before) - 1;
        *layer = (size_t)strtoull(s, NULL, 10);
        return true;
    }
    return false;
}

static bool layer_pattern_hit(const JsVal *pattern, const char *list, size_t n)
{
    bool hit = peft_is_empty(pattern);
    size_t many = js_type(pattern) == JS_ARR ? js_len(pattern) : 1;
    for (size_t i = 0; i < many && !hit; i++) {
        const char *name = js_str(js_type(pattern) == JS_ARR ? js_at(pattern, i) : pattern, NULL);
        hit = name != NULL && strlen(name) == n && strncmp(name, list, n) == 0;
    }
    return hit;
}

static bool layer_is_listed(const PeftConfig *c, const char *module)
{
    size_t layer = 0, n = 0;
    const char *list = NULL;
    if (c->layers == NULL) return true;
    if (!module_layer(&layer, &list, &n, module) || !layer_pattern_hit(c->layers_pattern, list, n))
        return false;
    bool hit = js_int(c->layers, -1) == (int64_t)layer;
    for (size_t i = 0; i < js_len(c->layers) && !hit; i++)
        hit = js_int(js_at(c->layers, i), -1) == (int64_t)layer;
    return hit;
}

/* A module that target_modules names in full is adapted whatever layers_to_transform says. */
Status peft_config_targets(bool *hit, const PeftConfig *c, const char *module, Err *e)
{
    PeftNamed named = NAMED_NOT, out = NAMED_NOT;
    TRY(select_hit(&out, &c->exclude, module, c->path, e));
    TRY(select_hit(&named, &c->target, module, c->path, e));
    *hit = out == NAMED_NOT &&
           (named == NAMED_IN_FULL || (named == NAMED_BY_TAIL && layer_is_listed(c, module)));
    return OK;
}

static Status layers_parse(PeftConfig *c, const JsVal *root, Err *e)
{
    const JsVal *v = js_get(root, "layers_to_transform"), *p = js_get(root, "layers_pattern");
    char show[JS_SHOW];
    if (peft_is_empty(v)) return OK;
    bool fine = js_type(v) == JS_INT || js_type(v) == JS_ARR;
    for (size_t i = 0; i < js_len(v) && fine; i++) fine = js_type(js_at(v, i)) == JS_INT;
    if (!fine)
        FAIL(e, ERR_FORMAT, "%s: layers_to_transform is %s, want a layer or a list of layers", c->path,
             js_show(show, v));
    if (c->target.rx != NULL)
        FAIL(e, ERR_FORMAT, "%s: layers_to_transform cannot go with a target_modules that is an expression",
             c->path);
    for (size_t i = 0; i < (js_type(p) == JS_ARR ? js_len(p) : !peft_is_empty(p)); i++) {
        const char *name = peft_text(js_type(p) == JS_ARR ? js_at(p, i) : p);
        if (name == NULL || !key_is_plain(name) || strchr(name, '.') != NULL)
            FAIL(e, ERR_UNSUP, "%s: layers_pattern is %s, want plain names", c->path, js_show(show, p));
    }
    c->layers = v;
    c->layers_pattern = p;
    return OK;
}

/* ---- single values ---- */

static Status config_switch(bool *out, const JsVal *root, const char *key, const char *path, Err *e)
{
    const JsVal *v = js_get(root, key);
    char show[JS_SHOW];
    if (!peft_is_empty(v) && js_type(v) != JS_BOOL)
        FAIL(e, ERR_FORMAT, "%s: %s is %s, want true or false", path, key, js_show(show, v));
    *out = js_bool(v, false);
    return OK;
}

/* PEFT's other ways to begin (PiSSA, OLoRA, CorDA, LoftQ, ...) subtract from the base weights, or are not
 * known not to: the adapter is then none of the base model as it lies on disk. */
static Status config_init(PeftConfig *c, const JsVal *root, Err *e)
{
    const JsVal *v = js_get(root, "init_lora_weights");
    const char *init = peft_text(v);
    char show[JS_SHOW];
    c->random_init = js_type(v) == JS_BOOL && !js_bool(v, true);
    if (js_type(v) == JS_NONE || js_type(v) == JS_NULL || js_type(v) == JS_BOOL) return OK;
    if (init == NULL)
        FAIL(e, ERR_FORMAT, "%s: init_lora_weights is %s, want true, false or a name", c->path,
             js_show(show, v));
    if (strcmp(init, "gaussian") != 0)
        FAIL(e, ERR_UNSUP, "%s: init_lora_weights = %.80s is not known to leave the base weights as they are",
             c->path, init);
    return OK;
}

/* Replaced biases would be tensors of the file: they are refused there. */
static Status config_bias(const JsVal *root, const char *path, Err *e)
{
    static const char *const known[] = {"none", "all", "lora_only"};
    const JsVal *v = js_get(root, "bias");
    const char *bias = peft_text(v);
    char show[JS_SHOW];
    if (peft_is_empty(v)) return OK;
    for (size_t i = 0; i < 3; i++)
        if (bias != NULL && strcmp(bias, known[i]) == 0) return OK;
    FAIL(e, ERR_FORMAT, "%s: bias is %s, want none, all or lora_only", path, js_show(show, v));
}

static Status config_numbers(PeftConfig *c, const JsVal *root, Err *e)
{
    const JsVal *drop = js_get(root, "lora_dropout");
    char show[JS_SHOW];
    TRY(js_need_num(&c->r, root, "r", c->path, e));
    TRY(js_need_num(&c->alpha, root, "lora_alpha", c->path, e));
    if (!(c->r >= 1 && c->r <= PEFT_RANK_MAX && c->r == floor(c->r)))
        FAIL(e, ERR_FORMAT, "%s: r = %g, want a whole number from 1 to 65536", c->path, c->r);
    c->dropout = peft_is_empty(drop) ? 0 : js_num(drop, -1);
    if (!(c->dropout >= 0 && c->dropout < 1))
        FAIL(e, ERR_FORMAT, "%s: lora_dropout is %s, want [0, 1)", c->path, js_show(show, drop));
    return config_switch(&c->rslora, root, "use_rslora", c->path, e);
}

static Status config_type(const JsVal *root, const char *path, Err *e)
{
    const char *type = peft_text(js_get(root, "peft_type"));
    char show[JS_SHOW];
    if (js_type(root) != JS_OBJ) FAIL(e, ERR_FORMAT, "%s: %s, want an object", path, js_show(show, root));
    if (type == NULL || strcmp(type, "LORA") != 0)
        FAIL(e, ERR_UNSUP, "%s: peft_type = %.80s, want LORA", path, type != NULL ? type : "(none)");
    return OK;
}

static Status config_fill(PeftConfig *c, const JsVal *root, Err *e)
{
    TRY(config_type(root, c->path, e));
    TRY(peft_keys_check(root, c->path, e));
    TRY(config_numbers(c, root, e));
    TRY(config_bias(root, c->path, e));
    TRY(config_init(c, root, e));
    TRY(pattern_parse(&c->ranks, root, c->path, "rank_pattern", true, e));
    TRY(pattern_parse(&c->alphas, root, c->path, "alpha_pattern", false, e));
    TRY(select_parse(&c->target, root, c->path, "target_modules", e));
    TRY(select_parse(&c->exclude, root, c->path, "exclude_modules", e));
    return layers_parse(c, root, e);
}

Status peft_config_parse(PeftConfig *c, const JsVal *root, const char *path, Err *e)
{
    PeftConfig fresh = {.path = path};
    Status s = config_fill(&fresh, root, e);
    if (s == OK)
        *c = fresh;
    else
        peft_config_free(&fresh);
    return s;
}

void peft_config_free(PeftConfig *c)
{
    pattern_free(&c->ranks);
    pattern_free(&c->alphas);
    rx_free(c->target.rx);
    rx_free(c->exclude.rx);
    *c = (PeftConfig){0};
}
