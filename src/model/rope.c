/* rope.c - rotary positions: how a config.json asks for them, and their frequencies. */
#include "arch.h"

#include <math.h>
#include <string.h>

static const double PI = 3.14159265358979323846;

static const char *const rope_names[ROPE_KINDS] = {"default", "linear", "dynamic", "llama3", "yarn"};

const char *model_rope_name(RopeKind k)
{
    return rope_names[k];
}

size_t rope_dim(const ModelConfig *c)
{
    if (c->learned_pos) return 0;
    return c->rotary_dim > 0 ? c->rotary_dim : c->head_dim;
}

/* ---- reading ---- */

enum { ROPE_KEYS = 24 }; /* more than any kind asks for */
#define THETA_MIN 1e-6   /* below it a frequency may be infinite */
#define GAIN_MAX 1e6     /* beyond it float32 scores overflow */

/* The scaling object, and the keys that were asked for. */
typedef struct {
    const JsVal *o;
    const char *path;
    const char *asked[ROPE_KEYS];
    size_t n;
} RopeKeys;

static bool rope_has(RopeKeys *k, const char *key)
{
    JsType t = js_type(js_get(k->o, key));
    if (k->n < ROPE_KEYS) k->asked[k->n++] = key;
    return t != JS_NONE && t != JS_NULL;
}

static bool rope_asked(const RopeKeys *k, const char *key)
{
    for (size_t i = 0; i < k->n; i++)
        if (strcmp(k->asked[i], key) == 0) return true;
    return false;
}

/* What nobody asked for, and is not null, may mean something. */
static Status rope_finish(const RopeKeys *k, RopeKind kind, Err *e)
{
    JsIter it = {0};
    const char *key = NULL;
    char show[JS_SHOW];
    for (const JsVal *v; (v = js_next(k->o, &it, &key)) != NULL;)
        if (js_type(v) != JS_NULL && !rope_asked(k, key))
            FAIL(e, ERR_UNSUP, "%s: rope_scaling: the key %.40s (%s) is not implemented for type %s", k->path,
                 key, js_show(show, v), rope_names[kind]);
    return OK;
}

/* `otherwise` NAN: the key must be there. */
static Status rope_num(double *out, RopeKeys *k, const char *key, double otherwise, Err *e)
{
    *out = otherwise;
    return rope_has(k, key) || isnan(otherwise) ? js_need_num(out, k->o, key, k->path, e) : OK;
}

static Status rope_llama3(ModelRope *r, RopeKeys *k, double max_len, Err *e)
{
    (void)max_len;
    TRY(rope_num(&r->low, k, "low_freq_factor", NAN, e));
    TRY(rope_num(&r->high, k, "high_freq_factor", NAN, e));
    TRY(rope_num(&r->old_len, k, "original_max_position_embeddings", NAN, e));
    if (!(r->high > r->low && r->low > 0))
        FAIL(e, ERR_ARG, "%s: low_freq_factor = %g and high_freq_factor = %g, want 0 < low < high", k->path,
             r->low, r->high);
    return OK;
}

static double yarn_gain(double factor, double mscale)
{
    return factor <= 1 ? 1 : 0.1 * mscale * log(factor) + 1;
}

/* Cos and sin are multiplied by attention_factor; without one by what the paper found, section 3.4, or by the
 * quotient of two such gains. A mscale of 0 counts as none. */
static Status rope_gain(ModelRope *r, RopeKeys *k, Err *e)
{
    double mscale, all;
    bool given = rope_has(k, "attention_factor");
    TRY(rope_num(&r->gain, k, "attention_factor", 0, e));
    TRY(rope_num(&mscale, k, "mscale", 0, e));
    TRY(rope_num(&all, k, "mscale_all_dim", 0, e));
    if (!given)
        r->gain = mscale != 0 && all != 0 ? yarn_gain(r->factor, mscale) / yarn_gain(r->factor, all)
                                          : yarn_gain(r->factor, 1);
    if (!(r->gain > 0 && r->gain <= GAIN_MAX))
        FAIL(e, ERR_ARG, "%s: attention_factor = %g, want (0, %g]", k->path, r->gain, GAIN_MAX);
    return OK;
}

static Status rope_truncate(bool *out, RopeKeys *k, Err *e)
{
    const JsVal *v = js_get(k->o, "truncate");
    char show[JS_SHOW];
    (void)rope_has(k, "truncate");
    if (v != NULL && js_type(v) != JS_BOOL)
        FAIL(e, ERR_FORMAT, "%s: truncate is %s, want true or false", k->path, js_show(show, v));
    *out = js_bool(v, true);
    return OK;
}

static Status rope_yarn(ModelRope *r, RopeKeys *k, double max_len, Err *e)
{
    TRY(rope_num(&r->old_len, k, "original_max_position_embeddings", max_len, e));
    TRY(rope_num(&r->beta_fast, k, "beta_fast", 32, e));
    TRY(rope_num(&r->beta_slow, k, "beta_slow", 1, e));
    TRY(rope_truncate(&r->truncate, k, e));
    if (!(r->beta_fast > r->beta_slow && r->beta_slow > 0))
        FAIL(e, ERR_ARG, "%s: beta_fast = %g and beta_slow = %g, want fast > slow > 0", k->path, r->beta_fast,
             r->beta_slow);
    if (!(r->theta > 1)) /* its logarithm divides */
        FAIL(e, ERR_ARG, "%s: rope_theta = %g, want above 1 for yarn", k->path, r->theta);
    return rope_gain(r, k, e);
}

static Status rope_dynamic(ModelRope *r, RopeKeys *k, double max_len, Err *e)
{
    double given;
    TRY(rope_num(&given, k, "original_max_position_embeddings", max_len, e));
    r->old_len = max_len;
    if (given != max_len)
        FAIL(e, ERR_UNSUP,
             "%s: dynamic rope with original_max_position_embeddings = %g, want %g as in "
             "max_position_embeddings",
             k->path, given, max_len);
    return OK;
}

static Status rope_nothing(ModelRope *r, RopeKeys *k, double max_len, Err *e)
{
    (void)r, (void)k, (void)max_len, (void)e;
    return OK;
}

static Status (*const rope_readers[ROPE_KINDS])(ModelRope *, RopeKeys *, double, Err *) = {
    rope_nothing, rope_nothing, rope_dynamic, rope_llama3, rope_yarn};

/* Without a type only what every kind has may be there: newer configs then mean the default. */
static Status rope_untyped(RopeKind *out, const RopeKeys *k, Err *e)
{
    JsIter it = {0};
    const char *key = NULL;
    *out = ROPE_PLAIN;
    while (js_next(k->o, &it, &key) != NULL)
        if (strcmp(key, "rope_theta") != 0 && strcmp(key, "partial_rotary_factor") != 0)
            FAIL(e, ERR_FORMAT, "%s: rope_scaling has no rope_type", k->path);
    return OK;
}

static Status rope_kind(RopeKind *out, RopeKeys *k, Err *e)
{
    bool new_key = rope_has(k, "rope_type"), old_key = rope_has(k, "type");
    const char *type = keys_text(js_get(k->o, new_key ? "rope_type" : "type")),
               *other = keys_text(js_get(k->o, "type"));
    if (!new_key && !old_key) return rope_untyped(out, k, e);
    if (new_key && old_key && (type == NULL || other == NULL || strcmp(type, other) != 0))
        FAIL(e, ERR_FORMAT, "%s: rope_scaling: rope_type = %.40s and type = %.40s contradict each other",
             k->path, type != NULL ? type : "(no text)", other != NULL ? other : "(no text)");
    for (size_t i = 0; type != NULL && i < ROPE_KINDS; i++)
        if (strcmp(type, rope_names[i]) == 0) {
            *out = (RopeKind)i;
            return OK;
        }
    FAIL(e, ERR_UNSUP,
         "%s: rope_scaling type '%.40s' is not implemented, want default, linear, dynamic, llama3 or yarn",
         k->path, type != NULL ? type : "(no text)");
}

/* One scaling object. partial may be given inside it, as newer configs do. */
static Status rope_one(ModelRope *r, const JsVal *o, double *partial, double max_len, const char *path,
                       Err *e)
{
    RopeKeys k = {.o = o, .path = path};
    TRY(rope_kind(&r->kind, &k, e));
    TRY(rope_num(&r->theta, &k, "rope_theta", r->theta, e));
    TRY(rope_num(partial, &k, "partial_rotary_factor", *partial, e));
    TRY(rope_num(&r->factor, &k, "factor", r->kind == ROPE_PLAIN ? 1 : NAN, e));
    if (!(r->factor >= 1)) FAIL(e, ERR_ARG, "%s: rope factor = %g, want at least 1", path, r->factor);
    if (r->kind == ROPE_PLAIN && r->factor > 1)
        FAIL(e, ERR_FORMAT, "%s: rope factor = %g and no scaling (type default)", path, r->factor);
    TRY(rope_readers[r->kind](r, &k, max_len, e));
    bool needs = r->kind != ROPE_PLAIN && r->kind != ROPE_LINEAR;
    if (needs && !(r->old_len > 0))
        FAIL(e, ERR_ARG, "%s: original_max_position_embeddings = %g, want above 0", path, r->old_len);
    return rope_finish(&k, r->kind, e);
}

static Status rope_partial(ModelConfig *c, double partial, const char *path, Err *e)
{
    if (!(partial > 0 && partial <= 1))
        FAIL(e, ERR_ARG, "%s: the rotated share of a head = %g, want (0, 1]", path, partial);
    c->rotary_dim = (size_t)((double)c->head_dim * partial);
    if (c->rotary_dim == 0 || c->rotary_dim % 2 != 0)
        FAIL(e, ERR_SHAPE, "%s: %zu entries of a head are rotated, want an even number above 0", path,
             c->rotary_dim);
    return OK;
}

static bool rope_same_text(const JsVal *a, const JsVal *b)
{
    Str s = {0}, t = {0};
    bool same = js_dump(&s, a, 0, NULL) == OK && js_dump(&t, b, 0, NULL) == OK && strcmp(s.s, t.s) == 0;
    str_free(&s);
    str_free(&t);
    return same;
}

/* rope_scaling or rope_parameters, its newer name; NULL for none. */
static Status rope_object(const JsVal **out, HfKeys *k, Err *e)
{
    static const char *const names[] = {"rope_scaling", "rope_parameters"};
    const JsVal *o[2];
    char show[JS_SHOW];
    for (size_t i = 0; i < 2; i++) {
        o[i] = keys_get(k, names[i]);
        if (o[i] != NULL && js_type(o[i]) != JS_OBJ)
            FAIL(e, ERR_FORMAT, "%s: %s is %s, want an object", k->path, names[i], js_show(show, o[i]));
        if (js_len(o[i]) == 0) o[i] = NULL;
    }
    if (o[0] != NULL && o[1] != NULL && !rope_same_text(o[0], o[1]))
        FAIL(e, ERR_FORMAT, "%s: rope_scaling and rope_parameters contradict each other", k->path);
    *out = o[0] != NULL ? o[0] : o[1];
    return OK;
}

/* By kind of layer: an object for each of the two that there are. */
static Status rope_by_layer(const JsVal **full, const JsVal **local, const JsVal *o, const char *path, Err *e)
{
    JsIter it = {0};
    const char *key = NULL;
    char show[JS_SHOW];
    for (const JsVal *v; (v = js_next(o, &it, &key)) != NULL;) {
        bool is_full = strcmp(key, "full_attention") == 0;
        if (!is_full && strcmp(key, "sliding_attention") != 0)
            FAIL(e, ERR_UNSUP, "%s: rope_parameters: the key %.40s (%s) beside full_attention", path, key,
                 js_show(show, v));
        if (js_type(v) != JS_OBJ)
            FAIL(e, ERR_FORMAT, "%s: rope_parameters: %s is %s, want an object", path, key, js_show(show, v));
        *(is_full ? full : local) = v;
    }
    return OK;
}

/* The objects for full and for local layers; local NULL: not given apart. */
static Status rope_objects(const JsVal **full, const JsVal **local, HfKeys *k, Err *e)
{
    const JsVal *o = NULL;
    *full = *local = NULL;
    TRY(rope_object(&o, k, e));
    if (js_get(o, "full_attention") != NULL) return rope_by_layer(full, local, o, k->path, e);
    *full = o;
    return OK;
}

/* What is not above 0 is left to model_check. */
static Status rope_theta(const ModelRope *r, const char *path, Err *e)
{
    if (r->theta > 0 && r->theta < THETA_MIN)
        FAIL(e, ERR_ARG, "%s: rope_theta = %g, want at least %g", path, r->theta, THETA_MIN);
    return OK;
}

static Status rope_one_local(ModelRope *r, const ModelConfig *c, const JsVal *o, double partial,
                             const char *path, Err *e)
{
    if (js_len(o) == 0) return rope_theta(r, path, e);
    TRY(rope_one(r, o, &partial, (double)c->max_len, path, e));
    if ((size_t)((double)c->head_dim * (partial > 0 && partial <= 1 ? partial : 0)) != c->rotary_dim)
        FAIL(e, ERR_UNSUP, "%s: local layers rotate another share of a head, %g: not implemented", path,
             partial);
    return rope_theta(r, path, e);
}

Status rope_read(ModelConfig *c, HfKeys *k, double theta, double partial, Err *e)
{
    ModelRope r = {.theta = theta, .factor = 1};
    const JsVal *full, *local;
    TRY(rope_objects(&full, &local, k, e));
    TRY(keys_num_or(&r.theta, k, "rope_theta", theta, e));
    c->rope = c->rope_local = r;
    if (js_len(full) > 0) TRY(rope_one(&c->rope, full, &partial, (double)c->max_len, k->path, e));
    TRY(rope_theta(&c->rope, k->path, e));
    TRY(rope_partial(c, partial, k->path, e));
    if (local != NULL) return rope_one_local(&c->rope_local, c, local, partial, k->path, e);
    c->rope_local = c->rope;
    return OK;
}

Status rope_read_local(ModelConfig *c, HfKeys *k, double theta, Err *e)
{
    const JsVal *full, *local;
    TRY(rope_objects(&full, &local, k, e));
    c->rope_local = (ModelRope){.theta = theta, .factor = 1};
    return rope_one_local(&c->rope_local, c, local, 1, k->path, e);
}

/* ---- frequencies ---- */

/* The llama3 rule: low frequencies are divided by the factor, high ones kept, those between blended. */
static double freq_llama3(const ModelRope *r, double freq)
{
    double wave = 2.0 * PI / freq;
    if (wave < r->old_len / r->high) return freq;
    if (wave > r->old_len / r->low) return freq / r->factor;
    double t = (r->old_len / wave - r->low) / (r->high - r->low);
    return (1.0 - t) * freq / r->factor + t * freq;
}

/* The entry of a head that turns `turns` times over the old length. */
static double yarn_entry(const ModelRope *r, double dim, double turns)
{
    return dim * log(r->old_len / (turns * 2.0 * PI)) / (2.0 * log(r->theta));
}

/* YaRN, section 3.2: entries below `from` keep their frequency, those above `to` are divided by the factor.
 */
static double freq_yarn(const ModelRope *r, double dim, size_t j, double freq)
{
    double from = yarn_entry(r, dim, r->beta_fast), to = yarn_entry(r, dim, r->beta_slow);
    if (r->truncate) {
        from = floor(from);
        to = ceil(to);
    }
    from = from > 0 ? from : 0;
    to = to < dim - 1 ? to : dim - 1;
    double t = ((double)j - from) / (to == from ? 0.001 : to - from);
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return freq / r->factor * t + freq * (1 - t);
}

/* Beyond the old length dynamic scaling raises theta with the length of the sequence (NTK-aware). */
static double theta_for(const ModelRope *r, double dim, size_t n)
{
    if (r->kind != ROPE_DYNAMIC || (double)n <= r->old_len || dim <= 2) return r->theta;
    return r->theta * pow(r->factor * (double)n / r->old_len - (r->factor - 1), dim / (dim - 2));
}

void rope_freqs(double *out, const ModelRope *r, size_t dim, size_t n)
{
    double d = (double)dim, theta = theta_for(r, d, n);
    for (size_t j = 0; j < dim / 2; j++) {
        double freq = pow(theta, -2.0 * (double)j / d);
        if (r->kind == ROPE_LINEAR) freq /= r->factor;
        if (r->kind == ROPE_LLAMA3) freq = freq_llama3(r, freq);
        if (r->kind == ROPE_YARN) freq = freq_yarn(r, d, j, freq);
        out[j] = freq;
    }
}

/* ---- saving, for models that are made here ---- */

void rope_save(JsVal *o, const ModelConfig *c)
{
    const ModelRope *r = &c->rope;
    js_set(o, "rope_theta", js_new_num(r->theta));
    if (r->kind == ROPE_PLAIN) {
        js_set(o, "rope_scaling", js_new_null());
        return;
    }
    JsVal *s = js_new_obj();
    js_set(s, "factor", js_new_num(r->factor));
    js_set(s, "rope_type", js_new_str(rope_names[r->kind]));
    if (r->kind == ROPE_LLAMA3) {
        js_set(s, "low_freq_factor", js_new_num(r->low));
        js_set(s, "high_freq_factor", js_new_num(r->high));
    }
    if (r->kind == ROPE_YARN) {
        js_set(s, "attention_factor", js_new_num(r->gain > 0 ? r->gain : 1));
        js_set(s, "beta_fast", js_new_num(r->beta_fast));
        js_set(s, "beta_slow", js_new_num(r->beta_slow));
        js_set(s, "truncate", js_new_bool(r->truncate));
    }
    if (r->kind != ROPE_LINEAR) js_set(s, "original_max_position_embeddings", js_new_num(r->old_len));
    js_set(o, "rope_scaling", s);
}
