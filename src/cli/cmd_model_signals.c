/* cmd_model_signals.c - `prime model score --signals FILE`: what attacks read, beside the losses. */
#include "cmd_model_use.h"

#include "prime/file.h"
#include "prime/hash.h"
#include "prime/signals.h"

#include <stdlib.h>
#include <string.h>

/* " HASH=WEIGHT" of one adapter, as --adapter gives it. */
static Status signals_hash_adapter(Str *text, const char *arg, Err *e)
{
    char hex[HASH_HEX], *dir = strdup(arg), *file = NULL;
    double w = 1;
    Status s =
        dir != NULL ? cli_adapter_split(&w, dir, e) : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory");
    if (s == OK) file = file_join(dir, "adapter_model.safetensors");
    if (s == OK && file == NULL) s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory");
    if (s == OK) s = hash_file(hex, file, e);
    if (s == OK) str_printf(text, " %s=", hex);
    if (s == OK) str_num(text, w);
    free(file);
    free(dir);
    return s;
}

/* What names the attacked model: its weights, and each adapter's with how much of it is on. */
static Status signals_hash(char hex[HASH_HEX], const char *dir, const CliList *adapters, Err *e)
{
    Str text = {0};
    TRY(model_hash(hex, dir, e));
    if (adapters->n == 0) return OK;
    str_puts(&text, hex);
    Status s = OK;
    for (size_t i = 0; i < adapters->n && s == OK; i++) s = signals_hash_adapter(&text, adapters->item[i], e);
    if (s == OK && text.failed) s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for a hash");
    if (s == OK) hash_bytes(hex, text.s, text.n);
    str_free(&text);
    return s;
}

/* id, unit and label of a row; the line's number for a missing id. */
static Status signals_record(SignalsRecord *out, const UseRow *r, Arena *a, Err *e)
{
    const JsVal *id = js_get(r->root, "id"), *unit = js_get(r->root, "unit"),
                *label = js_get(r->root, "label");
    Str text = {0};
    char show[JS_SHOW];
    if (js_type(unit) != JS_NONE && js_str(unit, NULL) == NULL)
        FAIL(e, ERR_FORMAT, "unit is %s, want a text", js_show(show, unit));
    if (js_type(label) != JS_NONE && js_int(label, -1) != 0 && js_int(label, -1) != 1)
        FAIL(e, ERR_FORMAT, "label is %s, want 1 (member) or 0", js_show(show, label));
    out->label = (int)js_int(label, -1);
    out->unit = js_str(unit, NULL) != NULL ? arena_strdup(a, js_str(unit, NULL)) : "";
    if (js_str(id, NULL) == NULL) str_printf(&text, "%lld", (long long)js_int(id, (int64_t)r->line));
    out->id = arena_strdup(a, js_str(id, NULL) != NULL ? js_str(id, NULL) : text.failed ? "" : text.s);
    str_free(&text);
    if (out->unit == NULL || out->id == NULL) FAIL(e, ERR_NOMEM, "no memory for an id");
    return attack_zlib(&out->zlib_bytes, r->answer, strlen(r->answer), e);
}

static Status signals_rows_arrays(ScoreSignals *t, const ScoreItem *item, size_t n, Arena *a, Err *e)
{
    size_t tokens = score_tokens(item, n);
    *t = (ScoreSignals){.start = arena_alloc(a, n + 1, sizeof *t->start),
                        .id = arena_alloc(a, tokens, sizeof *t->id),
                        .logp = arena_alloc(a, tokens, sizeof *t->logp),
                        .mu = arena_alloc(a, tokens, sizeof *t->mu),
                        .sigma = arena_alloc(a, tokens, sizeof *t->sigma),
                        .rank = arena_alloc(a, tokens, 1)};
    if (t->start == NULL || t->id == NULL || t->logp == NULL || t->mu == NULL || t->sigma == NULL ||
        t->rank == NULL)
        FAIL(e, ERR_NOMEM, "no memory for the signals of %zu tokens", tokens);
    return OK;
}

static Status signals_rows_in(ScoreOut *out, const char *path, const UseRows *u, const CliModel *m,
                              const ScoreItem *item, const char *dir, const CliList *adapters, Arena *a,
                              Err *e)
{
    Signals s = {.model = m->k > 0 ? "adapted" : "base", .n = u->n};
    SignalsRecord *rec = arena_zalloc(a, u->n, sizeof *rec);
    char hex[HASH_HEX];
    if (rec == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", u->n);
    for (size_t i = 0; i < u->n; i++)
        if (signals_record(&rec[i], &u->row[i], a, e) != OK)
            return err_prefix(e, "%s:%zu", u->path, u->row[i].line);
    TRY(signals_hash(hex, dir, adapters, e));
    s.record = rec;
    s.model_sha256 = hex;
    TRY(signals_rows_arrays(&s.tok, item, u->n, a, e));
    TRY(score_signals(&s.tok, m->model, cli_model_pass(m), 1, item, u->n, e));
    TRY(signals_save(path, &s, e));
    for (size_t i = 0; i < u->n; i++) {
        out[i] = (ScoreOut){.n_tokens = s.tok.start[i + 1] - s.tok.start[i]};
        for (size_t t = s.tok.start[i]; t < s.tok.start[i + 1]; t++) out[i].nll_sum -= (double)s.tok.logp[t];
    }
    return OK;
}

Status use_rows_signals(ScoreOut *out, const char *path, const UseRows *u, const CliModel *m,
                        const ScoreItem *item, const char *dir, const CliList *adapters, Err *e)
{
    Arena a = {0};
    Status s = signals_rows_in(out, path, u, m, item, dir, adapters, &a, e);
    arena_free(&a);
    return s;
}
