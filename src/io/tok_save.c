#include "tok_priv.h"

#include "prime/file.h"
#include "prime/js.h"

#include <stdlib.h>

static JsVal *js_byte_level(void)
{
    JsVal *v = js_new_obj();
    js_set(v, "type", js_new_str("ByteLevel"));
    js_set(v, "add_prefix_space", js_new_bool(false));
    js_set(v, "trim_offsets", js_new_bool(true));
    js_set(v, "use_regex", js_new_bool(true));
    return v;
}

static JsVal *js_pre_tokenizer(void)
{
    JsVal *v = js_new_obj(), *list = js_new_arr(), *digits = js_new_obj();
    js_set(digits, "type", js_new_str("Digits"));
    js_set(digits, "individual_digits", js_new_bool(true));
    js_push(list, digits);
    js_push(list, js_byte_level());
    js_set(v, "type", js_new_str("Sequence"));
    js_set(v, "pretokenizers", list);
    return v;
}

static JsVal *js_added(const Tok *t)
{
    JsVal *list = js_new_arr();
    for (size_t i = 0; i < t->n; i++) {
        const TokEntry *en = &t->entry[i];
        if (!(en->flags & TOK_ADDED)) continue;
        JsVal *v = js_new_obj();
        js_set(v, "id", js_new_int((int64_t)i));
        js_set(v, "content", js_new_strn(tok_text(t, en->content), en->content.n));
        js_set(v, "single_word", js_new_bool(false));
        js_set(v, "lstrip", js_new_bool(false));
        js_set(v, "rstrip", js_new_bool(false));
        js_set(v, "normalized", js_new_bool(false));
        js_set(v, "special", js_new_bool(true));
        js_push(list, v);
    }
    return list;
}

/* Merges in the older spelling, "left right", which every reader takes; no token holds a raw space, because
 * the alphabet writes that byte as U+0120. */
static JsVal *js_model(const Tok *t)
{
    JsVal *v = js_new_obj(), *vocab = js_new_obj(), *merges = js_new_arr();
    for (size_t i = 0; i < t->n; i++) js_set(vocab, tok_text(t, t->entry[i].content), js_new_int((int64_t)i));
    for (size_t i = 0; i < t->n_merges; i++) {
        Str row = {0};
        str_puts(&row, tok_text(t, t->entry[t->merge[i].left].content));
        str_puts(&row, " ");
        str_puts(&row, tok_text(t, t->entry[t->merge[i].right].content));
        js_push(merges, row.failed ? NULL : js_new_strn(row.s, row.n));
        str_free(&row);
    }
    js_set(v, "type", js_new_str("BPE"));
    js_set(v, "dropout", js_new_null());
    js_set(v, "unk_token", js_new_null());
    js_set(v, "continuing_subword_prefix", js_new_null());
    js_set(v, "end_of_word_suffix", js_new_null());
    js_set(v, "fuse_unk", js_new_bool(false));
    js_set(v, "byte_fallback", js_new_bool(false));
    js_set(v, "ignore_merges", js_new_bool(false));
    js_set(v, "vocab", vocab);
    js_set(v, "merges", merges);
    return v;
}

static JsVal *js_tokenizer(const Tok *t)
{
    JsVal *v = js_new_obj();
    js_set(v, "version", js_new_str("1.0"));
    js_set(v, "truncation", js_new_null());
    js_set(v, "padding", js_new_null());
    js_set(v, "added_tokens", js_added(t));
    js_set(v, "normalizer", js_new_null());
    js_set(v, "pre_tokenizer", js_pre_tokenizer());
    js_set(v, "post_processor", js_new_null());
    js_set(v, "decoder", js_byte_level());
    js_set(v, "model", js_model(t));
    return v;
}

static JsVal *js_config(void)
{
    JsVal *v = js_new_obj();
    js_set(v, "tokenizer_class", js_new_str("PreTrainedTokenizerFast"));
    js_set(v, "clean_up_tokenization_spaces", js_new_bool(false));
    return v;
}

/* Takes the tree over. */
static Status save_tree(const char *dir, const char *name, JsVal *v, Err *e)
{
    char *path = file_join(dir, name);
    Status s = path == NULL ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory for a name", dir)
                            : js_save(path, v, e);
    free(path);
    js_close(v);
    return s;
}

Status tok_save(const Tok *t, const char *dir, Err *e)
{
    if (!t->trained) FAIL(e, ERR_ARG, "%s: only a tokenizer that was trained here can be saved", dir);
    TRY(file_mkdir(dir, e));
    TRY(save_tree(dir, "tokenizer_config.json", js_config(), e));
    return save_tree(dir, "tokenizer.json", js_tokenizer(t), e);
}
