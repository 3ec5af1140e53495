/* normalizer and decoder of tokenizer.json. */
#include "tok_load_priv.h"

#include <string.h>
#include <utf8proc.h>

/* Takes the pattern over. */
static Status norm_add(Tok *t, TokNorm op, Err *e)
{
    if (t->n_norms == TOK_MAX_STAGES) {
        pcre2_code_free(op.code);
        FAIL(e, ERR_UNSUP, "more than %d normalizers in a row are not implemented", TOK_MAX_STAGES);
    }
    t->norm[t->n_norms++] = op;
    return OK;
}

static Status norm_unicode(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", NULL};
    TRY(tok_keys_known(v, "a normalizer of Unicode", known, e));
    return norm_add(t, (TokNorm){.run = tok_norm_unicode, .form = kind->form, .spares_ascii = true}, e);
}

static Status norm_plain(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", NULL};
    bool lower = strcmp(kind->type, "Lowercase") == 0;
    TRY(tok_keys_known(v, lower ? "normalizer Lowercase" : "normalizer StripAccents", known, e));
    TokNorm op = {.run = lower ? tok_norm_lowercase : tok_norm_accents, .spares_ascii = !lower};
    return norm_add(t, op, e);
}

static Status norm_strip(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", "strip_left", "strip_right", NULL};
    (void)kind;
    TokNorm op = {.run = tok_norm_strip};
    TRY(tok_keys_known(v, "normalizer Strip", known, e));
    TRY(tok_flag(&op.left, v, "strip_left", true, e));
    TRY(tok_flag(&op.right, v, "strip_right", true, e));
    return norm_add(t, op, e);
}

static Status norm_prepend(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", "prepend", NULL};
    (void)kind;
    TokNorm op = {.run = tok_norm_prepend};
    TRY(tok_keys_known(v, "normalizer Prepend", known, e));
    TRY(tok_part_text(t, &op.content, v, "prepend", "normalizer Prepend", e));
    return norm_add(t, op, e);
}

static Status norm_replace(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", "pattern", "content", NULL};
    (void)kind;
    TokNorm op = {.run = tok_norm_replace};
    TRY(tok_keys_known(v, "normalizer Replace", known, e));
    TRY(tok_part_text(t, &op.content, v, "content", "normalizer Replace", e));
    TRY(tok_part_pattern(&op.code, v, "normalizer Replace", e));
    return norm_add(t, op, e);
}

Status tok_load_normaliser(Tok *t, const JsVal *v, Err *e)
{
    enum {
        NFC = UTF8PROC_STABLE | UTF8PROC_COMPOSE,
        NFD = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
        COMPAT = UTF8PROC_COMPAT
    };
    static const TokPart kinds[] = {
        {"NFC", norm_unicode, NFC},
        {"NFD", norm_unicode, NFD},
        {"NFKC", norm_unicode, NFC | COMPAT},
        {"NFKD", norm_unicode, NFD | COMPAT},
        {"Prepend", norm_prepend, 0},
        {"Replace", norm_replace, 0},
        {"Strip", norm_strip, 0},
        {"Lowercase", norm_plain, 0},
        {"StripAccents", norm_plain, 0},
    };
    static const TokPartList list = {"normalizer", "normalizers", kinds, sizeof kinds / sizeof kinds[0]};
    return tok_parts_read(t, v, &list, e);
}

/* --- decoder ----------------------------------------------------------------------------------------------
 */

/* Takes the pattern over. */
static Status decoder_add(Tok *t, TokDecoder op, Err *e)
{
    if (t->n_decoders == TOK_MAX_STAGES) {
        pcre2_code_free(op.code);
        FAIL(e, ERR_UNSUP, "more than %d decoders in a row are not implemented", TOK_MAX_STAGES);
    }
    t->decoder[t->n_decoders++] = op;
    return OK;
}

/* The switches of ByteLevel are those of the pre-tokenizer and change no text here. */
static Status decoder_bytes(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", "add_prefix_space", "trim_offsets", "use_regex", NULL};
    (void)kind;
    TRY(tok_keys_known(v, "decoder ByteLevel", known, e));
    return decoder_add(t, (TokDecoder){.run = tok_decode_bytes}, e);
}

static Status decoder_plain(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", NULL};
    bool fuse = strcmp(kind->type, "Fuse") == 0;
    TRY(tok_keys_known(v, fuse ? "decoder Fuse" : "decoder ByteFallback", known, e));
    return decoder_add(t, (TokDecoder){.run = fuse ? tok_decode_fuse : tok_decode_fallback}, e);
}

static Status decoder_replace(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", "pattern", "content", NULL};
    (void)kind;
    TokDecoder op = {.run = tok_decode_replace};
    TRY(tok_keys_known(v, "decoder Replace", known, e));
    TRY(tok_part_text(t, &op.content, v, "content", "decoder Replace", e));
    TRY(tok_part_pattern(&op.code, v, "decoder Replace", e));
    return decoder_add(t, op, e);
}

static Status decoder_strip(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", "content", "start", "stop", NULL};
    (void)kind;
    TokDecoder op = {.run = tok_decode_strip};
    TRY(tok_keys_known(v, "decoder Strip", known, e));
    TRY(tok_part_char(t, &op.content, v, "content", "decoder Strip", e));
    TRY(js_need_size(&op.start, v, "start", "decoder Strip", e));
    TRY(js_need_size(&op.stop, v, "stop", "decoder Strip", e));
    return decoder_add(t, op, e);
}

static Status decoder_meta(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {
        "type", "replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep", NULL};
    (void)kind;
    TokDecoder op = {.run = tok_decode_meta};
    TokWhere where = TOK_NEVER;
    TRY(tok_keys_known(v, "decoder Metaspace", known, e));
    TRY(tok_part_char(t, &op.content, v, "replacement", "decoder Metaspace", e));
    TRY(tok_meta_where(&where, v, "decoder Metaspace", e));
    op.drop_first = where != TOK_NEVER;
    return decoder_add(t, op, e);
}

Status tok_load_decoder(Tok *t, const JsVal *v, Err *e)
{
    static const TokPart kinds[] = {
        {"ByteLevel", decoder_bytes, 0}, {"Replace", decoder_replace, 0}, {"ByteFallback", decoder_plain, 0},
        {"Fuse", decoder_plain, 0},      {"Strip", decoder_strip, 0},     {"Metaspace", decoder_meta, 0},
    };
    static const TokPartList list = {"decoder", "decoders", kinds, sizeof kinds / sizeof kinds[0]};
    return tok_parts_read(t, v, &list, e);
}
