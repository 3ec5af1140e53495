#include "tok_load_priv.h"

#include <stdio.h>
#include <string.h>

static Status load_vocab(Tok *t, const JsVal *vocab, Err *e)
{
    char show[JS_SHOW];
    JsIter it = {0};
    const char *key;
    for (const JsVal *v; (v = js_next(vocab, &it, &key)) != NULL;) {
        if (js_type(v) != JS_INT)
            FAIL(e, ERR_FORMAT, "model.vocab: the id of '%.40s' is %s, want a whole number", key,
                 js_show(show, v));
        TRY(tok_vocab_put(t, js_int(v, -1), key, strlen(key), TOK_IN_MODEL, e));
    }
    return OK;
}

/* The two halves of a merge: "a b" in older files, ["a", "b"] in newer ones. */
static Status merge_halves(const JsVal *v, size_t i, TokText half[2], Err *e)
{
    char show[JS_SHOW];
    size_t n = 0;
    const char *s = js_str(v, &n), *gap = s != NULL ? memchr(s, ' ', n) : NULL;
    if (gap != NULL && memchr(gap + 1, ' ', n - (size_t)(gap + 1 - s)) == NULL) {
        half[0] = (TokText){s, (size_t)(gap - s)};
        half[1] = (TokText){gap + 1, n - half[0].n - 1};
        return OK;
    }
    for (size_t k = 0; k < 2 && js_len(v) == 2; k++) half[k].s = js_str(js_at(v, k), &half[k].n);
    if (half[0].s == NULL || half[1].s == NULL)
        FAIL(e, ERR_FORMAT, "model.merges: row %zu is %s, want two tokens", i, js_show(show, v));
    return OK;
}

static Status load_merge(Tok *t, const JsVal *v, size_t i, Str *both, Err *e)
{
    TokText half[2] = {{0}};
    int32_t id[3];
    TRY(merge_halves(v, i, half, e));
    str_clear(both);
    for (size_t k = 0; k < 3; k++) {
        if (k < 2) str_put(both, half[k].s, half[k].n);
        const char *s = k < 2 ? half[k].s : both->s;
        size_t n = k < 2 ? half[k].n : both->n;
        if (both->failed) FAIL(e, ERR_NOMEM, "no memory for a merge");
        id[k] = tok_vocab_find(t, s, n);
        if (id[k] < 0)
            FAIL(e, ERR_FORMAT, "model.merges: row %zu names '%.*s', which is not in the vocabulary", i,
                 (int)(n < 40 ? n : 40), s);
    }
    tok_pairs_put(t, id[0], id[1], (int32_t)i, id[2]);
    return OK;
}

static Status load_merges(Tok *t, const JsVal *merges, Err *e)
{
    size_t n = js_len(merges);
    if (n > INT32_MAX) FAIL(e, ERR_FORMAT, "model.merges: %zu rows, want fewer than 2^31", n);
    TRY(tok_pairs_reserve(t, n, e));
    Str both = {0};
    Status s = OK;
    for (size_t i = 0; i < n && s == OK; i++) s = load_merge(t, js_at(merges, i), i, &both, e);
    str_free(&both);
    return s;
}

static Status load_unknown(Tok *t, const JsVal *model, Err *e)
{
    char show[JS_SHOW];
    const JsVal *v = js_get(model, "unk_token");
    if (js_type(v) <= JS_NULL) return OK;
    size_t n = 0;
    const char *s = js_str(v, &n);
    if (s == NULL) FAIL(e, ERR_FORMAT, "model.unk_token is %s, want a text or null", js_show(show, v));
    t->unk = tok_vocab_find(t, s, n);
    if (t->unk < 0) FAIL(e, ERR_FORMAT, "model.unk_token '%.40s' is not in the vocabulary", s);
    return OK;
}

/* Options of BPE that change ids and are not implemented: each must be off. */
static Status load_refusals(const JsVal *model, Err *e)
{
    char show[JS_SHOW];
    static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < 2; i++) {
        const JsVal *v = js_get(model, affixes[i]);
        size_t n = 0;
        if (js_type(v) > JS_NULL && (js_str(v, &n) == NULL || n > 0))
            FAIL(e, ERR_UNSUP, "model.%s = %s is not implemented, want null", affixes[i], js_show(show, v));
    }
    const JsVal *v = js_get(model, "dropout");
    if (js_type(v) > JS_NULL && js_num(v, 1) != 0)
        FAIL(e, ERR_UNSUP, "model.dropout = %s is not implemented, want null or 0", js_show(show, v));
    return OK;
}

Status tok_model_check(const JsVal *model, Err *e)
{
    static const char *const known[] = {"type",
                                        "dropout",
                                        "unk_token",
                                        "continuing_subword_prefix",
                                        "end_of_word_suffix",
                                        "fuse_unk",
                                        "byte_fallback",
                                        "ignore_merges",
                                        "vocab",
                                        "merges",
                                        NULL};
    char show[JS_SHOW];
    const JsVal *type = js_get(model, "type"); /* older files leave it out for BPE */
    const char *name = type == NULL ? "BPE" : js_str(type, NULL);
    if (js_type(model) == JS_OBJ && (name == NULL || strcmp(name, "BPE") != 0))
        FAIL(e, ERR_UNSUP, "model.type is %s, only BPE is implemented", js_show(show, type));
    TRY(tok_keys_known(model, "model", known, e));
    if (js_type(js_get(model, "vocab")) != JS_OBJ)
        FAIL(e, ERR_FORMAT, "model.vocab is %s, want an object", js_show(show, js_get(model, "vocab")));
    if (js_type(js_get(model, "merges")) != JS_ARR)
        FAIL(e, ERR_FORMAT, "model.merges is %s, want an array", js_show(show, js_get(model, "merges")));
    return load_refusals(model, e);
}

/* The tokens "<0x00>" to "<0xFF>", to which characters without a token fall back. */
static Status load_fallback(Tok *t, Err *e)
{
    size_t missing = 0;
    for (unsigned b = 0; b < 256; b++) {
        char name[8];
        int n = snprintf(name, sizeof name, "<0x%02X>", b);
        if (!t->byte_level) t->byte_id[b] = tok_vocab_find(t, name, (size_t)n);
        missing += t->byte_id[b] < 0;
    }
    if (t->byte_level && missing > 0)
        FAIL(e, ERR_UNSUP,
             "model.byte_fallback with ByteLevel is not implemented where bytes have no token; %zu have none",
             missing);
    return OK;
}

Status tok_load_model(Tok *t, const JsVal *model, Err *e)
{
    TRY(load_vocab(t, js_get(model, "vocab"), e));
    TRY(load_merges(t, js_get(model, "merges"), e));
    TRY(load_unknown(t, model, e));
    TRY(tok_flag(&t->fuse_unk, model, "fuse_unk", false, e));
    TRY(tok_flag(&t->ignore_merges, model, "ignore_merges", false, e));
    TRY(tok_flag(&t->byte_fallback, model, "byte_fallback", false, e));
    return t->byte_fallback ? load_fallback(t, e) : OK;
}
