/* pre_tokenizer and post_processor of tokenizer.json. */
#include "tok_load_priv.h"

#include <string.h>

/* Where pieces are cut by a fixed pattern. The letters of Whitespace are those of Rust's regex library, which
 * takes the two joiners for letters. */
static const char pattern_words[] =
    "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}]+|"
    "[^\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}\\p{White_Space}]+";
static const char pattern_space[] = "\\p{White_Space}";
/* ASCII's symbols count as punctuation, and of what has become punctuation since Unicode 8 (U+166D and
 * U+111C9 were lost then) nothing does: the reference's table stayed there. */
static const char pattern_punctuation[] =
    "(?!["
    "\\x{61d}\\x{9fd}\\x{a76}\\x{c77}\\x{c84}\\x{1b7d}-\\x{1b7e}\\x{2e43}-\\x{2e4f}"
    "\\x{2e52}-\\x{2e5d}\\x{10ead}\\x{10f55}-\\x{10f59}\\x{10f86}-\\x{10f89}"
    "\\x{1144b}-\\x{1144f}\\x{1145a}-\\x{1145b}\\x{1145d}\\x{11660}-\\x{1166c}\\x{116b9}"
    "\\x{1183b}\\x{11944}-\\x{11946}\\x{119e2}\\x{11a3f}-\\x{11a46}\\x{11a9a}-\\x{11a9c}"
    "\\x{11a9e}-\\x{11aa2}\\x{11c41}-\\x{11c45}\\x{11c70}-\\x{11c71}\\x{11ef7}-\\x{11ef8}"
    "\\x{11fff}\\x{12ff1}-\\x{12ff2}\\x{16e97}-\\x{16e9a}\\x{16fe2}\\x{1e95e}-\\x{1e95f}"
    "])[\\p{P}$+<=>^`|~\\x{166d}\\x{111c9}]";

static Status stage_fixed(Tok *t, TokStage st, const char *pattern, Err *e)
{
    return tok_stage_pattern(t, st, pattern, strlen(pattern), TOK_NATIVE, e);
}

static Status stage_digits(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", "individual_digits", NULL};
    (void)kind;
    bool single;
    TRY(tok_keys_known(v, "pre_tokenizer Digits", known, e));
    TRY(tok_flag(&single, v, "individual_digits", false, e));
    return stage_fixed(t, (TokStage){.how = TOK_ISOLATED}, single ? "\\p{N}" : "\\p{N}+", e);
}

static Status stage_whitespace(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", NULL};
    bool words = strcmp(kind->type, "Whitespace") == 0;
    TRY(tok_keys_known(v, words ? "pre_tokenizer Whitespace" : "pre_tokenizer WhitespaceSplit", known, e));
    return stage_fixed(t, (TokStage){.how = TOK_REMOVED, .invert = words},
                       words ? pattern_words : pattern_space, e);
}

static Status stage_byte_level(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", "add_prefix_space", "trim_offsets", "use_regex", NULL};
    (void)kind;
    TokStage st = {.how = TOK_ISOLATED, .byte_level = true};
    bool cut, prefix, trim;
    TRY(tok_keys_known(v, "pre_tokenizer ByteLevel", known, e));
    TRY(tok_flag(&prefix, v, "add_prefix_space", true, e));
    TRY(tok_flag(&cut, v, "use_regex", true, e));
    TRY(tok_flag(&trim, v, "trim_offsets", true, e));
    st.prepend = prefix ? TOK_ALWAYS : TOK_NEVER;
    if (!cut) return tok_stage_add(t, st, e);
    return tok_stage_pattern(t, st, tok_gpt2_pattern, strlen(tok_gpt2_pattern), TOK_REGEX, e);
}

/* What becomes of the matches. */
static Status stage_behaviour(TokJoin *how, const JsVal *v, const char *where, Err *e)
{
    static const char *const names[] = {[TOK_ISOLATED] = "Isolated",
                                        [TOK_REMOVED] = "Removed",
                                        [TOK_WITH_PREVIOUS] = "MergedWithPrevious",
                                        [TOK_WITH_NEXT] = "MergedWithNext",
                                        [TOK_CONTIGUOUS] = "Contiguous"};
    char show[JS_SHOW];
    const char *name = js_str(js_get(v, "behavior"), NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (name == NULL || strcmp(name, names[i]) != 0) continue;
        *how = (TokJoin)i;
        return OK;
    }
    FAIL(e, ERR_FORMAT,
         "%s: behavior is %s, want Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous",
         where, js_show(show, js_get(v, "behavior")));
}

static Status stage_punctuation(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", "behavior", NULL};
    (void)kind;
    TokStage st = {.how = TOK_ISOLATED};
    TRY(tok_keys_known(v, "pre_tokenizer Punctuation", known, e));
    if (js_get(v, "behavior") != NULL) TRY(stage_behaviour(&st.how, v, "pre_tokenizer Punctuation", e));
    return stage_fixed(t, st, pattern_punctuation, e);
}

static Status stage_split(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", "pattern", "behavior", "invert", NULL};
    (void)kind;
    TokStage st = {.how = TOK_ISOLATED};
    TRY(tok_keys_known(v, "pre_tokenizer Split", known, e));
    TRY(stage_behaviour(&st.how, v, "pre_tokenizer Split", e));
    TRY(tok_flag(&st.invert, v, "invert", false, e));
    TRY(tok_part_pattern(&st.code, v, "pre_tokenizer Split", e));
    return tok_stage_add(t, st, e);
}

static Status stage_metaspace(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {
        "type", "replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep", NULL};
    (void)kind;
    TokStage st = {.how = TOK_WITH_NEXT};
    bool split;
    TRY(tok_keys_known(v, "pre_tokenizer Metaspace", known, e));
    TRY(tok_part_char(t, &st.meta, v, "replacement", "pre_tokenizer Metaspace", e));
    TRY(tok_meta_where(&st.prepend, v, "pre_tokenizer Metaspace", e));
    TRY(tok_flag(&split, v, "split", true, e));
    if (!split) return tok_stage_add(t, st, e);
    return tok_stage_pattern(t, st, tok_text(t, st.meta), st.meta.n, TOK_LITERAL, e);
}

/* Behind ByteLevel a piece is spelled in its alphabet, which no later step is made for here. */
static Status stage_order(const Tok *t, Err *e)
{
    for (size_t i = 0; i + 1 < t->n_stages; i++)
        if (t->stage[i].byte_level)
            FAIL(e, ERR_UNSUP,
                 "a pre_tokenizer behind ByteLevel is not implemented; ByteLevel must be the last");
    return OK;
}

Status tok_load_stages(Tok *t, const JsVal *v, Err *e)
{
    static const TokPart kinds[] = {
        {"ByteLevel", stage_byte_level, 0},
        {"Metaspace", stage_metaspace, 0},
        {"Split", stage_split, 0},
        {"Digits", stage_digits, 0},
        {"Whitespace", stage_whitespace, 0},
        {"WhitespaceSplit", stage_whitespace, 0},
        {"Punctuation", stage_punctuation, 0},
    };
    static const TokPartList list = {"pre_tokenizer", "pretokenizers", kinds, sizeof kinds / sizeof kinds[0]};
    TRY(tok_parts_read(t, v, &list, e));
    return stage_order(t, e);
}

/* --- post_processor ---------------------------------------------------------------------------------------
 */

/* ByteLevel trims offsets and changes no id. */
static Status post_bytes(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", "add_prefix_space", "trim_offsets", "use_regex", NULL};
    (void)t, (void)kind;
    return tok_keys_known(v, "post_processor ByteLevel", known, e);
}

static Status post_push(Tok *t, TokIds *side, const JsVal *id, const char *what, Err *e)
{
    char show[JS_SHOW];
    int64_t x = js_type(id) == JS_INT ? js_int(id, -1) : -1;
    if (x < 0 || (uint64_t)x >= t->n)
        FAIL(e, ERR_FORMAT, "post_processor: the id of '%.40s' is %s, want 0 to %zu", what, js_show(show, id),
             t->n - 1);
    return tok_ids_push(side, (int32_t)x, e);
}

/* A special token of the template stands for the ids listed under its name. */
static Status post_special(Tok *t, TokIds *side, const JsVal *piece, const JsVal *specials, Err *e)
{
    char show[JS_SHOW];
    const char *name = js_str(js_get(piece, "id"), NULL);
    if (name == NULL)
        FAIL(e, ERR_FORMAT, "post_processor: the id of a SpecialToken is %s, want a text",
             js_show(show, js_get(piece, "id")));
    const JsVal *ids = js_get(js_get(specials, name), "ids");
    if (js_type(ids) != JS_ARR)
        FAIL(e, ERR_FORMAT, "post_processor: special_tokens has no ids for '%.40s' of the template", name);
    for (size_t i = 0; i < js_len(ids); i++) TRY(post_push(t, side, js_at(ids, i), name, e));
    return OK;
}

static Status post_piece(Tok *t, const JsVal *v, const JsVal *specials, size_t *texts, Err *e)
{
    char show[JS_SHOW];
    const JsVal *special = js_get(v, "SpecialToken"), *text = js_get(v, "Sequence");
    if (js_len(v) != 1 || (special == NULL) == (text == NULL))
        FAIL(e, ERR_FORMAT,
             "post_processor: a piece of the template is %s, want a SpecialToken or a Sequence",
             js_show(show, v));
    if (special != NULL) return post_special(t, *texts > 0 ? &t->after : &t->before, special, specials, e);
    const char *name = js_str(js_get(text, "id"), NULL);
    if (name == NULL || strcmp(name, "A") != 0)
        FAIL(e, ERR_FORMAT, "post_processor: the template for one text asks for sequence %s, want \"A\"",
             js_show(show, js_get(text, "id")));
    ++*texts;
    return OK;
}

/* Two templates, one around the other, are not what any known file means. */
static Status post_once(const Tok *t, Err *e)
{
    if (t->before.n + t->after.n == 0) return OK;
    FAIL(e, ERR_UNSUP, "post_processor: a second template around the first is not implemented");
}

static Status post_template(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", "single", "pair", "special_tokens", NULL};
    char show[JS_SHOW];
    (void)kind;
    TRY(tok_keys_known(v, "post_processor TemplateProcessing", known, e));
    TRY(post_once(t, e));
    const JsVal *single = js_get(v, "single");
    if (js_type(single) != JS_ARR)
        FAIL(e, ERR_FORMAT, "post_processor: single is %s, want an array", js_show(show, single));
    size_t texts = 0;
    for (size_t i = 0; i < js_len(single); i++)
        TRY(post_piece(t, js_at(single, i), js_get(v, "special_tokens"), &texts, e));
    if (texts != 1)
        FAIL(e, ERR_UNSUP, "post_processor: a template that holds the text %zu times is not implemented",
             texts);
    return OK;
}

/* BERT's and RoBERTa's: one token before, one behind. */
static Status post_pair(Tok *t, const JsVal *v, const TokPart *kind, Err *e)
{
    static const char *const known[] = {"type", "sep", "cls", "trim_offsets", "add_prefix_space", NULL};
    static const char *const keys[] = {"cls", "sep"};
    char show[JS_SHOW];
    TRY(tok_keys_known(v, "the post_processor", known, e));
    TRY(post_once(t, e));
    for (size_t i = 0; i < 2; i++) {
        const JsVal *row = js_get(v, keys[i]);
        const char *name = js_str(js_at(row, 0), NULL);
        if (js_len(row) != 2 || name == NULL)
            FAIL(e, ERR_FORMAT, "post_processor %s: %s is %s, want [token, id]", kind->type, keys[i],
                 js_show(show, row));
        TRY(post_push(t, i == 0 ? &t->before : &t->after, js_at(row, 1), name, e));
    }
    return OK;
}

Status tok_load_template(Tok *t, const JsVal *v, Err *e)
{
    static const TokPart kinds[] = {
        {"ByteLevel", post_bytes, 0},
        {"TemplateProcessing", post_template, 0},
        {"RobertaProcessing", post_pair, 0},
        {"BertProcessing", post_pair, 0},
    };
    static const TokPartList list = {"post_processor", "processors", kinds, sizeof kinds / sizeof kinds[0]};
    return tok_parts_read(t, v, &list, e);
}
