/* signals.c - the file: what may be in it is checked on the way out and on the way in by the same functions.
 */
#include "prime/signals.h"

#include "prime/js.h"
#include "prime/st.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char meta_key[] = "prime.signals";
enum { VERSION = 1, MAX_ID = 128 };

/* ---- checks ---- */

static bool signals_id_fits(const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && strchr("._:-", s[i]) == NULL) return false;
    return n >= 1 && n <= MAX_ID;
}

static int record_order(const void *x, const void *y)
{
    return strcmp((*(const SignalsRecord *const *)x)->id, (*(const SignalsRecord *const *)y)->id);
}

/* Records by id, in the arena; NULL when memory is out. */
static const SignalsRecord **records_sorted(const Signals *s, Arena *a)
{
    const SignalsRecord **by = arena_alloc(a, s->n, sizeof *by);
    for (size_t i = 0; by != NULL && i < s->n; i++) by[i] = &s->record[i];
    if (by != NULL && s->n > 1) qsort(by, s->n, sizeof *by, record_order);
    return by;
}

static Status signals_check_records(const Signals *s, Status code, Arena *a, Err *e)
{
    for (size_t i = 0; i < s->n; i++) {
        const SignalsRecord *r = &s->record[i];
        const char *bad = !signals_id_fits(r->id)                           ? r->id
                          : r->unit[0] != '\0' && !signals_id_fits(r->unit) ? r->unit
                                                                            : NULL;
        /* What is no id may be text: its length alone is shown. */
        if (bad != NULL)
            FAIL(e, code, "record %zu: an id of %zu bytes, want 1 to %d of A-Z a-z 0-9 . _ : -", i,
                 strlen(bad), MAX_ID);
        if (r->label < -1 || r->label > 1)
            FAIL(e, code, "record %zu: label = %d, want 1, 0 or -1", i, r->label);
    }
    const SignalsRecord **by = records_sorted(s, a);
    if (by == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", s->n);
    for (size_t i = 1; i < s->n; i++)
        if (strcmp(by[i - 1]->id, by[i]->id) == 0) FAIL(e, code, "record '%s' occurs twice", by[i]->id);
    return OK;
}

static Status signals_check_starts(const Signals *s, size_t tokens, Status code, Err *e)
{
    if (s->tok.start[0] != 0) FAIL(e, code, "start[0] = %zu, want 0", s->tok.start[0]);
    for (size_t i = 0; i < s->n; i++)
        if (s->tok.start[i + 1] < s->tok.start[i])
            FAIL(e, code, "start[%zu] = %zu, less than the one before it", i + 1, s->tok.start[i + 1]);
    if (s->tok.start[s->n] != tokens)
        FAIL(e, code, "start[%zu] = %zu, want the %zu tokens that there are", s->n, s->tok.start[s->n],
             tokens);
    return OK;
}

static Status signals_check_tokens(const Signals *s, size_t tokens, Status code, Err *e)
{
    const ScoreSignals *t = &s->tok;
    for (size_t i = 0; i < tokens; i++) {
        if (!(t->logp[i] <= 1e-4f) || !isfinite(t->logp[i]))
            FAIL(e, code, "logp[%zu] = %g, want a finite number up to 0", i, (double)t->logp[i]);
        if (!(t->mu[i] <= 1e-4f) || !isfinite(t->mu[i]))
            FAIL(e, code, "mu[%zu] = %g, want a finite number up to 0", i, (double)t->mu[i]);
        if (!(t->sigma[i] >= 0) || !isfinite(t->sigma[i]))
            FAIL(e, code, "sigma[%zu] = %g, want a finite number from 0", i, (double)t->sigma[i]);
        if (t->id[i] < 0) FAIL(e, code, "id[%zu] = %d, want a token id", i, t->id[i]);
    }
    return OK;
}

/* ---- writing ---- */

/* {"version": 1, ...}; the caller frees it. */
static JsVal *signals_about(const Signals *s)
{
    JsVal *root = js_new_obj(), *id = js_new_arr(), *unit = js_new_arr();
    for (size_t i = 0; i < s->n; i++) {
        js_push(id, js_new_str(s->record[i].id));
        js_push(unit, js_new_str(s->record[i].unit));
    }
    js_set(root, "version", js_new_int(VERSION));
    js_set(root, "model", js_new_str(s->model));
    js_set(root, "model_sha256", js_new_str(s->model_sha256));
    js_set(root, "record", id);
    js_set(root, "unit", unit);
    return root;
}

static Status signals_write(const char *path, const Signals *s, const char *about, Arena *a, Err *e)
{
    size_t tokens = s->tok.start[s->n];
    int64_t *start = arena_alloc(a, s->n + 1, sizeof *start), *zlib = arena_alloc(a, s->n, sizeof *zlib);
    int8_t *label = arena_alloc(a, s->n, sizeof *label);
    if (start == NULL || zlib == NULL || label == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", s->n);
    for (size_t i = 0; i <= s->n; i++) start[i] = (int64_t)s->tok.start[i];
    for (size_t i = 0; i < s->n; i++) {
        zlib[i] = (int64_t)s->record[i].zlib_bytes;
        label[i] = (int8_t)s->record[i].label;
    }
    const StItem item[] = {
        {"start", ST_I64, 1, {s->n + 1}, start},   {"zlib_bytes", ST_I64, 1, {s->n}, zlib},
        {"id", ST_I32, 1, {tokens}, s->tok.id},    {"logp", ST_F32, 1, {tokens}, s->tok.logp},
        {"mu", ST_F32, 1, {tokens}, s->tok.mu},    {"sigma", ST_F32, 1, {tokens}, s->tok.sigma},
        {"rank", ST_U8, 1, {tokens}, s->tok.rank}, {"label", ST_I8, 1, {s->n}, label}};
    return st_save_meta(path, item, sizeof item / sizeof item[0], &(StMeta){meta_key, about}, 1, e);
}

/* Of the model: 64 digits, or not known. */
static Status signals_check_hash(const Signals *s, Status code, Err *e)
{
    const char *hex = s->model_sha256;
    if (hex[0] == '\0' || (strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64)) return OK;
    FAIL(e, code, "model_sha256 is '%.70s', want 64 digits of 0-9 a-f, or none", hex);
}

static Status signals_save_in(const char *path, const Signals *s, Arena *a, Err *e)
{
    TRY(signals_check_records(s, ERR_ARG, a, e));
    TRY(signals_check_starts(s, s->tok.start[s->n], ERR_SHAPE, e));
    TRY(signals_check_tokens(s, s->tok.start[s->n], ERR_NUM, e));
    if (!signals_id_fits(s->model))
        FAIL(e, ERR_ARG, "the name of a model has 1 to %d of A-Z a-z 0-9 . _ : -", MAX_ID);
    TRY(signals_check_hash(s, ERR_ARG, e));
    JsVal *root = signals_about(s);
    Str about = {0};
    Status st = js_dump(&about, root, 0, e);
    if (st == OK) st = signals_write(path, s, about.s, a, e);
    str_free(&about);
    js_close(root);
    return st;
}

Status signals_save(const char *path, const Signals *s, Err *e)
{
    Arena a = {0};
    Status st = signals_save_in(path, s, &a, e);
    if (st != OK && st != ERR_IO) err_prefix(e, "%s", path);
    arena_free(&a);
    return st;
}

/* ---- reading ---- */

/* The bytes of a tensor, aligned, in the arena. want = SIZE_MAX: any length; *count is what was found. */
static Status signals_tensor(void **out, size_t *count, const StFile *f, const char *name, StType type,
                             size_t want, Arena *a, Err *e)
{
    const StTensor *t = st_find(f, name);
    if (t == NULL) FAIL(e, ERR_FORMAT, "no tensor '%s'", name);
    if (t->type != type || t->ndim != 1)
        FAIL(e, ERR_FORMAT, "tensor '%s' is %s of %zu dimensions, want %s of one", name,
             st_type_name(t->type), t->ndim, st_type_name(type));
    if (want != SIZE_MAX && t->count != want)
        FAIL(e, ERR_FORMAT, "tensor '%s' has %zu values, want %zu", name, t->count, want);
    *out = arena_alloc(a, t->nbytes, 1);
    if (*out == NULL) FAIL(e, ERR_NOMEM, "no memory for tensor '%s'", name);
    if (t->nbytes > 0) memcpy(*out, t->data, t->nbytes);
    *count = t->count;
    return OK;
}

static Status signals_read_tokens(Signals *s, const StFile *f, Arena *a, Err *e)
{
    ScoreSignals *t = &s->tok;
    size_t n = 0;
    void *start = NULL, *id = NULL, *logp = NULL, *mu = NULL, *sigma = NULL, *rank = NULL;
    TRY(signals_tensor(&start, &n, f, "start", ST_I64, s->n + 1, a, e));
    TRY(signals_tensor(&id, &n, f, "id", ST_I32, SIZE_MAX, a, e));
    size_t tokens = n;
    TRY(signals_tensor(&logp, &n, f, "logp", ST_F32, tokens, a, e));
    TRY(signals_tensor(&mu, &n, f, "mu", ST_F32, tokens, a, e));
    TRY(signals_tensor(&sigma, &n, f, "sigma", ST_F32, tokens, a, e));
    TRY(signals_tensor(&rank, &n, f, "rank", ST_U8, tokens, a, e));
    const int64_t *from = start;
    t->start = arena_alloc(a, s->n + 1, sizeof *t->start);
    if (t->start == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", s->n);
    for (size_t i = 0; i <= s->n; i++) {
        if (from[i] < 0) FAIL(e, ERR_FORMAT, "start[%zu] = %" PRId64 ", want 0 or more", i, from[i]);
        t->start[i] = (size_t)from[i];
    }
    t->id = id, t->logp = logp, t->mu = mu, t->sigma = sigma, t->rank = rank;
    TRY(signals_check_starts(s, tokens, ERR_FORMAT, e));
    return signals_check_tokens(s, tokens, ERR_FORMAT, e);
}

static Status signals_text(const char **out, const JsVal *v, const char *what, Arena *a, Err *e)
{
    size_t n = 0;
    char show[JS_SHOW];
    const char *s = js_str(v, &n);
    if (s == NULL || strlen(s) != n) FAIL(e, ERR_FORMAT, "%s is %s, want a text", what, js_show(show, v));
    *out = arena_strdup(a, s);
    if (*out == NULL) FAIL(e, ERR_NOMEM, "no memory for %s", what);
    return OK;
}

static Status signals_read_records(Signals *s, const StFile *f, const JsVal *root, Arena *a, Err *e)
{
    const JsVal *id = js_get(root, "record"), *unit = js_get(root, "unit");
    void *label = NULL, *zlib = NULL;
    size_t n = 0;
    s->n = js_len(id);
    if (js_type(id) != JS_ARR || js_type(unit) != JS_ARR || js_len(unit) != s->n)
        FAIL(e, ERR_FORMAT, "\"record\" and \"unit\" must be arrays of one length");
    TRY(signals_tensor(&label, &n, f, "label", ST_I8, s->n, a, e));
    TRY(signals_tensor(&zlib, &n, f, "zlib_bytes", ST_I64, s->n, a, e));
    SignalsRecord *r = arena_alloc(a, s->n, sizeof *r);
    if (r == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", s->n);
    s->record = r;
    for (size_t i = 0; i < s->n; i++) {
        int64_t bytes = ((const int64_t *)zlib)[i];
        if (bytes < 0) FAIL(e, ERR_FORMAT, "zlib_bytes[%zu] = %" PRId64 ", want 0 or more", i, bytes);
        r[i] = (SignalsRecord){.label = ((const int8_t *)label)[i], .zlib_bytes = (size_t)bytes};
        TRY(signals_text(&r[i].id, js_at(id, i), "an id in \"record\"", a, e));
        TRY(signals_text(&r[i].unit, js_at(unit, i), "an id in \"unit\"", a, e));
    }
    return signals_check_records(s, ERR_FORMAT, a, e);
}

static Status signals_read(Signals *s, const StFile *f, const JsVal *root, Arena *a, Err *e)
{
    if (js_type(js_get(root, "version")) != JS_INT) FAIL(e, ERR_FORMAT, "no version of the format");
    if (js_int(js_get(root, "version"), 0) != VERSION)
        FAIL(e, ERR_UNSUP, "version %" PRId64 " of the format, want %d", js_int(js_get(root, "version"), 0),
             VERSION);
    if (st_count(f) != 8) FAIL(e, ERR_FORMAT, "%zu tensors, want 8", st_count(f));
    TRY(signals_text(&s->model, js_get(root, "model"), "\"model\"", a, e));
    TRY(signals_text(&s->model_sha256, js_get(root, "model_sha256"), "\"model_sha256\"", a, e));
    TRY(signals_check_hash(s, ERR_FORMAT, e));
    TRY(signals_read_records(s, f, root, a, e));
    return signals_read_tokens(s, f, a, e);
}

/* Closes f. */
static Status signals_from(Signals *out, StFile *f, const char *name, Arena *a, Err *e)
{
    JsVal *root = NULL;
    Signals s = {0};
    const char *about = st_meta(f, meta_key);
    Status st = about != NULL
                    ? js_parse(&root, about, strlen(about), meta_key, e)
                    : err_set(e, ERR_FORMAT, __FILE__, __LINE__, "no signals: '%s' is missing", meta_key);
    if (st == OK) st = signals_read(&s, f, root, a, e);
    if (st == OK)
        *out = s;
    else
        err_prefix(e, "%s", name);
    js_close(root);
    st_close(f);
    return st;
}

Status signals_load(Signals *out, const char *path, Arena *a, Err *e)
{
    StFile *f = NULL;
    TRY(st_open(&f, path, e));
    return signals_from(out, f, path, a, e);
}

Status signals_view(Signals *out, const void *bytes, size_t n, const char *name, Arena *a, Err *e)
{
    StFile *f = NULL;
    TRY(st_view(&f, bytes, n, name, e));
    return signals_from(out, f, name, a, e);
}
