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

/* The scaling object, whose keys are counted off as they are read. */
typedef struct {
    const JsVal *o;
    const char *path;
    size_t seen;
} RopeKeys;

static bool rope_has(RopeKeys *k, const char *key)
{
    JsType t = js_type(js_get(k->o, key));
    if (t != JS_NONE) k->seen++;
    return t != JS_NONE && t != JS_NULL;
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

static Status rope_yarn(ModelRope *r, RopeKeys *k, double max_len, Err *e)
{
    double gain, mscale, all;
    TRY(rope_num(&r->old_len, k, "original_max_position_embeddings", max_len, e));
    TRY(rope_num(&r->beta_fast, k, "beta_fast", 32, e));
    TRY(rope_num(&r->beta_slow, k, "beta_slow", 1, e));
    TRY(rope_num(&gain, k, "attention_factor", 0, e));
    TRY(rope_num(&mscale, k, "mscale", 0, e));
    TRY(rope_num(&all, k, "mscale_all_dim", 0, e));
    r->truncate = true;
    if (rope_has(k, "truncate")) r->truncate = js_bool(js_get(k->o, "truncate"), true);
    if (!(r->beta_fast > r->beta_slow && r->beta_slow > 0))
        FAIL(e, ERR_ARG, "%s: beta_fast = %g and beta_slow = %g, want fast > slow > 0", k->path, r->beta_fast,
             r->beta_slow);
    if (!(gain >= 0)) FAIL(e, ERR_ARG, "%s: attention_factor = %g, want above 0", k->path, gain);
    r->gain = gain > 0                ? gain
              : mscale > 0 && all > 0 ? yarn_gain(r->factor, mscale) / yarn_gain(r->factor, all)
                                      : yarn_gain(r->factor, 1);
    return OK;
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

static Status rope_kind(RopeKind *out, RopeKeys *k, Err *e)
{
    bool new_key = rope_has(k, "rope_type"), old_key = rope_has(k, "type");
    const char *type = js_str(js_get(k->o, new_key ? "rope_type" : "type"), NULL);
    if (type == NULL && !new_key && !old_key)
        FAIL(e, ERR_FORMAT, "%s: rope_scaling has no rope_type", k->path);
    for (size_t i = 0; type != NULL && i < ROPE_KINDS; i++)
        if (strcmp(type, rope_names[i]) == 0) {
            *out = (RopeKind)i;
            return OK;
        }
    FAIL(e, ERR_UNSUP,
         "%s: rope_scaling type '%s' is not implemented, want default, linear, dynamic, llama3 or yarn",
         k->path, type != NULL ? type : "(no text)");
}

/* One scaling object. partial may be given inside it, as newer configs do. */
static Status rope_one(ModelRope *r, const JsVal *o, double *partial, double max_len, const char *path,
                       Err *e)
{
    RopeKeys k = {o, path, 0};
    TRY(rope_kind(&r->kind, &k, e));
    TRY(rope_num(&r->theta, &k, "rope_theta", r->theta, e));
    TRY(rope_num(partial, &k, "partial_rotary_factor", *partial, e));
    TRY(rope_num(&r->factor, &k, "factor", r->kind == ROPE_PLAIN ? 1 : NAN, e));
    if (r->kind != ROPE_PLAIN && !(r->factor >= 1))
        FAIL(e, ERR_ARG, "%s: rope factor = %g, want at least 1", path, r->factor);
    TRY(rope_readers[r->kind](r, &k, max_len, e));
    bool needs = r->kind != ROPE_PLAIN && r->kind != ROPE_LINEAR;
    if (needs && !(r->old_len > 0))
        FAIL(e, ERR_ARG, "%s: original_max_position_embeddings = %g, want above 0", path, r->old_len);
    if (k.seen != js_len(o))
        FAIL(e, ERR_UNSUP, "%s: rope_scaling of type %s has a key that is not implemented", path,
             rope_names[r->kind]);
    return OK;
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

Status rope_read(ModelConfig *c, HfKeys *k, double theta, double partial, Err *e)
{
    ModelRope r = {.theta = theta, .factor = 1};
    const JsVal *old = keys_get(k, "rope_scaling"), *o = keys_get(k, "rope_parameters");
    if (js_type(old) == JS_OBJ) o = old;
    const JsVal *full =
        js_get(o, "full_attention"); /* by kind of layer, with a second one for local layers */
    TRY(keys_num_or(&r.theta, k, "rope_theta", theta, e));
    if (full != NULL) o = full;
    if (js_type(o) == JS_OBJ && js_len(o) > 0)
        TRY(rope_one(&r, o, &partial, (double)c->max_len, k->path, e));
    else if (o != NULL && js_type(o) != JS_OBJ)
        FAIL(e, ERR_FORMAT, "%s: rope_scaling is no object", k->path);
    c->rope = c->rope_local = r;
    return rope_partial(c, partial, k->path, e);
}

Status rope_read_local(ModelConfig *c, HfKeys *k, double theta, Err *e)
{
    const JsVal *o = js_get(keys_get(k, "rope_parameters"), "sliding_attention");
    double partial = 1;
    c->rope_local = (ModelRope){.theta = theta, .factor = 1};
    return o == NULL ? OK : rope_one(&c->rope_local, o, &partial, (double)c->max_len, k->path, e);
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
