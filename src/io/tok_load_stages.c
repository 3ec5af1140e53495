#include "tok_load_priv.h"

#include <string.h>

enum { DEEPEST_SEQUENCE = 8 };

/* The members of a Sequence, or the one object itself: a walk over both looks the same. */
static const char *part_type(const JsVal *v, const char *where, Err *e)
{
    char show[JS_SHOW];
    const char *type = js_str(js_get(v, "type"), NULL);
    if (type == NULL)
        err_set(e, ERR_FORMAT, __FILE__, __LINE__, "%s is %s without a type", where, js_show(show, v));
    return type;
}

static Status part_refuse(const char *where, const char *type, Err *e)
{
    static const char *const pieces[] = {"Prepend", "Replace", "Metaspace", "Precompiled"};
    bool piece = false;
    for (size_t i = 0; i < 4; i++) piece = piece || strcmp(type, pieces[i]) == 0;
    FAIL(e, ERR_UNSUP, "%s of type '%.40s' is not implemented%s", where, type,
         piece ? " (the SentencePiece kind); want byte-level BPE" : "");
}

typedef Status (*PartFn)(Tok *t, const JsVal *v, const char *type, Err *e);

/* Call part() for v, or for each member when v is a Sequence with its members under `key`. */
static Status parts_walk(Tok *t, const JsVal *v, const char *where, const char *key, int depth, PartFn part,
                         Err *e)
{
    if (js_type(v) <= JS_NULL) return OK;
    const char *type = part_type(v, where, e);
    if (type == NULL) return ERR_FORMAT;
    if (strcmp(type, "Sequence") != 0) return part(t, v, type, e);
    const char *const known[] = {"type", key, NULL};
    TRY(tok_keys_known(v, where, known, e));
    const JsVal *list = js_get(v, key);
    if (js_type(list) != JS_ARR) FAIL(e, ERR_FORMAT, "%s: a Sequence without the array '%s'", where, key);
    if (depth == DEEPEST_SEQUENCE)
        FAIL(e, ERR_UNSUP, "%s: Sequences within Sequences more than %d deep are not implemented", where,
             DEEPEST_SEQUENCE);
    for (size_t i = 0; i < js_len(list); i++) {
        if (js_type(js_at(list, i)) != JS_OBJ)
            FAIL(e, ERR_FORMAT, "%s: member %zu of a Sequence is no object", where, i);
        TRY(parts_walk(t, js_at(list, i), where, key, depth + 1, part, e));
    }
    return OK;
}

static Status normaliser_part(Tok *t, const JsVal *v, const char *type, Err *e)
{
    static const char *const known[] = {"type", NULL};
    if (strcmp(type, "NFC") != 0) return part_refuse("normalizer", type, e);
    t->nfc = true;
    return tok_keys_known(v, "normalizer NFC", known, e);
}

Status tok_load_normaliser(Tok *t, const JsVal *v, Err *e)
{
    return parts_walk(t, v, "normalizer", "normalizers", 0, normaliser_part, e);
}

static Status stage_digits(Tok *t, const JsVal *v, Err *e)
{
    static const char *const known[] = {"type", "individual_digits", NULL};
    bool single;
    TRY(tok_keys_known(v, "pre_tokenizer Digits", known, e));
    TRY(tok_flag(&single, v, "individual_digits", false, e));
    const char *pattern = single ? "\\p{N}" : "\\p{N}+";
    return tok_stage_add(t, (TokStage){.keep_match = true, .keep_gap = true}, pattern, strlen(pattern), false,
                         e);
}

static Status stage_byte_level(Tok *t, const JsVal *v, Err *e)
{
    static const char *const known[] = {"type", "add_prefix_space", "trim_offsets", "use_regex", NULL};
    TokStage st = {.keep_match = true, .keep_gap = true, .byte_level = true};
    bool cut;
    TRY(tok_keys_known(v, "pre_tokenizer ByteLevel", known, e));
    TRY(tok_flag(&st.prefix, v, "add_prefix_space", true, e));
    TRY(tok_flag(&cut, v, "use_regex", true, e));
    return tok_stage_add(t, st, cut ? tok_gpt2_pattern : NULL, cut ? strlen(tok_gpt2_pattern) : 0, false, e);
}

/* What becomes of the matches: kept as pieces, or dropped ("invert": the gaps are). */
static Status split_behaviour(TokStage *st, const JsVal *v, Err *e)
{
    char show[JS_SHOW];
    bool invert;
    TRY(tok_flag(&invert, v, "invert", false, e));
    const char *how = js_str(js_get(v, "behavior"), NULL);
    if (how != NULL && strcmp(how, "Isolated") == 0) {
        *st = (TokStage){.keep_match = true, .keep_gap = true};
    } else if (how != NULL && strcmp(how, "Removed") == 0) {
        *st = (TokStage){.keep_match = invert, .keep_gap = !invert};
    } else {
        FAIL(e, ERR_UNSUP, "pre_tokenizer Split: behavior is %s, only Isolated and Removed are implemented",
             js_show(show, js_get(v, "behavior")));
    }
    return OK;
}

static Status stage_split(Tok *t, const JsVal *v, Err *e)
{
    static const char *const known[] = {"type", "pattern", "behavior", "invert", NULL};
    TokStage st;
    TRY(tok_keys_known(v, "pre_tokenizer Split", known, e));
    TRY(split_behaviour(&st, v, e));
    const JsVal *pattern = js_get(v, "pattern");
    size_t n = 0;
    const char *s = js_str(js_get(pattern, "Regex"), &n);
    bool literal = s == NULL;
    if (literal) s = js_str(js_get(pattern, "String"), &n);
    if (s == NULL || js_len(pattern) != 1)
        FAIL(e, ERR_FORMAT, "pre_tokenizer Split: no pattern, want {\"Regex\": text} or {\"String\": text}");
    return tok_stage_add(t, st, s, n, literal, e);
}

static Status stage_part(Tok *t, const JsVal *v, const char *type, Err *e)
{
    static const struct {
        const char *type;
        Status (*read)(Tok *t, const JsVal *v, Err *e);
    } kinds[] = {{"ByteLevel", stage_byte_level}, {"Digits", stage_digits}, {"Split", stage_split}};
    if (t->n_stages > 0 && t->stage[t->n_stages - 1].byte_level)
        FAIL(e, ERR_UNSUP, "pre_tokenizer '%.40s' behind ByteLevel is not implemented", type);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(type, kinds[i].type) == 0) return kinds[i].read(t, v, e);
    return part_refuse("pre_tokenizer", type, e);
}

Status tok_load_stages(Tok *t, const JsVal *v, Err *e)
{
    TRY(parts_walk(t, v, "pre_tokenizer", "pretokenizers", 0, stage_part, e));
    if (t->n_stages == 0 || !t->stage[t->n_stages - 1].byte_level)
        FAIL(e, ERR_UNSUP, "the pre_tokenizer does not end in ByteLevel; only byte-level BPE is implemented");
    return OK;
}

static Status decoder_part(Tok *t, const JsVal *v, const char *type, Err *e)
{
    (void)t, (void)v;
    return strcmp(type, "ByteLevel") == 0 ? OK : part_refuse("decoder", type, e);
}

/* No token of a template is ever added, so the kinds are known and their contents are not looked at. */
static Status post_part(Tok *t, const JsVal *v, const char *type, Err *e)
{
    static const char *const known[] = {"ByteLevel", "TemplateProcessing", "RobertaProcessing",
                                        "BertProcessing"};
    (void)t, (void)v;
    for (size_t i = 0; i < 4; i++)
        if (strcmp(type, known[i]) == 0) return OK;
    return part_refuse("post_processor", type, e);
}

Status tok_load_tail(const JsVal *root, Err *e)
{
    if (js_type(js_get(root, "decoder")) <= JS_NULL)
        FAIL(e, ERR_UNSUP, "decoder is missing: only ByteLevel is implemented");
    TRY(parts_walk(NULL, js_get(root, "decoder"), "decoder", "decoders", 0, decoder_part, e));
    return parts_walk(NULL, js_get(root, "post_processor"), "post_processor", "processors", 0, post_part, e);
}
