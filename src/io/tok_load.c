/* Read tokenizer.json. The rule: a key that would change ids is implemented or refused by name; nothing that
 * matters is skipped. */
#include "tok_load_priv.h"

#include "prime/file.h"
#include "prime/log.h"

#include <stdlib.h>
#include <string.h>

Status tok_keys_known(const JsVal *obj, const char *where, const char *const *known, Err *e)
{
    char show[JS_SHOW];
    if (js_type(obj) != JS_OBJ) FAIL(e, ERR_FORMAT, "%s is %s, want an object", where, js_show(show, obj));
    JsIter it = {0};
    const char *key;
    while (js_next(obj, &it, &key) != NULL) {
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], key) != 0) i++;
        if (known[i] == NULL) FAIL(e, ERR_UNSUP, "key '%.60s' of %s is not implemented", key, where);
    }
    return OK;
}

Status tok_flag(bool *out, const JsVal *obj, const char *key, bool otherwise, Err *e)
{
    char show[JS_SHOW];
    const JsVal *v = js_get(obj, key);
    if (v != NULL && js_type(v) != JS_BOOL)
        FAIL(e, ERR_FORMAT, "%s is %s, want true or false", key, js_show(show, v));
    *out = js_bool(v, otherwise);
    return OK;
}

/* --- added tokens -----------------------------------------------------------------------------------------
 */

/* Give the token its id, or check that the vocabulary gives it the same one. */
static Status added_claim(Tok *t, int64_t id, const char *s, size_t n, bool special, Err *e)
{
    unsigned flags = TOK_ADDED | (special ? TOK_SPECIAL : 0U);
    int32_t old = tok_vocab_find(t, s, n);
    if (old < 0) return tok_vocab_put(t, id, s, n, flags, e);
    if (old != id)
        FAIL(e, ERR_FORMAT, "added_tokens: '%.40s' has id %lld, but the vocabulary gives it %d", s,
             (long long)id, old);
    if (t->entry[old].flags & TOK_ADDED) FAIL(e, ERR_FORMAT, "added_tokens: '%.40s' is listed twice", s);
    t->entry[old].flags |= (uint8_t)flags;
    return OK;
}

/* Keep the normal form of a token as what to look for. */
static Status added_normal(Tok *t, TokAdded *a, TokPiece p, TokBuf buf[2], pcre2_match_data *match, Err *e)
{
    if (match == NULL) FAIL(e, ERR_NOMEM, "no memory for matching");
    TRY(tok_norm_run(t, &p, p, buf, match, e));
    if (p.n == 0)
        FAIL(e, ERR_UNSUP, "added_tokens: '%.40s' is empty when it is normalised; that is not implemented",
             tok_text(t, t->entry[a->id].content));
    return tok_text_add(t, &a->text, p.s, p.n, e);
}

/* What to look for: in normalised text, the token's own normal form. */
static Status added_text(Tok *t, TokAdded *a, const char *s, size_t n, Err *e)
{
    a->text = t->entry[a->id].content;
    if (!a->normalised || t->n_norms == 0) return OK;
    TokBuf buf[2] = {{.track = false}, {.track = false}};
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    Status st = added_normal(t, a, (TokPiece){s, n, NULL, 0}, buf, match, e);
    pcre2_match_data_free(match);
    for (size_t i = 0; i < 2; i++) tok_buf_free(&buf[i]);
    return st;
}

static Status load_added_one(Tok *t, const JsVal *v, size_t i, Err *e)
{
    static const char *const known[] = {"id",     "content", "single_word", "lstrip",
                                        "rstrip", "special", "normalized",  NULL};
    TokAdded a = {0};
    size_t n = 0;
    TRY(tok_keys_known(v, "a row of added_tokens", known, e));
    const char *s = js_str(js_get(v, "content"), &n);
    if (s == NULL || n == 0) FAIL(e, ERR_FORMAT, "added_tokens: row %zu has no content, want a text", i);
    if (js_type(js_get(v, "id")) != JS_INT)
        FAIL(e, ERR_FORMAT, "added_tokens: '%.40s' has no id, want a whole number", s);
    TRY(tok_flag(&a.special, v, "special", false, e));
    TRY(tok_flag(&a.normalised, v, "normalized", !a.special, e));
    TRY(tok_flag(&a.single_word, v, "single_word", false, e));
    TRY(tok_flag(&a.lstrip, v, "lstrip", false, e));
    TRY(tok_flag(&a.rstrip, v, "rstrip", false, e));
    int64_t id = js_int(js_get(v, "id"), -1);
    TRY(added_claim(t, id, s, n, a.special, e));
    a.id = (int32_t)id;
    TRY(added_text(t, &a, s, n, e));
    t->added[t->n_added++] = a;
    return OK;
}

static Status load_added(Tok *t, const JsVal *list, Err *e)
{
    t->added = calloc(js_len(list) + 1, sizeof *t->added);
    if (t->added == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu added tokens", js_len(list));
    for (size_t i = 0; i < js_len(list); i++) TRY(load_added_one(t, js_at(list, i), i, e));
    return OK;
}

/* --- the file ---------------------------------------------------------------------------------------------
 */

static Status load_check_holes(const Tok *t, Err *e)
{
    if (t->n == 0) FAIL(e, ERR_FORMAT, "the vocabulary is empty");
    for (size_t i = 0; i < t->n; i++)
        if (t->entry[i].flags == 0)
            FAIL(e, ERR_FORMAT, "no token has id %zu, though ids go up to %zu", i, t->n - 1);
    return OK;
}

static void load_warn(const Tok *t, const char *path)
{
    size_t missing = 0;
    for (size_t b = 0; b < 256; b++) missing += t->byte_id[b] < 0;
    if (t->unk >= 0 || missing == 0) return;
    if (t->byte_level)
        log_say(LOG_WARN, "%s: %zu of 256 bytes have no token; encoding drops them", path, missing);
    else
        log_say(LOG_WARN, "%s: no unknown token; encoding drops characters without a token", path);
}

static Status load_check_top(const JsVal *root, Err *e)
{
    static const char *const known[] = {
        "version",        "truncation", "padding",      "normalizer", "pre_tokenizer",
        "post_processor", "decoder",    "added_tokens", "model",      NULL};
    char show[JS_SHOW];
    TRY(tok_keys_known(root, "the file", known, e));
    static const char *const off[] = {"truncation", "padding"};
    for (size_t i = 0; i < 2; i++)
        if (js_type(js_get(root, off[i])) > JS_NULL)
            FAIL(e, ERR_UNSUP, "%s is %s: not implemented, want null", off[i],
                 js_show(show, js_get(root, off[i])));
    const JsVal *added = js_get(root, "added_tokens");
    if (js_type(added) > JS_NULL && js_type(added) != JS_ARR)
        FAIL(e, ERR_FORMAT, "added_tokens is %s, want an array", js_show(show, added));
    return OK;
}

static Status load_fill(Tok *t, const JsVal *root, Err *e)
{
    TRY(tok_load_normaliser(t, js_get(root, "normalizer"), e));
    TRY(tok_load_stages(t, js_get(root, "pre_tokenizer"), e));
    TRY(tok_load_model(t, js_get(root, "model"), e));
    TRY(load_added(t, js_get(root, "added_tokens"), e));
    TRY(load_check_holes(t, e));
    TRY(tok_load_template(t, js_get(root, "post_processor"), e));
    TRY(tok_load_decoder(t, js_get(root, "decoder"), e));
    TRY(tok_added_index(t, e));
    return tok_whole_build(t, e);
}

static Status load_root(Tok **t, const JsVal *root, Err *e)
{
    TRY(load_check_top(root, e));
    const JsVal *model = js_get(root, "model");
    TRY(tok_model_check(model, e));
    Tok *fresh = tok_new(js_len(js_get(model, "vocab")) + js_len(js_get(root, "added_tokens")), e);
    if (fresh == NULL) return ERR_NOMEM;
    Status s = load_fill(fresh, root, e);
    if (s != OK)
        tok_free(fresh);
    else
        *t = fresh;
    return s;
}

/* Takes the tree over. */
static Status load_tree(Tok **t, JsVal *root, const char *name, Err *e)
{
    Status s = load_root(t, root, e);
    if (s != OK)
        err_prefix(e, "%s", name);
    else
        load_warn(*t, name);
    js_close(root);
    return s;
}

Status tok_parse(Tok **t, const char *json, size_t n, const char *name, Err *e)
{
    JsVal *root = NULL;
    TRY(js_parse(&root, json, n, name, e));
    return load_tree(t, root, name, e);
}

/* A folder of an older form: what it has, and what makes tokenizer.json of it. Every library that makes these
 * files can also write that one. */
static Status load_absent(const char *dir, const char *file, Err *e)
{
    static const char *const older[][2] = {{"tokenizer.model", "SentencePiece's own form"},
                                           {"vocab.json", "half of an older form, with merges.txt"},
                                           {"vocab.txt", "an older form"}};
    for (size_t i = 0; i < sizeof older / sizeof older[0]; i++) {
        char *path = file_join(dir, older[i][0]);
        bool there = path != NULL && file_exists(path);
        free(path);
        if (there)
            FAIL(
                e, ERR_IO,
                "%s: no such file; %s beside it (%s) is not read. Convert once with the library that made "
                "it: in "
                "transformers, AutoTokenizer.from_pretrained(dir).save_pretrained(dir) writes tokenizer.json",
                file, older[i][0], older[i][1]);
    }
    return OK;
}

static Status load_file(Tok **t, const char *dir, const char *file, Err *e)
{
    JsVal *root = NULL;
    if (dir != NULL && !file_exists(file)) TRY(load_absent(dir, file, e));
    TRY(js_load(&root, file, e));
    return load_tree(t, root, file, e);
}

static bool is_file_of(const char *path, const char *ending)
{
    size_t n = strlen(path), k = strlen(ending);
    return n >= k && strcmp(path + n - k, ending) == 0 && !file_is_dir(path);
}

static Status load_from_folder(Tok **t, const char *dir, Err *e)
{
    char *file = file_join(dir, "tokenizer.json");
    if (file == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for its name", dir);
    Status s = load_file(t, dir, file, e);
    free(file);
    return s;
}

Status tok_load(Tok **t, const char *path, Err *e)
{
    if (is_file_of(path, ".json")) return load_file(t, NULL, path, e);
    if (!is_file_of(path, ".gguf")) return load_from_folder(t, path, e);
    const char *slash = strrchr(path, '/');
    char *dir = slash != NULL ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (dir == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for its folder", path);
    Status s = load_from_folder(t, dir, e);
    free(dir);
    return s;
}
